//! The kubelets: disks attached, images pulled once a node, containers started, Ready, and stopped in their grace period.
//!
//! Readiness is the pod's own until its containers have stopped: a shard that won't stop stays green to the end.

mod containers;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::sim::controllers::attach::is_attached;
use crate::sim::controllers::events::{By, say, warn};
use crate::sim::controllers::{Stage, Work, claims_of};
use crate::sim::json::{condition, is_leaving, list, moment, namespace, number, set, set_condition, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Common, Deletion, Key, Object, Store};
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
            // What has no driver that attaches it is held by the pod before, as long as that is there.
            let store = &plane.store;
            if !is_bound(store, &pod) || !is_attached(store, &pod) || is_held_elsewhere(store, &pod) {
                return plane.plan_in(Work::Run(key.clone()), now, plane.pace.retry);
            }
            begin(plane, key, Stage::Attaching, now);
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
        Some(_) => {}
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
fn is_held_elsewhere(store: &Store, pod: &Object) -> bool {
    let ours = pod.glance();
    let here = store.word(&ours.node);
    ours.claims.iter().any(|claim| {
        let users = store.sharing(Common::Claim, claim);
        let mut users = users.filter(|(other, _)| *other.namespace == *ours.namespace);
        users.any(|(_, marks)| marks.is_placed() && here != Some(marks.node))
    })
}

fn pull(plane: &mut Plane, key: &Key, pod: &Value, node: &str, now: Timestamp) {
    let images = containers::images(pod);
    if let Some(missing) = images.iter().find(|image| plane.missing_images.contains(**image)) {
        let missing = (*missing).to_owned();
        return no_image(plane, key, pod, &missing, now);
    }
    let there = |image: &&str| plane.pulled.contains(&(node.to_owned(), (*image).to_owned()));
    let absent: Vec<&str> = images.into_iter().filter(|image| !there(image)).collect();
    let mut until = now;
    for _ in &absent {
        until = later(until, plane.pace.pull);
    }
    if !absent.is_empty() {
        let wait = Wait {
            reason: "ContainerCreating",
            message: "",
        };
        plane.change(key, now, |pod| waiting(pod, &wait, 0, now));
    }
    for image in absent {
        let message = format!("Pulling image \"{image}\"");
        say(plane, By::Kubelet(node), (Kind::Pods, pod), "Pulling", &message, now);
    }
    begin(plane, key, Stage::Pulling, until);
}

/// Says that no registry has an image: first that it failed, then that it is tried more and more seldom.
fn no_image(plane: &mut Plane, key: &Key, pod: &Value, image: &str, now: Timestamp) {
    let tried = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    let (reason, words) = match tried {
        "ErrImagePull" | "ImagePullBackOff" => ("ImagePullBackOff", format!("Back-off pulling image \"{image}\"")),
        _ => (
            "ErrImagePull",
            format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
            ),
        ),
    };
    let wait = Wait {
        reason,
        message: &words,
    };
    plane.change(key, now, |pod| waiting(pod, &wait, 0, now));
    let by = By::Kubelet(text(pod, "/spec/nodeName"));
    if reason == "ErrImagePull" {
        say(
            plane,
            by,
            (Kind::Pods, pod),
            "Pulling",
            &format!("Pulling image \"{image}\""),
            now,
        );
        let failed = format!("Failed to pull image \"{image}\": {words}");
        warn(plane, by, (Kind::Pods, pod), "Failed", &failed, now);
        warn(plane, by, (Kind::Pods, pod), "Failed", "Error: ErrImagePull", now);
    } else {
        say(plane, by, (Kind::Pods, pod), "BackOff", &words, now);
    }
    begin(plane, key, Stage::Attaching, later(now, plane.pace.retry));
}

fn start(plane: &mut Plane, key: &Key, pod: &Value, node: &str, now: Timestamp) {
    let images = containers::images(pod);
    let by = By::Kubelet(node);
    for image in &images {
        let new = plane.pulled.insert((node.to_owned(), (*image).to_owned()));
        let message = if new {
            format!("Successfully pulled image \"{image}\"")
        } else {
            format!("Container image \"{image}\" already present on machine")
        };
        say(plane, by, (Kind::Pods, pod), "Pulled", &message, now);
    }
    if images.iter().any(|image| plane.crashing_images.contains(*image)) {
        let restarts = number(pod, "/status/containerStatuses/0/restartCount").unwrap_or(0) + 1;
        let wait = Wait {
            reason: "CrashLoopBackOff",
            message: "back-off restarting failed container",
        };
        plane.change(key, now, |pod| {
            waiting(pod, &wait, restarts, now);
            containers::ended(pod, 1, now);
            set(pod, &["status", "phase"], json!("Running"));
        });
        let message = "Back-off restarting failed container";
        warn(plane, by, (Kind::Pods, pod), "BackOff", message, now);
        return begin(plane, key, Stage::Pulling, later(now, plane.pace.retry));
    }
    for container in list(pod, "/spec/containers")
        .iter()
        .map(|container| text(container, "/name"))
    {
        for (reason, verb) in [("Created", "created"), ("Started", "started")] {
            say(
                plane,
                by,
                (Kind::Pods, pod),
                reason,
                &format!("Container {verb}: {container}"),
                now,
            );
        }
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
    let id = uid(pod).to_owned();
    let known = plane.stages.get(&id).copied();
    let is_new = !matches!(known, Some((Stage::Stopping, _)));
    let stopped = match known {
        Some((Stage::Stopping, stopped)) => stopped.min(until),
        _ => {
            let asked = until.checked_sub(SignedDuration::from_secs(grace)).unwrap_or(now);
            // Its time is in whole seconds: what was asked for within this one was asked for just now.
            let is_of_now = now.duration_since(asked) < SignedDuration::from_secs(1);
            let asked = if is_of_now { now } else { asked };
            let runs = text(pod, "/status/phase") == "Running";
            let lasts = if runs { plane.pace.stop } else { Duration::ZERO };
            later(asked, lasts).min(until)
        }
    };
    if stopped > now {
        let names: Vec<&str> = list(pod, "/spec/containers")
            .iter()
            .map(|container| text(container, "/name"))
            .collect();
        if is_new {
            let by = By::Kubelet(text(pod, "/spec/nodeName"));
            for name in names {
                say(
                    plane,
                    by,
                    (Kind::Pods, pod),
                    "Killing",
                    &format!("Stopping container {name}"),
                    now,
                );
            }
        }
        plane.stages.insert(id, (Stage::Stopping, stopped));
        return plane.plan(Work::Run(key.clone()), stopped);
    }
    plane.stages.remove(&id);
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
