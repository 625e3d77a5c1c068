//! The tables of the page: the shards with their phases in seconds, the longest waits, what was done by whom, what others said.

use jiff::Timestamp;

use super::course::Waited;
use super::markup::Markup;
use super::page::section;
use crate::event::{Event, Fact, LockState, TaskState};
use crate::model::outcome::{Outcome, ShardReport};
use crate::model::phase::Phase;
use crate::report::lines::heard;
use crate::report::time::{seconds, time_of_day};

/// How many waits are named.
const WAITS: usize = 8;
/// What isn't worth naming as a wait, in seconds.
const SHORT: f64 = 1.0;

/// The shards, a line each, and their sums.
pub fn shards(body: &mut Markup, end: &Outcome) {
    if end.shards.is_empty() {
        return;
    }
    let with_phase = |phase: &Phase| end.shards.iter().any(|shard| lasted(shard, *phase).is_some());
    let phases: Vec<Phase> = Phase::ALL.into_iter().filter(with_phase).collect();
    let expected = end.shards.iter().any(|shard| shard.expected_seconds.is_some());
    section(body, "Seconds down");
    body.within("div", &[("class", "scroll")], |scroll| {
        scroll.within("table", &[], |table| {
            table.within("thead", &[], |head| {
                head.within("tr", &[], |row| {
                    row.element("th", "", "shard");
                    phases
                        .iter()
                        .for_each(|phase| row.element("th", "number", phase.word()));
                    row.element("th", "number", "down");
                    if expected {
                        row.element("th", "number", "expected");
                    }
                    row.element("th", "", "");
                });
            });
            table.within("tbody", &[], |rows| {
                for shard in &end.shards {
                    rows.within("tr", &[], |row| {
                        row.element("td", "nowrap", &shard.shard);
                        phases.iter().for_each(|phase| number(row, lasted(shard, *phase)));
                        number(row, Some(shard.down_seconds));
                        if expected {
                            number(row, shard.expected_seconds);
                        }
                        let (class, words) = if shard.done {
                            ("good", "done")
                        } else {
                            ("bad", "not done")
                        };
                        row.element("td", &format!("nowrap word {class}"), words);
                    });
                }
            });
            table.within("tfoot", &[], |foot| {
                foot.within("tr", &[], |row| {
                    row.element("td", "", "together");
                    for phase in &phases {
                        number(
                            row,
                            Some(end.shards.iter().filter_map(|shard| lasted(shard, *phase)).sum()),
                        );
                    }
                    number(row, Some(end.shard_seconds));
                    if expected {
                        // A sum over some of the shards would be read as one over all of them.
                        number(row, end.shards.iter().map(|shard| shard.expected_seconds).sum());
                    }
                    row.element("td", "", "");
                });
            });
        });
    });
}

fn lasted(shard: &ShardReport, phase: Phase) -> Option<f64> {
    let found = shard.phases.iter().find(|lasted| lasted.phase == phase);
    found.map(|lasted| lasted.seconds)
}

fn number(row: &mut Markup, value: Option<f64>) {
    let words = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    row.element("td", "number", &words);
}

/// A table that a telephone shows as blocks.
fn told(body: &mut Markup, columns: &[&'static str], rows: impl FnOnce(&mut Markup)) {
    body.within("table", &[("class", "told")], |table| {
        table.within("thead", &[], |head| {
            head.within("tr", &[], |row| {
                columns.iter().for_each(|column| row.element("th", "", column));
            });
        });
        table.within("tbody", &[], rows);
    });
}

/// What was waited for the longest.
pub fn waits(body: &mut Markup, waited: &[Waited]) {
    let long: Vec<&Waited> = waited
        .iter()
        .filter(|waited| waited.seconds >= SHORT)
        .take(WAITS)
        .collect();
    if long.is_empty() {
        return;
    }
    section(body, "The longest waits");
    told(body, &["for", "who", "phase", "what it waited for"], |rows| {
        for waited in long {
            rows.within("tr", &[], |row| {
                row.element("td", "nowrap", &seconds(waited.seconds));
                row.element("td", "nowrap", &waited.who);
                row.element("td", "nowrap", waited.phase.map_or("", Phase::word));
                row.element("td", "", &waited.words);
            });
        }
    });
}

/// What the run did, in order, and who did it.
pub fn deeds(body: &mut Markup, events: &[Event], by: &str) {
    let deeds: Vec<(Timestamp, String, String)> = events.iter().filter_map(|event| deed(events, event)).collect();
    if deeds.is_empty() {
        return;
    }
    section(body, "What was done, by whom");
    if !by.is_empty() {
        body.element("p", "faint", &format!("All of it by {by}, through shardctl."));
    }
    told(body, &["when", "object", "what"], |rows| {
        for (at, object, what) in deeds {
            rows.within("tr", &[], |row| {
                row.element("td", "nowrap", &time_of_day(at));
                row.element("td", "", &object);
                row.element("td", "", &what);
            });
        }
    });
}

/// What an event says was done, and to which object.
fn deed(events: &[Event], event: &Event) -> Option<(Timestamp, String, String)> {
    let (object, what) = match &event.fact {
        Fact::Changed { object, what } => (object.clone(), what.clone()),
        Fact::Lock { state, object, holder } => {
            let holder = holder.as_deref().unwrap_or("somebody else");
            let what = match state {
                LockState::Waiting => return None,
                LockState::Held => "lock taken".to_owned(),
                LockState::TakenOver => format!("lock taken over from {holder}, who no longer renewed it"),
                LockState::Lost => "lock lost: nothing more was begun".to_owned(),
                LockState::Released => "lock given back".to_owned(),
            };
            (object.clone(), what)
        }
        Fact::Shard { shard, words, .. } => {
            let first = events.iter().find(|other| is_of(other, shard));
            if !first.is_some_and(|first| std::ptr::eq(first, event)) {
                return None;
            }
            (format!("pod/{shard}"), format!("in hand: {words}"))
        }
        Fact::ShardDone {
            shard, down_seconds, ..
        } => {
            let what = format!("Ready after {} down", seconds(*down_seconds));
            (format!("pod/{shard}"), what)
        }
        Fact::ShardFailed { shard, finding } => (format!("pod/{shard}"), format!("failed: {}", finding.message)),
        Fact::PrePull { node, state, .. } => {
            let what = match state {
                TaskState::Started => "told to fetch the images",
                TaskState::Done => "has the images",
                TaskState::Failed => "can't get the images",
            };
            (format!("node/{node}"), what.to_owned())
        }
        Fact::Task { name, shard, state, .. } => {
            let what = match state {
                TaskState::Started => return None,
                TaskState::Done => format!("{name}: done"),
                TaskState::Failed => format!("{name}: failed"),
            };
            let of = shard.as_ref().map(|shard| format!("pod/{shard}"));
            (of.unwrap_or_default(), what)
        }
        _ => return None,
    };
    Some((event.at, object, what))
}

fn is_of(event: &Event, of: &str) -> bool {
    matches!(&event.fact, Fact::Shard { shard, .. } if shard == of)
}

/// What the scheduler, Karpenter, the attach controller and the kubelets said meanwhile.
pub fn said_meanwhile(body: &mut Markup, events: &[Event]) {
    let heard_of = |event: &&Event| matches!(event.fact, Fact::Heard(_));
    if !events.iter().any(|event| heard_of(&event)) {
        return;
    }
    section(body, "What was said meanwhile");
    told(body, &["when", "who", "of", "what"], |rows| {
        for event in events {
            let Fact::Heard(happening) = &event.fact else { continue };
            rows.within("tr", &[], |row| {
                row.element("td", "nowrap", &time_of_day(happening.said));
                row.element("td", "nowrap", happening.source.word());
                row.element("td", "", &happening.object);
                let class = if happening.warning { "word warn" } else { "" };
                row.element("td", class, &heard(happening));
            });
        }
    });
}
