//! Machines ordered, refused and given back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::controllers::Pace;
use crate::sim::controllers::testing::{at, node, plane};
use crate::sim::json::{entry, list, name, text};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key};

/// A cluster with a pool and one node of it, which is full.
fn with_pool(spec: &Value) -> Plane {
    let mut plane = plane();
    plane.extensions.insert("karpenter.sh".to_owned());
    plane.pace = Pace {
        launch: Duration::from_secs(60),
        initialize: Duration::from_secs(10),
        ..Pace::default()
    };
    let mut full = node("n1", "z1", 64);
    full["metadata"]["labels"]["node.kubernetes.io/instance-type"] = json!("large");
    full["metadata"]["labels"]["karpenter.sh/nodepool"] = json!("shop");
    full["status"]["capacity"] = full["status"]["allocatable"].clone();
    full["spec"]["unschedulable"] = json!(true);
    plane.store.load(Kind::Nodes, full);
    let mut pool = json!({"metadata": {"name": "shop"}, "spec": {
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "30s"},
        "template": {"metadata": {"labels": {"role": "db"}}, "spec": {
            "nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "shop"},
            "startupTaints": [{"key": "starts", "effect": "NoSchedule"}],
            "requirements": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z1", "z2"]}]}}}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        pool["spec"][key.as_str()] = value.clone();
    }
    plane.store.load(Kind::NodePools, pool);
    plane
}

fn put(plane: &mut Plane, called: &str, memory: &str) {
    let pod = json!({"metadata": {"name": called, "namespace": "shop", "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "db:1", "resources": {"requests": {"memory": memory}}}]},
        "status": {"phase": "Pending"}});
    plane.store.load(Kind::Pods, pod);
    plane.take_note(at(0));
}

fn home(plane: &Plane, pod: &str) -> String {
    let pod = plane.store.get(&Key::new(Kind::Pods, "shop", pod)).unwrap();
    text(pod, "/spec/nodeName").to_owned()
}

fn said(plane: &Plane, reason: &str) -> Vec<String> {
    let events = plane.store.all(Kind::Events, None);
    let by_karpenter =
        events.filter(|event| text(event, "/source/component") == "karpenter" && text(event, "/reason") == reason);
    by_karpenter.map(|event| text(event, "/message").to_owned()).collect()
}

#[test]
fn pods_without_a_place_get_a_machine_and_share_it() {
    let mut plane = with_pool(&json!({}));
    put(&mut plane, "a", "32Gi");
    put(&mut plane, "b", "30Gi");
    plane.run_until(at(60));
    assert_eq!(plane.store.all(Kind::NodeClaims, None).count(), 1);
    assert_eq!(plane.store.all(Kind::Nodes, None).count(), 1);
    plane.run_until(at(62));
    let made = plane
        .store
        .all(Kind::Nodes, None)
        .find(|node| name(node) != "n1")
        .unwrap();
    assert_eq!(
        list(made, "/spec/taints")
            .iter()
            .filter(|taint| taint["key"] == "starts")
            .count(),
        1
    );
    assert_eq!(home(&plane, "a"), "");
    plane.run_until(at(100));
    assert_eq!(home(&plane, "a"), home(&plane, "b"));
    let made = plane.store.get(&Key::wide(Kind::Nodes, &home(&plane, "a"))).unwrap();
    assert_eq!(entry(made, "/metadata/labels", "role"), Some("db"));
    assert_eq!(list(made, "/spec/taints"), Vec::<Value>::new());
    assert_eq!(said(&plane, "Nominated").len(), 2);
}

#[test]
fn what_a_pool_cannot_give_is_said_and_nothing_is_ordered() {
    let limits = json!({"limits": {"memory": "100Gi"}});
    let taint = json!({"template": {"spec": {"taints": [{"key": "only", "value": "x", "effect": "NoSchedule"}]}}});
    for (spec, memory, words) in [
        (json!({}), "90Gi", "no instance type has enough resources"),
        (limits, "32Gi", "exceed limits for nodepool (NodePool=shop)"),
        (taint, "32Gi", "did not tolerate taint (taint=only=x:NoSchedule)"),
    ] {
        let mut plane = with_pool(&spec);
        put(&mut plane, "a", memory);
        plane.run_until(at(60));
        assert_eq!(plane.store.all(Kind::NodeClaims, None).count(), 0, "{words}");
        let told = said(&plane, "FailedScheduling");
        assert!(told.iter().any(|told| told.contains(words)), "{told:?}");
    }
}

#[test]
fn a_zone_without_machines_is_passed_by_unless_the_disk_is_there() {
    let mut plane = with_pool(&json!({}));
    plane.sold_out.insert("z1".to_owned());
    put(&mut plane, "a", "32Gi");
    plane.run_until(at(100));
    let made = plane.store.get(&Key::wide(Kind::Nodes, &home(&plane, "a"))).unwrap();
    assert_eq!(
        entry(made, "/metadata/labels", "topology.kubernetes.io/zone"),
        Some("z2")
    );
    plane.sold_out.insert("z2".to_owned());
    put(&mut plane, "b", "60Gi");
    plane.run_until(at(200));
    assert_eq!(home(&plane, "b"), "");
    assert!(said(&plane, "FailedScheduling")[0].contains("had a required offering"));
}

#[test]
fn an_empty_machine_is_given_back_when_its_time_is_up_unless_the_pool_is_shut() {
    for (budgets, left) in [(json!([]), 1), (json!([{"nodes": "0"}]), 2)] {
        let disruption = json!({"disruption": {"consolidateAfter": "30s", "budgets": budgets}});
        let mut plane = with_pool(&disruption);
        put(&mut plane, "a", "32Gi");
        plane.run_until(at(200));
        let now = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        let pod = Key::new(Kind::Pods, "shop", "a");
        plane.store.delete(&pod, &now, &by_us(at(200))).unwrap();
        plane.take_note(at(200));
        plane.run_until(at(229));
        assert_eq!(plane.store.all(Kind::Nodes, None).count(), 2);
        plane.run_until(at(240));
        assert_eq!(plane.store.all(Kind::Nodes, None).count(), left, "{budgets}");
        assert_eq!(plane.store.all(Kind::NodeClaims, None).count(), left - 1);
    }
}

#[test]
fn a_machine_that_is_given_back_waits_for_its_pods_and_their_budget() {
    let mut plane = with_pool(&json!({}));
    put(&mut plane, "a", "32Gi");
    plane.run_until(at(200));
    plane.store.load(
        Kind::Budgets,
        json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}}),
    );
    plane.take_note(at(200));
    plane.run_until(at(210));
    let claim = plane
        .store
        .all(Kind::NodeClaims, None)
        .map(|claim| Key::of(Kind::NodeClaims, claim))
        .next()
        .unwrap();
    plane
        .store
        .delete(&claim, &Deletion::default(), &by_us(at(210)))
        .unwrap();
    plane.take_note(at(210));
    plane.run_until(at(300));
    assert!(!home(&plane, "a").is_empty());
    assert_eq!(plane.store.all(Kind::Nodes, None).count(), 2);
    plane
        .store
        .delete(
            &Key::new(Kind::Budgets, "shop", "db"),
            &Deletion::default(),
            &by_us(at(300)),
        )
        .unwrap();
    plane.take_note(at(300));
    plane.run_until(at(330));
    assert_eq!(plane.store.all(Kind::Nodes, None).count(), 1);
}

#[test]
fn machines_are_ordered_in_as_many_zones_as_a_spread_demands() {
    let mut plane = with_pool(&json!({}));
    let constraint = json!({"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "minDomains": 2,
        "nodeTaintsPolicy": "Honor", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "db"}}});
    for called in ["a", "b", "c", "d"] {
        let pod = json!({"metadata": {"name": called, "namespace": "shop", "labels": {"app": "db"}},
            "spec": {"topologySpreadConstraints": [constraint],
                "containers": [{"name": "db", "image": "db:1", "resources": {"requests": {"memory": "16Gi"}}}]},
            "status": {"phase": "Pending"}});
        plane.store.load(Kind::Pods, pod);
    }
    plane.take_note(at(0));
    plane.run_until(at(200));
    let mut zones: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .map(|pod| {
            let node = plane.store.get(&Key::wide(Kind::Nodes, &home(&plane, pod))).unwrap();
            entry(node, "/metadata/labels", "topology.kubernetes.io/zone")
                .unwrap()
                .to_owned()
        })
        .collect();
    zones.sort();
    assert_eq!(zones, ["z1", "z1", "z2", "z2"]);
    assert_eq!(plane.store.all(Kind::NodeClaims, None).count(), 2);
}

#[test]
fn a_new_pool_is_judged_and_one_that_was_judged_stays_so() {
    let mut plane = with_pool(&json!({}));
    let judged = json!([{"type": "Ready", "status": "False", "reason": "NodeClassNotReady"}]);
    plane.store.load(
        Kind::NodePools,
        json!({"metadata": {"name": "ill"}, "spec": {}, "status": {"conditions": judged}}),
    );
    plane.take_note(at(0));
    plane.run_until(at(1));
    let conditions = |pool: &str| {
        let pool = plane.store.get(&Key::wide(Kind::NodePools, pool)).unwrap();
        let all = list(pool, "/status/conditions").iter();
        all.map(|one| format!("{}={}", text(one, "/type"), text(one, "/status")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        conditions("shop"),
        ["ValidationSucceeded=True", "NodeClassReady=True", "Ready=True"]
    );
    assert_eq!(conditions("ill"), ["Ready=False"]);
}
