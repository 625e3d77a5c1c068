//! The arguments of `report`, and the flag of the commands that can write its page themselves.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Where the page of a run goes.
#[derive(Args, Clone, Debug, Default)]
pub struct ReportTo {
    /// Write a page of the run there when it is over, however it ends: one HTML file that loads nothing
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    pub report: Option<PathBuf>,
}

/// `report`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl upgrade --yes -o json > run.jsonl               keep what a run tells
  shardctl report run.jsonl > run.html                     and make a page of it
  shardctl report - --out run.html < run.jsonl
  shardctl drain node-7 --report drain.html                or have the run write its page itself

The page needs no network and no script. What came from the cluster is in it: names, messages, last lines of logs.

Exit codes: 0 written · 2 the file can't be read, was cut off, or isn't the events of one run · 7 the page can't be written")]
pub struct Report {
    /// The file that `-o json` was saved in; - is standard input
    #[arg(value_name = "EVENTS.jsonl", value_hint = ValueHint::FilePath)]
    pub events: PathBuf,
    /// Where to write the page [default: standard output]
    #[arg(short, long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}
