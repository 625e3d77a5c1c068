//! What a route test sees of real servers: over sockets, through port-forwards, from inside a pod; each failure made for real.

mod inside;
mod names;
mod prober;
mod ring;
mod sockets;
mod tunnels;

use std::path::Path;
use std::time::Duration;

use shardctl::cluster::connect::{Connection, Target, connect};
use shardctl::model::route::answer::{Answer, Seen};
use shardctl::model::route::entry::{Entry, Way};
use shardctl::model::route::failure::Failure;
use shardctl::model::route::wire::{Http, Manner, Request, Trust};
use shardctl::model::set::Ordinal;
use shardctl::net::route::{Cluster, Ways};

use crate::cluster::Scene;

/// HTTP/1.1 with short limits, to whoever has any certificate.
fn manner() -> Manner {
    Manner {
        http: Http::One,
        trust: Trust::Anybody,
        connect_limit: Duration::from_secs(10),
        read_limit: Duration::from_secs(20),
        body_limit: 64 * 1024,
    }
}

/// As [`manner`], where a time-out is what is to be seen.
fn impatient() -> Manner {
    Manner {
        connect_limit: Duration::from_millis(500),
        read_limit: Duration::from_millis(500),
        ..manner()
    }
}

fn request(target: &str) -> Request {
    Request {
        method: "GET".into(),
        target: target.into(),
        host: "shop.example.com".into(),
        headers: Vec::new(),
        body: None,
        keep: vec!["x-shard".into()],
    }
}

/// A way in over a socket.
fn over_socket(address: &str, port: u16, tls: bool) -> Entry {
    Entry {
        name: "lb".into(),
        way: Way::Lb {
            address: address.into(),
            port,
        },
        tls,
        host: "shop.example.com".into(),
    }
}

/// A way in through a port-forward.
fn over_port_forward(scene: &Scene<'_>, ordinal: u32) -> Entry {
    Entry {
        name: scene.pod_name(ordinal),
        way: Way::Shard {
            ordinal: ordinal as Ordinal,
            pod: scene.pod_name(ordinal),
            port: 8080,
        },
        tls: false,
        host: "localhost".into(),
    }
}

/// A connection to the scene's cluster with this kubeconfig.
async fn connected(kubeconfig: &Path) -> Connection {
    let target = Target {
        kubeconfig: Some(kubeconfig.to_owned()),
        request_timeout: Duration::from_secs(30),
        ..Target::default()
    };
    connect(&target).await.expect("a connection")
}

/// What leads into a scene's pods, as somebody with this kubeconfig.
async fn into_pods(scene: &Scene<'_>, kubeconfig: &Path) -> Cluster {
    let connection = connected(kubeconfig).await;
    Cluster {
        client: connection.upgrade_client().expect("a client"),
        namespace: scene.namespace().to_owned(),
        container: Some("shard".into()),
        askers: (0..scene.shard_count())
            .map(|ordinal| scene.pod_name(ordinal))
            .collect(),
        in_process: false,
    }
}

/// Runs a future to its end, on one thread as shardctl does.
fn run<R>(future: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

#[track_caller]
fn answer(seen: &Seen) -> &Answer {
    seen.result.as_ref().unwrap_or_else(|failed| panic!("{failed:?}"))
}

#[track_caller]
fn assert_failed(seen: &Seen, class: Failure, words: &str) {
    let failed = seen.result.as_ref().expect_err("a failure");
    assert_eq!(failed.class, class, "{failed:?}");
    assert!(failed.words.contains(words), "{failed:?}");
}

/// One request over a socket, without a cluster.
fn ask_socket(manner: Manner, entry: &Entry, request: &Request) -> Seen {
    run(async { Ways::new(manner, None).expect("ways").ask(entry, request).await })
}
