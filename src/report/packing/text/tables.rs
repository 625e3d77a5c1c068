//! The tables of the packing: the nodes, the layouts side by side with the present, the sizes.

use super::answer::count;
use crate::model::grade::Grade;
use crate::model::money::Money;
use crate::model::room::gib;
use crate::report::packing::figures::{bar, cores, hourly, percent, whole_dollars};
use crate::report::packing::table::{Cell, cell, left, right, write};
use crate::report::packing::usage::NodeUse;
use crate::report::packing::{Amounts, Figure, Layout, Node, PackingPage, Size};
use crate::report::page::Page;
use crate::report::style::Tone;

/// How many sizes are shown, and how many on a wide page.
const SIZES: [usize; 2] = [10, 40];
/// How many layouts of one size are shown where the page isn't wide.
const OF_ONE_SIZE: usize = 3;
/// The name of such a layout.
const ONE_SIZE: &str = "of-one-size";
/// What a bar is drawn with: shards, DaemonSets, others, nobody.
const DRAWN: [(&str, Tone); 4] = [
    ("█", Tone::Good),
    ("▓", Tone::Command),
    ("▒", Tone::Warn),
    (NOBODY, Tone::Faint),
];
/// What is asked for by nobody.
const NOBODY: &str = "·";

fn plain(words: impl Into<String>) -> Cell {
    cell(Tone::Plain, words)
}

fn or_nothing(words: Option<String>) -> Cell {
    plain(words.unwrap_or_default())
}

/// The nodes.
pub fn nodes(page: &mut Page, found: &PackingPage, width: Option<usize>) {
    let nodes = &found.present.nodes;
    let column = |of: &dyn Fn(&Node) -> Cell| nodes.iter().map(of).collect::<Vec<_>>();
    let memory =
        |of: fn(&Node) -> Option<Amounts>| column(&|node| or_nothing(of(node).map(|amounts| gib(amounts.memory))));
    let in_use = |of: fn(NodeUse) -> Option<f64>| column(&|node| or_nothing(node.used.map(|used| percent(of(used)))));
    write(
        page,
        vec![
            left("NODE", 0, column(&|node| plain(&node.node))),
            left("SIZE", 2, column(&|node| or_nothing(node.size.clone()))),
            left("ZONE", 4, column(&|node| or_nothing(node.zone.clone()))),
            left("PAID", 5, column(&|node| or_nothing(node.capacity_type.clone()))),
            left("MEMORY ASKED FOR", 0, column(&drawn)),
            right("CPU", 3, column(&|node| plain(percent(node.cpu_percent)))),
            right("MEMORY USED", 3, in_use(|used| used.memory_percent)),
            right("CPU USED", 4, in_use(|used| used.cpu_percent)),
            right("SHARDS", 0, column(&|node| plain(node.shards.len().to_string()))),
            right(
                "MORE FIT",
                6,
                column(&|node| plain(node.free_slots.map_or_else(|| "?".to_owned(), |free| free.to_string()))),
            ),
            right(
                "$/H",
                1,
                column(&|node| plain(node.hourly.map_or_else(|| "?".to_owned(), hourly))),
            ),
            right("STRANDED", 7, column(&|node| or_nothing(node.stranded_memory.map(gib)))),
            left("STATE", 0, column(&state)),
            right("HAS", 8, memory(|node| node.allocatable)),
            right("BY SHARDS", 9, memory(|node| Some(node.by_shards))),
            right("DAEMONSETS", 9, memory(|node| node.by_daemons)),
            right("OTHERS", 9, memory(|node| node.by_others)),
            left("POOL", 10, column(&|node| or_nothing(node.pool.clone()))),
            left("THE SHARDS", 11, column(&|node| plain(node.shards.join(" ")))),
        ],
        width,
    );
    let mut legend: Vec<(Tone, &str)> = vec![(Tone::Plain, "  ")];
    for ((sign, tone), words) in DRAWN.iter().zip([" shards  ", " DaemonSets  ", " others  ", " nobody"]) {
        legend.extend([(*tone, *sign), (Tone::Faint, words)]);
    }
    page.row(&legend);
    let words = "The word is for the larger of memory and CPU: below 70% loose, 70–85% good, above 85% tight.";
    page.line(Tone::Faint, 2, 2, words);
}

/// A bar, a percentage and a grade.
fn drawn(node: &Node) -> Cell {
    let mut pieces: Cell = Vec::new();
    let unseen = node.by_daemons.is_none() || node.by_others.is_none();
    for ((sign, tone), count) in DRAWN.iter().zip(bar(node).unwrap_or_default()) {
        // What nobody was seen to ask for is nobody's only where everybody was seen.
        let sign = if unseen && *sign == NOBODY { "?" } else { sign };
        pieces.push((*tone, sign.repeat(count)));
    }
    pieces.push((Tone::Plain, format!(" {:>4} ", percent(node.memory_percent))));
    if let Some(grade) = node.grade {
        let tone = match grade {
            Grade::Good => Tone::Good,
            Grade::Loose | Grade::Tight => Tone::Warn,
        };
        pieces.push((tone, grade.word().to_owned()));
    }
    pieces
}

/// What is wrong with a node, as `kubectl get nodes` has it.
fn state(node: &Node) -> Cell {
    match (node.ready, node.cordoned) {
        (true, false) => plain(""),
        (true, true) => cell(Tone::Warn, "cordoned"),
        (false, false) => cell(Tone::Bad, "NotReady"),
        (false, true) => cell(Tone::Bad, "NotReady,cordoned"),
    }
}

/// The layouts, the present one first, then where their machines stand.
pub fn layouts(page: &mut Page, found: &PackingPage, width: Option<usize>, wide: bool) {
    let shown = distinct(&found.layouts, wide);
    let column = |of: &dyn Fn(&Layout) -> Cell| shown.iter().map(|(_, layout)| of(layout)).collect::<Vec<_>>();
    let names = shown.iter().map(|(name, layout)| {
        let tone = if layout.name == "now" {
            Tone::Heading
        } else {
            Tone::Plain
        };
        cell(tone, name)
    });
    let money = |of: fn(&Layout) -> Option<Money>, words: fn(Money) -> String| {
        column(&|layout| plain(of(layout).map_or_else(|| "?".to_owned(), words)))
    };
    write(
        page,
        vec![
            left("", 0, names.collect()),
            right("NODES", 0, column(&|layout| plain(layout.nodes.to_string()))),
            right("$/H", 2, money(|layout| layout.hourly, hourly)),
            right("$/MONTH", 0, money(|layout| layout.monthly, whole_dollars)),
            right("AGAINST NOW", 3, column(&against)),
            right("A SHARD", 1, money(|layout| layout.monthly_a_shard, whole_dollars)),
            right(
                "DOWN/NODE",
                0,
                column(&|layout| plain(layout.lost_with_a_node.to_string())),
            ),
            right(
                "DOWN/ZONE",
                4,
                column(&|layout| plain(layout.lost_with_a_zone.to_string())),
            ),
            right(
                "MORE FIT",
                5,
                column(&|layout| or_nothing(layout.spare.map(|spare| spare.to_string()))),
            ),
            left("MACHINES", 6, column(&|layout| plain(layout.machines()))),
        ],
        width,
    );
    let words = "Down: so many shards at most when one node dies, or one zone.";
    page.line(Tone::Faint, 2, 2, words);
    // Of one size is all said by its row.
    for (name, layout) in shown.iter().filter(|(_, layout)| wide || layout.name != ONE_SIZE) {
        let lead = format!("{name}: ");
        page.lead(&[(Tone::Heading, lead.as_str())], Tone::Plain, 2, 4, &layout.machines());
        let zones: Vec<_> = layout.zones.iter().filter(|zone| !zone.machines.is_empty()).collect();
        for zone in zones.iter().filter(|_| zones.len() > 1) {
            let place = zone.zone.as_deref().unwrap_or("anywhere");
            let words = format!("{} for {}", zone.machines(), count(zone.shards, "shard"));
            page.lead(&[(Tone::Faint, place), (Tone::Plain, "  ")], Tone::Plain, 4, 6, &words);
        }
    }
}

/// The layouts, each once: those that are alike share a row with all their names.
fn distinct(layouts: &[Layout], wide: bool) -> Vec<(String, &Layout)> {
    let mut shown: Vec<(String, &Layout)> = Vec::new();
    let mut of_one_size = 0;
    for layout in layouts {
        let name = match layout.name {
            "most-available" => "most available".to_owned(),
            ONE_SIZE => {
                of_one_size += 1;
                if of_one_size > OF_ONE_SIZE && !wide {
                    continue;
                }
                format!("all {}", layout.size().unwrap_or_default())
            }
            name => name.to_owned(),
        };
        match shown.iter_mut().find(|(_, other)| other.zones == layout.zones) {
            // The sizes of such a row stand below the table.
            Some(_) if layout.name == ONE_SIZE => {}
            Some((names, _)) => {
                names.push_str(", ");
                names.push_str(&name);
            }
            None => shown.push((name, layout)),
        }
    }
    shown
}

fn against(layout: &Layout) -> Cell {
    match layout.saved_monthly {
        None => plain(""),
        Some(saved) if saved > Money::ZERO => cell(Tone::Good, format!("-{}", whole_dollars(saved))),
        Some(saved) if saved < Money::ZERO => cell(Tone::Warn, format!("+{}", whole_dollars(Money::ZERO.minus(saved)))),
        Some(_) => plain("same"),
    }
}

/// The sizes: those that are in use or in a layout, and the cheapest for each shard of those that a zone could fill.
pub fn sizes(page: &mut Page, found: &PackingPage, width: Option<usize>, wide: bool) {
    let used: Vec<&str> = found
        .layouts
        .iter()
        .flat_map(|layout| &layout.zones)
        .flat_map(|zone| &zone.machines)
        .filter_map(|of| of.size.as_deref())
        .collect();
    let most = SIZES[usize::from(wide)];
    // What holds more than a zone has is cheap for each shard only where it is full.
    let in_a_zone = found.zones.iter().map(|zone| zone.shards).max().unwrap_or(0) + found.anywhere;
    let fitting = found.sizes.iter().filter(|size| (1..=in_a_zone).contains(&size.shards));
    let cheapest: Vec<&str> = fitting.take(most).map(|size| size.size.as_str()).collect();
    let shown: Vec<&Size> = found
        .sizes
        .iter()
        .filter(|size| {
            [&cheapest, &used]
                .iter()
                .any(|names| names.contains(&size.size.as_str()))
        })
        .collect();
    // Where none holds a shard, those that come closest are what one wants to see.
    let shown = if shown.is_empty() {
        found.sizes.iter().take(most).collect()
    } else {
        shown
    };
    if shown.is_empty() {
        page.line(Tone::Plain, 2, 4, "no size may be bought");
    } else {
        size_table(page, &shown, width);
    }
    let rest = found.sizes.len() - shown.len();
    if rest > 0 {
        let words = format!(
            "… and {}, dearer for each shard, too small or larger than a zone needs: -o csv --table sizes",
            count(rest as u64, "size")
        );
        page.line(Tone::Faint, 2, 4, &words);
    }
    for (why, names) in &found.left_out {
        let words = match names.as_slice() {
            names if wide || names.len() <= 3 => format!("left out: {}: {why}", names.join(", ")),
            names => format!("left out: {}: {why}", count(names.len() as u64, "size")),
        };
        page.line(Tone::Faint, 2, 4, &words);
    }
}

fn size_table(page: &mut Page, shown: &[&Size], width: Option<usize>) {
    let column = |of: &dyn Fn(&Size) -> Cell| shown.iter().map(|size| of(size)).collect::<Vec<_>>();
    let way = |way: &'static str| {
        column(&|size| {
            or_nothing(
                size.listed
                    .get(way)
                    .filter(|_| size.listed.len() > 1)
                    .map(|money| hourly(*money)),
            )
        })
    };
    write(
        page,
        vec![
            left("SIZE", 0, column(&|size| plain(&size.size))),
            right("SHARDS", 0, column(&|size| plain(size.shards.to_string()))),
            left(
                "BOUND BY",
                2,
                column(&|size| plain(size.short.first().map_or("", |short| short.of))),
            ),
            left("ONE MORE LACKS", 1, column(&lacks)),
            right("$/H", 3, column(&|size| plain(hourly(size.hourly)))),
            right(
                "$/MONTH A SHARD",
                0,
                column(&|size| or_nothing(size.monthly_a_shard.map(whole_dollars))),
            ),
            right("CORES", 6, column(&|size| plain(size.vcpu.to_string()))),
            right("MEMORY", 6, column(&|size| plain(gib(size.memory)))),
            right("FITS", 5, column(&|size| figure(&size.fits))),
            right(
                "KARPENTER COUNTS",
                7,
                column(&|size| size.counted.as_ref().map(figure).unwrap_or_default()),
            ),
            left("AS SAID BY", 4, column(&|size| plain(&size.fits.basis))),
            right("SPOT", 8, way("spot")),
            right("SAVINGS 1Y", 8, way("savings-1y")),
            right("SAVINGS 3Y", 8, way("savings-3y")),
            right("RESERVED 1Y", 8, way("reserved-1y")),
            right("RESERVED 3Y", 8, way("reserved-3y")),
        ],
        width,
    );
}

fn figure(figure: &Figure) -> Cell {
    plain(format!("{} {}", gib(figure.room.memory), cores(figure.room.cpu_milli)))
}

/// What is missing for one more shard; a near miss stands out.
fn lacks(size: &Size) -> Cell {
    let Some(short) = size.short.first() else {
        return plain("");
    };
    let words = format!("{} {}", short.words, short.of);
    if size.near_miss {
        cell(Tone::Warn, format!("only {words}"))
    } else {
        plain(words)
    }
}
