//! What an upgrade refuses to begin with: what is in the way is named, with what to do, and nothing was touched.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{NEXT, checked, images, is_whole, printed_patch, upgrade};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene, Witness};

const FIRST: &str = "registry.example/shard:1.0";

#[test]
fn a_rolling_update_is_refused_with_the_patch_that_mends_it() {
    let scene = Scene::shards(2)
        .stateful_set(json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}}))
        .start();
    let refused = checked(&scene, upgrade(&["--image", NEXT]));
    refused.says(
        3,
        &[
            "strategy",
            "its update strategy is RollingUpdate, not OnDelete",
            "kubectl",
            "patch statefulset shard",
        ],
    );
    assert!(!refused.stderr.contains("data is at stake"), "{}", refused.stderr);
    scene.patch::<StatefulSet>(scene.name(), printed_patch(&refused.stderr));
    checked(&scene, upgrade(&["--image", NEXT])).says(0, &["2 shards on revision"]);
    assert_eq!(images(&scene), [NEXT, NEXT]);
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_written() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let refused = |further: &[&str], words: &[&str]| {
        let mut arguments = vec!["--image", NEXT];
        arguments.extend_from_slice(further);
        let ran = run(scene.shardctl_with(&through, upgrade(&arguments)));
        ran.says(3, words);
        assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
        ran
    };

    refused(
        &["--expect", "4"],
        &[
            "replicas",
            "it has 3 replicas, where there should be 4 shards",
            "scale statefulset shard",
            "--replicas=4",
        ],
    );

    let budget = |least: i32| {
        scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": least}}));
    };
    budget(2);
    let relaxed = refused(
        &[],
        &[
            "budget-relaxed",
            "its minAvailable is 2, where there should be 3 shards",
        ],
    );
    scene.patch::<PodDisruptionBudget>(scene.name(), printed_patch(&relaxed.stderr));
    scene.wait_until_healthy();

    let mark = |value: serde_json::Value| {
        scene.patch::<StatefulSet>(
            scene.name(),
            json!({"metadata": {"annotations": {"shardctl.dev/mark": value}}}),
        );
    };
    let of = json!({
        "operation": "drain/x/shard/4f2a", "by": "kim@desk", "since": "2020-01-01T00:00:00Z",
        "until": "2020-01-01T01:00:00Z", "was": {},
    });
    mark(json!(of.to_string()));
    refused(
        &[],
        &[
            "mark",
            "drain/x/shard/4f2a has left a mark on it, run by kim@desk",
            "shardctl recover --expired",
        ],
    );
    mark(json!("nonsense"));
    refused(&[], &["mark", "this version can't read", "--allow mark"]);
    mark(json!(null));

    scene.make_unready(1);
    scene.wait_until("shard 1 is down", |scene| !scene.is_ready(1));
    refused(
        &["--only", "2"],
        &["shard-down", "pod/shard-1", "mend it first", "--allow shard-down"],
    );

    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());

    // It is down already, and to be replaced: that costs nothing, and it goes first.
    let witness = Witness::of(&scene);
    checked(&scene, upgrade(&["--image", NEXT])).says(
        0,
        &["shard-1 is down already, and is replaced first", "3 shards on revision"],
    );
    assert_eq!(witness.deletions(), ["shard-1", "shard-2", "shard-0"]);
    assert_eq!(witness.most_down_at_once(), 1);
    assert!(is_whole(&scene));
}

#[test]
fn nothing_begins_while_a_shard_is_on_its_way_out() {
    let scene = Scene::shards(2).start();
    scene.patch::<Pod>(
        "shard-0",
        json!({"metadata": {"annotations": {"test.shardctl.dev/stop": "never"}}}),
    );
    scene.delete::<Pod>("shard-0");
    checked(&scene, upgrade(&["--image", NEXT])).says(
        3,
        &[
            "terminating",
            "pod/shard-0",
            "wait until it is Ready again",
            "kubectl",
            "--for=condition=Ready",
        ],
    );
    assert_eq!(images(&scene), [FIRST, FIRST]);
}

#[test]
fn a_tag_that_has_moved_is_refused_until_that_is_allowed() {
    // The shards' pods say that they run another image under the same tag than a helper fetches now.
    let scene = Scene::shards(2).annotation("test.shardctl.dev/digest", "moved").start();
    let before = scene.set().spec;
    let moved = checked(&scene, upgrade(&["--restart"]));
    moved.says(
        3,
        &[
            "tag has moved: it means 2 different images",
            "pod/shard-0, pod/shard-1",
            "name the image by the digest",
            "shardctl upgrade --image shard=registry.example/shard@sha256:",
            "--allow moved-tag",
        ],
    );
    assert_eq!(scene.set().spec, before, "the template is as it was");
    checked(&scene, upgrade(&["--restart", "--allow", "moved-tag"])).says(0, &["2 shards on revision"]);
}
