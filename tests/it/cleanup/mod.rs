//! `shardctl cleanup` on a real control plane with Karpenter: what goes, in which order, and what never does.

mod data;
mod ends;
mod guards;
mod kill;
mod lock;
mod phase;
mod rights;

use crate::cluster::Interceptor;
use crate::deploy::{Ran, deployed, ran};
use crate::render::ground::Ground;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;
use std::path::Path;

fn words(ground: &Ground, more: &[&str]) -> Vec<String> {
    let mut arguments = ground.of_command("cleanup");
    let own = ["--shards", "3", "--lease-duration", "1s"];
    arguments.extend(own.iter().chain(more).map(|word| (*word).to_owned()));
    arguments
}

#[track_caller]
fn cleanup(ground: &Ground, kubeconfig: &Path, more: &[&str]) -> Ran {
    ran(ground, kubeconfig, &words(ground, more))
}

/// The claims' names and uids.
fn claims(ground: &Ground) -> Vec<(Option<String>, Option<String>)> {
    let all = ground.scene.list::<PersistentVolumeClaim>("");
    all.into_iter().map(|of| (of.metadata.name, of.metadata.uid)).collect()
}

/// Nothing of the workload is left but its namespace and, where `claims` says so, its claims.
#[track_caller]
fn is_gone(ground: &Ground, said: &str) {
    let (scene, name) = (&ground.scene, ground.scene.namespace());
    assert!(scene.find::<StatefulSet>(&ground.set()).is_none(), "{said}");
    assert!(scene.find::<Service>(&format!("{name}-lb")).is_none(), "{said}");
    assert!(
        scene
            .find::<PodDisruptionBudget>(&format!("{}-pdb", ground.set()))
            .is_none(),
        "{said}"
    );
    assert!(ground.shards().is_empty(), "{said}");
    let pool = format!("/apis/karpenter.sh/v1/nodepools/{name}-explore");
    assert!(scene.plane().get(&pool).is_err(), "{said}");
    let nodes = scene.list::<Node>(&format!("labelSelector=karpenter.sh/nodepool%3D{name}-explore"));
    assert!(nodes.is_empty(), "{said}");
    assert!(scene.find::<Namespace>(name).is_some(), "{said}");
}

#[test]
fn without_data_the_set_goes_first_the_pools_last_and_every_claim_stays() {
    let ground = deployed();
    let before = claims(&ground);
    assert_eq!(before.len(), 3);
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    for how in ["--dry-run=client", "--dry-run=server"] {
        cleanup(&ground, &kubeconfig, &[how]).is(
            0,
            &[
                "delete 6 objects",
                "in context ",
                "3 claims stay, with their data, and go on costing",
                "100Gi, pv/",
            ],
        );
    }
    // Nobody to ask, and no --yes.
    cleanup(&ground, &kubeconfig, &[]).is(3, &["nothing was changed", "--yes"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());

    let ran = cleanup(&ground, &kubeconfig, &["--yes"]);
    ran.is(0, &["6 objects are deleted", "3 claims stay", "goes on costing"]);
    is_gone(&ground, &ran.stderr);
    assert_eq!(claims(&ground), before);
    let deleted: Vec<String> = interceptor
        .writes()
        .iter()
        .filter(|request| request.method == "DELETE" && !request.path.contains("/leases/"))
        .filter_map(|request| request.path.rsplit('/').nth(1).map(str::to_owned))
        .collect();
    assert_eq!(
        deleted,
        [
            "statefulsets",
            "services",
            "services",
            "poddisruptionbudgets",
            "nodepools",
            "priorityclasses"
        ]
    );
    cleanup(&ground, &kubeconfig, &["--yes"]).is(0, &["nothing to delete", "3 claims stay"]);
}

#[test]
fn a_set_that_would_take_its_claims_with_it_is_left_alone() {
    let ground = deployed();
    let retention =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}});
    ground.scene.patch::<StatefulSet>(&ground.set(), retention);
    let interceptor = Interceptor::before(ground.scene.plane());
    cleanup(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]).is(
        3,
        &[
            "claims-go-too",
            &format!("statefulset/{}", ground.set()),
            "\"whenDeleted\":\"Retain\"",
        ],
    );
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}

#[test]
fn what_is_not_ours_is_named_and_left() {
    let ground = deployed();
    let balancer = format!("{}-lb", ground.scene.namespace());
    let unlabelled = json!({"metadata": {"labels": {"app.kubernetes.io/part-of": "others"}}});
    ground.scene.patch::<Service>(&balancer, unlabelled);
    let ran = cleanup(&ground, ground.scene.kubeconfig(), &["--yes"]);
    ran.is(
        0,
        &[
            "5 objects are deleted",
            &format!("service/{balancer}"),
            "isn't labelled as the workload's",
        ],
    );
    assert!(ground.scene.find::<Service>(&balancer).is_some());
}

#[test]
fn a_pool_with_somebodys_pods_on_its_nodes_is_refused() {
    let ground = deployed();
    let node = ground.nodes().into_keys().next().expect("a node");
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    // The shards themselves, where only the pool is to go.
    cleanup(&ground, &kubeconfig, &["--yes", "--phase", "explore"]).is(
        3,
        &["pool-in-use", "3 pods are on its nodes", &format!("{}-0", ground.set())],
    );
    ground.scene.bare_pod("neighbour", &node, json!([]));
    cleanup(&ground, &kubeconfig, &["--yes"]).is(3, &["pool-in-use", "neighbour"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    ground.scene.delete::<Pod>("neighbour");
}
