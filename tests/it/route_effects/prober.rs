//! A prober: asked where the shards' image has nothing to ask with, and gone afterwards, whatever happens.

use std::path::Path;
use std::time::Duration;

use futures::future::{pending, ready};
use k8s_openapi::api::core::v1::Pod;
use shardctl::cluster::permit::Permit;
use shardctl::model::mark::HELPER;
use shardctl::model::route::failure::Failure;
use shardctl::model::{pod, set};
use shardctl::net::route::{Asker, Ways};
use shardctl::operations::prober::{Probed, with_prober};
use shardctl::plan::prober::{Ask, PROBER, prober};

use super::inside::inside;
use super::{answer, assert_failed, connected, into_pods, manner, request, run};
use crate::cluster::{Interceptor, Ring, Scene};
use crate::recover::recovered;

const LIMIT: Duration = Duration::from_secs(120);

/// A prober of the scene's set, with this image.
fn of(scene: &Scene<'_>, image: &str) -> Pod {
    let set = scene.set();
    let ask = Ask {
        image,
        node: &scene.node_of(0),
        run: &format!("route-test/{}/{}/4f2a9c", scene.namespace(), scene.name()),
        seconds: 600,
    };
    prober(&set, set::pod_spec(&set).expect("a pod spec"), &ask)
}

/// The pods there are with the label of a prober, but for those on their way out.
fn probers(scene: &Scene<'_>) -> Vec<String> {
    let pods = scene.list::<Pod>(&format!("labelSelector={HELPER}={PROBER}"));
    let there = pods.iter().filter(|found| !pod::is_terminating(found));
    there.map(|found| pod::name(found).to_owned()).collect()
}

/// Has work done with a prober, as somebody with this kubeconfig.
async fn probed<T>(
    kubeconfig: &Path,
    made: &Pod,
    stopped: impl Future<Output = ()>,
    work: impl AsyncFnOnce(Asker) -> T,
) -> Probed<T> {
    let connection = connected(kubeconfig).await;
    with_prober(&connection, &Permit::confirmed(), made, LIMIT, stopped, work).await
}

#[test]
fn where_shards_have_no_tool_a_prober_asks_and_is_gone_afterwards() {
    let scene = Scene::shards(2).start();
    let ring = Ring::of(2).start();
    ring.behind(&scene);
    ring.leave_pods_without_tools(&scene);
    let entry = inside(&scene, 1);
    let made = of(&scene, "registry.example/curl:8");
    run(async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        let ways = Ways::new(manner(), Some(cluster.clone())).unwrap();
        assert_eq!(ways.can_ask_inside().await, Ok(false));
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_failed(&seen, Failure::ApiTunnel, "neither curl nor wget");

        let probed = probed(scene.kubeconfig(), &made, pending(), async |asker| {
            let there = std::thread::scope(|scope| scope.spawn(|| probers(&scene)).join());
            assert_eq!(there.expect("the pods"), [asker.pod.as_str()]);
            let ways = ways.asked_inside_by(asker);
            assert_eq!(ways.can_ask_inside().await, Ok(true));
            ways.ask(&entry, &request("/whoami")).await
        })
        .await;
        assert_eq!(probed.left, None);
        let seen = probed.result.unwrap().expect("not stopped");
        assert_eq!(answer(&seen).headers[0].1, "shard-1");
    });
    assert!(probers(&scene).is_empty());
}

#[test]
fn shards_with_a_tool_say_so() {
    let scene = Scene::shards(1).start();
    run(async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        let ways = Ways::new(manner(), Some(cluster.clone())).unwrap();
        assert_eq!(ways.can_ask_inside().await, Ok(true));
        let mut nobody = cluster.clone();
        nobody.askers = Vec::new();
        let ways = Ways::new(manner(), Some(nobody)).unwrap();
        let failed = ways.can_ask_inside().await.expect_err("there is nobody to ask");
        assert!(failed.words.contains("no shard is Ready"), "{failed:?}");
        let mut nobody = cluster;
        nobody.askers = vec!["shard-9".to_owned()];
        let ways = Ways::new(manner(), Some(nobody)).unwrap();
        let failed = ways.can_ask_inside().await.expect_err("there is no such pod");
        assert_eq!(failed.class, Failure::ApiTunnel, "{failed:?}");
    });
}

#[test]
fn it_is_deleted_when_the_work_is_stopped_or_it_never_starts_or_the_answer_that_made_it_is_lost() {
    let scene = Scene::shards(1).start();
    let made = of(&scene, "registry.example/curl:8");

    let ended = run(async {
        let (begun, stop) = tokio::sync::oneshot::channel();
        let stopped = async { stop.await.unwrap_or_default() };
        let work = async |_| {
            begun.send(()).expect("somebody waits");
            pending::<()>().await;
        };
        probed(scene.kubeconfig(), &made, stopped, work).await
    });
    assert!(matches!(ended.result, Ok(None)) && ended.left.is_none(), "{ended:?}");
    assert!(probers(&scene).is_empty());

    let unpullable = of(&scene, "registry.example/curl:8-pullfail");
    let ended = run(probed(scene.kubeconfig(), &unpullable, pending(), async |_| ()));
    let error = ended.result.expect_err("it can't start");
    assert!(
        error.message().contains("failed to start pod/shardctl-prober-"),
        "{error}"
    );
    assert!(error.message().contains("ImagePullBackOff"), "{error}");
    assert!(probers(&scene).is_empty());

    let interceptor = Interceptor::before(scene.plane());
    let lost = interceptor
        .on(|request| request.is_write() && request.method == "POST")
        .nth(1)
        .cut_answer();
    let kubeconfig = interceptor.kubeconfig(&scene);
    let ended = run(probed(&kubeconfig, &made, pending(), async |_| ()));
    let error = ended.result.expect_err("nobody knows that it was made");
    assert!(error.message().contains("failed to"), "{error}");
    lost.wait_hit();
    assert!(ended.left.is_none() && probers(&scene).is_empty(), "{:?}", ended.left);
}

#[test]
fn one_that_cant_be_deleted_is_said_and_recover_takes_it_away() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let status = serde_json::json!({"kind": "Status", "code": 500, "message": "etcd is out of room"});
    let _refused = interceptor.on(|request| request.method == "DELETE").answer(500, status);
    let made = of(&scene, "registry.example/curl:8");
    let ended = run(probed(&kubeconfig, &made, pending(), async |asker| asker.pod));
    let name = ended.result.unwrap().expect("not stopped");
    let left = ended.left.expect("it is still there");
    assert_eq!(left.object, format!("pod/{name}"));
    assert!(left.message.contains("etcd is out of room"), "{left:?}");
    let command = format!("$ kubectl delete pod {name} -n {}", scene.namespace());
    assert_eq!(left.remedy, [command]);
    assert_eq!(probers(&scene), [name]);

    recovered(&scene, &[]).says(0, &["1 helper pod"]);
    assert!(probers(&scene).is_empty());
}

#[test]
fn a_prober_that_a_killed_run_left_is_taken_away_by_recover() {
    let scene = Scene::shards(1).start();
    let made = of(&scene, "registry.example/curl:8");
    run(async {
        let (begun, mut there) = tokio::sync::oneshot::channel();
        let asking = probed(scene.kubeconfig(), &made, pending(), async |_| {
            begun.send(()).expect("somebody waits");
            pending::<()>().await;
        });
        // Dropped in the midst of it, as by a kill.
        tokio::select! {
            _ = asking => unreachable!("the work never ends"),
            there = &mut there => there.expect("it runs"),
        }
    });
    assert_eq!(probers(&scene).len(), 1);
    recovered(&scene, &[]).says(0, &["1 helper pod"]);
    assert!(probers(&scene).is_empty());
}

#[test]
fn one_that_is_stopped_before_it_is_made_leaves_nothing() {
    let scene = Scene::shards(1).start();
    let made = of(&scene, "registry.example/curl:8-slowpull");
    let ended = run(probed(scene.kubeconfig(), &made, ready(()), async |_| ()));
    assert!(matches!(ended.result, Ok(None)) && ended.left.is_none(), "{ended:?}");
    assert!(probers(&scene).is_empty());
}
