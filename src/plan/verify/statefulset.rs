//! The StatefulSet: there, of the right size, settled, set up so that nothing rolls or deletes by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::seen::Seen;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::report::Expected;
use crate::model::resource::Resource;
use crate::model::set::{self, name};
use crate::model::shell::shell_word;
use crate::model::{mark, pod};

/// STS-01.
pub const STS_01: Check = Check {
    about: Description {
        id: "STS-01",
        category: Category::StatefulSet,
        severity: Severity::Error,
        title: "the namespace and its StatefulSet exist",
        reads: &[Resource::Namespace, Resource::StatefulSets],
        also: "",
        why: "Without the set there are no shards, and nothing below can be judged.",
        mend: "See what the namespace holds, and name the set where there are several.\n$ kubectl get statefulsets \
               --all-namespaces",
        source: "apps/v1 StatefulSet",
        entails: &[],
    },
    judge: sts_01,
};

fn sts_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let namespace = &seen.snapshot.taken.namespace;
    match seen.snapshot.namespace.got().map(|found| found.first()) {
        Some(Some(found)) => {
            if found.metadata.deletion_timestamp.is_some() {
                verdict
                    .fail(
                        format!("namespace/{namespace}"),
                        "the namespace is being deleted, and everything in it goes with it",
                    )
                    .remedy("find out who deleted it, and save the volumes first: their reclaim policy decides what is left")
                    .remedy(seen.kubectl("get persistentvolumeclaims"));
            }
        }
        Some(None) => {
            verdict
                .fail(format!("namespace/{namespace}"), "there is no such namespace")
                .remedy(seen.kubectl_cluster("get namespaces"));
            return Ok(verdict);
        }
        None => verdict.unsure(format!("whether namespace/{namespace} is being deleted can't be read")),
    }
    let Some(sets) = verdict.part(seen.snapshot.sets.need()) else {
        return Ok(verdict);
    };
    let Some(set) = seen.snapshot.set() else {
        let message = match sets.len() {
            0 => "there is no StatefulSet in the namespace".to_owned(),
            _ => format!(
                "there are {} StatefulSets in the namespace, and none was named",
                sets.len()
            ),
        };
        verdict
            .fail(format!("namespace/{namespace}"), message)
            .remedy(seen.kubectl("get statefulsets"));
        return Ok(verdict);
    };
    if set.metadata.deletion_timestamp.is_some() {
        verdict
            .fail(
                format!("statefulset/{}", name(set)),
                "the set is being deleted, and its pods go with it unless they were orphaned",
            )
            .remedy(seen.kubectl(&format!("get statefulset {} -o yaml", name(set))));
    }
    Ok(verdict.seen(format!("statefulset/{}", name(set))))
}

/// STS-02.
pub const STS_02: Check = Check {
    about: Description {
        id: "STS-02",
        category: Category::StatefulSet,
        severity: Severity::Error,
        title: "the set asks for as many shards as there should be",
        reads: &[Resource::StatefulSets, Resource::Budgets],
        also: "--expect, or `expect` in shardctl.toml",
        why: "One shard too few is an outage; one too many is what an interrupted surge leaves, and a system that hashes over \
              its live members has moved its keys. A set that was scaled to no shards is switched off, which is never \
              healthy: where neither the budget nor --expect says how many there should be, that is said here.",
        mend: "Where a surge was interrupted, `shardctl recover` scales back and removes the claim it made. Otherwise set the \
               number.\n$ kubectl scale statefulset NAME --replicas N",
        source: "apps/v1 StatefulSetSpec.replicas, ordinals (KEP-3335)",
        entails: &[
            "STS-03", "POD-01", "PVC-01", "EPS-01", "DNS-02", "DNS-03", "PDB-02", "PDB-03", "LB-02", "RES-01", "THR-01",
        ],
    },
    judge: sts_02,
};

fn sts_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let expected = seen.expected()?;
    if seen.policy.expect.is_none() {
        // A budget that wasn't seen may expect another number, and a set can't contradict itself.
        seen.snapshot.budgets.need()?;
    }
    let replicas = set::replicas(set);
    let mut verdict = Verdict::new();
    if expected.shards < 1 {
        judge_none(seen, &expected, &mut verdict);
    } else if replicas != expected.shards {
        let object = format!("statefulset/{}", name(set));
        let finding = verdict.fail(
            object,
            format!(
                "spec.replicas is {replicas}, but there should be {} shards ({})",
                expected.shards, expected.origin
            ),
        );
        if mark::Mark::of(set.metadata.annotations.as_ref()).is_some() {
            finding.remedy(seen.shardctl("recover"));
        } else {
            if expected.origin.starts_with("minAvailable") && replicas > expected.shards {
                finding.remedy(format!(
                    "first settle which number is right: if it is {replicas}, the budget was relaxed (PDB-02), and scaling would \
                     take a shard away; only if it is {}:",
                    expected.shards
                ));
            }
            finding.remedy(seen.kubectl(&format!(
                "scale statefulset {} --replicas={}",
                name(set),
                expected.shards
            )));
        }
    }
    let first = set::first_ordinal(set);
    let numbered = if first == 0 {
        String::new()
    } else {
        format!(", numbered from {first}")
    };
    Ok(verdict.seen(format!("{replicas} shards ({}){numbered}", expected.origin)))
}

/// A set of no shards is a system that is switched off: healthy is what nobody can call it, however well it has no shards.
fn judge_none(seen: &Seen<'_>, expected: &Expected, verdict: &mut Verdict) {
    let Some(set) = seen.snapshot.set() else { return };
    let claimed = seen.claimed_ordinals();
    let finding = verdict.fail(
        format!("statefulset/{}", name(set)),
        format!(
            "there are to be {} shards ({}): the system is switched off, and nothing says how many it should have",
            expected.shards, expected.origin
        ),
    );
    let scale = |count: &str| seen.kubectl(&format!("scale statefulset {} --replicas={count}", name(set)));
    match (claimed.first(), claimed.last()) {
        (Some(first), Some(last)) => {
            finding
                .evidence(format!(
                    "there are claims of the ordinals {first} to {last}, with their data"
                ))
                .remedy("if each of those claims is a shard's:")
                .remedy(scale(
                    &last
                        .saturating_sub(set::first_ordinal(set))
                        .saturating_add(1)
                        .to_string(),
                ));
        }
        _ => {
            finding.remedy(scale("N"));
        }
    }
}

/// STS-03.
pub const STS_03: Check = Check {
    about: Description {
        id: "STS-03",
        category: Category::StatefulSet,
        severity: Severity::Error,
        title: "the set's status is current, and counts every shard as ready and available",
        reads: &[Resource::StatefulSets, Resource::Pods],
        also: "",
        why: "A status of an older generation speaks of a set that is gone. Ready and available differ by minReadySeconds. The \
              status counts a terminating pod as ready until it is gone, so the pods are looked at as well.",
        mend: "See which shard is missing under POD-01. Where the status stays behind, the controller-manager isn't working.",
        source: "pkg/controller/statefulset/stateful_set_control.go",
        entails: &["POD-01", "PDB-03", "EPS-01", "LB-02"],
    },
    judge: sts_03,
};

fn sts_03(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let wanted = seen.expected()?.shards;
    let object = format!("statefulset/{}", name(set));
    let mut verdict = Verdict::new();
    let status = set.status.clone().unwrap_or_default();
    let generation = set.metadata.generation.unwrap_or(0);
    let observed = status.observed_generation.unwrap_or(0);
    if observed < generation {
        verdict
            .fail(
                object.clone(),
                format!("the status is of generation {observed}, the spec of generation {generation}: the controller is behind"),
            )
            .remedy(seen.kubectl(&format!("get statefulset {} -o yaml", name(set))));
    }
    let ready = status.ready_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let terminating: Vec<&str> = verdict
        .part(seen.own_pods())
        .unwrap_or_default()
        .into_iter()
        .filter(|found| pod::is_terminating(found))
        .map(pod::name)
        .collect();
    if ready != wanted || available != wanted {
        verdict
            .fail(
                object,
                format!("{ready} of {wanted} shards are ready, {available} available (held for minReadySeconds)"),
            )
            .remedy(seen.kubectl(&format!("get pods -l {} -o wide", selector_words(seen)?)));
    } else if !terminating.is_empty() {
        verdict
            .fail(
                object,
                format!(
                    "the status counts {ready} ready, but terminating: {}",
                    terminating.join(", ")
                ),
            )
            .remedy(seen.kubectl(&format!("get pods {}", terminating.join(" "))));
    }
    Ok(verdict.seen(format!("{ready} ready, {available} available, of {wanted}")))
}

fn selector_words(seen: &Seen<'_>) -> Result<String, Skip> {
    let set = seen.set()?;
    Ok(set
        .spec
        .as_ref()
        .map(|spec| shell_word(&set::selector_query(&spec.selector)))
        .unwrap_or_default())
}

/// STS-04.
pub const STS_04: Check = Check {
    about: Description {
        id: "STS-04",
        category: Category::StatefulSet,
        severity: Severity::Error,
        title: "the set rolls nothing by itself, keeps every claim, and has its headless service",
        reads: &[Resource::StatefulSets, Resource::Services],
        also: "",
        why: "With RollingUpdate any change of the template restarts every shard, one after the other, with no gate between. \
              With a retention of Delete a claim, and with it the data, goes with a shard that is scaled away or with the \
              set. Without the headless service the shards have no names.",
        mend: "$ kubectl patch statefulset NAME --type merge -p '{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\
               \"rollingUpdate\":null},\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"Retain\",\"whenScaled\":\
               \"Retain\"}}}'\nThe field serviceName can't be changed: create the service under that name.",
        source: "apps/v1 StatefulSetSpec; KEP-1847 (retention of claims)",
        entails: &["SVC-01", "EPS-01", "DNS-02", "DNS-03", "DNS-04", "DATA-01"],
    },
    judge: sts_04,
};

fn sts_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let object = format!("statefulset/{}", name(set));
    let mut verdict = Verdict::new();
    let Some(spec) = set.spec.as_ref() else {
        return Err(Skip::Unknown(format!("{object} has no spec")));
    };
    let strategy = spec
        .update_strategy
        .as_ref()
        .and_then(|strategy| strategy.type_.as_deref())
        .unwrap_or("RollingUpdate");
    if strategy != "OnDelete" {
        verdict
            .fail(
                object.clone(),
                format!("updateStrategy is {strategy}: a change of the template restarts shards by itself"),
            )
            .remedy(seen.kubectl(&format!(
                "patch statefulset {} --type merge -p '{{\"spec\":{{\"updateStrategy\":{{\"type\":\"OnDelete\",\"rollingUpdate\":null}}}}}}'",
                name(set)
            )));
    }
    if set::claim_templates(set).next().is_some() {
        let policy = spec.persistent_volume_claim_retention_policy.as_ref();
        let kept = |value: Option<&String>| value.is_none_or(|value| value == "Retain");
        let deleted = policy.and_then(|policy| policy.when_deleted.as_ref());
        let scaled = policy.and_then(|policy| policy.when_scaled.as_ref());
        if !kept(deleted) || !kept(scaled) {
            let word = |value: Option<&String>| value.map_or("Retain", String::as_str).to_owned();
            verdict
                .fail(
                    object.clone(),
                    format!(
                        "claims aren't kept: whenDeleted {}, whenScaled {}; both must be Retain",
                        word(deleted),
                        word(scaled)
                    ),
                )
                .remedy(seen.kubectl(&format!(
                    "patch statefulset {} --type merge -p '{{\"spec\":{{\"persistentVolumeClaimRetentionPolicy\":{{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}}}}}}'",
                    name(set)
                )));
        }
    }
    judge_service(
        seen,
        &object,
        spec.service_name.as_deref().unwrap_or_default(),
        &mut verdict,
    );
    Ok(verdict.seen("OnDelete, claims retained, headless service there"))
}

fn judge_service(seen: &Seen<'_>, object: &str, wanted: &str, verdict: &mut Verdict) {
    if wanted.is_empty() {
        verdict
            .fail(object, "serviceName is empty: the shards have no names of their own")
            .remedy("serviceName can't be changed: make a new set beside it, or reach the shards by address only");
        return;
    }
    match seen.snapshot.services.need() {
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => verdict.unsure(why),
        Ok(services) => {
            let service = services
                .iter()
                .find(|service| service.metadata.name.as_deref() == Some(wanted));
            let address = service
                .and_then(|service| service.spec.as_ref())
                .and_then(|spec| spec.cluster_ip.as_deref());
            match (service, address) {
                (None, _) => {
                    verdict
                        .fail(
                            object,
                            format!("serviceName names service/{wanted}, which doesn't exist"),
                        )
                        .remedy(seen.kubectl(&format!(
                            "create service clusterip {} --clusterip=None --tcp=PORT",
                            shell_word(wanted)
                        )));
                }
                (Some(_), Some("None")) => {}
                (Some(_), _) => {
                    verdict
                        .fail(
                            object,
                            format!(
                                "serviceName names service/{wanted}, which has an address of its own: it isn't headless"
                            ),
                        )
                        .remedy(
                            "a Service can't be made headless in place: delete it and create it with clusterIP: None",
                        );
                }
            }
        }
    }
}

/// STS-05.
pub const STS_05: Check = Check {
    about: Description {
        id: "STS-05",
        category: Category::StatefulSet,
        severity: Severity::Warning,
        title: "every shard runs the current template",
        reads: &[Resource::StatefulSets, Resource::Pods],
        also: "",
        why: "Under OnDelete a changed template waits until a pod is recreated: the next crash, eviction or drain upgrades \
              that shard, unasked.",
        mend: "Roll the pending template with `shardctl upgrade`, or take it back with `shardctl upgrade undo`.",
        source: "the label controller-revision-hash against status.updateRevision; kubernetes#73492 on currentRevision",
        entails: &["STS-06"],
    },
    judge: sts_05,
};

fn sts_05(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let wanted = set.status.as_ref().and_then(|status| status.update_revision.as_deref());
    let Some(wanted) = wanted else {
        return Err(Skip::Unknown("the set's status names no revision yet".to_owned()));
    };
    let mut verdict = Verdict::new();
    let mut behind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for found in seen.own_pods()? {
        let revision = pod::revision(found).unwrap_or("no revision");
        if revision != wanted {
            behind.entry(revision).or_default().push(pod::name(found));
        }
    }
    for (revision, pods) in &behind {
        verdict
            .warn(
                format!("statefulset/{}", name(set)),
                format!(
                    "of {revision}, not of {wanted} (the current template): {}",
                    pods.join(", ")
                ),
            )
            .remedy(seen.kubectl(&format!("get controllerrevision {wanted} {revision} -o yaml")));
    }
    Ok(verdict.seen(format!("all of {wanted}")))
}

/// STS-06.
pub const STS_06: Check = Check {
    about: Description {
        id: "STS-06",
        category: Category::StatefulSet,
        severity: Severity::Warning,
        title: "the same image gives the same digest on every shard",
        reads: &[Resource::StatefulSets, Resource::Pods],
        also: "",
        why: "A tag can be moved. Shards that pulled it on different days then run different programs under one name.",
        mend: "Name the image by its digest, and roll the set.",
        source: "core/v1 ContainerStatus.imageID",
        entails: &[],
    },
    judge: sts_06,
};

fn sts_06(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let mut digests: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for found in seen.own_pods()? {
        for status in pod::container_statuses(found).filter(|status| !status.image_id.is_empty()) {
            let spec = found.spec.as_ref();
            let asked = spec
                .into_iter()
                .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()))
                .find(|container| container.name == status.name)
                .and_then(|container| container.image.as_deref())
                .unwrap_or(&status.image);
            digests
                .entry((&status.name, asked))
                .or_default()
                .entry(&status.image_id)
                .or_default()
                .insert(pod::name(found));
        }
    }
    for ((container, image), by_digest) in &digests {
        if by_digest.len() > 1 {
            let finding = verdict.warn(
                format!("image/{image}"),
                format!(
                    "container {container}: {} different digests under one reference",
                    by_digest.len()
                ),
            );
            for (digest, pods) in by_digest {
                let pods: Vec<&str> = pods.iter().copied().collect();
                finding.evidence(format!("{digest}: {}", pods.join(", ")));
            }
            finding.remedy("name the image by its digest in the template, then roll the set");
        }
    }
    Ok(verdict.seen(format!("{} image references, one digest each", digests.len())))
}
