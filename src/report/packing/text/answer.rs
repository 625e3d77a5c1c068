//! What somebody wants to know first: what it costs now, what would be better and by how much, and what stands in the way.

use crate::model::money::Money;
use crate::model::room::gib;
use crate::report::packing::figures::{cores, dollars, hourly, percent, whole_dollars};
use crate::report::packing::{Layout, PackingPage};
use crate::report::page::Page;
use crate::report::style::Tone;
use crate::report::time::moment;

/// Whose packing this is, in one line.
pub fn subject(page: &mut Page, found: &PackingPage) {
    let taken = &found.taken;
    let mut words = vec![match &taken.statefulset {
        Some(set) => format!("{}/{set}", taken.namespace),
        None => format!("namespace {}", taken.namespace),
    }];
    if let Some(context) = &taken.context {
        words.push(format!("context {context}"));
    }
    words.push(format!(
        "a shard asks for {} and {} cores",
        gib(found.shard.memory),
        cores(found.shard.cpu_milli)
    ));
    words.extend(found.prices.region.clone());
    words.push(moment(taken.at));
    page.line(Tone::Heading, 0, 2, &words.join(" · "));
}

/// The answer.
pub fn answer(page: &mut Page, found: &PackingPage) {
    now(page, found);
    disks(page, found);
    let options = &found.layouts[found.layouts.len().min(1)..];
    if !found.instead.is_empty() {
        let words = format!("{}:", found.instead.join(", "));
        page.lead(&[(Tone::Heading, "What if   ")], Tone::Plain, 0, 10, &words);
    }
    if !found.terms.is_empty() {
        let words = found.terms.join(", ");
        page.lead(&[(Tone::Heading, "With      ")], Tone::Plain, 0, 10, &words);
    }
    if let Some(cheapest) = options.iter().find(|layout| layout.name == "cheapest") {
        cheapest_line(page, found, cheapest);
        other_line(page, "balanced", "Balanced  ", cheapest, options);
        other_line(page, "most-available", "Available ", cheapest, options);
    }
    for obstacle in &found.obstacles {
        page.lead(&[(Tone::Bad, "✗ NO LAYOUT: ")], Tone::Plain, 0, 2, obstacle);
    }
    for why in &found.unread {
        page.lead(&[(Tone::Unsure, "? ")], Tone::Plain, 0, 2, why);
    }
    for warning in &found.warnings {
        page.lead(&[(Tone::Warn, "! ")], Tone::Plain, 0, 2, warning);
    }
}

/// `3 nodes`, `1 node`.
pub fn count(number: impl Into<u64>, one: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    }
}

/// What the disks cost, where that is known; of what is left out the assumptions tell.
fn disks(page: &mut Page, found: &PackingPage) {
    let Some(monthly) = found.disks.monthly else { return };
    let tiers: Vec<String> = found
        .disks
        .tiers
        .iter()
        .map(|of| format!("{} × {}", of.disks, of.tier))
        .collect();
    let least = if found.disks.excluded.is_empty() {
        ""
    } else {
        "at least "
    };
    let words = format!(
        "{least}{} a month beside that, for {}: the same in every layout",
        whole_dollars(monthly),
        tiers.join(", ")
    );
    page.lead(&[(Tone::Heading, "Disks     ")], Tone::Plain, 0, 10, &words);
}

fn now(page: &mut Page, found: &PackingPage) {
    let totals = &found.present.totals;
    let nodes = count(totals.nodes as u64, "node");
    let shards = count(totals.shards as u64, "shard");
    let money = if totals.nodes > 0 && totals.unpriced.len() == totals.nodes {
        "what they cost isn't known".to_owned()
    } else {
        let least = if totals.unpriced.is_empty() { "" } else { "at least " };
        let (hour, month) = (hourly(totals.hourly), whole_dollars(totals.monthly));
        let each = totals
            .monthly_a_shard
            .map(|money| format!(", {} of it a shard", whole_dollars(money)));
        format!("{least}{hour} an hour, {month} a month{}", each.unwrap_or_default())
    };
    page.lead(
        &[(Tone::Heading, "Now       ")],
        Tone::Plain,
        0,
        10,
        &format!(
            "{shards} on {nodes}: {money}; {}",
            lost(totals.lost_with_a_node as u64, totals.lost_with_a_zone as u64)
        ),
    );
    if let (Some(memory), Some(money)) = (totals.stranded_memory, totals.stranded_hourly)
        && memory > 0
    {
        let empty = match totals.empty {
            0 => String::new(),
            empty => format!("; {} without a shard", count(empty as u64, "node")),
        };
        let words = format!(
            "{} of memory stranded (nobody asks for it, no shard fits into it), {} a month{empty}",
            gib(memory),
            whole_dollars(money.a_month())
        );
        page.line(Tone::Plain, 10, 10, &words);
    }
}

/// What dies with a node and with a zone.
fn lost(node: u64, zone: u64) -> String {
    format!("a node that dies takes {} down, a zone {zone}", count(node, "shard"))
}

fn cheapest_line(page: &mut Page, found: &PackingPage, layout: &Layout) {
    let lead = [(Tone::Heading, "Cheapest  ")];
    let saved = layout.saved_monthly;
    if saved.is_some_and(|saved| saved <= Money::ZERO) {
        page.lead(
            &lead,
            Tone::Good,
            0,
            10,
            "✓ nothing that may be bought is cheaper than what is there",
        );
        return;
    }
    let share = saved.map(|saved| {
        let part = percent(of(saved, found.present.totals.monthly));
        format!(", {} ({part}) less than now", whole_dollars(saved))
    });
    let words = format!(
        "{}: {} a month{}; {}",
        layout.machines(),
        layout.monthly.map_or_else(String::new, whole_dollars),
        share.unwrap_or_default(),
        lost(layout.lost_with_a_node.into(), layout.lost_with_a_zone.into())
    );
    page.lead(&lead, Tone::Plain, 0, 10, &words);
}

/// One of the layouts beside the cheapest, where it differs from it.
fn other_line(page: &mut Page, name: &str, lead: &str, cheapest: &Layout, options: &[Layout]) {
    let Some(layout) = options.iter().find(|layout| layout.name == name) else {
        return;
    };
    if layout.zones == cheapest.zones {
        return;
    }
    let against = match (layout.saved_monthly, layout.monthly, cheapest.monthly) {
        (Some(saved), ..) if saved > Money::ZERO => format!(", {} less than now", whole_dollars(saved)),
        (Some(saved), ..) if saved < Money::ZERO => {
            format!(", {} more than now", whole_dollars(Money::ZERO.minus(saved)))
        }
        (Some(_), ..) => ", as much as now".to_owned(),
        (None, Some(this), Some(least)) => format!(", {} more than the cheapest", whole_dollars(this.minus(least))),
        _ => String::new(),
    };
    let words = format!(
        "{}: {} a month{against}; a node that dies takes {} down",
        layout.machines(),
        layout.monthly.map_or_else(String::new, whole_dollars),
        count(layout.lost_with_a_node, "shard")
    );
    page.lead(&[(Tone::Heading, lead)], Tone::Plain, 0, 10, &words);
}

/// The part in percent.
fn of(part: Money, whole: Money) -> Option<f64> {
    let number = |money: Money| money.rounded(9).parse::<f64>().ok();
    Some(number(part)? * 100.0 / number(whole).filter(|whole| *whole > 0.0)?)
}

/// What a little less memory would save.
pub fn with_less(page: &mut Page, found: &PackingPage) {
    for less in &found.with_less {
        let words = format!(
            "instead of {}: {}, {} a month less than the cheapest",
            gib(found.shard.memory),
            less.machines,
            dollars(less.saved_monthly)
        );
        let lead = format!("{} ", gib(less.memory));
        page.lead(&[(Tone::Heading, lead.as_str())], Tone::Plain, 2, 4, &words);
    }
}
