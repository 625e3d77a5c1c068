//! What a StatefulSet says of its shards: their names, ordinals, selector, claims.

use std::collections::BTreeMap;
use std::ops::Range;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The number of a shard.
pub type Ordinal = i32;

/// The most shards that a set is taken to have: more than anybody runs as one set, where the largest clusters that Kubernetes
/// supports have 5,000 nodes. What says more is a mistake, and nothing is listed by it.
pub const MOST_SHARDS: i32 = 10_000;

/// The set's name.
pub fn name(set: &StatefulSet) -> &str {
    set.metadata.name.as_deref().unwrap_or_default()
}

/// The set's uid.
pub fn uid(set: &StatefulSet) -> &str {
    set.metadata.uid.as_deref().unwrap_or_default()
}

/// The set's spec, where it has one (every set of a server has).
pub fn spec(set: &StatefulSet) -> Option<&StatefulSetSpec> {
    set.spec.as_ref()
}

/// The pod template.
pub fn template(set: &StatefulSet) -> Option<&PodTemplateSpec> {
    set.spec.as_ref().map(|spec| &spec.template)
}

/// The template's pod spec.
pub fn pod_spec(set: &StatefulSet) -> Option<&PodSpec> {
    template(set)?.spec.as_ref()
}

/// `spec.replicas`, 1 where it isn't written.
pub fn replicas(set: &StatefulSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// The first ordinal (KEP-3335, `spec.ordinals.start`).
pub fn first_ordinal(set: &StatefulSet) -> Ordinal {
    set.spec
        .as_ref()
        .and_then(|spec| spec.ordinals.as_ref())
        .and_then(|ordinals| ordinals.start)
        .unwrap_or(0)
}

/// The ordinals that `count` shards have.
pub fn ordinals(set: &StatefulSet, count: i32) -> Range<Ordinal> {
    let first = first_ordinal(set);
    first..first.saturating_add(count)
}

/// The name of the pod with `ordinal`.
pub fn pod_name(set: &StatefulSet, ordinal: Ordinal) -> String {
    format!("{}-{ordinal}", name(set))
}

/// The ordinal in a pod's name, if it is a name that this set gives.
pub fn ordinal_of(set: &StatefulSet, pod: &str) -> Option<Ordinal> {
    pod.strip_prefix(name(set))?
        .strip_prefix('-')
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

/// The names of the claim templates.
pub fn claim_templates(set: &StatefulSet) -> impl Iterator<Item = &str> {
    let templates = set
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_claim_templates.as_deref());
    templates
        .unwrap_or_default()
        .iter()
        .filter_map(|claim| claim.metadata.name.as_deref())
}

/// The name of the claim that `template` makes for `ordinal`.
pub fn claim_name(set: &StatefulSet, template: &str, ordinal: Ordinal) -> String {
    format!("{template}-{}-{ordinal}", name(set))
}

/// The ordinal in a claim's name, if it is a name that the set's claim templates give.
pub fn claimed_ordinal(set: &StatefulSet, claim: &str) -> Option<Ordinal> {
    claim_templates(set).find_map(|template| ordinal_of(set, claim.strip_prefix(template)?.strip_prefix('-')?))
}

/// Whether a label selector picks an object with these labels. A selector without terms picks everything.
///
/// The rules of `k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go`, LabelSelectorAsSelector; an operator that they don't know
/// picks nothing.
pub fn selects(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> bool {
    selects_by(selector, |key| labels?.get(key).map(String::as_str))
}

/// As [`selects`], of whatever tells a label's value.
pub fn selects_by<'a>(selector: &LabelSelector, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    let exact = selector.match_labels.iter().flatten();
    let terms = selector.match_expressions.iter().flatten();
    exact.into_iter().all(|(key, wanted)| value(key) == Some(wanted))
        && terms.into_iter().all(|term| {
            let listed = |found: &str| term.values.iter().flatten().any(|wanted| wanted == found);
            match term.operator.as_str() {
                "In" => value(&term.key).is_some_and(listed),
                "NotIn" => !value(&term.key).is_some_and(listed),
                "Exists" => value(&term.key).is_some(),
                "DoesNotExist" => value(&term.key).is_none(),
                _ => false,
            }
        })
}

/// A label selector as the API server takes it in `labelSelector=`.
pub fn selector_query(selector: &LabelSelector) -> String {
    let mut terms: Vec<String> = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for term in selector.match_expressions.iter().flatten() {
        let values = term.values.as_deref().unwrap_or_default().join(",");
        terms.push(match term.operator.as_str() {
            "In" => format!("{} in ({values})", term.key),
            "NotIn" => format!("{} notin ({values})", term.key),
            "DoesNotExist" => format!("!{}", term.key),
            _ => term.key.clone(),
        });
    }
    terms.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selector(value: serde_json::Value) -> LabelSelector {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_selector_picks_as_the_api_server_does() {
        let labels = BTreeMap::from([("app".to_owned(), "db".to_owned())]);
        let picks = |value| selects(&selector(value), Some(&labels));
        assert!(picks(json!({"matchLabels": {"app": "db"}})));
        assert!(!picks(json!({"matchLabels": {"app": "web"}})));
        assert!(picks(
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "x"]}]})
        ));
        assert!(picks(
            json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]})
        ));
        assert!(!picks(
            json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})
        ));
        assert!(picks(json!({})));
    }

    #[test]
    fn only_names_that_the_set_gives_have_an_ordinal() {
        let set: StatefulSet = serde_json::from_value(json!({"metadata": {"name": "db"}})).unwrap();
        assert_eq!(ordinal_of(&set, "db-12"), Some(12));
        assert_eq!(ordinal_of(&set, "db-x"), None);
        assert_eq!(ordinal_of(&set, "db-"), None);
        assert_eq!(ordinal_of(&set, "dbx-1"), None);
    }
}
