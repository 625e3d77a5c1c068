//! `route-test` against the rehearsal cluster, where a shard's own application answers: it tells what is so there.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use shardctl::cluster::connect::Connection;
use shardctl::commands::rehearsal::stage::play;
use shardctl::commands::route_arguments::of_gate;
use shardctl::model::report::Conclusion;
use shardctl::model::route::failure::Failure;
use shardctl::model::route::outcome::{EntryOutcome, Identities, KeyVerdict, RouteOutcome};
use shardctl::operations::route::{Tested, route_test};
use shardctl::sim::controllers::Pace;
use shardctl::sim::kind::Kind;
use shardctl::sim::plane::Plane;
use shardctl::sim::store::Key;

/// The first of the keys that a run makes up.
const KEY: &str = "e220a8397b1dcdaf";

/// Three shards at rest, each on a node of its own, behind a load balancer that has an address.
fn at_rest() -> (Plane, Timestamp) {
    let began: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut plane = Plane::new(Pace::default());
    let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
    load(Kind::Namespaces, json!({"metadata": {"name": "shop"}}));
    for at in 0..3 {
        let room = json!({"cpu": "16", "memory": "40Gi", "pods": "110"});
        load(
            Kind::Nodes,
            json!({"metadata": {"name": format!("node-{at}")},
                "status": {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
    }
    load(
        Kind::Services,
        json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"clusterIP": "None", "selector": {"app": "db"},
            "ports": [{"name": "http", "port": 8080}]}}),
    );
    load(
        Kind::Services,
        json!({"metadata": {"name": "lb", "namespace": "shop"}, "spec": {"type": "LoadBalancer",
            "selector": {"app": "db"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}}),
    );
    load(
        Kind::StatefulSets,
        json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1},
            "spec": {"replicas": 3, "serviceName": "db", "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {"app": "db"}}, "updateStrategy": {"type": "OnDelete"},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"terminationGracePeriodSeconds": 30,
                    "containers": [{"name": "db", "image": "registry.example/db:1",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"requests": {"cpu": "2", "memory": "32Gi"}}}]}}}}),
    );
    plane.take_note(began);
    let rested = "2026-03-01T12:05:00Z".parse().unwrap();
    plane.run_until(rested);
    (plane, rested)
}

/// A route test by these arguments, after something has happened to the cluster.
fn tested(arguments: &str, happens: impl FnOnce(&mut Plane, Timestamp) + Send + 'static) -> Tested {
    let asked = of_gate(arguments).unwrap();
    let (plane, rested) = at_rest();
    let played = play(plane, rested, "shop", async move |stage| {
        stage.cluster.with(happens);
        // What it leads to has happened, too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let connection = Connection::to_a_rehearsal(stage.cluster.client("shop"), "shop");
        route_test(&connection, &asked, &|_| {}).await
    });
    let (tested, plane) = played.unwrap();
    assert_eq!(plane.strays, Vec::<String>::new());
    tested.unwrap()
}

fn entry<'a>(outcome: &'a RouteOutcome, name: &str) -> &'a EntryOutcome {
    let found = outcome.entries.iter().find(|entry| entry.name == name);
    found.unwrap_or_else(|| panic!("no entry {name}: {outcome:?}"))
}

fn take_down(plane: &mut Plane, pod: &str) {
    let key = Key::new(Kind::Pods, "shop", pod);
    let mut found = Value::clone(plane.store.get(&key).unwrap());
    found["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    plane.store.load(Kind::Pods, found);
}

#[test]
fn with_its_defaults_every_key_lands_on_one_shard_from_every_entry() {
    let tested = tested("route-test", |_, _| {});
    let outcome = &tested.outcome;
    assert_eq!(outcome.conclusion, Conclusion::Healthy, "{:?}", outcome.wrong());
    assert_eq!(outcome.identities, Some(Identities::Owner));
    let names: Vec<&str> = outcome.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["lb", "db-0", "db-1", "db-2"]);
    assert!(outcome.unknown.is_empty(), "{:?}", outcome.unknown);
    for entry in &outcome.entries {
        assert_eq!((entry.requests, entry.answered), (400, 400), "{entry:?}");
        assert!(entry.owners.values().all(|keys| *keys > 40), "{entry:?}");
    }
    assert_eq!(outcome.verdicts[&KeyVerdict::Stable], 200);
    assert_eq!(tested.owners.as_ref().unwrap().owners.len(), 200);
}

#[test]
fn a_key_that_one_shard_keeps_for_itself_is_found_out_and_no_other() {
    let outcome = tested("route-test", |plane, _| {
        plane.kept_keys.insert(KEY.to_owned());
    })
    .outcome;
    assert_eq!(outcome.conclusion, Conclusion::Failed);
    assert_eq!(outcome.verdicts[&KeyVerdict::Stable], 199);
    let [row] = outcome.rows.as_slice() else {
        panic!("{:?}", outcome.rows)
    };
    assert_eq!(row.key, KEY);
    assert_eq!(row.owners.len(), 2, "{row:?}");
}

#[test]
fn a_shard_that_is_not_ready_answers_nothing_and_its_keys_are_unserved() {
    let outcome = tested("route-test", |plane, _| take_down(plane, "db-1")).outcome;
    assert_eq!(outcome.conclusion, Conclusion::Failed);
    let down = entry(&outcome, "db-1");
    assert_eq!(down.answered, 0, "{down:?}");
    assert_eq!(down.failures[0].class, Failure::ConnectRefused, "{down:?}");
    // The load balancer leads to the others, and they know no better than that the owner is silent.
    for name in ["lb", "db-0", "db-2"] {
        let up = entry(&outcome, name);
        assert!(up.answered > 160 && up.answered < 360, "{up:?}");
        assert_eq!(up.failures[0].class, Failure::Http5xx, "{up:?}");
    }
    assert!(outcome.verdicts[&KeyVerdict::Unserved] > 20, "{:?}", outcome.verdicts);
}

#[test]
fn a_shard_whose_pod_is_gone_is_unknown_and_one_whose_node_is_silent_is_not_reached() {
    let gone = tested("route-test", |plane, _| {
        plane.missing_images.insert("registry.example/db:1".to_owned());
        let set = Key::new(Kind::StatefulSets, "shop", "db");
        let mut found = Value::clone(plane.store.get(&set).unwrap());
        found["spec"]["replicas"] = json!(4);
        found["metadata"]["generation"] = json!(2);
        plane.store.load(Kind::StatefulSets, found);
    });
    let outcome = gone.outcome;
    assert_eq!(outcome.unknown.len(), 1, "{:?}", outcome.unknown);
    assert_eq!(outcome.unknown[0].name, "db-3");
    assert_ne!(outcome.conclusion, Conclusion::Healthy);

    let silent = tested("route-test", |plane, _| {
        let node = plane.store.get(&Key::new(Kind::Pods, "shop", "db-1")).unwrap()["spec"]["nodeName"].clone();
        let key = Key::wide(Kind::Nodes, node.as_str().unwrap());
        let mut found = Value::clone(plane.store.get(&key).unwrap());
        found["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
        plane.store.load(Kind::Nodes, found);
    });
    let outcome = silent.outcome;
    assert_ne!(outcome.conclusion, Conclusion::Healthy);
    let entry = entry(&outcome, "db-1");
    assert_eq!(
        (entry.answered, entry.failures[0].class),
        (0, Failure::ApiTunnel),
        "{entry:?}"
    );
    assert!(entry.failures[0].first.contains("10250"), "{entry:?}");
}

#[test]
fn nothing_outside_the_rehearsal_cluster_is_reached() {
    let outcome = tested(
        "route-test --keys 20 --url http://shop.example.com/db --url http://127.0.0.1:9",
        |_, _| {},
    )
    .outcome;
    assert_eq!(outcome.conclusion, Conclusion::Failed);
    let name = entry(&outcome, "shop.example.com");
    assert_eq!(name.failures[0].class, Failure::DnsNxdomain, "{name:?}");
    let address = entry(&outcome, "127.0.0.1:9");
    assert_eq!(address.failures[0].class, Failure::ConnectTimeout, "{address:?}");
    assert_eq!(entry(&outcome, "lb").answered, 40);
}

#[test]
fn connections_alone_are_taken_by_every_entry_and_commands_are_not_found() {
    let outcome = tested("route-test --probe tcp", |_, _| {}).outcome;
    assert_eq!(outcome.conclusion, Conclusion::Healthy, "{:?}", outcome.wrong());
    assert_eq!(outcome.entries.len(), 4);
    let outcome = tested("route-test --probe 'exec:redis-cli role'", |_, _| {}).outcome;
    assert_ne!(outcome.conclusion, Conclusion::Healthy);
    assert!(
        outcome.entries[0].failures[0]
            .first
            .contains("executable file not found"),
        "{outcome:?}"
    );
}

#[test]
fn the_same_run_gives_the_same_outcome_and_the_keys_are_found_in_headers_and_paths_too() {
    let plain = tested("route-test", |_, _| {});
    assert_eq!(plain, tested("route-test", |_, _| {}));
    for how in [
        "--path '/lookup/{key}' --identity-header X-Served-By --owner-header X-Owner",
        "--header 'X-Shard-Key: {key}' --identity-json /shard",
    ] {
        let other = tested(&format!("route-test {how}"), |_, _| {});
        assert_eq!(
            other.outcome.conclusion,
            Conclusion::Healthy,
            "{how}: {:?}",
            other.outcome.wrong()
        );
        assert_eq!(
            other.owners.unwrap().owners,
            plain.owners.as_ref().unwrap().owners,
            "{how}"
        );
    }
}
