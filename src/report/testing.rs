//! Events for unit tests: one of every kind, as an upgrade of the set `shop/db` would tell them.

use jiff::{SignedDuration, Timestamp};

use crate::event::{Event, Fact, LockState, TaskState};
use crate::model::finding::{Finding, Severity};
use crate::model::happening::{Happening, Source};
use crate::model::outcome::{End, Outcome, ShardReport};
use crate::model::phase::{Lasted, Phase};
use crate::model::refusal::Refusal;

/// The moment that these events count from.
pub const START: &str = "2026-03-01T06:31:00Z";
/// Words that would steer a terminal.
pub const HOSTILE: &str = "gone\u{1b}[2J\u{202e}txt";

/// So many seconds after [`START`].
pub fn after(seconds: f64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    start + SignedDuration::from_secs_f64(seconds)
}

/// A fact, so many seconds after [`START`].
pub fn at(seconds: f64, fact: Fact) -> Event {
    Event {
        at: after(seconds),
        fact,
    }
}

/// The beginning of an upgrade of these shards.
pub fn started(order: &[String]) -> Event {
    let fact = Fact::Started {
        operation: "upgrade".to_owned(),
        run: "upgrade-4f2a".to_owned(),
        by: "alice@laptop".to_owned(),
        namespace: "shop".to_owned(),
        statefulset: "db".to_owned(),
        goal: "image of db: 1.0 → 2.0".to_owned(),
        order: order.to_vec(),
        command: "shardctl upgrade --image registry.example/db:2.0".to_owned(),
    };
    at(0.0, fact)
}

/// A shard in a phase, down since `since`.
pub fn shard(seconds: f64, shard: &str, phase: Phase, words: &str, since: f64) -> Event {
    let fact = Fact::Shard {
        shard: shard.to_owned(),
        phase,
        words: words.to_owned(),
        since: after(since),
    };
    at(seconds, fact)
}

/// A shard that is done after having been down for so long.
pub fn done(seconds: f64, shard: &str, down: f64) -> Event {
    let fact = Fact::ShardDone {
        shard: shard.to_owned(),
        down_seconds: down,
        phases: lasted(down),
    };
    at(seconds, fact)
}

/// What was said of a shard.
pub fn happening() -> Happening {
    Happening {
        said: after(4.0),
        shard: Some("db-2".to_owned()),
        source: Source::Attach,
        object: "pod/db-2".to_owned(),
        warning: true,
        reason: "FailedAttachVolume".to_owned(),
        message: format!("Multi-Attach error for volume \"pv-2\" {HOSTILE}"),
        count: 3,
    }
}

/// Why an operation won't begin.
pub fn refusal(id: &'static str, can_be_allowed: bool) -> Refusal {
    Refusal {
        id: id.into(),
        object: "pod/db-1".to_owned(),
        message: "it isn't Ready: CrashLoopBackOff".to_owned(),
        evidence: vec![format!("last log line: {HOSTILE}")],
        remedy: vec![
            "look at its logs:".to_owned(),
            "$ kubectl -n shop logs db-1 --previous".to_owned(),
        ],
        can_be_allowed,
        guards_data: !can_be_allowed,
    }
}

/// An end, with two shards and everything that an end can tell.
pub fn outcome() -> Outcome {
    let mut finding = Finding::new(Severity::Error, "pod/db-1", "its image can't be pulled");
    finding.evidence(HOSTILE).remedy("$ shardctl upgrade undo");
    let report = |shard: &str, down: f64, done: bool| ShardReport {
        shard: shard.to_owned(),
        down_seconds: down,
        done,
        phases: lasted(down),
        expected_seconds: Some(9.0),
    };
    Outcome {
        end: End::Halted,
        exit_code: 1,
        summary: "1 of 3 shards moved; db-1 can't become Ready".to_owned(),
        shards: vec![report("db-2", 8.0, true), report("db-1", 60.0, false)],
        shard_seconds: 68.0,
        seconds: 75.5,
        data: "3 volumes unchanged".to_owned(),
        findings: vec![finding],
        state_now: "db-2 is on 2.0, db-1 is down, db-0 is on 1.0".to_owned(),
        how_to_undo: vec!["$ shardctl upgrade undo".to_owned()],
        how_to_resume: vec!["push the image, then:".to_owned(), "$ shardctl upgrade".to_owned()],
    }
}

fn lasted(down: f64) -> Vec<Lasted> {
    let parts = [
        (Phase::Terminate, 0.25),
        (Phase::Schedule, 0.05),
        (Phase::Attach, 0.2),
        (Phase::Start, 0.5),
    ];
    let phases = parts.map(|(phase, part)| Lasted {
        phase,
        seconds: down * part,
    });
    phases.to_vec()
}

/// One event of every kind, in an order that could be; every field that may be left out is there.
pub fn one_of_each() -> Vec<Event> {
    let mut noted = Finding::new(Severity::Warning, "node/node-2", "Spot: it may be taken away");
    noted
        .evidence("karpenter.sh/capacity-type=spot")
        .remedy("use on-demand");
    let name = |text: &str| text.to_owned();
    let facts = vec![
        Fact::Refused {
            refusal: refusal("shard-down", true),
        },
        Fact::Allowed {
            refusal: refusal("shard-down", true),
        },
        Fact::Noted { finding: noted.clone() },
        Fact::Lock {
            state: LockState::TakenOver,
            object: name("lease/shardctl-db"),
            holder: Some(name("bob@desk")),
        },
        Fact::Changed {
            object: name("statefulset/db"),
            what: name("image of db: 1.0 → 2.0"),
        },
        Fact::PrePull {
            node: name("node-2"),
            state: TaskState::Failed,
            seconds: Some(3.25),
            words: name(HOSTILE),
        },
        Fact::Shard {
            shard: name("db-2"),
            phase: Phase::Attach,
            words: name(HOSTILE),
            since: after(1.0),
        },
        Fact::ShardDone {
            shard: name("db-2"),
            down_seconds: 8.0,
            phases: lasted(8.0),
        },
        Fact::ShardFailed {
            shard: name("db-1"),
            finding: noted,
        },
        Fact::Heard(happening()),
        Fact::Task {
            name: name("gate verify"),
            shard: Some(name("db-2")),
            state: TaskState::Failed,
            seconds: Some(2.0),
            output: vec![name("first"), name(HOSTILE)],
        },
        Fact::Waiting {
            words: name("for the controller to see the new template"),
        },
        Fact::Trouble { message: name(HOSTILE) },
        Fact::Stopping {
            shard: Some(name("db-1")),
        },
        Fact::Ended(Box::new(outcome())),
    ];
    let mut events = vec![started(&["db-2", "db-1", "db-0"].map(str::to_owned))];
    events.extend(
        facts
            .into_iter()
            .enumerate()
            .map(|(second, fact)| at(second as f64, fact)),
    );
    for event in &events {
        // A kind of event that is new must be added above and here.
        match event.fact {
            Fact::Started { .. }
            | Fact::Refused { .. }
            | Fact::Allowed { .. }
            | Fact::Noted { .. }
            | Fact::Lock { .. }
            | Fact::Changed { .. }
            | Fact::PrePull { .. }
            | Fact::Shard { .. }
            | Fact::ShardDone { .. }
            | Fact::ShardFailed { .. }
            | Fact::Heard(_)
            | Fact::Task { .. }
            | Fact::Waiting { .. }
            | Fact::Trouble { .. }
            | Fact::Stopping { .. }
            | Fact::Ended(_) => {}
        }
    }
    assert_eq!(events.len(), 16, "one of each");
    events
}
