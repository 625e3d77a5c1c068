//! The layouts for ten shards of 32Gi in eastus, and wishes that can't be had.

use super::*;
use crate::model::allocatable::Model;
use crate::model::catalogue::Catalogue;
use crate::plan::packing::choice::{Narrowed, market};
use crate::plan::packing::daemons::OBSERVED;
use crate::plan::packing::figures::Machines;

const SHARD: Take = Take {
    memory: 32 * GIB,
    cpu: 2000,
    disks: 1,
    pods: 1,
};

fn offered(shard: &Take, sizes: &[&str]) -> Market {
    let machines = Machines {
        kubelet: Some(Model::KubeletAks),
        forecast: Some(Model::KarpenterAzure),
        max_pods: 250,
        ..Machines::default()
    };
    let narrowed = Narrowed {
        sizes: sizes.iter().map(|size| (*size).to_owned()).collect(),
        archs: vec!["amd64".to_owned()],
        ..Narrowed::default()
    };
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    market(&catalogue, &machines, &OBSERVED.take, shard, &narrowed).unwrap()
}

fn spread(zones: &[u32]) -> Spread {
    let zones = zones
        .iter()
        .enumerate()
        .map(|(at, count)| (format!("eastus-{}", at + 1), *count));
    Spread {
        zones: zones.collect(),
        ..Spread::default()
    }
}

fn found(spread: &Spread, market: &Market, stands: Stands) -> Result<Options, Vec<String>> {
    options(spread, market, stands, Kind::OnDemand, Some("eastus"))
        .map_err(|all| all.iter().map(ToString::to_string).collect())
}

const V5: [&str; 1] = ["Standard_E*s_v5"];

/// "3 × E16s_v5 for ten shards", "E16s_v5 at 0.672", "4 × E8s_v5 hold four": what the tables have wrong comes out right.
#[test]
fn ten_shards_in_three_zones_take_what_they_take() {
    let market = offered(&SHARD, &["Standard_E8s_v5", "Standard_E16s_v5", "Standard_E32s_v5"]);
    let options = found(&spread(&[4, 3, 3]), &market, Stands::default()).unwrap();
    // Three hold one zone of three each; the fourth shard of the first zone takes an E8s_v5.
    assert_eq!(options.cheapest.hourly(), Money::parse("3.528").unwrap());
    assert_eq!((options.cheapest.nodes(), options.cheapest.lost_with_a_node()), (4, 3));
    let alone = |size: &str| {
        options
            .of_one_size
            .iter()
            .find(|layout| layout.sizes() == [size])
            .unwrap()
    };
    assert_eq!(alone("Standard_E16s_v5").nodes(), 4);
    assert_eq!(alone("Standard_E16s_v5").hourly(), Money::parse("4.032").unwrap());
    assert_eq!(alone("Standard_E8s_v5").nodes(), 10);
    assert_eq!(options.of_one_size[0].sizes(), ["Standard_E16s_v5"]);
    assert_eq!(options.most_available.lost_with_a_node(), 1);
    assert_eq!(options.most_available.hourly(), Money::parse("5.04").unwrap());
    assert_eq!(options.balanced, options.cheapest);
}

#[test]
fn no_layout_loses_more_with_a_node_than_it_may() {
    let market = offered(&SHARD, &V5);
    let free = found(&spread(&[4, 3, 3]), &market, Stands::default()).unwrap();
    assert!(free.cheapest.lost_with_a_node() > 2);
    let stands = Stands {
        a_node: Some(2),
        a_zone: None,
    };
    let bound = found(&spread(&[4, 3, 3]), &market, stands).unwrap();
    for layout in [&bound.cheapest, &bound.balanced, &bound.most_available]
        .into_iter()
        .chain(&bound.of_one_size)
    {
        assert!(layout.lost_with_a_node() <= 2, "{layout:?}");
    }
    assert!(bound.cheapest.hourly() >= free.cheapest.hourly());
}

#[test]
fn a_wish_that_cant_be_had_is_named_with_the_reason() {
    let market = offered(&SHARD, &V5);
    let stands = |a_zone| Stands {
        a_node: None,
        a_zone: Some(a_zone),
    };
    assert_eq!(
        found(&spread(&[4, 3, 3]), &market, stands(3)).unwrap_err(),
        [
            "the disks of 4 shards are in eastus-1, and at most 3 may be lost with a zone: no machines change that, the disks have \
          to be elsewhere"
        ]
    );
    assert!(found(&spread(&[4, 3, 3]), &market, stands(4)).is_ok());
    let anywhere = Spread {
        anywhere: 10,
        ..spread(&[0, 0])
    };
    assert_eq!(
        found(&anywhere, &market, stands(3)).unwrap_err(),
        ["at most 3 shards a zone take 4 zones, and there are 2"]
    );
    let nowhere = Spread {
        anywhere: 2,
        ..Spread::default()
    };
    assert_eq!(
        found(&nowhere, &market, stands(1)).unwrap_err(),
        ["at most 1 shards a zone take 2 zones, and none is known"]
    );
    assert!(found(&nowhere, &market, stands(2)).is_ok());
    let large = Take {
        memory: 700 * GIB,
        ..SHARD
    };
    assert_eq!(
        found(
            &spread(&[1]),
            &offered(&large, &["Standard_E96s_v5", "Standard_E16s_v5"]),
            Stands::default()
        )
        .unwrap_err(),
        ["no size holds a shard: Standard_E96s_v5 comes closest, and is 99.8Gi of memory short"]
    );
    assert_eq!(
        found(&spread(&[1]), &Market::default(), Stands::default()).unwrap_err(),
        ["every size is left out by what was asked for"]
    );
    let unpriced = Market {
        left_out: [("a".to_owned(), LeftOut::NoPrice)].into(),
        ..Market::default()
    };
    assert_eq!(
        found(&spread(&[1]), &unpriced, Stands::default()).unwrap_err(),
        ["no on-demand price is known in eastus for any size that was asked for"]
    );
}

/// The search halves; trying every number that a node may hold finds the same.
#[test]
fn what_halving_finds_is_what_trying_all_finds() {
    let market = offered(&SHARD, &[]);
    for zones in [&[40, 40, 40][..], &[4, 3, 3], &[17], &[1, 9, 30]] {
        let spread = spread(zones);
        let options = found(&spread, &market, Stands::default()).unwrap();
        let all: Vec<Layout> = (1..=60)
            .filter_map(|most| cheapest(&spread, &capped(&market.choices(), most)))
            .collect();
        let least = all.iter().map(Layout::hourly).min().unwrap();
        let first = |limit: Money| all.iter().find(|layout| layout.hourly() <= limit).unwrap();
        assert_eq!(&options.cheapest, first(least), "{zones:?}");
        assert_eq!(&options.balanced, first(least.share(110, 100)), "{zones:?}");
        assert_eq!(options.most_available, all[0], "{zones:?}");
    }
}

#[test]
fn the_layout_between_costs_little_more_and_loses_less() {
    let market = offered(&SHARD, &V5);
    let options = found(&spread(&[40, 40, 40]), &market, Stands::default()).unwrap();
    assert!(options.balanced.hourly() <= options.cheapest.hourly().share(110, 100));
    assert!(options.balanced.lost_with_a_node() <= options.cheapest.lost_with_a_node());
    assert!(options.most_available.lost_with_a_node() <= options.balanced.lost_with_a_node());
}

/// An E32s_v5 is 0.3Gi short of a seventh shard of 32Gi: with 31.75Gi it holds seven.
#[test]
fn a_little_less_memory_is_told_where_it_saves_something() {
    let market = offered(&SHARD, &["Standard_E32s_v5"]);
    let zone = spread(&[7]);
    let less = with_less_memory(&zone, &market, &OBSERVED.take, &SHARD, Stands::default());
    assert_eq!(less.len(), 1);
    assert_eq!((less[0].memory, less[0].layout.nodes()), (127 * GIB / 4, 1));
    assert_eq!(less[0].saved, Money::parse("2.016").unwrap());
    let none = with_less_memory(&spread(&[6]), &market, &OBSERVED.take, &SHARD, Stands::default());
    assert!(none.is_empty());
    let capped = Stands {
        a_node: Some(6),
        a_zone: None,
    };
    assert!(with_less_memory(&zone, &market, &OBSERVED.take, &SHARD, capped).is_empty());
}
