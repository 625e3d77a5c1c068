//! Every fact worth showing of an operation, as it happens: what the terminal, the JSON lines, the HTML report and the
//! Kubernetes Events are all written from. Operations emit these and never format or print.
//!
//! The JSON form is a contract (docs/json.md): one object a line; fields are added, never changed in meaning. It is read again
//! by `shardctl report`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::finding::Finding;
use crate::model::happening::Happening;
use crate::model::outcome::Outcome;
use crate::model::phase::{Lasted, Phase};
use crate::model::refusal::Refusal;

/// A fact and when it was seen, in the server's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When, in the server's time.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happened. Names of objects are `kind/name`; shards go by their pod's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Fact {
    /// The operation begins; nothing was changed yet.
    Started {
        /// `upgrade`, `drain` …
        operation: String,
        /// The run: the operation and a few letters that tell runs apart.
        run: String,
        /// Who runs it: user and host.
        by: String,
        /// The namespace.
        namespace: String,
        /// The set.
        statefulset: String,
        /// What it will do, a sentence without a full stop.
        goal: String,
        /// The shards it is about, in the order that it will take them.
        order: Vec<String>,
        /// The command line that does the same again.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        command: String,
    },
    /// Preflight or the gate refuses.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Preflight would have refused, and `--allow` says otherwise.
    Allowed {
        /// What was allowed.
        refusal: Refusal,
    },
    /// Something worth knowing that stops nothing.
    Noted {
        /// What, with its severity.
        finding: Finding,
    },
    /// The lock is ours, or is waited for.
    Lock {
        /// `waiting`, `held`, `taken-over`, `lost`, `released`.
        state: LockState,
        /// The Lease, as `lease/name`.
        object: String,
        /// Who holds it or held it, where that isn't us.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
    },
    /// Something other than a shard was changed: the template, a mark, a helper pod.
    Changed {
        /// The object.
        object: String,
        /// What was done, in the past tense, without a full stop.
        what: String,
    },
    /// A node fetches, has, or can't get the new images.
    PrePull {
        /// The node.
        node: String,
        /// `started`, `done` or `failed`.
        state: TaskState,
        /// How long it took, in seconds, when it is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
        /// What is told of it: the kubelet's words where it failed.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        words: String,
    },
    /// A shard in hand enters a phase, or what it waits for has changed.
    Shard {
        /// The shard.
        shard: String,
        /// Its phase.
        phase: Phase,
        /// What it waits for, a clause.
        words: String,
        /// Since when the shard is down.
        since: Timestamp,
    },
    /// A shard is Ready with what it was to become.
    ShardDone {
        /// The shard.
        shard: String,
        /// How long it was down, in seconds.
        down_seconds: f64,
        /// The phases, in their order.
        phases: Vec<Lasted>,
    },
    /// A shard can't become Ready as things are.
    ShardFailed {
        /// The shard.
        shard: String,
        /// Why, with evidence and remedy.
        finding: Finding,
    },
    /// What the scheduler, Karpenter, the attach controller or a kubelet say about a shard in hand.
    Heard(Happening),
    /// A command or check that the user asked for between shards.
    Task {
        /// `gate verify`, `gate exec: …`, `before: …`, `after: …`.
        name: String,
        /// The shard that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
        /// `started`, `done` or `failed`.
        state: TaskState,
        /// How long it took, in seconds, when it is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
        /// The last lines that it wrote where it failed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        output: Vec<String>,
    },
    /// The operation waits for something that isn't a shard in hand.
    Waiting {
        /// What for, a clause.
        words: String,
    },
    /// A request failed, and the operation goes on.
    Trouble {
        /// What, a sentence without a full stop.
        message: String,
    },
    /// The user asked to stop: the shard in hand is finished, then marks are put back.
    Stopping {
        /// The shard in hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shard: Option<String>,
    },
    /// The end. Always the last event.
    Ended(Box<Outcome>),
}

/// What became of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockState {
    /// Somebody else's is looked at, to see whether they are still alive.
    Waiting,
    /// Ours.
    Held,
    /// Ours, after its holder hadn't renewed it for its whole duration.
    TakenOver,
    /// Somebody else took it, or it couldn't be renewed in time.
    Lost,
    /// Given back.
    Released,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// It runs.
    Started,
    /// It ended well.
    Done,
    /// It ended badly.
    Failed,
}
