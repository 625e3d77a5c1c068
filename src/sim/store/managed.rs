//! managedFields: which writer set which field, as far as updates go. Nobody here sends server-side apply.
//!
//! Source: `sigs.k8s.io/structured-merge-diff`, fieldpath; the keys of lists from the kinds' `+listMapKey` marks.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::write::{Part, Write};
use crate::sim::json::{list, set, stamp, text};
use crate::sim::kind::Kind;

/// One step towards a field, as managedFields write it: `f:name`, `k:{"name":"db"}`, `v:"value"`.
type Path = Vec<String>;

/// Lists whose items are told apart by a key, by the list's own name. Others count as one value.
const KEYED: &[(&str, &[&str])] = &[
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("ownerReferences", &["uid"]),
    ("ports", &["containerPort", "protocol"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
];

/// Notes who wrote what of `object`: fields that a write changes are the writer's, and nobody else's any more. A writer
/// without a name isn't noted.
pub(super) fn written(kind: Kind, before: Option<&Value>, object: &mut Value, part: Part, write: &Write<'_>) {
    if write.manager.is_empty() {
        return;
    }
    let (old, new) = (before.map(leaves).unwrap_or_default(), leaves(object));
    let changed: BTreeSet<Path> = new.difference(&old).map(|(path, _)| path.clone()).collect();
    let present: BTreeSet<Path> = new.into_iter().map(|(path, _)| path).collect();
    let subresource = if part == Part::Status { "status" } else { "" };
    let is_ours = |entry: &Value| {
        text(entry, "/manager") == write.manager
            && text(entry, "/operation") == "Update"
            && text(entry, "/subresource") == subresource
    };
    let mut entries: Vec<Value> = Vec::new();
    let mut ours: BTreeSet<Path> = changed.clone();
    for entry in before
        .map(|before| list(before, "/metadata/managedFields"))
        .unwrap_or_default()
    {
        let mut held = BTreeSet::new();
        read(&entry["fieldsV1"], &mut Vec::new(), &mut held);
        held.retain(|path| present.contains(path));
        if is_ours(entry) {
            ours.extend(held);
            continue;
        }
        held.retain(|path| !changed.contains(path));
        if !held.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = tree(&held);
            entries.push(entry);
        }
    }
    if !ours.is_empty() {
        let mut entry = json!({
            "manager": write.manager, "operation": "Update", "apiVersion": kind.api_version(),
            "time": stamp(write.now), "fieldsType": "FieldsV1", "fieldsV1": tree(&ours),
        });
        if !subresource.is_empty() {
            entry["subresource"] = json!(subresource);
        }
        entries.push(entry);
    }
    set(object, &["metadata", "managedFields"], Value::Array(entries));
}

/// Every field that holds a value, with it.
fn leaves(object: &Value) -> BTreeSet<(Path, String)> {
    let mut found = BTreeSet::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for key in ["annotations", "finalizers", "labels", "ownerReferences"] {
                    if let Some(value) = value.get(key) {
                        walk(
                            key,
                            value,
                            &mut vec!["f:metadata".to_owned(), format!("f:{key}")],
                            &mut found,
                        );
                    }
                }
            }
            _ => walk(key, value, &mut vec![format!("f:{key}")], &mut found),
        }
    }
    found
}

fn walk(name: &str, value: &Value, path: &mut Path, found: &mut BTreeSet<(Path, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !is_atomic(name) => {
            for (key, value) in fields {
                path.push(format!("f:{key}"));
                walk(key, value, path, found);
                path.pop();
            }
        }
        Value::Array(items) if name == "finalizers" => {
            for item in items {
                path.push(format!("v:{item}"));
                found.insert((path.clone(), String::new()));
                path.pop();
            }
        }
        Value::Array(items) if keys(name).is_some_and(|keys| items.iter().all(|item| has(item, keys))) => {
            let keys = keys(name).unwrap_or_default();
            for item in items {
                let key: Map<String, Value> = keys
                    .iter()
                    .filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())))
                    .collect();
                path.push(format!("k:{}", Value::Object(key)));
                walk("", item, path, found);
                path.pop();
            }
        }
        _ => {
            found.insert((path.clone(), value.to_string()));
        }
    }
}

/// Maps that count as one value.
fn is_atomic(name: &str) -> bool {
    ["selector", "nodeSelector", "resourceFieldRef", "fieldRef"].contains(&name)
}

fn keys(name: &str) -> Option<&'static [&'static str]> {
    let found = KEYED.iter().find(|(list, _)| *list == name);
    found.map(|(_, keys)| *keys)
}

fn has(item: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| item.get(*key).is_some())
}

/// The paths that a tree of fields names.
fn read(tree: &Value, path: &mut Path, found: &mut BTreeSet<Path>) {
    match tree.as_object() {
        Some(fields) if !fields.is_empty() => {
            for (key, inner) in fields {
                if key == "." {
                    continue;
                }
                path.push(key.clone());
                read(inner, path, found);
                path.pop();
            }
        }
        _ => {
            found.insert(path.clone());
        }
    }
}

fn tree(paths: &BTreeSet<Path>) -> Value {
    let mut root = Value::Object(Map::new());
    for path in paths {
        let mut at = &mut root;
        for step in path {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[step.as_str()];
        }
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
    }
    root
}
