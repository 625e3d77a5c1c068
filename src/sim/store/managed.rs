//! managedFields: which writer set which field.
//!
//! Source: `sigs.k8s.io/structured-merge-diff`, fieldpath; the keys of lists from the kinds' `+listMapKey` marks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::write::{Part, Write};
use crate::sim::json::{list, set, stamp, text};
use crate::sim::kind::Kind;

/// One step towards a field, as managedFields write it: `f:name`, `k:{"name":"db"}`, `v:"value"`.
pub(super) type Path = Vec<String>;

/// The fields that hold a value, with it.
pub(super) type Leaves = BTreeMap<Path, String>;

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
    ("ports", &["port", "protocol"]),
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
    let old = before.map(|before| leaves(kind, before)).unwrap_or_default();
    let new = leaves(kind, object);
    let is_new = |(path, value): &(&Path, &String)| old.get(*path) != Some(*value);
    let changed: BTreeSet<Path> = new.iter().filter(is_new).map(|(path, _)| path.clone()).collect();
    let present: BTreeSet<Path> = new.into_keys().collect();
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
        let mut held = held(entry);
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

/// Notes who holds what after an apply: what he applied is the applier's, and what he took over nobody else's any more.
pub(super) fn applied(
    kind: Kind,
    before: Option<&Value>,
    object: &mut Value,
    ours: &BTreeSet<Path>,
    taken: &BTreeSet<Path>,
    write: &Write<'_>,
) {
    let present: BTreeSet<Path> = leaves(kind, object).into_keys().collect();
    let mut entries: Vec<Value> = Vec::new();
    let mut time = stamp(write.now);
    let fields = tree(ours);
    for entry in before
        .map(|before| list(before, "/metadata/managedFields"))
        .unwrap_or_default()
    {
        if is_applied_by(entry, write.manager) {
            // What is applied again is as old as it was.
            if entry["fieldsV1"] == fields {
                time = entry["time"].clone();
            }
            continue;
        }
        let mut held = held(entry);
        let whole = held.len();
        held.retain(|path| present.contains(path) && !taken.contains(path));
        if held.len() == whole {
            entries.push(entry.clone());
        } else if !held.is_empty() {
            let mut entry = entry.clone();
            entry["fieldsV1"] = tree(&held);
            entries.push(entry);
        }
    }
    if !ours.is_empty() {
        let entry = json!({
            "manager": write.manager, "operation": "Apply", "apiVersion": kind.api_version(), "time": time,
            "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        // Those who apply come first.
        entries.insert(0, entry);
    }
    set(object, &["metadata", "managedFields"], Value::Array(entries));
}

/// Whether an entry is what somebody applied.
pub(super) fn is_applied_by(entry: &Value, manager: &str) -> bool {
    text(entry, "/manager") == manager && text(entry, "/operation") == "Apply" && text(entry, "/subresource").is_empty()
}

/// The fields that an entry says are its writer's.
pub(super) fn held(entry: &Value) -> BTreeSet<Path> {
    let mut held = BTreeSet::new();
    read(&entry["fieldsV1"], &mut Vec::new(), &mut held);
    held
}

/// Every field that holds a value, with it.
pub(super) fn leaves(kind: Kind, object: &Value) -> Leaves {
    let mut found = Leaves::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for key in ["annotations", "finalizers", "labels", "ownerReferences"] {
                    if let Some(value) = value.get(key) {
                        let mut path = vec!["f:metadata".to_owned(), format!("f:{key}")];
                        walk(kind, key, value, &mut path, &mut found);
                    }
                }
            }
            _ => walk(kind, key, value, &mut vec![format!("f:{key}")], &mut found),
        }
    }
    found
}

fn walk(kind: Kind, name: &str, value: &Value, path: &mut Path, found: &mut Leaves) {
    match value {
        // Nobody's: it stands for nothing.
        Value::Null => {}
        Value::Object(fields) if fields.is_empty() && path.len() == 1 => {}
        Value::Object(fields) if !fields.is_empty() && !is_atomic(name) => {
            for (key, value) in fields {
                path.push(format!("f:{key}"));
                walk(kind, key, value, path, found);
                path.pop();
            }
        }
        Value::Array(items) if name == "finalizers" => {
            for item in items {
                path.push(format!("v:{item}"));
                found.insert(path.clone(), String::new());
                path.pop();
            }
        }
        Value::Array(items) => match keys(kind, name, items) {
            Some(keys) => {
                for item in items {
                    path.push(format!("k:{}", key_of(item, keys)));
                    walk(kind, "", item, path, found);
                    path.pop();
                }
            }
            None => drop(found.insert(path.clone(), value.to_string())),
        },
        _ => drop(found.insert(path.clone(), value.to_string())),
    }
}

/// Maps that count as one value.
pub(super) fn is_atomic(name: &str) -> bool {
    const ATOMIC: [&str; 12] = [
        // A NodeSelector.
        "requiredDuringSchedulingIgnoredDuringExecution",
        "selector",
        "labelSelector",
        "nodeSelector",
        "resourceFieldRef",
        "fieldRef",
        "configMapKeyRef",
        "secretKeyRef",
        "involvedObject",
        "claimRef",
        "targetRef",
        "dataSource",
    ];
    ATOMIC.contains(&name)
}

/// The keys that tell the items of a list apart; none where the list counts as one value, as all lists of custom kinds do.
pub(super) fn keys(kind: Kind, name: &str, items: &[Value]) -> Option<&'static [&'static str]> {
    let fits = |keys: &&&'static [&'static str]| {
        let first = keys.first().copied().unwrap_or_default();
        items.iter().all(|item| item.get(first).is_some())
    };
    let named = KEYED.iter().filter(|(list, _)| *list == name).map(|(_, keys)| keys);
    let found = named.filter(|_| !items.is_empty() && !kind.is_custom()).find(fits);
    found.copied()
}

/// What tells an item from the others of its list.
pub(super) fn key_of(item: &Value, keys: &[&str]) -> Value {
    let values = keys.iter().filter_map(|key| {
        let default = (*key == "protocol").then(|| json!("TCP"));
        Some(((*key).to_owned(), item.get(*key).cloned().or(default)?))
    });
    Value::Object(values.collect())
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
