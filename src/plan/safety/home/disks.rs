//! Whether a node reaches a shard's disks and has slots to attach them.
//!
//! Slots as pkg/scheduler/framework/plugins/nodevolumelimits/csi.go counts them: a limit for each driver, and the shard's own
//! disks don't count where they are attached already.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::CSINode;

use crate::model::objects::Objects;
use crate::model::quantity::Amount;
use crate::model::read::{Read, Skip};
use crate::model::storage::{PersistentVolume, VolumeAttachment};
use crate::model::{node, volume};
use crate::plan::placement;
use crate::plan::safety::data;
use crate::plan::verify::seen::{Seen, Shard};

/// A shard's volumes, and what is attached where.
pub(super) struct Disks<'a> {
    volumes: Vec<&'a PersistentVolume>,
    attachments: Vec<&'a VolumeAttachment>,
    limits: Option<&'a Objects<CSINode>>,
}

impl<'a> Disks<'a> {
    /// The volumes of a shard's claims.
    pub fn of(seen: &Seen<'a>, shard: &Shard<'_>, unsure: &mut Vec<String>) -> Disks<'a> {
        let snapshot = seen.snapshot;
        let volumes = match volumes(seen, shard) {
            Ok(volumes) => volumes,
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                unsure.push(format!("where the disks can be reached from: {why}"));
                Vec::new()
            }
        };
        let attached = !volumes.is_empty() && volumes.iter().any(|found| driver(found).is_some());
        let attachments = match &snapshot.attachments {
            Read::Got(all) => all.iter().collect(),
            Read::Absent(why) | Read::Unreadable(why) => {
                if attached {
                    unsure.push(format!("how many attach slots are free: {why}"));
                }
                Vec::new()
            }
        };
        Disks {
            volumes,
            attachments,
            limits: snapshot.csi_nodes.got(),
        }
    }

    /// Why the disks can't be had on a node, a clause.
    pub fn refusal(&self, place: &Node) -> Option<String> {
        for found in &self.volumes {
            if !placement::reaches(found, place) {
                let name = found.metadata.name.as_deref().unwrap_or_default();
                let where_to = volume::zones(found).map(|zones| zones.into_iter().collect::<Vec<_>>().join(", "));
                return Some(match where_to {
                    Some(zones) => format!("can't reach the shard's disk {name}, which is in {zones}"),
                    None => format!("can't reach the shard's disk {name}"),
                });
            }
        }
        let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
        for driver in self.volumes.iter().filter_map(|found| driver(found)) {
            *wanted.entry(driver).or_default() += 1;
        }
        wanted.into_iter().find_map(|(driver, wanted)| {
            let most = self.slots(place, driver)?;
            let used = self.attached(node::name(place), driver);
            (used + wanted > most).then(|| format!("has {used} disks of {driver} attached and takes {most}"))
        })
    }

    /// Why no new node could have the disks, a clause.
    pub fn refusal_of_new(&self) -> Option<String> {
        let local = self.volumes.iter().find(|found| placement::is_bound_to_a_host(found))?;
        let name = local.metadata.name.as_deref().unwrap_or_default();
        Some(format!("makes new nodes, and the shard's disk {name} is in an old one"))
    }

    /// The zones that all disks can be reached from; none where they don't say.
    pub fn zones(&self) -> BTreeSet<&'a str> {
        let mut zonal = self.volumes.iter().filter_map(|found| volume::zones(found));
        let Some(first) = zonal.next() else {
            return BTreeSet::new();
        };
        zonal.fold(first, |all, one| {
            let shared = |zone: &&str| one.iter().any(|other| volume::same_zone(zone, other));
            all.into_iter().filter(shared).collect()
        })
    }

    fn slots(&self, place: &Node, driver: &str) -> Option<usize> {
        let name = node::name(place);
        let of_csi = self.limits.and_then(|all| {
            let found = all.iter().find(|one| one.metadata.name.as_deref() == Some(name))?;
            let found = found.spec.drivers.iter().find(|one| one.name == driver)?;
            found.allocatable.as_ref()?.count
        });
        if let Some(count) = of_csi {
            return usize::try_from(count).ok();
        }
        let allocatable = place.status.as_ref()?.allocatable.as_ref()?;
        let written = allocatable.get(&format!("attachable-volumes-csi-{driver}"))?;
        usize::try_from(Amount::of(written)?.ceiling()).ok()
    }

    fn attached(&self, place: &str, driver: &str) -> usize {
        let own = |name: &str| {
            self.volumes
                .iter()
                .any(|found| found.metadata.name.as_deref() == Some(name))
        };
        let here = self
            .attachments
            .iter()
            .filter(|one| one.spec.node_name == place && one.spec.attacher == driver);
        let names: BTreeSet<&str> = here
            .filter_map(|one| one.spec.source.persistent_volume_name.as_deref())
            .filter(|name| !own(name))
            .collect();
        names.len()
    }
}

fn driver(found: &PersistentVolume) -> Option<&str> {
    Some(found.spec.as_ref()?.csi.as_ref()?.driver.as_str())
}

fn volumes<'a>(seen: &Seen<'a>, shard: &Shard<'_>) -> Result<Vec<&'a PersistentVolume>, Skip> {
    let names = data::claim_names(seen, shard.ordinal, shard.pod)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (claims, volumes) = (seen.snapshot.claims.need()?, seen.snapshot.volumes.need()?);
    let bound_to = |name: &String| {
        let claim = claims.iter().find(|claim| claim.metadata.name.as_ref() == Some(name))?;
        claim.spec.as_ref()?.volume_name.as_deref()
    };
    let bound: BTreeSet<&str> = names.iter().filter_map(bound_to).collect();
    let held = |found: &&PersistentVolume| found.metadata.name.as_deref().is_some_and(|name| bound.contains(name));
    Ok(volumes.iter().filter(held).collect())
}
