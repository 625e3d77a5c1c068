//! What the set's own template says of where shards may be, as far as layouts have to reckon with it.

use k8s_openapi::api::core::v1::{PodAffinityTerm, PodSpec};

use crate::model::read::Skip;
use crate::model::set;
use crate::model::volume::ZONE;
use crate::plan::verify::seen::Seen;

/// The label of a node that is its own.
const HOST: &str = "kubernetes.io/hostname";
/// How a topology spread that isn't only a wish is written.
const HARD: &str = "DoNotSchedule";

/// What the template says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// No two shards may be on one node: a required podAntiAffinity over hosts that selects the set's own pods.
    pub one_a_node: bool,
    /// By how many shards zones may differ at most; none where the template doesn't insist.
    pub zones_differ_by: Option<i32>,
}

/// Reads the template.
///
/// # Errors
/// Where the set can't be read.
pub fn placement(seen: &Seen<'_>) -> Result<Placement, Skip> {
    let found = seen.set()?;
    let Some(spec) = set::pod_spec(found) else {
        return Ok(Placement::default());
    };
    let template = found.spec.as_ref().map(|spec| &spec.template);
    let labels = template.and_then(|template| template.metadata.as_ref()?.labels.as_ref());
    let own = |term: &PodAffinityTerm| {
        let here = term.namespaces.is_none() && term.namespace_selector.is_none();
        let selected = term.label_selector.as_ref();
        here && selected.is_some_and(|selector| set::selects(selector, labels))
    };
    let spreads = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    Ok(Placement {
        one_a_node: required(spec).any(|term| term.topology_key == HOST && own(term)),
        zones_differ_by: spreads
            .iter()
            .filter(|spread| spread.topology_key == ZONE && spread.when_unsatisfiable == HARD)
            .map(|spread| spread.max_skew)
            .min(),
    })
}

fn required(spec: &PodSpec) -> impl Iterator<Item = &PodAffinityTerm> {
    let anti = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    anti.and_then(|anti| anti.required_during_scheduling_ignored_during_execution.as_deref())
        .unwrap_or_default()
        .iter()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;

    fn of(spec: &serde_json::Value) -> Placement {
        let mut scene = Scene::healthy(2);
        scene.edit(Resource::StatefulSets, "db", |set| {
            set["spec"]["template"]["metadata"]["labels"] = json!({"app": "db"});
            for (key, value) in spec.as_object().unwrap() {
                set["spec"]["template"]["spec"][key] = value.clone();
            }
        });
        let snapshot = scene.snapshot();
        placement(&Seen::of(&snapshot, &scene.policy)).unwrap()
    }

    fn anti(key: &str, app: &str) -> serde_json::Value {
        let term = json!({"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}});
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
    }

    #[test]
    fn only_what_the_template_insists_on_and_says_of_its_own_pods_binds() {
        assert!(of(&anti(HOST, "db")).one_a_node);
        assert!(!of(&anti(HOST, "web")).one_a_node);
        assert!(!of(&anti(ZONE, "db")).one_a_node);
        let spread = |key: &str, how: &str| json!({"topologyKey": key, "maxSkew": 2, "whenUnsatisfiable": how});
        let found = of(&json!({"topologySpreadConstraints": [spread(ZONE, HARD), spread(HOST, "ScheduleAnyway")]}));
        assert_eq!(found.zones_differ_by, Some(2));
        let found = of(&json!({"topologySpreadConstraints": [spread(ZONE, "ScheduleAnyway")]}));
        assert_eq!(found.zones_differ_by, None);
    }
}
