//! The planner where things aren't as a first run finds them: shards that are down, what an earlier run left, what can't be undone.

use super::*;
use crate::model::when::When;

pub(super) fn down(scene: &mut Scene, shard: &str) {
    let conditions = json!([{"type": "Ready", "status": "False", "lastTransitionTime": NOW}]);
    scene.merge(Resource::Pods, shard, json!({"status": {"conditions": conditions}}));
}

/// The mark of an earlier run on the set, whose surge went from four replicas to five.
fn surged_before(scene: &mut Scene, made: &[&str]) {
    let mark = json!({"operation": "drain/shop/db/0001", "by": "ada", "since": NOW, "until": NOW, "made": made,
        "was": {"spec.replicas": 4}, "is": {"spec.replicas": 5}});
    let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    scene.merge(Resource::StatefulSets, "db", marked);
}

#[test]
fn a_shard_that_is_down_moves_though_another_is_down_elsewhere() {
    let mut scene = two_on_a_node();
    scene.merge(Resource::Pods, "db-3", json!({"spec": {"nodeName": "node-1"}}));
    down(&mut scene, "db-0");
    down(&mut scene, "db-2");
    let mut play = Play::new(scene, &["node-0"], |_| {});
    let (told, end, _) = play.play_out();
    assert_eq!(told, ["cordon node-0", "delete db-0", "leave node-0"]);
    assert_eq!(end, End::Done);
}

#[test]
fn a_node_without_shards_is_emptied_though_a_shard_is_down_elsewhere() {
    let mut scene = two_on_a_node();
    down(&mut scene, "db-2");
    let mut play = Play::new(scene, &["spare"], |_| {});
    play.others = vec![other("web-1", "spare")];
    let (told, ..) = play.play_out();
    assert_eq!(told, ["cordon spare", "evict web/web-1", "leave spare"]);
}

#[test]
fn a_shard_that_is_up_waits_for_one_that_is_down_elsewhere() {
    let mut scene = two_on_a_node();
    down(&mut scene, "db-2");
    let mut play = Play::new(scene, &["node-0"], |_| {});
    assert!(matches!(play.next(), Step::Wait(_)), "{:?}", play.next());
    // Neither whoever wants to stop nor whoever allows it waits for that.
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
    play.drain.policy.allowed = Allowed::parse(&["shard-down".to_owned()]).unwrap();
    play.drain.policy.strategy = Strategy::Direct;
    let (told, ..) = play.play_out();
    assert_eq!(told, ["cordon node-0", "delete db-3", "delete db-0", "leave node-0"]);
}

#[test]
fn a_shard_that_is_down_goes_before_the_extra_one_is_made() {
    let mut scene = two_on_a_node();
    down(&mut scene, "db-0");
    let mut play = Play::new(scene, &["node-0"], |policy| policy.strategy = Strategy::Surge);
    let (told, ..) = play.play_out();
    assert_eq!(told[..4], ["cordon node-0", "delete db-0", "scale 5", "evict db-3"]);
}

#[test]
fn a_shard_that_an_earlier_run_took_and_that_is_still_stopping_is_waited_for() {
    let mut scene = two_on_a_node();
    scene.merge(
        Resource::Pods,
        "db-3",
        json!({"metadata": {"deletionTimestamp": NOW, "deletionGracePeriodSeconds": 30}}),
    );
    let mut play = Play::new(scene, &["node-0"], |_| {});
    play.drain.aim.resumes = true;
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert!(wait.words.starts_with("db-3"), "{}", wait.words);
}

#[test]
fn what_an_earlier_run_had_not_finished_taking_back_is_finished_before_another_surge() {
    let mut scene = two_on_a_node();
    surged_before(&mut scene, &[]);
    let mut play = Play::new(scene, &["node-0"], |policy| policy.strategy = Strategy::Surge);
    let (told, end, _) = play.play_out();
    assert_eq!(
        told[..4],
        ["own statefulset/db", "cordon node-0", "undo statefulset/db", "scale 5"]
    );
    assert_eq!(end, End::Done);
}

#[test]
fn what_an_earlier_run_marked_gets_this_runs_name_before_anything_else() {
    // The earlier run may only be suspended: it takes away what has its own name when it wakes.
    let mut scene = two_on_a_node();
    for (node, cordoned) in [("node-0", true), ("node-1", false)] {
        let mark = json!({"operation": "drain/shop/db/0001", "by": "ada", "since": NOW, "until": NOW,
            "was": {"spec.unschedulable": null}, "is": {"spec.unschedulable": true}});
        let marked =
            json!({"metadata": {"annotations": {MARK: mark.to_string()}}, "spec": {"unschedulable": cordoned}});
        scene.merge(Resource::Nodes, node, marked);
    }
    let mut play = Play::new(scene, &["node-0"], |_| {});
    let (told, end, _) = play.play_out();
    assert_eq!(
        told,
        [
            "own node/node-0",
            "own node/node-1",
            "relax db-3",
            "relax db-0",
            "leave node-0"
        ]
    );
    assert_eq!(end, End::Done);
    assert_eq!(play.put_back(), Some("undo node-1".to_owned()));
}

#[test]
fn another_strategy_goes_on_beside_what_an_earlier_surge_left() {
    let mut scene = two_on_a_node();
    surged_before(&mut scene, &[]);
    let mut play = Play::new(scene, &["node-0"], |_| {});
    let (told, end, _) = play.play_out();
    assert_eq!(
        told,
        [
            "own statefulset/db",
            "cordon node-0",
            "relax db-3",
            "relax db-0",
            "leave node-0",
            "undo statefulset/db"
        ]
    );
    assert_eq!(end, End::Done);
}

#[test]
fn an_extra_shard_that_does_not_come_keeps_nobody_who_wants_to_stop() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    for _ in 0..2 {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        play.carry_out(&act);
    }
    down(&mut play.scene, "db-4");
    assert_eq!(play.next_with(Wishes { stop: true }), Step::Act(Act::ScaleBack));
}

#[test]
fn a_budget_that_cannot_be_closed_ends_it() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |_| {});
    let mark = json!({"operation": RUN, "by": "ada", "since": NOW, "until": NOW,
        "was": {"spec.minAvailable": 4}, "is": {"spec.minAvailable": 3}});
    let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    play.scene.merge(Resource::Budgets, "db", marked);
    let Step::Act(act) = play.next() else {
        panic!("an effect is due")
    };
    assert_eq!(short(&act), "undo pdb/db");
    let refused = Finding::new(Severity::Error, "pdb/db", "the server doesn't let us change it");
    play.drain.acted(&act, &Acted::Failed(Box::new(refused)));
    let Step::End { summary, .. } = play.next() else {
        panic!("tried again and again: {:?}", play.next())
    };
    assert!(summary.contains("doesn't let us change it"), "{summary}");
    assert_eq!(
        play.put_back().as_deref(),
        Some("undo pdb/db"),
        "it is still said to be left"
    );
    let left = Step::End {
        end: End::MarkLeft,
        summary,
        findings: Vec::new(),
    };
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    assert_eq!(
        play.drain.outcome(&seen, &left, play.now).how_to_undo,
        ["$ shardctl recover"]
    );
}

#[test]
fn an_extra_shard_that_stands_on_a_node_to_be_emptied_moves_like_any_other() {
    let mut scene = two_on_a_node();
    surged_before(&mut scene, &[]);
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 5}}));
    let mut extra = scene.objects[&Resource::Pods].got().unwrap()[0].clone();
    extra["metadata"]["name"] = json!("db-4");
    extra["metadata"]["uid"] = json!("uid-extra");
    scene.add(Resource::Pods, extra);
    let mut claim = scene.objects[&Resource::Claims].got().unwrap()[0].clone();
    claim["metadata"]["name"] = json!("data-db-4");
    scene.add(Resource::Claims, claim);
    let mut play = Play::new(scene, &["node-0"], |policy| policy.strategy = Strategy::Surge);
    for due in ["own statefulset/db", "cordon node-0"] {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        assert_eq!(short(&act), due);
        play.carry_out(&act);
    }
    play.now += SignedDuration::from_hours(1);
    let Step::Act(next) = play.next() else {
        panic!("waits for it: {:?}", play.next())
    };
    assert_eq!(short(&next), "evict db-4");
}

#[test]
fn a_nodeclaim_that_went_by_itself_does_not_keep_the_others() {
    let mut scene = two_on_a_node();
    let mut another = scene.objects[&Resource::Nodes].got().unwrap()[3].clone();
    another["metadata"]["name"] = json!("another");
    scene.add(Resource::Nodes, another);
    let claim = json!({"metadata": {"name": "claim-b", "uid": "uid-b"}, "status": {"nodeName": "another"}});
    scene.set(Resource::NodeClaims, crate::model::read::Read::Got(vec![claim]));
    let mut play = Play::new(scene, &["spare", "another"], |policy| {
        policy.then = Afterwards::Released;
    });
    let mut told = Vec::new();
    while let Step::Act(act) = play.next() {
        if let Act::ReleaseNode { node, claim, .. } = act {
            told.push(format!("release {node} {claim}"));
            break;
        }
        told.push(short(&act));
        play.carry_out(&act);
    }
    assert_eq!(
        told,
        [
            "cordon spare",
            "cordon another",
            "leave spare",
            "leave another",
            "release another claim-b"
        ]
    );
}

#[test]
fn a_node_is_not_called_released_while_its_nodeclaim_cannot_be_seen() {
    let mut scene = two_on_a_node();
    let claim = json!({"metadata": {"name": "claim-s", "uid": "uid-s"}, "status": {"nodeName": "spare"}});
    scene.set(Resource::NodeClaims, crate::model::read::Read::Got(vec![claim.clone()]));
    let mut play = Play::new(scene, &["spare"], |policy| policy.then = Afterwards::Released);
    let until = play.now + SignedDuration::from_mins(5);
    play.drain.policy.until = Some(When::At(until));
    for expected in ["cordon spare", "leave spare"] {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        assert_eq!(short(&act), expected);
        play.carry_out(&act);
    }
    let unseen = crate::model::read::Read::Unreadable("forbidden".to_owned());
    play.scene.set(Resource::NodeClaims, unseen);
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert!(wait.words.contains("NodeClaims"), "{}", wait.words);
    play.now = until;
    let Step::End { end, summary, .. } = play.next() else {
        panic!("no end: {:?}", play.next())
    };
    assert_eq!(end, End::TimedOut);
    assert!(summary.contains("given back isn't known: forbidden"), "{summary}");
    play.now = until - SignedDuration::from_mins(1);
    play.scene.set(
        Resource::NodeClaims,
        crate::model::read::Read::Absent("not served".to_owned()),
    );
    let Step::End { end, summary, .. } = play.next() else {
        panic!("no end: {:?}", play.next())
    };
    assert_ne!(end, End::Done, "{summary}");
    play.scene
        .set(Resource::NodeClaims, crate::model::read::Read::Got(vec![claim]));
    assert!(matches!(play.next(), Step::Act(Act::ReleaseNode { .. })));
}

#[test]
fn what_cannot_be_put_back_keeps_nothing_else_from_being() {
    let mut scene = two_on_a_node();
    surged_before(&mut scene, &[]);
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 5}}));
    let mark = json!({"operation": RUN, "by": "ada", "since": NOW, "until": NOW, "was": {}, "is": {}});
    let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    scene.merge(Resource::Budgets, "db", marked.clone());
    scene.merge(Resource::Nodes, "node-0", marked.clone());
    scene.merge(Resource::Nodes, "node-1", marked);
    let play = Play::new(scene, &["node-0", "node-1"], |_| {});
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    let mut failed = Vec::new();
    while let Some(next) = play.drain.put_back(&seen, true, &failed) {
        assert!(failed.len() < 10, "{failed:?}");
        failed.push(next);
    }
    let told: Vec<String> = failed.iter().map(short).collect();
    assert_eq!(told, ["undo pdb/db", "scale back", "undo node-0", "undo node-1"]);
}

#[test]
fn pods_that_are_ending_on_an_emptied_node_are_waited_for_until_the_time_is_over() {
    let mut scene = two_on_a_node();
    let claim = json!({"metadata": {"name": "claim-s", "uid": "uid-s"}, "status": {"nodeName": "spare"}});
    scene.set(Resource::NodeClaims, crate::model::read::Read::Got(vec![claim]));
    let mut play = Play::new(scene, &["spare"], |policy| policy.then = Afterwards::Released);
    let until = play.now + SignedDuration::from_mins(5);
    play.drain.policy.until = Some(When::At(until));
    for expected in ["cordon spare", "leave spare"] {
        let Step::Act(act) = play.next() else {
            panic!("an effect is due")
        };
        assert_eq!(short(&act), expected);
        play.carry_out(&act);
    }
    let mut ending = other("web-1", "spare");
    ending["metadata"]["deletionTimestamp"] = json!(NOW);
    play.others = vec![ending];
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert_eq!(wait.until, Some(until));
    play.now = until;
    let Step::End { end, summary, .. } = play.next() else {
        panic!("no end: {:?}", play.next())
    };
    assert_eq!(end, End::TimedOut);
    assert!(summary.contains("node/spare isn't given back"), "{summary}");
    play.now = until - SignedDuration::from_mins(1);
    play.others.clear();
    assert!(matches!(play.next(), Step::Act(Act::ReleaseNode { .. })));
}

#[test]
fn no_extra_shard_is_asked_for_and_nobody_goes_while_claims_cannot_be_seen() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| policy.strategy = Strategy::Surge);
    let Step::Act(cordon) = play.next() else {
        panic!("an effect is due")
    };
    play.carry_out(&cordon);
    let unseen = crate::model::read::Read::Unreadable("forbidden".to_owned());
    play.scene.set(Resource::Claims, unseen);
    let Step::Wait(wait) = play.next() else {
        panic!("isn't waited for: {:?}", play.next())
    };
    assert!(wait.words.contains("claims"), "{}", wait.words);
}

#[test]
fn the_extra_shard_of_an_earlier_run_has_its_time_from_when_this_run_began() {
    let mut scene = two_on_a_node();
    surged_before(&mut scene, &[]);
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 5}}));
    let mut play = Play::new(scene, &["node-0"], |policy| policy.strategy = Strategy::Surge);
    let long_ago = json!({"operation": "drain/shop/db/0001", "by": "ada", "since": "2020-01-01T00:00:00Z",
        "until": NOW, "made": [], "was": {"spec.replicas": 4}, "is": {"spec.replicas": 5}});
    let marked = json!({"metadata": {"annotations": {MARK: long_ago.to_string()}}});
    play.scene.merge(Resource::StatefulSets, "db", marked);
    let Step::Act(act) = play.next() else {
        panic!("an effect is due")
    };
    assert_eq!(short(&act), "own statefulset/db");
    play.carry_out(&act);
    let step = play.next();
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
}

#[test]
fn a_node_that_takes_pods_again_though_the_answer_was_lost_was_left_by_us() {
    let mut play = Play::new(two_on_a_node(), &["node-0"], |policy| {
        policy.strategy = Strategy::Direct;
        policy.then = Afterwards::Uncordoned;
    });
    let leave = loop {
        match play.next() {
            Step::Act(act @ Act::LeaveNode { .. }) => break act,
            Step::Act(act) => play.carry_out(&act),
            step => panic!("{step:?}"),
        }
    };
    let snapshot = play.snapshot();
    let seen = Seen::of(&snapshot, &play.scene.policy);
    play.drain.about_to(&leave, &seen, play.now);
    play.drain.acted(&leave, &Acted::LookAgain);
    // Not done yet: it is asked for again.
    assert_eq!(play.next(), Step::Act(leave.clone()));
    play.change(&leave);
    let Step::End { end, summary, .. } = play.next() else {
        panic!("goes on: {:?}", play.next());
    };
    assert_eq!(end, End::Done, "{summary}");
    assert!(summary.contains("takes pods again"), "{summary}");
}
