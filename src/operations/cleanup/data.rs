//! The claims of the shards and the volumes behind them, as the server has them.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::de::DeserializeOwned;

use super::Asked;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::error::Result;
use crate::model::storage::PersistentVolume;
use crate::model::workload::Workload;
use crate::plan::cleanup::{Claim, Outlived, claims, outlived};

/// Where a claim is served.
pub(super) fn claim_path(workload: &Workload, name: &str) -> String {
    format!(
        "/api/v1/namespaces/{}/persistentvolumeclaims/{name}",
        workload.namespace
    )
}

/// The claims of the shards, and the volumes that have outlived theirs. A phase has none of its own.
pub(super) async fn found_claims(connection: &Connection, asked: &Asked) -> Result<(Vec<Claim>, Vec<Outlived>)> {
    if asked.phase.is_some() {
        return Ok((Vec::new(), Vec::new()));
    }
    let api = connection.api();
    let of_namespace = format!("/api/v1/namespaces/{}/persistentvolumeclaims", asked.workload.namespace);
    let all: Vec<PersistentVolumeClaim> = list(api, &of_namespace)
        .await
        .map_err(|failure| failure.into_error("read the claims", connection.endpoint()))?;
    // Without the volumes it isn't known which of them would stay: all that have a claim are told of anyway.
    let volumes: Vec<PersistentVolume> = match list(api, "/api/v1/persistentvolumes").await {
        Ok(volumes) => volumes,
        Err(failure) if failure.is_forbidden() => Vec::new(),
        Err(failure) => return Err(failure.into_error("read the volumes", connection.endpoint())),
    };
    let claims = claims(&asked.set, &all, &volumes);
    let outlived = outlived(&asked.set, &claims, &volumes);
    Ok((claims, outlived))
}

pub(super) async fn list<T: DeserializeOwned>(api: &Api, path: &str) -> Result<Vec<T>, Failure> {
    let listed = api.list(path, "", Some).await?;
    listed
        .iter()
        .map(|raw| {
            serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
                what: format!("something else than was asked for: {error}"),
            })
        })
        .collect()
}
