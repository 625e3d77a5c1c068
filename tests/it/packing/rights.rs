//! With which rights it works, and what is said without them.

use serde_json::json;

use crate::bad_days::run;
use crate::cluster::Scene;
use crate::upgrade::rights::printed_rules;

#[test]
fn the_roles_that_rbac_prints_suffice_and_without_them_what_isnt_known_is_said() {
    let scene = Scene::shards(2).start();
    let rules = |what: &str| {
        let printed = run(scene.shardctl(["rbac", "--for", what, "-n", scene.namespace()])).stdout;
        printed_rules(&printed)
    };
    let summary = ["packing-summary", "--kubelet", "kubelet-aks"];
    let (space, cluster) = rules("packing");
    let enough = scene.limited_user_with(space, cluster);
    run(scene.shardctl_with(&enough, summary)).says(0, &["2 shards on "]);
    let (space, cluster) = rules("reading");
    let less = scene.limited_user_with(space, cluster);
    run(scene.shardctl_with(&less, summary)).says(
        7,
        &[
            "2 shards on ",
            "what runs beside the shards isn't known: pods of all namespaces can't be read",
            "`observed`",
        ],
    );
    let nobody = scene.limited_user(json!([]));
    run(scene.shardctl_with(&nobody, summary)).refused(7, &["failed to look at the packing", "rbac --for packing"]);
    run(scene.shardctl(["packing-summary", "--statefulset", "shrad"])).refused(2, &["shard"]);
    run(scene.shardctl(["packing-summary", "-n", "nowhere-at-all"])).refused(2, &["nowhere-at-all"]);
}
