//! The verbs on objects.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

use super::answer::{Answer, Reply};
use super::route::At;
use super::watch::Watch;
use super::{Request, admission, eviction};
use crate::sim::json::{list, name, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::patch;
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;
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
            Ok(Reply::Watch(Watch::begin(&plane.store, at)?))
        }
        ("GET", None, None) => whole(page(plane, at)?),
        ("GET", Some(name), None) => {
            let found = plane.store.need(&at.key(name))?;
            whole(Answer::object(200, found, &request.accept))
        }
        ("GET", Some(name), Some("log")) if at.kind == Kind::Pods => {
            plane.store.need(&at.key(name))?;
            whole(Answer::text(200, ""))
        }
        ("POST", None, None) => whole(create(plane, request, at, &write)?),
        ("POST", Some(name), Some("eviction")) if at.kind == Kind::Pods => {
            whole(eviction::evict(&mut plane.store, request, at, name, &write)?)
        }
        ("PUT", Some(name), None | Some("status")) => {
            let object = body(request)?;
            whole(change(plane, request, at, name, object, &write)?)
        }
        ("PATCH", Some(name), None | Some("status")) => {
            if request.content_type != "application/json-patch+json" {
                let what = format!("a patch of the type {}", request.content_type);
                return Err(Refused::not_modelled(what));
            }
            let present = plane.store.need(&at.key(name))?;
            let object = patch::apply(present, &body(request)?)?;
            whole(change(plane, request, at, name, object, &write)?)
        }
        ("DELETE", Some(name), None) => whole(delete(plane, request, at, name, &write)?),
        (method, _, _) => Err(Refused::not_modelled(format!("{method} {}", request.path))),
    }
}

/// A request's body.
///
/// # Errors
/// 400 where it is no JSON.
pub(super) fn body(request: &Request) -> Result<Value, Refused> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Refused::bad_request(format!("the object provided is unrecognized: {error}")))
}

fn page(plane: &Plane, at: &At) -> Result<Answer, Refused> {
    let selection = Selection::parse(at.kind, at.parameter("labelSelector"), at.parameter("fieldSelector"))?;
    let limit = match at.parameter("limit") {
        "" => 0,
        limit => limit
            .parse()
            .map_err(|_| Refused::bad_request(format!("strconv.ParseInt: parsing \"{limit}\": invalid syntax")))?,
    };
    let next = at.parameter("continue");
    let page = plane
        .store
        .list(at.kind, at.namespace.as_deref(), &selection, limit, next)?;
    Ok(Answer::list(at.kind, &page))
}

fn create(plane: &mut Plane, request: &Request, at: &At, write: &Write<'_>) -> Result<Answer, Refused> {
    let mut object = body(request)?;
    strict::check(at.kind, &object)?;
    let namespace = at.namespace.as_deref().unwrap_or_default();
    let given = text(&object, "/metadata/namespace");
    if at.kind.served().namespaced && !given.is_empty() && given != namespace {
        return Err(Refused::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if at.kind == Kind::Pods {
        admission::admit(&plane.store, &mut object)?;
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
    strict::check(at.kind, &object)?;
    if name(&object) != named {
        let words = format!(
            "the name of the object ({}) does not match the name on the URL ({named})",
            name(&object)
        );
        return Err(Refused::bad_request(words));
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
        let options = body(request)?;
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
