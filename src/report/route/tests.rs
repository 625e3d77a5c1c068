//! An outcome with something of everything, in every form: nothing is lost on the way, and nothing steers a terminal.

use std::collections::BTreeMap;

use super::*;
use crate::model::route::failure::Failure;
use crate::model::route::outcome::{Failures, Latency, Moved, Reopened, Role, UnknownEntry};
use crate::report::testing::HOSTILE;
use crate::report::{json, route_junit};

fn quantile(micros: u64, samples: u64) -> Quantiles {
    Quantiles {
        samples,
        p50_micros: micros,
        p90_micros: micros * 2,
        p99_micros: (samples >= 100).then_some(micros * 3),
        max_micros: micros * 4,
    }
}

fn entry(name: &str, owners: [usize; 3]) -> EntryOutcome {
    EntryOutcome {
        name: name.to_owned(),
        port_forward: name != "lb",
        requests: 120,
        answered: 120,
        left_out: 0,
        owners: (0..).zip(owners).filter(|(_, keys)| *keys > 0).collect(),
        failures: Vec::new(),
        reopened: None,
        latency: Latency {
            connect: Some(quantile(800, 120)),
            total: Some(quantile(12_400, 120)),
            ..Latency::default()
        },
    }
}

fn healthy() -> RouteOutcome {
    RouteOutcome {
        namespace: "shop".to_owned(),
        statefulset: "db".to_owned(),
        shards: vec![0, 1, 2],
        probe: ProbeKind::Http,
        keys: 60,
        rounds: 2,
        identities: Some(Identities::Owner),
        entries: vec![
            entry("lb", [21, 20, 19]),
            entry("db-0", [21, 20, 19]),
            entry("db-1", [21, 20, 19]),
        ],
        unknown: Vec::new(),
        verdicts: BTreeMap::from([(KeyVerdict::Stable, 60)]),
        rows: Vec::new(),
        rows_left_out: 0,
        roles: Vec::new(),
        balance: Some(Balance {
            source: "every entry".to_owned(),
            owners: BTreeMap::from([(0, 21), (1, 20), (2, 19)]),
            keys: 60,
            chi_squared: Some(0.1),
            p_value: Some(0.951),
            without_key: Vec::new(),
            enough_for_every_shard: true,
            uneven: false,
        }),
        comparison: None,
        notes: Vec::new(),
        void: None,
        conclusion: Conclusion::Healthy,
    }
}

/// Everything that can be wrong, at once.
fn broken() -> RouteOutcome {
    let mut found = healthy();
    found.entries[2].owners = BTreeMap::from([(0, 40), (1, 20)]);
    found.entries[2].left_out = 7;
    found.entries[2].failures = Failure::ALL
        .into_iter()
        .map(|class| Failures {
            class,
            count: 3,
            first: HOSTILE.to_owned(),
        })
        .collect();
    found.entries[1].reopened = Some(Reopened {
        count: 1,
        first: HOSTILE.to_owned(),
    });
    found.unknown.push(UnknownEntry {
        name: "lb".to_owned(),
        why: HOSTILE.to_owned(),
    });
    found.verdicts = BTreeMap::from([(KeyVerdict::Stable, 40), (KeyVerdict::Disagreement, 20)]);
    found.rows.push(KeyRow {
        key: HOSTILE.to_owned(),
        verdict: KeyVerdict::Disagreement,
        entries: vec!["db-1".to_owned()],
        owners: BTreeMap::from([(0, 1), (2, 2)]),
    });
    found.rows_left_out = 19;
    found.roles.push(Role {
        answer: HOSTILE.to_owned(),
        shards: vec![1],
    });
    found.comparison = Some(Comparison {
        compared: 50,
        missing: 2,
        added: vec![2],
        removed: Vec::new(),
        moved_as_expected: 5,
        moved: vec![Moved {
            key: HOSTILE.to_owned(),
            from: 0,
            to: 1,
        }],
    });
    if let Some(balance) = &mut found.balance {
        balance.without_key = vec![2];
        balance.uneven = true;
    }
    found.notes.push(HOSTILE.to_owned());
    found.conclusion = Conclusion::Failed;
    found
}

#[test]
fn a_healthy_ring_is_a_table_a_line_an_entry_and_a_sentence() {
    let text = render(&healthy(), Style::PLAIN);
    let expected = "\
shop/db · 3 shards · 60 keys · 2 rounds · answers tell the owner

Keys by entry and owner
───────────────────────
 entry    0     1     2   failed
 lb      21    20    19        ·
 db-0    21    20    19        ·
 db-1    21    20    19        ·

Entries
───────
 ✓ lb    120 of 120 answered · p50 12 ms, p90 25 ms, p99 37 ms, max 50 ms · p50 of connect 0.8 ms
 ✓ db-0  120 of 120 answered · p50 12 ms, p90 25 ms, p99 37 ms, max 50 ms · p50 of connect 0.8 ms
 ✓ db-1  120 of 120 answered · p50 12 ms, p90 25 ms, p99 37 ms, max 50 ms · p50 of connect 0.8 ms

Keys
────
 60 stable

Balance
───────
 60 keys by owner, from every entry: 0: 21, 1: 20, 2: 19 (χ² 0.1, p 0.951)

✓ STABLE: each of 60 keys has one shard, from 3 entries
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn what_differs_is_marked_and_every_class_and_number_is_said() {
    let text = render(&broken(), Style::PLAIN);
    for words in [
        " db-1    40!   20     ·!",
        "! differs from what most entries give",
        "✗ db-1",
        "the way was opened anew once: ",
        "7 requests more were left out",
        "? lb  couldn't be tried: ",
        "40 stable, 20 disagreement",
        "db-0 from 1 entry, db-2 from 2 entries; at db-1",
        "and 19 more",
        "no key belongs to shard 2",
        "spread less evenly than chance explains",
        "50 keys compared, 1 moved between shards that were there before",
        "shard 2 is new; 5 of 50 keys moved there or away, as they must",
        "2 saved keys have no owner in this run",
        "✗ NOT STABLE: 20 of 60 keys aren't, 1 shard without a key, 1 key moved",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let junit = route_junit::render(&broken()).unwrap();
    for class in Failure::ALL {
        for form in [&text, &junit] {
            assert!(
                form.contains(&format!("{} × 3: ", class.id())),
                "{}: {form}",
                class.id()
            );
        }
    }
    for words in ["keys: disagreement", "a shard without a key", "1 keys moved"] {
        assert!(junit.contains(words), "{words}: {junit}");
    }
}

#[test]
fn no_form_steers_a_terminal() {
    let json = json::document("RouteTest", &broken()).unwrap();
    let junit = route_junit::render(&broken()).unwrap();
    for form in [render(&broken(), Style::PLAIN), json, junit] {
        assert!(!form.contains(['\u{1b}', '\u{202e}']), "{form}");
    }
}

#[test]
fn the_page_of_the_json_names_every_field() {
    let page = include_str!("../../../docs/json.md");
    let (_, section) = page.split_once("## RouteTest (").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    fn fields(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                for (name, value) in object {
                    // Shards by their numbers, verdicts by their ids, aren't fields.
                    if name.parse::<Ordinal>().is_err() {
                        found.push(name.clone());
                    }
                    fields(value, found);
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    fields(&serde_json::to_value(broken()).unwrap(), &mut found);
    for field in found {
        assert!(
            section.contains(&format!("`{field}`")),
            "docs/json.md: RouteTest lacks {field}"
        );
    }
}

#[test]
fn the_page_of_the_command_names_every_class() {
    let page = include_str!("../../../docs/route-test.md");
    let (_, classes) = page.split_once("## Classes of failure").unwrap();
    for class in Failure::ALL {
        assert!(
            classes.contains(&format!("`{}`", class.id())),
            "docs/route-test.md lacks {}",
            class.id()
        );
    }
}

#[test]
fn a_void_run_says_only_why() {
    let void = RouteOutcome {
        void: Some("topology moved, result void".to_owned()),
        conclusion: Conclusion::Unknown,
        ..broken()
    };
    let text = render(&void, Style::PLAIN);
    assert!(
        text.contains("? VOID: topology moved") && !text.contains("disagreement"),
        "{text}"
    );
    assert!(route_junit::render(&void).unwrap().contains("topology moved"));
}
