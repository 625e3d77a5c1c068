//! `--report` on what writes, moves and deletes the reference workload.

use super::runs::{assert_says, page};
use crate::deploy::ran;
use crate::render::ground::Ground;

#[test]
fn a_deployment_a_promotion_and_a_cleanup_each_write_their_page() {
    let ground = Ground::new();
    let (scene, name) = (&ground.scene, ground.scene.namespace());
    let run = |arguments: Vec<String>, more: &[&str], code: i32| {
        let own = ["--shards", "3", "--report", "run.html"];
        let more = own.iter().chain(more).map(|word| (*word).to_owned());
        let arguments: Vec<String> = arguments.into_iter().chain(more).collect();
        ran(&ground, scene.kubeconfig(), &arguments).is(code, &[]);
        page(scene, "run.html").1
    };
    let set = format!("statefulset/{name}-shard");
    let deployed = run(ground.arguments("deploy", "explore"), &["--yes"], 0);
    assert_says(
        &deployed,
        &["Done", &set, "3 shards are Ready", "shardctl deploy explore"],
    );

    let promote = ["--size", "Standard_E16s_v5"];
    let asked = run(ground.of_command("promote"), &promote, 3);
    assert_says(&asked, &["Not begun", "nobody can be asked here", "--yes"]);
    let promoted = run(ground.of_command("promote"), &[&promote[..], &["--yes"]].concat(), 0);
    assert_says(
        &promoted,
        &[
            "Done",
            "promote",
            &format!("nodepool/{name}-explore"),
            &format!("{name}-shard-2"),
            "shardctl promote",
        ],
    );
    assert!(
        promoted.titles.iter().any(|title| title.starts_with("terminate ")),
        "{:?}",
        promoted.titles
    );

    let cleaned = run(ground.of_command("cleanup"), &["--yes"], 0);
    assert_says(
        &cleaned,
        &[
            "Done",
            "6 objects are deleted",
            &set,
            "goes on costing",
            "shardctl cleanup",
        ],
    );
    let nothing = run(ground.of_command("cleanup"), &[], 0);
    assert_says(&nothing, &["Nothing to do", "nothing to delete"]);
}
