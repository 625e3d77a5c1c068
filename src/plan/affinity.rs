//! Which nodes a pod spec admits by label and by taint, as the scheduler reads it.
//!
//! Sources: k8s.io/component-helpers/scheduling/corev1/nodeaffinity (MatchNodeSelectorTerms) and
//! k8s.io/api/core/v1/toleration.go (ToleratesTaint). Preferences aren't looked at: they forbid nothing.

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration};

use crate::model::node;

/// What the spec's node selector and required node affinity demand and the node doesn't have, a clause each; nothing where
/// the node will do.
pub fn unmet(spec: &PodSpec, place: &Node) -> Vec<String> {
    let mut missing: Vec<String> = spec
        .node_selector
        .iter()
        .flatten()
        .filter(|(key, value)| node::label(place, key) != Some(value))
        .map(|(key, value)| format!("{key}={value}{}", has(place, key)))
        .collect();
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    if let Some(required) = required
        && !required.node_selector_terms.iter().any(|term| picks(term, place))
    {
        // Any one term would do: the first says what was meant.
        let first = required.node_selector_terms.first();
        let expressions = first
            .and_then(|term| term.match_expressions.as_ref())
            .into_iter()
            .flatten();
        let failed = expressions.filter(|expression| !satisfies(expression, node::label(place, &expression.key)));
        let before = missing.len();
        missing.extend(failed.map(|expression| {
            let values = expression.values.as_deref().unwrap_or_default().join(", ");
            let wanted = match values.as_str() {
                "" => format!("{} {}", expression.key, expression.operator),
                values => format!("{} {} ({values})", expression.key, expression.operator),
            };
            format!("{wanted}{}", has(place, &expression.key))
        }));
        if missing.len() == before {
            missing.push("the required node affinity".to_owned());
        }
    }
    missing
}

fn has(place: &Node, key: &str) -> String {
    node::label(place, key).map_or_else(String::new, |value| format!(" (it has {value})"))
}

/// Whether a term picks a node: by all of its requirements; a term without any picks none.
pub fn picks(term: &NodeSelectorTerm, place: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let by_name = |field: &NodeSelectorRequirement| {
        field.key == "metadata.name" && satisfies(field, place.metadata.name.as_deref())
    };
    expressions.len() + fields.len() > 0
        && expressions
            .iter()
            .all(|expression| satisfies(expression, node::label(place, &expression.key)))
        && fields.iter().all(by_name)
}

/// Whether a label's value satisfies one requirement: `NotIn` holds where the label is missing, `Gt` and `Lt` compare whole
/// numbers.
pub fn satisfies(expression: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = expression.values.as_deref().unwrap_or_default();
    let listed = |value: &str| values.iter().any(|wanted| wanted == value);
    let compared = || -> Option<std::cmp::Ordering> {
        let [bound] = values else { return None };
        let (value, bound) = (value?.parse::<i64>().ok()?, bound.parse::<i64>().ok()?);
        Some(value.cmp(&bound))
    };
    match expression.operator.as_str() {
        "In" => value.is_some_and(listed),
        "NotIn" => !value.is_some_and(listed),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared().is_some_and(std::cmp::Ordering::is_gt),
        "Lt" => compared().is_some_and(std::cmp::Ordering::is_lt),
        _ => false,
    }
}

/// Those of the taints that keep the pod away or drive it out, and that it doesn't tolerate.
pub fn untolerated<'a>(spec: &PodSpec, taints: impl IntoIterator<Item = &'a Taint>) -> impl Iterator<Item = &'a Taint> {
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    taints
        .into_iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .filter(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))
}

/// Whether a toleration covers a taint: no effect means every effect, `Exists` without a key every taint; `Gt` and `Lt`
/// (alpha in 1.35) compare whole numbers.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    let value = toleration.value.as_deref().unwrap_or_default();
    let numbers = || Some((taint.value.as_deref()?.parse::<i64>().ok()?, value.parse::<i64>().ok()?));
    match toleration.operator.as_deref().unwrap_or_default() {
        "Exists" => true,
        "" | "Equal" => !key.is_empty() && value == taint.value.as_deref().unwrap_or_default(),
        "Gt" => numbers().is_some_and(|(theirs, ours)| theirs > ours),
        "Lt" => numbers().is_some_and(|(theirs, ours)| theirs < ours),
        _ => false,
    }
}

/// A taint as `kubectl taint` writes it.
pub fn taint_words(taint: &Taint) -> String {
    match taint.value.as_deref().filter(|value| !value.is_empty()) {
        Some(value) => format!("{}={value}:{}", taint.key, taint.effect),
        None => format!("{}:{}", taint.key, taint.effect),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn place() -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n", "labels": {"pool": "a", "cores": "16"}},
            "spec": {"taints": [
                {"key": "shop", "value": "reserved", "effect": "NoSchedule"}, {"key": "soft", "effect": "PreferNoSchedule"},
            ]},
        }))
        .unwrap()
    }

    fn requiring(terms: Value) -> PodSpec {
        serde_json::from_value(json!({"containers": [], "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        }}}))
        .unwrap()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
    }

    #[test]
    fn any_term_will_do_and_an_empty_one_never_does() {
        let met = |terms: Value| unmet(&requiring(terms), &place()).is_empty();
        assert!(met(json!([
            expression("pool", "In", &["b"]),
            expression("pool", "In", &["a", "c"])
        ])));
        assert!(met(json!([expression("cores", "Gt", &["8"])])));
        assert!(!met(json!([expression("cores", "Lt", &["16"])])));
        assert!(!met(json!([expression("pool", "Gt", &["1"])])));
        assert!(met(json!([expression("zone", "DoesNotExist", &[])])));
        assert!(met(json!([expression("zone", "NotIn", &["x"])])));
        assert!(met(
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}])
        ));
        assert!(!met(json!([{}])));
        assert_eq!(
            unmet(&requiring(json!([expression("pool", "In", &["b", "c"])])), &place()),
            ["pool In (b, c) (it has a)"]
        );
        let selecting: PodSpec =
            serde_json::from_value(json!({"containers": [], "nodeSelector": {"pool": "a", "zone": "1"}})).unwrap();
        assert_eq!(unmet(&selecting, &place()), ["zone=1"]);
    }

    #[test]
    fn a_toleration_covers_as_the_scheduler_says() {
        let left = |toleration: Value| {
            let spec: PodSpec = serde_json::from_value(json!({"containers": [], "tolerations": [toleration]})).unwrap();
            untolerated(&spec, node::taints(&place()))
                .map(taint_words)
                .collect::<Vec<_>>()
        };
        assert_eq!(left(json!({"key": "shop", "value": "reserved"})), [""; 0]);
        assert_eq!(left(json!({"operator": "Exists"})), [""; 0]);
        assert_eq!(
            left(json!({"key": "shop", "operator": "Exists", "effect": "NoSchedule"})),
            [""; 0]
        );
        for toleration in [
            json!({"key": "shop", "value": "other"}),
            json!({"key": "shop", "operator": "Exists", "effect": "NoExecute"}),
            json!({"key": "other", "operator": "Exists"}),
        ] {
            assert_eq!(left(toleration), ["shop=reserved:NoSchedule"]);
        }
    }
}
