//! Reading objects that are JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The annotation that holds a mark.
pub const MARK: &str = "shardctl.dev/mark";

/// The text behind a pointer.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The name.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The uid.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// An annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(key)?.as_str()
}

/// A label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

/// The mark on an object; null where it can't be read.
pub fn mark(object: &Value) -> Option<Value> {
    let written = annotation(object, MARK)?;
    Some(serde_json::from_str(written).unwrap_or_default())
}

/// Whether it is being deleted.
pub fn is_leaving(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Whether a pod or node is Ready.
pub fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready.any(|condition| condition["status"] == "True")
}

/// Whether a node is declared off.
pub fn is_off(node: &Value) -> bool {
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.any(|taint| taint["key"] == "node.kubernetes.io/out-of-service")
}

/// The fields in which two versions of an object differ: `spec.template`, `metadata.annotations.a/b`. As deep as there are maps,
/// but no deeper than what is one wish: a template is one field. What only the server writes is left out.
pub fn differences(before: &Value, after: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    differ(before, after, "", &mut found);
    let servers = [
        "metadata.resourceVersion",
        "metadata.managedFields",
        "metadata.generation",
        "status",
    ];
    found.retain(|path| !servers.iter().any(|servers| path.starts_with(servers)));
    found
}

fn differ(before: &Value, after: &Value, path: &str, found: &mut BTreeSet<String>) {
    if before == after {
        return;
    }
    let whole = ["spec.template", "spec.selector"].contains(&path);
    let nothing = Map::new();
    let maps = match (before, after) {
        (Value::Object(before), Value::Object(after)) => Some((before, after)),
        (Value::Object(before), Value::Null) => Some((before, &nothing)),
        (Value::Null, Value::Object(after)) => Some((&nothing, after)),
        _ => None,
    };
    match maps.filter(|_| !whole) {
        Some((before, after)) => {
            for key in before.keys().chain(after.keys()) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differ(&of(before), &of(after), &path, found);
            }
        }
        None => drop(found.insert(path.to_owned())),
    }
}
