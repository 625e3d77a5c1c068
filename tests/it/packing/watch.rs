//! `packing-summary --watch`: nodes that come and go, shards that move, a network that breaks, and the end.

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use crate::bad_days::{assert_harmless, run};
use crate::cluster::scene::nodes::node;
use crate::cluster::{MetricsServer, Network, Plane, Proxy, Running, Scene};

/// Two shards in one zone, on two of three nodes of one Karpenter pool.
fn scene() -> Scene<'static> {
    let scene = Scene::shards(2).zones(["eastus-1"]).nodes_per_zone(3).start();
    let label = json!({"metadata": {"labels": {"karpenter.sh/nodepool": scene.namespace()}}});
    for node in scene.nodes() {
        scene.patch::<Node>(&node.metadata.name.unwrap(), label.clone());
    }
    scene
}

fn watch(scene: &Scene<'_>, arguments: &[&str]) -> Running {
    let all = [&["packing-summary", "--watch"], arguments].concat();
    scene.shardctl_process(scene.kubeconfig(), all)
}

/// One more node of the pool.
fn new_node(scene: &Scene<'_>) -> String {
    let name = format!("{}-late", scene.namespace());
    let labels = json!({"karpenter.sh/nodepool": scene.namespace()});
    scene.apply(node(&name, &labels, &[], "eastus-1", "16", "128Gi"));
    name
}

#[test]
fn a_node_that_comes_and_goes_and_a_shard_that_moves_are_lines_with_their_cost() {
    let scene = scene();
    let mut watching = watch(&scene, &[]);
    watching.wait_for_output("2 shards on 3 nodes, $3.024 an hour, $2,208 a month");
    watching.wait_for_output("requests are shown, not what is used");
    let late = new_node(&scene);
    watching.wait_for_output(&format!(
        "+ node/{late} came: Standard_E16s_v5, eastus-1, $1.008 an hour"
    ));
    watching.wait_for_output("$ $4.032 an hour, $2,943 a month; it was $3.024");

    scene.delete::<Node>(&late);
    watching.wait_for_output(&format!(
        "- node/{late} went: Standard_E16s_v5, eastus-1, $1.008 an hour"
    ));
    watching.wait_for_output("$ $3.024 an hour, $2,208 a month; it was $4.032");

    let (shard, home) = (scene.pod_name(1), scene.node_of(1));
    scene.cordon(&home, true);
    watching.wait_for_output(&format!("node/{home} is cordoned"));
    let before = scene.uid(1);
    scene.delete::<Pod>(&shard);
    scene.wait_until("shard 1 is new and Ready", |s| s.is_ready(1) && s.uid(1) != before);
    // In one line, or in two where its going and its coming were seen apart.
    let moved = format!("~ pod/{shard} is on node/{}", scene.node_of(1));
    let came = format!("~ pod/{shard} is there, on node/{}", scene.node_of(1));
    watching.wait_until("shardctl says where it is", |said| {
        said.contains(&moved) || said.contains(&came)
    });

    watching.interrupt();
    let ended = watching.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("interrupted; nothing was changed"), "{ended:?}");
    assert_harmless(&ended.stdout);
    for line in ended.stdout.lines() {
        let time = line.split_once("Z  ").map(|(time, _)| time).unwrap_or_default();
        assert!(
            time.len() == 8 && time.chars().filter(|c| *c == ':').count() == 2,
            "{line}"
        );
    }
}

#[test]
fn as_json_it_is_a_document_a_line() {
    let scene = scene();
    let mut watching = watch(&scene, &["-o", "json"]);
    watching.wait_for_output("PackingState");
    let late = new_node(&scene);
    watching.wait_for_output("\"change\":\"cost-changed\"");
    watching.interrupt();
    let ended = watching.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let told: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(
        told.iter()
            .all(|one| one["apiVersion"] == "shardctl.dev/v1" && one["at"].is_string()),
        "{told:#?}"
    );
    assert_eq!(told[0]["kind"], "PackingState");
    assert_eq!(told[0]["present"]["totals"]["hourly"], json!(3.024));
    let came = told
        .iter()
        .find(|one| one["change"] == "node-came")
        .expect("a node came");
    assert_eq!(
        (&came["kind"], &came["node"], &came["hourly"]),
        (&json!("PackingChange"), &json!(late), &json!(1.008))
    );
}

#[test]
fn a_network_that_breaks_is_said_and_so_is_its_return() {
    let scene = scene();
    let proxy = Proxy::before(scene.plane());
    let kubeconfig = scene.kubeconfig_through(&proxy.url());
    let mut watching = scene.shardctl_process(&kubeconfig, ["packing-summary", "--watch"]);
    watching.wait_for_output("2 shards on 3 nodes");
    proxy.set(Network::Refuses);
    watching.wait_for_output("can't be watched now");
    let late = new_node(&scene);
    proxy.set(Network::Fine);
    watching.wait_for_output("the cluster is seen again, after ");
    watching.wait_for_output(&format!("+ node/{late} came"));

    // Nothing comes and nothing ends: that pings, or the question for usage, stay without an answer shows it.
    let before = watching.said().matches("  ! ").count();
    proxy.set(Network::Hangs);
    watching.wait_until("that the network is silent is said", |said| {
        said.matches("  ! ").count() > before
    });
    proxy.set(Network::Fine);
    watching.interrupt();
    assert_eq!(watching.wait().code, Some(130));
}

#[test]
fn usage_is_shown_as_it_is_measured() {
    let plane = Plane::own();
    let scene = Scene::shards(1).start_on(&plane);
    let server = MetricsServer::on(&plane);
    let name = scene.node_of(0);
    server.node(&name, "64Gi", "4");
    let mut watching = watch(&scene, &["-o", "json"]);
    watching.wait_for_output("\"memoryPercent\":50.0,\"cpuPercent\":25.0");
    server.node(&name, "32Gi", "4");
    watching.wait_for_output("\"memoryPercent\":25.0,\"cpuPercent\":25.0");
    watching.interrupt();
    assert_eq!(watching.wait().code, Some(130));
}

#[test]
fn what_has_no_end_is_no_table_and_no_file() {
    let scene = Scene::shards(1).start();
    run(scene.shardctl(["packing-summary", "--watch", "-o", "csv"]))
        .refused(2, &["-o csv is a table of one moment", "--watch -o json"]);
    run(scene.shardctl(["packing-summary", "--watch", "--from", "x.json"])).refused(2, &["--watch", "--from"]);
    let nobody = scene.limited_user(json!([]));
    run(scene.shardctl_with(&nobody, ["packing-summary", "--watch"])).refused(7, &["failed to look at the packing"]);
}
