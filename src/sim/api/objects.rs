//! The verbs on objects.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

use super::answer::{Answer, Reply};
use super::route::At;
use super::watch::Watch;
use super::{Request, apply, eviction, log};
use crate::sim::json::{list, name, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::patch;
use crate::sim::plane::Plane;
use crate::sim::refused::{Cause, Refused};
use crate::sim::store::{Deleted, Deletion, Part, Selection, Write};
use crate::sim::strict;

/// Serves a request about objects.
pub(super) fn serve(plane: &mut Plane, request: &Request, at: &At, now: Timestamp) -> Result<Reply, Refused> {
    let write = Write {
        manager: match at.parameter("fieldManager") {
            "" => "unknown",
            manager => manager,
        },
        now,
        dry_run: at.is_dry(),
    };
    let whole = |answer: Answer| Ok(Reply::Answer(answer));
    match (request.method.as_str(), at.name.as_deref(), at.subresource.as_deref()) {
        ("GET", None, None) if ["true", "1"].contains(&at.parameter("watch")) => {
            Ok(Reply::Watch(Watch::begin(&plane.store, at, &request.accept)?))
        }
        ("GET", None, None) => whole(page(plane, at, &request.accept)?),
        ("GET", Some(name), None) => {
            let found = plane.store.need(&at.key(name))?;
            whole(Answer::object(200, found, &request.accept))
        }
        ("GET", Some(name), Some("log")) if at.kind == Kind::Pods => whole(log::read(plane, at, name)?),
        ("POST", None, None) => whole(create(plane, request, at, &write)?),
        ("POST", Some(name), Some("eviction")) if at.kind == Kind::Pods => {
            whole(eviction::evict(&mut plane.store, request, at, name, &write)?)
        }
        ("PUT", Some(name), None | Some("status")) => {
            let object = body(request, at.kind)?;
            strict::check(at.kind, &object)?;
            whole(replace(plane, request, at, name, object, &write)?)
        }
        ("PATCH", Some(name), None | Some("status")) => match request.content_type.as_str() {
            "application/json-patch+json" => {
                let patched = patched(plane, request, at, name)?;
                whole(change(plane, request, at, name, patched, &write)?)
            }
            "application/apply-patch+yaml" if at.subresource.is_none() => {
                whole(apply::apply(plane, request, at, name, &write)?)
            }
            other => Err(Refused::not_modelled(format!("a patch of the type {other}"))),
        },
        ("DELETE", Some(name), None) => whole(delete(plane, request, at, name, &write)?),
        (method, _, _) => Err(Refused::not_modelled(format!("{method} {}", request.path))),
    }
}

/// A request's body.
///
/// # Errors
/// 400 where it is no JSON.
pub(super) fn json(request: &Request) -> Result<Value, Refused> {
    parsed(request).map_err(|why| Refused::bad_request(format!("the object provided is unrecognized: {why}")))
}

/// As [`json()`], an object of a kind.
///
/// # Errors
/// As [`json()`].
pub(super) fn body(request: &Request, kind: Kind) -> Result<Value, Refused> {
    parsed(request).map_err(|why| {
        let text = String::from_utf8_lossy(&request.body);
        let text = if text.is_empty() { "<empty>" } else { &text };
        Refused::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} ({text})",
            kind.served().name
        ))
    })
}

fn parsed(request: &Request) -> Result<Value, String> {
    serde_json::from_slice(&request.body).map_err(|error| {
        if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        }
    })
}

/// What a JSON patch makes of an object.
fn patched(plane: &Plane, request: &Request, at: &At, named: &str) -> Result<Value, Refused> {
    let present = plane.store.need(&at.key(named))?;
    let patch = parsed(request).map_err(|why| Refused::bad_request(format!("error decoding patch: {why}")))?;
    let object = patch::apply(present, &patch)?;
    if let Some(why) = strict::why_not(at.kind, &object) {
        return Err(apply::spoilt(&object, &why));
    }
    let wanted = uid(&object);
    if wanted != uid(present) {
        let cause = Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {wanted:?}: field is immutable"),
            field: "metadata.uid".to_owned(),
        };
        let mut refused = Refused::invalid(at.kind, named, std::slice::from_ref(&cause));
        // Two of the server's checks find it, and the sentence has it once.
        if let Some(causes) = refused.details["causes"].as_array_mut() {
            causes.extend(causes.first().cloned());
        }
        return Err(refused);
    }
    Ok(object)
}

/// PUT.
fn replace(
    plane: &mut Plane,
    request: &Request,
    at: &At,
    named: &str,
    object: Value,
    write: &Write<'_>,
) -> Result<Answer, Refused> {
    if at.kind.is_made_by_put() && name(&object) == named && at.subresource.is_none() {
        if plane.store.get(&at.key(named)).is_none() {
            let namespace = at.namespace.as_deref().unwrap_or_default();
            let made = plane.store.create(at.kind, namespace, object, Part::Main, write)?;
            return Ok(Answer::object(201, &made, &request.accept));
        }
        if text(&object, "/metadata/resourceVersion").is_empty() {
            let words = "Invalid value: 0: must be specified for an update";
            let (field, resource) = ("metadata.resourceVersion", at.kind.resource());
            let message = format!("{resource} \"{named}\" is invalid: {field}: {words}");
            let mut refused = Refused::new(422, "Invalid", message).about(at.kind, named);
            refused.details["causes"] = json!([{"reason": "FieldValueInvalid", "message": words, "field": field}]);
            return Err(refused);
        }
    }
    change(plane, request, at, named, object, write)
}

fn page(plane: &mut Plane, at: &At, accept: &str) -> Result<Answer, Refused> {
    let selection = Selection::parse(at.kind, at.parameter("labelSelector"), at.parameter("fieldSelector"))?;
    let limit = match at.parameter("limit") {
        "" => 0,
        limit => limit
            .parse()
            .map_err(|_| Refused::bad_request(format!("strconv.ParseInt: parsing \"{limit}\": invalid syntax")))?,
    };
    let next = at.parameter("continue");
    let (store, within) = (&mut plane.store, at.namespace.as_deref());
    if accept.contains("as=PartialObjectMetadataList;") {
        let page = store.list_versions(at.kind, within, &selection, limit, next)?;
        return Ok(Answer::versions(&page));
    }
    Ok(Answer::list(
        at.kind,
        &store.list(at.kind, within, &selection, limit, next)?,
    ))
}

fn create(plane: &mut Plane, request: &Request, at: &At, write: &Write<'_>) -> Result<Answer, Refused> {
    let object = body(request, at.kind)?;
    strict::check(at.kind, &object)?;
    let namespace = at.namespace.as_deref().unwrap_or_default();
    let given = text(&object, "/metadata/namespace");
    if at.kind.served().namespaced && !given.is_empty() && given != namespace {
        return Err(Refused::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let made = plane.store.create(at.kind, namespace, object, Part::Main, write)?;
    Ok(Answer::object(201, &made, &request.accept))
}

fn change(
    plane: &mut Plane,
    request: &Request,
    at: &At,
    named: &str,
    object: Value,
    write: &Write<'_>,
) -> Result<Answer, Refused> {
    if name(&object) != named {
        return Err(Refused::other_name(name(&object), named));
    }
    let part = if at.subresource.is_some() {
        Part::Status
    } else {
        Part::Main
    };
    let kept = plane.store.update(&at.key(named), object, part, write)?;
    Ok(Answer::object(200, &kept, &request.accept))
}

fn delete(plane: &mut Plane, request: &Request, at: &At, name: &str, write: &Write<'_>) -> Result<Answer, Refused> {
    let mut write = *write;
    let mut asked = Deletion::default();
    if !request.body.is_empty() {
        let options = json(request)?;
        (asked, write.dry_run) = deletion(&options)?;
    }
    let key = at.key(name);
    let deleted = plane.store.delete(&key, &asked, &write)?;
    Ok(match &deleted {
        Deleted::Gone(last) if !at.kind.answers_with_deleted() => {
            let served = at.kind.served();
            let mut details = json!({"name": name, "kind": served.plural, "uid": uid(last)});
            if !served.group.is_empty() {
                details["group"] = json!(served.group);
            }
            Answer::json(
                200,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
            )
        }
        deleted => Answer::object(200, deleted.object(), &request.accept),
    })
}

/// What DeleteOptions ask for, and whether only to try. The query of a DELETE counts only where there is no body.
///
/// # Errors
/// 400 for what aren't any; what shardctl never asks for isn't done.
pub(super) fn deletion(options: &Value) -> Result<(Deletion, bool), Refused> {
    strict::check_as::<DeleteOptions>("DeleteOptions", options)?;
    for other in ["orphanDependents", "propagationPolicy"] {
        if options.get(other).is_some_and(|value| !value.is_null()) {
            return Err(Refused::not_modelled(format!("a deletion with {other}")));
        }
    }
    let precondition = |pointer: &str| {
        let found = options.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let asked = Deletion {
        uid: precondition("/preconditions/uid"),
        version: precondition("/preconditions/resourceVersion"),
        grace: number(options, "/gracePeriodSeconds"),
    };
    let dry = list(options, "/dryRun").iter().any(|mode| mode == "All");
    Ok((asked, dry))
}
