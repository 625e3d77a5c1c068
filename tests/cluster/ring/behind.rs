//! A ring behind a scene: where its shards' port-forwards lead, and where a command inside a pod finds their names.

use super::Ring;
use crate::cluster::scene::workload::headless_name;
use crate::cluster::{Scene, api, kubelet, wait};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The port on which a scene's shards answer, in their pods.
pub const POD_PORT: u16 = 8080;

impl Ring {
    /// Has each shard's port-forward lead to the member of that number, from now on; and what curl inside a pod asks a
    /// shard's DNS name for. Waits until the fake kubelet knows.
    #[track_caller]
    pub fn behind(&self, scene: &Scene<'_>) {
        for ordinal in 0..self.members() {
            self.put_behind(scene, ordinal);
        }
        let names = (0..self.members()).map(|ordinal| {
            let host = format!(
                "{}.{}.{}.svc.cluster.local",
                scene.pod_name(ordinal),
                headless_name(scene.name()),
                scene.namespace()
            );
            (host, POD_PORT, self.port(ordinal))
        });
        kubelet::write_names(scene.plane().folder(), scene.namespace(), names);
        for ordinal in 0..self.members() {
            self.wait_until_reached(scene, ordinal);
        }
    }

    /// Leaves all pods of the scene without curl and wget, but for probers.
    pub fn leave_pods_without_tools(&self, scene: &Scene<'_>) {
        kubelet::write_toolless(scene.plane().folder(), scene.namespace());
    }

    /// Leaves all pods of the scene without curl.
    pub fn leave_pods_without_curl(&self, scene: &Scene<'_>) {
        kubelet::write_curlless(scene.plane().folder(), scene.namespace());
    }

    fn put_behind(&self, scene: &Scene<'_>, ordinal: u32) {
        let pod = scene.pod_name(ordinal);
        let forward = json!({
            "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward",
            "metadata": {"name": format!("{}-{pod}", scene.namespace())},
            "spec": {
                "selector": {"matchNamespaces": [scene.namespace()], "matchNames": [pod]},
                "forwards": [{"ports": [POD_PORT], "target": {"address": "127.0.0.1", "port": self.port(ordinal)}}],
            },
        });
        let plane = scene.plane();
        plane
            .run(api::create(plane.client(), kubelet::FORWARDS, &forward))
            .unwrap_or_else(|e| panic!("lead the port-forward of {pod} to a ring: {e}"));
    }

    /// Waits for a connection that this member has taken.
    #[track_caller]
    fn wait_until_reached(&self, scene: &Scene<'_>, ordinal: u32) {
        let pod = scene.pod_name(ordinal);
        let plane = scene.plane();
        let pods = Api::<Pod>::namespaced(plane.client().clone(), scene.namespace());
        wait::wait_for(
            &format!("{pod} is reached through a port-forward"),
            wait::DEADLINE,
            || {
                let before = self.connections(ordinal);
                let asked = plane.run(async {
                    let mut forwarder = pods.portforward(&pod, &[POD_PORT]).await.map_err(|e| e.to_string())?;
                    let mut stream = forwarder.take_stream(POD_PORT).ok_or("no stream")?;
                    let question = b"GET /whoami HTTP/1.0\r\n\r\n";
                    stream.write_all(question).await.map_err(|e| e.to_string())?;
                    stream.read(&mut [0; 16]).await.map_err(|e| e.to_string())
                });
                match (asked, self.connections(ordinal) > before) {
                    (_, true) => Ok(()),
                    (asked, false) => Err(format!("{asked:?}")),
                }
            },
        );
    }
}
