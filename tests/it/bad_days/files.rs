//! Snapshot files that aren't what they should be, and one that tries to steer the terminal.

use serde_json::{Value, json};

use super::{run, shards, write};
use crate::cluster::Scene;

/// Steers a terminal in every way there is: ESC, its C1 form, BEL, carriage return, a bidirectional override.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{7}\r\u{202e}\"><script>\\";

#[track_caller]
fn snapshot(scene: &Scene<'_>) -> String {
    let ran = run(scene.shardctl(["snapshot"]));
    ran.says(0, &["shardctl.dev/Snapshot"]);
    ran.stdout
}

#[test]
fn a_file_that_is_no_snapshot_is_refused_with_a_sentence() {
    let scene = shards();
    let whole = snapshot(&scene);
    let cut = write(&scene, "cut.json", &whole[..whole.len() / 2]);
    let foreign = write(&scene, "foreign.json", "{\"kind\": \"Pod\\u001b[31m\"}");
    let nameless = write(&scene, "nameless.json", "{}");
    let text = write(&scene, "text.json", "apiVersion: v1\n");
    let empty = write(&scene, "empty.json", "");
    let list = write(&scene, "list.json", "[1, 2]");
    let hollow = write(
        &scene,
        "hollow.json",
        "{\"kind\": \"shardctl.dev/Snapshot\", \"version\": 1}",
    );
    let mut newer: Value = serde_json::from_str(&whole).expect("JSON");
    newer["version"] = json!(99);
    let newer = write(&scene, "newer.json", &newer.to_string());
    let missing = scene.home().join("missing.json");
    for (file, words) in [
        (&cut, vec!["was cut off", "shardctl snapshot --out"]),
        (&empty, vec!["was cut off", "shardctl snapshot --out"]),
        (
            &foreign,
            vec!["isn't a snapshot", "Pod\\e[31m", "shardctl snapshot --out"],
        ),
        (&nameless, vec!["isn't a snapshot", "shardctl snapshot --out"]),
        (&text, vec!["isn't a snapshot", "shardctl snapshot --out"]),
        (&list, vec!["isn't a snapshot", "shardctl snapshot --out"]),
        (&hollow, vec!["can't be understood", "taken"]),
        (
            &newer,
            vec![
                "of version 99",
                "newer than the version 1",
                "read it with the shardctl that wrote it",
            ],
        ),
        (&missing, vec!["failed to read the snapshot", "No such file"]),
        (
            &scene.home().to_owned(),
            vec!["failed to read the snapshot", "directory"],
        ),
    ] {
        let path = file.to_str().expect("a UTF-8 path");
        for command in ["verify", "status", "snapshot"] {
            let mut words = words.clone();
            words.push(path);
            run(scene.shardctl([command, "--from", path])).refused(2, &words);
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let scene = shards();
    let place = scene.home().join("no/such/folder.json");
    let place = place.to_str().expect("a UTF-8 path");
    run(scene.shardctl(["snapshot", "--out", place])).refused(2, &["failed to write the snapshot", place]);
}

#[test]
fn a_saved_snapshot_is_judged_as_the_live_cluster_was() {
    let scene = shards();
    let file = scene.home().join("same.json");
    let file = file.to_str().expect("a UTF-8 path");
    run(scene.shardctl(["snapshot", "--out", file])).says(0, &[]);
    let outcomes = |text: &str| {
        let report: Value = serde_json::from_str(text).expect("JSON");
        let checks = report["checks"].as_array().expect("checks").iter();
        checks
            .map(|check| (check["id"].clone(), check["status"].clone(), check["findings"].clone()))
            .collect::<Vec<_>>()
    };
    let live = run(scene.shardctl(["verify", "-o", "json", "--skip", "EVT-01"]));
    let saved = run(scene.shardctl(["verify", "-o", "json", "--skip", "EVT-01", "--from", file]));
    assert_eq!(live.code, saved.code);
    assert_eq!(outcomes(&live.stdout), outcomes(&saved.stdout));
    let live = run(scene.shardctl(["status"]));
    run(scene.shardctl(["status", "--from", file])).says(live.code, &["UP"]);
}

#[test]
fn a_snapshot_of_another_set_than_the_one_that_was_typed_is_not_judged_in_its_place() {
    let scene = shards();
    let file = scene.home().join("typed.json");
    let file = file.to_str().expect("a UTF-8 path");
    run(scene.shardctl(["snapshot", "--out", file])).says(0, &[]);
    for command in ["verify", "status", "events", "snapshot", "packing-summary"] {
        run(scene.shardctl([command, "--statefulset", "nope", "--from", file])).refused(
            2,
            &[
                "is about statefulset/shard, not statefulset/nope",
                "leave out --statefulset",
            ],
        );
        run(scene.shardctl([command, "-n", "nowhere", "--from", file]))
            .refused(2, &["not namespace/nowhere", "--namespace", scene.namespace()]);
    }
    let upgrade = ["upgrade", "status", "--statefulset", "nope", "--from", file];
    run(scene.shardctl(upgrade)).refused(2, &["is about statefulset/shard"]);
    // What is said of today's cluster elsewhere than on the command line is no word about the file.
    let mut status = scene.shardctl(["status", "--from", file]);
    status
        .env("SHARDCTL_NAMESPACE", "nowhere")
        .env("SHARDCTL_STATEFULSET", "nope");
    run(status).says(0, &["UP"]);
    let of_itself = [
        "status",
        "-n",
        scene.namespace(),
        "--statefulset",
        "shard",
        "--from",
        file,
    ];
    run(scene.shardctl(of_itself)).says(0, &["UP"]);
    // Of a redacted one nobody can know whether it is of that set.
    let redacted = scene.home().join("redacted.json");
    let redacted = redacted.to_str().expect("a UTF-8 path");
    run(scene.shardctl(["snapshot", "--redact", "--out", redacted, "--from", file])).says(0, &[]);
    run(scene.shardctl(["verify", "--statefulset", "shard", "--from", redacted]))
        .refused(2, &["has pseudonyms for names", "leave out --statefulset"]);
    run(scene.shardctl(["status", "--from", redacted])).says(0, &["UP"]);
    // What is mistyped is told, though nothing here asks a server.
    run(scene.shardctl(["verify", "--dns", "pigeon", "--from", file])).refused(2, &["pigeon", "--dns"]);
    run(scene.shardctl(["status", "--request-timeout", "soon", "--from", file]))
        .refused(2, &["`soon`", "is not a duration"]);
}

/// Puts hostile words behind every text of a value that a cluster may write freely.
fn poison(value: &mut Value, key: &str) {
    const FREE: [&str; 9] = [
        "message", "reason", "image", "imageID", "note", "context", "by", "server", "current",
    ];
    match value {
        Value::String(text) if FREE.contains(&key) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, key)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| {
            let key = if ["got", "unreadable", "absent"].contains(&name.as_str()) {
                key
            } else {
                name
            };
            poison(field, key);
        }),
        _ => {}
    }
}

#[test]
fn a_hostile_snapshot_reaches_no_terminal_in_any_form() {
    let scene = shards();
    let mut recording: Value = serde_json::from_str(&snapshot(&scene)).expect("JSON");
    poison(&mut recording, "");
    // A name, too: Kubernetes would refuse it, a file holds anything. And the namespace, which is everywhere.
    recording["taken"]["namespace"] = json!(format!("space{HOSTILE}"));
    let pods = recording["objects"].as_object_mut().expect("objects").values_mut();
    let objects = pods.filter_map(|read| read.get_mut("got")?.as_array_mut()).flatten();
    for pod in objects.filter(|object| object["status"]["containerStatuses"].is_array()) {
        pod["metadata"]["annotations"]["shardctl.dev/mark"] = json!(HOSTILE);
        if pod["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.ends_with("-2"))
        {
            pod["metadata"]["name"] = json!(format!("shard-2{HOSTILE}"));
            pod["status"]["containerStatuses"][0]["state"] =
                json!({"waiting": {"reason": format!("Bad{HOSTILE}"), "message": HOSTILE}});
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "message": HOSTILE}]);
        }
    }
    let file = write(&scene, "hostile.json", &recording.to_string());
    let file = file.to_str().expect("a UTF-8 path");
    for form in ["text", "short", "json", "junit", "prometheus"] {
        let ran = run(scene.shardctl(["verify", "--from", file, "-o", form]));
        assert!([1, 7].contains(&ran.code), "{form}: {} {}", ran.code, ran.stderr);
        assert!(ran.stdout.contains("space"), "{form}: {}", ran.stdout);
    }
    for form in ["text", "json"] {
        let ran = run(scene.shardctl(["status", "--from", file, "-o", form]));
        assert!(ran.stdout.contains("space"), "{form}: {}", ran.stdout);
    }
    let copy = run(scene.shardctl(["snapshot", "--from", file]));
    let copied: Value = serde_json::from_str(&copy.stdout).expect("JSON");
    assert_eq!(
        copied["taken"]["namespace"], recording["taken"]["namespace"],
        "escaped, and the same"
    );
}
