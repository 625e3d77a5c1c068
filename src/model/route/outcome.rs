//! What a route test found, as every output says it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::failure::Failure;
use crate::model::report::Conclusion;
use crate::model::set::Ordinal;

/// Whose identity an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identities {
    /// Each pod's own: it answers for itself, whatever the key.
    EachItself,
    /// The owner's: pods pass keys on to whose they are.
    Owner,
}

/// What became of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyVerdict {
    /// One shard, from every entry that answered.
    Stable,
    /// One entry gives it to several shards, by turns.
    Flapping,
    /// Entries differ over its owner.
    Disagreement,
    /// A shard answered it that isn't its owner.
    WrongOwner,
    /// A shard's entry was answered by a third one.
    EntryMismatch,
    /// No entry had an answer for it.
    Unserved,
    /// Nothing was seen that tells its owner.
    Unknown,
}

impl KeyVerdict {
    /// Its id in output.
    pub const fn id(self) -> &'static str {
        match self {
            KeyVerdict::Stable => "stable",
            KeyVerdict::Flapping => "flapping",
            KeyVerdict::Disagreement => "disagreement",
            KeyVerdict::WrongOwner => "wrong-owner",
            KeyVerdict::EntryMismatch => "entry-mismatch",
            KeyVerdict::Unserved => "unserved",
            KeyVerdict::Unknown => "unknown",
        }
    }
}

/// A key that isn't stable, with what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// The key.
    pub key: String,
    /// What became of it.
    pub verdict: KeyVerdict,
    /// The entries that differ from the rest, or that what is wrong was seen at.
    pub entries: Vec<String>,
    /// Each shard that was named, and by how many entries.
    pub owners: BTreeMap<Ordinal, usize>,
}

/// How long a part of the requests took; of one entry, of those that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// How many there were.
    pub samples: u64,
    /// Half were at most so long, in microseconds.
    pub p50_micros: u64,
    /// Nine of ten.
    pub p90_micros: u64,
    /// 99 of 100; none under 100 samples, where it would say nothing.
    pub p99_micros: Option<u64>,
    /// The longest.
    pub max_micros: u64,
}

/// The latency of an entry, split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Until the name had an address.
    pub dns: Option<Quantiles>,
    /// Until there was a connection.
    pub connect: Option<Quantiles>,
    /// Until TLS was agreed on.
    pub tls: Option<Quantiles>,
    /// Until the first byte.
    pub first_byte: Option<Quantiles>,
    /// All of it.
    pub total: Option<Quantiles>,
}

/// One class of failure at one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// Which.
    pub class: Failure,
    /// How many requests; for a disagreement and for flapping, how many keys.
    pub count: u64,
    /// What was seen the first time.
    pub first: String,
}

/// That the way to an entry had to be opened anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reopened {
    /// How often.
    pub count: u64,
    /// Why, the first time.
    pub first: String,
}

/// What was seen at an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryOutcome {
    /// Its name.
    pub name: String,
    /// Whether a port-forward led there, which bypasses pod IP, NetworkPolicy, DNS and the load balancer.
    pub port_forward: bool,
    /// How many requests went there.
    pub requests: u64,
    /// How many had an answer that could be read.
    pub answered: u64,
    /// How many more were left out, since nothing had come from there for too long.
    pub left_out: u64,
    /// How many keys it gave to each shard.
    pub owners: BTreeMap<Ordinal, usize>,
    /// What failed, by class.
    pub failures: Vec<Failures>,
    /// How often the way had to be opened anew; none where it never had to.
    pub reopened: Option<Reopened>,
    /// How long requests took.
    pub latency: Latency,
}

/// An entry that couldn't be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownEntry {
    /// Its name.
    pub name: String,
    /// Why, a clause without a full stop.
    pub why: String,
}

/// What shards answer to a command, and which: a set with one writer shows who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// The answer.
    pub answer: String,
    /// The shards that give it.
    pub shards: Vec<Ordinal>,
}

/// How shards were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// Over HTTP, about keys.
    Http,
    /// Only whether a connection is taken.
    Tcp,
    /// By a command inside each shard.
    Exec,
}

/// How the keys are spread over the shards.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Which entries named the owners.
    pub source: String,
    /// Each shard's keys, the shards with none among them.
    pub owners: BTreeMap<Ordinal, usize>,
    /// How many keys have an owner.
    pub keys: usize,
    /// χ² against an even spread; none for one shard.
    pub chi_squared: Option<f64>,
    /// How likely an even spread would look as uneven, or more.
    pub p_value: Option<f64>,
    /// The shards with no key.
    pub without_key: Vec<Ordinal>,
    /// Whether there were keys enough, each with an owner, that a shard without one is a failure.
    pub enough_for_every_shard: bool,
    /// Whether the spread is uneven beyond chance: a warning.
    pub uneven: bool,
}

/// A key that has another owner than it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The key.
    pub key: String,
    /// Whose it was.
    pub from: Ordinal,
    /// Whose it is.
    pub to: Ordinal,
}

/// The owners beside those of an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// How many keys have an owner in both.
    pub compared: usize,
    /// How many of the earlier keys have none now.
    pub missing: usize,
    /// The shards that there weren't.
    pub added: Vec<Ordinal>,
    /// The shards that there aren't any more.
    pub removed: Vec<Ordinal>,
    /// How many moved to a shard that was added, or away from one that was removed: as it must be.
    pub moved_as_expected: usize,
    /// Those that moved from one lasting shard to another, by key.
    pub moved: Vec<Moved>,
}

/// What a route test found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteOutcome {
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: String,
    /// The shards that there must be.
    pub shards: Vec<Ordinal>,
    /// How shards were asked.
    pub probe: ProbeKind,
    /// How many keys were asked about; none where shards don't speak HTTP.
    pub keys: usize,
    /// How often each, from every entry.
    pub rounds: u32,
    /// Whose identity answers tell; none where that couldn't be found out.
    pub identities: Option<Identities>,
    /// What was seen at each entry.
    pub entries: Vec<EntryOutcome>,
    /// The entries that couldn't be tried.
    pub unknown: Vec<UnknownEntry>,
    /// How many keys came out how.
    pub verdicts: BTreeMap<KeyVerdict, usize>,
    /// The keys that aren't stable, as far as they are listed.
    pub rows: Vec<KeyRow>,
    /// How many more there are.
    pub rows_left_out: usize,
    /// What shards answered to a command; one that changed its answer is in several.
    pub roles: Vec<Role>,
    /// How the keys are spread; none where no owner is known.
    pub balance: Option<Balance>,
    /// Beside an earlier run.
    pub comparison: Option<Comparison>,
    /// What is worth knowing of how it was seen, a sentence each.
    pub notes: Vec<String>,
    /// Why nothing of this counts.
    pub void: Option<String>,
    /// What it comes to.
    pub conclusion: Conclusion,
}

impl RouteOutcome {
    /// What isn't as it should be, a line each; empty where all is well.
    pub fn wrong(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.void.clone().into_iter().collect();
        for entry in &self.entries {
            let line = |one: &Failures| format!("{}: {} × {}: {}", entry.name, one.class.id(), one.count, one.first);
            lines.extend(entry.failures.iter().map(line));
        }
        lines.extend(
            self.unknown
                .iter()
                .map(|one| format!("{} couldn't be tried: {}", one.name, one.why)),
        );
        let bad = |verdict: &KeyVerdict| *verdict != KeyVerdict::Stable;
        let verdicts = self.verdicts.iter().filter(|(verdict, _)| bad(verdict));
        lines.extend(verdicts.map(
            |(verdict, count)| match self.rows.iter().find(|row| row.verdict == *verdict) {
                Some(row) if row.entries.is_empty() => {
                    format!("{count} keys: {}, for example {}", verdict.id(), row.key)
                }
                Some(row) => format!(
                    "{count} keys: {}, for example {} at {}",
                    verdict.id(),
                    row.key,
                    row.entries.join(", ")
                ),
                None => format!("{count} keys: {}", verdict.id()),
            },
        ));
        if let Some(balance) = self.balance.as_ref().filter(|balance| balance.enough_for_every_shard) {
            lines.extend(
                balance
                    .without_key
                    .iter()
                    .map(|shard| format!("no key belongs to shard {shard}")),
            );
        }
        let moved = self.comparison.as_ref().map_or(0, |comparison| comparison.moved.len());
        if moved > 0 {
            lines.push(format!("{moved} keys moved between shards that last"));
        }
        lines
    }
}
