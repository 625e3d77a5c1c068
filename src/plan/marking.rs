//! Marking a change: what is written beside it so that it can be undone, in one JSON patch that holds only while every field is
//! still what it was seen to be.
//!
//! A mark that this operation left there before is gone on with: what it says of before the operation stays what it says.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::mark::{MARK, Mark, annotation, pointer};
use crate::plan::undo::mark_text;

/// Where annotations are in an object.
const ANNOTATIONS: &str = "/metadata/annotations";

/// Who marks, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Marker<'a> {
    /// The run.
    pub run: &'a str,
    /// Who runs it.
    pub by: &'a str,
    /// The server's time.
    pub now: Timestamp,
    /// Until when the change is meant to last.
    pub until: Timestamp,
}

/// A change with its mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Marking {
    /// The mark as it will be written.
    pub mark: Mark,
    /// The patch that writes both.
    pub patch: Value,
}

/// Why an object isn't to be changed: whose mark it has, a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs(pub String);

/// Gives the fields of `wanted` (by their paths) these values, with the mark that says what they were; `made` is what comes into
/// being by it. None where all of it is there already, mark included. Where nothing is wanted, the mark of an earlier run of the
/// same operation gets this run's name; without one there is nothing to mark.
///
/// # Errors
/// [`Theirs`] where another operation's mark is there: then nothing on the object is to be touched.
pub fn marking(
    object: &Value,
    marker: Marker<'_>,
    wanted: &Map<String, Value>,
    made: &[String],
) -> Result<Option<Marking>, Theirs> {
    let written = mark_text(object);
    let before = written.map(|text| ours(text, marker.run)).transpose()?;
    if wanted.is_empty() && before.is_none() {
        return Ok(None);
    }
    let mut was = fields(before.as_ref().map(|mark| &mark.was));
    let mut is = fields(before.as_ref().map(|mark| &mark.is));
    let mut changes = Vec::new();
    for (path, value) in wanted {
        let at = pointer(path);
        let now = object.pointer(&at).cloned().unwrap_or(Value::Null);
        // What the mark names and is as the operation left it was something else before the operation. Whatever it is otherwise
        // is somebody's, and that is what is put back.
        if !(was.contains_key(path) && is.get(path) == Some(&now)) {
            was.insert(path.clone(), now.clone());
        }
        is.insert(path.clone(), value.clone());
        changes.push(json!({"op": "test", "path": at, "value": now}));
        if now != *value {
            changes.push(json!({"op": "add", "path": at, "value": value}));
        }
    }
    let mut all: Vec<String> = before.as_ref().map(|mark| mark.made.clone()).unwrap_or_default();
    let new: Vec<String> = made.iter().filter(|one| !all.contains(one)).cloned().collect();
    all.extend(new);
    let mark = Mark {
        operation: marker.run.to_owned(),
        by: marker.by.to_owned(),
        since: before.as_ref().map_or(marker.now, |mark| mark.since),
        until: marker.until,
        was: Value::Object(was),
        is: Value::Object(is),
        made: all,
    };
    let as_before = before.as_ref().is_some_and(|before| {
        (&before.operation, &before.was, &before.is, &before.made) == (&mark.operation, &mark.was, &mark.is, &mark.made)
    });
    if as_before && changes.iter().all(|change| change["op"] == "test") {
        return Ok(None);
    }
    let Ok(text) = serde_json::to_string(&mark) else {
        return Err(Theirs("values that can't be written into a mark".to_owned()));
    };
    let mut patch = Vec::new();
    let at = annotation(MARK);
    if object.pointer(ANNOTATIONS).is_none() {
        // Whoever adds the first annotation meanwhile makes the server refuse the whole patch.
        patch.push(json!({"op": "test", "path": ANNOTATIONS, "value": null}));
        patch.push(json!({"op": "add", "path": ANNOTATIONS, "value": {}}));
    }
    patch.push(json!({"op": "test", "path": at, "value": written}));
    patch.push(json!({"op": "add", "path": at, "value": text}));
    patch.extend(changes);
    Ok(Some(Marking {
        patch: Value::Array(patch),
        mark,
    }))
}

fn fields(of: Option<&Value>) -> Map<String, Value> {
    of.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The mark, where it is of this operation on this set.
fn ours(written: &str, run: &str) -> Result<Mark, Theirs> {
    match serde_json::from_str::<Mark>(written) {
        Ok(mark) if mark.is_of(run) => Ok(mark),
        Ok(mark) => Err(Theirs(format!("the mark of {}, run by {}", mark.operation, mark.by))),
        Err(_) => Err(Theirs("a mark of shardctl's that this version can't read".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::undo::{Fate, undo};

    const CORDON: &str = "spec.unschedulable";
    const HOLD: &str = "metadata.annotations.karpenter.sh/do-not-disrupt";

    fn at(run: &'static str, hour: &str) -> Marker<'static> {
        let now = format!("2026-01-01T{hour}:00:00Z").parse().unwrap();
        Marker {
            run,
            by: "ada@laptop",
            now,
            until: now,
        }
    }

    fn wanted(fields: &[(&str, Value)]) -> Map<String, Value> {
        fields
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect()
    }

    /// The object after the patch, whose tests must hold.
    fn after(object: &Value, marking: &Marking) -> Value {
        let mut object = object.clone();
        for change in marking.patch.as_array().unwrap() {
            let path = change["path"].as_str().unwrap();
            if change["op"] == "test" {
                let now = object.pointer(path).cloned().unwrap_or(Value::Null);
                assert_eq!(now, change["value"], "{path}");
                continue;
            }
            let (parent, key) = path.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            object.pointer_mut(parent).unwrap()[key] = change["value"].clone();
        }
        object
    }

    fn marked(object: &Value, marker: Marker<'_>, fields: &[(&str, Value)]) -> Value {
        let marking = marking(object, marker, &wanted(fields), &[]).unwrap().unwrap();
        after(object, &marking)
    }

    fn was(object: &Value) -> Value {
        undo(object).unwrap().unwrap().mark.was
    }

    #[test]
    fn a_change_and_its_mark_are_one_patch_that_is_undone_by_the_mark() {
        let node = json!({"metadata": {}, "spec": {}});
        let marker = at("drain/shop/db/1", "01");
        let node = marked(&node, marker, &[(HOLD, json!("true")), (CORDON, json!(true))]);
        assert_eq!(node["spec"]["unschedulable"], true);
        assert_eq!(was(&node), json!({HOLD: null, CORDON: null}));
        let undone = undo(&node).unwrap().unwrap();
        assert!(undone.fields.iter().all(|field| field.fate == Fate::PutBack));
    }

    #[test]
    fn a_node_that_is_frozen_first_and_cordoned_later_remembers_both_as_they_were_before() {
        let node = json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "1h"}}, "spec": {}});
        let frozen = marked(&node, at("drain/shop/db/1", "01"), &[(HOLD, json!("true"))]);
        let (later, both) = (
            at("drain/shop/db/2", "02"),
            [(HOLD, json!("true")), (CORDON, json!(true))],
        );
        let cordoned = marked(&frozen, later, &both);
        let mark = undo(&cordoned).unwrap().unwrap().mark;
        assert_eq!(mark.was, json!({HOLD: "1h", CORDON: null}));
        assert_eq!((mark.operation.as_str(), mark.since), (later.run, at("", "01").now));
        assert_eq!(marking(&cordoned, later, &wanted(&both), &[]), Ok(None), "all is there");
        // A field that isn't asked for any more stays marked.
        let again = marked(&cordoned, at("drain/shop/db/3", "03"), &[(HOLD, json!("true"))]);
        assert_eq!(was(&again), mark.was);
    }

    #[test]
    fn what_somebody_else_wrote_in_between_is_what_is_put_back() {
        let node = json!({"metadata": {"annotations": {}}, "spec": {"unschedulable": true}});
        let marker = at("drain/shop/db/1", "01");
        let both = [(HOLD, json!("true")), (CORDON, json!(true))];
        let mut node = marked(&node, marker, &both);
        assert_eq!(was(&node)[CORDON], true, "it was cordoned before");
        node["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!("2h");
        let node = marked(&node, marker, &both);
        assert_eq!(was(&node), json!({HOLD: "2h", CORDON: true}));
    }

    #[test]
    fn another_operations_mark_is_left_alone_with_what_it_is_on() {
        let node = marked(
            &json!({"metadata": {}, "spec": {}}),
            at("upgrade/shop/db/1", "01"),
            &[(CORDON, json!(true))],
        );
        for run in ["drain/shop/db/1", "upgrade/shop/web/1"] {
            let refused = marking(&node, at(run, "02"), &wanted(&[(CORDON, json!(true))]), &[]);
            let Theirs(whose) = refused.unwrap_err();
            assert_eq!(whose, "the mark of upgrade/shop/db/1, run by ada@laptop");
        }
        let torn = json!({"metadata": {"annotations": {MARK: "{"}}});
        assert!(marking(&torn, at("drain/shop/db/1", "02"), &Map::new(), &[]).is_err());
    }

    #[test]
    fn the_mark_of_an_earlier_run_gets_the_name_of_the_one_that_goes_on_and_stays_what_it_was() {
        let set = json!({"metadata": {}, "spec": {"replicas": 3}});
        let (earlier, later) = (at("drain/shop/db/1", "01"), at("drain/shop/db/2", "02"));
        assert_eq!(marking(&set, later, &Map::new(), &[]), Ok(None), "there is no mark");
        let scaled = marked(&set, earlier, &[("spec.replicas", json!(4))]);
        let before = undo(&scaled).unwrap().unwrap().mark;
        // Whatever the replicas are by now, they stay.
        let mut back = scaled.clone();
        back["spec"]["replicas"] = json!(3);
        for object in [scaled, back] {
            let owned = marked(&object, later, &[]);
            assert_eq!(owned["spec"], object["spec"]);
            let mark = undo(&owned).unwrap().unwrap().mark;
            let as_before = Mark {
                operation: later.run.to_owned(),
                until: later.until,
                ..before.clone()
            };
            assert_eq!(mark, as_before);
            assert_eq!(marking(&owned, later, &Map::new(), &[]), Ok(None), "it is its own");
        }
    }

    #[test]
    fn what_is_made_is_named_once() {
        let set = json!({"metadata": {}, "spec": {"replicas": 3}});
        let (marker, fields) = (at("drain/shop/db/1", "01"), wanted(&[("spec.replicas", json!(4))]));
        let claims = ["pvc/data-db-3".to_owned()];
        let first = marking(&set, marker, &fields, &claims).unwrap().unwrap();
        assert_eq!(first.mark.made, claims);
        let scaled = after(&set, &first);
        assert_eq!(marking(&scaled, marker, &fields, &claims), Ok(None));
    }
}
