//! The preflight, over scenes of which each has one thing wrong.

use serde_json::{Value, json};

use super::*;
use crate::model::mark::MARK;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};

fn healthy() -> Scene {
    let mut scene = Scene::healthy(3);
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    let pods = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, pods);
    scene
}

/// The run that is about to begin.
const RUN: &str = "upgrade/shop/db/4f2a";

fn run(scene: &Scene, change: Change, shards: &[Ordinal], resumes: bool) -> Preflight {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let template = set::template(seen.set().unwrap()).unwrap().clone();
    let aim = Aim {
        template: &template,
        revision: None,
        change,
        shards,
        resumes,
        run: RUN,
        rights: &[],
    };
    preflight(&seen, &aim, NOW.parse().unwrap())
}

fn images() -> Change {
    Change::Images(BTreeSet::from(["db".to_owned()]))
}

fn all(scene: &Scene) -> Preflight {
    run(scene, images(), &[2, 1, 0], false)
}

fn ids(found: &Preflight) -> Vec<&str> {
    found.refusals.iter().map(|refusal| refusal.id.as_ref()).collect()
}

fn notes(found: &Preflight) -> Vec<&str> {
    found.notes.iter().map(|note| note.message.as_str()).collect()
}

fn changed(resource: Resource, name: &str, patch: Value) -> Scene {
    let mut scene = healthy();
    scene.merge(resource, name, patch);
    scene
}

fn of_set(patch: Value) -> Scene {
    changed(Resource::StatefulSets, "db", patch)
}

fn unready(scene: &mut Scene, pod: &str) {
    scene.merge(
        Resource::Pods,
        pod,
        json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
}

#[test]
fn nothing_stops_an_upgrade_of_a_healthy_set() {
    assert_eq!(all(&healthy()), Preflight::default());
}

#[test]
fn another_strategy_is_refused_with_the_patch_that_mends_it() {
    let scene =
        of_set(json!({"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}}));
    let found = all(&scene);
    assert_eq!(ids(&found), ["strategy"]);
    assert!(found.refusals[0].remedy[0].contains(r#""type":"OnDelete","rollingUpdate":null"#));
    assert!(!found.refusals[0].can_be_allowed);
    assert_eq!(
        ids(&all(&of_set(json!({"spec": {"updateStrategy": null}})))),
        ["strategy"]
    );
}

#[test]
fn another_count_than_expected_is_refused() {
    let mut scene = healthy();
    scene.policy.expect = Some(crate::plan::verify::policy::Said {
        value: 4,
        origin: "--expect".to_owned(),
    });
    let found = all(&scene);
    assert!(
        ids(&found).contains(&"replicas") && ids(&found).contains(&"shard-down"),
        "{:?}",
        ids(&found)
    );
}

#[test]
fn a_shard_that_is_down_is_refused_unless_it_will_be_replaced() {
    let mut scene = healthy();
    unready(&mut scene, "db-1");
    assert_eq!(ids(&run(&scene, images(), &[2, 0], false)), ["shard-down"]);
    let found = all(&scene);
    assert_eq!(ids(&found), [""; 0]);
    assert!(notes(&found)[0].contains("replaced first"));
    scene.remove(Resource::Pods, "db-1");
    assert_eq!(ids(&all(&scene)), ["shard-down"]);
}

#[test]
fn a_terminating_shard_is_refused_unless_an_own_run_is_resumed() {
    let going = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:10Z"}});
    let mut scene = changed(Resource::Pods, "db-1", going);
    assert_eq!(ids(&all(&scene)), ["terminating"]);
    assert_eq!(
        ids(&run(&scene, Change::Pending, &[1], true)),
        ["terminating"],
        "it isn't outdated"
    );
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"status": {"updateRevision": "db-2"}}),
    );
    assert_eq!(ids(&run(&scene, Change::Pending, &[1], true)), [""; 0]);
    assert_eq!(ids(&run(&scene, Change::Pending, &[1], false)), ["terminating"]);
}

#[test]
fn what_a_run_that_was_cut_off_took_down_is_waited_for_when_it_is_resumed() {
    let mut scene = healthy();
    unready(&mut scene, "db-1");
    scene.remove(Resource::Pods, "db-2");
    let found = run(&scene, Change::Pending, &[0], true);
    assert_eq!(ids(&found), [""; 0]);
    assert_eq!(
        notes(&found)[..2],
        [
            "db-1 is starting: the run that this one goes on with was at it",
            "db-2 has no pod yet: the run that this one goes on with was at it"
        ]
    );
    assert_eq!(
        ids(&run(&scene, Change::Pending, &[0], false)),
        ["shard-down", "shard-down"]
    );
}

#[test]
fn a_budget_that_lets_a_shard_go_is_refused() {
    for (patch, words) in [
        (json!({"spec": {"minAvailable": 2}}), "minAvailable is 2"),
        (
            json!({"spec": {"minAvailable": null, "maxUnavailable": 1}}),
            "maxUnavailable is 1",
        ),
        (
            json!({"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}}),
            "allows 1 eviction",
        ),
    ] {
        let mut scene = changed(Resource::Budgets, "db", patch);
        scene.policy.expect = Some(crate::plan::verify::policy::Said {
            value: 3,
            origin: "--expect".to_owned(),
        });
        let found = all(&scene);
        assert_eq!(ids(&found), ["budget-relaxed"], "{words}");
        assert!(
            found.refusals[0].message.contains(words),
            "{}",
            found.refusals[0].message
        );
    }
    let mut scene = healthy();
    scene.remove(Resource::Budgets, "db");
    assert!(notes(&all(&scene))[0].contains("no disruption budget"));
}

fn mark(operation: &str, until: &str) -> Value {
    let mark =
        json!({"operation": operation, "by": "ann@host", "since": "2026-03-01T11:00:00Z", "until": until, "was": {}});
    json!({"metadata": {"annotations": {MARK: mark.to_string()}}})
}

#[test]
fn anothers_mark_is_refused_wherever_it_is() {
    let later = "2026-03-01T13:00:00Z";
    for (resource, name) in [
        (Resource::StatefulSets, "db"),
        (Resource::Budgets, "db"),
        (Resource::Nodes, "node-1"),
    ] {
        assert_eq!(
            ids(&all(&changed(resource, name, mark("drain/4f2a", later)))),
            ["mark"],
            "{name}"
        );
    }
    let expired = all(&changed(
        Resource::Budgets,
        "db",
        mark("drain/4f2a", "2026-03-01T11:30:00Z"),
    ));
    assert!(
        expired.refusals[0]
            .remedy
            .iter()
            .any(|line| line == "$ shardctl recover --expired")
    );
    let broken = json!({"metadata": {"annotations": {MARK: "?"}}});
    assert_eq!(ids(&all(&changed(Resource::StatefulSets, "db", broken))), ["mark"]);
}

#[test]
fn marks_of_earlier_runs_on_the_same_set_are_its_own() {
    let found = |operation: &str| {
        let mark = mark(operation, "2026-03-01T13:00:00Z");
        all(&changed(Resource::Nodes, "node-1", mark))
    };
    assert_eq!(ids(&found("upgrade/shop/db/0a1b")), [""; 0]);
    assert_eq!(ids(&found("upgrade/shop/cache/0a1b")), ["mark"]);
    assert_eq!(ids(&found("drain/shop/db/0a1b")), ["mark"]);
}

#[test]
fn a_shard_without_a_home_is_refused_and_one_that_moves_is_told() {
    let mut scene = changed(Resource::Nodes, "node-1", json!({"spec": {"unschedulable": true}}));
    let found = all(&scene);
    assert_eq!(ids(&found), ["no-home"]);
    assert_eq!(found.refusals[0].object, "pod/db-1");
    assert_eq!(found.refusals[0].evidence[0], "node/node-1 is cordoned");
    assert!(
        found.refusals[0]
            .remedy
            .iter()
            .any(|line| line == "$ kubectl uncordon node-1")
    );
    let Some(Read::Got(nodes)) = scene.objects.get(&Resource::Nodes) else {
        panic!("nodes");
    };
    let mut spare = nodes[1].clone();
    crate::plan::verify::testing::merge(
        &mut spare,
        &json!({"metadata": {"name": "spare"}, "spec": {"unschedulable": null}}),
    );
    scene.add(Resource::Nodes, spare);
    let found = all(&scene);
    assert_eq!(ids(&found), [""; 0]);
    assert_eq!(
        notes(&found),
        ["db-1 can't come back to its node, which is cordoned: it can go to spare"]
    );
}

#[test]
fn a_spread_that_counts_a_cordoned_node_is_told_how_not_to() {
    let spread = |policy: &str| {
        json!({"spec": {"template": {"spec": {"topologySpreadConstraints": [{
            "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
            "nodeTaintsPolicy": policy, "labelSelector": {"matchLabels": {"app": "db"}},
        }]}}}})
    };
    let advice = |policy: &str| {
        let mut scene = changed(Resource::Nodes, "node-1", json!({"spec": {"unschedulable": true}}));
        scene.merge(Resource::StatefulSets, "db", spread(policy));
        let found = all(&scene);
        assert!(ids(&found).contains(&"no-home"), "{:?}", ids(&found));
        let mut remedies = found.refusals.iter().flat_map(|refusal| &refusal.remedy);
        remedies.any(|line| line.contains("nodeTaintsPolicy: Honor"))
    };
    assert!(advice("Ignore") && !advice("Honor"));
}

#[test]
fn room_that_was_not_read_is_a_note_and_no_refusal() {
    let mut scene = healthy();
    scene.objects.remove(&Resource::NodePods);
    let found = all(&scene);
    assert_eq!(ids(&found), [""; 0]);
    assert!(notes(&found)[0].contains("isn't certain"));
}

fn managed(manager: &str, fields: Value) -> Value {
    json!({"metadata": {"managedFields": [
        {"manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields},
    ]}})
}

#[test]
fn a_tool_that_owns_the_image_is_refused_by_name() {
    let image = |container: &str| {
        let key = format!("k:{{\"name\":\"{container}\"}}");
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {key: {"f:image": {}}}}}}})
    };
    for (manager, command) in [
        ("argocd-controller", "argocd app set APPLICATION --sync-policy none"),
        ("kustomize-controller", "flux suspend kustomization NAME -n flux-system"),
        ("helm-controller", "flux suspend helmrelease NAME -n shop"),
        ("helm", "helm get values RELEASE -n shop"),
    ] {
        let found = all(&of_set(managed(manager, image("db"))));
        assert_eq!(ids(&found), ["gitops"], "{manager}");
        assert_eq!(
            found.refusals[0].evidence,
            [format!("{manager} owns containers[db].image")]
        );
        let told = found.refusals[0]
            .remedy
            .iter()
            .any(|line| line == &format!("$ {command}"));
        assert!(told, "{:?}", found.refusals[0].remedy);
    }
    assert_eq!(
        ids(&all(&of_set(managed("argocd-controller", image("sidecar"))))),
        [""; 0]
    );
    assert_eq!(
        ids(&all(&of_set(managed("kubectl-client-side-apply", image("db"))))),
        [""; 0]
    );
    let owned = of_set(managed("argocd-controller", image("db")));
    assert_eq!(ids(&run(&owned, Change::Pending, &[0], false)), [""; 0]);
    let restart = run(&owned, Change::Restart, &[0], false);
    assert!(ids(&restart).is_empty() && notes(&restart)[0].contains("Argo CD"));
    assert_eq!(ids(&run(&owned, Change::Template, &[0], false)), ["gitops"]);
}

#[test]
fn a_tools_own_labels_name_what_to_suspend() {
    for (meta, command) in [
        (
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop-prod:apps/StatefulSet:shop/db"}}),
            "argocd app set shop-prod --sync-policy none",
        ),
        (
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}}),
            "flux suspend kustomization apps -n flux",
        ),
        (
            json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": "db"}}),
            "flux suspend helmrelease db -n shop",
        ),
        (
            json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "db"}}),
            "helm get values db -n shop",
        ),
    ] {
        let found = all(&of_set(json!({"metadata": meta})));
        assert_eq!(ids(&found), ["gitops"]);
        let told = found.refusals[0]
            .remedy
            .iter()
            .any(|line| line == &format!("$ {command}"));
        assert!(told, "{:?}", found.refusals[0].remedy);
    }
}

#[test]
fn a_set_that_an_operator_controls_is_refused() {
    let owner = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "x/v1", "kind": "RedisCluster", "name": "r", "uid": "u", "controller": true},
    ]}});
    let found = all(&of_set(owner));
    assert_eq!(ids(&found), ["owner"]);
    assert!(found.refusals[0].message.contains("rediscluster/r"));
}

#[test]
fn data_is_guarded_for_every_shard_that_will_be_replaced() {
    let scene = changed(
        Resource::Claims,
        "data-db-1",
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:00:00Z"}}),
    );
    assert_eq!(ids(&all(&scene)), ["claim-deleted"]);
    assert_eq!(ids(&run(&scene, images(), &[2, 0], false)), [""; 0]);
}

#[test]
fn a_missing_right_is_refused() {
    let scene = healthy();
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let template = set::template(seen.set().unwrap()).unwrap().clone();
    let rights: Vec<Right> = rights::rules("shop", Some("db"), false)
        .into_iter()
        .map(|rule| Right {
            allowed: rule.verb != "patch",
            rule,
            resource: None,
        })
        .collect();
    let aim = Aim {
        template: &template,
        revision: None,
        change: images(),
        shards: &[0],
        resumes: false,
        run: RUN,
        rights: &rights,
    };
    assert_eq!(ids(&preflight(&seen, &aim, NOW.parse().unwrap())), ["rights"]);
}

#[test]
fn what_is_worth_knowing_stops_nothing() {
    for (patch, words) in [
        (json!({"spec": {"podManagementPolicy": null}}), "OrderedReady"),
        (
            json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}),
            "whenDeleted: Delete",
        ),
        (json!({"spec": {"volumeClaimTemplates": null}}), "no claim templates"),
    ] {
        let found = all(&of_set(patch));
        assert_eq!(ids(&found), [""; 0], "{words}");
        assert!(
            notes(&found).iter().any(|note| note.contains(words)),
            "{:?}",
            notes(&found)
        );
    }
    let mut scene = healthy();
    scene.add(
        Resource::Autoscalers,
        json!({"metadata": {"name": "hpa"}, "spec": {"minReplicas": 1, "maxReplicas": 9, "scaleTargetRef": {"kind": "StatefulSet", "name": "db"}}}),
    );
    let found = all(&scene);
    assert!(
        notes(&found)[0].contains("between 1 and 9 replicas"),
        "{:?}",
        notes(&found)
    );
}
