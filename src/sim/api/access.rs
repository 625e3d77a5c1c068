//! Who asks, and what he may not do.

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use serde_json::{Value, json};

use super::answer::Answer;
use super::route::At;
use super::{Request, objects};
use crate::model::right::Rule;
use crate::sim::json::{remove, text};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::refused::{Cause, Refused};
use crate::sim::strict;

/// The user, and the rules that he lacks; everything else is his.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// How the server names him.
    pub user: String,
    /// What he may not do.
    pub denied: Vec<Rule>,
}

impl Access {
    fn allows(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>, name: Option<&str>) -> bool {
        !self.denied.iter().any(|rule| {
            rule.verb == verb
                && rule.group == group
                && rule.resource == resource
                && rule.namespace.as_deref() == namespace
                && rule.name.as_deref().is_none_or(|of| Some(of) == name)
        })
    }
}

/// Refuses what the user may not do.
///
/// # Errors
/// 403, in the server's words.
pub(super) fn check(access: &Access, request: &Request, at: &At) -> Result<(), Refused> {
    let watching = ["true", "1"].contains(&at.parameter("watch"));
    let verb = match (request.method.as_str(), at.name.is_some()) {
        ("GET", true) => "get",
        ("GET", false) if watching => "watch",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        _ => "deletecollection",
    };
    let served = at.kind.served();
    let resource = match &at.subresource {
        Some(subresource) => format!("{}/{subresource}", served.plural),
        None => served.plural.to_owned(),
    };
    let (namespace, name) = (at.namespace.as_deref(), at.name.as_deref());
    if access.allows(verb, served.group, &resource, namespace, name) {
        return Ok(());
    }
    let object = match name {
        Some(name) => format!("{} \"{name}\"", at.kind.resource()),
        None => at.kind.resource(),
    };
    // A namespace is in itself.
    let space = if at.kind == Kind::Namespaces { name } else { namespace };
    let place = match space {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{object} is forbidden: User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
        access.user, served.group
    );
    Err(Refused::new(403, "Forbidden", message).about(at.kind, name.unwrap_or_default()))
}

/// Answers "may I?".
///
/// # Errors
/// 400 for what is no review.
pub(super) fn review(plane: &Plane, request: &Request) -> Result<Answer, Refused> {
    let mut review: Value = objects::json(request)?;
    strict::check_as::<SelfSubjectAccessReview>("SelfSubjectAccessReview", &review)?;
    if let Some(asked) = review
        .pointer_mut("/spec/resourceAttributes")
        .and_then(Value::as_object_mut)
    {
        asked.retain(|_, value| value != "");
    } else {
        let cause = Cause {
            reason: "FieldValueInvalid",
            message:
                "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
                    .to_owned(),
            field: "spec.resourceAttributes".to_owned(),
        };
        // This one kind the server forgets to name.
        let mut refused = Refused::invalid(Kind::Leases, "", &[cause]);
        refused.message = refused
            .message
            .replacen("Lease.coordination.k8s.io", ".authorization.k8s.io", 1);
        refused.details["group"] = json!("authorization.k8s.io");
        remove(&mut refused.details, &["kind"]);
        return Err(refused);
    }
    let asked = &review["spec"]["resourceAttributes"];
    let optional = |key: &str| Some(text(asked, key)).filter(|text| !text.is_empty());
    let resource = match optional("/subresource") {
        Some(subresource) => format!("{}/{subresource}", text(asked, "/resource")),
        None => text(asked, "/resource").to_owned(),
    };
    let allowed = plane.access.allows(
        text(asked, "/verb"),
        text(asked, "/group"),
        &resource,
        optional("/namespace"),
        optional("/name"),
    );
    review["status"] = json!({"allowed": allowed});
    Ok(Answer::json(201, &review))
}
