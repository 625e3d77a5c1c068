//! What nodes and pods use at a moment, as metrics.k8s.io tells it: measured by somebody in the cluster, served where he runs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Serialize};

use super::quantity::Amount;

/// Memory and CPU in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Used {
    /// Bytes (the working set, which is what the kubelet evicts by).
    pub memory: i64,
    /// Thousandths of a core, over the window of the measurement.
    pub cpu: i64,
}

impl Used {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Used) -> Used {
        Used {
            memory: self.memory.saturating_add(other.memory),
            cpu: self.cpu.saturating_add(other.cpu),
        }
    }

    /// What a measurement says; none where a figure is missing, isn't a quantity or is below nothing.
    fn of(figures: &BTreeMap<String, Quantity>) -> Option<Used> {
        let amount = |resource: &str| figures.get(resource).and_then(Amount::of);
        let number = |amount: i128| i64::try_from(amount).ok().filter(|number| *number >= 0);
        Some(Used {
            memory: number(amount("memory")?.ceiling())?,
            cpu: number(amount("cpu")?.thousandths())?,
        })
    }
}

/// What a node uses: `NodeMetrics` of metrics.k8s.io.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NodeMetrics {
    /// Whose it is: it has the node's name.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The end of the window in which it was measured.
    pub timestamp: Option<Time>,
    #[serde(default)]
    usage: BTreeMap<String, Quantity>,
}

impl NodeMetrics {
    /// What the node uses.
    pub fn used(&self) -> Option<Used> {
        Used::of(&self.usage)
    }
}

/// What the containers of a pod use: `PodMetrics` of metrics.k8s.io.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PodMetrics {
    /// Whose it is: it has the pod's name and namespace.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The end of the window in which it was measured.
    pub timestamp: Option<Time>,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Container {
    #[serde(default)]
    usage: BTreeMap<String, Quantity>,
}

impl PodMetrics {
    /// What all its containers use; none where one of them wasn't measured, or there is none.
    pub fn used(&self) -> Option<Used> {
        let each = self.containers.iter().map(|container| Used::of(&container.usage));
        let all: Vec<Used> = each.collect::<Option<_>>()?;
        all.into_iter().reduce(Used::plus)
    }
}

/// How what is used fits what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Under half of what is asked for.
    TooMuchAsked,
    /// From half to nine tenths.
    Fits,
    /// From nine tenths to all of it.
    Near,
    /// More than is asked for. With memory the kubelet evicts such pods first where its node runs short (node-pressure eviction);
    /// with CPU it goes on only while nobody else wants it.
    Over,
    /// It asks for none, so that nothing is kept for it.
    NothingAsked,
    /// Little, and too soon after its start to say anything of it.
    TooSoon,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(containers: serde_json::Value) -> PodMetrics {
        let metadata = json!({"name": "db-0", "namespace": "shop"});
        serde_json::from_value(json!({"metadata": metadata, "timestamp": null, "containers": containers})).unwrap()
    }

    #[test]
    fn figures_are_read_as_metrics_server_writes_them() {
        let node: NodeMetrics = serde_json::from_value(json!({
            "metadata": {"name": "node-0"}, "timestamp": "2026-03-01T11:59:50Z", "window": "10.062s",
            "usage": {"cpu": "1234567891n", "memory": "8388608Ki"},
        }))
        .unwrap();
        let expected = Used {
            memory: 8 << 30,
            cpu: 1235,
        };
        assert_eq!(node.used(), Some(expected));
        let both = json!([
            {"name": "db", "usage": {"cpu": "500m", "memory": "1Gi"}},
            {"name": "side", "usage": {"cpu": "0", "memory": "1Mi"}},
        ]);
        let expected = Used {
            memory: (1 << 30) + (1 << 20),
            cpu: 500,
        };
        assert_eq!(pod(both).used(), Some(expected));
    }

    #[test]
    fn half_a_measurement_is_none() {
        for containers in [
            json!([]),
            json!([{"name": "db", "usage": {"cpu": "1"}}]),
            json!([{"name": "db", "usage": {"cpu": "1", "memory": "much"}}]),
            json!([{"name": "db", "usage": {"cpu": "1", "memory": "-1"}}]),
            json!([{"name": "db", "usage": {"cpu": "1", "memory": "1"}}, {"name": "side"}]),
        ] {
            assert_eq!(pod(containers.clone()).used(), None, "{containers}");
        }
    }
}
