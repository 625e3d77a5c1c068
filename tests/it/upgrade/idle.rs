//! An upgrade run again: nothing to do, and not one write. And what the first run left to read about it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Resource;
use kube::core::ObjectMeta;

use super::{NEXT, checked, is_whole, named_command, revision, upgrade};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene};

/// What shardctl has told Kubernetes. Others go on telling theirs.
fn events(scene: &Scene<'_>) -> Vec<Event> {
    let ours = |event: &Event| {
        event
            .reporting_component
            .as_deref()
            .is_some_and(|by| by.contains("shardctl"))
    };
    scene.list::<Event>("").into_iter().filter(ours).collect()
}

/// The version of each object that an upgrade could write.
fn versions(scene: &Scene<'_>) -> BTreeMap<String, String> {
    fn all<K: Resource<DynamicType = ()>>(objects: Vec<K>) -> Vec<(String, ObjectMeta)> {
        let kind = K::kind(&()).into_owned();
        objects
            .into_iter()
            .map(|object| (kind.clone(), object.meta().clone()))
            .collect()
    }
    let mut objects = all(scene.list::<StatefulSet>(""));
    objects.extend(all(scene.list::<Pod>("")));
    objects.extend(all(scene.list::<ControllerRevision>("")));
    objects.extend(all(scene.list::<Lease>("")));
    objects.extend(all(events(scene)));
    objects.extend(all(scene.list::<PersistentVolumeClaim>("")));
    objects.extend(all(scene.list::<PodDisruptionBudget>("")));
    let line = |(kind, meta): (String, ObjectMeta)| {
        let name = format!("{kind}/{}", meta.name.unwrap_or_default());
        (name, meta.resource_version.unwrap_or_default())
    };
    objects.into_iter().map(line).collect()
}

#[test]
fn run_again_it_writes_nothing_and_the_first_run_can_be_read_about() {
    let scene = Scene::shards(3).stable().start();
    let first = checked(&scene, upgrade(&["--image", NEXT]));
    first.says(
        0,
        &[
            "3 shards on revision",
            "3 volumes unchanged",
            "Now:    3 of 3 shards Ready",
        ],
    );
    assert_eq!(named_command(&first, "Undo:"), ["upgrade", "undo"]);
    assert!(first.stdout.contains("Resume: nothing to resume"), "{}", first.stdout);
    assert!(is_whole(&scene));

    // Kubernetes' own record of it, for whoever describes the set.
    let events: Vec<String> = events(&scene)
        .into_iter()
        .inspect(|event| assert_eq!(event.involved_object.kind.as_deref(), Some("StatefulSet")))
        .map(|event| {
            let by = event.reporting_instance.unwrap_or_default();
            assert!(!by.is_empty(), "who ran it and where");
            format!(
                "{} {}",
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default()
            )
        })
        .collect();
    let told = |reason: &str, words: &str| {
        let found = events
            .iter()
            .filter(|event| event.starts_with(reason) && event.contains(words));
        assert!(found.count() == 1, "no {reason} {words} in: {events:#?}");
    };
    told("TemplateChanged", NEXT);
    for ordinal in 0..3 {
        told("ShardDeleted", &scene.pod_name(ordinal));
    }
    told("OperationFinished", "3 shards on revision");

    scene.wait_until_healthy();
    let before = versions(&scene);
    let nodes = |scene: &Scene<'_>| {
        scene
            .nodes()
            .into_iter()
            .map(|node| node.metadata.annotations)
            .collect::<Vec<_>>()
    };
    let annotations = nodes(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let through = interceptor.kubeconfig(&scene);
    let nothing = format!("nothing to do: 3 shards Ready on revision {}", revision(&scene));
    for further in [
        vec!["--image", NEXT],
        vec![],
        vec!["--image", NEXT, "--dry-run=client"],
        vec!["--image", NEXT, "--dry-run=server"],
        vec![
            "--only",
            "1",
            "--gate",
            "verify",
            "--before",
            "false",
            "--deadline",
            "1s",
        ],
    ] {
        let again = run(scene.shardctl_with(&through, upgrade(&further)));
        again.says(0, &["nothing to do: "]);
        if !further.contains(&"--only") {
            assert_eq!(again.stdout, format!("{nothing}\n"));
            assert_eq!(again.stderr, "");
        }
    }
    let json = run(scene.shardctl_with(&through, upgrade(&["-o", "json"])));
    json.says(0, &["\"end\":\"nothing-to-do\"", "\"event\":\"ended\""]);
    let writes: Vec<String> = interceptor.writes().iter().map(ToString::to_string).collect();
    assert_eq!(writes, Vec::<String>::new());
    let after = versions(&scene);
    let changed: Vec<&String> = after
        .keys()
        .filter(|name| after.get(*name) != before.get(*name))
        .collect();
    assert_eq!((changed, after.len()), (Vec::new(), before.len()));
    assert_eq!(nodes(&scene), annotations);
}
