//! Which machine to order for a pod that has no place.
//!
//! What sizes there are, only the cloud knows: those of the nodes that are there, and what [`Plane::machines`] was told.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::POOL;
use crate::model::quantity::Amount;
use crate::sim::amounts::{Amounts, amounts};
use crate::sim::controllers::events::{By, say, warn};
use crate::sim::controllers::{Stage, Work, fit};
use crate::sim::json::{entry, is_leaving, list, map, name, number, set, text, texts, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, later};
use crate::sim::store::{Key, Object, Store};

const ZONE: &str = "topology.kubernetes.io/zone";
const SIZE: &str = "node.kubernetes.io/instance-type";

/// For how long further pods are waited for.
const BATCH: Duration = Duration::from_secs(1);

/// A machine on its way.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Ordered {
    /// Its node, as it will be.
    pub(super) node: Value,
    /// The pods that it was ordered for.
    pods: Vec<Object>,
}

/// Whether a pod waits for a node, and the scheduler has said that there is none.
pub(in crate::sim::controllers) fn waits(pod: &Value) -> bool {
    let unschedulable = list(pod, "/status/conditions").iter().any(|said| {
        text(said, "/type") == "PodScheduled"
            && text(said, "/reason") == "Unschedulable"
            && text(said, "/status") == "False"
    });
    unschedulable
        && text(pod, "/spec/nodeName").is_empty()
        && text(pod, "/status/nominatedNodeName").is_empty()
        && !is_leaving(pod)
}

/// Orders machines for the pods that wait.
pub(in crate::sim::controllers) fn provision(plane: &mut Plane, now: Timestamp) {
    let is_meant = |pod: &Object| {
        plane
            .ordered
            .values()
            .any(|ordered| ordered.pods.iter().any(|one| uid(one) == uid(pod)))
    };
    let all = plane.store.all(Kind::Pods, None);
    let mut pods: Vec<Object> = all.filter(|pod| waits(pod) && !is_meant(pod)).cloned().collect();
    if pods.is_empty() {
        plane.batch = None;
        return;
    }
    let due = *plane.batch.get_or_insert_with(|| later(now, BATCH));
    if due > now {
        return plane.plan(Work::Provision, due);
    }
    plane.batch = None;
    pods.sort_by_cached_key(|pod| (std::cmp::Reverse(memory(&pod.glance().requests)), name(pod).to_owned()));
    for pod in pods {
        match join(plane, &pod).map_or_else(|| order(plane, &pod, now), Ok) {
            Ok(claim) => {
                let message = format!("Pod should schedule on: nodeclaim/{claim}");
                say(plane, By::Karpenter, (Kind::Pods, &pod), "Nominated", &message, now);
            }
            Err(why) => {
                let message = format!("Failed to schedule pod, {why}");
                warn(
                    plane,
                    By::Karpenter,
                    (Kind::Pods, &pod),
                    "FailedScheduling",
                    &message,
                    now,
                );
            }
        }
    }
}

fn memory(amounts: &Amounts) -> Amount {
    amounts.get("memory").unwrap_or_default()
}

/// Has a machine that is on its way take the pod as well, where it can.
fn join(plane: &mut Plane, pod: &Object) -> Option<String> {
    let store = &plane.store;
    let meant = meant(plane);
    let found = plane.ordered.iter().find(|(_, ordered)| {
        let on_it: Vec<&Object> = ordered.pods.iter().collect();
        let apart = ordered
            .pods
            .iter()
            .any(|other| fit::keeps_apart(pod, other) || fit::keeps_apart(other, pod));
        !apart && against(store, pod, &ordered.node, &on_it, &meant).is_none()
    });
    let claim = found?.0.clone();
    plane.ordered.get_mut(&claim)?.pods.push(pod.clone());
    Some(claim)
}

/// The pods that machines were ordered for and that have no node yet.
fn meant(plane: &Plane) -> Vec<fit::Meant<'_>> {
    let of_each = plane.ordered.values().flat_map(|ordered| {
        let waiting = ordered.pods.iter().filter(|pod| {
            let now = plane.store.get(&Key::of(Kind::Pods, pod));
            now.is_some_and(|now| text(now, "/spec/nodeName").is_empty())
        });
        waiting.map(|pod| (&ordered.node, &**pod))
    });
    of_each.collect()
}

/// Why a pod can't run on a node that isn't there yet; none where it can.
fn against(store: &Store, pod: &Object, node: &Value, on_it: &[&Object], meant: &[fit::Meant<'_>]) -> Option<fit::Why> {
    fit::unwelcome(pod, &fit::Disks::of(store, pod), node)
        .or_else(|| {
            let allocatable = amounts(node, "/status/allocatable");
            fit::too_big(&pod.glance().requests, &fit::Room::of(&allocatable, on_it, &|_| false))
        })
        .or_else(|| fit::bad_company(store, pod, node, &|_| false))
        .or_else(|| fit::unbalanced(&fit::spreads(store, pod, meant), node))
}

/// Orders a machine for a pod; its name, or what each pool has against it.
fn order(plane: &mut Plane, pod: &Object, now: Timestamp) -> Result<String, String> {
    let mut pools: Vec<Object> = plane
        .store
        .all(Kind::NodePools, None)
        .filter(|pool| !is_leaving(pool))
        .cloned()
        .collect();
    pools.sort_by_key(|pool| std::cmp::Reverse(number(pool, "/spec/weight").unwrap_or(0)));
    let mut against = Vec::new();
    for pool in &pools {
        match choose(plane, pool, pod) {
            Ok(node) => return claim(plane, pool, pod, node, now).ok_or_else(|| "the order failed".to_owned()),
            Err(why) => against.push(why),
        }
    }
    Err(against.join("; "))
}

/// The sizes that are known: by name the labels and the room of such a node.
fn sizes(plane: &Plane) -> BTreeMap<String, Value> {
    let mut sizes = plane.machines.clone();
    for node in plane.store.all(Kind::Nodes, None) {
        if let Some(size) = entry(node, "/metadata/labels", SIZE) {
            sizes.entry(size.to_owned()).or_insert_with(|| {
                let about_the_size = |key: &str| key.starts_with("karpenter.azure.com/sku") || key.starts_with("karpenter.k8s.aws/");
                let labels: Map<String, Value> = texts(node, "/metadata/labels")
                    .filter(|(key, _)| about_the_size(key))
                    .map(|(key, value)| (key.to_owned(), json!(value)))
                    .collect();
                json!({"labels": labels, "allocatable": node["status"]["allocatable"], "capacity": node["status"]["capacity"]})
            });
        }
    }
    sizes
}

/// The cheapest node of a pool that would take the pod, or why there is none.
fn choose(plane: &Plane, pool: &Value, pod: &Object) -> Result<Value, String> {
    let template = &pool["spec"]["template"];
    let hard = list(template, "/spec/taints")
        .iter()
        .find(|taint| ["NoSchedule", "NoExecute"].contains(&text(taint, "/effect")) && !fit::tolerates(pod, taint));
    if let Some(taint) = hard {
        let [key, value, effect] = ["/key", "/value", "/effect"].map(|field| text(taint, field));
        return Err(format!("did not tolerate taint (taint={key}={value}:{effect})"));
    }
    let mut sizes: Vec<(String, Value)> = sizes(plane).into_iter().collect();
    // Without prices the smaller one counts as the cheaper one.
    sizes.sort_by_cached_key(|(name, size)| (memory(&amounts(size, "/allocatable")), name.clone()));
    let meant = meant(plane);
    let mut worst = Reason::Requirements;
    for (size, machine) in &sizes {
        for zone in zones(plane, pool) {
            let node = match candidate(pool, pod, (size, machine), &zone) {
                Some(node) => node,
                None => continue,
            };
            let why = match against(&plane.store, pod, &node, &[], &meant) {
                Some(why) => Reason::of(why),
                None if plane.sold_out.contains(&zone) => Reason::Offering,
                None if exceeds(plane, pool, &node) => Reason::Limits,
                None => return Ok(node),
            };
            worst = worst.max(why);
        }
    }
    Err(worst.words(name(pool)))
}

/// Why a pool has no machine for a pod; the last one that stood in the way is what is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    Requirements,
    DiskZone,
    Spread,
    Company,
    Resources,
    Offering,
    Limits,
}

impl Reason {
    fn of(why: fit::Why) -> Reason {
        if why.contains("PersistentVolume") {
            Reason::DiskZone
        } else if why.contains("Insufficient") || why.contains("Too many") {
            Reason::Resources
        } else if why.contains("spread") {
            Reason::Spread
        } else if why.contains("affinity rules") {
            Reason::Company
        } else {
            Reason::Requirements
        }
    }

    fn words(self, pool: &str) -> String {
        match self {
            Reason::Requirements => {
                format!("incompatible requirements, no instance type of nodepool {pool:?} meets them")
            }
            Reason::DiskZone => format!("incompatible volume requirements (NodePool={pool})"),
            Reason::Spread => {
                "unsatisfiable topology constraint for topology spread, key=topology.kubernetes.io/zone".to_owned()
            }
            Reason::Company => {
                "unsatisfiable topology constraint for pod anti-affinity, key=kubernetes.io/hostname".to_owned()
            }
            Reason::Resources => "no instance type has enough resources".to_owned(),
            Reason::Offering => {
                "no instance type which met the scheduling requirements and had enough resources, had a required \
                                 offering"
                    .to_owned()
            }
            Reason::Limits => format!("all available instance types exceed limits for nodepool (NodePool={pool})"),
        }
    }
}

/// The zones that a pool buys in; where it doesn't say, those that have nodes.
fn zones(plane: &Plane, pool: &Value) -> Vec<String> {
    let requirements = list(pool, "/spec/template/spec/requirements").iter();
    let mut said = requirements.filter(|one| text(one, "/key") == ZONE && text(one, "/operator") == "In");
    if let Some(said) = said.next() {
        return list(said, "/values")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
    }
    let nodes = plane.store.all(Kind::Nodes, None);
    let mut zones: Vec<String> = nodes
        .filter_map(|node| entry(node, "/metadata/labels", ZONE))
        .map(str::to_owned)
        .collect();
    zones.sort();
    zones.dedup();
    zones
}

/// The node that a machine would be; none where the pool doesn't buy such.
fn candidate(pool: &Value, pod: &Value, (size, machine): (&str, &Value), zone: &str) -> Option<Value> {
    let template = &pool["spec"]["template"];
    let mut labels = map(machine, "/labels").cloned().unwrap_or_default();
    labels.extend(map(template, "/metadata/labels").cloned().unwrap_or_default());
    for (key, value) in [
        (SIZE, size),
        (ZONE, zone),
        (POOL, name(pool)),
        ("kubernetes.io/os", "linux"),
        ("karpenter.sh/registered", "true"),
    ] {
        labels.insert(key.to_owned(), json!(value));
    }
    for one in list(template, "/spec/requirements") {
        let key = text(one, "/key");
        match labels.get(key).and_then(Value::as_str) {
            Some(found) if !fit::requirement(one, Some(found)) => return None,
            Some(_) => {}
            None if text(one, "/operator") == "In" => {
                let values = list(one, "/values");
                let wanted = entry(pod, "/spec/nodeSelector", key);
                let value = values
                    .iter()
                    .find(|value| value.as_str() == wanted)
                    .or(values.first())?;
                labels.insert(key.to_owned(), value.clone());
            }
            // What isn't known of the size can't speak against it.
            None => {}
        }
    }
    labels.entry("kubernetes.io/arch").or_insert_with(|| json!("amd64"));
    labels
        .entry("karpenter.sh/capacity-type")
        .or_insert_with(|| json!("on-demand"));
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let room = &machine["allocatable"];
    let capacity = if machine["capacity"].is_null() {
        room
    } else {
        &machine["capacity"]
    };
    Some(json!({"metadata": {"name": "", "labels": labels},
        "spec": {"taints": template.pointer("/spec/taints").cloned().unwrap_or_else(|| json!([]))},
        "status": {"allocatable": room, "capacity": capacity, "conditions": ready}}))
}

/// Whether the pool would hold more than it may.
fn exceeds(plane: &Plane, pool: &Value, node: &Value) -> bool {
    let limits = amounts(pool, "/spec/limits");
    let ours = |node: &Value| entry(node, "/metadata/labels", POOL) == Some(name(pool));
    let there = plane
        .store
        .all(Kind::Nodes, None)
        .map(|node| &**node)
        .filter(|node| ours(node));
    let coming = plane.ordered.values().map(|ordered| &ordered.node).filter(|node| {
        let registered = plane.store.get(&Key::wide(Kind::Nodes, name(node))).is_some();
        ours(node) && !registered
    });
    let mut total = amounts(node, "/status/capacity");
    for node in there.chain(coming) {
        total.add(&amounts(node, "/status/capacity"));
    }
    limits
        .iter()
        .any(|(resource, most)| total.get(resource).is_some_and(|total| total > most))
}

/// Writes the order.
fn claim(plane: &mut Plane, pool: &Value, pod: &Object, mut node: Value, now: Timestamp) -> Option<String> {
    let spec = &pool["spec"]["template"]["spec"];
    let labels = node["metadata"]["labels"].clone();
    let requirement = |key: &str| json!({"key": key, "operator": "In", "values": [labels[key]]});
    let owner = json!({"apiVersion": Kind::NodePools.api_version(), "kind": "NodePool", "name": name(pool), "uid": uid(pool),
        "blockOwnerDeletion": true});
    let mut made = json!({"metadata": {"generateName": format!("{}-", name(pool)), "labels": labels, "ownerReferences": [owner],
            "annotations": pool["spec"]["template"]["metadata"]["annotations"], "finalizers": ["karpenter.sh/termination"]},
        "spec": {"nodeClassRef": spec["nodeClassRef"], "requirements": [requirement(SIZE), requirement(ZONE)],
            "taints": node["spec"]["taints"]},
        "status": {"conditions": [{"type": "Launched", "status": "Unknown", "reason": "AwaitingReconciliation", "message": ""}]}});
    for field in ["startupTaints", "expireAfter", "terminationGracePeriod"] {
        if let Some(value) = spec.get(field) {
            set(&mut made, &["spec", field], value.clone());
        }
    }
    let made = plane.make(Kind::NodeClaims, "", made, now)?;
    let called = name(&made).to_owned();
    set(&mut node, &["metadata", "name"], json!(called));
    set(
        &mut node,
        &["metadata", "labels", "kubernetes.io/hostname"],
        json!(called),
    );
    let ordered = Ordered {
        node,
        pods: vec![pod.clone()],
    };
    plane.ordered.insert(called.clone(), ordered);
    let due = later(now, plane.pace.launch);
    plane.stages.insert(uid(&made).to_owned(), (Stage::Launching, due));
    plane.plan(Work::Machine(Key::wide(Kind::NodeClaims, &called)), due);
    Some(called)
}
