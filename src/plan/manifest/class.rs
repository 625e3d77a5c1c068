//! AKS's node class: `karpenter.azure.com/v1beta1`, as karpenter-provider-azure's `pkg/apis/v1beta1/aksnodeclass.go` has it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use super::metadata_of_cluster;
use crate::model::workload::Workload;

/// Its API group.
pub const GROUP: &str = "karpenter.azure.com";
/// Its API version.
pub const API_VERSION: &str = "karpenter.azure.com/v1beta1";
/// Its kind.
pub const KIND: &str = "AKSNodeClass";

/// The disk that a node starts from, in GB: room for a few images of some size.
const OS_DISK_GB: i32 = 128;

/// What Karpenter's nodes are like on AKS.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AksNodeClass {
    api_version: &'static str,
    kind: &'static str,
    /// Its name.
    pub metadata: ObjectMeta,
    /// What is wished.
    pub spec: AksNodeClassSpec,
}

/// What is wished of a node.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AksNodeClassSpec {
    /// `Ubuntu` is the release that AKS gives its Kubernetes version; a numbered one ends with its support.
    pub image_family: &'static str,
    /// The disk that it starts from.
    #[serde(rename = "osDiskSizeGB")]
    pub os_disk_size_gb: i32,
}

/// The class of a pool, under the pool's name.
pub fn aks(workload: &Workload, name: &str) -> AksNodeClass {
    AksNodeClass {
        api_version: API_VERSION,
        kind: KIND,
        metadata: metadata_of_cluster(workload, name),
        spec: AksNodeClassSpec {
            image_family: "Ubuntu",
            os_disk_size_gb: OS_DISK_GB,
        },
    }
}
