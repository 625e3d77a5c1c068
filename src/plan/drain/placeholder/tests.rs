//! What a placeholder is, and when the shard may come.

use serde_json::{Value, json};

use super::*;
use crate::plan::safety::home::Home;
use crate::plan::verify::testing::{Scene, merge};

const RUN: &str = "drain/shop/db/4f2a";

fn template(patch: Value) -> PodTemplateSpec {
    let mut template = json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [
        {"name": "db", "image": "db:1", "resources": {"requests": {"cpu": "4", "memory": "32Gi"}}},
    ]}});
    merge(&mut template["spec"], &patch);
    serde_json::from_value(template).unwrap()
}

fn made(template: &PodTemplateSpec) -> (Pod, StatefulSet) {
    let set = Scene::healthy(1).snapshot().set().unwrap().clone();
    let ask = Ask {
        template,
        shard: "db-0",
        zones: &["zone-1".to_owned()],
        run: RUN,
        seconds: 900,
        pause: PAUSE,
        class: None,
    };
    (placeholder(&set, &ask), set)
}

fn requests(pod: &Pod) -> BTreeMap<String, String> {
    let sum = asked(pod.spec.as_ref().unwrap());
    sum.into_iter()
        .map(|(resource, amount)| (resource.clone(), amount.written(&resource)))
        .collect()
}

#[test]
fn it_asks_for_exactly_what_the_shard_asks_for() {
    let sidecar = json!({
        "containers": [
            {"name": "db", "image": "db:1", "resources": {"limits": {"cpu": "4", "memory": "32Gi", "example.com/gpu": "1"}}},
            {"name": "side", "image": "side:1", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}},
        ],
        "initContainers": [{"name": "i", "image": "init:1", "resources": {"requests": {"cpu": "1"}}}],
    });
    let (pod, _) = made(&template(sidecar));
    let wanted = [("cpu", "4100m"), ("example.com/gpu", "1"), ("memory", "32832Mi")];
    assert_eq!(
        requests(&pod),
        wanted.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    );
    let spec = pod.spec.unwrap();
    let images: Vec<&str> = spec.containers.iter().filter_map(|one| one.image.as_deref()).collect();
    assert_eq!(images, [PAUSE, "init:1", "db:1", "side:1"]);
    assert_eq!(spec.containers[0].command, None);
    assert_eq!(spec.containers[1].command.as_deref(), Some(&["true".to_owned()][..]));
    assert!(spec.containers.iter().all(|one| {
        let resources = one.resources.as_ref().unwrap();
        resources.requests == resources.limits
    }));
}

#[test]
fn a_shard_that_asks_for_nothing_still_has_one() {
    let bare = json!({"containers": [{"name": "db", "image": "db:1"}]});
    let (pod, _) = made(&template(bare));
    assert_eq!(requests(&pod)["cpu"], "2m");
}

#[test]
fn it_stands_where_the_shard_may_stand() {
    let required = |terms: Value| json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
    let of_shard = template(json!({
        "tolerations": [{"key": "shop", "operator": "Exists"}], "nodeSelector": {"pool": "stable"},
        "serviceAccountName": "shards", "imagePullSecrets": [{"name": "registry"}],
        "affinity": {"nodeAffinity": required(json!({"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"matchExpressions": [{"key": "b", "operator": "Exists"}]},
        ]}))},
    }));
    let (pod, _) = made(&of_shard);
    let spec = pod.spec.unwrap();
    assert_eq!(spec.tolerations, of_shard.spec.as_ref().unwrap().tolerations);
    assert_eq!(spec.node_selector.unwrap()["pool"], "stable");
    assert_eq!(spec.service_account_name.as_deref(), Some("shards"));
    let affinity = serde_json::to_value(spec.affinity.unwrap()).unwrap();
    let terms = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    for (at, own) in ["a", "b"].iter().enumerate() {
        assert_eq!(
            terms[at]["matchExpressions"],
            json!([
                {"key": own, "operator": "Exists"},
                {"key": ZONE, "operator": "In", "values": ["zone-1"]},
            ])
        );
    }
    assert_eq!(spec.node_name, None);
    assert_eq!(spec.volumes, None);
}

#[test]
fn placeholders_keep_apart_where_shards_do() {
    let away = |patch: Value| {
        let (pod, _) = made(&template(patch));
        let affinity = serde_json::to_value(pod.spec.unwrap().affinity).unwrap();
        let terms = &affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let ours = |term: &&Value| term["labelSelector"]["matchLabels"][HELPER] == PLACEHOLDER;
        let keys = terms.as_array().into_iter().flatten().filter(ours);
        keys.map(|term| term["topologyKey"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(away(json!({})), [""; 0]);
    let term = |app: &str| json!({"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"app": app}}});
    let anti = |app: &str| json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(app)]}}});
    assert_eq!(away(anti("db")), [HOSTNAME]);
    assert_eq!(away(anti("web")), [""; 0]);
    let mut spread = term("db");
    merge(
        &mut spread,
        &json!({"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}),
    );
    assert_eq!(away(json!({"topologySpreadConstraints": [spread]})), [HOSTNAME]);
    // One that it doesn't count: where the shard could have one beside it, it must have none.
    let constraint = |spread: &Value| {
        let (pod, _) = made(&template(json!({"topologySpreadConstraints": [spread]})));
        let spec = pod.spec.unwrap();
        let affinity = serde_json::to_value(spec.affinity).unwrap();
        let terms = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].clone();
        let shards = |term: &&Value| term["labelSelector"]["matchLabels"]["app"] == "db";
        let away = terms.as_array().into_iter().flatten().filter(shards).count();
        (away, spec.topology_spread_constraints.unwrap()[0].max_skew)
    };
    assert_eq!(constraint(&spread), (1, 1));
    spread["maxSkew"] = json!(3);
    assert_eq!(constraint(&spread), (0, 2));
}

#[test]
fn it_is_no_shard_and_goes_by_itself() {
    let (pod, set) = made(&template(json!({})));
    assert!(!pod::is_controlled_by(&pod, set::uid(&set)));
    let selector = &set.spec.as_ref().unwrap().selector;
    assert!(!set::selects(selector, pod.metadata.labels.as_ref()));
    assert_eq!(pod.metadata.labels.as_ref().unwrap()[HELPER], PLACEHOLDER);
    assert_eq!(pod::annotation(&pod, pod::DO_NOT_DISRUPT), Some("true"));
    assert_eq!(pod.metadata.owner_references.as_ref().unwrap()[0].uid, set::uid(&set));
    assert_eq!(set::ordinal_of(&set, pod::name(&pod)), None);
    assert_eq!(pod::name(&pod), placeholder_name(&set, "db-0", RUN));
    assert_ne!(pod::name(&pod), placeholder_name(&set, "db-1", RUN));
    let spec = pod.spec.unwrap();
    assert_eq!(spec.active_deadline_seconds, Some(900));
    assert_eq!(spec.termination_grace_period_seconds, Some(0));
    assert_eq!(
        (spec.priority, spec.priority_class_name, spec.preemption_policy),
        (None, None, None)
    );
}

#[test]
fn it_ranks_below_the_shard_or_has_to_be_taken_away() {
    let class = |name: &str, value: i32, default: bool, policy: &str| -> PriorityClass {
        serde_json::from_value(json!({
            "metadata": {"name": name}, "value": value, "globalDefault": default, "preemptionPolicy": policy,
        }))
        .unwrap()
    };
    let lower = "PreemptLowerPriority";
    let gives_way = |class: Option<&str>| Rank {
        class: class.map(str::to_owned),
        gives_way: true,
    };
    assert_eq!(rank(&[], 1000), gives_way(None));
    let nothing_below = Rank {
        class: None,
        gives_way: false,
    };
    assert_eq!(rank(&[], 0), nothing_below);
    let classes = [
        class("default", 500, true, lower),
        class("shards", 1000, false, lower),
        class("batch", 100, false, lower),
    ];
    assert_eq!(rank(&classes, 1000), gives_way(None));
    assert_eq!(rank(&classes, 500), gives_way(Some("batch")));
    assert_eq!(rank(&classes, 100), nothing_below);
    let polite = [classes.as_slice(), &[class("polite", 10, false, "Never")]].concat();
    assert_eq!(rank(&polite, 500), gives_way(Some("polite")));
}

#[test]
fn it_is_warm_when_it_runs_on_a_ready_node_with_every_image() {
    let (mut pod, _) = made(&template(json!({})));
    pod.spec.as_mut().unwrap().node_name = Some("new".to_owned());
    let node = |ready: &str| -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "new"}, "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    };
    let running = json!({"running": {"startedAt": "2026-03-01T12:00:00Z"}});
    let ended = json!({"terminated": {"exitCode": 127, "reason": "StartError"}});
    let coming = json!({"waiting": {"reason": "ContainerCreating"}});
    let status = |phase: &str, holder: &Value, image: &Value| -> Option<k8s_openapi::api::core::v1::PodStatus> {
        let one = |name: &str, state: &Value| json!({"name": name, "state": state, "image": "i", "imageID": "", "ready": false, "restartCount": 0});
        let statuses = [one(HOLDER, holder), one("image-0", image)];
        serde_json::from_value(json!({"phase": phase, "containerStatuses": statuses})).unwrap()
    };
    let mut warm = |phase: &str, holder: &Value, image: &Value, ready: &str| {
        pod.status = status(phase, holder, image);
        is_warm(&pod, &node(ready))
    };
    assert!(warm("Running", &running, &ended, "True"));
    assert!(!warm("Running", &running, &coming, "True"));
    assert!(!warm("Running", &running, &ended, "False"));
    assert!(!warm("Running", &ended, &ended, "True"), "nothing holds the room");
    assert!(!warm("Succeeded", &ended, &ended, "True"));
}

#[test]
fn a_node_is_made_and_images_are_fetched_beforehand_where_that_has_to_be_done() {
    let moved = |to: Place, is_down: bool| Move {
        ordinal: 0,
        shard: "db-0".to_owned(),
        from: "node-0".to_owned(),
        to,
        home: Home::default(),
        zones: Vec::new(),
        is_down,
        is_cold: false,
    };
    let pool = || Place::Pool("big".to_owned());
    let there = || Place::Node("spare".to_owned());
    assert!(wanted(Prewarm::Auto, &moved(pool(), false)));
    assert!(wanted(Prewarm::Auto, &moved(Place::Autoscaler, false)));
    assert!(!wanted(Prewarm::Auto, &moved(there(), false)));
    let cold = Move {
        is_cold: true,
        ..moved(there(), false)
    };
    assert!(
        wanted(Prewarm::Auto, &cold),
        "its image is fetched while the shard runs"
    );
    assert!(wanted(Prewarm::Always, &moved(there(), false)));
    assert!(!wanted(Prewarm::Never, &moved(pool(), false)));
    assert!(!wanted(Prewarm::Always, &moved(pool(), true)));
}

#[test]
fn no_more_zones_are_demanded_than_the_one_that_its_disk_is_in() {
    let over = |key: &str| {
        let spread = json!({"topologyKey": key, "maxSkew": 1, "minDomains": 3, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "db"}}});
        let (pod, _) = made(&template(json!({"topologySpreadConstraints": [spread]})));
        pod.spec.unwrap().topology_spread_constraints.unwrap()[0].min_domains
    };
    assert_eq!(over(ZONE), None);
    assert_eq!(over("example.com/rack"), Some(3));
}
