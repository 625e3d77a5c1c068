//! The gate, over scenes of which each has one thing wrong.

use serde_json::{Value, json};

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::Scene;

const DELETED: &str = "2026-03-01T11:59:30Z";

/// Asks for `db-1` of three shards, pinned as the scene was when it was healthy.
struct Asked {
    apart: BTreeSet<Ordinal>,
    already_down: bool,
    allowed: Vec<String>,
}

fn plainly() -> Asked {
    Asked {
        apart: BTreeSet::new(),
        already_down: false,
        allowed: Vec::new(),
    }
}

fn ask(scene: &Scene, asked: &Asked) -> Result<PodRef, Vec<(String, String)>> {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let pinned = Pinned {
        set_uid: "uid-db".to_owned(),
        update_revision: Some("db-1".to_owned()),
        leaves: false,
        replicas: 3,
    };
    let target = PodRef {
        name: "db-1".to_owned(),
        ordinal: 1,
        uid: "uid-db-1".to_owned(),
        resource_version: "5".to_owned(),
        node: None,
    };
    let allowed = Allowed::parse(&asked.allowed).unwrap();
    let answer = gate(&seen, &pinned, &target, &asked.apart, asked.already_down, &allowed);
    answer.map_err(|refusals| {
        refusals
            .into_iter()
            .map(|refusal| (refusal.id.into_owned(), refusal.object))
            .collect()
    })
}

fn refused(scene: &Scene, asked: &Asked) -> Vec<(String, String)> {
    ask(scene, asked).expect_err("the gate must not open")
}

fn one(id: &str, object: &str) -> Vec<(String, String)> {
    vec![(id.to_owned(), object.to_owned())]
}

fn healthy() -> Scene {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Pods, "db-1", json!({"metadata": {"resourceVersion": "7"}}));
    scene
}

fn unready<'s>(scene: &'s mut Scene, pod: &str) -> &'s mut Scene {
    scene.edit(Resource::Pods, pod, |found| {
        for condition in found["status"]["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "Ready" {
                condition["status"] = json!("False");
            }
        }
    })
}

fn with(change: impl for<'s> FnOnce(&'s mut Scene) -> &'s mut Scene) -> Scene {
    let mut scene = healthy();
    change(&mut scene);
    scene
}

#[test]
fn a_healthy_shard_may_go_at_the_version_of_this_read() {
    let pod = ask(&healthy(), &plainly()).unwrap();
    assert_eq!((pod.uid.as_str(), pod.resource_version.as_str()), ("uid-db-1", "7"));
    assert_eq!(pod.node.as_deref(), Some("node-1"));
}

#[test]
fn every_other_shard_must_be_up() {
    let scene = with(|scene| unready(scene, "db-2"));
    assert_eq!(refused(&scene, &plainly()), one("shard-down", "pod/db-2"));
    let scene = with(|scene| scene.remove(Resource::Pods, "db-0"));
    assert_eq!(refused(&scene, &plainly()), one("shard-down", "pod/db-0"));
    // A shard that won't stop keeps all its conditions green.
    let going = json!({"metadata": {"deletionTimestamp": DELETED}});
    let scene = with(|scene| scene.merge(Resource::Pods, "db-2", going));
    assert_eq!(refused(&scene, &plainly()), one("terminating", "pod/db-2"));
    let allowed = Asked {
        allowed: vec!["terminating".to_owned()],
        ..plainly()
    };
    assert!(ask(&scene, &allowed).is_ok());
    let apart = Asked {
        apart: BTreeSet::from([2]),
        ..plainly()
    };
    assert!(ask(&scene, &apart).is_ok());
}

#[test]
fn a_shard_of_the_larger_count_is_missed() {
    let scene = with(|scene| {
        scene.policy.expect = Some(crate::plan::verify::policy::Said {
            value: 4,
            origin: "--expect".to_owned(),
        });
        scene
    });
    assert_eq!(refused(&scene, &plainly()), one("shard-down", "pod/db-3"));
    // A stranger with a shard's name and labels isn't that shard.
    let scene = with(|scene| scene.merge(Resource::Pods, "db-2", json!({"metadata": {"ownerReferences": null}})));
    assert_eq!(refused(&scene, &plainly()), one("shard-down", "pod/db-2"));
}

#[test]
fn a_shard_that_is_down_may_go_beside_others_only_as_long_as_it_is() {
    let chosen = Asked {
        already_down: true,
        ..plainly()
    };
    let both = with(|scene| {
        unready(scene, "db-1");
        unready(scene, "db-2")
    });
    assert!(ask(&both, &chosen).is_ok());
    let back = with(|scene| unready(scene, "db-2"));
    assert_eq!(refused(&back, &chosen), one("shard-down", "pod/db-2"));
    assert!(ask(&healthy(), &chosen).is_ok());
    // Chosen as one that is up: that it has fallen over too is news, and to be decided anew.
    assert_eq!(refused(&both, &plainly()), one("shard-down", "pod/db-2"));
    // Its data is guarded all the same.
    let mut both = both;
    both.merge(
        Resource::Claims,
        "data-db-1",
        json!({"metadata": {"deletionTimestamp": DELETED}}),
    );
    assert_eq!(refused(&both, &chosen), one("claim-deleted", "pvc/data-db-1"));
}

#[test]
fn the_set_must_be_the_pinned_one() {
    let changes = [
        json!({"metadata": {"uid": "another"}}),
        json!({"metadata": {"generation": 2}}),
        json!({"status": {"updateRevision": "db-2"}}),
        json!({"spec": {"replicas": 2}}),
    ];
    for change in changes {
        let words = change.to_string();
        let scene = with(|scene| scene.merge(Resource::StatefulSets, "db", change));
        // The pods still say that the set of the old uid owns them: where that changed, they are missing too.
        let first = refused(&scene, &plainly()).into_iter().next();
        assert_eq!(
            first,
            Some(("set-changed".to_owned(), "statefulset/db".to_owned())),
            "{words}"
        );
    }
}

#[test]
fn the_pod_must_be_the_one_that_was_chosen() {
    let changes = [
        json!({"metadata": {"uid": "its successor"}}),
        json!({"metadata": {"deletionTimestamp": DELETED}}),
    ];
    for change in changes {
        let scene = with(|scene| scene.merge(Resource::Pods, "db-1", change));
        assert_eq!(refused(&scene, &plainly()), one("shard-changed", "pod/db-1"));
    }
    let scene = with(|scene| scene.remove(Resource::Pods, "db-1"));
    assert_eq!(refused(&scene, &plainly()), one("shard-changed", "pod/db-1"));
}

#[test]
fn nothing_overrides_what_guards_data() {
    let going = json!({"metadata": {"deletionTimestamp": DELETED}});
    let owned =
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "db-1", "uid": "u"}]}});
    let changes: [(Resource, &str, Value, &str, &str); 5] = [
        (
            Resource::Claims,
            "data-db-1",
            going.clone(),
            "claim-deleted",
            "pvc/data-db-1",
        ),
        (
            Resource::Claims,
            "data-db-1",
            owned,
            "claim-owned-by-pod",
            "pvc/data-db-1",
        ),
        (
            Resource::Claims,
            "data-db-1",
            json!({"status": {"phase": "Lost"}}),
            "claim-not-bound",
            "pvc/data-db-1",
        ),
        (
            Resource::Claims,
            "data-db-1",
            json!({"spec": {"volumeName": "gone"}}),
            "claim-not-bound",
            "pvc/data-db-1",
        ),
        (Resource::Volumes, "pv-1", going, "volume-deleted", "pv/pv-1"),
    ];
    let everything = Asked {
        allowed: Allowed::possible().map(str::to_owned).collect(),
        ..plainly()
    };
    for (resource, name, change, id, object) in changes {
        let scene = with(|scene| scene.merge(resource, name, change));
        assert_eq!(refused(&scene, &everything), one(id, object));
    }
    let scene = with(|scene| scene.remove(Resource::Claims, "data-db-1"));
    assert_eq!(refused(&scene, &everything), one("claim-missing", "pvc/data-db-1"));
    for resource in [Resource::Claims, Resource::Volumes] {
        let scene = with(|scene| scene.unreadable(resource));
        assert_eq!(refused(&scene, &everything), one("claims-unreadable", "pod/db-1"));
    }
}

#[test]
fn another_shards_claim_is_no_reason_and_a_mounted_one_is() {
    let going = json!({"metadata": {"deletionTimestamp": DELETED}});
    let scene = with(|scene| scene.merge(Resource::Claims, "data-db-2", going.clone()));
    assert!(ask(&scene, &plainly()).is_ok());
    let scene = with(|scene| {
        scene.edit(Resource::Pods, "db-1", |pod| {
            let shared = json!({"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}});
            pod["spec"]["volumes"].as_array_mut().unwrap().push(shared);
        })
    });
    assert_eq!(refused(&scene, &plainly()), one("claim-missing", "pvc/shared"));
}

#[test]
fn a_set_without_claims_is_judged_without_them() {
    let scene = with(|scene| {
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"volumeClaimTemplates": null}}),
        );
        scene.merge(Resource::Pods, "db-1", json!({"spec": {"volumes": null}}));
        scene.unreadable(Resource::Claims).unreadable(Resource::Volumes)
    });
    assert!(ask(&scene, &plainly()).is_ok());
}

#[test]
fn what_cannot_be_seen_opens_nothing() {
    for resource in [Resource::Pods, Resource::StatefulSets] {
        let scene = with(|scene| scene.unreadable(resource));
        assert_eq!(refused(&scene, &plainly()), one("unreadable", "pod/db-1"));
    }
}
