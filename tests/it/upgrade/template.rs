//! A pending template that can't make a pod, since what it names isn't there: refused before a shard is touched.

use super::untouched::Untouched;
use super::{is_whole, ran};
use crate::cluster::{Scene, Witness};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

/// Writes a change of the pod template, as a GitOps tool would.
fn write(scene: &Scene<'_>, template: Value) {
    let wanted = scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"template": template}}));
    scene.wait_until("the controller has seen the template", |scene| {
        let observed = scene.set().status.and_then(|status| status.observed_generation);
        observed == wanted.metadata.generation
    });
}

#[test]
fn a_template_that_names_what_is_not_there_is_refused_with_all_of_it() {
    let scene = Scene::shards(3).start();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"old": "1"},
    }));
    let witness = Witness::of(&scene);
    let container = json!({
        "name": "shard",
        "env": [{"name": "NEW", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "new"}}}],
        "envFrom": [{"configMapRef": {"name": "more-settings"}}, {"secretRef": {"name": "password"}}],
    });
    write(
        &scene,
        json!({"spec": {
            "containers": [container], "serviceAccountName": "nobody", "priorityClassName": "no-such-class", "priority": null,
        }}),
    );
    let before = Untouched::of(&scene);
    let refused = ran(&scene, &[]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    for words in [
        "configmap/settings: it has no key new",
        "configmap/more-settings: it doesn't exist",
        "secret/password: it doesn't exist",
        "serviceaccount/nobody: it doesn't exist",
        "priorityclass/no-such-class: it doesn't exist",
        "Now:    3 of 3 shards Ready",
    ] {
        assert!(refused.stdout.contains(words), "{words}\n{}", refused.stdout);
    }
    before.still_holds(&scene);
    let dry = scene.shardctl(["upgrade", "--dry-run=server"]).output().unwrap();
    assert_eq!(dry.status.code(), Some(3), "{dry:?}");
    assert!(
        String::from_utf8_lossy(&dry.stderr).contains("secret/password"),
        "{dry:?}"
    );
    before.still_holds(&scene);
    assert_eq!(witness.deletions(), Vec::<String>::new());

    // What is left isn't looked at by the fake kubelet, as an optional key wouldn't be by a real one.
    write(
        &scene,
        json!({"spec": {"serviceAccountName": "default", "serviceAccount": null, "priorityClassName": scene.namespace()}}),
    );
    let allowed = ran(&scene, &["--allow", "template"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert!(
        allowed.stderr.contains("--allow template, though"),
        "{}",
        allowed.stderr
    );
    assert!(is_whole(&scene), "{allowed:?}");
    assert_eq!(witness.most_down_at_once(), 1);
}
