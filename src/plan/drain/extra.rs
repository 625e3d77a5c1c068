//! The extra shard of a surge: asked for, waited for, and gone again before the run ends.

use jiff::Timestamp;

use super::Strategy;
use super::run::Drain;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::read::Read;
use crate::model::set;
use crate::model::span;
use crate::model::step::{Act, Step, Wait};
use crate::plan::replace::stand::Stand;
use crate::plan::surge::{self, Next, next};
use crate::plan::verify::seen::Seen;

impl Drain {
    /// One more shard, Ready, before the first one is evicted. Shards that are down need none.
    pub(super) fn extra_shard(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        if self.policy.strategy != Strategy::Surge || self.memory.scaling_back.is_some() {
            return None;
        }
        let standing = self.standing(seen, now);
        if !standing.iter().any(|one| one.stand == Stand::Due) {
            return None;
        }
        let found = seen.set().ok()?;
        let pinned = self.memory.pinned.as_ref()?;
        let extra = set::first_ordinal(found).saturating_add(pinned.replicas);
        if self.surge_mark(seen).is_none() {
            let claims = match &seen.snapshot.claims {
                Read::Got(claims) => claims,
                // Which claims the extra shard makes has to be in its mark.
                Read::Absent(why) | Read::Unreadable(why) => {
                    return Some(Step::Wait(Wait {
                        words: format!("the claims to be seen again: {why}"),
                        until: self.until().filter(|until| *until > now),
                    }));
                }
            };
            let there: Vec<&str> = claims
                .iter()
                .filter_map(|claim| claim.metadata.name.as_deref())
                .collect();
            let made = set::claim_templates(found)
                .map(|template| set::claim_name(found, template, extra))
                .filter(|name| !there.contains(&name.as_str()))
                .collect();
            return Some(Step::Act(Act::Scale {
                to: pinned.replicas.saturating_add(1),
                made,
            }));
        }
        if surge::without_extra(seen, &self.run).is_none() {
            // An earlier run was cut off while it took its extra shard away: that is finished before another one is made.
            return self.without_the_extra(seen, now);
        }
        let name = set::pod_name(found, extra);
        // One that stands on a node to be emptied itself is moved like any other.
        let up = standing
            .iter()
            .any(|one| one.shard.ordinal == extra && matches!(one.stand, Stand::Done | Stand::Due));
        if !up {
            return self.extra_is_late(seen, now).or_else(|| {
                Some(Step::Wait(Wait {
                    words: format!("the extra shard {name} to be Ready"),
                    until: self.extra_limit(seen, now),
                }))
            });
        }
        None
    }

    fn extra_limit(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Timestamp> {
        let since = self
            .memory
            .scaled
            // What an earlier run asked for has its time from when this one began to wait for it.
            .or_else(|| self.surge_mark(seen).map(|(mark, _)| mark.since.max(self.memory.shards.began)))
            .unwrap_or(now);
        let terms = self.terms(seen);
        since.checked_add(terms.shard_timeout + terms.min_ready).ok()
    }

    /// The end where the extra shard doesn't become Ready in time, nothing else being at hand.
    pub(super) fn extra_is_late(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let extra = self.extra(seen)?;
        let waits = self.memory.scaling_back.is_none() && self.memory.shards.taken.is_empty();
        let found = seen.set().ok()?;
        let name = set::pod_name(found, extra);
        let shards = seen.every_shard().unwrap_or_default();
        let ready = shards
            .iter()
            .any(|shard| shard.ordinal == extra && shard.pod.is_some_and(pod::is_ready));
        if !waits || ready || now < self.extra_limit(seen, now)? {
            return None;
        }
        let mut finding = Finding::new(
            Severity::Error,
            format!("pod/{name}"),
            format!(
                "the extra shard isn't Ready after {}",
                span::words(self.policy.shard_timeout)
            ),
        );
        finding.remedy(seen.shardctl(&format!("events {name}")));
        finding.remedy("use --strategy relax: it needs no extra shard");
        Some(Step::End {
            end: End::TimedOut,
            summary: format!("the extra shard {name} took longer than --shard-timeout; no shard was moved"),
            findings: vec![finding],
        })
    }

    /// What is left to do until the extra shard, what it made, and the mark are gone; none where they are, or where that takes
    /// longer than a shard may.
    pub(super) fn without_the_extra(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let (mark, written) = self.surge_mark(seen)?;
        let terms = self.terms(seen);
        let patience = terms.shard_timeout + terms.grace;
        let over = |since: Timestamp| since.checked_add(patience).is_ok_and(|end| now >= end);
        let began_before = surge::without_extra(seen, &self.run).is_none();
        let since = self
            .memory
            .scaling_back
            .or(began_before.then_some(self.memory.shards.began));
        if since.is_some_and(over) || self.memory.extra_stuck.is_some() {
            return None;
        }
        match next(seen, &mark, written).ok()? {
            Next::Act(act) => Some(Step::Act(act)),
            Next::Wait { words, .. } => Some(Step::Wait(Wait {
                words,
                until: since.and_then(|since| since.checked_add(patience).ok()),
            })),
            Next::Over => None,
        }
    }

    /// The next effect of it, where one can be had without waiting.
    pub(super) fn act_without_the_extra(&self, seen: &Seen<'_>) -> Option<Act> {
        let (mark, written) = self.surge_mark(seen)?;
        match next(seen, &mark, written).ok()? {
            Next::Act(act) => Some(act),
            Next::Wait { .. } | Next::Over => None,
        }
    }

    /// What holds the extra shard, or what it made, where the run ends with it still there.
    pub(super) fn extra_that_stays(&self, seen: &Seen<'_>) -> Vec<Finding> {
        let Some((mark, written)) = self.surge_mark(seen) else {
            return Vec::new();
        };
        let mut findings = surge::left(seen, &mark);
        findings.extend(self.memory.extra_stuck.iter().cloned());
        if let Ok(Next::Wait { words, remedy }) = next(seen, &mark, written) {
            let mut finding = Finding::new(Severity::Error, format!("statefulset/{}", self.set_name), words);
            for line in remedy {
                finding.remedy(line);
            }
            findings.push(finding);
        }
        findings
    }
}
