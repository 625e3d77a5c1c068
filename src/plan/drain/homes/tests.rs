//! Where shards go one after another, over small scenes.

use serde_json::{Value, json};

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{Scene, merge};

/// Three shards, each alone in its zone, with every pod of the cluster read; the spread over zones is the tests' own matter.
fn scene() -> Scene {
    let mut scene = Scene::healthy(3);
    let free = json!({"spec": {"template": {"spec": {"topologySpreadConstraints": null}}}});
    scene.merge(Resource::StatefulSets, "db", free);
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    let pods = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, pods);
    scene
}

/// Puts a shard and its disk onto a node of zone-1.
fn onto(scene: &mut Scene, ordinal: usize, node: &str) {
    let to = json!({"spec": {"nodeName": node}});
    for list in [Resource::Pods, Resource::NodePods] {
        scene.merge(list, &format!("db-{ordinal}"), to.clone());
    }
    let zone = json!([{"matchExpressions": [{"key": volume::ZONE, "operator": "In", "values": ["zone-1"]}]}]);
    let affinity = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": zone}}}});
    scene.merge(Resource::Volumes, &format!("pv-{ordinal}"), affinity);
    scene.merge(Resource::VolumeAttachments, &format!("va-{ordinal}"), to);
}

/// A node beside `node-0` in its zone.
fn spare(scene: &mut Scene, name: &str, patch: Value) {
    let Some(Read::Got(nodes)) = scene.objects.get(&Resource::Nodes) else {
        panic!("nodes");
    };
    let mut node = nodes[0].clone();
    merge(
        &mut node,
        &json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}),
    );
    merge(&mut node, &patch);
    scene.add(Resource::Nodes, node);
}

fn with<T>(scene: &Scene, nodes: &[&str], then: Afterwards, judge: impl Fn(&Seen<'_>, &[Move], &[&Node]) -> T) -> T {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let order: Vec<&Node> = nodes.iter().map(|name| seen.node(name).unwrap().unwrap()).collect();
    let found = moves(&seen, &order, then).unwrap();
    judge(&seen, &found, &order)
}

fn goes(scene: &Scene, nodes: &[&str], then: Afterwards) -> Vec<(String, Place)> {
    with(scene, nodes, then, |_, moves, _| {
        let each = moves.iter().map(|one| (one.shard.clone(), one.to.clone()));
        each.collect()
    })
}

fn refused(scene: &Scene, nodes: &[&str]) -> Vec<Refusal> {
    with(scene, nodes, Afterwards::Cordoned, refusals)
}

fn to(shard: &str, node: &str) -> (String, Place) {
    (shard.to_owned(), Place::Node(node.to_owned()))
}

fn nowhere(shard: &str) -> (String, Place) {
    (shard.to_owned(), Place::Nowhere)
}

#[test]
fn the_first_shard_takes_its_room_from_the_next() {
    let mut scene = scene();
    onto(&mut scene, 2, "node-0");
    // Room for one of 32Gi.
    spare(
        &mut scene,
        "small",
        json!({"status": {"allocatable": {"memory": "40Gi"}}}),
    );
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found, [to("db-2", "small"), nowhere("db-0")]);
    spare(
        &mut scene,
        "other",
        json!({"status": {"allocatable": {"memory": "40Gi"}}}),
    );
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found, [to("db-2", "other"), to("db-0", "small")]);
}

#[test]
fn a_disk_that_moved_takes_its_slot_from_the_next() {
    let mut scene = scene();
    onto(&mut scene, 2, "node-0");
    spare(&mut scene, "spare", json!({}));
    let drivers = json!([{"name": "disk.csi.azure.com", "nodeID": "spare", "allocatable": {"count": 1}}]);
    scene.add(
        Resource::CsiNodes,
        json!({"metadata": {"name": "spare"}, "spec": {"drivers": drivers}}),
    );
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found, [to("db-2", "spare"), nowhere("db-0")]);
}

#[test]
fn the_place_that_another_shard_has_alone_is_left_to_it() {
    let mut scene = scene();
    onto(&mut scene, 2, "node-0");
    let small = |taken: &str| json!({"status": {"allocatable": {"memory": taken}}});
    spare(&mut scene, "a", small("40Gi"));
    spare(&mut scene, "b", small("40Gi"));
    // The disk of shard 0 hangs on `a`.
    let host = json!([{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]);
    let affinity = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": host}}}});
    scene.merge(Resource::Volumes, "pv-0", affinity);
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found, [to("db-2", "b"), to("db-0", "a")]);
}

#[test]
fn a_shard_that_is_down_goes_first() {
    let mut scene = scene();
    onto(&mut scene, 2, "node-0");
    spare(&mut scene, "spare", json!({}));
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    scene.merge(Resource::Pods, "db-0", unready);
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found, [to("db-0", "spare"), to("db-2", "spare")]);
}

#[test]
fn nodes_of_the_same_drain_take_no_shard_before_they_are_done() {
    let mut scene = scene();
    spare(&mut scene, "next", json!({}));
    let both = ["node-0", "next"];
    assert_eq!(goes(&scene, &both, Afterwards::Cordoned), [nowhere("db-0")]);
    assert_eq!(
        goes(&scene, &["next", "node-0"], Afterwards::Cordoned),
        [nowhere("db-0")]
    );
    // An emptied one that takes pods again is the spare of the next.
    assert_eq!(
        goes(&scene, &["next", "node-0"], Afterwards::Uncordoned),
        [to("db-0", "next")]
    );
    let reopened = json!({"spec": {"unschedulable": true}});
    scene.merge(Resource::Nodes, "next", reopened);
    assert_eq!(
        goes(&scene, &["next", "node-0"], Afterwards::Uncordoned),
        [to("db-0", "next")]
    );
}

#[test]
fn a_pool_makes_nodes_until_its_limit() {
    let mut scene = scene();
    onto(&mut scene, 2, "node-0");
    let pool = json!({
        "metadata": {"name": "big"}, "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
        "spec": {"limits": {"memory": "140Gi"}, "template": {"metadata": {}, "spec": {"requirements": []}}},
        "status": {"resources": {"memory": "100Gi"}},
    });
    scene.set(Resource::NodePools, Read::Got(vec![pool]));
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(
        found,
        [("db-2".to_owned(), Place::Pool("big".to_owned())), nowhere("db-0")]
    );
    scene.set(Resource::NodePools, Read::Got(Vec::new()));
    scene.add(
        Resource::Deployments,
        json!({"metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"}}),
    );
    let found = goes(&scene, &["node-0"], Afterwards::Cordoned);
    assert_eq!(found[0].1, Place::Autoscaler);
    assert!(refused(&scene, &["node-0"]).is_empty());
}

#[test]
fn no_home_is_refused_with_the_size_that_would_do() {
    let mut scene = scene();
    spare(
        &mut scene,
        "small",
        json!({"status": {"allocatable": {"memory": "20Gi"}}}),
    );
    scene.add(Resource::NodePods, json!({
        "metadata": {"name": "agent", "namespace": "kube-system", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": true},
        ]},
        "spec": {"nodeName": "node-0", "containers": [{"name": "a", "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}}]},
        "status": {"phase": "Running"},
    }));
    let found = refused(&scene, &["node-0"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id.as_ref(), found[0].message.as_str()),
        ("no-home", "no other node would take db-0")
    );
    assert!(
        found[0]
            .evidence
            .contains(&"node/small has 20Gi of memory free, of 20Gi: the shard asks for 32Gi".to_owned()),
        "{:?}",
        found[0].evidence
    );
    assert_eq!(
        found[0].remedy.last().map(String::as_str),
        Some(
            "a node in zone-1 would do that has 4 cpu, 32Gi memory to give beside what DaemonSets bring (250m cpu, 512Mi memory); \
             the one it is on is a Standard_E16s_v5"
        )
    );
}

#[test]
fn a_spread_over_hosts_that_counts_the_cordoned_node_is_refused_with_what_mends_it() {
    let mut scene = scene();
    // One shard on each node but the one that is left would hold: every other node would have two.
    let zones = json!([{"matchExpressions": [{"key": volume::ZONE, "operator": "Exists"}]}]);
    for volume in ["pv-0", "pv-1", "pv-2"] {
        let anywhere = json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": zones}}}});
        scene.merge(Resource::Volumes, volume, anywhere);
    }
    let spread = |policy: Value| {
        json!({"spec": {"template": {"spec": {"topologySpreadConstraints": [{
            "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": policy,
            "labelSelector": {"matchLabels": {"app": "db"}},
        }]}}}})
    };
    scene.merge(Resource::StatefulSets, "db", spread(json!(null)));
    let found = refused(&scene, &["node-0"]);
    assert_eq!(found[0].id, "no-home");
    assert!(
        found[0]
            .remedy
            .iter()
            .any(|line| line.contains("nodeTaintsPolicy: Honor")),
        "{:?}",
        found[0].remedy
    );
    scene.merge(Resource::StatefulSets, "db", spread(json!("Honor")));
    assert_eq!(refused(&scene, &["node-0"]), []);
}

#[test]
fn a_shard_that_tolerates_the_cordon_is_refused_with_the_toleration() {
    let mut scene = scene();
    spare(&mut scene, "spare", json!({}));
    let template = |tolerations: Value| json!({"spec": {"template": {"spec": {"tolerations": tolerations}}}});
    scene.merge(Resource::StatefulSets, "db", template(json!([{"operator": "Exists"}])));
    let found = refused(&scene, &["node-0"]);
    assert_eq!(found[0].id, "cordon-tolerated");
    assert!(found[0].message.contains("every taint"), "{}", found[0].message);
    assert_eq!(refused(&scene, &["spare"]), [], "no shard is moved");
    scene.merge(
        Resource::StatefulSets,
        "db",
        template(json!([{"key": "shop", "operator": "Exists"}])),
    );
    assert_eq!(refused(&scene, &["node-0"]), []);
}

#[test]
fn a_pending_template_is_refused_unless_it_is_allowed() {
    let mut scene = scene();
    spare(&mut scene, "spare", json!({}));
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"status": {"updateRevision": "db-2"}}),
    );
    let found = refused(&scene, &["node-0"]);
    assert_eq!((found[0].id.as_ref(), found[0].can_be_allowed), ("also-upgrades", true));
    assert!(
        found[0].message.contains("this drain will also upgrade db-0"),
        "{}",
        found[0].message
    );
    assert_eq!(refused(&scene, &["spare"]), []);
    // A shard below the partition keeps the template that it has.
    let mut parted = scene;
    let strategy = |partition: i32| json!({"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}}});
    parted.merge(Resource::StatefulSets, "db", strategy(1));
    assert_eq!(refused(&parted, &["node-0"]), []);
    parted.merge(Resource::StatefulSets, "db", strategy(0));
    assert_eq!(refused(&parted, &["node-0"])[0].id, "also-upgrades");
    let mut scene = parted;
    scene.merge(
        Resource::Pods,
        "db-0",
        json!({"metadata": {"labels": {"controller-revision-hash": "db-2"}}}),
    );
    assert_eq!(refused(&scene, &["node-0"]), []);
}

#[test]
fn a_virtual_node_is_never_a_home() {
    let mut scene = scene();
    spare(
        &mut scene,
        "aci",
        json!({"metadata": {"labels": {"type": "virtual-kubelet"}}}),
    );
    let found = refused(&scene, &["node-0"]);
    assert!(
        found[0]
            .evidence
            .iter()
            .any(|line| line.starts_with("node/aci is virtual")),
        "{:?}",
        found[0].evidence
    );
}
