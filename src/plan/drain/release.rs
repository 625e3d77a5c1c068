//! Whether a node is empty enough to be given back: judged over an uncached list of every pod on it, right before its NodeClaim
//! is deleted.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;

use crate::model::{pod, set};

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Pods that are on their way out, and nothing else.
    Leaving,
    /// Pods that aren't, as `namespace/name`.
    Stays(Vec<String>),
}

/// What is still on a node that has these pods; none where it may go.
///
/// A shard always is in the way, whatever it is doing. What a DaemonSet brought, a kubelet runs from its own folder, or has ended,
/// never is.
pub fn still_on(set: &StatefulSet, pods: &[Pod]) -> Option<Left> {
    let ours = |found: &Pod| {
        pod::is_controlled_by(found, set::uid(set))
            || found.metadata.namespace == set.metadata.namespace && set::ordinal_of(set, pod::name(found)).is_some()
    };
    let goes_with_it = |found: &Pod| {
        pod::is_finished(found)
            || pod::annotation(found, pod::MIRROR).is_some()
            || pod::controller(found).is_some_and(|owner| owner.kind == "DaemonSet" && owner.api_version == "apps/v1")
    };
    let left: Vec<&Pod> = pods
        .iter()
        .filter(|found| ours(found) || !goes_with_it(found))
        .collect();
    if left.is_empty() {
        return None;
    }
    if left.iter().all(|found| pod::is_terminating(found)) {
        return Some(Left::Leaving);
    }
    let mut names: Vec<String> = left
        .iter()
        .map(|found| {
            let namespace = found.metadata.namespace.as_deref().unwrap_or_default();
            format!("{namespace}/{}", pod::name(found))
        })
        .collect();
    names.sort();
    Some(Left::Stays(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn set() -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": {"name": "db", "namespace": "shop", "uid": "s"}, "spec": {"replicas": 3, "selector": {}},
        }))
        .unwrap()
    }

    fn pod(namespace: &str, name: &str, owner: Option<(&str, &str)>, phase: &str) -> Pod {
        let owners: Vec<Value> = owner
            .map(|(kind, uid)| {
                json!({"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": uid, "controller": true})
            })
            .into_iter()
            .collect();
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners}, "status": {"phase": phase},
        }))
        .unwrap()
    }

    fn leaving(mut pod: Pod) -> Pod {
        pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        pod
    }

    #[test]
    fn what_goes_with_the_machine_is_not_in_the_way() {
        let mut mirror = pod("kube-system", "static", None, "Running");
        mirror.metadata.annotations = Some([(pod::MIRROR.to_owned(), "1f".to_owned())].into());
        let pods = [
            pod("kube-system", "agent", Some(("DaemonSet", "d")), "Running"),
            pod("web", "job", Some(("Job", "j")), "Succeeded"),
            mirror,
        ];
        assert_eq!(still_on(&set(), &pods), None);
    }

    #[test]
    fn a_shard_is_in_the_way_whatever_it_is_doing_and_so_is_everybody_elses_pod() {
        let stays = |pods: &[Pod]| still_on(&set(), pods);
        let shard = pod("shop", "db-1", Some(("StatefulSet", "s")), "Failed");
        assert_eq!(
            stays(std::slice::from_ref(&shard)),
            Some(Left::Stays(vec!["shop/db-1".to_owned()]))
        );
        // Its name is a shard's, though nobody controls it.
        assert!(stays(&[pod("shop", "db-2", None, "Succeeded")]).is_some());
        assert_eq!(stays(&[pod("web", "db-2", None, "Succeeded")]), None);
        let web = pod("web", "web-1", Some(("ReplicaSet", "r")), "Running");
        assert_eq!(
            stays(&[leaving(shard.clone()), web]),
            Some(Left::Stays(vec!["shop/db-1".to_owned(), "web/web-1".to_owned()]))
        );
        assert_eq!(stays(&[leaving(shard)]), Some(Left::Leaving));
    }
}
