//! Deleting what is ours, turn by turn, and waiting in between until it is gone.

use serde_json::Value;

use super::data::claim_path;
use super::{Item, Prepared, only, prepare};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::lease::{self, Lock};
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::error::Result;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::operations::bearing::unless_pressed_twice;
use crate::operations::emit::Emitter;
use crate::operations::identity::who;
use crate::operations::lock::{Taken, give_back, interrupted, take};
use crate::operations::pools::{Means, Retired, retire};
use crate::operations::run::Stop;
use crate::plan::cleanup::Turn;
use crate::plan::manifest::names::Names;

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
    let wanted = lease::Wanted {
        namespace: &prepared.asked.workload.namespace,
        set: &name,
        // Garbage collection would take the Lease with the set, and what is left to delete would have no lock.
        set_uid: "",
        holder: &by,
        run: &prepared.run,
        duration: prepared.asked.lease,
    };
    // Where there is no namespace nobody holds a lock.
    let lock = if has_namespace(connection, &prepared).await? {
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
    } else {
        None
    };
    let judged = prepared.uid_of_the_set();
    // Whoever held the lock until now may have changed everything.
    let again = tokio::select! {
        again = prepare(connection, prepared.asked.clone(), Some(prepared.run.clone())) => Some(again),
        () = interrupted(&stop, 1) => None,
    };
    let prepared = match again {
        Some(Ok(again)) => Prepared {
            at: prepared.at,
            ..again
        },
        None => {
            back(lock).await;
            return Ok(prepared.ends(
                End::Interrupted,
                "interrupted; nothing was deleted",
                &[],
                Vec::new(),
                now(),
            ));
        }
        Some(Err(error)) => {
            back(lock).await;
            return Err(error);
        }
    };
    let present = prepared.uid_of_the_set();
    if present.is_some() && present != judged {
        let summary = format!("another statefulset/{name} than was asked about; nothing was deleted");
        back(lock).await;
        return Ok(prepared.ends(End::Refused, &summary, &[], Vec::new(), now()));
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
    let mut work = Work {
        connection,
        prepared: &prepared,
        permit: &permit,
        lock: lock.as_ref(),
        events: &events,
        stop: &stop,
        deleted: Vec::new(),
        going: Vec::new(),
    };
    let ended = unless_pressed_twice(&events, &stop, work.all()).await;
    let deleted = work.deleted;
    back(lock).await;
    let mut findings = prepared.stays();
    let (end, summary) = match ended.unwrap_or_else(|| Err(Short::at_once())) {
        Ok(()) => (
            End::Done,
            format!("{} deleted; {}", counted(deleted.len()), data_words(&prepared)),
        ),
        Err(short) => {
            findings.extend(short.finding.map(|finding| *finding));
            (short.end, short.summary)
        }
    };
    Ok(prepared.ends(end, &summary, &deleted, findings, now()))
}

fn counted(objects: usize) -> String {
    match objects {
        1 => "1 object is".to_owned(),
        count => format!("{count} objects are"),
    }
}

fn data_words(prepared: &Prepared) -> String {
    let retained = prepared.claims.iter().filter(|claim| claim.volume_is_retained).count();
    match (prepared.asked.data, prepared.claims.len(), retained) {
        (false, ..) | (_, 0, _) => prepared.of_the_data(),
        (true, _, 0) => "the claims are gone, and their data with them".to_owned(),
        (true, _, 1) => "the claims are gone, and 1 volume stays and goes on costing".to_owned(),
        (true, ..) => format!("the claims are gone, and {retained} volumes stay and go on costing"),
    }
}

/// Whether the namespace is there: the pools may have outlived it. Who may not see that finds out by taking the lock.
async fn has_namespace(connection: &Connection, prepared: &Prepared) -> Result<bool> {
    let namespace = &prepared.asked.workload.namespace;
    match connection.api().get(&format!("/api/v1/namespaces/{namespace}")).await {
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) if !failure.is_forbidden() => {
            Err(failure.into_error(&format!("read namespace/{namespace}"), connection.endpoint()))
        }
        _ => Ok(true),
    }
}

async fn back(lock: Option<Lock>) {
    if let Some(lock) = lock {
        give_back(lock).await;
    }
}

/// An end short of the goal.
pub(super) struct Short {
    pub end: End,
    pub summary: String,
    pub finding: Option<Box<Finding>>,
}

impl Short {
    pub(super) fn ends(end: End, summary: String) -> Short {
        Short {
            end,
            summary,
            finding: None,
        }
    }

    fn at_once() -> Short {
        Short {
            end: End::Interrupted,
            summary: "interrupted twice: stopped at once".to_owned(),
            finding: None,
        }
    }
}

/// A cleanup that is at work.
pub(super) struct Work<'a> {
    pub connection: &'a Connection,
    pub prepared: &'a Prepared,
    pub permit: &'a Permit,
    /// The lock; none only where there is no namespace for it.
    pub lock: Option<&'a Lock>,
    pub events: &'a Emitter,
    pub stop: &'a Stop,
    /// What was deleted, as `kind/name`.
    deleted: Vec<String>,
    /// What was deleted and may still be there, with its path and uid: a finalizer keeps it until somebody has let go of it.
    pub going: Vec<(String, String, String)>,
}

impl Work<'_> {
    async fn all(&mut self) -> Result<(), Short> {
        let prepared = self.prepared;
        let of = |turn: Turn| prepared.items.iter().filter(move |item| item.turn == turn);
        for item in of(Turn::Set) {
            self.remove_the_set(item).await?;
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
                let object = format!("pvc/{}", claim.name);
                if !self.remove(&object, &path, &claim.uid).await? {
                    self.events.emit(Fact::Changed {
                        object: object.clone(),
                        what: "is gone already".to_owned(),
                    });
                    self.deleted.push(object);
                }
            }
        }
        // A balancer of the cloud's is let go of, and a disk that is still attached.
        self.until_all_is_gone().await?;
        for item in of(Turn::Pool) {
            self.retire(item).await?;
        }
        for item in of(Turn::Last) {
            self.remove(&item.object, &item.path, &item.uid).await?;
        }
        self.until_all_is_gone().await
    }

    pub(super) fn interrupted(&self, before: &str) -> Result<(), Short> {
        if *self.stop.borrow() == 0 {
            return Ok(());
        }
        Err(Short {
            end: End::Interrupted,
            summary: format!("interrupted before {before}"),
            finding: None,
        })
    }

    /// How it ends short of its goal, by what was deleted until then.
    pub(super) fn short_of_it(&self) -> End {
        if self.deleted.is_empty() {
            End::Refused
        } else {
            End::Halted
        }
    }

    pub(super) fn failed(&self, object: &str, failure: &Failure) -> Short {
        let end = if failure.is_about_the_connection() || failure.may_have_been_done() {
            End::Unreachable
        } else {
            self.short_of_it()
        };
        let words = format!("couldn't be deleted: {}", failure.reason());
        Short {
            end,
            summary: format!("{object} couldn't be deleted"),
            finding: Some(Box::new(Finding::new(Severity::Error, object, words))),
        }
    }

    /// Deletes an object that is still the one that was looked at; whether it was there.
    async fn remove(&mut self, object: &str, path: &str, uid: &str) -> Result<bool, Short> {
        self.may_go_on(&format!("{object} was deleted")).await?;
        match delete(self.connection.api(), self.permit, path, &only(uid)).await {
            Ok(_) => {}
            Err(failure) if failure.is_not_found() => return Ok(false),
            // Whether it was done is found out by looking.
            Err(failure) if failure.may_have_been_done() && self.is_going(path, uid).await => {}
            Err(failure) => return Err(self.failed(object, &failure)),
        }
        self.was_deleted(object, path, uid);
        Ok(true)
    }

    pub(super) fn was_deleted(&mut self, object: &str, path: &str, uid: &str) {
        self.events.emit(Fact::Changed {
            object: object.to_owned(),
            what: "deleted".to_owned(),
        });
        self.deleted.push(object.to_owned());
        self.going.push((object.to_owned(), path.to_owned(), uid.to_owned()));
    }

    /// Whether an object was deleted, though it may still be there; not where that can't be seen.
    pub(super) async fn is_going(&self, path: &str, uid: &str) -> bool {
        let looked = self.connection.api().get(path).await;
        match looked.and_then(|answer| answer.parse::<Value>()) {
            Ok(found) => found["metadata"]["uid"] != uid || found["metadata"]["deletionTimestamp"].is_string(),
            Err(failure) => failure.is_not_found(),
        }
    }

    async fn retire(&mut self, item: &Item) -> Result<(), Short> {
        self.may_go_on(&format!("{} was deleted", item.object)).await?;
        let asked = &self.prepared.asked;
        let name = item.object.trim_start_matches("nodepool/");
        let means = Means {
            connection: self.connection,
            permit: self.permit,
            lock: self.lock,
            workload: &asked.workload.name,
            set: &asked.set,
            judging: &asked.judging,
            events: self.events,
            stop: self.stop,
            patience: asked.patience,
            bound_to: None,
        };
        match retire(
            &means,
            name,
            Some(&item.uid).filter(|uid| !uid.is_empty()).map(String::as_str),
        )
        .await
        {
            Ok(Retired::Gone) => {
                self.deleted.push(item.object.clone());
                Ok(())
            }
            Ok(Retired::Kept(finding)) => Err(Short {
                end: End::Halted,
                summary: format!("{} stays", item.object),
                finding: Some(Box::new(finding)),
            }),
            Ok(Retired::Late(finding)) => Err(Short {
                end: End::TimedOut,
                summary: format!("the nodes of {} aren't gone in time", item.object),
                finding: Some(Box::new(finding)),
            }),
            Ok(Retired::Locked(summary)) => Err(Short {
                end: End::Locked,
                summary,
                finding: None,
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
