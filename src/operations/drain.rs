//! `drain` from the first read to the end: read, aim, judge; take the lock, judge again; then the loop.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::emit::Emitter;
use super::identity::run_name;
use super::look_around::look_around;
use super::means::{Aimed, Run};
use super::opening::{self, Opened, Opening, open};
use super::run::{Stop, run};
use super::tasks::Tasks;
use crate::cluster::connect::Connection;
use crate::cluster::fresh::Lists;
use crate::cluster::permit::Permit;
use crate::cluster::rights;
use crate::error::{Error, ErrorKind, Result};
use crate::model::outcome::{End, Outcome};
use crate::model::read::Skip;
use crate::model::refusal::Refusal;
use crate::model::right::Rule;
use crate::model::snapshot::Snapshot;
use crate::model::step::Step;
use crate::model::{node, pod, set};
use crate::nearest::no_such;
use crate::plan::drain::homes::Move;
use crate::plan::drain::images::lacks;
use crate::plan::drain::node::{Unclear, chosen, order, resumes};
use crate::plan::drain::policy::Policy;
use crate::plan::drain::preflight::{self, Found, preflight};
use crate::plan::drain::run::{Again, Aim, Drain};
use crate::plan::operation::{Planner, Sight};
use crate::plan::safety::rights::{DrainRights, of_drain};
use crate::plan::verify::known::Known;
use crate::plan::verify::policy::Policy as Judging;
use crate::plan::verify::seen::Seen;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The set whose shards are on the nodes; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// How many shards there should be, and which flags commands repeat.
    pub judging: Judging,
    /// How the drain is to go.
    pub policy: Policy,
    /// The command lines that the end names.
    pub again: Again,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
}

/// A drain that is ready to begin, or refused; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// Everything that was read.
    pub snapshot: Snapshot,
    /// The set.
    pub set: StatefulSet,
    /// The planner, with what it aims at.
    pub drain: Drain,
    /// What is in the way, worth knowing, on the nodes, and where shards go.
    pub found: Found,
    /// When it was read, in the server's time.
    pub at: Timestamp,
}

impl Prepared {
    /// What was asked, by which run; all that was read for it is given back, which is as much as will be read again.
    fn given_back(self) -> (Asked, String) {
        (self.asked, self.drain.run)
    }

    /// The snapshot with how it is judged.
    pub fn seen(&self) -> Seen<'_> {
        Seen::of(&self.snapshot, &self.asked.judging)
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.drain.is_idle(&self.seen())
    }

    /// The refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        opening::refusals(&self.found.preflight, &self.asked.policy.allowed)
    }

    /// The shards in the order in which they will move.
    pub fn order(&self) -> Vec<String> {
        self.drain.order(&self.seen(), self.at)
    }

    /// What it will do, a clause: `empty node/node-3 and node/node-7, 3 shards by relax`.
    pub fn goal(&self) -> String {
        let nodes: Vec<String> = self.drain.aim.order.iter().map(|name| format!("node/{name}")).collect();
        let which = match nodes.as_slice() {
            [only] => only.clone(),
            [first, second] => format!("{first} and {second}"),
            many => format!("{} nodes", many.len()),
        };
        let strategy = self.asked.policy.strategy.word();
        match self.order().len() {
            0 => format!("empty {which}, where no shard is"),
            1 => format!("empty {which}, 1 shard by {strategy}"),
            count => format!("empty {which}, {count} shards by {strategy}"),
        }
    }

    /// The outcome of a run that ends before its loop.
    pub fn ends(&self, end: End, summary: &str) -> Outcome {
        let step = Step::End {
            end,
            summary: summary.to_owned(),
            findings: Vec::new(),
        };
        self.drain.outcome(&self.seen(), &step, self.at)
    }
}

impl Opening for Prepared {
    const OPERATION: &'static str = "drain";

    fn run(&self) -> &str {
        &self.drain.run
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
        Prepared::order(self)
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

    fn say(&self, events: &Emitter) -> Option<(End, String)> {
        let refused = opening::say(&self.found.preflight, &self.asked.policy.allowed, events);
        refused.or_else(|| self.is_idle().then(|| (End::NothingToDo, "nothing to do".to_owned())))
    }

    fn nodes(&self) -> Vec<String> {
        self.drain.aim.order.clone()
    }

    fn untouched(&self) -> &'static str {
        "interrupted; no node, shard or budget was touched"
    }

    fn ends(&self, end: End, summary: &str) -> Outcome {
        Prepared::ends(self, end, summary)
    }
}

/// Reads everything and judges whether the drain may begin. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read, or there is no such node.
pub async fn prepare(connection: &Connection, mut asked: Asked, run: Option<String>) -> Result<Prepared> {
    let purpose = "whose shards a drain would mind";
    let (observed, set) =
        opening::read(connection, asked.statefulset.as_deref(), false, &asked.judging, purpose).await?;
    let snapshot = look_around(connection, &observed.snapshot).await;
    let at = connection.api().server_time().now();
    asked.policy.pin(at);
    let (namespace, name) = (connection.namespace(), set::name(&set));
    let run = run.unwrap_or_else(|| run_name("drain", namespace, name));
    let seen = Seen::of(&snapshot, &asked.judging);
    let policy = &asked.policy;
    let nodes = chosen(&seen, &policy.nodes, policy.selector.as_deref()).map_err(|which| {
        let error = unclear(&asked.judging, which);
        if !resumes(&seen, &run) {
            return error;
        }
        // A node that was given back is gone, and who gave it back may have been cut off before the rest was put back.
        error
            .hint("an earlier drain of this set was cut off and has left its marks; to put back what it changed:")
            .hint(asked.judging.shardctl("recover"))
    })?;
    let order = order(&seen, nodes).map_err(unread)?;
    let rights = rights::ask(connection.api(), needed(&seen, namespace, name, policy, &order)).await;
    let resumes = resumes(&seen, &run);
    let judged = preflight::Aim {
        order: &order,
        strategy: policy.strategy,
        then: policy.then,
        flags: policy.flags,
        prewarm: policy.prewarm,
        own: policy.own.as_ref(),
        resumes,
        run: &run,
        rights: &rights,
    };
    let mut found = preflight(&seen, &judged, at);
    note_what_is_cold(connection, &set, &mut found.moves).await;
    opening::check_ordinals(&seen, "--last", &policy.last)?;
    let rows = found.nodes.iter().flat_map(|(_, others)| &others.rows);
    let aim = Aim {
        order: order.iter().map(|place| node::name(place).to_owned()).collect(),
        moves: found.moves.clone(),
        needed: rows
            .filter(|row| row.last.is_some())
            .map(|row| row.uid.clone())
            .collect(),
        resumes,
    };
    let mut drain = Drain::new(policy.clone(), aim, name.to_owned(), run, asked.again.clone(), at);
    drain.note(&seen, at, Sight::WithVolumes);
    Ok(Prepared {
        asked,
        set,
        drain,
        found,
        at,
        snapshot,
    })
}

/// Asks the nodes that shards go to which images they have: lists of nodes leave that out, it is most of what a node says. What
/// can't be read isn't known to be missing.
async fn note_what_is_cold(connection: &Connection, set: &StatefulSet, moves: &mut [Move]) {
    let Some(spec) = set::pod_spec(set) else { return };
    let places: BTreeSet<String> = moves
        .iter()
        .filter_map(|one| one.to.node().map(str::to_owned))
        .collect();
    let asked = places.into_iter().map(async |name| {
        let answer = connection.api().get(&format!("/api/v1/nodes/{name}")).await.ok()?;
        lacks(&answer.parse().ok()?, spec).then_some(name)
    });
    let cold: BTreeSet<String> = join_all(asked).await.into_iter().flatten().collect();
    for one in moves {
        one.is_cold = one.to.node().is_some_and(|name| cold.contains(name));
    }
}

/// The rights that it takes; those about the budget and the replicas only where a shard is on the nodes.
fn needed(seen: &Seen<'_>, namespace: &str, set_name: &str, policy: &Policy, order: &[&Node]) -> Vec<Rule> {
    let pods = seen.own_pods().unwrap_or_default();
    let on_them = |found: &&Pod| order.iter().any(|place| pod::node(found) == Some(node::name(place)));
    let all = policy.strategy.rights(policy.then);
    let how = if pods.iter().any(on_them) {
        all
    } else {
        DrainRights {
            releases: all.releases,
            ..DrainRights::default()
        }
    };
    of_drain(namespace, Some(set_name), how)
}

/// Carries it out: the lock, everything judged once more, the loop. Every event goes to `events`, the end last.
///
/// # Errors
/// Where the cluster can't be read before anything was changed.
pub async fn execute(
    connection: &Connection,
    prepared: Prepared,
    permit: Permit,
    tasks: Tasks,
    events: Emitter,
    stop: Stop,
) -> Result<Outcome> {
    let open = match Box::pin(open(connection, prepared, &permit, &events, &stop)).await? {
        Opened::Open(open) => *open,
        Opened::Over(outcome) => return Ok(outcome),
    };
    let prepared = open.prepared;
    let marks_until = prepared.drain.marks_last_until(&prepared.seen(), prepared.at);
    let policy = &prepared.asked.policy;
    let aimed = Aimed {
        template: set::template(&prepared.set).cloned().unwrap_or_default(),
        change: None,
        allowed: policy.allowed.clone(),
        pull_seconds: policy.shard_timeout.as_secs().max(1),
        grace: policy.grace,
    };
    let mut drain = prepared.drain;
    let means = Run {
        connection: connection.clone(),
        permit,
        lock: open.lock,
        base: open.watches.beneath(prepared.snapshot),
        watches: open.watches,
        policy: prepared.asked.judging,
        known: Known::default(),
        lists: Lists::default(),
        set: prepared.set,
        name: drain.run.clone(),
        by: open.by,
        marks_until,
        aimed,
        tasks,
        events,
    };
    Ok(Box::pin(run(&mut drain, means, stop)).await)
}

/// The error for nodes that can't be told, with the names nearest to what was typed.
pub(super) fn unclear(judging: &Judging, unclear: Unclear) -> Error {
    match unclear {
        Unclear::Unreadable(why) => Error::new(ErrorKind::Forbidden, format!("failed to read nodes: {why}")),
        Unclear::NoSuch { wanted, known } => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            no_such("node", &wanted, &known, "")
        }
        Unclear::Selector(why) => Error::usage(format!("--selector can't be read: {why}")),
        Unclear::Nothing(selector) => Error::usage(format!("no node has the labels {selector} (--selector)"))
            .hint(judging.kubectl_cluster("get nodes --show-labels")),
    }
}

fn unread(skip: Skip) -> Error {
    match skip {
        Skip::Unknown(why) | Skip::NotApplicable(why) => {
            Error::new(ErrorKind::Forbidden, format!("failed to read the shards: {why}"))
        }
    }
}
