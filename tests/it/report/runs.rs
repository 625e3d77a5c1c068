//! `--report` on operations: the page is there however a run ends, and a place that takes none is known before anything happens.

use std::path::PathBuf;

use serde_json::json;

use super::reader::{Page, read};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene};
use crate::drain::{drain, packed};
use crate::recover::recover;
use crate::upgrade::{NEXT, as_if_by_karpenter, revision, upgrade};

fn place(scene: &Scene<'_>, name: &str) -> PathBuf {
    scene.home().join(name)
}

/// The page that a run wrote; it is taken away, so that the next must write its own.
#[track_caller]
pub fn page(scene: &Scene<'_>, name: &str) -> (String, Page) {
    let html = std::fs::read_to_string(place(scene, name)).expect("a page");
    std::fs::remove_file(place(scene, name)).expect("take the page away");
    let beside = std::fs::read_dir(scene.home()).expect("the scene's folder");
    let parts = beside
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0, "nothing half-written lies about");
    let page = read(&html);
    (html, page)
}

#[track_caller]
pub fn assert_says(page: &Page, words: &[&str]) {
    for word in words {
        assert!(page.text.contains(word), "{word:?} isn't in {}", page.text);
    }
}

/// A page without the command line, which a run's own page has as it was typed.
fn without_the_command(html: &str) -> String {
    let (before, after) = html.split_once("<dt>Command</dt>").expect("the command line");
    let (_, after) = after.split_once("</dd>").expect("its end");
    format!("{before}{after}")
}

#[test]
fn an_upgrade_writes_the_page_that_its_saved_events_make() {
    let scene = Scene::shards(3).start();
    let ran = run(scene.shardctl(upgrade(&["--image", NEXT, "-o", "json", "--report", "run.html"])));
    ran.says(0, &["the page of this run: run.html"]);
    let (html, own) = page(&scene, "run.html");
    assert_says(
        &own,
        &[
            "Done",
            "shard-seconds down",
            "3 of 3",
            "statefulset/shard",
            "pod/shard-0",
            "--report run.html",
        ],
    );
    for shard in ["shard-0", "shard-1", "shard-2"] {
        assert_says(&own, &[shard]);
    }
    assert!(
        own.titles.iter().any(|title| title.starts_with("terminate ")),
        "{:?}",
        own.titles
    );
    let mut saved = scene.shardctl(["report", "-"]);
    let saved = run(std::mem::replace(
        saved.write_stdin(ran.stdout),
        assert_cmd::Command::new("true"),
    ));
    saved.says(0, &[]);
    assert_eq!(without_the_command(&saved.stdout), without_the_command(&html));
    // What the end names to copy doesn't write over this page.
    assert!(!saved.stdout.contains("--report"), "{}", saved.stdout);
}

#[test]
fn whatever_the_end_there_is_a_page_of_it() {
    let scene = Scene::shards(2)
        .stateful_set(json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}}))
        .start();
    let before = revision(&scene);
    let to = ["--report", "run.html"];
    run(scene.shardctl(upgrade(&["--image", NEXT, to[0], to[1]]))).says(3, &["strategy"]);
    assert_says(
        &page(&scene, "run.html").1,
        &["Refused", "its update strategy is RollingUpdate", "kubectl"],
    );

    run(scene.shardctl(recover(&to))).says(0, &[]);
    assert_says(&page(&scene, "run.html").1, &["Nothing to do", "shardctl recover"]);

    let node = scene.node_of(0);
    run(scene.shardctl(["uncordon", &node, "--yes", to[0], to[1]])).says(0, &[]);
    assert_says(&page(&scene, "run.html").1, &["Nothing to do", &node]);
    scene.cordon(&node, true);
    run(scene.shardctl(["uncordon", &node, to[0], to[1]])).says(3, &["nobody can be asked here"]);
    assert_says(
        &page(&scene, "run.html").1,
        &["Not begun", "nobody can be asked here", "--yes"],
    );
    run(scene.shardctl(["uncordon", &node, "--yes", to[0], to[1]])).says(0, &[]);
    assert_says(&page(&scene, "run.html").1, &["Done", &node, "uncordoned"]);

    // What can't be followed was no run, and nothing is written over.
    std::fs::write(place(&scene, "run.html"), "of yesterday").expect("write a page");
    run(scene.shardctl(["uncordon", "nodde", "--yes", to[0], to[1]])).says(2, &["there is no node named nodde"]);
    assert_eq!(
        std::fs::read_to_string(place(&scene, "run.html")).expect("a page"),
        "of yesterday"
    );
    run(scene.shardctl(["drain", &node, "--dry-run=client", to[0], to[1]])).says(2, &["cannot be used with"]);

    for (bad, why) in [
        ("nowhere/run.html", "No such file"),
        (".", "it is a directory"),
        ("/dev/null", "it isn't a file"),
    ] {
        run(scene.shardctl(drain(&node, &["--report", bad]))).refused(
            2,
            &[&format!("failed to write the page {bad}"), why, "nothing was changed"],
        );
    }
    assert_eq!(revision(&scene), before);
    let nodes = scene.nodes();
    let is_cordoned = nodes
        .iter()
        .any(|node| node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true));
    assert!(
        !is_cordoned,
        "a place that takes no page stops a drain before its first change"
    );
}

#[test]
fn an_interrupted_upgrade_has_its_page_too() {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let first = interceptor.on(|request| request.deletes("pods/shard-2")).hold_answer();
    let file = place(&scene, "run.html");
    let arguments = upgrade(&["--image", NEXT, "--report", file.to_str().expect("UTF-8")]);
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
    first.wait_hit();
    command.interrupt();
    first.release();
    assert_eq!(command.wait().code, Some(130));
    let (_, page) = page(&scene, "run.html");
    assert_says(
        &page,
        &[
            "Interrupted",
            "1 of 3",
            "somebody pressed Ctrl-C",
            "To go on",
            "shardctl upgrade undo",
        ],
    );
}

#[test]
fn a_drain_writes_what_was_done_to_its_node_and_its_shards() {
    let scene = packed(2, 1, 3).start();
    let node = scene.node_of(0);
    run(scene.shardctl(drain(&node, &["--report", "drain.html"]))).says(0, &[]);
    let (_, page) = page(&scene, "drain.html");
    assert_says(
        &page,
        &[
            "Done",
            "shardctl drain",
            &format!("node/{node}"),
            "pod/shard-0",
            "cordon",
        ],
    );
}
