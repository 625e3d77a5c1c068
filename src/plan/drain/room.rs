//! Room for a shard before it is taken down: placeholders are made, waited for, and given back.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::homes::Move;
use super::placeholder::{Ask, placeholder, placeholder_name, wanted};
use super::run::Drain;
use super::warmth::{Warmth, how_far, is_held_out, placeholders, rank_below, remove, warmth};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::RUN;
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::set;
use crate::model::step::{Act, Step, Wait};
use crate::plan::operation::Fetching;
use crate::plan::pre_pull::{Pull, pulled};
use crate::plan::replace::stand::Standing;
use crate::plan::safety::catalogue::PLACEHOLDER as NO_ROOM;
use crate::plan::verify::seen::Seen;

/// How often a placeholder is made for a shard: somebody may push it out once, and whoever does it again wants the room.
const TRIES: u32 = 3;

impl Drain {
    /// The shards of a node that get a placeholder and haven't moved: all of them are made together, or the nodes would be
    /// bought one after another.
    fn to_be_warmed<'a>(&'a self, seen: &'a Seen<'_>, place: &'a str) -> impl Iterator<Item = &'a Move> {
        let here = self.shards_on(seen, place);
        self.aim.moves.iter().filter(move |one| {
            one.from == place
                && here.contains(&one.ordinal)
                && wanted(self.policy.prewarm, one)
                && !self.memory.without_room.contains(&one.shard)
                && !self.memory.shards.taken.contains_key(&one.ordinal)
        })
    }

    /// A placeholder for each shard of the node that has to wait for a new one.
    pub(super) fn room_to_make(&self, seen: &Seen<'_>, place: &str, now: Timestamp) -> Option<Step> {
        let missing = self
            .to_be_warmed(seen, place)
            .find(|one| self.placeholder_of(seen, &one.shard).is_none())?;
        let made = self.memory.placed.get(&missing.shard).copied().unwrap_or(0);
        if made >= TRIES {
            let mut finding = Finding::new(
                Severity::Error,
                format!("pod/{}", missing.shard),
                format!("its placeholder was taken away {made} times: somebody else wants the room that it holds"),
            );
            finding
                .remedy("see who: pods of a higher priority that wait for a node")
                .remedy(seen.kubectl_cluster("get events -A --field-selector reason=Preempted"));
            return Some(self.stop(format!("no room can be held for {}", missing.shard), vec![finding]));
        }
        let found = seen.set().ok()?;
        let template = set::template(found)?;
        let rank = rank_below(seen, &missing.shard);
        let seconds = self.marks_last_until(seen, now).duration_since(now).as_secs();
        let ask = Ask {
            template,
            shard: &missing.shard,
            zones: &missing.zones,
            run: &self.run,
            seconds,
            pause: &self.policy.pause_image,
            class: rank.class.as_deref(),
        };
        Some(Step::Act(Act::MakePlaceholder {
            shard: missing.shard.clone(),
            pod: Box::new(placeholder(found, &ask)),
        }))
    }

    /// The wait until the next shard's placeholder runs on a Ready node with the image.
    pub(super) fn room_to_wait_for(&self, seen: &Seen<'_>, waiting: &[Standing<'_>], now: Timestamp) -> Option<Step> {
        let next = waiting.first()?;
        let place = next.shard.pod.and_then(pod::node)?;
        self.to_be_warmed(seen, place)
            .find(|one| one.ordinal == next.shard.ordinal)?;
        let made = self.placeholder_of(seen, &next.shard.name)?;
        let covered = self.policy.allowed.covers(&NO_ROOM.refuse("", ""));
        let shard = &next.shard.name;
        match warmth(seen, made, shard, self.policy.shard_timeout, now) {
            Warmth::Warm => None,
            Warmth::Cold { .. } if covered => None,
            Warmth::Coming { words, until } => Some(Step::Wait(Wait {
                words,
                until: until.into_iter().chain(self.until()).min(),
            })),
            Warmth::Cold {
                summary,
                mut finding,
                is_late,
            } => {
                finding.remedy(format!(
                    "to take {shard} down all the same: --prewarm never, or --allow {}",
                    NO_ROOM.id
                ));
                Some(if is_late && self.memory.touched {
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
        let shards = seen.every_shard().ok()?;
        for one in &self.aim.moves {
            let Some(made) = self.placeholder_of(seen, &one.shard) else {
                continue;
            };
            let shard = shards.iter().find(|shard| shard.ordinal == one.ordinal);
            let Some(found) = shard.and_then(|shard| shard.pod) else {
                continue;
            };
            let moved = self.memory.shards.done.contains(&one.ordinal) && pod::is_ready(found) && !self.is_due(found);
            let held_out = is_held_out(seen, found);
            if moved || held_out {
                return Some(Step::Act(remove(made)));
            }
        }
        None
    }

    /// What removes the placeholders of this set's drains: those of this run, or with `all` of earlier ones as well.
    pub(super) fn placeholders_to_remove(&self, seen: &Seen<'_>, all: bool) -> Vec<Act> {
        let made_by = |found: &Pod| found.metadata.annotations.as_ref()?.get(RUN).cloned();
        let mut ours = placeholders(seen);
        ours.retain(|found| all || made_by(found).as_deref() == Some(&self.run));
        ours.into_iter().map(remove).collect()
    }

    /// How far the room is that placeholders hold, for the view.
    pub(super) fn room_that_is_made(&self, seen: &Seen<'_>) -> Vec<Fetching> {
        let made = |one: &Move| {
            let found = self.placeholder_of(seen, &one.shard)?;
            let pull = match pulled(found) {
                Pull::Coming(_) => Pull::Coming(how_far(seen, found)),
                other => other,
            };
            let node = pod::node(found).map_or_else(
                || format!("a node for {}", one.shard),
                |name| format!("{name} for {}", one.shard),
            );
            Some(Fetching { node, pull })
        };
        self.aim.moves.iter().filter_map(made).collect()
    }

    fn placeholder_of<'a>(&self, seen: &Seen<'a>, shard: &str) -> Option<&'a Pod> {
        let name = placeholder_name(seen.set().ok()?, shard, &self.run);
        placeholders(seen).into_iter().find(|found| pod::name(found) == name)
    }
}
