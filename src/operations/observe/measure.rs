//! What is used now, asked again and again: it can't be watched.

use super::{add, derive};
use crate::cluster::connect::Connection;
use crate::cluster::read::{read_usage, served};
use crate::cluster::recording::empty;
use crate::model::read::Read;
use crate::model::snapshot::Snapshot;
use crate::model::usage::{NodeMetrics, PodMetrics};

/// One answer.
pub struct Measured {
    /// What nodes use.
    pub nodes: Read<Vec<NodeMetrics>>,
    /// What the namespace's pods use.
    pub pods: Read<Vec<PodMetrics>>,
    /// Why the API server itself didn't answer, a clause; none where it did.
    pub trouble: Option<String>,
}

impl Measured {
    /// Nobody answered.
    pub fn silent(why: String) -> Measured {
        Measured {
            nodes: Read::Unreadable(why.clone()),
            pods: Read::Unreadable(why.clone()),
            trouble: Some(why),
        }
    }

    /// Puts the figures into a snapshot.
    pub fn into_snapshot(self, snapshot: &mut Snapshot) {
        snapshot.node_usage = self.nodes;
        snapshot.pod_usage = self.pods;
    }
}

/// Asks for the figures, and for the API groups first: whoever installs a metrics server meanwhile is found, and an API server
/// that is silent is known by it.
pub async fn measure(connection: &Connection) -> Measured {
    let served = served(connection.api()).await;
    let trouble = served.version("").err().map(str::to_owned);
    let mut recording = empty(connection, None);
    for reading in read_usage(connection.api(), &served, connection.namespace()).await {
        add(&mut recording, reading);
    }
    match derive(&recording) {
        Ok(snapshot) => Measured {
            nodes: snapshot.node_usage,
            pods: snapshot.pod_usage,
            trouble,
        },
        Err(error) => Measured {
            nodes: Read::Unreadable(error.message().to_owned()),
            pods: Read::Unreadable(error.message().to_owned()),
            trouble,
        },
    }
}
