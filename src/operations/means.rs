//! What a run has at hand: the server, the permit, the lock, the live views, the user's commands, and where events go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use tokio::time::timeout;

use crate::cluster::announce::announce;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::{Lists, Volumes, around, fresh};
use crate::cluster::lease::{self, Lock};
use crate::cluster::permit::Permit;
use crate::cluster::recording::empty;
use crate::cluster::watch::Watches;
use crate::event::{Fact, LockState};
use crate::model::objects::Objects;
use crate::model::outcome::{End, Outcome};
use crate::model::read::Read;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;
use crate::model::step::TemplateChange;
use crate::model::storage::PersistentVolume;
use crate::operations::emit::Emitter;
use crate::operations::observe::read_room;
use crate::operations::tasks::Tasks;
use crate::plan::marking::Marker;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::verify::known::Known;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// How long the last words to the server may take, when a run ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The means of a run.
pub struct Run {
    /// The server.
    pub connection: Connection,
    /// That somebody said yes.
    pub permit: Permit,
    /// The lock on the set.
    pub lock: Lock,
    /// The live views.
    pub watches: Watches,
    /// What was read once at the beginning, of kinds that aren't watched.
    pub base: Snapshot,
    /// How many shards there should be, and which flags commands repeat.
    pub policy: Policy,
    /// What is known of the pods from one look to the next.
    pub known: Known,
    /// What uncached looks leave to the next one.
    pub lists: Lists,
    /// The set, as it was at the beginning.
    pub set: StatefulSet,
    /// The run, for example `upgrade/shop/db/4f2a`.
    pub name: String,
    /// Who runs it: user and host.
    pub by: String,
    /// Until when marks of this run are meant to last.
    pub marks_until: Timestamp,
    /// What the shards are to become.
    pub aimed: Aimed,
    /// The user's commands and gate.
    pub tasks: Tasks,
    /// Where events go.
    pub events: Emitter,
}

/// The volumes as they were read last, with one shard's as they are now: those that are read again, and none that was `meant` for it
/// and isn't. The very list of before where nothing is new.
fn with_its(
    all: &Objects<PersistentVolume>,
    its: &Objects<PersistentVolume>,
    meant: &BTreeSet<String>,
) -> Objects<PersistentVolume> {
    let name = |one: &PersistentVolume| one.metadata.name.clone().unwrap_or_default();
    let is_among = |one: &PersistentVolume| all.named(&name(one)).is_some_and(|known| std::ptr::eq(known, one));
    let now: BTreeSet<String> = its.iter().map(name).collect();
    if its.iter().all(is_among) && meant.is_subset(&now) {
        return all.clone();
    }
    let stays = |volume: &&Arc<PersistentVolume>| {
        let name = name(volume);
        !meant.contains(&name) && !now.contains(&name)
    };
    let others = all.shared().filter(stays);
    others.chain(its.shared()).cloned().collect()
}

/// What the shards are to become, as far as effects need to know it.
#[derive(Clone, Debug)]
pub struct Aimed {
    /// The template.
    pub template: PodTemplateSpec,
    /// What is written; nothing where the template is there already.
    pub change: Option<TemplateChange>,
    /// What `--allow` overrides.
    pub allowed: Allowed,
    /// How long a node may take to fetch images, in seconds.
    pub pull_seconds: i64,
    /// How long each pod that goes gets to stop, in seconds, where that isn't its own number.
    pub grace: Option<i64>,
}

impl Run {
    /// What is seen now: what the watches bring, over what was read at the beginning.
    pub(in crate::operations) fn look(&self) -> Snapshot {
        self.watches.over(&self.base)
    }

    /// A snapshot with how it is judged.
    pub(in crate::operations) fn seen<'a>(&'a self, look: &'a Snapshot) -> Seen<'a> {
        Seen::after(look, &self.policy, &self.known)
    }

    /// The server's time.
    pub(in crate::operations) fn now(&self) -> Timestamp {
        self.connection.api().server_time().now()
    }

    /// Who marks what this run changes.
    pub(in crate::operations) fn marker(&self) -> Marker<'_> {
        Marker {
            run: &self.name,
            by: &self.by,
            now: self.now(),
            until: self.marks_until,
        }
    }

    /// The namespace.
    pub(in crate::operations) fn namespace(&self) -> &str {
        self.connection.namespace()
    }

    /// An uncached look at the set, its pods, claims and budgets, and at those volumes that are asked for, over what the watches
    /// bring; the watches learn from it. Where nodes are emptied, also at the pods on them and the budgets of all namespaces.
    pub(in crate::operations) async fn look_fresh(&mut self, volumes: Volumes) -> Result<Snapshot, Failure> {
        let api = self.connection.api();
        let nodes = self.watches.nodes();
        let around = async {
            if nodes.is_empty() {
                None
            } else {
                Some(around(api, &nodes).await)
            }
        };
        let known = self.look();
        let look = fresh(
            &self.connection,
            self.connection.namespace(),
            &self.set,
            Some(&known),
            &mut self.lists,
            volumes,
        );
        let (read, around) = Box::pin(join(look, around)).await;
        let read = read?;
        if let Some(around) = around {
            self.watches.absorb_around(&around);
            self.base.all_budgets = around.budgets;
        }
        self.base.volumes = read.volumes.clone();
        Ok(self.absorb(read))
    }

    /// The room on the nodes as it is now; none where what was read can't be understood.
    pub(in crate::operations) async fn room(&self) -> Option<Box<Snapshot>> {
        let mut recording = empty(&self.connection, Some(set::name(&self.set).to_owned()));
        for reading in read_room(self.connection.api(), self.namespace()).await {
            recording.objects.insert(reading.resource, reading.objects);
        }
        Snapshot::derive(&recording).ok().map(Box::new)
    }

    /// Posts an Event on the set, in the background: the operation doesn't wait for its news.
    pub(in crate::operations) fn announce(&self, reason: &'static str, warning: bool, message: String) {
        let (api, permit) = (self.connection.api().clone(), self.permit.clone());
        let (set, by) = (self.set.clone(), self.by.clone());
        tokio::spawn(async move { announce(&api, &permit, &set, reason, warning, &message, &by).await });
    }

    pub(in crate::operations) async fn announce_end(&self, outcome: &Outcome) {
        let warning = !matches!(outcome.end, End::Done | End::NothingToDo);
        let reason = if warning {
            "OperationStopped"
        } else {
            "OperationFinished"
        };
        let message = format!("{}: {}", self.name, outcome.summary);
        let post = announce(
            self.connection.api(),
            &self.permit,
            &self.set,
            reason,
            warning,
            &message,
            &self.by,
        );
        let _ = timeout(LAST_WORDS, post).await;
    }

    /// Gives the lock back; where the server doesn't answer, it expires by itself.
    pub(in crate::operations) async fn give_back(self) {
        let lost = self.lock.is_lost();
        let object = format!("lease/{}", lease::name(set::name(&self.set)));
        let released = timeout(LAST_WORDS, self.lock.release()).await;
        if !lost && matches!(released, Ok(Ok(()))) {
            self.events.emit(Fact::Lock {
                state: LockState::Released,
                object,
                holder: None,
            });
        }
    }
}

impl Run {
    /// As [`Run::absorb`], of a read that has the volumes of one shard only: the others' stay as they were read last.
    pub(in crate::operations) fn absorb_one(&mut self, read: Snapshot, ordinal: Ordinal) -> Snapshot {
        match (&mut self.base.volumes, &read.volumes) {
            (Read::Got(all), Read::Got(its)) => {
                let meant = self.lists.meant_for(all, &self.set, ordinal);
                *all = with_its(all, its, &meant);
            }
            // One shard's aren't everybody's: the others' stay unread until a look has them all.
            (_, Read::Got(_)) => {}
            // What can't be read before a deletion is unreadable, whatever was seen before.
            (before, now) => *before = now.clone(),
        }
        let its = read.volumes.clone();
        let look = self.absorb(read);
        match &look.volumes {
            Read::Got(_) => look,
            Read::Absent(_) | Read::Unreadable(_) => Snapshot { volumes: its, ..look },
        }
    }

    /// Takes in an uncached read, and gives it over what the watches bring.
    pub(in crate::operations) fn absorb(&mut self, read: Snapshot) -> Snapshot {
        self.watches.absorb(&read);
        let look = self.look();
        Snapshot {
            sets: read.sets,
            pods: read.pods,
            budgets: read.budgets,
            claims: read.claims,
            leases: read.leases,
            ..look
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_shards_volumes_take_the_place_of_those_that_it_had_and_one_that_is_gone_is_gone() {
        let volume = |name: &str, version: &str| {
            let metadata = json!({"name": name, "resourceVersion": version});
            Arc::new(serde_json::from_value::<PersistentVolume>(json!({"metadata": metadata})).unwrap())
        };
        let (one, other) = (volume("pv-0", "1"), volume("pv-1", "1"));
        let all: Objects<PersistentVolume> = [one.clone(), other.clone()].into_iter().collect();
        let meant = BTreeSet::from(["pv-0".to_owned()]);
        let now = |its: Vec<Arc<PersistentVolume>>| with_its(&all, &its.into_iter().collect(), &meant);
        let told = |volumes: &Objects<PersistentVolume>| -> Vec<String> {
            let meta = volumes.iter().map(|volume| &volume.metadata);
            meta.map(|meta| {
                format!(
                    "{} {}",
                    meta.name.as_deref().unwrap(),
                    meta.resource_version.as_deref().unwrap()
                )
            })
            .collect()
        };
        assert!(now(vec![one]).is_the_same_as(&all));
        assert_eq!(told(&now(vec![volume("pv-0", "2")])), ["pv-1 1", "pv-0 2"]);
        assert_eq!(told(&now(vec![volume("pv-9", "3")])), ["pv-1 1", "pv-9 3"]);
        assert_eq!(told(&now(Vec::new())), ["pv-1 1"]);
    }
}
