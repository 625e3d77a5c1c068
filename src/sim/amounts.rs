//! Amounts of resources: what a pod asks for, what a node gives.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::quantity::Amount;
use crate::sim::json::{list, text, texts};

/// What a pod takes or a node gives, by the name of the resource; `pods` counts the pods themselves.
pub(in crate::sim) type Amounts = BTreeMap<String, Amount>;

/// What a pod requests: its containers' sum, or the largest of its init containers; what is of the pod as a whole on top.
pub(in crate::sim) fn requests(pod: &Value) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(pod, "/spec/containers") {
        add(&mut sum, &amounts(container, "/resources/requests"));
    }
    for container in list(pod, "/spec/initContainers") {
        let wanted = amounts(container, "/resources/requests");
        if text(container, "/restartPolicy") == "Always" {
            add(&mut sum, &wanted);
            continue;
        }
        for (resource, amount) in wanted {
            let most = sum.entry(resource).or_default();
            *most = (*most).max(amount);
        }
    }
    add(&mut sum, &amounts(pod, "/spec/overhead"));
    add(&mut sum, &BTreeMap::from([("pods".to_owned(), Amount::units(1))]));
    sum
}

pub(in crate::sim) fn amounts(object: &Value, pointer: &str) -> Amounts {
    let written = texts(object, pointer);
    written
        .filter_map(|(resource, amount)| Some((resource.to_owned(), Amount::parse(amount).ok()?)))
        .collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let entry = sum.entry(resource.clone()).or_default();
        *entry = entry.plus(*amount);
    }
}
