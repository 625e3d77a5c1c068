//! `recover` from the first read to the end: look for what was left; take the lock, look again; then the loop.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::Value;

use super::drain::unclear;
use super::emit::Emitter;
use super::identity::run_name;
use super::look_around::look_around;
use super::means::{Aimed, Run};
use super::opening::{self, Opened, Opening, open};
use super::run::{Stop, run};
use super::tasks::Tasks;
use super::trial::refused;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::Lists;
use crate::cluster::permit::Permit;
use crate::cluster::write::{try_delete, try_json_patch};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::proof::Proof;
use crate::model::read::{Read, Skip};
use crate::model::refusal::Refusal;
use crate::model::snapshot::Snapshot;
use crate::model::step::Step;
use crate::model::{node, set};
use crate::plan::drain::node::chosen;
use crate::plan::operation::Planner;
use crate::plan::recover::node_off;
use crate::plan::recover::{Again, Found, Off, Recover};
use crate::plan::safety::catalogue::Allowed;
use crate::plan::undo::{mark_text, undo};
use crate::plan::verify::known::Known;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// Which flags commands repeat.
    pub judging: Policy,
    /// Only what is past its time.
    pub expired: bool,
    /// The node whose machine is said to be off.
    pub off: Option<String>,
    /// How long to wait for what takes its time.
    pub patience: SignedDuration,
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
    /// What is to be believed of the node that is said to be off, or why it isn't.
    pub off: Option<Result<Proof, Vec<Refusal>>>,
    /// When it was read, in the server's time.
    pub at: Timestamp,
}

impl Prepared {
    /// What was asked, by which run; all that was read for it is given back, which is as much as will be read again.
    fn given_back(self) -> (Asked, String) {
        (self.asked, self.recover.run)
    }

    /// Whether there is nothing to do: such a run writes nothing.
    pub fn is_idle(&self) -> bool {
        self.off.is_none() && self.found.is_nothing(self.asked.expired)
    }

    /// What is to be done, a clause.
    pub fn goal(&self) -> String {
        let off = self.asked.off.as_ref();
        match off.map(|node| format!("declare node {node} off, and have its shards moved")) {
            None => self.found.goal(),
            Some(off) if self.found.is_nothing(false) => off,
            Some(off) => format!("{}, then {off}", self.found.goal()),
        }
    }

    /// Why the node isn't declared off, where it isn't.
    pub fn refused(&self) -> Option<&[Refusal]> {
        self.off.as_ref()?.as_ref().err().map(Vec::as_slice)
    }

    /// The outcome where it isn't.
    pub fn ends_refused(&self, refusals: &[Refusal]) -> Outcome {
        self.ends(End::Refused, &refusal_words(refusals))
    }

    /// The outcome where there is nothing to do.
    pub fn ends_idle(&self) -> Outcome {
        self.ended(&self.recover.end(&self.found))
    }

    fn ended(&self, step: &Step) -> Outcome {
        let seen = Seen::of(&self.snapshot, &self.asked.judging);
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

impl Opening for Prepared {
    const OPERATION: &'static str = "recover";

    fn run(&self) -> &str {
        &self.recover.run
    }

    fn set(&self) -> &StatefulSet {
        &self.set
    }

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn goal(&self) -> String {
        Prepared::goal(self)
    }

    fn order(&self) -> Vec<String> {
        Vec::new()
    }

    fn command(&self) -> &str {
        &self.asked.again.same
    }

    fn lease(&self) -> Duration {
        self.asked.lease
    }

    async fn again(self, connection: &Connection) -> Result<Self> {
        let (asked, run) = self.given_back();
        Box::pin(prepare(connection, asked, Some(run))).await
    }

    /// Whatever is left to do, the loop finds, and says what it left. A node may have answered meanwhile.
    fn say(&self, events: &Emitter) -> Option<(End, String)> {
        let refusals = self.refused()?;
        for refusal in refusals.iter().cloned() {
            events.emit(Fact::Refused { refusal });
        }
        Some((End::Refused, refusal_words(refusals)))
    }

    fn untouched(&self) -> &'static str {
        "interrupted; nothing was changed"
    }

    fn locked(&self) -> &'static str {
        ": that operation is alive and puts its own things back; nothing was changed"
    }

    fn ends(&self, end: End, summary: &str) -> Outcome {
        self.ended(&Step::End {
            end,
            summary: summary.to_owned(),
            findings: Vec::new(),
        })
    }
}

/// What a refused try says.
fn refusal(object: &str, tried: Result<(), Failure>, connection: &Connection) -> Result<Option<Finding>> {
    let said = refused(tried)
        .map_err(|failure| failure.into_error(&format!("try to undo {object}"), connection.endpoint()))?;
    Ok(said.map(|why| Finding::new(Severity::Error, object, format!("the server would refuse it: {why}"))))
}

/// Looks for everything that was left. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read.
pub async fn prepare(connection: &Connection, asked: Asked, run: Option<String>) -> Result<Prepared> {
    let (observed, set) = opening::read(
        connection,
        asked.statefulset.as_deref(),
        false,
        &asked.judging,
        "to recover",
    )
    .await?;
    let mut snapshot = observed.snapshot;
    let at = connection.api().server_time().now();
    let name = run.unwrap_or_else(|| run_name("recover", connection.namespace(), set::name(&set)));
    let mut recover = Recover::new(asked.expired, name, asked.again.clone(), at);
    recover.patience = asked.patience;
    let off = match &asked.off {
        Some(node) => Some(proof(connection, &snapshot, &asked, node, at).await?),
        None => None,
    };
    if let Some(Ok(proof)) = &off {
        recover.off = Some(Off {
            node: proof.node.clone(),
            shards: proof.shards.clone(),
            declared: proof.declared,
        });
    } else if node_off::is_any_declared(&snapshot) {
        // Whether what it frees is gone is seen in the pods of every namespace.
        snapshot = look_around(connection, &snapshot).await;
    }
    let seen = Seen::of(&snapshot, &asked.judging);
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
        off,
        at,
        snapshot,
    })
}

/// The refusals as the end of a run says them.
fn refusal_words(refusals: &[Refusal]) -> String {
    let words: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    format!("nothing was changed: {}", words.join("; "))
}

/// What is to be believed of a node that is said to be off, or why it isn't.
///
/// # Errors
/// Where there is no such node, or nodes can't be read.
async fn proof(
    connection: &Connection,
    snapshot: &Snapshot,
    asked: &Asked,
    name: &str,
    at: Timestamp,
) -> Result<Result<Proof, Vec<Refusal>>> {
    let seen = Seen::of(snapshot, &asked.judging);
    let place = match chosen(&seen, &[name.to_owned()], None) {
        Ok(nodes) => nodes.first().copied(),
        Err(which) => return Err(unclear(&asked.judging, which)),
    };
    let Some(place) = place else {
        return Err(Error::bug("no node was chosen, and no reason was given"));
    };
    let renewed = renewed(connection, node::name(place)).await;
    Ok(node_off::judge(&seen, place, &renewed, at))
}

/// When a node's kubelet renewed its Lease last.
async fn renewed(connection: &Connection, name: &str) -> Read<Timestamp> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
    let lease: Result<Lease, Failure> = match connection.api().get(&path).await {
        Ok(answer) => answer.parse(),
        Err(failure) => Err(failure),
    };
    match lease {
        Ok(lease) => match lease.spec.and_then(|spec| spec.renew_time) {
            Some(at) => Read::Got(at.0),
            None => Read::Absent("its Lease was never renewed".to_owned()),
        },
        Err(failure) if failure.is_not_found() => Read::Absent("it has no Lease".to_owned()),
        Err(failure) => Read::Unreadable(failure.reason()),
    }
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
    let open = match Box::pin(open(connection, prepared, &permit, &events, &stop)).await? {
        Opened::Open(open) => *open,
        Opened::Over(outcome) => return Ok(outcome),
    };
    let prepared = open.prepared;
    let mut recover = prepared.recover;
    recover.taken_over = open.taken_over;
    let means = Run {
        connection: connection.clone(),
        permit,
        lock: open.lock,
        base: open.watches.beneath(prepared.snapshot),
        watches: open.watches,
        policy: prepared.asked.judging,
        known: Known::default(),
        lists: Lists::default(),
        aimed: Aimed {
            template: set::template(&prepared.set).cloned().unwrap_or_default(),
            change: None,
            grace: None,
            allowed: Allowed::default(),
            pull_seconds: 1,
        },
        set: prepared.set,
        name: recover.run.clone(),
        by: open.by,
        // A node that is declared off is one as long as this run waits for what comes of it.
        marks_until: prepared.at.checked_add(prepared.asked.patience).unwrap_or(prepared.at),
        tasks: Tasks {
            before: None,
            after: None,
            gate: None,
            ask: None,
            limit: Duration::ZERO,
        },
        events,
    };
    Ok(Box::pin(run(&mut recover, means, stop)).await)
}
