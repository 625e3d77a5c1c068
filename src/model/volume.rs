//! Where a disk and a node are: zones, under the keys that the clouds' drivers use.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, PersistentVolume};

/// The label of a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// The keys under which a disk's zone is written, by Kubernetes itself and by the drivers of EBS and Azure Disk.
pub const ZONE_KEYS: [&str; 4] = [
    ZONE,
    "topology.ebs.csi.aws.com/zone",
    "topology.disk.csi.azure.com/zone",
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
    use super::same_zone;

    #[test]
    fn a_zone_number_alone_means_the_zone_of_that_number() {
        assert!(same_zone("1", "eastus-1"));
        assert!(same_zone("eastus-1", "1"));
        assert!(same_zone("eu-west-2a", "eu-west-2a"));
        assert!(!same_zone("1", "eastus-2"));
        assert!(!same_zone("1", "eastus-11"));
        assert!(!same_zone("", "eastus-"));
    }
}
