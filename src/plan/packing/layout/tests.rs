//! The layouts against other ways to find them: every combination by hand, and an integer search that shares no code.

use super::*;

fn money(cents: u32) -> Money {
    Money::parse("0.01").unwrap().times(cents)
}

fn choice(size: &str, slots: u32, cents: u32) -> Choice {
    Choice {
        size: size.to_owned(),
        slots,
        hourly: money(cents),
    }
}

fn spread(zones: &[u32], anywhere: u32) -> Spread {
    let zones = zones
        .iter()
        .enumerate()
        .map(|(at, count)| (format!("z{at}"), *count))
        .collect();
    Spread {
        zones,
        anywhere,
        most_a_zone: None,
    }
}

/// A small generator of numbers: the same ones on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 33).unwrap() % end
    }

    fn choices(&mut self, most: u32) -> Vec<Choice> {
        let count = 1 + self.below(most);
        (0..count)
            .map(|at| choice(&format!("s{at}"), 1 + self.below(9), 10 + self.below(900)))
            .collect()
    }
}

/// Whether a layout holds what it has to: every shard of every zone.
fn holds(layout: &Layout, spread: &Spread) {
    for zone in &layout.zones {
        let slots: u32 = zone.machines.iter().map(|of| of.count * of.slots).sum();
        assert!(slots >= zone.shards, "{layout:?}");
        let bound = zone.name.as_ref().map_or(0, |name| spread.zones[name]);
        assert!(zone.shards >= bound, "{layout:?}");
    }
    assert_eq!(layout.shards(), spread.shards());
}

/// The least cost of a zone by trying every number of machines of every size, one size after the other.
fn by_hand(shards: i64, choices: &[Choice]) -> Option<Money> {
    if shards <= 0 {
        return Some(Money::ZERO);
    }
    let (first, rest) = choices.split_first()?;
    let most = (shards + i64::from(first.slots) - 1) / i64::from(first.slots);
    (0..=most)
        .filter_map(|count| {
            let left = by_hand(shards - count * i64::from(first.slots), rest)?;
            Some(first.hourly.times(u32::try_from(count).unwrap()).plus(left))
        })
        .min()
}

/// An integer search: the best ratio first, cut where even the best ratio can't beat what is known.
fn search(shards: u32, choices: &[Choice]) -> u64 {
    struct Search {
        machines: Vec<(u64, u64)>,
        best: u64,
    }
    impl Search {
        fn go(&mut self, at: usize, left: u64, cost: u64) {
            if left == 0 {
                self.best = self.best.min(cost);
                return;
            }
            let Some(&(slots, cents)) = self.machines.get(at) else {
                return;
            };
            // The machines are sorted by cents a slot: no later one is cheaper a slot, so this is what is missing at least.
            if cost + (left * cents).div_ceil(slots) >= self.best {
                return;
            }
            for count in (0..=left.div_ceil(slots)).rev() {
                self.go(at + 1, left.saturating_sub(count * slots), cost + count * cents);
            }
        }
    }
    let cents = |choice: &Choice| choice.hourly.rounded(2).replace('.', "").parse::<u64>().unwrap();
    let mut machines: Vec<(u64, u64)> = choices.iter().map(|one| (u64::from(one.slots), cents(one))).collect();
    machines.sort_by(|one, other| (one.1 * other.0).cmp(&(other.1 * one.0)));
    let mut search = Search {
        machines,
        best: u64::MAX,
    };
    search.go(0, u64::from(shards), 0);
    search.best
}

#[test]
fn small_cases_cost_what_trying_everything_finds() {
    let mut numbers = Numbers(0x5eed);
    for _ in 0..300 {
        let choices = numbers.choices(4);
        let zones = [numbers.below(8), numbers.below(8)];
        let asked = spread(&zones, 0);
        let layout = cheapest(&asked, &choices).unwrap();
        holds(&layout, &asked);
        let expected: Money = zones
            .iter()
            .map(|shards| by_hand(i64::from(*shards), &choices).unwrap())
            .sum();
        assert_eq!(layout.hourly(), expected, "{zones:?} {choices:?}");
    }
}

#[test]
fn a_thousand_cases_cost_what_an_integer_search_finds() {
    let mut numbers = Numbers(0xc0ffee);
    for _ in 0..1000 {
        let choices = numbers.choices(8);
        let zones = [numbers.below(25), numbers.below(25), numbers.below(25)];
        let asked = spread(&zones, 0);
        let layout = cheapest(&asked, &choices).unwrap();
        holds(&layout, &asked);
        let expected: u64 = zones.iter().map(|shards| search(*shards, &choices)).sum();
        let expected = money(u32::try_from(expected).unwrap());
        assert_eq!(layout.hourly(), expected, "{zones:?} {choices:?}");
    }
}

#[test]
fn shards_that_may_be_anywhere_go_where_they_cost_least() {
    let mut numbers = Numbers(0xfeed);
    for _ in 0..200 {
        let choices = numbers.choices(4);
        let zones = [numbers.below(6), numbers.below(6), numbers.below(6)];
        let anywhere = numbers.below(6);
        let asked = spread(&zones, anywhere);
        let layout = cheapest(&asked, &choices).unwrap();
        holds(&layout, &asked);
        let mut expected = None;
        for one in 0..=anywhere {
            for two in 0..=anywhere - one {
                let counts = [zones[0] + one, zones[1] + two, zones[2] + anywhere - one - two];
                let cost: Money = counts
                    .iter()
                    .map(|count| by_hand(i64::from(*count), &choices).unwrap())
                    .sum();
                expected = Some(expected.map_or(cost, |known: Money| known.min(cost)));
            }
        }
        assert_eq!(Some(layout.hourly()), expected, "{asked:?} {choices:?}");
    }
}

#[test]
fn shards_without_zones_are_one_heap() {
    let layout = cheapest(&spread(&[], 7), &[choice("a", 3, 100), choice("b", 1, 40)]).unwrap();
    assert_eq!(layout.zones[0].name, None);
    assert_eq!(layout.hourly(), money(240));
    assert_eq!(layout.spare(), 0);
}

/// Ten shards whose disks are in 4, 3 and 3, on sizes that hold 1, 3 and 7 of them.
#[test]
fn the_zones_of_the_disks_decide_not_the_sum() {
    let choices = [choice("E8", 1, 50), choice("E16", 3, 101), choice("E32", 7, 202)];
    let asked = spread(&[4, 3, 3], 0);
    let layout = cheapest(&asked, &choices).unwrap();
    assert_eq!((layout.hourly(), layout.nodes(), layout.spare()), (money(353), 4, 0));
    let sizes: Vec<_> = layout.zones[0]
        .machines
        .iter()
        .map(|of| (of.size.as_str(), of.count))
        .collect();
    assert_eq!(sizes, [("E16", 1), ("E8", 1)]);
    assert_eq!((layout.lost_with_a_node(), layout.lost_with_a_zone()), (3, 4));
    assert_eq!(layout.hourly_a_shard().rounded(4), "0.3530");
    // One zone would take fewer machines.
    assert_eq!(cheapest(&spread(&[10], 0), &choices).unwrap().hourly(), money(303));
    let alone = homogeneous(&asked, &choices);
    let told: Vec<_> = alone
        .iter()
        .map(|one| (one.sizes()[0], one.nodes(), one.hourly()))
        .collect();
    assert_eq!(
        told,
        [("E16", 4, money(404)), ("E8", 10, money(500)), ("E32", 3, money(606))]
    );
}

#[test]
fn at_most_so_many_shards_a_node_are_lost_with_one() {
    let choices = [choice("E8", 1, 50), choice("E16", 3, 101), choice("E32", 7, 202)];
    let asked = spread(&[4, 3, 3], 0);
    let layout = cheapest(&asked, &capped(&choices, 2)).unwrap();
    assert_eq!(layout.lost_with_a_node(), 1);
    assert_eq!(layout.hourly(), money(500));
}

#[test]
fn a_tie_is_settled_by_the_nodes_and_then_by_the_name() {
    let same = [choice("b", 2, 100), choice("a", 2, 100), choice("c", 1, 50)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let choices: Vec<Choice> = order.iter().map(|at| same[*at].clone()).collect();
        let layout = cheapest(&spread(&[4], 0), &choices).unwrap();
        assert_eq!((layout.nodes(), layout.sizes()), (2, vec!["a"]));
    }
}

#[test]
fn where_nothing_can_be_bought_there_is_no_layout() {
    assert_eq!(cheapest(&spread(&[4], 0), &[]), None);
    assert_eq!(cheapest(&spread(&[4], 0), &[choice("a", 0, 100)]), None);
    assert!(homogeneous(&spread(&[4], 0), &[]).is_empty());
}

#[test]
fn a_zone_holds_no_more_than_it_may() {
    let choices = [choice("E8", 1, 50), choice("E16", 3, 101), choice("E32", 7, 170)];
    let within = |zones: &[u32], anywhere, most| {
        let asked = Spread {
            most_a_zone: Some(most),
            ..spread(zones, anywhere)
        };
        cheapest(&asked, &choices)
    };
    // Without the limit all seven would go to one large machine.
    assert_eq!(cheapest(&spread(&[0, 0, 0], 7), &choices).unwrap().hourly(), money(170));
    let layout = within(&[0, 0, 0], 7, 3).unwrap();
    assert_eq!((layout.lost_with_a_zone(), layout.hourly()), (3, money(252)));
    assert_eq!(within(&[4, 0], 0, 3), None);
    assert_eq!(within(&[2, 2], 3, 3), None);
    assert_eq!(within(&[], 7, 3), None);
}
