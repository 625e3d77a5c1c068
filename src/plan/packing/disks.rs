//! What the shards' disks cost a month: by kind and size where they are billed by tiers, else why that isn't known.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::storage::v1::StorageClass;

use crate::model::catalogue::Catalogue;
use crate::model::disk;
use crate::model::money::{Discount, Money};
use crate::model::quantity::Amount;
use crate::model::read::{Read, Skip};
use crate::model::storage::PersistentVolume;
use crate::plan::verify::seen::Seen;

/// Who made a volume, which its provisioner writes on it.
const MADE_BY: &str = "pv.kubernetes.io/provisioned-by";
/// What a volume or a class calls its kind, in any letters' case.
const KIND: [&str; 2] = ["skuname", "storageaccounttype"];
const GIB: i128 = 1 << 30;
/// How many claims are named of those that are left out for one reason.
const NAMED: usize = 3;

/// The disks of the shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disks {
    /// Those whose price is known, by tier.
    pub tiers: BTreeMap<String, Tier>,
    /// Those that are left out of the money.
    pub excluded: Vec<Excluded>,
}

/// Disks of one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// How many.
    pub count: u32,
    /// What one of them costs a month.
    pub monthly: Money,
}

/// Disks whose price isn't known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excluded {
    /// Why, a clause.
    pub why: String,
    /// The claims; none where none could be read.
    pub claims: Vec<String>,
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (named, more) = self.claims.split_at(self.claims.len().min(NAMED));
        f.write_str(&self.why)?;
        match (named, more.len()) {
            ([], _) => Ok(()),
            (named, 0) => write!(f, " ({})", named.join(", ")),
            (named, more) => write!(f, " ({} and {more} more)", named.join(", ")),
        }
    }
}

impl Disks {
    /// What all of them cost a month that have a price; none where none has.
    pub fn monthly(&self) -> Option<Money> {
        let all = self.tiers.values().map(|tier| tier.monthly.times(tier.count));
        (!self.tiers.is_empty()).then(|| all.sum())
    }
}

/// What the disks of the shards cost that are there.
///
/// # Errors
/// Where the set, its pods or its claims can't be read.
pub fn disks(seen: &Seen<'_>, catalogue: &Catalogue, discount: Discount) -> Result<Disks, Skip> {
    let snapshot = seen.snapshot;
    let mut found = Disks::default();
    if let Err(Skip::Unknown(why) | Skip::NotApplicable(why)) = snapshot.volumes.need() {
        let claims = Vec::new();
        found.excluded.push(Excluded { why, claims });
        return Ok(found);
    }
    let claims = seen.claims()?;
    let mut excluded: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for shard in seen.every_shard()? {
        for held in claims.of(shard.ordinal) {
            // Without a claim there is no disk.
            let Some(claim) = held.claim else { continue };
            let Some(volume) = held.volume else {
                let bound = claim.spec.as_ref().is_some_and(|spec| spec.volume_name.is_some());
                let why = if bound {
                    "the volume is gone"
                } else {
                    "there is no volume yet"
                };
                excluded.entry(why.to_owned()).or_default().push(held.name);
                continue;
            };
            match priced(volume, &snapshot.classes, catalogue) {
                Ok((tier, listed)) => {
                    let monthly = discount.off(listed);
                    let tier = found.tiers.entry(tier).or_insert(Tier { count: 0, monthly });
                    tier.count += 1;
                }
                Err(why) => excluded.entry(why).or_default().push(held.name),
            }
        }
    }
    let excluded = excluded.into_iter().map(|(why, claims)| Excluded { why, claims });
    found.excluded.extend(excluded);
    Ok(found)
}

/// The tier of a volume's disk and its price, or why it has none, a clause.
fn priced(
    volume: &PersistentVolume,
    classes: &Read<Vec<StorageClass>>,
    catalogue: &Catalogue,
) -> Result<(String, Money), String> {
    let kind = kind(volume, classes)?;
    let size = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.capacity.as_ref()?.get("storage"));
    let bytes = size
        .and_then(Amount::of)
        .ok_or("the volume doesn't say how large it is")?;
    let gib = i64::try_from(bytes.ceiling().div_euclid(GIB) + i128::from(bytes.ceiling().rem_euclid(GIB) != 0));
    let tier = disk::tier(&kind, gib.unwrap_or(i64::MAX))?;
    match catalogue.disk_price(&tier) {
        Some(monthly) => Ok((tier, monthly)),
        None => Err(format!("no price of {tier} is known")),
    }
}

/// The kind of a volume's disk: as the volume says it, else the class that it was made by, else what the driver takes then.
fn kind(volume: &PersistentVolume, classes: &Read<Vec<StorageClass>>) -> Result<String, String> {
    let spec = volume.spec.as_ref().ok_or("the volume says nothing")?;
    let csi = spec.csi.as_ref().ok_or("no CSI driver made the disk")?;
    if csi.driver != disk::DRIVER {
        return Err(format!("prices of disks of {} aren't known", csi.driver));
    }
    if let Some(name) = &spec.volume_attributes_class_name {
        return Err(format!(
            "VolumeAttributesClass {name} may have changed the kind of disk"
        ));
    }
    if let Some(kind) = csi.volume_attributes.as_ref().and_then(named) {
        return Ok(kind.to_owned());
    }
    // A volume that somebody wrote by hand may name any class.
    let made = volume.metadata.annotations.as_ref().and_then(|all| all.get(MADE_BY));
    let class = spec.storage_class_name.as_deref().filter(|name| !name.is_empty());
    let (Some(_), Some(class)) = (made, class) else {
        return Err("the volume doesn't say its kind of disk, and no class made it".to_owned());
    };
    let all = match classes {
        Read::Got(all) => all,
        Read::Absent(why) | Read::Unreadable(why) => {
            return Err(format!(
                "which kind of disk StorageClass {class} makes isn't known: {why}"
            ));
        }
    };
    let Some(class) = all.iter().find(|one| one.metadata.name.as_deref() == Some(class)) else {
        return Err(format!("StorageClass {class}, which says the kind of disk, is gone"));
    };
    let kind = class.parameters.as_ref().and_then(named);
    Ok(kind.unwrap_or(disk::OTHERWISE).to_owned())
}

fn named(all: &BTreeMap<String, String>) -> Option<&str> {
    let mut named = all.iter().filter(|(key, value)| {
        let is_kind = KIND.iter().any(|kind| key.eq_ignore_ascii_case(kind));
        is_kind && !value.is_empty()
    });
    named.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;

    const PRICES: &str = "size,a-month\nE6 LRS,4.8\nP6 LRS,10.21\nP10 ZRS,29.57\n";

    fn found(scene: &Scene) -> Disks {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
        catalogue.take_prices(PRICES).unwrap();
        disks(&seen, &catalogue, Discount::default()).unwrap()
    }

    /// Three shards with a disk of 64Gi each, made by the class `disk`.
    fn scene() -> Scene {
        let mut scene = Scene::healthy(3);
        for ordinal in 0..3 {
            volume(
                &mut scene,
                ordinal,
                &json!({"metadata": {"annotations": {MADE_BY: disk::DRIVER}}}),
            );
        }
        scene
    }

    fn volume(scene: &mut Scene, ordinal: usize, change: &Value) {
        scene.merge(Resource::Volumes, &format!("pv-{ordinal}"), change.clone());
    }

    fn tiers(found: &Disks) -> Vec<(&str, u32)> {
        let tiers = found.tiers.iter();
        tiers.map(|(name, tier)| (name.as_str(), tier.count)).collect()
    }

    #[test]
    fn the_volume_says_the_kind_before_the_class_and_the_driver() {
        let mut scene = scene();
        assert_eq!(tiers(&found(&scene)), [("E6 LRS", 3)]);
        scene.merge(
            Resource::StorageClasses,
            "disk",
            json!({"parameters": {"storageaccounttype": "Premium_LRS"}}),
        );
        assert_eq!(tiers(&found(&scene)), [("P6 LRS", 3)]);
        let zonal = json!({"spec": {
            "capacity": {"storage": "65Gi"}, "csi": {"volumeAttributes": {"skuName": "Premium_ZRS"}}
        }});
        volume(&mut scene, 1, &zonal);
        let all = found(&scene);
        assert_eq!(tiers(&all), [("P10 ZRS", 1), ("P6 LRS", 2)]);
        assert_eq!(all.monthly(), Some(Money::parse("49.99").unwrap()));
        assert!(all.excluded.is_empty());
    }

    #[test]
    fn a_disk_whose_price_isnt_known_is_left_out_with_the_reason() {
        let reasons = [
            (
                json!({"spec": {"csi": {"driver": "ebs.csi.aws.com"}}}),
                "prices of disks of ebs.csi.aws.com aren't known",
            ),
            (
                json!({"spec": {"csi": {"volumeAttributes": {"skuName": "PremiumV2_LRS"}}}}),
                "PremiumV2_LRS is billed by what was provisioned, not by tiers",
            ),
            (
                json!({"spec": {"volumeAttributesClassName": "fast"}}),
                "VolumeAttributesClass fast may have changed the kind of disk",
            ),
            (
                json!({"spec": {"capacity": {"storage": "1Ti"}}}),
                "no price of E30 LRS is known",
            ),
            (
                json!({"spec": {"storageClassName": "old"}}),
                "StorageClass old, which says the kind of disk, is gone",
            ),
            (
                json!({"metadata": {"annotations": null}}),
                "the volume doesn't say its kind of disk, and no class made it",
            ),
            (json!({"spec": {"csi": null}}), "no CSI driver made the disk"),
        ];
        for (change, why) in reasons {
            let mut scene = scene();
            volume(&mut scene, 1, &change);
            let all = found(&scene);
            assert_eq!(tiers(&all), [("E6 LRS", 2)], "{change}");
            assert_eq!(all.excluded.len(), 1, "{change}");
            assert_eq!(all.excluded[0].to_string(), format!("{why} (data-db-1)"));
        }
    }

    #[test]
    fn what_couldnt_be_read_is_told_and_many_claims_arent_all_named() {
        let mut blind = scene();
        blind.unreadable(Resource::Volumes);
        let all = found(&blind);
        assert_eq!((all.monthly(), all.excluded.len()), (None, 1));
        assert!(all.excluded[0].claims.is_empty());
        let mut blind = Scene::healthy(5);
        for ordinal in 0..5 {
            volume(
                &mut blind,
                ordinal,
                &json!({"metadata": {"annotations": {MADE_BY: disk::DRIVER}}}),
            );
        }
        blind.unreadable(Resource::StorageClasses);
        let told = found(&blind).excluded[0].to_string();
        assert!(
            told.starts_with("which kind of disk StorageClass disk makes isn't known: "),
            "{told}"
        );
        assert!(told.ends_with("(data-db-0, data-db-1, data-db-2 and 2 more)"), "{told}");
    }
}
