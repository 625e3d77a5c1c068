//! What the way into the pods does meanwhile: a pod that is replaced, a port-forward that dies.

use k8s_openapi::api::core::v1::Pod;

use super::three;
use crate::cluster::Interceptor;

#[test]
fn a_pod_that_is_replaced_meanwhile_voids_the_run() {
    let (scene, ring) = three();
    let before = ring.requests(0);
    let slowly = ["route-test", "--entry", "shards", "--keys", "200", "--rate", "10"];
    let process = scene.shardctl_process(scene.kubeconfig(), slowly);
    scene.wait_until("the matrix has begun", |_| ring.requests(0) > before + 25);
    scene.delete::<Pod>(&scene.pod_name(1));
    let ended = process.wait();
    assert_eq!(ended.code, Some(7), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("VOID: topology moved, result void") && ended.stdout.contains("shard-1"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_port_forward_that_dies_is_opened_once_more_and_said() {
    let (scene, ring) = three();
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let slowly = ["route-test", "--entry", "shards", "--keys", "40", "--rate", "40"];
    for (form, words) in [
        ("text", "the way was opened anew once: "),
        ("json", "\"reopened\": {\n        \"count\": 1,"),
    ] {
        let before = ring.requests(0);
        let process = scene.shardctl_process(&kubeconfig, slowly.iter().chain(&["-o", form]).copied());
        scene.wait_until("the matrix has begun", |_| ring.requests(0) > before + 25);
        interceptor.cut_connections();
        let ended = process.wait();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
}
