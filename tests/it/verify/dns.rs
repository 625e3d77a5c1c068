//! DNS-01 to DNS-04, with CoreDNS itself and beside it a name server of the test's own behind a second CoreDNS pod.

use std::net::Ipv4Addr;

use serde_json::json;

use super::edited::{judged, object, objects, recorded};
use super::name_server::{NameServer, Reply};
use super::{assert_fails, verify};
use crate::cluster::{Plane, PlaneConfig, Scene};

fn address(scene: &Scene, ordinal: u32) -> Ipv4Addr {
    let pod = scene.pod(ordinal);
    let ip = pod.status.and_then(|status| status.pod_ip).expect("an address");
    ip.parse().expect("an IPv4 address")
}

fn name(scene: &Scene, shard: &str) -> String {
    format!("{shard}shard-headless.{}.svc.cluster.local", scene.namespace())
}

/// Makes the server say what is right.
fn tell_the_truth(server: &NameServer, scene: &Scene) {
    let addresses: Vec<Ipv4Addr> = (0..3).map(|ordinal| address(scene, ordinal)).collect();
    server.says(&name(scene, ""), Reply::Addresses(addresses.clone()));
    for (ordinal, address) in addresses.into_iter().enumerate() {
        server.says(
            &name(scene, &format!("shard-{ordinal}.")),
            Reply::Addresses(vec![address]),
        );
    }
}

#[test]
fn every_replica_and_every_name_is_asked_and_wrong_answers_are_told_apart() {
    let server = NameServer::start();
    let plane = Plane::own_with(PlaneConfig {
        dns_elsewhere: vec![server.port],
        ..PlaneConfig::default()
    });
    let scene = Scene::shards(3).start_on(&plane);
    tell_the_truth(&server, &scene);
    verify(&scene, &["--wait", "30s"]).assert_only(&[], &[], &[]);

    // An answer that is wrong now but was right a moment ago is converging; that moment must have passed.
    let other = Reply::Addresses(vec![Ipv4Addr::new(10, 9, 9, 9)]);
    server.says(&name(&scene, "shard-1."), other.clone());
    scene.wait_until("no pod is so new that its name may lag", |scene| {
        !verify(scene, &[]).with_status("unknown").contains("DNS-03")
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "DNS-03", &[], &[], &[]);
    let words = seen.words("DNS-03");
    assert!(words.contains("gives 10.9.9.9, the pod has"), "{words}");
    assert!(words.contains("answered by pod/coredns-1"), "{words}");
    assert!(words.contains("delete pod coredns-1"), "{words}");

    for (reply, expected) in [
        (Reply::NxDomain, "gives NXDOMAIN, the pod has"),
        (Reply::NoData, "gives NODATA, the pod has"),
        (Reply::ServFail, "1 of 3 shards' names aren't answered: SERVFAIL"),
        (
            Reply::Silence,
            "1 of 3 shards' names aren't answered: timed out after 300 ms",
        ),
    ] {
        server.says(&name(&scene, "shard-1."), reply.clone());
        let seen = verify(&scene, &["--dns-timeout", "300ms"]);
        assert_fails(&seen, "DNS-03", &[], &[], &[]);
        assert!(
            seen.words("DNS-03").contains(expected),
            "{reply:?}: {}",
            seen.words("DNS-03")
        );
    }

    tell_the_truth(&server, &scene);
    server.says(&name(&scene, ""), other);
    scene.wait_until("the endpoints are older than the records' time to live", |scene| {
        !verify(scene, &[]).with_status("unknown").contains("DNS-02")
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "DNS-02", &[], &[], &[]);
    let words = seen.words("DNS-02");
    assert!(
        words.contains("is answered with 10.9.9.9; the endpoint slices have"),
        "{words}"
    );

    // One server that is named speaks for itself, and says so.
    tell_the_truth(&server, &scene);
    let seen = verify(&scene, &["--dns", &format!("127.0.0.1:{}", server.port)]);
    seen.assert_only(&[], &[], &[]);
    let words = seen.words("DNS-02");
    assert!(words.contains("not every replica"), "{words}");
}

#[test]
fn a_replica_that_cannot_be_reached_leaves_the_names_unknown() {
    // Nobody listens there: the port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let plane = Plane::own_with(PlaneConfig {
        dns_elsewhere: vec![port],
        ..PlaneConfig::default()
    });
    let scene = Scene::shards(3).start_on(&plane);
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &[], &["DNS-02", "DNS-03"]);
    assert!(
        seen.words("DNS-02").contains("pod/coredns-1"),
        "{}",
        seen.words("DNS-02")
    );
}

#[test]
fn recorded_answers_and_replicas_are_judged() {
    let scene = Scene::shards(3).start();
    let healthy = recorded(&scene);
    judged(&scene, &healthy, &[]).assert_only(&[], &[], &[]);

    // CoreDNS of the shared plane can't be broken: recorded, and its Ready condition edited.
    let mut snapshot = healthy.clone();
    object(&mut snapshot, "dns-pods", "coredns-0")["status"]["conditions"] =
        json!([{"type": "Ready", "status": "False"}]);
    let seen = judged(&scene, &snapshot, &[]);
    assert_fails(&seen, "DNS-01", &[], &[], &[]);
    assert!(seen.words("DNS-01").contains("none of the 1 CoreDNS pods is ready"));

    // A second replica that isn't ready, copied from the first.
    let mut second = object(&mut snapshot, "dns-pods", "coredns-0").clone();
    second["metadata"]["name"] = json!("coredns-9");
    let mut snapshot = healthy.clone();
    objects(&mut snapshot, "dns-pods").push(second);
    judged(&scene, &snapshot, &[]).assert_only(&[], &["DNS-01"], &[]);

    // The view from inside a pod: exec runs on this machine, so the vantage of recorded answers is edited instead.
    let mut snapshot = healthy.clone();
    snapshot["dns"]["got"]["vantage"] = json!({"exec": {"pod": "shard-0"}});
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &[], &[]);
    assert_eq!(seen.check("DNS-04")["status"], "pass");
    let shard = format!("{}.", name(&scene, "shard-1."));
    snapshot["dns"]["got"]["servers"][0]["answers"][&shard] = json!("nx-domain");
    // Recorded long after the pods became Ready, or the lost name would be converging.
    snapshot["taken"]["at"] = json!("2100-01-01T00:00:00Z");
    let seen = judged(&scene, &snapshot, &["--only", "DNS-02,DNS-03,DNS-04"]);
    assert_fails(&seen, "DNS-03", &[], &[], &[]);
    assert_eq!(seen.with_finding("information"), ["DNS-04".to_owned()].into());

    // Without any answers there is no verdict, and no green.
    let mut snapshot = healthy;
    snapshot["dns"] = json!({"unreadable": "the port-forward was refused"});
    judged(&scene, &snapshot, &[]).assert_only(&[], &[], &["DNS-02", "DNS-03", "DNS-04"]);
}
