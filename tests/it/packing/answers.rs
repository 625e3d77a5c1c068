//! What is there is what is told: nodes, shards, who asks for what, and what it costs.

use serde_json::{Value, json};

use super::{packing, page};
use crate::bad_days::run;
use crate::cluster::Scene;

const GIB: i64 = 1 << 30;

#[test]
fn the_present_is_told_as_it_is_with_its_cost() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(0);
    scene.daemon_set("agent", &node);
    scene.bare_pod("stranger", &node, json!([]));
    let found = page(&scene, &[]);
    assert_eq!(
        (&found["apiVersion"], &found["kind"]),
        (&json!("shardctl.dev/v1"), &json!("PackingSummary"))
    );
    assert_eq!(found["unread"], json!([]), "{found:#}");
    let nodes = found["present"]["nodes"].as_array().unwrap();
    let mut shards: Vec<&str> = nodes
        .iter()
        .flat_map(|node| node["shards"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    shards.sort_unstable();
    let names: Vec<String> = (0..3).map(|ordinal| scene.pod_name(ordinal)).collect();
    assert_eq!(shards, names);
    let row = nodes.iter().find(|row| row["node"] == json!(node)).unwrap();
    let live: k8s_openapi::api::core::v1::Pod = scene.get(&scene.pod_name(0));
    let requests = live.spec.unwrap().containers[0]
        .resources
        .clone()
        .unwrap()
        .requests
        .unwrap();
    let each: i64 = requests["memory"].0.trim_end_matches("Gi").parse::<i64>().unwrap() * GIB;
    let count = i64::try_from(row["shards"].as_array().unwrap().len()).unwrap();
    assert_eq!(row["byShards"]["memory"], json!(each * count));
    assert_eq!(row["byDaemons"]["pods"], json!(1), "{row:#}");
    assert_eq!(row["byOthers"]["pods"], json!(1), "{row:#}");
    assert_eq!(row["size"], "Standard_E16s_v5");
    assert_eq!(row["hourly"], json!(1.008), "the built-in price of eastus");
    let totals = &found["present"]["totals"];
    let hourly = 1.008 * nodes.len() as f64;
    assert!((totals["hourly"].as_f64().unwrap() - hourly).abs() < 1e-9, "{totals}");
    assert!(
        (totals["monthly"].as_f64().unwrap() - hourly * 730.0).abs() < 1e-6,
        "{totals}"
    );
    // The disks of the scene are in the zones that its shards run in.
    let zones: i64 = found["zones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| zone["shards"].as_i64().unwrap())
        .sum();
    assert_eq!(zones, 3);
}

#[test]
fn every_form_tells_the_same_nodes_and_ends_with_the_same_code() {
    let scene = Scene::shards(3).start();
    let found = page(&scene, &[]);
    let nodes: Vec<&str> = found["present"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["node"].as_str())
        .collect();
    for form in ["text", "wide", "json", "csv"] {
        let ran = packing(&scene, &["-o", form]);
        ran.says(0, &nodes);
        packing(&scene, &["-o", form, "--memory", "9Ti"]).says(1, &nodes);
    }
    packing(&scene, &["--memory", "9Ti"]).says(1, &["NO LAYOUT: no size holds a shard"]);
    let csv = packing(&scene, &["-o", "csv"]).stdout;
    assert_eq!(csv.lines().count(), nodes.len() + 1);
    assert!(csv.starts_with("node,size,zone,"), "{csv}");
    packing(&scene, &["-o", "csv", "--table", "layouts"]).says(0, &["now,0,", "cheapest,1,", "most-available,3,"]);
    packing(&scene, &["-o", "csv", "--table", "sizes"]).says(0, &["Standard_E32s_v5,32,"]);
    packing(&scene, &["--table", "sizes"]).refused(2, &["--table is for -o csv"]);
}

#[test]
fn a_saved_snapshot_gives_the_same_answer_as_the_cluster_and_redacted_the_same_figures() {
    let scene = Scene::shards(3).start();
    scene.daemon_set("agent", &scene.node_of(1));
    let file = scene.home().join("snapshot.json");
    let path = file.to_str().unwrap();
    run(scene.shardctl(["snapshot", "--out", path])).says(0, &[]);
    // Other scenes come and go on the plane: only what is this scene's is compared, and sizes that no node has.
    let sizes = ["--sizes", "Standard_E32s_v5,Standard_E64s_v5"];
    let what = |found: &Value| {
        json!([
            found["present"],
            found["layouts"],
            found["zones"],
            found["shard"],
            found["sizes"],
            found["unread"]
        ])
    };
    let live = what(&page(&scene, &sizes));
    let saved = page(&scene, &[&sizes[..], &["--from", path]].concat());
    assert_eq!(what(&saved), live);
    let redacted = scene.home().join("redacted.json");
    let redacted = redacted.to_str().unwrap();
    run(scene.shardctl(["snapshot", "--redact", "--from", path, "--out", redacted])).says(0, &[]);
    let told = page(&scene, &[&sizes[..], &["--from", redacted]].concat());
    assert_eq!(told["present"]["totals"], saved["present"]["totals"]);
    let sums = |page: &Value| -> Vec<Value> {
        let layouts = page["layouts"].as_array().unwrap().iter();
        layouts
            .map(|layout| json!([layout["nodes"], layout["monthly"]]))
            .collect()
    };
    assert_eq!(sums(&told), sums(&saved));
    // Of other namespaces' pods only those beside the shards are in the file.
    let text = std::fs::read_to_string(&file).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    let nodes: Vec<&Value> = saved["present"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| &node["node"])
        .collect();
    let pods = recording["objects"]["node-pods"]["got"].as_array().unwrap();
    assert!(!pods.is_empty());
    assert!(
        pods.iter().all(|pod| nodes.contains(&&pod["spec"]["nodeName"])),
        "{pods:#?}"
    );
}

#[test]
fn a_summary_of_a_karpenter_pool_gives_the_patches_that_the_server_takes() {
    let scene = Scene::shards(2).on_karpenter("Standard_E16s_v5", "1s").start();
    let asked = ["--sizes", "Standard_E16s_v5", "--region", "eastus"];
    let found = page(&scene, &asked);
    let advice = found["advice"].as_array().unwrap();
    assert_eq!(advice.len(), 1, "{found:#}");
    let command = advice[0]["steps"][0]["command"].as_str().unwrap();
    assert!(command.contains("kubectl patch nodepools.v1.karpenter.sh"), "{command}");
    packing(&scene, &asked).says(0, &["To keep ", command]);
}
