//! A shard's disks, by uid: what must not change while its pod is replaced.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::model::finding::{Finding, Severity};
use crate::model::objects::Objects;
use crate::model::set::{self, Ordinal};
use crate::model::storage::PersistentVolume;
use crate::plan::operation::{Disk, Disks, Sight};
use crate::plan::verify::seen::{Claims, Seen};

/// What the disks of all shards were put together from. The same lists give the same disks, and nothing watches volumes: as a rule
/// they are the same from look to look.
#[derive(Clone, Debug)]
pub(super) struct DisksLooked {
    /// The claims.
    pub claims: Objects<PersistentVolumeClaim>,
    /// The volumes, where they can be read.
    pub volumes: Option<Objects<PersistentVolume>>,
    /// Of which shards the volumes were seen anew.
    pub sight: Sight,
    /// How many shards were done.
    pub done: usize,
    /// How many shards there were.
    pub shards: usize,
}

impl DisksLooked {
    /// Whether another look would give the same.
    pub fn is_as(&self, other: &DisksLooked) -> bool {
        self.has_the_same_disks(other) && (self.sight, self.done) == (other.sight, other.done)
    }

    /// Whether the disks in it are the same, of as many shards.
    pub fn has_the_same_disks(&self, other: &DisksLooked) -> bool {
        let same_volumes = match (&self.volumes, &other.volumes) {
            (Some(ours), Some(theirs)) => ours.is_the_same_as(theirs),
            (None, None) => true,
            _ => false,
        };
        same_volumes && self.claims.is_the_same_as(&other.claims) && self.shards == other.shards
    }
}

impl DisksLooked {
    /// The shards whose claims are other ones in a later look; none where all have to be looked at.
    pub fn changed_in(&self, later: &DisksLooked, set: &StatefulSet) -> Option<BTreeSet<Ordinal>> {
        if self.shards != later.shards || self.claims.len() != later.claims.len() {
            return None;
        }
        if self.claims.is_the_same_as(&later.claims) {
            return Some(BTreeSet::new());
        }
        let pairs = self.claims.iter().zip(&later.claims);
        let names = pairs
            .filter(|(before, now)| !std::ptr::eq(*before, *now))
            .flat_map(|(before, now)| [before, now])
            .filter_map(|claim| claim.metadata.name.as_deref());
        Some(names.filter_map(|name| set::claimed_ordinal(set, name)).collect())
    }
}

/// A shard's disks; with the volumes' uids where the read is one that has volumes.
pub(super) fn disks(claims: &Claims<'_>, ordinal: Ordinal, with_volumes: bool) -> Disks {
    claims
        .of(ordinal)
        .into_iter()
        .filter_map(|one| {
            let claim = one.claim?;
            let volume_uid = one
                .volume
                .filter(|_| with_volumes)
                .and_then(|volume| volume.metadata.uid.clone());
            let disk = Disk {
                claim: claim.metadata.uid.clone()?,
                volume: claim.spec.as_ref()?.volume_name.clone()?,
                volume_uid,
            };
            Some((one.name, disk))
        })
        .collect()
}

/// Whether every volume was seen before and now, and each is the same one.
pub(super) fn are_the_same(before: &Disks, now: &Disks) -> bool {
    let is_seen = |disk: &Disk| disk.volume_uid.is_some();
    !now.is_empty() && now == before && now.values().all(is_seen)
}

/// The finding where a shard stands on another disk than before. A claim that can't be seen now proves nothing either way.
pub(super) fn exchanged(seen: &Seen<'_>, shard: &str, before: &Disks, now: &Disks) -> Option<Finding> {
    before.iter().find_map(|(name, was)| {
        let is = now.get(name)?;
        let other_volume = matches!((&was.volume_uid, &is.volume_uid), (Some(was), Some(is)) if was != is);
        if was.claim == is.claim && was.volume == is.volume && !other_volume {
            return None;
        }
        let mut finding = Finding::new(
            Severity::Error,
            format!("pvc/{name}"),
            format!(
                "{shard} stands on another volume than before: {} instead of {}",
                is.volume, was.volume
            ),
        );
        finding
            .evidence(format!("claim {} was {}, is {}", name, was.claim, is.claim))
            .remedy("keep both volumes: the data is on the one before, if it still exists")
            .remedy(seen.kubectl_cluster(&format!(
                "patch persistentvolume {} -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'",
                crate::model::shell::shell_word(&was.volume)
            )));
        Some(finding)
    })
}
