//! What the API server says when it doesn't do what it was asked: its `Status`, word for word.
//!
//! Source: `k8s.io/apimachinery/pkg/api/errors/errors.go`.

use serde_json::{Map, Value, json};

use crate::sim::kind::Kind;

/// A refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The HTTP status.
    pub code: u16,
    /// The reason, one word; empty where the server gives none.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// What it is about.
    pub details: Value,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u32>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The kind of mistake: `FieldValueInvalid`, `FieldValueForbidden`, `FieldValueRequired`.
    pub reason: &'static str,
    /// The sentence, without the field.
    pub message: String,
    /// The field's path.
    pub field: String,
}

impl Refused {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Refused {
        Refused {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
            retry_after: None,
        }
    }

    /// The same, about one object.
    #[must_use]
    pub fn about(mut self, kind: Kind, name: &str) -> Refused {
        self.details = details(kind.served().plural, kind.served().group, name);
        self
    }

    /// The object isn't there.
    pub fn not_found(kind: Kind, name: &str) -> Refused {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Refused::new(404, "NotFound", message).about(kind, name)
    }

    /// An object of that name is there.
    pub fn already_exists(kind: Kind, name: &str) -> Refused {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Refused::new(409, "AlreadyExists", message).about(kind, name)
    }

    /// The object isn't what the request takes it for.
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Refused {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
        Refused::new(409, "Conflict", message).about(kind, name)
    }

    /// The object isn't the one that was to be deleted. Of a deletion the server names the kind, not the resource.
    pub fn precondition(kind: Kind, name: &str, why: &str) -> Refused {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            kind.qualified()
        );
        Refused {
            details: details(kind.served().name, kind.served().group, name),
            ..Refused::new(409, "Conflict", message)
        }
    }

    /// The object has been changed since it was read.
    pub fn modified(kind: Kind, name: &str) -> Refused {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Refused::conflict(kind, name, why)
    }

    /// The object can't be so.
    pub fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Refused {
        let words: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let words = match words.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {words}", kind.qualified());
        let mut details = details(kind.served().name, kind.served().group, name);
        details["causes"] = causes
            .iter()
            .map(|cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field}))
            .collect();
        Refused {
            details,
            ..Refused::new(422, "Invalid", message)
        }
    }

    /// An object of another name than the path's.
    pub fn other_name(object: &str, path: &str) -> Refused {
        Refused::bad_request(format!(
            "the name of the object ({object}) does not match the name on the URL ({path})"
        ))
    }

    /// The request isn't understood.
    pub fn bad_request(message: impl Into<String>) -> Refused {
        Refused::new(400, "BadRequest", message)
    }

    /// A patch that can't be applied, a failed `test` among them: the server says no more of it.
    pub fn patch() -> Refused {
        let message = "the server rejected our request due to an error in our request";
        Refused {
            details: json!({}),
            ..Refused::new(422, "Invalid", message)
        }
    }

    /// A kind or a version that isn't served, of a group that is.
    pub fn unknown() -> Refused {
        let message = "the server could not find the requested resource";
        Refused {
            details: json!({}),
            ..Refused::new(404, "NotFound", message)
        }
    }

    /// A version that is no longer kept.
    pub fn expired(message: impl Into<String>) -> Refused {
        Refused::new(410, "Expired", message)
    }

    /// Something that this cluster doesn't serve, though a real one would: whoever asks must not take it for an answer.
    pub fn not_modelled(what: impl std::fmt::Display) -> Refused {
        Refused::new(501, "", format!("the rehearsal cluster doesn't do this: {what}"))
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let mut status = Map::new();
        let mut put = |key: &str, value: Value| status.insert(key.to_owned(), value);
        put("kind", json!("Status"));
        put("apiVersion", json!("v1"));
        put("metadata", json!({}));
        put("status", json!("Failure"));
        put("message", json!(self.message));
        if !self.reason.is_empty() {
            put("reason", json!(self.reason));
        }
        if !self.details.is_null() {
            put("details", self.details.clone());
        }
        put("code", json!(self.code));
        Value::Object(status)
    }
}

fn details(kind: &str, group: &str, name: &str) -> Value {
    let mut details = json!({"kind": kind});
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_the_object_as_the_server_does() {
        let status = Refused::not_found(Kind::StatefulSets, "db").status();
        assert_eq!(
            status,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "statefulsets.apps \"db\" not found", "reason": "NotFound",
                "details": {"name": "db", "group": "apps", "kind": "statefulsets"}, "code": 404})
        );
        let plain = Refused::not_found(Kind::Pods, "db-0").status();
        assert_eq!(plain["details"], json!({"name": "db-0", "kind": "pods"}));
    }

    #[test]
    fn an_invalid_object_lists_its_causes() {
        let cause = |field: &str| Cause {
            reason: "FieldValueForbidden",
            message: "Forbidden: no".to_owned(),
            field: field.to_owned(),
        };
        let one = Refused::invalid(Kind::StatefulSets, "db", &[cause("spec")]);
        assert_eq!(one.message, "StatefulSet.apps \"db\" is invalid: spec: Forbidden: no");
        assert_eq!(one.details["causes"][0]["field"], "spec");
        let two = Refused::invalid(Kind::Pods, "db-0", &[cause("a"), cause("b")]);
        assert_eq!(
            two.message,
            "Pod \"db-0\" is invalid: [a: Forbidden: no, b: Forbidden: no]"
        );
    }
}
