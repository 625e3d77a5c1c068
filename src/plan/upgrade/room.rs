//! Room on new nodes for shards that can't come back to their own: placeholders are made before a shard is touched, waited for, and
//! given back. An upgrade does so where its policy says so, which is where a promotion moves the shards to another pool.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::Upgrade;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::RUN;
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::step::{Act, Step, Wait};
use crate::plan::drain::homes::zones;
use crate::plan::drain::placeholder::{Ask, placeholder, placeholder_name};
use crate::plan::drain::warmth::{Warmth, how_far, is_held_out, placeholders, rank_below, remove, warmth};
use crate::plan::operation::Fetching;
use crate::plan::pre_pull::{Pull, pulled};
use crate::plan::safety::catalogue::PLACEHOLDER as NO_ROOM;
use crate::plan::safety::preflight::places::must_be_looked_for;
use crate::plan::verify::seen::{Seen, Shard};

/// How often a placeholder is made for a shard: somebody may push it out once, and whoever does it again wants the room.
const TRIES: u32 = 3;

impl Upgrade {
    /// The placeholders of this set, of this run and of earlier ones; none where this upgrade makes none.
    pub(super) fn rooms<'a>(&self, seen: &Seen<'a>) -> Vec<&'a Pod> {
        match self.policy.room {
            Some(_) => placeholders(seen),
            None => Vec::new(),
        }
    }

    fn room_of<'a>(&self, seen: &Seen<'a>, shard: &str) -> Option<&'a Pod> {
        let name = placeholder_name(seen.set().ok()?, shard, &self.run);
        self.rooms(seen).into_iter().find(|found| pod::name(found) == name)
    }

    /// Whether a shard gets a placeholder: it is up, and its own node won't take it again. One that is down moves at once.
    fn is_to_be_warmed(&self, seen: &Seen<'_>, shard: &Shard<'_>) -> bool {
        self.policy.room.is_some()
            && shard.pod.is_some_and(pod::is_ready)
            && !self.memory.without_room.contains(&*shard.name)
            && must_be_looked_for(seen, shard, &self.aim.typed)
    }

    /// A placeholder for each of the shards that wait: all are made together, or the nodes would be bought one after another. Those of
    /// a run that was cut off go first: the pool has no room for both.
    pub(super) fn room_to_make(&self, seen: &Seen<'_>, now: Timestamp) -> Option<Step> {
        let image = self.policy.room.as_ref()?;
        let of_earlier = |found: &&Pod| {
            let run = found.metadata.annotations.as_ref().and_then(|all| all.get(RUN));
            run.is_none_or(|run| *run != self.run)
        };
        if let Some(earlier) = self.rooms(seen).into_iter().find(of_earlier) {
            return Some(Step::Act(remove(earlier)));
        }
        let queue = self.queue(seen, Some(self.revision()?), now);
        let missing = queue
            .iter()
            .map(|one| &one.shard)
            .find(|shard| self.is_to_be_warmed(seen, shard) && self.room_of(seen, &shard.name).is_none())?;
        let made = self.memory.placed.get(&*missing.name).copied().unwrap_or(0);
        if made >= TRIES {
            let mut finding = Finding::new(
                Severity::Error,
                format!("pod/{}", missing.name),
                format!("its placeholder was taken away {made} times: somebody else wants the room that it holds"),
            );
            finding
                .remedy("see who: pods of a higher priority that wait for a node")
                .remedy(seen.kubectl_cluster("get events -A --field-selector reason=Preempted"));
            return Some(self.stop(format!("no room can be held for {}", missing.name), vec![finding]));
        }
        let rank = rank_below(seen, &missing.name);
        let ask = Ask {
            template: &self.aim.typed,
            shard: &missing.name,
            zones: &zones(seen, missing.ordinal),
            run: &self.run,
            seconds: self.marks_last_until(seen, now).duration_since(now).as_secs(),
            pause: image,
            class: rank.class.as_deref(),
        };
        Some(Step::Act(Act::MakePlaceholder {
            shard: missing.name.to_string(),
            pod: Box::new(placeholder(seen.set().ok()?, &ask)),
        }))
    }

    /// The wait until the shard's placeholder runs on a Ready node with the image.
    pub(super) fn room_to_wait_for(&self, seen: &Seen<'_>, shard: &Shard<'_>, now: Timestamp) -> Option<Step> {
        if !self.is_to_be_warmed(seen, shard) {
            return None;
        }
        let made = self.room_of(seen, &shard.name)?;
        let covered = self.policy.allowed.covers(&NO_ROOM.refuse("", ""));
        match warmth(seen, made, &shard.name, self.policy.shard_timeout, now) {
            Warmth::Warm => None,
            Warmth::Cold { .. } if covered => None,
            Warmth::Coming { words, until } => Some(Step::Wait(Wait { words, until })),
            Warmth::Cold {
                summary,
                mut finding,
                is_late,
            } => {
                finding.remedy(format!(
                    "to take {} down all the same: --prewarm never, or --allow {}",
                    shard.name, NO_ROOM.id
                ));
                Some(if is_late {
                    Step::End {
                        end: End::TimedOut,
                        summary,
                        findings: vec![*finding],
                    }
                } else {
                    self.stop(summary, vec![*finding])
                })
            }
        }
    }

    /// A placeholder whose shard needs the room now and can't push it out, or is Ready elsewhere.
    pub(super) fn room_to_give_back(&self, seen: &Seen<'_>) -> Option<Step> {
        let revision = self.revision()?;
        // As a rule there is none, and this is asked at every change.
        self.rooms(seen).first()?;
        let shards = seen.every_shard().ok()?;
        shards.iter().find_map(|shard| {
            let made = self.room_of(seen, &shard.name)?;
            let found = shard.pod?;
            let moved = pod::is_ready(found) && pod::revision(found) == Some(revision);
            (moved || is_held_out(seen, found)).then(|| Step::Act(remove(made)))
        })
    }

    /// How far the room is that placeholders hold, for the view.
    pub(super) fn room_that_is_made(&self, seen: &Seen<'_>) -> Vec<Fetching> {
        if self.rooms(seen).is_empty() {
            return Vec::new();
        }
        let made = |shard: Shard<'_>| {
            let found = self.room_of(seen, &shard.name)?;
            let pull = match pulled(found) {
                Pull::Coming(_) => Pull::Coming(how_far(seen, found)),
                other => other,
            };
            let node = pod::node(found).map_or_else(
                || format!("a node for {}", shard.name),
                |name| format!("{name} for {}", shard.name),
            );
            Some(Fetching { node, pull })
        };
        let shards = seen.every_shard().unwrap_or_default();
        shards.into_iter().filter_map(made).collect()
    }
}
