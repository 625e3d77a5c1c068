//! Why an operation won't begin, or won't take a shard down: with an id that `--allow` takes, unless data is at stake.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One reason against going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What it is called: `shard-down`, `budget-relaxed`. Several refusals may share one (a claim of each of two shards).
    pub id: Cow<'static, str>,
    /// The object, as `kind/name`.
    pub object: String,
    /// What is in the way, a sentence without a full stop.
    pub message: String,
    /// What was seen: quoted messages, values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What to do, in order; a line that starts with `$ ` is a command to copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedy: Vec<String>,
    /// Whether `--allow ID` overrides it; never where data would be lost.
    pub can_be_allowed: bool,
    /// Whether data would be lost by going on.
    #[serde(skip)]
    pub guards_data: bool,
}

impl Refusal {
    /// The same with a line of evidence.
    #[must_use]
    pub fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// The same with a line of the remedy; a command starts with `$ `.
    #[must_use]
    pub fn remedy(mut self, line: impl Into<String>) -> Self {
        self.remedy.push(line.into());
        self
    }
}

/// What there is to say of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// What it is called; `--allow` takes it.
    pub id: &'static str,
    /// What is so, in a line.
    pub title: &'static str,
    /// Why that is in the way.
    pub why: &'static str,
    /// Whether data would be lost by going on. Such a refusal has no override.
    pub guards_data: bool,
    /// What is done all the same with `--allow`; none where there is no override.
    pub allowed: Option<&'static str>,
}

impl About {
    /// A refusal of this kind about an object (`kind/name`); the message is a sentence without a full stop.
    pub fn refuse(&self, object: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            id: Cow::Borrowed(self.id),
            object: object.into(),
            message: message.into(),
            evidence: Vec::new(),
            remedy: Vec::new(),
            can_be_allowed: self.allowed.is_some() && !self.guards_data,
            guards_data: self.guards_data,
        }
    }
}
