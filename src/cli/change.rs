//! Flags that the commands share which change a cluster.

use clap::{Args, ValueEnum};

use super::{ReportTo, StatusOutput};

/// In what order shards are taken, how patiently, and what happens between two of them.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which shards, how fast")]
pub struct Pace {
    /// These shards last, by their numbers: where the writer or primary lives
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub last: Vec<i32>,
    /// Wait this long between two shards
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub pause: String,
    /// What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)
    #[arg(long, value_name = "verify|route-test|exec:CMD")]
    pub gate: Option<String>,
    /// A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL
    #[arg(long, value_name = "CMD")]
    pub before: Option<String>,
    /// A command after each shard is Ready again
    #[arg(long, value_name = "CMD")]
    pub after: Option<String>,
    /// Start no shard that can't finish by then: 90m, or 2026-11-21T06:00:00Z
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<String>,
    /// How long a shard must be Ready, where that is more than minReadySeconds
    #[arg(long, value_name = "DURATION")]
    pub min_ready: Option<String>,
    /// How long a shard may be down beyond its grace period, and a node may take to be ready for it
    #[arg(long, value_name = "DURATION", default_value = "600s")]
    pub shard_timeout: String,
    /// How often a container may restart before its shard counts as failed
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(i32).range(0..))]
    pub max_restarts: i32,
    /// How many shards there should be [default: an integer minAvailable, then spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub expect: Option<i32>,
}

/// What every command that changes a cluster shares.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Changing things")]
pub struct Change {
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
    /// Go on in spite of a refusal, by its id; may be repeated. What guards data can't be allowed
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Print what would be done and change nothing: client reads only, server lets the API server try each kind of write
    #[arg(long, value_name = "HOW")]
    pub dry_run: Option<DryRun>,
    /// How long the lock outlives a run that was killed
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub lease_duration: String,
    /// The form of the progress and the end: text, or json with one event a line
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: StatusOutput,
    /// The page of the run.
    #[command(flatten)]
    pub report: ReportTo,
}

/// How a dry run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Read, judge, print
    Client,
    /// Let the server try each kind of write as well
    Server,
}
