//! How long `shardctl verify` and `status` take on ten shards, beside what they replace, in one run on one real control plane.
//!
//! Four whole processes in turn, round after round, so that a slow moment of the machine hits all of them:
//!
//! * `verify`: the binary, with every check and the names asked of every CoreDNS pod;
//! * `bare`: this program again, reading the same lists over one HTTP/2 connection and asking the same names, with
//!   everything known beforehand and nothing judged: the least that the network side can take;
//! * `kubectl`: a bash script that gets the same facts by about 25 kubectl calls (`kubectl.sh`);
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

mod bare;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cluster::Scene;

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

    let verify = || run(&scene, Command::new(shardctl).args(["verify", "-o", "json"]));
    let status = || run(&scene, Command::new(shardctl).arg("status"));
    let bare = || run(&scene, Command::new(&itself).args(["bare", scene.namespace()]));
    let calls = || {
        let mut command = Command::new("bash");
        command
            .arg(&script)
            .env("KUBECTL", &kubectl)
            .env("NAMESPACE", scene.namespace());
        run(&scene, &mut command)
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
    for (name, times) in ["verify", "bare", "kubectl", "status"].iter().zip(&times) {
        let (low, middle, high) = spread(times.iter().map(Duration::as_secs_f64));
        println!(
            "{name:<8} {:>8.1} ({:.1} to {:.1})",
            middle * 1e3,
            low * 1e3,
            high * 1e3
        );
    }
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

/// The ratio of two sides, round by round, since both saw the same machine then.
fn ratio(name: &str, above: &[Duration], below: &[Duration]) {
    let ratios = above
        .iter()
        .zip(below)
        .map(|(above, below)| above.as_secs_f64() / below.as_secs_f64());
    let (low, middle, high) = spread(ratios);
    println!("{name}: {middle:.2} ({low:.2} to {high:.2})");
}

fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

fn command_on<'c>(scene: &Scene, command: &'c mut Command) -> &'c mut Command {
    command
        .env("HOME", scene.home())
        .env("KUBECONFIG", scene.kubeconfig())
        .current_dir(scene.home())
        .stdin(Stdio::null())
}

/// Runs a command to its end, which must be a good one, and gives the time that it took.
fn run(scene: &Scene, command: &mut Command) -> Duration {
    let command = command_on(scene, command);
    let start = Instant::now();
    let output = command.output().unwrap();
    let took = start.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    took
}

/// Runs a command as the only child of this process and prints its greatest resident size.
fn memory_of(command: &[String]) {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{command:?}: {status}");
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    println!("{:.1} MB", usage.max_rss() as f64 * 1024.0 / 1e6);
}
