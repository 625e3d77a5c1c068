//! Nodes of a scene, as a cloud would have registered them.

use crate::cluster::disks::MANAGED;
use serde_json::{Value, json};

/// A Node with the labels of a cloud, `labels` on top. The fake kubelet makes it Ready.
pub fn node(name: &str, labels: &Value, taints: &[Value], zone: &str, cpu: &str, memory: &str) -> Value {
    let mut all = json!({
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "eastus",
        "topology.kubernetes.io/zone": zone,
        "topology.disk.csi.azure.com/zone": zone,
        "node.kubernetes.io/instance-type": "Standard_E16s_v5",
    });
    crate::cluster::api::merge_into(&mut all, labels);
    let resources = json!({"cpu": cpu, "memory": memory, "pods": "110", "ephemeral-storage": "200Gi"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": all, "annotations": {MANAGED: "true"}},
        "spec": {"taints": taints, "providerID": format!("kwok://{name}")},
        "status": {"allocatable": resources, "capacity": resources},
    })
}
