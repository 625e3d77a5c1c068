//! What the store keeps, refuses and tells of.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::sim::json::{is_leaving, text};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

fn write(second: i64) -> Write<'static> {
    Write {
        manager: "tester",
        now: at(second),
        dry_run: false,
    }
}

fn store() -> Store {
    let mut store = Store::default();
    store.load(Kind::Namespaces, json!({"metadata": {"name": "shop"}}));
    store
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "db"}}, "spec": {"nodeName": "n1", "containers": [{"name": "db",
        "image": "a:1", "env": [{"name": "X", "value": "1"}]}]}})
}

fn create(store: &mut Store, kind: Kind, object: Value) -> Object {
    store.create(kind, "shop", object, Part::Main, &write(0)).unwrap()
}

fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, "shop", name)
}

fn changed(object: &Object, path: &[&str], value: Value) -> Value {
    let mut changed = Value::clone(object);
    crate::sim::json::set(&mut changed, path, value);
    changed
}

#[test]
fn the_same_course_gives_the_same_bytes() {
    let course = || {
        let mut store = store();
        create(&mut store, Kind::Pods, pod("db-0"));
        create(
            &mut store,
            Kind::Pods,
            json!({"metadata": {"generateName": "x-"}, "spec": {"containers": [{"name": "db", "image": "a:1"}]}}),
        );
        let all: Vec<String> = store.all(Kind::Pods, None).map(|pod| pod.to_string()).collect();
        all
    };
    assert_eq!(course(), course());
}

#[test]
fn a_second_object_of_a_name_and_one_without_a_namespace_are_refused() {
    let mut store = store();
    create(&mut store, Kind::Pods, pod("db-0"));
    let again = store.create(Kind::Pods, "shop", pod("db-0"), Part::Main, &write(0));
    assert_eq!(again.unwrap_err().reason, "AlreadyExists");
    let elsewhere = store.create(Kind::Pods, "nowhere", pod("db-0"), Part::Main, &write(0));
    assert_eq!(elsewhere.unwrap_err().message, "namespaces \"nowhere\" not found");
}

#[test]
fn a_version_is_new_with_every_change_and_stays_without_one() {
    let mut store = store();
    let first = create(&mut store, Kind::Pods, pod("db-0"));
    let same = store
        .update(&key(Kind::Pods, "db-0"), Value::clone(&first), Part::Main, &write(1))
        .unwrap();
    assert_eq!(same, first);
    let labelled = changed(&first, &["metadata", "labels", "tier"], json!("x"));
    let second = store
        .update(&key(Kind::Pods, "db-0"), labelled.clone(), Part::Main, &write(1))
        .unwrap();
    assert_ne!(
        text(&second, "/metadata/resourceVersion"),
        text(&first, "/metadata/resourceVersion")
    );
    assert_eq!(second["metadata"]["generation"], 1);
    let stale = store
        .update(&key(Kind::Pods, "db-0"), labelled, Part::Main, &write(1))
        .unwrap_err();
    assert_eq!((stale.code, stale.reason), (409, "Conflict"));
}

#[test]
fn a_generation_counts_wishes_and_not_what_is() {
    let mut store = store();
    let set = json!({"metadata": {"name": "db"}, "spec": {"replicas": 3, "template": {}}});
    let first = create(&mut store, Kind::StatefulSets, set);
    let at = key(Kind::StatefulSets, "db");
    let status = changed(&first, &["status", "readyReplicas"], json!(2));
    let second = store.update(&at, status, Part::Status, &write(1)).unwrap();
    assert_eq!(
        (&second["metadata"]["generation"], &second["status"]["readyReplicas"]),
        (&json!(1), &json!(2))
    );
    let mut scaled = changed(&second, &["spec", "replicas"], json!(4));
    scaled["status"] = json!({"readyReplicas": 9});
    let third = store.update(&at, scaled, Part::Main, &write(1)).unwrap();
    assert_eq!(
        (&third["metadata"]["generation"], &third["status"]["readyReplicas"]),
        (&json!(2), &json!(2))
    );
    let named = changed(&third, &["spec", "serviceName"], json!("other"));
    let refused = store.update(&at, named, Part::Main, &write(1)).unwrap_err();
    assert_eq!(
        (refused.code, refused.details["causes"][0]["field"].as_str()),
        (422, Some("spec"))
    );
}

#[test]
fn a_placed_pod_gets_its_time_and_one_without_a_node_none() {
    let mut store = store();
    create(&mut store, Kind::Pods, pod("db-0"));
    let mut waiting = pod("db-1");
    waiting["spec"]["nodeName"] = Value::Null;
    create(&mut store, Kind::Pods, waiting);
    let any = Deletion::default();
    let placed = store.delete(&key(Kind::Pods, "db-0"), &any, &write(5)).unwrap();
    let Deleted::Leaving(leaving) = placed else {
        panic!("{placed:?}")
    };
    assert_eq!(text(&leaving, "/metadata/deletionTimestamp"), "2026-01-01T00:00:35Z");
    assert!(matches!(
        store.delete(&key(Kind::Pods, "db-1"), &any, &write(5)),
        Ok(Deleted::Gone(_))
    ));
    let shorter = Deletion {
        grace: Some(3),
        ..any.clone()
    };
    let shorter = store.delete(&key(Kind::Pods, "db-0"), &shorter, &write(6)).unwrap();
    assert_eq!(
        text(shorter.object(), "/metadata/deletionTimestamp"),
        "2026-01-01T00:00:09Z"
    );
    let now = Deletion { grace: Some(0), ..any };
    assert!(matches!(
        store.delete(&key(Kind::Pods, "db-0"), &now, &write(7)),
        Ok(Deleted::Gone(_))
    ));
    assert!(store.get(&key(Kind::Pods, "db-0")).is_none());
}

#[test]
fn preconditions_and_dry_runs_leave_the_object_alone() {
    let mut store = store();
    let first = create(&mut store, Kind::Pods, pod("db-0"));
    let at = key(Kind::Pods, "db-0");
    let other = Deletion {
        uid: Some("other".to_owned()),
        ..Deletion::default()
    };
    let refused = store.delete(&at, &other, &write(1)).unwrap_err();
    assert!(
        refused
            .message
            .contains("the UID in the precondition (other) does not match"),
        "{}",
        refused.message
    );
    let version = Deletion {
        version: Some("7".to_owned()),
        ..Deletion::default()
    };
    assert_eq!(store.delete(&at, &version, &write(1)).unwrap_err().code, 409);
    let dry = Write {
        dry_run: true,
        ..write(1)
    };
    let tried = store.delete(&at, &Deletion::default(), &dry).unwrap();
    assert!(is_leaving(tried.object()));
    assert_eq!(store.get(&at), Some(&first));
    store.create(Kind::Pods, "shop", pod("db-9"), Part::Main, &dry).unwrap();
    assert!(store.get(&key(Kind::Pods, "db-9")).is_none());
}

#[test]
fn a_claim_in_use_goes_with_its_last_finalizer() {
    let mut store = store();
    create(
        &mut store,
        Kind::Claims,
        json!({"metadata": {"name": "data-db-0"}, "spec": {}}),
    );
    let at = key(Kind::Claims, "data-db-0");
    let left = store.delete(&at, &Deletion::default(), &write(1)).unwrap();
    assert!(matches!(left, Deleted::Leaving(_)));
    let free = changed(left.object(), &["metadata", "finalizers"], json!([]));
    store.update(&at, free, Part::Main, &write(2)).unwrap();
    assert!(store.get(&at).is_none());
}

#[test]
fn pages_show_the_first_ones_version_until_it_is_forgotten() {
    let mut store = store();
    for name in ["a", "b", "c", "d"] {
        create(&mut store, Kind::Pods, pod(name));
    }
    let names = |page: &Page| {
        page.items
            .iter()
            .map(|pod| text(pod, "/metadata/name").to_owned())
            .collect::<Vec<_>>()
    };
    let all = Selection::default();
    let first = store.list(Kind::Pods, Some("shop"), &all, 2, "").unwrap();
    assert_eq!(
        (names(&first), first.remaining),
        (vec!["a".to_owned(), "b".to_owned()], Some(2))
    );
    let now = Deletion {
        grace: Some(0),
        ..Deletion::default()
    };
    store.delete(&key(Kind::Pods, "c"), &now, &write(1)).unwrap();
    create(&mut store, Kind::Pods, pod("e"));
    let second = store.list(Kind::Pods, Some("shop"), &all, 2, &first.next).unwrap();
    assert_eq!(
        (names(&second), second.next.as_str()),
        (vec!["c".to_owned(), "d".to_owned()], "")
    );
    assert_eq!(second.revision, first.revision);
    store.compact(store.revision());
    let late = store.list(Kind::Pods, Some("shop"), &all, 2, &first.next).unwrap_err();
    assert_eq!((late.code, late.reason), (410, "Expired"));
}

#[test]
fn changes_are_told_in_order_and_forgotten_ones_are_gone() {
    let mut store = store();
    let from = store.revision();
    let first = create(&mut store, Kind::Pods, pod("a"));
    let at = key(Kind::Pods, "a");
    store
        .update(
            &at,
            changed(&first, &["metadata", "labels"], json!({})),
            Part::Main,
            &write(1),
        )
        .unwrap();
    store
        .delete(
            &at,
            &Deletion {
                grace: Some(0),
                ..Deletion::default()
            },
            &write(1),
        )
        .unwrap();
    let told: Vec<What> = store
        .since(Kind::Pods, from)
        .unwrap()
        .map(|change| change.what)
        .collect();
    // A pod is marked before it goes.
    assert_eq!(told, [What::Added, What::Modified, What::Modified, What::Deleted]);
    store.compact(from + 1);
    assert!(store.since(Kind::Pods, from).is_err_and(|refused| refused.code == 410));
    assert_eq!(store.since(Kind::Pods, from + 1).unwrap().count(), 3);
}

#[test]
fn fields_belong_to_whoever_wrote_them_last() {
    let mut store = store();
    let first = create(&mut store, Kind::Pods, pod("a"));
    let image = |entry: &Value| entry["fieldsV1"]["f:spec"]["f:containers"][r#"k:{"name":"db"}"#].clone();
    let entries = |object: &Object| object["metadata"]["managedFields"].as_array().unwrap().clone();
    assert_eq!(entries(&first)[0]["manager"], "tester");
    assert!(image(&entries(&first)[0]).get("f:image").is_some());
    let other = Write {
        manager: "other",
        ..write(1)
    };
    let mut newer = Value::clone(&first);
    newer["spec"]["containers"][0]["image"] = json!("a:2");
    let second = store.update(&key(Kind::Pods, "a"), newer, Part::Main, &other).unwrap();
    let entries = entries(&second);
    assert_eq!(entries.len(), 2);
    assert!(image(&entries[0]).get("f:image").is_none() && image(&entries[0]).get("f:name").is_some());
    assert_eq!(image(&entries[1]), json!({"f:image": {}}));
}

/// A real API server (1.36) does the same with a constraint over zones that becomes another.
#[test]
fn items_of_a_list_come_in_the_order_that_is_applied() {
    let mut store = store();
    let constraint = |topology: &str, unsatisfiable: &str| {
        json!({"topologyKey": topology, "whenUnsatisfiable": unsatisfiable, "maxSkew": 1,
            "labelSelector": {"matchLabels": {"app": "db"}}})
    };
    let with = |constraints: Value| {
        let mut pod = pod("a");
        pod["spec"]["topologySpreadConstraints"] = constraints;
        pod
    };
    let (zone, host) = ("topology.kubernetes.io/zone", "kubernetes.io/hostname");
    let hosts = constraint(host, "ScheduleAnyway");
    let at = key(Kind::Pods, "a");
    let before = with(json!([constraint(zone, "DoNotSchedule"), hosts]));
    store.apply(&at, before, false, &write(0)).unwrap();
    let after = with(json!([constraint(zone, "ScheduleAnyway"), hosts]));
    let (kept, _) = store.apply(&at, after, false, &write(1)).unwrap();
    assert_eq!(
        kept["spec"]["topologySpreadConstraints"],
        json!([constraint(zone, "ScheduleAnyway"), hosts])
    );
}
