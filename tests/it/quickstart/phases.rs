//! The state of both phases as Karpenter makes it, and a deployment from the menu.

use crate::cluster::Scene;
use crate::deploy::{deploy, deployed};
use crate::render::ground::Ground;
use crate::terminal::{CTRL_C, ROOMY, Terminal, UP};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// `quickstart` of a ground's workload.
fn quickstart(ground: &Ground) -> Terminal {
    let mut words: Vec<String> = ground.arguments("quickstart", "explore");
    words.remove(1);
    words.extend(["--shards".to_owned(), "3".to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Terminal::start(&ground.scene, ROOMY, "xterm-256color", &words)
}

#[test]
fn from_nothing_a_phase_is_deployed_and_ctrl_c_stops_only_the_waiting() {
    let ground = Ground::new();
    ground.scene.new_nodes_take("4s");
    let name = ground.scene.namespace().to_owned();
    let mut menu = quickstart(&ground);
    menu.says(&format!("{name}/{name}-shard: not deployed, in neither phase"));
    menu.says(&format!("explore not deployed · no nodepool/{name}-explore"));
    menu.says(&format!("stable not deployed · no nodepool/{name}-stable"));
    menu.says("What next?");
    menu.press("1\r");
    menu.says("Which phase?");
    menu.press("1\r");
    menu.says(&format!("$ shardctl deploy explore --name {name} --shards 3"));
    menu.says("objects of");
    menu.press("y");
    let is_there = |scene: &Scene<'_>| scene.find::<StatefulSet>(&ground.set()).is_some();
    ground.scene.wait_until("the set is written", is_there);
    menu.press(CTRL_C);
    menu.ends("deploy ended with exit code 130");
    menu.says(&format!(
        "explore deployed · 0 of 3 shards Ready on its nodes · nodepool/{name}-explore"
    ));
    ground.wait_until_ready(3);
    menu.press("1\r");
    menu.says("Which phase?");
    menu.shows("explore: Karpenter picks among sizes, the packing is watched; deployed");
    menu.press("1\r");
    menu.ends("deploy ended with exit code 0");
    menu.says("explore deployed · 3 of 3 shards Ready on its nodes");
    menu.says("stable not deployed");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn both_phases_are_told_and_the_size_is_asked_for_with_what_there_is() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    deploy(&ground, ground.scene.kubeconfig(), "stable", &["--yes"]).is(0, &["-stable is made"]);
    let mut menu = quickstart(&ground);
    menu.says(&format!("UP {name}/{name}-shard: 3 of 3 shards Ready"));
    menu.says(&format!(
        "explore being left · 3 of 3 shards Ready on its nodes · nodepool/{name}-explore"
    ));
    menu.says(&format!(
        "stable deployed · 0 of 3 shards Ready on its nodes · nodepool/{name}-stable · 0 nodes"
    ));
    menu.says("What next?");
    menu.press("5\r");
    menu.says("Which size?");
    menu.shows("hold shards now");
    menu.shows("Standard_E32s_v5: explore may buy it");
    menu.shows("another, typed");
    menu.press(UP);
    menu.press("\r");
    menu.says("The size, as in Standard_E16s_v5");
    menu.press("Standard_E20s_v5\r");
    menu.says(&format!("$ shardctl promote --size Standard_E20s_v5 --name {name}"));
    menu.says(&format!("end nodepool/{name}-explore?"));
    menu.press("n");
    menu.ends("promote ended with exit code 3");
    menu.says("What next?");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}

#[test]
fn a_workload_goes_from_explore_to_stable_and_away_by_the_menu_alone() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let mut menu = quickstart(&ground);
    menu.says("What next?");
    menu.choose("promote ");
    menu.says("Which size?");
    menu.choose("Standard_E16s_v5:");
    menu.says(&format!(
        "$ shardctl promote --size Standard_E16s_v5 --name {name} --shards 3"
    ));
    menu.says(&format!("move 3 shards one at a time, end nodepool/{name}-explore?"));
    let words = menu.words_of_the_child();
    menu.press("y");
    menu.ends("promote ended with exit code 0");
    menu.says(&format!("explore not deployed · no nodepool/{name}-explore"));
    menu.says(&format!(
        "stable deployed · 3 of 3 shards Ready on its nodes · nodepool/{name}-stable"
    ));
    menu.says("What next?");
    menu.choose("cleanup ");
    menu.says("How much goes?");
    menu.choose("everything of both phases but the disks");
    menu.says(&format!("$ shardctl cleanup --name {name} --shards 3"));
    menu.says("The data stays.");
    // The same workload's, but for what is theirs alone.
    assert_eq!(menu.words_of_the_child()[1..], words[3..]);
    menu.press("y");
    menu.ends("cleanup ended with exit code 0");
    menu.says(&format!("{name}/{name}-shard: not deployed, in neither phase"));
    menu.says(&format!("stable not deployed · no nodepool/{name}-stable"));
    menu.says("What next?");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
    assert_eq!(ground.scene.list::<PersistentVolumeClaim>("").len(), 3);
}

#[test]
fn an_older_name_is_recognised_and_where_nothing_is_the_cluster_is_asked_for_its_sets() {
    let scene = Scene::shards(1).named("explore-biometric-shard").start();
    let mut menu = Terminal::start(&scene, ROOMY, "xterm", &["quickstart", "-n", scene.namespace()]);
    menu.says(&format!(
        "UP {}/explore-biometric-shard: 1 of 1 shards Ready",
        scene.namespace()
    ));
    menu.says("explore deployed");
    menu.says("others 1 shard (1 Ready) on 1 node of neither pool");
    menu.says("What next?");
    menu.shows("verify --statefulset explore-biometric-shard --namespace");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));

    let mut menu = Terminal::start(
        &scene,
        ROOMY,
        "xterm",
        &["quickstart", "-n", scene.namespace(), "--name", "db"],
    );
    menu.says("not deployed, in neither phase");
    menu.shows("verify --statefulset NAME --namespace");
    menu.press("6\r");
    menu.says("no node holds a shard of this workload");
    menu.says("What next?");
    menu.press("2\r");
    menu.says("Which StatefulSet?");
    menu.shows(&format!("> 1 {}/explore-biometric-shard", scene.namespace()));
    menu.press("\r");
    menu.says("$ shardctl verify --statefulset explore-biometric-shard --namespace");
    menu.ends("verify ended with exit code 0");
    menu.press("q");
    assert_eq!(menu.end(), Some(0));
}
