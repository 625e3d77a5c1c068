//! What was said about the shards, a line each: `06:31:05Z  db-3  scheduler   Scheduled: Successfully assigned …`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::lines::heard;
use super::page::Page;
use super::style::{Style, Tone};
use super::time::time_of_day;
use crate::model::happening::Happening;

/// The column of speakers: `controller` is the longest.
const SPEAKER: usize = 10;
/// How wide the column of shards grows.
const WIDEST: usize = 24;

/// Writes the lines, with the day above them where it isn't the one before.
pub struct StoryLines {
    style: Style,
    day: Date,
    width: usize,
}

impl StoryLines {
    /// Lines for a reader whose day is that of `now`; the column is as wide as these shards' names.
    pub fn new<'a>(style: Style, now: Timestamp, shards: impl Iterator<Item = &'a String>) -> StoryLines {
        let width = shards.map(|shard| textwrap::core::display_width(shard)).max();
        StoryLines {
            style,
            day: day(now),
            width: width.unwrap_or_default().min(WIDEST),
        }
    }

    /// The line of something that was said, of these shards.
    pub fn of(&mut self, happening: &Happening, shards: &BTreeSet<String>) -> String {
        let mut page = Page::new(self.style);
        if day(happening.said) != self.day {
            self.day = day(happening.said);
            page.line(Tone::Heading, 0, 0, &self.day.to_string());
        }
        let shard = match shards.first() {
            Some(first) if shards.len() > 1 => format!("{first} +{}", shards.len() - 1),
            Some(only) => only.clone(),
            None => String::new(),
        };
        let lead = format!("{}  {shard:<width$}  ", time_of_day(happening.said), width = self.width);
        let speaker = format!("{:<SPEAKER$}  ", happening.source.word());
        let tone = if happening.warning { Tone::Warn } else { Tone::Plain };
        let hang = self.style.hang(11 + self.width + 2 + SPEAKER + 2);
        let lead = [(Tone::Plain, lead.as_str()), (Tone::Faint, speaker.as_str())];
        page.lead(&lead, tone, 0, hang, &words(happening));
        page.into_text()
    }
}

/// What was said, of what where that isn't the shard itself.
fn words(happening: &Happening) -> String {
    let own = happening.shard.as_ref().map(|shard| format!("pod/{shard}"));
    let mut words = String::new();
    if happening.warning {
        words.push_str("! ");
    }
    if own.as_ref() != Some(&happening.object) {
        words.push_str(&happening.object);
        words.push_str(": ");
    }
    words.push_str(&heard(happening));
    words
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{after, happening};

    fn one() -> BTreeSet<String> {
        BTreeSet::from(["db-2".to_owned()])
    }

    #[test]
    fn a_line_says_when_of_which_shard_who_and_what() {
        let shards = ["db-0".to_owned(), "db-10".to_owned()];
        let mut lines = StoryLines::new(Style::PLAIN, after(0.0), shards.iter());
        assert_eq!(
            lines.of(&happening(), &one()),
            "06:31:04Z  db-2   attach      ! FailedAttachVolume: Multi-Attach error for volume \"pv-2\" \
             gone\\e[2J\\u{202e}txt (3 times)\n"
        );
        let mut of_a_node = happening();
        of_a_node.object = "node/node-2".to_owned();
        of_a_node.shard = None;
        of_a_node.warning = false;
        let two = BTreeSet::from(shards);
        let line = lines.of(&of_a_node, &two);
        assert!(
            line.starts_with("06:31:04Z  db-0 +1  attach      node/node-2: Failed"),
            "{line}"
        );
    }

    #[test]
    fn another_day_stands_above_its_lines_once() {
        let mut lines = StoryLines::new(Style::of_width(80), after(0.0), [].iter());
        let said = |said: &str| Happening {
            said: said.parse().unwrap(),
            ..happening()
        };
        let before = lines.of(&said("2026-02-28T10:00:00Z"), &one()) + &lines.of(&said("2026-02-28T11:00:00Z"), &one());
        assert_eq!(before.matches("2026-02-28\n").count(), 1, "{before}");
        assert!(lines.of(&happening(), &one()).starts_with("2026-03-01\n"));
        for line in before.lines() {
            assert!(textwrap::core::display_width(line) <= 80, "{line}");
        }
    }
}
