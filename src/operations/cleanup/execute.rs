//! Deleting what is ours, turn by turn, and waiting in between until it is gone.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Item, Prepared, claim_path, only, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::lease::{self, Lock};
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::error::Result;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::set;
use crate::operations::emit::Emitter;
use crate::operations::identity::who;
use crate::operations::lock::{Taken, give_back, interrupted, take};
use crate::operations::pools::{Means, Retired, retire};
use crate::operations::run::Stop;
use crate::plan::cleanup::Turn;
use crate::plan::manifest::names::Names;

/// How often it is looked whether something is gone.
const PAUSE: Duration = Duration::from_millis(500);

/// Carries it out. Every event goes to `events`, but the end.
///
/// # Errors
/// Where the cluster can't be read before anything was deleted.
pub async fn execute(
    connection: &Connection,
    prepared: Prepared,
    permit: Permit,
    events: Emitter,
    stop: Stop,
) -> Result<Outcome> {
    let by = who();
    let name = Names::of(&prepared.asked.workload).set;
    events.emit(Fact::Started {
        operation: "cleanup".to_owned(),
        run: prepared.run.clone(),
        by: by.clone(),
        namespace: prepared.asked.workload.namespace.clone(),
        statefulset: name.clone(),
        goal: prepared.goal(),
        order: Vec::new(),
        command: prepared.asked.again.clone(),
    });
    let now = || connection.api().server_time().now();
    let set_item = prepared.items.iter().find(|item| item.turn == Turn::Set);
    let lock = match set_item {
        None => None,
        Some(item) => {
            let wanted = lease::Wanted {
                namespace: &prepared.asked.workload.namespace,
                set: &name,
                set_uid: &item.uid,
                holder: &by,
                run: &prepared.run,
                duration: prepared.asked.lease,
            };
            match take(connection, &permit, &wanted, &events, &stop).await? {
                Taken::Ours(lock, _) => Some(lock),
                Taken::Theirs(holder) => {
                    let summary = format!("{holder} holds the lock on statefulset/{name}; nothing was deleted");
                    return Ok(prepared.ends(End::Locked, &summary, &[], Vec::new(), now()));
                }
                Taken::Interrupted => {
                    let summary = "interrupted; nothing was deleted";
                    return Ok(prepared.ends(End::Interrupted, summary, &[], Vec::new(), now()));
                }
            }
        }
    };
    // Whoever held the lock until now may have changed everything.
    let again = prepare(connection, prepared.asked.clone(), Some(prepared.run.clone())).await;
    let prepared = match again {
        Ok(again) => Prepared {
            at: prepared.at,
            ..again
        },
        Err(error) => {
            back(lock).await;
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
        back(lock).await;
        return Ok(prepared.ends(End::Refused, &summary, &[], Vec::new(), now()));
    }
    let mut work = Work {
        connection,
        prepared: &prepared,
        permit: &permit,
        events: &events,
        stop: &stop,
        deleted: Vec::new(),
    };
    let ended = work.all().await;
    let deleted = work.deleted;
    back(lock).await;
    let mut findings = prepared.stays();
    let (end, summary) = match ended {
        Ok(()) => (
            End::Done,
            format!("{} objects are deleted; {}", deleted.len(), data_words(&prepared)),
        ),
        Err(short) => {
            findings.extend(short.finding);
            (short.end, short.summary)
        }
    };
    Ok(prepared.ends(end, &summary, &deleted, findings, now()))
}

fn data_words(prepared: &Prepared) -> String {
    let retained = prepared.claims.iter().filter(|claim| claim.volume_is_retained).count();
    match (prepared.asked.data, prepared.claims.len(), retained) {
        (true, _, 0) | (_, 0, _) | (false, ..) => prepared.of_the_data().replace("delete ", "deleted "),
        (true, ..) => format!("the claims are gone, and {retained} volumes stay and go on costing"),
    }
}

async fn back(lock: Option<Lock>) {
    if let Some(lock) = lock {
        give_back(lock).await;
    }
}

/// An end short of the goal.
struct Short {
    end: End,
    summary: String,
    finding: Option<Finding>,
}

struct Work<'a> {
    connection: &'a Connection,
    prepared: &'a Prepared,
    permit: &'a Permit,
    events: &'a Emitter,
    stop: &'a Stop,
    deleted: Vec<String>,
}

impl Work<'_> {
    async fn all(&mut self) -> Result<(), Short> {
        let prepared = self.prepared;
        let of = |turn: Turn| prepared.items.iter().filter(move |item| item.turn == turn);
        for item in of(Turn::Set) {
            self.remove(&item.object, &item.path, &item.uid).await?;
        }
        if prepared.asked.phase.is_none() {
            self.until_the_shards_are_gone().await?;
        }
        for item in of(Turn::Around) {
            self.remove(&item.object, &item.path, &item.uid).await?;
        }
        if prepared.asked.data {
            for claim in &prepared.claims {
                let path = claim_path(&prepared.asked.workload, &claim.name);
                self.remove(&format!("pvc/{}", claim.name), &path, &claim.uid).await?;
            }
            for claim in &prepared.claims {
                let path = claim_path(&prepared.asked.workload, &claim.name);
                self.until_it_is_gone(&format!("pvc/{}", claim.name), &path, &claim.uid)
                    .await?;
            }
        }
        for item in of(Turn::Pool) {
            self.retire(item).await?;
        }
        for item in of(Turn::Last) {
            self.remove(&item.object, &item.path, &item.uid).await?;
        }
        Ok(())
    }

    fn interrupted(&self, before: &str) -> Result<(), Short> {
        if *self.stop.borrow() == 0 {
            return Ok(());
        }
        Err(Short {
            end: End::Interrupted,
            summary: format!("interrupted before {before}"),
            finding: None,
        })
    }

    fn failed(&self, object: &str, failure: &Failure) -> Short {
        let end = if failure.is_about_the_connection() || failure.may_have_been_done() {
            End::Unreachable
        } else if self.deleted.is_empty() {
            End::Refused
        } else {
            End::Halted
        };
        let words = format!("couldn't be deleted: {}", failure.reason());
        Short {
            end,
            summary: format!("{object} couldn't be deleted"),
            finding: Some(Finding::new(Severity::Error, object, words)),
        }
    }

    /// Deletes an object that is still the one that was looked at.
    async fn remove(&mut self, object: &str, path: &str, uid: &str) -> Result<(), Short> {
        self.interrupted(&format!("{object} was deleted"))?;
        match delete(self.connection.api(), self.permit, path, &only(uid)).await {
            Ok(_) => {
                self.events.emit(Fact::Changed {
                    object: object.to_owned(),
                    what: "deleted".to_owned(),
                });
                self.deleted.push(object.to_owned());
                Ok(())
            }
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => Err(self.failed(object, &failure)),
        }
    }

    /// Waits until the shards' pods are gone: their disks are free only then.
    async fn until_the_shards_are_gone(&self) -> Result<(), Short> {
        let asked = &self.prepared.asked;
        let set_name = set::name(&asked.set);
        let path = format!("/api/v1/namespaces/{}/pods", asked.workload.namespace);
        let until = Instant::now() + asked.patience;
        let mut said = 0;
        loop {
            let api = self.connection.api();
            let left: Vec<String> = match api.list(&path, "", Some).await {
                Ok(listed) => {
                    let names = listed.iter().filter_map(|raw| {
                        let pod: Value = serde_json::from_str(raw.get()).ok()?;
                        let name = pod["metadata"]["name"].as_str()?;
                        set::ordinal_of(&asked.set, name)?;
                        let owner = &pod["metadata"]["ownerReferences"][0];
                        (owner["kind"] == "StatefulSet" && owner["name"] == set_name).then(|| name.to_owned())
                    });
                    names.collect()
                }
                Err(failure) => return Err(self.failed("pods of the shards", &failure)),
            };
            if left.is_empty() {
                return Ok(());
            }
            if left.len() != said {
                said = left.len();
                self.events.emit(Fact::Waiting {
                    words: format!("{said} shards to stop"),
                });
            }
            self.pause(until, "the shards were gone", || format!("pod/{}", left.join(", pod/")))
                .await?;
        }
    }

    async fn until_it_is_gone(&self, object: &str, path: &str, uid: &str) -> Result<(), Short> {
        let until = Instant::now() + self.prepared.asked.patience;
        loop {
            match self
                .connection
                .api()
                .get(path)
                .await
                .and_then(|answer| answer.parse::<Value>())
            {
                Ok(found) if found["metadata"]["uid"] != uid => return Ok(()),
                Ok(_) => {}
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) => return Err(self.failed(object, &failure)),
            }
            self.pause(until, &format!("{object} was gone"), || object.to_owned())
                .await?;
        }
    }

    async fn pause(&self, until: Instant, before: &str, what: impl Fn() -> String) -> Result<(), Short> {
        self.interrupted(before)?;
        if Instant::now() >= until {
            let words = "is still there after --timeout";
            return Err(Short {
                end: End::TimedOut,
                summary: format!("out of time before {before}"),
                finding: Some(Finding::new(Severity::Error, what(), words)),
            });
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = interrupted(self.stop, 1) => {}
        }
        Ok(())
    }

    async fn retire(&mut self, item: &Item) -> Result<(), Short> {
        let asked = &self.prepared.asked;
        let name = item.object.trim_start_matches("nodepool/");
        let means = Means {
            connection: self.connection,
            permit: self.permit,
            workload: &asked.workload.name,
            set: &asked.set,
            judging: &asked.judging,
            events: self.events,
            stop: self.stop,
            patience: asked.patience,
        };
        match retire(&means, name).await {
            Ok(Retired::Gone) => {
                self.deleted.push(item.object.clone());
                Ok(())
            }
            Ok(Retired::Kept(finding)) => Err(Short {
                end: End::Halted,
                summary: format!("{} stays", item.object),
                finding: Some(finding),
            }),
            Ok(Retired::Late(finding)) => Err(Short {
                end: End::TimedOut,
                summary: format!("the nodes of {} aren't gone in time", item.object),
                finding: Some(finding),
            }),
            Ok(Retired::Interrupted) => Err(Short {
                end: End::Interrupted,
                summary: format!("interrupted before {} was gone", item.object),
                finding: None,
            }),
            Err(failure) => Err(self.failed(&item.object, &failure)),
        }
    }
}
