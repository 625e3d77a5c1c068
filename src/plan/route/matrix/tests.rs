//! Keys as they come out of what was seen from each entry.

use std::time::Duration;

use super::*;
use crate::model::route::answer::{Answer, Timing};
use crate::model::route::entry::Way;
use crate::model::route::identity::{Identity, Rule};

const TIMING: Timing = Timing {
    dns: None,
    connect: None,
    tls: None,
    first_byte: None,
    total: Duration::from_millis(1),
};

fn lb() -> Entry {
    Entry {
        name: "lb".to_owned(),
        way: Way::Lb {
            address: "1.2.3.4".to_owned(),
            port: 80,
        },
        tls: false,
        host: "db".to_owned(),
    }
}

fn shard(ordinal: Ordinal) -> Entry {
    Entry {
        name: format!("db-{ordinal}"),
        way: Way::Shard {
            ordinal,
            pod: format!("db-{ordinal}"),
            port: 80,
        },
        tls: false,
        host: "db".to_owned(),
    }
}

fn answered(status: u16, server: Ordinal, owner: Ordinal) -> Seen {
    Seen {
        result: Ok(Answer {
            status,
            headers: vec![
                ("served".to_owned(), server.to_string()),
                ("owner".to_owned(), owner.to_string()),
            ],
            body: Vec::new(),
        }),
        timing: TIMING,
        reopened: None,
    }
}

fn failed(class: Failure) -> Seen {
    Seen {
        result: Err(Failed::new(class, "seen")),
        timing: TIMING,
        reopened: None,
    }
}

/// One key, three shards and the balancer last.
fn matrix(identities: Identities, apart: bool) -> Matrix {
    let header = |name: &str| vec![Rule::Header(name.to_owned())];
    let identity = Identity {
        served_by: header("served"),
        owner: if apart { header("owner") } else { Vec::new() },
    };
    let reader = Reader::new(&identity, "db", 0..3).unwrap();
    let entries = vec![shard(0), shard(1), shard(2), lb()];
    Matrix::new(reader, identities, vec!["k".to_owned()], entries)
}

fn only(matrix: &Matrix) -> (KeyVerdict, Vec<String>) {
    let (rows, more) = matrix.rows(10);
    assert_eq!(more, 0);
    let row = rows.first().expect("a key that isn't stable");
    (row.verdict, row.entries.clone())
}

#[test]
fn the_same_owner_from_every_entry_is_stable() {
    let mut matrix = matrix(Identities::Owner, false);
    for entry in 0..4 {
        matrix.take(0, entry, &answered(200, 1, 1));
    }
    let verdicts: Vec<_> = matrix.verdicts().collect();
    assert_eq!(verdicts, [("k", KeyVerdict::Stable, Some(1))]);
    assert!(matrix.rows(10).0.is_empty());
    assert_eq!(matrix.source(), "every entry");
}

#[test]
fn an_entry_that_differs_is_named() {
    let mut matrix = matrix(Identities::Owner, false);
    for entry in 0..4 {
        let owner = if entry == 2 { 0 } else { 1 };
        matrix.take(0, entry, &answered(200, owner, owner));
    }
    assert_eq!(only(&matrix), (KeyVerdict::Disagreement, vec!["db-2".to_owned()]));
}

#[test]
fn without_a_majority_every_entry_is_named() {
    let mut matrix = matrix(Identities::Owner, false);
    for entry in 0..4 {
        let owner = i32::from(entry > 1);
        matrix.take(0, entry, &answered(200, owner, owner));
    }
    assert_eq!(only(&matrix).1.len(), 4);
}

#[test]
fn an_entry_that_changes_flaps() {
    let mut matrix = matrix(Identities::Owner, false);
    for round in 0..2 {
        for entry in 0..3 {
            matrix.take(0, entry, &answered(200, 1, 1));
        }
        matrix.take(0, 3, &answered(200, 1 + round, 1 + round));
    }
    assert_eq!(only(&matrix), (KeyVerdict::Flapping, vec!["lb".to_owned()]));
}

#[test]
fn a_shard_that_answers_anothers_key_is_the_wrong_owner() {
    let mut matrix = matrix(Identities::Owner, true);
    matrix.take(0, 0, &answered(200, 1, 1));
    matrix.take(0, 3, &answered(200, 2, 1));
    assert_eq!(only(&matrix), (KeyVerdict::WrongOwner, vec!["lb".to_owned()]));
    assert_eq!(matrix.entries()[3].failures[0].class, Failure::WrongOwner);
}

#[test]
fn a_third_shard_behind_a_shards_entry_is_a_mismatch() {
    let mut each = matrix(Identities::EachItself, false);
    each.take(0, 0, &answered(200, 2, 2));
    each.take(0, 3, &answered(200, 2, 2));
    assert_eq!(only(&each), (KeyVerdict::EntryMismatch, vec!["db-0".to_owned()]));

    let mut third = matrix(Identities::Owner, true);
    third.take(0, 0, &answered(200, 2, 1));
    let classes: Vec<Failure> = third.entries()[0].failures.iter().map(|one| one.class).collect();
    assert_eq!(classes, [Failure::EntryMismatch, Failure::WrongOwner]);
}

#[test]
fn shards_that_answer_for_themselves_name_no_owner() {
    let mut matrix = matrix(Identities::EachItself, false);
    for entry in 0..3 {
        let itself = i32::try_from(entry).unwrap();
        matrix.take(0, entry, &answered(200, itself, itself));
    }
    assert_eq!(matrix.verdict(0), (KeyVerdict::Unknown, None));
    matrix.take(0, 3, &failed(Failure::Reset));
    assert_eq!(matrix.verdict(0), (KeyVerdict::Unserved, None));
    matrix.take(0, 3, &answered(200, 2, 2));
    assert_eq!(matrix.verdict(0), (KeyVerdict::Stable, Some(2)));
    assert_eq!(matrix.source(), "lb");
}

#[test]
fn a_key_that_no_entry_answers_is_unserved_unless_no_way_in_opened() {
    let mut matrix = matrix(Identities::Owner, false);
    matrix.take(0, 0, &failed(Failure::ApiTunnel));
    assert_eq!(matrix.verdict(0).0, KeyVerdict::Unknown);
    matrix.take(0, 1, &failed(Failure::ConnectRefused));
    assert_eq!(only(&matrix).0, KeyVerdict::Unserved);
}

#[test]
fn a_failing_entry_keeps_its_class_beside_a_stable_key() {
    let mut matrix = matrix(Identities::Owner, false);
    matrix.take(0, 0, &answered(200, 1, 1));
    matrix.take(0, 1, &answered(500, 1, 1));
    matrix.take(0, 2, &answered(404, 1, 1));
    assert_eq!(matrix.verdict(0), (KeyVerdict::Stable, Some(1)));
    let entries = matrix.entries();
    assert_eq!(entries[1].failures[0].class, Failure::Http5xx);
    assert_eq!(entries[2].failures[0].class, Failure::Http4xx);
    assert_eq!((entries[1].requests, entries[1].answered), (1, 0));
}

#[test]
fn a_way_that_was_opened_anew_is_counted_with_the_first_cause() {
    let mut matrix = matrix(Identities::Owner, false);
    for why in ["first", "second"] {
        let seen = Seen {
            reopened: Some(why.to_owned()),
            ..answered(200, 1, 1)
        };
        matrix.take(0, 0, &seen);
    }
    let reopened = matrix.entries()[0].reopened.clone().unwrap();
    assert_eq!((reopened.count, reopened.first.as_str()), (2, "first"));
}
