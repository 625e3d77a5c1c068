//! The layouts worth a look: the cheapest, the one that loses least with a node, the one between, the best of one size, and
//! what a little less memory would change.

use std::fmt;

use super::choice::{LeftOut, Market};
use super::layout::{Choice, Layout, Spread, capped, cheapest, homogeneous};
use crate::model::money::Money;
use crate::model::price::Kind;
use crate::model::room::{GIB, Limit, Take, gib};

/// How much dearer than the cheapest the layout between may be, in percent.
pub const BALANCED: i64 = 10;
/// The steps in which less memory is tried.
const STEP: i64 = GIB / 4;
/// How much less of a shard's memory is tried at most: one part in so many.
const LESS: i64 = 10;

/// What a layout has to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    /// At most so many shards down when one node dies.
    pub a_node: Option<u32>,
    /// At most so many shards down when one zone dies.
    pub a_zone: Option<u32>,
}

/// The layouts worth a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The cheapest of all that stand what they have to; of those that cost the same one that loses the fewest shards with a
    /// node.
    pub cheapest: Layout,
    /// Of those that lose one shard with a node, the cheapest.
    pub most_available: Layout,
    /// Of those that cost at most [`BALANCED`] percent more than the cheapest, the one that loses the fewest shards with a node.
    pub balanced: Layout,
    /// Each size alone, the cheapest first.
    pub of_one_size: Vec<Layout>,
}

impl Options {
    /// All but the layouts of one size that aren't the best of these.
    pub fn worth_a_look(&self) -> impl Iterator<Item = &Layout> {
        let three = [&self.cheapest, &self.balanced, &self.most_available];
        three.into_iter().chain(self.of_one_size.first())
    }
}

/// What less memory a shard would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithLess {
    /// A shard's memory, in bytes.
    pub memory: i64,
    /// The cheapest layout then.
    pub layout: Layout,
    /// What that saves an hour.
    pub saved: Money,
}

/// Why there is no layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No size is left to buy.
    NothingOffered {
        /// How it would be paid for.
        kind: Kind,
        /// Where.
        region: Option<String>,
        /// Whether sizes were left out because no price is known.
        for_price: bool,
        /// Of how many sizes nobody says what is left for pods.
        unjudged: usize,
    },
    /// No size holds a shard.
    NothingHolds {
        /// The size that comes closest, what it is short of most, how much of that is missing.
        closest: Option<(String, Limit, i64)>,
        /// Of how many sizes nobody says what is left for pods.
        unjudged: usize,
    },
    /// More shards are bound to a zone by their disks than may be lost with it.
    ZoneHoldsMore {
        /// The zone.
        zone: String,
        /// How many are there.
        shards: u32,
        /// How many may be lost.
        most: u32,
    },
    /// There are too few zones.
    TooFewZones {
        /// How many there are; none where the shards are bound to none that is known.
        zones: Option<u32>,
        /// How many there have to be.
        needed: u32,
        /// How many shards a zone may hold.
        most: u32,
    },
}

/// An amount of something as people write it.
pub fn amount(limit: Limit, amount: i64) -> String {
    match limit {
        Limit::Memory => gib(amount),
        Limit::Cpu => format!("{amount}m"),
        Limit::Disks | Limit::Pods => amount.to_string(),
    }
}

impl Obstacle {
    /// Whether it may be none: where sizes weren't judged, one of them may hold the shards.
    pub const fn is_doubtful(&self) -> bool {
        match self {
            Obstacle::NothingOffered { unjudged, .. } | Obstacle::NothingHolds { unjudged, .. } => *unjudged > 0,
            Obstacle::ZoneHoldsMore { .. } | Obstacle::TooFewZones { .. } => false,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::NothingOffered {
                kind,
                region,
                for_price,
                unjudged,
            } => {
                let place = region
                    .as_deref()
                    .map(|region| format!(" in {region}"))
                    .unwrap_or_default();
                match for_price {
                    true => write!(f, "no {kind} price is known{place} for any size that was asked for"),
                    false if *unjudged > 0 => write!(f, "nobody says what is left of {unjudged} sizes for pods"),
                    false => f.write_str("every size is left out by what was asked for"),
                }
            }
            Obstacle::NothingHolds { closest, unjudged } => {
                let judged = if *unjudged > 0 {
                    " of those that can be judged"
                } else {
                    ""
                };
                write!(f, "no size{judged} holds a shard")?;
                if let Some((size, limit, missing)) = closest {
                    let (missing, of) = (amount(*limit, *missing), limit.word());
                    write!(f, ": {size} comes closest, and is {missing} of {of} short")?;
                }
                match unjudged {
                    0 => Ok(()),
                    unjudged => write!(f, "; nobody says what is left of {unjudged} sizes for pods"),
                }
            }
            Obstacle::ZoneHoldsMore { zone, shards, most } => write!(
                f,
                "the disks of {shards} shards are in {zone}, and at most {most} may be lost with a zone: no machines change that, \
                 the disks have to be elsewhere"
            ),
            Obstacle::TooFewZones { zones, needed, most } => {
                let there = match zones {
                    Some(zones) => format!("there are {zones}"),
                    None => "none is known".to_owned(),
                };
                let zones = if *needed == 1 { "zone" } else { "zones" };
                write!(f, "at most {most} shards a zone take {needed} {zones}, and {there}")
            }
        }
    }
}

/// Finds the layouts.
///
/// # Errors
/// Everything that stands in the way, where there is none.
pub fn options(
    spread: &Spread,
    market: &Market,
    stands: Stands,
    kind: Kind,
    region: Option<&str>,
) -> Result<Options, Vec<Obstacle>> {
    let mut obstacles = of_zones(spread, stands);
    obstacles.extend(of_market(market, kind, region));
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let spread = Spread {
        most_a_zone: stands.a_zone,
        ..spread.clone()
    };
    let all = market.choices();
    let most = all.iter().map(|choice| choice.slots).max().unwrap_or(0);
    let most = stands
        .a_node
        .map_or(most, |stands| stands.min(most))
        .min(spread.shards().max(1));
    let choices = capped(&all, most);
    let within = |most: u32| cheapest(&spread, &capped(&choices, most));
    let (Some(by_cost), Some(most_available)) = (within(most), within(1)) else {
        return Err(vec![Obstacle::NothingHolds {
            closest: None,
            unjudged: 0,
        }]);
    };
    let limit = by_cost.hourly().share(100 + BALANCED, 100);
    Ok(Options {
        balanced: fewest_lost(most, limit, within).unwrap_or_else(|| by_cost.clone()),
        cheapest: fewest_lost(most, by_cost.hourly(), within).unwrap_or(by_cost),
        most_available,
        of_one_size: homogeneous(&spread, &choices),
    })
}

/// The layout that costs no more than `limit` and whose nodes hold the fewest shards at most. What a node may hold more never
/// makes a layout dearer, so halving finds it.
fn fewest_lost(most: u32, limit: Money, within: impl Fn(u32) -> Option<Layout>) -> Option<Layout> {
    let (mut low, mut high) = (1, most);
    let mut found = None;
    while low <= high {
        let middle = low + (high - low) / 2;
        match within(middle).filter(|layout| layout.hourly() <= limit) {
            Some(layout) => {
                found = Some(layout);
                high = middle - 1;
            }
            None => low = middle + 1,
        }
    }
    found
}

fn of_zones(spread: &Spread, stands: Stands) -> Vec<Obstacle> {
    let Some(most) = stands.a_zone else { return Vec::new() };
    let over = spread.zones.iter().filter(|(_, shards)| **shards > most);
    let mut found: Vec<Obstacle> = over
        .map(|(zone, shards)| Obstacle::ZoneHoldsMore {
            zone: zone.clone(),
            shards: *shards,
            most,
        })
        .collect();
    let zones = u32::try_from(spread.zones.len()).unwrap_or(u32::MAX);
    let held = zones.max(1).saturating_mul(most);
    if found.is_empty() && (spread.shards() > held) {
        found.push(Obstacle::TooFewZones {
            zones: (zones > 0).then_some(zones),
            needed: spread.shards().div_ceil(most.max(1)),
            most,
        });
    }
    found
}

fn of_market(market: &Market, kind: Kind, region: Option<&str>) -> Option<Obstacle> {
    let left_out = |for_what: LeftOut| market.left_out.values().filter(move |why| **why == for_what).count();
    let unjudged = left_out(LeftOut::NoFigure);
    if market.offers.is_empty() {
        let for_price = left_out(LeftOut::NoPrice) > 0;
        return Some(Obstacle::NothingOffered {
            kind,
            region: region.map(str::to_owned),
            for_price,
            unjudged,
        });
    }
    if market.offers.iter().any(|offer| offer.slots() > 0) {
        return None;
    }
    // The closest is the one that lacks the smallest part of a shard in what it lacks most of.
    let closest = market
        .offers
        .iter()
        .filter_map(|offer| Some((offer, offer.holds.slots().short.first()?)))
        .min_by_key(|(offer, _)| offer.holds.slots().distance())
        .map(|(offer, short)| (offer.size.name.clone(), short.limit, short.missing));
    Some(Obstacle::NothingHolds { closest, unjudged })
}

/// What would be cheaper if a shard took a little less memory: the steps that save something, the smallest change first.
///
/// Only sizes that lack nothing but memory for one more shard, and little of it, give a step; a step is a quarter of a GiB.
pub fn with_less_memory(
    spread: &Spread,
    market: &Market,
    daemons: &Take,
    shard: &Take,
    stands: Stands,
) -> Vec<WithLess> {
    let spread = Spread {
        most_a_zone: stands.a_zone,
        ..spread.clone()
    };
    let with = |shard: &Take| {
        let choices = market.offers.iter().map(|offer| {
            let slots = offer.capacity.holds(daemons, shard).slots().count;
            Choice {
                slots: stands.a_node.map_or(slots, |most| slots.min(most)),
                ..offer.choice()
            }
        });
        cheapest(&spread, &choices.collect::<Vec<_>>())
    };
    let Some(now) = with(shard) else { return Vec::new() };
    let mut steps: Vec<i64> = market
        .offers
        .iter()
        .filter_map(|offer| {
            let slots = offer.holds.slots();
            let short = slots.near_miss().filter(|short| short.limit == Limit::Memory)?;
            let count = i64::from(slots.count) + 1;
            // What each of one more shard may have, in whole steps.
            let each = (shard.memory.saturating_mul(count) - short.missing) / count / STEP * STEP;
            (each > 0 && each >= shard.memory - shard.memory / LESS && each < shard.memory).then_some(each)
        })
        .collect();
    steps.sort_unstable();
    steps.dedup();
    let mut found: Vec<WithLess> = Vec::new();
    let mut best = now.hourly();
    for memory in steps.into_iter().rev() {
        let Some(layout) = with(&Take { memory, ..*shard }) else {
            continue;
        };
        if layout.hourly() < best {
            best = layout.hourly();
            let saved = now.hourly().minus(best);
            found.push(WithLess { memory, layout, saved });
        }
    }
    found
}

#[cfg(test)]
mod tests;
