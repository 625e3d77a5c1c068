//! The referee: looks on while operations work on the rehearsal cluster, and says what breaks a rule, after every change.
//!
//! It goes by the objects and the requests alone, and shares nothing with `plan`, whose referee it is: not even the words.

mod deeds;
mod json;
mod rest;
mod standing;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::{Change, Store};
use shardctl::sim::transport::Deed;

use super::scene::{BUDGET, NODE, SET, Scene, key};
use json::{annotation, mark, text, uid};
use standing::Standing;

pub use rest::{Left, at_rest};
pub use workload::{Become, Job};

/// For how long a budget may be open where nothing goes wrong; and otherwise, which is what its mark says.
const OPEN: SignedDuration = SignedDuration::from_secs(5);
const OPEN_IN_TROUBLE: SignedDuration = SignedDuration::from_secs(60);

/// What the lives of a play may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Licence {
    /// All shards of [`NODE`] may be down together.
    pub together: bool,
    /// The template may be changed.
    pub template: bool,
    /// The replicas may be.
    pub replicas: bool,
    /// [`NODE`] may be emptied.
    pub drain: bool,
    /// Its NodeClaim may be deleted.
    pub release: bool,
    /// It may be declared off.
    pub off: bool,
    /// What it is about the whole workload.
    pub workload: Option<Job>,
}

/// Looks on.
#[derive(Clone)]
pub struct Referee {
    scene: Scene,
    licence: Licence,
    first: Arc<Store>,
    seen: u64,
    shards: BTreeMap<String, Standing>,
    /// Whose the lock is: the life that wrote its Lease last.
    lock: Option<u32>,
    /// Since when the budget is open, and by whom.
    open: Option<(Timestamp, Option<u32>)>,
    /// The lives that have ended, and those that meet faults.
    ended: BTreeSet<u32>,
    troubled: BTreeSet<u32>,
    broken: Vec<String>,
}

impl Referee {
    /// Of a scene at rest.
    pub fn new(scene: Scene, licence: Licence, first: Arc<Store>, now: Timestamp) -> Referee {
        let mut referee = Referee {
            scene,
            licence,
            seen: first.revision(),
            first: first.clone(),
            shards: BTreeMap::new(),
            lock: None,
            open: None,
            ended: BTreeSet::new(),
            troubled: BTreeSet::new(),
            broken: Vec::new(),
        };
        referee.look_at_shards(&first, now);
        referee
    }

    /// A life begins.
    pub fn begins(&mut self, life: u32, in_trouble: bool) {
        if in_trouble {
            self.troubled.insert(life);
        }
    }

    /// A life is over.
    pub fn ends(&mut self, life: u32, now: Timestamp) {
        self.judge_opening(now);
        self.ended.insert(life);
    }

    /// What was broken, each once.
    pub fn broken(&self) -> Vec<String> {
        self.broken.clone()
    }

    /// The store has changed.
    pub fn saw(&mut self, store: &Store, deed: Option<&Deed<'_>>, now: Timestamp) {
        let mut changes: Vec<Change> = Vec::new();
        if store.revision() > self.seen {
            for kind in Kind::ALL {
                changes.extend(store.since(kind, self.seen).into_iter().flatten().cloned());
            }
            changes.sort_by_key(|change| change.revision);
            self.seen = store.revision();
        }
        for change in &changes {
            if let Some(deed) = deed {
                self.judge_deed(store, change, deed, now);
            }
        }
        if !changes.is_empty() {
            self.look_at_shards(store, now);
            self.judge_data(store, now);
            self.judge_budget(store, deed, now);
        }
        self.judge_opening(now);
    }

    fn breaks(&mut self, now: Timestamp, what: String) {
        let sentence = format!("{now}: {what}");
        if !self.broken.iter().any(|broken| broken.ends_with(&what)) {
            self.broken.push(sentence);
        }
    }

    /// No claim and no volume that held a shard's data is deleted, or being so.
    fn judge_data(&mut self, store: &Store, now: Timestamp) {
        let mut gone = Vec::new();
        for kind in [Kind::Claims, Kind::Volumes] {
            for before in self.first.all(kind, None) {
                let name = text(before, "/metadata/name");
                let goes = self.licence.workload == Some(Job::Cleanup(true)) && kind == Kind::Claims;
                if goes && workload::is_claim_of_a_shard(name) {
                    continue;
                }
                let is = match kind {
                    Kind::Claims => store.get(&key(kind, name)),
                    _ => store.get(&shardctl::sim::store::Key::wide(kind, name)),
                };
                let stays =
                    is.is_some_and(|is| uid(is) == uid(before) && is.pointer("/metadata/deletionTimestamp").is_none());
                if !stays {
                    gone.push(format!(
                        "{} {name}, which holds a shard's data, is deleted",
                        kind.served().name
                    ));
                }
            }
        }
        gone.into_iter().for_each(|what| self.breaks(now, what));
    }

    /// The budget is never looser than the mark beside it says, and never by more than one.
    fn judge_budget(&mut self, store: &Store, deed: Option<&Deed<'_>>, now: Timestamp) {
        let set = store.get(&key(Kind::StatefulSets, SET));
        // Shards that are coming are covered before they are there.
        let whole = match set.and_then(|set| set["spec"]["replicas"].as_i64()) {
            Some(replicas) if self.licence.workload == Some(Job::Deploy) => replicas,
            _ => self.scene.shards,
        };
        let Some(budget) = store.get(&key(Kind::Budgets, BUDGET)) else {
            self.open = None;
            if set.is_some() {
                self.breaks(now, format!("budget {BUDGET} is gone"));
            }
            return;
        };
        let least = budget
            .pointer("/spec/minAvailable")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if least >= whole || set.is_none() {
            self.open = None;
            return;
        }
        if self.open.is_none() {
            self.open = Some((now, deed.map(|deed| deed.life)));
        }
        let Some(mark) = mark(budget) else {
            return self.breaks(
                now,
                format!("budget {BUDGET} needs {least} of {whole}, and no mark says why"),
            );
        };
        if mark["was"]["spec.minAvailable"] != whole || mark["is"]["spec.minAvailable"] != least {
            self.breaks(
                now,
                format!("budget {BUDGET} needs {least} of {whole}, and its mark says otherwise: {mark}"),
            );
        }
        if least < whole - 1 {
            self.breaks(
                now,
                format!("budget {BUDGET} needs {least} of {whole}: more than one may go"),
            );
        }
    }

    /// Whoever opened the budget closes it soon, as long as he lives.
    fn judge_opening(&mut self, now: Timestamp) {
        let Some((since, Some(life))) = self.open else { return };
        let most = if self.troubled.contains(&life) {
            OPEN_IN_TROUBLE
        } else {
            OPEN
        };
        if !self.ended.contains(&life) && now.duration_since(since) > most {
            self.breaks(
                now,
                format!("budget {BUDGET} is open for more than {} s", most.as_secs()),
            );
        }
    }

    /// The shards as they are now.
    fn look_at_shards(&mut self, store: &Store, now: Timestamp) {
        for ordinal in 0..self.scene.shards {
            let name = Scene::pod(ordinal);
            let pod = store.get(&key(Kind::Pods, &name));
            self.shards.entry(name).or_default().look(pod, now);
        }
    }

    /// Whether a pod's name is a shard's.
    fn is_shard(&self, name: &str) -> bool {
        self.shards.contains_key(name)
    }

    /// Whether the nodes keep their shards from Karpenter: a node by its name.
    fn is_frozen(store: &Store, node: &str) -> bool {
        let node = store.get(&shardctl::sim::store::Key::wide(Kind::Nodes, node));
        node.is_some_and(|node| annotation(node, "karpenter.sh/do-not-disrupt") == Some("true"))
    }

    /// The node that is emptied, where one is.
    fn drained(&self) -> Option<&'static str> {
        self.licence.drain.then_some(NODE)
    }
}
