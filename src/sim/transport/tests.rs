//! kube's own client, its watcher and shardctl's requests over the pipe, in virtual time.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams};
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::sim::controllers::testing::{at, node, plane, set};
use crate::sim::kind::Kind;
use crate::sim::store::Key;

/// Three zones, a set of `shards` in them.
fn cluster(shards: i64) -> Cluster {
    let mut plane = plane();
    let class = json!({"metadata": {"name": "disk"}, "provisioner": "disk.example", "volumeBindingMode": "WaitForFirstConsumer"});
    plane.store.load(Kind::StorageClasses, class);
    for at in 0..shards.max(3) {
        let zone = format!("z{}", at % 3);
        plane.store.load(Kind::Nodes, node(&format!("n{at:03}"), &zone, 64));
    }
    plane
        .store
        .load(Kind::StatefulSets, set(shards, "Parallel", "OnDelete"));
    plane.store.load(
        Kind::Budgets,
        json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1},
            "spec": {"minAvailable": shards, "selector": {"matchLabels": {"app": "db"}}}}),
    );
    let cluster = Cluster::new(plane, at(0));
    tokio::spawn(cluster.clone().keep_time());
    cluster.with(|plane, now| plane.take_note(now));
    cluster
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3600), wait).await.expect(what);
}

async fn all_ready(client: &kube::Client, shards: i32) {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), "shop");
    until("all shards Ready", async || {
        let set = sets.get("db").await.unwrap();
        set.status.and_then(|status| status.ready_replicas) == Some(shards)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_set_comes_up_by_itself_in_virtual_time() {
    let cluster = cluster(4);
    let client = cluster.client("shop");
    let began = Instant::now();
    all_ready(&client, 4).await;
    // Provisioning, attaching, pulling, starting, one after the other.
    assert_eq!(began.elapsed().as_secs(), 5 + 8 + 20 + 10);
    assert_eq!(cluster.with(|plane, _| plane.strays.clone()), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_shard_comes_back_on_its_disk_as_another_pod() {
    let cluster = cluster(3);
    let client = cluster.client("shop");
    all_ready(&client, 3).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let before = pods.get("db-1").await.unwrap();
    pods.delete("db-1", &DeleteParams::default()).await.unwrap();
    until("another pod", async || {
        let found = pods.get_opt("db-1").await.unwrap();
        found.is_some_and(|found| found.metadata.uid != before.metadata.uid)
    })
    .await;
    all_ready(&client, 3).await;
    let after = pods.get("db-1").await.unwrap();
    assert_eq!(after.spec.unwrap().node_name, before.spec.unwrap().node_name);
    assert_eq!(cluster.with(|plane, _| plane.store.all(Kind::Volumes, None).count()), 3);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_every_change_and_lists_anew_after_a_gap() {
    let cluster = cluster(0);
    let client = cluster.client("shop");
    let pods: Api<Pod> = Api::namespaced(client, "shop");
    let mut events = Box::pin(watcher(pods, Config::default().labels("app=db")));
    let mut seen = async || {
        let next = tokio::time::timeout(Duration::from_hours(3), events.next()).await;
        match next.expect("an event").expect("a stream") {
            Ok(Event::Apply(pod) | Event::InitApply(pod)) => format!("apply {}", pod.metadata.name.unwrap()),
            Ok(Event::Delete(pod)) => format!("delete {}", pod.metadata.name.unwrap()),
            Ok(Event::Init) => "init".to_owned(),
            Ok(Event::InitDone) => "done".to_owned(),
            Err(error) => format!("error {}", error.to_string().contains("too old resource version")),
        }
    };
    assert_eq!([seen().await, seen().await], ["init", "done"]);
    let put = |name: &str, app: &str| {
        let pod = json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": app}}, "spec": {"containers": []}});
        cluster.with(|plane, _| plane.store.load(Kind::Pods, pod));
    };
    put("a", "db");
    assert_eq!(seen().await, "apply a");
    put("b", "other");
    put("a", "other");
    assert_eq!(seen().await, "delete a");
    // Hours without a change: the watch ends and is taken up again where its bookmarks left it, and nothing is told twice, though
    // what came before is long forgotten.
    let nothing = tokio::time::timeout(Duration::from_hours(2), seen()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    put("c", "db");
    assert_eq!(seen().await, "apply c");
}

#[tokio::test(start_paused = true)]
async fn pages_and_errors_are_what_the_client_knows_from_a_server() {
    let cluster = cluster(5);
    let client = cluster.client("shop");
    all_ready(&client, 5).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let first = pods.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(3)));
    let token = first.metadata.continue_.unwrap();
    let rest = pods
        .list(&ListParams::default().limit(9).continue_token(&token))
        .await
        .unwrap();
    assert_eq!((rest.items.len(), rest.metadata.continue_), (3, None));
    let kube::Error::Api(status) = pods.get("nobody").await.unwrap_err() else {
        panic!("a status");
    };
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));
}

#[tokio::test(start_paused = true)]
async fn the_same_course_gives_the_same_bytes() {
    async fn course() -> String {
        let cluster = cluster(6);
        let client = cluster.client("shop");
        all_ready(&client, 6).await;
        let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
        pods.delete("db-2", &DeleteParams::default()).await.unwrap();
        sleep(Duration::from_secs(300)).await;
        let all = |plane: &mut Plane, now: Timestamp| {
            let mut text = format!("{now} {}\n", plane.store.revision());
            for kind in Kind::ALL {
                plane
                    .store
                    .all(kind, None)
                    .for_each(|object| text.push_str(&format!("{object}\n")));
            }
            text
        };
        cluster.with(all)
    }
    let first = course().await;
    assert!(first.contains("\"db-5\""));
    assert_eq!(first, course().await);
}

#[tokio::test(start_paused = true)]
async fn the_date_of_an_answer_is_the_clusters() {
    let cluster = cluster(0);
    sleep(Duration::from_secs(90)).await;
    let client = cluster.client("shop");
    let request = http::Request::get("/readyz").body(Body::empty()).unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.headers()[header::DATE], "Thu, 01 Jan 2026 00:01:30 GMT");
    assert!(cluster.with(|plane, _| plane.store.get(&Key::wide(Kind::Nodes, "n000")).is_some()));
}

/// A cluster with a name server and one shard that has a name.
fn with_names() -> Cluster {
    let cluster = cluster(1);
    cluster.with(|plane, _| {
        plane.store.load(Kind::Namespaces, json!({"metadata": {"name": "kube-system"}}));
        let server = json!({"metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"nodeName": "n000", "containers": [{"name": "coredns", "image": "coredns:1"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        plane.store.load(Kind::Pods, server);
        let service = json!({"metadata": {"name": "db", "namespace": "shop"},
            "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"name": "http", "port": 8080}]}});
        plane.store.load(Kind::Services, service);
    });
    cluster
}

/// One question over TCP, as it goes over the wire.
fn question(name: &str) -> Vec<u8> {
    use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query};
    use hickory_resolver::proto::rr::RecordType;
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name.parse().unwrap(), RecordType::A));
    let bytes = message.to_vec().unwrap();
    [u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec(), bytes].concat()
}

#[tokio::test(start_paused = true)]
async fn names_are_asked_through_a_port_forward_and_follow_the_shards() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let cluster = with_names();
    let client = cluster.client("shop");
    all_ready(&client, 1).await;
    sleep(Duration::from_secs(1)).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let shard = pods.get("db-0").await.unwrap().status.unwrap().pod_ip.unwrap();
    let servers: Api<Pod> = Api::namespaced(client, "kube-system");
    let mut forward = servers.portforward("coredns", &[53]).await.unwrap();
    let mut stream = forward.take_stream(53).unwrap();
    for (name, found) in [
        ("db-0.db.shop.svc.cluster.local.", true),
        ("db-9.db.shop.svc.cluster.local.", false),
    ] {
        stream.write_all(&question(name)).await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await.unwrap();
        let answer = hickory_resolver::proto::op::Message::from_vec(&bytes).unwrap();
        let addresses: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(
            addresses,
            if found { vec![shard.clone()] } else { Vec::new() },
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_on_which_nobody_listens_says_so_and_a_command_tells_the_domain() {
    use tokio::io::AsyncReadExt as _;
    let cluster = with_names();
    let client = cluster.client("shop");
    all_ready(&client, 1).await;
    let pods: Api<Pod> = Api::namespaced(client, "shop");
    let mut forward = pods.portforward("db-0", &[8080]).await.unwrap();
    let why = forward.take_error(8080).unwrap().await.unwrap();
    assert!(why.contains("connection refused"), "{why}");
    let asked = kube::api::AttachParams::default().stderr(false);
    let mut ran = pods.exec("db-0", ["cat", "/etc/resolv.conf"], &asked).await.unwrap();
    let (mut out, status) = (String::new(), ran.take_status().unwrap());
    ran.stdout().unwrap().read_to_string(&mut out).await.unwrap();
    assert!(out.starts_with("search shop.svc.cluster.local "), "{out}");
    assert_eq!(status.await.unwrap().status.as_deref(), Some("Success"));
    let mut none = pods.exec("db-0", ["curl", "x"], &asked).await.unwrap();
    let status = none.take_status().unwrap().await.unwrap();
    assert!(status.message.unwrap().contains("executable file not found"));
    assert!(pods.portforward("nobody", &[53]).await.is_err());
}

/// A cluster whose one shard has an application, a connection to it of `client`, and how many held the cluster before that.
async fn with_a_forward(client: impl FnOnce(&Cluster) -> kube::Client) -> (Cluster, kube::api::Portforwarder, usize) {
    let cluster = cluster(1);
    all_ready(&cluster.client("shop"), 1).await;
    cluster.with(|plane, _| {
        let key = Key::new(Kind::Pods, "shop", "db-0");
        let mut pod = serde_json::Value::clone(plane.store.get(&key).unwrap());
        pod["spec"]["containers"][0]["ports"] = json!([{"name": "http", "containerPort": 8080}]);
        plane.store.load(Kind::Pods, pod);
    });
    // Other connections have ended by then.
    sleep(Duration::from_secs(1)).await;
    let before = Arc::strong_count(&cluster.inner);
    let pods: Api<Pod> = Api::namespaced(client(&cluster), "shop");
    let forward = pods.portforward("db-0", &[8080]).await.unwrap();
    (cluster, forward, before)
}

/// Asks once, and hears the beginning of the answer; the connection stays.
async fn ask(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin)) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream
        .write_all(b"GET /?key=a HTTP/1.1\r\nhost: db\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\"owner\":\"db-0\""), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_forward_ends_with_the_life_of_who_asked_and_he_hears_nothing_of_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let life = Life::new(1, crate::sim::faults::Faults::default());
    let (cluster, mut forward, before) = with_a_forward(|cluster| cluster.client_of(&life, "shop")).await;
    let mut stream = forward.take_stream(8080).unwrap();
    ask(&mut stream).await;
    sleep(Duration::from_secs(600)).await;
    assert!(
        Arc::strong_count(&cluster.inner) > before,
        "it lasts as long as nobody ends it"
    );
    life.end();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: db\r\n\r\n").await;
    let heard = tokio::time::timeout(Duration::from_secs(600), stream.read(&mut [0; 64])).await;
    assert!(heard.is_err(), "{heard:?}");
    assert_eq!(Arc::strong_count(&cluster.inner), before, "the server has let go of it");
}

#[tokio::test(start_paused = true)]
async fn a_forward_ends_with_its_line_and_not_with_another() {
    let (line, other) = (Line::default(), Line::default());
    let (cluster, mut forward, before) = with_a_forward(|cluster| cluster.client_on(&line, "shop")).await;
    let mut stream = forward.take_stream(8080).unwrap();
    ask(&mut stream).await;
    other.cut();
    ask(&mut stream).await;
    line.cut();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&cluster.inner), before);
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_nothing_more_once_its_line_is_cut() {
    let cluster = cluster(1);
    let line = Line::default();
    let pods: Api<Pod> = Api::namespaced(cluster.client_on(&line, "shop"), "shop");
    let mut seen = watcher(pods, Config::default()).boxed();
    until("the first list", async || {
        matches!(seen.next().await, Some(Ok(Event::InitDone)))
    })
    .await;
    line.cut();
    let next = tokio::time::timeout(Duration::from_secs(3600), seen.next()).await;
    assert!(
        next.is_err(),
        "the shard came up meanwhile, and nothing was heard of it: {next:?}"
    );
}
