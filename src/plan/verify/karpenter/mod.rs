//! Karpenter under the shards: the pools and claims that matter, and KARP-00, whether they can make nodes at all.
//!
//! Only what the shards use is judged: the pools of the nodes that hold shards, and the pools that the pod template picks by a
//! label of theirs. Karpenter's own pods are never looked for: under AKS node auto-provisioning and EKS Auto Mode there are none.

pub mod claims;
pub mod consolidation;
pub mod lifetime;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, Pod};

use super::Check;
use super::seen::Seen;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::karpenter::{self, ClassRef, Condition, NodeClaim, NodePool};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{node, pod, set};

/// A node of Karpenter's that holds shards.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// The node.
    pub node: &'a Node,
    /// The shards' pods on it.
    pub pods: Vec<&'a Pod>,
    /// The name of its pool.
    pub pool: &'a str,
}

impl<'a> Held<'a> {
    /// `node/x (db-0, db-1)`.
    pub fn words(&self) -> String {
        format!("node/{} ({})", node::name(self.node), self.shards())
    }

    /// `db-0, db-1`.
    pub fn shards(&self) -> String {
        let names: Vec<&str> = self.pods.iter().map(|found| pod::name(found)).collect();
        names.join(", ")
    }

    /// Its NodeClaim.
    pub fn claim(&self, claims: &'a [serde_json::Value]) -> Option<NodeClaim<'a>> {
        claims
            .iter()
            .map(NodeClaim)
            .find(|claim| claim.node() == Some(node::name(self.node)))
    }
}

/// A pool that matters to the shards, with its nodes that hold some.
#[derive(Clone, Debug)]
pub struct Ground<'a> {
    /// The pool; none where nodes name it and it doesn't exist.
    pub pool: Option<NodePool<'a>>,
    /// Its nodes that hold shards; none where only the template picks it.
    pub nodes: Vec<Held<'a>>,
}

/// The nodes of Karpenter's that hold shards, in the order of their names.
///
/// # Errors
/// Not applicable without Karpenter or without such a node, left to POD-01 where no shard is on a node at all, unknown where
/// nodes or pods can't be read.
pub fn held<'a>(seen: &Seen<'a>) -> Result<Vec<Held<'a>>, Skip> {
    let found = on_nodes(seen)?;
    if found.is_empty() {
        return Err(on_no_node(seen));
    }
    Ok(found)
}

fn on_nodes<'a>(seen: &Seen<'a>) -> Result<Vec<Held<'a>>, Skip> {
    // Without Karpenter in the cluster there is nothing to judge, whatever else can't be read.
    if let Err(Skip::NotApplicable(why)) = seen.snapshot.node_pools.need() {
        return Err(Skip::NotApplicable(why));
    }
    let of_karpenter = |(found, pods): (&'a Node, Vec<&'a Pod>)| {
        let pool = node::label(found, node::NODE_POOL)?;
        Some(Held {
            node: found,
            pods,
            pool,
        })
    };
    Ok(seen.nodes_with_shards()?.into_iter().filter_map(of_karpenter).collect())
}

fn on_no_node(seen: &Seen<'_>) -> Skip {
    match seen.nodes_with_shards() {
        Ok(nodes) if nodes.is_empty() => seen.left_to("POD-01", "no shard is on a node"),
        _ => Skip::NotApplicable("no shard is on a node of Karpenter's".to_owned()),
    }
}

/// The pools that matter, by name: those of [`held`], and those that the template picks.
///
/// # Errors
/// As [`held`], and unknown where NodePools can't be read. Not applicable where no pool matters.
pub fn ground<'a>(seen: &Seen<'a>) -> Result<BTreeMap<&'a str, Ground<'a>>, Skip> {
    let held = on_nodes(seen)?;
    let pools: Vec<NodePool<'a>> = seen.snapshot.node_pools.need()?.iter().map(NodePool).collect();
    let mut ground: BTreeMap<&'a str, Ground<'a>> = BTreeMap::new();
    for found in held {
        let pool = pools.iter().copied().find(|pool| pool.name() == found.pool);
        let nodes = Vec::new();
        let entry = ground.entry(found.pool).or_insert(Ground { pool, nodes });
        entry.nodes.push(found);
    }
    for pool in pools {
        if picks(seen.set()?, pool) {
            ground.entry(pool.name()).or_insert(Ground {
                pool: Some(pool),
                nodes: Vec::new(),
            });
        }
    }
    if ground.is_empty() {
        return Err(on_no_node(seen));
    }
    Ok(ground)
}

/// Whether the pod template picks this pool by name or by a label of the pool's own making, and asks for nothing else that the
/// pool doesn't give. Labels that every cluster has (zone, architecture, size) pick no pool: many pools would fit them.
fn picks(set: &StatefulSet, pool: NodePool<'_>) -> bool {
    let Some(spec) = set::pod_spec(set) else { return false };
    let mut given: BTreeMap<String, Vec<String>> = pool
        .labels()
        .into_iter()
        .map(|(key, value)| (key, vec![value]))
        .collect();
    given.insert(node::NODE_POOL.to_owned(), vec![pool.name().to_owned()]);
    for (key, operator, values) in pool.requirements() {
        if operator == "In" {
            given.insert(key.to_owned(), values.into_iter().map(str::to_owned).collect());
        }
    }
    let own = |key: &str| {
        key == node::NODE_POOL
            || !["kubernetes.io/", "k8s.io/", "karpenter."]
                .iter()
                .any(|known| key.contains(known))
    };
    let fits = |key: &str, operator: &str, values: &[String]| match (given.get(key), operator) {
        (Some(given), "In") => given.iter().any(|value| values.contains(value)),
        (Some(given), "NotIn") => given.iter().any(|value| !values.contains(value)),
        (Some(_), "DoesNotExist") => false,
        (None, "In" | "Exists") => !own(key),
        _ => true,
    };
    let chosen = |key: &str, operator: &str| own(key) && matches!(operator, "In" | "Exists") && given.contains_key(key);
    let selected: Vec<NodeSelectorRequirement> = spec
        .node_selector
        .iter()
        .flatten()
        .map(|(key, value)| NodeSelectorRequirement {
            key: key.clone(),
            operator: "In".to_owned(),
            values: Some(vec![value.clone()]),
        })
        .collect();
    let terms = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())
        .map(|required| required.node_selector_terms.as_slice())
        .unwrap_or_default();
    let alternatives: Vec<Vec<&NodeSelectorRequirement>> = if terms.is_empty() {
        vec![selected.iter().collect()]
    } else {
        terms
            .iter()
            .map(|term| selected.iter().chain(term.match_expressions.iter().flatten()).collect())
            .collect()
    };
    alternatives.iter().any(|demands| {
        let values = |demand: &NodeSelectorRequirement| demand.values.clone().unwrap_or_default();
        demands
            .iter()
            .all(|demand| fits(&demand.key, &demand.operator, &values(demand)))
            && demands.iter().any(|demand| chosen(&demand.key, &demand.operator))
    })
}

/// A merge patch on a NodePool, as a line of a remedy.
pub fn patch_pool(seen: &Seen<'_>, pool: &str, patch: &str) -> String {
    seen.kubectl_cluster(&format!(
        "patch nodepool {} --type merge -p '{patch}'",
        shell_word(pool)
    ))
}

/// A patch that keeps Karpenter from replacing nodes that hold pods; emptied ones still go. It replaces the pool's budgets.
pub fn closed_budget(seen: &Seen<'_>, pool: &str) -> String {
    let patch = r#"{"spec":{"disruption":{"budgets":[{"nodes":"0","reasons":["Drifted","Underutilized"]}]}}}"#;
    patch_pool(seen, pool, patch)
}

/// KARP-00.
pub const KARP_00: Check = Check {
    about: Description {
        id: "KARP-00",
        category: Category::Karpenter,
        severity: Severity::Error,
        title: "the NodePools of the shards and their node classes are Ready",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::NodePools,
            Resource::NodeClasses,
        ],
        also: "",
        why: "A pool that isn't Ready makes no nodes: the shards run on, but one that loses its node stays Pending. A pool that \
              is deleted takes its NodeClaims, and with them the nodes under the shards, along.",
        mend: "Read the condition's message: most often the node class names an image, a subnet or a role that isn't there.\n\
               $ kubectl describe nodepool NAME",
        source: "Karpenter pkg/apis/v1/nodepool_status.go (Ready = ValidationSucceeded and NodeClassReady), \
                 pkg/controllers/nodepool/readiness",
        entails: &["POD-04", "NODE-03", "THR-01"],
    },
    judge: karp_00,
};

fn karp_00(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let ground = ground(seen)?;
    let mut verdict = Verdict::new();
    for (name, ground) in &ground {
        let object = format!("nodepool/{name}");
        let Some(pool) = ground.pool else {
            let words: Vec<String> = ground.nodes.iter().map(Held::words).collect();
            verdict
                .fail(
                    object,
                    format!("it doesn't exist, yet it is the pool of {}", words.join(", ")),
                )
                .remedy(seen.kubectl_cluster("get nodepools,nodeclaims"))
                .remedy("create the pool again under the same name: Karpenter replaces no node of a pool that is gone");
            continue;
        };
        judge_pool(seen, &object, pool, ground, &mut verdict);
        judge_class(seen, &object, pool, &mut verdict);
    }
    let names: Vec<&str> = ground.keys().copied().collect();
    Ok(verdict.seen(format!("Ready: {}", names.join(", "))))
}

fn judge_pool(seen: &Seen<'_>, object: &str, pool: NodePool<'_>, ground: &Ground<'_>, verdict: &mut Verdict) {
    let describe = seen.kubectl_cluster(&format!("describe nodepool {}", shell_word(pool.name())));
    if pool.is_terminating() {
        let words: Vec<String> = ground.nodes.iter().map(Held::words).collect();
        let under = if words.is_empty() {
            "the template picks it".to_owned()
        } else {
            format!("it owns {}", words.join(", "))
        };
        verdict
            .fail(
                object,
                format!("the pool is being deleted, and its NodeClaims go with it: {under}"),
            )
            .remedy("a deletion can't be taken back; make another pool that fits the shards before the nodes go")
            .remedy(describe);
        return;
    }
    match pool.condition("Ready") {
        Some(ready) if ready.is_true() => {}
        Some(ready) if ready.status == "False" => {
            let finding = verdict.fail(
                object,
                format!("the pool is not Ready and makes no nodes: {}", in_words(&ready)),
            );
            for kind in ["ValidationSucceeded", "NodeClassReady"] {
                if let Some(part) = pool.condition(kind).filter(|part| !part.is_true()) {
                    finding.evidence(format!("{kind} is {}: {}", part.status, in_words(&part)));
                }
            }
            finding.remedy(describe);
        }
        Some(ready) => verdict.unsure(format!(
            "whether {object} is Ready is {}: {}",
            ready.status,
            in_words(&ready)
        )),
        // Pools of v1beta1 had no conditions before 0.37.
        None if pool.is_beta() => {}
        None => verdict.unsure(format!("{object} doesn't say yet whether it is Ready")),
    }
    if let Some(health) = pool
        .condition("NodeRegistrationHealthy")
        .filter(|health| health.status == "False")
    {
        let finding = verdict.warn(
            object,
            format!("nodes that the pool makes don't register: {}", in_words(&health)),
        );
        finding.remedy(seen.kubectl_cluster(&format!("get nodeclaims -l {}={}", node::NODE_POOL, pool.name())));
    }
}

fn judge_class(seen: &Seen<'_>, object: &str, pool: NodePool<'_>, verdict: &mut Verdict) {
    let Some(class) = pool.class() else { return };
    let classes = match seen.snapshot.node_classes.need() {
        Ok(classes) => classes,
        // The pool itself says how its class is, since v1.
        Err(_) if pool.condition("NodeClassReady").is_some() => return,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return verdict.unsure(why),
    };
    let Some(found) = classes.iter().find(|found| is_class(found, &class)) else {
        // Under v1beta1 the group may be missing from the reference, and the class was then not looked for.
        if class.kind.is_empty() {
            verdict.unsure(format!("the node class {} of {object} names no kind", class.name));
        } else {
            verdict
                .fail(
                    object,
                    format!(
                        "its node class doesn't exist: {} {}, so no node can be made",
                        class.kind, class.name
                    ),
                )
                .remedy(seen.kubectl_cluster(&format!("get {}", class.kind.to_lowercase())));
        }
        return;
    };
    let kind = found["kind"].as_str().unwrap_or("nodeclass").to_lowercase();
    if let Some(ready) = karpenter::condition(found, "Ready").filter(|ready| ready.status == "False") {
        verdict
            .fail(
                format!("{kind}/{}", class.name),
                format!(
                    "the node class of {object} is not Ready, so no node can be made: {}",
                    in_words(&ready)
                ),
            )
            .remedy(seen.kubectl_cluster(&format!("describe {kind} {}", shell_word(class.name))));
    }
}

fn is_class(found: &serde_json::Value, class: &ClassRef<'_>) -> bool {
    found.pointer("/metadata/name").and_then(serde_json::Value::as_str) == Some(class.name)
        && (class.kind.is_empty() || found["kind"] == class.kind)
}

/// `Reason: message`, as far as they say anything.
pub fn in_words(condition: &Condition<'_>) -> String {
    match (condition.reason, condition.message) {
        ("", "") => "no reason is given".to_owned(),
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) if reason == message => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod picking_tests {
    use super::*;
    use serde_json::{Value, json};

    fn picked(template: Value, pool: Value) -> bool {
        let set: StatefulSet =
            serde_json::from_value(json!({"spec": {"selector": {}, "template": {"spec": template}}})).unwrap();
        picks(&set, NodePool(&pool))
    }

    fn pool(labels: Value, requirements: Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"template": {"metadata": {"labels": labels},
            "spec": {"requirements": requirements}}}})
    }

    #[test]
    fn a_template_picks_a_pool_by_its_name_or_own_label_only() {
        let plain = pool(json!({}), json!([]));
        let by_name = json!({"containers": [], "nodeSelector": {"karpenter.sh/nodepool": "p"}});
        assert!(picked(by_name.clone(), plain.clone()));
        let other = json!({"containers": [], "nodeSelector": {"karpenter.sh/nodepool": "q"}});
        assert!(!picked(other, plain.clone()));
        assert!(!picked(json!({"containers": []}), plain.clone()));
        let zone = json!({"containers": [], "nodeSelector": {"topology.kubernetes.io/zone": "a"}});
        assert!(!picked(zone, plain.clone()));
        let affinity = json!({"containers": [], "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "workload", "operator": "In", "values": ["db"]}]}]}}}});
        assert!(picked(affinity.clone(), pool(json!({"workload": "db"}), json!([]))));
        assert!(!picked(affinity.clone(), plain));
        let required = json!([{"key": "workload", "operator": "In", "values": ["db", "web"]}]);
        assert!(picked(affinity, pool(json!({}), required)));
        let elsewhere = json!([{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b"]}]);
        let both = json!({"containers": [], "nodeSelector": {"karpenter.sh/nodepool": "p", "topology.kubernetes.io/zone": "a"}});
        assert!(!picked(both, pool(json!({}), elsewhere)));
        assert!(picked(by_name, pool(json!({"x": "y"}), json!([]))));
    }
}
