//! What an upgrade remembers of each look: who is up, who became Ready when, who is done, whether the disks are the same.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::disks::{disks, exchanged};
use super::memory::Taken;
use super::stand::Stand;
use super::{Upgrade, observed_revision};
use crate::model::pod;
use crate::model::set::{self, Ordinal};
use crate::plan::course::Course;
use crate::plan::safety::gate::Pinned;
use crate::plan::verify::seen::Seen;

impl Upgrade {
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

    pub(super) fn note_pods(&mut self, seen: &Seen<'_>, now: Timestamp) {
        let first = !self.memory.looked;
        let pods = seen.own_pods().unwrap_or_default();
        for found in &pods {
            let uid = pod::uid(found).to_owned();
            if !pod::is_ready(found) {
                self.memory.ready_since.remove(&uid);
                continue;
            }
            // What became Ready before we looked goes by its own word, what does before our eyes by our clock.
            let told = pod::since(found).unwrap_or(now).min(now);
            self.memory
                .ready_since
                .entry(uid)
                .or_insert(if first { told } else { now });
        }
        let uids: BTreeSet<&str> = pods.iter().map(|found| pod::uid(found)).collect();
        self.memory.ready_since.retain(|uid, _| uids.contains(uid.as_str()));
        self.memory.looked = true;
    }

    pub(super) fn note_shards(&mut self, seen: &Seen<'_>, now: Timestamp) {
        let revision = self.revision().unwrap_or_default().to_owned();
        let known = self.revision().is_some();
        for one in self.standings(seen, &revision, now) {
            let ordinal = one.shard.ordinal;
            let uid = one.shard.pod.map(pod::uid).unwrap_or_default();
            // A run before this one took it down: it is in hand, as if we had.
            if known
                && one.stand.is_in_hand()
                && !matches!(one.stand, Stand::Settling { .. })
                && !self.memory.up.contains(&ordinal)
                && !self.memory.taken.contains_key(&ordinal)
            {
                let course = Course::found(ordinal, one.shard.pod, self.min_ready(seen), now);
                let taken = Taken {
                    uid: String::new(),
                    at: course.down_from(),
                };
                self.take(ordinal, taken, course);
            }
            if let Some(course) = self.memory.courses.get_mut(&ordinal) {
                // Pods that can't be read leave the course as it was; the next look goes on from there.
                let _ = course.observe(seen, now);
            }
            let taken = self.memory.taken.get(&ordinal);
            if known && one.stand == Stand::Done && taken.is_some_and(|taken| taken.uid != uid) {
                self.memory.taken.remove(&ordinal);
                self.memory.done.push(ordinal);
                self.memory.last_done = Some(now);
                self.memory.gate_passed = false;
            }
            if one.shard.pod.is_some_and(pod::is_ready) && !self.memory.taken.contains_key(&ordinal) {
                self.memory.up.insert(ordinal);
            }
        }
    }

    pub(super) fn take(&mut self, ordinal: Ordinal, taken: Taken, course: Course) {
        self.memory.up.remove(&ordinal);
        self.memory.taken.insert(ordinal, taken);
        self.memory.courses.insert(ordinal, course);
    }

    /// A deletion whose answer was lost and that an uncached look doesn't show wasn't done.
    pub(super) fn note_what_stayed(&mut self, seen: &Seen<'_>) {
        for found in seen.own_pods().unwrap_or_default() {
            let stayed = |taken: &Taken| taken.uid == pod::uid(found) && !pod::is_terminating(found);
            let ordinal = seen.set().ok().and_then(|set| set::ordinal_of(set, pod::name(found)));
            if let Some(ordinal) = ordinal
                && self.memory.taken.get(&ordinal).is_some_and(stayed)
            {
                self.memory.taken.remove(&ordinal);
                self.memory.courses.remove(&ordinal);
            }
        }
    }

    /// Holds the shards' disks against what they were at first: the same claim, the same volume.
    pub(super) fn note_disks(&mut self, seen: &Seen<'_>, fresh: bool) {
        let Ok(claims) = seen.claims() else { return };
        for shard in seen.every_shard().unwrap_or_default() {
            let now = disks(&claims, shard.ordinal, fresh);
            match self.memory.disks.get(&shard.ordinal) {
                None if fresh => {
                    self.memory.disks.insert(shard.ordinal, now);
                }
                None => {}
                Some(before) => {
                    if let Some(finding) = exchanged(&shard.name, before, &now) {
                        self.memory.failed.get_or_insert(finding);
                    } else if fresh && !now.is_empty() && self.memory.done.contains(&shard.ordinal) {
                        self.memory.proven.insert(shard.ordinal);
                    }
                }
            }
        }
    }
}
