//! A cluster too large to hold: its pods are added up as their pages come.

use std::process::Command;

use serde_json::Value;

use crate::cluster::large::{Large, Size};

/// What the heap, the stacks and the program's own data may take together, in KiB.
const MOST: u64 = 80_000_000 / 1024;

/// The kernel refuses every byte of data beyond the bound (`ulimit -d`), and the program would end: the bound holds for a debug build
/// as well, since its objects are as large. The objects carry what is looked at alone, for time's sake; how much whole pages add is
/// measured by `cargo bench --bench packing`.
#[test]
fn five_thousand_nodes_and_fifty_thousand_pods_fit_into_80_mb() {
    let server = Large::start(Size {
        nodes: 5000,
        shards: 1000,
        whole: false,
    });
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig(home.path());
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -d {MOST} && exec \"$0\" packing-summary -o json"),
        ])
        .arg(env!("CARGO_BIN_EXE_shardctl"))
        .env("HOME", home.path())
        .env("KUBECONFIG", kubeconfig)
        .current_dir(home.path());
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = page["present"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 334, "the nodes of the shards' pool");
    let totals = &page["present"]["totals"];
    assert_eq!(totals["shards"], 1000);
    // Each node has three shards, three pods of DaemonSets and four others; the last node one shard, and two others more.
    for (at, node) in nodes.iter().enumerate() {
        let pods = |of: &str| node[of]["pods"].as_i64().unwrap();
        let told = (pods("byShards"), pods("byDaemons"), pods("byOthers"));
        let last = node["node"] == "node-333";
        assert_eq!(told, if last { (1, 3, 6) } else { (3, 3, 4) }, "row {at}: {node:#}");
    }
    assert_eq!(page["unread"].as_array().unwrap().len(), 0, "{}", page["unread"]);
}
