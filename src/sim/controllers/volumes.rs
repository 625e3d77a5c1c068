//! Claims and volumes: provisioning in the zone of the first consumer, binding, protection while in use, reclaiming.
//!
//! Source: `pkg/controller/volume/persistentvolume`, `pkg/controller/volume/pvcprotection`, the garbage collector.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::controllers::scheduler::selected_node;
use crate::sim::controllers::{Stage, Work};
use crate::sim::json::{entry, is_leaving, list, name, remove, set, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us, later};
use crate::sim::store::{Common, Deletion, Key, Object, Store};

const ZONE: &str = "topology.kubernetes.io/zone";

/// Looks at a claim, and at its volume where the claim is gone.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(claim) = plane.store.get(key).cloned() else {
        return reclaim(plane, key, now);
    };
    if is_leaving(&claim) {
        if !is_used(&plane.store, key) {
            plane.change(key, now, |claim| drop(remove(claim, &["metadata", "finalizers"])));
        }
        return;
    }
    if is_orphan(&plane.store, key, &claim) {
        let _ = plane.store.delete(key, &Deletion::default(), &by_us(now));
        return;
    }
    if text(&claim, "/status/phase") == "Bound" {
        return;
    }
    let of_this = |volume: &Object| ["", uid(&claim)].contains(&text(volume, "/spec/claimRef/uid"));
    // The volume of an earlier claim of this name holds that one's data, and is nobody else's.
    if let Some(volume) = volumes_of(&plane.store, key).into_iter().find(of_this) {
        return bind(plane, key, &volume, now);
    }
    let class = text(&claim, "/spec/storageClassName");
    let Some(class) = plane.store.get(&Key::wide(Kind::StorageClasses, class)).cloned() else {
        return;
    };
    let waits = text(&class, "/volumeBindingMode") == "WaitForFirstConsumer";
    let node = selected_node(&claim).map(str::to_owned);
    if waits && node.is_none() {
        return;
    }
    match plane.stages.get(uid(&claim)).copied() {
        None => {
            let done = later(now, plane.pace.provision);
            plane.stages.insert(uid(&claim).to_owned(), (Stage::Provisioning, done));
            plane.plan(Work::Claim(key.clone()), done);
        }
        Some((_, done)) if done > now => plane.plan(Work::Claim(key.clone()), done),
        Some(_) => {
            plane.stages.remove(uid(&claim));
            provision(plane, key, &claim, &class, node.as_deref(), now);
        }
    }
}

fn is_used(store: &Store, key: &Key) -> bool {
    let mut pods = store.sharing(Common::Claim, &key.name);
    pods.any(|(pod, marks)| pod.namespace == key.namespace && !marks.ended)
}

/// Whether every owner of the claim is gone: then the garbage collector takes it.
fn is_orphan(store: &Store, key: &Key, claim: &Value) -> bool {
    let owners = list(claim, "/metadata/ownerReferences");
    !owners.is_empty()
        && owners.iter().all(|owner| {
            let kind = match text(owner, "/kind") {
                "Pod" => Kind::Pods,
                "StatefulSet" => Kind::StatefulSets,
                _ => return false,
            };
            let found = store.get(&Key::new(kind, &key.namespace, text(owner, "/name")));
            found.is_none_or(|found| uid(found) != text(owner, "/uid"))
        })
}

/// The volumes of a claim of this name, and of earlier ones.
fn volumes_of(store: &Store, key: &Key) -> Vec<Object> {
    let volumes = store.all(Kind::Volumes, None);
    let of_it = volumes.filter(|volume| {
        text(volume, "/spec/claimRef/namespace") == key.namespace && text(volume, "/spec/claimRef/name") == key.name
    });
    of_it.cloned().collect()
}

fn bind(plane: &mut Plane, key: &Key, volume: &Object, now: Timestamp) {
    let Some(claim) = plane.store.get(key) else { return };
    let bound = uid(claim).to_owned();
    plane.change(&Key::of(Kind::Volumes, volume), now, |volume| {
        set(volume, &["spec", "claimRef", "uid"], json!(bound));
        set(volume, &["status", "phase"], json!("Bound"));
    });
    plane.change(key, now, |claim| {
        set(claim, &["spec", "volumeName"], json!(name(volume)));
        set(claim, &["status", "phase"], json!("Bound"));
        set(claim, &["status", "accessModes"], volume["spec"]["accessModes"].clone());
        set(claim, &["status", "capacity"], volume["spec"]["capacity"].clone());
    });
}

fn provision(plane: &mut Plane, key: &Key, claim: &Value, class: &Value, node: Option<&str>, now: Timestamp) {
    let called = format!("pvc-{}", uid(claim));
    let zone = node
        .and_then(|node| plane.store.get(&Key::wide(Kind::Nodes, node)))
        .and_then(|node| entry(node, "/metadata/labels", ZONE))
        .map(str::to_owned);
    let policy = match text(class, "/reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    let mut volume = json!({"metadata": {"name": called}, "spec": {
        "capacity": claim.pointer("/spec/resources/requests").cloned().unwrap_or_else(|| json!({})),
        "accessModes": claim["spec"]["accessModes"], "storageClassName": name(class),
        "persistentVolumeReclaimPolicy": policy,
        "csi": {"driver": text(class, "/provisioner"), "volumeHandle": called},
        "claimRef": {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": key.namespace, "name": key.name,
            "uid": uid(claim)}}});
    if let Some(parameters) = class.get("parameters").filter(|parameters| parameters.is_object()) {
        set(&mut volume, &["spec", "csi", "volumeAttributes"], parameters.clone());
    }
    if let Some(zone) = zone {
        let terms = json!([{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]);
        set(
            &mut volume,
            &["spec", "nodeAffinity", "required", "nodeSelectorTerms"],
            terms,
        );
    }
    if let Some(volume) = plane.make(Kind::Volumes, "", volume, now) {
        bind(plane, key, &volume, now);
    }
}

/// What becomes of the volume of a claim that is gone.
fn reclaim(plane: &mut Plane, key: &Key, now: Timestamp) {
    for volume in volumes_of(&plane.store, key) {
        let at = Key::of(Kind::Volumes, &volume);
        if text(&volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
            let _ = plane.store.delete(&at, &Deletion::default(), &by_us(now));
        } else if text(&volume, "/status/phase") != "Released" {
            plane.change(&at, now, |volume| set(volume, &["status", "phase"], json!("Released")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of};

    fn key() -> Key {
        Key::new(Kind::Claims, "shop", "data-db-0")
    }

    fn with_claim(mode: &str, policy: &str) -> Plane {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z2", 64));
        let class = json!({"metadata": {"name": "disk"}, "provisioner": "disk.example", "volumeBindingMode": mode,
            "reclaimPolicy": policy});
        plane.store.load(Kind::StorageClasses, class);
        let claim = json!({"metadata": {"name": "data-db-0"}, "spec": {"storageClassName": "disk",
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        plane.make(Kind::Claims, "shop", claim, at(0)).unwrap();
        plane.take_note(at(0));
        plane
    }

    #[test]
    fn a_claim_that_waits_for_a_node_gets_a_volume_in_its_zone() {
        let mut plane = with_claim("WaitForFirstConsumer", "Delete");
        plane.run_until(at(60));
        assert_eq!(plane.store.all(Kind::Volumes, None).count(), 0);
        plane.change(&key(), at(60), |claim| {
            set(
                claim,
                &[
                    "metadata",
                    "annotations",
                    crate::sim::controllers::scheduler::SELECTED_NODE,
                ],
                json!("n1"),
            );
        });
        plane.take_note(at(60));
        plane.run_until(at(90));
        let claim = plane.store.get(&key()).unwrap();
        assert_eq!(text(claim, "/status/phase"), "Bound");
        let volume = plane
            .store
            .get(&Key::wide(Kind::Volumes, text(claim, "/spec/volumeName")))
            .unwrap();
        let terms = "/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0";
        assert_eq!(text(volume, terms), "z2");
    }

    #[test]
    fn a_new_claim_of_an_old_name_gets_a_volume_of_its_own() {
        let mut plane = with_claim("Immediate", "Retain");
        plane.run_until(at(60));
        let volume = |plane: &Plane| text(plane.store.get(&key()).unwrap(), "/spec/volumeName").to_owned();
        let first = volume(&plane);
        plane
            .store
            .delete(&key(), &Deletion::default(), &by_us(at(61)))
            .unwrap();
        plane.take_note(at(61));
        plane.run_until(at(70));
        assert!(plane.store.get(&key()).is_none());
        let claim = json!({"metadata": {"name": "data-db-0"}, "spec": {"storageClassName": "disk"}});
        plane.make(Kind::Claims, "shop", claim, at(70)).unwrap();
        plane.take_note(at(70));
        plane.run_until(at(90));
        assert_ne!(volume(&plane), first);
        let phases: Vec<&str> = plane
            .store
            .all(Kind::Volumes, None)
            .map(|volume| text(volume, "/status/phase"))
            .collect();
        assert_eq!(phases, ["Released", "Bound"]);
    }

    #[test]
    fn a_claim_in_use_goes_when_its_pod_goes_and_its_volume_as_the_policy_says() {
        for (policy, left) in [("Delete", None), ("Retain", Some("Released"))] {
            let mut plane = with_claim("Immediate", policy);
            plane.run_until(at(60));
            let mut pod = pod_of("db", "set", "db-0");
            pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}]);
            plane.store.load(Kind::Pods, pod);
            plane
                .store
                .delete(&key(), &Deletion::default(), &by_us(at(61)))
                .unwrap();
            plane.take_note(at(61));
            reconcile(&mut plane, &key(), at(62));
            assert!(is_leaving(plane.store.get(&key()).unwrap()));
            let now = Deletion {
                grace: Some(0),
                ..Deletion::default()
            };
            plane
                .store
                .delete(&Key::new(Kind::Pods, "shop", "db-0"), &now, &by_us(at(70)))
                .unwrap();
            plane.take_note(at(70));
            plane.run_until(at(80));
            assert!(plane.store.get(&key()).is_none());
            let phase = plane
                .store
                .all(Kind::Volumes, None)
                .next()
                .map(|volume| text(volume, "/status/phase"));
            assert_eq!(phase, left);
        }
    }
}
