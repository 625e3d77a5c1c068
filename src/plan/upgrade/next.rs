//! The next step of an upgrade: one question after another, the first that has an answer decides.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::Upgrade;
use super::memory::Undoing;
use super::policy::OnFailure;
use crate::model::finding::Finding;
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::step::{Act, Step, TemplateChange};
use crate::plan::operation::{InHand, Wishes};
use crate::plan::replace::hand::{Hand, Stuck};
use crate::plan::replace::report::{counted, finding_of, first_message};
use crate::plan::replace::stand::{Stand, Standing};
use crate::plan::replace::{Unseen, another_set, pod_ref, unseen};
use crate::plan::safety::own::mark_to_own;
use crate::plan::verify::seen::{Seen, Shard};

impl Upgrade {
    pub(super) fn next(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        self.unseen(seen, wishes)
            .or_else(|| self.set_is_another(seen))
            .or_else(|| self.something_failed())
            .or_else(|| self.a_shard_fell(seen))
            .or_else(|| mark_to_own(seen, &self.run, &self.memory.not_owned, wishes))
            .or_else(|| self.room_to_give_back(seen))
            .or_else(|| self.shard_in_hand(seen, now))
            .or_else(|| self.undone(seen, now))
            .or_else(|| self.after_the_shard())
            .or_else(|| self.stop_wished(seen, wishes))
            .or_else(|| self.declined(seen))
            .or_else(|| self.prepare(seen, now))
            .or_else(|| self.room_to_make(seen, now))
            .or_else(|| self.between_shards(seen, now))
            .or_else(|| self.next_shard(seen, now))
            .unwrap_or_else(|| self.finish(seen, now))
    }

    /// An end short of the goal: refused where nothing was touched, halted where something was or may have been.
    pub(super) fn stop(&self, summary: impl Into<String>, findings: Vec<Finding>) -> Step {
        let touched = self.memory.touched || self.tasks.ran_one;
        let end = if touched { End::Halted } else { End::Refused };
        Step::End {
            end,
            summary: summary.into(),
            findings,
        }
    }

    /// While the shards can't be seen nothing is decided about them. Whoever wants to stop is obeyed all the same, where no shard is in
    /// hand.
    fn unseen(&self, seen: &Seen<'_>, wishes: Wishes) -> Option<Step> {
        Some(match unseen(seen)? {
            Unseen::Gone(why) => self.stop(why, Vec::new()),
            Unseen::Wait(wait) => {
                let stops = Some(wishes).filter(|_| self.replacing.taken.is_empty());
                stops
                    .and_then(|wishes| self.stop_wished(seen, wishes))
                    .map_or(Step::Wait(wait), |stop| self.after_the_shard().unwrap_or(stop))
            }
        })
    }

    fn set_is_another(&self, seen: &Seen<'_>) -> Option<Step> {
        let (summary, finding) = another_set(seen, self.memory.pinned.as_ref()?, "upgrade")?;
        Some(self.stop(summary, vec![finding]))
    }

    fn something_failed(&self) -> Option<Step> {
        if !self.memory.refused.is_empty() {
            let findings: Vec<Finding> = self.memory.refused.iter().map(finding_of).collect();
            return Some(self.stop(first_message(&findings), findings));
        }
        if let Some(failed) = &self.memory.failed {
            return Some(self.stop(failed.message.clone(), vec![failed.clone()]));
        }
        None
    }

    /// A shard that was up and went down without our doing: somebody must look before another one goes.
    fn a_shard_fell(&self, seen: &Seen<'_>) -> Option<Step> {
        let fallen = self.replacing.fallen(seen, self.policy.max_restarts);
        if fallen.is_empty() {
            return None;
        }
        let (names, findings): (Vec<String>, Vec<Finding>) = fallen.into_iter().unzip();
        Some(self.stop(
            format!("{} went down without this run's doing", names.join(", ")),
            findings,
        ))
    }

    /// A shard that is down or settles: nothing else is touched until it is done.
    fn shard_in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        match self.hand(seen, now) {
            Hand::Empty => None,
            Hand::Wait(wait) => Some(Step::Wait(wait)),
            Hand::Failed(stuck) => Some(self.shard_failed(stuck)),
            Hand::Overdue(stuck) => Some(self.timed_out(stuck)),
        }
    }

    /// How it goes with the shards in hand; none is before the revision is known.
    fn hand(&self, seen: &Seen<'_>, now: Timestamp) -> Hand {
        let Some(revision) = self.revision() else {
            return Hand::Empty;
        };
        let all = self.standings(seen, Some(revision), now, Stand::is_in_hand);
        self.replacing.hand(seen, &all, &self.terms(seen), now)
    }

    fn shard_failed(&self, stuck: Stuck) -> Step {
        if self.policy.on_failure == OnFailure::Undo
            && self.memory.undoing.is_none()
            && let Some(change) = self.undo_change()
        {
            return Step::Act(Act::ChangeTemplate(Box::new(change)));
        }
        let name = stuck.shard;
        let mut findings = vec![stuck.finding];
        let summary = match &self.memory.undoing {
            None => format!("{name} can't become Ready"),
            Some(undoing) => {
                findings.insert(0, undoing.why.clone());
                format!("the template was put back, and {name} still can't become Ready")
            }
        };
        Step::End {
            end: End::Halted,
            summary,
            findings,
        }
    }

    fn timed_out(&self, stuck: Stuck) -> Step {
        // What doesn't stop doesn't come back because of another template. One that isn't made may: a server that refuses pods
        // of the new template takes those of the old.
        let may_heal = matches!(stuck.stand, Stand::Coming | Stand::Missing);
        if self.policy.on_failure == OnFailure::Undo && may_heal && self.memory.undoing.is_none() {
            return self.shard_failed(stuck);
        }
        Step::End {
            end: End::TimedOut,
            summary: format!("{} took longer than --shard-timeout", stuck.shard),
            findings: vec![stuck.finding],
        }
    }

    /// After an undo: the stuck shard is deleted so that it heals, and so is, after it, whichever else is down on another template:
    /// that costs nothing. When they are Ready, the run ends.
    fn undone(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let undoing = self.memory.undoing.as_ref()?;
        if !self.template_is_written(seen) {
            return Some(Step::Act(Act::ChangeTemplate(Box::new(undoing.change.clone()))));
        }
        let Some(revision) = self.revision() else {
            return Some(self.until_the_controller_sees(seen, "the template that was put back", now));
        };
        let shards = seen.every_shard().unwrap_or_default();
        let stuck = shards.iter().find(|shard| shard.ordinal == undoing.ordinal)?;
        stuck.pod?;
        let heals = |shard: &&Shard<'_>| {
            let is_down = |found: &Pod| !pod::is_ready(found) && !pod::is_terminating(found);
            let on_another = |found: &&Pod| pod::revision(found) != Some(revision);
            let another = shard.pod.filter(on_another);
            another.is_some_and(|found| shard.ordinal == undoing.ordinal || is_down(found))
        };
        let next = std::iter::once(stuck).chain(&shards).find(heals);
        if let Some((shard, found)) = next.and_then(|shard| Some((shard, shard.pod?))) {
            return Some(Step::Act(Act::DeleteShard {
                pod: pod_ref(found, shard.ordinal),
                already_down: !pod::is_ready(found),
            }));
        }
        if let Some(close) = self.journal_to_close(seen, Some(revision), now) {
            return Some(close);
        }
        let mut findings = vec![undoing.why.clone()];
        findings.extend(self.left_over(seen));
        Some(Step::End {
            end: End::Halted,
            summary: format!(
                "{} couldn't become Ready; the template was put back, and it is Ready again on revision {revision}",
                stuck.name
            ),
            findings,
        })
    }

    fn stop_wished(&self, seen: &Seen<'_>, wishes: Wishes) -> Option<Step> {
        wishes.stop.then(|| Step::End {
            end: End::Interrupted,
            summary: if self.memory.touched {
                "interrupted, with no shard in hand".to_owned()
            } else {
                "interrupted; no shard, template or budget was touched".to_owned()
            },
            findings: if self.memory.touched {
                self.left_over(seen)
            } else {
                Vec::new()
            },
        })
    }

    /// Somebody said no after the canary. Told to stop in that question is no answer to it.
    fn declined(&self, seen: &Seen<'_>) -> Option<Step> {
        let count = self.replacing.done.len();
        self.memory.declined.then(|| Step::End {
            end: End::Done,
            summary: format!("stopped after the canary, {} as asked", counted(count, "shard")),
            findings: self.left_over(seen),
        })
    }

    /// The command after a shard: it belongs to that shard, and runs also where the user wants to stop then.
    fn after_the_shard(&self) -> Option<Step> {
        self.tasks.after(&self.replacing.done)
    }

    /// What the user wants done while no shard is in hand.
    fn between_shards(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let queue = self.queue(seen, Some(self.revision()?), now);
        let done = self.replacing.done.len();
        let Some(next) = queue.first() else {
            return self.tasks.gate().filter(|_| done > 0);
        };
        if next.stand != Stand::DueAndDown
            && let Some(gate) = self.tasks.gate()
        {
            return Some(gate);
        }
        if self.policy.canary.is_some_and(|canary| done >= canary) && !self.memory.went_on {
            return Some(Step::Act(Act::AskToGoOn { done }));
        }
        if let Some(pause) = self.replacing.pause(self.policy.pause, now) {
            return Some(Step::Wait(pause));
        }
        self.too_late(seen, next, now)
    }

    /// The end where the next shard can't be done by the deadline.
    pub(super) fn too_late(&self, seen: &Seen<'_>, next: &Standing<'_>, now: Timestamp) -> Option<Step> {
        let deadline = self.policy.deadline?.since(self.replacing.began);
        let summary = self
            .replacing
            .too_late(seen, &next.shard.name, deadline, &self.terms(seen), now)?;
        Some(Step::End {
            end: End::TimedOut,
            summary,
            findings: self.left_over(seen),
        })
    }

    fn next_shard(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let queue = self.queue(seen, Some(self.revision()?), now);
        let next = queue.first()?;
        let found = next.shard.pod?;
        if let Some(wait) = self.room_to_wait_for(seen, &next.shard, now) {
            return Some(wait);
        }
        if let Some(before) = self.tasks.before(next.shard.ordinal) {
            return Some(before);
        }
        Some(Step::Act(Act::DeleteShard {
            pod: pod_ref(found, next.shard.ordinal),
            already_down: next.stand == Stand::DueAndDown,
        }))
    }

    /// How long one shard will take, in seconds, and what that is made from; none where nothing is known.
    pub fn estimate_of_all(&self, seen: &Seen<'_>) -> Option<(f64, String)> {
        let estimate = self.replacing.estimate(seen, &self.terms(seen))?;
        Some((estimate.seconds, estimate.made_from))
    }

    pub(super) fn shards_in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand> {
        let Some(revision) = self.revision() else {
            return Vec::new();
        };
        let all = self.standings(seen, Some(revision), now, Stand::is_in_hand);
        self.replacing.in_hand(seen, &all, &self.terms(seen), now)
    }
}

impl Upgrade {
    /// The change that puts the template back, where it is known.
    fn undo_change(&self) -> Option<TemplateChange> {
        let earlier = self.aim.earlier.as_ref()?;
        Some(TemplateChange {
            what: format!("back to revision {}", earlier.revision),
            template: earlier.template.clone(),
            previous: self.aim.template.clone(),
            from: self.revision()?.to_owned(),
            restart: None,
            undo: true,
        })
    }

    /// Remembers that the template is about to be put back because a shard failed.
    pub(super) fn note_undoing(&mut self, seen: &Seen<'_>, change: &TemplateChange, now: Timestamp) {
        let (Hand::Failed(stuck) | Hand::Overdue(stuck)) = self.hand(seen, now) else {
            return;
        };
        // The template that is put back has as long as the bad one had.
        self.replacing.be_patient_anew(stuck.ordinal, now);
        self.memory.undoing = Some(Undoing {
            ordinal: stuck.ordinal,
            why: stuck.finding,
            change: change.clone(),
            wrote: false,
        });
    }
}
