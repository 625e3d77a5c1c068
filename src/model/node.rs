//! What a node says of itself: ready, cordoned, tainted, of which pool and size.

use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};

/// The label that names the Karpenter pool a node was made for.
pub const NODE_POOL: &str = "karpenter.sh/nodepool";
/// The taint by which somebody says that a node's machine is off: its pods and disks are let go without asking it.
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// The label of a node's size.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// The label by which EKS says who looks after a node's machine: `auto` (EKS Auto Mode), `fargate`, `hybrid`.
pub const EKS_COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// The node's name.
pub fn name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

/// One of the node's labels.
pub fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

/// A condition of the node.
pub fn condition<'a>(node: &'a Node, kind: &str) -> Option<&'a NodeCondition> {
    node.status
        .as_ref()?
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == kind)
}

/// Whether the node is Ready; `Unknown` (a silent kubelet) is not.
pub fn is_ready(node: &Node) -> bool {
    condition(node, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Whether the node takes no new pods (`kubectl cordon`).
pub fn is_cordoned(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true)
}

/// Whether the node is no machine but a door to somewhere else (virtual-kubelet, Fargate), where no disk can be attached.
pub fn is_virtual(node: &Node) -> bool {
    label(node, "type") == Some("virtual-kubelet")
        || label(node, EKS_COMPUTE_TYPE) == Some("fargate")
        || taints(node)
            .iter()
            .any(|taint| taint.key.starts_with("virtual-kubelet.io/"))
}

/// Whether the node is one of EKS Auto Mode, which runs the cluster's name server, proxy and network as services of the machine
/// and not as pods (Amazon EKS user guide, "Learn about VPC Networking and Load Balancing in EKS Auto Mode").
pub fn is_eks_auto(node: &Node) -> bool {
    label(node, EKS_COMPUTE_TYPE) == Some("auto")
}

/// The node's taints.
pub fn taints(node: &Node) -> &[Taint] {
    node.spec
        .as_ref()
        .and_then(|spec| spec.taints.as_deref())
        .unwrap_or_default()
}
