//! The runbooks, played: each section's commands are typed as they stand, in order, in a scene that is in that state.
//!
//! A page is read as people read it. A box of `sh` holds commands, one a line; `# exit N` behind one is the code that it must
//! end with, else 0. A box of `text` below holds words that the last command before it must have written, a line each. Lines
//! like `NAME=value` are settings, for which a test puts in its scene's own.

mod page;

use crate::cluster::{Interceptor, Scene, Witness};
use crate::drain::disks::{attachment, uses, with_awaited_disks};
use crate::drain::{drained, packed};
use crate::recover::node_off::{go_silent, long_ago, three_on_two, with_two};
use crate::recover::{mark, marked};
use crate::upgrade::{is_whole, ran, revision, upgrade};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use page::Runbook;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const CRASHES: &str = "registry.example/shard:2.0-crash";
const RIGHT: (&str, &str) = ("IMAGE", "registry.example/shard:2.1");

#[test]
fn bad_image() {
    let mut page = Runbook::open("bad-image");

    let scene = Scene::shards(2).start();
    let refused = ran(&scene, &["--image", "registry.example/shard:2.0-pullfail"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    page.play("Exit 3: a node can't get the image", &scene, &[RIGHT]);
    assert!(is_whole(&scene));

    // The same scene, with a template that crashes: back, and then forward.
    let old = revision(&scene);
    let crashed = ran(&scene, &["--image", CRASHES]);
    assert_eq!(crashed.code, Some(1), "{crashed:?}");
    let witness = Witness::of(&scene);
    let shard = ("SHARD", "shard-1");
    page.play("Exit 1: a shard is down, go back", &scene, &[shard]);
    assert!(is_whole(&scene) && revision(&scene) == old);
    assert_eq!(witness.deletions(), ["shard-1"]);

    let crashed = ran(&scene, &["--image", CRASHES]);
    assert_eq!(crashed.code, Some(1), "{crashed:?}");
    let right = ("IMAGE", "registry.example/shard:2.2");
    page.play("Exit 1: a shard is down, go forward", &scene, &[right]);
    assert!(is_whole(&scene));

    // Shard 1 comes over and shard 0 doesn't, by the test's word.
    let old = revision(&scene);
    scene.patch::<StatefulSet>(
        scene.name(),
        json!({"spec": {"template": {"metadata": {"annotations": {"test.shardctl.dev/ready-after": "1h"}}}}}),
    );
    scene.wait_until("the controller has seen the template", |scene| revision(scene) != old);
    let command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--on-failure", "undo"]));
    behaves(&scene, "shard-1", "ready-after", "100ms");
    behaves(&scene, "shard-0", "behaviour", "crash");
    let mixed = command.wait();
    assert_eq!(mixed.code, Some(1), "{mixed:?}");
    page.play("Exit 1 with --on-failure undo: the set is mixed", &scene, &[]);
    assert!(is_whole(&scene));
    assert_eq!(witness.most_down_at_once(), 1);
    page.was_played_whole();
}

#[test]
fn shard_stuck() {
    let mut page = Runbook::open("shard-stuck");
    let hasty = Scene::shards(2).template(json!({"spec": {"terminationGracePeriodSeconds": 1}}));
    let shard = ("SHARD", "shard-1");

    let scene = hasty.clone().start();
    let witness = Witness::of(&scene);
    let node = scene.node_of(1);
    let node = ("NODE", node.as_str());
    scene.patch::<Pod>(
        "shard-1",
        json!({"metadata": {"annotations": {"test.shardctl.dev/stop": "never"}}}),
    );
    let stuck = ran(
        &scene,
        &["--image", "registry.example/shard:2.0", "--shard-timeout", "1s"],
    );
    assert_eq!(stuck.code, Some(4), "{stuck:?}");
    page.play("A shard is stuck", &scene, &[shard, node]);
    page.play("Terminating: it doesn't stop", &scene, &[shard, node]);
    assert!(is_whole(&scene));

    // Cordoned after the last look at it: the shard is down by then.
    let interceptor = Interceptor::before(scene.plane());
    let deletion = interceptor.on(|request| request.deletes("pods/shard-1")).nth(1).hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--restart"]));
    deletion.wait_hit();
    scene.cordon(node.1, true);
    deletion.release();
    let pending = command.wait();
    assert_eq!(pending.code, Some(1), "{pending:?}");
    page.play("Pending: no node takes it", &scene, &[shard, node]);
    assert!(is_whole(&scene));

    assert_eq!(witness.most_down_at_once(), 1);

    let scene = hasty.start();
    let ended = ran(
        &scene,
        &["--image", "registry.example/shard:2.0-unready", "--shard-timeout", "1s"],
    );
    assert_eq!(ended.code, Some(4), "{ended:?}");
    page.play("Running, and never Ready", &scene, &[shard]);
    assert!(is_whole(&scene));
    page.was_played_whole();
}

#[test]
fn node_lost() {
    let mut page = Runbook::open("node-lost");
    let scene = three_on_two("Parallel");
    let witness = Witness::of(&scene);
    let (node, _) = with_two(&scene);
    let node = ("NODE", node.as_str());
    go_silent(&scene, node.1);
    long_ago(&scene, node.1);
    page.play("A node is lost", &scene, &[node]);
    assert_eq!(witness.deletions().len(), 2, "nothing but the controllers' own");
    scene.silence(node.1, false);
    page.play("It comes back", &scene, &[node]);
    scene.wait_until_healthy();

    let (node, _) = with_two(&scene);
    let node = ("NODE", node.as_str());
    go_silent(&scene, node.1);
    long_ago(&scene, node.1);
    page.play("Its machine is off", &scene, &[node]);
    assert!(is_whole(&scene));
    page.was_played_whole();
}

#[test]
fn system_down() {
    let mut page = Runbook::open("system-down");
    let scene = Scene::shards(3).start();
    let node = scene.node_of(1);
    let settings = [("SHARD", "shard-1"), ("NODE", node.as_str())];
    // A drain was killed after it had cordoned the node and taken the shard down: its home is only there.
    let left = mark(
        &scene,
        600,
        json!({"spec.unschedulable": null}),
        json!({"spec.unschedulable": true}),
    );
    let mut cordoned = marked(&left);
    cordoned["spec"] = json!({"unschedulable": true});
    scene.patch::<Node>(&node, cordoned);
    lose(&scene, 1);
    page.play("The system is down", &scene, &settings);
    page.play("A run was cut off", &scene, &settings);
    assert!(is_whole(&scene));

    scene.cordon(&node, true);
    lose(&scene, 1);
    page.play("A node is cordoned", &scene, &settings);
    assert!(is_whole(&scene));
    page.was_played_whole();
}

/// Deletes a shard's pod, and waits until its successor is Pending.
fn lose(scene: &Scene<'_>, ordinal: u32) {
    let uid = scene.pod(ordinal).metadata.uid;
    scene.delete::<Pod>(&scene.pod_name(ordinal));
    scene.wait_until("its successor has no node", |scene| {
        let pod = scene.find::<Pod>(&scene.pod_name(ordinal));
        pod.is_some_and(|pod| pod.metadata.uid != uid && pod.spec.is_some_and(|spec| spec.node_name.is_none()))
    });
}

#[test]
fn budget_blocks() {
    let mut page = Runbook::open("budget-blocks");
    let scene = packed(3, 2, 2).start();
    let witness = Witness::of(&scene);
    let budget = |patch: Value| scene.patch::<PodDisruptionBudget>("shard", patch);
    // Each drain leaves every shard on the other node, and shard 0's is the next to be emptied.
    let mut play = |heading: &str, shard: &str| {
        let node = scene.node_of(0);
        let settings = [("NODE", node.as_str()), ("SHARD", shard), ("BUDGET", "shard")];
        page.play(heading, &scene, &settings);
        scene.cordon(&node, false);
        scene.wait_until("every shard is Ready", |scene| {
            (0..3).all(|ordinal| scene.is_ready(ordinal))
        });
    };

    play("A budget blocks a drain", "shard-0");

    scene.make_unready(2);
    scene.wait_until("shard 2 is down", |scene| !scene.is_ready(2));
    play("A shard isn't Ready: it passes", "shard-2");

    budget(json!({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}));
    scene.make_unready(0);
    scene.wait_until("the budget has seen it", |scene| {
        scene.budget().status.and_then(|status| status.current_healthy) == Some(2)
    });
    play("The shard that isn't Ready is the one that has to go", "shard-0");

    play("It never lets one go", "shard-0");
    budget(json!({"spec": {"minAvailable": null, "maxUnavailable": 0}}));
    scene.wait_until_healthy();
    play("It never lets one go", "shard-0");
    budget(json!({"spec": {"minAvailable": 3, "maxUnavailable": null}}));

    // Somebody's, of a while ago: the controller believes it until two minutes are over.
    scene.wait_until_healthy();
    let asked = Timestamp::now() - SignedDuration::from_secs(80);
    let asked = asked.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    scene.patch_status::<PodDisruptionBudget>("shard", json!({"status": {"disruptedPods": {"shard-1": asked}}}));
    play("An eviction that went wrong is still counted", "shard-1");

    let second = || {
        scene.apply(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "another"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": scene.name()}}},
        }))
    };
    second();
    play("Two budgets, of which one is too many", "shard-0");
    // From here on the controller keeps only one of the two up to date.
    second();
    play("Two budgets, and both have to stay", "shard-0");

    assert_eq!(witness.most_down_at_once(), 1);
    page.was_played_whole();
}

#[test]
fn multi_attach() {
    let mut page = Runbook::open("multi-attach");
    let scene = with_awaited_disks(packed(3, 2, 2)).start();
    let witness = Witness::of(&scene);
    let node = scene.node_of(0);
    let held = attachment(&scene, 1);
    uses(&scene, &node, &[1]);
    let ended = drained(&scene, &node, &["--shard-timeout", "2s"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains(&held) || ended.stdout.contains(&held),
        "{ended:?}"
    );
    let settings = [
        ("SHARD", "shard-1"),
        ("NODE", node.as_str()),
        ("ATTACHMENT", held.as_str()),
    ];
    page.play("A disk doesn't leave the old node", &scene, &settings);
    page.play("The node is Ready", &scene, &settings);
    uses(&scene, &node, &[]);
    page.play("It has left", &scene, &settings);
    scene.wait_until_healthy();
    assert_eq!(scene.shards_on(&node), Vec::<String>::new());
    assert_eq!(witness.most_down_at_once(), 1);
    page.was_played_whole();
}

#[test]
fn every_page_is_in_the_index_and_every_page_of_the_index_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let index = std::fs::read_to_string(folder.join("README.md")).expect("the index");
    let links = index.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let linked: BTreeSet<String> = links.map(|(page, _)| page.to_owned()).collect();
    let files = std::fs::read_dir(&folder).expect("the folder");
    let files = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let pages: BTreeSet<String> = files.filter(|name| name != "README.md").collect();
    assert_eq!(linked, pages);
}

/// Says how a shard that is made anew with the set's template is to behave.
fn behaves(scene: &Scene<'_>, shard: &str, key: &str, value: &str) {
    let new = revision(scene);
    scene.wait_until("the shard is made anew", |scene| {
        let labels = scene.find::<Pod>(shard).and_then(|pod| pod.metadata.labels);
        labels.is_some_and(|labels| labels.get("controller-revision-hash") == Some(&new))
    });
    let annotations = json!({"metadata": {"annotations": {format!("test.shardctl.dev/{key}"): value}}});
    scene.patch::<Pod>(shard, annotations);
}
