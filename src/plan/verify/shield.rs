//! What keeps a shard from being evicted or its node from being disrupted right now. The Karpenter checks and THR-01 share it:
//! a way to take a shard down is worth a warning only where nothing here stops it.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::seen::Seen;
use crate::model::karpenter::do_not_disrupt_holds;
use crate::model::read::Skip;
use crate::model::{node, pod};

/// A budget's name.
pub fn budget_name(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

/// How many evictions the budget's status allows, if that status is of its present spec.
pub fn allowed(budget: &PodDisruptionBudget) -> Option<i32> {
    let status = budget.status.as_ref()?;
    let current = status.observed_generation.unwrap_or(0) >= budget.metadata.generation.unwrap_or(0);
    current.then(|| status.disruptions_allowed.unwrap_or(0))
}

/// Why the eviction API refuses a Ready shard now; none where it may accept one.
///
/// # Errors
/// As [`Seen::set`], and unknown where budgets can't be read.
pub fn by_budget(seen: &Seen<'_>) -> Result<Option<String>, Skip> {
    let budgets = seen.budgets()?;
    seen.snapshot.budgets.need()?;
    Ok(match budgets.as_slice() {
        [] => None,
        [only] => (allowed(only) == Some(0)).then(|| format!("pdb/{} allows no eviction", budget_name(only))),
        several => Some(format!(
            "{} budgets select the shards, and the eviction API refuses that",
            several.len()
        )),
    })
}

/// What keeps Karpenter from disrupting a node of its own accord (consolidation, drift): the annotation on the node, on a
/// shard's pod, or a closed budget. Any one is enough. None of them stops expiry, repair or a terminationGracePeriod.
///
/// Source: `ValidateNodeDisruptable` and `ValidatePodsDisruptable` in `pkg/controllers/state/statenode.go`.
///
/// # Errors
/// Unknown where no annotation is there and the budgets can't be read.
pub fn on_node(seen: &Seen<'_>, held: &Node, pods: &[&Pod]) -> Result<Vec<String>, Skip> {
    let mut shields = Vec::new();
    let on_node = held
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(pod::DO_NOT_DISRUPT));
    if on_node.is_some_and(|value| value == "true") {
        shields.push(format!("do-not-disrupt on node/{}", node::name(held)));
    }
    let marked: Vec<&str> = pods
        .iter()
        .filter(|found| says_do_not_disrupt(seen, found))
        .map(|found| pod::name(found))
        .collect();
    if !marked.is_empty() {
        shields.push(format!("do-not-disrupt on {}", marked.join(", ")));
    }
    match by_budget(seen) {
        Ok(shield) => shields.extend(shield),
        Err(skip) if shields.is_empty() => return Err(skip),
        Err(_) => {}
    }
    Ok(shields)
}

/// Whether a pod carries `karpenter.sh/do-not-disrupt` and it holds now.
pub fn says_do_not_disrupt(seen: &Seen<'_>, found: &Pod) -> bool {
    let started = found.status.as_ref().and_then(|status| status.start_time.as_ref());
    pod::annotation(found, pod::DO_NOT_DISRUPT)
        .is_some_and(|value| do_not_disrupt_holds(value, started.map(|time| time.0), seen.now()))
}
