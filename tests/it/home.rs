//! Where a shard can live: what is foretold from a snapshot, held against what the real scheduler then does.
//!
//! Where no home is foretold the shard must stay Pending, and once the obstacle is gone it must take one that is foretold
//! then: so the obstacle was the reason.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use shardctl::cluster::connect::{Target, connect};
use shardctl::model::set;
use shardctl::model::snapshot::Snapshot;
use shardctl::operations::observe::{Wanted, observe};
use shardctl::plan::safety::home::{Home, Newcomer, World, home};
use shardctl::plan::verify::policy::Policy;
use shardctl::plan::verify::seen::Seen;

use crate::cluster::Scene;

fn snapshot(scene: &Scene<'_>) -> Snapshot {
    let target = Target {
        kubeconfig: Some(scene.kubeconfig().to_owned()),
        context: None,
        namespace: None,
        as_user: None,
        as_groups: Vec::new(),
        request_timeout: Duration::from_secs(30),
    };
    let wanted = Wanted {
        statefulset: Some(scene.name().to_owned()),
        dns: None,
        dns_timeout: Duration::from_secs(5),
        room: true,
        usage: false,
        domain: None,
        logs: false,
        probe_protection: false,
        policy: Policy::default(),
    };
    let seen = scene.plane().run(async {
        let connection = connect(&target).await?;
        observe(&connection, &wanted).await
    });
    seen.expect("a snapshot").snapshot
}

/// What is foretold for a shard, among the scene's own nodes.
fn foretold(scene: &Scene<'_>, ordinal: u32) -> Home {
    let snapshot = snapshot(scene);
    let policy = Policy::default();
    let seen = Seen::of(&snapshot, &policy);
    let found = seen.set().expect("the set");
    let newcomer = Newcomer {
        template: set::template(found).expect("a template"),
        revision: found
            .status
            .as_ref()
            .and_then(|status| status.update_revision.as_deref()),
    };
    let shards = seen.shards().expect("the shards");
    let shard = &shards[ordinal as usize];
    let answer = home(&World::of(&seen), shard, newcomer, &BTreeSet::new());
    assert!(answer.unsure.is_empty(), "{:?}", answer.unsure);
    answer
}

/// What is said of a node.
fn why<'a>(answer: &'a Home, node: &str) -> &'a str {
    let object = format!("node/{node}");
    let found = answer.refused.iter().find(|(refused, _)| *refused == object);
    found.map_or("", |(_, why)| why)
}

/// Deletes a shard and waits for its new pod: the node that it is given, or none once the scheduler has found none.
fn replaced(scene: &Scene<'_>, ordinal: u32) -> Option<String> {
    let before = scene.uid(ordinal);
    scene.delete::<Pod>(&scene.pod_name(ordinal));
    let mut place = None;
    scene.wait_until("the scheduler has decided", |scene| {
        let Some(pod) = scene.find::<Pod>(&scene.pod_name(ordinal)) else {
            return false;
        };
        if pod.metadata.uid == before {
            return false;
        }
        place = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        place.is_some() || is_unschedulable(&pod)
    });
    place
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("Unschedulable"))
}

/// No home is foretold and the shard stays Pending; after `mend` one is, and the shard goes there.
fn assert_homeless_until(scene: &Scene<'_>, ordinal: u32, mend: impl FnOnce()) {
    let answer = foretold(scene, ordinal);
    assert!(!answer.exists(), "{answer:?}");
    assert_eq!(
        replaced(scene, ordinal),
        None,
        "the scheduler found a place: {answer:?}"
    );
    mend();
    let answer = foretold(scene, ordinal);
    assert!(answer.exists(), "{answer:?}");
    scene.wait_until("the shard has a place", |scene| {
        let pod = scene.find::<Pod>(&scene.pod_name(ordinal));
        pod.is_some_and(|pod| pod.spec.is_some_and(|spec| spec.node_name.is_some()))
    });
    assert!(answer.nodes.contains(&scene.node_of(ordinal)), "{answer:?}");
}

/// A home is foretold, and the shard goes there.
fn assert_goes_home(scene: &Scene<'_>, ordinal: u32) -> Home {
    let answer = foretold(scene, ordinal);
    let place = replaced(scene, ordinal);
    assert!(
        place.as_ref().is_some_and(|place| answer.nodes.contains(place)),
        "it went to {place:?}, foretold was {answer:?}"
    );
    answer
}

#[test]
fn a_cordon_leaves_the_other_node_of_the_disks_zone_or_none() {
    let scene = Scene::shards(2)
        .zones(["eastus-1", "eastus-2"])
        .nodes_per_zone(2)
        .start();
    let own = scene.node_of(1);
    assert_eq!(foretold(&scene, 1).nodes.first(), Some(&own));
    scene.cordon(&own, true);
    let answer = assert_goes_home(&scene, 1);
    assert_eq!(answer.nodes.len(), 1, "the other node of its zone: {answer:?}");
    assert_eq!(why(&answer, &own), "is cordoned");
    scene.wait_until_healthy();
    let second = scene.node_of(1);
    scene.cordon(&second, true);
    assert_homeless_until(&scene, 1, || scene.cordon(&second, false));
}

#[test]
fn a_taint_keeps_the_shard_away() {
    let scene = Scene::shards(1).zones(["eastus-1"]).start();
    let own = scene.node_of(0);
    let taint = |taints: Value| drop(scene.patch::<Node>(&own, json!({"spec": {"taints": taints}})));
    taint(json!([{"key": "dedicated", "value": "web", "effect": "NoSchedule"}]));
    assert!(why(&foretold(&scene, 0), &own).contains("dedicated=web:NoSchedule"));
    assert_homeless_until(&scene, 0, || taint(json!([])));
}

#[test]
fn memory_is_counted_to_the_last_byte() {
    let scene = Scene::shards(1)
        .zones(["eastus-1"])
        .node_size("16", "128Gi")
        .shard_size("1", "8Gi")
        .start();
    let own = scene.node_of(0);
    // Of the shard's own priority: a pod below it would be preempted.
    let filler = |name: &str, memory: &str| {
        scene.apply(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": own, "priorityClassName": scene.namespace(), "containers": [{
                "name": "c", "image": "registry.example/filler:1", "resources": {"requests": {"memory": memory}},
            }]},
        }));
    };
    filler("filler", "120Gi");
    assert_eq!(assert_goes_home(&scene, 0).nodes, std::slice::from_ref(&own));
    scene.wait_until_healthy();
    filler("straw", "1");
    assert!(why(&foretold(&scene, 0), &own).contains("of memory free"));
    assert_homeless_until(&scene, 0, || {
        scene.delete::<Pod>("straw");
        scene.wait_until("the filler is gone", |scene| scene.find::<Pod>("straw").is_none());
    });
}

#[test]
fn anti_affinity_forbids_the_node_of_another_shard() {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "shard"}}});
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .template(json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}}))
        .start();
    let (own, other) = (scene.node_of(0), scene.node_of(1));
    assert_goes_home(&scene, 0);
    scene.wait_until_healthy();
    scene.cordon(&own, true);
    assert!(why(&foretold(&scene, 0), &other).contains("keeps away from shard-1"));
    assert_homeless_until(&scene, 0, || scene.cordon(&own, false));
}

#[test]
fn attach_slots_are_counted() {
    let spread = json!([{
        "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "shard"}},
    }]);
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .attach_limit(1)
        .template(json!({"spec": {"topologySpreadConstraints": spread}}))
        .start();
    let (own, other) = (scene.node_of(0), scene.node_of(1));
    scene.cordon(&own, true);
    assert!(why(&foretold(&scene, 0), &other).contains("disks of disk.test.shardctl.dev attached"));
    assert_homeless_until(&scene, 0, || scene.cordon(&own, false));
}

/// Three shards on three nodes, a hostname spread that forbids, and the first shard's node cordoned.
fn spread_over_three(taints_policy: &str) -> Scene<'static> {
    let spread = json!([{
        "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": taints_policy, "labelSelector": {"matchLabels": {"app": "shard"}},
    }]);
    let scene = Scene::shards(3)
        .zones(["eastus-1"])
        .nodes_per_zone(3)
        .template(json!({"spec": {"topologySpreadConstraints": spread}}))
        .start();
    scene.cordon(&scene.node_of(0), true);
    scene
}

#[test]
fn a_cordoned_node_is_a_domain_of_the_spread_where_taints_are_ignored() {
    let scene = spread_over_three("Ignore");
    let (own, other) = (scene.node_of(0), scene.node_of(1));
    assert!(why(&foretold(&scene, 0), &other).contains("maxSkew is 1"));
    assert_homeless_until(&scene, 0, || scene.cordon(&own, false));
}

#[test]
fn a_cordoned_node_is_no_domain_of_the_spread_where_taints_are_honoured() {
    let scene = spread_over_three("Honor");
    let own = scene.node_of(0);
    let cordoned = |node: &Node| {
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        taints.is_some_and(|taints| {
            taints
                .iter()
                .any(|taint| taint.key == "node.kubernetes.io/unschedulable")
        })
    };
    // The scheduler goes by the taint, which follows the cordon.
    scene.wait_until("the cordon is a taint", |scene| cordoned(&scene.get::<Node>(&own)));
    assert_eq!(assert_goes_home(&scene, 0).nodes.len(), 2);
}

#[test]
fn a_pool_makes_a_node_unless_its_limits_forbid() {
    let scene = Scene::shards(1).on_karpenter("Standard_E16s_v5", "1s").start();
    let own = scene.node_of(0);
    scene.cordon(&own, true);
    let answer = foretold(&scene, 0);
    assert_eq!((answer.nodes.len(), answer.pools.len()), (0, 1), "{answer:?}");
    scene.delete::<Pod>(&scene.pod_name(0));
    scene.wait_until("the shard is on a new node", |scene| {
        let pod = scene.find::<Pod>(&scene.pod_name(0));
        let place = pod.and_then(|pod| pod.spec?.node_name);
        place.is_some_and(|place| place != own)
    });
    scene.wait_until_healthy();

    let new = scene.node_of(0);
    let pool = &answer.pools[0];
    let pools = || scene.list_any("karpenter.sh/v1", "NodePool", "");
    let found = || {
        pools()
            .into_iter()
            .find(|found| found["metadata"]["name"] == pool.as_str())
    };
    scene.wait_until("the pool counts what it made", |_| {
        found().is_some_and(|found| found["status"]["resources"]["memory"].is_string())
    });
    // Less than one shard takes: whatever Karpenter gives back of the first node, nothing fits below it.
    let mut spec = found().expect("the pool")["spec"].clone();
    spec["limits"] = json!({"memory": "1Gi"});
    scene.apply(json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": pool}, "spec": spec,
    }));
    scene.cordon(&new, true);
    assert_homeless_until(&scene, 0, || scene.cordon(&new, false));
}
