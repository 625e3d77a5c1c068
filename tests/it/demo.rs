//! `shardctl demo`: every scene, the same bytes every time, nothing configured and nothing left. No test here has a cluster.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::bad_days::{Ran, checked};
use crate::terminal::{CTRL_C, ROOMY, Terminal};

/// The scenes, in their order.
const SCENES: [&str; 8] = [
    "up",
    "verify",
    "packing-summary",
    "route-test",
    "bad-image",
    "upgrade",
    "drain",
    "recover",
];

/// `shardctl demo ARGUMENTS` of somebody who has neither a home nor a kubeconfig.
fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardctl"));
    command.arg("demo").args(arguments);
    command
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "LLVM_PROFILE_FILE"));
    command
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

#[track_caller]
fn played(mut command: Command) -> Ran {
    let ran = checked(command.output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran
}

/// Both streams in the order in which they were written.
fn together(mut command: Command) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("both");
    let file = std::fs::File::create(&place).unwrap();
    let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
    Output {
        status,
        stdout: std::fs::read(&place).unwrap(),
        stderr: Vec::new(),
    }
}

#[test]
fn the_whole_demo_is_the_same_every_time_whatever_is_configured() {
    let first = checked(together(demo(&["--speed", "max"])));
    assert_eq!(first.code, 0, "{}", first.stdout);
    let places = SCENES.iter().zip(1..).map(|(scene, number)| {
        let heading = format!("\n{number} of 8 · {scene} · ");
        first
            .stdout
            .find(&heading)
            .unwrap_or_else(|| panic!("no {heading:?}: {}", first.stdout))
    });
    assert!(places.collect::<Vec<_>>().is_sorted(), "{}", first.stdout);
    // A configuration that no other command would work with, and proxies that lead nowhere.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shardctl.toml"), "namespace = ").unwrap();
    let mut second = demo(&["--speed", "max"]);
    second.current_dir(folder.path());
    for (name, value) in [
        ("KUBECONFIG", "/nonexistent/config"),
        ("SHARDCTL_NAMESPACE", "elsewhere"),
        ("SHARDCTL_SHARDS", "3"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ] {
        second.env(name, value);
    }
    let second = checked(together(second));
    assert!(
        first.stdout == second.stdout,
        "{}\n———\n{}",
        first.stdout,
        second.stdout
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is written: {left:?}");
}

#[test]
fn each_scene_can_be_played_alone() {
    let listed: Value = serde_json::from_str(&played(demo(&["--list", "-o", "json"])).stdout).unwrap();
    assert_eq!(
        (&listed["apiVersion"], &listed["kind"]),
        (&"shardctl.dev/v1".into(), &"DemoScenes".into())
    );
    let scenes = listed["scenes"].as_array().unwrap();
    let names: Vec<&str> = scenes.iter().map(|scene| scene["name"].as_str().unwrap()).collect();
    assert_eq!(names, SCENES);
    for scene in scenes {
        let name = scene["name"].as_str().unwrap();
        let ran = played(demo(&[name, "--speed", "max"]));
        assert!(ran.stdout.contains(&format!(" of 8 · {name} · ")), "{}", ran.stdout);
        for command in scene["commands"].as_array().unwrap() {
            let known = command.as_str().unwrap().split('{').next().unwrap();
            assert!(ran.stdout.contains(&format!("\n$ {known}")), "{known}: {}", ran.stdout);
        }
        let others = SCENES.iter().filter(|other| **other != name);
        for other in others {
            assert!(!ran.stdout.contains(&format!(" of 8 · {other} · ")), "{}", ran.stdout);
        }
    }
}

#[test]
fn the_list_names_every_scene_with_what_it_runs() {
    let text = played(demo(&["--list"])).stdout;
    for scene in SCENES {
        assert!(
            text.lines().any(|line| line.starts_with(&format!("{scene} "))),
            "{text}"
        );
    }
    assert!(text.contains("$ shardctl packing-summary"), "{text}");
}

#[test]
fn a_bad_image_takes_no_shard_down_and_a_good_one_takes_one_at_a_time() {
    let bad = played(demo(&["bad-image", "--speed", "max"]));
    let after = bad.stdout.split("$ shardctl status").nth(1).unwrap();
    assert!(
        after.contains("UP  biometric-shards/biometric-shard: 10 of 10 shards Ready"),
        "{after}"
    );
    assert!(bad.stdout.contains("(exit code 3: "), "{}", bad.stdout);
    assert!(!bad.stderr.contains("terminate"), "{}", bad.stderr);
    let good = played(demo(&["upgrade", "--speed", "max"]));
    assert!(good.stdout.contains("✓ 10 shards on revision"), "{}", good.stdout);
    let mut down: Vec<&str> = Vec::new();
    for line in good.stderr.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.get(1..3) {
            Some([shard, "terminate"]) if !down.contains(shard) => down.push(*shard),
            Some([shard, "done"]) if shard.starts_with("biometric-shard-") => down.retain(|one| one != shard),
            _ => {}
        }
        assert!(down.len() <= 1, "{down:?} at {line}");
    }
    assert!(down.is_empty(), "{down:?}");
}

#[test]
fn what_a_killed_drain_left_is_found_and_put_back() {
    let ran = played(demo(&["recover", "--speed", "max"]));
    let found = ran.stdout.split("$ shardctl verify -o short").nth(1).unwrap();
    for words in ["RES-01", "PDB-02", "(exit code 1: "] {
        assert!(found.contains(words), "{words}: {found}");
    }
    let healed = ran.stdout.split("$ shardctl verify -o short").nth(2).unwrap();
    assert!(healed.contains("✓ healthy"), "{healed}");
}

#[test]
fn what_cannot_be_played_is_refused_with_what_can() {
    let refused = |arguments: &[&str], words: &[&str]| {
        let ran = checked(demo(arguments).output().unwrap());
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            ran.stderr
        );
        for word in words {
            assert!(ran.stderr.contains(word), "{arguments:?}: {word}: {}", ran.stderr);
        }
    };
    refused(&["promote"], &SCENES);
    refused(&["drian"], &["a similar value exists: 'drain'"]);
    for speed in ["0", "-1", "fast", "NaN", "inf"] {
        refused(&[&format!("--speed={speed}")], &["a number from 0.01", "`max`"]);
    }
    refused(&["-o", "json"], &["--list"]);
    refused(&["--list", "up"], &["cannot be used with"]);
    for flag in [
        "--context=prod",
        "--kubeconfig=/a",
        "--namespace=a",
        "--statefulset=a",
        "--config=/a",
    ] {
        refused(&[flag], &["has no meaning here", "shardctl demo"]);
    }
}

#[test]
fn ctrl_c_ends_it_and_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::without_cluster(ROOMY, &["demo", "upgrade", "--speed", "5"]);
    terminal.shows("shards · ");
    terminal.press(CTRL_C);
    assert_eq!(terminal.end(), Some(130), "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("nothing of it is left"), "{screen}");
    assert!(terminal.has_a_cursor());
}

#[test]
fn a_terminal_has_moving_lines_and_a_narrow_one_is_kept_to() {
    let mut terminal = Terminal::without_cluster((120, 60), &["demo", "drain", "--speed", "max"]);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
    assert!(terminal.bytes().contains("\u{1b}["), "colour, and a cursor that moves");
    let screen = terminal.screen();
    assert!(screen.contains("shardctl demo --list"), "{screen}");
}

#[test]
fn nobody_who_reads_any_more_is_no_error() {
    let mut child = demo(&["--speed", "max"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!Path::new("/nonexistent").exists());
}
