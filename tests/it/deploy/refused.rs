//! What refuses a deployment, before anything is written.

use super::{Ran, deploy, deployed, ran, words};
use crate::cluster::{Interceptor, Scene, api};
use crate::render::ground::{Ground, limited_to};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

#[test]
fn a_field_of_somebody_elses_is_named_and_left_unless_it_is_allowed() {
    let ground = deployed();
    let budget = format!("{}-pdb", ground.set());
    ground.scene.apply(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": budget}, "spec": {"minAvailable": 1},
    }));
    let interceptor = Interceptor::before(ground.scene.plane());
    let through = interceptor.kubeconfig(&ground.scene);
    let refused = deploy(&ground, &through, "explore", &["--yes"]);
    refused.is(
        3,
        &[
            "field-owner",
            &format!("pdb/{budget}: test-author writes a field"),
            ".spec.minAvailable (test-author)",
        ],
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());

    deploy(&ground, &through, "explore", &["--yes", "--allow", "field-owner"]).is(0, &[".spec.minAvailable: 1 → 3"]);
    let spec = ground.scene.get::<PodDisruptionBudget>(&budget).spec.expect("a spec");
    assert_eq!(json!(spec.min_available), json!(3));
    deploy(&ground, &through, "explore", &[]).is(0, &["nothing to do"]);
}

#[test]
fn what_the_cluster_lacks_and_an_older_name_are_refused_before_anything_is_written() {
    let scene = Scene::shards(1).named("stable-biometric-shard").start();
    let interceptor = Interceptor::before(scene.plane());
    let kubeconfig = interceptor.kubeconfig(&scene);
    for more in [&["--yes"][..], &["--dry-run=server"], &["--dry-run=client"]] {
        let arguments = [&["deploy", "stable", "-n", scene.namespace()], more].concat();
        let output = scene.shardctl_with(&kubeconfig, arguments).output().expect("deploy");
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        ran.is(
            3,
            &[
                "no-karpenter",
                "az aks update --name CLUSTER --resource-group GROUP --node-provisioning-mode Auto",
                "storage-class storageclass/managed-csi-premium: there is no such storage class",
                "older-name statefulset/stable-biometric-shard",
                "verify -n",
            ],
        );
    }
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn a_node_class_that_is_not_there_is_refused_and_so_is_a_quota_that_is_too_small() {
    let ground = Ground::new();
    let hard = json!({"hard": {"requests.memory": "90Gi"}});
    ground
        .scene
        .apply(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": hard}));
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"]).is(
        3,
        &[
            "quota resourcequota/small",
            "requests.memory: 90Gi are left, 96Gi are needed",
        ],
    );
    let own = format!("KWOKNodeClass/{}", ground.scene.namespace());
    let arguments: Vec<String> = words(&ground, "explore", &["--yes"])
        .into_iter()
        .map(|word| word.replace(&own, "KWOKNodeClass/nobodys"))
        .collect();
    ran(&ground, ground.scene.kubeconfig(), &arguments).is(
        3,
        &[
            "node-class kwoknodeclass/nobodys",
            "kubectl get kwoknodeclass.karpenter.kwok.sh",
        ],
    );
    assert!(ground.scene.find::<StatefulSet>(&ground.set()).is_none());
}

#[test]
fn what_the_server_refuses_for_good_is_told_and_cut() {
    let ground = deployed();
    // A claim template can't be changed.
    let ran = deploy(
        &ground,
        ground.scene.kubeconfig(),
        "explore",
        &["--yes", "--storage", "200Gi"],
    );
    ran.is(
        3,
        &[
            "manifest",
            &format!("statefulset/{}: the API server answered 422", ground.set()),
        ],
    );
    assert!(ran.stderr.len() < 2000, "{}", ran.stderr);
}

#[test]
fn what_an_upgrade_wrote_is_not_taken_back_unseen() {
    let ground = deployed();
    let image = "registry.example/shard:2.0";
    let set = ground.set();
    let upgrade = [
        "upgrade",
        "--image",
        image,
        "--yes",
        "-n",
        ground.scene.namespace(),
        "--statefulset",
        &set,
    ];
    let upgraded = ground.scene.shardctl(upgrade).output().expect("upgrade");
    assert_eq!(
        upgraded.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&upgraded.stderr)
    );
    let before = deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"]);
    before.is(
        3,
        &[
            "field-owner",
            "containers[name=\"",
            "image (shardctl)",
            "give the same value here to keep it",
        ],
    );
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--image", image]).is(0, &["nothing to do"]);
}

/// An older API server doesn't know a field: it answers 500, without a reason. What it says is asked of the real one.
#[test]
fn a_field_that_the_server_does_not_know_is_refused_for_good() {
    let ground = Ground::new();
    let path = format!(
        "/api/v1/namespaces/{}/services/x?fieldManager=x",
        ground.scene.namespace()
    );
    let unknown = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"nonsense": 1}});
    let client = ground.scene.plane().client();
    let patch = api::send(
        client,
        "PATCH",
        &path,
        "application/apply-patch+yaml",
        unknown.to_string().into(),
    );
    let Err(kube::Error::Api(status)) = ground.scene.plane().run(patch) else {
        panic!("an unknown field was taken");
    };
    assert_eq!((status.code, status.reason.as_str()), (500, ""), "{status:?}");
    let interceptor = Interceptor::before(ground.scene.plane());
    let body = serde_json::to_value(&*status).expect("JSON");
    let rule = interceptor
        .on(|request| request.method == "PATCH" && request.path.contains("/nodepools/"))
        .answer(500, body);
    let ran = deploy(&ground, &interceptor.kubeconfig(&ground.scene), "explore", &["--yes"]);
    ran.is(3, &["manifest", "nodepool/", "field not declared in schema"]);
    assert_eq!(rule.hits(), 1, "it was asked once");
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn the_roles_that_rbac_prints_for_a_deployment_suffice_and_with_less_the_missing_rule_is_named() {
    let ground = Ground::new();
    let reader = limited_to(&ground, "reading");
    deploy(&ground, &reader, "explore", &["--yes"]).is(
        3,
        &[
            "7 of 7 objects may not be read or written",
            "may not patch namespaces",
            "may not get nodepools",
            "rbac --for deploy",
        ],
    );
    assert!(ground.scene.find::<StatefulSet>(&ground.set()).is_none());
    let ran = deploy(&ground, &limited_to(&ground, "deploy"), "explore", &["--yes"]);
    ran.is(0, &["3 shards are Ready"]);
    assert!(
        !ran.stderr.contains("couldn't be") && !ran.stderr.contains("may not"),
        "{}",
        ran.stderr
    );
}
