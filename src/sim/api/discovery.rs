//! Which API groups and resources there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Answer;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;

/// The groups, but for the core one.
pub(super) fn groups(plane: &Plane) -> Answer {
    let served: BTreeMap<&str, &str> = Kind::ALL
        .into_iter()
        .filter(|kind| plane.serves(*kind) && !kind.served().group.is_empty())
        .map(|kind| (kind.served().group, kind.served().version))
        .chain([("authorization.k8s.io", "v1")])
        .collect();
    let groups: Vec<Value> = served
        .into_iter()
        .map(|(group, version)| {
            let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
            json!({"name": group, "versions": [version], "preferredVersion": version})
        })
        .collect();
    Answer::json(
        200,
        &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
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
        return Answer::nowhere();
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
