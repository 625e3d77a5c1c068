//! What follows from all checks together: healthy only where somebody has looked.

use serde_json::json;

use super::judge;
use super::policy::Said;
use super::testing::{Scene, words};
use crate::model::read::Read;
use crate::model::report::{Conclusion, Report};
use crate::model::resource::Resource;

/// The report on a scene, of these checks only; of all where there are none.
fn only(scene: &mut Scene, ids: &[&str]) -> Report {
    scene.policy.only = ids.iter().map(|id| (*id).to_owned()).collect();
    judge(&scene.snapshot(), &scene.policy)
}

/// How the one check that was asked for came out, and what follows.
fn alone(scene: &mut Scene, id: &str) -> (&'static str, Conclusion) {
    let report = only(scene, &[id]);
    let asked = report.checks.iter().find(|judged| judged.about.id == id).unwrap();
    (words(asked).0, report.conclusion)
}

#[test]
fn what_is_left_to_a_check_that_was_left_out_is_unknown() {
    let unknown = ("unknown", Conclusion::Unknown);
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::StatefulSets, "db");
    for id in ["POD-01", "PVC-01", "EPS-01", "DNS-03", "KARP-02", "RES-01", "THR-01"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without a set");
    }

    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Budgets, "db");
    for id in ["PDB-02", "PDB-03"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without a budget");
    }

    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Services, "db-headless");
    scene.dns = Read::Absent("nobody was asked".to_owned());
    for id in ["EPS-01", "DNS-02"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without a service");
    }
    scene.edit(Resource::StatefulSets, "db", |set| {
        set["spec"]["serviceName"] = "".into();
    });
    for id in ["SVC-01", "DNS-03", "DNS-04"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without the service's name");
    }

    let mut scene = Scene::healthy(3);
    for ordinal in 0..3 {
        scene.remove(Resource::Claims, &format!("data-db-{ordinal}"));
        scene.remove(Resource::VolumeAttachments, &format!("va-{ordinal}"));
    }
    for id in ["PV-01", "PV-02", "SC-01", "VA-01"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without claims");
    }

    let mut scene = Scene::healthy(3);
    scene.set(Resource::NodePools, Read::Got(Vec::new()));
    for ordinal in 0..3 {
        scene.remove(Resource::Pods, &format!("db-{ordinal}"));
        scene.remove(Resource::VolumeAttachments, &format!("va-{ordinal}"));
    }
    for id in ["KARP-02", "VA-01"] {
        assert_eq!(alone(&mut scene, id), unknown, "{id} without pods");
    }
}

#[test]
fn what_is_left_to_a_check_that_was_asked_for_does_not_apply() {
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Budgets, "db");
    let report = only(&mut scene, &["PDB-01", "PDB-02"]);
    let outcomes: Vec<&str> = report.checks.iter().map(|judged| words(judged).0).collect();
    assert_eq!(report.conclusion, Conclusion::Failed);
    assert!(outcomes.contains(&"not applicable"), "{outcomes:?}");
    // Who skips a check says that what it would find is meant to be so.
    let unknown = only(&mut Scene::healthy(3), &[]).counts.unknown;
    scene.policy.skip.insert("PDB-01".to_owned());
    let report = only(&mut scene, &[]);
    let skipped = report.checks.iter().find(|judged| judged.about.id == "PDB-02").unwrap();
    assert_eq!((words(skipped).0, report.counts.unknown), ("not applicable", unknown));
}

#[test]
fn nobody_can_mean_a_set_not_to_be_there_or_to_have_no_shards() {
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::StatefulSets, "db");
    scene.policy.skip.insert("STS-01".to_owned());
    assert_eq!(alone(&mut scene, "POD-01"), ("unknown", Conclusion::Unknown));
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Budgets, "db");
    scene.edit(Resource::StatefulSets, "db", |set| set["spec"]["replicas"] = 0.into());
    scene.policy.skip.insert("STS-02".to_owned());
    assert_eq!(alone(&mut scene, "POD-01"), ("unknown", Conclusion::Unknown));
}

#[test]
fn a_check_that_takes_a_flag_is_unknown_without_it_when_asked_for_by_its_id() {
    let mut scene = Scene::healthy(3);
    assert_eq!(alone(&mut scene, "PDB-04"), ("unknown", Conclusion::Unknown));
    assert_eq!(alone(&mut scene, "DNS-04"), ("unknown", Conclusion::Unknown));
    let report = only(&mut scene, &[]);
    let of = |id: &str| report.checks.iter().find(|judged| judged.about.id == id).unwrap();
    assert_eq!(words(of("PDB-04")).0, "not applicable");
    assert_eq!(words(of("DNS-04")).0, "not applicable");
}

#[test]
fn a_look_at_nothing_is_never_healthy() {
    let mut scene = Scene::healthy(3);
    scene.unreadable(Resource::Leases);
    assert_eq!(alone(&mut scene, "RES-01"), ("unknown", Conclusion::Unknown));
    scene.policy.skip.insert("POD-01".to_owned());
    assert_eq!(alone(&mut scene, "POD-01"), ("skipped", Conclusion::Unknown));
    // What the cluster doesn't have at all is nothing to be worried about.
    assert_eq!(alone(&mut scene, "KARP-02"), ("not applicable", Conclusion::Healthy));
    // Beside what was seen, a warning that couldn't be looked for doesn't count.
    assert_eq!(only(&mut scene, &["RES-01", "PDB-01"]).conclusion, Conclusion::Healthy);
}

#[test]
fn a_set_of_no_shards_is_never_healthy() {
    let mut scene = Scene::healthy(3);
    scene.merge(
        Resource::Budgets,
        "db",
        json!({"spec": {"minAvailable": null, "maxUnavailable": 0}, "status": {"currentHealthy": 0, "expectedPods": 0}}),
    );
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"spec": {"replicas": 0}, "status": {"replicas": 0, "readyReplicas": 0, "availableReplicas": 0}}),
    );
    for ordinal in 0..3 {
        scene.remove(Resource::Pods, &format!("db-{ordinal}"));
    }
    let report = only(&mut scene, &[]);
    assert_eq!(report.conclusion, Conclusion::Failed);
    let size = report.checks.iter().find(|judged| judged.about.id == "STS-02").unwrap();
    assert_eq!(
        words(size),
        (
            "fail",
            vec![
                "Error statefulset/db: there are to be 0 shards (spec.replicas): the system is switched off, and nothing says \
                 how many it should have"
                    .to_owned()
            ]
        )
    );
    assert_eq!(
        size.findings[0].evidence,
        ["there are claims of the ordinals 0 to 2, with their data"]
    );
    assert_eq!(
        size.findings[0].remedy.last().unwrap(),
        "$ kubectl -n shop scale statefulset db --replicas=3"
    );
    // Of no shards everything is true: whoever asks for that alone isn't told that all is well.
    for id in ["POD-01", "STS-03", "NODE-01", "PDB-03"] {
        assert_eq!(alone(&mut scene, id), ("unknown", Conclusion::Unknown), "{id}");
    }
    assert_eq!(alone(&mut scene, "STS-01"), ("pass", Conclusion::Healthy));
    // Once somebody says how many there should be, the shards are missing like any others.
    scene.policy.expect = Some(Said {
        value: 3,
        origin: "--expect".to_owned(),
    });
    assert_eq!(alone(&mut scene, "POD-01"), ("fail", Conclusion::Failed));
}

#[test]
fn what_was_found_stays_found_where_the_rest_cannot_be_read() {
    // The namespace is on its way out, and the sets in it can't be listed.
    let mut scene = Scene::healthy(3);
    scene.merge(
        Resource::Namespace,
        "shop",
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:59:00Z"}}),
    );
    scene.unreadable(Resource::StatefulSets);
    assert_eq!(alone(&mut scene, "STS-01"), ("fail", Conclusion::Failed));
    let mut scene = Scene::healthy(3);
    scene.unreadable(Resource::StatefulSets);
    assert_eq!(alone(&mut scene, "STS-01"), ("unknown", Conclusion::Unknown));

    // A status of an older generation, an open budget and a service with an address say what they say without the pods.
    let mut scene = Scene::healthy(3);
    scene.unreadable(Resource::Pods);
    for id in ["STS-03", "PDB-02", "SVC-01"] {
        scene.merge(
            Resource::Budgets,
            "db",
            json!({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}),
        );
        assert_eq!(alone(&mut scene, id), ("unknown", Conclusion::Unknown), "{id}");
    }
    scene.merge(Resource::StatefulSets, "db", json!({"metadata": {"generation": 2}}));
    scene.merge(
        Resource::Budgets,
        "db",
        json!({"spec": {"minAvailable": null, "maxUnavailable": 1}}),
    );
    scene.merge(
        Resource::Services,
        "db-headless",
        json!({"spec": {"clusterIP": "10.0.0.1"}}),
    );
    for id in ["STS-03", "PDB-02", "SVC-01"] {
        assert_eq!(alone(&mut scene, id), ("fail", Conclusion::Failed), "{id}");
    }
}
