//! The workload that `deploy`, `promote` and `cleanup` are about: the cloud that it comes into, what others have there, and what each
//! of the three is asked for.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shardctl::cluster::connect::Connection;
use shardctl::cluster::permit::Permit;
use shardctl::error::Result;
use shardctl::model::allocatable::Model;
use shardctl::model::catalogue::Catalogue;
use shardctl::model::outcome::{End, Outcome};
use shardctl::model::report::Phase;
use shardctl::model::workload::Workload;
use shardctl::operations::emit::Emitter;
use shardctl::operations::run::Stop;
use shardctl::operations::{cleanup, deploy, promote, upgrade};
use shardctl::plan::cleanup::candidates;
use shardctl::plan::drain::placeholder::PAUSE;
use shardctl::plan::manifest::manifests;
use shardctl::plan::manifest::names::Names;
use shardctl::plan::manifest::set::stateful_set;
use shardctl::plan::safety::catalogue::Allowed;
use shardctl::plan::upgrade::policy::{Goal, Policy};
use shardctl::plan::verify::policy::{Policy as Judging, Said};
use shardctl::sim::kind::Kind;
use shardctl::sim::plane::Plane;

use super::command::{LEASE, Upgrade, tasks};
use super::scene::{NAME, OLD, SET, SPACE, pace};

/// What the explore phase may buy, which holds one shard, and what the stable phase pins.
const SIZES: [&str; 2] = ["Standard_E8s_v5", "Standard_E16s_v5"];

/// How many pods a node takes.
const PODS: i64 = 110;

/// How long shards and nodes may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// Karpenter and machines for sale, and what others have: no workload yet.
pub fn cloud() -> (Plane, Timestamp) {
    let mut plane = Plane::new(pace());
    plane.gives_addresses = true;
    plane.extensions.insert("karpenter.sh".to_owned());
    plane.extensions.insert("karpenter.azure.com".to_owned());
    let machine = |name: &str| {
        let size = catalogue().size(name).expect("a size");
        let room = Model::KubeletAks.room(size, PODS);
        let of = |cpu: String, memory: i64| json!({"cpu": cpu, "memory": memory.to_string(), "pods": PODS.to_string()});
        json!({"labels": {"kubernetes.io/arch": size.arch}, "capacity": of(size.vcpu.to_string(), size.memory),
            "allocatable": of(format!("{}m", room.cpu), room.memory)})
    };
    plane.machines = SIZES.map(|name| (name.to_owned(), machine(name))).into();
    let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
    for name in ["default", "others"] {
        load(
            Kind::Namespaces,
            json!({"metadata": {"name": name}, "status": {"phase": "Active"}}),
        );
    }
    load(
        Kind::StorageClasses,
        json!({"metadata": {"name": "disk"}, "provisioner": "disk.example", "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer"}),
    );
    load(
        Kind::Nodes,
        json!({"metadata": {"name": "system-1", "labels": {"topology.kubernetes.io/zone": "zone-1", "kubernetes.io/hostname": "system-1",
                "kubernetes.io/os": "linux"}},
            "spec": {"providerID": "example://system-1",
                "taints": [{"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}]},
            "status": {"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"}, "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}]}}),
    );
    others_of_the_cluster(&mut load);
    rested(plane, "2026-03-01T12:00:00Z".parse().expect("a time"))
}

/// The same with somebody else's objects in the workload's own namespace, too, and one under a name that a workload of this name has.
pub fn beside_others(mut plane: Plane, at: Timestamp, takes_a_name: bool) -> (Plane, Timestamp) {
    let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
    load(
        Kind::Services,
        json!({"metadata": {"name": "web", "namespace": SPACE}, "spec": {"clusterIP": "None", "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80}]}}),
    );
    load(
        Kind::ConfigMaps,
        json!({"metadata": {"name": "web", "namespace": SPACE}, "data": {"a": "b"}}),
    );
    // Its name begins as those of the shards' claims do.
    load(
        Kind::Claims,
        json!({"metadata": {"name": format!("data-{SET}-web-0"), "namespace": SPACE, "finalizers": ["kubernetes.io/pvc-protection"]},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "volumeName": "web",
                "resources": {"requests": {"storage": "1Gi"}}}, "status": {"phase": "Bound"}}),
    );
    load(
        Kind::Volumes,
        json!({"metadata": {"name": "web"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "disk",
                "claimRef": {"namespace": SPACE, "name": format!("data-{SET}-web-0")}}, "status": {"phase": "Bound"}}),
    );
    if takes_a_name {
        load(
            Kind::AksNodeClasses,
            json!({"metadata": {"name": format!("{NAME}-stable"), "labels": {"app.kubernetes.io/part-of": "others"}}, "spec": {}}),
        );
    }
    rested(plane, at)
}

fn others_of_the_cluster(load: &mut impl FnMut(Kind, Value)) {
    let of_others = json!({"name": "others", "labels": {"app.kubernetes.io/part-of": "others"}});
    load(
        Kind::PriorityClasses,
        json!({"metadata": of_others, "value": 1000, "preemptionPolicy": "PreemptLowerPriority"}),
    );
    load(Kind::AksNodeClasses, json!({"metadata": of_others, "spec": {}}));
    load(
        Kind::NodePools,
        json!({"metadata": of_others, "spec": {"disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never",
                "budgets": [{"nodes": "0"}]},
            "template": {"spec": {"nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "others"},
                "expireAfter": "Never", "taints": [{"key": "others", "value": "reserved", "effect": "NoSchedule"}], "requirements": []}}}}),
    );
}

/// The cluster some time later, with nothing left to do.
fn rested(mut plane: Plane, at: Timestamp) -> (Plane, Timestamp) {
    plane.take_note(at);
    let at = at.checked_add(SignedDuration::from_mins(1)).expect("a time");
    plane.run_until(at);
    (plane, at)
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::azure(None).expect("the built-in catalogue"))
}

fn workload(shards: u32) -> Workload {
    Workload {
        name: NAME.to_owned(),
        namespace: SPACE.to_owned(),
        shards,
        image: OLD.to_owned(),
        storage_class: "disk".to_owned(),
        storage: "10Gi".to_owned(),
        zones: ["zone-1", "zone-2"].map(str::to_owned).to_vec(),
        sizes: vec![SIZES[0].to_owned()],
        size: SIZES[1].to_owned(),
        ..Workload::default()
    }
}

fn judging(shards: u32) -> Judging {
    Judging {
        expect: Some(Said {
            value: i32::try_from(shards).expect("few shards"),
            origin: "the workload's parameters".to_owned(),
        }),
        ..Judging::default()
    }
}

fn writes(shards: u32, phase: Phase) -> deploy::Asked {
    let workload = workload(shards);
    deploy::Asked {
        phase,
        manifests: manifests(&workload, phase, catalogue()).expect("what is written"),
        judging: judging(shards),
        allowed: Allowed::default(),
        patience: PATIENCE,
        lease: LEASE,
        tries: true,
        moves: phase == Phase::Stable,
        again: format!(
            "shardctl {}",
            if phase == Phase::Stable {
                "promote"
            } else {
                "deploy explore"
            }
        ),
        workload,
    }
}

/// Who carries it out, and under which name.
pub struct Means<'a> {
    /// The way to the cluster.
    pub connection: &'a Connection,
    /// The run.
    pub run: Option<String>,
    /// That it may change the cluster.
    pub permit: Permit,
    /// Where its events go.
    pub events: Emitter,
    /// How often Ctrl-C was pressed.
    pub stop: Stop,
}

/// `deploy explore`.
///
/// # Errors
/// As the operation.
pub async fn deploys(means: Means<'_>, shards: u32) -> Result<Outcome> {
    let prepared = deploy::prepare(means.connection, writes(shards, Phase::Explore), means.run).await?;
    let refused = prepared.refused(&prepared.refusals().0);
    let idle = || (End::NothingToDo, "nothing to do".to_owned());
    if let Some((end, summary)) = refused.or_else(|| prepared.is_idle().then(idle)) {
        return Ok(prepared.ends(end, &summary, &[], Vec::new(), prepared.at));
    }
    Box::pin(deploy::execute(
        means.connection,
        prepared,
        means.permit,
        means.events,
        means.stop,
    ))
    .await
}

/// `promote`.
///
/// # Errors
/// As the operation.
pub async fn promotes(means: Means<'_>, shards: u32) -> Result<Outcome> {
    let shared = Upgrade {
        goal: Goal::Pending,
        canary: None,
        pre_pull: false,
        undoes: false,
    };
    let shared = shared.asked();
    let asked = promote::Asked {
        deploy: writes(shards, Phase::Stable),
        upgrade: upgrade::Asked {
            statefulset: Some(SET.to_owned()),
            judging: judging(shards),
            policy: Policy {
                room: Some(PAUSE.to_owned()),
                ..shared.policy.clone()
            },
            ..shared
        },
        catalogue: catalogue().clone(),
        patience: patience(),
    };
    let prepared = Box::pin(promote::prepare(means.connection, asked, means.run)).await?;
    let refused = prepared.deploy.refused(&prepared.refusals().0);
    let idle = || (End::NothingToDo, "nothing to do".to_owned());
    if let Some((end, summary)) = refused.or_else(|| prepared.is_idle().then(idle)) {
        return Ok(prepared.ends(end, &summary, &[], Vec::new()));
    }
    let Means {
        connection,
        permit,
        events,
        stop,
        ..
    } = means;
    Box::pin(promote::execute(connection, prepared, permit, tasks(), events, stop)).await
}

/// `cleanup`, with the data or without.
///
/// # Errors
/// As the operation.
pub async fn cleans_up(means: Means<'_>, shards: u32, data: bool) -> Result<Outcome> {
    let workload = workload(shards);
    let asked = cleanup::Asked {
        phase: None,
        data,
        set: stateful_set(&workload, &Names::of(&workload)),
        candidates: candidates(&workload, None),
        judging: judging(shards),
        allowed: Allowed::default(),
        patience: patience(),
        lease: LEASE,
        tries: true,
        again: "shardctl cleanup".to_owned(),
        workload,
    };
    let prepared = cleanup::prepare(means.connection, asked, means.run).await?;
    let refused = prepared.refused(&prepared.refusals().0);
    let idle = || (End::NothingToDo, prepared.nothing());
    if let Some((end, summary)) = refused.or_else(|| prepared.is_idle().then(idle)) {
        return Ok(prepared.ends(end, &summary, &[], prepared.stays(), prepared.at));
    }
    Box::pin(cleanup::execute(
        means.connection,
        prepared,
        means.permit,
        means.events,
        means.stop,
    ))
    .await
}

fn patience() -> Duration {
    Duration::try_from(PATIENCE).expect("a length")
}
