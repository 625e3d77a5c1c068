//! Programs known for evicting pods, emptying nodes or scaling sets, recognised by what their workload is called.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;

/// A program that may take a shard down on its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// kubernetes/autoscaler's Cluster Autoscaler: empties nodes that it finds underused.
    ClusterAutoscaler,
    /// kubernetes/autoscaler's VPA updater: evicts pods whose requests it wants to change.
    VpaUpdater,
    /// kubernetes-sigs/descheduler: evicts pods so that they are placed anew.
    Descheduler,
    /// kubereboot/kured: drains and reboots nodes that ask for it.
    Kured,
    /// A handler of spot interruptions and scheduled events of machines: drains the node that a notice names.
    TerminationHandler,
    /// rancher/system-upgrade-controller: drains nodes to upgrade them.
    SystemUpgrade,
    /// Drains nodes whose conditions say that something is wrong (planetlabs/draino and its forks).
    Draino,
    /// Scales workloads down by the clock (hjacobs/kube-downscaler and its forks).
    Downscaler,
    /// azure/eviction-autoscaler: scales a workload up where a budget blocks an eviction, which opens the budget.
    EvictionAutoscaler,
    /// CAST AI's evictor: evicts pods to empty nodes.
    Evictor,
    /// Kills pods or nodes on purpose (chaoskube, kube-monkey, Chaos Mesh, Litmus).
    Chaos,
}

/// The names of the workloads, and the label values that charts give them. A name that ends with `-` and one of these is
/// taken for it, since charts put the release's name before it; no name stands for two actors.
const NAMES: &[(&str, Actor)] = &[
    ("cluster-autoscaler", Actor::ClusterAutoscaler),
    ("vpa-updater", Actor::VpaUpdater),
    ("vertical-pod-autoscaler-updater", Actor::VpaUpdater),
    ("descheduler", Actor::Descheduler),
    ("kured", Actor::Kured),
    ("node-termination-handler", Actor::TerminationHandler),
    ("spot-termination-handler", Actor::TerminationHandler),
    ("system-upgrade-controller", Actor::SystemUpgrade),
    ("draino", Actor::Draino),
    ("kube-downscaler", Actor::Downscaler),
    ("eviction-autoscaler", Actor::EvictionAutoscaler),
    ("eviction-autoscaler-controller-manager", Actor::EvictionAutoscaler),
    ("castai-evictor", Actor::Evictor),
    ("chaoskube", Actor::Chaos),
    ("kube-monkey", Actor::Chaos),
    ("chaos-controller-manager", Actor::Chaos),
    ("chaos-operator-ce", Actor::Chaos),
];

/// The labels that charts and manifests name a program by.
const LABELS: [&str; 5] = ["app.kubernetes.io/name", "app", "name", "k8s-app", "component"];

impl Actor {
    /// How a sentence names it.
    pub const fn noun(self) -> &'static str {
        match self {
            Actor::ClusterAutoscaler => "Cluster Autoscaler",
            Actor::VpaUpdater => "the VPA updater",
            Actor::Descheduler => "the descheduler",
            Actor::Kured => "kured",
            Actor::TerminationHandler => "a node termination handler",
            Actor::SystemUpgrade => "the system upgrade controller",
            Actor::Draino => "draino",
            Actor::Downscaler => "kube-downscaler",
            Actor::EvictionAutoscaler => "the eviction autoscaler",
            Actor::Evictor => "the CAST AI evictor",
            Actor::Chaos => "a chaos tool",
        }
    }
}

/// The names that workloads are known by.
pub fn known_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// Which actor a workload (DaemonSet, Deployment) is, by its name or its labels; none for everything else.
pub fn is_known_actor(name: &str, labels: Option<&BTreeMap<String, String>>) -> Option<Actor> {
    let values = LABELS.iter().filter_map(|key| labels?.get(*key)).map(String::as_str);
    std::iter::once(name).chain(values).find_map(|word| {
        let known = NAMES.iter().find(|(known, _)| {
            word.strip_suffix(known)
                .is_some_and(|before| before.is_empty() || before.ends_with('-'))
        });
        known.map(|(_, actor)| *actor)
    })
}

/// Whether a Deployment is to have pods: one that was scaled to none does nothing. Where it doesn't say it has one (apps/v1).
pub fn is_scaled_up(deployment: &Deployment) -> bool {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    replicas.unwrap_or(1) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_known_by_its_name_a_release_before_it_or_a_label() {
        let labelled = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert_eq!(is_known_actor("kured", None), Some(Actor::Kured));
        assert_eq!(
            is_known_actor("prod-aws-cluster-autoscaler", None),
            Some(Actor::ClusterAutoscaler)
        );
        assert_eq!(
            is_known_actor("aks-node-termination-handler", None),
            Some(Actor::TerminationHandler)
        );
        assert_eq!(
            is_known_actor("x", Some(&labelled("app.kubernetes.io/name", "descheduler"))),
            Some(Actor::Descheduler)
        );
        assert_eq!(is_known_actor("x", Some(&labelled("tier", "descheduler"))), None);
        assert_eq!(is_known_actor("web", Some(&labelled("app", "web"))), None);
        assert_eq!(is_known_actor("uninsured", None), None);
        assert_eq!(
            is_known_actor("eviction-autoscaler", None),
            Some(Actor::EvictionAutoscaler)
        );
    }
}
