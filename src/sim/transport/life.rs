//! Somebody at work on the rehearsal cluster: a process that counts what it changes, meets faults, and may die of one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Line;
use crate::sim::faults::{Fault, Faults};

/// Who asks through a client of nobody's in particular.
const NOBODY: u32 = 0;

/// A process, as the cluster knows it. A cheap clone: its clients share it.
#[derive(Clone)]
pub struct Life {
    inner: Arc<Inner>,
}

struct Inner {
    name: u32,
    faults: Mutex<Faults>,
    sent: AtomicU64,
    line: Line,
}

impl Life {
    /// A process of nobody's in particular, at the end of a line, to which nothing happens.
    pub(super) fn of_nobody(line: &Line) -> Life {
        let mut life = Life::new(NOBODY, Faults::default());
        if let Some(inner) = Arc::get_mut(&mut life.inner) {
            inner.line = line.clone();
        }
        life
    }

    /// A process that will meet these faults; by `name` it is told from others.
    pub fn new(name: u32, faults: Faults) -> Life {
        Life {
            inner: Arc::new(Inner {
                name,
                faults: Mutex::new(faults),
                sent: AtomicU64::new(0),
                line: Line::default(),
            }),
        }
    }

    /// What it is called.
    pub fn name(&self) -> u32 {
        self.inner.name
    }

    /// How many mutating requests it has sent.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// Nothing goes wrong from now on.
    pub fn without_faults(&self) {
        *self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner) = Faults::default();
    }

    /// Ends it: nothing of it is heard any more, and it hears nothing.
    pub fn end(&self) {
        self.inner.line.cut();
    }

    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.inner.line.is_cut()
    }

    /// Resolves once it has died.
    pub async fn ended(&self) {
        self.inner.line.was_cut().await;
    }

    /// Does something until it is done, or he has died: then it is dropped where it is.
    pub(super) async fn while_it_lasts(self, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.ended() => {}
            () = work => {}
        }
    }

    /// Its line to the cluster.
    pub(super) fn line(&self) -> &Line {
        &self.inner.line
    }

    /// Counts a mutating request: its number, and what goes wrong at it.
    pub(super) fn sends(&self) -> (u64, Vec<Fault>) {
        let number = self.inner.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let faults = self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner);
        (number, faults.of(number).to_vec())
    }
}
