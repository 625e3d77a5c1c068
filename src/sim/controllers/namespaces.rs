//! What every namespace has: its default service account, and the authorities that pods trust.
//!
//! Source: `pkg/controller/serviceaccount`, `pkg/controller/certificates/rootcacertpublisher`.

use jiff::Timestamp;
use serde_json::json;

use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;

/// Makes what a namespace lacks.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    if plane.store.get(key).is_none() {
        return;
    }
    for (kind, name) in [
        (Kind::ServiceAccounts, "default"),
        (Kind::ConfigMaps, "kube-root-ca.crt"),
    ] {
        if plane.store.get(&Key::new(kind, &key.name, name)).is_none() {
            plane.make(kind, &key.name, json!({"metadata": {"name": name}}), now);
        }
    }
}
