//! The cluster of the demo: three zones, name servers, Karpenter and machines for sale; and the same with the reference workload in it.

use std::collections::BTreeMap;

use clap::Parser as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::scenes::{BAD, UP};
use crate::cli::{Cli, Command};
use crate::commands::rehearsal::stage::{Actor, Ending, play};
use crate::commands::{Context, deploy};
use crate::error::{Error, Result};
use crate::model::allocatable::Model;
use crate::model::catalogue::Catalogue;
use crate::model::node::INSTANCE_TYPE;
use crate::model::outcome::End;
use crate::model::size::Size;
use crate::model::volume::ZONE;
use crate::plan::packing::figures::AKS_PODS;
use crate::sim::controllers::Pace;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;

/// The namespace of the reference workload, which commands look into where nobody names one.
pub const NAMESPACE: &str = "biometric-shards";

/// The time at which the demo begins, always: it says the same every time.
const BEGAN: &str = "2026-03-02T09:00:00Z";

/// For how long the workload has stood where a scene finds it.
const STOOD: SignedDuration = SignedDuration::from_hours(1);

const REGION: &str = "eastus";

/// What the nodes of the cluster's own pods are.
const SYSTEM_SIZE: &str = "Standard_D4s_v5";

/// A rehearsal cluster at a moment of its time.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The cluster.
    pub plane: Plane,
    /// What time it is there.
    pub at: Timestamp,
}

/// The cluster before anything was deployed.
///
/// # Errors
/// A bug: the built-in catalogue can't be read.
pub fn empty() -> Result<Standing> {
    let at = BEGAN
        .parse()
        .map_err(|error| Error::bug(format!("failed to read when the demo begins: {error}")))?;
    let catalogue = Catalogue::azure(None).map_err(|why| Error::bug(format!("the built-in catalogue: {why}")))?;
    let mut plane = Plane::new(Pace::default());
    plane.gives_addresses = true;
    // Its server was told to keep them for longer: how the workload came up is part of the demo.
    plane.event_ttl = SignedDuration::from_hours(24);
    plane.missing_images.insert(BAD.to_owned());
    plane.extensions.insert("karpenter.sh".to_owned());
    plane.extensions.insert("karpenter.azure.com".to_owned());
    plane.machines = catalogue
        .sizes()
        .map(|size| (size.name.clone(), machine(size)))
        .collect();
    let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
    for name in ["default", "kube-system"] {
        load(
            Kind::Namespaces,
            json!({"metadata": {"name": name}, "status": {"phase": "Active"}}),
        );
    }
    load(
        Kind::StorageClasses,
        json!({"metadata": {"name": "managed-csi-premium"}, "provisioner": "disk.csi.azure.com",
            "parameters": {"skuname": "Premium_LRS"}, "reclaimPolicy": "Retain", "allowVolumeExpansion": true,
            "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    if let Ok(size) = catalogue.size(SYSTEM_SIZE) {
        for number in 1..=3 {
            load(Kind::Nodes, system_node(number, &machine(size)));
        }
    }
    load(
        Kind::ConfigMaps,
        json!({"metadata": {"name": "coredns", "namespace": "kube-system"},
            "data": {"Corefile": ".:53 {\n    errors\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n        \
                pods insecure\n    }\n    forward . /etc/resolv.conf\n    cache 30\n}\n"}}),
    );
    load(
        Kind::Services,
        json!({"metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": "10.0.0.10", "clusterIPs": ["10.0.0.10"], "selector": {"k8s-app": "kube-dns"},
                "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]}}),
    );
    for number in 1..=2 {
        load(Kind::Pods, name_server(number));
    }
    plane.take_note(at);
    plane.run_until(at);
    Ok(Standing { plane, at })
}

/// The cluster with the reference workload, every shard Ready for an hour: what `deploy` itself makes of the line that the demo
/// begins with.
///
/// # Errors
/// A bug: the workload doesn't come up.
pub(in crate::commands) async fn standing() -> Result<Standing> {
    let Standing { plane, at } = empty()?;
    let cli = Cli::try_parse_from(UP).map_err(|error| Error::bug(format!("the demo's own line: {error}")))?;
    let Command::Deploy(arguments) = &cli.command else {
        return Err(Error::bug("the demo doesn't begin with deploy"));
    };
    let words = UP.map(str::to_owned).to_vec();
    let asked = deploy::asked(&Context::apart(&cli, words, None), arguments)?;
    let deploy = async move |stage: &mut crate::commands::rehearsal::stage::Stage| {
        stage.perform(|actor: Actor| deploy::perform(actor, asked)).await
    };
    let played = tokio::task::spawn_blocking(move || play(plane, at, NAMESPACE, deploy));
    let (performed, mut plane) = played
        .await
        .map_err(|error| Error::bug(format!("failed to deploy the demo's workload: {error}")))??;
    match performed.ending {
        Ending::Ended(outcome) if outcome.end == End::Done => {}
        Ending::Failed(error) => return Err(error),
        ended => {
            let why = ended
                .outcome()
                .map_or("it would wait for ever", |outcome| &outcome.summary);
            return Err(Error::bug(format!("the demo's workload didn't come up: {why}")));
        }
    }
    let took = SignedDuration::try_from(performed.took).unwrap_or_default();
    let at = at.checked_add(took + STOOD).unwrap_or(at);
    plane.run_until(at);
    Ok(Standing { plane, at })
}

/// A machine of a size, as Karpenter is told of it and as its kubelet then says.
fn machine(size: &Size) -> Value {
    let room = Model::KubeletAks.room(size, AKS_PODS);
    let family: String = size
        .name
        .trim_start_matches("Standard_")
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    let labels = BTreeMap::from([
        ("kubernetes.io/arch", json!(size.arch)),
        ("topology.kubernetes.io/region", json!(REGION)),
        ("karpenter.azure.com/sku-name", json!(size.name)),
        ("karpenter.azure.com/sku-family", json!(family)),
        ("karpenter.azure.com/sku-cpu", json!(size.vcpu.to_string())),
        (
            "karpenter.azure.com/sku-memory",
            json!((size.memory / 1024 / 1024).to_string()),
        ),
    ]);
    let pods = room.pods.to_string();
    json!({"labels": labels,
        "capacity": {"cpu": size.vcpu.to_string(), "memory": format!("{}Ki", size.memory / 1024), "pods": pods},
        "allocatable": {"cpu": format!("{}m", room.cpu), "memory": format!("{}Ki", room.memory / 1024), "pods": pods}})
}

/// A node that isn't for shards.
fn system_node(number: u32, machine: &Value) -> Value {
    let name = format!("aks-system-{number}");
    let mut labels = machine["labels"].clone();
    for (key, value) in [
        (INSTANCE_TYPE, SYSTEM_SIZE),
        ("kubernetes.io/hostname", &name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.azure.com/mode", "system"),
        (ZONE, &format!("{REGION}-{number}")),
    ] {
        labels[key] = json!(value);
    }
    json!({"metadata": {"name": name, "labels": labels, "creationTimestamp": "2026-02-01T09:00:00Z"},
        "spec": {"providerID": format!("azure:///subscriptions/demo/{name}"),
            "taints": [{"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}]},
        "status": {"capacity": machine["capacity"], "allocatable": machine["allocatable"],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                "lastTransitionTime": "2026-02-01T09:00:00Z"}]}})
}

/// A replica of CoreDNS.
fn name_server(number: u32) -> Value {
    let since = "2026-02-01T09:05:00Z";
    let image = "mcr.microsoft.com/oss/kubernetes/coredns:v1.12.1";
    let conditions: Value = ["PodScheduled", "Initialized", "ContainersReady", "Ready"]
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": since}))
        .collect();
    json!({"metadata": {"name": format!("coredns-{number}"), "namespace": "kube-system", "creationTimestamp": since,
            "labels": {"k8s-app": "kube-dns"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "coredns", "uid": "coredns",
                "controller": true}]},
        "spec": {"nodeName": format!("aks-system-{number}"), "priorityClassName": "system-cluster-critical",
            "containers": [{"name": "coredns", "image": image,
                "resources": {"requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"memory": "500Mi"}}}]},
        "status": {"phase": "Running", "podIP": format!("10.244.0.{}", number + 10), "startTime": since,
            "conditions": conditions,
            "containerStatuses": [{"name": "coredns", "ready": true, "started": true, "restartCount": 0, "image": image,
                "imageID": "", "state": {"running": {"startedAt": since}}, "lastState": {}}]}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::store::Key;

    #[tokio::test]
    async fn the_workload_stands_with_every_shard_ready_over_three_zones() {
        let Standing { plane, at } = standing().await.unwrap();
        let mut zones: BTreeMap<String, usize> = BTreeMap::new();
        for pod in plane.store.all(Kind::Pods, Some(NAMESPACE)) {
            let conditions = pod["status"]["conditions"].as_array().unwrap();
            let ready = |one: &&Value| one["type"] == "Ready" && one["status"] == "True";
            assert!(conditions.iter().any(|one| ready(&one)), "{pod}");
            let node = Key::wide(Kind::Nodes, pod["spec"]["nodeName"].as_str().unwrap());
            let zone = plane.store.get(&node).unwrap()["metadata"]["labels"][ZONE].clone();
            *zones.entry(zone.as_str().unwrap().to_owned()).or_default() += 1;
        }
        let zones: Vec<(&str, usize)> = zones.iter().map(|(zone, count)| (zone.as_str(), *count)).collect();
        assert_eq!(zones, [("eastus-1", 4), ("eastus-2", 3), ("eastus-3", 3)]);
        assert!(at > BEGAN.parse::<Timestamp>().unwrap() + STOOD);
        assert_eq!(plane.strays, Vec::<String>::new());
    }
}
