//! The flags of a rehearsal, which operations share.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Whether it is rehearsed, and on what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Rehearsing")]
pub struct Rehearse {
    /// Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads
    #[arg(long, conflicts_with_all = ["dry_run", "report"])]
    pub rehearse: bool,
    /// Rehearse on a saved snapshot instead of a cluster: nothing is asked at all
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "rehearse")]
    pub from: Option<PathBuf>,
}
