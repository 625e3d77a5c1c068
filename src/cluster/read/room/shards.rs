//! The shards' own pods, as far as they tell whose they are, where, how they do and what they ask for.
//!
//! A thousand pods with all that is theirs take megabytes and as long to type as fifty thousand to add up. The numbers of the fields
//! are those of the files that [`super::unpack`] names.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, PodCondition, PodSpec, PodStatus, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::Deserialize;

use super::unpack::{amount, one_more};
use super::{Requests, ShortContainer, ShortPodSpec, Summed, short};
use crate::cluster::get::Api;
use crate::cluster::get::binary::{Malformed, Message, Unpack};
use crate::model::resource::Resource;

/// Lists the pods of a namespace that a query picks: each with its names, labels and owners, what it asks for, where it is, and
/// whether and since when it is Ready.
pub async fn short_pods(api: &Api, namespace: &str, query: &str) -> Summed<Vec<Arc<Pod>>> {
    short(api, Resource::Pods, (namespace, query), |short: Shard| {
        Arc::new(short.into())
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct Shard {
    metadata: Meta,
    #[serde(default)]
    spec: ShortPodSpec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Deserialize, Default)]
struct Status {
    phase: Option<String>,
    conditions: Option<Vec<PodCondition>>,
}

impl From<Shard> for Pod {
    fn from(short: Shard) -> Self {
        let Shard { metadata, spec, status } = short;
        let containers = |all: Vec<ShortContainer>| all.into_iter().map(Into::into).collect();
        Pod {
            metadata: ObjectMeta {
                name: metadata.name,
                namespace: metadata.namespace,
                uid: metadata.uid,
                resource_version: metadata.resource_version,
                creation_timestamp: metadata.creation_timestamp,
                deletion_timestamp: metadata.deletion_timestamp,
                deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
                labels: metadata.labels,
                owner_references: metadata.owner_references,
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec {
                node_name: spec.node_name,
                containers: containers(spec.containers),
                init_containers: spec.init_containers.map(containers),
                resources: spec.resources.map(Into::into),
                overhead: spec.overhead,
                ..PodSpec::default()
            }),
            status: Some(PodStatus {
                phase: status.phase,
                conditions: status.conditions,
                ..PodStatus::default()
            }),
        }
    }
}

impl From<Requests> for ResourceRequirements {
    fn from(short: Requests) -> Self {
        ResourceRequirements {
            requests: short.requests,
            ..ResourceRequirements::default()
        }
    }
}

impl From<ShortContainer> for Container {
    fn from(short: ShortContainer) -> Self {
        Container {
            resources: short.resources.map(Into::into),
            restart_policy: short.restart_policy,
            ..Container::default()
        }
    }
}

impl Unpack for Shard {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut metadata, mut spec, mut status) = (None, ShortPodSpec::default(), Status::default());
        while let Some((number, field)) = message.next()? {
            match number {
                1 => metadata = Some(Meta::unpack(field.message()?)?),
                2 => spec = ShortPodSpec::unpack(field.message()?)?,
                3 => status = Status::unpack(field.message()?)?,
                _ => {}
            }
        }
        let metadata = metadata.ok_or(Malformed("a pod without metadata"))?;
        Ok(Shard { metadata, spec, status })
    }
}

impl Unpack for Meta {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut meta = Meta::default();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => meta.name = field.words()?,
                3 => meta.namespace = field.words()?,
                5 => meta.uid = field.words()?,
                6 => meta.resource_version = field.words()?,
                8 => meta.creation_timestamp = time(field.message()?)?,
                9 => meta.deletion_timestamp = time(field.message()?)?,
                10 => meta.deletion_grace_period_seconds = Some(field.number()?.cast_signed()),
                11 => {
                    let (key, value) = field.entry()?;
                    let labels = meta.labels.get_or_insert_default();
                    labels.insert(key.to_owned(), value.text()?.to_owned());
                }
                13 => one_more(&mut meta.owner_references, field)?,
                _ => {}
            }
        }
        Ok(meta)
    }
}

impl Unpack for OwnerReference {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut owner = OwnerReference::default();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => field.text()?.clone_into(&mut owner.kind),
                3 => field.text()?.clone_into(&mut owner.name),
                4 => field.text()?.clone_into(&mut owner.uid),
                5 => field.text()?.clone_into(&mut owner.api_version),
                6 => owner.controller = Some(field.number()? != 0),
                _ => {}
            }
        }
        Ok(owner)
    }
}

impl Unpack for ShortPodSpec {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut spec = ShortPodSpec::default();
        while let Some((number, field)) = message.next()? {
            match number {
                2 => spec.containers.push(ShortContainer::unpack(field.message()?)?),
                10 => spec.node_name = field.words()?,
                20 => one_more(&mut spec.init_containers, field)?,
                32 => spec.overhead.get_or_insert_default().extend([owned(amount(field)?)]),
                40 => spec.resources = Some(Requests::unpack(field.message()?)?),
                _ => {}
            }
        }
        Ok(spec)
    }
}

impl Unpack for ShortContainer {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let (mut resources, mut restart_policy) = (None, None);
        while let Some((number, field)) = message.next()? {
            match number {
                8 => resources = Some(Requests::unpack(field.message()?)?),
                24 => restart_policy = field.words()?,
                _ => {}
            }
        }
        Ok(ShortContainer {
            resources,
            restart_policy,
        })
    }
}

impl Unpack for Requests {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut resources = Requests { requests: None };
        while let Some((number, field)) = message.next()? {
            if number == 2 {
                resources
                    .requests
                    .get_or_insert_default()
                    .extend([owned(amount(field)?)]);
            }
        }
        Ok(resources)
    }
}

fn owned((name, amount): (&str, &str)) -> (String, Quantity) {
    (name.to_owned(), Quantity(amount.to_owned()))
}

impl Unpack for Status {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut status = Status::default();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => status.phase = field.words()?,
                2 => one_more(&mut status.conditions, field)?,
                _ => {}
            }
        }
        Ok(status)
    }
}

impl Unpack for PodCondition {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut condition = PodCondition::default();
        while let Some((number, field)) = message.next()? {
            match number {
                1 => field.text()?.clone_into(&mut condition.type_),
                2 => field.text()?.clone_into(&mut condition.status),
                4 => condition.last_transition_time = time(field.message()?)?,
                _ => {}
            }
        }
        Ok(condition)
    }
}

/// A time, in seconds; none is written as the beginning of all of them. Nothing finer is in JSON.
fn time(mut message: Message<'_>) -> Result<Option<Time>, Malformed> {
    let mut seconds = 0;
    while let Some((number, field)) = message.next()? {
        if number == 1 {
            seconds = field.number()?.cast_signed();
        }
    }
    if seconds == 0 {
        return Ok(None);
    }
    let at = Timestamp::from_second(seconds).map_err(|_| Malformed("a time that no calendar has"))?;
    Ok(Some(Time(at)))
}
