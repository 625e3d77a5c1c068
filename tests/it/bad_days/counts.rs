//! Absurd numbers of shards: whoever says them, no memory is filled by them.

use serde_json::{Value, json};

use super::{Ran, run};

/// Ten healthy shards, each of which a budget of `minAvailable: 10` keeps.
const TEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/ten-shards.json");

fn shardctl(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = assert_cmd::Command::cargo_bin("shardctl").expect("the program");
    command
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .envs(variables.iter().copied())
        .args(arguments);
    run(command)
}

#[test]
fn more_shards_than_a_set_can_have_are_refused_by_the_place_where_they_were_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shardctl.toml");
    std::fs::write(&file, "expect = 2000000000\n").expect("write shardctl.toml");
    let file = file.to_str().expect("a UTF-8 path");
    for command in ["status", "verify"] {
        let read = [command, "--from", TEN];
        for (more, variables, place) in [
            (["--expect", "2000000000"].as_slice(), [].as_slice(), "--expect"),
            (&[], &[("SHARDCTL_EXPECT", "2000000000")], "SHARDCTL_EXPECT"),
            (&["--config", file], &[], file),
        ] {
            let ran = shardctl(&[&read, more].concat(), variables);
            ran.refused(2, &["2000000000 shards are more than 10000", place]);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        }
    }
    let upgrade = ["upgrade", "--restart", "--rehearse", "--from", TEN, "--expect", "10001"];
    shardctl(&upgrade, &[]).refused(2, &["10001 shards are more than 10000"]);
    shardctl(&["render", "explore", "--shards", "2000000000"], &[]).refused(2, &["are more than 10000", "--shards"]);
}

/// The ten shards, where every object of some kinds says 2147483647 in a field.
fn absurd(folder: &std::path::Path, changes: &[(&str, &str)]) -> String {
    let text = std::fs::read_to_string(TEN).expect("the snapshot");
    let mut snapshot: Value = serde_json::from_str(&text).expect("JSON");
    for (kind, field) in changes {
        let objects = snapshot["objects"][kind]["got"].as_array_mut().expect("objects");
        for object in objects {
            object["spec"][field] = json!(i32::MAX);
        }
    }
    let path = folder.join("absurd.json");
    std::fs::write(&path, snapshot.to_string()).expect("write a snapshot");
    path.to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn more_shards_than_a_set_can_have_in_the_cluster_are_unknown_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (set, budget) = (("stateful-sets", "replicas"), ("budgets", "minAvailable"));
    for (changes, verdict, place) in [
        ([budget].as_slice(), 7, "minAvailable of pdb/biometric-shard"),
        (&[set, budget], 7, "minAvailable of pdb/biometric-shard"),
        // The budget says how many there should be, so that the set's number is judged, and is wrong.
        (&[set], 1, "spec.replicas"),
    ] {
        let file = absurd(folder.path(), changes);
        let why = format!("statefulset/biometric-shard can't have 2147483647 shards ({place})");
        let status = shardctl(&["status", "--from", &file], &[]);
        status.says(7, &["UNKNOWN", &why]);
        assert_eq!(status.stdout.lines().count(), 1, "{}", status.stdout);
        shardctl(&["verify", "--from", &file], &[]).says(verdict, &[&why]);
        let upgrade = ["upgrade", "--restart", "--rehearse", "--from", &file];
        shardctl(&upgrade, &[]).says(3, &[&why]);
        let drain = ["drain", "scene-001-eastus-1-0", "--rehearse", "--from", &file];
        shardctl(&drain, &[]).refused(7, &[&why]);
    }
}
