//! Judging a recorded snapshot with something in it edited: for states that the test cluster can't be brought into.

use serde_json::{Value, json};

use super::Verified;
use crate::cluster::Scene;

/// The snapshot of a scene, as `shardctl snapshot` saves it.
#[track_caller]
pub fn recorded(scene: &Scene) -> Value {
    let output = scene.shardctl(["snapshot"]).output().expect("shardctl runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The objects that a snapshot holds of a resource ("budgets"); an absent kind becomes an empty one.
#[track_caller]
pub fn objects<'a>(snapshot: &'a mut Value, resource: &str) -> &'a mut Vec<Value> {
    let read = &mut snapshot["objects"][resource];
    if read.get("got").is_none() {
        *read = json!({"got": []});
    }
    read["got"].as_array_mut().expect("a list of objects")
}

/// One of the objects that a snapshot holds.
#[track_caller]
pub fn object<'a>(snapshot: &'a mut Value, resource: &str, name: &str) -> &'a mut Value {
    objects(snapshot, resource)
        .iter_mut()
        .find(|object| object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {name} among the {resource}"))
}

/// How `verify` judges a snapshot.
#[track_caller]
pub fn judged(scene: &Scene, snapshot: &Value, arguments: &[&str]) -> Verified {
    let file = scene.home().join("edited.json");
    std::fs::write(&file, snapshot.to_string()).expect("write the snapshot");
    let from = file.to_str().expect("a path in UTF-8");
    super::verify(scene, &[&["--from", from], arguments].concat())
}
