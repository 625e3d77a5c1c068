//! The workload's own objects: which of them a deployment, a promotion and a cleanup may make, change and delete, when, and what has
//! to be there in the end. What isn't the workload's stays as it is.

use jiff::Timestamp;
use serde_json::Value;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::{Change, Key, Store, What};
use shardctl::sim::transport::Deed;

use super::Referee;
use super::deeds::{JOURNAL, ends, names_the_uid, on};
use super::json::{MARK, annotation, differences, is_leaving, is_ready, label, name, text, uid};
use super::rest::Left;
use crate::crash_points::scene::{BUDGET, NAME, OLD, SET, SPACE, Scene, key};

const PART_OF: &str = "app.kubernetes.io/part-of";
const POOL: &str = "karpenter.sh/nodepool";
const EXPLORE: &str = "db-explore";
const STABLE: &str = "db-stable";

/// What a workload has in both phases.
const OBJECTS: [(Kind, &str); 6] = [
    (Kind::Namespaces, SPACE),
    (Kind::PriorityClasses, SET),
    (Kind::Services, "db-shards"),
    (Kind::Services, "db-lb"),
    (Kind::Budgets, BUDGET),
    (Kind::StatefulSets, SET),
];

/// What a life is about, where that is the whole workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// It is deployed, in the explore phase.
    Deploy,
    /// It is promoted.
    Promote,
    /// It is cleaned up; with its data or without.
    Cleanup(bool),
}

/// What the workload has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Become {
    /// Somebody was cut off, and it is anything in between.
    Cut,
    /// It stands in the explore phase.
    Deployed,
    /// It stands in the stable phase.
    Promoted,
    /// It is gone; the data was to go, too, or to stay.
    CleanedUp(bool),
}

impl Referee {
    /// Judges a change of something that a workload may have; whether it is such.
    pub(super) fn judge_of_workload(
        &mut self,
        store: &Store,
        change: &Change,
        deed: &Deed<'_>,
        job: Job,
        now: Timestamp,
    ) -> bool {
        let object: &Value = change.before.as_deref().unwrap_or(&change.object);
        let called = name(object);
        let what = format!("{} {called}", change.kind.served().name);
        if change.kind == Kind::Claims {
            let its = job == Job::Cleanup(true) && is_claim_of_a_shard(called) && ends(change);
            if !its {
                self.breaks(now, format!("{what} isn't ours to change"));
            }
            self.judge_end(store, &what, deed, now);
            return true;
        }
        let is_pool = matches!(change.kind, Kind::NodePools | Kind::AksNodeClasses);
        if !is_pool && !OBJECTS.iter().any(|(kind, _)| *kind == change.kind) {
            return false;
        }
        let is_named = OBJECTS.contains(&(change.kind, called)) || is_pool && [EXPLORE, STABLE].contains(&called);
        if !is_named || change.what != What::Added && !is_its(object) {
            self.breaks(now, format!("{what} isn't ours to change"));
            return true;
        }
        if !ends(change) {
            self.judge_written(store, change, job, now);
        } else if job == Job::Promote && is_pool && called == EXPLORE {
            self.judge_retired(store, change.kind, &what, now);
        } else if !matches!(job, Job::Cleanup(_)) || change.kind == Kind::Namespaces {
            self.breaks(now, format!("{what} isn't ours to delete"));
        } else if change.kind != Kind::StatefulSets {
            self.judge_end(store, &what, deed, now);
            self.judge_retired(store, change.kind, &what, now);
        }
        if ends(change) && !names_the_uid(&deed.request.body) {
            self.breaks(now, format!("{what} is deleted, whichever of that name it is"));
        }
        let is_new = change.what == What::Added && change.kind == Kind::StatefulSets;
        if ends(change) || !is_new && store.get(&key(Kind::StatefulSets, SET)).is_some() {
            self.needs_lock(deed, &format!("{what} is changed"), now);
        }
        true
    }

    /// What goes with the set goes after it, and after the last shard.
    fn judge_end(&mut self, store: &Store, what: &str, deed: &Deed<'_>, now: Timestamp) {
        if store.get(&key(Kind::StatefulSets, SET)).is_some() || shards(store).next().is_some() {
            self.breaks(now, format!("{what} is deleted while the set or a shard is there"));
        }
        self.needs_lock(deed, &format!("{what} is deleted"), now);
    }

    /// A pool goes when nobody is on its nodes, and its class after it.
    fn judge_retired(&mut self, store: &Store, kind: Kind, what: &str, now: Timestamp) {
        let pool = what.rsplit_once(' ').map_or("", |(_, name)| name);
        let is_of_it = |object: &Value| label(object, POOL) == Some(pool);
        match kind {
            Kind::NodePools => {
                let nodes: Vec<&Value> = store
                    .all(Kind::Nodes, None)
                    .map(|node| &**node)
                    .filter(|node| is_of_it(node))
                    .collect();
                let on = |pod: &Value| nodes.iter().any(|node| name(node) == text(pod, "/spec/nodeName"));
                if store.all(Kind::Pods, None).any(|pod| on(pod)) {
                    self.breaks(now, format!("{what} is deleted while pods are on its nodes"));
                }
                if store.get(&key(Kind::StatefulSets, SET)).is_some() && shards(store).any(|shard| !is_ready(shard)) {
                    self.breaks(now, format!("{what} is deleted while a shard isn't Ready"));
                }
            }
            Kind::AksNodeClasses => {
                let is_needed = store.get(&Key::wide(Kind::NodePools, pool)).is_some()
                    || store.all(Kind::NodeClaims, None).any(|claim| is_of_it(claim));
                if is_needed {
                    self.breaks(now, format!("{what} is deleted before its pool and the nodes of that"));
                }
            }
            _ => {}
        }
    }

    /// Something is made or changed.
    fn judge_written(&mut self, store: &Store, change: &Change, job: Job, now: Timestamp) {
        let called = name(&change.object);
        let what = format!("{} {called}", change.kind.served().name);
        if !is_its(&change.object) {
            self.breaks(now, format!("{what} doesn't say that it is the workload's"));
        }
        if change.what == What::Added {
            let wanted = match job {
                Job::Deploy => called != STABLE,
                Job::Promote => called == STABLE,
                Job::Cleanup(_) => false,
            };
            if !wanted {
                self.breaks(now, format!("{what} isn't ours to make"));
            }
            let lacks = |of: &(Kind, &str)| store.get(&place(of.0, of.1)).is_none();
            let before = OBJECTS.iter().copied().chain([(Kind::NodePools, EXPLORE)]).find(lacks);
            if let Some((_, before)) = before.filter(|_| change.kind == Kind::StatefulSets) {
                self.breaks(now, format!("{what} is made before {before}"));
            }
            return;
        }
        let (mark, journal) = (on(MARK), on(JOURNAL));
        let may: &[&str] = match (job, change.kind) {
            (Job::Deploy, Kind::Budgets) => &["spec.minAvailable"],
            (Job::Deploy, Kind::StatefulSets) => &["spec.replicas", "spec.template"],
            (Job::Deploy | Job::Promote, Kind::NodePools) => &["spec.limits.cpu", "spec.limits.memory"],
            (Job::Promote, Kind::StatefulSets) => &["spec.template", mark.as_str(), journal.as_str()],
            _ => &[],
        };
        self.only(change, may, now);
    }
}

/// The shards' pods.
fn shards(store: &Store) -> impl Iterator<Item = &Value> {
    let pods = store.all(Kind::Pods, Some(SPACE)).map(|pod| &**pod);
    pods.filter(|pod| label(pod, "app") == Some(SET))
}

fn is_its(object: &Value) -> bool {
    label(object, PART_OF) == Some(NAME)
}

/// Whether a claim's name is one of a shard's.
pub(super) fn is_claim_of_a_shard(called: &str) -> bool {
    let ordinal = called.strip_prefix(&format!("data-{SET}-")).unwrap_or_default();
    ordinal.parse::<u32>().is_ok()
}

fn place(kind: Kind, called: &str) -> Key {
    if kind.served().namespaced {
        key(kind, called)
    } else {
        Key::wide(kind, called)
    }
}

/// What of the workload and around it isn't as it should have become.
pub(super) fn at_rest(scene: Scene, first: &Store, last: &Store, left: &Left, end: Become, wrong: &mut Vec<String>) {
    others_are_untouched(first, last, wrong);
    match end {
        Become::Cut => {}
        Become::Deployed => stands(scene, last, EXPLORE, left, wrong),
        Become::Promoted => {
            stands(scene, last, STABLE, left, wrong);
            pool_is_gone(last, EXPLORE, wrong);
        }
        Become::CleanedUp(_) => {
            let gone = OBJECTS.iter().copied().filter(|(kind, _)| *kind != Kind::Namespaces);
            for (kind, called) in gone {
                if last.get(&place(kind, called)).is_some_and(|found| is_its(found)) {
                    wrong.push(format!("{} {called} is still there", kind.served().name));
                }
            }
            for shard in shards(last) {
                wrong.push(format!("shard {} is still there", name(shard)));
            }
            pool_is_gone(last, EXPLORE, wrong);
            pool_is_gone(last, STABLE, wrong);
        }
    }
    let cleared = end == Become::CleanedUp(true);
    for claim in first
        .all(Kind::Claims, Some(SPACE))
        .filter(|claim| is_claim_of_a_shard(name(claim)))
    {
        let now = last.get(&key(Kind::Claims, name(claim)));
        let stays = now.is_some_and(|now| uid(now) == uid(claim) && !is_leaving(now));
        if end != Become::Cut && stays == cleared {
            wrong.push(format!("claim {} is there: {stays}", name(claim)));
        }
    }
    for node in last.all(Kind::Nodes, None) {
        if annotation(node, "karpenter.sh/do-not-disrupt").is_some() {
            wrong.push(format!("node {} is still kept from Karpenter", name(node)));
        }
    }
}

/// The workload is whole, with every shard on the nodes of a pool.
fn stands(scene: Scene, last: &Store, pool: &str, left: &Left, wrong: &mut Vec<String>) {
    let of_phase = [(Kind::NodePools, pool), (Kind::AksNodeClasses, pool)];
    for (kind, called) in OBJECTS.into_iter().chain(of_phase) {
        if !last
            .get(&place(kind, called))
            .is_some_and(|found| is_its(found) && !is_leaving(found))
        {
            wrong.push(format!("{} {called} isn't there", kind.served().name));
        }
    }
    let nothing = Value::Null;
    let found = |kind: Kind, called: &str| last.get(&key(kind, called)).map_or(&nothing, |found| &**found);
    let (set, budget) = (found(Kind::StatefulSets, SET), found(Kind::Budgets, BUDGET));
    if set["spec"]["replicas"] != scene.shards || budget["spec"]["minAvailable"] != scene.shards {
        wrong.push("the set or its budget is of another number of shards".to_owned());
    }
    let journal = annotation(set, JOURNAL).and_then(|written| serde_json::from_str::<Value>(written).ok());
    if journal.is_some_and(|journal| journal["finished"].is_null()) {
        wrong.push("the journal isn't finished".to_owned());
    }
    let names: Vec<&str> = shards(last).map(name).collect();
    if names != (0..scene.shards).map(Scene::pod).collect::<Vec<_>>() {
        wrong.push(format!("the shards are {names:?}"));
    }
    for shard in shards(last) {
        if !left.hurt && (!is_ready(shard) || is_leaving(shard)) {
            wrong.push(format!("shard {} isn't Ready", name(shard)));
        }
        if text(shard, "/spec/containers/0/image") != OLD {
            wrong.push(format!("shard {} runs another image", name(shard)));
        }
        if left.rolled && label(shard, "controller-revision-hash") != Some(text(set, "/status/updateRevision")) {
            wrong.push(format!("shard {} is on another template than the set", name(shard)));
        }
        let node = last.get(&Key::wide(Kind::Nodes, text(shard, "/spec/nodeName")));
        if node.and_then(|node| label(node, POOL)) != Some(pool) {
            wrong.push(format!("shard {} isn't on a node of {pool}", name(shard)));
        }
    }
}

fn pool_is_gone(last: &Store, pool: &str, wrong: &mut Vec<String>) {
    for kind in [Kind::NodePools, Kind::AksNodeClasses] {
        if last.get(&Key::wide(kind, pool)).is_some_and(|found| is_its(found)) {
            wrong.push(format!("{} {pool} is still there", kind.served().name));
        }
    }
    for kind in [Kind::NodeClaims, Kind::Nodes] {
        for found in last.all(kind, None).filter(|found| label(found, POOL) == Some(pool)) {
            wrong.push(format!("{} {} is still there", kind.served().name, name(found)));
        }
    }
}

/// Whatever wasn't the workload's is there as it was.
fn others_are_untouched(first: &Store, last: &Store, wrong: &mut Vec<String>) {
    let kinds = [
        Kind::Namespaces,
        Kind::Nodes,
        Kind::Claims,
        Kind::Volumes,
        Kind::Services,
        Kind::ConfigMaps,
        Kind::StatefulSets,
        Kind::Budgets,
        Kind::StorageClasses,
        Kind::PriorityClasses,
        Kind::NodePools,
        Kind::AksNodeClasses,
    ];
    for kind in kinds {
        for before in first.all(kind, None) {
            let of_pool = label(before, POOL).is_some_and(|pool| [EXPLORE, STABLE].contains(&pool));
            if is_its(before) || of_pool || kind == Kind::Claims && is_claim_of_a_shard(name(before)) {
                continue;
            }
            let now = last.get(&Key::of(kind, before));
            // Whatever becomes of its claim, a volume that is retained stays.
            let same =
                |now: &Value| uid(now) == uid(before) && (kind == Kind::Volumes || differences(before, now).is_empty());
            if !now.is_some_and(|now| same(now) && !is_leaving(now)) {
                wrong.push(format!(
                    "{} {}, which is another's, isn't as it was",
                    kind.served().name,
                    name(before)
                ));
            }
        }
    }
}
