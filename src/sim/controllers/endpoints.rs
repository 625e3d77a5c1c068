//! Endpoint slices: which pods a service's name leads to.
//!
//! Source: `k8s.io/endpointslice`, reconciler.go. An endpoint stays in its slice; a slice that has become small isn't joined to
//! another one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::controllers::Followed;
use crate::sim::json::{entry, flag, list, name, text, texts, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key, Object, Store};

/// The label that leads from a slice to its service.
const SERVICE: &str = "kubernetes.io/service-name";

/// How many endpoints a slice holds at most (`--max-endpoints-per-slice`, where nobody changed it).
const MOST: usize = 100;

/// Whether a service selects a pod; one without a selector selects none.
pub(super) fn selects(service: &Value, pod: &Object) -> bool {
    let mut wanted = texts(service, "/spec/selector").peekable();
    wanted.peek().is_some() && wanted.all(|(key, value)| pod.glance().label(key) == Some(value))
}

/// A service whose slices are written, and what they were written of: only what has changed since has to be looked at.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Led {
    service: Object,
    slices: Vec<Object>,
    /// The uids of the pods that it leads to.
    pods: Followed<Box<str>>,
    /// The slice of each pod, by the pod's uid.
    homes: BTreeMap<Box<str>, Box<str>>,
}

/// What a slice that is there, or is to be made, is to hold.
#[derive(Default)]
struct Filled<'a> {
    slice: Option<&'a Object>,
    /// The endpoints that stay in it, by their places there, and what takes the place of one that says something else now.
    kept: Vec<(usize, Option<Value>)>,
    /// What comes behind them.
    added: Vec<Value>,
    /// The uids of the pods whose endpoints were looked at, and are in it.
    uids: Vec<Box<str>>,
}

impl Filled<'_> {
    fn len(&self) -> usize {
        self.kept.len() + self.added.len()
    }

    /// Whether its slice holds just this already.
    fn is_as_before(&self, before: &[Value]) -> bool {
        let same = |(at, now): &(usize, Option<Value>)| now.as_ref().is_none_or(|now| before.get(*at) == Some(now));
        self.added.is_empty() && self.kept.len() == before.len() && self.kept.iter().all(same)
    }

    /// Its endpoints, of those that the slice held before.
    fn endpoints(self, mut before: Vec<Value>) -> Vec<Value> {
        let mut taken = |at: usize| before.get_mut(at).map(Value::take).unwrap_or_default();
        let kept = self.kept.into_iter();
        let kept = kept.map(|(at, now)| now.unwrap_or_else(|| taken(at)));
        kept.chain(self.added).collect()
    }
}

fn are_very(some: &[Object], others: &[Object]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.is_very(other))
}

fn slices_of(store: &Store, key: &Key) -> Vec<Object> {
    let all = store.all(Kind::EndpointSlices, Some(&key.namespace));
    all.filter(|slice| slice.glance().label(SERVICE) == Some(key.name.as_str()))
        .cloned()
        .collect()
}

/// Writes a service's slices.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let slices = slices_of(&plane.store, key);
    let Some(service) = plane.store.get(key).cloned() else {
        plane.led.remove(key);
        for slice in slices {
            let at = Key::of(Kind::EndpointSlices, &slice);
            let _ = plane.store.delete(&at, &Deletion::default(), &by_us(now));
        }
        return;
    };
    if texts(&service, "/spec/selector").next().is_none() {
        // Somebody else writes its slices.
        return;
    }
    let (mut pods, mut homes, was) = match plane.led.remove(key) {
        Some(led) => (led.pods, led.homes, Some((led.service, led.slices))),
        None => (Followed::default(), BTreeMap::new(), None),
    };
    let news = pods.follow(&plane.store, &key.namespace, &service["spec"]["selector"], |pod| {
        (has_address(pod) && selects(&service, pod)).then(|| pod.glance().uid.clone())
    });
    // Where somebody else has touched the service or its slices everything is looked at.
    let is_as_it_was = was.is_some_and(|(before, written)| before.is_very(&service) && are_very(&written, &slices));
    let ports: Value = list(&service, "/spec/ports").iter().map(port).collect();
    let mut touched: BTreeSet<Box<str>> = BTreeSet::new();
    let mut wanted: BTreeMap<&str, &Object> = BTreeMap::new();
    let by_uid = |pod| (&*Object::glance(pod).uid, pod);
    if is_as_it_was {
        wanted.extend(news.iter().filter_map(|(_, now)| *now).map(by_uid));
        touched.extend(news.into_iter().filter_map(|(before, _)| before));
    } else {
        let names = pods.picked().keys();
        let there = names.filter_map(|pod| plane.store.get(&Key::new(Kind::Pods, &key.namespace, pod)));
        wanted.extend(there.map(by_uid));
        homes.clear();
    }
    let always = publishes_always(&service);
    let some_come = wanted.keys().any(|uid| !touched.contains(*uid));
    let mut filled: Vec<Filled<'_>> = Vec::new();
    // Those in which nothing is new.
    let mut others = 0;
    for slice in &slices {
        let before = list(slice, "/endpoints");
        let goes_from = |uid: &str| homes.get(uid).is_some_and(|home| *home == slice.glance().name);
        let takes_some = some_come && before.len() < MOST;
        if is_as_it_was && !takes_some && !touched.iter().any(|uid| goes_from(uid)) {
            others += 1;
            continue;
        }
        let mut fill = Filled {
            slice: Some(slice),
            ..Filled::default()
        };
        for (at, one) in before.iter().enumerate() {
            let uid = text(one, "/targetRef/uid");
            if is_as_it_was && !touched.contains(uid) {
                fill.kept.push((at, None));
            } else if let Some(pod) = wanted.remove(uid) {
                let now = (!is_current(one, always, pod)).then(|| endpoint(plane, &service, pod));
                fill.kept.push((at, now));
                fill.uids.push(uid.into());
            }
        }
        filled.push(fill);
    }
    let rest = wanted.into_iter();
    let mut rest = rest
        .map(|(uid, pod)| (Box::from(uid), endpoint(plane, &service, pod)))
        .peekable();
    for fill in &mut filled {
        let room = MOST.saturating_sub(fill.len());
        let (uids, added): (Vec<_>, Vec<_>) = rest.by_ref().take(room).unzip();
        fill.uids.extend(uids);
        fill.added = added;
    }
    while rest.peek().is_some() {
        let (uids, added) = rest.by_ref().take(MOST).unzip();
        filled.push(Filled {
            uids,
            added,
            ..Filled::default()
        });
    }
    drop(rest);
    if filled.is_empty() && others == 0 {
        filled.push(Filled::default());
    }
    let only = filled.len() + others == 1;
    for uid in &touched {
        homes.remove(uid);
    }
    for mut fill in filled {
        let uids = std::mem::take(&mut fill.uids);
        let home = match fill.slice {
            Some(slice) if fill.len() == 0 && !only => {
                let at = Key::of(Kind::EndpointSlices, slice);
                let _ = plane.store.delete(&at, &Deletion::default(), &by_us(now));
                None
            }
            Some(slice) if fill.is_as_before(list(slice, "/endpoints")) && slice["ports"] == ports => {
                Some(slice.clone())
            }
            Some(slice) => plane.change(&Key::of(Kind::EndpointSlices, slice), now, |slice| {
                let before = match slice["endpoints"].take() {
                    Value::Array(before) => before,
                    _ => Vec::new(),
                };
                slice["endpoints"] = Value::Array(fill.endpoints(before));
                slice["ports"] = ports.clone();
            }),
            None => {
                let made = new(&service, fill.added, &ports);
                plane.make(Kind::EndpointSlices, &key.namespace, made, now)
            }
        };
        if let Some(home) = home {
            homes.extend(uids.into_iter().map(|uid| (uid, home.glance().name.clone())));
        }
    }
    let led = Led {
        service,
        slices: slices_of(&plane.store, key),
        pods,
        homes,
    };
    plane.led.insert(key.clone(), led);
}

/// A new slice of a service.
fn new(service: &Value, endpoints: Vec<Value>, ports: &Value) -> Value {
    let called = name(service);
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": called, "uid": uid(service), "controller": true,
        "blockOwnerDeletion": true});
    json!({"metadata": {"generateName": format!("{called}-"), "labels": {SERVICE: called,
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}, "ownerReferences": [owner]},
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports})
}

fn publishes_always(service: &Value) -> bool {
    flag(service, "/spec/publishNotReadyAddresses")
}

fn has_address(pod: &Object) -> bool {
    !pod.glance().address.is_empty() && !pod.glance().ended
}

/// Whether an endpoint still says what its pod does. What else it says of the pod and its node stays for as long as they live.
fn is_current(endpoint: &Value, always: bool, pod: &Object) -> bool {
    let [ready, serving, leaving] = conditions(always, pod);
    text(endpoint, "/addresses/0") == &*pod.glance().address
        && *text(endpoint, "/nodeName") == *pod.glance().node
        && flag(endpoint, "/conditions/ready") == ready
        && flag(endpoint, "/conditions/serving") == serving
        && flag(endpoint, "/conditions/terminating") == leaving
}

/// Whether it is ready, serving and terminating; `always` where the service publishes what isn't Ready, too.
fn conditions(always: bool, pod: &Object) -> [bool; 3] {
    let (serving, leaving) = (pod.glance().ready, pod.glance().leaving);
    [always || (serving && !leaving), serving, leaving]
}

fn endpoint(plane: &Plane, service: &Value, pod: &Object) -> Value {
    let [ready, serving, leaving] = conditions(publishes_always(service), pod);
    let node = text(pod, "/spec/nodeName");
    let mut endpoint = json!({"addresses": [text(pod, "/status/podIP")],
        "conditions": {"ready": ready, "serving": serving, "terminating": leaving},
        "nodeName": node,
        "targetRef": {"kind": "Pod", "namespace": text(pod, "/metadata/namespace"), "name": name(pod), "uid": uid(pod)}});
    if text(pod, "/spec/subdomain") == name(service) && !text(pod, "/spec/hostname").is_empty() {
        endpoint["hostname"] = json!(text(pod, "/spec/hostname"));
    }
    let home = plane.store.get(&Key::wide(Kind::Nodes, node));
    if let Some(zone) = home.and_then(|home| entry(home, "/metadata/labels", "topology.kubernetes.io/zone")) {
        endpoint["zone"] = json!(zone);
    }
    endpoint
}

fn port(port: &Value) -> Value {
    let number = match port.get("targetPort") {
        Some(target) if target.is_number() => target.clone(),
        // A port by its name is the pods' to resolve; shards answer on the service's own number.
        _ => port["port"].clone(),
    };
    let protocol = match text(port, "/protocol") {
        "" => "TCP",
        protocol => protocol,
    };
    json!({"name": text(port, "/name"), "port": number, "protocol": protocol})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of, ready};

    /// The slice of a service over three pods: Ready, not Ready, and Ready but leaving.
    fn slice(spec: &Value) -> Value {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z3", 64));
        for (called, is_ready) in [("db-0", true), ("db-1", false), ("db-2", true)] {
            let mut pod = ready(pod_of("db", "set", called), is_ready);
            pod["status"]["podIP"] = json!(format!("10.0.0.{}", called.len()));
            pod["spec"]["hostname"] = json!(called);
            pod["spec"]["subdomain"] = json!("db");
            plane.store.load(Kind::Pods, pod);
        }
        let last = Key::new(Kind::Pods, "shop", "db-2");
        plane.store.delete(&last, &Deletion::default(), &by_us(at(0))).unwrap();
        plane.store.load(
            Kind::Services,
            json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": spec}),
        );
        reconcile(&mut plane, &Key::new(Kind::Services, "shop", "db"), at(0));
        let found = plane.store.all(Kind::EndpointSlices, Some("shop")).next();
        found.map(|slice| Value::clone(slice)).unwrap_or_default()
    }

    fn ready_ones(slice: &Value) -> Vec<bool> {
        list(slice, "/endpoints")
            .iter()
            .map(|one| flag(one, "/conditions/ready"))
            .collect()
    }

    #[test]
    fn only_pods_that_are_ready_and_stay_are_led_to() {
        let spec = json!({"selector": {"app": "db"}, "ports": [{"name": "http", "port": 80}]});
        let found = slice(&spec);
        assert_eq!(ready_ones(&found), [true, false, false]);
        let first = &found["endpoints"][0];
        assert_eq!((&first["hostname"], &first["zone"]), (&json!("db-0"), &json!("z3")));
        assert_eq!(
            found["endpoints"][2]["conditions"],
            json!({"ready": false, "serving": true, "terminating": true})
        );
        assert_eq!(found["ports"], json!([{"name": "http", "port": 80, "protocol": "TCP"}]));
    }

    #[test]
    fn a_slice_holds_a_hundred_and_an_endpoint_stays_in_its_slice() {
        let mut plane = plane();
        for ordinal in 0..150 {
            let mut pod = ready(pod_of("db", "set", &format!("db-{ordinal:03}")), true);
            pod["status"]["podIP"] = json!(format!("10.0.0.{ordinal}"));
            plane.store.load(Kind::Pods, pod);
        }
        let service = json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"selector": {"app": "db"}}});
        plane.store.load(Kind::Services, service);
        let key = Key::new(Kind::Services, "shop", "db");
        reconcile(&mut plane, &key, at(0));
        let held = |plane: &Plane| {
            let slices = plane.store.all(Kind::EndpointSlices, Some("shop"));
            // By their size: slices are named by chance.
            let mut sizes: Vec<usize> = slices.map(|slice| list(slice, "/endpoints").len()).collect();
            sizes.sort_unstable();
            sizes
        };
        assert_eq!(held(&plane), [50, 100]);
        let before = plane.store.revision();
        reconcile(&mut plane, &key, at(1));
        assert_eq!(plane.store.revision(), before);
        let first = Key::new(Kind::Pods, "shop", "db-000");
        let gone = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        plane.store.delete(&first, &gone, &by_us(at(2))).unwrap();
        reconcile(&mut plane, &key, at(2));
        let left = held(&plane);
        assert_eq!(left.iter().sum::<usize>(), 149);
        assert!(left == [50, 99] || left == [49, 100], "{left:?}");
    }

    #[test]
    fn an_endpoint_is_found_again_after_a_change_of_its_pod_that_it_does_not_tell() {
        let mut plane = plane();
        for called in ["db-0", "db-1"] {
            let mut pod = ready(pod_of("db", "set", called), true);
            pod["status"]["podIP"] = json!("10.0.0.1");
            plane.store.load(Kind::Pods, pod);
        }
        let service = json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {"selector": {"app": "db"}}});
        plane.store.load(Kind::Services, service);
        let (key, pod) = (
            Key::new(Kind::Services, "shop", "db"),
            Key::new(Kind::Pods, "shop", "db-1"),
        );
        reconcile(&mut plane, &key, at(0));
        plane.change(&pod, at(1), |pod| pod["metadata"]["annotations"] = json!({"note": "x"}));
        reconcile(&mut plane, &key, at(1));
        plane.change(&pod, at(2), |pod| {
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
        });
        reconcile(&mut plane, &key, at(2));
        let slices: Vec<&Object> = plane.store.all(Kind::EndpointSlices, Some("shop")).collect();
        assert_eq!(slices.len(), 1);
        assert_eq!(ready_ones(slices[0]), [true, false]);
    }

    #[test]
    fn a_service_may_publish_all_and_one_without_a_selector_publishes_none() {
        let all = slice(&json!({"selector": {"app": "db"}, "publishNotReadyAddresses": true}));
        assert_eq!(ready_ones(&all), [true, true, true]);
        assert!(slice(&json!({})).is_null());
    }
}
