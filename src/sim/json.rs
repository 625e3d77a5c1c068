//! Reading and writing the fields of objects that are JSON values.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What stands behind a pointer. As [`Value::pointer`], which copies every key to unescape it: most have nothing to unescape.
pub(in crate::sim) fn find<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.is_empty() || pointer.contains('~') {
        return object.pointer(pointer);
    }
    let mut keys = pointer.split('/').skip(1);
    keys.try_fold(object, |at, key| match at {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The text behind a pointer; empty where there is none.
pub(in crate::sim) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    find(object, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number behind a pointer.
pub(in crate::sim) fn number(object: &Value, pointer: &str) -> Option<i64> {
    find(object, pointer).and_then(Value::as_i64)
}

/// Whether there is `true` behind a pointer.
pub(in crate::sim) fn flag(object: &Value, pointer: &str) -> bool {
    find(object, pointer) == Some(&Value::Bool(true))
}

/// The list behind a pointer; empty where there is none.
pub(in crate::sim) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    find(object, pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The map behind a pointer.
pub(in crate::sim) fn map<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    find(object, pointer).and_then(Value::as_object)
}

/// The entries of a map of texts: labels, annotations, selectors.
pub(in crate::sim) fn texts<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let entries = map(object, pointer).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// One entry of a map of texts.
pub(in crate::sim) fn entry<'a>(object: &'a Value, pointer: &str, key: &str) -> Option<&'a str> {
    map(object, pointer)?.get(key)?.as_str()
}

/// The object's name.
pub(in crate::sim) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The object's namespace; empty where it has none.
pub(in crate::sim) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// The object's uid.
pub(in crate::sim) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object is being deleted.
pub(in crate::sim) fn is_leaving(object: &Value) -> bool {
    find(object, "/metadata/deletionTimestamp").is_some()
}

/// The uid of the owner that controls it.
pub(in crate::sim) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"))
}

/// The status of a condition: "True", "False", "Unknown"; empty where there is none.
pub(in crate::sim) fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
        .map(|condition| text(condition, "/status"))
        .unwrap_or_default()
}

/// Writes `value` at a path of keys, with the maps on the way. What stands there and is no map gives way.
pub(in crate::sim) fn set(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for key in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*key];
    }
    *at = value;
}

/// Takes away what stands at a path of keys.
pub(in crate::sim) fn remove(object: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, before) = path.split_last()?;
    let mut at = object;
    for key in before {
        at = at.get_mut(*key)?;
    }
    at.as_object_mut()?.remove(*last)
}

/// Sets a condition; its time of transition changes only with its status.
pub(in crate::sim) fn set_condition(object: &mut Value, wanted: Value, now: Timestamp) {
    let kind = text(&wanted, "/type").to_owned();
    let mut conditions = list(object, "/status/conditions").to_vec();
    let mut wanted = wanted;
    let before = conditions.iter_mut().find(|one| text(one, "/type") == kind);
    let same = before
        .as_ref()
        .filter(|before| text(before, "/status") == text(&wanted, "/status"))
        .and_then(|before| before.get("lastTransitionTime").cloned());
    wanted["lastTransitionTime"] = same.unwrap_or_else(|| stamp(now));
    match before {
        Some(before) => *before = wanted,
        None => conditions.push(wanted),
    }
    set(object, &["status", "conditions"], Value::Array(conditions));
}

/// A moment as objects hold it: whole seconds.
pub(in crate::sim) fn stamp(at: Timestamp) -> Value {
    Value::String(format!("{at:.0}"))
}

/// A moment that an object holds.
pub(in crate::sim) fn moment(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_written_in_whole_seconds_and_read_back() {
        let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(stamp(at), "2026-01-02T03:04:05Z");
        let object = json!({"a": stamp(at)});
        assert_eq!(moment(&object, "/a"), Some("2026-01-02T03:04:05Z".parse().unwrap()));
    }

    #[test]
    fn what_stands_behind_a_pointer_is_found_as_serde_json_finds_it() {
        let object = json!({"a": {"b": [1, {"c": 2}], "d/e": 3}, "": 4});
        for pointer in [
            "", "/", "/a", "/a/b/1/c", "/a/b/2", "/a/b/x", "/a/d~1e", "/none", "/a/b/0/c",
        ] {
            assert_eq!(find(&object, pointer), object.pointer(pointer), "{pointer}");
        }
    }

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let (early, late): (Timestamp, Timestamp) = (
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "2026-01-01T00:00:09Z".parse().unwrap(),
        );
        let mut object = json!({});
        set_condition(&mut object, json!({"type": "Ready", "status": "True"}), early);
        set_condition(&mut object, json!({"type": "Ready", "status": "True"}), late);
        assert_eq!(object["status"]["conditions"][0]["lastTransitionTime"], stamp(early));
        set_condition(&mut object, json!({"type": "Ready", "status": "False"}), late);
        assert_eq!(object["status"]["conditions"][0]["lastTransitionTime"], stamp(late));
        assert_eq!(condition(&object, "Ready"), "False");
        assert_eq!(list(&object, "/status/conditions").len(), 1);
    }
}
