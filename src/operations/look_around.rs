//! What a drain looks at beyond one set: every pod of the cluster, finished ones too, and every budget.

use futures::future::join3;

use crate::cluster::connect::Connection;
use crate::cluster::read::read;
use crate::cluster::recording::empty;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;

/// The same look with the pods of all namespaces, their budgets, and the nodes' attach limits as they are now. What can't be read
/// is unreadable in it, with the reason.
pub async fn look_around(connection: &Connection, look: &Snapshot) -> Snapshot {
    let (api, namespace) = (connection.api(), connection.namespace());
    let (pods, budgets, limits) = join3(
        read(api, Resource::NodePods, namespace, ""),
        read(api, Resource::AllBudgets, namespace, ""),
        read(api, Resource::CsiNodes, namespace, ""),
    )
    .await;
    let mut recording = empty(connection, look.taken.statefulset.clone());
    for reading in [pods, budgets, limits] {
        recording.objects.insert(reading.resource, reading.objects);
    }
    match Snapshot::derive(&recording) {
        Ok(around) => Snapshot {
            node_pods: around.node_pods,
            all_budgets: around.all_budgets,
            csi_nodes: around.csi_nodes,
            ..look.clone()
        },
        Err(_) => look.clone(),
    }
}
