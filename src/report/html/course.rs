//! What the timeline shows, out of the events: who was in which phase or waited for what, from when until when.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Event, Fact, LockState, TaskState};
use crate::model::outcome::{Outcome, ShardReport};
use crate::model::phase::{Lasted, Phase};
use crate::report::time::seconds;

/// What a stretch of time was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A phase of a shard that is down.
    Phase(Phase),
    /// The operation waits.
    Wait,
    /// A node fetches images, or a command of the user's runs; true where it failed.
    Task(bool),
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// From when, in seconds after the first event.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// What it was spent on.
    pub kind: Kind,
    /// In words.
    pub words: String,
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Whose.
    pub name: String,
    /// What stands at its end: for how long a shard was down.
    pub down: String,
    /// What it was spent on, in order.
    pub parts: Vec<Part>,
}

/// Something that was waited for, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Waited {
    /// Who: a shard, or the operation.
    pub who: String,
    /// In which phase, where it was a shard.
    pub phase: Option<Phase>,
    /// What for.
    pub words: String,
    /// When that began.
    pub at: Timestamp,
    /// For how long.
    pub seconds: f64,
}

/// The whole run as stretches of time.
pub struct Course {
    began: Timestamp,
    ended: Timestamp,
    /// The operation's own lane, then nodes, then shards.
    pub lanes: Vec<Lane>,
    /// What was waited for, the longest first.
    pub waited: Vec<Waited>,
}

impl Course {
    /// The course that these events tell; none without any.
    pub fn of(events: &[Event]) -> Option<Course> {
        let began = events.iter().map(|event| event.at).min()?;
        let ended = events.iter().map(|event| event.at).max()?;
        let mut course = Course {
            began,
            ended,
            lanes: Vec::new(),
            waited: waited(events, ended),
        };
        let own: Vec<Part> = course.waits(events);
        let mut tasks = course.tasks(events);
        let mut own = [own, tasks.remove("").unwrap_or_default()].concat();
        own.sort_by(|one, other| one.from.total_cmp(&other.from));
        course.push("between shards".to_owned(), String::new(), own);
        let nodes = course.fetches(events);
        for (node, parts) in nodes {
            course.push(node, String::new(), parts);
        }
        for touched in touched(events, ended) {
            let down = touched.report.down_seconds;
            let mut parts = course.phases(events, &touched);
            parts.extend(tasks.remove(&touched.report.shard).unwrap_or_default());
            let still = if touched.report.done { "" } else { "down " };
            course.push(touched.report.shard, format!("{still}{}", seconds(down)), parts);
        }
        for (shard, parts) in tasks {
            course.push(shard, String::new(), parts);
        }
        Some(course)
    }

    /// How long it took, in seconds.
    pub fn seconds(&self) -> f64 {
        self.ended.duration_since(self.began).as_secs_f64()
    }

    /// When it began and ended.
    pub fn ends(&self) -> (Timestamp, Timestamp) {
        (self.began, self.ended)
    }

    fn push(&mut self, name: String, down: String, parts: Vec<Part>) {
        if !parts.is_empty() {
            self.lanes.push(Lane { name, down, parts });
        }
    }

    /// A stretch, cut at the run's own ends: a shard may have been down for days before.
    fn part(&self, from: Timestamp, to: Timestamp, kind: Kind, words: String) -> Part {
        let at = |when: Timestamp| {
            when.clamp(self.began, self.ended)
                .duration_since(self.began)
                .as_secs_f64()
        };
        Part {
            from: at(from),
            to: at(to),
            kind,
            words,
        }
    }

    /// The phases of a shard, which follow each other without gaps up to its end.
    fn phases(&self, events: &[Event], touched: &Touched) -> Vec<Part> {
        let whole: f64 = touched.report.phases.iter().map(|lasted| lasted.seconds).sum();
        let mut from = before(touched.until, whole);
        let mut parts = Vec::new();
        for Lasted { phase, seconds: took } in &touched.report.phases {
            let to = before(from, -took);
            let mut words = format!("{} {}", phase.word(), seconds(*took));
            for said in said_in(events, &touched.report.shard, *phase) {
                words.push_str(&format!(" · {said}"));
            }
            if *took > 0.0 {
                parts.push(self.part(from, to, Kind::Phase(*phase), words));
            }
            from = to;
        }
        parts
    }

    /// What the operation waited for with no shard in hand.
    fn waits(&self, events: &[Event]) -> Vec<Part> {
        let of = |(event, until): (&Event, Timestamp)| {
            let words = waits_for(&event.fact)?;
            Some(self.part(event.at, until, Kind::Wait, words))
        };
        with_their_ends(events, self.ended).filter_map(of).collect()
    }

    /// Which node fetched images when.
    fn fetches(&self, events: &[Event]) -> BTreeMap<String, Vec<Part>> {
        let mut lanes: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        let mut open: BTreeMap<String, Timestamp> = BTreeMap::new();
        for event in events {
            let Fact::PrePull {
                node,
                state,
                seconds: took,
                words,
            } = &event.fact
            else {
                continue;
            };
            if *state == TaskState::Started {
                open.insert(node.clone(), event.at);
                continue;
            }
            let began = open.remove(node).unwrap_or(event.at);
            let from = took.map_or(began, |took| before(event.at, took));
            let failed = *state == TaskState::Failed;
            let word = if failed { "failed to fetch" } else { "fetched" };
            let words = join(&format!("{word} the images after {}", length(from, event.at)), words);
            let part = self.part(from, event.at, Kind::Task(failed), words);
            lanes.entry(node.clone()).or_default().push(part);
        }
        for (node, from) in open {
            let part = self.part(
                from,
                self.ended,
                Kind::Task(false),
                "still fetching at the end".to_owned(),
            );
            lanes.entry(node).or_default().push(part);
        }
        lanes
    }

    /// The user's own commands, by shard; those about none under an empty name.
    fn tasks(&self, events: &[Event]) -> BTreeMap<String, Vec<Part>> {
        let mut lanes: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        let mut open: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
        for event in events {
            let Fact::Task {
                name,
                shard,
                state,
                seconds: took,
                output,
            } = &event.fact
            else {
                continue;
            };
            let shard = shard.clone().unwrap_or_default();
            if *state == TaskState::Started {
                open.insert((shard, name.clone()), event.at);
                continue;
            }
            let began = open.remove(&(shard.clone(), name.clone())).unwrap_or(event.at);
            let from = took.map_or(began, |took| before(event.at, took));
            let failed = *state == TaskState::Failed;
            let word = if failed { " failed" } else { "" };
            let words = join(&format!("{name}{word}, {}", length(from, event.at)), &output.join(" "));
            let part = self.part(from, event.at, Kind::Task(failed), words);
            lanes.entry(shard).or_default().push(part);
        }
        for ((shard, name), from) in open {
            let part = self.part(
                from,
                self.ended,
                Kind::Task(false),
                format!("{name}: not over at the end"),
            );
            lanes.entry(shard).or_default().push(part);
        }
        lanes
    }
}

/// A shard that was touched, and when the last thing that is known of it was so.
struct Touched {
    report: ShardReport,
    until: Timestamp,
}

/// The shards that were touched, in that order: those that are done, then what the end says of the rest; without an end, what was
/// seen of them.
fn touched(events: &[Event], ended: Timestamp) -> Vec<Touched> {
    let mut found: Vec<Touched> = Vec::new();
    for event in events {
        if let Fact::ShardDone {
            shard,
            down_seconds,
            phases,
        } = &event.fact
        {
            let report = ShardReport {
                shard: shard.clone(),
                down_seconds: *down_seconds,
                done: true,
                phases: phases.clone(),
                expected_seconds: None,
            };
            let until = event.at;
            found.push(Touched { report, until });
        }
    }
    if let Some(outcome) = outcome(events) {
        for report in &outcome.shards {
            if !found.iter().any(|touched| touched.report.shard == report.shard) {
                let report = report.clone();
                found.push(Touched { report, until: ended });
            }
        }
        return found;
    }
    let mut seen = waited(events, ended);
    seen.sort_by_key(|waited| waited.at);
    for waited in seen {
        let Some(phase) = waited.phase else { continue };
        let lasted = Lasted {
            phase,
            seconds: waited.seconds,
        };
        match found.iter_mut().find(|touched| touched.report.shard == waited.who) {
            Some(touched) if !touched.report.done => {
                touched.report.phases.push(lasted);
                touched.report.phases.sort_by_key(|lasted| lasted.phase);
                touched.report.down_seconds += waited.seconds;
            }
            Some(_) => {}
            None => found.push(Touched {
                report: ShardReport {
                    shard: waited.who,
                    down_seconds: waited.seconds,
                    done: false,
                    phases: vec![lasted],
                    expected_seconds: None,
                },
                until: ended,
            }),
        }
    }
    found
}

/// The end, where there was one.
pub fn outcome(events: &[Event]) -> Option<&Outcome> {
    events.iter().rev().find_map(|event| match &event.fact {
        Fact::Ended(outcome) => Some(outcome.as_ref()),
        _ => None,
    })
}

/// What was waited for and for how long, the longest first. The same thing with another number in it (a timer) is one.
fn waited(events: &[Event], ended: Timestamp) -> Vec<Waited> {
    let mut found: Vec<Waited> = Vec::new();
    for (event, until) in with_their_ends(events, ended) {
        let (who, phase, words) = match &event.fact {
            Fact::Shard {
                shard, phase, words, ..
            } => (shard.clone(), Some(*phase), words.clone()),
            fact => match waits_for(fact) {
                Some(words) => ("between shards".to_owned(), None, words),
                None => continue,
            },
        };
        let lasted = until.duration_since(event.at).as_secs_f64();
        let same = |before: &&mut Waited| before.phase == phase && clause(&before.words) == clause(&words);
        match found.iter_mut().rfind(|before| before.who == who).filter(same) {
            Some(before) => {
                before.words = words;
                before.seconds += lasted;
            }
            None => found.push(Waited {
                who,
                phase,
                words,
                at: event.at,
                seconds: lasted,
            }),
        }
    }
    found.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    found
}

/// What an event says is waited for while no shard is in hand.
fn waits_for(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Waiting { words } => Some(words.clone()),
        Fact::Lock {
            state: LockState::Waiting,
            holder,
            ..
        } => {
            let holder = holder.as_deref().unwrap_or("somebody else");
            Some(format!("whether {holder}, who holds the lock, is alive"))
        }
        _ => None,
    }
}

/// Each event with the moment at which what it says was over: a shard's when something else is said of that shard, a wait when
/// the operation says anything else.
fn with_their_ends(events: &[Event], ended: Timestamp) -> impl Iterator<Item = (&Event, Timestamp)> {
    events.iter().enumerate().map(move |(at, event)| {
        let ends = |later: &&Event| match (&event.fact, &later.fact) {
            (_, Fact::Ended(_)) => true,
            (Fact::Shard { shard, .. }, Fact::Shard { shard: other, .. } | Fact::ShardDone { shard: other, .. }) => {
                shard == other
            }
            (Fact::Shard { .. }, _) => false,
            (_, Fact::Heard(_) | Fact::Trouble { .. } | Fact::Noted { .. }) => false,
            _ => true,
        };
        let over = events[at + 1..].iter().find(ends).map_or(ended, |later| later.at);
        (event, over)
    })
}

/// What was said of a shard in a phase, the same thing once.
fn said_in<'a>(events: &'a [Event], of: &str, during: Phase) -> Vec<&'a str> {
    let mut said: Vec<&str> = Vec::new();
    for event in events {
        if let Fact::Shard {
            shard, phase, words, ..
        } = &event.fact
            && shard == of
            && *phase == during
            && !words.is_empty()
        {
            said.retain(|before| clause(before) != clause(words));
            said.push(words);
        }
    }
    said
}

fn clause(words: &str) -> String {
    words.replace(|c: char| c.is_ascii_digit() || c == '.', "")
}

fn before(at: Timestamp, seconds: f64) -> Timestamp {
    let length = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    at.checked_sub(length).unwrap_or(at)
}

fn length(from: Timestamp, to: Timestamp) -> String {
    seconds(to.duration_since(from).as_secs_f64())
}

fn join(words: &str, more: &str) -> String {
    if more.is_empty() {
        words.to_owned()
    } else {
        format!("{words}: {more}")
    }
}
