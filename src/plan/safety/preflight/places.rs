//! Whether every shard that will be replaced has a place to come back to, and what scales or freezes in the meantime.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

use super::{Aim, Preflight};
use crate::model::finding::Severity;
use crate::model::refusal::Refusal;
use crate::model::{node, pod, set};
use crate::plan::placement::{self, reaches};
use crate::plan::safety::catalogue::NO_HOME;
use crate::plan::safety::freeze::cluster_autoscaler_runs;
use crate::plan::safety::home::{Home, Newcomer, World, home, home_again};
use crate::plan::trial::asks_for_more;
use crate::plan::verify::seen::{Seen, Shard};
use crate::plan::verify::threats::autoscalers_of;

/// Whether a shard's own node isn't certain to take it again, so that the room on the others has to be looked at: it is gone,
/// cordoned, not Ready, tainted, out of its disks' reach, or the new pod asks for more than the old one.
pub fn must_be_looked_for(seen: &Seen<'_>, shard: &Shard<'_>, template: &PodTemplateSpec) -> bool {
    let (Some(old), Some(spec)) = (shard.pod, template.spec.as_ref()) else {
        return true;
    };
    let grows = old.spec.as_ref().is_none_or(|old| asks_for_more(old, spec));
    let own = pod::node(old).and_then(|own| seen.node(own).ok().flatten());
    let Some(own) = own else {
        return true;
    };
    let volumes = seen.claims_of(shard.ordinal).unwrap_or_default();
    let reached = volumes
        .iter()
        .filter_map(|one| one.volume)
        .all(|volume| reaches(volume, own));
    grows || !reached || placement::refusal(spec, own).is_some()
}

/// The refusal of a shard that no node and no pool would take; none where one would, or where that can't be seen. One that
/// `leaves` its node for good isn't to go back to it.
pub fn refusal(seen: &Seen<'_>, shard: &Shard<'_>, newcomer: Newcomer<'_>, leaves: bool) -> Option<Refusal> {
    let place = home(&World::of(seen), shard, newcomer, &BTreeSet::new());
    homeless(seen, newcomer.template, shard, &place, leaves)
}

/// Judges the place of each shard that will be replaced.
pub(super) fn judge(seen: &Seen<'_>, found_set: &StatefulSet, aim: &Aim<'_>, found: &mut Preflight) {
    let world = World::of(seen);
    let newcomer = Newcomer {
        template: aim.template,
        revision: aim.revision,
    };
    let pods = seen.own_pods().unwrap_or_default().into_iter();
    let pods: BTreeMap<&str, &Pod> = pods.map(|found| (pod::name(found), found)).collect();
    let mut unsure: BTreeSet<String> = BTreeSet::new();
    for ordinal in aim.shards {
        let name = set::pod_name(found_set, *ordinal);
        let pod = pods.get(name.as_str()).copied();
        let shard = Shard::new(*ordinal, name.clone(), pod);
        let place = home_again(&world, &shard, newcomer);
        unsure.extend(place.unsure.iter().cloned());
        judge_one(seen, aim.template, &shard, &place, found);
    }
    for why in unsure {
        found.note(
            Severity::Warning,
            format!("statefulset/{}", set::name(found_set)),
            format!("whether the shards find a place isn't certain: {why}"),
        );
    }
    for scaler in autoscalers_of(seen) {
        found.notes.push(scaler);
    }
}

fn judge_one(seen: &Seen<'_>, template: &PodTemplateSpec, shard: &Shard<'_>, place: &Home, found: &mut Preflight) {
    let name = &shard.name;
    let own = shard.pod.and_then(pod::node);
    if place.exists() {
        let stays = own.is_some_and(|own| place.nodes.first().is_some_and(|first| first == own));
        if !stays && let Some(own) = own {
            let node = format!("node/{own}");
            let why = place.refused.iter().find(|(object, _)| *object == node);
            let because = why.map_or_else(|| "is gone".to_owned(), |(_, why)| why.clone());
            let instead = match place.nodes.first() {
                Some(first) => format!("it can go to {first}"),
                None => format!("nodepool/{} has to make a node first", place.pools.join(", nodepool/")),
            };
            found.note(
                Severity::Warning,
                format!("pod/{name}"),
                format!("{name} can't come back to its node, which {because}: {instead}"),
            );
        }
        return;
    }
    if let Some(refusal) = homeless(seen, template, shard, place, false) {
        found.refuse(refusal);
    }
}

/// The refusal of a shard that no node would take; `leaves` where its own node is to be cordoned. Nodes that can't be seen
/// aren't nodes that are full.
pub fn homeless(
    seen: &Seen<'_>,
    template: &PodTemplateSpec,
    shard: &Shard<'_>,
    place: &Home,
    leaves: bool,
) -> Option<Refusal> {
    if place.exists() || seen.snapshot.nodes.got().is_none() {
        return None;
    }
    let name = &shard.name;
    let own = shard.pod.and_then(pod::node);
    let message = if leaves {
        format!("no other node would take {name}")
    } else {
        format!("no node would take {name} again")
    };
    let mut refusal = NO_HOME.refuse(format!("pod/{name}"), message);
    // The shard's own node first: it held the shard until now, so its reason says most.
    let own = own.map(|own| format!("node/{own}")).unwrap_or_default();
    let (first, rest): (Vec<_>, Vec<_>) = place.refused.iter().partition(|(object, _)| *object == own);
    for (object, why) in first.into_iter().chain(rest) {
        refusal = refusal.evidence(format!("{object} {why}"));
    }
    for why in &place.unsure {
        refusal = refusal.evidence(format!("not certain: {why}"));
    }
    if cluster_autoscaler_runs(seen) {
        refusal = refusal.evidence("Cluster Autoscaler may make a node for it; whether it can isn't known here");
    }
    let cordoned = place
        .refused
        .iter()
        .any(|(object, why)| *object == own && why == "is cordoned");
    if cordoned && !leaves {
        refusal = refusal
            .remedy("let its own node take pods again:")
            .remedy(seen.kubectl_cluster(&format!("uncordon {}", own.trim_start_matches("node/"))));
    } else {
        refusal = refusal.remedy("make room on a node that the shard can use, or add one, then begin again");
    }
    if counts_cordoned(seen, template, leaves) {
        refusal = refusal.remedy(
            "a cordoned node counts as a domain of the topology spread: nodeTaintsPolicy: Honor in the template leaves it out",
        );
    }
    Some(refusal)
}

/// Whether a cordoned node may be what makes a topology spread refuse the others.
fn counts_cordoned(seen: &Seen<'_>, template: &PodTemplateSpec, leaves: bool) -> bool {
    let constraints = template
        .spec
        .as_ref()
        .and_then(|spec| spec.topology_spread_constraints.as_ref());
    let blind = constraints.into_iter().flatten().any(|constraint| {
        constraint.when_unsatisfiable == "DoNotSchedule" && constraint.node_taints_policy.as_deref() != Some("Honor")
    });
    blind && (leaves || seen.snapshot.nodes.got().into_iter().flatten().any(node::is_cordoned))
}
