//! Rights that are taken away while a drain runs: what can't be put back is asked for a few times at most, the rest is put back,
//! and the end names what heals it.

use serde_json::{Value, json};

use super::{AsItWas, Watched, drain, packed, said};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene};
use crate::recover::recovered;
use crate::upgrade::left_behind;

/// The API server's answer to who may not.
fn forbidden(verb: &str, group: &str, resource: &str, name: &str, place: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": format!("{resource} \"{name}\" is forbidden: User \"jo\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"),
        "details": {"name": name, "group": group, "kind": resource},
    })
}

fn takes_a_mark_off(request: &Request) -> bool {
    let mut patches = request.body.as_array().into_iter().flatten();
    patches.any(|patch| patch["op"] == "remove" && patch["path"] == "/metadata/annotations/shardctl.dev~1mark")
}

/// How a drain ended whose requests that `refused` names were all refused.
struct Ended {
    told: String,
    before: AsItWas,
    watched: Watched,
    node: String,
    /// How many of them there were.
    asked: usize,
}

#[track_caller]
fn ends(
    scene: &Scene<'_>,
    strategy: &str,
    refused: impl Fn(&Request) -> bool + Send + Sync + 'static,
    with: Value,
) -> Ended {
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(scene), Watched::of(scene));
    let interceptor = Interceptor::before(scene.plane());
    let rule = interceptor.on(refused).answer(403, with);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(scene), drain(&node, &["--strategy", strategy]))
        .wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(5), "{told}");
    assert!(
        told.contains("cannot patch") || told.contains("not allowed") || told.contains("doesn't let us"),
        "{told}"
    );
    assert!(told.contains("Undo:   shardctl recover"), "{told}");
    Ended {
        told,
        before,
        watched,
        node,
        asked: rule.hits(),
    }
}

/// Recovers with all rights.
#[track_caller]
fn heals(scene: &Scene<'_>) -> String {
    let healed = recovered(scene, &[]);
    let told = format!("{}{}", healed.stderr, healed.stdout);
    assert_eq!(healed.code, 0, "{told}");
    scene.wait_until_healthy();
    told
}

#[test]
fn a_budget_that_may_not_be_closed_stays_marked_and_all_else_is_put_back() {
    let scene = packed(3, 2, 2).start();
    let place = format!("in the namespace \"{}\"", scene.namespace());
    let closes = |request: &Request| {
        request.method == "PATCH" && request.path.contains("/poddisruptionbudgets/") && takes_a_mark_off(request)
    };
    let ended = ends(
        &scene,
        "relax",
        closes,
        forbidden("patch", "policy", "poddisruptionbudgets", "shard", &place),
    );
    let told = ended.told;
    assert!(ended.asked <= 4, "{} times: {told}", ended.asked);
    assert_eq!(ended.watched.shards.deletions(), ["shard-1"], "no further one: {told}");
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{told}");
    assert!(!is_cordoned(&scene, &ended.node), "{told}");
    let told = format!("{told}\n{}", heals(&scene));
    ended.watched.was_careful(&scene, &told);
    ended.before.but_cordoned(&scene, &[], &told);
}

#[test]
fn a_node_that_may_not_be_left_is_named_with_what_heals_it() {
    let scene = packed(3, 2, 2).start();
    let leaves =
        |request: &Request| request.method == "PATCH" && request.path.contains("/nodes/") && takes_a_mark_off(request);
    let node = scene.node_of(0);
    let with = forbidden("patch", "", "nodes", &node, "at the cluster scope");
    let ended = ends(&scene, "relax", leaves, with);
    let told = ended.told;
    assert!(ended.asked <= 4, "{} times: {told}", ended.asked);
    assert!(told.contains(&format!("node/{node}")), "{told}");
    assert_eq!(ended.watched.shards.deletions(), ["shard-1", "shard-0"], "{told}");
    assert_eq!(left_behind(&scene), [format!("shardctl.dev/mark on {node}")], "{told}");
    let told = format!("{told}\n{}", heals(&scene));
    ended.watched.was_careful(&scene, &told);
    // It was never left as emptied: what its mark says is undone, with the cordon.
    ended.before.but_cordoned(&scene, &[], &told);
}

#[test]
fn a_claim_that_may_not_be_deleted_is_named_with_what_heals_it() {
    let scene = packed(3, 2, 2).start();
    let place = format!("in the namespace \"{}\"", scene.namespace());
    let ended = ends(
        &scene,
        "surge",
        |request: &Request| request.method == "DELETE" && request.path.contains("/persistentvolumeclaims/"),
        forbidden("delete", "", "persistentvolumeclaims", "data-shard-3", &place),
    );
    let told = ended.told;
    assert!(ended.asked <= 4, "{} times: {told}", ended.asked);
    assert!(told.contains("pvc/data-shard-3"), "{told}");
    assert_eq!(ended.watched.shards.deletions(), ["shard-1", "shard-0"], "{told}");
    let told = format!("{told}\n{}", heals(&scene));
    ended.watched.was_careful(&scene, &told);
    ended.before.but_cordoned(&scene, &[&ended.node], &told);
}

fn is_cordoned(scene: &Scene<'_>, node: &str) -> bool {
    let found: k8s_openapi::api::core::v1::Node = scene.get(node);
    found.spec.and_then(|spec| spec.unschedulable) == Some(true)
}
