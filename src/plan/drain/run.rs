//! A drain as an operation: nodes are emptied one after another, their shards one at a time. Pure: what was seen and done goes
//! in, the next step comes out.
//!
//! The work list is read from the nodes each time, so that running again is resuming.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod};

use super::homes::Move;
use super::memory::Memory;
use super::policy::Policy;
use super::{Afterwards, Strategy};
use crate::model::mark::Mark;
use crate::model::outcome::{Outcome, ShardReport};
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::model::step::{Act, PodRef, Step};
use crate::model::{node, pod};
use crate::plan::estimate::Estimate;
use crate::plan::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use crate::plan::replace::Terms;
use crate::plan::replace::budgets::budgets;
use crate::plan::replace::pace::marks_last_until;
use crate::plan::replace::stand::queue;
use crate::plan::safety::catalogue::{SET_CHANGED, UNREADABLE};
use crate::plan::safety::gate::{Pinned, gate};
use crate::plan::surge;
use crate::plan::verify::seen::{Seen, Shard};

/// What a drain is about, as its preflight found it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aim {
    /// The nodes, in the order in which they are emptied.
    pub order: Vec<String>,
    /// Where each shard goes.
    pub moves: Vec<Move>,
    /// The pods that shards need in order to come back, by uid: they go last.
    pub needed: BTreeSet<String>,
    /// Whether it goes on with a run of ours that was cut off.
    pub resumes: bool,
}

/// How to run it again, as lines to copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The same command.
    pub same: String,
    /// The same command without the names of nodes, or the selector: they follow at its end.
    pub without_nodes: String,
    /// What lets a node take pods again; its name follows.
    pub uncordon: String,
    /// What puts back whatever is left.
    pub recover: String,
}

/// A drain: what is wanted, and what this run knows of it.
#[derive(Debug)]
pub struct Drain {
    /// How it is to go.
    pub policy: Policy,
    /// What it is about.
    pub aim: Aim,
    /// The run, for example `drain/shop/db/4f2a`.
    pub run: String,
    /// The set's name.
    pub set_name: String,
    /// The command lines that the end names.
    pub again: Again,
    pub(super) memory: Memory,
}

impl Drain {
    /// A drain that hasn't begun; `now` in the server's time.
    pub fn new(policy: Policy, aim: Aim, set_name: String, run: String, again: Again, now: Timestamp) -> Drain {
        Drain {
            aim,
            run,
            set_name,
            again,
            memory: Memory::begun(policy.tasks, now),
            policy,
        }
    }

    /// Whether there is nothing to do: nothing is on the nodes that would go, they are cordoned (or meant to take pods), and
    /// nothing of ours is left. Such a run writes nothing.
    pub fn is_idle(&self, seen: &Seen<'_>) -> bool {
        let then_done = |name: &String| {
            let found = seen.node(name).ok().flatten();
            match self.policy.then {
                Afterwards::Cordoned => found.is_some_and(node::is_cordoned),
                Afterwards::Uncordoned => found.is_some_and(|found| !node::is_cordoned(found)),
                Afterwards::Released => false,
            }
        };
        let empty = |name: &String| {
            let others = self.on_node(seen, name);
            others.is_ok_and(|rows| rows.iter().all(|row| !self.has_to_go(row)))
                && self.shards_on(seen, name).is_empty()
        };
        self.aim.order.iter().all(|name| then_done(name) && empty(name))
            && self.put_back(seen, true, &[]).is_none()
            && !crate::plan::verify::residue::lease_is_left(seen, &self.set_name)
    }

    /// The shards that are still to move, in order.
    pub fn order(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<String> {
        let standing = self.standing(seen, now);
        let mut names: Vec<String> = standing
            .iter()
            .filter(|one| one.stand.is_due() && !one.shard.pod.is_some_and(pod::is_ready))
            .map(|one| one.shard.name.to_string())
            .collect();
        for place in self.open_nodes() {
            for one in queue(standing.clone(), seen, &self.policy.last) {
                let here = one.shard.pod.and_then(pod::node) == Some(place.as_str());
                if here && !names.iter().any(|name| *name == one.shard.name) {
                    names.push(one.shard.name.to_string());
                }
            }
        }
        names
    }

    /// The nodes that are still to be emptied, in order.
    pub(super) fn open_nodes(&self) -> impl Iterator<Item = &String> {
        let left = |name: &&String| !self.memory.emptied.contains(name);
        self.aim.order.iter().filter(left)
    }

    /// Whether a shard's pod is on a node that is still to be emptied.
    pub(super) fn is_due(&self, found: &Pod) -> bool {
        pod::node(found).is_some_and(|place| self.open_nodes().any(|open| open == place))
    }

    pub(super) fn shards_on(&self, seen: &Seen<'_>, place: &str) -> Vec<Ordinal> {
        let shards = seen.every_shard().unwrap_or_default().into_iter();
        let here = shards.filter(|shard| shard.pod.and_then(pod::node) == Some(place));
        here.map(|shard| shard.ordinal).collect()
    }

    /// How patient this run is.
    pub(super) fn terms(&self, seen: &Seen<'_>) -> Terms {
        let spec = seen.set().ok().and_then(|found| found.spec.as_ref());
        let least = spec.and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        let of_template = spec
            .and_then(|spec| spec.template.spec.as_ref()?.termination_grace_period_seconds)
            .unwrap_or(30);
        let asked = self.policy.min_ready.unwrap_or_default();
        Terms {
            set_name: self.set_name.clone(),
            shard_timeout: self.policy.shard_timeout,
            min_ready: asked.max(SignedDuration::from_secs(least.into())),
            grace: SignedDuration::from_secs(self.policy.grace.unwrap_or(of_template)),
            max_restarts: self.policy.max_restarts,
        }
    }

    /// How long the next shard will be down, as far as anything is known of it.
    pub fn estimate(&self, seen: &Seen<'_>) -> Option<Estimate> {
        self.memory.shards.estimate(seen, &self.terms(seen))
    }

    /// The mark of this drain, or of an earlier run of it, on the set, with its text: it says that there is an extra shard.
    pub(super) fn surge_mark<'a>(&self, seen: &Seen<'a>) -> Option<(Mark, &'a str)> {
        surge::of(seen).filter(|(mark, _)| mark.is_of(&self.run))
    }

    /// The number of the extra shard, while there is or may be one.
    pub(super) fn extra(&self, seen: &Seen<'_>) -> Option<Ordinal> {
        let from_mark = || {
            let was = self.surge_mark(seen)?.0.was.get("spec.replicas")?.as_i64()?;
            let was = i32::try_from(was).ok()?;
            Some(set::first_ordinal(seen.set().ok()?).saturating_add(was))
        };
        self.memory.extra.or_else(from_mark)
    }

    /// Until when a mark of this run is meant to last: each shard may wait for its node first, then for itself.
    pub fn marks_last_until(&self, seen: &Seen<'_>, now: Timestamp) -> Timestamp {
        let shards = self.order(seen, now).len();
        let pause = self.policy.pause + self.policy.shard_timeout;
        marks_last_until(shards, &self.terms(seen), pause, now)
    }

    /// Pins the set and the budgets as they are to stay: without the shard that a surge adds.
    fn pin(&mut self, seen: &Seen<'_>) {
        let Ok(found) = seen.set() else { return };
        if self.memory.budgets.is_none() {
            self.memory.budgets = budgets(seen, &self.run);
        }
        if self.memory.pinned.is_some() {
            return;
        }
        let mut pinned = Pinned::of(found);
        pinned.leaves = true;
        let was = self
            .surge_mark(seen)
            .and_then(|(mark, _)| mark.was.get("spec.replicas")?.as_i64());
        if let Some(was) = was.and_then(|was| i32::try_from(was).ok()) {
            pinned.replicas = was;
        }
        self.memory.pinned = Some(pinned);
    }

    /// Whether a node has the mark of this drain, or of an earlier run of it.
    fn is_marked(&self, found: &Node) -> bool {
        let mark = Mark::of(found.metadata.annotations.as_ref()).and_then(Result::ok);
        mark.is_some_and(|mark| mark.is_of(&self.run))
    }

    fn note_nodes(&mut self, seen: &Seen<'_>) {
        let first = self.memory.pinned.is_none();
        let marked = seen.snapshot.nodes.got().into_iter().flatten();
        let marked = marked.filter(|found| self.is_marked(found));
        let marked: Vec<String> = marked.map(|found| node::name(found).to_owned()).collect();
        self.memory.marked.extend(marked);
        for name in &self.aim.order {
            let Some(found) = seen.node(name).ok().flatten() else {
                continue;
            };
            if node::is_cordoned(found) {
                self.memory.cordoned.insert(name.clone());
            } else if self.memory.uncordoning.as_ref() == Some(name) && !self.is_marked(found) {
                // It was done, and only the answer was lost.
                self.memory.uncordoning = None;
                self.memory.emptied.push(name.clone());
            }
            if first && (is_leaving(seen, found) || super::node::silent(seen, found).is_some()) {
                self.memory.known_trouble.insert(name.clone());
            }
        }
    }
}

/// Whether somebody is taking a node away.
pub(super) fn is_leaving(seen: &Seen<'_>, found: &Node) -> bool {
    let claim = super::node::claim_of(seen, node::name(found)).ok().flatten();
    let of_claim = claim.and_then(|claim| claim.deleted());
    found.metadata.deletion_timestamp.is_some() || of_claim.is_some()
}

impl Planner for Drain {
    fn note(&mut self, seen: &Seen<'_>, now: Timestamp, sight: Sight) {
        if seen.set().is_err() {
            return;
        }
        if sight >= Sight::Anew {
            self.memory.shards.note_what_stayed(seen);
        }
        self.note_nodes(seen);
        self.pin(seen);
        let terms = self.terms(seen);
        self.memory.shards.note_pods(seen, now);
        let open: BTreeSet<String> = self.open_nodes().cloned().collect();
        let due = |shard: &Shard<'_>| {
            let place = shard.pod.and_then(pod::node);
            place.is_some_and(|place| open.contains(place))
        };
        let done = self
            .memory
            .shards
            .note_shards(seen, &due, &terms, self.aim.resumes, now);
        if !done.is_empty() {
            self.memory.tasks.close_the_gate();
        }
        if let Some(extra) = self.extra(seen) {
            // It comes and goes by our own doing, and nobody's shard was down for it.
            self.memory.shards.up.remove(&extra);
            self.memory.shards.done.retain(|ordinal| *ordinal != extra);
            self.memory.shards.forget(extra);
        }
        if let Some(finding) = self.memory.shards.note_disks(seen, sight) {
            self.memory.failed.get_or_insert(finding);
        }
    }

    fn wants_volumes(&self) -> bool {
        self.memory.shards.has_unproven()
    }

    fn next_step(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        self.next(seen, wishes, now)
    }

    fn about_to(&mut self, act: &Act, seen: &Seen<'_>, now: Timestamp) {
        self.memory.tried = now;
        if let Some((target, _)) = act.takes_down() {
            self.memory.touched = true;
            let terms = self.terms(seen);
            self.memory.shards.begin(seen, target, &terms, now);
        }
        match act {
            Act::EvictPod(_) | Act::ReleaseNode { .. } => self.memory.touched = true,
            Act::Scale { .. } => {
                self.memory.touched = true;
                let extra = seen.set().map(|found| {
                    let replicas = self.memory.pinned.as_ref().map_or(0, |pinned| pinned.replicas);
                    set::first_ordinal(found).saturating_add(replicas)
                });
                self.memory.extra = extra.ok();
                self.memory.scaled.get_or_insert(now);
            }
            Act::ScaleBack => {
                // What led here may look otherwise as soon as the extra shard is on its way out.
                if let end @ Step::End { .. } = self.decide(seen, Wishes::default(), now) {
                    self.memory.ending.get_or_insert(end);
                }
                self.memory.scaling_back.get_or_insert(now);
            }
            Act::Freeze { node, .. } => {
                self.memory.marked.insert(node.clone());
            }
            Act::OwnMark { object, .. } => self
                .memory
                .marked
                .extend(object.strip_prefix("node/").map(str::to_owned)),
            Act::LeaveNode { node, uncordon: true } => self.memory.uncordoning = Some(node.clone()),
            Act::MakePlaceholder { shard, .. } => *self.memory.placed.entry(shard.clone()).or_default() += 1,
            Act::Task(_) => self.memory.tasks.about_to(),
            _ => {}
        }
    }

    fn acted(&mut self, act: &Act, became: &Acted) {
        match became {
            Acted::Done => self.did(act),
            Acted::Undone { left } => {
                self.did(act);
                // Somebody wrote the budget while it was open for this eviction: another one isn't begun.
                if act.takes_down().is_some() {
                    self.memory.failed = left.first().cloned();
                }
            }
            Acted::LookAgain | Acted::Declined => {}
            Acted::Blocked(blocked) => match act {
                Act::EvictPod(other) => {
                    let held = ((**blocked).clone(), self.memory.tried);
                    self.memory.held.insert(other.uid.clone(), held);
                }
                _ => {
                    if let Some((target, _)) = act.takes_down() {
                        self.memory.blocked = Some((target.ordinal, (**blocked).clone(), self.memory.tried));
                    }
                }
            },
            Acted::Refused(refusals) => match act {
                Act::MakePlaceholder { shard, .. } if self.policy.allowed.left(refusals.clone()).is_empty() => {
                    self.memory.without_room.insert(shard.clone());
                }
                _ => self.memory.refused.clone_from(refusals),
            },
            Acted::Failed(finding) => match act {
                Act::ScaleBack | Act::RemoveClaim { .. } => self.memory.extra_stuck = Some((**finding).clone()),
                Act::UndoMark { object, .. } if object.starts_with("statefulset/") => {
                    self.memory.extra_stuck = Some((**finding).clone());
                }
                // It is told, and the run goes on.
                Act::OwnMark { object, .. } => _ = self.memory.not_owned.insert(object.clone()),
                _ => self.memory.failed = Some((**finding).clone()),
            },
        }
        // Not taken down for certain: the shard is as it was.
        if let Some((target, _)) = act.takes_down()
            && matches!(became, Acted::Refused(_) | Acted::Failed(_) | Acted::Blocked(_))
        {
            self.memory.shards.forget(target.ordinal);
        }
    }

    fn gate(&self, seen: &Seen<'_>, target: &PodRef, already_down: bool) -> Result<PodRef, Vec<Refusal>> {
        let object = format!("pod/{}", target.name);
        let Some(pinned) = &self.memory.pinned else {
            return Err(vec![SET_CHANGED.refuse(object, "the set wasn't seen yet")]);
        };
        if seen.snapshot.nodes.got().is_none() {
            return Err(vec![UNREADABLE.refuse(object, "the nodes can't be read")]);
        }
        let mut pinned = pinned.clone();
        if surge::without_extra(seen, &self.run).is_some() {
            pinned.replicas = pinned.replicas.saturating_add(1);
        }
        gate(
            seen,
            &pinned,
            target,
            &self.apart(seen),
            already_down,
            &self.policy.allowed,
        )
    }

    /// Its own node never takes it again.
    fn wants_room(&self, _seen: &Seen<'_>, _target: &PodRef) -> bool {
        true
    }

    fn fetching(&self, seen: &Seen<'_>) -> Vec<Fetching> {
        self.room_that_is_made(seen)
    }

    fn done(&self, but: usize, now: Timestamp) -> Vec<ShardReport> {
        let done = self.memory.shards.done.get(but..).unwrap_or_default();
        self.memory.shards.reports(&self.set_name, done, now)
    }

    fn put_back(&self, seen: &Seen<'_>, locked: bool, but: &[Act]) -> Option<Act> {
        self.next_to_put_back(seen, locked, but)
    }

    fn in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand> {
        let terms = self.terms(seen);
        let mut standing = self.standing(seen, now);
        // The extra shard of a surge is waited for, and the system isn't down without it.
        let extra = self.extra(seen);
        standing.retain(|one| Some(one.shard.ordinal) != extra);
        self.memory.shards.in_hand(seen, &standing, &terms, now)
    }

    fn outcome(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        self.ended(seen, step, now)
    }
}

impl Drain {
    /// When the whole drain gives up (`--timeout`).
    pub(super) fn until(&self) -> Option<Timestamp> {
        Some(self.policy.until?.since(self.memory.shards.began))
    }

    /// The shards that are down on purpose, together: those of the node in turn, with `downtime`.
    fn apart(&self, seen: &Seen<'_>) -> BTreeSet<Ordinal> {
        if self.policy.strategy != Strategy::Downtime {
            return BTreeSet::new();
        }
        let mut apart: BTreeSet<Ordinal> = self.memory.shards.taken.keys().copied().collect();
        if let Some(place) = self.open_nodes().next() {
            apart.extend(self.shards_on(seen, place));
        }
        apart
    }

    fn did(&mut self, act: &Act) {
        match act {
            Act::EvictPod(other) => {
                self.memory.held.remove(&other.uid);
                self.memory.gone.insert(other.uid.clone());
            }
            Act::EvictShard { .. } | Act::DeleteShard { .. } => self.memory.blocked = None,
            Act::LeaveNode { node, .. } => {
                self.memory.uncordoning = None;
                self.memory.marked.remove(node);
                self.memory.emptied.push(node.clone());
            }
            Act::Unfreeze { node } => {
                self.memory.marked.remove(node);
            }
            Act::ReleaseNode { node, .. } => {
                self.memory.released.insert(node.clone());
            }
            Act::Task(task) => self.memory.tasks.did(task),
            _ => {}
        }
    }
}
