//! Again and again, and interrupted: `--wait`, `--watch`, `--interval`, Ctrl-C, a reader that goes away.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{checked, interrupt, kubeconfig, run, shards, started};
use crate::cluster::Scene;

#[test]
fn waiting_ends_with_the_last_verdicts_code() {
    let scene = shards();
    run(scene.shardctl(["verify", "--wait", "60s", "-o", "short"])).says(0, &["healthy"]);
    let ran = run(scene.shardctl([
        "verify",
        "--wait",
        "300ms",
        "--interval",
        "100ms",
        "--expect",
        "4",
        "-o",
        "short",
    ]));
    ran.says(1, &["STS-02", "NOT HEALTHY"]);
    run(scene.shardctl(["verify", "--wait", "0", "-o", "short"])).says(0, &["healthy"]);
}

#[test]
fn a_pause_of_nothing_is_refused() {
    let scene = shards();
    for pause in ["0", "1ms"] {
        run(scene.shardctl(["verify", "--watch", "--interval", pause]))
            .refused(2, &["without a pause", "at least 100ms"]);
    }
    run(scene.shardctl(["verify", "--watch", "--wait", "1s"])).refused(2, &["--watch"]);
}

#[test]
fn a_watch_prints_what_changed_and_ends_at_ctrl_c() {
    let scene = Scene::shards(1).start();
    let only = [
        "verify",
        "--watch",
        "--interval",
        "100ms",
        "--only",
        "STS-02",
        "-o",
        "short",
    ];
    let mut child = started(&scene, scene.kubeconfig(), &only);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut line_with = |word: &str| {
        let mut next = || lines.next().expect("more lines").expect("a line");
        std::iter::from_fn(|| Some(next()))
            .find(|line| line.contains(word))
            .expect("the line")
    };
    line_with("healthy");
    // Two shards by the budget's count, one by the set's.
    scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 2}}));
    line_with("STS-02");
    interrupt(&child);
    let status = child.wait().expect("an end");
    assert_eq!(status.code(), Some(130));
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut stderr)
        .expect("text");
    assert!(stderr.contains("interrupted; nothing was changed"), "{stderr}");
}

#[test]
fn ctrl_c_ends_a_run_that_hangs() {
    let scene = shards();
    for command in ["verify", "status", "snapshot"] {
        // A server each: a run may have opened a second connection, which the next one must not be taken for.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let file = kubeconfig(&scene, "silent.kubeconfig", |config| {
            config["clusters"][0]["cluster"] = json!({"server": format!("http://{address}")});
        });
        let child = started(&scene, &file, &[command]);
        // Once it has asked, it waits for an answer that never comes.
        let (mut connection, _) = silent.accept().expect("a connection");
        connection.read_exact(&mut [0; 3]).expect("a request");
        interrupt(&child);
        checked(child.wait_with_output().expect("an end")).refused(130, &["interrupted"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scene = shards();
    let file = scene.home().join("for-head.json");
    let file = file.to_str().expect("a UTF-8 path");
    run(scene.shardctl(["snapshot", "--out", file])).says(0, &[]);
    for arguments in [
        ["explain", "-o", "markdown"].as_slice(),
        &["completions", "bash"],
        &["verify", "--from", file],
        &["snapshot", "--from", file],
        &["--help"],
    ] {
        let mut child = started(&scene, scene.kubeconfig(), arguments);
        drop(child.stdout.take());
        let ran = checked(child.wait_with_output().expect("an end"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn checks_that_are_left_out_are_counted_and_shown() {
    let scene = shards();
    let report = |arguments: &[&str]| {
        let ran = run(scene.shardctl([&["verify", "-o", "json"], arguments].concat()));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")
    };
    let all = report(&[])["checks"].as_array().expect("checks").len();
    let only = report(&["--only", "sts-02,STS-03"]);
    assert_eq!(only["counts"]["skipped"], all - 2);
    assert_eq!(only["counts"]["passed"], 2);
    assert_eq!(
        report(&["--skip", "STS-02", "--skip", "STS-03"])["counts"]["skipped"],
        2
    );
    run(scene.shardctl(["verify", "--only", "STS-02"])).says(0, &["1 passed", &format!("{} skipped", all - 1)]);
    // Asked for three, four expected.
    run(scene.shardctl(["verify", "--expect", "4", "--only", "STS-02"])).says(1, &["STS-02", "4", "--expect"]);
    run(scene.shardctl(["status", "--expect", "4"])).says(1, &["DOWN", "3 of 4", "no pod"]);
    run(scene.shardctl(["verify", "--phase", "stable", "-o", "short"])).says(0, &["stable phase (--phase)"]);
}
