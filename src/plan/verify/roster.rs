//! The set's pods, looked through once for all that is asked of them, and not again for those that are the same objects as at
//! the look before: an operation looks at everything at each change, and of thousands of pods one has changed.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::shard::{Name, Shard};
use crate::model::mark::HELPER;
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::set::{self, Ordinal};

/// A revision's name, among all that the pods of a look have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(usize);

/// The names of revisions, each at its own place.
type Revisions = Arc<Vec<Box<str>>>;

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
    /// Whether it helps an operation of ours.
    helper: bool,
    ready: bool,
    terminating: bool,
    revision: Option<Revision>,
}

impl Facts {
    fn of(set: &StatefulSet, found: &Pod, revisions: &mut Revisions) -> Facts {
        let selector = set.spec.as_ref().map(|spec| &spec.selector);
        let name = pod::name(found);
        let ordinal = set::ordinal_of(set, name);
        let digits = name.rsplit('-').next().unwrap_or_default();
        Facts {
            selected: selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref())),
            ordinal,
            named: ordinal.is_some() && (digits == "0" || !digits.starts_with('0')),
            own: pod::is_controlled_by(found, set::uid(set)),
            helper: pod::label(found, HELPER).is_some(),
            ready: pod::is_ready(found),
            terminating: pod::is_terminating(found),
            revision: pod::revision(found).map(|name| {
                Revision(place_of(revisions, name).unwrap_or_else(|| {
                    let names = Arc::make_mut(revisions);
                    names.push(name.into());
                    names.len() - 1
                }))
            }),
        }
    }

    /// Whether it has the same place in the set as before.
    fn is_placed_as(&self, before: &Facts) -> bool {
        let place = |facts: &Facts| (facts.selected, facts.ordinal, facts.named, facts.own, facts.helper);
        place(self) == place(before)
    }
}

fn place_of(revisions: &Revisions, wanted: &str) -> Option<usize> {
    revisions.iter().position(|name| **name == *wanted)
}

/// What is known of the pods from one look to the next.
#[derive(Debug, Default)]
pub struct Known(Mutex<Option<Inner>>);

#[derive(Debug)]
struct Inner {
    /// The set that the facts are about.
    set: StatefulSet,
    /// The pods of the last look, and what each of them is.
    pods: Objects<Pod>,
    facts: Vec<Facts>,
    revisions: Revisions,
    /// What that look showed.
    last: Option<Arc<Roster>>,
}

impl Inner {
    fn of(set: &StatefulSet) -> Inner {
        Inner {
            set: set.clone(),
            pods: Objects::default(),
            facts: Vec::new(),
            revisions: Revisions::default(),
            last: None,
        }
    }

    /// Whether all that the facts go by is as it was.
    fn is_about(&self, set: &StatefulSet) -> bool {
        fn selector(spec: &StatefulSetSpec) -> &LabelSelector {
            &spec.selector
        }
        self.set.metadata.name == set.metadata.name
            && self.set.metadata.uid == set.metadata.uid
            && self.set.spec.as_ref().map(selector) == set.spec.as_ref().map(selector)
    }

    fn look(&mut self, set: &StatefulSet, pods: &Objects<Pod>, sizes: Sizes) -> Arc<Roster> {
        let last = self.last.take().filter(|last| last.sizes == sizes);
        let roster = match last {
            Some(last) if self.pods.is_the_same_as(pods) => last,
            Some(last) if self.pods.len() == pods.len() => match self.changed(set, pods) {
                Some(changed) => Arc::new(last.with(&self.facts, &changed, sizes, &self.revisions)),
                None => Arc::new(Roster::from(pods, &self.facts, sizes, &self.revisions)),
            },
            _ => {
                self.learn(set, pods);
                Arc::new(Roster::from(pods, &self.facts, sizes, &self.revisions))
            }
        };
        self.pods = pods.clone();
        self.last = Some(roster.clone());
        roster
    }

    /// Learns the facts of as many pods as before: the places of those that are others, where each is what the one before it was.
    fn changed(&mut self, set: &StatefulSet, pods: &Objects<Pod>) -> Option<Vec<usize>> {
        let mut changed = Some(Vec::new());
        for (place, (before, found)) in self.pods.iter().zip(pods).enumerate() {
            if std::ptr::eq(before, found) {
                continue;
            }
            let facts = Facts::of(set, found, &mut self.revisions);
            let known = &mut self.facts[place];
            changed = changed.filter(|_| facts.is_placed_as(known));
            changed.iter_mut().for_each(|changed| changed.push(place));
            *known = facts;
        }
        changed
    }

    /// Learns the facts of each pod, in the pods' order.
    fn learn(&mut self, set: &StatefulSet, pods: &Objects<Pod>) {
        let before = std::mem::take(&mut self.facts);
        let mut at = 0_usize;
        for found in pods {
            // One that came or went shifts those behind it by one place.
            let mut near = at.saturating_sub(1)..before.len().min(at + 3);
            let same = near.find(|place| std::ptr::eq(&raw const self.pods[*place], found));
            self.facts.push(match same {
                Some(place) => before[place],
                None => Facts::of(set, found, &mut self.revisions),
            });
            at = same.unwrap_or(at) + 1;
        }
    }
}

/// For how many shards a roster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    /// The lowest ordinal.
    first: Ordinal,
    /// How many shards there are or should be.
    every: i32,
    /// How many of them are expected.
    expected: i32,
}

/// One of the shards that there should be.
#[derive(Clone, Copy, Debug)]
struct Row {
    ordinal: Ordinal,
    /// The place of its pod among all.
    pod: Option<usize>,
    /// Whether that is the set's own.
    own: bool,
    ready: bool,
    terminating: bool,
    revision: Option<Revision>,
}

impl Row {
    fn see(&mut self, pod: usize, facts: &Facts) {
        *self = Row {
            ordinal: self.ordinal,
            pod: Some(pod),
            own: facts.own,
            ready: facts.ready,
            terminating: facts.terminating,
            revision: facts.revision,
        };
    }

    fn shard<'a>(&self, set: &StatefulSet, all: &'a Objects<Pod>) -> Shard<'a> {
        let pod = self.pod.map(|place| &all[place]);
        Shard {
            ordinal: self.ordinal,
            name: pod.map_or_else(|| Name::Known(Cow::Owned(set::pod_name(set, self.ordinal))), Name::Of),
            pod,
            ready: self.ready,
            terminating: self.terminating,
            revision: self.revision,
        }
    }
}

/// The pods of a set, by their places among those of the snapshot.
#[derive(Debug)]
pub(super) struct Roster {
    pods: Arc<[usize]>,
    own: Arc<[usize]>,
    helpers: Arc<[usize]>,
    rows: Vec<Row>,
    sizes: Sizes,
    revisions: Revisions,
}

impl Roster {
    /// Looks through the pods, for so many shards, of which so many are expected; not through those pods that `known` knows.
    pub fn of(
        set: &StatefulSet,
        pods: &Objects<Pod>,
        (every, expected): (i32, i32),
        known: Option<&Known>,
    ) -> Arc<Roster> {
        let sizes = Sizes {
            first: set::ordinals(set, every).start,
            every,
            expected,
        };
        let Some(known) = known else {
            return Inner::of(set).look(set, pods, sizes);
        };
        let mut known = known.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &mut *known {
            Some(inner) if inner.is_about(set) => inner,
            other => other.insert(Inner::of(set)),
        };
        known.look(set, pods, sizes)
    }

    fn from(pods: &Objects<Pod>, facts: &[Facts], sizes: Sizes, revisions: &Revisions) -> Roster {
        let mut all: Vec<usize> = (0..facts.len()).filter(|place| facts[*place].selected).collect();
        all.sort_by(|one, other| {
            let by_name = || pod::name(&pods[*one]).cmp(pod::name(&pods[*other]));
            facts[*one].ordinal.cmp(&facts[*other].ordinal).then_with(by_name)
        });
        let missing = |ordinal| Row {
            ordinal,
            pod: None,
            own: false,
            ready: false,
            terminating: false,
            revision: None,
        };
        let mut roster = Roster {
            own: all.iter().filter(|place| facts[**place].own).copied().collect(),
            helpers: (0..facts.len()).filter(|place| facts[*place].helper).collect(),
            pods: Arc::default(),
            rows: (0..sizes.every)
                .map(|place| missing(sizes.first.saturating_add(place)))
                .collect(),
            sizes,
            revisions: revisions.clone(),
        };
        for place in &all {
            roster.see(*place, &facts[*place]);
        }
        roster.pods = all.into();
        roster
    }

    /// The same with the pods at these places changed, none of which has another place in the set.
    fn with(&self, facts: &[Facts], changed: &[usize], sizes: Sizes, revisions: &Revisions) -> Roster {
        let mut roster = Roster {
            pods: self.pods.clone(),
            own: self.own.clone(),
            helpers: self.helpers.clone(),
            rows: self.rows.clone(),
            sizes,
            revisions: revisions.clone(),
        };
        for place in changed {
            roster.see(*place, &facts[*place]);
        }
        roster
    }

    /// Takes in what a pod says of its shard, where it is one's.
    fn see(&mut self, pod: usize, facts: &Facts) {
        if !facts.selected || !facts.named {
            return;
        }
        let place = facts.ordinal.and_then(|ordinal| self.place(ordinal));
        if let Some(row) = place.and_then(|place| self.rows.get_mut(place)) {
            row.see(pod, facts);
        }
    }

    /// A revision by its name; none where no pod has it.
    pub fn revision(&self, name: &str) -> Option<Revision> {
        place_of(&self.revisions, name).map(Revision)
    }

    /// Those that the set's selector matches, by ordinal and then by name.
    pub fn pods<'a>(&self, all: &'a Objects<Pod>) -> Vec<&'a Pod> {
        self.pods.iter().map(|place| &all[*place]).collect()
    }

    /// Those of them that its controller owns, in the same order.
    pub fn own<'a>(&self, all: &'a Objects<Pod>) -> Vec<&'a Pod> {
        self.own.iter().map(|place| &all[*place]).collect()
    }

    /// The pods that help operations of ours, of whatever set, in the order in which they were seen.
    pub fn helpers<'a>(&self, all: &'a Objects<Pod>) -> Vec<&'a Pod> {
        self.helpers.iter().map(|place| &all[*place]).collect()
    }

    /// Every shard, or only those that are expected.
    pub fn shards<'a>(
        &self,
        set: &StatefulSet,
        all: &'a Objects<Pod>,
        only_expected: bool,
    ) -> impl Iterator<Item = Shard<'a>> {
        let rows = self.rows(only_expected).iter();
        rows.map(move |row| row.shard(set, all))
    }

    /// One of them.
    pub fn shard<'a>(
        &self,
        set: &StatefulSet,
        all: &'a Objects<Pod>,
        ordinal: Ordinal,
        only_expected: bool,
    ) -> Option<Shard<'a>> {
        let row = self.rows(only_expected).get(self.place(ordinal)?)?;
        Some(row.shard(set, all))
    }

    /// How many shards there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// A shard's pod, where that is the set's own.
    pub fn own_pod<'a>(&self, all: &'a Objects<Pod>, ordinal: Ordinal) -> Option<&'a Pod> {
        let row = self.place(ordinal).and_then(|place| self.rows.get(place));
        let pod = row.filter(|row| row.own)?.pod?;
        Some(&all[pod])
    }

    /// Whether a shard's pod is the set's own, Ready and not on its way out.
    pub fn is_up(&self, ordinal: Ordinal) -> bool {
        let row = self.place(ordinal).and_then(|place| self.rows.get(place));
        row.is_some_and(|row| row.own && row.ready && !row.terminating)
    }

    fn rows(&self, only_expected: bool) -> &[Row] {
        let expected = usize::try_from(self.sizes.expected).unwrap_or_default();
        let count = if only_expected {
            expected.min(self.rows.len())
        } else {
            self.rows.len()
        };
        self.rows.get(..count).unwrap_or_default()
    }

    fn place(&self, ordinal: Ordinal) -> Option<usize> {
        usize::try_from(ordinal.checked_sub(self.sizes.first)?).ok()
    }
}
