//! The planner on small snapshots, with a cluster of a few lines beside it: what it does, in what order, and what stops it. What
//! needs controllers to come true is tested on a real control plane under tests/it/drain.

mod late;
mod left;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::homes::moves;
use super::placeholder::Prewarm;
use super::policy::Policy;
use super::run::{Again, Aim, Drain};
use super::{Afterwards, Flags, Strategy, node};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::MARK;
use crate::model::outcome::End;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::model::step::{Act, Step};
use crate::plan::eviction::{self, Blocked};
use crate::plan::operation::{Acted, Planner as _, Sight, Wishes};
use crate::plan::replace::tasks::Asked;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::testing::{NOW, Scene};

const RUN: &str = "drain/shop/db/4f2a";

/// A planner over a scene that its effects change.
struct Play {
    scene: Scene,
    drain: Drain,
    now: Timestamp,
    /// Pods of other applications, by node.
    others: Vec<Value>,
    /// The budgets of their namespaces.
    budgets: Vec<Value>,
    /// How many pods were made anew.
    made: usize,
}

/// Four shards, two of them on node-0; `spare` is empty and in the same zone.
fn two_on_a_node() -> Scene {
    let mut scene = Scene::healthy(4);
    scene.edit(Resource::Nodes, "node-3", |node| {
        node["metadata"]["name"] = json!("spare");
        node["metadata"]["labels"]["kubernetes.io/hostname"] = json!("spare");
        node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("zone-1");
    });
    scene.merge(Resource::Pods, "db-3", json!({"spec": {"nodeName": "node-0"}}));
    scene
}

impl Play {
    fn new(scene: Scene, nodes: &[&str], change: impl FnOnce(&mut Policy)) -> Play {
        let mut policy = Policy {
            nodes: nodes.iter().map(|name| (*name).to_owned()).collect(),
            selector: None,
            strategy: Strategy::Relax,
            then: Afterwards::Cordoned,
            flags: Flags {
                ignore_daemonsets: true,
                ..Flags::default()
            },
            prewarm: Prewarm::Never,
            pause_image: "pause".to_owned(),
            grace: None,
            until: None,
            last: BTreeSet::new(),
            pause: SignedDuration::ZERO,
            tasks: Asked::default(),
            deadline: None,
            min_ready: None,
            shard_timeout: SignedDuration::from_secs(600),
            max_restarts: 2,
            allowed: Allowed::default(),
            own: None,
        };
        change(&mut policy);
        let now: Timestamp = NOW.parse().unwrap();
        let mut play = Play {
            drain: Drain::new(
                policy,
                Aim::default(),
                "db".to_owned(),
                RUN.to_owned(),
                Again {
                    same: "shardctl drain node-0 node-1".to_owned(),
                    without_nodes: "shardctl drain".to_owned(),
                    uncordon: "shardctl uncordon".to_owned(),
                    recover: "shardctl recover".to_owned(),
                },
                now,
            ),
            scene,
            now,
            others: Vec::new(),
            budgets: Vec::new(),
            made: 0,
        };
        let snapshot = play.snapshot();
        let seen = Seen::of(&snapshot, &play.scene.policy);
        let order = node::chosen(&seen, &play.drain.policy.nodes, None).unwrap();
        play.drain.aim.moves = moves(&seen, &order, play.drain.policy.then).unwrap();
        play.drain.aim.order = play.drain.policy.nodes.clone();
        play.drain.note(&seen, now, Sight::WithVolumes);
        play
    }

    fn snapshot(&self) -> Snapshot {
        let mut scene = Scene {
            objects: self.scene.objects.clone(),
            logs: self.scene.logs.clone(),
            dns: self.scene.dns.clone(),
            policy: self.scene.policy.clone(),
        };
        let mut all = scene.objects[&Resource::Pods].got().cloned().unwrap_or_default();
        for pod in &mut all {
            pod["metadata"]["namespace"] = json!("shop");
        }
        all.extend(self.others.iter().cloned());
        scene.set(Resource::NodePods, crate::model::read::Read::Got(all));
        scene.set(
            Resource::AllBudgets,
            crate::model::read::Read::Got(self.budgets.clone()),
        );
        scene.snapshot()
    }

    fn next_with(&mut self, wishes: Wishes) -> Step {
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        self.drain.note(&seen, self.now, Sight::WithVolumes);
        self.drain.next_step(&seen, wishes, self.now)
    }

    fn next(&mut self) -> Step {
        self.next_with(Wishes::default())
    }

    /// Carries an effect out, as the server and the controllers would.
    fn carry_out(&mut self, act: &Act) {
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        if let Some((target, down)) = act.takes_down() {
            let judged = self.drain.gate(&seen, target, down);
            assert!(judged.is_ok(), "the gate refuses: {judged:?}");
        }
        self.drain.about_to(act, &seen, self.now);
        self.drain.acted(act, &Acted::Done);
        self.change(act);
    }

    /// Gives a mark this run's name.
    fn renamed(&mut self, resource: Resource, name: &str) {
        let objects = self.scene.objects[&resource].got().expect("objects");
        let object = objects.iter().find(|object| object["metadata"]["name"] == name);
        let written = object.expect("the object")["metadata"]["annotations"][MARK].as_str();
        let mut mark: Value = serde_json::from_str(written.expect("a mark")).expect("JSON");
        mark["operation"] = json!(RUN);
        let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
        self.scene.merge(resource, name, marked);
    }

    fn change(&mut self, act: &Act) {
        let mark = |was: Value, is: Value, made: &[String]| {
            let mark =
                json!({"operation": RUN, "by": "ada", "since": NOW, "until": NOW, "was": was, "is": is, "made": made});
            json!({"metadata": {"annotations": {MARK: mark.to_string()}}})
        };
        let unmark = json!({"metadata": {"annotations": {MARK: null}}});
        match act {
            Act::Freeze { node, cordon, .. } => {
                assert!(cordon);
                let (was, is) = (json!({"spec.unschedulable": null}), json!({"spec.unschedulable": true}));
                self.scene.merge(Resource::Nodes, node, mark(was, is, &[]));
                self.scene
                    .merge(Resource::Nodes, node, json!({"spec": {"unschedulable": true}}));
            }
            Act::LeaveNode { node, uncordon } => {
                self.scene.merge(Resource::Nodes, node, unmark);
                if *uncordon {
                    self.scene
                        .merge(Resource::Nodes, node, json!({"spec": {"unschedulable": null}}));
                }
            }
            Act::Unfreeze { node } => {
                self.scene.merge(Resource::Nodes, node, unmark);
                self.scene
                    .merge(Resource::Nodes, node, json!({"spec": {"unschedulable": null}}));
            }
            Act::EvictShard { pod, .. } | Act::DeleteShard { pod, .. } => {
                self.made += 1;
                let uid = format!("new-{}", self.made);
                let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": NOW}]);
                self.scene.merge(
                    Resource::Pods,
                    &pod.name,
                    json!({"metadata": {"uid": uid}, "spec": {"nodeName": "spare"}, "status": {"conditions": ready}}),
                );
            }
            Act::EvictPod(other) => self.others.retain(|pod| pod["metadata"]["uid"] != other.uid.as_str()),
            Act::OwnMark { object, .. } => match object.split_once('/').unwrap() {
                ("node", name) => self.renamed(Resource::Nodes, name),
                (_, name) => self.renamed(Resource::StatefulSets, name),
            },
            Act::Scale { to, made } => {
                let names: Vec<String> = made.iter().map(|name| format!("pvc/{name}")).collect();
                let fields = (json!({"spec.replicas": to - 1}), json!({"spec.replicas": to}));
                self.scene
                    .merge(Resource::StatefulSets, "db", mark(fields.0, fields.1, &names));
                self.scene
                    .merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": to}}));
                let name = format!("db-{}", to - 1);
                let mut extra = self.scene.objects[&Resource::Pods].got().unwrap()[0].clone();
                extra["metadata"]["name"] = json!(name);
                extra["metadata"]["uid"] = json!("uid-extra");
                extra["spec"]["nodeName"] = json!("node-2");
                self.scene.add(Resource::Pods, extra);
                let mut claim = self.scene.objects[&Resource::Claims].got().unwrap()[0].clone();
                claim["metadata"]["name"] = json!(made[0]);
                claim["metadata"]["uid"] = json!("uid-claim-extra");
                claim["metadata"]["resourceVersion"] = json!("7");
                claim["metadata"]["creationTimestamp"] = json!(NOW);
                self.scene.add(Resource::Claims, claim);
            }
            Act::ScaleBack => {
                self.scene
                    .merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 4}}));
                self.scene.remove(Resource::Pods, "db-4");
            }
            Act::RemoveClaim { claim, .. } => {
                self.scene.remove(Resource::Claims, claim);
            }
            Act::UndoMark { object, .. } => {
                let (resource, name) = match object.split_once('/').unwrap() {
                    ("pdb", name) => (Resource::Budgets, name),
                    (_, name) => (Resource::StatefulSets, name),
                };
                self.scene.merge(resource, name, unmark);
            }
            Act::MakePlaceholder { pod, .. } => {
                let mut pod = serde_json::to_value(pod).unwrap();
                pod["metadata"]["uid"] = json!("uid-placeholder");
                pod["metadata"]["creationTimestamp"] = json!(NOW);
                self.scene.add(Resource::Pods, pod);
            }
            Act::RemoveHelper { pod, .. } => {
                self.scene.remove(Resource::Pods, pod);
            }
            other => panic!("not expected of a drain: {other:?}"),
        }
    }

    /// Steps until the end: what was done, in short, and how it ended.
    fn play_out(&mut self) -> (Vec<String>, End, String) {
        let mut told = Vec::new();
        for _ in 0..40 {
            match self.next() {
                Step::Act(act) => {
                    told.push(short(&act));
                    self.carry_out(&act);
                }
                Step::Wait(wait) => panic!("waits for {} after {told:?}", wait.words),
                Step::End { end, summary, .. } => return (told, end, summary),
            }
        }
        panic!("no end: {told:?}");
    }

    fn put_back(&self) -> Option<String> {
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        self.drain.put_back(&seen, true, &[]).map(|act| short(&act))
    }
}

fn short(act: &Act) -> String {
    match act {
        Act::Freeze { node, .. } => format!("cordon {node}"),
        Act::OwnMark { object, .. } => format!("own {object}"),
        Act::LeaveNode { node, uncordon: true } => format!("open {node}"),
        Act::LeaveNode { node, .. } => format!("leave {node}"),
        Act::Unfreeze { node } => format!("undo {node}"),
        Act::EvictShard { pod, relax: true, .. } => format!("relax {}", pod.name),
        Act::EvictShard { pod, .. } => format!("evict {}", pod.name),
        Act::DeleteShard { pod, .. } => format!("delete {}", pod.name),
        Act::EvictPod(other) => format!("evict {}/{}", other.namespace, other.name),
        Act::Scale { to, .. } => format!("scale {to}"),
        Act::ScaleBack => "scale back".to_owned(),
        Act::RemoveClaim { claim, .. } => format!("remove {claim}"),
        Act::UndoMark { object, .. } => format!("undo {object}"),
        Act::MakePlaceholder { shard, .. } => format!("room {shard}"),
        Act::RemoveHelper { .. } => "remove helper".to_owned(),
        other => format!("{other:?}"),
    }
}

fn other(name: &str, on: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "web", "uid": format!("uid-{name}"), "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8", "uid": "uid-web", "controller": true},
        ]},
        "spec": {"nodeName": on, "containers": [{"name": "web"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

#[test]
fn the_shards_of_a_node_go_one_after_another_by_the_budget_highest_first() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
    let (told, end, summary) = play.play_out();
    assert_eq!(told, ["cordon node-0", "relax db-3", "relax db-0", "leave node-0"]);
    assert_eq!(end, End::Done);
    assert_eq!(
        summary,
        "node/node-0 is empty and cordoned; 2 shards moved and Ready again"
    );
    assert_eq!(play.put_back(), None);
}

#[test]
fn direct_deletes_and_last_comes_last() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| {
        policy.strategy = Strategy::Direct;
        policy.last = BTreeSet::from([3]);
    });
    let (told, ..) = play.play_out();
    assert_eq!(told, ["cordon node-0", "delete db-0", "delete db-3", "leave node-0"]);
}

#[test]
fn a_surge_adds_a_shard_and_takes_it_its_claim_and_the_mark_away() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    let (told, end, _) = play.play_out();
    assert_eq!(
        told,
        [
            "cordon node-0",
            "scale 5",
            "evict db-3",
            "evict db-0",
            "leave node-0",
            "scale back",
            "remove data-db-4",
            "undo statefulset/db",
        ]
    );
    assert_eq!(end, End::Done);
}

#[test]
fn an_extra_shard_that_is_late_is_taken_back_and_nothing_is_begun_after_that() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    for _ in 0..2 {
        let Step::Act(act) = play.next() else {
            panic!("no effect");
        };
        play.carry_out(&act);
    }
    let unready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]);
    play.scene
        .merge(Resource::Pods, "db-4", json!({"status": {"conditions": unready}}));
    assert!(matches!(play.next(), Step::Wait(_)));
    play.now += SignedDuration::from_secs(700);
    let (told, end, summary) = play.play_out();
    assert_eq!(told, ["scale back", "remove data-db-4", "undo statefulset/db"]);
    assert_eq!(end, End::TimedOut);
    assert!(summary.contains("the extra shard db-4 took longer"), "{summary}");
}

#[test]
fn a_surge_that_is_interrupted_takes_its_shard_away_first() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    for _ in 0..2 {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        play.carry_out(&act);
    }
    let mut told = Vec::new();
    loop {
        match play.next_with(Wishes { stop: true }) {
            Step::Act(act) => {
                told.push(short(&act));
                play.carry_out(&act);
            }
            Step::Wait(wait) => panic!("waits for {}", wait.words),
            Step::End { end, .. } => {
                assert_eq!(end, End::Interrupted);
                break;
            }
        }
    }
    assert_eq!(told, ["scale back", "remove data-db-4", "undo statefulset/db"]);
    assert_eq!(play.put_back().as_deref(), Some("undo node-0"));
}

#[test]
fn downtime_takes_the_shards_of_a_node_together() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| {
        policy.strategy = Strategy::Downtime;
    });
    let cordon = play.next();
    let Step::Act(cordon) = cordon else {
        panic!("{cordon:?}")
    };
    play.carry_out(&cordon);
    let mut taken = Vec::new();
    for _ in 0..2 {
        let step = play.next();
        let Step::Act(act @ Act::DeleteShard { .. }) = step else {
            panic!("{step:?}")
        };
        let snapshot = play.snapshot();
        let seen = Seen::of(&snapshot, &play.scene.policy);
        let (target, down) = act.takes_down().unwrap();
        play.drain.gate(&seen, target, down).unwrap();
        play.drain.about_to(&act, &seen, play.now);
        play.drain.acted(&act, &Acted::Done);
        let name = target.name.clone();
        play.scene.merge(
            Resource::Pods,
            &name,
            json!({"metadata": {"deletionTimestamp": NOW, "deletionGracePeriodSeconds": 30}}),
        );
        taken.push(act);
    }
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    for act in &taken {
        let (target, _) = act.takes_down().unwrap();
        play.scene.merge(
            Resource::Pods,
            &target.name,
            json!({"metadata": {"deletionTimestamp": null}}),
        );
        play.change(act);
    }
    let (told, end, _) = play.play_out();
    assert_eq!((told, end), (vec!["leave node-0".to_owned()], End::Done));
}

#[test]
fn other_pods_go_first_and_those_that_shards_need_last() {
    let mut scene = two_on_a_node();
    scene.merge(Resource::Pods, "db-3", json!({"spec": {"nodeName": "spare"}}));
    let mut play = Play::new(scene, &["node-0"], |_| {});
    play.others = vec![
        other("web-1", "node-0"),
        other("dns", "node-0"),
        other("web-2", "node-1"),
    ];
    play.drain.aim.needed = BTreeSet::from(["uid-dns".to_owned()]);
    play.others[1]["metadata"]["labels"] = json!({"k8s-app": "kube-dns"});
    play.others[1]["metadata"]["ownerReferences"][0]["uid"] = json!("uid-dns-set");
    let (told, ..) = play.play_out();
    assert_eq!(
        told,
        [
            "cordon node-0",
            "evict web/web-1",
            "relax db-0",
            "evict web/dns",
            "leave node-0"
        ]
    );
}

#[test]
fn all_nodes_are_cordoned_first_and_reopened_one_by_one() {
    let mut scene = two_on_a_node();
    let mut other = scene.objects[&Resource::Nodes].got().unwrap()[1].clone();
    other["metadata"]["name"] = json!("other");
    other["metadata"]["labels"]["kubernetes.io/hostname"] = json!("other");
    scene.add(Resource::Nodes, other);
    // With the cordoned nodes out of the count, the zones would be too uneven for a shard to land anywhere.
    let uncounted = json!({"spec": {"template": {"spec": {"topologySpreadConstraints": []}}}});
    scene.merge(Resource::StatefulSets, "db", uncounted);
    let mut play = Play::new(scene, &["node-0", "node-1"], |policy| {
        policy.then = Afterwards::Uncordoned;
    });
    let (told, end, summary) = play.play_out();
    assert_eq!(
        told,
        [
            "cordon node-0",
            "cordon node-1",
            "relax db-3",
            "relax db-0",
            "open node-0",
            "relax db-1",
            "open node-1"
        ]
    );
    assert_eq!(end, End::Done);
    assert!(
        summary.starts_with("2 nodes are empty and take pods again"),
        "{summary}"
    );
}

#[test]
fn a_shard_that_is_down_is_deleted_first_whatever_the_strategy() {
    let mut scene = two_on_a_node();
    scene.merge(
        Resource::Pods,
        "db-0",
        json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]}}),
    );
    let mut play = Play::new(scene, &["node-0"], |_| {});
    let (told, ..) = play.play_out();
    assert_eq!(told, ["cordon node-0", "delete db-0", "relax db-3", "leave node-0"]);
}

#[test]
fn a_placeholder_is_warm_before_its_shard_goes_and_away_when_it_is_back() {
    let mut play = Play::new(two_on_a_node(), &["node-1"], |policy| policy.prewarm = Prewarm::Always);
    play.scene.merge(
        Resource::Nodes,
        "spare",
        json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "zone-2"}}}),
    );
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    let order = node::chosen(&seen, &play.drain.policy.nodes, None).unwrap();
    play.drain.aim.moves = moves(&seen, &order, Afterwards::Cordoned).unwrap();
    for wanted in ["cordon node-1", "room db-1"] {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        assert_eq!(short(&act), wanted);
        play.carry_out(&act);
    }
    let Step::Wait(wait) = play.next() else {
        panic!("goes without room: {:?}", play.next())
    };
    assert_eq!(wait.words, "room for db-1: a node is waited for");
    let name = play.scene.objects[&Resource::Pods].got().unwrap().last().unwrap()["metadata"]["name"].clone();
    let fetched = |at: usize| json!({"name": format!("image-{at}"), "imageID": "sha256:1", "state": {"running": {}}});
    let holder = json!({"name": "holder", "imageID": "sha256:2", "state": {"running": {}}});
    play.scene.merge(
        Resource::Pods,
        name.as_str().unwrap(),
        json!({"spec": {"nodeName": "spare"}, "status": {"phase": "Running", "containerStatuses": [holder, fetched(0)]}}),
    );
    let (told, end, _) = play.play_out();
    assert_eq!(told, ["relax db-1", "remove helper", "leave node-1"]);
    assert_eq!(end, End::Done);
}

#[test]
fn an_eviction_that_was_refused_is_tried_again_after_a_second_and_one_that_never_can_stops() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
    let Step::Act(cordon) = play.next() else {
        panic!("an effect is due")
    };
    play.carry_out(&cordon);
    let Step::Act(evict) = play.next() else {
        panic!("an effect is due")
    };
    let blocked = |again| {
        let finding = Finding::new(Severity::Error, "pdb/db", "needs 4 healthy, has 3");
        Acted::Blocked(Box::new(Blocked { finding, again }))
    };
    let refuse = |play: &mut Play, again| {
        let snapshot = play.snapshot();
        let seen = Seen::of(&snapshot, &play.scene.policy);
        play.drain.about_to(&evict, &seen, play.now);
        play.drain.acted(&evict, &blocked(again));
    };
    refuse(&mut play, eviction::Again::After(std::time::Duration::from_secs(1)));
    let Step::Wait(wait) = play.next() else {
        panic!("tried at once: {:?}", play.next())
    };
    assert_eq!(wait.words, "pdb/db: needs 4 healthy, has 3");
    play.now += SignedDuration::from_secs(1);
    assert_eq!(play.next(), Step::Act(evict.clone()));
    refuse(&mut play, eviction::Again::Never);
    let Step::End { end, .. } = play.next() else {
        panic!("goes on: {:?}", play.next())
    };
    // No shard went: nothing but the cordon was written, and that is taken away.
    assert_eq!(play.put_back().as_deref(), Some("undo node-0"));
    assert!(matches!(end, End::Refused | End::Halted), "{end:?}");
}

#[test]
fn somebody_who_uncordons_takes_away_or_scales_stops_it() {
    type Meddle = fn(&mut Scene);
    let cases: [(Meddle, &str); 4] = [
        (
            |scene| {
                scene.merge(Resource::Nodes, "node-0", json!({"spec": {"unschedulable": null}}));
            },
            "somebody uncordoned it while the drain ran",
        ),
        (
            |scene| {
                scene.merge(
                    Resource::Nodes,
                    "node-0",
                    json!({"metadata": {"deletionTimestamp": NOW}}),
                );
            },
            "somebody is taking it away while the drain runs",
        ),
        (
            |scene| {
                scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 5}}));
            },
            "somebody else changed the set while the drain ran",
        ),
        (
            |scene| {
                scene.remove(Resource::Nodes, "node-0");
            },
            "it is gone: somebody deleted it while the drain ran",
        ),
    ];
    for (meddle, words) in cases {
        let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
        for _ in 0..2 {
            let Step::Act(act) = play.next() else {
                panic!("an effect is due")
            };
            play.carry_out(&act);
        }
        meddle(&mut play.scene);
        let Step::End { end, summary, .. } = play.next() else {
            panic!("goes on in spite of: {words}")
        };
        assert_eq!(end, End::Halted);
        assert!(summary.contains(words), "{summary}");
    }
}

#[test]
fn what_is_left_is_named_without_the_nodes_that_are_empty() {
    let mut play = Play::new(two_on_a_node(), &["node-0", "node-1"], |_| {});
    for _ in 0..5 {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        play.carry_out(&act);
    }
    let step = play.next_with(Wishes { stop: true });
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    let outcome = play.drain.outcome(&seen, &step, play.now);
    assert_eq!(outcome.end, End::Interrupted);
    assert_eq!(outcome.how_to_undo, ["$ shardctl uncordon node-0"]);
    assert_eq!(outcome.how_to_resume, ["$ shardctl drain node-1"]);
    assert_eq!(play.put_back().as_deref(), Some("undo node-1"));
}

#[test]
fn the_extra_shard_of_a_surge_is_waited_for_and_never_counted_as_down() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    for _ in 0..2 {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        play.carry_out(&act);
    }
    play.scene.merge(
        Resource::Pods,
        "db-4",
        json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]}}),
    );
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    assert_eq!(play.drain.in_hand(&seen, play.now), []);
}
