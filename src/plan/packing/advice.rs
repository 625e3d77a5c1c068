//! From explore to stable: what to change of a NodePool so that it keeps a layout, in the version that is served, and what that
//! would disrupt.
//!
//! Three steps, because the order matters: the budgets first, so that nothing drifts away unasked; then what the nodes are made
//! by; the limits last, since old and new nodes count together while the shards move. What is part of a pool's hash, and that
//! requirements are compared with a node's labels: Karpenter's pkg/apis/v1/nodepool.go (Hash) and
//! pkg/controllers/nodeclaim/disruption/drift.go.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::layout::Layout;
use super::pools::{is_of_machine, limits};
use super::present::{Present, Row};
use crate::model::catalogue::Catalogue;
use crate::model::karpenter::{NodePool, Reason};
use crate::model::node::INSTANCE_TYPE;
use crate::model::span::Span;
use crate::model::volume::{ZONE, same_zone};
use crate::plan::template::{DiffLine, diff};

/// The label by which Karpenter says how a node is paid for.
const CAPACITY: &str = "karpenter.sh/capacity-type";
/// How long a node has to be empty before it goes.
const EMPTY_FOR: &str = "10m";

/// One patch, and why it comes where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Why, a sentence.
    pub why: &'static str,
    /// A JSON merge patch of the pool; nothing in it where nothing has to be changed.
    pub patch: Value,
    /// What it changes.
    pub diff: Vec<DiffLine>,
}

/// A node that a change makes drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifting {
    /// The node.
    pub node: String,
    /// The shards on it.
    pub shards: Vec<String>,
    /// Why it drifts, a clause each.
    pub why: Vec<String>,
}

/// What to change of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The pool.
    pub pool: String,
    /// The layout that it is to keep.
    pub keeps: Layout,
    /// The version that it is served in: `karpenter.sh/v1`.
    pub version: String,
    /// The steps that change something, in their order.
    pub steps: Vec<Step>,
    /// The nodes that drift by them. With the budgets of the first step Karpenter doesn't replace them.
    pub drifting: Vec<Drifting>,
    /// What the version can't say, or has to be watched, a sentence each.
    pub notes: Vec<String>,
}

/// The advice for a pool that is to keep this layout. Sizes that the catalogue doesn't know leave the limits as they are.
pub fn advice(pool: NodePool<'_>, layout: &Layout, present: &Present, catalogue: &Catalogue) -> Advice {
    let version = pool.0["apiVersion"].as_str().unwrap_or_default().to_owned();
    let mut notes = Vec::new();
    let mut steps = Vec::new();
    let mut before = pool.0.clone();
    let mut take = |why: &'static str, patch: Value| {
        let mut after = before.clone();
        merge(&mut after, &patch);
        let diff = diff(&before["spec"], &after["spec"]);
        before = after;
        if !diff.is_empty() {
            steps.push(Step { why, patch, diff });
        }
    };
    take(
        "first keep Karpenter from replacing nodes that are no longer as the pool asks for",
        json!({"spec": {"disruption": {"budgets": budgets(pool)}}}),
    );
    take(
        "then pin the sizes and the zones, and let only emptied nodes go",
        json!({"spec": made_by(pool, layout)}),
    );
    match limits(layout.machines().map(|(_, of)| of), catalogue, 1) {
        Ok(limits) => take(
            "last, when the shards have moved, the limits: the layout and one node more, for a drain",
            json!({"spec": {"limits": limits}}),
        ),
        Err(_) => notes.push("a size of the layout isn't in the catalogue: the limits stay as they are".to_owned()),
    }
    if pool.is_beta() {
        notes.push(
            "v1beta1 has no budgets by reason: with nodes \"0\" emptied nodes stay as well, until they are deleted by hand"
                .to_owned(),
        );
    }
    if pool.is_static() {
        notes.push("the pool keeps a fixed number of nodes: spec.replicas decides, not the limits".to_owned());
    }
    let hashed = hashed(pool);
    let drifting: Vec<Drifting> = present
        .rows
        .iter()
        .filter(|row| row.pool.as_deref() == Some(pool.name()))
        .filter_map(|row| drifts(row, layout, &hashed))
        .collect();
    if !drifting.is_empty() {
        notes.push(
            "drifting nodes keep what they were made with: move their shards to new ones, one node at a time"
                .to_owned(),
        );
    }
    Advice {
        pool: pool.name().to_owned(),
        keeps: layout.clone(),
        version,
        steps,
        drifting,
        notes,
    }
}

/// The pool's budgets with one that closes it. What forbids already stays as it is.
fn budgets(pool: NodePool<'_>) -> Value {
    let written = pool.0.pointer("/spec/disruption/budgets").and_then(Value::as_array);
    if pool.always_forbids(Reason::Drifted) && pool.always_forbids(Reason::Underutilized) {
        return written.map_or_else(|| json!([]), |written| json!(written));
    }
    let closed = if pool.is_beta() {
        json!({"nodes": "0"})
    } else {
        json!({"nodes": "0", "reasons": [Reason::Drifted.word(), Reason::Underutilized.word()]})
    };
    let mut all = written.cloned().unwrap_or_else(|| vec![json!({"nodes": "10%"})]);
    all.insert(0, closed);
    json!(all)
}

/// What nodes are made by, and when they go.
fn made_by(pool: NodePool<'_>, layout: &Layout) -> Value {
    let mut spec = json!({
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": EMPTY_FOR},
        "template": {"spec": {"requirements": requirements(pool, layout)}},
    });
    // A pool whose nodes don't grow old, or don't go while they hold something, is left alone there.
    if pool.expire_after() != Ok(Span::Never) {
        let place = if pool.is_beta() {
            &mut spec["disruption"]
        } else {
            &mut spec["template"]["spec"]
        };
        place["expireAfter"] = json!("Never");
    }
    if pool.termination_grace().is_some() {
        spec["template"]["spec"]["terminationGracePeriod"] = Value::Null;
    }
    if pool.policy() == "WhenEmpty" && pool.0.pointer("/spec/disruption/consolidateAfter").is_some() {
        let keep = pool.0["spec"]["disruption"]["consolidateAfter"].clone();
        spec["disruption"]["consolidateAfter"] = keep;
    }
    spec
}

/// The pool's requirements with the sizes, the zones and the way to pay pinned; the others stay.
fn requirements(pool: NodePool<'_>, layout: &Layout) -> Value {
    let written = pool.0.pointer("/spec/template/spec/requirements");
    let mut all: Vec<Value> = written.and_then(Value::as_array).cloned().unwrap_or_default();
    all.retain(|term| !term["key"].as_str().is_some_and(is_of_machine));
    let pinned = [
        (INSTANCE_TYPE, layout.sizes().into_iter().map(str::to_owned).collect()),
        (ZONE, zones(layout)),
        (CAPACITY, vec!["on-demand".to_owned()]),
    ];
    for (key, values) in pinned.into_iter().filter(|(_, values)| !values.is_empty()) {
        let term = json!({"key": key, "operator": "In", "values": values});
        let at = all.iter().position(|term| term["key"] == key);
        // A key may be there twice, with operators that narrow each other: one term says it all.
        all.retain(|term| term["key"] != key);
        all.insert(at.unwrap_or(all.len()).min(all.len()), term);
    }
    json!(all)
}

/// The zones in which the layout has machines.
fn zones(layout: &Layout) -> Vec<String> {
    let zones: BTreeSet<&String> = layout.machines().filter_map(|(zone, _)| zone.name.as_ref()).collect();
    zones.into_iter().cloned().collect()
}

/// The fields of the pool's hash that the steps change.
fn hashed(pool: NodePool<'_>) -> Vec<&'static str> {
    let mut fields = Vec::new();
    // Under v1beta1 expiry is no part of the template, and so not of the hash.
    if !pool.is_beta() && pool.expire_after() != Ok(Span::Never) {
        fields.push("expireAfter");
    }
    if pool.termination_grace().is_some() {
        fields.push("terminationGracePeriod");
    }
    fields
}

fn drifts(row: &Row, layout: &Layout, hashed: &[&str]) -> Option<Drifting> {
    let mut why: Vec<String> = hashed
        .iter()
        .map(|field| format!("{field} is part of the pool's hash"))
        .collect();
    if let Some(size) = row.size.as_deref().filter(|size| !layout.sizes().contains(size)) {
        why.push(format!("{size} is no longer among the sizes"));
    }
    let zones = zones(layout);
    let outside = |zone: &&str| !zones.is_empty() && !zones.iter().any(|known| same_zone(known, zone));
    if let Some(zone) = row.zone.as_deref().filter(outside) {
        why.push(format!("{zone} is no longer among the zones"));
    }
    if let Some(paid) = row.capacity_type.as_deref().filter(|paid| *paid != "on-demand") {
        why.push(format!("it is {paid}, and only on-demand is asked for"));
    }
    (!why.is_empty()).then(|| Drifting {
        node: row.node.clone(),
        shards: row.shards.clone(),
        why,
    })
}

/// A JSON merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(object) = target.as_object_mut() else { return };
    for (key, value) in fields {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests;
