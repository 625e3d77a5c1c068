//! Entries as they come out of a set, its services and what was asked for.

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::Scene;
use serde_json::json;

fn wanted() -> Wanted {
    Wanted {
        port: None,
        tls: false,
        host: None,
        lb: true,
        lb_said: false,
        shards: true,
        in_cluster: false,
        urls: Vec::new(),
    }
}

fn found(scene: &Scene, wanted: &Wanted) -> Result<Doors, NoDoors> {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    doors(&seen, wanted, &Read::Got("cluster.local".to_owned()))
}

fn names(doors: &Doors) -> Vec<&str> {
    doors.entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn balanced(ingress: serde_json::Value) -> Scene {
    let mut scene = with_ports(json!([{"name": "http", "containerPort": 8080}]));
    scene.add(
        Resource::Services,
        json!({
            "metadata": {"name": "db-lb"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "db"}, "ports": [
                {"name": "admin", "port": 9000, "targetPort": 9000},
                {"name": "web", "port": 81, "targetPort": "http"},
            ]},
            "status": {"loadBalancer": {"ingress": ingress}},
        }),
    );
    scene
}

fn with_ports(ports: serde_json::Value) -> Scene {
    let mut scene = Scene::healthy(2);
    scene.edit(Resource::StatefulSets, "db", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["ports"] = ports;
    });
    scene
}

#[test]
fn the_load_balancer_is_asked_at_its_address_by_the_port_that_leads_to_the_shards() {
    let doors = found(&balanced(json!([{"ip": "20.0.0.1"}])), &wanted()).unwrap();
    assert_eq!(names(&doors), ["lb", "db-0", "db-1"]);
    let way = Way::Lb {
        address: "20.0.0.1".to_owned(),
        port: 81,
    };
    assert_eq!(
        (&doors.entries[0].way, doors.entries[0].host.as_str()),
        (&way, "20.0.0.1:81")
    );
    let two = json!([{"ip": "20.0.0.1"}, {"hostname": "a.elb.example"}]);
    let doors = found(&balanced(two), &wanted()).unwrap();
    assert_eq!(names(&doors)[..2], ["lb 20.0.0.1", "lb a.elb.example"]);
}

#[test]
fn a_pending_load_balancer_is_unknown_and_none_at_all_only_where_it_was_asked_for() {
    let doors = found(&balanced(json!(null)), &wanted()).unwrap();
    assert_eq!(
        (names(&doors), doors.unknown[0].name.as_str()),
        (vec!["db-0", "db-1"], "lb")
    );
    assert!(doors.unknown[0].why.contains("pending"));
    let none = with_ports(json!([{"containerPort": 8080}]));
    let doors = found(&none, &wanted()).unwrap();
    assert_eq!((doors.unknown.len(), doors.notes.len()), (0, 1));
    let said = Wanted {
        lb_said: true,
        ..wanted()
    };
    assert_eq!(found(&none, &said).unwrap().unknown.len(), 1);
}

#[test]
fn a_port_that_cant_be_meant_is_refused_with_those_that_are_there() {
    let several = with_ports(json!([{"name": "redis", "containerPort": 6379}, {"containerPort": 9121}]));
    let NoDoors::Port { known, .. } = found(&several, &wanted()).unwrap_err() else {
        panic!("the port is what isn't known");
    };
    assert_eq!(known, ["redis (6379)", "9121"]);
    let said = |port| Wanted {
        port: Some(port),
        ..wanted()
    };
    let doors = found(&several, &said(Port::Name("redis".to_owned()))).unwrap();
    assert!(matches!(doors.pods[0].way, Way::Shard { port: 6379, .. }));
    assert!(found(&several, &said(Port::Name("web".to_owned()))).is_err());
    assert!(found(&several, &said(Port::Number(1))).is_ok());
    assert!(found(&several, &said(Port::Unasked)).is_ok());
}

#[test]
fn a_shard_without_a_running_pod_is_unknown() {
    let mut scene = balanced(json!([{"ip": "20.0.0.1"}]));
    scene.merge(Resource::Pods, "db-1", json!({"status": {"phase": "Pending"}}));
    let doors = found(&scene, &wanted()).unwrap();
    assert_eq!((names(&doors), doors.pods.len()), (vec!["lb", "db-0"], 1));
    assert_eq!(doors.unknown[0].why, "pod/db-1 is Pending");
}

#[test]
fn names_from_inside_are_whole_and_urls_are_asked_as_they_are() {
    let urls = ["http://shop.example.com/a", "https://other.example.com"];
    let wanted = Wanted {
        lb: false,
        shards: false,
        in_cluster: true,
        urls: urls.iter().map(|url| Url::parse(url).unwrap()).collect(),
        ..wanted()
    };
    let doors = found(&balanced(json!(null)), &wanted).unwrap();
    assert_eq!(
        names(&doors),
        ["shop.example.com", "other.example.com", "in db-0", "in db-1"]
    );
    assert!(doors.entries[1].tls && !doors.entries[2].tls);
    assert_eq!(doors.entries[2].host, "db-0.db-headless.shop.svc.cluster.local:8080");
    assert_eq!(doors.pods.len(), 2);
}

#[test]
fn a_load_balancer_that_leads_to_some_shards_alone_is_unknown_and_not_absent() {
    let mut scene = balanced(json!([{"ip": "20.0.0.1"}]));
    scene.merge(
        Resource::Services,
        "db-lb",
        json!({"spec": {"selector": {"statefulset.kubernetes.io/pod-name": "db-1"}}}),
    );
    let doors = found(&scene, &wanted()).unwrap();
    assert_eq!(names(&doors), ["db-0", "db-1"]);
    assert_eq!(doors.unknown[0].name, "lb");
    assert_eq!(doors.unknown[0].why, "service/db-lb leads to 1 of 2 shards");
}

#[test]
fn shards_beyond_what_the_budget_asks_for_are_asked_as_well() {
    let mut scene = balanced(json!([{"ip": "20.0.0.1"}]));
    scene.merge(Resource::Budgets, "db", json!({"spec": {"minAvailable": 1}}));
    assert_eq!(names(&found(&scene, &wanted()).unwrap()), ["lb", "db-0", "db-1"]);
}
