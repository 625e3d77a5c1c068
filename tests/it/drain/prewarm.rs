//! The node that a shard needs is made, and its image fetched, before the shard goes.

use k8s_openapi::api::core::v1::Pod;

use super::{AsItWas, Watched, drain, packed, packed_by_karpenter, said};
use crate::cluster::{Interceptor, Scene};

/// How many NodeClaims the scene has.
fn node_claims(scene: &Scene<'_>) -> usize {
    let query = format!("labelSelector=test.shardctl.dev/scene={}", scene.namespace());
    scene.list_any("karpenter.sh/v1", "NodeClaim", &query).len()
}

/// The names of the placeholders that were made and of what was evicted or deleted, in order.
fn story(interceptor: &Interceptor) -> Vec<&'static str> {
    let writes = interceptor.writes();
    let told = writes.iter().filter_map(|write| {
        let of_shard = write.path.contains("/pods/shard-");
        match write.method.as_str() {
            "POST" if write.path.ends_with("/pods") => Some("placeholder"),
            "POST" if write.path.ends_with("/eviction") && write.answered == Some(201) => Some("shard"),
            "DELETE" if of_shard => Some("shard"),
            _ => None,
        }
    });
    told.collect()
}

/// Drains a node of Karpenter's whose shards need a new node, which takes a while; a shard isn't down for that long.
#[track_caller]
fn waits_for_the_node_first(strategy: &str, further: &[&str]) {
    const TAKES: f64 = 4.0;
    let scene = packed_by_karpenter(2, 2).start();
    scene.new_nodes_take(&format!("{TAKES}s"));
    let node = scene.node_of(0);
    let (before, watched, claims) = (AsItWas::of(&scene), Watched::of(&scene), node_claims(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let mut arguments = vec!["--strategy", strategy];
    arguments.extend_from_slice(further);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), drain(&node, &arguments))
        .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    let story = story(&interceptor);
    assert_eq!(story[..3], ["placeholder", "placeholder", "shard"], "{}", said(&ran));
    // A shard may push out another one's placeholder, which is made again then.
    assert_eq!(story.iter().filter(|one| **one == "shard").count(), 2, "{}", said(&ran));
    assert_eq!(
        node_claims(&scene),
        claims + 1,
        "both placeholders on one new node: {}",
        said(&ran)
    );
    let down = watched.shards.shard_seconds();
    assert!(down < TAKES, "no shard waited for the node: {down} s: {}", said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
    let helpers: Vec<Pod> = scene.list("labelSelector=shardctl.dev/helper");
    assert_eq!(helpers.len(), 0, "{}", said(&ran));
}

#[test]
fn relax_evicts_once_the_node_is_there() {
    waits_for_the_node_first("relax", &[]);
}

#[test]
fn downtime_begins_once_the_node_is_there() {
    waits_for_the_node_first("downtime", &["--confirm", "shard"]);
}

#[test]
fn a_node_that_never_comes_ends_it_before_any_shard_went() {
    let scene = packed_by_karpenter(1, 1).start();
    scene.new_nodes_take("10m");
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let arguments = drain(&node, &["--shard-timeout", "3s"]);
    let ran = scene.shardctl_process(scene.kubeconfig(), arguments).wait();
    assert_eq!(ran.code, Some(3), "nothing was touched: {}", said(&ran));
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{}", said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
}

#[test]
fn without_pre_warming_the_shard_waits_for_its_node() {
    let scene = packed_by_karpenter(1, 1).start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let arguments = drain(&node, &["--prewarm", "never"]);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(story(&interceptor), ["shard"], "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn where_there_is_room_it_can_be_held_all_the_same() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let arguments = drain(&node, &["--prewarm", "always"]);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(
        story(&interceptor),
        ["placeholder", "placeholder", "shard", "shard"],
        "{}",
        said(&ran)
    );
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn a_node_with_room_that_has_yet_to_fetch_the_image_does_so_while_the_shard_runs() {
    let scene = packed(2, 1, 2).image("registry.example/shard:1.0-slowpull").start();
    let (node, spare) = (scene.node_of(0), scene.node_of(1));
    scene.cordon(&spare, true);
    let to = format!("{}-eastus-1-fresh", scene.namespace());
    let labels = serde_json::json!({crate::cluster::scene::workload::SCENE: scene.namespace()});
    scene.apply(crate::cluster::scene::nodes::node(
        &to,
        &labels,
        &[],
        super::ZONE,
        "16",
        "128Gi",
    ));
    scene.wait_until("the new node is Ready", |scene| {
        let taints = scene
            .get::<k8s_openapi::api::core::v1::Node>(&to)
            .spec
            .and_then(|spec| spec.taints);
        taints.is_none_or(|taints| taints.is_empty())
    });
    // As every kubelet does, it lists what it has: the images that it came with.
    let its_own =
        serde_json::json!({"status": {"images": [{"names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 700_000}]}});
    scene.patch_status::<k8s_openapi::api::core::v1::Node>(&to, its_own);
    let watched = Watched::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), drain(&node, &[]))
        .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(story(&interceptor), ["placeholder", "shard"], "{}", said(&ran));
    assert!(!said(&ran).contains("ErrImagePull"), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    assert_eq!(scene.node_of(0), to);
}
