//! Attaching disks to nodes and taking them off: one node at a time, and not before the pod there has let go.
//!
//! Source: `pkg/controller/volume/attachdetach`. A disk of a node that doesn't answer any more is taken off by force after six
//! minutes, or at once where somebody has marked the node as out of service.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::events::{By, say, warn};
use super::{Stage, Work, claims_of};
use crate::sim::json::{condition, is_leaving, list, name, namespace, remove, set, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Common, Deletion, Key, Object, Store};

/// How long a kubelet takes to unmount the disk of a pod that is gone.
const UNMOUNT: Duration = Duration::from_secs(1);

/// How long a disk is left on a node that doesn't say that it has unmounted it.
const FORCE: Duration = Duration::from_secs(360);

const FINALIZER: &str = "external-attacher/disk";

/// The volumes of a pod that have to be attached to its node.
pub(super) fn disks_of<'a>(store: &'a Store, pod: &'a Value) -> impl Iterator<Item = &'a Object> {
    claims_of(pod).filter_map(move |claim| {
        let claim = store.get(&Key::new(Kind::Claims, namespace(pod), claim))?;
        let volume = store.get(&Key::wide(Kind::Volumes, text(claim, "/spec/volumeName")))?;
        volume.pointer("/spec/csi").is_some().then_some(volume)
    })
}

/// Whether every disk of a pod is attached to its node.
pub(super) fn is_attached(store: &Store, pod: &Value) -> bool {
    disks_of(store, pod).all(|volume| {
        let mut here = attachments(store, name(volume));
        here.any(|found| {
            text(found, "/spec/nodeName") == text(pod, "/spec/nodeName")
                && found.pointer("/status/attached") == Some(&json!(true))
                && !is_leaving(found)
        })
    })
}

fn attachments<'a>(store: &'a Store, volume: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let of_it = store.sharing(Common::Volume, volume);
    of_it.filter_map(|(found, _)| store.get(found))
}

/// Looks at a volume.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(volume) = plane.store.get(key).cloned() else {
        return;
    };
    let users: Vec<Object> = users(&plane.store, &volume);
    let present: Vec<Object> = attachments(&plane.store, &key.name).cloned().collect();
    let mut taken = false;
    for found in &present {
        let on = text(found, "/spec/nodeName");
        let wanted = users.iter().any(|pod| text(pod, "/spec/nodeName") == on);
        taken |= step(plane, key, found, wanted, now);
    }
    let shared = list(&volume, "/spec/accessModes")
        .iter()
        .any(|mode| mode.as_str().is_some_and(|mode| mode.ends_with("Many")));
    for pod in &users {
        let on = text(pod, "/spec/nodeName");
        let there = |found: &&Object| text(found, "/spec/nodeName") == on;
        if present.iter().any(|found| there(&found)) || text(pod, "/status/phase") != "Pending" {
            continue;
        }
        if taken && !shared {
            let message = format!(
                "Multi-Attach error for volume \"{}\" Volume is already exclusively attached to one node and can't be attached \
                 to another",
                key.name
            );
            warn(
                plane,
                By::Attacher,
                (Kind::Pods, pod),
                "FailedAttachVolume",
                &message,
                now,
            );
            plane.plan_in(Work::Disk(key.clone()), now, plane.pace.retry);
            continue;
        }
        attach(plane, key, &volume, on, now);
        taken = true;
    }
}

/// The pods that need the volume where they are.
fn users(store: &Store, volume: &Value) -> Vec<Object> {
    let space = text(volume, "/spec/claimRef/namespace");
    let claim = text(volume, "/spec/claimRef/name");
    let pods = store.sharing(Common::Claim, claim);
    pods.filter(|(pod, marks)| pod.namespace == space && marks.is_placed() && !marks.ended)
        .filter_map(|(pod, _)| store.get(pod).cloned())
        .collect()
}

fn attach(plane: &mut Plane, key: &Key, volume: &Value, node: &str, now: Timestamp) {
    let driver = text(volume, "/spec/csi/driver");
    let digest = Sha256::digest(format!("{}{driver}{node}", key.name).as_bytes());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let made = json!({"metadata": {"name": format!("csi-{digits}"), "finalizers": [FINALIZER]},
        "spec": {"attacher": driver, "nodeName": node, "source": {"persistentVolumeName": key.name}},
        "status": {"attached": false}});
    if let Some(made) = plane.make(Kind::VolumeAttachments, "", made, now) {
        let done = later(now, plane.pace.attach);
        plane.stages.insert(uid(&made).to_owned(), (Stage::Attaching, done));
        plane.plan(Work::Disk(key.clone()), done);
    }
}

/// Goes on with one attachment; whether the disk is still on its node, or on the way there.
fn step(plane: &mut Plane, key: &Key, found: &Object, wanted: bool, now: Timestamp) -> bool {
    let at = Key::of(Kind::VolumeAttachments, found);
    let id = uid(found).to_owned();
    match plane.stages.get(&id).copied() {
        Some((Stage::Detaching, due)) if due <= now && is_leaving(found) => {
            plane.stages.remove(&id);
            plane.change(&at, now, |found| drop(remove(found, &["metadata", "finalizers"])));
            let _ = plane.store.delete(&at, &Deletion::default(), &by_us(now));
            return plane.store.get(&at).is_some();
        }
        // It is wanted again before anything was done.
        Some((Stage::Detaching, _)) if wanted && !is_leaving(found) => drop(plane.stages.remove(&id)),
        Some((Stage::Detaching, due)) if due <= now => {
            let _ = plane.store.delete(&at, &Deletion::default(), &by_us(now));
            let done = later(now, plane.pace.detach);
            plane.stages.insert(id, (Stage::Detaching, done));
            plane.plan(Work::Disk(key.clone()), done);
        }
        Some((Stage::Attaching, due)) if due <= now => {
            plane.stages.remove(&id);
            plane.change(&at, now, |found| set(found, &["status", "attached"], json!(true)));
            announce(plane, key, found, now);
        }
        Some((_, due)) => plane.plan(Work::Disk(key.clone()), due),
        None if is_leaving(found) => {
            // It was being taken off already when we came.
            let done = later(now, plane.pace.detach);
            plane.stages.insert(id, (Stage::Detaching, done));
            plane.plan(Work::Disk(key.clone()), done);
        }
        None if wanted => {
            if found.pointer("/status/attached") != Some(&json!(true)) {
                let done = later(now, plane.pace.attach);
                plane.stages.insert(id, (Stage::Attaching, done));
                plane.plan(Work::Disk(key.clone()), done);
            }
        }
        None => {
            let due = later(now, patience(&plane.store, text(found, "/spec/nodeName")));
            plane.stages.insert(id, (Stage::Detaching, due));
            plane.plan(Work::Disk(key.clone()), due);
        }
    }
    true
}

/// How long it takes until a node has let go of a disk that none of its pods uses.
fn patience(store: &Store, node: &str) -> Duration {
    let Some(node) = store.get(&Key::wide(Kind::Nodes, node)) else {
        return FORCE;
    };
    let off = list(node, "/spec/taints")
        .iter()
        .any(|taint| text(taint, "/key") == "node.kubernetes.io/out-of-service");
    if off || condition(node, "Ready") == "True" {
        UNMOUNT
    } else {
        FORCE
    }
}

fn announce(plane: &mut Plane, key: &Key, found: &Value, now: Timestamp) {
    let Some(volume) = plane.store.get(key).cloned() else {
        return;
    };
    let on = text(found, "/spec/nodeName");
    let message = format!("AttachVolume.Attach succeeded for volume \"{}\" ", key.name);
    for pod in users(&plane.store, &volume) {
        if text(&pod, "/spec/nodeName") == on {
            say(
                plane,
                By::Attacher,
                (Kind::Pods, &pod),
                "SuccessfulAttachVolume",
                &message,
                now,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of};

    const DISK: &str = "pv-0";

    fn with_disk() -> Plane {
        let mut plane = plane();
        for name in ["n1", "n2"] {
            plane.store.load(Kind::Nodes, node(name, "z1", 64));
        }
        let volume = json!({"metadata": {"name": DISK}, "spec": {"csi": {"driver": "disk.example", "volumeHandle": "h"},
            "accessModes": ["ReadWriteOnce"], "claimRef": {"namespace": "shop", "name": "data"}}, "status": {"phase": "Bound"}});
        plane.store.load(Kind::Volumes, volume);
        let claim = json!({"metadata": {"name": "data", "namespace": "shop"}, "spec": {"volumeName": DISK},
            "status": {"phase": "Bound"}});
        plane.store.load(Kind::Claims, claim);
        plane
    }

    fn put(plane: &mut Plane, name: &str, node: &str, now: Timestamp) {
        let mut pod = pod_of("db", "set", name);
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod["status"] = json!({"phase": "Pending"});
        plane.store.load(Kind::Pods, pod);
        plane.take_note(now);
    }

    fn gone(plane: &mut Plane, name: &str, now: Timestamp) {
        let asked = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        let key = Key::new(Kind::Pods, "shop", name);
        plane.store.delete(&key, &asked, &by_us(now)).unwrap();
        plane.take_note(now);
    }

    fn attached(plane: &Plane) -> Vec<String> {
        let all = plane.store.all(Kind::VolumeAttachments, None);
        let attached = all.filter(|found| found.pointer("/status/attached") == Some(&json!(true)));
        attached.map(|found| text(found, "/spec/nodeName").to_owned()).collect()
    }

    fn said(plane: &Plane, reason: &str) -> usize {
        let all = plane.store.all(Kind::Events, Some("shop"));
        all.filter(|event| text(event, "/reason") == reason).count()
    }

    #[test]
    fn a_disk_follows_its_pod_from_node_to_node_and_is_never_on_two() {
        let mut plane = with_disk();
        put(&mut plane, "one", "n1", at(0));
        plane.run_until(at(7));
        assert_eq!(attached(&plane), Vec::<String>::new());
        plane.run_until(at(9));
        assert_eq!(attached(&plane), ["n1"]);
        assert_eq!(said(&plane, "SuccessfulAttachVolume"), 1);
        put(&mut plane, "two", "n2", at(20));
        plane.run_until(at(60));
        assert_eq!(
            (attached(&plane), said(&plane, "FailedAttachVolume")),
            (vec!["n1".to_owned()], 1)
        );
        gone(&mut plane, "one", at(60));
        plane.run_until(at(120));
        assert_eq!(attached(&plane), ["n2"]);
    }

    #[test]
    fn a_disk_stays_where_its_pod_comes_back() {
        let mut plane = with_disk();
        put(&mut plane, "one", "n1", at(0));
        plane.run_until(at(30));
        gone(&mut plane, "one", at(30));
        put(&mut plane, "one", "n1", at(30));
        let before = plane.store.all(Kind::VolumeAttachments, None).next().cloned();
        plane.run_until(at(90));
        assert_eq!(plane.store.all(Kind::VolumeAttachments, None).next().cloned(), before);
    }

    #[test]
    fn a_silent_node_keeps_a_disk_for_six_minutes_unless_it_is_out_of_service() {
        for (off, least) in [(false, 360), (true, 0)] {
            let mut plane = with_disk();
            put(&mut plane, "one", "n1", at(0));
            plane.run_until(at(60));
            plane.change(&Key::wide(Kind::Nodes, "n1"), at(60), |node| {
                node["status"]["conditions"][0]["status"] = json!("Unknown");
                if off {
                    node["spec"]["taints"] =
                        json!([{"key": "node.kubernetes.io/out-of-service", "value": "x", "effect": "NoExecute"}]);
                }
            });
            gone(&mut plane, "one", at(60));
            put(&mut plane, "two", "n2", at(60));
            plane.run_until(at(60 + least - 1));
            assert_ne!(attached(&plane), ["n2"]);
            plane.run_until(at(60 + least + 60));
            assert_eq!(attached(&plane), ["n2"], "{off}");
        }
    }
}
