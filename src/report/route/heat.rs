//! The table of a route test: which entry gives how many keys to which shard, and where one differs from most.

use std::collections::BTreeMap;

use super::{failed, padded, width};
use crate::model::route::outcome::{EntryOutcome, Identities, RouteOutcome};
use crate::model::set::Ordinal;
use crate::report::page::Page;
use crate::report::style::Tone;

/// How many shards stand beside each other in a table.
const ABREAST: usize = 16;

/// Entries down, shards across: how many keys each entry gives to each shard, and how many requests failed there.
pub(super) fn heat(page: &mut Page, found: &RouteOutcome) {
    page.heading("Keys by entry and owner");
    let usual = usual(found);
    let names = width(found.entries.iter().map(|entry| entry.name.as_str()).chain(["entry"]));
    for shards in found.shards.chunks(ABREAST) {
        let mut head = format!(" {:<names$}", "entry");
        for shard in shards {
            head.push_str(&format!(" {shard:>4} "));
        }
        head.push_str("  failed");
        page.row(&[(Tone::Faint, &head)]);
        for entry in &found.entries {
            let name = format!(" {}", padded(&entry.name, names));
            let failed = failed(entry);
            let cells: Vec<(Tone, String)> = shards
                .iter()
                .map(|shard| cell(entry.owners.get(shard).copied().unwrap_or(0), usual.get(shard).copied()))
                .collect();
            let failed = match failed {
                0 => (Tone::Faint, format!("  {:>6}", "·")),
                _ => (Tone::Bad, format!("  {failed:>6}")),
            };
            let pieces = std::iter::once((Tone::Plain, name.as_str()))
                .chain(cells.iter().map(|(tone, text)| (*tone, text.as_str())))
                .chain([(failed.0, failed.1.as_str())]);
            page.row(&pieces.collect::<Vec<_>>());
        }
    }
    if found
        .entries
        .iter()
        .any(|entry| found.shards.iter().any(|shard| differs(entry, *shard, &usual)))
    {
        page.line(Tone::Faint, 1, 1, "! differs from what most entries give");
    }
}

/// A number of keys: marked where it isn't what most entries give.
fn cell(keys: usize, usual: Option<usize>) -> (Tone, String) {
    let (tone, mark) = match usual {
        Some(usual) if usual != keys => (Tone::Bad, "!"),
        _ if keys == 0 => (Tone::Faint, " "),
        _ => (Tone::Good, " "),
    };
    let number = if keys == 0 { "·".to_owned() } else { keys.to_string() };
    (tone, format!(" {number:>4}{mark}"))
}

fn differs(entry: &EntryOutcome, shard: Ordinal, usual: &BTreeMap<Ordinal, usize>) -> bool {
    let keys = entry.owners.get(&shard).copied().unwrap_or(0);
    usual.get(&shard).is_some_and(|usual| *usual != keys)
}

/// How many keys most entries give to each shard. Nothing where shards answer for themselves: their rows differ by nature.
fn usual(found: &RouteOutcome) -> BTreeMap<Ordinal, usize> {
    if found.identities != Some(Identities::Owner) || found.entries.len() < 2 {
        return BTreeMap::new();
    }
    let of = |shard: &Ordinal| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for entry in &found.entries {
            *counts.entry(entry.owners.get(shard).copied().unwrap_or(0)).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, entries)| *entries)?;
        (most.1 * 2 > found.entries.len()).then_some((*shard, most.0))
    };
    found.shards.iter().filter_map(of).collect()
}
