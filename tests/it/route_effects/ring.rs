//! That the service of these tests is and misbehaves as it says: what a route test is to tell apart must really be there.

use std::time::Duration;

use shardctl::model::route::answer::Answer;
use shardctl::model::route::failure::Failure;
use shardctl::model::route::wire::{Manner, Request};

use super::{answer, ask_socket, assert_failed, impatient, manner, over_socket, request};
use crate::cluster::{Behaviour, Ring};

/// Who answers a key, and whose it is, as an entry says.
fn asked(port: u16, key: &str) -> (String, String) {
    let answer = ask(port, &request(&format!("/lookup?key={key}")));
    (header(&answer, "x-shard"), header(&answer, "x-owner"))
}

fn ask(port: u16, request: &Request) -> Answer {
    let mut request = request.clone();
    request.keep = vec!["x-shard".into(), "x-owner".into(), "x-entry".into()];
    let seen = ask_socket(manner(), &over_socket("127.0.0.1", port, false), &request);
    answer(&seen).clone()
}

#[track_caller]
fn header(answer: &Answer, name: &str) -> String {
    let found = answer.headers.iter().find(|(header, _)| header == name);
    found.unwrap_or_else(|| panic!("no {name} in {answer:?}")).1.clone()
}

/// The first key that `wanted` is true of.
fn key(wanted: impl Fn(&str) -> bool) -> String {
    let mut keys = (0..).map(|number| format!("key-{number}"));
    keys.find(|key| wanted(key)).expect("one of all keys")
}

#[test]
fn every_entry_of_a_healthy_ring_gives_a_key_the_same_owner() {
    let ring = Ring::of(3).named("db").start();
    for number in 0..12 {
        let key = format!("key-{number}");
        let owner = format!("db-{}", ring.owner(&key));
        for port in [ring.port(0), ring.port(1), ring.port(2), ring.balancer()] {
            assert_eq!(asked(port, &key), (owner.clone(), owner.clone()));
        }
    }
    let key = key(|key| ring.owner(key) == 2);
    let through = ask(ring.port(1), &request(&format!("/lookup/{key}")));
    assert_eq!(header(&through, "x-entry"), "db-1", "who took the request is said too");
}

#[test]
fn a_member_with_an_older_ring_sends_some_keys_elsewhere() {
    let ring = Ring::of(3).start();
    ring.let_member(0, Behaviour::StaleRing(2));
    let moved = key(|key| ring.owner(key) == 2);
    let kept = key(|key| ring.owner(key) == 1);
    assert_ne!(asked(ring.port(0), &moved).1, "shard-2");
    assert_eq!(asked(ring.port(1), &moved).1, "shard-2");
    assert_eq!(asked(ring.port(0), &kept).1, "shard-1");
}

#[test]
fn a_member_that_answers_for_others_says_whose_the_key_is() {
    let ring = Ring::of(3).start();
    ring.let_member(0, Behaviour::AnswersForOthers);
    let theirs = key(|key| ring.owner(key) == 2);
    assert_eq!(asked(ring.port(0), &theirs), ("shard-0".into(), "shard-2".into()));
}

#[test]
fn a_balancer_that_has_whoever_is_next_answer_gives_a_key_many_owners() {
    let ring = Ring::of(3).start();
    ring.let_balancer(Behaviour::AnswersForOthers);
    let mut owners: Vec<String> = (0..3).map(|_| asked(ring.balancer(), "a").1).collect();
    owners.sort();
    assert_eq!(owners, ["shard-0", "shard-1", "shard-2"]);
}

#[test]
fn a_member_that_flaps_gives_a_key_two_owners_in_turn() {
    let ring = Ring::of(3).start();
    ring.let_member(0, Behaviour::Flaps);
    let moved = key(|key| ring.owner(key) == 2);
    let owners: Vec<String> = (0..4).map(|_| asked(ring.port(0), &moved).1).collect();
    assert_eq!(
        owners.iter().filter(|owner| *owner == "shard-2").count(),
        2,
        "{owners:?}"
    );
    assert!(
        (owners[0] == "shard-2") != (owners[1] == "shard-2"),
        "in turn: {owners:?}"
    );
}

#[test]
fn a_member_may_claim_a_name_or_tell_none() {
    let ring = Ring::of(1).start();
    ring.let_member(0, Behaviour::Claims("web".into()));
    assert_eq!(asked(ring.port(0), "a"), ("web".into(), "web".into()));
    ring.let_member(0, Behaviour::Anonymous);
    let answer = ask(ring.port(0), &request("/lookup?key=a"));
    assert_eq!((answer.status, answer.headers.len()), (200, 0));
    assert!(!String::from_utf8_lossy(&answer.body).contains("shard"), "{answer:?}");
}

#[test]
fn a_slow_member_answers_later_and_no_sooner() {
    let ring = Ring::of(1).start();
    let delay = Duration::from_secs(1);
    ring.let_member(0, Behaviour::Slow(delay));
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    let seen = ask_socket(manner(), &entry, &request("/lookup?key=a"));
    assert_eq!(answer(&seen).status, 200);
    assert!(seen.timing.first_byte.is_some_and(|took| took >= delay), "{seen:?}");
    let seen = ask_socket(impatient(), &entry, &request("/lookup?key=a"));
    assert_failed(&seen, Failure::ReadTimeout, "no answer within 500 ms");
}

#[test]
fn a_status_below_400_comes_with_an_identity_and_one_above_without() {
    let ring = Ring::of(1).start();
    for (status, headers) in [(201, 3), (404, 0), (503, 0)] {
        ring.let_member(0, Behaviour::Status(status));
        let answer = ask(ring.port(0), &request("/lookup?key=a"));
        assert_eq!((answer.status, answer.headers.len()), (status, headers));
    }
}

#[test]
fn a_key_whose_owner_is_down_is_a_502_from_others_and_the_balancer_goes_past_it() {
    let ring = Ring::of(2).start();
    ring.let_member(1, Behaviour::Down);
    let (theirs, ours) = (key(|key| ring.owner(key) == 1), key(|key| ring.owner(key) == 0));
    let status = |key: &str| ask(ring.balancer(), &request(&format!("/lookup?key={key}"))).status;
    for _ in 0..4 {
        assert_eq!((status(&theirs), status(&ours)), (502, 200));
    }
    ring.let_member(0, Behaviour::Down);
    assert_eq!(status(&ours), 503);
    ring.let_member(0, Behaviour::Healthy);
    ring.let_member(1, Behaviour::Healthy);
    assert_eq!(
        (status(&theirs), status(&ours)),
        (200, 200),
        "it comes back on its port"
    );
}

#[test]
fn a_ring_that_grows_gives_keys_to_the_new_member_only() {
    let mut ring = Ring::of(3).start();
    let keys: Vec<String> = (0..30).map(|number| format!("key-{number}")).collect();
    let owners = |ring: &Ring| -> Vec<String> { keys.iter().map(|key| asked(ring.balancer(), key).1).collect() };
    let before = owners(&ring);
    ring.grow(4);
    let after = owners(&ring);
    let moved: Vec<&String> = after
        .iter()
        .zip(&before)
        .filter(|(a, b)| a != b)
        .map(|(a, _)| a)
        .collect();
    assert!(!moved.is_empty() && moved.len() < 15, "{moved:?}");
    assert!(moved.iter().all(|owner| *owner == "shard-3"), "{moved:?}");
}

#[test]
fn a_balancer_fails_in_every_way_a_member_does() {
    let ring = Ring::of(2).start();
    let entry = over_socket("127.0.0.1", ring.balancer(), false);
    let ask = |manner: Manner| ask_socket(manner, &entry, &request("/lookup?key=a"));
    for (behaviour, class, words) in [
        (Behaviour::Down, Failure::ConnectRefused, "refused"),
        (Behaviour::Resets, Failure::Reset, ""),
        (Behaviour::Closes, Failure::Reset, "closed"),
        (Behaviour::HalfBody, Failure::Reset, ""),
        (Behaviour::Garbage, Failure::Reset, "no HTTP"),
    ] {
        ring.let_balancer(behaviour);
        assert_failed(&ask(manner()), class, words);
    }
    for behaviour in [
        Behaviour::Hangs,
        Behaviour::HangsInBody,
        Behaviour::Slow(Duration::from_secs(30)),
    ] {
        ring.let_balancer(behaviour);
        assert_failed(&ask(impatient()), Failure::ReadTimeout, "within 500 ms");
    }
    ring.let_balancer(Behaviour::Status(503));
    assert_eq!(answer(&ask(manner())).status, 503);
    ring.let_balancer(Behaviour::Healthy);
    assert_eq!(answer(&ask(manner())).status, 200);
}
