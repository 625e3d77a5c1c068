//! What has happened since a version: what a watch tells.

use std::collections::VecDeque;

use super::{Object, Store};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It is another than before.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that it made.
    pub revision: u64,
    /// The kind of the object.
    pub kind: Kind,
    /// What happened.
    pub what: What,
    /// The object after it; the last of it, with the deletion's version, where it is gone.
    pub object: Object,
    /// The object before it.
    pub before: Option<Object>,
}

impl Change {
    fn rest(&mut self) {
        self.object.rest();
        if let Some(before) = &mut self.before {
            before.rest();
        }
    }
}

/// How many changes of a kind keep the trees of their objects. Controllers and watches look at a change as soon as it is there; of
/// the hundreds before it the versions that nobody has any more were most of what was in memory.
const LOOKED_INTO: usize = 4;

/// The changes of one kind, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    kept: VecDeque<Change>,
    /// The version of the last change that is no longer kept.
    forgotten: u64,
}

impl Log {
    /// Takes a change in and forgets the oldest beyond `most`, but none after the version `noted`: one piece of work may make more
    /// changes than that, and what is deleted is told by them alone.
    pub(super) fn push(&mut self, change: Change, most: usize, noted: u64) {
        self.kept.push_back(change);
        while self.kept.len() > most && self.kept.front().is_some_and(|first| first.revision <= noted) {
            self.forget_first();
        }
        let old = self.kept.iter_mut().nth_back(LOOKED_INTO);
        old.into_iter().for_each(Change::rest);
    }

    /// Gives the trees of the objects back.
    pub(super) fn rest(&mut self) {
        self.kept.iter_mut().for_each(Change::rest);
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.forgotten = first.revision;
        }
    }
}

impl Store {
    /// The changes of a kind after a version, the oldest first.
    ///
    /// # Errors
    /// 410 where some of them are no longer kept.
    pub fn since(&self, kind: Kind, revision: u64) -> Result<impl DoubleEndedIterator<Item = &Change>, Refused> {
        let log = self.changes.get(&kind);
        let forgotten = log.map_or(0, |log| log.forgotten);
        if revision < forgotten {
            let words = format!("too old resource version: {revision} ({forgotten})");
            return Err(Refused::expired(words));
        }
        let kept = log.map(|log| {
            let from = log.kept.partition_point(|change| change.revision <= revision);
            log.kept.range(from..)
        });
        Ok(kept.into_iter().flatten())
    }

    /// Forgets the changes up to a version, as etcd's compaction does.
    pub fn compact(&mut self, revision: u64) {
        for log in self.changes.values_mut() {
            while log.kept.front().is_some_and(|change| change.revision <= revision) {
                log.forget_first();
            }
            log.forgotten = log.forgotten.max(revision);
        }
    }
}
