//! The commands that are played: the operations' own code, as the command line calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use shardctl::cluster::connect::Connection;
use shardctl::cluster::permit::Permit;
use shardctl::commands::early::refused;
use shardctl::error::Result;
use shardctl::event::Event;
use shardctl::model::outcome::{End, Outcome};
use shardctl::model::set::Ordinal;
use shardctl::operations::emit::Emitter;
use shardctl::operations::tasks::Tasks;
use shardctl::operations::{drain, recover, uncordon, upgrade};
use shardctl::plan::drain::placeholder::{PAUSE, Prewarm};
use shardctl::plan::drain::{Afterwards, Flags, Strategy, policy as draining};
use shardctl::plan::replace::tasks::Asked as Hooks;
use shardctl::plan::safety::catalogue::Allowed;
use shardctl::plan::upgrade::policy::{self as upgrading, Goal, OnFailure};
use shardctl::plan::verify::policy::Policy as Judging;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::scene::{NODE, SET};
use super::workload::{self, Means};

/// How long the lock outlives a run that was killed.
pub const LEASE: Duration = Duration::from_secs(15);

/// Which run it is, and which node it is about.
#[derive(Clone, Debug)]
pub struct Aim {
    /// The letters that tell runs apart.
    pub run: String,
    /// The set.
    pub set: String,
    /// The node that is drained, uncordoned or off.
    pub node: String,
}

/// A command line of shardctl's.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `upgrade`.
    Upgrade(Upgrade),
    /// `drain`.
    Drain(Drain),
    /// `recover`.
    Recover,
    /// `recover --node-is-off`.
    NodeIsOff,
    /// `uncordon`.
    Uncordon,
    /// `deploy explore` of so many shards.
    Deploy(u32),
    /// `promote` of so many shards.
    Promote(u32),
    /// `cleanup` of so many shards; with `--data` or without.
    Cleanup(u32, bool),
}

/// What is asked of an upgrade.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    /// What for.
    pub goal: Goal,
    /// `--canary`.
    pub canary: Option<usize>,
    /// Not `--no-prepull`.
    pub pre_pull: bool,
    /// `--on-failure undo`.
    pub undoes: bool,
}

/// What is asked of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// `--strategy`.
    pub strategy: Strategy,
    /// `--then-uncordon`, `--then-release`.
    pub then: Afterwards,
    /// `--prewarm`.
    pub prewarm: Prewarm,
}

impl Command {
    /// Runs it to its end, from the first read on; nothing is remembered of any run before. `run` tells it from those.
    ///
    /// # Errors
    /// As the operation.
    pub async fn run(&self, connection: &Connection, run: &str) -> Result<Outcome> {
        let (_stopper, stop) = watch::channel(0);
        let (events, heard) = Emitter::channel(connection.api().server_time().clone());
        let listening = tokio::spawn(listen(heard));
        let aim = Aim {
            run: run.to_owned(),
            set: SET.to_owned(),
            node: NODE.to_owned(),
        };
        let outcome = Box::pin(self.carry_out(connection, &aim, events, stop)).await;
        for event in listening.await.unwrap_or_default() {
            if super::play::replays() {
                eprintln!("{} {:?}", event.at, event.fact);
            }
        }
        outcome
    }

    /// As [`run`](Self::run), of some cluster's node, with whoever hears its events.
    ///
    /// # Errors
    /// As the operation.
    pub async fn carry_out(
        &self,
        connection: &Connection,
        aim: &Aim,
        events: Emitter,
        stop: watch::Receiver<u32>,
    ) -> Result<Outcome> {
        let Aim { run, set, node } = aim;
        let permit = Permit::confirmed();
        let named = |operation: &str| Some(format!("{operation}/{}/{set}/{run}", connection.namespace()));
        let means = |operation: &str, events: Emitter, stop: watch::Receiver<u32>| Means {
            connection,
            run: named(operation),
            permit: Permit::confirmed(),
            events,
            stop,
        };
        match self {
            Command::Upgrade(asked) => {
                let prepared = upgrade::prepare(connection, asked.asked(), named("upgrade")).await?;
                if prepared.is_idle() {
                    return Ok(prepared.ends(End::NothingToDo, "nothing to do"));
                }
                if let Some((end, summary)) = refused(&prepared.seen(), set, &prepared.refusals().0) {
                    return Ok(prepared.ends(end, &summary));
                }
                Box::pin(upgrade::execute(connection, prepared, permit, tasks(), events, stop)).await
            }
            Command::Drain(asked) => {
                let prepared = Box::pin(drain::prepare(connection, asked.asked(node), named("drain"))).await?;
                if prepared.is_idle() {
                    return Ok(prepared.ends(End::NothingToDo, "nothing to do"));
                }
                if let Some((end, summary)) = refused(&prepared.seen(), set, &prepared.refusals().0) {
                    return Ok(prepared.ends(end, &summary));
                }
                Box::pin(drain::execute(connection, prepared, permit, tasks(), events, stop)).await
            }
            Command::Recover | Command::NodeIsOff => {
                let off = (*self == Command::NodeIsOff).then(|| node.clone());
                let asked = recover::Asked {
                    statefulset: None,
                    judging: Judging::default(),
                    expired: false,
                    off,
                    patience: SignedDuration::from_mins(10),
                    again: shardctl::plan::recover::Again {
                        same: "shardctl recover".to_owned(),
                        upgrade: "shardctl upgrade".to_owned(),
                        undo: "shardctl upgrade undo".to_owned(),
                    },
                    lease: LEASE,
                };
                let prepared = Box::pin(recover::prepare(connection, asked, named("recover"))).await?;
                if let Some(refusals) = prepared.refused() {
                    return Ok(prepared.ends_refused(refusals));
                }
                if prepared.is_idle() {
                    return Ok(prepared.ends_idle());
                }
                Box::pin(recover::execute(connection, prepared, permit, events, stop)).await
            }
            Command::Deploy(shards) => Box::pin(workload::deploys(means("deploy", events, stop), *shards)).await,
            Command::Promote(shards) => Box::pin(workload::promotes(means("promote", events, stop), *shards)).await,
            Command::Cleanup(shards, data) => {
                Box::pin(workload::cleans_up(means("cleanup", events, stop), *shards, *data)).await
            }
            Command::Uncordon => {
                let asked = uncordon::Asked {
                    nodes: vec![node.clone()],
                    selector: None,
                    judging: Judging::default(),
                    lease: LEASE,
                };
                let prepared = uncordon::prepare(connection, &asked).await?;
                if prepared.is_idle() {
                    let (nothing, at) = (BTreeMap::new(), prepared.at);
                    return Ok(prepared.ends(End::NothingToDo, &nothing, Vec::new(), at));
                }
                uncordon::execute(connection, &prepared, &permit, &events, &stop).await
            }
        }
    }
}

impl Upgrade {
    /// The same as the operation takes it.
    pub fn asked(&self) -> upgrade::Asked {
        upgrade::Asked {
            statefulset: None,
            judging: Judging::default(),
            policy: upgrading::Policy {
                goal: self.goal.clone(),
                only: BTreeSet::new(),
                last: BTreeSet::new(),
                canary: self.canary,
                pause: SignedDuration::ZERO,
                gate: false,
                before: false,
                after: false,
                deadline: None,
                min_ready: None,
                shard_timeout: SignedDuration::from_mins(5),
                on_failure: if self.undoes { OnFailure::Undo } else { OnFailure::Halt },
                pre_pull: self.pre_pull,
                goes_on: false,
                room: None,
                max_restarts: 2,
                allowed: Allowed::default(),
            },
            again: shardctl::plan::upgrade::Again {
                same: "shardctl upgrade --image …".to_owned(),
                resume: "shardctl upgrade".to_owned(),
                after_undo: "shardctl upgrade".to_owned(),
                undo: "shardctl upgrade undo".to_owned(),
                status: "shardctl upgrade status".to_owned(),
            },
            lease: LEASE,
            wrote: false,
        }
    }
}

impl Drain {
    fn asked(self, node: &str) -> drain::Asked {
        drain::Asked {
            statefulset: None,
            judging: Judging::default(),
            policy: draining::Policy {
                nodes: vec![node.to_owned()],
                selector: None,
                strategy: self.strategy,
                then: self.then,
                flags: Flags {
                    ignore_daemonsets: true,
                    ..Flags::default()
                },
                prewarm: self.prewarm,
                pause_image: PAUSE.to_owned(),
                grace: None,
                until: None,
                last: BTreeSet::<Ordinal>::new(),
                pause: SignedDuration::ZERO,
                tasks: Hooks::default(),
                deadline: None,
                min_ready: None,
                shard_timeout: SignedDuration::from_mins(5),
                max_restarts: 2,
                allowed: Allowed::default(),
                own: None,
            },
            again: shardctl::plan::drain::run::Again::default(),
            lease: LEASE,
        }
    }
}

/// Nobody's commands; after a canary it goes on.
pub fn tasks() -> Tasks {
    Tasks {
        before: None,
        after: None,
        gate: None,
        ask: Some(Box::new(|_| Box::pin(std::future::ready(true)))),
        limit: Duration::from_secs(60),
    }
}

async fn listen(mut heard: UnboundedReceiver<Event>) -> Vec<Event> {
    let mut all = Vec::new();
    while let Some(event) = heard.recv().await {
        all.push(event);
    }
    all
}
