//! An upgrade that is interrupted: Ctrl-C once and twice, SIGTERM, at every kind of wait; and one whose output nobody reads.

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;

use super::{NEXT, as_if_by_karpenter, is_whole, left_behind, upgrade};
use crate::cluster::scene::running::Output;
use crate::cluster::{Interceptor, Running, Scene, Witness};

/// The whole output, for messages.
fn said(ran: &Output) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

#[track_caller]
fn assert_untouched(scene: &Scene<'_>, witness: &Witness, ran: &Output) {
    assert_eq!(ran.code, Some(130), "{}", said(ran));
    assert!(
        ran.stdout.contains("no shard, template or budget was touched"),
        "{}",
        said(ran)
    );
    assert_eq!(left_behind(scene), Vec::<String>::new(), "{}", said(ran));
    assert_eq!(witness.deletions(), Vec::<String>::new());
}

/// Interrupts an upgrade while its first shard is in hand, and lets it end.
fn while_a_shard_is_in_hand(signal: impl Fn(&mut Running)) {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let first = interceptor.on(|request| request.deletes("pods/shard-2")).hold_answer();
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    first.wait_hit();
    signal(&mut command);
    first.release();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(ran.stderr.contains("after shard-2, which is in hand"), "{}", said(&ran));
    assert_eq!(left_behind(&scene), ["an open journal"], "{}", said(&ran));
    assert!(scene.is_ready(2), "{}", said(&ran));
    assert_eq!(witness.deletions(), ["shard-2"]);
    for fact in [
        "Now:    3 of 3 shards Ready",
        "Undo:   shardctl upgrade undo",
        "Resume: shardctl upgrade",
    ] {
        assert!(ran.stdout.contains(fact), "{fact}: {}", said(&ran));
    }
    let again = scene.shardctl_process(scene.kubeconfig(), upgrade(&[])).wait();
    assert_eq!(again.code, Some(0), "{}", said(&again));
    assert!(is_whole(&scene));
    assert_eq!(witness.deletions(), ["shard-2", "shard-1", "shard-0"]);
}

#[test]
fn ctrl_c_finishes_the_shard_in_hand_and_takes_everything_away() {
    while_a_shard_is_in_hand(Running::interrupt);
}

#[test]
fn sigterm_is_as_good_as_one_ctrl_c() {
    while_a_shard_is_in_hand(|command| {
        command.terminate();
        command.terminate();
    });
}

#[test]
fn ctrl_c_twice_stops_at_once_and_says_what_is_left() {
    let scene = Scene::shards(3)
        .annotation("test.shardctl.dev/stop-after", "3s")
        .start();
    as_if_by_karpenter(&scene);
    let witness = Witness::of(&scene);
    let mut command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT]));
    command.wait_for_output("terminating for");
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(5), "{}", said(&ran));
    assert!(
        ran.stdout.contains("interrupted twice: stopped at once"),
        "{}",
        said(&ran)
    );
    assert!(
        ran.stdout
            .contains("is still there, and 5 more, until this is run again"),
        "{}",
        said(&ran)
    );
    assert!(ran.stdout.contains("(down: shard-2)"), "{}", said(&ran));
    assert!(ran.stdout.contains("Resume: shardctl upgrade"), "{}", said(&ran));

    let again = scene.shardctl_process(scene.kubeconfig(), upgrade(&[])).wait();
    assert_eq!(again.code, Some(0), "{}", said(&again));
    assert!(is_whole(&scene));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&again));
    assert_eq!(witness.most_down_at_once(), 1);
    assert_eq!(witness.deletions(), ["shard-2", "shard-1", "shard-0"]);
}

#[test]
fn ctrl_c_twice_with_nothing_to_take_away_is_an_interruption() {
    let scene = Scene::shards(1)
        .annotation("test.shardctl.dev/stop-after", "3s")
        .start();
    let mut command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, "--no-prepull"]));
    command.wait_for_output("terminating for");
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert_eq!(left_behind(&scene), ["an open journal"], "{}", said(&ran));
}

#[test]
fn ctrl_c_while_waiting_for_the_lock_leaves_it_alone() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    scene.apply(
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "shardctl-shard"},
            "spec": {"holderIdentity": "ada@laptop", "leaseDurationSeconds": 3600, "renewTime": "2026-01-01T00:00:00.000000Z"}}),
    );
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    command.wait_for_output("looking whether they are alive");
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(interceptor.writes().is_empty(), "{}", said(&ran));
    let lease: Lease = scene.get("shardctl-shard");
    assert_eq!(
        lease.spec.and_then(|spec| spec.holder_identity).as_deref(),
        Some("ada@laptop")
    );
}

#[test]
fn ctrl_c_while_the_lock_is_being_written_gives_it_back() {
    let scene = Scene::shards(1).start();
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let lock = interceptor.on(|request| request.method == "POST" && request.path.ends_with("/leases"));
    let rule = lock.hold_answer();
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    rule.wait_hit();
    command.interrupt();
    rule.release();
    assert_untouched(&scene, &witness, &command.wait());
}

#[test]
fn ctrl_c_while_images_are_fetched_takes_the_helpers_away() {
    let scene = Scene::shards(2).start();
    as_if_by_karpenter(&scene);
    let witness = Witness::of(&scene);
    let slow = ["--image", "registry.example/shard:2.0-slowpull"];
    let mut command = scene.shardctl_process(scene.kubeconfig(), upgrade(&slow));
    command.wait_for_output("to fetch the images");
    command.interrupt();
    assert_untouched(&scene, &witness, &command.wait());
}

#[test]
fn ctrl_c_in_a_pause_ends_it_there() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    let mut command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, "--pause", "1h"]));
    command.wait_for_output("a pause of 1h");
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert_eq!(left_behind(&scene), ["an open journal"], "{}", said(&ran));
    assert_eq!(witness.deletions(), ["shard-1"]);
}

/// Starts an upgrade and waits until its hook has made the file `hook`.
fn in_a_hook(scene: &Scene<'_>, hook: &str, flag: &str) -> Running {
    let command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, flag, hook]));
    scene.wait_until("the hook runs", |scene| scene.home().join("hook").exists());
    command
}

#[test]
fn ctrl_c_in_a_hook_lets_it_end_and_deletes_nothing_after_it() {
    let scene = Scene::shards(1).start();
    let witness = Witness::of(&scene);
    let hook = "touch hook; while [ ! -e go ]; do sleep 0.1; done; touch ended";
    let mut command = in_a_hook(&scene, hook, "--before");
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    std::fs::write(scene.home().join("go"), "").expect("a file");
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(scene.home().join("ended").exists());
    assert_eq!(witness.deletions(), Vec::<String>::new());
}

#[test]
fn ctrl_c_twice_in_a_hook_ends_it_with_all_that_it_started() {
    let scene = Scene::shards(1).start();
    let witness = Witness::of(&scene);
    let hook = "sleep 1000 & echo $! > child; touch hook; wait";
    let mut command = in_a_hook(&scene, hook, "--before");
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    command.interrupt();
    let ran = command.wait();
    assert!(
        ran.stdout.contains("interrupted twice: stopped at once"),
        "{}",
        said(&ran)
    );
    assert_eq!(witness.deletions(), Vec::<String>::new());
    let child = std::fs::read_to_string(scene.home().join("child")).expect("the child's number");
    scene.wait_until("the child is gone", |_| {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    });
}

#[test]
fn ctrl_c_while_a_shard_is_in_hand_still_runs_the_command_after_it() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let first = interceptor.on(|request| request.deletes("pods/shard-1")).hold_answer();
    let after = ["--image", NEXT, "--after", "touch after-$SHARDCTL_SHARD"];
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&after));
    first.wait_hit();
    command.interrupt();
    first.release();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(scene.home().join("after-shard-1").exists(), "{}", said(&ran));
    assert_eq!(witness.deletions(), ["shard-1"]);
}

#[test]
fn output_that_nobody_reads_stops_nothing() {
    let scene = Scene::shards(2).start();
    let program = env!("CARGO_BIN_EXE_shardctl");
    let line = format!("{program} upgrade --yes --image {NEXT} 2>&1 | head -n 1");
    let ended = std::process::Command::new("sh")
        .args(["-c", &line])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", scene.home())
        .env("KUBECONFIG", scene.kubeconfig())
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&ended.stdout).lines().count(), 1);
    scene.wait_until("the upgrade has come to its end", |scene| {
        is_whole(scene) && left_behind(scene).is_empty()
    });
}

#[test]
fn ctrl_c_twice_ends_it_wherever_it_waits_for_a_server_that_hangs() {
    let scene = Scene::shards(1).start();
    for (round, said) in ["started", "lock        held", "terminating for"]
        .into_iter()
        .enumerate()
    {
        scene.wait_until_healthy();
        let image = format!("registry.example/shard:4.{round}");
        let interceptor = Interceptor::before(scene.plane());
        // Without a limit, so that nothing but Ctrl-C ends a request.
        let patient = ["--image", &image, "--no-prepull", "--request-timeout", "0"];
        let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&patient));
        command.wait_for_output(said);
        interceptor.hang(true);
        // Two that come at once are one to the process: pressed until it ends, as people do.
        scene.wait_until("it ends", |_| {
            let runs = command.runs();
            if runs {
                command.interrupt();
            }
            !runs
        });
        let ran = command.wait();
        assert_eq!(ran.code, Some(130), "{said}: {}{}", ran.stderr, ran.stdout);
    }
}
