//! An operation as lines that are only ever added: for a pipe, a log, a CI job, and for what is said above the live view.
//!
//! `06:31:05Z  db-3      attach      its disk is attached to node-2`: when, what it is about, the word, the rest. A line that
//! would say what the last one about that shard said is left out.

use std::collections::BTreeMap;

use super::page::Page;
use super::style::{Style, Tone};
use super::time::{duration, seconds, time_of_day};
use crate::event::{Event, Fact, LockState, TaskState};
use crate::model::finding::Severity;
use crate::model::happening::Happening;
use crate::model::outcome::{End, Outcome};
use crate::model::phase::{Lasted, Phase};
use crate::model::refusal::Refusal;

/// The narrowest and the widest column of subjects; a longer name pushes its own line to the right.
const SUBJECT: std::ops::RangeInclusive<usize> = 8..=24;
/// The widest where no shards are named: objects have longer names.
const OBJECT: usize = 32;
/// The column of words: `controller` is the longest.
const WORD: usize = 10;
/// How many shards of the order are named.
const NAMED: usize = 10;

/// Writes the lines, remembering what was said.
pub struct Lines {
    style: Style,
    operation: String,
    subject: usize,
    /// Whether the lines are about shards, whose names are known from the beginning.
    has_shards: bool,
    shards: BTreeMap<String, (Phase, String)>,
    waiting: Option<String>,
}

impl Lines {
    /// Nothing said yet.
    pub fn new(style: Style) -> Lines {
        Lines {
            style,
            operation: "shardctl".to_owned(),
            subject: *SUBJECT.start(),
            has_shards: false,
            shards: BTreeMap::new(),
            waiting: None,
        }
    }

    /// The lines that an event is worth; empty where it says nothing new.
    pub fn of(&mut self, event: &Event) -> String {
        if !self.is_news(&event.fact) {
            return String::new();
        }
        let mut page = Page::new(self.style);
        let mut line = |subject: &str, word: &str, tone: Tone, words: &str| {
            let time = format!("{}  ", time_of_day(event.at));
            let subject = format!("{subject:<width$}  ", width = self.subject);
            let word = format!("{word:<WORD$}  ");
            let hang = self.style.hang(11 + self.subject + 2 + WORD + 2);
            let lead = [
                (Tone::Faint, time.as_str()),
                (Tone::Plain, subject.as_str()),
                (tone, word.as_str()),
            ];
            page.lead(&lead, Tone::Plain, 0, hang, words);
        };
        let operation = self.operation.as_str();
        match &event.fact {
            Fact::Started {
                by,
                run,
                namespace,
                statefulset,
                goal,
                order,
                ..
            } => {
                let words = format!("{namespace}/{statefulset}: {goal} (run {run}, by {by})");
                line(operation, "started", Tone::Heading, &words);
                if !order.is_empty() {
                    line(operation, "order", Tone::Plain, &some(order));
                }
            }
            Fact::Refused { refusal } => line(&refusal.object, "refused", Tone::Bad, &reason(refusal)),
            Fact::Allowed { refusal } => {
                let words = format!("--allow {}, though {}", refusal.id, refusal.message);
                line(&refusal.object, "allowed", Tone::Warn, &words);
            }
            Fact::Noted { finding } => {
                let (word, tone) = gravity(finding.severity);
                line(&finding.object, word, tone, &finding.message);
            }
            Fact::Lock { state, object, holder } => {
                let (tone, words) = lock(*state, holder.as_deref());
                line(object, "lock", tone, &words);
            }
            Fact::Changed { object, what } => line(object, "changed", Tone::Heading, what),
            Fact::PrePull {
                node,
                state,
                seconds,
                words,
            } => line(node, "pre-pull", tone(*state), &task(*state, *seconds, words)),
            Fact::Shard {
                shard, phase, words, ..
            } => line(shard, phase.word(), Tone::Plain, words),
            Fact::ShardDone {
                shard,
                down_seconds,
                phases,
            } => line(shard, "done", Tone::Good, &ready(*down_seconds, phases)),
            Fact::ShardFailed { shard, finding } => line(shard, "failed", Tone::Bad, &finding.message),
            Fact::Heard(happening) => {
                let subject = happening.shard.as_ref().unwrap_or(&happening.object);
                let tone = if happening.warning { Tone::Warn } else { Tone::Faint };
                line(subject, happening.source.word(), tone, &heard(happening));
            }
            Fact::Task {
                name,
                shard,
                state,
                seconds,
                output,
            } => {
                let subject = shard.as_deref().unwrap_or(operation);
                let words = format!("{name}: {}", task(*state, *seconds, ""));
                line(subject, "task", tone(*state), &words);
                for said in output {
                    line(subject, "", Tone::Faint, &format!("│ {said}"));
                }
            }
            Fact::Waiting { words } => line(operation, "waits", Tone::Plain, words),
            Fact::Trouble { message } => line(operation, "trouble", Tone::Warn, message),
            Fact::Stopping { shard } => {
                let words = match shard {
                    Some(shard) => format!("after {shard}, which is in hand; Ctrl-C again stops now"),
                    None => "as soon as marks are put back; Ctrl-C again stops now".to_owned(),
                };
                line(operation, "stopping", Tone::Warn, &words);
            }
            Fact::Ended(outcome) => {
                let (word, tone) = ended(outcome.end);
                line(operation, word, tone, &end(outcome));
            }
        }
        page.into_text()
    }

    /// Takes note of what an event says; false where that was said before.
    fn is_news(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::Started { operation, order, .. } => {
                self.operation.clone_from(operation);
                self.has_shards = !order.is_empty();
                let longest = order.iter().map(String::len).max().unwrap_or_default();
                self.subject = longest.max(operation.len()).clamp(*SUBJECT.start(), *SUBJECT.end());
                true
            }
            Fact::Shard {
                shard, phase, words, ..
            } => {
                let now = (*phase, words.clone());
                self.shards.insert(shard.clone(), now.clone()) != Some(now)
            }
            Fact::Waiting { words } => self.waiting.replace(words.clone()).as_ref() != Some(words),
            // What is waited for after something else happened is said again.
            _ => {
                if let Fact::Changed { object, .. } | Fact::Lock { object, .. } = fact
                    && !self.has_shards
                {
                    self.subject = self.subject.max(object.len().min(OBJECT));
                }
                self.waiting = None;
                true
            }
        }
    }
}

/// The first of some names, and how many more there are.
fn some(names: &[String]) -> String {
    let mut words = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        words.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    words
}

fn reason(refusal: &Refusal) -> String {
    format!("{} ({})", refusal.message, refusal.id)
}

/// A severity's word and tone.
fn gravity(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Information => ("note", Tone::Plain),
        Severity::Warning => ("warning", Tone::Warn),
        Severity::Error => ("error", Tone::Bad),
    }
}

fn lock(state: LockState, holder: Option<&str>) -> (Tone, String) {
    let holder = holder.unwrap_or("somebody else");
    match state {
        LockState::Waiting => (Tone::Plain, format!("held by {holder}: looking whether they are alive")),
        LockState::Held => (Tone::Plain, "held".to_owned()),
        LockState::TakenOver => (
            Tone::Warn,
            format!("taken over from {holder}, who no longer renewed it"),
        ),
        LockState::Lost => (Tone::Bad, "lost: nothing more is begun".to_owned()),
        LockState::Released => (Tone::Plain, "released".to_owned()),
    }
}

fn tone(state: TaskState) -> Tone {
    match state {
        TaskState::Started => Tone::Plain,
        TaskState::Done => Tone::Good,
        TaskState::Failed => Tone::Bad,
    }
}

/// `done after 3.1s`, `failed after 3.1s: words`.
fn task(state: TaskState, took: Option<f64>, words: &str) -> String {
    let mut text = match state {
        TaskState::Started => "started",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
    }
    .to_owned();
    if let Some(took) = took {
        text.push_str(&format!(" after {}", seconds(took)));
    }
    if !words.is_empty() {
        text.push_str(&format!(": {words}"));
    }
    text
}

fn ready(down: f64, phases: &[Lasted]) -> String {
    let parts: Vec<String> = phases
        .iter()
        .map(|lasted| format!("{} {}", lasted.phase.word(), seconds(lasted.seconds)))
        .collect();
    let mut words = format!("Ready after {} down", seconds(down));
    if !parts.is_empty() {
        words.push_str(&format!(": {}", parts.join(", ")));
    }
    words
}

/// `FailedScheduling: 0/5 nodes are available (3 times)`.
pub fn heard(happening: &Happening) -> String {
    let mut words = happening.reason.clone();
    if !happening.message.is_empty() {
        words.push_str(&format!(": {}", happening.message));
    }
    if happening.count > 1 {
        words.push_str(&format!(" ({} times)", happening.count));
    }
    words
}

/// An end's word and tone.
pub fn ended(end: End) -> (&'static str, Tone) {
    match end {
        End::Done => ("done", Tone::Good),
        End::NothingToDo => ("nothing", Tone::Good),
        End::Refused => ("refused", Tone::Bad),
        End::Halted => ("halted", Tone::Bad),
        End::TimedOut => ("timed out", Tone::Bad),
        End::Interrupted => ("stopped", Tone::Warn),
        End::Locked => ("locked", Tone::Bad),
        End::MarkLeft => ("mark left", Tone::Bad),
        End::Unreachable => ("cut off", Tone::Bad),
        End::Unjudged => ("unknown", Tone::Unsure),
    }
}

fn end(outcome: &Outcome) -> String {
    let took = jiff::SignedDuration::try_from_secs_f64(outcome.seconds).unwrap_or_default();
    let down = if outcome.shards.is_empty() {
        String::new()
    } else {
        format!(", {:.1} shard-seconds down", outcome.shard_seconds)
    };
    format!("{} (after {}{down})", outcome.summary, duration(took))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{at, done, one_of_each, shard, started};
    use crate::report::untrusted::is_treacherous;

    fn order() -> Vec<String> {
        vec!["db-2".to_owned(), "db-1".to_owned()]
    }

    #[test]
    fn a_run_reads_in_columns() {
        let mut lines = Lines::new(Style::PLAIN);
        let events = [
            started(&order()),
            shard(5.0, "db-2", Phase::Attach, "its disk is attached to node-2", 1.0),
            done(9.0, "db-2", 8.0),
        ];
        let text: String = events.iter().map(|event| lines.of(event)).collect();
        assert_eq!(
            text,
            "06:31:00Z  upgrade   started     shop/db: image of db: 1.0 → 2.0 (run upgrade-4f2a, by alice@laptop)\n\
             06:31:00Z  upgrade   order       db-2, db-1\n\
             06:31:05Z  db-2      attach      its disk is attached to node-2\n\
             06:31:09Z  db-2      done        Ready after 8.0s down: terminate 2.0s, schedule 0.4s, attach 1.6s, start 4.0s\n"
        );
    }

    #[test]
    fn what_was_said_is_not_said_again_until_something_else_was() {
        let mut lines = Lines::new(Style::PLAIN);
        let in_attach = |seconds| shard(seconds, "db-2", Phase::Attach, "for its disk", 1.0);
        assert!(!lines.of(&in_attach(1.0)).is_empty());
        assert_eq!(lines.of(&in_attach(2.0)), "");
        assert!(
            !lines
                .of(&shard(3.0, "db-1", Phase::Attach, "for its disk", 1.0))
                .is_empty()
        );
        assert!(
            !lines
                .of(&shard(3.0, "db-2", Phase::Start, "for its disk", 1.0))
                .is_empty()
        );

        let waits = |seconds| {
            let words = "for the lock".to_owned();
            at(seconds, Fact::Waiting { words })
        };
        assert!(!lines.of(&waits(4.0)).is_empty());
        assert_eq!(lines.of(&waits(5.0)), "");
        lines.of(&done(6.0, "db-2", 5.0));
        assert!(!lines.of(&waits(7.0)).is_empty());
    }

    #[test]
    fn every_event_is_said_in_80_columns_and_steers_no_terminal() {
        let mut lines = Lines::new(Style::of_width(80));
        for event in one_of_each() {
            let text = lines.of(&event);
            assert!(!text.trim().is_empty(), "{event:?}");
            for line in text.lines() {
                assert!(textwrap::core::display_width(line) <= 80, "{line}");
                assert!(!line.contains(is_treacherous), "{line}");
            }
        }
    }

    #[test]
    fn a_long_order_is_cut() {
        let order: Vec<String> = (0..1000).map(|ordinal| format!("db-{ordinal}")).collect();
        let text = Lines::new(Style::PLAIN).of(&started(&order));
        assert!(text.contains("db-9 and 990 more"), "{text}");
    }
}
