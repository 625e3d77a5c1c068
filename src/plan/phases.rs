//! How the reference workload's two phases stand, from one look: whose template the set has, which pools there are, and on whose nodes
//! the shards are.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::model::karpenter::NodePool;
use crate::model::phases::{Held, Holder, Phases, Stand};
use crate::model::read::{Read, Skip};
use crate::model::report::Phase;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::model::{node, pod, volume};
use crate::plan::manifest::names::Names;
use crate::plan::status;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// The names that a workload's set may have, the likeliest first: its own, then the older ones, which began with the phase's.
pub fn set_names(workload: &Workload) -> Vec<String> {
    let name = Names::of(workload).set;
    let older = [Phase::Explore, Phase::Stable].map(|phase| format!("{}-{name}", phase.word()));
    std::iter::once(name).chain(older).collect()
}

/// Judges a look; only the set, its pods and budgets, the nodes and the pools need to have been read.
pub fn judge(snapshot: &Snapshot, workload: &Workload, wanted: &str, policy: &Policy) -> Phases {
    let seen = Seen::of(snapshot, policy);
    let names = Names::of(workload);
    let set = snapshot.set();
    let pods = seen.own_pods().unwrap_or_default();
    let nodes: Vec<&Node> = snapshot.nodes.got().into_iter().flatten().collect();
    let current = seen.phase().ok().map(|(phase, _)| phase);
    let phases: Vec<Stand> = [Phase::Explore, Phase::Stable]
        .map(|phase| {
            let pool = names.pool(phase);
            let is_of = |found: &Node| node::label(found, node::NODE_POOL) == Some(pool.as_str());
            Stand {
                phase,
                is_current: current == Some(phase),
                is_there: snapshot
                    .node_pools
                    .clone()
                    .map(|pools| pools.iter().any(|found| NodePool(found).name() == pool)),
                nodes: snapshot
                    .nodes
                    .clone()
                    .map(|nodes| nodes.iter().filter(|found| is_of(found)).count()),
                held: held(&pods, &nodes, is_of),
                pool,
            }
        })
        .into();
    let of_neither = |found: &Node| {
        let pool = node::label(found, node::NODE_POOL);
        !phases.iter().any(|stand| pool == Some(stand.pool.as_str()))
    };
    let zone = |found: &Node| node::label(found, volume::ZONE).map(str::to_owned);
    let zones: BTreeSet<String> = nodes.iter().copied().filter_map(zone).collect();
    Phases {
        namespace: snapshot.taken.namespace.clone(),
        wanted: wanted.to_owned(),
        set: snapshot.sets.clone().map(|_| set.map(|set| set::name(set).to_owned())),
        status: set.map(|_| status::judge(snapshot, policy)),
        expected: seen.every_shard().map_or(0, |shards| shards.len()),
        elsewhere: held(&pods, &nodes, of_neither),
        counted: counted(&seen),
        homeless: pods.iter().filter(|found| pod::node(found).is_none()).count(),
        nodes: holders(&seen),
        sizes: sizes(snapshot, &names.pool(Phase::Explore)),
        zones: zones.into_iter().collect(),
        phases,
    }
}

/// The shards on those of the nodes that `counts` says yes to.
fn held(pods: &[&Pod], nodes: &[&Node], counts: impl Fn(&Node) -> bool) -> Held {
    let mut held = Held::default();
    for found in nodes.iter().filter(|found| counts(found)) {
        let here = pods.iter().filter(|pod| pod::node(pod) == Some(node::name(found)));
        let (ready, others): (Vec<&&Pod>, Vec<&&Pod>) = here.partition(|pod| pod::is_ready(pod));
        held.ready += ready.len();
        held.shards += ready.len() + others.len();
        held.nodes += usize::from(!(ready.is_empty() && others.is_empty()));
    }
    held
}

/// Whether the shards and the nodes could both be read.
fn counted(seen: &Seen<'_>) -> Read<()> {
    match seen.own_pods() {
        Ok(_) => seen.snapshot.nodes.clone().map(|_| ()),
        Err(Skip::NotApplicable(why)) => Read::Absent(why),
        Err(Skip::Unknown(why)) => Read::Unreadable(why),
    }
}

fn holders(seen: &Seen<'_>) -> Read<Vec<Holder>> {
    let text = |found: &Node, key: &str| node::label(found, key).map(str::to_owned);
    match seen.nodes_with_shards() {
        Ok(nodes) => Read::Got(
            nodes
                .into_iter()
                .map(|(found, pods)| Holder {
                    name: node::name(found).to_owned(),
                    size: text(found, node::INSTANCE_TYPE),
                    zone: text(found, volume::ZONE),
                    is_cordoned: node::is_cordoned(found),
                    shards: pods.into_iter().map(|pod| pod::name(pod).to_owned()).collect(),
                })
                .collect(),
        ),
        Err(Skip::NotApplicable(why)) => Read::Absent(why),
        Err(Skip::Unknown(why)) => Read::Unreadable(why),
    }
}

/// The sizes that a pool may buy.
fn sizes(snapshot: &Snapshot, pool: &str) -> Vec<String> {
    let pools = snapshot.node_pools.got().map(Vec::as_slice).unwrap_or_default();
    let found = pools.iter().map(NodePool).find(|found| found.name() == pool);
    let requirements = found.map(NodePool::requirements).unwrap_or_default();
    requirements
        .into_iter()
        .filter(|(key, operator, _)| *key == node::INSTANCE_TYPE && *operator == "In")
        .flat_map(|(_, _, values)| values)
        .map(str::to_owned)
        .collect()
}
