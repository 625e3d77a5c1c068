//! Promotions that come after one: to another size, with another image, and what is seen at the end.

use super::{disks, is_promoted, is_promoted_to, promote, words, words_of_size};
use crate::cluster::{Interceptor, Witness};
use crate::deploy::{deployed, ran};
use crate::render::ground::Ground;
use crate::render::kubectl_says;
use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

fn limits(ground: &Ground) -> Value {
    let path = format!("/apis/karpenter.sh/v1/nodepools/{}-stable", ground.scene.namespace());
    ground.scene.plane().get(&path).expect("the pool")["spec"]["limits"].clone()
}

/// The CPUs of a node.
fn cpus(ground: &Ground, node: &str) -> u32 {
    let status = ground.scene.get::<Node>(node).status.expect("a status");
    let cpu = status.capacity.expect("a capacity")["cpu"].0.clone();
    cpu.parse().expect("whole CPUs")
}

#[test]
fn another_size_after_the_first_moves_every_shard_once_more() {
    let ground = deployed();
    let before = disks(&ground);
    promote(&ground, ground.scene.kubeconfig(), &["--yes"]).is(0, &["3 shards are on Standard_E16s_v5"]);
    let left: u32 = ground.nodes().keys().map(|node| cpus(&ground, node)).sum();
    let witness = Witness::of_set(&ground.scene, &ground.set(), 3);
    let larger = "Standard_E32s_v5";
    let interceptor = Interceptor::before(ground.scene.plane());
    let arguments = words_of_size(&ground, larger, &["--yes"]);
    let again = ran(&ground, &interceptor.kubeconfig(&ground.scene), &arguments);
    again.is(0, &["move 3 shards", "3 shards are on Standard_E32s_v5"]);
    let said = format!("{}{}", again.stderr, again.stdout);
    is_promoted_to(&ground, larger, &before, &said);
    assert_eq!(
        (witness.deletions().len(), witness.most_down_at_once()),
        (3, 1),
        "{said}"
    );
    // The nodes of the size before count against the limits as long as shards come off them, and no longer.
    let of_pool = |request: &&crate::cluster::interceptor::Request| request.path.contains("/nodepools/");
    let writes = interceptor.writes();
    let wrote: Vec<Value> = writes
        .iter()
        .filter(of_pool)
        .map(|request| request.body["spec"]["limits"]["cpu"].clone())
        .collect();
    assert_eq!(wrote, [(128 + left).to_string(), "128".to_owned()], "{said}");
    assert_eq!(limits(&ground)["cpu"], "128");
    ran(&ground, ground.scene.kubeconfig(), &words_of_size(&ground, larger, &[])).is(0, &["nothing to do"]);
}

#[test]
fn an_image_that_crashes_is_mended_by_a_promotion_with_a_good_one() {
    let ground = deployed();
    let before = disks(&ground);
    let bad = ["--yes", "--image", "registry.example/shard:2.0-crash"];
    let crashed = promote(&ground, ground.scene.kubeconfig(), &bad);
    crashed.is(1, &["can't become Ready", "CrashLoopBackOff"]);
    let good = ["--yes", "--image", "registry.example/shard:2.0"];
    let mended = promote(&ground, ground.scene.kubeconfig(), &good);
    mended.is(0, &["3 shards are on Standard_E16s_v5"]);
    is_promoted(&ground, &before, &mended.stdout);
}

#[test]
fn a_shard_that_is_not_ready_at_the_very_end_is_no_success() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let pool = format!("nodepools/{}-explore", ground.scene.namespace());
    let gone = interceptor.on(move |request| request.deletes(&pool)).hold_answer();
    let arguments = words(&ground, &["--yes"]);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    gone.wait_hit();
    let down = format!("{}-1", ground.set());
    ground.scene.make_pod_unready(&down);
    gone.release();
    let ended = command.wait();
    let said = format!("{}{}", ended.stderr, ended.stdout);
    assert_eq!(ended.code, Some(1), "{said}");
    assert!(said.contains("2 of 3 shards are Ready on Standard_E16s_v5"), "{said}");
    assert!(said.contains(&format!("pod/{down}")), "{said}");
}

#[test]
fn a_demand_over_zones_that_kubectl_keeps_is_refused_with_what_takes_it_out() {
    let ground = Ground::new();
    ground.apply(&ground.render("explore", &["--shards", "3"]));
    ground.wait_until_ready(3);
    let interceptor = Interceptor::before(ground.scene.plane());
    let allowed = ["--yes", "--allow", "field-owner"];
    let refused = promote(&ground, &interceptor.kubeconfig(&ground.scene), &allowed);
    refused.is(
        3,
        &["spread-left", "DoNotSchedule", "patch statefulset/", "--type json"],
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    let kubeconfig = ground.scene.kubeconfig().to_str().expect("UTF-8");
    let set = ground.set();
    let patch = r#"[{"op":"remove","path":"/spec/template/spec/topologySpreadConstraints/0"}]"#;
    let space = ground.scene.namespace();
    let arguments = ["patch", "statefulset", &set, "-n", space, "--type", "json", "-p", patch];
    kubectl_says(&[&arguments[..], &["--kubeconfig", kubeconfig]].concat(), "");
    promote(&ground, ground.scene.kubeconfig(), &allowed).is(0, &["3 shards are on Standard_E16s_v5"]);
}
