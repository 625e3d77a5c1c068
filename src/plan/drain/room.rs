//! Room for a shard before it is taken down: placeholders are made, waited for, and given back.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::homes::Move;
use super::placeholder::{Ask, PLACEHOLDER, Rank, is_warm, placeholder, placeholder_name, rank, wanted};
use super::run::Drain;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{HELPER, RUN};
use crate::model::outcome::End;
use crate::model::pod;
use crate::model::set;
use crate::model::step::{Act, Step, Wait};
use crate::plan::operation::Fetching;
use crate::plan::pre_pull::{Pull, pulled};
use crate::plan::replace::hand::no_place;
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
        let rank = self.rank_below(seen, &missing.shard);
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
        let on = pod::node(made).and_then(|name| seen.node(name).ok().flatten());
        if on.is_some_and(|on| is_warm(made, on)) {
            return None;
        }
        let covered = self.policy.allowed.covers(&NO_ROOM.refuse("", ""));
        let shard = &next.shard.name;
        if let Pull::Failed(mut finding) = pulled(made) {
            if covered {
                return None;
            }
            finding.remedy(format!(
                "to go on without it: --prewarm never, or --allow {}",
                NO_ROOM.id
            ));
            return Some(self.stop(
                format!("the node that is to take {shard} can't get its image"),
                vec![finding],
            ));
        }
        if let Some(mut finding) = no_place(seen, made, now)
            && !covered
        {
            finding.remedy(format!("to take {shard} down all the same: --prewarm never"));
            return Some(self.stop(
                format!("no node can be made for {shard}, which is as it was"),
                vec![finding],
            ));
        }
        let since = made.metadata.creation_timestamp.as_ref().map_or(now, |at| at.0);
        let limit = since.checked_add(self.policy.shard_timeout).ok();
        let words = format!("room for {shard}: {}", how_far(seen, made));
        if limit.is_some_and(|limit| now >= limit) {
            if covered {
                return None;
            }
            let mut finding = Finding::new(
                Severity::Error,
                format!("pod/{}", pod::name(made)),
                format!(
                    "no node has room for {shard} after --shard-timeout: {}",
                    how_far(seen, made)
                ),
            );
            finding.remedy(seen.shardctl(&format!("events {shard}")));
            finding.remedy(format!("to take {shard} down all the same: --prewarm never"));
            return Some(Step::End {
                end: if self.memory.touched {
                    End::TimedOut
                } else {
                    End::Refused
                },
                summary: format!("no room could be made for {shard}, which is as it was"),
                findings: vec![finding],
            });
        }
        let until = limit.into_iter().chain(self.policy.until).min();
        Some(Step::Wait(Wait { words, until }))
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
            let unschedulable = pod::condition(found, "PodScheduled").is_some_and(|scheduled| {
                scheduled.status == "False" && scheduled.reason.as_deref() == Some("Unschedulable")
            });
            let held_out = pod::node(found).is_none() && unschedulable && !self.rank_below(seen, &one.shard).gives_way;
            if moved || held_out {
                return Some(Step::Act(remove(made)));
            }
        }
        None
    }

    /// What removes the placeholders of this set's drains: those of this run, or with `all` of earlier ones as well.
    pub(super) fn placeholders_to_remove(&self, seen: &Seen<'_>, all: bool) -> Vec<Act> {
        let made_by = |found: &Pod| found.metadata.annotations.as_ref()?.get(RUN).cloned();
        let mut ours = self.placeholders(seen);
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
        let ours = self.placeholders(seen);
        ours.into_iter().find(|found| pod::name(found) == name)
    }

    fn placeholders<'a>(&self, seen: &Seen<'a>) -> Vec<&'a Pod> {
        let Ok(found_set) = seen.set() else { return Vec::new() };
        let ours = |found: &&Pod| {
            pod::label(found, HELPER) == Some(PLACEHOLDER)
                && found
                    .metadata
                    .owner_references
                    .iter()
                    .flatten()
                    .any(|owner| owner.uid == set::uid(found_set))
        };
        let pods = seen.snapshot.pods.got().into_iter().flatten();
        pods.filter(ours).filter(|found| !pod::is_terminating(found)).collect()
    }

    fn rank_below(&self, seen: &Seen<'_>, shard: &str) -> Rank {
        let pods = seen.own_pods().unwrap_or_default();
        let of_shard = pods.into_iter().find(|found| pod::name(found) == shard);
        let priority = of_shard.and_then(|found| found.spec.as_ref()?.priority).unwrap_or(0);
        let classes = seen
            .snapshot
            .priority_classes
            .got()
            .map(Vec::as_slice)
            .unwrap_or_default();
        rank(classes, priority)
    }
}

/// What a placeholder waits for, a clause.
fn how_far(seen: &Seen<'_>, made: &Pod) -> String {
    let Some(name) = pod::node(made) else {
        let said = pod::condition(made, "PodScheduled").and_then(|scheduled| scheduled.message.clone());
        return match said.filter(|said| !said.is_empty()) {
            Some(said) => format!("a node is waited for ({said})"),
            None => "a node is waited for".to_owned(),
        };
    };
    let ready = seen.node(name).ok().flatten().is_some_and(crate::model::node::is_ready);
    match pulled(made) {
        _ if !ready => format!("node/{name} isn't Ready yet"),
        Pull::Coming(words) => format!("node/{name}: {words}"),
        Pull::Done(_) => format!("node/{name}: the placeholder isn't running yet"),
        Pull::Failed(finding) => format!("node/{name}: {}", finding.message),
    }
}

fn remove(found: &Pod) -> Act {
    Act::RemoveHelper {
        pod: pod::name(found).to_owned(),
        uid: pod::uid(found).to_owned(),
    }
}
