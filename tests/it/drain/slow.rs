//! A drain that is killed while the shard that it evicted still stops.

use super::{AsItWas, Watched, drain, drained, packed, said};
use crate::cluster::Scene;
use crate::recover::recovered;

/// A scene whose drain was killed while shard 1 stops, which takes four seconds.
fn killed(strategy: &str) -> (Scene<'static>, AsItWas, Watched, String) {
    let scene = packed(3, 2, 2).annotation("test.shardctl.dev/stop-after", "4s").start();
    let (node, before, watched) = (scene.node_of(0), AsItWas::of(&scene), Watched::of(&scene));
    let mut command = scene.shardctl_process(scene.kubeconfig(), drain(&node, &["--strategy", strategy]));
    command.wait_for_output("terminating for");
    let killed = command.kill();
    assert!(
        scene.pod(1).metadata.deletion_timestamp.is_some(),
        "it stops still: {}",
        said(&killed)
    );
    (scene, before, watched, node)
}

#[track_caller]
fn goes_on(strategy: &str) {
    let (scene, before, watched, node) = killed(strategy);
    let again = drained(&scene, &node, &["--strategy", strategy]);
    assert_eq!(again.code, Some(0), "{}", said(&again));
    assert_eq!(watched.shards.deletions(), ["shard-1", "shard-0"], "{}", said(&again));
    assert_eq!(scene.shards_on(&node), Vec::<String>::new(), "{}", said(&again));
    watched.was_careful(&scene, &said(&again));
    before.but_cordoned(&scene, &[&node], &said(&again));
}

#[test]
fn the_same_drain_goes_on_with_the_shard_that_stops() {
    goes_on("relax");
}

#[test]
fn the_same_surge_goes_on_with_the_shard_that_stops() {
    goes_on("surge");
}

#[test]
fn recover_alone_puts_all_back_and_takes_no_other_shard() {
    let (scene, before, watched, _) = killed("relax");
    let healed = recovered(&scene, &[]);
    let told = format!("{}{}", healed.stderr, healed.stdout);
    assert_eq!(healed.code, 0, "{told}");
    scene.wait_until_healthy();
    assert_eq!(watched.shards.deletions(), ["shard-1"], "{told}");
    watched.was_careful(&scene, &told);
    before.but_cordoned(&scene, &[], &told);
}
