//! The marks that shardctl leaves on objects while something of theirs is changed, and the names of its own helpers.
//!
//! A mark is an annotation written in the same request as the change that it describes, so that whoever finds it can undo
//! that change. Every key of ours begins with `shardctl.dev/`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The annotation that holds a [`Mark`] as JSON.
pub const MARK: &str = "shardctl.dev/mark";
/// The label that every helper pod (pre-pull, placeholder) carries; its value says which kind.
pub const HELPER: &str = "shardctl.dev/helper";
/// What the name of our Lease begins with; the set's name follows.
pub const LEASE_PREFIX: &str = "shardctl-";
/// The annotation by which our Lease and our helper pods name the run that they are of.
pub const RUN: &str = "shardctl.dev/run";

/// What was changed on an object, by whom, and what it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The operation and its run, for example `drain/4f2a`.
    pub operation: String,
    /// Who ran it: user and host.
    pub by: String,
    /// Since when, in the server's time.
    pub since: Timestamp,
    /// Until when the change is meant to last, in the server's time; past it anybody may undo it.
    pub until: Timestamp,
    /// What the changed fields were, by their path (`spec.minAvailable`, see [`pointer()`]), with their types kept; null for one
    /// that wasn't there.
    pub was: Value,
    /// What the run wrote into them, by the same paths: a field that has another value by now is somebody else's.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub is: Value,
    /// What comes into being by the change and wasn't there before, as `kind/name`: it goes with the mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
}

impl Mark {
    /// Whether an operation on another set left it: `upgrade/shop/db/4f2a` names its set.
    pub fn is_of_another_set(&self, namespace: &str, set: &str) -> bool {
        self.set().is_some_and(|theirs| theirs != (namespace, set))
    }

    /// Whether it was left by `run` or by an earlier run of the same operation on the same set, which `run` goes on with.
    pub fn is_of(&self, run: &str) -> bool {
        // `upgrade/shop/db/4f2a`: what runs of one operation on one set have in common is all but the end.
        let operation = |name: &str| name.rsplit_once('/').map(|(operation, _)| operation.to_owned());
        operation(run).is_some_and(|wanted| operation(&self.operation) == Some(wanted))
    }

    /// The namespace and the name of the set whose operation left it, where the run's name says that: `upgrade/shop/db/4f2a`.
    pub fn set(&self) -> Option<(&str, &str)> {
        match self.operation.split('/').collect::<Vec<_>>()[..] {
            [_, namespace, set, _] => Some((namespace, set)),
            _ => None,
        }
    }

    /// The mark on an object with these annotations: none, or the mark, or the words that couldn't be understood.
    pub fn of(annotations: Option<&std::collections::BTreeMap<String, String>>) -> Option<Result<Mark, String>> {
        let written = annotations?.get(MARK)?;
        Some(serde_json::from_str(written).map_err(|_| written.clone()))
    }
}

/// A path of a mark as a JSON pointer (RFC 6901). What follows `metadata.annotations.` is one key, whatever dots and slashes it
/// has; everywhere else a dot ends the name of a field.
pub fn pointer(path: &str) -> String {
    match path.strip_prefix("metadata.annotations.") {
        Some(key) => annotation(key),
        None => path.split('.').map(|field| format!("/{}", escaped(field))).collect(),
    }
}

/// The JSON pointer to an annotation.
pub fn annotation(key: &str) -> String {
    format!("/metadata/annotations/{}", escaped(key))
}

/// A key as a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_place_whatever_is_in_a_key() {
        assert_eq!(pointer("spec.minAvailable"), "/spec/minAvailable");
        assert_eq!(
            pointer("metadata.annotations.karpenter.sh/do-not-disrupt"),
            "/metadata/annotations/karpenter.sh~1do-not-disrupt"
        );
        assert_eq!(pointer("metadata.annotations.a~b"), "/metadata/annotations/a~0b");
    }

    #[test]
    fn a_run_names_its_set_and_a_mark_need_not_say_what_was_written() {
        let mark = |operation: &str| {
            let written = json!({"operation": operation, "by": "ada@laptop", "since": "2026-01-01T00:00:00Z",
                "until": "2026-01-01T00:00:00Z", "was": {"spec.replicas": 3}});
            serde_json::from_value::<Mark>(written).unwrap()
        };
        assert_eq!(mark("upgrade/shop/db/4f2a").set(), Some(("shop", "db")));
        assert_eq!(mark("drain/4f2a").set(), None);
        assert_eq!(mark("drain/4f2a").is, Value::Null);
    }
}
