//! What somebody in the cluster says about a shard: the scheduler, Karpenter, an autoscaler, the attach controller, a kubelet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// kube-scheduler.
    Scheduler,
    /// Karpenter.
    Karpenter,
    /// Cluster Autoscaler.
    Autoscaler,
    /// The attach/detach controller, and volume attachments themselves.
    Attach,
    /// The kubelet.
    Kubelet,
    /// The StatefulSet controller, the disruption controller and the like.
    Controller,
    /// shardctl, in this run or another.
    Shardctl,
    /// Anybody else.
    Other,
}

impl Source {
    /// Its name in output.
    pub const fn word(self) -> &'static str {
        match self {
            Source::Scheduler => "scheduler",
            Source::Karpenter => "karpenter",
            Source::Autoscaler => "autoscaler",
            Source::Attach => "attach",
            Source::Kubelet => "kubelet",
            Source::Controller => "controller",
            Source::Shardctl => "shardctl",
            Source::Other => "other",
        }
    }
}

/// One thing that was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// When it was said last.
    pub said: Timestamp,
    /// The shard that it concerns; none where it is about the set as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Who says it.
    pub source: Source,
    /// The object it was said of, as `kind/name`.
    pub object: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// The reason, one word: `FailedScheduling`.
    pub reason: String,
    /// The words, as they were written.
    pub message: String,
    /// How often it was said.
    pub count: i32,
}
