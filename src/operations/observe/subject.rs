//! Which set is meant, and which pods are its: the part of a look that may fail because of a name that was typed.

use std::sync::Arc;

use futures::future::join;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::value::RawValue;

use crate::cluster::choose;
use crate::cluster::connect::{Connection, NamespaceOrigin};
use crate::cluster::read::{Objects, Reading, Summed, label_query, read, short_pods};
use crate::error::Result;
use crate::model::mark::HELPER;
use crate::model::read::Read;
use crate::model::recording::Recording;
use crate::model::resource::Resource;
use crate::model::set;
use crate::nearest::no_such;

/// The set that is meant.
pub enum Chosen {
    /// This one.
    Set(Box<StatefulSet>),
    /// There is none in the namespace, and none was named.
    None,
    /// Sets can't be read, so that it isn't known.
    Unseen,
}

/// Chooses among the sets that were read.
///
/// # Errors
/// As [`choose`](choose::choose); where the namespace itself doesn't exist, that is said instead.
pub async fn choose(connection: &Connection, sets: &Objects, wanted: Option<&str>) -> Result<Chosen> {
    let Read::Got(found) = sets else {
        return Ok(Chosen::Unseen);
    };
    let typed: Vec<StatefulSet> = found
        .iter()
        .filter_map(|set| serde_json::from_str(set.get()).ok())
        .collect();
    if typed.is_empty() && wanted.is_some() {
        // Somebody mistyped the namespace more likely than the set: that is said instead.
        require_namespace(connection).await?;
    }
    let chosen = choose::choose(&typed, wanted, connection.namespace())?;
    let set = typed.into_iter().find(|set| Some(set::name(set)) == chosen.as_deref());
    Ok(set.map_or(Chosen::None, |set| Chosen::Set(Box::new(set))))
}

/// The names of the sets that were read.
pub fn names(sets: &Objects) -> Vec<String> {
    let sets = sets.got().into_iter().flatten();
    sets.filter_map(|set| serde_json::from_str::<StatefulSet>(set.get()).ok())
        .map(|typed| set::name(&typed).to_owned())
        .collect()
}

/// The pods that the set selects, with our own helper pods.
pub async fn pods(connection: &Connection, chosen: &Chosen) -> Reading {
    let (shards, helpers) = match queries(chosen) {
        Ok(queries) => queries,
        Err(objects) => {
            return Reading {
                resource: Resource::Pods,
                objects,
                rights: Vec::new(),
            };
        }
    };
    let (api, namespace) = (connection.api(), connection.namespace());
    let (mut pods, helpers) = join(
        read(api, Resource::Pods, namespace, &shards),
        read(api, Resource::Pods, namespace, &helpers),
    )
    .await;
    pods.objects = with_helpers(pods.objects, helpers.objects);
    pods
}

/// As [`pods`], each as far as [`short_pods`] reads it.
pub async fn pods_in_short(connection: &Connection, chosen: &Chosen) -> Summed<Vec<Arc<Pod>>> {
    let (shards, helpers) = match queries(chosen) {
        Ok(queries) => queries,
        Err(sum) => return Summed { sum, right: None },
    };
    let (api, namespace) = (connection.api(), connection.namespace());
    let (mut pods, helpers) = join(
        short_pods(api, namespace, &shards),
        short_pods(api, namespace, &helpers),
    )
    .await;
    pods.sum = with_helpers(pods.sum, helpers.sum);
    pods
}

/// The queries that pick the set's pods and our helper pods; where there is nothing to ask for, what is known of them.
fn queries<T>(chosen: &Chosen) -> std::result::Result<(String, String), Read<Vec<T>>> {
    let set = match chosen {
        Chosen::Set(set) => set,
        Chosen::None => return Err(Read::Got(Vec::new())),
        Chosen::Unseen => {
            let why = "which pods are the shards isn't known, since the set can't be read";
            return Err(Read::Unreadable(why.to_owned()));
        }
    };
    let selector = set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
    Ok((label_query(&selector.unwrap_or_default()), label_query(HELPER)))
}

/// The shards' pods and our helper pods as one list. One without the other isn't the list that it is taken for: a helper that
/// wasn't seen would count as none.
fn with_helpers<T>(pods: Read<Vec<T>>, helpers: Read<Vec<T>>) -> Read<Vec<T>> {
    match (pods, helpers) {
        (Read::Got(mut pods), Read::Got(helpers)) => {
            pods.extend(helpers);
            Read::Got(pods)
        }
        (Read::Got(_), unread) | (unread, _) => unread,
    }
}

/// A namespace that was typed and doesn't exist is a usage error; one that the context names is STS-01's to report.
pub async fn check_typed_namespace(connection: &Connection, recording: &Recording) -> Result<()> {
    let missing = matches!(recording.objects.get(&Resource::Namespace), Some(Read::Got(found)) if found.is_empty());
    if missing && connection.namespace_origin() == NamespaceOrigin::Flag {
        return require_namespace(connection).await;
    }
    Ok(())
}

async fn require_namespace(connection: &Connection) -> Result<()> {
    let api = connection.api();
    let namespace = connection.namespace();
    match api.get(&format!("/api/v1/namespaces/{namespace}")).await {
        Err(failure) if failure.is_not_found() => {}
        _ => return Ok(()),
    }
    let existing = api.list("/api/v1/namespaces", "", Some).await.unwrap_or_default();
    let names: Vec<String> = existing.iter().filter_map(|item| name_in(item)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(no_such("namespace", namespace, &names, "").hint("$ kubectl get namespaces"))
}

fn name_in(item: &RawValue) -> Option<String> {
    let object: serde_json::Value = serde_json::from_str(item.get()).ok()?;
    Some(object["metadata"]["name"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_without_our_helpers_are_not_the_list_that_is_needed() {
        let pods = |count: usize| -> Objects {
            let one = || RawValue::from_string("{}".to_owned()).unwrap();
            Read::Got(std::iter::repeat_with(one).take(count).collect())
        };
        let unread = || -> Objects { Read::Unreadable("the server is away".to_owned()) };
        let count = |read: Objects| read.got().map(Vec::len);
        assert_eq!(count(with_helpers(pods(3), pods(1))), Some(4));
        assert_eq!(count(with_helpers(pods(3), unread())), None);
        assert_eq!(count(with_helpers(unread(), pods(1))), None);
    }
}
