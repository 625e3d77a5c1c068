//! A shard's way down and up again, told from what the watch shows: how long each phase lasted, and how long it was down.
//!
//! Times are the server's, to the fraction of a second, at which this run saw things happen. What objects say of themselves
//! (whole seconds) is used only for what happened before this run looked.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use crate::model::phase::{Lasted, Phase};
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::set::Ordinal;
use crate::model::storage::VolumeAttachment;
use crate::plan::verify::seen::Seen;

/// One shard's course.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    ordinal: Ordinal,
    min_ready: SignedDuration,
    /// The pod that was taken down; none where the run found the shard without it.
    old_uid: Option<String>,
    /// The node that the disks come from.
    from: Option<String>,
    /// The pod that comes up.
    new: Option<Newcomer>,
    /// When the first phase that is known began.
    began: Timestamp,
    /// Whether that was the deletion.
    saw_the_old: bool,
    gone: Option<Timestamp>,
    detached: Option<Timestamp>,
    /// Whether the shard has disks that are attached to nodes.
    has_disks: bool,
    /// Since when it is down, as this run saw it; none while it is Ready.
    down_since: Option<Timestamp>,
    /// How long it was down before that.
    down_before: SignedDuration,
    down_from: Timestamp,
    ready_since: Option<Timestamp>,
}

/// The latest pod: a StatefulSet may make more than one until one stays.
#[derive(Clone, Debug, PartialEq)]
struct Newcomer {
    uid: String,
    node: Option<String>,
    scheduled: Option<Timestamp>,
    attached: Option<Timestamp>,
    started: Option<Timestamp>,
}

impl Course {
    /// The course of a shard whose pod was just deleted.
    pub fn begun(ordinal: Ordinal, old: &Pod, min_ready: SignedDuration, now: Timestamp) -> Course {
        Course {
            ordinal,
            min_ready,
            old_uid: Some(pod::uid(old).to_owned()),
            from: pod::node(old).map(str::to_owned),
            new: None,
            began: now,
            saw_the_old: true,
            gone: None,
            detached: None,
            has_disks: false,
            down_since: Some(now),
            down_before: SignedDuration::ZERO,
            down_from: now,
            ready_since: None,
        }
    }

    /// The same course, of a shard that was down already by this run's doing: how long counts on from there.
    pub fn going_on_from(mut self, earlier: &Course, now: Timestamp) -> Course {
        let so_far = earlier
            .down_since
            .map(|since| now.duration_since(since).max(SignedDuration::ZERO));
        self.down_before = earlier.down_before + so_far.unwrap_or_default();
        self.down_from = earlier.down_from;
        self
    }

    /// The course of a shard that was found down by a run that didn't take it down: how long it was down counts from now, its
    /// phases from what its pod says.
    pub fn found(ordinal: Ordinal, found: Option<&Pod>, min_ready: SignedDuration, now: Timestamp) -> Course {
        let nobody = Pod::default();
        let mut course = Course::begun(ordinal, found.unwrap_or(&nobody), min_ready, now);
        match found {
            Some(old) if pod::is_terminating(old) => {
                course.began = pod::since(old).unwrap_or(now).min(now);
            }
            Some(young) => {
                let made = young.metadata.creation_timestamp.as_ref();
                course.came_without_the_old(made.map_or(now, |made| made.0).min(now));
                course.new = Some(Newcomer {
                    uid: pod::uid(young).to_owned(),
                    node: pod::node(young).map(str::to_owned),
                    scheduled: scheduled_at(young),
                    attached: None,
                    started: started_at(young),
                });
            }
            None => course.came_without_the_old(now),
        }
        course
    }

    fn came_without_the_old(&mut self, at: Timestamp) {
        self.old_uid = None;
        self.from = None;
        self.saw_the_old = false;
        self.began = at;
        self.gone = Some(at);
    }

    /// Takes in what is seen now.
    ///
    /// # Errors
    /// Unknown where pods can't be read; nothing is taken in then. Without claims, volumes or attachments, detaching and
    /// attaching aren't told apart from what comes after.
    pub fn observe(&mut self, seen: &Seen<'_>, now: Timestamp) -> Result<(), Skip> {
        let current = seen.expected_shard(self.ordinal)?.and_then(|shard| shard.pod);
        let is_old = |found: &Pod| self.old_uid.as_deref() == Some(pod::uid(found));
        let old_is_there = current.is_some_and(is_old);
        if !old_is_there && self.gone.is_none() {
            self.gone = Some(now);
        }
        let attachments = self.attachments(seen);
        self.has_disks |= !attachments.is_empty();
        if let Some(young) = current.filter(|_| !old_is_there) {
            self.take_in(young, &attachments, now);
        }
        self.see_the_disks_leave(&attachments, now);
        self.see_readiness(current.is_some_and(|found| !old_is_there && pod::is_ready(found)), now);
        Ok(())
    }

    /// The attachments of the shard's volumes.
    pub(super) fn attachments<'a>(&self, seen: &Seen<'a>) -> Vec<&'a VolumeAttachment> {
        let claims = seen.claims_of(self.ordinal).unwrap_or_default();
        let volumes: BTreeSet<&str> = claims
            .iter()
            .filter_map(|claim| claim.claim?.spec.as_ref()?.volume_name.as_deref())
            .collect();
        seen.attachments_of(&volumes)
    }

    fn take_in(&mut self, young: &Pod, attachments: &[&VolumeAttachment], now: Timestamp) {
        if self.new.as_ref().is_none_or(|known| known.uid != pod::uid(young)) {
            // The pod before this one has left its disks on its own node.
            if let Some(left) = self.new.take().and_then(|before| before.node) {
                self.from = Some(left);
                self.detached = None;
            }
            self.new = Some(Newcomer {
                uid: pod::uid(young).to_owned(),
                node: None,
                scheduled: None,
                attached: None,
                started: None,
            });
        }
        let Some(new) = self.new.as_mut() else { return };
        if let Some(node) = pod::node(young) {
            new.scheduled.get_or_insert(now);
            new.node = Some(node.to_owned());
            let mut here = attachments.iter().filter(|one| one.spec.node_name == node).peekable();
            let some = here.peek().is_some();
            let all = here.all(|one| one.status.as_ref().is_some_and(|status| status.attached));
            // Where a container runs already, nobody knows any more when the disks came.
            if some && all && new.started.is_none() {
                new.attached.get_or_insert(now);
            }
        }
        if pod::container_statuses(young).any(|status| {
            let state = status.state.as_ref();
            state.is_some_and(|state| state.running.is_some() || state.terminated.is_some()) || status.restart_count > 0
        }) {
            new.started.get_or_insert(now);
        }
    }

    /// The disks have left the old node when no attachment names it, or at once where they needn't leave it.
    fn see_the_disks_leave(&mut self, attachments: &[&VolumeAttachment], now: Timestamp) {
        let (Some(gone), None) = (self.gone, self.detached) else {
            return;
        };
        let stays = self.from.is_some() && self.new.as_ref().is_some_and(|new| new.node == self.from);
        let held = attachments
            .iter()
            .any(|one| Some(&one.spec.node_name) == self.from.as_ref());
        if self.from.is_none() || stays {
            self.detached = Some(gone);
        } else if !held {
            self.detached = Some(now);
        }
    }

    fn see_readiness(&mut self, is_ready: bool, now: Timestamp) {
        match (is_ready, self.down_since) {
            (true, Some(since)) => {
                self.down_before += now.duration_since(since).max(SignedDuration::ZERO);
                self.down_since = None;
                self.ready_since = Some(now);
            }
            (false, None) => {
                self.down_since = Some(now);
                self.ready_since = None;
            }
            _ => {}
        }
    }

    /// Whether it has come to its end with this very pod, Ready now as it was then: there is nothing more to take in.
    pub fn ended_with(&self, found: &Pod) -> bool {
        let is_new = self.new.as_ref().is_some_and(|new| new.uid == pod::uid(found));
        is_new && self.ready_since.is_some() && pod::is_ready(found)
    }

    /// Which shard.
    pub fn ordinal(&self) -> Ordinal {
        self.ordinal
    }

    /// The uid of the pod that was taken down, where this run saw it.
    pub fn old_uid(&self) -> Option<&str> {
        self.old_uid.as_deref()
    }

    /// For how long it must be Ready.
    pub fn min_ready(&self) -> SignedDuration {
        self.min_ready
    }

    /// Since when the shard is down, as far as this run saw it.
    pub fn down_from(&self) -> Timestamp {
        self.down_from
    }

    /// Since when it is Ready; none while it isn't.
    pub fn ready_since(&self) -> Option<Timestamp> {
        self.ready_since
    }

    /// When it will have been Ready for long enough, should it stay so.
    pub fn done_at(&self) -> Option<Timestamp> {
        self.ready_since?.checked_add(self.min_ready).ok()
    }

    /// Whether it is Ready and has been for long enough.
    pub fn is_done(&self, now: Timestamp) -> bool {
        self.done_at().is_some_and(|done| done <= now)
    }

    /// For how many seconds it was down, up to now; while it was Ready and had to prove itself it wasn't.
    pub fn down_seconds(&self, now: Timestamp) -> f64 {
        let still = self
            .down_since
            .map(|since| now.duration_since(since).max(SignedDuration::ZERO));
        (self.down_before + still.unwrap_or_default()).as_secs_f64()
    }

    /// The phase that it is in, and for how long it has been.
    pub fn phase(&self, now: Timestamp) -> Lasted {
        self.phases(now).last().copied().unwrap_or(Lasted {
            phase: Phase::Schedule,
            seconds: 0.0,
        })
    }

    /// The phases that it has been through and the one that it is in, in their order.
    ///
    /// They follow each other without gaps. What happens at once with an earlier phase (a node is found while the disk is
    /// still elsewhere) takes no time of its own. Detaching and attaching are left out for a shard without attached disks.
    pub fn phases(&self, now: Timestamp) -> Vec<Lasted> {
        let new = self.new.as_ref();
        let end = self.done_at().map(|done| done.min(now)).filter(|_| self.is_done(now));
        let ends = [
            (Phase::Terminate, self.gone),
            (Phase::Detach, self.detached),
            (Phase::Schedule, new.and_then(|new| new.scheduled)),
            (Phase::Attach, new.and_then(|new| new.attached)),
            (Phase::Pull, new.and_then(|new| new.started)),
            (Phase::Start, end),
        ];
        let mut phases = Vec::new();
        let mut from = self.began;
        for (at, (phase, ended)) in ends.iter().enumerate() {
            // A phase whose end nobody saw is over when a later one is.
            // A node may be found while the disk is still elsewhere.
            let after = at + if *phase == Phase::Detach { 2 } else { 1 };
            let later = ends[after..].iter().any(|(_, ended)| ended.is_some());
            let over = ended.is_some() || later;
            let until = match ended {
                Some(ended) => (*ended).max(from),
                None if over => from,
                None => now.max(from),
            };
            let applies = match phase {
                Phase::Terminate => self.saw_the_old,
                Phase::Detach => self.has_disks && self.saw_the_old,
                Phase::Attach => self.has_disks,
                _ => true,
            };
            if applies {
                phases.push(Lasted {
                    phase: *phase,
                    seconds: until.duration_since(from).as_secs_f64(),
                });
            }
            if applies || over {
                from = until;
            }
            if applies && !over {
                break;
            }
        }
        phases
    }
}

fn scheduled_at(young: &Pod) -> Option<Timestamp> {
    let bound = pod::condition(young, "PodScheduled").filter(|bound| bound.status == "True")?;
    bound.last_transition_time.as_ref().map(|at| at.0)
}

/// When the first of its containers started.
fn started_at(young: &Pod) -> Option<Timestamp> {
    pod::container_statuses(young)
        .filter_map(|status| {
            let state = status.state.as_ref()?;
            let running = state.running.as_ref().and_then(|running| running.started_at.as_ref());
            running.or_else(|| state.terminated.as_ref()?.started_at.as_ref())
        })
        .map(|at| at.0)
        .min()
}

#[cfg(test)]
mod tests;
