//! What a pod's status says: ready, down, waiting for what, since when.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// The annotation by which Karpenter is told not to disrupt a pod or a node of its own accord.
pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
/// The annotation by which Cluster Autoscaler is told not to evict a pod.
pub const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
/// The annotation of a pod that stands for one in a kubelet's own folder: deleting it deletes nothing.
pub const MIRROR: &str = "kubernetes.io/config.mirror";
/// The label that holds the name of the revision a pod was made from.
pub const REVISION_LABEL: &str = "controller-revision-hash";

/// The pod's name; empty for one without (which no server gives).
pub fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// The pod's uid; empty for one without.
pub fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

/// A condition of the pod.
pub fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status
        .as_ref()?
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == kind)
}

/// Whether the pod is on its way out. Such a pod is down, whatever its conditions say.
pub fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether the pod is Ready and not terminating.
pub fn is_ready(pod: &Pod) -> bool {
    !is_terminating(pod) && condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Since when the pod is Ready, or isn't; the transition of its Ready condition, or its deletion, or its creation.
pub fn since(pod: &Pod) -> Option<Timestamp> {
    if is_terminating(pod) {
        // A pod's deletionTimestamp lies in the future by its grace period, which began when it was deleted.
        let end = pod.metadata.deletion_timestamp.as_ref()?.0;
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        return end.checked_sub(jiff::SignedDuration::from_secs(grace)).ok();
    }
    let transition = condition(pod, "Ready").and_then(|ready| ready.last_transition_time.as_ref());
    transition
        .or(pod.metadata.creation_timestamp.as_ref())
        .map(|time| time.0)
}

/// The phase (`Pending`, `Running`, …); empty where there is no status.
pub fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

/// The pod's address.
pub fn ip(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.pod_ip.as_deref().filter(|ip| !ip.is_empty())
}

/// The node that the pod is bound to.
pub fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|node| !node.is_empty())
}

/// The revision that the pod was made from.
pub fn revision(pod: &Pod) -> Option<&str> {
    label(pod, REVISION_LABEL)
}

/// One of the pod's labels.
pub fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// One of the pod's annotations.
pub fn annotation<'a>(pod: &'a Pod, key: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Every container's status: init containers first, as they run.
pub fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_deref());
    let main = status.and_then(|status| status.container_statuses.as_deref());
    init.unwrap_or_default().iter().chain(main.unwrap_or_default())
}

/// Whether the pod has ended and takes no room any more.
pub fn is_finished(pod: &Pod) -> bool {
    is_over(phase(pod))
}

/// Whether a pod in this phase has ended.
pub fn is_over(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

/// What makes the pod anew when it goes; none for a bare one.
pub fn controller(pod: &Pod) -> Option<&OwnerReference> {
    let owners = pod.metadata.owner_references.iter().flatten();
    owners.into_iter().find(|owner| owner.controller == Some(true))
}

/// Whether the uid of the pod's controller is `owner`.
pub fn is_controlled_by(pod: &Pod, owner: &str) -> bool {
    pod.metadata
        .owner_references
        .iter()
        .flatten()
        .any(|reference| reference.controller == Some(true) && reference.uid == owner)
}
