//! A `kube::Client` whose server is in this process: bytes over a pipe in memory, HTTP/1.1 on both ends.
//!
//! Time is tokio's: with its clock paused, waiting costs nothing, and a request is answered at the moment when it is sent. Each
//! request has a pipe of its own, and both ends may upgrade it.

mod body;
mod line;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request as HttpRequest, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tower::service_fn;

use crate::sim::api::{Reply, Request, answer};
use crate::sim::plane::{Plane, later};

pub use line::Line;

/// How much a pipe holds before its writer waits.
const PIPE: usize = 64 * 1024;

/// A rehearsal cluster in time. A cheap clone.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    plane: Mutex<Plane>,
    /// The cluster's time when ours was `began`.
    epoch: Timestamp,
    began: Instant,
    /// Rings when something was done that the timeline may have to follow up.
    wake: Notify,
    /// Rings whenever the store may have changed.
    changed: watch::Sender<()>,
}

impl Cluster {
    /// A cluster whose clock shows `epoch` now. Nothing happens in it by itself until [`keep_time`](Self::keep_time) runs.
    pub fn new(plane: Plane, epoch: Timestamp) -> Cluster {
        Cluster {
            inner: Arc::new(Inner {
                plane: Mutex::new(plane),
                epoch,
                began: Instant::now(),
                wake: Notify::new(),
                changed: watch::channel(()).0,
            }),
        }
    }

    /// The cluster's time.
    pub fn now(&self) -> Timestamp {
        later(self.inner.epoch, self.inner.began.elapsed())
    }

    /// Looks into the cluster, or changes it behind everybody's back; the controllers take note.
    pub fn with<T>(&self, work: impl FnOnce(&mut Plane, Timestamp) -> T) -> T {
        let now = self.now();
        let mut plane = self.plane();
        let result = work(&mut plane, now);
        plane.take_note(now);
        drop(plane);
        self.ring();
        result
    }

    /// Does what the controllers have to do, each piece of it at its time; for ever.
    pub async fn keep_time(self) {
        loop {
            let next = {
                let now = self.now();
                let mut plane = self.plane();
                let mut worked = false;
                while plane.step(now) {
                    worked = true;
                }
                if worked {
                    self.inner.changed.send_replace(());
                }
                plane.next()
            };
            let woken = self.inner.wake.notified();
            match next {
                None => woken.await,
                Some(at) => tokio::select! {
                    biased;
                    () = woken => {}
                    () = sleep_until(self.instant(at)) => {}
                },
            }
        }
    }

    /// A client. Its buffer's task belongs to the runtime that this is called in.
    pub fn client(&self, namespace: &str) -> kube::Client {
        self.client_on(&Line::default(), namespace)
    }

    /// As [`client`](Self::client), on a line that can be cut.
    pub fn client_on(&self, line: &Line, namespace: &str) -> kube::Client {
        let (cluster, line) = (self.clone(), line.clone());
        let service = service_fn(move |request| {
            let (cluster, line) = (cluster.clone(), line.clone());
            async move { line.as_long_as_it_is_whole(carry(cluster, request)).await }
        });
        kube::Client::new(service, namespace)
    }

    fn plane(&self) -> MutexGuard<'_, Plane> {
        self.inner.plane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        self.inner.wake.notify_one();
        self.inner.changed.send_replace(());
    }

    fn instant(&self, at: Timestamp) -> Instant {
        let after = at.duration_since(self.inner.epoch);
        self.inner.began + Duration::try_from(after).unwrap_or_default()
    }

    async fn serve(self, request: HttpRequest<Incoming>) -> Result<Response<body::Sent>, hyper::Error> {
        let mut request = request;
        if stream::is_wanted(request.headers()) {
            return Ok(stream::open(&self, &mut request));
        }
        let (parts, incoming) = request.into_parts();
        let bytes = incoming.collect().await?.to_bytes();
        let text = |name| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let request = Request {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            content_type: text(header::CONTENT_TYPE),
            accept: text(header::ACCEPT),
            body: bytes.to_vec(),
        };
        let now = self.now();
        let reply = answer(&mut self.plane(), &request, now);
        self.ring();
        let response = Response::builder()
            .header(header::DATE, now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            // Every answer of an API server bears one; the client knows the server by it.
            .header("audit-id", "rehearsal");
        let response = match reply {
            Reply::Answer(answer) => {
                let response = response.status(answer.code);
                let response = match answer.content_type {
                    "" => response,
                    kind => response.header(header::CONTENT_TYPE, kind),
                };
                let response = match answer.retry_after {
                    Some(seconds) => response.header(header::RETRY_AFTER, seconds),
                    None => response,
                };
                response.body(body::whole(answer.body))
            }
            Reply::Watch(watch) => {
                let response = response.header(header::CONTENT_TYPE, "application/json");
                response.body(body::watching(self, watch))
            }
        };
        // Every part of it is ours and fits; were it not so, the answer would be an empty one.
        Ok(response.unwrap_or_else(|_| Response::new(body::whole(String::new()))))
    }
}

/// Carries one request over a pipe of its own.
async fn carry(cluster: Cluster, request: HttpRequest<Body>) -> Result<Response<Incoming>, hyper::Error> {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let service = hyper::service::service_fn(move |request| cluster.clone().serve(request));
    let mut server = hyper::server::conn::http1::Builder::new();
    // The date is the cluster's, not this machine's.
    server.auto_date_header(false);
    tokio::spawn(server.serve_connection(TokioIo::new(theirs), service).with_upgrades());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await?;
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await
}

#[cfg(test)]
mod tests;
