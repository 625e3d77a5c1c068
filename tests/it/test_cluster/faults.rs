//! What can be broken: nodes, the network, and processes of a plane of one's own.

use crate::cluster::kubelet::PortForward;
use crate::cluster::{Network, Plane, PlaneConfig, Proxy, Scene, api};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

fn ready_status(scene: &Scene, node: &str) -> String {
    let status = scene.get::<Node>(node).status.unwrap_or_default();
    let ready = status
        .conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    ready.map(|condition| condition.status).unwrap_or_default()
}

#[test]
fn a_silent_node_goes_unknown_and_comes_back() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(2);
    scene.silence(&node, true);
    scene.wait_until("the node is Unknown", |scene| ready_status(scene, &node) == "Unknown");
    scene.wait_until("its shard is not Ready", |scene| !scene.is_ready(2));
    assert!(scene.is_ready(0) && scene.is_ready(1));
    scene.silence(&node, false);
    scene.wait_until("the node is Ready", |scene| ready_status(scene, &node) == "True");
    scene.wait_until_healthy();
}

#[test]
fn the_network_to_the_api_server_can_misbehave() {
    let scene = Scene::shards(1).start();
    let plane = scene.plane();
    let proxy = Proxy::before(plane);
    let kubeconfig = scene.kubeconfig_through(&proxy.url());
    // A client each, so that none reuses a connection from before.
    let get = |deadline: Duration| {
        let client = plane.client_of(&kubeconfig);
        plane.run(async {
            tokio::time::timeout(deadline, api::get(&client, "/api/v1/namespaces/kube-system"))
                .await
                .ok()
        })
    };
    let long = Duration::from_secs(30);
    assert!(get(long).is_some_and(|answer| answer.is_ok()));
    for network in [
        Network::Refuses,
        Network::Resets,
        Network::CutsAfter(1200),
        Network::Answers(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>a plain server</html>".to_vec()),
    ] {
        proxy.set(network.clone());
        let answer = get(long).expect("an end");
        assert!(
            matches!(&answer, Err(e) if api::code(e).is_none()),
            "{network:?}: {answer:?}"
        );
    }
    proxy.set(Network::Hangs);
    assert!(get(Duration::from_millis(300)).is_none());

    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<html>log in!</html>";
    proxy.set(Network::AnswersOverTls(html.into()));
    assert!(
        matches!(get(long), Some(Err(kube::Error::SerdeError(_)))),
        "a page is no JSON"
    );

    proxy.set(Network::Delays(Duration::from_millis(200)));
    let start = Instant::now();
    assert!(get(long).is_some_and(|answer| answer.is_ok()));
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "handshake and answer came late"
    );

    proxy.set(Network::Fine);
    let client = plane.client_of(&kubeconfig);
    let watch = http::Request::get("/api/v1/pods?watch=true")
        .body(Vec::new())
        .expect("a request");
    let ended = plane.run(async {
        let mut lines = Box::pin(client.request_stream(watch).await.expect("a watch"));
        let mut first = [0];
        futures::AsyncReadExt::read_exact(&mut lines, &mut first)
            .await
            .expect("an event");
        proxy.cut();
        let mut rest = Vec::new();
        let end = futures::AsyncReadExt::read_to_end(&mut lines, &mut rest);
        tokio::time::timeout(long, end).await
    });
    assert!(ended.is_ok(), "the watch was cut");
    assert!(
        get(long).is_some_and(|answer| answer.is_ok()),
        "new connections are fine"
    );
}

#[test]
fn a_plane_of_ones_own_may_be_broken_and_have_servers_of_the_tests_own() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let local = server.local_addr().expect("an address").port();
    let answering = std::thread::spawn(move || {
        // One visitor as CoreDNS, one as a shard.
        for _ in 0..2 {
            let (mut stream, _) = server.accept().expect("a visitor");
            let _ = stream.read(&mut [0; 64]);
            stream.write_all(&[0, 4, 9, 9, 0x80, 2]).expect("answer");
        }
    });
    let shard = PortForward {
        namespace: "scene-001".into(),
        pod: "shard-0".into(),
        port: 8080,
        local,
    };
    let plane = Plane::own_with(PlaneConfig {
        dns_elsewhere: vec![local],
        forwards: vec![shard],
        ..PlaneConfig::default()
    });
    let scene = Scene::shards(2).start_on(&plane);

    assert_eq!(
        super::scenes::ask(&plane, "coredns-1", "anything.")[..2],
        [9, 9],
        "the broken server answers"
    );
    let reply = plane.run(async {
        let pods = Api::<Pod>::namespaced(plane.client().clone(), scene.namespace());
        let mut forwarder = pods.portforward("shard-0", &[8080]).await.expect("a port-forward");
        let mut stream = forwarder.take_stream(8080).expect("a stream");
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"hello")
            .await
            .expect("ask");
        stream.read_u16().await.expect("an answer")
    });
    assert_eq!(reply, 4);
    answering.join().expect("both were answered");

    // Without the controller manager nobody makes the pod anew.
    plane.pause("kube-controller-manager");
    scene.delete::<Pod>("shard-1");
    scene.wait_until("the pod is gone", |scene| scene.find::<Pod>("shard-1").is_none());
    assert_eq!(
        scene.set().status.and_then(|status| status.ready_replicas),
        Some(2),
        "a stale status"
    );
    plane.resume("kube-controller-manager");
    scene.wait_until_healthy();

    plane.kill("kwok");
    let node = scene.node_of(0);
    scene.wait_until("a node without kubelet is Unknown", |scene| {
        ready_status(scene, &node) == "Unknown"
    });
}
