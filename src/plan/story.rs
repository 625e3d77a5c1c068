//! What was said about the shards, and by whom, in one order: the scheduler, Karpenter, autoscalers, the attach controller,
//! the kubelets, the controllers, ourselves; the normal words too.
//!
//! Events are forgotten after an hour or so, while conditions and states keep when they came about. Where no event says the
//! same, those are told too, under the name of whoever writes them.

mod concerns;
mod states;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Event;
use serde::Serialize;

use super::pending::reporter;
use super::verify::policy::Policy;
use super::verify::seen::{Seen, event_time};
use crate::model::happening::{Happening, Source};
use crate::model::read::{Read, Skip};
use crate::model::snapshot::Snapshot;

use concerns::Concerns;

/// Something that was said, and every shard that it concerns: none where it is about the set as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Told {
    /// What was said.
    #[serde(flatten)]
    pub happening: Happening,
    /// The shards, by the names of their pods.
    pub shards: BTreeSet<String>,
}

/// Everything that was said, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// What was said.
    pub told: Vec<Told>,
    /// What couldn't be read, a clause each: something may have been said there.
    pub missing: Vec<String>,
    /// The names of the shards that there should be, and of those that somebody spoke of.
    pub shards: BTreeSet<String>,
}

/// Something that was said, and when as exactly as can be known.
struct Said {
    told: Told,
    exactly: Timestamp,
}

/// Gathers what was said about the set's shards.
///
/// # Errors
/// Unknown where the set or its pods can't be read; not applicable where there is no set.
pub fn story(snapshot: &Snapshot, policy: &Policy) -> Result<Story, Skip> {
    let seen = Seen::of(snapshot, policy);
    let concerns = Concerns::of(&seen)?;
    let mut said = by_others(&seen, &concerns, Timestamp::MIN);
    states::of_pods(&seen, &mut said)?;
    let told = in_order(said);
    let mut shards = concerns.shards()?;
    shards.extend(told.iter().flat_map(|told| told.shards.iter().cloned()));
    Ok(Story {
        told,
        missing: missing(snapshot),
        shards,
    })
}

/// As [`story`], from `since` on, and without what the pods' own conditions say: for a shard in hand they are its phases, which
/// are told anyway.
///
/// # Errors
/// As [`story`].
pub fn said_by_others_since(seen: &Seen<'_>, since: Timestamp) -> Result<Vec<Told>, Skip> {
    let concerns = Concerns::of(seen)?;
    let said = by_others(seen, &concerns, since);
    Ok(in_order(said))
}

/// What is said from `since` on by others than the pods' own conditions.
fn by_others(seen: &Seen<'_>, concerns: &Concerns<'_, '_>, since: Timestamp) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let snapshot = seen.snapshot;
    let events = seen.events_since(since).into_iter();
    for event in events.chain(snapshot.cluster_events.got().into_iter().flatten()) {
        said.extend(of_event(event, concerns, since));
    }
    states::of_attachments(seen, concerns, since, &mut said);
    states::of_node_claims(snapshot, concerns, since, &mut said);
    said
}

fn in_order(mut said: Vec<Said>) -> Vec<Told> {
    said.sort_by(|one, other| (one.exactly, &one.told).cmp(&(other.exactly, &other.told)));
    said.into_iter().map(|said| said.told).collect()
}

/// What couldn't be read, of all that tells what concerns a shard. A cluster that lacks Karpenter lacks nothing.
fn missing(snapshot: &Snapshot) -> Vec<String> {
    fn why<T>(read: &Read<T>) -> Option<String> {
        match read {
            Read::Unreadable(why) => Some(why.clone()),
            Read::Got(_) | Read::Absent(_) => None,
        }
    }
    let all = [
        why(&snapshot.events),
        why(&snapshot.cluster_events),
        why(&snapshot.claims),
        why(&snapshot.volumes),
        why(&snapshot.attachments),
        why(&snapshot.node_claims),
        why(&snapshot.budgets),
    ];
    all.into_iter().flatten().collect()
}

fn of_event(event: &Event, concerns: &Concerns<'_, '_>, since: Timestamp) -> Option<Said> {
    let at = event_time(event).or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))?;
    if at < since {
        return None;
    }
    let kind = event.involved_object.kind.as_deref().unwrap_or_default();
    let name = event.involved_object.name.as_deref().unwrap_or_default();
    let message = event.message.clone().unwrap_or_default();
    let shards = concerns.of_object(kind, name, &message)?;
    let counted = event.series.as_ref().and_then(|series| series.count).or(event.count);
    let happening = Happening {
        said: at,
        shard: None,
        source: source(reporter(event)),
        object: format!("{}/{name}", noun(kind)),
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.clone().unwrap_or_default(),
        message,
        count: counted.unwrap_or(1).max(1),
    };
    let exactly = exact_time(event, at);
    Some(told(happening, shards, exactly))
}

/// A kind as findings name it.
fn noun(kind: &str) -> String {
    match kind {
        "PersistentVolumeClaim" => "pvc".to_owned(),
        "PersistentVolume" => "pv".to_owned(),
        "PodDisruptionBudget" => "pdb".to_owned(),
        _ => kind.to_lowercase(),
    }
}

/// Puts a happening to its shards.
fn told(mut happening: Happening, shards: BTreeSet<String>, exactly: Timestamp) -> Said {
    if shards.len() == 1 {
        happening.shard = shards.first().cloned();
    }
    Said {
        told: Told { happening, shards },
        exactly,
    }
}

/// When an event was said, to the nanosecond where that can be told.
///
/// Most speakers write whole seconds, within which a shard may be scheduled, attached and started. The name that client-go
/// gives an event ends with the nanoseconds of its first time, in hexadecimal.
fn exact_time(event: &Event, at: Timestamp) -> Timestamp {
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let exact = name
        .rsplit_once('.')
        .and_then(|(_, digits)| i128::from_str_radix(digits, 16).ok())
        .and_then(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok());
    match exact {
        Some(exact) if exact.as_second() == at.as_second() => exact,
        _ => at,
    }
}

/// The last moment of a second: a state that is written in whole seconds came about after what was said within it.
fn late_in(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(999)).unwrap_or(at)
}

/// Who a component is.
fn source(component: &str) -> Source {
    match component {
        "kubelet" => Source::Kubelet,
        "karpenter" => Source::Karpenter,
        "cluster-autoscaler" => Source::Autoscaler,
        "attachdetach-controller" => Source::Attach,
        "shardctl" => Source::Shardctl,
        _ if component.ends_with("scheduler") => Source::Scheduler,
        // statefulset-controller, persistentvolume-controller, controllermanager (the disruption controller), node-controller …
        "controllermanager" | "taint-eviction-controller" => Source::Controller,
        _ if component.ends_with("-controller") => Source::Controller,
        _ => Source::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;

    /// The story as `shards source object reason`, without what only the healthy set's states tell.
    fn told(scene: &Scene) -> Vec<String> {
        let story = story(&scene.snapshot(), &scene.policy).unwrap();
        let recent: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
        story
            .told
            .iter()
            .filter(|told| told.happening.said >= recent)
            .map(|told| {
                let shards: Vec<&str> = told.shards.iter().map(String::as_str).collect();
                let happening = &told.happening;
                format!(
                    "{} {} {} {}",
                    shards.join("+"),
                    happening.source.word(),
                    happening.object,
                    happening.reason
                )
            })
            .collect()
    }

    fn by(component: &str, reason: &str, message: &str) -> Value {
        json!({"reason": reason, "message": message, "type": "Normal", "source": {"component": component}})
    }

    #[test]
    fn every_speaker_is_heard_about_the_shard_that_it_means() {
        let mut scene = Scene::healthy(3);
        scene
            .event(
                "Pod",
                "db-1",
                "2026-03-01T11:30:01Z",
                by("default-scheduler", "Scheduled", ""),
            )
            .event(
                "Pod",
                "db-1",
                "2026-03-01T11:30:02Z",
                by("attachdetach-controller", "SuccessfulAttachVolume", ""),
            )
            .event("Pod", "db-1", "2026-03-01T11:30:03Z", by("kubelet", "Pulled", ""))
            .event(
                "PersistentVolumeClaim",
                "data-db-1",
                "2026-03-01T11:30:04Z",
                by("persistentvolume-controller", "A", ""),
            )
            .event(
                "StatefulSet",
                "db",
                "2026-03-01T11:30:05Z",
                by("statefulset-controller", "B", "create Pod db-1 in X"),
            )
            .event(
                "StatefulSet",
                "db",
                "2026-03-01T11:30:06Z",
                by("shardctl", "UpgradeStarted", "all of them"),
            )
            .event(
                "Node",
                "node-1",
                "2026-03-01T11:30:07Z",
                by("node-controller", "NodeNotReady", ""),
            )
            .event(
                "PodDisruptionBudget",
                "db",
                "2026-03-01T11:30:08Z",
                by("controllermanager", "NoPods", ""),
            )
            .event(
                "Pod",
                "web-1",
                "2026-03-01T11:30:09Z",
                by("kubelet", "Pulled", "not ours"),
            )
            .event(
                "Node",
                "node-9",
                "2026-03-01T11:30:09Z",
                by("kubelet", "Rebooted", "no shard is there"),
            );
        assert_eq!(
            told(&scene),
            [
                "db-1 scheduler pod/db-1 Scheduled",
                "db-1 attach pod/db-1 SuccessfulAttachVolume",
                "db-1 kubelet pod/db-1 Pulled",
                "db-1 controller pvc/data-db-1 A",
                "db-1 controller statefulset/db B",
                " shardctl statefulset/db UpgradeStarted",
                "db-1 controller node/node-1 NodeNotReady",
                " controller pdb/db NoPods",
            ]
        );
    }

    #[test]
    fn within_a_second_the_events_names_tell_the_order() {
        let mut scene = Scene::healthy(1);
        let second = "2026-03-01T11:30:01Z";
        let nanos = |millis: i64| {
            let at: Timestamp = second.parse().unwrap();
            format!("{:x}", at.as_nanosecond() + i128::from(millis) * 1_000_000)
        };
        for (reason, millis) in [("Third", 900), ("First", 10), ("Second", 500)] {
            let mut event = by("kubelet", reason, "");
            event["metadata"] = json!({"name": format!("db-0.{}", nanos(millis))});
            scene.event("Pod", "db-0", second, event);
        }
        assert_eq!(
            told(&scene),
            ["First", "Second", "Third"].map(|reason| format!("db-0 kubelet pod/db-0 {reason}"))
        );
    }

    #[test]
    fn a_node_claim_that_karpenter_meant_for_a_shard_tells_of_that_shard() {
        let mut scene = Scene::healthy(2);
        let claim = |name: &str| {
            let condition = |kind: &str, status: &str, at: &str| json!({"type": kind, "status": status, "lastTransitionTime": at, "reason": kind, "message": "m"});
            json!({"apiVersion": "karpenter.sh/v1", "metadata": {"name": name}, "status": {"conditions": [
                condition("Launched", "True", "2026-03-01T11:30:02Z"),
                condition("Registered", "Unknown", "2026-03-01T11:30:02Z"),
                condition("Initialized", "False", "2026-03-01T11:30:03Z"),
            ]}})
        };
        scene.set(Resource::NodeClaims, Read::Got(vec![claim("meant"), claim("other")]));
        let nominated = "Pod should schedule on: nodeclaim/meant";
        scene
            .event(
                "Pod",
                "db-1",
                "2026-03-01T11:30:01Z",
                by("karpenter", "Nominated", nominated),
            )
            .event(
                "NodeClaim",
                "meant",
                "2026-03-01T11:30:04Z",
                by("karpenter", "InsufficientCapacityError", "none left"),
            )
            .event(
                "NodeClaim",
                "other",
                "2026-03-01T11:30:04Z",
                by("karpenter", "Launched", ""),
            );
        assert_eq!(
            told(&scene),
            [
                "db-1 karpenter pod/db-1 Nominated",
                "db-1 karpenter nodeclaim/meant Launched",
                "db-1 karpenter nodeclaim/meant NotInitialized",
                "db-1 karpenter nodeclaim/meant InsufficientCapacityError",
            ]
        );
    }

    #[test]
    fn states_are_told_where_no_event_says_the_same() {
        let mut scene = Scene::healthy(2);
        let all = story(&scene.snapshot(), &scene.policy).unwrap();
        let reasons = |story: &Story, shard: &str| -> Vec<String> {
            let about = story.told.iter().filter(|told| told.shards.contains(shard));
            about.map(|told| told.happening.reason.clone()).collect()
        };
        assert_eq!(reasons(&all, "db-0"), ["PodScheduled", "Started", "Ready"]);
        let of_pod = |reason: &str| {
            let mut event = by("kubelet", reason, "");
            event["involvedObject"] = json!({"uid": "uid-db-0"});
            event
        };
        scene
            .event("Pod", "db-0", "2026-02-28T11:59:30Z", of_pod("Scheduled"))
            .event("Pod", "db-0", "2026-02-28T11:59:40Z", of_pod("Started"));
        let all = story(&scene.snapshot(), &scene.policy).unwrap();
        assert_eq!(reasons(&all, "db-0"), ["Scheduled", "Started", "Ready"]);
        assert_eq!(reasons(&all, "db-1"), ["PodScheduled", "Started", "Ready"]);
    }

    #[test]
    fn an_end_in_the_containers_state_and_an_attach_error_are_told() {
        let mut scene = Scene::healthy(1);
        let ended =
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-01T11:30:00Z"}});
        scene.edit(Resource::Pods, "db-0", |pod| {
            pod["status"]["containerStatuses"][0]["lastState"] = ended;
        });
        scene.merge(
            Resource::VolumeAttachments,
            "va-0",
            json!({"status": {"attached": false, "attachError": {"time": "2026-03-01T11:31:00Z", "message": "no such disk"}}}),
        );
        assert_eq!(
            told(&scene),
            [
                "db-0 kubelet pod/db-0 OOMKilled",
                "db-0 attach volumeattachment/va-0 AttachError",
            ]
        );
    }

    #[test]
    fn what_cant_be_read_is_missing_and_a_count_is_the_series() {
        let mut scene = Scene::healthy(1);
        let mut event = by("default-scheduler", "FailedScheduling", "");
        event["series"] = json!({"count": 7, "lastObservedTime": "2026-03-01T11:40:00.000000Z"});
        scene.event("Pod", "db-0", "2026-03-01T11:30:00Z", event);
        scene.unreadable(Resource::ClusterEvents);
        let story = story(&scene.snapshot(), &scene.policy).unwrap();
        let last = story.told.last().unwrap();
        assert_eq!(
            (last.happening.count, last.happening.said.to_string().as_str()),
            (7, "2026-03-01T11:40:00Z")
        );
        assert_eq!(story.missing.len(), 1, "{:?}", story.missing);
    }
}
