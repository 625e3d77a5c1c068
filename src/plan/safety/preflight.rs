//! Whether an upgrade may begin: everything that would stop it half-way, found before anything is changed.

pub mod budget;
pub mod ownership;
pub mod places;
mod shards;

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::catalogue::{REPLICAS, STRATEGY, UNREADABLE};
use super::{data, rights};
use crate::model::finding::{Finding, Severity};
use crate::model::refusal::Refusal;
use crate::model::right::Right;
use crate::model::set::{self, Ordinal};
use crate::model::shell::shell_word;
use crate::plan::verify::seen::Seen;

/// What the operation will write into the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the new template is there already, and waits for its pods.
    Pending,
    /// The images of these containers.
    Images(BTreeSet<String>),
    /// The stamp of a restart.
    Restart,
    /// The whole template (an undo).
    Template,
}

/// What an upgrade is about to do.
#[derive(Clone, Debug)]
pub struct Aim<'a> {
    /// The template that the new pods will be made from.
    pub template: &'a PodTemplateSpec,
    /// The revision of that template, where the set has it already.
    pub revision: Option<&'a str>,
    /// What will be written.
    pub change: Change,
    /// The shards that will be replaced, in order.
    pub shards: &'a [Ordinal],
    /// Whether it goes on with a run of ours that was cut off (our journal is on the set, and isn't finished), or takes back what
    /// one did: what is down then was that run's doing, and is waited for.
    pub resumes: bool,
    /// The run, for example `upgrade/shop/db/4f2a`: marks of earlier ones like it are its own to take away.
    pub run: &'a str,
    /// The server's answers about [`super::rights::rules`].
    pub rights: &'a [Right],
}

/// What was found before an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// Why it must not begin.
    pub refusals: Vec<Refusal>,
    /// What is worth knowing, and stops nothing.
    pub notes: Vec<Finding>,
}

impl Preflight {
    /// Adds a refusal.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.refusals.push(refusal);
    }

    /// Adds a note and gives it back for evidence and remedy.
    pub fn note(&mut self, severity: Severity, object: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        let at = self.notes.len();
        self.notes.push(Finding::new(severity, object, message));
        &mut self.notes[at]
    }
}

/// Judges whether an upgrade may begin.
///
/// Done once before the Lease is asked for, and again when it is won.
pub fn preflight(seen: &Seen<'_>, aim: &Aim<'_>, now: Timestamp) -> Preflight {
    let mut found = Preflight::default();
    found.refusals.extend(rights::missing(seen, aim.rights, "upgrade"));
    let set = match seen.set() {
        Ok(set) => set,
        Err(skip) => {
            found.refuse(UNREADABLE.refuse("statefulset", format!("the set can't be judged: {}", data::words(skip))));
            return found;
        }
    };
    judge_strategy(seen, set, &mut found);
    judge_replicas(seen, set, &mut found);
    ownership::judge(seen, set, aim, &mut found);
    budget::judge_marks(seen, set, &[], aim.run, now, &mut found);
    budget::judge(seen, set, aim.run, &mut found);
    shards::judge(seen, set, aim, &mut found);
    for ordinal in aim.shards {
        let name = set::pod_name(set, *ordinal);
        let pods = seen.own_pods().unwrap_or_default();
        let pod = pods.into_iter().find(|pod| crate::model::pod::name(pod) == name);
        found.refusals.extend(data::refusals(seen, *ordinal, pod));
    }
    found.notes.extend(data::notes(seen));
    places::judge(seen, set, aim, &mut found);
    found
}

fn judge_strategy(seen: &Seen<'_>, set: &StatefulSet, found: &mut Preflight) {
    let object = format!("statefulset/{}", set::name(set));
    let spec = set.spec.as_ref();
    let strategy = spec.and_then(|spec| spec.update_strategy.as_ref()?.type_.as_deref());
    if strategy != Some("OnDelete") {
        let is = strategy.unwrap_or("RollingUpdate, since none is written");
        found.refuse(
            STRATEGY
                .refuse(&object, format!("its update strategy is {is}, not OnDelete"))
                .remedy(seen.kubectl(&format!(
                    "patch statefulset {} --type merge -p '{{\"spec\":{{\"updateStrategy\":{{\"type\":\"OnDelete\",\"rollingUpdate\":null}}}}}}'",
                    shell_word(set::name(set))
                ))),
        );
    }
    let policy = spec
        .and_then(|spec| spec.pod_management_policy.as_deref())
        .unwrap_or("OrderedReady");
    if policy == "OrderedReady" {
        found.note(
            Severity::Information,
            &object,
            "its pods are made in order (OrderedReady): while a lower shard isn't Ready, no higher one is made anew",
        );
    }
    if spec.is_some_and(|spec| spec.volume_claim_templates.as_ref().is_none_or(Vec::is_empty)) {
        found.note(
            Severity::Information,
            &object,
            "it has no claim templates: no shard has a disk of its own, and zones and attaching aren't looked at",
        );
    }
}

fn judge_replicas(seen: &Seen<'_>, set: &StatefulSet, found: &mut Preflight) {
    let Ok(expected) = seen.expected() else { return };
    let replicas = set::replicas(set);
    if replicas != expected.shards {
        let name = set::name(set);
        let refusal = REPLICAS.refuse(
            format!("statefulset/{name}"),
            format!(
                "it has {replicas} replicas, where there should be {} shards ({})",
                expected.shards, expected.origin
            ),
        );
        // Fewer shards means data that nobody serves: that is never a line to copy.
        found.refuse(if replicas > set::MOST_SHARDS {
            refusal
        } else if replicas > expected.shards {
            refusal.remedy(format!(
                "if the set is right, mend the other, or say so for this run with --expect {replicas}"
            ))
        } else {
            refusal
                .remedy(format!(
                    "if the set is right, say so with --expect {replicas}; otherwise scale it back:"
                ))
                .remedy(seen.kubectl(&format!(
                    "scale statefulset {} --replicas={}",
                    shell_word(name),
                    expected.shards
                )))
        });
    }
}

#[cfg(test)]
mod tests;
