//! What states tell that no event says any more: conditions of pods and NodeClaims, containers that began and ended, attach
//! errors.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use k8s_openapi::api::storage::v1::VolumeError;

use super::concerns::Concerns;
use super::{Said, late_in, told};
use crate::model::happening::{Happening, Source};
use crate::model::karpenter::NodeClaim;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::snapshot::Snapshot;
use crate::plan::verify::seen::Seen;

/// The steps of a NodeClaim on its way to a node.
const STEPS: [&str; 3] = ["Launched", "Registered", "Initialized"];

/// What the set's pods tell.
///
/// # Errors
/// As [`Seen::own_pods`].
pub fn of_pods(seen: &Seen<'_>, said: &mut Vec<Said>) -> Result<(), Skip> {
    let events = seen.snapshot.events.got().into_iter().flatten();
    let reasons: BTreeSet<(&str, &str)> = events
        .filter_map(|event| Some((event.involved_object.uid.as_deref()?, event.reason.as_deref()?)))
        .collect();
    for found in seen.own_pods()? {
        let is_said = |reason: &str| reasons.contains(&(pod::uid(found), reason));
        if !is_said("Scheduled") && !is_said("FailedScheduling") {
            said.extend(of_condition(found, "PodScheduled", Source::Scheduler));
        }
        said.extend(of_condition(found, "Ready", Source::Kubelet));
        if let Some(target) = pod::condition(found, "DisruptionTarget") {
            said.extend(of_condition(found, "DisruptionTarget", disruptor(target)));
        }
        for status in pod::container_statuses(found) {
            if !is_said("Started") {
                said.extend(beginning(found, status));
            }
            said.extend(ending(found, status));
        }
    }
    Ok(())
}

/// Who takes the pod away, as far as its condition says.
fn disruptor(condition: &PodCondition) -> Source {
    match condition.reason.as_deref() {
        Some("PreemptionByScheduler") => Source::Scheduler,
        Some("TerminationByKubelet") => Source::Kubelet,
        Some("DeletionByTaintManager" | "DeletionByPodGC") => Source::Controller,
        _ => Source::Other,
    }
}

fn happening(found: &Pod, at: Timestamp, source: Source, reason: &str, message: String, warning: bool) -> Said {
    let happening = Happening {
        said: at,
        shard: None,
        source,
        object: format!("pod/{}", pod::name(found)),
        warning,
        reason: reason.to_owned(),
        message,
        count: 1,
    };
    // What comes first may be written within the same second as what follows it.
    let earlier = match reason {
        "PodScheduled" => 2,
        "Started" => 1,
        _ => 0,
    };
    let exactly = late_in(at)
        .checked_sub(SignedDuration::from_millis(earlier))
        .unwrap_or(at);
    told(happening, BTreeSet::from([pod::name(found).to_owned()]), exactly)
}

fn of_condition(found: &Pod, kind: &str, source: Source) -> Option<Said> {
    let condition = pod::condition(found, kind)?;
    let at = condition.last_transition_time.as_ref()?.0;
    let holds = condition.status == "True";
    let words = [&condition.reason, &condition.message];
    let words: Vec<&str> = words
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    let reason = if holds { kind.to_owned() } else { format!("Not{kind}") };
    let warning = holds == (kind == "DisruptionTarget");
    Some(happening(found, at, source, &reason, words.join(": "), warning))
}

fn beginning(found: &Pod, status: &ContainerStatus) -> Option<Said> {
    let at = status.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0;
    let message = format!("container {} runs", status.name);
    Some(happening(found, at, Source::Kubelet, "Started", message, false))
}

/// The last end of a container. An init container that ended well is no news.
fn ending(found: &Pod, status: &ContainerStatus) -> Option<Said> {
    let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    let before = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let ended = now.or(before).filter(|ended| ended.exit_code != 0)?;
    let at = ended.finished_at.as_ref()?.0;
    let message = format!("container {} ended with exit code {}", status.name, ended.exit_code);
    let reason = ended.reason.as_deref().unwrap_or("Error");
    Some(happening(found, at, Source::Kubelet, reason, message, true))
}

/// What attaching and detaching the shards' volumes failed with, from `since` on.
pub fn of_attachments(seen: &Seen<'_>, concerns: &Concerns<'_, '_>, since: Timestamp, said: &mut Vec<Said>) {
    for attachment in seen.failed_attachments() {
        let status = attachment.status.as_ref();
        let errors = [
            ("AttachError", status.and_then(|status| status.attach_error.as_ref())),
            ("DetachError", status.and_then(|status| status.detach_error.as_ref())),
        ];
        for (reason, error) in errors {
            let Some(VolumeError {
                message,
                time: Some(at),
                ..
            }) = error
            else {
                continue;
            };
            let volume = attachment.spec.source.persistent_volume_name.as_deref();
            let shards = volume
                .filter(|_| at.0 >= since)
                .and_then(|volume| concerns.of_volume(volume));
            let Some(shards) = shards else { continue };
            let name = attachment.metadata.name.as_deref().unwrap_or_default();
            let happening = Happening {
                said: at.0,
                shard: None,
                source: Source::Attach,
                object: format!("volumeattachment/{name}"),
                warning: true,
                reason: reason.to_owned(),
                message: message.clone().unwrap_or_default(),
                count: 1,
            };
            said.push(told(happening, shards, late_in(at.0)));
        }
    }
}

/// How far the machines came from `since` on that Karpenter makes for the shards.
pub fn of_node_claims(snapshot: &Snapshot, concerns: &Concerns<'_, '_>, since: Timestamp, said: &mut Vec<Said>) {
    let claims = snapshot.node_claims.got();
    let Some(claims) = claims.filter(|claims| !claims.is_empty()) else {
        return;
    };
    let events = snapshot.cluster_events.got().into_iter().flatten();
    let reasons: BTreeSet<(&str, &str)> = events
        .filter_map(|event| Some((event.involved_object.name.as_deref()?, event.reason.as_deref()?)))
        .collect();
    for claim in claims.iter().map(NodeClaim) {
        for step in STEPS {
            let condition = claim.condition(step).filter(|condition| condition.status != "Unknown");
            let Some((condition, at)) = condition.and_then(|condition| condition.since.map(|at| (condition, at)))
            else {
                continue;
            };
            if at < since || reasons.contains(&(claim.name(), step)) {
                continue;
            }
            let Some(shards) = concerns.of_machine(claim.name()) else {
                break;
            };
            let holds = condition.is_true();
            let happening = Happening {
                said: at,
                shard: None,
                source: Source::Karpenter,
                object: format!("nodeclaim/{}", claim.name()),
                warning: !holds,
                reason: if holds { step.to_owned() } else { format!("Not{step}") },
                message: if holds {
                    String::new()
                } else {
                    condition.message.to_owned()
                },
                count: 1,
            };
            said.push(told(happening, shards, late_in(at)));
        }
    }
}
