//! The objects of the rehearsal cluster: by kind, namespace and name, with a version for every change.

mod admission;
mod apply;
mod change;
mod defaults;
mod delete;
mod glance;
mod index;
mod managed;
mod marks;
mod object;
mod page;
mod selection;
mod valid;
mod versions;
mod write;

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

use crate::sim::json::{name, namespace};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

pub use change::{Change, What};
pub use delete::{Deleted, Deletion};
pub use glance::Glance;
pub(in crate::sim) use glance::REVISION;
pub use index::Common;
pub use marks::{Marks, Word};
pub use object::Object;
pub use page::Page;
pub use selection::Selection;
pub use versions::VersionsPage;
pub use write::{Part, Write};

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty where the kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object in a namespace.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Key {
        Key {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The key of an object that lives in no namespace.
    pub fn wide(kind: Kind, name: &str) -> Key {
        Key::new(kind, "", name)
    }

    /// The key that an object's own metadata tell.
    pub fn of(kind: Kind, object: &Value) -> Key {
        Key::new(kind, namespace(object), name(object))
    }
}

/// One kind's objects, by namespace and then by name.
type Table = BTreeMap<String, BTreeMap<String, Object>>;

/// How many changes of a kind are kept for those who watch it. Who asks for older ones gets 410 and lists anew.
const KEPT: usize = 256;
/// The same of endpoint slices, each of which holds a hundred endpoints.
const KEPT_OF_SLICES: usize = 16;

/// After how many looks the trees of all objects are given back.
const REST: u32 = 1024;

/// All objects, and what has happened to them.
#[derive(Clone, Debug)]
pub struct Store {
    tables: BTreeMap<Kind, Table>,
    changes: BTreeMap<Kind, change::Log>,
    versions: versions::Versions,
    index: index::Index,
    revision: u64,
    /// How many looks there were since the trees were given back.
    looks: u32,
    /// Up to which version the controllers have noted what has changed: nothing behind it is forgotten. None before they begin.
    noted: Option<u64>,
    made: u64,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            tables: BTreeMap::new(),
            changes: BTreeMap::new(),
            versions: versions::Versions::default(),
            index: index::Index::default(),
            revision: 1000,
            looks: 0,
            noted: None,
            made: 0,
        }
    }
}

impl Store {
    /// The version of the last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.tables.get(&key.kind)?.get(&key.namespace)?.get(&key.name)
    }

    /// As [`Store::get`].
    ///
    /// # Errors
    /// 404 where it isn't there.
    pub fn need(&self, key: &Key) -> Result<&Object, Refused> {
        self.get(key).ok_or_else(|| Refused::not_found(key.kind, &key.name))
    }

    /// All objects of a kind in a namespace, or in all of them; by namespace and name.
    pub fn all<'a>(&'a self, kind: Kind, within: Option<&'a str>) -> impl Iterator<Item = &'a Object> {
        let bounds: (Bound<&str>, Bound<&str>) = match within {
            Some(within) => (Bound::Included(within), Bound::Included(within)),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let table = self.tables.get(&kind);
        let spaces = table.into_iter().flat_map(move |table| table.range::<str, _>(bounds));
        spaces.flat_map(|(_, objects)| objects.values())
    }

    /// As [`Store::all`], only what stands behind a namespace and a name.
    fn all_behind<'a>(
        &'a self,
        kind: Kind,
        within: Option<&'a str>,
        behind: Option<(&'a str, &'a str)>,
    ) -> impl Iterator<Item = &'a Object> {
        let first = behind.map(|(space, _)| space);
        let lowest = within.max(first).map_or(Bound::Unbounded, Bound::Included);
        let bounds: (Bound<&str>, Bound<&str>) = (lowest, within.map_or(Bound::Unbounded, Bound::Included));
        let is_empty = within.is_some() && within < first;
        let table = self.tables.get(&kind).filter(|_| !is_empty);
        let spaces = table.into_iter().flat_map(move |table| table.range::<str, _>(bounds));
        spaces.flat_map(move |(space, objects)| {
            let after = behind.filter(|(first, _)| space == first).map(|(_, name)| name);
            let from: (Bound<&str>, Bound<&str>) = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            objects.range::<str, _>(from).map(|(_, object)| object)
        })
    }

    /// A number that no call before has given: names and uids are made of it, so that the same course gives the same ones.
    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// Keeps an object as it is, with a new version, and notes that.
    fn keep(&mut self, key: &Key, mut object: Value) -> Object {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = Value::String(self.revision.to_string());
        let object = Object::from(object);
        let table = self.tables.entry(key.kind).or_default();
        let space = table.entry(key.namespace.clone()).or_default();
        let before = space.insert(key.name.clone(), object.clone());
        self.index
            .note(key, before.as_ref().map(Object::glance), Some(object.glance()));
        let what = if before.is_some() { What::Modified } else { What::Added };
        self.note(key.kind, what, object.clone(), before);
        object
    }

    /// Takes an object away and notes that.
    fn drop_key(&mut self, key: &Key) -> Option<Object> {
        let space = self.tables.get_mut(&key.kind)?.get_mut(&key.namespace)?;
        let before = space.remove(&key.name)?;
        self.index.note(key, Some(before.glance()), None);
        self.revision += 1;
        let mut last = Value::clone(&before);
        last["metadata"]["resourceVersion"] = Value::String(self.revision.to_string());
        let last = Object::from(last);
        self.note(key.kind, What::Deleted, last.clone(), Some(before));
        Some(last)
    }

    fn note(&mut self, kind: Kind, what: What, object: Object, before: Option<Object>) {
        let change = Change {
            revision: self.revision,
            kind,
            what,
            object,
            before,
        };
        let most = if kind == Kind::EndpointSlices {
            KEPT_OF_SLICES
        } else {
            KEPT
        };
        let noted = self.noted.unwrap_or(u64::MAX);
        self.changes.entry(kind).or_default().push(change, most, noted);
        self.looked();
    }

    /// Up to which version the controllers have noted what has changed; none before they begin.
    pub(in crate::sim) fn noted(&self) -> Option<u64> {
        self.noted
    }

    /// From now on all that has changed counts as noted by the controllers.
    pub(in crate::sim) fn mark_noted(&mut self) {
        self.noted = Some(self.revision);
    }

    /// Somebody has looked into an object. Now and then the trees of all objects are given back: most of them nobody looks into
    /// again soon.
    pub(in crate::sim) fn looked(&mut self) {
        self.looks += 1;
        if self.looks < REST {
            return;
        }
        self.looks = 0;
        self.rest();
    }

    /// Gives the trees of all objects back. The next look into one grows it anew.
    pub fn rest(&mut self) {
        // Endpoint slices are few and large, and each of their controller's looks goes through all of them.
        let tables = self
            .tables
            .iter_mut()
            .filter(|(kind, _)| **kind != Kind::EndpointSlices);
        let spaces = tables.flat_map(|(_, table)| table.values_mut());
        for object in spaces.flat_map(BTreeMap::values_mut) {
            object.rest();
        }
        self.changes.values_mut().for_each(change::Log::rest);
    }
}

#[cfg(test)]
mod tests;
