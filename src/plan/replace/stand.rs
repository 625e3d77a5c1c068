//! Where each shard stands on its way to a pod that isn't due any more, and in what order they are taken.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Due, Replacing, Terms};
use crate::model::pod;
use crate::model::set::Ordinal;
use crate::plan::verify::seen::{Seen, Shard};

/// Where a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Ready, and to be replaced.
    Due,
    /// Down, to be replaced, and not on its way out: replacing it costs nothing.
    DueAndDown,
    /// On its way out.
    Terminating,
    /// Without a pod.
    Missing,
    /// With a pod that stays, and not Ready.
    Coming,
    /// With a pod that stays and is Ready, but not for long enough.
    Settling {
        /// Until when, in the server's time.
        until: Timestamp,
    },
    /// With a pod that stays, and Ready for long enough.
    Done,
}

impl Stand {
    /// Whether the shard is one that the cluster is at, so that no other may be taken down.
    pub fn is_in_hand(self) -> bool {
        matches!(
            self,
            Stand::Terminating | Stand::Missing | Stand::Coming | Stand::Settling { .. }
        )
    }

    /// Whether the shard waits for its turn.
    pub fn is_due(self) -> bool {
        matches!(self, Stand::Due | Stand::DueAndDown)
    }
}

/// A shard and where it stands.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The shard.
    pub shard: Shard<'a>,
    /// Where it stands.
    pub stand: Stand,
}

impl Replacing {
    /// Every shard that there is or should be, with where it stands.
    pub fn standings<'a>(&self, seen: &Seen<'a>, due: Due<'_>, terms: &Terms, now: Timestamp) -> Vec<Standing<'a>> {
        self.standings_where(seen, due, terms, now, |_| true)
    }

    /// Those of them that stand so.
    pub fn standings_where<'a>(
        &self,
        seen: &Seen<'a>,
        due: Due<'_>,
        terms: &Terms,
        now: Timestamp,
        so: impl Fn(Stand) -> bool,
    ) -> Vec<Standing<'a>> {
        let shards = seen.each_shard().into_iter().flatten().enumerate();
        let standings = shards.filter_map(|(place, shard)| {
            let stand = self.stand(place, &shard, due, terms, now);
            so(stand).then_some(Standing { shard, stand })
        });
        standings.collect()
    }

    fn stand(&self, place: usize, shard: &Shard<'_>, due: Due<'_>, terms: &Terms, now: Timestamp) -> Stand {
        let Some(found) = shard.pod else {
            return Stand::Missing;
        };
        // What was just deleted is on its way out, also where the watch hasn't brought that yet.
        let taken = self.taken.get(&shard.ordinal);
        let deleted = taken.is_some_and(|taken| taken.uid == pod::uid(found));
        if deleted || shard.terminating {
            return Stand::Terminating;
        }
        let ready = shard.ready;
        if due(shard) {
            return if ready { Stand::Due } else { Stand::DueAndDown };
        }
        if !ready {
            return Stand::Coming;
        }
        if terms.min_ready.is_zero() {
            return Stand::Done;
        }
        let known = self.noted.ready_since(place, shard);
        let since = known.or_else(|| self.ready_since.get(pod::uid(found)).copied());
        let since = since.unwrap_or(now);
        match since.checked_add(terms.min_ready) {
            Ok(until) if until > now => Stand::Settling { until },
            _ => Stand::Done,
        }
    }
}

/// The shards that wait for their turn, in the order in which they are taken.
///
/// What is down already comes first, since replacing it costs nothing; then the highest ordinal, as the controller's own
/// rolling updates go; those of `last` at the end. Under OrderedReady the lowest of those that are down comes first: the
/// controller makes no higher pod while a lower one isn't Ready (kubernetes/kubernetes#67250).
pub fn queue<'a>(standings: Vec<Standing<'a>>, seen: &Seen<'a>, last: &BTreeSet<Ordinal>) -> Vec<Standing<'a>> {
    let ordered = seen
        .set()
        .ok()
        .and_then(|set| set.spec.as_ref()?.pod_management_policy.clone())
        .is_none_or(|policy| policy == "OrderedReady");
    let mut waiting: Vec<Standing<'a>> = standings.into_iter().filter(|one| one.stand.is_due()).collect();
    waiting.sort_by_key(|one| {
        let ordinal = i64::from(one.shard.ordinal);
        match one.stand {
            Stand::DueAndDown if ordered => (0, ordinal),
            Stand::DueAndDown => (0, -ordinal),
            _ if last.contains(&one.shard.ordinal) => (2, -ordinal),
            _ => (1, -ordinal),
        }
    });
    waiting
}
