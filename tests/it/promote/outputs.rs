//! A promotion for programs: its plan as a document, its run as events.

use super::{disks, is_promoted, promote, words};
use crate::deploy::{deployed, ran};
use serde_json::Value;

#[test]
fn its_plan_is_a_document_and_its_run_are_events_that_end() {
    let ground = deployed();
    let before = disks(&ground);
    let name = ground.scene.namespace();
    let plan = promote(&ground, ground.scene.kubeconfig(), &["--dry-run=server", "-o", "json"]);
    plan.is(0, &[]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a document");
    assert_eq!(plan["kind"], "DeployPlan");
    let state = |object: String| {
        let all = plan["objects"].as_array().expect("objects").iter();
        all.clone()
            .find(|of| of["object"] == *object)
            .map(|of| of["state"].clone())
    };
    assert_eq!(state(format!("nodepool/{name}-stable")), Some("created".into()));
    assert_eq!(state(format!("statefulset/{name}-shard")), Some("changed".into()));
    assert_eq!(state(format!("service/{name}-lb")), Some("same".into()));

    let run = ran(
        &ground,
        ground.scene.kubeconfig(),
        &words(&ground, &["--yes", "-o", "json"]),
    );
    run.is(0, &[]);
    let lines = run.stdout.lines();
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of("started")[0]["operation"], "promote");
    assert!(
        of("started")[0]["command"]
            .as_str()
            .is_some_and(|line| line.starts_with("shardctl promote"))
    );
    assert_eq!(of("shard-done").len(), 3);
    let changed: Vec<&str> = of("changed")
        .iter()
        .filter_map(|event| event["object"].as_str())
        .collect();
    assert_eq!(
        changed.first(),
        Some(&format!("nodepool/{name}-stable").as_str()),
        "{changed:?}"
    );
    assert_eq!(
        changed.last(),
        Some(&format!("nodepool/{name}-explore").as_str()),
        "{changed:?}"
    );
    let ended = events.last().expect("an end");
    assert_eq!(
        (&ended["event"], &ended["end"], &ended["exitCode"]),
        (&"ended".into(), &"done".into(), &0.into())
    );
    assert_eq!(ended["shards"].as_array().map(Vec::len), Some(3));
    is_promoted(&ground, &before, &run.stdout);

    let again = ran(&ground, ground.scene.kubeconfig(), &words(&ground, &["-o", "json"]));
    again.is(0, &[]);
    let only: Value = serde_json::from_str(&again.stdout).expect("one event");
    assert_eq!(
        (&only["event"], &only["end"]),
        (&"ended".into(), &"nothing-to-do".into())
    );
}
