//! PDB-01 to PDB-04, on a real disruption controller and eviction API.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::edited::{judged, object, recorded};
use super::{assert_fails, verify};
use crate::cluster::{Budget, Scene};

/// Another budget over the scene's shards.
fn another(name: &str) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "shard"}}}})
}

fn allowed(scene: &Scene) -> Option<i32> {
    let budget = scene.budget();
    let status = budget.status?;
    (status.observed_generation == budget.metadata.generation)
        .then_some(status.disruptions_allowed)
        .flatten()
}

#[test]
fn shards_without_a_budget_are_a_failure() {
    let scene = Scene::shards(3).no_budget().start();
    let seen = verify(&scene, &["--probe-protection"]);
    assert_fails(&seen, "PDB-01", &["PDB-04"], &["THR-01"], &[]);
    let words = seen.words("PDB-01");
    assert!(
        words.contains("create poddisruptionbudget shard --selector=app=shard --min-available=3"),
        "{words}"
    );
    // Whoever leaves out the check that says so isn't told that all is well.
    let seen_in_part = verify(&scene, &["--only", "PDB-02,PDB-03,PDB-04"]);
    seen_in_part.assert_only(&[], &[], &["PDB-02", "PDB-03", "PDB-04"]);
    assert!(
        seen_in_part
            .words("PDB-02")
            .contains("no budget selects the shards: that is PDB-01's to judge"),
        "{}",
        seen_in_part.words("PDB-02")
    );
    assert!(
        seen.words("THR-01").contains("can take every shard down"),
        "{}",
        seen.words("THR-01")
    );
    assert!(
        seen.words("PDB-04").contains("would evict it now"),
        "{}",
        seen.words("PDB-04")
    );
}

#[test]
fn two_budgets_over_the_same_shards_are_a_failure() {
    let scene = Scene::shards(3).start();
    scene.apply(another("other"));
    scene.wait_until("the other budget is observed", |scene| {
        let other: PodDisruptionBudget = scene.get("other");
        other.status.is_some_and(|status| status.observed_generation == Some(1))
    });
    let seen = verify(&scene, &["--probe-protection"]);
    assert_fails(&seen, "PDB-01", &["PDB-04"], &[], &[]);
    let words = seen.words("PDB-01");
    assert!(words.contains("pdb/other, pdb/shard"), "{words}");
    assert!(words.contains("pdb/other: minAvailable 1"), "{words}");

    // A budget over one shard by a label that only that shard has.
    let name = json!({"statefulset.kubernetes.io/pod-name": "shard-1"});
    let mut one = another("other");
    one["spec"]["selector"]["matchLabels"] = name;
    scene.apply(one);
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "PDB-01", &[], &[], &[]);
    assert!(
        seen.words("PDB-01").contains("it selects shard-1 as well"),
        "{}",
        seen.words("PDB-01")
    );
}

#[test]
fn a_budget_that_lets_a_shard_go_is_a_failure_with_its_author() {
    let scene = Scene::shards(3).start();
    let budget = another("shard");
    let mut relaxed = budget.clone();
    relaxed["spec"]["minAvailable"] = 2.into();
    scene.apply(relaxed);
    scene.wait_until("an eviction is allowed", |scene| allowed(scene) == Some(1));
    let seen = verify(&scene, &["--expect", "3", "--probe-protection"]);
    assert_fails(&seen, "PDB-02", &["PDB-03", "PDB-04"], &["THR-01"], &[]);
    let words = seen.words("PDB-02");
    assert!(
        words.contains("minAvailable 2, where 3 shards must be kept: 1 may be evicted"),
        "{words}"
    );
    assert!(words.contains("owned by test-author"), "{words}");
    assert!(words.contains("--type merge -p"), "{words}");

    // Relaxed by shardctl itself: the mark says what it was, and recover puts it back.
    let mark = json!({"operation": "drain/4f2a", "by": "ada@laptop", "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T00:10:00Z", "was": {"spec.minAvailable": 3}});
    scene.patch::<PodDisruptionBudget>(
        "shard",
        json!({"metadata": {"annotations": {"shardctl.dev/mark": mark.to_string()}}}),
    );
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "PDB-02", &["PDB-03"], &["RES-01", "THR-01"], &[]);
    let words = seen.words("PDB-02");
    assert!(
        words.contains("relaxed by shardctl: drain/4f2a of ada@laptop"),
        "{words}"
    );
    assert!(words.contains("$ shardctl recover"), "{words}");
}

#[test]
fn every_way_to_write_a_closed_budget_passes() {
    for budget in [Budget::MaxUnavailable(0), Budget::MinAvailablePercent(100)] {
        let scene = Scene::shards(3).budget(budget).start();
        let seen = verify(&scene, &["--probe-protection"]);
        seen.assert_only(&[], &[], &[]);
        let words = seen.words("PDB-04");
        assert!(words.contains("was refused: the budget needs 3, has 3"), "{words}");
    }
}

#[test]
fn an_unready_shard_under_the_default_eviction_policy_is_warned_of() {
    let scene = Scene::shards(3).start();
    scene.patch::<PodDisruptionBudget>(
        "shard",
        json!({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}),
    );
    scene.wait_until("the budget is observed", |scene| allowed(scene) == Some(0));
    verify(&scene, &[]).assert_only(&[], &[], &[]);
    scene.make_unready(2);
    scene.wait_until("the budget counts it out", |scene| {
        scene.budget().status.and_then(|status| status.current_healthy) == Some(2)
    });
    let seen = verify(&scene, &["--only", "PDB-01,PDB-02,PDB-03"]);
    seen.assert_only(&["PDB-03"], &["PDB-02"], &[]);
    assert!(
        seen.words("PDB-02")
            .contains("shard-2 can't be evicted although not Ready"),
        "{}",
        seen.words("PDB-02")
    );
    assert!(
        seen.words("PDB-03")
            .contains("2 of 3 shards are healthy; not Ready: shard-2"),
        "{}",
        seen.words("PDB-03")
    );
}

#[test]
fn one_more_pod_with_the_shards_labels_opens_the_budget() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(0);
    scene.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "stranger", "labels": {"app": "shard"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "one", "image": "registry.example/shard:1.0"}]}}));
    scene.wait_until("an eviction is allowed", |scene| allowed(scene) == Some(1));
    let seen = verify(&scene, &["--only", "PDB-01,PDB-02,PDB-03,THR-01"]);
    seen.assert_only(&["PDB-03"], &["THR-01"], &[]);
    let words = seen.words("PDB-03");
    assert!(
        words.contains("it counts 4 pods where there are 3 shards (stranger)"),
        "{words}"
    );
    assert!(words.contains("it allows 1 eviction now"), "{words}");
}

#[test]
fn a_status_behind_its_spec_is_a_failure() {
    let scene = Scene::shards(3).start();
    let mut snapshot = recorded(&scene);
    // The disruption controller answers within milliseconds: the spec's generation is raised in a recorded snapshot.
    object(&mut snapshot, "budgets", "shard")["metadata"]["generation"] = 7.into();
    let seen = judged(&scene, &snapshot, &[]);
    assert_fails(&seen, "PDB-03", &[], &["THR-01"], &[]);
    let words = seen.words("PDB-03");
    assert!(words.contains("of generation 1, its spec of generation 7"), "{words}");

    snapshot["objects"]["budgets"] = json!({"unreadable": "the user may not list disruption budgets"});
    let seen = judged(
        &scene,
        &snapshot,
        &["--only", "PDB-01,PDB-02,PDB-03,PDB-04,RES-01,THR-01"],
    );
    // A saved snapshot holds no tried eviction, and PDB-04 was asked for by its id.
    seen.assert_only(&[], &[], &["PDB-01", "PDB-02", "PDB-03", "PDB-04", "RES-01", "THR-01"]);
}
