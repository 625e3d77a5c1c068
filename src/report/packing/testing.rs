//! A page for unit tests: two shards on nodes of their own, which one machine of twice the size would hold for less.

use std::collections::BTreeMap;

use super::{
    Advice, Amounts, Change, Disks, Drifting, Figure, Layout, LayoutZone, Machines, Node, PackingPage, Present, Prices,
    Short, Size, Step, Tier, Totals, WithLess, Zone,
};
use crate::model::grade::Grade;
use crate::model::money::Money;
use crate::model::read::Read;
use crate::model::recording::Taken;
use crate::model::room::GIB;
use crate::report::testing::after;

/// Dollars.
pub fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

/// So many GiB and thousandths of a core.
pub fn amounts(gib: i64, cpu_milli: i64) -> Amounts {
    Amounts {
        memory: gib * GIB,
        cpu_milli,
        disks: None,
        pods: 110,
    }
}

/// A node with one shard.
pub fn node(name: &str, shard: &str) -> Node {
    Node {
        node: name.to_owned(),
        size: Some("Standard_E8s_v5".to_owned()),
        zone: Some("eastus-1".to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        pool: Some("shards".to_owned()),
        ready: true,
        cordoned: false,
        allocatable: Some(amounts(60, 7800)),
        shards: vec![shard.to_owned()],
        by_shards: amounts(32, 2000),
        by_daemons: Some(amounts(3, 300)),
        by_others: Some(amounts(0, 0)),
        memory_percent: Some(58.3),
        cpu_percent: Some(29.4),
        used: None,
        grade: Some(Grade::Loose),
        free_slots: Some(0),
        stranded_memory: Some(25 * GIB),
        stranded_hourly: Some(money("0.21")),
        listed_hourly: Some(money("0.504")),
        hourly: Some(money("0.504")),
    }
}

/// A layout of one zone.
pub fn layout(name: &'static str, size: &str, count: u32, each: &str, lost: u32) -> Layout {
    let hourly = money(each).times(count);
    Layout {
        name,
        zones: vec![LayoutZone {
            zone: Some("eastus-1".to_owned()),
            shards: 2,
            machines: vec![Machines {
                size: Some(size.to_owned()),
                count,
                hourly: Some(money(each)),
            }],
        }],
        shards: 2,
        nodes: count,
        hourly: Some(hourly),
        monthly: Some(hourly.a_month()),
        monthly_a_shard: Some(hourly.a_month().share(1, 2)),
        saved_monthly: Some(money("735.84").minus(hourly.a_month())),
        lost_with_a_node: lost,
        lost_with_a_zone: 2,
        spare: Some(0),
    }
}

fn size(name: &str, shards: u32, near_miss: bool, basis: &str) -> Size {
    Size {
        size: name.to_owned(),
        vcpu: 8,
        memory: 64 * GIB,
        arch: "amd64".to_owned(),
        shards,
        short: vec![Short {
            of: "memory",
            missing: 2 * GIB,
            words: "2Gi".to_owned(),
        }],
        near_miss,
        fits: Figure {
            basis: basis.to_owned(),
            room: amounts(60, 7800),
            shards,
        },
        counted: None,
        listed_hourly: money("0.504"),
        known: "listed",
        hourly: money("0.504"),
        monthly_a_shard: Some(money("367.92")),
        listed: BTreeMap::from([("on-demand", money("0.504")), ("reserved-1y", money("0.3"))]),
        seen: None,
    }
}

/// The page.
pub fn page() -> PackingPage {
    let mut now = layout("now", "Standard_E8s_v5", 2, "0.504", 1);
    now.saved_monthly = None;
    PackingPage {
        taken: Taken {
            at: after(0.0),
            by: "shardctl test".to_owned(),
            context: Some("test".to_owned()),
            server: Read::Got("v1.36.3".to_owned()),
            namespace: "shop".to_owned(),
            statefulset: Some("db".to_owned()),
            redacted: false,
        },
        shard: amounts(32, 2000),
        instead: Vec::new(),
        terms: Vec::new(),
        zones: vec![Zone {
            zone: "eastus-1".to_owned(),
            shards: 2,
        }],
        anywhere: 0,
        prices: Prices {
            region: Some("eastus".to_owned()),
            source: "built-in".to_owned(),
            date: Some("2026-06-18".to_owned()),
            file: None,
            pay: "on-demand".to_owned(),
            discount: None,
        },
        disks: Disks {
            tiers: vec![Tier {
                tier: "P30 LRS".to_owned(),
                disks: 2,
                monthly: money("270.34"),
            }],
            monthly: Some(money("270.34")),
            excluded: Vec::new(),
        },
        present: Present {
            nodes: vec![node("node-0", "db-0"), node("node-1", "db-1")],
            without_node: Vec::new(),
            totals: Totals {
                nodes: 2,
                empty: 0,
                shards: 2,
                hourly: money("1.008"),
                monthly: money("735.84"),
                monthly_a_shard: Some(money("367.92")),
                unpriced: Vec::new(),
                memory_percent: Some(58.3),
                cpu_percent: Some(29.4),
                free_slots: Some(0),
                stranded_memory: Some(50 * GIB),
                stranded_hourly: Some(money("0.42")),
                lost_with_a_node: 1,
                lost_with_a_zone: 2,
                by_others: Some(amounts(0, 0)),
            },
        },
        sizes: vec![
            size("Standard_E8s_v5", 1, true, "node/node-0"),
            size("Standard_E16s_v5", 2, false, "kubelet-aks"),
        ],
        left_out: BTreeMap::from([("no price is known".to_owned(), vec!["Standard_X1".to_owned()])]),
        layouts: vec![
            now,
            layout("cheapest", "Standard_E16s_v5", 1, "0.9", 2),
            layout("balanced", "Standard_E16s_v5", 1, "0.9", 2),
            layout("most-available", "Standard_E8s_v5", 2, "0.504", 1),
        ],
        obstacles: Vec::new(),
        with_less: vec![WithLess {
            memory: 31 * GIB,
            machines: "1 × Standard_E8s_v5".to_owned(),
            saved_monthly: money("289.08"),
        }],
        buy: Some("shardctl packing-summary --pools cheapest | kubectl apply -f -".to_owned()),
        advice: vec![Advice {
            pool: "shards".to_owned(),
            version: "karpenter.sh/v1".to_owned(),
            keeps: "1 × Standard_E16s_v5".to_owned(),
            steps: vec![Step {
                why: "first the budgets".to_owned(),
                changes: vec![Change {
                    field: "spec.disruption.budgets".to_owned(),
                    from: Some("10%".to_owned()),
                    to: Some("0".to_owned()),
                }],
                command: "kubectl patch nodepools.v1.karpenter.sh shards --type merge -p '{}'".to_owned(),
            }],
            drifting: vec![Drifting {
                node: "node-0".to_owned(),
                shards: vec!["db-0".to_owned()],
                why: vec!["Standard_E8s_v5 is no longer among the sizes".to_owned()],
            }],
            notes: vec!["move one node at a time".to_owned()],
        }],
        usage: super::usage::Usage::default(),
        assumptions: vec!["prices: Azure's list of 2026-06-18, built in, for eastus".to_owned()],
        warnings: Vec::new(),
        unread: Vec::new(),
    }
}
