//! One shard as it was seen, told from its pod.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use k8s_openapi::api::core::v1::Pod;

use super::roster::Revision;
use crate::model::pod;
use crate::model::set::Ordinal;

/// The name of a shard. Of a thousand shards few are named, and a pod isn't looked at for its name before that.
#[derive(Clone)]
pub enum Name<'a> {
    /// Its pod's.
    Of(&'a Pod),
    /// This one.
    Known(Cow<'a, str>),
}

impl Name<'_> {
    /// The name, for keeps.
    pub fn into_owned(self) -> String {
        match self {
            Name::Of(found) => pod::name(found).to_owned(),
            Name::Known(name) => name.into_owned(),
        }
    }
}

impl Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Name::Of(found) => pod::name(found),
            Name::Known(name) => name,
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(to)
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, to)
    }
}

impl PartialEq<str> for Name<'_> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name<'_> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<String> for Name<'_> {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl PartialEq<Name<'_>> for &str {
    fn eq(&self, other: &Name<'_>) -> bool {
        **self == **other
    }
}

impl PartialEq<Name<'_>> for String {
    fn eq(&self, other: &Name<'_>) -> bool {
        **self == **other
    }
}

/// One of the shards that there should be, with what belongs to it.
#[derive(Clone, Debug)]
pub struct Shard<'a> {
    /// Its number.
    pub ordinal: Ordinal,
    /// The name its pod has, or would have.
    pub name: Name<'a>,
    /// Its pod, where there is one.
    pub pod: Option<&'a Pod>,
    /// Whether that is Ready.
    pub ready: bool,
    /// Whether that is on its way out.
    pub terminating: bool,
    /// Its revision, as [`Seen::revision`](super::seen::Seen::revision) gives it.
    pub revision: Option<Revision>,
}

impl<'a> Shard<'a> {
    /// A shard, and what its pod says of itself, but for its revision.
    pub fn new(ordinal: Ordinal, name: impl Into<Cow<'a, str>>, pod: Option<&'a Pod>) -> Self {
        Shard {
            ordinal,
            name: Name::Known(name.into()),
            pod,
            ready: pod.is_some_and(pod::is_ready),
            terminating: pod.is_some_and(pod::is_terminating),
            revision: None,
        }
    }
}
