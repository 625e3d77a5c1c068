//! JSON patches (RFC 6902), the one form of patch that shardctl sends; merge, strategic merge and apply are refused.
//!
//! Where the RFC leaves a choice, this does as the API server's library does (`gopkg.in/evanphx/json-patch.v4`): a `test` for
//! null holds where nothing stands, a removal of nothing fails.

use serde_json::Value;

use crate::sim::refused::Refused;

/// How many operations a server takes in one patch.
const MOST: usize = 10_000;

/// Applies a patch, or nothing of it.
///
/// # Errors
/// 400 for what is no patch, 413 for one too long, 422 for one that doesn't fit, a failed `test` among them.
pub fn apply(object: &Value, patch: &Value) -> Result<Value, Refused> {
    let operations = patch.as_array().ok_or_else(|| {
        Refused::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        )
    })?;
    if operations.len() > MOST {
        let words = format!(
            "The allowed maximum operations in a JSON patch is {MOST}, got {}",
            operations.len()
        );
        return Err(Refused::new(413, "RequestEntityTooLarge", words));
    }
    let mut object = object.clone();
    for operation in operations {
        one(&mut object, operation).ok_or_else(Refused::patch)?;
    }
    Ok(object)
}

fn one(object: &mut Value, operation: &Value) -> Option<()> {
    let path = tokens(operation.get("path")?.as_str()?)?;
    let value = operation.get("value");
    match operation.get("op")?.as_str()? {
        "add" => add(object, &path, value?.clone()),
        "remove" => remove(object, &path).map(drop),
        "replace" => {
            *find_mut(object, &path)? = value?.clone();
            Some(())
        }
        "test" => {
            let wanted = value.unwrap_or(&Value::Null);
            let found = find(object, &path).unwrap_or(&Value::Null);
            (found == wanted).then_some(())
        }
        "move" => {
            let from = tokens(operation.get("from")?.as_str()?)?;
            let moved = remove(object, &from)?;
            add(object, &path, moved)
        }
        "copy" => {
            let from = tokens(operation.get("from")?.as_str()?)?;
            let copied = find(object, &from)?.clone();
            add(object, &path, copied)
        }
        _ => None,
    }
}

/// The keys of a pointer, unescaped.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let keys = pointer.strip_prefix('/')?.split('/');
    Some(keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

fn index(key: &str, most: usize) -> Option<usize> {
    let at: usize = key.parse().ok()?;
    (at <= most).then_some(at)
}

fn find<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |at, key| match at {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(index(key, items.len())?),
        _ => None,
    })
}

fn find_mut<'a>(object: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(object, |at, key| match at {
        Value::Object(fields) => fields.get_mut(key),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            items.get_mut(at)
        }
        _ => None,
    })
}

fn add(object: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, before)) = path.split_last() else {
        *object = value;
        return Some(());
    };
    match find_mut(object, before)? {
        Value::Object(fields) => {
            fields.insert(last.clone(), value);
        }
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(last, items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &[String]) -> Option<Value> {
    let (last, before) = path.split_last()?;
    match find_mut(object, before)? {
        Value::Object(fields) => fields.remove(last),
        Value::Array(items) => {
            let at = index(last, items.len().checked_sub(1)?)?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation_does_what_the_rfc_says() {
        let object = json!({"a": {"b/c": [1, 2]}, "d": "x"});
        for (patch, expected) in [
            (
                json!([{"op": "add", "path": "/a/b~1c/1", "value": 9}]),
                json!({"a": {"b/c": [1, 9, 2]}, "d": "x"}),
            ),
            (
                json!([{"op": "add", "path": "/a/b~1c/-", "value": 9}]),
                json!({"a": {"b/c": [1, 2, 9]}, "d": "x"}),
            ),
            (
                json!([{"op": "remove", "path": "/a/b~1c/0"}]),
                json!({"a": {"b/c": [2]}, "d": "x"}),
            ),
            (
                json!([{"op": "replace", "path": "/d", "value": null}]),
                json!({"a": {"b/c": [1, 2]}, "d": null}),
            ),
            (
                json!([{"op": "move", "from": "/d", "path": "/e"}]),
                json!({"a": {"b/c": [1, 2]}, "e": "x"}),
            ),
            (
                json!([{"op": "copy", "from": "/d", "path": "/a/e"}]),
                json!({"a": {"b/c": [1, 2], "e": "x"}, "d": "x"}),
            ),
            (
                json!([{"op": "test", "path": "/d", "value": "x"}, {"op": "remove", "path": "/a"}]),
                json!({"d": "x"}),
            ),
            (json!([{"op": "test", "path": "/none", "value": null}]), object.clone()),
        ] {
            assert_eq!(apply(&object, &patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_as_the_server_does() {
        let object = json!({"a": [1], "d": "x"});
        for patch in [
            json!([{"op": "test", "path": "/d", "value": "y"}]),
            json!([{"op": "remove", "path": "/none"}]),
            json!([{"op": "replace", "path": "/none", "value": 1}]),
            json!([{"op": "add", "path": "/none/b", "value": 1}]),
            json!([{"op": "add", "path": "/a/2", "value": 1}]),
            json!([{"op": "turn", "path": "/a"}]),
        ] {
            let refused = apply(&object, &patch).unwrap_err();
            let words = "the server rejected our request due to an error in our request";
            assert_eq!(
                (refused.code, refused.reason, refused.message.as_str()),
                (422, "Invalid", words),
                "{patch}"
            );
            assert_eq!(refused.status()["details"], json!({}));
        }
        assert_eq!(apply(&object, &json!({})).unwrap_err().code, 400);
    }
}
