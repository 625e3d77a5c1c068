//! Keeping Karpenter and Cluster Autoscaler off a node while its shards are replaced, with the mark that says so in the same
//! write.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::get::Answer;
use crate::cluster::write::json_patch;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{MARK, Mark, annotation};
use crate::operations::means::Run;
use crate::plan::operation::Acted;

/// Where annotations are in an object.
const ANNOTATIONS: &str = "/metadata/annotations";

/// Freezes a node.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn freeze(run: &Run, node: &str, annotations: &BTreeMap<String, String>) -> Result<Acted, Failure> {
    let path = format!("/api/v1/nodes/{node}");
    let present = present(run, &path).await?;
    let by_path = |value: &dyn Fn(&str, &str) -> Value| -> Map<String, Value> {
        let fields = annotations.iter();
        fields
            .map(|(key, wanted)| (format!("metadata.annotations.{key}"), value(key, wanted)))
            .collect()
    };
    let mark = Mark {
        operation: run.name.clone(),
        by: run.by.clone(),
        since: run.now(),
        until: run.marks_until,
        was: Value::Object(by_path(&|key, _| present.get(key).cloned().unwrap_or(Value::Null))),
        is: Value::Object(by_path(&|_, wanted| Value::from(wanted))),
    };
    let mark = serde_json::to_string(&mark).map_err(|error| Failure::Config(error.to_string()))?;
    let mut patch = Vec::new();
    if present.is_empty() {
        // A node without annotations has no place to add one to; none has ever been seen, and the test says if there is one.
        patch.push(json!({"op": "test", "path": ANNOTATIONS, "value": null}));
        patch.push(json!({"op": "add", "path": ANNOTATIONS, "value": {}}));
    }
    let at = annotation(MARK);
    match present.get(MARK).and_then(Value::as_str) {
        // Whoever writes one meanwhile makes the server refuse the whole patch.
        None => {
            patch.push(json!({"op": "test", "path": at, "value": null}));
            patch.push(json!({"op": "add", "path": at, "value": mark}));
        }
        // Our own, and somebody took the annotation away: the mark still says what was there before.
        Some(written) if is_ours(run, written) => patch.push(json!({"op": "test", "path": at, "value": written})),
        Some(written) => return Ok(Acted::Failed(Box::new(marked(node, written)))),
    }
    for (key, value) in annotations {
        patch.push(json!({"op": "add", "path": annotation(key), "value": value}));
    }
    match json_patch(run.connection.api(), &run.permit, &path, &Value::Array(patch)).await {
        Ok(answer) => {
            saw(run, &answer);
            let keys: Vec<&str> = annotations.keys().map(String::as_str).collect();
            run.events.emit(Fact::Changed {
                object: format!("node/{node}"),
                what: format!("frozen: {}", keys.join(", ")),
            });
            Ok(Acted::Done)
        }
        Err(failure) => look_again(failure),
    }
}

/// A node's annotations as they are now.
async fn present(run: &Run, path: &str) -> Result<Map<String, Value>, Failure> {
    let answer = run.connection.api().get(path).await?;
    saw(run, &answer);
    let node: Value = answer.parse()?;
    let annotations = node.pointer(ANNOTATIONS).and_then(Value::as_object);
    Ok(annotations.cloned().unwrap_or_default())
}

/// The watches learn a node that the server has just shown: a silent one would never bring what was written.
pub(super) fn saw(run: &Run, answer: &Answer) {
    if let Ok(node) = answer.parse() {
        run.watches.saw_node(node);
    }
}

fn is_ours(run: &Run, written: &str) -> bool {
    serde_json::from_str::<Mark>(written).is_ok_and(|mark| mark.is_of(&run.name))
}

/// The finding about a node that another operation has its mark on.
fn marked(node: &str, written: &str) -> Finding {
    let whose = serde_json::from_str::<Mark>(written).map_or_else(
        |_| "a mark of shardctl's that this version can't read".to_owned(),
        |mark| format!("the mark of {}, run by {}", mark.operation, mark.by),
    );
    let mut finding = Finding::new(
        Severity::Error,
        format!("node/{node}"),
        format!("can't be kept from being removed: it has {whose}"),
    );
    finding
        .remedy("let that operation finish; if it was cut off:")
        .remedy("$ shardctl recover");
    finding
}
