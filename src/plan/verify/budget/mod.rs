//! The disruption budget: exactly one over the shards (PDB-01); its value and its status have files of their own.

pub mod status;
pub mod trial;
pub mod value;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Check;
use super::seen::Seen;
use super::shield::budget_name;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set};

/// PDB-01.
pub const PDB_01: Check = Check {
    about: Description {
        id: "PDB-01",
        category: Category::BudgetAndResidue,
        severity: Severity::Error,
        title: "exactly one disruption budget selects the shards",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Budgets],
        also: "",
        why: "Without a budget every drain, consolidation and autoscaler may evict all shards at once. With two the eviction API \
              answers 500 to every eviction, for ever: nodes can't be drained, and neither budget can be relied on once \
              somebody removes the other.",
        mend: "Create the one that is missing, or delete the one that is too many.\n\
               $ kubectl create poddisruptionbudget NAME --selector=LABELS --min-available=N",
        source: "pkg/registry/core/pod/storage/eviction.go (more than one budget: 500)",
        entails: &["PDB-02", "PDB-03", "PDB-04", "STS-02", "THR-01"],
    },
    judge: pdb_01,
};

fn pdb_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    seen.snapshot.budgets.need()?;
    let budgets = seen.budgets()?;
    let object = format!("statefulset/{}", set::name(set));
    let mut verdict = Verdict::new();
    match budgets.as_slice() {
        [] => {
            let selector = set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
            let kept = match seen.expected()?.shards {
                // A budget that keeps none would protect none once there are shards again.
                ..1 => "N".to_owned(),
                shards => shards.to_string(),
            };
            verdict
                .fail(
                    object,
                    "no disruption budget selects the shards: any drain may take all of them at once",
                )
                .remedy(seen.kubectl(&format!(
                    "create poddisruptionbudget {} --selector={} --min-available={kept}",
                    shell_word(set::name(set)),
                    shell_word(&selector.unwrap_or_default()),
                )));
        }
        [only] => judge_reach(seen, only, &mut verdict)?,
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|budget| format!("pdb/{}", budget_name(budget)))
                .collect();
            let finding = verdict.fail(
                object,
                format!(
                    "{} budgets select the shards ({}): the eviction API answers 500 to every eviction",
                    several.len(),
                    names.join(", ")
                ),
            );
            for budget in several {
                finding.evidence(format!("pdb/{}: {}", budget_name(budget), value_words(budget)));
            }
            finding.remedy("keep the one that your manifests name, and delete the other:");
            for budget in several {
                finding.remedy(seen.kubectl(&format!(
                    "delete poddisruptionbudget {}",
                    shell_word(budget_name(budget))
                )));
            }
        }
    }
    let names: Vec<&str> = budgets.iter().map(|budget| budget_name(budget)).collect();
    Ok(verdict.seen(format!("pdb/{}", names.join(", pdb/"))))
}

/// The budget selects by the template's labels; shards made before a label changed may be out of its reach, and a second
/// budget may reach single shards by labels that only they have.
fn judge_reach(seen: &Seen<'_>, only: &PodDisruptionBudget, verdict: &mut Verdict) -> Result<(), Skip> {
    let pods = seen.counted_pods()?;
    let matches = |budget: &PodDisruptionBudget, labels| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        selector.is_some_and(|selector| set::selects(selector, labels))
    };
    let missed: Vec<&str> = pods
        .iter()
        .filter(|found| !matches(only, found.metadata.labels.as_ref()))
        .map(|found| pod::name(found))
        .collect();
    if !missed.is_empty() {
        verdict
            .fail(
                format!("pdb/{}", budget_name(only)),
                format!(
                    "it selects the template's labels, but not the live {}: nothing protects them",
                    missed.join(", ")
                ),
            )
            .remedy(seen.kubectl(&format!("get pods {} --show-labels", missed.join(" "))));
    }
    for other in seen.snapshot.budgets.need()? {
        let twice: Vec<&str> = pods
            .iter()
            .filter(|found| budget_name(other) != budget_name(only) && matches(other, found.metadata.labels.as_ref()))
            .map(|found| pod::name(found))
            .collect();
        if !twice.is_empty() {
            verdict
                .fail(
                    format!("pdb/{}", budget_name(other)),
                    format!(
                        "it selects {} as well as pdb/{} does: the eviction API answers 500 to their evictions",
                        twice.join(", "),
                        budget_name(only)
                    ),
                )
                .remedy(seen.kubectl(&format!(
                    "delete poddisruptionbudget {}",
                    shell_word(budget_name(other))
                )));
        }
    }
    Ok(())
}

/// The one budget that selects the shards.
///
/// # Errors
/// Left to PDB-01 where there is none or more than one, unknown where budgets can't be read.
pub fn the_budget<'a>(seen: &Seen<'a>) -> Result<&'a PodDisruptionBudget, Skip> {
    let budgets = seen.budgets()?;
    seen.snapshot.budgets.need()?;
    match budgets.as_slice() {
        [only] => Ok(*only),
        [] => Err(seen.left_to("PDB-01", "no budget selects the shards")),
        several => Err(seen.left_to("PDB-01", format!("{} budgets select the shards", several.len()))),
    }
}

/// How many shards the budget should keep: as expected, except where that number is the budget's own word.
///
/// # Errors
/// As [`Seen::expected`].
pub fn wanted(seen: &Seen<'_>) -> Result<i32, Skip> {
    let expected = seen.expected()?;
    if expected.origin.starts_with("minAvailable") {
        seen.replicas()
    } else {
        Ok(expected.shards)
    }
}

/// `minAvailable 10`, `maxUnavailable 1`.
pub(in crate::plan) fn value_words(budget: &PodDisruptionBudget) -> String {
    let word = |value: &IntOrString| match value {
        IntOrString::Int(count) => count.to_string(),
        IntOrString::String(text) => text.clone(),
    };
    match budget.spec.as_ref() {
        Some(spec) => match (&spec.min_available, &spec.max_unavailable) {
            (Some(value), _) => format!("minAvailable {}", word(value)),
            (None, Some(value)) => format!("maxUnavailable {}", word(value)),
            (None, None) => "neither minAvailable nor maxUnavailable".to_owned(),
        },
        None => "no spec".to_owned(),
    }
}
