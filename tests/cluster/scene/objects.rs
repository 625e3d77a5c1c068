//! Reading and changing the objects of a scene, typed or by name.

use super::workload::SCENE;
use super::{SILENT, Scene, workload};
use crate::cluster::api::{self, Scope};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

impl Scene<'_> {
    /// The pod of a shard; panics when there is none.
    #[track_caller]
    pub fn pod(&self, ordinal: u32) -> Pod {
        self.get(&self.pod_name(ordinal))
    }

    /// All shards' pods.
    pub fn pods(&self) -> Vec<Pod> {
        self.list(&format!("labelSelector=app={}", self.name))
    }

    /// The StatefulSet.
    pub fn set(&self) -> StatefulSet {
        self.get(&self.name)
    }

    /// The disruption budget.
    pub fn budget(&self) -> PodDisruptionBudget {
        self.get(&self.name)
    }

    /// The scene's nodes, by name.
    pub fn nodes(&self) -> Vec<Node> {
        self.list(&format!("labelSelector={SCENE}={}", self.namespace))
    }

    /// The name of the node that a shard is on; panics when it is on none.
    #[track_caller]
    pub fn node_of(&self, ordinal: u32) -> String {
        let pod = self.pod(ordinal);
        let node = pod.spec.and_then(|spec| spec.node_name);
        node.unwrap_or_else(|| panic!("{} is on no node", self.pod_name(ordinal)))
    }

    /// The volume of a shard's claim.
    #[track_caller]
    pub fn volume_of(&self, ordinal: u32) -> PersistentVolume {
        let claim: PersistentVolumeClaim = self.get(&format!("data-{}", self.pod_name(ordinal)));
        self.get(&claim.spec.and_then(|spec| spec.volume_name).expect("a bound claim"))
    }

    /// The uid of a shard's pod, None when there is no pod just now: tells a new pod from the one before.
    pub fn uid(&self, ordinal: u32) -> Option<String> {
        self.find::<Pod>(&self.pod_name(ordinal))?.metadata.uid
    }

    /// True when the shard's pod is Ready and not being deleted.
    pub fn is_ready(&self, ordinal: u32) -> bool {
        self.find::<Pod>(&self.pod_name(ordinal))
            .is_some_and(|pod| is_ready(&pod))
    }

    /// One object of a kind known at compile time; panics when it is not there.
    #[track_caller]
    pub fn get<K: Object>(&self, name: &str) -> K
    where
        K::Scope: Scope,
    {
        self.find(name)
            .unwrap_or_else(|| panic!("no {} {name} in {}", K::kind(&()), self.namespace))
    }

    /// One object, or None when there is no such object.
    #[track_caller]
    pub fn find<K: Object>(&self, name: &str) -> Option<K>
    where
        K::Scope: Scope,
    {
        match self.plane.run(api::get(self.plane.client(), &self.path::<K>(name))) {
            Ok(object) => Some(parse(object)),
            Err(e) if api::code(&e) == Some(404) => None,
            Err(e) => panic!("GET {} {name}: {e}", K::kind(&())),
        }
    }

    /// All objects of a kind, narrowed by a query such as `labelSelector=a=b` (or ""). Kinds without a namespace:
    /// those of the whole plane.
    #[track_caller]
    pub fn list<K: Object>(&self, query: &str) -> Vec<K>
    where
        K::Scope: Scope,
    {
        let path = format!("{}?{query}", api::path_of::<K>(&self.namespace));
        let list = self.plane.get(&path).unwrap_or_else(|e| panic!("{e}"));
        list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .cloned()
            .map(parse)
            .collect()
    }

    /// A strategic merge patch on an object.
    #[track_caller]
    pub fn patch<K: Object>(&self, name: &str, patch: Value) -> K
    where
        K::Scope: Scope,
    {
        let path = self.path::<K>(name);
        let patched = self.plane.run(api::strategic(self.plane.client(), &path, &patch));
        parse(patched.unwrap_or_else(|e| panic!("PATCH {path}: {e}")))
    }

    /// A strategic merge patch on an object's status: `json!({"status": …})`.
    #[track_caller]
    pub fn patch_status<K: Object>(&self, name: &str, patch: Value) -> K
    where
        K::Scope: Scope,
    {
        let path = format!("{}/status", self.path::<K>(name));
        let patched = self.plane.run(api::strategic(self.plane.client(), &path, &patch));
        parse(patched.unwrap_or_else(|e| panic!("PATCH {path}: {e}")))
    }

    /// Deletes an object without waiting until it is gone.
    #[track_caller]
    pub fn delete<K: Object>(&self, name: &str)
    where
        K::Scope: Scope,
    {
        let path = self.path::<K>(name);
        let deleted = self.plane.run(api::delete(self.plane.client(), &path, &json!({})));
        deleted.unwrap_or_else(|e| panic!("DELETE {path}: {e}"));
    }

    /// Creates an object of any kind, or makes it what is given; in the scene's namespace unless it names one.
    #[track_caller]
    pub fn apply(&self, object: Value) -> Value {
        let applied = self
            .plane
            .run(api::apply(self.plane.client(), &object, &self.namespace));
        applied.unwrap_or_else(|e| panic!("apply {} {}: {e}", object["kind"], object["metadata"]["name"]))
    }

    /// All objects of a kind named at run time: `("karpenter.sh/v1", "NodeClaim", "")`.
    #[track_caller]
    pub fn list_any(&self, api_version: &str, kind: &str, query: &str) -> Vec<Value> {
        let path = format!("{}?{query}", api::path_of_kind(api_version, kind, &self.namespace));
        let list = self.plane.get(&path).unwrap_or_else(|e| panic!("{e}"));
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// POSTs an eviction of the shard's pod; Err has the HTTP code and the server's words.
    pub fn evict(&self, ordinal: u32) -> Result<(), (u16, String)> {
        let pod = self.pod_name(ordinal);
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
        let path = format!("{}/eviction", self.path::<Pod>(&pod));
        let answer = self.plane.run(api::create(self.plane.client(), &path, &eviction));
        answer
            .map(drop)
            .map_err(|e| (api::code(&e).unwrap_or_default(), e.to_string()))
    }

    /// Makes a Ready shard unready, until its pod is made anew.
    pub fn make_unready(&self, ordinal: u32) {
        self.make_pod_unready(&self.pod_name(ordinal));
    }

    /// Makes a Ready pod unready, until it is made anew.
    pub fn make_pod_unready(&self, pod: &str) {
        // First the annotation, or the fake kubelet would make it Ready again at once.
        let was: Pod = self.patch(
            pod,
            json!({"metadata": {"annotations": {"test.shardctl.dev/behaviour": "unready"}}}),
        );
        let unready = |condition: &str| json!({"type": condition, "status": "False", "reason": "ContainersNotReady"});
        let mut containers = serde_json::to_value(was.status.and_then(|s| s.container_statuses)).unwrap_or_default();
        for container in containers.as_array_mut().into_iter().flatten() {
            container["ready"] = false.into();
        }
        let status =
            json!({"conditions": [unready("Ready"), unready("ContainersReady")], "containerStatuses": containers});
        self.patch_status::<Pod>(pod, json!({"status": status}));
    }

    /// Lets a node stop its heartbeat (`true`) or take it up again. Unknown after the plane's grace period.
    pub fn silence(&self, node: &str, silent: bool) {
        let value = if silent { json!("true") } else { Value::Null };
        self.patch::<Node>(node, json!({"metadata": {"labels": {SILENT: value}}}));
    }

    /// Cordons a node, or lets pods come again.
    pub fn cordon(&self, node: &str, cordoned: bool) {
        self.patch::<Node>(node, json!({"spec": {"unschedulable": cordoned}}));
    }

    /// From now on a node that Karpenter buys takes this long to register ("10s").
    #[track_caller]
    pub fn new_nodes_take(&self, delay: &str) {
        let path = format!("/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses/{}", self.namespace);
        let patch = json!({"spec": {"nodeRegistrationDelay": delay}});
        let patched = self.plane.run(api::merge(self.plane.client(), &path, &patch));
        patched.unwrap_or_else(|e| panic!("PATCH {path}: {e}"));
    }

    /// The shards on a node, highest ordinal first.
    pub fn shards_on(&self, node: &str) -> Vec<String> {
        let here = |pod: &Pod| {
            pod.spec
                .as_ref()
                .is_some_and(|spec| spec.node_name.as_deref() == Some(node))
        };
        let pods = self.pods().into_iter().filter(here);
        let mut names: Vec<String> = pods.filter_map(|pod| pod.metadata.name).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.rsplit('-').next().and_then(|n| n.parse::<u32>().ok())));
        names
    }

    /// What keeps the scene from being healthy, if anything.
    pub(super) fn unhealthy(&self) -> Option<String> {
        let set = self.set();
        let status = set.status.unwrap_or_default();
        let wanted = set.spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let pods = self.pods();
        let ready = pods.iter().filter(|pod| is_ready(pod)).count() as i32;
        let counts = (
            ready,
            status.ready_replicas.unwrap_or(0),
            status.available_replicas.unwrap_or(0),
        );
        if counts != (wanted, wanted, wanted) || status.observed_generation != set.metadata.generation {
            return Some(self.summary(&pods));
        }
        let budgets: Vec<PodDisruptionBudget> = self.list("");
        for budget in budgets {
            let seen = budget.status.unwrap_or_default();
            let healthy = seen.current_healthy.unwrap_or(0);
            if healthy != wanted || seen.observed_generation != budget.metadata.generation {
                return Some(format!("the disruption budget has seen {healthy} healthy of {wanted}"));
            }
        }
        self.unserved(&pods).or_else(|| self.unattached(&pods))
    }

    /// A pod that one of the Services' endpoint slices doesn't serve.
    fn unserved(&self, pods: &[Pod]) -> Option<String> {
        let slices: Vec<EndpointSlice> = self.list("");
        [workload::headless_name(&self.name), workload::entry_name(&self.name)]
            .iter()
            .find_map(|service| {
                let served = served(&slices, service);
                let unserved = pods.iter().find(|pod| {
                    let ip = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
                    !served.contains(&ip.unwrap_or_default())
                })?;
                let pod = unserved.metadata.name.as_deref().unwrap_or_default();
                Some(format!("no endpoint of {service} for {pod}"))
            })
    }

    /// How many pods each of the scene's Services serves just now: the headless one's number, and the entry's.
    pub fn served(&self) -> [usize; 2] {
        let slices: Vec<EndpointSlice> = self.list("");
        [workload::headless_name(&self.name), workload::entry_name(&self.name)]
            .map(|service| served(&slices, &service).len())
    }

    /// A pod whose volume is not attached to its node.
    fn unattached(&self, pods: &[Pod]) -> Option<String> {
        let claims: Vec<PersistentVolumeClaim> = self.list("");
        let attachments: Vec<VolumeAttachment> = self.list("");
        for pod in pods {
            let spec = pod.spec.as_ref()?;
            let used = spec
                .volumes
                .iter()
                .flatten()
                .filter_map(|v| Some(&v.persistent_volume_claim.as_ref()?.claim_name));
            for name in used {
                let claim = claims.iter().find(|claim| claim.metadata.name.as_ref() == Some(name))?;
                let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone());
                let attached = attachments.iter().any(|attachment| {
                    attachment.spec.source.persistent_volume_name == volume
                        && Some(&attachment.spec.node_name) == spec.node_name.as_ref()
                        && attachment.status.as_ref().is_some_and(|status| status.attached)
                });
                if !attached {
                    return Some(format!("the volume of {name} is not attached"));
                }
            }
        }
        None
    }

    /// The shards in a line each, for messages.
    pub(super) fn summary(&self, pods: &[Pod]) -> String {
        let line = |pod: &Pod| {
            let status = pod.status.clone().unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let why = conditions
                .iter()
                .filter(|c| c.status != "True")
                .filter_map(|c| c.message.clone().or(c.reason.clone()));
            let terminating = if pod.metadata.deletion_timestamp.is_some() {
                " terminating"
            } else {
                ""
            };
            let name = pod.metadata.name.clone().unwrap_or_default();
            let ready = if is_ready(pod) { " Ready" } else { "" };
            format!(
                "{name} {}{ready}{terminating} {}",
                status.phase.unwrap_or_default(),
                why.collect::<Vec<_>>().join("; ")
            )
        };
        let pods: Vec<String> = pods.iter().map(line).collect();
        format!(
            "in {}, {} shards wanted:\n  {}",
            self.namespace,
            self.shards,
            pods.join("\n  ")
        )
    }

    fn path<K: Object>(&self, name: &str) -> String
    where
        K::Scope: Scope,
    {
        format!("{}/{name}", api::path_of::<K>(&self.namespace))
    }
}

/// A kind of k8s-openapi.
pub trait Object: Resource<DynamicType = ()> + DeserializeOwned {}
impl<K: Resource<DynamicType = ()> + DeserializeOwned> Object for K {}

/// True when the pod is Ready and not being deleted.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

#[track_caller]
fn parse<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).expect("an object of the kind that was asked for")
}

impl Drop for Scene<'_> {
    /// Deletes all that lives, without waiting. Errors are left alone: the plane may be broken, which was the point. The
    /// namespace stays: to end one, the namespace controller asks for every kind there is, twice.
    fn drop(&mut self) {
        if std::env::var_os("SHARDCTL_TEST_KEEP_SCENES").is_some() {
            return;
        }
        let client = self.plane.client();
        let namespace = &self.namespace;
        let everything = format!("?labelSelector={SCENE}={namespace}");
        let now = json!({"gracePeriodSeconds": 0});
        // Whatever makes pods first.
        let within = [
            "apis/batch/v1:cronjobs",
            "apis/batch/v1:jobs",
            "apis/apps/v1:deployments",
            "apis/apps/v1:daemonsets",
            "apis/apps/v1:statefulsets",
            "api/v1:pods",
            "api/v1:persistentvolumeclaims",
            "api/v1:services",
            "apis/policy/v1:poddisruptionbudgets",
            "apis/autoscaling/v2:horizontalpodautoscalers",
        ];
        let within = within.map(|kind| kind.replace(':', &format!("/namespaces/{namespace}/")));
        let mut paths = within.map(|path| format!("/{path}")).to_vec();
        paths.extend([
            format!("/api/v1/nodes{everything}"),
            format!("/api/v1/persistentvolumes{everything}"),
            format!("/apis/rbac.authorization.k8s.io/v1/clusterroles{everything}"),
            format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings{everything}"),
            format!("/apis/storage.k8s.io/v1/storageclasses/{namespace}"),
            format!("/apis/scheduling.k8s.io/v1/priorityclasses/{namespace}"),
        ]);
        if self.plane.has_karpenter() {
            paths.insert(0, format!("/apis/karpenter.sh/v1/nodepools/{namespace}"));
            paths.push(format!("/apis/karpenter.sh/v1/nodeclaims{everything}"));
        }
        self.plane.run(async {
            let all = async {
                // Events of nodes lie with those of all other scenes, and whoever looks at one scene is sent them all.
                let nodes = api::get(client, &format!("/api/v1/nodes{everything}")).await;
                for path in &paths {
                    let _ = api::delete(client, path, &now).await;
                }
                for node in nodes
                    .iter()
                    .flat_map(|all| all["items"].as_array().into_iter().flatten())
                {
                    let name = node["metadata"]["name"].as_str().unwrap_or_default();
                    let of_node = format!("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={name}");
                    let _ = api::delete(client, &of_node, &now).await;
                }
            };
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), all).await;
        });
    }
}

/// The addresses that a Service's slices call serving and don't call unready or terminating.
fn served<'a>(slices: &'a [EndpointSlice], service: &str) -> Vec<&'a str> {
    let of_service = |slice: &&EndpointSlice| {
        let labels = slice.metadata.labels.as_ref();
        labels
            .and_then(|labels| labels.get("kubernetes.io/service-name"))
            .map(String::as_str)
            == Some(service)
    };
    let endpoints = slices
        .iter()
        .filter(of_service)
        .flat_map(|slice| slice.endpoints.iter().flatten());
    let serving = endpoints.filter(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.is_some_and(|c| c.serving == Some(true) && c.terminating != Some(true))
    });
    serving
        .flat_map(|endpoint| endpoint.addresses.iter().map(String::as_str))
        .collect()
}
