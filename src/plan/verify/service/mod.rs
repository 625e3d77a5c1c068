//! Service and DNS: the headless service and its endpoints, the name servers and their answers, load balancers.

pub mod answers;
pub mod balancer;
pub mod dns;
pub mod endpoints;
pub mod governing;
pub mod shard_names;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};

use super::seen::{Seen, Shard};
use crate::model::read::Skip;
use crate::model::{pod, set};
use crate::plan::names;

/// The labels of an object.
type Labels = BTreeMap<String, String>;

/// The name of the service that the set names, and the service where it exists.
///
/// # Errors
/// Left to STS-04 where the set names none; unknown where services can't be read.
fn governing<'a>(seen: &Seen<'a>) -> Result<(&'a str, Option<&'a Service>), Skip> {
    let set = seen.set()?;
    let Some(name) = names::governing_service(set) else {
        return Err(seen.left_to("STS-04", "the set names no service"));
    };
    let services = seen.snapshot.services.need()?;
    let found = services
        .iter()
        .find(|service| service.metadata.name.as_deref() == Some(name));
    Ok((name, found))
}

/// The governing service, where it exists.
///
/// # Errors
/// As [`governing()`]; left to SVC-01 where it doesn't exist.
fn governing_there<'a>(seen: &Seen<'a>) -> Result<(&'a str, &'a Service), Skip> {
    match governing(seen)? {
        (name, Some(service)) => Ok((name, service)),
        (name, None) => Err(seen.left_to("SVC-01", format!("there is no service/{name}"))),
    }
}

fn service_name(service: &Service) -> &str {
    service.metadata.name.as_deref().unwrap_or_default()
}

/// Whether the service publishes the addresses of pods that aren't Ready.
fn publishes_unready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

/// The first term of a service's selector that labels don't meet; a service without a selector picks nothing.
fn unmet<'a>(service: &'a Service, labels: Option<&Labels>) -> Option<(&'a str, &'a str)> {
    let selector = service.spec.as_ref()?.selector.as_ref()?;
    selector
        .iter()
        .find(|(key, wanted)| labels.and_then(|labels| labels.get(*key)) != Some(wanted))
        .map(|(key, wanted)| (key.as_str(), wanted.as_str()))
}

fn has_selector(service: &Service) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| !selector.is_empty())
}

/// The labels that a shard's pod has, or would have: the template's and those that the set's controller adds.
fn labels_of(set: &StatefulSet, shard: &Shard<'_>) -> Labels {
    if let Some(labels) = shard.pod.and_then(|found| found.metadata.labels.clone()) {
        return labels;
    }
    let meta = set::template(set).and_then(|template| template.metadata.as_ref());
    let mut labels = meta.and_then(|meta| meta.labels.clone()).unwrap_or_default();
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), shard.name.to_string());
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), shard.ordinal.to_string());
    labels
}

/// A pod's addresses, of both families.
fn addresses(found: &Pod) -> Vec<&str> {
    let status = found.status.as_ref();
    let all = status.and_then(|status| status.pod_ips.as_deref()).unwrap_or_default();
    let mut addresses: Vec<&str> = all
        .iter()
        .map(|one| one.ip.as_str())
        .filter(|ip| !ip.is_empty())
        .collect();
    if let Some(first) = pod::ip(found)
        && !addresses.contains(&first)
    {
        addresses.insert(0, first);
    }
    addresses
}
