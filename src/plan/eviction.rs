//! What the server's answer to an eviction means: whose no it is, in words, and whether and when asking again makes sense.
//!
//! Source: `pkg/registry/core/pod/storage/eviction.go`, and what the test cluster's API server answers (tests/it/eviction.rs).

mod blockers;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::verify::seen::Seen;
use crate::model::eviction::{Afterwards, Answer};
use crate::model::finding::{Finding, Severity};
use crate::model::pod;
use crate::model::shell::shell_word;
use crate::model::span;
use crate::model::step::OtherPod;

pub use blockers::{blockers, entries_in_force};

/// When what may pass by itself is asked for again.
pub const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The longest that a server's `Retry-After` is obeyed: a shard is waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How the cause begins by which the budget, and nobody else, says no.
const BUDGET_CAUSE: &str = "The disruption budget ";

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The budget keeps what it has.
    Arithmetic {
        /// The budget's name.
        budget: String,
        /// How many pods it keeps.
        needs: i32,
        /// How many it counts as healthy.
        has: i32,
    },
    /// The budget refuses without numbers: its place is taken just now, or its controller can't work it out.
    Unwilling,
    /// The budget's status is of an older generation than its spec, so that nothing is decided.
    StatusBehind,
    /// Another pod has the name by now.
    Another,
    /// The pod is gone or on its way.
    Leaving,
    /// The budget was deleted meanwhile.
    BudgetGone,
    /// The server couldn't write the budget's status or the pod, for others who wrote it at the same time.
    Conflict,
    /// We may not evict.
    Forbidden,
    /// The namespace is being deleted.
    NamespaceEnds,
    /// Two budgets select the pod: the eviction API refuses that for ever.
    TwoBudgets,
    /// The server has too much to do. It says when to come back.
    Throttled(Option<Duration>),
    /// Whether it was done isn't known; the pod was still there.
    Unclear,
    /// An admission policy or webhook says no, with whatever code it likes.
    Declined,
}

/// Whether and when it is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It can't come true as things are: somebody must do something first.
    Never,
    /// The cluster isn't what it was taken for: at once, with a fresh look.
    LookFirst,
    /// It may pass by itself: after this long.
    After(Duration),
}

/// An eviction that wasn't accepted, and what to make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocked {
    /// In words, with the blockers as evidence.
    pub finding: Finding,
    /// Whether to ask again.
    pub again: Again,
}

impl Meaning {
    /// What the answer means, with what a look at the pod showed after it.
    pub fn of(answer: &Answer, after: Afterwards) -> Meaning {
        match after {
            Afterwards::Another => return Meaning::Another,
            Afterwards::Gone | Afterwards::Leaving => return Meaning::Leaving,
            Afterwards::Same | Afterwards::Unseen => {}
        }
        let says = |words: &str| answer.message.contains(words);
        let about_budget = answer.kind.starts_with("poddisruptionbudget");
        match answer.code {
            429 => match answer.causes.iter().find(|cause| cause.starts_with(BUDGET_CAUSE)) {
                Some(cause) => by_budget(cause),
                None => Meaning::Throttled(answer.retry_after),
            },
            404 if about_budget => Meaning::BudgetGone,
            404 => Meaning::Leaving,
            409 if says("the UID in the precondition") => Meaning::Another,
            409 => Meaning::Conflict,
            403 if says("because it is being terminated") => Meaning::NamespaceEnds,
            // "pdb disruptions allowed is negative", "DisruptedPods map too big": the controller has to catch up.
            403 if about_budget => Meaning::Unwilling,
            401 | 403 => Meaning::Forbidden,
            500 if answer.reason.is_empty() && says("more than one PodDisruptionBudget") => Meaning::TwoBudgets,
            500 if says("failed calling webhook") => Meaning::Declined,
            code if code >= 500 => Meaning::Unclear,
            _ => Meaning::Declined,
        }
    }

    /// Whether the same request may be accepted within moments, where the budget was just relaxed to keep `needs`: its status
    /// follows in milliseconds. Somebody who was quicker shows as a no with the new number.
    pub fn passes_in_moments(&self, relaxed_to: i32) -> bool {
        match self {
            Meaning::StatusBehind | Meaning::Conflict | Meaning::Throttled(_) => true,
            Meaning::Arithmetic { needs, .. } => *needs > relaxed_to,
            _ => false,
        }
    }

    /// Whether and when to ask again, as far as the answer alone tells.
    pub fn again(&self) -> Again {
        match self {
            Meaning::Another | Meaning::Leaving | Meaning::BudgetGone => Again::LookFirst,
            Meaning::Forbidden | Meaning::NamespaceEnds | Meaning::TwoBudgets | Meaning::Declined => Again::Never,
            Meaning::Throttled(wait) => Again::After(wait.unwrap_or(ASK_AGAIN).clamp(ASK_AGAIN, LONGEST_PAUSE)),
            Meaning::Arithmetic { .. }
            | Meaning::Unwilling
            | Meaning::StatusBehind
            | Meaning::Conflict
            | Meaning::Unclear => Again::After(ASK_AGAIN),
        }
    }
}

fn by_budget(cause: &str) -> Meaning {
    if cause.contains("still being processed") {
        return Meaning::StatusBehind;
    }
    let budget = cause.strip_prefix(BUDGET_CAUSE).and_then(|rest| rest.split(' ').next());
    match (budget, needs_and_has(cause)) {
        (Some(budget), Some((needs, has))) => Meaning::Arithmetic {
            budget: budget.to_owned(),
            needs,
            has,
        },
        _ => Meaning::Unwilling,
    }
}

/// The numbers in "needs 10 healthy pods and has 9 currently".
pub fn needs_and_has(words: &str) -> Option<(i32, i32)> {
    let number = |after: &str| {
        let rest = &words[words.find(after)? + after.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    words.contains("healthy").then_some(())?;
    Some((number("needs ")?, number("has ")?))
}

/// What to make of an eviction of `target` that wasn't accepted. `budget` is the newest that is known of the one over it.
pub fn judge(
    answer: &Answer,
    meaning: &Meaning,
    target: &str,
    seen: &Seen<'_>,
    budget: Option<&PodDisruptionBudget>,
    now: Timestamp,
) -> Blocked {
    let mut again = meaning.again();
    let mut finding = Finding::new(Severity::Error, format!("pod/{target}"), words(meaning, answer));
    match meaning {
        Meaning::Arithmetic { needs, has, .. } => {
            let named = blockers(seen, budget, now);
            let shards = seen.expected().map_or(i32::MAX, |expected| expected.shards);
            if *needs > shards {
                again = Again::Never;
                finding.evidence(format!(
                    "it keeps {needs}, and there are {shards} shards: no eviction can ever be allowed"
                ));
            } else if named.is_empty() && *has >= shards && !more_are_ready(seen, *has) {
                again = Again::Never;
                finding.evidence("every shard is Ready, and the budget lets none of them go, now or later");
                finding.remedy("--strategy relax opens it for the moment that one eviction takes");
            }
            if !named.is_empty() {
                finding.message = format!("{}: {}", finding.message, named.join("; "));
            }
            blockers::advise(seen, budget, target, &mut finding);
        }
        Meaning::Unwilling | Meaning::StatusBehind => {
            for line in blockers(seen, budget, now) {
                finding.evidence(line);
            }
            finding.evidence(quote(answer));
        }
        Meaning::TwoBudgets => {
            let budgets = seen.budgets().unwrap_or_default();
            for found in budgets {
                let name = found.metadata.name.as_deref().unwrap_or_default();
                finding.remedy(seen.kubectl(&format!("describe poddisruptionbudget {name}")));
            }
            finding.remedy("keep the one that your manifests name, and delete the other");
        }
        Meaning::NamespaceEnds | Meaning::Another | Meaning::Leaving | Meaning::BudgetGone => {}
        Meaning::Conflict | Meaning::Forbidden | Meaning::Throttled(_) | Meaning::Unclear | Meaning::Declined => {
            finding.evidence(quote(answer));
        }
    }
    Blocked { finding, again }
}

/// Whether more shards are Ready than the budget has counted: the extra one of a surge has just become so, and its status follows.
fn more_are_ready(seen: &Seen<'_>, counted: i32) -> bool {
    let ready = seen
        .own_pods()
        .map(|pods| pods.into_iter().filter(|found| pod::is_ready(found)).count());
    ready.is_ok_and(|ready| i32::try_from(ready).is_ok_and(|ready| ready > counted))
}

/// What to make of an eviction of a pod that isn't a shard and wasn't let go: its budget is its owner's, and is only waited for.
pub fn judge_other(answer: &Answer, meaning: &Meaning, target: &OtherPod, seen: &Seen<'_>) -> Blocked {
    let object = format!("pod/{}", target.title());
    let mut finding = Finding::new(Severity::Error, object, words(meaning, answer));
    let again = match meaning {
        // Whoever deletes the namespace deletes the pod as well.
        Meaning::NamespaceEnds => Again::After(ASK_AGAIN),
        meaning => meaning.again(),
    };
    let kubectl = |words: &str| seen.kubectl_cluster(&format!("-n {} {words}", shell_word(&target.namespace)));
    match meaning {
        Meaning::Arithmetic { budget, .. } => {
            finding.remedy(kubectl(&format!("describe poddisruptionbudget {}", shell_word(budget))));
        }
        Meaning::TwoBudgets => {
            finding.remedy("keep one of the budgets that select it:");
            finding.remedy(kubectl("get poddisruptionbudgets"));
        }
        Meaning::Another | Meaning::Leaving | Meaning::BudgetGone | Meaning::NamespaceEnds => {}
        _ => {
            finding.evidence(quote(answer));
        }
    }
    Blocked { finding, again }
}

/// The meaning as a sentence without a full stop.
fn words(meaning: &Meaning, answer: &Answer) -> String {
    match meaning {
        Meaning::Arithmetic { budget, needs, has } => {
            format!("its eviction is refused: pdb/{budget} needs {needs} healthy, has {has}")
        }
        Meaning::Unwilling => "its eviction is refused: the budget allows none just now".to_owned(),
        Meaning::StatusBehind => {
            "its eviction isn't decided: the budget's status is behind its spec (is the controller-manager at work?)"
                .to_owned()
        }
        Meaning::Another => "another pod has its name by now: it was replaced since it was chosen".to_owned(),
        Meaning::Leaving => "it is gone or being deleted already".to_owned(),
        Meaning::BudgetGone => "its eviction failed: the budget was deleted meanwhile".to_owned(),
        Meaning::Conflict => "its eviction failed: others write the budget's status at the same time".to_owned(),
        Meaning::Forbidden => "we may not evict it".to_owned(),
        Meaning::NamespaceEnds => "its namespace is being deleted".to_owned(),
        Meaning::TwoBudgets => {
            "more than one budget selects it: the eviction API refuses that, now and later".to_owned()
        }
        Meaning::Throttled(None) => "its eviction has to wait: the API server has too much to do".to_owned(),
        Meaning::Throttled(Some(wait)) => format!(
            "its eviction has to wait: the API server has too much to do, and asks for {}",
            span::words((*wait).try_into().unwrap_or_default())
        ),
        Meaning::Unclear => format!("its eviction failed ({}), and it is still there", answer.code),
        Meaning::Declined => format!("an admission policy or webhook refuses its eviction ({})", answer.code),
    }
}

/// The server's own words.
fn quote(answer: &Answer) -> String {
    let words: Vec<&str> = std::iter::once(answer.message.as_str())
        .chain(answer.causes.iter().map(String::as_str))
        .filter(|words| !words.is_empty())
        .collect();
    format!("{}: {}", answer.code, words.join(" "))
}

#[cfg(test)]
mod tests;
