//! The arguments of `cleanup`.

use clap::Args;

use super::{Change, PhaseName, WorkloadFlags};

/// `cleanup`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl cleanup --dry-run=server                         what would be deleted, and what stays
  shardctl cleanup                                          the set, what is around it, the pools; every claim stays
  shardctl cleanup --phase explore                          only the explore phase's pool, where nothing is on its nodes
  shardctl cleanup --data --confirm biometric-shards        the claims, too, and the data with them

What isn't labelled as the workload's is named and left, and the namespace is always left. Say the same --name and -n as for
deploy. Running it again goes on where it stopped.

Exit codes: 0 deleted, or nothing to do · 1 stopped short · 2 usage · 3 refused, nothing was deleted · 4 out of time, safe to
rerun · 6 somebody else holds the lock · 7 the cluster can't be reached · 130 interrupted")]
pub struct Cleanup {
    /// Only what is this phase's alone: its pool and its node class
    #[arg(long, value_name = "PHASE", conflicts_with = "data")]
    pub phase: Option<PhaseName>,
    /// Delete the claims as well, and the data with them: wants the namespace's name typed out
    #[arg(long)]
    pub data: bool,
    /// How long the shards, and then the nodes, may take to go; 0 is for ever
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub timeout: String,
    /// The workload.
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// How a change is made.
    #[command(flatten)]
    pub change: Change,
    /// The namespace's name, typed out: what --data wants instead of --yes
    #[arg(long, value_name = "NAME", help_heading = "Changing things")]
    pub confirm: Option<String>,
}
