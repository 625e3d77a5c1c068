//! THR-01: who could take a shard down right now, actor by actor, and what stops each.

pub mod autoscalers;
pub mod nodes;
pub mod pools;
#[cfg(test)]
mod tests;
pub mod workloads;

use jiff::SignedDuration;

use super::budget::the_budget;
use super::karpenter::lifetime::from_now;
use super::seen::Seen;
use super::{Check, shield};
use crate::model::check::{Category, Description};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::shell::shell_word;

/// For how long the disruption controller counts an accepted eviction as a disruption (DeletionTimeout).
const DISRUPTED_FOR: SignedDuration = SignedDuration::from_mins(2);

/// THR-01.
pub const THR_01: Check = Check {
    about: Description {
        id: "THR-01",
        category: Category::Threats,
        severity: Severity::Warning,
        title: "nobody can take a shard down right now",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::Budgets,
            Resource::ClusterEvents,
            Resource::Autoscalers,
            Resource::ScaledObjects,
            Resource::VerticalAutoscalers,
            Resource::NodePools,
            Resource::NodeClaims,
            Resource::DaemonSets,
            Resource::Deployments,
            Resource::ClusterAutoscalerStatus,
        ],
        also: "",
        why: "Many programs evict pods, empty nodes or scale sets, each for a good reason of its own. A closed disruption budget \
              stops whatever evicts. It stops nothing that deletes, scales, or taints with NoExecute: those need to be told to \
              leave the shards alone. Listed are all that were found and what stops each; a warning is made only of those that \
              nothing stops. What lives outside the cluster (a cloud's maintenance, somebody's kubectl delete) can't be seen.",
        mend: "Close the budget first (PDB-01, PDB-02); then tell each actor that is named to leave the set alone.",
        source: "the documentation of each actor; pkg/controller/tainteviction for NoExecute taints; Karpenter's disruption \
                 controllers",
        entails: &[],
    },
    judge: thr_01,
};

/// What was found so far.
pub struct Roll {
    verdict: Verdict,
    stopped: Vec<String>,
    /// What stops an eviction, if anything does; why that isn't known, where it isn't.
    eviction: Result<Option<String>, String>,
}

impl Roll {
    /// An actor that nothing stops.
    pub fn open(&mut self, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.verdict.warn(object, message)
    }

    /// An actor of which can't be seen whether it means the shards.
    pub fn perhaps(&mut self, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.verdict.inform(object, message)
    }

    /// An actor that something stops.
    pub fn stopped(&mut self, who: &str, by: &str) {
        self.stopped.push(format!("{who}: {by}"));
    }

    /// Something that couldn't be judged.
    pub fn unsure(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.verdict.unsure.contains(&why) {
            self.verdict.unsure(why);
        }
    }

    /// An actor that asks the eviction API: stopped by a closed budget, or by what it is told itself.
    pub fn evictor(&mut self, object: &str, who: &str, told: Option<String>) {
        match (told, self.eviction.clone()) {
            (Some(told), _) => self.stopped(who, &told),
            (None, Ok(Some(budget))) => self.stopped(who, &budget),
            (None, Ok(None)) => {
                self.open(object, format!("{who} may evict shards, and no closed budget stops it"))
                    .remedy("see PDB-01 and PDB-02: a budget over all shards stops it");
            }
            (None, Err(why)) => self.unsure(format!("what stops {who}: {why}")),
        }
    }
}

fn thr_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    seen.set()?;
    seen.pods()?;
    let eviction = shield::by_budget(seen).map_err(|skip| match skip {
        Skip::Unknown(why) | Skip::NotApplicable(why) => why,
    });
    let mut roll = Roll {
        verdict: Verdict::new(),
        stopped: Vec::new(),
        eviction,
    };
    judge_evictions(seen, &mut roll);
    pools::judge(seen, &mut roll);
    workloads::judge(seen, &mut roll);
    autoscalers::judge(seen, &mut roll)?;
    nodes::judge(seen, &mut roll);
    let Roll {
        mut verdict, stopped, ..
    } = roll;
    if let Some(first) = verdict.findings.first_mut() {
        first
            .evidence
            .extend(stopped.iter().map(|line| format!("stopped, {line}")));
        return Ok(verdict.seen(format!("what was found besides and is stopped: {}", stopped.len())));
    }
    Ok(verdict.seen(if stopped.is_empty() {
        "nobody was found who could".to_owned()
    } else {
        stopped.join("; ")
    }))
}

/// The autoscalers aimed at the set that nothing stops, as findings: what scales or resizes it while an operation is at work.
pub fn autoscalers_of(seen: &Seen<'_>) -> Vec<Finding> {
    let mut roll = Roll {
        verdict: Verdict::new(),
        stopped: Vec::new(),
        eviction: shield::by_budget(seen).map_err(|skip| match skip {
            Skip::Unknown(why) | Skip::NotApplicable(why) => why,
        }),
    };
    match autoscalers::judge(seen, &mut roll) {
        Ok(()) => roll.verdict.findings,
        Err(_) => Vec::new(),
    }
}

/// Anybody who may evict: an open budget, and evictions that were accepted and not carried out.
fn judge_evictions(seen: &Seen<'_>, roll: &mut Roll) {
    match roll.eviction.clone() {
        Ok(Some(by)) => roll.stopped("any eviction (kubectl drain, a node upgrade)", &by),
        Ok(None) => judge_open_door(seen, roll),
        Err(why) => roll.unsure(why),
    }
    let Ok(budget) = the_budget(seen) else { return };
    let name = shield::budget_name(budget);
    let entries = budget.status.as_ref().and_then(|status| status.disrupted_pods.as_ref());
    for (pod, since) in entries.into_iter().flatten() {
        let Ok(until) = since.0.checked_add(DISRUPTED_FOR) else {
            continue;
        };
        if until > seen.now() {
            roll.open(
                format!("pdb/{name}"),
                format!(
                    "an eviction of {pod} was asked for at {}: it counts as disrupted for two minutes, until {until} ({})",
                    since.0,
                    from_now(until, seen.now())
                ),
            )
            .remedy(seen.kubectl(&format!("get pod {} -o wide", shell_word(pod))));
        }
    }
}

fn judge_open_door(seen: &Seen<'_>, roll: &mut Roll) {
    let describe = seen.kubectl("get poddisruptionbudgets -o wide");
    match the_budget(seen) {
        Ok(budget) => {
            let name = shield::budget_name(budget);
            let message = match shield::allowed(budget) {
                Some(count) => {
                    format!("anybody who may evict can take {count} of the shards down: the budget allows it now")
                }
                None => "its status is behind its spec: what it will allow isn't known yet".to_owned(),
            };
            roll.open(format!("pdb/{name}"), message).remedy(describe);
        }
        Err(_) => {
            roll.open(
                format!("namespace/{}", seen.snapshot.taken.namespace),
                "anybody who may evict can take every shard down: no budget selects them",
            )
            .remedy(describe);
        }
    }
}

/// What was got; a part that couldn't be read is said to be unjudged, one that isn't served holds nothing.
fn got<'a, T>(read: &'a Read<Vec<T>>, roll: &mut Roll) -> &'a [T] {
    match read {
        Read::Got(items) => items,
        Read::Absent(_) => &[],
        Read::Unreadable(why) => {
            roll.unsure(why.clone());
            &[]
        }
    }
}
