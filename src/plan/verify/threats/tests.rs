//! Actors and what stops them, over small snapshots.

use serde_json::{Value, json};

use super::THR_01;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{Scene, words};

fn workload(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "tools"}, "spec": {"selector": {}, "template": {}}})
}

#[test]
fn a_program_that_was_scaled_to_no_replicas_takes_nobody_down() {
    let mut scene = Scene::healthy(3);
    open_budget(&mut scene);
    let before = judged(&scene).0;
    let mut descheduler = workload("descheduler");
    descheduler["spec"]["replicas"] = json!(0);
    scene.add(Resource::Deployments, descheduler);
    assert_eq!(judged(&scene).0, before);
    scene.merge(Resource::Deployments, "descheduler", json!({"spec": {"replicas": 1}}));
    assert_eq!(judged(&scene).0.len(), before.len() + 1);
}

fn open_budget(scene: &mut Scene) {
    scene.merge(
        Resource::Budgets,
        "db",
        json!({"spec": {"minAvailable": 2}, "status": {"desiredHealthy": 2, "disruptionsAllowed": 1}}),
    );
}

/// The findings, and what the passing line says.
fn judged(scene: &Scene) -> (Vec<String>, String) {
    let judged = scene.judge(&THR_01);
    (words(&judged).1, judged.seen)
}

#[test]
fn cluster_autoscaler_is_held_off_by_the_pods_the_nodes_or_karpenter() {
    let mut scene = Scene::healthy(3);
    scene.add(
        Resource::ClusterAutoscalerStatus,
        json!({"metadata": {"name": "cluster-autoscaler-status"}}),
    );
    let (findings, seen) = judged(&scene);
    assert_eq!(findings, Vec::<String>::new());
    assert!(
        seen.contains("Cluster Autoscaler: safe-to-evict \"false\" on the shards"),
        "{seen}"
    );
    let unmarked = json!({"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": null}}});
    scene.merge(Resource::Pods, "db-1", unmarked);
    assert!(
        judged(&scene)
            .1
            .contains("Cluster Autoscaler: pdb/db allows no eviction")
    );
    open_budget(&mut scene);
    let (findings, _) = judged(&scene);
    assert!(
        findings
            .iter()
            .any(|words| words.contains("Cluster Autoscaler may evict shards")),
        "{findings:?}"
    );
    let kept = json!({"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/scale-down-disabled": "true"}}});
    scene.merge(Resource::Nodes, "node-1", kept);
    let (findings, _) = judged(&scene);
    assert!(
        !findings.iter().any(|words| words.contains("Cluster Autoscaler")),
        "{findings:?}"
    );
}

#[test]
fn what_scales_is_stopped_by_its_own_exclusion_only() {
    let mut scene = Scene::healthy(3);
    scene.add(Resource::Deployments, workload("kube-downscaler"));
    assert!(judged(&scene).0[0].contains("no budget stops scaling"));
    let excluded = json!({"metadata": {"annotations": {"downscaler/exclude": "true"}}});
    scene.merge(Resource::StatefulSets, "db", excluded);
    assert_eq!(judged(&scene).0, Vec::<String>::new());
}

#[test]
fn kedas_own_autoscaler_is_not_counted_twice_and_a_pause_stops_both() {
    let mut scene = Scene::healthy(3);
    let target = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"});
    scene.add(
        Resource::Autoscalers,
        json!({"metadata": {"name": "keda-hpa-q", "ownerReferences": [
                {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "q", "uid": "1"}]},
            "spec": {"maxReplicas": 9, "scaleTargetRef": target}}),
    );
    scene.add(
        Resource::ScaledObjects,
        json!({"metadata": {"name": "q"}, "spec": {"scaleTargetRef": target, "maxReplicaCount": 9}}),
    );
    let (findings, _) = judged(&scene);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].contains("scaledobject/q: KEDA scales statefulset/db between 0 and 9"),
        "{findings:?}"
    );
    let paused = json!({"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}});
    scene.merge(Resource::ScaledObjects, "q", paused);
    assert_eq!(judged(&scene).0, Vec::<String>::new());
}

#[test]
fn a_pause_of_keda_at_a_number_stops_it_only_where_that_is_the_number_of_shards() {
    let mut scene = Scene::healthy(3);
    scene.add(
        Resource::ScaledObjects,
        json!({"metadata": {"name": "q"}, "spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "db"}}}),
    );
    let paused_at = |scene: &mut Scene, count: &str| {
        // A plain pause beside the number changes nothing.
        let pauses = json!({"autoscaling.keda.sh/paused": "true", "autoscaling.keda.sh/paused-replicas": count});
        scene.merge(
            Resource::ScaledObjects,
            "q",
            json!({"metadata": {"annotations": pauses}}),
        );
        scene.judge(&THR_01)
    };
    let equal = paused_at(&mut scene, "3");
    assert_eq!(words(&equal), ("pass", vec![]));
    assert!(
        equal.seen.contains("scaledobject/q: paused at 3 replicas"),
        "{}",
        equal.seen
    );

    let other = paused_at(&mut scene, "1");
    let findings = words(&other).1;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].contains(
            "scaledobject/q: autoscaling.keda.sh/paused-replicas pins statefulset/db to 1, where there should be 3"
        ),
        "{findings:?}"
    );
    let remedy = other.findings[0].remedy.concat();
    assert!(
        remedy.contains("annotate scaledobject q autoscaling.keda.sh/paused-replicas=3 --overwrite"),
        "{remedy}"
    );

    let unread = words(&paused_at(&mut scene, "three")).1;
    assert!(
        unread[0].contains("KEDA scales statefulset/db between 0 and 100"),
        "{unread:?}"
    );
}

#[test]
fn a_resize_in_place_that_restarts_passes_a_closed_budget_by() {
    let mut scene = Scene::healthy(3);
    scene.add(
        Resource::VerticalAutoscalers,
        json!({"metadata": {"name": "v"}, "spec": {"targetRef": {"kind": "StatefulSet", "name": "db"},
            "updatePolicy": {"updateMode": "InPlaceOrRecreate"}}}),
    );
    assert_eq!(judged(&scene).0, Vec::<String>::new());
    scene.edit(Resource::StatefulSets, "db", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["resizePolicy"] =
            json!([{"resourceName": "memory", "restartPolicy": "RestartContainer"}]);
    });
    assert!(judged(&scene).0[0].contains("resizes shards in place"));
    scene.merge(
        Resource::VerticalAutoscalers,
        "v",
        json!({"spec": {"updatePolicy": {"updateMode": "Off"}}}),
    );
    assert_eq!(judged(&scene).0, Vec::<String>::new());
}

#[test]
fn an_upgrade_of_node_images_counts_while_its_events_are_fresh() {
    let mut scene = Scene::healthy(3);
    let drain = json!({"type": "Normal", "reason": "Drain", "message": "Draining node"});
    scene.event("Node", "node-9", "2026-03-01T11:50:00Z", drain.clone());
    assert!(
        judged(&scene)
            .1
            .contains("an upgrade of node images (Drain of node/node-9, 10m ago): pdb/db")
    );
    open_budget(&mut scene);
    let (findings, _) = judged(&scene);
    assert!(
        findings.iter().any(|words| words.contains("an upgrade of node images")),
        "{findings:?}"
    );
    let mut scene = Scene::healthy(3);
    scene.event("Node", "node-9", "2026-03-01T10:50:00Z", drain);
    assert!(!judged(&scene).1.contains("upgrade of node images ("));
}

#[test]
fn a_notice_on_a_node_is_told_with_what_stops_it_and_nodes_elsewhere_are_not() {
    let mut scene = Scene::healthy(3);
    let leaving = json!({"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule", "value": "1"});
    scene.merge(Resource::Nodes, "node-0", json!({"spec": {"taints": [leaving]}}));
    let (findings, seen) = judged(&scene);
    assert_eq!(findings, Vec::<String>::new());
    assert!(
        seen.contains("node/node-0 with db-0: Cluster Autoscaler is emptying it: pdb/db"),
        "{seen}"
    );
    let mut scene = Scene::healthy(2);
    scene.add(
        Resource::Nodes,
        json!({"metadata": {"name": "web"}, "spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}}),
    );
    assert_eq!(judged(&scene).0, Vec::<String>::new());
}

#[test]
fn what_could_not_be_read_is_not_called_harmless() {
    for resource in [
        Resource::Budgets,
        Resource::DaemonSets,
        Resource::Autoscalers,
        Resource::NodePools,
        Resource::ClusterEvents,
        Resource::VerticalAutoscalers,
    ] {
        let mut scene = Scene::healthy(3);
        scene.unreadable(resource);
        let judged = scene.judge(&THR_01);
        assert_eq!(words(&judged).0, "unknown", "{resource:?}: {judged:?}");
    }
}
