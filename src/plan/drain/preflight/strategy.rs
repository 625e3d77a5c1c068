//! What each strategy needs of the budget and the set, and what it costs: said before it is confirmed.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::Strategy;
use super::super::homes::{Move, Place, moves, with_the_extra};
use super::{Aim, Preflight};
use crate::model::finding::Severity;
use crate::model::read::Read;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::plan::relax::unclear;
use crate::plan::safety::catalogue::{BUDGET_UNCLEAR, NO_HOME, SURGE, TWO_BUDGETS};
use crate::plan::safety::home::{Newcomer, World, home};
use crate::plan::safety::preflight::budget;
use crate::plan::surge::without_extra;
use crate::plan::verify::seen::{Seen, Shard};

/// Judges the budget, and what the strategy makes of it.
pub(super) fn judge(seen: &Seen<'_>, found_set: &StatefulSet, aim: &Aim<'_>, found: &mut Preflight) {
    let budgets = seen.budgets().unwrap_or_default();
    if budgets.len() > 1 && aim.strategy.evicts() {
        found.refuse(two_budgets(seen, found_set, &budgets));
    } else {
        budget::judge(seen, found_set, aim.run, found);
        if aim.strategy.evicts()
            && let Some(why) = unclear(seen)
        {
            found.refuse(
                BUDGET_UNCLEAR
                    .refuse(why.object, why.message)
                    .remedy("take the label that it selects by off the other pods, or have its selector name the shards alone")
                    .remedy("or, in an incident, pass it by: --strategy direct"),
            );
        }
    }
    judge_disrupted(&budgets, found);
    if aim.strategy == Strategy::Surge {
        judge_surge(seen, found_set, aim, &budgets, found);
    }
}

/// Judges the marks of others on whatever a drain changes. It writes its own there, so that none can be allowed.
pub(super) fn judge_marks(
    seen: &Seen<'_>,
    found_set: &StatefulSet,
    aim: &Aim<'_>,
    now: Timestamp,
    found: &mut Preflight,
) {
    let before = found.refusals.len();
    budget::judge_marks(seen, found_set, aim.order, aim.run, now, found);
    for refusal in found.refusals.iter_mut().skip(before) {
        refusal.can_be_allowed = false;
    }
}

/// Whether the set makes its pods one after another.
fn is_ordered(found_set: &StatefulSet) -> bool {
    let spec = found_set.spec.as_ref();
    let policy = spec.and_then(|spec| spec.pod_management_policy.as_deref());
    policy.unwrap_or("OrderedReady") == "OrderedReady"
}

/// What the strategy costs, a sentence each.
pub(super) fn costs(found_set: &StatefulSet, strategy: Strategy, moves: &[Move]) -> Vec<String> {
    match strategy {
        Strategy::Relax => vec![
            "relax: one shard is down at a time; the budget is one lower for the moment that an eviction takes to be accepted, \
             some tens of milliseconds, and anybody who evicts in that moment may take the place"
                .to_owned(),
        ],
        Strategy::Surge => vec![
            "surge: one shard is down at a time, and an extra one, empty, is there for as long as the drain lasts".to_owned(),
        ],
        Strategy::Direct => vec![
            "direct: shards are deleted one at a time, which no budget stops and no webhook on evictions sees; nothing has to be \
             put back"
                .to_owned(),
        ],
        Strategy::Downtime => {
            let mut costs = vec![format!(
                "downtime: the shards of a node go together ({} in all), and the system is down until the last is back: the \
                 shortest outage, not the fewest shard-seconds",
                moves.len()
            )];
            if is_ordered(found_set) {
                costs.push(
                    "its pods are made in order (OrderedReady): only the stops overlap, the starts come one after another".to_owned(),
                );
            }
            costs
        }
    }
}

fn two_budgets(seen: &Seen<'_>, found_set: &StatefulSet, budgets: &[&PodDisruptionBudget]) -> Refusal {
    let names: Vec<String> = budgets.iter().map(|one| format!("pdb/{}", name(one))).collect();
    let mut refusal = TWO_BUDGETS
        .refuse(
            format!("statefulset/{}", set::name(found_set)),
            format!(
                "{} budgets select its shards ({}): no eviction is ever accepted",
                budgets.len(),
                names.join(", ")
            ),
        )
        .remedy("keep the one that your manifests name, and delete the other:");
    for one in budgets {
        refusal = refusal.remedy(seen.kubectl(&format!("delete poddisruptionbudget {}", shell_word(name(one)))));
    }
    refusal.remedy("or, in an incident, pass both by: --strategy direct")
}

fn name(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

/// Evictions that were accepted and not carried out: each takes a place of the budget for two minutes.
fn judge_disrupted(budgets: &[&PodDisruptionBudget], found: &mut Preflight) {
    for budget in budgets {
        let entries = budget.status.as_ref().and_then(|status| status.disrupted_pods.as_ref());
        for (pod, since) in entries.into_iter().flatten() {
            let until = since
                .0
                .checked_add(jiff::SignedDuration::from_mins(2))
                .unwrap_or(since.0);
            found.note(
                Severity::Warning,
                format!("pdb/{}", name(budget)),
                format!("it counts {pod} as evicted until {until}: no other eviction is accepted before that is over"),
            );
        }
    }
}

/// One more shard: the budget must be one that it opens, and the shard needs a place and comes with costs.
fn judge_surge(
    seen: &Seen<'_>,
    found_set: &StatefulSet,
    aim: &Aim<'_>,
    budgets: &[&PodDisruptionBudget],
    found: &mut Preflight,
) {
    let object = format!("statefulset/{}", set::name(found_set));
    let replicas = without_extra(seen, aim.run).unwrap_or_else(|| set::replicas(found_set));
    match budgets {
        [] => found.refuse(
            SURGE
                .refuse(
                    &object,
                    "no budget selects its shards: one more of them changes nothing",
                )
                .remedy("use --strategy relax"),
        ),
        [only] => {
            let spec = only.spec.as_ref();
            let least = spec.and_then(|spec| spec.min_available.as_ref());
            let most = spec.and_then(|spec| spec.max_unavailable.as_ref());
            match (least, most) {
                (Some(IntOrString::Int(least)), _) if *least <= replicas => {}
                (Some(IntOrString::Int(least)), _) => found.refuse(surge(
                    only,
                    &format!(
                        "its minAvailable is {least}, and with one more there are {}",
                        replicas + 1
                    ),
                )),
                (Some(IntOrString::String(share)), _) => {
                    found.refuse(surge(
                        only,
                        &format!("its minAvailable is {share}, which counts the new shard in"),
                    ));
                }
                (None, Some(most)) => {
                    let most = match most {
                        IntOrString::Int(count) => count.to_string(),
                        IntOrString::String(share) => share.clone(),
                    };
                    found.refuse(surge(
                        only,
                        &format!("its maxUnavailable is {most}, which counts the new shard in"),
                    ));
                }
                (None, None) => found.refuse(surge(only, "it has neither minAvailable nor maxUnavailable")),
            }
        }
        // Two are refused already.
        _ => {}
    }
    judge_extra(seen, found_set, aim, &object, replicas, found);
    let mut warn = |words: String| {
        found.note(Severity::Warning, &object, words);
    };
    warn(
        "surge: for as long as it lasts the budget lets one shard go, and anybody may take it: an autoscaler, another drain"
            .to_owned(),
    );
    warn(format!(
        "surge: the empty shard {}-{} joins DNS and the balancer: a system that shares its data out over the live shards does so \
         anew, and again when it goes",
        set::name(found_set),
        set::first_ordinal(found_set) + replicas
    ));
    for told in knows_its_number(set::pod_spec(found_set), replicas) {
        warn(format!(
            "surge: the shards are told how many they are, and the new one is told the same: {told}"
        ));
    }
    if is_ordered(found_set) {
        warn(
            "surge: its pods are made in order (OrderedReady): the scale-back waits until every shard is Ready, for ever if one isn't"
                .to_owned(),
        );
    }
}

fn surge(budget: &PodDisruptionBudget, why: &str) -> Refusal {
    SURGE
        .refuse(format!("pdb/{}", name(budget)), why)
        .remedy("use --strategy relax, or direct")
}

/// The extra shard's own place and claims.
fn judge_extra(
    seen: &Seen<'_>,
    found_set: &StatefulSet,
    aim: &Aim<'_>,
    object: &str,
    replicas: i32,
    found: &mut Preflight,
) {
    let ordinal = set::first_ordinal(found_set) + replicas;
    let extra = Shard::new(ordinal, set::pod_name(found_set, ordinal), None);
    if let Read::Got(claims) = &seen.snapshot.claims {
        for template in set::claim_templates(found_set) {
            let wanted = set::claim_name(found_set, template, ordinal);
            if claims
                .iter()
                .any(|claim| claim.metadata.name.as_deref() == Some(&wanted))
            {
                found.note(
                    Severity::Warning,
                    format!("pvc/{wanted}"),
                    format!(
                        "it is there from before: the extra shard {} comes up with what is on it, and it is kept",
                        extra.name
                    ),
                );
            }
        }
    }
    let Some(template) = set::template(found_set) else {
        return;
    };
    let newcomer = Newcomer {
        template,
        revision: found_set
            .status
            .as_ref()
            .and_then(|status| status.update_revision.as_deref()),
    };
    let not_on = super::super::node::closed(aim.order, 0, false);
    let place = home(&World::of(seen), &extra, newcomer, &not_on);
    if !place.exists() && seen.snapshot.nodes.got().is_some() {
        let refusal = NO_HOME.refuse(object, format!("no node would take the extra shard {}", extra.name));
        let refusal = place.refused.iter().fold(refusal, |refusal, (object, why)| {
            refusal.evidence(format!("{object} {why}"))
        });
        found.refuse(refusal.remedy("use --strategy relax: it needs no room for one more"));
    }
}

/// Where the shards go once the extra one has its place; none where that takes none, or takes it already. Refuses what has a
/// place only without it.
pub(super) fn beside_the_extra(
    seen: &Seen<'_>,
    found_set: &StatefulSet,
    aim: &Aim<'_>,
    alone: &[Move],
    found: &mut Preflight,
) -> Option<Vec<Move>> {
    let replicas = without_extra(seen, aim.run).unwrap_or_else(|| set::replicas(found_set));
    let ordinal = set::first_ordinal(found_set) + replicas;
    let world = with_the_extra(seen, aim.order, ordinal)?;
    let later = Seen::of(&world, seen.policy);
    let beside = moves(&later, aim.order, aim.then).ok()?;
    for one in beside.iter().filter(|one| one.to == Place::Nowhere) {
        let has_one = |other: &&Move| other.shard == one.shard && other.to != Place::Nowhere;
        let Some(place) = alone.iter().find(has_one) else {
            continue;
        };
        let extra = set::pod_name(found_set, ordinal);
        let where_to = match &place.to {
            Place::Node(name) => format!("node/{name}"),
            Place::Pool(name) => format!("nodepool/{name}"),
            Place::Autoscaler | Place::Nowhere => "the cluster".to_owned(),
        };
        let mut refusal = NO_HOME.refuse(
            format!("pod/{}", one.shard),
            format!(
                "the extra shard {extra} takes the room: {where_to} would take {} without it, and nothing does beside it",
                one.shard
            ),
        );
        for (object, why) in &one.home.refused {
            refusal = refusal.evidence(format!("{object} {why}"));
        }
        found.refuse(refusal.remedy("use --strategy relax: it needs no room for one more"));
    }
    Some(beside)
}

/// Where the template tells the shards how many they are: environment and arguments with that number.
fn knows_its_number(spec: Option<&PodSpec>, shards: i32) -> Vec<String> {
    let number = shards.to_string();
    let mut told = Vec::new();
    for container in spec.into_iter().flat_map(|spec| &spec.containers) {
        for variable in container.env.iter().flatten() {
            if variable.value.as_deref() == Some(&number) {
                told.push(format!("{}={number} in container {}", variable.name, container.name));
            }
        }
        let words: Vec<&String> = container.command.iter().chain(&container.args).flatten().collect();
        for (at, word) in words.iter().enumerate() {
            let with_value = word.split_once('=').is_some_and(|(_, value)| value == number);
            let after = **word == number && at > 0 && words[at - 1].starts_with('-');
            if with_value {
                told.push(format!("{word} of container {}", container.name));
            } else if after {
                told.push(format!("{} {number} of container {}", words[at - 1], container.name));
            }
        }
    }
    told
}
