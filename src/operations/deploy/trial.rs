//! Having the server try each object: what would become of it, whose fields would change, which rights are missing.

use serde_json::Value;

use super::{Asked, Object};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::write::try_apply;
use crate::error::Result;
use crate::model::refusal::Refusal;
use crate::model::workload::Workload;
use crate::plan::deploy::diff::{State, state};
use crate::plan::deploy::offers::{conflict, demand_left, taken};
use crate::plan::manifest::Manifest;
use crate::plan::safety::catalogue::{MANIFEST, RIGHTS};

/// What becomes of one object, and what the server has against it.
pub(super) async fn try_it(
    connection: &Connection,
    asked: &Asked,
    manifest: &Manifest,
) -> Result<(Object, Option<Refusal>)> {
    let api = connection.api();
    let path = manifest.path();
    let mut object = Object {
        manifest: manifest.clone(),
        state: State::Untried,
        force: false,
    };
    let name = object.name();
    let failed = |failure: Failure| failure.into_error(&format!("try to write {name}"), connection.endpoint());
    let before: Option<Value> = match get(connection, &path).await {
        Ok(before) => Some(before),
        Err(failure) if failure.is_not_found() => None,
        Err(failure) if failure.is_forbidden() => return Ok((object, Some(RIGHTS.refuse(&name, failure.reason())))),
        Err(failure) => return Err(failure.into_error(&format!("read {name}"), connection.endpoint())),
    };
    if before.is_none() {
        object.state = State::Created;
    }
    if let Some(refused) = before
        .as_ref()
        .and_then(|before| taken(&name, before, &asked.workload, &asked.judging))
    {
        object.state = State::Untried;
        return Ok((object, Some(refused)));
    }
    if !asked.tries {
        return Ok((object, None));
    }
    let mut refusal = None;
    let mut tried = try_apply(api, &path, manifest, false).await;
    if let Err(failure) = &tried {
        let owned = failure.owned();
        if !owned.is_empty() {
            let look = look(manifest, &asked.workload);
            let refused = conflict(&name, &owned, &asked.judging, &look);
            object.force = asked.allowed.covers(&refused);
            refusal = Some(refused);
            if object.force {
                tried = try_apply(api, &path, manifest, true).await;
            }
        }
    }
    match tried {
        Ok(answer) => {
            let after: Value = answer.parse().map_err(failed)?;
            if let Some(before) = before {
                object.state = state(&before, &after);
                if manifest.kind() == "StatefulSet" && refusal.as_ref().is_none_or(|_| object.force) {
                    let left = demand_left(&name, manifest, [&before, &after], &asked.judging);
                    refusal = left.or(refusal);
                }
            }
        }
        Err(_) if refusal.is_some() => {}
        // Its namespace is made first, or its kind isn't served, which is refused elsewhere: it can't be tried.
        Err(failure) if failure.is_not_found() => {}
        Err(failure) if failure.is_forbidden() => refusal = Some(RIGHTS.refuse(&name, failure.reason())),
        Err(failure) if failure.is_for_good() => {
            refusal = Some(MANIFEST.refuse(&name, failure.reason()));
        }
        Err(failure) => return Err(failed(failure)),
    }
    Ok((object, refusal))
}

/// The refusals, with those for missing rights as one.
pub(super) fn together(asked: &Asked, refusals: Vec<Refusal>) -> Vec<Refusal> {
    let (denied, mut others): (Vec<_>, Vec<_>) = refusals.into_iter().partition(|refusal| refusal.id == RIGHTS.id);
    if denied.is_empty() {
        return others;
    }
    let mut one = RIGHTS.refuse(
        format!("namespace/{}", asked.workload.namespace),
        format!(
            "{} of {} objects may not be read or written",
            denied.len(),
            asked.manifests.len()
        ),
    );
    for refusal in denied {
        one = one.evidence(format!("{}: {}", refusal.object, refusal.message));
    }
    let (what, purpose) = if asked.moves {
        ("a promotion", "promote")
    } else {
        ("a deployment", "deploy")
    };
    one = one.remedy(format!("the Roles that {what} takes, for somebody who may bind them:"));
    others.insert(0, one.remedy(asked.judging.shardctl(&format!("rbac --for {purpose}"))));
    others
}

async fn get(connection: &Connection, path: &str) -> Result<Value, Failure> {
    connection.api().get(path).await?.parse()
}

/// How kubectl shows an object.
fn look(manifest: &Manifest, workload: &Workload) -> String {
    format!("get {} {} -n {}", manifest.word(), manifest.name(), workload.namespace)
}
