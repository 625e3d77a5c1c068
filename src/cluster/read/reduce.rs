//! What of each object is kept: the rest goes before the next page is fetched, so that memory follows the set, not the cluster.
//!
//! Objects are cut as text, field by field: nothing but the cut fields' neighbours is parsed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::model::actors::is_known_actor;
use crate::model::dns::is_name_server;
use crate::model::mark::LEASE_PREFIX;
use crate::model::pod::MIRROR;
use crate::model::resource::Resource;

/// The annotation in which kubectl keeps a copy of the whole object.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object reduced, or nothing where it isn't about the set in `namespace`.
pub fn keep(resource: Resource, namespace: &str, item: &RawValue) -> Option<Box<RawValue>> {
    if !concerns(resource, namespace, item) {
        return None;
    }
    shorten(resource, item)
}

/// A single object reduced.
pub fn whole(resource: Resource, body: &str) -> Option<Box<RawValue>> {
    let item: &RawValue = serde_json::from_str(body).ok()?;
    shorten(resource, item)
}

/// The few fields that tell what an object is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glimpse {
    metadata: Names,
    spec: Option<Claimed>,
    involved_object: Option<Involved>,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    claim_ref: Option<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct Involved {
    kind: Option<String>,
}

fn concerns(resource: Resource, namespace: &str, item: &RawValue) -> bool {
    if !matches!(
        resource,
        Resource::Volumes | Resource::Leases | Resource::ClusterEvents | Resource::DaemonSets | Resource::Deployments
    ) {
        return true;
    }
    let Ok(seen) = serde_json::from_str::<Glimpse>(item.get()) else {
        // An object of another form than its kind's must be seen to be wrong, not left out.
        return true;
    };
    match resource {
        Resource::Volumes => {
            let claim = seen.spec.and_then(|spec| spec.claim_ref);
            claim.and_then(|claim| claim.namespace).as_deref() == Some(namespace)
        }
        Resource::Leases => seen.metadata.name.starts_with(LEASE_PREFIX),
        Resource::ClusterEvents => {
            let kind = seen.involved_object.and_then(|object| object.kind);
            has_cluster_events(kind.as_deref())
        }
        Resource::Deployments if is_name_server(seen.metadata.labels.as_ref()) => true,
        _ => is_known_actor(&seen.metadata.name, seen.metadata.labels.as_ref()).is_some(),
    }
}

/// Whether events about this kind of object land in `default` and concern us.
pub fn has_cluster_events(kind: Option<&str>) -> bool {
    matches!(kind, Some("Node" | "NodeClaim" | "NodePool" | "PersistentVolume"))
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// What of a pod tells how much it takes on its node, which neighbours it stands, and what a drain does to it.
const META_OF_NODE_PODS: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
    "ownerReferences",
    "deletionTimestamp",
];
const SPEC_OF_NODE_PODS: [&str; 9] = [
    "nodeName",
    "volumes",
    "containers",
    "initContainers",
    "resources",
    "overhead",
    "affinity",
    "tolerations",
    "priority",
];
const CONTAINER_OF_NODE_PODS: [&str; 3] = ["name", "resources", "restartPolicy"];

/// A pod of any namespace cut down. Of its volumes those stay whose data goes with it, of its conditions whether it is Ready.
fn shorten_node_pod(item: &RawValue) -> Option<Box<RawValue>> {
    let object: Fields<'_> = serde_json::from_str(item.get()).ok()?;
    let mut spec: BTreeMap<String, Box<RawValue>> = owned(object.get("spec")?, &SPEC_OF_NODE_PODS)?;
    for list in ["containers", "initContainers"] {
        let Some(containers) = spec.get(list) else { continue };
        let containers: Vec<&RawValue> = serde_json::from_str(containers.get()).ok()?;
        let cut: Option<Vec<_>> = containers
            .into_iter()
            .map(|one| only(one, &CONTAINER_OF_NODE_PODS))
            .collect();
        let cut = to_raw_value(&cut?).ok()?;
        spec.insert(list.to_owned(), cut);
    }
    keep_only(&mut spec, "volumes", |volume| {
        serde_json::from_str::<Fields<'_>>(volume.get()).is_ok_and(|volume| volume.contains_key("emptyDir"))
    });
    let mut meta = owned(object.get("metadata")?, &META_OF_NODE_PODS)?;
    if let Some(annotations) = meta.remove("annotations") {
        let mirror = owned(&annotations, &[MIRROR])?;
        if !mirror.is_empty() {
            meta.insert("annotations".to_owned(), to_raw_value(&mirror).ok()?);
        }
    }
    let mut kept = BTreeMap::from([
        ("metadata", to_raw_value(&meta).ok()?),
        ("spec", to_raw_value(&spec).ok()?),
    ]);
    if let Some(status) = object.get("status") {
        let mut status = owned(status, &["phase", "conditions"])?;
        keep_only(&mut status, "conditions", |condition| {
            serde_json::from_str::<Kind<'_>>(condition.get()).is_ok_and(|condition| condition.kind == "Ready")
        });
        kept.insert("status", to_raw_value(&status).ok()?);
    }
    to_raw_value(&kept).ok()
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

/// Leaves those items of a list in `fields` that are wanted, and takes the list away where none is.
fn keep_only(fields: &mut BTreeMap<String, Box<RawValue>>, list: &str, wanted: impl Fn(&RawValue) -> bool) {
    let Some(items) = fields.remove(list) else { return };
    let Ok(mut items) = serde_json::from_str::<Vec<Box<RawValue>>>(items.get()) else {
        return;
    };
    items.retain(|item| wanted(item));
    if !items.is_empty()
        && let Ok(items) = to_raw_value(&items)
    {
        fields.insert(list.to_owned(), items);
    }
}

/// A map with some of its fields alone.
fn only(map: &RawValue, wanted: &[&str]) -> Option<Box<RawValue>> {
    to_raw_value(&owned(map, wanted)?).ok()
}

fn owned(map: &RawValue, wanted: &[&str]) -> Option<BTreeMap<String, Box<RawValue>>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(map.get()).ok()?;
    fields.retain(|key, _| wanted.contains(&key.as_str()));
    Some(fields)
}

fn shorten(resource: Resource, item: &RawValue) -> Option<Box<RawValue>> {
    if resource == Resource::NodePods {
        return shorten_node_pod(item);
    }
    let mut object: Fields<'_> = serde_json::from_str(item.get()).ok()?;
    let meta = match object.get("metadata") {
        Some(meta) => shortened_meta(resource, meta),
        None => None,
    };
    if let Some(meta) = &meta {
        object.insert("metadata".to_owned(), meta);
    }
    let status = match object.get("status") {
        Some(status) if resource == Resource::Nodes => without(status, "images"),
        _ => None,
    };
    if let Some(status) = &status {
        object.insert("status".to_owned(), status);
    }
    to_raw_value(&object).ok()
}

fn shortened_meta(resource: Resource, meta: &RawValue) -> Option<Box<RawValue>> {
    let mut fields: Fields<'_> = serde_json::from_str(meta.get()).ok()?;
    if !matches!(resource, Resource::StatefulSets | Resource::Budgets) {
        fields.remove("managedFields");
    }
    let annotations = match fields.get("annotations") {
        Some(annotations) => without(annotations, LAST_APPLIED),
        None => None,
    };
    if let Some(annotations) = &annotations {
        fields.insert("annotations".to_owned(), annotations);
    }
    to_raw_value(&fields).ok()
}

/// A map without one of its fields; nothing where it doesn't have that field.
fn without(map: &RawValue, field: &str) -> Option<Box<RawValue>> {
    let mut fields: Fields<'_> = serde_json::from_str(map.get()).ok()?;
    fields.remove(field)?;
    to_raw_value(&fields).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn kept(resource: Resource, object: &Value) -> Option<Value> {
        let item = to_raw_value(object).unwrap();
        keep(resource, "shards", &item).map(|item| serde_json::from_str(item.get()).unwrap())
    }

    #[test]
    fn managed_fields_images_and_kubectls_copy_go_and_the_rest_stays() {
        let node = json!({
            "metadata": {"name": "n", "managedFields": [1], "annotations": {LAST_APPLIED: "{}", "a": "b\u{1b}"}},
            "spec": {"unschedulable": true}, "status": {"images": [1], "conditions": []},
        });
        let expected = json!({
            "metadata": {"name": "n", "annotations": {"a": "b\u{1b}"}},
            "spec": {"unschedulable": true}, "status": {"conditions": []},
        });
        assert_eq!(kept(Resource::Nodes, &node).unwrap(), expected);
        let set = json!({"metadata": {"name": "s", "managedFields": [1]}});
        assert_eq!(kept(Resource::StatefulSets, &set).unwrap(), set);
    }

    #[test]
    fn a_pod_of_any_namespace_is_cut_down_to_its_room_and_what_a_drain_does_to_it() {
        let resources = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}});
        let pod = json!({
            "metadata": {"name": "p", "namespace": "web", "labels": {"a": "b"}, "annotations": {"c": "d", MIRROR: "1f"}},
            "spec": {
                "nodeName": "n", "serviceAccountName": "s",
                "volumes": [{"name": "v", "secret": {}}, {"name": "w", "emptyDir": {}}],
                "containers": [{"name": "c", "image": "i", "env": [{"name": "SECRET", "value": "x"}], "resources": resources}],
                "initContainers": [{"name": "s", "restartPolicy": "Always", "command": ["x"]}],
            },
            "status": {
                "phase": "Running", "podIP": "10.0.0.1",
                "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            },
        });
        let expected = json!({
            "metadata": {"name": "p", "namespace": "web", "labels": {"a": "b"}, "annotations": {MIRROR: "1f"}},
            "spec": {
                "nodeName": "n", "volumes": [{"name": "w", "emptyDir": {}}], "containers": [{"name": "c", "resources": resources}],
                "initContainers": [{"name": "s", "restartPolicy": "Always"}],
            },
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        assert_eq!(kept(Resource::NodePods, &pod).unwrap(), expected);
        let bare = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [], "volumes": []}});
        let expected = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": []}});
        assert_eq!(kept(Resource::NodePods, &bare).unwrap(), expected);
    }

    #[test]
    fn only_what_is_about_the_set_stays() {
        let ours = json!({"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "shards"}}});
        let theirs = json!({"metadata": {"name": "w"}, "spec": {"claimRef": {"namespace": "web"}}});
        assert!(kept(Resource::Volumes, &ours).is_some());
        assert!(kept(Resource::Volumes, &theirs).is_none());
        assert!(kept(Resource::Leases, &json!({"metadata": {"name": "leader"}})).is_none());
        assert!(kept(Resource::Deployments, &json!({"metadata": {"name": "web"}})).is_none());
        assert!(kept(Resource::DaemonSets, &json!({"metadata": {"name": "kured"}})).is_some());
        let dns = json!({"metadata": {"name": "coredns", "labels": {"k8s-app": "kube-dns"}}});
        assert!(kept(Resource::Deployments, &dns).is_some());
        let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}});
        assert!(kept(Resource::ClusterEvents, &event).is_none());
        assert!(kept(Resource::Events, &event).is_some());
    }
}
