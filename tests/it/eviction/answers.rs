//! What the API server answers to evictions, and what is made of it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use shardctl::operations::evict::Tried;
use shardctl::plan::eviction::{Again, Meaning};

use super::{Evictor, settle};
use crate::cluster::{Budget, Scene};

#[test]
fn a_shard_that_is_down_is_named_and_the_budget_stays_closed() {
    let scene = Scene::shards(3).start();
    let evictor = Evictor::new(&scene);
    let all_ready = evictor.by_the_budget(0);
    let blocked = evictor.judge(0, &all_ready, &scene.budget());
    assert_eq!(blocked.again, Again::Never, "{:?}", blocked.finding);
    assert!(
        blocked.finding.message.contains("needs 3 healthy, has 3"),
        "{:?}",
        blocked.finding
    );

    scene.make_unready(1);
    scene.wait_until("the budget has seen it", |scene| {
        scene.budget().status.and_then(|status| status.current_healthy) == Some(2)
    });
    let tried = evictor.by_the_budget(0);
    let Tried::Refused(_, Meaning::Arithmetic { budget, needs, has }) = &tried else {
        panic!("{tried:?}");
    };
    assert_eq!((budget.as_str(), *needs, *has), (scene.name(), 3, 2));
    let blocked = evictor.judge(0, &tried, &scene.budget());
    assert!(
        blocked.finding.message.contains("has 2: shard-1 is not Ready since "),
        "{:?}",
        blocked.finding
    );
    assert!(matches!(blocked.again, Again::After(_)));
    let blocked = evictor.room().expect_err("it must not be opened");
    assert!(
        blocked.finding.message.contains("shard-1 is not Ready since "),
        "{:?}",
        blocked.finding
    );
    // The one that is down may go by itself, as AlwaysAllow says.
    assert_eq!(evictor.by_the_budget(1), Tried::Accepted);
}

#[test]
fn two_budgets_are_refused_for_good() {
    let scene = Scene::shards(2).start();
    let evictor = Evictor::new(&scene);
    scene.apply(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "second"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": scene.name()}}},
    }));
    let tried = evictor.by_the_budget(0);
    assert!(matches!(tried, Tried::Refused(_, Meaning::TwoBudgets)), "{tried:?}");
    let blocked = evictor.judge(0, &tried, &scene.budget());
    assert_eq!(blocked.again, Again::Never);
    let blocked = evictor.room().expect_err("it must not be opened");
    assert_eq!(blocked.again, Again::Never);
    assert!(blocked.finding.message.contains("pdb/second"), "{:?}", blocked.finding);
}

#[test]
fn a_stranger_under_the_budget_keeps_it_closed() {
    let scene = Scene::shards(2).start();
    let evictor = Evictor::new(&scene);
    let mut pod = scene.pod(0);
    pod.metadata =
        serde_json::from_value(json!({"name": "stranger", "labels": {"app": scene.name()}})).expect("metadata");
    let spec =
        json!({"containers": [{"name": "c", "image": "registry.example/shard:1.0"}], "nodeName": scene.node_of(0)});
    scene.apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": pod.metadata, "spec": spec}));
    let blocked = evictor.room().expect_err("it must not be opened");
    assert_eq!(blocked.again, Again::Never);
    assert!(
        blocked.finding.message.contains("matches pod/stranger as well"),
        "{:?}",
        blocked.finding
    );
    scene.delete::<Pod>("stranger");
}

#[test]
fn an_eviction_with_a_wrong_uid_by_others_is_shown_with_its_expiry() {
    let scene = Scene::shards(2).budget(Budget::MinAvailable(1)).start();
    settle(&scene);
    let evictor = Evictor::new(&scene);
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/eviction",
        scene.namespace(),
        scene.pod_name(1)
    );
    let careless = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": scene.pod_name(1)},
        "deleteOptions": {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}},
    });
    let refused = scene.plane().run(evictor.connection.api().post(&path, &careless));
    assert!(refused.expect_err("a wrong uid").is_conflict());
    scene.wait_until("the place is taken", |scene| {
        scene.budget().status.and_then(|status| status.disruptions_allowed) == Some(0)
    });
    let tried = evictor.by_the_budget(0);
    let blocked = evictor.judge(0, &tried, &scene.budget());
    let words = format!("{} {}", blocked.finding.message, blocked.finding.evidence.join(" "));
    assert!(words.contains("shard-1 counts as evicted since"), "{words}");
    assert!(matches!(blocked.again, Again::After(_)), "{words}");
    assert!(scene.is_ready(0) && scene.is_ready(1));
}
