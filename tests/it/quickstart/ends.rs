//! How the menu is left, and where there can be none.

use super::quickstart;
use crate::bad_days::{kubeconfig, run, shards};
use crate::terminal::{CTRL_C, CTRL_D, DOWN, Terminal};
use nix::sys::signal::Signal;
use serde_json::json;

#[test]
fn q_escape_and_ctrl_d_leave_it_with_0() {
    let scene = shards();
    for keys in ["q", "\u{1b}", CTRL_D] {
        let mut menu = quickstart(&scene, &[]);
        menu.says("q ends");
        menu.press(keys);
        assert_eq!(menu.end(), Some(0), "{keys:?}");
        assert!(menu.has_a_cursor(), "{keys:?}");
        assert!(!menu.screen().contains("What next?"), "the menu is taken back");
    }
}

#[test]
fn ctrl_c_and_being_told_to_end_leave_it_with_130_and_a_terminal_that_works() {
    let scene = shards();
    let mut menu = quickstart(&scene, &[]);
    menu.says("q ends");
    menu.press(CTRL_C);
    menu.says("interrupted; no command is under way");
    assert_eq!(menu.end(), Some(130));
    assert!(menu.has_a_cursor());

    let mut menu = quickstart(&scene, &[]);
    menu.says("q ends");
    menu.signal(Signal::SIGTERM);
    assert_eq!(menu.end(), Some(130));
    assert!(menu.has_a_cursor());
    assert!(menu.echoes(), "the terminal repeats what is typed");
}

#[test]
fn the_end_of_the_input_in_a_question_leaves_it_with_0() {
    let scene = shards();
    let mut menu = quickstart(&scene, &[]);
    menu.says("q ends");
    menu.press("8\r");
    menu.says("What is seen?");
    menu.press(CTRL_D);
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn without_a_terminal_it_is_refused_with_what_to_run_instead() {
    let scene = shards();
    run(scene.shardctl(["quickstart", "-n", scene.namespace()])).refused(
        2,
        &[
            "a menu takes a terminal, and this is none",
            &format!("shardctl --namespace {} quickstart --plain", scene.namespace()),
            &format!("shardctl --namespace {} verify", scene.namespace()),
        ],
    );
}

#[test]
fn a_cluster_that_cannot_be_reached_and_a_wrong_parameter_end_it_before_the_menu() {
    let scene = shards();
    let nowhere = kubeconfig(&scene, "nowhere-quickstart.json", |config| {
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into();
    });
    let nowhere = nowhere.to_str().expect("UTF-8");
    run(scene.shardctl(["quickstart", "--plain", "--kubeconfig", nowhere])).refused(7, &["127.0.0.1:1"]);
    run(scene.shardctl(["quickstart", "--plain", "--shards", "0"])).refused(2, &["`shards` (--shards)"]);
}

#[test]
fn a_narrow_window_cuts_rows_and_tells_the_one_in_hand_in_full_and_a_low_one_gets_numbers() {
    let scene = shards();
    let own = ["quickstart", "-n", scene.namespace(), "--statefulset", "shard"];
    let mut narrow = Terminal::start(&scene, (40, 44), "xterm", &own);
    narrow.says("q ends");
    for down in 2..=8 {
        narrow.press(DOWN);
        narrow.shows(&format!("> {down} "));
    }
    narrow.press("2");
    narrow.shows("> 2 verify");
    let joined: String = narrow.screen().split_whitespace().collect();
    let own_words = format!("$shardctlverify--namespace{}--statefulsetshard", scene.namespace());
    assert!(joined.contains(&own_words), "{}", narrow.screen());
    // Each drawing took the one before back: the question stands there once.
    assert_eq!(narrow.screen().matches("What next?").count(), 1, "{}", narrow.screen());
    narrow.press("q");
    assert_eq!(narrow.end(), Some(0));

    let mut low = Terminal::start(&scene, (9, 100), "xterm", &own);
    low.says("1. deploy: write a phase's objects");
    low.says("A number from 1 to 8 and Return; q ends:");
    low.press("q\r");
    assert_eq!(low.end(), Some(0));
}

#[test]
fn the_end_of_a_command_stands_there_until_it_is_read_and_q_leaves_from_there_too() {
    let scene = shards();
    for keys in ["q", CTRL_D] {
        let mut menu = quickstart(&scene, &[]);
        menu.says("q ends");
        menu.press("8\r");
        menu.says("What is seen?");
        menu.press("1\r");
        menu.says("Return goes back to the menu; q ends");
        menu.press("x");
        menu.press(keys);
        assert_eq!(menu.end(), Some(0), "{keys:?}");
        assert!(menu.has_a_cursor() && menu.echoes(), "{keys:?}");
        assert!(menu.screen().contains("explain ended with exit code 0"), "{keys:?}");
        assert!(!menu.screen().contains("Return goes back"), "{keys:?}");
    }
}

#[test]
fn what_one_may_not_read_is_not_told_as_not_deployed() {
    let scene = shards();
    let nobody = scene.limited_user(json!([]));
    let mut command = scene.shardctl_with(&nobody, ["quickstart", "--plain", "-n", scene.namespace()]);
    command.write_stdin("6\n2\n");
    let ran = run(command);
    ran.says(
        0,
        &[
            "may not list statefulsets.apps",
            "explore  not known whether it is deployed",
            "stable   not known whether it is deployed",
            "which nodes hold shards isn't known: StatefulSets can't be read",
            "this rule in a Role, bound to that user, would allow it",
            "q ends:",
        ],
    );
    assert!(
        ran.stderr.contains("\n    resources: [\"statefulsets\"]\n"),
        "{}",
        ran.stderr
    );
}
