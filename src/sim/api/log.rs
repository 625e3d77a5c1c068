//! What a container said. Nothing runs here, so that whoever has run has said nothing.
//!
//! Source: `pkg/registry/core/pod/strategy.go`, LogLocation; the kubelet's `validateContainerLogStatus`.

use super::answer::Answer;
use super::route::At;
use crate::sim::json::{list, name, text};
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;

/// The log of a pod's container.
///
/// # Errors
/// 400 where it isn't clear which container, or where that has never run.
pub(super) fn read(plane: &Plane, at: &At, pod: &str) -> Result<Answer, Refused> {
    let found = plane.store.need(&at.key(pod))?;
    let names: Vec<&str> = ["/spec/containers", "/spec/initContainers"]
        .into_iter()
        .flat_map(|at| list(found, at))
        .map(|container| text(container, "/name"))
        .collect();
    let wanted = match (at.parameter("container"), names.as_slice()) {
        ("", [only]) => only,
        ("", several) => {
            let words = several.join(" ");
            let message = format!("a container name must be specified for pod {pod}, choose one of: [{words}]");
            return Err(Refused::bad_request(message));
        }
        (wanted, names) if names.contains(&wanted) => wanted,
        (wanted, _) => {
            let message = format!("container {wanted} is not valid for pod {pod}");
            return Err(Refused::bad_request(message));
        }
    };
    if text(found, "/spec/nodeName").is_empty() {
        return Ok(Answer::empty());
    }
    let statuses = ["/status/containerStatuses", "/status/initContainerStatuses"];
    let mut statuses = statuses.into_iter().flat_map(|at| list(found, at));
    let status = statuses.find(|status| text(status, "/name") == wanted);
    if at.parameter("previous") == "true" {
        let ended = status.is_some_and(|status| status.pointer("/lastState/terminated").is_some());
        if !ended {
            let message = format!(
                "previous terminated container \"{wanted}\" in pod \"{}\" not found",
                name(found)
            );
            return Err(Refused::bad_request(message));
        }
    }
    let waits = status.and_then(|status| status.pointer("/state/waiting/reason")?.as_str());
    let has_run = status.is_some_and(|status| status.pointer("/lastState/terminated").is_some());
    match waits.filter(|_| !has_run) {
        Some(reason) => {
            let pod = name(found);
            let message = format!("container \"{wanted}\" in pod \"{pod}\" is waiting to start: {reason}");
            Err(Refused::bad_request(message))
        }
        None => Ok(Answer::text(200, "")),
    }
}
