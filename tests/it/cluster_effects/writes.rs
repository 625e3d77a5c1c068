//! Writes: what is refused, what is only tried, whom managedFields name, what the set's Events say.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Event;
use serde_json::json;
use shardctl::cluster::fresh::{Lists, Volumes, fresh};
use shardctl::cluster::permit::Permit;
use shardctl::cluster::{announce, metadata, rights, write};
use shardctl::model::objects::Objects;
use shardctl::model::read::Read;
use shardctl::model::resource::Resource;
use shardctl::model::right::Rule;
use shardctl::model::snapshot::Snapshot;
use shardctl::model::step::PodRef;
use shardctl::model::storage::PersistentVolume;
use shardctl::model::{pod, set};

use super::{administrator, connection, pod_path, set_path};
use crate::cluster::Scene;

fn reference(scene: &Scene<'_>, ordinal: u32) -> PodRef {
    let found = scene.pod(ordinal);
    PodRef {
        name: pod::name(&found).to_owned(),
        ordinal: ordinal.try_into().expect("a small number"),
        uid: pod::uid(&found).to_owned(),
        resource_version: found.metadata.resource_version.clone().expect("a version"),
        node: None,
    }
}

#[test]
fn a_pod_is_deleted_only_as_it_was_judged() {
    let scene = Scene::shards(2).start();
    let (plane, connection) = (scene.plane(), administrator(&scene));
    let (api, permit) = (connection.api(), Permit::confirmed());
    let judged = reference(&scene, 0);
    let delete = |pod: &PodRef| plane.run(write::delete_pod(api, &permit, scene.namespace(), pod, None));

    let another = PodRef {
        uid: "00000000-0000-0000-0000-000000000000".to_owned(),
        ..judged.clone()
    };
    assert!(delete(&another).expect_err("another pod").is_conflict());
    let stale = PodRef {
        resource_version: "1".to_owned(),
        ..judged.clone()
    };
    assert!(delete(&stale).expect_err("an old version").is_conflict());
    assert_eq!(scene.uid(0), Some(judged.uid.clone()));
    assert!(scene.is_ready(0));

    delete(&judged).expect("the pod that was judged");
    scene.wait_until("shard 0 is a new pod", |scene| {
        scene.uid(0).is_some_and(|uid| uid != judged.uid)
    });
}

#[test]
fn what_is_only_tried_changes_nothing_and_is_refused_as_in_earnest() {
    let scene = Scene::shards(1).start();
    let (plane, connection) = (scene.plane(), administrator(&scene));
    let api = connection.api();
    let before = scene.pod(0);
    let judged = reference(&scene, 0);
    let options = write::exactly(&judged.uid, &judged.resource_version);
    plane
        .run(write::try_delete(api, &pod_path(&scene, 0), &options))
        .expect("a deletion that would be done");
    assert_eq!(scene.pod(0).metadata, before.metadata, "nothing was deleted");
    let stale = write::exactly(&judged.uid, "1");
    let refused = plane.run(write::try_delete(api, &pod_path(&scene, 0), &stale));
    assert!(refused.expect_err("an old version").is_conflict());

    let path = set_path(&scene);
    let patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 7}]);
    let answer = plane.run(write::try_json_patch(api, &path, &patch)).expect("a patch");
    assert!(answer.body.contains("\"replicas\":7"), "{}", answer.body);
    assert_eq!(set::replicas(&scene.set()), 1);

    let pods = format!("/api/v1/namespaces/{}/pods", scene.namespace());
    let helper = json!({"metadata": {"name": "helper"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    plane.run(write::try_create(api, &pods, &helper)).expect("a pod");
    let exists = |path: String| plane.run(metadata::exists(api, &path)).expect("an answer");
    assert!(!exists(format!("{pods}/helper")));
    assert!(exists(pod_path(&scene, 0)));
}

#[test]
fn a_patch_whose_test_fails_is_a_conflict_and_one_that_is_invalid_is_not() {
    let scene = Scene::shards(1).start();
    let (plane, connection) = (scene.plane(), administrator(&scene));
    let (api, permit, path) = (connection.api(), Permit::confirmed(), set_path(&scene));
    let patch = |patch| plane.run(write::json_patch(api, &permit, &path, &patch));

    let stale = patch(json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "replace", "path": "/spec/replicas", "value": 7},
    ]));
    let failure = stale.expect_err("a test that fails");
    assert!(failure.is_conflict() && !failure.may_have_been_done(), "{failure:?}");
    let failure = patch(json!([{"op": "replace", "path": "/spec/serviceName", "value": "other"}]));
    let failure = failure.expect_err("a field that can't be changed");
    assert!(!failure.is_conflict() && !failure.may_have_been_done(), "{failure:?}");
    assert_eq!(set::replicas(&scene.set()), 1);

    patch(json!([{"op": "add", "path": "/spec/minReadySeconds", "value": 1}])).expect("a patch");
    let managers = scene.set().metadata.managed_fields.expect("managed fields");
    let ours = managers
        .iter()
        .find(|entry| entry.manager.as_deref() == Some("shardctl"));
    assert!(ours.is_some(), "{managers:?}");
}

#[test]
fn an_announcement_is_an_event_on_the_set() {
    let scene = Scene::shards(1).start();
    let (plane, connection) = (scene.plane(), administrator(&scene));
    let (api, permit, set) = (connection.api(), Permit::confirmed(), scene.set());
    plane.run(announce::announce(
        api,
        &permit,
        &set,
        "UpgradeHalted",
        true,
        "shard-0 doesn't become Ready",
        "somebody@host",
    ));
    let events = scene.list::<Event>("");
    let ours = events
        .iter()
        .find(|event| event.reason.as_deref() == Some("UpgradeHalted"));
    let ours = ours.expect("our event");
    assert_eq!(ours.involved_object.uid, set.metadata.uid);
    assert_eq!(ours.type_.as_deref(), Some("Warning"));
    assert_eq!(ours.message.as_deref(), Some("shard-0 doesn't become Ready"));
    assert_eq!(ours.reporting_instance.as_deref(), Some("somebody@host"));
}

#[test]
fn the_server_says_which_rights_we_have() {
    let scene = Scene::shards(1).start();
    let user = scene.limited_user(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]));
    let connection = connection(&scene, &user);
    let list = Rule::to_read(Resource::Pods, scene.namespace()).expect("a rule");
    let delete = Rule {
        verb: "delete".to_owned(),
        ..list.clone()
    };
    let rights = scene.plane().run(rights::ask(connection.api(), [list, delete]));
    let allowed: Vec<bool> = rights.iter().map(|right| right.allowed).collect();
    assert_eq!(allowed, [true, false]);
}

#[test]
fn the_uncached_look_has_all_that_a_deletion_is_judged_by() {
    let scene = Scene::shards(2).start();
    let (plane, connection) = (scene.plane(), administrator(&scene));
    let set = scene.set();
    let seen = plane
        .run(fresh(
            &connection,
            scene.namespace(),
            &set,
            None,
            &mut Lists::default(),
            Volumes::All,
        ))
        .expect("a look");
    assert_eq!(seen.set().map(set::uid), Some(set::uid(&set)));
    assert_eq!(seen.pods.got().map(Objects::len), Some(2));
    assert_eq!(seen.budgets.got().map(Objects::len), Some(1));
    assert_eq!(seen.claims.got().map(Objects::len), Some(2));
    let names = |volumes: &Read<Objects<PersistentVolume>>| -> BTreeSet<String> {
        let volumes = volumes.got().expect("volumes");
        volumes
            .iter()
            .filter_map(|volume| volume.metadata.name.clone())
            .collect()
    };
    let expected: BTreeSet<String> = (0..2)
        .filter_map(|shard| scene.volume_of(shard).metadata.name)
        .collect();
    assert_eq!(names(&seen.volumes), expected);
    for known in [1, 2] {
        let volumes = seen.volumes.clone();
        let known = Snapshot {
            volumes: volumes.map(|volumes| volumes.shared().take(known).cloned().collect()),
            ..seen.clone()
        };
        let mut lists = Lists::default();
        let mut look = |volumes| {
            let look = fresh(&connection, scene.namespace(), &set, Some(&known), &mut lists, volumes);
            plane.run(look).expect("a look")
        };
        let again = look(Volumes::All);
        assert_eq!(names(&again.volumes), expected);
        let without = look(Volumes::AsKnown);
        assert_eq!(names(&without.volumes), names(&known.volumes));
        assert_eq!(without.pods, again.pods);
    }
    assert_eq!(seen.leases.got().map(Vec::len), Some(0));
    assert!(seen.nodes.got().is_none());

    let user = scene.limited_user(json!([
        {"apiGroups": ["", "apps"], "resources": ["pods", "statefulsets"], "verbs": ["get", "list"]},
    ]));
    let limited = super::connection(&scene, &user);
    let seen = plane
        .run(fresh(
            &limited,
            scene.namespace(),
            &set,
            None,
            &mut Lists::default(),
            Volumes::All,
        ))
        .expect("the set and its pods are enough");
    assert_eq!(seen.pods.got().map(Objects::len), Some(2));
    assert!(seen.budgets.got().is_none() && seen.volumes.got().is_none() && seen.leases.got().is_none());
}
