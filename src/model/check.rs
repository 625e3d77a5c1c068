//! A check's description: the one source of its line in the report, of `shardctl explain` and of docs/checks.md.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Severity};
use super::resource::Resource;

/// The heading that a check stands under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Reaching the cluster, and what we may read.
    Access,
    /// The StatefulSet.
    StatefulSet,
    /// The shards' pods.
    Pods,
    /// The nodes that hold shards.
    Nodes,
    /// Karpenter's pools and claims under the shards.
    Karpenter,
    /// Claims, volumes, attachments.
    Storage,
    /// Service, endpoints, names.
    ServiceAndDns,
    /// The disruption budget, and what was left behind.
    BudgetAndResidue,
    /// Who could take a shard down.
    Threats,
}

impl Category {
    /// The heading's words.
    pub const fn title(self) -> &'static str {
        match self {
            Category::Access => "Access",
            Category::StatefulSet => "StatefulSet",
            Category::Pods => "Pods",
            Category::Nodes => "Nodes",
            Category::Karpenter => "Karpenter",
            Category::Storage => "Storage",
            Category::ServiceAndDns => "Service and DNS",
            Category::BudgetAndResidue => "Budget and residue",
            Category::Threats => "Threats",
        }
    }
}

/// What a check is about, in words that don't depend on a cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Description {
    /// The stable id, for example `POD-01`.
    pub id: &'static str,
    /// The heading that it stands under.
    pub category: Category,
    /// The gravest finding that it can make.
    pub severity: Severity,
    /// What must hold, as a statement ("every shard is Running and Ready").
    pub title: &'static str,
    /// The objects that it reads.
    pub reads: &'static [Resource],
    /// What else it takes to judge, in words: a probe, a flag, a mode of asking. Empty for most.
    pub also: &'static str,
    /// Why it matters, in full sentences.
    pub why: &'static str,
    /// How to mend it, in full sentences; commands stand on lines of their own, starting with `$ `.
    pub mend: &'static str,
    /// The rule's source: a Kubernetes file, a KEP, an issue, a manual's section.
    pub source: &'static str,
    /// Checks that may fail as a consequence of whatever makes this one fail.
    pub entails: &'static [&'static str],
}

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Outcome {
    /// All is as it must be. Warnings and information may still be among the findings.
    Pass,
    /// At least one error was found.
    Fail,
    /// It could not be judged.
    Unknown {
        /// A clause that says what was missing.
        why: String,
    },
    /// There is nothing to judge.
    NotApplicable {
        /// A clause that says why.
        why: String,
    },
    /// It was left out by `--only` or `--skip`.
    Skipped,
}

/// One check's line in a report.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// What the check is about.
    #[serde(serialize_with = "about_as_json", flatten)]
    pub about: &'static Description,
    /// How it came out.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was seen, for a check that passes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// What isn't as it should be, gravest first.
    pub findings: Vec<Finding>,
}

impl Judged {
    /// The gravest finding, if any.
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

fn about_as_json<S: serde::Serializer>(about: &&'static Description, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(4))?;
    map.serialize_entry("id", about.id)?;
    map.serialize_entry("category", &about.category)?;
    map.serialize_entry("severity", &about.severity)?;
    map.serialize_entry("title", about.title)?;
    map.end()
}
