//! Pods that aren't shards: evicted by their own budgets as those are; and the placeholders that shards are given.

use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};
use shardctl::model::pod;
use shardctl::model::set;
use shardctl::model::step::{Act, OtherPod};
use shardctl::plan::drain::placeholder::{Ask, PAUSE, placeholder};
use shardctl::plan::eviction::{Again, Blocked};
use shardctl::plan::operation::Acted;

use super::{Drainer, Told, single, until_ready};
use crate::cluster::{Interceptor, Scene};

fn evict(namespace: &str, name: &str, uid: &str) -> Act {
    Act::EvictPod(OtherPod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
    })
}

fn budget(name: &str, pod: &str) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"single": pod}}},
    })
}

fn blocked(told: &Told) -> &Blocked {
    match &told.became {
        Acted::Blocked(blocked) => blocked,
        other => panic!("it should have been blocked: {other:?}"),
    }
}

#[test]
fn a_pod_goes_when_its_own_budget_lets_it_and_not_before() {
    let scene = Scene::shards(1).start();
    let node = scene.node_of(0);
    scene.apply(single("web", scene.namespace(), &node));
    until_ready(&scene, "web");
    scene.apply(budget("web", "web"));
    scene.wait_until("the budget has counted it", |scene| {
        let status = scene.get::<PodDisruptionBudget>("web").status;
        status.is_some_and(|status| status.current_healthy == Some(1))
    });
    let interceptor = Interceptor::before(scene.plane());
    let mut drainer = Drainer::through(&scene, &interceptor.kubeconfig(&scene));
    drainer.grace = Some(7);
    let uid = scene.get::<Pod>("web").metadata.uid.expect("a uid");
    let evictions = || {
        let all = interceptor.requests().into_iter();
        all.filter(|request| request.path.ends_with("/eviction"))
            .collect::<Vec<_>>()
    };

    let told = drainer.does(evict(scene.namespace(), "web", &uid));
    let found = &blocked(&told).finding;
    assert_eq!(found.object, format!("pod/{}/web", scene.namespace()));
    assert!(found.message.contains("pdb/web needs 1 healthy, has 1"), "{found:?}");
    assert!(matches!(blocked(&told).again, Again::After(_)));
    assert_eq!(evictions().len(), 1, "asked once");
    assert_eq!(
        evictions()[0].body["deleteOptions"]["preconditions"]["uid"],
        uid.as_str()
    );
    assert_eq!(evictions()[0].body["deleteOptions"]["gracePeriodSeconds"], 7);
    assert!(pod::is_ready(&scene.get::<Pod>("web")));

    scene.apply(budget("second", "web"));
    let told = drainer.does(evict(scene.namespace(), "web", &uid));
    assert_eq!(blocked(&told).again, Again::Never, "two budgets: {:?}", told.became);
    scene.delete::<PodDisruptionBudget>("second");

    scene.patch::<PodDisruptionBudget>("web", json!({"spec": {"minAvailable": 0}}));
    scene.wait_until("the budget lets one go", |scene| {
        let status = scene.get::<PodDisruptionBudget>("web").status;
        status.is_some_and(|status| status.disruptions_allowed == Some(1))
    });
    let told = drainer.does(evict(scene.namespace(), "web", &uid));
    assert_eq!(told.became, Acted::Done);
    assert_eq!(
        told.changed,
        [(format!("pod/{}/web", scene.namespace()), "evicted".to_owned())]
    );
    scene.wait_until("it is gone", |scene| scene.find::<Pod>("web").is_none());
    assert_eq!(
        drainer.does(evict(scene.namespace(), "web", &uid)).became,
        Acted::LookAgain
    );
}

#[test]
fn a_pod_that_has_taken_the_name_since_is_not_evicted() {
    let scene = Scene::shards(1).start();
    scene.apply(single("web", scene.namespace(), &scene.node_of(0)));
    let drainer = Drainer::new(&scene);
    let told = drainer.does(evict(scene.namespace(), "web", "00000000-0000-0000-0000-000000000000"));
    assert_eq!(told.became, Acted::LookAgain);
    assert!(!pod::is_terminating(&scene.get::<Pod>("web")));
}

#[test]
fn without_the_right_to_evict_it_fails_for_good() {
    let scene = Scene::shards(1).start();
    scene.apply(single("web", scene.namespace(), &scene.node_of(0)));
    let uid = scene.get::<Pod>("web").metadata.uid.expect("a uid");
    let group = |group: &str, resources: Value| json!({"apiGroups": [group], "resources": resources, "verbs": ["*"]});
    let user = scene.limited_user(json!([
        group("", json!(["pods", "events", "persistentvolumeclaims"])),
        group("apps", json!(["*"])),
        group("policy", json!(["*"])),
        group("coordination.k8s.io", json!(["*"])),
    ]));
    let drainer = Drainer::through(&scene, &user);
    let told = drainer.does(evict(scene.namespace(), "web", &uid));
    assert!(
        told.failed().message.contains("we may not evict it"),
        "{:?}",
        told.failed()
    );
    let told = drainer.does(evict("kube-system", "web", &uid));
    assert!(
        told.failed().evidence[0].contains("may not get pods"),
        "{:?}",
        told.failed()
    );
}

fn make(scene: &Scene<'_>, run: &str) -> Act {
    let (set, shard) = (scene.set(), scene.pod_name(0));
    let ask = Ask {
        template: set::template(&set).expect("a template"),
        shard: &shard,
        zones: &[],
        run,
        seconds: 600,
        pause: PAUSE,
        class: None,
    };
    Act::MakePlaceholder {
        pod: Box::new(placeholder(&set, &ask)),
        shard: shard.clone(),
    }
}

#[test]
fn a_placeholder_is_made_once_and_refused_where_the_namespace_takes_no_more() {
    let scene = Scene::shards(1).start();
    let drainer = Drainer::new(&scene);
    let run = drainer.run_name();
    let helpers = || scene.list::<Pod>("labelSelector=shardctl.dev/helper=placeholder").len();
    let told = drainer.does(make(&scene, &run));
    assert_eq!(told.became, Acted::Done);
    assert!(
        told.changed[0].1.starts_with("made: a placeholder for shard-0"),
        "{:?}",
        told.changed
    );
    let told = drainer.does(make(&scene, &run));
    assert_eq!((told.became, told.changed.len(), helpers()), (Acted::Done, 0, 1));

    scene.apply(json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "2"}},
    }));
    scene.wait_until("the quota is counted", |scene| {
        let used = scene.get::<ResourceQuota>("full").status.and_then(|status| status.used);
        used.is_some_and(|used| used.contains_key("pods"))
    });
    let told = drainer.does(make(&scene, "drain/another/run/9999"));
    let Acted::Refused(refusals) = &told.became else {
        panic!("{:?}", told.became);
    };
    let refusal = &refusals[0];
    assert_eq!((refusal.id.as_ref(), refusal.can_be_allowed), ("placeholder", true));
    assert!(refusal.evidence[0].contains("exceeded quota"), "{refusal:?}");
    assert!(
        refusal.remedy.iter().any(|line| line.contains("--prewarm never")),
        "{refusal:?}"
    );
    assert_eq!(helpers(), 1);
}
