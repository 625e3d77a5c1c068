//! The arguments of `deploy`.

use clap::Args;

use super::{Change, PhaseName, WorkloadFlags};

/// `deploy`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl deploy explore --zones eastus-1,eastus-2,eastus-3     write everything, wait until every shard is Ready
  shardctl deploy stable --dry-run=server                        what would change, field by field
  shardctl deploy explore --memory 48Gi --yes                    a new template; shards that are there keep theirs
  shardctl deploy stable --allow field-owner                     also fields that somebody else writes

What the cluster lacks is found before anything is written. Objects that are as they should be aren't written. Running it
again changes nothing. Ctrl-C stops the waiting; the shards come up all the same.

Exit codes: 0 every shard is Ready · 1 a shard can't come up, or an object couldn't be written · 2 usage · 3 refused, nothing
was written · 4 out of time, safe to rerun · 6 somebody else holds the lock · 7 the cluster can't be reached · 130 interrupted")]
pub struct Deploy {
    /// The phase
    #[arg(value_name = "PHASE")]
    pub phase: PhaseName,
    /// How long the shards may take to be Ready; 0 is for ever
    #[arg(long, value_name = "DURATION", default_value = "30m")]
    pub timeout: String,
    /// The workload.
    #[command(flatten)]
    pub workload: WorkloadFlags,
    /// How a change is made.
    #[command(flatten)]
    pub change: Change,
}
