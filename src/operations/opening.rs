//! How every operation opens: it says what it is about, takes the lock, reads and judges once more, and begins to watch.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;

use super::emit::Emitter;
use super::identity::who;
use super::lock::{Taken, give_back, interrupted, take};
use super::observe::{Observed, Wanted, observe};
use super::run::Stop;
use crate::cluster::connect::Connection;
use crate::cluster::lease::{self, Lock};
use crate::cluster::permit::Permit;
use crate::cluster::watch::Watches;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Fact;
use crate::model::outcome::{End, Outcome};
use crate::model::read::Read;
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::safety::preflight::Preflight;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// An operation that was read and judged; nothing was changed yet.
pub(super) trait Opening: Sized {
    /// `upgrade`, `drain` …
    const OPERATION: &'static str;

    /// The run.
    fn run(&self) -> &str;

    /// The set that is locked.
    fn set(&self) -> &StatefulSet;

    /// All that was read.
    fn snapshot(&self) -> &Snapshot;

    /// What it will do.
    fn goal(&self) -> String;

    /// The shards in the order in which they will be taken.
    fn order(&self) -> Vec<String>;

    /// The command line that does the same again.
    fn command(&self) -> &str;

    /// How long the lock outlives a run that was killed.
    fn lease(&self) -> Duration;

    /// Reads and judges once more, as the same run.
    async fn again(self, connection: &Connection) -> Result<Self>;

    /// Says what was found under the lock; how the run ends where it may not go on.
    fn say(&self, events: &Emitter) -> Option<(End, String)>;

    /// How it ends where it is interrupted before its loop.
    fn untouched(&self) -> &'static str;

    /// What the end says where an operation of somebody else's is alive, after who it is.
    fn locked(&self) -> &'static str {
        "; nothing was changed"
    }

    /// The nodes whose pods it watches, whatever they belong to.
    fn nodes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The outcome of a run that ends before its loop.
    fn ends(&self, end: End, summary: &str) -> Outcome;
}

/// What became of the opening.
pub(super) enum Opened<P> {
    /// The loop may begin.
    Open(Box<Open<P>>),
    /// The run is over.
    Over(Outcome),
}

/// An operation whose loop may begin.
pub(super) struct Open<P> {
    /// What was read and judged under the lock.
    pub prepared: P,
    /// The lock.
    pub lock: Lock,
    /// The holder that had let the lock expire, in words, where there was one.
    pub taken_over: Option<String>,
    /// The live views, each of which has had its first list.
    pub watches: Watches,
    /// Who runs it.
    pub by: String,
}

/// Opens an operation.
///
/// # Errors
/// Where the cluster can't be read; the lock was given back then.
pub(super) async fn open<P: Opening>(
    connection: &Connection,
    prepared: P,
    permit: &Permit,
    events: &Emitter,
    stop: &Stop,
) -> Result<Opened<P>> {
    let by = who();
    let set_name = set::name(prepared.set()).to_owned();
    events.emit(Fact::Started {
        operation: P::OPERATION.to_owned(),
        run: prepared.run().to_owned(),
        by: by.clone(),
        namespace: connection.namespace().to_owned(),
        statefulset: set_name.clone(),
        goal: prepared.goal(),
        order: prepared.order(),
        command: prepared.command().to_owned(),
    });
    let wanted = lease::Wanted {
        namespace: connection.namespace(),
        set: &set_name,
        set_uid: set::uid(prepared.set()),
        holder: &by,
        run: prepared.run(),
        duration: prepared.lease(),
    };
    let (lock, taken_over) = match take(connection, permit, &wanted, events, stop).await? {
        Taken::Ours(lock, taken_over) => (lock, taken_over),
        Taken::Theirs(holder) => {
            let summary = format!("{holder} holds the lock on statefulset/{set_name}{}", prepared.locked());
            return Ok(Opened::Over(prepared.ends(End::Locked, &summary)));
        }
        Taken::Interrupted => return Ok(Opened::Over(prepared.ends(End::Interrupted, prepared.untouched()))),
    };
    match under_lock(connection, prepared, events, stop).await {
        Ok(Ok((prepared, watches))) => Ok(Opened::Open(Box::new(Open {
            prepared,
            lock,
            taken_over,
            watches,
            by,
        }))),
        Ok(Err(outcome)) => {
            give_back(lock).await;
            Ok(Opened::Over(outcome))
        }
        Err(error) => {
            give_back(lock).await;
            Err(error)
        }
    }
}

/// What is done once the lock is ours; the inner error is an end that needs no loop.
async fn under_lock<P: Opening>(
    connection: &Connection,
    prepared: P,
    events: &Emitter,
    stop: &Stop,
) -> Result<Result<(P, Watches), Outcome>> {
    // Whoever held the lock until now may have changed everything.
    let untouched = prepared.ends(End::Interrupted, prepared.untouched());
    let again = tokio::select! {
        biased;
        again = prepared.again(connection) => Some(again?),
        () = interrupted(stop, 1) => None,
    };
    let Some(prepared) = again else {
        return Ok(Err(untouched));
    };
    if let Some((end, summary)) = prepared.say(events) {
        return Ok(Err(prepared.ends(end, &summary)));
    }
    let set_name = set::name(prepared.set());
    let Some(spec) = prepared.set().spec.as_ref() else {
        return Err(Error::usage(format!("statefulset/{set_name} has no selector")));
    };
    let nodes = prepared.nodes();
    let known = Some(prepared.snapshot());
    let watches = Watches::start_knowing(
        connection,
        connection.namespace(),
        set_name,
        &spec.selector,
        &nodes,
        known,
    );
    let ready = tokio::select! {
        biased;
        ready = watches.ready() => Some(ready),
        () = interrupted(stop, 1) => None,
    };
    match ready {
        Some(Ok(())) => Ok(Ok((prepared, watches))),
        Some(Err(failure)) => Err(failure.into_error("watch the shards", connection.endpoint())),
        None => Ok(Err(prepared.ends(End::Interrupted, prepared.untouched()))),
    }
}

/// Reads everything about the one set that an operation is about; `purpose` is what can't be done where there is none.
///
/// # Errors
/// Where the cluster can't be read, or has no such set.
pub(super) async fn read(
    connection: &Connection,
    statefulset: Option<&str>,
    room: bool,
    judging: &Policy,
    purpose: &str,
) -> Result<(Observed, StatefulSet)> {
    let wanted = Wanted {
        statefulset: statefulset.map(str::to_owned),
        dns: None,
        dns_timeout: Duration::ZERO,
        domain: None,
        logs: false,
        probe_protection: false,
        room,
        usage: false,
        policy: judging.clone(),
    };
    let observed = observe(connection, &wanted).await?;
    let snapshot = &observed.snapshot;
    if let Some(set) = snapshot.set().cloned() {
        return Ok((observed, set));
    }
    Err(match &snapshot.sets {
        Read::Unreadable(why) => Error::new(ErrorKind::Forbidden, format!("failed to read StatefulSets: {why}")),
        _ => Error::usage(format!(
            "there is no StatefulSet in namespace/{} {purpose}",
            snapshot.taken.namespace
        ))
        .hint("name another namespace with -n"),
    })
}

/// A flag that takes the numbers of shards names shards that exist.
///
/// # Errors
/// A usage error for one that doesn't.
pub(super) fn check_ordinals(seen: &Seen<'_>, flag: &str, asked: &BTreeSet<Ordinal>) -> Result<()> {
    let known: Vec<Ordinal> = seen
        .every_shard()
        .unwrap_or_default()
        .iter()
        .map(|shard| shard.ordinal)
        .collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return Ok(());
    };
    let Some(wrong) = asked.iter().find(|ordinal| !known.contains(ordinal)) else {
        return Ok(());
    };
    let hint = if first == last {
        format!("the only shard is {first}")
    } else {
        format!("the shards are {first} to {last}")
    };
    Err(Error::usage(format!("there is no shard {wrong} ({flag})")).hint(hint))
}

/// The refusals that `--allow` doesn't cover, and those that it does.
pub(super) fn refusals(found: &Preflight, allowed: &Allowed) -> (Vec<Refusal>, Vec<Refusal>) {
    let (allowed, left) = found
        .refusals
        .iter()
        .cloned()
        .partition(|refusal| allowed.covers(refusal));
    (left, allowed)
}

/// Emits what preflight found; how the run ends where it may not go on.
pub(super) fn say(found: &Preflight, allowed: &Allowed, events: &Emitter) -> Option<(End, String)> {
    for finding in &found.notes {
        events.emit(Fact::Noted {
            finding: finding.clone(),
        });
    }
    let (left, allowed) = refusals(found, allowed);
    for refusal in allowed {
        events.emit(Fact::Allowed { refusal });
    }
    let first = left
        .first()
        .map(|refusal| format!("refused: {}: {}", refusal.object, refusal.message));
    for refusal in left {
        events.emit(Fact::Refused { refusal });
    }
    first.map(|first| (End::Refused, first))
}
