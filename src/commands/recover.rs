//! `shardctl recover`: arguments in, what was found, the question, the undoing with its view, an exit code out.

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::Context;
use super::again::base;
use super::change::{interrupted, lease};
use super::confirm;
use super::connection::{open, policy};
use super::output::{complain, print};
use super::progress::Spinner;
use super::show::{View, beside, exit_code};
use crate::cli::{DryRun, Recover, StatusOutput};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::exit_code::ExitCode;
use crate::model::set;
use crate::operations::recover::{Asked, Prepared, execute, prepare};
use crate::plan::recover::Again;
use crate::report::json;
use crate::report::recover_page::{PutBack, RecoverPage, Whose, render};

/// Only looks (`--dry-run`).
///
/// # Errors
/// Where nothing could be judged.
pub async fn look(context: &Context, arguments: &Recover) -> Result<ExitCode> {
    let connection = open(context).await?;
    let prepared = read(context, &connection, arguments).await?;
    if prepared.is_idle() {
        return ends_idle(context, arguments, &prepared);
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
            let prepared = read(context, &connection, arguments).await?;
            Ok::<_, Error>((connection, prepared))
        } => prepared?,
    };
    if prepared.is_idle() {
        return ends_idle(context, arguments, &prepared);
    }
    if !as_json(arguments) && !context.global.quiet {
        complain(&render(&page(&prepared), context.stderr()));
    }
    let question = format!(
        "Undo this on statefulset/{} in namespace/{} and its nodes?",
        set::name(&prepared.set),
        connection.namespace()
    );
    let permit = confirm::ask(&question, arguments.yes).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (_, questions) = unbounded_channel();
    let view = View::without_timers(context, as_json(arguments));
    let time = connection.api().server_time().clone();
    beside(view, &time, questions, |events| {
        execute(&connection, prepared, permit, events, stop)
    })
    .await
}

fn as_json(arguments: &Recover) -> bool {
    arguments.output == StatusOutput::Json
}

async fn read(context: &Context, connection: &Connection, arguments: &Recover) -> Result<Prepared> {
    let _spinner = (!as_json(arguments)).then(|| Spinner::start(context, "looking for what was left"));
    let base = base(context);
    let expired = if arguments.expired { " --expired" } else { "" };
    let asked = Asked {
        statefulset: context.settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        expired: arguments.expired,
        again: Again {
            same: format!("{base} recover{expired}"),
            upgrade: format!("{base} upgrade"),
            undo: format!("{base} upgrade undo"),
        },
        lease: lease(&arguments.lease_duration)?,
    };
    prepare(connection, asked, None).await
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
            found.goal()
        ),
        put_back: put_back.collect(),
        delete: delete.collect(),
        lock,
        stuck: found.stuck.clone(),
        left_alone,
        unknown: found.unknown.clone(),
    }
}
