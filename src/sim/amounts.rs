//! Amounts of resources: what a pod asks for, what a node gives.

use serde_json::Value;

use crate::model::quantity::Amount;
use crate::sim::json::{list, text, texts};

/// What a pod takes or a node gives, in the order of the resources' names; `pods` counts the pods themselves. There are a handful of
/// them, and every pod has its own: a map would take five times the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(Vec<(Box<str>, Amount)>);

impl Amounts {
    /// The amount of a resource; none where it isn't among them.
    pub(in crate::sim) fn get(&self, resource: &str) -> Option<Amount> {
        let found = self.place(resource).ok()?;
        self.0.get(found).map(|(_, amount)| *amount)
    }

    /// Each resource with its amount.
    pub(in crate::sim) fn iter(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.0.iter().map(|(resource, amount)| (&**resource, *amount))
    }

    /// Adds to what there is of each of these.
    pub(in crate::sim) fn add(&mut self, more: &Amounts) {
        for (resource, amount) in more.iter() {
            self.put(resource, amount, Amount::plus);
        }
    }

    /// Puts an amount together with what there is of it.
    fn put(&mut self, resource: &str, amount: Amount, with: fn(Amount, Amount) -> Amount) {
        match self.place(resource) {
            Ok(place) => self.0[place].1 = with(self.0[place].1, amount),
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (resource.into(), with(Amount::ZERO, amount)));
            }
        }
    }

    fn place(&self, resource: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(called, _)| (**called).cmp(resource))
    }
}

/// What a pod requests: its containers' sum, or the largest of its init containers; what is of the pod as a whole on top. What isn't
/// a pod requests nothing.
pub(in crate::sim) fn requests(pod: &Value) -> Amounts {
    let mut sum = Amounts::default();
    let containers = list(pod, "/spec/containers");
    if containers.is_empty() {
        return sum;
    }
    for container in containers {
        sum.add(&amounts(container, "/resources/requests"));
    }
    for container in list(pod, "/spec/initContainers") {
        let wanted = amounts(container, "/resources/requests");
        if text(container, "/restartPolicy") == "Always" {
            sum.add(&wanted);
            continue;
        }
        for (resource, amount) in wanted.iter() {
            sum.put(resource, amount, Amount::max);
        }
    }
    sum.add(&amounts(pod, "/spec/overhead"));
    sum.put("pods", Amount::units(1), Amount::plus);
    sum
}

pub(in crate::sim) fn amounts(object: &Value, pointer: &str) -> Amounts {
    let mut all = Amounts::default();
    for (resource, amount) in texts(object, pointer) {
        if let Ok(amount) = Amount::parse(amount) {
            all.put(resource, amount, Amount::plus);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_requests_what_its_containers_do_together_or_the_largest_that_begins_before_them() {
        let one = |requests: Value| json!({"resources": {"requests": requests}});
        let pod = json!({"spec": {
            "containers": [one(json!({"memory": "2Gi", "cpu": "1"})), one(json!({"memory": "1Gi"}))],
            "initContainers": [one(json!({"memory": "1Gi", "cpu": "4", "example.com/gpu": "1"})),
                {"restartPolicy": "Always", "resources": {"requests": {"memory": "1Gi"}}}],
            "overhead": {"memory": "1Gi"}}});
        let wanted = requests(&pod);
        let told: Vec<(&str, Amount)> = wanted.iter().collect();
        let amount = |text: &str| Amount::parse(text).unwrap();
        assert_eq!(
            told,
            [
                ("cpu", amount("4")),
                ("example.com/gpu", amount("1")),
                ("memory", amount("5Gi")),
                ("pods", amount("1"))
            ]
        );
        assert_eq!((wanted.get("memory"), wanted.get("disk")), (Some(amount("5Gi")), None));
        assert_eq!(requests(&json!({"spec": {"capacity": {}}})), Amounts::default());
    }
}
