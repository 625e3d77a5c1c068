//! What a scene is like when an operation is over: the same words for the real control plane and for the rehearsal cluster.
//!
//! Times, uids, the names that controllers choose, and where the scheduler puts what it may put anywhere are left out.

use serde_json::{Map, Value, json};
use shardctl::sim::kind::Kind;
use shardctl::sim::plane::Plane;
use std::collections::BTreeMap;

use crate::cluster::Scene;

/// Each object by its kind and name, as far as an operation decides it.
pub type Ends = BTreeMap<String, Value>;

/// The kinds that are looked at, and where the real server has them.
const KINDS: [(Kind, &str); 6] = [
    (Kind::StatefulSets, "/apis/apps/v1/namespaces/{}/statefulsets"),
    (Kind::Pods, "/api/v1/namespaces/{}/pods"),
    (Kind::Claims, "/api/v1/namespaces/{}/persistentvolumeclaims"),
    (Kind::Budgets, "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"),
    (Kind::Leases, "/apis/coordination.k8s.io/v1/namespaces/{}/leases"),
    (Kind::Nodes, "/api/v1/nodes?labelSelector=test.shardctl.dev/scene={}"),
];

/// Of the real control plane.
pub fn in_reality(scene: &Scene<'_>, node: &str) -> Ends {
    let read = |path: &str| {
        let path = path.replace("{}", scene.namespace());
        let list = scene.plane().get(&path).unwrap_or_else(|error| panic!("{error}"));
        list["items"].as_array().cloned().unwrap_or_default()
    };
    of(KINDS.map(|(kind, path)| (kind, read(path))), scene.namespace(), node)
}

/// Of the rehearsal cluster.
pub fn in_rehearsal(plane: &Plane, space: &str, node: &str) -> Ends {
    let read = |kind: Kind| {
        let within = (kind != Kind::Nodes).then_some(space);
        let all = plane.store.all(kind, within);
        all.map(|object| Value::clone(object)).collect::<Vec<Value>>()
    };
    of(KINDS.map(|(kind, _)| (kind, read(kind))), space, node)
}

fn of(lists: [(Kind, Vec<Value>); 6], space: &str, node: &str) -> Ends {
    let set = lists[0].1.first().cloned().unwrap_or_default();
    let mut ends = Ends::new();
    for (kind, list) in lists {
        for object in list {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            if kind == Kind::Nodes && object["metadata"]["labels"]["test.shardctl.dev/scene"] != space {
                continue;
            }
            let words = match kind {
                Kind::StatefulSets => json!({"replicas": object["spec"]["replicas"],
                    "template": template(&object["spec"]["template"]), "ours": ours(&object)}),
                Kind::Pods => pod(&object, &set, node),
                Kind::Claims => json!({"volume": object["spec"]["volumeName"], "leaves": leaves(&object)}),
                Kind::Budgets => json!({"spec": object["spec"], "ours": ours(&object)}),
                Kind::Nodes => json!({"cordoned": object["spec"]["unschedulable"] == true, "ours": ours(&object),
                    "off": has_taint(&object, "node.kubernetes.io/out-of-service")}),
                _ => Value::Null,
            };
            ends.insert(format!("{}/{name}", kind.served().name), words);
        }
    }
    ends
}

fn pod(object: &Value, set: &Value, node: &str) -> Value {
    let revision = &object["metadata"]["labels"]["controller-revision-hash"];
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    json!({
        "ready": ready.any(|condition| condition["status"] == "True"),
        "leaves": leaves(object),
        "images": images(&object["spec"]),
        "on the node": object["spec"]["nodeName"] == node,
        "on the set's template": *revision == set["status"]["updateRevision"],
    })
}

fn leaves(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn images(spec: &Value) -> Vec<&Value> {
    let containers = spec["containers"].as_array().into_iter().flatten();
    containers.map(|container| &container["image"]).collect()
}

/// What an upgrade writes of it.
fn template(template: &Value) -> Value {
    let annotations = template["metadata"]["annotations"].as_object();
    let keys: Vec<&String> = annotations.into_iter().flat_map(Map::keys).collect();
    json!({"images": images(&template["spec"]), "annotations": keys})
}

/// The annotations that shardctl writes: whether a mark is there, and of a journal whether it is finished.
fn ours(object: &Value) -> Value {
    let annotations = object["metadata"]["annotations"].as_object();
    let written = annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with("shardctl.dev/") || key.as_str() == "karpenter.sh/do-not-disrupt");
    let words = written.map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        let inside: Option<Value> = serde_json::from_str(text).ok();
        let words = match inside {
            Some(Value::Object(fields)) => {
                let named = fields.iter().filter(|(_, value)| !value.is_null());
                json!(named.map(|(key, _)| key).collect::<Vec<_>>())
            }
            _ => value.clone(),
        };
        (key.clone(), words)
    });
    Value::Object(words.collect())
}

fn has_taint(node: &Value, key: &str) -> bool {
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.any(|taint| taint["key"] == key)
}
