//! What is remembered of each look: who is up, who became Ready when, who is done, whether the disks are the same.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;

use super::disks::{DisksLooked, are_the_same, disks, exchanged};
use super::stand::Stand;
use super::{Due, Replacing, Taken, Terms};
use crate::model::finding::Finding;
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::set::{self, Ordinal};
use crate::plan::course::Course;
use crate::plan::operation::Sight;
use crate::plan::verify::seen::{Seen, Shard};

/// Where the shards stood when they were noted last: of thousands most stay as they were, and aren't noted again.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The pods that were seen then.
    pods: Option<Objects<Pod>>,
    shards: Vec<Still>,
}

/// A shard as it was noted.
#[derive(Debug)]
struct Still {
    ordinal: Ordinal,
    stand: Stand,
    /// The place of its pod in memory, which `pods` keeps it from leaving.
    pod: Option<usize>,
    /// Since when that is Ready, where it is and was asked for.
    ready_since: Option<Timestamp>,
    /// Whether there is nothing to wait for: its course, where it has one, has come to its end.
    is_over: bool,
}

impl Noted {
    /// What was noted of a shard doesn't hold any more.
    pub(super) fn forget(&mut self, ordinal: Ordinal) {
        let mut shards = self.shards.iter_mut();
        if let Some(still) = shards.find(|still| still.ordinal == ordinal) {
            *still = Still::NONE;
        }
    }

    /// Since when the pod of a shard is Ready, where it is the very pod that was noted at this place.
    pub(super) fn ready_since(&self, place: usize, shard: &Shard<'_>) -> Option<Timestamp> {
        let still = self.shards.get(place)?;
        let is_it = still.ordinal == shard.ordinal && still.pod == self::place(shard.pod);
        still.ready_since.filter(|_| is_it)
    }
}

impl Still {
    /// Of a shard that wasn't noted yet.
    const NONE: Still = Still {
        ordinal: -1,
        stand: Stand::Missing,
        pod: None,
        ready_since: None,
        is_over: false,
    };
}

fn place(found: Option<&Pod>) -> Option<usize> {
    found.map(|found| std::ptr::from_ref(found).addr())
}

impl Replacing {
    /// Remembers since when each pod is Ready.
    pub fn note_pods(&mut self, seen: &Seen<'_>, now: Timestamp) {
        // Many looks are for something else's sake.
        let pods = seen.snapshot.pods.got();
        let is_same = |pods: &Objects<Pod>| self.pods.as_ref().is_some_and(|before| before.is_the_same_as(pods));
        if pods.is_some_and(is_same) {
            return;
        }
        let before = self.pods.take();
        // Of thousands one has changed.
        let news = pods
            .zip(before.as_ref())
            .and_then(|(pods, before)| pods.news_since(before));
        match (news, seen.set()) {
            (Some(news), Ok(set)) => {
                let stays = |uid: &str| news.iter().any(|(_, found)| found.map(pod::uid) == Some(uid));
                for gone in news.iter().filter_map(|(before, _)| before.map(pod::uid)) {
                    if !stays(gone) {
                        self.ready_since.remove(gone);
                    }
                }
                for found in news.iter().filter_map(|(_, found)| *found) {
                    if is_own(set, found) {
                        self.note_pod(found, now);
                    }
                }
            }
            _ => self.note_all(&seen.own_pods().unwrap_or_default(), now),
        }
        self.looked = true;
        self.pods = seen.set().ok().and(pods.cloned());
    }

    fn note_all(&mut self, own: &[&Pod], now: Timestamp) {
        for found in own {
            self.note_pod(found, now);
        }
        let uids: BTreeSet<&str> = own.iter().map(|found| pod::uid(found)).collect();
        self.ready_since.retain(|uid, _| uids.contains(uid.as_str()));
    }

    fn note_pod(&mut self, found: &Pod, now: Timestamp) {
        let uid = pod::uid(found);
        if !pod::is_ready(found) {
            self.ready_since.remove(uid);
        } else if !self.ready_since.contains_key(uid) {
            // What became Ready before we looked goes by its own word, what does before our eyes by our clock.
            let told = pod::since(found).unwrap_or(now).min(now);
            let since = if self.looked { now } else { told };
            self.ready_since.insert(uid.to_owned(), since);
        }
    }

    /// Remembers who is up and who is done, and gives back those that became done by this look. With `adopt`, what was never
    /// seen up, is down and not due counts as taken by a run before this one: it is in hand, as if we had.
    pub fn note_shards(
        &mut self,
        seen: &Seen<'_>,
        due: Due<'_>,
        terms: &Terms,
        adopt: bool,
        now: Timestamp,
    ) -> Vec<Ordinal> {
        let mut became_done = Vec::new();
        let standings = self.standings(seen, due, terms, now);
        // The pods of then stay where they are until the places of those of now are compared with theirs.
        let Noted {
            pods: _pods,
            shards: mut before,
        } = std::mem::take(&mut self.noted);
        before.resize_with(standings.len(), || Still::NONE);
        for (one, still) in standings.iter().zip(&mut before) {
            let ordinal = one.shard.ordinal;
            let is_same = (still.ordinal, still.stand, still.pod) == (ordinal, one.stand, place(one.shard.pod));
            if is_same && still.is_over && !self.taken.contains_key(&ordinal) {
                continue;
            }
            let uid = one.shard.pod.map(pod::uid).unwrap_or_default();
            if adopt
                && one.stand.is_in_hand()
                && !matches!(one.stand, Stand::Settling { .. })
                && !self.up.contains(&ordinal)
                && !self.taken.contains_key(&ordinal)
            {
                let course = Course::found(ordinal, one.shard.pod, terms.min_ready, now);
                self.take(ordinal, String::new(), course.down_from(), course);
            }
            // Of thousands of shards most are done: those that stay as they were aren't looked at again.
            let over = one.stand == Stand::Done && !self.taken.contains_key(&ordinal);
            let course = self.courses.get_mut(&ordinal);
            let course = course.filter(|course| !(over && one.shard.pod.is_some_and(|found| course.ended_with(found))));
            if let Some(course) = course {
                // Pods that can't be read leave the course as it was; the next look goes on from there.
                let _ = course.observe(seen, now);
            }
            let taken = self.taken.get(&ordinal);
            if one.stand == Stand::Done && taken.is_some_and(|taken| taken.uid != uid) {
                self.taken.remove(&ordinal);
                self.done.push(ordinal);
                self.last_done = Some(now);
                became_done.push(ordinal);
            }
            let is_in_hand = self.taken.contains_key(&ordinal) || one.stand.is_in_hand();
            if one.shard.ready && !self.taken.contains_key(&ordinal) {
                self.up.insert(ordinal);
            }
            let course = self.courses.get(&ordinal);
            let is_timed = matches!(one.stand, Stand::Done | Stand::Settling { .. });
            *still = Still {
                ordinal,
                stand: one.stand,
                pod: place(one.shard.pod),
                ready_since: self.ready_since.get(uid).filter(|_| is_timed).copied(),
                is_over: !is_in_hand
                    && one.shard.ready
                    && course.is_none_or(|course| one.shard.pod.is_some_and(|found| course.ended_with(found))),
            };
        }
        self.noted = Noted {
            pods: seen.snapshot.pods.got().cloned(),
            shards: before,
        };
        became_done
    }

    /// A deletion whose answer was lost and that an uncached look doesn't show wasn't done.
    pub fn note_what_stayed(&mut self, seen: &Seen<'_>) {
        let stayed = |(ordinal, taken): (&Ordinal, &Taken)| {
            let found = seen.own_pod(*ordinal).ok().flatten()?;
            (taken.uid == pod::uid(found) && !pod::is_terminating(found)).then_some(*ordinal)
        };
        let stayed: Vec<Ordinal> = self.taken.iter().filter_map(stayed).collect();
        for ordinal in stayed {
            self.forget(ordinal);
        }
    }

    /// Holds the shards' disks against what they were at first: the same claim, the same volume. Gives back the first finding of
    /// one that isn't. The same is proven only where the volumes themselves were seen, before and after.
    pub fn note_disks(&mut self, seen: &Seen<'_>, sight: Sight) -> Option<Finding> {
        let claims = seen.claims().ok()?;
        let looked = DisksLooked {
            claims: seen.snapshot.claims.got().cloned().unwrap_or_default(),
            volumes: seen.snapshot.volumes.got().cloned(),
            // Without volumes a look proves as little as a watch.
            sight: if sight == Sight::Anew { Sight::Watched } else { sight },
            done: self.done.len(),
            shards: seen.count().ok()?,
        };
        if self.disks_looked.as_ref().is_some_and(|before| before.is_as(&looked)) {
            return None;
        }
        let before = self.disks_looked.as_ref();
        let changed = before.and_then(|before| before.changed_in(&looked, seen.set().ok()?));
        // Where all volumes were seen before and are the same now, only what is done since then has something new.
        let all = |looked: &DisksLooked| looked.sight == Sight::WithVolumes;
        let as_before = all(&looked)
            && self
                .all_disks
                .as_ref()
                .is_some_and(|before| before.has_the_same_disks(&looked));
        let (mut found, mut is_first) = (None, false);
        for shard in seen.every_shard().ok()? {
            let fresh = sight.has_volumes_of(shard.ordinal);
            // Nothing is new of one whose claims are the same, unless its volumes were seen.
            if !fresh
                && changed
                    .as_ref()
                    .is_some_and(|changed| !changed.contains(&shard.ordinal))
            {
                continue;
            }
            let is_known = as_before && self.disks.contains_key(&shard.ordinal);
            if is_known && (self.proven.contains(&shard.ordinal) || !self.done.contains(&shard.ordinal)) {
                continue;
            }
            let now = disks(&claims, shard.ordinal, fresh);
            match self.disks.get(&shard.ordinal) {
                None if fresh => {
                    self.disks.insert(shard.ordinal, now);
                    is_first = true;
                }
                None => {}
                Some(before) => {
                    if let Some(finding) = exchanged(seen, &shard.name, before, &now) {
                        self.proven.remove(&shard.ordinal);
                        found.get_or_insert(finding);
                    } else if self.done.contains(&shard.ordinal) && are_the_same(before, &now) {
                        self.proven.insert(shard.ordinal);
                    }
                }
            }
        }
        // What was found is told again at each look, and what was seen for the first time proves something at the second.
        let is_settled = found.is_none() && !is_first;
        if !is_settled {
            self.all_disks = None;
        } else if all(&looked) {
            self.all_disks = Some(looked.clone());
        }
        self.disks_looked = is_settled.then_some(looked);
        found
    }

    /// Whether a shard is done whose disks haven't been proven the same since.
    pub fn has_unproven(&self) -> bool {
        self.done.iter().any(|ordinal| !self.proven.contains(ordinal))
    }
}

/// Whether a pod is one of the set's own.
fn is_own(found_set: &StatefulSet, found: &Pod) -> bool {
    let selector = set::spec(found_set).map(|spec| &spec.selector);
    selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref()))
        && pod::is_controlled_by(found, set::uid(found_set))
}
