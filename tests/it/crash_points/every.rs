//! Every crash point of every case: at each mutating request, before it, after it, and with its answer lost. None is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use shardctl::sim::faults::{Fault, Faults};
use shardctl::sim::kind::Kind;
use shardctl::sim::store::Store;

use super::cases::Case;
use super::course::{Course, Rival, Then, goes_on, is_released, judge, reaches_its_goal, several_at_once};
use super::play::{Act, Ended, Moment, Stage, play, play_and_keep};
use super::workers;

/// What came of a case.
pub struct Proven {
    /// How many mutating requests a run takes where nothing goes wrong.
    pub requests: u64,
    /// How many points were judged: each with a fault of its own.
    pub points: usize,
    /// How many times somebody else began while it was at work.
    pub beside: usize,
    /// What went wrong, with the courses that repeat it.
    pub wrong: Vec<String>,
}

/// Where somebody dies, at one of the points that leave the same behind.
struct Death<'a> {
    /// The points, as faults.
    at: Vec<(u64, Fault)>,
    moment: &'a Moment,
}

/// One thing to play.
enum Job<'a> {
    /// To go on after a death.
    After(&'a Death<'a>, Then),
    /// To lose an answer.
    Lost(u64),
    /// To have others begin, one at each of these.
    Beside(Rival, Vec<u64>),
}

/// What came of one thing.
#[derive(Default)]
struct Came {
    wrong: Vec<String>,
    beside: usize,
}

/// Proves a case.
pub fn prove(case: &Case) -> Proven {
    let ((stage, first), (clean, moments)) = workers::one(|| {
        let (stage, first) = case.stage();
        let act = Act {
            command: case.command.clone(),
            faults: Faults::default(),
        };
        let kept = play_and_keep(stage.clone(), &act);
        ((stage, first), kept)
    });
    let mut wrong: Vec<String> = judge(case, &first, &clean, &case.left)
        .into_iter()
        .map(|word| format!("{}, where nothing goes wrong: {word}", case.name))
        .collect();
    let deaths = deaths(&moments);
    let after = deaths
        .iter()
        .flat_map(|death| [Then::Again, case.with_recover()].map(|then| Job::After(death, then)));
    // In the midst of it others find the lock taken, and any number of them fit into one play. At its first request it has no
    // lock yet, and at its last it gives it back: whoever begins then may get it.
    let beside = Rival::of(case).into_iter().flat_map(|rival| {
        let groups = [vec![1], (2..clean.sent).collect(), vec![clean.sent]];
        groups.map(|numbers| Job::Beside(rival, numbers))
    });
    let lost = (1..=clean.sent).map(Job::Lost);
    let jobs: Vec<Job<'_>> = after.chain(lost).chain(beside).collect();
    let came = workers::all(&jobs, |job| done(case, &stage, &first, job));
    let beside = came.iter().map(|came| came.beside).sum();
    wrong.extend(came.into_iter().flat_map(|came| came.wrong));
    let deadly: usize = deaths.iter().map(|death| death.at.len()).sum();
    Proven {
        requests: clean.sent,
        points: deadly + usize::try_from(clean.sent).unwrap(),
        beside,
        wrong,
    }
}

/// The deaths: nothing happens in between two requests of the same instant, so that dying after the one or before the other is
/// the same death.
fn deaths(moments: &[Moment]) -> Vec<Death<'_>> {
    let mut deaths: BTreeMap<(jiff::Timestamp, u64, u64), Death<'_>> = BTreeMap::new();
    for (at, moment) in (0..).zip(moments) {
        let fault = if moment.after {
            Fault::CrashAfter
        } else {
            Fault::CrashBefore
        };
        let stage = &moment.stage;
        // Work that is due right now may be done in between.
        let due = stage.plane.next().is_some_and(|next| next <= stage.at);
        let alone = if due { at } else { u64::MAX };
        let key = (stage.at, stage.plane.store.revision(), alone);
        let death = deaths.entry(key).or_insert_with(|| Death { at: Vec::new(), moment });
        death.at.push((moment.number, fault));
    }
    deaths.into_values().collect()
}

fn done(case: &Case, stage: &Stage, first: &Arc<Store>, job: &Job<'_>) -> Came {
    let (faults, then, words) = match job {
        Job::After(death, then) => {
            let Some((number, fault)) = death.at.first() else {
                return Came::default();
            };
            let mut words = death.moment.stage.referee.broken();
            words.extend(goes_on(case, first, death.moment.stage.clone(), then));
            (Faults::at(*number, fault.clone()), then.clone(), words)
        }
        Job::Lost(number) => {
            let act = Act {
                command: case.command.clone(),
                faults: Faults::at(*number, Fault::Lost),
            };
            let words = reaches_its_goal(case, first, play(stage.clone(), &act));
            (Faults::at(*number, Fault::Lost), Then::Nothing, words)
        }
        Job::Beside(rival, numbers) => return others(case, stage, first, *rival, numbers),
    };
    Came {
        wrong: told(case, vec![faults], then, words),
        beside: 0,
    }
}

/// Others begin at each of these requests. Whoever gets the lock in a moment in which the first one hasn't got it stops him; those who
/// were to begin later do so in another play.
fn others(case: &Case, stage: &Stage, first: &Arc<Store>, rival: Rival, numbers: &[u64]) -> Came {
    let mut came = Came::default();
    let mut left = numbers.to_vec();
    while !left.is_empty() {
        let amid = several_at_once(case, first, stage.clone(), rival, &left);
        let mut words = amid.wrong;
        if amid.began.is_empty() {
            words.push("nobody began while the first one was at work".to_owned());
        }
        let is_over = !words.is_empty();
        came.wrong
            .extend(told(case, Vec::new(), Then::Beside(rival, left.clone()), words));
        came.beside += amid.began.len();
        left.retain(|number| !amid.began.contains(number));
        if is_over {
            break;
        }
    }
    came
}

/// What went wrong, with the course and the command that repeats it.
fn told(case: &Case, lives: Vec<Faults>, then: Then, words: Vec<String>) -> Vec<String> {
    let course = Course {
        case: case.name.to_owned(),
        lives,
        then,
    };
    let each = words
        .into_iter()
        .map(|word| format!("{course}: {word}\n    {}", course.replay()));
    each.collect()
}

/// The cluster right after a run has deleted the NodeClaim of the drained node, and died.
pub fn where_the_node_is_given_back(case: &Case) -> Stage {
    let (stage, first) = case.stage();
    let act = Act {
        command: case.command.clone(),
        faults: Faults::default(),
    };
    let (_, moments) = play_and_keep(stage, &act);
    let mut after = moments
        .into_iter()
        .filter(|moment| is_released(&first, &moment.stage.plane.store));
    after.next().expect("it gives the node back").stage
}

/// The moments at which dying of a fault leaves behind something else than what was kept of them: the proofs begin with that.
pub fn what_death_leaves_otherwise(case: &Case, numbers: &[u64]) -> Vec<(u64, bool)> {
    let act = |faults| Act {
        command: case.command.clone(),
        faults,
    };
    let (stage, moments) = workers::one(|| {
        let (stage, _) = case.stage();
        let (_, moments) = play_and_keep(stage.clone(), &act(Faults::default()));
        (stage, moments)
    });
    let of_these: Vec<&Moment> = moments
        .iter()
        .filter(|moment| numbers.contains(&moment.number))
        .collect();
    assert_eq!(of_these.len(), numbers.len() * 2, "before and after each");
    let differ = workers::all(&of_these, |kept| {
        let fault = if kept.after {
            Fault::CrashAfter
        } else {
            Fault::CrashBefore
        };
        let died = play(stage.clone(), &act(Faults::at(kept.number, fault)));
        let (died_on, kept_on) = (&died.stage, &kept.stage);
        let same = died.ended == Ended::Died
            && died_on.at == kept_on.at
            && died_on.plane.next() == kept_on.plane.next()
            && objects(&died_on.plane.store) == objects(&kept_on.plane.store);
        (!same).then_some((kept.number, kept.after))
    });
    differ.into_iter().flatten().collect()
}

fn objects(store: &Store) -> Vec<String> {
    let kinds = Kind::ALL.into_iter();
    let all = kinds.flat_map(|kind| store.all(kind, None).map(ToString::to_string).collect::<Vec<_>>());
    all.collect()
}
