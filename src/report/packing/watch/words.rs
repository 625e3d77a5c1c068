//! The watched packing as lines that stay: one a change, with its time.

use jiff::Timestamp;

use super::{Frame, Moved, Trouble};
use crate::model::movement::{Movement, Passing};
use crate::report::packing::figures::{hourly, whole_dollars};
use crate::report::page::Page;
use crate::report::style::{Style, Tone};
use crate::report::time::{ago, time_of_day};

fn line(at: Timestamp, sign: (Tone, &str), words: &str, style: Style) -> String {
    let mut page = Page::new(style);
    let time = format!("{}  ", time_of_day(at));
    page.lead(&[(Tone::Faint, &time), sign], Tone::Plain, 0, 13, words);
    page.into_text()
}

/// What is in view, in a line.
pub fn state(frame: &Frame, style: Style) -> String {
    let totals = &frame.present.totals;
    let words = format!(
        "{}: {} on {}, {}",
        frame.subject(),
        count(totals.shards, "shard"),
        count(totals.nodes, "node"),
        cost(frame),
    );
    let mut text = line(frame.at, (Tone::Plain, ""), &words, style);
    for why in frame.usage.missing().iter().chain(&frame.unread) {
        text.push_str(&line(frame.at, (Tone::Unsure, "? "), why, style));
    }
    text
}

/// What it costs, as far as that is known.
pub(super) fn cost(frame: &Frame) -> String {
    let totals = &frame.present.totals;
    let known = format!(
        "{} an hour, {} a month",
        hourly(totals.hourly),
        whole_dollars(totals.monthly)
    );
    match totals.unpriced.len() {
        0 => known,
        all if all == totals.nodes => "what they cost isn't known".to_owned(),
        some => format!("{known} without {} whose price isn't known", count(some, "node")),
    }
}

pub(super) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// A change.
pub fn change(moved: &Moved, style: Style) -> String {
    let (tone, sign, words) = of_nodes(&moved.movement)
        .or_else(|| of_shards(&moved.movement))
        .unwrap_or_else(|| of_cost(&moved.movement));
    line(moved.at, (tone, sign), &words, style)
}

type Said = (Tone, &'static str, String);

fn of_nodes(movement: &Movement) -> Option<Said> {
    let passing = |tone, sign, of: &Passing, verb| (tone, sign, format!("node/{} {verb}{}", of.node, machine(of)));
    Some(match movement {
        Movement::NodeCame(of) => passing(Tone::Good, "+ ", of, "came"),
        Movement::NodeWent(of) => passing(Tone::Bad, "- ", of, "went"),
        Movement::NodeInView(of) => passing(Tone::Good, "+ ", of, "holds shards now"),
        Movement::NodeOutOfView(of) => passing(Tone::Plain, "- ", of, "holds no shard any more"),
        Movement::NodeReady { node, ready: true } => (Tone::Good, "  ", format!("node/{node} is Ready")),
        Movement::NodeReady { node, ready: false } => (Tone::Bad, "! ", format!("node/{node} isn't Ready")),
        Movement::NodeCordoned { node, cordoned: true } => (Tone::Warn, "  ", format!("node/{node} is cordoned")),
        Movement::NodeCordoned { node, cordoned: false } => {
            (Tone::Plain, "  ", format!("node/{node} takes pods again"))
        }
        _ => return None,
    })
}

fn of_shards(movement: &Movement) -> Option<Said> {
    let on = |place: &Option<String>| match place {
        Some(node) => format!("on node/{node}"),
        None => "on no node".to_owned(),
    };
    Some(match movement {
        Movement::ShardMoved { shard, from, to } => {
            let tone = if to.is_none() { Tone::Warn } else { Tone::Plain };
            let words = format!("pod/{shard} is {}; it was {}", on(to), on(from));
            (tone, "~ ", words)
        }
        Movement::ShardCame { shard, to } => (Tone::Plain, "~ ", format!("pod/{shard} is there, {}", on(to))),
        Movement::ShardWent { shard, from } => (Tone::Warn, "~ ", format!("pod/{shard} is gone; it was {}", on(from))),
        _ => return None,
    })
}

fn of_cost(movement: &Movement) -> Said {
    let words = match movement {
        Movement::CostChanged { from, to } => format!(
            "{} an hour, {} a month; it was {}",
            hourly(*to),
            whole_dollars(to.a_month()),
            hourly(*from)
        ),
        _ => String::new(),
    };
    (Tone::Plain, "$ ", words)
}

/// `: Standard_E16s_v5, eastus-1, spot, $1.008 an hour`.
fn machine(of: &Passing) -> String {
    let price = match of.hourly {
        Some(price) => format!("{} an hour", hourly(price)),
        None => "its price isn't known".to_owned(),
    };
    let known = [&of.size, &of.zone, &of.capacity_type].into_iter().flatten().cloned();
    format!(": {}", known.chain([price]).collect::<Vec<_>>().join(", "))
}

/// That the cluster can't be seen, or is seen again.
pub fn trouble(now: Timestamp, before: Option<&Trouble>, trouble: Option<&Trouble>, style: Style) -> String {
    match (before, trouble) {
        (_, Some(trouble)) => line(now, (Tone::Warn, "! "), &trouble.why, style),
        (Some(before), None) => {
            let words = format!("the cluster is seen again, after {}", ago(before.since, now));
            line(now, (Tone::Good, "  "), &words, style)
        }
        (None, None) => String::new(),
    }
}
