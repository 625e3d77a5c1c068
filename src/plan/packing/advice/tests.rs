//! The advice for a pool as it is found in the explore phase, under both versions.

use super::*;
use crate::model::money::Money;
use crate::model::room::Take;
use crate::plan::packing::layout::{Machines, Zone};

fn pool(version: &str, more: Value) -> Value {
    let mut made = json!({
        "apiVersion": format!("karpenter.sh/{version}"), "kind": "NodePool", "metadata": {"name": "shards"},
        "spec": {
            "template": {"spec": {"requirements": [
                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                {"key": INSTANCE_TYPE, "operator": "In", "values": ["Standard_E8s_v5", "Standard_E16s_v5"], "minValues": 2},
            ]}},
            "disruption": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "1m"},
            "limits": {"cpu": "1000"},
        },
    });
    merge(&mut made, &more);
    made
}

fn layout() -> Layout {
    let machines = |size: &str, count| Machines {
        size: size.to_owned(),
        count,
        slots: 3,
        hourly: Money::ZERO,
    };
    let zone = |name: &str, machines| Zone {
        name: Some(name.to_owned()),
        shards: 3,
        machines,
    };
    Layout {
        zones: vec![
            zone(
                "eastus-1",
                vec![machines("Standard_E16s_v5", 2), machines("Standard_E8s_v5", 1)],
            ),
            zone("eastus-2", vec![machines("Standard_E16s_v5", 1)]),
        ],
    }
}

fn row(node: &str, size: &str, zone: &str) -> Row {
    Row {
        node: node.to_owned(),
        size: Some(size.to_owned()),
        zone: Some(zone.to_owned()),
        capacity_type: Some("on-demand".to_owned()),
        pool: Some("shards".to_owned()),
        ready: true,
        cordoned: false,
        room: None,
        shards: vec![format!("db-{node}")],
        by_shards: Take::default(),
        by_daemons: None,
        by_others: None,
        free_slots: None,
        stranded: None,
        price: None,
        hourly: None,
    }
}

fn present(rows: Vec<Row>) -> Present {
    Present {
        rows,
        ..Present::default()
    }
}

fn advise(pool: &Value, rows: Vec<Row>) -> Advice {
    let catalogue = Catalogue::azure(Some("eastus")).unwrap();
    advice(NodePool(pool), &layout(), &present(rows), &catalogue)
}

fn lines(step: &Step) -> Vec<String> {
    step.diff.iter().map(ToString::to_string).collect()
}

#[test]
fn the_budgets_come_first_and_the_limits_last() {
    let found = advise(&pool("v1", json!({})), Vec::new());
    assert_eq!(found.version, "karpenter.sh/v1");
    let closed = json!({"nodes": "0", "reasons": ["Drifted", "Underutilized"]});
    assert_eq!(found.steps.len(), 3);
    assert_eq!(
        found.steps[0].patch,
        json!({"spec": {"disruption": {"budgets": [closed, {"nodes": "10%"}]}}})
    );
    assert_eq!(
        found.steps[1].patch,
        json!({"spec": {
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m"},
            "template": {"spec": {"expireAfter": "Never", "requirements": [
                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
                {"key": INSTANCE_TYPE, "operator": "In", "values": ["Standard_E16s_v5", "Standard_E8s_v5"]},
                {"key": ZONE, "operator": "In", "values": ["eastus-1", "eastus-2"]},
                {"key": CAPACITY, "operator": "In", "values": ["on-demand"]},
            ]}},
        }})
    );
    // Three of 16 cores and one of 8, and one of 16 more; 128Gi and 64Gi alike.
    assert_eq!(
        found.steps[2].patch,
        json!({"spec": {"limits": {"cpu": "72", "memory": "576Gi"}}})
    );
    assert_eq!(
        lines(&found.steps[2]),
        ["limits.cpu: 1000 → 72", "limits.memory: added 576Gi"]
    );
}

#[test]
fn what_a_change_would_disrupt_is_named_with_the_reason() {
    let spot = Row {
        capacity_type: Some("spot".to_owned()),
        ..row("c", "Standard_E8s_v5", "eastus-2")
    };
    let other = Row {
        pool: Some("web".to_owned()),
        ..row("x", "Standard_D8s_v5", "eastus-3")
    };
    let rows = || {
        vec![
            row("a", "Standard_E16s_v5", "eastus-1"),
            row("b", "Standard_E32s_v5", "eastus-3"),
            spot.clone(),
            other.clone(),
        ]
    };
    // Where expiry is off already only what no longer meets the requirements drifts.
    let off = json!({"spec": {"template": {"spec": {"expireAfter": "Never"}}}});
    let found = advise(&pool("v1", off), rows());
    let told: Vec<_> = found
        .drifting
        .iter()
        .map(|one| (one.node.as_str(), one.why.join(", ")))
        .collect();
    assert_eq!(
        told,
        [
            (
                "b",
                "Standard_E32s_v5 is no longer among the sizes, eastus-3 is no longer among the zones".to_owned()
            ),
            ("c", "it is spot, and only on-demand is asked for".to_owned()),
        ]
    );
    assert_eq!(found.drifting[0].shards, ["db-b"]);
    // Expiry is part of the hash under v1: switching it off drifts every node of the pool.
    let found = advise(&pool("v1", json!({})), rows());
    assert_eq!(found.drifting.len(), 3);
    assert_eq!(found.drifting[0].why, ["expireAfter is part of the pool's hash"]);
    let killing = json!({"spec": {"template": {"spec": {"expireAfter": "Never", "terminationGracePeriod": "1h"}}}});
    let found = advise(&pool("v1", killing), rows());
    assert_eq!(
        found.drifting[0].why,
        ["terminationGracePeriod is part of the pool's hash"]
    );
    assert_eq!(
        found.steps[1].patch["spec"]["template"]["spec"]["terminationGracePeriod"],
        Value::Null
    );
}

#[test]
fn the_older_version_says_it_in_its_own_fields() {
    let beta = json!({"spec": {"disruption": {"consolidationPolicy": "WhenUnderutilized", "consolidateAfter": null}}});
    let found = advise(&pool("v1beta1", beta), vec![row("a", "Standard_E16s_v5", "eastus-1")]);
    assert_eq!(found.version, "karpenter.sh/v1beta1");
    assert_eq!(
        found.steps[0].patch["spec"]["disruption"]["budgets"],
        json!([{"nodes": "0"}, {"nodes": "10%"}])
    );
    let disruption = json!({"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m", "expireAfter": "Never"});
    assert_eq!(found.steps[1].patch["spec"]["disruption"], disruption);
    assert!(
        found.steps[1].patch["spec"]["template"]["spec"]
            .get("expireAfter")
            .is_none()
    );
    assert!(found.drifting.is_empty());
    assert!(
        found.notes[0].contains("v1beta1 has no budgets by reason"),
        "{:?}",
        found.notes
    );
}

#[test]
fn a_pool_that_is_as_it_should_be_needs_nothing() {
    let mut made = pool("v1", json!({}));
    for step in advise(&made, Vec::new()).steps {
        merge(&mut made, &step.patch);
    }
    let found = advise(&made, vec![row("a", "Standard_E16s_v5", "eastus-1")]);
    assert_eq!((found.steps, found.drifting), (Vec::new(), Vec::new()));
}

#[test]
fn a_size_that_isnt_known_leaves_the_limits() {
    let mut strange = layout();
    strange.zones[0].machines[0].size = "Standard_X1".to_owned();
    let catalogue = Catalogue::azure(None).unwrap();
    let made = pool("v1", json!({}));
    let found = advice(NodePool(&made), &strange, &Present::default(), &catalogue);
    assert_eq!(found.steps.len(), 2);
    assert!(found.notes[0].contains("isn't in the catalogue"));
}
