//! `cleanup` from the first read to the end: what of a workload is there, what is ours, which claims stay; then the set, what is
//! around it, the claims where the data is to go, the pools with their nodes, and what they referred to.
//!
//! What is left to delete is found by looking: run again, it goes on.

mod data;
mod execute;
mod guard;
mod marks;
mod told;
mod waits;

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use serde_json::Value;

use super::identity::run_name;
use super::pools;
use crate::cluster::connect::Connection;
use crate::cluster::get::Api;
use crate::cluster::lease;
use crate::cluster::write::try_delete;
use crate::error::Result;
use crate::model::finding::{Finding, Severity};
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::set;
use crate::model::shell::shell_word;
use crate::model::workload::Workload;
use crate::plan::cleanup::{Claim, Outlived, Turn, is_ours, is_shard};
use crate::plan::manifest::Place;
use crate::plan::manifest::names::Names;
use crate::plan::safety::catalogue::{Allowed, CLAIMS_GO_TOO, CLAIMS_OF_ANOTHER, PHASE_IN_USE, POOL_IN_USE, RIGHTS};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::residue::held_by;
use crate::plan::verify::seen::phase_of;

use data::{claim_path, found_claims};
pub use execute::execute;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The parameters.
    pub workload: Workload,
    /// Only what is this phase's alone.
    pub phase: Option<Phase>,
    /// Whether the claims go, and the data with them.
    pub data: bool,
    /// The set as it is rendered: what its claims are called.
    pub set: StatefulSet,
    /// What may be there, in the order in which it goes.
    pub candidates: Vec<(Turn, Place)>,
    /// Which flags commands repeat.
    pub judging: Policy,
    /// What `--allow` overrides.
    pub allowed: Allowed,
    /// How long shards and nodes may take to go.
    pub patience: Duration,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
    /// Whether the server is to try every deletion.
    pub tries: bool,
    /// The command line that does the same again.
    pub again: String,
}

/// An object that goes.
#[derive(Clone, Debug)]
pub struct Item {
    /// When.
    pub turn: Turn,
    /// Its name, as `kind/name`.
    pub object: String,
    /// Where it is served.
    pub path: String,
    /// Its uid.
    pub uid: String,
}

/// The set that is there.
#[derive(Clone, Debug)]
pub(super) struct There {
    pub uid: String,
    /// The phase that its template is of.
    pub phase: Phase,
    /// Whether its claims go with it.
    pub takes_claims: bool,
}

/// What is to be done; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// Which cluster it is about, in words.
    pub cluster: String,
    /// The set of that name, whosever it is.
    there: Option<There>,
    /// What goes, in that order; a pool also where it is gone and nodes of it aren't.
    pub items: Vec<Item>,
    /// What is there under one of the names, and isn't ours.
    pub left: Vec<Finding>,
    /// The claims of the shards.
    pub claims: Vec<Claim>,
    /// The volumes that have outlived their claims.
    pub outlived: Vec<Outlived>,
    /// What is in the way.
    pub refusals: Vec<Refusal>,
    /// Who holds the lock on the set, where something is in the way.
    holder: Option<String>,
    /// When it was read, in the server's time.
    pub at: Timestamp,
    run: String,
}

/// The options that delete an object only where it is still this one.
pub(super) fn only(uid: &str) -> DeleteOptions {
    DeleteOptions {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    }
}

/// Looks at what is there, and has the server try every deletion. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read.
pub async fn prepare(connection: &Connection, asked: Asked, run: Option<String>) -> Result<Prepared> {
    let api = connection.api();
    let workload = &asked.workload;
    let (claims, outlived) = found_claims(connection, &asked).await?;
    let mut prepared = Prepared {
        cluster: cluster(connection),
        there: None,
        items: Vec::new(),
        left: Vec::new(),
        claims,
        outlived,
        refusals: Vec::new(),
        holder: None,
        at: api.server_time().now(),
        run: run.unwrap_or_else(|| run_name("cleanup", &workload.namespace, &Names::of(workload).set)),
        asked: asked.clone(),
    };
    let mut denied: Vec<String> = judge_set(connection, &mut prepared).await?;
    let others: Vec<&(Turn, Place)> = asked.candidates.iter().filter(|(turn, _)| *turn != Turn::Set).collect();
    let gets = others.iter().map(|(_, place)| api.get(&place.path));
    for ((turn, place), got) in others.iter().zip(join_all(gets).await) {
        let object = place.object();
        let found: Option<Value> = match got.and_then(|answer| answer.parse()) {
            Ok(found) => Some(found),
            Err(failure) if failure.is_not_found() => None,
            Err(failure) if failure.is_forbidden() => {
                denied.push(format!("{object}: {}", failure.reason()));
                continue;
            }
            Err(failure) => return Err(failure.into_error(&format!("read {object}"), connection.endpoint())),
        };
        if *turn == Turn::Pool {
            let judged = judge_pool(connection, &mut prepared, place, found.as_ref()).await?;
            denied.extend(judged.err());
            continue;
        }
        let Some(found) = found else { continue };
        if is_ours(&found, workload) {
            prepared.items.push(Item {
                turn: *turn,
                object,
                path: place.path.clone(),
                uid: found["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
            });
        } else {
            prepared.left.push(not_ours(object, workload));
        }
    }
    if asked.tries {
        denied.extend(try_all(api, &prepared).await);
    }
    if !denied.is_empty() {
        let mut one = RIGHTS.refuse(
            format!("namespace/{}", workload.namespace),
            format!("{} objects may not be read or deleted", denied.len()),
        );
        one.evidence = denied;
        let one = one.remedy("the Roles that a cleanup takes, for somebody who may bind them:");
        prepared
            .refusals
            .insert(0, one.remedy(asked.judging.shardctl("rbac --for cleanup")));
    }
    if !prepared.refusals.is_empty() {
        prepared.holder = holder(api, workload).await;
    }
    Ok(prepared)
}

/// Which cluster it is, for people who have several.
fn cluster(connection: &Connection) -> String {
    let server = connection.server().to_string();
    let server = server.trim_end_matches('/');
    match connection.context() {
        Some(context) => format!("context {context}, {server}"),
        None => format!("the cluster at {server}"),
    }
}

fn not_ours(object: String, workload: &Workload) -> Finding {
    let words = format!("isn't labelled as the workload's ({}), and stays", workload.name);
    Finding::new(Severity::Warning, object, words)
}

/// Where the set is served, and what it is called.
pub(super) fn place_of_the_set(asked: &Asked) -> (String, String) {
    let name = set::name(&asked.set);
    let namespace = &asked.workload.namespace;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}");
    (format!("statefulset/{name}"), path)
}

/// Looks at the set, and judges whether it and its claims, or the pool of its phase, may go. What may not be read.
async fn judge_set(connection: &Connection, prepared: &mut Prepared) -> Result<Vec<String>> {
    let (object, path) = place_of_the_set(&prepared.asked);
    let got = connection.api().get(&path).await;
    let found: Value = match got.and_then(|answer| answer.parse()) {
        Ok(found) => found,
        Err(failure) if failure.is_not_found() => return Ok(Vec::new()),
        Err(failure) if failure.is_forbidden() => return Ok(vec![format!("{object}: {}", failure.reason())]),
        Err(failure) => return Err(failure.into_error(&format!("read {object}"), connection.endpoint())),
    };
    let asked = &prepared.asked;
    let is_ours = is_ours(&found, &asked.workload);
    let uid = found["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    prepared.there = Some(There {
        uid: uid.clone(),
        phase: phase(&found),
        takes_claims: takes_claims(&found, &prepared.claims),
    });
    if asked.phase.is_some() {
        let refusal = is_ours.then(|| phase_in_use(asked, &object, &found)).flatten();
        prepared.refusals.extend(refusal);
        return Ok(Vec::new());
    }
    if !is_ours {
        prepared.refusals.extend(of_another(prepared, &object));
        prepared.left.push(not_ours(object, &prepared.asked.workload));
        return Ok(Vec::new());
    }
    let refusal = claims_go_too(asked, &object, &found, &prepared.claims);
    prepared.refusals.extend(refusal);
    let (refusals, denied) = marks::left(connection, &prepared.asked, &found).await?;
    prepared.refusals.extend(refusals);
    prepared.items.push(Item {
        turn: Turn::Set,
        object,
        path,
        uid,
    });
    Ok(denied)
}

/// The phase that a set's template is of.
fn phase(found: &Value) -> Phase {
    let set: StatefulSet = serde_json::from_value(found.clone()).unwrap_or_default();
    phase_of(&set).0
}

/// The pool that the set gets its nodes from stays.
pub(super) fn phase_in_use(asked: &Asked, object: &str, found: &Value) -> Option<Refusal> {
    let phase = phase(found);
    if asked.phase != Some(phase) {
        return None;
    }
    let words = format!(
        "it is in the {} phase: its shards get their nodes from that pool",
        phase.word()
    );
    let refusal = PHASE_IN_USE.refuse(object, words);
    let again = |command: &str| {
        asked
            .judging
            .shardctl(&format!("{command} --name {}", shell_word(&asked.workload.name)))
    };
    let refusal = match phase {
        Phase::Explore => refusal
            .remedy("move the shards to the stable phase, which takes this pool away itself:")
            .remedy(again("promote")),
        Phase::Stable => refusal,
    };
    Some(refusal.remedy("or delete the set as well:").remedy(again("cleanup")))
}

/// The claims that another set may hold stay.
fn of_another(prepared: &Prepared, object: &str) -> Option<Refusal> {
    if !prepared.asked.data || prepared.claims.is_empty() {
        return None;
    }
    let words = "isn't labelled as the workload's, and the claims of its shards have these names";
    let mut refusal = CLAIMS_OF_ANOTHER.refuse(object, words);
    refusal.evidence = prepared.claims.iter().map(Claim::words).collect();
    let namespace = shell_word(&prepared.asked.workload.namespace);
    let command = format!("get {object} -n {namespace} --show-labels");
    Some(
        refusal
            .remedy("see whose it is:")
            .remedy(prepared.asked.judging.kubectl_cluster(&command)),
    )
}

/// Whether claims go with the set.
fn takes_claims(found: &Value, claims: &[Claim]) -> bool {
    let policy = &found["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"];
    policy == "Delete" || claims.iter().any(|claim| claim.is_owned)
}

/// The claims that would go with the set refuse, unless they are to go.
pub(super) fn claims_go_too(asked: &Asked, object: &str, found: &Value, claims: &[Claim]) -> Option<Refusal> {
    if asked.data || !takes_claims(found, claims) {
        return None;
    }
    let mut refusal = CLAIMS_GO_TOO.refuse(object, "its retention policy deletes the claims with it");
    refusal.evidence = claims.iter().filter(|claim| claim.is_owned).map(Claim::words).collect();
    let patch = r#"-p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}'"#;
    let name = object.trim_start_matches("statefulset/");
    let command = format!("patch statefulset {name} -n {} {patch}", asked.workload.namespace);
    Some(
        refusal
            .remedy("keep them:")
            .remedy(asked.judging.kubectl_cluster(&command)),
    )
}

/// Who holds the lock on the set now, by the times that are written; where that can't be seen, nobody is named.
async fn holder(api: &Api, workload: &Workload) -> Option<String> {
    let name = lease::name(&Names::of(workload).set);
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}",
        workload.namespace
    );
    let found: Lease = api.get(&path).await.ok()?.parse().ok()?;
    held_by(&found, api.server_time().now()).map(str::to_owned)
}

/// A pool, with the pods on its nodes: those of the shards go before it, with helper pods that a run has left; anybody else's keep it.
/// The inner error is what may not be read.
async fn judge_pool(
    connection: &Connection,
    prepared: &mut Prepared,
    place: &Place,
    found: Option<&Value>,
) -> Result<Result<(), String>> {
    let (name, workload) = (place.name.as_str(), &prepared.asked.workload);
    let object = place.object();
    let mut pool = match pools::look(connection.api(), name, &workload.name, &prepared.asked.set).await {
        Ok(pool) => pool,
        Err(failure) if failure.is_forbidden() => return Ok(Err(format!("{object}: {}", failure.reason()))),
        Err(failure) => return Err(failure.into_error(&format!("read {object}"), connection.endpoint())),
    };
    if pool.is_gone() {
        return Ok(Ok(()));
    }
    if found.is_some() && prepared.asked.phase.is_none() {
        pool.pods.retain(|pod| !is_shard(&prepared.asked.set, pod));
        // They are the set's, and go with it.
        pool.helpers.clear();
    }
    match pools::kept(&pool, &prepared.asked.judging).filter(|_| found.is_some()) {
        Some(finding) if pool.is_ours => {
            let mut refusal = POOL_IN_USE.refuse(&object, finding.message);
            refusal.evidence = finding.evidence;
            refusal.remedy = finding.remedy;
            prepared.refusals.push(refusal);
        }
        Some(finding) => prepared.left.push(finding),
        None => prepared.items.push(Item {
            turn: Turn::Pool,
            object,
            path: place.path.clone(),
            uid: pool.uid.unwrap_or_default(),
        }),
    }
    Ok(Ok(()))
}

/// Has the server try the deletions; what it doesn't let us.
async fn try_all(api: &Api, prepared: &Prepared) -> Vec<String> {
    let claims = prepared.claims.iter().filter(|_| prepared.asked.data);
    let claims = claims.map(|claim| {
        let path = claim_path(&prepared.asked.workload, &claim.name);
        (format!("pvc/{}", claim.name), path, claim.uid.clone())
    });
    let items = prepared.items.iter().filter(|item| !item.uid.is_empty());
    let items = items.map(|item| (item.object.clone(), item.path.clone(), item.uid.clone()));
    let tried = items.chain(claims).map(|(object, path, uid)| async move {
        let failure = try_delete(api, &path, &only(&uid)).await.err()?;
        (failure.is_forbidden() || failure.is_for_good() && !failure.is_not_found())
            .then(|| format!("{object}: {}", failure.reason()))
    });
    join_all(tried).await.into_iter().flatten().collect()
}
