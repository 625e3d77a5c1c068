//! `shardctl explain`: a check's page, or every check in a line.

use std::fmt::Write as _;

use super::Context;
use super::output::print;
use crate::cli::{Explain, ExplainOutput};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::model::check::Category;
use crate::nearest::no_such;
use crate::plan::verify::{CHECKS, find};
use crate::report::explain::{markdown, text};
use crate::report::page::Page;
use crate::report::style::Tone;

/// Runs it.
///
/// # Errors
/// A usage error for an id that no check has, with the nearest.
pub fn run(context: &Context, arguments: &Explain) -> Result<ExitCode> {
    let Some(id) = &arguments.id else {
        print(&match arguments.output {
            ExplainOutput::Text => list(context),
            ExplainOutput::Markdown => book(),
        })?;
        return Ok(ExitCode::Done);
    };
    let Some(check) = find(id.trim()) else {
        let known: Vec<&str> = CHECKS.iter().map(|check| check.about.id).collect();
        return Err(no_such("check", id, &known, "").hint("$ shardctl explain"));
    };
    print(&match arguments.output {
        ExplainOutput::Text => text(&check.about, context.stdout()),
        ExplainOutput::Markdown => markdown(&check.about),
    })?;
    Ok(ExitCode::Done)
}

fn list(context: &Context) -> String {
    let mut page = Page::new(context.stdout());
    for check in CHECKS {
        let id = format!("{:<8}", check.about.id);
        page.lead(&[(Tone::Heading, id.as_str())], Tone::Plain, 0, 8, check.about.title);
    }
    page.into_text()
}

/// The whole of docs/checks.md.
pub fn book() -> String {
    let mut text = String::from(
        "# The checks of `shardctl verify`\n\n\
         Written by `shardctl explain -o markdown`; the same words as `shardctl explain CHECK-ID`. A check is *unknown*, \
         never green, where something that it reads couldn't be read.\n",
    );
    let mut heading: Option<Category> = None;
    for check in CHECKS {
        if heading != Some(check.about.category) {
            heading = Some(check.about.category);
            let _ = write!(text, "\n## {}\n", check.about.category.title());
        }
        let _ = write!(text, "\n{}", markdown(&check.about));
    }
    text
}
