//! Marks as a drain leaves them: each value is put back with its type, where it is still the run's; what isn't is told and left.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{budget, mark, marked, ours, recovered, recovered_with};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene, api};
use crate::verify::verify;

/// Gives the budget these values and this mark.
fn relax(scene: &Scene<'_>, spec: Value, was: Value, is: Value, lasts: i64) {
    let mut patch = marked(&mark(scene, lasts, was, is));
    patch["spec"] = spec;
    scene.patch::<PodDisruptionBudget>(scene.name(), patch);
}

#[test]
fn a_budget_is_put_back_with_its_type_and_what_others_changed_is_left_and_told() {
    let scene = Scene::shards(3).start();
    // An integer.
    let (was, is) = (json!({"spec.minAvailable": 3}), json!({"spec.minAvailable": 2}));
    relax(&scene, json!({"minAvailable": 2}), was.clone(), is.clone(), 600);
    let ran = recovered(&scene, &[]);
    ran.says(
        0,
        &[
            "pdb/shard  left by drain/",
            "spec.minAvailable: 2 → 3",
            "undone: pdb/shard",
            "Now:    nothing is left of interrupted runs on this set",
        ],
    );
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));

    // A percentage.
    relax(
        &scene,
        json!({"minAvailable": 2}),
        json!({"spec.minAvailable": "100%"}),
        json!({"spec.minAvailable": 2}),
        600,
    );
    recovered(&scene, &[]).says(0, &["spec.minAvailable: 2 → \"100%\""]);
    assert_eq!(budget(&scene), (json!("100%"), Value::Null, false));

    // From maxUnavailable to minAvailable and back, in one request: both at once would be invalid.
    relax(
        &scene,
        json!({"minAvailable": 2, "maxUnavailable": null}),
        json!({"spec.minAvailable": null, "spec.maxUnavailable": 0}),
        json!({"spec.minAvailable": 2, "spec.maxUnavailable": null}),
        600,
    );
    recovered(&scene, &[]).says(0, &["spec.maxUnavailable: none → 0", "spec.minAvailable: 2 → none"]);
    assert_eq!(budget(&scene), (Value::Null, json!(0), false));

    // Somebody changed it since: it stays, and the mark goes.
    relax(&scene, json!({"minAvailable": 1, "maxUnavailable": null}), was, is, 600);
    recovered(&scene, &[]).says(
        0,
        &[
            "spec.minAvailable is 1 by now",
            "somebody else's and stays; it was 3",
            "is taken away all the same",
        ],
    );
    assert_eq!(budget(&scene), (json!(1), Value::Null, false));
    assert!(scene.find::<Lease>("shardctl-shard").is_none());
}

#[test]
fn replicas_a_cordon_and_annotations_are_put_back_and_other_sets_marks_stay() {
    let scene = Scene::shards(3).start();
    let (cordoned, others) = (scene.node_of(0), scene.node_of(1));
    let mut surged = marked(&mark(
        &scene,
        600,
        json!({"spec.replicas": 3}),
        json!({"spec.replicas": 4}),
    ));
    surged["spec"] = json!({"replicas": 4});
    scene.patch::<StatefulSet>(scene.name(), surged);
    let key = "metadata.annotations.karpenter.sh/do-not-disrupt";
    let mut patch = marked(&mark(
        &scene,
        600,
        json!({"spec.unschedulable": null, key: "3h"}),
        json!({"spec.unschedulable": true, key: "true"}),
    ));
    patch["spec"] = json!({"unschedulable": true});
    patch["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!("true");
    scene.patch::<Node>(&cordoned, patch);
    let theirs = mark(&scene, 600, json!({key: null}), json!({key: "true"})).replace("/shard/", "/other/");
    scene.patch::<Node>(&others, marked(&theirs));
    let claim = scene
        .list::<PersistentVolumeClaim>("")
        .remove(0)
        .metadata
        .name
        .expect("a name");
    let note = "metadata.annotations.example.com/a.b";
    let mut patch = marked(&mark(&scene, 600, json!({note: null}), json!({note: "x"})));
    patch["metadata"]["annotations"]["example.com/a.b"] = json!("x");
    scene.patch::<PersistentVolumeClaim>(&claim, patch);

    let ran = recovered(&scene, &[]);
    ran.says(
        0,
        &[
            "spec.replicas: 4 → 3",
            "spec.unschedulable: true → none",
            "do-not-disrupt: \"true\" → \"3h\"",
            &format!("node/{others}: left by drain/"),
            "which is about another set",
        ],
    );
    let set = scene.set();
    assert_eq!(set.spec.and_then(|spec| spec.replicas), Some(3));
    assert_eq!(ours(set.metadata.annotations.as_ref()), Vec::<String>::new());
    let node: Node = scene.get(&cordoned);
    assert_eq!(node.spec.and_then(|spec| spec.unschedulable), None);
    let annotations = node.metadata.annotations.unwrap_or_default();
    assert_eq!(
        annotations.get("karpenter.sh/do-not-disrupt").map(String::as_str),
        Some("3h")
    );
    assert_eq!(ours(Some(&annotations)), Vec::<String>::new());
    let claim: PersistentVolumeClaim = scene.get(&claim);
    let annotations = claim.metadata.annotations.unwrap_or_default();
    assert!(!annotations.contains_key("example.com/a.b") && ours(Some(&annotations)).is_empty());
    let node: Node = scene.get(&others);
    assert_eq!(ours(node.metadata.annotations.as_ref()), ["shardctl.dev/mark"]);
}

#[test]
fn a_pools_mark_is_undone_in_the_version_that_karpenter_serves() {
    let scene = Scene::shards(2).stable().on_karpenter("Standard_E16s_v5", "1s").start();
    let pool = || {
        let pools = scene.list_any("karpenter.sh/v1", "NodePool", "");
        let holds = |pool: &&Value| pool["metadata"]["name"] == scene.namespace();
        pools.iter().find(holds).expect("the scene's pool").clone()
    };
    let key = "metadata.annotations.example.com/held";
    let mut patch = marked(&mark(&scene, 600, json!({key: null}), json!({key: "true"})));
    patch["metadata"]["annotations"]["example.com/held"] = json!("true");
    let name = pool()["metadata"]["name"].as_str().expect("a name").to_owned();
    let path = format!("/apis/karpenter.sh/v1/nodepools/{name}");
    let patched = scene.plane().run(api::merge(scene.plane().client(), &path, &patch));
    patched.unwrap_or_else(|error| panic!("{path}: {error}"));
    recovered(&scene, &[]).says(0, &[&format!("undone: nodepool/{name}")]);
    let annotations = pool()["metadata"]["annotations"].clone();
    assert_eq!(
        (&annotations["example.com/held"], &annotations["shardctl.dev/mark"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_mark_that_cannot_be_followed_is_left_with_what_to_do_and_nothing_else_waits_for_it() {
    let scene = Scene::shards(3).start();
    // On an object of the namespace: a node's would be in the way of every other scene of the plane.
    let claim = "data-shard-2";
    scene.patch::<PersistentVolumeClaim>(claim, marked("{\"operation\": \"dr"));
    // One that would have something written that no operation changes.
    let template = json!({"spec.template": {}});
    scene.patch::<StatefulSet>(scene.name(), marked(&mark(&scene, 600, template.clone(), template)));
    let (was, is) = (json!({"spec.minAvailable": 3}), json!({"spec.minAvailable": 2}));
    relax(&scene, json!({"minAvailable": 2}), was, is, 600);
    let before = scene.set();
    let ran = recovered(&scene, &[]);
    ran.says(
        5,
        &[
            "undone: pdb/shard; 2 things of ours couldn't be taken away",
            &format!("annotate persistentvolumeclaims {claim} shardctl.dev/mark-"),
            "it names spec.template, which no operation of this version changes",
            "recover",
        ],
    );
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    let after = scene.set();
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    let claim: PersistentVolumeClaim = scene.get(claim);
    assert_eq!(ours(claim.metadata.annotations.as_ref()), ["shardctl.dev/mark"]);
    // Again: nothing can be done, and nothing is written, not even the lock.
    let interceptor = Interceptor::before(scene.plane());
    recovered_with(&scene, &interceptor.kubeconfig(&scene), &[]).says(5, &["2 things of ours couldn't be taken away"]);
    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());
}

#[test]
fn dry_runs_and_a_question_nobody_answers_write_nothing_and_where_nothing_is_left_nothing_is_written() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let ran = |arguments: &[&str]| run(scene.shardctl_with(&through, arguments.to_vec()));
    ran(&["recover", "--yes"]).says(0, &["nothing is left"]);
    ran(&["recover"]).says(0, &["nothing is left"]);
    let (was, is) = (json!({"spec.minAvailable": 3}), json!({"spec.minAvailable": 2}));
    relax(&scene, json!({"minAvailable": 2}), was, is, 600);
    for how in ["--dry-run=client", "--dry-run=server"] {
        ran(&["recover", how]).says(0, &["put 1 object back", "spec.minAvailable: 2 → 3"]);
        let page = ran(&["recover", how, "-o", "json"]);
        let document: Value = serde_json::from_str(&page.stdout).expect("a document");
        assert_eq!(document["kind"], "RecoverPlan");
        assert_eq!(document["putBack"][0]["object"], "pdb/shard");
    }
    ran(&["recover"]).says(3, &["nobody can be asked here", "recover --yes"]);
    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());
    assert_eq!(budget(&scene), (json!(2), Value::Null, true));

    // What verify says to do, does it.
    let seen = verify(&scene, &[]);
    assert!(
        seen.words("RES-01").contains("$ shardctl recover"),
        "{}",
        seen.words("RES-01")
    );
    let events = recovered(&scene, &["-o", "json"]);
    assert_eq!((events.code, events.stderr.as_str()), (0, ""));
    let last: Value = serde_json::from_str(events.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["event"], &last["end"]), (&json!("ended"), &json!("done")));
    assert!(
        events.stdout.contains("put back: spec.minAvailable: 2 → 3"),
        "{}",
        events.stdout
    );
    verify(&scene, &[]).assert_only(&[], &[], &[]);
}
