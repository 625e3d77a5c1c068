//! The arguments of `upgrade`, `upgrade status` and `upgrade undo`.

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::{Change, Pace, Rehearse, Source, StatusOutput};

/// `upgrade`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  shardctl upgrade --image registry.example/db:2.0            every shard, one at a time
  shardctl upgrade --image db=registry.example/db:2.0         where there are several containers
  shardctl upgrade                                            a template that is pending already (GitOps)
  shardctl upgrade --restart --last 0                         the same template, new pods; ordinal 0 comes last
  shardctl upgrade --image registry.example/db:2.0 --dry-run=server
  shardctl upgrade --image registry.example/db:2.0 --rehearse
  shardctl upgrade --image registry.example/db:2.0 --canary 1 --gate verify
  shardctl upgrade status
  shardctl upgrade undo

Before anything is touched, the server tries the template and every node fetches the images. Running it again goes on
where it stopped. Ctrl-C once finishes the shard in hand, twice stops at once.

Exit codes: 0 done, or nothing to do · 1 stopped short; a shard may be down · 2 usage · 3 refused, nothing was touched ·
4 out of time, safe to rerun · 5 something of ours is left: shardctl recover · 6 somebody else holds the lock ·
7 the cluster can't be reached · 130 interrupted")]
pub struct Upgrade {
    /// `status` or `undo`.
    #[command(subcommand)]
    pub command: Option<UpgradeCommand>,
    /// The new image, REF or CONTAINER=REF; may be repeated. Without it, the template that is pending
    #[arg(long = "image", value_name = "[CONTAINER=]REF", conflicts_with = "restart")]
    pub images: Vec<String>,
    /// The same template, new pods: stamps the template; run again, it goes on with that stamp
    #[arg(long)]
    pub restart: bool,
    /// Which shards, and what becomes of a failure.
    #[command(flatten)]
    pub roll: Roll,
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

impl Upgrade {
    /// How many shards there should be, where that was said.
    pub fn expect(&self) -> Option<i32> {
        match &self.command {
            Some(UpgradeCommand::Status(_)) => None,
            Some(UpgradeCommand::Undo(undo)) => undo.pace.expect,
            None => self.pace.expect,
        }
    }

    /// Whether it is rehearsed, and on what.
    pub fn rehearse(&self) -> &Rehearse {
        match &self.command {
            Some(UpgradeCommand::Undo(undo)) => &undo.rehearse,
            _ => &self.rehearse,
        }
    }

    /// Whether this is more than looking: no `status`, no dry run, no rehearsal.
    pub fn changes_something(&self) -> bool {
        match &self.command {
            Some(UpgradeCommand::Status(_)) => false,
            Some(UpgradeCommand::Undo(undo)) => undo.change.dry_run.is_none() && !undo.rehearse.rehearse,
            None => self.change.dry_run.is_none() && !self.rehearse.rehearse,
        }
    }
}

/// The subcommands of `upgrade`.
#[derive(Clone, Debug, Subcommand)]
pub enum UpgradeCommand {
    /// How far an upgrade is: each shard's revision, who is at it, how to go on or back
    Status(UpgradeStatus),
    /// Put the template before back, and bring every shard to it, one at a time
    Undo(Box<Undo>),
}

/// `upgrade status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Exit codes: 0 every shard is Ready with the set's template · 1 some aren't · 7 it couldn't be judged")]
pub struct UpgradeStatus {
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: StatusOutput,
    /// Judge a saved snapshot instead of a cluster; with `demo`, the demo's cluster (a file of that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// `upgrade undo`.
#[derive(Args, Clone, Debug)]
pub struct Undo {
    /// The revision to go to, by its name; without it, the one before the last change that shardctl made
    #[arg(long, value_name = "NAME")]
    pub to_revision: Option<String>,
    /// Which shards, and what becomes of a failure.
    #[command(flatten)]
    pub roll: Roll,
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

/// What only an upgrade's pace knows.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which shards, how fast")]
pub struct Roll {
    /// Only these shards, by their numbers; separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub only: Vec<i32>,
    /// Stop after so many shards and ask; without a terminal, stop
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub canary: Option<u32>,
    /// When a shard can't come up: stop, or put the template back and let that shard heal
    #[arg(long, value_name = "WHAT", default_value = "halt")]
    pub on_failure: OnFailure,
    /// Don't fetch the images beforehand: a bad one is then found when a shard is down
    #[arg(long)]
    pub no_prepull: bool,
}

/// What to do when a shard can't come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Stop, and leave it as it is
    Halt,
    /// Put the template back and delete the stuck pod
    Undo,
}
