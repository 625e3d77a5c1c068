//! What pods, claims and attachments have in common: of a thousand of them a controller's look is about the few of one owner, of
//! one node or of one volume.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::marks::Words;
use super::{Glance, Key, Marks, Store, Word};
use crate::model::quantity::Amount;
use crate::sim::kind::Kind;

/// What objects are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Common {
    /// Pods, by the uid of the owner that controls them.
    Owner,
    /// Pods, by the node that they are on; those without one by the empty name.
    Node,
    /// Pods that have a node and are Pending, by their namespace.
    Starting,
    /// Pods, by the names of the claims that they use.
    Claim,
    /// Claims that anything owns, by their namespace.
    Owned,
    /// Attachments, by the volume that they attach.
    Volume,
}

/// Where an object stands among those that have something in common: by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    by: Common,
    word: Word,
    /// None is before all of them.
    key: Option<Arc<Key>>,
}

/// All that have something in common, each with its marks.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    words: Words,
    spots: BTreeMap<Spot, Marks>,
    /// What the pods on each node request of its memory.
    memory: BTreeMap<Word, Amount>,
}

impl Index {
    /// Notes what an object is now, and was before.
    pub(super) fn note(&mut self, key: &Key, before: Option<&Glance>, now: Option<&Glance>) {
        if !matches!(key.kind, Kind::Pods | Kind::Claims | Kind::VolumeAttachments) {
            return;
        }
        if key.kind == Kind::Pods {
            self.count(before, Amount::minus);
            self.count(now, Amount::plus);
        }
        let words = &mut self.words;
        let mut common = |seen: Option<&Glance>| seen.map(|seen| common(key.kind, seen, words)).unwrap_or_default();
        let (before, after) = (common(before), common(now));
        if before.is_empty() && after.is_empty() {
            return;
        }
        let key_of_all = Arc::new(key.clone());
        let spot = |(by, word): (Common, Word)| Spot {
            by,
            word,
            key: Some(key_of_all.clone()),
        };
        for gone in before.into_iter().filter(|one| !after.contains(one)) {
            self.spots.remove(&spot(gone));
        }
        if let Some(now) = now {
            let marks = Marks::of(now, &mut self.words);
            self.spots.extend(after.into_iter().map(|one| (spot(one), marks)));
        }
    }

    /// Counts what a pod requests of its node's memory.
    fn count(&mut self, seen: Option<&Glance>, with: fn(Amount, Amount) -> Amount) {
        let here = seen.filter(|seen| seen.is_placed() && !seen.ended);
        if let Some((seen, amount)) = here.and_then(|seen| Some((seen, seen.requests.get("memory")?))) {
            let taken = self.memory.entry(self.words.learn(&seen.node)).or_default();
            *taken = with(*taken, amount);
        }
    }

    fn sharing<'a>(&'a self, by: Common, what: &str) -> impl Iterator<Item = (&'a Key, &'a Marks)> + use<'a> {
        let word = self.words.of(what);
        let from = word.map(|word| Spot { by, word, key: None });
        let behind = from.into_iter().flat_map(|from| self.spots.range(from..));
        let of_them = behind.take_while(move |(spot, _)| spot.by == by && Some(spot.word) == word);
        of_them.filter_map(|(spot, marks)| Some((spot.key.as_deref()?, marks)))
    }
}

/// What an object has in common with others.
fn common(kind: Kind, seen: &Glance, words: &mut Words) -> Vec<(Common, Word)> {
    let mut all: Vec<(Common, Word)> = Vec::new();
    let mut has = |by: Common, what: &str| all.push((by, words.learn(what)));
    match kind {
        Kind::Pods => {
            if !seen.owner.is_empty() {
                has(Common::Owner, &seen.owner);
            }
            has(Common::Node, &seen.node);
            if seen.is_placed() && seen.pending {
                has(Common::Starting, &seen.namespace);
            }
            for claim in &seen.claims {
                has(Common::Claim, claim);
            }
        }
        Kind::Claims if seen.owned => has(Common::Owned, &seen.namespace),
        Kind::VolumeAttachments => has(Common::Volume, &seen.volume),
        _ => {}
    }
    all
}

impl Store {
    /// The objects that have something in common, with their marks; by namespace and name.
    pub fn sharing<'a>(&'a self, by: Common, what: &str) -> impl Iterator<Item = (&'a Key, &'a Marks)> + use<'a> {
        self.index.sharing(by, what)
    }

    /// What the pods on a node request of its memory, as far as they haven't ended.
    pub fn memory_on(&self, node: &str) -> Amount {
        let taken = self.word(node).and_then(|node| self.index.memory.get(&node));
        taken.copied().unwrap_or_default()
    }

    /// The number that a text has in [`Marks`]; none where nothing kept has it, or has had it.
    pub fn word(&self, text: &str) -> Option<Word> {
        self.index.words.of(text)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::sim::store::{Deletion, Write};

    fn pod(name: &str, owner: &str, node: &str, phase: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "ownerReferences": [{"uid": owner, "controller": true}]},
            "spec": {"nodeName": node, "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}],
                "containers": [{"name": "db", "resources": {"requests": {"memory": "1Gi"}}}]},
            "status": {"phase": phase}})
    }

    fn found(store: &Store, by: Common, what: &str) -> Vec<String> {
        store.sharing(by, what).map(|(key, _)| key.name.clone()).collect()
    }

    #[test]
    fn pods_are_found_by_what_they_have_in_common_now_and_not_by_what_they_had() {
        let mut store = Store::default();
        for (name, node, phase) in [
            ("db-1", "n1", "Pending"),
            ("db-0", "n1", "Running"),
            ("db-2", "", "Pending"),
        ] {
            store.load(Kind::Pods, pod(name, "set", node, phase));
        }
        assert_eq!(found(&store, Common::Owner, "set"), ["db-0", "db-1", "db-2"]);
        assert_eq!(found(&store, Common::Claim, "data"), ["db-0", "db-1", "db-2"]);
        assert_eq!(found(&store, Common::Node, "n1"), ["db-0", "db-1"]);
        assert_eq!(found(&store, Common::Node, ""), ["db-2"]);
        assert_eq!(found(&store, Common::Starting, "shop"), ["db-1"]);
        assert!(found(&store, Common::Node, "n2").is_empty());
        store.load(Kind::Pods, pod("db-1", "set", "n2", "Running"));
        let by_force = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        let write = Write {
            manager: "",
            now: Timestamp::UNIX_EPOCH,
            dry_run: false,
        };
        let key = Key::new(Kind::Pods, "shop", "db-2");
        store.delete(&key, &by_force, &write).unwrap();
        assert_eq!(found(&store, Common::Owner, "set"), ["db-0", "db-1"]);
        assert_eq!(found(&store, Common::Node, "n1"), ["db-0"]);
        assert_eq!(found(&store, Common::Node, "n2"), ["db-1"]);
        assert!(found(&store, Common::Node, "").is_empty() && found(&store, Common::Starting, "shop").is_empty());
    }

    #[test]
    fn the_memory_of_a_node_is_taken_by_the_pods_on_it_that_have_not_ended() {
        let mut store = Store::default();
        let gib = |count: &str| Amount::parse(count).unwrap();
        for name in ["a", "b", "c"] {
            store.load(Kind::Pods, pod(name, "set", "n1", "Running"));
        }
        assert_eq!(store.memory_on("n1"), gib("3Gi"));
        store.load(Kind::Pods, pod("a", "set", "n2", "Running"));
        store.load(Kind::Pods, pod("b", "set", "n1", "Failed"));
        assert_eq!((store.memory_on("n1"), store.memory_on("n2")), (gib("1Gi"), gib("1Gi")));
        assert_eq!(store.memory_on("n3"), Amount::ZERO);
    }
}
