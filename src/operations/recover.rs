//! `recover` from the first read to the end: look for what was left; take the lock, look again; then the loop.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::Value;

use super::emit::Emitter;
use super::identity::{run_name, who};
use super::lock::{Taken, give_back, interrupted, take};
use super::means::{Aimed, Run};
use super::observe::{Wanted, observe};
use super::run::{Stop, run};
use super::tasks::Tasks;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::lease;
use crate::cluster::permit::Permit;
use crate::cluster::watch::Watches;
use crate::cluster::write::{try_delete, try_json_patch};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::read::{Read, Skip};
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::model::step::Step;
use crate::plan::operation::Planner;
use crate::plan::recover::{Again, Found, Recover};
use crate::plan::safety::catalogue::Allowed;
use crate::plan::undo::{mark_text, undo};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// What an early Ctrl-C leaves.
const UNTOUCHED: &str = "interrupted; nothing was changed";

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// Which flags commands repeat.
    pub judging: Policy,
    /// Only what is past its time.
    pub expired: bool,
    /// The command lines that the end names.
    pub again: Again,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
}

/// What was found; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// Everything that was read.
    pub snapshot: Snapshot,
    /// The set.
    pub set: StatefulSet,
    /// The planner.
    pub recover: Recover,
    /// What was left.
    pub found: Found,
    /// When it was read, in the server's time.
    pub at: Timestamp,
}

impl Prepared {
    /// Whether there is nothing to do: such a run writes nothing.
    pub fn is_idle(&self) -> bool {
        self.found.is_nothing(self.asked.expired)
    }

    /// The outcome where there is nothing to do.
    pub fn ends_idle(&self) -> Outcome {
        self.ends(&self.recover.end(&self.found))
    }

    fn ends_with(&self, end: End, summary: String) -> Outcome {
        self.ends(&Step::End {
            end,
            summary,
            findings: Vec::new(),
        })
    }

    fn ends(&self, step: &Step) -> Outcome {
        let seen = Seen {
            snapshot: &self.snapshot,
            policy: &self.asked.judging,
        };
        self.recover.outcome(&seen, step, self.at)
    }

    /// Lets the server try everything, without changing anything: what it refuses, and why.
    ///
    /// # Errors
    /// Where the server gave no answer.
    pub async fn try_it(&self, connection: &Connection) -> Result<Vec<Finding>> {
        let api = connection.api();
        let mut refused = Vec::new();
        for marked in &self.found.marks {
            let tried = async {
                let present: Value = api.get(&marked.path).await?.parse()?;
                match undo(&present) {
                    Some(Ok(undo)) if mark_text(&present) == Some(marked.written.as_str()) => {
                        try_json_patch(api, &marked.path, &undo.patch).await.map(drop)
                    }
                    // Another mark by now, or none: the next look says what there is to do.
                    _ => Ok(()),
                }
            };
            refused.extend(refusal(&marked.object, tried.await, connection)?);
        }
        for helper in &self.found.helpers {
            let path = format!("/api/v1/namespaces/{}/pods/{}", connection.namespace(), helper.name);
            let tried = try_delete(api, &path, &DeleteOptions::default()).await.map(drop);
            refused.extend(refusal(&format!("pod/{}", helper.name), tried, connection)?);
        }
        Ok(refused)
    }
}

/// What a refused try says; an object that is gone or has changed is no refusal.
fn refusal(object: &str, tried: Result<(), Failure>, connection: &Connection) -> Result<Option<Finding>> {
    match tried {
        Ok(()) => Ok(None),
        Err(failure) if failure.is_not_found() || failure.is_conflict() => Ok(None),
        Err(failure @ (Failure::Forbidden(_) | Failure::Server { code: 400..=428, .. })) => Ok(Some(Finding::new(
            Severity::Error,
            object,
            format!("the server would refuse it: {}", failure.reason()),
        ))),
        Err(failure) => Err(failure.into_error(&format!("try to undo {object}"), connection.endpoint())),
    }
}

/// Looks for everything that was left. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read.
pub async fn prepare(connection: &Connection, asked: Asked, run: Option<String>) -> Result<Prepared> {
    let wanted = Wanted {
        statefulset: asked.statefulset.clone(),
        dns: None,
        dns_timeout: Duration::ZERO,
        domain: None,
        logs: false,
        probe_protection: false,
        room: false,
        policy: asked.judging.clone(),
    };
    let snapshot = observe(connection, &wanted).await?.snapshot;
    let Some(set) = snapshot.set().cloned() else {
        return Err(match &snapshot.sets {
            Read::Unreadable(why) => Error::new(ErrorKind::Forbidden, format!("failed to read StatefulSets: {why}")),
            _ => Error::usage(format!(
                "there is no StatefulSet in namespace/{} to recover",
                snapshot.taken.namespace
            ))
            .hint("name another namespace with -n"),
        });
    };
    let at = connection.api().server_time().now();
    let name = run.unwrap_or_else(|| run_name("recover", connection.namespace(), set::name(&set)));
    let recover = Recover::new(asked.expired, name, asked.again.clone(), at);
    let seen = Seen {
        snapshot: &snapshot,
        policy: &asked.judging,
    };
    let found = recover.found(&seen, at).map_err(|skip| match skip {
        Skip::Unknown(why) | Skip::NotApplicable(why) => {
            Error::new(ErrorKind::Forbidden, format!("failed to read the set: {why}"))
        }
    })?;
    Ok(Prepared {
        asked,
        set,
        recover,
        found,
        at,
        snapshot,
    })
}

/// Carries it out: the lock, another look, the loop. Every event goes to `events`, the end last.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn execute(
    connection: &Connection,
    prepared: Prepared,
    permit: Permit,
    events: Emitter,
    stop: Stop,
) -> Result<Outcome> {
    let by = who();
    let name = prepared.recover.run.clone();
    let set_name = set::name(&prepared.set).to_owned();
    events.emit(Fact::Started {
        operation: "recover".to_owned(),
        run: name.clone(),
        by: by.clone(),
        namespace: connection.namespace().to_owned(),
        statefulset: set_name.clone(),
        goal: prepared.found.goal(),
        order: Vec::new(),
    });
    let wanted = lease::Wanted {
        namespace: connection.namespace(),
        set: &set_name,
        set_uid: set::uid(&prepared.set),
        holder: &by,
        run: &name,
        duration: prepared.asked.lease,
    };
    let (lock, taken_over) = match take(connection, &permit, &wanted, &events, &stop).await? {
        Taken::Ours(lock, taken_over) => (lock, taken_over),
        Taken::Theirs(holder) => {
            let summary = format!(
                "{holder} holds the lock on statefulset/{set_name}: that operation is alive and puts its own things back; \
                 nothing was changed"
            );
            return Ok(prepared.ends_with(End::Locked, summary));
        }
        Taken::Interrupted => return Ok(prepared.ends_with(End::Interrupted, UNTOUCHED.to_owned())),
    };
    // Whoever held the lock until now may have put everything back.
    let again = tokio::select! {
        again = prepare(connection, prepared.asked.clone(), Some(name.clone())) => Some(again),
        () = interrupted(&stop, 1) => None,
    };
    let prepared = match again {
        Some(Ok(prepared)) => prepared,
        Some(Err(error)) => {
            give_back(lock).await;
            return Err(error);
        }
        None => {
            give_back(lock).await;
            return Ok(prepared.ends_with(End::Interrupted, UNTOUCHED.to_owned()));
        }
    };
    let Some(selector) = prepared.set.spec.as_ref().map(|spec| spec.selector.clone()) else {
        give_back(lock).await;
        return Err(Error::usage(format!("statefulset/{set_name} has no selector")));
    };
    let watches = Watches::start(connection, connection.namespace(), &set_name, &selector);
    let ready = tokio::select! {
        ready = watches.ready() => Some(ready),
        () = interrupted(&stop, 1) => None,
    };
    match ready {
        Some(Ok(())) => {}
        Some(Err(failure)) => {
            give_back(lock).await;
            return Err(failure.into_error("watch the shards", connection.endpoint()));
        }
        None => {
            give_back(lock).await;
            return Ok(prepared.ends_with(End::Interrupted, UNTOUCHED.to_owned()));
        }
    }
    let mut recover = prepared.recover;
    recover.taken_over = taken_over;
    let means = Run {
        connection: connection.clone(),
        permit,
        lock,
        watches,
        base: prepared.snapshot,
        policy: prepared.asked.judging,
        aimed: Aimed {
            template: set::template(&prepared.set).cloned().unwrap_or_default(),
            change: None,
            allowed: Allowed::default(),
            pull_seconds: 1,
        },
        set: prepared.set,
        name,
        by,
        // A recovery leaves no marks.
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
    Ok(run(&mut recover, means, stop).await)
}
