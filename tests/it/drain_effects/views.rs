//! The pods of all namespaces on the nodes that are emptied, and the budgets over them: as they are now, and only there.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use shardctl::model::pod;
use shardctl::model::read::Read;
use shardctl::model::snapshot::Snapshot;
use shardctl::model::step::{Act, OtherPod};
use shardctl::plan::operation::Acted;

use super::{Drainer, single};
use crate::cluster::{Interceptor, Scene};

fn names(seen: &Snapshot) -> Vec<String> {
    let pods = seen.node_pods.got().expect("the pods on the nodes");
    let title = |found: &Pod| {
        let namespace = found.metadata.namespace.as_deref().unwrap_or_default();
        format!("{namespace}/{}", pod::name(found))
    };
    pods.iter().map(title).collect()
}

#[test]
fn pods_of_every_namespace_on_the_drained_nodes_are_seen_cut_down_and_no_others() {
    let scene = Scene::shards(3).start();
    let (first, second) = (scene.node_of(0), scene.node_of(1));
    let stranger = format!("{}-stranger", scene.namespace());
    scene.apply(single(&stranger, "default", &first));
    // The same name in two namespaces is two pods.
    scene.apply(single(&stranger, scene.namespace(), &first));
    let mut drainer = Drainer::new(&scene);
    let uid = scene.get::<Pod>(&stranger).metadata.uid.expect("a uid");
    let evict = |namespace: &str, uid: &str| {
        Act::EvictPod(OtherPod {
            namespace: namespace.to_owned(),
            name: stranger.clone(),
            uid: uid.to_owned(),
        })
    };
    let nothing = evict("default", "00000000-0000-0000-0000-000000000000");
    assert!(matches!(
        drainer.does(nothing.clone()).seen.node_pods,
        Read::Unreadable(_)
    ));

    drainer.nodes = vec![first.clone(), second.clone()];
    let seen = drainer.does(nothing.clone()).seen;
    let found = names(&seen);
    for (namespace, name) in [
        ("default", stranger.as_str()),
        (scene.namespace(), stranger.as_str()),
        (scene.namespace(), "shard-0"),
        (scene.namespace(), "shard-1"),
    ] {
        assert!(found.contains(&format!("{namespace}/{name}")), "{found:?}");
    }
    assert!(!found.contains(&format!("{}/shard-2", scene.namespace())), "{found:?}");
    let shard = seen
        .node_pods
        .got()
        .and_then(|all| all.iter().find(|one| pod::name(one) == "shard-0"));
    let shard = shard.expect("shard 0");
    let container = &shard.spec.as_ref().expect("a spec").containers[0];
    assert!(pod::is_ready(shard) && container.image.is_none() && container.resources.is_some());
    let budgets = seen.all_budgets.got().expect("the budgets of all namespaces");
    let ours = budgets
        .iter()
        .find(|one| one.metadata.namespace.as_deref() == Some(scene.namespace()));
    assert!(ours.is_some(), "{budgets:?}");

    let path = format!("/api/v1/namespaces/default/pods/{stranger}");
    let theirs = scene.plane().get(&path).expect("the stranger");
    let theirs = theirs["metadata"]["uid"].as_str().expect("a uid");
    assert_eq!(drainer.does(evict("default", theirs)).became, Acted::Done);
    assert_eq!(drainer.does(evict(scene.namespace(), &uid)).became, Acted::Done);
    scene.wait_until("both are gone", |scene| {
        scene.find::<Pod>(&stranger).is_none() && scene.plane().get(&path).is_err()
    });
    assert!(
        !names(&drainer.does(nothing).seen)
            .iter()
            .any(|name| name.ends_with(&stranger))
    );
}

#[test]
fn an_uncached_look_shows_what_a_silent_watch_has_missed() {
    let scene = Scene::shards(1).start();
    let node = scene.node_of(0);
    let interceptor = Interceptor::before(scene.plane());
    let mut drainer = Drainer::through(&scene, &interceptor.kubeconfig(&scene));
    drainer.nodes = vec![node.clone()];
    // The act is held back: what comes meanwhile, no watch brings.
    let held = interceptor
        .on(|request| request.method == "GET" && request.path.ends_with("/pods/nobody"))
        .hold();
    let act = Act::EvictPod(OtherPod {
        namespace: scene.namespace().to_owned(),
        name: "nobody".to_owned(),
        uid: "u".to_owned(),
    });
    let told = std::thread::scope(|threads| {
        let (scene, held, interceptor) = (&scene, &held, &interceptor);
        threads.spawn(move || {
            held.wait_hit();
            interceptor.swallow_watches(true);
            scene.apply(single("late", scene.namespace(), &node));
            scene.apply(json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "late"},
                "spec": {"minAvailable": 0, "selector": {"matchLabels": {"single": "late"}}},
            }));
            held.release();
        });
        drainer.does(act)
    });
    let late = format!("{}/late", scene.namespace());
    assert!(names(&told.seen).contains(&late), "{:?}", names(&told.seen));
    let budgets = told.seen.all_budgets.got().expect("the budgets");
    assert!(budgets.iter().any(|one| one.metadata.name.as_deref() == Some("late")));
}
