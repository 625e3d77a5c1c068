//! One permission that shardctl uses, whether we have it, and which checks go without an answer where we don't.

use serde::{Deserialize, Serialize};

use super::resource::{Resource, Scope};

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// `get`, `list`, `watch`, `create`, …
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, with its subresource after a slash where there is one (`pods/log`).
    pub resource: String,
    /// The namespace; none for what lives in none, and for all of them.
    pub namespace: Option<String>,
    /// The one object, where only one is read.
    pub name: Option<String>,
}

/// A rule and the server's answer to "may I?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// What was asked.
    pub rule: Rule,
    /// What the server said.
    pub allowed: bool,
    /// The kind of object that the rule lets us read; none for probes.
    pub resource: Option<Resource>,
}

impl Rule {
    /// The rule that reading `resource` takes, in the set's `namespace`. None where the API group isn't fixed.
    pub fn to_read(resource: Resource, namespace: &str) -> Option<Rule> {
        let place = resource.place();
        if resource == Resource::NodeClasses {
            return None;
        }
        Some(Rule {
            verb: if place.name.is_some() || resource == Resource::Namespace {
                "get"
            } else {
                "list"
            }
            .to_owned(),
            group: place.group.to_owned(),
            resource: place.plural.to_owned(),
            namespace: match place.scope {
                Scope::Namespace => Some(namespace.to_owned()),
                Scope::Fixed(fixed) => Some(fixed.to_owned()),
                Scope::Cluster | Scope::Everywhere => None,
            },
            name: if resource == Resource::Namespace {
                Some(namespace.to_owned())
            } else {
                place.name.map(str::to_owned)
            },
        })
    }
}
