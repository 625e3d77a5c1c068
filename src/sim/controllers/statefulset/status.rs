//! A set's status.
//!
//! Source: `pkg/controller/statefulset/stateful_set_control.go`, updateReplicasStatus and completeRollingUpdate. A pod that is
//! leaving counts as Ready as long as it says so.

use serde_json::json;

use super::{Look, is_ready};
use crate::sim::json::{number, remove, set, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Marks, Object};

/// The numbers that are written where they are zero, too.
const WRITTEN_AS_ZERO: [&str; 4] = ["availableReplicas", "collisionCount", "observedGeneration", "replicas"];

/// Writes what is seen after the controller has acted.
pub(super) fn write(plane: &mut Plane, look: &Look) {
    let owner = plane.store.word(uid(&look.set));
    let pods: Vec<&(Object, Marks)> = plane
        .store
        .marked(Kind::Pods, Some(&look.key.namespace))
        .filter(|(_, marks)| owner == Some(marks.owner))
        .collect();
    let count = |holds: &dyn Fn(&Marks) -> bool| pods.iter().filter(|(_, marks)| holds(marks)).count();
    let of = |wanted: &str| {
        let wanted = plane.store.word(wanted);
        count(&|marks| !marks.leaving && wanted == Some(marks.revision))
    };
    let (total, ready) = (pods.len(), count(&is_ready));
    let available = pods.iter().filter(|(pod, marks)| {
        let at = look.available_at(marks, || pod.glance().ready_changed);
        at.is_some_and(|at| at <= look.now)
    });
    let available = available.count();
    let updated = of(&look.revisions.update);
    let mut current = of(&look.revisions.current);
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
    plane.change(&look.key, look.now, |object| {
        for (field, value) in fields {
            let written = value != 0 || WRITTEN_AS_ZERO.contains(&field);
            if written {
                set(object, &["status", field], value);
            } else {
                remove(object, &["status", field]);
            }
        }
    });
}
