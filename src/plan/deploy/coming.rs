//! Waiting for a workload's shards to be Ready, as a planner of the loop that every operation has: it changes nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome, ShardReport, down_in_all};
use crate::model::pod;
use crate::model::refusal::Refusal;
use crate::model::set::Ordinal;
use crate::model::span::words;
use crate::model::step::{Act, PodRef, Step, Wait};
use crate::plan::course::Course;
use crate::plan::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use crate::plan::replace::hand::no_place;
use crate::plan::verify::seen::{Seen, Shard};
use crate::plan::{failing, waiting};

/// How often a container may restart before its shard counts as failed.
const RESTARTS: i32 = 2;

/// What is known of a deployment once its objects are written.
#[derive(Clone, Debug)]
pub struct Coming {
    /// When it began, in the server's time.
    pub began: Timestamp,
    /// How long the shards may take.
    pub patience: SignedDuration,
    /// The objects that were written, as `kind/name`.
    pub written: Vec<String>,
    /// Whether shards that were there go on with the template before.
    pub pending: bool,
    /// The command line that does the same again.
    pub again: String,
    courses: BTreeMap<Ordinal, Course>,
    done: Vec<ShardReport>,
}

impl Coming {
    /// A deployment whose objects are written.
    pub fn new(
        began: Timestamp,
        patience: SignedDuration,
        written: Vec<String>,
        pending: bool,
        again: String,
    ) -> Coming {
        Coming {
            began,
            patience,
            written,
            pending,
            again,
            courses: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    /// The outcome, whatever was seen of the shards.
    pub fn ends(&self, end: End, summary: &str, findings: Vec<Finding>, state_now: String, now: Timestamp) -> Outcome {
        let finished = matches!(end, End::Done | End::NothingToDo);
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary: summary.to_owned(),
            shards: self.done.clone(),
            shard_seconds: down_in_all(&self.done),
            seconds: now.duration_since(self.began).as_secs_f64().max(0.0),
            data: String::new(),
            findings,
            state_now,
            how_to_undo: vec![if self.written.is_empty() {
                "nothing to undo".to_owned()
            } else {
                "apply the manifests before, from where they are kept; a claim and its data are never deleted by it"
                    .to_owned()
            }],
            how_to_resume: vec![if finished {
                "nothing to resume".to_owned()
            } else {
                format!("$ {}", self.again)
            }],
        }
    }

    fn told(&self, seen: &Seen<'_>, shard: &Shard<'_>, now: Timestamp) -> InHand {
        let known = self.courses.get(&shard.ordinal).cloned();
        let course = known.unwrap_or_else(|| Course::found(shard.ordinal, shard.pod, SignedDuration::ZERO, now));
        let (phase, words) = match waiting::waiting(seen, &course, now) {
            Ok(told) => (told.phase, told.words),
            Err(_) => (course.phase(now).phase, "its pod can't be read".to_owned()),
        };
        InHand {
            ordinal: shard.ordinal,
            shard: shard.name.to_string(),
            phase,
            words,
            since: course.down_from(),
        }
    }

    /// Why shards can't come up as things are.
    fn failures(seen: &Seen<'_>, missing: &[Shard<'_>], now: Timestamp) -> Vec<Finding> {
        let of = |shard: &Shard<'_>| {
            let found = shard.pod?;
            let failing = failing::failure(found, RESTARTS).map(|failing| failing.finding);
            let mut finding = failing.or_else(|| no_place(seen, found, now))?;
            finding.remedy(seen.shardctl(&format!("events {}", shard.name)));
            Some(finding)
        };
        missing.iter().filter_map(of).collect()
    }
}

/// The shards that aren't Ready.
fn missing<'a>(seen: &Seen<'a>) -> Option<(usize, Vec<Shard<'a>>)> {
    let all = seen.every_shard().ok()?;
    let count = all.len();
    let missing = all
        .into_iter()
        .filter(|shard| !shard.pod.is_some_and(pod::is_ready))
        .collect();
    Some((count, missing))
}

impl Planner for Coming {
    fn note(&mut self, seen: &Seen<'_>, now: Timestamp, _sight: Sight) {
        for shard in seen.every_shard().unwrap_or_default() {
            let ready = shard.pod.is_some_and(pod::is_ready);
            if !ready {
                self.courses
                    .entry(shard.ordinal)
                    .or_insert_with(|| Course::found(shard.ordinal, shard.pod, SignedDuration::ZERO, now));
            }
            let Some(course) = self.courses.get_mut(&shard.ordinal) else {
                continue;
            };
            if course.observe(seen, now).is_ok() && ready && course.is_done(now) {
                self.done.push(ShardReport {
                    shard: shard.name.to_string(),
                    down_seconds: course.down_seconds(now),
                    done: true,
                    phases: course.phases(now),
                    expected_seconds: None,
                });
                self.courses.remove(&shard.ordinal);
            }
        }
    }

    fn next_step(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        let until = self.began.checked_add(self.patience).unwrap_or(Timestamp::MAX);
        let (count, missing) = match missing(seen) {
            Some((count, missing)) if count > 0 => (count, missing),
            _ => (0, Vec::new()),
        };
        if count > 0 && missing.is_empty() {
            return Step::End {
                end: End::Done,
                summary: match count {
                    1 => "1 shard is Ready".to_owned(),
                    count => format!("{count} shards are Ready"),
                },
                findings: Vec::new(),
            };
        }
        if wishes.stop {
            return Step::End {
                end: End::Interrupted,
                summary: "interrupted: everything is written, and the shards come up by themselves".to_owned(),
                findings: Vec::new(),
            };
        }
        let failures = Coming::failures(seen, &missing, now);
        if !failures.is_empty() {
            let words = if failures.len() == 1 { "a shard" } else { "shards" };
            return Step::End {
                end: End::Halted,
                summary: format!(
                    "{words} can't come up as things are; {} of {count} are Ready",
                    count - missing.len()
                ),
                findings: failures,
            };
        }
        let told = missing.first().map(|shard| self.told(seen, shard, now));
        if now >= until {
            let of = |shard: &Shard<'_>| {
                let told = self.told(seen, shard, now);
                let mut finding = Finding::new(Severity::Error, format!("pod/{}", shard.name), "isn't Ready");
                finding
                    .evidence(format!("{}: {}", told.phase.word(), told.words))
                    .remedy(seen.shardctl(&format!("events {}", shard.name)));
                finding
            };
            return Step::End {
                end: End::TimedOut,
                summary: format!(
                    "{} of {count} shards are Ready after {}",
                    count - missing.len(),
                    words(self.patience)
                ),
                findings: missing.iter().map(of).collect(),
            };
        }
        Step::Wait(Wait {
            words: match told {
                Some(told) => format!("{}: {}", told.shard, told.words),
                None => "for the shards to be seen".to_owned(),
            },
            until: Some(until),
        })
    }

    fn about_to(&mut self, _act: &Act, _seen: &Seen<'_>, _now: Timestamp) {}

    fn acted(&mut self, _act: &Act, _became: &Acted) {}

    fn gate(&self, _seen: &Seen<'_>, _target: &PodRef, _already_down: bool) -> Result<PodRef, Vec<Refusal>> {
        Err(Vec::new())
    }

    fn wants_volumes(&self) -> bool {
        false
    }

    fn wants_room(&self, _seen: &Seen<'_>, _target: &PodRef) -> bool {
        false
    }

    fn fetching(&self, _seen: &Seen<'_>) -> Vec<Fetching> {
        Vec::new()
    }

    fn done(&self, but: usize, _now: Timestamp) -> Vec<ShardReport> {
        self.done.get(but..).unwrap_or_default().to_vec()
    }

    fn put_back(&self, _seen: &Seen<'_>, _locked: bool, _but: &[Act]) -> Option<Act> {
        None
    }

    fn in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand> {
        let (_, missing) = missing(seen).unwrap_or_default();
        missing.iter().map(|shard| self.told(seen, shard, now)).collect()
    }

    fn outcome(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        let (end, summary, findings) = match step {
            Step::End { end, summary, findings } => (*end, summary.as_str(), findings.clone()),
            Step::Act(_) | Step::Wait(_) => (End::Halted, "ended in its middle", Vec::new()),
        };
        let mut state_now = match missing(seen) {
            Some((count, missing)) => format!("{} of {count} shards are Ready", count - missing.len()),
            None => "the shards couldn't be seen".to_owned(),
        };
        if self.pending {
            state_now.push_str("; those that were there have the template before");
        }
        let mut outcome = self.ends(end, summary, findings, state_now, now);
        if self.pending && end == End::Done {
            outcome.how_to_resume = vec![
                "move the shards to the new template:".to_owned(),
                seen.shardctl("upgrade"),
            ];
        }
        outcome
    }
}
