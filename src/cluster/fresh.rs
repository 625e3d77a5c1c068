//! The uncached look right before something irreversible: from the server's store, not from a watch that may lag behind.
//!
//! No list here has a `resourceVersion`, so that the server may not answer from its own cache either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{join, join_all, join3, join5};
use jiff::Timestamp;
use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::get::{Api, Told};
use crate::cluster::lease;
use crate::cluster::read::{into_read, label_query, need, need_again, need_one, read};
use crate::cluster::recording::empty;
use crate::model::mark::HELPER;
use crate::model::objects::Objects;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;
use crate::model::storage::PersistentVolume;

/// Up to so many volumes are asked for one by one; more are listed, with everybody else's.
const FEW: usize = 20;

/// Which volumes an uncached look reads. Nothing watches volumes, and as a rule nothing happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volumes {
    /// Those of every shard.
    All,
    /// Those of one shard: before a deletion the server needn't give those of all the others.
    Of(Ordinal),
    /// None of them: they are given as they are known. Where they aren't, those of every shard.
    AsKnown,
}

/// The long lists of an uncached look as the server wrote them the last time, and what was found in them.
#[derive(Default)]
pub struct Lists {
    shards: Told<Pod>,
    helpers: Told<Pod>,
    claims: Told<PersistentVolumeClaim>,
    volumes: Told<PersistentVolume>,
    meant: Meant,
}

impl Lists {
    /// The names of those of these volumes that are meant for a shard's claims.
    pub fn meant_for(
        &mut self,
        volumes: &Objects<PersistentVolume>,
        set: &StatefulSet,
        ordinal: Ordinal,
    ) -> BTreeSet<String> {
        self.meant.names(volumes, set, Some(ordinal))
    }
}

/// Reads the set, its pods, budgets, claims with their volumes, and our Lease, all at once. `taken.at` is when the read
/// began, so that whatever was seen later is newer. `lists` is what the look before left.
///
/// `known` is what was seen last, if anything was. All but what `which` leaves out is asked for anew, and what the server gives at the version that is known is shared
/// with it. The volumes that it names are asked for along with the claims, since a shard waits for this read, and only what the
/// claims are bound to beyond them is asked for after.
///
/// # Errors
/// Where the set or its pods can't be read; a set that is gone can. Whatever else can't is [`Read::Unreadable`] in the snapshot.
pub async fn fresh(
    connection: &Connection,
    namespace: &str,
    set: &StatefulSet,
    known: Option<&Snapshot>,
    lists: &mut Lists,
    which: Volumes,
) -> Result<Snapshot, Failure> {
    let api = connection.api();
    let name = set::name(set);
    let mut recording = empty(connection, Some(name.to_owned()));
    recording.taken.at = api.server_time().now();
    recording.taken.namespace = namespace.to_owned();
    let selector = set.spec.as_ref().map(|spec| set::selector_query(&spec.selector));
    let shards = label_query(&selector.unwrap_or_default());
    let helpers = label_query(HELPER);
    let about = match which {
        Volumes::Of(ordinal) => Some(ordinal),
        Volumes::All | Volumes::AsKnown => None,
    };
    let Lists {
        shards: told_shards,
        helpers: told_helpers,
        claims: told_claims,
        volumes: told_volumes,
        meant,
    } = lists;
    let known_volumes = known.and_then(|known| known.volumes.got());
    let known_pods = known.and_then(|known| known.pods.got());
    let known_claims = known.and_then(|known| known.claims.got());
    let wanted = match known_volumes {
        Some(known) => meant.names(known, set, about),
        None => BTreeSet::new(),
    };
    let pods_and_disks = async {
        if let (Volumes::AsKnown, Some(known_volumes)) = (which, known_volumes) {
            let (shards, claims) = join(
                need_again(api, Resource::Pods, namespace, &shards, known_pods, told_shards),
                need_again(api, Resource::Claims, namespace, "", known_claims, told_claims),
            )
            .await;
            return Ok((
                shards?,
                into_read(claims, Resource::Claims),
                Read::Got(known_volumes.clone()),
            ));
        }
        let (shards, claims, volumes) = join3(
            need_again(api, Resource::Pods, namespace, &shards, known_pods, told_shards),
            need_again(api, Resource::Claims, namespace, "", known_claims, told_claims),
            volumes(api, namespace, &wanted, known_volumes, told_volumes),
        )
        .await;
        let (shards, claims) = (shards?, into_read(claims, Resource::Claims));
        let volumes = match &claims {
            Read::Got(claims) => {
                let bound = bound(&shards, claims, set, about);
                with_others(api, namespace, bound, &wanted, volumes, known_volumes).await
            }
            Read::Absent(why) | Read::Unreadable(why) => Read::Unreadable(why.clone()),
        };
        Ok::<_, Failure>((shards, claims, volumes.map(|found| renewed(known_volumes, found))))
    };
    let (set, pods, helpers, budgets, lease) = Box::pin(join5(
        need_one(api, Resource::StatefulSets, namespace, name),
        pods_and_disks,
        need_again(api, Resource::Pods, namespace, &helpers, known_pods, told_helpers),
        read(api, Resource::Budgets, namespace, ""),
        need_one(api, Resource::Leases, namespace, &lease::name(name)),
    ))
    .await;
    let ((shards, claims, volumes), helpers) = (pods?, helpers?);
    let pods = if helpers.is_empty() {
        shards
    } else {
        shards.followed_by(&helpers)
    };
    recording.objects = BTreeMap::from([
        (Resource::StatefulSets, Read::Got(few(vec![set])?)),
        (Resource::Budgets, budgets.objects),
        (Resource::Leases, into_read(few(vec![lease]), Resource::Leases)),
    ]);
    let rest = Snapshot::derive(&recording).map_err(|misfit| Failure::NotKubernetes {
        what: misfit.to_string(),
    })?;
    Ok(Snapshot {
        pods: Read::Got(renewed(known_pods, pods)),
        claims: claims.map(|found| renewed(known_claims, found)),
        volumes,
        ..rest
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
    pub budgets: Read<Objects<PodDisruptionBudget>>,
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
            into_read(budgets.map(Objects::from), Resource::AllBudgets)
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

/// Volumes that were read, or why they can't be.
type Found = Read<Objects<PersistentVolume>>;

/// Which volumes are meant for which claim, as long as nothing is new of any.
#[derive(Default)]
struct Meant {
    volumes: Objects<PersistentVolume>,
    by_claim: BTreeMap<String, Vec<String>>,
}

impl Meant {
    /// The names of those volumes that are meant for claims of the set's, or of one shard's.
    fn names(
        &mut self,
        volumes: &Objects<PersistentVolume>,
        set: &StatefulSet,
        about: Option<Ordinal>,
    ) -> BTreeSet<String> {
        if !self.volumes.is_the_same_as(volumes) {
            self.volumes = volumes.clone();
            self.by_claim.clear();
            for volume in volumes {
                let claim = volume
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.claim_ref.as_ref()?.name.as_ref());
                if let Some((claim, name)) = claim.zip(volume.metadata.name.as_ref()) {
                    self.by_claim.entry(claim.clone()).or_default().push(name.clone());
                }
            }
        }
        match about {
            Some(ordinal) => claims_of(set, ordinal)
                .filter_map(|claim| self.by_claim.get(&claim))
                .flatten()
                .cloned()
                .collect(),
            None => {
                let ours = self.by_claim.iter().filter(|(claim, _)| is_claim_of(set, claim));
                ours.flat_map(|(_, names)| names).cloned().collect()
            }
        }
    }
}

/// The volumes of these names.
async fn volumes(
    api: &Api,
    namespace: &str,
    names: &BTreeSet<String>,
    known: Option<&Objects<PersistentVolume>>,
    told: &mut Told<PersistentVolume>,
) -> Found {
    if names.len() > FEW {
        let listed = need_again(api, Resource::Volumes, namespace, "", known, told).await;
        return into_read(listed, Resource::Volumes);
    }
    let asked = names
        .iter()
        .map(|name| need_one(api, Resource::Volumes, namespace, name));
    let found = few(join_all(asked).await);
    let found = found.and_then(|found| found.iter().map(|raw| Ok(again(known, typed(raw)?))).collect());
    into_read(found, Resource::Volumes)
}

/// The object that was read: the very one that is known where it is at the same version.
fn again<K: Metadata<Ty = ObjectMeta>>(known: Option<&Objects<K>>, read: K) -> Arc<K> {
    let version = |object: &K| {
        let meta = object.metadata();
        Some((meta.uid.clone()?, meta.resource_version.clone()?))
    };
    let name = read.metadata().name.as_deref().unwrap_or_default();
    let place = known.and_then(|known| known.place_named(name));
    let same = place.and_then(|place| known?.at(place));
    let same = same.filter(|same| version(&read).is_some() && version(same) == version(&read));
    same.cloned().unwrap_or_else(|| Arc::new(read))
}

/// The volumes that were asked for, and those of `bound` besides.
async fn with_others(
    api: &Api,
    namespace: &str,
    bound: BTreeSet<String>,
    asked: &BTreeSet<String>,
    volumes: Found,
    known: Option<&Objects<PersistentVolume>>,
) -> Found {
    let others: BTreeSet<String> = bound.difference(asked).cloned().collect();
    // More than a few were listed with everybody's.
    if others.is_empty() || asked.len() > FEW {
        return volumes;
    }
    // Whoever asks for so many for the first time hasn't listed them before.
    match (
        volumes,
        self::volumes(api, namespace, &others, known, &mut Told::default()).await,
    ) {
        (Read::Got(volumes), Read::Got(others)) => Read::Got(volumes.followed_by(&others)),
        (Read::Got(_), unread) => unread,
        (unread, _) => unread,
    }
}

/// The list that is known, where these are its very objects.
fn renewed<T>(known: Option<&Objects<T>>, found: Objects<T>) -> Objects<T> {
    match known {
        Some(known) => known.renewed(found),
        None => found,
    }
}

/// The objects that exist, of those asked for by name.
fn few(asked: Vec<Result<Box<RawValue>, Failure>>) -> Result<Vec<Box<RawValue>>, Failure> {
    asked
        .into_iter()
        .filter(|result| !matches!(result, Err(failure) if failure.is_not_found()))
        .collect()
}

/// The names of the volumes that the claims of the shards, or of one of them, are bound to: claims that one of the set's claim
/// templates made, and those that a pod mounts.
fn bound(
    shards: &Objects<Pod>,
    claims: &Objects<PersistentVolumeClaim>,
    set: &StatefulSet,
    about: Option<Ordinal>,
) -> BTreeSet<String> {
    let bound: Vec<&PersistentVolumeClaim> = match about {
        Some(ordinal) => {
            let pod = shards.listed(&set::pod_name(set, ordinal));
            let mounted = pod.into_iter().flat_map(mounted_by).map(str::to_owned);
            let ours: BTreeSet<String> = mounted.chain(claims_of(set, ordinal)).collect();
            ours.iter().filter_map(|claim| claims.listed(claim)).collect()
        }
        None => {
            let mounted: BTreeSet<&str> = shards.iter().flat_map(mounted_by).collect();
            let is_ours = |claim: &&PersistentVolumeClaim| {
                let name = claim.metadata.name.as_deref().unwrap_or_default();
                mounted.contains(name) || is_claim_of(set, name)
            };
            claims.iter().filter(is_ours).collect()
        }
    };
    let volumes = bound
        .iter()
        .filter_map(|claim| claim.spec.as_ref()?.volume_name.as_ref());
    volumes.filter(|volume| !volume.is_empty()).cloned().collect()
}

/// The names of the claims that a pod mounts.
fn mounted_by(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    let claims = volumes
        .into_iter()
        .flatten()
        .map(|volume| volume.persistent_volume_claim.as_ref());
    claims.flatten().map(|claim| claim.claim_name.as_str())
}

/// The names of the claims that the set's claim templates give to a shard.
fn claims_of(set: &StatefulSet, ordinal: Ordinal) -> impl Iterator<Item = String> {
    set::claim_templates(set).map(move |template| set::claim_name(set, template, ordinal))
}

/// Whether a claim has a name that one of the set's claim templates gives to a shard.
fn is_claim_of(set: &StatefulSet, claim: &str) -> bool {
    set::claimed_ordinal(set, claim).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_read_at_the_version_that_is_known_is_that_object_and_nothing_else_is() {
        let volume = |name: &str, uid: &str, version: &str| -> PersistentVolume {
            serde_json::from_value(json!({"metadata": {"name": name, "uid": uid, "resourceVersion": version}})).unwrap()
        };
        let known: Objects<PersistentVolume> = vec![volume("a", "1", "7"), volume("b", "2", "8")].into();
        let is_known = |read: PersistentVolume| {
            let again = again(Some(&known), read);
            known.shared().any(|one| Arc::ptr_eq(one, &again))
        };
        assert!(is_known(volume("b", "2", "8")));
        assert!(!is_known(volume("b", "2", "9")));
        assert!(!is_known(volume("b", "3", "8")));
        assert!(!is_known(volume("c", "2", "8")));
        let nameless = || PersistentVolume::default();
        let known: Objects<PersistentVolume> = vec![nameless()].into();
        assert!(!Arc::ptr_eq(known.at(0).unwrap(), &again(Some(&known), nameless())));
    }
}
