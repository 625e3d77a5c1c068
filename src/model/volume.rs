//! Where a disk and a node are: zones, under the keys that the clouds' drivers use.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;

use super::storage::PersistentVolume;

/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// The keys under which a disk's zone is written: by Kubernetes itself, by the drivers of EBS, Azure Disk, Google's Persistent
/// Disk, Cinder, Alibaba Cloud and vSphere, and by Kubernetes before 1.17 (a volume keeps the key that it was made with).
///
/// Each is the topology key of its driver's NodeGetInfo, or the well-known label (KEP-1659).
pub const ZONE_KEYS: [&str; 9] = [
    ZONE,
    "topology.ebs.csi.aws.com/zone",
    "topology.disk.csi.azure.com/zone",
    "topology.gke.io/zone",
    "topology.cinder.csi.openstack.org/zone",
    "topology.diskplugin.csi.alibabacloud.com/zone",
    "topology.csi.vmware.com/k8s-zone",
    "topology.csi.vmware.com/zone",
    "failure-domain.beta.kubernetes.io/zone",
];

/// The zones that a volume can be reached from; none where it isn't bound to zones (a file share).
///
/// Read from the required node affinity, with the values of all its terms put together: a driver that writes several
/// terms means any of them. Empty values are skipped: Azure writes `""` for a disk without a zone.
pub fn zones(volume: &PersistentVolume) -> Option<BTreeSet<&str>> {
    let required = volume.spec.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
    let found: BTreeSet<&str> = required
        .node_selector_terms
        .iter()
        .flat_map(|term| term.match_expressions.iter().flatten())
        .filter(|expression| expression.operator == "In" && ZONE_KEYS.contains(&expression.key.as_str()))
        .flat_map(|expression| expression.values.iter().flatten())
        .map(String::as_str)
        .filter(|zone| !zone.is_empty())
        .collect();
    (!found.is_empty()).then_some(found)
}

/// A node's zone.
pub fn node_zone(node: &Node) -> Option<&str> {
    let labels = node.metadata.labels.as_ref()?;
    ZONE_KEYS
        .iter()
        .find_map(|key| labels.get(*key))
        .map(String::as_str)
        .filter(|zone| !zone.is_empty())
}

/// A node's zone as a disk's requirement of `key` speaks of it: by that very key where the node has it, as the scheduler reads it.
///
/// OpenStack names the zones of disks and of machines each for itself (`nova` against `az1`), so that a node has two.
pub fn node_zone_by<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let own = node.metadata.labels.as_ref()?.get(key).map(String::as_str);
    own.filter(|zone| !zone.is_empty()).or_else(|| node_zone(node))
}

/// The zones of nodes by every name that a disk may have for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeZones<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> NodeZones<'a> {
    /// The zones of these nodes.
    pub fn of(nodes: impl IntoIterator<Item = &'a Node>) -> NodeZones<'a> {
        let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for found in nodes {
            let (Some(zone), Some(labels)) = (node_zone(found), found.metadata.labels.as_ref()) else {
                continue;
            };
            for name in ZONE_KEYS.iter().filter_map(|key| labels.get(*key)) {
                all.entry(name).or_default().insert(zone);
            }
        }
        NodeZones(all)
    }

    /// The zones of the nodes from which a disk in `zone` can be reached, as [`node_zone`] names them; `zone` itself where no
    /// node is there.
    pub fn named<'b>(&self, zone: &'b str) -> BTreeSet<&'b str>
    where
        'a: 'b,
    {
        let names = self.0.iter().filter(|(name, _)| same_zone(name, zone));
        let found: BTreeSet<&str> = names.flat_map(|(_, zones)| zones.iter().copied()).collect();
        if found.is_empty() {
            BTreeSet::from([zone])
        } else {
            found
        }
    }
}

/// Whether two names mean the same zone: `1` and `eastus-1` do, since Azure writes the number alone in some places.
pub fn same_zone(one: &str, other: &str) -> bool {
    let short = |name: &str, long: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_digit())
            && long
                .rsplit_once('-')
                .is_some_and(|(region, number)| !region.is_empty() && number == name)
    };
    one == other || short(one, other) || short(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_zone_number_alone_means_the_zone_of_that_number() {
        assert!(same_zone("1", "eastus-1"));
        assert!(same_zone("eastus-1", "1"));
        assert!(same_zone("eu-west-2a", "eu-west-2a"));
        assert!(!same_zone("1", "eastus-2"));
        assert!(!same_zone("1", "eastus-11"));
        assert!(!same_zone("", "eastus-"));
    }

    #[test]
    fn a_disks_zone_is_seen_under_the_key_of_every_driver() {
        for key in ZONE_KEYS {
            let expression = json!({"key": key, "operator": "In", "values": ["there"]});
            let disk: PersistentVolume = serde_json::from_value(json!({"spec": {"nodeAffinity": {"required": {
                "nodeSelectorTerms": [{"matchExpressions": [expression]}],
            }}}}))
            .unwrap();
            assert_eq!(zones(&disk), Some(BTreeSet::from(["there"])), "{key}");
        }
    }

    #[test]
    fn disks_may_have_zones_of_names_of_their_own() {
        let node = |zone: &str| -> Node {
            let labels = json!({ZONE: zone, "topology.cinder.csi.openstack.org/zone": "nova"});
            serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap()
        };
        let nodes = [node("az1"), node("az2")];
        assert_eq!(
            node_zone_by(&nodes[0], "topology.cinder.csi.openstack.org/zone"),
            Some("nova")
        );
        assert_eq!(node_zone_by(&nodes[0], "topology.gke.io/zone"), Some("az1"));
        let zones = NodeZones::of(&nodes);
        assert_eq!(zones.named("nova"), BTreeSet::from(["az1", "az2"]));
        assert_eq!(zones.named("az2"), BTreeSet::from(["az2"]));
        assert_eq!(zones.named("az3"), BTreeSet::from(["az3"]));
    }
}
