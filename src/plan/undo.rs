//! Undoing what a mark says was changed on an object: field by field, only where the value is still the one that the run wrote.
//!
//! The undo is one JSON patch that tests the mark and every value that it puts back, so that nothing is undone that somebody
//! changed between the look and the patch.

use serde_json::{Map, Value, json};

use crate::model::mark::{MARK, Mark, annotation, pointer};
use crate::model::node::OUT_OF_SERVICE;

/// The fields that operations change. A mark is believed about these alone: whoever may annotate an object, as a kubelet may its
/// node, must not decide what else shardctl writes there.
const FIELDS: [&str; 4] = [
    "spec.minAvailable",
    "spec.maxUnavailable",
    "spec.replicas",
    "spec.unschedulable",
];

/// What the path of a taint begins with; its key follows. Only the one that an operation of ours adds is believed.
const TAINT: &str = "spec.taints.";

/// The path of the taint by which a node is declared off, in a mark.
pub fn out_of_service() -> String {
    format!("{TAINT}{OUT_OF_SERVICE}")
}

/// What becomes of a field that a mark names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is as the run left it: it is put back.
    PutBack,
    /// It is what it was before the run.
    Back,
    /// It is something else: somebody changed it since, and it stays.
    Theirs,
}

/// A field that a mark names; null stands for one that isn't there.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its path: `spec.minAvailable`.
    pub path: String,
    /// What it was before the run.
    pub was: Value,
    /// What the run wrote.
    pub is: Value,
    /// What it is.
    pub now: Value,
    /// Where that is in the object, as a JSON pointer.
    at: String,
    /// What becomes of it.
    pub fate: Fate,
}

impl Field {
    /// `spec.minAvailable: 9 → 10`; for what stays: what it is, what the run had written, what it was.
    pub fn words(&self) -> String {
        let Field { path, was, is, now, .. } = self;
        let [was, is, now] = [was, is, now].map(shown);
        match self.fate {
            Fate::PutBack => format!("{path}: {now} → {was}"),
            Fate::Back => format!("{path} is {now} again, as it was"),
            Fate::Theirs => {
                format!(
                    "{path} is {now} by now, and the run had written {is}: that is somebody else's and stays; it was {was}"
                )
            }
        }
    }
}

/// A value as it is written; none for a field that isn't there.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    }
}

/// The undo of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    /// The mark.
    pub mark: Mark,
    /// Every field that it names, in the order of their paths.
    pub fields: Vec<Field>,
    /// The JSON patch that does it, with the mark's removal where that goes too.
    pub patch: Value,
}

impl Undo {
    /// The fields of one fate.
    pub fn of(&self, fate: Fate) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.fate == fate)
    }
}

/// The text of the mark on an object.
pub fn mark_text(object: &Value) -> Option<&str> {
    object.pointer(&annotation(MARK))?.as_str()
}

/// The undo of what the mark on `object` says; none where there is no mark.
///
/// # Errors
/// A clause, where the mark can't be followed; then nothing on the object is to be touched.
pub fn undo(object: &Value) -> Option<Result<Undo, String>> {
    undo_keeping(object, &[])
}

/// As [`undo`], but for the fields at `kept`: they stay as they are, and the mark goes.
///
/// # Errors
/// As [`undo`].
pub fn undo_keeping(object: &Value, kept: &[&str]) -> Option<Result<Undo, String>> {
    let written = mark_text(object)?;
    Some(follow(object, written, |path| !kept.contains(&path)).map(|mut undo| {
        let goes = json!({"op": "remove", "path": annotation(MARK)});
        undo.patch
            .as_array_mut()
            .into_iter()
            .for_each(|patch| patch.push(goes.clone()));
        undo
    }))
}

/// The undo of the field at `path` alone, under a mark that stays: for what has to be back before the rest can be put right.
/// None where no mark names it.
///
/// # Errors
/// As [`undo`].
pub fn undo_only(object: &Value, path: &str) -> Option<Result<Undo, String>> {
    let written = mark_text(object)?;
    match follow(object, written, |one| one == path) {
        Ok(undo) if undo.fields.is_empty() => None,
        undone => Some(undone),
    }
}

/// Judges those fields of the mark that are wanted; the patch puts them back and leaves the mark where it is.
fn follow(object: &Value, written: &str, wanted: impl Fn(&str) -> bool) -> Result<Undo, String> {
    let mark: Mark = serde_json::from_str(written).map_err(|error| format!("it can't be read ({error}): {written}"))?;
    let was = mark.was.as_object().ok_or("it doesn't say what was changed")?;
    let nothing = Map::new();
    let is = mark.is.as_object().unwrap_or(&nothing);
    let fields = was
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(path, was)| judge(object, path, was, is.get(path)))
        .collect::<Result<Vec<Field>, String>>()?;
    let at = annotation(MARK);
    let mut patch = vec![json!({"op": "test", "path": at, "value": written})];
    for field in fields.iter().filter(|field| field.fate == Fate::PutBack) {
        let path = &field.at;
        patch.push(json!({"op": "test", "path": path, "value": field.now}));
        patch.push(match (&field.now, &field.was) {
            (_, Value::Null) => json!({"op": "remove", "path": path}),
            (Value::Null, was) => json!({"op": "add", "path": path, "value": was}),
            (_, was) => json!({"op": "replace", "path": path, "value": was}),
        });
    }
    Ok(Undo {
        patch: Value::Array(patch),
        fields,
        mark,
    })
}

fn judge(object: &Value, path: &str, was: &Value, is: Option<&Value>) -> Result<Field, String> {
    let annotation = path.strip_prefix("metadata.annotations.");
    let taint = path.strip_prefix(TAINT).filter(|key| *key == OUT_OF_SERVICE);
    if !FIELDS.contains(&path) && taint.is_none() && annotation.is_none_or(|key| key.starts_with("shardctl.dev/")) {
        return Err(format!("it names {path}, which no operation of this version changes"));
    }
    let (at, now) = match taint {
        Some(key) => find_taint(object, key),
        None => {
            let at = pointer(path);
            let now = object.pointer(&at).cloned().unwrap_or(Value::Null);
            (at, now)
        }
    };
    let same = |is: &Value| now == *is || (taint.is_some() && untimed(&now) == untimed(is));
    let fate = match is {
        _ if now == *was => Fate::Back,
        Some(is) if same(is) => Fate::PutBack,
        Some(_) => Fate::Theirs,
        None => {
            return Err(format!(
                "it doesn't say what the run wrote into {path}, so that whether {} is still the run's isn't known; it was {}",
                shown(&now),
                shown(was)
            ));
        }
    };
    Ok(Field {
        path: path.to_owned(),
        was: was.clone(),
        is: is.cloned().unwrap_or(Value::Null),
        now,
        at,
        fate,
    })
}

/// Where the taint with this key is among a node's taints by now, and what it is.
fn find_taint(object: &Value, key: &str) -> (String, Value) {
    let taints = object.pointer("/spec/taints").and_then(Value::as_array);
    let mut all = taints.into_iter().flatten().enumerate();
    let found = all.find(|(_, taint)| taint["key"] == key);
    found.map_or_else(
        || ("/spec/taints".to_owned(), Value::Null),
        |(index, taint)| (format!("/spec/taints/{index}"), taint.clone()),
    )
}

/// A taint without the time that whoever passes by may write into it.
fn untimed(taint: &Value) -> Value {
    let mut taint = taint.clone();
    if let Some(fields) = taint.as_object_mut() {
        fields.remove("timeAdded");
    }
    taint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(was: &Value, is: &Value) -> String {
        json!({"operation": "drain/shop/db/4f2a", "by": "ada@laptop", "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-01T01:00:00Z", "was": was, "is": is})
        .to_string()
    }

    fn budget(spec: &Value, was: &Value, is: &Value) -> Result<Undo, String> {
        undo(&json!({"metadata": {"annotations": {MARK: mark(was, is)}}, "spec": spec})).unwrap()
    }

    #[test]
    fn what_the_run_wrote_is_put_back_in_one_patch_with_its_type() {
        let undo = budget(
            &json!({"maxUnavailable": 1}),
            &json!({"spec.minAvailable": "100%", "spec.maxUnavailable": null}),
            &json!({"spec.minAvailable": null, "spec.maxUnavailable": 1}),
        )
        .unwrap();
        let at = "/metadata/annotations/shardctl.dev~1mark";
        let patch = undo.patch.as_array().unwrap();
        assert_eq!((&patch[0]["op"], &patch[0]["path"]), (&json!("test"), &json!(at)));
        assert_eq!(
            patch[1..],
            [
                json!({"op": "test", "path": "/spec/maxUnavailable", "value": 1}),
                json!({"op": "remove", "path": "/spec/maxUnavailable"}),
                json!({"op": "test", "path": "/spec/minAvailable", "value": null}),
                json!({"op": "add", "path": "/spec/minAvailable", "value": "100%"}),
                json!({"op": "remove", "path": at}),
            ]
        );
        let words: Vec<String> = undo.fields.iter().map(Field::words).collect();
        assert_eq!(
            words,
            ["spec.maxUnavailable: 1 → none", "spec.minAvailable: none → \"100%\""]
        );
    }

    #[test]
    fn what_somebody_changed_since_stays_and_what_is_back_is_not_written_again() {
        let (was, is) = (json!({"spec.minAvailable": 10}), json!({"spec.minAvailable": 9}));
        for (now, fate) in [
            (json!(8), Fate::Theirs),
            (json!("90%"), Fate::Theirs),
            (json!(10), Fate::Back),
        ] {
            let undo = budget(&json!({"minAvailable": now}), &was, &is).unwrap();
            assert_eq!(undo.fields[0].fate, fate, "{now}");
            assert_eq!(
                undo.patch.as_array().map(Vec::len),
                Some(2),
                "the mark goes: {}",
                undo.patch
            );
        }
    }

    #[test]
    fn a_taint_is_taken_out_wherever_it_is_by_then_and_no_other() {
        let path = out_of_service();
        let is = json!({"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"});
        let node = |taints: Value| {
            let mark = mark(&json!({path.clone(): null}), &json!({path.clone(): is}));
            json!({"metadata": {"annotations": {MARK: mark}}, "spec": {"taints": taints}})
        };
        let other = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"});
        let mut timed = is.clone();
        timed["timeAdded"] = json!("2026-01-01T00:00:00Z");
        let found = undo(&node(json!([other, timed]))).unwrap().unwrap();
        assert_eq!(
            found.patch.as_array().unwrap()[1..3],
            [
                json!({"op": "test", "path": "/spec/taints/1", "value": timed}),
                json!({"op": "remove", "path": "/spec/taints/1"}),
            ]
        );
        for (taints, fate) in [
            (json!([other]), Fate::Back),
            (json!(null), Fate::Back),
            (
                json!([{"key": OUT_OF_SERVICE, "value": "mine", "effect": "NoExecute"}]),
                Fate::Theirs,
            ),
        ] {
            let found = undo(&node(taints.clone())).unwrap().unwrap();
            assert_eq!(
                (found.fields[0].fate, found.patch.as_array().map(Vec::len)),
                (fate, Some(2)),
                "{taints}"
            );
        }
        let unknown = json!({"spec.taints.example.com/mine": null});
        let mark = mark(&unknown, &unknown);
        let refused = undo(&json!({"metadata": {"annotations": {MARK: mark}}, "spec": {}})).unwrap();
        assert!(refused.unwrap_err().contains("no operation of this version changes"));
    }

    #[test]
    fn what_is_kept_stays_and_the_mark_goes_and_what_is_undone_alone_leaves_the_mark() {
        let (was, is) = (
            json!({"spec.unschedulable": null, "spec.replicas": 3}),
            json!({"spec.unschedulable": true, "spec.replicas": 4}),
        );
        let object = json!({
            "metadata": {"annotations": {MARK: mark(&was, &is)}}, "spec": {"unschedulable": true, "replicas": 4},
        });
        let changes = |undo: &Undo| -> Vec<String> {
            let all = undo.patch.as_array().unwrap().iter();
            all.filter(|one| one["op"] != "test")
                .map(|one| format!("{} {}", one["op"].as_str().unwrap(), one["path"].as_str().unwrap()))
                .collect()
        };
        let at = "/metadata/annotations/shardctl.dev~1mark";
        let kept = undo_keeping(&object, &["spec.unschedulable"]).unwrap().unwrap();
        assert_eq!(
            changes(&kept),
            ["replace /spec/replicas".to_owned(), format!("remove {at}")]
        );
        let alone = undo_only(&object, "spec.replicas").unwrap().unwrap();
        assert_eq!(changes(&alone), ["replace /spec/replicas"]);
        assert_eq!(
            alone.patch[0],
            json!({"op": "test", "path": at, "value": mark(&was, &is)})
        );
        assert_eq!(undo_only(&object, "spec.minAvailable"), None);
    }

    #[test]
    fn a_mark_that_cannot_be_followed_is_left_with_the_reason() {
        let spec = json!({"minAvailable": 9, "template": {}});
        let refused = |was: &Value, is: &Value| budget(&spec, was, is).unwrap_err();
        let replicas = json!({"spec.minAvailable": 10});
        assert!(refused(&replicas, &Value::Null).contains("doesn't say what the run wrote into spec.minAvailable"));
        assert!(refused(&json!({"spec.template": {}}), &json!({"spec.template": {}})).contains("names spec.template"));
        let own = json!({"metadata.annotations.shardctl.dev/journal": null});
        assert!(refused(&own, &own).contains("no operation of this version changes"));
        assert!(refused(&json!(3), &Value::Null).contains("doesn't say what was changed"));
        let torn = undo(&json!({"metadata": {"annotations": {MARK: "{\"operation\""}}})).unwrap();
        assert!(torn.unwrap_err().contains("it can't be read"));
        assert_eq!(undo(&json!({"metadata": {}})), None);
    }
}
