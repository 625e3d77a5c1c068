//! A command that dies again and again: killed outright right before or right after the first write of a kind that it wasn't
//! killed at yet, run again, killed at the next one, until a run comes to its end.
//!
//! So every run begins with what the one before it left, and what a death at one kind left and nobody put right shows at the end.
//! That each single death is healed by the next run alone is proven in the rehearsal cluster (`crash_points`), at every request of
//! every operation that is killed here.

use crate::cluster::interceptor::Request;
use crate::cluster::scene::running::{Output, Running};
use crate::cluster::wait::{DEADLINE, wait_near};
use crate::cluster::{Interceptor, Plane};
use std::collections::BTreeSet;

/// Names the kind of a write; none for what isn't a write or isn't known.
pub type Kind = fn(&Request) -> Option<&'static str>;

/// Where it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The kind of the write.
    pub kind: &'static str,
    /// Whether the API server has done what was asked.
    pub after: bool,
}

/// Right before and right after each of these.
pub fn points(kinds: &[&'static str]) -> BTreeSet<Point> {
    let both = |kind: &'static str| [false, true].map(|after| Point { kind, after });
    kinds.iter().copied().flat_map(both).collect()
}

/// How one run ended.
pub enum Ended {
    /// It was killed there.
    Killed(Point, Output),
    /// It came to its end.
    Itself(Output),
}

/// Starts a command through an interceptor, and kills it at the first of these points that it comes to. Panics at a write that
/// has no kind.
#[track_caller]
pub fn run(plane: &Plane, kind: Kind, points: &BTreeSet<Point>, start: impl FnOnce(&Interceptor) -> Running) -> Ended {
    let interceptor = Interceptor::before(plane);
    let at = |after: bool| {
        let of = points.iter().filter(|point| point.after == after);
        let kinds: BTreeSet<&'static str> = of.map(|point| point.kind).collect();
        interceptor
            .on(move |request| kind(request).is_some_and(|kind| kinds.contains(kind)))
            .nth(1)
    };
    let rules = [at(false).hold(), at(true).hold_answer()];
    let mut command = start(&interceptor);
    wait_near("the command is at a point, or at its end", DEADLINE, || {
        let over = rules.iter().any(|rule| rule.hits() > 0) || !command.runs();
        over.then_some(()).ok_or_else(|| command.said())
    });
    let first = rules.iter().zip([false, true]).filter(|(rule, _)| rule.hits() > 0);
    let first = first.map(|(rule, after)| (rule.wait_hit(), after));
    let Some((request, after)) = first.min_by_key(|(request, _)| request.number) else {
        let output = command.wait();
        known(&interceptor, kind);
        return Ended::Itself(output);
    };
    let output = command.kill();
    rules.iter().for_each(|rule| rule.discard());
    known(&interceptor, kind);
    let kind = kind(&request).expect("a kind");
    Ended::Killed(Point { kind, after }, output)
}

/// Runs a command over and over, until a run comes to its end by itself: what each said, for when something is wrong. The points
/// that it was killed at are taken out. `between` is done after each death.
#[track_caller]
pub fn until_it_ends(
    plane: &Plane,
    kind: Kind,
    points: &mut BTreeSet<Point>,
    start: impl Fn(&Interceptor) -> Running,
    mut between: impl FnMut(Point),
) -> String {
    let mut story = String::new();
    loop {
        match run(plane, kind, points, &start) {
            Ended::Killed(point, output) => {
                let Point { kind, after } = point;
                let when = if after { "after" } else { "before" };
                story.push_str(&format!(
                    "killed right {when} \"{kind}\"\n{}{}\n",
                    output.stderr, output.stdout
                ));
                assert!(points.remove(&point), "killed twice at one point\n{story}");
                between(point);
            }
            Ended::Itself(output) => {
                story.push_str(&format!("at last\n{}{}\n", output.stderr, output.stdout));
                assert_eq!(output.code, Some(0), "{story}");
                return story;
            }
        }
    }
}

/// Every write of a run has a kind.
#[track_caller]
fn known(interceptor: &Interceptor, kind: Kind) {
    for request in interceptor.writes() {
        assert!(
            kind(&request).is_some(),
            "a kind of write that isn't covered: {request} {}",
            request.body
        );
    }
}
