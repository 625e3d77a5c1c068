//! The shards as an upgrade sees them: which are due, how patient it is, and the set that it is about.

use jiff::Timestamp;

use super::Upgrade;
use crate::model::set::Ordinal;
use crate::plan::replace::stand::{Stand, Standing, queue};
use crate::plan::replace::{Terms, min_ready, observed_revision};
use crate::plan::safety::gate::Pinned;
use crate::plan::verify::seen::{Seen, Shard};

impl Upgrade {
    /// How patient it is with a shard.
    pub(super) fn terms(&self, seen: &Seen<'_>) -> Terms {
        Terms {
            set_name: self.set_name.clone(),
            shard_timeout: self.policy.shard_timeout,
            min_ready: min_ready(seen, self.policy.min_ready),
            grace: self.grace(),
            max_restarts: self.policy.max_restarts,
        }
    }

    /// The shards that stand so towards `revision`, of all that there are or should be.
    pub(super) fn standings<'a>(
        &self,
        seen: &Seen<'a>,
        revision: Option<&str>,
        now: Timestamp,
        so: impl Fn(Stand) -> bool,
    ) -> Vec<Standing<'a>> {
        self.replacing
            .standings_where(seen, &outdated(seen, revision), &self.terms(seen), now, so)
    }

    /// Whether this run is about a shard (`--only`).
    pub(super) fn is_wanted(&self, ordinal: Ordinal) -> bool {
        self.policy.only.is_empty() || self.policy.only.contains(&ordinal)
    }

    /// The shards that wait for their turn, in the order in which they are taken; without a revision that is all that are wanted.
    pub(super) fn queue<'a>(&self, seen: &Seen<'a>, revision: Option<&str>, now: Timestamp) -> Vec<Standing<'a>> {
        let mut standings = self.standings(seen, revision, now, Stand::is_due);
        standings.retain(|one| self.is_wanted(one.shard.ordinal));
        queue(standings, seen, &self.policy.last)
    }

    /// Pins the set as it is to stay, once the controller has seen the template.
    pub(super) fn pin(&mut self, seen: &Seen<'_>) {
        if self.memory.pinned.is_none()
            && self.write_is_seen(seen)
            && observed_revision(seen).is_some()
            && let Ok(set) = seen.set()
        {
            self.memory.pinned = Some(Pinned::of(set));
        }
    }

    /// Remembers who is up and who is done; what an earlier run took down is known as such once the revision is.
    pub(super) fn note_shards(&mut self, seen: &Seen<'_>, now: Timestamp) {
        let revision = self.revision().map(str::to_owned);
        let revision = revision.as_deref();
        let terms = self.terms(seen);
        let became_done = self
            .replacing
            .note_shards(seen, &outdated(seen, revision), &terms, revision.is_some(), now);
        if !became_done.is_empty() {
            self.tasks.close_the_gate();
        }
    }
}

/// Whether a shard's pod is of another revision; each one is while the revision isn't known.
fn outdated(seen: &Seen<'_>, revision: Option<&str>) -> impl Fn(&Shard<'_>) -> bool {
    let wanted = revision.and_then(|revision| seen.revision(revision));
    move |shard| wanted.is_none() || shard.revision != wanted
}
