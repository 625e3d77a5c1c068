//! The answer of the packing as the page that is shown.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::catalogue::Chosen;
use super::usage;
use crate::model::catalogue::Source;
use crate::model::grade::Grade;
use crate::model::money::Money;
use crate::model::price::{Kind, Known};
use crate::model::read::Read;
use crate::model::room::{Limit, Room, Take, gib};
use crate::model::shell::shell_word;
use crate::plan::packing::advice::Advice;
use crate::plan::packing::choice::{LeftOut, Offer};
use crate::plan::packing::disks::Disks;
use crate::plan::packing::figures::{Basis, Figure};
use crate::plan::packing::layout::Layout;
use crate::plan::packing::options::amount;
use crate::plan::packing::present::{Present, Row, region, shard};
use crate::plan::packing::slots::Slots;
use crate::plan::packing::summary::{Summary, Wish};
use crate::plan::packing::usage as used;
use crate::plan::verify::seen::Seen;
use crate::report::packing as shown;

/// How many layouts of one size are shown.
const OF_ONE_SIZE: usize = 5;

/// The page; `again` is the command line that asked for it.
pub fn page(seen: &Seen<'_>, found: &Summary, wish: &Wish, chosen: &Chosen, again: &str) -> shown::PackingPage {
    let instead = instead(seen, found, wish);
    let terms = terms(seen, found, wish, chosen);
    let measured = used::usage(seen);
    let mut present = present(&found.present);
    usage::beside(&mut present, &measured);
    let layouts = layouts(found, &present, instead.is_empty());
    let is_real = instead.is_empty();
    shown::PackingPage {
        taken: seen.snapshot.taken.clone(),
        shard: of_take(&found.shard),
        zones: found
            .bound
            .spread
            .zones
            .iter()
            .map(|(zone, shards)| shown::Zone {
                zone: zone.clone(),
                shards: *shards,
            })
            .collect(),
        anywhere: found.bound.spread.anywhere,
        prices: prices(wish, chosen),
        disks: disks(&found.disks),
        sizes: sizes(found, chosen),
        left_out: left_out(found),
        obstacles: obstacles(found, false),
        with_less: found
            .with_less
            .iter()
            .map(|less| shown::WithLess {
                memory: less.memory,
                machines: layout("cheapest", &less.layout, None, 0).machines(),
                saved_monthly: less.saved.a_month(),
            })
            .collect(),
        // What would be changed of the pools is for the shards that run, not for those that somebody wonders about.
        buy: buy(seen, found, again).filter(|_| is_real),
        advice: found
            .advice
            .iter()
            .filter(|_| is_real)
            .map(|one| advice(seen, one))
            .collect(),
        assumptions: super::assumed::assumptions(found, wish, chosen, &layouts),
        warnings: super::assumed::warnings(seen.snapshot.taken.at, found, chosen, &present, &layouts),
        unread: unread(seen, found),
        usage: usage::usage(&measured),
        present,
        layouts,
        instead,
        terms,
    }
}

/// What runs now; without what is used.
pub fn present(found: &Present) -> shown::Present {
    shown::Present {
        nodes: found.rows.iter().map(node).collect(),
        without_node: found.homeless.clone(),
        totals: totals(found),
    }
}

fn of_take(take: &Take) -> shown::Amounts {
    shown::Amounts {
        memory: take.memory,
        cpu_milli: take.cpu,
        disks: Some(take.disks),
        pods: take.pods,
    }
}

fn of_room(room: &Room) -> shown::Amounts {
    shown::Amounts {
        memory: room.memory,
        cpu_milli: room.cpu,
        disks: room.disks,
        pods: room.pods,
    }
}

/// What was asked for instead of what is there.
fn instead(seen: &Seen<'_>, found: &Summary, wish: &Wish) -> Vec<String> {
    let mut told = Vec::new();
    let spread = &found.bound.spread;
    if !wish.asked.zones.is_empty() {
        let zones = spread.zones.iter().map(|(zone, count)| format!("{count} in {zone}"));
        told.push(format!("shards: {}", zones.collect::<Vec<_>>().join(", ")));
    } else if let Some(shards) = wish.asked.shards {
        told.push(format!("{shards} shards"));
    } else if spread.shards() as usize != found.present.totals().shards {
        told.push(format!(
            "all {} shards that there are to be, of which {} run",
            spread.shards(),
            found.present.totals().shards
        ));
    }
    if let Ok(template) = shard(seen) {
        if found.shard.memory != template.memory {
            told.push(format!(
                "{} of memory instead of {}",
                gib(found.shard.memory),
                gib(template.memory)
            ));
        }
        if found.shard.cpu != template.cpu {
            told.push(format!("{}m of CPU instead of {}m", found.shard.cpu, template.cpu));
        }
    }
    told
}

/// By what the layouts were chosen and reckoned, where that isn't what is there and the list's price.
fn terms(seen: &Seen<'_>, found: &Summary, wish: &Wish, chosen: &Chosen) -> Vec<String> {
    let mut told = Vec::new();
    let narrowed = &wish.narrowed;
    if narrowed.kind != Kind::OnDemand {
        told.push(format!("{} prices", narrowed.kind));
    }
    if !narrowed.discount.is_none() {
        told.push(format!("{} off", narrowed.discount));
    }
    if let (Ok(Some(of_nodes)), Some(region)) = (region(seen), chosen.catalogue.region())
        && of_nodes != region
    {
        told.push(format!(
            "prices of {region}, also for the nodes, which are in {of_nodes}"
        ));
    }
    if found.placement.one_a_node {
        told.push("one shard a node, which the template insists on".to_owned());
    } else if let Some(most) = wish.stands.a_node {
        told.push(format!("at most {most} a node"));
    }
    if let Some(most) = wish.stands.a_zone {
        told.push(format!("at most {most} a zone"));
    }
    told
}

/// Why there is no layout, a clause each: what is certain, or what may be otherwise since not every size could be judged.
fn obstacles(found: &Summary, doubtful: bool) -> Vec<String> {
    let all = found.options.as_ref().err().into_iter().flatten();
    all.filter(|one| one.is_doubtful() == doubtful)
        .map(ToString::to_string)
        .collect()
}

fn prices(wish: &Wish, chosen: &Chosen) -> shown::Prices {
    let catalogue = &chosen.catalogue;
    let discount = wish.narrowed.discount;
    shown::Prices {
        region: catalogue.region().map(str::to_owned),
        source: match &chosen.file {
            Some(path) => path.display().to_string(),
            None => match catalogue.source() {
                Source::Refreshed(refreshed) => refreshed.source.clone(),
                Source::BuiltIn { .. } | Source::File => "built-in".to_owned(),
            },
        },
        date: match catalogue.source() {
            Source::BuiltIn { priced } => Some((*priced).to_owned()),
            Source::Refreshed(refreshed) => Some(day(refreshed.at)),
            Source::File => None,
        },
        file: chosen.prices.as_ref().map(|(path, _)| path.display().to_string()),
        pay: wish.narrowed.kind.to_string(),
        discount: (!discount.is_none()).then(|| discount.to_string()),
    }
}

fn disks(found: &Disks) -> shown::Disks {
    let tiers = found.tiers.iter().map(|(tier, of)| shown::Tier {
        tier: tier.clone(),
        disks: of.count,
        monthly: of.monthly.times(of.count),
    });
    shown::Disks {
        tiers: tiers.collect(),
        monthly: found.monthly(),
        excluded: found.excluded.iter().map(ToString::to_string).collect(),
    }
}

/// A moment's day (UTC).
pub fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Thousandths as a percentage.
pub fn percent(thousandths: i64) -> f64 {
    f64::from(i32::try_from(thousandths).unwrap_or(i32::MAX)) / 10.0
}

fn node(row: &Row) -> shown::Node {
    let (memory, cpu) = (row.used(Limit::Memory), row.used(Limit::Cpu));
    shown::Node {
        node: row.node.clone(),
        size: row.size.clone(),
        zone: row.zone.clone(),
        capacity_type: row.capacity_type.clone(),
        pool: row.pool.clone(),
        ready: row.ready,
        cordoned: row.cordoned,
        allocatable: row.room.as_ref().map(of_room),
        shards: row.shards.clone(),
        by_shards: of_take(&row.by_shards),
        by_daemons: row.by_daemons.as_ref().map(of_take),
        by_others: row.by_others.as_ref().map(of_take),
        memory_percent: memory.map(percent),
        cpu_percent: cpu.map(percent),
        used: None,
        grade: memory.max(cpu).map(Grade::of),
        free_slots: row.free_slots,
        stranded_memory: row.stranded,
        stranded_hourly: row.stranded_money(),
        listed_hourly: row.price.map(|price| price.hourly),
        hourly: row.hourly,
    }
}

fn totals(present: &Present) -> shown::Totals {
    let all = present.totals();
    let others = present.rows.iter().map(|row| row.by_others).collect::<Option<Vec<_>>>();
    let others = others.map(|all| all.into_iter().fold(Take::default(), Take::plus));
    shown::Totals {
        nodes: all.nodes,
        empty: all.empty,
        shards: all.shards,
        hourly: all.hourly,
        monthly: all.hourly.a_month(),
        monthly_a_shard: all.hourly_a_shard().map(Money::a_month),
        memory_percent: all.memory_used.map(percent),
        cpu_percent: all.cpu_used.map(percent),
        free_slots: all.free_slots,
        stranded_memory: all.stranded,
        stranded_hourly: all.stranded_hourly,
        lost_with_a_node: all.lost_with_a_node,
        lost_with_a_zone: all.lost_with_a_zone,
        by_others: others.as_ref().map(of_take),
        unpriced: all.unpriced,
    }
}

fn sizes(found: &Summary, chosen: &Chosen) -> Vec<shown::Size> {
    let mut offers: Vec<&Offer> = found.market.offers.iter().collect();
    let key = |offer: &Offer| (offer.hourly_a_shard().is_none(), offer.hourly_a_shard(), offer.hourly);
    offers.sort_by(|one, other| key(one).cmp(&key(other)).then(one.size.name.cmp(&other.size.name)));
    offers.into_iter().map(|offer| size(offer, chosen)).collect()
}

fn size(offer: &Offer, chosen: &Chosen) -> shown::Size {
    let slots = offer.holds.slots();
    let name = &offer.size.name;
    let counted = offer.capacity.counted.as_ref().zip(offer.holds.counted.as_ref());
    shown::Size {
        size: name.clone(),
        vcpu: offer.size.vcpu,
        memory: offer.size.memory,
        arch: offer.size.arch.clone(),
        shards: offer.slots(),
        short: slots
            .short
            .iter()
            .map(|short| shown::Short {
                of: short.limit.word(),
                missing: short.missing,
                words: amount(short.limit, short.missing),
            })
            .collect(),
        near_miss: slots.near_miss().is_some(),
        fits: figure(&offer.capacity.fits, &offer.holds.fits),
        counted: counted.map(|(counted, slots)| figure(counted, slots)),
        listed_hourly: offer.price.hourly,
        known: match offer.price.known {
            Known::Listed => "listed",
            Known::Corrected => "corrected",
            Known::Converted => "converted",
            Known::Given => "given",
        },
        hourly: offer.hourly,
        monthly_a_shard: offer.hourly_a_shard().map(Money::a_month),
        listed: chosen
            .catalogue
            .prices(name)
            .map(|(kind, price)| (kind.word(), price.hourly))
            .collect(),
        seen: chosen.catalogue.seen(name).map(str::to_owned),
    }
}

fn figure(figure: &Figure, slots: &Slots) -> shown::Figure {
    shown::Figure {
        basis: match &figure.basis {
            Basis::Node(name) => format!("node/{name}"),
            Basis::File => "file".to_owned(),
            Basis::Model(model) => model.name().to_owned(),
        },
        room: of_room(&figure.room),
        shards: slots.count,
    }
}

fn left_out(found: &Summary) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (size, why) in &found.market.left_out {
        // What was ruled out by the one who asks needs no telling.
        if *why != LeftOut::Unwanted {
            all.entry(why.to_string()).or_default().push(size.clone());
        }
    }
    all
}

fn layouts(found: &Summary, present: &shown::Present, comparable: bool) -> Vec<shown::Layout> {
    let all_placed = present.without_node.is_empty() && present.totals.unpriced.is_empty();
    let before = (comparable && all_placed).then_some(present.totals.monthly);
    let mut all = vec![now(present)];
    if let Ok(options) = &found.options {
        let layout = |name, of: &Layout| layout(name, of, before, spare(found, of));
        all.push(layout("cheapest", &options.cheapest));
        all.push(layout("balanced", &options.balanced));
        all.push(layout("most-available", &options.most_available));
        let of_one_size = options.of_one_size.iter().take(OF_ONE_SIZE);
        all.extend(of_one_size.map(|one| layout("of-one-size", one)));
    }
    all
}

/// How many more shards the machines of a layout hold: what they have room for, whatever a layout was allowed to use of it.
fn spare(found: &Summary, of: &Layout) -> u32 {
    let held = of.machines().map(|(_, machines)| {
        let slots = found.market.offer(&machines.size).map_or(machines.slots, Offer::slots);
        machines.count * slots.max(machines.slots)
    });
    let most = if found.placement.one_a_node {
        of.nodes()
    } else {
        held.sum()
    };
    most.saturating_sub(of.shards())
}

fn layout(name: &'static str, of: &Layout, before: Option<Money>, spare: u32) -> shown::Layout {
    let monthly = of.hourly().a_month();
    let zones = of.zones.iter().map(|zone| shown::LayoutZone {
        zone: zone.name.clone(),
        shards: zone.shards,
        machines: zone
            .machines
            .iter()
            .map(|machines| shown::Machines {
                size: Some(machines.size.clone()),
                count: machines.count,
                hourly: Some(machines.hourly),
            })
            .collect(),
    });
    shown::Layout {
        name,
        zones: zones.collect(),
        shards: of.shards(),
        nodes: of.nodes(),
        hourly: Some(of.hourly()),
        monthly: Some(monthly),
        monthly_a_shard: Some(of.hourly_a_shard().a_month()),
        saved_monthly: before.map(|before| before.minus(monthly)),
        lost_with_a_node: of.lost_with_a_node(),
        lost_with_a_zone: of.lost_with_a_zone(),
        spare: Some(spare),
    }
}

/// The present as a layout, to stand beside the others.
fn now(present: &shown::Present) -> shown::Layout {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let totals = &present.totals;
    let mut zones: BTreeMap<Option<&String>, Vec<&shown::Node>> = BTreeMap::new();
    for node in &present.nodes {
        zones.entry(node.zone.as_ref()).or_default().push(node);
    }
    let machines = |nodes: &[&shown::Node]| {
        let mut sizes: BTreeMap<(Option<&String>, Option<Money>), u32> = BTreeMap::new();
        for node in nodes {
            *sizes.entry((node.size.as_ref(), node.hourly)).or_default() += 1;
        }
        let one = |((size, hourly), count): ((Option<&String>, Option<Money>), u32)| shown::Machines {
            size: size.cloned(),
            count,
            hourly,
        };
        sizes.into_iter().map(one).collect()
    };
    let priced = totals.unpriced.is_empty();
    shown::Layout {
        name: "now",
        zones: zones
            .into_iter()
            .map(|(zone, nodes)| shown::LayoutZone {
                zone: zone.cloned(),
                shards: count(nodes.iter().map(|node| node.shards.len()).sum()),
                machines: machines(&nodes),
            })
            .collect(),
        shards: count(totals.shards),
        nodes: count(totals.nodes),
        hourly: priced.then_some(totals.hourly),
        monthly: priced.then_some(totals.monthly),
        monthly_a_shard: totals.monthly_a_shard,
        saved_monthly: None,
        lost_with_a_node: count(totals.lost_with_a_node),
        lost_with_a_zone: count(totals.lost_with_a_zone),
        spare: totals.free_slots,
    }
}

/// The command by which Karpenter buys the cheapest layout, where it isn't there and there is a pool to make others like.
fn buy(seen: &Seen<'_>, found: &Summary, again: &str) -> Option<String> {
    let options = found.options.as_ref().ok()?;
    let has_pool = !found.advice.is_empty();
    (has_pool && !found.present.is(&options.cheapest)).then(|| {
        let apply = seen.policy.kubectl_cluster("apply -f -");
        format!("{again} --pools cheapest | {}", apply.trim_start_matches("$ "))
    })
}

fn advice(seen: &Seen<'_>, advice: &Advice) -> shown::Advice {
    let command = |patch: &serde_json::Value| {
        let pool = shell_word(&advice.pool);
        let patch = shell_word(&patch.to_string());
        // In the version that the patch was made for, whichever the server prefers.
        let version = advice.version.rsplit('/').next().unwrap_or_default();
        let words = format!("patch nodepools.{version}.karpenter.sh {pool} --type merge -p {patch}");
        seen.policy.kubectl_cluster(&words).trim_start_matches("$ ").to_owned()
    };
    shown::Advice {
        pool: advice.pool.clone(),
        version: advice.version.clone(),
        keeps: layout("kept", &advice.keeps, None, 0).machines(),
        steps: advice
            .steps
            .iter()
            .map(|step| shown::Step {
                why: step.why.to_owned(),
                changes: step
                    .diff
                    .iter()
                    .map(|line| shown::Change {
                        field: format!("spec.{}", line.path),
                        from: line.old.clone(),
                        to: line.new.clone(),
                    })
                    .collect(),
                command: command(&step.patch),
            })
            .collect(),
        drifting: advice
            .drifting
            .iter()
            .map(|one| shown::Drifting {
                node: one.node.clone(),
                shards: one.shards.clone(),
                why: one.why.clone(),
            })
            .collect(),
        notes: advice.notes.clone(),
    }
}

/// What couldn't be read of what the answer needs.
fn unread(seen: &Seen<'_>, found: &Summary) -> Vec<String> {
    let mut told: Vec<String> = obstacles(found, true)
        .iter()
        .map(|why| format!("whether there is a layout isn't known: {why}"))
        .collect();
    if let Some(why) = &found.present.unseen {
        told.push(format!("what runs beside the shards isn't known: {why}"));
    }
    let snapshot = seen.snapshot;
    if let Read::Unreadable(why) = &snapshot.volumes {
        told.push(format!("which zones the disks are in isn't known: {why}"));
    }
    if let Read::Unreadable(why) = &snapshot.csi_nodes {
        told.push(format!("how many disks the nodes take isn't known: {why}"));
    }
    if let Read::Unreadable(why) = &snapshot.node_pools {
        told.push(format!("there is no advice on pools: {why}"));
    }
    told
}
