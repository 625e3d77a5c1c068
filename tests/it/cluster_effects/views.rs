//! The live views: what they see, what they survive, what they do without rights.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use shardctl::cluster::connect::Connection;
use shardctl::cluster::fresh::{Lists, Volumes, fresh};
use shardctl::cluster::watch::Watches;
use shardctl::model::objects::Objects;
use shardctl::model::pod;
use shardctl::model::read::Read;
use shardctl::model::snapshot::Snapshot;

use super::{administrator, connection};
use crate::cluster::{Network, Proxy, Scene};

/// Views that are ready.
fn watching(scene: &Scene<'_>, connection: &Connection) -> Watches {
    let set = scene.set();
    let selector = set.spec.expect("a spec").selector;
    let plane = scene.plane();
    let watches = plane.run(async { Watches::start(connection, scene.namespace(), scene.name(), &selector, &[]) });
    plane.run(watches.ready()).expect("the views");
    watches
}

fn uid(snapshot: &Snapshot, name: &str) -> Option<String> {
    let pods = snapshot.pods.got().expect("pods");
    let found = pods.iter().find(|found| pod::name(found) == name)?;
    Some(pod::uid(found).to_owned())
}

/// Waits for a change at a time, until the views show what is expected.
fn until(scene: &Scene<'_>, watches: &mut Watches, what: &str, mut holds: impl FnMut(&Snapshot) -> bool) {
    let seen = async {
        while !holds(&watches.snapshot()) {
            watches.changed().await;
        }
    };
    let limit = std::time::Duration::from_secs(60);
    let seen = scene.plane().run(async { tokio::time::timeout(limit, seen).await });
    assert!(seen.is_ok(), "waited a minute until {what}");
}

#[test]
fn views_follow_a_shard_that_is_deleted_and_comes_back() {
    let scene = Scene::shards(2).start();
    let connection = administrator(&scene);
    let mut watches = watching(&scene, &connection);
    let seen = watches.snapshot();
    assert_eq!(
        seen.set().and_then(|set| set.metadata.uid.clone()),
        scene.set().metadata.uid
    );
    assert!(seen.set().is_some_and(|set| set.metadata.managed_fields.is_some()));
    assert_eq!(seen.claims.got().map(Objects::len), Some(2));
    assert_eq!(seen.budgets.got().map(Objects::len), Some(1));
    assert_eq!(seen.revisions.got().map(Objects::len), Some(1));
    assert!(seen.attachments.got().is_some() && seen.events.got().is_some() && seen.cluster_events.got().is_some());
    let nodes = seen.nodes.got().expect("nodes");
    assert!(nodes.iter().all(|node| node.metadata.managed_fields.is_none()));
    assert!(matches!(&seen.node_claims, Read::Absent(_)), "{:?}", seen.node_claims);
    assert!(matches!(&seen.services, Read::Unreadable(why) if why == "services: not watched"));

    let before = scene.uid(1);
    scene.delete::<Pod>("shard-1");
    until(&scene, &mut watches, "shard 1 is a new pod and Ready", |seen| {
        let pods = seen.pods.got().expect("pods");
        let ready = pods
            .iter()
            .any(|found| pod::name(found) == "shard-1" && pod::is_ready(found));
        ready && uid(seen, "shard-1") != before
    });
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "fetch", "labels": {"shardctl.dev/helper": "pre-pull"}},
        "spec": {"containers": [{"name": "c", "image": "registry.example/shard:2.0"}]},
    }));
    until(&scene, &mut watches, "the helper pod", |seen| {
        uid(seen, "fetch").is_some()
    });
    scene.patch::<StatefulSet>("shard", json!({"metadata": {"annotations": {"seen": "yes"}}}));
    until(&scene, &mut watches, "the set's annotation", |seen| {
        let annotations = seen.set().and_then(|set| set.metadata.annotations.as_ref());
        annotations.is_some_and(|all| all.contains_key("seen"))
    });
}

#[test]
fn views_outlive_connections_and_say_what_is_wrong_meanwhile() {
    let scene = Scene::shards(1).start();
    let proxy = Proxy::before(scene.plane());
    let connection = connection(&scene, &scene.kubeconfig_through(&proxy.url()));
    let mut watches = watching(&scene, &connection);
    assert_eq!(watches.trouble(), None);

    proxy.cut();
    let before = scene.uid(0);
    scene.delete::<Pod>("shard-0");
    until(&scene, &mut watches, "shard 0 is a new pod", |seen| {
        uid(seen, "shard-0").is_some_and(|uid| Some(uid) != before)
    });

    proxy.set(Network::Refuses);
    scene.wait_until("the views say that something is wrong", |_| watches.trouble().is_some());
    let kept = watches.snapshot();
    assert!(uid(&kept, "shard-0").is_some(), "what was seen stays in view");
    let before = scene.uid(0);
    scene.delete::<Pod>("shard-0");
    scene.wait_until("shard 0 is a new pod", |scene| {
        scene.uid(0).is_some_and(|uid| Some(uid) != before)
    });
    proxy.set(Network::Fine);
    until(&scene, &mut watches, "the views caught up", |seen| {
        uid(seen, "shard-0").is_some_and(|uid| Some(uid) != before)
    });
    scene.wait_until("nothing is wrong any more", |_| watches.trouble().is_none());
}

#[test]
fn an_uncached_look_heals_views_that_fell_silent() {
    let scene = Scene::shards(1).start();
    let proxy = Proxy::before(scene.plane());
    let silent = connection(&scene, &scene.kubeconfig_through(&proxy.url()));
    let connection = administrator(&scene);
    let watches = watching(&scene, &silent);
    proxy.set(Network::Hangs);
    let before = scene.uid(0);
    scene.delete::<Pod>("shard-0");
    scene.wait_until("shard 0 is a new pod", |scene| {
        scene.uid(0).is_some_and(|uid| Some(uid) != before)
    });
    assert_eq!(uid(&watches.snapshot(), "shard-0"), before, "nothing came through");
    let look = scene.plane().run(fresh(
        &connection,
        scene.namespace(),
        &scene.set(),
        None,
        &mut Lists::default(),
        Volumes::All,
    ));
    watches.absorb(&look.expect("a look"));
    assert_eq!(uid(&watches.snapshot(), "shard-0"), scene.uid(0));
}

#[test]
fn what_we_may_not_watch_is_unreadable_and_stops_nothing_else() {
    let scene = Scene::shards(1).start();
    let user = scene.limited_user(json!([
        {"apiGroups": ["", "apps"], "resources": ["pods", "statefulsets"], "verbs": ["get", "list", "watch"]},
    ]));
    let connection = connection(&scene, &user);
    let watches = watching(&scene, &connection);
    let seen = watches.snapshot();
    assert!(uid(&seen, "shard-0").is_some());
    let Read::Unreadable(why) = &seen.nodes else {
        panic!("{:?}", seen.nodes);
    };
    assert!(
        why.contains("nodes can't be watched") && why.contains("may not list nodes"),
        "{why}"
    );
    assert_eq!(watches.trouble(), None);
}

#[test]
fn without_the_right_to_watch_the_pods_there_is_nothing_to_go_by() {
    let scene = Scene::shards(1).start();
    let user = scene.limited_user(json!([
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list", "watch"]},
    ]));
    let connection = connection(&scene, &user);
    let selector = scene.set().spec.expect("a spec").selector;
    let ready = scene.plane().run(async {
        Watches::start(&connection, scene.namespace(), scene.name(), &selector, &[])
            .ready()
            .await
    });
    assert!(ready.expect_err("no pods").is_forbidden());
}

#[test]
fn karpenters_claims_are_seen_where_karpenter_is() {
    let scene = Scene::shards(1).on_karpenter("Standard_E16s_v5", "1s").start();
    let connection = administrator(&scene);
    let watches = watching(&scene, &connection);
    let seen = watches.snapshot();
    let claims = seen.node_claims.got().expect("NodeClaims");
    assert!(
        claims
            .iter()
            .any(|claim| claim["kind"] == "NodeClaim" && claim["apiVersion"] == "karpenter.sh/v1")
    );
    assert!(claims.iter().all(|claim| claim["metadata"]["managedFields"].is_null()));
    let node = scene.node_of(0);
    assert!(
        claims.iter().any(|claim| claim["status"]["nodeName"] == node.as_str()),
        "{claims:?}"
    );
}
