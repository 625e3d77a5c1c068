//! The arguments of `uncordon`.

use clap::Args;

use super::{DryRun, ReportTo, StatusOutput};

/// `uncordon`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl uncordon node-7                     let node-7 take pods again
  shardctl uncordon -l pool=shards             every node of a pool
  shardctl uncordon node-7 --dry-run=client    only say what would be done

What an interrupted drain changed there beside the cordon is put back as well. While a drain is running, its nodes stay cordoned.

Exit codes: 0 they take pods · 2 no such node · 3 refused or not confirmed · 6 a drain that has its mark there is running ·
  7 the cluster can't be reached · 130 interrupted")]
pub struct Uncordon {
    /// The nodes
    #[arg(value_name = "NODE", required_unless_present = "selector")]
    pub nodes: Vec<String>,
    /// The nodes with these labels, instead of their names
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "nodes")]
    pub selector: Option<String>,
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
}
