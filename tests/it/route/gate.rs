//! A route test as what must hold between two shards of an upgrade.

use super::{served, tested};
use crate::cluster::{Behaviour, Ring, Scene};
use crate::upgrade::{NEXT, ran};

#[test]
fn an_upgrade_goes_on_while_keys_are_stable_and_stops_where_they_arent() {
    let (scene, ring) = served(Scene::shards(2).start(), Ring::of(2).start());
    let gate = "route-test --entry shards --keys 20 --rounds 1 --rate 0 --path '/lookup/{key}'";
    ring.let_member(0, Behaviour::StaleRing(1));
    let ended = ran(&scene, &["--image", NEXT, "--gate", gate, "--shard-timeout", "2s"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for words in [
        "--gate failed",
        "route-test found keys or entries that fail",
        "disagreement",
        "2 of 2 shards Ready",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    ring.let_member(0, Behaviour::Healthy);
    let ended = ran(&scene, &["--image", NEXT, "--gate", gate]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    tested(&scene, &[]).says(0, &["STABLE"]);
}
