//! What a scene consists of, and how it comes to be.

use super::workload::{POOL, SCENE, STABLE_POOL, stable_taint, stateful_set, surroundings};
use super::{Scene, nodes};
use crate::cluster::disks::ATTACH_LIMIT;
use crate::cluster::plane::Plane;
use crate::cluster::{api, karpenter, kubeconfig, wait};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use serde_json::{Value, json};

/// The value of the scene's disruption budget.
#[derive(Clone)]
pub enum Budget {
    /// `minAvailable`: a number of pods.
    MinAvailable(u32),
    /// `maxUnavailable`: a number of pods.
    MaxUnavailable(u32),
    /// `minAvailable` in percent.
    MinAvailablePercent(u32),
}

impl Budget {
    pub(super) fn fields(&self) -> Value {
        match self {
            Self::MinAvailable(pods) => json!({"minAvailable": pods}),
            Self::MaxUnavailable(pods) => json!({"maxUnavailable": pods}),
            Self::MinAvailablePercent(percent) => json!({"minAvailable": format!("{percent}%")}),
        }
    }
}

/// A scene that has not started. Everything has a healthy default.
#[derive(Clone)]
pub struct SceneBuilder {
    pub(super) name: String,
    pub(super) shards: u32,
    pub(super) image: String,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) stable: bool,
    pub(super) publish_not_ready: bool,
    pub(super) budget: Option<Budget>,
    pub(super) disk_zone_key: String,
    pub(super) template_patch: Value,
    pub(super) set_patch: Value,
    zones: Vec<String>,
    nodes_per_zone: Option<u32>,
    node_cpu: String,
    node_memory: String,
    attach_limit: u32,
    karpenter: Option<(String, String)>,
    together: u32,
    pool_patch: Value,
    ready: bool,
}

impl SceneBuilder {
    pub(super) fn new(shards: u32) -> Self {
        Self {
            name: "shard".into(),
            shards,
            image: "registry.example/shard:1.0".into(),
            cpu: "1".into(),
            memory: "8Gi".into(),
            stable: false,
            publish_not_ready: false,
            budget: Some(Budget::MinAvailable(shards)),
            disk_zone_key: "topology.kubernetes.io/zone".into(),
            template_patch: json!({}),
            set_patch: json!({}),
            zones: karpenter::ZONES.map(String::from).to_vec(),
            nodes_per_zone: None,
            node_cpu: "16".into(),
            node_memory: "128Gi".into(),
            attach_limit: 16,
            karpenter: None,
            together: 0,
            pool_patch: json!({}),
            ready: true,
        }
    }

    /// The StatefulSet's name (default "shard").
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The zones that nodes are in (default: three).
    pub fn zones<const N: usize>(mut self, zones: [&str; N]) -> Self {
        self.zones = zones.map(String::from).to_vec();
        self
    }

    /// Nodes in each zone (default: as many as give every shard a node of its own).
    pub fn nodes_per_zone(mut self, nodes: u32) -> Self {
        self.nodes_per_zone = Some(nodes);
        self
    }

    /// So many shards, the lowest, share the first node; the others are on other nodes. For scenes in one zone: a disk
    /// doesn't leave its zone, and shards that are spread over zones wouldn't come together.
    pub fn together(mut self, shards: u32) -> Self {
        self.together = shards;
        self
    }

    /// What a node has to give, as Kubernetes quantities (default 16 and 128Gi).
    pub fn node_size(mut self, cpu: &str, memory: &str) -> Self {
        (self.node_cpu, self.node_memory) = (cpu.into(), memory.into());
        self
    }

    /// How many disks a node takes (default 16).
    pub fn attach_limit(mut self, disks: u32) -> Self {
        self.attach_limit = disks;
        self
    }

    /// What a shard asks for, request and limit alike (default 1 and 8Gi).
    pub fn shard_size(mut self, cpu: &str, memory: &str) -> Self {
        (self.cpu, self.memory) = (cpu.into(), memory.into());
        self
    }

    /// The shards' image. Its end may name a behaviour: `…:2.0-unready` (README.md has the table).
    pub fn image(mut self, image: &str) -> Self {
        self.image = image.into();
        self
    }

    /// An annotation of the pod template: the behaviours under `test.shardctl.dev/`.
    pub fn annotation(self, key: &str, value: &str) -> Self {
        self.template(json!({"metadata": {"annotations": {key: value}}}))
    }

    /// A JSON merge patch on the pod template.
    pub fn template(mut self, patch: Value) -> Self {
        api::merge_into(&mut self.template_patch, &patch);
        self
    }

    /// A JSON merge patch on the whole StatefulSet.
    pub fn stateful_set(mut self, patch: Value) -> Self {
        api::merge_into(&mut self.set_patch, &patch);
        self
    }

    /// The stable phase: do-not-disrupt, a tainted pool that the shards tolerate and require.
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    /// The budget's value (default: minAvailable = all shards).
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// No disruption budget at all.
    pub fn no_budget(mut self) -> Self {
        self.budget = None;
        self
    }

    /// The headless Service publishes shards that are not ready, too.
    pub fn publish_not_ready_addresses(mut self) -> Self {
        self.publish_not_ready = true;
        self
    }

    /// The label key in the disks' node affinity (default `topology.kubernetes.io/zone`; every node of a scene
    /// has `topology.disk.csi.azure.com/zone` too).
    pub fn disk_zone_key(mut self, key: &str) -> Self {
        self.disk_zone_key = key.into();
        self
    }

    /// No nodes beforehand: Karpenter buys them, of this size ("Standard_E16s_v5"), each `delay` ("1s") after it
    /// was ordered. Starts on the plane that has Karpenter.
    pub fn on_karpenter(mut self, instance_type: &str, delay: &str) -> Self {
        self.karpenter = Some((instance_type.into(), delay.into()));
        self
    }

    /// A JSON merge patch on the pool that Karpenter buys the nodes for, made before the first node is bought.
    pub fn pool(mut self, patch: Value) -> Self {
        api::merge_into(&mut self.pool_patch, &patch);
        self
    }

    /// Does not wait for the shards: for scenes that start broken.
    pub fn without_waiting(mut self) -> Self {
        self.ready = false;
        self
    }

    /// Starts on the shared plane and waits until all is Ready.
    #[track_caller]
    pub fn start(self) -> Scene<'static> {
        let plane = if self.karpenter.is_some() {
            Plane::with_karpenter()
        } else {
            Plane::shared()
        };
        self.start_on(plane)
    }

    /// Starts on this plane and waits until all is Ready.
    #[track_caller]
    pub fn start_on(self, plane: &Plane) -> Scene<'_> {
        assert!(
            self.karpenter.is_none() || plane.has_karpenter(),
            "this plane has no Karpenter"
        );
        let namespace = plane.next_scene();
        let home = tempfile::tempdir().expect("a temporary folder");
        let admin = plane.authority().client("admin", &["system:masters"]);
        let server = format!("https://127.0.0.1:{}", plane.api_port());
        let file = home.path().join("kubeconfig");
        let kubeconfig = kubeconfig::write(&file, &server, &plane.authority().certificate, &admin, &namespace);
        let scene = Scene {
            plane,
            namespace,
            name: self.name.clone(),
            shards: self.shards,
            kubeconfig,
            home,
        };
        plane
            .run(self.create(plane, &scene.namespace))
            .unwrap_or_else(|e| panic!("create {}: {e}", scene.namespace));
        if self.together > 0 {
            self.bring_together(&scene);
        }
        if self.ready {
            scene.wait_until_healthy();
        }
        scene
    }

    async fn create(&self, plane: &Plane, namespace: &str) -> kube::Result<()> {
        let client = plane.client();
        let new = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        make(client, "/api/v1/namespaces", &new).await?;
        for object in self.capacity(namespace).iter().chain(&surroundings(self, namespace)) {
            let kind = object["kind"].as_str().unwrap_or_default();
            let path = api::path_of_kind(object["apiVersion"].as_str().unwrap_or_default(), kind, namespace);
            let made = make(client, &path, object).await?;
            if object["spec"]["type"] == "LoadBalancer" {
                let name = made["metadata"]["name"].as_str().unwrap_or_default();
                let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}});
                api::merge(client, &format!("{path}/{name}/status"), &status).await?;
            }
        }
        // The StatefulSet controller would back off when it comes before the service account, and the scheduler would put
        // all shards where the first node is ready: to a spread that honours taints, the others don't exist yet.
        let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        let nodes = format!("/api/v1/nodes?labelSelector={SCENE}={namespace}");
        wait::until("a scene's nodes are ready", async || {
            api::get(client, &account).await.map_err(|e| e.to_string())?;
            let nodes = api::get(client, &nodes).await.map_err(|e| e.to_string())?;
            let waits = |node: &&Value| {
                let taints = node["spec"]["taints"].as_array();
                taints.into_iter().flatten().any(|taint| {
                    taint["key"]
                        .as_str()
                        .is_some_and(|key| key.starts_with("node.kubernetes.io/"))
                }) || node["status"]["nodeInfo"]["kubeletVersion"] == ""
            };
            let waiting = nodes["items"].as_array().into_iter().flatten().find(waits);
            waiting.map_or(Ok(()), |node| Err(node["metadata"]["name"].to_string()))
        })
        .await;
        let path = api::path_of_kind("apps/v1", "StatefulSet", namespace);
        let mut set = stateful_set(self, namespace);
        if self.together > 0 {
            set["spec"]["replicas"] = json!(0);
        }
        make(client, &path, &set).await.map(drop)
    }

    /// Lets the first shards come while all nodes but one are cordoned, and then the others while that one is.
    #[track_caller]
    fn bring_together(&self, scene: &Scene<'_>) {
        let names = scene.nodes().into_iter().filter_map(|node| node.metadata.name);
        let names: Vec<String> = names.collect();
        let (first, rest) = names.split_first().expect("nodes");
        let come = |shards: u32| {
            scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": shards}}));
            scene.wait_until("the shards have nodes", |scene| {
                let placed = |pod: &&Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
                scene.pods().iter().filter(placed).count() == shards as usize
            });
        };
        rest.iter().for_each(|name| scene.cordon(name, true));
        come(self.together);
        rest.iter().for_each(|name| scene.cordon(name, false));
        scene.cordon(first, true);
        come(self.shards);
        scene.cordon(first, false);
        for ordinal in 0..self.together {
            assert_eq!(scene.node_of(ordinal), *first, "shard {ordinal} is with the first");
        }
    }

    /// The nodes, or what makes Karpenter buy them.
    fn capacity(&self, namespace: &str) -> Vec<Value> {
        let mut labels = json!({SCENE: namespace});
        let mut taints = Vec::new();
        if self.stable {
            labels[POOL] = STABLE_POOL.into();
            taints.push(stable_taint());
        }
        if let Some((instance_type, delay)) = &self.karpenter {
            let class = karpenter::node_class(namespace, delay);
            let mut pool = karpenter::node_pool(namespace, &labels, &taints, instance_type, &self.zones);
            api::merge_into(&mut pool, &self.pool_patch);
            return vec![class, pool];
        }
        let zones = self.zones.len().max(1) as u32;
        let per_zone = self
            .nodes_per_zone
            .unwrap_or_else(|| self.shards.div_ceil(zones).max(1));
        let places = self
            .zones
            .iter()
            .flat_map(|zone| (0..per_zone).map(move |index| (zone, index)));
        let node = |(zone, index): (&String, u32)| {
            let name = format!("{namespace}-{zone}-{index}");
            let mut node = nodes::node(&name, &labels, &taints, zone, &self.node_cpu, &self.node_memory);
            node["metadata"]["annotations"][ATTACH_LIMIT] = self.attach_limit.to_string().into();
            node
        };
        places.map(node).collect()
    }
}

/// Creates an object, also where etcd was too slow to say whether it did: that a machine stalled isn't the scene's failure.
async fn make(client: &Client, path: &str, object: &Value) -> kube::Result<Value> {
    let first = api::create(client, path, object).await;
    if !matches!(&first, Err(kube::Error::Api(status)) if status.message.contains("etcdserver:")) {
        return first;
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    wait::until("etcd says whether an object was made", async || {
        match api::create(client, path, object).await {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            made => made.map(drop).map_err(|e| e.to_string()),
        }
    })
    .await;
    api::get(client, &format!("{path}/{name}")).await
}
