//! CoreDNS in front of the plane: real processes on local ports, each behind a pod of the `kube-dns` Service whose
//! port-forward leads to it. A second replica may lead anywhere (a stale or broken server).

use super::api;
use super::kubelet::PortForward;
use super::wait::until;
use kube::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The node that CoreDNS's pods say they run on.
pub const NODE: &str = "dns-node";

/// The configuration as a cluster has it in its ConfigMap; what the process reads differs only in how it reaches
/// the API server and where it listens.
const COREFILE: &str = "\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 30
    reload
}
";

/// The name of the CoreDNS pod number `index`.
pub fn pod_name(index: usize) -> String {
    format!("coredns-{index}")
}

/// The port-forward of each CoreDNS pod to its local port.
pub fn forwards(ports: &[u16]) -> Vec<PortForward> {
    let forward = |(index, local): (usize, &u16)| PortForward {
        namespace: "kube-system".into(),
        pod: pod_name(index),
        port: 53,
        local: *local,
    };
    ports.iter().enumerate().map(forward).collect()
}

/// Writes the Corefile of one CoreDNS process that listens on `port`. Answers are never cached (ttl 0), so that a
/// test sees what the API server says now.
pub fn write_corefile(folder: &Path, kubeconfig: &Path, port: u16) -> PathBuf {
    let path = folder.join(format!("Corefile-{port}"));
    let text = format!(
        ".:{port} {{\n  bind 127.0.0.1\n  errors\n  kubernetes cluster.local in-addr.arpa {{\n    kubeconfig {}\n    ttl 0\n  }}\n}}\n",
        kubeconfig.display()
    );
    std::fs::write(&path, text).expect("write a Corefile");
    path
}

/// Creates the node, the pods, the Service and the ConfigMap. The pods become Ready a moment later.
pub async fn create(client: &Client, replicas: usize) -> kube::Result<()> {
    let labels = json!({"k8s-app": "kube-dns"});
    api::create(
        client,
        "/api/v1/nodes",
        &super::scene::nodes::node(
            NODE,
            &json!({"node.kubernetes.io/instance-type": "Standard_D4s_v5"}),
            &[],
            "eastus-1",
            "4",
            "16Gi",
        ),
    )
    .await?;
    // The fake kubelet lists a new node's pods once beside its watch. A pod that both of them bring is begun twice, and may say
    // Pending for ever after it was Ready: it comes when the node is under way.
    let node = format!("/api/v1/nodes/{NODE}");
    until("the node of CoreDNS is Ready", async || {
        let node = api::get(client, &node).await.map_err(|error| error.to_string())?;
        if has_become(&node, "Running") {
            Ok(())
        } else {
            Err(node["status"].to_string())
        }
    })
    .await;
    for index in 0..replicas {
        api::create(client, "/api/v1/namespaces/kube-system/pods", &pod(index, &labels)).await?;
    }
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kube-dns", "labels": labels},
        "spec": {
            "clusterIP": "10.96.0.10", "selector": labels,
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        },
    });
    api::create(client, "/api/v1/namespaces/kube-system/services", &service).await?;
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "coredns"}, "data": {"Corefile": COREFILE},
    });
    api::create(client, "/api/v1/namespaces/kube-system/configmaps", &config).await?;
    Ok(())
}

/// Whether a node or a pod is in this phase and Ready.
pub fn has_become(object: &Value, phase: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    object["status"]["phase"] == phase && conditions.is_some_and(|all| all.iter().any(ready))
}

fn pod(index: usize, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod_name(index), "labels": labels},
        "spec": {
            "nodeName": NODE, "priorityClassName": "system-cluster-critical",
            "tolerations": [{"operator": "Exists"}],
            "containers": [{
                "name": "coredns", "image": "registry.example/coredns:1.14.7",
                "ports": [
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                ],
                "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}},
            }],
        },
    })
}
