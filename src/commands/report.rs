//! `shardctl report`: the saved events of a run in, a page out.

use std::io::Read as _;
use std::path::Path;

use super::output::{complain, print};
use super::{Context, whole_file};
use crate::cli::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::report::events;
use crate::report::html::render;

/// Runs it.
///
/// # Errors
/// A file that can't be read, or isn't the whole of one run's events; a page that can't be written.
pub fn run(context: &Context, arguments: &Report) -> Result<ExitCode> {
    let from_stdin = arguments.events == Path::new("-");
    let place = if from_stdin {
        "standard input".to_owned()
    } else {
        arguments.events.display().to_string()
    };
    let text = if from_stdin {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(&arguments.events)
    };
    let text = text.map_err(|error| {
        Error::new(
            ErrorKind::File,
            format!("failed to read the events in {place}: {error}"),
        )
        .because(error)
    })?;
    let told = events::read(&text, &place)?;
    if told.unknown > 0 && !context.global.quiet {
        let lines = if told.unknown == 1 {
            "1 line is"
        } else {
            &format!("{} lines are", told.unknown)
        };
        complain(&format!(
            "{lines} of a kind that this shardctl doesn't know, and left out: a newer one wrote them\n"
        ));
    }
    let page = render(&told.events, None, None);
    match &arguments.out {
        Some(path) => whole_file::write(path, &page).map_err(|error| {
            Error::new(
                ErrorKind::File,
                format!("failed to write the page {}: {error}", path.display()),
            )
            .because(error)
        })?,
        None => print(&page)?,
    }
    Ok(ExitCode::Done)
}
