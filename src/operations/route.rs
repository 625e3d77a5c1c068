//! `route-test` from the first read to the end: look, find out whose identity answers tell, ask every key at every entry, judge.
//!
//! It only reads, and what it asks is as polite as it was told to be. A pod that changes meanwhile voids all of it.

mod drive;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::sleep;

use crate::cluster::connect::Connection;
use crate::cluster::permit::Permit;
use crate::error::{Error, ErrorKind, Result};
use crate::model::pod;
use crate::model::read::{Read, Skip};
use crate::model::route::ask::Probe;
use crate::model::route::entry::{Entry, Way};
use crate::model::route::identity::Identity;
use crate::model::route::outcome::{ProbeKind, RouteOutcome, UnknownEntry};
use crate::model::route::wire::{Manner, Trust};
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::net::route::{Asker, Cluster, Ways};
use crate::operations::identity::run_name;
use crate::operations::observe::ways;
use crate::operations::prober::{Probed, with_prober};
use crate::plan::prober::{Ask as Prober, prober};
use crate::plan::route::doors::{Doors, NoDoors, Wanted, doors};
use crate::plan::route::judge::{self, Subject, moved};
use crate::plan::route::owners::Owners;
use crate::plan::route::roles::Roles;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

use drive::{Job, drive};
pub use drive::{Pace, Progress};

/// How often it is looked whether a shard's pod is another one by now.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// After how many seconds a helper pod ends by itself: longer than any sensible run.
const PROBER_LASTS: i64 = 3600;

/// How long a helper pod may take to start, its image's fetching included.
const PROBER_STARTS: Duration = Duration::from_secs(120);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// How many shards there should be.
    pub judging: Policy,
    /// The cluster's DNS domain, where it was said.
    pub domain: Option<String>,
    /// How shards are asked.
    pub probe: Probe,
    /// By which rules answers are read.
    pub identity: Identity,
    /// Which entries.
    pub doors: Wanted,
    /// How requests are sent.
    pub manner: Manner,
    /// The keys; none where shards don't speak HTTP.
    pub keys: Vec<String>,
    /// How often each key is asked about at each entry.
    pub rounds: u32,
    /// How fast.
    pub pace: Pace,
    /// What is asked, and how it is read, in words: for the file of owners.
    pub words: Vec<String>,
    /// What is worth knowing of how it was asked for.
    pub notes: Vec<String>,
    /// The owners of an earlier run, and where they stand.
    pub before: Option<(String, Owners)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// The outcome.
    pub outcome: RouteOutcome,
    /// Whose each key is; none where that wasn't asked, or nothing counts.
    pub owners: Option<Owners>,
}

/// The image of a helper pod that may be made, and that somebody said yes to it.
pub struct ProbeImage {
    /// With `sleep`, and curl or wget.
    pub image: String,
    /// The permit.
    pub permit: Permit,
}

/// Runs a route test; `progress` is told after each request. Where no shard can ask from inside, that is unknown.
///
/// # Errors
/// Where the cluster can't be read, a name doesn't exist, the port isn't known, or the earlier run was about something else.
pub async fn route_test(connection: &Connection, asked: &Asked, progress: &dyn Fn(Progress)) -> Result<Tested> {
    let mut test = look(connection, asked).await?;
    match test.inside.clone() {
        Ok(true) => {}
        Ok(false) => {
            test.leave_inside_out("the shards' image has neither curl nor wget: name one that has, with --probe-image");
        }
        Err(why) => test.leave_inside_out(&why),
    }
    carry_out(connection, &test, progress).await
}

/// The same, where a helper pod may ask from inside in the place of shards whose image can't. It is deleted in every case,
/// also when `stopped` ends first.
///
/// # Errors
/// As [`route_test`], and where the helper pod doesn't start.
pub async fn route_test_by_prober(
    connection: &Connection,
    asked: &Asked,
    by: &ProbeImage,
    stopped: impl Future<Output = ()>,
    progress: &dyn Fn(Progress),
) -> Result<Probed<Tested>> {
    let mut test = look(connection, asked).await?;
    let prober = match (test.inside.clone(), &test.node) {
        (Ok(false), Some(node)) => {
            let run = run_name("route-test", connection.namespace(), &test.name);
            let ask = Prober {
                image: &by.image,
                node,
                run: &run,
                seconds: PROBER_LASTS,
            };
            set::pod_spec(&test.set).map(|spec| prober(&test.set, spec, &ask))
        }
        (Err(why), _) => {
            test.leave_inside_out(&why);
            None
        }
        (Ok(_), _) => None,
    };
    let Some(prober) = prober else {
        let tested = tokio::select! {
            biased;
            tested = carry_out(connection, &test, progress) => Some(tested?),
            () = stopped => None,
        };
        return Ok(Probed {
            result: Ok(tested),
            left: None,
        });
    };
    let work = async |asker: Asker| {
        test.ways = test.ways.asked_inside_by(asker);
        carry_out(connection, &test, progress).await
    };
    let probed = with_prober(connection, &by.permit, &prober, PROBER_STARTS, stopped, work).await;
    Ok(Probed {
        result: probed.result.and_then(Option::transpose),
        left: probed.left,
    })
}

async fn carry_out(connection: &Connection, test: &Test<'_>, progress: &dyn Fn(Progress)) -> Result<Tested> {
    let asked = test.asked;
    let moved = changed(connection, test);
    let run = async {
        match &asked.probe {
            Probe::Http(ask) => keys::over_http(test, ask, progress).await,
            Probe::Tcp | Probe::Exec(_) => Ok(by_probe(test, progress).await),
        }
    };
    let tested = tokio::select! {
        biased;
        why = moved => return Ok(test.void(why)),
        tested = run => tested?,
    };
    // The last change counts as much as the first.
    let now = ways::uids(connection, &test.name).await;
    let why = now.map_or_else(
        |why| Some(format!("whether the pods are still the same couldn't be seen: {why}")),
        |now| judge::moved(&test.uids, &now),
    );
    Ok(match why {
        Some(why) => test.void(why),
        None => tested,
    })
}

/// A run that is about to begin.
struct Test<'a> {
    asked: &'a Asked,
    name: String,
    doors: Doors,
    subject: Subject,
    set: StatefulSet,
    /// The node of a Ready shard.
    node: Option<String>,
    uids: BTreeMap<String, String>,
    ways: Ways,
    /// Whether shards have something to ask with from inside, where that is wanted.
    inside: Result<bool, String>,
}

impl Test<'_> {
    fn void(&self, why: String) -> Tested {
        Tested {
            outcome: judge::void(&self.subject, why),
            owners: None,
        }
    }

    /// Makes the entries from inside unknown.
    fn leave_inside_out(&mut self, why: &str) {
        self.doors.entries.retain(|entry| !is_inside(entry));
        self.subject.unknown.push(UnknownEntry {
            name: "in-cluster".to_owned(),
            why: why.to_owned(),
        });
    }
}

fn is_inside(entry: &Entry) -> bool {
    matches!(entry.way, Way::InCluster { .. })
}

async fn look<'a>(connection: &Connection, asked: &'a Asked) -> Result<Test<'a>> {
    let snapshot = ways::ways(connection, asked.statefulset.as_deref()).await?;
    let seen = Seen::of(&snapshot, &asked.judging);
    let set = seen.set().map_err(unseen)?;
    let shards = set::ordinals(set, seen.expected().map_err(unseen)?.shards.max(set::replicas(set)));
    let domain = match asked.doors.in_cluster {
        true => ways::domain(connection, asked.domain.as_deref(), &seen).await,
        false => Read::Absent("no name from inside is asked for".to_owned()),
    };
    let doors = doors(&seen, &asked.doors, &domain).map_err(|none| no_doors(none, asked))?;
    let name = set::name(set).to_owned();
    let ways = Ways::new(asked.manner.clone(), Some(into_pods(connection, &snapshot, &seen)?))?;
    let inside = match doors.entries.iter().any(is_inside) {
        true => ways.can_ask_inside().await.map_err(|failed| failed.words),
        false => Ok(true),
    };
    let pods = seen.pods().map_err(unseen)?;
    let ready = pods.into_iter().find(|found| pod::is_ready(found));
    Ok(Test {
        subject: Subject {
            namespace: connection.namespace().to_owned(),
            statefulset: name.clone(),
            shards,
            probe: match asked.probe {
                Probe::Http(_) => ProbeKind::Http,
                Probe::Tcp => ProbeKind::Tcp,
                Probe::Exec(_) => ProbeKind::Exec,
            },
            keys: asked.keys.len(),
            rounds: asked.rounds,
            unknown: doors.unknown.clone(),
            notes: notes(asked, &doors),
        },
        uids: ways::of(&seen).map_err(unseen)?,
        set: set.clone(),
        node: ready.and_then(pod::node).map(str::to_owned),
        asked,
        name,
        doors,
        ways,
        inside,
    })
}

fn notes(asked: &Asked, doors: &Doors) -> Vec<String> {
    let mut notes = asked.notes.clone();
    notes.extend(doors.notes.iter().cloned());
    if asked.manner.trust == Trust::Anybody && doors.entries.iter().any(|entry| entry.tls) {
        notes.push("--insecure: no certificate was looked at, so that anybody may have answered".to_owned());
    }
    if asked.doors.shards && !matches!(asked.probe, Probe::Exec(_)) {
        notes.push(
            "a port-forward dials localhost inside the pod: what it shows bypasses the pod's address, NetworkPolicy, DNS and \
             the load balancer"
                .to_owned(),
        );
    }
    notes
}

fn into_pods(connection: &Connection, snapshot: &Snapshot, seen: &Seen<'_>) -> Result<Cluster> {
    let ready = seen
        .pods()
        .map_err(unseen)?
        .into_iter()
        .filter(|found| pod::is_ready(found));
    Ok(Cluster {
        client: connection.upgrade_client()?,
        namespace: snapshot.taken.namespace.clone(),
        container: ways::container(seen),
        askers: ready.map(|found| pod::name(found).to_owned()).collect(),
        in_process: connection.is_a_rehearsal(),
    })
}

fn unseen(skip: Skip) -> Error {
    match skip {
        Skip::Unknown(why) => Error::new(ErrorKind::Unreachable, format!("failed to find the shards: {why}")),
        Skip::NotApplicable(why) => Error::usage(format!("there is nothing to test: {why}")),
    }
}

fn no_doors(none: NoDoors, asked: &Asked) -> Error {
    match none {
        NoDoors::Skip(skip) => unseen(skip),
        NoDoors::Port { why, known } => {
            let error = Error::usage(format!("which port of the shards is meant isn't known: {why}"));
            let error = match known.is_empty() {
                true => error,
                false => error.hint(format!("the ports are {}", known.join(", "))),
            };
            error.hint(asked.judging.shardctl("route-test --port NAME|NUMBER"))
        }
    }
}

/// Waits until a shard's pod is another one, and says so. What can't be read for a moment is looked at again.
async fn changed(connection: &Connection, test: &Test<'_>) -> String {
    loop {
        sleep(LOOK_AGAIN).await;
        let now = ways::uids(connection, &test.name).await;
        if let Some(why) = now.ok().and_then(|now| moved(&test.uids, &now)) {
            return why;
        }
    }
}

/// Whether every entry takes a connection, or what every shard answers to a command.
async fn by_probe(test: &Test<'_>, progress: &dyn Fn(Progress)) -> Tested {
    let asked = test.asked;
    // A command is run inside shards, and nowhere else.
    let entries: &[Entry] = match asked.probe {
        Probe::Exec(_) => &test.doors.pods,
        Probe::Http(_) | Probe::Tcp => &test.doors.entries,
    };
    let mut roles = Roles::new(&asked.probe, entries.to_vec());
    let send = async |job: Job| match (entries.get(job.entry), &asked.probe) {
        (Some(entry), Probe::Exec(command)) => Some(test.ways.run(entry, command).await),
        (Some(entry), Probe::Http(_) | Probe::Tcp) => Some(test.ways.knock(entry).await),
        (None, _) => None,
    };
    drive(
        jobs(1, entries.len(), asked.rounds),
        asked.pace,
        progress,
        send,
        |job, seen| match seen {
            Some(seen) => roles.take(job.entry, seen),
            None => roles.leave_out(job.entry),
        },
    )
    .await;
    Tested {
        outcome: judge::of_roles(&test.subject, &roles),
        owners: None,
    }
}

/// Every key at every entry, round by round: what two rounds see of a key lies as far apart as it can.
fn jobs(keys: usize, entries: usize, rounds: u32) -> impl ExactSizeIterator<Item = Job> {
    let count = keys * entries * usize::try_from(rounds).unwrap_or(1);
    (0..count).map(move |at| Job {
        key: at / entries % keys,
        entry: at % entries,
    })
}
