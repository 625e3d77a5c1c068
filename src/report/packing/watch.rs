//! The packing watched: what is in view at a moment, and what has just come or gone.

mod board;
mod screen;
mod words;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Present;
use super::usage::Usage;
use crate::model::movement::{Movement, Passing};

pub use board::board;
pub use screen::Screen;
pub use words::{change, state, trouble};

/// How long a node that came or went is marked.
pub const MARKED: SignedDuration = SignedDuration::from_mins(5);

/// What is in view; in JSON the document `PackingState`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The server's time.
    pub at: Timestamp,
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: Option<String>,
    /// The nodes, and what they come to.
    pub present: Present,
    /// What is used.
    pub usage: Usage,
    /// What couldn't be read, a clause each.
    pub unread: Vec<String>,
    /// Why what is in view may be old; none where it is what the cluster says now.
    pub trouble: Option<Trouble>,
}

impl Frame {
    /// Whose packing it is.
    fn subject(&self) -> String {
        match &self.statefulset {
            Some(set) => format!("{}/{set}", self.namespace),
            None => self.namespace.clone(),
        }
    }
}

/// Why what is in view may be old; in JSON also the document `PackingTrouble`, whose `why` is null when it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// A clause.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// A change with its time; in JSON the document `PackingChange`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The server's time when it was seen.
    pub at: Timestamp,
    /// What has changed.
    #[serde(flatten)]
    pub movement: Movement,
}

/// The nodes that came and went a while ago, by name.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    came: BTreeMap<String, Timestamp>,
    went: BTreeMap<String, (Passing, Timestamp)>,
}

impl Marks {
    /// Takes note of a change.
    pub fn note(&mut self, moved: &Moved) {
        match &moved.movement {
            Movement::NodeCame(of) => {
                self.went.remove(&of.node);
                self.came.insert(of.node.clone(), moved.at);
            }
            Movement::NodeWent(of) => {
                self.came.remove(&of.node);
                self.went.insert(of.node.clone(), (of.clone(), moved.at));
            }
            _ => {}
        }
    }

    /// Forgets what is long ago.
    pub fn forget(&mut self, now: Timestamp) {
        self.came.retain(|_, at| now.duration_since(*at) < MARKED);
        self.went.retain(|_, (_, at)| now.duration_since(*at) < MARKED);
    }
}

#[cfg(test)]
mod tests;
