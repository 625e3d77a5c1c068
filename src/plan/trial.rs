//! A pod of the new template, for the server to try without making it: admission, quota and Pod Security are asked before
//! a shard is touched.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaimVolumeSource, Pod, PodSpec, PodTemplateSpec, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::model::finding::{Finding, Severity};
use crate::model::quantity::Amount;
use crate::model::set;

/// What the name of a trial pod begins with; the set's name follows. No such pod is ever made.
const PREFIX: &str = "shardctl-trial-";

/// The pod that the StatefulSet controller would make of `template`, under a name of its own; to be created with
/// `dryRun: All`.
///
/// As pkg/controller/statefulset/stateful_set_utils.go (newStatefulSetPod, updateStorage) does it: the claims of the claim
/// templates stand in for volumes of their names; here those of the first shard.
pub fn trial_pod(set: &StatefulSet, template: &PodTemplateSpec) -> Pod {
    let short: String = set::name(set).chars().take(40).collect();
    let name = format!("{PREFIX}{}", short.trim_end_matches(['-', '.']));
    let written = template.metadata.clone().unwrap_or_default();
    let mut spec = template.spec.clone().unwrap_or_default();
    let service = set::spec(set).and_then(|spec| spec.service_name.clone());
    spec.hostname = Some(name.replace('.', "-"));
    spec.subdomain = service.filter(|service| !service.is_empty());
    let templates: Vec<&str> = set::claim_templates(set).collect();
    let mut volumes: Vec<Volume> = templates
        .iter()
        .map(|template| Volume {
            name: (*template).to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: set::claim_name(set, template, set::first_ordinal(set)),
                read_only: Some(false),
            }),
            ..Volume::default()
        })
        .collect();
    let others = spec.volumes.take().unwrap_or_default();
    volumes.extend(
        others
            .into_iter()
            .filter(|volume| !templates.contains(&volume.name.as_str())),
    );
    spec.volumes = Some(volumes);
    Pod {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: set.metadata.namespace.clone(),
            labels: written.labels,
            annotations: written.annotations,
            finalizers: written.finalizers,
            owner_references: Some(vec![OwnerReference {
                api_version: "apps/v1".to_owned(),
                kind: "StatefulSet".to_owned(),
                name: set::name(set).to_owned(),
                uid: set::uid(set).to_owned(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

/// What the server thinks of a trial pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It would be made.
    Admitted,
    /// It would not.
    Refused(Finding),
    /// The server's answer says neither; why, a clause.
    Unknown(String),
}

/// Judges the server's answer: its HTTP code and its message. `asks_for_more`: whether the new pods ask for more than the
/// old.
///
/// A quota that is used up refuses nothing where they don't: the old pod leaves before the new one comes. The quota is the
/// last to be asked, so that everybody else has said yes by then. A webhook that doesn't answer refuses: it won't answer
/// the StatefulSet controller either.
pub fn judge_trial(set: &StatefulSet, code: u16, message: &str, asks_for_more: bool) -> Trial {
    let says = |words: &str| message.contains(words);
    match code {
        200..=299 => return Trial::Admitted,
        403 if says("exceeded quota") && !asks_for_more => return Trial::Admitted,
        403 if says("pods is forbidden: User ") => {
            return Trial::Unknown(format!("we may not create pods, not even to try: {message}"));
        }
        400 if says("does not support dry run") => {
            return Trial::Unknown(format!("an admission webhook can't be asked without effect: {message}"));
        }
        400 | 403 | 422 => {}
        500 if says("failed calling webhook") => {}
        _ => return Trial::Unknown(format!("the server answered {code}: {message}")),
    }
    let mut finding = Finding::new(
        Severity::Error,
        format!("statefulset/{}", set::name(set)),
        "the server would refuse a pod of the new template",
    );
    finding.evidence(message);
    finding.remedy(if says("quota") {
        "raise the quota, or have the pods ask for less"
    } else if says("PodSecurity") {
        "correct the security contexts of the template, or the namespace's Pod Security level"
    } else if says("failed calling webhook") {
        "bring the webhook back: without it no shard could be made again"
    } else {
        "correct the template"
    });
    Trial::Refused(finding)
}

/// Whether pods of `new` request or are limited to more of anything than pods of `old`.
pub fn asks_for_more(old: &PodSpec, new: &PodSpec) -> bool {
    let (before, after) = (asked(old), asked(new));
    after
        .iter()
        .any(|(what, amount)| before.get(what).is_none_or(|before| amount > before))
}

/// What a pod asks for, by `requests` or `limits` and the resource, as a quota counts it: all of its containers and sidecars
/// together, or the greatest of its init containers with the sidecars before it, whichever is more; and its overhead.
fn asked(spec: &PodSpec) -> BTreeMap<(&'static str, String), Amount> {
    type Sums = BTreeMap<(&'static str, String), Amount>;
    fn add(sums: &mut Sums, container: &Container) {
        let resources = container.resources.as_ref();
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let listed = |what, amounts: Option<&BTreeMap<String, Quantity>>| -> Vec<((&'static str, String), Amount)> {
            amounts
                .into_iter()
                .flatten()
                .filter_map(|(resource, amount)| Some(((what, resource.clone()), Amount::of(amount)?)))
                .collect()
        };
        for (what, amount) in listed("requests", requests).into_iter().chain(listed("limits", limits)) {
            let sum = sums.entry(what).or_default();
            *sum = sum.plus(amount);
        }
    }
    let mut sidecars = Sums::new();
    let mut most = Sums::new();
    let keep = |most: &mut Sums, sums: &Sums| {
        for (what, amount) in sums {
            let greatest = most.entry(what.clone()).or_default();
            *greatest = (*greatest).max(*amount);
        }
    };
    for container in spec.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, container);
            keep(&mut most, &sidecars);
        } else {
            let mut together = sidecars.clone();
            add(&mut together, container);
            keep(&mut most, &together);
        }
    }
    let mut together = sidecars;
    for container in &spec.containers {
        add(&mut together, container);
    }
    keep(&mut most, &together);
    for (resource, amount) in spec.overhead.iter().flatten() {
        for what in ["requests", "limits"] {
            let sum = most.entry((what, resource.clone())).or_default();
            *sum = sum.plus(Amount::of(amount).unwrap_or_default());
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::Scene;
    use serde_json::{Value, json};

    #[test]
    fn a_trial_pod_is_what_the_controller_would_make() {
        let snapshot = Scene::healthy(1).snapshot();
        let set = snapshot.set().unwrap();
        let mut template = set::template(set).unwrap().clone();
        let spec = template.spec.as_mut().unwrap();
        spec.volumes = serde_json::from_value(json!([
            {"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": "db"}},
        ]))
        .unwrap();
        let pod = serde_json::to_value(trial_pod(set, &template)).unwrap();
        assert_eq!(pod["metadata"]["name"], "shardctl-trial-db");
        assert_eq!(pod["metadata"]["labels"]["app"], "db");
        assert_eq!(pod["spec"]["subdomain"], "db-headless");
        let volumes = &pod["spec"]["volumes"];
        assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], "data-db-0");
        assert_eq!(volumes[1]["name"], "config");
        assert_eq!(volumes.as_array().unwrap().len(), 2);
    }

    #[test]
    fn the_servers_answer_is_a_yes_a_no_or_neither() {
        let snapshot = Scene::healthy(1).snapshot();
        let judged =
            |code: u16, message: &str, more: bool| match judge_trial(snapshot.set().unwrap(), code, message, more) {
                Trial::Admitted => "admitted",
                Trial::Refused(_) => "refused",
                Trial::Unknown(_) => "unknown",
            };
        let quota = r#"pods "x" is forbidden: exceeded quota: q, requested: cpu=4, used: cpu=40, limited: cpu=40"#;
        let security = r#"pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true"#;
        let unset = r#"pods "x" is forbidden: failed quota: q: must specify limits.cpu for: db"#;
        let rights =
            r#"pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "shop""#;
        let dry = r#"admission webhook "w" does not support dry run: the server could not process it"#;
        let webhook = r#"Internal error occurred: failed calling webhook "w": connection refused"#;
        for (code, message, more, expected) in [
            (201, "", false, "admitted"),
            (403, quota, false, "admitted"),
            (403, quota, true, "refused"),
            (403, unset, false, "refused"),
            (403, security, false, "refused"),
            (
                422,
                "Pod \"x\" is invalid: spec.containers[0].image: Required value",
                false,
                "refused",
            ),
            (400, r#"admission webhook "w" denied the request: no"#, false, "refused"),
            (500, webhook, false, "refused"),
            (403, rights, false, "unknown"),
            (400, dry, false, "unknown"),
            (429, "too many requests", false, "unknown"),
            (409, "already exists", false, "unknown"),
            (503, "", false, "unknown"),
        ] {
            assert_eq!(judged(code, message, more), expected, "{code} {message}");
        }
    }

    #[test]
    fn more_is_counted_as_a_quota_counts() {
        let spec = |requests: Value, init: Value| -> PodSpec {
            serde_json::from_value(json!({
                "containers": [{"name": "a", "resources": {"requests": requests}}],
                "initContainers": [{"name": "i", "resources": {"requests": init}}],
            }))
            .unwrap()
        };
        let old = spec(json!({"cpu": "2", "memory": "1Gi"}), json!({"cpu": "1"}));
        let more = |requests: Value, init: Value| asks_for_more(&old, &spec(requests, init));
        assert!(!more(json!({"cpu": "2000m", "memory": "1024Mi"}), json!({"cpu": "2"})));
        assert!(!more(json!({"cpu": "1"}), json!({})));
        assert!(more(json!({"cpu": "2", "memory": "2Gi"}), json!({})));
        assert!(more(json!({"cpu": "1"}), json!({"cpu": "3"})));
        assert!(more(json!({"cpu": "2", "example.com/gpu": "1"}), json!({})));
    }
}
