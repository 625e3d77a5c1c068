//! Karpenter's NodePool, `karpenter.sh/v1`: which nodes it may buy for the shards, and what it may do with them afterwards.
//!
//! Fields: `pkg/apis/v1/nodepool.go` of sigs.k8s.io/karpenter 1.14.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Taint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::capacity::Capacity;
use super::names::{Names, POOL_LABEL, RESERVED};
use super::{class, metadata_of_cluster};
use crate::model::karpenter::Reason;
use crate::model::node;
use crate::model::report::Phase;
use crate::model::volume;
use crate::model::workload::Workload;

/// Its API version. Under the older v1beta1 budgets know no reasons and pools keep no expiry of their own: not written for that.
pub const API_VERSION: &str = "karpenter.sh/v1";
/// Its kind.
pub const KIND: &str = "NodePool";

/// What nodes Karpenter may buy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    api_version: &'static str,
    kind: &'static str,
    /// Its name.
    pub metadata: ObjectMeta,
    /// What is wished.
    pub spec: NodePoolSpec,
}

/// What is wished of a pool.
#[derive(Clone, Debug, Serialize)]
pub struct NodePoolSpec {
    /// What Karpenter may do with nodes that are there.
    pub disruption: Disruption,
    /// What all its nodes may have together: `cpu`, `memory`.
    pub limits: BTreeMap<&'static str, String>,
    /// What a node is like.
    pub template: Template,
}

/// What Karpenter may do with nodes that are there.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// How many nodes may go at once, and why.
    pub budgets: Vec<Budget>,
    /// How long a node stays as it is before it may go.
    pub consolidate_after: &'static str,
    /// Which nodes may go to save money.
    pub consolidation_policy: &'static str,
}

/// How many nodes may go at once.
#[derive(Clone, Debug, Serialize)]
pub struct Budget {
    /// How many.
    pub nodes: &'static str,
    /// For these reasons; for all where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<&'static str>,
}

/// What a node is like.
#[derive(Clone, Debug, Serialize)]
pub struct Template {
    /// Its labels.
    pub metadata: ObjectMeta,
    /// The rest.
    pub spec: NodeSpec,
}

/// What a node is like.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSpec {
    /// When it is replaced although nothing is wrong with it.
    pub expire_after: &'static str,
    /// Its class.
    pub node_class_ref: NodeClassRef,
    /// Which machines will do.
    pub requirements: Vec<Requirement>,
    /// What keeps others' pods off it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// A node class as a pool refers to it.
#[derive(Clone, Debug, Serialize)]
pub struct NodeClassRef {
    /// Its API group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What a label of a node has to be.
#[derive(Clone, Debug, Serialize)]
pub struct Requirement {
    /// The label.
    pub key: &'static str,
    /// `In`.
    pub operator: &'static str,
    /// One of these.
    pub values: Vec<String>,
}

/// The pool of a phase.
pub fn node_pool(workload: &Workload, names: &Names, phase: Phase, capacity: &Capacity) -> NodePool {
    let name = names.pool(phase);
    let labels = ObjectMeta {
        labels: Some([(POOL_LABEL.to_owned(), name.clone())].into()),
        ..ObjectMeta::default()
    };
    NodePool {
        api_version: API_VERSION,
        kind: KIND,
        metadata: metadata_of_cluster(workload, &name),
        spec: NodePoolSpec {
            disruption: disruption(phase),
            limits: capacity.limits(),
            template: Template {
                metadata: labels,
                spec: NodeSpec {
                    // What expires goes with its shards, past every budget of the pool.
                    expire_after: "Never",
                    node_class_ref: class_ref(workload, &name),
                    requirements: requirements(workload, phase, capacity),
                    taints: match phase {
                        Phase::Explore => Vec::new(),
                        Phase::Stable => vec![taint(workload)],
                    },
                },
            },
        },
    }
}

/// What keeps others' pods off the stable pool.
fn taint(workload: &Workload) -> Taint {
    Taint {
        key: workload.name.clone(),
        value: Some(RESERVED.to_owned()),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    }
}

/// In the explore phase Karpenter may look for something cheaper, one node at a time; the shards' budget still holds. In the stable
/// phase a node that has become empty goes by itself, one with shards never.
fn disruption(phase: Phase) -> Disruption {
    match phase {
        Phase::Explore => Disruption {
            budgets: vec![Budget {
                nodes: "1",
                reasons: Vec::new(),
            }],
            consolidate_after: "1m",
            consolidation_policy: "WhenEmptyOrUnderutilized",
        },
        Phase::Stable => Disruption {
            budgets: vec![Budget {
                nodes: "0",
                reasons: vec![Reason::Drifted.word(), Reason::Underutilized.word()],
            }],
            consolidate_after: "10m",
            consolidation_policy: "WhenEmpty",
        },
    }
}

fn class_ref(workload: &Workload, name: &str) -> NodeClassRef {
    match &workload.node_class {
        Some(class) => NodeClassRef {
            group: class.group.clone(),
            kind: class.kind.clone(),
            name: class.name.clone(),
        },
        None => NodeClassRef {
            group: class::GROUP.to_owned(),
            kind: class::KIND.to_owned(),
            name: name.to_owned(),
        },
    }
}

/// On demand in both phases: a shard whose spot machine is taken away takes the system down, and what is packed on spot machines
/// says little of what is to be paid for.
fn requirements(workload: &Workload, phase: Phase, capacity: &Capacity) -> Vec<Requirement> {
    let sizes = match phase {
        Phase::Explore => workload.sizes.clone(),
        Phase::Stable => vec![workload.size.clone()],
    };
    let mut all = vec![
        within("kubernetes.io/arch", capacity.architectures()),
        within("kubernetes.io/os", vec!["linux".to_owned()]),
        within("karpenter.sh/capacity-type", vec!["on-demand".to_owned()]),
        within(node::INSTANCE_TYPE, sizes),
    ];
    if !workload.zones.is_empty() {
        all.push(within(volume::ZONE, workload.zones.clone()));
    }
    all
}

fn within(key: &'static str, values: Vec<String>) -> Requirement {
    Requirement {
        key,
        operator: "In",
        values,
    }
}
