//! An operation that ends before anybody was asked: nothing to do, refused, or somebody else is at it; and its dry run.

use jiff::Timestamp;
use serde::Serialize;

use super::Context;
use super::output::{complain, print};
use super::show::{View, exit_code};
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::exit_code::ExitCode;
use crate::model::finding::Finding;
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::plan::verify::residue::running;
use crate::plan::verify::seen::Seen;
use crate::report::plan_page::Planned;
use crate::report::style::Style;
use crate::report::{json, refusals, untrusted};

/// How an operation ends that is refused: what another run is at looks like many things that are wrong; that it runs says all of
/// them. None where nothing refuses.
pub fn refused(seen: &Seen<'_>, set_name: &str, left: &[Refusal]) -> Option<(End, String)> {
    let first = left.first()?;
    Some(match running(seen, set_name) {
        Some(holder) => (
            End::Locked,
            format!("{holder} holds the lock on statefulset/{set_name}; nothing was changed"),
        ),
        None => (End::Refused, format!("refused: {}: {}", first.object, first.message)),
    })
}

/// What was found before the end.
pub struct Found<'a> {
    /// When it was read, in the server's time.
    pub at: Timestamp,
    /// What is worth knowing.
    pub notes: &'a [Finding],
    /// What refuses.
    pub left: Vec<Refusal>,
    /// What would have refused, but for `--allow`.
    pub allowed: Vec<Refusal>,
}

/// Shows the end.
///
/// # Errors
/// Where it can't be written.
pub fn end(context: &Context, as_json: bool, found: Found<'_>, outcome: Outcome) -> Result<ExitCode> {
    let code = exit_code(outcome.end);
    let mut facts: Vec<Fact> = Vec::new();
    if outcome.end == End::Refused {
        let notes = found.notes.iter().cloned();
        facts.extend(notes.map(|finding| Fact::Noted { finding }));
        facts.extend(found.allowed.into_iter().map(|refusal| Fact::Allowed { refusal }));
        let left = found.left.iter().cloned();
        facts.extend(left.map(|refusal| Fact::Refused { refusal }));
    }
    facts.push(Fact::Ended(Box::new(outcome.clone())));
    let events = facts.into_iter().map(|fact| Event { at: found.at, fact });
    if as_json {
        let mut view = View::choose(context, true);
        for event in events {
            view.show(&event)?;
        }
        return Ok(code);
    }
    events.for_each(|event| context.heard.keep(&event));
    if outcome.end == End::Refused {
        complain(&refusals::render(&found.left, context.stderr()));
    } else {
        print(&format!("{}\n", untrusted::visible(&outcome.summary)))?;
    }
    Ok(code)
}

/// Prints what would be done, and what is in the way.
///
/// # Errors
/// Where it can't be written.
pub fn dry_run<P: Serialize>(
    context: &Context,
    as_json: bool,
    plan: &P,
    left: &[Refusal],
    render: impl Fn(&P, Style) -> String,
) -> Result<ExitCode> {
    if as_json {
        let document = Planned { plan, refusals: left };
        let text = json::document("Plan", &document)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?;
        print(&text)?;
    } else {
        print(&render(plan, context.stdout()))?;
        complain(&refusals::render(left, context.stderr()));
    }
    Ok(if left.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Refused
    })
}
