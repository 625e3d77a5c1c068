//! Server-side apply: an object made what is given as far as that says something of it, and nobody else's fields touched.
//!
//! Source: `sigs.k8s.io/structured-merge-diff`, merge/update.go; `k8s.io/apimachinery/pkg/util/managedfields/internal`, conflict.go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::managed::{self, Path, held, is_applied_by, is_atomic, key_of, keys, leaves};
use super::write::{Noted, Part, Write};
use super::{Key, Object, Store};
use crate::sim::json::{list, set, text};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

impl Store {
    /// Applies what is given; whether the object is new by it is the answer's other half. `force` takes over what others write.
    ///
    /// # Errors
    /// 409 where somebody else writes a field otherwise; what [`create`](Self::create) and [`update`](Self::update) refuse.
    pub fn apply(
        &mut self,
        key: &Key,
        mut given: Value,
        force: bool,
        write: &Write<'_>,
    ) -> Result<(Object, bool), Refused> {
        set(&mut given, &["metadata", "name"], json!(key.name));
        let ours: BTreeSet<Path> = leaves(key.kind, &given).into_keys().collect();
        let Some(live) = self.get(key).cloned() else {
            let noted = Noted::Applied(&ours, &BTreeSet::new());
            let made = self.create_noting(key.kind, &key.namespace, given, Part::Main, write, noted)?;
            return Ok((made, true));
        };
        let mut merged = Value::clone(&live);
        merge(key.kind, "", &mut merged, &given);
        let changed = differing(key.kind, &live, &merged);
        let conflicts = conflicts(&live, &changed, write.manager);
        if !conflicts.is_empty() && !force {
            return Err(refused(&conflicts));
        }
        prune(&live, &mut merged, &ours, write.manager);
        let taken: BTreeSet<Path> = conflicts.into_values().flatten().collect();
        let noted = Noted::Applied(&ours, &taken);
        let kept = self.update_noting(key, merged, Part::Main, write, noted)?;
        Ok((kept, false))
    }
}

/// Lays what is given over what is there.
fn merge(kind: Kind, name: &str, live: &mut Value, given: &Value) {
    match given {
        Value::Object(fields) if live.is_object() && !is_atomic(name) => {
            for (key, value) in fields {
                match live.get_mut(key) {
                    Some(there) => merge(kind, key, there, value),
                    None => live[key.as_str()] = value.clone(),
                }
            }
        }
        Value::Array(items) => match (live, keys(kind, name, items)) {
            (Value::Array(there), Some(keys)) => *there = merged_items(kind, std::mem::take(there), items, keys),
            (Value::Array(there), None) if name == "finalizers" => {
                let new: Vec<Value> = items.iter().filter(|item| !there.contains(item)).cloned().collect();
                there.extend(new);
            }
            (live, _) => *live = given.clone(),
        },
        other => *live = other.clone(),
    }
}

/// The items of both lists in an order that is that of each, as far as they agree; what is in both as it is given
/// (`mergingWalker.visitListItems` of structured-merge-diff's typed/merge.go).
fn merged_items(kind: Kind, mut live: Vec<Value>, given: &[Value], keys: &[&str]) -> Vec<Value> {
    let of = |item: &Value| key_of(item, keys);
    let mut out = Vec::new();
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < given.len() {
        let there = live.get(left).map(of);
        let same = there.is_some() && there == given.get(right).map(of);
        let at = there
            .as_ref()
            .and_then(|key| given.iter().position(|item| of(item) == *key));
        match (there, at) {
            (Some(_), None) => {
                out.push(live[left].take());
                left += 1;
            }
            // It came where the given list has it.
            (Some(_), Some(at)) if at < right => left += 1,
            _ => {
                let item = &given[right];
                let twin = live.iter_mut().find(|found| of(found) == of(item));
                out.push(match twin {
                    Some(found) => {
                        merge(kind, "", found, item);
                        found.clone()
                    }
                    None => item.clone(),
                });
                right += 1;
                left += usize::from(same);
            }
        }
    }
    out
}

/// The fields that are new or hold another value.
fn differing(kind: Kind, before: &Value, after: &Value) -> BTreeSet<Path> {
    let old = leaves(kind, before);
    let new = leaves(kind, after).into_iter();
    new.filter(|(path, value)| old.get(path) != Some(value))
        .map(|(path, _)| path)
        .collect()
}

/// The changed fields that others hold, by who that is, in the server's words.
fn conflicts(live: &Value, changed: &BTreeSet<Path>, manager: &str) -> BTreeMap<String, Vec<Path>> {
    let others = list(live, "/metadata/managedFields").iter();
    let others = others.filter(|entry| !is_applied_by(entry, manager));
    let found = others.map(|entry| {
        let theirs: Vec<Path> = held(entry).intersection(changed).cloned().collect();
        (manager_words(entry), theirs)
    });
    found.filter(|(_, theirs)| !theirs.is_empty()).collect()
}

fn manager_words(entry: &Value) -> String {
    let mut words = format!("{:?}", text(entry, "/manager"));
    if !text(entry, "/subresource").is_empty() {
        words.push_str(&format!(" with subresource {:?}", text(entry, "/subresource")));
    }
    if text(entry, "/operation") == "Update" {
        words.push_str(&format!(" using {}", text(entry, "/apiVersion")));
    }
    words
}

fn refused(conflicts: &BTreeMap<String, Vec<Path>>) -> Refused {
    let pairs = || {
        let all = conflicts.iter();
        all.flat_map(|(manager, paths)| paths.iter().map(move |path| (manager, sentence(path))))
    };
    let causes: Vec<Value> = pairs()
        .map(|(manager, field)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": field})
        })
        .collect();
    let message = match (pairs().next(), causes.len()) {
        (Some((manager, field)), 1) => format!("Apply failed with 1 conflict: conflict with {manager}: {field}"),
        (_, count) => {
            let mut lines = Vec::new();
            for (manager, paths) in conflicts {
                lines.push(format!("conflicts with {manager}:"));
                lines.extend(paths.iter().map(|path| format!("- {}", sentence(path))));
            }
            format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
        }
    };
    Refused {
        details: json!({"causes": causes}),
        ..Refused::new(409, "Conflict", message)
    }
}

/// A path as the server's sentences write it: `.spec.template.spec.containers[name="db"].image`.
fn sentence(path: &Path) -> String {
    let mut words = String::new();
    for step in path {
        match step.split_once(':') {
            Some(("f", field)) => words.push_str(&format!(".{field}")),
            Some(("k", keys)) => {
                let keys: Value = serde_json::from_str(keys).unwrap_or_default();
                let each = keys.as_object().into_iter().flatten();
                let each: Vec<String> = each.map(|(key, value)| format!("{key}={value}")).collect();
                words.push_str(&format!("[{}]", each.join(",")));
            }
            Some((_, value)) => words.push_str(&format!("[={value}]")),
            None => words.push_str(step),
        }
    }
    words
}

/// Takes away what the applier applied before, doesn't any longer, and nobody else holds.
fn prune(live: &Value, merged: &mut Value, ours: &BTreeSet<Path>, manager: &str) {
    let entries = list(live, "/metadata/managedFields");
    let (before, others): (Vec<&Value>, Vec<&Value>) = entries.iter().partition(|entry| is_applied_by(entry, manager));
    let kept: BTreeSet<Path> = others.into_iter().flat_map(held).chain(ours.iter().cloned()).collect();
    let dropped: BTreeSet<Path> = before
        .into_iter()
        .flat_map(held)
        // A field of which a part is somebody's stays, and so does a part of what is.
        .filter(|path| !kept.iter().any(|other| other.starts_with(path) || path.starts_with(other)))
        .collect();
    for path in dropped {
        // An item of which nothing is anybody's any more goes as a whole, with what the server had added to it.
        let whole = (1..path.len()).find(|length| {
            let item = &path[..*length];
            item.last().is_some_and(|step| step.starts_with("k:")) && !kept.iter().any(|path| path.starts_with(item))
        });
        drop_at(merged, &path[..whole.unwrap_or(path.len())]);
    }
}

fn drop_at(at: &mut Value, path: &[String]) {
    let Some((step, rest)) = path.split_first() else { return };
    match step.split_once(':') {
        Some(("f", field)) if rest.is_empty() => {
            if let Some(fields) = at.as_object_mut() {
                fields.remove(field);
            }
        }
        Some(("f", field)) => {
            let Some(inner) = at.get_mut(field) else { return };
            drop_at(inner, rest);
            // A list of which the last item went goes with it.
            if inner.as_array().is_some_and(Vec::is_empty)
                && let Some(fields) = at.as_object_mut()
            {
                fields.remove(field);
            }
        }
        Some(("k", wanted)) => {
            let Some(items) = at.as_array_mut() else { return };
            let wanted: Value = serde_json::from_str(wanted).unwrap_or_default();
            let names: Vec<&str> = wanted
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.as_str())
                .collect();
            if rest.is_empty() {
                items.retain(|item| key_of(item, &names) != wanted);
            } else if let Some(item) = items.iter_mut().find(|item| key_of(item, &names) == wanted) {
                drop_at(item, rest);
            }
        }
        Some((_, value)) => {
            let gone: Value = serde_json::from_str(value).unwrap_or_default();
            if let Some(items) = at.as_array_mut() {
                items.retain(|item| *item != gone);
            }
        }
        None => {}
    }
}

impl Noted<'_> {
    /// Writes into the object who holds which of its fields.
    pub(super) fn write(self, kind: Kind, before: Option<&Value>, object: &mut Value, part: Part, write: &Write<'_>) {
        match self {
            Noted::Updated => managed::written(kind, before, object, part, write),
            Noted::Applied(ours, taken) => managed::applied(kind, before, object, ours, taken, write),
        }
    }
}
