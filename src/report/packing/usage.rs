//! What is used against what is asked for, as it is shown: one measurement, never taken for a peak.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::figures::{cores, percent};
use super::table::{cell, left, right, write};
use crate::model::room::gib;
use crate::model::usage::Fit;
use crate::report::page::Page;
use crate::report::style::Tone;
use crate::report::time::ago;

/// How many shards are named in a sentence before the rest is counted.
const NAMED: usize = 4;

/// What was measured; in JSON `usage`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many nodes are measured.
    pub nodes: usize,
    /// The end of the oldest measurement.
    pub since: Option<Timestamp>,
    /// The shards, by name.
    pub shards: BTreeMap<String, ShardUse>,
    /// Shards without a measurement.
    pub unmeasured: Vec<String>,
    /// Why not all is known, a clause each.
    pub unseen: Vec<String>,
}

/// What a shard uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShardUse {
    /// Memory, in bytes.
    pub memory: Use,
    /// CPU, in thousandths of a core.
    pub cpu: Use,
}

/// One thing that a shard uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Use {
    /// How much.
    pub used: i64,
    /// What is asked for.
    pub asked: i64,
    /// The one in percent of the other.
    pub percent: Option<f64>,
    /// How the two fit.
    pub fit: Fit,
}

/// What a node uses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeUse {
    /// Bytes.
    pub memory: i64,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Of the memory that the node has for pods.
    pub memory_percent: Option<f64>,
    /// The same of the CPU.
    pub cpu_percent: Option<f64>,
}

impl Usage {
    /// The one line that says what isn't known; none where all is.
    pub fn missing(&self) -> Option<String> {
        let why = self.unseen.join("; ");
        match (self.unseen.is_empty(), self.shards.is_empty() && self.nodes == 0) {
            (true, _) => None,
            (false, true) => Some(format!("requests are shown, not what is used: {why}")),
            (false, false) => Some(format!("not all that is used is known: {why}")),
        }
    }
}

/// Says what isn't known.
pub fn missing(page: &mut Page, found: &Usage) {
    if let Some(why) = found.missing() {
        page.lead(&[(Tone::Unsure, "? ")], Tone::Plain, 2, 4, &why);
    }
}

/// The section: what stands out, then the shards where the page is wide.
pub fn section(page: &mut Page, found: &Usage, now: Timestamp, width: Option<usize>, wide: bool) {
    let measured = found
        .since
        .map(|since| format!(", measured {} ago", ago(since, now)))
        .unwrap_or_default();
    let words = format!(
        "{}; of what they ask for{measured}",
        [("memory", Of::Memory), ("CPU", Of::Cpu)]
            .map(|(word, of)| range(found, word, of))
            .join(", ")
    );
    page.line(Tone::Plain, 2, 2, &words);
    for of in [Of::Memory, Of::Cpu] {
        remarks(page, found, of);
    }
    if !found.unmeasured.is_empty() {
        let words = format!("not measured yet: {}", some(&found.unmeasured));
        page.lead(&[(Tone::Unsure, "? ")], Tone::Plain, 2, 4, &words);
    }
    if wide {
        table(page, found, width);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Memory,
    Cpu,
}

impl Of {
    fn part(self, of: &ShardUse) -> &Use {
        match self {
            Of::Memory => &of.memory,
            Of::Cpu => &of.cpu,
        }
    }

    fn words(self, amount: i64) -> String {
        match self {
            Of::Memory => gib(amount),
            Of::Cpu => cores(amount),
        }
    }
}

/// `memory 24–91%`.
fn range(found: &Usage, word: &str, of: Of) -> String {
    let shares = found.shards.values().filter_map(|shard| of.part(shard).percent);
    let (least, most) = shares.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), share| {
        (least.min(share), most.max(share))
    });
    let (low, high) = (percent(Some(least)), percent(Some(most)));
    match least.is_finite() {
        false => format!("{word} isn't asked for"),
        true if low == high => format!("{word} {high}"),
        true => format!("{word} {}–{high}", low.trim_end_matches('%')),
    }
}

/// The shards whose use is far from their request, with the rule and its reason.
fn remarks(page: &mut Page, found: &Usage, of: Of) {
    let (thing, over) = match of {
        Of::Memory => (
            "memory",
            "the kubelet evicts such pods first when its node runs short; raise the request, or find what has grown",
        ),
        Of::Cpu => (
            "CPU",
            "it has that only while nobody else on the node wants it; raise the request",
        ),
    };
    let rules = [
        (Fit::Over, Tone::Bad, format!("more {thing} than asked for"), over),
        (
            Fit::Near,
            Tone::Warn,
            format!("{thing} near what is asked for (90% or more)"),
            "a little more, and it is above its request",
        ),
        (
            Fit::TooMuchAsked,
            Tone::Warn,
            format!("less than half of the {thing} that is asked for"),
            "the rest is paid for and lies idle; one measurement is no peak: look at a week of them before you lower a request",
        ),
        (
            Fit::NothingAsked,
            Tone::Warn,
            format!("{thing}, and asks for none"),
            "no node keeps any for it",
        ),
    ];
    for (fit, tone, what, why) in rules {
        let named: Vec<String> = found
            .shards
            .iter()
            .map(|(name, shard)| (name, of.part(shard)))
            .filter(|(_, part)| part.fit == fit)
            .map(|(name, part)| match part.asked {
                0 => format!("{name} ({})", of.words(part.used)),
                asked => format!("{name} ({} of {})", of.words(part.used), of.words(asked)),
            })
            .collect();
        if named.is_empty() {
            continue;
        }
        let verb = if named.len() == 1 { "uses" } else { "use" };
        let words = format!("{} {verb} {what}: {why}", some(&named));
        page.lead(&[(tone, "! ")], Tone::Plain, 2, 4, &words);
    }
}

fn some(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn table(page: &mut Page, found: &Usage, width: Option<usize>) {
    let column = |of: &dyn Fn(&ShardUse) -> String| {
        let cells = found.shards.values().map(|shard| cell(Tone::Plain, of(shard)));
        cells.collect::<Vec<_>>()
    };
    let names = found.shards.keys().map(|name| cell(Tone::Plain, name)).collect();
    write(
        page,
        vec![
            left("SHARD", 0, names),
            right("MEMORY USED", 0, column(&|shard| gib(shard.memory.used))),
            right("ASKED FOR", 1, column(&|shard| gib(shard.memory.asked))),
            right("", 0, column(&|shard| percent(shard.memory.percent))),
            right("CPU USED", 0, column(&|shard| cores(shard.cpu.used))),
            right("ASKED FOR", 1, column(&|shard| cores(shard.cpu.asked))),
            right("", 0, column(&|shard| percent(shard.cpu.percent))),
        ],
        width,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::room::GIB;
    use crate::report::style::Style;
    use crate::report::testing::after;

    fn used(used: i64, asked: i64, fit: Fit) -> Use {
        let percent = i32::try_from(used * 1000 / asked.max(1)).unwrap();
        Use {
            used,
            asked,
            percent: (asked > 0).then(|| f64::from(percent) / 10.0),
            fit,
        }
    }

    fn usage(shards: &[(i64, Fit)]) -> Usage {
        let shard = |(ordinal, (gibs, fit)): (usize, &(i64, Fit))| {
            let of = ShardUse {
                memory: used(gibs * GIB, 32 * GIB, *fit),
                cpu: used(1000, 2000, Fit::Fits),
            };
            (format!("db-{ordinal}"), of)
        };
        Usage {
            since: Some(after(0.0)),
            shards: shards.iter().enumerate().map(shard).collect(),
            ..Usage::default()
        }
    }

    fn text(found: &Usage, wide: bool) -> String {
        let mut page = Page::new(Style::PLAIN);
        section(&mut page, found, after(12.0), None, wide);
        page.into_text()
    }

    #[test]
    fn shards_that_ask_for_too_much_are_named_with_the_rule_and_its_reason() {
        let told = text(
            &usage(&[
                (8, Fit::TooMuchAsked),
                (31, Fit::Near),
                (40, Fit::Over),
                (20, Fit::Fits),
            ]),
            false,
        );
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[0],
            "  memory 25–125%, CPU 50%; of what they ask for, measured 12s ago"
        );
        assert!(
            lines[1].starts_with("  ! db-2 (40Gi of 32Gi) uses more memory than asked for: the kubelet evicts"),
            "{told}"
        );
        assert!(
            lines[2].starts_with("  ! db-1 (31Gi of 32Gi) uses memory near what is asked for (90% or more)"),
            "{told}"
        );
        assert!(
            lines[3].starts_with("  ! db-0 (8Gi of 32Gi) uses less than half of the memory that is asked for")
                && lines[3].ends_with("look at a week of them before you lower a request"),
            "{told}"
        );
        assert_eq!(lines.len(), 4, "{told}");
    }

    #[test]
    fn many_shards_are_counted_and_a_wide_page_has_them_all() {
        let many = usage(&[(8, Fit::TooMuchAsked); 6]);
        assert!(text(&many, false).contains("db-3 (8Gi of 32Gi) and 2 more use less than half"));
        assert!(!text(&many, false).contains("SHARD"));
        assert!(text(&many, true).contains("  db-5           8Gi       32Gi  25%         1          2  50%"));
    }

    #[test]
    fn without_measurements_one_line_says_why() {
        let mut none = Usage {
            unseen: vec!["the cluster serves no metrics.k8s.io".to_owned()],
            ..Usage::default()
        };
        let told = |found: &Usage| {
            let mut page = Page::new(Style::PLAIN);
            missing(&mut page, found);
            page.into_text()
        };
        assert_eq!(
            told(&none),
            "  ? requests are shown, not what is used: the cluster serves no metrics.k8s.io\n"
        );
        none.nodes = 1;
        assert!(told(&none).starts_with("  ? not all that is used is known: "));
        assert_eq!(told(&Usage::default()), "");
    }
}
