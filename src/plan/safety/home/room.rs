//! What a pod asks of a node, and whether a node still has it, as the scheduler counts.
//!
//! Sources: k8s.io/component-helpers/resource/helpers.go (PodRequests; KEP-753 for init containers that keep running) and
//! pkg/scheduler/framework/plugins/noderesources/fit.go.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::quantity::Amount;

type Amounts = BTreeMap<String, Amount>;

/// What a pod asks for, by resource.
pub(super) struct Needs(Amounts);

impl Needs {
    /// What a new pod of this template will ask for. The API server takes a limit for the request where only that is written.
    pub fn of_template(spec: &PodSpec) -> Needs {
        Needs(requests(spec, |resources| {
            let mut all = resources.limits.clone().unwrap_or_default();
            all.extend(resources.requests.clone().unwrap_or_default());
            all
        }))
    }

    /// The amounts.
    pub fn into_amounts(self) -> Amounts {
        self.0
    }

    fn of_pod(found: &Pod) -> Amounts {
        let written = |resources: &ResourceRequirements| resources.requests.clone().unwrap_or_default();
        found
            .spec
            .as_ref()
            .map(|spec| requests(spec, written))
            .unwrap_or_default()
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
            add(&mut taken, &Needs::of_pod(found));
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

fn amounts(written: BTreeMap<String, Quantity>) -> Amounts {
    let read = |(resource, quantity): (String, Quantity)| Some((resource, Amount::of(&quantity)?));
    written.into_iter().filter_map(read).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let before = sum.entry(resource.clone()).or_default();
        *before = before.plus(*amount);
    }
}

fn raise(most: &mut Amounts, other: &Amounts) {
    for (resource, amount) in other {
        let before = most.entry(resource.clone()).or_default();
        *before = (*before).max(*amount);
    }
}

/// The sum over the containers, or what the start needs where that is more: an init container runs beside those before it
/// that keep running (`restartPolicy: Always`), and these run beside the containers. What is written for the whole pod holds
/// instead of the sum; overhead comes on top.
fn requests(spec: &PodSpec, written: impl Fn(&ResourceRequirements) -> BTreeMap<String, Quantity>) -> Amounts {
    let of = |container: &Container| {
        container
            .resources
            .as_ref()
            .map(|it| amounts(written(it)))
            .unwrap_or_default()
    };
    let mut sum = Amounts::new();
    for container in &spec.containers {
        add(&mut sum, &of(container));
    }
    let (mut running, mut start) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let mut beside = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sum, &beside);
            add(&mut running, &beside);
            beside = running.clone();
        } else {
            add(&mut beside, &running);
        }
        raise(&mut start, &beside);
    }
    raise(&mut sum, &start);
    if let Some(whole) = &spec.resources {
        sum.extend(amounts(written(whole)));
    }
    add(&mut sum, &amounts(spec.overhead.clone().unwrap_or_default()));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn asked(spec: Value) -> Vec<(String, String)> {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let Needs(all) = Needs::of_template(&spec);
        all.into_iter()
            .map(|(key, amount)| (key.clone(), amount.written(&key)))
            .collect()
    }

    fn container(cpu: &str, rest: Value) -> Value {
        let mut made = json!({"name": "c", "resources": {"requests": {"cpu": cpu}}});
        crate::plan::verify::testing::merge(&mut made, &rest);
        made
    }

    fn cpu(spec: Value) -> String {
        asked(spec)
            .into_iter()
            .find(|(key, _)| key == "cpu")
            .map(|(_, words)| words)
            .unwrap_or_default()
    }

    /// The examples of KEP-753, "Resources calculation for scheduling and pod admission".
    #[test]
    fn init_containers_count_as_they_run() {
        let always = json!({"restartPolicy": "Always"});
        let plain = || container("1", json!({}));
        assert_eq!(cpu(json!({"containers": [plain(), plain()]})), "2");
        assert_eq!(
            cpu(json!({"containers": [plain()], "initContainers": [container("3", json!({}))]})),
            "3"
        );
        assert_eq!(
            cpu(json!({"containers": [plain()], "initContainers": [container("500m", always.clone())]})),
            "1500m"
        );
        // The sidecar runs beside the init container after it, not beside the one before it.
        let after = json!([container("2", always.clone()), container("5", json!({}))]);
        assert_eq!(cpu(json!({"containers": [plain()], "initContainers": after})), "7");
        let before = json!([container("5", json!({})), container("2", always)]);
        assert_eq!(cpu(json!({"containers": [plain()], "initContainers": before})), "5");
    }

    #[test]
    fn a_limit_stands_for_a_request_and_the_pods_own_figure_for_the_sum() {
        let limited =
            json!({"name": "c", "resources": {"limits": {"memory": "4Gi", "cpu": "2"}, "requests": {"cpu": "1"}}});
        let words = |key: &str, amount: &str| (key.to_owned(), amount.to_owned());
        assert_eq!(
            asked(json!({"containers": [limited]})),
            [words("cpu", "1"), words("memory", "4Gi")]
        );
        let whole =
            json!({"containers": [limited], "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "250m"}});
        assert_eq!(asked(whole), [words("cpu", "3250m"), words("memory", "4Gi")]);
    }

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
