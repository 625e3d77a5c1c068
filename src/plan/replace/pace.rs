//! How fast it may go: the pause between shards, the deadline, how long the next one takes, and all of them.

use jiff::{SignedDuration, Timestamp};

use super::{Replacing, Terms};
use crate::model::span;
use crate::model::step::Wait;
use crate::plan::estimate::{self, Estimate};
use crate::plan::verify::seen::Seen;

impl Terms {
    /// How long a shard may take from its deletion until it is done.
    pub fn patience(&self) -> SignedDuration {
        self.shard_timeout + self.grace + self.min_ready
    }
}

impl Replacing {
    /// How long the next shard will take, as far as anything is known of it.
    pub fn estimate(&self, seen: &Seen<'_>, terms: &Terms) -> Option<Estimate> {
        let done: Vec<(String, f64)> = self
            .done
            .iter()
            .filter_map(|ordinal| {
                let course = self.courses.get(ordinal)?;
                Some((
                    format!("{}-{ordinal}", terms.set_name),
                    course.down_seconds(course.done_at()?),
                ))
            })
            .collect();
        estimate::estimate(seen, &done, terms.min_ready).ok().flatten()
    }

    /// What is left of the pause after the last shard (`--pause`).
    pub fn pause(&self, length: SignedDuration, now: Timestamp) -> Option<Wait> {
        let until = self.last_done?.checked_add(length).ok()?;
        (until > now).then(|| Wait {
            words: format!("a pause of {}", span::words(length)),
            until: Some(until),
        })
    }

    /// Why the next shard can't be done by the deadline, a sentence; none where it can.
    pub fn too_late(
        &self,
        seen: &Seen<'_>,
        shard: &str,
        deadline: Timestamp,
        terms: &Terms,
        now: Timestamp,
    ) -> Option<String> {
        let estimate = self.estimate(seen, terms);
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
                span::words(length),
                estimate.made_from
            ),
            _ => format!("the deadline, {deadline}, has passed"),
        };
        Some(format!("{shard} isn't started: {why}"))
    }
}

/// Until when a mark is meant to last: as long as so many shards may take, an hour at least.
pub fn marks_last_until(shards: usize, terms: &Terms, pause: SignedDuration, now: Timestamp) -> Timestamp {
    let shards = i32::try_from(shards).unwrap_or(i32::MAX);
    let all = (terms.patience() + pause)
        .checked_mul(shards.saturating_add(1))
        .unwrap_or(SignedDuration::from_hours(24));
    // Without a limit of time, a mark that nobody takes away should still run out.
    let all = all.clamp(SignedDuration::from_hours(1), SignedDuration::from_hours(72));
    now.checked_add(all).unwrap_or(now)
}
