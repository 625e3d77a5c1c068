//! What a cluster offers to a workload that isn't there yet: what is served, and which objects of others are there.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::api::storage::v1::StorageClass;

use super::read::Read;

/// What was found.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The versions that Karpenter's own objects are served in.
    pub karpenter: Read<Vec<String>>,
    /// The node class that the pools are to refer to: the versions of AKS's where it is made, or that of one that is there.
    pub node_class: Read<Vec<String>>,
    /// The storage classes.
    pub storage: Read<Vec<StorageClass>>,
    /// What the namespace may use.
    pub quotas: Read<Vec<ResourceQuota>>,
    /// The names of the StatefulSets in the namespace.
    pub sets: Read<Vec<String>>,
    /// The zones of the nodes that are there.
    pub zones: Read<BTreeSet<String>>,
}

/// A field that somebody else writes: what server-side apply says of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The field: `.spec.replicas`.
    pub field: String,
    /// Who writes it, in the server's words.
    pub owner: String,
}
