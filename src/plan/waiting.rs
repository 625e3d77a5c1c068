//! What a shard in hand waits for: the phase that it is in, and a clause for people.

mod disks;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::model::phase::{Lasted, Phase};
use crate::model::read::{Read, Skip};
use crate::model::{node, pod, set, span};
use crate::plan::container;
use crate::plan::course::Course;
use crate::plan::pending::{Cause, Reason, reasons};
use crate::plan::verify::seen::{Seen, Shard};

pub use disks::what_to_prove;

/// How long a pod must have been Pending before anything said about it counts: the scheduler tries again after ten seconds
/// at most (podMaxBackoffSeconds), and its first word may be of a moment ago, when the old pod still held the room.
const SETTLED: SignedDuration = SignedDuration::from_secs(10);

/// How long past its grace period a pod isn't late yet: its end is in whole seconds, and the kubelet asks for it to be taken
/// away with a grace period of none.
const PUNCTUAL: SignedDuration = SignedDuration::from_secs(1);

/// Where a shard is on its way, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The phase.
    pub phase: Phase,
    /// What it waits for, a clause.
    pub words: String,
    /// Why it has no place yet; empty in other phases.
    pub reasons: Vec<Reason>,
}

impl Waiting {
    fn new(phase: Phase, words: impl Into<String>) -> Waiting {
        Waiting {
            phase,
            words: words.into(),
            reasons: Vec::new(),
        }
    }
}

/// What a shard in hand waits for; its course has taken in the same view.
///
/// # Errors
/// Unknown where pods can't be read. What else can't be read is left out of the words.
pub fn waiting(seen: &Seen<'_>, course: &Course, now: Timestamp) -> Result<Waiting, Skip> {
    let shard = seen.expected_shard(course.ordinal())?;
    let current = shard.and_then(|shard| shard.pod);
    let at = course.phase(now);
    let Some(found) = current else {
        return Ok(Waiting::new(at.phase, not_made(seen, course)));
    };
    if pod::is_terminating(found) {
        return Ok(Waiting::new(Phase::Terminate, terminating(seen, found, now)));
    }
    if course.old_uid() == Some(pod::uid(found)) {
        return Ok(Waiting::new(Phase::Terminate, "its deletion isn't seen yet"));
    }
    let events = events_of(seen, found);
    let Some(on) = pod::node(found) else {
        return Ok(without_a_node(seen, found, &events, now));
    };
    if let Some(since) = course.ready_since() {
        let least = span::words(course.min_ready());
        let so_far = span::words(now.duration_since(since));
        return Ok(Waiting::new(Phase::Start, format!("Ready for {so_far} of {least}")));
    }
    Ok(match at.phase {
        Phase::Detach | Phase::Schedule | Phase::Attach => {
            // Bound, and nothing has started: the disks, or else what comes after them.
            match disks::disks(seen, course, on, at) {
                Some(waiting) => waiting,
                None => Waiting::new(Phase::Pull, fetching(&events, on, at)),
            }
        }
        Phase::Pull => Waiting::new(Phase::Pull, fetching(&events, on, at)),
        Phase::Terminate | Phase::Start => Waiting::new(Phase::Start, starting(found, at)),
    })
}

fn seconds(lasted: Lasted) -> String {
    span::words(SignedDuration::try_from_secs_f64(lasted.seconds).unwrap_or_default())
}

/// The events about this very pod, oldest first: its predecessor had the same name.
fn events_of<'a>(seen: &Seen<'a>, found: &Pod) -> Vec<&'a Event> {
    let mut events = seen.events_about("Pod", pod::name(found)).unwrap_or_default();
    events.retain(|event| {
        let uid = event.involved_object.uid.as_deref();
        uid.is_none_or(|uid| uid == pod::uid(found))
    });
    events
}

/// `terminating for 12s of 60s`; past that, what holds it. A pod's deletionTimestamp is its end, grace period included.
fn terminating(seen: &Seen<'_>, found: &Pod, now: Timestamp) -> String {
    let grace = SignedDuration::from_secs(found.metadata.deletion_grace_period_seconds.unwrap_or(0));
    let since = pod::since(found).unwrap_or(now);
    let so_far = now.duration_since(since);
    // A node that can't be read isn't one that is gone.
    let place = pod::node(found).and_then(|on| Some((on, seen.node(on).ok()?)));
    let silent = place.is_some_and(|(_, place)| !place.is_some_and(node::is_ready));
    let late = so_far - grace;
    if late > PUNCTUAL {
        return format!(
            "terminating, {} past its grace period of {}: {}; it isn't deleted by force",
            span::words(late),
            span::words(grace),
            container::still_there(found, place)
        );
    }
    let so_far = format!("terminating for {} of {}", span::words(so_far), span::words(grace));
    if silent {
        return format!("{so_far}: {}", container::still_there(found, place));
    }
    so_far
}

/// Why there is no new pod yet.
fn not_made(seen: &Seen<'_>, course: &Course) -> String {
    let Ok(set) = seen.set() else {
        return "there is no StatefulSet to make its pod".to_owned();
    };
    let name = set::pod_name(set, course.ordinal());
    // Under OrderedReady the controller stops at the first shard that isn't there, Ready and staying.
    let ordered = set::spec(set).is_some_and(|spec| spec.pod_management_policy.as_deref() != Some("Parallel"));
    let shards = || seen.shards().unwrap_or_default().into_iter();
    let is_lower = |shard: &Shard<'_>| shard.ordinal < course.ordinal() && !shard.ready;
    if let Some(lower) = ordered.then(shards).and_then(|mut shards| shards.find(is_lower)) {
        return format!(
            "not made again before pod/{} is Ready: the set's podManagementPolicy is OrderedReady",
            lower.name
        );
    }
    let events = seen.events_about("StatefulSet", set::name(set)).unwrap_or_default();
    let refused = events.iter().rev().find(|event| {
        let message = event.message.as_deref().unwrap_or_default();
        let about_it = message.split([' ', '"']).any(|word| word == name);
        let late_enough = crate::plan::verify::seen::event_time(event).is_some_and(|at| {
            // Events are kept to the second.
            at.as_second() >= course.down_from().as_second()
        });
        event.reason.as_deref() == Some("FailedCreate") && about_it && late_enough
    });
    match refused.and_then(|event| event.message.as_deref()) {
        Some(message) => format!("the controller can't make it: {message}"),
        None => "the controller hasn't made it again yet".to_owned(),
    }
}

fn without_a_node(seen: &Seen<'_>, found: &Pod, events: &[&Event], now: Timestamp) -> Waiting {
    let claim_events = seen.snapshot.cluster_events.got();
    let claims = seen.snapshot.node_claims.got().map_or(&[][..], Vec::as_slice);
    let reasons = reasons(found, events, claim_events, claims);
    let made = found.metadata.creation_timestamp.as_ref().map_or(now, |made| made.0);
    let so_far = span::words(now.duration_since(made).max(SignedDuration::ZERO));
    let nominated = found
        .status
        .as_ref()
        .and_then(|status| status.nominated_node_name.as_deref());
    let why = match (nominated.filter(|on| !on.is_empty()), reasons.first()) {
        (Some(on), _) => format!("room is being made for it on node/{on}"),
        (None, Some(first)) if first.cause != Cause::Unknown => first.cause.words().to_owned(),
        (None, Some(first)) if !first.said.is_empty() => first.said.clone(),
        (None, _) => "the scheduler has said nothing yet".to_owned(),
    };
    Waiting {
        phase: Phase::Schedule,
        words: format!("Pending for {so_far}: {why}"),
        reasons,
    }
}

/// What keeps the first container from running.
fn fetching(events: &[&Event], on: &str, at: Lasted) -> String {
    let so_far = seconds(at);
    let last = events.iter().rev().find(|event| {
        let warning = event.type_.as_deref() == Some("Warning") && event.reason.as_deref() != Some("FailedScheduling");
        warning || matches!(event.reason.as_deref(), Some("Pulling" | "Pulled"))
    });
    let message = last.and_then(|event| event.message.as_deref()).unwrap_or_default();
    match last.and_then(|event| event.reason.as_deref()) {
        Some("Pulling") => {
            let image = message.split('"').nth(1).unwrap_or("its image");
            format!("node/{on} fetches {image}, for {so_far}")
        }
        Some("Pulled") | None => format!("node/{on} makes its containers, for {so_far}"),
        Some(reason) => format!("node/{on} makes its containers, for {so_far}; {reason}: {message}"),
    }
}

/// How far its containers are.
fn starting(found: &Pod, at: Lasted) -> String {
    let so_far = seconds(at);
    let spec = found.spec.as_ref();
    let init = spec
        .and_then(|spec| spec.init_containers.as_deref())
        .unwrap_or_default();
    let status = |name: &str| pod::container_statuses(found).find(|status| status.name == name);
    let unfinished = init.iter().enumerate().find(|(_, one)| {
        let sidecar = one.restart_policy.as_deref() == Some("Always");
        !status(&one.name).is_some_and(|status| container::is_done(status) || sidecar && status.started == Some(true))
    });
    if let Some((before, one)) = unfinished {
        return format!(
            "init container {} ({} of {}), for {so_far}",
            one.name,
            before + 1,
            init.len()
        );
    }
    let unready = pod::container_statuses(found)
        .filter(|status| !status.ready && !container::is_done(status))
        .find_map(container::words);
    if let Some(words) = unready {
        return format!("{words}, for {so_far}");
    }
    let ready = pod::condition(found, "Ready");
    let why = ready.and_then(|ready| ready.message.as_deref().or(ready.reason.as_deref()));
    let why = why
        .filter(|why| !why.is_empty())
        .unwrap_or("its Ready condition doesn't say why");
    format!("its containers are ready, the pod isn't, for {so_far}: {why}")
}

/// Whether something makes nodes for pods that have no place: Karpenter or Cluster Autoscaler. What can't be read may be there.
pub fn is_autoscaled(seen: &Seen<'_>) -> bool {
    fn may_be<T>(read: &Read<Vec<T>>) -> bool {
        match read {
            Read::Got(items) => !items.is_empty(),
            Read::Absent(_) => false,
            Read::Unreadable(_) => true,
        }
    }
    may_be(&seen.snapshot.node_pools) || may_be(&seen.snapshot.cluster_autoscaler)
}

/// The reason for which a Pending pod will stay so; none where that may end by itself.
///
/// May end: a node is coming, or room is being made; an autoscaler hasn't refused yet; a size may be offered again, a node
/// may become Ready, a volume be bound, a disk leave. Nothing counts before the scheduler has looked twice.
pub fn stuck<'a>(found: &Pod, reasons: &'a [Reason], autoscaled: bool, now: Timestamp) -> Option<&'a Reason> {
    let made = found.metadata.creation_timestamp.as_ref()?.0;
    let nominated = found
        .status
        .as_ref()
        .and_then(|status| status.nominated_node_name.as_deref());
    let has = |causes: &[Cause]| reasons.iter().any(|reason| causes.contains(&reason.cause));
    if now.duration_since(made) < SETTLED || nominated.is_some_and(|on| !on.is_empty()) || has(&[Cause::NodeComing]) {
        return None;
    }
    let for_good = |reason: &&Reason| {
        matches!(
            reason.cause,
            Cause::MissingClaim
                | Cause::ClaimDeleted
                | Cause::LostVolume
                | Cause::Gated
                | Cause::PoolLimits
                | Cause::Quota
                | Cause::TooLarge
        )
    };
    if let Some(reason) = reasons.iter().find(for_good) {
        return Some(reason);
    }
    let refused = reasons.iter().any(|reason| reason.by == "karpenter");
    let may_pass = [
        Cause::NotOffered,
        Cause::VolumeNotBound,
        Cause::NodeNotReady,
        Cause::AttachSlots,
        Cause::Unknown,
    ];
    if autoscaled && !refused || has(&may_pass) {
        return None;
    }
    reasons.first()
}

#[cfg(test)]
mod tests;
