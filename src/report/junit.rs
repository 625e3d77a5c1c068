//! `verify` as JUnit XML, for CI systems: a suite a category, a test case a check.

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::untrusted::visible;
use crate::model::check::{Judged, Outcome};
use crate::model::finding::Severity;
use crate::model::report::Report;

/// The XML: failed checks are failures, unknown ones errors, those with nothing to judge skipped.
///
/// # Errors
/// What the XML writer says, in words.
pub fn render(report: &Report) -> Result<String, String> {
    let mut suites = Suites::new("shardctl verify");
    for check in &report.checks {
        let title = check.about.category.title();
        if suites
            .test_suites
            .last()
            .is_none_or(|suite| suite.name.as_str() != title)
        {
            suites.add_test_suite(TestSuite::new(title));
        }
        if let Some(suite) = suites.test_suites.last_mut() {
            suite.add_test_case(case(check));
        }
    }
    suites.to_string().map_err(|error| error.to_string())
}

fn case(check: &Judged) -> TestCase {
    let status = match &check.outcome {
        Outcome::Pass => TestCaseStatus::success(),
        Outcome::Fail => unsuccessful(NonSuccessKind::Failure, check.about.title, &details(check)),
        Outcome::Unknown { why } => unsuccessful(NonSuccessKind::Error, why, &details(check)),
        Outcome::NotApplicable { why } => skipped(why),
        Outcome::Skipped => skipped("left out by --only or --skip"),
    };
    let mut case = TestCase::new(format!("{} {}", check.about.id, check.about.title), status);
    case.set_classname(format!("shardctl.verify.{}", check.about.id));
    if matches!(check.outcome, Outcome::Pass) {
        let mut seen = visible(&check.seen).into_owned();
        if !check.findings.is_empty() {
            seen.push('\n');
            seen.push_str(&details(check));
        }
        case.set_system_out(seen);
    }
    case
}

fn unsuccessful(kind: NonSuccessKind, message: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(visible(message).into_owned());
    status.set_description(details);
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(visible(why).into_owned());
    status
}

fn details(check: &Judged) -> String {
    let mut lines = Vec::new();
    for finding in &check.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        };
        lines.push(format!(
            "{severity}: {}: {}",
            visible(&finding.object),
            visible(&finding.message)
        ));
        lines.extend(finding.evidence.iter().map(|line| format!("  | {}", visible(line))));
        lines.extend(finding.remedy.iter().map(|line| format!("  -> {}", visible(line))));
    }
    lines.join("\n")
}
