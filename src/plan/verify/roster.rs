//! The set's pods, looked through once for all that is asked of them, and not again for those that are the same objects as at
//! the look before: an operation looks at everything at each change, and of thousands of pods one has changed.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::seen::Shard;
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::set::{self, Ordinal};

/// What one pod is to a set, for as long as it is this very object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    /// Whether the set's selector matches it.
    selected: bool,
    /// The ordinal in its name.
    ordinal: Option<Ordinal>,
    /// Whether that is the name which the set gives: `db-01` isn't.
    named: bool,
    /// Whether the set's controller owns it.
    own: bool,
    ready: bool,
    terminating: bool,
}

impl Facts {
    fn of(set: &StatefulSet, found: &Pod) -> Facts {
        let selector = set.spec.as_ref().map(|spec| &spec.selector);
        let name = pod::name(found);
        let ordinal = set::ordinal_of(set, name);
        let digits = name.rsplit('-').next().unwrap_or_default();
        Facts {
            selected: selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref())),
            ordinal,
            named: ordinal.is_some() && (digits == "0" || !digits.starts_with('0')),
            own: pod::is_controlled_by(found, set::uid(set)),
            ready: pod::is_ready(found),
            terminating: pod::is_terminating(found),
        }
    }
}

/// What is known of the pods from one look to the next.
#[derive(Debug, Default)]
pub struct Known(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The set that the facts are about.
    set: Option<StatefulSet>,
    /// The pods of the last look, in its order.
    pods: Vec<(Arc<Pod>, Facts)>,
}

impl Known {
    /// The facts of each pod, in the pods' order.
    fn facts(&self, set: &StatefulSet, pods: &Objects<Pod>) -> Vec<Facts> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same_set = known.set.as_ref().is_some_and(|before| {
            fn selector(spec: &StatefulSetSpec) -> &LabelSelector {
                &spec.selector
            }
            before.metadata.name == set.metadata.name
                && before.metadata.uid == set.metadata.uid
                && before.spec.as_ref().map(selector) == set.spec.as_ref().map(selector)
        });
        if !is_same_set {
            known.pods.clear();
            known.set = Some(set.clone());
        }
        let before = std::mem::take(&mut known.pods);
        let mut at = 0_usize;
        known.pods = pods
            .shared()
            .map(|found| {
                // One that came or went shifts those behind it by one place.
                let near = at.saturating_sub(1)..before.len().min(at + 3);
                let same = near.into_iter().find(|place| Arc::ptr_eq(&before[*place].0, found));
                let facts = same.map_or_else(|| Facts::of(set, found), |place| before[place].1);
                at = same.unwrap_or(at) + 1;
                (found.clone(), facts)
            })
            .collect();
        known.pods.iter().map(|(_, facts)| *facts).collect()
    }
}

/// One of the shards that there should be.
#[derive(Clone, Copy, Debug)]
struct Row {
    ordinal: Ordinal,
    /// The place of its pod among all.
    pod: Option<usize>,
    ready: bool,
    terminating: bool,
}

/// The pods of a set, by their places among those of the snapshot.
#[derive(Debug)]
pub(super) struct Roster {
    pods: Vec<usize>,
    own: Vec<usize>,
    rows: Vec<Row>,
    expected: usize,
}

impl Roster {
    /// Looks through the pods, for so many shards, of which so many are expected; not through those pods that `known` knows.
    pub fn of(set: &StatefulSet, pods: &Objects<Pod>, (every, expected): (i32, i32), known: Option<&Known>) -> Roster {
        let facts = match known {
            Some(known) => known.facts(set, pods),
            None => pods.iter().map(|found| Facts::of(set, found)).collect(),
        };
        let mut all: Vec<(usize, Facts)> = facts
            .into_iter()
            .enumerate()
            .filter(|(_, facts)| facts.selected)
            .collect();
        all.sort_by(|(one, a), (other, b)| {
            let by_name = || pod::name(&pods[*one]).cmp(pod::name(&pods[*other]));
            a.ordinal.cmp(&b.ordinal).then_with(by_name)
        });
        let ordinals = set::ordinals(set, every);
        let first = ordinals.start;
        let missing = |ordinal| Row {
            ordinal,
            pod: None,
            ready: false,
            terminating: false,
        };
        let mut rows: Vec<Row> = ordinals.map(missing).collect();
        for (found, facts) in all.iter().filter(|(_, facts)| facts.named) {
            let place = facts.ordinal.and_then(|ordinal| ordinal.checked_sub(first));
            let place = place.and_then(|place| usize::try_from(place).ok());
            if let Some(row) = place.and_then(|place| rows.get_mut(place)) {
                row.pod = Some(*found);
                row.ready = facts.ready;
                row.terminating = facts.terminating;
            }
        }
        Roster {
            own: all
                .iter()
                .filter(|(_, facts)| facts.own)
                .map(|(found, _)| *found)
                .collect(),
            pods: all.into_iter().map(|(found, _)| found).collect(),
            rows,
            expected: usize::try_from(expected).unwrap_or_default(),
        }
    }

    /// Those that the set's selector matches, by ordinal and then by name.
    pub fn pods<'a>(&self, all: &'a Objects<Pod>) -> Vec<&'a Pod> {
        self.pods.iter().map(|place| &all[*place]).collect()
    }

    /// Those of them that its controller owns, in the same order.
    pub fn own<'a>(&self, all: &'a Objects<Pod>) -> Vec<&'a Pod> {
        self.own.iter().map(|place| &all[*place]).collect()
    }

    /// Every shard, or only those that are expected.
    pub fn shards<'a>(&self, set: &StatefulSet, all: &'a Objects<Pod>, only_expected: bool) -> Vec<Shard<'a>> {
        let count = if only_expected { self.expected } else { self.rows.len() };
        let rows = self.rows.iter().take(count);
        rows.map(|row| {
            let pod = row.pod.map(|place| &all[place]);
            Shard {
                ordinal: row.ordinal,
                name: pod.map_or_else(
                    || Cow::Owned(set::pod_name(set, row.ordinal)),
                    |found| Cow::Borrowed(pod::name(found)),
                ),
                pod,
                ready: row.ready,
                terminating: row.terminating,
            }
        })
        .collect()
    }
}
