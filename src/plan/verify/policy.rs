//! What the user said about how to judge; nothing of it comes from the cluster.

use std::collections::BTreeSet;

use crate::model::report::Phase;

/// A value and where it was said (`--expect`, `shardctl.toml`), for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub origin: String,
}

/// How to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How many shards there should be.
    pub expect: Option<Said<i32>>,
    /// Which phase the set is in.
    pub phase: Option<Said<Phase>>,
    /// Only these checks; all of them where it is empty.
    pub only: BTreeSet<String>,
    /// Not these checks.
    pub skip: BTreeSet<String>,
    /// Flags that commands in remedies repeat (`--context prod`), so that they act on the same cluster.
    pub kubectl_flags: Vec<String>,
}

impl Policy {
    /// Whether a check is wanted.
    pub fn wants(&self, id: &str) -> bool {
        (self.only.is_empty() || self.only.contains(id)) && !self.skip.contains(id)
    }
}
