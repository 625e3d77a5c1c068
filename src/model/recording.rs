//! What a snapshot file holds: the objects as the server gave them, and the answers to the questions that were asked.
//!
//! [`Snapshot`](super::snapshot::Snapshot) is derived from it, so that a saved snapshot and a live one are judged by the same
//! code. Secrets are never read. Nodes lose their image lists, and everything but the set and its budgets its managedFields.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dns::Questions;
use super::read::Read;
use super::resource::Resource;
use super::right::Right;

/// The `kind` that a snapshot file names itself by.
pub const KIND: &str = "shardctl.dev/Snapshot";
/// The version that this shardctl writes; it reads this one and every older one.
pub const VERSION: u32 = 1;

/// When, where and by what a snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The server's time, from the Date header of its answer.
    pub at: Timestamp,
    /// The shardctl that took it.
    pub by: String,
    /// The kubeconfig context, or nothing inside a pod.
    pub context: Option<String>,
    /// The server's version (`v1.36.3`), where it was given.
    pub server: Read<String>,
    /// The namespace.
    pub namespace: String,
    /// The name of the set that was chosen, if there was one.
    pub statefulset: Option<String>,
    /// Whether names and addresses were replaced by pseudonyms.
    #[serde(default)]
    pub redacted: bool,
}

/// The last lines of a container's logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// Of the running or last container.
    pub current: Read<Vec<String>>,
    /// Of the one before it.
    pub previous: Read<Vec<String>>,
}

/// What the API server answered to an eviction that was only tried (`dryRun=All`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvictionTrial {
    /// The pod that it aimed at.
    pub pod: String,
    /// The HTTP status.
    pub code: u16,
    /// The answer's message.
    pub message: String,
    /// The causes' messages, where the answer names some.
    pub causes: Vec<String>,
}

/// A snapshot as it is saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    /// Always [`KIND`].
    pub kind: String,
    /// The format's version.
    pub version: u32,
    /// When, where and by what.
    pub taken: Taken,
    /// What we may do, as the server says.
    pub rights: Read<Vec<Right>>,
    /// The objects, as they were given.
    pub objects: BTreeMap<Resource, Read<Vec<Box<RawValue>>>>,
    /// Logs of the containers that aren't ready, by `pod/container`.
    #[serde(default)]
    pub logs: BTreeMap<String, Logs>,
    /// The cluster's DNS domain and where it was learnt.
    pub domain: Read<String>,
    /// The answers of the name servers.
    pub dns: Read<Questions>,
    /// The eviction that was tried.
    pub protection: Read<EvictionTrial>,
}
