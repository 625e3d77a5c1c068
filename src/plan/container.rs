//! What a container, or a pod on its way out, says of itself: one wording for `verify` and for whoever waits for a shard.

use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod};

use crate::model::finding::Finding;
use crate::model::{node, pod};

/// Whether it ended well, as an init container does: it isn't ready and needn't be.
pub fn is_done(status: &ContainerStatus) -> bool {
    let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

/// What a container that isn't ready says of itself, in short.
pub fn words(status: &ContainerStatus) -> Option<String> {
    let state = status.state.as_ref()?;
    let name = &status.name;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or("waiting");
        // An init container's turn hasn't come yet for these; the container before it is the culprit.
        if reason == "PodInitializing" {
            return None;
        }
        let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        let last = last.map(|last| {
            let why = last.reason.as_deref().unwrap_or("ended");
            format!(
                " (exit code {}, {why}, restarted {})",
                last.exit_code,
                times(status.restart_count)
            )
        });
        return Some(format!("container {name}: {reason}{}", last.unwrap_or_default()));
    }
    if let Some(ended) = &state.terminated {
        let why = ended.reason.as_deref().unwrap_or("ended");
        return Some(format!("container {name}: {why}, exit code {}", ended.exit_code));
    }
    state
        .running
        .as_ref()
        .map(|_| format!("container {name} runs, but isn't ready"))
}

/// Quotes what a container says of its state, and of how it ended before.
pub fn quote(status: &ContainerStatus, finding: &mut Finding) {
    let name = &status.name;
    if let Some(message) = status.state.as_ref().and_then(|state| {
        let waiting = state.waiting.as_ref().and_then(|waiting| waiting.message.as_deref());
        waiting.or_else(|| state.terminated.as_ref()?.message.as_deref())
    }) {
        finding.evidence(format!("container {name}: {message}"));
    }
    if let Some(last) = status.last_state.as_ref().and_then(|last| last.terminated.as_ref()) {
        let reason = last.reason.as_deref().unwrap_or("no reason");
        let signal = last
            .signal
            .map(|signal| format!(", signal {signal}"))
            .unwrap_or_default();
        let at = last
            .finished_at
            .as_ref()
            .map(|at| format!(" at {}", at.0))
            .unwrap_or_default();
        finding.evidence(format!(
            "container {name} ended before with exit code {}{signal}, {reason}{at}",
            last.exit_code
        ));
        if let Some(message) = last.message.as_deref().filter(|message| !message.is_empty()) {
            finding.evidence(format!("container {name}: {message}"));
        }
    }
}

/// `once`, `4 times`.
pub fn times(count: i32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Why a terminating pod is still there: its node, which is named with it, its finalizers, what still runs; a clause.
pub fn still_there(found: &Pod, place: Option<(&str, Option<&Node>)>) -> String {
    match place {
        Some((on, None)) => return format!("its node/{on} doesn't exist any more"),
        Some((on, Some(place))) if !node::is_ready(place) => {
            return format!("its node/{on} isn't Ready, and nobody can confirm that the containers have stopped");
        }
        _ => {}
    }
    let finalizers: Vec<&str> = found.metadata.finalizers.iter().flatten().map(String::as_str).collect();
    if !finalizers.is_empty() {
        return format!("it waits for its finalizers: {}", finalizers.join(", "));
    }
    let running: Vec<&str> = pod::container_statuses(found)
        .filter(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
        .map(|status| status.name.as_str())
        .collect();
    let hooks: Vec<&str> = found
        .spec
        .iter()
        .flat_map(|spec| &spec.containers)
        .filter(|container| {
            let hook = container
                .lifecycle
                .as_ref()
                .and_then(|lifecycle| lifecycle.pre_stop.as_ref());
            hook.is_some()
        })
        .map(|container| container.name.as_str())
        .collect();
    let hooks = match hooks.as_slice() {
        [] => String::new(),
        hooks => format!("; preStop hook in {}", hooks.join(", ")),
    };
    match running.as_slice() {
        [] => format!("its containers have stopped, its node hasn't removed it yet{hooks}"),
        running => format!("still running: {}{hooks}", running.join(", ")),
    }
}
