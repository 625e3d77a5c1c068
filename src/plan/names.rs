//! The DNS names of a set's shards: what there is to ask of name servers, and what the checks look for among the answers.
//!
//! The form is that of the DNS specification for Kubernetes services, section 2.4 (records of a headless service):
//! <https://github.com/kubernetes/dns/blob/master/docs/specification.md>.

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::model::set::{self, Ordinal};

/// The service that gives the shards their names; none where `serviceName` is empty, and the shards have no names then.
pub fn governing_service(set: &StatefulSet) -> Option<&str> {
    set.spec
        .as_ref()?
        .service_name
        .as_deref()
        .filter(|name| !name.is_empty())
}

/// The name under which a service is asked for, with its trailing dot. `domain` is the cluster's (`cluster.local`).
pub fn service_name(service: &str, namespace: &str, domain: &str) -> String {
    let domain = domain.trim_matches('.');
    format!("{service}.{namespace}.svc.{domain}.")
}

/// The name under which the shard with `ordinal` is asked for, with its trailing dot.
pub fn shard_name(set: &StatefulSet, ordinal: Ordinal, service: &str, namespace: &str, domain: &str) -> String {
    let pod = set::pod_name(set, ordinal);
    format!("{pod}.{}", service_name(service, namespace, domain))
}

/// Every name to ask name servers for: the headless service first, then each of the `expected` shards by its ordinal.
///
/// Fully qualified, with trailing dots, so that no search list is tried. Empty where the set names no service.
pub fn questions(set: &StatefulSet, expected: i32, namespace: &str, domain: &str) -> Vec<String> {
    let Some(service) = governing_service(set) else {
        return Vec::new();
    };
    let shards = set::ordinals(set, expected).map(|ordinal| shard_name(set, ordinal, service, namespace, domain));
    std::iter::once(service_name(service, namespace, domain))
        .chain(shards)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_service_is_asked_for_first_and_then_every_ordinal() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db"},
            "spec": {"serviceName": "db-headless", "ordinals": {"start": 3}, "selector": {}, "template": {}},
        }))
        .unwrap();
        assert_eq!(
            questions(&set, 2, "prod", ".cluster.local."),
            [
                "db-headless.prod.svc.cluster.local.",
                "db-3.db-headless.prod.svc.cluster.local.",
                "db-4.db-headless.prod.svc.cluster.local.",
            ]
        );
    }

    #[test]
    fn shards_of_a_set_without_a_service_have_no_names() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db"},
            "spec": {"serviceName": "", "selector": {}, "template": {}},
        }))
        .unwrap();
        assert!(questions(&set, 3, "prod", "cluster.local").is_empty());
    }
}
