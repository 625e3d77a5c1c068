//! `shardctl packing-summary` on 5,000 nodes and 50,000 pods, beside the least that reading them takes.
//!
//! Whole processes in turn, round after round, against a server in this process that makes up the pages:
//!
//! * `summary`: the binary;
//! * `bare`: this program again, reading the same lists at once over one HTTP/2 connection by the same client, each page's body
//!   whole, and dropping it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::join_all;
use shardctl::cluster::connect::{Target, connect};
use shardctl::cluster::get::Api;

use crate::cluster::large::{Large, Size};

const SIZE: Size = Size {
    nodes: 5000,
    shards: 1000,
    whole: true,
};

/// Compares, and prints.
pub fn compare() {
    let rounds: usize = std::env::var("SHARDCTL_BENCH_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5);
    let server = Large::start(SIZE);
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig(home.path());
    let shardctl = env!("CARGO_BIN_EXE_shardctl");
    let itself = std::env::current_exe().unwrap();
    let command = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("HOME", home.path())
            .env("KUBECONFIG", &kubeconfig)
            .current_dir(home.path())
            .stdin(Stdio::null());
        command
    };
    let summary = ["packing-summary", "-o", "json"];
    run(&mut command(Path::new(shardctl), &summary));
    let lists = server.lists();
    let lists: Vec<&str> = std::iter::once("bare")
        .chain(lists.iter().map(String::as_str))
        .collect();
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..rounds {
        times[0].push(run(&mut command(Path::new(shardctl), &summary)));
        times[1].push(run(&mut command(&itself, &lists)));
    }
    println!(
        "{} nodes, {} pods, {} shards, {rounds} rounds, whole processes, milliseconds: median (least to most)",
        SIZE.nodes,
        SIZE.nodes * 10,
        SIZE.shards
    );
    for (name, times) in ["summary", "bare"].iter().zip(&times) {
        let (low, middle, high) = spread(times.iter().map(Duration::as_secs_f64));
        println!(
            "{name:<8} {:>8.0} ({:.0} to {:.0})",
            middle * 1e3,
            low * 1e3,
            high * 1e3
        );
    }
    let ratios = times[0]
        .iter()
        .zip(&times[1])
        .map(|(ours, bare)| ours.as_secs_f64() / bare.as_secs_f64());
    let (low, middle, high) = spread(ratios);
    println!("summary / bare paged reads: {middle:.2} ({low:.2} to {high:.2})");
    for (name, of) in [
        ("summary", [&["memory", shardctl][..], &summary].concat()),
        ("bare", {
            let itself = itself.to_str().unwrap();
            [&["memory", itself][..], &lists].concat()
        }),
    ] {
        let output = command(&itself, &of).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        print!("{name}, resident at most: {}", String::from_utf8_lossy(&output.stdout));
    }
}

fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

/// Runs a command to its end, which must be a good one, and gives the time that it took.
fn run(command: &mut Command) -> Duration {
    let start = Instant::now();
    let output = command.output().unwrap();
    let took = start.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    took
}

/// Reads the lists, and throws away what came back.
pub fn bare(lists: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let target = Target {
            request_timeout: Duration::from_secs(30),
            ..Target::default()
        };
        let connection = connect(&target).await.unwrap();
        join_all(lists.iter().map(|list| pages(connection.api(), list))).await;
    });
    runtime.shutdown_background();
}

/// Every page of a list. The next one's token is cut out of the text, not read.
async fn pages(api: &Api, list: &str) {
    let mut token = String::new();
    loop {
        let body = api.get(&format!("{list}&limit=500{token}")).await.unwrap().body;
        let (_, after) = body.split_once(r#""continue":""#).unwrap();
        match after.split_once('"').unwrap().0 {
            "" => return,
            more => token = format!("&continue={more}"),
        }
    }
}

/// Runs a command as the only child of this process and prints its greatest resident size.
pub fn memory_of(command: &[String]) {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{command:?}: {status}");
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    println!("{:.1} MB", usage.max_rss() as f64 * 1024.0 / 1e6);
}
