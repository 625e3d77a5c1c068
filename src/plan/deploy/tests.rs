//! What is missing is named, what changes is told field by field, and the waiting ends when it should.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::json;

use super::coming::Coming;
use super::diff::{State, state};
use super::offers::{conflict, demand_left, judge, taken};
use crate::model::offered::{Offered, Owned};
use crate::model::outcome::End;
use crate::model::read::Read;
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::step::Step;
use crate::model::workload::{NodeClass, Workload};
use crate::plan::operation::{Planner, Sight, Wishes};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;
use crate::plan::verify::testing::Scene;

fn class(name: &str, mode: &str) -> StorageClass {
    serde_json::from_value(json!({"metadata": {"name": name}, "provisioner": "x", "volumeBindingMode": mode})).unwrap()
}

fn everything() -> Offered {
    let words = |all: &[&str]| Read::Got(all.iter().map(|word| (*word).to_owned()).collect());
    Offered {
        karpenter: words(&["v1"]),
        node_class: words(&["v1beta1"]),
        storage: Read::Got(vec![class("managed-csi-premium", "WaitForFirstConsumer")]),
        quotas: Read::Got(Vec::new()),
        sets: words(&[]),
        zones: Read::Got(BTreeSet::new()),
    }
}

fn refused(change: impl Fn(&mut Offered, &mut Workload)) -> Vec<(Cow<'static, str>, String)> {
    let (mut offered, mut workload) = (everything(), Workload::default());
    change(&mut offered, &mut workload);
    let (refusals, _) = judge(&offered, &workload, Phase::Stable, &Policy::default());
    let told = |refusal: crate::model::refusal::Refusal| {
        (refusal.id, format!("{} {}", refusal.message, refusal.remedy.join(" ")))
    };
    refusals.into_iter().map(told).collect()
}

#[test]
fn a_cluster_that_offers_everything_is_refused_nothing() {
    assert_eq!(refused(|_, _| {}), []);
    // A set of the same name is what is deployed anew.
    assert_eq!(
        refused(|of, _| of.sets = Read::Got(vec!["biometric-shard".to_owned(), "stable-biometric-shard".to_owned()])),
        []
    );
}

#[test]
fn what_is_missing_is_named_with_what_would_bring_it() {
    for (id, words, found) in [
        (
            "no-karpenter",
            "--node-provisioning-mode Auto",
            refused(|of, _| of.karpenter = Read::Absent("not served".to_owned())),
        ),
        (
            "no-karpenter",
            "serves v1beta1 and not v1",
            refused(|of, _| of.karpenter = Read::Got(vec!["v1beta1".to_owned()])),
        ),
        (
            "node-class",
            "v1alpha2 and not as v1beta1",
            refused(|of, _| of.node_class = Read::Got(vec!["v1alpha2".to_owned()])),
        ),
        (
            "node-class",
            "$ kubectl get ec2nodeclass.karpenter.k8s.aws",
            refused(|of, workload| {
                of.node_class = Read::Absent("it doesn't exist".to_owned());
                workload.node_class = Some(NodeClass::parse("karpenter.k8s.aws/EC2NodeClass/default").unwrap());
            }),
        ),
        (
            "storage-class",
            "--storage-class managed-csi-premium",
            refused(|_, workload| workload.storage_class = "fast".to_owned()),
        ),
        (
            "storage-class",
            "before the shard has a node",
            refused(|of, _| of.storage = Read::Got(vec![class("managed-csi-premium", "Immediate")])),
        ),
        (
            "older-name",
            "verify -n biometric-shards --statefulset explore-biometric-shard",
            refused(|of, _| of.sets = Read::Got(vec!["explore-biometric-shard".to_owned()])),
        ),
    ] {
        assert!(
            matches!(found.as_slice(), [(of, told)] if *of == id && told.contains(words)),
            "{id} {words}: {found:?}"
        );
    }
}

#[test]
fn a_zone_that_no_node_is_in_is_told_and_stops_nothing() {
    let mut offered = everything();
    offered.zones = Read::Got(["eastus-1".to_owned()].into());
    let workload = Workload {
        zones: vec!["eastus-1".to_owned(), "westus-2".to_owned()],
        ..Workload::default()
    };
    let (refusals, notes) = judge(&offered, &workload, Phase::Stable, &Policy::default());
    assert_eq!(refusals, []);
    assert!(notes[0].message.contains("no node is in westus-2 yet"), "{notes:?}");
}

#[test]
fn a_quota_with_too_little_left_is_refused_with_the_numbers() {
    let quota = |hard: serde_json::Value, spec: serde_json::Value| {
        let mut quota = json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"used": {"requests.memory": "64Gi", "pods": "3"}}});
        crate::plan::verify::testing::merge(&mut quota["spec"], &spec);
        Read::Got(vec![serde_json::from_value(quota).unwrap()])
    };
    // Ten shards of 32Gi and 2 CPU: 320Gi beside the 64Gi that are used, and ten pods beside three.
    let enough = json!({"requests.memory": "384Gi", "pods": "13", "limits.cpu": "20", "services": "0"});
    assert_eq!(refused(|of, _| of.quotas = quota(enough.clone(), json!({}))), []);
    let less = json!({"requests.memory": "383Gi", "pods": "12"});
    let mut offered = everything();
    offered.quotas = quota(less.clone(), json!({}));
    let (refusals, _) = judge(&offered, &Workload::default(), Phase::Explore, &Policy::default());
    assert_eq!(refusals[0].id, "quota");
    assert_eq!(
        refusals[0].evidence,
        [
            "pods: 9 are left, 10 are needed",
            "requests.memory: 319Gi are left, 320Gi are needed"
        ]
    );
    // One with scopes counts some pods only; a set that is there is counted already.
    assert_eq!(
        refused(|of, _| of.quotas = quota(less.clone(), json!({"scopes": ["BestEffort"]}))),
        []
    );
    let there = refused(|of, _| {
        of.quotas = quota(less.clone(), json!({}));
        of.sets = Read::Got(vec!["biometric-shard".to_owned()]);
    });
    assert_eq!(there, []);
}

#[test]
fn a_first_deployment_without_zones_is_told_what_that_means() {
    let notes = |change: &dyn Fn(&mut Offered), phase| {
        let mut offered = everything();
        change(&mut offered);
        judge(&offered, &Workload::default(), phase, &Policy::default()).1.len()
    };
    assert_eq!(notes(&|_| {}, Phase::Explore), 1);
    assert_eq!(notes(&|_| {}, Phase::Stable), 0);
    assert_eq!(
        notes(
            &|of| of.sets = Read::Got(vec!["biometric-shard".to_owned()]),
            Phase::Explore
        ),
        0
    );
}

#[test]
fn a_conflict_names_each_field_and_its_owner() {
    let owned = |field: &str, owner: &str| Owned {
        field: field.to_owned(),
        owner: owner.to_owned(),
    };
    let fields = [owned(".spec.replicas", "scaler"), owned(".spec.template", "argocd")];
    let refusal = conflict("statefulset/a", &fields, &Policy::default(), "get statefulset a -n b");
    assert_eq!(refusal.message, "argocd and scaler writes fields that would change");
    assert_eq!(refusal.evidence, [".spec.replicas (scaler)", ".spec.template (argocd)"]);
    assert!(refusal.can_be_allowed);
}

#[test]
fn a_change_is_told_field_by_field_and_what_the_server_writes_isnt() {
    let before = json!({
        "kind": "StatefulSet", "metadata": {"name": "a", "resourceVersion": "1", "labels": {"a.b/c": "1"}, "managedFields": []},
        "spec": {"replicas": 3, "list": [{"image": "x:1"}], "gone": true, "words": ["a"]}, "status": {"replicas": 3},
    });
    assert_eq!(state(&before, &before), State::Same);
    let after = json!({
        "kind": "StatefulSet", "metadata": {"name": "a", "resourceVersion": "2", "labels": {"a.b/c": "2"}},
        "spec": {"replicas": 3, "list": [{"image": "x:2"}], "words": ["a", "b"], "new": {"x": 1}}, "status": {},
    });
    let State::Changed { fields } = state(&before, &after) else {
        panic!("it changes");
    };
    let words: Vec<String> = fields.iter().map(super::diff::Change::words).collect();
    assert_eq!(
        words,
        [
            ".metadata.labels[a.b/c]: 1 → 2",
            ".spec.gone: - true",
            ".spec.list[0].image: x:1 → x:2",
            ".spec.words: [\"a\"] → [\"a\",\"b\"]",
            ".spec.new: + {\"x\":1}",
        ]
    );
}

fn coming(began: Timestamp) -> Coming {
    let written = vec!["statefulset/db".to_owned()];
    Coming::new(
        began,
        SignedDuration::from_mins(10),
        written,
        false,
        "shardctl deploy stable".to_owned(),
    )
}

#[test]
fn the_waiting_ends_when_all_are_ready_when_told_to_or_when_it_has_taken_too_long() {
    let mut scene = Scene::healthy(3);
    let end = |scene: &Scene, wishes: Wishes, later: i64| {
        let (snapshot, policy) = (scene.snapshot(), Policy::default());
        let seen = Seen::of(&snapshot, &policy);
        let began = seen.now();
        let mut planner = coming(began);
        let now = began + SignedDuration::from_secs(later);
        planner.note(&seen, now, Sight::Watched);
        let step = planner.next_step(&seen, wishes, now);
        let in_hand = planner.in_hand(&seen, now).len();
        match &step {
            Step::End { end, .. } => (Some(*end), in_hand, planner.outcome(&seen, &step, now)),
            _ => (None, in_hand, planner.outcome(&seen, &step, now)),
        }
    };
    let stop = Wishes { stop: true };
    assert_eq!(end(&scene, Wishes::default(), 0).0, Some(End::Done));
    scene.remove(Resource::Pods, "db-2");
    assert_eq!(end(&scene, Wishes::default(), 0).0, None);
    assert_eq!(end(&scene, Wishes::default(), 0).1, 1);
    assert_eq!(end(&scene, stop, 0).0, Some(End::Interrupted));
    let (ended, _, outcome) = end(&scene, Wishes::default(), 601);
    assert_eq!(ended, Some(End::TimedOut));
    assert_eq!(outcome.state_now, "2 of 3 shards are Ready");
    assert_eq!(outcome.how_to_resume, ["$ shardctl deploy stable"]);
}

#[test]
fn what_belongs_to_a_workload_of_another_namespace_is_nobody_elses() {
    let workload = Workload::default();
    let labelled = |namespace: serde_json::Value| {
        let found = json!({"metadata": {"labels": {"shardctl.dev/namespace": namespace}}});
        taken("nodepool/biometric-stable", &found, &workload, &Policy::default())
    };
    let refusal = labelled(json!("shop")).unwrap();
    assert_eq!(refusal.id, "name-taken");
    assert!(refusal.message.contains("namespace/shop"), "{}", refusal.message);
    assert!(!refusal.can_be_allowed);
    assert_eq!(labelled(json!("biometric-shards")), None);
    // One of before there was a label is anybody's of that name.
    assert_eq!(labelled(json!(null)), None);
}

#[test]
fn a_demand_over_zones_that_stays_is_refused_and_one_that_is_written_is_not() {
    let zone = "topology.kubernetes.io/zone";
    let set = |all: &[(&str, &str)]| {
        let spreads = all
            .iter()
            .map(|(key, what)| json!({"topologyKey": key, "whenUnsatisfiable": what}))
            .collect::<Vec<_>>();
        json!({
            "metadata": {"namespace": "shop"},
            "spec": {"template": {"spec": {"topologySpreadConstraints": spreads}}},
        })
    };
    let wish = set(&[(zone, "ScheduleAnyway")]);
    let host = ("kubernetes.io/hostname", "DoNotSchedule");
    let before = set(&[host, (zone, "DoNotSchedule")]);
    let both = set(&[host, (zone, "DoNotSchedule"), (zone, "ScheduleAnyway")]);
    let gone = set(&[host, (zone, "ScheduleAnyway")]);
    let left = |ours, before, after| demand_left("statefulset/a", ours, [before, after], &Policy::default());
    let refusal = left(&wish, &before, &both).unwrap();
    assert_eq!(refusal.id, "spread-left");
    let patch = "$ kubectl -n shop patch statefulset/a --type json -p \
                 '[{\"op\":\"remove\",\"path\":\"/spec/template/spec/topologySpreadConstraints/1\"}]'";
    assert_eq!(refusal.remedy.last().map(String::as_str), Some(patch));
    assert_eq!(left(&wish, &before, &gone), None);
    assert_eq!(left(&before, &before, &before), None, "explore demands it itself");
}
