//! How an upgrade ends: the last step, the shards that are left on another revision, and the three facts.

use jiff::Timestamp;

use super::Upgrade;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome, down_in_all};
use crate::model::pod;
use crate::model::set;
use crate::model::step::{Act, Step};
use crate::plan::replace::report::{counted, found_at_last, state_now};
use crate::plan::replace::stand::Stand;
use crate::plan::replace::{another_set, observed_revision};
use crate::plan::verify::seen::Seen;

impl Upgrade {
    /// All that is wanted is done.
    pub(super) fn finish(&self, seen: &Seen<'_>, now: Timestamp) -> Step {
        let revision = self.revision();
        let rest = self.standings(seen, revision, now, |_| true);
        let rest = rest.iter().filter(|one| one.stand != Stand::Done).count();
        if let Some(close) = self.journal_to_close(seen, revision, now) {
            return close;
        }
        let revision = revision.unwrap_or_default();
        let done = self.replacing.done.len();
        let summary = match (done, rest) {
            (0, 0) if self.aim.change.is_some() => format!("written: {}; no shard had to move", self.aim.what),
            (0, 0) => "nothing was left to do".to_owned(),
            (_, 0) => format!("{} on revision {revision}", counted(done, "shard")),
            _ => format!(
                "{} on revision {revision}, {rest} left as they were",
                counted(done, "shard")
            ),
        };
        Step::End {
            end: End::Done,
            summary,
            findings: Vec::new(),
        }
    }

    /// Closing the journal, once every shard has come over.
    pub(super) fn journal_to_close(&self, seen: &Seen<'_>, revision: Option<&str>, now: Timestamp) -> Option<Step> {
        let all = self.standings(seen, revision, now, |_| true);
        let over = all.iter().all(|one| one.stand == Stand::Done);
        (over && self.journal_is_open(seen) && !self.memory.finished).then_some(Step::Act(Act::FinishJournal))
    }

    fn journal_is_open(&self, seen: &Seen<'_>) -> bool {
        let journal = seen
            .set()
            .ok()
            .and_then(|set| crate::model::journal::Journal::of(set.metadata.annotations.as_ref())?.ok());
        journal.is_some_and(|journal| journal.finished.is_none())
    }

    /// The finding that the set is mixed, where it is.
    pub(super) fn left_over(&self, seen: &Seen<'_>) -> Vec<Finding> {
        let Ok(found) = seen.set() else { return Vec::new() };
        let Some(revision) = observed_revision(seen) else {
            return Vec::new();
        };
        let (mut here, mut there): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for shard in seen.every_shard().unwrap_or_default() {
            match shard.pod.and_then(pod::revision) {
                Some(its) if its == revision => here.push(shard.name.into_owned()),
                Some(_) => there.push(shard.name.into_owned()),
                None => {}
            }
        }
        if there.is_empty() || (here.is_empty() && self.memory.undoing.is_none()) {
            return Vec::new();
        }
        let mut finding = Finding::new(
            Severity::Warning,
            format!("statefulset/{}", set::name(found)),
            format!(
                "the set is mixed: {} on the set's revision {revision}, {} on another",
                counted(here.len(), "shard"),
                counted(there.len(), "shard")
            ),
        );
        finding
            .evidence(format!("on another: {}", there.join(", ")))
            .remedy("what a newer version has written to its disk an older one may not read: look that up before taking shards back")
            .remedy("to move the rest to the set's template:")
            .remedy(format!(
                "$ {}",
                match self.memory.undoing {
                    Some(_) => &self.again.after_undo,
                    None => &self.again.resume,
                }
            ));
        vec![finding]
    }

    pub(super) fn ended(&self, seen: &Seen<'_>, step: &Step, now: Timestamp) -> Outcome {
        let (mut end, mut summary, mut findings) = match step {
            Step::End { end, summary, findings } => (*end, summary.clone(), findings.clone()),
            Step::Act(_) | Step::Wait(_) => (End::Interrupted, "interrupted".to_owned(), Vec::new()),
        };
        let found = self.seen_at_last(seen, end);
        found_at_last(found, &mut end, &mut summary, &mut findings);
        let shards = self.replacing.reports(&self.set_name, &self.replacing.touched(), now);
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary,
            shard_seconds: down_in_all(&shards),
            shards,
            seconds: now.duration_since(self.replacing.began).as_secs_f64().max(0.0),
            data: self.replacing.data_words(seen),
            findings,
            state_now: state_now(seen),
            how_to_undo: self.how_to_undo(seen),
            how_to_resume: self.how_to_resume(seen, end),
        }
    }

    /// What the last look, after which nothing is decided any more, shows against the end: a disk that was exchanged, a shard that
    /// fell; and where all was about to be called done, a set that somebody changed.
    fn seen_at_last(&self, seen: &Seen<'_>, end: End) -> Vec<Finding> {
        let fallen = self.replacing.fallen(seen, self.policy.max_restarts);
        let mut found: Vec<Finding> = self.memory.failed.iter().cloned().collect();
        found.extend(fallen.into_iter().map(|(_, finding)| finding));
        if let Some(pinned) = self.memory.pinned.as_ref().filter(|_| end == End::Done) {
            found.extend(another_set(seen, pinned, "upgrade").map(|(_, finding)| finding));
        }
        found
    }

    fn how_to_undo(&self, seen: &Seen<'_>) -> Vec<String> {
        let open = self.memory.wrote || self.memory.undoing.is_some() || self.aim.resumes || self.journal_is_open(seen);
        if !self.memory.touched && !open {
            return vec!["nothing to undo".to_owned()];
        }
        if self.memory.undoing.is_some() {
            return vec!["the template was put back already".to_owned()];
        }
        vec![format!("$ {}", self.again.undo)]
    }

    fn how_to_resume(&self, seen: &Seen<'_>, end: End) -> Vec<String> {
        match end {
            End::Done | End::NothingToDo if self.memory.declined || !self.policy.only.is_empty() => {
                vec![format!("$ {}", self.again.resume)]
            }
            End::Done | End::NothingToDo => vec!["nothing to resume".to_owned()],
            _ if self.memory.undoing.is_some() && self.left_over(seen).is_empty() => {
                vec!["mend the image or the template, then give it anew".to_owned()]
            }
            _ if self.memory.undoing.is_some() => vec![
                "mend the image or the template, then give it anew; to bring every shard to the template that was put back:".to_owned(),
                format!("$ {}", self.again.after_undo),
            ],
            _ if self.aim.change.is_none() || self.memory.wrote => vec![format!("$ {}", self.again.resume)],
            _ => vec![format!("$ {}", self.again.same)],
        }
    }
}
