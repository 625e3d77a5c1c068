//! Reading one kind of object: its path, what of it is kept, and what became of the request.
//!
//! Everything is reduced while its page is at hand: managedFields go (but for sets and budgets, where who set what is
//! asked), so do image lists of nodes and what isn't about the set. Secrets are never read.

mod karpenter;
mod reduce;
mod room;
mod usage;

use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub use karpenter::{Served, served};
pub(in crate::cluster) use reduce::{LAST_APPLIED, has_cluster_events};
pub use room::{Summed, csi_nodes, nodes, short_pods, sum_pods};
pub use usage::read_usage;

use crate::cluster::failure::{Failure, Missing};
use crate::cluster::get::{Api, Told};
use crate::model;
use crate::model::read::Read;
use crate::model::resource::{Place, Resource, Scope};
use crate::model::right::{Right, Rule};

/// The objects of one kind, as text.
pub type Objects = Read<Vec<Box<RawValue>>>;

/// One kind of object that was read, and what the attempt showed of our rights.
#[derive(Debug)]
pub struct Reading {
    /// What kind.
    pub resource: Resource,
    /// The objects.
    pub objects: Objects,
    /// The rules that were used, and whether each is ours; none for a request that failed for another reason.
    pub rights: Vec<Right>,
}

/// Lists (or gets, where only one object counts) a kind in the set's `namespace`; `query` narrows the list.
pub async fn read(api: &Api, resource: Resource, namespace: &str, query: &str) -> Reading {
    read_version(api, resource, resource.place().version, namespace, query).await
}

/// As [`read`], in a version that discovery decided on.
///
/// A cluster that doesn't serve an optional kind has nothing to judge there.
async fn read_version(api: &Api, resource: Resource, version: &str, namespace: &str, query: &str) -> Reading {
    let place = resource.place();
    let collection = collection_path(&place, version, namespace);
    let name = match resource {
        Resource::Namespace => Some(namespace),
        _ => place.name,
    };
    let result = match name {
        Some(name) => get_one(api, &format!("{collection}/{name}"), resource).await,
        None => api.list(&collection, query, keeping(resource, namespace)).await,
    };
    let right = Rule::to_read(resource, namespace).and_then(|rule| seen_right(rule, Some(resource), &result));
    Reading {
        resource,
        objects: into_read(result, resource),
        rights: right.into_iter().collect(),
    }
}

/// What is kept of each item of a list.
fn keeping(resource: Resource, namespace: &str) -> impl FnMut(Box<RawValue>) -> Option<Box<RawValue>> + Send + 'static {
    let namespace = namespace.to_owned();
    move |item| reduce::keep(resource, &namespace, &item)
}

/// One object as a list of one; of none where it doesn't exist.
async fn get_one(api: &Api, path: &str, resource: Resource) -> Result<Vec<Box<RawValue>>, Failure> {
    match api.get(path).await {
        Ok(answer) => Ok(reduce::whole(resource, &answer.body).into_iter().collect()),
        Err(Failure::NotFound { what, .. }) if !matches!(what, Missing::Resource(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// What a request's outcome says of the rule that it used.
pub fn seen_right<T>(rule: Rule, resource: Option<Resource>, result: &Result<T, Failure>) -> Option<Right> {
    let allowed = match result {
        Ok(_) => true,
        Err(failure) if failure.is_forbidden() => false,
        Err(_) => return None,
    };
    Some(Right {
        rule,
        allowed,
        resource,
    })
}

/// A request's outcome as checks see it.
pub fn into_read<T>(result: Result<T, Failure>, resource: Resource) -> Read<T> {
    result.map_or_else(
        |failure| {
            if resource.place().optional && failure.is_not_served() {
                Read::Absent(format!("the cluster serves no {}", resource.noun()))
            } else {
                Read::Unreadable(format!("{} can't be read: {}", resource.noun(), failure.reason()))
            }
        },
        Read::Got,
    )
}

/// The query that narrows a list to the labels that a selector (as [`set::selector_query`](crate::model::set::selector_query)
/// writes it) picks.
pub fn label_query(selector: &str) -> String {
    let mut query = "labelSelector=".to_owned();
    for byte in selector.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
    query
}

/// Lists a kind whose absence nothing makes up for: its failure stays a failure.
///
/// # Errors
/// Every [`Failure`].
pub async fn need(api: &Api, resource: Resource, namespace: &str, query: &str) -> Result<Vec<Box<RawValue>>, Failure> {
    let place = resource.place();
    let collection = collection_path(&place, place.version, namespace);
    api.list(&collection, query, keeping(resource, namespace)).await
}

/// As [`need`], typed; what `known` has at the version that the server gives is shared with it. `told` is how it was written the last
/// time, if it was.
///
/// # Errors
/// Every [`Failure`].
pub async fn need_again<K>(
    api: &Api,
    resource: Resource,
    namespace: &str,
    query: &str,
    known: Option<&model::objects::Objects<K>>,
    told: &mut Told<K>,
) -> Result<model::objects::Objects<K>, Failure>
where
    K: Metadata<Ty = ObjectMeta> + DeserializeOwned + Send + Sync + 'static,
{
    let place = resource.place();
    let collection = collection_path(&place, place.version, namespace);
    let within = namespace.to_owned();
    let keep = move |item: &RawValue| reduce::keep(resource, &within, item);
    api.list_again(&collection, query, known, told, keep).await
}

/// One object by its name; [`need`] for one.
///
/// # Errors
/// Every [`Failure`], that it isn't there among them.
pub async fn need_one(api: &Api, resource: Resource, namespace: &str, name: &str) -> Result<Box<RawValue>, Failure> {
    let place = resource.place();
    let collection = collection_path(&place, place.version, namespace);
    let answer = api.get(&format!("{collection}/{name}")).await?;
    reduce::whole(resource, &answer.body).ok_or_else(|| Failure::NotKubernetes {
        what: "JSON that is no object of Kubernetes".to_owned(),
    })
}

/// The path of a kind's collection.
fn collection_path(place: &Place, version: &str, namespace: &str) -> String {
    let root = if place.group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{}/{version}", place.group)
    };
    match place.scope {
        Scope::Namespace => format!("{root}/namespaces/{namespace}/{}", place.plural),
        Scope::Fixed(fixed) => format!("{root}/namespaces/{fixed}/{}", place.plural),
        Scope::Cluster | Scope::Everywhere => format!("{root}/{}", place.plural),
    }
}
