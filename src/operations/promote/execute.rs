//! Writing the stable phase, moving the shards, ending the explore pool: a promotion's own steps, and what it says between them.

use super::{Prepared, class_path, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::operations::bearing::unless_pressed_twice;
use crate::operations::cleanup::only;
use crate::operations::deploy::execute::{back, take_lock, write};
use crate::operations::emit::Emitter;
use crate::operations::identity::who;
use crate::operations::lock::interrupted;
use crate::operations::pools::{self, Means, Retired};
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
    let written = write(connection, &prepared.deploy, &permit, &events, &stop).await;
    back(Some(lock)).await;
    let written = match written {
        Ok(written) => written,
        Err(outcome) => return Ok(*outcome),
    };
    prepared.asked.upgrade.wrote = !written.is_empty();
    let moved = move_the_shards(connection, &prepared, goes_on, (&permit, tasks), &events, &stop).await;
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
    retire(connection, &prepared, &permit, &events, &stop, &mut outcome).await;
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
    upgrade::execute(connection, ready, permit.clone(), tasks, events.clone(), stop.clone()).await
}

/// The explore pool and its class go, once nothing is on its nodes.
async fn retire(
    connection: &Connection,
    prepared: &Prepared,
    permit: &Permit,
    events: &Emitter,
    stop: &Stop,
    outcome: &mut Outcome,
) {
    let Some((_, found)) = &prepared.deploy.there else {
        return;
    };
    let workload = &prepared.asked.deploy.workload;
    let name = prepared.pool.name.clone();
    let means = Means {
        connection,
        permit,
        workload: &workload.name,
        set: found,
        judging: &prepared.asked.deploy.judging,
        events,
        stop,
        patience: prepared.asked.patience,
    };
    let began = connection.api().server_time().now();
    let retired = unless_pressed_twice(events, stop, pools::retire(&means, &name)).await;
    let (end, what, finding) = match retired.unwrap_or(Ok(Retired::Interrupted)) {
        Ok(Retired::Gone) => {
            let left = remove_class(&means, prepared).await;
            (if left.is_some() { End::Halted } else { End::Done }, "is gone", left)
        }
        Ok(Retired::Kept(finding)) => (End::Halted, "stays", Some(finding)),
        Ok(Retired::Late(finding)) => (End::TimedOut, "is deleted, and has nodes left", Some(finding)),
        Ok(Retired::Interrupted) => (End::Interrupted, "may still be there", None),
        Err(failure) => {
            let words = format!("couldn't be looked at or deleted: {}", failure.reason());
            let finding = Finding::new(Severity::Error, format!("nodepool/{name}"), words);
            let end = if failure.is_forbidden() {
                End::Halted
            } else {
                End::Unreachable
            };
            (end, "may still be there", Some(finding))
        }
    };
    let shards = workload.shards;
    outcome.summary = format!("{shards} shards are on {}, and nodepool/{name} {what}", workload.size);
    let now = connection.api().server_time().now();
    outcome.seconds += now.duration_since(began).as_secs_f64().max(0.0);
    outcome.findings.extend(finding);
    ends_as(outcome, end);
    outcome.how_to_resume = vec![if end == End::Done {
        "nothing to resume".to_owned()
    } else {
        format!("$ {}", prepared.asked.deploy.again)
    }];
}

fn ends_as(outcome: &mut Outcome, end: End) {
    outcome.end = end;
    outcome.exit_code = end.exit_code();
}

/// Deletes the node class that was the pool's alone; why it stays.
async fn remove_class(means: &Means<'_>, prepared: &Prepared) -> Option<Finding> {
    let class = prepared.class.as_ref()?;
    let object = format!("aksnodeclass/{}", class.name);
    let path = class_path(&class.name);
    match delete(means.connection.api(), means.permit, &path, &only(&class.uid)).await {
        Ok(_) => {
            means.events.emit(Fact::Changed {
                object,
                what: "deleted".to_owned(),
            });
            None
        }
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => {
            let words = format!("couldn't be deleted: {}", failure.reason());
            Some(Finding::new(Severity::Error, object, words))
        }
    }
}
