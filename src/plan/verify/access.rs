//! Access: is it the cluster we think it is, may we read what the checks need, is its version one that we know.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::Seen;
use super::{CHECKS, Check};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::right::{Right, Rule};

/// The oldest minor version of Kubernetes 1 that shardctl is written for.
pub const OLDEST_MINOR: u32 = 27;
/// How many minor versions a kubelet may be older than the API server (the Kubernetes version skew policy, since 1.28).
const KUBELET_SKEW: u32 = 3;

/// API-01.
pub const API_01: Check = Check {
    about: Description {
        id: "API-01",
        category: Category::Access,
        severity: Severity::Error,
        title: "the API server answers, and it is the one that was meant",
        reads: &[],
        also: "the server's version endpoint",
        why: "Every other statement is about the cluster behind this connection. Looking at the wrong cluster is how healthy \
              systems get repaired.",
        mend: "Where the API server doesn't answer, shardctl stops with exit code 7 and says why: nothing was judged. Compare \
               the context and the server with what you meant.\n$ kubectl config get-contexts",
        source: "the kubeconfig that kubectl uses",
        entails: &[],
    },
    judge: api_01,
};

fn api_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let taken = &seen.snapshot.taken;
    let place = match &taken.context {
        Some(context) => format!("context {context}"),
        None => "inside the cluster".to_owned(),
    };
    let version = taken.server.need()?;
    Ok(Verdict::new().seen(format!("Kubernetes {version}, {place}, namespace {}", taken.namespace)))
}

/// API-02.
pub const API_02: Check = Check {
    about: Description {
        id: "API-02",
        category: Category::Access,
        severity: Severity::Warning,
        title: "every read that the checks need is allowed",
        reads: &[],
        also: "what each read met; a SelfSubjectAccessReview for what no read shows",
        why: "A right that is missing isn't wrong by itself, but the checks that need it can't be judged: they are unknown, \
              never green. Here stands which rights those are.",
        mend: "Bind the Role that is printed under the finding to whoever runs shardctl.",
        source: "authorization.k8s.io/v1 SelfSubjectAccessReview",
        entails: &[],
    },
    judge: api_02,
};

fn api_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let rights = seen.snapshot.rights.need()?;
    if rights.is_empty() {
        return Err(Skip::Unknown("no read was answered, with yes or with no".to_owned()));
    }
    let mut verdict = Verdict::new();
    let missing: Vec<&Right> = rights.iter().filter(|right| !right.allowed).collect();
    for right in &missing {
        let blind: Vec<&str> = checks_that_need(right).into_iter().collect();
        let effect = if blind.is_empty() {
            String::new()
        } else {
            format!("; without it can't be judged: {}", blind.join(", "))
        };
        verdict.warn(
            object_of(&right.rule),
            format!("not allowed: {}{effect}", in_words(&right.rule)),
        );
    }
    if let Some(last) = verdict.findings.last_mut() {
        last.remedy("these rules would allow it:");
        for line in role("shardctl", missing.iter().map(|right| &right.rule)) {
            last.remedy(line);
        }
    }
    Ok(verdict.seen(format!("{} of {} rights", rights.len() - missing.len(), rights.len())))
}

fn checks_that_need(right: &Right) -> BTreeSet<&'static str> {
    let reads = |check: &&&Check| match right.resource {
        Some(resource) => check.about.reads.contains(&resource),
        None => match right.rule.resource.as_str() {
            // Whether CoreDNS runs is seen without a question, and DNS-04 is about what is seen from inside a pod alone.
            "pods/portforward" => ["DNS-02", "DNS-03"].contains(&check.about.id),
            "pods/exec" => ["DNS-02", "DNS-03", "DNS-04"].contains(&check.about.id),
            "pods/eviction" => check.about.id == "PDB-04",
            _ => false,
        },
    };
    CHECKS.iter().filter(reads).map(|check| check.about.id).collect()
}

fn object_of(rule: &Rule) -> String {
    let group = if rule.group.is_empty() {
        String::new()
    } else {
        format!(".{}", rule.group)
    };
    format!("right/{}{group}", rule.resource)
}

/// A rule as a clause: "list nodes", "get configmaps/coredns in kube-system".
pub fn in_words(rule: &Rule) -> String {
    let name = rule.name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let place = match &rule.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    format!("{} {}{name}{place}", rule.verb, rule.resource)
}

/// The Roles and ClusterRoles of this name, as YAML lines, whose rules are `rules`: one Role a namespace, one ClusterRole for
/// the rest.
pub fn role<'a>(name: &str, rules: impl Iterator<Item = &'a Rule>) -> Vec<String> {
    /// The verbs on each group, resource and name.
    type Rules = BTreeMap<(String, String, Option<String>), BTreeSet<String>>;
    let mut places: BTreeMap<Option<String>, Rules> = BTreeMap::new();
    for rule in rules {
        let key = (rule.group.clone(), rule.resource.clone(), rule.name.clone());
        let place = places.entry(rule.namespace.clone()).or_default();
        place.entry(key).or_default().insert(rule.verb.clone());
    }
    let mut lines = Vec::new();
    for (namespace, rules) in places {
        let (kind, meta) = match &namespace {
            Some(namespace) => ("Role", format!("{{name: {name}, namespace: {namespace}}}")),
            None => ("ClusterRole", format!("{{name: {name}}}")),
        };
        lines.push(format!("kind: {kind}"));
        lines.push("apiVersion: rbac.authorization.k8s.io/v1".to_owned());
        lines.push(format!("metadata: {meta}"));
        lines.push("rules:".to_owned());
        for ((group, resource, only), verbs) in rules {
            let verbs: Vec<String> = verbs.into_iter().collect();
            let names = only
                .map(|only| format!(", resourceNames: [{only}]"))
                .unwrap_or_default();
            lines.push(format!(
                "- {{apiGroups: [\"{group}\"], resources: [{resource}]{names}, verbs: [{}]}}",
                verbs.join(", ")
            ));
        }
        lines.push("---".to_owned());
    }
    lines.pop();
    lines
}

/// API-03.
pub const API_03: Check = Check {
    about: Description {
        id: "API-03",
        category: Category::Access,
        severity: Severity::Warning,
        title: "the server's version is one that shardctl is written for, and the shards' kubelets fit it",
        reads: &[Resource::Nodes],
        also: "the server's version endpoint",
        why: "shardctl is written for Kubernetes 1.27 and later. A kubelet more than three minor versions behind the API \
              server, or ahead of it, is outside what Kubernetes supports, and odd behaviour there is nobody's bug.",
        mend: "Upgrade the control plane, or roll the old nodes one at a time with `shardctl drain`.",
        source: "the Kubernetes version skew policy",
        entails: &[],
    },
    judge: api_03,
};

fn api_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let version = seen.snapshot.taken.server.need()?;
    let mut verdict = Verdict::new();
    let Some(minor) = minor_of(version) else {
        return Err(Skip::Unknown(format!("the server calls its version `{version}`")));
    };
    if minor < OLDEST_MINOR {
        verdict
            .warn(
                format!("server/{version}"),
                format!("Kubernetes {version} is older than 1.{OLDEST_MINOR}, the oldest that shardctl is written for"),
            )
            .remedy("upgrade the control plane; until then read every verdict with care");
    }
    match seen.nodes_with_shards() {
        Ok(nodes) => {
            for (node, _) in nodes {
                let name = crate::model::node::name(node);
                let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
                let kubelet = info.map(|info| info.kubelet_version.as_str()).unwrap_or_default();
                let Some(theirs) = minor_of(kubelet) else {
                    verdict.unsure(match kubelet {
                        "" => format!("node/{name} doesn't tell its kubelet's version"),
                        _ => format!("the kubelet of node/{name} calls its version `{kubelet}`"),
                    });
                    continue;
                };
                if theirs > minor || minor - theirs > KUBELET_SKEW {
                    verdict
                        .warn(
                            format!("node/{name}"),
                            format!("its kubelet is {kubelet}, the API server {version}: more than the supported skew"),
                        )
                        .remedy(seen.shardctl(&format!("drain {name}")));
                }
            }
        }
        Err(Skip::Unknown(why)) => verdict.unsure(why),
        Err(Skip::NotApplicable(_)) => {}
    }
    Ok(verdict.seen(format!("{version} (1.{OLDEST_MINOR} or later)")))
}

/// The minor version in `v1.36.3`, `v1.29.4-eks-1234`, `v1.30.2+k3s1`; none for another major or other words.
fn minor_of(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("v1.")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The rule for logs, which are read only of what isn't ready, so that the server has to be asked about it.
pub fn log_rule(namespace: &str) -> Rule {
    of_pods("get", "log", namespace)
}

/// The rules for port-forwards to CoreDNS, which the server has to be asked about where none was made.
pub fn port_forward_rules() -> Vec<Rule> {
    // The websocket upgrade is a GET, and servers check `create` for it as well: both verbs are needed.
    ["get", "create"]
        .map(|verb| of_pods(verb, "portforward", "kube-system"))
        .into()
}

/// The rules for asking names from inside a shard.
pub fn exec_rules(namespace: &str) -> Vec<Rule> {
    ["get", "create"].map(|verb| of_pods(verb, "exec", namespace)).into()
}

/// The rule for trying whether a shard would be evicted.
pub fn eviction_rule(namespace: &str) -> Rule {
    of_pods("create", "eviction", namespace)
}

fn of_pods(verb: &str, subresource: &str, namespace: &str) -> Rule {
    Rule {
        verb: verb.to_owned(),
        group: String::new(),
        resource: format!("pods/{subresource}"),
        namespace: Some(namespace.to_owned()),
        name: None,
    }
}

/// The node classes of the clouds whose Karpenter is known; another provider's is named by API-02 when it can't be read.
const NODE_CLASSES: [(&str, &str); 3] = [
    ("karpenter.azure.com", "aksnodeclasses"),
    ("karpenter.k8s.aws", "ec2nodeclasses"),
    ("eks.amazonaws.com", "nodeclasses"),
];

/// Every rule that reading for `verify` in `namespace` uses, on a cluster that has all that a cluster may have.
pub fn all_rules(namespace: &str) -> Vec<Rule> {
    let reads = Resource::ALL
        .into_iter()
        .filter_map(|resource| Rule::to_read(resource, namespace));
    let classes = NODE_CLASSES.iter().map(|(group, plural)| Rule {
        verb: "get".to_owned(),
        group: (*group).to_owned(),
        resource: (*plural).to_owned(),
        namespace: None,
        name: None,
    });
    let probed = std::iter::once(log_rule(namespace)).chain(port_forward_rules());
    reads.chain(classes).chain(probed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn a_kubelet_whose_version_says_nothing_is_unknown() {
        for version in ["", "banana", "v2.1.0"] {
            let mut scene = Scene::healthy(3);
            let info = json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
            scene.merge(Resource::Nodes, "node-1", info);
            assert_eq!(words(&scene.judge(&API_03)), ("unknown", vec![]), "{version}");
        }
        let mut scene = Scene::healthy(3);
        let info = json!({"status": {"nodeInfo": {"kubeletVersion": "v1.30.2+k3s1"}}});
        scene.merge(Resource::Nodes, "node-1", info);
        assert_eq!(words(&scene.judge(&API_03)).1.len(), 1);
    }

    #[test]
    fn reads_the_minor_version_of_every_distribution() {
        assert_eq!(minor_of("v1.36.3"), Some(36));
        assert_eq!(minor_of("v1.29.4-eks-036c24b"), Some(29));
        assert_eq!(minor_of("v1.30.2+k3s1"), Some(30));
        assert_eq!(minor_of("v1.30+"), Some(30));
        assert_eq!(minor_of("v2.1.0"), None);
        assert_eq!(minor_of("banana"), None);
    }
}
