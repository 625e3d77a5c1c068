//! Machines that come and go with the pods, as Karpenter does it: ordered for pods that have no place, given back when empty.
//!
//! Source: sigs.k8s.io/karpenter, `pkg/controllers/{provisioning,nodeclaim/lifecycle,disruption,node/termination}`. Of
//! consolidation only that of empty nodes is played; drift and expiry aren't.

mod order;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::events::{By, warn};
use super::{Stage, Work};
use crate::sim::json::{
    condition, controller, entry, is_leaving, list, name, remove, set, set_condition, stamp, text, uid,
};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Deletion, Key, Object, Store};

pub(in crate::sim) use order::Ordered;
pub(super) use order::{provision, waits};

const POOL: &str = "karpenter.sh/nodepool";
const DISRUPTED: &str = "karpenter.sh/disrupted";

/// The order for the machine that a node runs on.
pub(super) fn machine_of(store: &Store, node: &str) -> Option<Key> {
    let mut claims = store.all(Kind::NodeClaims, None);
    claims
        .find(|claim| text(claim, "/status/nodeName") == node)
        .map(|claim| Key::of(Kind::NodeClaims, claim))
}

/// Looks at a machine that was ordered.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(claim) = plane.store.get(key).cloned() else {
        plane.ordered.remove(&key.name);
        return;
    };
    if is_leaving(&claim) {
        return terminate(plane, key, &claim, now);
    }
    let id = uid(&claim).to_owned();
    match plane.stages.get(&id).copied() {
        Some((_, due)) if due > now => {
            plane.plan(Work::Machine(key.clone()), due);
            if matches!(plane.stages.get(&id), Some((Stage::Empty, _))) && !is_empty(plane, &claim) {
                plane.stages.remove(&id);
            }
        }
        Some((Stage::Launching, _)) => {
            register(plane, key, &claim, now);
            begin(plane, key, &id, Stage::Initializing, later(now, plane.pace.initialize));
        }
        Some((Stage::Initializing, _)) => {
            plane.stages.remove(&id);
            initialize(plane, key, &claim, now);
        }
        Some(_) => {
            plane.stages.remove(&id);
            if is_empty(plane, &claim) && patience(&plane.store, &claim).is_some() {
                let _ = plane.store.delete(key, &Deletion::default(), &by_us(now));
            }
        }
        None if condition(&claim, "Initialized") == "True" => {
            if let Some(after) = patience(&plane.store, &claim).filter(|_| is_empty(plane, &claim)) {
                begin(plane, key, &id, Stage::Empty, later(now, after));
            }
        }
        // One that was on its way when the cluster was read: nobody knows for how long already.
        None if text(&claim, "/status/nodeName").is_empty() => {
            begin(plane, key, &id, Stage::Launching, later(now, plane.pace.launch));
        }
        None => begin(plane, key, &id, Stage::Initializing, later(now, plane.pace.initialize)),
    }
}

/// Says of a pool, or of a node class, that machines can be made by it; of one that was judged already nothing more is said.
pub(super) fn admit(plane: &mut Plane, key: &Key, now: Timestamp) {
    let judged = plane
        .store
        .get(key)
        .is_none_or(|found| !condition(found, "Ready").is_empty());
    if judged {
        return;
    }
    let kinds: &[&str] = match key.kind {
        Kind::NodePools => &["ValidationSucceeded", "NodeClassReady", "Ready"],
        _ => &["Ready"],
    };
    plane.change(key, now, |object| {
        for kind in kinds {
            set_condition(
                object,
                json!({"type": kind, "status": "True", "reason": kind, "message": ""}),
                now,
            );
        }
    });
}

fn begin(plane: &mut Plane, key: &Key, id: &str, stage: Stage, until: Timestamp) {
    plane.stages.insert(id.to_owned(), (stage, until));
    plane.plan(Work::Machine(key.clone()), until);
}

/// The machine is there, and its node says so.
fn register(plane: &mut Plane, key: &Key, claim: &Value, now: Timestamp) {
    let Some(ordered) = plane.ordered.get(&key.name) else {
        return;
    };
    let mut node = ordered.node.clone();
    let mut taints = list(&node, "/spec/taints").to_vec();
    taints.extend(list(claim, "/spec/startupTaints").iter().cloned());
    set(&mut node, &["spec", "taints"], Value::Array(taints));
    let reference = json!({"apiVersion": Kind::NodeClaims.api_version(), "kind": "NodeClaim", "name": key.name,
        "uid": uid(claim), "blockOwnerDeletion": true});
    set(&mut node, &["metadata", "ownerReferences"], json!([reference]));
    let unready =
        json!([{"type": "Ready", "status": "False", "reason": "KubeletNotReady", "lastTransitionTime": stamp(now)}]);
    set(&mut node, &["status", "conditions"], unready);
    let version = json!(plane.version);
    set(&mut node, &["status", "nodeInfo", "kubeletVersion"], version);
    let status = node["status"].clone();
    if plane.make(Kind::Nodes, "", node, now).is_none() {
        return;
    }
    plane.change(key, now, |claim| {
        set(claim, &["status", "nodeName"], json!(key.name));
        for amounts in ["allocatable", "capacity"] {
            set(claim, &["status", amounts], status[amounts].clone());
        }
        for kind in ["Launched", "Registered"] {
            set_condition(
                claim,
                json!({"type": kind, "status": "True", "reason": kind, "message": ""}),
                now,
            );
        }
    });
}

/// The node is ready for pods.
fn initialize(plane: &mut Plane, key: &Key, claim: &Value, now: Timestamp) {
    let node = Key::wide(Kind::Nodes, text(claim, "/status/nodeName"));
    let startup = list(claim, "/spec/startupTaints").to_vec();
    plane.change(&node, now, |node| {
        let taints: Vec<Value> = list(node, "/spec/taints")
            .iter()
            .filter(|taint| !startup.contains(taint))
            .cloned()
            .collect();
        set(node, &["spec", "taints"], Value::Array(taints));
        set(node, &["metadata", "labels", "karpenter.sh/initialized"], json!("true"));
        set_condition(
            node,
            json!({"type": "Ready", "status": "True", "reason": "KubeletReady"}),
            now,
        );
    });
    plane.change(key, now, |claim| {
        for kind in ["Initialized", "Ready"] {
            set_condition(
                claim,
                json!({"type": kind, "status": "True", "reason": kind, "message": ""}),
                now,
            );
        }
    });
    plane.ordered.remove(&key.name);
}

/// The pods on a node that make it one that is needed.
fn needing<'a>(store: &'a Store, node: &'a str) -> impl Iterator<Item = &'a Object> {
    let pods = store.all(Kind::Pods, None);
    pods.filter(move |pod| {
        let of_every_node = controller(pod).is_some_and(|owner| ["DaemonSet", "Node"].contains(&text(owner, "/kind")));
        let ended = ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"));
        let here = [text(pod, "/spec/nodeName"), text(pod, "/status/nominatedNodeName")].contains(&node);
        here && !of_every_node && !ended
    })
}

fn is_empty(plane: &Plane, claim: &Value) -> bool {
    let node = text(claim, "/status/nodeName");
    !plane.reserved.values().any(|reserved| reserved == node) && needing(&plane.store, node).next().is_none()
}

/// How long an empty machine is kept; none where it isn't given back at all.
fn patience(store: &Store, claim: &Value) -> Option<Duration> {
    let node = store.get(&Key::wide(Kind::Nodes, text(claim, "/status/nodeName")))?;
    if entry(node, "/metadata/annotations", "karpenter.sh/do-not-disrupt") == Some("true") {
        return None;
    }
    let pool = entry(claim, "/metadata/labels", POOL)?;
    let pool = store.get(&Key::wide(Kind::NodePools, pool))?;
    let mut budgets = list(pool, "/spec/disruption/budgets").iter();
    let shut = budgets.any(|budget| {
        let reasons = list(budget, "/reasons");
        let all_day = text(budget, "/schedule").is_empty();
        let about_us = reasons.is_empty() || reasons.iter().any(|reason| reason == "Empty");
        ["0", "0%"].contains(&text(budget, "/nodes")) && all_day && about_us
    });
    if shut {
        return None;
    }
    span(text(pool, "/spec/disruption/consolidateAfter"))
}

/// `1h30m`, `30s`; `Never` is none.
fn span(words: &str) -> Option<Duration> {
    let mut total = 0;
    let mut number = String::new();
    for letter in words.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total += unit * number.parse::<u64>().ok()?;
        number.clear();
    }
    (number.is_empty() && !words.is_empty()).then(|| Duration::from_secs(total))
}

/// Gives a machine back: no new pods, the present ones evicted, their disks taken off.
fn terminate(plane: &mut Plane, key: &Key, claim: &Value, now: Timestamp) {
    let node = text(claim, "/status/nodeName").to_owned();
    let home = Key::wide(Kind::Nodes, &node);
    if let Some(found) = plane.store.get(&home).cloned() {
        let mut taints = list(&found, "/spec/taints").to_vec();
        if taints.iter().all(|taint| text(taint, "/key") != DISRUPTED) {
            taints.push(json!({"key": DISRUPTED, "effect": "NoSchedule"}));
            plane.change(&home, now, |node| set(node, &["spec", "taints"], Value::Array(taints)));
        }
        let pods: Vec<Object> = needing(&plane.store, &node).cloned().collect();
        let mut refused = false;
        for pod in pods.iter().filter(|pod| !is_leaving(pod)) {
            let at = Key::of(Kind::Pods, pod);
            if let Err(why) = crate::sim::api::by_budget(&mut plane.store, &at, &Deletion::default(), &by_us(now)) {
                let message = format!("Cannot disrupt Node: {}", why.message);
                warn(
                    plane,
                    By::Karpenter,
                    (Kind::Nodes, &found),
                    "DisruptionBlocked",
                    &message,
                    now,
                );
                refused = true;
            }
        }
        if refused {
            plane.plan_in(Work::Machine(key.clone()), now, plane.pace.retry);
        }
        let mut attached = plane.store.all(Kind::VolumeAttachments, None);
        let has_disks = attached.any(|found| text(found, "/spec/nodeName") == node);
        drop(attached);
        if !pods.is_empty() || has_disks {
            return;
        }
        plane.change(&home, now, |node| drop(remove(node, &["metadata", "finalizers"])));
        let _ = plane.store.delete(&home, &Deletion::default(), &by_us(now));
    }
    plane.change(key, now, |claim| drop(remove(claim, &["metadata", "finalizers"])));
    if plane.store.get(key).is_some_and(|claim| !name(claim).is_empty()) {
        let _ = plane.store.delete(key, &Deletion::default(), &by_us(now));
    }
}

#[cfg(test)]
mod tests;
