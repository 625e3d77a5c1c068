//! Which StatefulSets there are, in one namespace or in all.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::set;

/// The sets, each with its namespace, in the order of their names.
///
/// # Errors
/// Every [`Failure`].
pub async fn stateful_sets(api: &Api, namespace: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let path = match namespace {
        Some(namespace) => format!("/apis/apps/v1/namespaces/{namespace}/statefulsets"),
        None => "/apis/apps/v1/statefulsets".to_owned(),
    };
    let mut found = Vec::new();
    for raw in api.list(&path, "", Some).await? {
        let typed: StatefulSet = serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
            what: format!("an object that is no StatefulSet: {error}"),
        })?;
        let home = typed.metadata.namespace.clone().unwrap_or_default();
        found.push((home, set::name(&typed).to_owned()));
    }
    found.sort();
    Ok(found)
}
