//! The arguments of `recover`.

use clap::Args;

use super::{DryRun, Rehearse, ReportTo, StatusOutput};

/// `recover`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl recover                             find what interrupted runs left, show it, ask, undo it
  shardctl recover --dry-run=client            only show it
  shardctl recover --rehearse                  play it on a copy: what would be put back, and whether that would do
  shardctl recover --yes                       without a question
  shardctl recover --expired --yes             only what is past its time: for a CronJob (k8s/recover-cronjob.yaml)
  shardctl recover --node-is-off node-7        node-7 is lost, and seen to be off: let its shards and disks go

What somebody changed since is left as it is, and told. A template is never touched.

A node that is off is declared so by the taint node.kubernetes.io/out-of-service, which goes once the shards are Ready elsewhere.
Kubernetes doesn't look whether it is true: a disk that is written from two machines is lost.

Exit codes: 0 nothing is left · 3 refused or not confirmed · 4 waited in vain · 5 something of ours couldn't be taken away · 6 an operation is running ·
  7 not everything could be read · 130 interrupted")]
pub struct Recover {
    /// Only what was meant to be over by now, by the server's clock
    #[arg(long)]
    pub expired: bool,
    /// Also declare this node off, whose machine was seen to be: its shards come back elsewhere. Asks for its name
    #[arg(long, value_name = "NODE", conflicts_with = "expired")]
    pub node_is_off: Option<String>,
    /// The node's name once more, instead of typing it when asked; --yes doesn't do
    #[arg(long, value_name = "NODE", requires = "node_is_off")]
    pub confirm: Option<String>,
    /// How long to wait for what takes its time: an extra shard that is to go, the shards of a node that is off
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    pub timeout: String,
    /// Don't ask
    #[arg(short, long)]
    pub yes: bool,
    /// Print what would be done and change nothing: client reads only, server lets the API server try each write
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
    /// Whether it is only rehearsed.
    #[command(flatten)]
    pub rehearse: Rehearse,
}

impl Recover {
    /// Whether this is more than looking: no dry run, no rehearsal.
    pub fn changes_something(&self) -> bool {
        self.dry_run.is_none() && !self.rehearse.rehearse
    }
}
