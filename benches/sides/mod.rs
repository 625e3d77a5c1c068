//! What every comparison of whole processes needs: run one, take its time and its memory, and set two sides beside each other.
#![allow(dead_code, reason = "each bench is its own program, and none needs all of it")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::Scene;

/// A command in the home and on the cluster of a scene, without input.
pub fn command_on<'c>(scene: &Scene, command: &'c mut Command) -> &'c mut Command {
    command
        .env("HOME", scene.home())
        .env("KUBECONFIG", scene.kubeconfig())
        .current_dir(scene.home())
        .stdin(Stdio::null())
}

/// Runs a command to its end, which must be a good one, and gives the time that it took.
pub fn run(command: &mut Command) -> Duration {
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

/// Prints each side's median and range, in milliseconds with so many decimals.
pub fn table(names: &[&str], times: &[Vec<Duration>], decimals: usize) {
    for (name, times) in names.iter().zip(times) {
        let (low, middle, high) = spread(times.iter().map(Duration::as_secs_f64));
        println!(
            "{name:<10} {:>8.decimals$} ({:.decimals$} to {:.decimals$})",
            middle * 1e3,
            low * 1e3,
            high * 1e3
        );
    }
}

/// Prints the ratio of two sides, round by round, since both saw the same machine then.
pub fn ratio(name: &str, above: &[Duration], below: &[Duration]) {
    let ratios = above
        .iter()
        .zip(below)
        .map(|(above, below)| above.as_secs_f64() / below.as_secs_f64());
    let (low, middle, high) = spread(ratios);
    println!("{name}: {middle:.2} ({low:.2} to {high:.2})");
}

/// The least, the median and the most.
pub fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
