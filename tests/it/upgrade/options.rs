//! Each option of `upgrade`: which shards, in what order, with what in between, and until when.

use jiff::SignedDuration;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{NEXT, checked, images, is_whole, named_command, revision, upgrade};
use crate::bad_days::{run, write};
use crate::cluster::{Interceptor, Scene, Witness};

const FIRST: &str = "registry.example/shard:1.0";

#[test]
fn a_canary_stops_where_nobody_can_be_asked_and_the_line_that_it_prints_goes_on() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let canary = checked(
        &scene,
        upgrade(&["--image", NEXT, "--canary", "1", "--last", "2", "--on-failure", "undo"]),
    );
    canary.says(0, &["stopped after the canary, 1 shard as asked", "the set is mixed"]);
    assert_eq!(witness.deletions(), ["shard-1"]);

    scene.wait_until_healthy();
    // Halfway, verify and status tell of it, and call nothing broken.
    checked(&scene, vec!["verify"]).says(0, &[]);
    checked(&scene, vec!["upgrade", "status"]).says(1, &["shard-1", &revision(&scene)]);

    let resume = named_command(&canary, "Resume:");
    assert!(
        !resume.contains(&"--image".to_owned()) && resume.contains(&"undo".to_owned()),
        "{resume:?}"
    );
    let resumed = checked(&scene, resume.iter().map(String::as_str).collect());
    resumed.says(0, &["2 shards on revision"]);
    assert_eq!(witness.deletions(), ["shard-1", "shard-0", "shard-2"]);
    assert_eq!(witness.most_down_at_once(), 1);
    assert!(is_whole(&scene));
    checked(&scene, vec!["upgrade", "status"]).says(0, &[]);
}

#[test]
fn commands_before_and_after_a_shard_know_which_and_one_that_fails_stops_before_the_deletion() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let told =
        "echo $SHARDCTL_SHARD $SHARDCTL_ORDINAL $SHARDCTL_STATEFULSET $SHARDCTL_NAMESPACE >> told; test $SHARDCTL_RUN";
    let after = "echo after $SHARDCTL_SHARD >> told";
    let only = checked(
        &scene,
        upgrade(&[
            "--image", NEXT, "--only", "0,1", "--before", told, "--after", after, "--pause", "1s",
        ]),
    );
    only.says(0, &["2 shards on revision", "1 left as they were"]);
    let space = scene.namespace();
    assert_eq!(
        std::fs::read_to_string(scene.home().join("told")).unwrap(),
        format!("shard-1 1 shard {space}\nafter shard-1\nshard-0 0 shard {space}\nafter shard-0\n")
    );
    assert_eq!(witness.deletions(), ["shard-1", "shard-0"]);
    assert!(
        witness.gaps().into_iter().all(|gap| gap.as_secs_f64() > 0.9),
        "{:?}",
        witness.gaps()
    );

    let failed = checked(&scene, upgrade(&["--before", "echo the writer is busy; exit 3"]));
    failed.says(
        1,
        &["--before failed", "it ended with exit status: 3", "the writer is busy"],
    );
    assert_eq!(images(&scene), [NEXT, NEXT, FIRST], "nothing was deleted");
    let failed = checked(&scene, upgrade(&["--after", "exit 4"]));
    failed.says(
        1,
        &["--after failed", "it ended with exit status: 4", "3 of 3 shards Ready"],
    );
    assert!(is_whole(&scene));
}

#[test]
fn the_gate_between_shards_passes_on_a_healthy_set_and_stops_on_a_broken_one() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    checked(
        &scene,
        upgrade(&["--image", NEXT, "--gate", "exec:echo replication lags; exit 7"]),
    )
    .says(
        1,
        &[
            "--gate failed",
            "exit status: 7",
            "replication lags",
            "Now:    3 of 3 shards Ready",
        ],
    );
    assert!(witness.deletions().is_empty());

    // In the middle of it, verify knows of the run and calls nothing broken.
    let wait = |file: &str| format!("while [ ! -e {file} ]; do sleep 0.1; done");
    let after = wait("seen");
    let process = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--only", "2", "--after", &after]));
    scene.wait_until("verify sees nothing but the run", |scene| {
        let seen = checked(scene, vec!["verify"]);
        !witness.deletions().is_empty() && seen.code == 0 && seen.stdout.contains("an operation is running now")
    });
    checked(&scene, vec!["upgrade", "status"]).says(1, &["shard-2", "shard-1", &revision(&scene)]);
    write(&scene, "seen", "");
    assert_eq!(process.wait().code, Some(0));
    scene.wait_until_healthy();

    // Somebody opens the budget after the next shard; the gate, not the eye, finds it.
    let after = format!("touch done; {}", wait("go"));
    let mut process = scene.shardctl_process(
        scene.kubeconfig(),
        upgrade(&["--gate", "verify", "--after", &after, "--shard-timeout", "5s"]),
    );
    process.wait_for_output("after: touch done");
    let budget = |least: i32| {
        scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": least}}));
    };
    budget(2);
    write(&scene, "go", "");
    let ended = process.wait();
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("verify found errors") && ended.stdout.contains("PDB-"),
        "{}",
        ended.stdout
    );
    assert_eq!(witness.deletions(), ["shard-2", "shard-1"]);

    budget(3);
    scene.wait_until_healthy();
    checked(&scene, upgrade(&["--gate", "verify"])).says(0, &["1 shard on revision"]);
    assert!(is_whole(&scene));
}

#[test]
fn no_shard_is_begun_that_cannot_be_done_by_the_deadline() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    let before = scene.set();
    for (deadline, by) in [("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"), ("1ms", "20")] {
        let late = checked(&scene, upgrade(&["--image", NEXT, "--deadline", deadline]));
        let now = "Now:    2 of 2 shards Ready";
        late.says(4, &[&format!("✗ shard-1 isn't started: the deadline, {by}"), now]);
        assert_eq!(
            named_command(&late, "Resume:")[..3],
            ["upgrade", "--yes", "--lease-duration"]
        );
    }
    let deleted = witness.deletions();
    assert!(deleted.is_empty(), "{deleted:?} went: {:#?}", witness.changes());
    assert_eq!(
        scene.set().spec,
        before.spec,
        "a run that can begin no shard leaves the template alone"
    );
    checked(&scene, upgrade(&["--image", NEXT, "--deadline", "1h"])).says(0, &["2 shards on revision"]);
}

#[test]
fn a_deadline_counts_from_the_servers_time_however_slow_its_clock_is() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    interceptor.slow_clock(SignedDuration::from_hours(1));
    let witness = Witness::of(&scene);
    let arguments = upgrade(&["--image", NEXT, "--deadline", "1ms"]);
    let late = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_eq!(late.code, Some(4), "{}{}", late.stdout, late.stderr);
    assert!(
        late.stdout.contains("✗ shard-1 isn't started: the deadline,"),
        "{}",
        late.stdout
    );
    assert_eq!(witness.deletions(), Vec::<String>::new());
}

#[test]
fn what_is_mistyped_is_a_usage_error_that_says_what_to_write() {
    let scene = Scene::shards(1).start();
    for flag in ["--pause", "--min-ready", "--shard-timeout", "--lease-duration"] {
        let mut command = scene.shardctl(["upgrade", "--yes"]);
        command.args([flag, "soon"]);
        run(command).refused(2, &[&format!("`soon` ({flag}) is not a duration"), "write it as 30s"]);
    }
    for (arguments, words) in [
        (
            ["--deadline", "tomorrow"],
            ["`tomorrow` (--deadline) is neither", "90m"],
        ),
        (
            ["--lease-duration", "0s"],
            ["a lock of 0s is over at once", "at least 1s"],
        ),
        (["--gate", "verfy"], ["`verfy` (--gate) is no gate", "exec:COMMAND"]),
        (["--gate", "exec:"], ["`exec:` (--gate) is no gate", "verify"]),
        (
            ["--allow", "gitop"],
            ["there is no refusal named gitop (--allow)", "did you mean gitops?"],
        ),
        (
            ["--allow", "claim-deleted"],
            ["`claim-deleted` can't be allowed", "data would be lost"],
        ),
        (
            ["--allow", "strategy"],
            ["`strategy` can't be allowed", "shardctl explain strategy"],
        ),
        (
            ["--only", "99"],
            ["there is no shard 99 (--only)", "the only shard is 0"],
        ),
        (["--last", "1"], ["there is no shard 1 (--last)", "the only shard is 0"]),
        (
            ["--image", "https://registry.example/shard:2.0"],
            ["isn't an image reference", "it is an address"],
        ),
        (
            ["--image", "registry.example/Shard:2.0"],
            ["`registry.example/Shard:2.0` isn't an image reference", "--image"],
        ),
        (
            ["--image", "sharp=registry.example/shard:2.0"],
            ["no container sharp", "it has shard"],
        ),
    ] {
        checked(&scene, [&["upgrade", "--yes"][..], &arguments].concat()).refused(2, &words);
    }
    for arguments in [
        ["--canary", "0"],
        ["--on-failure", "panic"],
        ["--only", "one"],
        ["--max-restarts", "many"],
    ] {
        let ran = checked(&scene, [&["upgrade", "--yes"][..], &arguments].concat());
        ran.says(2, &[arguments[0], arguments[1]]);
    }
}
