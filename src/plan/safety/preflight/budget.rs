//! Whether the budget holds everybody else off, and whether an earlier operation left a mark.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Preflight;
use crate::model::finding::Severity;
use crate::model::mark::Mark;
use crate::model::shell::shell_word;
use crate::model::{node, pod, set};
use crate::plan::safety::catalogue::{BUDGET_RELAXED, MARK};
use crate::plan::verify::seen::Seen;

/// Judges the budgets over the shards. What an earlier run of the same operation as `run` left open, or has one shard too many for,
/// this one closes first.
pub fn judge(seen: &Seen<'_>, found_set: &StatefulSet, run: &str, found: &mut Preflight) {
    let (Ok(budgets), Ok(expected), Ok(replicas)) = (seen.budgets(), seen.expected(), seen.replicas()) else {
        return;
    };
    // Where the number of shards is taken from a budget, a budget that is too small must not prove itself right.
    let shards = expected.shards.max(replicas);
    if let Err(skip) = seen.snapshot.budgets.need() {
        found.note(
            Severity::Warning,
            "pdb",
            format!(
                "whether a budget protects the shards isn't known: {}",
                crate::plan::safety::data::words(skip)
            ),
        );
        return;
    }
    if budgets.is_empty() {
        found.note(
            Severity::Warning,
            "pdb",
            "no disruption budget protects the shards: while one is replaced, anybody may evict another",
        );
    }
    let ours = |annotations: Option<&BTreeMap<String, String>>| {
        let mark = Mark::of(annotations).and_then(Result::ok);
        mark.is_some_and(|mark| mark.is_of(run))
    };
    if ours(found_set.metadata.annotations.as_ref()) {
        return;
    }
    for budget in budgets {
        let name = name(budget);
        if ours(budget.metadata.annotations.as_ref()) {
            continue;
        }
        if let Some(message) = relaxed(seen, budget, shards) {
            found.refuse(
                BUDGET_RELAXED.refuse(format!("pdb/{name}"), message).remedy(seen.kubectl(&format!(
                    "patch poddisruptionbudget {} --type merge -p '{{\"spec\":{{\"minAvailable\":{},\"maxUnavailable\":null}}}}'",
                    shell_word(name),
                    shards
                ))),
            );
        }
    }
}

/// In which way a budget lets a shard be evicted.
fn relaxed(seen: &Seen<'_>, budget: &PodDisruptionBudget, expected: i32) -> Option<String> {
    let spec = budget.spec.as_ref()?;
    if let Some(IntOrString::Int(least)) = &spec.min_available
        && *least < expected
    {
        return Some(format!(
            "its minAvailable is {least}, where there should be {expected} shards"
        ));
    }
    if let Some(IntOrString::Int(most)) = &spec.max_unavailable
        && *most > 0
    {
        return Some(format!(
            "its maxUnavailable is {most}: that many shards may be evicted at any time"
        ));
    }
    let allows = budget
        .status
        .as_ref()
        .and_then(|status| status.disruptions_allowed)
        .unwrap_or(0);
    let shards = seen.shards().ok()?;
    let all_ready = shards.iter().all(|shard| shard.pod.is_some_and(pod::is_ready));
    let evictions = if allows == 1 { "eviction" } else { "evictions" };
    (allows > 0 && all_ready).then(|| format!("it allows {allows} {evictions} now, with every shard Ready"))
}

fn name(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

/// Judges the marks on what an upgrade changes or relies on: the set, its budgets, its shards' nodes.
///
/// Those of an earlier run that was cut off, of the same operation on the same set, are this one's (`run`) to take away: were
/// that run alive, it would hold the lock.
/// `besides` are nodes that are changed though they may hold no shard.
pub fn judge_marks(
    seen: &Seen<'_>,
    found_set: &StatefulSet,
    besides: &[&Node],
    run: &str,
    now: Timestamp,
    found: &mut Preflight,
) {
    let mut judge = |object: String, annotations: Option<&BTreeMap<String, String>>| {
        let refusal = match Mark::of(annotations) {
            None => return,
            Some(Err(_)) => MARK
                .refuse(object, "it has a mark of shardctl's that this version can't read")
                .remedy(seen.shardctl("recover")),
            Some(Ok(mark)) if mark.is_of(run) => return,
            Some(Ok(mark)) => {
                let refusal = MARK
                    .refuse(
                        object,
                        format!("{} has left a mark on it, run by {}", mark.operation, mark.by),
                    )
                    .evidence(format!("since {}, meant to last until {}", mark.since, mark.until));
                if mark.until < now {
                    refusal
                        .remedy("it is past its time: nobody is at work any more")
                        .remedy(seen.shardctl("recover --expired"))
                } else {
                    refusal
                        .remedy("let that operation finish; if it was cut off:")
                        .remedy(seen.shardctl("recover"))
                }
            }
        };
        found.refuse(refusal);
    };
    judge(
        format!("statefulset/{}", set::name(found_set)),
        found_set.metadata.annotations.as_ref(),
    );
    for budget in seen.budgets().unwrap_or_default() {
        judge(format!("pdb/{}", name(budget)), budget.metadata.annotations.as_ref());
    }
    let holding = seen.nodes_with_shards().unwrap_or_default();
    let holding: Vec<&Node> = holding.into_iter().map(|(place, _)| place).collect();
    let more = besides.iter().copied().filter(|one| {
        let same = |held: &&Node| node::name(held) == node::name(one);
        !holding.iter().any(same)
    });
    for place in holding.iter().copied().chain(more) {
        judge(
            format!("node/{}", node::name(place)),
            place.metadata.annotations.as_ref(),
        );
    }
}
