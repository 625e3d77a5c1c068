//! `shardctl promote` on a real control plane with Karpenter: the shards move one at a time to the pinned size, with their disks.

mod again;
mod aks;
mod interrupt;
mod kill;
mod lock;
mod outputs;
mod refused;
mod rights;

use crate::cluster::scene::objects::is_ready;
use crate::cluster::{Interceptor, Witness, api};
use crate::deploy::{Ran, deployed, ran};
use crate::render::ground::Ground;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The words of `promote` of three shards with this ground's names, and `more`.
pub fn words(ground: &Ground, more: &[&str]) -> Vec<String> {
    let mut arguments = ground.of_command("promote");
    let own = ["--shards", "3", "--size", "Standard_E16s_v5", "--lease-duration", "1s"];
    arguments.extend(own.iter().chain(more).map(|word| (*word).to_owned()));
    arguments
}

#[track_caller]
fn promote(ground: &Ground, kubeconfig: &Path, more: &[&str]) -> Ran {
    ran(ground, kubeconfig, &words(ground, more))
}

/// The uid and the volume of each claim.
fn disks(ground: &Ground) -> BTreeMap<String, (Option<String>, Option<String>)> {
    let claims = ground.scene.list::<PersistentVolumeClaim>("");
    let of = |claim: PersistentVolumeClaim| {
        let volume = claim.spec.and_then(|spec| spec.volume_name);
        (claim.metadata.name.unwrap_or_default(), (claim.metadata.uid, volume))
    };
    claims.into_iter().map(of).collect()
}

/// The pools of this ground that are there.
fn pools(ground: &Ground) -> BTreeSet<String> {
    let all = ground
        .scene
        .plane()
        .get("/apis/karpenter.sh/v1/nodepools")
        .expect("the pools");
    let items = all["items"].as_array().expect("a list").iter();
    let names = items.filter_map(|of| of["metadata"]["name"].as_str().map(str::to_owned));
    let own = ["explore", "stable"].map(|phase| format!("{}-{phase}", ground.scene.namespace()));
    names.filter(|name| own.contains(name)).collect()
}

/// The words of a promotion to another size.
fn words_of_size(ground: &Ground, size: &str, more: &[&str]) -> Vec<String> {
    let words = words(ground, more).into_iter();
    words
        .map(|word| {
            if word == "Standard_E16s_v5" {
                size.to_owned()
            } else {
                word
            }
        })
        .collect()
}

/// Every shard is Ready on a node of the stable pool, on the disk that it had; nothing of explore and nothing of ours is left.
#[track_caller]
fn is_promoted(ground: &Ground, before: &BTreeMap<String, (Option<String>, Option<String>)>, said: &str) {
    is_promoted_to(ground, "Standard_E16s_v5", before, said);
}

#[track_caller]
fn is_promoted_to(
    ground: &Ground,
    size: &str,
    before: &BTreeMap<String, (Option<String>, Option<String>)>,
    said: &str,
) {
    let name = ground.scene.namespace();
    let pods = ground.shards();
    assert!(pods.len() == 3 && pods.iter().all(is_ready), "{said}");
    for node in ground.nodes().keys() {
        let labels = ground.labels(node);
        assert_eq!(labels["workload"], format!("{name}-stable"), "{said}");
        assert_eq!(labels["node.kubernetes.io/instance-type"], size, "{said}");
    }
    assert_eq!(&disks(ground), before, "{said}");
    assert_eq!(pools(ground), BTreeSet::from([format!("{name}-stable")]), "{said}");
    let nodes = ground
        .scene
        .list::<Node>(&format!("labelSelector=karpenter.sh/nodepool%3D{name}-explore"));
    assert!(nodes.is_empty(), "{said}");
    let helpers = ground.scene.list::<Pod>("labelSelector=shardctl.dev/helper");
    assert!(helpers.is_empty(), "{said}");
}

#[test]
fn shards_move_one_at_a_time_onto_nodes_that_are_there_for_them_and_keep_their_disks() {
    let ground = deployed();
    let before = disks(&ground);
    let witness = Witness::of_set(&ground.scene, &ground.set(), 3);
    let interceptor = Interceptor::before(ground.scene.plane());
    let ran = promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]);
    let explore = format!("nodepool/{}-explore", ground.scene.namespace());
    ran.is(
        0,
        &[
            "-stable is made",
            "a placeholder for",
            &format!("3 shards are on Standard_E16s_v5, and {explore} is gone"),
            "nothing to resume",
        ],
    );
    let said = format!("{}{}", ran.stderr, ran.stdout);
    is_promoted(&ground, &before, &said);
    assert_eq!(witness.most_down_at_once(), 1, "{said}");
    assert_eq!(witness.deletions().len(), 3, "{said}");
    // Everything that was bought was there before the first shard went: the pool went after the last.
    let writes = interceptor.writes();
    let at = |found: &dyn Fn(&str, &str) -> bool| {
        let all = writes.iter().enumerate();
        let hits = all.filter(|(_, one)| found(&one.method, &one.path));
        hits.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let rooms = at(&|method, path| method == "POST" && path.ends_with("/pods"));
    let set = ground.set();
    let shards = at(&|method, path| method == "DELETE" && path.contains(&format!("/pods/{set}-")));
    let pool = at(&|method, path| method == "DELETE" && path.contains("/nodepools/"));
    assert_eq!((rooms.len(), shards.len(), pool.len()), (3, 3, 1), "{writes:?}");
    assert!(rooms[2] < shards[0] && shards[2] < pool[0], "{writes:?}");

    ground.give_the_balancer_an_address();
    ground.is_healthy();
    let through = Interceptor::before(ground.scene.plane());
    promote(&ground, &through.kubeconfig(&ground.scene), &[]).is(0, &["nothing to do"]);
    assert!(through.writes().is_empty(), "{:?}", through.writes());
}

#[test]
fn the_explore_pool_stays_while_somebody_elses_pod_is_on_its_nodes() {
    let ground = deployed();
    let node = ground.nodes().into_keys().next().expect("a node");
    ground.scene.bare_pod("neighbour", &node, json!([]));
    let before = disks(&ground);
    let ran = promote(&ground, ground.scene.kubeconfig(), &["--yes"]);
    let name = ground.scene.namespace();
    ran.is(
        1,
        &[
            &format!("nodepool/{name}-explore stays"),
            &format!("pod {name}/neighbour"),
            "shardctl promote",
        ],
    );
    assert!(pools(&ground).contains(&format!("{name}-explore")));
    ground.scene.delete::<Pod>("neighbour");
    let again = promote(&ground, ground.scene.kubeconfig(), &["--yes"]);
    again.is(0, &["-explore is gone"]);
    is_promoted(&ground, &before, &again.stdout);
}

#[test]
fn an_explore_pool_that_is_not_labelled_as_the_workloads_is_named_and_left() {
    let ground = deployed();
    let name = format!("{}-explore", ground.scene.namespace());
    let path = format!("/apis/karpenter.sh/v1/nodepools/{name}");
    let plane = ground.scene.plane();
    let others = json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "others"}}});
    plane
        .run(api::merge(plane.client(), &path, &others))
        .expect("another label");
    let uid = |found: serde_json::Value| found["metadata"]["uid"].clone();
    let before = uid(plane.get(&path).expect("the pool"));
    promote(&ground, ground.scene.kubeconfig(), &["--yes"]).is(
        1,
        &[
            &format!("nodepool/{name} stays"),
            "isn't labelled as the workload's",
            &format!("kubectl get nodepool {name} -o yaml"),
            "app.kubernetes.io/part-of",
        ],
    );
    assert_eq!(uid(plane.get(&path).expect("the pool is still there")), before);
}

#[test]
fn a_dry_run_shows_what_would_change_and_writes_nothing() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let version = ground.scene.get::<StatefulSet>(&ground.set()).metadata.resource_version;
    for (how, objects) in [
        ("--dry-run=client", "write 1 object, and those of 6 others that differ,"),
        ("--dry-run=server", "write 2 objects"),
    ] {
        promote(&ground, &interceptor.kubeconfig(&ground.scene), &[how]).is(
            0,
            &[
                objects,
                "move 3 shards, one at a time",
                "-stable is made",
                "once it is empty",
            ],
        );
    }
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    let after = ground.scene.get::<StatefulSet>(&ground.set()).metadata.resource_version;
    assert_eq!(after, version);
}
