//! Users with fewer rights than the administrator: a client certificate and the roles that go with it.

use super::Scene;
use super::workload::SCENE;
use crate::cluster::{api, audit, kubeconfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

static USERS: AtomicU32 = AtomicU32::new(0);

impl Scene<'_> {
    /// A kubeconfig of a user who may do in the scene's namespace what these rules (of a Role) say, and nothing else.
    #[track_caller]
    pub fn limited_user(&self, rules: Value) -> PathBuf {
        self.limited_user_with(rules, json!([]))
    }

    /// As [`Scene::limited_user`], with rules for the whole cluster (of a ClusterRole) on top.
    #[track_caller]
    pub fn limited_user_with(&self, rules: Value, cluster_rules: Value) -> PathBuf {
        let user = format!("{}-user-{}", self.namespace, USERS.fetch_add(1, Ordering::Relaxed));
        let group = "rbac.authorization.k8s.io";
        for (kind, rules) in [("Role", &rules), ("ClusterRole", &cluster_rules)] {
            let metadata = json!({"name": user, "labels": {SCENE: self.namespace}});
            let version = format!("{group}/v1");
            self.apply(json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}));
            self.apply(json!({
                "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
                "roleRef": {"apiGroup": group, "kind": kind, "name": user},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }));
        }
        self.wait_for_rights(&user, &rules, Some(self.namespace.as_str()));
        self.wait_for_rights(&user, &cluster_rules, None);
        self.kubeconfig_of(&user, &[])
    }

    /// The name and a kubeconfig of an administrator whose requests the API server records ([`audit::of`]).
    pub fn audited_user(&self) -> (String, PathBuf) {
        let user = format!("{}-user-{}", self.namespace, USERS.fetch_add(1, Ordering::Relaxed));
        let group = "rbac.authorization.k8s.io";
        self.apply(json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": user, "labels": {SCENE: self.namespace}},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }));
        let right = json!([{"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["list"]}]);
        self.wait_for_rights(&user, &right, None);
        let kubeconfig = self.kubeconfig_of(&user, &[audit::GROUP]);
        (user, kubeconfig)
    }

    fn kubeconfig_of(&self, user: &str, groups: &[&str]) -> PathBuf {
        let signed = self.plane.authority().client(user, groups);
        let server = format!("https://127.0.0.1:{}", self.plane.api_port());
        let file = self.home.path().join(format!("{user}.kubeconfig"));
        kubeconfig::write(
            &file,
            &server,
            &self.plane.authority().certificate,
            &signed,
            &self.namespace,
        )
    }

    /// The API server learns of roles through a watch: wait until it grants the first right of the rules.
    #[track_caller]
    fn wait_for_rights(&self, user: &str, rules: &Value, namespace: Option<&str>) {
        let rule = &rules[0];
        if rule["resources"].is_null() {
            return;
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": {
                "namespace": namespace, "verb": rule["verbs"][0], "group": rule["apiGroups"][0],
                "resource": rule["resources"][0].as_str().and_then(|r| r.split('/').next()),
                "subresource": rule["resources"][0].as_str().and_then(|r| r.split('/').nth(1)),
                "name": rule["resourceNames"][0],
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        self.plane.wait_for("the rights of a user are known", || {
            let answer = self
                .plane
                .run(api::create(self.plane.client(), path, &review))
                .map_err(|e| e.to_string())?;
            if answer["status"]["allowed"] == true {
                Ok(())
            } else {
                Err(answer["status"].to_string())
            }
        });
    }

    /// The scene's kubeconfig with another address for the server: a proxy in front of it.
    pub fn kubeconfig_through(&self, server: &str) -> PathBuf {
        let admin = self.plane.authority().client("admin", &["system:masters"]);
        // A file each, for several proxies.
        let port = server.rsplit(':').next().unwrap_or_default();
        let file = self.home.path().join(format!("proxied-{port}.kubeconfig"));
        kubeconfig::write(
            &file,
            server,
            &self.plane.authority().certificate,
            &admin,
            &self.namespace,
        )
    }
}
