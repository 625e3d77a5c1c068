//! The lists that come as protocol buffers, those of the whole cluster and of the shards' pods, tell the same as JSON.

use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use super::page;
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene};

/// What is asked for in another form than JSON.
fn lists(scene: &Scene) -> [String; 4] {
    let (namespace, set) = (scene.namespace(), scene.name());
    [
        "/api/v1/nodes".to_owned(),
        "/apis/storage.k8s.io/v1/csinodes".to_owned(),
        "/api/v1/pods?fieldSelector=status.phase!%3DSucceeded,status.phase!%3DFailed".to_owned(),
        format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{set}"),
    ]
}

/// What is told of the scene itself; the rest of the cluster is others', and moves.
fn of_the_scene(page: &Value) -> [&Value; 3] {
    ["present", "zones", "unread"].map(|key| &page[key])
}

#[test]
fn whichever_form_the_server_answers_in_the_same_is_told() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(0);
    scene.daemon_set("agent", &node);
    scene.deployment("web", 2, &node);
    scene.bare_pod("stranger", &node, json!([]));
    // A node with a taint, and one that takes nothing.
    scene.cordon(&scene.node_of(1), true);
    let packed = page(&scene, &[]);
    assert_eq!(packed["unread"], json!([]), "{packed:#}");

    let client = scene.plane().client();
    let interceptor = Interceptor::before(scene.plane());
    let rules = lists(&scene).map(|list| {
        let request = Request::get(&list).header("Accept", "application/vnd.kubernetes.protobuf");
        let answer = scene.plane().run(async {
            let answer = client.send(request.body(Body::empty()).unwrap()).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        });
        assert!(answer.starts_with(b"k8s\0"), "{list} has no such form");
        let path = list.split('?').next().unwrap();
        let as_json = scene.plane().get(&list).unwrap();
        let (path, helpers) = (path.to_owned(), "shardctl.dev%2Fhelper");
        interceptor
            .on(move |request| request.path == path && !request.query.contains(helpers))
            .answer(200, as_json)
    });
    let kubeconfig = interceptor.kubeconfig(&scene);
    let arguments = ["packing-summary", "--kubelet", "kubelet-aks", "-o", "json"];
    let ran = run(scene.shardctl_with(&kubeconfig, arguments));
    let plain: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(rules.iter().all(|rule| rule.hits() > 0));
    assert_eq!(of_the_scene(&packed), of_the_scene(&plain));
}
