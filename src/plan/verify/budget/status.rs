//! PDB-03: the budget is in force: what its status says, against its spec and the pods themselves.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::{the_budget, wanted};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set};
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::shield::{allowed, budget_name};

/// PDB-03.
pub const PDB_03: Check = Check {
    about: Description {
        id: "PDB-03",
        category: Category::BudgetAndResidue,
        severity: Severity::Error,
        title: "the budget is in force: observed, every shard healthy, no eviction allowed",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Budgets],
        also: "",
        why: "The eviction API decides by the budget's status, not by its spec. A status of an older generation, or one more pod \
              with the shards' labels, lets an eviction through although the spec is right.",
        mend: "See which shard is missing under POD-01. A pod with the shards' labels that is no shard must go, or lose the \
               labels. Where the status stays behind, the controller-manager isn't working.\n\
               $ kubectl describe poddisruptionbudget NAME",
        source: "pkg/controller/disruption/disruption.go; pkg/registry/core/pod/storage/eviction.go",
        entails: &["POD-01", "STS-03", "PDB-04", "THR-01", "KARP-01", "NODE-03"],
    },
    judge: pdb_03,
};

fn pdb_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let budget = the_budget(seen)?;
    let wanted = wanted(seen)?;
    let pods = seen.counted_pods()?;
    let object = format!("pdb/{}", budget_name(budget));
    let describe = seen.kubectl(&format!(
        "describe poddisruptionbudget {}",
        shell_word(budget_name(budget))
    ));
    let status = budget.status.clone().unwrap_or_default();
    let mut verdict = Verdict::new();
    if allowed(budget).is_none() {
        verdict
            .fail(
                object,
                format!(
                    "its status is of generation {}, its spec of generation {}: the disruption controller is behind, and the \
                     eviction API refuses everything until it has caught up",
                    status.observed_generation.unwrap_or(0),
                    budget.metadata.generation.unwrap_or(0)
                ),
            )
            .remedy(describe);
        return Ok(verdict);
    }
    let healthy = status.current_healthy.unwrap_or(0);
    let desired = status.desired_healthy.unwrap_or(0);
    let open = status.disruptions_allowed.unwrap_or(0);
    let counted = status.expected_pods.unwrap_or(0);
    let down: Vec<&str> = pods
        .iter()
        .filter(|found| !pod::is_ready(found))
        .map(|found| pod::name(found))
        .collect();
    if open > 0 {
        let plural = if open == 1 { "" } else { "s" };
        verdict
            .fail(
                object.clone(),
                format!("it allows {open} eviction{plural} now: {healthy} of {counted} pods healthy, {desired} kept"),
            )
            .remedy(describe.clone());
    }
    if let Some(failed) = sync_failure(budget) {
        verdict
            .fail(
                object.clone(),
                format!("the disruption controller can't work it out: {failed}"),
            )
            .remedy(describe.clone());
    } else if healthy < wanted {
        let names = if down.is_empty() {
            String::new()
        } else {
            format!("; not Ready: {}", down.join(", "))
        };
        let finding = verdict.fail(
            object.clone(),
            format!("{healthy} of {wanted} shards are healthy{names}"),
        );
        for (name, since) in status.disrupted_pods.iter().flatten() {
            finding.evidence(format!(
                "{name} counts as disrupted since {}, for two minutes, after an eviction that was asked for",
                since.0
            ));
        }
        finding.remedy(describe.clone());
    } else if !down.is_empty() {
        verdict
            .fail(
                object.clone(),
                format!(
                    "it counts {healthy} healthy, but not Ready or terminating: {}",
                    down.join(", ")
                ),
            )
            .remedy(seen.kubectl(&format!("get pods {} -o wide", down.join(" "))));
    }
    let ended = i32::try_from(seen.pods()?.len().saturating_sub(pods.len())).unwrap_or(i32::MAX);
    if counted.saturating_sub(ended) > wanted {
        judge_extra(seen, budget, &object, counted, wanted, &mut verdict);
    }
    Ok(verdict.seen(format!(
        "{healthy} healthy, {desired} kept, {open} allowed, of {counted}"
    )))
}

fn sync_failure(budget: &PodDisruptionBudget) -> Option<String> {
    let conditions = budget.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions
        .iter()
        .find(|condition| condition.type_ == "DisruptionAllowed" && condition.reason == "SyncFailed")?;
    Some(failed.message.clone())
}

/// One pod too many under the budget makes room for an eviction.
fn judge_extra(
    seen: &Seen<'_>,
    budget: &PodDisruptionBudget,
    object: &str,
    counted: i32,
    wanted: i32,
    verdict: &mut Verdict,
) {
    let shards: Vec<String> = seen
        .set()
        .map(|set| {
            set::ordinals(set, wanted)
                .map(|ordinal| set::pod_name(set, ordinal))
                .collect()
        })
        .unwrap_or_default();
    let strangers: Vec<&str> = seen
        .snapshot
        .pods
        .got()
        .into_iter()
        .flatten()
        .filter(|found| {
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref()))
        })
        .map(pod::name)
        .filter(|name| !shards.iter().any(|shard| shard == name))
        .collect();
    let who = if strangers.is_empty() {
        String::new()
    } else {
        format!(" ({})", strangers.join(", "))
    };
    let finding = verdict.fail(
        object,
        format!(
            "it counts {counted} pods where there are {wanted} shards{who}: each one more that is Ready allows the eviction of a \
             shard"
        ),
    );
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    if let Some(selector) = selector {
        finding.remedy(seen.kubectl(&format!(
            "get pods -l {} --show-labels",
            shell_word(&set::selector_query(selector))
        )));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn a_finished_pod_with_the_shards_labels_neither_opens_the_budget_nor_is_missing_from_it() {
        let mut scene = Scene::healthy(3);
        // The disruption controller counts it among the pods that it expects, and never among the healthy.
        scene.merge(Resource::Budgets, "db", json!({"status": {"expectedPods": 4}}));
        let job =
            json!({"apiVersion": "batch/v1", "kind": "Job", "name": "backup", "uid": "uid-backup", "controller": true});
        scene.add(
            Resource::Pods,
            json!({
                "metadata": {"name": "backup-x", "labels": {"app": "db"}, "ownerReferences": [job]},
                "spec": {"containers": []}, "status": {"phase": "Running"},
            }),
        );
        assert_eq!(words(&scene.judge(&PDB_03)).1.len(), 2);
        scene.merge(Resource::Pods, "backup-x", json!({"status": {"phase": "Succeeded"}}));
        assert_eq!(words(&scene.judge(&PDB_03)), ("pass", vec![]));
    }
}
