//! The eviction of a pod by way of its budget.
//!
//! Source: `pkg/registry/core/pod/storage/eviction.go`.

use k8s_openapi::api::policy::v1::Eviction;
use serde_json::{Value, json};

use super::Request;
use super::answer::Answer;
use super::objects::{deletion, json};
use super::route::At;
use crate::sim::controllers::disruption::covers;
use crate::sim::json::{condition, is_leaving, name, number, set, set_condition, stamp, text};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::{Deletion, Key, Object, Part, Store, Write};
use crate::sim::strict;

/// Evicts a pod.
///
/// # Errors
/// What the server refuses an eviction with; 429 where the budget has its say.
pub(super) fn evict(
    store: &mut Store,
    request: &Request,
    at: &At,
    pod: &str,
    write: &Write<'_>,
) -> Result<Answer, Refused> {
    let eviction = json(request)?;
    strict::check_as::<Eviction>("Eviction", &eviction)?;
    if name(&eviction) != pod {
        return Err(Refused::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let options = eviction.get("deleteOptions").cloned().unwrap_or_else(|| json!({}));
    let (asked, dry) = deletion(&options)?;
    let write = Write {
        dry_run: write.dry_run || dry,
        ..*write
    };
    let key = at.key(pod);
    by_budget(store, &key, &asked, &write)?;
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Answer::json(201, &success))
}

/// Evicts a pod, where its budget lets it go.
///
/// # Errors
/// 404; 429 where the budget has its say; 409 where a precondition doesn't hold.
pub(in crate::sim) fn by_budget(
    store: &mut Store,
    key: &Key,
    asked: &Deletion,
    write: &Write<'_>,
) -> Result<(), Refused> {
    let found = store.need(key)?.clone();
    if !goes_anyway(&found) {
        let budgets: Vec<Object> = store
            .all(Kind::Budgets, Some(&key.namespace))
            .filter(|budget| covers(budget, &found))
            .cloned()
            .collect();
        match budgets.as_slice() {
            [] => {}
            [budget] => take_slot(store, budget, &found, write)?,
            _ => {
                let message =
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                return Err(Refused::new(500, "", message));
            }
        }
    }
    store.delete(key, asked, write).map(drop)
}

/// Whether no budget is asked about the pod: it serves nobody now, or goes already.
fn goes_anyway(pod: &Value) -> bool {
    ["Pending", "Succeeded", "Failed"].contains(&text(pod, "/status/phase")) || is_leaving(pod)
}

fn take_slot(store: &mut Store, budget: &Object, pod: &Value, write: &Write<'_>) -> Result<(), Refused> {
    let status = |field: &str| number(budget, &format!("/status/{field}")).unwrap_or(0);
    let (healthy, desired) = (status("currentHealthy"), status("desiredHealthy"));
    if condition(pod, "Ready") != "True" {
        let free = match text(budget, "/spec/unhealthyPodEvictionPolicy") {
            "AlwaysAllow" => true,
            _ => healthy >= desired && desired > 0,
        };
        if free {
            return Ok(());
        }
    }
    let called = name(budget);
    if status("observedGeneration") < number(budget, "/metadata/generation").unwrap_or(0) {
        let why = format!("The disruption budget {called} is still being processed by the server.");
        return Err(too_many(&why, Some(10)));
    }
    let allowed = status("disruptionsAllowed");
    if allowed <= 0 {
        let why = format!("The disruption budget {called} needs {desired} healthy pods and has {healthy} currently");
        return Err(too_many(&why, None));
    }
    if write.dry_run {
        return Ok(());
    }
    let mut changed = Value::clone(budget);
    set(&mut changed, &["status", "disruptionsAllowed"], json!(allowed - 1));
    if allowed == 1 {
        let spent = json!({"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": "",
            "observedGeneration": status("observedGeneration")});
        set_condition(&mut changed, spent, write.now);
    }
    set(&mut changed, &["status", "disruptedPods", name(pod)], stamp(write.now));
    let key = Key::of(Kind::Budgets, budget);
    // The slot is taken before the pod's uid is looked at: a wrong one costs it all the same.
    store.update(&key, changed, Part::Status, write).map(drop)
}

fn too_many(why: &str, retry_after: Option<u32>) -> Refused {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
    if let Some(seconds) = retry_after {
        details["retryAfterSeconds"] = json!(seconds);
    }
    Refused {
        details,
        retry_after,
        ..Refused::new(429, "TooManyRequests", message)
    }
}
