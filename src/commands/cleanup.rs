//! `shardctl cleanup`: the workload's names in, what would be deleted, the question (or the namespace typed out), the deletions with
//! their view, an exit code out.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::again::same;
use super::change::{allowed, interrupted, lease, length};
use super::connection::open_in;
use super::deploy::judging;
use super::output::{complain, print};
use super::progress::Spinner;
use super::show::{View, beside};
use super::{Context, confirm, early, render, workload};
use crate::cli::{Cleanup, DryRun, StatusOutput};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::outcome::End;
use crate::operations::cleanup::{Asked, Prepared, execute, prepare};
use crate::plan::cleanup::{Claim, Turn, candidates};
use crate::plan::manifest::names::Names;
use crate::plan::manifest::set::stateful_set;
use crate::report::cleanup_page::{self, CleanupPage};
use crate::report::json;

/// What stands for no limit at all (`--timeout 0`).
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// Only looks (`--dry-run`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Cleanup) -> Result<ExitCode> {
    let asked = asked(context, arguments)?;
    let (_, prepared) = Box::pin(read(context, arguments, asked)).await?;
    let page = page(&prepared);
    print(&if as_json(arguments) {
        json::document("CleanupPlan", &page)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?
    } else {
        cleanup_page::render(&page, context.stdout())
    })?;
    let (left, _) = prepared.refusals();
    if left.is_empty() {
        return Ok(ExitCode::Done);
    }
    complain(&crate::report::refusals::render(&left, context.stderr()));
    Ok(ExitCode::Refused)
}

/// Runs it.
///
/// # Errors
/// Where nothing was deleted: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Cleanup, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let asked = asked(context, arguments)?;
    let (connection, prepared) = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = read(context, arguments, asked) => prepared?,
    };
    let as_json = as_json(arguments);
    let (left, allowed) = prepared.refusals();
    let early = prepared
        .refused(&left)
        .or_else(|| prepared.is_idle().then(|| (End::NothingToDo, prepared.nothing())));
    if let Some((end, summary)) = early {
        let outcome = prepared.ends(end, &summary, &[], prepared.stays(), prepared.at);
        let stays = prepared.stays();
        let found = early::Found {
            at: prepared.at,
            notes: &stays,
            left,
            allowed,
        };
        let is_idle = outcome.end == End::NothingToDo;
        let code = early::end(context, as_json, found, outcome)?;
        if is_idle && !as_json {
            print(&cleanup_page::stays(&stays, context.stdout()))?;
        }
        return Ok(code);
    }
    if !as_json && !context.global.quiet {
        complain(&cleanup_page::render(&page(&prepared), context.stderr()));
    }
    let workload = &prepared.asked.workload;
    let permit = if prepared.asked.data {
        let warning = format!(
            "In {}: {} shards' claims of {} in namespace {} are deleted, and their data with them; no copy is kept.",
            prepared.cluster,
            prepared.claims.len(),
            workload.name,
            workload.namespace
        );
        confirm::ask_for_name(&warning, &workload.namespace, arguments.confirm.as_deref(), &stop).await?
    } else {
        let question = format!(
            "Delete {} of {} in namespace {}? The data stays.",
            super::deploy::objects(prepared.items.len()),
            workload.name,
            workload.namespace
        );
        confirm::ask(&question, arguments.change.yes, &stop).await?
    };
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (_, questions) = unbounded_channel();
    let time = connection.api().server_time().clone();
    Box::pin(beside(
        View::without_timers(context, as_json),
        &time,
        questions,
        |events| execute(&connection, prepared, permit, events, stop),
    ))
    .await
}

fn as_json(arguments: &Cleanup) -> bool {
    arguments.change.output == StatusOutput::Json
}

/// What is asked for; no server is needed to find a mistake in it.
fn asked(context: &Context, arguments: &Cleanup) -> Result<Asked> {
    let workload = workload::workload(context)?;
    let phase = arguments.phase.map(render::phase);
    let patience = length(&arguments.timeout, "--timeout")?;
    Ok(Asked {
        phase,
        data: arguments.data,
        set: stateful_set(&workload, &Names::of(&workload)),
        candidates: candidates(&workload, phase),
        judging: judging(context, &workload)?,
        allowed: allowed(&arguments.change.allow)?,
        patience: if patience.is_zero() {
            NO_LIMIT
        } else {
            Duration::try_from(patience).unwrap_or(NO_LIMIT)
        },
        lease: lease(&arguments.change.lease_duration)?,
        tries: arguments.change.dry_run != Some(DryRun::Client),
        again: same(context.arguments()),
        workload,
    })
}

async fn read(context: &Context, arguments: &Cleanup, asked: Asked) -> Result<(Connection, Prepared)> {
    let connection = open_in(context, Some(&asked.workload.namespace)).await?;
    let _spinner = (!as_json(arguments)).then(|| Spinner::start(context, "looking at the cluster"));
    let prepared = prepare(&connection, asked, None).await?;
    Ok((connection, prepared))
}

/// What is about to be deleted, in its order, for people.
fn page(prepared: &Prepared) -> CleanupPage {
    let of = |before_data: bool| {
        let items = prepared.items.iter();
        let items = items.filter(move |item| (item.turn < Turn::Data) == before_data);
        items.map(|item| item.object.clone())
    };
    let claims = prepared.claims.iter().filter(|_| prepared.asked.data).map(Claim::words);
    CleanupPage {
        goal: prepared.goal(),
        cluster: prepared.cluster.clone(),
        goes: of(true).chain(claims).chain(of(false)).collect(),
        stays: prepared.stays(),
    }
}
