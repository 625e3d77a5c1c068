//! What became of one read: got, not served here, or not readable. An unreadable thing makes its checks unknown, never green.

use serde::{Deserialize, Serialize};

/// The result of reading one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read<T> {
    /// What the server gave.
    Got(T),
    /// The cluster doesn't have this kind of object, so there is nothing to judge; why that is known.
    Absent(String),
    /// It may exist, but wasn't seen; a clause that says why ("user x may not list nodes").
    Unreadable(String),
}

/// Why a check gives no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Something that it needs could not be read: a clause.
    Unknown(String),
    /// It has nothing to judge here: a clause.
    NotApplicable(String),
}

impl<T> Read<T> {
    /// The value, or the reason why a check that needs it gives no verdict. Made for `?` in checks.
    ///
    /// # Errors
    /// [`Skip::NotApplicable`] for what the cluster doesn't serve, [`Skip::Unknown`] for what couldn't be read.
    pub fn need(&self) -> Result<&T, Skip> {
        match self {
            Read::Got(value) => Ok(value),
            Read::Absent(why) => Err(Skip::NotApplicable(why.clone())),
            Read::Unreadable(why) => Err(Skip::Unknown(why.clone())),
        }
    }

    /// The value where it was got.
    pub fn got(&self) -> Option<&T> {
        match self {
            Read::Got(value) => Some(value),
            Read::Absent(_) | Read::Unreadable(_) => None,
        }
    }

    /// The same read with its value changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Read::Got(value) => Read::Got(change(value)),
            Read::Absent(why) => Read::Absent(why),
            Read::Unreadable(why) => Read::Unreadable(why),
        }
    }
}
