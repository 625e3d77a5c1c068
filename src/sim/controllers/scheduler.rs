//! The scheduler: a node for each pod, or the reason why there is none; and room made by pods of lower priority.
//!
//! Source: `pkg/scheduler`. Among the nodes that fit it takes the one with the most memory left, then the first by name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::quantity::Amount;
use crate::sim::amounts::Amounts;
use crate::sim::controllers::events::{By, say, warn};
use crate::sim::controllers::{Work, claims_of, fit};
use crate::sim::json::{entry, is_leaving, name, namespace, number, set, set_condition, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Common, Deletion, Key, Object, Store};

/// The annotation that tells whoever makes volumes on which node its first consumer will run.
pub(super) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Looks for a node for a pod.
pub(super) fn place(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(pod) = plane.store.get(key).cloned() else {
        return;
    };
    let ours = ["", "default-scheduler"].contains(&text(&pod, "/spec/schedulerName"));
    if !ours || !text(&pod, "/spec/nodeName").is_empty() || is_leaving(&pod) {
        return;
    }
    let unbound = match claims(&plane.store, &pod) {
        Ok(unbound) => unbound,
        Err(why) => return unschedulable(plane, key, &why, now),
    };
    let field = Field::of(plane, &pod);
    let reserved = plane.reserved.get(uid(&pod)).map(String::as_str);
    let Some(node) = field.best(reserved).map(|node| name(node).to_owned()) else {
        let words = field.words();
        let victims = field.victims();
        unschedulable(plane, key, &words, now);
        if let Some((node, victims)) = victims {
            preempt(plane, key, &node, &victims, now);
        }
        return;
    };
    if !unbound.is_empty() {
        // The volumes come first; the claim that is bound brings the pod back here. Its room is kept for it.
        plane.reserved.insert(uid(&pod).to_owned(), node.clone());
        for claim in unbound {
            let claim = Key::new(Kind::Claims, &key.namespace, &claim);
            plane.change(&claim, now, |claim| {
                set(claim, &["metadata", "annotations", SELECTED_NODE], json!(node));
            });
        }
        return;
    }
    plane.reserved.remove(uid(&pod));
    let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
    say(plane, By::Scheduler, (Kind::Pods, &pod), "Scheduled", &message, now);
    plane.change(key, now, |pod| {
        set(pod, &["spec", "nodeName"], json!(node));
        crate::sim::json::remove(pod, &["status", "nominatedNodeName"]);
        set_condition(pod, json!({"type": "PodScheduled", "status": "True"}), now);
    });
}

/// The claims that wait for a node before they are bound.
fn claims(store: &Store, pod: &Value) -> Result<Vec<String>, String> {
    let mut unbound = Vec::new();
    for called in claims_of(pod) {
        let Some(claim) = store.get(&Key::new(Kind::Claims, namespace(pod), called)) else {
            return Err(format!("persistentvolumeclaim \"{called}\" not found"));
        };
        if is_leaving(claim) {
            return Err(format!("persistentvolumeclaim \"{called}\" is being deleted"));
        }
        if text(claim, "/status/phase") == "Bound" {
            continue;
        }
        let class = store.get(&Key::wide(Kind::StorageClasses, text(claim, "/spec/storageClassName")));
        if class.is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer") {
            unbound.push(called.to_owned());
        } else {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(unbound)
}

/// What a pod's placement is judged by.
struct Field<'a> {
    store: &'a Store,
    pod: &'a Object,
    wanted: &'a Amounts,
    disks: fit::Disks<'a>,
    spreads: Vec<fit::Spread<'a>>,
    /// The pods that have no node yet and are to go to one, by its name.
    meant: BTreeMap<&'a str, Vec<&'a Object>>,
}

impl<'a> Field<'a> {
    fn of(plane: &'a Plane, pod: &'a Object) -> Field<'a> {
        let store = &plane.store;
        let mut meant: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        let mut reserving: Vec<fit::Meant<'_>> = Vec::new();
        let ours = priority(pod);
        let waiting = store.sharing(Common::Node, "").filter(|(_, marks)| !marks.ended);
        for other in waiting.filter_map(|(other, _)| store.get(other)) {
            if other.glance().uid == pod.glance().uid {
                continue;
            }
            let reserved = plane.reserved.get(uid(other)).map(String::as_str).unwrap_or_default();
            if !reserved.is_empty() {
                let at = store.get(&Key::wide(Kind::Nodes, reserved));
                reserving.extend(at.map(|at| (&**at, &**other)));
            }
            let node = match reserved {
                // Room that is promised to a pod of at least our priority isn't ours.
                "" if priority(other) >= ours => text(other, "/status/nominatedNodeName"),
                reserved => reserved,
            };
            if !node.is_empty() {
                meant.entry(node).or_default().push(other);
            }
        }
        Field {
            store,
            pod,
            wanted: &pod.glance().requests,
            disks: fit::Disks::of(store, pod),
            spreads: fit::spreads(store, pod, &reserving),
            meant,
        }
    }

    /// Why the pod can't run on a node as long as the pods that `but` names don't count; none where it can.
    fn against(&self, node: &Object, but: &dyn Fn(&Object) -> bool) -> Option<fit::Why> {
        if let Some(why) = fit::unwelcome(self.pod, &self.disks, node) {
            return Some(why);
        }
        if !node.glance().ready {
            return Some("node(s) had untolerated taint(s)");
        }
        let room = fit::Room::of(&node.glance().allocatable, &self.on(node), but);
        fit::too_big(self.wanted, &room)
            .or_else(|| fit::bad_company(self.store, self.pod, node, but))
            .or_else(|| fit::unbalanced(&self.spreads, node))
    }

    /// The pods that take of a node's room, by namespace and name.
    fn on(&self, node: &Object) -> Vec<&'a Object> {
        let node = &*node.glance().name;
        let here = self.store.sharing(Common::Node, node);
        let here = here.filter(|(_, marks)| !marks.ended);
        let mut on: Vec<&Object> = here.filter_map(|(pod, _)| self.store.get(pod)).collect();
        if let Some(meant) = self.meant.get(node) {
            on.extend(meant);
            on.sort_by_key(|pod| (&pod.glance().namespace, &pod.glance().name));
        }
        on
    }

    /// The memory that is left on a node.
    fn left(&self, node: &Object) -> Amount {
        let seen = node.glance();
        let Some(all) = seen.allocatable.get("memory") else {
            return Amount::ZERO;
        };
        let meant = self.meant.get(&*seen.name).into_iter().flatten();
        let meant = meant.filter_map(|pod| pod.glance().requests.get("memory"));
        meant.fold(all.minus(self.store.memory_on(&seen.name)), |left, taken| {
            left.minus(taken)
        })
    }

    /// The node for the pod: the one that is reserved for it, else the one with the most memory left. They are tried in that
    /// order: as a rule one of the first fits, and the others needn't be looked into.
    fn best(&self, reserved: Option<&str>) -> Option<&'a Object> {
        let mut nodes: Vec<(Amount, &Object)> = self
            .store
            .all(Kind::Nodes, None)
            .map(|node| (self.left(node), node))
            .collect();
        let is_reserved = |node: &Object| reserved == Some(&*node.glance().name);
        nodes.sort_by_key(|(left, node)| (!is_reserved(node), std::cmp::Reverse(*left)));
        let mut nodes = nodes.into_iter().map(|(_, node)| node);
        nodes.find(|node| self.against(node, &|_| false).is_none())
    }

    /// Why no node fits: how many don't, by the reason.
    fn words(&self) -> String {
        let mut reasons: BTreeMap<fit::Why, usize> = BTreeMap::new();
        let mut total = 0;
        for node in self.store.all(Kind::Nodes, None) {
            total += 1;
            if let Some(why) = self.against(node, &|_| false) {
                *reasons.entry(why).or_default() += 1;
            }
        }
        let each: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
        if each.is_empty() {
            return "no nodes available to schedule pods".to_owned();
        }
        format!("0/{total} nodes are available: {}.", each.join(", "))
    }

    /// The node where the fewest pods of lower priority have to go, and which.
    fn victims(&self) -> Option<(String, Vec<Key>)> {
        if text(self.pod, "/spec/preemptionPolicy") == "Never" {
            return None;
        }
        let ours = priority(self.pod);
        let nodes = self.store.all(Kind::Nodes, None);
        let candidates = nodes.filter_map(|node| {
            let lower = |pod: &Object| priority(pod) < ours;
            if self.against(node, &lower).is_some() {
                return None;
            }
            let mut victims = self.on(node);
            victims.retain(|pod| lower(pod));
            // As many as possible stay, those of the highest priority first.
            victims.sort_by_key(|pod| std::cmp::Reverse(priority(pod)));
            let mut going: Vec<&str> = victims.iter().map(|pod| uid(pod)).collect();
            for pod in &victims {
                let without: Vec<&str> = going.iter().filter(|gone| **gone != uid(pod)).copied().collect();
                if self
                    .against(node, &|other| without.contains(&&*other.glance().uid))
                    .is_none()
                {
                    going = without;
                }
            }
            victims.retain(|pod| going.contains(&uid(pod)));
            let keys: Vec<Key> = victims.iter().map(|pod| Key::of(Kind::Pods, pod)).collect();
            (!keys.is_empty()).then(|| (keys.len(), name(node).to_owned(), keys))
        });
        candidates.min().map(|(_, node, victims)| (node, victims))
    }
}

fn priority(pod: &Value) -> i64 {
    number(pod, "/spec/priority").unwrap_or(0)
}

fn preempt(plane: &mut Plane, key: &Key, node: &str, victims: &[Key], now: Timestamp) {
    for victim in victims {
        // One that is leaving already keeps the time that it has.
        if plane.store.get(victim).is_some_and(|pod| !is_leaving(pod)) {
            let _ = plane.store.delete(victim, &Deletion::default(), &by_us(now));
        }
    }
    plane.change(key, now, |pod| set(pod, &["status", "nominatedNodeName"], json!(node)));
}

fn unschedulable(plane: &mut Plane, key: &Key, why: &str, now: Timestamp) {
    let said = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why});
    plane.change(key, now, |pod| set_condition(pod, said, now));
    if let Some(pod) = plane.store.get(key).cloned() {
        warn(plane, By::Scheduler, (Kind::Pods, &pod), "FailedScheduling", why, now);
    }
    plane.plan_in(Work::Place(key.clone()), now, plane.pace.retry);
}

/// The node that a claim's first consumer will run on.
pub(super) fn selected_node(claim: &Value) -> Option<&str> {
    entry(claim, "/metadata/annotations", SELECTED_NODE)
}

#[cfg(test)]
mod tests;
