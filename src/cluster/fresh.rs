//! The uncached look right before something irreversible: from the server's store, not from a watch that may lag behind.
//!
//! No list here has a `resourceVersion`, so that the server may not answer from its own cache either.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all, join3, join5};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::lease;
use crate::cluster::read::{Objects, into_read, label_query, need, need_one, read};
use crate::cluster::recording::empty;
use crate::model::mark::HELPER;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;

/// Up to so many volumes are asked for one by one; more are listed, with everybody else's.
const FEW: usize = 20;

/// Reads the set, its pods, budgets, claims with their volumes, and our Lease, all at once. `taken.at` is when the read
/// began, so that whatever was seen later is newer.
///
/// `known` are the volumes as they were read last: they are asked for along with the claims, since a shard waits for this
/// read, and only what the claims are bound to beyond them is asked for after. With `about` only that shard's are: before a
/// deletion the server needn't give those of all the others.
///
/// # Errors
/// Where the set or its pods can't be read; a set that is gone can. Whatever else can't is [`Read::Unreadable`] in the snapshot.
pub async fn fresh(
    connection: &Connection,
    namespace: &str,
    set: &StatefulSet,
    known: &Read<Vec<PersistentVolume>>,
    about: Option<Ordinal>,
) -> Result<Snapshot, Failure> {
    let api = connection.api();
    let name = set::name(set);
    let mut recording = empty(connection, Some(name.to_owned()));
    recording.taken.at = api.server_time().now();
    recording.taken.namespace = namespace.to_owned();
    let selector = set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
    let shards = label_query(&selector.unwrap_or_default());
    let helpers = label_query(HELPER);
    let shard = about.map(|ordinal| set::pod_name(set, ordinal));
    let known = names_of(known, set, about);
    let pods_and_disks = async {
        let (shards, claims, volumes) = join3(
            need(api, Resource::Pods, namespace, &shards),
            read(api, Resource::Claims, namespace, ""),
            volumes(api, namespace, &known),
        )
        .await;
        let shards = shards?;
        let volumes = match &claims.objects {
            Read::Got(claims) => {
                let mounted: BTreeSet<String> = shards
                    .iter()
                    .flat_map(|found| mounted_by(found, shard.as_deref()))
                    .collect();
                let bound = claims
                    .iter()
                    .filter_map(|claim| volume_of(claim, set, about, &mounted))
                    .collect();
                with_others(api, namespace, bound, &known, volumes).await
            }
            Read::Absent(why) | Read::Unreadable(why) => Read::Unreadable(why.clone()),
        };
        Ok::<_, Failure>((shards, claims.objects, volumes))
    };
    let (set, pods, helpers, budgets, lease) = join5(
        need_one(api, Resource::StatefulSets, namespace, name),
        pods_and_disks,
        need(api, Resource::Pods, namespace, &helpers),
        read(api, Resource::Budgets, namespace, ""),
        need_one(api, Resource::Leases, namespace, &lease::name(name)),
    )
    .await;
    let (mut pods, claims, volumes) = pods?;
    pods.extend(helpers?);
    recording.objects = BTreeMap::from([
        (Resource::StatefulSets, Read::Got(few(vec![set])?)),
        (Resource::Pods, Read::Got(pods)),
        (Resource::Budgets, budgets.objects),
        (Resource::Claims, claims),
        (Resource::Volumes, volumes),
        (Resource::Leases, into_read(few(vec![lease]), Resource::Leases)),
    ]);
    Snapshot::derive(&recording).map_err(|misfit| Failure::NotKubernetes {
        what: misfit.to_string(),
    })
}

/// The pods of a selector (`a=b,c=d`; empty: all of the namespace), right before a budget is opened.
///
/// # Errors
/// Every [`Failure`].
pub async fn pods(api: &Api, namespace: &str, selector: &str) -> Result<Vec<Pod>, Failure> {
    let listed = need(api, Resource::Pods, namespace, &label_query(selector)).await?;
    listed.iter().map(|raw| typed(raw)).collect()
}

/// Every pod of every namespace that is on a node, cut down as a drain needs it.
///
/// # Errors
/// Every [`Failure`].
pub async fn pods_on(api: &Api, node: &str) -> Result<Vec<Pod>, Failure> {
    let listed = need(
        api,
        Resource::NodePods,
        "",
        &format!("fieldSelector=spec.nodeName%3D{node}"),
    )
    .await?;
    listed.iter().map(|raw| typed(raw)).collect()
}

/// What is around the shards on nodes that are emptied.
#[derive(Debug)]
pub struct Around {
    /// When the read began, in the server's time.
    pub at: Timestamp,
    /// The pods on each node; none where they can't be read.
    pub pods: BTreeMap<String, Option<Vec<Pod>>>,
    /// The budgets of all namespaces.
    pub budgets: Read<Vec<PodDisruptionBudget>>,
}

/// Reads the pods on `nodes` and the budgets of all namespaces, at once. What can't be read is told, and stops nothing.
pub async fn around(api: &Api, nodes: &[&str]) -> Around {
    let at = api.server_time().now();
    let pods = nodes
        .iter()
        .map(async |node| ((*node).to_owned(), pods_on(api, node).await.ok()));
    let (pods, budgets) = join(join_all(pods), read(api, Resource::AllBudgets, "", "")).await;
    let budgets = match budgets.objects {
        Read::Got(listed) => {
            let budgets: Result<Vec<PodDisruptionBudget>, Failure> = listed.iter().map(|raw| typed(raw)).collect();
            into_read(budgets, Resource::AllBudgets)
        }
        Read::Absent(why) => Read::Absent(why),
        Read::Unreadable(why) => Read::Unreadable(why),
    };
    Around {
        at,
        pods: pods.into_iter().collect(),
        budgets,
    }
}

/// Every disruption budget of a namespace, right before one is opened.
///
/// # Errors
/// Every [`Failure`].
pub async fn budgets(api: &Api, namespace: &str) -> Result<Vec<PodDisruptionBudget>, Failure> {
    let listed = need(api, Resource::Budgets, namespace, "").await?;
    listed.iter().map(|raw| typed(raw)).collect()
}

fn typed<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
        what: format!("an object that can't be read: {error}"),
    })
}

/// The names of those volumes that are meant for claims of the set's.
fn names_of(volumes: &Read<Vec<PersistentVolume>>, set: &StatefulSet, about: Option<Ordinal>) -> BTreeSet<String> {
    let volumes = volumes.got().into_iter().flatten();
    let ours = volumes.filter(|volume| {
        let claim = volume
            .spec
            .as_ref()
            .and_then(|spec| spec.claim_ref.as_ref()?.name.as_deref());
        claim.is_some_and(|claim| is_claim_of(set, about, claim))
    });
    ours.filter_map(|volume| volume.metadata.name.clone()).collect()
}

/// The volumes of these names.
async fn volumes(api: &Api, namespace: &str, names: &BTreeSet<String>) -> Objects {
    if names.len() > FEW {
        return read(api, Resource::Volumes, namespace, "").await.objects;
    }
    let asked = names
        .iter()
        .map(|name| need_one(api, Resource::Volumes, namespace, name));
    into_read(few(join_all(asked).await), Resource::Volumes)
}

/// The volumes that were asked for, and those of `bound` besides.
async fn with_others(
    api: &Api,
    namespace: &str,
    bound: BTreeSet<String>,
    known: &BTreeSet<String>,
    volumes: Objects,
) -> Objects {
    let others: BTreeSet<String> = bound.difference(known).cloned().collect();
    // More than a few were listed with everybody's.
    if others.is_empty() || known.len() > FEW {
        return volumes;
    }
    match (volumes, self::volumes(api, namespace, &others).await) {
        (Read::Got(mut volumes), Read::Got(others)) => {
            volumes.extend(others);
            Read::Got(volumes)
        }
        (Read::Got(_), unread) => unread,
        (unread, _) => unread,
    }
}

/// The objects that exist, of those asked for by name.
fn few(asked: Vec<Result<Box<RawValue>, Failure>>) -> Result<Vec<Box<RawValue>>, Failure> {
    asked
        .into_iter()
        .filter(|result| !matches!(result, Err(failure) if failure.is_not_found()))
        .collect()
}

#[derive(Deserialize)]
struct Claim {
    metadata: Name,
    spec: Bound,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bound {
    volume_name: Option<String>,
}

/// The names of the claims that a pod mounts; none of another pod than `only`, where one is named.
fn mounted_by(pod: &RawValue, only: Option<&str>) -> Vec<String> {
    let pod: Option<Pod> = serde_json::from_str(pod.get()).ok();
    let pod = pod.filter(|pod| only.is_none_or(|only| pod.metadata.name.as_deref() == Some(only)));
    let volumes = pod.and_then(|pod| pod.spec?.volumes).unwrap_or_default();
    let claims = volumes.into_iter().filter_map(|volume| volume.persistent_volume_claim);
    claims.map(|claim| claim.claim_name).collect()
}

/// The volume that a claim is bound to, where one of the set's claim templates made the claim, or one of its pods mounts it.
fn volume_of(
    claim: &RawValue,
    set: &StatefulSet,
    about: Option<Ordinal>,
    mounted: &BTreeSet<String>,
) -> Option<String> {
    let claim: Claim = serde_json::from_str(claim.get()).ok()?;
    if !is_claim_of(set, about, &claim.metadata.name) && !mounted.contains(&claim.metadata.name) {
        return None;
    }
    claim.spec.volume_name.filter(|name| !name.is_empty())
}

/// Whether a claim has a name that one of the set's claim templates gives, to any shard or to the one that is asked about.
fn is_claim_of(set: &StatefulSet, about: Option<Ordinal>, claim: &str) -> bool {
    set::claim_templates(set).any(|template| {
        let pod = claim.strip_prefix(template).and_then(|rest| rest.strip_prefix('-'));
        let ordinal = pod.and_then(|pod| set::ordinal_of(set, pod));
        ordinal.is_some_and(|ordinal| about.is_none_or(|about| about == ordinal))
    })
}
