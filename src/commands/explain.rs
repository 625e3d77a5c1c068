//! `shardctl explain`: the page of a check or of a refusal, a runbook, or all of them in a line each.

use std::fmt::Write as _;

use super::Context;
use super::output::print;
use super::runbooks::{self, RUNBOOKS};
use crate::cli::{Explain, ExplainOutput};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::model::check::Category;
use crate::nearest::no_such;
use crate::plan::safety::catalogue::{self, REFUSALS};
use crate::plan::verify::{CHECKS, find};
use crate::report::explain::{markdown, refusal_markdown, refusal_text, text};
use crate::report::page::Page;
use crate::report::style::Tone;

/// The word that stands for every refusal.
const REFUSALS_WORD: &str = "refusals";
/// The word that stands for every runbook.
const RUNBOOKS_WORD: &str = "runbooks";

/// Runs it.
///
/// # Errors
/// A usage error for an id that no check, refusal or runbook has, with the nearest.
pub fn run(context: &Context, arguments: &Explain) -> Result<ExitCode> {
    let Some(id) = &arguments.id else {
        print(&match arguments.output {
            ExplainOutput::Text => list(context),
            ExplainOutput::Markdown => book(),
        })?;
        return Ok(ExitCode::Done);
    };
    let id = id.trim();
    let page = if id == REFUSALS_WORD {
        match arguments.output {
            ExplainOutput::Text => list_of_refusals(context),
            ExplainOutput::Markdown => book_of_refusals(),
        }
    } else if id == RUNBOOKS_WORD {
        list_of_runbooks(context)
    } else if let Some(runbook) = runbooks::find(id) {
        runbook.page.to_owned()
    } else if let Some(check) = find(id) {
        match arguments.output {
            ExplainOutput::Text => text(&check.about, context.stdout()),
            ExplainOutput::Markdown => markdown(&check.about),
        }
    } else if let Some(about) = catalogue::find(id) {
        match arguments.output {
            ExplainOutput::Text => refusal_text(about, context.stdout()),
            ExplainOutput::Markdown => refusal_markdown(about),
        }
    } else {
        let checks = CHECKS.iter().map(|check| check.about.id);
        let refusals = REFUSALS.iter().map(|about| about.id);
        let runbooks = RUNBOOKS.iter().map(|runbook| runbook.name);
        let known: Vec<&str> = checks.chain(refusals).chain(runbooks).collect();
        return Err(no_such("check, refusal or runbook", id, &known, "").hint("$ shardctl explain"));
    };
    print(&page)?;
    Ok(ExitCode::Done)
}

fn list(context: &Context) -> String {
    let mut page = Page::new(context.stdout());
    for check in CHECKS {
        let id = format!("{:<8}", check.about.id);
        page.lead(&[(Tone::Heading, id.as_str())], Tone::Plain, 0, 8, check.about.title);
    }
    page.blank();
    let refusals = list_of_refusals(context);
    page.into_text() + &refusals
}

fn list_of_refusals(context: &Context) -> String {
    let mut page = Page::new(context.stdout());
    for about in REFUSALS {
        let id = format!("{:<18}", about.id);
        page.lead(&[(Tone::Heading, id.as_str())], Tone::Plain, 0, 18, about.title);
    }
    page.into_text()
}

fn list_of_runbooks(context: &Context) -> String {
    let mut page = Page::new(context.stdout());
    for runbook in &RUNBOOKS {
        let name = format!("{:<15}", runbook.name);
        page.lead(&[(Tone::Heading, name.as_str())], Tone::Plain, 0, 15, runbook.seen);
    }
    page.into_text()
}

/// The whole of docs/refusals.md.
fn book_of_refusals() -> String {
    let mut text = String::from(
        "# What keeps an operation from going on\n\n\
         Written by `shardctl explain refusals -o markdown`; the same words as `shardctl explain ID`. `--allow ID` overrides a \
         refusal, one at a time. There is none for all, and none for those that guard data.\n",
    );
    for about in REFUSALS {
        let _ = write!(text, "\n{}", refusal_markdown(about));
    }
    text
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
