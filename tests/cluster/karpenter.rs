//! Karpenter on a plane: its definitions, the instance types it may buy, and a pool for each scene.

use super::api;
use kube::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Served once the definitions are established.
pub const PATHS: [&str; 3] = [
    "/apis/karpenter.sh/v1/nodepools",
    "/apis/karpenter.sh/v1/nodeclaims",
    "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses",
];

/// The zones that Karpenter buys in.
pub const ZONES: [&str; 3] = ["eastus-1", "eastus-2", "eastus-3"];

/// How many regions of three zones there are beside those: a workload that may go to any node of its zones has one to itself.
const REGIONS: usize = 32;

/// The zones of a region of one's own, by a number.
pub fn region(number: usize) -> [String; 3] {
    [1, 2, 3].map(|zone| format!("region{}-{zone}", number % REGIONS))
}

/// Azure's memory-optimised sizes: name, CPUs, GiB, dollars an hour.
const SIZES: [(&str, u32, u32, f64); 4] = [
    ("Standard_E8s_v5", 8, 64, 0.504),
    ("Standard_E16s_v5", 16, 128, 1.008),
    ("Standard_E20s_v5", 20, 160, 1.26),
    ("Standard_E32s_v5", 32, 256, 2.016),
];

/// Creates the definitions from the YAML files in `folder`.
pub async fn create_definitions(client: &Client, folder: &Path) -> kube::Result<()> {
    let files =
        std::fs::read_dir(folder).unwrap_or_else(|e| panic!("Karpenter's definitions in {}: {e}", folder.display()));
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for file in files {
        let text = std::fs::read(file.expect("a definition").path()).expect("read a definition");
        match api::send(client, "POST", path, "application/yaml", text).await {
            Err(e) if api::code(&e) != Some(409) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Writes the instance types as Karpenter's provider reads them.
pub fn write_instance_types(folder: &Path) -> PathBuf {
    let path = folder.join("instance-types.json");
    let types: Vec<Value> = SIZES.iter().map(|size| instance_type(*size)).collect();
    std::fs::write(&path, Value::from(types).to_string()).expect("write the instance types");
    path
}

fn instance_type((name, cpu, memory, price): (&str, u32, u32, f64)) -> Value {
    let requirement = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    let offering = |zone: &String| {
        json!({"Price": price, "Available": true, "Requirements": [
            requirement("karpenter.sh/capacity-type", "on-demand"),
            requirement("topology.kubernetes.io/zone", zone),
        ]})
    };
    let zones: Vec<String> = ZONES
        .map(String::from)
        .into_iter()
        .chain((0..REGIONS).flat_map(region))
        .collect();
    json!({
        "name": name, "architecture": "amd64", "operatingSystems": ["linux"],
        "resources": {
            "cpu": cpu.to_string(), "memory": format!("{memory}Gi"), "ephemeral-storage": "200Gi", "pods": "250",
        },
        "offerings": zones.iter().map(offering).collect::<Vec<_>>(),
    })
}

/// The node class of a scene: `delay` is how long a bought node takes to register ("2s").
pub fn node_class(name: &str, delay: &str) -> Value {
    json!({
        "apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass",
        "metadata": {"name": name}, "spec": {"nodeRegistrationDelay": delay},
    })
}

/// The pool of a scene, as the stable phase wants it: nothing expires, nothing is consolidated.
pub fn node_pool(name: &str, labels: &Value, taints: &[Value], instance_type: &str, zones: &[String]) -> Value {
    let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
    let requirement = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "weight": 100,
            "limits": {"cpu": "1000", "memory": "8000Gi"},
            "disruption": {
                "consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never", "budgets": [{"nodes": "0"}],
            },
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "expireAfter": "Never",
                    "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": name},
                    "taints": taints,
                    "requirements": [
                        requirement("kubernetes.io/arch", &["amd64"]),
                        requirement("kubernetes.io/os", &["linux"]),
                        requirement("karpenter.sh/capacity-type", &["on-demand"]),
                        requirement("node.kubernetes.io/instance-type", &[instance_type]),
                        requirement("topology.kubernetes.io/zone", &zones),
                    ],
                },
            },
        },
    })
}
