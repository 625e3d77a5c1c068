//! Scenes on the shared plane: health, evictions, disks, names, logs, commands and rights.

use crate::cluster::{Plane, Scene};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::Api;
use kube::api::{AttachParams, LogParams};
use serde_json::json;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn a_scene_is_healthy_in_every_respect() {
    let scene = Scene::shards(3).stable().start();
    let plane = scene.plane();

    let mut zones = Vec::new();
    for ordinal in 0..3 {
        let pod = scene.pod(ordinal);
        let status = pod.status.expect("a status");
        assert_eq!(status.qos_class.as_deref(), Some("Guaranteed"));
        assert!(status.pod_ip.is_some_and(|ip| ip.starts_with("10.244.")));
        let image = &status.container_statuses.expect("container statuses")[0].image_id;
        assert!(image.starts_with("registry.example/shard@sha256:"), "{image}");

        let node: Node = scene.get(&scene.node_of(ordinal));
        let zone = node.metadata.labels.expect("labels")["topology.kubernetes.io/zone"].clone();
        let volume = serde_json::to_value(scene.volume_of(ordinal)).expect("JSON");
        assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Retain");
        let expression = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
        assert_eq!(expression["values"], json!([zone]));
        zones.push(zone);

        let attachments: Vec<VolumeAttachment> = scene.list("");
        let name = volume["metadata"]["name"].as_str().map(String::from);
        let attachment = attachments
            .iter()
            .find(|a| a.spec.source.persistent_volume_name == name);
        assert!(
            attachment.is_some_and(|a| a.status.as_ref().is_some_and(|s| s.attached)),
            "{name:?} is attached"
        );
    }
    zones.sort();
    assert_eq!(zones, ["eastus-1", "eastus-2", "eastus-3"]);

    let budget = scene.budget().status.expect("a status");
    assert_eq!((budget.current_healthy, budget.disruptions_allowed), (Some(3), Some(0)));
    let version = plane.run(plane.client().apiserver_version()).expect("a version");
    let nodes = scene.nodes();
    let info = nodes[0]
        .status
        .as_ref()
        .and_then(|s| s.node_info.as_ref())
        .expect("node info");
    assert_eq!(info.kubelet_version, version.git_version);
}

#[test]
fn a_blocked_eviction_is_a_429_and_an_allowed_one_goes_through() {
    let scene = Scene::shards(3).start();
    let (code, words) = scene.evict(1).expect_err("the budget blocks");
    assert_eq!(code, 429, "{words}");
    assert!(words.contains("needs 3 healthy pods and has 3"), "{words}");

    let before = scene.uid(1);
    scene.patch::<k8s_openapi::api::policy::v1::PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 2}}));
    scene.wait_until("the relaxed budget lets a shard go", |scene| scene.evict(1).is_ok());
    scene.wait_until("the shard is new and Ready", |scene| {
        scene.is_ready(1) && scene.uid(1) != before
    });
    scene.wait_until_healthy();
}

#[test]
fn a_zonal_disk_pins_a_deleted_shard_to_its_zone() {
    let scene = Scene::shards(2)
        .zones(["eastus-1", "eastus-2"])
        .nodes_per_zone(2)
        .start();
    let zone_of = |scene: &Scene, node: &str| {
        scene.get::<Node>(node).metadata.labels.expect("labels")["topology.kubernetes.io/zone"].clone()
    };
    let (before, uid, volume) = (scene.node_of(0), scene.uid(0), scene.volume_of(0).metadata.uid);
    scene.cordon(&before, true);
    scene.delete::<Pod>("shard-0");
    scene.wait_until("a new shard 0 is Ready", |s| s.is_ready(0) && s.uid(0) != uid);
    let after = scene.node_of(0);
    assert_ne!(after, before);
    assert_eq!(zone_of(&scene, &after), zone_of(&scene, &before));
    assert_eq!(scene.volume_of(0).metadata.uid, volume);
    // The real attach controller moved the disk.
    scene.wait_until_healthy();

    // And with no node left in the zone, it waits.
    scene.cordon(&after, true);
    scene.delete::<Pod>("shard-0");
    scene.wait_until("the scheduler says why not", |scene| {
        let Some(pod) = scene.find::<Pod>("shard-0") else {
            return false;
        };
        let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|c| c.reason.as_deref() == Some("Unschedulable"))
    });
}

#[test]
fn a_node_takes_only_so_many_disks() {
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .nodes_per_zone(1)
        .attach_limit(1)
        .without_waiting()
        .start();
    scene.wait_until("one shard is Ready and the other has no slot", |scene| {
        let conditions = scene
            .pods()
            .into_iter()
            .filter_map(|pod| pod.status?.conditions)
            .flatten();
        let refused = conditions
            .filter_map(|c| c.message)
            .any(|words| words.contains("exceed max volume count"));
        refused && (scene.is_ready(0) != scene.is_ready(1))
    });
}

#[test]
fn names_resolve_through_a_port_forward_to_coredns() {
    let scene = Scene::shards(2).start();
    for ordinal in 0..2 {
        let name = format!("shard-{ordinal}.shard-headless.{}.svc.cluster.local", scene.namespace());
        let ip: Ipv4Addr = scene
            .pod(ordinal)
            .status
            .and_then(|s| s.pod_ip)
            .expect("an IP")
            .parse()
            .expect("an IPv4");
        scene.wait_until("the name leads to the pod", |scene| {
            let answer = ask(scene.plane(), "coredns-0", &name);
            // NOERROR, one answer, and the record's data at the end.
            answer[3] & 15 == 0 && answer[7] == 1 && answer.ends_with(&ip.octets())
        });
    }
    let nobody = format!("shard-7.shard-headless.{}.svc.cluster.local", scene.namespace());
    assert_eq!(ask(scene.plane(), "coredns-0", &nobody)[3] & 15, 3, "NXDOMAIN");
}

/// Asks for the A record of `name` over TCP, through a port-forward; the message without its length.
pub fn ask(plane: &Plane, pod: &str, name: &str) -> Vec<u8> {
    let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    plane.run(async {
        let pods = Api::<Pod>::namespaced(plane.client().clone(), "kube-system");
        let mut forwarder = pods.portforward(pod, &[53]).await.expect("a port-forward");
        let mut stream = forwarder.take_stream(53).expect("a stream");
        stream
            .write_all(&[&(query.len() as u16).to_be_bytes(), &query[..]].concat())
            .await
            .expect("ask");
        let length = stream.read_u16().await.expect("a length");
        let mut answer = vec![0; length.into()];
        stream.read_exact(&mut answer).await.expect("an answer");
        answer
    })
}

#[test]
fn logs_of_this_run_and_of_the_one_before() {
    let scene = Scene::shards(1).start();
    let pods = Api::<Pod>::namespaced(scene.plane().client().clone(), scene.namespace());
    let log = |previous| {
        let which = LogParams {
            previous,
            tail_lines: Some(1),
            ..LogParams::default()
        };
        scene.plane().run(pods.logs("shard-0", &which)).expect("a log")
    };
    assert_eq!(log(false), "ready to serve\n");
    assert_eq!(log(true), "fatal: the index is damaged\n");
}

#[test]
fn exec_shows_the_resolver_configuration_of_a_pod() {
    let scene = Scene::shards(1).start();
    let pods = Api::<Pod>::namespaced(scene.plane().client().clone(), scene.namespace());
    let text = scene.plane().run(async {
        let mut process = pods
            .exec("shard-0", ["cat", "/etc/resolv.conf"], &AttachParams::default())
            .await
            .expect("exec");
        let mut text = String::new();
        process
            .stdout()
            .expect("output")
            .read_to_string(&mut text)
            .await
            .expect("text");
        text
    });
    let search = format!(
        "search {}.svc.cluster.local svc.cluster.local cluster.local\n",
        scene.namespace()
    );
    assert!(text.starts_with(&search), "{text}");
    assert!(text.contains("nameserver 10.96.0.10\n"), "{text}");
}

#[test]
fn a_limited_user_may_do_what_the_rules_say_and_no_more() {
    let scene = Scene::shards(1).start();
    let user = scene.limited_user(json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]));
    let client = scene.plane().client_of(&user);
    let get = |path: String| scene.plane().run(crate::cluster::api::get(&client, &path));
    let namespace = scene.namespace();
    get(format!("/api/v1/namespaces/{namespace}/pods")).expect("pods are allowed");
    for path in [
        format!("/apis/apps/v1/namespaces/{namespace}/statefulsets"),
        "/api/v1/nodes".into(),
    ] {
        let refused = get(path).expect_err("the rest is not");
        assert_eq!(crate::cluster::api::code(&refused), Some(403), "{refused}");
    }

    let reader = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]);
    let client = scene.plane().client_of(&scene.limited_user_with(json!([]), reader));
    let nodes = scene.plane().run(crate::cluster::api::get(&client, "/api/v1/nodes"));
    nodes.expect("nodes are allowed to this one");
}
