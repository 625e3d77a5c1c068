//! Server-side apply, as a request.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, applyPatcher.

use serde_json::{Value, json};

use super::Request;
use super::answer::Answer;
use super::objects::body;
use super::route::At;
use crate::sim::json::{name, namespace, text};
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;
use crate::sim::store::Write;
use crate::sim::strict;

/// Applies what a request holds.
///
/// # Errors
/// What the server has against it.
pub(super) fn apply(
    plane: &mut Plane,
    request: &Request,
    at: &At,
    named: &str,
    write: &Write<'_>,
) -> Result<Answer, Refused> {
    if at.parameter("fieldManager").is_empty() {
        return Err(no_manager());
    }
    let given = body(request, at.kind)?;
    let served = at.kind.served();
    if text(&given, "/apiVersion") != at.kind.api_version() || text(&given, "/kind") != served.name {
        let version = text(&given, "/apiVersion");
        let message = format!("invalid object type: {version}, Kind={}", text(&given, "/kind"));
        return Err(Refused::bad_request(message));
    }
    if !name(&given).is_empty() && name(&given) != named {
        return Err(Refused::other_name(name(&given), named));
    }
    if let Some(field) = strict::unknown_fields(at.kind, &given)?.first() {
        let message = format!(
            "failed to create typed patch object ({}/{}; {}, Kind={}): .{field}: field not declared in schema",
            namespace(&given),
            name(&given),
            at.kind.api_version(),
            served.name
        );
        return Err(Refused::new(500, "", message));
    }
    let force = at.parameter("force") == "true";
    let (kept, is_new) = plane.store.apply(&at.key(named), given, force, write)?;
    let code = if is_new { 201 } else { 200 };
    Ok(Answer::object(code, &kept, &request.accept))
}

fn no_manager() -> Refused {
    let field = "fieldManager";
    let words = "Required value: is required for apply patch";
    Refused {
        details: json!({"group": "meta.k8s.io", "kind": "PatchOptions",
            "causes": [{"reason": "FieldValueRequired", "message": words, "field": field}]}),
        ..Refused::new(
            422,
            "Invalid",
            format!("PatchOptions.meta.k8s.io \"\" is invalid: {field}: {words}"),
        )
    }
}

/// The server's refusal of a patched object that isn't one of its kind any more.
pub(super) fn spoilt(object: &Value, why: &str) -> Refused {
    let words = format!("Invalid value: {:?}: {why}", object.to_string());
    Refused {
        details: json!({"causes": [{"reason": "FieldValueInvalid", "message": words, "field": "patch"}]}),
        ..Refused::new(422, "Invalid", format!(" \"\" is invalid: patch: {words}"))
    }
}
