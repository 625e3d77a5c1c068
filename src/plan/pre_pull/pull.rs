//! How far a helper pod is with its pulls.
//!
//! A container is past its pull when it has an image id, runs, has ended, or waits for a reason that comes after: its command
//! needn't exist. The pod's own end (evicted, past its deadline, no room) counts unless every image was there by then.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::model::finding::{Finding, Severity};
use crate::model::pod;
use crate::plan::container;
use crate::plan::failing::is_about_the_image;

/// Reasons to wait that come before a pull, or during it.
const BEFORE: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];

/// What became of a helper pod's pulls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pull {
    /// It isn't done; a clause.
    Coming(String),
    /// Every image is on the node: its id by its reference, where the kubelet said it.
    Done(BTreeMap<String, String>),
    /// An image can't be had there.
    Failed(Finding),
}

/// How far a helper pod is.
pub fn pulled(pod: &Pod) -> Pull {
    let reason = pod
        .status
        .as_ref()
        .and_then(|status| status.reason.as_deref())
        .unwrap_or_default();
    // An evicted pod's images are what the node throws away next.
    if reason == "Evicted" {
        return Pull::Failed(ended(pod, reason));
    }
    if let Some(status) = pod::container_statuses(pod).find(|status| is_about_the_image(waits_for(status))) {
        return Pull::Failed(no_image(pod, status));
    }
    let mut ids = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, image) in named(pod) {
        match pod::container_statuses(pod).find(|status| status.name == name) {
            Some(status) if is_past_the_pull(status) => {
                if !status.image_id.is_empty() {
                    ids.insert(image.to_owned(), status.image_id.clone());
                }
            }
            _ => missing.push(image),
        }
    }
    if missing.is_empty() {
        return Pull::Done(ids);
    }
    if pod::phase(pod) == "Failed" {
        return Pull::Failed(ended(pod, reason));
    }
    if pod::is_terminating(pod) {
        return Pull::Failed(Finding::new(
            Severity::Error,
            object(pod),
            "somebody deleted the helper pod",
        ));
    }
    Pull::Coming(format!("node/{} fetches {}", on(pod), missing.join(", ")))
}

fn named(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.map(|one| (one.name.as_str(), one.image.as_deref().unwrap_or_default()))
}

fn waits_for(status: &ContainerStatus) -> &str {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    waiting
        .and_then(|waiting| waiting.reason.as_deref())
        .unwrap_or_default()
}

fn is_past_the_pull(status: &ContainerStatus) -> bool {
    let state = status.state.as_ref();
    let waits = state.is_some_and(|state| state.waiting.is_some());
    // A container that never was is "terminated" too, where the kubelet lost sight of it.
    let lost = state
        .and_then(|state| state.terminated.as_ref()?.reason.as_deref())
        .is_some_and(|reason| reason == "ContainerStatusUnknown");
    let moved_on = state.is_some_and(|state| state.running.is_some() || state.terminated.is_some()) && !lost;
    !status.image_id.is_empty() || moved_on || waits && !BEFORE.contains(&waits_for(status))
}

fn no_image(pod: &Pod, status: &ContainerStatus) -> Finding {
    let image = named(pod)
        .find(|(name, _)| *name == status.name)
        .map(|(_, image)| image);
    let image = image.unwrap_or(&status.image);
    let mut finding = Finding::new(
        Severity::Error,
        format!("node/{}", on(pod)),
        format!("can't fetch the image {image}: {}", waits_for(status)),
    );
    container::quote(status, &mut finding);
    finding.remedy("see that the reference exists, and that the node reaches the registry with the pull secrets");
    finding
}

/// A helper pod that has ended before its images were there.
fn ended(pod: &Pod, reason: &str) -> Finding {
    let words = match reason {
        "Evicted" => "threw the helper pod out while it fetched the images: it has run short of something".to_owned(),
        "DeadlineExceeded" => {
            let within = pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
            let within = within.map(|seconds| format!(" within {seconds} s"));
            format!("hasn't fetched the images{}", within.unwrap_or_default())
        }
        "" => "ended the helper pod before it had the images".to_owned(),
        reason => format!("didn't take the helper pod that fetches the images: {reason}"),
    };
    let mut finding = Finding::new(Severity::Error, format!("node/{}", on(pod)), words);
    let message = pod.status.as_ref().and_then(|status| status.message.as_deref());
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        finding.evidence(message);
    }
    finding.remedy(match reason {
        "DeadlineExceeded" => "give it more time, or find out what makes the registry slow",
        "Evicted" => "make room on the node: a full disk would take the image away again",
        _ => "see what the kubelet says of it",
    });
    finding
}

fn on(found: &Pod) -> &str {
    pod::node(found).unwrap_or_default()
}

fn object(found: &Pod) -> String {
    format!("pod/{}", pod::name(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A helper pod with two images, as far as `first` and `second` say.
    fn helper(first: Value, second: Value, status: Value) -> Pod {
        let container = |name: &str, rest: Value| {
            let mut status = json!({"name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0});
            status
                .as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            status
        };
        let mut whole = json!({
            "phase": "Pending", "containerStatuses": [container("image-0", first), container("image-1", second)],
        });
        whole
            .as_object_mut()
            .unwrap()
            .extend(status.as_object().unwrap().clone());
        serde_json::from_value(json!({
            "metadata": {"name": "shardctl-pre-pull-x"},
            "spec": {"nodeName": "node-1", "activeDeadlineSeconds": 60, "containers": [
                {"name": "image-0", "image": "a:1"}, {"name": "image-1", "image": "b:1"},
            ]},
            "status": whole,
        }))
        .unwrap()
    }

    fn waiting(reason: &str) -> Value {
        json!({"state": {"waiting": {"reason": reason, "message": "words"}}})
    }

    fn ran() -> Value {
        json!({"imageID": "a@sha256:1", "state": {"terminated": {"exitCode": 0}}})
    }

    #[test]
    fn it_is_done_once_every_container_is_past_its_pull() {
        let coming = helper(ran(), waiting("ContainerCreating"), json!({}));
        assert_eq!(pulled(&coming), Pull::Coming("node/node-1 fetches b:1".to_owned()));
        let ids = BTreeMap::from([("a:1".to_owned(), "a@sha256:1".to_owned())]);
        for past in [
            waiting("CreateContainerConfigError"),
            waiting("RunContainerError"),
            waiting("CreateContainerError"),
            json!({"state": {"running": {}}}),
            json!({"state": {"terminated": {"exitCode": 128, "reason": "StartError"}}}),
        ] {
            assert_eq!(
                pulled(&helper(ran(), past.clone(), json!({}))),
                Pull::Done(ids.clone()),
                "{past}"
            );
        }
        // Its command isn't there: the pod has failed, and has done what it was for.
        let ended = json!({"state": {"terminated": {"exitCode": 128, "reason": "StartError"}}});
        assert_eq!(
            pulled(&helper(ran(), ended, json!({"phase": "Failed"}))),
            Pull::Done(ids)
        );
    }

    #[test]
    fn an_image_that_cannot_be_had_fails_at_once_with_the_kubelets_words() {
        for reason in [
            "ErrImagePull",
            "ImagePullBackOff",
            "InvalidImageName",
            "RegistryUnavailable",
        ] {
            let Pull::Failed(finding) = pulled(&helper(ran(), waiting(reason), json!({}))) else {
                panic!("{reason} fails");
            };
            assert_eq!(finding.object, "node/node-1");
            assert_eq!(finding.message, format!("can't fetch the image b:1: {reason}"));
            assert_eq!(finding.evidence, ["container image-1: words"]);
        }
    }

    #[test]
    fn a_pod_that_the_node_ended_is_no_pull() {
        let failed = |reason: &str, second: Value| {
            let status = json!({"phase": "Failed", "reason": reason, "message": "the kubelet's words"});
            match pulled(&helper(ran(), second, status)) {
                Pull::Failed(finding) => finding.message,
                other => panic!("{reason}: {other:?}"),
            }
        };
        let evicted = failed("Evicted", ran());
        assert!(evicted.contains("run short"), "{evicted}");
        let late = failed("DeadlineExceeded", waiting("ContainerCreating"));
        assert_eq!(late, "hasn't fetched the images within 60 s");
        let full = failed("OutOfpods", waiting("ContainerCreating"));
        assert!(full.ends_with("OutOfpods"), "{full}");
        let lost = json!({"state": {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown"}}});
        assert!(failed("NodeShutdown", lost).contains("NodeShutdown"));
    }

    #[test]
    fn a_helper_that_was_just_made_is_coming_and_one_that_somebody_deletes_is_not() {
        let mut young = helper(ran(), ran(), json!({}));
        young.status = None;
        assert_eq!(pulled(&young), Pull::Coming("node/node-1 fetches a:1, b:1".to_owned()));
        young.metadata.deletion_timestamp = serde_json::from_value(json!("2026-03-01T12:00:00Z")).unwrap();
        assert!(matches!(pulled(&young), Pull::Failed(_)));
    }
}
