//! Helper and trial pods on the real control plane: the server admits them, nobody counts them, and what became of a pull
//! or a start is read rightly from what a kubelet writes.

use crate::cluster::{Scene, api};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, PodSpec, ResourceQuota};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};
use shardctl::model::{finding::Finding, pod, set, volume::ZONE};
use shardctl::plan::drain::placeholder::{Ask, PAUSE, is_warm, placeholder};
use shardctl::plan::failing::failure;
use shardctl::plan::pre_pull::{Pull, helper_name, helper_pod, pulled};
use shardctl::plan::prober;
use shardctl::plan::trial::{Trial, judge_trial, trial_pod};

const RUN: &str = "upgrade/4f2a";

fn create(scene: &Scene, pod: &Pod, query: &str) -> Result<(), (u16, String)> {
    let path = format!("/api/v1/namespaces/{}/pods{query}", scene.namespace());
    let body = serde_json::to_value(pod).expect("JSON");
    let answer = scene.plane().run(api::create(scene.plane().client(), &path, &body));
    answer
        .map(drop)
        .map_err(|error| (api::code(&error).unwrap_or_default(), error.to_string()))
}

/// The set's pod spec with another image.
fn with_image(set: &StatefulSet, image: &str) -> PodSpec {
    let mut spec = set::pod_spec(set).expect("a pod spec").clone();
    spec.containers[0].image = Some(image.to_owned());
    spec
}

/// Makes a helper for an image on shard 0's node, and gives its name.
fn fetch(scene: &Scene, image: &str, run: &str) -> String {
    let set = scene.set();
    let node = scene.node_of(0);
    let helper = helper_pod(&set, &with_image(&set, image), &node, run, 300);
    create(scene, &helper, "").expect("the helper pod is admitted");
    helper_name(&set, &node, run)
}

fn enforce_the_strictest_level(scene: &Scene) {
    scene.patch::<Namespace>(
        scene.namespace(),
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}),
    );
    // The server's admission reads the namespace through a watch.
    let plain: Pod = serde_json::from_value(json!({
        "metadata": {"name": "plain"}, "spec": {"containers": [{"name": "main", "image": "registry.example/x:1"}]},
    }))
    .expect("a pod");
    scene.wait_until("the level is enforced", |scene| {
        create(scene, &plain, "?dryRun=All").is_err_and(|(code, words)| code == 403 && words.contains("PodSecurity"))
    });
}

/// A quota that is looked at: its use is known.
fn quota(scene: &Scene, hard: Value) {
    scene.apply(json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard},
    }));
    scene.wait_until("the quota is counted", |scene| {
        let quota: ResourceQuota = scene.get("quota");
        quota
            .status
            .is_some_and(|status| status.used.is_some_and(|used| !used.is_empty()))
    });
}

#[test]
fn a_helper_pod_is_admitted_counts_for_nobody_and_goes_with_its_set() {
    let scene = Scene::shards(2).start();
    enforce_the_strictest_level(&scene);
    quota(
        &scene,
        json!({"requests.cpu": "100", "limits.memory": "1Ti", "pods": "50"}),
    );
    let name = fetch(&scene, "registry.example/shard:2.0", RUN);
    let is_ready = |scene: &Scene| scene.find::<Pod>(&name).is_some_and(|helper| pod::is_ready(&helper));
    scene.wait_until("the helper runs", is_ready);
    assert_eq!(
        scene.get::<Pod>(&name).spec.and_then(|spec| spec.node_name),
        Some(scene.node_of(0))
    );

    let prober = prober::prober(
        &scene.set(),
        set::pod_spec(&scene.set()).expect("a pod spec"),
        &prober::Ask {
            image: "registry.example/curl:8",
            node: &scene.node_of(0),
            run: RUN,
            seconds: 300,
        },
    );
    create(&scene, &prober, "?dryRun=All").expect("the prober is admitted");

    // Made twice, it is refused by its name.
    let set = scene.set();
    let again = helper_pod(
        &set,
        &with_image(&set, "registry.example/shard:2.0"),
        &scene.node_of(0),
        RUN,
        300,
    );
    assert_eq!(create(&scene, &again, "").map_err(|(code, _)| code), Err(409));

    // A new generation has the budget counted anew, the Ready helper in sight.
    let budget: PodDisruptionBudget = scene.patch(
        scene.name(),
        json!({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}),
    );
    scene.wait_until("the budget is counted anew", |scene| {
        scene.budget().status.and_then(|status| status.observed_generation) == budget.metadata.generation
    });
    let counted = scene.budget().status.expect("a status");
    assert_eq!(
        (
            counted.expected_pods,
            counted.current_healthy,
            counted.disruptions_allowed
        ),
        (Some(2), Some(2), Some(0))
    );
    let slices = scene.list::<EndpointSlice>("");
    let targets = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
    let targets: Vec<&str> = targets
        .filter_map(|one| one.target_ref.as_ref()?.name.as_deref())
        .collect();
    assert!(
        targets.contains(&"shard-0") && !targets.contains(&name.as_str()),
        "{targets:?}"
    );
    assert_eq!(scene.set().status.map(|status| status.replicas), Some(2));

    scene.delete::<StatefulSet>(scene.name());
    scene.wait_until("the helper is gone with its set", |scene| {
        scene.find::<Pod>(&name).is_none()
    });
}

#[test]
fn a_placeholder_holds_the_room_and_makes_way_for_the_shard() {
    // A node has room for one shard.
    let scene = Scene::shards(1)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .node_size("4", "12Gi")
        .start();
    let (set, own) = (scene.set(), scene.node_of(0));
    let template = set::template(&set).expect("a template");
    let ask = |run: &'static str| {
        placeholder(
            &set,
            &Ask {
                template,
                shard: "shard-0",
                zones: &["eastus-1".to_owned()],
                run,
                seconds: 600,
                pause: PAUSE,
                class: None,
            },
        )
    };
    let made = ask("drain/1");
    create(&scene, &made, "").expect("the placeholder is admitted");
    let name = pod::name(&made).to_owned();
    let nodes = scene.nodes();
    let warm = |scene: &Scene| {
        let made: Pod = scene.get(&name);
        nodes.iter().any(|place| is_warm(&made, place))
    };
    scene.wait_until("it is warm", warm);
    let there = scene
        .get::<Pod>(&name)
        .spec
        .and_then(|spec| spec.node_name)
        .expect("a node");
    assert_ne!(there, own);
    let another = Pod {
        metadata: ObjectMeta {
            name: Some("another".to_owned()),
            ..made.metadata.clone()
        },
        ..made
    };
    create(&scene, &another, "").expect("another is admitted");
    scene.wait_until("there is room for no other", |scene| {
        let waiting: Pod = scene.get("another");
        pod::condition(&waiting, "PodScheduled").is_some_and(|scheduled| scheduled.status == "False")
    });
    scene.delete::<Pod>("another");

    scene.cordon(&own, true);
    let before = scene.uid(0);
    scene.delete::<Pod>(&scene.pod_name(0));
    scene.wait_until("the shard has pushed it out", |scene| {
        scene.uid(0) != before && scene.is_ready(0) && scene.find::<Pod>(&name).is_none()
    });
    assert_eq!(scene.node_of(0), there);

    enforce_the_strictest_level(&scene);
    create(&scene, &ask("drain/2"), "?dryRun=All").expect("it is admitted under the strictest level");
}

#[test]
fn karpenter_makes_a_node_for_a_placeholder_and_none_for_the_shard_after_it() {
    let scene = Scene::shards(1).on_karpenter("Standard_E16s_v5", "1s").start();
    let (set, own) = (scene.set(), scene.node_of(0));
    scene.cordon(&own, true);
    let zone = scene
        .get::<Node>(&own)
        .metadata
        .labels
        .and_then(|all| all.get(ZONE).cloned());
    let made = placeholder(
        &set,
        &Ask {
            template: set::template(&set).expect("a template"),
            shard: "shard-0",
            zones: &[zone.expect("a zone")],
            run: "drain/1",
            seconds: 600,
            pause: PAUSE,
            class: None,
        },
    );
    let name = pod::name(&made).to_owned();
    create(&scene, &made, "").expect("the placeholder is admitted");
    let place = || scene.find::<Pod>(&name)?.spec?.node_name;
    scene.wait_until("it is warm on a node of its own", |scene| {
        place().is_some_and(|there| is_warm(&scene.get(&name), &scene.get::<Node>(&there)))
    });
    let there = place().expect("a node");
    assert_ne!(there, own);
    let before = scene.uid(0);
    scene.delete::<Pod>(&scene.pod_name(0));
    scene.wait_until("the shard is Ready where it was held", |scene| {
        scene.uid(0) != before && scene.is_ready(0)
    });
    assert_eq!(scene.node_of(0), there);
}

#[test]
fn a_pull_is_judged_by_what_the_kubelet_says() {
    let scene = Scene::shards(1).start();
    let judged = |name: &str| pulled(&scene.get::<Pod>(name));
    let image = |ending: &str| format!("registry.example/shard:2.0{ending}");

    // The image is all that counts: what runs from it may crash, or ask for what isn't there.
    for (run, ending) in [("a", ""), ("b", "-crash"), ("c", "-configerror")] {
        let name = fetch(&scene, &image(ending), run);
        scene.wait_until("the image is there", |_| matches!(judged(&name), Pull::Done(_)));
        let Pull::Done(ids) = judged(&name) else {
            panic!("it was done before");
        };
        let id = ids.get(&image(ending));
        if ending != "-configerror" {
            assert!(
                id.is_some_and(|id| id.starts_with("registry.example/shard@sha256:")),
                "{ids:?}"
            );
        }
    }

    let name = fetch(&scene, &image("-pullfail"), "d");
    scene.wait_until("the pull has failed", |_| matches!(judged(&name), Pull::Failed(_)));
    let Pull::Failed(Finding {
        object,
        message,
        evidence,
        ..
    }) = judged(&name)
    else {
        panic!("it had failed before");
    };
    assert_eq!(object, format!("node/{}", scene.node_of(0)));
    assert_eq!(
        message,
        "can't fetch the image registry.example/shard:2.0-pullfail: ImagePullBackOff"
    );
    assert!(evidence.iter().any(|words| words.contains("not found")), "{evidence:?}");

    let name = fetch(&scene, &image("-slowpull"), "e");
    assert!(matches!(judged(&name), Pull::Coming(words) if words.contains("-slowpull")));
    scene.wait_until("the slow image is there", |_| matches!(judged(&name), Pull::Done(_)));
}

#[test]
fn a_failing_pod_is_seen_by_what_the_kubelet_says() {
    let scene = Scene::shards(0).zones(["eastus-1"]).start();
    let expected = [
        ("crash", Some("CrashLoopBackOff")),
        ("oom", Some("OOMKilled")),
        ("pullfail", Some("ImagePullBackOff")),
        ("configerror", Some("CreateContainerConfigError")),
        ("unready", None),
    ];
    for (behaviour, _) in expected {
        scene.apply(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": behaviour},
            "spec": {
                "nodeSelector": {"test.shardctl.dev/scene": scene.namespace()},
                "containers": [{"name": "main", "image": format!("registry.example/x:1-{behaviour}")}],
            },
        }));
    }
    for (behaviour, cause) in expected {
        scene.wait_until(&format!("{behaviour} shows"), |scene| {
            let found: Pod = scene.get(behaviour);
            let runs = pod::container_statuses(&found)
                .any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()));
            let failing = failure(&found, 2);
            failing.as_ref().map(|failing| failing.cause.as_str()) == cause && (cause.is_some() || runs)
        });
    }
}

#[test]
fn a_trial_pod_is_admitted_or_refused_and_never_made() {
    let scene = Scene::shards(2).start();
    let set = scene.set();
    let template = set::template(&set).expect("a template");
    let trial = |asks_for_more: bool| match create(&scene, &trial_pod(&set, template), "?dryRun=All") {
        Ok(()) => judge_trial(&set, 201, "", asks_for_more),
        Err((code, words)) => judge_trial(&set, code, &words, asks_for_more),
    };
    assert_eq!(trial(true), Trial::Admitted);

    // No room for a third pod: the old one leaves first, so that a new one of its size has room.
    quota(&scene, json!({"pods": "2"}));
    scene.wait_until("the quota refuses", |_| matches!(trial(true), Trial::Refused(_)));
    assert_eq!(trial(false), Trial::Admitted);
    scene.delete::<ResourceQuota>("quota");

    enforce_the_strictest_level(&scene);
    scene.wait_until("Pod Security refuses", |_| {
        matches!(trial(false), Trial::Refused(finding) if finding.evidence.iter().any(|words| words.contains("PodSecurity")))
    });
    let pods: Vec<Pod> = scene.list("");
    assert_eq!(pods.len(), 2, "a trial makes nothing");
}
