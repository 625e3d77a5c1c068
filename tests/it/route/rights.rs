//! The rights of a route test: those that are printed suffice, and without the way into the pods nothing is judged.

use serde_json::json;

use super::{arguments, three};
use crate::bad_days::run;
use crate::upgrade::rights::printed_rules;

#[test]
fn the_roles_that_rbac_prints_suffice_and_without_the_way_into_the_pods_it_is_said() {
    let (scene, _ring) = three();
    let (space, cluster) = printed_rules(&run(scene.shardctl(["rbac", "--for", "route-test"])).stdout);
    let user = scene.limited_user_with(space.clone(), cluster.clone());
    let everything = ["--entry", "lb,shards,in-cluster", "--rounds", "1", "--keys", "20"];
    let ran = run(scene.shardctl_with(&user, arguments(&everything)));
    ran.says(0, &["in shard-2", "STABLE"]);

    let reads = space.as_array().unwrap().iter();
    let reads = reads
        .filter(|rule| !rule["resources"].to_string().contains("pods/"))
        .cloned();
    let reader = scene.limited_user_with(json!(reads.collect::<Vec<_>>()), cluster);
    let ran = run(scene.shardctl_with(&reader, arguments(&[])));
    ran.says(
        7,
        &[
            "VOID: no pod answered",
            "pods/portforward",
            "shardctl rbac --for route-test",
        ],
    );
}
