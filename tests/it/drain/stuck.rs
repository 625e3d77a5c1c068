//! Shards that don't stop: said, with what to prove; never forced.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{AsItWas, Watched, drain, drained, packed, said};
use crate::cluster::Interceptor;

#[test]
fn a_shard_that_a_finalizer_holds_is_reported_and_never_forced() {
    let scene = packed(3, 2, 2)
        .template(json!({"spec": {"terminationGracePeriodSeconds": 1}}))
        .start();
    let node = scene.node_of(0);
    scene.patch::<Pod>("shard-1", json!({"metadata": {"finalizers": ["example.com/held"]}}));
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let arguments = drain(&node, &["--shard-timeout", "2s"]);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_eq!(ran.code, Some(4), "{}", said(&ran));
    for words in ["shard-1", "example.com/held"] {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    assert_eq!(watched.shards.deletions(), ["shard-1"], "{}", said(&ran));
    for write in interceptor.writes() {
        assert_ne!(write.body["gracePeriodSeconds"], 0, "{write}");
        assert_ne!(write.body["deleteOptions"]["gracePeriodSeconds"], 0, "{write}");
        assert!(!write.body.to_string().contains("finalizers"), "{write}");
    }
    before.but_cordoned(&scene, &[], &said(&ran));

    // Once it is let go, the same command goes on where it stopped.
    scene.patch::<Pod>(
        "shard-1",
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/held"]}}),
    );
    scene.wait_until_healthy();
    let ran = drained(&scene, &node, &[]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert!(watched.shards.most_down_at_once() <= 1);
}

#[test]
fn an_eviction_by_others_that_went_wrong_is_shown_with_its_expiry() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    // A careless eviction with a wrong uid: the budget counts it for two minutes though nothing went.
    scene.patch::<k8s_openapi::api::policy::v1::PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 2}}));
    let path = format!("/api/v1/namespaces/{}/pods/shard-2/eviction", scene.namespace());
    let careless = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "shard-2"},
        "deleteOptions": {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}},
    });
    scene.wait_until("the budget has counted it", |scene| {
        let plane = scene.plane();
        let refused = plane.run(crate::cluster::api::create(plane.client(), &path, &careless));
        refused.is_err_and(|error| crate::cluster::api::code(&error) == Some(409))
    });
    scene.patch::<k8s_openapi::api::policy::v1::PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 3}}));
    let before = AsItWas::of(&scene);
    let ran = drained(&scene, &node, &["--timeout", "3s"]);
    assert_eq!(ran.code, Some(4), "{}", said(&ran));
    assert!(
        said(&ran).contains("it counts shard-2 as evicted until"),
        "{}",
        said(&ran)
    );
    before.but_cordoned(&scene, &[], &said(&ran));
}
