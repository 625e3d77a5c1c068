//! How long ten shards are down while `shardctl upgrade` moves them, beside the kubectl loop that it replaces, in one run on
//! one real control plane.
//!
//! Whole processes in turn, round after round, on the same shards, so that a slow moment of the machine hits all of them:
//!
//! * `kubectl`: the loop of the reference workload's README (`kubectl.sh`): set the image, then delete and wait, shard by shard;
//! * `shardctl`: `shardctl upgrade --no-prepull`, which does as much as the loop, and its checks;
//! * `pre-pull`: `shardctl upgrade` as it is, every node fetching the image beforehand.
//!
//! A shard stops in 200 ms and is Ready 300 ms after it runs. A witness with a watch of its own judges all three alike. What
//! a shard was down beyond its own stop and start is the control plane's part (noticing, making, scheduling, binding the
//! pod), the same for all, and what the tool adds: the gap between Ready of one shard and the deletion of the next costs no
//! shard-seconds, and is told by itself.
//!
//! Run it with `cargo bench --bench upgrade`; rounds with `SHARDCTL_BENCH_ROUNDS` (5). It prints medians, ranges and ratios, and
//! judges nothing: the machine's noise does not fail a build. Compare ratios within a round; of the gaps, the quietest round's
//! median is the tool's own, the rest the machine's.
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

use cluster::{Scene, Witness};
use sides::spread;

/// Shards of the scene: the reference's ten.
const SHARDS: u32 = 10;
/// What a shard takes to stop and to become Ready: the fake kubelet's defaults.
const OWN: f64 = 0.5;
/// The sides, in the order of each round.
const SIDES: [&str; 3] = ["kubectl", "shardctl", "pre-pull"];

/// What one side did in one round.
struct Measured {
    wall: f64,
    shard_seconds: f64,
    most_down: usize,
    gaps: Vec<Duration>,
}

impl Measured {
    /// Seconds that a shard was down beyond its own stop and start.
    fn overhead(&self) -> f64 {
        self.shard_seconds / f64::from(SHARDS) - OWN
    }

    fn median_gap(&self) -> f64 {
        spread(self.gaps.iter().map(Duration::as_secs_f64)).1
    }

    fn longest_gap(&self) -> f64 {
        spread(self.gaps.iter().map(Duration::as_secs_f64)).2
    }
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
    eprintln!("starting a control plane and {SHARDS} shards");
    let scene = Scene::shards(SHARDS).stable().start();
    let mut version = 1;
    let mut next = || {
        version += 1;
        format!("registry.example/shard:{version}.0")
    };
    let mut all: [Vec<Measured>; 3] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for (side, measured) in SIDES.iter().zip(&mut all) {
            let image = next();
            measured.push(measure(&scene, &mut command(&scene, side, &image)));
        }
    }
    table(&all);
}

fn command(scene: &Scene, side: &str, image: &str) -> Command {
    if side == "kubectl" {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/upgrade/kubectl.sh");
        let mut command = Command::new("bash");
        command
            .arg(script)
            .env("KUBECTL", cluster::binaries::kubectl())
            .env("NAMESPACE", scene.namespace())
            .env("SHARDS", SHARDS.to_string())
            .env("IMAGE", image);
        return command;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardctl"));
    command.args(["upgrade", "--yes", "--image", image]);
    if side == "shardctl" {
        command.arg("--no-prepull");
    }
    command
}

/// Runs a command to its end, which must be a good one, before the witness's eyes.
fn measure(scene: &Scene, command: &mut Command) -> Measured {
    scene.wait_until_healthy();
    let witness = Witness::of(scene);
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
    assert_eq!(
        witness.deletions().len(),
        SHARDS as usize,
        "every shard was replaced once"
    );
    Measured {
        wall,
        shard_seconds: witness.shard_seconds(),
        most_down: witness.most_down_at_once(),
        gaps: witness.gaps(),
    }
}

fn table(all: &[Vec<Measured>; 3]) {
    println!(
        "{SHARDS} shards that stop in 200 ms and are Ready after 300 ms, {} rounds: median (least to most)",
        all[0].len()
    );
    let row = |name: &str, value: &dyn Fn(&Measured) -> f64, digits: usize| {
        let cells = all.iter().map(|side| {
            let (low, middle, high) = spread(side.iter().map(value));
            format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
        });
        let cells: Vec<String> = cells.map(|cell| format!("{cell:>24}")).collect();
        println!("{name:<34}{}", cells.join(""));
    };
    println!("{:<34}{:>24}{:>24}{:>24}", "", SIDES[0], SIDES[1], SIDES[2]);
    row("shard-seconds down", &|one| one.shard_seconds, 2);
    row("most shards down at once", &|one| one.most_down as f64, 0);
    row("ms a shard beyond stop and start", &|one| one.overhead() * 1e3, 0);
    row("Ready to next deletion, ms: median", &|one| one.median_gap() * 1e3, 1);
    row("Ready to next deletion, ms: most", &|one| one.longest_gap() * 1e3, 1);
    row("seconds from start to end", &|one| one.wall, 2);
    for (side, name) in [(1, SIDES[1]), (2, SIDES[2])] {
        let ratios = all[side]
            .iter()
            .zip(&all[0])
            .map(|(ours, theirs)| ours.shard_seconds / theirs.shard_seconds);
        let (low, middle, high) = spread(ratios);
        println!("shard-seconds, {name} / kubectl, round by round: {middle:.3} ({low:.3} to {high:.3})");
    }
}
