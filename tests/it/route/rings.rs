//! Rings that agree, and rings that don't: each is told apart, and who differs is named.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{balancer_at, classes, entry_of, named, outcome, set_of, tested, three, verdicts};
use crate::cluster::Behaviour;

#[test]
fn in_a_healthy_ring_every_key_is_stable_from_every_entry() {
    let (scene, ring) = three();
    let found = outcome(&scene, 0, &[]);
    assert_eq!(verdicts(&found), BTreeMap::from([("stable".to_owned(), 40)]));
    assert_eq!(
        (&found["conclusion"], &found["identities"]),
        (&json!("healthy"), &json!("owner"))
    );
    let entries = found["entries"].as_array().unwrap();
    let names: Vec<&Value> = entries.iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["lb", "shard-0", "shard-1", "shard-2"]);
    for entry in entries {
        assert_eq!((&entry["requests"], &entry["answered"]), (&json!(80), &json!(80)));
        assert_eq!(entry["portForward"], json!(entry["name"] != "lb"));
        let latency = &entry["latency"];
        assert!(latency["connect"]["p50Micros"].is_u64() && latency["firstByte"]["p90Micros"].is_u64());
        // An address needs no name server, and nobody speaks TLS; 80 requests are too few for a 99th percentile.
        assert!(latency["dns"].is_null() && latency["tls"].is_null() && latency["total"]["p99Micros"].is_null());
        assert_eq!(entry["owners"], found["balance"]["owners"]);
    }

    // The owners are the ring's own, and standard input gives the keys.
    let keys = ["a", "b c", "ü", "d/e", "a"];
    let mut command = scene.shardctl([
        "route-test",
        "--key-file",
        "-",
        "--save",
        "owners.json",
        "--entry",
        "shards",
    ]);
    let ran = crate::bad_days::checked(command.write_stdin(keys.join("\n")).output().unwrap());
    // Four keys are too few to miss one at any shard.
    ran.says(
        0,
        &[
            "4 keys",
            "a line repeated a key",
            "STABLE",
            "bypasses the pod's address",
            "owners of 4 keys were saved to owners.json",
        ],
    );
    let saved = std::fs::read_to_string(scene.home().join("owners.json")).unwrap();
    let saved: Value = serde_json::from_str(&saved).unwrap();
    let encoded = ["a", "b%20c", "%C3%BC", "d%2Fe", "a"];
    for (key, sent) in keys.iter().zip(encoded) {
        assert_eq!(saved["owners"][key], json!(ring.owner(sent)), "{key}");
    }

    // The key may go by a header as well; the table names every entry, and so does the digest.
    let ran = tested(&scene, &["--header", "X-Shard-Key: {key}", "--path", "/lookup"]);
    ran.says(
        0,
        &[
            "Keys by entry and owner",
            "✓ lb",
            "✓ shard-2",
            "p50",
            "each of 40 keys has one shard, from 4 entries",
        ],
    );
    let junit = tested(&scene, &["-o", "junit"]);
    junit.says(0, &["failures=\"0\"", "40 keys: stable", "shardctl.route-test.entry"]);
}

#[test]
fn an_entry_with_a_stale_ring_is_named() {
    let (scene, ring) = three();
    ring.let_member(1, Behaviour::StaleRing(2));
    let found = outcome(&scene, 1, &["--entry", "shards"]);
    let verdicts = verdicts(&found);
    assert!(verdicts["disagreement"] > 0 && verdicts["stable"] > 0, "{verdicts:?}");
    assert_eq!(named(&found, "disagreement"), set_of(["shard-1"]));
    assert_eq!(classes(&found, "shard-1"), set_of(["disagreement"]));
    assert!(classes(&found, "shard-0").is_empty() && classes(&found, "shard-2").is_empty());
    let words = [
        "disagreement",
        "; at shard-1",
        "NOT STABLE",
        "! differs from what most entries give",
    ];
    tested(&scene, &["--entry", "shards"]).says(1, &words);
    let junit = tested(&scene, &["--entry", "shards", "-o", "junit"]);
    junit.says(1, &["keys: disagreement", "at shard-1"]);
}

#[test]
fn a_shard_that_answers_for_another_is_wrong_owner() {
    let (scene, ring) = three();
    ring.let_member(1, Behaviour::AnswersForOthers);
    let apart = [
        "--entry",
        "shards",
        "--identity-json",
        "/shard",
        "--owner-json",
        "/owner",
    ];
    let found = outcome(&scene, 1, &apart);
    assert!(verdicts(&found)["wrong-owner"] > 0);
    assert_eq!(named(&found, "wrong-owner"), set_of(["shard-1"]));
    assert_eq!(classes(&found, "shard-1"), set_of(["wrong-owner"]));
    assert!(classes(&found, "shard-0").is_empty() && classes(&found, "shard-2").is_empty());
    tested(&scene, &apart).says(1, &["wrong-owner", "shard 1 answered a key of shard"]);
    tested(&scene, &[&apart[..], &["-o", "junit"]].concat()).says(1, &["wrong-owner"]);
}

#[test]
fn a_balancer_and_a_shard_that_change_their_minds_flap() {
    let (scene, ring) = three();
    ring.let_balancer(Behaviour::AnswersForOthers);
    let rounds = ["--rounds", "3"];
    let found = outcome(&scene, 1, &rounds);
    assert!(verdicts(&found)["flapping"] > 0);
    assert_eq!(named(&found, "flapping"), set_of(["lb"]));
    tested(&scene, &rounds).says(1, &["flapping", "; at lb"]);
    tested(&scene, &[&rounds[..], &["-o", "junit"]].concat()).says(1, &["keys: flapping", "at lb"]);

    ring.let_balancer(Behaviour::Healthy);
    ring.let_member(2, Behaviour::Flaps);
    let found = outcome(&scene, 1, &["--entry", "shards", "--rounds", "5"]);
    assert_eq!(named(&found, "flapping"), set_of(["shard-2"]));
}

#[test]
fn identities_that_tell_nobody_apart_stop_the_run_before_anything_is_judged() {
    let (scene, ring) = three();
    let everybody = |behaviour: &Behaviour| (0..3).for_each(|member| ring.let_member(member, behaviour.clone()));
    for (behaviour, words) in [
        (
            Behaviour::Claims("shard-0".into()),
            "same identity, 0, whatever the key",
        ),
        (Behaviour::Anonymous, "no pod says who it is"),
        (Behaviour::Claims("web-1".into()), "no pod says who it is"),
        (Behaviour::Down, "no pod answered"),
    ] {
        everybody(&behaviour);
        let found = outcome(&scene, 7, &[]);
        assert!(found["void"].as_str().unwrap().contains(words), "{found}");
        assert_eq!(
            (&found["conclusion"], found["entries"].as_array().unwrap().len()),
            (&json!("unknown"), 0)
        );
        tested(&scene, &[]).says(7, &["VOID", words]);
        tested(&scene, &["-o", "junit"]).says(7, &["errors=\"1\"", words]);
    }
    // One key may be one shard's: it says that it can't tell.
    everybody(&Behaviour::Healthy);
    tested(&scene, &["--keys", "1"]).says(7, &["VOID", "to tell takes 17 keys, and there were 1"]);
    everybody(&Behaviour::Anonymous);
    // Without a run that counts there is nothing to save.
    tested(&scene, &["--save", "owners.json"]).says(7, &["nothing was saved to owners.json"]);
    assert!(!scene.home().join("owners.json").exists());
}

#[test]
fn a_balancer_without_an_address_is_unknown_and_the_rest_runs() {
    let (scene, ring) = three();
    balancer_at(&scene, json!(null));
    let found = outcome(&scene, 7, &[]);
    assert_eq!(found["unknown"][0]["name"], "lb");
    assert_eq!(verdicts(&found)["stable"], 40);
    let words = ["lb  couldn't be tried", "service/shard-entry is pending", "UNKNOWN"];
    tested(&scene, &[]).says(7, &words);
    tested(&scene, &["-o", "junit"]).says(7, &["pending", "errors=\"1\""]);

    // A host name is asked as well as an address, an ingress with a prefix as well as a balancer.
    balancer_at(&scene, json!([{"hostname": "localhost"}]));
    let url = format!("http://127.0.0.1:{}/lookup/{{key}}", ring.port(1));
    let found = outcome(&scene, 0, &["--entry", "lb", "--url", &url]);
    assert!(entry_of(&found, "lb")["latency"]["dns"]["p50Micros"].is_u64());
    let by_url = entry_of(&found, &format!("127.0.0.1:{}", ring.port(1)));
    assert_eq!(by_url["answered"], 80);
}

#[test]
fn names_from_inside_are_asked_by_a_shard() {
    let (scene, _ring) = three();
    let found = outcome(&scene, 0, &["--entry", "in-cluster", "--keys", "12", "--rounds", "1"]);
    assert_eq!(entry_of(&found, "in shard-2")["answered"], 12);
}

#[test]
fn where_shards_have_nothing_to_ask_with_a_helper_pod_does_and_is_gone_afterwards() {
    let (scene, ring) = three();
    ring.leave_pods_without_tools(&scene);
    let inside = ["--entry", "in-cluster", "--keys", "12", "--rounds", "1"];
    tested(&scene, &inside).says(
        7,
        &["? in-cluster  couldn't be tried: the shards' image has neither curl nor wget"],
    );
    let image = ["--probe-image", "registry.example/curl:8"];
    let ran = tested(&scene, &[&inside[..], &image].concat());
    ran.refused(3, &["--yes"]);
    let found = outcome(&scene, 0, &[&inside[..], &image, &["--yes"]].concat());
    assert_eq!(entry_of(&found, "in shard-2")["answered"], 12);
    let helpers: Vec<Pod> = scene.list("labelSelector=shardctl.dev/helper");
    let there = helpers.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    assert_eq!(there.count(), 0);
}
