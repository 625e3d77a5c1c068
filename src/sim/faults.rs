//! What goes wrong while somebody works on the rehearsal cluster: faults, each at a mutating request by its number.
//!
//! They are data, and short as text (`3:lost,7:slow=4000,9:node-dies=n1`), so that a run that failed can be repeated by one
//! command. What is somebody's own trouble hits his request; what is the world's happens right after it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::api::{Reply, Request, answer};
use crate::sim::json::{name, number, set, set_condition, text};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;
use crate::sim::store::Key;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Whoever asks dies before the server has the request.
    CrashBefore,
    /// The request is carried out, and whoever asked dies before he hears of it.
    CrashAfter,
    /// The request is carried out, and the connection closed instead of an answer.
    Lost,
    /// The request is refused with this code: 409, 429, 500 or 503.
    Refused(u16),
    /// The request takes so long to be carried out; whoever waits no longer doesn't stop it.
    Slow(Duration),
    /// Every watch ends.
    WatchesEnd,
    /// Every watch ends, and can't be taken up where it ended: 410.
    WatchesExpire,
    /// A node's kubelet falls silent, and the cluster knows it.
    NodeDies(String),
    /// No registry has this image any more.
    ImageGone(String),
    /// What room there is left in a zone is taken.
    ZoneFull(String),
    /// Somebody writes this number into every budget that has one.
    BudgetSet(i64),
    /// One shard takes this key for its own, though it is another's.
    KeyKept(String),
    /// Somebody evicts this pod of the first namespace that has it, trying for a moment.
    Rival(String),
}

/// What goes wrong, by the number of the mutating request at which it does; the first is number 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(BTreeMap<u64, Vec<Fault>>);

impl Faults {
    /// Nothing but this, at one request.
    pub fn at(number: u64, fault: Fault) -> Faults {
        Faults::default().and(number, fault)
    }

    /// The same, and this.
    #[must_use]
    pub fn and(mut self, number: u64, fault: Fault) -> Faults {
        self.0.entry(number).or_default().push(fault);
        self
    }

    /// What goes wrong at a request.
    pub fn of(&self, number: u64) -> &[Fault] {
        self.0.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether nothing goes wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether whoever meets them dies of one.
    pub fn are_deadly(&self) -> bool {
        let deadly = |fault: &Fault| matches!(fault, Fault::CrashBefore | Fault::CrashAfter);
        self.0.values().flatten().any(deadly)
    }
}

impl Display for Fault {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Fault::CrashBefore => to.write_str("crash-before"),
            Fault::CrashAfter => to.write_str("crash-after"),
            Fault::Lost => to.write_str("lost"),
            Fault::Refused(code) => write!(to, "refused={code}"),
            Fault::Slow(time) => write!(to, "slow={}", time.as_millis()),
            Fault::WatchesEnd => to.write_str("watches-end"),
            Fault::WatchesExpire => to.write_str("watches-expire"),
            Fault::NodeDies(node) => write!(to, "node-dies={node}"),
            Fault::ImageGone(image) => write!(to, "image-gone={image}"),
            Fault::ZoneFull(zone) => write!(to, "zone-full={zone}"),
            Fault::BudgetSet(value) => write!(to, "budget-set={value}"),
            Fault::KeyKept(key) => write!(to, "key-kept={key}"),
            Fault::Rival(pod) => write!(to, "rival={pod}"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(written: &str) -> Result<Fault, String> {
        let unknown = || format!("`{written}` is no fault");
        let (word, value) = written.split_once('=').unwrap_or((written, ""));
        if value.is_empty() {
            return match word {
                "crash-before" => Ok(Fault::CrashBefore),
                "crash-after" => Ok(Fault::CrashAfter),
                "lost" => Ok(Fault::Lost),
                "watches-end" => Ok(Fault::WatchesEnd),
                "watches-expire" => Ok(Fault::WatchesExpire),
                _ => Err(unknown()),
            };
        }
        match word {
            "refused" => match value.parse() {
                Ok(code @ (409 | 429 | 500 | 503)) => Ok(Fault::Refused(code)),
                _ => Err(unknown()),
            },
            "slow" => value
                .parse()
                .map(|time| Fault::Slow(Duration::from_millis(time)))
                .map_err(|_| unknown()),
            "node-dies" => Ok(Fault::NodeDies(value.to_owned())),
            "image-gone" => Ok(Fault::ImageGone(value.to_owned())),
            "zone-full" => Ok(Fault::ZoneFull(value.to_owned())),
            "budget-set" => value.parse().map(Fault::BudgetSet).map_err(|_| unknown()),
            "key-kept" => Ok(Fault::KeyKept(value.to_owned())),
            "rival" => Ok(Fault::Rival(value.to_owned())),
            _ => Err(unknown()),
        }
    }
}

impl Display for Faults {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let each = self
            .0
            .iter()
            .flat_map(|(number, faults)| faults.iter().map(move |fault| format!("{number}:{fault}")));
        to.write_str(&each.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(written: &str) -> Result<Faults, String> {
        let each = written.split(',').filter(|part| !part.is_empty());
        each.map(|part| {
            let (number, fault) = part.split_once(':').ok_or(format!("`{part}` has no number"))?;
            let number = number.parse().map_err(|_| format!("`{number}` is no number"))?;
            Ok::<(u64, Fault), String>((number, fault.parse()?))
        })
        .try_fold(Faults::default(), |faults, one| {
            let (number, fault) = one?;
            Ok(faults.and(number, fault))
        })
    }
}

/// What the server says to a request that it refuses for a reason of its own.
pub(in crate::sim) fn refused(code: u16) -> Refused {
    match code {
        409 => Refused::new(
            409,
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version \
             and try again",
        ),
        429 => Refused {
            retry_after: Some(1),
            details: json!({"retryAfterSeconds": 1}),
            ..Refused::new(429, "TooManyRequests", "too many requests, please try again later")
        },
        503 => Refused::new(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        code => Refused::new(
            code,
            "InternalError",
            "Internal error occurred: etcdserver: request timed out",
        ),
    }
}

/// Lets happen what isn't about the request. False where it has to be tried again in a moment.
pub(in crate::sim) fn strike(plane: &mut Plane, fault: &Fault, now: Timestamp) -> bool {
    match fault {
        Fault::NodeDies(node) => silence(plane, node, now),
        Fault::ImageGone(image) => drop(plane.missing_images.insert(image.clone())),
        Fault::ZoneFull(zone) => fill(plane, zone, now),
        Fault::BudgetSet(value) => write_budgets(plane, *value, now),
        Fault::KeyKept(key) => {
            plane.kept_keys.insert(key.clone());
        }
        Fault::WatchesExpire => plane.store.compact(plane.store.revision()),
        Fault::Rival(pod) => return evict(plane, pod, now),
        _ => {}
    }
    plane.take_note(now);
    true
}

fn silence(plane: &mut Plane, node: &str, now: Timestamp) {
    let silent = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status."});
    plane.change(&Key::wide(Kind::Nodes, node), now, |node| {
        set_condition(node, silent, now);
    });
}

/// Leaves the zone's nodes no room for one pod more.
fn fill(plane: &mut Plane, zone: &str, now: Timestamp) {
    let in_zone = |node: &&crate::sim::store::Object| {
        let labels = node.pointer("/metadata/labels");
        labels.and_then(|labels| labels.get("topology.kubernetes.io/zone")) == Some(&Value::from(zone))
    };
    let nodes = plane.store.all(Kind::Nodes, None).filter(in_zone);
    let nodes: Vec<String> = nodes.map(|node| name(node).to_owned()).collect();
    for node in nodes {
        let on = |pod: &&crate::sim::store::Object| text(pod, "/spec/nodeName") == node;
        let taken = plane.store.all(Kind::Pods, None).filter(on).count();
        let full = json!(taken.to_string());
        plane.change(&Key::wide(Kind::Nodes, &node), now, |node| {
            set(node, &["status", "allocatable", "pods"], full);
        });
    }
}

fn write_budgets(plane: &mut Plane, value: i64, now: Timestamp) {
    let budgets = plane.store.all(Kind::Budgets, None);
    let others = budgets.filter(|budget| number(budget, "/spec/minAvailable").is_some_and(|is| is != value));
    let keys: Vec<Key> = others.map(|budget| Key::of(Kind::Budgets, budget)).collect();
    for key in keys {
        plane.change(&key, now, |budget| set(budget, &["spec", "minAvailable"], json!(value)));
    }
}

/// Whether it was done, or can't be any more.
fn evict(plane: &mut Plane, pod: &str, now: Timestamp) -> bool {
    let found = plane
        .store
        .all(Kind::Pods, None)
        .find(|found| name(found) == pod)
        .cloned();
    let Some(found) = found else { return true };
    let space = text(&found, "/metadata/namespace");
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": space}});
    let request = Request {
        method: "POST".to_owned(),
        path: format!("/api/v1/namespaces/{space}/pods/{pod}/eviction"),
        content_type: "application/json".to_owned(),
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    match answer(plane, &request, now) {
        Reply::Answer(answer) => answer.code != 429,
        Reply::Watch(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, node, plane, pod_of, ready};

    #[test]
    fn faults_are_read_back_from_what_is_written_of_them() {
        let written = "1:crash-before,2:crash-after,3:lost,3:refused=409,4:refused=503,5:slow=4000,6:watches-end,\
                       7:watches-expire,8:node-dies=n1,9:image-gone=db:2,10:zone-full=z1,11:budget-set=4,12:rival=db-1,\
                       13:key-kept=k1";
        let faults: Faults = written.parse().unwrap();
        assert_eq!(faults.to_string(), written);
        assert_eq!(faults.of(3), [Fault::Lost, Fault::Refused(409)]);
        assert_eq!(faults.of(14), []);
        assert!(faults.are_deadly());
        assert!("".parse::<Faults>().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_fault_is_named() {
        for (written, words) in [
            ("lost", "no number"),
            ("x:lost", "`x`"),
            ("1:refused=404", "refused=404"),
            ("1:gone", "`gone`"),
            ("1:slow=soon", "slow=soon"),
        ] {
            let why = written.parse::<Faults>().unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn a_silent_node_takes_its_pods_readiness_along() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        assert!(strike(&mut plane, &Fault::NodeDies("n1".to_owned()), at(1)));
        plane.run_until(at(2));
        let pod = plane.store.get(&Key::new(Kind::Pods, "shop", "db-0")).unwrap();
        assert_eq!(crate::sim::json::condition(pod, "Ready"), "False");
    }

    #[test]
    fn a_full_zone_takes_nobody_more_and_loses_nobody() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        plane.store.load(Kind::Nodes, node("n2", "z2", 64));
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        strike(&mut plane, &Fault::ZoneFull("z1".to_owned()), at(1));
        let pods = |name: &str| {
            let node = plane.store.get(&Key::wide(Kind::Nodes, name)).unwrap();
            text(node, "/status/allocatable/pods").to_owned()
        };
        assert_eq!((pods("n1"), pods("n2")), ("1".to_owned(), "110".to_owned()));
    }

    #[test]
    fn a_rival_takes_what_the_budget_gives_and_asks_again_for_what_it_does_not() {
        let mut plane = plane();
        plane.store.load(Kind::Nodes, node("n1", "z1", 64));
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", "db-0"), true));
        plane.store.load(
            Kind::Budgets,
            json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1},
                "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}}),
        );
        plane.take_note(at(0));
        plane.run_until(at(1));
        let rival = Fault::Rival("db-0".to_owned());
        assert!(!strike(&mut plane, &rival, at(2)));
        strike(&mut plane, &Fault::BudgetSet(0), at(3));
        plane.run_until(at(4));
        assert!(strike(&mut plane, &rival, at(4)));
        let pod = plane.store.get(&Key::new(Kind::Pods, "shop", "db-0")).unwrap();
        assert!(crate::sim::json::is_leaving(pod));
    }
}
