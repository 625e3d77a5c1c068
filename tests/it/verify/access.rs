//! API-01 to API-03: what may be read, and of which version the server is.

use serde_json::json;

use super::Verified;
use super::edited::{judged, object, recorded};
use crate::cluster::{Interceptor, Scene};

/// As [`super::verify`], as a user with only some rights.
fn verify_as(scene: &Scene, kubeconfig: &std::path::Path, further: &[&str]) -> Verified {
    let arguments = ["verify", "-o", "json"].into_iter().chain(further.iter().copied());
    let output = scene.shardctl_with(kubeconfig, arguments).output().unwrap();
    Verified {
        code: output.status.code().unwrap(),
        report: serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

#[test]
fn what_may_not_be_read_makes_its_checks_unknown_and_the_role_is_printed() {
    let scene = Scene::shards(3).start();
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let only_ours = scene.limited_user(everything);
    let seen = verify_as(&scene, &only_ours, &[]);
    // Whoever sees only the namespace knows nothing of nodes, volumes, attachments, classes, CoreDNS, and who else acts.
    let unknown: Vec<String> = seen.with_status("unknown").into_iter().collect();
    assert_eq!(
        unknown,
        [
            "API-03", "DATA-01", "DNS-01", "DNS-02", "DNS-03", "DNS-04", "EVT-01", "NODE-01", "NODE-02", "NODE-04",
            "POD-06", "POD-08", "PV-01", "PV-02", "RES-01", "SC-01", "THR-01", "VA-01",
        ],
        "{:#}",
        seen.report
    );
    assert_eq!(seen.with_status("fail"), std::collections::BTreeSet::new());
    assert_eq!(seen.code, 7, "nothing failed, and not everything could be judged");
    let words = seen.words("API-02");
    assert!(words.contains("not allowed: list nodes"), "{words}");
    assert!(words.contains("NODE-01"), "{words}");
    assert!(words.contains("resources: [nodes], verbs: [list]"), "{words}");
    // Nothing was forwarded, so that the server was asked.
    assert!(
        words.contains("not allowed: get pods/portforward in namespace kube-system"),
        "{words}"
    );
    assert!(
        words.contains("not allowed: create pods/portforward in namespace kube-system"),
        "{words}"
    );
}

#[test]
fn what_reading_and_asking_names_shows_is_not_asked_for_again() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let seen = verify_as(&scene, &interceptor.kubeconfig(&scene), &[]);
    assert_eq!(seen.code, 0, "{:#}", seen.report);
    let asked = interceptor.requests();
    let reviews = asked
        .iter()
        .filter(|asked| asked.path.ends_with("/selfsubjectaccessreviews"));
    // Logs are read only of what isn't ready.
    assert_eq!(reviews.count(), 1, "{asked:?}");
}

#[test]
fn the_rights_are_those_of_the_way_that_was_chosen() {
    let scene = Scene::shards(3).start();
    let reader =
        scene.limited_user(json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]));
    let words = verify_as(&scene, &reader, &["--dns", "exec", "--probe-protection"]).words("API-02");
    for needed in ["create pods/exec", "create pods/eviction"] {
        let needed = format!("not allowed: {needed} in namespace {}", scene.namespace());
        assert!(words.contains(&needed), "{needed}: {words}");
    }
    assert!(words.contains("can't be judged: PDB-04"), "{words}");
    assert!(words.contains("can't be judged: DNS-02, DNS-03, DNS-04"), "{words}");
    assert!(!words.contains("portforward"), "nothing is forwarded: {words}");
}

#[test]
fn a_node_class_that_may_not_be_read_is_named_as_a_rule_names_it() {
    let scene = Scene::shards(3)
        .stable()
        .shard_size("4", "64Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .start();
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let pools = json!([{"apiGroups": ["karpenter.sh"], "resources": ["nodepools"], "verbs": ["list"]}]);
    let seen = verify_as(&scene, &scene.limited_user_with(everything, pools), &[]);
    assert!(seen.with_status("unknown").contains("KARP-00"), "{:#}", seen.report);
    let words = seen.words("API-02");
    let class = format!("not allowed: get kwoknodeclasses/{}", scene.namespace());
    assert!(words.contains(&class), "{words}");
    assert!(words.contains("resources: [kwoknodeclasses]"), "{words}");
}

#[test]
fn a_server_older_than_the_oldest_that_is_known_is_a_warning() {
    let scene = Scene::shards(3).start();
    let mut snapshot = recorded(&scene);
    // The test cluster is of one version: another stands in the recorded snapshot.
    snapshot["taken"]["server"] = json!({"got": "v1.26.4"});
    for node in scene.nodes() {
        let name = node.metadata.name.unwrap();
        object(&mut snapshot, "nodes", &name)["status"]["nodeInfo"]["kubeletVersion"] = json!("v1.26.4");
    }
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &["API-03"], &[]);
    assert!(
        seen.words("API-03").contains("older than 1.27"),
        "{}",
        seen.words("API-03")
    );
}

#[test]
fn a_kubelet_too_far_behind_the_server_is_a_warning() {
    let scene = Scene::shards(3).start();
    let mut snapshot = recorded(&scene);
    let node = scene.node_of(1);
    object(&mut snapshot, "nodes", &node)["status"]["nodeInfo"]["kubeletVersion"] = json!("v1.32.9");
    snapshot["taken"]["server"] = json!({"got": "v1.36.3"});
    for other in scene.nodes() {
        let name = other.metadata.name.unwrap();
        if name != node {
            object(&mut snapshot, "nodes", &name)["status"]["nodeInfo"]["kubeletVersion"] = json!("v1.36.3");
        }
    }
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &["API-03"], &[]);
    assert!(
        seen.words("API-03").contains("its kubelet is v1.32.9"),
        "{}",
        seen.words("API-03")
    );
}

#[test]
fn a_version_that_could_not_be_read_is_unknown() {
    let scene = Scene::shards(3).start();
    let mut snapshot = recorded(&scene);
    snapshot["taken"]["server"] = json!({"unreadable": "the server's version can't be read: no"});
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &[], &["API-01", "API-03"]);
}
