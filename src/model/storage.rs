//! Volumes and their attachments, with the fields that anything is judged by. Kubernetes' own types have room for each of thirty kinds
//! of storage in every volume, and in every attachment as well, which is 4 KB: of a thousand shards eight megabytes of nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolumeStatus, VolumeNodeAffinity};
use k8s_openapi::api::storage::v1::VolumeAttachmentStatus;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, Metadata, Resource};
use serde::Deserialize;

/// A volume. Its fields are named as in `core/v1`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PersistentVolume {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What it is.
    pub spec: Option<PersistentVolumeSpec>,
    /// How it stands.
    pub status: Option<PersistentVolumeStatus>,
}

/// What a volume is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PersistentVolumeSpec {
    /// How it may be mounted, for example `ReadWriteOnce`.
    pub access_modes: Option<Vec<String>>,
    /// How large it is, under `storage`.
    pub capacity: Option<BTreeMap<String, Quantity>>,
    /// The claim that it is meant for or bound to.
    pub claim_ref: Option<ObjectReference>,
    /// The driver's part of it; none where no CSI driver made it.
    pub csi: Option<Csi>,
    /// The nodes that can reach it.
    pub node_affinity: Option<VolumeNodeAffinity>,
    /// What becomes of it when its claim goes.
    pub persistent_volume_reclaim_policy: Option<String>,
    /// The class that made it.
    pub storage_class_name: Option<String>,
    /// The class that may have changed its attributes since.
    pub volume_attributes_class_name: Option<String>,
}

/// A CSI driver's part of a volume.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Csi {
    /// The driver.
    pub driver: String,
    /// What the driver knows of it.
    pub volume_attributes: Option<BTreeMap<String, String>>,
}

/// That a volume is to be, or is, attached to a node. Its fields are named as in `storage/v1`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct VolumeAttachment {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What is to be attached where.
    pub spec: VolumeAttachmentSpec,
    /// How it stands.
    pub status: Option<VolumeAttachmentStatus>,
}

/// What is to be attached where.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeAttachmentSpec {
    /// The driver that does it.
    pub attacher: String,
    /// The node.
    pub node_name: String,
    /// The volume.
    pub source: VolumeAttachmentSource,
}

/// Which volume is to be attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeAttachmentSource {
    /// Its name; none where it has no object of its own.
    pub persistent_volume_name: Option<String>,
}

/// Says of a type which resource of the API it is.
macro_rules! resource {
    ($type:ident, $group:literal, $api_version:literal, $plural:literal) => {
        impl Resource for $type {
            const API_VERSION: &'static str = $api_version;
            const GROUP: &'static str = $group;
            const KIND: &'static str = stringify!($type);
            const VERSION: &'static str = "v1";
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = ClusterResourceScope;
        }

        impl Metadata for $type {
            type Ty = ObjectMeta;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

resource!(PersistentVolume, "", "v1", "persistentvolumes");
resource!(
    VolumeAttachment,
    "storage.k8s.io",
    "storage.k8s.io/v1",
    "volumeattachments"
);

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{core, storage};
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn read<T: DeserializeOwned>(object: &Value) -> T {
        serde_json::from_value(object.clone()).unwrap()
    }

    #[test]
    fn what_is_read_of_a_volume_and_an_attachment_is_what_kubernetes_own_types_read() {
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-0", "uid": "u"},
            "spec": {"capacity": {"storage": "64Gi"}, "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
                "claimRef": {"namespace": "shop", "name": "data-db-0"}, "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "disk", "volumeAttributesClassName": "fast",
                "csi": {"driver": "disk.csi.azure.com", "volumeHandle": "/disks/0", "volumeAttributes": {"skuName": "Premium_LRS"}},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}]}]}}},
            "status": {"phase": "Bound"}});
        let (ours, theirs): (PersistentVolume, core::v1::PersistentVolume) = (read(&volume), read(&volume));
        let (spec, own) = (theirs.spec.unwrap(), ours.spec.unwrap());
        let (csi, own_csi) = (spec.csi.unwrap(), own.csi.unwrap());
        assert_eq!((ours.metadata, ours.status), (theirs.metadata, theirs.status));
        assert_eq!(
            (own_csi.driver, own_csi.volume_attributes),
            (csi.driver, csi.volume_attributes)
        );
        assert_eq!((own.claim_ref, own.node_affinity), (spec.claim_ref, spec.node_affinity));
        assert_eq!((own.capacity, own.access_modes), (spec.capacity, spec.access_modes));
        assert_eq!(
            (
                own.persistent_volume_reclaim_policy,
                own.storage_class_name,
                own.volume_attributes_class_name
            ),
            (
                spec.persistent_volume_reclaim_policy,
                spec.storage_class_name,
                spec.volume_attributes_class_name
            )
        );
        let attachment = json!({"metadata": {"name": "va-0"}, "spec": {"attacher": "disk.csi.azure.com", "nodeName": "n1",
                "source": {"persistentVolumeName": "pv-0"}},
            "status": {"attached": true, "attachError": {"message": "no", "time": "2026-01-01T00:00:00Z"}}});
        let (ours, theirs): (VolumeAttachment, storage::v1::VolumeAttachment) = (read(&attachment), read(&attachment));
        assert_eq!((ours.metadata, ours.status), (theirs.metadata, theirs.status));
        assert_eq!(
            (
                ours.spec.attacher,
                ours.spec.node_name,
                ours.spec.source.persistent_volume_name
            ),
            (
                theirs.spec.attacher,
                theirs.spec.node_name,
                theirs.spec.source.persistent_volume_name
            )
        );
    }

    #[test]
    fn they_are_the_resources_that_kubernetes_own_types_are() {
        fn told<T: Resource>() -> [&'static str; 5] {
            [T::API_VERSION, T::GROUP, T::KIND, T::VERSION, T::URL_PATH_SEGMENT]
        }
        assert_eq!(told::<PersistentVolume>(), told::<core::v1::PersistentVolume>());
        assert_eq!(told::<VolumeAttachment>(), told::<storage::v1::VolumeAttachment>());
    }
}
