//! `promote` from the first read to the end: what a deployment of the stable phase would write, and whether its nodes can hold the
//! shards; then the writes, an upgrade that holds room for each shard before it moves it, and the end of the explore pool.
//!
//! Each of the three finds out by looking what is left to do: run again, it goes on.

use std::time::Duration;

use super::deploy::execute::{back, take_lock, write};
use super::deploy::{self};
use super::emit::Emitter;
use super::identity::who;
use super::pools::{self, Means, Pool, Retired};
use super::run::Stop;
use super::tasks::Tasks;
use super::upgrade;
use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::error::{Error, Result};
use crate::event::Fact;
use crate::model::catalogue::Catalogue;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::set;
use crate::plan::manifest::class;
use crate::plan::manifest::names::Names;
use crate::plan::promote::judge;
use crate::plan::verify::seen::Seen;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is written: the stable phase.
    pub deploy: deploy::Asked,
    /// How the shards move.
    pub upgrade: upgrade::Asked,
    /// The sizes that there are.
    pub catalogue: Catalogue,
    /// How long the nodes of the explore pool may take to go.
    pub patience: Duration,
}

/// A promotion that is ready to begin, or refused; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// What is written.
    pub deploy: deploy::Prepared,
    /// The shards that move.
    pub moves: Vec<String>,
    /// The explore pool.
    pub pool: Pool,
}

impl Prepared {
    /// Those of the refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        self.deploy.refusals()
    }

    /// Whether everything is written, every shard where it should be and the explore pool gone.
    pub fn is_idle(&self) -> bool {
        self.deploy.is_idle() && self.moves.is_empty() && self.pool.is_gone()
    }

    /// What is to be done, a clause.
    pub fn goal(&self) -> String {
        let objects = match self.deploy.due() {
            0 => "nothing to write".to_owned(),
            1 => "write 1 object".to_owned(),
            due => format!("write {due} objects"),
        };
        let shards = match self.moves.len() {
            0 => "no shard to move".to_owned(),
            1 => "move 1 shard".to_owned(),
            count => format!("move {count} shards, one at a time"),
        };
        let pool = if self.pool.is_gone() {
            format!("nodepool/{} is gone", self.pool.name)
        } else {
            format!("delete nodepool/{} once it is empty", self.pool.name)
        };
        format!(
            "{objects} of the stable phase with {}; {shards}; {pool}",
            self.asked.deploy.workload.size
        )
    }

    /// The outcome of a run that ends before anything was moved; `written` are the objects that it wrote.
    pub fn ends(&self, end: End, summary: &str, written: &[String], findings: Vec<Finding>) -> Outcome {
        let mut outcome = self.deploy.ends(end, summary, written, findings, self.deploy.at);
        outcome.how_to_undo = self.how_to_undo(!written.is_empty());
        outcome
    }

    fn how_to_undo(&self, touched: bool) -> Vec<String> {
        if !touched {
            return vec!["nothing to undo".to_owned()];
        }
        let judging = &self.asked.deploy.judging;
        vec![
            "write the explore phase again, with the flags that it was deployed with, and move the shards back:"
                .to_owned(),
            judging.shardctl("deploy explore"),
            judging.shardctl("upgrade"),
        ]
    }
}

/// Looks at what is there, has the server try every write, and judges whether the size can hold the shards. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read, or has no such set.
pub async fn prepare(connection: &Connection, asked: Asked, run: Option<String>) -> Result<Prepared> {
    let workload = asked.deploy.workload.clone();
    let names = Names::of(&workload);
    let mut deploy = deploy::prepare(connection, asked.deploy.clone(), run).await?;
    let begins = deploy.is_pending();
    let mut moves = Vec::new();
    let mut pool = Pool {
        name: names.pool(Phase::Explore),
        ..Pool::default()
    };
    if let Some((snapshot, found)) = &deploy.there {
        let seen = Seen {
            snapshot,
            policy: &asked.deploy.judging,
        };
        let update = found
            .status
            .as_ref()
            .and_then(|status| status.update_revision.as_deref());
        moves = seen
            .every_shard()
            .unwrap_or_default()
            .into_iter()
            .filter(|shard| begins || shard.pod.and_then(crate::model::pod::revision) != update)
            .map(|shard| shard.name)
            .collect();
        let more = judge(&seen, &workload, &asked.catalogue, begins);
        pool = pools::look(connection.api(), &pool.name, &workload.name, found)
            .await
            .map_err(|failure| failure.into_error(&format!("read nodepool/{}", pool.name), connection.endpoint()))?;
        deploy.refusals.extend(more);
    } else if deploy.refusals.is_empty() {
        return Err(Error::usage(format!(
            "there is no statefulset/{} in namespace/{} to promote",
            names.set, workload.namespace
        ))
        .hint("a promotion moves the shards of the explore phase; to begin with it:")
        .hint(asked.deploy.judging.shardctl("deploy explore")));
    }
    Ok(Prepared {
        asked,
        deploy,
        moves,
        pool,
    })
}

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
    let again = prepare(connection, prepared.asked.clone(), Some(prepared.deploy.run.clone())).await;
    let prepared = match again {
        Ok(again) => again,
        Err(error) => {
            back(Some(lock)).await;
            return Err(error);
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
    let name = Names::of(workload).pool(Phase::Explore);
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
    let (end, what, finding) = match pools::retire(&means, &name).await {
        Ok(Retired::Gone) => {
            let class = remove_class(&means, workload.node_class.is_none(), &name).await;
            (if class.is_some() { End::Halted } else { End::Done }, "is gone", class)
        }
        Ok(Retired::Kept(finding)) => (End::Halted, "stays", Some(finding)),
        Ok(Retired::Late(finding)) => (End::TimedOut, "is deleted, and has nodes left", Some(finding)),
        Ok(Retired::Interrupted) => (End::Interrupted, "may still be there", None),
        Err(failure) => {
            let finding = Finding::new(Severity::Error, format!("nodepool/{name}"), failure.reason());
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

/// The node class that was the pool's alone.
async fn remove_class(means: &Means<'_>, has_own: bool, name: &str) -> Option<Finding> {
    if !has_own {
        return None;
    }
    let path = format!("/apis/{}/aksnodeclasses/{name}", class::API_VERSION);
    let object = format!("aksnodeclass/{name}");
    let found: serde_json::Value = match means.connection.api().get(&path).await {
        Ok(answer) => answer.parse().ok()?,
        Err(_) => return None,
    };
    if found["metadata"]["labels"][crate::plan::manifest::names::PART_OF] != means.workload {
        return None;
    }
    let uid = found["metadata"]["uid"].as_str().unwrap_or_default();
    match delete(means.connection.api(), means.permit, &path, &super::cleanup::only(uid)).await {
        Ok(_) => {
            means.events.emit(Fact::Changed {
                object,
                what: "deleted".to_owned(),
            });
            None
        }
        Err(failure) if failure.is_not_found() => None,
        Err(failure) => Some(Finding::new(Severity::Error, object, failure.reason())),
    }
}
