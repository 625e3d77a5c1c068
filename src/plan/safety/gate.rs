//! The gate: asked before every deletion or eviction of a shard, over a fresh, uncached look.
//!
//! A watch that has gone silent is noticed only after minutes, and the preconditions of a deletion say nothing of the other
//! shards. So the shards, the set and the target's claims are read anew each time, and judged here.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;

use super::catalogue::{Allowed, SET_CHANGED, SHARD_CHANGED, SHARD_DOWN, TERMINATING, UNREADABLE};
use super::data;
use super::home::Newcomer;
use super::preflight::places;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::model::step::PodRef;
use crate::plan::verify::seen::{Seen, Shard};

/// The set as the operation began with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Its uid.
    pub set_uid: String,
    /// The revision that new pods are made from, once it is known.
    pub update_revision: Option<String>,
    /// Its `spec.replicas`.
    pub replicas: i32,
    /// Whether shards leave their nodes for good, which are being emptied.
    pub leaves: bool,
}

impl Pinned {
    /// The set as it is now.
    pub fn of(found: &StatefulSet) -> Pinned {
        let status = found.status.as_ref();
        Pinned {
            set_uid: set::uid(found).to_owned(),
            update_revision: status
                .and_then(|status| status.update_revision.clone())
                .filter(|name| !name.is_empty()),
            replicas: set::replicas(found),
            leaves: false,
        }
    }
}

/// Whether a shard's pod may go: the same pod, at the version of this read, or why not.
///
/// Every other shard must be Ready and none terminating, but for those of `apart` (what else is down on purpose). A target
/// that was chosen because it is down (`already_down`), and is, may go while others are down too: it costs nothing. Else some
/// node must be there that would take it again. The set must be the pinned one, and the target's data safe.
///
/// # Errors
/// Every refusal that `allowed` doesn't cover.
pub fn gate(
    seen: &Seen<'_>,
    pinned: &Pinned,
    target: &PodRef,
    apart: &BTreeSet<Ordinal>,
    already_down: bool,
    allowed: &Allowed,
) -> Result<PodRef, Vec<Refusal>> {
    let unseen = |skip: Skip| {
        vec![UNREADABLE.refuse(
            format!("pod/{}", target.name),
            format!("the shards can't be judged: {}", data::words(skip)),
        )]
    };
    let found = seen.set().map_err(unseen)?;
    let pods = seen.own_pods().map_err(unseen)?;
    let mut refusals = judge_set(found, pinned);
    let pod_now = match of_target(seen, &pods, target) {
        Ok(pod_now) => Some(pod_now),
        Err(refusal) => {
            refusals.push(*refusal);
            None
        }
    };
    let costs_nothing = already_down && pod_now.is_some_and(|now| !pod::is_ready(now));
    if !costs_nothing {
        let expected = seen.expected().map_err(unseen)?.shards;
        let others = set::ordinals(found, expected.max(set::replicas(found)))
            .filter(|ordinal| *ordinal != target.ordinal && !apart.contains(ordinal))
            // As a rule all are up, and nothing more is to be said of them.
            .filter(|ordinal| !seen.is_up(*ordinal).unwrap_or_default());
        refusals.extend(judge_others(found, &pods, others, target, already_down));
        refusals.extend(without_a_home(seen, found, target, pod_now, pinned.leaves));
    }
    refusals.extend(data::refusals(seen, target.ordinal, pod_now));
    let left = allowed.left(refusals);
    match pod_now {
        Some(now) if left.is_empty() => Ok(PodRef {
            name: target.name.clone(),
            ordinal: target.ordinal,
            uid: target.uid.clone(),
            resource_version: now.metadata.resource_version.clone().unwrap_or_default(),
            node: pod::node(now).map(str::to_owned),
        }),
        _ => Err(left),
    }
}

fn judge_set(found: &StatefulSet, pinned: &Pinned) -> Vec<Refusal> {
    let object = format!("statefulset/{}", set::name(found));
    if set::uid(found) != pinned.set_uid {
        return vec![SET_CHANGED.refuse(object, "the set was deleted and made anew since the operation began")];
    }
    let mut refusals = Vec::new();
    let replicas = set::replicas(found);
    if replicas != pinned.replicas {
        refusals.push(SET_CHANGED.refuse(
            &object,
            format!(
                "the set was scaled from {} to {replicas} replicas since the operation began",
                pinned.replicas
            ),
        ));
    }
    let status = found.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation).unwrap_or(0);
    let generation = found.metadata.generation.unwrap_or(0);
    if observed < generation {
        refusals.push(
            SET_CHANGED
                .refuse(&object, "the set has a change that its controller hasn't looked at yet")
                .evidence(format!("generation {generation}, observedGeneration {observed}")),
        );
    }
    let revision = status
        .and_then(|status| status.update_revision.as_deref())
        .unwrap_or_default();
    if let Some(wanted) = &pinned.update_revision
        && wanted != revision
    {
        refusals.push(SET_CHANGED.refuse(
            &object,
            format!("new pods would be of revision {revision}, where the operation began with {wanted}"),
        ));
    }
    refusals
}

fn of_target<'a>(seen: &Seen<'a>, pods: &[&'a Pod], target: &PodRef) -> Result<&'a Pod, Box<Refusal>> {
    let changed = |what: String| SHARD_CHANGED.refuse(format!("pod/{}", target.name), what);
    let is_it = |found: &&Pod| pod::name(found) == target.name;
    let its_own = seen.own_pod(target.ordinal).ok().flatten().filter(is_it);
    let Some(now) = its_own.or_else(|| pods.iter().copied().find(is_it)) else {
        return Err(Box::new(changed(format!("{} has no pod now", target.name))));
    };
    if pod::uid(now) != target.uid {
        let refusal = changed(format!("{} has a new pod, made after it was chosen", target.name));
        let uids = format!("uid {}, where {} was chosen", pod::uid(now), target.uid);
        return Err(Box::new(refusal.evidence(uids)));
    }
    if pod::is_terminating(now) {
        return Err(Box::new(changed(format!("{} is being deleted already", target.name))));
    }
    Ok(now)
}

fn judge_others(
    found: &StatefulSet,
    pods: &[&Pod],
    others: impl Iterator<Item = Ordinal>,
    target: &PodRef,
    chosen_as_down: bool,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for ordinal in others {
        let name = set::pod_name(found, ordinal);
        let refusal = match pods.iter().find(|other| pod::name(other) == name) {
            None => Some(SHARD_DOWN.refuse(format!("pod/{name}"), format!("{name} has no pod"))),
            Some(other) => down(other),
        };
        if let Some(refusal) = refusal {
            refusals.push(if chosen_as_down {
                refusal.evidence(format!(
                    "{} was chosen because it was down; it is Ready now",
                    target.name
                ))
            } else {
                refusal
            });
        }
    }
    refusals
}

/// The refusal where no node would take the shard again. A node may have been cordoned since the operation began.
fn without_a_home(
    seen: &Seen<'_>,
    found: &StatefulSet,
    target: &PodRef,
    pod_now: Option<&Pod>,
    leaves: bool,
) -> Option<Refusal> {
    let newcomer = Newcomer {
        template: set::template(found)?,
        revision: found.status.as_ref()?.update_revision.as_deref(),
    };
    let shard = Shard::new(target.ordinal, target.name.clone(), pod_now);
    if !places::must_be_looked_for(seen, &shard, newcomer.template) {
        return None;
    }
    places::refusal(seen, &shard, newcomer, leaves)
}

/// Why a shard with a pod counts as down; none where it doesn't.
pub fn down(found: &Pod) -> Option<Refusal> {
    let name = pod::name(found);
    let object = format!("pod/{name}");
    if pod::is_terminating(found) {
        return Some(TERMINATING.refuse(object, format!("{name} is being deleted")));
    }
    if pod::is_ready(found) {
        return None;
    }
    let mut refusal = SHARD_DOWN.refuse(object, format!("{name} isn't Ready ({})", pod::phase(found)));
    let said = pod::condition(found, "Ready").and_then(|ready| ready.message.as_deref());
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        refusal = refusal.evidence(said);
    }
    Some(refusal)
}

#[cfg(test)]
mod tests;
