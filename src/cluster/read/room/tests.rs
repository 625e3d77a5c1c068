//! A pod in both forms, written by hand.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::shards::Shard;
use super::*;
use crate::cluster::get::binary::Message;
use crate::model::pod;

/// A field of text or of a message.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number(field: u64, number: u64) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn amount(field_number: u64, name: &str, amount: &str) -> Vec<u8> {
    let amount = field(1, amount.as_bytes());
    field(field_number, &[field(1, name.as_bytes()), field(2, &amount)].concat())
}

fn requests(cpu: &str, memory: &str) -> Vec<u8> {
    [
        amount(1, "cpu", "9"),
        amount(2, "cpu", cpu),
        amount(2, "memory", memory),
    ]
    .concat()
}

fn owner(kind: &str, uid: &str, controls: bool) -> Vec<u8> {
    let owner = [
        field(1, kind.as_bytes()),
        field(3, b"o"),
        field(4, uid.as_bytes()),
        field(5, b"apps/v1"),
        number(6, controls.into()),
    ];
    field(13, &owner.concat())
}

/// A shard with everything that is looked at, and something that isn't.
fn packed() -> Vec<u8> {
    let metadata = [
        field(1, b"db-0"),
        field(3, b"shop"),
        field(5, b"u"),
        field(6, b"7"),
        field(8, &number(1, 1_767_225_600)),
        field(9, &number(1, 1_767_225_660)),
        number(10, 30),
        field(11, &[field(1, b"app"), field(2, b"db")].concat()),
        field(12, &[field(1, b"note"), field(2, b"x")].concat()),
        owner("Other", "none", false),
        owner("StatefulSet", "s", true),
        field(17, &field(1, b"kubelet")),
    ];
    let sidecar = [
        field(1, b"side"),
        field(8, &requests("250m", "1Gi")),
        field(24, b"Always"),
    ];
    let before = [field(1, b"before"), field(8, &requests("2", "256Mi"))];
    let spec = [
        field(
            2,
            &[
                field(1, b"main"),
                field(7, &field(1, b"A")),
                field(8, &requests("1", "4Gi")),
            ]
            .concat(),
        ),
        field(2, &field(1, b"bare")),
        field(10, b"node-1"),
        field(20, &sidecar.concat()),
        field(20, &before.concat()),
        amount(32, "memory", "128Mi"),
    ];
    let condition = [
        field(1, b"Ready"),
        field(2, b"True"),
        field(3, b""),
        field(4, &number(1, 1_767_225_700)),
    ];
    let status = [field(1, b"Running"), field(2, &condition.concat()), field(3, b"")];
    [
        field(1, &metadata.concat()),
        field(2, &spec.concat()),
        field(3, &status.concat()),
    ]
    .concat()
}

fn plain() -> Value {
    let requests =
        |cpu: &str, memory: &str| json!({"limits": {"cpu": "9"}, "requests": {"cpu": cpu, "memory": memory}});
    let owner = |kind: &str, uid: &str, controls: bool| json!({"kind": kind, "name": "o", "uid": uid, "apiVersion": "apps/v1", "controller": controls});
    json!({
        "metadata": {
            "name": "db-0", "namespace": "shop", "uid": "u", "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:01:00Z",
            "deletionGracePeriodSeconds": 30, "labels": {"app": "db"}, "annotations": {"note": "x"},
            "ownerReferences": [owner("Other", "none", false), owner("StatefulSet", "s", true)],
            "managedFields": [{"manager": "kubelet"}],
        },
        "spec": {
            "nodeName": "node-1", "overhead": {"memory": "128Mi"},
            "containers": [{"name": "main", "env": [{"name": "A"}], "resources": requests("1", "4Gi")}, {"name": "bare"}],
            "initContainers": [
                {"name": "side", "resources": requests("250m", "1Gi"), "restartPolicy": "Always"},
                {"name": "before", "resources": requests("2", "256Mi")},
            ],
        },
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:01:40Z"}]},
    })
}

fn placed(bytes: &[u8]) -> Placed {
    Found::unpack(Message::of(bytes)).unwrap().0
}

fn plainly_placed(pod: &Value) -> Placed {
    serde_json::from_value::<Found>(pod.clone()).unwrap().0
}

#[test]
fn a_shard_is_the_same_in_both_forms() {
    let from_packed: Pod = Shard::unpack(Message::of(&packed())).unwrap().into();
    let from_plain: Pod = serde_json::from_value::<Shard>(plain()).unwrap().into();
    assert_eq!(from_packed, from_plain);
    let whole: Pod = serde_json::from_value(plain()).unwrap();
    for (told, short) in [
        (pod::name(&whole), pod::name(&from_plain)),
        (pod::uid(&whole), pod::uid(&from_plain)),
    ] {
        assert_eq!(told, short);
    }
    assert_eq!(pod::since(&whole), pod::since(&from_plain));
    assert_eq!(pod::is_ready(&whole), pod::is_ready(&from_plain));
    assert_eq!(pod::node(&whole), pod::node(&from_plain));
    assert_eq!(pod::controller(&whole), pod::controller(&from_plain));
}

#[test]
fn a_pod_takes_the_same_in_both_forms() {
    let told = placed(&packed());
    assert_eq!(told, plainly_placed(&plain()));
    // The init container runs beside the sidecar; the containers and the sidecar take more memory together.
    assert_eq!(told.cpu, Amount::parse("2250m").unwrap());
    assert_eq!(told.memory, Amount::parse("5248Mi").unwrap());
    assert_eq!(
        (told.node.as_deref(), told.controller.as_deref()),
        (Some("node-1"), Some("s"))
    );
    assert!(!told.is_daemon && !told.is_finished);
}

#[test]
fn pods_that_every_node_has_finished_ones_and_bare_ones_are_told_apart() {
    let mirror = [field(1, b"kubernetes.io/config.mirror"), field(2, b"1f")].concat();
    let with = |metadata: &[u8], spec: &[u8], phase: &[u8]| {
        placed(&[field(1, metadata), field(2, spec), field(3, &field(1, phase))].concat())
    };
    let json = |metadata: Value, spec: Value, phase: &str| {
        plainly_placed(&json!({"metadata": metadata, "spec": spec, "status": {"phase": phase}}))
    };
    let daemon = with(&owner("DaemonSet", "d", true), &field(10, b"n"), b"Failed");
    let reference = json!({"kind": "DaemonSet", "uid": "d", "controller": true});
    assert_eq!(
        daemon,
        json(
            json!({"ownerReferences": [reference]}),
            json!({"nodeName": "n"}),
            "Failed"
        )
    );
    assert!(daemon.is_daemon && daemon.is_finished);
    let of_the_kubelet = with(&field(12, &mirror), b"", b"Running");
    assert_eq!(
        of_the_kubelet,
        json(
            json!({"annotations": {"kubernetes.io/config.mirror": "1f"}}),
            json!({}),
            "Running"
        )
    );
    assert!(of_the_kubelet.is_daemon && of_the_kubelet.controller.is_none());
    let whole = with(
        b"",
        &[field(40, &requests("3", "1Gi")), field(10, b"")].concat(),
        b"Pending",
    );
    let resources = json!({"requests": {"cpu": "3", "memory": "1Gi"}});
    assert_eq!(
        whole,
        json(json!({}), json!({"resources": resources, "nodeName": ""}), "Pending")
    );
    assert_eq!((whole.node, whole.cpu), (None, Amount::units(3)));
    assert!(Found::unpack(Message::of(&field(1, b""))).is_err());
    assert!(Found::unpack(Message::of(&field(2, b""))).is_err());
}
