//! A dry run of a drain prints every pod's verdict, the costs and the first step, and writes nothing, by every strategy.

use serde_json::{Value, json};

use super::{AsItWas, packed};
use crate::bad_days::run;
use crate::cluster::Interceptor;

#[test]
fn a_dry_run_shows_where_everything_goes_and_writes_nothing() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("web", 2, &node);
    let before = AsItWas::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let dry = |arguments: &[&str]| run(scene.shardctl_with(&through, arguments.to_vec()));
    for strategy in ["relax", "surge", "direct", "downtime"] {
        for how in ["--dry-run=client", "--dry-run=server"] {
            let plan = dry(&["drain", &node, "--strategy", strategy, how]);
            let words = [
                "2 shards by ",
                "goes to ",
                "goes now",
                "What it costs",
                "The budget",
                "First step",
                "cordon node",
            ];
            plan.says(0, &words);
        }
        let plan = dry(&["drain", &node, "--strategy", strategy, "--dry-run=server", "-o", "json"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        let document: Value = serde_json::from_str(&plan.stdout).expect("a document");
        assert_eq!(document["nodes"][0]["pods"][0]["verdict"], "moves");
        assert_eq!(document["refusals"], json!([]));
    }
    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());
    before.but_cordoned(&scene, &[], "a dry run");
}

#[test]
fn a_downtime_wants_the_name_and_a_wrong_one_changes_nothing() {
    let scene = packed(2, 1, 2).start();
    let node = scene.node_of(0);
    let before = AsItWas::of(&scene);
    let downtime = ["drain", &node, "--strategy", "downtime", "--yes"];
    let line = |further: &[&str]| {
        let mut arguments = downtime.to_vec();
        arguments.extend_from_slice(further);
        run(scene.shardctl_with(scene.kubeconfig(), arguments))
    };
    line(&[]).says(
        3,
        &["--yes doesn't answer it", "--confirm shard", "nothing was changed"],
    );
    line(&["--confirm", "shards"]).says(3, &["`shards` isn't `shard`; nothing was changed"]);
    run(scene.shardctl_with(scene.kubeconfig(), vec!["drain", "no-such-node", "--yes"]))
        .says(2, &["there is no node named no-such-node"]);
    before.but_cordoned(&scene, &[], "nobody said yes");
}
