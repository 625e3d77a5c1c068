//! A metrics server: metrics.k8s.io served by the real API server's aggregation, which asks this one over HTTPS. What it tells is
//! what a test says; where a metrics server measures, this one is told.
//!
//! The APIService refers to a Service of type ExternalName, `localhost`: the API server resolves that by itself, where a cluster
//! address would need a kube-proxy, and an endpoint's may not be on loopback.

use super::{Plane, api, interceptor, wait};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Where it is served.
const ROOT: &str = "/apis/metrics.k8s.io/v1beta1";

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    Well,
    /// Connections open, and no request for figures is answered.
    Never,
    /// Nobody listens.
    Away,
}

/// What it tells.
#[derive(Default)]
struct Figures {
    nodes: Vec<Value>,
    pods: Vec<Value>,
}

/// A metrics server for one plane: one for a plane, which should be the test's own, since a group that nobody answers for keeps
/// namespaces from going.
pub struct MetricsServer<'plane> {
    plane: &'plane Plane,
    figures: Arc<Mutex<Figures>>,
    answers: watch::Sender<Answers>,
}

impl<'plane> MetricsServer<'plane> {
    /// Starts it, and waits until the API server serves what it tells.
    #[track_caller]
    pub fn on(plane: &'plane Plane) -> Self {
        let port = super::processes::free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (answers, states) = watch::channel(Answers::Well);
        let figures = Arc::<Mutex<Figures>>::default();
        let acceptor = interceptor::acceptor(plane);
        plane
            .runtime()
            .spawn(listen(address, acceptor, figures.clone(), states));
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics-server", "namespace": "kube-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
        });
        let registered = json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": {"name": "metrics-server", "namespace": "kube-system", "port": port},
            },
        });
        for object in [service, registered] {
            plane
                .run(api::apply(plane.client(), &object, "kube-system"))
                .expect("register the metrics server");
        }
        let server = Self {
            plane,
            figures,
            answers,
        };
        server.wait_until_it_answers(true);
        server
    }

    /// What a node uses from now on.
    pub fn node(&self, name: &str, memory: &str, cpu: &str) {
        let told = json!({
            "metadata": {"name": name}, "timestamp": jiff::Timestamp::now(), "window": "10.062s",
            "usage": {"memory": memory, "cpu": cpu},
        });
        put(&mut self.figures().nodes, told);
    }

    /// What a pod of one container uses from now on.
    pub fn pod(&self, namespace: &str, name: &str, memory: &str, cpu: &str) {
        let told = json!({
            "metadata": {"name": name, "namespace": namespace}, "timestamp": jiff::Timestamp::now(), "window": "15.4s",
            "containers": [{"name": "shard", "usage": {"memory": memory, "cpu": cpu}}],
        });
        put(&mut self.figures().pods, told);
    }

    /// It goes away, while what is registered stays: the API server answers 503 in its place.
    #[track_caller]
    pub fn goes(&self) {
        self.answers.send_replace(Answers::Away);
        self.wait_until_it_answers(false);
    }

    /// It takes every request and answers none.
    pub fn hangs(&self) {
        self.answers.send_replace(Answers::Never);
    }

    /// It is back.
    #[track_caller]
    pub fn comes_back(&self) {
        self.answers.send_replace(Answers::Well);
        self.wait_until_it_answers(true);
    }

    fn figures(&self) -> std::sync::MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    fn wait_until_it_answers(&self, wanted: bool) {
        wait::wait_for(
            "the API server knows whether metrics are served",
            wait::DEADLINE,
            || {
                let answer = self.plane.get(&format!("{ROOT}/nodes"));
                if answer.is_ok() == wanted {
                    return Ok(());
                }
                Err(format!("{answer:?}"))
            },
        );
    }
}

/// In place of what was told of the same object before.
fn put(all: &mut Vec<Value>, told: Value) {
    let name = |of: &Value| (of["metadata"]["namespace"].clone(), of["metadata"]["name"].clone());
    all.retain(|of| name(of) != name(&told));
    all.push(told);
}

async fn listen(
    address: SocketAddr,
    acceptor: tokio_rustls::TlsAcceptor,
    figures: Arc<Mutex<Figures>>,
    mut states: watch::Receiver<Answers>,
) {
    while states.wait_for(|state| *state != Answers::Away).await.is_ok() {
        let Ok(listener) = TcpListener::bind(address).await else {
            return;
        };
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    let (acceptor, figures, mut away) = (acceptor.clone(), figures.clone(), states.clone());
                    let states = states.clone();
                    tokio::spawn(async move {
                        let Ok(client) = acceptor.accept(client).await else { return };
                        let service = service_fn(|asked| answer(asked, figures.clone(), states.clone()));
                        let builder = auto::Builder::new(TokioExecutor::new());
                        tokio::select! {
                            _ = away.wait_for(|state| *state == Answers::Away) => {}
                            _ = builder.serve_connection(TokioIo::new(client), service) => {}
                        }
                    });
                },
                changed = states.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if *states.borrow_and_update() == Answers::Away {
                        break;
                    }
                }
            }
        }
    }
}

async fn answer(
    asked: Request<Incoming>,
    figures: Arc<Mutex<Figures>>,
    mut states: watch::Receiver<Answers>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = asked.uri().path().to_owned();
    if path.starts_with(&format!("{ROOT}/")) {
        // Gone with the connection where it never does.
        let _ = states.wait_for(|state| *state == Answers::Well).await;
    }
    let version = json!({"groupVersion": "metrics.k8s.io/v1beta1", "version": "v1beta1"});
    let list = |kind: &str, items: Vec<Value>| {
        Some(json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}))
    };
    let told = figures.lock().unwrap_or_else(PoisonError::into_inner);
    let body = match path.strip_prefix(ROOT) {
        Some("") => Some(json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1", "resources": [
                {"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]},
                {"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"]},
            ],
        })),
        Some("/nodes") => list("NodeMetricsList", told.nodes.clone()),
        Some(rest) => rest
            .strip_prefix("/namespaces/")
            .and_then(|rest| rest.strip_suffix("/pods"))
            .and_then(|namespace| {
                let here = told.pods.iter().filter(|pod| pod["metadata"]["namespace"] == namespace);
                list("PodMetricsList", here.cloned().collect())
            }),
        None if path == "/apis" => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            {"name": "metrics.k8s.io", "versions": [version], "preferredVersion": version},
        ]})),
        None => None,
    };
    let (code, body) = match body {
        Some(body) => (200, body),
        None => (
            404,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"}),
        ),
    };
    let answer = Response::builder()
        .status(code)
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())));
    Ok(answer.expect("a code of HTTP"))
}
