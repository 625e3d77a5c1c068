//! A node's pods, each with one thing that decides over it.

use serde_json::{Value, json};

use super::*;
use crate::model::read::Read;
use crate::model::redact::redact;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::plan::verify::testing::{Scene, merge};

/// Everything that a flag lets go.
const ALL: Flags = Flags {
    ignore_daemonsets: true,
    delete_emptydir_data: true,
    force: true,
};

fn scene() -> Scene {
    let mut scene = Scene::healthy(3);
    let shards = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, shards);
    scene.set(Resource::AllBudgets, Read::Got(Vec::new()));
    scene
}

/// A Ready pod of a ReplicaSet on the first shard's node.
fn add(scene: &mut Scene, name: &str, patch: Value) {
    let mut found = json!({
        "metadata": {
            "name": name, "namespace": "web", "uid": format!("uid-{name}"), "labels": {"app": "web"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8", "uid": "uid-web", "controller": true},
            ],
        },
        "spec": {"nodeName": "node-0", "containers": [{"name": "c"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    merge(&mut found, &patch);
    scene.add(Resource::NodePods, found);
}

fn budget(scene: &mut Scene, name: &str, spec: Value, status: Value) {
    let mut found = json!({
        "metadata": {"name": name, "namespace": "web", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3, "disruptionsAllowed": 0},
    });
    merge(&mut found["spec"], &spec);
    merge(&mut found["status"], &status);
    scene.add(Resource::AllBudgets, found);
}

fn judged(scene: &Scene, flags: Flags) -> Others {
    on(&scene.snapshot(), scene, flags)
}

fn on(snapshot: &Snapshot, scene: &Scene, flags: Flags) -> Others {
    let seen = Seen::of(snapshot, &scene.policy);
    let place = snapshot.nodes.got().unwrap()[0].metadata.name.clone().unwrap();
    others(&seen, &place, flags, None).unwrap()
}

/// The verdict over the one pod that isn't a shard, having made sure that the redacted snapshot gives one of its kind.
fn verdict(scene: &Scene, flags: Flags) -> Verdict {
    let found = judged(scene, flags);
    let redacted = Snapshot::derive(&redact(&scene.recording()).unwrap()).unwrap();
    let kinds = |found: &Others| -> Vec<_> {
        let mut kinds: Vec<String> = found
            .rows
            .iter()
            .map(|row| format!("{:?}", std::mem::discriminant(&row.verdict)))
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&found), kinds(&on(&redacted, scene, flags)), "redacted");
    found.rows[1].verdict.clone()
}

#[test]
fn shards_come_first_and_by_their_numbers() {
    let mut scene = scene();
    scene.merge(Resource::NodePods, "db-2", json!({"spec": {"nodeName": "node-0"}}));
    add(&mut scene, "web-1", json!({}));
    let found = judged(&scene, Flags::default());
    assert_eq!(found.shards(), [2, 0]);
    let whats: Vec<&str> = found.rows.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(whats, ["shard 2", "shard 0", "ReplicaSet web-5d8"]);
    assert_eq!(found.rows[2].verdict, Verdict::Goes);
    assert_eq!(found.unsure, [""; 0]);
}

#[test]
fn kubectls_flags_decide_in_kubectls_order_and_words() {
    let one = |patch: Value| {
        let mut scene = scene();
        add(&mut scene, "web-1", patch);
        scene
    };
    let bare = json!({"metadata": {"ownerReferences": null}});
    let scratch = json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
    let daemon = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "proxy", "uid": "u", "controller": true},
    ]}});
    let mut both = bare.clone();
    merge(&mut both, &scratch);
    let mut daemon_with_scratch = daemon.clone();
    merge(&mut daemon_with_scratch, &scratch);
    let none = Flags::default();
    let never = |why: &str| Verdict::Never(why.to_owned());
    assert_eq!(verdict(&one(bare.clone()), none), never(NO_CONTROLLER));
    assert_eq!(verdict(&one(scratch.clone()), none), never(LOCAL_STORAGE));
    assert_eq!(verdict(&one(both.clone()), none), never(LOCAL_STORAGE));
    let halfway = Flags {
        delete_emptydir_data: true,
        ..none
    };
    assert_eq!(verdict(&one(both.clone()), halfway), never(NO_CONTROLLER));
    assert_eq!(verdict(&one(daemon_with_scratch.clone()), none), never(DAEMON_SET));
    assert!(matches!(verdict(&one(daemon_with_scratch), ALL), Verdict::Skipped(_)));
    let lost = |scene: &Scene| judged(scene, ALL).rows[1].warning;
    assert_eq!(lost(&one(both)), Some("deleting Pods that declare no controller"));
    assert_eq!(lost(&one(scratch.clone())), Some("deleting Pods with local storage"));
    // What has ended loses nothing.
    for (mut patch, phase) in [(bare.clone(), "Succeeded"), (scratch, "Failed"), (daemon, "Failed")] {
        merge(&mut patch, &json!({"status": {"phase": phase}}));
        assert_eq!(verdict(&one(patch), none), Verdict::Goes);
    }
    let mut mirror = bare;
    merge(
        &mut mirror,
        &json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "1f"}}}),
    );
    assert!(matches!(verdict(&one(mirror), none), Verdict::Skipped(_)));
}

#[test]
fn a_budget_that_can_never_let_go_is_told_from_one_that_will() {
    let with = |spec: Value, status: Value| {
        let mut scene = scene();
        add(&mut scene, "web-1", json!({}));
        budget(&mut scene, "web", spec, status);
        verdict(&scene, Flags::default())
    };
    let words = |verdict: Verdict| match verdict {
        Verdict::Waits(words) | Verdict::Kept(words) => words,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        with(json!({"minAvailable": 2}), json!({"disruptionsAllowed": 1})),
        Verdict::Goes
    );
    let waits = with(json!({"minAvailable": 2}), json!({}));
    assert!(matches!(waits, Verdict::Waits(_)));
    assert!(words(waits).contains("pdb/web: needs 2 healthy, has 2"));
    for (spec, status) in [
        (json!({"maxUnavailable": 0}), json!({})),
        (json!({"maxUnavailable": "0%"}), json!({})),
        (json!({"minAvailable": "100%"}), json!({})),
        (
            json!({"minAvailable": 3}),
            json!({"currentHealthy": 3, "desiredHealthy": 3}),
        ),
        (json!({"minAvailable": "90%"}), json!({"desiredHealthy": 3})),
        (
            json!({"maxUnavailable": 1}),
            json!({"conditions": [{
                "type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no controller",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]}),
        ),
    ] {
        let verdict = with(spec.clone(), status);
        assert!(matches!(verdict, Verdict::Kept(_)), "{spec}: {verdict:?}");
    }
    // A status from before the spec changed proves nothing.
    let stale = json!({"observedGeneration": 0, "desiredHealthy": 3});
    assert!(matches!(with(json!({"minAvailable": 2}), stale), Verdict::Waits(_)));
}

#[test]
fn evictions_that_a_budget_has_left_are_given_out_once() {
    let mut scene = scene();
    add(&mut scene, "web-1", json!({}));
    add(&mut scene, "web-2", json!({}));
    budget(
        &mut scene,
        "web",
        json!({"minAvailable": 1}),
        json!({"disruptionsAllowed": 1}),
    );
    let found = judged(&scene, Flags::default());
    assert_eq!(found.rows[1].verdict, Verdict::Goes);
    assert!(matches!(&found.rows[2].verdict, Verdict::Waits(words) if words.contains("1 go at a time")));
}

#[test]
fn an_unready_pod_asks_no_budget_that_always_allows_it() {
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let with = |spec: Value, status: Value, patch: &Value| {
        let mut scene = scene();
        add(&mut scene, "web-1", patch.clone());
        budget(&mut scene, "web", spec, status);
        verdict(&scene, Flags::default())
    };
    let short = json!({"currentHealthy": 1});
    let policy = json!({"minAvailable": 2, "unhealthyPodEvictionPolicy": "AlwaysAllow"});
    assert_eq!(with(policy, short.clone(), &unready), Verdict::Goes);
    assert_eq!(with(json!({"minAvailable": 2}), json!({}), &unready), Verdict::Goes);
    let held = with(json!({"minAvailable": 2}), short.clone(), &unready);
    assert!(matches!(held, Verdict::Waits(words) if words.contains("unhealthyPodEvictionPolicy")));
    for phase in [
        json!({"status": {"phase": "Pending"}}),
        json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:30Z"}}),
    ] {
        assert_eq!(with(json!({"maxUnavailable": 0}), short.clone(), &phase), Verdict::Goes);
    }
}

#[test]
fn two_budgets_hold_a_pod_for_ever_and_what_blocks_is_named() {
    let mut scene = scene();
    add(&mut scene, "web-1", json!({}));
    let elsewhere =
        json!({"spec": {"nodeName": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    add(&mut scene, "web-9", elsewhere);
    budget(&mut scene, "web", json!({"minAvailable": 2}), json!({}));
    let waits = verdict(&scene, Flags::default());
    assert_eq!(
        waits,
        Verdict::Waits("waits for pdb/web: needs 2 healthy, has 2: web-9 isn't Ready".to_owned())
    );
    budget(
        &mut scene,
        "wider",
        json!({"selector": {}}),
        json!({"disruptionsAllowed": 1}),
    );
    let both = verdict(&scene, Flags::default());
    assert!(matches!(both, Verdict::Kept(words) if words.contains("pdb/web, pdb/wider") && words.contains("500")));
}

#[test]
fn budgets_of_other_namespaces_that_cannot_be_read_are_said() {
    let mut scene = scene();
    add(&mut scene, "web-1", json!({}));
    scene.unreadable(Resource::AllBudgets);
    let found = judged(&scene, Flags::default());
    assert_eq!(found.rows[1].verdict, Verdict::Goes);
    assert!(
        found.unsure[0].contains("whether a budget holds the pods"),
        "{:?}",
        found.unsure
    );
    scene.unreadable(Resource::NodePods);
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    assert!(others(&seen, "node-0", ALL, None).is_err());
}

#[test]
fn shardctls_own_pod_and_its_helpers_stay() {
    let mut scene = scene();
    add(&mut scene, "job-x", json!({}));
    let own = OwnPod {
        namespace: "web".to_owned(),
        name: "job-x".to_owned(),
    };
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let found = others(&seen, "node-0", ALL, Some(&own)).unwrap();
    assert!(matches!(&found.rows[1].verdict, Verdict::Never(why) if why.contains("shardctl itself")));
    assert_eq!(own_node(&seen, &own, &["node-1", "node-0"]), Some("node-0"));
    assert_eq!(own_node(&seen, &own, &["node-1"]), None);
    let mut scene = self::scene();
    add(
        &mut scene,
        "helper",
        json!({"metadata": {"labels": {HELPER: "placeholder"}, "ownerReferences": null}}),
    );
    assert!(matches!(verdict(&scene, Flags::default()), Verdict::Skipped(_)));
}

#[test]
fn what_shards_need_to_come_back_goes_last_unless_it_is_elsewhere_too() {
    let dns = json!({"metadata": {"labels": {"k8s-app": "kube-dns"}}});
    let mut scene = scene();
    add(&mut scene, "coredns-1", dns.clone());
    add(
        &mut scene,
        "web-1",
        json!({"metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6", "uid": "uid-6", "controller": true},
        ]}}),
    );
    let last = |scene: &Scene| {
        let found = judged(scene, ALL);
        found.rows.iter().map(|row| row.last).collect::<Vec<_>>()
    };
    assert_eq!(last(&scene), [None, Some("answers names"), None]);
    let mut other = dns;
    merge(&mut other, &json!({"spec": {"nodeName": "node-1"}}));
    add(&mut scene, "coredns-2", other);
    assert_eq!(last(&scene), [None, None, None]);
    for (patch, what) in [
        (
            json!({"spec": {"containers": [{"name": "csi-attacher"}]}}),
            "attaches disks",
        ),
        (
            json!({"metadata": {"labels": {"app.kubernetes.io/name": "karpenter"}}}),
            "makes nodes",
        ),
        (
            json!({"metadata": {"ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "prod-cluster-autoscaler-7f9", "uid": "u", "controller": true,
            }]}}),
            "makes nodes",
        ),
        (
            json!({"metadata": {"ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cert-manager-webhook-7f9", "uid": "u", "controller": true,
            }]}}),
            "may be asked to admit pods",
        ),
    ] {
        let mut scene = self::scene();
        add(&mut scene, "x-1", patch);
        assert_eq!(last(&scene), [None, Some(what)]);
    }
}
