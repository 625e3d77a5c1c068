//! The cluster's own warnings about the shards: events of the last hour, grouped.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Event;

use super::Check;
use super::pods::running::duration;
use super::seen::{Seen, event_time};
use super::storage::shared_claims;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::{node, pod};

/// How far back a warning is looked for; the API server keeps events for an hour unless told otherwise.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// EVT-01.
pub const EVT_01: Check = Check {
    about: Description {
        id: "EVT-01",
        category: Category::BudgetAndResidue,
        severity: Severity::Warning,
        title: "nobody warned of the set, its pods, claims and nodes within the last hour",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::Events,
            Resource::ClusterEvents,
        ],
        also: "",
        why: "Kubelet, scheduler and controllers say in events what they can't do, often before a shard is down. What was \
              said before the object became healthy is left out, since it is over: for a pod, a claim and the set the moment \
              at which the shard (or the last of them) became Ready, for a node the moment at which the node did. So the \
              noise of starting up is no warning, and a readiness probe that fails now is. What the scheduler said before it \
              placed a pod is over, too, also where the pod isn't Ready.",
        mend: "Read the event's message; where it keeps coming back, look at the object.\n$ kubectl get events --field-selector \
               type=Warning --sort-by=.lastTimestamp",
        source: "core/v1 Event",
        entails: &[],
    },
    judge: evt_01,
};

fn evt_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let mut verdict = Verdict::new();
    let healthy = healthy_since(seen)?;
    let placed = placed_since(seen)?;
    let mut groups: BTreeMap<(String, &str), Group<'_>> = BTreeMap::new();
    let ours = seen.snapshot.events.need()?;
    // Without the cluster's events the nodes go unheard.
    let theirs = match seen.snapshot.cluster_events.need() {
        Ok(events) => Some(events),
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
            verdict.unsure(why);
            None
        }
    };
    for event in ours.iter().chain(theirs.into_iter().flatten()) {
        let object = &event.involved_object;
        let (Some(kind), Some(name)) = (object.kind.as_deref(), object.name.as_deref()) else {
            continue;
        };
        let Some(since) = healthy.get(&(kind, name.to_owned())) else {
            continue;
        };
        let Some(at) = event_time(event) else { continue };
        let old = seen.now().duration_since(at) > WINDOW;
        // A condition's moment is cut to its second, and a scheduler's event isn't: what was said within that second may have
        // come before.
        let is_by = |moment: Timestamp| at.as_second() <= moment.as_second();
        let unplaced = event.reason.as_deref() == Some("FailedScheduling");
        let placed = placed.get(name).filter(|_| kind == "Pod" && unplaced);
        let over = since.is_some_and(is_by) || placed.is_some_and(|placed| is_by(*placed));
        if event.type_.as_deref() != Some("Warning") || old || over {
            continue;
        }
        let key = (
            format!("{}/{name}", kind.to_lowercase()),
            event.reason.as_deref().unwrap_or("Warning"),
        );
        let group = groups.entry(key).or_insert(Group {
            count: 0,
            last: at,
            event,
        });
        group.count += times(event);
        if at >= group.last {
            (group.last, group.event) = (at, event);
        }
    }
    for ((object, reason), group) in &groups {
        let by = group.event.reporting_component.as_deref().filter(|by| !by.is_empty());
        let by = by.or_else(|| group.event.source.as_ref()?.component.as_deref());
        let by = by.map(|by| format!(", by {by}")).unwrap_or_default();
        verdict
            .warn(
                object.clone(),
                format!(
                    "{reason}, {} in the last hour, last {} ago{by}",
                    if group.count == 1 {
                        "once".to_owned()
                    } else {
                        format!("{} times", group.count)
                    },
                    duration(seen.now().duration_since(group.last))
                ),
            )
            .evidence(group.event.message.as_deref().unwrap_or_default())
            .remedy(describe(seen, object));
    }
    Ok(verdict.seen(format!(
        "no warning about statefulset/{}, its pods, claims and nodes",
        set::name(set)
    )))
}

struct Group<'a> {
    count: i32,
    last: Timestamp,
    event: &'a Event,
}

fn times(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).unwrap_or(1).max(1)
}

fn describe(seen: &Seen<'_>, object: &str) -> String {
    let words = format!("describe {}", crate::model::shell::shell_word(object));
    if object.starts_with("node/") {
        seen.kubectl_cluster(&words)
    } else {
        seen.kubectl(&words)
    }
}

/// The objects that count, by kind and name, and since when each is healthy; none where it isn't.
fn healthy_since(seen: &Seen<'_>) -> Result<BTreeMap<(&'static str, String), Option<Timestamp>>, Skip> {
    let set = seen.set()?;
    let mut since = BTreeMap::new();
    let mut moments = BTreeSet::new();
    let mut all = true;
    for shard in seen.shards()? {
        let ready = shard.pod.filter(|found| pod::is_ready(found)).and_then(pod::since);
        match ready {
            Some(at) => {
                moments.insert(at);
            }
            None => all = false,
        }
        // The set alone says what its claims are called: they needn't be readable for their events to be heard.
        for template in set::claim_templates(set) {
            let claim = set::claim_name(set, template, shard.ordinal);
            since.insert(("PersistentVolumeClaim", claim), ready);
        }
        since.insert(("Pod", shard.name.into_owned()), ready);
    }
    // A pod beyond the shards that there should be is the set's, too.
    for found in seen.own_pods()? {
        let ready = Some(found).filter(|found| pod::is_ready(found)).and_then(pod::since);
        since.entry(("Pod", pod::name(found).to_owned())).or_insert(ready);
    }
    let settled = if all { moments.last().copied() } else { None };
    since.insert(("StatefulSet", set::name(set).to_owned()), settled);
    for claim in shared_claims(seen)? {
        since.insert(("PersistentVolumeClaim", claim.to_owned()), settled);
    }
    for (found, _) in seen.nodes_with_shards()? {
        let ready = node::condition(found, "Ready").filter(|_| node::is_ready(found));
        let at = ready
            .and_then(|ready| ready.last_transition_time.as_ref())
            .map(|at| at.0);
        since.insert(("Node", node::name(found).to_owned()), at);
    }
    Ok(since)
}

/// When each pod of the set was placed on its node, by its name; none of one that waits for a node.
///
/// Source: `assignPod` in `pkg/registry/core/pod/storage/storage.go`, which says so when a pod is bound.
fn placed_since<'a>(seen: &Seen<'a>) -> Result<BTreeMap<&'a str, Timestamp>, Skip> {
    let own = seen.own_pods()?.into_iter();
    let placed = own.filter_map(|found| {
        let said = pod::condition(found, "PodScheduled").filter(|said| said.status == "True")?;
        Some((pod::name(found), said.last_transition_time.as_ref()?.0))
    });
    Ok(placed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    fn moment(scene: &mut Scene, pod: &str, at: &str) {
        scene.edit(Resource::Pods, pod, |pod| {
            pod["status"]["conditions"][2]["lastTransitionTime"] = json!(at);
        });
    }

    #[test]
    fn the_noise_of_starting_up_is_over_once_a_shard_is_ready() {
        let mut scene = Scene::healthy(2);
        moment(&mut scene, "db-1", "2026-03-01T11:50:00Z");
        scene.event(
            "Pod",
            "db-1",
            "2026-03-01T11:49:59Z",
            json!({"reason": "FailedScheduling"}),
        );
        scene.event("Pod", "db-1", "2026-03-01T11:50:00Z", json!({"reason": "Unhealthy"}));
        scene.event(
            "StatefulSet",
            "db",
            "2026-03-01T11:45:00Z",
            json!({"reason": "FailedCreate"}),
        );
        scene.event(
            "PersistentVolumeClaim",
            "data-db-1",
            "2026-03-01T11:45:00Z",
            json!({"reason": "ProvisioningFailed"}),
        );
        assert_eq!(words(&scene.judge(&EVT_01)), ("pass", vec![]));
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["status"]["conditions"][2]["status"] = json!("False");
        });
        let (_, findings) = words(&scene.judge(&EVT_01));
        assert_eq!(findings.len(), 4, "{findings:?}");
    }

    #[test]
    fn what_the_scheduler_said_before_it_placed_a_pod_is_over_though_the_pod_is_not_ready() {
        let mut scene = Scene::healthy(2);
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["status"]["conditions"] = json!([
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-03-01T11:50:00Z"},
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T11:55:00Z"}]);
        });
        let refused = json!({"reason": "FailedScheduling"});
        scene.event("Pod", "db-1", "2026-03-01T11:50:00Z", refused.clone());
        assert_eq!(words(&scene.judge(&EVT_01)), ("pass", vec![]));
        scene.event("Pod", "db-1", "2026-03-01T11:49:00Z", json!({"reason": "FailedMount"}));
        assert_eq!(words(&scene.judge(&EVT_01)).1.len(), 1);
        scene.event("Pod", "db-1", "2026-03-01T11:50:01Z", refused);
        assert_eq!(words(&scene.judge(&EVT_01)).1.len(), 2);
    }

    #[test]
    fn what_was_said_in_the_second_in_which_the_shard_became_ready_is_over() {
        let mut scene = Scene::healthy(2);
        moment(&mut scene, "db-1", "2026-03-01T11:50:00Z");
        let mut refused = |at: &str| {
            let precise =
                json!({"reason": "FailedScheduling", "eventTime": at, "firstTimestamp": null, "lastTimestamp": null});
            scene.event("Pod", "db-1", at, precise);
            words(&scene.judge(&EVT_01)).1.len()
        };
        assert_eq!(refused("2026-03-01T11:50:00.400000Z"), 0);
        assert_eq!(refused("2026-03-01T11:50:01.000000Z"), 1);
    }

    #[test]
    fn a_claim_that_all_shards_share_is_heard_since_the_last_of_them_became_ready() {
        let mut scene = Scene::healthy(2);
        scene.edit(Resource::StatefulSets, "db", |set| {
            set["spec"]["volumeClaimTemplates"] = json!([]);
            set["spec"]["template"]["spec"]["volumes"] =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}]);
        });
        moment(&mut scene, "db-0", "2026-03-01T11:20:00Z");
        moment(&mut scene, "db-1", "2026-03-01T11:50:00Z");
        let mut warn = |claim: &str, at: &str| {
            scene.event(
                "PersistentVolumeClaim",
                claim,
                at,
                json!({"reason": "VolumeResizeFailed"}),
            );
        };
        warn("shared", "2026-03-01T11:49:00Z");
        warn("shared", "2026-03-01T11:55:00Z");
        warn("another", "2026-03-01T11:55:00Z");
        assert_eq!(
            words(&scene.judge(&EVT_01)).1,
            ["Warning persistentvolumeclaim/shared: VolumeResizeFailed, once in the last hour, last 5m 0s ago"]
        );
    }

    #[test]
    fn claims_that_cannot_be_listed_are_known_by_the_names_that_the_set_gives_them() {
        let mut scene = Scene::healthy(2);
        scene.unreadable(Resource::Claims);
        assert_eq!(words(&scene.judge(&EVT_01)), ("pass", vec![]));
        scene.event(
            "PersistentVolumeClaim",
            "data-db-1",
            "2026-03-01T11:55:00Z",
            json!({"reason": "VolumeResizeFailed"}),
        );
        assert_eq!(
            words(&scene.judge(&EVT_01)).1,
            ["Warning persistentvolumeclaim/data-db-1: VolumeResizeFailed, once in the last hour, last 5m 0s ago"]
        );
    }

    #[test]
    fn warnings_about_the_same_thing_are_one_finding_with_their_number() {
        let mut scene = Scene::healthy(2);
        let unhealthy =
            |count: i32| json!({"reason": "Unhealthy", "count": count, "message": format!("{count} so far")});
        scene.event("Pod", "db-0", "2026-03-01T11:30:00Z", unhealthy(3));
        scene.event("Pod", "db-0", "2026-03-01T11:58:00Z", unhealthy(2));
        scene.event("Pod", "db-0", "2026-03-01T10:30:00Z", unhealthy(50));
        scene.event("Pod", "web-0", "2026-03-01T11:58:00Z", unhealthy(1));
        scene.event(
            "Pod",
            "db-1",
            "2026-03-01T11:58:00Z",
            json!({"reason": "Pulled", "type": "Normal"}),
        );
        scene.event("Node", "node-1", "2026-03-01T11:59:00Z", json!({"reason": "SystemOOM"}));
        scene.event("Node", "node-9", "2026-03-01T11:59:00Z", json!({"reason": "SystemOOM"}));
        let judged = scene.judge(&EVT_01);
        assert_eq!(
            words(&judged).1,
            [
                "Warning node/node-1: SystemOOM, once in the last hour, last 1m 0s ago",
                "Warning pod/db-0: Unhealthy, 5 times in the last hour, last 2m 0s ago",
            ]
        );
        assert_eq!(judged.findings[1].evidence, ["2 so far"]);
        scene.unreadable(Resource::ClusterEvents);
        assert_eq!(words(&scene.judge(&EVT_01)).0, "unknown");
    }
}
