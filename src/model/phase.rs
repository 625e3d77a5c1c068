//! What a shard goes through from being taken down to being Ready, and how long each part lasted.

use serde::{Deserialize, Serialize};

/// A part of a shard's way down and up again, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From its deletion until its pod is gone.
    Terminate,
    /// Until its disk has left the old node; nothing where it comes back to the same node.
    Detach,
    /// Until the new pod has a node.
    Schedule,
    /// Until its disk is attached to that node.
    Attach,
    /// Until its images are there and its first container runs.
    Pull,
    /// Until it is Ready, for as long as `minReadySeconds` asks.
    Start,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 6] = [
        Phase::Terminate,
        Phase::Detach,
        Phase::Schedule,
        Phase::Attach,
        Phase::Pull,
        Phase::Start,
    ];

    /// Its name in output.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Terminate => "terminate",
            Phase::Detach => "detach",
            Phase::Schedule => "schedule",
            Phase::Attach => "attach",
            Phase::Pull => "pull",
            Phase::Start => "start",
        }
    }
}

/// How long a phase lasted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lasted {
    /// Which.
    pub phase: Phase,
    /// How long, in seconds.
    pub seconds: f64,
}
