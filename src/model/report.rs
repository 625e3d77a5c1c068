//! The result of `verify`: every check's outcome, and what follows from all of them together.

use serde::Serialize;

use super::check::{Judged, Outcome};
use super::finding::Severity;
use super::recording::Taken;

/// What follows from all outcomes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// No error, and every check that could find one was judged.
    Healthy,
    /// At least one check found an error.
    Failed,
    /// No error was found, but a check that could find one couldn't be judged, or nothing was judged at all.
    Unknown,
}

/// How many checks came out how. `warnings` counts checks that passed with a warning; they are among `passed`, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Checks that passed, with or without a warning.
    pub passed: usize,
    /// Of those, the ones with a warning.
    pub warnings: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Checks that couldn't be judged.
    pub unknown: usize,
    /// Checks with nothing to judge.
    pub not_applicable: usize,
    /// Checks left out by `--only` or `--skip`.
    pub skipped: usize,
}

/// How many shards there should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The number of shards.
    pub shards: i32,
    /// Where the number comes from, for example `spec.replicas`.
    pub origin: String,
}

/// Which of the reference workload's two phases the set is judged as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Karpenter picks among sizes; the shards may be moved.
    Explore,
    /// One size pinned, protected from disruption.
    Stable,
}

impl Phase {
    /// The word for it, as flags and files write it.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Explore => "explore",
            Phase::Stable => "stable",
        }
    }

    /// Whether a name says that something is of this phase: its word stands in it by itself (`shop-stable`, `stable2`), and not
    /// within another one (`unstable`).
    pub fn is_named_in(self, name: &str) -> bool {
        name.split(|c: char| !c.is_alphabetic()).any(|word| word == self.word())
    }
}

/// The result of `verify`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When, where and by what the snapshot was taken.
    pub taken: Taken,
    /// How many shards there should be, where that is known.
    pub expected: Option<Expected>,
    /// The phase and where it was learnt, where there is a set.
    pub phase: Option<(Phase, String)>,
    /// What follows.
    pub conclusion: Conclusion,
    /// How many came out how.
    pub counts: Counts,
    /// Every check, in the documented order.
    pub checks: Vec<Judged>,
}

impl Report {
    /// Draws the conclusion from the checks' outcomes.
    pub fn conclude(
        taken: Taken,
        expected: Option<Expected>,
        phase: Option<(Phase, String)>,
        checks: Vec<Judged>,
    ) -> Report {
        let mut counts = Counts::default();
        let mut blind = false;
        for check in &checks {
            match check.outcome {
                Outcome::Pass => {
                    counts.passed += 1;
                    counts.warnings += usize::from(check.gravest() == Some(Severity::Warning));
                }
                Outcome::Fail => counts.failed += 1,
                Outcome::Unknown { .. } => {
                    counts.unknown += 1;
                    blind |= check.about.severity == Severity::Error;
                }
                Outcome::NotApplicable { .. } => counts.not_applicable += 1,
                Outcome::Skipped => counts.skipped += 1,
            }
        }
        // Warnings that couldn't be looked for don't make a system unhealthy, but whoever saw nothing else saw nothing.
        blind |= counts.passed == 0 && (counts.unknown > 0 || counts.not_applicable == 0);
        let conclusion = match (counts.failed, blind) {
            (0, false) => Conclusion::Healthy,
            (0, true) => Conclusion::Unknown,
            _ => Conclusion::Failed,
        };
        Report {
            taken,
            expected,
            phase,
            conclusion,
            counts,
            checks,
        }
    }
}
