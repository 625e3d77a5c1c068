//! The command line: arguments, help headings, examples. No logic; `commands` gives it a meaning.

mod change;
mod cleanup;
mod demo;
mod deploy;
mod drain;
mod packing;
mod promote;
mod quickstart;
mod recover;
mod rehearse;
mod render;
mod report;
mod route_test;
mod source;
mod uncordon;
mod upgrade;
mod workload;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub use change::{Change, DryRun, Pace};
pub use cleanup::Cleanup;
pub use demo::{Demo, SceneName, Speed};
pub use deploy::Deploy;
pub use drain::{Drain, Others, PrewarmWhen, StrategyName};
pub use packing::{
    LayoutName, MachinesWanted, ModelName, Models, PackingOutput, PackingSummary, PackingTable, Pay, Prices, WhatIf,
};
pub use promote::Promote;
pub use quickstart::Quickstart;
pub use recover::Recover;
pub use rehearse::Rehearse;
pub use render::Render;
pub use report::{Report, ReportTo};
pub use route_test::{EntryName, RouteGate, RouteTest, RouteTestOutput, Test};
pub use source::Source;
pub use uncordon::Uncordon;
pub use upgrade::{OnFailure, Roll, Undo, Upgrade, UpgradeCommand, UpgradeStatus};
pub use workload::WorkloadFlags;

const ABOUT: &str = "Looks after stateful shards on Kubernetes: a system that is down when any one shard is down";

const EXAMPLES: &str = "\
Examples:
  shardctl demo                            the whole job in a minute, no cluster needed
  shardctl status                          UP or DOWN, in one line
  shardctl verify                          is everything as it must be?
  shardctl verify --wait 10m -o short      wait until it is
  shardctl events db-3                     what the scheduler, Karpenter, kubelets … say about a shard
  shardctl route-test                      does every key land on its shard, from every entry?
  shardctl packing-summary                 what runs where, what it costs, what would be better
  shardctl upgrade --image IMAGE           every shard to a new image, one at a time
  shardctl drain NODE                      empty a node, its shards one at a time
  shardctl uncordon NODE                   let a node take pods again
  shardctl recover                         undo what an interrupted run left
  shardctl render stable                   the reference workload's manifests
  shardctl deploy explore                  and the workload itself
  shardctl promote --size SIZE             from explore to stable, one shard at a time
  shardctl cleanup                         delete it; the data stays
  shardctl quickstart                      a menu over all of it
  shardctl report run.jsonl > run.html     a page of a run that wrote its events with -o json
  shardctl explain POD-01                  what a check reads, why it matters, how to mend it
  shardctl snapshot --redact > bug.json    what was observed, without names

Exit codes:
  0 done, or healthy · 1 a check failed, or an operation stopped short · 2 usage · 3 refused, nothing was touched ·
  4 out of time, safe to rerun · 5 something of ours is left: shardctl recover · 6 somebody else holds the lock ·
  7 the cluster can't be reached, or something couldn't be judged · 70 a bug · 130 interrupted";

/// shardctl's command line.
#[derive(Debug, Parser)]
#[command(name = "shardctl", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110)]
#[command(propagate_version = true, arg_required_else_help = true, subcommand_required = true)]
pub struct Cli {
    /// Flags that every command has.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command has, in kubectl's words.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which cluster, which set")]
pub struct Global {
    /// The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod's service account]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig context [env: SHARDCTL_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context's]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]
    #[arg(long, global = true, value_name = "NAME")]
    pub statefulset: Option<String>,
    /// The user to act as
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// A group to act as; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "as_user")]
    pub as_groups: Vec<String>,
    /// How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub request_timeout: Option<String>,
    /// The configuration file [default: the nearest shardctl.toml upwards, then the user's configuration folder]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub config: Option<PathBuf>,
    /// Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]
    #[arg(long, global = true, value_name = "WHEN", help_heading = "Output")]
    pub color: Option<ColorWhen>,
    /// Print less: no progress on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Print more: what an error was caused by
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Is everything as it must be? Checks the set, its pods, nodes, disks, names, budget, and what was left behind
    Verify(Verify),
    /// UP or DOWN in one line, for alerts and prompts
    Status(Status),
    /// What was said about the shards, in one order: scheduler, Karpenter, autoscaler, attach, kubelets, controllers
    Events(Events),
    /// Does every key land on its shard, from every entry? Asks the load balancer and every shard about the same keys
    RouteTest(Box<RouteTest>),
    /// What runs on which node, what it costs, and which machines would be better
    PackingSummary(Box<PackingSummary>),
    /// Move every shard to a new template, one at a time, with the fewest seconds down
    Upgrade(Box<Upgrade>),
    /// Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next
    #[command(visible_alias = "maintenance-drain")]
    Drain(Box<Drain>),
    /// The whole job on a cluster inside this process: no cluster, no network, no configuration needed
    Demo(Demo),
    /// A menu over all of it, with the state of both phases on top
    Quickstart(Box<Quickstart>),
    /// Write the reference workload's objects for a phase, and wait until every shard is Ready
    Deploy(Box<Deploy>),
    /// Move the reference workload from the explore phase to the stable one: one size, one shard at a time, nothing deleted
    Promote(Box<Promote>),
    /// Delete the reference workload's objects, named and counted; the data stays unless it is asked for
    Cleanup(Box<Cleanup>),
    /// Let nodes take pods again, and put back what an interrupted drain left there
    Uncordon(Uncordon),
    /// Find and undo what interrupted runs left: marks, helper pods, the lock
    Recover(Recover),
    /// The reference workload's manifests for a phase: printed, or as a kustomization in a folder
    Render(Box<Render>),
    /// A page of a run, from the events that it wrote with -o json: the timeline, the seconds down, what was done by whom
    Report(Report),
    /// Save what was observed, to a file or standard output
    Snapshot(Snapshot),
    /// A check's page (what it reads, why it matters, how to mend it), a refusal's, or a runbook
    Explain(Explain),
    /// The configuration in force
    #[command(subcommand)]
    Config(Config),
    /// The Roles that shardctl needs, as YAML
    Rbac(Rbac),
    /// Completions for a shell, to standard output
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// Where the page of the run goes, where one is wanted.
    pub fn report(&self) -> Option<&Path> {
        let to = match self {
            Command::Upgrade(arguments) => match &arguments.command {
                Some(UpgradeCommand::Undo(undo)) => &undo.change.report,
                Some(UpgradeCommand::Status(_)) => return None,
                None => &arguments.change.report,
            },
            Command::Drain(arguments) => &arguments.change.report,
            Command::Deploy(arguments) => &arguments.change.report,
            Command::Promote(arguments) => &arguments.change.report,
            Command::Cleanup(arguments) => &arguments.change.report,
            Command::Uncordon(arguments) => &arguments.report,
            Command::Recover(arguments) => &arguments.report,
            _ => return None,
        };
        to.report.as_deref()
    }

    /// What it reads instead of a cluster, where that was said.
    pub fn from(&self) -> Option<&Source> {
        match self {
            Command::Verify(arguments) => arguments.from.as_ref(),
            Command::Status(arguments) => arguments.from.as_ref(),
            Command::Events(arguments) => arguments.from.as_ref(),
            Command::RouteTest(arguments) => arguments.from.as_ref(),
            Command::PackingSummary(arguments) => arguments.from.as_ref(),
            Command::Snapshot(arguments) => arguments.from.as_ref(),
            Command::Upgrade(arguments) => match &arguments.command {
                Some(UpgradeCommand::Status(status)) => status.from.as_ref(),
                _ => arguments.rehearse().from.as_ref(),
            },
            Command::Drain(arguments) => arguments.rehearse.from.as_ref(),
            Command::Recover(arguments) => arguments.rehearse.from.as_ref(),
            Command::Promote(arguments) => arguments.rehearse.from.as_ref(),
            Command::Demo(_)
            | Command::Quickstart(_)
            | Command::Deploy(_)
            | Command::Cleanup(_)
            | Command::Uncordon(_)
            | Command::Render(_)
            | Command::Report(_)
            | Command::Explain(_)
            | Command::Config(_)
            | Command::Rbac(_)
            | Command::Completions { .. } => None,
        }
    }
}

/// `rbac`.
#[derive(Args, Clone, Debug)]
pub struct Rbac {
    /// What the Roles are to allow
    #[arg(long = "for", value_name = "WHAT", default_value = "reading")]
    pub purpose: RolesFor,
}

/// What Roles allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RolesFor {
    /// verify, status, events, snapshot, dry runs
    Reading,
    /// That, and what packing-summary reads on top
    Packing,
    /// Reading, and upgrade
    Upgrade,
    /// Reading, and drain, by every strategy
    Drain,
    /// That, and deploy
    Deploy,
    /// That, deploy, upgrade, and promote
    Promote,
    /// That of reading, and cleanup, with the data
    Cleanup,
    /// recover, alone
    Recover,
    /// route-test, alone
    RouteTest,
}

/// How name servers are asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Names")]
pub struct Names {
    /// How name servers are asked: port-forward, exec, system, or IP:PORT [default: port-forward; system inside a pod]
    #[arg(long, value_name = "HOW")]
    pub dns: Option<String>,
    /// How long one DNS question may take [default: 2s]
    #[arg(long, value_name = "DURATION")]
    pub dns_timeout: Option<String>,
    /// The cluster's DNS domain [default: from CoreDNS's configuration, or resolv.conf inside a shard]
    #[arg(long, value_name = "DOMAIN")]
    pub cluster_domain: Option<String>,
}

/// `verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl verify                              everything, for people
  shardctl verify -o short                     only what isn't green
  shardctl verify --wait 10m                   until healthy, or ten minutes have passed
  shardctl verify --only POD-01,PDB-03         two checks
  shardctl verify --dns exec                   names as a shard sees them
  shardctl verify --from snapshot.json         the same checks on a saved snapshot

Exit codes: 0 healthy · 1 a check failed · 7 no check failed, but one that could couldn't be judged")]
pub struct Verify {
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: VerifyOutput,
    /// Only these checks; may be repeated, or separated by commas
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "Which checks")]
    pub only: Vec<String>,
    /// Not these checks; they are counted and shown as skipped
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "Which checks")]
    pub skip: Vec<String>,
    /// Also try whether the server would refuse to evict a shard (a dry run, nothing is evicted)
    #[arg(long, help_heading = "Which checks", conflicts_with = "from")]
    pub probe_protection: bool,
    /// How many shards there should be [default: an integer minAvailable, then spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..), help_heading = "Which checks")]
    pub expect: Option<i32>,
    /// The phase to judge by [default: inferred from the template]
    #[arg(long, value_name = "PHASE", help_heading = "Which checks")]
    pub phase: Option<PhaseName>,
    /// How name servers are asked.
    #[command(flatten)]
    pub names: Names,
    /// Take whole new snapshots until healthy, for so long
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["watch", "from"], help_heading = "Again and again")]
    pub wait: Option<String>,
    /// Take whole new snapshots until interrupted, and say what changed
    #[arg(long, conflicts_with = "from", help_heading = "Again and again")]
    pub watch: bool,
    /// The pause between two snapshots
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "2s",
        help_heading = "Again and again"
    )]
    pub interval: String,
    /// Judge a saved snapshot instead of a cluster; with `demo`, the demo's cluster (a file of that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// The forms of `verify`'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyOutput {
    /// Every check, for people
    Text,
    /// Only what isn't green, for people
    Short,
    /// JSON, described in docs/json.md
    Json,
    /// JUnit XML, for CI systems
    Junit,
    /// Prometheus' text format
    Prometheus,
}

/// The phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PhaseName {
    /// Karpenter picks among sizes
    Explore,
    /// One size pinned, protected from disruption
    Stable,
}

/// `status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 UP · 1 DOWN · 7 unknown")]
pub struct Status {
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: StatusOutput,
    /// How many shards there should be [default: an integer minAvailable, then spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub expect: Option<i32>,
    /// Judge a saved snapshot instead of a cluster; with `demo`, the demo's cluster (a file of that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// The forms of `status`'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusOutput {
    /// For people
    Text,
    /// JSON, described in docs/json.md
    Json,
}

/// `events`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl events                              everything that was said about every shard, oldest first
  shardctl events 3 --since 10m                about shard 3, in the last ten minutes
  shardctl events -w                           and what is said from now on, until interrupted
  shardctl events --from snapshot.json         what was said when a snapshot was saved

The cluster forgets events after an hour or so. What conditions and containers' states still know is told, too.

Exit codes: 0 told · 7 something couldn't be read · 130 interrupted")]
pub struct Events {
    /// Only what concerns this shard: a pod's name, or its ordinal
    #[arg(value_name = "SHARD")]
    pub shard: Option<String>,
    /// Go on with what is said from now on, until interrupted
    #[arg(short, long, conflicts_with = "from")]
    pub watch: bool,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: EventsOutput,
    /// Only what was said in the last so long, for example 10m
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Read a saved snapshot instead of a cluster; with `demo`, the demo's cluster (a file of that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// The forms of `events`' result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventsOutput {
    /// A line each, for people
    Text,
    /// A JSON object a line, described in docs/json.md
    Json,
}

/// `snapshot`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl snapshot > cluster.json
  shardctl snapshot --redact --out bug.json
  shardctl verify --from cluster.json

Secrets are never read. With --redact, names and addresses become pseudonyms, and environment values, logs and
unknown annotations are dropped; the same checks still give the same answers.")]
pub struct Snapshot {
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Replace names and addresses by pseudonyms, drop environment values, logs and unknown annotations
    #[arg(long)]
    pub redact: bool,
    /// How name servers are asked.
    #[command(flatten)]
    pub names: Names,
    /// Read a saved snapshot instead of a cluster, for example to redact it; with `demo`, the demo's cluster (a file of that
    /// name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// `explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The id of a check or of a refusal, a runbook's name, `refusals` or `runbooks`; without it, every check in a line
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// The form of the page
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: ExplainOutput,
}

/// The forms of `explain`'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainOutput {
    /// For people
    Text,
    /// Markdown; without an id, the whole of docs/checks.md; with `refusals`, of docs/refusals.md
    Markdown,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Each value with where it comes from
    Show,
}
