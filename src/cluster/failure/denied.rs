//! A 403 of the authorizer, taken apart: who may not do what, and the RBAC rule that would allow it.
//!
//! The authorizer's sentence is the only place where the API server names the verb and the user
//! (k8s.io/apiserver `pkg/endpoints/handlers/responsewriters/errors.go`, `forbiddenMessage`).

/// What the authorizer refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// Whom the server took us for.
    pub user: String,
    /// The verb: get, list, watch, create, update, patch, delete, deletecollection, impersonate …
    pub verb: String,
    /// The resource's plural name, or empty for a path that is no resource (`/metrics`).
    pub resource: String,
    /// The subresource (`portforward`), or empty.
    pub subresource: String,
    /// The API group; empty is the core group.
    pub group: String,
    /// The object's name, if the request was about one.
    pub name: Option<String>,
    /// The namespace, or none at the cluster's scope.
    pub namespace: Option<String>,
    /// The path, for a request that isn't about a resource.
    pub path: Option<String>,
    /// The server's words, capped.
    pub message: String,
}

impl Denied {
    /// Takes the message of a 403 apart; `None` when it wasn't the authorizer (a quota, a webhook, Pod Security).
    pub fn parse(message: &str, name: Option<&str>) -> Option<Self> {
        let said = message.split_once("User \"")?.1;
        let (user, said) = said.split_once("\" cannot ")?;
        let (verb, said) = said.split_once(' ')?;
        let mut denied = Denied {
            user: user.to_owned(),
            verb: verb.to_owned(),
            name: name.filter(|name| !name.is_empty()).map(str::to_owned),
            message: super::quoted(message),
            ..Denied::default()
        };
        if let Some(path) = between(said, "path \"") {
            denied.path = Some(path.to_owned());
            return Some(denied);
        }
        let resource = between(said, "resource \"")?;
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        denied.resource = resource.to_owned();
        denied.subresource = subresource.to_owned();
        denied.group = between(said, "in API group \"")?.to_owned();
        denied.namespace = between(said, "in the namespace \"").map(str::to_owned);
        Some(denied)
    }

    /// `resource/subresource`, as an RBAC rule spells it; the path where there is no resource.
    pub fn resource_and_subresource(&self) -> String {
        match (&self.path, self.subresource.is_empty()) {
            (Some(path), _) => path.clone(),
            (None, true) => self.resource.clone(),
            (None, false) => format!("{}/{}", self.resource, self.subresource),
        }
    }

    /// The rule that would allow it, as YAML for the `rules` of a Role (a ClusterRole without a namespace).
    /// `resourceNames` is added only where RBAC can honour it: not for list, watch, create and deletecollection.
    pub fn rule(&self) -> String {
        if let Some(path) = &self.path {
            return format!("- nonResourceURLs: [{path:?}]\n  verbs: [{:?}]", self.verb);
        }
        let mut rule = format!(
            "- apiGroups: [{:?}]\n  resources: [{:?}]\n  verbs: [{:?}]",
            self.group,
            self.resource_and_subresource(),
            self.verb
        );
        let by_name = matches!(
            self.verb.as_str(),
            "get" | "update" | "patch" | "delete" | "impersonate"
        );
        if let Some(name) = self.name.as_ref().filter(|_| by_name) {
            rule.push_str(&format!("\n  resourceNames: [{name:?}]"));
        }
        rule
    }

    /// The arguments of `kubectl auth can-i` that ask the same question, quoted for a shell.
    pub fn can_i(&self) -> String {
        use crate::model::shell::shell_word;
        let mut line = format!("auth can-i {} ", shell_word(&self.verb));
        if let Some(path) = &self.path {
            line.push_str(&shell_word(path));
            return line;
        }
        let mut resource = self.resource.clone();
        if !self.group.is_empty() {
            resource = format!("{resource}.{}", self.group);
        }
        if let Some(name) = &self.name {
            resource = format!("{resource}/{name}");
        }
        line.push_str(&shell_word(&resource));
        if !self.subresource.is_empty() {
            line.push_str(&format!(" --subresource={}", shell_word(&self.subresource)));
        }
        match &self.namespace {
            Some(namespace) => line.push_str(&format!(" -n {}", shell_word(namespace))),
            None => line.push_str(" --all-namespaces"),
        }
        line
    }
}

/// What stands between `start` and the next quotation mark.
fn between<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once('"').map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaced_subresource() {
        let denied = Denied::parse(
            "pods \"db-0\" is forbidden: User \"system:serviceaccount:ops:shardctl\" cannot create resource \
             \"pods/portforward\" in API group \"\" in the namespace \"shards\"",
            Some("db-0"),
        )
        .expect("the authorizer's sentence");
        assert_eq!(denied.user, "system:serviceaccount:ops:shardctl");
        assert_eq!(
            (denied.resource.as_str(), denied.subresource.as_str()),
            ("pods", "portforward")
        );
        assert_eq!(denied.namespace.as_deref(), Some("shards"));
        assert_eq!(
            denied.rule(),
            "- apiGroups: [\"\"]\n  resources: [\"pods/portforward\"]\n  verbs: [\"create\"]"
        );
        assert_eq!(
            denied.can_i(),
            "auth can-i create pods/db-0 --subresource=portforward -n shards"
        );
    }

    #[test]
    fn cluster_scope_with_a_group_and_a_name() {
        let denied = Denied::parse(
            "nodepools.karpenter.sh \"gpu\" is forbidden: User \"jo\" cannot patch resource \"nodepools\" in API group \
             \"karpenter.sh\" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io \"x\" not found",
            Some("gpu"),
        )
        .expect("the authorizer's sentence");
        assert_eq!(denied.namespace, None);
        assert_eq!(
            denied.rule(),
            "- apiGroups: [\"karpenter.sh\"]\n  resources: [\"nodepools\"]\n  verbs: [\"patch\"]\n  resourceNames: [\"gpu\"]"
        );
        assert_eq!(
            denied.can_i(),
            "auth can-i patch nodepools.karpenter.sh/gpu --all-namespaces"
        );
    }

    #[test]
    fn a_path_that_is_no_resource() {
        let denied = Denied::parse("forbidden: User \"jo\" cannot get path \"/metrics\"", None).expect("a path");
        assert_eq!(denied.rule(), "- nonResourceURLs: [\"/metrics\"]\n  verbs: [\"get\"]");
        assert_eq!(denied.can_i(), "auth can-i get /metrics");
    }

    #[test]
    fn a_quota_is_not_the_authorizer() {
        assert_eq!(
            Denied::parse(
                "pods \"x\" is forbidden: exceeded quota: compute, requested: cpu=2",
                Some("x")
            ),
            None
        );
    }
}
