//! Other people's pods on the node: they go first, by their own budgets, which are never touched.

use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{AsItWas, Watched, drain, packed, said};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Running, Scene};

/// A drain of shard 0's node whose every request is seen.
fn started(scene: &Scene<'_>, kubeconfig: &Path, further: &[&str]) -> Running {
    let node = scene.node_of(0);
    scene.shardctl_process(kubeconfig, drain(&node, further))
}

fn evicted(request: &Request) -> Option<&str> {
    let pod = request.path.strip_suffix("/eviction")?.rsplit('/').next()?;
    (request.method == "POST" && request.answered == Some(201)).then_some(pod)
}

#[test]
fn neighbours_go_before_the_shards_and_daemons_stay() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("web", 2, &node);
    scene.daemon_set("agent", &node);
    scene.bare_pod("bare", &node, json!([{"name": "scratch", "emptyDir": {}}]));
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let ran = started(
        &scene,
        &interceptor.kubeconfig(&scene),
        &["--force", "--delete-emptydir-data"],
    )
    .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    let requests = interceptor.requests();
    let order: Vec<&str> = requests.iter().filter_map(evicted).collect();
    assert_eq!(order.len(), 5, "{order:?}");
    assert_eq!(order[3..], ["shard-1", "shard-0"], "{order:?}");
    assert_eq!(scene.neighbours_on("agent", &node), 1);
    assert_eq!(scene.neighbours_on("web", &node), 0);
    assert!(scene.find::<Pod>("bare").is_none());
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn a_neighbour_waits_for_its_own_budget_and_the_shards_for_it() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("web", 2, &node);
    scene.neighbours_budget("web", json!(1));
    let theirs = scene.get::<PodDisruptionBudget>("web").spec;
    // Only one of the two may go now: the other has to wait until the first is Ready elsewhere.
    let watched = Watched::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let ran = started(&scene, &interceptor.kubeconfig(&scene), &[]).wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(scene.get::<PodDisruptionBudget>("web").spec, theirs);
    assert_eq!(scene.neighbours_on("web", &node), 0);
    watched.was_careful(&scene, &said(&ran));
}

#[test]
fn a_neighbour_that_its_budget_holds_back_is_named_and_the_time_runs_out() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("web", 3, &node);
    scene.neighbours_budget("web", json!(2));
    // Two of them aren't Ready, so that the budget lets none go: not for ever, as far as anybody can tell.
    let pods: Vec<Pod> = scene.list("labelSelector=neighbour=web");
    for name in pods.into_iter().take(2).filter_map(|pod| pod.metadata.name) {
        scene.make_pod_unready(&name);
    }
    scene.wait_until("the budget lets none go", |scene| {
        let status = scene.get::<PodDisruptionBudget>("web").status.unwrap_or_default();
        status.current_healthy == Some(1)
    });
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = started(&scene, scene.kubeconfig(), &["--timeout", "4s"]).wait();
    assert_eq!(ran.code, Some(4), "{}", said(&ran));
    for words in ["pdb/web", "needs 2 healthy, has 1"] {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "shards come after it");
    before.but_cordoned(&scene, &[], &said(&ran));
}
