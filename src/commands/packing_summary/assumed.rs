//! What the answer of the packing rests on, and what is worth a warning, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::catalogue::Chosen;
use super::page::day;
use crate::model::allocatable::Model;
use crate::model::catalogue::Source;
use crate::model::price::{Kind, Known};
use crate::model::room::gib;
use crate::plan::packing::choice::LeftOut;
use crate::plan::packing::figures::Basis;
use crate::plan::packing::summary::{Daemons, Summary, Wish};
use crate::report::packing as shown;

/// After how many days refreshed prices count as old: the list changes on the first of a month.
const OLD: i64 = 31;

/// What had to be assumed.
pub fn assumptions(found: &Summary, wish: &Wish, chosen: &Chosen, layouts: &[shown::Layout]) -> Vec<String> {
    let mut told = found.bound.assumed.clone();
    told.push(daemons(found));
    told.push(prices(wish, chosen));
    told.extend(prices_of_layouts(found, chosen, layouts));
    told.extend(figures(found, layouts));
    told.extend(found.disks.excluded.iter().map(|why| format!("disks excluded: {why}")));
    told.push("traffic and addresses aren't in the money; a month has 730 hours".to_owned());
    told.extend(placement(found, layouts));
    told.push("whether a zone has a size in stock, and whether your quota allows it, isn't known".to_owned());
    told
}

/// Where a layout comes about only if the template says so.
fn placement(found: &Summary, layouts: &[shown::Layout]) -> Vec<String> {
    let mut told = Vec::new();
    let is_roomy = |layout: &shown::Layout| {
        let mut machines = layout.zones.iter().flat_map(|zone| &zone.machines);
        machines.any(|of| {
            let offer = of.size.as_deref().and_then(|size| found.market.offer(size));
            offer.is_some_and(|offer| offer.slots() > layout.lost_with_a_node)
        })
    };
    // The first is the present one, where shards stand as they do.
    if !found.placement.one_a_node && layouts.iter().skip(1).any(is_roomy) {
        told.push(
            "where machines would hold more shards than a layout puts on one, they come to stand so only if the template \
             insists on it: topologySpreadConstraints or podAntiAffinity over kubernetes.io/hostname"
                .to_owned(),
        );
    }
    if let Some(skew) = found.placement.zones_differ_by
        && found.bound.spread.anywhere > 0
    {
        told.push(format!(
            "the template lets zones differ by {skew} at most: layouts don't reckon with that where disks may be in any zone"
        ));
    }
    told
}

fn daemons(found: &Summary) -> String {
    let take = found.daemons.take();
    let amounts = format!("{} and {}m", gib(take.memory), take.cpu);
    match &found.daemons {
        Daemons::Seen(_) => {
            format!("DaemonSets take {amounts} of every node, the most that they take on any node here")
        }
        Daemons::Profile(profile) => format!(
            "DaemonSets are taken to use {amounts} of every node: the profile `{}` ({})",
            profile.name, profile.what
        ),
    }
}

fn prices(wish: &Wish, chosen: &Chosen) -> String {
    let catalogue = &chosen.catalogue;
    let mut words = match (catalogue.source(), &chosen.file) {
        (Source::BuiltIn { priced }, _) => {
            format!("prices: Azure's list of {priced}, built in (--refresh-prices asks for today's)")
        }
        (Source::Refreshed(refreshed), _) => {
            format!("prices: {} as it answered on {}", refreshed.source, day(refreshed.at))
        }
        (Source::File, Some(path)) => format!("sizes and prices: {}", path.display()),
        (Source::File, None) => "prices: a file".to_owned(),
    };
    if let Some(region) = catalogue.region() {
        words.push_str(&format!(", for {region}"));
    }
    match chosen.lost {
        0 => {}
        1 => words.push_str("; it has none of 1 size that is known here"),
        lost => words.push_str(&format!("; it has none of {lost} sizes that are known here")),
    }
    if let Some((path, count)) = &chosen.prices {
        words.push_str(&format!("; {count} of {} stand in their place", path.display()));
    }
    let discount = wish.narrowed.discount;
    if !discount.is_none() {
        words.push_str(&format!("; {discount} off each"));
    }
    words
}

/// What has to be said of the prices of sizes that a layout has.
fn prices_of_layouts(found: &Summary, chosen: &Chosen, layouts: &[shown::Layout]) -> Vec<String> {
    let mut corrected = BTreeSet::new();
    let mut converted = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for size in of_layouts(layouts) {
        let Some(offer) = found.market.offer(size) else {
            continue;
        };
        match offer.price.known {
            Known::Corrected => drop(corrected.insert(size)),
            Known::Converted => drop(converted.insert(size)),
            Known::Listed | Known::Given => {}
        }
        let on_demand = chosen.catalogue.price(size, Kind::OnDemand) == Some(offer.price);
        if let Some(when) = chosen
            .catalogue
            .seen(size)
            .filter(|_| !on_demand && offer.price.known != Known::Given)
        {
            seen.insert(when);
        }
    }
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    let mut told = Vec::new();
    if !corrected.is_empty() {
        told.push(format!(
            "the source mixed another product's price in with {}: the lowest that it ever had is taken",
            list(corrected)
        ));
    }
    if !converted.is_empty() {
        told.push(format!(
            "prices of {} are converted from euros: right within 2 %",
            list(converted)
        ));
    }
    if !seen.is_empty() {
        told.push(format!("prices other than on demand are those of {}", list(seen)));
    }
    told
}

/// Who says what is left of the sizes in the layouts.
fn figures(found: &Summary, layouts: &[shown::Layout]) -> Vec<String> {
    let mut models = BTreeSet::new();
    for size in of_layouts(layouts) {
        let Some(offer) = found.market.offer(size) else {
            continue;
        };
        let counted = offer.capacity.counted.iter();
        for figure in std::iter::once(&offer.capacity.fits).chain(counted) {
            if let Basis::Model(model) = figure.basis {
                models.insert(model);
            }
        }
    }
    models
        .into_iter()
        .map(|model| format!("{}: {}", model.name(), model.source()))
        .collect()
}

fn of_layouts(layouts: &[shown::Layout]) -> BTreeSet<&str> {
    let machines = layouts
        .iter()
        .flat_map(|layout| &layout.zones)
        .flat_map(|zone| &zone.machines);
    machines.filter_map(|of| of.size.as_deref()).collect()
}

/// Which nodes have no price, and where to say it.
fn unpriced(chosen: &Chosen, present: &shown::Present) -> Vec<String> {
    let without = present.nodes.iter().filter(|node| node.hourly.is_none());
    let mut known: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
    for node in without {
        let size = node.size.as_deref();
        let way = node.capacity_type.as_deref().map_or(Kind::OnDemand, Kind::of_capacity);
        let is_known = size.is_some_and(|size| chosen.catalogue.size(size).is_ok());
        let words = match size {
            Some(size) if way == Kind::OnDemand => size.to_owned(),
            Some(size) => format!("{size} ({way})"),
            None => "a size that a node doesn't name".to_owned(),
        };
        known.entry(is_known).or_default().insert(words);
    }
    let told = known.into_iter().map(|(is_known, sizes)| {
        let remedy = match is_known {
            true => "give it with --price-file FILE",
            false => "such a size isn't in the catalogue: give one that has it with --catalog FILE",
        };
        format!(
            "the price of {} isn't known, so that {} of {} nodes are left out of the sum: {remedy}",
            sizes.into_iter().collect::<Vec<_>>().join(", "),
            present.totals.unpriced.len(),
            present.totals.nodes
        )
    });
    told.collect()
}

/// What is worth a warning.
pub fn warnings(
    now: Timestamp,
    found: &Summary,
    chosen: &Chosen,
    present: &shown::Present,
    layouts: &[shown::Layout],
) -> Vec<String> {
    let mut told = chosen.notes.clone();
    if let Source::Refreshed(refreshed) = chosen.catalogue.source()
        && let days @ OLD.. = now.duration_since(refreshed.at).as_hours() / 24
    {
        told.push(format!(
            "the prices are {days} days old: ask anew with --refresh-prices"
        ));
    }
    if !found.bound.invented.is_empty() {
        told.push(format!(
            "no node and no disk is in {}: is that what the zones are called?",
            found.bound.invented.join(", ")
        ));
    }
    told.extend(unpriced(chosen, present));
    if !present.without_node.is_empty() {
        told.push(format!("on no node: {}", present.without_node.join(", ")));
    }
    if let Some(others) = present
        .totals
        .by_others
        .filter(|others| others.pods > 0 && layouts.len() > 1)
    {
        let (are, ask) = if others.pods == 1 {
            ("pod on these nodes is neither a shard nor of a DaemonSet", "it asks")
        } else {
            ("pods on these nodes are neither shards nor of DaemonSets", "they ask")
        };
        told.push(format!(
            "{} {are}, and {ask} for {} and {}m: the layouts have no room for that",
            others.pods,
            gib(others.memory),
            others.cpu_milli
        ));
    }
    let silent = found
        .market
        .left_out
        .values()
        .filter(|why| **why == LeftOut::NoFigure)
        .count();
    if silent > 0 {
        told.push(format!(
            "the nodes name no cloud whose kubelet is known, so that nobody says what is left of {silent} sizes for pods: \
             name a model, for example with --kubelet {}",
            Model::KubeletAks.name()
        ));
    }
    if found.shard.memory == 0 {
        told.push(
            "the shards ask for no memory, so that memory doesn't limit how many fit: say it with --memory".to_owned(),
        );
    }
    told
}
