//! The garbage collector: what belonged to an object that is gone goes after it.
//!
//! Source: `pkg/controller/garbagecollector`, background deletion. An owner is told by its uid; what has another one stays. Claims
//! are only looked at again: whether they are orphans is found out where everything else about them is.

use jiff::Timestamp;
use serde_json::Value;

use super::Work;
use crate::sim::json::{list, text};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key};

/// What may belong to a set or to a pool of machines.
const OWNED: [Kind; 5] = [
    Kind::Pods,
    Kind::ControllerRevisions,
    Kind::Leases,
    Kind::Claims,
    Kind::NodeClaims,
];

/// Deletes what belonged to nobody but the object that had this uid.
pub(super) fn collect(plane: &mut Plane, gone: &str, now: Timestamp) {
    for kind in OWNED {
        let owners = |object: &Value| list(object, "/metadata/ownerReferences").to_vec();
        let was_its = |owner: &Value| text(owner, "/uid") == gone;
        let all = plane.store.all(kind, None);
        let its = all.filter(|object| owners(object).iter().any(was_its));
        let its: Vec<(Key, bool)> = its
            .map(|object| (Key::of(kind, object), owners(object).iter().all(was_its)))
            .collect();
        for (key, is_alone) in its {
            if kind == Kind::Claims {
                plane.plan(Work::Claim(key), now);
            } else if is_alone {
                let _ = plane.store.delete(&key, &Deletion::default(), &by_us(now));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of, ready};
    use crate::sim::json::is_leaving;

    fn delete(plane: &mut Plane, key: &Key) {
        plane.store.delete(key, &Deletion::default(), &by_us(at(1))).unwrap();
        plane.take_note(at(1));
        plane.run_until(at(60));
    }

    #[test]
    fn the_pods_of_a_set_that_is_deleted_stop_and_those_of_another_stay() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        let set = json!({"metadata": {"name": "db", "namespace": "shop", "uid": "set"}, "spec": {"replicas": 1}});
        plane.store.load(Kind::StatefulSets, set);
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        plane
            .store
            .load(Kind::Pods, ready(pod_of("web", "other", "web-0"), true));
        let shared =
            json!([{"kind": "StatefulSet", "name": "db", "uid": "set"}, {"kind": "Pod", "name": "x", "uid": "x"}]);
        let lease = json!({"metadata": {"name": "shared", "namespace": "shop", "ownerReferences": shared}});
        plane.store.load(Kind::Leases, lease);
        delete(&mut plane, &Key::new(Kind::StatefulSets, "shop", "db"));
        let left = |kind: Kind| {
            plane
                .store
                .all(kind, None)
                .map(|object| text(object, "/metadata/name"))
                .collect::<Vec<_>>()
        };
        assert_eq!(left(Kind::Pods), ["web-0"]);
        assert_eq!(left(Kind::Leases), ["shared"]);
    }

    #[test]
    fn the_machines_of_a_pool_that_is_deleted_are_given_back() {
        let mut plane = plane();
        plane
            .store
            .load(Kind::NodePools, json!({"metadata": {"name": "p", "uid": "pool"}}));
        let owner = json!([{"kind": "NodePool", "name": "p", "uid": "pool", "blockOwnerDeletion": true}]);
        let claim = json!({"metadata": {"name": "p-1", "ownerReferences": owner, "finalizers": ["karpenter.sh/termination"]},
            "status": {"nodeName": "n1", "conditions": [{"type": "Initialized", "status": "True"}]}});
        plane.store.load(Kind::NodeClaims, claim);
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        plane.take_note(at(0));
        delete(&mut plane, &Key::wide(Kind::NodePools, "p"));
        assert_eq!(plane.store.all(Kind::NodeClaims, None).count(), 0);
        assert_eq!(plane.store.all(Kind::Nodes, None).count(), 0);
        assert!(plane.store.all(Kind::Pods, None).all(|pod| is_leaving(pod)));
    }
}
