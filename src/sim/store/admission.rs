//! What the server's admission adds to a new pod, or has against it: its priority, its service account, its patience with nodes.
//!
//! Source: `plugin/pkg/admission/{priority,serviceaccount,defaulttolerationseconds}`. Whether the service account is there isn't
//! looked at: no recording holds any.

use serde_json::{Value, json};

use super::write::suffix;
use super::{Key, Store};
use crate::sim::json::{flag, list, number, set, text};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// How long a pod that says nothing of it stays on a node that isn't Ready or is silent.
const PATIENCE: i64 = 300;

/// Where a container finds the token of its service account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Store {
    /// Admits a pod that is about to be made.
    ///
    /// # Errors
    /// 403 where its priority class isn't there.
    pub(super) fn admit(&mut self, pod: &mut Value) -> Result<(), Refused> {
        self.give_priority(pod)?;
        if text(pod, "/spec/serviceAccountName").is_empty() {
            set(pod, &["spec", "serviceAccountName"], json!("default"));
        }
        let account = text(pod, "/spec/serviceAccountName").to_owned();
        set(pod, &["spec", "serviceAccount"], json!(account));
        if pod.pointer("/spec/automountServiceAccountToken") != Some(&json!(false)) {
            let volume = format!("kube-api-access-{}", suffix(self.next_number()));
            give_token(pod, &volume);
        }
        give_patience(pod);
        Ok(())
    }

    fn give_priority(&self, pod: &mut Value) -> Result<(), Refused> {
        let class = text(pod, "/spec/priorityClassName").to_owned();
        let found = if class.is_empty() {
            self.all(Kind::PriorityClasses, None)
                .find(|class| flag(class, "/globalDefault"))
        } else {
            self.get(&Key::wide(Kind::PriorityClasses, &class))
        };
        let priority = match found {
            Some(found) => number(found, "/value").unwrap_or(0),
            None if class.is_empty() => 0,
            // These two are built in.
            None if class == "system-cluster-critical" => 2_000_000_000,
            None if class == "system-node-critical" => 2_000_001_000,
            None => {
                let name = text(pod, "/metadata/name");
                let message = format!("pods \"{name}\" is forbidden: no PriorityClass with name {class} was found");
                return Err(Refused::new(403, "Forbidden", message).about(Kind::Pods, name));
            }
        };
        let policy = found.map(|class| text(class, "/preemptionPolicy")).unwrap_or_default();
        let policy = if policy.is_empty() {
            "PreemptLowerPriority"
        } else {
            policy
        }
        .to_owned();
        set(pod, &["spec", "priority"], json!(priority));
        if pod.pointer("/spec/preemptionPolicy").is_none() {
            set(pod, &["spec", "preemptionPolicy"], json!(policy));
        }
        Ok(())
    }
}

fn give_token(pod: &mut Value, volume: &str) {
    let mut used = false;
    for containers in ["initContainers", "containers"] {
        let Some(containers) = pod["spec"].get_mut(containers).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in containers {
            let mut mounts = list(container, "/volumeMounts").to_vec();
            if mounts.iter().all(|mount| text(mount, "/mountPath") != TOKEN) {
                mounts.push(json!({"name": volume, "mountPath": TOKEN, "readOnly": true}));
                container["volumeMounts"] = Value::Array(mounts);
                used = true;
            }
        }
    }
    if !used {
        return;
    }
    let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    let mut volumes = list(pod, "/spec/volumes").to_vec();
    volumes.push(json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}}]}}));
    pod["spec"]["volumes"] = Value::Array(volumes);
}

fn give_patience(pod: &mut Value) {
    let mut tolerations = list(pod, "/spec/tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let is_about = |toleration: &Value| {
            ["", key].contains(&text(toleration, "/key")) && ["", "NoExecute"].contains(&text(toleration, "/effect"))
        };
        if !tolerations.iter().any(is_about) {
            tolerations
                .push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": PATIENCE}));
        }
    }
    pod["spec"]["tolerations"] = Value::Array(tolerations);
}
