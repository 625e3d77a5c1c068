//! Whether Karpenter and Cluster Autoscaler have been told to leave the shards alone.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::running::duration;
use crate::model::actors::{Actor, is_known_actor, is_scaled_up};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::pod::{DO_NOT_DISRUPT, SAFE_TO_EVICT};
use crate::model::read::{Read, Skip};
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::{node, pod};
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// POD-07.
pub const POD_07: Check = Check {
    about: Description {
        id: "POD-07",
        category: Category::Pods,
        severity: Severity::Error,
        title: "in the stable phase, template and pods tell Karpenter not to disrupt them",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::NodePools],
        also: "--phase, or `phase` in shardctl.toml",
        why: "Without `karpenter.sh/do-not-disrupt` Karpenter may consolidate or replace a node under a shard whenever a \
              budget leaves it room. On live pods alone it is gone with the next restart, on the template alone it isn't \
              there yet. Since Karpenter 1.14 it may be a duration: that protects until the pod has run for so long, and not \
              after. It stops neither expiry nor node repair.",
        mend: "Annotate the template for the pods to come, and the live pods at once, which restarts nothing.\n$ kubectl \
               annotate pod NAME karpenter.sh/do-not-disrupt=true --overwrite",
        source: "Karpenter pkg/utils/pod/scheduling.go, IsDoNotDisruptActive",
        entails: &["THR-01"],
    },
    judge: pod_07,
};

fn pod_07(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let (phase, origin) = seen.phase()?;
    if phase == Phase::Explore {
        return Err(Skip::NotApplicable(format!(
            "the shards may be moved in the explore phase ({origin})"
        )));
    }
    if let Read::Absent(why) = &seen.snapshot.node_pools {
        return Err(Skip::NotApplicable(why.clone()));
    }
    let mut verdict = Verdict::new();
    let template = set::template(set).and_then(|template| template.metadata.as_ref());
    let written = template.and_then(|meta| meta.annotations.as_ref()?.get(DO_NOT_DISRUPT));
    let written = written.map(String::as_str);
    match read(written) {
        Protection::Always => {}
        Protection::For(span) => {
            verdict
                .warn(
                    format!("statefulset/{}", set::name(set)),
                    format!(
                        "{DO_NOT_DISRUPT} on the template is {}: each pod is protected for its first {} only",
                        written.unwrap_or_default(),
                        duration(span)
                    ),
                )
                .remedy(patch_template(seen, DO_NOT_DISRUPT, "true"));
        }
        Protection::None => {
            verdict
                .fail(
                    format!("statefulset/{}", set::name(set)),
                    format!("{}: pods to come won't be protected", missing("the template", written)),
                )
                .remedy(patch_template(seen, DO_NOT_DISRUPT, "true"));
        }
    }
    let mut bare: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for found in seen.own_pods()? {
        let written = pod::annotation(found, DO_NOT_DISRUPT);
        let words = match read(written) {
            Protection::Always => continue,
            Protection::For(span) => match left(seen, found, span) {
                // The template's warning says it already.
                Some(left) if left.is_positive() => continue,
                _ => format!(
                    "{DO_NOT_DISRUPT} was for {}, and that is over: Karpenter may disrupt it",
                    written.unwrap_or_default()
                ),
            },
            Protection::None => format!("{}: Karpenter may disrupt it", missing("the live pod", written)),
        };
        bare.entry(words).or_default().push(pod::name(found));
    }
    for (words, names) in &bare {
        verdict
            .fail(whose(set, names), format!("{words} ({})", names.join(", ")))
            .remedy(seen.kubectl(&format!(
                "annotate pod {} {DO_NOT_DISRUPT}=true --overwrite",
                names.join(" ")
            )));
    }
    Ok(verdict.seen(format!("do-not-disrupt on template and pods, stable phase ({origin})")))
}

/// The object of a finding about these pods: the pod, or the set where there are several.
fn whose(set: &StatefulSet, names: &[&str]) -> String {
    match names {
        [only] => format!("pod/{only}"),
        _ => format!("statefulset/{}", set::name(set)),
    }
}

fn missing(whose: &str, written: Option<&str>) -> String {
    match written {
        None => format!("{whose} has no {DO_NOT_DISRUPT}"),
        Some(written) => {
            format!("{DO_NOT_DISRUPT} on {whose} is `{written}`, which Karpenter doesn't take (`true`, or a duration)")
        }
    }
}

/// How much of a protection for a while is left; it counts from the pod's start, and a pod without one is protected.
fn left(seen: &Seen<'_>, found: &Pod, span: SignedDuration) -> Option<SignedDuration> {
    match found.status.as_ref().and_then(|status| status.start_time.as_ref()) {
        Some(start) => span.checked_sub(seen.now().duration_since(start.0)),
        None => Some(span),
    }
}

/// What the annotation's value means to Karpenter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    Always,
    For(SignedDuration),
    None,
}

fn read(written: Option<&str>) -> Protection {
    match written {
        Some("true") => Protection::Always,
        Some(written) => match go_duration(written) {
            Some(span) if span.is_positive() => Protection::For(span),
            _ => Protection::None,
        },
        None => Protection::None,
    }
}

/// A duration as Go writes it: `1h30m`, `2.5h`, `300ms`. None for other words.
pub fn go_duration(text: &str) -> Option<SignedDuration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        seconds += number
            * match &rest[..end] {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    SignedDuration::try_from_secs_f64(sign * seconds).ok()
}

fn patch_template(seen: &Seen<'_>, key: &str, value: &str) -> String {
    let name = seen.snapshot.set().map(set::name).unwrap_or_default();
    seen.kubectl(&format!(
        "patch statefulset {name} --type merge -p '{{\"spec\":{{\"template\":{{\"metadata\":{{\"annotations\":{{\"{key}\":\"{value}\"}}}}}}}}}}'"
    ))
}

/// POD-08.
pub const POD_08: Check = Check {
    about: Description {
        id: "POD-08",
        category: Category::Pods,
        severity: Severity::Warning,
        title: "where Cluster Autoscaler runs, template and pods tell it not to evict them",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Nodes,
            Resource::ClusterAutoscalerStatus,
            Resource::Deployments,
        ],
        also: "",
        why: "Cluster Autoscaler evicts pods of a StatefulSet like any others when their node is little used. The budget \
              stands in its way only as long as it is closed. Nodes that Karpenter made are none of its business.",
        mend: "Annotate the template for the pods to come, and the live pods at once, which restarts nothing.\n$ kubectl \
               annotate pod NAME cluster-autoscaler.kubernetes.io/safe-to-evict=false --overwrite",
        source: "Cluster Autoscaler FAQ, what types of pods can prevent it from removing a node",
        entails: &["THR-01"],
    },
    judge: pod_08,
};

fn pod_08(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let runs = autoscaler(seen)?;
    let mut verdict = Verdict::new();
    match seen.nodes_with_shards() {
        Ok(nodes) => {
            let bought = |found: &Node| node::label(found, node::NODE_POOL).is_some();
            if !nodes.is_empty() && nodes.iter().all(|(found, _)| bought(found)) {
                return Err(Skip::NotApplicable(format!(
                    "{runs}, but Karpenter made every node with a shard"
                )));
            }
        }
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => verdict.unsure(why),
    }
    let template = set::template(set).and_then(|template| template.metadata.as_ref());
    let written = template.and_then(|meta| meta.annotations.as_ref()?.get(SAFE_TO_EVICT));
    let kept = |value: Option<&str>| value == Some("false");
    let words = |value: Option<&str>| value.map_or_else(|| "isn't set".to_owned(), |value| format!("is {value}"));
    let written = written.map(String::as_str);
    if !kept(written) {
        verdict
            .warn(
                format!("statefulset/{}", set::name(set)),
                format!(
                    "{SAFE_TO_EVICT} {} on the template, and {runs}: it may evict pods to come",
                    words(written)
                ),
            )
            .remedy(patch_template(seen, SAFE_TO_EVICT, "false"));
    }
    let mut bare: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for found in seen.own_pods()? {
        let value = pod::annotation(found, SAFE_TO_EVICT);
        if !kept(value) {
            bare.entry(words(value)).or_default().push(pod::name(found));
        }
    }
    for (words, names) in &bare {
        verdict
            .warn(
                whose(set, names),
                format!(
                    "{SAFE_TO_EVICT} {words} on the live pod, and {runs}: it may evict it ({})",
                    names.join(", ")
                ),
            )
            .remedy(seen.kubectl(&format!(
                "annotate pod {} {SAFE_TO_EVICT}=false --overwrite",
                names.join(" ")
            )));
    }
    Ok(verdict.seen(format!("safe-to-evict is false on template and pods ({runs})")))
}

/// How it is known that Cluster Autoscaler runs: its status, or its Deployment. A managed one (AKS, GKE) shows only the former.
fn autoscaler(seen: &Seen<'_>) -> Result<String, Skip> {
    let status = seen.snapshot.cluster_autoscaler.need();
    if status.as_ref().is_ok_and(|found| !found.is_empty()) {
        return Ok("Cluster Autoscaler publishes its status here".to_owned());
    }
    let deployment = seen
        .snapshot
        .deployments
        .got()
        .into_iter()
        .flatten()
        .find(|deployment| {
            let name = deployment.metadata.name.as_deref().unwrap_or_default();
            let is_its = is_known_actor(name, deployment.metadata.labels.as_ref()) == Some(Actor::ClusterAutoscaler);
            is_scaled_up(deployment) && is_its
        });
    if let Some(deployment) = deployment {
        return Ok(format!(
            "Cluster Autoscaler runs here (deployment/{})",
            deployment.metadata.name.as_deref().unwrap_or_default()
        ));
    }
    status?;
    seen.snapshot.deployments.need()?;
    Err(Skip::NotApplicable("Cluster Autoscaler doesn't run here".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn go_durations_are_read_as_go_reads_them() {
        let seconds = |text: &str| go_duration(text).map(|span| span.as_secs());
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("2.5h"), Some(9000));
        assert_eq!(seconds("-5m"), Some(-300));
        assert_eq!(seconds("0"), Some(0));
        for text in ["", "5", "1d", "h", "1h2", "true", "-"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    fn with_karpenter() -> Scene {
        let mut scene = Scene::stable(3);
        scene.set(
            Resource::NodePools,
            Read::Got(vec![json!({"metadata": {"name": "shop-stable"}})]),
        );
        scene
    }

    #[test]
    fn a_pods_protection_is_true_or_a_time_that_is_not_over() {
        assert_eq!(words(&with_karpenter().judge(&POD_07)), ("pass", vec![]));
        let annotated = |value: serde_json::Value| json!({"metadata": {"annotations": {DO_NOT_DISRUPT: value}}});
        let mut scene = with_karpenter();
        scene.merge(Resource::Pods, "db-0", annotated(json!("1h")));
        scene.merge(Resource::Pods, "db-1", annotated(json!("72h")));
        scene.merge(Resource::Pods, "db-2", annotated(json!("yes")));
        let (outcome, findings) = words(&scene.judge(&POD_07));
        assert_eq!(outcome, "fail");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[1].starts_with("Error pod/db-0: karpenter.sh/do-not-disrupt was for 1h, and that is over"));
        assert!(findings[0].starts_with("Error pod/db-2: karpenter.sh/do-not-disrupt on the live pod is `yes`"));
        let mut scene = with_karpenter();
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"template": annotated(json!(null))}}),
        );
        assert_eq!(scene.judge(&POD_07).findings.len(), 1);
        scene.policy.phase = None;
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"template": {"spec": {"affinity": null}}}}),
        );
        assert_eq!(words(&scene.judge(&POD_07)).0, "not applicable");
        assert_eq!(words(&Scene::stable(3).judge(&POD_07)).0, "not applicable");
    }

    #[test]
    fn the_autoscalers_word_is_needed_only_where_it_manages_a_shards_node() {
        let bare = || {
            let mut scene = Scene::healthy(2);
            scene.merge(
                Resource::Pods,
                "db-1",
                json!({"metadata": {"annotations": {SAFE_TO_EVICT: "true"}}}),
            );
            scene
        };
        assert_eq!(words(&bare().judge(&POD_08)).0, "not applicable");
        let mut blind = bare();
        blind.unreadable(Resource::ClusterAutoscalerStatus);
        assert_eq!(words(&blind.judge(&POD_08)).0, "unknown");
        let mut scene = bare();
        scene.add(
            Resource::ClusterAutoscalerStatus,
            json!({"metadata": {"name": "cluster-autoscaler-status"}}),
        );
        let (_, findings) = words(&scene.judge(&POD_08));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("Warning pod/db-1:"), "{findings:?}");
        for name in ["node-0", "node-1"] {
            scene.merge(
                Resource::Nodes,
                name,
                json!({"metadata": {"labels": {"karpenter.sh/nodepool": "shop"}}}),
            );
        }
        assert_eq!(words(&scene.judge(&POD_08)).0, "not applicable");
    }
}
