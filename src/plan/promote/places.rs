//! Where the shards are on their way to the stable phase: which are bound to its pool, which are on a node of its size, and what room
//! the nodes of another size take as long as shards have to come off them.

use k8s_openapi::api::core::v1::{Node, PodSpec};

use crate::model::quantity::Amount;
use crate::model::report::Phase;
use crate::model::workload::Workload;
use crate::model::{node, pod};
use crate::plan::manifest::Manifest;
use crate::plan::manifest::names::{Names, POOL_LABEL};
use crate::plan::placement::required;
use crate::plan::verify::seen::{Seen, Shard};

/// Whether a pod of this spec can only be on nodes of a pool.
pub fn is_bound(spec: &PodSpec, pool: &str) -> bool {
    let Some(terms) = required(spec).filter(|terms| !terms.is_empty()) else {
        return false;
    };
    terms.iter().all(|term| {
        let mut all = term.match_expressions.iter().flatten();
        all.any(|one| {
            let values = one.values.as_deref().unwrap_or_default();
            one.key == POOL_LABEL && one.operator == "In" && values == [pool]
        })
    })
}

/// Whether a shard's pod was made of a template of the stable phase: then the promotion was begun.
pub fn is_begun(shard: &Shard<'_>, workload: &Workload) -> bool {
    let pool = Names::of(workload).pool(Phase::Stable);
    let spec = shard.pod.and_then(|found| found.spec.as_ref());
    spec.is_some_and(|spec| is_bound(spec, &pool))
}

/// Whether a shard is on a node of the stable pool that has the size.
pub fn is_in_place(seen: &Seen<'_>, shard: &Shard<'_>, workload: &Workload) -> bool {
    let place = shard.pod.and_then(pod::node);
    let place = place.and_then(|name| seen.node(name).ok().flatten());
    place.is_some_and(|found| {
        is_of_pool(found, workload) && node::label(found, node::INSTANCE_TYPE) == Some(workload.size.as_str())
    })
}

fn is_of_pool(found: &Node, workload: &Workload) -> bool {
    let pool = Names::of(workload).pool(Phase::Stable);
    node::label(found, node::NODE_POOL) == Some(pool.as_str())
}

/// The objects with the limits of the stable pool as they have to be while shards move from one pinned size to another: the nodes of
/// the size before count against them until Karpenter has ended them. With every shard in place they are as rendered.
pub fn widened(manifests: &[Manifest], seen: &Seen<'_>, workload: &Workload) -> Vec<Manifest> {
    let mut manifests = manifests.to_vec();
    let shards = seen.every_shard().unwrap_or_default();
    if shards.iter().all(|shard| is_in_place(seen, shard, workload)) {
        return manifests;
    }
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    let others: Vec<&Node> = nodes
        .filter(|found| is_of_pool(found, workload))
        .filter(|found| node::label(found, node::INSTANCE_TYPE) != Some(workload.size.as_str()))
        .collect();
    for manifest in &mut manifests {
        if let Manifest::NodePool(pool) = manifest {
            for (resource, limit) in &mut pool.spec.limits {
                let Ok(own) = Amount::parse(limit) else { continue };
                let all = others.iter().fold(own, |sum, found| sum.plus(has(found, resource)));
                *limit = all.written(resource);
            }
        }
    }
    manifests
}

/// What a node has of a resource, all in all.
fn has(found: &Node, resource: &str) -> Amount {
    let capacity = found.status.as_ref().and_then(|status| status.capacity.as_ref());
    let amount = capacity.and_then(|all| all.get(resource));
    amount
        .and_then(|amount| Amount::parse(&amount.0).ok())
        .unwrap_or(Amount::ZERO)
}
