//! `shardctl packing-summary`: what runs on which node, what it costs, which machines would be better.

mod assumed;
mod catalogue;
mod page;
mod pools;
mod refresh;
mod usage;
mod watch;
mod wish;

use std::path::Path;

use catalogue::Chosen;
use refresh::Kept;

use super::again::of_packing;
use super::connection::{open, policy};
use super::output::print;
use super::progress::Spinner;
use super::{Context, snapshot_file};
use crate::cli::{PackingOutput, PackingSummary, PackingTable, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::exit_code::ExitCode;
use crate::model::read::Skip;
use crate::model::snapshot::Snapshot;
use crate::operations::observe::weigh;
use crate::plan::packing::present::region;
use crate::plan::packing::summary::{NoAnswer, Summary, Wish, summary};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;
use crate::report::json;
use crate::report::packing::{PackingPage, csv, text};
use crate::report::style::Style;

/// Runs it.
///
/// # Errors
/// Where there is no answer: usage, a file that can't be followed, an unreachable cluster, no set.
pub async fn run(context: &Context, arguments: &PackingSummary) -> Result<ExitCode> {
    if arguments.table.is_some() && arguments.output != PackingOutput::Csv {
        return Err(Error::usage("--table is for -o csv: the other forms have all tables")
            .hint("$ shardctl packing-summary -o csv --table layouts"));
    }
    let policy = policy(context, &[])?;
    if arguments.watch {
        return watch::run(context, arguments, &policy).await;
    }
    let snapshot = look(context, arguments.from.as_ref().and_then(Source::file)).await?;
    refreshed(context, arguments, &snapshot, &policy).await?;
    let kept = Kept::of(context);
    if let Some(layout) = arguments.pools {
        return pools::write(&snapshot, &policy, arguments, &kept, layout);
    }
    let found = answer(&snapshot, &policy, arguments, &kept, &of_packing(context.arguments()))?;
    print(&render(&found, arguments, context.stdout())?)?;
    // The process ends here: to give back thousands of objects one by one takes longer than to leave them.
    std::mem::forget(snapshot);
    Ok(code(&found))
}

/// One look at the cluster, or into a saved snapshot.
async fn look(context: &Context, from: Option<&Path>) -> Result<Snapshot> {
    if let Some(path) = from {
        return Ok(snapshot_file::read_meant(context, path)?.1);
    }
    let connection = open(context).await?;
    let _spinner = Spinner::start(context, "looking at the cluster");
    weigh(&connection, context.settings.word("statefulset")).await
}

/// Asks for prices anew, where that is wanted.
async fn refreshed(context: &Context, arguments: &PackingSummary, snapshot: &Snapshot, policy: &Policy) -> Result<()> {
    let prices = &arguments.prices;
    if !prices.refresh_prices {
        return Ok(());
    }
    let of_nodes = match &prices.region {
        Some(_) => None,
        None => region(&Seen::of(snapshot, policy)).map_err(|skip| no_answer(skip.into(), snapshot, policy))?,
    };
    refresh::refresh(
        context,
        prices.region.as_deref().or(of_nodes),
        prices.prices_url.as_deref(),
    )
    .await
}

/// The answer of one look; `again` is the command line that asked for it.
fn answer(
    snapshot: &Snapshot,
    policy: &Policy,
    arguments: &PackingSummary,
    kept: &Kept,
    again: &str,
) -> Result<PackingPage> {
    let seen = Seen::of(snapshot, policy);
    let (found, wish, chosen) = reckon(&seen, arguments, kept)?;
    Ok(page::page(&seen, &found, &wish, &chosen, again))
}

/// What the answer is made from.
fn reckon(seen: &Seen<'_>, arguments: &PackingSummary, kept: &Kept) -> Result<(Summary, Wish, Chosen)> {
    let (snapshot, policy) = (seen.snapshot, seen.policy);
    let of_nodes = region(seen).map_err(|skip| no_answer(skip.into(), snapshot, policy))?;
    let chosen = catalogue::catalogue(&arguments.prices, of_nodes, kept)?;
    let wish = wish::wish(arguments, &chosen.catalogue)?;
    let found = summary(seen, &chosen.catalogue, &wish).map_err(|why| no_answer(why, snapshot, policy))?;
    Ok((found, wish, chosen))
}

fn render(page: &PackingPage, arguments: &PackingSummary, style: Style) -> Result<String> {
    Ok(match arguments.output {
        PackingOutput::Text => text::render(page, style, false),
        PackingOutput::Wide => text::render(page, style, true),
        PackingOutput::Csv => match arguments.table.unwrap_or_default() {
            PackingTable::Nodes => csv::nodes(page),
            PackingTable::Sizes => csv::sizes(page),
            PackingTable::Layouts => csv::layouts(page),
        },
        PackingOutput::Json => json::document("PackingSummary", page)
            .map_err(|error| Error::bug(format!("failed to write the packing as JSON: {error}")))?,
    })
}

fn code(page: &PackingPage) -> ExitCode {
    match (page.obstacles.is_empty(), page.unread.is_empty()) {
        (false, _) => ExitCode::Failed,
        (true, false) => ExitCode::Unknown,
        (true, true) => ExitCode::Done,
    }
}

fn no_answer(why: NoAnswer, snapshot: &Snapshot, policy: &Policy) -> Error {
    let namespace = &snapshot.taken.namespace;
    match why {
        NoAnswer::Skip(Skip::Unknown(why)) => {
            Error::new(ErrorKind::Forbidden, format!("failed to look at the packing: {why}"))
                .hint("these rights are enough:")
                .hint(policy.shardctl("rbac --for packing"))
        }
        NoAnswer::Skip(Skip::NotApplicable(why)) if snapshot.set().is_some() => {
            Error::usage(format!("there is no packing to look at: {why}"))
        }
        NoAnswer::Skip(Skip::NotApplicable(_)) => {
            Error::usage(format!("there is no StatefulSet in namespace {namespace}")).hint("name the namespace with -n")
        }
        NoAnswer::Unknown(unknown) => catalogue::no_name(&unknown, " in the catalogue"),
        NoAnswer::Wish(why) => Error::usage(why),
    }
}

#[cfg(test)]
mod tests;
