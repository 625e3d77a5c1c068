//! Whether the shards have the quality of service that keeps them from being evicted first, and the settings beside it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::pod;
use crate::model::quantity::Amount;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::set;
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// The resources that decide the quality of service.
const COMPUTE: [&str; 2] = ["cpu", "memory"];
/// The shortest grace period that isn't warned of, in seconds; what a pod without one of its own gets.
const GRACE: i64 = 30;

/// POD-05.
pub const POD_05: Check = Check {
    about: Description {
        id: "POD-05",
        category: Category::Pods,
        severity: Severity::Error,
        title: "every shard is of Guaranteed quality of service",
        reads: &[Resource::StatefulSets, Resource::Pods],
        also: "",
        why: "When a node runs short of memory, the kubelet and the kernel kill pods of lesser quality first. Guaranteed \
              takes a request equal to its limit, and neither zero, for cpu and memory in every container: init containers \
              and sidecars count as well, one is enough to lose it. Where the pod itself has resources, they alone decide. \
              The template is judged where no pod of it is running yet.",
        mend: "Set request and limit alike for the container and resource that the finding names, and roll the set.\n$ kubectl \
               get pod NAME -o jsonpath='{.status.qosClass}'",
        source: "pkg/apis/core/v1/helper/qos/qos.go, ComputePodQOS; KEP-2837 (pod-level resources)",
        entails: &["POD-06"],
    },
    judge: pod_05,
};

fn pod_05(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let pods = seen.own_pods()?;
    let mut verdict = Verdict::new();
    let mut of_culprit: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in &pods {
        let Some(spec) = found.spec.as_ref() else { continue };
        let mut culprits = culprits(spec, true);
        let class = found.status.as_ref().and_then(|status| status.qos_class.as_deref());
        if let (true, Some(class)) = (culprits.is_empty(), class.filter(|class| *class != "Guaranteed")) {
            culprits.push(format!(
                "the server calls it {class}, though every request equals its limit (it may not know pod-level resources)"
            ));
        }
        for culprit in culprits {
            of_culprit.entry(culprit).or_default().push(pod::name(found).to_owned());
        }
    }
    for (culprit, pods) in &of_culprit {
        let object = match pods.as_slice() {
            [only] => format!("pod/{only}"),
            _ => format!("statefulset/{}", set::name(set)),
        };
        verdict
            .fail(object, format!("not Guaranteed: {culprit} ({})", pods.join(", ")))
            .remedy(seen.kubectl(&format!("edit statefulset {}", set::name(set))))
            .remedy(seen.shardctl("upgrade"));
    }
    let current = set.status.as_ref().and_then(|status| status.update_revision.as_deref());
    let running = pods
        .iter()
        .any(|found| current.is_some() && pod::revision(found) == current);
    if let (false, Some(spec)) = (running, set::pod_spec(set)) {
        for culprit in culprits(spec, false) {
            verdict
                .fail(
                    format!("statefulset/{}", set::name(set)),
                    format!("its next pods won't be Guaranteed: {culprit} (the template, which no pod is of yet)"),
                )
                .remedy(seen.kubectl(&format!("edit statefulset {}", set::name(set))));
        }
    }
    Ok(verdict.seen(format!("{} pods Guaranteed", pods.len())))
}

/// Whether resources of a whole pod count: with none of those that it may have they are as if they weren't there.
///
/// Source: `k8s.io/component-helpers/resource/helpers.go`, IsPodLevelResourcesSet.
fn is_set(whole: &ResourceRequirements) -> bool {
    let amounts = whole.requests.iter().chain(&whole.limits).flatten();
    amounts
        .into_iter()
        .any(|(name, _)| name == "cpu" || name == "memory" || name.starts_with("hugepages-"))
}

/// What keeps a pod from being Guaranteed, a clause each; nothing where it is.
///
/// `live` says that the server has filled in its defaults: a missing request is the limit (SetDefaults_Pod), which in a
/// template isn't written yet. Kubernetes compares sums over the containers; since no request may exceed its limit, they
/// are equal exactly where each is. Ephemeral containers have no resources, and don't count.
pub fn culprits(spec: &PodSpec, live: bool) -> Vec<String> {
    if let Some(whole) = spec.resources.as_ref().filter(|whole| is_set(whole)) {
        return unequal("the pod", Some(whole), live);
    }
    let init = spec.init_containers.iter().flatten();
    let named = |container: &Container, kind: &str| {
        unequal(
            &format!("{kind} {}", container.name),
            container.resources.as_ref(),
            live,
        )
    };
    let main = spec
        .containers
        .iter()
        .flat_map(|container| named(container, "container"));
    let before = init.flat_map(|container| {
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        named(container, if sidecar { "sidecar" } else { "init container" })
    });
    main.chain(before).collect()
}

fn unequal(whose: &str, resources: Option<&ResourceRequirements>, live: bool) -> Vec<String> {
    let requests = resources.and_then(|resources| resources.requests.as_ref());
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    COMPUTE
        .into_iter()
        .filter_map(|resource| {
            let limit = limits.and_then(|limits| limits.get(resource));
            let request = requests.and_then(|requests| requests.get(resource));
            let request = if live { request } else { request.or(limit) };
            let amount = |written: Option<&Quantity>| written.and_then(Amount::of).filter(|amount| !amount.is_zero());
            match (amount(request), amount(limit)) {
                (Some(request), Some(limit)) if request == limit => None,
                (None, None) => Some(format!("{whose} has neither request nor limit for {resource}")),
                (_, None) => Some(format!(
                    "{whose} has no limit for {resource} ({} requested)",
                    request.map_or("nothing", |request| &request.0)
                )),
                (_, Some(_)) => Some(format!(
                    "{whose}: {resource} {} requested, {} limit",
                    request.map_or("0", |request| &request.0),
                    limit.map_or("0", |limit| &limit.0)
                )),
            }
        })
        .collect()
}

/// POD-06.
pub const POD_06: Check = Check {
    about: Description {
        id: "POD-06",
        category: Category::Pods,
        severity: Severity::Warning,
        title: "the shards ask for the same memory, have a readiness probe, time to stop, and a priority",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::PriorityClasses],
        also: "",
        why: "A shard that asks for less memory than its siblings, or than it may use, is packed where it doesn't fit. Without \
              a readiness probe it counts as ready before it serves, and every gate between two shards is blind. A grace \
              period under 30 s cuts off what it writes on its way out. Without a priority above zero, any pod with one may \
              push it out. A mixed set in the middle of a roll is warned of too: that is what it is.",
        mend: "Set the field that the finding names in the template, and roll the set.\n$ kubectl create priorityclass shards \
               --value=1000000",
        source: "core/v1 PodSpec; scheduling.k8s.io/v1 PriorityClass (preemption)",
        entails: &[],
    },
    judge: pod_06,
};

fn pod_06(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let pods = seen.own_pods()?;
    let object = format!("statefulset/{}", set::name(set));
    let edit = seen.kubectl(&format!("edit statefulset {}", set::name(set)));
    let mut verdict = Verdict::new();
    // Each distinct weakness once, with the pods that have it; the template speaks where no pod does.
    let mut weak: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut asked: BTreeMap<Amount, (String, Vec<&str>)> = BTreeMap::new();
    let specs: Vec<(&str, &PodSpec)> = if pods.is_empty() {
        set::pod_spec(set)
            .into_iter()
            .map(|spec| ("the template", spec))
            .collect()
    } else {
        pods.iter()
            .filter_map(|&found| Some((pod::name(found), found.spec.as_ref()?)))
            .collect()
    };
    for &(name, spec) in &specs {
        for words in weaknesses(spec, !pods.is_empty()) {
            weak.entry(words).or_default().push(name);
        }
        let (amount, written) = memory_asked(spec);
        asked
            .entry(amount)
            .or_insert_with(|| (written, Vec::new()))
            .1
            .push(name);
    }
    for (words, names) in &weak {
        verdict
            .warn(object.clone(), format!("{words} ({})", names.join(", ")))
            .remedy(edit.clone());
    }
    if asked.len() > 1 {
        let each: Vec<String> = asked
            .values()
            .map(|(written, names)| format!("{written}: {}", names.join(", ")))
            .collect();
        verdict
            .warn(
                object.clone(),
                format!("the shards don't ask for the same memory ({})", each.join("; ")),
            )
            .remedy(seen.kubectl(
                "get pods -o custom-columns='NAME:.metadata.name,MEMORY:.spec.containers[*].resources.requests.memory'",
            ));
    }
    let class = set::pod_spec(set).and_then(|spec| spec.priority_class_name.as_deref());
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        match seen.snapshot.priority_classes.need() {
            Ok(classes) => {
                if !classes
                    .iter()
                    .any(|known| known.metadata.name.as_deref() == Some(class))
                {
                    verdict
                        .warn(
                            object,
                            format!(
                                "priorityClassName names {class}, which doesn't exist: the next pod will be refused"
                            ),
                        )
                        .remedy(seen.kubectl_cluster(&format!("create priorityclass {class} --value=1000000")));
                }
            }
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => verdict.unsure(why),
        }
    }
    let memory: BTreeSet<&str> = asked.values().map(|(written, _)| written.as_str()).collect();
    let memory: Vec<&str> = memory.into_iter().collect();
    Ok(verdict.seen(format!("{} of memory each", memory.join(", "))))
}

/// What a pod lacks, a clause each. A priority is the server's to fill in: only a `live` pod's is judged by number.
fn weaknesses(spec: &PodSpec, live: bool) -> Vec<String> {
    let mut found = Vec::new();
    for container in &spec.containers {
        let resources = container.resources.as_ref();
        let memory = |list: Option<&BTreeMap<String, Quantity>>| list?.get("memory").cloned();
        let request = memory(resources.and_then(|resources| resources.requests.as_ref()));
        let limit = memory(resources.and_then(|resources| resources.limits.as_ref()));
        if let (Some(request), Some(limit)) = (&request, &limit)
            && Amount::of(request) != Amount::of(limit)
        {
            found.push(format!(
                "container {}: memory {} requested, {} limit",
                container.name, request.0, limit.0
            ));
        }
    }
    let sidecars = spec.init_containers.iter().flatten();
    let mut all = spec.containers.iter().chain(sidecars);
    if !all.any(|container| container.readiness_probe.is_some()) {
        found.push("no container has a readiness probe: a shard counts as ready once it has started".to_owned());
    }
    let grace = spec.termination_grace_period_seconds.unwrap_or(GRACE);
    if grace < GRACE {
        found.push(format!(
            "terminationGracePeriodSeconds is {grace}: under {GRACE} s to stop"
        ));
    }
    let class = spec.priority_class_name.as_deref().unwrap_or_default();
    let priority = spec.priority.unwrap_or(0);
    if live && priority <= 0 {
        let class = if class.is_empty() {
            "no priorityClassName".to_owned()
        } else {
            format!("priorityClassName {class}")
        };
        found.push(format!(
            "priority {priority} ({class}): a pod with a higher one may push it out"
        ));
    } else if !live && class.is_empty() {
        found.push("no priorityClassName: a pod with a priority may push it out".to_owned());
    }
    found
}

/// The memory that a pod asks the scheduler for, without its overhead: of the pod as a whole, or the sum of its containers
/// and sidecars. Init containers that end before the shard starts are left out: they ask for nothing while it runs.
fn memory_asked(spec: &PodSpec) -> (Amount, String) {
    let of = |resources: Option<&ResourceRequirements>| {
        let resources = resources?;
        let request = resources.requests.as_ref().and_then(|requests| requests.get("memory"));
        let limit = resources.limits.as_ref().and_then(|limits| limits.get("memory"));
        request.or(limit).cloned()
    };
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let parts: Vec<Quantity> = match of(spec.resources.as_ref()) {
        Some(whole) => vec![whole],
        None => spec
            .containers
            .iter()
            .chain(sidecars)
            .filter_map(|container| of(container.resources.as_ref()))
            .collect(),
    };
    let total = parts.iter().filter_map(Amount::of).fold(Amount::ZERO, Amount::plus);
    let written: Vec<&str> = parts.iter().map(|part| part.0.as_str()).collect();
    let written = if written.is_empty() {
        "no memory".to_owned()
    } else {
        written.join(" + ")
    };
    (total, written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::{Value, json};

    fn spec(value: Value) -> PodSpec {
        serde_json::from_value(value).unwrap()
    }

    fn sized(name: &str, requests: Value, limits: Value) -> Value {
        json!({"name": name, "resources": {"requests": requests, "limits": limits}})
    }

    #[test]
    fn guaranteed_takes_equal_and_nonzero_amounts_in_every_container() {
        let equal = || {
            sized(
                "db",
                json!({"cpu": "1", "memory": "1Gi"}),
                json!({"cpu": "1000m", "memory": "1024Mi"}),
            )
        };
        assert_eq!(culprits(&spec(json!({"containers": [equal()]})), true), [""; 0]);
        assert_eq!(
            culprits(
                &spec(json!({"containers": [equal()], "initContainers": [
                    {"name": "wait"},
                    {"name": "logs", "restartPolicy": "Always", "resources": {
                        "requests": {"cpu": "1", "memory": "31Gi"}, "limits": {"memory": "32Gi"},
                    }},
                ]})),
                true
            ),
            [
                "init container wait has neither request nor limit for cpu",
                "init container wait has neither request nor limit for memory",
                "sidecar logs has no limit for cpu (1 requested)",
                "sidecar logs: memory 31Gi requested, 32Gi limit",
            ]
        );
        let zero = sized(
            "db",
            json!({"cpu": "0", "memory": "1Gi"}),
            json!({"cpu": "0", "memory": "1Gi"}),
        );
        assert_eq!(
            culprits(&spec(json!({"containers": [zero]})), true),
            ["container db has neither request nor limit for cpu"]
        );
    }

    #[test]
    fn resources_of_the_pod_itself_decide_alone() {
        let pod = |requests: Value, limits: Value| {
            let whole = json!({"requests": requests, "limits": limits});
            spec(json!({"containers": [{"name": "db"}], "resources": whole}))
        };
        let full = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(culprits(&pod(full.clone(), full.clone()), true), [""; 0]);
        assert_eq!(
            culprits(&pod(full.clone(), json!({"memory": "1Gi"})), true),
            ["the pod has no limit for cpu (1 requested)"]
        );
        // A template's missing request will be its limit; a live pod's has been filled in, so it is missing.
        assert_eq!(culprits(&pod(json!({}), full.clone()), false), [""; 0]);
        assert_eq!(culprits(&pod(json!({}), full), true).len(), 2);
    }

    #[test]
    fn a_culprit_that_all_shards_share_is_said_once() {
        let mut scene = Scene::healthy(3);
        for name in ["db-0", "db-1", "db-2"] {
            scene.edit(Resource::Pods, name, |pod| {
                pod["spec"]["containers"][0]["resources"]["requests"]["memory"] = json!("31Gi");
            });
        }
        assert_eq!(
            words(&scene.judge(&POD_05)),
            (
                "fail",
                vec![
                    "Error statefulset/db: not Guaranteed: container db: memory 31Gi requested, 32Gi limit (db-0, db-1, db-2)"
                        .to_owned()
                ]
            )
        );
        assert_eq!(scene.judge(&POD_06).findings.len(), 1);
    }

    #[test]
    fn empty_resources_of_a_whole_pod_are_none() {
        let mut scene = Scene::healthy(1);
        for empty in [
            json!({}),
            json!({"limits": {}}),
            json!({"requests": {"example.com/thing": "1"}}),
        ] {
            scene.edit(Resource::Pods, "db-0", |pod| pod["spec"]["resources"] = empty.clone());
            assert_eq!(words(&scene.judge(&POD_05)).0, "pass", "{empty}");
        }
        scene.edit(Resource::Pods, "db-0", |pod| {
            pod["spec"]["resources"] = json!({"limits": {"memory": "32Gi"}});
        });
        assert_eq!(words(&scene.judge(&POD_05)).0, "fail");
    }

    #[test]
    fn a_template_that_no_pod_is_of_yet_is_judged_by_itself() {
        let mut scene = Scene::healthy(2);
        scene.edit(Resource::StatefulSets, "db", |set| {
            set["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "32Gi"}});
        });
        assert_eq!(words(&scene.judge(&POD_05)), ("pass", vec![]));
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"status": {"updateRevision": "db-2"}}),
        );
        let (outcome, findings) = words(&scene.judge(&POD_05));
        assert_eq!(outcome, "fail");
        assert!(
            findings[0].contains("container db has neither request nor limit for cpu"),
            "{findings:?}"
        );
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn each_weakness_is_named_with_the_pods_that_have_it() {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::Pods, "db-1", |pod| {
            pod["spec"]["priority"] = json!(0);
            pod["spec"]["priorityClassName"] = json!("");
            pod["spec"]["terminationGracePeriodSeconds"] = json!(5);
            pod["spec"]["containers"][0]
                .as_object_mut()
                .unwrap()
                .remove("readinessProbe");
            pod["spec"]["containers"][0]["resources"] = json!({
                "requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"cpu": "4", "memory": "16384Mi"},
            });
        });
        let (outcome, findings) = words(&scene.judge(&POD_06));
        assert_eq!(outcome, "pass");
        assert_eq!(
            findings,
            [
                "Warning statefulset/db: no container has a readiness probe: a shard counts as ready once it has started (db-1)",
                "Warning statefulset/db: priority 0 (no priorityClassName): a pod with a higher one may push it out (db-1)",
                "Warning statefulset/db: terminationGracePeriodSeconds is 5: under 30 s to stop (db-1)",
                "Warning statefulset/db: the shards don't ask for the same memory (16Gi: db-1; 32Gi: db-0, db-2)",
            ]
        );
        let mut scene = Scene::healthy(1);
        scene.remove(Resource::PriorityClasses, "shards");
        assert_eq!(scene.judge(&POD_06).findings.len(), 1);
    }
}
