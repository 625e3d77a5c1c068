//! What a pod asks of a node of one resource, added up container by container, as the scheduler counts.
//!
//! Source: k8s.io/component-helpers/resource/helpers.go (PodRequests; KEP-753 for init containers that keep running).

use super::quantity::Amount;

/// A sum over the containers of a pod, or what its start needs where that is more. None where nothing is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demand {
    containers: Option<Amount>,
    /// Init containers so far that keep running.
    running: Option<Amount>,
    start: Option<Amount>,
    whole: Option<Amount>,
    overhead: Option<Amount>,
}

impl Demand {
    /// A container asks for so much.
    pub fn container(&mut self, asked: Option<Amount>) {
        self.containers = plus(self.containers, asked);
    }

    /// The next init container asks for so much: it runs beside those before it that keep running (`restartPolicy: Always`), and
    /// these run beside the containers.
    pub fn init_container(&mut self, asked: Option<Amount>, keeps_running: bool) {
        let beside = plus(self.running, asked);
        if keeps_running {
            self.running = beside;
        }
        self.start = self.start.max(beside);
    }

    /// So much is written for the whole pod, which holds instead of the sum.
    pub fn whole(&mut self, asked: Option<Amount>) {
        self.whole = asked;
    }

    /// So much comes on top.
    pub fn overhead(&mut self, asked: Option<Amount>) {
        self.overhead = asked;
    }

    /// All of it.
    pub fn total(&self) -> Option<Amount> {
        let sum = plus(self.containers, self.running).max(self.start);
        plus(self.whole.or(sum), self.overhead)
    }
}

fn plus(one: Option<Amount>, other: Option<Amount>) -> Option<Amount> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.plus(other)),
        (one, other) => one.or(other),
    }
}
