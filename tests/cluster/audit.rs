//! The API server's own record of who asked it for what: of the users that are in one group, so that it costs the others nothing.

use super::Plane;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Whose requests are recorded.
pub const GROUP: &str = "audited";

const POLICY: &str = "audit-policy.yaml";
const LOG: &str = "audit.log";

/// What the API server is started with, from its folder.
pub fn arguments(folder: &Path) -> [String; 2] {
    let policy = format!(
        "apiVersion: audit.k8s.io/v1\n\
         kind: Policy\n\
         omitStages: [RequestReceived]\n\
         rules:\n\
         - level: Metadata\n\
         \x20 userGroups: [{GROUP}]\n\
         - level: None\n"
    );
    fs::write(folder.join(POLICY), policy).expect("the audit policy");
    [
        format!("--audit-policy-file={POLICY}"),
        format!("--audit-log-path={LOG}"),
    ]
}

/// What the API server recorded of a user: `verb resource[/subresource] namespace/name`, in the order of its answers.
pub fn of(plane: &Plane, user: &str) -> Vec<String> {
    let log = fs::read_to_string(plane.folder().join(LOG)).unwrap_or_default();
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_them = events.filter(|event| event["user"]["username"] == user);
    of_them
        .map(|event| {
            let object = &event["objectRef"];
            let text = |field: &str| object[field].as_str().unwrap_or_default();
            let resource = match text("subresource") {
                "" => text("resource").to_owned(),
                sub => format!("{}/{sub}", text("resource")),
            };
            let verb = event["verb"].as_str().unwrap_or_default();
            format!("{verb} {resource} {}/{}", text("namespace"), text("name"))
        })
        .collect()
}
