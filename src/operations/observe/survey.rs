//! The look of `quickstart`: the set where it is there, its shards, every node and pool. Nothing need be there: that is what it shows.

use futures::future::join3;

use super::subject::{self, Chosen};
use super::{add, greeted, sign};
use crate::cluster::connect::Connection;
use crate::cluster::read::{read, served};
use crate::cluster::recording::empty;
use crate::error::Result;
use crate::model::read::Read;
use crate::model::recording::Recording;
use crate::model::resource::Resource;

/// Looks at the first of the sets named `wanted` that is there. The rest is recorded as not read.
///
/// # Errors
/// Where the server can't be reached at all or isn't Kubernetes. Anything else that can't be read is recorded as such.
pub async fn survey(connection: &Connection, wanted: &[String]) -> Result<Recording> {
    let (api, namespace) = (connection.api(), connection.namespace());
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let names = subject::names(&sets.objects);
        let name = wanted.iter().find(|wanted| names.contains(*wanted)).cloned();
        let chosen = match (&sets.objects, &name) {
            (Read::Got(_), None) => Chosen::None,
            (_, name) => subject::choose(connection, &sets.objects, name.as_deref()).await?,
        };
        let pods = subject::pods(connection, &chosen).await;
        Ok((name, [sets, pods]))
    };
    let rest = async {
        let pools = async { served(api).await.read(api, Resource::NodePools, namespace).await };
        Ok(join3(
            read(api, Resource::Budgets, namespace, ""),
            read(api, Resource::Nodes, namespace, ""),
            pools,
        )
        .await)
    };
    let (greeting, (name, set_and_pods), (budgets, nodes, pools)) = Box::pin(greeted(api, set, rest)).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    for reading in set_and_pods.into_iter().chain([budgets, nodes, pools]) {
        add(&mut recording, reading);
    }
    Ok(recording)
}
