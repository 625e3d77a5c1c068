//! Who else writes what a drain changes (the budget, the number of replicas), or evicts while it is at work: with the command
//! that holds each off.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::super::Strategy;
use super::Preflight;
use crate::model::actors::{Actor, is_known_actor, is_scaled_up};
use crate::model::finding::Severity;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::plan::safety::catalogue::{GITOPS, OWNER, SCALER};
use crate::plan::safety::preflight::ownership::tool;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::threats::autoscalers_of;

/// Judges who else writes or evicts.
pub(super) fn judge(seen: &Seen<'_>, found_set: &StatefulSet, strategy: Strategy, found: &mut Preflight) {
    judge_scalers(seen, strategy, found);
    if strategy == Strategy::Surge {
        judge_replicas(seen, found_set, found);
    }
    if strategy == Strategy::Relax {
        judge_budget(seen, found);
    }
    judge_actors(seen, found);
}

/// Autoscalers of the set: they undo a surge, and take a shard away under any other strategy.
fn judge_scalers(seen: &Seen<'_>, strategy: Strategy, found: &mut Preflight) {
    for scaler in autoscalers_of(seen) {
        let scales = ["hpa/", "scaledobject/"]
            .iter()
            .any(|kind| scaler.object.starts_with(kind));
        if strategy == Strategy::Surge && scales {
            let refusal = SCALER.refuse(&scaler.object, &scaler.message);
            found.refuse(
                scaler
                    .remedy
                    .iter()
                    .fold(refusal, |refusal, line| refusal.remedy(line.as_str())),
            );
        } else {
            found.notes.push(scaler);
        }
    }
}

/// The fields under `spec` that an entry of managedFields owns, of those named.
fn owned(fields: &Value, wanted: &[&str]) -> BTreeSet<String> {
    let spec = &fields["f:spec"];
    wanted
        .iter()
        .filter(|field| spec.get(format!("f:{field}")).is_some())
        .map(|field| format!("spec.{field}"))
        .collect()
}

fn judge_replicas(seen: &Seen<'_>, found_set: &StatefulSet, found: &mut Preflight) {
    let object = format!("statefulset/{}", set::name(found_set));
    let owners = found_set.metadata.owner_references.iter().flatten();
    for owner in owners.filter(|owner| owner.controller == Some(true)) {
        found.refuse(
            OWNER
                .refuse(
                    &object,
                    format!(
                        "it is controlled by {}/{}, which would scale it back",
                        owner.kind.to_lowercase(),
                        owner.name
                    ),
                )
                .remedy("use --strategy relax: it leaves the set as it is"),
        );
    }
    let Some((tool, evidence)) = tool(&found_set.metadata, |fields| owned(fields, &["replicas"])) else {
        return;
    };
    let Some(command) = tool.suspend(seen, &found_set.metadata) else {
        return;
    };
    let refusal = GITOPS.refuse(
        &object,
        format!("{} writes spec.replicas, and would scale the set back", tool.noun()),
    );
    let refusal = evidence
        .into_iter()
        .fold(refusal, |refusal, line| refusal.evidence(line));
    found.refuse(
        refusal
            .remedy("suspend it for the time:")
            .remedy(command)
            .remedy("or use --strategy relax: it leaves the set as it is"),
    );
}

/// The budget is another one for some milliseconds only: whoever writes it from a source will hardly see that, and what it
/// would write is what it was.
fn judge_budget(seen: &Seen<'_>, found: &mut Preflight) {
    for budget in seen.budgets().unwrap_or_default() {
        let name = budget.metadata.name.as_deref().unwrap_or_default();
        let Some((tool, evidence)) = tool(&budget.metadata, |fields| {
            owned(fields, &["minAvailable", "maxUnavailable"])
        }) else {
            continue;
        };
        let Some(command) = tool.suspend(seen, &budget.metadata) else {
            continue;
        };
        let note = found.note(
            Severity::Warning,
            format!("pdb/{name}"),
            format!(
                "{} writes it, and may put it back in the moment that it is lowered: the eviction is then tried again",
                tool.noun()
            ),
        );
        for line in evidence {
            note.evidence(line);
        }
        note.remedy("to be certain, suspend it for the time:").remedy(command);
    }
}

/// Programs that evict pods, empty nodes or scale workloads by themselves.
fn judge_actors(seen: &Seen<'_>, found: &mut Preflight) {
    let snapshot = seen.snapshot;
    let mut actors: BTreeMap<Actor, (&'static str, &ObjectMeta)> = BTreeMap::new();
    let deployments = snapshot.deployments.got().into_iter().flatten();
    let deployments = deployments.filter(|one| is_scaled_up(one));
    let sets = snapshot.daemon_sets.got().into_iter().flatten();
    let workloads = deployments
        .map(|one| ("deployment", &one.metadata))
        .chain(sets.map(|one| ("daemonset", &one.metadata)));
    for (kind, meta) in workloads {
        if let Some(actor) = is_known_actor(meta.name.as_deref().unwrap_or_default(), meta.labels.as_ref()) {
            actors.entry(actor).or_insert((kind, meta));
        }
    }
    for (actor, (kind, meta)) in actors {
        let does = match actor {
            Actor::EvictionAutoscaler => {
                "adds replicas where a budget blocks an eviction or a node is cordoned: that opens the budget, and brings an empty \
                 shard"
            }
            Actor::VpaUpdater | Actor::Descheduler | Actor::Evictor => {
                "evicts pods by itself, and may take the place in the budget while it is lowered"
            }
            Actor::Kured | Actor::SystemUpgrade | Actor::Draino => {
                "empties nodes by itself, and may begin with another one meanwhile"
            }
            Actor::ClusterAutoscaler | Actor::TerminationHandler | Actor::Downscaler | Actor::Chaos => continue,
        };
        let name = meta.name.as_deref().unwrap_or_default();
        let space = meta.namespace.as_deref().unwrap_or_default();
        let note = found.note(
            Severity::Warning,
            format!("{kind}/{name}"),
            format!("{} {does}", actor.noun()),
        );
        if kind == "deployment" {
            note.remedy("to hold it for the time (and scale it up again afterwards):")
                .remedy(seen.kubectl_cluster(&format!(
                    "scale deployment {} -n {} --replicas=0",
                    shell_word(name),
                    shell_word(space)
                )));
        }
    }
}
