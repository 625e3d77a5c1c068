//! The cloud's disks: zonal volumes made when the scheduler has chosen a node, attached when the real attach/detach
//! controller asks for it, and a CSINode for each node with its attach slots. A PersistentVolume annotated
//! `test.shardctl.dev/attach: fail` reports an attach error instead.

use super::api;
use super::watch::{annotation, follow, text};
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The name that StorageClasses of scenes give as their provisioner, and the CSI driver's name.
pub const DRIVER: &str = "disk.test.shardctl.dev";

/// The annotation of a Node that says how many disks it takes (default 16).
pub const ATTACH_LIMIT: &str = "test.shardctl.dev/attach-limit";

/// Runs until the plane ends.
pub async fn run(client: Client) {
    let registered = Arc::<Mutex<BTreeSet<String>>>::default();
    tokio::join!(
        follow(client.clone(), "/api/v1/persistentvolumeclaims", provision),
        follow(client.clone(), "/apis/storage.k8s.io/v1/volumeattachments", attach),
        follow(client, "/api/v1/nodes", move |client, node| register(
            client,
            node,
            registered.clone()
        )),
    );
}

/// Makes the volume of a claim whose node the scheduler has chosen, in that node's zone.
async fn provision(client: Client, claim: Value) -> kube::Result<()> {
    let node = annotation(&claim, "volume.kubernetes.io/selected-node");
    let ours = annotation(&claim, "volume.kubernetes.io/storage-provisioner") == DRIVER;
    if !ours
        || node.is_empty()
        || text(&claim, "/status/phase") != "Pending"
        || !text(&claim, "/spec/volumeName").is_empty()
    {
        return Ok(());
    }
    let node = api::get(&client, &format!("/api/v1/nodes/{node}")).await?;
    let class = text(&claim, "/spec/storageClassName");
    let class = api::get(&client, &format!("/apis/storage.k8s.io/v1/storageclasses/{class}")).await?;
    let zone_key = match annotation(&class, "test.shardctl.dev/zone-key") {
        "" => "topology.kubernetes.io/zone",
        key => key,
    };
    let zone = node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone();
    let name = format!("pvc-{}", text(&claim, "/metadata/uid"));
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "labels": {"test.shardctl.dev/scene": claim["metadata"]["namespace"]},
            "annotations": {"pv.kubernetes.io/provisioned-by": DRIVER},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": claim["spec"]["resources"]["requests"],
            "storageClassName": class["metadata"]["name"],
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"],
            "csi": {"driver": DRIVER, "volumeHandle": name, "fsType": "ext4"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": zone_key, "operator": "In", "values": [zone]}]},
            ]}},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": claim["metadata"]["namespace"], "name": claim["metadata"]["name"],
                "uid": claim["metadata"]["uid"],
            },
        },
    });
    api::create(&client, "/api/v1/persistentvolumes", &volume)
        .await
        .map(drop)
}

/// Answers the attach controller.
async fn attach(client: Client, attachment: Value) -> kube::Result<()> {
    let settled = attachment["status"]["attached"] == true || attachment["metadata"]["deletionTimestamp"].is_string();
    if text(&attachment, "/spec/attacher") != DRIVER || settled {
        return Ok(());
    }
    let volume = text(&attachment, "/spec/source/persistentVolumeName");
    let volume = api::get(&client, &format!("/api/v1/persistentvolumes/{volume}")).await?;
    let fails = annotation(&volume, "test.shardctl.dev/attach") == "fail";
    if fails && attachment["status"]["attachError"].is_object() {
        return Ok(());
    }
    let status = if fails {
        json!({"attached": false, "attachError": {
            "time": "2026-01-01T00:00:00Z", "message": "rpc error: code = Internal desc = the disk cannot be attached",
        }})
    } else {
        json!({"attached": true})
    };
    let path = format!(
        "/apis/storage.k8s.io/v1/volumeattachments/{}/status",
        text(&attachment, "/metadata/name")
    );
    api::merge(&client, &path, &json!({"status": status})).await.map(drop)
}

/// What a kubelet with this driver does for its node: the CSINode, and the wish that the controller attaches.
async fn register(client: Client, node: Value, registered: Arc<Mutex<BTreeSet<String>>>) -> kube::Result<()> {
    let name = text(&node, "/metadata/name");
    let uid = text(&node, "/metadata/uid");
    if annotation(&node, MANAGED) != "true" {
        let patch = json!({"metadata": {"annotations": {MANAGED: "true"}}});
        // The change comes back as an event, which then makes the CSINode.
        return api::merge(&client, &format!("/api/v1/nodes/{name}"), &patch)
            .await
            .map(drop);
    }
    // Nodes change every few seconds: who has been registered isn't asked about again.
    if registered.lock().await.contains(uid) {
        return Ok(());
    }
    let limit: u32 = annotation(&node, ATTACH_LIMIT).parse().unwrap_or(16);
    let csi_node = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
        "metadata": {"name": name, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]},
        ]},
        "spec": {"drivers": [{
            "name": DRIVER, "nodeID": name, "topologyKeys": ["topology.kubernetes.io/zone"],
            "allocatable": {"count": limit},
        }]},
    });
    match api::create(&client, "/apis/storage.k8s.io/v1/csinodes", &csi_node).await {
        Err(error) if api::code(&error) != Some(409) => Err(error),
        _ => {
            registered.lock().await.insert(uid.to_owned());
            Ok(())
        }
    }
}

/// Set by every kubelet; without it the attach/detach controller leaves the node alone.
pub const MANAGED: &str = "volumes.kubernetes.io/controller-managed-attach-detach";
