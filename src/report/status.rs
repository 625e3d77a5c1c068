//! `status` in one line.

use super::page::Page;
use super::style::{Style, Tone};
use super::time::{ago, moment};
use crate::model::status::{State, Status};

/// How many shards are named before the rest is counted.
const NAMED: usize = 5;

/// The line: `UP  db/shard: 10 of 10 shards Ready for 3h 5m`. Never wrapped: it is one line.
pub fn line(status: &Status, style: Style) -> String {
    let (word, tone) = match status.state {
        State::Up => ("UP", Tone::Good),
        State::Down => ("DOWN", Tone::Bad),
        State::Unknown => ("UNKNOWN", Tone::Unsure),
    };
    // Without a name there may be no set, or it couldn't be read: the reason below says which.
    let set = status
        .statefulset
        .as_ref()
        .map(|set| format!("/{set}"))
        .unwrap_or_default();
    let mut words = format!("  {}{set}: ", status.namespace);
    match (&status.why, &status.expected) {
        (Some(why), _) => words.push_str(why),
        (None, expected) => {
            let expected = expected.as_ref().map_or(0, |expected| expected.shards);
            words.push_str(&format!("{} of {expected} shards Ready", status.ready));
        }
    }
    if let Some(since) = status.since {
        let preposition = if status.state == State::Up { "" } else { "; down" };
        words.push_str(&format!(
            "{preposition} for {} (since {})",
            ago(since, status.at),
            moment(since)
        ));
    }
    if !status.down.is_empty() {
        let named: Vec<String> = status
            .down
            .iter()
            .take(NAMED)
            .map(|shard| format!("{} ({})", shard.name, shard.why))
            .collect();
        words.push_str(": ");
        words.push_str(&named.join(", "));
        if status.down.len() > NAMED {
            words.push_str(&format!(" and {} more", status.down.len() - NAMED));
        }
    }
    for mark in &status.marks {
        words.push_str(&format!(" · marked {mark}"));
    }
    let mut page = Page::new(style.unwrapped());
    page.lead(&[(tone, word)], Tone::Plain, 0, 0, &words);
    page.into_text()
}
