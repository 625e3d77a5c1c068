//! `route-test` for people: which entry gives how many keys to which shard, what failed, how long it took, which keys aren't stable.

mod heat;

use super::page::Page;
use super::style::{Style, Tone};
use crate::model::finding::Severity;
use crate::model::report::Conclusion;
use crate::model::route::outcome::{
    Balance, Comparison, EntryOutcome, Identities, KeyRow, KeyVerdict, ProbeKind, Quantiles, RouteOutcome,
};
use crate::model::set::Ordinal;

/// How many keys that moved are listed.
const LISTED: usize = 20;

/// The whole outcome.
pub fn render(found: &RouteOutcome, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &subject(found));
    if let Some(why) = &found.void {
        page.line(Tone::Unsure, 0, 2, &format!("? VOID: {why}"));
        notes(&mut page, found);
        return page.into_text();
    }
    if found.probe == ProbeKind::Http {
        page.blank();
        heat::heat(&mut page, found);
    }
    roles(&mut page, found);
    page.blank();
    digests(&mut page, found);
    keys(&mut page, found);
    if let Some(balance) = &found.balance {
        balance_lines(&mut page, balance);
    }
    if let Some(comparison) = &found.comparison {
        comparison_lines(&mut page, comparison);
    }
    notes(&mut page, found);
    page.blank();
    conclusion(&mut page, found);
    page.into_text()
}

fn subject(found: &RouteOutcome) -> String {
    let mut words = vec![
        format!("{}/{}", found.namespace, found.statefulset),
        counted(found.shards.len(), "shard"),
    ];
    match found.probe {
        ProbeKind::Http => words.push(counted(found.keys, "key")),
        ProbeKind::Tcp => words.push("whether connections are taken".to_owned()),
        ProbeKind::Exec => words.push("by a command inside each shard".to_owned()),
    }
    words.push(counted(found.rounds as usize, "round"));
    match found.identities {
        Some(Identities::Owner) => words.push("answers tell the owner".to_owned()),
        Some(Identities::EachItself) => words.push("each shard answers for itself".to_owned()),
        None => {}
    }
    words.join(" · ")
}

fn roles(page: &mut Page, found: &RouteOutcome) {
    if found.roles.is_empty() {
        return;
    }
    page.blank();
    page.heading("What shards answer");
    let alone = found.roles.len() > 1 && found.shards.len() > 2;
    for role in &found.roles {
        let shards: Vec<String> = role.shards.iter().map(|shard| shard_name(found, *shard)).collect();
        let tone = match role.shards.as_slice() {
            [_] if alone => Tone::Good,
            _ => Tone::Plain,
        };
        page.line(tone, 1, 5, &format!("{}: {}", shards.join(", "), role.answer));
    }
}

/// A line an entry: how many requests, how long they took; below it what failed.
fn digests(page: &mut Page, found: &RouteOutcome) {
    page.heading("Entries");
    let names = width(found.entries.iter().map(|entry| entry.name.as_str()));
    for entry in &found.entries {
        let tone = worst(entry);
        let mut words = format!("{} of {} answered", entry.answered, entry.requests);
        if let Some(total) = &entry.latency.total {
            words.push_str(&format!(" · {}", quantiles(total)));
        }
        let parts: Vec<String> = [
            ("dns", &entry.latency.dns),
            ("connect", &entry.latency.connect),
            ("tls", &entry.latency.tls),
            ("first byte", &entry.latency.first_byte),
        ]
        .into_iter()
        .filter_map(|(name, part)| Some(format!("{name} {}", milliseconds(part.as_ref()?.p50_micros))))
        .collect();
        if !parts.is_empty() {
            words.push_str(&format!(" · p50 of {}", parts.join(", ")));
        }
        let symbol = match tone {
            Tone::Good => "✓ ",
            Tone::Bad => "✗ ",
            _ => "? ",
        };
        let name = format!("{}  ", padded(&entry.name, names));
        let lead = [(tone, symbol), (Tone::Plain, name.as_str())];
        page.lead(&lead, Tone::Plain, 1, names + 5, &words);
        for failure in &entry.failures {
            let tone = match failure.class.severity() {
                Severity::Error => Tone::Bad,
                Severity::Warning | Severity::Information => Tone::Unsure,
            };
            let class = format!("{} × {}", failure.class.id(), failure.count);
            page.lead(&[(tone, &class)], Tone::Plain, 5, 7, &format!(": {}", failure.first));
        }
        if let Some(reopened) = &entry.reopened {
            let times = match reopened.count {
                1 => "once".to_owned(),
                count => format!("{count} times"),
            };
            let words = format!("the way was opened anew {times}: {}", reopened.first);
            page.line(Tone::Warn, 5, 7, &words);
        }
        if entry.left_out > 0 {
            let words = format!(
                "{} more were left out: nothing came from there",
                counted_requests(entry.left_out)
            );
            page.line(Tone::Unsure, 5, 7, &words);
        }
    }
    for unknown in &found.unknown {
        let words = format!("couldn't be tried: {}", unknown.why);
        page.lead(
            &[(Tone::Unsure, "? "), (Tone::Plain, &unknown.name), (Tone::Plain, "  ")],
            Tone::Plain,
            1,
            5,
            &words,
        );
    }
}

fn keys(page: &mut Page, found: &RouteOutcome) {
    if found.verdicts.is_empty() {
        return;
    }
    page.blank();
    page.heading("Keys");
    let counts: Vec<String> = found
        .verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {}", verdict.id()))
        .collect();
    page.line(Tone::Plain, 1, 3, &counts.join(", "));
    for row in &found.rows {
        key_line(page, found, row);
    }
    if found.rows_left_out > 0 {
        page.line(Tone::Faint, 3, 5, &format!("and {} more", found.rows_left_out));
    }
}

fn key_line(page: &mut Page, found: &RouteOutcome, row: &KeyRow) {
    let owners: Vec<String> = row
        .owners
        .iter()
        .map(|(owner, entries)| format!("{} from {}", shard_name(found, *owner), counted_entries(*entries)))
        .collect();
    let mut words = String::new();
    if !owners.is_empty() {
        words.push_str(&format!(": {}", owners.join(", ")));
    }
    if !row.entries.is_empty() {
        words.push_str(&format!("; at {}", row.entries.join(", ")));
    }
    let lead = [
        (Tone::Bad, row.verdict.id()),
        (Tone::Plain, "  "),
        (Tone::Plain, row.key.as_str()),
    ];
    page.lead(&lead, Tone::Plain, 3, 5, &words);
}

fn balance_lines(page: &mut Page, balance: &Balance) {
    let spread: Vec<String> = balance
        .owners
        .iter()
        .map(|(shard, keys)| format!("{shard}: {keys}"))
        .collect();
    let mut words = format!(
        "{} keys by owner, from {}: {}",
        balance.keys,
        balance.source,
        spread.join(", ")
    );
    if let (Some(chi_squared), Some(p)) = (balance.chi_squared, balance.p_value) {
        words.push_str(&format!(" (χ² {chi_squared:.1}, p {p:.3})"));
    }
    page.blank();
    page.heading("Balance");
    page.line(Tone::Plain, 1, 3, &words);
    if balance.uneven {
        let words =
            "the keys are spread less evenly than chance explains; a thousand keys (--keys 1000) tell it better";
        page.line(Tone::Warn, 1, 3, words);
    }
    if !balance.without_key.is_empty() {
        let shards: Vec<String> = balance.without_key.iter().map(Ordinal::to_string).collect();
        let shards = shards.join(", ");
        match balance.enough_for_every_shard {
            true => page.line(Tone::Bad, 1, 3, &format!("no key belongs to shard {shards}")),
            false => page.line(
                Tone::Faint,
                1,
                3,
                &format!("no key was seen to belong to shard {shards}: that says nothing, with few keys or with ones without an owner"),
            ),
        }
    }
}

fn comparison_lines(page: &mut Page, found: &Comparison) {
    page.blank();
    page.heading("Beside the saved owners");
    let tone = if found.moved.is_empty() { Tone::Good } else { Tone::Bad };
    let words = format!(
        "{} keys compared, {} moved between shards that were there before",
        found.compared,
        found.moved.len()
    );
    page.line(tone, 1, 3, &words);
    let list = |shards: &[Ordinal]| shards.iter().map(Ordinal::to_string).collect::<Vec<_>>().join(", ");
    if !found.added.is_empty() || !found.removed.is_empty() {
        let mut words = Vec::new();
        if !found.added.is_empty() {
            words.push(format!("shard {} is new", list(&found.added)));
        }
        if !found.removed.is_empty() {
            words.push(format!("shard {} is gone", list(&found.removed)));
        }
        words.push(format!(
            "{} of {} keys moved there or away, as they must",
            found.moved_as_expected, found.compared
        ));
        page.line(Tone::Plain, 1, 3, &words.join("; "));
    }
    if found.missing > 0 {
        page.line(
            Tone::Unsure,
            1,
            3,
            &format!("{} saved keys have no owner in this run", found.missing),
        );
    }
    for moved in found.moved.iter().take(LISTED) {
        page.line(
            Tone::Bad,
            3,
            5,
            &format!("{}: shard {} → {}", moved.key, moved.from, moved.to),
        );
    }
    if found.moved.len() > LISTED {
        page.line(Tone::Faint, 3, 5, &format!("and {} more", found.moved.len() - LISTED));
    }
}

fn notes(page: &mut Page, found: &RouteOutcome) {
    if found.notes.is_empty() {
        return;
    }
    page.blank();
    for note in &found.notes {
        page.line(Tone::Faint, 1, 3, note);
    }
}

fn conclusion(page: &mut Page, found: &RouteOutcome) {
    let stable = found.verdicts.get(&KeyVerdict::Stable).copied().unwrap_or(0);
    let failing: u64 = found.entries.iter().map(failed).sum();
    let (tone, words) = match (found.conclusion, found.probe) {
        (Conclusion::Healthy, ProbeKind::Http) => {
            let entries = counted_entries(found.entries.len());
            (
                Tone::Good,
                format!("✓ STABLE: each of {stable} keys has one shard, from {entries}"),
            )
        }
        (Conclusion::Healthy, _) => {
            let entries = counted_entries(found.entries.len());
            (Tone::Good, format!("✓ REACHED: all of {entries}"))
        }
        (Conclusion::Failed, ProbeKind::Http) => {
            (Tone::Bad, format!("✗ NOT STABLE: {}", reasons(found, stable, failing)))
        }
        (Conclusion::Failed, _) => (
            Tone::Bad,
            match failing {
                0 => "✗ NOT STABLE: a shard answered otherwise than before".to_owned(),
                failing => format!("✗ NOT REACHED: {} failed", counted_requests(failing)),
            },
        ),
        (Conclusion::Unknown, _) => (Tone::Unsure, "? UNKNOWN: not everything could be judged".to_owned()),
    };
    page.line(tone, 0, 2, &words);
}

fn reasons(found: &RouteOutcome, stable: usize, failing: u64) -> String {
    let mut words = Vec::new();
    if stable < found.keys {
        words.push(format!("{} of {} keys aren't", found.keys - stable, found.keys));
    }
    if failing > 0 {
        words.push(format!("{} failed", counted_requests(failing)));
    }
    let alone = |balance: &&Balance| balance.enough_for_every_shard && !balance.without_key.is_empty();
    if let Some(balance) = found.balance.as_ref().filter(alone) {
        words.push(format!("{} without a key", counted(balance.without_key.len(), "shard")));
    }
    let moved = found.comparison.as_ref().map_or(0, |comparison| comparison.moved.len());
    if moved > 0 {
        words.push(format!("{} moved", counted(moved, "key")));
    }
    words.join(", ")
}

fn failed(entry: &EntryOutcome) -> u64 {
    entry.requests.saturating_sub(entry.answered)
}

fn worst(entry: &EntryOutcome) -> Tone {
    let worst = entry.failures.iter().map(|failure| failure.class.severity()).max();
    match worst {
        Some(Severity::Error) => Tone::Bad,
        Some(Severity::Warning | Severity::Information) => Tone::Unsure,
        None => Tone::Good,
    }
}

fn quantiles(found: &Quantiles) -> String {
    let mut words = vec![
        format!("p50 {}", milliseconds(found.p50_micros)),
        format!("p90 {}", milliseconds(found.p90_micros)),
    ];
    if let Some(p99) = found.p99_micros {
        words.push(format!("p99 {}", milliseconds(p99)));
    }
    words.push(format!("max {}", milliseconds(found.max_micros)));
    words.join(", ")
}

fn milliseconds(micros: u64) -> String {
    let whole = micros as f64 / 1000.0;
    match micros {
        0..10_000 => format!("{whole:.1} ms"),
        _ => format!("{whole:.0} ms"),
    }
}

fn shard_name(found: &RouteOutcome, shard: Ordinal) -> String {
    format!("{}-{shard}", found.statefulset)
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn counted_entries(count: usize) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{count} entries"),
    }
}

fn counted_requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        _ => format!("{count} requests"),
    }
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(textwrap::core::display_width).max().unwrap_or(0)
}

fn padded(name: &str, width: usize) -> String {
    let missing = width.saturating_sub(textwrap::core::display_width(name));
    format!("{name}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests;
