//! KARP-00 to KARP-04 and NODE-03, on nodes that Karpenter bought.

use serde_json::{Value, json};

use super::edited::{judged, object, objects, recorded};
use super::{assert_fails, verify};
use crate::cluster::{Scene, SceneBuilder, api};

fn on_karpenter() -> SceneBuilder {
    Scene::shards(3)
        .stable()
        .shard_size("4", "64Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
}

/// A JSON merge patch on the scene's pool. Waits until Karpenter has looked at it: until then it doesn't say whether the pool
/// is Ready.
#[track_caller]
fn patch_pool(scene: &Scene, patch: Value) {
    let path = format!("/apis/karpenter.sh/v1/nodepools/{}", scene.namespace());
    let patched = scene.plane().run(api::merge(scene.plane().client(), &path, &patch));
    let generation = patched.unwrap_or_else(|error| panic!("PATCH {path}: {error}"))["metadata"]["generation"].clone();
    scene.wait_until("Karpenter has looked at the pool", |scene| {
        let pool = pool(scene);
        let conditions = pool["status"]["conditions"].as_array();
        let ready = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "Ready");
        ready.is_some_and(|ready| ready["status"] == "True" && ready["observedGeneration"] == generation)
    });
}

#[track_caller]
fn pool(scene: &Scene) -> Value {
    let pools = scene.list_any("karpenter.sh/v1", "NodePool", "");
    let found = pools
        .into_iter()
        .find(|pool| pool["metadata"]["name"] == scene.namespace());
    found.expect("the scene's pool")
}

fn claims(scene: &Scene) -> Vec<Value> {
    let query = format!("labelSelector=karpenter.sh/nodepool={}", scene.namespace());
    scene.list_any("karpenter.sh/v1", "NodeClaim", &query)
}

fn is(object: &Value, kind: &str, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == kind && condition["status"] == status)
}

#[test]
fn settings_of_a_pool_that_drift_nothing_are_judged_as_they_are_now() {
    let scene = on_karpenter().start();
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    // The pool that the stable phase renders: emptied nodes go, one with shards never.
    patch_pool(
        &scene,
        json!({"spec": {"disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m",
            "budgets": [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}]}}}),
    );
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    patch_pool(
        &scene,
        json!({"spec": {"disruption": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "1h",
            "budgets": [{"nodes": "0", "reasons": ["Drifted"]}]}}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["KARP-01"], &[]);
    assert!(
        seen.words("KARP-01").contains("do-not-disrupt on shard-"),
        "{}",
        seen.words("KARP-01")
    );
    // While Karpenter is still looking for the best size, moving is what is wanted, and the budget protects the shards.
    verify(&scene, &["--phase", "explore"]).assert_only(&[], &[], &[]);

    patch_pool(
        &scene,
        json!({"spec": {"disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never",
            "budgets": [{"nodes": "0", "schedule": "0 9 * * *", "duration": "8h"}]}}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["KARP-04"], &[]);
    assert!(
        seen.words("KARP-04")
            .contains("only by schedule (0 9 * * * UTC, for 8h"),
        "{}",
        seen.words("KARP-04")
    );
    verify(&scene, &["--phase", "explore"]).assert_only(&[], &[], &[]);

    // The nodes of Karpenter's kwok provider are as large as what their claims asked for: three times 64Gi are used.
    patch_pool(
        &scene,
        json!({"spec": {"limits": {"memory": "240Gi"}, "disruption": {"budgets": [{"nodes": "0"}]}}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["KARP-04"], &[]);
    assert!(
        seen.words("KARP-04").contains("no room for one more node: memory"),
        "{}",
        seen.words("KARP-04")
    );
}

#[test]
fn a_pool_whose_node_class_is_gone_makes_no_nodes() {
    let scene = on_karpenter().start();
    let path = format!("/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses/{}", scene.namespace());
    let gone = scene
        .plane()
        .run(api::delete(scene.plane().client(), &path, &json!({})));
    gone.expect("delete the node class");
    scene.wait_until("the pool isn't Ready", |scene| is(&pool(scene), "Ready", "False"));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "KARP-00", &[], &[], &[]);
    assert!(
        seen.words("KARP-00").contains("makes no nodes"),
        "{}",
        seen.words("KARP-00")
    );
}

#[test]
fn nodes_that_expire_fail_in_the_stable_phase_only() {
    let spec = json!({"expireAfter": "720h"});
    let scene = on_karpenter()
        .pool(json!({"spec": {"template": {"spec": spec}}}))
        .start();
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "KARP-02", &[], &[], &[]);
    let words = seen.words("KARP-02");
    assert!(
        words.contains("3 of its 3 nodes with shards expire, the first in 29d 23h"),
        "{words}"
    );
    assert!(words.contains("shardctl drain"), "{words}");
    verify(&scene, &["--phase", "explore"]).assert_only(&[], &[], &[]);

    // A node older than a test can wait for: the claims' creation is set back in a recorded snapshot.
    let mut snapshot = recorded(&scene);
    for claim in objects(&mut snapshot, "node-claims") {
        claim["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z".into();
    }
    let seen = judged(&scene, &snapshot, &["--phase", "explore"]);
    seen.assert_only(&[], &["NODE-03", "THR-01"], &[]);
    assert!(
        seen.words("NODE-03").contains("it expires"),
        "{}",
        seen.words("NODE-03")
    );
    assert!(seen.words("THR-01").contains("it expired"), "{}", seen.words("THR-01"));
}

#[test]
fn a_termination_grace_period_fails_in_both_phases() {
    let scene = on_karpenter()
        .pool(json!({"spec": {"template": {"spec": {"terminationGracePeriod": "1h"}}}}))
        .start();
    for phase in ["stable", "explore"] {
        let seen = verify(&scene, &["--phase", phase]);
        assert_fails(&seen, "KARP-03", &[], &[], &[]);
        assert!(seen.words("KARP-03").contains(": 1h0m0s") || seen.words("KARP-03").contains(": 1h"));
    }
}

#[test]
fn drifted_claims_are_warned_of_with_what_stops_their_replacement() {
    let scene = on_karpenter().start();
    // The next nodes of the pool would expire: this changes the pool's hash, and with it drifts every claim.
    patch_pool(&scene, json!({"spec": {"template": {"spec": {"expireAfter": "720h"}}}}));
    scene.wait_until("every claim is drifted", |scene| {
        claims(scene).iter().all(|claim| is(claim, "Drifted", "True"))
    });
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["KARP-02", "NODE-03"], &[]);
    let words = seen.words("NODE-03");
    assert!(words.contains("it is drifted (NodePoolDrifted)"), "{words}");
    assert!(words.contains("stopped by the budget of nodes"), "{words}");
    assert!(
        seen.words("KARP-02").contains("the next nodes of this pool will"),
        "{}",
        seen.words("KARP-02")
    );

    // A claim that is being deleted with a time limit kills its shards within it: too short to catch, so it is edited.
    let mut snapshot = recorded(&scene);
    let name = claims(&scene)[0]["metadata"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let claim = object(&mut snapshot, "node-claims", &name);
    let now = "2026-01-01T00:00:00Z";
    claim["metadata"]["deletionTimestamp"] = now.into();
    claim["metadata"]["annotations"]["karpenter.sh/nodeclaim-termination-timestamp"] = now.into();
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&["NODE-03"], &["KARP-02", "NODE-03", "THR-01"], &[]);
    assert!(
        seen.words("NODE-03").contains("kills them past the budget"),
        "{}",
        seen.words("NODE-03")
    );
}

#[test]
fn without_karpenter_its_checks_do_not_apply_and_unreadable_they_are_unknown() {
    let scene = on_karpenter().start();
    let mut snapshot = recorded(&scene);
    let absent = json!({"absent": "the cluster serves no NodePools"});
    for resource in ["node-pools", "node-claims", "node-classes"] {
        snapshot["objects"][resource] = absent.clone();
    }
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &[], &[]);
    let ids = ["NODE-03", "KARP-00", "KARP-01", "KARP-02", "KARP-03", "KARP-04"];
    for id in ids {
        assert_eq!(seen.check(id)["status"], "not-applicable", "{id}");
    }
    for resource in ["node-pools", "node-claims", "node-classes"] {
        snapshot["objects"][resource] = json!({"unreadable": "the user may not list them"});
    }
    let seen = judged(
        &scene,
        &snapshot,
        &["--only", &[&ids[..], &["THR-01", "RES-01"]].concat().join(",")],
    );
    seen.assert_only(&[], &[], &[&ids[..], &["THR-01", "RES-01"]].concat());
}
