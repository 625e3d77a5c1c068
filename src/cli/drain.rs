//! The arguments of `drain`.

use clap::{Args, ValueEnum};

use super::{Change, Pace, Rehearse};

/// `drain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl drain node-7                                    the shards one at a time, the budget open for milliseconds
  shardctl drain node-7 --strategy direct                  by deletions, which no budget stops
  shardctl drain node-7 --strategy downtime --confirm db   all its shards together: the system is down until they are back
  shardctl drain node-7 --dry-run=server                   where everything would go; the server tries the writes
  shardctl drain node-7 --rehearse                         played on a copy: what would happen and when, what would get stuck
  shardctl drain -l pool=old --then-uncordon               node after node, each taking pods again when it is done
  shardctl drain node-7 --then-release                     and have Karpenter end the machine

Everything that would stop it half-way is found before the node is cordoned. The node stays cordoned, as with kubectl.
Running it again goes on where it stopped. Ctrl-C once finishes the shard in hand, twice stops at once.

Exit codes: 0 done, every shard Ready elsewhere · 1 stopped short; a shard may be down · 2 usage · 3 refused, nothing was
touched · 4 blocked or out of time, safe to rerun · 5 something of ours is left: shardctl recover · 6 somebody else holds
the lock · 7 the cluster can't be reached · 130 interrupted")]
pub struct Drain {
    /// The nodes, emptied one after another
    #[arg(
        value_name = "NODE",
        required_unless_present = "selector",
        conflicts_with = "selector"
    )]
    pub nodes: Vec<String>,
    /// The nodes with these labels, one after another
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// How the shards go
    #[arg(long, value_name = "HOW", default_value = "relax")]
    pub strategy: StrategyName,
    /// Let each node take pods again when it is empty, the next node's among them
    #[arg(long, conflicts_with = "then_release")]
    pub then_uncordon: bool,
    /// Delete each node's NodeClaim when it is empty: Karpenter ends the machine
    #[arg(long)]
    pub then_release: bool,
    /// Whether nodes are made, and images fetched, before a shard is touched: auto does so where a new node is needed
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Room for the shards"
    )]
    pub prewarm: PrewarmWhen,
    /// The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]
    #[arg(long, value_name = "REF", help_heading = "Room for the shards")]
    pub pause_image: Option<String>,
    /// As kubectl drain has them.
    #[command(flatten)]
    pub others: Others,
    /// In what order, how patiently.
    #[command(flatten)]
    pub pace: Pace,
    /// How a change is made.
    #[command(flatten)]
    pub change: Change,
    /// Whether it is only rehearsed.
    #[command(flatten)]
    pub rehearse: Rehearse,
    /// The set's name, typed out: what --strategy downtime wants instead of --yes
    #[arg(long, value_name = "NAME", help_heading = "Changing things")]
    pub confirm: Option<String>,
}

impl Drain {
    /// Whether this is more than looking: no dry run, no rehearsal.
    pub fn changes_something(&self) -> bool {
        self.change.dry_run.is_none() && !self.rehearse.rehearse
    }
}

/// kubectl drain's own flags, with their meaning.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pods that aren't shards, as kubectl drain has it")]
pub struct Others {
    /// Leave the pods of DaemonSets where they are; with =false they stop the drain
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub ignore_daemonsets: bool,
    /// Go on though pods have emptyDir volumes, whose data is lost with them; a shard's own needs none of this
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub delete_emptydir_data: bool,
    /// Go on though pods have no controller, which nothing makes anew
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub force: bool,
    /// The seconds that each pod gets to stop; below 0, its own
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "-1",
        allow_negative_numbers = true,
        hide_default_value = true
    )]
    pub grace_period: i64,
    /// When to give up on the whole; 0 is never
    #[arg(long, value_name = "DURATION", default_value = "0")]
    pub timeout: String,
}

/// How shards go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StrategyName {
    /// One eviction at a time, the budget lowered by one for the milliseconds that it takes
    Relax,
    /// One more shard first, so that the budget lets one go; it joins DNS and the balancer, and goes again
    Surge,
    /// Deletions, one at a time: no budget stops them, no webhook on evictions sees them
    Direct,
    /// All shards of the node together: the system is down, for the shortest time
    Downtime,
}

/// When nodes are made beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrewarmWhen {
    /// Where a shard would have to wait for a node to be made, or for its image to be fetched
    Auto,
    /// For every shard
    Always,
    /// For none
    Never,
}
