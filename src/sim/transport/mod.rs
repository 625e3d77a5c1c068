//! A `kube::Client` whose server is in this process: bytes over a pipe in memory, HTTP/1.1 on both ends.
//!
//! Time is tokio's: with its clock paused, waiting costs nothing, and a request is answered at the moment when it is sent. Each
//! request has a pipe of its own, and both ends may upgrade it.

mod balancer;
mod body;
mod life;
mod line;
mod pods;
mod stream;
mod witness;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Request as HttpRequest, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tower::service_fn;

use crate::sim::api::{Answer, Reply, Request, answer};
use crate::sim::faults::{Fault, refused, strike};
use crate::sim::plane::{Plane, later};

pub use life::Life;
use line::End;
pub use line::Line;
pub use witness::{Deed, Witness};

/// How much a pipe holds before its writer waits.
const PIPE: usize = 64 * 1024;

/// For how long, and how often, somebody tries what isn't allowed yet.
const RIVALS_PATIENCE: Duration = Duration::from_secs(2);
const RIVALS_PAUSE: Duration = Duration::from_millis(1);

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
    /// Rings when every watch ends.
    cut: watch::Sender<()>,
    /// How many connections load balancers have passed on: they take the endpoints in turn.
    passed_on: AtomicUsize,
    witness: Mutex<Option<Box<dyn Witness>>>,
}

/// An answer that never comes: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("the connection was closed")
    }
}

impl std::error::Error for Closed {}

/// What failed while a request was served.
type Failed = Box<dyn std::error::Error + Send + Sync>;

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
                cut: watch::channel(()).0,
                passed_on: AtomicUsize::new(0),
                witness: Mutex::new(None),
            }),
        }
    }

    /// Lets somebody look on from now on.
    pub fn watched_by(&self, witness: impl Witness + 'static) {
        *self.inner.witness.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(witness));
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
        self.show(&plane, None, now);
        drop(plane);
        self.ring();
        result
    }

    fn show(&self, plane: &Plane, deed: Option<(&Deed<'_>, u16)>, now: Timestamp) {
        let mut witness = self.inner.witness.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(witness) = witness.as_mut() {
            witness.saw(plane, deed, now);
        }
    }

    fn announce(&self, plane: &Plane, deed: &Deed<'_>, now: Timestamp) {
        let mut witness = self.inner.witness.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(witness) = witness.as_mut() {
            witness.hears(plane, deed, now);
        }
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
                    self.show(&plane, None, now);
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
        self.client_of(&Life::of_nobody(line), namespace)
    }

    /// A client of somebody's. When he has died, nothing of it is heard any more.
    pub fn client_of(&self, life: &Life, namespace: &str) -> kube::Client {
        let (cluster, life) = (self.clone(), life.clone());
        let service = service_fn(move |request| {
            let (cluster, life) = (cluster.clone(), life.clone());
            async move {
                let carried = carry(cluster, life.clone(), request);
                life.line().as_long_as_it_is_whole(carried).await
            }
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

    async fn serve(self, life: Life, request: HttpRequest<Incoming>) -> Result<Response<body::Sent>, Failed> {
        let mut request = request;
        if request.method() == Method::CONNECT {
            return Ok(balancer::open(&self, &life, &mut request).await);
        }
        if stream::is_wanted(request.headers()) {
            return Ok(stream::open(&self, &life, &mut request));
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
        let reply = if request.is_mutating() {
            // Whoever stops waiting for the answer doesn't stop what the server has begun.
            tokio::spawn(self.clone().change(life, request)).await??
        } else {
            self.asked(&request)
        };
        let response = Response::builder()
            .header(header::DATE, self.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
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

    fn asked(&self, request: &Request) -> Reply {
        let now = self.now();
        answer(&mut self.plane(), request, now)
    }

    /// Carries out a mutating request, with what goes wrong at it.
    async fn change(self, life: Life, request: Request) -> Result<Reply, Failed> {
        let (number, faults) = life.sends();
        let sent = self.now();
        if faults.contains(&Fault::CrashBefore) {
            return Err(self.dies(&life).await);
        }
        for fault in &faults {
            if let Fault::Slow(time) = fault {
                sleep(*time).await;
            }
        }
        let refusal = faults.iter().find_map(|fault| match fault {
            Fault::Refused(code) => Some(refused(*code)),
            _ => None,
        });
        let now = self.now();
        let reply = {
            let deed = Deed {
                life: life.name(),
                number,
                request: &request,
                sent,
            };
            let mut plane = self.plane();
            self.announce(&plane, &deed, now);
            let reply = match refusal {
                Some(refused) => Reply::Answer(Answer::refused(&refused)),
                None => answer(&mut plane, &request, now),
            };
            let code = match &reply {
                Reply::Answer(answer) => answer.code,
                Reply::Watch(_) => 200,
            };
            self.show(&plane, Some((&deed, code)), now);
            reply
        };
        self.ring();
        for fault in &faults {
            self.happens(fault);
        }
        if faults.contains(&Fault::CrashAfter) {
            return Err(self.dies(&life).await);
        }
        if faults.contains(&Fault::Lost) {
            return Err(Closed.into());
        }
        Ok(reply)
    }

    /// The end of whoever asked: no answer, and nothing after it.
    async fn dies(&self, life: &Life) -> Failed {
        life.end();
        std::future::pending().await
    }

    /// Lets happen what is the world's; what needs a moment goes on beside.
    fn happens(&self, fault: &Fault) {
        if matches!(fault, Fault::WatchesEnd | Fault::WatchesExpire) {
            self.with(|plane, now| strike(plane, fault, now));
            self.inner.cut.send_replace(());
            return;
        }
        if self.with(|plane, now| strike(plane, fault, now)) {
            return;
        }
        let (cluster, fault, until) = (self.clone(), fault.clone(), Instant::now() + RIVALS_PATIENCE);
        tokio::spawn(async move {
            while Instant::now() < until {
                sleep(RIVALS_PAUSE).await;
                if cluster.with(|plane, now| strike(plane, &fault, now)) {
                    break;
                }
            }
        });
    }
}

/// Carries one request over a pipe of its own.
async fn carry(cluster: Cluster, life: Life, request: HttpRequest<Body>) -> Result<Response<Incoming>, hyper::Error> {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let ours = End::new(ours, life.line().clone());
    let service = hyper::service::service_fn(move |request| cluster.clone().serve(life.clone(), request));
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
