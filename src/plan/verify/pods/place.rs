//! Why a shard waits for a place.

use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::storage::PersistentVolume;
use crate::model::{node, pod, volume};
use crate::plan::pending::{Cause, Reason, reasons};
use crate::plan::placement::{mismatch, reaches};
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, Shard};

/// POD-04.
pub const POD_04: Check = Check {
    about: Description {
        id: "POD-04",
        category: Category::Pods,
        severity: Severity::Error,
        title: "no shard waits for a place",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Events,
            Resource::ClusterEvents,
            Resource::NodeClaims,
            Resource::Nodes,
            Resource::Claims,
            Resource::Volumes,
        ],
        also: "",
        why: "A Pending shard is down until somebody finds it a place, and scheduler and Karpenter each know half of why \
              there is none. A shard can only go where its disk is: a free node in another zone is of no use to it.",
        mend: "It depends on the cause that the finding names: uncordon a node of the disk's zone (cordon), raise the \
               NodePool's limits (pool-limits) or the quota (quota), allow another size (not-offered, too-large), make room \
               (memory, cpu), or correct the template (no-match, taint).\n$ kubectl describe pod NAME",
        source: "pkg/scheduler/framework/plugins (ErrReason…); Karpenter pkg/controllers/provisioning/scheduling",
        entails: &[
            "POD-01", "STS-03", "EPS-01", "DNS-02", "DNS-03", "LB-02", "PDB-03", "PDB-04", "PV-02", "PVC-01",
            "KARP-04", "EVT-01",
        ],
    },
    judge: pod_04,
};

fn pod_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let shards = seen.shards()?;
    let waiting = shards.iter().filter_map(|shard| {
        let found = shard.pod?;
        let waits = pod::node(found).is_none() && !matches!(pod::phase(found), "Failed" | "Succeeded");
        waits.then_some((shard, found))
    });
    for (shard, found) in waiting {
        let name = &shard.name;
        // What can't be read only takes words away: the pod waits all the same.
        let events = seen.events_about("Pod", name).unwrap_or_default();
        let uid = pod::uid(found);
        let of_this: Vec<_> = events
            .into_iter()
            .filter(|event| event.involved_object.uid.as_deref().is_none_or(|about| about == uid))
            .collect();
        let claim_events = seen.snapshot.cluster_events.got();
        let claims = seen.snapshot.node_claims.got().map(Vec::as_slice).unwrap_or_default();
        let mut why = reasons(found, &of_this, claim_events, claims);
        prefer_what_is_seen(seen, shard, &mut why);
        let Some(first) = why.first() else { continue };
        let finding = verdict.fail(
            format!("pod/{name}"),
            format!("Pending ({}): {}", first.cause.id(), first.cause.words()),
        );
        for zone in zonal_disks(seen, shard).into_iter().filter_map(volume::zones).flatten() {
            finding.evidence(format!("its disk is in zone {zone}"));
        }
        let mut quoted = Vec::new();
        for reason in &why {
            if !reason.said.is_empty() && !quoted.contains(&&reason.said) {
                finding.evidence(format!("{}: {}", reason.by, reason.said));
                quoted.push(&reason.said);
            }
        }
        if let Some(remedy) = remedy(seen, first.cause) {
            finding.remedy(remedy);
        }
        finding.remedy(seen.kubectl(&format!("describe pod {name}")));
    }
    let placed = shards.iter().filter_map(|shard| pod::node(shard.pod?)).count();
    Ok(verdict.seen(format!("{placed} of {} shards have a node", shards.len())))
}

/// A shard's volumes that are bound to zones, as far as they can be read.
fn zonal_disks<'a>(seen: &Seen<'a>, shard: &Shard<'a>) -> Vec<&'a PersistentVolume> {
    let claims = seen.claims_of(shard.ordinal).unwrap_or_default();
    let volumes = claims.iter().filter_map(|claim| claim.volume);
    volumes.filter(|found| volume::zones(found).is_some()).collect()
}

/// The scheduler counts any cordoned node as cordoned, of whatever zone and pool, since it looks at that first. Where the disk's zone
/// has no cordoned node that is one for the shard, something else matters.
fn prefer_what_is_seen(seen: &Seen<'_>, shard: &Shard<'_>, why: &mut [Reason]) {
    let disks = zonal_disks(seen, shard);
    let Some(nodes) = seen.snapshot.nodes.got() else { return };
    if disks.is_empty() {
        return;
    }
    let spec = shard.pod.and_then(|found| found.spec.as_ref());
    let mut near = nodes
        .iter()
        .filter(|found| disks.iter().any(|disk| reaches(disk, found)))
        .filter(|found| spec.is_none_or(|spec| mismatch(spec, found).is_none()));
    let cordon_matters = near.any(node::is_cordoned);
    why.sort_by_key(|reason| match reason.cause {
        // Behind everything that is said of the nodes, the disk's zone included.
        Cause::Cordon if !cordon_matters => Cause::TooLarge,
        cause => cause,
    });
}

fn remedy(seen: &Seen<'_>, cause: Cause) -> Option<String> {
    Some(match cause {
        Cause::Cordon => seen.kubectl_cluster("get nodes --field-selector spec.unschedulable=true"),
        Cause::PoolLimits => seen.kubectl_cluster(
            "get nodepools -o custom-columns=NAME:.metadata.name,LIMITS:.spec.limits,USED:.status.resources",
        ),
        Cause::NotOffered | Cause::Quota | Cause::NodeComing => seen.kubectl_cluster("get nodeclaims -o wide"),
        Cause::MissingClaim | Cause::ClaimDeleted | Cause::LostVolume | Cause::VolumeNotBound => {
            seen.kubectl("get persistentvolumeclaims")
        }
        Cause::DiskZone | Cause::NodeNotReady => seen.kubectl_cluster("get nodes -L topology.kubernetes.io/zone"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    fn waiting(message: &str) -> Scene {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["spec"].as_object_mut().unwrap().remove("nodeName");
            pod["status"] = json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message},
            ]});
        });
        scene
    }

    const BOTH: &str = "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node \
                        affinity.";

    #[test]
    fn a_cordon_in_another_zone_is_not_the_cause() {
        let mut scene = waiting(BOTH);
        scene.merge(Resource::Nodes, "node-1", json!({"spec": {"unschedulable": true}}));
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (cordon): the nodes that would do are cordoned"]
        );
        scene.merge(Resource::Nodes, "node-1", json!({"spec": {"unschedulable": false}}));
        scene.merge(Resource::Nodes, "node-2", json!({"spec": {"unschedulable": true}}));
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (disk-zone): no node with room is in its disk's zone"]
        );
    }

    #[test]
    fn a_cordon_of_a_node_that_is_none_for_the_shard_is_not_the_cause() {
        let mut scene = waiting(
            "0/3 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node \
             affinity/selector.",
        );
        scene.merge(Resource::Nodes, "node-1", json!({"spec": {"unschedulable": true}}));
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (cordon): the nodes that would do are cordoned"]
        );
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["spec"]["nodeSelector"] = json!({"pool": "shards"});
        });
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (memory): no node has enough memory free"]
        );
    }

    #[test]
    fn an_event_of_the_pods_namesake_before_it_is_not_heard() {
        let mut scene = waiting("0/3 nodes are available: 3 Insufficient memory.");
        scene.event(
            "Pod",
            "db-1",
            "2026-03-01T11:00:00Z",
            json!({
                "reason": "FailedScheduling", "source": {"component": "karpenter"}, "involvedObject": {"uid": "older"},
                "message": "Failed to schedule pod, node limits have been exhausted for nodepool (NodePool=shop)",
            }),
        );
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (memory): no node has enough memory free"]
        );
        scene.event(
            "Pod",
            "db-1",
            "2026-03-01T11:59:00Z",
            json!({
                "reason": "FailedScheduling", "source": {"component": "karpenter"}, "involvedObject": {"uid": "uid-db-1"},
                "message": "Failed to schedule pod, node limits have been exhausted for nodepool (NodePool=shop)",
            }),
        );
        let (_, findings) = words(&scene.judge(&POD_04));
        assert_eq!(
            findings,
            ["Error pod/db-1: Pending (pool-limits): the NodePool's limits leave no room for another node"]
        );
    }
}
