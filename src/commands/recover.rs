//! `shardctl recover`: arguments in, what was found, the question, the undoing with its view, an exit code out.

use jiff::SignedDuration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::Context;
use super::again::base;
use super::change::{interrupted, lease};
use super::confirm;
use super::connection::{open, policy};
use super::output::{complain, print};
use super::progress::Spinner;
use super::rehearsal::Play;
use super::rehearsal::stage::Actor;
use super::show::{View, beside, exit_code};
use crate::cli::{DryRun, Recover, StatusOutput};
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::config::{duration, not_a_duration};
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::exit_code::ExitCode;
use crate::model::outcome::Outcome;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::operations::gather;
use crate::operations::recover::{Asked, Prepared, execute, prepare};
use crate::plan::recover::Again;
use crate::plan::safety::rights::recover_rules;
use crate::plan::surge::claims_in;
use crate::report::json;
use crate::report::recover_page::{PutBack, RecoverPage, Whose, render};
use crate::report::refusals;

/// Only looks (`--dry-run`, `--rehearse`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Recover) -> Result<ExitCode> {
    if arguments.rehearse.rehearse {
        return rehearse(context, arguments).await;
    }
    let connection = open(context).await?;
    let prepared = Box::pin(read(context, &connection, arguments)).await?;
    if prepared.is_idle() {
        return ends_idle(context, arguments, &prepared);
    }
    if let Some(refusals) = prepared.refused() {
        return ends_refused(context, arguments, &prepared, refusals);
    }
    let mut page = page(&prepared);
    if arguments.dry_run == Some(DryRun::Server) {
        page.stuck.extend(prepared.try_it(&connection).await?);
    }
    print(&if as_json(arguments) {
        json::document("RecoverPlan", &page)
            .map_err(|error| Error::bug(format!("failed to write the plan as JSON: {error}")))?
    } else {
        render(&page, context.stdout())
    })?;
    Ok(if !page.stuck.is_empty() {
        ExitCode::MarkLeft
    } else if !page.unknown.is_empty() {
        ExitCode::Unknown
    } else {
        ExitCode::Done
    })
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Recover, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let (connection, prepared) = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = async {
            let connection = open(context).await?;
            let prepared = Box::pin(read(context, &connection, arguments)).await?;
            Ok::<_, Error>((connection, prepared))
        } => prepared?,
    };
    if prepared.is_idle() {
        return ends_idle(context, arguments, &prepared);
    }
    if let Some(refusals) = prepared.refused() {
        return ends_refused(context, arguments, &prepared, refusals);
    }
    if !as_json(arguments) && !context.global.quiet {
        complain(&render(&page(&prepared), context.stderr()));
    }
    let permit = permit(&connection, &prepared, arguments, &stop).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (_, questions) = unbounded_channel();
    let view = View::without_timers(context, as_json(arguments));
    let time = connection.api().server_time().clone();
    Box::pin(beside(view, &time, questions, |events| {
        execute(&connection, prepared, permit, events, stop)
    }))
    .await
}

/// The question. A node is declared off by its name alone.
async fn permit(
    connection: &Connection,
    prepared: &Prepared,
    arguments: &Recover,
    stop: &watch::Receiver<u32>,
) -> Result<Permit> {
    if let Some(Ok(proof)) = &prepared.off {
        let node = &proof.node;
        let question = format!("Its machine must have been seen to be off, or the data of {node}'s disks is lost.");
        return confirm::ask_for_name(&question, node, arguments.confirm.as_deref(), stop).await;
    }
    let question = format!(
        "Undo this on statefulset/{} in namespace/{} and its nodes?",
        set::name(&prepared.set),
        connection.namespace()
    );
    confirm::ask(&question, arguments.yes, stop).await
}

/// The end where the node isn't declared off: nothing was changed.
fn ends_refused(context: &Context, arguments: &Recover, prepared: &Prepared, refusals: &[Refusal]) -> Result<ExitCode> {
    let refused = refusals.iter().cloned().map(|refusal| Fact::Refused { refusal });
    let ended = Fact::Ended(Box::new(prepared.ends_refused(refusals)));
    let events = refused.chain([ended]).map(|fact| Event { at: prepared.at, fact });
    if as_json(arguments) {
        let mut view = View::without_timers(context, true);
        for event in events {
            view.show(&event)?;
        }
    } else {
        events.for_each(|event| context.heard.keep(&event));
        complain(&refusals::render(refusals, context.stderr()));
    }
    Ok(ExitCode::Refused)
}

fn as_json(arguments: &Recover) -> bool {
    arguments.output == StatusOutput::Json
}

async fn read(context: &Context, connection: &Connection, arguments: &Recover) -> Result<Prepared> {
    let _spinner = (!as_json(arguments)).then(|| Spinner::start(context, "looking for what was left"));
    Box::pin(prepare(connection, asked(context, arguments)?, None)).await
}

fn asked(context: &Context, arguments: &Recover) -> Result<Asked> {
    let patience = duration(&arguments.timeout).ok_or_else(|| not_a_duration(&arguments.timeout, "--timeout"))?;
    let base = base(context);
    let off = arguments.node_is_off.as_ref().map_or_else(String::new, |node| {
        let node = shell_word(node);
        format!(" --node-is-off {node} --confirm {node}")
    });
    let expired = if arguments.expired { " --expired" } else { "" };
    Ok(Asked {
        statefulset: context.settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        expired: arguments.expired,
        off: arguments.node_is_off.clone(),
        patience: SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX),
        again: Again {
            same: format!("{base} recover{expired}{off}"),
            upgrade: format!("{base} upgrade"),
            undo: format!("{base} upgrade undo"),
        },
        lease: lease(&arguments.lease_duration)?,
    })
}

/// Plays it on a copy of the cluster.
async fn rehearse(context: &Context, arguments: &Recover) -> Result<ExitCode> {
    let mut asked = asked(context, arguments)?;
    let beyond = gather::Asked {
        node: arguments.node_is_off.clone(),
        ..gather::Asked::default()
    };
    let needed = |namespace: &str, _: &str| recover_rules(namespace);
    let mut play = Play::read(context, &arguments.rehearse, None, beyond, as_json(arguments), needed).await?;
    asked.statefulset = play.statefulset();
    play.waits = vec![asked.patience];
    play.show(context, move |actor| perform(actor, asked)).await
}

/// The whole run, with nobody to ask.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn perform(actor: Actor, asked: Asked) -> Result<Outcome> {
    let prepared = Box::pin(prepare(&actor.connection, asked, None)).await?;
    if prepared.is_idle() {
        return Ok(prepared.ends_idle());
    }
    if let Some(refusals) = prepared.refused() {
        for refusal in refusals.iter().cloned() {
            actor.events.emit(Fact::Refused { refusal });
        }
        return Ok(prepared.ends_refused(refusals));
    }
    Box::pin(execute(
        &actor.connection,
        prepared,
        actor.permit,
        actor.events,
        actor.stop,
    ))
    .await
}

/// The end where there is nothing to do: nothing was written.
fn ends_idle(context: &Context, arguments: &Recover, prepared: &Prepared) -> Result<ExitCode> {
    let outcome = prepared.ends_idle();
    let code = exit_code(outcome.end);
    View::without_timers(context, as_json(arguments)).show(&Event {
        at: prepared.at,
        fact: Fact::Ended(Box::new(outcome)),
    })?;
    Ok(code)
}

/// What is about to be done, for people.
fn page(prepared: &Prepared) -> RecoverPage {
    let found = &prepared.found;
    let put_back = found.marks.iter().map(|marked| {
        let mark = &marked.undo.mark;
        PutBack {
            left: Whose {
                object: marked.object.clone(),
                by: format!(
                    "left by {}, run by {}, {:.0}, meant to last until {:.0}",
                    mark.operation, mark.by, mark.since, mark.until
                ),
            },
            fields: marked.undo.fields.iter().map(|field| field.words()).collect(),
        }
    });
    let claims = found.marks.iter().flat_map(|marked| {
        let mark = &marked.undo.mark;
        claims_in(mark).map(|claim| Whose {
            object: format!("pvc/{claim}"),
            by: format!(
                "what a shard that {} added wrote, where nothing uses it and nobody scaled the set since",
                mark.operation
            ),
        })
    });
    let delete = found.helpers.iter().map(|helper| Whose {
        object: format!("pod/{}", helper.name),
        by: match &helper.run {
            Some(run) => format!("a helper pod ({}) of {run}", helper.kind),
            None => format!("a helper pod ({})", helper.kind),
        },
    });
    let lock = found.lease.as_ref().map(|held| Whose {
        object: format!("lease/{}", crate::cluster::lease::name(set::name(&prepared.set))),
        by: {
            let run = held.run.as_ref().map(|run| format!(" ({run})")).unwrap_or_default();
            let renewed = held
                .renewed
                .map(|at| format!(", last renewed {at:.0} by their clock"))
                .unwrap_or_default();
            format!("held by {}{run}{renewed}", held.holder)
        },
    });
    let mut left_alone = found.alone.clone();
    left_alone.extend(
        found
            .unfinished
            .iter()
            .map(|unfinished| prepared.recover.unfinished(unfinished)),
    );
    RecoverPage {
        goal: format!(
            "{}/{}: {}",
            prepared.snapshot.taken.namespace,
            set::name(&prepared.set),
            prepared.goal()
        ),
        put_back: put_back.collect(),
        delete: delete.chain(claims).collect(),
        off: prepared.off.as_ref().and_then(|off| off.as_ref().ok()).cloned(),
        lock,
        stuck: {
            let kept = found.kept.iter().map(|kept| kept.finding.clone());
            found.stuck.iter().cloned().chain(kept).collect()
        },
        left_alone,
        unknown: found.unknown.clone(),
    }
}
