//! What a pod asks of a node, by resource, as the scheduler counts ([`Demand`]).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::demand::Demand;
use crate::model::quantity::Amount;

/// Amounts by the name of the resource.
pub type Amounts = BTreeMap<String, Amount>;

/// What a new pod of this template will ask for. The API server takes a limit for the request where only that is written.
pub fn of_template(spec: &PodSpec) -> Amounts {
    of_all(spec, |resources, resource| {
        amount(&resources.requests, resource).or_else(|| amount(&resources.limits, resource))
    })
}

/// What a pod asks for.
pub fn of_pod(found: &Pod) -> Amounts {
    found
        .spec
        .as_ref()
        .map(|spec| of_all(spec, requested))
        .unwrap_or_default()
}

/// What a pod asks for of one resource. Of 50,000 pods nothing is copied.
pub fn of_pod_one(found: &Pod, resource: &str) -> Amount {
    let asked = found.spec.as_ref().and_then(|spec| one(spec, resource, &requested));
    asked.unwrap_or_default()
}

/// Adds amounts to a sum.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let before = sum.entry(resource.clone()).or_default();
        *before = before.plus(*amount);
    }
}

fn requested(resources: &ResourceRequirements, resource: &str) -> Option<Amount> {
    amount(&resources.requests, resource)
}

fn amount(written: &Option<BTreeMap<String, Quantity>>, resource: &str) -> Option<Amount> {
    Amount::of(written.as_ref()?.get(resource)?)
}

/// Every resource that the pod names, as [`one`] counts it.
fn of_all(spec: &PodSpec, written: impl Fn(&ResourceRequirements, &str) -> Option<Amount>) -> Amounts {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let named = containers
        .filter_map(|container| container.resources.as_ref())
        .chain(&spec.resources)
        .flat_map(|resources| [&resources.requests, &resources.limits])
        .chain([&spec.overhead])
        .flatten()
        .flat_map(BTreeMap::keys);
    let named: BTreeSet<&String> = named.collect();
    let amounts = named
        .into_iter()
        .filter_map(|resource| Some((resource.clone(), one(spec, resource, &written)?)));
    amounts.collect()
}

/// What is asked for of one resource. None where nothing is written.
fn one(
    spec: &PodSpec,
    resource: &str,
    written: &impl Fn(&ResourceRequirements, &str) -> Option<Amount>,
) -> Option<Amount> {
    let of = |container: &Container| written(container.resources.as_ref()?, resource);
    let mut demand = Demand::default();
    for container in &spec.containers {
        demand.container(of(container));
    }
    for container in spec.init_containers.iter().flatten() {
        let keeps_running = container.restart_policy.as_deref() == Some("Always");
        demand.init_container(of(container), keeps_running);
    }
    demand.whole(spec.resources.as_ref().and_then(|whole| written(whole, resource)));
    demand.overhead(amount(&spec.overhead, resource));
    demand.total()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn asked(spec: Value) -> Vec<(String, String)> {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        of_template(&spec)
            .into_iter()
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
    fn one_resource_is_counted_as_all_are() {
        let pod: Pod = serde_json::from_value(json!({"spec": {
            "containers": [container("1", json!({})), container("250m", json!({}))],
            "initContainers": [container("2", json!({"restartPolicy": "Always"})), container("3", json!({}))],
            "overhead": {"memory": "1Gi"},
        }}))
        .unwrap();
        let all = of_pod(&pod);
        assert_eq!(all["cpu"].written("cpu"), "5");
        for resource in ["cpu", "memory"] {
            assert_eq!(of_pod_one(&pod, resource), all[resource], "{resource}");
        }
        assert_eq!(of_pod_one(&pod, "example.com/gpu"), Amount::ZERO);
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
}
