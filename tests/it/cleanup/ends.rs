//! How a cleanup ends: interrupted, out of time, with nothing there; and what it tells programs.

use super::{claims, cleanup, is_gone, words};
use crate::cluster::scene::running::Running;
use crate::cluster::{Interceptor, Scene, api};
use crate::deploy::{deployed, ran};
use crate::render::ground::Ground;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Service};
use serde_json::{Value, json};

fn started(ground: &Ground, interceptor: &Interceptor, more: &[&str]) -> Running {
    let arguments = words(ground, &[&["--yes"], more].concat());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    ground
        .scene
        .shardctl_process(&kubeconfig, arguments.iter().map(String::as_str))
}

#[test]
fn ctrl_c_ends_it_between_two_deletions_and_the_same_again_goes_on() {
    let ground = deployed();
    let before = claims(&ground);
    let interceptor = Interceptor::before(ground.scene.plane());
    let set = format!("statefulsets/{}", ground.set());
    let first = interceptor.on(move |request| request.deletes(&set)).hold_answer();
    let mut command = started(&ground, &interceptor, &[]);
    first.wait_hit();
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    first.release();
    let ran = command.wait();
    let told = format!("{}{}", ran.stderr, ran.stdout);
    assert_eq!(ran.code, Some(130), "{told}");
    assert!(told.contains("interrupted before the shards were gone"), "{told}");
    assert!(
        told.contains(&format!("deleted: statefulset/{}", ground.set())),
        "{told}"
    );
    assert!(told.contains("shardctl cleanup"), "{told}");
    cleanup(&ground, ground.scene.kubeconfig(), &["--yes"]).is(0, &["5 objects are deleted"]);
    is_gone(&ground, &told);
    assert_eq!(claims(&ground), before);
}

#[test]
fn ctrl_c_twice_stops_at_once_whatever_hangs() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let held = interceptor
        .on(|request| request.method == "DELETE" && request.is_write() && request.path.contains("/services/"))
        .hold();
    let mut command = started(&ground, &interceptor, &["--request-timeout", "0"]);
    held.wait_hit();
    // Two that come at once are one to the process: pressed until it ends, as people do.
    ground.scene.wait_until("it ends", |_| {
        let runs = command.runs();
        if runs {
            command.interrupt();
        }
        !runs
    });
    held.discard();
    let ran = command.wait();
    let told = format!("{}{}", ran.stderr, ran.stdout);
    assert_eq!(ran.code, Some(130), "{told}");
    assert!(told.contains("interrupted twice: stopped at once"), "{told}");
    cleanup(&ground, ground.scene.kubeconfig(), &["--yes"]).is(0, &["deleted"]);
    is_gone(&ground, &told);
}

#[test]
fn what_somebody_holds_back_is_waited_for_and_named() {
    let ground = deployed();
    let balancer = format!("{}-lb", ground.scene.namespace());
    let finalizer = |finalizers: Value| {
        let patch = json!({"metadata": {"finalizers": finalizers}});
        ground.scene.patch::<Service>(&balancer, patch);
    };
    finalizer(json!(["service.kubernetes.io/load-balancer-cleanup"]));
    let late = cleanup(&ground, ground.scene.kubeconfig(), &["--yes", "--timeout", "3s"]);
    late.is(
        4,
        &[
            &format!("out of time before service/{balancer} was gone"),
            "is still there after --timeout",
            "shardctl cleanup",
        ],
    );
    finalizer(Value::Null);
    ground.scene.wait_until("the Service is gone", |scene| {
        scene.find::<Service>(&balancer).is_none()
    });
    cleanup(&ground, ground.scene.kubeconfig(), &["--yes"]).is(0, &["deleted"]);
    is_gone(&ground, &late.stdout);
}

#[test]
fn an_answer_that_is_lost_is_looked_for() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let set = format!("statefulsets/{}", ground.set());
    let lost = interceptor.on(move |request| request.deletes(&set)).nth(1).cut_answer();
    let ran = cleanup(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]);
    ran.is(0, &["6 objects are deleted"]);
    assert_eq!(lost.hits(), 1);
    is_gone(&ground, &ran.stderr);
}

#[test]
fn a_server_that_is_overloaded_for_a_moment_ends_no_waiting() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    let pods = format!("/namespaces/{}/pods", ground.scene.namespace());
    let path = format!("nodepools/{}-explore", ground.scene.namespace());
    let overloaded = || {
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 503,
            "reason": "ServiceUnavailable", "message": "the server is overloaded",
        })
    };
    let shards = interceptor
        .on(move |request| request.method == "GET" && request.path.ends_with(&pods))
        .nth(1)
        .answer(503, overloaded());
    let pool = interceptor
        .on(move |request| request.deletes(&path))
        .nth(1)
        .answer(503, overloaded());
    let ran = cleanup(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]);
    ran.is(0, &["6 objects are deleted"]);
    assert_eq!((shards.hits(), pool.hits()), (1, 1));
    is_gone(&ground, &ran.stderr);
}

#[test]
fn where_nothing_is_there_nothing_is_deleted() {
    let ground = Ground::new();
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    let name = ground.scene.namespace().to_owned();
    let words = format!("nothing to delete of {name} in namespace {name}; there is no claim of a shard");
    cleanup(&ground, &kubeconfig, &[]).is(0, &[&words]);
    cleanup(&ground, &kubeconfig, &["--phase", "stable"]).is(0, &["only the stable phase of"]);
    // What couldn't be deployed can be taken away: no size holds such a shard.
    cleanup(&ground, &kubeconfig, &["--memory", "9000Gi"]).is(0, &[&words]);
    cleanup(&ground, &kubeconfig, &["--data", "--confirm", &name]).is(0, &["nothing to delete"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn without_karpenter_what_is_there_goes_all_the_same() {
    let scene = Scene::shards(1).named("db-shard").start();
    let ours = json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "db"}}});
    scene.patch::<StatefulSet>("db-shard", ours);
    let arguments = ["cleanup", "--yes", "--name", "db", "-n", scene.namespace()];
    let output = scene.shardctl(arguments).output().expect("cleanup");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 object is deleted; 1 claim stays"), "{said}");
    assert!(scene.find::<StatefulSet>("db-shard").is_none());
    assert_eq!(scene.list::<PersistentVolumeClaim>("").len(), 1);
}

#[test]
fn a_pool_of_somebody_elses_is_named_and_left() {
    let ground = deployed();
    let name = format!("{}-explore", ground.scene.namespace());
    let path = format!("/apis/karpenter.sh/v1/nodepools/{name}");
    let plane = ground.scene.plane();
    let others = json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "others"}}});
    plane
        .run(api::merge(plane.client(), &path, &others))
        .expect("another label");
    cleanup(&ground, ground.scene.kubeconfig(), &["--yes"]).is(
        0,
        &[
            "5 objects are deleted",
            &format!("nodepool/{name}: isn't labelled as the workload's, and stays"),
        ],
    );
    assert!(plane.get(&path).is_ok());
    cleanup(&ground, ground.scene.kubeconfig(), &[]).is(0, &["nothing to delete", &format!("left: nodepool/{name}")]);
}

#[test]
fn its_plan_is_a_document_and_its_run_are_events_that_end() {
    let ground = deployed();
    let set = format!("statefulset/{}", ground.set());
    let plan = cleanup(&ground, ground.scene.kubeconfig(), &["--dry-run=server", "-o", "json"]);
    let plan: Value = serde_json::from_str(&plan.is(0, &[]).stdout).expect("a document");
    assert_eq!(plan["kind"], "CleanupPlan");
    assert_eq!(plan["goes"].as_array().map(Vec::len), Some(6));
    assert_eq!(plan["goes"][0], *set);
    assert_eq!(plan["stays"].as_array().map(Vec::len), Some(3));

    let run = ran(
        &ground,
        ground.scene.kubeconfig(),
        &words(&ground, &["--yes", "-o", "json"]),
    );
    run.is(0, &[]);
    let lines = run.stdout.lines();
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("an event"))
        .collect();
    assert_eq!(
        (&events[0]["event"], &events[0]["operation"]),
        (&"started".into(), &"cleanup".into())
    );
    let changed = events.iter().filter(|event| event["event"] == "changed");
    assert_eq!(changed.count(), 6);
    let ended = events.last().expect("an end");
    assert_eq!(
        (&ended["event"], &ended["end"], &ended["exitCode"]),
        (&"ended".into(), &"done".into(), &0.into())
    );
    assert_eq!(ended["findings"].as_array().map(Vec::len), Some(3));
}
