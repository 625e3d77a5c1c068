//! What Karpenter bought is what is told; what is recommended is what Karpenter buys.

use std::collections::BTreeMap;
use std::fs;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use super::{packing, page};
use crate::cluster::{Scene, SceneBuilder, api};

/// Machines by zone and size.
type Machines = BTreeMap<(String, String), u32>;

/// The sizes that Karpenter has on the test cluster: what they cost, and what its provider keeps of each.
const CATALOGUE: &str = "\
size,vcpu,memory,max_pods,allocatable_memory,allocatable_cpu,on-demand
Standard_E8s_v5,8,64Gi,250,65526Mi,7900m,0.504
Standard_E16s_v5,16,128Gi,250,131062Mi,15900m,1.008
Standard_E20s_v5,20,160Gi,250,163830Mi,19900m,1.26
Standard_E32s_v5,32,256Gi,250,262134Mi,31900m,2.016
";

/// Shards over three zones. Without `minDomains` the scheduler counts only the zones that have a node already, so that the first
/// node to arrive may take them all.
fn on_karpenter(shards: u32, size: &str, hosts: Hosts) -> SceneBuilder {
    let spread = |key: &str, how: Value| {
        let mut spread = json!({
            "topologyKey": key, "maxSkew": 1, "nodeTaintsPolicy": "Honor", "labelSelector": {"matchLabels": {"app": "shard"}},
        });
        spread.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        spread
    };
    let zones = spread(
        "topology.kubernetes.io/zone",
        json!({"whenUnsatisfiable": "DoNotSchedule", "minDomains": 3}),
    );
    let hosts = match hosts {
        Hosts::Any => Vec::new(),
        Hosts::RatherApart => vec![spread(
            "kubernetes.io/hostname",
            json!({"whenUnsatisfiable": "ScheduleAnyway"}),
        )],
    };
    let all: Vec<Value> = std::iter::once(zones).chain(hosts).collect();
    Scene::shards(shards)
        .stable()
        .shard_size("2", "32Gi")
        .on_karpenter(size, "1s")
        .template(json!({"spec": {"topologySpreadConstraints": all}}))
}

/// Where shards may be beside each other. Karpenter buys a node a pod where hosts are to differ, were it only preferred.
enum Hosts {
    Any,
    RatherApart,
}

/// The catalogue in a file of the scene's.
fn catalogue(scene: &Scene) -> String {
    let path = scene.home().join("catalogue.csv");
    fs::write(&path, CATALOGUE).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{path} in {value:#}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value:#}"))
}

/// The claims of the scene's nodes, by the node's name.
fn claims(scene: &Scene) -> BTreeMap<String, Value> {
    let query = format!("labelSelector=test.shardctl.dev/scene={}", scene.namespace());
    let claims = scene.list_any("karpenter.sh/v1", "NodeClaim", &query);
    claims
        .into_iter()
        .map(|claim| {
            (
                claim["status"]["nodeName"].as_str().unwrap_or_default().to_owned(),
                claim,
            )
        })
        .collect()
}

fn label<'v>(claim: &'v Value, key: &str) -> &'v str {
    claim["metadata"]["labels"][key].as_str().unwrap_or_default()
}

fn bought(scene: &Scene) -> Machines {
    let mut machines = Machines::new();
    for claim in claims(scene).values() {
        let zone = label(claim, "topology.kubernetes.io/zone");
        let size = label(claim, "node.kubernetes.io/instance-type");
        *machines.entry((zone.to_owned(), size.to_owned())).or_default() += 1;
    }
    machines
}

/// The machines of a layout of the page, by its name.
fn layout(page: &Value, name: &str) -> Machines {
    let found = list(&page["layouts"]).iter().find(|layout| layout["name"] == name);
    let zones = list(&found.unwrap_or_else(|| panic!("no layout {name} in {page:#}"))["zones"]);
    let mut machines = Machines::new();
    for zone in zones {
        for of in list(&zone["machines"]) {
            let place = (text(zone, "/zone").to_owned(), text(of, "/size").to_owned());
            *machines.entry(place).or_default() += u32::try_from(of["count"].as_u64().unwrap()).unwrap();
        }
    }
    machines
}

#[test]
fn the_present_is_what_karpenter_bought() {
    let scene = on_karpenter(7, "Standard_E16s_v5", Hosts::Any).start();
    let found = page(&scene, &["--catalog", &catalogue(&scene)]);
    let claims = claims(&scene);
    let rows = list(&found["present"]["nodes"]);
    let names: Vec<&str> = rows.iter().map(|row| text(row, "/node")).collect();
    assert_eq!(names, claims.keys().map(String::as_str).collect::<Vec<_>>());
    let mut of_all = 0.0;
    for row in rows {
        let claim = &claims[text(row, "/node")];
        assert_eq!(text(row, "/size"), label(claim, "node.kubernetes.io/instance-type"));
        assert_eq!(text(row, "/zone"), label(claim, "topology.kubernetes.io/zone"));
        assert_eq!(text(row, "/capacityType"), label(claim, "karpenter.sh/capacity-type"));
        assert_eq!(text(row, "/pool"), scene.namespace());
        let mut there = scene.shards_on(text(row, "/node"));
        there.sort();
        assert_eq!(row["shards"], json!(there), "{row:#}");
        // Karpenter's provider writes on each node what it paid.
        let node: k8s_openapi::api::core::v1::Node = scene.get(text(row, "/node"));
        let paid: f64 = node.metadata.labels.unwrap()["eks-node-viewer/instance-price"]
            .parse()
            .unwrap();
        assert_eq!(row["hourly"].as_f64().unwrap(), paid, "{row:#}");
        of_all += paid;
    }
    assert_eq!(layout(&found, "now"), bought(&scene));
    // Three to a node, in the zones of three, two and two.
    assert_eq!(rows.len(), 3, "{:?}", bought(&scene));
    let totals = &found["present"]["totals"];
    assert_eq!((&totals["shards"], &totals["nodes"]), (&json!(7), &json!(3)));
    assert!((totals["hourly"].as_f64().unwrap() - of_all).abs() < 1e-9, "{totals}");
}

/// Applies the pools that the command writes.
fn apply_pools(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let ran = packing(scene, arguments);
    ran.says(0, &[]);
    let written: Value = serde_json::from_str(&ran.stdout).unwrap();
    let pools = list(&written["items"]).to_vec();
    for pool in &pools {
        scene.apply(pool.clone());
    }
    pools
}

/// Lets the shards go, and the machines with their pool.
fn clear(scene: &Scene) {
    scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": 0}}));
    scene.wait_until("the shards are gone", |scene| scene.pods().is_empty());
    let path = format!("/apis/karpenter.sh/v1/nodepools/{}", scene.namespace());
    let gone = scene
        .plane()
        .run(api::delete(scene.plane().client(), &path, &json!({})));
    gone.unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
    scene.wait_until("Karpenter's nodes are gone", |scene| {
        claims(scene).is_empty() && scene.nodes().is_empty()
    });
}

#[test]
fn the_cheapest_layout_is_what_karpenter_buys_by_its_pools_and_then_nothing_is_left_to_advise() {
    let scene = on_karpenter(10, "Standard_E32s_v5", Hosts::RatherApart).start();
    let file = catalogue(&scene);
    let asked = ["--catalog", &file, "--exclude", "Standard_E20s_v5"];
    let before = page(&scene, &asked);
    let wanted = layout(&before, "cheapest");
    // In the zone of four one of three and one of one; a single size would cost more.
    assert_eq!(wanted.values().sum::<u32>(), 4, "{wanted:?}");
    assert_eq!(
        wanted.keys().filter(|(_, size)| size == "Standard_E8s_v5").count(),
        1,
        "{wanted:?}"
    );
    let command = text(&before, "/buy");
    assert!(command.ends_with("--pools cheapest | kubectl apply -f -"), "{command}");

    let with_pools = [&asked[..], &["--pools", "cheapest"]].concat();
    let ran = packing(&scene, &with_pools);
    ran.says(0, &[]);
    let written: Value = serde_json::from_str(&ran.stdout).unwrap();
    clear(&scene);
    for pool in list(&written["items"]) {
        scene.apply(pool.clone());
    }
    scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": 10}}));
    scene.wait_until_healthy();
    assert_eq!(
        bought(&scene),
        wanted,
        "what Karpenter bought, and what was recommended"
    );

    let after = page(&scene, &asked);
    assert_eq!(layout(&after, "now"), wanted);
    assert_eq!(layout(&after, "cheapest"), wanted);
    let cheapest = list(&after["layouts"])
        .iter()
        .find(|layout| layout["name"] == "cheapest")
        .unwrap();
    assert_eq!(cheapest["savedMonthly"].as_f64(), Some(0.0), "{cheapest:#}");
    assert_eq!(after["buy"], Value::Null);
    packing(&scene, &asked).says(0, &["nothing that may be bought is cheaper"]);
    // What is left is room for a node more, which the same pools get, under the same names.
    for advice in list(&after["advice"]) {
        let changes: Vec<&str> = list(&advice["steps"])
            .iter()
            .flat_map(|step| list(&step["changes"]))
            .map(|change| text(change, "/field"))
            .collect();
        assert_eq!(changes, ["spec.limits.cpu", "spec.limits.memory"], "{advice:#}");
    }
    let with_room = apply_pools(&scene, &[&with_pools[..], &["--surge", "1"]].concat());
    let names = |pools: &[Value]| {
        pools
            .iter()
            .map(|pool| text(pool, "/metadata/name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&with_room), names(list(&written["items"])));
    let settled = page(&scene, &asked);
    for advice in list(&settled["advice"]) {
        assert_eq!(
            (&advice["steps"], &advice["drifting"]),
            (&json!([]), &json!([])),
            "{advice:#}"
        );
    }
    assert_eq!(list(&settled["advice"]).len(), 4);
    assert_eq!(bought(&scene), wanted, "room alone buys nothing");
}
