//! One shard more for a while: scaled with a mark, scaled back by it, and the claim that came of it removed, never another one.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::{Value, json};
use shardctl::model::set;
use shardctl::model::step::Act;
use shardctl::plan::operation::Acted;

use super::{Drainer, mark, raw};
use crate::cluster::Scene;

const EXTRA: &str = "data-shard-2";

fn scale(to: i32) -> Act {
    Act::Scale {
        to,
        made: vec![EXTRA.to_owned()],
    }
}

fn remove(claim: &PersistentVolumeClaim) -> Act {
    let meta = claim.metadata.clone();
    Act::RemoveClaim {
        claim: meta.name.expect("a name"),
        uid: meta.uid.expect("a uid"),
        resource_version: meta.resource_version.expect("a version"),
    }
}

fn raw_set(scene: &Scene<'_>) -> Value {
    let path = format!(
        "/apis/apps/v1/namespaces/{}/statefulsets/{}",
        scene.namespace(),
        scene.name()
    );
    raw(scene, &path)
}

fn replicas(scene: &Scene<'_>) -> i32 {
    set::replicas(&scene.set())
}

fn scale_by_hand(scene: &Scene<'_>, to: i32) {
    scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": to}}));
}

#[test]
fn the_set_is_scaled_and_back_and_only_the_claim_that_came_of_it_goes() {
    let scene = Scene::shards(2).start();
    let drainer = Drainer::new(&scene);
    let told = drainer.does(scale(3));
    assert_eq!(told.became, Acted::Done);
    assert!(
        told.changed.iter().any(|(_, what)| what == "scaled: 2 → 3 replicas"),
        "{:?}",
        told.changed
    );
    let there = mark(&raw_set(&scene)).expect("a mark");
    assert_eq!(there["was"], json!({"spec.replicas": 2}));
    assert_eq!(there["is"], json!({"spec.replicas": 3}));
    assert_eq!(there["made"], json!([format!("pvc/{EXTRA}")]));
    let told = drainer.does(scale(3));
    assert_eq!((told.became, told.changed.len()), (Acted::Done, 0));
    let later = Drainer::new(&scene).in_run("77aa");
    assert_eq!(later.does(scale(3)).became, Acted::Done);
    let resumed = mark(&raw_set(&scene)).expect("a mark");
    assert_eq!(
        resumed["was"],
        json!({"spec.replicas": 2}),
        "as it was before the first run"
    );
    assert_eq!((&resumed["since"], &resumed["made"]), (&there["since"], &there["made"]));
    scene.wait_until("the extra shard is Ready", |scene| scene.is_ready(2));

    let extra: PersistentVolumeClaim = scene.get(EXTRA);
    let told = later.does(remove(&extra));
    assert!(told.failed().evidence[0].contains("3 replicas"), "{:?}", told.failed());

    let told = later.does(Act::ScaleBack);
    assert_eq!(told.became, Acted::Done);
    assert_eq!(replicas(&scene), 2);
    assert!(mark(&raw_set(&scene)).is_some(), "what came of it isn't gone yet");
    let told = later.does(Act::ScaleBack);
    assert_eq!((told.became, told.changed.len()), (Acted::Done, 0));
    scene.wait_until("the extra shard is gone", |scene| {
        scene.find::<Pod>("shard-2").is_none()
    });

    // A claim of a shard, and one that somebody mounts, stay.
    let told = later.does(remove(&scene.get("data-shard-1")));
    assert!(told.failed().evidence[0].contains("no mark"), "{:?}", told.failed());
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "copy"},
        "spec": {
            "containers": [{"name": "c", "image": "registry.example/c:1"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": EXTRA}}],
        },
    }));
    let told = later.does(remove(&scene.get(EXTRA)));
    assert!(
        told.failed().evidence[0].contains("pod/copy uses it"),
        "{:?}",
        told.failed()
    );
    scene.delete::<Pod>("copy");
    scene.wait_until("nobody uses it", |scene| scene.find::<Pod>("copy").is_none());

    let mut stale: PersistentVolumeClaim = scene.get(EXTRA);
    stale.metadata.resource_version = Some("1".to_owned());
    assert_eq!(later.does(remove(&stale)).became, Acted::LookAgain);
    let extra: PersistentVolumeClaim = scene.get(EXTRA);
    assert!(extra.metadata.deletion_timestamp.is_none());
    assert_eq!(later.does(remove(&extra)).became, Acted::Done);
    scene.wait_until("the claim is gone", |scene| {
        scene.find::<PersistentVolumeClaim>(EXTRA).is_none()
    });
    assert_eq!(later.does(remove(&extra)).became, Acted::Done);
    scene.wait_until_healthy();
}

#[test]
fn what_somebody_else_scaled_is_neither_taken_down_nor_put_back() {
    let scene = Scene::shards(2).start();
    let drainer = Drainer::new(&scene);
    scale_by_hand(&scene, 4);
    let told = drainer.does(scale(3));
    assert!(
        told.failed().message.contains("it has 4 replicas"),
        "{:?}",
        told.failed()
    );
    assert_eq!((replicas(&scene), mark(&raw_set(&scene))), (4, None));
    scale_by_hand(&scene, 3);
    let told = drainer.does(scale(3));
    assert!(
        told.failed().message.contains("it has 3 replicas"),
        "what is there isn't ours"
    );

    scale_by_hand(&scene, 2);
    assert_eq!(drainer.does(scale(3)).became, Acted::Done);
    scale_by_hand(&scene, 5);
    let told = drainer.does(Act::ScaleBack);
    let Acted::Undone { left } = &told.became else {
        panic!("{:?}", told.became);
    };
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(replicas(&scene), 5);
}

#[test]
fn a_set_with_another_operations_mark_is_not_scaled() {
    let scene = Scene::shards(2).start();
    let theirs = json!({
        "operation": "resize/shop/db/1", "by": "bob@desk", "since": "2026-01-01T00:00:00Z", "until": "2026-01-01T01:00:00Z",
        "was": {}, "is": {},
    });
    scene.patch::<StatefulSet>(
        scene.name(),
        json!({"metadata": {"annotations": {"shardctl.dev/mark": theirs.to_string()}}}),
    );
    let drainer = Drainer::new(&scene);
    let told = drainer.does(scale(3));
    assert!(
        told.failed()
            .message
            .contains("the mark of resize/shop/db/1, run by bob@desk"),
        "{:?}",
        told.failed()
    );
    assert_eq!(drainer.does(Act::ScaleBack).became, Acted::Done);
    assert_eq!(replicas(&scene), 2);
}
