//! Every kind of object that a snapshot reads: where it lives, whether a cluster need have it, which right it takes.

use serde::{Deserialize, Serialize};

/// Where the objects of a resource are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the namespace of the set.
    Namespace,
    /// In a namespace with a fixed name.
    Fixed(&'static str),
    /// In no namespace.
    Cluster,
    /// In every namespace.
    Everywhere,
}

/// A kind of object that a snapshot reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// The namespace itself.
    Namespace,
    /// StatefulSets of the namespace.
    StatefulSets,
    /// Their revisions.
    ControllerRevisions,
    /// Pods of the namespace that the set's selector matches.
    Pods,
    /// Claims of the namespace.
    Claims,
    /// Volumes that a claim of the namespace is bound to.
    Volumes,
    /// Storage classes.
    StorageClasses,
    /// Which volume is attached to which node.
    VolumeAttachments,
    /// Nodes.
    Nodes,
    /// Services of the namespace.
    Services,
    /// Endpoint slices of the namespace.
    EndpointSlices,
    /// Disruption budgets of the namespace.
    Budgets,
    /// Events of the namespace.
    Events,
    /// Events about objects that live in no namespace (nodes, NodeClaims), which land in `default`.
    ClusterEvents,
    /// Leases of the namespace, ours among them.
    Leases,
    /// Horizontal pod autoscalers of the namespace.
    Autoscalers,
    /// KEDA's ScaledObjects of the namespace.
    ScaledObjects,
    /// Vertical pod autoscalers of the namespace.
    VerticalAutoscalers,
    /// Karpenter's NodePools.
    NodePools,
    /// Karpenter's NodeClaims.
    NodeClaims,
    /// The node classes that NodePools refer to, of whatever kind.
    NodeClasses,
    /// CoreDNS's pods.
    DnsPods,
    /// CoreDNS's configuration.
    DnsConfig,
    /// Workloads known for taking nodes or pods down: kured, descheduler, Cluster Autoscaler (DaemonSets).
    DaemonSets,
    /// The same as Deployments, and the name server's.
    Deployments,
    /// The status that Cluster Autoscaler publishes.
    ClusterAutoscalerStatus,
    /// The PriorityClasses that the shards may refer to.
    PriorityClasses,
    /// How many disks each node takes.
    CsiNodes,
    /// The pods of every namespace, cut down to what they take on their nodes and what a drain does to them.
    NodePods,
    /// Disruption budgets of every namespace.
    AllBudgets,
    /// What each node uses now, where somebody measures it.
    NodeUsage,
    /// What the containers of the namespace's pods use now.
    PodUsage,
}

/// Where a resource is served and what it takes to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version that is asked for; `""` where discovery decides.
    pub version: &'static str,
    /// The plural in the URL.
    pub plural: &'static str,
    /// Where to look.
    pub scope: Scope,
    /// The one object that is read, where not a list.
    pub name: Option<&'static str>,
    /// Whether a cluster may lack it without anything being wrong.
    pub optional: bool,
}

impl Resource {
    /// What tells how much room the nodes have. Every pod of the cluster is among it, so it is read only where a shard needs
    /// a place, never for a report.
    pub const OF_ROOM: [Resource; 2] = [Resource::CsiNodes, Resource::NodePods];

    /// What is used now, as metrics.k8s.io says it. Read only where usage is shown: it is another answer every few seconds.
    pub const OF_USAGE: [Resource; 2] = [Resource::NodeUsage, Resource::PodUsage];

    /// Every resource that a report is made from, in the order of the snapshot file.
    pub const ALL: [Resource; 27] = [
        Resource::Namespace,
        Resource::StatefulSets,
        Resource::ControllerRevisions,
        Resource::Pods,
        Resource::Claims,
        Resource::Volumes,
        Resource::StorageClasses,
        Resource::VolumeAttachments,
        Resource::Nodes,
        Resource::Services,
        Resource::EndpointSlices,
        Resource::Budgets,
        Resource::Events,
        Resource::ClusterEvents,
        Resource::Leases,
        Resource::Autoscalers,
        Resource::ScaledObjects,
        Resource::VerticalAutoscalers,
        Resource::NodePools,
        Resource::NodeClaims,
        Resource::NodeClasses,
        Resource::DnsPods,
        Resource::DnsConfig,
        Resource::DaemonSets,
        Resource::Deployments,
        Resource::ClusterAutoscalerStatus,
        Resource::PriorityClasses,
    ];

    /// Where the resource is served.
    pub const fn place(self) -> Place {
        const fn list(group: &'static str, version: &'static str, plural: &'static str, scope: Scope) -> Place {
            Place {
                group,
                version,
                plural,
                scope,
                name: None,
                optional: false,
            }
        }
        const fn optional(place: Place) -> Place {
            Place {
                optional: true,
                ..place
            }
        }
        const fn named(name: &'static str, place: Place) -> Place {
            Place {
                name: Some(name),
                ..place
            }
        }
        use Scope::{Cluster, Everywhere, Fixed, Namespace};
        match self {
            Resource::Namespace => list("", "v1", "namespaces", Cluster),
            Resource::StatefulSets => list("apps", "v1", "statefulsets", Namespace),
            Resource::ControllerRevisions => list("apps", "v1", "controllerrevisions", Namespace),
            Resource::Pods => list("", "v1", "pods", Namespace),
            Resource::Claims => list("", "v1", "persistentvolumeclaims", Namespace),
            Resource::Volumes => list("", "v1", "persistentvolumes", Cluster),
            Resource::StorageClasses => list("storage.k8s.io", "v1", "storageclasses", Cluster),
            Resource::VolumeAttachments => list("storage.k8s.io", "v1", "volumeattachments", Cluster),
            Resource::Nodes => list("", "v1", "nodes", Cluster),
            Resource::Services => list("", "v1", "services", Namespace),
            Resource::EndpointSlices => list("discovery.k8s.io", "v1", "endpointslices", Namespace),
            Resource::Budgets => list("policy", "v1", "poddisruptionbudgets", Namespace),
            Resource::Events => list("", "v1", "events", Namespace),
            Resource::ClusterEvents => list("", "v1", "events", Fixed("default")),
            Resource::Leases => list("coordination.k8s.io", "v1", "leases", Namespace),
            Resource::Autoscalers => list("autoscaling", "v2", "horizontalpodautoscalers", Namespace),
            Resource::ScaledObjects => optional(list("keda.sh", "", "scaledobjects", Namespace)),
            Resource::VerticalAutoscalers => {
                optional(list("autoscaling.k8s.io", "", "verticalpodautoscalers", Namespace))
            }
            Resource::NodePools => optional(list("karpenter.sh", "", "nodepools", Cluster)),
            Resource::NodeClaims => optional(list("karpenter.sh", "", "nodeclaims", Cluster)),
            Resource::NodeClasses => optional(list("", "", "nodeclasses", Cluster)),
            Resource::DnsPods => list("", "v1", "pods", Fixed("kube-system")),
            Resource::DnsConfig => named("coredns", list("", "v1", "configmaps", Fixed("kube-system"))),
            Resource::DaemonSets => list("apps", "v1", "daemonsets", Everywhere),
            Resource::Deployments => list("apps", "v1", "deployments", Everywhere),
            Resource::ClusterAutoscalerStatus => named(
                "cluster-autoscaler-status",
                list("", "v1", "configmaps", Fixed("kube-system")),
            ),
            Resource::PriorityClasses => list("scheduling.k8s.io", "v1", "priorityclasses", Cluster),
            Resource::CsiNodes => list("storage.k8s.io", "v1", "csinodes", Cluster),
            Resource::NodePods => list("", "v1", "pods", Everywhere),
            Resource::AllBudgets => list("policy", "v1", "poddisruptionbudgets", Everywhere),
            Resource::NodeUsage => optional(list("metrics.k8s.io", "", "nodes", Cluster)),
            Resource::PodUsage => optional(list("metrics.k8s.io", "", "pods", Namespace)),
        }
    }

    /// How a sentence names the resource.
    pub const fn noun(self) -> &'static str {
        match self {
            Resource::Namespace => "the namespace",
            Resource::StatefulSets => "StatefulSets",
            Resource::ControllerRevisions => "controller revisions",
            Resource::Pods => "pods",
            Resource::Claims => "claims",
            Resource::Volumes => "volumes",
            Resource::StorageClasses => "storage classes",
            Resource::VolumeAttachments => "volume attachments",
            Resource::Nodes => "nodes",
            Resource::Services => "services",
            Resource::EndpointSlices => "endpoint slices",
            Resource::Budgets => "disruption budgets",
            Resource::Events => "events",
            Resource::ClusterEvents => "events of nodes",
            Resource::Leases => "leases",
            Resource::Autoscalers => "horizontal pod autoscalers",
            Resource::ScaledObjects => "ScaledObjects",
            Resource::VerticalAutoscalers => "vertical pod autoscalers",
            Resource::NodePools => "NodePools",
            Resource::NodeClaims => "NodeClaims",
            Resource::NodeClasses => "node classes",
            Resource::DnsPods => "CoreDNS's pods",
            Resource::DnsConfig => "CoreDNS's configuration",
            Resource::DaemonSets => "DaemonSets",
            Resource::Deployments => "Deployments",
            Resource::ClusterAutoscalerStatus => "Cluster Autoscaler's status",
            Resource::PriorityClasses => "priority classes",
            Resource::CsiNodes => "the nodes' attach limits",
            Resource::NodePods => "pods of all namespaces",
            Resource::AllBudgets => "disruption budgets of all namespaces",
            Resource::NodeUsage => "metrics of nodes",
            Resource::PodUsage => "metrics of pods",
        }
    }
}
