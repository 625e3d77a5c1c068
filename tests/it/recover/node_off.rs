//! `recover --node-is-off` on the real controllers: two shards of a node that went silent are let go and come back elsewhere, once
//! somebody says that its machine is off; the taint goes when nothing needs it any more.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{budget, mark, marked, ours, recovered};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene, Witness, api};
use crate::verify::verify;

const TAINT: &str = "node.kubernetes.io/out-of-service";

/// Three shards on two nodes; `policy` is how the set makes them.
pub fn three_on_two(policy: &str) -> Scene<'static> {
    Scene::shards(3)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .stateful_set(json!({"spec": {"podManagementPolicy": policy}}))
        .start()
}

/// The node that has two shards, and these.
pub fn with_two(scene: &Scene<'_>) -> (String, Vec<u32>) {
    let mut nodes: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for ordinal in 0..3 {
        nodes.entry(scene.node_of(ordinal)).or_default().push(ordinal);
    }
    nodes
        .into_iter()
        .find(|(_, shards)| shards.len() == 2)
        .expect("a node with two")
}

/// Silences a node, and waits until its shards are terminating: no kubelet lets them go.
pub fn go_silent(scene: &Scene<'_>, node: &str) {
    scene.silence(node, true);
    scene.wait_until("the shards of the silent node are terminating", |scene| {
        let pods: Vec<Pod> = scene.list("");
        let mut here = pods
            .iter()
            .filter(|pod| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node));
        here.all(|pod| pod.metadata.deletion_timestamp.is_some())
    });
}

/// Has it that the node has been silent for ten minutes: its Lease and condition are written so, since no test waits that long.
pub fn long_ago(scene: &Scene<'_>, node: &str) {
    let then = Timestamp::now() - SignedDuration::from_mins(10);
    let then = format!("{then:.0}");
    scene.patch_status::<Node>(
        node,
        json!({"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": then, "lastTransitionTime": then}]}}),
    );
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}");
    let micro = then.replace('Z', ".000000Z");
    let patch = json!({"spec": {"renewTime": micro}});
    let patched = scene.plane().run(api::merge(scene.plane().client(), &path, &patch));
    patched.unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn is_tainted(scene: &Scene<'_>, node: &str) -> bool {
    let taints = scene.get::<Node>(node).spec.and_then(|spec| spec.taints);
    taints.into_iter().flatten().any(|taint| taint.key == TAINT)
}

fn marks_of(scene: &Scene<'_>, node: &str) -> Vec<String> {
    ours(scene.get::<Node>(node).metadata.annotations.as_ref())
}

#[test]
fn two_shards_of_a_node_that_is_off_come_back_elsewhere_once_its_name_is_typed() {
    let scene = three_on_two("Parallel");
    let (node, shards) = with_two(&scene);
    let other = (0..3).find(|ordinal| !shards.contains(ordinal)).expect("a third");
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let ask = |more: &[&str]| {
        let mut words = vec!["recover", "--node-is-off", node.as_str(), "--lease-duration", "1s"];
        words.extend(more);
        run(scene.shardctl_with(&through, words))
    };

    ask(&["--confirm", &node]).says(
        3,
        &["node-answers", "its kubelet answers", &format!("shardctl drain {node}")],
    );
    let typo = format!("{node}x");
    run(scene.shardctl_with(&through, ["recover", "--node-is-off", typo.as_str()]))
        .says(2, &[&format!("there is no node named {typo}"), &node]);
    go_silent(&scene, &node);
    ask(&["--confirm", &node]).says(3, &["node-silence", "it was heard of"]);
    long_ago(&scene, &node);

    // What has to be seen is said; a yes doesn't do, nor another name.
    let page = [
        "its Ready condition is Unknown since 10m",
        "its kubelet renewed its Lease 10m",
        "nothing of this proves that its machine is off",
        &format!("kwok://{node}"),
        "made anew together (podManagementPolicy Parallel)",
    ];
    ask(&["--dry-run=client"]).says(0, &page);
    let unasked = ask(&["--yes"]);
    unasked.says(3, &page);
    unasked.says(3, &["a name has to be typed out here", &format!("--confirm {node}")]);
    ask(&["--confirm", "another"]).says(3, &[&format!("`another` isn't `{node}`")]);
    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());

    let before: Vec<Option<String>> = (0..3).map(|ordinal| scene.pod(ordinal).metadata.uid).collect();
    let witness = Witness::of(&scene);
    let names: Vec<String> = shards.iter().map(|ordinal| scene.pod_name(*ordinal)).collect();
    ask(&["--confirm", &node]).says(
        0,
        &[
            &format!("declared off: taint {TAINT}=nodeshutdown:NoExecute"),
            &format!("moved off node {node}: {}", names.join(", ")),
            &format!("undone: node/{node}"),
            "Now:    nothing is left of interrupted runs on this set",
        ],
    );
    assert!(!is_tainted(&scene, &node) && marks_of(&scene, &node).is_empty());
    assert!(
        shards
            .iter()
            .all(|ordinal| scene.is_ready(*ordinal) && scene.node_of(*ordinal) != node)
    );
    assert_eq!(
        scene.pod(other).metadata.uid,
        before[other as usize],
        "the third was never touched"
    );
    assert_eq!(witness.most_down_at_once(), 2, "no other than these two");
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    verify(&scene, &["--only", "RES-01"]).assert_only(&[], &[], &[]);
    // Again: it holds nothing any more.
    long_ago(&scene, &node);
    ask(&["--confirm", &node]).says(3, &["node-holds-nothing"]);
}

#[test]
fn where_the_set_makes_its_shards_in_order_they_come_first_one_then_the_other() {
    let scene = three_on_two("OrderedReady");
    let (node, shards) = with_two(&scene);
    go_silent(&scene, &node);
    long_ago(&scene, &node);
    // An interrupted drain has its mark on the very node: that is undone first, or ours would have no place.
    let mut cordoned = marked(&mark(
        &scene,
        600,
        json!({"spec.unschedulable": null}),
        json!({"spec.unschedulable": true}),
    ));
    cordoned["spec"] = json!({"unschedulable": true});
    scene.patch::<Node>(&node, cordoned);
    let (was, is) = (json!({"spec.minAvailable": 3}), json!({"spec.minAvailable": 2}));
    let mut relaxed = marked(&mark(&scene, 600, was, is));
    relaxed["spec"] = json!({"minAvailable": 2});
    scene.patch::<PodDisruptionBudget>(scene.name(), relaxed);

    let witness = Witness::of(&scene);
    let arguments = ["--node-is-off", node.as_str(), "--confirm", node.as_str()];
    recovered(&scene, &arguments).says(
        0,
        &[
            "first one, then the other (podManagementPolicy OrderedReady)",
            "spec.minAvailable: 2 → 3",
            "spec.unschedulable: true → none",
            &format!("moved off node {node}"),
        ],
    );
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    assert!(!is_tainted(&scene, &node) && marks_of(&scene, &node).is_empty());
    assert_eq!(witness.most_down_at_once(), 2);
    // The second is made only when the first is Ready.
    let [first, second] = [0, 1].map(|index| scene.pod(shards[index]));
    let ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        let ready = conditions.into_iter().flatten().find(|one| one.type_ == "Ready");
        ready.and_then(|one| one.last_transition_time.as_ref()).map(|at| at.0)
    };
    let made = second.metadata.creation_timestamp.as_ref().map(|at| at.0);
    assert!(ready(&first) <= made, "{:?} {made:?}", ready(&first));
}

#[test]
fn a_shard_that_something_else_holds_is_never_forced_and_the_taint_stays_until_it_is_gone() {
    let scene = three_on_two("Parallel");
    let (node, shards) = with_two(&scene);
    let held = scene.pod_name(shards[1]);
    scene.patch::<Pod>(&held, json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    go_silent(&scene, &node);
    long_ago(&scene, &node);
    let arguments = [
        "--node-is-off",
        node.as_str(),
        "--confirm",
        node.as_str(),
        "--timeout",
        "3s",
    ];
    let late = recovered(&scene, &arguments);
    late.says(
        5,
        &[
            "waited 3s in vain",
            &format!("{held} is still on {node}"),
            &format!("node/{node}: declared off by recover/"),
            "--node-is-off",
        ],
    );
    assert!(is_tainted(&scene, &node));
    scene.wait_until("the controllers have let the other one go", |scene| {
        scene.is_ready(shards[0]) && scene.node_of(shards[0]) != node
    });
    // The taint is still needed: recover says why, verify says that it is there.
    recovered(&scene, &[]).says(5, &[&format!("pod/{held} is still there")]);
    assert!(is_tainted(&scene, &node));
    let seen = verify(&scene, &["--only", "RES-01"]);
    assert!(
        seen.words("RES-01").contains(&format!("node/{node}")),
        "{}",
        seen.words("RES-01")
    );
    let uid = scene.pod(shards[1]).metadata.uid;
    assert!(uid.is_some(), "nobody has deleted it by force");

    scene.patch::<Pod>(&held, json!({"metadata": {"finalizers": null}}));
    // The same again goes on with it, without another taint.
    recovered(&scene, &["--node-is-off", &node, "--confirm", &node]).says(0, &[&format!("undone: node/{node}")]);
    scene.wait_until_healthy();
    assert!(scene.pod(shards[1]).metadata.uid != uid);
    assert!(!is_tainted(&scene, &node) && marks_of(&scene, &node).is_empty());
}

#[test]
fn killed_around_the_taint_or_with_the_node_back_it_is_finished_or_taken_away_by_the_next() {
    let scene = three_on_two("Parallel");
    let (node, _) = with_two(&scene);
    go_silent(&scene, &node);
    long_ago(&scene, &node);
    let arguments = [
        "recover",
        "--lease-duration",
        "1s",
        "--node-is-off",
        &node,
        "--confirm",
        &node,
    ];
    for done in [false, true] {
        let interceptor = Interceptor::before(scene.plane());
        let taint = interceptor.on(|request| request.is_write() && request.path.contains("/api/v1/nodes/"));
        let taint = if done { taint.hold_answer() } else { taint.hold() };
        let first = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
        taint.wait_hit();
        first.kill();
        taint.discard();
        assert_eq!(is_tainted(&scene, &node), done);
        assert_eq!(marks_of(&scene, &node).is_empty(), !done, "never one without the other");
    }
    // The machine wasn't off after all, or came back: the taint goes, whatever is left there.
    scene.silence(&node, false);
    scene.wait_until("the node is Ready again", |scene| {
        let conditions = scene.get::<Node>(&node).status.and_then(|status| status.conditions);
        let mut all = conditions.into_iter().flatten();
        all.any(|one| one.type_ == "Ready" && one.status == "True")
    });
    recovered(&scene, &[]).says(0, &[&format!("undone: node/{node}")]);
    assert!(!is_tainted(&scene, &node) && marks_of(&scene, &node).is_empty());
    scene.wait_until_healthy();
}
