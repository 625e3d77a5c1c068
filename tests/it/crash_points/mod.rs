//! Every operation and strategy in the rehearsal cluster, cut off at each of its mutating requests, with several things going
//! wrong at once, and broken on purpose. The referee looks on at every change.
//!
//! A failure prints one command that plays it again, with every request and event. `SHARDCTL_SEEDS=10000` plays more courses of
//! random faults than a usual run does.

mod cases;
pub mod command;
mod course;
mod every;
mod mutants;
mod play;
mod referee;
mod scene;
mod seeds;
pub mod workers;
mod workload;

use std::io::Write as _;

use course::Course;
use play::{Act, Ended, play};
use scene::NODE;
use shardctl::sim::faults::Faults;

/// How many courses of random faults are played where nobody says how many.
const SEEDS: u64 = 100;

#[test]
fn after_a_death_at_any_request_a_rerun_reaches_the_goal_and_recover_leaves_nothing() {
    let (mut requests, mut points, mut beside, mut wrong) = (0, 0, 0, Vec::new());
    for case in cases::all() {
        let proven = every::prove(&case);
        eprintln!(
            "{}: {} requests, {} crash points",
            case.name, proven.requests, proven.points
        );
        assert!(proven.requests > 2, "{}: it hardly changes anything", case.name);
        requests += proven.requests;
        points += proven.points;
        beside += proven.beside;
        wrong.extend(proven.wrong);
    }
    // Past what a test that passes keeps to itself.
    let told = writeln!(
        std::io::stderr(),
        "{points} crash points at {requests} requests of {} operations; {beside} times, somebody else began while it was at work",
        cases::all().len()
    );
    told.unwrap();
    assert_eq!(
        points,
        usize::try_from(requests * 3).unwrap(),
        "before, after and lost, at each"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_death_leaves_behind_what_was_kept_of_its_moment() {
    let cases = cases::all();
    for name in ["upgrade", "drain-relax", "drain-surge"] {
        let case = cases.iter().find(|case| case.name == name).expect("a case");
        let differ = every::what_death_leaves_otherwise(case, &[1, 5, 12, 19, 26]);
        assert!(differ.is_empty(), "{name}: {differ:?}");
    }
}

#[test]
fn whatever_goes_wrong_no_rule_is_broken_and_in_the_end_all_is_well() {
    let asked = std::env::var("SHARDCTL_SEEDS").ok();
    let many = asked.map_or(SEEDS, |many| many.parse().expect("SHARDCTL_SEEDS is a number"));
    let cases = cases::all();
    let courses: Vec<Course> = (1..=many).map(|seed| seeds::course(&cases, seed)).collect();
    let came = workers::all(&courses, Course::play);
    let wrong: Vec<String> = courses
        .iter()
        .zip(came)
        .filter(|(_, wrong)| !wrong.is_empty())
        .map(|(course, wrong)| format!("{course}:\n    {}\n    {}", wrong.join("\n    "), course.replay()))
        .collect();
    eprintln!("{many} courses of random faults");
    assert!(wrong.is_empty(), "{} of {many}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each of these found a mistake once.
#[test]
fn what_once_went_wrong_goes_well() {
    let courses = [
        // The answer to the last change of the node is lost: whoever then sees it open takes it for somebody else's doing.
        "drain-direct;13:lost;nothing",
        // Whether the node was uncordoned is found out by looking, not by giving up.
        "uncordon;2:lost;nothing",
        // A second surge, whose claim has the name of one whose volume was kept.
        "drain-surge-ordered;6:crash-before;both",
    ];
    let came = workers::all(&courses, |written| written.parse::<Course>().expect("a course").play());
    for (course, wrong) in courses.iter().zip(came) {
        assert_eq!(wrong, Vec::<String>::new(), "{course}");
    }
}

#[test]
fn a_drain_of_a_node_that_an_earlier_one_gave_back_names_what_puts_the_rest_back() {
    let cases = cases::all();
    let case = cases
        .iter()
        .find(|case| case.name == "drain-karpenter")
        .expect("a case");
    let ended = workers::one(|| {
        // Karpenter takes the node away meanwhile.
        let stage = every::where_the_node_is_given_back(case).mended();
        let act = Act {
            command: case.command.clone(),
            faults: Faults::default(),
        };
        play(stage, &act).ended
    });
    let Ended::Failed(why) = &ended else {
        panic!("{ended:?}")
    };
    assert!(why.contains(NODE) && why.contains("shardctl recover"), "{why}");
}

#[test]
fn replay() {
    let written =
        std::env::var("SHARDCTL_REPLAY").unwrap_or_else(|_| "drain-relax;9:crash-after;5:lost;both".to_owned());
    let course: Course = written.parse().unwrap_or_else(|why| panic!("SHARDCTL_REPLAY: {why}"));
    assert_eq!(course.to_string(), written);
    let wrong = workers::one(|| course.play());
    assert!(wrong.is_empty(), "{course}:\n    {}", wrong.join("\n    "));
}
