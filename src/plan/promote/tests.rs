//! Which promotions are refused, with which numbers.

use serde_json::json;

use super::places::{is_begun, is_bound, is_in_place, widened};
use super::*;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::plan::manifest::{Manifest, manifests};
use crate::plan::verify::testing::Scene;

fn refused(scene: &Scene, change: impl Fn(&mut Workload), begins: bool) -> Vec<String> {
    let mut workload = Workload {
        shards: 3,
        ..Workload::default()
    };
    change(&mut workload);
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let catalogue = Catalogue::azure(None).unwrap();
    judge(&seen, &workload, &catalogue, begins)
        .into_iter()
        .map(|refusal| format!("{}: {} {}", refusal.id, refusal.message, refusal.evidence.join("; ")))
        .collect()
}

fn scene() -> Scene {
    let mut scene = Scene::healthy(3);
    scene.set(Resource::NodePools, Read::Got(Vec::new()));
    for node in ["node-0", "node-1", "node-2"] {
        let of_pool = json!({"metadata": {"labels": {"karpenter.sh/nodepool": "biometric-explore"}}});
        scene.merge(Resource::Nodes, node, of_pool);
    }
    scene
}

#[test]
fn shards_that_fit_may_be_promoted() {
    assert_eq!(refused(&scene(), |_| (), true), Vec::<String>::new());
}

#[test]
fn what_the_nodes_of_that_size_have_left_decides() {
    let mut scene = scene();
    scene.merge(
        Resource::Nodes,
        "node-1",
        json!({"status": {"allocatable": {"memory": "31Gi"}}}),
    );
    let told = refused(&scene, |_| (), true);
    assert!(
        told.len() == 1
            && told[0].starts_with("size-too-small: Standard_E16s_v5 holds no shard")
            && told[0].contains("of memory"),
        "{told:?}"
    );
}

#[test]
fn a_disk_in_a_zone_that_is_left_out_refuses() {
    let told = refused(&scene(), |of| of.zones = vec!["eastus-1".to_owned()], true);
    assert!(
        told.iter()
            .any(|line| line.starts_with("zone-left-out: it may buy machines in eastus-1 alone")),
        "{told:?}"
    );
}

#[test]
fn machines_are_counted_zone_by_zone() {
    let spread = |zones: &[u32], anywhere: u32| Spread {
        zones: zones
            .iter()
            .enumerate()
            .map(|(at, count)| (format!("z{at}"), *count))
            .collect(),
        anywhere,
        most_a_zone: None,
    };
    assert_eq!(needed(&spread(&[4, 4, 1], 0), 3), 5);
    assert_eq!(needed(&spread(&[3, 3, 3], 0), 3), 3);
    assert_eq!(needed(&spread(&[1], 3), 3), 2);
    assert_eq!(needed(&spread(&[], 7), 3), 3);
}

#[test]
fn more_machines_than_the_limits_have_room_for_are_refused_with_the_numbers() {
    // By the model a machine holds three: one, and one more for a shard that moves. The nodes that are there have room for one each.
    let mut scene = scene();
    for node in ["node-0", "node-1", "node-2"] {
        scene.merge(
            Resource::Nodes,
            node,
            json!({"status": {"allocatable": {"memory": "40Gi"}}}),
        );
    }
    let limits = refused(&scene, |of| of.zones = vec!["eastus-1".to_owned()], true);
    assert!(
        limits.iter().any(|line| line.starts_with(
            "pool-limits: the shards take 3 machines of Standard_E16s_v5, and its limits have room for 2"
        ) && line.contains("1 on a machine")),
        "{limits:?}"
    );
}

#[test]
fn another_number_of_shards_is_no_promotion() {
    let told = refused(&scene(), |of| of.shards = 2, true);
    assert_eq!(told, ["also-scales: there are 3 shards, and 2 are asked for "]);
}

#[test]
fn a_shard_that_is_down_refuses_a_promotion_that_begins_and_none_that_goes_on() {
    let mut scene = scene();
    let name = scene.snapshot().pods.got().unwrap()[1].metadata.name.clone().unwrap();
    let unready = json!([{"type": "Ready", "status": "False"}]);
    scene.edit(Resource::Pods, &name, |pod| pod["status"]["conditions"] = unready);
    assert!(
        refused(&scene, |_| (), true)
            .iter()
            .any(|line| line.starts_with("shard-down"))
    );
    assert_eq!(refused(&scene, |_| (), false), Vec::<String>::new());
}

/// The scene with its nodes in the stable pool, of the size of each.
fn stable(sizes: [(&str, &str, &str); 3]) -> Scene {
    let mut scene = scene();
    for (node, (size, cpu, memory)) in ["node-0", "node-1", "node-2"].into_iter().zip(sizes) {
        let labels = json!({"karpenter.sh/nodepool": "biometric-stable", "node.kubernetes.io/instance-type": size});
        let has = json!({"cpu": cpu, "memory": memory});
        let patch = json!({"metadata": {"labels": labels}, "status": {"capacity": has}});
        scene.merge(Resource::Nodes, node, patch);
    }
    scene
}

/// The limits that the stable pool is written with.
fn limits(scene: &Scene) -> (String, String) {
    let workload = Workload {
        shards: 3,
        ..Workload::default()
    };
    let rendered = manifests(&workload, Phase::Stable, &Catalogue::azure(None).unwrap()).unwrap();
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let all = widened(&rendered, &seen, &workload);
    assert_eq!(all.len(), rendered.len());
    let pool = all.iter().find_map(|of| match of {
        Manifest::NodePool(pool) => Some(pool.spec.limits.clone()),
        _ => None,
    });
    let limits = pool.unwrap();
    (limits["cpu"].clone(), limits["memory"].clone())
}

#[test]
fn nodes_of_another_size_have_room_beside_as_long_as_shards_come_off_them() {
    let own = ("Standard_E16s_v5", "16", "128Gi");
    let before = ("Standard_E32s_v5", "32", "256Gi");
    let text = |cpu: &str, memory: &str| (cpu.to_owned(), memory.to_owned());
    assert_eq!(
        limits(&scene()),
        text("64", "512Gi"),
        "explore's nodes are another pool's"
    );
    assert_eq!(limits(&stable([own, own, own])), text("64", "512Gi"));
    assert_eq!(limits(&stable([own, before, own])), text("96", "768Gi"));
    assert_eq!(limits(&stable([before, before, before])), text("160", "1280Gi"));
}

#[test]
fn a_shard_is_in_place_on_the_pool_and_the_size_and_nowhere_else() {
    let own = ("Standard_E16s_v5", "16", "128Gi");
    let scene = stable([own, ("Standard_E32s_v5", "32", "256Gi"), own]);
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let workload = Workload::default();
    let shards = seen.every_shard().unwrap();
    let right = |shard: &crate::plan::verify::seen::Shard<'_>| shard.pod.and_then(pod::node) != Some("node-1");
    for shard in &shards {
        assert_eq!(is_in_place(&seen, shard, &workload), right(shard), "{}", shard.name);
        assert!(!is_begun(shard, &workload), "{}", shard.name);
    }
}

#[test]
fn only_a_pod_that_has_to_be_on_a_pool_is_bound_to_it() {
    let spec = |phase: Phase| {
        let all = manifests(&Workload::default(), phase, &Catalogue::azure(None).unwrap()).unwrap();
        all.into_iter()
            .find_map(|of| match of {
                Manifest::StatefulSet(set) => set.spec.and_then(|spec| spec.template.spec),
                _ => None,
            })
            .unwrap()
    };
    assert!(is_bound(&spec(Phase::Stable), "biometric-stable"));
    assert!(!is_bound(&spec(Phase::Stable), "biometric-explore"));
    assert!(
        !is_bound(&spec(Phase::Explore), "biometric-explore"),
        "a wish binds nobody"
    );
}
