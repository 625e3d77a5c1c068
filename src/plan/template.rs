//! Pod templates as the server gave them, changed and compared: fields that this version doesn't know are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::{Map, Value, json};

use crate::model::journal::RESTARTED_AT;
use crate::plan::image::{ImageError, Wanted};

/// The lists of a pod spec that hold containers.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];
/// What tells the items of a list apart, most telling first: what Kubernetes merges lists by.
const KEYS: [&str; 5] = ["name", "mountPath", "devicePath", "containerPort", "topologyKey"];

/// The template with other images, and what has changed in words: `image of shard: a → b`. Init containers may be named too.
///
/// # Errors
/// Where a container isn't there, isn't named though there are several, or is named twice.
pub fn set_images(template: &Value, wanted: &[Wanted]) -> Result<(Value, Vec<String>), ImageError> {
    let names_in = |list: &str| -> Vec<String> {
        let listed = template["spec"][list].as_array().into_iter().flatten();
        listed
            .filter_map(|container| container["name"].as_str().map(str::to_owned))
            .collect()
    };
    let main = names_in("containers");
    let known: Vec<String> = CONTAINERS.iter().flat_map(|list| names_in(list)).collect();
    let mut images: BTreeMap<String, &str> = BTreeMap::new();
    for one in wanted {
        let name = match (&one.container, main.as_slice()) {
            (Some(name), _) if known.contains(name) => name.clone(),
            (Some(name), _) => {
                return Err(ImageError::NoSuchContainer {
                    name: name.clone(),
                    known,
                });
            }
            (None, [only]) => only.clone(),
            (None, []) => return Err(ImageError::NoContainers),
            (None, _) => {
                return Err(ImageError::NameOne {
                    image: one.image.clone(),
                    known,
                });
            }
        };
        if images.insert(name.clone(), &one.image).is_some() {
            return Err(ImageError::Twice(name));
        }
    }
    let mut changed = template.clone();
    let mut what = Vec::new();
    for list in CONTAINERS {
        let Some(containers) = changed
            .pointer_mut(&format!("/spec/{list}"))
            .and_then(Value::as_array_mut)
        else {
            continue;
        };
        for container in containers {
            let Some(name) = container["name"].as_str().map(str::to_owned) else {
                continue;
            };
            let before = container["image"].as_str().unwrap_or_default().to_owned();
            if let Some(image) = images.get(&name).filter(|image| **image != before) {
                what.push(format!("image of {name}: {before} → {image}"));
                container["image"] = json!(image);
            }
        }
    }
    Ok((changed, what))
}

/// The template with a stamp, so that every pod is made anew.
pub fn stamp_restart(template: &Value, stamp: &str) -> Value {
    let mut changed = template.clone();
    if !changed["metadata"]["annotations"].is_object() {
        changed["metadata"]["annotations"] = json!({});
    }
    changed["metadata"]["annotations"][RESTARTED_AT] = json!(stamp);
    changed
}

/// The stamp of a template, where it has one.
pub fn stamp(template: &Value) -> Option<&str> {
    template["metadata"]["annotations"][RESTARTED_AT].as_str()
}

/// The template that a revision holds: a revision is a patch of the set's template, and says so in a field of its own.
pub fn of_revision(revision: &ControllerRevision) -> Option<Value> {
    let mut template = revision.data.as_ref()?.0.pointer("/spec/template")?.clone();
    template.as_object_mut()?.remove("$patch");
    Some(template)
}

/// One place where two templates differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// The place: `spec.containers[shard].image`.
    pub path: String,
    /// What was there; none where nothing was.
    pub old: Option<String>,
    /// What is there; none where nothing is.
    pub new: Option<String>,
}

impl fmt::Display for DiffLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{path}: {old} → {new}"),
            (None, Some(new)) => write!(f, "{path}: added {new}"),
            (Some(old), None) => write!(f, "{path}: removed {old}"),
            (None, None) => f.write_str(path),
        }
    }
}

/// Every place where two templates differ, in the order of the places.
///
/// The items of a list go by what Kubernetes merges them by (a container's name, a mount's path); one that is only elsewhere
/// in its list is told as moved. Values are shown as they are: a template holds no secrets, only their names.
pub fn diff(old: &Value, new: &Value) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    compare("", &pruned(old), &pruned(new), &mut lines);
    lines
}

/// Whether two templates make the same pods: a field that is null counts as one that isn't there.
pub fn same(one: &Value, other: &Value) -> bool {
    pruned(one) == pruned(other)
}

fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), pruned(value)))
            .collect::<Map<String, Value>>()
            .into(),
        Value::Array(items) => items.iter().map(pruned).collect(),
        other => other.clone(),
    }
}

fn compare(path: &str, old: &Value, new: &Value, lines: &mut Vec<DiffLine>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let place = under(path, key);
                one(&place, before.get(key), after.get(key), lines);
            }
        }
        (Value::Array(before), Value::Array(after)) => match key_of(before, after) {
            Some(key) => by_key(path, key, before, after, lines),
            None => one_changed(path, Some(old), Some(new), lines),
        },
        _ => one_changed(path, Some(old), Some(new), lines),
    }
}

/// A field's place below another: quoted where its name has dots or slashes of its own.
fn under(path: &str, key: &str) -> String {
    let quoted = key.contains(['.', '/']);
    match (path.is_empty(), quoted) {
        (_, true) => format!("{path}[{key}]"),
        (true, false) => key.to_owned(),
        (false, false) => format!("{path}.{key}"),
    }
}

fn one(place: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<DiffLine>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(place, old, new, lines),
        _ => one_changed(place, old, new, lines),
    }
}

fn one_changed(place: &str, old: Option<&Value>, new: Option<&Value>, lines: &mut Vec<DiffLine>) {
    lines.push(DiffLine {
        path: place.to_owned(),
        old: old.map(shown),
        new: new.map(shown),
    });
}

/// What tells the items of both lists apart: the first field that every item has, each with a value of its own.
fn key_of(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let tells = |key: &str, items: &[Value]| {
        let values: BTreeSet<String> = items
            .iter()
            .filter_map(|item| item.get(key))
            .map(Value::to_string)
            .collect();
        values.len() == items.len()
    };
    KEYS.into_iter().find(|key| tells(key, old) && tells(key, new))
}

fn by_key(path: &str, key: &str, old: &[Value], new: &[Value], lines: &mut Vec<DiffLine>) {
    let names = |items: &[Value]| -> Vec<String> { items.iter().map(|item| shown(&item[key])).collect() };
    let (before, after) = (names(old), names(new));
    let all: BTreeSet<&String> = before.iter().chain(&after).collect();
    for name in all {
        let find = |names: &[String], items: &'_ [Value]| -> Option<Value> {
            let at = names.iter().position(|found| found == name)?;
            items.get(at).cloned()
        };
        let place = format!("{path}[{name}]");
        one(&place, find(&before, old).as_ref(), find(&after, new).as_ref(), lines);
    }
    let kept = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| others.contains(name)).cloned().collect()
    };
    if kept(&before, &after) != kept(&after, &before) {
        lines.push(DiffLine {
            path: format!("{path} (order)"),
            old: Some(before.join(", ")),
            new: Some(after.join(", ")),
        });
    }
}

/// A value on one line; words without quotes.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Value {
        json!({
            "metadata": {"creationTimestamp": null, "labels": {"app": "db"}},
            "spec": {
                "fromTheFuture": {"kept": true},
                "initContainers": [{"name": "fetch", "image": "fetch:1"}],
                "containers": [{
                    "name": "db", "image": "registry.example/db:1.0", "newField": 7,
                    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                    "args": ["--one", "--two"],
                }],
            },
        })
    }

    fn wanted(texts: &[&str]) -> Vec<Wanted> {
        texts.iter().map(|text| Wanted::parse(text).unwrap()).collect()
    }

    fn two_containers() -> Value {
        let mut template = template();
        let more = json!({"name": "proxy", "image": "proxy:1"});
        template["spec"]["containers"].as_array_mut().unwrap().push(more);
        template
    }

    fn lines(old: &Value, new: &Value) -> Vec<String> {
        diff(old, new).iter().map(DiffLine::to_string).collect()
    }

    #[test]
    fn an_image_alone_is_the_only_containers_and_everything_else_is_kept() {
        let (changed, what) = set_images(&template(), &wanted(&["registry.example/db:2.0"])).unwrap();
        assert_eq!(what, ["image of db: registry.example/db:1.0 → registry.example/db:2.0"]);
        let mut expected = template();
        expected["spec"]["containers"][0]["image"] = json!("registry.example/db:2.0");
        assert_eq!(changed, expected);
        let (same_again, what) = set_images(&changed, &wanted(&["registry.example/db:2.0"])).unwrap();
        assert_eq!((same_again, what), (changed, Vec::new()));
    }

    #[test]
    fn several_containers_are_named_init_containers_too() {
        let set = |texts: &[&str]| set_images(&two_containers(), &wanted(texts));
        let (_, what) = set(&["db=db:2", "fetch=fetch:2"]).unwrap();
        assert_eq!(
            what,
            [
                "image of db: registry.example/db:1.0 → db:2",
                "image of fetch: fetch:1 → fetch:2"
            ]
        );
        let unnamed = set(&["db:2"]).unwrap_err().to_string();
        assert!(
            unnamed.contains("db, proxy, fetch") && unnamed.contains("--image db=db:2"),
            "{unnamed}"
        );
        let unknown = set(&["dbx=db:2"]).unwrap_err().to_string();
        assert_eq!(unknown, "the template has no container dbx; it has db, proxy, fetch");
        assert_eq!(set(&["db=a", "db=b"]), Err(ImageError::Twice("db".to_owned())));
        assert_eq!(set_images(&json!({}), &wanted(&["a"])), Err(ImageError::NoContainers));
    }

    #[test]
    fn a_restart_is_a_stamp_and_nothing_else() {
        let stamped = stamp_restart(&template(), "2026-03-01T12:00:00Z");
        assert_eq!(stamp(&stamped), Some("2026-03-01T12:00:00Z"));
        assert_eq!(stamp(&template()), None);
        assert_eq!(
            lines(&stamp_restart(&template(), "a"), &stamp_restart(&template(), "b")),
            ["metadata.annotations[shardctl.dev/restarted-at]: a → b"]
        );
    }

    #[test]
    fn a_revision_gives_its_template_without_the_patchs_own_field() {
        let mut data = template();
        data["$patch"] = json!("replace");
        let revision: ControllerRevision = serde_json::from_value(json!({
            "metadata": {"name": "db-1"}, "revision": 1, "data": {"spec": {"template": data}},
        }))
        .unwrap();
        assert_eq!(of_revision(&revision), Some(template()));
        let empty: ControllerRevision = serde_json::from_value(json!({"metadata": {}, "revision": 1})).unwrap();
        assert_eq!(of_revision(&empty), None);
    }

    #[test]
    fn a_difference_is_told_by_its_place_whatever_the_order() {
        let mut new = template();
        new["metadata"] = json!({"labels": {"app": "db"}});
        assert!(same(&template(), &new) && diff(&template(), &new).is_empty());
        let db = &mut new["spec"]["containers"][0];
        db["env"] = json!([{"name": "B", "value": "3"}, {"name": "C", "value": ""}, {"name": "A", "value": "1"}]);
        db["args"] = json!(["--one"]);
        db["ports"] = json!([{"containerPort": 80}]);
        new["spec"].as_object_mut().unwrap().remove("initContainers");
        assert!(!same(&template(), &new));
        assert_eq!(
            lines(&template(), &new),
            [
                "spec.containers[db].args: [\"--one\",\"--two\"] → [\"--one\"]",
                "spec.containers[db].env[B].value: 2 → 3",
                "spec.containers[db].env[C]: added {\"name\":\"C\",\"value\":\"\"}",
                "spec.containers[db].env (order): A, B → B, C, A",
                "spec.containers[db].ports: added [{\"containerPort\":80}]",
                "spec.initContainers: removed [{\"image\":\"fetch:1\",\"name\":\"fetch\"}]",
            ]
        );
    }

    #[test]
    fn a_list_whose_items_have_no_key_of_their_own_is_told_whole() {
        let ports = |list: Value| json!({"spec": {"ports": list}});
        let twice = ports(json!([{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]));
        let once = ports(json!([{"containerPort": 53, "protocol": "TCP"}]));
        assert_eq!(lines(&twice, &once).len(), 1);
        assert!(
            !same(&json!({"emptyDir": {}}), &json!({})),
            "an empty object says something"
        );
    }
}
