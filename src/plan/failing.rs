//! When a shard's pod can't become Ready by itself, as soon as its status shows it: nobody waits out a timeout for a typo.
//!
//! The reasons are the kubelet's: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go and
//! pkg/kubelet/kubelet_pods.go of Kubernetes 1.36. ContainerCreating, PodInitializing and a first restart are none.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use crate::model::finding::{Finding, Severity};
use crate::model::pod;
use crate::plan::container;

/// Reasons to wait that mean that the image isn't to be had.
const NO_IMAGE: [&str; 7] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
];
/// Reasons to wait that mean that the container can't be made of what there is.
const NOT_STARTED: [&str; 6] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
    "RunContainerError",
];
/// Reasons to have ended that trying again won't mend: the command isn't there or can't be run.
const NOT_RUNNABLE: [&str; 2] = ["StartError", "ContainerCannotRun"];

/// Why a pod won't become Ready as things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The reason, as Kubernetes writes it (`CrashLoopBackOff`, `OOMKilled`, `Evicted`), or `Restarted` for too many restarts.
    pub cause: String,
    /// The container that it is about; none where it is the pod as a whole.
    pub container: Option<String>,
    /// What to show, without logs.
    pub finding: Finding,
}

/// Whether a reason to wait means that the image isn't to be had.
pub fn is_about_the_image(reason: &str) -> bool {
    NO_IMAGE.contains(&reason)
}

/// What keeps a pod from becoming Ready; none where it is Ready, on its way out, or may still come up.
///
/// Every restart counts that the pod's containers had since it was made; `max_restarts` of one container are borne.
pub fn failure(pod: &Pod, max_restarts: i32) -> Option<Failing> {
    if pod::is_terminating(pod) || pod::is_ready(pod) {
        return None;
    }
    if pod::phase(pod) == "Failed" {
        return Some(ended(pod));
    }
    pod::container_statuses(pod).find_map(|status| of_container(pod, status, max_restarts))
}

fn of_container(pod: &Pod, status: &ContainerStatus, max_restarts: i32) -> Option<Failing> {
    let state = status.state.as_ref();
    let waiting = state
        .and_then(|state| state.waiting.as_ref()?.reason.as_deref())
        .unwrap_or_default();
    let now = state.and_then(|state| state.terminated.as_ref());
    let before = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    let reasons = || [now, before].into_iter().flatten().map(why);
    let cause = if reasons().any(|reason| reason == "OOMKilled") {
        "OOMKilled"
    } else if let Some(reason) = reasons().find(|reason| NOT_RUNNABLE.contains(reason)) {
        reason
    } else if waiting == "CrashLoopBackOff" || is_about_the_image(waiting) || NOT_STARTED.contains(&waiting) {
        waiting
    } else if status.restart_count > max_restarts && !container::is_done(status) {
        "Restarted"
    } else {
        return None;
    };
    let message = match before {
        // It runs again, or is about to: how it ended before is what there is to say.
        Some(before) if waiting.is_empty() && now.is_none() => format!(
            "container {}: {}, exit code {}, restarted {}",
            status.name,
            why(before),
            before.exit_code,
            container::times(status.restart_count)
        ),
        _ => container::words(status).unwrap_or_else(|| format!("container {}: {cause}", status.name)),
    };
    let mut finding = Finding::new(Severity::Error, object(pod), message);
    container::quote(status, &mut finding);
    finding.remedy(remedy(cause));
    Some(Failing {
        cause: cause.to_owned(),
        container: Some(status.name.clone()),
        finding,
    })
}

/// A pod that has ended as a whole. The controller makes another, which as a rule ends the same way.
fn ended(pod: &Pod) -> Failing {
    let status = pod.status.as_ref();
    let cause = status
        .and_then(|status| status.reason.as_deref())
        .filter(|reason| !reason.is_empty())
        .unwrap_or("Failed");
    let culprit = pod::container_statuses(pod).find(|status| {
        let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code != 0)
    });
    let mut message = format!("the pod has ended as a whole: {cause}");
    if let Some(words) = culprit.and_then(container::words) {
        message = format!("{message}; {words}");
    }
    let mut finding = Finding::new(Severity::Error, object(pod), message);
    if let Some(words) = status.and_then(|status| status.message.as_deref()) {
        finding.evidence(words);
    }
    if let Some(culprit) = culprit {
        container::quote(culprit, &mut finding);
    }
    finding.remedy(remedy(cause));
    Failing {
        cause: cause.to_owned(),
        container: culprit.map(|status| status.name.clone()),
        finding,
    }
}

fn object(found: &Pod) -> String {
    format!("pod/{}", pod::name(found))
}

fn why(ended: &ContainerStateTerminated) -> &str {
    ended.reason.as_deref().unwrap_or("ended")
}

fn remedy(cause: &str) -> &'static str {
    match cause {
        "OOMKilled" => "raise the memory of the container, request and limit alike",
        "InvalidImageName" => "correct the image reference",
        "SignatureValidationFailed" => "use an image that the node's policy accepts, or correct the policy",
        "ErrImageNeverPull" => "put the image onto the node, or change its imagePullPolicy",
        cause if is_about_the_image(cause) => {
            "see that the reference exists, and that the node reaches the registry with the pull secrets"
        }
        "CreateContainerConfigError" => "create the ConfigMap, Secret or key that it asks for, or correct its user",
        "StartError" | "ContainerCannotRun" | "RunContainerError" | "CreateContainerError" => {
            "correct the command, the mounts or the security context: the container can't be started"
        }
        "CrashLoopBackOff" | "Restarted" => "read the log of the container before its restart",
        "Evicted" => "see what the node has run out of, and what the pod requests",
        "OutOfcpu" | "OutOfmemory" | "OutOfpods" | "OutOfephemeral-storage" => {
            "the node has no room for it: see what else was placed there meanwhile"
        }
        _ => "see what the kubelet says of it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "db-1"}, "spec": {"containers": []}, "status": status}))
            .unwrap()
    }

    fn container(rest: Value) -> Value {
        let mut status = json!({"name": "db", "image": "", "imageID": "", "ready": false, "restartCount": 0});
        status
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        status
    }

    fn of(rest: Value) -> Option<Failing> {
        failure(
            &pod(json!({"phase": "Pending", "containerStatuses": [container(rest)]})),
            2,
        )
    }

    fn waiting(reason: &str) -> Value {
        json!({"state": {"waiting": {"reason": reason, "message": "the kubelet's words"}}})
    }

    #[test]
    fn what_the_kubelet_cannot_mend_is_seen_at_once_with_its_words() {
        for reason in NO_IMAGE.iter().chain(&NOT_STARTED).chain(&["CrashLoopBackOff"]) {
            let found = of(waiting(reason)).unwrap_or_else(|| panic!("{reason} is a failure"));
            assert_eq!(found.cause, *reason);
            assert_eq!(found.container.as_deref(), Some("db"));
            assert_eq!(found.finding.object, "pod/db-1");
            assert_eq!(found.finding.message, format!("container db: {reason}"));
            assert_eq!(found.finding.evidence, ["container db: the kubelet's words"]);
        }
        for reason in ["ContainerCreating", "PodInitializing"] {
            assert_eq!(of(waiting(reason)), None, "{reason}");
        }
    }

    #[test]
    fn an_init_container_fails_the_pod_as_well() {
        let status = json!({
            "phase": "Pending",
            "initContainerStatuses": [container(json!({"name": "fetch", "state": {"waiting": {"reason": "ErrImagePull"}}}))],
            "containerStatuses": [container(waiting("PodInitializing"))],
        });
        let found = failure(&pod(status), 2).unwrap();
        assert_eq!(found.container.as_deref(), Some("fetch"));
        // One that has done its work isn't ready, and was restarted as often as it liked.
        let done = json!({
            "phase": "Running",
            "initContainerStatuses": [container(
                json!({"restartCount": 5, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}})
            )],
            "containerStatuses": [container(json!({"state": {"running": {}}}))],
        });
        assert_eq!(failure(&pod(done), 2), None);
    }

    #[test]
    fn restarts_are_borne_up_to_the_limit() {
        let restarted = |count: i32| {
            of(json!({
                "restartCount": count, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
            }))
        };
        assert_eq!(restarted(2), None);
        let found = restarted(3).unwrap();
        assert_eq!(
            found.finding.message,
            "container db: Error, exit code 3, restarted 3 times"
        );
        let ended = json!({"state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
        assert_eq!(of(ended), None, "it will be restarted");
    }

    #[test]
    fn memory_that_ran_out_and_a_command_that_is_not_there_are_told_from_a_crash() {
        let oom = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let looping = json!({
            "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": oom,
        });
        let found = of(looping).unwrap();
        assert_eq!(found.cause, "OOMKilled");
        assert_eq!(
            found.finding.message,
            "container db: CrashLoopBackOff (exit code 137, OOMKilled, restarted once)"
        );
        let again = of(json!({"restartCount": 1, "state": {"running": {}}, "lastState": oom})).unwrap();
        assert_eq!(
            again.finding.message,
            "container db: OOMKilled, exit code 137, restarted once"
        );
        let no_command = of(json!({"state": {"terminated": {"exitCode": 128, "reason": "StartError"}}}));
        assert_eq!(no_command.unwrap().cause, "StartError");
    }

    #[test]
    fn a_pod_that_ended_as_a_whole_is_named_by_its_reason() {
        let evicted =
            pod(json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}));
        let found = failure(&evicted, 2).unwrap();
        assert_eq!((found.cause.as_str(), found.container), ("Evicted", None));
        assert_eq!(found.finding.evidence, ["The node was low on resource: memory."]);
    }

    #[test]
    fn a_ready_pod_and_one_on_its_way_out_are_not_failing() {
        let crashed = json!({"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, "restartCount": 9});
        let mut ready = pod(json!({
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [container(crashed)],
        }));
        assert_eq!(failure(&ready, 2), None);
        ready.status.as_mut().unwrap().conditions = None;
        assert!(failure(&ready, 2).is_some());
        ready.metadata.deletion_timestamp = serde_json::from_value(json!("2026-03-01T12:00:00Z")).unwrap();
        assert_eq!(failure(&ready, 2), None);
    }
}
