//! THR-01: each actor that could take a shard down, with what stops it.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::edited::{judged, object, objects, recorded};
use super::{assert_fails, verify};
use crate::cluster::Scene;

#[test]
fn a_horizontal_autoscaler_on_the_set_is_a_threat_unless_pinned() {
    let scene = Scene::shards(3).start();
    let autoscaler = |least: u32, most: u32| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "scaler"},
            "spec": {"minReplicas": least, "maxReplicas": most,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shard"},
                "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
    };
    scene.apply(autoscaler(3, 9));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["THR-01"], &[]);
    let words = seen.words("THR-01");
    assert!(
        words.contains("hpa/scaler") && words.contains("between 3 and 9 replicas"),
        "{words}"
    );
    assert!(words.contains("stopped, any eviction"), "{words}");
    scene.apply(autoscaler(3, 3));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &[], &[]);
    assert!(seen.words("THR-01").contains("hpa/scaler: pinned to 3 replicas"));
}

#[test]
fn an_evicting_program_is_a_threat_only_while_the_budget_is_open() {
    let scene = Scene::shards(3).start();
    let labels = json!({"app.kubernetes.io/name": "kured"});
    // It selects no node, so it does nothing but be there.
    scene.apply(
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "reboots", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"nodeSelector": {"test.shardctl.dev/none": "true"},
                "containers": [{"name": "kured", "image": "registry.example/kured:1"}]}}}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &[], &[]);
    assert!(
        seen.words("THR-01").contains("kured: pdb/shard allows no eviction"),
        "{}",
        seen.words("THR-01")
    );
    scene.patch::<PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 2}}));
    scene.wait_until("an eviction is allowed", |scene| {
        scene.budget().status.and_then(|status| status.disruptions_allowed) == Some(1)
    });
    let seen = verify(&scene, &["--expect", "3"]);
    assert_fails(&seen, "PDB-02", &["PDB-03"], &["THR-01"], &[]);
    let words = seen.words("THR-01");
    assert!(words.contains("can take 1 of the shards down"), "{words}");
    assert!(words.contains("kured may evict shards"), "{words}");
}

#[test]
fn notices_and_evicting_taints_on_a_shards_node_are_named() {
    let scene = Scene::shards(3)
        .template(json!({"spec": {"tolerations": [
            {"key": "maintenance", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3600}]}}))
        .start();
    scene.patch::<Node>(
        &scene.node_of(0),
        json!({"spec": {"taints": [{"key": "maintenance", "effect": "NoExecute"}]}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["THR-01"], &[]);
    let words = seen.words("THR-01");
    assert!(
        words.contains("the taint maintenance deletes shard-0 after 3600s"),
        "{words}"
    );
}

#[test]
fn actors_that_the_test_cluster_has_not_are_judged_too() {
    let scene = Scene::shards(3).start();
    let original = recorded(&scene);
    let node = scene.node_of(2);
    let judge = |edit: &dyn Fn(&mut Value)| {
        let mut snapshot = original.clone();
        edit(&mut snapshot);
        judged(&scene, &snapshot, &[])
    };

    let seen = judge(&|snapshot| {
        objects(snapshot, "scaled-objects").push(json!({"metadata": {"name": "queue"},
            "spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "shard"}, "minReplicaCount": 1}}));
    });
    seen.assert_only(&[], &["THR-01"], &[]);
    assert!(
        seen.words("THR-01")
            .contains("KEDA scales statefulset/shard between 1 and 100")
    );

    let vertical = |mode: &str| {
        json!({"metadata": {"name": "size"}, "spec": {"targetRef": {"kind": "StatefulSet", "name": "shard"},
            "updatePolicy": {"updateMode": mode}}})
    };
    let seen = judge(&|snapshot| objects(snapshot, "vertical-autoscalers").push(vertical("Recreate")));
    seen.assert_only(&[], &[], &[]);
    assert!(
        seen.words("THR-01")
            .contains("vpa/size (updateMode Recreate): pdb/shard allows no eviction")
    );

    let seen = judge(&|snapshot| {
        let name = node.clone();
        object(snapshot, "nodes", &name)["status"]["conditions"]
            .as_array_mut()
            .expect("conditions")
            .push(
                json!({"type": "VMEventScheduled", "status": "True", "reason": "RebootScheduled", "message": "soon"}),
            );
    });
    seen.assert_only(&[], &["NODE-01", "THR-01"], &[]);
    assert!(
        seen.words("THR-01")
            .contains("an event of the machine is announced (RebootScheduled)")
    );

    let seen = judge(&|snapshot| {
        let at = snapshot["taken"]["at"].clone();
        object(snapshot, "budgets", "shard")["status"]["disruptedPods"] = json!({"shard-1": at});
    });
    seen.assert_only(&[], &["THR-01"], &[]);
    assert!(seen.words("THR-01").contains("an eviction of shard-1 was asked for"));

    let seen = judge(&|snapshot| {
        objects(snapshot, "deployments").push(
            json!({"metadata": {"name": "py-kube-downscaler", "namespace": "tools"}, "spec": {
                "selector": {}, "template": {}}}),
        );
    });
    seen.assert_only(&[], &["THR-01"], &[]);
    assert!(
        seen.words("THR-01")
            .contains("kube-downscaler scales StatefulSets down by the clock")
    );

    let seen = judge(&|snapshot| snapshot["objects"]["deployments"] = json!({"unreadable": "forbidden"}));
    seen.assert_only(&[], &[], &["POD-08", "THR-01"]);
}
