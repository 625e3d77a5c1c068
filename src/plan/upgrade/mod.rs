//! `upgrade`: every shard to the set's new template, one at a time. Pure: what was seen and done goes in, the next step comes out.
//!
//! The work list is read from the pods each time, so that running again is resuming. What only this process knows is in `memory`
//! and, as for every operation that replaces pods, in `plan::replace`; a rerun begins without it.

pub mod aim;
mod end;
mod memory;
mod next;
pub mod patch;
pub mod policy;
mod prepare;
mod room;
mod shards;
pub mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use self::aim::Aim;
use self::memory::Memory;
use self::policy::Policy;
use super::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use super::replace::tasks::{Asked, Tasks};
use super::replace::{Replacing, observed_revision, shard_of};
use super::safety::catalogue::SET_CHANGED;
use super::safety::gate::gate;
use super::safety::preflight::places;
use super::verify::residue::lease_is_left;
use super::verify::seen::Seen;
use crate::model::journal::Journal;
use crate::model::mark::Mark;
use crate::model::outcome::{Outcome, ShardReport};
use crate::model::refusal::Refusal;
use crate::model::step::{Act, PodRef, Step, TemplateChange};
use crate::model::{node, pod};

/// An upgrade: what is wanted, and what this run knows of it.
#[derive(Debug)]
pub struct Upgrade {
    /// How it is to go.
    pub policy: Policy,
    /// What it aims at.
    pub aim: Aim,
    /// The run, for example `upgrade/shop/db/4f2a`.
    pub run: String,
    /// The set's name.
    pub set_name: String,
    /// The command lines that the end names.
    pub again: Again,
    replacing: Replacing,
    tasks: Tasks,
    memory: Memory,
}

/// How to run it again, as lines to copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The same command: for as long as the template isn't written.
    pub same: String,
    /// Once the template is written: without the image.
    pub resume: String,
    /// Once the template was put back after a failure: undoing that again would lead to the bad one.
    pub after_undo: String,
    /// What takes it back.
    pub undo: String,
    /// What shows how far it is.
    pub status: String,
}

impl Upgrade {
    /// An upgrade that hasn't begun; `now` in the server's time.
    pub fn new(policy: Policy, aim: Aim, set_name: String, run: String, again: Again, now: Timestamp) -> Upgrade {
        let asked = Asked {
            gate: policy.gate,
            before: policy.before,
            after: policy.after,
        };
        Upgrade {
            set_name,
            policy,
            aim,
            run,
            again,
            replacing: Replacing::begun(now),
            tasks: Tasks::new(asked),
            memory: Memory::default(),
        }
    }

    /// Whether there is nothing to do at all: the template is there, every shard that is wanted has it and is Ready, the
    /// journal is closed, and nothing of an upgrade's was left behind, its Lease included. Such a run writes nothing.
    pub fn is_idle(&self, seen: &Seen<'_>) -> bool {
        let Ok(set) = seen.set() else { return false };
        let Some(revision) = observed_revision(seen) else {
            return false;
        };
        let settled = seen.every_shard().is_ok_and(|shards| {
            shards.iter().all(|shard| {
                let current = |found| pod::is_ready(found) && pod::revision(found) == Some(revision.as_str());
                shard.pod.is_some_and(current) || !self.is_wanted(shard.ordinal)
            })
        });
        let open = Journal::of(set.metadata.annotations.as_ref())
            .and_then(Result::ok)
            .is_some_and(|journal| journal.finished.is_none());
        let open = open && self.policy.only.is_empty();
        let left = self.put_back(seen, true, &[]).is_some() || lease_is_left(seen, &self.set_name);
        self.aim.change.is_none() && settled && !open && !left
    }

    /// The shards that wait for their turn, in order; before the template is written that is all that are wanted.
    pub fn order(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<String> {
        let revision = observed_revision(seen).filter(|_| self.aim.change.is_none());
        let queue = self.queue(seen, revision.as_deref(), now);
        queue.into_iter().map(|one| one.shard.name.into_owned()).collect()
    }

    /// The revision that every shard is to have, once it is known.
    fn revision(&self) -> Option<&str> {
        self.memory.pinned.as_ref()?.update_revision.as_deref()
    }

    /// The change that is wanted now: an undo's where a shard failed, else the aim's.
    fn change(&self) -> Option<&TemplateChange> {
        match &self.memory.undoing {
            Some(undoing) => Some(&undoing.change),
            None => self.aim.change.as_ref(),
        }
    }

    /// Whether the template that is wanted now was written, as far as this run knows.
    fn template_is_written(&self, seen: &Seen<'_>) -> bool {
        let wrote = match &self.memory.undoing {
            Some(undoing) => undoing.wrote,
            None => self.memory.wrote,
        };
        wrote || self.write_is_seen(seen)
    }

    /// Whether what is seen has our write in it: its journal goes with the template in one request. A view from before the
    /// write would give the revision from before.
    fn write_is_seen(&self, seen: &Seen<'_>) -> bool {
        let Some(change) = self.change() else {
            return true;
        };
        let journal = seen
            .set()
            .ok()
            .and_then(|set| Journal::of(set.metadata.annotations.as_ref())?.ok());
        journal.is_some_and(|journal| journal.run == self.run && journal.from == change.from)
    }
}

impl Planner for Upgrade {
    fn note(&mut self, seen: &Seen<'_>, now: Timestamp, sight: Sight) {
        if seen.set().is_err() {
            return;
        }
        if sight >= Sight::Anew {
            self.replacing.note_what_stayed(seen);
        }
        self.pin(seen);
        self.replacing.note_pods(seen, now);
        self.note_shards(seen, now);
        if let Some(exchanged) = self.replacing.note_disks(seen, sight) {
            self.memory.failed.get_or_insert(exchanged);
        }
        self.note_pulls(seen, now);
        let nodes = seen.marked_nodes().into_iter();
        let marked = nodes.filter(|found| {
            let mark = Mark::of(found.metadata.annotations.as_ref()).and_then(Result::ok);
            mark.is_some_and(|mark| mark.is_of(&self.run))
        });
        self.memory
            .marked
            .extend(marked.map(|found| node::name(found).to_owned()));
    }

    fn wants_volumes(&self) -> bool {
        self.replacing.has_unproven()
    }

    fn next_step(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        self.next(seen, wishes, now)
    }

    fn about_to(&mut self, act: &Act, seen: &Seen<'_>, now: Timestamp) {
        match act {
            Act::DeleteShard { pod: target, .. } => {
                self.memory.touched = true;
                let terms = self.terms(seen);
                self.replacing.begin(seen, target, &terms, now);
            }
            Act::ChangeTemplate(change) => {
                self.note_undoing(seen, change, now);
                self.memory.touched = true;
                self.memory.pinned = None;
            }
            Act::Freeze { node, .. } => {
                self.memory.marked.insert(node.clone());
            }
            Act::OwnMark { object, .. } => self
                .memory
                .marked
                .extend(object.strip_prefix("node/").map(str::to_owned)),
            Act::MakePlaceholder { shard, .. } => *self.memory.placed.entry(shard.clone()).or_default() += 1,
            Act::Task(_) => self.tasks.about_to(),
            _ => {}
        }
    }

    fn acted(&mut self, act: &Act, became: &Acted) {
        match became {
            Acted::Done | Acted::Undone { .. } => self.did(act),
            // It evicts nothing: a shard that it replaces is deleted.
            Acted::LookAgain | Acted::Blocked(_) => {}
            Acted::Refused(refusals) => match act {
                Act::PrePull { node } if self.policy.allowed.left(refusals.clone()).is_empty() => {
                    self.memory.passed_over.insert(node.clone());
                }
                Act::MakePlaceholder { shard, .. } if self.policy.allowed.left(refusals.clone()).is_empty() => {
                    self.memory.without_room.insert(shard.clone());
                }
                _ => self.memory.refused.clone_from(refusals),
            },
            Acted::Failed(finding) => {
                match act {
                    // It is told, and the run goes on.
                    Act::OwnMark { object, .. } => _ = self.memory.not_owned.insert(object.clone()),
                    _ => self.memory.failed = Some((**finding).clone()),
                }
                if matches!(act, Act::ChangeTemplate(_)) {
                    // Not written for certain: what was touched before still is.
                    self.memory.touched = self.memory.wrote || !self.replacing.courses.is_empty();
                }
            }
            Acted::Declined => self.memory.declined = true,
        }
        // Not deleted for certain: the shard is as it was.
        if let Act::DeleteShard { pod, .. } = act
            && matches!(became, Acted::Refused(_) | Acted::Failed(_))
        {
            self.replacing.forget(pod.ordinal);
        }
    }

    fn gate(&self, seen: &Seen<'_>, target: &PodRef, already_down: bool) -> Result<PodRef, Vec<Refusal>> {
        let Some(pinned) = &self.memory.pinned else {
            return Err(vec![
                SET_CHANGED.refuse(format!("pod/{}", target.name), "the set's revision isn't known yet"),
            ]);
        };
        gate(
            seen,
            pinned,
            target,
            &BTreeSet::new(),
            already_down,
            &self.policy.allowed,
        )
    }

    fn wants_room(&self, seen: &Seen<'_>, target: &PodRef) -> bool {
        shard_of(seen, target).is_some_and(|shard| places::must_be_looked_for(seen, &shard, &self.aim.typed))
    }

    fn fetching(&self, seen: &Seen<'_>) -> Vec<Fetching> {
        // Once a shard is touched there is nothing more to say of that: the images are everywhere.
        let mut all = if self.memory.pulled && self.memory.touched {
            Vec::new()
        } else {
            self.nodes_that_fetch(seen)
        };
        all.extend(self.room_that_is_made(seen));
        all
    }

    fn done(&self, but: usize, now: Timestamp) -> Vec<ShardReport> {
        let done = self.replacing.done.get(but..).unwrap_or_default();
        self.replacing.reports(&self.set_name, done, now)
    }

    fn put_back(&self, seen: &Seen<'_>, locked: bool, but: &[Act]) -> Option<Act> {
        self.next_to_put_back(seen, locked, but)
    }

    fn in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand> {
        self.shards_in_hand(seen, now)
    }

    fn outcome(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        self.ended(seen, step, now)
    }
}

impl Upgrade {
    fn did(&mut self, act: &Act) {
        match act {
            Act::TryTemplate => self.memory.tried = true,
            Act::ChangeTemplate(_) => match &mut self.memory.undoing {
                Some(undoing) => undoing.wrote = true,
                None => self.memory.wrote = true,
            },
            Act::Task(task) => self.tasks.did(task),
            Act::AskToGoOn { .. } => self.memory.went_on = true,
            Act::FinishJournal => self.memory.finished = true,
            Act::Unfreeze { node } => {
                self.memory.marked.remove(node);
            }
            Act::DeleteShard { .. }
            | Act::EvictShard { .. }
            | Act::PrePull { .. }
            | Act::RemoveHelper { .. }
            | Act::Freeze { .. }
            | Act::OwnMark { .. }
            | Act::UndoMark { .. }
            | Act::LeaveNode { .. }
            | Act::ReleaseNode { .. }
            | Act::EvictPod(_)
            | Act::MakePlaceholder { .. }
            | Act::Scale { .. }
            | Act::ScaleBack
            | Act::DeclareOff { .. }
            | Act::RemoveClaim { .. } => {}
        }
    }

    /// The grace period of the shards' pods, old or new.
    fn grace(&self) -> SignedDuration {
        let old = self
            .aim
            .present
            .pointer("/spec/terminationGracePeriodSeconds")
            .and_then(serde_json::Value::as_i64);
        let new = self
            .aim
            .typed
            .spec
            .as_ref()
            .and_then(|spec| spec.termination_grace_period_seconds);
        SignedDuration::from_secs(old.max(new).unwrap_or(30))
    }
}
