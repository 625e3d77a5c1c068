//! What the live view shows, as text: the shards in hand, what else is waited for, and how far the whole is. Draws nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::style::{Style, Tone};
use super::time::duration;
use super::untrusted::visible;
use crate::event::{Event, Fact, TaskState};
use crate::model::phase::Phase;

/// How many shards in hand have a line of their own.
pub const SHOWN: usize = 12;

/// A shard that is down.
struct InHand {
    phase: Phase,
    words: String,
    since: Timestamp,
    failed: bool,
}

/// What is known of an operation while it runs.
#[derive(Default)]
pub struct Board {
    shards: usize,
    name: usize,
    in_hand: BTreeMap<String, InHand>,
    done: usize,
    down: f64,
    first: Option<Timestamp>,
    last_done: Option<Timestamp>,
    pulls: BTreeMap<String, TaskState>,
    /// What is waited for beside shards, and since when.
    waits: Option<(String, Timestamp)>,
    stopping: bool,
}

impl Board {
    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        match &event.fact {
            Fact::Started { order, .. } => {
                self.shards = order.len();
                self.name = order.iter().map(String::len).max().unwrap_or_default().min(24);
            }
            Fact::Shard {
                shard,
                phase,
                words,
                since,
            } => {
                self.waits = None;
                self.first = Some(self.first.map_or(*since, |first| first.min(*since)));
                let in_hand = InHand {
                    phase: *phase,
                    words: words.clone(),
                    since: *since,
                    failed: false,
                };
                self.in_hand.insert(shard.clone(), in_hand);
            }
            Fact::ShardDone {
                shard, down_seconds, ..
            } => {
                self.in_hand.remove(shard);
                self.done += 1;
                self.down += down_seconds;
                self.last_done = Some(event.at);
            }
            Fact::ShardFailed { shard, .. } => {
                if let Some(in_hand) = self.in_hand.get_mut(shard) {
                    in_hand.failed = true;
                }
            }
            Fact::PrePull { node, state, .. } => {
                self.pulls.insert(node.clone(), *state);
            }
            Fact::Waiting { words } => self.wait(words.clone(), event.at),
            Fact::Task {
                name,
                shard,
                state: TaskState::Started,
                ..
            } => {
                let about = shard.as_ref().map(|shard| format!(" ({shard})")).unwrap_or_default();
                self.wait(format!("for {name}{about}"), event.at);
            }
            Fact::Task { .. } | Fact::Changed { .. } => self.waits = None,
            Fact::Stopping { .. } => self.stopping = true,
            _ => {}
        }
    }

    /// Something is waited for: since the first of what is said of it, until something happens.
    fn wait(&mut self, words: String, at: Timestamp) {
        let since = self.waits.as_ref().map_or(at, |(_, since)| *since);
        self.waits = Some((words, since));
    }

    /// The lines above the bar at a moment: the shards that are down longest first, then what else is waited for.
    pub fn lines(&self, now: Timestamp, style: Style) -> Vec<String> {
        let mut in_hand: Vec<(&String, &InHand)> = self.in_hand.iter().collect();
        in_hand.sort_by_key(|(name, shard)| (shard.since, name.as_str()));
        let mut lines: Vec<String> = in_hand
            .iter()
            .take(SHOWN)
            .map(|(name, shard)| self.line(name, shard, now, style))
            .collect();
        if in_hand.len() > SHOWN {
            let more = format!("  … and {} more in hand", in_hand.len() - SHOWN);
            lines.push(style.paint(Tone::Faint, &more));
        }
        let pulling = self.pulls.values().any(|state| *state == TaskState::Started);
        if pulling {
            let have = self.pulls.values().filter(|state| **state == TaskState::Done).count();
            let words = format!("  pre-pull: {have} of {} nodes have the new images", self.pulls.len());
            lines.push(words);
        }
        if let Some((waits, since)) = &self.waits {
            let so_far = duration(now.duration_since(*since));
            lines.push(format!("  waits {so_far:>4}  {}", visible(waits)));
        }
        lines
    }

    fn line(&self, name: &str, shard: &InHand, now: Timestamp, style: Style) -> String {
        let (symbol, tone) = if shard.failed {
            ("✗", Tone::Bad)
        } else {
            ("▸", Tone::Warn)
        };
        let name = visible(name);
        format!(
            "{} {name:<width$}  {:<9}  {:>7}  {}",
            style.paint(tone, symbol),
            shard.phase.word(),
            duration(now.duration_since(shard.since)),
            visible(&shard.words),
            width = self.name,
        )
    }

    /// The line of the bar: how far, how many shard-seconds down, and how long still if the rest goes as it went.
    pub fn total(&self, now: Timestamp) -> String {
        let running: f64 = self
            .in_hand
            .values()
            .map(|shard| now.duration_since(shard.since).as_secs_f64().max(0.0))
            .sum();
        let mut words = format!(
            "{}/{} shards · {:.1} shard-seconds down",
            self.done,
            self.shards,
            self.down + running
        );
        if self.stopping {
            words.push_str(" · stopping");
        } else if let Some(left) = self.left(now) {
            words.push_str(&format!(" · {} left (estimate)", duration(left)));
        }
        words
    }

    /// How long still, if each further shard takes as long as those that are done took, pauses included.
    fn left(&self, now: Timestamp) -> Option<SignedDuration> {
        let (first, last) = (self.first?, self.last_done?);
        let done = f64::from(u32::try_from(self.done).ok()?);
        let each = last.duration_since(first).as_secs_f64() / done;
        let rest = f64::from(u32::try_from(self.shards.checked_sub(self.done)?).ok()?);
        let left = each * rest - now.duration_since(last).as_secs_f64();
        (left >= 1.0).then(|| SignedDuration::try_from_secs_f64(left).unwrap_or_default())
    }

    /// How many shards are done, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.done as u64, self.shards as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{after, at, done, shard, started};

    fn board(order: usize, events: &[Event]) -> Board {
        let order: Vec<String> = (0..order).rev().map(|ordinal| format!("db-{ordinal}")).collect();
        let mut board = Board::default();
        board.note(&started(&order));
        events.iter().for_each(|event| board.note(event));
        board
    }

    #[test]
    fn a_shard_in_hand_has_its_phase_its_timer_and_what_it_waits_for() {
        let board = board(4, &[shard(1.0, "db-3", Phase::Attach, "for its disk", 1.0)]);
        assert_eq!(
            board.lines(after(13.0), Style::PLAIN),
            ["▸ db-3  attach         12s  for its disk"]
        );
        assert_eq!(board.total(after(13.0)), "0/4 shards · 12.0 shard-seconds down");
    }

    #[test]
    fn what_is_left_is_estimated_from_the_shards_that_are_done() {
        let board = board(
            4,
            &[
                shard(1.0, "db-3", Phase::Terminate, "", 1.0),
                done(11.0, "db-3", 8.0),
                shard(13.0, "db-2", Phase::Terminate, "", 13.0),
            ],
        );
        // Three more of ten seconds each, of which four have passed.
        let total = board.total(after(15.0));
        assert_eq!(total, "1/4 shards · 10.0 shard-seconds down · 26s left (estimate)");
        assert!(
            !board.total(after(90.0)).contains("left"),
            "it takes longer than was thought"
        );
    }

    #[test]
    fn a_thousand_shards_in_hand_take_a_few_lines() {
        let name = |ordinal: usize| format!("db-{ordinal}");
        let events: Vec<Event> = (0..1000)
            .map(|ordinal| shard(1.0, &name(ordinal), Phase::Start, "", ordinal as f64))
            .collect();
        let lines = board(1000, &events).lines(after(1000.0), Style::PLAIN);
        assert_eq!(lines.len(), SHOWN + 1);
        assert!(
            lines[0].contains("db-0 "),
            "the one that is down longest stands first: {lines:?}"
        );
        assert_eq!(lines[SHOWN], "  … and 988 more in hand");
    }

    #[test]
    fn a_failed_shard_is_marked_and_other_waits_are_told_until_something_happens() {
        let waits = Fact::Waiting {
            words: "for the lock".to_owned(),
        };
        let mut board = board(2, &[at(0.0, waits)]);
        assert_eq!(board.lines(after(0.0), Style::PLAIN), ["  waits   0s  for the lock"]);
        board.note(&shard(1.0, "db-1", Phase::Pull, "for its image", 1.0));
        let finding =
            crate::model::finding::Finding::new(crate::model::finding::Severity::Error, "pod/db-1", "no image");
        let failed = Fact::ShardFailed {
            shard: "db-1".to_owned(),
            finding,
        };
        board.note(&at(2.0, failed));
        let lines = board.lines(after(2.0), Style::PLAIN);
        assert!(lines.len() == 1 && lines[0].starts_with("✗ db-1"), "{lines:?}");
    }
}
