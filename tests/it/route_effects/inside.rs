//! Requests from inside the cluster, by curl or wget in a shard.

use std::path::Path;

use shardctl::model::route::entry::{Entry, Way};
use shardctl::model::route::failure::Failure;
use shardctl::model::route::wire::Manner;
use shardctl::net::route::Ways;

use super::sockets::Full;
use super::{answer, assert_failed, impatient, into_pods, manner, request, run};
use crate::cluster::certificates::Authority;
use crate::cluster::{Behaviour, Ring, Scene};

/// A shard's name, asked from inside.
pub fn inside(scene: &Scene<'_>, ordinal: u32) -> Entry {
    let pod = scene.pod_name(ordinal);
    let name = format!("{pod}.shard-headless.{}.svc.cluster.local", scene.namespace());
    Entry {
        name: format!("in {pod}"),
        host: format!("{name}:8080"),
        way: Way::InCluster {
            ordinal: ordinal as shardctl::model::set::Ordinal,
            name,
            port: 8080,
        },
        tls: false,
    }
}

#[test]
fn a_shard_asks_another_by_its_name_and_each_failure_is_told_apart() {
    let scene = Scene::shards(2).start();
    let ring = Ring::of(2).start();
    ring.behind(&scene);
    let entry = inside(&scene, 1);
    let ask = |manner: Manner, entry: &Entry, target: &str| {
        run(async {
            let cluster = into_pods(&scene, scene.kubeconfig()).await;
            let ways = Ways::new(manner, Some(cluster)).unwrap();
            ways.ask(entry, &request(target)).await
        })
    };
    let seen = ask(manner(), &entry, "/lookup?key=a[1-3]{x}");
    let owner = format!("shard-{}", ring.owner("a[1-3]{x}"));
    assert_eq!(answer(&seen).status, 200);
    assert_eq!(answer(&seen).headers, [("x-shard".to_owned(), owner)]);
    assert!(answer(&seen).body.ends_with(b"}\n"), "{seen:?}");
    assert!(
        seen.timing.connect.is_some() && seen.timing.first_byte.is_some(),
        "{seen:?}"
    );

    for (behaviour, class) in [
        (Behaviour::Down, Failure::ConnectRefused),
        (Behaviour::Resets, Failure::Reset),
        (Behaviour::Closes, Failure::Reset),
        (Behaviour::HalfBody, Failure::Reset),
    ] {
        ring.let_member(1, behaviour);
        assert_failed(&ask(manner(), &entry, "/whoami"), class, "");
    }
    ring.let_member(1, Behaviour::Hangs);
    assert_failed(&ask(impatient(), &entry, "/whoami"), Failure::ReadTimeout, "");
    ring.let_member(1, Behaviour::Status(500));
    assert_eq!(answer(&ask(manner(), &entry, "/whoami")).status, 500);
}

#[test]
fn with_tls_the_host_that_is_asked_for_is_asked_at_the_shards_name() {
    let scene = Scene::shards(2).start();
    let certificate = Authority::new().server_for(&["shop.example.com"]);
    let ring = Ring::of(2).tls(certificate).start();
    ring.behind(&scene);
    let mut entry = inside(&scene, 1);
    entry.tls = true;
    entry.host = "shop.example.com".into();
    if let Way::InCluster { port, .. } = &mut entry.way {
        *port = ring.port(1);
    }
    run(async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        let ways = Ways::new(manner(), Some(cluster)).unwrap();
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!(answer(&seen).headers[0].1, "shard-1");
    });
}

#[test]
fn wget_asks_once_and_tells_the_same_failures_apart() {
    let scene = Scene::shards(2).start();
    let ring = Ring::of(1).start();
    ring.leave_pods_without_curl(&scene);
    let ways = |manner: Manner| async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        Ways::new(manner, Some(cluster)).unwrap()
    };
    let has_wget = Path::new("/usr/bin/wget").exists();
    let can_ask = run(async { ways(manner()).await.can_ask_inside().await });
    assert_eq!(can_ask, Ok(has_wget));
    if !has_wget {
        // What it would write is read in unit tests.
        return;
    }
    // wget in a pod of the test finds no names but this machine's.
    let at = |port: u16| Entry {
        name: "in shard-1".into(),
        host: "shop.example.com".into(),
        way: Way::InCluster {
            ordinal: 1,
            name: "127.0.0.1".into(),
            port,
        },
        tls: false,
    };
    let entry = at(ring.port(0));
    let ask = |manner: Manner| run(async { ways(manner).await.ask(&entry, &request("/whoami")).await });
    let seen = ask(manner());
    assert_eq!(answer(&seen).headers, [("x-shard".to_owned(), "shard-0".to_owned())]);
    let body = String::from_utf8_lossy(&answer(&seen).body).into_owned();
    assert!(body.starts_with("{\"shard\"") && body.ends_with("}\n"), "{body}");

    for (behaviour, class) in [
        (Behaviour::Down, Failure::ConnectRefused),
        (Behaviour::Resets, Failure::Reset),
        (Behaviour::Closes, Failure::Reset),
        (Behaviour::HalfBody, Failure::Reset),
        (Behaviour::Garbage, Failure::Reset),
    ] {
        ring.let_member(0, behaviour.clone());
        let before = ring.connections(0);
        assert_failed(&ask(manner()), class, "");
        let once = usize::from(behaviour != Behaviour::Down);
        assert_eq!(ring.connections(0) - before, once, "{behaviour:?}");
    }
    ring.let_member(0, Behaviour::HangsInBody);
    assert_failed(&ask(impatient()), Failure::ReadTimeout, "the answer began");
    ring.let_member(0, Behaviour::Hangs);
    assert_failed(&ask(impatient()), Failure::ReadTimeout, "");
    let knocked = run(async { ways(impatient()).await.knock(&entry).await });
    assert_eq!(
        answer(&knocked).status,
        0,
        "whoever says nothing has taken the connection"
    );
    ring.let_member(0, Behaviour::Status(500));
    assert_eq!(answer(&ask(manner())).status, 500);

    run(async {
        let full = Full::new().await;
        let knocked = ways(impatient()).await.knock(&at(full.port)).await;
        assert_failed(&knocked, Failure::ConnectTimeout, "timed out");
    });
}
