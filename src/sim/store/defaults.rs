//! What the server writes into an object where nobody did.
//!
//! Source: `pkg/apis/{core,apps,policy,scheduling}/v1/defaults.go` and each kind's `strategy.go`.

use serde_json::{Value, json};

use crate::sim::json::{list, set, text, texts};
use crate::sim::kind::Kind;

/// Writes the defaults of every object that is sent. What is there already stays.
pub(super) fn fill(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Namespaces => {
            let name = text(object, "/metadata/name").to_owned();
            set(
                object,
                &["metadata", "labels", "kubernetes.io/metadata.name"],
                json!(name),
            );
            default(object, &["spec", "finalizers"], json!(["kubernetes"]));
        }
        Kind::Pods => {
            let Some(spec) = object.get_mut("spec") else { return };
            pod_spec(spec);
            default(spec, &["enableServiceLinks"], json!(true));
            for containers in ["initContainers", "containers"] {
                each(spec, containers).for_each(requests_from_limits);
            }
        }
        Kind::Nodes => default(object, &["spec"], json!({})),
        Kind::StatefulSets => set_defaults(object),
        Kind::Services => service(object),
        Kind::Claims => default(object, &["spec", "volumeMode"], json!("Filesystem")),
        Kind::PriorityClasses => default(object, &["preemptionPolicy"], json!("PreemptLowerPriority")),
        Kind::Events => {
            for (field, value) in [
                ("eventTime", Value::Null),
                ("firstTimestamp", Value::Null),
                ("lastTimestamp", Value::Null),
                ("reportingComponent", json!("")),
                ("reportingInstance", json!("")),
                ("source", json!({})),
            ] {
                default(object, &[field], value);
            }
        }
        _ => {}
    }
}

/// What is true of a new object before anybody has looked at it.
pub(super) fn begin(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Namespaces => set(object, &["status", "phase"], json!("Active")),
        Kind::Pods => {
            default(object, &["status", "phase"], json!("Pending"));
            let class = quality(object);
            default(object, &["status", "qosClass"], json!(class));
        }
        Kind::StatefulSets => {
            default(object, &["status", "replicas"], json!(0));
            default(object, &["status", "availableReplicas"], json!(0));
        }
        Kind::Budgets => {
            for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
                default(object, &["status", field], json!(0));
            }
        }
        Kind::Services => default(object, &["status", "loadBalancer"], json!({})),
        Kind::Claims => {
            set(
                object,
                &["metadata", "finalizers"],
                json!(["kubernetes.io/pvc-protection"]),
            );
            set(object, &["status", "phase"], json!("Pending"));
        }
        _ => {}
    }
}

fn default(object: &mut Value, path: &[&str], value: Value) {
    let pointer = format!("/{}", path.join("/"));
    if object.pointer(&pointer).is_none() {
        set(object, path, value);
    }
}

fn each<'a>(object: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten()
}

fn pod_spec(spec: &mut Value) {
    for (field, value) in [
        ("dnsPolicy", json!("ClusterFirst")),
        ("restartPolicy", json!("Always")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("terminationGracePeriodSeconds", json!(30)),
    ] {
        default(spec, &[field], value);
    }
    let account = text(spec, "/serviceAccountName").to_owned();
    if !account.is_empty() {
        default(spec, &["serviceAccount"], json!(account));
    }
    for containers in ["initContainers", "containers"] {
        each(spec, containers).for_each(container);
    }
    for volume in each(spec, "volumes") {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if volume.get(source).is_some() {
                default(volume, &[source, "defaultMode"], json!(420));
            }
        }
    }
}

fn container(container: &mut Value) {
    let image = text(container, "/image");
    let named = image.rsplit('/').next().unwrap_or_default();
    let moves = !image.contains('@') && (!named.contains(':') || named.ends_with(":latest"));
    let policy = if moves { "Always" } else { "IfNotPresent" };
    for (field, value) in [
        ("imagePullPolicy", json!(policy)),
        ("resources", json!({})),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
    ] {
        default(container, &[field], value);
    }
    for port in each(container, "ports") {
        default(port, &["protocol"], json!("TCP"));
    }
    for variable in each(container, "env") {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            default(variable, &["valueFrom", "fieldRef", "apiVersion"], json!("v1"));
        }
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let Some(probe) = container.get_mut(probe) else {
            continue;
        };
        for (field, value) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            default(probe, &[field], json!(value));
        }
        if probe.get("httpGet").is_some() {
            default(probe, &["httpGet", "scheme"], json!("HTTP"));
            default(probe, &["httpGet", "path"], json!("/"));
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let limits: Vec<(String, String)> = texts(container, "/resources/limits")
        .map(|(resource, amount)| (resource.to_owned(), amount.to_owned()))
        .collect();
    for (resource, amount) in limits {
        default(container, &["resources", "requests", &resource], json!(amount));
    }
}

fn set_defaults(object: &mut Value) {
    for (path, value) in [
        (&["spec", "replicas"][..], json!(1)),
        (&["spec", "podManagementPolicy"], json!("OrderedReady")),
        (&["spec", "revisionHistoryLimit"], json!(10)),
        (&["spec", "updateStrategy", "type"], json!("RollingUpdate")),
        (
            &["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"],
            json!("Retain"),
        ),
        (
            &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"],
            json!("Retain"),
        ),
    ] {
        default(object, path, value);
    }
    if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
        default(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "partition"],
            json!(0),
        );
    }
    if let Some(spec) = object.pointer_mut("/spec/template/spec") {
        pod_spec(spec);
    }
    let Some(spec) = object.get_mut("spec") else { return };
    for claim in each(spec, "volumeClaimTemplates") {
        for (path, value) in [
            (&["apiVersion"][..], json!("v1")),
            (&["kind"], json!("PersistentVolumeClaim")),
            (&["spec", "volumeMode"], json!("Filesystem")),
            (&["status", "phase"], json!("Pending")),
        ] {
            default(claim, path, value);
        }
    }
}

fn service(object: &mut Value) {
    for (field, value) in [
        ("type", json!("ClusterIP")),
        ("sessionAffinity", json!("None")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("ipFamilies", json!(["IPv4"])),
        ("ipFamilyPolicy", json!("SingleStack")),
    ] {
        default(object, &["spec", field], value);
    }
    if ["LoadBalancer", "NodePort"].contains(&text(object, "/spec/type")) {
        default(object, &["spec", "externalTrafficPolicy"], json!("Cluster"));
    }
    if text(object, "/spec/type") == "LoadBalancer" {
        default(object, &["spec", "allocateLoadBalancerNodePorts"], json!(true));
    }
    let Some(spec) = object.get_mut("spec") else { return };
    for port in each(spec, "ports") {
        default(port, &["protocol"], json!("TCP"));
        let number = port["port"].clone();
        default(port, &["targetPort"], number);
    }
    let address = object.pointer("/spec/clusterIP").cloned();
    if let Some(address) = address {
        default(object, &["spec", "clusterIPs"], json!([address]));
    }
}

/// Source: `pkg/apis/core/v1/helper/qos/qos.go`.
fn quality(pod: &Value) -> &'static str {
    let containers: Vec<&Value> = ["/spec/initContainers", "/spec/containers"]
        .into_iter()
        .flat_map(|at| list(pod, at))
        .collect();
    let of = |container: &Value, what: &str, resource: &str| {
        text(container, &format!("/resources/{what}/{resource}")).to_owned()
    };
    let both = ["cpu", "memory"];
    let any = containers.iter().any(|container| {
        both.iter().any(|resource| {
            !of(container, "requests", resource).is_empty() || !of(container, "limits", resource).is_empty()
        })
    });
    let all = containers.iter().all(|container| {
        both.iter().all(|resource| {
            let limit = of(container, "limits", resource);
            !limit.is_empty() && limit == of(container, "requests", resource)
        })
    });
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
