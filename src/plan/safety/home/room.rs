//! Whether a node still has what a pod asks for, as the scheduler counts.
//!
//! Source: pkg/scheduler/framework/plugins/noderesources/fit.go.

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};

use crate::model::quantity::Amount;
use crate::plan::requests::{Amounts, add, of_pod, of_template};

/// What a pod asks for, by resource.
pub(super) struct Needs(Amounts);

impl Needs {
    /// What a new pod of this template will ask for.
    pub fn of_template(spec: &PodSpec) -> Needs {
        Needs(of_template(spec))
    }

    /// The amounts.
    pub fn into_amounts(self) -> Amounts {
        self.0
    }

    /// What a node doesn't have for it beside the pods that are there, a clause; none where it has all.
    pub fn refusal(&self, place: &Node, there: &[&Pod]) -> Option<String> {
        let allocatable = place.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let offered = |resource: &str| {
            let written = allocatable.and_then(|all| all.get(resource));
            written.and_then(Amount::of).unwrap_or(Amount::ZERO)
        };
        let most = offered("pods");
        let count = Amount::units(i64::try_from(there.len()).unwrap_or(i64::MAX));
        if count >= most {
            return Some(format!("holds {} pods and takes {}", count.ceiling(), most.ceiling()));
        }
        let mut taken = Amounts::new();
        for found in there {
            add(&mut taken, &of_pod(found));
        }
        let short = self.0.iter().find(|(resource, wanted)| {
            let used = taken.get(*resource).copied().unwrap_or_default();
            !wanted.is_zero() && used.plus(**wanted) > offered(resource)
        })?;
        let (resource, wanted) = short;
        let used = taken.get(resource).copied().unwrap_or_default();
        let free = offered(resource).minus(used).max(Amount::ZERO);
        Some(format!(
            "has {} of {resource} free, of {}: the shard asks for {}",
            free.written(resource),
            offered(resource).written(resource),
            wanted.written(resource)
        ))
    }

    /// Which of a pool's limits would be passed with it, a clause.
    pub fn over(&self, limits: &Amounts, used: &Amounts) -> Option<String> {
        let (resource, wanted) = self.0.iter().find(|(resource, wanted)| {
            let used = used.get(*resource).copied().unwrap_or_default();
            limits.get(*resource).is_some_and(|most| used.plus(**wanted) > *most)
        })?;
        let left = limits[resource]
            .minus(used.get(resource).copied().unwrap_or_default())
            .max(Amount::ZERO);
        Some(format!(
            "has {} of {resource} left below its limit: the shard asks for {}",
            left.written(resource),
            wanted.written(resource)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_node_is_full_by_any_resource_or_by_its_number_of_pods() {
        let place = |pods: &str| -> Node {
            serde_json::from_value(json!({"status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": pods}}}))
                .unwrap()
        };
        let other: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "c", "resources": {"requests": {"cpu": "1", "memory": "6Gi"}}},
        ]}}))
        .unwrap();
        let needs = |value: Value| {
            let spec = json!({"containers": [{"name": "c", "resources": {"requests": value}}]});
            Needs::of_template(&serde_json::from_value(spec).unwrap())
        };
        let room = place("110");
        assert_eq!(
            needs(json!({"cpu": "3", "memory": "2Gi"})).refusal(&room, &[&other]),
            None
        );
        assert_eq!(
            needs(json!({"memory": "3Gi"})).refusal(&room, &[&other]).unwrap(),
            "has 2Gi of memory free, of 8Gi: the shard asks for 3Gi"
        );
        assert!(
            needs(json!({"nvidia.com/gpu": "1"}))
                .refusal(&room, &[])
                .unwrap()
                .contains("nvidia.com/gpu")
        );
        assert_eq!(needs(json!({"nvidia.com/gpu": "0"})).refusal(&room, &[]), None);
        assert_eq!(
            needs(json!({})).refusal(&place("1"), &[&other]).unwrap(),
            "holds 1 pods and takes 1"
        );
    }
}
