//! `--rehearse --from demo`: operations played on the demo's cluster.

use serde_json::Value;

use super::{json, shardctl};

/// The node of the demo's first shard.
fn a_node() -> String {
    let snapshot: Value = serde_json::from_str(&shardctl("snapshot --from demo").stdout).expect("JSON");
    let pods = snapshot["objects"]["pods"]["got"].as_array().expect("pods");
    let shard = pods.iter().find(|pod| pod["metadata"]["name"] == "biometric-shard-0");
    shard.expect("a shard")["spec"]["nodeName"]
        .as_str()
        .expect("a node")
        .to_owned()
}

#[test]
fn an_upgrade_of_the_demo_is_rehearsed_with_one_shard_down_at_once() {
    let line = "upgrade --image registry.example/shard:2.0 --rehearse --from demo";
    shardctl(line).says(
        0,
        &[
            "Rehearsed: biometric-shard: image of ",
            "10 shards in ",
            "nothing: this was the demo's cluster",
        ],
    );
    let document = json(line, 0, "Rehearsal");
    assert_eq!((&document["end"], &document["mostDown"]), (&"done".into(), &1.into()));
    assert_eq!(document["shards"].as_array().map(Vec::len), Some(10));
}

#[test]
fn an_undo_without_an_upgrade_before_it_says_so() {
    let ran = shardctl("upgrade undo --rehearse --from demo");
    ran.says(2, &[]);
}

#[test]
fn a_drain_of_one_of_the_demos_nodes_is_rehearsed() {
    let node = a_node();
    let ran = shardctl(&format!("drain {node} --rehearse --from demo -o json"));
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    assert_eq!(document["source"], "the demo's cluster");
    assert_eq!(document["exitCode"], ran.code, "{}", ran.stdout);
    let told = document["events"].to_string();
    assert!(told.contains(&format!("node/{node}")), "{told}");
}

#[test]
fn a_recovery_of_the_demo_finds_nothing_to_do() {
    let document = json("recover --rehearse --from demo", 0, "Rehearsal");
    assert_eq!(document["end"], "nothing-to-do", "{document}");
}
