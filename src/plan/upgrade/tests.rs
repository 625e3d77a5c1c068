//! The planner on small snapshots: what it does next, and what it must not conclude. What needs controllers to come true is
//! tested on a real control plane under tests/it/upgrade.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::aim::{Earlier, aim};
use super::policy::{Goal, OnFailure};
use super::*;
use crate::model::finding::{Finding, Severity};
use crate::model::journal::JOURNAL;
use crate::model::mark::MARK;
use crate::model::outcome::End;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::plan::image::Wanted;
use crate::plan::operation::Sight;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::verify::testing::{NOW, Scene};

/// A planner over a scene that a test changes.
struct Play {
    scene: Scene,
    upgrade: Upgrade,
    now: Timestamp,
}

impl Play {
    fn new(scene: Scene, goal: Goal, change: impl FnOnce(&mut Policy)) -> Play {
        let mut policy = Policy {
            goal,
            only: BTreeSet::new(),
            last: BTreeSet::new(),
            canary: None,
            pause: SignedDuration::ZERO,
            gate: false,
            before: false,
            after: false,
            deadline: None,
            min_ready: None,
            shard_timeout: SignedDuration::from_secs(600),
            on_failure: OnFailure::Halt,
            pre_pull: false,
            goes_on: false,
            room: None,
            max_restarts: 2,
            allowed: Allowed::default(),
        };
        change(&mut policy);
        let now: Timestamp = NOW.parse().unwrap();
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let raw = raw(&scene);
        let aimed = aim(&raw, &seen, &policy, now).unwrap();
        let run = "upgrade/shop/db/1".to_owned();
        let mut upgrade = Upgrade::new(policy, aimed, "db".to_owned(), run, Again::default(), now);
        upgrade.note(&seen, now, Sight::WithVolumes);
        Play { scene, upgrade, now }
    }

    /// A template that is pending already: the set's revision is `db-2`, the shards' is `db-1`.
    fn pending(mut scene: Scene, change: impl FnOnce(&mut Policy)) -> Play {
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"status": {"updateRevision": "db-2"}}),
        );
        Play::new(scene, Goal::Pending, change)
    }

    fn image(scene: Scene) -> Play {
        let wanted = Wanted::parse("registry.example/db:2.0").unwrap();
        Play::new(scene, Goal::Images(vec![wanted]), |_| {})
    }

    fn snapshot(&self) -> Snapshot {
        self.scene.snapshot()
    }

    /// Looks, and asks for the next step.
    fn next(&mut self) -> Step {
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        self.upgrade.note(&seen, self.now, Sight::Watched);
        self.upgrade.next_step(&seen, Wishes::default(), self.now)
    }

    /// Looks, and carries out the next effect in memory, as if the server had said yes.
    fn act(&mut self) -> Act {
        let Step::Act(act) = self.next() else {
            panic!("no effect is due");
        };
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        self.upgrade.about_to(&act, &seen, self.now);
        self.upgrade.acted(&act, &Acted::Done);
        act
    }

    fn pod(&mut self, name: &str, patch: Value) {
        self.scene.merge(Resource::Pods, name, patch);
    }
}

fn raw(scene: &Scene) -> Value {
    scene.objects[&Resource::StatefulSets].got().unwrap()[0].clone()
}

fn not_ready() -> Value {
    json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]}})
}

fn deleted(step: &Step) -> &str {
    match step {
        Step::Act(Act::DeleteShard { pod, .. }) => &pod.name,
        other => panic!("not a deletion: {other:?}"),
    }
}

fn order(play: &Play) -> Vec<String> {
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    play.upgrade.order(&seen, play.now)
}

#[test]
fn a_view_from_before_the_write_decides_nothing() {
    let mut play = Play::image(Scene::healthy(3));
    assert!(matches!(play.act(), Act::TryTemplate));
    assert!(matches!(play.act(), Act::ChangeTemplate(_)));
    // The watch still shows the set as it was: its revision is the old one, which every shard has.
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());

    let journal = json!({
        "run": "upgrade/shop/db/1", "by": "anna", "at": NOW, "what": "x", "from": "db-1", "previous": {},
    });
    play.scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"metadata": {"generation": 2, "annotations": {JOURNAL: journal.to_string()}}}),
    );
    // The write is there, and the controller hasn't looked at it.
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());

    let status = json!({"status": {"observedGeneration": 2, "updateRevision": "db-2"}});
    play.scene.merge(Resource::StatefulSets, "db", status);
    assert_eq!(deleted(&play.next()), "db-2");
}

#[test]
fn what_an_earlier_run_froze_gets_this_runs_name_before_its_shard_in_hand_is_waited_for() {
    let mut scene = Scene::healthy(3);
    let mark = json!({"operation": "upgrade/shop/db/0", "by": "ada", "since": NOW, "until": NOW, "was": {}});
    let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    scene.merge(Resource::Nodes, "node-1", marked);
    scene.merge(Resource::Pods, "db-1", json!({"metadata": {"deletionTimestamp": NOW}}));
    let mut play = Play::pending(scene, |_| {});
    let Act::OwnMark { object, path } = play.act() else {
        panic!("the mark comes first")
    };
    assert_eq!(
        (object.as_str(), path.as_str()),
        ("node/node-1", "/api/v1/nodes/node-1")
    );
    // Where the server doesn't let us, the run goes on without.
    let act = Act::OwnMark { object, path };
    let finding = Finding::new(
        Severity::Warning,
        "node/node-1",
        "its mark keeps the name of an earlier run",
    );
    assert_eq!(play.next(), Step::Act(act.clone()));
    play.upgrade.acted(&act, &Acted::Failed(Box::new(finding)));
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
}

#[test]
fn a_set_that_is_made_absurdly_large_meanwhile_ends_the_run() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    assert!(matches!(play.act(), Act::TryTemplate));
    play.scene
        .merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 20_000}}));
    let Step::End { summary, .. } = play.next() else {
        panic!("waits for it: {:?}", play.next())
    };
    assert!(summary.contains("can't have 20000 shards"), "{summary}");
}

#[test]
fn shards_that_cannot_be_seen_are_waited_for() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    play.scene.unreadable(Resource::Pods);
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
}

#[test]
fn what_is_down_comes_first_then_the_highest_and_the_last_ones_last() {
    let play = Play::pending(Scene::healthy(4), |policy| {
        policy.last.insert(3);
    });
    assert_eq!(order(&play), ["db-2", "db-1", "db-0", "db-3"]);

    let mut scene = Scene::healthy(4);
    scene.merge(Resource::Pods, "db-1", not_ready());
    scene.merge(Resource::Pods, "db-0", not_ready());
    let play = Play::pending(scene, |_| {});
    assert_eq!(order(&play), ["db-1", "db-0", "db-3", "db-2"]);
}

#[test]
fn under_ordered_ready_the_lowest_that_is_down_comes_first() {
    let mut scene = Scene::healthy(4);
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"spec": {"podManagementPolicy": "OrderedReady"}}),
    );
    scene.merge(Resource::Pods, "db-1", not_ready());
    scene.merge(Resource::Pods, "db-3", not_ready());
    let play = Play::pending(scene, |_| {});
    assert_eq!(order(&play), ["db-1", "db-3", "db-2", "db-0"]);
}

#[test]
fn a_deletion_that_the_watch_has_not_brought_yet_is_not_decided_again() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    assert!(matches!(play.act(), Act::TryTemplate));
    assert!(matches!(play.act(), Act::DeleteShard { .. }));
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
}

#[test]
fn a_deletion_whose_answer_was_lost_counts_as_not_done_only_by_an_uncached_look() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    play.act();
    play.act();
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    play.upgrade.note(&seen, play.now, Sight::WithVolumes);
    assert_eq!(deleted(&play.next()), "db-2");
}

#[test]
fn another_shard_that_goes_down_ends_the_run() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    play.act();
    play.act();
    play.pod("db-0", not_ready());
    let Step::End { end, findings, .. } = play.next() else {
        panic!("it goes on");
    };
    assert_eq!(end, End::Halted);
    assert_eq!(findings[0].object, "pod/db-0");
}

#[test]
fn the_set_of_somebody_else_ends_the_run() {
    for (change, word) in [
        (json!({"metadata": {"uid": "other"}}), "anew"),
        (json!({"spec": {"replicas": 4}}), "replicas"),
        (json!({"status": {"updateRevision": "db-3"}}), "template"),
    ] {
        let mut play = Play::pending(Scene::healthy(3), |_| {});
        assert!(matches!(play.next(), Step::Act(_)));
        play.scene.merge(Resource::StatefulSets, "db", change);
        // Pods belong to the set by its uid: with another one, none is its own, and that alone ends nothing.
        let Step::End { findings, .. } = play.next() else {
            panic!("it goes on: {word}");
        };
        assert!(findings[0].message.contains(word), "{findings:?}");
    }
}

#[test]
fn a_shard_on_another_volume_ends_the_run() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    play.act();
    play.act();
    let other = json!({"metadata": {"uid": "uid-new"}, "spec": {"volumeName": "pv-new"}});
    play.scene.merge(Resource::Claims, "data-db-2", other);
    let Step::End { findings, .. } = play.next() else {
        panic!("it goes on");
    };
    assert!(findings[0].message.contains("another volume"), "{findings:?}");
}

#[test]
fn a_set_that_has_come_over_is_idle_and_one_with_an_open_journal_is_not() {
    let mut scene = Scene::healthy(3);
    let idle = |scene: &Scene| {
        let play = Play::new(clone(scene), Goal::Pending, |_| {});
        let snapshot = play.snapshot();
        play.upgrade.is_idle(&Seen::of(&snapshot, &play.scene.policy))
    };
    assert!(idle(&scene));
    let journal = json!({"run": "r", "by": "b", "at": NOW, "what": "x", "from": "db-0", "previous": {}});
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"metadata": {"annotations": {JOURNAL: journal.to_string()}}}),
    );
    assert!(!idle(&scene));
}

#[test]
fn a_shard_that_no_pod_is_made_for_has_as_long_again_under_the_template_that_was_put_back() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    play.upgrade.policy.on_failure = OnFailure::Undo;
    play.upgrade.aim.earlier = Some(Earlier {
        revision: "db-1".to_owned(),
        template: json!({}),
    });
    play.act();
    play.act();
    play.scene.remove(Resource::Pods, "db-2");
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    let hour = SignedDuration::from_hours(1);
    play.now = play.now.checked_add(hour).unwrap();
    assert!(matches!(play.act(), Act::ChangeTemplate(_)));
    let journal = json!({
        "run": "upgrade/shop/db/1", "by": "anna", "at": NOW, "what": "x", "from": "db-2", "previous": {},
    });
    play.scene.merge(
        Resource::StatefulSets,
        "db",
        json!({
            "metadata": {"annotations": {JOURNAL: journal.to_string()}},
            "status": {"updateRevision": "db-1"},
        }),
    );
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    play.now = play.now.checked_add(hour).unwrap();
    let Step::End { end, .. } = play.next() else {
        panic!("it waits for ever");
    };
    assert_eq!(end, End::TimedOut);
}

fn clone(scene: &Scene) -> Scene {
    Scene {
        objects: scene.objects.clone(),
        logs: scene.logs.clone(),
        dns: scene.dns.clone(),
        policy: scene.policy.clone(),
    }
}

#[test]
fn an_upgrade_whose_last_look_shows_another_disk_is_not_called_done() {
    let mut play = Play::pending(Scene::healthy(2), |_| {});
    play.scene
        .merge(Resource::Volumes, "pv-1", json!({"metadata": {"uid": "uid-other"}}));
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    play.upgrade.note(&seen, play.now, Sight::WithVolumes);
    let done = Step::End {
        end: End::Done,
        summary: "2 shards".to_owned(),
        findings: Vec::new(),
    };
    let outcome = play.upgrade.outcome(&seen, &done, play.now);
    assert_eq!((outcome.end, outcome.findings.len()), (End::Halted, 1));
    assert!(outcome.summary.contains("another volume"), "{}", outcome.summary);
}

#[test]
fn what_only_the_last_look_shows_is_not_called_done() {
    type Meddle = fn(&mut Play);
    let cases: [(Meddle, &str); 3] = [
        (|_| {}, ""),
        (|play| play.pod("db-1", not_ready()), "pod/db-1: isn't Ready any more"),
        (
            |play| {
                play.scene
                    .merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 2}}));
            },
            "statefulset/db: its replicas were changed",
        ),
    ];
    for (meddle, words) in cases {
        let mut play = Play::pending(Scene::healthy(3), |_| {});
        for name in ["db-0", "db-1", "db-2"] {
            play.pod(
                name,
                json!({"metadata": {"labels": {"controller-revision-hash": "db-2"}}}),
            );
        }
        let step = play.next();
        assert!(matches!(step, Step::End { end: End::Done, .. }), "{step:?}");
        meddle(&mut play);
        let snapshot = play.snapshot();
        let seen = Seen::of(&snapshot, &play.scene.policy);
        play.upgrade.note(&seen, play.now, Sight::WithVolumes);
        let outcome = play.upgrade.outcome(&seen, &step, play.now);
        let wanted = if words.is_empty() { End::Done } else { End::Halted };
        assert_eq!(outcome.end, wanted, "{}", outcome.summary);
        assert!(
            words.is_empty() || outcome.summary.starts_with(words),
            "{}",
            outcome.summary
        );
    }
}

#[test]
fn shards_that_cannot_be_seen_keep_nobody_who_wants_to_stop_with_none_in_hand() {
    let mut play = Play::pending(Scene::healthy(3), |_| {});
    assert!(matches!(play.act(), Act::TryTemplate));
    let step = play.next();
    assert_eq!(deleted(&step), "db-2");
    let pods = play.scene.objects[&Resource::Pods].clone();
    let forbidden = crate::model::read::Read::Unreadable("forbidden".to_owned());
    let stop = |play: &mut Play| {
        play.scene.set(Resource::Pods, forbidden.clone());
        let snapshot = play.snapshot();
        let seen = Seen::of(&snapshot, &play.scene.policy);
        play.upgrade.note(&seen, play.now, Sight::Watched);
        play.upgrade.next_step(&seen, Wishes { stop: true }, play.now)
    };
    let step = stop(&mut play);
    assert!(
        matches!(
            step,
            Step::End {
                end: End::Interrupted,
                ..
            }
        ),
        "{step:?}"
    );
    play.scene.set(Resource::Pods, pods);
    assert!(matches!(play.act(), Act::DeleteShard { .. }));
    let step = stop(&mut play);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
}
