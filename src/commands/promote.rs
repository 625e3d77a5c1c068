//! `shardctl promote`: the workload's parameters in, what would change, the question, the operation with its view, an exit code out.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::again::{base, same, without_rehearsing, words};
use super::change::{Changing, interrupted, length};
use super::connection::open_in;
use super::deploy::{asked_for, page as deploy_page_of};
use super::output::{complain, print};
use super::progress::Spinner;
use super::rehearsal::machines::bought;
use super::rehearsal::stage::Actor;
use super::rehearsal::{About, Play};
use super::show::{View, beside};
use super::{Context, confirm, early, workload};
use crate::cli::{PrewarmWhen, Promote, Rehearse};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::report::Phase;
use crate::operations::promote::{Asked, Prepared, execute, prepare};
use crate::operations::tasks::Tasks;
use crate::operations::{deploy, gather, upgrade};
use crate::plan::deploy::diff::State;
use crate::plan::drain::placeholder::PAUSE;
use crate::plan::manifest::names::Names;
use crate::plan::safety::rights::of_promote;
use crate::plan::upgrade::Again;
use crate::plan::upgrade::policy::{Goal, OnFailure, Policy};
use crate::report::deploy_page::{self, DeployPage};
use crate::report::json;

/// Only looks (`--dry-run`, `--rehearse`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Promote) -> Result<ExitCode> {
    let parts = Parts::of(context, arguments)?;
    if arguments.rehearse.rehearse {
        return Box::pin(rehearse(context, &arguments.rehearse, parts)).await;
    }
    let (_, prepared) = Box::pin(read(context, &parts)).await?;
    let page = page(&prepared);
    print(&if parts.shared.as_json() {
        json::document("DeployPlan", &page)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?
    } else {
        deploy_page::render(&page, context.stdout())
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
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Promote, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let parts = Parts::of(context, arguments)?;
    let (connection, prepared) = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = read(context, &parts) => prepared?,
    };
    let as_json = parts.shared.as_json();
    let (left, allowed) = prepared.refusals();
    if let Some((end, summary)) = ends_early(&prepared) {
        let outcome = prepared.ends(end, &summary, &[], Vec::new());
        let found = early::Found {
            at: prepared.deploy.at,
            notes: &prepared.deploy.notes,
            left,
            allowed,
        };
        return early::end(context, as_json, found, outcome);
    }
    if !as_json && !context.global.quiet {
        complain(&deploy_page::render(&page(&prepared), context.stderr()));
    }
    let permit = confirm::ask(&prepared.question(), parts.shared.change.yes, &stop).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (asks, questions) = unbounded_channel();
    let tasks = parts.shared.tasks(asks, &stop);
    let time = connection.api().server_time().clone();
    Box::pin(beside(View::choose(context, as_json), &time, questions, |events| {
        execute(&connection, prepared, permit, tasks, events, stop)
    }))
    .await
}

/// Plays it on a copy of the cluster.
async fn rehearse(context: &Context, how: &Rehearse, mut parts: Parts) -> Result<ExitCode> {
    let left_out;
    (parts.shared, left_out) = parts.shared.without_commands();
    let workload = &parts.deploy.workload;
    let about = About {
        namespace: workload.namespace.clone(),
        statefulset: Names::of(workload).set,
    };
    let beyond = gather::Asked {
        images: vec![workload.image.clone(), parts.pause_image.clone()],
        ..gather::Asked::default()
    };
    let mut play = Play::read(
        context,
        how,
        Some(about),
        beyond,
        parts.shared.as_json(),
        |namespace, set| of_promote(namespace, Some(set)),
    )
    .await?;
    let asked = parts.asked()?;
    play.bought = bought(play.gathered.snapshot()?, workload, &parts.catalogue);
    play.left_out = left_out;
    play.waits = vec![
        asked.upgrade.policy.pause,
        asked.upgrade.policy.shard_timeout,
        parts.deploy.patience,
    ];
    let tasks = parts.shared.rehearsed_tasks();
    play.show(context, move |actor| perform(actor, asked, tasks)).await
}

/// The whole run, with nobody to ask.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn perform(actor: Actor, asked: Asked, tasks: Tasks) -> Result<Outcome> {
    let prepared = Box::pin(prepare(&actor.connection, asked, None)).await?;
    if let Some((end, summary)) = ends_early(&prepared) {
        for refusal in prepared.refusals().0 {
            actor.events.emit(Fact::Refused { refusal });
        }
        return Ok(prepared.ends(end, &summary, &[], Vec::new()));
    }
    Box::pin(execute(
        &actor.connection,
        prepared,
        actor.permit,
        tasks,
        actor.events,
        actor.stop,
    ))
    .await
}

/// How it ends before anybody is asked, where it does.
fn ends_early(prepared: &Prepared) -> Option<(End, String)> {
    let refused = prepared.deploy.refused(&prepared.refusals().0);
    refused.or_else(|| prepared.is_idle().then(|| (End::NothingToDo, nothing_to_do(prepared))))
}

fn nothing_to_do(prepared: &Prepared) -> String {
    format!(
        "nothing to do: {} shards Ready on the stable phase's nodes, nodepool/{} gone",
        prepared.asked.deploy.workload.shards, prepared.pool.name
    )
}

/// `--expect` says the number of shards a second time: a promotion of another number isn't what is meant.
fn expected(said: Option<i32>, shards: u32) -> Result<()> {
    match said {
        Some(said) if u32::try_from(said) != Ok(shards) => Err(Error::usage(format!(
            "--expect {said}: the workload's parameters have {shards} shards"
        ))
        .hint(format!("say the number that the set has: --shards {said}"))),
        _ => Ok(()),
    }
}

/// The arguments, read; no server is needed to find a mistake in them.
struct Parts {
    shared: Changing,
    deploy: deploy::Asked,
    prewarm: PrewarmWhen,
    pause_image: String,
    catalogue: crate::model::catalogue::Catalogue,
    patience: Duration,
    again: Again,
}

impl Parts {
    fn of(context: &Context, arguments: &Promote) -> Result<Parts> {
        let patience = length(&arguments.timeout, "--timeout")?;
        let mut deploy = asked_for(context, Phase::Stable, &arguments.change, patience)?;
        deploy.moves = true;
        expected(arguments.pace.expect, deploy.workload.shards)?;
        let again = same(without_rehearsing(words()));
        deploy.again.clone_from(&again);
        let base = base(context);
        Ok(Parts {
            shared: Changing::of(&arguments.pace, &arguments.change)?,
            prewarm: arguments.prewarm,
            pause_image: arguments.pause_image.clone().unwrap_or_else(|| PAUSE.to_owned()),
            catalogue: workload::catalogue(context)?,
            patience: Duration::try_from(deploy.patience).unwrap_or(Duration::MAX),
            again: Again {
                same: again.clone(),
                resume: again.clone(),
                after_undo: again,
                undo: format!("{base} upgrade undo"),
                status: format!("{base} upgrade status"),
            },
            deploy,
        })
    }

    /// All that is asked for.
    fn asked(&self) -> Result<Asked> {
        Ok(Asked {
            upgrade: upgrade::Asked {
                statefulset: Some(Names::of(&self.deploy.workload).set),
                judging: self.deploy.judging.clone(),
                policy: self.policy()?,
                again: self.again.clone(),
                lease: self.shared.lease,
                wrote: false,
            },
            deploy: self.deploy.clone(),
            catalogue: self.catalogue.clone(),
            patience: self.patience,
        })
    }

    /// How the shards move.
    fn policy(&self) -> Result<Policy> {
        let paced = self.shared.paced()?;
        let prewarms = self.prewarm != PrewarmWhen::Never;
        Ok(Policy {
            goal: Goal::Pending,
            only: std::collections::BTreeSet::new(),
            last: paced.last,
            canary: None,
            pause: paced.pause,
            gate: paced.tasks.gate,
            before: paced.tasks.before,
            after: paced.tasks.after,
            deadline: paced.deadline,
            min_ready: paced.min_ready,
            shard_timeout: paced.shard_timeout,
            on_failure: OnFailure::Halt,
            // The nodes that fetch an image are those that the placeholders bring.
            pre_pull: !prewarms,
            goes_on: false,
            room: prewarms.then(|| self.pause_image.clone()),
            max_restarts: paced.max_restarts,
            allowed: self.shared.allowed.clone(),
        })
    }
}

async fn read(context: &Context, parts: &Parts) -> Result<(Connection, Prepared)> {
    let connection = open_in(context, Some(&parts.deploy.workload.namespace)).await?;
    let _spinner = (!parts.shared.as_json()).then(|| Spinner::start(context, "looking at the cluster"));
    let asked = parts.asked()?;
    let prepared = Box::pin(prepare(&connection, asked, None)).await?;
    Ok((connection, prepared))
}

/// What is about to be done, for people.
fn page(prepared: &Prepared) -> DeployPage<State> {
    DeployPage {
        goal: prepared.goal(),
        ..deploy_page_of(&prepared.deploy)
    }
}
