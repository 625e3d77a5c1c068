//! Cases that a cluster with Karpenter 1.14 can't be brought into, and combinations that would take a scene each.

use serde_json::{Value, json};

use super::{
    KARP_00, claims::NODE_03, consolidation::KARP_01, consolidation::KARP_04, lifetime::KARP_02, lifetime::KARP_03,
};
use crate::model::check::Judged;
use crate::model::resource::Resource;
use crate::plan::verify::Check;
use crate::plan::verify::testing::{Scene, words};

/// Two shards on nodes of Karpenter's, in the pool `p`, as the stable phase renders it; `beta` for the older version.
fn on_karpenter(stable: bool, beta: bool) -> Scene {
    let mut scene = if stable { Scene::stable(2) } else { Scene::healthy(2) };
    let version = if beta {
        "karpenter.sh/v1beta1"
    } else {
        "karpenter.sh/v1"
    };
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let mut pool = json!({
        "apiVersion": version, "kind": "NodePool", "metadata": {"name": "p"},
        "spec": {
            "template": {"spec": {"nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "c"}}},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m",
                "budgets": [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}]},
        },
        "status": {"conditions": ready},
    });
    let place = if beta {
        "/spec/disruption"
    } else {
        "/spec/template/spec"
    };
    pool.pointer_mut(place).unwrap()["expireAfter"] = "Never".into();
    scene.add(Resource::NodePools, pool);
    let class = json!({"kind": "AKSNodeClass", "metadata": {"name": "c"}, "status": {"conditions": ready}});
    scene.add(Resource::NodeClasses, class);
    for ordinal in 0..2 {
        let node = format!("node-{ordinal}");
        scene.merge(
            Resource::Nodes,
            &node,
            json!({"metadata": {"labels": {"karpenter.sh/nodepool": "p"}}}),
        );
        let mut claim = json!({
            "apiVersion": version, "kind": "NodeClaim",
            "metadata": {"name": format!("claim-{ordinal}"), "creationTimestamp": "2026-02-01T00:00:00Z",
                "labels": {"karpenter.sh/nodepool": "p"}},
            "spec": {}, "status": {"nodeName": node, "conditions": [{"type": "Consolidatable", "status": "True"}]},
        });
        if !beta {
            claim["spec"]["expireAfter"] = "Never".into();
        }
        scene.add(Resource::NodeClaims, claim);
    }
    scene
}

fn open_budget(scene: &mut Scene) {
    scene.merge(
        Resource::Budgets,
        "db",
        json!({"spec": {"minAvailable": 1}, "status": {"desiredHealthy": 1, "disruptionsAllowed": 1}}),
    );
}

#[track_caller]
fn assert_judged(judged: &Judged, outcome: &str, finding: &str) {
    let (found, findings) = words(judged);
    assert_eq!(found, outcome, "{findings:?}");
    assert!(
        findings.iter().any(|words| words.contains(finding)),
        "{finding} isn't among {findings:?}"
    );
}

const ALL: [&Check; 6] = [&NODE_03, &KARP_00, &KARP_01, &KARP_02, &KARP_03, &KARP_04];

#[test]
fn the_rendered_stable_pool_is_found_in_order_in_both_versions() {
    for beta in [false, true] {
        let scene = on_karpenter(true, beta);
        for check in ALL {
            assert_eq!(
                words(&scene.judge(check)),
                ("pass", vec![]),
                "{} beta {beta}",
                check.about.id
            );
        }
    }
}

#[test]
fn under_v1beta1_the_pool_says_when_its_nodes_expire() {
    let mut scene = on_karpenter(true, true);
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"spec": {"disruption": {"expireAfter": "30d"}}}),
    );
    assert_judged_unknown(&scene.judge(&KARP_02), "`30d` is not a duration");
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"spec": {"disruption": {"expireAfter": null}}}),
    );
    // Made on the first of February, and 720 hours are 30 days: expired a day and a half after the snapshot.
    assert_judged(
        &scene.judge(&KARP_02),
        "fail",
        "2 of its 2 nodes with shards expire, the first in 1d 12h",
    );
    assert_judged(&scene.judge(&NODE_03), "pass", "it expires in 1d 12h");
}

#[track_caller]
fn assert_judged_unknown(judged: &Judged, why: &str) {
    let shown = format!("{:?}", judged.outcome);
    assert!(shown.contains("Unknown") && shown.contains(why), "{shown}");
}

#[test]
fn consolidation_is_warned_of_where_nothing_stops_it() {
    let mut scene = on_karpenter(false, false);
    let moving = json!({"spec": {"disruption": {"consolidationPolicy": "Balanced", "budgets": [{"nodes": "10%"}]}}});
    scene.merge(Resource::NodePools, "p", moving);
    assert_judged(
        &scene.judge(&KARP_01),
        "pass",
        "Information nodepool/p: consolidationPolicy Balanced",
    );
    assert_eq!(words(&scene.judge(&NODE_03)), ("pass", vec![]));
    open_budget(&mut scene);
    assert_judged(
        &scene.judge(&KARP_01),
        "pass",
        "nothing stops it on node/node-0 (db-0), node/node-1 (db-1)",
    );
    assert_judged(&scene.judge(&NODE_03), "pass", "it is consolidatable");
    // Any one of these is enough.
    let protected = json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}});
    scene.merge(Resource::Nodes, "node-0", protected.clone());
    scene.merge(Resource::Pods, "db-1", protected);
    assert_judged(&scene.judge(&KARP_01), "pass", "Information");
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"spec": {"disruption": {"consolidateAfter": "Never"}}}),
    );
    assert_eq!(words(&scene.judge(&KARP_01)), ("pass", vec![]));
}

#[test]
fn with_a_time_limit_only_budgets_of_nodes_and_the_node_itself_stop_drift() {
    let mut scene = on_karpenter(true, false);
    let drifted = json!({"status": {"conditions": [
        {"type": "Drifted", "status": "True", "reason": "NodeClassDrift", "message": "NodeClassDrift"}]}});
    scene.merge(Resource::NodeClaims, "claim-0", drifted);
    assert_judged(&scene.judge(&NODE_03), "pass", "stopped by the budget of nodes \"0\"");
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"spec": {"disruption": {"budgets": [{"nodes": "1"}]}}}),
    );
    assert_judged(
        &scene.judge(&NODE_03),
        "pass",
        "stopped by do-not-disrupt on db-0, pdb/db allows no eviction",
    );
    scene.merge(
        Resource::NodeClaims,
        "claim-0",
        json!({"spec": {"terminationGracePeriod": "1h"}}),
    );
    assert_judged(
        &scene.judge(&NODE_03),
        "pass",
        "nothing stops Karpenter from replacing it",
    );
    assert_judged(
        &scene.judge(&KARP_03),
        "fail",
        "1 of its 2 nodes with shards have a terminationGracePeriod",
    );
    let kept = json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}});
    scene.merge(Resource::Nodes, "node-0", kept);
    assert_judged(
        &scene.judge(&NODE_03),
        "pass",
        "stopped by do-not-disrupt on node/node-0",
    );
}

#[test]
fn a_deleted_claim_is_an_error_only_where_it_has_a_time_limit() {
    let mut scene = on_karpenter(true, false);
    scene.merge(
        Resource::NodeClaims,
        "claim-1",
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:50:00Z"}}),
    );
    assert_judged(&scene.judge(&NODE_03), "pass", "Karpenter waits for them for ever");
    let limit = json!({"metadata": {"annotations": {
        "karpenter.sh/nodeclaim-termination-timestamp": "2026-03-01T12:50:00Z"}}});
    scene.merge(Resource::NodeClaims, "claim-1", limit);
    assert_judged(&scene.judge(&NODE_03), "fail", "in 50m) kills them past the budget");
}

#[test]
fn a_pool_that_is_gone_deleted_unready_or_undecided_is_told_apart() {
    let mut scene = on_karpenter(true, false);
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"status": {"conditions": [
        {"type": "Ready", "status": "Unknown", "reason": "AwaitingReconciliation", "message": "object is awaiting"}]}}),
    );
    assert_judged_unknown(&scene.judge(&KARP_00), "object is awaiting");
    scene.merge(
        Resource::NodePools,
        "p",
        json!({"status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "UnhealthyDependents", "message": "NodeClassReady=False"},
        {"type": "NodeClassReady", "status": "False", "reason": "NodeClassNotReady", "message": "no subnet"}]}}),
    );
    let judged = scene.judge(&KARP_00);
    assert_judged(&judged, "fail", "not Ready and makes no nodes: UnhealthyDependents");
    assert!(
        judged.findings[0].evidence[0].contains("no subnet"),
        "{:?}",
        judged.findings
    );
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-03-01T11:50:00Z"}});
    scene.merge(Resource::NodePools, "p", deleted);
    assert_judged(
        &scene.judge(&KARP_00),
        "fail",
        "being deleted, and its NodeClaims go with it: it owns node/node-0 (db-0)",
    );
    scene.remove(Resource::NodePools, "p");
    assert_judged(
        &scene.judge(&KARP_00),
        "fail",
        "it doesn't exist, yet it is the pool of node/node-0 (db-0)",
    );
}

#[test]
fn a_class_that_is_not_ready_or_missing_is_named() {
    let mut scene = on_karpenter(true, false);
    scene.merge(
        Resource::NodeClasses,
        "c",
        json!({"status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "ImagesNotReady", "message": "no image"}]}}),
    );
    assert_judged(
        &scene.judge(&KARP_00),
        "fail",
        "aksnodeclass/c: the node class of nodepool/p is not Ready",
    );
    scene.remove(Resource::NodeClasses, "c");
    assert_judged(
        &scene.judge(&KARP_00),
        "fail",
        "its node class doesn't exist: AKSNodeClass c",
    );
    scene.unreadable(Resource::NodeClasses);
    assert_judged_unknown(&scene.judge(&KARP_00), "may not list node classes");
}

#[test]
fn a_node_without_a_claim_and_other_pools_are_not_mistaken() {
    let mut scene = on_karpenter(true, false);
    scene.remove(Resource::NodeClaims, "claim-0");
    assert_judged(&scene.judge(&NODE_03), "pass", "no NodeClaim names it");
    assert_judged_unknown(&scene.judge(&KARP_02), "no NodeClaim was seen for node/node-0 (db-0)");
    // A pool that no shard uses may expire its nodes as it likes.
    let mut scene = on_karpenter(true, false);
    let other: Value =
        json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "web"}, "spec": {}});
    scene.add(Resource::NodePools, other);
    for check in ALL {
        assert_eq!(words(&scene.judge(check)), ("pass", vec![]), "{}", check.about.id);
    }
}
