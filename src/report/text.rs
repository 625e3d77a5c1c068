//! `verify` for people: every check under its heading (`text`), or only what isn't green (`short`).

use super::page::Page;
use super::style::{Style, Tone};
use super::time::moment;
use crate::model::check::{Category, Judged, Outcome};
use crate::model::finding::{Finding, Severity};
use crate::model::report::{Conclusion, Counts, Report};

/// Every check, under its heading.
pub fn full(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    subject(&mut page, report);
    let mut heading: Option<Category> = None;
    for check in &report.checks {
        if heading != Some(check.about.category) {
            heading = Some(check.about.category);
            page.blank();
            page.heading(check.about.category.title());
        }
        check_lines(&mut page, check);
    }
    page.blank();
    recap(&mut page, report);
    page.into_text()
}

/// Only checks that failed, warn or couldn't be judged, and the recap.
pub fn short(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    subject(&mut page, report);
    for check in report.checks.iter().filter(|check| !is_quiet(check)) {
        check_lines(&mut page, check);
    }
    recap(&mut page, report);
    page.into_text()
}

fn is_quiet(check: &Judged) -> bool {
    match check.outcome {
        Outcome::Pass => check.gravest().is_none_or(|gravest| gravest < Severity::Warning),
        Outcome::NotApplicable { .. } | Outcome::Skipped => true,
        Outcome::Fail | Outcome::Unknown { .. } => false,
    }
}

fn subject(page: &mut Page, report: &Report) {
    let taken = &report.taken;
    // Without a name there may be no set, or it couldn't be read: STS-01 says which.
    let mut words = vec![match &taken.statefulset {
        Some(set) => format!("{}/{set}", taken.namespace),
        None => format!("namespace {}", taken.namespace),
    }];
    if let Some(context) = &taken.context {
        words.push(format!("context {context}"));
    }
    if let Some(expected) = &report.expected {
        words.push(format!("{} shards ({})", expected.shards, expected.origin));
    }
    if let Some((phase, origin)) = &report.phase {
        words.push(format!("{} phase ({origin})", phase.word()));
    }
    words.push(moment(taken.at));
    page.line(Tone::Heading, 0, 2, &words.join(" · "));
}

fn check_lines(page: &mut Page, check: &Judged) {
    let about = check.about;
    let id = format!("{:<7}", about.id);
    let hang = 12;
    let (symbol, tone) = look(check);
    let lead = [
        (tone, symbol),
        (Tone::Plain, " "),
        (tone, id.as_str()),
        (Tone::Plain, "  "),
    ];
    match &check.outcome {
        // What was seen is the sentence for when nothing was found: beside a warning it would contradict it.
        Outcome::Pass if !is_quiet(check) => {
            page.lead(&lead, Tone::Plain, 1, hang, &format!("not quite so: {}", about.title));
        }
        Outcome::Pass if check.seen.is_empty() => page.lead(&lead, Tone::Plain, 1, hang, about.title),
        Outcome::Pass => page.lead(&lead, Tone::Plain, 1, hang, &format!("{}: {}", about.title, check.seen)),
        Outcome::Fail => page.lead(&lead, Tone::Heading, 1, hang, &format!("not so: {}", about.title)),
        Outcome::Unknown { why } => page.lead(
            &lead,
            Tone::Plain,
            1,
            hang,
            &format!("can't be judged ({}): {why}", about.title),
        ),
        Outcome::NotApplicable { why } => page.lead(&lead, Tone::Faint, 1, hang, &format!("not applicable: {why}")),
        Outcome::Skipped => page.lead(&lead, Tone::Faint, 1, hang, "skipped"),
    }
    for finding in &check.findings {
        finding_lines(page, finding, 12);
    }
}

/// A finding, its evidence and its remedy, so many columns in.
pub fn finding_lines(page: &mut Page, finding: &Finding, indent: usize) {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Information => Tone::Faint,
    };
    page.lead(
        &[(tone, finding.object.as_str()), (Tone::Plain, ": ")],
        Tone::Plain,
        indent,
        indent + 2,
        &finding.message,
    );
    proof_lines(page, &finding.evidence, &finding.remedy, indent + 2);
}

/// What was seen, then what to do, so many columns in.
pub fn proof_lines(page: &mut Page, evidence: &[String], remedy: &[String], indent: usize) {
    for line in evidence {
        page.lead(&[(Tone::Faint, "│ ")], Tone::Faint, indent, indent + 2, line);
    }
    for line in remedy {
        match line.strip_prefix("$ ") {
            Some(command) => page.command(indent, &format!("→ {command}")),
            None => page.lead(&[(Tone::Command, "→ ")], Tone::Plain, indent, indent + 2, line),
        }
    }
}

fn look(check: &Judged) -> (&'static str, Tone) {
    match check.outcome {
        Outcome::Pass => match check.gravest() {
            Some(Severity::Warning | Severity::Error) => ("!", Tone::Warn),
            Some(Severity::Information) | None => ("✓", Tone::Good),
        },
        Outcome::Fail => ("✗", Tone::Bad),
        Outcome::Unknown { .. } => ("?", Tone::Unsure),
        Outcome::NotApplicable { .. } | Outcome::Skipped => ("-", Tone::Faint),
    }
}

fn recap(page: &mut Page, report: &Report) {
    let (symbol, tone, words) = conclusion_words(report.conclusion);
    let lead = format!("{symbol} {words}: ");
    page.lead(&[(tone, lead.as_str())], Tone::Plain, 0, 2, &counts(&report.counts));
}

fn conclusion_words(conclusion: Conclusion) -> (&'static str, Tone, &'static str) {
    match conclusion {
        Conclusion::Healthy => ("✓", Tone::Good, "healthy"),
        Conclusion::Failed => ("✗", Tone::Bad, "NOT HEALTHY"),
        Conclusion::Unknown => ("?", Tone::Unsure, "UNKNOWN, since not everything could be judged"),
    }
}

/// The counts as a clause: "1 failed, 2 warnings, 39 passed"; what is nought is left out.
pub fn counts(counts: &Counts) -> String {
    let warnings = if counts.warnings == 1 { "warning" } else { "warnings" };
    let all = [
        (counts.failed, "failed"),
        (counts.unknown, "unknown"),
        (counts.warnings, warnings),
        (counts.passed, "passed"),
        (counts.not_applicable, "not applicable"),
        (counts.skipped, "skipped"),
    ];
    let words: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    words.join(", ")
}

/// Whether every check came out alike in both.
pub fn same_outcomes(before: &Report, now: &Report) -> bool {
    before.checks.iter().map(look).eq(now.checks.iter().map(look))
        && before
            .checks
            .iter()
            .map(|check| &check.findings)
            .eq(now.checks.iter().map(|check| &check.findings))
}

/// A line for each check that came out otherwise than before, with its first finding; nothing where none did.
///
/// Without a report before, the lines are those of the checks that aren't green.
pub fn changes(before: Option<&Report>, now: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    let clock = moment(now.taken.at);
    for check in &now.checks {
        let earlier = before.and_then(|report| report.checks.iter().find(|other| other.about.id == check.about.id));
        let (symbol, tone) = look(check);
        let was = earlier.map(|other| look(other).0);
        if was == Some(symbol) || (was.is_none() && is_quiet(check)) {
            continue;
        }
        let what = match (&check.outcome, check.findings.first()) {
            (_, Some(finding)) => format!("{}: {}", finding.object, finding.message),
            (Outcome::Unknown { why }, None) => why.clone(),
            _ => check.about.title.to_owned(),
        };
        let lead = [
            (Tone::Faint, clock.as_str()),
            (Tone::Plain, "  "),
            (tone, symbol),
            (Tone::Plain, " "),
            (tone, check.about.id),
            (Tone::Plain, "  "),
        ];
        page.lead(&lead, Tone::Plain, 0, 4, &what);
    }
    if before.is_some_and(|before| before.conclusion != now.conclusion) {
        let lead = [(Tone::Faint, clock.as_str()), (Tone::Plain, "  ")];
        let (_, tone, words) = conclusion_words(now.conclusion);
        page.lead(&lead, tone, 0, 4, words);
    }
    page.into_text()
}
