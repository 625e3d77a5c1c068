//! What a drain makes of the pods of a node, held against what `kubectl drain` of the same version says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use shardctl::cluster::connect::{Target, connect};
use shardctl::model::snapshot::Snapshot;
use shardctl::operations::look_around::look_around;
use shardctl::operations::observe::{Wanted, observe};
use shardctl::plan::drain::Flags;
use shardctl::plan::drain::others::{Verdict, others};
use shardctl::plan::verify::policy::Policy;
use shardctl::plan::verify::seen::Seen;

use crate::cluster::{Scene, binaries};

/// The pods that would go, and those that are refused, each with why.
type Said = (BTreeSet<String>, BTreeMap<String, String>);

fn snapshot(scene: &Scene<'_>) -> Snapshot {
    let target = Target {
        kubeconfig: Some(scene.kubeconfig().to_owned()),
        context: None,
        namespace: None,
        as_user: None,
        as_groups: Vec::new(),
        request_timeout: Duration::from_secs(30),
    };
    let wanted = Wanted {
        statefulset: Some(scene.name().to_owned()),
        dns: None,
        dns_timeout: Duration::from_secs(5),
        room: false,
        usage: false,
        domain: None,
        logs: false,
        probe_protection: false,
        policy: Policy::default(),
    };
    scene.plane().run(async {
        let connection = connect(&target).await.expect("a connection");
        let seen = observe(&connection, &wanted).await.expect("a look");
        look_around(&connection, &seen.snapshot).await
    })
}

/// What we say of the scene's own pods on a node, the shards aside.
fn ours(scene: &Scene<'_>, snapshot: &Snapshot, node: &str, flags: Flags) -> Said {
    let policy = Policy::default();
    let seen = Seen::of(snapshot, &policy);
    let found = others(&seen, node, flags, None).expect("the pods are read");
    assert_eq!(found.unsure, [""; 0]);
    let mut said = Said::default();
    for row in found.rows.iter().filter(|row| row.namespace == scene.namespace()) {
        match &row.verdict {
            Verdict::Goes | Verdict::Waits(_) => {
                said.0.insert(row.title());
            }
            Verdict::Kept(why) | Verdict::Never(why) => {
                said.1.insert(row.title(), why.clone());
            }
            Verdict::Skipped(_) | Verdict::Shard(_) => {}
        }
    }
    said
}

/// What kubectl says of them.
fn kubectls(scene: &Scene<'_>, node: &str, flags: Flags) -> Said {
    let mut command = Command::new(binaries::kubectl());
    command.arg("--kubeconfig").arg(scene.kubeconfig());
    command.args(["drain", node, "--dry-run=client"]);
    let named = [
        (flags.ignore_daemonsets, "--ignore-daemonsets"),
        (flags.delete_emptydir_data, "--delete-emptydir-data"),
        (flags.force, "--force"),
    ];
    command.args(named.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag));
    let ran = command.output().expect("kubectl runs");
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    let own = format!("{}/", scene.namespace());
    let shard = |pod: &str| pod.starts_with(&format!("{own}{}-", scene.name()));
    let mut said = Said::default();
    for line in out.lines().filter_map(|line| line.strip_prefix("evicting pod ")) {
        let pod = line.split_whitespace().next().unwrap_or_default();
        if pod.starts_with(&own) && !shard(pod) {
            said.0.insert(pod.to_owned());
        }
    }
    for part in err.split("cannot delete ").skip(1) {
        let (words, rest) = part.split_once("): ").expect("words that end with the flag");
        let list = rest.split([']', '\n']).next().unwrap_or_default();
        for pod in list.split(", ").filter(|pod| pod.starts_with(&own)) {
            said.1.insert(pod.to_owned(), format!("{words})"));
        }
    }
    said
}

fn workload(kind: &str, name: &str, node: &str, volumes: &Value) -> Value {
    let labels = json!({"workload": name});
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node}, "volumes": volumes, "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "c", "image": "registry.example/c:1"}],
            },
        }},
    })
}

fn single(name: &str, node: &str, annotations: Value, volumes: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": annotations},
        "spec": {"nodeName": node, "volumes": volumes, "containers": [{"name": "c", "image": "registry.example/c:1"}]},
    })
}

#[test]
fn every_pod_gets_the_verdict_that_kubectl_drain_gives_it() {
    let scene = Scene::shards(1).start();
    let node = scene.node_of(0);
    let scratch = json!([{"name": "scratch", "emptyDir": {}}]);
    let none = json!([]);
    for object in [
        workload("Deployment", "plain", &node, &none),
        workload("Deployment", "scratch", &node, &scratch),
        workload("DaemonSet", "agent", &node, &scratch),
        single("bare", &node, json!({}), &none),
        single("bare-scratch", &node, json!({}), &scratch),
        single("over", &node, json!({}), &scratch),
        single("mirror", &node, json!({"kubernetes.io/config.mirror": "1f"}), &none),
    ] {
        scene.apply(object);
    }
    scene.wait_until("every workload has its pod on the node", |scene| {
        let pods = scene.list::<Pod>("labelSelector=workload");
        pods.len() == 3
            && pods.iter().all(|pod| {
                pod.spec
                    .as_ref()
                    .is_some_and(|spec| spec.node_name.as_ref() == Some(&node))
            })
    });
    scene.patch_status::<Pod>("over", json!({"phase": "Succeeded"}));
    let snapshot = snapshot(&scene);
    let mut refused = 0;
    for bits in 0..8 {
        let flags = Flags {
            ignore_daemonsets: bits & 1 > 0,
            delete_emptydir_data: bits & 2 > 0,
            force: bits & 4 > 0,
        };
        let (goes, stays) = ours(&scene, &snapshot, &node, flags);
        let (evicted, errors) = kubectls(&scene, &node, flags);
        assert_eq!(stays, errors, "{flags:?}");
        // kubectl lists what it would evict only where it refuses nothing.
        if errors.is_empty() {
            assert_eq!(goes, evicted, "{flags:?}");
            assert_eq!(evicted.len(), 5, "{evicted:?}");
        }
        refused += errors.len();
    }
    assert!(refused > 0, "kubectl refused nothing: its words were not understood");
}
