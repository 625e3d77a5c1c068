//! What the watches see at one moment, as the snapshot that everything judges.

use std::sync::PoisonError;

use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use serde_json::Value;

use super::Watches;
use crate::model::facts::Facts;
use crate::model::objects::Objects;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::set::selects;
use crate::model::snapshot::Snapshot;

/// Two lists of pods in one, as they were joined last.
#[derive(Default)]
pub(super) struct Joined {
    pods: Objects<Pod>,
    helpers: Objects<Pod>,
    /// Which of the helpers count.
    count: Facts<Pod, bool>,
    /// Those that do.
    others: Objects<Pod>,
    all: Objects<Pod>,
}

impl Joined {
    /// The pods with those helpers that count; the very list of before where nothing is new.
    fn of(&mut self, pods: Objects<Pod>, helpers: Objects<Pod>, counts: impl Fn(&Pod) -> bool) -> Objects<Pod> {
        let same_helpers = self.helpers.is_the_same_as(&helpers);
        if !same_helpers {
            let count = self.count.about(&helpers, counts);
            let others = helpers.shared().zip(&*count).filter(|(_, counts)| **counts);
            self.others = others.map(|(helper, _)| helper.clone()).collect();
            self.helpers = helpers;
        }
        if self.others.is_empty() {
            return pods;
        }
        if !same_helpers || !self.pods.is_the_same_as(&pods) {
            self.all = pods.followed_by(&self.others);
            self.pods = pods;
        }
        self.all.clone()
    }
}

impl Watches {
    /// What is seen now, with the server's time. What isn't watched is unreadable, and says so.
    pub fn snapshot(&self) -> Snapshot {
        let mut taken = self.taken.clone();
        taken.at = self.server_time.now();
        Snapshot {
            taken,
            rights: Read::Unreadable("our rights aren't watched".to_owned()),
            namespace: unwatched(Resource::Namespace),
            sets: self.set.read(),
            revisions: self.revisions.read(),
            pods: self.pods_with_helpers(),
            claims: self.claims.read(),
            volumes: unwatched(Resource::Volumes),
            classes: unwatched(Resource::StorageClasses),
            attachments: self.attachments.read(),
            nodes: self.nodes.read(),
            services: unwatched(Resource::Services),
            slices: unwatched(Resource::EndpointSlices),
            budgets: self.budgets.read(),
            events: self.events.read(),
            cluster_events: self.cluster_events.read(),
            leases: unwatched(Resource::Leases),
            autoscalers: unwatched(Resource::Autoscalers),
            scaled_objects: unwatched(Resource::ScaledObjects),
            vertical_autoscalers: unwatched(Resource::VerticalAutoscalers),
            node_pools: unwatched(Resource::NodePools),
            node_claims: self
                .node_claims
                .read()
                .map(|claims| claims.iter().map(as_value).collect()),
            node_classes: unwatched(Resource::NodeClasses),
            dns_pods: unwatched(Resource::DnsPods),
            dns_config: unwatched(Resource::DnsConfig),
            daemon_sets: unwatched(Resource::DaemonSets),
            deployments: unwatched(Resource::Deployments),
            cluster_autoscaler: unwatched(Resource::ClusterAutoscalerStatus),
            priority_classes: unwatched(Resource::PriorityClasses),
            csi_nodes: unwatched(Resource::CsiNodes),
            node_pods: self.node_pods(),
            load: None,
            all_budgets: unwatched(Resource::AllBudgets),
            node_usage: unwatched(Resource::NodeUsage),
            pod_usage: unwatched(Resource::PodUsage),
            logs: std::collections::BTreeMap::new(),
            domain: Read::Unreadable("the cluster's domain isn't watched".to_owned()),
            dns: Read::Unreadable("names aren't watched".to_owned()),
            protection: Read::Unreadable("evictions aren't watched".to_owned()),
        }
    }
}

impl Watches {
    /// The set's pods with the helpers that its selector doesn't pick. Without the helpers the pods still count.
    pub(super) fn pods_with_helpers(&self) -> Read<Objects<Pod>> {
        let (pods, helpers) = (self.pods.read(), self.helpers.read());
        pods.map(|pods| {
            let helpers = helpers.got().cloned().unwrap_or_default();
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            joined.of(pods, helpers, |helper| {
                !selects(&self.selector, helper.metadata.labels.as_ref())
            })
        })
    }

    /// The pods on the nodes that are watched, of those nodes alone; unwatched where there is none.
    fn node_pods(&self) -> Read<Objects<Pod>> {
        if let Some(everywhere) = &self.everywhere {
            return everywhere.read();
        }
        if self.on_nodes.is_empty() {
            return unwatched(Resource::NodePods);
        }
        let mut all = Vec::new();
        for store in self.on_nodes.values() {
            match store.read() {
                Read::Got(pods) => all.extend(pods.shared().cloned()),
                unread => return unread,
            }
        }
        Read::Got(all.into_iter().collect())
    }

    /// What is seen now, over what was read at the beginning of kinds that aren't watched. The large ones, which the watches
    /// bring themselves, aren't copied from there first: this is done at every change.
    pub fn over(&self, base: &Snapshot) -> Snapshot {
        let seen = self.snapshot();
        Snapshot {
            rights: base.rights.clone(),
            namespace: base.namespace.clone(),
            volumes: base.volumes.clone(),
            classes: base.classes.clone(),
            services: base.services.clone(),
            slices: base.slices.clone(),
            leases: base.leases.clone(),
            autoscalers: base.autoscalers.clone(),
            scaled_objects: base.scaled_objects.clone(),
            vertical_autoscalers: base.vertical_autoscalers.clone(),
            node_pools: base.node_pools.clone(),
            node_classes: base.node_classes.clone(),
            dns_pods: base.dns_pods.clone(),
            dns_config: base.dns_config.clone(),
            daemon_sets: base.daemon_sets.clone(),
            deployments: base.deployments.clone(),
            cluster_autoscaler: base.cluster_autoscaler.clone(),
            priority_classes: base.priority_classes.clone(),
            csi_nodes: base.csi_nodes.clone(),
            node_pods: if self.elsewhere().next().is_none() {
                base.node_pods.clone()
            } else {
                seen.node_pods
            },
            all_budgets: base.all_budgets.clone(),
            node_usage: base.node_usage.clone(),
            pod_usage: base.pod_usage.clone(),
            logs: base.logs.clone(),
            domain: base.domain.clone(),
            dns: base.dns.clone(),
            protection: base.protection.clone(),
            ..seen
        }
    }
}

impl Watches {
    /// What is left of a look beneath these views: the kinds that they don't bring. The lists of the others would stay in memory for
    /// as long as the base does, beside those that take their place one object after the other.
    pub fn beneath(&self, base: Snapshot) -> Snapshot {
        Snapshot {
            sets: watched(Resource::StatefulSets),
            revisions: watched(Resource::ControllerRevisions),
            pods: watched(Resource::Pods),
            claims: watched(Resource::Claims),
            attachments: watched(Resource::VolumeAttachments),
            nodes: watched(Resource::Nodes),
            budgets: watched(Resource::Budgets),
            events: watched(Resource::Events),
            cluster_events: watched(Resource::ClusterEvents),
            node_claims: watched(Resource::NodeClaims),
            node_pods: if self.elsewhere().next().is_none() {
                base.node_pods
            } else {
                watched(Resource::NodePods)
            },
            ..base
        }
    }
}

fn watched<T>(resource: Resource) -> Read<T> {
    Read::Unreadable(format!("{}: watched", resource.noun()))
}

fn unwatched<T>(resource: Resource) -> Read<T> {
    Read::Unreadable(format!("{}: not watched", resource.noun()))
}

fn as_value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
