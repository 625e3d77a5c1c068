//! SVC-01, EPS-01, LB-01 and LB-02, on real endpoint slices.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::edited::{judged, objects, recorded};
use super::{Verified, assert_fails, verify};
use crate::cluster::Scene;

fn endpoints(scene: &Scene, service: &str) -> usize {
    let slices: Vec<EndpointSlice> = scene.list(&format!("labelSelector=kubernetes.io/service-name={service}"));
    slices.iter().flat_map(|slice| slice.endpoints.iter().flatten()).count()
}

/// The recorded slice of a service.
fn slice<'a>(snapshot: &'a mut Value, service: &str) -> &'a mut Value {
    let slices = objects(snapshot, "endpoint-slices").iter_mut();
    slices
        .into_iter()
        .find(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service)
        .expect("a slice of the service")
}

/// The first look that sees the endpoints as they have become (EPS-01 fails), and in which no answer is still converging:
/// a look of its own after the wait could catch an older list again.
fn settled(scene: &Scene, what: &str, changed: impl Fn(&Scene) -> bool) -> Verified {
    let mut last = None;
    scene.wait_until(what, |scene| {
        if !changed(scene) {
            return false;
        }
        let seen = verify(scene, &[]);
        let settled = seen.with_status("unknown").is_empty() && seen.with_status("fail").contains("EPS-01");
        last = Some(seen);
        settled
    });
    last.expect("a look")
}

#[test]
fn a_service_that_selects_nothing_takes_the_names_away() {
    let scene = Scene::shards(3).start();
    scene.patch::<Service>("shard-headless", json!({"spec": {"selector": {"app": "other"}}}));
    let seen = settled(&scene, "the slices are empty, and CoreDNS knows", |scene| {
        endpoints(scene, "shard-headless") == 0
    });
    assert_fails(&seen, "SVC-01", &["EPS-01", "DNS-03"], &[], &[]);
    let words = seen.words("SVC-01");
    assert!(
        words.contains("app=other, which the set's template doesn't give"),
        "{words}"
    );
    let words = seen.words("DNS-03");
    assert!(
        words.contains("NXDOMAIN: service/shard-headless selects app=other"),
        "{words}"
    );
}

#[test]
fn a_stranger_behind_the_service_is_a_failure() {
    let scene = Scene::shards(3)
        .template(json!({"metadata": {"labels": {"tier": "data"}}}))
        .start();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger", "labels": {"tier": "data"}},
        "spec": {
            "nodeName": scene.node_of(0), "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "registry.example/shard:1.0"}],
        },
    }));
    scene.patch::<Service>(
        "shard-headless",
        json!({"spec": {"selector": {"app": null, "tier": "data"}}}),
    );
    let seen = settled(
        &scene,
        "the stranger is among the endpoints, and CoreDNS knows",
        |scene| endpoints(scene, "shard-headless") == 4,
    );
    assert_fails(&seen, "SVC-01", &["EPS-01"], &[], &[]);
    let words = seen.words("SVC-01");
    assert!(
        words.contains("also selects pod/stranger, which isn't of this set"),
        "{words}"
    );
}

#[test]
fn publishing_addresses_of_unready_shards_is_only_mentioned() {
    let scene = Scene::shards(3).publish_not_ready_addresses().start();
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &[], &[]);
    assert!(seen.with_finding("information").contains("SVC-01"));
}

#[test]
fn endpoints_that_contradict_their_pods_are_a_failure() {
    // The controller puts a wrong slice right within a second, so slices are recorded and edited.
    let scene = Scene::shards(3).start();
    let healthy = recorded(&scene);

    let mut snapshot = healthy.clone();
    let hostname = &mut slice(&mut snapshot, "shard-headless")["endpoints"][0]["hostname"];
    let shard = hostname.take().as_str().expect("a host name").to_owned();
    let seen = judged(&scene, &snapshot, &[]);
    assert_fails(&seen, "EPS-01", &[], &[], &[]);
    let words = seen.words("EPS-01");
    assert!(
        words.contains("has the host name (none)") && words.contains(&shard),
        "{words}"
    );

    let mut snapshot = healthy.clone();
    slice(&mut snapshot, "shard-headless")["endpoints"][0]["conditions"]["serving"] = json!(false);
    let seen = judged(&scene, &snapshot, &[]);
    assert_fails(&seen, "EPS-01", &[], &[], &[]);
    assert!(
        seen.words("EPS-01").contains("isn't serving, though the pod is Ready"),
        "{}",
        seen.words("EPS-01")
    );

    // One endpoint less behind the load balancer is a warning.
    let mut snapshot = healthy;
    slice(&mut snapshot, "shard-entry")["endpoints"][0]["conditions"]["ready"] = json!(false);
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &["LB-02"], &[]);
    assert!(
        seen.words("LB-02").contains("2 of 3 shards are ready behind it"),
        "{}",
        seen.words("LB-02")
    );
}

#[test]
fn a_load_balancer_without_an_address_is_a_failure_with_its_event() {
    let scene = Scene::shards(3).start();
    scene.patch_status::<Service>("shard-entry", json!({"status": {"loadBalancer": {"ingress": null}}}));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "LB-01", &[], &[], &[]);
    assert!(
        seen.words("LB-01").contains("no event about it"),
        "{}",
        seen.words("LB-01")
    );

    let now = jiff::Timestamp::now().to_string();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "shard-entry.1"}, "type": "Warning",
        "reason": "SyncLoadBalancerFailed", "message": "the subnet has no address left", "count": 1,
        "firstTimestamp": now[..19].to_owned() + "Z", "lastTimestamp": now[..19].to_owned() + "Z",
        "involvedObject": {"kind": "Service", "name": "shard-entry", "namespace": scene.namespace()},
        "source": {"component": "service-controller"},
    }));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "LB-01", &[], &[], &[]);
    assert!(
        seen.words("LB-01")
            .contains("SyncLoadBalancerFailed: the subnet has no address left"),
        "{}",
        seen.words("LB-01")
    );
}
