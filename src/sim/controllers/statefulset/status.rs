//! A set's status.
//!
//! Source: `pkg/controller/statefulset/stateful_set_control.go`, updateReplicasStatus and completeRollingUpdate. A pod that is
//! leaving counts as Ready as long as it says so.

use serde_json::{Value, json};

use super::{Look, is_ready};
use crate::sim::json::{number, remove, set, uid};
use crate::sim::plane::Plane;
use crate::sim::store::Common;

/// The numbers that are written where they are zero, too.
const WRITTEN_AS_ZERO: [&str; 4] = ["availableReplicas", "collisionCount", "observedGeneration", "replicas"];

/// Writes what is seen after the controller has acted.
pub(super) fn write(plane: &mut Plane, look: &Look) {
    let store = &plane.store;
    let [update, current] = [&look.revisions.update, &look.revisions.current].map(|revision| store.word(revision));
    let (mut total, mut ready, mut available) = (0, 0, 0);
    let (mut of_update, mut of_current) = (0, 0);
    for (pod, marks) in store.sharing(Common::Owner, uid(&look.set)) {
        let at = look.available_at(marks, || store.get(pod)?.glance().ready_changed);
        total += 1;
        ready += usize::from(is_ready(marks));
        available += usize::from(at.is_some_and(|at| at <= look.now));
        of_update += usize::from(!marks.leaving && update == Some(marks.revision));
        of_current += usize::from(!marks.leaving && current == Some(marks.revision));
    }
    let (updated, mut current) = (of_update, of_current);
    let mut current_revision = look.revisions.current.as_str();
    let complete = look.rolls() && updated == total && ready == total && i64::try_from(total) == Ok(look.replicas);
    if complete {
        (current, current_revision) = (updated, &look.revisions.update);
    }
    let fields = [
        ("replicas", json!(total)),
        ("readyReplicas", json!(ready)),
        ("availableReplicas", json!(available)),
        ("currentReplicas", json!(current)),
        ("updatedReplicas", json!(updated)),
        ("currentRevision", json!(current_revision)),
        ("updateRevision", json!(look.revisions.update)),
        (
            "observedGeneration",
            json!(number(&look.set, "/metadata/generation").unwrap_or(0)),
        ),
        ("collisionCount", json!(0)),
    ];
    let is_written = |field: &str, value: &Value| *value != 0 || WRITTEN_AS_ZERO.contains(&field);
    // As a rule nothing is new of it.
    let as_before = store.get(&look.key).is_none_or(|found| {
        let mut all = fields.iter();
        all.all(|(field, value)| found["status"].get(field) == Some(value).filter(|value| is_written(field, value)))
    });
    if as_before {
        return;
    }
    plane.change(&look.key, look.now, |object| {
        for (field, value) in fields {
            if is_written(field, &value) {
                set(object, &["status", field], value);
            } else {
                remove(object, &["status", field]);
            }
        }
    });
}
