//! What stays, what goes, and that what belongs together still does.

use serde_json::{Value, json};

use super::fields::value;
use super::names::Names;
use super::prose::sentence;
use super::words::is_measure;

/// Runs `work` as `redact` does: once to find the names, once to replace them.
fn twice<T>(work: impl Fn(&mut Names) -> T) -> T {
    let mut names = Names::keyed("a uid".to_owned());
    work(&mut names);
    names.settle();
    work(&mut names)
}

#[test]
fn what_is_built_from_names_is_built_from_pseudonyms() {
    let mut names = Names::keyed("a uid".to_owned());
    let [set, template, service, space] = ["db", "data", "db-headless", "shop"].map(|name| names.name(name));
    assert_eq!(names.name("db-12"), format!("{set}-12"));
    assert_eq!(names.name("data-db-12"), format!("{template}-{set}-12"));
    assert_eq!(names.name("shardctl-db"), format!("shardctl-{set}"));
    assert_eq!(
        names.name("db-3.db-headless.shop.svc.cluster.local."),
        format!("{set}-3.{service}.{space}.svc.cluster.local.")
    );
    assert!(names.name("db-5d4f8c7b9").starts_with(&format!("{set}-")));
    assert_ne!(names.name("db-5d4f8c7b9"), names.name("db-5d4f8c7b8"));
    assert_eq!(Names::keyed("a uid".to_owned()).name("db"), set);
    assert_ne!(Names::keyed("another".to_owned()).name("db"), set);
}

#[test]
fn a_pool_keeps_the_word_that_the_phase_is_inferred_from() {
    let mut names = Names::default();
    assert!(names.name("biometric-stable").ends_with("-stable"));
    assert!(names.name("stable2").ends_with("-stable"));
    for another in ["shopstable", "unstable", "unexplored"] {
        assert!(!names.name(another).contains("stable"), "{another}");
        assert!(!names.name(another).contains("explore"), "{another}");
    }
}

#[test]
fn programs_that_take_shards_down_are_still_known_by_their_names() {
    let mut names = Names::default();
    for name in crate::model::actors::known_names() {
        assert_eq!(names.name(name), name);
        assert!(names.name(&format!("acme-{name}")).ends_with(&format!("-{name}")));
        assert!(!names.name(&format!("acme-{name}")).contains("acme"));
    }
}

#[test]
fn equal_addresses_stay_equal_and_different_ones_different() {
    let all: Vec<String> = (0..200).map(|host| format!("10.0.{}.{host}", host % 7)).collect();
    let mapped = twice(|names| {
        let address = |text: &String| names.address(text.parse().unwrap());
        all.iter().map(address).collect::<Vec<_>>()
    });
    let different: std::collections::BTreeSet<_> = mapped.iter().collect();
    assert_eq!(different.len(), all.len());
    for address in &mapped {
        assert!(address.to_string().starts_with("198.1"), "{address}");
    }
    let machine = twice(|names| {
        (
            names.name("ip-10-0-1-7.ec2.internal"),
            names.address([10, 0, 1, 7].into()),
        )
    });
    assert!(
        machine
            .0
            .starts_with(&format!("ip-{}.", machine.1.to_string().replace('.', "-"))),
        "{machine:?}"
    );
    let six = twice(|names| names.address("fd00::7".parse().unwrap()).to_string());
    assert!(six.starts_with("2001:db8:"), "{six}");
    assert_eq!(
        twice(|names| names.address("127.0.0.1".parse().unwrap()).to_string()),
        "127.0.0.1"
    );
}

#[test]
fn sentences_keep_their_words_and_lose_their_names() {
    let said = |text: &str| {
        twice(|names| {
            for name in ["db-1", "db", "shop", "memory", "node", "karp-abc12"] {
                names.name(name);
            }
            names.label("topology.kubernetes.io/zone", "eastus-1");
            sentence(names, text)
        })
    };
    let unchanged = [
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity. \
         preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
        "0/5 nodes are available: 2 Insufficient memory, 3 Insufficient cpu, 1 Insufficient nvidia.com/gpu.",
        "0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.",
        "node(s) didn't satisfy existing pods anti-affinity rules in zone eastus-1",
        "pod has unbound immediate PersistentVolumeClaims",
        "Multi-Attach error for volume",
    ];
    for text in unchanged {
        assert_eq!(said(text), text);
    }
    let lost = [
        ("persistentvolumeclaim \"data-db-1\" not found", "db"),
        ("Back-off pulling image \"acme.azurecr.io/team/app:1.2\"", "acme"),
        (
            "back-off 10s restarting failed container=db pod=db-1_shop(0bf0d2f5-65a7-4b4e-a1c1-98d7b53a3a43)",
            "shop",
        ),
        ("Pod should schedule on: nodeclaim/karp-abc12", "abc12"),
        (
            "nodes is forbidden: User \"anna\" cannot list resource \"nodes\"",
            "anna",
        ),
        ("user anna may not list nodes", "anna"),
        ("see https://portal.acme.example/subscriptions/1?x=y for more", "acme"),
        ("dial tcp 10.1.2.3:53: i/o timeout", "10.1.2.3"),
        ("no route to [fd00::1:2]:53", "fd00"),
        ("secret \"vault\" not found", "vault"),
        ("mail anna@acme.example", "anna"),
    ];
    for (text, name) in lost {
        let words = said(text);
        assert!(!words.contains(name), "{text}: {words}");
    }
    let claim = said("persistentvolumeclaim \"data-db-1\" not found");
    assert!(
        claim.starts_with("persistentvolumeclaim \"") && claim.ends_with("-1\" not found"),
        "{claim}"
    );
    let dial = said("dial tcp 10.1.2.3:53: i/o timeout");
    assert!(dial.ends_with(":53: i/o timeout"), "{dial}");
}

#[test]
fn secrets_go_and_what_the_checks_read_stays() {
    let pod = json!({
        "metadata": {
            "name": "db-0", "labels": {"app": "db", "acme.example/team": "payments"},
            "annotations": {"acme.example/owner": "anna", "karpenter.sh/do-not-disrupt": "true"},
        },
        "spec": {
            "nodeName": "db-node-7",
            "containers": [{
                "name": "db", "image": "acme.azurecr.io/team/db:1.2@sha256:0011", "command": ["/acme"],
                "env": [{"name": "PASSWORD", "value": "hunter2"}],
                "resources": {"requests": {"cpu": "1500m", "memory": "64Gi"}},
            }],
            "tolerations": [{"key": "biometric", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"}],
            "restartPolicy": "Always",
        },
        "status": {
            "phase": "Running", "podIP": "10.0.0.7", "startTime": "2026-02-28T11:59:00Z",
            "containerStatuses": [{"lastState": {"terminated": {"exitCode": 1, "message": "hunter2"}}}],
        },
    });
    let taint = json!({"spec": {"taints": [{"key": "biometric", "value": "reserved", "effect": "NoSchedule"}]}});
    let (pod, taint) = twice(|names| (value(names, "", pod.clone()), value(names, "", taint.clone())));
    let text = pod.to_string();
    for gone in [
        "hunter2",
        "anna",
        "acme",
        "payments",
        "\"db",
        "10.0.0.7",
        "biometric",
        "reserved",
    ] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    let at = |pointer: &str| pod.pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(
        at("/spec/containers/0/resources/requests"),
        json!({"cpu": "1500m", "memory": "64Gi"})
    );
    assert_eq!(
        at("/metadata/annotations"),
        json!({"karpenter.sh/do-not-disrupt": "true"})
    );
    assert_eq!(at("/spec/restartPolicy"), "Always");
    assert_eq!(at("/status/startTime"), "2026-02-28T11:59:00Z");
    assert_eq!(
        at("/status/containerStatuses/0/lastState/terminated"),
        json!({"exitCode": 1})
    );
    assert_eq!(at("/metadata/labels/app"), at("/spec/containers/0/name"));
    let image = at("/spec/containers/0/image");
    assert!(image.as_str().unwrap().ends_with(":1.2@sha256:0011"), "{image}");
    for field in ["key", "value", "effect"] {
        assert_eq!(
            taint["spec"]["taints"][0][field],
            at(&format!("/spec/tolerations/0/{field}"))
        );
    }
}

#[test]
fn a_mark_stays_a_mark_without_its_author() {
    let mark = json!({
        "operation": "drain/4f2a", "by": "anna@laptop", "since": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z",
        "was": {"spec.minAvailable": 10},
    });
    let budget = json!({"metadata": {"annotations": {"shardctl.dev/mark": mark.to_string()}}});
    let budget = twice(|names| value(names, "", budget.clone()));
    let written = budget["metadata"]["annotations"]["shardctl.dev/mark"].as_str().unwrap();
    let read: crate::model::mark::Mark = serde_json::from_str(written).unwrap();
    assert_eq!((read.by.as_str(), read.operation.as_str()), ("redacted", "drain/4f2a"));
    assert_eq!(read.was, json!({"spec.minAvailable": 10}));

    // Whose it is stays to be seen, and under which name doesn't.
    let mut mark = mark;
    mark["operation"] = json!("drain/acme/ledger/4f2a");
    let marked = json!({"metadata": {"namespace": "acme", "annotations": {"shardctl.dev/mark": mark.to_string()}}});
    let (marked, set) = twice(|names| (value(names, "", marked.clone()), names.name("ledger")));
    let written = marked["metadata"]["annotations"]["shardctl.dev/mark"].as_str().unwrap();
    let read: crate::model::mark::Mark = serde_json::from_str(written).unwrap();
    let space = marked["metadata"]["namespace"].as_str().unwrap();
    assert_ne!(space, "acme");
    assert!(!read.is_of_another_set(space, &set), "{}", read.operation);
    assert!(!written.contains("ledger"), "{written}");
}

#[test]
fn a_corefile_keeps_the_domain_and_the_time_to_live() {
    let text = ".:53 {\n  errors\n  kubernetes cluster.local in-addr.arpa 10.in-addr.arpa {\n    ttl 5\n  }\n  forward . 10.9.9.9\n}\n";
    let reduced = twice(|names| super::corefile(names, text));
    assert_eq!(
        reduced,
        "kubernetes cluster.local in-addr.arpa in-addr.arpa {\nttl 5\n}\n"
    );
}

#[test]
fn measures_are_told_from_names_that_begin_with_a_digit() {
    for measure in ["3", "64Gi", "1500m", "720h0m0s", "10%", "v1.36.3", "0.5"] {
        assert!(is_measure(measure), "{measure}");
    }
    for name in ["5d4f8c7b9", "3scale", "db", "v"] {
        assert!(!is_measure(name), "{name}");
    }
}
