//! Where pods go, and why some go nowhere.

use serde_json::{Value, json};

use super::place;
use crate::sim::controllers::testing::{at, node, plane};
use crate::sim::json::{is_leaving, list, text};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;

fn waiting(name: &str, memory: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "db:1", "resources": {"requests": {"memory": memory}}}]},
        "status": {"phase": "Pending"}})
}

fn with(nodes: impl IntoIterator<Item = Value>) -> Plane {
    let mut plane = plane();
    for node in nodes {
        plane.store.load(Kind::Nodes, node);
    }
    plane
}

/// Tries to place the pod; its node, or why it has none.
fn placed(plane: &mut Plane, pod: Value) -> String {
    let key = Key::of(Kind::Pods, &pod);
    plane.store.load(Kind::Pods, pod);
    place(plane, &key, at(0));
    let pod = plane.store.get(&key).unwrap();
    match text(pod, "/spec/nodeName") {
        "" => list(pod, "/status/conditions")
            .first()
            .map(|said| text(said, "/message").to_owned())
            .unwrap_or_default(),
        node => node.to_owned(),
    }
}

#[test]
fn the_roomiest_node_is_taken_and_the_first_of_equals() {
    let mut plane = with([node("a", "z1", 40), node("b", "z1", 64), node("c", "z1", 64)]);
    assert_eq!(placed(&mut plane, waiting("one", "32Gi")), "b");
    assert_eq!(placed(&mut plane, waiting("two", "32Gi")), "c");
}

#[test]
fn every_reason_is_told_with_the_number_of_its_nodes() {
    let mut cordoned = node("a", "z1", 64);
    cordoned["spec"]["unschedulable"] = json!(true);
    let mut tainted = node("b", "z1", 64);
    tainted["spec"]["taints"] = json!([{"key": "only", "value": "x", "effect": "NoSchedule"}]);
    let mut plane = with([cordoned, tainted, node("c", "z1", 16)]);
    assert_eq!(
        placed(&mut plane, waiting("one", "32Gi")),
        "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable."
    );
    let mut tolerant = waiting("two", "32Gi");
    tolerant["spec"]["tolerations"] = json!([{"key": "only", "operator": "Exists"}]);
    assert_eq!(placed(&mut plane, tolerant), "b");
    let mut anything = waiting("three", "32Gi");
    anything["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    assert_eq!(placed(&mut plane, anything), "a");
}

#[test]
fn a_pod_goes_where_its_disk_is() {
    let mut plane = with([node("a", "z1", 64), node("b", "z2", 32)]);
    let terms =
        json!([{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z2"]}]}]);
    plane.store.load(
        Kind::Volumes,
        json!({"metadata": {"name": "disk"}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}),
    );
    plane.store.load(
        Kind::Claims,
        json!({"metadata": {"name": "data", "namespace": "shop"}, "spec": {"volumeName": "disk"}, "status": {"phase": "Bound"}}),
    );
    let mut pod = waiting("one", "32Gi");
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    assert_eq!(placed(&mut plane, pod.clone()), "b");
    pod["metadata"]["name"] = json!("two");
    let why = placed(&mut plane, pod);
    assert!(
        why.contains("1 node(s) didn't match PersistentVolume's node affinity"),
        "{why}"
    );
    assert!(why.contains("1 Insufficient memory"), "{why}");
}

#[test]
fn required_distance_and_spread_hold() {
    let mut plane = with([node("a", "z1", 256), node("b", "z2", 64)]);
    let selector = json!({"matchLabels": {"app": "db"}});
    let mut apart = waiting("one", "16Gi");
    apart["spec"]["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}]}});
    assert_eq!(placed(&mut plane, apart.clone()), "a");
    apart["metadata"]["name"] = json!("two");
    assert_eq!(placed(&mut plane, apart.clone()), "b");
    apart["metadata"]["name"] = json!("three");
    assert!(placed(&mut plane, apart).contains("2 node(s) didn't match pod anti-affinity rules"));
}

#[test]
fn a_cordoned_node_counts_in_a_spread_unless_taints_are_honoured() {
    let mut cordoned = node("a", "z1", 256);
    cordoned["spec"]["unschedulable"] = json!(true);
    let mut plane = with([cordoned, node("b", "z2", 256)]);
    let mut spread = waiting("one", "16Gi");
    let constraint = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "db"}}});
    spread["spec"]["topologySpreadConstraints"] = json!([constraint]);
    assert_eq!(placed(&mut plane, spread.clone()), "b");
    spread["metadata"]["name"] = json!("two");
    assert!(placed(&mut plane, spread.clone()).contains("1 node(s) didn't match pod topology spread constraints"));
    spread["metadata"]["name"] = json!("three");
    spread["spec"]["topologySpreadConstraints"][0]["nodeTaintsPolicy"] = json!("Honor");
    assert_eq!(placed(&mut plane, spread), "b");
}

#[test]
fn zones_that_have_no_node_yet_count_as_empty_where_so_many_are_demanded() {
    let mut plane = with([node("a", "z1", 256), node("b", "z2", 256)]);
    let mut spread = waiting("one", "16Gi");
    let constraint = json!({"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "minDomains": 3,
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "db"}}});
    spread["spec"]["topologySpreadConstraints"] = json!([constraint]);
    let first = placed(&mut plane, spread.clone());
    spread["metadata"]["name"] = json!("two");
    let second = placed(&mut plane, spread.clone());
    assert_eq!([first.as_str().min(&second), first.as_str().max(&second)], ["a", "b"]);
    spread["metadata"]["name"] = json!("three");
    assert!(placed(&mut plane, spread).contains("2 node(s) didn't match pod topology spread constraints"));
}

#[test]
fn pods_on_a_node_that_does_not_count_do_not_count_in_its_zone() {
    let mut plane = with([node("a", "z1", 256)]);
    let mut spread = waiting("one", "16Gi");
    let constraint = json!({"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "minDomains": 2,
        "nodeTaintsPolicy": "Honor", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "db"}}});
    spread["spec"]["topologySpreadConstraints"] = json!([constraint]);
    assert_eq!(placed(&mut plane, spread.clone()), "a");
    let mut cordoned = node("a", "z1", 256);
    cordoned["spec"]["unschedulable"] = json!(true);
    plane.store.load(Kind::Nodes, cordoned);
    plane.store.load(Kind::Nodes, node("b", "z1", 256));
    spread["metadata"]["name"] = json!("two");
    assert_eq!(placed(&mut plane, spread), "b");
}

#[test]
fn a_placeholder_gives_way_to_its_shard() {
    let mut plane = with([node("a", "z1", 48)]);
    let mut holder = waiting("holder", "32Gi");
    holder["spec"]["priority"] = json!(-10);
    assert_eq!(placed(&mut plane, holder), "a");
    let mut never = waiting("polite", "32Gi");
    never["spec"]["preemptionPolicy"] = json!("Never");
    placed(&mut plane, never);
    let holder = Key::new(Kind::Pods, "shop", "holder");
    assert!(!is_leaving(plane.store.get(&holder).unwrap()));
    placed(&mut plane, waiting("shard", "32Gi"));
    assert!(is_leaving(plane.store.get(&holder).unwrap()));
    let shard = plane.store.get(&Key::new(Kind::Pods, "shop", "shard")).unwrap();
    assert_eq!(text(shard, "/status/nominatedNodeName"), "a");
}
