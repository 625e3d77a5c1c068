//! Load balancers: which shards are behind an address that clients ask from outside the cluster.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::sim::application::names;
use crate::sim::json::{entry, list, number, text};
use crate::sim::kind::Kind;
use crate::sim::store::{Key, Store};

/// Why nobody takes a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Nobody {
    /// The name has no address.
    NoName,
    /// Nothing is at the address: no answer ever comes.
    Silence,
    /// It is refused, for this reason.
    Refused(String),
}

/// The pods that take a connection to an address in turn, each with its port.
///
/// # Errors
/// Nobody takes one.
pub(in crate::sim) fn behind(store: &Store, host: &str, port: u16) -> Result<Vec<(Key, u16)>, Nobody> {
    let mut known = false;
    for service in store.all(Kind::Services, None) {
        let ingress = list(service, "/status/loadBalancer/ingress");
        let has = |one: &Value| [text(one, "/ip"), text(one, "/hostname")].contains(&host);
        if text(service, "/spec/type") != "LoadBalancer" || !ingress.iter().any(has) {
            continue;
        }
        known = true;
        let ports = list(service, "/spec/ports").iter();
        let mut ports = ports.filter(|own| number(own, "/port") == Some(i64::from(port)));
        if let Some(own) = ports.next() {
            let ready = ready(store, service, own);
            return match ready.is_empty() {
                true => Err(Nobody::Refused(format!(
                    "service/{} has no ready endpoint",
                    name_of(service)
                ))),
                false => Ok(ready),
            };
        }
    }
    match (known, host.parse::<IpAddr>()) {
        (true, _) => Err(Nobody::Refused(format!("no service has the port {port} there"))),
        (false, Ok(_)) => Err(Nobody::Silence),
        (false, Err(_)) => Err(Nobody::NoName),
    }
}

fn name_of(service: &Value) -> &str {
    crate::sim::json::name(service)
}

fn ready(store: &Store, service: &Value, own: &Value) -> Vec<(Key, u16)> {
    let space = text(service, "/metadata/namespace");
    let slices = store.all(Kind::EndpointSlices, Some(space));
    let ours =
        slices.filter(|slice| entry(slice, "/metadata/labels", "kubernetes.io/service-name") == Some(name_of(service)));
    let endpoints = ours.flat_map(|slice| list(slice, "/endpoints"));
    let ready = endpoints.filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&json!(false)));
    let mut found: Vec<(Key, u16)> = ready
        .filter_map(|endpoint| {
            let key = Key::new(Kind::Pods, space, text(endpoint, "/targetRef/name"));
            let port = target(store.get(&key)?, own)?;
            Some((key, port))
        })
        .collect();
    found.sort();
    found
}

/// The pod's port that a service's port leads to.
fn target(pod: &Value, own: &Value) -> Option<u16> {
    let wanted = own.get("targetPort").unwrap_or(&own["port"]);
    let number = match wanted.as_str() {
        Some(called) => names(pod).find(|(name, _)| *name == called).map(|(_, number)| number),
        None => wanted.as_i64(),
    };
    u16::try_from(number?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, plane, pod_of, ready};
    use crate::sim::plane::Plane;

    fn with_a_balancer(pods: &[bool]) -> Plane {
        let mut plane = plane();
        for (ordinal, is_ready) in pods.iter().enumerate() {
            let mut pod = ready(pod_of("db", "set", &format!("db-{ordinal}")), *is_ready);
            pod["metadata"]["uid"] = json!(format!("uid-{ordinal}"));
            pod["status"]["podIP"] = json!(format!("10.0.0.{ordinal}"));
            pod["spec"]["containers"][0]["ports"] = json!([{"name": "http", "containerPort": 8080}]);
            plane.store.load(Kind::Pods, pod);
        }
        plane.store.load(
            Kind::Services,
            json!({"metadata": {"name": "lb", "namespace": "shop", "uid": "lb"},
                "spec": {"type": "LoadBalancer", "selector": {"app": "db"},
                    "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}, {"hostname": "lb.example.com"}]}}}),
        );
        plane.take_note(at(0));
        plane.run_until(at(1));
        plane
    }

    #[test]
    fn an_address_leads_to_the_ready_pods_at_the_port_that_their_container_names() {
        let plane = with_a_balancer(&[true, false, true]);
        for host in ["192.0.2.10", "lb.example.com"] {
            let found = behind(&plane.store, host, 80).unwrap();
            let names: Vec<(&str, u16)> = found.iter().map(|(key, port)| (key.name.as_str(), *port)).collect();
            assert_eq!(names, [("db-0", 8080), ("db-2", 8080)]);
        }
    }

    #[test]
    fn where_nobody_takes_a_connection_it_is_said_how_that_looks_from_outside() {
        let plane = with_a_balancer(&[false]);
        for (host, port, words) in [
            ("192.0.2.10", 80, "service/lb has no ready endpoint"),
            ("192.0.2.10", 81, "no service has the port 81 there"),
        ] {
            assert_eq!(behind(&plane.store, host, port), Err(Nobody::Refused(words.to_owned())));
        }
        assert_eq!(behind(&plane.store, "192.0.2.11", 80), Err(Nobody::Silence));
        assert_eq!(behind(&plane.store, "shop.example.com", 443), Err(Nobody::NoName));
    }
}
