//! The room on small snapshots, for an operation that empties nodes; what it is for one that changes the template is tested with
//! upgrade.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hand::{Hand, Stuck};
use super::pace::marks_last_until;
use super::stand::{Stand, queue};
use super::tasks::{Asked, Tasks};
use super::*;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::model::step::{Act, Step, Task, When};
use crate::plan::operation::Sight;
use crate::plan::verify::testing::{NOW, Scene};

/// A run that replaces the pods of some nodes, over a scene that a test changes.
struct Play {
    scene: Scene,
    due_nodes: Vec<&'static str>,
    terms: Terms,
    replacing: Replacing,
    now: Timestamp,
}

impl Play {
    fn new(scene: Scene, due_nodes: &[&'static str]) -> Play {
        let now: Timestamp = NOW.parse().unwrap();
        Play {
            scene,
            due_nodes: due_nodes.to_vec(),
            terms: Terms {
                set_name: "db".to_owned(),
                shard_timeout: SignedDuration::from_secs(600),
                min_ready: SignedDuration::ZERO,
                grace: SignedDuration::from_secs(30),
                max_restarts: 2,
            },
            replacing: Replacing::begun(now),
            now,
        }
    }

    fn with<T>(&mut self, what: impl FnOnce(&mut Replacing, &Seen<'_>, Due<'_>, &Terms, Timestamp) -> T) -> T {
        let snapshot = self.scene.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        let due = |shard: &Shard<'_>| {
            let node = shard.pod.and_then(pod::node);
            node.is_some_and(|node| self.due_nodes.contains(&node))
        };
        what(&mut self.replacing, &seen, &due, &self.terms, self.now)
    }

    /// Looks; the shards that became done by that.
    fn look(&mut self) -> Vec<Ordinal> {
        self.with(|replacing, seen, due, terms, now| {
            replacing.note_pods(seen, now);
            replacing.note_shards(seen, due, terms, true, now)
        })
    }

    fn hand(&mut self) -> Hand {
        self.look();
        self.with(|replacing, seen, due, terms, now| {
            let all = replacing.standings(seen, due, terms, now);
            replacing.hand(seen, &all, terms, now)
        })
    }

    fn stands(&mut self) -> Vec<Stand> {
        self.with(|replacing, seen, due, terms, now| {
            let all = replacing.standings(seen, due, terms, now);
            all.into_iter().map(|one| one.stand).collect()
        })
    }

    /// Takes a shard's pod down in memory, as if its answer were on the way.
    fn begin(&mut self, ordinal: Ordinal) {
        self.with(|replacing, seen, _, terms, now| {
            let shards = seen.every_shard().unwrap();
            let found = shards.iter().find(|shard| shard.ordinal == ordinal).unwrap();
            replacing.begin(seen, &pod_ref(found.pod.unwrap(), ordinal), terms, now);
        });
    }

    fn later(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// The pod of a shard made anew on another node.
    fn successor(&mut self, name: &str, ready: bool) {
        let status = if ready { "True" } else { "False" };
        let conditions = json!([{"type": "Ready", "status": status, "lastTransitionTime": self.now.to_string()}]);
        self.pod(
            name,
            json!({
                "metadata": {"uid": format!("uid-{name}-again"), "creationTimestamp": self.now.to_string()},
                "spec": {"nodeName": "node-9"},
                "status": {"conditions": conditions},
            }),
        );
    }

    fn pod(&mut self, name: &str, patch: Value) {
        self.scene.merge(Resource::Pods, name, patch);
    }
}

fn not_ready() -> Value {
    json!({"status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]}})
}

fn crashing() -> Value {
    json!({"status": {"containerStatuses": [{
        "name": "db", "ready": false, "restartCount": 5, "image": "i", "imageID": "",
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }]}})
}

#[test]
fn a_pod_is_due_by_the_word_of_the_operation() {
    let mut play = Play::new(Scene::healthy(3), &["node-1"]);
    play.look();
    assert_eq!(play.stands(), [Stand::Done, Stand::Due, Stand::Done]);
    play.pod("db-1", not_ready());
    assert_eq!(play.stands(), [Stand::Done, Stand::DueAndDown, Stand::Done]);
    let waiting = play.with(|replacing, seen, due, terms, now| {
        let all = replacing.standings(seen, due, terms, now);
        let queue = queue(all, seen, &BTreeSet::new());
        queue
            .into_iter()
            .map(|one| one.shard.name.into_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(waiting, ["db-1"]);
}

#[test]
fn shards_that_go_together_are_each_done_when_their_own_successor_is_ready() {
    let mut play = Play::new(Scene::healthy(3), &["node-1", "node-2"]);
    play.look();
    play.begin(1);
    play.begin(2);
    assert_eq!(play.stands(), [Stand::Done, Stand::Terminating, Stand::Terminating]);
    play.later(5);
    play.successor("db-2", true);
    play.successor("db-1", false);
    assert_eq!(play.look(), [2]);
    assert_eq!(play.replacing.touched(), [2, 1]);
    assert!(matches!(play.hand(), Hand::Wait(_)), "{:?}", play.hand());
    play.later(3);
    play.successor("db-1", true);
    assert_eq!(play.look(), [1]);
    assert_eq!(play.hand(), Hand::Empty);
    let reports = play.replacing.reports("db", &play.replacing.done, play.now);
    let told: Vec<(&str, f64)> = reports
        .iter()
        .map(|report| (report.shard.as_str(), report.down_seconds))
        .collect();
    assert_eq!(told, [("db-2", 5.0), ("db-1", 8.0)]);
}

#[test]
fn a_shard_that_was_not_taken_down_for_certain_is_up_again() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    play.look();
    play.begin(1);
    play.look();
    assert!(!play.replacing.up.contains(&1));
    play.replacing.forget(1);
    assert!(play.look().is_empty());
    assert_eq!(play.stands(), [Stand::Done, Stand::Due]);
    assert!(play.replacing.up.contains(&1));
    assert!(play.replacing.touched().is_empty());
}

#[test]
fn what_is_down_and_not_due_counts_as_taken_by_an_earlier_run_only_where_that_is_said() {
    let mut play = Play::new(Scene::healthy(3), &["node-1"]);
    play.pod("db-2", not_ready());
    play.pod("db-1", not_ready());
    play.with(|replacing, seen, due, terms, now| {
        replacing.note_pods(seen, now);
        replacing.note_shards(seen, due, terms, false, now)
    });
    assert!(play.replacing.taken.is_empty());
    play.look();
    // What is due waits for its turn.
    assert_eq!(play.replacing.taken.keys().collect::<Vec<_>>(), [&2]);
    play.successor("db-2", true);
    assert_eq!(play.look(), [2]);
}

#[test]
fn a_shard_that_was_not_taken_down_after_all_is_still_known_to_be_up() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    // The very same pods each time, as watches show them.
    play.with(|replacing, seen, due, terms, now| {
        let note = |replacing: &mut Replacing| {
            replacing.note_pods(seen, now);
            replacing.note_shards(seen, due, terms, true, now)
        };
        note(replacing);
        note(replacing);
        let shards = seen.every_shard().unwrap();
        replacing.begin(seen, &pod_ref(shards[1].pod.unwrap(), 1), terms, now);
        assert_eq!(replacing.up, BTreeSet::from([0]));
        note(replacing);
        replacing.forget(1);
        note(replacing);
        assert_eq!(replacing.up, BTreeSet::from([0, 1]));
        replacing.begin(seen, &pod_ref(shards[1].pod.unwrap(), 1), terms, now);
        replacing.forget(1);
        note(replacing);
        assert_eq!(replacing.up, BTreeSet::from([0, 1]));
    });
}

#[test]
fn a_shard_settles_for_as_long_as_it_must_be_ready() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    play.terms.min_ready = SignedDuration::from_secs(20);
    play.look();
    play.begin(1);
    play.successor("db-1", true);
    assert!(play.look().is_empty());
    let until = play.now.checked_add(SignedDuration::from_secs(20)).unwrap();
    assert_eq!(play.stands(), [Stand::Done, Stand::Settling { until }]);
    match play.hand() {
        Hand::Wait(wait) => assert_eq!(wait.until, Some(until)),
        other => panic!("{other:?}"),
    }
    play.later(20);
    assert_eq!(play.look(), [1]);
}

#[test]
fn a_shard_takes_too_long_after_its_timeout_its_grace_period_and_what_it_must_settle() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    play.terms.min_ready = SignedDuration::from_secs(20);
    play.look();
    play.begin(1);
    play.successor("db-1", false);
    play.later(649);
    assert!(matches!(play.hand(), Hand::Wait(_)), "{:?}", play.hand());
    play.later(1);
    match play.hand() {
        Hand::Overdue(Stuck {
            ordinal,
            shard,
            stand,
            finding,
        }) => {
            assert_eq!((ordinal, shard.as_str(), stand), (1, "db-1", Stand::Coming));
            assert!(finding.message.contains("isn't Ready 10m"), "{finding:?}");
        }
        other => panic!("{other:?}"),
    }
    // What kept it down was changed: it has as long again, and was down all the while.
    let began = play.replacing.taken[&1].at;
    play.replacing.be_patient_anew(1, play.now);
    assert!(matches!(play.hand(), Hand::Wait(_)), "{:?}", play.hand());
    assert_eq!(play.replacing.taken[&1].at, began);
    play.later(650);
    assert!(matches!(play.hand(), Hand::Overdue(_)), "{:?}", play.hand());
}

#[test]
fn one_that_failed_comes_before_one_that_takes_too_long() {
    let mut play = Play::new(Scene::healthy(3), &["node-1", "node-2"]);
    play.look();
    play.begin(1);
    play.begin(2);
    play.successor("db-1", false);
    play.successor("db-2", false);
    play.pod("db-2", crashing());
    play.later(631);
    match play.hand() {
        Hand::Failed(stuck) => assert_eq!(stuck.shard, "db-2"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_that_fall_with_their_node_are_each_named_with_the_node() {
    let mut play = Play::new(Scene::healthy(3), &["node-2"]);
    play.look();
    play.begin(2);
    play.pod("db-0", not_ready());
    play.pod("db-1", json!({"metadata": {"deletionTimestamp": NOW}}));
    play.pod("db-1", not_ready());
    play.pod("db-2", not_ready());
    play.scene.remove(Resource::Nodes, "node-0");
    let fallen = play.with(|replacing, seen, _, terms, _| replacing.fallen(seen, terms.max_restarts));
    let told: Vec<(&str, &str, &[String])> = fallen
        .iter()
        .map(|(shard, finding)| (shard.as_str(), finding.message.as_str(), finding.evidence.as_slice()))
        .collect();
    assert_eq!(
        told,
        [
            ("db-0", "isn't Ready any more", &["node/node-0 is gone".to_owned()][..]),
            ("db-1", "is being deleted by somebody else", &[][..]),
        ]
    );
}

#[test]
fn the_same_volume_is_said_only_once_a_look_has_shown_it() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    let note = |play: &mut Play, sight| play.with(|replacing, seen, _, _, _| replacing.note_disks(seen, sight));
    let words = |play: &mut Play| play.with(|replacing, seen, _, _, _| replacing.data_words(seen));
    play.look();
    assert_eq!(note(&mut play, Sight::WithVolumes), None);
    play.begin(1);
    play.successor("db-1", true);
    play.look();
    // Neither a look without the volumes nor one with another shard's proves anything.
    for sight in [Sight::Watched, Sight::Anew, Sight::WithVolumesOf(0)] {
        note(&mut play, sight);
        assert!(words(&mut play).contains("isn't known"), "{}", words(&mut play));
    }
    assert!(play.replacing.has_unproven());
    note(&mut play, Sight::WithVolumes);
    assert!(!play.replacing.has_unproven());
    assert_eq!(words(&mut play), "1 volume unchanged");
    play.scene
        .merge(Resource::Volumes, "pv-1", json!({"metadata": {"uid": "uid-other"}}));
    let finding = note(&mut play, Sight::WithVolumesOf(1)).unwrap();
    assert!(finding.message.contains("another volume"), "{}", finding.message);
    assert!(words(&mut play).contains("isn't known"), "{}", words(&mut play));
}

#[test]
fn the_pause_counts_from_the_last_shard() {
    let pause = SignedDuration::from_secs(60);
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    play.look();
    assert_eq!(play.replacing.pause(pause, play.now), None);
    play.begin(1);
    play.later(5);
    play.successor("db-1", true);
    play.look();
    let until = play.now.checked_add(pause).unwrap();
    play.later(59);
    assert_eq!(play.replacing.pause(pause, play.now).unwrap().until, Some(until));
    play.later(1);
    assert_eq!(play.replacing.pause(pause, play.now), None);
}

#[test]
fn no_shard_is_started_that_the_slowest_so_far_says_is_too_late() {
    let mut play = Play::new(Scene::healthy(2), &["node-1"]);
    play.look();
    play.begin(1);
    play.later(40);
    play.successor("db-1", true);
    play.look();
    let late = |play: &mut Play, seconds: i64| {
        let deadline = play.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        play.with(|replacing, seen, _, terms, now| replacing.too_late(seen, "db-0", deadline, terms, now))
    };
    assert_eq!(late(&mut play, 40), None);
    let why = late(&mut play, 39).unwrap();
    assert!(why.starts_with("db-0 isn't started: it takes about 40s"), "{why}");
    let why = late(&mut play, -1).unwrap();
    assert!(why.ends_with("has passed"), "{why}");
}

#[test]
fn a_mark_lasts_as_long_as_all_shards_may_take_within_bounds() {
    let play = Play::new(Scene::healthy(1), &[]);
    let hours = |shards| {
        let until = marks_last_until(shards, &play.terms, SignedDuration::from_secs(90), play.now);
        until.duration_since(play.now).as_secs() as f64 / 3600.0
    };
    assert!((hours(1) - 1.0).abs() < 1e-9);
    assert!((hours(9) - 2.0).abs() < 1e-9);
    assert!((hours(100_000) - 72.0).abs() < 1e-9);
}

#[test]
fn each_command_runs_once_for_a_shard_and_the_gate_before_each() {
    let mut tasks = Tasks::new(Asked {
        gate: true,
        before: true,
        after: true,
    });
    let due = |step: Option<Step>| match step {
        Some(Step::Act(Act::Task(task))) => Some(task.when),
        Some(other) => panic!("{other:?}"),
        None => None,
    };
    let run = |tasks: &mut Tasks, when| {
        tasks.about_to();
        tasks.did(&Task { when });
    };
    assert_eq!(due(tasks.gate()), Some(When::Gate));
    assert_eq!(due(tasks.before(2)), Some(When::Before(2)));
    assert_eq!(due(tasks.after(&[])), None);
    assert!(!tasks.ran_one);
    run(&mut tasks, When::Gate);
    run(&mut tasks, When::Before(2));
    assert!(tasks.ran_one);
    assert_eq!((due(tasks.gate()), due(tasks.before(2))), (None, None));
    tasks.close_the_gate();
    assert_eq!(due(tasks.after(&[2])), Some(When::After(2)));
    run(&mut tasks, When::After(2));
    assert_eq!(due(tasks.after(&[2])), None);
    assert_eq!(due(tasks.gate()), Some(When::Gate));
    assert_eq!(due(tasks.before(1)), Some(When::Before(1)));
    assert_eq!(due(Tasks::new(Asked::default()).after(&[2])), None);
}

#[test]
fn a_pod_that_changes_among_others_that_stay_settles_anew() {
    let mut play = Play::new(Scene::healthy(3), &[]);
    play.terms.min_ready = SignedDuration::from_secs(30);
    let mut snapshot = play.scene.snapshot();
    let policy = play.scene.policy.clone();
    let look = |play: &mut Play, snapshot: &Snapshot| {
        let seen = Seen::of(snapshot, &policy);
        play.replacing.note_pods(&seen, play.now);
        play.replacing
            .note_shards(&seen, &|_| false, &play.terms, false, play.now);
        let all = play.replacing.standings(&seen, &|_| false, &play.terms, play.now);
        all.into_iter().map(|one| one.stand).collect::<Vec<Stand>>()
    };
    assert_eq!(look(&mut play, &snapshot), [Stand::Done; 3]);
    let with = |snapshot: &mut Snapshot, ready: &str| {
        let Read::Got(pods) = &mut snapshot.pods else {
            panic!("pods")
        };
        let conditions = json!({"conditions": [{"type": "Ready", "status": ready}]});
        pods.change(|pods| Arc::make_mut(&mut pods[1]).status = serde_json::from_value(conditions).unwrap());
    };
    with(&mut snapshot, "False");
    assert_eq!(look(&mut play, &snapshot), [Stand::Done, Stand::Coming, Stand::Done]);
    play.later(5);
    with(&mut snapshot, "True");
    let until = play.now.checked_add(SignedDuration::from_secs(30)).unwrap();
    let settling = [Stand::Done, Stand::Settling { until }, Stand::Done];
    for _ in 0..2 {
        assert_eq!(look(&mut play, &snapshot), settling);
        play.later(29);
        assert_eq!(look(&mut play, &snapshot), settling);
        play.later(-29);
    }
    play.later(30);
    assert_eq!(look(&mut play, &snapshot), [Stand::Done; 3]);
}

#[test]
fn disks_that_stay_the_same_are_proven_by_a_look_at_all_of_them_and_one_that_is_exchanged_is_found() {
    let scene = Scene::healthy(3);
    let mut snapshot = scene.snapshot();
    let mut replacing = Replacing::begun(NOW.parse().unwrap());
    let note = |replacing: &mut Replacing, snapshot: &Snapshot| {
        replacing.note_disks(&Seen::of(snapshot, &scene.policy), Sight::WithVolumes)
    };
    for _ in 0..3 {
        assert_eq!(note(&mut replacing, &snapshot), None);
    }
    replacing.done.push(1);
    assert!(replacing.has_unproven());
    assert_eq!(note(&mut replacing, &snapshot), None);
    assert!(!replacing.has_unproven());
    let Read::Got(volumes) = &mut snapshot.volumes else {
        panic!("volumes")
    };
    volumes.change(|all| Arc::make_mut(&mut all[1]).metadata.uid = Some("another".to_owned()));
    for _ in 0..2 {
        let found = note(&mut replacing, &snapshot).unwrap();
        assert!(found.message.contains("another volume"), "{}", found.message);
        assert!(replacing.has_unproven());
    }
}
