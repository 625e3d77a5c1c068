//! `shardctl uncordon`: nodes in, the question, one patch each, an exit code out.

use std::collections::BTreeMap;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::Context;
use super::change::{interrupted, lease};
use super::confirm;
use super::connection::{open, policy};
use super::show::{View, beside, exit_code};
use crate::cli::{DryRun, StatusOutput, Uncordon};
use crate::cluster::connect::Connection;
use crate::error::{Error, Result};
use crate::event::{Event, Fact};
use crate::exit_code::ExitCode;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::operations::uncordon::{Asked, Prepared, execute, prepare};
use crate::plan::uncordon::Stands;

/// Only looks (`--dry-run`).
///
/// # Errors
/// Where nothing could be judged, or the server refuses it.
pub async fn look(context: &Context, arguments: &Uncordon) -> Result<ExitCode> {
    let connection = open(context).await?;
    let prepared = prepare(&connection, &asked(context, arguments)?).await?;
    if arguments.dry_run == Some(DryRun::Server) {
        prepared.try_it(&connection).await?;
    }
    let notes = prepared
        .nodes
        .iter()
        .map(|(name, stands)| would(name, stands))
        .collect();
    let mut outcome = prepared.ends(End::NothingToDo, &BTreeMap::new(), notes, prepared.at);
    "a dry run: nothing was changed".clone_into(&mut outcome.summary);
    ends(context, arguments, &prepared, outcome)
}

/// Runs it.
///
/// # Errors
/// Where nothing was changed: usage, an unreachable cluster, a question answered with no.
pub async fn run(context: &Context, arguments: &Uncordon, mut stop: watch::Receiver<u32>) -> Result<ExitCode> {
    let (connection, prepared) = tokio::select! {
        biased;
        _ = stop.wait_for(|pressed| *pressed > 0) => return Err(interrupted()),
        prepared = async {
            let connection = open(context).await?;
            let prepared = prepare(&connection, &asked(context, arguments)?).await?;
            Ok::<(Connection, Prepared), Error>((connection, prepared))
        } => prepared?,
    };
    if prepared.is_idle() {
        let outcome = prepared.ends(End::NothingToDo, &BTreeMap::new(), Vec::new(), prepared.at);
        return ends(context, arguments, &prepared, outcome);
    }
    let question = format!("Let {} take pods again?", prepared.to_do().join(", "));
    let permit = confirm::ask(&question, arguments.yes, &stop).await?;
    if *stop.borrow() > 0 {
        return Err(interrupted());
    }
    let (_, questions) = unbounded_channel();
    let view = View::without_timers(context, as_json(arguments));
    let time = connection.api().server_time().clone();
    beside(view, &time, questions, async |events| {
        execute(&connection, &prepared, &permit, &events, &stop).await
    })
    .await
}

fn asked(context: &Context, arguments: &Uncordon) -> Result<Asked> {
    Ok(Asked {
        nodes: arguments.nodes.clone(),
        selector: arguments.selector.clone(),
        judging: policy(context, &[])?,
        lease: lease(&arguments.lease_duration)?,
    })
}

/// What a run would do to a node.
fn would(name: &str, stands: &Stands) -> Finding {
    let words = match stands {
        Stands::Open => "already uncordoned".to_owned(),
        Stands::Cordoned => "would be uncordoned".to_owned(),
        Stands::Marked(mark) => format!(
            "would be uncordoned, and what {} left there put back, if that isn't running any more",
            mark.operation
        ),
        Stands::Unreadable => "would be refused: it has a mark of shardctl's that this version can't follow".to_owned(),
    };
    Finding::new(Severity::Information, format!("node/{name}"), words)
}

fn ends(context: &Context, arguments: &Uncordon, prepared: &Prepared, outcome: Outcome) -> Result<ExitCode> {
    let code = exit_code(outcome.end);
    View::without_timers(context, as_json(arguments)).show(&Event {
        at: prepared.at,
        fact: Fact::Ended(Box::new(outcome)),
    })?;
    Ok(code)
}

fn as_json(arguments: &Uncordon) -> bool {
    arguments.output == StatusOutput::Json
}
