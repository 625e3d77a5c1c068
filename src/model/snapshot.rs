//! What was seen of the cluster at one moment, typed. Derived from a [`Recording`], live or saved.

use std::borrow::Borrow;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::dns::Questions;
use super::fit::Fit;
use super::load::Load;
use super::objects::Objects;
use super::read::Read;
use super::recording::{EvictionTrial, Logs, Recording, Taken};
use super::resource::Resource;
use super::right::Right;
use super::storage::{PersistentVolume, VolumeAttachment};
use super::usage::{NodeMetrics, PodMetrics};

/// Everything that the checks judge.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When, where and by what it was taken.
    pub taken: Taken,
    /// What we may do.
    pub rights: Read<Vec<Right>>,
    /// The namespace; empty where it doesn't exist.
    pub namespace: Read<Vec<Namespace>>,
    /// Every StatefulSet of the namespace.
    pub sets: Read<Objects<StatefulSet>>,
    /// The revisions of the sets.
    pub revisions: Read<Objects<ControllerRevision>>,
    /// Pods that the chosen set's selector matches, and helper pods of ours.
    pub pods: Read<Objects<Pod>>,
    /// Claims of the namespace.
    pub claims: Read<Objects<PersistentVolumeClaim>>,
    /// Volumes bound to claims of the namespace.
    pub volumes: Read<Objects<PersistentVolume>>,
    /// Storage classes.
    pub classes: Read<Vec<StorageClass>>,
    /// Attachments of those volumes.
    pub attachments: Read<Objects<VolumeAttachment>>,
    /// Nodes.
    pub nodes: Read<Objects<Node>>,
    /// Services of the namespace.
    pub services: Read<Vec<Service>>,
    /// Endpoint slices of the namespace.
    pub slices: Read<Objects<EndpointSlice>>,
    /// Budgets of the namespace.
    pub budgets: Read<Objects<PodDisruptionBudget>>,
    /// Events of the namespace.
    pub events: Read<Objects<Event>>,
    /// Events about nodes, NodeClaims and NodePools.
    pub cluster_events: Read<Objects<Event>>,
    /// Leases of the namespace that are ours.
    pub leases: Read<Vec<Lease>>,
    /// Horizontal pod autoscalers.
    pub autoscalers: Read<Vec<HorizontalPodAutoscaler>>,
    /// KEDA's ScaledObjects.
    pub scaled_objects: Read<Vec<Value>>,
    /// Vertical pod autoscalers.
    pub vertical_autoscalers: Read<Vec<Value>>,
    /// Karpenter's NodePools, with `apiVersion` and `kind`.
    pub node_pools: Read<Vec<Value>>,
    /// Karpenter's NodeClaims.
    pub node_claims: Read<Vec<Value>>,
    /// The node classes that the pools refer to.
    pub node_classes: Read<Vec<Value>>,
    /// CoreDNS's pods.
    pub dns_pods: Read<Vec<Pod>>,
    /// CoreDNS's configuration; empty where it has another name.
    pub dns_config: Read<Vec<ConfigMap>>,
    /// DaemonSets known for taking nodes down.
    pub daemon_sets: Read<Vec<DaemonSet>>,
    /// Deployments known for taking pods or nodes down.
    pub deployments: Read<Vec<Deployment>>,
    /// Cluster Autoscaler's status; empty where it doesn't run.
    pub cluster_autoscaler: Read<Vec<ConfigMap>>,
    /// The PriorityClasses.
    pub priority_classes: Read<Vec<PriorityClass>>,
    /// How many disks each node takes; read only where a shard needs a place.
    pub csi_nodes: Read<Objects<CSINode>>,
    /// Every pod of the cluster, cut down to what it takes on its node and what a drain does to it; read only where a shard needs
    /// a place or a node is emptied.
    pub node_pods: Read<Objects<Pod>>,
    /// What those pods ask for beside the shards, summed while they were read; none where nobody summed them.
    pub load: Option<Read<Load>>,
    /// Budgets of every namespace; read only where a node is emptied.
    pub all_budgets: Read<Objects<PodDisruptionBudget>>,
    /// What each node uses; read only where usage is shown.
    pub node_usage: Read<Vec<NodeMetrics>>,
    /// What the pods of the namespace use; read only where usage is shown.
    pub pod_usage: Read<Vec<PodMetrics>>,
    /// Logs of containers that aren't ready, by `pod/container`.
    pub logs: std::collections::BTreeMap<String, Logs>,
    /// The cluster's DNS domain, without dots at its ends.
    pub domain: Read<String>,
    /// The name servers' answers.
    pub dns: Read<Questions>,
    /// The eviction that was tried.
    pub protection: Read<EvictionTrial>,
}

/// An object in a recording that isn't what its place says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The resource that it stands under.
    pub resource: Resource,
    /// What the reader said.
    pub why: String,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "an object among {} can't be understood: {}",
            self.resource.noun(),
            self.why
        )
    }
}

impl std::error::Error for Misfit {}

impl Snapshot {
    /// Types the objects of a recording.
    ///
    /// # Errors
    /// [`Misfit`] for the first object that isn't of its resource's type.
    pub fn derive(recording: &Recording) -> Result<Snapshot, Misfit> {
        Self::of(Recorded::Kept(recording))
    }

    /// As [`derive`](Self::derive), of a recording that is needed no more.
    ///
    /// # Errors
    /// As [`derive`](Self::derive).
    pub fn spend(mut recording: Recording) -> Result<Snapshot, Misfit> {
        Self::of(Recorded::Spent(&mut recording))
    }

    fn of(mut from: Recorded<'_>) -> Result<Snapshot, Misfit> {
        let recording = from.recording();
        let (taken, rights) = (recording.taken.clone(), recording.rights.clone());
        let (logs, domain) = (recording.logs.clone(), recording.domain.clone());
        let (dns, protection) = (recording.dns.clone(), recording.protection.clone());
        Ok(Snapshot {
            taken,
            rights,
            namespace: from.typed(Resource::Namespace)?,
            sets: from.shared(Resource::StatefulSets)?,
            revisions: from.shared(Resource::ControllerRevisions)?,
            pods: from.shared(Resource::Pods)?,
            claims: from.shared(Resource::Claims)?,
            volumes: from.shared(Resource::Volumes)?,
            classes: from.typed(Resource::StorageClasses)?,
            attachments: from.shared(Resource::VolumeAttachments)?,
            nodes: from.shared(Resource::Nodes)?,
            services: from.typed(Resource::Services)?,
            slices: from.shared(Resource::EndpointSlices)?,
            budgets: from.shared(Resource::Budgets)?,
            events: from.shared(Resource::Events)?,
            cluster_events: from.shared(Resource::ClusterEvents)?,
            leases: from.typed(Resource::Leases)?,
            autoscalers: from.typed(Resource::Autoscalers)?,
            scaled_objects: from.typed(Resource::ScaledObjects)?,
            vertical_autoscalers: from.typed(Resource::VerticalAutoscalers)?,
            node_pools: from.typed(Resource::NodePools)?,
            node_claims: from.typed(Resource::NodeClaims)?,
            node_classes: from.typed(Resource::NodeClasses)?,
            dns_pods: from.typed(Resource::DnsPods)?,
            dns_config: from.typed(Resource::DnsConfig)?,
            daemon_sets: from.typed(Resource::DaemonSets)?,
            deployments: from.typed(Resource::Deployments)?,
            cluster_autoscaler: from.typed(Resource::ClusterAutoscalerStatus)?,
            priority_classes: from.typed(Resource::PriorityClasses)?,
            csi_nodes: from.shared(Resource::CsiNodes)?,
            node_pods: from.shared(Resource::NodePods)?,
            load: None,
            all_budgets: from.shared(Resource::AllBudgets)?,
            node_usage: from.typed(Resource::NodeUsage)?,
            pod_usage: from.typed(Resource::PodUsage)?,
            logs,
            domain,
            dns,
            protection,
        })
    }

    /// The set that this snapshot is about.
    pub fn set(&self) -> Option<&StatefulSet> {
        let chosen = self.taken.statefulset.as_deref()?;
        self.sets
            .got()?
            .iter()
            .find(|set| set.metadata.name.as_deref() == Some(chosen))
    }
}

/// Where the objects come from.
enum Recorded<'a> {
    /// A recording that somebody keeps.
    Kept(&'a Recording),
    /// One that nobody needs: each object's text goes as soon as it is typed. Of a thousand shards both together would be twice as
    /// much.
    Spent(&'a mut Recording),
}

impl Recorded<'_> {
    fn recording(&self) -> &Recording {
        match self {
            Recorded::Kept(recording) => recording,
            Recorded::Spent(recording) => recording,
        }
    }

    /// Objects that every look at a running operation has.
    fn shared<T: DeserializeOwned + Fit>(&mut self, resource: Resource) -> Result<Read<Objects<T>>, Misfit> {
        self.read(resource, T::fit)
    }

    fn typed<T: DeserializeOwned>(&mut self, resource: Resource) -> Result<Read<Vec<T>>, Misfit> {
        self.read(resource, |_: &mut T| {})
    }

    fn read<T, L>(&mut self, resource: Resource, fit: fn(&mut T)) -> Result<Read<L>, Misfit>
    where
        T: DeserializeOwned,
        L: FromIterator<T>,
    {
        let unread = || Read::Unreadable(format!("{} were not recorded", resource.noun()));
        Ok(match self {
            Recorded::Kept(recording) => match recording.objects.get(&resource) {
                None => unread(),
                Some(Read::Absent(why)) => Read::Absent(why.clone()),
                Some(Read::Unreadable(why)) => Read::Unreadable(why.clone()),
                Some(Read::Got(items)) => Read::Got(typed(resource, items.iter().map(|item| &**item), fit)?),
            },
            Recorded::Spent(recording) => match recording.objects.remove(&resource) {
                None => unread(),
                Some(Read::Absent(why)) => Read::Absent(why),
                Some(Read::Unreadable(why)) => Read::Unreadable(why),
                Some(Read::Got(items)) => Read::Got(typed(resource, items.into_iter(), fit)?),
            },
        })
    }
}

fn typed<T, L, R>(resource: Resource, items: impl Iterator<Item = R>, fit: fn(&mut T)) -> Result<L, Misfit>
where
    T: DeserializeOwned,
    L: FromIterator<T>,
    R: Borrow<RawValue>,
{
    let typed = items.map(|item| {
        let mut object = serde_json::from_str(item.borrow().get()).map_err(|error| Misfit {
            resource,
            why: error.to_string(),
        })?;
        fit(&mut object);
        Ok(object)
    });
    typed.collect()
}
