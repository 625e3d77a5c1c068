//! The attachments: each disk on the node of its shard, nowhere else, without errors.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::storage::v1::VolumeError;

use super::{Held, held, quoted, without_volumes};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::span::words;
use crate::model::storage::VolumeAttachment;
use crate::model::{pod, set};
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, event_time};

/// For how long attaching a disk is ordinary work and no trouble: clouds take up to a minute.
const ORDINARY: SignedDuration = SignedDuration::from_mins(2);
/// How old an event may be and still speak of now; the attach controller retries at least every two minutes.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// VA-01.
pub const VA_01: Check = Check {
    about: Description {
        id: "VA-01",
        category: Category::Storage,
        severity: Severity::Error,
        title: "every disk is attached to the node of its shard, and to no other",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Claims,
            Resource::VolumeAttachments,
            Resource::Events,
        ],
        also: "",
        why: "A disk that still hangs on another node keeps its shard from starting (Multi-Attach). Kubernetes detaches it by \
              force after six minutes only if that node is not Ready, and never where that was switched off; a Ready node with a \
              stuck unmount holds it for ever. Volumes that aren't attached (file shares, local disks) aren't judged.",
        mend: "Find out why the old node doesn't let go: a pod of the shard that is still terminating there, a kubelet that is \
               silent, the cloud's own error. If that machine is certainly gone, taint it as out of service and the disk is \
               detached at once; on a machine that lives this corrupts data.\n$ kubectl get volumeattachments\n$ shardctl recover \
               --node-is-off NAME",
        source: "pkg/controller/volume/attachdetach; storage.k8s.io/v1 VolumeAttachment; KEP-2268 (non-graceful node shutdown)",
        entails: &[
            "POD-01", "STS-03", "EPS-01", "DNS-02", "DNS-03", "LB-02", "PDB-03", "PDB-04", "EVT-01",
        ],
    },
    judge: va_01,
};

/// The attachments of one volume.
struct Attached<'a> {
    volume: &'a str,
    all: Vec<&'a VolumeAttachment>,
}

fn va_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held(seen)?;
    let attachments = seen.snapshot.attachments.need()?;
    let of = |volume: &str| -> Vec<&VolumeAttachment> {
        attachments
            .iter()
            .filter(|one| one.spec.source.persistent_volume_name.as_deref() == Some(volume))
            .collect()
    };
    let mut verdict = Verdict::new();
    let mut count = 0;
    let mut drivers = BTreeSet::new();
    let mut bare = Vec::new();
    for one in &held {
        let Some(volume) = one.volume_name() else {
            continue;
        };
        let found = Attached {
            volume,
            all: of(volume),
        };
        count += found.all.len();
        drivers.extend(found.all.iter().map(|one| one.spec.attacher.as_str()));
        for attachment in &found.all {
            judge_errors(seen, one, attachment, &mut verdict);
        }
        for shard in &one.shards {
            let Some((pod, node)) = shard.pod.and_then(|found| Some((found, pod::node(found)?))) else {
                continue;
            };
            if found.all.is_empty() {
                bare.push((one, volume, pod, node));
            } else {
                judge_place(seen, one, &found, pod, node, &mut verdict);
            }
        }
    }
    for (one, volume, pod, node) in bare {
        judge_bare(seen, one, volume, pod, node, &drivers, &mut verdict);
    }
    let told = judge_events(seen, &mut verdict)?;
    if count == 0 && !told {
        if held.iter().all(|one| one.volume_name().is_none()) {
            return Err(without_volumes(seen, &held));
        }
        let mut pods = held.iter().flat_map(|one| &one.shards).filter_map(|shard| shard.pod);
        if !pods.any(|found| pod::node(found).is_some()) {
            return Err(seen.left_to("POD-01", "no shard is on a node"));
        }
        let why = "no volume of the shards is attached through the API server (file shares, local disks)";
        return Err(Skip::NotApplicable(why.to_owned()));
    }
    Ok(verdict.seen(format!("{count} attachments, each on its shard's node")))
}

fn judge_errors(seen: &Seen<'_>, one: &Held<'_>, attachment: &VolumeAttachment, verdict: &mut Verdict) {
    let Some(status) = attachment.status.as_ref() else {
        return;
    };
    let node = &attachment.spec.node_name;
    let name = attachment.metadata.name.as_deref().unwrap_or_default();
    let mut tell = |error: &VolumeError, message: String| {
        let finding = verdict.fail(format!("volumeattachment/{name}"), message);
        finding.evidence(error.message.clone().unwrap_or_default());
        if let Some(time) = error.time.as_ref() {
            finding.evidence(format!("at {}", time.0));
        }
        finding.remedy(seen.kubectl_cluster(&format!("describe volumeattachment {}", shell_word(name))));
    };
    if let Some(error) = status.attach_error.as_ref().filter(|_| !status.attached) {
        tell(
            error,
            format!("the disk of {} can't be attached to node {node}", one.whose()),
        );
    }
    if let Some(error) = status.detach_error.as_ref() {
        tell(
            error,
            format!("the disk of {} can't be detached from node {node}", one.whose()),
        );
    }
}

fn judge_place(seen: &Seen<'_>, one: &Held<'_>, found: &Attached<'_>, shard: &Pod, node: &str, verdict: &mut Verdict) {
    let volume = found.volume;
    let whose = pod::name(shard);
    let attached = |one: &&&VolumeAttachment| one.status.as_ref().is_some_and(|status| status.attached);
    let here = found.all.iter().find(|one| one.spec.node_name == node);
    if one.template.is_some() {
        let elsewhere = |one: &&&VolumeAttachment| one.spec.node_name != node;
        for other in found.all.iter().filter(elsewhere).filter(attached) {
            let there = &other.spec.node_name;
            let leaving = other.metadata.deletion_timestamp.as_ref();
            let state = match leaving {
                Some(since) => format!("; it is being detached since {}", ago(seen, since.0)),
                None => String::new(),
            };
            verdict
                .fail(
                    format!("pv/{volume}"),
                    format!("the disk of {whose} is attached to node {there}, but the shard is on node {node}{state}"),
                )
                .remedy(seen.kubectl_cluster("get volumeattachments"))
                .remedy(seen.kubectl_cluster(&format!("describe node {}", shell_word(there))));
        }
    }
    match here {
        Some(attachment) if attached(&attachment) => {}
        Some(attachment)
            if attachment
                .status
                .as_ref()
                .is_some_and(|status| status.attach_error.is_some()) => {}
        Some(attachment) => {
            let since = attachment.metadata.creation_timestamp.as_ref().map(|time| time.0);
            not_yet(seen, volume, whose, node, since, verdict);
        }
        None => not_yet(seen, volume, whose, node, scheduled(shard), verdict),
    }
}

/// A volume that nothing attaches although others by the same driver are.
fn judge_bare(
    seen: &Seen<'_>,
    one: &Held<'_>,
    volume: &str,
    shard: &Pod,
    node: &str,
    drivers: &BTreeSet<&str>,
    verdict: &mut Verdict,
) {
    if one.volume.is_none() && seen.snapshot.volumes.got().is_none() {
        verdict.unsure(format!(
            "pv/{volume}, the disk of {}, can't be read: whether it should be attached isn't known",
            pod::name(shard)
        ));
        return;
    }
    let spec = one.volume.and_then(|volume| volume.spec.as_ref());
    let driver = spec.and_then(|spec| spec.csi.as_ref()).map(|csi| csi.driver.as_str());
    if driver.is_some_and(|driver| drivers.contains(driver)) {
        not_yet(seen, volume, pod::name(shard), node, scheduled(shard), verdict);
    }
}

/// Not attached (yet): ordinary for a while, then an error.
fn not_yet(seen: &Seen<'_>, volume: &str, whose: &str, node: &str, since: Option<Timestamp>, verdict: &mut Verdict) {
    let waited = since.map(|since| seen.now().duration_since(since));
    match waited {
        Some(waited) if waited <= ORDINARY => verdict.unsure(format!(
            "the disk of {whose} is being attached to node {node} for {}: ask again in a minute",
            words(waited)
        )),
        _ => {
            let time = waited
                .map(|waited| format!(", for {}", words(waited)))
                .unwrap_or_default();
            verdict
                .fail(
                    format!("pv/{volume}"),
                    format!("the disk of {whose} isn't attached to the shard's node {node}{time}"),
                )
                .remedy(seen.kubectl(&format!("describe pod {}", shell_word(whose))))
                .remedy(seen.kubectl_cluster("get volumeattachments"));
        }
    }
}

fn scheduled(shard: &Pod) -> Option<Timestamp> {
    let transition =
        pod::condition(shard, "PodScheduled").and_then(|condition| condition.last_transition_time.as_ref());
    transition
        .or(shard.metadata.creation_timestamp.as_ref())
        .map(|time| time.0)
}

fn ago(seen: &Seen<'_>, since: Timestamp) -> String {
    words(seen.now().duration_since(since))
}

/// Recent attach errors that the shards' pods were told of, as long as such a pod isn't Ready. Says whether there were any.
fn judge_events(seen: &Seen<'_>, verdict: &mut Verdict) -> Result<bool, Skip> {
    let set = seen.set()?;
    let mut any = false;
    for shard in seen.pods()? {
        if pod::is_ready(shard) || set::ordinal_of(set, pod::name(shard)).is_none() {
            continue;
        }
        let events = match seen.events_about("Pod", pod::name(shard)) {
            Ok(events) => events,
            Err(Skip::Unknown(why)) => {
                verdict.unsure(format!("pod/{} isn't Ready, and {why}", pod::name(shard)));
                continue;
            }
            Err(skip) => return Err(skip),
        };
        let Some(last) = events.into_iter().rfind(|event| speaks_of(event, shard, seen.now())) else {
            continue;
        };
        any = true;
        verdict
            .fail(
                format!("pod/{}", pod::name(shard)),
                "a disk can't be attached for this shard",
            )
            .evidence(quoted(last))
            .remedy(seen.kubectl(&format!("describe pod {}", shell_word(pod::name(shard)))))
            .remedy(seen.kubectl_cluster("get volumeattachments"));
    }
    Ok(any)
}

fn speaks_of(event: &Event, shard: &Pod, now: Timestamp) -> bool {
    let same = event
        .involved_object
        .uid
        .as_deref()
        .is_none_or(|uid| uid == pod::uid(shard));
    let recent = event_time(event).is_some_and(|time| now.duration_since(time) <= RECENT);
    same && recent && event.reason.as_deref() == Some("FailedAttachVolume")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    fn down(scene: &mut Scene, pod: &str) {
        scene.merge(
            Resource::Pods,
            pod,
            json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
        );
    }

    #[test]
    fn a_disk_on_another_node_is_an_error() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::VolumeAttachments,
            "va-1",
            json!({"spec": {"nodeName": "node-9"}}),
        );
        let (outcome, findings) = words(&scene.judge(&VA_01));
        assert_eq!(outcome, "fail");
        assert_eq!(
            findings,
            [
                "Error pv/pv-1: the disk of db-1 is attached to node node-9, but the shard is on node node-1",
                "Error pv/pv-1: the disk of db-1 isn't attached to the shard's node node-1, for 1d",
            ]
        );
    }

    #[test]
    fn attaching_is_ordinary_for_a_while() {
        let mut scene = Scene::healthy(3);
        let made_at = |time: &str| json!({"metadata": {"creationTimestamp": time}, "status": {"attached": false}});
        scene.merge(Resource::VolumeAttachments, "va-1", made_at("2026-03-01T11:59:30Z"));
        assert_eq!(words(&scene.judge(&VA_01)).0, "unknown");
        scene.merge(Resource::VolumeAttachments, "va-1", made_at("2026-03-01T11:50:00Z"));
        assert_eq!(words(&scene.judge(&VA_01)).0, "fail");
    }

    #[test]
    fn a_driver_that_attaches_nothing_is_left_alone_until_a_pod_complains() {
        let mut scene = Scene::healthy(3);
        scene.set(Resource::VolumeAttachments, crate::model::read::Read::Got(vec![]));
        assert_eq!(words(&scene.judge(&VA_01)).0, "not applicable");
        down(&mut scene, "db-1");
        let told = json!({"reason": "FailedAttachVolume", "message": "Multi-Attach error for volume \"pv-1\""});
        scene.event("Pod", "db-1", "2026-03-01T10:00:00Z", told.clone());
        assert_eq!(words(&scene.judge(&VA_01)).0, "not applicable", "an old event");
        scene.event("Pod", "db-1", "2026-03-01T11:58:00Z", told.clone());
        scene.event("Pod", "db-0", "2026-03-01T11:58:00Z", told);
        let judged = scene.judge(&VA_01);
        assert_eq!(
            words(&judged).1,
            ["Error pod/db-1: a disk can't be attached for this shard"]
        );
        assert!(judged.findings[0].evidence[0].contains("Multi-Attach"));
    }

    #[test]
    fn one_disk_without_an_attachment_stands_out() {
        let mut scene = Scene::healthy(3);
        scene.remove(Resource::VolumeAttachments, "va-2");
        let (outcome, findings) = words(&scene.judge(&VA_01));
        assert_eq!((outcome, findings.len()), ("fail", 1), "{findings:?}");
    }

    #[test]
    fn a_disk_without_an_attachment_is_unknown_where_volumes_cannot_be_read() {
        let mut scene = Scene::healthy(3);
        scene.unreadable(Resource::Volumes);
        assert_eq!(
            words(&scene.judge(&VA_01)).0,
            "pass",
            "every disk is where its shard is"
        );
        scene.remove(Resource::VolumeAttachments, "va-2");
        assert_eq!(words(&scene.judge(&VA_01)).0, "unknown");
    }
}
