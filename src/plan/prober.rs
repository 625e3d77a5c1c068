//! The prober: a pod that asks shards by their names from inside the cluster, where the shards' own image has nothing to ask with.
//!
//! It stands on a shard's node by `nodeName`, so that neither the scheduler nor Karpenter is asked, and its labels are nobody's: a
//! NetworkPolicy that lets only certain pods reach the shards keeps it away from them, as it would any other.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::plan::pre_pull::helper::{bare, harmless, name_of};

/// What the label [`crate::model::mark::HELPER`] says of it, and what its container is called.
pub const PROBER: &str = "prober";
/// What it asks for: little, so that it finds room on a full node.
const REQUESTS: [(&str, &str); 2] = [("cpu", "10m"), ("memory", "32Mi")];
/// What it may use: enough for some curls at once, whose times are measured.
const LIMITS: [(&str, &str); 2] = [("cpu", "500m"), ("memory", "256Mi")];

/// What a prober is made by.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its image: with `sleep`, and curl or wget.
    pub image: &'a str,
    /// The node that it stands on.
    pub node: &'a str,
    /// The run that it is of.
    pub run: &'a str,
    /// After how long it ends by itself.
    pub seconds: i64,
}

/// The prober of a set; `template` is the shards' pod spec, whose account and pull secrets it takes.
pub fn prober(set: &StatefulSet, template: &PodSpec, ask: &Ask<'_>) -> Pod {
    let name = name_of(PROBER, set, ask.node, ask.run);
    let mut pod = bare(PROBER, name, set, template, ask.run, ask.seconds);
    if let Some(spec) = &mut pod.spec {
        spec.node_name = Some(ask.node.to_owned());
        spec.tolerations = Some(vec![Toleration {
            operator: Some("Exists".to_owned()),
            ..Toleration::default()
        }]);
        let amounts = |amounts: [(&str, &str); 2]| {
            let amounts = amounts.map(|(resource, amount)| (resource.to_owned(), Quantity(amount.to_owned())));
            Some(amounts.into())
        };
        spec.containers = vec![Container {
            name: PROBER.to_owned(),
            image: Some(ask.image.to_owned()),
            image_pull_policy: Some("IfNotPresent".to_owned()),
            command: Some(vec!["sleep".to_owned(), ask.seconds.to_string()]),
            resources: Some(ResourceRequirements {
                requests: amounts(REQUESTS),
                limits: amounts(LIMITS),
                ..ResourceRequirements::default()
            }),
            security_context: Some(harmless()),
            ..Container::default()
        }];
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mark::{HELPER, RUN};
    use crate::model::{pod, set};
    use crate::plan::verify::testing::Scene;

    #[test]
    fn it_is_no_shard_goes_with_the_set_and_ends_by_itself() {
        let snapshot = Scene::healthy(1).snapshot();
        let set = snapshot.set().unwrap();
        let ask = Ask {
            image: "curl:8",
            node: "node-0",
            run: "route-test/shop/db/4f2a",
            seconds: 600,
        };
        let made = prober(set, set::pod_spec(set).unwrap(), &ask);
        assert_eq!(pod::label(&made, HELPER), Some(PROBER));
        assert_eq!(pod::annotation(&made, RUN), Some(ask.run));
        assert!(!set::selects(
            &set.spec.as_ref().unwrap().selector,
            made.metadata.labels.as_ref()
        ));
        assert_eq!(set::ordinal_of(set, pod::name(&made)), None);
        let owner = &made.metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!((owner.uid.as_str(), owner.controller), (set::uid(set), Some(false)));
        let spec = made.spec.unwrap();
        assert_eq!(
            (
                spec.node_name.as_deref(),
                spec.active_deadline_seconds,
                spec.termination_grace_period_seconds
            ),
            (Some("node-0"), Some(600), Some(0))
        );
        assert_eq!(spec.containers[0].command.as_ref().unwrap().join(" "), "sleep 600");
    }
}
