//! The disruption controller: how many pods of a budget may go.
//!
//! Source: `pkg/controller/disruption/disruption.go`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::model::set::selects_by;
use crate::sim::controllers::{Followed, Work};
use crate::sim::json::{controller, find, map, moment, name, namespace, number, set, set_condition, text};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Key, Object, Store, Word};

/// How long an evicted pod may take to be seen leaving before its slot is given back.
const FORGOTTEN: SignedDuration = SignedDuration::from_mins(2);

/// Which pods of its namespace a budget is about; none where it has no selector, or one that can't be understood.
pub(in crate::sim) fn selector(budget: &Value) -> Option<LabelSelector> {
    LabelSelector::deserialize(find(budget, "/spec/selector")?).ok()
}

/// Whether a budget is about a pod. A budget without a selector is about none.
pub(in crate::sim) fn covers(budget: &Value, pod: &Object) -> bool {
    namespace(budget) == namespace(pod) && selector(budget).is_some_and(|selector| picks(&selector, pod))
}

fn picks(selector: &LabelSelector, pod: &Object) -> bool {
    selects_by(selector, |key| pod.glance().label(key))
}

/// What is asked of a pod that a budget covers.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Covered {
    /// The uid of its controller.
    owner: Option<Word>,
    ready: bool,
    leaving: bool,
}

/// Writes a budget's status.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(budget) = plane.store.get(key).cloned() else {
        plane.covered.remove(key);
        return;
    };
    let selector = selector(&budget);
    let mut covered = plane.covered.remove(key).unwrap_or_default();
    covered.follow(&plane.store, &key.namespace, &budget["spec"]["selector"], |pod| {
        picks(selector.as_ref()?, pod).then(|| Covered {
            owner: plane.store.word(&pod.glance().owner),
            ready: pod.glance().ready,
            leaving: pod.glance().leaving,
        })
    });
    let (disrupted, again) = disrupted(&budget, &covered, now);
    if let Some(again) = again {
        plane.plan(Work::Budget(key.clone()), again);
    }
    let is_healthy = |pod: &&Covered| pod.ready && !pod.leaving;
    let healthy = covered.picked().values().filter(is_healthy).count();
    let evicted = disrupted
        .keys()
        .filter_map(|name| covered.picked().get(name.as_str()))
        .filter(is_healthy);
    let healthy = i64::try_from(healthy.saturating_sub(evicted.count())).unwrap_or(i64::MAX);
    let judged = expected(&plane.store, &budget, &covered, &key.namespace);
    plane.covered.insert(key.clone(), covered);
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
fn disrupted(budget: &Value, pods: &Followed<Covered>, now: Timestamp) -> (BTreeMap<String, Value>, Option<Timestamp>) {
    let mut still = BTreeMap::new();
    let mut again: Option<Timestamp> = None;
    for (pod, since) in map(budget, "/status/disruptedPods").into_iter().flatten() {
        let present = pods.picked().get(pod.as_str());
        let Some(until) = moment(&json!({"at": since}), "/at").and_then(|since| since.checked_add(FORGOTTEN).ok())
        else {
            continue;
        };
        if present.is_some_and(|pod| !pod.leaving) && now < until {
            still.insert(pod.clone(), since.clone());
            again = Some(again.map_or(until, |again| again.min(until)));
        }
    }
    (still, again)
}

/// How many pods there should be, and how many of them have to be healthy.
fn expected(store: &Store, budget: &Value, pods: &Followed<Covered>, space: &str) -> Result<(i64, i64), String> {
    let present = i64::try_from(pods.picked().len()).unwrap_or(i64::MAX);
    if let Some(most) = budget.pointer("/spec/maxUnavailable") {
        let expected = scale(store, pods, space)?;
        return Ok((expected, (expected - portion(most, expected)).max(0)));
    }
    match budget.pointer("/spec/minAvailable") {
        Some(least) if least.is_string() => {
            let expected = scale(store, pods, space)?;
            Ok((expected, portion(least, expected)))
        }
        Some(least) => Ok((present, least.as_i64().unwrap_or(0))),
        None => Ok((present, 0)),
    }
}

/// The sum of what the pods' controllers want.
fn scale(store: &Store, pods: &Followed<Covered>, space: &str) -> Result<i64, String> {
    let mut owners: BTreeMap<&str, i64> = BTreeMap::new();
    let mut before = Some(Word::NONE);
    for (called, seen) in pods.picked() {
        // As a rule all have the same one.
        if seen.owner != Some(Word::NONE) && seen.owner == std::mem::replace(&mut before, seen.owner) {
            continue;
        }
        let Some(pod) = store.get(&Key::new(Kind::Pods, space, called)) else {
            continue;
        };
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
            &pod_of("db", "set", "db-0").into()
        ));
        assert!(covers(
            &budget(json!({"selector": {}})),
            &pod_of("db", "set", "db-0").into()
        ));
        let terms = json!({"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}});
        assert!(!covers(&budget(terms), &pod_of("db", "set", "db-0").into()));
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
