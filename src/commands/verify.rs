//! `shardctl verify`: observe, judge, print; again while `--wait` or `--watch` says so.

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::connection::{open, policy, wanted};
use super::output::{complain, print};
use super::progress::Spinner;
use super::redo::{Redo, interval};
use super::{Context, names_flags, snapshot_file, words};
use crate::cli::{PhaseName, Source, Verify, VerifyOutput};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::report::{Conclusion, Report};
use crate::operations::observe::{Wanted, observe};
use crate::plan::verify::judge;
use crate::report::style::Style;
use crate::report::{json, junit, prometheus, text};

/// The flags that are keys of the configuration, too.
pub fn flags(arguments: &Verify) -> Vec<(&'static str, Vec<String>)> {
    let phase = arguments.phase.map(|phase| match phase {
        PhaseName::Explore => "explore",
        PhaseName::Stable => "stable",
    });
    let mut flags = vec![
        ("expect", words(arguments.expect.as_ref())),
        ("phase", words(phase.as_ref())),
        ("skip", arguments.skip.clone()),
    ];
    flags.extend(names_flags(&arguments.names));
    flags
}

/// Runs it.
///
/// # Errors
/// Where nothing could be judged: usage, an unreachable cluster, a file that isn't a snapshot.
pub async fn run(context: &Context, arguments: &Verify) -> Result<ExitCode> {
    let redo = Redo::from_flags(arguments.wait.as_deref(), arguments.watch)?;
    let pause = interval(&arguments.interval)?;
    let wanted = wanted(context, policy(context, &arguments.only)?, arguments.probe_protection)?;
    if let Some(path) = arguments.from.as_ref().and_then(Source::file) {
        let (_, snapshot) = snapshot_file::read_meant(context, path)?;
        let report = judge(&snapshot, &wanted.policy);
        print(&render(&report, arguments.output, context.stdout())?)?;
        return Ok(code(&report));
    }
    let connection = open(context).await?;
    let mut last: Option<Report> = None;
    loop {
        let next = Instant::now() + pause;
        let seen = look(context, &connection, &wanted, last.is_none()).await;
        let report = match (seen, redo, &last) {
            (Ok(report), _, _) => report,
            // Somebody who waits or watches wants to outlast a server that is away for a moment.
            (Err(error), Redo::Until(_) | Redo::Forever, Some(_)) => {
                if !context.global.quiet {
                    complain(&crate::report::errors::render(
                        &error,
                        context.stderr(),
                        context.global.verbose,
                    ));
                }
                if matches!(redo, Redo::Until(deadline) if next >= deadline) {
                    return Err(error);
                }
                sleep_until(next).await;
                continue;
            }
            (Err(error), _, _) => return Err(error),
        };
        match redo {
            Redo::Once => {
                print(&render(&report, arguments.output, context.stdout())?)?;
                return Ok(code(&report));
            }
            Redo::Until(deadline) => {
                if report.conclusion == Conclusion::Healthy || next >= deadline {
                    print(&render(&report, arguments.output, context.stdout())?)?;
                    return Ok(code(&report));
                }
                if !context.global.quiet {
                    complain(&text::changes(last.as_ref(), &report, context.stderr()));
                }
            }
            Redo::Forever => print(&again(last.as_ref(), &report, arguments.output, context.stdout())?)?,
        }
        last = Some(report);
        sleep_until(next).await;
    }
}

/// What `--watch` prints after another look: the whole the first time, then what changed.
fn again(before: Option<&Report>, now: &Report, output: VerifyOutput, style: Style) -> Result<String> {
    match (before, output) {
        (Some(_), VerifyOutput::Text | VerifyOutput::Short) => Ok(text::changes(before, now, style)),
        (Some(before), _) if text::same_outcomes(before, now) => Ok(String::new()),
        _ => render(now, output, style),
    }
}

async fn look(context: &Context, connection: &Connection, wanted: &Wanted, first: bool) -> Result<Report> {
    let spinner = first.then(|| Spinner::start(context, "looking at the cluster"));
    let observed = observe(connection, wanted).await?;
    drop(spinner);
    let report = judge(&observed.snapshot, &wanted.policy);
    // Thousands of objects are given back while the report is printed.
    spawn_blocking(move || drop(observed));
    Ok(report)
}

fn render(report: &Report, output: VerifyOutput, style: Style) -> Result<String> {
    match output {
        VerifyOutput::Text => Ok(text::full(report, style)),
        VerifyOutput::Short => Ok(text::short(report, style)),
        VerifyOutput::Prometheus => Ok(prometheus::render(report)),
        VerifyOutput::Json => json::document("VerifyReport", report)
            .map_err(|error| Error::bug(format!("failed to write the report as JSON: {error}"))),
        VerifyOutput::Junit => {
            junit::render(report).map_err(|why| Error::bug(format!("failed to write the report as JUnit XML: {why}")))
        }
    }
}

/// The exit code that a report stands for.
pub fn code(report: &Report) -> ExitCode {
    match report.conclusion {
        Conclusion::Healthy => ExitCode::Done,
        Conclusion::Failed => ExitCode::Failed,
        Conclusion::Unknown => ExitCode::Unknown,
    }
}
