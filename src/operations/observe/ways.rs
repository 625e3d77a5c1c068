//! What a route test has to know of a cluster: the set, its pods, what leads to them, and the cluster's DNS domain.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::{add, derive, greeted, name_of, names, sign, subject};
use crate::cluster::connect::Connection;
use crate::cluster::read::read;
use crate::cluster::recording::empty;
use crate::error::Result;
use crate::model::pod;
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// What leads to the shards.
const WAYS: [Resource; 4] = [
    Resource::Namespace,
    Resource::Budgets,
    Resource::Services,
    Resource::DnsConfig,
];

/// Looks at the set and what leads to its shards. The rest is recorded as not read.
///
/// # Errors
/// As [`super::observe`].
pub async fn ways(connection: &Connection, statefulset: Option<&str>) -> Result<Snapshot> {
    let (api, namespace) = (connection.api(), connection.namespace());
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let chosen = subject::choose(connection, &sets.objects, statefulset).await?;
        let pods = subject::pods(connection, &chosen).await;
        Ok((name_of(&chosen, statefulset), [sets, pods]))
    };
    let rest = async { Ok(join_all(WAYS.map(|resource| read(api, resource, namespace, ""))).await) };
    let (greeting, (name, set_and_pods), rest) = greeted(api, set, rest).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    for reading in set_and_pods.into_iter().chain(rest) {
        add(&mut recording, reading);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    derive(&recording)
}

/// The cluster's DNS domain, for names from inside.
pub async fn domain(connection: &Connection, said: Option<&str>, seen: &Seen<'_>) -> Read<String> {
    names::domain(connection, said, seen).await
}

/// The container that commands are run in: as kubectl would take it.
pub fn container(seen: &Seen<'_>) -> Option<String> {
    names::inside(seen).and_then(|(_, container)| container)
}

/// The shards' pods by name, each with its uid, as they are now.
///
/// # Errors
/// Says why they can't be read.
pub async fn uids(connection: &Connection, statefulset: &str) -> Result<BTreeMap<String, String>, String> {
    let (api, namespace) = (connection.api(), connection.namespace());
    let sets = read(api, Resource::StatefulSets, namespace, "").await;
    let chosen = subject::choose(connection, &sets.objects, Some(statefulset))
        .await
        .map_err(|error| error.message().to_owned())?;
    let mut recording = empty(connection, Some(statefulset.to_owned()));
    let pods = subject::pods(connection, &chosen).await;
    add(&mut recording, sets);
    add(&mut recording, pods);
    let snapshot = derive(&recording).map_err(|error| error.message().to_owned())?;
    let policy = Policy::default();
    let seen = Seen::of(&snapshot, &policy);
    of(&seen).map_err(|skip| match skip {
        Skip::Unknown(why) | Skip::NotApplicable(why) => why,
    })
}

/// The shards' pods by name, each with its uid.
///
/// # Errors
/// They couldn't be read.
pub fn of(seen: &Seen<'_>) -> Result<BTreeMap<String, String>, Skip> {
    let pods = seen.own_pods()?;
    Ok(pods
        .into_iter()
        .map(|found| (pod::name(found).to_owned(), pod::uid(found).to_owned()))
        .collect())
}
