//! What goes with the shards in both phases: the namespace, their priority, their names, their entry, their budget.

use k8s_openapi::api::core::v1::{Namespace, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::names::{APP, Names};
use super::{metadata, metadata_of_cluster};
use crate::model::workload::Workload;

/// The name of the port, which probes and the balancer refer to.
pub const PORT: &str = "http";

/// The namespace.
pub fn namespace(workload: &Workload) -> Namespace {
    Namespace {
        metadata: metadata(workload, &workload.namespace, false),
        ..Namespace::default()
    }
}

/// What the shards come before: everybody else's pods, and the placeholders that keep room for them.
pub fn priority_class(workload: &Workload, names: &Names) -> PriorityClass {
    PriorityClass {
        metadata: metadata_of_cluster(workload, &names.set),
        description: Some(format!(
            "the shards of {}: all of it is down when one is",
            workload.name
        )),
        value: Some(workload.priority),
        ..PriorityClass::default()
    }
}

/// The Service that gives the shards their names. It publishes those that aren't ready, too: shards that start look for each other.
pub fn headless(workload: &Workload, names: &Names) -> Service {
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        ports: Some(vec![port(i32::from(workload.port), None)]),
        selector: Some(selector(names).match_labels.unwrap_or_default()),
        ..ServiceSpec::default()
    };
    service(workload, &names.headless, spec)
}

/// The Service that users come in by.
pub fn balancer(workload: &Workload, names: &Names) -> Service {
    let spec = ServiceSpec {
        type_: Some("LoadBalancer".to_owned()),
        ports: Some(vec![port(80, Some(IntOrString::String(PORT.to_owned())))]),
        selector: Some(selector(names).match_labels.unwrap_or_default()),
        ..ServiceSpec::default()
    };
    service(workload, &names.balancer, spec)
}

fn service(workload: &Workload, name: &str, spec: ServiceSpec) -> Service {
    Service {
        metadata: metadata(workload, name, true),
        spec: Some(spec),
        status: None,
    }
}

fn port(port: i32, target_port: Option<IntOrString>) -> ServicePort {
    ServicePort {
        name: Some(PORT.to_owned()),
        port,
        protocol: Some("TCP".to_owned()),
        target_port,
        ..ServicePort::default()
    }
}

/// The budget: no shard may go of anybody's free will. One that isn't ready may, or a node with a broken shard could never be drained.
pub fn budget(workload: &Workload, names: &Names) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(workload, &names.budget, true),
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(shards(workload))),
            selector: Some(selector(names)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

/// The number of shards as Kubernetes counts pods; parameters that were checked always fit.
pub(super) fn shards(workload: &Workload) -> i32 {
    i32::try_from(workload.shards).unwrap_or(i32::MAX)
}

/// What selects the shards' pods.
pub(super) fn selector(names: &Names) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(APP.to_owned(), names.set.clone())].into()),
        ..LabelSelector::default()
    }
}
