//! What a set's controller does, step by step.

use serde_json::{Value, json};

use crate::sim::controllers::Work;
use crate::sim::controllers::testing::{at, plane, set};
use crate::sim::json::{entry, is_leaving, name, text};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key, Part};

use super::reconcile;

fn key() -> Key {
    Key::new(Kind::StatefulSets, "shop", "db")
}

fn pod(name: &str) -> Key {
    Key::new(Kind::Pods, "shop", name)
}

fn load(replicas: i64, policy: &str, strategy: &str) -> Plane {
    let mut plane = plane();
    plane.store.load(Kind::StatefulSets, set(replicas, policy, strategy));
    plane
}

/// Lets the set's controller work until it has nothing to do.
fn settle(plane: &mut Plane) {
    for _ in 0..50 {
        let before = plane.store.revision();
        reconcile(plane, &key(), at(0));
        if plane.store.revision() == before {
            return;
        }
    }
    panic!("the controller finds no end");
}

fn names(plane: &Plane) -> Vec<String> {
    plane
        .store
        .all(Kind::Pods, Some("shop"))
        .map(|pod| name(pod).to_owned())
        .collect()
}

fn make_ready(plane: &mut Plane, name: &str) {
    plane.change(&pod(name), at(0), |pod| {
        pod["spec"]["nodeName"] = json!("n1");
        pod["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    });
}

fn all_ready(plane: &mut Plane) {
    for _ in 0..10 {
        settle(plane);
        for name in names(plane) {
            make_ready(plane, &name);
        }
    }
    settle(plane);
}

fn new_image(plane: &mut Plane, image: &str) {
    let mut newer = Value::clone(plane.store.get(&key()).unwrap());
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    plane.store.update(&key(), newer, Part::Main, &by_us(at(0))).unwrap();
}

fn image(plane: &Plane, name: &str) -> String {
    let pod = plane.store.get(&pod(name)).unwrap();
    text(pod, "/spec/containers/0/image").to_owned()
}

fn remove(plane: &mut Plane, name: &str) {
    let now = Deletion {
        grace: Some(0),
        ..Deletion::default()
    };
    plane.store.delete(&pod(name), &now, &by_us(at(0))).unwrap();
}

fn status(plane: &Plane, field: &str) -> Value {
    let set = plane.store.get(&key()).unwrap();
    match &set["status"][field] {
        // A zero need not be written.
        Value::Null => json!(0),
        written => written.clone(),
    }
}

#[test]
fn an_ordered_set_waits_for_each_pod_and_a_parallel_one_for_none() {
    let mut ordered = load(3, "OrderedReady", "OnDelete");
    settle(&mut ordered);
    assert_eq!(names(&ordered), ["db-0"]);
    make_ready(&mut ordered, "db-0");
    settle(&mut ordered);
    assert_eq!(names(&ordered), ["db-0", "db-1"]);
    let mut parallel = load(3, "Parallel", "OnDelete");
    settle(&mut parallel);
    assert_eq!(names(&parallel), ["db-0", "db-1", "db-2"]);
    assert_eq!(
        (status(&parallel, "replicas"), status(&parallel, "readyReplicas")),
        (json!(3), json!(0))
    );
}

#[test]
fn a_pod_has_its_identity_and_its_disk() {
    let mut plane = load(1, "Parallel", "OnDelete");
    settle(&mut plane);
    let made = plane.store.get(&pod("db-0")).unwrap();
    assert_eq!(
        entry(made, "/metadata/labels", "apps.kubernetes.io/pod-index"),
        Some("0")
    );
    assert_eq!(
        (text(made, "/spec/hostname"), text(made, "/spec/subdomain")),
        ("db-0", "db")
    );
    assert_eq!(
        text(made, "/spec/volumes/0/persistentVolumeClaim/claimName"),
        "data-db-0"
    );
    let claim = plane.store.get(&Key::new(Kind::Claims, "shop", "data-db-0")).unwrap();
    assert_eq!(text(claim, "/status/phase"), "Pending");
    assert_eq!(entry(claim, "/metadata/labels", "app"), Some("db"));
}

#[test]
fn on_delete_leaves_pods_alone_until_somebody_takes_one() {
    let mut plane = load(2, "OrderedReady", "OnDelete");
    all_ready(&mut plane);
    new_image(&mut plane, "db:2");
    settle(&mut plane);
    assert_eq!(
        (status(&plane, "updatedReplicas"), status(&plane, "readyReplicas")),
        (json!(0), json!(2))
    );
    remove(&mut plane, "db-1");
    settle(&mut plane);
    assert_eq!(
        (image(&plane, "db-0").as_str(), image(&plane, "db-1").as_str()),
        ("db:1", "db:2")
    );
    assert_eq!(status(&plane, "updatedReplicas"), 1);
    assert_ne!(status(&plane, "currentRevision"), status(&plane, "updateRevision"));
    new_image(&mut plane, "db:1");
    settle(&mut plane);
    assert_eq!(plane.store.all(Kind::ControllerRevisions, None).count(), 2);
    assert_eq!(status(&plane, "currentRevision"), status(&plane, "updateRevision"));
}

#[test]
fn a_rolling_update_goes_from_the_last_one_at_a_time() {
    let mut plane = load(3, "Parallel", "RollingUpdate");
    all_ready(&mut plane);
    new_image(&mut plane, "db:2");
    settle(&mut plane);
    let leaving: Vec<String> = names(&plane)
        .into_iter()
        .filter(|name| is_leaving(plane.store.get(&pod(name)).unwrap()))
        .collect();
    assert_eq!(leaving, ["db-2"]);
    remove(&mut plane, "db-2");
    settle(&mut plane);
    assert_eq!(image(&plane, "db-2"), "db:2");
    assert!(!is_leaving(plane.store.get(&pod("db-1")).unwrap()));
    make_ready(&mut plane, "db-2");
    settle(&mut plane);
    assert!(is_leaving(plane.store.get(&pod("db-1")).unwrap()));
    for name in ["db-1", "db-0"] {
        remove(&mut plane, name);
        settle(&mut plane);
        make_ready(&mut plane, name);
        settle(&mut plane);
    }
    assert_eq!(status(&plane, "currentRevision"), status(&plane, "updateRevision"));
}

#[test]
fn a_pod_lost_before_its_turn_comes_back_as_it_was_only_below_the_partition() {
    for (partition, expected) in [(0, "db:2"), (1, "db:1")] {
        let mut plane = load(3, "Parallel", "RollingUpdate");
        plane.change(&key(), at(0), |set| {
            set["spec"]["updateStrategy"]["rollingUpdate"] = json!({"partition": partition});
        });
        all_ready(&mut plane);
        new_image(&mut plane, "db:2");
        settle(&mut plane);
        remove(&mut plane, "db-0");
        settle(&mut plane);
        assert_eq!(image(&plane, "db-0"), expected);
    }
}

#[test]
fn scaling_down_takes_the_last_and_keeps_its_claim_unless_retention_says_otherwise() {
    for (retention, owned) in [("Retain", 0), ("Delete", 1)] {
        let mut plane = load(2, "OrderedReady", "OnDelete");
        all_ready(&mut plane);
        plane.change(&key(), at(0), |set| {
            set["spec"]["replicas"] = json!(1);
            set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] = json!(retention);
        });
        settle(&mut plane);
        assert!(is_leaving(plane.store.get(&pod("db-1")).unwrap()));
        assert!(!is_leaving(plane.store.get(&pod("db-0")).unwrap()));
        let claim = plane.store.get(&Key::new(Kind::Claims, "shop", "data-db-1")).unwrap();
        let owners = crate::sim::json::list(claim, "/metadata/ownerReferences").len();
        assert_eq!(owners, owned, "{retention}");
    }
}

#[test]
fn min_ready_seconds_hold_the_next_pod_back() {
    let mut plane = load(2, "OrderedReady", "OnDelete");
    plane.change(&key(), at(0), |set| set["spec"]["minReadySeconds"] = json!(30));
    settle(&mut plane);
    plane.change(&pod("db-0"), at(0), |pod| {
        pod["status"] = json!({"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    });
    reconcile(&mut plane, &key(), at(10));
    assert_eq!(
        (names(&plane).len(), status(&plane, "availableReplicas")),
        (1, json!(0))
    );
    plane.plan(Work::Set(key()), at(30));
    reconcile(&mut plane, &key(), at(30));
    assert_eq!(names(&plane), ["db-0", "db-1"]);
}
