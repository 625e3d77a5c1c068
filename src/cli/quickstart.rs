//! The arguments of `quickstart`.

use clap::Args;

use super::WorkloadFlags;

/// `quickstart`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl quickstart                      the state of both phases, then a menu
  shardctl quickstart --plain              numbered lines and a typed number, for screen readers
  shardctl quickstart -n shop --name db    another workload

Every entry shows the command that it runs, and runs exactly that. Arrow keys or a number move to an entry, Return runs it;
q, Esc and Ctrl-D end the menu. Ctrl-C while a command runs is that command's.

Exit codes: 0 you left · 2 usage, or no terminal and no --plain · 7 the cluster can't be reached · 130 interrupted")]
pub struct Quickstart {
    /// Numbered lines and a typed number: no moving cursor, no colour. Chosen by itself where TERM is dumb or the window too low
    #[arg(long)]
    pub plain: bool,
    /// The workload.
    #[command(flatten)]
    pub workload: WorkloadFlags,
}
