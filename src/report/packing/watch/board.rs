//! The watched packing as the lines of a screen: what it costs on top, then a line a node, as many as there is place for.

use jiff::Timestamp;

use super::words::{cost, count};
use super::{Frame, Marks};
use crate::report::packing::figures::{hourly, percent, whole_dollars};
use crate::report::packing::table::{Cell, Column, cell, left, right, write};
use crate::report::packing::{Amounts, Node};
use crate::report::page::Page;
use crate::report::style::{Style, Tone};
use crate::report::time::{ago, time_of_day};

/// How many cells a bar has.
const CELLS: u8 = 10;
/// What a bar shows from here on is full, in percent.
const FULL: f64 = 95.0;

/// The lines, for a screen of so many rows; the width is that of the style.
pub fn board(frame: &Frame, marks: &Marks, now: Timestamp, style: Style, rows: usize) -> Vec<String> {
    let (above, below) = (above(frame, now, style), below(frame, now, style));
    // The table's head takes a row, and the cursor may need one.
    let place = rows.saturating_sub(above.len() + below.len() + 2).max(1);
    let mut lines = above;
    lines.extend(nodes(frame, marks, now, style, place));
    lines.extend(below);
    lines
}

fn lines(page: Page) -> Vec<String> {
    page.into_text().lines().map(str::to_owned).collect()
}

fn above(frame: &Frame, now: Timestamp, style: Style) -> Vec<String> {
    let mut page = Page::new(style.unwrapped());
    let totals = &frame.present.totals;
    let words = format!(
        "  {} on {}  {}",
        count(totals.shards, "shard"),
        count(totals.nodes, "node"),
        cost(frame)
    );
    page.row(&[(Tone::Heading, &frame.subject()), (Tone::Plain, &words)]);
    if let Some(trouble) = &frame.trouble {
        let words = format!("! what stands here is {} old: {}", ago(trouble.since, now), trouble.why);
        page.row(&[(Tone::Warn, &words)]);
    }
    if !frame.present.without_node.is_empty() {
        let words = format!("! on no node: {}", frame.present.without_node.join(", "));
        page.row(&[(Tone::Bad, &words)]);
    }
    lines(page)
}

fn below(frame: &Frame, now: Timestamp, style: Style) -> Vec<String> {
    let mut page = Page::new(style.unwrapped());
    for why in &frame.unread {
        page.row(&[(Tone::Unsure, &format!("? {why}"))]);
    }
    let shown = match (frame.usage.missing(), frame.usage.since) {
        (Some(why), _) => why,
        (None, Some(since)) => format!("in use, measured {} ago", ago(since, now)),
        (None, None) => "requests are shown: nothing was measured yet".to_owned(),
    };
    page.row(&[(Tone::Faint, &format!("{} · Ctrl-C ends · {shown}", time_of_day(now)))]);
    lines(page)
}

/// The nodes that there is place for: those of which something is to be said first.
fn nodes(frame: &Frame, marks: &Marks, now: Timestamp, style: Style, place: usize) -> Vec<String> {
    let there = &frame.present.nodes;
    let gone: Vec<Node> = marks
        .went
        .values()
        .filter(|(of, _)| there.iter().all(|node| node.node != of.node))
        .map(|(of, _)| Node {
            node: of.node.clone(),
            size: of.size.clone(),
            zone: of.zone.clone(),
            capacity_type: of.capacity_type.clone(),
            ..Node::default()
        })
        .collect();
    let mut rows: Vec<(&Node, bool)> = there.iter().map(|node| (node, false)).collect();
    rows.extend(gone.iter().map(|node| (node, true)));
    let place = if rows.len() > place {
        place.saturating_sub(1)
    } else {
        place
    };
    rows.sort_by_key(|(node, gone)| (said(node, *gone, marks, now).is_empty(), node.node.as_str()));
    let hidden = rows.split_off(place.min(rows.len()));
    rows.sort_by_key(|(node, _)| node.node.as_str());

    let mut page = Page::new(style.unwrapped());
    write(&mut page, columns(&rows, marks, now), style.width());
    let mut lines = lines(page);
    if !hidden.is_empty() {
        let words = format!(
            "  … and {} more; a taller terminal shows them",
            count(hidden.len(), "node")
        );
        lines.push(style.paint(Tone::Faint, &words));
    }
    lines
}

fn columns(rows: &[(&Node, bool)], marks: &Marks, now: Timestamp) -> Vec<Column> {
    let column = |of: &dyn Fn(&Node, bool) -> Cell| rows.iter().map(|(node, gone)| of(node, *gone)).collect::<Vec<_>>();
    let words = |of: fn(&Node) -> Option<String>| {
        column(&|node, _| of(node).map(|words| cell(Tone::Plain, words)).unwrap_or_default())
    };
    // What has gone holds nothing and costs nothing.
    let figure =
        |of: fn(&Node) -> String| column(&|node, gone| if gone { Cell::new() } else { cell(Tone::Plain, of(node)) });
    let in_use = rows.iter().any(|(node, _)| node.used.is_some());
    let [memory_head, cpu_head] = if in_use {
        ["MEMORY IN USE", "CPU IN USE"]
    } else {
        ["MEMORY ASKED FOR", "CPU ASKED FOR"]
    };
    vec![
        left("NODE", 0, words(|node| Some(node.node.clone()))),
        left("SIZE", 4, words(|node| node.size.clone())),
        left("ZONE", 6, words(|node| node.zone.clone())),
        left("PAID", 7, words(|node| node.capacity_type.clone())),
        right("SHARDS", 2, figure(|node| node.shards.len().to_string())),
        left(memory_head, 1, column(&|node, _| bar(memory(node)))),
        left(cpu_head, 3, column(&|node, _| bar(cpu(node)))),
        right("PODS", 5, figure(pods)),
        right(
            "$/H",
            1,
            figure(|node| node.hourly.map_or_else(|| "?".to_owned(), hourly)),
        ),
        right(
            "$/MONTH",
            8,
            figure(|node| {
                node.hourly
                    .map_or_else(|| "?".to_owned(), |of| whole_dollars(of.a_month()))
            }),
        ),
        left("STATE", 0, column(&|node, gone| said(node, gone, marks, now))),
    ]
}

fn memory(node: &Node) -> Option<f64> {
    node.used.and_then(|used| used.memory_percent).or(node.memory_percent)
}

fn cpu(node: &Node) -> Option<f64> {
    node.used.and_then(|used| used.cpu_percent).or(node.cpu_percent)
}

/// `███████···  71%`.
fn bar(share: Option<f64>) -> Cell {
    let Some(share) = share else {
        return Cell::new();
    };
    let full = (0..CELLS).filter(|cell| share >= f64::from(*cell) * 10.0 + 5.0).count();
    let tone = if share >= FULL { Tone::Bad } else { Tone::Good };
    vec![
        (tone, "█".repeat(full)),
        (Tone::Faint, "·".repeat(usize::from(CELLS) - full)),
        (Tone::Plain, format!(" {:>4}", percent(Some(share)))),
    ]
}

/// `14/110`.
fn pods(node: &Node) -> String {
    let count = |of: Option<Amounts>| of.map(|of| of.pods);
    let beside = count(node.by_daemons).zip(count(node.by_others));
    let there = beside.map(|(daemons, others)| node.by_shards.pods + daemons + others);
    let words = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    format!("{}/{}", words(there), words(count(node.allocatable)))
}

/// What is to be said of a node: that it came or went, and what is wrong with it.
fn said(node: &Node, gone: bool, marks: &Marks, now: Timestamp) -> Cell {
    if gone {
        let at = marks.went.get(&node.node).map_or(now, |(_, at)| *at);
        return cell(Tone::Bad, format!("- went {} ago", ago(at, now)));
    }
    let mut pieces = Cell::new();
    let mut add = |tone, words: String| {
        if !pieces.is_empty() {
            pieces.push((Tone::Plain, " ".to_owned()));
        }
        pieces.push((tone, words));
    };
    if !node.ready {
        add(Tone::Bad, "NotReady".to_owned());
    }
    if node.cordoned {
        add(Tone::Warn, "cordoned".to_owned());
    }
    if let Some(at) = marks.came.get(&node.node) {
        add(Tone::Good, format!("+ came {} ago", ago(*at, now)));
    }
    pieces
}
