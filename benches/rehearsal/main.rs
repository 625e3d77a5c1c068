//! What a rehearsal costs: an upgrade that takes 45 minutes, one of a thousand shards on 300 nodes, and `shardctl demo`.
//!
//! The whole of it is measured but for reading the cluster: a saved recording is loaded, the operation's own code runs against
//! the rehearsal cluster, the page is made. Run it with `cargo bench --bench rehearsal`; another size alone with
//! `SHARDCTL_BENCH_SHARDS` and `SHARDCTL_BENCH_NODES`. It prints figures and judges nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a bench ends by panicking, prints, and measures real time"
)]

mod cluster;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use shardctl::commands::rehearsal::Play;
use shardctl::commands::upgrade::perform;
use shardctl::operations::gather::of_recording;
use shardctl::operations::tasks::Tasks;
use shardctl::operations::upgrade::Asked;
use shardctl::plan::image::Wanted;
use shardctl::plan::safety::catalogue::Allowed;
use shardctl::plan::upgrade::Again;
use shardctl::plan::upgrade::policy::{Goal, OnFailure, Policy};
use shardctl::plan::verify::policy::Policy as Judging;
use shardctl::report::rehearsal::Rehearsal;
use shardctl::report::rehearsal_page::render;
use shardctl::report::style::Style;

fn main() {
    // `cargo test` runs benches once to see that they start.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let size = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(shards) = size("SHARDCTL_BENCH_SHARDS") {
        return large(shards, size("SHARDCTL_BENCH_NODES").unwrap_or(shards));
    }
    measure("10 shards on 10 nodes, 255 s from start to Ready", 10, 10, 255);
    large(1000, 300);
    demo("max");
    demo("40");
}

fn large(shards: usize, nodes: usize) {
    let title = format!("{shards} shards on {nodes} nodes, 10 s from start to Ready");
    measure(&title, shards, nodes, 10);
    println!("{:>10.1} MB at most so far", peak());
}

/// The whole of `shardctl demo` as a process of its own, at a speed.
fn demo(speed: &str) {
    let began = Instant::now();
    let played = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(["demo", "--speed", speed])
        .env_clear()
        .output()
        .unwrap();
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}");
    println!("{:>10.3} s for the demo, --speed {speed}", took.as_secs_f64());
}

fn measure(title: &str, shards: usize, nodes: usize, start: i64) {
    let recording = cluster::recording(shards, nodes, start);
    let began = Instant::now();
    let rehearsal = upgraded(recording);
    let page = render(&rehearsal, Style::PLAIN);
    let took = began.elapsed();
    assert_eq!(rehearsal.exit_code, 0, "{page}");
    assert_eq!(rehearsal.shards.len(), shards, "{page}");
    println!(
        "{:>10.3} s for {:.0} minutes: {title} ({} events)",
        took.as_secs_f64(),
        rehearsal.seconds / 60.0,
        rehearsal.events.len(),
    );
}

fn upgraded(recording: shardctl::model::recording::Recording) -> Rehearsal {
    let mut play = Play::of(of_recording(recording), "a bench".to_owned(), false);
    play.waits.push(SignedDuration::from_mins(10));
    let words = || "shardctl upgrade".to_owned();
    let asked = Asked {
        statefulset: Some("db".to_owned()),
        judging: Judging::default(),
        policy: Policy {
            goal: Goal::Images(vec![Wanted::parse("registry.example/db:2.0").unwrap()]),
            only: BTreeSet::new(),
            last: BTreeSet::new(),
            canary: None,
            pause: SignedDuration::ZERO,
            gate: false,
            before: false,
            after: false,
            deadline: None,
            min_ready: None,
            shard_timeout: SignedDuration::from_mins(10),
            on_failure: OnFailure::Halt,
            pre_pull: true,
            goes_on: false,
            room: None,
            max_restarts: 2,
            allowed: Allowed::default(),
        },
        again: Again {
            same: words(),
            resume: words(),
            after_undo: words(),
            undo: words(),
            status: words(),
        },
        lease: Duration::from_secs(30),
        wrote: false,
    };
    let tasks = Tasks {
        before: None,
        after: None,
        gate: None,
        ask: None,
        limit: Duration::ZERO,
    };
    play.rehearse(move |actor| perform(actor, asked, tasks)).unwrap()
}

/// The most memory that this process has taken, in megabytes.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
