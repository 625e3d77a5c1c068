//! Nodes and pods of a large cluster, as far as they tell how much room there is.
//!
//! Fifty thousand pods are no more than a sum a node, so none of them is held: each is read straight from its page into the few
//! fields that count, handed on and dropped. Nodes are kept with these fields alone.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Reading, collection_path, into_read, seen_right};
use crate::cluster::get::Api;
use crate::model::node::{INSTANCE_TYPE, NODE_POOL};
use crate::model::pod::MIRROR;
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
    "eks.amazonaws.com/compute-type",
    "type",
];

/// A sum over the pods of every namespace, and the right that was used.
#[derive(Debug)]
pub struct Summed<S> {
    /// The sum.
    pub sum: Read<S>,
    /// The rule that was used, and whether it is ours; none where the request failed for another reason.
    pub right: Option<Right>,
}

/// Adds up the pods of every namespace; `query` narrows the list. Each comes with its place, its controller, its phase and what it
/// asks for, nothing else.
pub async fn sum_pods<S>(api: &Api, query: &str, mut add: impl FnMut(&mut S, &Pod) + Send + 'static) -> Summed<S>
where
    S: Default + Send + 'static,
{
    let resource = Resource::NodePods;
    let place = resource.place();
    let path = collection_path(&place, place.version, "");
    let result = api
        .fold(&path, query, move |sum, short: ShortPod| add(sum, &short.into()))
        .await;
    let right = Rule::to_read(resource, "").and_then(|rule| seen_right(rule, Some(resource), &result));
    Summed {
        sum: into_read(result, resource),
        right,
    }
}

/// Lists the nodes, each with what tells how much room it has.
pub async fn nodes(api: &Api) -> Reading {
    let resource = Resource::Nodes;
    let place = resource.place();
    let path = collection_path(&place, place.version, "");
    let keep = |kept: &mut Vec<Box<RawValue>>, short: ShortNode| kept.extend(to_raw_value(&short));
    let result = api.fold(&path, "", keep).await;
    let right = Rule::to_read(resource, "").and_then(|rule| seen_right(rule, Some(resource), &result));
    Reading {
        resource,
        objects: into_read(result, resource),
        right,
    }
}

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

#[derive(Deserialize)]
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

impl From<Owner> for OwnerReference {
    fn from(short: Owner) -> Self {
        OwnerReference {
            kind: short.kind.unwrap_or_default(),
            uid: short.uid.unwrap_or_default(),
            controller: short.controller,
            ..OwnerReference::default()
        }
    }
}

impl From<Requests> for ResourceRequirements {
    fn from(short: Requests) -> Self {
        ResourceRequirements {
            requests: short.requests,
            ..ResourceRequirements::default()
        }
    }
}

impl From<ShortContainer> for Container {
    fn from(short: ShortContainer) -> Self {
        Container {
            resources: short.resources.map(Into::into),
            restart_policy: short.restart_policy,
            ..Container::default()
        }
    }
}

impl From<ShortPod> for Pod {
    fn from(short: ShortPod) -> Self {
        let containers = |all: Vec<ShortContainer>| all.into_iter().map(Into::into).collect();
        let owners = |all: Vec<Owner>| all.into_iter().map(Into::into).collect();
        let mirror = short.metadata.annotations.and_then(|annotations| annotations.mirror);
        Pod {
            metadata: ObjectMeta {
                owner_references: short.metadata.owner_references.map(owners),
                annotations: mirror.map(|hash| BTreeMap::from([(MIRROR.to_owned(), hash)])),
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec {
                node_name: short.spec.node_name,
                containers: containers(short.spec.containers),
                init_containers: short.spec.init_containers.map(containers),
                resources: short.spec.resources.map(Into::into),
                overhead: short.spec.overhead,
                ..PodSpec::default()
            }),
            status: Some(PodStatus {
                phase: short.status.phase,
                ..PodStatus::default()
            }),
        }
    }
}

#[derive(Deserialize, Serialize)]
struct ShortNode {
    metadata: NodeMeta,
    #[serde(default)]
    spec: ShortNodeSpec,
    #[serde(default)]
    status: ShortNodeStatus,
}

#[derive(Deserialize, Serialize)]
struct NodeMeta {
    name: String,
    #[serde(default, deserialize_with = "labels")]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShortNodeSpec {
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unschedulable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taints: Option<Vec<Taint>>,
}

#[derive(Deserialize, Serialize)]
struct Taint {
    key: String,
    effect: String,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct ShortNodeStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    allocatable: Option<Allocatable>,
    #[serde(default, deserialize_with = "ready")]
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Serialize)]
struct Allocatable {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Quantity>,
}

#[derive(Deserialize, Serialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

fn labels<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut all: BTreeMap<String, String> = Option::deserialize(from)?.unwrap_or_default();
    all.retain(|key, _| LABELS.contains(&key.as_str()) || ZONE_KEYS.contains(&key.as_str()));
    Ok(all)
}

fn ready<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Condition>, D::Error> {
    let mut all: Vec<Condition> = Option::deserialize(from)?.unwrap_or_default();
    all.retain(|condition| condition.kind == "Ready");
    Ok(all)
}
