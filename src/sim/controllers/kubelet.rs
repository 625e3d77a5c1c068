//! The kubelets: disks attached, images pulled once a node, containers started, Ready, and stopped in their grace period.
//!
//! Readiness is the pod's own until its containers have stopped: a shard that won't stop stays green to the end.

mod containers;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::sim::controllers::{Stage, Work, claims_of};
use crate::sim::json::{condition, is_leaving, list, moment, namespace, number, set, set_condition, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Deletion, Key, Store};
use containers::{Wait, running, waiting};

/// Looks at a pod that has a node.
pub(super) fn run(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(pod) = plane.store.get(key).cloned() else {
        return;
    };
    let node = text(&pod, "/spec/nodeName").to_owned();
    let home = plane.store.get(&Key::wide(Kind::Nodes, &node));
    if home.is_none_or(|home| condition(home, "Ready") != "True") {
        // Nobody is there to do anything; the node's return brings the pod back here.
        return;
    }
    if is_leaving(&pod) {
        return stop(plane, key, &pod, now);
    }
    let id = uid(&pod).to_owned();
    if text(&pod, "/status/phase") == "Running" && !plane.stages.contains_key(&id) {
        return speak(plane, key, &pod, now);
    }
    if ["Succeeded", "Failed"].contains(&text(&pod, "/status/phase")) {
        return;
    }
    match plane.stages.get(&id).copied() {
        Some((_, due)) if due > now => plane.plan(Work::Run(key.clone()), due),
        None => {
            if !is_bound(&plane.store, &pod) || is_held_elsewhere(&plane.store, &pod) {
                return plane.plan_in(Work::Run(key.clone()), now, plane.pace.retry);
            }
            let attach = if claims_of(&pod).next().is_some() {
                plane.pace.attach
            } else {
                std::time::Duration::ZERO
            };
            begin(plane, key, Stage::Attaching, later(now, attach));
        }
        Some((Stage::Attaching, _)) => pull(plane, key, &pod, &node, now),
        Some((Stage::Pulling, _)) => start(plane, key, &pod, &node, now),
        Some((Stage::Starting, _)) => {
            plane.stages.remove(&id);
            plane.change(key, now, |pod| {
                running(pod, true, now);
                for kind in ["Ready", "ContainersReady"] {
                    set_condition(pod, json!({"type": kind, "status": "True"}), now);
                }
            });
        }
        Some((Stage::Provisioning, _)) => {}
    }
}

/// Says again that a pod is Ready that was written off while its node was silent.
fn speak(plane: &mut Plane, key: &Key, pod: &Value, now: Timestamp) {
    let written_off = list(pod, "/status/conditions")
        .iter()
        .any(|said| text(said, "/type") == "Ready" && text(said, "/reason") == "NodeNotReady");
    if written_off {
        let ready = json!({"type": "Ready", "status": "True"});
        plane.change(key, now, |pod| set_condition(pod, ready, now));
    }
}

fn begin(plane: &mut Plane, key: &Key, stage: Stage, until: Timestamp) {
    let Some(pod) = plane.store.get(key) else { return };
    plane.stages.insert(uid(pod).to_owned(), (stage, until));
    plane.plan(Work::Run(key.clone()), until);
}

fn is_bound(store: &Store, pod: &Value) -> bool {
    claims_of(pod).all(|claim| {
        let claim = store.get(&Key::new(Kind::Claims, namespace(pod), claim));
        claim.is_some_and(|claim| text(claim, "/status/phase") == "Bound")
    })
}

/// Whether a pod on another node still has one of the disks.
fn is_held_elsewhere(store: &Store, pod: &Value) -> bool {
    let node = text(pod, "/spec/nodeName");
    let mut others = store.all(Kind::Pods, Some(namespace(pod)));
    others.any(|other| {
        let elsewhere = !["", node].contains(&text(other, "/spec/nodeName"));
        elsewhere && claims_of(other).any(|claim| claims_of(pod).any(|ours| ours == claim))
    })
}

fn pull(plane: &mut Plane, key: &Key, pod: &Value, node: &str, now: Timestamp) {
    let images = containers::images(pod);
    if let Some(missing) = images.iter().find(|image| plane.missing_images.contains(**image)) {
        let words = format!("Back-off pulling image \"{missing}\"");
        let wait = Wait {
            reason: "ImagePullBackOff",
            message: &words,
        };
        plane.change(key, now, |pod| waiting(pod, &wait, 0, now));
        return begin(plane, key, Stage::Attaching, later(now, plane.pace.retry));
    }
    let there = |image: &&str| plane.pulled.contains(&(node.to_owned(), (*image).to_owned()));
    let absent = images.iter().filter(|image| !there(image)).count();
    let mut until = now;
    for _ in 0..absent {
        until = later(until, plane.pace.pull);
    }
    if absent > 0 {
        let wait = Wait {
            reason: "ContainerCreating",
            message: "",
        };
        plane.change(key, now, |pod| waiting(pod, &wait, 0, now));
    }
    begin(plane, key, Stage::Pulling, until);
}

fn start(plane: &mut Plane, key: &Key, pod: &Value, node: &str, now: Timestamp) {
    let images = containers::images(pod);
    for image in &images {
        plane.pulled.insert((node.to_owned(), (*image).to_owned()));
    }
    if images.iter().any(|image| plane.crashing_images.contains(*image)) {
        let restarts = number(pod, "/status/containerStatuses/0/restartCount").unwrap_or(0) + 1;
        let wait = Wait {
            reason: "CrashLoopBackOff",
            message: "back-off restarting failed container",
        };
        plane.change(key, now, |pod| {
            waiting(pod, &wait, restarts, now);
            set(pod, &["status", "phase"], json!("Running"));
        });
        return begin(plane, key, Stage::Pulling, later(now, plane.pace.retry));
    }
    let ip = containers::address(uid(pod));
    plane.change(key, now, |pod| {
        running(pod, false, now);
        set(pod, &["status", "phase"], json!("Running"));
        set(pod, &["status", "startTime"], stamp(now));
        set(pod, &["status", "podIP"], json!(ip));
        set(pod, &["status", "podIPs"], json!([{"ip": ip}]));
        set_condition(pod, json!({"type": "Initialized", "status": "True"}), now);
        for kind in ["Ready", "ContainersReady"] {
            let said = json!({"type": kind, "status": "False", "reason": "ContainersNotReady"});
            set_condition(pod, said, now);
        }
    });
    begin(plane, key, Stage::Starting, later(now, plane.pace.ready));
}

/// Takes the pod away once its containers have stopped; they take no longer than they are given.
fn stop(plane: &mut Plane, key: &Key, pod: &Value, now: Timestamp) {
    let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
    let until = moment(pod, "/metadata/deletionTimestamp").unwrap_or(now);
    let asked = until.checked_sub(SignedDuration::from_secs(grace)).unwrap_or(now);
    let runs = text(pod, "/status/phase") == "Running";
    let stopped = if runs {
        later(asked, plane.pace.stop).min(until)
    } else {
        asked
    };
    if stopped > now {
        return plane.plan(Work::Run(key.clone()), stopped);
    }
    plane.stages.remove(uid(pod));
    let asked = Deletion {
        uid: Some(uid(pod).to_owned()),
        grace: Some(0),
        ..Deletion::default()
    };
    // Finalizers may keep it all the same.
    let _ = plane.store.delete(key, &asked, &by_us(now));
}

#[cfg(test)]
mod tests;
