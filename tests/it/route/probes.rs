//! Shards that don't speak HTTP: whether they take a connection, and what they answer to a command.

use serde_json::json;

use super::{classes, entry_of, three};
use crate::bad_days::run;
use crate::cluster::{Behaviour, Scene};

#[test]
fn a_connection_that_is_taken_is_enough_for_tcp() {
    let (scene, ring) = three();
    let probe = |further: &[&str]| {
        let arguments = ["route-test", "--probe", "tcp", "--rate", "0"];
        run(scene.shardctl(arguments.iter().chain(further).copied()))
    };
    probe(&[]).says(0, &["whether connections are taken", "REACHED: all of 4 entries"]);
    ring.let_member(2, Behaviour::Down);
    probe(&[]).says(1, &["✗ shard-2", "connect-refused × 2", "NOT REACHED"]);
    let found = probe(&["-o", "json"]);
    let found: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&found["probe"], &found["verdicts"]), (&json!("tcp"), &json!({})));
    assert!(classes(&found, "shard-1").is_empty());
    assert!(classes(&found, "shard-2").contains("connect-refused"));
    probe(&["-o", "junit"]).says(1, &["connect-refused"]);
}

#[test]
fn a_set_with_one_writer_shows_who_it_is() {
    let scene = Scene::shards(3).start();
    // Whoever comes first is the writer, as with a lock that is held.
    let lock = scene.home().join("writer");
    let command = format!(
        "exec:mkdir {} 2>/dev/null && echo role:writer || echo role:replica",
        lock.display()
    );
    let arguments = ["route-test", "--probe", &command, "--rounds", "1"];
    let ran = run(scene.shardctl(arguments.into_iter().chain(["-o", "json"])));
    ran.says(0, &[]);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let roles = found["roles"].as_array().unwrap();
    assert_eq!(
        (&roles[0]["answer"], roles[0]["shards"].as_array().unwrap().len()),
        (&json!("role:writer"), 1)
    );
    assert_eq!(
        (&roles[1]["answer"], roles[1]["shards"].as_array().unwrap().len()),
        (&json!("role:replica"), 2)
    );
    assert_eq!(entry_of(&found, "shard-0")["answered"], 1);

    std::fs::remove_dir(&lock).unwrap();
    let ran = run(scene.shardctl(arguments));
    ran.says(0, &["What shards answer", ": role:writer", "REACHED: all of 3 entries"]);

    // The same answer from all is no constant to be afraid of: roles are shared.
    let ran = run(scene.shardctl(["route-test", "--probe", "exec:echo up"]));
    ran.says(0, &["shard-0, shard-1, shard-2: up"]);
    let ran = run(scene.shardctl(["route-test", "--probe", "exec:echo loading; exit 3"]));
    ran.says(1, &["no-identity × 2", "exit code 3: loading"]);
}
