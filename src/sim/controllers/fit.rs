//! Whether a pod may and can run on a node: requests, taints, node affinity, the zone of its disks, cordon.
//!
//! Source: `pkg/scheduler/framework/plugins` (noderesources, tainttoleration, nodeaffinity, nodeunschedulable, volumebinding,
//! interpodaffinity, podtopologyspread).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::model::quantity::Amount;
use crate::sim::amounts::Amounts;
use crate::sim::controllers::claims_of;
use crate::sim::json::{entry, find, flag, is_leaving, list, map, name, namespace, number, text, texts};
use crate::sim::kind::Kind;
use crate::sim::store::{Key, Object, Store};

/// The reasons why a pod isn't placed, in the scheduler's words.
pub(super) type Why = &'static str;

/// What is left of a node's resources, by their names.
pub(super) struct Room<'a>(Vec<(&'a str, Amount)>);

impl<'a> Room<'a> {
    /// That of a node with these pods on it, without those that `but` names.
    pub(super) fn of(allocatable: &'a Amounts, on_it: &[&Object], but: &dyn Fn(&Object) -> bool) -> Room<'a> {
        let mut left = Room(allocatable.iter().collect());
        for pod in on_it.iter().filter(|pod| !but(pod)) {
            for (resource, amount) in pod.glance().requests.iter() {
                if let Some((_, there)) = left.0.iter_mut().find(|(called, _)| *called == resource) {
                    *there = there.minus(amount);
                }
            }
        }
        left
    }

    /// What is left of a resource; nothing of one that the node doesn't have.
    pub(super) fn left(&self, resource: &str) -> Amount {
        let found = self.0.iter().find(|(called, _)| *called == resource);
        found.map(|(_, amount)| *amount).unwrap_or_default()
    }
}

/// Why a pod's requests don't fit into the room; none where they do.
pub(super) fn too_big(wanted: &Amounts, room: &Room<'_>) -> Option<Why> {
    let lacking = wanted.iter().find(|(resource, amount)| *amount > room.left(resource));
    lacking.map(|(resource, _)| match resource {
        "cpu" => "Insufficient cpu",
        "memory" => "Insufficient memory",
        "pods" => "Too many pods",
        "ephemeral-storage" => "Insufficient ephemeral-storage",
        _ => "Insufficient resources",
    })
}

/// Why a pod with these disks may not run on a node, whatever room there is; none where it may.
pub(super) fn unwelcome(pod: &Value, disks: &Disks<'_>, node: &Value) -> Option<Why> {
    if flag(node, "/spec/unschedulable") {
        let cordon = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
        if !tolerates(pod, &cordon) {
            return Some("node(s) were unschedulable");
        }
    }
    if is_kept_off(pod, node) {
        return Some("node(s) had untolerated taint(s)");
    }
    if !affine(pod, node) {
        return Some("node(s) didn't match Pod's node affinity/selector");
    }
    if !disks.reach(node) {
        return Some("node(s) didn't match PersistentVolume's node affinity");
    }
    None
}

/// Whether a node has a taint that forbids it to a pod.
fn is_kept_off(pod: &Value, node: &Value) -> bool {
    let hard = |taint: &&Value| ["NoSchedule", "NoExecute"].contains(&text(taint, "/effect"));
    let taints = list(node, "/spec/taints").iter().filter(hard);
    let mut taints = taints.filter(|taint| text(taint, "/key") != "node.kubernetes.io/unschedulable");
    taints.any(|taint| !tolerates(pod, taint))
}

/// Whether a pod tolerates a taint.
pub(super) fn tolerates(pod: &Value, taint: &Value) -> bool {
    let mut tolerations = list(pod, "/spec/tolerations").iter();
    tolerations.any(|toleration| tolerates_by(toleration, taint))
}

/// Whether one toleration is about a taint.
pub(super) fn tolerates_by(toleration: &Value, taint: &Value) -> bool {
    let (effect, key) = (text(toleration, "/effect"), text(toleration, "/key"));
    (effect.is_empty() || effect == text(taint, "/effect"))
        && match text(toleration, "/operator") {
            "Exists" => key.is_empty() || key == text(taint, "/key"),
            _ => key == text(taint, "/key") && text(toleration, "/value") == text(taint, "/value"),
        }
}

fn affine(pod: &Value, node: &Value) -> bool {
    let selected =
        texts(pod, "/spec/nodeSelector").all(|(key, value)| entry(node, "/metadata/labels", key) == Some(value));
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    selected
        && pod
            .pointer(required)
            .is_none_or(|required| some_term(list(required, "/nodeSelectorTerms"), node))
}

fn some_term(terms: &[Value], node: &Value) -> bool {
    terms.iter().any(|term| {
        let (labels, fields) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
        (!labels.is_empty() || !fields.is_empty())
            && labels
                .iter()
                .all(|wanted| requirement(wanted, entry(node, "/metadata/labels", text(wanted, "/key"))))
            && fields.iter().all(|wanted| requirement(wanted, Some(name(node))))
    })
}

pub(super) fn requirement(wanted: &Value, found: Option<&str>) -> bool {
    let values = || list(wanted, "/values").iter().filter_map(Value::as_str);
    let number = |text: &str| text.parse::<i64>().ok();
    let limit = || values().next().and_then(number);
    match text(wanted, "/operator") {
        "In" => found.is_some_and(|found| values().any(|value| value == found)),
        "NotIn" => found.is_none_or(|found| values().all(|value| value != found)),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => found.and_then(number) > limit() && limit().is_some(),
        "Lt" => found
            .and_then(number)
            .zip(limit())
            .is_some_and(|(found, limit)| found < limit),
        _ => false,
    }
}

/// What the volumes that a pod's claims are bound to require of its node: each one a list of terms.
pub(super) struct Disks<'a>(Vec<&'a [Value]>);

impl<'a> Disks<'a> {
    pub(super) fn of(store: &'a Store, pod: &Value) -> Disks<'a> {
        let required = claims_of(pod).filter_map(|claim| {
            let claim = store.get(&Key::new(Kind::Claims, namespace(pod), claim))?;
            let volume = store.get(&Key::wide(Kind::Volumes, text(claim, "/spec/volumeName")))?;
            let required = find(volume, "/spec/nodeAffinity/required")?;
            Some(list(required, "/nodeSelectorTerms"))
        });
        Disks(required.collect())
    }

    /// Whether all of them can be attached there.
    fn reach(&self, node: &Value) -> bool {
        self.0.iter().all(|terms| some_term(terms, node))
    }
}

/// Why a pod's terms about other pods don't let it on a node; none where they do.
pub(super) fn bad_company(store: &Store, pod: &Value, node: &Value, but: &dyn Fn(&Object) -> bool) -> Option<Why> {
    let domain = |key: &str| entry(node, "/metadata/labels", key);
    let there = |key: &str, selector: &Value, spaces: &dyn Fn(&str) -> bool| {
        let wanted = domain(key);
        store.all(Kind::Pods, None).any(|other| {
            spaces(namespace(other))
                && !but(other)
                && matches(selector, other)
                && wanted.is_some()
                && on(store, other).is_some_and(|other| entry(&other, "/metadata/labels", key) == wanted)
        })
    };
    let required = |kind: &str| {
        let pointer = format!("/spec/affinity/{kind}/requiredDuringSchedulingIgnoredDuringExecution");
        list(pod, &pointer)
    };
    let within = |term: &Value, space: &str| {
        let named = list(term, "/namespaces");
        if named.is_empty() {
            space == namespace(pod)
        } else {
            named.iter().any(|name| name == space)
        }
    };
    for term in required("podAntiAffinity") {
        if there(text(term, "/topologyKey"), &term["labelSelector"], &|space| {
            within(term, space)
        }) {
            return Some("node(s) didn't match pod anti-affinity rules");
        }
    }
    for term in required("podAffinity") {
        // The first of a group that wants its own kind near has nobody to be near.
        let is_first = matches(&term["labelSelector"], pod)
            && !store.all(Kind::Pods, None).any(|other| {
                within(term, namespace(other))
                    && matches(&term["labelSelector"], other)
                    && !text(other, "/spec/nodeName").is_empty()
            });
        if !is_first
            && !there(text(term, "/topologyKey"), &term["labelSelector"], &|space| {
                within(term, space)
            })
        {
            return Some("node(s) didn't match pod affinity rules");
        }
    }
    None
}

/// Whether a pod's terms keep another off its node.
pub(super) fn keeps_apart(pod: &Value, other: &Value) -> bool {
    let terms = list(
        pod,
        "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
    )
    .iter();
    namespace(pod) == namespace(other)
        && terms
            .filter(|term| text(term, "/topologyKey") == "kubernetes.io/hostname")
            .any(|term| matches(&term["labelSelector"], other))
}

fn on(store: &Store, pod: &Value) -> Option<Object> {
    store.get(&Key::wide(Kind::Nodes, text(pod, "/spec/nodeName"))).cloned()
}

/// Whether a selector, which may be missing, picks a pod.
pub(super) fn matches(selector: &Value, pod: &Value) -> bool {
    if selector.is_null() {
        return false;
    }
    let exact = texts(selector, "/matchLabels").all(|(key, value)| entry(pod, "/metadata/labels", key) == Some(value));
    exact
        && list(selector, "/matchExpressions")
            .iter()
            .all(|wanted| requirement(wanted, entry(pod, "/metadata/labels", text(wanted, "/key"))))
}

/// One of a pod's spread constraints that forbid nodes, with how the pods that it is about are spread now.
pub(super) struct Spread<'a> {
    key: &'a str,
    most: i64,
    /// With fewer domains than this, one more counts that is empty.
    domains: usize,
    own: i64,
    counts: BTreeMap<&'a str, i64>,
}

/// A pod that is meant for a node, and isn't bound to it yet.
pub(super) type Meant<'a> = (&'a Value, &'a Value);

/// The constraints of a pod that forbid nodes. A cordoned node counts as a domain unless the constraint says otherwise
/// (`nodeTaintsPolicy` is Ignore where nobody wrote it).
pub(super) fn spreads<'a>(store: &'a Store, pod: &'a Value, meant: &[Meant<'a>]) -> Vec<Spread<'a>> {
    let constraints = list(pod, "/spec/topologySpreadConstraints").iter();
    let hard = constraints.filter(|constraint| text(constraint, "/whenUnsatisfiable") == "DoNotSchedule");
    hard.map(|constraint| {
        let key = text(constraint, "/topologyKey");
        let honours_taints = text(constraint, "/nodeTaintsPolicy") == "Honor";
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        // What is on a node that doesn't count doesn't count either, though its zone may have others.
        let mut counted_nodes: BTreeSet<&str> = BTreeSet::new();
        for node in store.all(Kind::Nodes, None) {
            let Some(domain) = entry(node, "/metadata/labels", key) else {
                continue;
            };
            let counted = text(constraint, "/nodeAffinityPolicy") == "Ignore" || affine(pod, node);
            let barred = honours_taints && (flag(node, "/spec/unschedulable") || is_kept_off(pod, node));
            if counted && !barred {
                counts.entry(domain).or_default();
                counted_nodes.insert(name(node));
            }
        }
        for other in store.all(Kind::Pods, Some(namespace(pod))) {
            if is_leaving(other) || !matches(&constraint["labelSelector"], other) {
                continue;
            }
            let at = store.get(&Key::wide(Kind::Nodes, text(other, "/spec/nodeName")));
            let Some(at) = at.filter(|at| counted_nodes.contains(name(at))) else {
                continue;
            };
            if let Some(count) = entry(at, "/metadata/labels", key).and_then(|domain| counts.get_mut(domain)) {
                *count += 1;
            }
        }
        for (at, other) in meant {
            let counts_here = namespace(other) == namespace(pod) && matches(&constraint["labelSelector"], other);
            if let Some(domain) = entry(at, "/metadata/labels", key).filter(|_| counts_here) {
                *counts.entry(domain).or_default() += 1;
            }
        }
        let most = map(constraint, "").and_then(|fields| fields.get("maxSkew")?.as_i64());
        Spread {
            key,
            most: most.unwrap_or(1),
            domains: number(constraint, "/minDomains")
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or(1),
            own: i64::from(matches(&constraint["labelSelector"], pod)),
            counts,
        }
    })
    .collect()
}

/// Why a pod's spread forbids a node; none where it doesn't.
pub(super) fn unbalanced(spreads: &[Spread<'_>], node: &Value) -> Option<Why> {
    for spread in spreads {
        let Some(here) = entry(node, "/metadata/labels", spread.key) else {
            return Some("node(s) didn't match pod topology spread constraints (missing required label)");
        };
        let least = spread
            .counts
            .values()
            .min()
            .filter(|_| spread.counts.len() >= spread.domains);
        let least = least.copied().unwrap_or(0);
        if spread.counts.get(here).copied().unwrap_or(0) + spread.own - least > spread.most {
            return Some("node(s) didn't match pod topology spread constraints");
        }
    }
    None
}
