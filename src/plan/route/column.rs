//! What was seen at one entry, whatever the keys: how many requests, what failed, how long answers took.

use std::collections::BTreeMap;

use super::latency::Lengths;
use crate::model::route::answer::{Failed, Seen};
use crate::model::route::entry::{Entry, Way};
use crate::model::route::failure::Failure;
use crate::model::route::outcome::{EntryOutcome, Failures, Reopened};
use crate::model::set::Ordinal;

/// One entry, as it is being counted.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) entry: Entry,
    pub(super) answered: u64,
    pub(super) left_out: u64,
    requests: u64,
    failures: BTreeMap<Failure, (u64, String)>,
    reopened: Option<Reopened>,
    lengths: Lengths,
}

impl Column {
    pub(super) fn new(entry: Entry) -> Column {
        Column {
            entry,
            answered: 0,
            left_out: 0,
            requests: 0,
            failures: BTreeMap::new(),
            reopened: None,
            lengths: Lengths::default(),
        }
    }

    /// Counts a request, and how long it took where it was answered.
    pub(super) fn take(&mut self, seen: &Seen) {
        self.requests += 1;
        if let Some(why) = &seen.reopened {
            let reopened = self.reopened.get_or_insert_with(|| Reopened {
                count: 0,
                first: why.clone(),
            });
            reopened.count += 1;
        }
        if seen.result.is_ok() {
            self.lengths.add(&seen.timing);
        }
    }

    /// Counts what is wrong with a request.
    pub(super) fn fail(&mut self, failed: Failed) {
        self.failures.entry(failed.class).or_insert((0, failed.words)).0 += 1;
    }

    /// What it comes to, with how many keys it gave to each shard.
    pub(super) fn outcome(&self, owners: BTreeMap<Ordinal, usize>) -> EntryOutcome {
        EntryOutcome {
            name: self.entry.name.clone(),
            port_forward: matches!(self.entry.way, Way::Shard { .. }),
            requests: self.requests,
            answered: self.answered,
            left_out: self.left_out,
            owners,
            failures: self
                .failures
                .iter()
                .map(|(class, (count, first))| Failures {
                    class: *class,
                    count: *count,
                    first: first.clone(),
                })
                .collect(),
            reopened: self.reopened.clone(),
            latency: self.lengths.latency(),
        }
    }
}
