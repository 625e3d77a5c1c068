//! Which API groups and resources there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Answer;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::refused::Refused;

/// The server's version.
pub(super) fn version(plane: &Plane) -> Answer {
    let mut numbers = plane.version.trim_start_matches('v').split('.');
    let mut number = || numbers.next().unwrap_or_default();
    let (major, minor) = (number(), number());
    Answer::json(
        200,
        &json!({"major": major, "minor": minor, "gitVersion": plane.version, "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": "linux/amd64"}),
    )
}

/// One group.
pub(super) fn group(plane: &Plane, group: &str) -> Answer {
    match served(plane).get(group) {
        Some(version) => {
            let mut described = described(group, version);
            described["kind"] = json!("APIGroup");
            described["apiVersion"] = json!("v1");
            Answer::json(200, &described)
        }
        None => Answer::nowhere(),
    }
}

/// The groups, but for the core one.
pub(super) fn groups(plane: &Plane) -> Answer {
    let served = served(plane);
    let groups: Vec<Value> = served
        .into_iter()
        .map(|(group, version)| described(group, version))
        .collect();
    Answer::json(
        200,
        &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
}

fn described(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// The groups that are served, each in one version.
fn served(plane: &Plane) -> BTreeMap<&'static str, &'static str> {
    Kind::ALL
        .into_iter()
        .filter(|kind| plane.serves(*kind) && !kind.served().group.is_empty())
        .map(|kind| (kind.served().group, kind.served().version))
        .chain([("authorization.k8s.io", "v1")])
        .collect()
}

/// The resources of a group's version.
pub(super) fn resources(plane: &Plane, group: &str, version: &str) -> Answer {
    let resources: Vec<Value> = Kind::ALL
        .into_iter()
        .filter(|kind| plane.serves(*kind))
        .map(Kind::served)
        .filter(|served| (served.group, served.version) == (group, version))
        .map(|served| {
            json!({"name": served.plural, "singularName": served.name.to_lowercase(), "namespaced": served.namespaced,
                "kind": served.name, "verbs": ["delete", "get", "list", "patch", "create", "update", "watch"]})
        })
        .collect();
    if resources.is_empty() {
        return if Kind::is_built_in(group) {
            Answer::refused(&Refused::unknown())
        } else {
            Answer::nowhere()
        };
    }
    let full = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Answer::json(
        200,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full, "resources": resources}),
    )
}
