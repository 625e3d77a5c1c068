//! `shardctl packing-summary` on 5,000 nodes and 50,000 pods, beside the least that reading them takes.
//!
//! Whole processes in turn, round after round, against a server in this process that makes up the pages:
//!
//! * `summary`: the binary;
//! * `bare`: this program again, reading the same lists at once over one HTTP/2 connection by the same client, each page's body
//!   whole, and dropping it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use shardctl::cluster::connect::{Target, connect};
use shardctl::cluster::get::Api;

use crate::cluster::large::{Large, Size};
use crate::sides::{ratio, run, table};

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
    table(&["summary", "bare"], &times, 0);
    ratio("summary / bare paged reads", &times[0], &times[1]);
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
