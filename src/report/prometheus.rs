//! `verify` as lines in Prometheus' text exposition format, for node_exporter's textfile collector or a push gateway.

use std::fmt::Write as _;

use super::untrusted::visible;
use crate::model::check::Outcome;
use crate::model::finding::Severity;
use crate::model::report::{Conclusion, Report};

/// The metrics: one sample a check and status, so that an alert can count on the series being there.
pub fn render(report: &Report) -> String {
    let taken = &report.taken;
    let subject = format!(
        "namespace=\"{}\",statefulset=\"{}\"",
        escaped(&taken.namespace),
        escaped(taken.statefulset.as_deref().unwrap_or_default())
    );
    let mut text = String::new();
    let mut metric = |name: &str, help: &str, samples: &[(String, f64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let _ = writeln!(text, "{name}{{{subject}{labels}}} {value}");
        }
    };
    let is = |conclusion| f64::from(u8::from(report.conclusion == conclusion));
    let conclusions: Vec<(String, f64)> = [
        ("healthy", Conclusion::Healthy),
        ("failed", Conclusion::Failed),
        ("unknown", Conclusion::Unknown),
    ]
    .into_iter()
    .map(|(word, conclusion)| (format!(",conclusion=\"{word}\""), is(conclusion)))
    .collect();
    metric(
        "shardctl_verify_conclusion",
        "What all checks together say: 1 for the one that holds.",
        &conclusions,
    );
    let statuses: Vec<(String, f64)> = report
        .checks
        .iter()
        .flat_map(|check| {
            let now = status_word(&check.outcome);
            ["pass", "fail", "unknown", "not-applicable", "skipped"]
                .into_iter()
                .map(move |word| {
                    let severity = severity_word(check.about.severity);
                    let labels = format!(
                        ",check=\"{}\",severity=\"{severity}\",status=\"{word}\"",
                        check.about.id
                    );
                    (labels, f64::from(u8::from(word == now)))
                })
        })
        .collect();
    metric(
        "shardctl_check_status",
        "How each check came out: 1 for the status that holds.",
        &statuses,
    );
    let findings: Vec<(String, f64)> = report
        .checks
        .iter()
        .flat_map(|check| {
            [Severity::Error, Severity::Warning, Severity::Information]
                .into_iter()
                .map(|severity| {
                    let count = check
                        .findings
                        .iter()
                        .filter(|finding| finding.severity == severity)
                        .count();
                    let labels = format!(",check=\"{}\",severity=\"{}\"", check.about.id, severity_word(severity));
                    (labels, u32::try_from(count).map_or(f64::MAX, f64::from))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    metric("shardctl_check_findings", "How many findings a check made.", &findings);
    let at = taken.at.as_second();
    let _ = writeln!(
        text,
        "# HELP shardctl_verify_timestamp_seconds When the cluster was looked at, in its own time.\n\
         # TYPE shardctl_verify_timestamp_seconds gauge\n\
         shardctl_verify_timestamp_seconds{{{subject}}} {at}"
    );
    text
}

fn status_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Unknown { .. } => "unknown",
        Outcome::NotApplicable { .. } => "not-applicable",
        Outcome::Skipped => "skipped",
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Information => "information",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A label value as the exposition format wants it, with what a terminal would obey made visible first.
fn escaped(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}
