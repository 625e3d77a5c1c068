//! Writing the stable phase and moving the shards: the first two of a promotion's steps, and what it says between them.

use super::settle::{Means, settle};
use super::{Prepared, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::operations::deploy::execute::{back, take_lock, write};
use crate::operations::emit::Emitter;
use crate::operations::identity::who;
use crate::operations::lock::interrupted;
use crate::operations::run::Stop;
use crate::operations::tasks::Tasks;
use crate::operations::upgrade;
use crate::plan::manifest::names::Names;

/// Carries it out. Every event goes to `events`, but the end.
///
/// # Errors
/// Where the cluster can't be read; what was written by then stays, and the same again goes on.
pub async fn execute(
    connection: &Connection,
    prepared: Prepared,
    permit: Permit,
    tasks: Tasks,
    events: Emitter,
    stop: Stop,
) -> Result<Outcome> {
    let by = who();
    let names = Names::of(&prepared.asked.deploy.workload);
    events.emit(Fact::Started {
        operation: "promote".to_owned(),
        run: prepared.deploy.run.clone(),
        by: by.clone(),
        namespace: prepared.asked.deploy.workload.namespace.clone(),
        statefulset: names.set.clone(),
        goal: prepared.goal(),
        order: prepared.moves.clone(),
        command: prepared.asked.deploy.again.clone(),
    });
    let Some(uid) = prepared
        .deploy
        .there
        .as_ref()
        .map(|(_, found)| set::uid(found).to_owned())
    else {
        return Err(Error::bug("a promotion was begun without a set"));
    };
    let lock = match take_lock(connection, &prepared.deploy, &uid, &permit, &by, &events, &stop).await? {
        Ok(lock) => lock,
        Err((end, summary)) => return Ok(prepared.ends(end, &summary, &[], Vec::new())),
    };
    // Whoever held the lock until now may have changed everything.
    let again = tokio::select! {
        again = prepare(connection, prepared.asked.clone(), Some(prepared.deploy.run.clone())) => Some(again),
        () = interrupted(&stop, 1) => None,
    };
    let mut prepared = match again {
        Some(Ok(again)) => again,
        Some(Err(error)) => {
            back(Some(lock)).await;
            return Err(error);
        }
        None => {
            back(Some(lock)).await;
            return Ok(prepared.ends(End::Interrupted, "interrupted; nothing was changed", &[], Vec::new()));
        }
    };
    let (left, allowed) = prepared.refusals();
    for refusal in allowed {
        events.emit(Fact::Allowed { refusal });
    }
    if let Some(first) = left.first() {
        let summary = format!("refused: {}: {}", first.object, first.message);
        left.iter()
            .cloned()
            .for_each(|refusal| events.emit(Fact::Refused { refusal }));
        back(Some(lock)).await;
        return Ok(prepared.ends(End::Refused, &summary, &[], Vec::new()));
    }
    // A run that finds the template written goes on with one that was cut off.
    let goes_on = !prepared.deploy.is_pending();
    let written = write(connection, &prepared.deploy, Some(&lock), &permit, &events, &stop).await;
    back(Some(lock)).await;
    let written = match written {
        Ok(written) => written,
        Err(outcome) => return Ok(*outcome),
    };
    prepared.asked.upgrade.wrote = !written.is_empty();
    let moved = Box::pin(move_the_shards(
        connection,
        &prepared,
        goes_on,
        (&permit, tasks),
        &events,
        &stop,
    ))
    .await;
    let mut outcome = match moved {
        Ok(outcome) => outcome,
        Err(error) if written.is_empty() => return Err(error),
        Err(error) => {
            let summary = format!("the stable phase is written, and no shard was moved: {error}");
            return Ok(prepared.ends(End::Unreachable, &summary, &written, Vec::new()));
        }
    };
    let touched = !written.is_empty() || !outcome.shards.is_empty();
    outcome.how_to_undo = prepared.how_to_undo(touched);
    if !matches!(outcome.end, End::Done | End::NothingToDo) {
        if !written.is_empty() && outcome.shards.is_empty() {
            outcome.summary = format!("the stable phase is written; {}", outcome.summary);
        }
        if outcome.end == End::Refused && !written.is_empty() {
            // Something was written by this run: it isn't as if nothing had happened.
            ends_as(&mut outcome, End::Halted);
        }
        outcome.how_to_resume = vec![format!("$ {}", prepared.asked.deploy.again)];
        return Ok(outcome);
    }
    let means = Means {
        connection,
        permit: &permit,
        by: &by,
        events: &events,
        stop: &stop,
    };
    Box::pin(settle(&means, &prepared, &mut outcome)).await;
    Ok(outcome)
}

/// The upgrade.
async fn move_the_shards(
    connection: &Connection,
    prepared: &Prepared,
    goes_on: bool,
    (permit, tasks): (&Permit, Tasks),
    events: &Emitter,
    stop: &Stop,
) -> Result<Outcome> {
    let mut asked = prepared.asked.upgrade.clone();
    asked.policy.goes_on = goes_on;
    let ready = upgrade::prepare(connection, asked, None).await?;
    if ready.is_idle() {
        return Ok(ready.ends(End::NothingToDo, "every shard is on the stable phase's nodes"));
    }
    Box::pin(upgrade::execute(
        connection,
        ready,
        permit.clone(),
        tasks,
        events.clone(),
        stop.clone(),
    ))
    .await
}

pub(super) fn ends_as(outcome: &mut Outcome, end: End) {
    outcome.end = end;
    outcome.exit_code = end.exit_code();
}
