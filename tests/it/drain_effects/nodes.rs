//! Nodes: frozen and cordoned with one mark, left as they were, given back only when nothing is on them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use shardctl::model::step::Act;
use shardctl::plan::operation::Acted;

use super::{Drainer, mark, raw};
use crate::cluster::Scene;

const HOLD: &str = "karpenter.sh/do-not-disrupt";
const FIELD: &str = "metadata.annotations.karpenter.sh/do-not-disrupt";

fn path(node: &str) -> String {
    format!("/api/v1/nodes/{node}")
}

fn node(scene: &Scene<'_>, name: &str) -> Value {
    raw(scene, &path(name))
}

/// Whether it is cordoned, its hold, and whether it has a mark.
fn state(scene: &Scene<'_>, name: &str) -> (bool, Option<String>, bool) {
    let node = node(scene, name);
    (
        node["spec"]["unschedulable"] == true,
        node["metadata"]["annotations"][HOLD].as_str().map(str::to_owned),
        mark(&node).is_some(),
    )
}

fn hold(scene: &Scene<'_>, name: &str, value: &Value) {
    scene.patch::<Node>(name, json!({"metadata": {"annotations": {HOLD: value}}}));
}

fn freeze(node: &str, cordon: bool) -> Act {
    Act::Freeze {
        node: node.to_owned(),
        annotations: BTreeMap::from([(HOLD.to_owned(), "true".to_owned())]),
        cordon,
    }
}

fn leave(node: &str, uncordon: bool) -> Act {
    Act::LeaveNode {
        node: node.to_owned(),
        uncordon,
    }
}

#[test]
fn a_node_is_frozen_then_cordoned_by_later_runs_and_is_at_the_end_as_it_was_before_the_first() {
    let scene = Scene::shards(3).start();
    let name = scene.node_of(0);
    hold(&scene, &name, &json!("1h"));
    let first = Drainer::new(&scene);
    let told = first.does(freeze(&name, false));
    assert_eq!(told.became, Acted::Done);
    assert_eq!(told.changed[0].1, format!("kept from the autoscaler: {HOLD}"));
    assert_eq!(state(&scene, &name), (false, Some("true".to_owned()), true));

    let later = Drainer::new(&scene).in_run("77aa");
    let told = later.does(freeze(&name, true));
    assert_eq!(told.became, Acted::Done);
    assert_eq!(
        told.changed,
        [(
            format!("node/{name}"),
            format!("cordoned, and kept from the autoscaler: {HOLD}")
        )]
    );
    let there = mark(&node(&scene, &name)).expect("a mark");
    assert_eq!(there["was"], json!({FIELD: "1h", "spec.unschedulable": null}));
    assert_eq!(there["operation"], later.run_name());

    let before = node(&scene, &name)["metadata"]["annotations"].clone();
    let told = later.does(freeze(&name, true));
    assert_eq!((told.became, told.changed), (Acted::Done, Vec::new()));
    assert_eq!(
        node(&scene, &name)["metadata"]["annotations"],
        before,
        "nothing is written twice"
    );

    let told = later.does(leave(&name, true));
    assert!(
        matches!(&told.became, Acted::Undone { left } if left.is_empty()),
        "{:?}",
        told.became
    );
    assert_eq!(state(&scene, &name), (false, Some("1h".to_owned()), false));
    assert_eq!(
        later.does(leave(&name, true)).became,
        Acted::Done,
        "nothing is left to do"
    );
}

#[test]
fn the_cordon_stays_where_it_is_to_and_somebody_elses_always() {
    let scene = Scene::shards(3).start();
    let (ours, theirs) = (scene.node_of(0), scene.node_of(1));
    let drainer = Drainer::new(&scene);
    scene.cordon(&theirs, true);
    assert_eq!(drainer.does(freeze(&ours, true)).became, Acted::Done);
    let told = drainer.does(freeze(&theirs, true));
    assert!(
        told.changed[0].1.starts_with("cordoned before, and stays so"),
        "{:?}",
        told.changed
    );
    assert_eq!(
        mark(&node(&scene, &theirs)).expect("a mark")["was"]["spec.unschedulable"],
        true
    );

    let told = drainer.does(leave(&ours, false));
    assert!(matches!(told.became, Acted::Undone { .. }));
    assert!(told.changed[0].1.starts_with("left cordoned; "), "{:?}", told.changed);
    assert_eq!(state(&scene, &ours), (true, None, false));
    drainer.does(leave(&theirs, true));
    assert_eq!(state(&scene, &theirs), (true, None, false), "it was cordoned before");
}

#[test]
fn what_somebody_changed_since_stays_and_is_said() {
    let scene = Scene::shards(3).start();
    let name = scene.node_of(0);
    let drainer = Drainer::new(&scene);
    drainer.does(freeze(&name, true));
    hold(&scene, &name, &json!("6h"));
    let told = drainer.does(leave(&name, true));
    let Acted::Undone { left } = &told.became else {
        panic!("{:?}", told.became);
    };
    let words: String = left
        .iter()
        .flat_map(|finding| [finding.message.clone(), finding.evidence.join(" ")])
        .collect();
    assert!(words.contains("6h"), "{left:?}");
    assert_eq!(state(&scene, &name), (false, Some("6h".to_owned()), false));
}

#[test]
fn a_node_with_another_operations_mark_is_left_alone_in_both_directions() {
    let scene = Scene::shards(3).start();
    let name = scene.node_of(0);
    let drainer = Drainer::new(&scene);
    let theirs = json!({
        "operation": "drain/other/db/1", "by": "bob@desk", "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z",
        "was": {"spec.unschedulable": null}, "is": {"spec.unschedulable": true},
    });
    scene.patch::<Node>(
        &name,
        json!({"metadata": {"annotations": {"shardctl.dev/mark": theirs.to_string()}}, "spec": {"unschedulable": true}}),
    );
    let told = drainer.does(freeze(&name, true));
    assert!(
        told.failed()
            .message
            .contains("the mark of drain/other/db/1, run by bob@desk"),
        "{:?}",
        told.failed()
    );
    assert_eq!(drainer.does(leave(&name, true)).became, Acted::Done);
    assert_eq!(mark(&node(&scene, &name)), Some(theirs));
    assert_eq!(state(&scene, &name), (true, None, true));
}

#[test]
fn without_the_right_to_write_nodes_it_fails_and_says_so() {
    let scene = Scene::shards(1).start();
    let name = scene.node_of(0);
    let user = scene.limited_user_with(
        json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
        json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]),
    );
    let told = Drainer::through(&scene, &user).does(freeze(&name, true));
    assert!(
        told.failed().evidence[0].contains("may not patch nodes"),
        "{:?}",
        told.failed()
    );
    assert_eq!(state(&scene, &name), (false, None, false));
}

fn claims(scene: &Scene<'_>) -> BTreeMap<String, Value> {
    let query = format!("labelSelector=test.shardctl.dev/scene={}", scene.namespace());
    let claims = scene.list_any("karpenter.sh/v1", "NodeClaim", &query);
    let by_node = claims.into_iter().filter_map(|claim| {
        let node = claim["status"]["nodeName"].as_str()?.to_owned();
        Some((node, claim))
    });
    by_node.collect()
}

fn release(node: &str, claim: &Value) -> Act {
    let meta = |key: &str| claim["metadata"][key].as_str().expect("metadata").to_owned();
    Act::ReleaseNode {
        node: node.to_owned(),
        claim: meta("name"),
        uid: meta("uid"),
    }
}

#[test]
fn a_nodeclaim_goes_only_when_its_node_is_cordoned_and_no_shard_is_on_it() {
    let scene = Scene::shards(2)
        .stable()
        .on_karpenter("Standard_E16s_v5", "1s")
        .shard_size("12", "64Gi")
        .template(json!({"spec": {"topologySpreadConstraints": null}}))
        .start();
    let (name, other) = (scene.node_of(0), scene.node_of(1));
    let claims_before = claims(&scene);
    let (claim, drainer) = (&claims_before[&name], Drainer::new(&scene));
    let told = drainer.does(release(&name, claim));
    assert!(
        told.failed().message.contains("takes pods again"),
        "{:?}",
        told.failed()
    );
    scene.cordon(&name, true);
    let told = drainer.does(release(&name, claim));
    let shard = format!("{}/{}", scene.namespace(), scene.pod_name(0));
    assert!(
        told.failed().message.contains(&format!("{shard} is still on it")),
        "{:?}",
        told.failed()
    );
    let told = drainer.does(release(&name, &claims_before[&other]));
    assert!(
        told.failed().message.contains("isn't the NodeClaim of"),
        "{:?}",
        told.failed()
    );
    assert_eq!(claims(&scene).len(), 2, "nothing was deleted");
    assert!(scene.is_ready(0) && scene.is_ready(1));

    let before = scene.uid(0);
    scene.delete::<Pod>(&scene.pod_name(0));
    scene.wait_until("shard 0 is Ready on another node", |scene| {
        scene.is_ready(0) && scene.uid(0) != before
    });
    let another =
        json!({"metadata": {"name": claim["metadata"]["name"], "uid": "00000000-0000-0000-0000-000000000000"}});
    assert_eq!(drainer.does(release(&name, &another)).became, Acted::LookAgain);
    let told = drainer.does(release(&name, claim));
    assert_eq!(told.became, Acted::Done);
    assert!(
        told.changed[0].1.contains(&format!("node/{name} is given back")),
        "{:?}",
        told.changed
    );
    scene.wait_until("the node is gone", |scene| scene.find::<Node>(&name).is_none());
    assert_eq!(drainer.does(release(&name, claim)).became, Acted::Done, "it is gone");
    assert!(scene.is_ready(0) && scene.is_ready(1));
}
