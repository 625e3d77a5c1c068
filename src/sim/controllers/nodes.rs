//! Node lifecycle: a node that has gone silent is tainted, and its pods are taken away when they tolerate that no longer.
//!
//! Source: `pkg/controller/nodelifecycle`, `pkg/controller/tainteviction`. A pod on a silent node is only marked: nobody is there
//! to stop it, and it stays until somebody is, or until it is deleted by force: which is what the garbage collector of pods does
//! (`pkg/controller/podgc`) on a node that was declared out of service.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::controllers::{Work, fit};
use crate::sim::json::{condition, is_leaving, list, moment, number, set, set_condition, stamp, text};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Common, Deletion, Key, Object, Store};

const SILENT: &str = "node.kubernetes.io/unreachable";
const UNWELL: &str = "node.kubernetes.io/not-ready";

const OFF: &str = "node.kubernetes.io/out-of-service";

/// How often the garbage collector looks, in seconds.
const COLLECTED: i64 = 20;

/// How long a pod stays that says nothing of it: what admission writes into every pod.
const TOLERATED: i64 = 300;

/// Looks at a node, and at the pods on it.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(node) = plane.store.get(key).cloned() else {
        return;
    };
    let wanted = match condition(&node, "Ready") {
        "True" => None,
        "False" => Some(UNWELL),
        _ => Some(SILENT),
    };
    let ours = |taint: &Value| [SILENT, UNWELL].contains(&text(taint, "/key"));
    let before = list(&node, "/spec/taints");
    let mut taints: Vec<Value> = before
        .iter()
        .filter(|taint| !ours(taint) || Some(text(taint, "/key")) == wanted)
        .cloned()
        .collect();
    if let Some(taint) = wanted {
        for effect in ["NoSchedule", "NoExecute"] {
            let there = |found: &Value| text(found, "/key") == taint && text(found, "/effect") == effect;
            if !taints.iter().any(there) {
                taints.push(json!({"key": taint, "effect": effect, "timeAdded": stamp(now)}));
            }
        }
    }
    if taints != before {
        plane.change(key, now, |node| set(node, &["spec", "taints"], json!(taints)));
    }
    let pods = pods_on(&plane.store, key);
    let evicts = |taint: &&Value| text(taint, "/effect") == "NoExecute";
    if let Some(taint) = taints.iter().filter(evicts).find(|taint| ours(taint)) {
        for pod in &pods {
            unready(plane, pod, now);
            judge(plane, key, pod, taint, TOLERATED, now);
        }
    }
    if let Some(taint) = taints.iter().filter(evicts).find(|taint| text(taint, "/key") == OFF) {
        for pod in &pods {
            judge(plane, key, pod, taint, 0, now);
        }
        if wanted.is_some() {
            collect(plane, key, now);
        }
    }
}

fn pods_on(store: &Store, node: &Key) -> Vec<Object> {
    let pods = store.sharing(Common::Node, &node.name);
    pods.filter_map(|(pod, _)| store.get(pod).cloned()).collect()
}

/// Deletes by force what is leaving a node that is out of service, when the garbage collector looks.
fn collect(plane: &mut Plane, node: &Key, now: Timestamp) {
    let pods = pods_on(&plane.store, node);
    if pods.is_empty() {
        return;
    }
    // A timer rings within a millisecond or so.
    let past = now.as_second().rem_euclid(COLLECTED);
    if past == 0 && now.subsec_millisecond() < 10 {
        let by_force = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        for pod in pods.iter().filter(|pod| is_leaving(pod)) {
            let _ = plane.store.delete(&Key::of(Kind::Pods, pod), &by_force, &by_us(now));
        }
    }
    let next = Timestamp::from_second(now.as_second() - past + COLLECTED).unwrap_or(Timestamp::MAX);
    plane.plan(Work::Node(node.clone()), next);
}

/// A pod on a node that isn't Ready isn't Ready either.
fn unready(plane: &mut Plane, pod: &Object, now: Timestamp) {
    if condition(pod, "Ready") == "True" {
        let said = json!({"type": "Ready", "status": "False", "reason": "NodeNotReady"});
        plane.change(&Key::of(Kind::Pods, pod), now, |pod| set_condition(pod, said, now));
    }
}

/// Deletes a pod that doesn't tolerate the taint any longer; `untold` are the seconds of one that says nothing of it.
fn judge(plane: &mut Plane, node: &Key, pod: &Object, taint: &Value, untold: i64, now: Timestamp) {
    if is_leaving(pod) {
        return;
    }
    let tolerating: Vec<&Value> = list(pod, "/spec/tolerations")
        .iter()
        .filter(|toleration| fit::tolerates_by(toleration, taint))
        .collect();
    let seconds = if tolerating.is_empty() {
        Some(untold)
    } else {
        // The shortest counts; without a number it is for ever.
        tolerating
            .iter()
            .filter_map(|toleration| number(toleration, "/tolerationSeconds"))
            .min()
    };
    let Some(seconds) = seconds else { return };
    let since = moment(taint, "/timeAdded").unwrap_or(now);
    let due = later(since, Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    if due > now {
        return plane.plan(Work::Node(node.clone()), due);
    }
    let _ = plane
        .store
        .delete(&Key::of(Kind::Pods, pod), &Deletion::default(), &by_us(now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of, ready};

    fn key(name: &str) -> Key {
        Key::new(Kind::Pods, "shop", name)
    }

    fn say(plane: &mut Plane, status: &str, now: Timestamp) {
        plane.change(&Key::wide(Kind::Nodes, "n1"), now, |node| {
            node["status"]["conditions"][0]["status"] = json!(status);
        });
        plane.take_note(now);
    }

    #[test]
    fn a_silent_node_loses_its_pods_after_what_they_tolerate_and_keeps_them_till_it_speaks() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        let mut patient = ready(pod_of("db", "set", "db-1"), true);
        patient["spec"]["tolerations"] = json!([{"key": SILENT, "operator": "Exists", "effect": "NoExecute"}]);
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        plane.store.load(Kind::Pods, patient);
        plane.take_note(at(0));
        say(&mut plane, "Unknown", at(0));
        plane.run_until(at(299));
        let leaving = |plane: &Plane, name: &str| is_leaving(plane.store.get(&key(name)).unwrap());
        assert!(!leaving(&plane, "db-0"));
        assert_eq!(condition(plane.store.get(&key("db-0")).unwrap(), "Ready"), "False");
        plane.run_until(at(301));
        assert!(leaving(&plane, "db-0") && !leaving(&plane, "db-1"));
        plane.run_until(at(9000));
        assert!(leaving(&plane, "db-0"));
        say(&mut plane, "True", at(9000));
        plane.run_until(at(9001));
        assert!(plane.store.get(&key("db-0")).is_none());
        assert_eq!(condition(plane.store.get(&key("db-1")).unwrap(), "Ready"), "True");
        let back = plane.store.get(&Key::wide(Kind::Nodes, "n1")).unwrap();
        assert_eq!(list(back, "/spec/taints").len(), 0);
    }

    #[test]
    fn a_node_that_is_declared_off_is_rid_of_its_pods_when_the_garbage_collector_looks() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        let mut tolerant = ready(pod_of("db", "set", "db-1"), true);
        tolerant["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        plane.store.load(Kind::Pods, tolerant);
        plane.take_note(at(0));
        let declare = |plane: &mut Plane, now: Timestamp| {
            plane.change(&Key::wide(Kind::Nodes, "n1"), now, |node| {
                let taint = json!({"key": OFF, "value": "nodeshutdown", "effect": "NoExecute"});
                let taints = [list(node, "/spec/taints").to_vec(), vec![taint]].concat();
                set(node, &["spec", "taints"], json!(taints));
            });
            plane.take_note(now);
        };
        say(&mut plane, "Unknown", at(1));
        plane.run_until(at(2));
        declare(&mut plane, at(2));
        plane.run_until(at(19));
        assert!(is_leaving(plane.store.get(&key("db-0")).unwrap()));
        plane.run_until(at(21));
        assert!(plane.store.get(&key("db-0")).is_none());
        assert!(!is_leaving(plane.store.get(&key("db-1")).unwrap()));
    }
}
