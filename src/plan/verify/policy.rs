//! What the user said about how to judge; nothing of it comes from the cluster.

use std::collections::BTreeSet;

use crate::model::report::Phase;
use crate::model::shell::shell_word;

/// A value and where it was said (`--expect`, `shardctl.toml`), for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub origin: String,
}

/// How to judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How many shards there should be.
    pub expect: Option<Said<i32>>,
    /// Which phase the set is in.
    pub phase: Option<Said<Phase>>,
    /// Only these checks; all of them where it is empty.
    pub only: BTreeSet<String>,
    /// Not these checks.
    pub skip: BTreeSet<String>,
    /// Flags that commands in remedies repeat (`--context prod`), so that they act on the same cluster.
    pub kubectl_flags: Vec<String>,
    /// Flags that commands of ours in remedies repeat (`--namespace shop`), so that they act on the same set of the same cluster.
    pub shardctl_flags: Vec<String>,
}

impl Policy {
    /// Whether a check is wanted.
    pub fn wants(&self, id: &str) -> bool {
        (self.only.is_empty() || self.only.contains(id)) && !self.skip.contains(id)
    }

    /// Whether a check is asked for by its id.
    pub fn names(&self, id: &str) -> bool {
        self.only.contains(id) && self.wants(id)
    }

    /// A `kubectl` command on the same cluster, as a line of a remedy.
    pub fn kubectl_cluster(&self, arguments: &str) -> String {
        format!("$ kubectl{} {arguments}", repeated(&self.kubectl_flags))
    }

    /// A command of ours on the same set, as a line of a remedy.
    pub fn shardctl(&self, arguments: &str) -> String {
        format!("$ shardctl{} {arguments}", repeated(&self.shardctl_flags))
    }

    /// A command of ours on another set of the same cluster, as a line of a remedy.
    pub fn shardctl_on(&self, namespace: &str, statefulset: &str, arguments: &str) -> String {
        format!(
            "$ shardctl{} {arguments} -n {} --statefulset {}",
            repeated(&self.kubectl_flags),
            shell_word(namespace),
            shell_word(statefulset)
        )
    }
}

fn repeated(flags: &[String]) -> String {
    flags.iter().map(|flag| format!(" {}", shell_word(flag))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn commands_act_on_the_cluster_and_set_that_the_user_named() {
        let policy = Policy {
            kubectl_flags: words("--context prod"),
            shardctl_flags: words("--context prod --namespace shop --statefulset db"),
            ..Policy::default()
        };
        assert_eq!(
            policy.kubectl_cluster("cordon node-1"),
            "$ kubectl --context prod cordon node-1"
        );
        assert_eq!(
            policy.shardctl("events db-3"),
            "$ shardctl --context prod --namespace shop --statefulset db events db-3"
        );
        assert_eq!(
            policy.shardctl_on("other", "queue", "recover"),
            "$ shardctl --context prod recover -n other --statefulset queue"
        );
    }

    #[test]
    fn commands_name_nothing_that_the_user_left_to_the_surroundings() {
        assert_eq!(Policy::default().shardctl("recover"), "$ shardctl recover");
    }
}
