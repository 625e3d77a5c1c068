//! The reference workload's objects, typed, made of its parameters. What people apply, what `deploy` applies and what is committed
//! under k8s/ comes from here.
//!
//! Written for Kubernetes 1.27 and later: `minDomains`, `nodeTaintsPolicy`, `unhealthyPodEvictionPolicy` and the retention policy of
//! claims are served there; a preStop hook that sleeps isn't, before 1.30, and is a command here.

pub mod capacity;
pub mod class;
pub mod kustomize;
pub mod names;
pub mod pool;
pub mod set;
pub mod surroundings;

#[cfg(test)]
mod tests;

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use self::class::AksNodeClass;
use self::names::Names;
use self::pool::NodePool;
use crate::model::catalogue::Catalogue;
use crate::model::report::Phase;
use crate::model::workload::{Workload, Wrong};

/// An object of the workload.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Manifest {
    /// The namespace.
    Namespace(Namespace),
    /// What the shards come before.
    PriorityClass(PriorityClass),
    /// The headless Service, or the balancer.
    Service(Box<Service>),
    /// The disruption budget.
    Budget(PodDisruptionBudget),
    /// The shards.
    StatefulSet(Box<StatefulSet>),
    /// What Karpenter's nodes are like on AKS.
    AksNodeClass(AksNodeClass),
    /// What nodes Karpenter may buy.
    NodePool(Box<NodePool>),
}

impl Manifest {
    /// Its API version: `apps/v1`.
    pub fn api_version(&self) -> &'static str {
        match self {
            Manifest::Namespace(_) => Namespace::API_VERSION,
            Manifest::PriorityClass(_) => PriorityClass::API_VERSION,
            Manifest::Service(_) => Service::API_VERSION,
            Manifest::Budget(_) => PodDisruptionBudget::API_VERSION,
            Manifest::StatefulSet(_) => StatefulSet::API_VERSION,
            Manifest::AksNodeClass(_) => class::API_VERSION,
            Manifest::NodePool(_) => pool::API_VERSION,
        }
    }

    /// Its kind: `StatefulSet`.
    pub fn kind(&self) -> &'static str {
        match self {
            Manifest::Namespace(_) => Namespace::KIND,
            Manifest::PriorityClass(_) => PriorityClass::KIND,
            Manifest::Service(_) => Service::KIND,
            Manifest::Budget(_) => PodDisruptionBudget::KIND,
            Manifest::StatefulSet(_) => StatefulSet::KIND,
            Manifest::AksNodeClass(_) => class::KIND,
            Manifest::NodePool(_) => pool::KIND,
        }
    }

    /// The word that it is called by beside its name: `statefulset`, `pdb`.
    pub fn word(&self) -> &'static str {
        match self {
            Manifest::Namespace(_) => "namespace",
            Manifest::PriorityClass(_) => "priorityclass",
            Manifest::Service(_) => "service",
            Manifest::Budget(_) => "pdb",
            Manifest::StatefulSet(_) => "statefulset",
            Manifest::AksNodeClass(_) => "aksnodeclass",
            Manifest::NodePool(_) => "nodepool",
        }
    }

    /// Where it is, and what it is called.
    pub fn place(&self) -> Place {
        Place {
            word: self.word(),
            name: self.name().to_owned(),
            path: self.path(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Manifest::Namespace(of) => &of.metadata,
            Manifest::PriorityClass(of) => &of.metadata,
            Manifest::Service(of) => &of.metadata,
            Manifest::Budget(of) => &of.metadata,
            Manifest::StatefulSet(of) => &of.metadata,
            Manifest::AksNodeClass(of) => &of.metadata,
            Manifest::NodePool(of) => &of.metadata,
        }
    }

    /// Where it is served.
    pub fn path(&self) -> String {
        let plural = match self {
            Manifest::PriorityClass(_) => "priorityclasses".to_owned(),
            Manifest::Budget(_) => "poddisruptionbudgets".to_owned(),
            Manifest::AksNodeClass(_) => "aksnodeclasses".to_owned(),
            other => format!("{}s", other.word()),
        };
        let version = self.api_version();
        let root = if version.contains('/') { "apis" } else { "api" };
        let place = match self.metadata().namespace.as_deref() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        format!("/{root}/{version}{place}/{plural}/{}", self.name())
    }
}

/// Where an object is, and what it is called; not what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The word that it is called by beside its name: `statefulset`, `pdb`.
    pub word: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is served.
    pub path: String,
}

impl Place {
    /// In words: `statefulset/biometric-shard`.
    pub fn object(&self) -> String {
        format!("{}/{}", self.word, self.name)
    }
}

/// Where everything is that a phase takes, in the same order as [`manifests`]. No size is judged: what is there can be found, whatever
/// could be deployed by the parameters now.
pub fn places(workload: &Workload, phase: Phase) -> Vec<Place> {
    let names = Names::of(workload);
    let pool = names.pool(phase);
    let mut all: Vec<Place> = base_but_the_set(workload, &names).iter().map(Manifest::place).collect();
    if workload.node_class.is_none() {
        all.push(Manifest::AksNodeClass(class::aks(workload, &pool)).place());
    }
    all.push(Place {
        word: "nodepool",
        path: format!("/apis/{}/nodepools/{pool}", pool::API_VERSION),
        name: pool,
    });
    all.push(Manifest::StatefulSet(Box::new(set::stateful_set(workload, &names))).place());
    all
}

/// Everything that a phase takes, in the order in which it is applied: what others refer to comes first.
///
/// # Errors
/// The first parameter that can't be followed, a size that holds no shard among them.
pub fn manifests(workload: &Workload, phase: Phase, catalogue: &Catalogue) -> Result<Vec<Manifest>, Wrong> {
    workload.check()?;
    let names = Names::of(workload);
    let mut all = base_but_the_set(workload, &names);
    all.extend(nodes(workload, &names, phase, catalogue)?);
    let mut set = set::stateful_set(workload, &names);
    set::for_phase(&mut set, &names, workload, phase);
    all.push(Manifest::StatefulSet(Box::new(set)));
    Ok(all)
}

/// What is the same in both phases, the StatefulSet left out.
fn base_but_the_set(workload: &Workload, names: &Names) -> Vec<Manifest> {
    vec![
        Manifest::Namespace(surroundings::namespace(workload)),
        Manifest::PriorityClass(surroundings::priority_class(workload, names)),
        Manifest::Service(Box::new(surroundings::headless(workload, names))),
        Manifest::Service(Box::new(surroundings::balancer(workload, names))),
        Manifest::Budget(surroundings::budget(workload, names)),
    ]
}

/// What Karpenter is told.
fn nodes(workload: &Workload, names: &Names, phase: Phase, catalogue: &Catalogue) -> Result<Vec<Manifest>, Wrong> {
    let capacity = capacity::capacity(workload, phase, catalogue)?;
    let pool = Manifest::NodePool(Box::new(pool::node_pool(workload, names, phase, &capacity)));
    Ok(match workload.node_class {
        Some(_) => vec![pool],
        None => vec![Manifest::AksNodeClass(class::aks(workload, &names.pool(phase))), pool],
    })
}

/// The metadata of an object of the workload.
fn metadata(workload: &Workload, name: &str, namespaced: bool) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespaced.then(|| workload.namespace.clone()),
        labels: Some([(names::PART_OF.to_owned(), workload.name.clone())].into()),
        ..ObjectMeta::default()
    }
}

/// The metadata of an object that the whole cluster has one of: its label says which namespace's workload it belongs to.
fn metadata_of_cluster(workload: &Workload, name: &str) -> ObjectMeta {
    let mut all = metadata(workload, name, false);
    let labels = all.labels.get_or_insert_default();
    labels.insert(names::OF_NAMESPACE.to_owned(), workload.namespace.clone());
    all
}
