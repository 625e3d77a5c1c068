//! The rules of a home, over scenes of which each has one thing changed.

use serde_json::{Value, json};

use super::*;
use crate::model::redact::redact;
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::snapshot::Snapshot;
use crate::plan::verify::testing::{Scene, merge};

/// A healthy set, with every pod of the cluster read: the shards alone.
fn roomy(shards: usize) -> Scene {
    let mut scene = Scene::healthy(shards);
    // The zone of each disk is the test's own matter, the spread over zones too.
    let free = json!({"spec": {"template": {"spec": {"topologySpreadConstraints": null}}}});
    scene.merge(Resource::StatefulSets, "db", free);
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    crowd(&mut scene);
    scene
}

/// What is seen of the shards' pods, as pods of the nodes.
fn crowd(scene: &mut Scene) {
    let pods = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, pods);
}

fn neighbour(name: &str, node: &str, spec: Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "web", "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": []}, "status": {"phase": "Running"},
    });
    merge(&mut pod["spec"], &spec);
    pod
}

fn asking(cpu: &str, memory: &str) -> Value {
    json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]})
}

fn template(scene: &mut Scene, patch: Value) {
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"template": patch}}));
}

fn home_of(scene: &Scene, ordinal: i32) -> Home {
    without(scene, ordinal, &BTreeSet::new())
}

/// The home, having made sure that the redacted snapshot has as many.
fn without(scene: &Scene, ordinal: i32, not_on: &BTreeSet<&str>) -> Home {
    let home = judged(scene, &scene.snapshot(), ordinal, not_on);
    if not_on.is_empty() {
        let redacted = Snapshot::derive(&redact(&scene.recording()).unwrap()).unwrap();
        let other = judged(scene, &redacted, ordinal, not_on);
        let count = |home: &Home| {
            (
                home.nodes.len(),
                home.pools.len(),
                home.refused.len(),
                home.unsure.len(),
            )
        };
        assert_eq!(count(&home), count(&other), "{home:?}, redacted {other:?}");
    }
    home
}

fn judged(scene: &Scene, snapshot: &Snapshot, ordinal: i32, not_on: &BTreeSet<&str>) -> Home {
    let seen = Seen::of(snapshot, &scene.policy);
    let found = seen.set().unwrap();
    let newcomer = Newcomer {
        template: set::template(found).unwrap(),
        revision: found
            .status
            .as_ref()
            .and_then(|status| status.update_revision.as_deref()),
    };
    let shards = seen.shards().unwrap();
    let shard = shards.iter().find(|shard| shard.ordinal == ordinal).unwrap();
    home(&World::of(&seen), shard, newcomer, not_on)
}

fn why<'a>(home: &'a Home, object: &str) -> &'a str {
    let found = home.refused.iter().find(|(refused, _)| refused == object);
    found.map_or("", |(_, why)| why)
}

/// A node beside `node-0` in its zone.
fn spare(scene: &mut Scene, name: &str) {
    let Some(Read::Got(nodes)) = scene.objects.get(&Resource::Nodes) else {
        panic!("nodes");
    };
    let mut node = nodes[0].clone();
    merge(
        &mut node,
        &json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}),
    );
    scene.add(Resource::Nodes, node);
}

#[test]
fn its_own_node_is_the_first_answer_and_its_zone_the_only_one() {
    let mut scene = roomy(3);
    spare(&mut scene, "a-node");
    let home = home_of(&scene, 0);
    assert_eq!(home.nodes, ["node-0", "a-node"]);
    assert!(why(&home, "node/node-1").contains("can't reach the shard's disk pv-0, which is in zone-1"));
    assert_eq!(home.unsure, [""; 0]);
    assert_eq!(without(&scene, 0, &BTreeSet::from(["node-0"])).nodes, ["a-node"]);
}

#[test]
fn its_old_pod_takes_no_room_and_others_do() {
    let mut scene = roomy(1);
    template(
        &mut scene,
        json!({"spec": {"containers": [{"name": "db", "resources": {"requests": {"memory": "100Gi"}}}]}}),
    );
    assert_eq!(home_of(&scene, 0).nodes, ["node-0"]);
    scene.add(Resource::NodePods, neighbour("web", "node-0", asking("1", "21Gi")));
    let home = home_of(&scene, 0);
    assert_eq!(
        why(&home, "node/node-0"),
        "has 99Gi of memory free, of 120Gi: the shard asks for 100Gi"
    );
    assert!(!home.exists());
    scene.edit(Resource::NodePods, "web", |pod| {
        pod["status"]["phase"] = json!("Succeeded");
    });
    assert!(home_of(&scene, 0).exists());
}

#[test]
fn a_placeholder_of_ours_makes_way_for_a_shard_above_it() {
    let mut scene = roomy(1);
    let mut helper = neighbour("placeholder", "node-0", asking("16", "110Gi"));
    helper["metadata"]["labels"] = json!({HELPER: "placeholder"});
    scene.add(Resource::NodePods, helper);
    assert!(home_of(&scene, 0).exists());
    scene.merge(
        Resource::NodePods,
        "placeholder",
        json!({"spec": {"priority": 2_000_000}}),
    );
    assert!(!home_of(&scene, 0).exists());
}

#[test]
fn pods_that_were_not_read_leave_the_room_unsure() {
    let mut scene = roomy(2);
    scene.objects.remove(&Resource::NodePods);
    let home = home_of(&scene, 0);
    assert_eq!(home.nodes, ["node-0"]);
    assert!(
        home.unsure[0].contains("how much room the nodes have"),
        "{:?}",
        home.unsure
    );
}

#[test]
fn a_node_that_is_closed_to_the_shard_is_no_home() {
    let mut scene = roomy(1);
    scene.merge(Resource::Nodes, "node-0", json!({"spec": {"unschedulable": true}}));
    assert_eq!(why(&home_of(&scene, 0), "node/node-0"), "is cordoned");
    template(&mut scene, json!({"spec": {"tolerations": [{"operator": "Exists"}]}}));
    assert_eq!(
        home_of(&scene, 0).nodes,
        ["node-0"],
        "it goes back to the cordoned node"
    );
    let left = without(&scene, 0, &BTreeSet::from(["node-0"]));
    assert!(why(&left, "node/node-0").contains("tolerates every taint"), "{left:?}");
    let mut scene = roomy(1);
    let taint = json!([{"key": "shop", "value": "reserved", "effect": "NoSchedule"}]);
    scene.merge(Resource::Nodes, "node-0", json!({"spec": {"taints": taint}}));
    assert!(why(&home_of(&scene, 0), "node/node-0").contains("shop=reserved:NoSchedule"));
}

#[test]
fn attach_slots_are_counted_without_its_own_disk() {
    let mut scene = roomy(1);
    spare(&mut scene, "spare");
    let limit = |name: &str, count: u32| {
        let drivers = json!([{"name": "disk.csi.azure.com", "nodeID": name, "allocatable": {"count": count}}]);
        json!({"metadata": {"name": name}, "spec": {"drivers": drivers}})
    };
    scene
        .add(Resource::CsiNodes, limit("node-0", 1))
        .add(Resource::CsiNodes, limit("spare", 1));
    let other = |volume: &str| {
        json!({"metadata": {"name": format!("va-{volume}")}, "spec": {
            "attacher": "disk.csi.azure.com", "nodeName": "spare", "source": {"persistentVolumeName": volume},
        }, "status": {"attached": true}})
    };
    assert_eq!(home_of(&scene, 0).nodes, ["node-0", "spare"]);
    scene.add(Resource::VolumeAttachments, other("theirs"));
    let home = home_of(&scene, 0);
    assert_eq!(home.nodes, ["node-0"]);
    assert_eq!(
        why(&home, "node/spare"),
        "has 1 disks of disk.csi.azure.com attached and takes 1"
    );
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    let old = json!({"status": {"allocatable": {"attachable-volumes-csi-disk.csi.azure.com": "1"}}});
    scene.merge(Resource::Nodes, "spare", old);
    assert_eq!(home_of(&scene, 0).nodes, ["node-0"]);
    scene.unreadable(Resource::VolumeAttachments);
    assert!(home_of(&scene, 0).unsure[0].contains("attach slots"));
}

fn anti(term: Value) -> Value {
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn anti_affinity_holds_both_ways() {
    let term =
        |app: &str| json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}});
    let mut scene = roomy(1);
    spare(&mut scene, "spare");
    let mut sibling = neighbour("db-9", "spare", json!({}));
    sibling["metadata"] = json!({"name": "db-9", "namespace": "shop", "labels": {"app": "db"}});
    scene.add(Resource::NodePods, sibling);
    assert_eq!(home_of(&scene, 0).nodes, ["node-0", "spare"]);
    template(&mut scene, json!({"spec": anti(term("db"))}));
    let home = home_of(&scene, 0);
    assert_eq!(home.nodes, ["node-0"], "its own old pod doesn't keep it away");
    assert!(why(&home, "node/spare").contains("keeps away from db-9"), "{home:?}");

    let mut scene = roomy(1);
    scene.add(Resource::NodePods, neighbour("web", "node-0", anti(term("db"))));
    assert!(
        home_of(&scene, 0).exists(),
        "a term speaks of its own namespace unless it says otherwise"
    );
    for wider in [json!({"namespaces": ["shop"]}), json!({"namespaceSelector": {}})] {
        let mut wide = term("db");
        merge(&mut wide, &wider);
        scene.merge(Resource::NodePods, "web", json!({"spec": anti(wide)}));
        assert!(
            why(&home_of(&scene, 0), "node/node-0").contains("kept off by web"),
            "{wider}"
        );
    }
}

#[test]
fn affinity_demands_company_unless_the_shard_is_the_first() {
    let demand = |app: &str| {
        let term = json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": app}}, "namespaceSelector": {}});
        json!({"spec": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}})
    };
    let mut scene = roomy(1);
    template(&mut scene, demand("cache"));
    assert!(why(&home_of(&scene, 0), "node/node-0").contains("pod affinity demands"));
    scene.add(Resource::NodePods, neighbour("cache", "node-0", json!({})));
    assert_eq!(home_of(&scene, 0).nodes, ["node-0"]);
    let mut scene = roomy(1);
    template(&mut scene, demand("db"));
    assert_eq!(home_of(&scene, 0).nodes, ["node-0"]);
}

#[test]
fn a_pool_is_an_answer_within_its_limits_and_zones() {
    let pool = |limit: &str, zones: Value| {
        json!({
            "metadata": {"name": "big"}, "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
            "spec": {"limits": {"memory": limit}, "template": {"metadata": {}, "spec": {
                "requirements": [{"key": ZONE, "operator": "In", "values": zones}],
            }}},
            "status": {"resources": {"memory": "100Gi"}},
        })
    };
    let with = |pool: Value| {
        let mut scene = roomy(1);
        scene.merge(Resource::Nodes, "node-0", json!({"spec": {"unschedulable": true}}));
        scene.set(Resource::NodePools, Read::Got(vec![pool]));
        home_of(&scene, 0)
    };
    assert_eq!(with(pool("200Gi", json!(["zone-1"]))).pools, ["big"]);
    let small = with(pool("120Gi", json!(["zone-1"])));
    assert_eq!(
        why(&small, "nodepool/big"),
        "has 20Gi of memory left below its limit: the shard asks for 32Gi"
    );
    assert!(why(&with(pool("200Gi", json!(["zone-2"]))), "nodepool/big").contains("zone"));
}

#[test]
fn a_disk_in_one_host_needs_that_host() {
    let mut scene = roomy(1);
    spare(&mut scene, "spare");
    let host =
        json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-0"]}]}]);
    let local = json!({"spec": {"csi": null, "local": {"path": "/d"}, "nodeAffinity": {"required": {"nodeSelectorTerms": host}}}});
    scene.merge(Resource::Volumes, "pv-0", local);
    scene.set(
        Resource::NodePools,
        Read::Got(vec![
            json!({"metadata": {"name": "big"}, "spec": {"template": {"spec": {}}}}),
        ]),
    );
    let home = home_of(&scene, 0);
    assert_eq!((home.nodes, home.pools), (vec!["node-0".to_owned()], Vec::new()));
}

#[test]
fn what_is_not_simulated_is_said() {
    let mut scene = roomy(1);
    template(
        &mut scene,
        json!({"spec": {"schedulerName": "other", "runtimeClassName": "kata"}}),
    );
    let home = home_of(&scene, 0);
    assert_eq!(home.unsure.len(), 2, "{:?}", home.unsure);
}

#[test]
fn a_redacted_recording_names_no_pod_of_another_namespace() {
    let mut scene = roomy(1);
    let mut other = neighbour("payroll", "node-0", asking("1", "1Gi"));
    other["metadata"]["namespace"] = json!("wages");
    other["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "payroll-rs", "uid": "u"}]);
    scene.add(Resource::NodePods, other);
    let redacted = serde_json::to_string(&redact(&scene.recording()).unwrap()).unwrap();
    for name in ["payroll", "wages"] {
        assert!(!redacted.contains(name), "{name} is in {redacted}");
    }
}
