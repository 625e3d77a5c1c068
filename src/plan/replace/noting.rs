//! What is remembered of each look: who is up, who became Ready when, who is done, whether the disks are the same.

use std::collections::BTreeSet;

use jiff::Timestamp;
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
use crate::plan::verify::seen::Seen;

impl Replacing {
    /// Remembers since when each pod is Ready.
    pub fn note_pods(&mut self, seen: &Seen<'_>, now: Timestamp) {
        // Many looks are for something else's sake.
        let pods = seen.snapshot.pods.got();
        let is_same = |pods: &Objects<Pod>| self.pods.as_ref().is_some_and(|before| before.is_the_same_as(pods));
        if pods.is_some_and(is_same) {
            return;
        }
        let first = !self.looked;
        let own = seen.own_pods().unwrap_or_default();
        let mut ready = 0;
        for found in &own {
            let uid = pod::uid(found);
            if !pod::is_ready(found) {
                self.ready_since.remove(uid);
                continue;
            }
            ready += 1;
            if !self.ready_since.contains_key(uid) {
                // What became Ready before we looked goes by its own word, what does before our eyes by our clock.
                let told = pod::since(found).unwrap_or(now).min(now);
                self.ready_since.insert(uid.to_owned(), if first { told } else { now });
            }
        }
        if self.ready_since.len() > ready {
            let uids: BTreeSet<&str> = own.iter().map(|found| pod::uid(found)).collect();
            self.ready_since.retain(|uid, _| uids.contains(uid.as_str()));
        }
        self.looked = true;
        self.pods = seen.set().ok().and(pods.cloned());
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
        for one in self.standings(seen, due, terms, now) {
            let ordinal = one.shard.ordinal;
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
            if one.shard.ready && !self.taken.contains_key(&ordinal) {
                self.up.insert(ordinal);
            }
        }
        became_done
    }

    /// A deletion whose answer was lost and that an uncached look doesn't show wasn't done.
    pub fn note_what_stayed(&mut self, seen: &Seen<'_>) {
        for found in seen.own_pods().unwrap_or_default() {
            let stayed = |taken: &Taken| taken.uid == pod::uid(found) && !pod::is_terminating(found);
            let ordinal = seen.set().ok().and_then(|set| set::ordinal_of(set, pod::name(found)));
            if let Some(ordinal) = ordinal
                && self.taken.get(&ordinal).is_some_and(stayed)
            {
                self.forget(ordinal);
            }
        }
    }

    /// Holds the shards' disks against what they were at first: the same claim, the same volume. Gives back the first finding of
    /// one that isn't. The same is proven only where the volumes themselves were seen, before and after.
    pub fn note_disks(&mut self, seen: &Seen<'_>, sight: Sight) -> Option<Finding> {
        let claims = seen.claims().ok()?;
        let shards = seen.every_shard().ok()?;
        let looked = DisksLooked {
            claims: seen.snapshot.claims.got().cloned().unwrap_or_default(),
            volumes: seen.snapshot.volumes.got().cloned(),
            // Without volumes a look proves as little as a watch.
            sight: if sight == Sight::Anew { Sight::Watched } else { sight },
            done: self.done.len(),
            shards: shards.len(),
        };
        if self.disks_looked.as_ref().is_some_and(|before| before.is_as(&looked)) {
            return None;
        }
        let (mut found, mut is_first) = (None, false);
        for shard in shards {
            let fresh = sight.has_volumes_of(shard.ordinal);
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
        self.disks_looked = (found.is_none() && !is_first).then_some(looked);
        found
    }

    /// Whether a shard is done whose disks haven't been proven the same since.
    pub fn has_unproven(&self) -> bool {
        self.done.iter().any(|ordinal| !self.proven.contains(ordinal))
    }
}
