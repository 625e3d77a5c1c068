//! Which objects a list or a watch is about: label and field selectors.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use crate::model::selector;
use crate::model::set::selects_by;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::Object;

/// A label and a field selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    labels: Option<LabelSelector>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    pointer: String,
    value: String,
    equal: bool,
}

/// The fields besides name and namespace that a server selects by.
///
/// Source: `pkg/apis/core/v1/conversion.go` and each kind's `strategy.go`.
const FIELDS: &[(Kind, &[&str])] = &[
    (
        Kind::Pods,
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
    ),
    (Kind::Nodes, &["spec.unschedulable"]),
    (Kind::Namespaces, &["status.phase"]),
    (Kind::Secrets, &["type"]),
    (
        Kind::Events,
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
];

impl Selection {
    /// Reads the two selectors of a query.
    ///
    /// # Errors
    /// 400 where one isn't understood, or names a field that the server doesn't select by.
    pub fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Selection, Refused> {
        let labels = if labels.is_empty() {
            None
        } else {
            let read = selector::parse(labels);
            Some(read.map_err(|why| Refused::bad_request(format!("unable to parse requirement: {why}")))?)
        };
        let terms = fields.split(',').filter(|term| !term.is_empty());
        let fields = terms.map(|term| Term::parse(kind, term)).collect::<Result<_, _>>()?;
        Ok(Selection { labels, fields })
    }

    /// Whether everything is selected.
    pub fn is_everything(&self) -> bool {
        self.labels.is_none() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn selects(&self, object: &Object) -> bool {
        let labels = (self.labels.as_ref()).is_none_or(|wanted| selects_by(wanted, |key| object.glance().label(key)));
        labels
            && self
                .fields
                .iter()
                .all(|term| object.in_passing(|object| term.holds(object)))
    }
}

impl Term {
    fn parse(kind: Kind, term: &str) -> Result<Term, Refused> {
        let parted = term
            .split_once("!=")
            .map(|(field, value)| (field, value, false))
            .or_else(|| term.split_once("==").map(|(field, value)| (field, value, true)))
            .or_else(|| term.split_once('=').map(|(field, value)| (field, value, true)));
        let Some((field, value, equal)) = parted else {
            let words = format!("invalid field selector: invalid selector: '{term}'; can't understand '{term}'");
            return Err(Refused::bad_request(words));
        };
        let known = FIELDS.iter().find(|(of, _)| *of == kind).map(|(_, fields)| *fields);
        let known = field == "metadata.name"
            || (field == "metadata.namespace" && kind.served().namespaced)
            || known.is_some_and(|fields| fields.contains(&field));
        if !known {
            let words = format!("field label not supported: {field}");
            return Err(Refused::bad_request(words));
        }
        Ok(Term {
            pointer: format!("/{}", field.replace('.', "/")),
            value: value.to_owned(),
            equal,
        })
    }

    fn holds(&self, object: &Value) -> bool {
        let found = match object.pointer(&self.pointer) {
            Some(Value::String(found)) => found == &self.value,
            Some(Value::Bool(found)) => found.to_string() == self.value,
            // What isn't written counts as its zero: `spec.unschedulable=false` finds nodes that nobody cordoned.
            _ => self.value.is_empty() || self.value == "false",
        };
        found == self.equal
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_terms_of_both_selectors_have_to_hold() {
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "db", "tier": "x"}},
            "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
        for (labels, fields, expected) in [
            ("", "", true),
            ("app=db", "", true),
            ("app=db,tier in (x, y),!z", "spec.nodeName=n1", true),
            ("app!=db", "", false),
            ("app", "status.phase!=Succeeded,status.phase!=Failed", true),
            ("app", "status.phase!=Running", false),
            ("", "spec.nodeName=", false),
            ("", "metadata.name==a", true),
        ] {
            let selection = Selection::parse(Kind::Pods, labels, fields).unwrap();
            assert_eq!(selection.selects(&pod.clone().into()), expected, "{labels} {fields}");
        }
    }

    #[test]
    fn a_node_that_nobody_cordoned_is_not_unschedulable() {
        let open = Selection::parse(Kind::Nodes, "", "spec.unschedulable=false").unwrap();
        assert!(open.selects(&json!({"spec": {}}).into()));
        assert!(!open.selects(&json!({"spec": {"unschedulable": true}}).into()));
    }

    #[test]
    fn fields_that_no_server_selects_by_are_refused() {
        let refused = Selection::parse(Kind::Pods, "", "spec.hostname=a").unwrap_err();
        assert_eq!(
            (refused.code, refused.message.as_str()),
            (400, "field label not supported: spec.hostname")
        );
        assert!(Selection::parse(Kind::Nodes, "", "metadata.namespace=a").is_err());
        assert!(Selection::parse(Kind::Pods, "a=b=c,", "").is_err());
    }
}
