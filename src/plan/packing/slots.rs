//! How many shards a machine holds, what stops the next one, and how little is missing.

use crate::model::room::{Limit, Room, Take};

/// A shortfall counts as near where it is at most this part of what a shard takes.
const NEAR: i64 = 10;

/// How many shards fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// How many.
    pub count: u32,
    /// What there is too little of for one more, the scarcest first. Empty where nothing that is known stops it.
    pub short: Vec<Short>,
}

/// What one more shard would need beyond what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// Of what.
    pub limit: Limit,
    /// How much is missing: bytes, thousandths of a core, disks, pods.
    pub missing: i64,
    /// How much a shard takes of it.
    pub each: i64,
}

impl Slots {
    /// What binds: the scarcest of what stops one more shard.
    pub fn bound(&self) -> Option<Limit> {
        self.short.first().map(|short| short.limit)
    }

    /// How far it is from one more: the largest part of a shard that is missing, in millionths.
    pub fn distance(&self) -> i128 {
        let part = |short: &Short| i128::from(short.missing) * 1_000_000 / i128::from(short.each.max(1));
        self.short.first().map_or(0, part)
    }

    /// The one thing that is missing for one more shard, where it is a tenth of a shard's at most.
    pub fn near_miss(&self) -> Option<Short> {
        match self.short.as_slice() {
            [only] if only.missing.saturating_mul(NEAR) <= only.each => Some(*only),
            _ => None,
        }
    }
}

/// How many shards fit in a room beside what DaemonSets take.
///
/// What a shard takes none of doesn't count, nor what nobody knows the amount of.
pub fn slots(room: &Room, daemons: &Take, shard: &Take) -> Slots {
    let fits = |limit: Limit| {
        let each = shard.of(limit);
        let free = room.of(limit)?.saturating_sub(daemons.of(limit));
        (each > 0).then(|| (limit, each, free, free.max(0) / each))
    };
    let all: Vec<_> = Limit::ALL.into_iter().filter_map(fits).collect();
    let Some(count) = all.iter().map(|(.., count)| *count).min() else {
        return Slots {
            count: 0,
            short: Vec::new(),
        };
    };
    let mut short: Vec<Short> = all
        .into_iter()
        .filter(|(.., most)| *most == count)
        .map(|(limit, each, free, _)| Short {
            limit,
            missing: each.saturating_mul(count + 1).saturating_sub(free),
            each,
        })
        .collect();
    // The scarcest is what most of a shard is missing of; compared crosswise, since the units differ.
    short.sort_by(|one, other| {
        let weight = |a: &Short, b: &Short| i128::from(a.missing) * i128::from(b.each);
        weight(other, one)
            .cmp(&weight(one, other))
            .then(one.limit.cmp(&other.limit))
    });
    Slots {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::allocatable::Model;
    use crate::model::catalogue::Catalogue;
    use crate::model::catalogue::table::Table;
    use crate::model::money::Money;
    use crate::model::price::Kind;
    use crate::model::room::{GIB, MIB, gib};
    use crate::plan::packing::daemons;

    const SHARD: Take = Take {
        memory: 32 * GIB,
        cpu: 2000,
        disks: 1,
        pods: 1,
    };

    fn of(name: &str, model: Model, max_pods: i64) -> Slots {
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let room = model.room(catalogue.size(name).unwrap(), max_pods);
        slots(&room, &daemons::OBSERVED.take, &SHARD)
    }

    #[test]
    fn the_golden_numbers_of_pods_come_out_exactly() {
        let golden = include_str!("../../../data/allocatable-golden.csv");
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let table = Table::read(golden).unwrap();
        let mut compared = 0;
        for row in table.rows() {
            let number = |column: &str| row.get(column).unwrap().parse::<i64>().unwrap();
            let name = row.get("size").unwrap();
            let model = Model::parse(row.get("model").unwrap()).unwrap();
            let mut room = model.room(catalogue.size(name).unwrap(), number("max_pods"));
            // The vectors count memory and CPU alone.
            room.disks = None;
            for profile in [daemons::LEAN, daemons::OBSERVED, daemons::HEAVY] {
                let fits = slots(&room, &profile.take, &SHARD);
                assert_eq!(i64::from(fits.count), number(profile.name), "{name} {}", model.name());
                compared += 1;
            }
        }
        assert_eq!(compared, 189);
    }

    #[test]
    fn what_binds_and_what_is_missing_are_named() {
        let fits = of("Standard_E16s_v5", Model::KarpenterAzure, 250);
        assert_eq!((fits.count, fits.bound()), (3, Some(Limit::Memory)));
        assert_eq!(fits.near_miss(), None);
        // 229568 MiB less 506 of the DaemonSets are 0.3Gi short of seven times 32Gi.
        let near = of("Standard_E32s_v5", Model::KarpenterAzure, 250).near_miss().unwrap();
        assert_eq!(
            (near.limit, near.missing),
            (Limit::Memory, (7 * 32 * 1024 - 229_568 + 506) * MIB)
        );
        assert_eq!(gib(near.missing), "0.3Gi");
    }

    /// What tables that people copy around say of ten shards of 32Gi: three Standard_E16s_v5 are too few, four Standard_E8s_v5 too.
    #[test]
    fn three_of_sixteen_cores_give_nine_slots_and_four_of_eight_give_four() {
        for model in [Model::KarpenterAzure, Model::KubeletAks, Model::KubeletAksHardened] {
            let slots = |name: &str, machines: u32| machines * of(name, model, 110).count;
            assert_eq!(slots("Standard_E16s_v5", 3), 9, "{}", model.name());
            assert_eq!(slots("Standard_E8s_v5", 4), 4, "{}", model.name());
        }
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let price = catalogue.price("Standard_E16s_v5", Kind::OnDemand).unwrap();
        assert_eq!(price.hourly, Money::parse("1.008").unwrap());
    }

    #[test]
    fn each_thing_can_bind() {
        let room = Room {
            memory: 200 * GIB,
            cpu: 9000,
            disks: Some(5),
            pods: 110,
        };
        let none = Take::default();
        let bound = |room: Room| slots(&room, &none, &SHARD).bound();
        assert_eq!(bound(room), Some(Limit::Cpu));
        assert_eq!(bound(Room { disks: Some(3), ..room }), Some(Limit::Disks));
        assert_eq!(bound(Room { pods: 2, ..room }), Some(Limit::Pods));
        assert_eq!(
            bound(Room {
                memory: 40 * GIB,
                ..room
            }),
            Some(Limit::Memory)
        );
        let unknown = slots(&Room { disks: None, ..room }, &none, &SHARD);
        assert_eq!(unknown.count, 4);
        // Two things stop it: neither is a near miss alone.
        let both = slots(
            &Room {
                memory: 159 * GIB,
                cpu: 9950,
                ..room
            },
            &none,
            &SHARD,
        );
        assert_eq!((both.count, both.short.len(), both.near_miss()), (4, 2, None));
        assert_eq!(both.bound(), Some(Limit::Memory));
    }

    #[test]
    fn daemons_that_take_more_than_there_is_leave_no_slot() {
        let room = Room {
            memory: GIB,
            cpu: 1000,
            disks: None,
            pods: 10,
        };
        let daemons = Take {
            memory: 2 * GIB,
            ..Take::default()
        };
        let fits = slots(&room, &daemons, &SHARD);
        assert_eq!(fits.count, 0);
        assert_eq!(
            fits.short
                .iter()
                .find(|short| short.limit == Limit::Memory)
                .unwrap()
                .missing,
            33 * GIB
        );
    }

    #[test]
    fn what_a_shard_takes_none_of_never_binds() {
        let room = Room {
            memory: 64 * GIB,
            cpu: 0,
            disks: Some(0),
            pods: 10,
        };
        let shard = Take {
            cpu: 0,
            disks: 0,
            ..SHARD
        };
        assert_eq!(slots(&room, &Take::default(), &shard).count, 2);
    }
}
