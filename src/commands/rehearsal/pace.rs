//! How long things take: as this cluster took for its present pods, where that can be seen, and typical values for the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::Value;

use crate::model::snapshot::Snapshot;
use crate::model::span::go_duration;
use crate::model::{pod, set};
use crate::report::rehearsal::Known;
use crate::sim::controllers::Pace;

/// The pace, and where each duration of it comes from.
pub fn measured(snapshot: &Snapshot) -> (Pace, Vec<Known>) {
    let pods = own_pods(snapshot);
    let mut pace = Pace::default();
    let mut known = Vec::new();
    let mut take = |what: &'static str, seen: Vec<Duration>, from: &str, typical: &mut Duration| {
        let count = seen.len();
        if let Some(middle) = middle(seen) {
            *typical = middle;
        }
        known.push(Known {
            what: what.to_owned(),
            seconds: typical.as_secs_f64(),
            measured: count > 0,
            from: match count {
                0 => "typical; nothing here tells".to_owned(),
                1 => format!("measured here: {from}, once"),
                count => format!("measured here: {from}, the middle one of {count}"),
            },
        });
    };
    take(
        "a shard stops",
        stops(snapshot, &pods),
        "from the kubelet's Killing to the next pod of the name",
        &mut pace.stop,
    );
    take(
        "a disk is attached",
        attachments(snapshot, &pods),
        "from the scheduling of a shard to its SuccessfulAttachVolume",
        &mut pace.attach,
    );
    take(
        "an image is fetched",
        pulls(snapshot, &pods),
        "what the kubelets said in Pulled",
        &mut pace.pull,
    );
    take(
        "a shard starts",
        pods.values().filter_map(|found| start(found)).collect(),
        "from the last container's start to Ready",
        &mut pace.ready,
    );
    let machines = snapshot.node_claims.got().map(Vec::as_slice).unwrap_or_default();
    if !machines.is_empty() {
        let between_conditions = |from: &str, until: &str| {
            let took = machines
                .iter()
                .filter_map(|claim| between(moment(claim, from)?, moment(claim, until)?));
            took.collect::<Vec<_>>()
        };
        take(
            "a machine is ordered and registers",
            between_conditions("", "Registered"),
            "from a NodeClaim's creation to its Registered",
            &mut pace.launch,
        );
        take(
            "its node takes pods",
            between_conditions("Registered", "Initialized"),
            "from a NodeClaim's Registered to its Initialized",
            &mut pace.initialize,
        );
    }
    (pace, known)
}

/// When a condition of an object became what it is; its creation for no condition.
fn moment(object: &Value, condition: &str) -> Option<Timestamp> {
    let at = if condition.is_empty() {
        object.pointer("/metadata/creationTimestamp")
    } else {
        let conditions = object.pointer("/status/conditions")?.as_array()?;
        let found = conditions
            .iter()
            .find(|one| one["type"] == condition && one["status"] == "True");
        found?.get("lastTransitionTime")
    };
    at?.as_str()?.parse().ok()
}

/// The set's pods, by name.
fn own_pods(snapshot: &Snapshot) -> BTreeMap<&str, &Pod> {
    let Some(found) = snapshot.set() else {
        return BTreeMap::new();
    };
    let all = snapshot.pods.got().into_iter().flatten();
    all.filter(|one| pod::is_controlled_by(one, set::uid(found)))
        .map(|one| (pod::name(one), one))
        .collect()
}

fn between(from: Timestamp, until: Timestamp) -> Option<Duration> {
    Duration::try_from(until.duration_since(from)).ok()
}

fn middle(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

/// From a Ready pod's last container's start until it was Ready. A pod that was unready for a moment since then seems to have
/// taken days: the middle one counts.
fn start(found: &Pod) -> Option<Duration> {
    if !pod::is_ready(found) {
        return None;
    }
    let started = pod::container_statuses(found)
        .filter_map(|status| status.state.as_ref()?.running.as_ref()?.started_at.as_ref())
        .map(|at| at.0)
        .max()?;
    between(started, since(found, "Ready")?)
}

fn since(found: &Pod, condition: &str) -> Option<Timestamp> {
    Some(pod::condition(found, condition)?.last_transition_time.as_ref()?.0)
}

/// What was said about the set's pods under a reason: the pod's name and uid, when, and the words.
fn said<'a>(
    snapshot: &'a Snapshot,
    pods: &'a BTreeMap<&str, &Pod>,
    reason: &'a str,
) -> impl Iterator<Item = (&'a Pod, &'a Event, Timestamp)> {
    let events = snapshot.events.got().into_iter().flatten();
    events
        .filter(move |event| event.reason.as_deref() == Some(reason))
        .filter_map(|event| {
            let about = &event.involved_object;
            if about.kind.as_deref() != Some("Pod") {
                return None;
            }
            let found = pods.get(about.name.as_deref()?)?;
            let at = event.event_time.as_ref().map(|at| at.0);
            let at = at.or_else(|| event.last_timestamp.as_ref().map(|at| at.0))?;
            Some((*found, event, at))
        })
}

fn is_about_this_one(found: &Pod, event: &Event) -> bool {
    event.involved_object.uid.as_deref() == Some(pod::uid(found))
}

/// From a pod's being told to stop until the set made its successor.
fn stops(snapshot: &Snapshot, pods: &BTreeMap<&str, &Pod>) -> Vec<Duration> {
    let killed = said(snapshot, pods, "Killing").filter(|(found, event, _)| !is_about_this_one(found, event));
    let mut last: BTreeMap<&str, Duration> = BTreeMap::new();
    for (found, _, at) in killed {
        let made = found.metadata.creation_timestamp.as_ref();
        if let Some(took) = made.and_then(|made| between(at, made.0)) {
            let shortest = last.entry(pod::name(found)).or_insert(took);
            *shortest = took.min(*shortest);
        }
    }
    // Nobody's grace period is an hour: then somebody else's scaling lay between.
    last.into_values()
        .filter(|took| *took < Duration::from_secs(3600))
        .collect()
}

fn attachments(snapshot: &Snapshot, pods: &BTreeMap<&str, &Pod>) -> Vec<Duration> {
    let attached =
        said(snapshot, pods, "SuccessfulAttachVolume").filter(|(found, event, _)| is_about_this_one(found, event));
    attached
        .filter_map(|(found, _, at)| between(since(found, "PodScheduled")?, at))
        .collect()
}

/// `Successfully pulled image "db:2" in 12.3s (14s including waiting). Image size: …`.
fn pulls(snapshot: &Snapshot, pods: &BTreeMap<&str, &Pod>) -> Vec<Duration> {
    let pulled = said(snapshot, pods, "Pulled").filter_map(|(_, event, _)| event.message.as_deref());
    pulled
        .filter_map(|words| {
            let after = words.rsplit_once("\" in ")?.1;
            let length = go_duration(after.split(' ').next()?)?;
            Duration::try_from(length).ok()
        })
        .collect()
}

/// How long an operation may say nothing before it is taken to wait for ever: longer than whatever it was told to wait.
pub fn patience(waits: &[SignedDuration]) -> Duration {
    let longest = waits.iter().filter_map(|wait| Duration::try_from(*wait).ok()).max();
    // A limit of a year is none.
    let longest = longest.filter(|longest| *longest < Duration::from_secs(30 * 86_400));
    super::stage::PATIENCE + longest.unwrap_or_default() * 2
}
