//! The window where the request that opens the budget has no answer, and nothing can be read for a while: what isn't known is told so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;
use crate::cluster::endpoint::Endpoint;

/// For how long nothing can be read once the budget was to be opened.
const AWAY: Duration = Duration::from_secs(5);

/// A server whose answer to the opening is lost, and that can't be read for a while after it.
struct Lossy {
    /// The budget, as it is read once the server is back; none while it stays away.
    budget: Mutex<Option<Value>>,
    opened: Mutex<Option<Instant>>,
    evictions: AtomicUsize,
}

impl Lossy {
    fn answer(&self, method: &str, path: &str) -> (u16, Value) {
        let failed = json!({"kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "away"});
        if path.ends_with("/eviction") {
            self.evictions.fetch_add(1, Ordering::SeqCst);
            return (201, json!({"kind": "Status", "status": "Success"}));
        }
        if path.contains("/pods/") {
            return (
                200,
                json!({"metadata": {"name": "db-1", "namespace": "shop", "uid": "u"}}),
            );
        }
        let mut opened = self.opened.lock().unwrap();
        let since = *opened.get_or_insert_with(Instant::now);
        let back = since.elapsed() >= AWAY;
        match self.budget.lock().unwrap().as_mut().filter(|_| back) {
            None => (503, failed),
            Some(budget) => {
                if method == "PATCH" {
                    *budget = json!({"metadata": {"name": "db"}, "spec": {"minAvailable": 3}});
                }
                (200, budget.clone())
            }
        }
    }
}

/// What became of an eviction through a window, and how many evictions were asked for. The budget is this afterwards; with `marked` it
/// has the run's mark.
async fn evicted(afterwards: Option<Value>, marked: bool) -> (Window, usize) {
    let budget: PodDisruptionBudget = serde_json::from_value(json!({
        "metadata": {"name": "db", "namespace": "shop"}, "spec": {"minAvailable": 3},
    }))
    .unwrap();
    let change = Change {
        budget: "db".to_owned(),
        field: "minAvailable",
        from: json!(3),
        to: 2,
        keeps: 2,
    };
    let at: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let mark = mark(&change, "drain/shop/db/1", "ada", at, at);
    let mut afterwards = afterwards;
    if let Some(budget) = afterwards.as_mut().filter(|_| marked) {
        budget["metadata"]["annotations"][crate::model::mark::MARK] = json!(serde_json::to_string(&mark).unwrap());
    }
    let server = Arc::new(Lossy {
        budget: Mutex::new(afterwards),
        opened: Mutex::new(None),
        evictions: AtomicUsize::new(0),
    });
    let asked = server.clone();
    let service = service_fn(move |request: Request<Body>| {
        let (code, body) = asked.answer(request.method().as_str(), request.uri().path());
        let response = Response::builder()
            .status(code)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string().into_bytes()));
        async move { Ok::<_, std::convert::Infallible>(response.unwrap()) }
    });
    let client = kube::Client::new(service, "shop");
    let api = Api::new(client, Arc::new(Endpoint::default()), Duration::from_secs(60));
    let aim = Aim {
        api: &api,
        permit: &Permit::confirmed(),
        namespace: "shop",
        pod: "db-1",
        uid: "u",
        grace: None,
    };
    let window = through_a_window(&aim, &budget, &change, &mark, std::future::pending()).await;
    (window, server.evictions.load(Ordering::SeqCst))
}

fn budget(keeps: i64) -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"minAvailable": keeps}})
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_nowhere_to_be_seen_is_nobody_elses_write_and_no_eviction() {
    let (window, evictions) = evicted(Some(budget(3)), false).await;
    assert_eq!(window.closed, None);
    assert!(matches!(window.tried, Tried::NotTried(_)), "{:?}", window.tried);
    assert_eq!(evictions, 0);
}

#[tokio::test(start_paused = true)]
async fn an_opening_of_which_nothing_can_be_read_is_not_known() {
    let (window, evictions) = evicted(None, false).await;
    assert!(matches!(window.closed, Some(Closed::Unseen(_))), "{:?}", window.closed);
    assert!(matches!(window.tried, Tried::NotTried(_)), "{:?}", window.tried);
    assert_eq!(evictions, 0);
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_shows_late_is_closed() {
    let (window, evictions) = evicted(Some(budget(2)), true).await;
    assert!(matches!(window.closed, Some(Closed::Back(_))), "{:?}", window.closed);
    assert!(matches!(window.tried, Tried::NotTried(_)), "{:?}", window.tried);
    assert_eq!(evictions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_neither_the_old_one_nor_ours_is_somebody_elses() {
    let (window, _) = evicted(Some(budget(1)), false).await;
    let Some(Closed::Theirs(finding)) = &window.closed else {
        panic!("{:?}", window.closed)
    };
    assert!(finding.evidence[0].contains("minAvailable is 1"), "{finding:?}");
}
