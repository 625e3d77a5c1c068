//! What a rehearsal showed: how it would end, what would be down and when, what it would wait for, and how sure that is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Event, Fact, TaskState};
use crate::model::finding::Finding;
use crate::model::outcome::{End, Outcome};
use crate::model::phase::{Lasted, Phase};
use crate::model::refusal::Refusal;

/// How long one thing takes, and how that is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// What takes it, a clause.
    pub what: String,
    /// How long, in seconds.
    pub seconds: f64,
    /// Whether it was measured in this cluster; else it is a typical value.
    pub measured: bool,
    /// Where it comes from, a clause.
    pub from: String,
}

/// What was rehearsed, and from what.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    /// What the cluster was read from: the cluster itself, or a file.
    pub source: String,
    /// How long things take.
    pub durations: Vec<Known>,
    /// What isn't known and was assumed.
    pub assumed: Vec<String>,
    /// What the real run does and this one left out.
    pub left_out: Vec<String>,
    /// The command line of the real run.
    pub real: Option<String>,
}

/// A shard's time down.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Down {
    /// The shard.
    pub shard: String,
    /// When it goes down, in seconds since the beginning.
    pub from: f64,
    /// When it is back, in seconds since the beginning; the end, where it isn't by then.
    pub until: f64,
    /// Whether it is back.
    pub done: bool,
    /// The phases, in their order.
    pub phases: Vec<Lasted>,
}

/// Something that is waited for while no shard is in hand.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// From when, in seconds since the beginning.
    pub from: f64,
    /// How long, in seconds.
    pub seconds: f64,
    /// What for, a clause.
    pub words: String,
}

/// Images fetched beforehand.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    /// The node.
    pub node: String,
    /// From when, in seconds since the beginning.
    pub from: f64,
    /// Until when.
    pub until: f64,
    /// Whether it has them.
    pub done: bool,
}

/// The whole, for programs and people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// What was rehearsed, a sentence without a full stop.
    pub goal: String,
    /// What the cluster was read from.
    pub source: String,
    /// When it was read, in the server's time; the rehearsal begins there.
    pub at: Timestamp,
    /// How it would end; none where it would wait for ever.
    pub end: Option<End>,
    /// The exit code that the real run would have.
    pub exit_code: u8,
    /// What would be achieved or stand in the way.
    pub summary: String,
    /// How long it would take, in seconds.
    pub seconds: f64,
    /// Seconds during which shards would be down, summed over the shards.
    pub shard_seconds: f64,
    /// How many shards would be down at once, at most.
    pub most_down: usize,
    /// Each shard's time down, in order.
    pub shards: Vec<Down>,
    /// What would be fetched beforehand.
    pub fetched: Vec<Fetched>,
    /// What would be waited for.
    pub waits: Vec<Wait>,
    /// What would be in the way.
    pub findings: Vec<Finding>,
    /// Why it would be refused.
    pub refusals: Vec<Refusal>,
    /// How long things take, and how that is known.
    pub durations: Vec<Known>,
    /// What isn't known and was assumed.
    pub assumed: Vec<String>,
    /// What the real run does and this one left out.
    pub left_out: Vec<String>,
    /// The command line of the real run.
    pub real: Option<String>,
    /// Everything that was said, as the real run would say it.
    pub events: Vec<Event>,
}

impl Rehearsal {
    /// Makes it of what an operation said from `at` on. `outcome` is none where it would wait for ever, after `took` seconds.
    pub fn of(staged: Staged, at: Timestamp, events: Vec<Event>, outcome: Option<&Outcome>, took: f64) -> Rehearsal {
        let since = |event: &Event| event.at.duration_since(at).as_secs_f64().max(0.0);
        let last = events.last().map_or(took, since);
        // What comes after the last word of one that waits for ever is only our patience.
        let end = if outcome.is_some() { took.max(last) } else { last };
        let shards = downs(&events, at, end);
        let goal = events.iter().find_map(|event| match &event.fact {
            Fact::Started { statefulset, goal, .. } => Some(format!("{statefulset}: {goal}")),
            _ => None,
        });
        let refusals = events.iter().filter_map(|event| match &event.fact {
            Fact::Refused { refusal } => Some(refusal.clone()),
            _ => None,
        });
        let waits = waits(&events, &since, end);
        let summary = outcome.map(|outcome| outcome.summary.clone());
        Rehearsal {
            goal: goal.unwrap_or_else(|| "nothing was begun".to_owned()),
            source: staged.source,
            at,
            end: outcome.map(|outcome| outcome.end),
            exit_code: outcome.map_or(End::TimedOut, |outcome| outcome.end).exit_code(),
            summary: summary.unwrap_or_else(|| {
                let last = waits.last().map(|wait| wait.words.clone());
                let for_what = last.or_else(|| last_words(&events)).unwrap_or_default();
                format!("it would wait for ever: {for_what}")
            }),
            seconds: end,
            shard_seconds: shards.iter().map(|down| down.until - down.from).sum(),
            most_down: most(&events),
            fetched: fetched(&events, &since, end),
            waits,
            findings: outcome.map(|outcome| outcome.findings.clone()).unwrap_or_default(),
            refusals: refusals.collect(),
            shards,
            durations: staged.durations,
            assumed: staged.assumed,
            left_out: staged.left_out,
            real: staged.real,
            events,
        }
    }
}

type Since<'a> = &'a dyn Fn(&Event) -> f64;

fn downs(events: &[Event], began: Timestamp, end: f64) -> Vec<Down> {
    let seconds_at = |at: Timestamp| at.duration_since(began).as_secs_f64().max(0.0);
    let mut all: Vec<Down> = Vec::new();
    for event in events {
        match &event.fact {
            Fact::Shard {
                shard, phase, since, ..
            } => {
                let now = seconds_at(event.at);
                let open = all.iter_mut().find(|down| !down.done && down.shard == *shard);
                let Some(down) = open else {
                    let from = seconds_at(*since);
                    all.push(Down {
                        shard: shard.clone(),
                        from,
                        until: end,
                        done: false,
                        phases: vec![lasts(*phase, end - from)],
                    });
                    continue;
                };
                if let Some(last) = down.phases.last_mut().filter(|last| last.phase != *phase) {
                    last.seconds -= end - now;
                    down.phases.push(lasts(*phase, end - now));
                }
            }
            Fact::ShardDone {
                shard,
                down_seconds,
                phases,
            } => {
                let from = (seconds_at(event.at) - down_seconds).max(0.0);
                let done = Down {
                    shard: shard.clone(),
                    from,
                    until: from + down_seconds,
                    done: true,
                    phases: phases.clone(),
                };
                match all.iter_mut().find(|down| !down.done && down.shard == *shard) {
                    Some(down) => *down = done,
                    None => all.push(done),
                }
            }
            _ => {}
        }
    }
    all
}

/// A phase that lasts until the end, as far as is known yet.
fn lasts(phase: Phase, seconds: f64) -> Lasted {
    Lasted { phase, seconds }
}

/// How many shards were down at once, by the order of what was said: times are those of objects, which are whole seconds.
fn most(events: &[Event]) -> usize {
    let (mut down, mut most) = (BTreeSet::new(), 0);
    for event in events {
        match &event.fact {
            Fact::Shard { shard, .. } => {
                down.insert(shard.as_str());
                most = most.max(down.len());
            }
            Fact::ShardDone { shard, .. } => {
                down.remove(shard.as_str());
            }
            _ => {}
        }
    }
    most
}

fn fetched(events: &[Event], since: Since<'_>, end: f64) -> Vec<Fetched> {
    let mut all: Vec<Fetched> = Vec::new();
    for event in events {
        let Fact::PrePull { node, state, .. } = &event.fact else {
            continue;
        };
        let open = all.iter_mut().find(|one| one.node == *node && !one.done);
        match (state, open) {
            (TaskState::Started, None) => all.push(Fetched {
                node: node.clone(),
                from: since(event),
                until: end,
                done: false,
            }),
            (TaskState::Done | TaskState::Failed, Some(one)) => {
                one.until = since(event);
                one.done = *state == TaskState::Done;
            }
            _ => {}
        }
    }
    all
}

/// What is waited for, each until the next thing that is said.
fn waits(events: &[Event], since: Since<'_>, end: f64) -> Vec<Wait> {
    let mut all = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Fact::Waiting { words } = &event.fact else {
            continue;
        };
        let from = since(event);
        let until = events.get(at + 1).map_or(end, since);
        all.push(Wait {
            from,
            seconds: until - from,
            words: words.clone(),
        });
    }
    all
}

/// What the last shard that was spoken of waits for.
fn last_words(events: &[Event]) -> Option<String> {
    events.iter().rev().find_map(|event| match &event.fact {
        Fact::Shard { shard, words, .. } => Some(format!("{shard}: {words}")),
        Fact::Lock { object, holder, .. } => Some(format!("{object}, held by {}", holder.as_deref()?)),
        _ => None,
    })
}

#[cfg(test)]
pub(in crate::report) mod tests;
