//! What a pod goes through on its node, and how long that takes.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::sim::controllers::Pace;
use crate::sim::controllers::testing::{at, node, plane, pod_of};
use crate::sim::json::{condition, text};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key};

fn key(name: &str) -> Key {
    Key::new(Kind::Pods, "shop", name)
}

fn with_node() -> Plane {
    let mut plane = plane();
    plane.pace = Pace {
        lag: Duration::ZERO,
        pull: Duration::from_secs(20),
        ready: Duration::from_secs(10),
        stop: Duration::from_secs(5),
        ..Pace::default()
    };
    plane.store.load(Kind::Nodes, node("n1", "z1", 64));
    plane.take_note(at(0));
    plane
}

fn put(plane: &mut Plane, name: &str, now: Timestamp) {
    let mut pod = pod_of("db", "set", name);
    pod["status"] = json!({"phase": "Pending"});
    plane.store.load(Kind::Pods, pod);
    plane.take_note(now);
}

fn is_ready(plane: &Plane, name: &str) -> bool {
    condition(plane.store.get(&key(name)).unwrap(), "Ready") == "True"
}

#[test]
fn the_first_pod_of_an_image_pulls_it_and_the_second_does_not() {
    let mut plane = with_node();
    put(&mut plane, "db-0", at(0));
    plane.run_until(at(29));
    assert!(!is_ready(&plane, "db-0"));
    plane.run_until(at(30));
    assert!(is_ready(&plane, "db-0"));
    put(&mut plane, "db-1", at(40));
    plane.run_until(at(49));
    assert!(!is_ready(&plane, "db-1"));
    plane.run_until(at(50));
    assert!(is_ready(&plane, "db-1"));
}

#[test]
fn a_pod_stops_when_it_is_done_or_when_its_time_is_up_and_is_ready_until_then() {
    for (grace, gone) in [(30, 45), (3, 43)] {
        let mut plane = with_node();
        put(&mut plane, "db-0", at(0));
        plane.run_until(at(40));
        let asked = Deletion {
            grace: Some(grace),
            ..Deletion::default()
        };
        plane.store.delete(&key("db-0"), &asked, &by_us(at(40))).unwrap();
        plane.take_note(at(40));
        plane.run_until(at(gone - 1));
        assert!(is_ready(&plane, "db-0"));
        plane.run_until(at(gone));
        assert!(plane.store.get(&key("db-0")).is_none(), "{grace}");
    }
}

#[test]
fn an_image_that_is_nowhere_and_one_that_crashes_say_so() {
    for (image, reason) in [("missing", "ImagePullBackOff"), ("crashing", "CrashLoopBackOff")] {
        let mut plane = with_node();
        if image == "missing" {
            plane.missing_images.insert("db:1".to_owned());
        } else {
            plane.crashing_images.insert("db:1".to_owned());
        }
        put(&mut plane, "db-0", at(0));
        plane.run_until(at(60));
        let pod = plane.store.get(&key("db-0")).unwrap();
        assert_eq!(text(pod, "/status/containerStatuses/0/state/waiting/reason"), reason);
        assert!(!is_ready(&plane, "db-0"));
        plane.missing_images.clear();
        plane.crashing_images.clear();
        plane.run_until(at(120));
        assert!(is_ready(&plane, "db-0"), "{image}");
    }
}

#[test]
fn nothing_happens_on_a_node_that_is_silent_until_it_is_back() {
    let mut plane = with_node();
    let home = Key::wide(Kind::Nodes, "n1");
    let say = |plane: &mut Plane, status: &str, now: Timestamp| {
        plane.change(&home, now, |node| {
            node["status"]["conditions"][0]["status"] = json!(status);
        });
        plane.take_note(now);
    };
    say(&mut plane, "Unknown", at(0));
    put(&mut plane, "db-0", at(0));
    plane.run_until(at(100));
    assert_eq!(text(plane.store.get(&key("db-0")).unwrap(), "/status/phase"), "Pending");
    say(&mut plane, "True", at(100));
    plane.run_until(at(130));
    assert!(is_ready(&plane, "db-0"));
}

#[test]
fn a_disk_is_waited_for_until_the_pod_before_has_let_it_go() {
    let mut plane = with_node();
    plane.store.load(Kind::Nodes, node("n2", "z1", 64));
    plane.store.load(
        Kind::Claims,
        json!({"metadata": {"name": "data", "namespace": "shop"}, "spec": {}, "status": {"phase": "Bound"}}),
    );
    let with_disk = |name: &str, node: &str| {
        let mut pod = pod_of("db", "set", name);
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod["status"] = json!({"phase": "Pending"});
        pod
    };
    plane.store.load(Kind::Pods, with_disk("old", "n1"));
    plane.take_note(at(0));
    plane.run_until(at(60));
    assert!(is_ready(&plane, "old"));
    plane.store.load(Kind::Pods, with_disk("new", "n2"));
    plane.take_note(at(60));
    plane.run_until(at(180));
    assert!(!is_ready(&plane, "new"));
    let now = Deletion {
        grace: Some(0),
        ..Deletion::default()
    };
    plane.store.delete(&key("old"), &now, &by_us(at(180))).unwrap();
    plane.take_note(at(180));
    plane.run_until(at(240));
    assert!(is_ready(&plane, "new"));
}
