//! The claims of a set's pods: made before the pod, and owned by it where the retention says that they go with it.
//!
//! Source: `pkg/controller/statefulset/stateful_set_utils.go`, updateClaimOwnerRefForSetAndPod.

use serde_json::{Value, json};

use super::Look;
use crate::sim::json::{list, map, name, set, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Common, Key};

/// The name of the claim that a template makes for an ordinal.
pub(super) fn claim_name(owner: &Value, template: &str, ordinal: i64) -> String {
    format!("{template}-{}-{ordinal}", name(owner))
}

/// Makes the claims of an ordinal that aren't there.
pub(super) fn make(plane: &mut Plane, look: &Look, ordinal: i64) {
    for template in list(&look.set, "/spec/volumeClaimTemplates") {
        let called = claim_name(&look.set, name(template), ordinal);
        if plane
            .store
            .get(&Key::new(Kind::Claims, &look.key.namespace, &called))
            .is_some()
        {
            continue;
        }
        let mut claim = json!({"metadata": template["metadata"], "spec": template["spec"]});
        set(&mut claim, &["metadata", "name"], json!(called));
        for (key, value) in map(&look.set, "/spec/selector/matchLabels").into_iter().flatten() {
            set(&mut claim, &["metadata", "labels", key], value.clone());
        }
        plane.make(Kind::Claims, &look.key.namespace, claim, look.now);
    }
}

/// Writes who owns each claim, as the retention says.
pub(super) fn follow_retention(plane: &mut Plane, look: &Look) {
    let retention =
        |when: &str| text(&look.set, &format!("/spec/persistentVolumeClaimRetentionPolicy/{when}")) == "Delete";
    let (scaled, deleted) = (retention("whenScaled"), retention("whenDeleted"));
    let some_are_owned = plane.store.sharing(Common::Owned, &look.key.namespace).next().is_some();
    // As a rule nobody owns any and nobody is to.
    if !scaled && !deleted && !some_are_owned {
        return;
    }
    for (ordinal, _) in &look.pods {
        let Some(pod) = plane.store.get(&look.key_of(*ordinal)).cloned() else {
            continue;
        };
        let pod = &pod;
        let goes = scaled && !look.wanted().contains(ordinal);
        for template in list(&look.set, "/spec/volumeClaimTemplates") {
            let key = Key::new(
                Kind::Claims,
                &look.key.namespace,
                &claim_name(&look.set, name(template), *ordinal),
            );
            let Some(claim) = plane.store.get(&key) else { continue };
            let ours = [uid(&look.set), uid(pod)];
            let mut owners: Vec<Value> = list(claim, "/metadata/ownerReferences")
                .iter()
                .filter(|owner| !ours.contains(&text(owner, "/uid")))
                .cloned()
                .collect();
            if goes {
                owners.push(json!({"apiVersion": "v1", "kind": "Pod", "name": name(pod), "uid": uid(pod)}));
            } else if deleted {
                let set = &look.set;
                owners
                    .push(json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name(set), "uid": uid(set)}));
            }
            if owners.as_slice() != list(claim, "/metadata/ownerReferences") {
                plane.change(&key, look.now, |claim| {
                    set(claim, &["metadata", "ownerReferences"], Value::Array(owners));
                });
            }
        }
    }
}
