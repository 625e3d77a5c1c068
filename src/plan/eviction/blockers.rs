//! Who stands in the way of an eviction: the shards that are down, and what the budget still counts as evicted.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use crate::model::finding::Finding;
use crate::model::shell::shell_word;
use crate::model::{pod, span};
use crate::plan::verify::seen::Seen;
use crate::plan::verify::shield::budget_name;

/// How long the disruption controller believes that a pod whose eviction was asked for is about to go.
///
/// Source: `DeletionTimeout` in `pkg/controller/disruption/disruption.go`.
const BELIEVED: SignedDuration = SignedDuration::from_secs(120);

/// Everything that uses the budget up, a clause each: `db-4 is not Ready since 3m`.
pub fn blockers(seen: &Seen<'_>, budget: Option<&PodDisruptionBudget>, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    let since = |found| pod::since(found).map_or(String::new(), |at| format!(" since {}", length(now, at)));
    for shard in seen.every_shard().unwrap_or_default() {
        let name = &shard.name;
        match shard.pod {
            None => lines.push(format!("{name} has no pod")),
            Some(found) if pod::is_terminating(found) => lines.push(format!("{name} is being deleted{}", since(found))),
            Some(found) if !pod::is_ready(found) => lines.push(format!("{name} is not Ready{}", since(found))),
            Some(_) => {}
        }
    }
    let up = |name: &str| {
        let pods = seen.pods().unwrap_or_default();
        pods.iter()
            .any(|found| pod::name(found) == name && pod::is_ready(found))
    };
    for (name, asked, until) in budget.map(|budget| entries_in_force(budget, now)).unwrap_or_default() {
        if up(&name) {
            lines.push(format!(
                "{name} counts as evicted since {}, until {} at the latest, though it is Ready: an eviction of it was asked for, \
                 and took the budget's place",
                asked.strftime("%H:%M:%SZ"),
                until.strftime("%H:%M:%SZ")
            ));
        }
    }
    lines
}

/// The pods that the budget counts as evicted, with when that was asked for and when it stops being believed.
pub fn entries_in_force(budget: &PodDisruptionBudget, now: Timestamp) -> Vec<(String, Timestamp, Timestamp)> {
    let entries = budget.status.as_ref().and_then(|status| status.disrupted_pods.as_ref());
    entries
        .into_iter()
        .flatten()
        .filter_map(|(name, asked)| Some((name.clone(), asked.0, asked.0.checked_add(BELIEVED).ok()?)))
        .filter(|(_, _, until)| *until > now)
        .collect()
}

/// What would let an unready pod go although shards are missing.
pub(super) fn advise(seen: &Seen<'_>, budget: Option<&PodDisruptionBudget>, target: &str, finding: &mut Finding) {
    let pods = seen.pods().unwrap_or_default();
    let target = pods.iter().find(|found| pod::name(found) == target);
    let Some(budget) = budget.filter(|_| target.is_some_and(|found| !pod::is_ready(found))) else {
        return;
    };
    let policy = budget
        .spec
        .as_ref()
        .and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    if policy == Some("AlwaysAllow") {
        return;
    }
    finding.remedy("it isn't Ready itself, and the budget keeps it all the same; with this it may go at any time:");
    finding.remedy(seen.kubectl(&format!(
        "patch poddisruptionbudget {} --type merge -p '{{\"spec\":{{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}}}'",
        shell_word(budget_name(budget))
    )));
}

fn length(now: Timestamp, then: Timestamp) -> String {
    span::words(now.duration_since(then).max(SignedDuration::ZERO))
}
