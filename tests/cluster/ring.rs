//! A sharded service on loopback: members that own keys by consistent hashing and send each other what isn't theirs, a
//! balancer before them, and for each of them a way to misbehave. [`Ring::behind`] puts it behind a scene's port-forwards.
//!
//! What a member answers to a key's owner: `{"shard":"shard-2","owner":"shard-2","key":"k"}`, with the headers `x-shard` and
//! `x-owner` saying the same and `x-entry` naming who took the request. `/whoami` is always answered by whoever is asked.

mod behind;
mod listen;
mod member;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::certificates::Signed;
use super::processes::free_port;
use listen::Post;
use member::Shared;
pub use member::owner;

/// How a member, or the balancer, behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As it should.
    Healthy,
    /// It goes by an older ring, of only so many members.
    StaleRing(u32),
    /// A member answers every key itself, and says whose it is; a balancer has whoever is next answer.
    AnswersForOthers,
    /// It sends keys on by two rings in turn: the one that is, and one without the last member.
    Flaps,
    /// It says that it is somebody else, or in other words who it is.
    Claims(String),
    /// It doesn't say who it is.
    Anonymous,
    /// It answers that much later.
    Slow(Duration),
    /// It answers with this status, and with no identity from 400 on.
    Status(u16),
    /// Nobody listens.
    Down,
    /// It takes the request and never answers.
    Hangs,
    /// It sends a part of the body and then nothing.
    HangsInBody,
    /// It closes in the middle of the body.
    HalfBody,
    /// It closes with RST once it has heard something.
    Resets,
    /// It closes without a word once it has heard something.
    Closes,
    /// It answers what isn't HTTP, and no TLS either.
    Garbage,
    /// It answers with a body of so many bytes, its identity first.
    Long(usize),
}

/// A ring that has not started.
pub struct RingBuilder {
    members: u32,
    name: String,
    certificate: Option<Signed>,
}

impl RingBuilder {
    /// What the members call themselves, without their ordinals (default `shard`).
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Members and balancer speak TLS, with this certificate.
    pub fn tls(mut self, certificate: Signed) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Starts it.
    pub fn start(self) -> Ring {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime for the ring");
        // Fails only when it was installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let acceptor = self.certificate.as_ref().map(listen::acceptor);
        let shared = Arc::new(Shared::new(self.name, acceptor.is_some(), self.members));
        let mut ring = Ring {
            posts: Vec::new(),
            balancer: None,
            acceptor,
            shared,
            runtime: Some(runtime),
        };
        ring.balancer = Some(ring.post(None));
        ring.grow(self.members);
        ring
    }
}

/// A running ring. It ends when it is dropped.
pub struct Ring {
    posts: Vec<Post>,
    balancer: Option<Post>,
    acceptor: Option<tokio_rustls::TlsAcceptor>,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Ring {
    /// A ring of so many members.
    pub fn of(members: u32) -> RingBuilder {
        RingBuilder {
            members,
            name: "shard".into(),
            certificate: None,
        }
    }

    /// How many members there are.
    pub fn members(&self) -> u32 {
        self.posts.len() as u32
    }

    /// A member's port on 127.0.0.1.
    pub fn port(&self, ordinal: u32) -> u16 {
        self.posts[ordinal as usize].port()
    }

    /// The balancer's port on 127.0.0.1: it asks the members in turn, and goes on to the next where nobody listens.
    pub fn balancer(&self) -> u16 {
        self.balancer_post().port()
    }

    /// Whose a key is.
    pub fn owner(&self, key: &str) -> u32 {
        owner(key, self.members())
    }

    /// Makes a member behave like that from the next request on.
    pub fn let_member(&self, ordinal: u32, behaviour: Behaviour) {
        self.posts[ordinal as usize].behave(behaviour, self.runtime());
    }

    /// Makes the balancer behave like that from the next request on. It has neither a ring nor a name to be wrong about.
    #[track_caller]
    pub fn let_balancer(&self, behaviour: Behaviour) {
        let is_a_members = match &behaviour {
            Behaviour::StaleRing(_) | Behaviour::Flaps | Behaviour::Claims(_) => true,
            Behaviour::Anonymous | Behaviour::Long(_) => true,
            Behaviour::Status(status) => *status < 400,
            _ => false,
        };
        assert!(!is_a_members, "only a member can be told: {behaviour:?}");
        self.balancer_post().behave(behaviour, self.runtime());
    }

    /// Members are added until there are so many, and every healthy one knows.
    pub fn grow(&mut self, members: u32) {
        for ordinal in self.members()..members {
            let post = self.post(Some(ordinal));
            self.posts.push(post);
        }
        let ports = self.posts.iter().map(Post::port).collect();
        self.shared.set_members(ports);
    }

    /// How many connections a member has taken.
    pub fn connections(&self, ordinal: u32) -> usize {
        self.posts[ordinal as usize].connections.load(Ordering::SeqCst)
    }

    /// How many requests came to a member from outside, not from other members.
    pub fn requests(&self, ordinal: u32) -> usize {
        self.posts[ordinal as usize].requests.load(Ordering::SeqCst)
    }

    fn post(&self, ordinal: Option<u32>) -> Post {
        Post::start(
            ordinal,
            free_port(),
            self.acceptor.clone(),
            self.shared.clone(),
            self.runtime(),
        )
    }

    fn balancer_post(&self) -> &Post {
        self.balancer.as_ref().expect("a started ring has a balancer")
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.as_ref().expect("a ring has a runtime until it is dropped")
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
