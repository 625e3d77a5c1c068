//! Whether a drain may begin: everything that would stop it half-way, found before the cordon, and what it costs.

mod strategy;
mod writers;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Node;

use super::homes::{self, Move, Place};
use super::node::{notes, releasable, silent};
use super::others::{self, Others};
use super::placeholder::{Prewarm, wanted};
use super::{Afterwards, Flags, OwnPod, Strategy};
use crate::model::finding::Severity;
use crate::model::read::Skip;
use crate::model::refusal::Refusal;
use crate::model::right::Right;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::model::{node, pod};
use crate::plan::safety::catalogue::{
    NODE_UNREADY, OTHER_PODS, OWN_NODE, RELEASE, REPLICAS, SHARD_DOWN, TERMINATING, UNREADABLE,
};
pub use crate::plan::safety::preflight::Preflight;
use crate::plan::safety::{data, gate, rights};
use crate::plan::surge::without_extra;
use crate::plan::verify::seen::Seen;

/// What a drain is about to do.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The nodes, in the order in which they are emptied.
    pub order: &'a [&'a Node],
    /// How the shards go.
    pub strategy: Strategy,
    /// What becomes of each node afterwards.
    pub then: Afterwards,
    /// kubectl's flags about the other pods.
    pub flags: Flags,
    /// Whether nodes are made beforehand.
    pub prewarm: Prewarm,
    /// The pod that shardctl runs in, where it does.
    pub own: Option<&'a OwnPod>,
    /// Whether it goes on with a run of ours that was cut off: what is down was that run's doing, and is waited for.
    pub resumes: bool,
    /// The run, for example `drain/shop/db/4f2a`: marks of earlier ones like it are its own to take away.
    pub run: &'a str,
    /// The server's answers about [`rights::of_drain`].
    pub rights: &'a [Right],
}

/// What a drain will meet: for the table, and for going on.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What stops it, and what is worth knowing.
    pub preflight: Preflight,
    /// What the strategy costs, a sentence each; empty where no shard moves.
    pub costs: Vec<String>,
    /// What stands on each node, in the order of the nodes.
    pub nodes: Vec<(String, Others)>,
    /// Where each shard goes, in the order in which they go.
    pub moves: Vec<Move>,
}

/// Judges whether a drain may begin.
///
/// Done once before the Lease is asked for, and again when it is won.
pub fn preflight(seen: &Seen<'_>, aim: &Aim<'_>, now: Timestamp) -> Found {
    let mut all = Found::default();
    let found = &mut all.preflight;
    found.refusals.extend(rights::missing(seen, aim.rights, "drain"));
    let set = match seen.set() {
        Ok(set) => set,
        Err(skip) => {
            found.refuse(UNREADABLE.refuse("statefulset", format!("the set can't be judged: {}", data::words(skip))));
            return all;
        }
    };
    judge_nodes(seen, aim, now, found);
    match judge_others(seen, aim, found) {
        Ok(nodes) => all.nodes = nodes,
        Err(skip) => found.refuse(UNREADABLE.refuse(
            "node",
            format!("what is on the nodes can't be judged: {}", data::words(skip)),
        )),
    }
    judge_replicas(seen, set, aim.run, found);
    strategy::judge_marks(seen, set, aim, now, found);
    match homes::moves(seen, aim.order, aim.then) {
        Ok(moves) => all.moves = moves,
        Err(skip) => {
            let object = format!("statefulset/{}", set::name(set));
            found.refuse(UNREADABLE.refuse(object, format!("the shards can't be judged: {}", data::words(skip))));
            return all;
        }
    }
    // A node without shards is emptied as kubectl does it: the set stays as it is.
    if all.moves.is_empty() {
        return all;
    }
    judge_shards(seen, set, aim, &all.moves, found);
    judge_data(seen, &all.moves, found);
    judge_homes(seen, set, aim, &all.moves, found);
    strategy::judge(seen, set, aim, found);
    if aim.strategy == Strategy::Surge
        && let Some(beside) = strategy::beside_the_extra(seen, set, aim, &all.moves, found)
    {
        all.moves = beside;
    }
    all.costs = strategy::costs(set, aim.strategy, &all.moves);
    writers::judge(seen, set, aim.strategy, found);
    all
}

fn judge_nodes(seen: &Seen<'_>, aim: &Aim<'_>, now: Timestamp, found: &mut Preflight) {
    for place in aim.order {
        let name = node::name(place);
        let object = format!("node/{name}");
        if let Some((message, remedy)) = silent(seen, place) {
            let refusal = NODE_UNREADY.refuse(&object, message);
            found.refuse(remedy.into_iter().fold(refusal, Refusal::remedy));
        }
        // Shards that are still on it are what the drain is for: only that there is a NodeClaim matters yet.
        if aim.then == Afterwards::Released
            && !matches!(super::node::claim_of(seen, name), Ok(Some(_)))
            && let Err(why) = releasable(seen, name)
        {
            found.refuse(
                RELEASE
                    .refuse(&object, why)
                    .remedy("leave --then-release out, and take the machine away by what made it"),
            );
        }
        found.notes.extend(notes(seen, place, aim.run, now));
    }
    let names: Vec<&str> = aim.order.iter().map(|place| node::name(place)).collect();
    if let Some(own) = aim.own
        && let Some(name) = others::own_node(seen, own, &names)
    {
        found.refuse(
            OWN_NODE
                .refuse(
                    format!("node/{name}"),
                    format!(
                        "shardctl runs on it, in pod/{} of namespace {}",
                        own.name, own.namespace
                    ),
                )
                .remedy("run it from your own machine, or in a pod on another node"),
        );
    }
}

fn judge_others(seen: &Seen<'_>, aim: &Aim<'_>, found: &mut Preflight) -> Result<Vec<(String, Others)>, Skip> {
    let mut nodes = Vec::new();
    let mut unsure: BTreeSet<String> = BTreeSet::new();
    for place in aim.order {
        let name = node::name(place);
        let others = others::others(seen, name, aim.flags, aim.own)?;
        unsure.extend(others.unsure.iter().cloned());
        // One refusal a reason, as kubectl lists them: a node may have fifty pods.
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        // Our own pod has a refusal of its own.
        let itself = |row: &others::Row| {
            aim.own
                .is_some_and(|own| own.namespace == row.namespace && own.name == row.name)
        };
        for (row, why) in others.stuck().filter(|(row, _)| !itself(row)) {
            reasons.entry(why).or_default().push(row.title());
        }
        for (why, pods) in reasons {
            found.refuse(stuck(seen, name, why, &pods));
        }
        nodes.push((name.to_owned(), others));
    }
    for why in unsure {
        found.note(Severity::Warning, "pdb", format!("not certain: {why}"));
    }
    Ok(nodes)
}

/// The refusal about pods of a node that can't go.
pub(super) fn stuck(seen: &Seen<'_>, on: &str, why: &str, pods: &[String]) -> Refusal {
    let by_flag = why.contains("(use --");
    let message = if by_flag {
        format!("cannot delete {why}")
    } else if let [only] = pods {
        format!("{only} can't go: {why}")
    } else {
        format!("{} pods can't go: {why}", pods.len())
    };
    let mut refusal = OTHER_PODS.refuse(format!("node/{on}"), message);
    if by_flag || pods.len() > 1 {
        refusal = pods
            .iter()
            .fold(refusal, |refusal, pod| refusal.evidence(format!("pod {pod}")));
    }
    if by_flag {
        return refusal;
    }
    let namespaces: BTreeSet<&str> = pods.iter().filter_map(|pod| pod.split('/').next()).collect();
    refusal = refusal.remedy("have its owner move it, or change its budget:");
    for namespace in namespaces {
        let arguments = format!("get poddisruptionbudgets -n {}", shell_word(namespace));
        refusal = refusal.remedy(seen.kubectl_cluster(&arguments));
    }
    refusal
}

fn judge_replicas(seen: &Seen<'_>, set: &StatefulSet, run: &str, found: &mut Preflight) {
    let Ok(expected) = seen.expected() else { return };
    let replicas = without_extra(seen, run).unwrap_or_else(|| set::replicas(set));
    if replicas != expected.shards {
        found.refuse(
            REPLICAS
                .refuse(
                    format!("statefulset/{}", set::name(set)),
                    format!(
                        "it has {replicas} replicas, where there should be {} shards ({})",
                        expected.shards, expected.origin
                    ),
                )
                .remedy(format!(
                    "if the set is right, say so for this run with --expect {replicas}; otherwise scale it back first"
                )),
        );
    }
}

/// Every shard that isn't to be moved has to be up, unless nothing but shards that are down is moved: that costs nothing.
fn judge_shards(seen: &Seen<'_>, set: &StatefulSet, aim: &Aim<'_>, moves: &[Move], found: &mut Preflight) {
    let (Ok(pods), Ok(expected)) = (seen.own_pods(), seen.expected()) else {
        return;
    };
    let all_down = moves.iter().all(|one| one.is_down);
    for ordinal in set::ordinals(set, expected.shards.max(set::replicas(set))) {
        let name = set::pod_name(set, ordinal);
        let object = format!("pod/{name}");
        let there = pods.iter().find(|found| pod::name(found) == name);
        let refusal = match there {
            None => Some(SHARD_DOWN.refuse(&object, format!("{name} has no pod"))),
            Some(there) => gate::down(there),
        };
        let Some(refusal) = refusal else { continue };
        let moves_itself = moves.iter().any(|one| one.ordinal == ordinal);
        if aim.resumes {
            let message = format!("{}: the run that this one goes on with was at it", refusal.message);
            found.note(Severity::Information, object, message);
        } else if moves_itself && refusal.id != TERMINATING.id {
            let message = format!("{name} is down already, and is moved first: that costs nothing");
            found.note(Severity::Warning, object, message);
        } else if all_down {
            let message = format!(
                "{}; only shards that are down are moved, so that it isn't waited for",
                refusal.message
            );
            found.note(Severity::Warning, object, message);
        } else {
            found.refuse(
                refusal
                    .remedy("mend it first, or wait until it is Ready:")
                    .remedy(seen.shardctl("verify"))
                    .remedy(seen.kubectl(&format!("wait --for=condition=Ready --timeout=10m pod/{name}"))),
            );
        }
    }
}

fn judge_data(seen: &Seen<'_>, moves: &[Move], found: &mut Preflight) {
    let pods = seen.own_pods().unwrap_or_default();
    let mut emptied: Vec<&str> = Vec::new();
    for one in moves {
        let there = pods.iter().copied().find(|found| pod::name(found) == one.shard);
        found.refusals.extend(data::refusals(seen, one.ordinal, there));
        let volumes = there.and_then(|there| there.spec.as_ref()?.volumes.as_ref());
        if volumes.into_iter().flatten().any(|volume| volume.empty_dir.is_some()) {
            emptied.push(&one.shard);
        }
    }
    if !emptied.is_empty() {
        found.note(
            Severity::Information,
            format!("pod/{}", emptied[0]),
            format!(
                "what is in emptyDir volumes of {} goes, as whenever a shard is made anew",
                emptied.join(", ")
            ),
        );
    }
    found.notes.extend(data::notes(seen));
}

fn judge_homes(seen: &Seen<'_>, set: &StatefulSet, aim: &Aim<'_>, moves: &[Move], found: &mut Preflight) {
    for refusal in homes::refusals(seen, moves, aim.order) {
        found.refuse(refusal);
    }
    let unsure: BTreeSet<&String> = moves.iter().flat_map(|one| &one.home.unsure).collect();
    for why in unsure {
        found.note(
            Severity::Warning,
            format!("statefulset/{}", set::name(set)),
            format!("whether the shards find a place isn't certain: {why}"),
        );
    }
    // One that gets a placeholder isn't down for it, and the table says where it goes.
    let mut down: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in moves.iter().filter(|one| !wanted(aim.prewarm, one)) {
        let by = match &one.to {
            Place::Pool(pool) => format!("nodepool/{pool}"),
            Place::Autoscaler => "Cluster Autoscaler".to_owned(),
            Place::Node(_) | Place::Nowhere => continue,
        };
        down.entry(by).or_default().push(&one.shard);
    }
    for (by, shards) in down {
        let are = if shards.len() == 1 { "is" } else { "are each" };
        let message = format!(
            "{by} has to make a node for {}, which {are} down for as long as that takes",
            shards.join(", ")
        );
        found.note(Severity::Warning, format!("statefulset/{}", set::name(set)), message);
    }
}

#[cfg(test)]
mod tests;
