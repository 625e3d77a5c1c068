//! What a summary of the packing looks at: the set, its pods and disks, the nodes and what runs on them, Karpenter's pools.
//!
//! Of the nodes only what tells their room is kept, and the pods of the cluster are added up as they come: what is held grows
//! with the nodes, a few hundred bytes each, and not with the pods.

use futures::future::{join, join_all, join4};

use super::subject::{self, Chosen};
use super::{UNFINISHED, add, greeted, name_of, sign, understood};
use crate::cluster::connect::Connection;
use crate::cluster::get::Api;
use crate::cluster::read::{Summed, csi_nodes, nodes, read, read_usage, served, sum_pods};
use crate::cluster::recording::empty;
use crate::error::Result;
use crate::model::load::Load;
use crate::model::objects::Objects;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::plan::packing::load;

/// Kinds that are read at once and that nothing waits for.
const AT_ONCE: [Resource; 4] = [
    Resource::Namespace,
    Resource::Claims,
    Resource::Volumes,
    Resource::StorageClasses,
];

/// Looks at what tells how the shards are packed. The rest is as if not read.
///
/// # Errors
/// As [`observe`](super::observe).
pub async fn weigh(connection: &Connection, statefulset: Option<&str>) -> Result<Snapshot> {
    let api = connection.api();
    let namespace = connection.namespace();
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let chosen = subject::choose(connection, &sets.objects, statefulset).await?;
        let (pods, load) = join(subject::pods(connection, &chosen), beside(api, &chosen)).await;
        Ok((name_of(&chosen, statefulset), [sets, pods], load))
    };
    let rest = async {
        let optional = async {
            let served = served(api).await;
            let pools = served.read(api, Resource::NodePools, namespace);
            Box::pin(join(pools, read_usage(api, &served, namespace))).await
        };
        let at_once = join_all(AT_ONCE.map(|resource| read(api, resource, namespace, "")));
        Ok(Box::pin(join4(at_once, nodes(api), csi_nodes(api), optional)).await)
    };
    let (greeting, (name, set_and_pods, load), (at_once, nodes, csi_nodes, (pools, usage))) =
        Box::pin(greeted(api, set, rest)).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    for reading in set_and_pods.into_iter().chain(at_once).chain([pools]).chain(usage) {
        add(&mut recording, reading);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    let mut snapshot = understood(Snapshot::spend(recording))?;
    if let Read::Got(known) = &mut snapshot.rights {
        known.extend([nodes.right, csi_nodes.right, load.right].into_iter().flatten());
    }
    snapshot.nodes = nodes.sum.map(Objects::from_iter);
    snapshot.csi_nodes = csi_nodes.sum;
    snapshot.load = Some(load.sum);
    Ok(snapshot)
}

/// What runs on the nodes beside the set's own pods.
async fn beside(api: &Api, chosen: &Chosen) -> Summed<Load> {
    let uid = match chosen {
        Chosen::Set(set) => set::uid(set).to_owned(),
        Chosen::None | Chosen::Unseen => String::new(),
    };
    sum_pods(api, UNFINISHED, move |sum, found| load::add(sum, found, &uid)).await
}
