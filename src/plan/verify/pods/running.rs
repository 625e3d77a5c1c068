//! Whether each shard's pod runs and is Ready, what its containers say where not, and whether one is stuck on its way out.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use crate::model::check::{Category, Description};
use crate::model::finding::{Finding, Severity, Verdict};
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::{mark, node, pod};
use crate::plan::container;
use crate::plan::verify::Check;
use crate::plan::verify::seen::{Seen, event_time};

/// How many of a log's last lines are quoted.
const LINES: usize = 20;
/// How long ago a restart still is news.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// POD-01.
pub const POD_01: Check = Check {
    about: Description {
        id: "POD-01",
        category: Category::Pods,
        severity: Severity::Error,
        title: "every shard's pod is Running and Ready, and the selector matches no other pod",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Events],
        also: "the last lines of the current and the previous log of containers that aren't ready",
        why: "The system is up only while every shard is. A pod that is being deleted is down, whatever its conditions say, \
              and a stranger that carries the shards' labels gets their traffic and is counted by their budget.",
        mend: "The finding quotes the reason, the exit code and the last lines of the log. Where the pod waits for a place, \
               POD-04 says why.\n$ kubectl describe pod NAME\n$ kubectl logs NAME --previous",
        source: "core/v1 PodStatus; pkg/controller/controller_ref_manager.go",
        entails: &[
            "STS-03", "POD-02", "POD-03", "POD-04", "EPS-01", "DNS-02", "DNS-03", "LB-02", "PDB-03", "PDB-04",
            "EVT-01", "THR-01",
        ],
    },
    judge: pod_01,
};

fn pod_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let pods = seen.counted_pods()?;
    let shards = seen.shards()?;
    let mut verdict = Verdict::new();
    for shard in &shards {
        match shard.pod {
            None => absent(seen, &shard.name, &mut verdict),
            Some(found) if pod::is_ready(found) && pod::phase(found) == "Running" => {}
            Some(found) => down(seen, found, &mut verdict),
        }
    }
    for found in &pods {
        let name = pod::name(found);
        if !pod::is_controlled_by(found, set::uid(set)) {
            let owner = found.metadata.owner_references.iter().flatten().next();
            let owner = owner.map_or_else(
                || "nobody".to_owned(),
                |owner| format!("{}/{}", owner.kind.to_lowercase(), owner.name),
            );
            let finding = verdict.fail(
                format!("pod/{name}"),
                format!(
                    "it has the shards' labels, but belongs to {owner} and not to statefulset/{}: it gets their traffic and \
                     is counted by their budget",
                    set::name(set)
                ),
            );
            finding.remedy(seen.kubectl(&format!("get pod {name} --show-labels")));
            if pod::label(found, mark::HELPER).is_some() {
                finding.remedy(seen.shardctl("recover"));
            }
        }
    }
    let ready = shards
        .iter()
        .filter(|shard| shard.pod.is_some_and(pod::is_ready))
        .count();
    Ok(verdict.seen(format!("{ready} of {} Running and Ready", shards.len())))
}

fn absent(seen: &Seen<'_>, name: &str, verdict: &mut Verdict) {
    let set = seen.snapshot.set().map(set::name).unwrap_or_default();
    let finding = verdict.fail(format!("pod/{name}"), "there is no such pod: the shard is down");
    // The controller says here what keeps it from making the pod: quota, admission, a missing service account.
    let refused = seen.events_about("StatefulSet", set).unwrap_or_default();
    let refused = refused.iter().rev().filter(|event| {
        let message = event.message.as_deref().unwrap_or_default();
        event.type_.as_deref() == Some("Warning") && message.split([' ', '"']).any(|word| word == name)
    });
    if let Some(message) = refused.take(1).find_map(|event| event.message.as_deref()) {
        finding.evidence(format!("the controller: {message}"));
    }
    finding.remedy(seen.kubectl(&format!("describe statefulset {set}")));
}

fn down(seen: &Seen<'_>, found: &Pod, verdict: &mut Verdict) {
    let name = pod::name(found);
    let since = pod::since(found).map(|since| format!(" for {}", duration(seen.now().duration_since(since))));
    let since = since.unwrap_or_default();
    let broken: Vec<&ContainerStatus> = pod::container_statuses(found)
        .filter(|status| !status.ready && !container::is_done(status))
        .collect();
    let culprit = broken.iter().find_map(|status| container::words(status));
    let status = found.status.as_ref();
    let message = if pod::is_terminating(found) {
        format!("terminating{since}: the shard is down")
    } else if pod::node(found).is_none() {
        format!("Pending{since}, without a node: POD-04 says why")
    } else if matches!(pod::phase(found), "Failed" | "Succeeded") {
        let reason = status
            .and_then(|status| status.reason.as_deref())
            .unwrap_or("no reason given");
        format!("{}{since}: {reason}", pod::phase(found))
    } else if let Some(culprit) = culprit {
        format!("{}, not Ready{since}: {culprit}", pod::phase(found))
    } else {
        let ready = pod::condition(found, "Ready");
        let reason = ready
            .and_then(|ready| ready.message.as_deref().or(ready.reason.as_deref()))
            .filter(|words| !words.is_empty());
        format!(
            "{}, not Ready{since}: {}",
            pod::phase(found),
            reason.unwrap_or("its Ready condition doesn't say why")
        )
    };
    let finding = verdict.fail(format!("pod/{name}"), message);
    if let Some(words) = status.and_then(|status| status.message.as_deref()) {
        finding.evidence(words);
    }
    for status in &broken {
        container::quote(status, finding);
        let key = format!("{name}/{}", status.name);
        if let Some(logs) = seen.snapshot.logs.get(&key) {
            quote_log(&format!("log of {}", status.name), &logs.current, finding);
            quote_log(
                &format!("log of {} before its restart", status.name),
                &logs.previous,
                finding,
            );
        }
    }
    if broken.is_empty() || culprit_is_probe(&broken) {
        quote_last_warning(seen, name, finding);
    }
    finding.remedy(seen.kubectl(&format!("describe pod {name}")));
    if let Some(first) = broken.first().filter(|first| first.restart_count > 0) {
        finding.remedy(seen.kubectl(&format!("logs {name} -c {} --previous", first.name)));
    }
}

fn culprit_is_probe(broken: &[&ContainerStatus]) -> bool {
    broken
        .iter()
        .all(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
}

fn quote_log(title: &str, log: &Read<Vec<String>>, finding: &mut Finding) {
    match log {
        Read::Got(lines) if !lines.is_empty() => {
            let last = &lines[lines.len().saturating_sub(LINES)..];
            finding.evidence(format!("{title}, the last {} lines:", last.len()));
            for line in last {
                finding.evidence(line.clone());
            }
        }
        Read::Unreadable(why) => {
            finding.evidence(format!("{title}: {why}"));
        }
        Read::Got(_) | Read::Absent(_) => {}
    }
}

fn quote_last_warning(seen: &Seen<'_>, name: &str, finding: &mut Finding) {
    let events = seen.events_about("Pod", name).unwrap_or_default();
    let last = events
        .iter()
        .rev()
        .find(|event| event.type_.as_deref() == Some("Warning"));
    if let Some(last) = last {
        let ago = event_time(last).map(|at| format!(", {} ago", duration(seen.now().duration_since(at))));
        finding.evidence(format!(
            "{}{}: {}",
            last.reason.as_deref().unwrap_or("event"),
            ago.unwrap_or_default(),
            last.message.as_deref().unwrap_or_default()
        ));
    }
}

/// A span of time in its two greatest units: `3h 12m`, `45s`.
pub fn duration(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// POD-02.
pub const POD_02: Check = Check {
    about: Description {
        id: "POD-02",
        category: Category::Pods,
        severity: Severity::Warning,
        title: "no container was restarted within a day, and none ran out of memory",
        reads: &[Resource::StatefulSets, Resource::Pods],
        also: "",
        why: "A shard that restarts was down each time, and whatever restarted it will do so again. A container killed for \
              its memory has outgrown its limit: that is a warning for as long as the pod remembers it. An older restart \
              is only told.",
        mend: "Read the log of the container before its restart. Where it was OOMKilled, raise its memory, request and limit \
               alike, and roll the set.\n$ kubectl logs NAME --previous",
        source: "core/v1 ContainerStatus.restartCount, lastState",
        entails: &["POD-01", "EVT-01"],
    },
    judge: pod_02,
};

fn pod_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let pods = seen.own_pods()?;
    for found in &pods {
        for status in pod::container_statuses(found) {
            let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
            let before = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
            let ended = before.or(now);
            let oom = [now, before]
                .into_iter()
                .flatten()
                .any(|ended| ended.reason.as_deref() == Some("OOMKilled"));
            if status.restart_count == 0 && !oom {
                continue;
            }
            let at = ended.and_then(|ended| ended.finished_at.as_ref()).map(|at| at.0);
            // Without a time it may have been just now.
            let recent = at.is_none_or(|at| seen.now().duration_since(at) < RECENT);
            let object = format!("pod/{}", pod::name(found));
            let when = at.map(|at| format!(", last {} ago", duration(seen.now().duration_since(at))));
            let how = match (oom, ended) {
                (true, _) => ": OOMKilled, it ran into its memory limit".to_owned(),
                (false, Some(ended)) => format!(
                    ": exit code {}, {}",
                    ended.exit_code,
                    ended.reason.as_deref().unwrap_or("no reason given")
                ),
                (false, None) => String::new(),
            };
            let message = format!(
                "container {} was restarted {}{}{how}",
                status.name,
                container::times(status.restart_count),
                when.unwrap_or_default()
            );
            let finding = if oom || recent {
                verdict.warn(object, message)
            } else {
                verdict.inform(object, message)
            };
            finding.remedy(seen.kubectl(&format!("logs {} -c {} --previous", pod::name(found), status.name)));
        }
    }
    let restarts: i32 = pods
        .iter()
        .flat_map(|found| pod::container_statuses(found))
        .map(|status| status.restart_count)
        .sum();
    let word = if restarts == 1 { "restart" } else { "restarts" };
    Ok(verdict.seen(format!("{restarts} {word} in {} pods", pods.len())))
}

/// POD-03.
pub const POD_03: Check = Check {
    about: Description {
        id: "POD-03",
        category: Category::Pods,
        severity: Severity::Error,
        title: "no pod is stuck on its way out",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Nodes],
        also: "",
        why: "A StatefulSet makes the new pod only when the old one is gone. A pod whose node is silent stays terminating for \
              ever: nobody can confirm that its containers have stopped, and two writers on one disk would be worse than \
              none. Otherwise a pod is overdue when its deletionTimestamp, which already includes the grace period, is past.",
        mend: "Bring the node back, or make sure that the machine is off and say so: the taint then removes its pods and \
               detaches their disks.\n$ shardctl recover --node-is-off NODE\n\
               Never delete a pod by force while its machine may still be running.",
        source: "KEP-2268 (non-graceful node shutdown); kubernetes docs, Force Delete StatefulSet Pods",
        entails: &[
            "POD-01", "STS-03", "EPS-01", "DNS-02", "DNS-03", "LB-02", "PDB-03", "PDB-04", "NODE-01", "VA-01",
            "EVT-01", "PV-02", "THR-01",
        ],
    },
    judge: pod_03,
};

fn pod_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let terminating: Vec<&Pod> = seen
        .own_pods()?
        .into_iter()
        .filter(|found| pod::is_terminating(found))
        .collect();
    let mut in_time = 0;
    for found in &terminating {
        let name = pod::name(found);
        let due: Option<Timestamp> = found.metadata.deletion_timestamp.as_ref().map(|at| at.0);
        let late = due
            .map(|due| seen.now().duration_since(due))
            .filter(|late| late.is_positive());
        let place = match pod::node(found) {
            None => None,
            Some(on) => match seen.node(on) {
                Ok(place) => Some((on, place)),
                Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                    verdict.unsure(format!("whether the node of pod/{name} is Ready: {why}"));
                    None
                }
            },
        };
        let silent = place.is_some_and(|(_, place)| !place.is_some_and(node::is_ready));
        if late.is_none() && !silent {
            in_time += 1;
            continue;
        }
        let overdue = late.map_or_else(
            || "terminating".to_owned(),
            |late| format!("terminating, {} past its grace period", duration(late)),
        );
        let because = container::still_there(found, place);
        let finding = verdict.fail(format!("pod/{name}"), format!("{overdue}: {because}"));
        for finalizer in found.metadata.finalizers.iter().flatten() {
            finding.evidence(format!("finalizer: {finalizer}"));
        }
        if let Some(grace) = found.metadata.deletion_grace_period_seconds {
            finding.evidence(format!("grace period: {grace} s"));
        }
        match place {
            Some((on, _)) if silent => {
                finding.remedy(seen.kubectl_cluster(&format!("describe node {on}")));
                finding.remedy("once the machine is off for certain, and not before:");
                finding.remedy(seen.shardctl(&format!("recover --node-is-off {on}")));
            }
            _ => {
                finding.remedy(seen.kubectl(&format!("describe pod {name}")));
            }
        }
    }
    Ok(verdict.seen(match in_time {
        0 => "no pod is terminating".to_owned(),
        count => format!("{count} terminating, within the grace period"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recording::Logs;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn a_crashing_container_is_quoted_with_exit_code_and_both_logs() {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["status"]["conditions"][2]["status"] = json!("False");
            pod["status"]["containerStatuses"][0] = json!({
                "name": "db", "ready": false, "restartCount": 4, "image": "", "imageID": "",
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-03-01T11:59:00Z"}},
            });
        });
        let lines = (1..=30).map(|line| format!("line {line}")).collect();
        scene.logs.insert(
            "db-1/db".to_owned(),
            Logs {
                current: Read::Unreadable("not allowed".to_owned()),
                previous: Read::Got(lines),
            },
        );
        let judged = scene.judge(&POD_01);
        assert_eq!(
            words(&judged),
            (
                "fail",
                vec![
                    "Error pod/db-1: Running, not Ready for 1d 0h: container db: CrashLoopBackOff (exit code 3, Error, \
                     restarted 4 times)"
                        .to_owned()
                ]
            )
        );
        let evidence = &judged.findings[0].evidence;
        assert!(evidence.contains(&"log of db: not allowed".to_owned()), "{evidence:?}");
        assert!(evidence.contains(&"line 11".to_owned()) && !evidence.contains(&"line 10".to_owned()));
        assert_eq!(words(&scene.judge(&POD_02)).1.len(), 1);
    }

    #[test]
    fn a_terminating_or_missing_pod_is_down_and_a_stranger_is_named() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::Pods,
            "db-0",
            json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:30Z", "deletionGracePeriodSeconds": 60}}),
        );
        scene.remove(Resource::Pods, "db-2");
        scene.add(
            Resource::Pods,
            json!({"metadata": {"name": "debug", "labels": {"app": "db"}}, "spec": {"containers": []}}),
        );
        let (outcome, findings) = words(&scene.judge(&POD_01));
        assert_eq!(outcome, "fail");
        assert_eq!(findings[0], "Error pod/db-0: terminating for 30s: the shard is down");
        assert_eq!(findings[1], "Error pod/db-2: there is no such pod: the shard is down");
        assert!(findings[2].contains("belongs to nobody"), "{}", findings[2]);
        // Once it has ended, nothing comes to it and nobody counts it.
        for phase in ["Succeeded", "Failed"] {
            scene.merge(Resource::Pods, "debug", json!({"status": {"phase": phase}}));
            assert_eq!(words(&scene.judge(&POD_01)).1.len(), 2, "{phase}");
        }
        // Within its grace period it isn't stuck.
        assert_eq!(words(&scene.judge(&POD_03)), ("pass", vec![]));
    }

    #[test]
    fn a_pod_is_stuck_when_its_time_is_past_or_its_node_silent() {
        let mut scene = Scene::healthy(3);
        let gone = |at: &str| json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": 60}});
        scene.merge(Resource::Pods, "db-0", gone("2026-03-01T11:58:00Z"));
        scene.merge(Resource::Pods, "db-1", gone("2026-03-01T12:00:30Z"));
        scene.edit(Resource::Nodes, "node-1", |node| {
            node["status"]["conditions"][0]["status"] = json!("Unknown");
        });
        let (outcome, findings) = words(&scene.judge(&POD_03));
        assert_eq!(outcome, "fail");
        assert_eq!(
            findings,
            [
                "Error pod/db-0: terminating, 2m 0s past its grace period: still running: db",
                "Error pod/db-1: terminating: its node/node-1 isn't Ready, and nobody can confirm that the containers have \
                 stopped",
            ]
        );
        scene.unreadable(Resource::Nodes);
        assert_eq!(scene.judge(&POD_03).findings.len(), 1);
    }

    #[test]
    fn an_old_restart_is_told_and_a_kill_for_memory_is_a_warning_for_good() {
        let mut scene = Scene::healthy(2);
        let restarted = |reason: &str| {
            json!({
                "name": "db", "ready": true, "restartCount": 1, "image": "", "imageID": "",
                "state": {"running": {}},
                "lastState": {"terminated": {"exitCode": 137, "reason": reason, "finishedAt": "2026-02-01T00:00:00Z"}},
            })
        };
        for (name, reason) in [("db-0", "Error"), ("db-1", "OOMKilled")] {
            scene.edit(Resource::Pods, name, |pod| {
                pod["status"]["containerStatuses"][0] = restarted(reason);
            });
        }
        let judged = scene.judge(&POD_02);
        let severities: Vec<(Severity, &str)> = judged
            .findings
            .iter()
            .map(|finding| (finding.severity, finding.object.as_str()))
            .collect();
        assert_eq!(
            severities,
            [(Severity::Warning, "pod/db-1"), (Severity::Information, "pod/db-0")]
        );
    }
}
