//! The arguments of `recover`.

use clap::Args;

use super::{DryRun, StatusOutput};

/// `recover`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl recover                             find what interrupted runs left, show it, ask, undo it
  shardctl recover --dry-run=client            only show it
  shardctl recover --yes                       without a question
  shardctl recover --expired --yes             only what is past its time: for a CronJob (k8s/recover-cronjob.yaml)

What somebody changed since is left as it is, and told. A template is never touched.

Exit codes: 0 nothing is left · 3 not confirmed · 5 something of ours couldn't be taken away · 6 an operation is running ·
  7 not everything could be read · 130 interrupted")]
pub struct Recover {
    /// Only what was meant to be over by now, by the server's clock
    #[arg(long)]
    pub expired: bool,
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
}
