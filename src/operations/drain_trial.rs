//! Asking the server whether it would let a drain do what it does: each kind of write once, and none of it kept.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::drain::Prepared;
use super::evict::mark;
use super::identity::who;
use super::trial::{Tried, refused};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::protection::try_eviction;
use crate::cluster::write::{exactly, try_delete, try_json_patch};
use crate::error::Result;
use crate::model::finding::{Finding, Severity};
use crate::model::read::Read;
use crate::model::{pod, set};
use crate::plan::drain::Strategy;
use crate::plan::eviction::Again;
use crate::plan::relax::{Room, relax_patch, room};
use crate::plan::safety::catalogue::{BUDGET_UNCLEAR, WRITE};

/// Tries the cordon of each node, what the strategy does to the budget or the set, and how the first shard and the first other
/// pod would go.
///
/// # Errors
/// Where the server gave no answer.
pub async fn try_drain(connection: &Connection, prepared: &Prepared) -> Result<Tried> {
    let mut tried = Tried::default();
    let cordon = json!([{"op": "add", "path": "/spec/unschedulable", "value": true}]);
    for name in &prepared.drain.aim.order {
        let path = format!("/api/v1/nodes/{name}");
        patch(connection, &format!("node/{name}"), &path, &cordon, &mut tried).await?;
    }
    let pods = prepared.seen().own_pods().unwrap_or_default();
    let first = prepared.order().into_iter().next();
    let first = first.and_then(|name| pods.into_iter().find(|found| pod::name(found) == name));
    if let Some(shard) = first {
        let object = format!("pod/{}", pod::name(shard));
        match prepared.asked.policy.strategy {
            Strategy::Relax => open_budget(connection, prepared, pod::name(shard), &mut tried).await?,
            Strategy::Surge => scale(connection, prepared, &mut tried).await?,
            Strategy::Direct | Strategy::Downtime => {}
        }
        if prepared.asked.policy.strategy.evicts() {
            evict(connection, connection.namespace(), shard, true, &mut tried).await;
        } else {
            let path = format!(
                "/api/v1/namespaces/{}/pods/{}",
                connection.namespace(),
                pod::name(shard)
            );
            let version = shard.metadata.resource_version.as_deref().unwrap_or_default();
            let became = try_delete(connection.api(), &path, &exactly(pod::uid(shard), version)).await;
            conclude(connection, &object, became.map(drop), &mut tried)?;
        }
    }
    let rows = prepared.found.nodes.iter().flat_map(|(_, others)| &others.rows);
    if let Some(row) = rows.into_iter().find(|row| row.is_evicted()) {
        let all = prepared.snapshot.node_pods.got().into_iter().flatten();
        if let Some(found) = all.into_iter().find(|found| pod::uid(found) == row.uid) {
            evict(connection, &row.namespace, found, false, &mut tried).await;
        }
    }
    Ok(tried)
}

/// The budget's patch, where the shard needs one.
async fn open_budget(connection: &Connection, prepared: &Prepared, shard: &str, tried: &mut Tried) -> Result<()> {
    let seen = prepared.seen();
    let change = match room(&seen, shard, prepared.at) {
        Ok(Room::Closed(change)) => change,
        Ok(Room::Open) => return Ok(()),
        Err(blocked) if blocked.again == Again::Never => {
            let Finding { object, message, .. } = blocked.finding;
            tried.refusals.push(BUDGET_UNCLEAR.refuse(object, message));
            return Ok(());
        }
        Err(blocked) => {
            tried.notes.push(blocked.finding);
            return Ok(());
        }
    };
    let budgets = seen.budgets().unwrap_or_default();
    let named = |name: &Option<String>| name.as_deref() == Some(change.budget.as_str());
    let Some(budget) = budgets.into_iter().find(|found| named(&found.metadata.name)) else {
        return Ok(());
    };
    let mark = mark(&change, &prepared.drain.run, &who(), prepared.at, prepared.at);
    let written = serde_json::to_string(&mark).unwrap_or_default();
    let object = format!("pdb/{}", change.budget);
    let path = format!(
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets/{}",
        connection.namespace(),
        change.budget
    );
    patch(
        connection,
        &object,
        &path,
        &relax_patch(budget, &change, &written),
        tried,
    )
    .await
}

/// One replica more.
async fn scale(connection: &Connection, prepared: &Prepared, tried: &mut Tried) -> Result<()> {
    let name = set::name(&prepared.set);
    let path = format!(
        "/apis/apps/v1/namespaces/{}/statefulsets/{name}",
        connection.namespace()
    );
    let more = json!([{"op": "replace", "path": "/spec/replicas", "value": set::replicas(&prepared.set) + 1}]);
    patch(connection, &format!("statefulset/{name}"), &path, &more, tried).await
}

async fn patch(connection: &Connection, object: &str, path: &str, patch: &Value, tried: &mut Tried) -> Result<()> {
    let became = try_json_patch(connection.api(), path, patch).await;
    conclude(connection, object, became.map(drop), tried)
}

fn conclude(
    connection: &Connection,
    object: &str,
    became: std::result::Result<(), Failure>,
    tried: &mut Tried,
) -> Result<()> {
    let said =
        refused(became).map_err(|failure| failure.into_error(&format!("try {object}"), connection.endpoint()))?;
    if let Some(why) = said {
        let words = format!("the server would refuse what the drain does to it: {why}");
        tried.refusals.push(WRITE.refuse(object, words));
    }
    Ok(())
}

/// An eviction. That the budget says no to a shard's is what the strategy is for.
async fn evict(connection: &Connection, namespace: &str, found: &Pod, is_shard: bool, tried: &mut Tried) {
    let object = format!("pod/{}", pod::name(found));
    let answer = try_eviction(connection.api(), namespace, pod::name(found), pod::uid(found)).await;
    let mut note = |severity, words| tried.notes.push(Finding::new(severity, &object, words));
    match answer {
        Read::Got(answer) => match answer.code {
            201 | 404 | 409 => {}
            429 if is_shard => {}
            429 => note(
                Severity::Information,
                format!("its eviction is held as things are: {}", answer.message),
            ),
            _ => tried.refusals.push(WRITE.refuse(
                &object,
                format!("the server would refuse its eviction: {}", answer.message),
            )),
        },
        Read::Unreadable(why) | Read::Absent(why) => note(Severity::Warning, why),
    }
}
