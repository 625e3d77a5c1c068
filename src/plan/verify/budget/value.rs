//! PDB-02: the budget's value keeps every shard, and who wrote it where it doesn't.

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{the_budget, value_words, wanted};
use crate::model::check::{Category, Description};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::mark::Mark;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set};
use crate::plan::verify::Check;
use crate::plan::verify::karpenter::lifetime::from_now;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::shield::budget_name;

/// PDB-02.
pub const PDB_02: Check = Check {
    about: Description {
        id: "PDB-02",
        category: Category::BudgetAndResidue,
        severity: Severity::Error,
        title: "the budget keeps every shard",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Budgets],
        also: "--expect, or `expect` in shardctl.toml",
        why: "The system is down while any shard is down, so the budget must forbid every voluntary disruption: minAvailable is \
              the number of shards (or 100%), or maxUnavailable is 0. A smaller value is an open door, most often left by a \
              maintenance that was interrupted. Under the policy IfHealthyBudget a shard that isn't Ready can't be evicted \
              either, which blocks the drain that would heal it.",
        mend: "Where shardctl's mark is on the budget, `shardctl recover` puts the value back. Otherwise set it.\n\
               $ kubectl patch poddisruptionbudget NAME --type merge -p \
               '{\"spec\":{\"minAvailable\":N,\"maxUnavailable\":null,\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}'",
        source: "pkg/controller/disruption/disruption.go (getExpectedPodCount); KEP-3017 (unhealthyPodEvictionPolicy)",
        entails: &[
            "PDB-03", "PDB-04", "STS-02", "STS-03", "POD-01", "PVC-01", "EPS-01", "DNS-02", "DNS-03", "LB-02",
            "RES-01", "THR-01", "KARP-01", "NODE-03",
        ],
    },
    judge: pdb_02,
};

fn pdb_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let budget = the_budget(seen)?;
    let wanted = wanted(seen)?;
    let mut verdict = Verdict::new();
    let object = format!("pdb/{}", budget_name(budget));
    let value = value_words(budget);
    match kept(budget, wanted) {
        None => verdict.unsure(format!("{value} of {object} can't be understood")),
        Some(kept) if kept == wanted => {}
        Some(kept) => {
            let effect = match wanted - kept {
                loose if loose > 0 => format!("{loose} may be evicted at any time"),
                _ => "more than there are, so no eviction can ever be allowed".to_owned(),
            };
            let finding = verdict.fail(
                object.clone(),
                format!("{value}, where {wanted} shards must be kept: {effect}"),
            );
            if let Some(author) = author(budget, seen.now()) {
                finding.evidence(author);
            }
            if seen.expected()?.origin.starts_with("minAvailable") && kept < wanted {
                finding.remedy(format!(
                    "first settle which number is right: if it is {kept}, a surge left a shard too many (STS-02); only if it is {wanted}:"
                ));
            }
            restore(seen, budget, wanted, finding);
        }
    }
    let policy = judge_policy(seen, budget, &object, &mut verdict);
    verdict.part(policy);
    Ok(verdict.seen(format!("{value}, {wanted} shards")))
}

fn restore(seen: &Seen<'_>, budget: &PodDisruptionBudget, wanted: i32, finding: &mut Finding) {
    match Mark::of(budget.metadata.annotations.as_ref()) {
        Some(Ok(mark)) => {
            finding.evidence(format!(
                "relaxed by shardctl: {} of {}, since {:.0}, meant to last until {:.0}; it was {}",
                mark.operation, mark.by, mark.since, mark.until, mark.was
            ));
            finding.remedy(match (mark.set(), seen.set()) {
                // A budget over several sets, relaxed for another one of them: only that one's recover follows its marks.
                (Some((space, other)), Ok(ours))
                    if mark.is_of_another_set(&seen.snapshot.taken.namespace, set::name(ours)) =>
                {
                    seen.policy.shardctl_on(space, other, "recover")
                }
                _ => seen.shardctl("recover"),
            });
        }
        Some(Err(_)) => {
            finding
                .evidence("a mark of shardctl's is on it that this version can't read")
                .remedy(seen.shardctl("recover"));
        }
        None => {
            finding.remedy(seen.kubectl(&format!(
                "patch poddisruptionbudget {} --type merge -p '{{\"spec\":{{\"minAvailable\":{wanted},\"maxUnavailable\":null}}}}'",
                shell_word(budget_name(budget))
            )));
        }
    }
}

/// Who last wrote the budget's value, and when, by the record that the API server keeps of each field's writer.
fn author(budget: &PodDisruptionBudget, now: Timestamp) -> Option<String> {
    let entries = budget.metadata.managed_fields.as_ref()?;
    let (manager, field, time) = entries
        .iter()
        .filter_map(|entry| {
            let fields = serde_json::to_value(entry.fields_v1.as_ref()?).ok()?;
            let spec = fields.get("f:spec")?;
            let field = ["minAvailable", "maxUnavailable"]
                .into_iter()
                .find(|field| spec.get(format!("f:{field}")).is_some())?;
            let manager = entry.manager.as_deref().unwrap_or("a manager without a name");
            Some((manager, field, entry.time.as_ref().map(|time| time.0)))
        })
        .max_by_key(|(_, _, time)| *time)?;
    Some(match time {
        Some(time) => format!(
            "{field} is owned by {manager}, which last wrote at {time}, {}",
            from_now(time, now)
        ),
        None => format!("{field} is owned by {manager}"),
    })
}

fn judge_policy(
    seen: &Seen<'_>,
    budget: &PodDisruptionBudget,
    object: &str,
    verdict: &mut Verdict,
) -> Result<(), Skip> {
    let policy = budget
        .spec
        .as_ref()
        .and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref())
        .unwrap_or("IfHealthyBudget");
    if policy == "AlwaysAllow" {
        return Ok(());
    }
    let unready: Vec<&str> = seen
        .pods()?
        .into_iter()
        .filter(|found| !pod::is_ready(found) && pod::phase(found) == "Running")
        .map(pod::name)
        .collect();
    let finding = if unready.is_empty() {
        verdict.inform(
            object,
            format!("unhealthyPodEvictionPolicy is {policy}: a shard that isn't Ready couldn't be evicted either"),
        )
    } else {
        verdict.warn(
            object,
            format!(
                "unhealthyPodEvictionPolicy is {policy}: {} can't be evicted although not Ready, so a drain can't heal it",
                unready.join(", ")
            ),
        )
    };
    finding.remedy(seen.kubectl(&format!(
        "patch poddisruptionbudget {} --type merge -p '{{\"spec\":{{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}}}'",
        shell_word(budget_name(budget))
    )));
    Ok(())
}

/// How many of `shards` the budget keeps, by the disruption controller's arithmetic (percentages are rounded up, both ways).
///
/// Source: `getExpectedPodCount` in `pkg/controller/disruption/disruption.go`. Neither field set protects nothing.
pub(in crate::plan) fn kept(budget: &PodDisruptionBudget, shards: i32) -> Option<i32> {
    let scaled = |value: &IntOrString| match value {
        IntOrString::Int(count) => Some(*count),
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let scaled = (i64::from(shards) * percent + 99).div_euclid(100);
            i32::try_from(scaled).ok()
        }
    };
    let spec = budget.spec.as_ref()?;
    match (&spec.min_available, &spec.max_unavailable) {
        (Some(value), _) => scaled(value),
        (None, Some(value)) => Some((shards - scaled(value)?).max(0)),
        (None, None) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn budget(value: Value) -> PodDisruptionBudget {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_budget_keeps_what_the_disruption_controller_would() {
        let kept_by = |spec: Value| kept(&budget(json!({"spec": spec})), 10);
        assert_eq!(kept_by(json!({"minAvailable": 10})), Some(10));
        assert_eq!(kept_by(json!({"minAvailable": "100%"})), Some(10));
        assert_eq!(kept_by(json!({"minAvailable": "95%"})), Some(10));
        assert_eq!(kept_by(json!({"minAvailable": "90%"})), Some(9));
        assert_eq!(kept_by(json!({"maxUnavailable": 0})), Some(10));
        assert_eq!(kept_by(json!({"maxUnavailable": "0%"})), Some(10));
        assert_eq!(kept_by(json!({"maxUnavailable": "5%"})), Some(9));
        assert_eq!(kept_by(json!({"maxUnavailable": 11})), Some(0));
        assert_eq!(kept_by(json!({})), Some(0));
        assert_eq!(kept_by(json!({"minAvailable": "many"})), None);
    }

    #[test]
    fn the_value_is_ascribed_to_its_latest_writer() {
        let entry = |manager: &str, time: &str, fields: Value| {
            json!({"manager": manager, "operation": "Update", "apiVersion": "policy/v1", "time": time,
                "fieldsType": "FieldsV1", "fieldsV1": fields})
        };
        let written = budget(json!({"metadata": {"managedFields": [
            entry("kubectl-edit", "2026-01-01T09:00:00Z", json!({"f:spec": {"f:minAvailable": {}}})),
            entry("helm", "2026-01-01T08:00:00Z", json!({"f:spec": {"f:minAvailable": {}, "f:selector": {}}})),
            entry("kube-controller-manager", "2026-01-01T10:00:00Z", json!({"f:status": {"f:currentHealthy": {}}}))]}}));
        let now = "2026-01-01T12:30:00Z".parse().unwrap();
        let words = author(&written, now).unwrap();
        assert!(words.contains("owned by kubectl-edit"), "{words}");
        assert!(words.contains("3h 30m ago"), "{words}");
        assert_eq!(author(&budget(json!({"metadata": {}})), now), None);
    }
}
