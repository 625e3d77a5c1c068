//! An upgrade that goes well.

use super::{NEXT, is_whole, upgrade};
use crate::cluster::{Scene, Witness};

#[test]
fn ten_shards_come_over_one_at_a_time_highest_first() {
    let scene = Scene::shards(10).stable().start();
    let witness = Witness::of(&scene);
    let ran = scene.shardctl(upgrade(&["--image", NEXT])).output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert_eq!(ran.status.code(), Some(0), "{out}\n{err}");
    assert!(is_whole(&scene), "{out}");
    assert_eq!(witness.most_down_at_once(), 1);
    let expected: Vec<String> = (0..10).rev().map(|ordinal| scene.pod_name(ordinal)).collect();
    assert_eq!(witness.deletions(), expected);
}
