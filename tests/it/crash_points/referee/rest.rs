//! What a cluster has to be like when everything is over.

use std::collections::BTreeSet;

use serde_json::Value;
use shardctl::model::outcome::End;
use shardctl::sim::kind::Kind;
use shardctl::sim::store::{Key, Store};

use super::json::{annotation, is_leaving, is_off, is_ready, label, mark, name, text, uid};
use super::workload::{self, Become};
use crate::crash_points::scene::{BUDGET, NODE, SET, SPACE, Scene, key};

/// What is expected to have come of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How it ended, where that isn't with its goal.
    pub end: Option<End>,
    /// Shards may be down: it isn't what brings them back.
    pub hurt: bool,
    /// `recover` alone may leave shards down: what took them down is the world's, or the template's.
    pub hurts: bool,
    /// Every shard is on the template as it is.
    pub rolled: bool,
    /// Every shard runs this image.
    pub image: Option<String>,
    /// No shard is on [`NODE`].
    pub drained: bool,
    /// Whether [`NODE`] is cordoned; where it isn't said, it may be if it is empty.
    pub cordoned: Option<bool>,
    /// The NodeClaim of [`NODE`] is deleted.
    pub released: bool,
    /// The lock of a dead one may still be there.
    pub lock: bool,
    /// Only [`NODE`] is put right: marks elsewhere may still be there.
    pub partly: bool,
    /// What the whole workload has become, where it is about that.
    pub workload: Option<Become>,
}

/// What isn't as it was before everything, or as it should have become; each a sentence.
pub fn at_rest(scene: Scene, first: &Store, last: &Store, left: &Left) -> Vec<String> {
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let marked = last.all(kind, None).filter(|object| mark(object).is_some());
        for object in marked.filter(|object| !left.partly || name(object) == NODE) {
            wrong.push(format!("{} {} still has a mark", kind.served().name, name(object)));
        }
    }
    for lease in last.all(Kind::Leases, Some(SPACE)).filter(|_| !left.lock) {
        wrong.push(format!("lease {} is still there", name(lease)));
    }
    for pod in last
        .all(Kind::Pods, Some(SPACE))
        .filter(|pod| label(pod, "shardctl.dev/helper").is_some())
    {
        wrong.push(format!("helper pod {} is still there", name(pod)));
    }
    if let Some(end) = left.workload {
        workload::at_rest(scene, first, last, left, end, &mut wrong);
        return wrong;
    }
    set_and_shards(scene, first, last, left, &mut wrong);
    let names = |store: &Store| {
        let claims = store.all(Kind::Claims, Some(SPACE));
        claims
            .map(|claim| (name(claim).to_owned(), uid(claim).to_owned()))
            .collect::<BTreeSet<_>>()
    };
    if names(first) != names(last) {
        wrong.push(format!("the claims are others: {:?}", names(last)));
    }
    let budget = |store: &Store| {
        store
            .get(&key(Kind::Budgets, BUDGET))
            .map(|budget| budget["spec"].clone())
    };
    if budget(first) != budget(last) {
        wrong.push(format!("the budget is another: {:?}", budget(last)));
    }
    nodes(first, last, left, &mut wrong);
    wrong
}

fn set_and_shards(scene: Scene, first: &Store, last: &Store, left: &Left, wrong: &mut Vec<String>) {
    let nothing = Value::Null;
    let set = |store: &Store| {
        store
            .get(&key(Kind::StatefulSets, SET))
            .map_or(nothing.clone(), |set| Value::clone(set))
    };
    let (before, after) = (set(first), set(last));
    if before["spec"]["replicas"] != after["spec"]["replicas"] {
        wrong.push(format!("the set has {} replicas", after["spec"]["replicas"]));
    }
    let journal = annotation(&after, "shardctl.dev/journal");
    let journal: Option<Value> = journal.and_then(|written| serde_json::from_str(written).ok());
    if before["spec"]["template"] != after["spec"]["template"] && journal.is_none() {
        wrong.push("the template is another, and no journal says what it was".to_owned());
    }
    let pods: Vec<_> = last
        .all(Kind::Pods, Some(SPACE))
        .filter(|pod| label(pod, "app") == Some(SET))
        .collect();
    let names: Vec<&str> = pods.iter().map(|pod| name(pod)).collect();
    let wanted: Vec<String> = (0..scene.shards).map(Scene::pod).collect();
    if names != wanted {
        wrong.push(format!("the shards are {names:?}"));
    }
    let revision = text(&after, "/status/updateRevision");
    for pod in pods {
        if !left.hurt && (!is_ready(pod) || is_leaving(pod)) {
            wrong.push(format!("shard {} isn't Ready", name(pod)));
        }
        let on = label(pod, "controller-revision-hash").unwrap_or_default();
        if left.rolled && on != revision {
            wrong.push(format!("shard {} is on {on}, and the set on {revision}", name(pod)));
        }
        let image = text(pod, "/spec/containers/0/image");
        if left.image.as_deref().is_some_and(|wanted| wanted != image) {
            wrong.push(format!("shard {} runs {image}", name(pod)));
        }
        if left.drained && text(pod, "/spec/nodeName") == NODE {
            wrong.push(format!("shard {} is still on {NODE}", name(pod)));
        }
    }
    if left.rolled && journal.is_some_and(|journal| journal["finished"].is_null()) {
        wrong.push("every shard is on the new template, and the journal isn't finished".to_owned());
    }
}

fn nodes(first: &Store, last: &Store, left: &Left, wrong: &mut Vec<String>) {
    for node in last.all(Kind::Nodes, None) {
        let before = first.get(&Key::wide(Kind::Nodes, name(node)));
        let hold = |node: &Value| annotation(node, "karpenter.sh/do-not-disrupt").map(str::to_owned);
        let ours = !left.partly || name(node) == NODE;
        if ours && before.is_some_and(|before| hold(before) != hold(node)) {
            wrong.push(format!("node {} is still kept from Karpenter", name(node)));
        }
        if is_off(node) {
            wrong.push(format!("node {} is still declared off", name(node)));
        }
        let cordoned = node["spec"]["unschedulable"] == true;
        let was = before.is_some_and(|before| before["spec"]["unschedulable"] == true);
        if name(node) != NODE {
            if cordoned != was {
                wrong.push(format!("node {} is cordoned: {cordoned}", name(node)));
            }
            continue;
        }
        let mut shards = last
            .all(Kind::Pods, Some(SPACE))
            .filter(|pod| label(pod, "app") == Some(SET));
        let empty = !shards.any(|pod| text(pod, "/spec/nodeName") == NODE);
        match left.cordoned {
            Some(wanted) if wanted != cordoned => wrong.push(format!("node {NODE} is cordoned: {cordoned}")),
            None if cordoned && !was && !empty => {
                wrong.push(format!("node {NODE} is still cordoned, and shards are on it"));
            }
            _ => {}
        }
    }
    let claims = |store: &Store| {
        let there = store.all(Kind::NodeClaims, None).filter(|claim| !is_leaving(claim));
        there
            .map(|claim| text(claim, "/status/nodeName").to_owned())
            .collect::<BTreeSet<_>>()
    };
    let mut expected = claims(first);
    if left.released {
        expected.remove(NODE);
    }
    if claims(last) != expected {
        wrong.push(format!("the NodeClaims are those of {:?}", claims(last)));
    }
}
