//! `cleanup` from the first read to the end: what of a workload is there, what is ours, which claims stay; then the set, what is
//! around it, the claims where the data is to go, the pools with their nodes, and what they referred to.
//!
//! What is left to delete is found by looking: run again, it goes on.

mod data;
mod execute;
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
use crate::model::workload::Workload;
use crate::plan::cleanup::{Claim, Turn, is_ours};
use crate::plan::manifest::Manifest;
use crate::plan::manifest::names::Names;
use crate::plan::safety::catalogue::{Allowed, CLAIMS_GO_TOO, POOL_IN_USE, RIGHTS};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::residue::held_by;

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
    pub candidates: Vec<(Turn, Manifest)>,
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

/// What is to be done; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// What goes, in that order; a pool also where it is gone and nodes of it aren't.
    pub items: Vec<Item>,
    /// What is there under one of the names, and isn't ours.
    pub left: Vec<Finding>,
    /// The claims of the shards.
    pub claims: Vec<Claim>,
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
    let mut prepared = Prepared {
        items: Vec::new(),
        left: Vec::new(),
        claims: found_claims(connection, &asked).await?,
        refusals: Vec::new(),
        holder: None,
        at: api.server_time().now(),
        run: run.unwrap_or_else(|| run_name("cleanup", &workload.namespace, &Names::of(workload).set)),
        asked: asked.clone(),
    };
    let gets = asked.candidates.iter().map(|(_, manifest)| {
        let path = manifest.path();
        async move { api.get(&path).await }
    });
    let mut denied: Vec<String> = Vec::new();
    for ((turn, manifest), got) in asked.candidates.iter().zip(join_all(gets).await) {
        let object = format!("{}/{}", manifest.word(), manifest.name());
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
            let judged = judge_pool(connection, &mut prepared, manifest, found.as_ref()).await?;
            denied.extend(judged.err());
            continue;
        }
        let Some(found) = found else { continue };
        if is_ours(&found, workload) {
            if *turn == Turn::Set {
                judge_set(&mut prepared, &object, &found);
            }
            prepared.items.push(Item {
                turn: *turn,
                object,
                path: manifest.path(),
                uid: found["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
            });
        } else {
            let words = format!("isn't labelled as the workload's ({}), and stays", workload.name);
            prepared.left.push(Finding::new(Severity::Warning, object, words));
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

/// The claims that would go with the set refuse, unless they are to go.
fn judge_set(prepared: &mut Prepared, object: &str, found: &Value) {
    if prepared.asked.data {
        return;
    }
    let policy = &found["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"];
    let owned: Vec<String> = prepared
        .claims
        .iter()
        .filter(|claim| claim.is_owned)
        .map(Claim::words)
        .collect();
    if policy != "Delete" && owned.is_empty() {
        return;
    }
    let mut refusal = CLAIMS_GO_TOO.refuse(object, "its retention policy deletes the claims with it");
    refusal.evidence = owned;
    let namespace = &prepared.asked.workload.namespace;
    let patch = r#"-p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}'"#;
    let command = format!(
        "patch statefulset {} -n {namespace} {patch}",
        object.trim_start_matches("statefulset/")
    );
    prepared.refusals.push(
        refusal
            .remedy("keep them:")
            .remedy(prepared.asked.judging.kubectl_cluster(&command)),
    );
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
    manifest: &Manifest,
    found: Option<&Value>,
) -> Result<Result<(), String>> {
    let (name, workload) = (manifest.name(), &prepared.asked.workload);
    let object = format!("nodepool/{name}");
    let mut pool = match pools::look(connection.api(), name, &workload.name, &prepared.asked.set).await {
        Ok(pool) => pool,
        Err(failure) if failure.is_forbidden() => return Ok(Err(format!("{object}: {}", failure.reason()))),
        Err(failure) => return Err(failure.into_error(&format!("read {object}"), connection.endpoint())),
    };
    if pool.is_gone() {
        return Ok(Ok(()));
    }
    if found.is_some() && prepared.asked.phase.is_none() {
        let own = format!("{}/{}-", workload.namespace, Names::of(workload).set);
        pool.pods.retain(|pod| !pod.starts_with(&own));
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
            path: manifest.path(),
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
