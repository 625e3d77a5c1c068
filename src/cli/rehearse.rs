//! The flags of a rehearsal, which operations share.

use clap::{Args, ValueHint};

use super::Source;

/// Whether it is rehearsed, and on what.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Rehearsing")]
pub struct Rehearse {
    /// Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads
    #[arg(long, conflicts_with_all = ["dry_run", "report"])]
    pub rehearse: bool,
    /// Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo's cluster (a file of
    /// that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, requires = "rehearse")]
    pub from: Option<Source>,
}
