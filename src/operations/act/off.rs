//! Declaring a node off: one patch with the taint and the mark that takes it away again, only while its kubelet is still silent.

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

use super::look_again;
use super::node::saw;
use crate::cluster::failure::Failure;
use crate::cluster::write::json_patch;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{MARK, Mark, annotation};
use crate::model::node::{self, OUT_OF_SERVICE};
use crate::operations::means::Run;
use crate::plan::operation::Acted;
use crate::plan::recover::node_off::{VALUE, is_declared};
use crate::plan::safety::catalogue::NODE_ANSWERS;
use crate::plan::undo::{mark_text, out_of_service};

/// Declares a node off. Where somebody has done so already, nothing is written.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn declare(run: &Run, name: &str) -> Result<Acted, Failure> {
    let path = format!("/api/v1/nodes/{name}");
    let answer = run.connection.api().get(&path).await?;
    saw(run, &answer);
    let present: Value = answer.parse()?;
    let place: Node = answer.parse()?;
    let object = format!("node/{name}");
    if is_declared(&place) {
        return Ok(Acted::Done);
    }
    if node::is_ready(&place) {
        return Ok(Acted::Refused(vec![
            NODE_ANSWERS.refuse(&object, "its kubelet answers by now, and says that it is Ready"),
        ]));
    }
    if let Some(written) = mark_text(&present) {
        return Ok(Acted::Failed(Box::new(marked(run, name, written))));
    }
    let taint = json!({"key": OUT_OF_SERVICE, "value": VALUE, "effect": "NoExecute"});
    let field = out_of_service();
    let mark = Mark {
        operation: run.name.clone(),
        by: run.by.clone(),
        since: run.now(),
        until: run.marks_until,
        was: json!({field.clone(): null}),
        is: json!({field: taint}),
        made: Vec::new(),
    };
    let mark = serde_json::to_string(&mark).map_err(|error| Failure::Config(error.to_string()))?;
    let at = annotation(MARK);
    let taints = present.pointer("/spec/taints").cloned().unwrap_or(Value::Null);
    let mut patch = vec![
        json!({"op": "test", "path": at, "value": null}),
        json!({"op": "test", "path": "/spec/taints", "value": taints}),
    ];
    if present.pointer("/metadata/annotations").is_none() {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    patch.push(json!({"op": "add", "path": at, "value": mark}));
    patch.push(if taints.is_null() {
        json!({"op": "add", "path": "/spec/taints", "value": [taint]})
    } else {
        json!({"op": "add", "path": "/spec/taints/-", "value": taint})
    });
    match json_patch(run.connection.api(), &run.permit, &path, &Value::Array(patch)).await {
        Ok(answer) => {
            saw(run, &answer);
            run.events.emit(Fact::Changed {
                object,
                what: format!("declared off: taint {OUT_OF_SERVICE}={VALUE}:NoExecute"),
            });
            Ok(Acted::Done)
        }
        Err(failure @ Failure::Forbidden(_)) => {
            let mut finding = Finding::new(
                Severity::Error,
                object,
                format!("the server doesn't let us declare it off: {}", failure.reason()),
            );
            finding
                .remedy("with these rights, recover does it:")
                .remedy(run.policy.shardctl("rbac --for recover"));
            Ok(Acted::Failed(Box::new(finding)))
        }
        Err(failure) => look_again(failure),
    }
}

/// Whose mark is on the node: ours has no place beside it.
fn marked(run: &Run, name: &str, written: &str) -> Finding {
    let mark = serde_json::from_str::<Mark>(written).ok();
    let whose = mark.as_ref().map_or_else(
        || "a mark of shardctl's that this version can't read".to_owned(),
        |mark| format!("the mark of {}, run by {}", mark.operation, mark.by),
    );
    let recover = mark.as_ref().and_then(Mark::set).map_or_else(
        || run.policy.shardctl("recover"),
        |(space, set)| run.policy.shardctl_on(space, set, "recover"),
    );
    let mut finding = Finding::new(
        Severity::Error,
        format!("node/{name}"),
        format!("can't be declared off: it has {whose}"),
    );
    finding
        .remedy("have that undone first, by its own set's:")
        .remedy(recover);
    finding
}
