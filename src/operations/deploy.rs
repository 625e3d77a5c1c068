//! `deploy` from the first read to the end: what the cluster offers, what each object would become; then the writes, one by one, and
//! the loop that waits until every shard is Ready.
//!
//! The lock is taken before anything is written where the set is there already, and as soon as it is there where it isn't.

pub(super) mod execute;
mod trial;

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;

use super::identity::run_name;
use super::opening;
use crate::cluster::connect::Connection;
use crate::cluster::offered::offered;
use crate::error::Result;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::pod;
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::plan::deploy::coming::Coming;
use crate::plan::deploy::diff::State;
use crate::plan::deploy::offers::judge;
use crate::plan::manifest::Manifest;
use crate::plan::manifest::names::Names;
use crate::plan::promote::places::widened;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::residue::running;
use crate::plan::verify::seen::Seen;

pub use execute::execute;
use trial::{together, try_it};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The parameters.
    pub workload: Workload,
    /// The phase.
    pub phase: Phase,
    /// The objects, in the order in which they are written.
    pub manifests: Vec<Manifest>,
    /// How many shards there should be, and which flags commands repeat.
    pub judging: Policy,
    /// What `--allow` overrides.
    pub allowed: Allowed,
    /// How long the shards may take.
    pub patience: SignedDuration,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
    /// Whether the server is to try every write.
    pub tries: bool,
    /// Whether the shards that are there are moved to the new template afterwards; then what stands on the nodes is read as well.
    pub moves: bool,
    /// The command line that does the same again.
    pub again: String,
}

/// An object, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object.
    pub manifest: Manifest,
    /// What becomes of it.
    pub state: State,
    /// Whether fields of others are taken over.
    force: bool,
}

impl Object {
    /// `kind/name`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.manifest.word(), self.manifest.name())
    }
}

/// What is to be done; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// Every object.
    pub objects: Vec<Object>,
    /// What is in the way.
    pub refusals: Vec<Refusal>,
    /// What is worth knowing.
    pub notes: Vec<Finding>,
    /// The set and everything around it, where it is there.
    pub there: Option<(Snapshot, StatefulSet)>,
    /// When it was read, in the server's time.
    pub at: Timestamp,
    pub(super) run: String,
}

impl Prepared {
    /// Those of the refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        let covers = |refusal: &Refusal| self.asked.allowed.covers(refusal);
        let (allowed, left) = self.refusals.iter().cloned().partition(covers);
        (left, allowed)
    }

    /// How many objects are written.
    pub fn due(&self) -> usize {
        self.objects.iter().filter(|object| object.state.is_due()).count()
    }

    /// Whether everything is as it should be and every shard Ready: such a run writes nothing.
    pub fn is_idle(&self) -> bool {
        let Some((snapshot, _)) = &self.there else { return false };
        let seen = self.seen(snapshot);
        let shards = seen.every_shard().unwrap_or_default();
        let ready = shards.iter().all(|shard| shard.pod.is_some_and(pod::is_ready));
        self.due() == 0 && !shards.is_empty() && ready
    }

    /// How many objects are written, a clause; what wasn't tried may be as it should be.
    pub fn objects_in_words(&self) -> String {
        let untried = |object: &&Object| object.state == State::Untried;
        let untried = self.objects.iter().filter(untried).count();
        let counted = |count: usize| match count {
            1 => "1 object".to_owned(),
            count => format!("{count} objects"),
        };
        match (self.due() - untried, untried) {
            (0, 0) => "nothing to write".to_owned(),
            (due, 0) => format!("write {}", counted(due)),
            (0, untried) => format!("write those of {} that differ", counted(untried)),
            (due, untried) => format!("write {}, and those of {untried} others that differ,", counted(due)),
        }
    }

    /// How a run ends that is refused: what another run is at looks like much that is wrong, and that it runs says all of it. None
    /// where nothing refuses.
    pub fn refused(&self, left: &[Refusal]) -> Option<(End, String)> {
        let first = left.first()?;
        let name = Names::of(&self.asked.workload).set;
        let there = self.there.as_ref();
        let holder = there.and_then(|(snapshot, _)| running(&self.seen(snapshot), &name));
        Some(match holder {
            Some(holder) => {
                let words = format!("{holder} holds the lock on statefulset/{name}; nothing was changed");
                (End::Locked, words)
            }
            None => (End::Refused, format!("refused: {}: {}", first.object, first.message)),
        })
    }

    /// What is to be done, a clause.
    pub fn goal(&self) -> String {
        format!(
            "{} of the {} phase, and wait until {} shards are Ready",
            self.objects_in_words(),
            self.asked.phase.word(),
            self.asked.workload.shards
        )
    }

    /// Whether shards that are there would go on with the template before.
    pub fn is_pending(&self) -> bool {
        let of_template = |object: &Object| {
            let State::Changed { fields } = &object.state else {
                return false;
            };
            object.manifest.kind() == "StatefulSet"
                && fields.iter().any(|change| change.field.starts_with(".spec.template"))
        };
        self.there.is_some() && self.objects.iter().any(of_template)
    }

    /// The outcome of a run that ends before its loop; `written` are the objects that it wrote.
    pub fn ends(&self, end: End, summary: &str, written: &[String], findings: Vec<Finding>, now: Timestamp) -> Outcome {
        let asked = &self.asked;
        let state_now = match (end, written.len()) {
            (End::NothingToDo, _) => format!("all {} shards are Ready", asked.workload.shards),
            (_, 0) => "as it was".to_owned(),
            (_, count) => format!("{count} of {} objects were written: {}", self.due(), written.join(", ")),
        };
        let coming = Coming::new(self.at, asked.patience, written.to_vec(), false, asked.again.clone());
        coming.ends(end, summary, findings, state_now, now)
    }

    fn seen<'a>(&'a self, snapshot: &'a Snapshot) -> Seen<'a> {
        Seen::of(snapshot, &self.asked.judging)
    }
}

/// Looks at what is there, and has the server try every write. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read.
pub async fn prepare(connection: &Connection, asked: Asked, run: Option<String>) -> Result<Prepared> {
    let api = connection.api();
    let workload = &asked.workload;
    let name = Names::of(workload).set;
    let found = offered(api, &workload.namespace, workload.node_class.as_ref()).await;
    let (mut refusals, mut notes) = judge(&found, workload, asked.phase, &asked.judging);
    let there = if found.sets.got().is_some_and(|sets| sets.contains(&name)) {
        let (observed, set) = opening::read(connection, Some(&name), asked.moves, &asked.judging, "to deploy").await?;
        Some((observed.snapshot, set))
    } else {
        None
    };
    let manifests = match &there {
        Some((snapshot, _)) if asked.moves => {
            let seen = Seen::of(snapshot, &asked.judging);
            widened(&asked.manifests, &seen, workload)
        }
        _ => asked.manifests.clone(),
    };
    let tries = manifests.iter().map(|manifest| try_it(connection, &asked, manifest));
    let mut objects = Vec::new();
    for tried in join_all(tries).await {
        let (object, refused) = tried?;
        refusals.extend(refused);
        objects.push(object);
    }
    let run = run.unwrap_or_else(|| {
        run_name(
            if asked.moves { "promote" } else { "deploy" },
            &workload.namespace,
            &name,
        )
    });
    let mut prepared = Prepared {
        objects,
        refusals: together(&asked, refusals),
        notes: Vec::new(),
        there,
        at: api.server_time().now(),
        run,
        asked,
    };
    if prepared.is_pending() && !prepared.asked.moves {
        let words =
            "its template changes: shards that are there keep the one before, until `shardctl upgrade` moves them";
        notes.push(Finding::new(Severity::Warning, format!("statefulset/{name}"), words));
    }
    prepared.notes = notes;
    Ok(prepared)
}
