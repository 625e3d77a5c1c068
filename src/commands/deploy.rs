//! `shardctl deploy`: the workload's parameters in, what would change, the question, the writes and the waiting with its view, an exit
//! code out.

use jiff::SignedDuration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::again::{flags, same};
use super::change::{allowed, interrupted, lease, length};
use super::connection::{open_in, policy};
use super::output::{complain, print};
use super::progress::Spinner;
use super::rehearsal::stage::Actor;
use super::show::{View, beside};
use super::{Context, confirm, early, render, workload};
use crate::cli::{Change as Changes, Deploy, DryRun, StatusOutput};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::report::Phase;
use crate::model::workload::Workload;
use crate::operations::deploy::{Asked, Prepared, execute, prepare};
use crate::plan::deploy::diff::{Change, State};
use crate::plan::manifest::manifests;
use crate::plan::manifest::names::Names;
use crate::plan::verify::policy::{Policy, Said};
use crate::report::deploy_page::{self, DeployPage, Object};
use crate::report::json;

/// What stands for no limit at all (`--timeout 0`).
const NO_LIMIT: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Only looks (`--dry-run`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Deploy) -> Result<ExitCode> {
    let asked = asked(context, arguments)?;
    let (_, prepared) = read(context, arguments, asked).await?;
    let page = page(&prepared);
    print(&if as_json(arguments) {
        json::document("DeployPlan", &page)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?
    } else {
        deploy_page::render(&page, context.stdout())
    })?;
    if prepared.refusals().0.is_empty() {
        return Ok(ExitCode::Done);
    }
    complain(&crate::report::refusals::render(
        &prepared.refusals().0,
        context.stderr(),
    ));
    Ok(ExitCode::Refused)
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Deploy, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
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
        .or_else(|| prepared.is_idle().then(|| (End::NothingToDo, nothing_to_do(&prepared))));
    if let Some((end, summary)) = early {
        let outcome = prepared.ends(end, &summary, &[], Vec::new(), prepared.at);
        let found = early::Found {
            at: prepared.at,
            notes: &prepared.notes,
            left,
            allowed,
        };
        return early::end(context, as_json, found, outcome);
    }
    if !as_json && !context.global.quiet {
        complain(&deploy_page::render(&page(&prepared), context.stderr()));
    }
    let question = format!(
        "Write {} of {} in namespace {}?",
        objects(prepared.due()),
        prepared.asked.workload.name,
        prepared.asked.workload.namespace
    );
    let permit = confirm::ask(&question, arguments.change.yes, &stop).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (_, questions) = unbounded_channel();
    let time = connection.api().server_time().clone();
    Box::pin(beside(View::choose(context, as_json), &time, questions, |events| {
        execute(&connection, prepared, permit, events, stop)
    }))
    .await
}

/// The whole run, with nobody to ask.
///
/// # Errors
/// Where the cluster can't be read.
pub async fn perform(actor: Actor, asked: Asked) -> Result<Outcome> {
    let prepared = prepare(&actor.connection, asked, None).await?;
    Box::pin(execute(
        &actor.connection,
        prepared,
        actor.permit,
        actor.events,
        actor.stop,
    ))
    .await
}

/// `1 object`, `2 objects`.
pub fn objects(count: usize) -> String {
    match count {
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    }
}

fn nothing_to_do(prepared: &Prepared) -> String {
    format!(
        "nothing to do: {} are as they should be, {} shards Ready",
        objects(prepared.objects.len()),
        prepared.asked.workload.shards
    )
}

fn as_json(arguments: &Deploy) -> bool {
    arguments.change.output == StatusOutput::Json
}

/// What is asked for; no server is needed to find a mistake in it.
///
/// # Errors
/// A usage error for what can't be followed.
pub fn asked(context: &Context, arguments: &Deploy) -> Result<Asked> {
    let patience = length(&arguments.timeout, "--timeout")?;
    asked_for(context, render::phase(arguments.phase), &arguments.change, patience)
}

/// The same for another command that writes a phase's objects.
///
/// # Errors
/// A usage error for what can't be followed.
pub fn asked_for(context: &Context, phase: Phase, change: &Changes, patience: SignedDuration) -> Result<Asked> {
    let workload = workload::workload(context)?;
    let catalogue = workload::catalogue(context)?;
    let manifests =
        manifests(&workload, phase, &catalogue).map_err(|wrong| workload::refused(&context.settings, wrong))?;
    Ok(Asked {
        phase,
        manifests,
        judging: judging(context, &workload)?,
        allowed: allowed(&change.allow)?,
        patience: if patience.is_zero() { NO_LIMIT } else { patience },
        lease: lease(&change.lease_duration)?,
        tries: change.dry_run != Some(DryRun::Client),
        moves: false,
        again: same(context.arguments()),
        workload,
    })
}

/// How the workload's set is judged, and which flags commands repeat.
///
/// # Errors
/// A usage error of the configuration.
pub fn judging(context: &Context, workload: &Workload) -> Result<Policy> {
    let mut judging = policy(context, &[])?;
    judging.expect = Some(Said {
        value: i32::try_from(workload.shards).unwrap_or(i32::MAX),
        origin: "the workload's parameters".to_owned(),
    });
    // Commands that are named act on this very set, whatever the kubeconfig's namespace is.
    let set = Names::of(workload).set;
    for (flag, value) in [("--namespace", &workload.namespace), ("--statefulset", &set)] {
        if !flags(context).iter().any(|said| said == flag) {
            judging.shardctl_flags.extend([flag.to_owned(), value.clone()]);
        }
    }
    Ok(judging)
}

async fn read(context: &Context, arguments: &Deploy, asked: Asked) -> Result<(Connection, Prepared)> {
    let connection = open_in(context, Some(&asked.workload.namespace)).await?;
    let _spinner = (!as_json(arguments)).then(|| Spinner::start(context, "looking at the cluster"));
    let prepared = prepare(&connection, asked, None).await?;
    Ok((connection, prepared))
}

/// What is about to be done, for people.
pub fn page(prepared: &Prepared) -> DeployPage<State> {
    let object = |object: &crate::operations::deploy::Object| Object {
        object: object.name(),
        words: object.state.words(),
        due: object.state.is_due(),
        fields: match &object.state {
            State::Changed { fields } => fields.iter().map(Change::words).collect(),
            State::Created | State::Same | State::Untried => Vec::new(),
        },
        state: object.state.clone(),
    };
    DeployPage {
        goal: prepared.goal(),
        objects: prepared.objects.iter().map(object).collect(),
        notes: prepared.notes.clone(),
    }
}
