//! What is used now, where somebody measures it: a kind that a cluster need not have, behind a server that may be away.

use std::time::Duration;

use futures::future::join;

use super::{Reading, Served};
use crate::cluster::get::Api;
use crate::model::read::Read;
use crate::model::resource::Resource;

/// How long the figures are waited for: the API server asks somebody else, who may hang, and all else is at hand by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads what nodes and the namespace's pods use. What can't be read is so with its reason; nothing depends on it, and so no
/// right is missing without it.
pub async fn read_usage(api: &Api, served: &Served, namespace: &str) -> [Reading; 2] {
    let [nodes, pods] = Resource::OF_USAGE;
    let (nodes, pods) = join(
        within(served.read(api, nodes, namespace), nodes),
        within(served.read(api, pods, namespace), pods),
    )
    .await;
    [nodes, pods]
}

async fn within(reading: impl Future<Output = Reading>, resource: Resource) -> Reading {
    let objects = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(reading) => reading.objects,
        Err(_) => Read::Unreadable(format!(
            "{} can't be read: metrics.k8s.io didn't answer within {} s",
            resource.noun(),
            PATIENCE.as_secs()
        )),
    };
    Reading {
        resource,
        objects,
        rights: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn figures_that_never_come_are_not_waited_for() {
        let reading = within(std::future::pending(), Resource::NodeUsage).await;
        let Read::Unreadable(why) = reading.objects else {
            panic!("it never came");
        };
        assert_eq!(
            why,
            "metrics of nodes can't be read: metrics.k8s.io didn't answer within 5 s"
        );
    }
}
