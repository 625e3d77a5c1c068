//! Where each shard stands on its way to the pinned revision.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::Upgrade;
use crate::model::pod;
use crate::model::set::Ordinal;
use crate::plan::verify::seen::{Seen, Shard};

/// Where a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Ready, of another revision.
    Outdated,
    /// Down, of another revision, and not on its way out: replacing it costs nothing.
    OutdatedAndDown,
    /// On its way out.
    Terminating,
    /// Without a pod.
    Missing,
    /// Of the pinned revision, and not Ready.
    Coming,
    /// Of the pinned revision and Ready, but not for long enough.
    Settling {
        /// Until when, in the server's time.
        until: Timestamp,
    },
    /// Of the pinned revision, and Ready for long enough.
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
    pub fn is_outdated(self) -> bool {
        matches!(self, Stand::Outdated | Stand::OutdatedAndDown)
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

impl Upgrade {
    /// Every shard that there is or should be, with where it stands towards `revision`.
    pub(super) fn standings<'a>(&self, seen: &Seen<'a>, revision: &str, now: Timestamp) -> Vec<Standing<'a>> {
        let shards = seen.every_shard().unwrap_or_default();
        shards
            .into_iter()
            .map(|shard| {
                let stand = self.stand(seen, shard.pod, revision, now);
                Standing { shard, stand }
            })
            .collect()
    }

    fn stand(&self, seen: &Seen<'_>, found: Option<&Pod>, revision: &str, now: Timestamp) -> Stand {
        let Some(found) = found else {
            return Stand::Missing;
        };
        // What was just deleted is on its way out, also where the watch hasn't brought that yet.
        let deleted = self.memory.taken.values().any(|taken| taken.uid == pod::uid(found));
        if deleted || pod::is_terminating(found) {
            return Stand::Terminating;
        }
        let ready = pod::is_ready(found);
        if pod::revision(found) != Some(revision) {
            return if ready { Stand::Outdated } else { Stand::OutdatedAndDown };
        }
        if !ready {
            return Stand::Coming;
        }
        let since = self.memory.ready_since.get(pod::uid(found)).copied().unwrap_or(now);
        match since.checked_add(self.min_ready(seen)) {
            Ok(until) if until > now => Stand::Settling { until },
            _ => Stand::Done,
        }
    }

    /// How long a shard must be Ready: `minReadySeconds`, or `--min-ready` where that is more.
    pub(super) fn min_ready(&self, seen: &Seen<'_>) -> SignedDuration {
        let seconds = seen
            .set()
            .ok()
            .and_then(|set| set.spec.as_ref()?.min_ready_seconds)
            .unwrap_or(0);
        let asked = self.policy.min_ready.unwrap_or_default();
        asked.max(SignedDuration::from_secs(seconds.into()))
    }

    /// Whether this run is about a shard (`--only`).
    pub(super) fn is_wanted(&self, ordinal: Ordinal) -> bool {
        self.policy.only.is_empty() || self.policy.only.contains(&ordinal)
    }

    /// The shards that wait for their turn, in the order in which they are taken.
    ///
    /// What is down already comes first, since replacing it costs nothing; then the highest ordinal, as the controller's own
    /// rolling updates go; those of `--last` at the end. Under OrderedReady the lowest of those that are down comes first: the
    /// controller makes no higher pod while a lower one isn't Ready (kubernetes/kubernetes#67250).
    pub(super) fn queue<'a>(&self, seen: &Seen<'a>, revision: &str, now: Timestamp) -> Vec<Standing<'a>> {
        let ordered = seen
            .set()
            .ok()
            .and_then(|set| set.spec.as_ref()?.pod_management_policy.clone())
            .is_none_or(|policy| policy == "OrderedReady");
        let mut waiting: Vec<Standing<'a>> = self
            .standings(seen, revision, now)
            .into_iter()
            .filter(|one| one.stand.is_outdated() && self.is_wanted(one.shard.ordinal))
            .collect();
        waiting.sort_by_key(|one| {
            let ordinal = i64::from(one.shard.ordinal);
            match one.stand {
                Stand::OutdatedAndDown if ordered => (0, ordinal),
                Stand::OutdatedAndDown => (0, -ordinal),
                _ if self.policy.last.contains(&one.shard.ordinal) => (2, -ordinal),
                _ => (1, -ordinal),
            }
        });
        waiting
    }
}
