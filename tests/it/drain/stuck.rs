//! Shards that don't stop: said, with what to prove; never forced.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{AsItWas, Watched, drain, drained, packed, said};
use crate::cluster::Interceptor;
use crate::cluster::interceptor::Request;

/// Runs a judgement for each strategy, with the arguments that it takes, side by side: most of it is waiting.
fn each_strategy(judge: impl Fn(&str, &[&str]) + Sync) {
    let judge = &judge;
    std::thread::scope(|threads| {
        for strategy in ["relax", "surge", "direct", "downtime"] {
            threads.spawn(move || judge(strategy, &["--strategy", strategy, "--confirm", "shard"]));
        }
    });
}

/// No pod was deleted without its grace, no finalizer was written, and no node was said to be off.
#[track_caller]
fn nothing_was_forced(interceptor: &Interceptor) {
    for write in interceptor.writes() {
        assert_ne!(write.body["gracePeriodSeconds"], 0, "{write}");
        assert_ne!(write.body["deleteOptions"]["gracePeriodSeconds"], 0, "{write}");
        let body = write.body.to_string();
        assert!(
            !body.contains("finalizers") && !body.contains("out-of-service"),
            "{write}"
        );
    }
}

/// The shards that a strategy takes off the node before it waits for the first of them.
fn taken_at_once(strategy: &str) -> &'static [&'static str] {
    if strategy == "downtime" {
        &["shard-1", "shard-0"]
    } else {
        &["shard-1"]
    }
}

#[test]
fn a_shard_that_a_finalizer_holds_is_reported_and_never_forced() {
    each_strategy(|strategy, arguments| {
        let scene = packed(3, 2, 2)
            .template(json!({"spec": {"terminationGracePeriodSeconds": 1}}))
            .start();
        let node = scene.node_of(0);
        scene.patch::<Pod>("shard-1", json!({"metadata": {"finalizers": ["example.com/held"]}}));
        let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
        let interceptor = Interceptor::before(scene.plane());
        let mut impatient = arguments.to_vec();
        impatient.extend(["--shard-timeout", "6s"]);
        let ran = scene
            .shardctl_process(&interceptor.kubeconfig(&scene), drain(&node, &impatient))
            .wait();
        let told = format!("{strategy}: {}", said(&ran));
        assert_eq!(ran.code, Some(4), "{told}");
        for words in ["shard-1", "example.com/held", "whoever set it has to take it away"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!(watched.shards.deletions(), taken_at_once(strategy), "{told}");
        nothing_was_forced(&interceptor);
        before.but_cordoned(&scene, &[], &told);

        // Once it is let go, the same command goes on where it stopped.
        scene.patch::<Pod>(
            "shard-1",
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/held"]}}),
        );
        scene.wait_until_healthy();
        let ran = drained(&scene, &node, arguments);
        assert_eq!(ran.code, Some(0), "{strategy}: {}", said(&ran));
        assert!(watched.shards.most_down_at_once() <= taken_at_once(strategy).len());
    });
}

#[test]
fn a_node_that_falls_silent_while_a_shard_stops_is_reported_with_what_to_prove() {
    each_strategy(|strategy, arguments| {
        let scene = packed(3, 2, 2)
            .template(json!({"spec": {"terminationGracePeriodSeconds": 1}}))
            .start();
        let node = scene.node_of(0);
        let watched = Watched::of(&scene);
        let interceptor = Interceptor::before(scene.plane());
        let takes = |request: &Request| request.deletes("pods/shard-1") || request.path.ends_with("/shard-1/eviction");
        let first = interceptor.on(takes).nth(1).hold();
        let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), drain(&node, arguments));
        first.wait_hit();
        scene.silence(&node, true);
        first.release();
        let ran = command.wait();
        let told = format!("{strategy}: {}", said(&ran));
        assert_eq!(ran.code, Some(1), "{told}");
        let proof = "see in the cloud's console that its machine is off";
        let named = format!("shardctl recover --node-is-off {node}");
        for words in [
            "isn't Ready",
            "nothing that is deleted there ends before its kubelet answers",
            proof,
            &named,
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!(watched.shards.deletions(), taken_at_once(strategy), "{told}");
        nothing_was_forced(&interceptor);
        watched.budget_was_guarded(&scene, &told);
    });
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
