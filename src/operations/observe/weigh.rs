//! What a summary of the packing looks at: the set, its pods and disks, the nodes and what runs on them, Karpenter's pools.
//!
//! Of the nodes only what tells their room is kept, and the pods of the cluster are added up as they come: what is held grows
//! with the nodes, a few hundred bytes each, and not with the pods.

use futures::future::{join, join_all, join3, try_join};
use tokio::sync::oneshot;

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
    let (set, the_set) = oneshot::channel();
    let others = async {
        let load = async {
            match the_set.await {
                Ok(uid) => beside(api, uid).await,
                // Where the other side ended early, its error ends this one.
                Err(_) => std::future::pending().await,
            }
        };
        Ok(Box::pin(join3(nodes(api), csi_nodes(api), load)).await)
    };
    let (mut snapshot, (nodes, csi_nodes, load)) =
        Box::pin(try_join(of_the_set(connection, statefulset, set), others)).await?;
    if let Read::Got(known) = &mut snapshot.rights {
        known.extend([nodes.right, csi_nodes.right, load.right].into_iter().flatten());
    }
    snapshot.nodes = nodes.sum.map(Objects::from_iter);
    snapshot.csi_nodes = csi_nodes.sum.map(Objects::from_iter);
    snapshot.load = Some(load.sum);
    Ok(snapshot)
}

/// All but what is of the whole cluster. It is typed while that still comes in. The uid of the set goes to `first` as soon as it is
/// known; none is empty.
async fn of_the_set(
    connection: &Connection,
    statefulset: Option<&str>,
    first: oneshot::Sender<String>,
) -> Result<Snapshot> {
    let api = connection.api();
    let namespace = connection.namespace();
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let chosen = subject::choose(connection, &sets.objects, statefulset).await?;
        let uid = match &chosen {
            Chosen::Set(set) => set::uid(set).to_owned(),
            Chosen::None | Chosen::Unseen => String::new(),
        };
        // Where the other side ended early, its error ends this one.
        let _ = first.send(uid);
        let pods = subject::pods_in_short(connection, &chosen).await;
        Ok((name_of(&chosen, statefulset), sets, pods))
    };
    let rest = async {
        let optional = async {
            let served = served(api).await;
            let pools = served.read(api, Resource::NodePools, namespace);
            Box::pin(join(pools, read_usage(api, &served, namespace))).await
        };
        let at_once = join_all(AT_ONCE.map(|resource| read(api, resource, namespace, "")));
        Ok(Box::pin(join(at_once, optional)).await)
    };
    let (greeting, (name, sets, pods), (at_once, (pools, usage))) = Box::pin(greeted(api, set, rest)).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    add(&mut recording, sets);
    if let Read::Got(known) = &mut recording.rights {
        known.extend(pods.right);
    }
    for reading in at_once.into_iter().chain([pools]).chain(usage) {
        add(&mut recording, reading);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    let mut snapshot = understood(Snapshot::spend(recording))?;
    snapshot.pods = pods.sum.map(Objects::from_iter);
    Ok(snapshot)
}

/// What runs on the nodes beside the pods of the set with this uid.
async fn beside(api: &Api, uid: String) -> Summed<Load> {
    sum_pods(api, UNFINISHED, move |sum, found| load::add(sum, found, &uid)).await
}
