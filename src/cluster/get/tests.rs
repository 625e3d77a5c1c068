//! Reading, against scripted servers on loopback.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cluster::test_server::{Reply, Server};

pub(in crate::cluster) fn api(server: &Server, timeout: Duration) -> Api {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let uri: http::Uri = format!("http://127.0.0.1:{}", server.port).parse().expect("an address");
    let mut config = kube::Config::new(uri.clone());
    config.default_retry = false;
    let endpoint = Endpoint {
        server: uri,
        ..Endpoint::default()
    };
    let client = kube::Client::try_from(config).expect("a client");
    Api::new(client, Arc::new(endpoint), timeout)
}

pub(in crate::cluster) const MINUTE: Duration = Duration::from_secs(60);

fn status(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code});
    Reply::json(code, &body.to_string())
}

#[tokio::test]
async fn a_read_survives_a_server_that_is_away_for_a_moment() {
    let server = Server::plain([
        status(503, "ServiceUnavailable", "shutting down"),
        Reply::HangUp(String::new()),
        Reply::full(
            200,
            "content-type: application/json\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\n",
            r#"{"kind":"Pod"}"#,
        ),
    ]);
    let answer = api(&server, MINUTE)
        .get("/api/v1/pods?limit=1")
        .await
        .expect("an answer");
    assert_eq!(answer.body, r#"{"kind":"Pod"}"#);
    assert_eq!(answer.date, Some("1994-11-15T08:12:31Z".parse().expect("a time")));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests[0].starts_with("GET /api/v1/pods?limit=1 HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[0].contains("accept: application/json\r\n"), "{}", requests[0]);
}

#[tokio::test]
async fn half_an_answer_is_cut_off_and_asked_for_three_times() {
    let half = || Reply::HangUp("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"kind\":".to_owned());
    let server = Server::plain([half(), half(), half(), Reply::json(200, "{}")]);
    let failure = api(&server, MINUTE).get("/x").await.expect_err("no whole answer");
    assert!(matches!(failure, Failure::CutOff { .. }), "{failure:?}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_after_the_request_timeout() {
    let server = Server::plain([Reply::Silence]);
    let timeout = Duration::from_millis(80);
    let failure = api(&server, timeout).get("/x").await.expect_err("no answer");
    assert_eq!(failure, Failure::TimedOut { after: Some(timeout) });
    assert_eq!(failure.reason(), "no answer within 80 ms");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn retries_that_would_not_fit_the_timeout_leave_the_servers_own_words() {
    let busy = Reply::full(
        429,
        "content-type: application/json\r\nretry-after: 1\r\n",
        r#"{"kind":"Status","code":429,"reason":"TooManyRequests","message":"too many"}"#,
    );
    let server = Server::plain([busy]);
    let failure = api(&server, Duration::from_millis(500))
        .get("/x")
        .await
        .expect_err("no answer");
    assert!(
        matches!(&failure, Failure::Server { code: 429, message, .. } if message == "too many"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn answers_that_will_not_change_are_asked_for_once() {
    let server = Server::plain([
        status(401, "Unauthorized", "Unauthorized"),
        status(
            403,
            "Forbidden",
            "pods is forbidden: User \"jo\" cannot list resource \"pods\" in API group \"\" in the namespace \"db\"",
        ),
        Reply::full(200, "content-type: text/html\r\n", "<html><title>Log in</title></html>"),
        Reply::full(200, "content-type: text/html\r\n", "<html><title>Log in</title></html>"),
    ]);
    let api = api(&server, MINUTE);
    assert!(matches!(api.get("/x").await, Err(Failure::Unauthorized { .. })));
    let denied = api.get("/x").await.expect_err("a refusal");
    assert_eq!(denied.reason(), "user \"jo\" may not list pods in namespace/db");
    let page = Failure::NotKubernetes {
        what: "HTTP 200 OK and a web page titled \"Log in\"".into(),
    };
    assert_eq!(api.get("/x").await, Err(page.clone()));
    assert_eq!(api.text("/logs").await, Err(page));
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_post_is_never_sent_twice() {
    let server = Server::plain([
        status(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        ),
        Reply::HangUp(String::new()),
        status(503, "ServiceUnavailable", "away"),
        Reply::json(201, r#"{"status":{"allowed":true}}"#),
    ]);
    let api = api(&server, MINUTE);
    let review = json!({"kind": "SelfSubjectAccessReview"});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert!(matches!(
        api.post(path, &review).await,
        Err(Failure::Server { code: 429, .. })
    ));
    assert!(matches!(api.post(path, &review).await, Err(Failure::CutOff { .. })));
    assert!(matches!(
        api.post(path, &review).await,
        Err(Failure::Server { code: 503, .. })
    ));
    assert_eq!(
        api.post(path, &review).await.expect("an answer").body,
        r#"{"status":{"allowed":true}}"#
    );
    assert_eq!(server.requests().len(), 4);
}

fn page(items: &[&str], more: &str) -> Reply {
    let items: Vec<_> = items.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    Reply::json(
        200,
        &json!({"kind": "PodList", "metadata": {"continue": more}, "items": items}).to_string(),
    )
}

fn names(items: &[Box<RawValue>]) -> Vec<String> {
    let name = |item: &RawValue| -> String {
        let item: serde_json::Value = serde_json::from_str(item.get()).expect("an object");
        item["metadata"]["name"].as_str().expect("a name").to_owned()
    };
    items.iter().map(|item| name(item)).collect()
}

#[tokio::test]
async fn pages_are_followed_and_reduced() {
    let server = Server::plain([page(&["a", "b"], "t/1="), page(&["c"], "")]);
    let kept = api(&server, MINUTE)
        .list("/api/v1/pods", "labelSelector=x", |item| {
            (!item.get().contains("\"b\"")).then_some(item)
        })
        .await
        .expect("a list");
    assert_eq!(names(&kept), ["a", "c"]);
    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /api/v1/pods?labelSelector=x&limit=500 "),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].starts_with("GET /api/v1/pods?labelSelector=x&limit=500&continue=t%2F1%3D "),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn an_expired_page_token_starts_the_list_again_whole() {
    let server = Server::plain([
        page(&["a"], "t"),
        status(410, "Expired", "The provided continue parameter is too old"),
        page(&["a", "z"], ""),
    ]);
    let kept = api(&server, MINUTE)
        .list("/api/v1/pods", "", Some)
        .await
        .expect("a list");
    assert_eq!(names(&kept), ["a", "z"]);
    assert!(
        server.requests()[2].starts_with("GET /api/v1/pods HTTP"),
        "{}",
        server.requests()[2]
    );

    let server = Server::plain([
        page(&["a"], "t"),
        status(410, "Expired", "old"),
        status(410, "Expired", "old"),
    ]);
    let failure = api(&server, MINUTE)
        .list("/api/v1/pods", "", Some)
        .await
        .expect_err("expired twice");
    assert!(matches!(failure, Failure::Server { code: 410, .. }), "{failure:?}");
}

#[tokio::test]
async fn a_missing_set_is_told_from_a_missing_namespace() {
    let missing = |name: &str, kind: &str, group: &str| {
        let body = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "gone",
            "details": {"name": name, "kind": kind, "group": group}});
        Reply::json(404, &body.to_string())
    };
    let set = || missing("db", "statefulsets", "apps");
    let server = Server::plain([
        set(),
        missing("ns", "namespaces", ""),
        set(),
        Reply::json(200, r#"{"kind":"Namespace"}"#),
        set(),
        status(403, "Forbidden", "no"),
    ]);
    let api = api(&server, MINUTE);
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let failure = api
            .get("/apis/apps/v1/namespaces/ns/statefulsets/db")
            .await
            .expect_err("a 404");
        reasons.push(api.explain_not_found(failure, "ns").await.reason());
    }
    assert_eq!(
        reasons,
        [
            "namespace/ns doesn't exist",
            "statefulsets.apps/db doesn't exist",
            "statefulsets.apps/db doesn't exist"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pauses_between_tries_follow_virtual_time() {
    // The rehearsal cluster is a tower service without sockets: the same must hold here.
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = calls.clone();
    let service = tower::service_fn(move |_: Request<Body>| {
        let call = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            let code = if call < 2 { 503 } else { 200 };
            let answer = http::Response::builder().status(code).body(Body::from(b"{}".to_vec()));
            answer.map_err(|error| -> tower::BoxError { error.into() })
        }
    });
    let api = Api::new(kube::Client::new(service, "default"), Arc::default(), Duration::ZERO);
    let start = Instant::now();
    api.get("/x").await.expect("an answer");
    assert_eq!(start.elapsed(), Duration::from_millis(150));
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn every_answer_teaches_the_servers_time_also_a_refusal() {
    let dated = |date: &str| format!("content-type: application/json\r\ndate: {date}\r\n");
    let server = Server::plain([
        Reply::full(404, &dated("Tue, 15 Nov 2044 08:12:31 GMT"), "{}"),
        Reply::full(200, &dated("Tue, 15 Nov 2044 09:12:31 GMT"), "{}"),
    ]);
    let api = api(&server, MINUTE);
    let learnt = |text: &str| api.server_time().now() >= text.parse().expect("a time");
    let _ = api.get("/x").await;
    assert!(learnt("2044-11-15T08:12:31Z") && !learnt("2044-11-15T09:12:31Z"));
    api.over(api.client.clone())
        .post("/x", &json!({}))
        .await
        .expect("an answer");
    assert!(learnt("2044-11-15T09:12:31Z"), "a clone's answers count as well");
}
