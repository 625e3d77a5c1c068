//! A promotion on AKS: its node classes are there, and the explore pool's goes with the pool. Azure's provider can't run here: nodes
//! are made by hand as it would label them, and taken away as it would.

use crate::cluster::Interceptor;
use crate::cluster::scene::nodes::node;
use crate::deploy::{Ran, ran};
use crate::render::ground::{Ground, with_aks_node_classes};
use k8s_openapi::api::core::v1::Node;
use serde_json::json;

/// The words of a command on a workload of one shard in one zone, with AKS's own node class.
fn words(ground: &Ground, command: &[&str], more: &[&str]) -> Vec<String> {
    let name = ground.scene.namespace();
    let zone = &ground.zone_names()[0];
    let own = [
        "--name",
        name,
        "-n",
        name,
        "--storage-class",
        name,
        "--zones",
        zone,
        "--shards",
        "1",
        "--yes",
    ];
    let own = own.iter().chain(["--lease-duration", "1s"].iter());
    command
        .iter()
        .chain(own)
        .chain(more)
        .map(|word| (*word).to_owned())
        .collect()
}

/// A node such as the provider makes for a phase's pool.
fn make_node(ground: &Ground, phase: &str) -> String {
    let name = ground.scene.namespace();
    let (pool, place) = (format!("{name}-{phase}"), format!("{name}-{phase}-node"));
    let labels = json!({"karpenter.sh/nodepool": pool, "workload": pool, "karpenter.sh/capacity-type": "on-demand"});
    let reserved = json!({"key": name, "value": "reserved", "effect": "NoSchedule"});
    let taints = if phase == "stable" { vec![reserved] } else { Vec::new() };
    let zone = &ground.zone_names()[0];
    ground
        .scene
        .apply(node(&place, &labels, &taints, zone, "15800m", "112Gi"));
    place
}

fn is_there(ground: &Ground, class: &str) -> bool {
    let path = format!("/apis/karpenter.azure.com/v1beta1/aksnodeclasses/{class}");
    ground.scene.plane().get(&path).is_ok()
}

#[test]
fn the_explore_pools_node_class_goes_with_it_also_where_a_run_was_killed_before_that() {
    with_aks_node_classes();
    let ground = Ground::new();
    let name = ground.scene.namespace().to_owned();
    let explore = make_node(&ground, "explore");
    let deploy = words(&ground, &["deploy", "explore"], &[]);
    ran(&ground, ground.scene.kubeconfig(), &deploy).is(0, &["1 shard is Ready"]);
    assert!(is_there(&ground, &format!("{name}-explore")));
    make_node(&ground, "stable");

    let interceptor = Interceptor::before(ground.scene.plane());
    let class = format!("aksnodeclasses/{name}-explore");
    let before_it = interceptor.on(move |request| request.deletes(&class)).hold();
    let promote = words(&ground, &["promote"], &["--size", "Standard_E16s_v5"]);
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    let mut command = ground
        .scene
        .shardctl_process(&kubeconfig, promote.iter().map(String::as_str));
    command.wait_for_output("deleted: Karpenter ends its nodes");
    ground.scene.delete::<Node>(&explore);
    before_it.wait_hit();
    command.kill();
    before_it.discard();
    assert!(is_there(&ground, &format!("{name}-explore")));

    let again: Ran = ran(&ground, ground.scene.kubeconfig(), &promote);
    again.is(0, &[&format!("aksnodeclass/{name}-explore"), "deleted"]);
    assert!(!is_there(&ground, &format!("{name}-explore")));
    assert!(is_there(&ground, &format!("{name}-stable")));
    ran(&ground, ground.scene.kubeconfig(), &promote).is(0, &["nothing to do"]);

    let cleanup = words(&ground, &["cleanup"], &[]);
    let stable = format!("{name}-stable-node");
    let mut command = ground
        .scene
        .shardctl_process(ground.scene.kubeconfig(), cleanup.iter().map(String::as_str));
    command.wait_for_output("deleted: Karpenter ends its nodes");
    ground.scene.delete::<Node>(&stable);
    let ended = command.wait();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stderr, ended.stdout);
    assert!(
        ended.stdout.contains(&format!("aksnodeclass/{name}-stable")),
        "{}",
        ended.stdout
    );
    assert!(!is_there(&ground, &format!("{name}-stable")));
}
