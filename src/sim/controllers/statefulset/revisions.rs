//! The revisions of a set's template.
//!
//! Source: `pkg/controller/history/controller_history.go`. The name's hash is another than a real controller's: it only has
//! to differ where the templates do.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::Look;
use crate::sim::json::{controller, name, namespace, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key, Object};

/// What a revision says besides its template: that it takes the whole place of the one before.
const PATCH: &str = "$patch";
const REPLACE: &str = "replace";

/// The two revisions that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revisions {
    /// What the set was before the update.
    pub(super) current: String,
    /// What its template says now.
    pub(super) update: String,
}

impl Revisions {
    /// The template of one of them.
    pub(super) fn template(&self, plane: &Plane, namespace: &str, revision: &str, set: &Value) -> Option<Value> {
        if revision == self.update {
            return Some(set["spec"]["template"].clone());
        }
        let found = plane
            .store
            .get(&Key::new(Kind::ControllerRevisions, namespace, revision))?;
        let mut template = found.pointer("/data/spec/template")?.clone();
        if let Some(fields) = template.as_object_mut() {
            fields.remove(PATCH);
        }
        Some(template)
    }
}

/// The set's revisions; the one of a new template is made.
pub(super) fn find(plane: &mut Plane, set: &Value, now: Timestamp) -> Option<Revisions> {
    let history = history(plane, set);
    let latest = history
        .iter()
        .map(|found| number(found, "/revision").unwrap_or(0))
        .max()
        .unwrap_or(0);
    let template = &set["spec"]["template"];
    let same = history.iter().find(|found| holds(&found["data"], template));
    let update = match same {
        Some(same) => {
            // A template that comes back becomes the newest again.
            if number(same, "/revision").unwrap_or(0) < latest {
                let key = Key::of(Kind::ControllerRevisions, same);
                plane.change(&key, now, |found| found["revision"] = json!(latest + 1));
            }
            name(same).to_owned()
        }
        None => {
            let mut template = template.clone();
            template[PATCH] = json!(REPLACE);
            let data = without_nulls(&json!({"spec": {"template": template}}));
            let digest = Sha256::digest(data.to_string().as_bytes());
            let hash: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
            let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name(set), "uid": uid(set),
                "controller": true, "blockOwnerDeletion": true});
            let labels = set
                .pointer("/spec/template/metadata/labels")
                .cloned()
                .unwrap_or_else(|| json!({}));
            let made = json!({"metadata": {"name": format!("{}-{hash}", name(set)), "labels": labels, "ownerReferences": [owner]},
                "data": data, "revision": latest + 1});
            let made = plane.make(Kind::ControllerRevisions, namespace(set), made, now)?;
            name(&made).to_owned()
        }
    };
    let current = text(set, "/status/currentRevision");
    let known = history.iter().any(|found| name(found) == current);
    let current = if known { current.to_owned() } else { update.clone() };
    Some(Revisions { current, update })
}

/// Deletes revisions that nobody uses, the oldest first, beyond the limit.
pub(super) fn forget(plane: &mut Plane, look: &Look) {
    let live = |found: &Object| {
        let called = name(found);
        called == look.revisions.current || called == look.revisions.update || {
            let called = plane.store.word(called);
            look.pods.iter().any(|(_, pod)| called == Some(pod.revision))
        }
    };
    let mut unused: Vec<Object> = history(plane, &look.set)
        .into_iter()
        .filter(|found| !live(found))
        .collect();
    unused.sort_by_key(|found| number(found, "/revision"));
    let most = number(&look.set, "/spec/revisionHistoryLimit").unwrap_or(10);
    let excess = unused.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
    for found in unused.into_iter().take(excess) {
        let key = Key::of(Kind::ControllerRevisions, &found);
        let _ = plane.store.delete(&key, &Deletion::default(), &by_us(look.now));
    }
}

fn history(plane: &Plane, set: &Value) -> Vec<Object> {
    let all = plane.store.all(Kind::ControllerRevisions, Some(namespace(set)));
    all.filter(|found| controller(found).is_some_and(|owner| text(owner, "/uid") == uid(set)))
        .cloned()
        .collect()
}

/// Whether a revision was made of a template.
fn holds(data: &Value, template: &Value) -> bool {
    let held = only(data, "spec").and_then(|spec| only(spec, "template"));
    held.is_some_and(|held| held[PATCH] == REPLACE && are_alike(held, template, PATCH))
}

/// What stands under a key, where nothing stands under another one.
fn only<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let mut fields = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
    let (_, found) = fields.next().filter(|(own, _)| *own == key)?;
    fields.next().is_none().then_some(found)
}

/// Whether two values are the same without their nulls, as [`without_nulls`] makes them, but for what stands under a key.
fn are_alike(one: &Value, other: &Value, but: &str) -> bool {
    fn counted<'a>(map: &'a Map<String, Value>, but: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        map.iter().filter(move |(key, value)| !value.is_null() && *key != but)
    }
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let mut others = counted(other, but);
            let mut same = |(key, value): (&String, &Value)| {
                let other = others.next();
                other.is_some_and(|(other, found)| key == other && are_alike(value, found, ""))
            };
            counted(one, but).all(&mut same) && others.next().is_none()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_alike(one, other, ""))
        }
        (one, other) => one == other,
    }
}

/// Some servers write null where others write nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_holds_a_template_whatever_nulls_are_in_either_and_no_other() {
        let template = json!({"metadata": {"labels": {"app": "db"}, "creationTimestamp": null},
            "spec": {"containers": [{"name": "db", "command": ["a", null]}]}});
        let mut data = json!({"spec": {"template": template}, "status": null});
        assert!(!holds(&data, &template));
        data["spec"]["template"][PATCH] = json!(REPLACE);
        assert!(holds(&data, &template) && holds(&without_nulls(&data), &template));
        let others: [fn(&mut Value); 4] = [
            |template| template["spec"]["containers"][0]["name"] = json!("web"),
            |template| template["spec"]["containers"][0]["command"] = json!(["a"]),
            |template| template["spec"]["hostNetwork"] = json!(true),
            |template| drop(template["metadata"].as_object_mut().unwrap().remove("labels")),
        ];
        for change in others {
            let mut other = template.clone();
            change(&mut other);
            assert!(!holds(&data, &other), "{other}");
        }
        data["spec"]["replicas"] = json!(1);
        assert!(!holds(&data, &template));
    }
}
