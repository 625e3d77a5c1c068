//! How long a budget is open and shards are down while a node is emptied by `shardctl drain`, and by the kubectl flow that it
//! replaces, in one run on one real control plane.
//!
//! Whole processes in turn, round after round, on the same shards, so that a slow moment of the machine hits both:
//!
//! * `kubectl`: the flow of the reference workload's README (`kubectl.sh`): the budget one lower, `kubectl drain`, and back;
//! * `shardctl`: `shardctl drain NODE`, its checks included.
//!
//! With room on another node; with room on a new one that has yet to fetch the image, which takes 2 s, and which shardctl has
//! fetched beforehand; and where Karpenter has to buy a node that takes 10 s to arrive. With room and the image there, both sides
//! wait for the same control plane, and what is left to gain is little. All three shards are on the node. A shard stops in 200 ms
//! and is Ready 300 ms after it runs. Witnesses with watches of their own judge both sides alike: of the shards until the last
//! is Ready, which kubectl doesn't wait for, and of the budget's spec.
//!
//! Run it with `cargo bench --bench drain`; rounds with `SHARDCTL_BENCH_ROUNDS` (5). It prints medians, ranges and ratios, and
//! judges nothing: the machine's noise does not fail a build.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a bench ends by panicking, prints, and measures real time"
)]

#[path = "../../tests/cluster/mod.rs"]
mod cluster;
#[path = "../sides/mod.rs"]
mod sides;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cluster::scene::workload::SCENE;
use cluster::{BudgetWitness, Plane, Scene, Witness, api};
use k8s_openapi::api::core::v1::Node;
use serde_json::json;
use sides::spread;

/// Shards of the scene, all on one node.
const SHARDS: u32 = 3;
/// How long Karpenter's nodes take to arrive.
const ARRIVES: &str = "10s";
/// The sides, in the order of each round.
const SIDES: [&str; 2] = ["kubectl", "shardctl"];

/// What one side did in one round.
struct Measured {
    wall: f64,
    relaxed: f64,
    shard_seconds: f64,
    most_down: usize,
}

fn main() {
    // `cargo test` runs benches once to see that they start; that costs a plane, which the tests have proven already.
    if !std::env::args().any(|argument| argument == "--test") {
        compare();
    }
}

fn compare() {
    let rounds: usize = std::env::var("SHARDCTL_BENCH_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
    eprintln!("starting a control plane and {SHARDS} shards with room on another node");
    let plane = Plane::with_karpenter();
    let roomy = Scene::shards(SHARDS)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .together(SHARDS)
        .start_on(plane);
    let with_room = measure_all(&roomy, rounds, &[], |scene, node| scene.cordon(node, false));
    drop(roomy);

    eprintln!("{SHARDS} shards with room on a node that has yet to fetch the image");
    let fetching = Scene::shards(SHARDS)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .together(SHARDS)
        .image("registry.example/shard:1.0-slowpull")
        .start_on(plane);
    let with_a_fetch = measure_all(&fetching, rounds, &[], replace);
    drop(fetching);

    eprintln!("{SHARDS} shards on a node of Karpenter's that has room for no more; another one takes {ARRIVES}");
    let full = Scene::shards(SHARDS)
        .zones(["eastus-1"])
        .shard_size("2", "20Gi")
        // Karpenter buys a node a pod where hosts are to differ, were it only preferred.
        .template(json!({"spec": {"topologySpreadConstraints": []}}))
        .on_karpenter("Standard_E8s_v5", "1s")
        .start();
    full.new_nodes_take(ARRIVES);
    let with_a_new_node = measure_all(&full, rounds, &[], give_back);

    println!(
        "{SHARDS} shards of one node that stop in 200 ms and are Ready after 300 ms, {rounds} rounds: median (least to most)"
    );
    table("with room on another node", &with_room);
    table(
        "with room on a node that has yet to fetch the image, 2 s",
        &with_a_fetch,
    );
    table(&format!("with a node that takes {ARRIVES} to arrive"), &with_a_new_node);
}

/// Puts a new node in the place of an emptied one: it has no image.
fn replace(scene: &Scene<'_>, node: &str) {
    let found: Node = scene.get(node);
    scene.delete::<Node>(node);
    let labels = found.metadata.labels.unwrap_or_default();
    let uid = found.metadata.uid.unwrap_or_default();
    let name = format!("{}-after-{}", scene.namespace(), &uid[..8]);
    let new = cluster::scene::nodes::node(&name, &json!({SCENE: labels[SCENE]}), &[], "eastus-1", "16", "128Gi");
    scene.apply(new);
    // As every kubelet does, it lists what it has: the images that it came with.
    let its_own = json!({"status": {"images": [{"names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 700_000}]}});
    scene.patch_status::<Node>(&name, its_own);
    scene.wait_until("the new node is Ready", |scene| {
        let taints = scene.get::<Node>(&name).spec.and_then(|spec| spec.taints);
        taints.is_none_or(|taints| taints.is_empty())
    });
}

/// Takes an emptied node of Karpenter's away: the next round needs a new one again.
fn give_back(scene: &Scene<'_>, node: &str) {
    let claims = scene.list_any("karpenter.sh/v1", "NodeClaim", "");
    let claim = claims.iter().find(|claim| claim["status"]["nodeName"] == node);
    let name = claim
        .and_then(|claim| claim["metadata"]["name"].as_str())
        .expect("a NodeClaim");
    let path = format!("/apis/karpenter.sh/v1/nodeclaims/{name}");
    let plane = scene.plane();
    plane
        .run(api::delete(plane.client(), &path, &json!({})))
        .expect("a deletion");
    scene.wait_until("the node is gone", |scene| scene.find::<Node>(node).is_none());
}

/// Measures both sides in turn; `afterwards` makes the scene what it was, but for the node that the shards are on.
fn measure_all(
    scene: &Scene<'_>,
    rounds: usize,
    flags: &[&str],
    afterwards: impl Fn(&Scene<'_>, &str),
) -> [Vec<Measured>; 2] {
    let mut all: [Vec<Measured>; 2] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (side, measured) in SIDES.iter().zip(&mut all) {
            scene.wait_until_healthy();
            let node = scene.node_of(0);
            assert_eq!(
                scene.shards_on(&node).len(),
                SHARDS as usize,
                "all shards are on one node"
            );
            measured.push(measure(scene, &mut command(scene, side, &node, flags)));
            afterwards(scene, &node);
        }
    }
    all
}

fn command(scene: &Scene<'_>, side: &str, node: &str, flags: &[&str]) -> Command {
    if side == "kubectl" {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/drain/kubectl.sh");
        let mut command = Command::new("bash");
        command
            .arg(script)
            .env("KUBECTL", cluster::binaries::kubectl())
            .env("NAMESPACE", scene.namespace())
            .env("SHARDS", SHARDS.to_string())
            .env("NODE", node);
        return command;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardctl"));
    command.args(["drain", node, "--yes"]).args(flags);
    command
}

/// Runs a command to its end, which must be a good one, before the witnesses' eyes, until every shard is Ready.
fn measure(scene: &Scene<'_>, command: &mut Command) -> Measured {
    let (shards, budget) = (Witness::of(scene), BudgetWitness::of(scene));
    let command = command
        .env("HOME", scene.home())
        .env("KUBECONFIG", scene.kubeconfig())
        .current_dir(scene.home())
        .stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output().unwrap();
    let wall = start.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    scene.wait_until_healthy();
    assert_eq!(shards.deletions().len(), SHARDS as usize, "every shard was moved once");
    Measured {
        wall,
        relaxed: budget.relaxed().iter().sum::<Duration>().as_secs_f64(),
        shard_seconds: shards.shard_seconds(),
        most_down: shards.most_down_at_once(),
    }
}

fn table(title: &str, all: &[Vec<Measured>; 2]) {
    println!("\n{title}");
    println!("{:<34}{:>28}{:>28}", "", SIDES[0], SIDES[1]);
    let row = |name: &str, value: &dyn Fn(&Measured) -> f64, digits: usize| {
        let cells = all.iter().map(|side| {
            let (low, middle, high) = spread(side.iter().map(value));
            format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
        });
        let cells: Vec<String> = cells.map(|cell| format!("{cell:>28}")).collect();
        println!("{name:<34}{}", cells.join(""));
    };
    row(
        "budget relaxed, ms a shard",
        &|one| one.relaxed * 1e3 / f64::from(SHARDS),
        0,
    );
    row("shard-seconds down", &|one| one.shard_seconds, 2);
    row("most shards down at once", &|one| one.most_down as f64, 0);
    row("seconds from start to end", &|one| one.wall, 2);
    let [theirs, ours] = all;
    let ratios = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours.shard_seconds / theirs.shard_seconds);
    let (low, middle, high) = spread(ratios);
    println!("shard-seconds, shardctl / kubectl, round by round: {middle:.3} ({low:.3} to {high:.3})");
}
