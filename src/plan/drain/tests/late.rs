//! The planner where things change after they were judged: pods of others that can't go any more, and what the last look shows.

use super::*;

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
    let seen = Seen {
        snapshot: &snapshot,
        policy: &play.scene.policy,
    };
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
