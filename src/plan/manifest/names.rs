//! What the reference workload's objects are called. The names are the same in both phases, so that the claims, and the data, stay.

use serde_json::Value;

use crate::model::report::Phase;
use crate::model::workload::Workload;

/// The label of nodes that says which pool they are of.
pub const POOL_LABEL: &str = "workload";
/// The label that all objects of a workload have, with the workload's name.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// The label of an object of the whole cluster that says of which namespace's workload it is.
pub const OF_NAMESPACE: &str = "shardctl.dev/namespace";
/// The label that tells a shard's pod.
pub const APP: &str = "app";
/// The value of the taint that keeps others off the stable pool's nodes; its key is the workload's name.
pub const RESERVED: &str = "reserved";

/// The names of a workload's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The StatefulSet, the priority class, and the value of the label [`APP`]: `biometric-shard`.
    pub set: String,
    /// The headless Service: `biometric-shards`.
    pub headless: String,
    /// The LoadBalancer Service: `biometric-lb`.
    pub balancer: String,
    /// The disruption budget: `biometric-shard-pdb`.
    pub budget: String,
    /// The container: `biometric-app`.
    pub container: String,
    base: String,
}

impl Names {
    /// The names that go with a workload's.
    pub fn of(workload: &Workload) -> Names {
        let base = &workload.name;
        Names {
            set: format!("{base}-shard"),
            headless: format!("{base}-shards"),
            balancer: format!("{base}-lb"),
            budget: format!("{base}-shard-pdb"),
            container: format!("{base}-app"),
            base: base.clone(),
        }
    }

    /// The NodePool of a phase and its node class: `biometric-stable`.
    pub fn pool(&self, phase: Phase) -> String {
        format!("{}-{}", self.base, phase.word())
    }
}

/// The namespace of the workload that an object of the whole cluster belongs to, where that isn't this one: two workloads of one name
/// would share their pools and their priority. One without the label is of before there was one, and anybody's of that name.
pub fn of_another_namespace<'a>(found: &'a Value, namespace: &str) -> Option<&'a str> {
    let named = found["metadata"]["labels"][OF_NAMESPACE].as_str()?;
    (named != namespace).then_some(named)
}
