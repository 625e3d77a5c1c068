//! The next step of an upgrade: one question after another, the first that has an answer decides.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::Upgrade;
use super::memory::Undoing;
use super::policy::OnFailure;
use super::stand::{Stand, Standing};
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::End;
use crate::model::phase::Phase;
use crate::model::pod;
use crate::model::read::Skip;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::step::{Act, PodRef, Step, Task, TemplateChange, Wait, When};
use crate::plan::course::Course;
use crate::plan::estimate::{self, Estimate};
use crate::plan::operation::{InHand, Wishes};
use crate::plan::verify::seen::Seen;
use crate::plan::{failing, pending, waiting};

/// How soon a shard without a node is looked at again: whether its reason ends by itself depends on how long it has held.
const SOON: SignedDuration = SignedDuration::from_secs(1);

impl Upgrade {
    pub(super) fn next(&self, seen: &Seen<'_>, wishes: Wishes, now: Timestamp) -> Step {
        self.unseen(seen)
            .or_else(|| self.set_is_another(seen))
            .or_else(|| self.something_failed(seen))
            .or_else(|| self.a_shard_fell(seen))
            .or_else(|| self.shard_in_hand(seen, now))
            .or_else(|| self.undone(seen, now))
            .or_else(|| self.after_the_shard())
            .or_else(|| self.stop_wished(seen, wishes))
            .or_else(|| self.prepare(seen, now))
            .or_else(|| self.between_shards(seen, now))
            .or_else(|| self.next_shard(seen, now))
            .unwrap_or_else(|| self.finish(seen, now))
    }

    /// An end short of the goal: refused where nothing was touched, halted where something was or may have been.
    pub(super) fn stop(&self, summary: impl Into<String>, findings: Vec<Finding>) -> Step {
        let touched = self.memory.touched || self.memory.ran_a_task;
        let end = if touched { End::Halted } else { End::Refused };
        Step::End {
            end,
            summary: summary.into(),
            findings,
        }
    }

    /// While the shards can't be seen nothing is decided about them.
    fn unseen(&self, seen: &Seen<'_>) -> Option<Step> {
        match seen.every_shard() {
            Ok(shards) if !shards.is_empty() => None,
            Err(Skip::NotApplicable(_)) => Some(self.stop("the StatefulSet is gone", Vec::new())),
            Ok(_) => Some(self.stop("the StatefulSet has no shards any more", Vec::new())),
            Err(Skip::Unknown(why)) => Some(Step::Wait(Wait {
                words: format!("the shards to be seen again: {why}"),
                until: None,
            })),
        }
    }

    fn set_is_another(&self, seen: &Seen<'_>) -> Option<Step> {
        let pinned = self.memory.pinned.as_ref()?;
        let found = seen.set().ok()?;
        let name = set::name(found);
        let halt = |message: String| {
            let mut finding = Finding::new(Severity::Error, format!("statefulset/{name}"), message);
            finding
                .remedy("find out who did that before going on; the shards stay as they are")
                .remedy(seen.kubectl(&format!(
                    "get statefulset {} --show-managed-fields -o yaml",
                    crate::model::shell::shell_word(name)
                )));
            Some(self.stop("somebody else changed the set while the upgrade ran", vec![finding]))
        };
        if set::uid(found) != pinned.set_uid {
            return halt("it was deleted and made anew".to_owned());
        }
        if set::replicas(found) != pinned.replicas {
            return halt(format!(
                "its replicas were changed from {} to {}",
                pinned.replicas,
                set::replicas(found)
            ));
        }
        let revision = super::observed_revision(seen)?;
        if Some(&revision) != pinned.update_revision.as_ref() {
            return halt(format!(
                "its template was changed: the revision is {revision} now, and this run moves the shards to {}",
                pinned.update_revision.as_deref().unwrap_or_default()
            ));
        }
        None
    }

    fn something_failed(&self, seen: &Seen<'_>) -> Option<Step> {
        if !self.memory.refused.is_empty() {
            let findings: Vec<Finding> = self.memory.refused.iter().map(finding_of).collect();
            return Some(self.stop(first_message(&findings), findings));
        }
        if let Some(failed) = &self.memory.failed {
            return Some(self.stop(failed.message.clone(), vec![failed.clone()]));
        }
        if self.memory.declined {
            let count = self.memory.done.len();
            return Some(Step::End {
                end: End::Done,
                summary: format!("stopped after the canary, {} as asked", counted(count, "shard")),
                findings: self.left_over(seen),
            });
        }
        None
    }

    /// A shard that was up and went down without our doing: somebody must look before another one goes.
    fn a_shard_fell(&self, seen: &Seen<'_>) -> Option<Step> {
        let shards = seen.every_shard().unwrap_or_default();
        let fallen: Vec<_> = shards
            .iter()
            .filter(|shard| self.memory.up.contains(&shard.ordinal) && !shard.pod.is_some_and(pod::is_ready))
            .collect();
        if fallen.is_empty() {
            return None;
        }
        let findings = fallen
            .iter()
            .map(|shard| {
                let mut finding = match shard
                    .pod
                    .and_then(|found| failing::failure(found, self.policy.max_restarts))
                {
                    Some(failing) => failing.finding,
                    None => Finding::new(
                        Severity::Error,
                        format!("pod/{}", shard.name),
                        match shard.pod {
                            None => "has vanished".to_owned(),
                            Some(found) if pod::is_terminating(found) => "is being deleted by somebody else".to_owned(),
                            Some(_) => "isn't Ready any more".to_owned(),
                        },
                    ),
                };
                for node in Upgrade::sick_nodes(seen, &shard.pod.into_iter().collect::<Vec<_>>()) {
                    finding.evidence(node);
                }
                finding.remedy(format!("$ shardctl events {}", shard.name));
                finding
            })
            .collect();
        let names: Vec<&str> = fallen.iter().map(|shard| shard.name.as_str()).collect();
        Some(self.stop(
            format!("{} went down without this run's doing", names.join(", ")),
            findings,
        ))
    }

    /// A shard that is down or settles: nothing else is touched until it is done.
    fn shard_in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let revision = self.revision()?;
        let all = self.standings(seen, revision, now);
        let in_hand: Vec<&Standing<'_>> = all.iter().filter(|one| one.stand.is_in_hand()).collect();
        let first = in_hand.first()?;
        for one in &in_hand {
            if let Some(finding) = self.failure_of(seen, one, now) {
                return Some(self.shard_failed(one, finding));
            }
        }
        let mut until: Option<Timestamp> = None;
        let mut sooner = |at: Option<Timestamp>| until = until.into_iter().chain(at).min();
        for one in &in_hand {
            if let Stand::Settling { until } = one.stand {
                sooner(Some(until));
            }
            if let Some(finding) = self.overdue(seen, one, now) {
                return Some(self.timed_out(one, finding));
            }
            sooner(self.limit(seen, one));
            if one.shard.pod.is_some_and(|found| pod::node(found).is_none()) {
                sooner(now.checked_add(SOON).ok());
            }
        }
        let words = match self.shards_in_hand(seen, now).into_iter().next() {
            Some(one) => format!("{}: {}", one.shard, one.words),
            None => format!("{} isn't done", first.shard.name),
        };
        Some(Step::Wait(Wait { words, until }))
    }

    fn failure_of(&self, seen: &Seen<'_>, one: &Standing<'_>, now: Timestamp) -> Option<Finding> {
        // A pod that was just deleted may look as it did before: the watch brings its end later than the server's answer.
        let found = one.shard.pod.filter(|_| one.stand != Stand::Terminating)?;
        if let Some(failing) = failing::failure(found, self.policy.max_restarts) {
            return Some(failing.finding);
        }
        if pod::node(found).is_some() {
            return None;
        }
        let reasons = reasons(seen, found);
        let reason = waiting::stuck(found, &reasons, waiting::is_autoscaled(seen), now)?;
        let mut finding = Finding::new(
            Severity::Error,
            format!("pod/{}", one.shard.name),
            format!("has no place: {}", reason.cause.words()),
        );
        // Each of its events is a reason, and as a rule they all say the same.
        let said: BTreeSet<String> = reasons
            .iter()
            .filter(|reason| !reason.said.is_empty())
            .map(|reason| format!("{}: {}", reason.by, reason.said))
            .collect();
        for said in said {
            finding.evidence(said);
        }
        finding.remedy(format!("$ shardctl events {}", one.shard.name));
        Some(finding)
    }

    fn shard_failed(&self, one: &Standing<'_>, finding: Finding) -> Step {
        if self.policy.on_failure == OnFailure::Undo
            && self.memory.undoing.is_none()
            && let Some(change) = self.undo_change()
        {
            return Step::Act(Act::ChangeTemplate(Box::new(change)));
        }
        let name = &one.shard.name;
        let mut findings = vec![finding];
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

    /// When a shard that was taken down should have been done.
    fn limit(&self, seen: &Seen<'_>, one: &Standing<'_>) -> Option<Timestamp> {
        let taken = self.memory.taken.get(&one.shard.ordinal)?;
        let undoing = self.memory.undoing.as_ref();
        // The template that was put back has as long as the bad one had.
        let from = undoing
            .filter(|undoing| undoing.ordinal == one.shard.ordinal)
            .map_or(taken.at, |undoing| undoing.at.max(taken.at));
        let patience = self.policy.shard_timeout + self.grace() + self.min_ready(seen);
        from.checked_add(patience).ok()
    }

    /// The finding where a shard takes longer than it may.
    fn overdue(&self, seen: &Seen<'_>, one: &Standing<'_>, now: Timestamp) -> Option<Finding> {
        if now < self.limit(seen, one)? {
            return None;
        }
        let words = self
            .shards_in_hand(seen, now)
            .into_iter()
            .find(|held| held.ordinal == one.shard.ordinal)
            .map(|held| format!("{}: {}", held.phase.word(), held.words))
            .unwrap_or_default();
        let mut finding = Finding::new(
            Severity::Error,
            format!("pod/{}", one.shard.name),
            format!(
                "isn't Ready {} after its grace period",
                crate::model::span::words(self.policy.shard_timeout)
            ),
        );
        finding
            .evidence(words)
            .remedy(format!("$ shardctl events {}", one.shard.name));
        Some(finding)
    }

    fn timed_out(&self, one: &Standing<'_>, finding: Finding) -> Step {
        // What doesn't stop doesn't come back because of another template. One that isn't made may: a server that refuses pods
        // of the new template takes those of the old.
        let may_heal = matches!(one.stand, Stand::Coming | Stand::Missing);
        if self.policy.on_failure == OnFailure::Undo && may_heal && self.memory.undoing.is_none() {
            return self.shard_failed(one, finding);
        }
        Step::End {
            end: End::TimedOut,
            summary: format!("{} took longer than --shard-timeout", one.shard.name),
            findings: vec![finding],
        }
    }

    /// After an undo: the stuck shard is deleted so that it heals; when it is Ready, the run ends.
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
        let found = stuck.pod?;
        if pod::revision(found) != Some(revision) {
            return Some(Step::Act(Act::DeleteShard {
                pod: pod_ref(found, stuck.ordinal),
                already_down: !pod::is_ready(found),
            }));
        }
        if let Some(close) = self.journal_to_close(seen, revision, now) {
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

    /// The command after a shard: it belongs to that shard, and runs also where the user wants to stop then.
    fn after_the_shard(&self) -> Option<Step> {
        let last = self.memory.done.last()?;
        (self.policy.after && !self.memory.after.contains(last)).then(|| task(When::After(*last)))
    }

    /// What the user wants done while no shard is in hand.
    fn between_shards(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let queue = self.queue(seen, self.revision()?, now);
        let Some(next) = queue.first() else {
            let due = self.policy.gate && !self.memory.gate_passed && !self.memory.done.is_empty();
            return due.then(|| task(When::Gate));
        };
        if self.policy.gate && !self.memory.gate_passed && next.stand != Stand::OutdatedAndDown {
            return Some(task(When::Gate));
        }
        let done = self.memory.done.len();
        if self.policy.canary.is_some_and(|canary| done >= canary) && !self.memory.went_on {
            return Some(Step::Act(Act::AskToGoOn { done }));
        }
        if let Some(last) = self.memory.last_done
            && let Ok(until) = last.checked_add(self.policy.pause)
            && until > now
        {
            return Some(Step::Wait(Wait {
                words: format!("a pause of {}", crate::model::span::words(self.policy.pause)),
                until: Some(until),
            }));
        }
        self.too_late(seen, next, now)
    }

    /// The end where the next shard can't be done by the deadline.
    pub(super) fn too_late(&self, seen: &Seen<'_>, next: &Standing<'_>, now: Timestamp) -> Option<Step> {
        let deadline = self.policy.deadline?;
        let estimate = self.estimate(seen);
        let length = estimate
            .as_ref()
            .and_then(|estimate| SignedDuration::try_from_secs_f64(estimate.seconds).ok())
            .unwrap_or_default();
        if now.checked_add(length).is_ok_and(|end| end <= deadline) {
            return None;
        }
        let why = match estimate {
            Some(estimate) if now < deadline => format!(
                "it takes about {} ({}), and the deadline is {deadline}",
                crate::model::span::words(length),
                estimate.made_from
            ),
            _ => format!("the deadline, {deadline}, has passed"),
        };
        Some(Step::End {
            end: End::TimedOut,
            summary: format!("{} isn't started: {why}", next.shard.name),
            findings: self.left_over(seen),
        })
    }

    fn next_shard(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let queue = self.queue(seen, self.revision()?, now);
        let next = queue.first()?;
        let found = next.shard.pod?;
        if self.policy.before && !self.memory.before.contains(&next.shard.ordinal) {
            return Some(task(When::Before(next.shard.ordinal)));
        }
        Some(Step::Act(Act::DeleteShard {
            pod: pod_ref(found, next.shard.ordinal),
            already_down: next.stand == Stand::OutdatedAndDown,
        }))
    }

    /// How long the next shard will take, as far as anything is known of it.
    pub(super) fn estimate(&self, seen: &Seen<'_>) -> Option<Estimate> {
        let done: Vec<(String, f64)> = self
            .memory
            .done
            .iter()
            .filter_map(|ordinal| {
                let course = self.memory.courses.get(ordinal)?;
                Some((
                    format!("{}-{ordinal}", self.set_name),
                    course.down_seconds(course.done_at()?),
                ))
            })
            .collect();
        estimate::estimate(seen, &done, self.min_ready(seen)).ok().flatten()
    }

    /// How long one shard will take, in seconds, and what that is made from; none where nothing is known.
    pub fn estimate_of_all(&self, seen: &Seen<'_>) -> Option<(f64, String)> {
        self.estimate(seen)
            .map(|estimate| (estimate.seconds, estimate.made_from))
    }

    pub(super) fn shards_in_hand(&self, seen: &Seen<'_>, now: Timestamp) -> Vec<InHand> {
        let Some(revision) = self.revision() else {
            return Vec::new();
        };
        let all = self.standings(seen, revision, now);
        all.iter()
            .filter(|one| one.stand.is_in_hand())
            .map(|one| {
                let taken = self.memory.taken.get(&one.shard.ordinal);
                let since = taken
                    .map(|taken| taken.at)
                    .or_else(|| pod::since(one.shard.pod?))
                    .unwrap_or(now);
                let known = self.memory.courses.get(&one.shard.ordinal).cloned();
                let course =
                    known.unwrap_or_else(|| Course::found(one.shard.ordinal, one.shard.pod, self.min_ready(seen), now));
                let (phase, words) = match waiting::waiting(seen, &course, now) {
                    Ok(told) => (told.phase, told.words),
                    Err(_) => (Phase::Start, "its pod can't be read".to_owned()),
                };
                InHand {
                    ordinal: one.shard.ordinal,
                    shard: one.shard.name.clone(),
                    phase,
                    words,
                    since,
                }
            })
            .collect()
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
        let Some(revision) = self.revision().map(str::to_owned) else {
            return;
        };
        let in_hand = self
            .standings(seen, &revision, now)
            .into_iter()
            .filter(|one| one.stand.is_in_hand());
        let failed = in_hand
            .map(|one| {
                (
                    one.shard.ordinal,
                    self.failure_of(seen, &one, now)
                        .or_else(|| self.overdue(seen, &one, now)),
                )
            })
            .find_map(|(ordinal, why)| Some((ordinal, why?)));
        if let Some((ordinal, why)) = failed {
            self.memory.undoing = Some(Undoing {
                ordinal,
                why,
                at: now,
                change: change.clone(),
                wrote: false,
            });
        }
    }
}

fn task(when: When) -> Step {
    Step::Act(Act::Task(Task { when }))
}

fn pod_ref(found: &Pod, ordinal: set::Ordinal) -> PodRef {
    PodRef {
        name: pod::name(found).to_owned(),
        ordinal,
        uid: pod::uid(found).to_owned(),
        resource_version: found.metadata.resource_version.clone().unwrap_or_default(),
        node: pod::node(found).map(str::to_owned),
    }
}

/// Why a pod has no node, in the words of scheduler and Karpenter.
fn reasons(seen: &Seen<'_>, found: &Pod) -> Vec<pending::Reason> {
    let events = seen.events_about("Pod", pod::name(found)).unwrap_or_default();
    let about_claims = seen
        .snapshot
        .cluster_events
        .got()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let claims = seen.snapshot.node_claims.got().map(Vec::as_slice).unwrap_or_default();
    pending::reasons(found, &events, about_claims, claims)
}

/// A refusal as a finding of the end.
fn finding_of(refusal: &Refusal) -> Finding {
    let mut finding = Finding::new(Severity::Error, refusal.object.clone(), refusal.message.clone());
    finding.evidence.clone_from(&refusal.evidence);
    finding.remedy.clone_from(&refusal.remedy);
    if refusal.can_be_allowed {
        finding.remedy(format!("or go on all the same, with --allow {}", refusal.id));
    }
    finding
}

fn first_message(findings: &[Finding]) -> String {
    findings
        .first()
        .map(|finding| format!("{}: {}", finding.object, finding.message))
        .unwrap_or_default()
}

/// `1 shard`, `3 shards`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
