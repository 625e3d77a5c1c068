//! What is left of a size for pods: named models of those who reckon with it, each with its source.
//!
//! Two figures matter and differ: what Karpenter forecasts decides what it buys, and what the kubelet reports decides what fits.
//! A node that is there says it better than any model.

use super::room::{GIB, MIB, Room};
use super::size::Size;

/// Somebody's way to reckon what is left of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// Karpenter on Azure.
    KarpenterAzure,
    /// Karpenter on Azure as its pull request 1919 would have it.
    KarpenterAzure1919,
    /// The kubelet of AKS since Kubernetes 1.29.
    KubeletAks,
    /// The kubelet of AKS with node hardening, which one has to ask for.
    KubeletAksHardened,
    /// Karpenter on AWS.
    KarpenterAws,
}

impl Model {
    /// All of them.
    pub const ALL: [Model; 5] = [
        Model::KarpenterAzure,
        Model::KarpenterAzure1919,
        Model::KubeletAks,
        Model::KubeletAksHardened,
        Model::KarpenterAws,
    ];

    /// Its name, on the command line and wherever a figure of it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Model::KarpenterAzure => "karpenter-azure",
            Model::KarpenterAzure1919 => "karpenter-azure-1919",
            Model::KubeletAks => "kubelet-aks",
            Model::KubeletAksHardened => "kubelet-aks-hardened",
            Model::KarpenterAws => "karpenter-aws",
        }
    }

    /// The model of a name.
    pub fn parse(name: &str) -> Option<Model> {
        Model::ALL.into_iter().find(|model| model.name() == name)
    }

    /// What it holds for and where it was read.
    pub const fn source(self) -> &'static str {
        match self {
            Model::KarpenterAzure => {
                "what Karpenter on Azure forecasts (karpenter-provider-azure 352646f5, pkg/providers/instancetype/instancetype.go)"
            }
            Model::KarpenterAzure1919 => {
                "what Karpenter on Azure would forecast with its open pull request 1919 (karpenter-provider-azure)"
            }
            Model::KubeletAks => {
                "what the kubelet reports on AKS since 1.29 (Azure's node-resource-reservations.md), with 1.8 % of the memory taken \
                 by the system, which is an estimate above 56 GiB"
            }
            Model::KubeletAksHardened => {
                "what the kubelet reports on AKS with node hardening (karpenter-provider-azure, pull request 1818), with 1.8 % of \
                 the memory taken by the system, which is an estimate above 56 GiB"
            }
            Model::KarpenterAws => {
                "what Karpenter on AWS forecasts (karpenter-provider-aws 027ed241, pkg/providers/instancetype/types.go)"
            }
        }
    }

    /// What is left of a size where the cluster lets so many pods on a node.
    pub fn room(self, size: &Size, max_pods: i64) -> Room {
        let pods = size.max_pods.unwrap_or(max_pods);
        let (memory, cpu) = match self {
            Model::KarpenterAws => (aws_memory(size, pods), aws_cpu(size.vcpu)),
            _ => self.azure(size, pods),
        };
        Room {
            memory: memory.max(0) * MIB,
            cpu: cpu.max(0),
            disks: size.data_disks,
            pods,
        }
    }

    /// MiB and thousandths of a core. Azure's Karpenter cuts memory to whole GiB first.
    fn azure(self, size: &Size, max_pods: i64) -> (i64, i64) {
        let gib = size.memory / GIB;
        let total = gib * 1024;
        let forecast = total * 925 / 1000;
        let reported = total * 982 / 1000;
        let cpu = i64::from(size.vcpu) * 1000 - brackets(i64::from(size.vcpu), &AKS_CPU) / 10;
        let of_pods = 20 * max_pods + 50;
        match self {
            Model::KarpenterAzure => (forecast - brackets(gib, &AKS_MEMORY) * 1024 / 10_000 - 750, cpu),
            Model::KarpenterAzure1919 => (forecast - of_pods.min(total / 4) - 100, cpu),
            Model::KubeletAks => (reported - of_pods.min(reported / 4) - 100, cpu),
            Model::KubeletAksHardened | Model::KarpenterAws => {
                let kube = (35 * max_pods + (total * 2 / 100).max(250)).min(total / 4);
                let system = 200 + 100 * (gib / 32) + 100;
                let eviction = match gib {
                    ..=8 => 250,
                    9..32 => 375,
                    _ => 512,
                };
                (reported - kube - system - eviction, cpu - 100)
            }
        }
    }
}

/// Shares that grow smaller the more there is: up to how much, and how many ten-thousandths.
type Brackets = [(i64, i64); 5];

const AKS_MEMORY: Brackets = [(4, 2500), (8, 2000), (16, 1000), (128, 600), (i64::MAX, 200)];
const AKS_CPU: Brackets = [(1, 600), (2, 400), (4, 200), (i64::MAX, 100), (i64::MAX, 100)];

/// What brackets take of an amount, in ten-thousandths of its unit.
fn brackets(amount: i64, table: &Brackets) -> i64 {
    let mut taken = 0;
    let mut below = 0;
    for (upto, share) in table {
        taken += (amount.min(*upto) - below).max(0) * share;
        below = *upto;
    }
    taken
}

/// What Karpenter on AWS counts with: 7.5 % for the system, then the kubelet's 255 MiB and 11 a pod, then 100 against eviction.
/// Graviton machines keep 64 MiB for themselves.
fn aws_memory(size: &Size, pods: i64) -> i64 {
    let whole = size.memory / MIB - if size.arch == "arm64" { 64 } else { 0 };
    whole - (whole * 75 + 999) / 1000 - (255 + 11 * pods) - 100
}

fn aws_cpu(vcpu: u32) -> i64 {
    let milli = i64::from(vcpu) * 1000;
    let part = |from: i64, upto: i64, share: i64| (milli.min(upto) - from).max(0) * share / 10_000;
    milli - part(0, 1000, 600) - part(1000, 2000, 100) - part(2000, 4000, 50) - part(4000, i64::MAX, 25)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::Catalogue;
    use crate::model::catalogue::table::Table;

    const GOLDEN: &str = include_str!("../../data/allocatable-golden.csv");

    #[test]
    fn the_golden_vectors_come_out_exactly() {
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let table = Table::read(GOLDEN).unwrap();
        assert_eq!(table.rows().count(), 63);
        for row in table.rows() {
            let number = |column: &str| row.get(column).unwrap().parse::<i64>().unwrap();
            let name = row.get("size").unwrap();
            let model = Model::parse(row.get("model").unwrap()).unwrap();
            let room = model.room(catalogue.size(name).unwrap(), number("max_pods"));
            let expected = (number("memory_mib") * MIB, number("cpu_m"), number("max_pods"));
            assert_eq!((room.memory, room.cpu, room.pods), expected, "{name} {}", model.name());
        }
    }

    /// Nodes that were seen: the kubelet's reserve of a Standard_B8ms with 110 pods is what the model takes, to the MiB.
    #[test]
    fn the_kubelets_reserve_is_that_of_a_node_that_was_seen() {
        let size = Size {
            name: "Standard_B8ms".to_owned(),
            vcpu: 8,
            memory: 32 * GIB,
            arch: "amd64".to_owned(),
            data_disks: None,
            max_pods: None,
            isolated: false,
            allocatable: None,
        };
        let room = Model::KubeletAks.room(&size, 110);
        let (capacity, allocatable) = (32_859_916_i64, 30_453_516_i64);
        assert_eq!(
            (capacity - allocatable) / 1024,
            32 * 1024 * 982 / 1000 - room.memory / MIB
        );
        assert_eq!(room.cpu, 7820);
    }

    /// m5.xlarge and m6g.medium by hand: 16384 − ⌈7.5 %⌉ − (255 + 11 × 58) − 100; 4096 − 64 − ⌈7.5 %⌉ − (255 + 11 × 8) − 100.
    #[test]
    fn karpenter_on_aws_counts_by_the_pods_of_the_size() {
        let size = |vcpu, gib: i64, arch: &str, pods| Size {
            name: "a".to_owned(),
            vcpu,
            memory: gib * GIB,
            arch: arch.to_owned(),
            data_disks: None,
            max_pods: Some(pods),
            isolated: false,
            allocatable: None,
        };
        let room = Model::KarpenterAws.room(&size(4, 16, "amd64", 58), 250);
        assert_eq!(
            (room.memory / MIB, room.cpu, room.pods),
            (16384 - 1229 - 893 - 100, 3920, 58)
        );
        let room = Model::KarpenterAws.room(&size(1, 4, "arm64", 8), 250);
        assert_eq!((room.memory / MIB, room.cpu), (4032 - 303 - 343 - 100, 940));
    }

    #[test]
    fn every_model_is_found_by_its_name() {
        for model in Model::ALL {
            assert_eq!(Model::parse(model.name()), Some(model));
            assert!(!model.source().is_empty());
        }
        assert_eq!(Model::parse("karpenter"), None);
    }
}
