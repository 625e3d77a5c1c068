//! What runs where now and what it costs: a row a node, and what they come to together.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod};

use super::figures::{self, Machines};
use super::layout::{Layout, Machines as Bought, Zone};
use super::load::{self, take, take_of_pod};
use super::placement::placement;
use super::slots::slots;
use crate::model::catalogue::Catalogue;
use crate::model::load::Beside;
use crate::model::money::{Discount, Money};
use crate::model::pod;
use crate::model::price::{Kind, Price};
use crate::model::read::Skip;
use crate::model::room::{Limit, Room, Take};
use crate::model::volume::same_zone;
use crate::model::{node, set, volume};
use crate::plan::requests::of_template;
use crate::plan::verify::seen::Seen;

/// Where Karpenter, AKS and EKS say how a node is paid for.
const CAPACITY: [&str; 3] = [
    "karpenter.sh/capacity-type",
    "kubernetes.azure.com/scalesetpriority",
    "eks.amazonaws.com/capacityType",
];
/// The label of a node's region.
const REGION: &str = "topology.kubernetes.io/region";
/// The label of a node's architecture.
const ARCH: &str = "kubernetes.io/arch";

/// A node that holds shards, or is of a pool whose nodes do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The node.
    pub node: String,
    /// Its size; none where it doesn't say.
    pub size: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// How it is paid for, in the cluster's own word.
    pub capacity_type: Option<String>,
    /// Its Karpenter pool.
    pub pool: Option<String>,
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether it takes no new pods.
    pub cordoned: bool,
    /// What it has for pods; none where it doesn't say.
    pub room: Option<Room>,
    /// The shards on it, in their order.
    pub shards: Vec<String>,
    /// What these ask for.
    pub by_shards: Take,
    /// What the pods of DaemonSets ask for; none where the pods of other namespaces weren't seen.
    pub by_daemons: Option<Take>,
    /// What all others ask for.
    pub by_others: Option<Take>,
    /// How many more shards fit; none where what runs there isn't known.
    pub free_slots: Option<u32>,
    /// Bytes that nobody asks for and no further shard fits into.
    pub stranded: Option<i64>,
    /// What an hour costs at the list's price; none where that isn't known.
    pub price: Option<Price>,
    /// What is paid of it.
    pub hourly: Option<Money>,
}

impl Row {
    /// What all pods ask for; none where that isn't known.
    pub fn asked(&self) -> Option<Take> {
        Some(self.by_shards.plus(self.by_daemons?).plus(self.by_others?))
    }

    /// How much of one thing is asked for, in thousandths of what there is.
    pub fn used(&self, limit: Limit) -> Option<i64> {
        let has = self.room?.of(limit).filter(|has| *has > 0)?;
        Some(self.asked()?.of(limit).saturating_mul(1000) / has)
    }

    /// What an hour of the stranded memory costs.
    pub fn stranded_money(&self) -> Option<Money> {
        Some(self.hourly?.share(self.stranded?, self.room?.memory))
    }
}

/// All that runs now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// The nodes, by name.
    pub rows: Vec<Row>,
    /// Shards that are on no node.
    pub homeless: Vec<String>,
    /// Why the pods of other namespaces weren't seen, a clause; none where they were.
    pub unseen: Option<String>,
}

/// What the rows come to together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Nodes.
    pub nodes: usize,
    /// Those without a shard.
    pub empty: usize,
    /// Shards on nodes.
    pub shards: usize,
    /// What an hour costs of all whose price is known.
    pub hourly: Money,
    /// Nodes whose price isn't known.
    pub unpriced: Vec<String>,
    /// Bytes stranded; none where what runs on a node isn't known.
    pub stranded: Option<i64>,
    /// What these cost an hour.
    pub stranded_hourly: Option<Money>,
    /// How many more shards fit.
    pub free_slots: Option<u32>,
    /// How much memory is asked for, in thousandths of what there is.
    pub memory_used: Option<i64>,
    /// The same for CPU.
    pub cpu_used: Option<i64>,
    /// How many shards are down at most when one node dies.
    pub lost_with_a_node: usize,
    /// How many shards are down at most when one zone dies; those on nodes without a zone count as one more.
    pub lost_with_a_zone: usize,
}

impl Totals {
    /// What an hour costs for each shard; none where a price is missing.
    pub fn hourly_a_shard(&self) -> Option<Money> {
        let count = i64::try_from(self.shards).ok().filter(|count| *count > 0)?;
        self.unpriced.is_empty().then(|| self.hourly.share(1, count))
    }
}

impl Present {
    /// What the rows come to together.
    pub fn totals(&self) -> Totals {
        let mut zones: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for row in &self.rows {
            *zones.entry(row.zone.as_deref()).or_default() += row.shards.len();
        }
        let unpriced = self.rows.iter().filter(|row| row.hourly.is_none());
        Totals {
            nodes: self.rows.len(),
            empty: self.rows.iter().filter(|row| row.shards.is_empty()).count(),
            shards: self.rows.iter().map(|row| row.shards.len()).sum(),
            hourly: self.rows.iter().filter_map(|row| row.hourly).sum(),
            unpriced: unpriced.map(|row| row.node.clone()).collect(),
            stranded: self.rows.iter().map(|row| row.stranded).sum(),
            stranded_hourly: self
                .rows
                .iter()
                .map(Row::stranded_money)
                .collect::<Option<Vec<_>>>()
                .map(|all| all.into_iter().sum()),
            free_slots: self.rows.iter().map(|row| row.free_slots).sum(),
            memory_used: self.used(Limit::Memory),
            cpu_used: self.used(Limit::Cpu),
            lost_with_a_node: self.rows.iter().map(|row| row.shards.len()).max().unwrap_or(0),
            lost_with_a_zone: zones.into_values().max().unwrap_or(0),
        }
    }

    fn used(&self, limit: Limit) -> Option<i64> {
        let mut sums = (0_i64, 0_i64);
        for row in &self.rows {
            sums.0 = sums.0.saturating_add(row.asked()?.of(limit));
            sums.1 = sums.1.saturating_add(row.room?.of(limit)?);
        }
        (sums.1 > 0).then(|| sums.0.saturating_mul(1000) / sums.1)
    }

    /// Whether just these machines are there, with a node for every shard. What is there may name zones as the cloud does, and the
    /// layout as the disks do.
    pub fn is(&self, layout: &Layout) -> bool {
        let mut there: Vec<(Option<&str>, Option<&str>)> = self
            .rows
            .iter()
            .map(|row| (row.zone.as_deref(), row.size.as_deref()))
            .collect();
        let in_zone = |there: Option<&str>, wanted: Option<&str>| match (there, wanted) {
            (Some(there), Some(wanted)) => same_zone(there, wanted),
            (_, wanted) => wanted.is_none(),
        };
        for (zone, of) in layout.machines() {
            for _ in 0..of.count {
                let found = there
                    .iter()
                    .position(|(place, size)| in_zone(*place, zone.name.as_deref()) && *size == Some(of.size.as_str()));
                match found {
                    Some(at) => there.swap_remove(at),
                    None => return false,
                };
            }
        }
        there.is_empty() && self.homeless.is_empty()
    }

    /// The machines of a pool as a layout.
    pub fn of_pool(&self, pool: &str) -> Layout {
        let mut zones: BTreeMap<Option<&str>, (u32, BTreeMap<&str, u32>)> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.pool.as_deref() == Some(pool)) {
            let (shards, sizes) = zones.entry(row.zone.as_deref()).or_default();
            *shards += u32::try_from(row.shards.len()).unwrap_or(u32::MAX);
            if let Some(size) = &row.size {
                *sizes.entry(size).or_default() += 1;
            }
        }
        let machines = |size: &str, count| Bought {
            size: size.to_owned(),
            count,
            slots: self.most_on(size),
            hourly: self.hourly_of(size),
        };
        let zone = |(name, (shards, sizes)): (Option<&str>, (u32, BTreeMap<&str, u32>))| Zone {
            name: name.map(str::to_owned),
            shards,
            machines: sizes.into_iter().map(|(size, count)| machines(size, count)).collect(),
        };
        Layout {
            zones: zones.into_iter().map(zone).collect(),
        }
    }

    fn most_on(&self, size: &str) -> u32 {
        let of_size = self.rows.iter().filter(|row| row.size.as_deref() == Some(size));
        let most = of_size.map(|row| row.shards.len()).max().unwrap_or(0);
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    fn hourly_of(&self, size: &str) -> Money {
        let mut of_size = self.rows.iter().filter(|row| row.size.as_deref() == Some(size));
        of_size.find_map(|row| row.hourly).unwrap_or(Money::ZERO)
    }

    /// What DaemonSets take of a node at most; none where no node tells.
    pub fn daemons(&self) -> Option<Take> {
        self.rows.iter().filter_map(|row| row.by_daemons).reduce(Take::most)
    }
}

/// What a new shard takes, by the set's template: its requests, and a disk for each claim template.
///
/// # Errors
/// Where the set can't be read.
pub fn shard(seen: &Seen<'_>) -> Result<Take, Skip> {
    let found = seen.set()?;
    let disks = i64::try_from(set::claim_templates(found).count()).unwrap_or(i64::MAX);
    let spec = set::pod_spec(found).ok_or_else(|| Skip::NotApplicable("the set has no pod template".to_owned()))?;
    Ok(take(&of_template(spec), disks))
}

/// The one region of the nodes with shards, or of all where none has one; none where they don't say, or don't agree.
///
/// # Errors
/// Where nodes or pods can't be read.
pub fn region<'a>(seen: &Seen<'a>) -> Result<Option<&'a str>, Skip> {
    let nodes = seen.nodes_with_shards()?;
    let holding: BTreeSet<&str> = nodes
        .iter()
        .filter_map(|(found, _)| node::label(found, REGION))
        .collect();
    let regions = if nodes.is_empty() {
        // With every shard down the nodes still say where they are.
        let all = seen.snapshot.nodes.need()?;
        all.iter().filter_map(|found| node::label(found, REGION)).collect()
    } else {
        holding
    };
    Ok(regions.first().copied().filter(|_| regions.len() == 1))
}

/// The architectures of the nodes with shards.
///
/// # Errors
/// Where nodes or pods can't be read.
pub fn archs(seen: &Seen<'_>) -> Result<BTreeSet<String>, Skip> {
    let nodes = seen.nodes_with_shards()?;
    let told = |found: &Node| -> Option<String> {
        let info = found.status.as_ref().and_then(|status| status.node_info.as_ref());
        let arch = node::label(found, ARCH).or_else(|| info.map(|info| info.architecture.as_str()));
        arch.filter(|arch| !arch.is_empty()).map(str::to_owned)
    };
    Ok(nodes.iter().filter_map(|(found, _)| told(found)).collect())
}

/// The nodes that hold shards and the others of their pools, by name.
///
/// # Errors
/// Where the set, its pods or the nodes can't be read.
pub fn nodes<'a>(seen: &Seen<'a>) -> Result<Vec<&'a Node>, Skip> {
    let holding: BTreeSet<&str> = seen
        .nodes_with_shards()?
        .iter()
        .map(|(found, _)| node::name(found))
        .collect();
    let all = seen.snapshot.nodes.need()?;
    let pool = |found: &'a Node| node::label(found, node::NODE_POOL);
    let holds = |found: &Node| holding.contains(node::name(found));
    let pools: BTreeSet<&str> = all.iter().filter(|found| holds(found)).filter_map(pool).collect();
    let mut nodes: Vec<&Node> = all
        .iter()
        .filter(|found| holds(found) || pool(found).is_some_and(|pool| pools.contains(pool)))
        .collect();
    nodes.sort_by_key(|found| node::name(found));
    Ok(nodes)
}

/// Looks at the nodes that hold shards and at the others of their pools.
///
/// # Errors
/// Where the set, its pods or the nodes can't be read.
pub fn present(
    seen: &Seen<'_>,
    machines: &Machines,
    catalogue: &Catalogue,
    discount: Discount,
) -> Result<Present, Skip> {
    let with_shards: BTreeMap<&str, Vec<&Pod>> = seen
        .nodes_with_shards()?
        .into_iter()
        .map(|(found, pods)| (node::name(found), pods))
        .collect();
    let nodes = nodes(seen)?;
    let asked = shard(seen)?;
    let one_a_node = placement(seen)?.one_a_node;
    let load = load::of(seen)?;
    let rows = nodes
        .into_iter()
        .map(|found| {
            let none = Vec::new();
            let pods = with_shards.get(node::name(found)).unwrap_or(&none);
            let beside = load.as_ref().map(|load| load.on(node::name(found)));
            let room = figures::room(found).map(|room| {
                let size = node::label(found, node::INSTANCE_TYPE);
                let live = size.and_then(|size| Some(machines.live.get(size)?.0.disks));
                let of_size = size.and_then(|size| catalogue.size(size).ok()?.data_disks);
                Room {
                    disks: live.flatten().or(of_size),
                    ..room
                }
            });
            let mut row = row(found, pods, beside.ok(), room, &asked, catalogue, discount);
            if one_a_node && !row.shards.is_empty() {
                row.free_slots = row.free_slots.map(|_| 0);
            } else if one_a_node {
                row.free_slots = row.free_slots.map(|free| free.min(1));
            }
            row
        })
        .collect();
    let known: BTreeSet<&str> = seen.snapshot.nodes.need()?.iter().map(node::name).collect();
    let homeless = seen.own_pods()?.into_iter().filter(|found| {
        let place = pod::node(found);
        !pod::is_finished(found) && place.is_none_or(|place| !known.contains(place))
    });
    Ok(Present {
        rows,
        homeless: homeless.map(|found| pod::name(found).to_owned()).collect(),
        unseen: load.err().map(str::to_owned),
    })
}

fn row(
    found: &Node,
    pods: &[&Pod],
    beside: Option<Beside>,
    room: Option<Room>,
    asked: &Take,
    catalogue: &Catalogue,
    discount: Discount,
) -> Row {
    let running = pods.iter().filter(|one| !pod::is_finished(one));
    let by_shards = running
        .clone()
        .map(|one| take_of_pod(one, asked.disks))
        .fold(Take::default(), Take::plus);
    let size = node::label(found, node::INSTANCE_TYPE).map(str::to_owned);
    let capacity_type = CAPACITY
        .iter()
        .find_map(|key| node::label(found, key))
        .map(str::to_owned);
    let kind = capacity_type.as_deref().map_or(Kind::OnDemand, Kind::of_capacity);
    let price = size.as_deref().and_then(|size| catalogue.price(size, kind));
    let left = beside.zip(room).map(|(beside, room)| {
        let taken = by_shards.plus(beside.daemons).plus(beside.others);
        let free = slots(&room, &taken, asked).count;
        let memory = room.memory.saturating_sub(taken.memory).max(0);
        (free, memory - asked.memory.saturating_mul(i64::from(free)).min(memory))
    });
    Row {
        node: node::name(found).to_owned(),
        zone: volume::node_zone(found).map(str::to_owned),
        pool: node::label(found, node::NODE_POOL).map(str::to_owned),
        ready: node::is_ready(found),
        cordoned: node::is_cordoned(found),
        shards: running.map(|one| pod::name(one).to_owned()).collect(),
        by_shards,
        by_daemons: beside.map(|beside| beside.daemons),
        by_others: beside.map(|beside| beside.others),
        // Nothing new comes to a node that is cordoned or isn't ready, whatever room it has.
        free_slots: left.map(|(free, _)| {
            if node::is_cordoned(found) || !node::is_ready(found) {
                0
            } else {
                free
            }
        }),
        stranded: left.map(|(_, stranded)| stranded),
        price,
        hourly: price.map(|price| discount.off(price.hourly)),
        size,
        capacity_type,
        room,
    }
}

#[cfg(test)]
mod tests;
