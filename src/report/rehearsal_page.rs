//! A rehearsal for people: how it would end, a chart of shards against time, what is in the way, how sure all of it is.

use super::gantt::{Bar, Going, Row, draw};
use super::lines::ended;
use super::page::Page;
use super::refusals;
use super::rehearsal::{Rehearsal, Wait};
use super::style::{Style, Tone};
use super::text::finding_lines;
use super::time::{moment, seconds};
use crate::model::outcome::End;

/// How wide the page is where the output isn't a terminal.
const WIDTH: usize = 80;
/// Below so many seconds a wait isn't worth a line.
const SHORT: f64 = 1.0;
/// How many waits have a line of their own.
const WAITS: usize = 12;

/// What can't be done for real.
const NOBODYS: &str = "nothing: this was the demo's cluster. Leave out --from, to rehearse on a cluster of yours.";

/// The page.
pub fn render(rehearsal: &Rehearsal, style: Style) -> String {
    let width = style.width().unwrap_or(WIDTH);
    let mut page = Page::new(style);
    page.line(Tone::Heading, 0, 2, &format!("Rehearsed: {}", rehearsal.goal));
    let source = format!(
        "on {} as of {}; nothing was changed",
        rehearsal.source,
        moment(rehearsal.at)
    );
    page.line(Tone::Faint, 2, 2, &source);
    page.blank();
    how_it_ends(&mut page, rehearsal);
    if !rehearsal.shards.is_empty() || !rehearsal.fetched.is_empty() {
        page.blank();
        // What would go on for ever is drawn beyond the last that was said.
        let until = match rehearsal.end {
            Some(_) => rehearsal.seconds,
            None => rehearsal.seconds * 1.25 + 1.0,
        };
        draw(&mut page, &rows(rehearsal, until), until, width);
    }
    stands_in_the_way(&mut page, rehearsal);
    long_waits(&mut page, rehearsal);
    page.blank();
    page.line(Tone::Heading, 0, 2, "How long things take");
    let widest = rehearsal.durations.iter().map(|known| known.what.chars().count());
    let widest = widest.max().unwrap_or(0);
    for known in &rehearsal.durations {
        let lead = format!("  {:<widest$}  {:>7}  ", known.what, seconds(known.seconds));
        let tone = if known.measured { Tone::Plain } else { Tone::Unsure };
        page.lead(&[(Tone::Plain, &lead)], tone, 0, style.hang(widest + 13), &known.from);
    }
    list(&mut page, "Assumed", &rehearsal.assumed);
    list(&mut page, "Left out", &rehearsal.left_out);
    page.blank();
    page.line(Tone::Heading, 0, 2, "For real");
    match &rehearsal.real {
        Some(real) => page.command(2, &format!("$ {real}")),
        None => page.line(Tone::Plain, 2, 2, NOBODYS),
    }
    page.into_text()
}

fn how_it_ends(page: &mut Page, rehearsal: &Rehearsal) {
    let (symbol, tone) = match rehearsal.end {
        Some(end @ (End::Done | End::NothingToDo)) => ("✓ ", ended(end).1),
        Some(end) => ("✗ ", ended(end).1),
        None => ("✗ ", Tone::Bad),
    };
    page.lead(&[(tone, symbol)], Tone::Heading, 0, 2, &rehearsal.summary);
    if rehearsal.shards.is_empty() {
        return;
    }
    let down = rehearsal.shards.len();
    let totals = format!(
        "{} in {}: {:.1} shard-seconds down, {} down at once at most; exit code {}",
        if down == 1 {
            "1 shard".to_owned()
        } else {
            format!("{down} shards")
        },
        seconds(rehearsal.seconds),
        rehearsal.shard_seconds,
        rehearsal.most_down,
        rehearsal.exit_code,
    );
    page.line(Tone::Plain, 2, 2, &totals);
}

fn stands_in_the_way(page: &mut Page, rehearsal: &Rehearsal) {
    for refusal in &rehearsal.refusals {
        page.blank();
        refusals::lines(page, refusal);
    }
    if !rehearsal.findings.is_empty() {
        page.blank();
    }
    for finding in &rehearsal.findings {
        finding_lines(page, finding, 2);
    }
}

fn long_waits(page: &mut Page, rehearsal: &Rehearsal) {
    let mut long: Vec<&Wait> = rehearsal.waits.iter().filter(|wait| wait.seconds >= SHORT).collect();
    if long.is_empty() {
        return;
    }
    // The longest are worth a line; they stand in the order of time.
    long.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    let more = long.len().saturating_sub(WAITS);
    long.truncate(WAITS);
    long.sort_by(|one, other| one.from.total_cmp(&other.from));
    page.blank();
    page.line(Tone::Heading, 0, 2, "Waits while no shard is in hand");
    for wait in long {
        let lead = format!("  at {:>8}  {:>7}  ", seconds(wait.from), seconds(wait.seconds));
        page.lead(&[(Tone::Plain, &lead)], Tone::Plain, 0, 24, &wait.words);
    }
    if more > 0 {
        page.line(Tone::Faint, 2, 2, &format!("and {more} shorter ones"));
    }
}

fn list(page: &mut Page, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.blank();
    page.line(Tone::Heading, 0, 2, title);
    for line in lines {
        page.line(Tone::Plain, 2, 4, line);
    }
}

fn rows(rehearsal: &Rehearsal, end: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    let from = rehearsal.fetched.iter().map(|one| one.from).reduce(f64::min);
    let until = rehearsal.fetched.iter().map(|one| one.until).reduce(f64::max);
    if let (Some(from), Some(until)) = (from, until) {
        rows.push(Row {
            name: "images".to_owned(),
            bars: vec![Bar {
                going: Going::Fetching,
                from,
                until,
            }],
            note: match rehearsal.fetched.len() {
                1 => "1 node".to_owned(),
                count => format!("{count} nodes"),
            },
        });
    }
    rows.extend(rehearsal.shards.iter().map(|down| {
        let mut at = down.from;
        let mut bars: Vec<Bar> = Vec::new();
        for lasted in &down.phases {
            let until = (at + lasted.seconds).min(down.until);
            bars.push(Bar {
                going: Going::Down(lasted.phase),
                from: at,
                until,
            });
            at = until;
        }
        // A phase that isn't over lasts to the end of the chart.
        if let Some(last) = bars.last_mut().filter(|_| !down.done) {
            last.until = end;
        }
        Row {
            name: down.shard.clone(),
            bars,
            note: if down.done {
                seconds(down.until - down.from)
            } else {
                "not back".to_owned()
            },
        }
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::rehearsal::tests::{done, stuck};

    #[test]
    fn the_page_shows_the_end_the_chart_the_waits_and_how_all_is_known() {
        let text = render(&done(), Style::PLAIN);
        for words in [
            "Rehearsed: db: image of db: 1.0 → 2.0",
            "on the cluster as of 2026-03-01 12:00:00Z; nothing was changed",
            "✓ 2 shards on revision db-2",
            "2 shards in 1m 40s: 50.0 shard-seconds down, 1 down at once at most; exit code 0",
            "  images  ",
            "2 nodes",
            "  db-1    ",
            "20.0s",
            "30.0s",
            "Waits while no shard is in hand",
            "  at    40.0s    30.0s  for the pause between two shards",
            "  a shard stops     2.0s  typical; nothing here tells",
            "Left out",
            "--gate verify: not run",
            "For real\n  $ shardctl upgrade --image db:2.0\n",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn what_would_get_stuck_is_told_with_how_far_it_came() {
        let text = render(&stuck(), Style::PLAIN);
        for words in [
            "✗ it would wait for ever: db-1: no node takes it",
            "exit code 4",
            "not back",
            "s waits for a node",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_but_a_command() {
        for width in [80, 200] {
            for rehearsal in [done(), stuck()] {
                let text = render(&rehearsal, Style::of_width(width));
                let wide = text.lines().filter(|line| !line.trim_start().starts_with("$ "));
                for line in wide {
                    assert!(textwrap::core::display_width(line) <= width, "{width}: {line}\n{text}");
                }
            }
        }
    }

    #[test]
    fn hostile_words_of_a_cluster_are_made_visible() {
        let mut rehearsal = done();
        rehearsal.shards[0].shard = "db\u{1b}[2J-1".to_owned();
        rehearsal.summary = "up\u{202e}side".to_owned();
        rehearsal.assumed.push("a\u{7}bell".to_owned());
        let text = render(&rehearsal, Style::PLAIN);
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
    }
}
