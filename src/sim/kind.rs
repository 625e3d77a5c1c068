//! The kinds of object that the rehearsal cluster serves, each where a real server serves it.

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as Kubernetes names its objects")]
pub enum Kind {
    Namespaces,
    Nodes,
    Pods,
    Claims,
    Volumes,
    Services,
    ConfigMaps,
    Secrets,
    ServiceAccounts,
    Events,
    ResourceQuotas,
    StatefulSets,
    ControllerRevisions,
    DaemonSets,
    Deployments,
    Budgets,
    Leases,
    EndpointSlices,
    StorageClasses,
    VolumeAttachments,
    CsiNodes,
    PriorityClasses,
    RuntimeClasses,
    Autoscalers,
    NodePools,
    NodeClaims,
    AksNodeClasses,
    Ec2NodeClasses,
    KwokNodeClasses,
    ScaledObjects,
    VerticalAutoscalers,
}

/// Where a kind is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The plural in the URL.
    pub plural: &'static str,
    /// The name of the kind in objects.
    pub name: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 31] = [
        Kind::Namespaces,
        Kind::Nodes,
        Kind::Pods,
        Kind::Claims,
        Kind::Volumes,
        Kind::Services,
        Kind::ConfigMaps,
        Kind::Secrets,
        Kind::ServiceAccounts,
        Kind::Events,
        Kind::ResourceQuotas,
        Kind::StatefulSets,
        Kind::ControllerRevisions,
        Kind::DaemonSets,
        Kind::Deployments,
        Kind::Budgets,
        Kind::Leases,
        Kind::EndpointSlices,
        Kind::StorageClasses,
        Kind::VolumeAttachments,
        Kind::CsiNodes,
        Kind::PriorityClasses,
        Kind::RuntimeClasses,
        Kind::Autoscalers,
        Kind::NodePools,
        Kind::NodeClaims,
        Kind::AksNodeClasses,
        Kind::Ec2NodeClasses,
        Kind::KwokNodeClasses,
        Kind::ScaledObjects,
        Kind::VerticalAutoscalers,
    ];

    /// Where the kind is served.
    pub const fn served(self) -> Served {
        const fn spaced(
            group: &'static str,
            version: &'static str,
            plural: &'static str,
            name: &'static str,
        ) -> Served {
            Served {
                group,
                version,
                plural,
                name,
                namespaced: true,
            }
        }
        const fn wide(group: &'static str, version: &'static str, plural: &'static str, name: &'static str) -> Served {
            Served {
                namespaced: false,
                ..spaced(group, version, plural, name)
            }
        }
        match self {
            Kind::Namespaces => wide("", "v1", "namespaces", "Namespace"),
            Kind::Nodes => wide("", "v1", "nodes", "Node"),
            Kind::Pods => spaced("", "v1", "pods", "Pod"),
            Kind::Claims => spaced("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
            Kind::Volumes => wide("", "v1", "persistentvolumes", "PersistentVolume"),
            Kind::Services => spaced("", "v1", "services", "Service"),
            Kind::ConfigMaps => spaced("", "v1", "configmaps", "ConfigMap"),
            Kind::Secrets => spaced("", "v1", "secrets", "Secret"),
            Kind::ServiceAccounts => spaced("", "v1", "serviceaccounts", "ServiceAccount"),
            Kind::Events => spaced("", "v1", "events", "Event"),
            Kind::ResourceQuotas => spaced("", "v1", "resourcequotas", "ResourceQuota"),
            Kind::StatefulSets => spaced("apps", "v1", "statefulsets", "StatefulSet"),
            Kind::ControllerRevisions => spaced("apps", "v1", "controllerrevisions", "ControllerRevision"),
            Kind::DaemonSets => spaced("apps", "v1", "daemonsets", "DaemonSet"),
            Kind::Deployments => spaced("apps", "v1", "deployments", "Deployment"),
            Kind::Budgets => spaced("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
            Kind::Leases => spaced("coordination.k8s.io", "v1", "leases", "Lease"),
            Kind::EndpointSlices => spaced("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
            Kind::StorageClasses => wide("storage.k8s.io", "v1", "storageclasses", "StorageClass"),
            Kind::VolumeAttachments => wide("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment"),
            Kind::CsiNodes => wide("storage.k8s.io", "v1", "csinodes", "CSINode"),
            Kind::PriorityClasses => wide("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass"),
            Kind::RuntimeClasses => wide("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass"),
            Kind::Autoscalers => spaced(
                "autoscaling",
                "v2",
                "horizontalpodautoscalers",
                "HorizontalPodAutoscaler",
            ),
            Kind::NodePools => wide("karpenter.sh", "v1", "nodepools", "NodePool"),
            Kind::NodeClaims => wide("karpenter.sh", "v1", "nodeclaims", "NodeClaim"),
            Kind::AksNodeClasses => wide("karpenter.azure.com", "v1beta1", "aksnodeclasses", "AKSNodeClass"),
            Kind::Ec2NodeClasses => wide("karpenter.k8s.aws", "v1", "ec2nodeclasses", "EC2NodeClass"),
            Kind::KwokNodeClasses => wide("karpenter.kwok.sh", "v1alpha1", "kwoknodeclasses", "KWOKNodeClass"),
            Kind::ScaledObjects => spaced("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
            Kind::VerticalAutoscalers => spaced(
                "autoscaling.k8s.io",
                "v1",
                "verticalpodautoscalers",
                "VerticalPodAutoscaler",
            ),
        }
    }

    /// The kind behind a path's group, version and plural.
    pub fn find(group: &str, version: &str, plural: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| {
            let served = kind.served();
            (served.group, served.version, served.plural) == (group, version, plural)
        })
    }

    /// Whether a group is the server's own.
    pub fn is_built_in(group: &str) -> bool {
        Kind::ALL
            .into_iter()
            .any(|kind| !kind.is_custom() && kind.served().group == group)
    }

    /// `apiVersion` in objects.
    pub fn api_version(self) -> String {
        let served = self.served();
        if served.group.is_empty() {
            served.version.to_owned()
        } else {
            format!("{}/{}", served.group, served.version)
        }
    }

    /// The plural with its group, as the server's sentences name it: `statefulsets.apps`.
    pub fn resource(self) -> String {
        with_group(self.served().plural, self.served().group)
    }

    /// The kind with its group, as the server's sentences about invalid objects name it: `StatefulSet.apps`.
    pub fn qualified(self) -> String {
        with_group(self.served().name, self.served().group)
    }

    /// Whether only an installed extension brings it.
    pub fn is_custom(self) -> bool {
        matches!(
            self,
            Kind::NodePools
                | Kind::NodeClaims
                | Kind::AksNodeClasses
                | Kind::Ec2NodeClasses
                | Kind::KwokNodeClasses
                | Kind::ScaledObjects
                | Kind::VerticalAutoscalers
        )
    }

    /// Whether its status is written through a path of its own, and left alone by every other write.
    pub fn has_status(self) -> bool {
        matches!(
            self,
            Kind::Namespaces
                | Kind::Nodes
                | Kind::Pods
                | Kind::Claims
                | Kind::Volumes
                | Kind::Services
                | Kind::StatefulSets
                | Kind::DaemonSets
                | Kind::Deployments
                | Kind::Budgets
                | Kind::VolumeAttachments
                | Kind::Autoscalers
        ) || self.is_custom()
    }

    /// Whether the server counts the changes of what is wished for in `metadata.generation`.
    pub fn has_generation(self) -> bool {
        matches!(
            self,
            Kind::Pods
                | Kind::StatefulSets
                | Kind::DaemonSets
                | Kind::Deployments
                | Kind::Budgets
                | Kind::EndpointSlices
                | Kind::PriorityClasses
        ) || self.is_custom()
    }

    /// Whether a PUT makes what isn't there, and has to name the version of what is.
    pub fn is_made_by_put(self) -> bool {
        self == Kind::Leases
    }

    /// Whether a deletion answers with the object rather than with a Status.
    pub fn answers_with_deleted(self) -> bool {
        matches!(
            self,
            Kind::Pods | Kind::Claims | Kind::Volumes | Kind::Services | Kind::ServiceAccounts
        )
    }
}

fn with_group(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_where_it_is_served_and_nowhere_else() {
        for kind in Kind::ALL {
            let served = kind.served();
            assert_eq!(Kind::find(served.group, served.version, served.plural), Some(kind));
        }
        assert_eq!(Kind::find("apps", "v1beta1", "statefulsets"), None);
        assert_eq!(Kind::find("", "v1", "statefulsets"), None);
    }

    #[test]
    fn names_are_those_of_the_server() {
        assert_eq!(Kind::StatefulSets.api_version(), "apps/v1");
        assert_eq!(Kind::Pods.resource(), "pods");
        assert_eq!(Kind::StatefulSets.resource(), "statefulsets.apps");
        assert_eq!(Kind::StatefulSets.qualified(), "StatefulSet.apps");
    }
}
