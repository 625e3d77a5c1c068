//! Whether the shards that there are can live on the stable phase's nodes: the size holds them, in the zones of their disks, within
//! what the pool may buy. By the packing's model, before anything is written.

pub mod places;

use std::collections::BTreeSet;

use crate::model::catalogue::Catalogue;
use crate::model::money::Discount;
use crate::model::read::{Read, Skip};
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::snapshot::Snapshot;
use crate::model::volume::same_zone;
use crate::model::workload::Workload;
use crate::model::{node, pod, set};
use crate::plan::manifest::capacity::{capacity, machines, shard, slots_beside};
use crate::plan::manifest::names::Names;
use crate::plan::packing::daemons::OBSERVED;
use crate::plan::packing::figures::Machines;
use crate::plan::packing::layout::Spread;
use crate::plan::packing::present::present;
use crate::plan::packing::zones::of_disks;
use crate::plan::safety::catalogue::{ALSO_SCALES, POOL_LIMITS, SHARD_DOWN, TOO_SMALL, UNREADABLE, ZONE_LEFT_OUT};
use crate::plan::verify::seen::Seen;

/// What is in the way of a promotion. `begins` where nothing of it was done yet (no shard has a template of the stable phase): then every
/// shard has to be up. Later one that is down may be what a better template mends.
pub fn judge(seen: &Seen<'_>, workload: &Workload, catalogue: &Catalogue, begins: bool) -> Vec<Refusal> {
    let mut refusals = scales(seen, workload);
    if begins {
        refusals.extend(down(seen));
    }
    match room(seen, workload, catalogue) {
        Ok(more) => refusals.extend(more),
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
            let object = format!("statefulset/{}", Names::of(workload).set);
            refusals.push(UNREADABLE.refuse(
                object,
                format!("whether the size holds the shards can't be judged: {why}"),
            ));
        }
    }
    refusals
}

fn scales(seen: &Seen<'_>, workload: &Workload) -> Vec<Refusal> {
    let Ok(found) = seen.set() else { return Vec::new() };
    let there = set::replicas(found);
    if u32::try_from(there) == Ok(workload.shards) {
        return Vec::new();
    }
    let message = format!("there are {there} shards, and {} are asked for", workload.shards);
    vec![
        ALSO_SCALES
            .refuse(format!("statefulset/{}", set::name(found)), message)
            .remedy(format!("promote those that there are: --shards {there}")),
    ]
}

fn down(seen: &Seen<'_>) -> Vec<Refusal> {
    let shards = seen.every_shard().unwrap_or_default().into_iter();
    let down = shards.filter(|shard| {
        !shard
            .pod
            .is_some_and(|found| pod::is_ready(found) && !pod::is_terminating(found))
    });
    down.map(|shard| {
        SHARD_DOWN
            .refuse(
                format!("pod/{}", shard.name),
                "isn't Ready, and nothing of a promotion was begun",
            )
            .remedy("mend it first:")
            .remedy(seen.shardctl("verify"))
    })
    .collect()
}

/// What the size, its zones and the limits have against it.
fn room(seen: &Seen<'_>, workload: &Workload, catalogue: &Catalogue) -> Result<Vec<Refusal>, Skip> {
    let disks = of_disks(seen)?;
    let mut known = Machines::of(&own_nodes(seen, workload), disks.driver.as_deref());
    let reckoned = machines(workload, catalogue);
    known.kubelet = known.kubelet.or(reckoned.kubelet);
    known.forecast = known.forecast.or(reckoned.forecast);
    let daemons = present(seen, &known, catalogue, Discount::default())?
        .daemons()
        .unwrap_or(OBSERVED.take);
    let object = format!("nodepool/{}", Names::of(workload).pool(Phase::Stable));
    let wrong = |what: String| vec![TOO_SMALL.refuse(&object, what).remedy("name a larger one: --size SIZE")];
    let size = match catalogue.size(&workload.size) {
        Ok(size) => size,
        Err(unknown) => return Ok(wrong(unknown.to_string())),
    };
    let take = match shard(workload) {
        Ok(take) => take,
        Err(unread) => return Ok(wrong(unread.what)),
    };
    let slots = match slots_beside(&known, size, &take, &daemons, workload) {
        Ok(slots) => slots,
        Err(what) => return Ok(wrong(what)),
    };
    let most = match capacity(workload, Phase::Stable, catalogue) {
        Ok(capacity) => capacity.most(size),
        Err(unfit) => return Ok(wrong(unfit.what)),
    };
    let mut refusals: Vec<Refusal> = left_out(&disks.spread, workload, &object).into_iter().collect();
    let needed = needed(&disks.spread, slots);
    if i64::from(needed) > most {
        let mut refusal = POOL_LIMITS.refuse(
            &object,
            format!(
                "the shards take {needed} machines of {}, and its limits have room for {most}",
                size.name
            ),
        );
        for (zone, count) in &disks.spread.zones {
            refusal = refusal.evidence(format!(
                "{zone}: {count} shards, {slots} on a machine: {} machines",
                count.div_ceil(slots)
            ));
        }
        refusals.push(refusal.remedy("name a size that holds more of them: --size SIZE"));
    }
    Ok(refusals)
}

/// The snapshot with the nodes of the workload's own pools alone: a node of the same size elsewhere may be kept back for more.
fn own_nodes(seen: &Seen<'_>, workload: &Workload) -> Snapshot {
    let names = Names::of(workload);
    let pools = [Phase::Explore, Phase::Stable].map(|phase| names.pool(phase));
    let mut own = seen.snapshot.clone();
    if let Read::Got(nodes) = &mut own.nodes {
        nodes.change(|nodes| {
            nodes.retain(|found| {
                let pool = node::label(found, node::NODE_POOL);
                pools.iter().any(|known| Some(known.as_str()) == pool)
            });
        });
    }
    own
}

/// How many machines the shards take, zone by zone.
fn needed(spread: &Spread, slots: u32) -> u32 {
    let bound: u32 = spread.zones.values().map(|count| count.div_ceil(slots)).sum();
    let beside: u32 = spread
        .zones
        .values()
        .map(|count| count.div_ceil(slots) * slots - count)
        .sum();
    bound + spread.anywhere.saturating_sub(beside).div_ceil(slots)
}

/// The zones of disks that the pool leaves out.
fn left_out(spread: &Spread, workload: &Workload, object: &str) -> Option<Refusal> {
    let bound = spread.zones.iter().filter(|(_, count)| **count > 0);
    let out: Vec<(&String, &u32)> = bound
        .filter(|(zone, _)| !workload.zones.is_empty() && !workload.zones.iter().any(|named| same_zone(named, zone)))
        .collect();
    if out.is_empty() {
        return None;
    }
    let words: Vec<String> = out.iter().map(|(zone, count)| format!("{count} in {zone}")).collect();
    let message = format!(
        "it may buy machines in {} alone, and disks are elsewhere: {}",
        workload.zones.join(", "),
        words.join(", ")
    );
    let all: BTreeSet<&str> = workload
        .zones
        .iter()
        .map(String::as_str)
        .chain(out.iter().map(|(zone, _)| zone.as_str()))
        .collect();
    let all: Vec<&str> = all.into_iter().collect();
    Some(
        ZONE_LEFT_OUT
            .refuse(object, message)
            .remedy(format!("name the zones of all disks: --zones {}", all.join(","))),
    )
}

#[cfg(test)]
mod tests;
