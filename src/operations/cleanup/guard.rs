//! What is looked at right before each deletion: that the lock is still ours, and the set still the one that was judged.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::data::found_claims;
use super::execute::{Short, Work};
use super::{Item, claims_go_too, phase_in_use, place_of_the_set};
use crate::cluster::failure::Failure;
use crate::cluster::lease::LostOr;
use crate::cluster::write::{delete, exactly};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::End;
use crate::model::refusal::Refusal;
use crate::model::set;
use crate::operations::bearing::Bearing;
use crate::operations::lock::{self, interrupted};
use crate::plan::cleanup::is_ours;

/// How often the set may change under our hands before that is an end.
const TRIES: u32 = 5;
/// How long is waited after a request that failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How long it may take to find out who holds a lock that was lost.
const TOLD: Duration = Duration::from_secs(1);

impl Work<'_> {
    /// Whether the next deletion may be made, with the set as it is now; `before` is what ends before it, a clause.
    pub(super) async fn may_go_on(&self, before: &str) -> Result<Option<Value>, Short> {
        self.interrupted(before)?;
        self.renew(before).await?;
        self.same_set(before).await
    }

    /// The set as it is now, where it is the one that was judged.
    pub(super) async fn same_set(&self, before: &str) -> Result<Option<Value>, Short> {
        let Some(found) = self.present_set(before).await? else {
            return Ok(None);
        };
        let prepared = self.prepared;
        let (object, _) = place_of_the_set(&prepared.asked);
        let known = prepared.there.as_ref().map(|there| there.uid.as_str());
        if found["metadata"]["uid"].as_str() != known {
            return Err(self.another_set(&object, before));
        }
        match phase_in_use(&prepared.asked, &object, &found).filter(|_| is_ours(&found, &prepared.asked.workload)) {
            Some(refusal) => Err(self.refused(refusal)),
            None => Ok(Some(found)),
        }
    }

    /// Deletes the set at exactly the version that was looked at: what it does with its claims may change at any moment.
    pub(super) async fn remove_the_set(&mut self, item: &Item) -> Result<(), Short> {
        let prepared = self.prepared;
        let before = format!("{} was deleted", item.object);
        let stopped = |why: String| Short::ends(End::Refused, format!("stopped before {before}: {why}"));
        for _ in 0..TRIES {
            let Some(found) = self.may_go_on(&before).await? else {
                return Ok(());
            };
            if !is_ours(&found, &prepared.asked.workload) {
                return Err(stopped("it isn't labelled as the workload's any more".to_owned()));
            }
            let (claims, _) = found_claims(self.connection, &prepared.asked)
                .await
                .map_err(|error| Short::ends(End::Unreachable, format!("stopped before {before}: {error}")))?;
            if let Some(refusal) = claims_go_too(&prepared.asked, &item.object, &found, &claims) {
                return Err(self.refused(refusal));
            }
            let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            match delete(
                self.connection.api(),
                self.permit,
                &item.path,
                &exactly(&item.uid, version),
            )
            .await
            {
                Ok(_) => {}
                // It has changed meanwhile, or is another one: looking tells.
                Err(failure) if failure.is_conflict() => continue,
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) if failure.may_have_been_done() && self.is_going(&item.path, &item.uid).await => {}
                Err(failure) => return Err(self.failed(&item.object, &failure)),
            }
            self.was_deleted(&item.object, &item.path, &item.uid);
            return Ok(());
        }
        Err(stopped(format!(
            "it changed {TRIES} times while it was to be deleted; run it again when it is at rest"
        )))
    }

    /// Renews the lock; a server that fails for a moment is borne.
    async fn renew(&self, before: &str) -> Result<(), Short> {
        let Some(lock) = self.lock else { return Ok(()) };
        let mut bearing = Bearing::new(self.events);
        loop {
            match lock.renew().await {
                Ok(()) => return Ok(()),
                Err(LostOr::Lost(_)) => return Err(self.lost().await),
                Err(LostOr::Failed(failure)) => self.bear(&mut bearing, failure, before, "the lock").await?,
            }
        }
    }

    /// How it ends where the lock was lost.
    async fn lost(&self) -> Short {
        let name = set::name(&self.prepared.asked.set);
        let holder = match self.lock {
            Some(lock) => timeout(TOLD, lock.lost()).await.ok().flatten(),
            None => None,
        };
        Short::ends(End::Locked, lock::lost(holder, name, self.events))
    }

    /// The set of that name as it is now.
    async fn present_set(&self, before: &str) -> Result<Option<Value>, Short> {
        let (object, path) = place_of_the_set(&self.prepared.asked);
        let mut bearing = Bearing::new(self.events);
        loop {
            let looked = self.connection.api().get(&path).await;
            match looked.and_then(|answer| answer.parse()) {
                Ok(found) => return Ok(Some(found)),
                Err(failure) if failure.is_not_found() => return Ok(None),
                Err(failure) => self.bear(&mut bearing, failure, before, &object).await?,
            }
        }
    }

    async fn bear(&self, bearing: &mut Bearing<'_>, failure: Failure, before: &str, what: &str) -> Result<(), Short> {
        bearing.bear(failure).map_err(|failure| {
            let mut short = self.failed(what, &failure);
            short.summary = format!("stopped before {before}: {what} couldn't be looked at");
            short
        })?;
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = interrupted(self.stop, 1) => {}
        }
        self.interrupted(before)
    }

    fn another_set(&self, object: &str, before: &str) -> Short {
        let words = "another one of that name has come: somebody has deployed it meanwhile";
        let mut finding = Finding::new(Severity::Error, object, words);
        finding
            .remedy("what is left may be its own; to delete it as well:")
            .remedy(format!("$ {}", self.prepared.asked.again));
        Short {
            end: self.short_of_it(),
            summary: format!("stopped before {before}: {object}: {words}"),
            finding: Some(Box::new(finding)),
        }
    }

    fn refused(&self, refusal: Refusal) -> Short {
        let summary = format!("refused: {}: {}", refusal.object, refusal.message);
        self.events.emit(Fact::Refused { refusal });
        Short::ends(self.short_of_it(), summary)
    }
}
