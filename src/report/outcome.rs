//! The end of an operation for people: the shards with their phases in seconds, what was in the way, and the three facts that
//! every run ends with: how things are now, how to undo it, how to resume.

use std::collections::BTreeMap;

use super::lines::ended;
use super::page::Page;
use super::style::{Style, Tone};
use super::text::finding_lines;
use super::time::seconds;
use super::untrusted::visible;
use crate::model::outcome::{End, Outcome, ShardReport};
use crate::model::phase::Phase;

/// How wide the table may be where the output isn't a terminal.
const WIDTH: usize = 80;

/// The whole report.
pub fn render(outcome: &Outcome, style: Style) -> String {
    let mut page = Page::new(style);
    let (_, tone) = ended(outcome.end);
    let symbol = match outcome.end {
        End::Done | End::NothingToDo => "✓ ",
        End::Interrupted => "! ",
        End::Unjudged => "? ",
        _ => "✗ ",
    };
    page.lead(&[(tone, symbol)], Tone::Heading, 0, 2, &outcome.summary);
    if !outcome.shards.is_empty() {
        page.blank();
        table(&mut page, outcome, style.width().unwrap_or(WIDTH));
        page.blank();
        page.line(Tone::Plain, 2, 2, &totals(outcome));
    } else if !outcome.data.is_empty() {
        page.line(Tone::Plain, 2, 2, &outcome.data);
    }
    if !outcome.findings.is_empty() {
        page.blank();
        for finding in &outcome.findings {
            finding_lines(&mut page, finding, 2);
        }
    }
    page.blank();
    facts(&mut page, outcome);
    page.into_text()
}

fn totals(outcome: &Outcome) -> String {
    let mut words = format!(
        "{:.1} shard-seconds down in {}",
        outcome.shard_seconds,
        seconds(outcome.seconds)
    );
    if !outcome.data.is_empty() {
        words.push_str(&format!(" · {}", outcome.data));
    }
    words
}

/// One column of seconds: its title, and a cell for each shard.
struct Column {
    title: &'static str,
    cells: Vec<Option<f64>>,
}

impl Column {
    fn sum(&self) -> Option<f64> {
        // A sum over some of the shards would be read as one over all of them.
        self.cells.iter().copied().sum()
    }

    fn words(value: Option<f64>) -> String {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().copied().chain([self.sum()]);
        let widest = cells.map(|cell| Column::words(cell).len()).max().unwrap_or_default();
        widest.max(self.title.len())
    }
}

fn columns(shards: &[ShardReport]) -> Vec<Column> {
    let by_phase: Vec<BTreeMap<Phase, f64>> = shards
        .iter()
        .map(|shard| {
            let mut sums = BTreeMap::new();
            for lasted in &shard.phases {
                *sums.entry(lasted.phase).or_insert(0.0) += lasted.seconds;
            }
            sums
        })
        .collect();
    let mut columns: Vec<Column> = Phase::ALL
        .iter()
        .map(|phase| Column {
            title: phase.word(),
            // A phase that a finished shard didn't go through took no time; one that an unfinished shard didn't reach has none.
            cells: by_phase
                .iter()
                .zip(shards)
                .map(|(sums, shard)| sums.get(phase).copied().or(shard.done.then_some(0.0)))
                .collect(),
        })
        .collect();
    columns.push(Column {
        title: "total",
        cells: shards.iter().map(|shard| Some(shard.down_seconds)).collect(),
    });
    if shards.iter().any(|shard| shard.expected_seconds.is_some()) {
        columns.push(Column {
            title: "expected",
            cells: shards.iter().map(|shard| shard.expected_seconds).collect(),
        });
    }
    columns
}

fn table(page: &mut Page, outcome: &Outcome, width: usize) {
    let columns = columns(&outcome.shards);
    let numbers: usize = columns.iter().map(|column| column.width() + 1).sum();
    let names: Vec<String> = outcome
        .shards
        .iter()
        .map(|shard| visible(&shard.shard).into_owned())
        .collect();
    let display = textwrap::core::display_width;
    let longest = names.iter().map(|name| display(name)).chain(["seconds".len()]).max();
    // Two columns for the symbol. A name that would push the numbers off the terminal has a line to itself.
    let room = longest
        .unwrap_or_default()
        .min(width.saturating_sub(numbers + 2).max("seconds".len()));
    let cells = |pick: &dyn Fn(&Column) -> String| -> String {
        let padded = columns
            .iter()
            .map(|column| format!(" {:>w$}", pick(column), w = column.width()));
        padded.collect()
    };
    let mut row = |symbol: (Tone, &str), tone: Tone, name: &str, cells: &str| {
        if display(name) > room {
            page.lead(&[symbol, (Tone::Plain, " ")], tone, 0, 2, name);
            page.row(&[(tone, &format!("  {:room$}{cells}", ""))]);
        } else {
            let pad = " ".repeat(room - display(name));
            page.row(&[symbol, (tone, &format!(" {name}{pad}{cells}"))]);
        }
    };
    row(
        (Tone::Plain, " "),
        Tone::Faint,
        "seconds",
        &cells(&|column| column.title.to_owned()),
    );
    for (at, (shard, name)) in outcome.shards.iter().zip(&names).enumerate() {
        let symbol = if shard.done {
            (Tone::Good, "✓")
        } else {
            (Tone::Bad, "✗")
        };
        row(
            symbol,
            Tone::Plain,
            name,
            &cells(&|column| Column::words(column.cells[at])),
        );
    }
    if outcome.shards.len() > 1 {
        row(
            (Tone::Plain, " "),
            Tone::Heading,
            "all",
            &cells(&|column| Column::words(column.sum())),
        );
    }
}

fn facts(page: &mut Page, outcome: &Outcome) {
    page.lead(&[(Tone::Heading, "Now:    ")], Tone::Plain, 0, 8, &outcome.state_now);
    for (title, lines) in [("Undo:   ", &outcome.how_to_undo), ("Resume: ", &outcome.how_to_resume)] {
        for (at, line) in lines.iter().enumerate() {
            let lead = if at == 0 { title } else { "        " };
            match line.strip_prefix("$ ") {
                Some(command) => page.row(&[(Tone::Heading, lead), (Tone::Command, command)]),
                None => page.lead(&[(Tone::Heading, lead)], Tone::Plain, 0, 8, line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::outcome;
    use crate::report::untrusted::is_treacherous;

    #[test]
    fn the_end_has_a_table_the_finding_and_the_three_facts() {
        assert_eq!(
            render(&outcome(), Style::of_width(80)),
            "\
✗ 1 of 3 shards moved; db-1 can't become Ready

  seconds terminate detach schedule attach pull start total expected
✓ db-2          2.0    0.0      0.4    1.6  0.0   4.0   8.0      9.0
✗ db-1         15.0      -      3.0   12.0    -  30.0  60.0      9.0
  all          17.0      -      3.4   13.6    -  34.0  68.0     18.0

  68.0 shard-seconds down in 1m 15s · 3 volumes unchanged

  pod/db-1: its image can't be pulled
    │ gone\\e[2J\\u{202e}txt
    → shardctl upgrade undo

Now:    db-2 is on 2.0, db-1 is down, db-0 is on 1.0
Undo:   shardctl upgrade undo
Resume: push the image, then:
        shardctl upgrade
"
        );
    }

    #[test]
    fn long_names_and_long_outages_stay_within_80_columns() {
        let mut outcome = outcome();
        for shard in &mut outcome.shards {
            shard.shard = format!("biometric-shard-with-a-long-name-{}", shard.shard);
            shard.down_seconds = 1234.5;
        }
        let text = render(&outcome, Style::of_width(80));
        for line in text.lines() {
            assert!(textwrap::core::display_width(line) <= 80, "{line}");
            assert!(!line.contains(is_treacherous), "{line}");
        }
        assert!(text.contains("biometric-shard-with-a-long-name-db-2\n"), "{text}");
        let wide = render(&outcome, Style::of_width(200));
        assert!(wide.contains("biometric-shard-with-a-long-name-db-2 "), "{wide}");
    }

    #[test]
    fn an_end_without_shards_has_no_table() {
        let mut outcome = outcome();
        outcome.end = End::NothingToDo;
        outcome.shards.clear();
        outcome.findings.clear();
        let text = render(&outcome, Style::PLAIN);
        assert!(text.starts_with("✓ ") && !text.contains("terminate"), "{text}");
        assert!(text.contains("  3 volumes unchanged\n"), "{text}");
    }
}
