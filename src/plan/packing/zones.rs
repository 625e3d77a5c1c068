//! Which zones the shards are bound to by their disks, and how a wish changes that.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::Spread;
use crate::model::node;
use crate::model::read::Skip;
use crate::model::volume::{NodeZones, node_zone, zones};
use crate::plan::verify::seen::{Seen, Shard};

/// Where the disks are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// How many shards are bound where.
    pub spread: Spread,
    /// The zone of each shard, by ordinal; none where it may be in any.
    pub homes: Vec<Option<String>>,
    /// Zones of the wish that no node and no disk is in.
    pub invented: Vec<String>,
    /// The driver of the shards' disks; none where there are none, or no driver made them.
    pub driver: Option<String>,
    /// What had to be assumed, a sentence each.
    pub assumed: Vec<String>,
}

/// Reads the zones off the volumes of the shards' claims.
///
/// # Errors
/// Where the set, its pods or its claims can't be read.
pub fn of_disks(seen: &Seen<'_>) -> Result<Bound, Skip> {
    let claims = seen.claims()?;
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    let by_nodes = NodeZones::of(nodes.filter(|found| !node::is_virtual(found)));
    let known = zones_of_nodes(seen);
    let mut bound = Bound::default();
    let (mut loose, mut homes) = (Vec::new(), Vec::new());
    for shard in seen.every_shard()? {
        let volumes: Vec<_> = claims
            .of(shard.ordinal)
            .into_iter()
            .filter_map(|claim| claim.volume)
            .collect();
        let driver = volumes.iter().find_map(|found| found.spec.as_ref()?.csi.as_ref());
        if let Some(csi) = driver {
            bound.driver.get_or_insert_with(|| csi.driver.clone());
        }
        let reached = match reach(volumes.iter().filter_map(|found| zones(found)), &by_nodes) {
            Some(zones) => zones,
            None if volumes.is_empty() => {
                let zone = zone_of_pod(seen, &shard)?;
                loose.extend(zone.is_some().then(|| shard.name.to_string()));
                zone.into_iter().collect()
            }
            None => BTreeSet::new(),
        };
        homes.push((shard.name.into_owned(), reached));
    }
    if !loose.is_empty() {
        let names = loose.join(", ");
        bound.assumed.push(format!(
            "no disk was seen of {names}: taken to stay in the zone of the node"
        ));
    }
    settle(&mut bound, homes, known);
    Ok(bound)
}

/// The zones that all of a shard's disks can be reached from, by the names that nodes have for them; none where none is bound.
fn reach<'a>(disks: impl Iterator<Item = BTreeSet<&'a str>>, known: &NodeZones<'_>) -> Option<BTreeSet<String>> {
    let named = |zone: &'a str| known.named(zone).into_iter().map(str::to_owned).collect::<Vec<_>>();
    disks
        .map(|zones| zones.into_iter().flat_map(named).collect::<BTreeSet<_>>())
        .reduce(|one, other| one.intersection(&other).cloned().collect())
        .filter(|zones| !zones.is_empty())
}

/// Gives each shard its zone. One whose disks reach every zone that there is may be in any; one whose disks reach some alone is
/// taken to be in that of them with the fewest shards, which is said.
fn settle(bound: &mut Bound, homes: Vec<(String, BTreeSet<String>)>, mut known: BTreeSet<String>) {
    for (_, reached) in &homes {
        if let (1, Some(zone)) = (reached.len(), reached.first()) {
            *bound.spread.zones.entry(zone.clone()).or_default() += 1;
            known.insert(zone.clone());
        }
    }
    for (name, reached) in homes {
        let home = match reached.len() {
            0 => None,
            1 => reached.into_iter().next(),
            _ if known.is_subset(&reached) => {
                known.extend(reached);
                None
            }
            _ => {
                let count = |zone: &String| bound.spread.zones.get(zone).copied().unwrap_or(0);
                let fewest = reached.iter().min_by_key(|zone| count(zone)).cloned();
                if let Some(zone) = &fewest {
                    let all = reached.iter().cloned().collect::<Vec<_>>().join(", ");
                    let words = format!("the disks of {name} can be reached from {all}: taken to be in {zone}");
                    bound.assumed.push(words);
                    *bound.spread.zones.entry(zone.clone()).or_default() += 1;
                }
                fewest
            }
        };
        bound.spread.anywhere += u32::from(home.is_none());
        bound.homes.push(home);
    }
    if bound.spread.anywhere > 0 {
        for zone in known {
            bound.spread.zones.entry(zone).or_default();
        }
    }
}

fn zone_of_pod(seen: &Seen<'_>, shard: &Shard<'_>) -> Result<Option<String>, Skip> {
    let Some(place) = shard.pod.and_then(crate::model::pod::node) else {
        return Ok(None);
    };
    Ok(seen.node(place)?.and_then(node_zone).map(str::to_owned))
}

/// The zones of the nodes that aren't doors to somewhere else.
fn zones_of_nodes(seen: &Seen<'_>) -> BTreeSet<String> {
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    nodes
        .filter(|found| !node::is_virtual(found))
        .filter_map(node_zone)
        .map(str::to_owned)
        .collect()
}

/// What somebody asks for instead of what the disks say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How many shards.
    pub shards: Option<u32>,
    /// How many in each zone: with names, or without and then in the order of the zones' names.
    pub zones: Vec<(Option<String>, u32)>,
}

/// Reads `4,3,3` or `eastus-1=4,eastus-2=3`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read_zones(text: &str) -> Result<Vec<(Option<String>, u32)>, String> {
    let one = |part: &str| {
        let part = part.trim();
        let (name, count) = match part.split_once('=') {
            Some((name, count)) => (Some(name.trim()), count.trim()),
            None => (None, part),
        };
        if name == Some("") {
            return Err(format!("`{part}` names no zone"));
        }
        let count: u32 = count.parse().ok().filter(|count| *count <= 10_000).ok_or_else(|| {
            format!("`{part}` is not a number of shards: write --zones 4,3,3 or --zones eastus-1=4,eastus-2=3")
        })?;
        Ok((name.map(str::to_owned), count))
    };
    let all: Vec<_> = text.split(',').map(one).collect::<Result<_, String>>()?;
    if all.iter().any(|(name, _)| name.is_some()) && all.iter().any(|(name, _)| name.is_none()) {
        return Err(format!("`{text}` names some zones and not others"));
    }
    let names: BTreeSet<_> = all.iter().filter_map(|(name, _)| name.as_ref()).collect();
    if !names.is_empty() && names.len() != all.len() {
        return Err(format!("`{text}` names a zone twice"));
    }
    if all.len() > 100 || all.iter().map(|(_, count)| count).sum::<u32>() > 10_000 {
        return Err("that is more than 100 zones or more than 10000 shards".to_owned());
    }
    if all.iter().all(|(_, count)| *count == 0) {
        return Err(format!("`{text}`: there has to be one shard at least"));
    }
    Ok(all)
}

/// The spread that somebody asks for. Of fewer shards those with the highest ordinals go, as a StatefulSet would have it; more go
/// to the zones with the fewest, as a topology spread would, or to any where all that are there may be in any.
///
/// # Errors
/// Where the zones hold another number of shards than was asked for.
pub fn wished(bound: &Bound, asked: &Asked) -> Result<Bound, String> {
    let mut made = bound.clone();
    if !asked.zones.is_empty() {
        let sum: u32 = asked.zones.iter().map(|(_, count)| count).sum();
        if let Some(shards) = asked.shards.filter(|shards| *shards != sum) {
            return Err(format!(
                "the zones hold {sum} shards together, and --shards says {shards}"
            ));
        }
        let mut known = bound.spread.zones.keys().cloned();
        let name = |at: usize, known: Option<String>| known.unwrap_or_else(|| format!("zone {}", at + 1));
        made.spread.zones = asked
            .zones
            .iter()
            .enumerate()
            .map(|(at, (zone, count))| (zone.clone().unwrap_or_else(|| name(at, known.next())), *count))
            .collect();
        let invented = made
            .spread
            .zones
            .keys()
            .filter(|zone| !bound.spread.zones.contains_key(*zone));
        made.invented = invented.cloned().collect();
        made.spread.anywhere = 0;
        made.assumed.clear();
        return Ok(made);
    }
    let Some(shards) = asked.shards else { return Ok(made) };
    let before = made.spread.shards();
    let spread = &mut made.spread;
    let all_loose = before > 0 && spread.anywhere == before;
    for _ in before..shards {
        match least(&spread.zones).filter(|_| !all_loose) {
            Some(zone) => *spread.zones.entry(zone).or_default() += 1,
            None => spread.anywhere += 1,
        }
    }
    for _ in shards..before {
        match made.homes.pop().flatten().and_then(|zone| spread.zones.get_mut(&zone)) {
            Some(count) => *count = count.saturating_sub(1),
            None => spread.anywhere = spread.anywhere.saturating_sub(1),
        }
    }
    if shards > before && !all_loose && !made.spread.zones.is_empty() {
        made.assumed.push(format!(
            "{} more shards: their disks go to the zones with the fewest",
            shards - before
        ));
    } else if shards < before {
        made.assumed.push(format!(
            "{} fewer shards: those with the highest ordinals go, from where their disks are",
            before - shards
        ));
    }
    Ok(made)
}

fn least(zones: &BTreeMap<String, u32>) -> Option<String> {
    zones
        .iter()
        .min_by_key(|(_, count)| **count)
        .map(|(zone, _)| zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;
    use serde_json::{Value, json};

    fn bound(scene: &Scene) -> Bound {
        let snapshot = scene.snapshot();
        of_disks(&Seen::of(&snapshot, &scene.policy)).unwrap()
    }

    fn zones(bound: &Bound) -> Vec<(&str, u32)> {
        let zones = bound.spread.zones.iter();
        zones.map(|(zone, count)| (zone.as_str(), *count)).collect()
    }

    fn terms(values: &[&str]) -> Value {
        let term = |zone: &&str| json!({"matchExpressions": [{"key": "topology.disk.csi.azure.com/zone", "operator": "In", "values": [zone]}]});
        json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": values.iter().map(term).collect::<Vec<_>>()}}}})
    }

    #[test]
    fn the_zones_are_those_of_the_disks_not_of_the_pods() {
        let mut scene = Scene::healthy(10);
        assert_eq!(zones(&bound(&scene)), [("zone-1", 4), ("zone-2", 3), ("zone-3", 3)]);
        scene.edit(Resource::Volumes, "pv-1", |volume| {
            volume["spec"]["nodeAffinity"] = terms(&["1"])["spec"]["nodeAffinity"].clone();
        });
        let found = bound(&scene);
        assert_eq!(zones(&found), [("zone-1", 5), ("zone-2", 2), ("zone-3", 3)]);
        assert_eq!(found.driver.as_deref(), Some("disk.csi.azure.com"));
        assert!(found.assumed.is_empty());
    }

    #[test]
    fn a_disk_that_every_zone_reaches_binds_to_none() {
        let mut scene = Scene::healthy(4);
        scene.merge(Resource::Volumes, "pv-0", terms(&["zone-1", "zone-2", "zone-3", ""]));
        scene.merge(Resource::Volumes, "pv-3", json!({"spec": {"nodeAffinity": null}}));
        let found = bound(&scene);
        assert_eq!(
            (zones(&found), found.spread.anywhere),
            (vec![("zone-1", 0), ("zone-2", 1), ("zone-3", 1)], 2)
        );
    }

    #[test]
    fn a_disk_that_some_zones_reach_is_taken_to_be_in_one_and_that_is_said() {
        let mut scene = Scene::healthy(5);
        scene.merge(Resource::Volumes, "pv-0", terms(&["zone-1", "zone-3"]));
        let found = bound(&scene);
        assert_eq!(zones(&found), [("zone-1", 2), ("zone-2", 2), ("zone-3", 1)]);
        assert_eq!(
            found.assumed,
            ["the disks of db-0 can be reached from zone-1, zone-3: taken to be in zone-1"]
        );
    }

    #[test]
    fn disks_that_all_reach_the_same_zones_of_more_are_never_put_elsewhere() {
        let mut scene = Scene::healthy(4);
        for ordinal in 0..4 {
            scene.merge(
                Resource::Volumes,
                &format!("pv-{ordinal}"),
                terms(&["zone-1", "zone-2"]),
            );
        }
        let found = bound(&scene);
        assert_eq!(
            (zones(&found), found.spread.anywhere),
            (vec![("zone-1", 2), ("zone-2", 2)], 0)
        );
    }

    #[test]
    fn of_fewer_shards_the_last_go_and_more_of_loose_ones_are_loose() {
        let asked = |shards| Asked {
            shards: Some(shards),
            zones: Vec::new(),
        };
        // Ordinals 0 to 9 are in zones 1, 2, 3, 1, …: without 7, 8 and 9 zone 2 and 3 lose one, zone 1 the last.
        let before = bound(&Scene::healthy(10));
        assert_eq!(zones(&before), [("zone-1", 4), ("zone-2", 3), ("zone-3", 3)]);
        assert_eq!(
            zones(&wished(&before, &asked(7)).unwrap()),
            [("zone-1", 3), ("zone-2", 2), ("zone-3", 2)]
        );
        assert_eq!(
            zones(&wished(&before, &asked(5)).unwrap()),
            [("zone-1", 2), ("zone-2", 2), ("zone-3", 1)]
        );
        let mut scene = Scene::healthy(2);
        for ordinal in 0..2 {
            scene.merge(
                Resource::Volumes,
                &format!("pv-{ordinal}"),
                json!({"spec": {"nodeAffinity": null}}),
            );
        }
        assert_eq!(wished(&bound(&scene), &asked(5)).unwrap().spread.anywhere, 5);
    }

    #[test]
    fn a_shard_without_a_disk_stays_where_its_node_is_and_that_is_said() {
        let mut scene = Scene::healthy(2);
        scene.remove(Resource::Volumes, "pv-1");
        let found = bound(&scene);
        assert_eq!(zones(&found), [("zone-1", 1), ("zone-2", 1)]);
        assert!(
            found.assumed[0].contains("no disk was seen of db-1"),
            "{:?}",
            found.assumed
        );
    }

    #[test]
    fn zones_are_read_and_slips_told() {
        let plain = |counts: &[u32]| counts.iter().map(|count| (None, *count)).collect::<Vec<_>>();
        assert_eq!(read_zones("4,3, 3"), Ok(plain(&[4, 3, 3])));
        assert_eq!(read_zones("a=4,b=0").unwrap()[0], (Some("a".to_owned()), 4));
        for (text, told) in [
            ("", "is not a number of shards"),
            ("4;3", "is not a number of shards"),
            ("4,-3", "is not a number of shards"),
            ("a=4,3", "names some zones"),
            ("a=4,a=3", "names a zone twice"),
            ("=4", "names no zone"),
            ("0,0", "one shard at least"),
            ("9000,9000", "more than 10000 shards"),
            ("20000", "is not a number of shards"),
        ] {
            let said = read_zones(text).unwrap_err();
            assert!(said.contains(told), "{text}: {said}");
        }
    }

    #[test]
    fn a_wish_changes_the_spread_and_says_what_it_assumes() {
        let ten = bound(&Scene::healthy(10));
        let shards = |count| Asked {
            shards: Some(count),
            zones: Vec::new(),
        };
        let more = wished(&ten, &shards(14)).unwrap();
        assert_eq!(zones(&more), [("zone-1", 5), ("zone-2", 5), ("zone-3", 4)]);
        assert!(more.assumed[0].starts_with("4 more shards"));
        let fewer = wished(&ten, &shards(5)).unwrap();
        assert_eq!(fewer.spread.shards(), 5);
        assert_eq!(wished(&ten, &shards(10)).unwrap(), ten);
        let asked = Asked {
            shards: None,
            zones: read_zones("6,2,2").unwrap(),
        };
        assert_eq!(
            zones(&wished(&ten, &asked).unwrap()),
            [("zone-1", 6), ("zone-2", 2), ("zone-3", 2)]
        );
        let wrong = Asked {
            shards: Some(12),
            ..asked
        };
        assert!(
            wished(&ten, &wrong)
                .unwrap_err()
                .contains("10 shards together, and --shards says 12")
        );
    }
}
