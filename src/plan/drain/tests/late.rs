//! The planner where things change after they were judged: pods of others that can't go any more, and what the last look shows.

use super::left::down;
use super::*;
use crate::model::outcome::Outcome;
use crate::model::when::When;

/// A drain of `spare`, on which only this pod of somebody else's is, cordoned.
fn cordoned_with(pod: Value, change: impl FnOnce(&mut Policy)) -> Play {
    let mut play = Play::new(two_on_a_node(), &["spare"], change);
    play.others = vec![pod];
    let Step::Act(cordon) = play.next() else {
        panic!("an effect is due")
    };
    assert_eq!(short(&cordon), "cordon spare");
    play.carry_out(&cordon);
    play
}

/// One that its controller has let go.
fn orphan() -> Value {
    let mut pod = other("web-1", "spare");
    pod["metadata"]["ownerReferences"] = json!([]);
    pod
}

#[test]
fn a_neighbour_that_loses_its_controller_meanwhile_keeps_the_node_from_being_called_empty() {
    let mut play = cordoned_with(orphan(), |_| {});
    let Step::End { end, summary, findings } = play.next() else {
        panic!("goes on: {:?}", play.next())
    };
    assert!(matches!(end, End::Refused | End::Halted), "{end:?}");
    assert!(summary.contains("--force"), "{summary}");
    assert!(
        findings[0].evidence.iter().any(|pod| pod == "pod web/web-1"),
        "{findings:?}"
    );
    // On its way out it is waited for, and where it may stay it does.
    play.others[0]["metadata"]["deletionTimestamp"] = json!(NOW);
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    let mut play = cordoned_with(orphan(), |policy| {
        policy.allowed = Allowed::parse(&["other-pods".to_owned()]).unwrap();
    });
    let (told, end, _) = play.play_out();
    assert_eq!((told, end), (vec!["leave spare".to_owned()], End::Done));
}

#[test]
fn a_neighbour_whose_budget_keeps_it_by_now_is_asked_for_and_waited_for() {
    let mut pod = other("web-1", "spare");
    pod["metadata"]["labels"] = json!({"app": "web"});
    let mut play = cordoned_with(pod, |_| {});
    // One of its two was evicted a moment ago, and the budget counts the other alone.
    play.budgets = vec![json!({
        "metadata": {"name": "web", "namespace": "web", "generation": 1},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1,
            "disruptionsAllowed": 0},
    })];
    let Step::Act(evict) = play.next() else {
        panic!("an effect is due: {:?}", play.next())
    };
    assert_eq!(short(&evict), "evict web/web-1");
    let refused = Blocked {
        finding: Finding::new(Severity::Error, "pod/web/web-1", "pdb/web needs 1 healthy, has 1"),
        again: eviction::Again::After(std::time::Duration::from_secs(1)),
    };
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    play.drain.about_to(&evict, &seen, play.now);
    play.drain.acted(&evict, &Acted::Blocked(Box::new(refused)));
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert!(
        wait.words.contains("web/web-1: pdb/web needs 1 healthy"),
        "{}",
        wait.words
    );
}

impl Play {
    /// The end as the last look has it.
    fn ended(&mut self, step: &Step) -> Outcome {
        let snapshot = self.snapshot();
        let seen = Seen::of(&snapshot, &self.scene.policy);
        self.drain.note(&seen, self.now, Sight::WithVolumes);
        self.drain.outcome(&seen, step, self.now)
    }
}

/// A drain of node-0 up to the step that ends it, which calls it done.
fn done(then: Afterwards) -> (Play, Step) {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.then = then);
    loop {
        match play.next() {
            Step::Act(act) => play.carry_out(&act),
            Step::Wait(wait) => panic!("waits for {}", wait.words),
            step @ Step::End { .. } => {
                assert!(matches!(step, Step::End { end: End::Done, .. }), "{step:?}");
                return (play, step);
            }
        }
    }
}

#[test]
fn what_only_the_last_look_shows_is_not_called_done() {
    let (mut play, step) = done(Afterwards::Cordoned);
    assert_eq!(play.ended(&step).end, End::Done);
    type Meddle = fn(&mut Play);
    let cases: [(Meddle, &str); 5] = [
        (|play| down(&mut play.scene, "db-1"), "pod/db-1: isn't Ready any more"),
        (
            |play| play.others = vec![other("web-1", "node-0")],
            "node/node-0: it isn't empty any more: web/web-1 came to it",
        ),
        (
            |play| {
                play.scene
                    .merge(Resource::Pods, "db-2", json!({"spec": {"nodeName": "node-0"}}));
            },
            "node/node-0: it isn't empty any more: db-2 came to it",
        ),
        (
            |play| {
                play.scene
                    .merge(Resource::Nodes, "node-0", json!({"spec": {"unschedulable": null}}));
            },
            "node/node-0: somebody uncordoned it",
        ),
        (
            |play| {
                play.scene
                    .merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 3}}));
            },
            "statefulset/db: its replicas were changed",
        ),
    ];
    for (meddle, words) in cases {
        let (mut play, step) = done(Afterwards::Cordoned);
        meddle(&mut play);
        let outcome = play.ended(&step);
        assert_eq!(outcome.end, End::Halted, "{words}");
        assert!(outcome.summary.starts_with(words), "{}", outcome.summary);
    }
    // A node that takes pods again may have some.
    let (mut play, step) = done(Afterwards::Uncordoned);
    play.others = vec![other("web-1", "node-0")];
    assert_eq!(play.ended(&step).end, End::Done);
}

#[test]
fn a_shard_that_falls_while_the_extra_one_goes_is_told_at_the_end() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    loop {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        play.carry_out(&act);
        if act == Act::ScaleBack {
            break;
        }
    }
    down(&mut play.scene, "db-1");
    let (told, end, summary) = play.play_out();
    assert_eq!(told, ["remove data-db-4", "undo statefulset/db"]);
    assert_eq!(end, End::Halted, "{summary}");
    assert!(summary.contains("db-1 went down without this run's doing"), "{summary}");
}

#[test]
fn nodes_that_cannot_be_watched_keep_nobody_who_wants_to_stop_and_no_timeout() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
    let until = play.now + SignedDuration::from_mins(5);
    play.drain.policy.until = Some(When::At(until));
    let Step::Act(cordon) = play.next() else {
        panic!("an effect is due")
    };
    play.carry_out(&cordon);
    let evict = play.next();
    let nodes = play.scene.objects[&Resource::Nodes].clone();
    let forbidden = crate::model::read::Read::Unreadable("forbidden".to_owned());
    play.scene.set(Resource::Nodes, forbidden.clone());
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert_eq!(wait.until, Some(until));
    assert!(wait.words.contains("the nodes to be seen again"), "{}", wait.words);
    let ended = |step: Step| match step {
        Step::End { end, summary, .. } => (end, summary),
        step => panic!("no end: {step:?}"),
    };
    let (end, _) = ended(play.next_with(Wishes { stop: true }));
    assert_eq!(end, End::Interrupted);
    let began = std::mem::replace(&mut play.now, until);
    let (end, summary) = ended(play.next());
    assert_eq!(end, End::TimedOut);
    assert!(summary.contains("the nodes to be seen again: forbidden"), "{summary}");

    // A shard in hand is finished first, which can be seen without the nodes.
    play.now = began;
    play.scene.set(Resource::Nodes, nodes);
    let Step::Act(evict) = evict else {
        panic!("an effect is due: {evict:?}")
    };
    play.carry_out(&evict);
    down(&mut play.scene, "db-3");
    play.scene.set(Resource::Nodes, forbidden);
    play.now = until;
    for wishes in [Wishes::default(), Wishes { stop: true }] {
        let Step::Wait(wait) = play.next_with(wishes) else {
            panic!("isn't waited for: {:?}", play.next_with(wishes))
        };
        assert!(wait.words.starts_with("db-3"), "{}", wait.words);
    }
}

#[test]
fn a_cordon_that_cannot_be_seen_any_more_is_put_back_all_the_same() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
    let Step::Act(cordon) = play.next() else {
        panic!("an effect is due")
    };
    play.carry_out(&cordon);
    let forbidden = crate::model::read::Read::Unreadable("forbidden".to_owned());
    play.scene.set(Resource::Nodes, forbidden);
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    assert_eq!(play.put_back().as_deref(), Some("undo node-0"));
    let undo = Act::Unfreeze {
        node: "node-0".to_owned(),
    };
    play.drain.acted(&undo, &Acted::Undone { left: Vec::new() });
    assert_eq!(play.put_back(), None);
}

#[test]
fn where_every_node_was_emptied_what_resumes_it_names_the_nodes_that_are_left_or_none() {
    // A shard fell meanwhile: no node is left to be emptied.
    let (mut play, step) = done(Afterwards::Cordoned);
    down(&mut play.scene, "db-1");
    let outcome = play.ended(&step);
    assert_eq!(outcome.end, End::Halted);
    assert_eq!(
        outcome.how_to_resume,
        ["nothing to resume: no node is left to be emptied"]
    );
    // Something came to it: it has to be emptied again.
    play.others = vec![other("web-1", "node-0")];
    assert_eq!(play.ended(&step).how_to_resume, ["$ shardctl drain node-0"]);
    // What is left is no node's.
    play.others.clear();
    let left = Step::End {
        end: End::MarkLeft,
        summary: String::new(),
        findings: Vec::new(),
    };
    assert_eq!(play.ended(&left).how_to_resume, ["$ shardctl recover"]);
}

#[test]
fn a_node_that_was_emptied_and_not_given_back_is_named_to_be_resumed() {
    let mut scene = two_on_a_node();
    let claim = json!({"metadata": {"name": "claim-s", "uid": "uid-s"}, "status": {"nodeName": "spare"}});
    scene.set(Resource::NodeClaims, crate::model::read::Read::Got(vec![claim]));
    let mut play = Play::new(scene, &["spare"], |policy| policy.then = Afterwards::Released);
    for expected in ["cordon spare", "leave spare"] {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        assert_eq!(short(&act), expected);
        play.carry_out(&act);
    }
    let step = play.next_with(Wishes { stop: true });
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
    assert_eq!(play.ended(&step).how_to_resume, ["$ shardctl drain spare"]);
    // Gone by itself, it can't be named any more.
    play.scene.remove(Resource::Nodes, "spare");
    assert_eq!(
        play.ended(&step).how_to_resume,
        ["nothing to resume: no node is left to be emptied"]
    );
}
