//! The helper pods that make nodes fetch images and hold room for shards: made, and deleted with their uid.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};

use super::look_again;
use crate::cluster::failure::Failure;
use crate::cluster::write::{create, delete};
use crate::event::{Fact, TaskState};
use crate::model::finding::{Finding, Severity};
use crate::model::pod;
use crate::operations::means::Run;
use crate::plan::operation::Acted;
use crate::plan::pre_pull::helper_pod;
use crate::plan::safety::catalogue::{PLACEHOLDER, PRE_PULL};

/// Makes the helper on a node. One that is there already is as good: its name has the run in it.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn make(run: &Run, node: &str) -> Result<Acted, Failure> {
    let Some(spec) = run.aimed.template.spec.as_ref() else {
        return Ok(Acted::Done);
    };
    let helper = helper_pod(&run.set, spec, node, &run.name, run.aimed.pull_seconds);
    let collection = format!("/api/v1/namespaces/{}/pods", run.namespace());
    match create(run.connection.api(), &run.permit, &collection, &helper).await {
        Ok(_) => {
            run.events.emit(Fact::PrePull {
                node: node.to_owned(),
                state: TaskState::Started,
                seconds: None,
                words: String::new(),
            });
            Ok(Acted::Done)
        }
        Err(failure) if failure.is_conflict() => Ok(Acted::Done),
        Err(failure @ (Failure::Forbidden(_) | Failure::Server { code: 400..=428, .. })) => {
            let refusal = PRE_PULL
                .refuse(
                    format!("node/{node}"),
                    "the server refuses the pod that would fetch the images",
                )
                .evidence(failure.reason())
                .remedy("without it a bad image is found only when a shard is down; to go without:")
                .remedy("add --no-prepull");
            Ok(Acted::Refused(vec![refusal]))
        }
        Err(failure) => look_again(failure),
    }
}

/// Makes a shard's placeholder. One that is there already is as good: its name has the run in it.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn make_placeholder(run: &Run, shard: &str, pod: &Pod) -> Result<Acted, Failure> {
    let collection = format!("/api/v1/namespaces/{}/pods", run.namespace());
    match create(run.connection.api(), &run.permit, &collection, pod).await {
        Ok(_) => {
            run.events.emit(Fact::Changed {
                object: format!("pod/{}", pod::name(pod)),
                what: format!(
                    "made: a placeholder for {shard}, which holds its room and has a node made where none has any"
                ),
            });
            Ok(Acted::Done)
        }
        Err(failure) if is_there_already(&failure) => Ok(Acted::Done),
        Err(failure) if failure.is_conflict() => Ok(Acted::LookAgain),
        Err(failure @ (Failure::Forbidden(_) | Failure::Server { code: 400..=428, .. })) => {
            let refusal = PLACEHOLDER
                .refuse(
                    format!("pod/{shard}"),
                    "the server refuses the pod that would make its node beforehand",
                )
                .evidence(failure.reason())
                .remedy("to go without, the shard being down for as long as its node takes to come:")
                .remedy("add --prewarm never");
            Ok(Acted::Refused(vec![refusal]))
        }
        Err(failure) => look_again(failure),
    }
}

/// Whether a pod of that name is there: a quota that is written at the same time is a conflict as well.
fn is_there_already(failure: &Failure) -> bool {
    matches!(failure, Failure::Server { code: 409, reason, .. } if reason == "AlreadyExists")
}

/// Deletes a helper.
///
/// # Errors
/// As [`super::carry_out`].
pub async fn remove(run: &Run, pod: &str, uid: &str) -> Result<Acted, Failure> {
    let path = format!("/api/v1/namespaces/{}/pods/{pod}", run.namespace());
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    };
    match delete(run.connection.api(), &run.permit, &path, &options).await {
        Ok(_) => Ok(Acted::Done),
        // Gone, or another one by now: nothing of ours is left there.
        Err(failure) if failure.is_not_found() || failure.is_conflict() => Ok(Acted::Done),
        Err(failure @ Failure::Forbidden(_)) => Ok(Acted::Failed(Box::new(Finding::new(
            Severity::Error,
            format!("pod/{pod}"),
            format!("the server doesn't let us delete it: {}", failure.reason()),
        )))),
        Err(failure) => Err(failure),
    }
}
