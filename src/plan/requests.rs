//! What a pod asks of a node, by resource, as the scheduler counts.
//!
//! Source: k8s.io/component-helpers/resource/helpers.go (PodRequests; KEP-753 for init containers that keep running).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::quantity::Amount;

/// Amounts by the name of the resource.
pub type Amounts = BTreeMap<String, Amount>;

/// Amounts while they are reckoned with, by names that stand in the pod: of 50,000 pods nothing is copied.
type Reckoned<'a> = BTreeMap<&'a str, Amount>;

/// What a new pod of this template will ask for. The API server takes a limit for the request where only that is written.
pub fn of_template(spec: &PodSpec) -> Amounts {
    requests(spec, |resources| {
        let mut all: BTreeMap<&String, &Quantity> = resources.limits.iter().flatten().collect();
        all.extend(resources.requests.iter().flatten());
        amounts(all)
    })
}

/// What a pod asks for.
pub fn of_pod(found: &Pod) -> Amounts {
    let Some(spec) = &found.spec else {
        return Amounts::new();
    };
    requests(spec, |resources| amounts(resources.requests.iter().flatten()))
}

fn amounts<'a>(written: impl IntoIterator<Item = (&'a String, &'a Quantity)>) -> Reckoned<'a> {
    let read = |(resource, quantity): (&'a String, _)| Some((resource.as_str(), Amount::of(quantity)?));
    written.into_iter().filter_map(read).collect()
}

/// Adds amounts to a sum.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let before = sum.entry(resource.clone()).or_default();
        *before = before.plus(*amount);
    }
}

fn plus<'a>(sum: &mut Reckoned<'a>, more: &Reckoned<'a>) {
    for (resource, amount) in more {
        let before = sum.entry(resource).or_default();
        *before = before.plus(*amount);
    }
}

fn raise<'a>(most: &mut Reckoned<'a>, other: &Reckoned<'a>) {
    for (resource, amount) in other {
        let before = most.entry(resource).or_default();
        *before = (*before).max(*amount);
    }
}

/// The sum over the containers, or what the start needs where that is more: an init container runs beside those before it
/// that keep running (`restartPolicy: Always`), and these run beside the containers. What is written for the whole pod holds
/// instead of the sum; overhead comes on top.
fn requests<'a>(spec: &'a PodSpec, written: impl Fn(&'a ResourceRequirements) -> Reckoned<'a>) -> Amounts {
    let of = |container: &'a Container| container.resources.as_ref().map(&written).unwrap_or_default();
    let mut sum = Reckoned::new();
    for container in &spec.containers {
        plus(&mut sum, &of(container));
    }
    let (mut running, mut start) = (Reckoned::new(), Reckoned::new());
    for container in spec.init_containers.iter().flatten() {
        let mut beside = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            plus(&mut sum, &beside);
            plus(&mut running, &beside);
            beside = running.clone();
        } else {
            plus(&mut beside, &running);
        }
        raise(&mut start, &beside);
    }
    raise(&mut sum, &start);
    if let Some(whole) = &spec.resources {
        sum.extend(written(whole));
    }
    plus(&mut sum, &amounts(spec.overhead.iter().flatten()));
    sum.into_iter()
        .map(|(resource, amount)| (resource.to_owned(), amount))
        .collect()
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
