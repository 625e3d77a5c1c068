//! One bad shard among three: each way of being bad is a class of its own, in every output, at the entry where it is.

use serde_json::json;

use super::{classes, entry_of, outcome, served, tested, three};
use crate::bad_days::write;
use crate::cluster::certificates::Authority;
use crate::cluster::{Behaviour, Ring, Scene};

#[test]
fn each_failure_of_a_shard_is_a_class_of_its_own_in_every_output() {
    let (scene, ring) = three();
    let light = ["--entry", "shards", "--keys", "12", "--rounds", "1", "--timeout", "2s"];
    for (behaviour, class) in [
        (Behaviour::Down, "connect-refused"),
        (Behaviour::Resets, "reset"),
        (Behaviour::Hangs, "read-timeout"),
        (Behaviour::Status(500), "http-5xx"),
        (Behaviour::Status(404), "http-4xx"),
        (Behaviour::Anonymous, "no-identity"),
        (Behaviour::Claims("shard-9".into()), "unknown-identity"),
    ] {
        ring.let_member(1, behaviour.clone());
        let found = outcome(&scene, 1, &light);
        assert!(
            classes(&found, "shard-1").contains(class),
            "{behaviour:?}: {}",
            entry_of(&found, "shard-1")
        );
        assert_eq!(found["conclusion"], "failed");
        tested(&scene, &light).says(1, &["✗ shard-1", &format!("{class} × "), "NOT STABLE"]);
        tested(&scene, &[&light[..], &["-o", "junit"]].concat()).says(1, &[&format!("message=\"{class}\"")]);
    }
}

#[test]
fn an_entry_from_which_nothing_comes_is_given_up() {
    let (scene, ring) = three();
    ring.let_member(1, Behaviour::Hangs);
    let further = ["--entry", "shards", "--timeout", "1s", "--concurrency", "32"];
    let found = outcome(&scene, 1, &further);
    let hung = entry_of(&found, "shard-1");
    let left_out = hung["leftOut"].as_u64().unwrap();
    assert!(left_out > 0 && hung["answered"] == 0, "{hung}");
    assert_eq!(hung["requests"].as_u64().unwrap() + left_out, 80);
    tested(&scene, &further).says(1, &["more were left out: nothing came from there"]);
}

#[test]
fn another_shard_behind_a_shards_entry_is_a_mismatch() {
    let (scene, ring) = three();
    // Each shard answers for itself, whatever the key: whose a key is, only a balancer could tell.
    let itself = ["--entry", "shards", "--path", "/whoami"];
    let found = outcome(&scene, 7, &itself);
    assert_eq!(found["identities"], "each-itself");
    assert!(
        found["notes"].to_string().contains("each shard answers for itself"),
        "{found}"
    );
    assert!(classes(&found, "shard-1").is_empty());

    let before = ring.requests(1);
    let slowly = [
        "route-test",
        "--entry",
        "shards",
        "--path",
        "/whoami",
        "--keys",
        "40",
        "--rate",
        "30",
    ];
    let process = scene.shardctl_process(scene.kubeconfig(), slowly);
    scene.wait_until("the matrix has begun", |_| ring.requests(1) > before + 3);
    ring.let_member(1, Behaviour::Claims("shard-2".into()));
    let ended = process.wait();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for words in [
        "✗ shard-1",
        "entry-mismatch × ",
        "shard 1 was asked, and shard 2 answered",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    // From the beginning on it can't be told from a constant.
    tested(&scene, &itself).says(7, &["VOID: the pods 1 and 2 all say that they are 2"]);
}

#[test]
fn tls_is_judged_as_a_client_would_and_not_at_all_only_aloud() {
    let authority = Authority::new();
    let ring = Ring::of(2).tls(authority.server_for(&["shop.example.com"])).start();
    let (scene, ring) = served(Scene::shards(2).start(), ring);
    write(&scene, "ca.pem", &authority.certificate);
    write(&scene, "other.pem", &Authority::new().certificate);
    let tls = ["--tls", "--host", "shop.example.com"];
    for http in [&[][..], &["--http2"]] {
        let found = outcome(&scene, 0, &[&tls[..], http, &["--ca", "ca.pem"]].concat());
        for entry in ["lb", "shard-0", "shard-1"] {
            assert!(
                entry_of(&found, entry)["latency"]["tls"]["p50Micros"].is_u64(),
                "{entry}"
            );
        }
    }
    // Nobody that is trusted answers, so that nobody says who they are.
    let ran = tested(&scene, &[&tls[..], &["--ca", "other.pem"]].concat());
    ran.says(7, &["VOID: no pod answered", "certificate"]);
    let ran = tested(&scene, &["--tls", "--insecure", "--quiet"]);
    ran.says(
        0,
        &[
            "WARNING: --insecure",
            "no certificate was looked at, so that anybody may have answered",
            "STABLE",
        ],
    );
    let found = outcome(&scene, 0, &["--tls", "--insecure"]);
    assert!(found["notes"].to_string().contains("--insecure"), "{}", found["notes"]);

    // Only the balancer's certificate isn't trusted: its class stands at its entry, and nowhere else.
    let url = format!("https://127.0.0.1:{}/", ring.balancer());
    let found = outcome(
        &scene,
        1,
        &[&tls[..], &["--ca", "ca.pem", "--entry", "shards", "--url", &url]].concat(),
    );
    let entry = format!("127.0.0.1:{}", ring.balancer());
    assert!(classes(&found, &entry).contains("tls"), "{found}");
    assert_eq!(entry_of(&found, "shard-0")["failures"], json!([]));
}
