//! `shardctl route-test`: ask every key at every entry, print what that shows, save whose each key is.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::open;
use super::output::{complain, print};
use super::progress::Spinner;
use super::{Context, confirm, route_arguments, snapshot_file};
use crate::cli::{RouteTest, RouteTestOutput, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::model::report::Conclusion;
use crate::model::route::outcome::RouteOutcome;
use crate::model::route::wire::Trust;
use crate::operations::route::{Asked, ProbeImage, Progress, Tested, route_test, route_test_by_prober};
use crate::report::errors;
use crate::report::page::Page;
use crate::report::style::{Style, Tone};
use crate::report::text::finding_lines;
use crate::report::{json, route, route_junit};

/// How often what is shown of the progress changes.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// How often a line says how far it is, where standard error is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Runs it. `stop` counts Ctrl-C where a helper pod may be made: it is deleted before the end.
///
/// # Errors
/// Where nothing could be asked: usage, an unreachable cluster, a file that can't be read or written, a question answered with no.
pub async fn run(context: &Context, arguments: &RouteTest, stop: Option<watch::Receiver<u32>>) -> Result<ExitCode> {
    if arguments.save.is_some() && arguments.test.probe != "http" {
        return Err(
            Error::usage(format!("--probe {} asks about no key", arguments.test.probe))
                .hint("leave out --save, or ask over HTTP"),
        );
    }
    if let Some(file) = arguments.from.as_ref().and_then(Source::file) {
        return Err(Error::usage(format!(
            "{} (--from) can't be asked: a route test sends requests, and nobody answers from a file",
            file.display()
        ))
        .hint("what can be asked without a cluster of yours is the demo's:")
        .hint("$ shardctl route-test --from demo"));
    }
    let asked = route_arguments::asked(context, &arguments.test)?;
    if asked.manner.trust == Trust::Anybody {
        insecure(context.stderr());
    }
    let by = probe_image(arguments, &asked, stop.as_ref()).await?;
    let connection = open(context).await?;
    let (tested, left) = {
        let spinner = Spinner::start(context, "looking at the cluster");
        let began = Instant::now();
        let shown = std::cell::Cell::new(began);
        let in_lines = !context.global.quiet && !std::io::stderr().is_terminal();
        let progress = |progress: Progress| {
            let words = words(&asked, progress);
            if in_lines && shown.get().elapsed() >= LINE_EVERY {
                shown.set(Instant::now());
                complain(&format!("{} s: {words}\n", began.elapsed().as_secs()));
            } else if !in_lines && shown.get().elapsed() >= SHOWN_EVERY {
                shown.set(Instant::now());
                spinner.say(&words);
            }
        };
        match (by, stop) {
            (Some(by), Some(mut stop)) => {
                let stopped = async {
                    let _ = stop.wait_for(|pressed| *pressed > 0).await;
                };
                let probed = Box::pin(route_test_by_prober(&connection, &asked, &by, stopped, &progress)).await?;
                (probed.result, probed.left)
            }
            _ => (route_test(&connection, &asked, &progress).await.map(Some), None),
        }
    };
    if let Some(left) = &left {
        let mut page = Page::new(context.stderr());
        finding_lines(&mut page, left, 0);
        complain(&page.into_text());
    }
    let code = match tested {
        Ok(Some(tested)) => show(context, arguments, &tested),
        Ok(None) => Err(Error::new(
            ErrorKind::Interrupted,
            "interrupted; the helper pod was deleted",
        )),
        Err(error) => Err(error),
    };
    match (code, left) {
        (Ok(_), Some(_)) => Ok(ExitCode::MarkLeft),
        (Err(error), Some(_)) => {
            complain(&errors::render(&error, context.stderr(), context.global.verbose));
            Ok(ExitCode::MarkLeft)
        }
        (code, _) => code,
    }
}

/// Somebody's yes to a helper pod, where one may be made.
async fn probe_image(
    arguments: &RouteTest,
    asked: &Asked,
    stop: Option<&watch::Receiver<u32>>,
) -> Result<Option<ProbeImage>> {
    let (Some(image), Some(stop)) = (&arguments.probe_image, stop) else {
        return Ok(None);
    };
    if !asked.doors.in_cluster {
        return Err(
            Error::usage("--probe-image asks from inside the cluster, which isn't among the entries")
                .hint("add it: --entry lb,shards,in-cluster"),
        );
    }
    let question =
        format!("Make a helper pod of {image} beside a shard, if the shards' own image has neither curl nor wget?");
    let permit = confirm::ask(&question, arguments.yes, stop).await?;
    Ok(Some(ProbeImage {
        image: image.clone(),
        permit,
    }))
}

fn show(context: &Context, arguments: &RouteTest, tested: &Tested) -> Result<ExitCode> {
    print(&render(&tested.outcome, arguments.output, context.stdout())?)?;
    if let Some(path) = &arguments.save {
        save(context, path, tested)?;
    }
    Ok(code(&tested.outcome))
}

fn words(asked: &Asked, progress: Progress) -> String {
    let Progress { done, all } = progress;
    match asked.keys.len() {
        0 => format!("{done} of {all} tries"),
        keys => format!("{done} of {all} requests about {keys} keys"),
    }
}

/// Said on standard error even with --quiet: what follows proves less than it seems to.
/// Says loudly that nobody's certificate is looked at.
pub fn insecure(style: Style) {
    let mut page = Page::new(style);
    let words =
        "--insecure: no certificate is looked at. Whoever answers may be anybody; this proves nothing about TLS.";
    page.line(Tone::Bad, 0, 2, &format!("WARNING: {words}"));
    complain(&page.into_text());
}

fn save(context: &Context, path: &std::path::Path, tested: &Tested) -> Result<()> {
    let mut page = Page::new(context.stderr());
    let Some(owners) = &tested.owners else {
        page.line(
            Tone::Warn,
            0,
            2,
            &format!("nothing was saved to {}: the run doesn't count", path.display()),
        );
        complain(&page.into_text());
        return Ok(());
    };
    let text = owners
        .text()
        .map_err(|why| Error::bug(format!("failed to write the owners as JSON: {why}")))?;
    snapshot_file::write_whole(path, "the owners", &json::escaped(&text))?;
    if !context.global.quiet {
        page.line(
            Tone::Faint,
            0,
            2,
            &format!(
                "the owners of {} keys were saved to {}",
                owners.owners.len(),
                path.display()
            ),
        );
        complain(&page.into_text());
    }
    Ok(())
}

fn render(found: &RouteOutcome, output: RouteTestOutput, style: Style) -> Result<String> {
    match output {
        RouteTestOutput::Text => Ok(route::render(found, style)),
        RouteTestOutput::Json => json::document("RouteTest", found)
            .map_err(|error| Error::bug(format!("failed to write the outcome as JSON: {error}"))),
        RouteTestOutput::Junit => route_junit::render(found)
            .map_err(|why| Error::bug(format!("failed to write the outcome as JUnit XML: {why}"))),
    }
}

fn code(found: &RouteOutcome) -> ExitCode {
    match found.conclusion {
        Conclusion::Healthy => ExitCode::Done,
        Conclusion::Failed => ExitCode::Failed,
        Conclusion::Unknown => ExitCode::Unknown,
    }
}
