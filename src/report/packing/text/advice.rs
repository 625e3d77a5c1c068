//! What to change of a pool so that it keeps a layout: a diff and a command a step, and what drifts by it.

use super::answer::count;
use crate::report::packing::{Advice, Change, Drifting};
use crate::report::page::Page;
use crate::report::style::Tone;

/// How many nodes that drift for one reason are named.
const NAMED: usize = 10;

/// How the cheapest layout is bought, by pools that leave Karpenter no choice.
pub fn buy(page: &mut Page, command: &str) {
    let words = "a pool for each size in each zone, like the one that is there, with limits that hold just these machines; the shards \
                 move there when they are made anew and the other pools let no more in";
    page.line(Tone::Plain, 2, 2, words);
    page.command(2, command);
    let words = "then again with --surge 1, so that a drain finds a node";
    page.line(Tone::Faint, 2, 2, words);
}

/// The steps, in their order.
pub fn advice(page: &mut Page, advice: &Advice) {
    if advice.steps.is_empty() {
        page.lead(
            &[(Tone::Good, "✓ ")],
            Tone::Plain,
            2,
            4,
            "the pool asks for that already: nothing to change",
        );
    } else {
        let words = "for the stable phase; nothing here is done by itself";
        page.line(
            Tone::Faint,
            2,
            4,
            &format!("{} of {}, {words}", advice.pool, advice.version),
        );
    }
    for (at, step) in advice.steps.iter().enumerate() {
        let lead = format!("{}. ", at + 1);
        page.lead(&[(Tone::Heading, lead.as_str())], Tone::Plain, 2, 5, &step.why);
        for change in &step.changes {
            diff(page, change);
        }
        page.command(5, &step.command);
    }
    for (why, nodes) in by_reason(&advice.drifting) {
        let count = count(nodes.len() as u64, "node");
        let drift = if nodes.len() == 1 { "drifts" } else { "drift" };
        let lead = format!("! {count} {drift}: ");
        page.lead(&[(Tone::Warn, lead.as_str())], Tone::Plain, 2, 4, &why);
        for one in nodes.iter().take(NAMED) {
            let shards = match one.shards.as_slice() {
                [] => "no shard on it".to_owned(),
                shards => shards.join(", "),
            };
            page.lead(
                &[(Tone::Plain, one.node.as_str()), (Tone::Plain, "  ")],
                Tone::Faint,
                4,
                6,
                &shards,
            );
        }
        if nodes.len() > NAMED {
            page.line(Tone::Faint, 4, 4, &format!("… and {} more", nodes.len() - NAMED));
        }
    }
    for note in &advice.notes {
        page.lead(&[(Tone::Faint, "- ")], Tone::Plain, 2, 4, note);
    }
}

fn diff(page: &mut Page, change: &Change) {
    let field = format!("{}: ", change.field);
    if let Some(from) = &change.from {
        page.lead(
            &[(Tone::Bad, "- "), (Tone::Bad, field.as_str())],
            Tone::Plain,
            5,
            9,
            from,
        );
    }
    if let Some(to) = &change.to {
        page.lead(
            &[(Tone::Good, "+ "), (Tone::Good, field.as_str())],
            Tone::Plain,
            5,
            9,
            to,
        );
    }
}

/// Nodes that drift for the same reasons stand together, in the order of the first of them.
fn by_reason(all: &[Drifting]) -> Vec<(String, Vec<&Drifting>)> {
    let mut grouped: Vec<(String, Vec<&Drifting>)> = Vec::new();
    for one in all {
        let why = one.why.join("; ");
        match grouped.iter_mut().find(|(known, _)| *known == why) {
            Some((_, nodes)) => nodes.push(one),
            None => grouped.push((why, vec![one])),
        }
    }
    grouped
}
