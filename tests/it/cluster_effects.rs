//! What operations do to a cluster, held against a real one: writes, the lock, the live views, the uncached look.

mod lock;
mod views;
mod writes;

use std::path::Path;
use std::time::Duration;

use shardctl::cluster::connect::{Connection, Target, connect};
use shardctl::model::set;

use crate::cluster::Scene;

/// A connection as whoever the kubeconfig says.
fn connection(scene: &Scene<'_>, kubeconfig: &Path) -> Connection {
    let target = Target {
        kubeconfig: Some(kubeconfig.to_owned()),
        request_timeout: Duration::from_secs(30),
        ..Target::default()
    };
    scene.plane().run(connect(&target)).expect("a connection")
}

/// A connection as the scene's administrator.
fn administrator(scene: &Scene<'_>) -> Connection {
    connection(scene, scene.kubeconfig())
}

/// The path of a shard's pod.
fn pod_path(scene: &Scene<'_>, ordinal: u32) -> String {
    format!(
        "/api/v1/namespaces/{}/pods/{}",
        scene.namespace(),
        scene.pod_name(ordinal)
    )
}

/// The path of the set.
fn set_path(scene: &Scene<'_>) -> String {
    let set = scene.set();
    format!(
        "/apis/apps/v1/namespaces/{}/statefulsets/{}",
        scene.namespace(),
        set::name(&set)
    )
}
