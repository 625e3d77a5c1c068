//! A proxy in front of the API server that sees every request: it writes them down, and holds, cuts, answers or delays
//! those that a rule names. What proxy.rs does to a network, this does to requests.
//!
//! It ends TLS, so the client's certificate goes no further: whoever comes through it is the administrator (and
//! whomever he impersonates). The client speaks HTTP/2 or HTTP/1.1, the API server is asked over HTTP/1.1. Answers are
//! handed on piece by piece, watches and upgraded connections included; what a client sends is read to its end first.

mod request;
mod rule;
mod serve;

pub use request::Request;
pub use rule::{Rule, When};
pub(super) use serve::acceptor;

use super::{Plane, Scene, wait};
use jiff::SignedDuration;
use serve::{Server, Shared};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// A running interceptor. Its connections are closed when it is dropped.
pub struct Interceptor {
    address: SocketAddr,
    server: watch::Sender<Server>,
    listening: watch::Receiver<bool>,
    shared: Arc<Shared>,
}

impl Interceptor {
    /// An interceptor that hands everything on, until told otherwise.
    pub fn before(plane: &Plane) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], super::processes::free_port()));
        let (server, states) = watch::channel(Server::default());
        let (listens, listening) = watch::channel(false);
        let shared = Arc::new(Shared::new(plane, states));
        let acceptor = acceptor(plane);
        plane
            .runtime()
            .spawn(serve::listen(address, acceptor, shared.clone(), listens));
        let interceptor = Self {
            address,
            server,
            listening,
            shared,
        };
        interceptor.wait_until_listening(true);
        interceptor
    }

    /// A kubeconfig whose server is the interceptor, with the scene's namespace.
    pub fn kubeconfig(&self, scene: &Scene) -> PathBuf {
        scene.kubeconfig_through(&format!("https://{}", self.address))
    }

    /// Every request so far, in the order they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// The requests so far that were to change something: neither reads, nor dry runs, nor reviews of rights.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_write).collect()
    }

    /// Begins a rule for the requests that `matches`. Rules are asked in the order they were made; the first that
    /// applies decides.
    pub fn on(&self, matches: impl Fn(&Request) -> bool + Send + Sync + 'static) -> When<'_> {
        When::new(&self.shared, matches)
    }

    /// Holds back whatever open and new watches would deliver, while all else goes through. Nothing is lost: it comes
    /// once this is off again.
    pub fn swallow_watches(&self, swallow: bool) {
        self.server.send_modify(|server| server.swallows_watches = swallow);
    }

    /// The API server goes away: nobody listens, and open connections are closed, requests under way with them.
    pub fn away(&self, away: bool) {
        self.server.send_modify(|server| {
            // Counted, because a connection that isn't quick enough would miss a short absence.
            server.age += u32::from(away);
            server.away = away;
        });
        self.wait_until_listening(!away);
    }

    /// Every open connection is closed, requests and upgrades under way with it; new ones are taken as before.
    pub fn cut_connections(&self) {
        self.server.send_modify(|server| server.age += 1);
    }

    /// The API server answers nothing more: connections open, and every request and open answer waits.
    pub fn hang(&self, hang: bool) {
        self.server.send_modify(|server| server.hangs = hang);
    }

    /// The API server's clock is slow by so much, as far as its answers tell the time.
    pub fn slow_clock(&self, by: SignedDuration) {
        self.server.send_modify(|server| server.slow = by);
    }

    fn wait_until_listening(&self, wanted: bool) {
        wait::wait_near("the interceptor has switched", wait::DEADLINE, || {
            let listening = *self.listening.borrow();
            (listening == wanted).then_some(()).ok_or("not yet")
        });
    }
}
