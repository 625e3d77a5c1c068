//! PDB-04: an eviction that was only tried, and how the API server answered.

use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::{Read, Skip};
use crate::model::recording::EvictionTrial;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{node, pod};
use crate::plan::eviction::needs_and_has;
use crate::plan::verify::Check;
use crate::plan::verify::karpenter::{Held, held};
use crate::plan::verify::seen::{Seen, event_time};

/// PDB-04.
pub const PDB_04: Check = Check {
    about: Description {
        id: "PDB-04",
        category: Category::BudgetAndResidue,
        severity: Severity::Error,
        title: "the API server refuses to evict a shard",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Budgets,
            Resource::ClusterEvents,
        ],
        also: "--probe-protection: one eviction of a Ready shard with dryRun=All",
        why: "What the budget says and what the API server does can differ: a status behind its spec, admission policies, a \
              second budget. A tried eviction is answered by the very code that answers a drain, and changes nothing.",
        mend: "See PDB-01 to PDB-03 for the budget. The same trial by hand:\n\
               $ kubectl drain NODE --dry-run=server --ignore-daemonsets --pod-selector=LABELS",
        source: "pkg/registry/core/pod/storage/eviction.go",
        entails: &[],
    },
    judge: pdb_04,
};

fn pdb_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    seen.set()?;
    let trial = match &seen.snapshot.protection {
        Read::Absent(_) => {
            return Err(seen.unasked(
                "PDB-04",
                "no eviction was tried: that takes --probe-protection on a live cluster",
            ));
        }
        other => other.need()?,
    };
    let aimed_at_ready = seen
        .pods()?
        .iter()
        .any(|found| pod::name(found) == trial.pod && pod::is_ready(found));
    let mut verdict = Verdict::new();
    match reading(trial, aimed_at_ready) {
        Reading::Refused { has, needs } => {
            quote_karpenter(seen, &mut verdict);
            let expected = seen.expected()?.shards;
            if needs < expected {
                verdict
                    .warn(
                        format!("pod/{}", trial.pod),
                        format!("its eviction was refused only because {has} are healthy: the budget keeps {needs} of {expected}"),
                    )
                    .remedy("see PDB-02");
            }
            verdict = verdict.seen(format!(
                "evicting {} was refused: the budget needs {needs}, has {has}",
                trial.pod
            ));
        }
        Reading::Accepted => {
            verdict
                .fail(
                    format!("pod/{}", trial.pod),
                    format!(
                        "the API server would evict it now ({}): nothing protects the shards",
                        trial.code
                    ),
                )
                .remedy(seen.kubectl("get poddisruptionbudgets -o wide"));
        }
        Reading::Broken(why) => {
            let finding = verdict.fail(format!("pod/{}", trial.pod), why);
            finding.evidence(format!("{} {}", trial.code, trial.message));
            finding.remedy(seen.kubectl("get poddisruptionbudgets -o wide"));
        }
        Reading::Unclear(why) => verdict.unsure(format!("the tried eviction of {}: {why}", trial.pod)),
    }
    Ok(verdict)
}

/// What an answer to an eviction means.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// The budget refused it.
    Refused { needs: i32, has: i32 },
    /// It would have been done.
    Accepted,
    /// It can't be done now, nor later, and that is wrong in itself.
    Broken(String),
    /// It says nothing of the budget.
    Unclear(String),
}

fn reading(trial: &EvictionTrial, aimed_at_ready: bool) -> Reading {
    let unclear = |why: &str| Reading::Unclear(format!("{why} ({} {})", trial.code, trial.message));
    let words: Vec<&str> = trial
        .causes
        .iter()
        .map(String::as_str)
        .chain([trial.message.as_str()])
        .collect();
    match trial.code {
        200 | 201 if aimed_at_ready => Reading::Accepted,
        200 | 201 => unclear("it aimed at a pod that isn't Ready, whose eviction is always accepted"),
        429 => match words.iter().find_map(|words| needs_and_has(words)) {
            Some((needs, has)) => Reading::Refused { needs, has },
            None if words.iter().any(|words| words.contains("still being processed")) => {
                unclear("the budget's status is behind its spec, so the server doesn't decide yet")
            }
            None => unclear("refused, but not by the budget's arithmetic"),
        },
        500 => Reading::Broken(
            "the API server can't decide on its eviction (500): most often two budgets select it, and no drain will ever pass"
                .to_owned(),
        ),
        409 => unclear("the server was in conflict with itself or with another eviction"),
        404 => unclear("the pod or its budget was gone by then"),
        403 => unclear("we may not evict, or the namespace is being deleted"),
        422 | 400 => unclear("an admission policy answered before the budget was asked"),
        _ => unclear("an answer that says nothing of the budget"),
    }
}

/// What Karpenter itself says of being held back by the shards, as information.
fn quote_karpenter(seen: &Seen<'_>, verdict: &mut Verdict) {
    let Ok(nodes) = held(seen) else { return };
    let names: Vec<&str> = nodes.iter().map(|held: &Held<'_>| node::name(held.node)).collect();
    let events = seen.snapshot.cluster_events.got().into_iter().flatten();
    let mut quoted: Vec<_> = events
        .filter(|event| event.reason.as_deref() == Some("DisruptionBlocked"))
        .filter(|event| {
            let object = &event.involved_object;
            object.kind.as_deref() == Some("Node") && object.name.as_deref().is_some_and(|name| names.contains(&name))
        })
        .collect();
    quoted.sort_by_key(|event| event_time(event));
    if quoted.is_empty() {
        return;
    }
    let finding = verdict.inform("nodes", "Karpenter reports what holds it back on the nodes with shards");
    for event in quoted {
        let object = event.involved_object.name.as_deref().unwrap_or_default();
        finding.evidence(format!(
            "node/{object}: {}",
            event.message.as_deref().unwrap_or_default()
        ));
    }
    finding.remedy(seen.kubectl_cluster(&format!(
        "get events -n default --field-selector {}",
        shell_word("reason=DisruptionBlocked")
    )));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::Snapshot;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    fn answer(code: u16, cause: &str) -> Reading {
        let trial = EvictionTrial {
            pod: "db-1".to_owned(),
            code,
            message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
            causes: vec![cause.to_owned()],
        };
        reading(&trial, true)
    }

    #[test]
    fn only_the_budgets_arithmetic_is_a_refusal() {
        let needs = "The disruption budget db needs 10 healthy pods and has 10 currently";
        assert_eq!(answer(429, needs), Reading::Refused { needs: 10, has: 10 });
        let behind = "The disruption budget db is still being processed by the server.";
        assert!(matches!(answer(429, behind), Reading::Unclear(why) if why.contains("behind")));
        assert!(matches!(answer(429, "slow down"), Reading::Unclear(_)));
        assert_eq!(answer(201, ""), Reading::Accepted);
        assert!(matches!(answer(500, ""), Reading::Broken(_)));
        for code in [403, 404, 409, 422, 503] {
            assert!(matches!(answer(code, ""), Reading::Unclear(_)), "{code}");
        }
    }
    #[test]
    fn what_karpenter_says_of_being_held_back_is_quoted_for_the_nodes_with_shards_alone() {
        let mut scene = Scene::healthy(3);
        for name in ["node-0", "node-1", "node-2"] {
            let of_a_pool = json!({"metadata": {"labels": {node::NODE_POOL: "stable"}}});
            scene.merge(Resource::Nodes, name, of_a_pool);
        }
        scene.add(Resource::NodePools, json!({"metadata": {"name": "stable"}, "spec": {}}));
        let blocked = |words: &str| json!({"reason": "DisruptionBlocked", "type": "Normal", "message": words});
        scene.event(
            "Node",
            "node-2",
            "2026-01-01T10:00:00Z",
            blocked("Pdb shop/db prevents pod evictions"),
        );
        scene.event(
            "Node",
            "node-1",
            "2026-01-01T09:00:00Z",
            blocked("Pod shop/db-1 has the annotation"),
        );
        scene.event("Node", "another", "2026-01-01T09:30:00Z", blocked("somebody else's"));
        scene.event(
            "Node",
            "node-0",
            "2026-01-01T09:30:00Z",
            json!({"reason": "Rebooted", "message": "no"}),
        );
        let mut recording = scene.recording();
        recording.protection = Read::Got(EvictionTrial {
            pod: "db-1".to_owned(),
            code: 429,
            message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
            causes: vec!["The disruption budget db needs 3 healthy pods and has 3 currently".to_owned()],
        });
        let snapshot = Snapshot::derive(&recording).unwrap();
        let verdict = pdb_04(&Seen::of(&snapshot, &scene.policy)).unwrap();
        let evidence: Vec<&String> = verdict.findings.iter().flat_map(|finding| &finding.evidence).collect();
        assert_eq!(
            evidence,
            [
                "node/node-1: Pod shop/db-1 has the annotation",
                "node/node-2: Pdb shop/db prevents pod evictions"
            ]
        );
    }
}
