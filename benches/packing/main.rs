//! How long the exact layout takes: 1,000 shards over 60 sizes, bound to three zones, and free to be in any of them; reading
//! the built-in catalogue; and the whole command on a large cluster (`large.rs`).
//!
//! Run it with `cargo bench --bench packing`; rounds of the whole command with `SHARDCTL_BENCH_ROUNDS` (5). It prints medians and
//! ranges, and judges nothing: the machine's noise does not fail a build.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench ends by panicking, prints, and measures real time"
)]

#[path = "../../tests/cluster/mod.rs"]
mod cluster;
#[path = "../sides/mod.rs"]
mod sides;

mod large;

use std::hint::black_box;
use std::time::{Duration, Instant};

use shardctl::model::allocatable::Model;
use shardctl::model::catalogue::Catalogue;
use shardctl::model::room::{GIB, Take};
use shardctl::plan::packing::choice::{Narrowed, market};
use shardctl::plan::packing::daemons::OBSERVED;
use shardctl::plan::packing::figures::Machines;
use shardctl::plan::packing::layout::{Choice, Spread, cheapest};

const SHARDS: u32 = 1000;
const SIZES: usize = 60;
const ROUNDS: usize = 21;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => large::bare(&arguments[1..]),
        Some("memory") => sides::memory_of(&arguments[1..]),
        // `cargo test` runs benches once to see that they start; the tests have proven what it measures.
        Some("--test") => {}
        _ => {
            layouts();
            large::compare();
        }
    }
}

fn layouts() {
    let choices = choices();
    let third = SHARDS / 3;
    let zones = [
        ("eastus-1", SHARDS - 2 * third),
        ("eastus-2", third),
        ("eastus-3", third),
    ];
    let bound = Spread {
        zones: zones.iter().map(|(zone, count)| ((*zone).to_owned(), *count)).collect(),
        ..Spread::default()
    };
    let free = Spread {
        zones: zones.iter().map(|(zone, _)| ((*zone).to_owned(), 0)).collect(),
        anywhere: SHARDS,
        ..Spread::default()
    };
    println!("{SHARDS} shards, {} sizes, {ROUNDS} rounds", choices.len());
    measure("bound to three zones", || cheapest(&bound, &choices));
    measure("free in three zones", || cheapest(&free, &choices));
    measure("the catalogue of eastus", || Catalogue::azure(Some("eastus")));
}

/// The first sizes of the catalogue that hold a shard of 8Gi and one core.
fn choices() -> Vec<Choice> {
    let machines = Machines {
        kubelet: Some(Model::KubeletAks),
        forecast: Some(Model::KarpenterAzure),
        max_pods: 250,
        ..Machines::default()
    };
    let shard = Take {
        memory: 8 * GIB,
        cpu: 1000,
        disks: 1,
        pods: 1,
    };
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    let offered = market(&catalogue, &machines, &OBSERVED.take, &shard, &Narrowed::default()).unwrap();
    offered.choices().into_iter().take(SIZES).collect()
}

fn measure<T>(what: &str, work: impl Fn() -> T) {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    took.sort_unstable();
    let (least, median, most) = (took[0], took[ROUNDS / 2], took[ROUNDS - 1]);
    println!("{what:<24} {median:>10.2?}  ({least:.2?} to {most:.2?})");
}
