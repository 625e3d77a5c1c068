//! A promotion that is interrupted, and what everybody else is told while it runs.

use super::{disks, is_promoted, promote, words};
use crate::cluster::scene::running::{Output, Running};
use crate::cluster::{Interceptor, Witness};
use crate::deploy::{deploy, deployed, ran};
use crate::render::ground::Ground;

fn said(ran: &Output) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

fn started(ground: &Ground, interceptor: &Interceptor, more: &[&str]) -> Running {
    let arguments = words(ground, &[&["--yes"], more].concat());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    ground
        .scene
        .shardctl_process(&kubeconfig, arguments.iter().map(String::as_str))
}

#[test]
fn ctrl_c_finishes_the_shard_in_hand_and_the_same_again_goes_on() {
    let ground = deployed();
    let before = disks(&ground);
    let witness = Witness::of_set(&ground.scene, &ground.set(), 3);
    let interceptor = Interceptor::before(ground.scene.plane());
    let shard = format!("/pods/{}-", ground.set());
    let first = interceptor
        .on(move |request| request.method == "DELETE" && request.is_write() && request.path.contains(&shard))
        .nth(1)
        .hold_answer();
    let mut command = started(&ground, &interceptor, &[]);
    first.wait_hit();
    command.interrupt();
    first.release();
    let ran = command.wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(130), "{told}");
    assert_eq!(witness.deletions().len(), 1, "{told}");
    let resume = ran.stdout.lines().find(|line| line.starts_with("Resume:"));
    assert!(resume.is_some_and(|line| line.contains("shardctl promote")), "{told}");
    let again = promote(&ground, ground.scene.kubeconfig(), &["--yes"]);
    again.is(0, &["-explore is gone"]);
    is_promoted(&ground, &before, &again.stdout);
    assert_eq!((witness.deletions().len(), witness.most_down_at_once()), (3, 1));
}

#[test]
fn ctrl_c_while_the_explore_pool_goes_ends_it_there() {
    let ground = deployed();
    let before = disks(&ground);
    let interceptor = Interceptor::before(ground.scene.plane());
    let pool = format!("nodepools/{}-explore", ground.scene.namespace());
    let gone = interceptor.on(move |request| request.deletes(&pool)).hold_answer();
    let mut command = started(&ground, &interceptor, &[]);
    gone.wait_hit();
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    gone.release();
    let ran = command.wait();
    let told = said(&ran);
    // The nodes may have been quicker.
    assert!(matches!(ran.code, Some(130 | 0)), "{told}");
    promote(&ground, ground.scene.kubeconfig(), &["--yes"]).is(0, &["gone"]);
    is_promoted(&ground, &before, &told);
}

#[test]
fn ctrl_c_twice_stops_at_once_whatever_hangs() {
    for (collection, words) in [
        ("nodepools", "whether nodepool/"),
        ("pods", "interrupted twice: stopped at once"),
    ] {
        let ground = deployed();
        let interceptor = Interceptor::before(ground.scene.plane());
        let path = format!("/{collection}");
        let held = interceptor
            .on(move |request| request.is_write() && request.path.contains(&path))
            .hold();
        let mut command = started(&ground, &interceptor, &["--request-timeout", "0"]);
        held.wait_hit();
        // Two that come at once are one to the process: pressed until it ends, as people do.
        ground.scene.wait_until("it ends", |_| {
            let runs = command.runs();
            if runs {
                command.interrupt();
            }
            !runs
        });
        held.discard();
        let ran = command.wait();
        let told = said(&ran);
        assert!(matches!(ran.code, Some(130 | 5)), "{told}");
        assert!(told.contains(words), "lacks {words:?}: {told}");
    }
}

#[test]
fn while_it_runs_nobody_else_writes() {
    let ground = deployed();
    let before = disks(&ground);
    let interceptor = Interceptor::before(ground.scene.plane());
    let shard = format!("/pods/{}-", ground.set());
    let first = interceptor
        .on(move |request| request.method == "DELETE" && request.is_write() && request.path.contains(&shard))
        .nth(1)
        .hold_answer();
    let mut command = started(&ground, &interceptor, &[]);
    first.wait_hit();
    let others = Interceptor::before(ground.scene.plane());
    let kubeconfig = others.kubeconfig(&ground.scene);
    let mut cleanup = ground.of_command("cleanup");
    cleanup.extend(["--shards", "3", "--yes"].map(str::to_owned));
    promote(&ground, &kubeconfig, &["--yes"]).is(6, &["holds the lock on statefulset/"]);
    deploy(&ground, &kubeconfig, "explore", &["--yes"]).is(6, &["holds the lock on statefulset/"]);
    ran(&ground, &kubeconfig, &cleanup).is(6, &["holds the lock on statefulset/", "nothing was deleted"]);
    assert!(others.writes().is_empty(), "{:?}", others.writes());
    assert!(command.runs());
    first.release();
    let ran = command.wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    is_promoted(&ground, &before, &said(&ran));
}
