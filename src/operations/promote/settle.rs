//! The end of a promotion, under a lock of its own: everything is looked at once more, the explore pool and its class go, and what the
//! summary says of the shards is what was seen of them last.

use super::execute::ends_as;
use super::{Prepared, class_path, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::lease::Lock;
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::report::Phase;
use crate::model::{pod, set};
use crate::operations::bearing::unless_pressed_twice;
use crate::operations::cleanup::only;
use crate::operations::deploy::execute::{back, take_lock, write};
use crate::operations::emit::Emitter;
use crate::operations::lock::{interrupted, still_ours};
use crate::operations::opening;
use crate::operations::pools::{self, Retired};
use crate::operations::run::Stop;
use crate::plan::manifest::names::Names;
use crate::plan::promote::places::is_in_place;
use crate::plan::verify::seen::Seen;

/// What it takes.
pub(super) struct Means<'a> {
    pub connection: &'a Connection,
    pub permit: &'a Permit,
    pub by: &'a str,
    pub events: &'a Emitter,
    pub stop: &'a Stop,
}

/// How it ended: what became of the explore pool, or the whole summary where it didn't come to that.
struct Ended {
    end: End,
    words: String,
    findings: Vec<Finding>,
}

impl Ended {
    fn new(end: End, words: impl Into<String>) -> Ended {
        Ended {
            end,
            words: words.into(),
            findings: Vec::new(),
        }
    }

    fn with(mut self, finding: impl IntoIterator<Item = Finding>) -> Ended {
        self.findings.extend(finding);
        self
    }
}

/// Ends a promotion whose shards have moved.
pub(super) async fn settle(means: &Means<'_>, prepared: &Prepared, outcome: &mut Outcome) {
    let began = means.connection.api().server_time().now();
    let mut written = Vec::new();
    let mut ended = Box::pin(locked(means, prepared, &mut written)).await;
    let shards = look(means, prepared, &mut ended).await;
    outcome.summary = format!("{shards}, and {}", ended.words);
    let now = means.connection.api().server_time().now();
    outcome.seconds += now.duration_since(began).as_secs_f64().max(0.0);
    outcome.findings.extend(ended.findings);
    ends_as(outcome, ended.end);
    if !written.is_empty() {
        outcome.how_to_undo = prepared.how_to_undo(true);
    }
    outcome.how_to_resume = vec![if ended.end == End::Done {
        "nothing to resume".to_owned()
    } else {
        format!("$ {}", prepared.asked.deploy.again)
    }];
}

/// What is done under the lock, and the lock itself.
async fn locked(means: &Means<'_>, prepared: &Prepared, written: &mut Vec<String>) -> Ended {
    let pool = format!("nodepool/{}", prepared.pool.name);
    let uid = prepared.deploy.there.as_ref().map(|(_, found)| set::uid(found));
    let (connection, events, stop) = (means.connection, means.events, means.stop);
    let uid = uid.unwrap_or_default();
    let taken = take_lock(connection, &prepared.deploy, uid, means.permit, means.by, events, stop).await;
    let lock = match taken {
        Ok(Ok(lock)) => lock,
        Ok(Err((end, summary))) => return Ended::new(end, format!("{pool} may still be there: {summary}")),
        Err(error) => return Ended::new(End::Unreachable, format!("{pool} may still be there: {error}")),
    };
    let work = under_lock(means, prepared, &lock, written);
    let ended = Box::pin(unless_pressed_twice(events, stop, work)).await;
    back(Some(lock)).await;
    ended.unwrap_or_else(|| Ended::new(End::Interrupted, format!("{pool} may still be there")))
}

async fn under_lock(means: &Means<'_>, prepared: &Prepared, lock: &Lock, written: &mut Vec<String>) -> Ended {
    let pool = format!("nodepool/{}", prepared.pool.name);
    let run = Some(prepared.deploy.run.clone());
    let again = tokio::select! {
        again = prepare(means.connection, prepared.asked.clone(), run) => again,
        () = interrupted(means.stop, 1) => {
            return Ended::new(End::Interrupted, format!("{pool} may still be there"));
        }
    };
    let again = match again {
        Ok(again) => again,
        Err(error) => return Ended::new(End::Unreachable, format!("{pool} may still be there: {error}")),
    };
    if let Some(ended) = changed(means, &again) {
        return ended;
    }
    // The limits, without the room that the nodes of another size took while shards came off them.
    let wrote = write(
        means.connection,
        &again.deploy,
        Some(lock),
        means.permit,
        means.events,
        means.stop,
    );
    match wrote.await {
        Ok(more) => written.extend(more),
        Err(other) => {
            return Ended::new(other.end, format!("{pool} may still be there: {}", other.summary)).with(other.findings);
        }
    }
    retire(means, prepared, lock).await
}

/// Why the explore pool stays: somebody wrote something else since, or a shard is still to move.
fn changed(means: &Means<'_>, again: &Prepared) -> Option<Ended> {
    let pool = format!("nodepool/{}", again.pool.name);
    let (left, _) = again.refusals();
    if let Some(first) = left.first() {
        let summary = format!("{pool} stays: {}: {}", first.object, first.message);
        left.iter()
            .cloned()
            .for_each(|refusal| means.events.emit(Fact::Refused { refusal }));
        return Some(Ended::new(End::Halted, summary));
    }
    if again.moves.is_empty() {
        return None;
    }
    let name = Names::of(&again.asked.deploy.workload).set;
    let words = if again.deploy.is_pending() {
        "its template was written by somebody else since; its shards may go back to the explore pool"
    } else {
        "shards don't have its template, or no pod"
    };
    let mut finding = Finding::new(Severity::Error, format!("statefulset/{name}"), words);
    for shard in &again.moves {
        finding.evidence(format!("pod {shard}"));
    }
    finding.remedy("the same again moves them");
    Some(Ended::new(End::Halted, format!("{pool} stays")).with([finding]))
}

/// The explore pool and its class go, once nothing is on its nodes.
async fn retire(means: &Means<'_>, prepared: &Prepared, lock: &Lock) -> Ended {
    let pool = format!("nodepool/{}", prepared.pool.name);
    let Some((_, found)) = &prepared.deploy.there else {
        return Ended::new(End::Halted, format!("{pool} stays"));
    };
    let workload = &prepared.asked.deploy.workload;
    let stable = Names::of(workload).pool(Phase::Stable);
    let of_pool = pools::Means {
        connection: means.connection,
        permit: means.permit,
        lock: Some(lock),
        workload: &workload.name,
        set: found,
        judging: &prepared.asked.deploy.judging,
        events: means.events,
        stop: means.stop,
        patience: prepared.asked.patience,
        bound_to: Some(&stable),
    };
    match pools::retire(&of_pool, &prepared.pool.name, prepared.pool.uid.as_deref()).await {
        Ok(Retired::Gone) => match remove_class(means, prepared, lock).await {
            Ok(None) => Ended::new(End::Done, format!("{pool} is gone")),
            Ok(Some(left)) => Ended::new(End::Halted, format!("{pool} is gone")).with([left]),
            Err((end, summary)) => Ended::new(end, format!("{pool} is gone: {summary}")),
        },
        Ok(Retired::Kept(finding)) => Ended::new(End::Halted, format!("{pool} stays")).with([finding]),
        Ok(Retired::Late(finding)) => {
            Ended::new(End::TimedOut, format!("{pool} is deleted, and has nodes left")).with([finding])
        }
        Ok(Retired::Locked(summary)) => Ended::new(End::Locked, format!("{pool} may still be there: {summary}")),
        Ok(Retired::Interrupted) => Ended::new(End::Interrupted, format!("{pool} may still be there")),
        Err(failure) => {
            let words = format!("couldn't be looked at or deleted: {}", failure.reason());
            let finding = Finding::new(Severity::Error, pool.clone(), words);
            let end = if failure.is_forbidden() {
                End::Halted
            } else {
                End::Unreachable
            };
            Ended::new(end, format!("{pool} may still be there")).with([finding])
        }
    }
}

/// Deletes the node class that was the pool's alone; why it stays. The outer error is a lock that isn't ours any more.
async fn remove_class(means: &Means<'_>, prepared: &Prepared, lock: &Lock) -> Result<Option<Finding>, (End, String)> {
    let Some(class) = &prepared.class else { return Ok(None) };
    let set = Names::of(&prepared.asked.deploy.workload).set;
    still_ours(lock, &set, means.events).await?;
    let object = format!("aksnodeclass/{}", class.name);
    let path = class_path(&class.name);
    Ok(
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
        },
    )
}

/// What is seen of the shards at the very end, in words: the wait for nodes may have taken long. One that isn't Ready, or isn't on a node
/// of the size, is no success.
async fn look(means: &Means<'_>, prepared: &Prepared, ended: &mut Ended) -> String {
    let asked = &prepared.asked.deploy;
    let workload = &asked.workload;
    let name = Names::of(workload).set;
    let (shards, size) = (workload.shards, &workload.size);
    let read = opening::read(means.connection, Some(&name), false, &asked.judging, "to look at").await;
    let snapshot = match read {
        Ok((observed, _)) => observed.snapshot,
        Err(error) => {
            if ended.end == End::Done {
                ended.end = End::Unjudged;
            }
            return format!("how the shards are couldn't be seen at the end ({error})");
        }
    };
    let seen = Seen::of(&snapshot, &asked.judging);
    let all = seen.every_shard().unwrap_or_default();
    let mut good = 0_u32;
    for shard in &all {
        let ready = shard
            .pod
            .is_some_and(|found| pod::is_ready(found) && !pod::is_terminating(found));
        let words = match (ready, is_in_place(&seen, shard, workload)) {
            (true, true) => {
                good += 1;
                continue;
            }
            (true, false) => format!("isn't on a node of the stable pool that is {size}"),
            (false, _) => "isn't Ready".to_owned(),
        };
        let mut finding = Finding::new(Severity::Error, format!("pod/{}", shard.name), words);
        finding.remedy(seen.shardctl(&format!("events {}", shard.name)));
        ended.findings.push(finding);
    }
    if good == shards {
        return format!("{shards} shards are on {size}");
    }
    if ended.end == End::Done {
        ended.end = End::Halted;
    }
    format!("{good} of {shards} shards are Ready on {size}")
}
