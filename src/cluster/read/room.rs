//! Nodes and pods of a large cluster, as far as they tell how much room there is.
//!
//! Fifty thousand pods are no more than a sum a node, so none of them is held: each is read straight from what comes in into the few
//! fields that count, handed on and dropped. Nodes are kept with these fields alone, typed at once.

mod shards;
mod unpack;

pub use shards::short_pods;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeCondition, NodeSpec, NodeStatus, Taint};
use k8s_openapi::api::storage::v1::{CSINode, CSINodeDriver, CSINodeSpec, VolumeNodeResources};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{collection_path, into_read, seen_right};
use crate::cluster::get::Api;
use crate::cluster::get::binary::Unpack;
use crate::model::demand::Demand;
use crate::model::load::Placed;
use crate::model::node::{EKS_COMPUTE_TYPE, INSTANCE_TYPE, NODE_POOL};
use crate::model::pod::is_over;
use crate::model::quantity::Amount;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::right::{Right, Rule};
use crate::model::volume::ZONE_KEYS;

/// The labels of nodes that tell where they are, what they are and how they are paid for, beside those of
/// [`ZONE_KEYS`].
const LABELS: [&str; 9] = [
    INSTANCE_TYPE,
    NODE_POOL,
    "topology.kubernetes.io/region",
    "kubernetes.io/arch",
    "karpenter.sh/capacity-type",
    "kubernetes.azure.com/scalesetpriority",
    "eks.amazonaws.com/capacityType",
    EKS_COMPUTE_TYPE,
    "type",
];

/// Whether anybody asks for a label of a node.
fn is_looked_at(label: &str) -> bool {
    LABELS.contains(&label) || ZONE_KEYS.contains(&label)
}

/// A sum over the pods of every namespace, and the right that was used.
#[derive(Debug)]
pub struct Summed<S> {
    /// The sum.
    pub sum: Read<S>,
    /// The rule that was used, and whether it is ours; none where the request failed for another reason.
    pub right: Option<Right>,
}

/// Adds up the pods of every namespace; `query` narrows the list.
pub async fn sum_pods<S>(api: &Api, query: &str, mut add: impl FnMut(&mut S, Placed) + Send) -> Summed<S>
where
    S: Default + Send,
{
    let resource = Resource::NodePods;
    let place = resource.place();
    let path = collection_path(&place, place.version, "");
    let result = api
        .fold_packed(&path, query, |sum, Found(placed)| add(sum, placed))
        .await;
    let right = Rule::to_read(resource, "").and_then(|rule| seen_right(rule, Some(resource), &result));
    Summed {
        sum: into_read(result, resource),
        right,
    }
}

/// Lists the nodes, each with what tells how much room it has.
pub async fn nodes(api: &Api) -> Summed<Vec<Arc<Node>>> {
    short(api, Resource::Nodes, EVERYWHERE, |short: ShortNode| {
        Arc::new(short.into())
    })
    .await
}

/// Lists how many disks each node takes.
pub async fn csi_nodes(api: &Api) -> Summed<Vec<CSINode>> {
    short(api, Resource::CsiNodes, EVERYWHERE, |short: ShortCsiNode| short.into()).await
}

/// The namespace and the query of a list of all that the cluster has.
const EVERYWHERE: (&str, &str) = ("", "");

/// Lists a kind, narrowed to a namespace and by a query, each object with the fields of `S` alone.
async fn short<S, T>(
    api: &Api,
    resource: Resource,
    (namespace, query): (&str, &str),
    typed: fn(S) -> T,
) -> Summed<Vec<T>>
where
    S: DeserializeOwned + Unpack + Send,
    T: Send,
{
    let place = resource.place();
    let path = collection_path(&place, place.version, namespace);
    let keep = move |kept: &mut Vec<T>, short: S| kept.push(typed(short));
    let result = api.fold_packed(&path, query, keep).await;
    let right = Rule::to_read(resource, namespace).and_then(|rule| seen_right(rule, Some(resource), &result));
    Summed {
        sum: into_read(result, resource),
        right,
    }
}

/// A pod, read.
#[derive(Deserialize)]
#[serde(from = "ShortPod")]
struct Found(Placed);

#[derive(Deserialize)]
struct ShortPod {
    metadata: PodMeta,
    spec: ShortPodSpec,
    #[serde(default)]
    status: Phase,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodMeta {
    owner_references: Option<Vec<Owner>>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Owner {
    kind: Option<String>,
    uid: Option<String>,
    controller: Option<bool>,
}

/// Whether a pod stands for one in the kubelet's own folder.
#[derive(Deserialize)]
struct Annotations {
    #[serde(rename = "kubernetes.io/config.mirror")]
    mirror: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShortPodSpec {
    node_name: Option<String>,
    #[serde(default)]
    containers: Vec<ShortContainer>,
    init_containers: Option<Vec<ShortContainer>>,
    resources: Option<Requests>,
    overhead: Option<BTreeMap<String, Quantity>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShortContainer {
    resources: Option<Requests>,
    restart_policy: Option<String>,
}

#[derive(Deserialize)]
struct Requests {
    requests: Option<BTreeMap<String, Quantity>>,
}

#[derive(Deserialize, Default)]
struct Phase {
    phase: Option<String>,
}

impl From<ShortPod> for Found {
    fn from(short: ShortPod) -> Self {
        let ShortPod { metadata, spec, status } = short;
        let total = |resource: &str| {
            let of = |all: &Option<Requests>| all.as_ref()?.of(resource);
            let mut demand = Demand::default();
            for container in &spec.containers {
                demand.container(of(&container.resources));
            }
            for container in spec.init_containers.iter().flatten() {
                demand.init_container(
                    of(&container.resources),
                    container.restart_policy.as_deref() == Some(ALWAYS),
                );
            }
            demand.whole(of(&spec.resources));
            demand.overhead(spec.overhead.as_ref().and_then(|all| Amount::of(all.get(resource)?)));
            demand.total().unwrap_or_default()
        };
        let (memory, cpu) = (total("memory"), total("cpu"));
        let owners = metadata.owner_references.into_iter().flatten();
        let controller = owners.into_iter().find(|owner| owner.controller == Some(true));
        let is_mirror = metadata.annotations.is_some_and(|all| all.mirror.is_some());
        Found(Placed {
            node: spec.node_name.filter(|node| !node.is_empty()),
            is_daemon: is_mirror
                || controller
                    .as_ref()
                    .is_some_and(|owner| owner.kind.as_deref() == Some(DAEMON_SET)),
            controller: controller.map(|owner| owner.uid.unwrap_or_default()),
            is_finished: is_over(status.phase.as_deref().unwrap_or_default()),
            memory,
            cpu,
        })
    }
}

impl Requests {
    fn of(&self, resource: &str) -> Option<Amount> {
        Amount::of(self.requests.as_ref()?.get(resource)?)
    }
}

/// The kind of whose pods every node has one.
const DAEMON_SET: &str = "DaemonSet";
/// The restart policy of an init container that keeps running.
const ALWAYS: &str = "Always";

#[derive(Deserialize)]
struct ShortNode {
    metadata: NodeMeta,
    #[serde(default)]
    spec: ShortNodeSpec,
    #[serde(default)]
    status: ShortNodeStatus,
}

#[derive(Deserialize)]
struct NodeMeta {
    name: String,
    #[serde(default, deserialize_with = "labels")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShortNodeSpec {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
    unschedulable: Option<bool>,
    taints: Option<Vec<ShortTaint>>,
}

#[derive(Deserialize)]
struct ShortTaint {
    key: String,
    effect: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShortNodeStatus {
    allocatable: Option<Allocatable>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize, Default)]
struct Allocatable {
    cpu: Option<Quantity>,
    memory: Option<Quantity>,
    pods: Option<Quantity>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl From<ShortNode> for Node {
    fn from(short: ShortNode) -> Self {
        let ShortNode { metadata, spec, status } = short;
        let taints = |all: Vec<ShortTaint>| all.into_iter().map(Into::into).collect();
        let ready = |all: Vec<Condition>| {
            all.into_iter()
                .filter(|one| one.kind == "Ready")
                .map(Into::into)
                .collect()
        };
        Node {
            metadata: ObjectMeta {
                name: Some(metadata.name),
                labels: Some(metadata.labels),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec {
                provider_id: spec.provider_id,
                unschedulable: spec.unschedulable,
                taints: spec.taints.map(taints),
                ..NodeSpec::default()
            }),
            status: Some(NodeStatus {
                allocatable: status.allocatable.map(Into::into),
                conditions: status.conditions.map(ready),
                ..NodeStatus::default()
            }),
        }
    }
}

impl From<ShortTaint> for Taint {
    fn from(short: ShortTaint) -> Self {
        Taint {
            key: short.key,
            effect: short.effect,
            ..Taint::default()
        }
    }
}

impl From<Condition> for NodeCondition {
    fn from(short: Condition) -> Self {
        NodeCondition {
            type_: short.kind,
            status: short.status,
            ..NodeCondition::default()
        }
    }
}

impl From<Allocatable> for BTreeMap<String, Quantity> {
    fn from(short: Allocatable) -> Self {
        let Allocatable { cpu, memory, pods } = short;
        let named = |name: &str, amount: Option<Quantity>| Some((name.to_owned(), amount?));
        let all = [named("cpu", cpu), named("memory", memory), named("pods", pods)];
        all.into_iter().flatten().collect()
    }
}

#[derive(Deserialize)]
struct ShortCsiNode {
    metadata: CsiNodeMeta,
    spec: ShortCsiNodeSpec,
}

#[derive(Deserialize)]
struct CsiNodeMeta {
    name: String,
}

#[derive(Deserialize)]
struct ShortCsiNodeSpec {
    drivers: Option<Vec<Driver>>,
}

#[derive(Deserialize)]
struct Driver {
    name: String,
    allocatable: Option<Disks>,
}

#[derive(Deserialize)]
struct Disks {
    count: Option<i32>,
}

impl From<ShortCsiNode> for CSINode {
    fn from(short: ShortCsiNode) -> Self {
        let driver = |short: Driver| CSINodeDriver {
            name: short.name,
            allocatable: short
                .allocatable
                .map(|disks| VolumeNodeResources { count: disks.count }),
            ..CSINodeDriver::default()
        };
        let drivers = short.spec.drivers.unwrap_or_default();
        CSINode {
            metadata: ObjectMeta {
                name: Some(short.metadata.name),
                ..ObjectMeta::default()
            },
            spec: CSINodeSpec {
                drivers: drivers.into_iter().map(driver).collect(),
            },
        }
    }
}

/// A key where it stands in the page.
#[derive(Deserialize)]
struct Key<'p>(#[serde(borrow)] Cow<'p, str>);

/// The labels that are looked at, without making words of the others.
fn labels<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Wanted;
    impl<'de> Visitor<'de> for Wanted {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("labels")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
            from.deserialize_map(self)
        }

        fn visit_map<M: MapAccess<'de>>(self, mut all: M) -> Result<Self::Value, M::Error> {
            let mut wanted = BTreeMap::new();
            while let Some(Key(key)) = all.next_key()? {
                if is_looked_at(&key) {
                    wanted.insert(key.into_owned(), all.next_value()?);
                } else {
                    all.next_value::<IgnoredAny>()?;
                }
            }
            Ok(wanted)
        }
    }
    from.deserialize_option(Wanted)
}

#[cfg(test)]
mod tests;
