//! The disruption controller: how many pods of a budget may go.
//!
//! Source: `pkg/controller/disruption/disruption.go`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Map, Value, json};

use crate::model::set::selects_by;
use crate::sim::controllers::Work;
use crate::sim::json::{controller, entry, map, moment, name, namespace, number, set, set_condition, text, texts};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Key, Object, Store};

/// How long an evicted pod may take to be seen leaving before its slot is given back.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(2);

/// Whether a budget is about a pod. A budget without a selector is about none.
pub(in crate::sim) fn covers(budget: &Value, pod: &Value) -> bool {
    if namespace(budget) != namespace(pod) {
        return false;
    }
    let Some(selector) = map(budget, "/spec/selector") else {
        return false;
    };
    if selector.keys().all(|key| key == "matchLabels") {
        // By far the most common form, without a copy of all labels.
        return texts(budget, "/spec/selector/matchLabels")
            .all(|(key, value)| entry(pod, "/metadata/labels", key) == Some(value));
    }
    let Ok(selector) = serde_json::from_value::<LabelSelector>(Value::Object(selector.clone())) else {
        return false;
    };
    selects_by(&selector, |key| entry(pod, "/metadata/labels", key))
}

/// Writes a budget's status.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(budget) = plane.store.get(key).cloned() else {
        return;
    };
    let pods: Vec<Object> = plane
        .store
        .all(Kind::Pods, Some(&key.namespace))
        .filter(|pod| covers(&budget, pod))
        .cloned()
        .collect();
    let (disrupted, again) = disrupted(&budget, &pods, now);
    if let Some(again) = again {
        plane.plan(Work::Budget(key.clone()), again);
    }
    let counted = pods
        .iter()
        .filter(|pod| pod.glance().ready && !pod.glance().leaving && !disrupted.contains_key(name(pod)));
    let healthy = i64::try_from(counted.count()).unwrap_or(i64::MAX);
    let judged = expected(&plane.store, &budget, &pods);
    let generation = number(&budget, "/metadata/generation").unwrap_or(0);
    let (expected, desired, allowed, reason) = match judged {
        Ok((expected, desired)) => {
            let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
            let reason = if allowed > 0 {
                "SufficientPods"
            } else {
                "InsufficientPods"
            };
            (expected, desired, allowed, reason)
        }
        // A budget that can't be judged lets nothing go.
        Err(_) => (0, 0, 0, "SyncFailed"),
    };
    let why = judged.err().unwrap_or_default();
    plane.change(key, now, |budget| {
        let disrupted: Map<String, Value> = disrupted.into_iter().collect();
        for (field, value) in [
            ("currentHealthy", json!(healthy)),
            ("desiredHealthy", json!(desired)),
            ("expectedPods", json!(expected)),
            ("disruptionsAllowed", json!(allowed)),
            ("observedGeneration", json!(generation)),
        ] {
            set(budget, &["status", field], value);
        }
        if disrupted.is_empty() {
            crate::sim::json::remove(budget, &["status", "disruptedPods"]);
        } else {
            set(budget, &["status", "disruptedPods"], Value::Object(disrupted));
        }
        let status = if allowed > 0 { "True" } else { "False" };
        let said = json!({"type": "DisruptionAllowed", "status": status, "reason": reason, "message": why,
            "observedGeneration": generation});
        set_condition(budget, said, now);
    });
}

/// The evicted pods that aren't seen leaving yet, and when the first of them is given up on.
fn disrupted(budget: &Value, pods: &[Object], now: Timestamp) -> (BTreeMap<String, Value>, Option<Timestamp>) {
    let mut still = BTreeMap::new();
    let mut again: Option<Timestamp> = None;
    for (pod, since) in map(budget, "/status/disruptedPods").into_iter().flatten() {
        let present = pods.iter().find(|found| name(found) == pod);
        let Some(until) = moment(&json!({"at": since}), "/at").and_then(|since| since.checked_add(FORGOTTEN).ok())
        else {
            continue;
        };
        if present.is_some_and(|pod| !pod.glance().leaving) && now < until {
            still.insert(pod.clone(), since.clone());
            again = Some(again.map_or(until, |again| again.min(until)));
        }
    }
    (still, again)
}

/// How many pods there should be, and how many of them have to be healthy.
fn expected(store: &Store, budget: &Value, pods: &[Object]) -> Result<(i64, i64), String> {
    let present = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    if let Some(most) = budget.pointer("/spec/maxUnavailable") {
        let expected = scale(store, pods)?;
        return Ok((expected, (expected - portion(most, expected)).max(0)));
    }
    match budget.pointer("/spec/minAvailable") {
        Some(least) if least.is_string() => {
            let expected = scale(store, pods)?;
            Ok((expected, portion(least, expected)))
        }
        Some(least) => Ok((present, least.as_i64().unwrap_or(0))),
        None => Ok((present, 0)),
    }
}

/// The sum of what the pods' controllers want.
fn scale(store: &Store, pods: &[Object]) -> Result<i64, String> {
    let mut owners: BTreeMap<&str, i64> = BTreeMap::new();
    for pod in pods {
        let Some(owner) = controller(pod) else {
            return Err(format!("found no controller ref for pod \"{}\"", name(pod)));
        };
        let (kind, called) = (text(owner, "/kind"), text(owner, "/name"));
        let of = match kind {
            "StatefulSet" => Some(Kind::StatefulSets),
            "Deployment" => Some(Kind::Deployments),
            _ => None,
        };
        let found = of.and_then(|of| store.get(&Key::new(of, namespace(pod), called)));
        let Some(found) = found else {
            return Err(format!("found no controllers for pod \"{}\"", name(pod)));
        };
        owners.insert(text(owner, "/uid"), number(found, "/spec/replicas").unwrap_or(1));
    }
    Ok(owners.values().sum())
}

/// A number, or a share of `whole` rounded up.
fn portion(value: &Value, whole: i64) -> i64 {
    let share = value
        .as_str()
        .and_then(|text| text.strip_suffix('%'))
        .and_then(|text| text.parse::<i64>().ok());
    match share {
        Some(percent) => (whole * percent + 99) / 100,
        None => value.as_i64().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, plane, pod_of, ready};

    fn budget(spec: Value) -> Value {
        json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1}, "spec": spec})
    }

    /// The status after three pods of a set of four, two of them Ready.
    fn judged(spec: Value) -> Value {
        let mut plane = plane();
        plane.store.load(
            Kind::StatefulSets,
            json!({"metadata": {"name": "db", "namespace": "shop", "uid": "set"}, "spec": {"replicas": 4}}),
        );
        for (name, is_ready) in [("db-0", true), ("db-1", true), ("db-2", false)] {
            plane.store.load(Kind::Pods, ready(pod_of("db", "set", name), is_ready));
        }
        plane.store.load(Kind::Budgets, budget(spec));
        let key = Key::new(Kind::Budgets, "shop", "db");
        reconcile(&mut plane, &key, at(0));
        plane.store.get(&key).unwrap()["status"].clone()
    }

    #[test]
    fn every_form_of_a_budget_is_counted_as_the_controller_does() {
        let selector = json!({"matchLabels": {"app": "db"}});
        for (spec, expected) in [
            (json!({"minAvailable": 1}), [3, 1, 1]),
            (json!({"minAvailable": 2}), [3, 2, 0]),
            (json!({"minAvailable": "50%"}), [4, 2, 0]),
            (json!({"minAvailable": "10%"}), [4, 1, 1]),
            (json!({"maxUnavailable": 0}), [4, 4, 0]),
            (json!({"maxUnavailable": 3}), [4, 1, 1]),
            (json!({"maxUnavailable": "75%"}), [4, 1, 1]),
        ] {
            let mut whole = spec.clone();
            whole["selector"] = selector.clone();
            let status = judged(whole);
            let numbers = ["expectedPods", "desiredHealthy", "disruptionsAllowed"].map(|field| status[field].clone());
            assert_eq!(json!(numbers), json!(expected), "{spec}");
            assert_eq!(
                (&status["currentHealthy"], &status["observedGeneration"]),
                (&json!(2), &json!(1))
            );
        }
    }

    #[test]
    fn a_budget_without_a_selector_is_about_nobody() {
        assert!(!covers(
            &budget(json!({"minAvailable": 1})),
            &pod_of("db", "set", "db-0")
        ));
        assert!(covers(&budget(json!({"selector": {}})), &pod_of("db", "set", "db-0")));
        let terms = json!({"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}});
        assert!(!covers(&budget(terms), &pod_of("db", "set", "db-0")));
    }

    #[test]
    fn an_evicted_pod_that_stays_is_counted_as_gone_for_two_minutes() {
        let mut plane = plane();
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        let mut taken = budget(json!({"minAvailable": 0, "selector": {"matchLabels": {"app": "db"}}}));
        taken["status"] = json!({"disruptedPods": {"db-0": "2026-01-01T00:00:00Z"}});
        plane.store.load(Kind::Budgets, taken);
        let key = Key::new(Kind::Budgets, "shop", "db");
        reconcile(&mut plane, &key, at(60));
        assert_eq!(plane.store.get(&key).unwrap()["status"]["currentHealthy"], 0);
        assert_eq!(plane.next(), Some(at(120)));
        plane.run_until(at(121));
        let status = &plane.store.get(&key).unwrap()["status"];
        assert_eq!(
            (&status["currentHealthy"], status.get("disruptedPods")),
            (&json!(1), None)
        );
    }
}
