//! Shards against time, in letters: what each goes through, a column a moment. It reads the same without colour.

use super::page::Page;
use super::style::Tone;
use super::time::seconds;
use super::untrusted::visible;
use crate::model::phase::Phase;

/// How many rows have a line of their own.
const SHOWN: usize = 24;
/// The widest that names may be.
const NAMES: usize = 28;
/// The narrowest that the chart may be.
const NARROWEST: usize = 20;

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// Images are fetched, and nothing is down.
    Fetching,
    /// A shard is down.
    Down(Phase),
}

impl Going {
    fn letter(self) -> char {
        match self {
            Going::Fetching => 'f',
            Going::Down(Phase::Terminate) => 't',
            Going::Down(Phase::Detach) => 'd',
            Going::Down(Phase::Schedule) => 's',
            Going::Down(Phase::Attach) => 'a',
            Going::Down(Phase::Pull) => 'p',
            Going::Down(Phase::Start) => 'r',
        }
    }

    fn words(self) -> &'static str {
        match self {
            Going::Fetching => "images fetched beforehand",
            Going::Down(Phase::Terminate) => "stops",
            Going::Down(Phase::Detach) => "its disk leaves",
            Going::Down(Phase::Schedule) => "waits for a node",
            Going::Down(Phase::Attach) => "its disk is attached",
            Going::Down(Phase::Pull) => "its image is fetched",
            Going::Down(Phase::Start) => "starts, until Ready",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Going::Fetching => Tone::Faint,
            Going::Down(Phase::Start) => Tone::Good,
            Going::Down(_) => Tone::Warn,
        }
    }
}

/// A length of time in a row, in seconds since the beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// What goes on.
    pub going: Going,
    /// From when.
    pub from: f64,
    /// Until when.
    pub until: f64,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whose it is.
    pub name: String,
    /// What goes on, in order.
    pub bars: Vec<Bar>,
    /// What stands after it.
    pub note: String,
}

/// Draws the rows from 0 to `until` seconds in `width` columns.
pub fn draw(page: &mut Page, rows: &[Row], until: f64, width: usize) {
    let shown = rows.get(..SHOWN.min(rows.len())).unwrap_or_default();
    let names = shown
        .iter()
        .map(|row| shortened(&row.name).chars().count())
        .max()
        .unwrap_or(0);
    let notes = shown.iter().map(|row| row.note.chars().count()).max().unwrap_or(0);
    let columns = width.saturating_sub(names + notes + 6).max(NARROWEST);
    let end = seconds(until);
    let gap = columns.saturating_sub(1 + end.chars().count());
    page.row(&[
        (Tone::Plain, &" ".repeat(names + 4)),
        (Tone::Faint, &format!("0{}{end}", " ".repeat(gap))),
    ]);
    for row in shown {
        let mut pieces: Vec<(Tone, String)> = vec![(Tone::Plain, format!("  {:<names$}  ", shortened(&row.name)))];
        for cell in cells(&row.bars, until, columns) {
            let (tone, letter) = cell.map_or((Tone::Plain, ' '), |going| (going.tone(), going.letter()));
            match pieces.last_mut() {
                Some((last, text)) if *last == tone => text.push(letter),
                _ => pieces.push((tone, letter.to_string())),
            }
        }
        pieces.push((Tone::Faint, format!("  {:>notes$}", row.note)));
        let pieces: Vec<(Tone, &str)> = pieces.iter().map(|(tone, text)| (*tone, text.as_str())).collect();
        page.row(&pieces);
    }
    if rows.len() > shown.len() {
        let more = format!("and {} more, in the same way", rows.len() - shown.len());
        page.line(Tone::Faint, 2, 2, &more);
    }
    let mut legend: Vec<String> = Vec::new();
    for bar in rows.iter().flat_map(|row| &row.bars) {
        let words = format!("{} {}", bar.going.letter(), bar.going.words());
        if !legend.contains(&words) {
            legend.push(words);
        }
    }
    page.line(Tone::Faint, 2, 2, &legend.join(" · "));
}

fn shortened(name: &str) -> String {
    let name = visible(name);
    let count = name.chars().count();
    if count <= NAMES {
        return name.into_owned();
    }
    // The ordinal is at its end.
    let kept: String = name.chars().skip(count + 1 - NAMES).collect();
    format!("…{kept}")
}

/// What each column shows: what takes most of its time. Whatever lasts at all is seen.
fn cells(bars: &[Bar], until: f64, columns: usize) -> Vec<Option<Going>> {
    let mut cells = vec![None; columns];
    if until <= 0.0 {
        return cells;
    }
    // As many columns as that lies well below what a float holds exactly.
    #[allow(clippy::cast_precision_loss, reason = "a terminal's columns")]
    let width = until / columns as f64;
    for (at, cell) in cells.iter_mut().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a terminal's columns")]
        let from = at as f64 * width;
        let overlap = |bar: &Bar| bar.until.min(from + width) - bar.from.max(from);
        let longest = bars.iter().max_by(|one, other| overlap(one).total_cmp(&overlap(other)));
        *cell = longest.filter(|bar| overlap(bar) > 0.0).map(|bar| bar.going);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::Style;

    fn bar(going: Going, from: f64, until: f64) -> Bar {
        Bar { going, from, until }
    }

    #[test]
    fn each_row_shows_its_own_time_and_no_bar_is_lost() {
        let rows = [
            Row {
                name: "images".to_owned(),
                bars: vec![bar(Going::Fetching, 0.0, 20.0)],
                note: "2 nodes".to_owned(),
            },
            Row {
                name: "db-1".to_owned(),
                bars: vec![
                    bar(Going::Down(Phase::Terminate), 20.0, 22.0),
                    bar(Going::Down(Phase::Start), 22.0, 40.0),
                ],
                note: "20.0 s".to_owned(),
            },
            Row {
                name: "db-0".to_owned(),
                bars: vec![bar(Going::Down(Phase::Start), 40.0, 40.1)],
                note: "0.1 s".to_owned(),
            },
        ];
        let mut page = Page::new(Style::PLAIN);
        draw(&mut page, &rows, 80.0, 59);
        let text = page.into_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].trim(), format!("0{}1m 20s", " ".repeat(33)).trim(), "{text}");
        assert_eq!(lines[1], format!("  images  {:<40}  2 nodes", "f".repeat(10)), "{text}");
        assert_eq!(
            lines[2],
            format!(
                "  db-1    {:<40}   20.0 s",
                format!("{}t{}", " ".repeat(10), "r".repeat(9))
            ),
            "{text}"
        );
        assert_eq!(
            lines[3],
            format!("  db-0    {:<40}    0.1 s", format!("{}r", " ".repeat(20)))
        );
        assert_eq!(
            lines[4],
            "  f images fetched beforehand · t stops · r starts, until Ready"
        );
    }

    #[test]
    fn long_names_keep_their_ends_and_hostile_ones_are_made_visible() {
        assert_eq!(shortened(&format!("{}-12", "a".repeat(60))).chars().count(), NAMES);
        assert!(shortened(&format!("{}-12", "a".repeat(60))).ends_with("-12"));
        assert!(!shortened("db\u{1b}[2J-0").contains('\u{1b}'));
    }
}
