//! Rehearsals out of a few events.

use jiff::SignedDuration;

use super::*;
use crate::model::outcome::ShardReport;
use crate::model::phase::Phase;

fn at(second: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn event(second: i64, fact: Fact) -> Event {
    Event { at: at(second), fact }
}

fn started() -> Fact {
    Fact::Started {
        operation: "upgrade".to_owned(),
        run: "upgrade/shop/db/1".to_owned(),
        by: "anna".to_owned(),
        namespace: "shop".to_owned(),
        statefulset: "db".to_owned(),
        goal: "image of db: 1.0 → 2.0".to_owned(),
        order: vec!["db-1".to_owned(), "db-0".to_owned()],
        command: "shardctl upgrade --image db:2.0".to_owned(),
    }
}

fn down(second: i64, shard: &str, phase: Phase, words: &str) -> Event {
    let fact = Fact::Shard {
        shard: shard.to_owned(),
        phase,
        words: words.to_owned(),
        since: at(second),
    };
    event(second, fact)
}

fn up(second: i64, shard: &str, phases: &[(Phase, f64)]) -> Event {
    let fact = Fact::ShardDone {
        shard: shard.to_owned(),
        down_seconds: phases.iter().map(|(_, seconds)| seconds).sum(),
        phases: phases
            .iter()
            .map(|(phase, seconds)| Lasted {
                phase: *phase,
                seconds: *seconds,
            })
            .collect(),
    };
    event(second, fact)
}

fn pull(second: i64, node: &str, state: TaskState) -> Event {
    let fact = Fact::PrePull {
        node: node.to_owned(),
        state,
        seconds: None,
        words: String::new(),
    };
    event(second, fact)
}

fn outcome(end: End, summary: &str, shards: Vec<ShardReport>) -> Outcome {
    Outcome {
        end,
        exit_code: end.exit_code(),
        summary: summary.to_owned(),
        shards,
        shard_seconds: 0.0,
        seconds: 0.0,
        data: String::new(),
        findings: Vec::new(),
        state_now: String::new(),
        how_to_undo: Vec::new(),
        how_to_resume: Vec::new(),
    }
}

fn staged() -> Staged {
    Staged {
        source: "the cluster".to_owned(),
        durations: vec![Known {
            what: "a shard stops".to_owned(),
            seconds: 2.0,
            measured: false,
            from: "typical; nothing here tells".to_owned(),
        }],
        assumed: vec![
            "that registries have the images, and that no webhook, quota or Pod Security refuses a pod".to_owned(),
        ],
        left_out: vec!["--gate verify: not run, and taken to pass at once".to_owned()],
        real: Some("shardctl upgrade --image db:2.0".to_owned()),
    }
}

/// An upgrade of two shards that goes well.
pub(in crate::report) fn done() -> Rehearsal {
    let pause = Fact::Waiting {
        words: "for the pause between two shards".to_owned(),
    };
    let ended = outcome(End::Done, "2 shards on revision db-2", Vec::new());
    let events = vec![
        event(0, started()),
        pull(0, "node-0", TaskState::Started),
        pull(0, "node-1", TaskState::Started),
        pull(18, "node-1", TaskState::Done),
        pull(20, "node-0", TaskState::Done),
        down(20, "db-1", Phase::Terminate, "its pod stops"),
        up(40, "db-1", &[(Phase::Terminate, 2.0), (Phase::Start, 18.0)]),
        event(40, pause),
        down(70, "db-0", Phase::Terminate, "its pod stops"),
        up(100, "db-0", &[(Phase::Terminate, 2.0), (Phase::Start, 28.0)]),
        event(100, Fact::Ended(Box::new(ended.clone()))),
    ];
    Rehearsal::of(staged(), at(0), events, Some(&ended), 100.0)
}

/// One whose first shard finds no node.
pub(in crate::report) fn stuck() -> Rehearsal {
    let events = vec![
        event(0, started()),
        down(5, "db-1", Phase::Terminate, "its pod stops"),
        down(7, "db-1", Phase::Schedule, "no node takes it"),
    ];
    Rehearsal::of(staged(), at(0), events, None, 7200.0)
}

#[test]
fn times_are_counted_from_the_beginning_and_at_most_one_was_down() {
    let rehearsal = done();
    assert_eq!((rehearsal.most_down, rehearsal.exit_code), (1, 0));
    assert!((rehearsal.seconds - 100.0).abs() < 1e-9 && (rehearsal.shard_seconds - 50.0).abs() < 1e-9);
    let times: Vec<(f64, f64)> = rehearsal.shards.iter().map(|down| (down.from, down.until)).collect();
    assert_eq!(times, [(20.0, 40.0), (70.0, 100.0)]);
    let pulls: Vec<(&str, f64)> = rehearsal
        .fetched
        .iter()
        .map(|one| (one.node.as_str(), one.until))
        .collect();
    assert_eq!(pulls, [("node-0", 20.0), ("node-1", 18.0)]);
    assert!((rehearsal.waits[0].seconds - 30.0).abs() < 1e-9);
}

#[test]
fn one_that_waits_for_ever_has_no_end_and_exit_code_4() {
    let rehearsal = stuck();
    assert_eq!((rehearsal.end, rehearsal.exit_code), (None, 4));
    assert_eq!(rehearsal.summary, "it would wait for ever: db-1: no node takes it");
    let down = &rehearsal.shards[0];
    let phases: Vec<(Phase, f64)> = down
        .phases
        .iter()
        .map(|lasted| (lasted.phase, lasted.seconds))
        .collect();
    assert_eq!(
        (down.done, phases),
        (false, vec![(Phase::Terminate, 2.0), (Phase::Schedule, 0.0)])
    );
}

#[test]
fn shards_that_go_together_are_counted_together() {
    let both = vec![
        event(0, started()),
        down(5, "db-1", Phase::Terminate, ""),
        down(5, "db-0", Phase::Terminate, ""),
        up(25, "db-1", &[(Phase::Start, 20.0)]),
        up(30, "db-0", &[(Phase::Start, 25.0)]),
        // Its time is that of its deletion, in whole seconds: before the other one's end.
        down(29, "db-2", Phase::Terminate, ""),
    ];
    let ended = outcome(End::Done, "done", Vec::new());
    assert_eq!(Rehearsal::of(staged(), at(0), both, Some(&ended), 30.0).most_down, 2);
}
