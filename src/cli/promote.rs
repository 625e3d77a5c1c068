//! The arguments of `promote`.

use clap::Args;

use super::{Change, Pace, PrewarmWhen, Rehearse, WorkloadFlags};

/// `promote`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl promote --size Standard_E16s_v5 --dry-run=server      what would change, and whether the size holds the shards
  shardctl promote --size Standard_E16s_v5 --rehearse            played on a copy: what would happen and when
  shardctl promote --size Standard_E16s_v5                       write the stable phase, move the shards, end the explore pool
  shardctl promote --size Standard_E16s_v5 --last 0              the writer last
  shardctl promote --size Standard_E16s_v5 --gate verify         look between two shards

Nothing is deleted but the explore pool, once it is empty: the claims, and the data, stay. Each shard is moved when a node of
the new pool is there for it and has its image. Say the same flags as for deploy. Running it again goes on where it stopped.

Exit codes: 0 every shard is on the stable phase's nodes, the explore pool gone · 1 stopped short · 2 usage · 3 refused,
nothing was written · 4 out of time, safe to rerun · 5 something of ours is left: shardctl recover · 6 somebody else holds
the lock · 7 the cluster can't be reached · 130 interrupted")]
pub struct Promote {
    /// Whether nodes are made, and images fetched, before a shard is taken down
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Room for the shards"
    )]
    pub prewarm: PrewarmWhen,
    /// The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]
    #[arg(long, value_name = "REF", help_heading = "Room for the shards")]
    pub pause_image: Option<String>,
    /// How long the nodes of the explore pool may take to go; 0 is for ever
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub timeout: String,
    /// The workload.
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// In what order, how patiently.
    #[command(flatten)]
    pub pace: Pace,
    /// How a change is made.
    #[command(flatten)]
    pub change: Change,
    /// Whether it is only rehearsed.
    #[command(flatten)]
    pub rehearse: Rehearse,
}

impl Promote {
    /// Whether this is more than looking: no dry run, no rehearsal.
    pub fn changes_something(&self) -> bool {
        self.change.dry_run.is_none() && !self.rehearse.rehearse
    }
}
