//! The page and the course under it, out of events: where stretches lie, what stands on top, and bad days.

use super::course::{Course, Kind};
use super::{Trouble, render};
use crate::event::{Event, Fact, LockState, TaskState};
use crate::model::outcome::{End, Outcome};
use crate::model::phase::Phase;
use crate::report::testing::{at, done, one_of_each, outcome, shard, started};

fn order() -> Vec<String> {
    ["db-2", "db-1"].map(str::to_owned).to_vec()
}

/// An end at this second, of two shards: the first is done, the second isn't.
fn ended(seconds: f64) -> Event {
    at(seconds, Fact::Ended(Box::new(outcome())))
}

fn waits(seconds: f64, words: &str) -> Event {
    let words = words.to_owned();
    at(seconds, Fact::Waiting { words })
}

/// The stretches of one line, as `kind from to`.
fn stretches(course: &Course, lane: &str) -> Vec<String> {
    let lane = course
        .lanes
        .iter()
        .find(|found| found.name == lane)
        .expect("a line of that name");
    let word = |kind: Kind| match kind {
        Kind::Phase(phase) => phase.word(),
        Kind::Wait => "wait",
        Kind::Task(failed) => {
            if failed {
                "failed"
            } else {
                "task"
            }
        }
    };
    let parts = lane.parts.iter();
    parts
        .map(|part| format!("{} {:.1} {:.1}", word(part.kind), part.from, part.to))
        .collect()
}

#[test]
fn a_shards_phases_end_where_it_was_done_and_an_unfinished_ones_at_the_end() {
    let events = [
        started(&order()),
        shard(2.0, "db-2", Phase::Terminate, "its pod stops", 2.0),
        done(10.0, "db-2", 8.0),
        shard(15.5, "db-1", Phase::Terminate, "its pod stops", 15.5),
        ended(75.5),
    ];
    let course = Course::of(&events).unwrap();
    assert_eq!(
        stretches(&course, "db-2"),
        [
            "terminate 2.0 4.0",
            "schedule 4.0 4.4",
            "attach 4.4 6.0",
            "start 6.0 10.0"
        ]
    );
    assert_eq!(stretches(&course, "db-1")[0], "terminate 15.5 30.5");
    assert_eq!(stretches(&course, "db-1")[3], "start 45.5 75.5");
    let of = |lane: &str| course.lanes.iter().find(|found| found.name == lane).unwrap();
    assert_eq!(
        (of("db-2").down.as_str(), of("db-1").down.as_str()),
        ("8.0s", "down 1m 0s")
    );
    assert!(of("db-2").parts[0].words.contains("its pod stops"));
}

#[test]
fn a_shard_that_was_down_before_the_run_begins_at_its_left_end() {
    let events = [started(&order()), done(4.0, "db-2", 8.0), ended(8.0)];
    let course = Course::of(&events).unwrap();
    assert_eq!(stretches(&course, "db-2")[0], "terminate 0.0 0.0");
    assert_eq!(stretches(&course, "db-2")[3], "start 0.0 4.0");
}

#[test]
fn what_lies_between_shards_has_a_line_of_its_own() {
    let node = || "node-2".to_owned();
    let fetch = |seconds: f64, state, took| {
        at(
            seconds,
            Fact::PrePull {
                node: node(),
                state,
                seconds: took,
                words: String::new(),
            },
        )
    };
    let task = |seconds: f64, state, took| {
        let fact = Fact::Task {
            name: "gate verify".to_owned(),
            shard: None,
            state,
            seconds: took,
            output: Vec::new(),
        };
        at(seconds, fact)
    };
    let lock = Fact::Lock {
        state: LockState::Waiting,
        object: "lease/shardctl-db".to_owned(),
        holder: Some("bob@desk".to_owned()),
    };
    let events = [
        started(&order()),
        at(1.0, lock),
        fetch(3.0, TaskState::Started, None),
        waits(4.0, "for node-2 to fetch the images, 1 s so far"),
        waits(6.0, "for node-2 to fetch the images, 3 s so far"),
        fetch(9.0, TaskState::Done, Some(6.0)),
        task(10.0, TaskState::Started, None),
        task(12.0, TaskState::Failed, Some(2.0)),
        ended(12.0),
    ];
    let course = Course::of(&events).unwrap();
    assert_eq!(
        stretches(&course, "between shards"),
        ["wait 1.0 3.0", "wait 4.0 6.0", "wait 6.0 9.0", "failed 10.0 12.0"]
    );
    assert_eq!(stretches(&course, "node-2"), ["task 3.0 9.0"]);
    let longest = &course.waited[0];
    // The same with another number in it is one wait.
    assert_eq!(
        (longest.words.as_str(), longest.seconds),
        ("for node-2 to fetch the images, 3 s so far", 5.0)
    );
}

#[test]
fn a_run_that_broke_off_still_tells_what_was_seen_of_its_shards() {
    let events = [
        started(&order()),
        shard(2.0, "db-2", Phase::Terminate, "its pod stops", 2.0),
        shard(5.0, "db-2", Phase::Attach, "its disk is attached", 2.0),
        at(
            9.0,
            Fact::Trouble {
                message: "the connection broke".to_owned(),
            },
        ),
    ];
    let course = Course::of(&events).unwrap();
    assert_eq!(stretches(&course, "db-2"), ["terminate 2.0 5.0", "attach 5.0 9.0"]);
    let hints = ["$ shardctl recover".to_owned()];
    let trouble = Trouble {
        message: "failed to reach the API server",
        hints: &hints,
        exit_code: 7,
    };
    let page = render(&events, None, Some(&trouble));
    for words in [
        ">Broke off<",
        "failed to reach the API server",
        "<pre>shardctl recover</pre>",
        ">7<",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let nothing = render(&[], Some("shardctl drain node-7"), Some(&trouble));
    assert!(
        nothing.contains(">Not begun<") && nothing.contains("shardctl drain node-7"),
        "{nothing}"
    );
}

#[test]
fn the_answer_stands_above_everything_else() {
    let page = render(&one_of_each(), None, None);
    let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words} isn't in {page}"));
    let in_order = [
        "shardctl upgrade · shop/db · image of db: 1.0 → 2.0</h1>",
        "Stopped short",
        "1 of 3 shards moved; db-1 can&#39;t become Ready",
        "shard-seconds down",
        ">68.0<",
        "What is in the way",
        "its image can&#39;t be pulled",
        "db-2 is on 2.0, db-1 is down, db-0 is on 1.0",
        "Where the time went",
        "Seconds down",
        "What was done, by whom",
        "All of it by alice@laptop",
        "What was said meanwhile",
        "FailedAttachVolume",
        "This run",
        "shardctl upgrade --image registry.example/db:2.0",
        "Every event (16)",
    ];
    let places: Vec<usize> = in_order.into_iter().map(place).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
}

#[test]
fn every_end_has_its_own_word() {
    let ends = [
        End::Done,
        End::NothingToDo,
        End::Refused,
        End::Halted,
        End::TimedOut,
        End::Interrupted,
        End::Locked,
        End::MarkLeft,
        End::Unreachable,
        End::Unjudged,
    ];
    let pages: std::collections::BTreeSet<String> = ends
        .into_iter()
        .map(|end| {
            let outcome = Outcome { end, ..outcome() };
            let page = render(&[at(0.0, Fact::Ended(Box::new(outcome)))], None, None);
            let (_, said) = page.split_once("<p class=\"said\">").unwrap();
            said.split_once('<').unwrap().0.to_owned()
        })
        .collect();
    assert_eq!(pages.len(), ends.len(), "{pages:?}");
}

#[test]
fn lengths_beyond_reason_draw_a_page_all_the_same() {
    let mut end = outcome();
    end.seconds = f64::MAX;
    end.shards[0].phases[0].seconds = f64::MAX;
    end.shards[1].down_seconds = -1.0;
    let events = [started(&order()), at(1e9, Fact::Ended(Box::new(end)))];
    let page = render(&events, None, None);
    assert!(!page.contains("NaN") && !page.contains("inf%"), "{page}");
}
