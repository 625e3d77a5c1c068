//! The helper pod that makes a node fetch a template's images.
//!
//! It stands on the node by `nodeName`, so that neither the scheduler nor Karpenter is asked, and carries no label that a
//! shard, a Service or a budget goes by: a Ready pod with the shards' labels would raise the budget's `disruptionsAllowed`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, Pod, PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use sha2::{Digest, Sha256};

use crate::model::mark::{HELPER, RUN};
use crate::model::pod::{DO_NOT_DISRUPT, SAFE_TO_EVICT};
use crate::model::set;

/// What the label [`HELPER`] says of these pods.
pub const PRE_PULL: &str = "pre-pull";
/// The user where the template names none: `nobody`, who may do nothing.
const NOBODY: i64 = 65_534;
/// What each container asks for: something, since a quota may demand it, and as little as a runtime can start.
pub const TINY: [(&str, &str); 2] = [("cpu", "1m"), ("memory", "8Mi")];

/// The name of the helper on a node: the same throughout a run, so that making it twice is refused.
pub fn helper_name(set: &StatefulSet, node: &str, run: &str) -> String {
    name_of(PRE_PULL, set, node, run)
}

/// The name of a helper pod of a kind, for one node or shard of a run.
pub fn name_of(kind: &str, set: &StatefulSet, whom: &str, run: &str) -> String {
    let hash = Sha256::digest(format!("{}\n{whom}\n{run}", set::uid(set)).as_bytes());
    // Pods are host names too: 63 characters at most.
    let name: String = set::name(set).chars().take(30).collect();
    let mut name = format!("shardctl-{kind}-{}-", name.trim_end_matches(['-', '.']));
    let digits = hash.iter().take(5).flat_map(|byte| [byte >> 4, byte & 0xf]);
    name.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    name
}

/// The images that pods of this spec are made of, each once, init containers' first.
pub fn images(spec: &PodSpec) -> Vec<&str> {
    let mut known = BTreeSet::new();
    spec.init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
        .filter_map(|container| container.image.as_deref())
        .filter(|image| known.insert(*image))
        .collect()
}

/// The helper pod that fetches the images of `spec` onto `node` within `seconds`.
///
/// It is admitted under the strictest Pod Security level, takes the template's account, pull secrets and runtime class (they
/// decide what may be pulled, and into what), and none of its volumes. Its command need not exist: a container that fails to
/// start has its image.
pub fn helper_pod(set: &StatefulSet, spec: &PodSpec, node: &str, run: &str, seconds: i64) -> Pod {
    let containers = images(spec)
        .into_iter()
        .enumerate()
        .map(|(at, image)| container(at, image, "Always"))
        .collect();
    let mut pod = bare(PRE_PULL, helper_name(set, node, run), set, spec, run, seconds);
    if let Some(made) = &mut pod.spec {
        made.containers = containers;
        made.node_name = Some(node.to_owned());
        made.tolerations = Some(vec![Toleration {
            operator: Some("Exists".to_owned()),
            ..Toleration::default()
        }]);
    }
    pod
}

/// A helper pod without containers: nobody's shard, gone after `seconds` or with the set, under the strictest Pod Security
/// level, with what of the template decides what may be pulled, and into what.
pub fn bare(kind: &str, name: String, set: &StatefulSet, spec: &PodSpec, run: &str, seconds: i64) -> Pod {
    let user = spec
        .security_context
        .as_ref()
        .and_then(|context| context.run_as_user)
        .filter(|user| *user != 0)
        .unwrap_or(NOBODY);
    Pod {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: set.metadata.namespace.clone(),
            labels: Some(BTreeMap::from([(HELPER.to_owned(), kind.to_owned())])),
            annotations: Some(BTreeMap::from([
                (RUN.to_owned(), run.to_owned()),
                (DO_NOT_DISRUPT.to_owned(), "true".to_owned()),
                (SAFE_TO_EVICT.to_owned(), "false".to_owned()),
            ])),
            // Not its controller: the StatefulSet must not take it for a shard, and garbage collection takes it all the same.
            owner_references: Some(vec![OwnerReference {
                api_version: "apps/v1".to_owned(),
                kind: "StatefulSet".to_owned(),
                name: set::name(set).to_owned(),
                uid: set::uid(set).to_owned(),
                controller: Some(false),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            restart_policy: Some("Never".to_owned()),
            active_deadline_seconds: Some(seconds),
            termination_grace_period_seconds: Some(0),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            service_account_name: spec.service_account_name.clone(),
            image_pull_secrets: spec.image_pull_secrets.clone(),
            runtime_class_name: spec.runtime_class_name.clone(),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(user),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// A container that has the node fetch an image, and then does nothing: its command need not exist.
pub fn container(at: usize, image: &str, pull: &str) -> Container {
    Container {
        name: format!("image-{at}"),
        image: Some(image.to_owned()),
        image_pull_policy: Some(pull.to_owned()),
        command: Some(vec!["true".to_owned()]),
        resources: Some(exactly(
            TINY.map(|(resource, amount)| (resource.to_owned(), Quantity(amount.to_owned()))),
        )),
        security_context: Some(harmless()),
        ..Container::default()
    }
}

/// Requests and limits alike: a quota may ask for either, and what can't be shared (devices, huge pages) takes no other form.
pub fn exactly(amounts: impl IntoIterator<Item = (String, Quantity)>) -> ResourceRequirements {
    let amounts: BTreeMap<String, Quantity> = amounts.into_iter().collect();
    ResourceRequirements {
        requests: Some(amounts.clone()),
        limits: Some(amounts),
        ..ResourceRequirements::default()
    }
}

/// What the strictest Pod Security level asks of a container.
pub fn harmless() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            add: None,
            drop: Some(vec!["ALL".to_owned()]),
        }),
        ..SecurityContext::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    fn template() -> PodSpec {
        serde_json::from_value(json!({
            "serviceAccountName": "shards", "runtimeClassName": "gvisor", "imagePullSecrets": [{"name": "registry"}],
            "hostNetwork": true, "nodeSelector": {"pool": "x"}, "priorityClassName": "shards",
            "volumes": [{"name": "data", "emptyDir": {}}],
            "initContainers": [{"name": "fetch", "image": "tools:1"}],
            "containers": [
                {"name": "db", "image": "db:2", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                {"name": "side", "image": "tools:1"},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn it_has_every_image_once_and_what_decides_over_pulling() {
        let snapshot = Scene::healthy(1).snapshot();
        let pod = helper_pod(snapshot.set().unwrap(), &template(), "node-0", "upgrade/4f2a", 300);
        let spec = pod.spec.unwrap();
        let pulled: Vec<&str> = spec.containers.iter().filter_map(|one| one.image.as_deref()).collect();
        assert_eq!(pulled, ["tools:1", "db:2"]);
        assert!(
            spec.containers
                .iter()
                .all(|one| one.image_pull_policy.as_deref() == Some("Always"))
        );
        assert_eq!(spec.node_name.as_deref(), Some("node-0"));
        assert_eq!(spec.service_account_name.as_deref(), Some("shards"));
        assert_eq!(spec.runtime_class_name.as_deref(), Some("gvisor"));
        assert_eq!(spec.image_pull_secrets.unwrap()[0].name, "registry");
        assert_eq!(spec.active_deadline_seconds, Some(300));
        assert_eq!(
            (spec.host_network, spec.volumes, spec.node_selector),
            (None, None, None)
        );
        assert_eq!(spec.priority_class_name, None);
    }

    #[test]
    fn it_is_no_shard_and_goes_with_the_set() {
        let snapshot = Scene::healthy(1).snapshot();
        let set = snapshot.set().unwrap();
        let pod = helper_pod(set, &template(), "node-0", "upgrade/4f2a", 300);
        assert!(!crate::model::pod::is_controlled_by(&pod, set::uid(set)));
        let selector = &set.spec.as_ref().unwrap().selector;
        assert!(!set::selects(selector, pod.metadata.labels.as_ref()));
        assert_eq!(pod.metadata.labels.unwrap().len(), 1);
        assert_eq!(pod.metadata.owner_references.unwrap()[0].uid, "uid-db");
        assert_eq!(set::ordinal_of(set, &pod.metadata.name.unwrap()), None);
    }

    #[test]
    fn its_name_is_the_same_in_a_run_and_another_elsewhere() {
        let mut set = Scene::healthy(1).snapshot().set().unwrap().clone();
        set.metadata.name = Some("a-set-with-a-name-that-is-a-bit.longer-than-most".to_owned());
        let name = helper_name(&set, "node-0", "upgrade/4f2a");
        assert!(name.len() <= 63, "{name}");
        assert_eq!(name, helper_name(&set, "node-0", "upgrade/4f2a"));
        assert_ne!(name, helper_name(&set, "node-1", "upgrade/4f2a"));
        assert_ne!(name, helper_name(&set, "node-0", "upgrade/4f2b"));
    }
}
