//! Why a pod is Pending, as one of a few named causes, read from what the scheduler and Karpenter say about it.
//!
//! The same names are used wherever a shard waits for a place: in `verify`, and while `upgrade` and `drain` wait. Both
//! speakers write prose, so the texts are matched as of Kubernetes 1.27 to 1.36 (pkg/scheduler/framework/plugins, the
//! `ErrReason` constants) and Karpenter 1.14 (pkg/controllers/provisioning/scheduling). A text that isn't known gives
//! [`Cause::Unknown`], with the words themselves.

use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::Value;

use crate::model::objects::Objects;
use crate::model::pod;

/// Why a pod has no place. The order is that of usefulness: what stops the pod wherever it might go comes first, then what
/// stops a new node, then what is wrong with the nodes there are, then what excludes nodes by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A claim that the pod mounts doesn't exist.
    MissingClaim,
    /// A claim or volume of the pod is being deleted.
    ClaimDeleted,
    /// A claim is bound to a volume that no longer exists.
    LostVolume,
    /// A claim isn't bound, and its class doesn't wait for a pod.
    VolumeNotBound,
    /// The pod has a scheduling gate that nobody has lifted.
    Gated,
    /// The NodePool's limits leave no room for another node.
    PoolLimits,
    /// The cloud subscription's quota is used up.
    Quota,
    /// The cloud has no machine of that size in that zone.
    NotOffered,
    /// A node was ordered for the pod and isn't there yet.
    NodeComing,
    /// Every node that would do is cordoned.
    Cordon,
    /// Every node that would do is silent or not Ready.
    NodeNotReady,
    /// Not enough memory is free.
    Memory,
    /// Not enough CPU is free.
    Cpu,
    /// Not enough of another resource is free.
    OtherResource,
    /// A node has as many pods as it takes.
    PodSlots,
    /// A node has as many disks attached as it takes.
    AttachSlots,
    /// A topology spread constraint forbids every node with room.
    Spread,
    /// Pod affinity or anti-affinity forbids every node with room.
    PodAffinity,
    /// The disk is in a zone where no node has a place.
    DiskZone,
    /// No size that the pool may buy is large enough.
    TooLarge,
    /// The nodes have a taint that the pod doesn't tolerate.
    Taint,
    /// Nothing meets the pod's node selector and affinity.
    NoMatch,
    /// None of the words above were said.
    Unknown,
}

impl Cause {
    /// Its name in output, for example `disk-zone`.
    pub const fn id(self) -> &'static str {
        match self {
            Cause::MissingClaim => "missing-claim",
            Cause::ClaimDeleted => "claim-deleted",
            Cause::LostVolume => "lost-volume",
            Cause::VolumeNotBound => "volume-not-bound",
            Cause::Gated => "gated",
            Cause::PoolLimits => "pool-limits",
            Cause::Quota => "quota",
            Cause::NotOffered => "not-offered",
            Cause::NodeComing => "node-coming",
            Cause::Cordon => "cordon",
            Cause::NodeNotReady => "node-not-ready",
            Cause::Memory => "memory",
            Cause::Cpu => "cpu",
            Cause::OtherResource => "other-resource",
            Cause::PodSlots => "pod-slots",
            Cause::AttachSlots => "attach-slots",
            Cause::Spread => "spread",
            Cause::PodAffinity => "pod-affinity",
            Cause::DiskZone => "disk-zone",
            Cause::TooLarge => "too-large",
            Cause::Taint => "taint",
            Cause::NoMatch => "no-match",
            Cause::Unknown => "unknown",
        }
    }

    /// The cause as a clause.
    pub const fn words(self) -> &'static str {
        match self {
            Cause::MissingClaim => "a claim that it mounts doesn't exist",
            Cause::ClaimDeleted => "a claim or volume of it is being deleted",
            Cause::LostVolume => "its claim is bound to a volume that no longer exists",
            Cause::VolumeNotBound => "its claim isn't bound to a volume",
            Cause::Gated => "a scheduling gate holds it back",
            Cause::PoolLimits => "the NodePool's limits leave no room for another node",
            Cause::Quota => "the cloud's quota is used up",
            Cause::NotOffered => "the cloud doesn't offer the size in that zone now",
            Cause::NodeComing => "a node was ordered for it and isn't there yet",
            Cause::Cordon => "the nodes that would do are cordoned",
            Cause::NodeNotReady => "the nodes that would do aren't Ready",
            Cause::Memory => "no node has enough memory free",
            Cause::Cpu => "no node has enough CPU free",
            Cause::OtherResource => "no node has enough of a resource free",
            Cause::PodSlots => "the nodes hold as many pods as they take",
            Cause::AttachSlots => "the nodes have as many disks attached as they take",
            Cause::Spread => "the topology spread constraint forbids the nodes that have room",
            Cause::PodAffinity => "pod (anti-)affinity forbids the nodes that have room",
            Cause::DiskZone => "no node with room is in its disk's zone",
            Cause::TooLarge => "no size that the pool may buy is large enough",
            Cause::Taint => "the nodes have a taint that it doesn't tolerate",
            Cause::NoMatch => "nothing meets its node selector and affinity",
            Cause::Unknown => "nobody says why",
        }
    }
}

/// A cause, and who said it in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The cause.
    pub cause: Cause,
    /// Who said it: `scheduler`, `karpenter`.
    pub by: &'static str,
    /// The words, as they were written.
    pub said: String,
}

/// Why a pod without a node is Pending, most useful reason first, never empty.
///
/// `events` are those about the pod, oldest first; `claim_events` those about NodeClaims, and `claims` the NodeClaims, of
/// which the ones that Karpenter meant for this pod count. The scheduler's word is the PodScheduled condition (it is always of its last attempt);
/// Karpenter's is its last event.
pub fn reasons(pod: &Pod, events: &[&Event], claim_events: Option<&Objects<Event>>, claims: &[Value]) -> Vec<Reason> {
    let mut found = Vec::new();
    if let Some(condition) = pod::condition(pod, "PodScheduled").filter(|condition| condition.status != "True") {
        let said = condition.message.clone().unwrap_or_default();
        let causes = if condition.reason.as_deref() == Some("SchedulingGated") {
            vec![Cause::Gated]
        } else {
            of_scheduler(&said)
        };
        add(&mut found, causes, "scheduler", &said);
    }
    // A condition without words says less than the event that goes with it.
    if found
        .iter()
        .all(|reason| reason.said.is_empty() && reason.cause == Cause::Unknown)
        && let Some(last) = events.iter().rev().find(|event| reporter(event).contains("scheduler"))
    {
        let said = last.message.clone().unwrap_or_default();
        found.clear();
        add(&mut found, of_scheduler(&said), "scheduler", &said);
    }
    let karpenters = || events.iter().rev().filter(|event| reporter(event) == "karpenter");
    if let Some(last) = karpenters().next() {
        let said = last.message.clone().unwrap_or_default();
        let causes = if last.reason.as_deref() == Some("Nominated") {
            vec![Cause::NodeComing]
        } else {
            of_karpenter(&said)
        };
        add(&mut found, causes, "karpenter", &said);
    }
    // A NodeClaim that the cloud refuses is deleted at once; what remains is its event.
    let meant: Vec<&str> = karpenters()
        .filter_map(|event| event.message.as_deref())
        .flat_map(nominated)
        .collect();
    let refused = claim_events.into_iter().flatten().rev().find(|event| {
        let object = &event.involved_object;
        let name = object.name.as_deref().unwrap_or_default();
        event.type_.as_deref() == Some("Warning")
            && object.kind.as_deref() == Some("NodeClaim")
            && meant.contains(&name)
    });
    if let Some(refused) = refused {
        let said = refused.message.clone().unwrap_or_default();
        add(&mut found, of_cloud(&said).into_iter().collect(), "karpenter", &said);
    }
    let launches = claims
        .iter()
        .filter(|claim| {
            claim["metadata"]["name"]
                .as_str()
                .is_some_and(|name| meant.contains(&name))
        })
        .flat_map(|claim| claim["status"]["conditions"].as_array().into_iter().flatten())
        .filter(|condition| condition["type"] == "Launched" && condition["status"] != "True");
    for condition in launches {
        let said = condition["message"].as_str().unwrap_or_default();
        add(&mut found, of_cloud(said).into_iter().collect(), "karpenter", said);
    }
    if found.is_empty() {
        add(&mut found, vec![Cause::Unknown], "scheduler", "");
    }
    found.sort_by_key(|reason| reason.cause);
    found
}

fn add(found: &mut Vec<Reason>, causes: Vec<Cause>, by: &'static str, said: &str) {
    for cause in causes {
        if !found.iter().any(|known| known.cause == cause) {
            found.push(Reason {
                cause,
                by,
                said: said.to_owned(),
            });
        }
    }
}

/// Who reports an event: its component, in the new field or the old.
pub fn reporter(event: &Event) -> &str {
    let component = event.reporting_component.as_deref().filter(|name| !name.is_empty());
    component
        .or_else(|| event.source.as_ref()?.component.as_deref())
        .unwrap_or_default()
}

/// The NodeClaims in "Pod should schedule on: nodeclaim/NAME, node/NAME".
pub fn nominated(message: &str) -> impl Iterator<Item = &str> {
    message
        .split([' ', ','])
        .filter_map(|word| word.strip_prefix("nodeclaim/"))
        .filter(|name| !name.is_empty())
}

/// The causes in "0/5 nodes are available: 2 Insufficient memory, 3 node(s) were unschedulable. preemption: …", in the
/// order of [`Cause`].
pub fn of_scheduler(message: &str) -> Vec<Cause> {
    const KNOWN: [(&str, Cause); 29] = [
        ("were unschedulable", Cause::Cordon),
        ("Insufficient memory", Cause::Memory),
        ("Insufficient cpu", Cause::Cpu),
        ("Insufficient ", Cause::OtherResource),
        ("did not have enough free storage", Cause::OtherResource),
        ("Too many pods", Cause::PodSlots),
        ("exceed max volume count", Cause::AttachSlots),
        ("volume node affinity conflict", Cause::DiskZone),
        ("match PersistentVolume's node affinity", Cause::DiskZone),
        ("had no available volume zone", Cause::DiskZone),
        ("had no available disk", Cause::DiskZone),
        ("pod topology spread constraints", Cause::Spread),
        ("pod affinity rules", Cause::PodAffinity),
        ("anti-affinity rules", Cause::PodAffinity),
        ("{node.kubernetes.io/unreachable", Cause::NodeNotReady),
        ("{node.kubernetes.io/not-ready", Cause::NodeNotReady),
        ("{node.kubernetes.io/unschedulable", Cause::Cordon),
        ("untolerated taint", Cause::Taint),
        ("that the pod didn't tolerate", Cause::Taint),
        ("node affinity/selector", Cause::NoMatch),
        ("match the requested node name", Cause::NoMatch),
        ("unbound immediate PersistentVolumeClaims", Cause::VolumeNotBound),
        ("available persistent volumes to bind", Cause::VolumeNotBound),
        ("to create the persistentvolumeclaim", Cause::MissingClaim),
        ("bound to non-existent p", Cause::LostVolume),
        ("had unknown conditions", Cause::NodeNotReady),
        ("PersistentVolumeClaim is not bound", Cause::VolumeNotBound),
        ("already in-use by another pod", Cause::AttachSlots),
        ("provisioner is not supported", Cause::VolumeNotBound),
    ];
    // What preemption could do is another sentence, and names the same nodes again.
    let message = message.split(" preemption:").next().unwrap_or_default();
    let mut causes: Vec<Cause> = message
        .split(", ")
        .flat_map(|part| {
            let claim = part.contains("persistentvolumeclaim \"");
            let known = match part {
                part if claim && part.contains("is being deleted") => Some(Cause::ClaimDeleted),
                part if claim && part.contains("not found") => Some(Cause::MissingClaim),
                part => KNOWN
                    .iter()
                    .find(|(words, _)| part.contains(words))
                    .map(|(_, cause)| *cause),
            };
            known.into_iter()
        })
        .collect();
    causes.sort();
    causes.dedup();
    if causes.is_empty() {
        causes.push(Cause::Unknown);
    }
    causes
}

/// The causes in "Failed to schedule pod, …", one for each pool that Karpenter tried, in the order of [`Cause`].
pub fn of_karpenter(message: &str) -> Vec<Cause> {
    let mut causes: Vec<Cause> = message.split("; ").filter_map(of_pool).collect();
    causes.sort();
    causes.dedup();
    if causes.is_empty() {
        causes.push(Cause::Unknown);
    }
    causes
}

/// What one pool's refusal means; the lists of requirements that follow the sentence aren't looked at.
fn of_pool(part: &str) -> Option<Cause> {
    let sentence = part.split(", requirements=").next().unwrap_or_default();
    let says = |words: &str| sentence.contains(words);
    Some(
        if says("exceed limits for") || says("node limits have been exhausted") {
            Cause::PoolLimits
        } else if says("is being deleted") {
            Cause::ClaimDeleted
        } else if says("persistentvolumeclaim") && says("not found") {
            Cause::MissingClaim
        } else if says("bound to non-existent persistentvolume") {
            Cause::LostVolume
        } else if says("failed to validate pvc") || says("pvc is considered unbound") || says("unbound pvc") {
            Cause::VolumeNotBound
        } else if says("did not tolerate") {
            Cause::Taint
        } else if says("topology constraint for topology spread") {
            Cause::Spread
        } else if says("topology constraint for pod") {
            Cause::PodAffinity
        } else if says("would exceed volume limit") {
            Cause::AttachSlots
        } else if says("incompatible volume requirements") {
            Cause::DiskZone
        } else if says("had the required resources")
            || says("no instance type has enough resources")
            || says("exceeds node resources")
        {
            Cause::TooLarge
        } else if says("has the required offering") || says("had a required offering") && !says("met all") {
            Cause::NotOffered
        } else if says("incompatible requirements")
            || says("no instance type")
            || says("filtered out all")
            || says("minValues")
        {
            Cause::NoMatch
        } else {
            return None;
        },
    )
}

/// What a cloud's refusal of a machine means: a quota that is used up, or a size that isn't to be had.
///
/// The codes are those of Azure Resource Manager and of EC2, and the sentences that their Karpenter providers make of them.
pub fn of_cloud(message: &str) -> Option<Cause> {
    const QUOTA: [&str; 9] = [
        "quota",
        "vcpulimitexceeded",
        "instancelimitexceeded",
        "maxspotinstancecountexceeded",
        "exceeding approved",
        "vcpu capacity than your current",
        "capacity limit for your subscription",
        "subnet is full",
        "insufficientfreeaddressesinsubnet",
    ];
    const NOT_OFFERED: [&str; 9] = [
        "skunotavailable",
        "allocationfailed",
        "zonalallocationfailed",
        "overconstrained",
        "insufficientinstancecapacity",
        "unfulfillablecapacity",
        "insufficient capacity",
        "unable to allocate resources in the selected zone",
        "unavailable",
    ];
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&QUOTA) {
        Some(Cause::Quota)
    } else if says(&NOT_OFFERED) {
        Some(Cause::NotOffered)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_schedulers_words_of_old_and_new_versions_are_known() {
        let cases: [(&str, &[Cause]); 10] = [
            (
                "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) had volume node affinity conflict. \
                 preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
                &[Cause::Cordon, Cause::DiskZone],
            ),
            (
                "0/4 nodes are available: 4 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, \
                 preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
                &[Cause::DiskZone],
            ),
            (
                "0/5 nodes are available: 2 Insufficient memory, 3 Insufficient cpu. preemption: 0/5 nodes are available: \
                 5 No preemption victims found for incoming pod.",
                &[Cause::Memory, Cause::Cpu],
            ),
            (
                "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
                &[Cause::OtherResource],
            ),
            (
                "0/2 nodes are available: persistentvolumeclaim \"data-db-1\" not found. preemption: 0/2 nodes are available: 2 \
                 Preemption is not helpful for scheduling.",
                &[Cause::MissingClaim],
            ),
            (
                "0/2 nodes are available: persistentvolumeclaim \"data-db-1\" is being deleted.",
                &[Cause::ClaimDeleted],
            ),
            (
                "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                &[Cause::VolumeNotBound],
            ),
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 2 node(s) had \
                 untolerated taint(s).",
                &[Cause::NodeNotReady, Cause::Taint],
            ),
            (
                "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod \
                 anti-affinity rules, 1 node(s) didn't match Pod's node affinity/selector.",
                &[Cause::Spread, Cause::PodAffinity, Cause::NoMatch],
            ),
            ("no nodes available to schedule pods", &[Cause::Unknown]),
        ];
        for (message, causes) in cases {
            assert_eq!(of_scheduler(message), causes, "{message}");
        }
    }

    #[test]
    fn karpenter_speaks_of_every_pool_and_the_useful_word_comes_first() {
        let other = "incompatible requirements, label \"workload\" does not have known values";
        let cases = [
            (
                "all available instance types exceed limits for nodepool (NodePool=shop)",
                Cause::PoolLimits,
            ),
            (
                "no instance type has enough resources, requirements=workload In [shop], resources={\"memory\":\"900Gi\"}",
                Cause::TooLarge,
            ),
            (
                "no instance type which met the scheduling requirements and had enough resources, had a required offering, \
                 requirements=topology.kubernetes.io/zone In [zone-1], resources={}",
                Cause::NotOffered,
            ),
            (
                "no instance type has the required offering, requirements=x, resources={}",
                Cause::NotOffered,
            ),
            ("did not tolerate taint (taint=shop=reserved:NoSchedule)", Cause::Taint),
            (
                "unsatisfiable topology constraint for topology spread, key=topology.kubernetes.io/zone (counts = map[]",
                Cause::Spread,
            ),
            (
                "unsatisfiable topology constraint for pod anti-affinity, key=kubernetes.io/hostname (counts = map[]",
                Cause::PodAffinity,
            ),
        ];
        for (message, cause) in cases {
            let said = format!("Failed to schedule pod, {other}; {message}");
            assert_eq!(of_karpenter(&said).first(), Some(&cause), "{said}");
        }
        assert_eq!(
            of_karpenter(&format!("Failed to schedule pod, {other}")),
            [Cause::NoMatch]
        );
        assert_eq!(of_karpenter("Failed to schedule pod, banana"), [Cause::Unknown]);
    }

    #[test]
    fn the_clouds_refusals_are_quota_or_a_size_that_is_not_to_be_had() {
        assert_eq!(
            of_cloud("ERROR CODE: OperationNotAllowed … exceeding approved standardESv5Family Cores quota"),
            Some(Cause::Quota)
        );
        assert_eq!(
            of_cloud(
                "NodeClaim x event: creating instance, insufficient capacity, with fleet error(s), InsufficientInstanceCapacity"
            ),
            Some(Cause::NotOffered)
        );
        assert_eq!(of_cloud("SkuNotAvailable: the requested size"), Some(Cause::NotOffered));
        assert_eq!(of_cloud("launching node, subnet not found"), None);
    }

    #[test]
    fn a_claim_that_the_cloud_refused_explains_the_pod_that_it_was_meant_for() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "db-1"}, "spec": {"containers": []},
            "status": {"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/2 nodes are available: 2 Insufficient memory.",
            }]},
        }))
        .unwrap();
        let event = |kind: &str, name: &str, reason: &str, message: &str, of: &str| -> Event {
            serde_json::from_value(json!({
                "metadata": {}, "involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message,
                "type": if reason == "Nominated" { "Normal" } else { "Warning" }, "source": {"component": of},
            }))
            .unwrap()
        };
        let nominated = event(
            "Pod",
            "db-1",
            "Nominated",
            "Pod should schedule on: nodeclaim/shop-abc, node/n",
            "karpenter",
        );
        let refusals = [
            event(
                "NodeClaim",
                "shop-abc",
                "InsufficientCapacityError",
                "quota exceeded",
                "karpenter",
            ),
            event(
                "NodeClaim",
                "other-x",
                "InsufficientCapacityError",
                "SkuNotAvailable",
                "karpenter",
            ),
        ];
        let launch = json!({"metadata": {"name": "shop-abc"}, "status": {"conditions": [
            {"type": "Launched", "status": "Unknown", "reason": "LaunchFailed", "message": "ZonalAllocationFailed"},
        ]}});
        let named = reasons(&pod, &[&nominated], None, &[launch]);
        assert_eq!(named[0].cause, Cause::NotOffered);
        let causes = |events: &[&Event], refusals: &[Event]| -> Vec<Cause> {
            let refusals = refusals.iter().cloned().collect();
            reasons(&pod, events, Some(&refusals), &[])
                .into_iter()
                .map(|reason| reason.cause)
                .collect()
        };
        assert_eq!(causes(&[], &[]), [Cause::Memory]);
        assert_eq!(causes(&[&nominated], &[]), [Cause::NodeComing, Cause::Memory]);
        assert_eq!(
            causes(&[&nominated], &refusals),
            [Cause::Quota, Cause::NodeComing, Cause::Memory]
        );
        let failed = event(
            "Pod",
            "db-1",
            "FailedScheduling",
            "Failed to schedule pod, node limits have been exhausted for nodepool (NodePool=shop)",
            "karpenter",
        );
        assert_eq!(causes(&[&nominated, &failed], &[]), [Cause::PoolLimits, Cause::Memory]);
    }
}
