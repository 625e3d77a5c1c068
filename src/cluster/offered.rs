//! Looking at what a cluster offers to a workload that isn't there yet: which APIs are served, which classes, sets and zones there are.

use futures::future::{join, join5};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, ResourceQuota};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::offered::Offered;
use crate::model::read::Read;
use crate::model::workload::NodeClass;
use crate::model::{karpenter, node, volume};

/// The API group of AKS's node classes.
const AKS: &str = "karpenter.azure.com";

/// Which versions of a group are served.
#[derive(Deserialize)]
struct Group {
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

/// Which kinds a version has.
#[derive(Deserialize)]
struct Kinds {
    resources: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    kind: String,
}

/// Looks, at everything at once. `class` is the node class that is there already, where none is made.
pub async fn offered(api: &Api, namespace: &str, class: Option<&NodeClass>) -> Offered {
    let node_class = async {
        match class {
            None => versions(api, AKS).await,
            Some(class) => is_there(api, class).await,
        }
    };
    let sets = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
    let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
    let ((karpenter, node_class, storage, sets, nodes), quotas) = Box::pin(join(
        join5(
            versions(api, karpenter::GROUP),
            node_class,
            list::<StorageClass>(api, "/apis/storage.k8s.io/v1/storageclasses"),
            list::<StatefulSet>(api, &sets),
            list::<Node>(api, "/api/v1/nodes"),
        ),
        list::<ResourceQuota>(api, &quotas),
    ))
    .await;
    let zone = |found: &Node| node::label(found, volume::ZONE).map(str::to_owned);
    Offered {
        karpenter,
        node_class,
        storage,
        quotas,
        sets: sets.map(|sets| sets.into_iter().filter_map(|set| set.metadata.name).collect()),
        zones: nodes.map(|nodes| nodes.iter().filter_map(zone).collect()),
    }
}

async fn parsed<T: DeserializeOwned>(api: &Api, path: &str) -> Result<T, Failure> {
    api.get(path).await?.parse()
}

fn into_read<T>(got: Result<T, Failure>) -> Read<T> {
    match got {
        Ok(got) => Read::Got(got),
        Err(failure) if failure.is_not_found() => Read::Absent(failure.reason()),
        Err(failure) => Read::Unreadable(failure.reason()),
    }
}

/// The versions that a group is served in.
async fn versions(api: &Api, group: &str) -> Read<Vec<String>> {
    let served = parsed::<Group>(api, &format!("/apis/{group}")).await;
    into_read(served.map(|group| group.versions.into_iter().map(|of| of.version).collect()))
}

/// The version of a node class that is there.
async fn is_there(api: &Api, class: &NodeClass) -> Read<Vec<String>> {
    let versions = match versions(api, &class.group).await {
        Read::Got(versions) => versions,
        other => return other,
    };
    for version in versions {
        let of = format!("/apis/{}/{version}", class.group);
        let kinds = match parsed::<Kinds>(api, &of).await {
            Ok(kinds) => kinds.resources,
            Err(failure) => return into_read(Err(failure)),
        };
        let Some(kind) = kinds.iter().find(|of| of.kind == class.kind && !of.name.contains('/')) else {
            continue;
        };
        let found = api.get(&format!("{of}/{}/{}", kind.name, class.name)).await;
        return into_read(found.map(|_| vec![version]));
    }
    Read::Absent(format!(
        "the API server doesn't serve {} in {}",
        class.kind, class.group
    ))
}

async fn list<T: DeserializeOwned>(api: &Api, path: &str) -> Read<Vec<T>> {
    let listed = api.list(path, "", Some).await;
    into_read(listed.and_then(|all| all.iter().map(|raw| typed(raw)).collect()))
}

fn typed<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
        what: format!("an object that can't be read: {error}"),
    })
}
