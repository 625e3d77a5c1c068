//! Writing what isn't as it should be, object by object, and waiting until every shard is Ready.

use std::time::Duration;

use jiff::Timestamp;

use super::{Prepared, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::Lists;
use crate::cluster::lease::{self, Lock};
use crate::cluster::permit::Permit;
use crate::cluster::watch::Watches;
use crate::cluster::write::apply;
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::operations::emit::Emitter;
use crate::operations::identity::who;
use crate::operations::lock::{Taken, give_back, interrupted as stopped, still_ours, take};
use crate::operations::means::{Aimed, Run};
use crate::operations::opening;
use crate::operations::run::{Stop, run};
use crate::operations::tasks::Tasks;
use crate::plan::deploy::coming::Coming;
use crate::plan::deploy::diff::State;
use crate::plan::manifest::names::Names;
use crate::plan::verify::known::Known;

/// Carries it out. Every event goes to `events`, but the end.
///
/// # Errors
/// Where the cluster can't be read; what was written by then stays, and the same again goes on.
pub async fn execute(
    connection: &Connection,
    prepared: Prepared,
    permit: Permit,
    events: Emitter,
    stop: Stop,
) -> Result<Outcome> {
    let now = || connection.api().server_time().now();
    let by = who();
    let (shards, name) = (prepared.asked.workload.shards, Names::of(&prepared.asked.workload).set);
    events.emit(Fact::Started {
        operation: "deploy".to_owned(),
        run: prepared.run.clone(),
        by: by.clone(),
        namespace: prepared.asked.workload.namespace.clone(),
        statefulset: name.clone(),
        goal: prepared.goal(),
        order: (0..shards).map(|ordinal| format!("{name}-{ordinal}")).collect(),
        command: prepared.asked.again.clone(),
    });
    let mut lock = None;
    let mut prepared = prepared;
    if let Some((_, found)) = &prepared.there {
        match take_lock(connection, &prepared, set::uid(found), &permit, &by, &events, &stop).await? {
            Ok(ours) => lock = Some(ours),
            Err((end, summary)) => return Ok(prepared.ends(end, &summary, &[], Vec::new(), now())),
        }
        // Whoever held the lock until now may have changed everything.
        let again = tokio::select! {
            again = prepare(connection, prepared.asked.clone(), Some(prepared.run.clone())) => Some(again),
            () = stopped(&stop, 1) => None,
        };
        prepared = match again {
            Some(Ok(again)) => again,
            None => {
                back(lock).await;
                let summary = "interrupted; nothing was changed";
                return Ok(prepared.ends(End::Interrupted, summary, &[], Vec::new(), now()));
            }
            Some(Err(error)) => {
                back(lock).await;
                return Err(error);
            }
        };
    }
    let (left, allowed) = prepared.refusals();
    for refusal in allowed {
        events.emit(Fact::Allowed { refusal });
    }
    if let Some(first) = left.first() {
        let summary = format!("refused: {}: {}", first.object, first.message);
        left.iter()
            .cloned()
            .for_each(|refusal| events.emit(Fact::Refused { refusal }));
        back(lock).await;
        return Ok(prepared.ends(End::Refused, &summary, &[], Vec::new(), now()));
    }
    let pending = prepared.is_pending();
    let written = match write(connection, &prepared, lock.as_ref(), &permit, &events, &stop).await {
        Ok(written) => written,
        Err(outcome) => {
            back(lock).await;
            return Ok(*outcome);
        }
    };
    // What is written is told, whatever becomes of the rest.
    let cut_off = |error: &Error| {
        let summary = format!("everything is written, and nobody waits for the shards: {error}");
        prepared.ends(End::Unreachable, &summary, &written, Vec::new(), now())
    };
    let read = opening::read(connection, Some(&name), false, &prepared.asked.judging, "to wait for").await;
    let (observed, found) = match read {
        Ok(read) => read,
        Err(error) => {
            back(lock).await;
            return Ok(cut_off(&error));
        }
    };
    let lock = match lock {
        Some(lock) => lock,
        None => match take_lock(connection, &prepared, set::uid(&found), &permit, &by, &events, &stop).await {
            Ok(Ok(lock)) => lock,
            Ok(Err((end, summary))) => return Ok(prepared.ends(end, &summary, &written, Vec::new(), now())),
            Err(error) => return Ok(cut_off(&error)),
        },
    };
    let Some(spec) = found.spec.as_ref() else {
        give_back(lock).await;
        return Err(Error::usage(format!("statefulset/{name} has no selector")));
    };
    let watches = Watches::start(connection, connection.namespace(), &name, &spec.selector, &[]);
    let ready = tokio::select! {
        biased;
        ready = watches.ready() => Some(ready),
        () = stopped(&stop, 1) => None,
    };
    match ready {
        Some(Ok(())) => {}
        Some(Err(failure)) => {
            give_back(lock).await;
            return Ok(cut_off(&failure.into_error("watch the shards", connection.endpoint())));
        }
        None => {
            give_back(lock).await;
            return Ok(prepared.ends(End::Interrupted, "interrupted", &written, Vec::new(), now()));
        }
    }
    let asked = prepared.asked;
    let mut coming = Coming::new(prepared.at, asked.patience, written, pending, asked.again);
    let means = Run {
        connection: connection.clone(),
        permit,
        lock,
        base: watches.beneath(observed.snapshot),
        watches,
        policy: asked.judging,
        known: Known::default(),
        lists: Lists::default(),
        aimed: Aimed {
            template: set::template(&found).cloned().unwrap_or_default(),
            change: None,
            allowed: asked.allowed,
            pull_seconds: 1,
            grace: None,
        },
        set: found,
        name: prepared.run,
        by,
        marks_until: prepared.at,
        tasks: Tasks {
            before: None,
            after: None,
            gate: None,
            ask: None,
            limit: Duration::ZERO,
        },
        events,
    };
    Ok(Box::pin(run(&mut coming, means, stop)).await)
}

/// Takes the lock on the set; the inner error is how the run ends without it.
pub(in crate::operations) async fn take_lock(
    connection: &Connection,
    prepared: &Prepared,
    uid: &str,
    permit: &Permit,
    by: &str,
    events: &Emitter,
    stop: &Stop,
) -> Result<Result<Lock, (End, String)>> {
    let name = Names::of(&prepared.asked.workload).set;
    let wanted = lease::Wanted {
        namespace: connection.namespace(),
        set: &name,
        set_uid: uid,
        holder: by,
        run: &prepared.run,
        duration: prepared.asked.lease,
    };
    Ok(match take(connection, permit, &wanted, events, stop).await? {
        Taken::Ours(lock, _) => Ok(lock),
        Taken::Theirs(holder) => Err((End::Locked, format!("{holder} holds the lock on statefulset/{name}"))),
        Taken::Interrupted => Err((End::Interrupted, "interrupted".to_owned())),
    })
}

pub(in crate::operations) async fn back(lock: Option<Lock>) {
    if let Some(lock) = lock {
        give_back(lock).await;
    }
}

/// Writes what isn't as it should be: the objects that were written, or the end where one couldn't be. The lock is renewed before each;
/// there is none as long as there is no set.
pub(in crate::operations) async fn write(
    connection: &Connection,
    prepared: &Prepared,
    lock: Option<&Lock>,
    permit: &Permit,
    events: &Emitter,
    stop: &Stop,
) -> Result<Vec<String>, Box<Outcome>> {
    let now = || connection.api().server_time().now();
    let set = Names::of(&prepared.asked.workload).set;
    let mut written = Vec::new();
    for object in prepared.objects.iter().filter(|object| object.state.is_due()) {
        let name = object.name();
        if *stop.borrow() > 0 {
            let summary = format!("interrupted before {name} was written");
            return Err(Box::new(prepared.ends(
                End::Interrupted,
                &summary,
                &written,
                Vec::new(),
                now(),
            )));
        }
        let path = object.manifest.path();
        let renew_and_apply = async {
            if let Some(lock) = lock {
                still_ours(lock, &set, events).await?;
            }
            Ok(apply(connection.api(), permit, &path, &object.manifest, object.force).await)
        };
        let applied = tokio::select! {
            applied = renew_and_apply => applied,
            () = stopped(stop, 2) => {
                let summary = format!("interrupted twice: stopped at once; whether {name} was written isn't known");
                return Err(Box::new(prepared.ends(End::Interrupted, &summary, &written, Vec::new(), now())));
            }
        };
        let applied = match applied {
            Ok(applied) => applied,
            Err((end, summary)) => {
                return Err(Box::new(prepared.ends(end, &summary, &written, Vec::new(), now())));
            }
        };
        match applied {
            Ok(_) => {
                let what = match &object.state {
                    State::Created => "made".to_owned(),
                    other => format!("written: {}", other.words()),
                };
                events.emit(Fact::Changed {
                    object: name.clone(),
                    what,
                });
                written.push(name);
            }
            Err(failure) => return Err(Box::new(not_written(prepared, &name, &failure, &written, now()))),
        }
    }
    Ok(written)
}

/// The end where an object couldn't be written, although the server had tried it before.
fn not_written(prepared: &Prepared, name: &str, failure: &Failure, written: &[String], now: Timestamp) -> Outcome {
    let mut finding = Finding::new(
        Severity::Error,
        name,
        format!("couldn't be written: {}", failure.reason()),
    );
    for owned in failure.owned() {
        finding.evidence(format!("{} ({})", owned.field, owned.owner));
    }
    if failure.may_have_been_done() {
        finding.evidence("whether it was written all the same isn't known; the same again finds out");
    }
    let end = match written.is_empty() {
        _ if failure.is_about_the_connection() || failure.may_have_been_done() => End::Unreachable,
        true => End::Refused,
        false => End::Halted,
    };
    prepared.ends(end, &format!("{name} couldn't be written"), written, vec![finding], now)
}
