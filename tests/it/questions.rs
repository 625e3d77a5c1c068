//! The question before a change, on a real pseudo-terminal: told to stop, it ends, nothing is changed, and the terminal works.

use crate::bad_days::shards;
use crate::cluster::Scene;
use crate::terminal::{CTRL_C, ROOMY, Terminal};
use crate::upgrade::NEXT;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use nix::sys::signal::Signal;

/// shardctl for a scene's own set.
fn on_terminal(scene: &Scene<'_>, term: &str, words: &[&str]) -> Terminal {
    let own = ["-n", scene.namespace(), "--statefulset", "shard"];
    Terminal::start(scene, ROOMY, term, &[words, &own[..]].concat())
}

/// How shardctl is told to stop.
#[derive(Clone, Copy, Debug)]
enum Told {
    Key,
    By(Signal),
}

impl Told {
    fn tell(self, terminal: &Terminal) {
        match self {
            Told::Key => terminal.press(CTRL_C),
            Told::By(signal) => terminal.signal(signal),
        }
    }
}

#[track_caller]
fn works(terminal: &Terminal) {
    assert!(terminal.has_a_cursor());
    assert!(terminal.echoes(), "the terminal repeats what is typed");
}

#[test]
fn ctrl_c_and_being_told_to_end_end_a_question_with_130_and_nothing_is_changed() {
    let scene = shards();
    let version = || scene.get::<StatefulSet>("shard").metadata.resource_version;
    let before = version();
    let told = [Told::Key, Told::By(Signal::SIGTERM), Told::By(Signal::SIGHUP)];
    for term in ["xterm", "dumb"] {
        for told in told {
            let mut terminal = on_terminal(&scene, term, &["upgrade", "--restart"]);
            terminal.says("one at a time? [y/");
            told.tell(&terminal);
            terminal.says("interrupted; nothing was changed");
            assert_eq!(terminal.end(), Some(130), "{term} {told:?}");
            works(&terminal);
        }
    }
    assert_eq!(version(), before);
    assert!(scene.list::<Lease>("").is_empty(), "no lock was taken");
}

#[test]
fn a_name_that_is_typed_out_is_no_answer_before_return() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let node = scene.node_of(0);
    for told in [Told::Key, Told::By(Signal::SIGTERM)] {
        let mut terminal = on_terminal(&scene, "xterm", &["drain", &node, "--strategy", "downtime"]);
        terminal.says("Type shard to go on");
        terminal.press("shard");
        terminal.shows("to go on: shard");
        told.tell(&terminal);
        terminal.says("interrupted; nothing was changed");
        assert_eq!(terminal.end(), Some(130), "{told:?}");
        works(&terminal);
    }
    scene.wait_until_healthy();
}

#[test]
fn told_to_end_between_two_shards_it_puts_its_marks_back_and_says_so() {
    let scene = Scene::shards(3).start();
    let words = ["upgrade", "--image", NEXT, "--canary", "1", "--lease-duration", "2s"];
    let mut terminal = on_terminal(&scene, "xterm", &words);
    terminal.says("one at a time? [y/");
    terminal.press("y");
    terminal.says("1 shard done. Go on with the rest?");
    terminal.signal(Signal::SIGTERM);
    terminal.says("interrupted, with no shard in hand");
    assert_eq!(terminal.end(), Some(130));
    works(&terminal);
    assert!(scene.list::<Lease>("").is_empty(), "the lock is given back");
}
