//! `--plain`: numbered lines and a typed number, for screen readers and terminals that can only write.

use super::quickstart;
use crate::bad_days::{run, shards};
use crate::cluster::Scene;
use crate::terminal::{CTRL_C, CTRL_D, ROOMY, Terminal};

/// No character that moves a cursor or paints.
#[track_caller]
fn assert_plain(terminal: &Terminal) {
    let bytes = terminal.bytes();
    // A terminal ends lines by \r\n, and repeats Ctrl-D as nothing, or as two letters that are taken back.
    let steering = |c: &char| c.is_control() && !['\r', '\n', '\u{8}'].contains(c);
    assert_eq!(bytes.chars().find(steering), None, "{bytes:?}");
    assert!(!bytes.replace("\r\n", "").contains('\r'), "{bytes:?}");
}

#[test]
fn plain_is_numbered_lines_with_the_commands_their_views_and_questions_too() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &["--plain", "--color", "always"]);
    menu.says("3 of 3 shards Ready");
    menu.says("2. verify: is everything as it must be? $ shardctl verify --namespace");
    menu.says("A number from 1 to 8 and Return; q ends:");
    menu.press("9\r");
    menu.says("`9` is no number from 1 to 8");
    menu.press("2\r");
    menu.says("verify ended with exit code 0");
    menu.says("q ends:");
    menu.press("6\r");
    menu.says("Which node? 1.");
    menu.says("q goes back:");
    menu.press("1\r");
    menu.says("Empty ");
    menu.says("[y/N]");
    menu.press("n\r");
    menu.says("drain ended with exit code 3");
    menu.says("q ends:");
    menu.press("6\r");
    menu.says("q goes back:");
    menu.press("1\r");
    menu.says("[y/N]");
    menu.press(CTRL_C);
    menu.says("interrupted; nothing was changed");
    menu.says("drain ended with exit code 130");
    menu.says("q ends:");
    menu.press(CTRL_D);
    assert_eq!(menu.end(), Some(0));
    assert_plain(&menu);
}

#[test]
fn a_dumb_terminal_is_plain_by_itself() {
    let scene = shards();
    let own = ["quickstart", "-n", scene.namespace(), "--statefulset", "shard"];
    let mut menu = Terminal::start(&scene, ROOMY, "dumb", &own);
    menu.says("8. runbook: what to type when something is wrong");
    menu.says("q ends:");
    menu.press("\u{1b}\r");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn plain_takes_its_answers_from_a_pipe_and_leaves_to_a_command_what_is_its_own() {
    let scene = shards();
    let own = [
        "quickstart",
        "-n",
        scene.namespace(),
        "--statefulset",
        "shard",
        "--plain",
    ];
    let mut command = scene.shardctl(own);
    command.write_stdin("two\n7\n8\n1\n2\n");
    let ran = run(command);
    ran.says(
        0,
        &[
            "`two` is no number from 1 to 8",
            "cleanup: statefulset/shard (--statefulset) isn't the set of the workload biometric",
            "--name",
            "$ shardctl explain system-down",
            "# The system is down",
            "explain ended with exit code 0",
            "$ shardctl verify --namespace",
            "verify ended with exit code 0",
        ],
    );
}
