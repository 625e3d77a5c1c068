//! Karpenter's NodePools and NodeClaims, read alike whether served as `karpenter.sh/v1` or, older, as `v1beta1`.
//!
//! Field names: `pkg/apis/v1/{nodepool,nodeclaim}.go` of sigs.k8s.io/karpenter 1.14 and the same files under
//! `pkg/apis/v1beta1` of 0.37. Expiry moved from `spec.disruption` to `spec.template.spec` between them, and NodeClaims hold
//! copies of it since v1 only.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::quantity::Amount;
use super::span::{Span, go_duration};

/// The group that Karpenter's own objects are served under.
pub const GROUP: &str = "karpenter.sh";
/// When a NodeClaim that is being deleted stops waiting for its pods; an annotation, an RFC 3339 time.
pub const TERMINATION: &str = "karpenter.sh/nodeclaim-termination-timestamp";
/// The taint of a node that Karpenter is taking away.
pub const DISRUPTED_TAINT: &str = "karpenter.sh/disrupted";
/// What expiry is where nothing is written (the CRD's default).
pub const DEFAULT_EXPIRY: SignedDuration = SignedDuration::from_hours(720);

/// Whether `karpenter.sh/do-not-disrupt: VALUE` holds now for something that started at `started`: `"true"`, or since Karpenter
/// 1.14 a duration from the pod's start. Anything else counts as not there.
///
/// Source: `IsDoNotDisruptActive` in `pkg/utils/pod/scheduling.go`.
pub fn do_not_disrupt_holds(value: &str, started: Option<Timestamp>, now: Timestamp) -> bool {
    if value == "true" {
        return true;
    }
    let Some(length) = go_duration(value).filter(|length| length.is_positive()) else {
        return false;
    };
    started.is_none_or(|started| now.duration_since(started) < length)
}

/// Which reasons a disruption budget speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nothing but DaemonSet pods on the node.
    Empty,
    /// Its pods fit elsewhere, or on a cheaper node.
    Underutilized,
    /// The node isn't what its pool now asks for.
    Drifted,
}

impl Reason {
    /// The word in `spec.disruption.budgets[].reasons`.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Empty => "Empty",
            Reason::Underutilized => "Underutilized",
            Reason::Drifted => "Drifted",
        }
    }
}

/// One of a pool's disruption budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many nodes may go at once: a number or a percentage.
    pub nodes: String,
    /// The cron expression (UTC) of its beginnings; none where it always holds.
    pub schedule: Option<String>,
    /// For how long it holds after each of them.
    pub duration: Option<String>,
    /// The reasons that it speaks of; empty for all.
    pub reasons: Vec<String>,
}

impl Budget {
    /// Whether it lets no node go, now and always, for this reason.
    pub fn always_forbids(&self, reason: Reason) -> bool {
        self.forbids(reason) && self.schedule.is_none() && self.duration.is_none()
    }

    /// Whether it lets no node go for this reason while it holds.
    pub fn forbids(&self, reason: Reason) -> bool {
        matches!(self.nodes.trim_end_matches('%'), "0" | "00")
            && (self.reasons.is_empty() || self.reasons.iter().any(|word| word == reason.word()))
    }
}

/// A condition in Karpenter's status (the form of `metav1.Condition`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// A word.
    pub reason: &'a str,
    /// A sentence.
    pub message: &'a str,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Condition<'_> {
    /// Whether it holds.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

/// A condition of any object that keeps them under `status.conditions`.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    let found = object
        .pointer("/status/conditions")?
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)?;
    let word = |key: &str| found[key].as_str().unwrap_or_default();
    Some(Condition {
        status: word("status"),
        reason: word("reason"),
        message: word("message"),
        since: time(found.get("lastTransitionTime")),
    })
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_beta(object: &Value) -> bool {
    text(object, "/apiVersion").ends_with("/v1beta1")
}

fn strings(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn amounts(value: Option<&Value>) -> BTreeMap<String, Amount> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| {
            let amount = match value {
                Value::String(written) => Amount::parse(written).ok(),
                Value::Number(number) => Amount::parse(&number.to_string()).ok(),
                _ => None,
            };
            Some((key.clone(), amount?))
        })
        .collect()
}

/// The node class that a pool or claim refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRef<'a> {
    /// Its kind, for example `AKSNodeClass`; empty where v1beta1 leaves it out.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A NodePool.
#[derive(Clone, Copy, Debug)]
pub struct NodePool<'a>(pub &'a Value);

impl<'a> NodePool<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        text(self.0, "/metadata/name")
    }

    /// Whether it is served as `v1beta1`.
    pub fn is_beta(self) -> bool {
        is_beta(self.0)
    }

    /// Whether it is being deleted; its NodeClaims, which it owns, go with it.
    pub fn is_terminating(self) -> bool {
        self.0.pointer("/metadata/deletionTimestamp").is_some()
    }

    /// Its annotations.
    pub fn annotations(self) -> BTreeMap<String, String> {
        strings(self.0.pointer("/metadata/annotations"))
    }

    /// Whether it keeps a fixed number of nodes (`spec.replicas`), which consolidation leaves alone.
    pub fn is_static(self) -> bool {
        self.0.pointer("/spec/replicas").is_some()
    }

    /// The consolidation policy; the API's default where it isn't written.
    pub fn policy(self) -> &'a str {
        match text(self.0, "/spec/disruption/consolidationPolicy") {
            "" if self.is_beta() => "WhenUnderutilized",
            "" => "WhenEmptyOrUnderutilized",
            written => written,
        }
    }

    /// How long a node must have been quiet before consolidation looks at it: at once where nothing is written.
    ///
    /// # Errors
    /// The words that aren't a duration.
    pub fn consolidate_after(self) -> Result<Span, String> {
        let at_once = Span::After(SignedDuration::ZERO);
        Span::read(self.0.pointer("/spec/disruption/consolidateAfter"), at_once)
    }

    /// How old its nodes may grow.
    ///
    /// # Errors
    /// The words that aren't a duration.
    pub fn expire_after(self) -> Result<Span, String> {
        let place = if self.is_beta() {
            "/spec/disruption/expireAfter"
        } else {
            "/spec/template/spec/expireAfter"
        };
        Span::read(self.0.pointer(place), Span::After(DEFAULT_EXPIRY))
    }

    /// After how long a node that goes kills what is still on it; none where it waits.
    pub fn termination_grace(self) -> Option<&'a str> {
        self.0.pointer("/spec/template/spec/terminationGracePeriod")?.as_str()
    }

    /// The disruption budgets; the API's default, one of 10 %, where none are written.
    pub fn budgets(self) -> Vec<Budget> {
        let Some(written) = self.0.pointer("/spec/disruption/budgets").and_then(Value::as_array) else {
            return vec![Budget {
                nodes: "10%".to_owned(),
                schedule: None,
                duration: None,
                reasons: Vec::new(),
            }];
        };
        let word = |budget: &Value, key: &str| budget[key].as_str().map(str::to_owned);
        let reasons = |budget: &Value| {
            let listed = budget["reasons"].as_array().into_iter().flatten();
            listed.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        written
            .iter()
            .map(|budget| Budget {
                nodes: word(budget, "nodes").unwrap_or_else(|| "10%".to_owned()),
                schedule: word(budget, "schedule"),
                duration: word(budget, "duration"),
                reasons: reasons(budget),
            })
            .collect()
    }

    /// Whether one of its budgets lets no node go, now and always, for this reason.
    pub fn always_forbids(self, reason: Reason) -> bool {
        self.budgets().iter().any(|budget| budget.always_forbids(reason))
    }

    /// The most that its nodes may have together, by resource (`nodes` among them).
    pub fn limits(self) -> BTreeMap<String, Amount> {
        amounts(self.0.pointer("/spec/limits"))
    }

    /// What its nodes have together, by resource.
    pub fn used(self) -> BTreeMap<String, Amount> {
        amounts(self.0.pointer("/status/resources"))
    }

    /// The node class that it makes nodes by.
    pub fn class(self) -> Option<ClassRef<'a>> {
        class(self.0, "/spec/template/spec/nodeClassRef")
    }

    /// The labels that its nodes get.
    pub fn labels(self) -> BTreeMap<String, String> {
        strings(self.0.pointer("/spec/template/metadata/labels"))
    }

    /// Its requirements: key, operator, values.
    pub fn requirements(self) -> Vec<(&'a str, &'a str, Vec<&'a str>)> {
        let listed = self.0.pointer("/spec/template/spec/requirements");
        let listed = listed.and_then(Value::as_array).into_iter().flatten();
        listed
            .map(|term| {
                let values = term["values"].as_array().into_iter().flatten();
                (
                    text(term, "/key"),
                    text(term, "/operator"),
                    values.filter_map(Value::as_str).collect(),
                )
            })
            .collect()
    }

    /// One of its conditions.
    pub fn condition(self, kind: &str) -> Option<Condition<'a>> {
        condition(self.0, kind)
    }
}

/// A NodeClaim: one machine that Karpenter made or is making.
#[derive(Clone, Copy, Debug)]
pub struct NodeClaim<'a>(pub &'a Value);

impl<'a> NodeClaim<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        text(self.0, "/metadata/name")
    }

    /// Whether it is served as `v1beta1`, where claims hold no expiry of their own.
    pub fn is_beta(self) -> bool {
        is_beta(self.0)
    }

    /// Its uid.
    pub fn uid(self) -> &'a str {
        self.0["metadata"]["uid"].as_str().unwrap_or_default()
    }

    /// The pool that it was made for.
    pub fn pool(self) -> Option<&'a str> {
        self.0
            .pointer("/metadata/labels")?
            .get(super::node::NODE_POOL)?
            .as_str()
    }

    /// The node that it became; none until it registered.
    pub fn node(self) -> Option<&'a str> {
        Some(text(self.0, "/status/nodeName")).filter(|name| !name.is_empty())
    }

    /// Its annotations.
    pub fn annotations(self) -> BTreeMap<String, String> {
        strings(self.0.pointer("/metadata/annotations"))
    }

    /// When it was made.
    pub fn created(self) -> Option<Timestamp> {
        time(self.0.pointer("/metadata/creationTimestamp"))
    }

    /// Since when it is being deleted.
    pub fn deleted(self) -> Option<Timestamp> {
        time(self.0.pointer("/metadata/deletionTimestamp"))
    }

    /// When, being deleted, it stops waiting for its pods and kills them; none where it waits for ever.
    pub fn kills_at(self) -> Option<Timestamp> {
        self.0
            .pointer("/metadata/annotations")?
            .get(TERMINATION)?
            .as_str()?
            .parse()
            .ok()
    }

    /// How old it may grow: its own copy; none under v1beta1, where the pool's word counts.
    ///
    /// # Errors
    /// The words that aren't a duration.
    pub fn expire_after(self) -> Option<Result<Span, String>> {
        (!self.is_beta()).then(|| Span::read(self.0.pointer("/spec/expireAfter"), Span::After(DEFAULT_EXPIRY)))
    }

    /// After how long, being deleted, it kills what is still on it: its own copy.
    pub fn termination_grace(self) -> Option<&'a str> {
        self.0.pointer("/spec/terminationGracePeriod")?.as_str()
    }

    /// One of its conditions.
    pub fn condition(self, kind: &str) -> Option<Condition<'a>> {
        condition(self.0, kind)
    }

    /// Whether one of its conditions holds.
    pub fn is(self, kind: &str) -> bool {
        self.condition(kind).is_some_and(|condition| condition.is_true())
    }
}

fn class<'a>(object: &'a Value, pointer: &str) -> Option<ClassRef<'a>> {
    let found = object.pointer(pointer)?;
    Some(ClassRef {
        kind: text(found, "/kind"),
        name: text(found, "/name"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn do_not_disrupt_holds_for_true_and_for_a_while() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later = start + SignedDuration::from_mins(90);
        assert!(do_not_disrupt_holds("true", Some(start), later));
        assert!(do_not_disrupt_holds("2h", Some(start), later));
        assert!(!do_not_disrupt_holds("1h", Some(start), later));
        assert!(do_not_disrupt_holds("1h", None, later));
        assert!(!do_not_disrupt_holds("false", Some(start), later));
        assert!(!do_not_disrupt_holds("-1h", None, later));
    }

    #[test]
    fn both_versions_of_a_pool_say_the_same() {
        let v1 = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "p"}, "spec": {
            "template": {"spec": {"expireAfter": "Never", "terminationGracePeriod": "1h",
                "nodeClassRef": {"group": "g", "kind": "K", "name": "c"}}},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m"},
            "limits": {"cpu": 16, "memory": "64Gi"}}});
        let pool = NodePool(&v1);
        assert_eq!(pool.expire_after(), Ok(Span::Never));
        assert_eq!(pool.termination_grace(), Some("1h"));
        assert_eq!(pool.policy(), "WhenEmpty");
        assert_eq!(pool.consolidate_after(), Ok(Span::After(SignedDuration::from_mins(10))));
        assert_eq!(pool.class().unwrap().kind, "K");
        assert_eq!(pool.limits()["cpu"], Amount::units(16));
        assert!(!pool.always_forbids(Reason::Drifted));

        let beta = json!({"apiVersion": "karpenter.sh/v1beta1", "kind": "NodePool", "metadata": {"name": "p"}, "spec": {
            "template": {"spec": {"nodeClassRef": {"name": "c"}}}, "disruption": {"expireAfter": "24h"}}});
        let pool = NodePool(&beta);
        assert_eq!(pool.expire_after(), Ok(Span::After(SignedDuration::from_hours(24))));
        assert_eq!(pool.policy(), "WhenUnderutilized");
        let silent = json!({"apiVersion": "karpenter.sh/v1", "spec": {}});
        assert_eq!(NodePool(&silent).expire_after(), Ok(Span::After(DEFAULT_EXPIRY)));
        assert_eq!(NodePool(&silent).policy(), "WhenEmptyOrUnderutilized");
    }

    #[test]
    fn a_budget_forbids_by_reason_and_only_an_unscheduled_one_always() {
        let value = json!({"spec": {"disruption": {"budgets": [
            {"nodes": "0", "reasons": ["Drifted", "Underutilized"]},
            {"nodes": "0%", "schedule": "0 9 * * *", "duration": "8h"},
            {"nodes": "10%"}]}}});
        let pool = NodePool(&value);
        assert!(pool.always_forbids(Reason::Drifted));
        assert!(!pool.always_forbids(Reason::Empty));
        assert!(pool.budgets()[1].forbids(Reason::Empty));
        assert!(!pool.budgets()[2].forbids(Reason::Empty));
        let none = json!({"spec": {"disruption": {"budgets": []}}});
        assert!(NodePool(&none).budgets().is_empty());
    }
}
