//! An eviction that is only tried: does the budget really hold? The server answers as it would, and evicts nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;

use crate::cluster::evict::eviction;
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::model::read::Read;
use crate::model::recording::EvictionTrial;

/// Tries to evict a pod with `dryRun=All`, in the query and in the body, with the uid as a precondition.
///
/// Never retried.
pub async fn try_eviction(api: &Api, namespace: &str, pod: &str, uid: &str) -> Read<EvictionTrial> {
    let options = DeleteOptions {
        dry_run: Some(vec!["All".to_owned()]),
        ..DeleteOptions::default()
    };
    let eviction = eviction(namespace, pod, uid, options);
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction?dryRun=All");
    match api.post(&path, &eviction).await {
        Ok(_) => Read::Got(EvictionTrial {
            pod: pod.to_owned(),
            code: 201,
            message: "the eviction would be accepted".to_owned(),
            causes: Vec::new(),
        }),
        Err(Failure::Server {
            code, message, causes, ..
        }) => Read::Got(EvictionTrial {
            pod: pod.to_owned(),
            code,
            message,
            causes,
        }),
        Err(failure) => Read::Unreadable(format!("an eviction can't be tried: {}", failure.reason())),
    }
}
