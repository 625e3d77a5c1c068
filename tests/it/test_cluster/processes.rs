//! The processes behind a plane: none is left behind, and nobody has to guess what is missing.

use crate::cluster::{Plane, PlaneConfig, wait};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

const VICTIM: &str = "SHARDCTL_TEST_VICTIM";

/// This test binary again, with one test.
fn myself(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command.args(["--exact", test, "--nocapture"]);
    command
}

fn lives(process: u32) -> bool {
    // A killed process whose parent hasn't asked for it yet is a zombie: not alive.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    if let Some(file) = std::env::var_os(VICTIM) {
        return be_the_victim(Path::new(&file));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plane");
    let mut victim = myself("test_cluster::processes::a_killed_test_process_leaves_nothing_behind")
        .env(VICTIM, &file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("start a victim");
    let text = wait::wait_for("the victim has a plane", 2 * wait::DEADLINE, || {
        let ended = victim.try_wait().ok().flatten();
        assert!(ended.is_none(), "the victim ended by itself: {ended:?}");
        std::fs::read_to_string(&file).map_err(|e| e.to_string())
    });
    let mut lines = text.lines();
    let plane = Path::new(lines.next().expect("a folder")).to_owned();
    let processes: Vec<u32> = lines.map(|line| line.parse().expect("a process id")).collect();
    assert!(
        processes.len() >= 6 && processes.iter().all(|process| lives(*process)),
        "{processes:?}"
    );
    assert!(plane.is_dir());

    victim.kill().expect("kill the victim outright");
    victim.wait().expect("the victim's end");
    wait::wait_for("all is gone", wait::DEADLINE, || {
        let left: Vec<_> = processes.iter().filter(|process| lives(**process)).collect();
        if left.is_empty() && !plane.exists() {
            Ok(())
        } else {
            Err(format!("processes {left:?}, {}", plane.display()))
        }
    });
}

fn be_the_victim(file: &Path) {
    let plane = Plane::own_with(PlaneConfig {
        dns_replicas: 0,
        ..PlaneConfig::default()
    });
    let ids = plane
        .process_ids()
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    let unfinished = file.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{}\n{ids}", plane.folder().display())).expect("write");
    std::fs::rename(unfinished, file).expect("rename");
    // Until the parent kills us; or is gone itself, and its end of the pipe with it.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_plane_that_is_dropped_takes_everything_with_it() {
    let plane = Plane::own_with(PlaneConfig {
        dns_replicas: 0,
        ..PlaneConfig::default()
    });
    let (processes, folder) = (plane.process_ids(), plane.folder().to_owned());
    plane.kill("kube-scheduler");
    drop(plane);
    assert!(!processes.iter().any(|process| lives(*process)));
    assert!(!folder.exists());
}

#[test]
fn without_go_and_without_a_folder_a_test_fails_and_says_what_to_install() {
    let empty = tempfile::tempdir().expect("a folder");
    let output = myself("test_cluster::processes::a_plane_that_is_dropped_takes_everything_with_it")
        .env_clear()
        .env("PATH", empty.path())
        .env("HOME", empty.path())
        .output()
        .expect("run this binary");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "not skipped in silence");
    assert!(
        words.contains("Install Go 1.") && words.contains("SHARDCTL_TEST_CLUSTER"),
        "{words}"
    );

    let output = myself("test_cluster::processes::a_plane_that_is_dropped_takes_everything_with_it")
        .env("SHARDCTL_TEST_CLUSTER", empty.path())
        .output()
        .expect("run this binary");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        words.contains("SHARDCTL_TEST_CLUSTER names a folder without etcd"),
        "{words}"
    );
}
