//! KARP-01 and KARP-04: whether Karpenter may move shards of its own accord, and whether its pools could take one more node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use super::{Ground, Held, closed_budget, ground, patch_pool};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::karpenter::{NodePool, Reason};
use crate::model::node;
use crate::model::quantity::Amount;
use crate::model::read::Skip;
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::span::Span;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::{Check, shield};

/// KARP-01.
pub const KARP_01: Check = Check {
    about: Description {
        id: "KARP-01",
        category: Category::Karpenter,
        severity: Severity::Warning,
        title: "Karpenter doesn't consolidate nodes that hold shards",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::Budgets,
            Resource::NodePools,
        ],
        also: "",
        why: "WhenEmptyOrUnderutilized and Balanced move pods to save money: each move takes a shard down for as long as its \
              disk takes to follow. A closed disruption budget or do-not-disrupt stops it, so long as it is there. With \
              WhenEmpty an emptied node goes and one with shards stays. In the explore phase moving is meant to happen, and \
              this is a warning only where nothing at all holds Karpenter back.",
        mend: "$ kubectl patch nodepool NAME --type merge -p '{\"spec\":{\"disruption\":{\"consolidationPolicy\":\
               \"WhenEmpty\"}}}'\nThis field is no part of the pool's hash: changing it drifts nothing.",
        source: "Karpenter pkg/controllers/disruption/consolidation.go, ShouldDisrupt",
        entails: &["THR-01", "NODE-03"],
    },
    judge: karp_01,
};

/// How a pool consolidates nodes that aren't empty, in words; none where it doesn't.
///
/// # Errors
/// The words of a `consolidateAfter` that can't be understood.
pub fn moves_pods(pool: NodePool<'_>) -> Result<Option<String>, String> {
    if pool.is_static() || pool.policy() == "WhenEmpty" || pool.always_forbids(Reason::Underutilized) {
        return Ok(None);
    }
    Ok(match pool.consolidate_after()? {
        Span::Never => None,
        after => Some(format!(
            "consolidationPolicy {}, consolidateAfter {after}",
            pool.policy()
        )),
    })
}

fn karp_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let (phase, _) = seen.phase()?;
    let mut verdict = Verdict::new();
    let mut settings = Vec::new();
    for (name, ground) in &ground(seen)? {
        let Some(pool) = ground.pool else { continue };
        settings.push(format!("{name}: {}", pool.policy()));
        let how = match moves_pods(pool) {
            Ok(Some(how)) => how,
            Ok(None) => continue,
            Err(why) => {
                verdict.unsure(format!("consolidateAfter of nodepool/{name}: {why}"));
                continue;
            }
        };
        judge_moving_pool(seen, name, ground, &how, phase, &mut verdict);
    }
    Ok(verdict.seen(settings.join(", ")))
}

fn judge_moving_pool(seen: &Seen<'_>, name: &str, ground: &Ground<'_>, how: &str, phase: Phase, verdict: &mut Verdict) {
    let mut open: Vec<String> = Vec::new();
    let mut stopped: Vec<String> = Vec::new();
    for held in &ground.nodes {
        match shield::on_node(seen, held.node, &held.pods) {
            Ok(shields) if shields.is_empty() => open.push(held.words()),
            Ok(shields) => stopped.push(format!("{}: stopped by {}", held.words(), shields.join(", "))),
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                verdict.unsure(format!("what protects {}: {why}", held.words()));
            }
        }
    }
    let object = format!("nodepool/{name}");
    let patch = r#"{"spec":{"disruption":{"consolidationPolicy":"WhenEmpty"}}}"#;
    let finding = if !open.is_empty() {
        verdict.warn(
            object,
            format!(
                "{how}: Karpenter may move shards, and nothing stops it on {}",
                open.join(", ")
            ),
        )
    } else if phase == Phase::Stable {
        verdict.warn(
            object,
            format!("{how}: Karpenter would move shards to save money as soon as nothing else stopped it"),
        )
    } else if stopped.is_empty() {
        return;
    } else {
        verdict.inform(
            object,
            format!("{how}, as the explore phase wants it; the shards are protected"),
        )
    };
    for line in stopped {
        finding.evidence(line);
    }
    if phase == Phase::Stable {
        finding.remedy(patch_pool(seen, name, patch));
    } else if !open.is_empty() {
        finding.remedy("see PDB-01 and PDB-02: a budget over all shards stops it");
    }
}

/// KARP-04.
pub const KARP_04: Check = Check {
    about: Description {
        id: "KARP-04",
        category: Category::Karpenter,
        severity: Severity::Warning,
        title: "a drifted node isn't replaced unasked, and the pool's limits leave room for one more",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::NodePools,
        ],
        also: "",
        why: "A new node image or a changed pool drifts every NodeClaim at once, and Karpenter replaces them one after the \
              other unless an always-on budget of nodes \"0\" forbids it (stable phase). And a shard that must leave its node \
              needs another one: where the limits leave no room for it, a drain ends with a Pending shard.",
        mend: "$ kubectl patch nodepool NAME --type merge -p '{\"spec\":{\"disruption\":{\"budgets\":[{\"nodes\":\"0\",\
               \"reasons\":[\"Drifted\",\"Underutilized\"]}]}}}'\nNeither budgets nor limits are part of the pool's hash: \
               changing them drifts nothing.",
        source: "Karpenter pkg/apis/v1/nodepool.go (GetAllowedDisruptionsByReason), \
                 pkg/controllers/provisioning/scheduling/scheduler.go (filterByRemainingResources)",
        entails: &["NODE-03", "THR-01"],
    },
    judge: karp_04,
};

fn karp_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let (phase, _) = seen.phase()?;
    let mut verdict = Verdict::new();
    let mut words = Vec::new();
    for (name, ground) in &ground(seen)? {
        let Some(pool) = ground.pool else { continue };
        if phase == Phase::Stable && !pool.always_forbids(Reason::Drifted) {
            judge_open_budget(seen, name, pool, &mut verdict);
        }
        judge_limits(seen, name, pool, &ground.nodes, &mut verdict);
        words.push(if pool.limits().is_empty() {
            format!("{name} has no limits")
        } else {
            format!("{name} has room for one more node")
        });
    }
    if phase == Phase::Explore {
        words.push("in the explore phase drifted nodes may be replaced".to_owned());
    }
    Ok(verdict.seen(words.join(", ")))
}

fn judge_open_budget(seen: &Seen<'_>, name: &str, pool: NodePool<'_>, verdict: &mut Verdict) {
    let budgets = pool.budgets();
    let scheduled = budgets
        .iter()
        .find(|budget| budget.forbids(Reason::Drifted) && !budget.always_forbids(Reason::Drifted));
    let message = match scheduled {
        Some(budget) => format!(
            "nodes \"0\" holds only by schedule ({} UTC, for {}): outside it drifted nodes are replaced",
            budget.schedule.as_deref().unwrap_or("none"),
            budget.duration.as_deref().unwrap_or("ever")
        ),
        None => "no budget of nodes \"0\" holds for Drifted: drifted nodes are replaced unasked".to_owned(),
    };
    let finding = verdict.warn(format!("nodepool/{name}"), message);
    for budget in &budgets {
        let reasons = if budget.reasons.is_empty() {
            "every reason".to_owned()
        } else {
            budget.reasons.join(", ")
        };
        finding.evidence(format!("budget: nodes {} for {reasons}", budget.nodes));
    }
    finding
        .remedy("this replaces the pool's budgets with one:")
        .remedy(closed_budget(seen, name));
}

fn judge_limits(seen: &Seen<'_>, name: &str, pool: NodePool<'_>, nodes: &[Held<'_>], verdict: &mut Verdict) {
    let one_more = smallest_node(nodes);
    let used = used(seen, pool);
    for (resource, limit) in pool.limits() {
        let Some(need) = one_more.get(resource.as_str()) else {
            continue;
        };
        let used = used.get(&resource).copied().unwrap_or(Amount::ZERO);
        if used.plus(*need) > limit {
            verdict
                .warn(
                    format!("nodepool/{name}"),
                    format!(
                        "the limits leave no room for one more node: {resource} {} used of {}, and its smallest node that holds \
                         shards has {}",
                        shown(&resource, used),
                        shown(&resource, limit),
                        shown(&resource, *need)
                    ),
                )
                .remedy(seen.kubectl_cluster(&format!("edit nodepool {}", shell_word(name))))
                .remedy("raise spec.limits by one node at least; a limit is no reservation and costs nothing");
        }
    }
}

/// What the pool's nodes have together, by resource: what its status says, or what its nodes say where that is more, since the
/// status follows them by a while.
fn used(seen: &Seen<'_>, pool: NodePool<'_>) -> BTreeMap<String, Amount> {
    let mut sum: BTreeMap<String, Amount> = BTreeMap::new();
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    for found in nodes.filter(|found| node::label(found, node::NODE_POOL) == Some(pool.name())) {
        for (resource, amount) in capacity(found) {
            let entry = sum.entry(resource.to_owned()).or_default();
            *entry = entry.plus(amount);
        }
    }
    for (resource, amount) in pool.used() {
        let entry = sum.entry(resource).or_default();
        *entry = amount.max(*entry);
    }
    sum
}

/// What a node has, by resource, and one for `nodes` itself.
fn capacity(found: &Node) -> impl Iterator<Item = (&str, Amount)> {
    let status = found.status.as_ref();
    let written = status.and_then(|status| status.capacity.as_ref()).into_iter().flatten();
    written
        .filter_map(|(resource, written)| Some((resource.as_str(), Amount::of(written)?)))
        .chain([("nodes", Amount::units(1))])
}

/// What the smallest of these nodes has, by resource, and one for `nodes` itself; nothing where there is no node.
fn smallest_node(nodes: &[Held<'_>]) -> BTreeMap<String, Amount> {
    let mut smallest: BTreeMap<String, Amount> = BTreeMap::new();
    for held in nodes {
        for (resource, amount) in capacity(held.node) {
            let entry = smallest.entry(resource.to_owned()).or_insert(amount);
            *entry = amount.min(*entry);
        }
    }
    smallest
}

fn shown(resource: &str, amount: Amount) -> String {
    const GIB: i128 = 1 << 30;
    let units = amount.ceiling();
    if matches!(resource, "memory" | "ephemeral-storage") {
        format!("{}Gi", (units + GIB / 2) / GIB)
    } else {
        units.to_string()
    }
}
