//! The cheapest machines for shards that are bound to zones, exactly.
//!
//! Shards are alike, so a zone with `z` of them costs `f(z) = min over sizes (price + f(z − slots))`: every first machine is
//! tried, and what is left is a smaller zone. Shards that may be anywhere are handed to the zones by the same `f`, every way.

use std::collections::BTreeMap;

use crate::model::money::Money;

/// A size that can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name.
    pub size: String,
    /// How many shards it holds; one at least.
    pub slots: u32,
    /// What an hour costs.
    pub hourly: Money,
}

/// Where the shards have to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many are bound to each zone by their disks.
    pub zones: BTreeMap<String, u32>,
    /// How many may be in any of them.
    pub anywhere: u32,
    /// How many a zone may hold at most, those that are bound to it included; none where that doesn't matter.
    pub most_a_zone: Option<u32>,
}

impl Spread {
    /// All of them.
    pub fn shards(&self) -> u32 {
        self.zones.values().sum::<u32>() + self.anywhere
    }
}

/// Machines of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machines {
    /// The size.
    pub size: String,
    /// How many.
    pub count: u32,
    /// How many shards one holds.
    pub slots: u32,
    /// What an hour of one costs.
    pub hourly: Money,
}

/// What is bought in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name; none where the shards are bound to no zone.
    pub name: Option<String>,
    /// How many shards are there.
    pub shards: u32,
    /// The machines, the larger ones first.
    pub machines: Vec<Machines>,
}

/// Machines for all shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The zones, by name.
    pub zones: Vec<Zone>,
}

impl Layout {
    /// What an hour costs.
    pub fn hourly(&self) -> Money {
        self.machines().map(|(_, of)| of.hourly.times(of.count)).sum()
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.machines().map(|(_, of)| of.count).sum()
    }

    /// How many shards there are.
    pub fn shards(&self) -> u32 {
        self.zones.iter().map(|zone| zone.shards).sum()
    }

    /// How many shards could be started beyond those.
    pub fn spare(&self) -> u32 {
        let slots: u32 = self.machines().map(|(_, of)| of.count * of.slots).sum();
        slots.saturating_sub(self.shards())
    }

    /// What an hour costs for each shard.
    pub fn hourly_a_shard(&self) -> Money {
        self.hourly().share(1, i64::from(self.shards()))
    }

    /// How many shards are down at most when one node dies.
    pub fn lost_with_a_node(&self) -> u32 {
        self.machines()
            .map(|(zone, of)| of.slots.min(zone.shards))
            .max()
            .unwrap_or(0)
    }

    /// How many shards are down at most when one zone dies; all, where they are bound to none.
    pub fn lost_with_a_zone(&self) -> u32 {
        self.zones.iter().map(|zone| zone.shards).max().unwrap_or(0)
    }

    /// The sizes in it, each once, by name.
    pub fn sizes(&self) -> Vec<&str> {
        let mut sizes: Vec<&str> = self.machines().map(|(_, of)| of.size.as_str()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// All machines, each with its zone.
    pub fn machines(&self) -> impl Iterator<Item = (&Zone, &Machines)> {
        self.zones
            .iter()
            .flat_map(|zone| zone.machines.iter().map(move |of| (zone, of)))
    }
}

/// What so many shards of one zone cost at least: the money, the nodes, and which size is bought first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Least {
    hourly: Money,
    nodes: u32,
    first: usize,
}

/// [`Least`] for every number of shards up to the one asked for; none where no size can be bought.
fn least(shards: u32, choices: &[Choice]) -> Option<Vec<Least>> {
    let nothing = Least {
        hourly: Money::ZERO,
        nodes: 0,
        first: 0,
    };
    let mut all = vec![nothing];
    for count in 1..=shards as usize {
        let with = |(first, choice): (usize, &Choice)| {
            let rest = all.get(count.saturating_sub(choice.slots.max(1) as usize))?;
            Some(Least {
                hourly: rest.hourly.plus(choice.hourly),
                nodes: rest.nodes + 1,
                first,
            })
        };
        let best = choices.iter().enumerate().filter_map(with).min()?;
        all.push(best);
    }
    Some(all)
}

/// How many shards that may be anywhere each zone gets, so that all zones together cost least. None where no zone may hold
/// what it has to.
fn share_out(bound: &[u32], anywhere: u32, least: &[Least]) -> Option<Vec<u32>> {
    // `best[m]`: the least cost of the zones so far with `m` of the shards that may be anywhere, and the last zone's part.
    let mut best: Vec<Option<(Money, u32)>> = vec![None; anywhere as usize + 1];
    best[0] = Some((Money::ZERO, 0));
    let mut parts = Vec::new();
    for zone in bound {
        let mut next: Vec<Option<((Money, u32), u32)>> = vec![None; best.len()];
        for (had, before) in best.iter().enumerate() {
            let Some((hourly, nodes)) = before else { continue };
            for more in 0..best.len() - had {
                let Some(of) = least.get(*zone as usize + more) else {
                    break;
                };
                let cost = (
                    (hourly.plus(of.hourly), nodes + of.nodes),
                    u32::try_from(more).unwrap_or(0),
                );
                let place = &mut next[had + more];
                if place.is_none_or(|known| cost.0 < known.0) {
                    *place = Some(cost);
                }
            }
        }
        best = next.iter().map(|found| found.map(|(cost, _)| cost)).collect();
        parts.push(next);
    }
    let mut left = anywhere as usize;
    let mut shared = vec![0; bound.len()];
    for (at, part) in parts.iter().enumerate().rev() {
        let (_, more) = part[left]?;
        shared[at] = more;
        left -= more as usize;
    }
    Some(shared)
}

/// The cheapest layout of all; of those that cost the same the one with the fewest nodes. None where no size can be bought, or a
/// zone would have to hold more than it may.
pub fn cheapest(spread: &Spread, choices: &[Choice]) -> Option<Layout> {
    let mut sorted: Vec<&Choice> = choices.iter().filter(|choice| choice.slots > 0).collect();
    // What costs as much is settled by the name, so that the answer is the same every time.
    sorted.sort_by(|one, other| other.slots.cmp(&one.slots).then(one.size.cmp(&other.size)));
    let choices: Vec<Choice> = sorted.into_iter().cloned().collect();
    if spread.zones.is_empty() {
        if spread.most_a_zone.is_some_and(|most| spread.anywhere > most) {
            return None;
        }
        let least = least(spread.anywhere, &choices)?;
        let zone = buy(None, spread.anywhere, &least, &choices);
        return Some(Layout { zones: vec![zone] });
    }
    let bound: Vec<u32> = spread.zones.values().copied().collect();
    let most = bound.iter().max().copied().unwrap_or(0) + spread.anywhere;
    let least = least(most, &choices)?;
    // Beyond what a zone may hold there is no cost to be had.
    let upto = spread
        .most_a_zone
        .map_or(least.len(), |most| least.len().min(most as usize + 1));
    let shared = share_out(&bound, spread.anywhere, &least[..upto])?;
    let zones = spread
        .zones
        .iter()
        .zip(shared)
        .map(|((name, shards), more)| buy(Some(name.clone()), shards + more, &least, &choices))
        .collect();
    Some(Layout { zones })
}

/// The machines of one zone, read off [`least`].
fn buy(name: Option<String>, shards: u32, least: &[Least], choices: &[Choice]) -> Zone {
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    let mut left = shards as usize;
    while left > 0 {
        let first = least[left].first;
        *counts.entry(first).or_default() += 1;
        left = left.saturating_sub(choices[first].slots.max(1) as usize);
    }
    let machines = counts
        .into_iter()
        .map(|(at, count)| Machines {
            size: choices[at].size.clone(),
            count,
            slots: choices[at].slots,
            hourly: choices[at].hourly,
        })
        .collect();
    Zone { name, shards, machines }
}

/// Each size alone, the cheapest first.
pub fn homogeneous(spread: &Spread, choices: &[Choice]) -> Vec<Layout> {
    let mut all: Vec<Layout> = choices
        .iter()
        .filter_map(|choice| cheapest(spread, std::slice::from_ref(choice)))
        .collect();
    all.sort_by(|one, other| {
        let key = |layout: &Layout| (layout.hourly(), layout.nodes());
        key(one).cmp(&key(other)).then_with(|| one.sizes().cmp(&other.sizes()))
    });
    all
}

/// The choices where no node may hold more than so many shards.
pub fn capped(choices: &[Choice], most: u32) -> Vec<Choice> {
    choices
        .iter()
        .map(|choice| Choice {
            slots: choice.slots.min(most),
            ..choice.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests;
