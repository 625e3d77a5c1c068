//! The interceptor: every request is seen, and a rule decides over it.

use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene, api};
use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// Nothing can be waited for when nothing is to come.
const NOTHING_COMES: Duration = Duration::from_millis(300);

fn config_map(scene: &Scene, name: &str) -> String {
    scene.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}));
    format!("/api/v1/namespaces/{}/configmaps/{name}", scene.namespace())
}

fn exists(scene: &Scene, name: &str) -> bool {
    scene.find::<ConfigMap>(name).is_some()
}

/// A client through the interceptor, with connections of its own.
fn client(interceptor: &Interceptor, scene: &Scene) -> Client {
    scene.plane().client_of(&interceptor.kubeconfig(scene))
}

fn delete(client: &Client, path: &str) -> impl Future<Output = kube::Result<Value>> + Send + 'static {
    let (client, path) = (client.clone(), path.to_owned());
    async move { api::send(&client, "DELETE", &path, "application/json", Vec::new()).await }
}

#[test]
fn every_request_is_written_down_and_writes_are_told_from_questions() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let client = client(&interceptor, &scene);
    let path = config_map(&scene, "a");
    let other = config_map(&scene, "b");
    let send = |method: &str, path: &str, body: Option<Value>| {
        let body = body.map_or_else(Vec::new, |body| body.to_string().into());
        scene
            .plane()
            .run(api::send(&client, method, path, "application/json", body))
    };
    let pod = format!("/api/v1/namespaces/{}/pods/shard-0", scene.namespace());
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "shard-0"},
        "deleteOptions": {"dryRun": ["All"]},
    });
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}},
    });
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let dry = format!("{path}?dryRun=All");
    send("GET", &path, None).expect("a read");
    send("DELETE", &dry, None).expect("a dry run by query");
    send("DELETE", &pod, Some(json!({"dryRun": ["All"]}))).expect("a dry run by options");
    send("POST", &format!("{pod}/eviction"), Some(eviction)).expect_err("the budget blocks");
    send("POST", reviews, Some(review)).expect("a review");
    assert_eq!(interceptor.writes().len(), 0, "nothing so far was to change anything");
    assert!(scene.is_ready(0) && exists(&scene, "a"), "nor did it");
    // With options in the body, the API server doesn't look at the query.
    send("DELETE", &dry, Some(json!({}))).expect("a deletion after all");
    send("DELETE", &other, None).expect("a deletion");
    assert!(!exists(&scene, "a") && !exists(&scene, "b"));

    let requests = interceptor.requests();
    let answers: Vec<_> = requests.iter().map(|request| request.answered).collect();
    assert_eq!(answers, [200, 200, 200, 429, 201, 200, 200].map(Some));
    let counted = requests.iter().enumerate();
    assert!(counted.into_iter().all(|(number, request)| request.number == number));
    assert_eq!((&requests[1].path, requests[1].query.as_str()), (&path, "dryRun=All"));
    assert_eq!(requests[2].body, json!({"dryRun": ["All"]}));
    let writes = interceptor.writes();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert!(writes[0].deletes("configmaps/a") && writes[1].deletes("configmaps/b"));
}

#[test]
fn shardctl_works_through_it_over_http_2_and_upgraded_connections() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    scene
        .shardctl_with(&interceptor.kubeconfig(&scene), ["verify"])
        .assert()
        .success();
    let requests = interceptor.requests();
    let answered = |code: u16, version| {
        let matching = |request: &&Request| request.answered == Some(code) && request.version == version;
        requests.iter().filter(matching).count()
    };
    assert!(answered(200, http::Version::HTTP_2) > 5, "{requests:#?}");
    assert!(
        answered(101, http::Version::HTTP_11) > 0,
        "no port-forward in {requests:#?}"
    );
    assert_eq!(interceptor.writes().len(), 0);
}

#[test]
fn a_cut_request_is_not_done_and_one_whose_answer_is_cut_is() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let (first, second) = (config_map(&scene, "a"), config_map(&scene, "b"));
    let cut = interceptor.on(|request| request.deletes("configmaps/a")).cut();
    let cut_answer = interceptor.on(|request| request.deletes("configmaps/b")).cut_answer();
    for path in [&first, &second] {
        let broken = scene.plane().run(delete(&client(&interceptor, &scene), path));
        assert!(matches!(&broken, Err(e) if api::code(e).is_none()), "{broken:?}");
    }
    assert!(exists(&scene, "a") && !exists(&scene, "b"));
    assert_eq!((cut.hits(), cut.wait_hit().answered), (1, None));
    assert_eq!((cut_answer.hits(), cut_answer.wait_hit().answered), (1, Some(200)));

    cut.release();
    let done = scene.plane().run(delete(&client(&interceptor, &scene), &first));
    done.expect("the rule is over");
    assert!(!exists(&scene, "a"));
}

#[test]
fn a_read_of_shardctl_that_is_cut_over_http_2_is_made_again() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let lists_pods = |request: &Request| request.path.ends_with("/pods");
    let rule = interceptor.on(lists_pods).nth(1).cut();
    scene
        .shardctl_with(&interceptor.kubeconfig(&scene), ["status"])
        .assert()
        .success();
    let cut = rule.wait_hit();
    assert_eq!((cut.version, cut.answered), (http::Version::HTTP_2, None));
    let answered = |request: &Request| lists_pods(request) && request.answered == Some(200);
    assert!(interceptor.requests().iter().any(answered));
}

#[test]
fn a_rule_may_answer_in_the_servers_place_and_be_for_the_second_request_only() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let client = client(&interceptor, &scene);
    let path = config_map(&scene, "a");
    let refusal = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 503, "message": "later"});
    let on_get = interceptor.on(|request| request.method == "GET");
    let rule = on_get.nth(2).answer(503, refusal);
    let codes = [(); 3].map(|()| match scene.plane().run(api::get(&client, &path)) {
        Ok(_) => 200,
        Err(e) => api::code(&e).expect("an answer"),
    });
    assert_eq!(codes, [200, 503, 200]);
    assert_eq!((rule.hits(), rule.wait_hit().number), (1, 1));

    let delay = Duration::from_millis(200);
    let rule = interceptor.on(|request| request.method == "DELETE").delay(delay);
    scene.plane().run(delete(&client, &path)).expect("a late deletion");
    assert!(rule.wait_hit().at.elapsed() >= delay, "it came late");
}

#[test]
fn a_held_request_is_not_done_until_it_is_released() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let client = client(&interceptor, &scene);
    let (first, second) = (config_map(&scene, "a"), config_map(&scene, "b"));

    let rule = interceptor.on(|request| request.deletes("configmaps/a")).hold();
    let deletion = scene.plane().runtime().spawn(delete(&client, &first));
    assert_eq!(rule.wait_hit().answered, None);
    assert!(exists(&scene, "a") && !deletion.is_finished());
    rule.release();
    scene.plane().run(deletion).expect("a task").expect("the deletion");
    assert!(!exists(&scene, "a"));

    let rule = interceptor.on(|request| request.deletes("configmaps/b")).hold_answer();
    let deletion = scene.plane().runtime().spawn(delete(&client, &second));
    assert_eq!(rule.wait_hit().answered, Some(200));
    assert!(!exists(&scene, "b") && !deletion.is_finished());
    rule.release();
    scene.plane().run(deletion).expect("a task").expect("its answer");

    let third = config_map(&scene, "c");
    let rule = interceptor.on(|request| request.deletes("configmaps/c")).hold();
    let deletion = scene.plane().runtime().spawn(delete(&client, &third));
    rule.wait_hit();
    rule.discard();
    let cut = scene.plane().run(deletion).expect("a task");
    assert!(matches!(&cut, Err(e) if api::code(e).is_none()), "{cut:?}");
    assert!(exists(&scene, "c"));
}

#[test]
fn a_swallowed_watch_stays_open_and_brings_nothing_until_later() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let through = client(&interceptor, &scene);
    let path = config_map(&scene, "a");
    let all = path.trim_end_matches("/a");
    let watch = |client: &Client, name: &str| {
        let query = format!("{all}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3D{name}");
        let request = http::Request::get(query).body(Vec::new()).expect("a request");
        let client = client.clone();
        async move { Box::pin(client.request_stream(request).await.expect("a watch")) }
    };
    scene.plane().run(async {
        let (mut first, mut at_once) = (watch(&through, "a").await, [0]);
        first
            .read_exact(&mut at_once)
            .await
            .expect("what there is comes at once");
        interceptor.swallow_watches(true);
        let mut old = watch(&through, "b").await;
        let mut direct = watch(scene.plane().client(), "b").await;
        let new = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}});
        api::create(&through, all, &new).await.expect("all else goes through");
        api::delete(&through, &path, &json!({}))
            .await
            .expect("all else goes through");
        direct.read_exact(&mut at_once).await.expect("an event");

        // The rest of the first event is of before.
        let mut rest = String::new();
        let seen = tokio::time::timeout(NOTHING_COMES, first.read_to_string(&mut rest)).await;
        assert!(seen.is_err() && !rest.contains("DELETED"), "{seen:?} {rest}");
        let seen = tokio::time::timeout(NOTHING_COMES, old.read_exact(&mut at_once)).await;
        assert!(seen.is_err(), "{seen:?}");

        interceptor.swallow_watches(false);
        old.read_exact(&mut at_once).await.expect("what was held back");
        read_until(&mut first, "DELETED").await;
    });
}

/// Reads on until `text` has come.
async fn read_until(stream: &mut (impl futures::AsyncRead + Unpin), text: &str) {
    let mut all = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&all).contains(text) {
        stream.read_exact(&mut byte).await.expect("more");
        all.extend(byte);
    }
}

#[test]
fn an_api_server_that_is_away_refuses_and_ends_what_is_open() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let path = format!("/api/v1/namespaces/{}/pods/shard-0", scene.namespace());
    let old = client(&interceptor, &scene);
    let all = format!("/api/v1/namespaces/{}/pods?watch=true", scene.namespace());
    let watch = http::Request::get(all).body(Vec::new()).expect("a request");
    scene.plane().run(async {
        let mut watch = Box::pin(old.request_stream(watch).await.expect("a watch"));
        watch.read_exact(&mut [0]).await.expect("what there is");
        let held = interceptor.on(|request| request.method == "DELETE").hold();
        let deletion = tokio::spawn(delete(&old, &path));
        tokio::task::block_in_place(|| {
            held.wait_hit();
            interceptor.away(true);
        });
        let _rest_or_error = watch.read_to_end(&mut Vec::new()).await;
        let cut = deletion.await.expect("a task");
        assert!(matches!(&cut, Err(e) if api::code(e).is_none()), "{cut:?}");
    });
    for client in [old, client(&interceptor, &scene)] {
        let refused = scene.plane().run(api::get(&client, &path));
        assert!(matches!(&refused, Err(e) if api::code(e).is_none()), "{refused:?}");
        interceptor.away(false);
        scene.plane().run(api::get(&client, &path)).expect("it is back");
        interceptor.away(true);
    }
    assert!(scene.is_ready(0), "the held deletion never came");
}

#[test]
fn an_api_server_that_hangs_answers_once_it_goes_on() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let client = client(&interceptor, &scene);
    let path = format!("/api/v1/namespaces/{}/pods/shard-0", scene.namespace());
    interceptor.hang(true);
    scene.plane().run(async {
        let mut get = Box::pin(api::get(&client, &path));
        assert!(tokio::time::timeout(NOTHING_COMES, &mut get).await.is_err());
        interceptor.hang(false);
        get.await.expect("a late answer");
    });
}

#[test]
fn a_command_can_be_killed_before_and_after_a_certain_request() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    let lists_pods = |request: &Request| request.path.ends_with("/pods");

    let before = interceptor.on(lists_pods).nth(1).hold();
    let command = scene.shardctl_process(&kubeconfig, ["status"]);
    let held = before.wait_hit();
    let output = command.kill();
    assert_eq!((output.code, output.stdout.as_str()), (None, ""));
    before.discard();

    let after = interceptor.on(lists_pods).nth(1).hold_answer();
    let command = scene.shardctl_process(&kubeconfig, ["status"]);
    assert_eq!(after.wait_hit().answered, Some(200));
    let output = command.kill();
    assert_eq!((output.code, output.stdout.as_str()), (None, ""));
    assert_eq!(interceptor.requests()[held.number].answered, None);
}

#[test]
fn a_command_that_runs_is_listened_to_interrupted_and_waited_for() {
    let scene = Scene::shards(1).start();
    let mut command = scene.shardctl_process(scene.kubeconfig(), ["status"]);
    command.wait_for_output("1 of 1 shards Ready");
    let output = command.wait();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.starts_with("UP"), "{output:?}");

    let interceptor = Interceptor::before(scene.plane());
    let rule = interceptor.on(|request| request.path.ends_with("/pods")).hold();
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), ["status"]);
    rule.wait_hit();
    assert!(command.runs());
    command.interrupt();
    let output = command.wait();
    assert_eq!((output.code, output.stdout.as_str()), (Some(130), ""), "{output:?}");
    assert!(output.stderr.contains("interrupted"), "{output:?}");
}
