//! Rules: which requests, and what becomes of them.

use super::request::Request;
use super::serve::{Cut, Shared};
use crate::cluster::wait;
use serde_json::Value;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Which requests: `on(…)`, perhaps `.nth(2)`, and what becomes of them.
pub struct When<'a> {
    shared: &'a Arc<Shared>,
    matches: Matches,
    nth: Option<usize>,
}

type Matches = Box<dyn Fn(&Request) -> bool + Send + Sync>;

/// What becomes of a request.
pub(super) enum Fate {
    Hold,
    HoldAnswer,
    Cut,
    CutAnswer,
    Answer(u16, Value),
    Delay(Duration),
}

/// How a rule ended.
enum End {
    Release,
    Discard,
}

impl<'a> When<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, matches: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self {
            shared,
            matches: Box::new(matches),
            nth: None,
        }
    }

    /// Only the nth that matches from now on, counted from 1. Without this: each.
    pub fn nth(mut self, nth: usize) -> Self {
        self.nth = Some(nth);
        self
    }

    /// The API server doesn't get to see the request until the rule is released.
    pub fn hold(self) -> Rule {
        self.then(Fate::Hold)
    }

    /// The API server does what was asked; the client hears of it once the rule is released.
    pub fn hold_answer(self) -> Rule {
        self.then(Fate::HoldAnswer)
    }

    /// The client's connection is closed, with all that is under way on it. The API server doesn't see the request.
    pub fn cut(self) -> Rule {
        self.then(Fate::Cut)
    }

    /// The API server does what was asked; then the client's connection is closed, with all that is under way on it.
    pub fn cut_answer(self) -> Rule {
        self.then(Fate::CutAnswer)
    }

    /// The client gets this code and JSON. The API server doesn't see the request.
    pub fn answer(self, code: u16, body: Value) -> Rule {
        self.then(Fate::Answer(code, body))
    }

    /// The request goes to the API server this much later.
    pub fn delay(self, delay: Duration) -> Rule {
        self.then(Fate::Delay(delay))
    }

    fn then(self, fate: Fate) -> Rule {
        let standing = Arc::new(Standing {
            matches: self.matches,
            nth: self.nth,
            fate,
            matched: AtomicUsize::new(0),
            hits: watch::Sender::new(Vec::new()),
            end: watch::Sender::new(None),
        });
        self.shared.add(standing.clone());
        Rule {
            shared: self.shared.clone(),
            standing,
        }
    }
}

/// A rule that stands, until it is released or discarded. Dropping this changes nothing.
pub struct Rule {
    shared: Arc<Shared>,
    standing: Arc<Standing>,
}

impl Rule {
    /// Waits until the rule has been applied, and gives the request that it was first applied to: one that is held or
    /// cut hasn't reached the API server then, one whose answer is held or cut has been answered.
    #[track_caller]
    pub fn wait_hit(&self) -> Request {
        let first = wait::wait_near("a request that the rule is for", wait::DEADLINE, || {
            let first = self.standing.hits.borrow().first().copied();
            first.ok_or(Asked(&self.shared))
        });
        self.shared.requests().swap_remove(first)
    }

    /// How many requests the rule has been applied to.
    pub fn hits(&self) -> usize {
        self.standing.hits.borrow().len()
    }

    /// Ends the rule: what it holds goes on.
    pub fn release(&self) {
        self.standing.end.send_replace(Some(End::Release));
    }

    /// Ends the rule: what it holds is cut. For after a kill: that the client is gone may not have been noticed yet.
    pub fn discard(&self) {
        self.standing.end.send_replace(Some(End::Discard));
    }
}

/// Every request so far, written down when it is shown.
struct Asked<'a>(&'a Shared);

impl Display for Asked<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let requests = self.0.requests();
        write!(f, "none among {} requests:", requests.len())?;
        requests.iter().try_for_each(|request| write!(f, "\n  {request}"))
    }
}

/// A rule as the interceptor keeps it.
pub(super) struct Standing {
    matches: Matches,
    nth: Option<usize>,
    pub(super) fate: Fate,
    matched: AtomicUsize,
    hits: watch::Sender<Vec<usize>>,
    end: watch::Sender<Option<End>>,
}

impl Standing {
    /// True when the rule is for this request; counts it either way.
    pub(super) fn applies_to(&self, request: &Request) -> bool {
        if self.end.borrow().is_some() || !(self.matches)(request) {
            return false;
        }
        let matched = self.matched.fetch_add(1, Ordering::Relaxed) + 1;
        self.nth.is_none_or(|nth| nth == matched)
    }

    /// Notes that the rule has been applied.
    pub(super) fn hit(&self, request: &Request) {
        self.hits.send_modify(|hits| hits.push(request.number));
    }

    /// Holds a request until the rule ends.
    pub(super) async fn hold(&self) -> Result<(), Cut> {
        let mut end = self.end.subscribe();
        // The sender lives as long as the rule itself.
        match end.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(End::Release)) => Ok(()),
            _ => Err(Cut),
        }
    }
}
