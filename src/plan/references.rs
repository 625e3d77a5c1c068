//! What a pod template refers to and can't come up without: ConfigMaps, Secrets, accounts, classes, claims.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};

use crate::model::finding::{Finding, Severity};

/// A kind of object that a template may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret; whether it is there is all that needs to be known.
    Secret,
    /// A ServiceAccount.
    ServiceAccount,
    /// A claim that is named by itself, beside those of the claim templates.
    Claim,
    /// A PriorityClass.
    PriorityClass,
    /// A RuntimeClass.
    RuntimeClass,
}

impl Kind {
    /// Its name in output, as in `kind/name`.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::ConfigMap => "configmap",
            Kind::Secret => "secret",
            Kind::ServiceAccount => "serviceaccount",
            Kind::Claim => "persistentvolumeclaim",
            Kind::PriorityClass => "priorityclass",
            Kind::RuntimeClass => "runtimeclass",
        }
    }
}

/// One object that the template refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The keys that must be in it.
    pub keys: BTreeSet<String>,
    /// Whether pods come up without it.
    pub optional: bool,
    /// Who refers to it, in words: `container shard`, `volume config`.
    pub used_by: BTreeSet<String>,
}

impl Reference {
    /// Where the server has it.
    pub fn path(&self, namespace: &str) -> String {
        let name = &self.name;
        match self.kind {
            Kind::ConfigMap => format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
            Kind::Secret => format!("/api/v1/namespaces/{namespace}/secrets/{name}"),
            Kind::ServiceAccount => format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"),
            Kind::Claim => format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"),
            Kind::PriorityClass => format!("/apis/scheduling.k8s.io/v1/priorityclasses/{name}"),
            Kind::RuntimeClass => format!("/apis/node.k8s.io/v1/runtimeclasses/{name}"),
        }
    }
}

/// Everything that pods of this spec refer to, each object once, in the order of kinds and names.
///
/// A pull secret that isn't there holds no pod back (the kubelet pulls without it), and one key may be optional where the
/// object isn't: then the key isn't listed.
pub fn references(spec: &PodSpec) -> Vec<Reference> {
    let mut all = Collected::default();
    let account = spec.service_account_name.as_deref().filter(|name| !name.is_empty());
    all.whole(Kind::ServiceAccount, account.unwrap_or("default"), false, "the pod");
    if let Some(class) = spec.priority_class_name.as_deref().filter(|name| !name.is_empty()) {
        all.whole(Kind::PriorityClass, class, false, "the pod");
    }
    if let Some(class) = spec.runtime_class_name.as_deref().filter(|name| !name.is_empty()) {
        all.whole(Kind::RuntimeClass, class, false, "the pod");
    }
    for secret in spec.image_pull_secrets.iter().flatten() {
        all.whole(Kind::Secret, &secret.name, true, "imagePullSecrets");
    }
    for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
        of_container(container, &mut all);
    }
    for volume in spec.volumes.iter().flatten() {
        of_volume(volume, &mut all);
    }
    all.0.into_values().collect()
}

/// What was found so far, by kind and name.
#[derive(Default)]
struct Collected(BTreeMap<(Kind, String), Reference>);

impl Collected {
    fn whole(&mut self, kind: Kind, name: &str, optional: bool, used_by: &str) {
        self.some(kind, name, [], optional, used_by);
    }

    /// An object with those of its keys that must be there.
    fn some<'k>(
        &mut self,
        kind: Kind,
        name: &str,
        keys: impl IntoIterator<Item = &'k str>,
        optional: bool,
        used_by: &str,
    ) {
        let known = self.0.entry((kind, name.to_owned())).or_insert_with(|| Reference {
            kind,
            name: name.to_owned(),
            keys: BTreeSet::new(),
            optional: true,
            used_by: BTreeSet::new(),
        });
        known.used_by.insert(used_by.to_owned());
        // Keys of an optional reference may be missing too.
        if !optional {
            known.optional = false;
            known.keys.extend(keys.into_iter().map(str::to_owned));
        }
    }
}

fn of_container(container: &Container, all: &mut Collected) {
    let by = format!("container {}", container.name);
    for from in container.env_from.iter().flatten() {
        if let Some(source) = &from.config_map_ref {
            all.whole(Kind::ConfigMap, &source.name, source.optional == Some(true), &by);
        }
        if let Some(source) = &from.secret_ref {
            all.whole(Kind::Secret, &source.name, source.optional == Some(true), &by);
        }
    }
    for from in container.env.iter().flatten().filter_map(|env| env.value_from.as_ref()) {
        if let Some(source) = &from.config_map_key_ref {
            let key = [source.key.as_str()];
            all.some(Kind::ConfigMap, &source.name, key, source.optional == Some(true), &by);
        }
        if let Some(source) = &from.secret_key_ref {
            let key = [source.key.as_str()];
            all.some(Kind::Secret, &source.name, key, source.optional == Some(true), &by);
        }
    }
}

fn of_volume(volume: &Volume, all: &mut Collected) {
    let by = format!("volume {}", volume.name);
    if let Some(source) = &volume.config_map {
        let keys = source.items.iter().flatten().map(|item| item.key.as_str());
        all.some(Kind::ConfigMap, &source.name, keys, source.optional == Some(true), &by);
    }
    if let Some(source) = &volume.secret
        && let Some(name) = &source.secret_name
    {
        let keys = source.items.iter().flatten().map(|item| item.key.as_str());
        all.some(Kind::Secret, name, keys, source.optional == Some(true), &by);
    }
    let projected = volume
        .projected
        .as_ref()
        .and_then(|projected| projected.sources.as_ref());
    for source in projected.into_iter().flatten() {
        if let Some(source) = &source.config_map {
            let keys = source.items.iter().flatten().map(|item| item.key.as_str());
            all.some(Kind::ConfigMap, &source.name, keys, source.optional == Some(true), &by);
        }
        if let Some(source) = &source.secret {
            let keys = source.items.iter().flatten().map(|item| item.key.as_str());
            all.some(Kind::Secret, &source.name, keys, source.optional == Some(true), &by);
        }
    }
    if let Some(source) = &volume.persistent_volume_claim {
        all.whole(Kind::Claim, &source.claim_name, false, &by);
    }
    if let Some(secret) = volume.csi.as_ref().and_then(|csi| csi.node_publish_secret_ref.as_ref()) {
        all.whole(Kind::Secret, &secret.name, false, &by);
    }
    if let Some(source) = &volume.azure_file {
        all.whole(Kind::Secret, &source.secret_name, false, &by);
    }
}

/// What to say of an object that isn't there, or that lacks `keys`.
pub fn missing(reference: &Reference, keys: &[String]) -> Finding {
    let severity = if reference.optional {
        Severity::Information
    } else {
        Severity::Error
    };
    let users: Vec<&str> = reference.used_by.iter().map(String::as_str).collect();
    let what = match keys {
        [] => "it doesn't exist".to_owned(),
        [key] => format!("it has no key {key}"),
        keys => format!("it has no keys {}", keys.join(", ")),
    };
    let users = users.join(", ");
    let message = match (reference.optional, reference.kind, keys) {
        (true, ..) => format!("{what}; {users} can do without"),
        (false, Kind::ServiceAccount | Kind::PriorityClass | Kind::RuntimeClass, _) => {
            format!("{what}, and no pod of the new template would be made without it")
        }
        (false, ..) => format!("{what}, and {users} can't start without it"),
    };
    let mut finding = Finding::new(
        severity,
        format!("{}/{}", reference.kind.word(), reference.name),
        message,
    );
    if !reference.optional {
        finding.remedy("create what is missing, or correct the template");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> PodSpec {
        serde_json::from_value(json!({
            "priorityClassName": "shards", "runtimeClassName": "gvisor", "imagePullSecrets": [{"name": "registry"}],
            "initContainers": [{"name": "fetch", "envFrom": [{"secretRef": {"name": "token"}}]}],
            "containers": [{
                "name": "db",
                "envFrom": [{"configMapRef": {"name": "maybe", "optional": true}}],
                "env": [
                    {"name": "A", "value": "plain"},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "b"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "c", "optional": true}}},
                    {"name": "D", "valueFrom": {"secretKeyRef": {"name": "token", "key": "d"}}},
                ],
            }],
            "volumes": [
                {"name": "files", "configMap": {"name": "settings", "items": [{"key": "file", "path": "f"}]}},
                {"name": "cert", "secret": {"secretName": "tls"}},
                {"name": "mixed", "projected": {"sources": [
                    {"configMap": {"name": "more"}}, {"secret": {"name": "tls", "optional": true}},
                ]}},
                {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
                {"name": "scratch", "emptyDir": {}},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn every_object_is_told_once_with_the_keys_that_must_be_there() {
        let told: Vec<String> = references(&spec())
            .iter()
            .map(|one| {
                let keys: Vec<&str> = one.keys.iter().map(String::as_str).collect();
                let by: Vec<&str> = one.used_by.iter().map(String::as_str).collect();
                let optional = if one.optional { " (optional)" } else { "" };
                format!(
                    "{}/{} [{}] {}{optional}",
                    one.kind.word(),
                    one.name,
                    keys.join(","),
                    by.join(",")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "configmap/maybe [] container db (optional)",
                "configmap/more [] volume mixed",
                "configmap/settings [b,file] container db,volume files",
                "secret/registry [] imagePullSecrets (optional)",
                "secret/tls [] volume cert,volume mixed",
                "secret/token [d] container db,container fetch",
                "serviceaccount/default [] the pod",
                "persistentvolumeclaim/shared [] volume shared",
                "priorityclass/shards [] the pod",
                "runtimeclass/gvisor [] the pod",
            ]
        );
    }

    #[test]
    fn what_is_missing_is_an_error_unless_pods_can_do_without() {
        let all = references(&spec());
        let of = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        let settings = missing(of("settings"), &["b".to_owned()]);
        assert_eq!(settings.severity, Severity::Error);
        assert_eq!(
            settings.message,
            "it has no key b, and container db, volume files can't start without it"
        );
        assert_eq!(
            missing(of("default"), &[]).message,
            "it doesn't exist, and no pod of the new template would be made without it"
        );
        let registry = missing(of("registry"), &[]);
        assert_eq!(registry.severity, Severity::Information);
        assert_eq!(registry.message, "it doesn't exist; imagePullSecrets can do without");
    }
}
