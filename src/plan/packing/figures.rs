//! What a size leaves for pods: what a node of that size says, else what a file says, else what a named model reckons.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;

use super::slots::{Slots, slots};
use crate::model::allocatable::Model;
use crate::model::node;
use crate::model::quantity::Amount;
use crate::model::room::{Room, Take};
use crate::model::size::Size;
use crate::model::snapshot::Snapshot;

/// How many pods AKS lets on a node with its overlay network, where no node says.
pub const AKS_PODS: i64 = 250;

/// Who says what is left of a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A node of that size that is there.
    Node(String),
    /// The catalogue's file.
    File,
    /// A model.
    Model(Model),
}

/// What is left of a size, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What is left for pods.
    pub room: Room,
    /// Who says so.
    pub basis: Basis,
}

/// The two figures of a size: what fits, and what Karpenter counts with when it buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// What fits on such a node.
    pub fits: Figure,
    /// What Karpenter forecasts; none where it isn't there, or isn't known to reckon otherwise.
    pub counted: Option<Figure>,
}

/// How many shards a size holds by its two figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// What fits.
    pub fits: Slots,
    /// What Karpenter counts with.
    pub counted: Option<Slots>,
}

impl Holds {
    /// What a layout may reckon with: what fits, and Karpenter would buy it for. Where both hold as many, the one that is
    /// further from one more counts.
    pub fn slots(&self) -> &Slots {
        let Some(counted) = &self.counted else {
            return &self.fits;
        };
        match counted.count.cmp(&self.fits.count) {
            Ordering::Less => counted,
            Ordering::Equal if counted.distance() > self.fits.distance() => counted,
            _ => &self.fits,
        }
    }
}

impl Capacity {
    /// How many shards fit beside the DaemonSets.
    pub fn holds(&self, daemons: &Take, shard: &Take) -> Holds {
        Holds {
            fits: slots(&self.fits.room, daemons, shard),
            counted: self.counted.as_ref().map(|figure| slots(&figure.room, daemons, shard)),
        }
    }
}

/// What is known of the cluster's machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// What the nodes of each size have at least, and that of them with the least memory.
    pub live: BTreeMap<String, (Room, String)>,
    /// The model of what the kubelet reports.
    pub kubelet: Option<Model>,
    /// The model of what Karpenter forecasts.
    pub forecast: Option<Model>,
    /// How many pods a node takes where its size doesn't say.
    pub max_pods: i64,
}

impl Machines {
    /// What the nodes of a snapshot say. `driver`: whose attach limit counts, where the shards have disks. The models go by the
    /// cloud that the nodes name themselves by; an unknown cloud has none.
    pub fn of(snapshot: &Snapshot, driver: Option<&str>) -> Machines {
        let nodes: Vec<&Node> = snapshot.nodes.got().into_iter().flatten().collect();
        let mut limits: BTreeMap<&str, i64> = BTreeMap::new();
        for found in snapshot.csi_nodes.got().into_iter().flatten() {
            let of_driver = found.spec.drivers.iter().find(|of| Some(of.name.as_str()) == driver);
            let count = of_driver.and_then(|of| of.allocatable.as_ref()?.count);
            if let (Some(name), Some(count)) = (found.metadata.name.as_deref(), count) {
                limits.insert(name, i64::from(count));
            }
        }
        let mut live: BTreeMap<String, (Room, String)> = BTreeMap::new();
        let mut max_pods = None;
        for found in &nodes {
            let (Some(size), Some(mut room)) = (node::label(found, node::INSTANCE_TYPE), room(found)) else {
                continue;
            };
            room.disks = limits.get(node::name(found)).copied();
            max_pods = Some(max_pods.map_or(room.pods, |known: i64| known.min(room.pods)));
            live.entry(size.to_owned())
                .and_modify(|(least, name)| {
                    if room.memory < least.memory {
                        node::name(found).clone_into(name);
                    }
                    *least = least.least(room);
                })
                .or_insert_with(|| (room, node::name(found).to_owned()));
        }
        // That its pools can't be read doesn't make Karpenter buy by other figures.
        let pool = |found: &Node| node::label(found, node::NODE_POOL).is_some();
        let karpenter = snapshot.node_pools.got().is_some() || nodes.iter().any(|found| pool(found));
        let cloud = |prefix: &str| {
            nodes.iter().any(|found| {
                let id = found.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
                id.is_some_and(|id| id.starts_with(prefix))
            })
        };
        let (kubelet, forecast) = if cloud("azure://") {
            (Some(Model::KubeletAks), Some(Model::KarpenterAzure))
        } else if cloud("aws://") {
            (None, Some(Model::KarpenterAws))
        } else {
            (None, None)
        };
        Machines {
            live,
            kubelet,
            forecast: forecast.filter(|_| karpenter),
            max_pods: max_pods.unwrap_or(AKS_PODS),
        }
    }

    /// The figures of a size; none where nobody says what is left of it.
    pub fn capacity(&self, size: &Size) -> Option<Capacity> {
        let reckoned = |model: Model| Figure {
            room: model.room(size, self.max_pods),
            basis: Basis::Model(model),
        };
        let live = self.live.get(&size.name).map(|(room, name)| Figure {
            room: Room {
                disks: room.disks.or(size.data_disks),
                ..*room
            },
            basis: Basis::Node(name.clone()),
        });
        let of_file = size.allocatable.map(|(memory, cpu)| Figure {
            room: Room {
                memory,
                cpu,
                disks: size.data_disks,
                pods: size.max_pods.unwrap_or(self.max_pods),
            },
            basis: Basis::File,
        });
        let counted = self.forecast.map(reckoned);
        let fits = live
            .or(of_file)
            .or_else(|| self.kubelet.map(reckoned))
            .or_else(|| counted.clone())?;
        let counted = counted.filter(|counted| counted.basis != fits.basis);
        Some(Capacity { fits, counted })
    }
}

/// What a node has for pods; none where it doesn't say. Its disks aren't among that.
pub fn room(found: &Node) -> Option<Room> {
    let allocatable = found.status.as_ref()?.allocatable.as_ref()?;
    let amount = |resource: &str| allocatable.get(resource).and_then(Amount::of);
    let number = |amount: i128| i64::try_from(amount).ok();
    Some(Room {
        memory: number(amount("memory")?.ceiling())?,
        cpu: number(amount("cpu")?.thousandths())?,
        disks: None,
        pods: number(amount("pods")?.ceiling())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::Catalogue;
    use crate::model::read::Read;
    use crate::model::resource::Resource;
    use crate::model::room::{GIB, MIB};
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    const DISK: Option<&str> = Some("disk.csi.azure.com");
    const SHARD: Take = Take {
        memory: 32 * GIB,
        cpu: 2000,
        disks: 1,
        pods: 1,
    };

    fn scene() -> Scene {
        let mut scene = Scene::healthy(3);
        scene.set(Resource::NodePools, Read::Got(Vec::new()));
        scene.add(
            Resource::CsiNodes,
            json!({"metadata": {"name": "node-0"}, "spec": {"drivers": [
                {"name": "other.csi", "nodeID": "a", "allocatable": {"count": 5}},
                {"name": "disk.csi.azure.com", "nodeID": "a", "allocatable": {"count": 31}},
            ]}}),
        );
        scene
    }

    #[test]
    fn a_node_of_that_size_says_it_best() {
        let mut scene = scene();
        scene.merge(
            Resource::Nodes,
            "node-1",
            json!({"status": {"allocatable": {"memory": "119Gi"}}}),
        );
        let machines = Machines::of(&scene.snapshot(), DISK);
        assert_eq!(machines.max_pods, 110);
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let of = machines.capacity(catalogue.size("Standard_E16s_v5").unwrap()).unwrap();
        // The least of the nodes of that size: a new one may be as small as the smallest that was seen.
        assert_eq!(of.fits.basis, Basis::Node("node-1".to_owned()));
        assert_eq!((of.fits.room.memory, of.fits.room.disks), (119 * GIB, Some(31)));
        assert_eq!(of.counted.unwrap().basis, Basis::Model(Model::KarpenterAzure));
    }

    #[test]
    fn what_karpenter_counts_with_decides_what_it_buys() {
        let machines = Machines::of(&scene().snapshot(), DISK);
        let catalogue = Catalogue::azure(Some("eastus")).unwrap();
        let of = machines.capacity(catalogue.size("Standard_E32s_v5").unwrap()).unwrap();
        assert_eq!(of.fits.basis, Basis::Model(Model::KubeletAks));
        let daemons = Take {
            memory: 506 * MIB,
            cpu: 310,
            disks: 0,
            pods: 6,
        };
        let holds = of.holds(&daemons, &SHARD);
        assert_eq!((holds.fits.count, holds.counted.as_ref().unwrap().count), (7, 6));
        assert_eq!(holds.slots().count, 6);
    }

    #[test]
    fn without_karpenter_nobody_forecasts_and_an_unknown_cloud_has_no_model() {
        let machines = Machines::of(&Scene::healthy(1).snapshot(), DISK);
        assert_eq!((machines.kubelet, machines.forecast), (Some(Model::KubeletAks), None));
        let mut other = scene();
        for ordinal in 0..3 {
            other.merge(
                Resource::Nodes,
                &format!("node-{ordinal}"),
                json!({"spec": {"providerID": "kind://x"}}),
            );
        }
        let machines = Machines::of(&other.snapshot(), DISK);
        assert_eq!((machines.kubelet, machines.forecast), (None, None));
        let catalogue = Catalogue::azure(None).unwrap();
        assert_eq!(machines.capacity(catalogue.size("Standard_E32s_v5").unwrap()), None);
        assert!(machines.capacity(catalogue.size("Standard_E16s_v5").unwrap()).is_some());
    }

    #[test]
    fn a_file_says_it_where_no_node_does() {
        let file = "size,vcpu,memory,max_pods,allocatable_memory,allocatable_cpu\nr6i.2xlarge,8,64Gi,58,61Gi,7910m\n";
        let catalogue = Catalogue::of_file(file, None).unwrap();
        let machines = Machines {
            forecast: Some(Model::KarpenterAws),
            max_pods: 110,
            ..Machines::default()
        };
        let of = machines.capacity(catalogue.size("r6i.2xlarge").unwrap()).unwrap();
        assert_eq!(
            (of.fits.basis, of.fits.room.cpu, of.fits.room.pods),
            (Basis::File, 7910, 58)
        );
        assert_eq!(of.counted.unwrap().basis, Basis::Model(Model::KarpenterAws));
    }
}
