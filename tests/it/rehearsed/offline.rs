//! `--rehearse --from FILE`: no cluster, no network, no kubeconfig.

use serde_json::json;

use super::document;
use crate::bad_days::run;

/// The snapshot of ten shards that the documentation shows.
const TEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/ten-shards.json");

fn shardctl(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("shardctl").expect("the program");
    // Whoever asked a cluster would fail by this.
    command
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .env_remove("KUBERNETES_SERVICE_HOST");
    command.args(arguments);
    command
}

#[test]
fn an_upgrade_of_a_saved_snapshot_is_rehearsed_without_a_cluster() {
    let line = [
        "upgrade",
        "--image",
        "registry.example/shard:9.0",
        "--rehearse",
        "--from",
        TEN,
    ];
    let page = run(shardctl(&line));
    page.says(
        0,
        &[
            "Rehearsed: biometric-shard: image of ",
            "10 shards in ",
            "1 down at once at most; exit code 0",
            "How long things take",
            "  a shard starts ",
            "Assumed",
            "For real",
            "  $ shardctl --namespace scene-001 upgrade --image registry.example/shard:9.0",
        ],
    );
    let mut as_json = line.to_vec();
    as_json.extend(["-o", "json"]);
    let first = run(shardctl(&as_json));
    let document = document(&first);
    assert_eq!((&document["end"], &document["mostDown"]), (&json!("done"), &json!(1)));
    assert_eq!(document["shards"].as_array().map(Vec::len), Some(10));
    assert!(
        document["assumed"]
            .as_array()
            .is_some_and(|assumed| !assumed.is_empty())
    );
    // The same file, the same bytes.
    assert_eq!(run(shardctl(&as_json)).stdout, first.stdout);
}

#[test]
fn what_makes_no_sense_together_is_a_usage_error() {
    for (line, words) in [
        (vec!["upgrade", "--from", TEN], "--rehearse"),
        (vec!["upgrade", "--rehearse", "--dry-run=client"], "cannot be used with"),
        (vec!["drain", "node-1", "--from", TEN], "--rehearse"),
        (vec!["recover", "--rehearse", "--dry-run=server"], "cannot be used with"),
        (vec!["promote", "--from", TEN], "--rehearse"),
        (vec!["promote", "--rehearse", "--dry-run=client"], "cannot be used with"),
        (
            vec!["promote", "--namespace", "other", "--rehearse", "--from", TEN],
            "is about namespace/scene-001, not namespace/other",
        ),
        (
            vec!["upgrade", "--rehearse", "--from", "/nowhere.json"],
            "failed to read the snapshot /nowhere.json",
        ),
        (
            vec!["--statefulset", "other", "upgrade", "--rehearse", "--from", TEN],
            "is about statefulset/",
        ),
        (
            vec!["upgrade", "--restart", "--gate", "veri", "--rehearse", "--from", TEN],
            "is no gate",
        ),
    ] {
        let ran = run(shardctl(&line));
        assert_eq!(ran.code, 2, "{line:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{line:?}: {}", ran.stderr);
    }
}

#[test]
fn the_users_own_commands_are_named_and_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("ran");
    let command = format!("touch {}", trace.display());
    let line = [
        "upgrade",
        "--restart",
        "--before",
        &command,
        "--gate",
        "verify",
        "--canary",
        "1",
        "--rehearse",
        "--from",
        TEN,
    ];
    let ran = run(shardctl(&line));
    ran.says(
        0,
        &[
            "Left out",
            "--before touch ",
            "--gate verify: not run",
            "--canary 1: the question",
        ],
    );
    assert!(!trace.exists());
}
