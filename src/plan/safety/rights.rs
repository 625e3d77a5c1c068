//! Which rights an operation needs before it begins, and what is missing of them.

use super::catalogue::RIGHTS;
use crate::model::refusal::Refusal;
use crate::model::right::{Right, Rule};
use crate::plan::verify::access::{in_words, role};
use crate::plan::verify::seen::Seen;

/// What the Roles for an upgrade are called; not as those for reading are, so that neither replaces the other.
pub const ROLE: &str = "shardctl-upgrade";

/// What the Roles for a drain are called.
pub const DRAIN_ROLE: &str = "shardctl-drain";

/// The rules that an upgrade of `set` (of any where none is named) needs beyond what it reads once: `freezes` where nodes have
/// to be kept from Karpenter or Cluster Autoscaler.
pub fn rules(namespace: &str, set: Option<&str>, freezes: bool) -> Vec<Rule> {
    let here = |verb: &str, group: &str, resource: &str| rule(verb, group, resource, Some(namespace));
    let mut rules = vec![Rule {
        name: set.map(str::to_owned),
        ..here("patch", "apps", "statefulsets")
    }];
    for verb in ["get", "list", "watch"] {
        rules.push(here(verb, "apps", "statefulsets"));
        rules.push(here(verb, "", "pods"));
    }
    // Helper pods (pre-pull, placeholder) are made and deleted beside the shards.
    for verb in ["create", "delete"] {
        rules.push(here(verb, "", "pods"));
    }
    for verb in ["get", "create", "update", "delete"] {
        rules.push(here(verb, "coordination.k8s.io", "leases"));
    }
    rules.push(here("create", "", "events"));
    // The gate reads the budget, the target's claims and their volumes anew before each deletion.
    for verb in ["get", "list"] {
        rules.push(here(verb, "", "persistentvolumeclaims"));
        rules.push(here(verb, "policy", "poddisruptionbudgets"));
    }
    rules.push(here("list", "", "events"));
    rules.push(rule("get", "", "persistentvolumes", None));
    rules.push(rule("list", "", "persistentvolumes", None));
    rules.push(rule("list", "", "nodes", None));
    if freezes {
        rules.push(rule("get", "", "nodes", None));
        rules.push(rule("patch", "", "nodes", None));
    }
    rules
}

/// The rules that a drain of nodes with shards of `set` needs beyond what it reads once.
pub fn of_drain(namespace: &str, set: Option<&str>, how: DrainRights) -> Vec<Rule> {
    let here = |verb: &str, group: &str, resource: &str| rule(verb, group, resource, Some(namespace));
    let mut rules = rules(namespace, set, true);
    // Pods of every namespace are on the node, and go by eviction.
    for verb in ["get", "list", "watch"] {
        rules.push(rule(verb, "", "pods", None));
    }
    rules.push(rule("create", "", "pods/eviction", None));
    rules.push(rule("list", "policy", "poddisruptionbudgets", None));
    rules.push(rule("watch", "", "nodes", None));
    if how.relaxes {
        rules.push(here("patch", "policy", "poddisruptionbudgets"));
    }
    if how.scales {
        rules.push(here("delete", "", "persistentvolumeclaims"));
    }
    if how.releases {
        for verb in ["get", "delete"] {
            rules.push(rule(verb, "karpenter.sh", "nodeclaims", None));
        }
    }
    rules
}

/// What a drain does that takes rights of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainRights {
    /// It lowers the budget.
    pub relaxes: bool,
    /// It adds a shard, and removes the claim that comes of it.
    pub scales: bool,
    /// It deletes NodeClaims.
    pub releases: bool,
}

/// What the Roles for a recovery are called.
pub const RECOVER_ROLE: &str = "shardctl-recover";

/// The rules that a recovery uses: it reads wherever a mark may be, watches while it works, and puts back what it finds.
pub fn recover_rules(namespace: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (group, resource) in [
        ("apps", "statefulsets"),
        ("", "pods"),
        ("", "persistentvolumeclaims"),
        ("policy", "poddisruptionbudgets"),
    ] {
        for verb in ["get", "list", "watch", "patch"] {
            rules.push(rule(verb, group, resource, Some(namespace)));
        }
    }
    for resource in ["pods", "persistentvolumeclaims"] {
        rules.push(rule("delete", "", resource, Some(namespace)));
    }
    // Whether a node that was declared off still holds something.
    rules.push(rule("list", "", "pods", None));
    for verb in ["list", "watch"] {
        rules.push(rule(verb, "storage.k8s.io", "volumeattachments", None));
    }
    for verb in ["get", "list", "create", "update", "delete"] {
        rules.push(rule(verb, "coordination.k8s.io", "leases", Some(namespace)));
    }
    rules.push(rule("create", "", "events", Some(namespace)));
    for (group, resource) in [
        ("", "nodes"),
        ("karpenter.sh", "nodepools"),
        ("karpenter.sh", "nodeclaims"),
    ] {
        for verb in ["get", "list", "watch", "patch"] {
            rules.push(rule(verb, group, resource, None));
        }
    }
    rules
}

/// What the Roles for a deployment are called.
pub const DEPLOY_ROLE: &str = "shardctl-deploy";

/// The rules that a deployment uses beyond reading: it writes the workload's objects, and watches its shards come.
pub fn of_deploy(namespace: &str) -> Vec<Rule> {
    let here = Some(namespace);
    let mut rules = Vec::new();
    for (group, resource, place) in [
        ("", "services", here),
        ("policy", "poddisruptionbudgets", here),
        ("apps", "statefulsets", here),
        ("", "namespaces", None),
        ("scheduling.k8s.io", "priorityclasses", None),
        ("karpenter.azure.com", "aksnodeclasses", None),
        ("karpenter.sh", "nodepools", None),
    ] {
        // Server-side apply creates what isn't there, by a patch.
        for verb in ["get", "create", "patch"] {
            rules.push(rule(verb, group, resource, place));
        }
    }
    for resource in ["pods", "persistentvolumeclaims"] {
        for verb in ["list", "watch"] {
            rules.push(rule(verb, "", resource, here));
        }
    }
    for verb in ["list", "watch"] {
        rules.push(rule(verb, "apps", "statefulsets", here));
        rules.push(rule(verb, "policy", "poddisruptionbudgets", here));
    }
    for verb in ["get", "create", "update", "delete"] {
        rules.push(rule(verb, "coordination.k8s.io", "leases", here));
    }
    rules.push(rule("create", "", "events", here));
    rules.push(rule("list", "", "resourcequotas", here));
    for verb in ["get", "list"] {
        rules.push(rule(verb, "", "persistentvolumes", None));
        rules.push(rule(verb, "storage.k8s.io", "storageclasses", None));
        rules.push(rule(verb, "", "nodes", None));
    }
    rules
}

/// What the Roles for a promotion are called.
pub const PROMOTE_ROLE: &str = "shardctl-promote";

/// The rules that a promotion of `set` (of any where none is named) uses beyond a deployment's: an upgrade's, and the end of a pool.
pub fn of_promote(namespace: &str, set: Option<&str>) -> Vec<Rule> {
    let mut all = rules(namespace, set, true);
    all.extend(ends_pools());
    all
}

/// What the Roles for a cleanup are called.
pub const CLEANUP_ROLE: &str = "shardctl-cleanup";

/// The rules that a cleanup uses beyond reading.
pub fn of_cleanup(namespace: &str) -> Vec<Rule> {
    let here = Some(namespace);
    let mut all = Vec::new();
    for (group, resource, place) in [
        ("apps", "statefulsets", here),
        ("", "services", here),
        ("policy", "poddisruptionbudgets", here),
        ("", "persistentvolumeclaims", here),
        ("scheduling.k8s.io", "priorityclasses", None),
    ] {
        for verb in ["get", "delete"] {
            all.push(rule(verb, group, resource, place));
        }
    }
    for resource in ["pods", "persistentvolumeclaims"] {
        all.push(rule("list", "", resource, here));
    }
    all.push(rule("list", "", "persistentvolumes", None));
    for verb in ["get", "create", "update", "delete"] {
        all.push(rule(verb, "coordination.k8s.io", "leases", here));
    }
    all.extend(ends_pools());
    all
}

/// What ending a pool takes: what is on its nodes is looked at before.
fn ends_pools() -> Vec<Rule> {
    let mut all = Vec::new();
    for (group, resource) in [("karpenter.sh", "nodepools"), ("karpenter.azure.com", "aksnodeclasses")] {
        for verb in ["get", "delete"] {
            all.push(rule(verb, group, resource, None));
        }
    }
    all.push(rule("list", "karpenter.sh", "nodeclaims", None));
    all.push(rule("list", "", "nodes", None));
    all.push(rule("list", "", "pods", None));
    all
}

/// The rules that let an upgrade see why a shard isn't coming, and whether what a template names is there. Without them it goes
/// through all the same, and says what it can't see.
pub fn helpful(namespace: &str) -> Vec<Rule> {
    let here = |verb: &str, group: &str, resource: &str| rule(verb, group, resource, Some(namespace));
    vec![
        here("watch", "", "events"),
        here("watch", "", "persistentvolumeclaims"),
        here("watch", "apps", "controllerrevisions"),
        here("watch", "policy", "poddisruptionbudgets"),
        here("get", "", "configmaps"),
        here("get", "", "serviceaccounts"),
        here("get", "", "pods/log"),
        // How much room the nodes have: everybody's pods take of it.
        rule("list", "", "pods", None),
        // Events about what has no namespace: volumes, nodes' claims.
        rule("watch", "", "events", Some("default")),
        rule("watch", "", "nodes", None),
        rule("watch", "storage.k8s.io", "volumeattachments", None),
        rule("watch", "karpenter.sh", "nodeclaims", None),
        rule("get", "scheduling.k8s.io", "priorityclasses", None),
        rule("get", "node.k8s.io", "runtimeclasses", None),
    ]
}

fn rule(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Rule {
    Rule {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: None,
    }
}

/// The refusal for what isn't allowed, with the Roles that would allow it; none where all is.
///
/// The Roles are whole, with what is allowed already: applied over Roles of theirs, they take nothing away.
pub fn missing(seen: &Seen<'_>, rights: &[Right], operation: &str) -> Option<Refusal> {
    let denied: Vec<&Rule> = rights
        .iter()
        .filter(|right| !right.allowed)
        .map(|right| &right.rule)
        .collect();
    let first = denied.first()?;
    let message = match denied.len() {
        1 => format!("not allowed: {}", in_words(first)),
        count => format!("{count} rights are missing"),
    };
    let mut refusal = RIGHTS.refuse(format!("right/{}", first.resource), message);
    if denied.len() > 1 {
        for rule in &denied {
            refusal = refusal.evidence(format!("not allowed: {}", in_words(rule)));
        }
    }
    refusal = refusal
        .remedy("have somebody bind Roles with these rules; to print them with all that helps, and how to bind them:")
        .remedy(seen.shardctl(&format!("rbac --for {operation}")));
    let all = rights.iter().map(|right| &right.rule);
    Some(
        role(&format!("shardctl-{operation}"), all)
            .into_iter()
            .fold(refusal, Refusal::remedy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::Scene;

    fn asked(denied: &[&str]) -> Vec<Right> {
        rules("shop", Some("db"), true)
            .into_iter()
            .map(|rule| Right {
                allowed: !denied.contains(&in_words(&rule).as_str()),
                rule,
                resource: None,
            })
            .collect()
    }

    #[test]
    fn what_is_missing_is_named_with_the_role_that_allows_it() {
        let scene = Scene::healthy(1);
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        assert_eq!(missing(&seen, &asked(&[]), "upgrade"), None);
        let refusal = missing(
            &seen,
            &asked(&["delete pods in namespace shop", "patch nodes"]),
            "upgrade",
        )
        .unwrap();
        assert_eq!((refusal.id.as_ref(), refusal.can_be_allowed), ("rights", true));
        assert_eq!(
            refusal.evidence,
            ["not allowed: delete pods in namespace shop", "not allowed: patch nodes"]
        );
        let words = refusal.remedy.join("\n");
        assert!(words.contains("kind: ClusterRole\n"), "{words}");
        assert!(
            words.contains(r#"{apiGroups: [""], resources: [pods], verbs: [create, delete, get, list, watch]}"#),
            "{words}"
        );
    }

    #[test]
    fn a_drain_asks_for_what_its_strategy_does_and_no_more() {
        let asks = |how: DrainRights, wanted: &str| {
            let rules = of_drain("shop", Some("db"), how);
            rules.iter().any(|rule| in_words(rule) == wanted)
        };
        let none = DrainRights::default();
        for always in ["create pods/eviction", "get pods", "list pods", "patch nodes"] {
            assert!(asks(none, always), "{always}");
        }
        let relaxes = DrainRights { relaxes: true, ..none };
        let scales = DrainRights { scales: true, ..none };
        let releases = DrainRights { releases: true, ..none };
        for (how, wanted) in [
            (relaxes, "patch poddisruptionbudgets in namespace shop"),
            (scales, "delete persistentvolumeclaims in namespace shop"),
            (releases, "delete nodeclaims"),
        ] {
            assert!(asks(how, wanted) && !asks(none, wanted), "{wanted}");
        }
    }

    #[test]
    fn nodes_are_only_written_where_something_must_be_frozen() {
        let writes_nodes = |freezes| {
            let rules = rules("shop", Some("db"), freezes);
            rules.iter().any(|rule| in_words(rule) == "patch nodes")
        };
        assert!(writes_nodes(true) && !writes_nodes(false));
    }
}
