//! `shardctl upgrade` and `upgrade undo`: arguments in, the question, the operation with its view, an exit code out.

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::change::{Changing, counted, interrupted};
use super::connection::{open, policy};
use super::output::complain;
use super::progress::Spinner;
use super::rehearsal::stage::Actor;
use super::rehearsal::{Play, ends_early};
use super::show::{View, beside};
use super::{Context, again, confirm, early, upgrade_status};
use crate::cli::{DryRun, OnFailure, Rehearse, Roll, Upgrade, UpgradeCommand};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::exit_code::ExitCode;
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::operations::gather;
use crate::operations::tasks::Tasks;
use crate::operations::upgrade::{Asked, Prepared, execute, prepare};
use crate::plan::image::Wanted;
use crate::plan::operation::Planner as _;
use crate::plan::pre_pull::targets;
use crate::plan::safety::rights::rules;
use crate::plan::template;
use crate::plan::upgrade::policy::{self as plan, Goal};
use crate::report::plan_page::{self, PlanPage, Turn};

/// What only looks: `upgrade status`, dry runs and rehearsals.
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Upgrade) -> Result<ExitCode> {
    if let Some(UpgradeCommand::Status(status)) = &arguments.command {
        return upgrade_status::run(context, status).await;
    }
    let parts = Parts::of(arguments)?;
    if arguments.rehearse().rehearse {
        return Box::pin(rehearse(context, arguments.rehearse(), parts)).await;
    }
    let connection = open(context).await?;
    let prepared = read(context, &connection, &parts).await?;
    dry_run(context, &connection, &parts, &prepared).await
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Upgrade, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let parts = Parts::of(arguments)?;
    let as_json = parts.shared.as_json();
    let prepared = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = async {
            let connection = open(context).await?;
            let prepared = read(context, &connection, &parts).await?;
            Ok::<_, Error>((connection, prepared))
        } => prepared?,
    };
    let (connection, prepared) = prepared;
    let early = if prepared.is_idle() {
        Some((End::NothingToDo, nothing_to_do(&prepared)))
    } else {
        early::refused(&prepared.seen(), set::name(&prepared.set), &prepared.refusals().0)
    };
    if let Some((end, summary)) = early {
        return shows_early(context, &prepared, as_json, end, &summary);
    }
    if !as_json && !context.global.quiet {
        complain(&plan_page::render(&page(&prepared), context.stderr()));
    }
    let place = format!(
        "statefulset/{} in namespace/{}",
        set::name(&prepared.set),
        connection.namespace()
    );
    let question = match prepared.order().len() {
        0 => format!("No shard of {place} has to move. Finish what is left to do there?"),
        count => format!("Move {} of {place}, one at a time?", counted(count)),
    };
    let permit = confirm::ask(&question, parts.shared.change.yes, &stop).await?;
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

/// The arguments of `upgrade` or of `upgrade undo`, read.
struct Parts {
    goal: Goal,
    roll: Roll,
    shared: Changing,
}

impl Parts {
    fn of(arguments: &Upgrade) -> Result<Parts> {
        if let Some(UpgradeCommand::Undo(undo)) = &arguments.command {
            return Ok(Parts {
                goal: Goal::Undo {
                    to: undo.to_revision.clone(),
                },
                roll: undo.roll.clone(),
                shared: Changing::of(&undo.pace, &undo.change)?,
            });
        }
        let images = arguments
            .images
            .iter()
            .map(|text| Wanted::parse(text).map_err(|error| Error::usage(format!("--image {text}: {error}"))));
        let goal = if arguments.restart {
            Goal::Restart
        } else if arguments.images.is_empty() {
            Goal::Pending
        } else {
            Goal::Images(images.collect::<Result<_>>()?)
        };
        Ok(Parts {
            goal,
            roll: arguments.roll.clone(),
            shared: Changing::of(&arguments.pace, &arguments.change)?,
        })
    }

    /// How the upgrade is to go.
    fn policy(&self) -> Result<plan::Policy> {
        let (roll, paced) = (&self.roll, self.shared.paced()?);
        Ok(plan::Policy {
            goal: self.goal.clone(),
            only: roll.only.iter().copied().collect(),
            last: paced.last,
            canary: roll.canary.and_then(|count| usize::try_from(count).ok()),
            pause: paced.pause,
            gate: paced.tasks.gate,
            before: paced.tasks.before,
            after: paced.tasks.after,
            deadline: paced.deadline,
            min_ready: paced.min_ready,
            shard_timeout: paced.shard_timeout,
            on_failure: match roll.on_failure {
                OnFailure::Halt => plan::OnFailure::Halt,
                OnFailure::Undo => plan::OnFailure::Undo,
            },
            pre_pull: !roll.no_prepull,
            goes_on: false,
            room: None,
            max_restarts: paced.max_restarts,
            allowed: self.shared.allowed.clone(),
        })
    }
}

async fn read(context: &Context, connection: &Connection, parts: &Parts) -> Result<Prepared> {
    let _spinner = (!parts.shared.as_json()).then(|| Spinner::start(context, "looking at the cluster"));
    prepare(connection, asked(context, parts)?, None).await
}

fn asked(context: &Context, parts: &Parts) -> Result<Asked> {
    Ok(Asked {
        statefulset: context.settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        policy: parts.policy()?,
        again: again::of_upgrade(context, again::without_rehearsing(context.arguments())),
        lease: parts.shared.lease,
        wrote: false,
    })
}

/// Plays it on a copy of the cluster.
async fn rehearse(context: &Context, how: &Rehearse, mut parts: Parts) -> Result<ExitCode> {
    let left_out;
    (parts.shared, left_out) = parts.shared.without_commands();
    let beyond = gather::Asked {
        images: match &parts.goal {
            Goal::Images(images) => images.iter().map(|wanted| wanted.image.clone()).collect(),
            Goal::Restart | Goal::Pending | Goal::Undo { .. } => Vec::new(),
        },
        ..gather::Asked::default()
    };
    let mut play = Play::read(context, how, None, beyond, parts.shared.as_json(), |namespace, set| {
        rules(namespace, Some(set), true)
    })
    .await?;
    let mut asked = asked(context, &parts)?;
    asked.statefulset = play.statefulset();
    play.left_out = left_out;
    if let Some(count) = parts.roll.canary {
        play.left_out
            .push(format!("--canary {count}: the question after it is answered with yes"));
    }
    play.waits = vec![asked.policy.pause, asked.policy.shard_timeout];
    let tasks = parts.shared.rehearsed_tasks();
    play.show(context, move |actor| perform(actor, asked, tasks)).await
}

/// The whole run, with nobody to ask.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn perform(actor: Actor, asked: Asked, tasks: Tasks) -> Result<Outcome> {
    let prepared = prepare(&actor.connection, asked, None).await?;
    let idle = prepared.is_idle().then(|| nothing_to_do(&prepared));
    let left = prepared.refusals().0;
    if let Some((end, summary)) = ends_early(&actor.events, &prepared.seen(), set::name(&prepared.set), idle, left) {
        return Ok(prepared.ends(end, &summary));
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

fn nothing_to_do(prepared: &Prepared) -> String {
    let seen = prepared.seen();
    let revision = crate::plan::replace::observed_revision(&seen).unwrap_or_default();
    let only = &prepared.asked.policy.only;
    let shards = seen.every_shard().unwrap_or_default();
    let wanted = shards
        .iter()
        .filter(|shard| only.is_empty() || only.contains(&shard.ordinal))
        .count();
    let of = if only.is_empty() { "" } else { " of --only" };
    format!("nothing to do: {}{of} Ready on revision {revision}", counted(wanted))
}

/// An end before anything was asked: nothing to do, or refused.
fn shows_early(context: &Context, prepared: &Prepared, as_json: bool, end: End, summary: &str) -> Result<ExitCode> {
    let (left, allowed) = prepared.refusals();
    let found = early::Found {
        at: prepared.at,
        notes: &prepared.found.notes,
        left,
        allowed,
    };
    early::end(context, as_json, found, prepared.ends(end, summary))
}

/// What is about to be done, for people.
fn page(prepared: &Prepared) -> PlanPage {
    let seen = prepared.seen();
    let aim = &prepared.upgrade.aim;
    let order = prepared.order();
    let ordinals: Vec<set::Ordinal> = order
        .iter()
        .filter_map(|name| set::ordinal_of(&prepared.set, name))
        .collect();
    let shards = seen.every_shard().unwrap_or_default();
    let turns = order.iter().map(|name| {
        let found = shards.iter().find(|shard| &shard.name == name);
        let pod = found.and_then(|shard| shard.pod);
        let ordinal = found.map(|shard| shard.ordinal);
        Turn {
            shard: name.clone(),
            node: pod.and_then(crate::model::pod::node).map(str::to_owned),
            why: if !pod.is_some_and(crate::model::pod::is_ready) {
                Some("down already".to_owned())
            } else if ordinal.is_some_and(|ordinal| prepared.asked.policy.last.contains(&ordinal)) {
                Some("--last".to_owned())
            } else {
                None
            },
        }
    });
    let spec = aim.typed.spec.as_ref();
    let nodes = spec
        .filter(|_| prepared.asked.policy.pre_pull)
        .and_then(|spec| targets(&seen, spec, &ordinals).ok())
        .unwrap_or_default();
    let images: Vec<&str> = spec
        .map(|spec| {
            let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
            all.filter_map(|container| container.image.as_deref()).collect()
        })
        .unwrap_or_default();
    let pre_pull = if nodes.nodes.is_empty() {
        Vec::new()
    } else {
        vec![format!("{} onto {}", images.join(", "), nodes.nodes.join(", "))]
    };
    let estimates = prepared
        .upgrade
        .estimate_of_all(&seen)
        .into_iter()
        .map(|(seconds, from)| format!("about {seconds:.0} s a shard ({from})"))
        .collect();
    PlanPage {
        goal: format!("{}: {}", set::name(&prepared.set), aim.what),
        changes: template::diff(&aim.running, &aim.template)
            .into_iter()
            .map(|line| plan_page::Change {
                path: line.path,
                old: line.old,
                new: line.new,
            })
            .collect(),
        order: turns.collect(),
        pre_pull,
        estimates,
        first: String::new(),
        notes: prepared.found.notes.clone(),
    }
}

/// Prints what would be done. With `server`, the API server tries each kind of write as well.
async fn dry_run(context: &Context, connection: &Connection, parts: &Parts, prepared: &Prepared) -> Result<ExitCode> {
    let as_json = parts.shared.as_json();
    if prepared.is_idle() {
        return shows_early(context, prepared, as_json, End::NothingToDo, &nothing_to_do(prepared));
    }
    let (mut left, _) = prepared.refusals();
    let mut notes = Vec::new();
    if parts.shared.change.dry_run == Some(DryRun::Server) {
        let tried = prepared.try_it(connection).await?;
        left.extend(
            tried
                .refusals
                .into_iter()
                .filter(|refusal| !parts.shared.allowed.covers(refusal)),
        );
        notes = tried.notes;
    }
    let mut page = page(prepared);
    page.notes.extend(notes);
    let first = prepared
        .upgrade
        .next_step(&prepared.seen(), crate::plan::operation::Wishes::default(), prepared.at);
    page.first = plan_page::step_words(&first);
    early::dry_run(context, as_json, &page, &left, plan_page::render)
}
