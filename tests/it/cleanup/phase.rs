//! `cleanup --phase`: the pool that nothing needs any more goes, alone; the pool of the set's own phase never does.

use super::{claims, cleanup};
use crate::cluster::Interceptor;
use crate::deploy::deployed;
use crate::render::documents;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

#[test]
fn the_pool_of_the_other_phase_goes_alone_and_under_the_lock() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let before = (claims(&ground), ground.version_of_the_set());
    let rendered = documents(&ground.render("stable", &["--shards", "3"]));
    let pool = &rendered[&("NodePool".to_owned(), format!("{name}-stable"))];
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    ground.apply(&pool.to_string());
    let ran = cleanup(&ground, &kubeconfig, &["--yes", "--phase", "stable"]);
    ran.is(
        0,
        &[
            "1 object is deleted; no claim is touched",
            "the stable phase's pool is made again by whatever begins that phase next",
        ],
    );
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!told.contains("shardctl deploy"), "{told}");
    let path = |phase: &str| format!("/apis/karpenter.sh/v1/nodepools/{name}-{phase}");
    assert!(ground.scene.plane().get(&path("stable")).is_err());
    assert!(ground.scene.plane().get(&path("explore")).is_ok());
    assert_eq!((claims(&ground), ground.version_of_the_set()), before);
    let mut kinds: Vec<String> = interceptor
        .writes()
        .iter()
        .filter(|request| request.method != "PUT")
        .map(|request| {
            let part = if request.method == "POST" { 0 } else { 1 };
            let plural = request.path.rsplit('/').nth(part).unwrap_or_default();
            format!("{} {plural}", request.method)
        })
        .collect();
    kinds.dedup();
    assert_eq!(kinds, ["POST leases", "DELETE nodepools", "DELETE leases"]);
}

#[test]
fn the_pool_of_the_sets_own_phase_stays_though_no_shard_is_on_it() {
    let ground = deployed();
    let set = ground.set();
    ground
        .scene
        .patch::<StatefulSet>(&set, json!({"spec": {"replicas": 0}}));
    ground
        .scene
        .wait_until("no shard is left", |_| ground.shards().is_empty());
    let interceptor = Interceptor::before(ground.scene.plane());
    let ran = cleanup(
        &ground,
        &interceptor.kubeconfig(&ground.scene),
        &["--yes", "--phase", "explore"],
    );
    ran.is(
        3,
        &[
            "phase-in-use",
            &format!("statefulset/{set}"),
            "it is in the explore phase",
        ],
    );
    assert!(!ran.stderr.contains("pool-in-use"), "{}", ran.stderr);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
}
