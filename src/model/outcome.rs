//! What an operation ended as: the shards with their phases, the seconds down, and the three facts that every run ends with.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::phase::Lasted;

/// How a run ended. Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The goal is reached.
    Done,
    /// There was nothing to do, and nothing was written.
    NothingToDo,
    /// Preflight refused; no shard, template or budget was touched.
    Refused,
    /// It stopped short of its goal over something that somebody must look at.
    Halted,
    /// It ran out of time; safe to rerun.
    TimedOut,
    /// The user interrupted it.
    Interrupted,
    /// Somebody else holds the lock.
    Locked,
    /// Something of ours couldn't be taken away.
    MarkLeft,
    /// The cluster couldn't be reached any more.
    Unreachable,
    /// All that could be seen is as it should be, and not everything could be seen.
    Unjudged,
}

impl End {
    /// The exit code that goes with it (docs/exit-codes.md; `crate::exit_code` has the same numbers).
    pub const fn exit_code(self) -> u8 {
        match self {
            End::Done | End::NothingToDo => 0,
            End::Halted => 1,
            End::Refused => 3,
            End::TimedOut => 4,
            End::MarkLeft => 5,
            End::Locked => 6,
            End::Unreachable | End::Unjudged => 7,
            End::Interrupted => 130,
        }
    }
}

/// One shard's way through the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardReport {
    /// The shard.
    pub shard: String,
    /// How long it was down in this run, in seconds; up to now where it still is.
    pub down_seconds: f64,
    /// Whether it is Ready with what it was to become.
    pub done: bool,
    /// The phases, in their order.
    pub phases: Vec<Lasted>,
    /// How long its way down and up was expected to take, in seconds, before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_seconds: Option<f64>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The exit code.
    pub exit_code: u8,
    /// What was achieved or stood in the way, a sentence without a full stop.
    pub summary: String,
    /// The shards that were touched, in the order in which they were.
    pub shards: Vec<ShardReport>,
    /// Seconds during which shards were down, summed over the shards, as this run saw them.
    pub shard_seconds: f64,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// What was proven of the data: `10 volumes unchanged`. Empty where there is nothing to prove.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// What was in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The first fact: the state now.
    pub state_now: String,
    /// The second: how to undo it; lines, a command begins with `$ `.
    pub how_to_undo: Vec<String>,
    /// The third: how to resume; lines, a command begins with `$ `.
    pub how_to_resume: Vec<String>,
}

/// How long shards were down in all, in seconds. None of them is 0, and not the -0 that an empty sum is.
pub fn down_in_all(shards: &[ShardReport]) -> f64 {
    shards.iter().fold(0.0, |sum, shard| sum + shard.down_seconds)
}
