//! Whether the shards are up, but for those that are about to be replaced.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::{Aim, Preflight};
use crate::model::finding::Severity;
use crate::model::{pod, set};
use crate::plan::safety::catalogue::{SHARD_DOWN, TERMINATING, UNREADABLE};
use crate::plan::safety::{data, gate};
use crate::plan::verify::seen::Seen;

/// Judges every shard that there should be, and those that `spec.replicas` gives beyond.
pub(super) fn judge(seen: &Seen<'_>, found_set: &StatefulSet, aim: &Aim<'_>, found: &mut Preflight) {
    let (pods, expected) = match (seen.own_pods(), seen.expected()) {
        (Ok(pods), Ok(expected)) => (pods, expected.shards),
        (Err(skip), _) | (_, Err(skip)) => {
            let object = format!("statefulset/{}", set::name(found_set));
            found.refuse(UNREADABLE.refuse(object, format!("the shards can't be judged: {}", data::words(skip))));
            return;
        }
    };
    let update = found_set
        .status
        .as_ref()
        .and_then(|status| status.update_revision.as_deref());
    for ordinal in set::ordinals(found_set, expected.max(set::replicas(found_set))) {
        let name = set::pod_name(found_set, ordinal);
        let replaced = aim.shards.contains(&ordinal);
        let Some(shard) = pods.iter().find(|found| pod::name(found) == name) else {
            let object = format!("pod/{name}");
            if aim.resumes {
                note_in_hand(found, &object, format!("{name} has no pod yet"));
                continue;
            }
            // The controller makes it from whatever the template is by then: nothing is left to replace.
            found.refuse(
                SHARD_DOWN
                    .refuse(object, format!("{name} has no pod"))
                    .remedy("find out why it isn't made:")
                    .remedy(seen.kubectl(&format!("describe statefulset {}", set::name(found_set)))),
            );
            continue;
        };
        let Some(refusal) = gate::down(shard) else { continue };
        if refusal.id == TERMINATING.id {
            let outdated = pod::revision(shard) != update;
            if aim.resumes && outdated {
                note_in_hand(found, &refusal.object, format!("{name} is being deleted"));
            } else {
                found.refuse(
                    refusal
                        .remedy("wait until it is Ready again:")
                        .remedy(ready(seen, &name)),
                );
            }
        } else if replaced {
            found.note(
                Severity::Warning,
                format!("pod/{name}"),
                format!("{name} is down already, and is replaced first: that costs nothing"),
            );
        } else if aim.resumes && pod::revision(shard) == update {
            note_in_hand(found, &refusal.object, format!("{name} is starting"));
        } else {
            found.refuse(
                refusal
                    .remedy("mend it first:")
                    .remedy(seen.shardctl("verify"))
                    .remedy(ready(seen, &name)),
            );
        }
    }
}

/// A shard that the run which this one goes on with took down: it is waited for before another one goes.
fn note_in_hand(found: &mut Preflight, object: &str, how: String) {
    let message = format!("{how}: the run that this one goes on with was at it");
    found.note(Severity::Information, object, message);
}

fn ready(seen: &Seen<'_>, name: &str) -> String {
    seen.kubectl(&format!("wait --for=condition=Ready --timeout=10m pod/{name}"))
}
