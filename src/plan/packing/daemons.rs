//! What DaemonSets take of every node: seen on the nodes that are there, or a profile that was seen elsewhere.

use crate::model::room::{MIB, Take};

/// What DaemonSets took on a cluster that somebody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What was there.
    pub what: &'static str,
    /// What it took; the number of pods is none where nobody wrote it down.
    pub take: Take,
}

const fn profile(name: &'static str, what: &'static str, memory_mib: i64, cpu: i64, pods: i64) -> Profile {
    let take = Take {
        memory: memory_mib * MIB,
        cpu,
        disks: 0,
        pods,
    };
    Profile { name, what, take }
}

/// AKS with little on it.
pub const LEAN: Profile = profile(
    "lean",
    "kube-proxy, ip-masq, cloud-node-manager, the disk and file drivers",
    206,
    260,
    5,
);
/// AKS 1.32 as it was seen in January 2026.
pub const OBSERVED: Profile = profile("observed", "the lean ones and azure-npm", 506, 310, 6);
/// AKS with agents for logs and safety on it.
pub const HEAVY: Profile = profile("heavy", "as Azure/karpenter-provider-azure#1002 logs it", 1945, 915, 0);

/// All profiles.
pub const PROFILES: [Profile; 3] = [LEAN, OBSERVED, HEAVY];
