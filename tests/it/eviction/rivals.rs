//! Somebody else who evicts while the budget is open: never are two shards down.

use std::sync::atomic::{AtomicBool, Ordering};

use shardctl::operations::evict::{Closed, Tried};

use super::{Evictor, as_written, raw_budget, settle};
use crate::cluster::{Interceptor, Scene, Witness};

#[test]
fn who_takes_the_place_is_named_and_the_budget_is_not_opened_further() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let witness = Witness::of(&scene);
    let (before, uid) = (as_written(&raw_budget(&scene)), evictor.uid(0));
    let held = interceptor
        .on(|request| request.method == "POST" && request.path.ends_with("/eviction"))
        .nth(1)
        .hold();
    let window = std::thread::scope(|threads| {
        threads.spawn(|| {
            held.wait_hit();
            scene.wait_until("the rival was quicker", |scene| scene.evict(2).is_ok());
            held.release();
        });
        evictor.through_a_window(0)
    });
    let Some(Closed::Back(Some(after))) = &window.closed else {
        panic!("{:?}", window.closed);
    };
    let blocked = evictor.judge(0, &window.tried, after);
    let words = format!("{} {}", blocked.finding.message, blocked.finding.evidence.join(" "));
    assert!(words.contains("shard-2"), "{words}");
    assert_eq!(scene.uid(0), Some(uid), "ours wasn't evicted");
    assert_eq!(as_written(&raw_budget(&scene)), before);
    settle(&scene);
    assert_eq!(witness.deletions(), ["shard-2"]);
    assert_eq!(witness.most_down_at_once(), 1);
    let patches = interceptor.writes();
    let patches = patches.iter().filter(|request| request.method == "PATCH").count();
    assert_eq!(patches, 2, "opened and closed, once");
}

#[test]
fn with_a_rival_who_evicts_without_pause_two_are_never_down() {
    let scene = Scene::shards(3).start();
    let evictor = Evictor::new(&scene);
    let witness = Witness::of(&scene);
    let before = as_written(&raw_budget(&scene));
    let over = AtomicBool::new(false);
    let mut robbed = 0;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // One that is Pending would be let go whatever the budget says, again and again.
                if scene.is_ready(2) {
                    let _ = scene.evict(2);
                }
            }
        });
        // Whatever fails in here, the rival has to end.
        let rounds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..4 {
                settle(&scene);
                let window = evictor.through_a_window(0);
                assert!(matches!(window.closed, Some(Closed::Back(_))), "{:?}", window.closed);
                assert_eq!(as_written(&raw_budget(&scene)), before);
                robbed += usize::from(window.tried != Tried::Accepted);
            }
            settle(&scene);
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = rounds {
            std::panic::resume_unwind(panic);
        }
    });
    eprintln!("the rival was quicker in {robbed} of 4 windows");
    assert_eq!(witness.deletions().len(), 4, "one for each window");
    assert_eq!(witness.most_down_at_once(), 1);
}
