//! Each strategy moves one, two and three shards off a node, and leaves everything else exactly as it was.

use super::{AsItWas, Watched, drained, packed, said};
use crate::cluster::Scene;
use k8s_openapi::api::core::v1::Pod;

/// Drains a node that has 1, 2 and 3 shards, each on a scene of its own, side by side: most of it is waiting.
fn each_number_of_shards(
    strategy: &str,
    further: &[&str],
    takes: &str,
    judge: impl Fn(&Scene<'_>, u32, &Watched, &str) + Sync,
) {
    let judge = &judge;
    std::thread::scope(|threads| {
        for together in 1..=3 {
            threads.spawn(move || {
                // No shard is Ready again before the last has gone, where they go together.
                let scene = packed(4, together, 3)
                    .annotation("test.shardctl.dev/ready-after", takes)
                    .start();
                let node = scene.node_of(0);
                let (leaving, before, watched) = (scene.shards_on(&node), AsItWas::of(&scene), Watched::of(&scene));
                let mut arguments = vec!["--strategy", strategy];
                arguments.extend_from_slice(further);
                let ran = drained(&scene, &node, &arguments);
                let said = format!("{strategy}, {together} shards\n{}", said(&ran));
                assert_eq!(ran.code, Some(0), "{said}");
                // Success means Ready, not merely evicted.
                for ordinal in 0..4 {
                    assert!(scene.is_ready(ordinal), "shard {ordinal}: {said}");
                }
                assert_eq!(scene.shards_on(&node), Vec::<String>::new(), "{said}");
                assert_eq!(watched.shards.deletions(), leaving, "highest ordinal first: {said}");
                judge(&scene, together, &watched, &said);
                before.but_cordoned(&scene, &[&node], &said);
                scene.wait_until_healthy();
            });
        }
    });
}

#[test]
fn relax_opens_the_budget_once_for_each_shard_and_one_is_down_at_a_time() {
    each_number_of_shards("relax", &[], "300ms", |scene, together, watched, said| {
        watched.was_careful(scene, said);
        assert_eq!(watched.budget.relaxed().len(), together as usize, "{said}");
    });
}

#[test]
fn direct_never_writes_the_budget_and_one_is_down_at_a_time() {
    each_number_of_shards("direct", &[], "300ms", |scene, _, watched, said| {
        watched.was_careful(scene, said);
        assert_eq!(watched.budget.stands().len(), 1, "{said}");
    });
}

#[test]
fn surge_takes_each_shard_with_the_budget_as_it_is_and_leaves_no_claim() {
    each_number_of_shards("surge", &[], "300ms", |scene, _, watched, said| {
        watched.was_careful(scene, said);
        assert_eq!(watched.budget.stands().len(), 1, "{said}");
        assert!(scene.find::<Pod>("shard-4").is_none(), "{said}");
    });
}

#[test]
fn downtime_takes_all_of_the_node_together_and_never_writes_the_budget() {
    each_number_of_shards(
        "downtime",
        &["--confirm", "shard"],
        "3s",
        |_, together, watched, said| {
            assert_eq!(watched.shards.most_down_at_once(), together as usize, "{said}");
            assert_eq!(watched.budget.stands().len(), 1, "{said}");
        },
    );
}

#[test]
fn a_node_that_is_to_take_pods_again_does() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    let before = AsItWas::of(&scene);
    let ran = drained(&scene, &node, &["--then-uncordon"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
    assert_eq!(scene.shards_on(&node), Vec::<String>::new());
}

#[test]
fn a_node_that_somebody_else_cordoned_stays_so() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.cordon(&node, true);
    let before = AsItWas::of(&scene);
    let ran = drained(&scene, &node, &["--then-uncordon"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn a_shard_that_is_down_already_goes_first() {
    let scene = packed(4, 3, 3).start();
    let node = scene.node_of(0);
    scene.make_unready(0);
    scene.wait_until("shard 0 is down", |scene| !scene.is_ready(0));
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &[]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(watched.shards.deletions(), ["shard-0", "shard-2", "shard-1"]);
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
    scene.wait_until_healthy();
}
