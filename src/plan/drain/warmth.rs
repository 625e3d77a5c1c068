//! The placeholders that are there, and how far the room is that each of them holds: the same for every operation that makes them.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::placeholder::{PLACEHOLDER, Rank, is_warm, rank};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::HELPER;
use crate::model::step::Act;
use crate::model::{node, pod, set};
use crate::plan::pre_pull::{Pull, pulled};
use crate::plan::replace::hand::no_place;
use crate::plan::verify::seen::Seen;

/// How far the room for a shard is.
#[derive(Clone, Debug, PartialEq)]
pub enum Warmth {
    /// The placeholder runs on a Ready node that has the images.
    Warm,
    /// It comes.
    Coming {
        /// What it waits for.
        words: String,
        /// Until when it may.
        until: Option<Timestamp>,
    },
    /// It can't come as things are, or takes too long.
    Cold {
        /// What to say of it.
        summary: String,
        /// Why.
        finding: Box<Finding>,
        /// Whether it is only late.
        is_late: bool,
    },
}

/// How far the room is that `made` holds for a shard, which may take `patience`.
pub fn warmth(seen: &Seen<'_>, made: &Pod, shard: &str, patience: SignedDuration, now: Timestamp) -> Warmth {
    let on = pod::node(made).and_then(|name| seen.node(name).ok().flatten());
    if on.is_some_and(|on| is_warm(made, on)) {
        return Warmth::Warm;
    }
    let cold = |summary: String, finding: Finding, is_late: bool| Warmth::Cold {
        summary,
        finding: Box::new(finding),
        is_late,
    };
    if let Pull::Failed(finding) = pulled(made) {
        return cold(
            format!("the node that is to take {shard} can't get its image"),
            finding,
            false,
        );
    }
    if let Some(finding) = no_place(seen, made, now) {
        return cold(
            format!("no node can be made for {shard}, which is as it was"),
            finding,
            false,
        );
    }
    let since = made.metadata.creation_timestamp.as_ref().map_or(now, |at| at.0);
    let until = since.checked_add(patience).ok();
    let words = how_far(seen, made);
    if until.is_none_or(|until| now < until) {
        return Warmth::Coming {
            words: format!("room for {shard}: {words}"),
            until,
        };
    }
    let mut finding = Finding::new(
        Severity::Error,
        format!("pod/{}", pod::name(made)),
        format!("no node has room for {shard} after --shard-timeout: {words}"),
    );
    finding.remedy(seen.shardctl(&format!("events {shard}")));
    cold(
        format!("no room could be made for {shard}, which is as it was"),
        finding,
        true,
    )
}

/// The placeholders of the set's shards, of this run and of earlier ones.
pub fn placeholders<'a>(seen: &Seen<'a>) -> Vec<&'a Pod> {
    let Ok(found_set) = seen.set() else { return Vec::new() };
    let ours = |found: &&Pod| {
        pod::label(found, HELPER) == Some(PLACEHOLDER)
            && found
                .metadata
                .owner_references
                .iter()
                .flatten()
                .any(|owner| owner.uid == set::uid(found_set))
    };
    let pods = seen.snapshot.pods.got().into_iter().flatten();
    pods.filter(ours).filter(|found| !pod::is_terminating(found)).collect()
}

/// The rank of a placeholder below a shard.
pub fn rank_below(seen: &Seen<'_>, shard: &str) -> Rank {
    let pods = seen.own_pods().unwrap_or_default();
    let of_shard = pods.into_iter().find(|found| pod::name(found) == shard);
    let priority = of_shard.and_then(|found| found.spec.as_ref()?.priority).unwrap_or(0);
    let classes = seen
        .snapshot
        .priority_classes
        .got()
        .map(Vec::as_slice)
        .unwrap_or_default();
    rank(classes, priority)
}

/// Whether a shard's pod needs the room that its placeholder holds, and can't push it out.
pub fn is_held_out(seen: &Seen<'_>, found: &Pod) -> bool {
    let unschedulable = pod::condition(found, "PodScheduled")
        .is_some_and(|scheduled| scheduled.status == "False" && scheduled.reason.as_deref() == Some("Unschedulable"));
    pod::node(found).is_none() && unschedulable && !rank_below(seen, pod::name(found)).gives_way
}

/// What a placeholder waits for, a clause.
pub fn how_far(seen: &Seen<'_>, made: &Pod) -> String {
    let Some(name) = pod::node(made) else {
        let said = pod::condition(made, "PodScheduled").and_then(|scheduled| scheduled.message.clone());
        return match said.filter(|said| !said.is_empty()) {
            Some(said) => format!("a node is waited for ({said})"),
            None => "a node is waited for".to_owned(),
        };
    };
    let ready = seen.node(name).ok().flatten().is_some_and(node::is_ready);
    match pulled(made) {
        _ if !ready => format!("node/{name} isn't Ready yet"),
        Pull::Coming(words) => format!("node/{name}: {words}"),
        Pull::Done(_) => format!("node/{name}: the placeholder isn't running yet"),
        Pull::Failed(finding) => format!("node/{name}: {}", finding.message),
    }
}

/// What takes a placeholder away.
pub fn remove(found: &Pod) -> Act {
    Act::RemoveHelper {
        pod: pod::name(found).to_owned(),
        uid: pod::uid(found).to_owned(),
    }
}
