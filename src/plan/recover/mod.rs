//! `recover`: everything that interrupted runs left is undone, one object after another, where it is still ours.
//!
//! The work list is read from the cluster each time; what only this run knows is which of it was dealt with, so that a view
//! that lags behind doesn't bring it up again.

mod found;
mod next;
pub mod node_off;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use super::surge;
use super::undo::Fate;
use super::verify::seen::Seen;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome, ShardReport};
use crate::model::read::Skip;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::step::{Act, PodRef, Step};

pub use found::{Found, Held, Helper, Kept, Marked, Unfinished, find};
pub use next::Off;

/// How long a recovery waits for what takes its time, where nothing else is said.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// The command lines that the end names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The same again.
    pub same: String,
    /// What goes on with an unfinished upgrade.
    pub upgrade: String,
    /// What takes it back.
    pub undo: String,
}

/// A recovery: what is wanted, and what this run has done.
#[derive(Debug)]
pub struct Recover {
    /// Only what is past its time.
    pub expired: bool,
    /// The run.
    pub run: String,
    /// The command lines that the end names.
    pub again: Again,
    /// The node that is to be declared off, and what is to come of that.
    pub off: Option<Off>,
    /// How long it waits for what takes its time.
    pub patience: SignedDuration,
    began: Timestamp,
    /// Whose lock was taken over, in words.
    pub taken_over: Option<String>,
    /// Marks (object and text) and helpers (name and uid) that were dealt with.
    dealt_with: BTreeSet<(String, String)>,
    /// What was undone, in words.
    undone: Vec<String>,
    /// What was found to be somebody else's by now.
    theirs: Vec<Finding>,
    failed: Vec<Finding>,
    /// The mark of the surge that is being taken back.
    surge: Option<(String, String)>,
    /// Claims of a surge that stay, as they were seen before its mark went.
    staying: Vec<Finding>,
    /// Why the node can't be declared off after all.
    refused: Vec<Refusal>,
}

impl Recover {
    /// A recovery that hasn't begun; `now` in the server's time.
    pub fn new(expired: bool, run: String, again: Again, now: Timestamp) -> Recover {
        Recover {
            expired,
            run,
            again,
            off: None,
            patience: PATIENCE,
            began: now,
            taken_over: None,
            dealt_with: BTreeSet::new(),
            undone: Vec::new(),
            theirs: Vec::new(),
            failed: Vec::new(),
            surge: None,
            staying: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// What is left to deal with.
    ///
    /// # Errors
    /// As [`find`].
    pub fn found(&self, seen: &Seen<'_>, now: Timestamp) -> Result<Found, Skip> {
        let mut found = find(seen, self.expired, now)?;
        let new = |one: &str, other: &str| !self.dealt_with.contains(&(one.to_owned(), other.to_owned()));
        found.marks.retain(|marked| new(&marked.object, &marked.written));
        found.helpers.retain(|helper| new(&helper.name, &helper.uid));
        Ok(found)
    }

    /// How it ends when nothing is left that can be undone.
    pub fn end(&self, found: &Found) -> Step {
        let stuck = found.stuck.len() + found.kept.len() + self.failed.len();
        let mut words: Vec<String> = self.off.iter().filter_map(Off::told).collect();
        if !self.undone.is_empty() {
            words.push(format!("undone: {}", self.undone.join(", ")));
        }
        if let Some(holder) = &self.taken_over {
            words.push(format!("the lock that {holder} had left was taken over and given back"));
        }
        let end = if stuck > 0 {
            let are = if stuck == 1 { "1 thing" } else { "things" };
            let count = if stuck == 1 { String::new() } else { format!("{stuck} ") };
            words.push(format!("{count}{are} of ours couldn't be taken away"));
            End::MarkLeft
        } else if found.unknown.is_empty() {
            if words.is_empty() {
                words.push(nothing(self.expired).to_owned());
                End::NothingToDo
            } else {
                End::Done
            }
        } else {
            words.push("whether more is left isn't known, since not everything could be read".to_owned());
            End::Unjudged
        };
        Step::End {
            end,
            summary: words.join("; "),
            findings: self.findings(found),
        }
    }

    /// What the end says besides: what was left and why.
    fn findings(&self, found: &Found) -> Vec<Finding> {
        let mut findings = self.failed.clone();
        findings.extend(found.stuck.iter().cloned());
        findings.extend(found.kept.iter().map(|kept| kept.finding.clone()));
        findings.extend(self.theirs.iter().cloned());
        findings.extend(found.alone.iter().cloned());
        findings.extend(found.unknown.iter().map(|why| {
            Finding::new(
                Severity::Warning,
                "unknown",
                format!("whether something is left isn't known: {why}"),
            )
        }));
        findings.extend(found.unfinished.iter().map(|unfinished| self.unfinished(unfinished)));
        findings
    }

    /// An unfinished upgrade, with the two ways out of it.
    pub fn unfinished(&self, unfinished: &Unfinished) -> Finding {
        let mut finding = Finding::new(Severity::Information, &unfinished.object, &unfinished.words);
        finding
            .remedy("to go on with it:")
            .remedy(format!("$ {}", self.again.upgrade))
            .remedy("or to take it back:")
            .remedy(format!("$ {}", self.again.undo));
        finding
    }
}

fn nothing(expired: bool) -> &'static str {
    if expired {
        "nothing is left that is past its time"
    } else {
        "nothing is left"
    }
}

/// What becomes of a mark's fields that isn't put back, as findings.
pub fn left_of(object: &str, undo: &super::undo::Undo) -> Vec<Finding> {
    let theirs = undo.of(Fate::Theirs);
    theirs
        .map(|field| {
            let mut finding = Finding::new(Severity::Warning, object, field.words());
            finding.evidence(format!(
                "the mark of {} is taken away all the same",
                undo.mark.operation
            ));
            finding
        })
        .collect()
}

impl Planner for Recover {
    fn note(&mut self, _seen: &Seen<'_>, _now: Timestamp, _sight: Sight) {}

    fn next_step(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        let found = match self.found(seen, now) {
            Ok(found) => found,
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                return Step::End {
                    end: End::Unreachable,
                    summary: format!("the set can't be seen any more: {why}"),
                    findings: Vec::new(),
                };
            }
        };
        if !self.refused.is_empty() {
            return self.refusal();
        }
        match self.work(seen, &found) {
            Some(_) if wishes.stop => self.interrupted(&found),
            Some(act) => Step::Act(act),
            None => match self.awaited(seen, &found) {
                None => self.end(&found),
                Some(_) if wishes.stop => self.interrupted(&found),
                Some(awaited) => self.wait(awaited, &found, now),
            },
        }
    }

    fn about_to(&mut self, act: &Act, seen: &Seen<'_>, _now: Timestamp) {
        self.surge = None;
        let Some((mark, written)) = surge::of(seen) else {
            return;
        };
        match act {
            Act::UndoMark { written: undone, .. } if undone == written => self.staying = surge::left(seen, &mark),
            Act::ScaleBack | Act::RemoveClaim { .. } => {
                let set = seen.set().map(set::name).unwrap_or_default();
                self.surge = Some((format!("statefulset/{set}"), written.to_owned()));
            }
            _ => {}
        }
    }

    fn acted(&mut self, act: &Act, became: &Acted) {
        let (key, object) = match act {
            Act::UndoMark { object, written, .. } => ((object.clone(), written.clone()), object.clone()),
            Act::RemoveHelper { pod, uid } => ((pod.clone(), uid.clone()), format!("pod/{pod}")),
            act => return self.acted_on_the_way(act, became),
        };
        match became {
            Acted::Done => self.undone.push(object),
            Acted::Undone { left } => {
                self.undone.push(object);
                self.theirs.extend(left.iter().cloned());
                self.theirs.append(&mut self.staying);
            }
            Acted::Failed(finding) => self.failed.push((**finding).clone()),
            Acted::LookAgain | Acted::Blocked(_) | Acted::Refused(_) | Acted::Declined => return,
        }
        self.dealt_with.insert(key);
    }

    /// A recovery takes no shard down.
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

    fn done(&self, _but: usize, _now: Timestamp) -> Vec<ShardReport> {
        Vec::new()
    }

    /// A recovery makes nothing that it would have to take away.
    fn put_back(&self, _seen: &Seen<'_>, _lock_is_ours: bool, _but: &[Act]) -> Option<Act> {
        None
    }

    fn in_hand(&self, _seen: &Seen<'_>, _now: Timestamp) -> Vec<InHand> {
        Vec::new()
    }

    fn outcome(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        let (end, summary, findings) = match step {
            Step::End { end, summary, findings } => (*end, summary.clone(), findings.clone()),
            Step::Act(_) | Step::Wait(_) => (End::Interrupted, "interrupted".to_owned(), Vec::new()),
        };
        let found = self.found(seen, now).ok();
        let unfinished = found.as_ref().is_some_and(|found| found.unfinished.is_some());
        let mut resume = Vec::new();
        if !matches!(end, End::Done | End::NothingToDo) {
            resume.push(format!("$ {}", self.again.same));
        }
        if unfinished {
            resume.push(format!("$ {}", self.again.upgrade));
        }
        if resume.is_empty() {
            resume.push("nothing to resume".to_owned());
        }
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary,
            shards: Vec::new(),
            shard_seconds: 0.0,
            seconds: now.duration_since(self.began).as_secs_f64().max(0.0),
            data: String::new(),
            findings,
            state_now: found
                .as_ref()
                .map_or_else(|| "the set can't be read".to_owned(), |found| self.state(found)),
            how_to_undo: vec![if unfinished {
                format!("$ {}", self.again.undo)
            } else {
                "nothing to undo".to_owned()
            }],
            how_to_resume: resume,
        }
    }
}

impl Recover {
    /// The first fact: what of ours is there now.
    fn state(&self, found: &Found) -> String {
        let mut objects: Vec<String> = found.marks.iter().map(|marked| marked.object.clone()).collect();
        objects.extend(found.helpers.iter().map(|helper| format!("pod/{}", helper.name)));
        objects.extend(
            found
                .stuck
                .iter()
                .chain(found.kept.iter().map(|kept| &kept.finding))
                .chain(&self.failed)
                .map(|finding| finding.object.clone()),
        );
        objects.dedup();
        let which = if self.expired { " that is past its time" } else { "" };
        let mut words = if objects.is_empty() {
            format!("nothing is left of interrupted runs on this set{which}")
        } else {
            format!("left by shardctl{which}: {}", objects.join(", "))
        };
        if !found.unknown.is_empty() {
            words.push_str(", as far as that can be read");
        }
        words
    }
}
