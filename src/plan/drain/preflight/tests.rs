//! The preflight of a drain, over scenes of which each has one thing wrong.

use serde_json::{Value, json};

use super::*;
use crate::model::mark::MARK;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::verify::testing::{NOW, Scene, merge};

const RUN: &str = "drain/shop/db/4f2a";

/// Three healthy shards on three nodes, and a spare node for each of them; `node-0` is to be emptied.
fn scene() -> Scene {
    let mut scene = Scene::healthy(3);
    let Some(Read::Got(nodes)) = scene.objects.get(&Resource::Nodes).cloned() else {
        panic!("nodes");
    };
    for (at, mut node) in nodes.into_iter().enumerate() {
        let name = format!("spare-{at}");
        merge(
            &mut node,
            &json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}),
        );
        scene.add(Resource::Nodes, node);
    }
    scene.set(Resource::CsiNodes, Read::Got(Vec::new()));
    scene.set(Resource::AllBudgets, Read::Got(Vec::new()));
    let pods = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, pods);
    scene
}

struct How {
    strategy: Strategy,
    then: Afterwards,
    prewarm: Prewarm,
    own: Option<OwnPod>,
    resumes: bool,
    nodes: Vec<&'static str>,
}

fn by(strategy: Strategy) -> How {
    How {
        strategy,
        then: Afterwards::Cordoned,
        prewarm: Prewarm::Auto,
        own: None,
        resumes: false,
        nodes: vec!["node-0"],
    }
}

fn run(scene: &Scene, how: &How) -> Found {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let order: Vec<&Node> = how.nodes.iter().map(|name| seen.node(name).unwrap().unwrap()).collect();
    let aim = Aim {
        order: &order,
        strategy: how.strategy,
        then: how.then,
        flags: Flags::default(),
        prewarm: how.prewarm,
        own: how.own.as_ref(),
        resumes: how.resumes,
        run: RUN,
        rights: &[],
    };
    preflight(&seen, &aim, NOW.parse().unwrap())
}

fn relax(scene: &Scene) -> Found {
    run(scene, &by(Strategy::Relax))
}

fn ids(found: &Found) -> Vec<String> {
    found
        .preflight
        .refusals
        .iter()
        .map(|refusal| refusal.id.to_string())
        .collect()
}

fn notes(found: &Found) -> String {
    let each = found
        .preflight
        .notes
        .iter()
        .map(|note| format!("{}: {}", note.object, note.message));
    each.collect::<Vec<_>>().join("\n")
}

fn changed(resource: Resource, name: &str, patch: Value) -> Scene {
    let mut scene = scene();
    scene.merge(resource, name, patch);
    scene
}

fn unready() -> Value {
    json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
}

#[test]
fn nothing_stops_a_drain_of_a_healthy_node_and_each_strategy_names_its_cost() {
    let cases = [
        (Strategy::Relax, "one lower for the moment"),
        (Strategy::Direct, "no webhook on evictions"),
        (Strategy::Downtime, "the system is down until the last is back"),
        (Strategy::Surge, "an extra one, empty"),
    ];
    for (strategy, cost) in cases {
        let found = run(&scene(), &by(strategy));
        assert_eq!(ids(&found), [""; 0], "{}", strategy.word());
        assert!(found.costs[0].contains(cost), "{:?}", found.costs);
        assert_eq!(found.moves[0].to, Place::Node("spare-0".to_owned()));
        assert_eq!(found.nodes[0].1.shards(), [0]);
    }
}

#[test]
fn a_node_without_shards_asks_nothing_of_the_set() {
    let mut scene = scene();
    scene.merge(Resource::Pods, "db-1", unready());
    let mut how = by(Strategy::Relax);
    how.nodes = vec!["spare-0"];
    let found = run(&scene, &how);
    assert_eq!((ids(&found), found.moves.len()), (Vec::new(), 0));
}

#[test]
fn another_shard_that_is_down_stops_it_unless_only_what_is_down_is_moved() {
    let mut scene = changed(Resource::Pods, "db-1", unready());
    assert_eq!(ids(&relax(&scene)), ["shard-down"]);
    let mut resumed = by(Strategy::Relax);
    resumed.resumes = true;
    assert_eq!(ids(&run(&scene, &resumed)), [""; 0]);
    scene.merge(Resource::Pods, "db-0", unready());
    let found = relax(&scene);
    assert_eq!(ids(&found), [""; 0]);
    assert!(
        notes(&found).contains("db-0 is down already, and is moved first"),
        "{}",
        notes(&found)
    );
    assert!(
        notes(&found).contains("pod/db-1: db-1 isn't Ready"),
        "{}",
        notes(&found)
    );
    let going = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:30Z"}});
    assert_eq!(ids(&relax(&changed(Resource::Pods, "db-1", going))), ["terminating"]);
}

#[test]
fn pods_that_cannot_go_are_refused_together_and_may_be_left() {
    let mut scene = scene();
    for name in ["a", "b"] {
        scene.add(
            Resource::NodePods,
            json!({
                "metadata": {"name": name, "namespace": "web", "uid": name}, "spec": {"nodeName": "node-0", "containers": []},
                "status": {"phase": "Running"},
            }),
        );
    }
    let found = relax(&scene);
    assert_eq!(ids(&found), ["other-pods"]);
    let refusal = &found.preflight.refusals[0];
    assert_eq!(
        refusal.message,
        "cannot delete Pods that declare no controller (use --force to override)"
    );
    assert_eq!(refusal.evidence, ["pod web/a", "pod web/b"]);
    let allowed = Allowed::parse(&["other-pods".to_owned()]).unwrap();
    assert!(allowed.covers(refusal));
    scene.unreadable(Resource::NodePods);
    assert_eq!(ids(&relax(&scene)), ["unreadable"]);
}

#[test]
fn a_silent_node_its_own_node_and_one_without_a_claim_are_refused() {
    let silent = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    let found = relax(&changed(Resource::Nodes, "node-0", silent));
    assert_eq!(ids(&found), ["node-unready"]);
    let mut own = by(Strategy::Relax);
    own.own = Some(OwnPod {
        namespace: "shop".to_owned(),
        name: "db-0".to_owned(),
    });
    assert_eq!(ids(&run(&scene(), &own)), ["own-node"]);
    own.own = Some(OwnPod {
        namespace: "ops".to_owned(),
        name: "job-x".to_owned(),
    });
    let mut inside = scene();
    let pod = |node: &str| json!({"metadata": {"name": "job-x", "namespace": "ops"}, "spec": {"nodeName": node, "containers": []}});
    inside.add(Resource::NodePods, pod("node-0"));
    assert_eq!(ids(&run(&inside, &own)), ["own-node"]);
    inside.remove(Resource::NodePods, "job-x");
    inside.add(Resource::NodePods, pod("node-1"));
    assert_eq!(ids(&run(&inside, &own)), [""; 0]);
    let mut release = by(Strategy::Relax);
    release.then = Afterwards::Released;
    assert_eq!(ids(&run(&scene(), &release)), ["release"]);
    let mut scene = scene();
    let claim = json!({"metadata": {"name": "x"}, "status": {"nodeName": "node-0"}});
    scene.set(Resource::NodeClaims, Read::Got(vec![claim]));
    assert_eq!(ids(&run(&scene, &release)), [""; 0]);
}

#[test]
fn two_budgets_stop_what_evicts_and_nothing_else() {
    let mut scene = scene();
    scene.add(
        Resource::Budgets,
        json!({
            "metadata": {"name": "second"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "db"}}}, "status": {},
        }),
    );
    let found = relax(&scene);
    assert_eq!(ids(&found), ["two-budgets"]);
    assert!(!found.preflight.refusals[0].can_be_allowed);
    assert_eq!(ids(&run(&scene, &by(Strategy::Direct))), [""; 0]);
}

#[test]
fn a_surge_needs_a_budget_of_a_number() {
    let with = |spec: Value| {
        ids(&run(
            &changed(Resource::Budgets, "db", json!({"spec": spec})),
            &by(Strategy::Surge),
        ))
    };
    assert_eq!(with(json!({})), [""; 0]);
    assert_eq!(with(json!({"minAvailable": "100%"})), ["surge"]);
    assert_eq!(with(json!({"minAvailable": null, "maxUnavailable": 0})), ["surge"]);
    assert!(with(json!({"minAvailable": 5})).contains(&"surge".to_owned()));
    let mut none = scene();
    none.remove(Resource::Budgets, "db");
    assert_eq!(ids(&run(&none, &by(Strategy::Surge))), ["surge"]);
    assert_eq!(ids(&relax(&none)), [""; 0]);
}

#[test]
fn a_surge_says_what_the_extra_shard_brings() {
    let mut scene = scene();
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {
        "podManagementPolicy": null,
        "template": {"spec": {"topologySpreadConstraints": null, "containers": [{
            "name": "db", "image": "db:1", "env": [{"name": "SHARDS", "value": "3"}, {"name": "PORT", "value": "8080"}],
            "args": ["--members=3", "--of", "3", "3"], "resources": {"requests": {"memory": "32Gi"}},
        }]}},
    }}));
    scene.add(
        Resource::Claims,
        json!({"metadata": {"name": "data-db-3", "namespace": "shop"}}),
    );
    let said = notes(&run(&scene, &by(Strategy::Surge)));
    for words in [
        "the empty shard db-3 joins DNS",
        "SHARDS=3 in container db",
        "--members=3 of container db",
        "--of 3 of container db",
        "for ever if one isn't",
        "pvc/data-db-3: it is there from before",
    ] {
        assert!(said.contains(words), "{words} is missing from {said}");
    }
    assert!(!said.contains("PORT"), "{said}");
    // A surge needs room for one shard more.
    for at in 0..3 {
        for name in [format!("spare-{at}"), format!("node-{at}")] {
            scene.merge(
                Resource::Nodes,
                &name,
                json!({"status": {"allocatable": {"memory": "40Gi"}}}),
            );
        }
    }
    let enough = ids(&run(&scene, &by(Strategy::Surge)));
    assert_eq!(enough, [""; 0]);
    for at in 0..3 {
        scene.merge(
            Resource::Nodes,
            &format!("spare-{at}"),
            json!({"spec": {"unschedulable": true}}),
        );
    }
    let found = run(&scene, &by(Strategy::Surge));
    assert_eq!(
        ids(&found),
        ["no-home", "no-home"],
        "neither for the shard nor for one more"
    );
}

#[test]
fn a_surge_needs_room_for_the_shard_beside_the_extra_one() {
    let mut scene = scene();
    // The spread over zones is a matter of its own.
    let free = json!({"spec": {"template": {"spec": {"topologySpreadConstraints": null}}}});
    scene.merge(Resource::StatefulSets, "db", free);
    for at in 0..3 {
        for name in [format!("spare-{at}"), format!("node-{at}")] {
            let small = json!({"status": {"allocatable": {"memory": "40Gi"}}});
            scene.merge(Resource::Nodes, &name, small);
        }
    }
    let close = |scene: &mut Scene, name: &str, closed: Value| {
        scene.merge(Resource::Nodes, name, json!({"spec": {"unschedulable": closed}}));
    };
    close(&mut scene, "spare-1", json!(true));
    close(&mut scene, "spare-2", json!(true));
    let found = run(&scene, &by(Strategy::Surge));
    assert_eq!(ids(&found), ["no-home"], "{:?}", found.preflight.refusals);
    let refusal = &found.preflight.refusals[0];
    assert!(
        refusal.message.contains("the extra shard db-3 takes the room"),
        "{refusal:?}"
    );
    assert!(refusal.remedy[0].contains("--strategy relax"), "{refusal:?}");
    assert_eq!(ids(&relax(&scene)), [""; 0]);
    // The extra shard has a place of its own again, where the other one's disk can't follow.
    close(&mut scene, "spare-1", json!(null));
    let found = run(&scene, &by(Strategy::Surge));
    assert_eq!(ids(&found), [""; 0]);
    assert_eq!(found.moves[0].to, Place::Node("spare-0".to_owned()));
}

#[test]
fn an_autoscaler_stops_a_surge_and_is_said_otherwise() {
    let mut scene = scene();
    scene.add(
        Resource::Autoscalers,
        json!({
            "metadata": {"name": "db"},
            "spec": {"minReplicas": 2, "maxReplicas": 9, "scaleTargetRef": {"kind": "StatefulSet", "name": "db"}},
        }),
    );
    let found = run(&scene, &by(Strategy::Surge));
    assert_eq!(ids(&found), ["scaler"]);
    assert_eq!(found.preflight.refusals[0].remedy, ["$ kubectl -n shop delete hpa db"]);
    let found = relax(&scene);
    assert_eq!(ids(&found), [""; 0]);
    assert!(notes(&found).contains("hpa/db"), "{}", notes(&found));
}

#[test]
fn a_tool_that_writes_the_replicas_stops_a_surge_and_one_that_writes_the_budget_is_said() {
    let by_argo = |field: &str| {
        json!({"metadata": {
            "managedFields": [{
                "manager": "argocd-controller", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {field: {}}},
            }],
            "annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/StatefulSet:shop/db"},
        }})
    };
    let scene = changed(Resource::StatefulSets, "db", by_argo("f:replicas"));
    let found = run(&scene, &by(Strategy::Surge));
    assert_eq!(ids(&found), ["gitops"]);
    let remedy = &found.preflight.refusals[0].remedy;
    assert!(
        remedy.contains(&"$ argocd app set shop --sync-policy none".to_owned()),
        "{remedy:?}"
    );
    assert_eq!(ids(&relax(&scene)), [""; 0]);
    let scene = changed(Resource::Budgets, "db", by_argo("f:minAvailable"));
    let found = relax(&scene);
    assert_eq!(ids(&found), [""; 0]);
    let note = found
        .preflight
        .notes
        .iter()
        .find(|note| note.object == "pdb/db")
        .unwrap();
    assert_eq!(note.remedy[1], "$ argocd app set shop --sync-policy none");
    assert!(note.evidence[0].contains("spec.minAvailable"), "{:?}", note.evidence);
}

#[test]
fn programs_that_evict_are_said_with_what_holds_them() {
    let mut scene = scene();
    for name in ["descheduler", "eviction-autoscaler"] {
        scene.add(
            Resource::Deployments,
            json!({"metadata": {"name": name, "namespace": "kube-system"}}),
        );
    }
    let found = relax(&scene);
    assert_eq!(ids(&found), [""; 0]);
    let said = notes(&found);
    assert!(said.contains("the descheduler evicts pods by itself"), "{said}");
    assert!(said.contains("the eviction autoscaler adds replicas"), "{said}");
    let remedies: Vec<&String> = found.preflight.notes.iter().flat_map(|note| &note.remedy).collect();
    assert!(
        remedies.contains(&&"$ kubectl scale deployment descheduler -n kube-system --replicas=0".to_owned()),
        "{remedies:?}"
    );
}

#[test]
fn a_shard_that_is_down_for_as_long_as_its_node_takes_is_named() {
    let mut scene = scene();
    scene.remove(Resource::Nodes, "spare-0");
    let pool = json!({
        "metadata": {"name": "big"}, "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
        "spec": {"template": {"metadata": {}, "spec": {"requirements": []}}},
    });
    assert_eq!(ids(&relax(&scene)), ["no-home"]);
    scene.set(Resource::NodePools, Read::Got(vec![pool]));
    let found = relax(&scene);
    assert_eq!(ids(&found), [""; 0]);
    // With a placeholder it isn't.
    assert!(!notes(&found).contains("has to make a node"), "{}", notes(&found));
    let mut cold = by(Strategy::Relax);
    cold.prewarm = Prewarm::Never;
    let found = run(&scene, &cold);
    assert!(
        notes(&found).contains("which is down for as long as that takes"),
        "{}",
        notes(&found)
    );
}

#[test]
fn data_that_would_be_lost_and_marks_of_others_are_refused() {
    let mut scene = scene();
    scene.remove(Resource::Claims, "data-db-0");
    assert_eq!(ids(&relax(&scene)), ["claim-missing"]);
    let mark = |run: &str| {
        let mark = json!({"operation": run, "by": "ann@host", "since": NOW, "until": NOW, "was": {}});
        changed(
            Resource::Budgets,
            "db",
            json!({"metadata": {"annotations": {MARK: mark.to_string()}}}),
        )
    };
    assert_eq!(ids(&relax(&mark("upgrade/shop/db/0000"))), ["mark"]);
    assert_eq!(ids(&relax(&mark("drain/shop/db/0000"))), [""; 0]);
}

#[test]
fn an_eviction_that_was_accepted_and_not_done_is_said_with_its_end() {
    let entry = json!({"status": {"disruptedPods": {"db-1": "2026-03-01T11:59:30Z"}}});
    let found = relax(&changed(Resource::Budgets, "db", entry));
    assert!(
        notes(&found).contains("it counts db-1 as evicted until 2026-03-01T12:01:30Z"),
        "{}",
        notes(&found)
    );
}

#[test]
fn a_pod_beside_the_shards_under_their_budget_stops_what_evicts() {
    let mut scene = scene();
    let mut stranger = scene.objects[&Resource::Pods].got().unwrap()[0].clone();
    stranger["metadata"]["name"] = json!("web-1");
    stranger["metadata"]["uid"] = json!("uid-web-1");
    stranger["metadata"]["ownerReferences"] = json!([]);
    scene.add(Resource::Pods, stranger);
    for strategy in [Strategy::Relax, Strategy::Surge] {
        assert_eq!(
            ids(&run(&scene, &by(strategy))),
            ["budget-unclear"],
            "{}",
            strategy.word()
        );
    }
    assert_eq!(ids(&run(&scene, &by(Strategy::Direct))), [""; 0]);
}

#[test]
fn the_mark_of_another_on_a_node_without_shards_stops_a_drain_and_cannot_be_allowed() {
    let mark = json!({"operation": "upgrade/shop/db/77", "by": "bob", "since": NOW, "until": NOW, "was": {}, "is": {}});
    let marked = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    let mut how = by(Strategy::Relax);
    how.nodes = vec!["spare-0"];
    let found = run(&changed(Resource::Nodes, "spare-0", marked), &how);
    assert_eq!(ids(&found), ["mark"]);
    assert!(!found.preflight.refusals[0].can_be_allowed);
}
