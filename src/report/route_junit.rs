//! `route-test` as JUnit XML, for CI systems: a suite for the entries, one for the keys, one for what all of them come to.

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::untrusted::visible;
use crate::model::finding::Severity;
use crate::model::route::outcome::{Balance, Comparison, EntryOutcome, KeyRow, KeyVerdict, RouteOutcome};

/// The XML: what failed is a failure, what couldn't be judged an error.
///
/// # Errors
/// What the XML writer says, in words.
pub fn render(found: &RouteOutcome) -> Result<String, String> {
    let mut suites = Suites::new("shardctl route-test");
    if let Some(why) = &found.void {
        let mut suite = TestSuite::new("route-test");
        suite.add_test_case(case(
            "run",
            "the run counts",
            unsuccessful(NonSuccessKind::Error, "void", why),
        ));
        suites.add_test_suite(suite);
        return suites.to_string().map_err(|error| error.to_string());
    }
    let mut entries = TestSuite::new("entries");
    entries.add_test_cases(found.entries.iter().map(entry));
    entries.add_test_cases(found.unknown.iter().map(|unknown| {
        let status = unsuccessful(NonSuccessKind::Error, "unknown", &unknown.why);
        case("entry", &unknown.name, status)
    }));
    suites.add_test_suite(entries);
    if !found.verdicts.is_empty() {
        let mut keys = TestSuite::new("keys");
        keys.add_test_cases(found.verdicts.iter().map(|(verdict, count)| {
            let name = format!("{count} keys: {}", verdict.id());
            let status = match verdict {
                KeyVerdict::Stable => TestCaseStatus::success(),
                KeyVerdict::Unknown => {
                    unsuccessful(NonSuccessKind::Error, verdict.id(), "nothing tells whose they are")
                }
                _ => unsuccessful(NonSuccessKind::Failure, verdict.id(), &rows(&found.rows, *verdict)),
            };
            case("keys", &name, status)
        }));
        suites.add_test_suite(keys);
    }
    let mut whole = TestSuite::new("together");
    if let Some(balance) = &found.balance {
        whole.add_test_case(balanced(balance));
    }
    if let Some(comparison) = &found.comparison {
        whole.add_test_case(compared(comparison));
    }
    if !whole.test_cases.is_empty() {
        suites.add_test_suite(whole);
    }
    suites.to_string().map_err(|error| error.to_string())
}

fn entry(entry: &EntryOutcome) -> TestCase {
    let lines: Vec<String> = entry
        .failures
        .iter()
        .map(|failure| format!("{} × {}: {}", failure.class.id(), failure.count, failure.first))
        .collect();
    let status = match entry.failures.iter().max_by_key(|failure| failure.class.severity()) {
        None => TestCaseStatus::success(),
        Some(worst) => {
            let kind = match worst.class.severity() {
                Severity::Error => NonSuccessKind::Failure,
                Severity::Warning | Severity::Information => NonSuccessKind::Error,
            };
            unsuccessful(kind, worst.class.id(), &lines.join("\n"))
        }
    };
    let mut case = case("entry", &entry.name, status);
    let mut seen = format!("{} of {} requests answered", entry.answered, entry.requests);
    if let Some(reopened) = &entry.reopened {
        seen.push_str(&format!(
            "\nthe way was opened anew × {}: {}",
            reopened.count, reopened.first
        ));
    }
    case.set_system_out(visible(&seen).into_owned());
    case
}

fn rows(rows: &[KeyRow], verdict: KeyVerdict) -> String {
    let lines: Vec<String> = rows
        .iter()
        .filter(|row| row.verdict == verdict)
        .map(|row| match row.entries.is_empty() {
            true => row.key.clone(),
            false => format!("{} at {}", row.key, row.entries.join(", ")),
        })
        .collect();
    lines.join("\n")
}

fn balanced(balance: &Balance) -> TestCase {
    let status = match balance.enough_for_every_shard && !balance.without_key.is_empty() {
        true => {
            let shards: Vec<String> = balance.without_key.iter().map(ToString::to_string).collect();
            let words = format!("no key belongs to shard {}", shards.join(", "));
            unsuccessful(NonSuccessKind::Failure, "a shard without a key", &words)
        }
        // Too few keys to see every shard: that one has none says nothing, and neither would a success.
        false if !balance.without_key.is_empty() => TestCaseStatus::skipped(),
        false => TestCaseStatus::success(),
    };
    let mut case = case("balance", "every shard has keys", status);
    let words = match (balance.uneven, balance.without_key.is_empty()) {
        (true, _) => "warning: the keys are spread less evenly than chance explains",
        (false, true) => "no less evenly than chance explains",
        (false, false) => "not every shard was seen to have a key, and with so few keys that says nothing",
    };
    case.set_system_out(words);
    case
}

fn compared(found: &Comparison) -> TestCase {
    let lines: Vec<String> = found
        .moved
        .iter()
        .map(|moved| format!("{}: {} -> {}", moved.key, moved.from, moved.to))
        .collect();
    let status = match (found.moved.len(), found.compared) {
        (0, 1..) if found.missing > 0 => unsuccessful(
            NonSuccessKind::Error,
            "unknown",
            &format!("{} saved keys have no owner in this run", found.missing),
        ),
        (0, 0) => unsuccessful(
            NonSuccessKind::Error,
            "unknown",
            "no saved key has an owner in this run",
        ),
        (0, _) => TestCaseStatus::success(),
        (count, _) => unsuccessful(
            NonSuccessKind::Failure,
            &format!("{count} keys moved"),
            &lines.join("\n"),
        ),
    };
    let mut case = case("comparison", "no key moved between shards that last", status);
    case.set_system_out(format!(
        "{} keys compared, {} moved to a new shard or away from one that is gone",
        found.compared, found.moved_as_expected
    ));
    case
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(visible(name).into_owned(), status);
    case.set_classname(format!("shardctl.route-test.{class}"));
    case
}

fn unsuccessful(kind: NonSuccessKind, what: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(visible(what).into_owned());
    let lines: Vec<String> = details.lines().map(|line| visible(line).into_owned()).collect();
    status.set_description(lines.join("\n"));
    status
}
