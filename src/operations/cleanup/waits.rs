//! Waiting until what was deleted is gone: the shards' pods, and whatever a finalizer holds back.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::execute::{Short, Work};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::End;
use crate::model::set;
use crate::operations::bearing::Bearing;
use crate::operations::lock::interrupted;

/// How often it is looked whether something is gone.
const PAUSE: Duration = Duration::from_millis(500);

impl Work<'_> {
    /// Waits until the shards' pods are gone: their disks are free only then.
    pub(super) async fn until_the_shards_are_gone(&self) -> Result<(), Short> {
        let asked = &self.prepared.asked;
        let set_name = set::name(&asked.set);
        let path = format!("/api/v1/namespaces/{}/pods", asked.workload.namespace);
        let until = Instant::now() + asked.patience;
        let mut bearing = Bearing::new(self.events);
        let mut left: Vec<String> = Vec::new();
        let mut said = 0;
        loop {
            // Those of a set that has come meanwhile aren't waited for.
            self.same_set("the shards were gone").await?;
            match self.connection.api().list(&path, "", Some).await {
                Ok(listed) => {
                    bearing.answered();
                    let names = listed.iter().filter_map(|raw| {
                        let pod: Value = serde_json::from_str(raw.get()).ok()?;
                        let name = pod["metadata"]["name"].as_str()?;
                        // Helper pods that a run has left are the set's as well.
                        let mut owners = pod["metadata"]["ownerReferences"].as_array()?.iter();
                        let is_its = owners.any(|owner| owner["kind"] == "StatefulSet" && owner["name"] == set_name);
                        is_its.then(|| name.to_owned())
                    });
                    left = names.collect();
                    if left.is_empty() {
                        return Ok(());
                    }
                    if left.len() != said {
                        said = left.len();
                        let pods = if said == 1 { "pod" } else { "pods" };
                        self.events.emit(Fact::Waiting {
                            words: format!("{said} {pods} of the set to stop"),
                        });
                    }
                }
                Err(failure) => bearing
                    .bear(failure)
                    .map_err(|failure| self.failed("pods of the shards", &failure))?,
            }
            let pods = || match left.as_slice() {
                [] => "pods of the shards".to_owned(),
                left => format!("pod/{}", left.join(", pod/")),
            };
            self.pause(until, "the shards were gone", pods).await?;
        }
    }

    /// Waits until what was deleted is gone.
    pub(super) async fn until_all_is_gone(&mut self) -> Result<(), Short> {
        while let Some((object, path, uid)) = self.going.last().cloned() {
            self.until_it_is_gone(&object, &path, &uid).await?;
            self.going.pop();
        }
        Ok(())
    }

    async fn until_it_is_gone(&self, object: &str, path: &str, uid: &str) -> Result<(), Short> {
        let until = Instant::now() + self.prepared.asked.patience;
        let mut bearing = Bearing::new(self.events);
        let mut said = false;
        loop {
            let looked = self.connection.api().get(path).await;
            match looked.and_then(|answer| answer.parse::<Value>()) {
                Ok(found) if found["metadata"]["uid"] != uid => return Ok(()),
                Ok(_) => bearing.answered(),
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) => bearing.bear(failure).map_err(|failure| self.failed(object, &failure))?,
            }
            if !std::mem::replace(&mut said, true) {
                self.events.emit(Fact::Waiting {
                    words: format!("{object} to be gone"),
                });
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
                finding: Some(Box::new(Finding::new(Severity::Error, what(), words))),
            });
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = interrupted(self.stop, 1) => {}
        }
        Ok(())
    }
}
