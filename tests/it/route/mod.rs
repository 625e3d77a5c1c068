//! `shardctl route-test` against a real sharded service behind the test cluster's port-forwards and load balancer.

mod before_and_after;
mod failures;
mod gate;
mod mistyped;
mod probes;
mod rights;
mod rings;
mod tunnels;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::bad_days::{Ran, run};
use crate::cluster::{Ring, Scene};

/// The arguments of a route test that goes as fast as it can. Forty keys where the test says no number: enough that one of
/// three shards without any would be a failure, few enough for a busy machine.
fn arguments<'a>(further: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["route-test", "--rate", "0"];
    if !further.contains(&"--keys") {
        arguments.extend(["--keys", "40"]);
    }
    arguments.extend_from_slice(further);
    arguments
}

/// Shards with a ring behind them, whose balancer is the scene's load balancer.
fn served(scene: Scene<'static>, ring: Ring) -> (Scene<'static>, Ring) {
    ring.behind(&scene);
    balanced(&scene, &ring);
    (scene, ring)
}

/// Has the scene's load balancer lead to the ring's.
fn balanced(scene: &Scene<'_>, ring: &Ring) {
    let service = format!("{}-entry", scene.name());
    let port = json!({"name": "http", "port": ring.balancer(), "targetPort": 8080});
    let ports = json!({"spec": {"ports": [{"$patch": "replace"}, port]}});
    scene.patch::<Service>(&service, ports);
    balancer_at(scene, json!([{"ip": "127.0.0.1"}]));
}

/// Gives the scene's load balancer these addresses.
fn balancer_at(scene: &Scene<'_>, ingress: Value) {
    let service = format!("{}-entry", scene.name());
    scene.patch_status::<Service>(&service, json!({"status": {"loadBalancer": {"ingress": ingress}}}));
}

/// Three shards and their ring.
fn three() -> (Scene<'static>, Ring) {
    served(Scene::shards(3).start(), Ring::of(3).start())
}

/// A route test of a few keys.
#[track_caller]
fn tested(scene: &Scene<'_>, further: &[&str]) -> Ran {
    run(scene.shardctl(arguments(further)))
}

/// Its outcome as JSON, which ends with this code.
#[track_caller]
fn outcome(scene: &Scene<'_>, code: i32, further: &[&str]) -> Value {
    let ran = tested(scene, &[further, &["-o", "json"]].concat());
    ran.says(code, &[]);
    let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        (&found["kind"], &found["apiVersion"]),
        (&json!("RouteTest"), &json!("shardctl.dev/v1"))
    );
    found
}

/// The classes of failure at an entry.
#[track_caller]
fn classes(found: &Value, entry: &str) -> BTreeSet<String> {
    let failures = entry_of(found, entry)["failures"].as_array().expect("failures");
    let class = |one: &Value| one["class"].as_str().expect("a class").to_owned();
    failures.iter().map(class).collect()
}

#[track_caller]
fn entry_of<'a>(found: &'a Value, name: &str) -> &'a Value {
    let entries = found["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["name"] == name);
    entry.unwrap_or_else(|| panic!("no entry {name} in {found}"))
}

/// How many keys came out how.
fn verdicts(found: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(found["verdicts"].clone()).expect("verdicts")
}

/// The entries that the listed keys of a verdict name.
fn named(found: &Value, verdict: &str) -> BTreeSet<String> {
    let rows = found["rows"].as_array().expect("rows").iter();
    rows.filter(|row| row["verdict"] == verdict)
        .flat_map(|row| row["entries"].as_array().expect("entries"))
        .map(|entry| entry.as_str().expect("a name").to_owned())
        .collect()
}

fn set_of<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into_iter().collect()
}
