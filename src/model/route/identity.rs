//! Who an answer is from: the rules by which that is read, and what they gave.

use crate::model::set::Ordinal;

/// Where in an answer a shard is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A header's value.
    Header(String),
    /// A value of a JSON body, by its pointer (RFC 6901).
    Json(String),
    /// The first group (or all) of a regular expression's first match in the body.
    Regex(String),
}

/// The rules; of each list the first one that finds something counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// For who served the request.
    pub served_by: Vec<Rule>,
    /// For whose key it is. Empty where answers name only one shard: then that is the owner.
    pub owner: Vec<Rule>,
}

/// What an answer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Who served it, where the answer tells that apart from the owner.
    pub served_by: Option<Ordinal>,
    /// Whose key it is.
    pub owner: Option<Ordinal>,
}
