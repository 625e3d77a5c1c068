//! `upgrade` from the first read to the end: read, aim, judge; take the lock, judge again; then the loop.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use super::emit::Emitter;
use super::identity::run_name;
use super::means::{Aimed, Run};
use super::observe::Observed;
use super::opening::{self, Opened, Opening, open};
use super::run::{Stop, run};
use super::tasks::Tasks;
use super::trial::{Candidate, Tried, try_template};
use crate::cluster::connect::Connection;
use crate::cluster::fresh::Lists;
use crate::cluster::permit::Permit;
use crate::cluster::rights;
use crate::error::{Error, Result};
use crate::model::outcome::{End, Outcome};
use crate::model::read::Read;
use crate::model::recording::Recording;
use crate::model::refusal::Refusal;
use crate::model::resource::Resource;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;
use crate::model::step::Step;
use crate::plan::operation::{Planner, Sight};
use crate::plan::replace::observed_revision;
use crate::plan::safety::freeze::freeze;
use crate::plan::safety::own::left_by_an_earlier_run;
use crate::plan::safety::preflight::{self, Change, Preflight, preflight};
use crate::plan::safety::rights::rules;
use crate::plan::upgrade::aim::aim;
use crate::plan::upgrade::policy::{Goal, Policy};
use crate::plan::upgrade::{Again, Upgrade};
use crate::plan::verify::known::Known;
use crate::plan::verify::policy::Policy as Judging;
use crate::plan::verify::seen::Seen;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// How many shards there should be, and which flags commands repeat.
    pub judging: Judging,
    /// How the upgrade is to go.
    pub policy: Policy,
    /// The command lines that the end names.
    pub again: Again,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
    /// Whether the template was written right before, by a promotion: then it can't be said that nothing was changed.
    pub wrote: bool,
}

/// An upgrade that is ready to begin, or refused; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// Everything that was read.
    pub snapshot: Snapshot,
    /// The set as the server gave it.
    pub raw: Value,
    /// The set, typed.
    pub set: StatefulSet,
    /// The planner, with what it aims at.
    pub upgrade: Upgrade,
    /// What is in the way, and worth knowing.
    pub found: Preflight,
    /// When it was read, in the server's time.
    pub at: Timestamp,
}

impl Prepared {
    /// What was asked, by which run; all that was read for it is given back, which is as much as will be read again.
    fn given_back(self) -> (Asked, String) {
        (self.asked, self.upgrade.run)
    }

    /// The snapshot with how it is judged.
    pub fn seen(&self) -> Seen<'_> {
        Seen::of(&self.snapshot, &self.asked.judging)
    }

    /// Whether there is nothing to do.
    pub fn is_idle(&self) -> bool {
        self.upgrade.is_idle(&self.seen())
    }

    /// The refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        opening::refusals(&self.found, &self.asked.policy.allowed)
    }

    /// The shards in the order in which they will be taken.
    pub fn order(&self) -> Vec<String> {
        self.upgrade.order(&self.seen(), self.at)
    }

    /// Lets the server try the template, without changing anything.
    ///
    /// # Errors
    /// Where the server gave no answer.
    pub async fn try_it(&self, connection: &Connection) -> Result<Tried> {
        let candidate = Candidate {
            set: &self.set,
            raw: &self.raw,
            template: &self.upgrade.aim.typed,
            change: self.upgrade.aim.change.as_ref(),
        };
        try_template(connection.api(), connection.namespace(), candidate)
            .await
            .map_err(|failure| failure.into_error("try the new template", connection.endpoint()))
    }

    /// The outcome of a run that ends before its loop.
    pub fn ends(&self, end: End, summary: &str) -> Outcome {
        let step = Step::End {
            end,
            summary: summary.to_owned(),
            findings: Vec::new(),
        };
        self.upgrade.outcome(&self.seen(), &step, self.at)
    }
}

impl Opening for Prepared {
    const OPERATION: &'static str = "upgrade";

    fn run(&self) -> &str {
        &self.upgrade.run
    }

    fn set(&self) -> &StatefulSet {
        &self.set
    }

    fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn goal(&self) -> String {
        self.upgrade.aim.what.clone()
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
        prepare(connection, asked, Some(run)).await
    }

    fn say(&self, events: &Emitter) -> Option<(End, String)> {
        let refused = opening::say(&self.found, &self.asked.policy.allowed, events);
        refused.or_else(|| self.is_idle().then(|| (End::NothingToDo, "nothing to do".to_owned())))
    }

    fn untouched(&self) -> &'static str {
        if self.asked.wrote {
            "interrupted; no shard was moved"
        } else {
            "interrupted; no shard, template or budget was touched"
        }
    }

    fn locked(&self) -> &'static str {
        if self.asked.wrote {
            "; no shard was moved"
        } else {
            "; nothing was changed"
        }
    }

    fn ends(&self, end: End, summary: &str) -> Outcome {
        Prepared::ends(self, end, summary)
    }
}

/// Reads everything and judges whether the upgrade may begin. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read, or the goal names what doesn't exist.
pub async fn prepare(connection: &Connection, mut asked: Asked, run: Option<String>) -> Result<Prepared> {
    let (observed, set) = opening::read(
        connection,
        asked.statefulset.as_deref(),
        true,
        &asked.judging,
        "to upgrade",
    )
    .await?;
    let Observed {
        snapshot, recording, ..
    } = observed;
    let raw = raw_set(&recording, set::name(&set))?;
    drop(recording);
    let at = connection.api().server_time().now();
    asked.policy.pin(at);
    let name = run.unwrap_or_else(|| run_name("upgrade", connection.namespace(), set::name(&set)));
    let seen = Seen::of(&snapshot, &asked.judging);
    let aimed = aim(&raw, &seen, &asked.policy, at).map_err(|misaimed| {
        let error = Error::usage(misaimed.message);
        misaimed.hints.into_iter().fold(error, Error::hint)
    })?;
    opening::check_ordinals(&seen, "--only", &asked.policy.only)?;
    opening::check_ordinals(&seen, "--last", &asked.policy.last)?;
    let mut upgrade = Upgrade::new(
        asked.policy.clone(),
        aimed,
        set::name(&set).to_owned(),
        name,
        asked.again.clone(),
        at,
    );
    upgrade.note(&seen, at, Sight::WithVolumes);
    let order = ordinals(&set, &upgrade.order(&seen, at));
    let marks_nodes =
        !freeze(&seen).is_empty() || left_by_an_earlier_run(&seen, &upgrade.run, &BTreeSet::new()).is_some();
    let needed = rules(connection.namespace(), Some(set::name(&set)), marks_nodes);
    let rights = rights::ask(connection.api(), needed).await;
    let observed_revision = observed_revision(&seen);
    let judged = preflight::Aim {
        template: &upgrade.aim.typed,
        revision: observed_revision.as_deref().filter(|_| upgrade.aim.change.is_none()),
        change: change(&asked.policy.goal, &upgrade),
        shards: &order,
        resumes: upgrade.aim.resumes || upgrade.aim.undo,
        run: &upgrade.run,
        rights: &rights,
    };
    let found = preflight(&seen, &judged, at);
    Ok(Prepared {
        asked,
        raw,
        set,
        upgrade,
        found,
        at,
        snapshot,
    })
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
    let marks_until = prepared.upgrade.marks_last_until(&prepared.seen(), prepared.at);
    let pull_seconds = prepared.asked.policy.shard_timeout.as_secs().max(1);
    let mut base = open.watches.beneath(prepared.snapshot);
    // Every pod of the cluster is only needed to find a home, which preflight did; the loop would copy them at each look.
    base.node_pods = Read::Unreadable("the room on the nodes was looked at before the operation began".to_owned());
    let mut upgrade = prepared.upgrade;
    let means = Run {
        connection: connection.clone(),
        permit,
        lock: open.lock,
        watches: open.watches,
        base,
        policy: prepared.asked.judging.clone(),
        known: Known::default(),
        lists: Lists::default(),
        set: prepared.set,
        name: upgrade.run.clone(),
        by: open.by,
        marks_until,
        aimed: Aimed {
            template: upgrade.aim.typed.clone(),
            change: upgrade.aim.change.clone(),
            grace: None,
            allowed: prepared.asked.policy.allowed.clone(),
            pull_seconds,
        },
        tasks,
        events,
    };
    Ok(Box::pin(run(&mut upgrade, means, stop)).await)
}

fn change(goal: &Goal, upgrade: &Upgrade) -> Change {
    match (goal, &upgrade.aim.change) {
        (_, None) => Change::Pending,
        (Goal::Images(images), Some(_)) => {
            let spec = upgrade.aim.typed.spec.as_ref();
            let all = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
            let only = all.first().map(|container| container.name.clone()).unwrap_or_default();
            let named = images
                .iter()
                .map(|wanted| wanted.container.clone().unwrap_or_else(|| only.clone()));
            Change::Images(named.collect())
        }
        (Goal::Restart, Some(_)) => Change::Restart,
        (Goal::Undo { .. } | Goal::Pending, Some(_)) => Change::Template,
    }
}

fn ordinals(set: &StatefulSet, names: &[String]) -> Vec<Ordinal> {
    names.iter().filter_map(|name| set::ordinal_of(set, name)).collect()
}

/// The set as the server gave it, out of what was read.
fn raw_set(recording: &Recording, name: &str) -> Result<Value> {
    let sets = recording.objects.get(&Resource::StatefulSets).and_then(Read::got);
    let found = sets.into_iter().flatten().find_map(|set| {
        let set: Value = serde_json::from_str(set.get()).ok()?;
        (set["metadata"]["name"] == name).then_some(set)
    });
    found.ok_or_else(|| Error::bug(format!("statefulset/{name} was read and isn't there")))
}
