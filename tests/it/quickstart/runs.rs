//! What an entry shows is what it runs; how that ended is said in words, and the menu comes back with the state read again.

use super::quickstart;
use crate::cluster::Scene;
use crate::terminal::{CTRL_C, DOWN, ROOMY, Terminal, UP};
use k8s_openapi::api::core::v1::Node;
use nix::sys::signal::{Signal, kill};

#[test]
fn arrow_keys_and_numbers_move_to_an_entry_and_return_runs_what_it_shows() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &["--request-timeout", "20s"]);
    let own = format!("--namespace {} --statefulset shard", scene.namespace());
    menu.says(&format!("UP {}/shard: 3 of 3 shards Ready", scene.namespace()));
    menu.says("What next?");
    menu.shows("> 1 deploy not of this set: the workload's is biometric-shard");
    for entry in [
        format!("2 verify shardctl verify {own} --request-timeout 20s"),
        format!("3 route-test shardctl route-test {own} --request-timeout 20s"),
        format!("4 packing shardctl packing-summary {own} --request-timeout 20s"),
        "5 promote not of this set: the workload's is biometric-shard".to_owned(),
        format!("6 drain shardctl drain NODE {own} --request-timeout 20s"),
        "7 cleanup not of this set: the workload's is biometric-shard".to_owned(),
        "8 runbook shardctl explain RUNBOOK".to_owned(),
    ] {
        menu.shows(&entry);
    }
    menu.press(DOWN);
    menu.shows("> 2 verify");
    menu.shows("verify: is everything as it must be?");
    menu.press(UP);
    menu.press(UP);
    menu.shows("> 8 runbook");
    menu.press("2");
    menu.shows("> 2 verify");
    menu.press("\r");
    menu.says(&format!("$ shardctl verify {own} --request-timeout 20s"));
    menu.ends("verify ended with exit code 0: done, or healthy");
    menu.says("3 of 3 shards Ready");
    menu.shows("> 1 deploy");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn a_command_that_fails_is_told_in_words_and_the_state_is_read_again() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &[]);
    menu.says("3 of 3 shards Ready");
    menu.says("What next?");
    scene.make_unready(1);
    menu.press("2");
    menu.shows("> 2 verify");
    menu.press("\r");
    menu.says("NOT HEALTHY");
    menu.ends("verify ended with exit code 1: a check failed, or the operation stopped short of its goal");
    menu.says("2 of 3 shards Ready");
    menu.says("What next?");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn a_node_is_chosen_among_those_that_hold_shards_and_the_command_asks_for_itself() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let node = scene.pod(1).spec.and_then(|spec| spec.node_name).expect("a node");
    let mut menu = quickstart(&scene, &[]);
    menu.says("What next?");
    menu.press("6\r");
    menu.says("Which node?");
    menu.shows(&format!("{node}: shard-1"));
    // Back to the menu, and the same again.
    menu.press("q");
    menu.says("What next?");
    menu.press("6\r");
    menu.says("Which node?");
    menu.choose(&format!("{node}:"));
    let command = format!("drain {node} --namespace {} --statefulset shard", scene.namespace());
    menu.says(&format!("$ shardctl {command}"));
    menu.says("Empty ");
    assert_eq!(menu.words_of_the_child().join(" "), command);
    menu.press("n");
    menu.says("you said no; nothing was changed");
    menu.ends("drain ended with exit code 3: preflight refused");
    menu.says("3 of 3 shards Ready");
    menu.press("\u{1b}");
    assert_eq!(menu.end(), Some(0));
    let unschedulable = scene.get::<Node>(&node).spec.and_then(|spec| spec.unschedulable);
    assert_eq!(unschedulable, None, "nothing was changed");
}

#[test]
fn ctrl_c_ends_the_command_under_way_and_not_the_menu() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &[]);
    menu.says("What next?");
    menu.press("6\r");
    menu.says("Which node?");
    menu.press("1\r");
    menu.says("Empty ");
    menu.press(CTRL_C);
    menu.ends("drain ended with exit code 130: interrupted");
    menu.says("3 of 3 shards Ready");
    menu.says("What next?");
    menu.press("8\r");
    menu.says("What is seen?");
    menu.press("2\r");
    menu.says("$ shardctl explain node-lost");
    menu.ends("explain ended with exit code 0");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn a_command_that_is_killed_in_its_question_leaves_a_terminal_that_works() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &[]);
    menu.says("What next?");
    menu.press("6\r");
    menu.says("Which node?");
    menu.press("1\r");
    menu.says("Empty ");
    kill(menu.child_of_the_menu(), Signal::SIGKILL).expect("kill the drain");
    menu.ends("drain was ended from outside");
    menu.says("What next?");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
    assert!(menu.has_a_cursor());
    assert!(menu.echoes(), "the terminal repeats what is typed");
}

#[test]
fn told_to_end_it_tells_the_command_and_waits_for_it() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let mut menu = quickstart(&scene, &[]);
    menu.says("What next?");
    menu.press("6\r");
    menu.says("Which node?");
    menu.press("1\r");
    menu.says("Empty ");
    menu.signal(Signal::SIGTERM);
    menu.says("told to end; the command ended with exit code 130");
    assert_eq!(menu.end(), Some(130));
    assert!(menu.has_a_cursor());
}

#[test]
fn what_a_file_says_holds_for_the_menu_and_for_its_commands() {
    let scene = Scene::shards(3).start();
    let file = format!(
        "namespace = \"{}\"\nstatefulset = \"shard\"\nexpect = 4\n",
        scene.namespace()
    );
    std::fs::write(scene.home().join("shardctl.toml"), file).expect("write shardctl.toml");
    let mut menu = Terminal::start(&scene, ROOMY, "xterm", &["quickstart"]);
    menu.says("3 of 4 shards Ready");
    menu.says("What next?");
    menu.press("2\r");
    menu.says(&format!(
        "$ shardctl verify --namespace {} --statefulset shard",
        scene.namespace()
    ));
    menu.ends("verify ended with exit code 1");
    menu.says("What next?");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}
