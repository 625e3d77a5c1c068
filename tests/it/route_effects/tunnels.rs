//! Requests through port-forwards, and commands inside shards.

use futures::future::join_all;
use shardctl::model::route::failure::Failure;
use shardctl::model::route::wire::{Http, Manner, Trust};
use shardctl::net::route::Ways;

use super::{answer, assert_failed, impatient, into_pods, manner, over_port_forward, request, run};
use crate::cluster::certificates::Authority;
use crate::cluster::wait::{DEADLINE, wait_for};
use crate::cluster::{Behaviour, Interceptor, Ring, Scene};

#[test]
fn each_shard_answers_through_its_own_port_forward_and_fails_in_its_own_way() {
    let scene = Scene::shards(2).start();
    let ring = Ring::of(2).start();
    ring.behind(&scene);
    let (first, second) = (over_port_forward(&scene, 0), over_port_forward(&scene, 1));
    let into = || into_pods(&scene, scene.kubeconfig());
    run(async {
        let ways = Ways::new(manner(), Some(into().await)).unwrap();
        for (entry, name) in [(&first, "shard-0"), (&second, "shard-1")] {
            let seen = ways.ask(entry, &request("/whoami")).await;
            assert_eq!(answer(&seen).headers[0].1, name);
            assert_eq!(answer(&ways.knock(entry).await).status, 0);
        }
    });
    for (behaviour, class, words) in [
        (Behaviour::Down, Failure::ConnectRefused, "refused"),
        (Behaviour::Resets, Failure::Reset, "connection reset by peer"),
        (Behaviour::Closes, Failure::Reset, "before the answer was whole"),
        (Behaviour::HalfBody, Failure::Reset, "before the answer was whole"),
        (Behaviour::Garbage, Failure::Reset, "no HTTP"),
    ] {
        ring.let_member(1, behaviour.clone());
        run(async {
            let ways = Ways::new(manner(), Some(into().await)).unwrap();
            let seen = ways.ask(&second, &request("/whoami")).await;
            assert_failed(&seen, class, words);
            let taken = ways.knock(&second).await.result.is_ok();
            assert_eq!(taken, behaviour != Behaviour::Down, "{behaviour:?}");
            assert_eq!(answer(&ways.ask(&first, &request("/whoami")).await).status, 200);
        });
    }
    for (behaviour, words) in [
        (Behaviour::Hangs, "no answer"),
        (Behaviour::HangsInBody, "the answer began"),
    ] {
        ring.let_member(1, behaviour);
        run(async {
            let ways = Ways::new(impatient_but_for_the_api_server(), Some(into().await)).unwrap();
            let seen = ways.ask(&second, &request("/whoami")).await;
            assert_failed(&seen, Failure::ReadTimeout, words);
        });
    }
}

fn impatient_but_for_the_api_server() -> Manner {
    Manner {
        read_limit: impatient().read_limit,
        ..manner()
    }
}

/// How many port-forwards the API server was asked for.
fn port_forwards(interceptor: &Interceptor) -> usize {
    let requests = interceptor.requests();
    requests.iter().filter(|request| is_port_forward(request)).count()
}

fn is_port_forward(request: &crate::cluster::interceptor::Request) -> bool {
    request.path.ends_with("/portforward")
}

#[test]
fn one_port_forward_carries_all_requests_to_a_shard_also_at_once() {
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).start();
    ring.behind(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let entry = over_port_forward(&scene, 0);
    let connections = ring.connections(0);
    run(async {
        let ways = Ways::new(manner(), Some(into_pods(&scene, &kubeconfig).await)).unwrap();
        let requests: Vec<_> = (0..40).map(|key| request(&format!("/lookup?key={key}"))).collect();
        let seen = join_all(requests.iter().map(|request| ways.ask(&entry, request))).await;
        for (key, seen) in seen.iter().enumerate() {
            let body = String::from_utf8_lossy(&answer(seen).body).into_owned();
            assert!(body.contains(&format!("\"key\":\"{key}\"")), "{body}");
        }
        let mut post = request("/lookup?key=a");
        post.method = "POST".into();
        post.body = Some(vec![b'x'; 200_000]);
        assert_eq!(answer(&ways.ask(&entry, &post).await).status, 200);
    });
    assert_eq!(
        ring.connections(0) - connections,
        41,
        "each request has a connection of its own"
    );
    assert_eq!(port_forwards(&interceptor), 1);
}

#[test]
fn what_a_shard_goes_on_saying_after_the_limit_disturbs_nobody_else() {
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).start();
    ring.behind(&scene);
    let entry = over_port_forward(&scene, 0);
    run(async {
        let ways = Ways::new(manner(), Some(into_pods(&scene, scene.kubeconfig()).await)).unwrap();
        let long = Behaviour::Long(10_000_000);
        on_another_thread(|| ring.let_member(0, long));
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!(answer(&seen).body.len(), 64 * 1024);
        on_another_thread(|| ring.let_member(0, Behaviour::Healthy));
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!((answer(&seen).body.ends_with(b"}\n"), seen.reopened), (true, None));
    });
}

#[test]
fn tls_and_http_2_are_spoken_through_a_port_forward_too() {
    let authority = Authority::new();
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).tls(authority.server_for(&["shop.example.com"])).start();
    ring.behind(&scene);
    let mut entry = over_port_forward(&scene, 0);
    entry.tls = true;
    entry.host = "shop.example.com".into();
    for http in [Http::One, Http::Two] {
        let trust = Trust::Authorities(authority.certificate.clone().into_bytes());
        let manner = Manner {
            http,
            trust,
            ..manner()
        };
        run(async {
            let ways = Ways::new(manner, Some(into_pods(&scene, scene.kubeconfig()).await)).unwrap();
            let seen = ways.ask(&entry, &request("/whoami")).await;
            assert_eq!(answer(&seen).headers[0].1, "shard-0");
            assert!(seen.timing.tls.is_some(), "{seen:?}");
        });
    }
}

#[test]
fn where_spdy_is_refused_a_websocket_tells_the_same() {
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).start();
    ring.behind(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let spdy = interceptor.on(|request| is_port_forward(request) && request.method == "POST");
    let status = serde_json::json!({"kind": "Status", "code": 400, "message": "Upgrade request required"});
    let _refused = spdy.answer(400, status);
    let entry = over_port_forward(&scene, 0);
    run(async {
        let ways = Ways::new(manner(), Some(into_pods(&scene, &kubeconfig).await)).unwrap();
        for _ in 0..2 {
            let seen = ways.ask(&entry, &request("/whoami")).await;
            assert_eq!((answer(&seen).status, seen.reopened), (200, None));
        }
        for (behaviour, class, words) in [
            (Behaviour::Down, Failure::ConnectRefused, "refused"),
            (Behaviour::Resets, Failure::Reset, "connection reset by peer"),
            (Behaviour::Closes, Failure::Reset, ""),
        ] {
            on_another_thread(|| ring.let_member(0, behaviour.clone()));
            assert_failed(&ways.ask(&entry, &request("/whoami")).await, class, words);
        }
    });
    assert_eq!(port_forwards(&interceptor), 1 + 5, "SPDY is asked for once");
}

#[test]
fn a_port_forward_that_dies_is_opened_once_more_and_said_and_then_no_more() {
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).start();
    ring.behind(&scene);
    let entry = over_port_forward(&scene, 0);
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    run(async {
        let ways = Ways::new(manner(), Some(into_pods(&scene, &kubeconfig).await)).unwrap();
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!((answer(&seen).status, seen.reopened), (200, None));

        interceptor.cut_connections();
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!(answer(&seen).status, 200);
        assert!(seen.reopened.is_some_and(|why| why.contains("shard-0")));
        let seen = ways.ask(&entry, &request("/whoami")).await;
        assert_eq!((answer(&seen).status, seen.reopened), (200, None));
        assert_eq!(port_forwards(&interceptor), 2);

        interceptor.cut_connections();
        for _ in 0..3 {
            let seen = ways.ask(&entry, &request("/whoami")).await;
            assert_failed(&seen, Failure::ApiTunnel, "shard-0");
            assert_eq!(seen.reopened, None);
        }
        assert_eq!(port_forwards(&interceptor), 2);
    });
}

#[test]
fn requests_that_were_under_way_when_it_died_are_sent_again_but_not_what_changes_something() {
    let scene = Scene::shards(1).start();
    let ring = Ring::of(1).start();
    ring.behind(&scene);
    let entry = over_port_forward(&scene, 0);
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let before = ring.requests(0);
    ring.let_member(0, Behaviour::Hangs);
    let mut requests = vec![request("/whoami"); 4];
    requests[3].method = "POST".into();
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("four requests are under way", DEADLINE, || {
                match ring.requests(0) - before {
                    4 => Ok(()),
                    other => Err(format!("{other} are")),
                }
            });
            ring.let_member(0, Behaviour::Healthy);
            interceptor.cut_connections();
        });
        run(async {
            let ways = Ways::new(manner(), Some(into_pods(&scene, &kubeconfig).await)).unwrap();
            join_all(requests.iter().map(|request| ways.ask(&entry, request))).await
        })
    });
    for seen in &seen[..3] {
        assert_eq!(answer(seen).status, 200);
    }
    assert_failed(&seen[3], Failure::ApiTunnel, "shard-0");
    let said = seen.iter().filter(|seen| seen.reopened.is_some()).count();
    assert_eq!(said, 1, "opened anew once, and said once");
    assert_eq!(port_forwards(&interceptor), 2);
}

/// What waits for another runtime must not do so on a thread of one.
fn on_another_thread(act: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(act);
    });
}

#[test]
fn a_shard_whose_pod_is_gone_is_a_matter_of_the_way_to_it() {
    let scene = Scene::shards(1).start();
    let mut entry = over_port_forward(&scene, 0);
    if let shardctl::model::route::entry::Way::Shard { pod, .. } = &mut entry.way {
        *pod = "shard-9".into();
    }
    run(async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        let ways = Ways::new(manner(), Some(cluster)).unwrap();
        assert_failed(&ways.ask(&entry, &request("/")).await, Failure::ApiTunnel, "not found");
    });
}

#[test]
fn a_commands_words_are_the_answer_and_its_exit_code_the_status() {
    let scene = Scene::shards(1).start();
    let entry = over_port_forward(&scene, 0);
    run(async {
        let cluster = into_pods(&scene, scene.kubeconfig()).await;
        let ways = Ways::new(impatient_but_for_the_api_server(), Some(cluster)).unwrap();
        let seen = ways.run(&entry, "echo ' role:master '").await;
        assert_eq!(
            (answer(&seen).status, answer(&seen).body.as_slice()),
            (0, &b"role:master"[..])
        );
        let seen = ways.run(&entry, "echo no; exit 3").await;
        assert_eq!((answer(&seen).status, answer(&seen).body.as_slice()), (3, &b"no"[..]));
        let seen = ways.run(&entry, "exec sleep 30").await;
        assert_failed(&seen, Failure::ReadTimeout, "still running");
    });
}
