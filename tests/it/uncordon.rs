//! `shardctl uncordon` on the real control plane: kubectl's words, what an interrupted drain left, and a drain that lives.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use crate::bad_days::{Ran, run};
use crate::cluster::{Interceptor, Scene};
use crate::recover::{mark, marked, ours};
use crate::upgrade::{NEXT, upgrade};

#[track_caller]
fn uncordon(scene: &Scene<'_>, further: &[&str]) -> Ran {
    let mut arguments = vec!["uncordon", "--lease-duration", "1s"];
    arguments.extend(further);
    run(scene.shardctl(arguments))
}

fn is_cordoned(scene: &Scene<'_>, node: &str) -> bool {
    scene.get::<Node>(node).spec.and_then(|spec| spec.unschedulable) == Some(true)
}

/// Cordons and freezes a node as a drain does, with its mark in the same patch.
fn drained(scene: &Scene<'_>, node: &str, was: &Value) {
    let key = "metadata.annotations.karpenter.sh/do-not-disrupt";
    let was = json!({"spec.unschedulable": was, key: null});
    let mut patch = marked(&mark(scene, 600, was, json!({"spec.unschedulable": true, key: "true"})));
    patch["spec"] = json!({"unschedulable": true});
    patch["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!("true");
    scene.patch::<Node>(node, patch);
}

fn annotations(scene: &Scene<'_>, node: &str) -> (Vec<String>, bool) {
    let all = scene.get::<Node>(node).metadata.annotations;
    let frozen = all
        .as_ref()
        .is_some_and(|all| all.contains_key("karpenter.sh/do-not-disrupt"));
    (ours(all.as_ref()), frozen)
}

#[test]
fn nodes_take_pods_again_and_those_that_do_already_are_said_to() {
    let scene = Scene::shards(3).start();
    let [first, second, third] = [0, 1, 2].map(|ordinal| scene.node_of(ordinal));
    scene.cordon(&first, true);
    scene.cordon(&second, true);
    let typo = format!("{first}x");
    uncordon(&scene, &[&typo]).says(2, &[&format!("there is no node named {typo}"), &first]);
    uncordon(&scene, &[]).says(2, &["NODE"]);
    uncordon(&scene, &[&first]).says(3, &["nobody can be asked here", "--yes"]);
    for how in ["--dry-run=client", "--dry-run=server"] {
        let would = format!("node/{first}: would be uncordoned");
        uncordon(&scene, &[how, &first, &third]).says(0, &[&would, &format!("node/{third}: already uncordoned")]);
    }
    assert!(is_cordoned(&scene, &first));

    uncordon(&scene, &["--yes", &format!("node/{first}"), &third]).says(
        0,
        &[&format!("node/{first} uncordoned; node/{third} already uncordoned")],
    );
    assert!(!is_cordoned(&scene, &first) && is_cordoned(&scene, &second));
    let all = format!("kubernetes.io/hostname in ({first},{second})");
    let ran = uncordon(&scene, &["--yes", "-l", &all, "-o", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let last: Value = serde_json::from_str(ran.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["event"], &last["end"]), (&json!("ended"), &json!("done")));
    assert!(!is_cordoned(&scene, &second));

    // Nothing to do: no question, nothing written, not even a lock.
    let interceptor = Interceptor::before(scene.plane());
    let again = run(scene.shardctl_with(&interceptor.kubeconfig(&scene), ["uncordon", first.as_str()]));
    again.says(0, &[&format!("node/{first} already uncordoned")]);
    assert_eq!(interceptor.writes().len(), 0);
}

#[test]
fn what_an_interrupted_drain_left_on_the_node_goes_with_its_cordon() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(1);
    for was in [Value::Null, json!(true)] {
        drained(&scene, &node, &was);
        uncordon(&scene, &["--yes", &node]).says(0, &[&format!("node/{node} uncordoned, what drain/"), "is put back"]);
        assert!(!is_cordoned(&scene, &node), "cordoned before the drain: {was}");
        assert_eq!(annotations(&scene, &node), (Vec::new(), false));
        assert!(scene.find::<Lease>("shardctl-shard").is_none());
    }
    // Its run had the lock when it was killed: it is watched, and taken over.
    drained(&scene, &node, &Value::Null);
    scene.apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "shardctl-shard"},
        "spec": {"holderIdentity": "ada@laptop", "leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"}}));
    uncordon(&scene, &["--yes", &node]).says(0, &[&format!("node/{node} uncordoned")]);
    assert_eq!(annotations(&scene, &node), (Vec::new(), false));
}

#[test]
fn while_the_operation_that_cordoned_it_is_running_the_cordon_stays() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(1);
    // Whoever holds the lock on the set, its mark isn't touched: an upgrade that is held up lives as a drain would.
    let interceptor = Interceptor::before(scene.plane());
    let held = interceptor.on(|request| request.deletes("pods/shard-2")).nth(1).hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    held.wait_hit();
    drained(&scene, &node, &Value::Null);
    let refused = uncordon(&scene, &["--yes", &node]);
    refused.says(
        6,
        &[
            "holds the lock on statefulset/shard",
            "that operation is alive",
            "shardctl recover -n",
        ],
    );
    assert!(is_cordoned(&scene, &node) && annotations(&scene, &node).1);
    // Once it is dead, the same works: its lock is watched, and taken over.
    command.kill();
    held.discard();
    uncordon(&scene, &["--yes", &node]).says(0, &[&format!("node/{node} uncordoned")]);
    assert!(!is_cordoned(&scene, &node) && !annotations(&scene, &node).1);
}
