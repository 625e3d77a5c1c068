//! How long `shardctl verify` and `status` take on ten shards, beside what they replace, in one run on one real control plane.
//!
//! Four whole processes in turn, round after round, so that a slow moment of the machine hits all of them:
//!
//! * `verify`: the binary, with every check and the names asked of every CoreDNS pod;
//! * `bare`: this program again, reading the same lists and objects over one HTTP/2 connection and asking the same names, with
//!   everything known beforehand and nothing judged: the least that the network side can take;
//! * `kubectl`: a bash script that gets the same facts, the names too, by about 25 kubectl calls (`kubectl.sh`);
//! * `status`: the binary's one line.
//!
//! Run it with `cargo bench --bench verify`; rounds with `SHARDCTL_BENCH_ROUNDS` (7). It prints medians, ranges and ratios, and
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

mod bare;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cluster::Scene;
use sides::{command_on, memory_of, ratio, run, table};

/// Shards of the scene: the reference's ten.
const SHARDS: u32 = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => bare::run(&arguments[1]),
        Some("memory") => memory_of(&arguments[1..]),
        // `cargo test` runs benches once to see that they start; that costs a plane, which the tests have proven already.
        Some("--test") => {}
        _ => compare(),
    }
}

fn compare() {
    let rounds: usize = std::env::var("SHARDCTL_BENCH_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    eprintln!("starting a control plane and {SHARDS} shards");
    let scene = Scene::shards(SHARDS).nodes_per_zone(2).start();
    let shardctl = env!("CARGO_BIN_EXE_shardctl");
    let itself = std::env::current_exe().unwrap();
    let kubectl = cluster::binaries::kubectl();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/verify/kubectl.sh");

    let verify = || {
        run(command_on(
            &scene,
            Command::new(shardctl).args(["verify", "-o", "json"]),
        ))
    };
    let status = || run(command_on(&scene, Command::new(shardctl).arg("status")));
    let bare = || {
        run(command_on(
            &scene,
            Command::new(&itself).args(["bare", scene.namespace()]),
        ))
    };
    let calls = || {
        let mut command = Command::new("bash");
        command
            .arg(&script)
            .env("KUBECTL", &kubectl)
            .env("NAMESPACE", scene.namespace())
            .env("SHARDS", SHARDS.to_string());
        run(command_on(&scene, &mut command))
    };
    verify();
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        times[0].push(verify());
        times[1].push(bare());
        times[2].push(calls());
        times[3].push(status());
    }
    println!("{SHARDS} shards, {rounds} rounds, whole processes, milliseconds: median (least to most)");
    table(&["verify", "bare", "kubectl", "status"], &times, 1);
    ratio("verify / bare reads and questions", &times[0], &times[1]);
    ratio("kubectl calls / verify", &times[2], &times[0]);
    let output = command_on(
        &scene,
        Command::new(&itself).args(["memory", shardctl, "verify", "-o", "json"]),
    )
    .output()
    .unwrap();
    print!("verify, resident at most: {}", String::from_utf8_lossy(&output.stdout));
}
