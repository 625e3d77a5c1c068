//! DNS-02 and DNS-03 as a shard sees the names: asked by a command inside a pod, in the domain that was said or found there.

use super::{assert_fails, verify};
use crate::cluster::{Scene, kubelet};

/// Every name of the set with its address, in a domain: the headless service's own, and each shard's.
fn names(scene: &Scene, domain: &str) -> Vec<(String, String)> {
    let service = format!("shard-headless.{}.svc.{domain}.", scene.namespace());
    let pods = (0..3).map(|ordinal| {
        let ip = scene.pod(ordinal).status.and_then(|status| status.pod_ip);
        (ordinal, ip.expect("an address"))
    });
    let of_pods = pods.flat_map(|(ordinal, ip)| {
        [
            (service.clone(), ip.clone()),
            (format!("shard-{ordinal}.{service}"), ip),
        ]
    });
    of_pods.collect()
}

/// Has the pods' dig know those names of `all` that are wanted.
fn known(scene: &Scene, all: &[(String, String)], wanted: impl Fn(&str) -> bool) {
    let known = all.iter().filter(|(name, _)| wanted(name));
    let known = known.map(|(name, address)| (name.as_str(), address.as_str()));
    kubelet::write_zone(scene.plane().folder(), scene.namespace(), known);
}

#[test]
fn names_are_asked_from_inside_a_shard_with_what_its_image_has() {
    let scene = Scene::shards(3).start();
    let all = names(&scene, "cluster.local");
    // No server answers there before one is known.
    verify(&scene, &["--dns", "exec"]).assert_only(&[], &[], &["DNS-02", "DNS-03", "DNS-04"]);

    known(&scene, &all, |_| true);
    let seen = verify(&scene, &["--dns", "exec"]);
    seen.assert_only(&[], &[], &[]);
    assert!(seen.words("DNS-03").contains("pod/shard-0"), "{}", seen.words("DNS-03"));

    known(&scene, &all, |name| !name.starts_with("shard-1."));
    scene.wait_until("no pod is so new that its name may lag", |scene| {
        !verify(scene, &["--dns", "exec"])
            .with_status("unknown")
            .contains("DNS-03")
    });
    let seen = verify(&scene, &["--dns", "exec"]);
    assert_fails(&seen, "DNS-03", &[], &[], &[]);
    let words = seen.words("DNS-03");
    assert!(
        words.contains("shard-1.shard-headless") && words.contains("NXDOMAIN"),
        "{words}"
    );
}

#[test]
fn names_are_asked_in_the_domain_that_was_said() {
    let scene = Scene::shards(3).start();
    let all = names(&scene, "shop.example");
    known(&scene, &all, |_| true);
    let arguments = ["--dns", "exec", "--cluster-domain", "shop.example."];
    verify(&scene, &arguments).assert_only(&[], &[], &[]);
}
