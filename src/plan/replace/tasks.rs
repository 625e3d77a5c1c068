//! The user's commands around shards: which there are, and which have run for which shard.

use std::collections::BTreeSet;

use crate::model::set::Ordinal;
use crate::model::step::{Act, Step, Task, When};

/// Which commands there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// A gate to pass between shards (`--gate`).
    pub gate: bool,
    /// A command before each shard (`--before`).
    pub before: bool,
    /// A command after each shard (`--after`).
    pub after: bool,
}

/// The commands, and which of them have run.
#[derive(Debug)]
pub struct Tasks {
    asked: Asked,
    /// One ran, and may have touched anything.
    pub ran_one: bool,
    before: BTreeSet<Ordinal>,
    after: BTreeSet<Ordinal>,
    gate_passed: bool,
}

impl Tasks {
    /// None has run yet.
    pub fn new(asked: Asked) -> Tasks {
        Tasks {
            asked,
            ran_one: false,
            before: BTreeSet::new(),
            after: BTreeSet::new(),
            gate_passed: false,
        }
    }

    /// The command before this shard, where it is due.
    pub fn before(&self, ordinal: Ordinal) -> Option<Step> {
        (self.asked.before && !self.before.contains(&ordinal)).then(|| task(When::Before(ordinal)))
    }

    /// The command after the first shard that is done and had none, where it is due.
    pub fn after(&self, done: &[Ordinal]) -> Option<Step> {
        let first = *done.iter().find(|ordinal| !self.after.contains(ordinal))?;
        self.asked.after.then(|| task(When::After(first)))
    }

    /// The gate, where it wasn't passed since the last shard was done.
    pub fn gate(&self) -> Option<Step> {
        (self.asked.gate && !self.gate_passed).then(|| task(When::Gate))
    }

    /// Remembers that a command is about to run.
    pub fn about_to(&mut self) {
        self.ran_one = true;
    }

    /// Remembers that a command went well.
    pub fn did(&mut self, done: &Task) {
        match done.when {
            When::Before(ordinal) => {
                self.before.insert(ordinal);
            }
            When::After(ordinal) => {
                self.after.insert(ordinal);
            }
            When::Gate => self.gate_passed = true,
        }
    }

    /// A shard is done: the gate must be passed anew before the next.
    pub fn close_the_gate(&mut self) {
        self.gate_passed = false;
    }
}

fn task(when: When) -> Step {
    Step::Act(Act::Task(Task { when }))
}
