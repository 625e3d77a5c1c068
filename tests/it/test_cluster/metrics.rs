//! The metrics server: the real API server serves what it tells, to whoever may, and says so when it is away.

use serde_json::json;

use crate::cluster::{MetricsServer, Plane, Scene, api};

#[test]
fn the_api_server_hands_on_what_the_metrics_server_tells_to_whoever_may() {
    let plane = Plane::own();
    let scene = Scene::shards(1).start_on(&plane);
    let server = MetricsServer::on(&plane);
    server.node("node-x", "8388608Ki", "1234567891n");
    server.pod(scene.namespace(), "shard-0", "1Gi", "500m");
    server.pod("elsewhere", "shard-0", "2Gi", "1");
    let nodes = "/apis/metrics.k8s.io/v1beta1/nodes";
    let told = plane.get(nodes).expect("the figures");
    assert_eq!(
        told["items"][0]["usage"],
        json!({"memory": "8388608Ki", "cpu": "1234567891n"})
    );
    let pods = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods", scene.namespace());
    let told = plane.get(&pods).expect("the figures");
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1), "{told}");

    let nobody = plane.client_of(&scene.limited_user(json!([])));
    let refused = plane.run(api::get(&nobody, nodes)).expect_err("no right");
    assert_eq!(api::code(&refused), Some(403), "{refused}");

    server.goes();
    let away = plane.run(api::get(plane.client(), nodes)).expect_err("nobody there");
    assert_eq!(api::code(&away), Some(503), "{away}");
    server.comes_back();
    assert!(plane.get(nodes).is_ok());
}
