//! Whether a pod may stand on a node, whether a disk can be reached from there, and whether a Karpenter pool could make such
//! a node. Taints, selectors, affinity and zones are looked at; room (requests against allocatable) isn't.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint};
use serde_json::Value;

use crate::model::karpenter::NodePool;
use crate::model::node;
use crate::model::storage::PersistentVolume;
use crate::model::volume::{self, ZONE, ZONE_KEYS, same_zone};
use crate::plan::affinity::{picks, satisfies, taint_words, untolerated};

/// The label of a node's own name.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Taints that Kubernetes derives from a node's state (cordoned, silent, not ready), which is looked at itself.
const OF_STATE: [&str; 3] = [
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

/// The terms of the required node affinity; none where everything is allowed.
pub fn required(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&required.node_selector_terms)
}

/// Why a node wouldn't take a new pod of this spec, whatever room it has; a clause. None where it would.
pub fn refusal(spec: &PodSpec, candidate: &Node) -> Option<String> {
    if candidate.metadata.deletion_timestamp.is_some() {
        return Some("is being deleted".to_owned());
    }
    // What a node is comes before how it does: a node of somebody else's pool needn't be uncordoned.
    if let Some(mismatch) = mismatch(spec, candidate) {
        return Some(mismatch);
    }
    if !node::is_ready(candidate) {
        return Some("is NotReady".to_owned());
    }
    if node::is_cordoned(candidate) {
        return Some("is cordoned".to_owned());
    }
    None
}

/// Why a node is none for pods of this spec, however it does: its taints, its labels; a clause. None where it is one.
pub fn mismatch(spec: &PodSpec, candidate: &Node) -> Option<String> {
    let lasting = node::taints(candidate)
        .iter()
        .filter(|taint| !OF_STATE.contains(&taint.key.as_str()));
    if let Some(taint) = untolerated(spec, lasting).next() {
        return Some(format!(
            "has the taint {}, which the shards don't tolerate",
            taint_words(taint)
        ));
    }
    for (key, wanted) in spec.node_selector.iter().flatten() {
        if node::label(candidate, key) != Some(wanted) {
            return Some(format!("lacks the label {key}={wanted} that nodeSelector asks for"));
        }
    }
    if required(spec).is_some_and(|terms| !terms.iter().any(|term| picks(term, candidate))) {
        return Some("doesn't meet the shards' required node affinity".to_owned());
    }
    None
}

/// Whether a volume can be reached from a node, by its required node affinity.
///
/// Zones are compared as [`same_zone`] does, by the disk's own key where the node has it, and else under whichever key the node
/// uses; an empty zone binds to none. Every
/// other requirement (a local disk's host name) holds as the scheduler reads it.
pub fn reaches(volume: &PersistentVolume, candidate: &Node) -> bool {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    let Some(required) = affinity.and_then(|affinity| affinity.required.as_ref()) else {
        return true;
    };
    required.node_selector_terms.iter().any(|term| {
        term.match_expressions.iter().flatten().all(|one| {
            if one.operator != "In" || !ZONE_KEYS.contains(&one.key.as_str()) {
                return satisfies(one, node::label(candidate, &one.key));
            }
            let mut zones = one.values.iter().flatten().filter(|zone| !zone.is_empty()).peekable();
            let here = volume::node_zone_by(candidate, &one.key);
            zones.peek().is_none() || here.is_some_and(|here| zones.any(|zone| same_zone(zone, here)))
        })
    })
}

/// Whether a volume hangs on one host (a local disk).
pub fn is_bound_to_a_host(volume: &PersistentVolume) -> bool {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    affinity
        .and_then(|affinity| affinity.required.as_ref())
        .into_iter()
        .flat_map(|required| &required.node_selector_terms)
        .flat_map(|term| term.match_expressions.iter().flatten())
        .any(|one| one.key == HOSTNAME)
}

/// Why a Karpenter pool wouldn't make a node in one of `zones` for a new pod of this spec; a clause. None where it would, as
/// far as taints, labels, requirements and limits say.
pub fn pool_refusal(spec: &PodSpec, pool: NodePool<'_>, zones: &BTreeSet<&str>) -> Option<String> {
    if pool.is_terminating() {
        return Some("is being deleted".to_owned());
    }
    if pool.is_static() {
        return Some("keeps a fixed number of nodes".to_owned());
    }
    if let Some(ready) = pool.condition("Ready").filter(|ready| ready.status == "False") {
        return Some(format!("isn't Ready ({})", ready.reason));
    }
    let used = pool.used();
    let full = |(resource, most): &(String, _)| used.get(resource).is_some_and(|used| used >= most);
    if let Some((resource, _)) = pool.limits().into_iter().find(full) {
        return Some(format!("has used up its limit of {resource}"));
    }
    if !zones.is_empty() && !zones.iter().any(|zone| Offer::of(pool).has_zone(zone)) {
        return Some("makes no nodes in that zone".to_owned());
    }
    let taints = pool_taints(pool);
    if let Some(taint) = untolerated(spec, &taints).next() {
        return Some(format!(
            "gives its nodes the taint {}, which the shards don't tolerate",
            taint_words(taint)
        ));
    }
    let offer = Offer::of(pool);
    for (key, wanted) in spec.node_selector.iter().flatten() {
        if !offer.can_have(key, wanted) {
            return Some(format!(
                "gives its nodes no label {key}={wanted}, which nodeSelector asks for"
            ));
        }
    }
    let meets = |term: &NodeSelectorTerm| term.match_expressions.iter().flatten().all(|one| offer.can_meet(one));
    if required(spec).is_some_and(|terms| !terms.iter().any(meets)) {
        return Some("can't meet the shards' required node affinity".to_owned());
    }
    None
}

fn pool_taints(pool: NodePool<'_>) -> Vec<Taint> {
    let listed = pool.0.pointer("/spec/template/spec/taints");
    let listed = listed.and_then(Value::as_array).into_iter().flatten();
    listed
        .filter_map(|taint| serde_json::from_value(taint.clone()).ok())
        .collect()
}

/// The labels that a pool's nodes can have.
struct Offer<'a> {
    labels: BTreeMap<String, String>,
    requirements: Vec<(&'a str, &'a str, Vec<&'a str>)>,
}

impl<'a> Offer<'a> {
    fn of(pool: NodePool<'a>) -> Offer<'a> {
        let mut labels = pool.labels();
        labels.insert(node::NODE_POOL.to_owned(), pool.name().to_owned());
        Offer {
            labels,
            requirements: pool.requirements(),
        }
    }

    fn asked(&self, key: &str) -> impl Iterator<Item = &(&'a str, &'a str, Vec<&'a str>)> {
        self.requirements.iter().filter(move |(found, ..)| *found == key)
    }

    /// Whether a key is there without the pool naming it: what Kubernetes, Karpenter and its clouds label by themselves. A
    /// custom label that a pool doesn't name is never on its nodes (Karpenter, "Scheduling", well-known labels).
    fn is_well_known(key: &str) -> bool {
        let domains = [
            "kubernetes.io/",
            "karpenter.sh/",
            "karpenter.k8s.aws/",
            "karpenter.azure.com/",
        ];
        let subdomain = key
            .split_once('/')
            .is_some_and(|(domain, _)| domain.ends_with(".kubernetes.io"));
        key != HOSTNAME && (subdomain || domains.iter().any(|domain| key.starts_with(domain)))
    }

    fn can_have(&self, key: &str, value: &str) -> bool {
        if let Some(fixed) = self.labels.get(key) {
            return fixed == value;
        }
        let mut asked = self.asked(key).peekable();
        if asked.peek().is_none() {
            return Offer::is_well_known(key);
        }
        asked.all(|(_, operator, values)| satisfies(&requirement(key, operator, values), Some(value)))
    }

    fn can_meet(&self, wanted: &NodeSelectorRequirement) -> bool {
        let key = wanted.key.as_str();
        let mut values = wanted.values.iter().flatten();
        let fixed = self.labels.get(key);
        let named = fixed.is_some() || self.asked(key).next().is_some() || Offer::is_well_known(key);
        match wanted.operator.as_str() {
            "In" => values.any(|value| self.can_have(key, value)),
            "Exists" => named,
            "DoesNotExist" => fixed.is_none() && self.asked(key).next().is_none(),
            "NotIn" => {
                let refused: Vec<&String> = values.collect();
                let only_those = |(_, operator, offered): &(&str, &str, Vec<&str>)| {
                    *operator == "In" && offered.iter().all(|one| refused.iter().any(|no| no == one))
                };
                !fixed.is_some_and(|fixed| refused.contains(&fixed)) && !self.asked(key).any(only_those)
            }
            "Gt" | "Lt" => fixed.map_or(named, |fixed| satisfies(wanted, Some(fixed))),
            _ => false,
        }
    }

    fn has_zone(&self, zone: &str) -> bool {
        if let Some(fixed) = self.labels.get(ZONE) {
            return same_zone(fixed, zone);
        }
        self.requirements
            .iter()
            .filter(|(key, ..)| ZONE_KEYS.contains(key))
            .all(|(_, operator, values)| {
                let listed = values.iter().any(|value| same_zone(value, zone));
                match *operator {
                    "In" => listed,
                    "NotIn" => !listed,
                    _ => true,
                }
            })
    }
}

fn requirement(key: &str, operator: &str, values: &[&str]) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::affinity::tolerates;
    use k8s_openapi::api::core::v1::Toleration;
    use serde_json::json;

    fn toleration(value: Value) -> Toleration {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_toleration_covers_what_the_scheduler_lets_it_cover() {
        let taint: Taint =
            serde_json::from_value(json!({"key": "shop", "value": "reserved", "effect": "NoSchedule"})).unwrap();
        let covers = |value| tolerates(&toleration(value), &taint);
        assert!(covers(json!({"operator": "Exists"})));
        assert!(covers(json!({"key": "shop", "operator": "Exists"})));
        assert!(covers(json!({"key": "shop", "value": "reserved"})));
        assert!(covers(
            json!({"key": "shop", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"})
        ));
        assert!(!covers(
            json!({"key": "shop", "operator": "Exists", "effect": "NoExecute"})
        ));
        assert!(!covers(json!({"key": "shop", "value": "other"})));
        assert!(!covers(json!({"key": "other", "operator": "Exists"})));
        assert!(!covers(json!({"value": "reserved"})));
    }

    fn worker(labels: Value, spec: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "labels": labels}, "spec": spec,
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }))
        .unwrap()
    }

    fn pod_spec(value: Value) -> PodSpec {
        let mut spec = json!({"containers": []});
        for (key, value) in value.as_object().unwrap() {
            spec[key] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    fn affinity(key: &str, operator: &str, values: &[&str]) -> PodSpec {
        pod_spec(
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}],
            }}}}),
        )
    }

    #[test]
    fn a_node_is_refused_for_the_first_thing_that_keeps_the_pod_away() {
        let plain = worker(json!({"tier": "db"}), json!({}));
        assert_eq!(
            refusal(&pod_spec(json!({"nodeSelector": {"tier": "db"}})), &plain),
            None
        );
        assert_eq!(refusal(&affinity("tier", "In", &["db"]), &plain), None);
        assert_eq!(refusal(&affinity("other", "NotIn", &["db"]), &plain), None);
        assert!(refusal(&affinity("tier", "NotIn", &["db"]), &plain).is_some());
        assert!(refusal(&pod_spec(json!({"nodeSelector": {"tier": "web"}})), &plain).is_some());
        let cordoned = worker(
            json!({}),
            json!({
                "unschedulable": true,
                "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
            }),
        );
        let elsewhere = refusal(&pod_spec(json!({"nodeSelector": {"tier": "web"}})), &cordoned);
        assert!(
            elsewhere.is_some_and(|why| why.contains("tier=web")),
            "uncordoning it wouldn't help"
        );
        assert_eq!(refusal(&pod_spec(json!({})), &cordoned).as_deref(), Some("is cordoned"));
        let tainted = worker(
            json!({}),
            json!({"taints": [{"key": "a", "effect": "PreferNoSchedule"}, {"key": "b", "effect": "NoSchedule"}]}),
        );
        let why = refusal(&pod_spec(json!({})), &tainted).unwrap();
        assert!(why.contains("b:NoSchedule"), "{why}");
    }

    fn disk(expression: Value) -> PersistentVolume {
        serde_json::from_value(json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [
            {"matchExpressions": [expression]},
        ]}}}}))
        .unwrap()
    }

    #[test]
    fn a_disk_is_reached_from_its_zone_or_its_host() {
        let here = worker(json!({ZONE: "eastus-1", HOSTNAME: "a"}), json!({}));
        let of = |key: &str, value: &str| disk(json!({"key": key, "operator": "In", "values": [value]}));
        assert!(reaches(&of("topology.disk.csi.azure.com/zone", "eastus-1"), &here));
        assert!(reaches(&of(ZONE, "1"), &here));
        assert!(reaches(&of("topology.disk.csi.azure.com/zone", ""), &here));
        assert!(!reaches(&of(ZONE, "eastus-2"), &here));
        for key in ZONE_KEYS {
            assert!(reaches(&of(key, "eastus-1"), &here), "{key}");
            assert!(!reaches(&of(key, "eastus-2"), &here), "{key}");
        }
        let cinder = "topology.cinder.csi.openstack.org/zone";
        let machine = worker(json!({ZONE: "az1", cinder: "nova"}), json!({}));
        assert!(reaches(&of(cinder, "nova"), &machine));
        assert!(!reaches(&of(cinder, "az1"), &machine));
        assert!(reaches(&of(HOSTNAME, "a"), &here));
        assert!(!reaches(&of(HOSTNAME, "b"), &here));
        assert!(reaches(&serde_json::from_value(json!({"spec": {}})).unwrap(), &here));
    }

    #[test]
    fn a_pool_is_refused_for_what_its_nodes_can_never_be() {
        let pool = json!({
            "metadata": {"name": "stable"},
            "spec": {"limits": {"cpu": "64"}, "template": {
                "metadata": {"labels": {"workload": "shop"}},
                "spec": {
                    "taints": [{"key": "shop", "value": "reserved", "effect": "NoSchedule"}],
                    "requirements": [{"key": ZONE, "operator": "In", "values": ["eastus-1", "eastus-2"]}],
                },
            }},
            "status": {"resources": {"cpu": "48"}},
        });
        let refused = |spec: &PodSpec, zone| pool_refusal(spec, NodePool(&pool), &BTreeSet::from([zone]));
        let mut spec = affinity("workload", "In", &["shop"]);
        assert!(refused(&spec, "eastus-1").unwrap().contains("taint"));
        spec.tolerations = Some(vec![toleration(json!({"operator": "Exists"}))]);
        assert_eq!(refused(&spec, "eastus-1"), None);
        assert_eq!(refused(&spec, "2"), None);
        assert!(refused(&spec, "eastus-3").unwrap().contains("zone"));
        let tolerant = |mut other: PodSpec| {
            other.tolerations = spec.tolerations.clone();
            other
        };
        assert!(refused(&tolerant(affinity("workload", "In", &["other"])), "1").is_some());
        assert!(refused(&tolerant(affinity("unheard-of", "Exists", &[])), "1").is_some());
        assert_eq!(
            refused(&tolerant(affinity("kubernetes.io/arch", "In", &["amd64"])), "1"),
            None
        );
        assert_eq!(
            refused(&tolerant(affinity("karpenter.sh/nodepool", "In", &["stable"])), "1"),
            None
        );
        let mut full = pool.clone();
        full["status"]["resources"]["cpu"] = json!("64");
        assert!(
            pool_refusal(&spec, NodePool(&full), &BTreeSet::new())
                .unwrap()
                .contains("limit")
        );
    }
}
