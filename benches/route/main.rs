//! How long `shardctl route-test` takes for 1,000 keys at eleven entries, beside the bare requests, in one run on one real control
//! plane before one real sharded service.
//!
//! Three whole processes in turn, round after round, so that a slow moment of the machine hits all of them. Each asks about
//! every key at a load balancer and at ten shards, over a fresh connection each time, eight at once:
//!
//! * `route-test`: the binary, which looks at the cluster, calibrates, opens its port-forwards, and judges every answer;
//! * `bare`: this program again, asking the same of ten `kubectl port-forward` that stand already, and judging nothing;
//! * `direct`: as `bare`, past the port-forwards: what the service itself takes.
//!
//! Run it with `cargo bench --bench route`; rounds with `SHARDCTL_BENCH_ROUNDS` (5), keys with `SHARDCTL_BENCH_KEYS` (1000). It
//! prints medians, ranges and ratios, and what `route-test` held in memory for one round of requests and for four; it judges
//! nothing: the machine's noise does not fail a build.
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

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cluster::processes::free_port;
use cluster::wait::{DEADLINE, wait_for};
use cluster::{Ring, Scene};
use k8s_openapi::api::core::v1::Service;
use serde_json::json;
use sides::{command_on, memory_of, ratio, run, table};

/// Shards of the scene: the reference's ten.
const SHARDS: u32 = 10;
/// Requests under way at once: what route-test does where nothing else is said.
const CONCURRENCY: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bare") => {
            let ports: Vec<u16> = arguments[2..].iter().map(|port| port.parse().unwrap()).collect();
            bare::run(arguments[1].parse().unwrap(), CONCURRENCY, &ports);
        }
        Some("memory") => memory_of(&arguments[1..]),
        // `cargo test` runs benches once to see that they start; that costs a plane, which the tests have proven already.
        Some("--test") => {}
        _ => compare(),
    }
}

fn compare() {
    let (rounds, keys) = (number("SHARDCTL_BENCH_ROUNDS", 5), number("SHARDCTL_BENCH_KEYS", 1000));
    eprintln!("starting a control plane, {SHARDS} shards and their service");
    let scene = Scene::shards(SHARDS).nodes_per_zone(2).start();
    let ring = Ring::of(SHARDS).start();
    ring.behind(&scene);
    balance(&scene, &ring);
    let forwards: Vec<Forward> = (0..SHARDS).map(|ordinal| Forward::to(&scene, ordinal)).collect();
    let itself = std::env::current_exe().unwrap();

    let test = |times: usize| {
        let (keys, times, at_once) = (keys.to_string(), times.to_string(), CONCURRENCY.to_string());
        [
            "route-test",
            "--rate",
            "0",
            "--concurrency",
            &at_once,
            "--keys",
            &keys,
            "--rounds",
            &times,
        ]
        .map(str::to_owned)
    };
    let shardctl = env!("CARGO_BIN_EXE_shardctl");
    let ask = |ports: Vec<u16>| {
        let ports = ports.iter().map(u16::to_string);
        let mut command = Command::new(&itself);
        command.args(["bare", &keys.to_string()]).args(ports);
        run(command_on(&scene, &mut command))
    };
    let with_balancer = |ports: Vec<u16>| [vec![ring.balancer()], ports].concat();
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        times[0].push(run(command_on(&scene, Command::new(shardctl).args(test(1)))));
        times[1].push(ask(with_balancer(
            forwards.iter().map(|forward| forward.port).collect(),
        )));
        times[2].push(ask(with_balancer(
            (0..SHARDS).map(|ordinal| ring.port(ordinal)).collect(),
        )));
    }
    println!(
        "{keys} keys at {} entries, {CONCURRENCY} at once, {rounds} rounds, whole processes, milliseconds: median (least to most)",
        SHARDS + 1
    );
    table(&["route-test", "bare", "direct"], &times, 1);
    ratio(
        "route-test / bare requests through kubectl's port-forwards",
        &times[0],
        &times[1],
    );
    ratio("route-test / requests past any port-forward", &times[0], &times[2]);
    for times in [1, 4] {
        let mut command = Command::new(&itself);
        command.args(["memory", shardctl]).args(test(times));
        let output = command_on(&scene, &mut command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        print!("route-test with --rounds {times}, resident at most: {said}");
    }
}

fn number(variable: &str, otherwise: usize) -> usize {
    let given = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(otherwise)
}

/// Has the scene's load balancer lead to the ring's.
fn balance(scene: &Scene<'_>, ring: &Ring) {
    let service = format!("{}-entry", scene.name());
    let port = json!({"name": "http", "port": ring.balancer(), "targetPort": 8080});
    scene.patch::<Service>(&service, json!({"spec": {"ports": [{"$patch": "replace"}, port]}}));
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}});
    scene.patch_status::<Service>(&service, status);
}

/// A standing `kubectl port-forward` to a shard.
struct Forward {
    port: u16,
    kubectl: Child,
}

impl Forward {
    fn to(scene: &Scene<'_>, ordinal: u32) -> Self {
        let port = free_port();
        let mut command = Command::new(cluster::binaries::kubectl());
        let pod = format!("pod/{}", scene.pod_name(ordinal));
        let kubectl = command_on(scene, &mut command)
            .args(["port-forward", "-n", scene.namespace(), &pod, &format!("{port}:8080")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("kubectl's port-forward listens", DEADLINE, || {
            TcpStream::connect(("127.0.0.1", port))
                .map(drop)
                .map_err(|error| error.to_string())
        });
        Self { port, kubectl }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}
