//! The cloud's side of a Service: an address for one of type LoadBalancer, where the cluster has a cloud that gives such.
//!
//! Source: `k8s.io/cloud-provider/controllers/service`.

use jiff::Timestamp;
use serde_json::json;

use super::events::{By, say};
use crate::sim::json::{is_leaving, list, set, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;

/// Gives a service its address.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(service) = plane.store.get(key).filter(|_| plane.gives_addresses).cloned() else {
        return;
    };
    let wants = text(&service, "/spec/type") == "LoadBalancer" && !is_leaving(&service);
    if !wants || !list(&service, "/status/loadBalancer/ingress").is_empty() {
        return;
    }
    let address = address(uid(&service));
    plane.change(key, now, |service| {
        let ingress = json!([{"ip": address, "ipMode": "VIP"}]);
        set(service, &["status", "loadBalancer", "ingress"], ingress);
    });
    let words = "Ensured load balancer";
    say(
        plane,
        By::Cloud,
        (Kind::Services, &service),
        "EnsuredLoadBalancer",
        words,
        now,
    );
}

/// An address of those that stand in examples, and lead nowhere.
fn address(uid: &str) -> String {
    let last = uid
        .bytes()
        .fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    format!("203.0.113.{}", last.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, plane};

    #[test]
    fn a_balancer_gets_an_address_where_there_is_a_cloud_that_gives_such() {
        for (cloud, kind, wanted) in [
            (true, "LoadBalancer", 1),
            (true, "ClusterIP", 0),
            (false, "LoadBalancer", 0),
        ] {
            let mut plane = plane();
            plane.gives_addresses = cloud;
            let service = json!({"metadata": {"name": "lb", "namespace": "shop"},
                "spec": {"type": kind, "selector": {"app": "db"}, "ports": [{"port": 80}]}});
            plane.store.load(Kind::Services, service);
            plane.take_note(at(0));
            plane.run_until(at(1));
            let found = plane.store.get(&Key::new(Kind::Services, "shop", "lb")).unwrap();
            assert_eq!(list(found, "/status/loadBalancer/ingress").len(), wanted, "{found}");
        }
    }
}
