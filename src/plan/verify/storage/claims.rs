//! The claims: there, bound, each to a volume of its own, as large as asked for; and the classes that made them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Held, held, quoted};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::mark::Mark;
use crate::model::quantity::Amount;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::{pod, set, volume};
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// PVC-01.
pub const PVC_01: Check = Check {
    about: Description {
        id: "PVC-01",
        category: Category::Storage,
        severity: Severity::Error,
        title: "every claim of every shard is Bound, to a volume of its own, as large as asked for",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Claims],
        also: "",
        why: "A shard without its claim can't start, or starts empty. A claim that was enlarged but has its old capacity is a \
              disk that fills up while everybody believes it was taken care of. A claim beyond the last shard is data that \
              nobody uses, and a surge shard with that ordinal would start on it.",
        mend: "A Pending claim says in its events what it waits for. A Lost claim's volume was deleted, or bound to another \
               claim: restore the volume before the shard is touched. A resize that waits for the file system ends when the \
               volume is mounted again; one that failed says why. Remove a leftover claim only when nobody needs its data.\n\
               $ kubectl describe persistentvolumeclaim NAME",
        source: "core/v1 PersistentVolumeClaimStatus; KEP-1790 (recovery from a failed expansion)",
        entails: &[
            "POD-01", "POD-04", "STS-03", "PV-02", "VA-01", "EPS-01", "DNS-02", "DNS-03", "LB-02", "PDB-03", "PDB-04",
            "EVT-01",
        ],
    },
    judge: pvc_01,
};

fn pvc_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held(seen)?;
    let mut verdict = Verdict::new();
    for one in &held {
        judge_binding(seen, one, &mut verdict);
        if let Some(claim) = one.claim {
            judge_size(seen, one, claim, &mut verdict);
        }
    }
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &held {
        if let Some(volume) = one.volume_name() {
            users.entry(volume).or_default().push(&one.name);
        }
    }
    for (volume, claims) in users.iter().filter(|(_, claims)| claims.len() > 1) {
        verdict
            .fail(
                format!("pv/{volume}"),
                format!("several claims name this one volume: {}", claims.join(", ")),
            )
            .remedy(seen.kubectl_cluster(&format!("get persistentvolume {volume} -o yaml")));
    }
    judge_leftovers(seen, &mut verdict)?;
    let volumes = users.len();
    Ok(verdict.seen(format!("{} claims Bound to {volumes} volumes", held.len())))
}

fn judge_binding(seen: &Seen<'_>, one: &Held<'_>, verdict: &mut Verdict) {
    let describe = seen.kubectl(&format!("describe persistentvolumeclaim {}", shell_word(&one.name)));
    let message = match (one.claim, one.phase()) {
        (Some(_), Some("Bound")) => return,
        (None, _) if one.template.is_some() => format!("the claim of {} doesn't exist", one.whose()),
        (None, _) => "the claim that all shards share doesn't exist: a shard that restarts can't start".to_owned(),
        (Some(_), Some("Lost")) => format!(
            "the claim of {} is Lost: its volume {} is gone, or bound to another claim",
            one.whose(),
            one.volume_name().unwrap_or("(none)")
        ),
        (Some(_), phase) => format!(
            "the claim of {} is {}, not Bound",
            one.whose(),
            phase.unwrap_or("without a phase")
        ),
    };
    let finding = verdict.fail(one.object(), message);
    if let Ok(events) = seen.events_about("PersistentVolumeClaim", &one.name)
        && let Some(last) = events.last()
    {
        finding.evidence(quoted(last));
    }
    if one.claim.is_some() {
        finding.remedy(describe);
    } else if one.template.is_some() {
        finding
            .remedy("the StatefulSet's controller makes it when it makes the pod, with an empty disk: find the old volume first if the shard had data")
            .remedy(seen.kubectl_cluster("get persistentvolumes"))
            .remedy(seen.kubectl(&format!("describe statefulset {}", shell_word(&set_name(seen)))));
    } else {
        finding.remedy(
            "nothing makes it again by itself: create it under that name, bound to the volume that holds the data",
        );
    }
}

fn set_name(seen: &Seen<'_>) -> String {
    seen.set().map(|set| set::name(set).to_owned()).unwrap_or_default()
}

fn judge_size(seen: &Seen<'_>, one: &Held<'_>, claim: &PersistentVolumeClaim, verdict: &mut Verdict) {
    let asked = requested(claim);
    let status = claim.status.as_ref();
    let has = status.and_then(|status| storage(status.capacity.as_ref()?));
    if let (Some((asked, asked_words)), Some((has, has_words))) = (asked, has)
        && has < asked
        && one.phase() == Some("Bound")
    {
        let finding = verdict.fail(
            one.object(),
            format!(
                "{asked_words} requested, {has_words} there: the resize for {} isn't done",
                one.whose()
            ),
        );
        for condition in status.into_iter().flat_map(|status| status.conditions.iter().flatten()) {
            let message = condition.message.as_deref().unwrap_or_default();
            finding.evidence(
                format!("{}: {message}", condition.type_)
                    .trim_end_matches(": ")
                    .to_owned(),
            );
        }
        for (resource, state) in status
            .into_iter()
            .flat_map(|status| status.allocated_resource_statuses.iter().flatten())
        {
            finding.evidence(format!("{resource}: {state}"));
        }
        finding.remedy(seen.kubectl(&format!("describe persistentvolumeclaim {}", shell_word(&one.name))));
    }
    let template = one.template.and_then(|wanted| {
        let spec = seen.set().ok()?.spec.as_ref()?;
        let mut templates = spec.volume_claim_templates.iter().flatten();
        templates.find(|template| template.metadata.name.as_deref() == Some(wanted))
    });
    if let (Some((wanted, wanted_words)), Some((asked, asked_words))) = (template.and_then(requested), asked)
        && asked < wanted
    {
        verdict
            .warn(
                one.object(),
                format!(
                    "the claim of {} asks for {asked_words}, the set's claim template for {wanted_words}: its disk fills up first",
                    one.whose()
                ),
            )
            .remedy(seen.kubectl(&format!(
                "patch persistentvolumeclaim {} --type merge -p '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{wanted_words}\"}}}}}}}}'",
                shell_word(&one.name)
            )));
    }
}

fn requested(claim: &PersistentVolumeClaim) -> Option<(Amount, &str)> {
    storage(claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?)
}

fn storage(amounts: &BTreeMap<String, Quantity>) -> Option<(Amount, &str)> {
    let written = amounts.get("storage")?;
    Some((Amount::of(written)?, &written.0))
}

/// Claims that the set's templates would give to ordinals that it shouldn't have.
fn judge_leftovers(seen: &Seen<'_>, verdict: &mut Verdict) -> Result<(), Skip> {
    let set = seen.set()?;
    let expected = seen.expected()?;
    let wanted = set::ordinals(set, expected.shards);
    let surging = Mark::of(set.metadata.annotations.as_ref()).is_some();
    for claim in seen.snapshot.claims.need()? {
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        let Some(ordinal) = set::claimed_ordinal(set, name) else {
            continue;
        };
        if wanted.contains(&ordinal) {
            continue;
        }
        let owner = set::pod_name(set, ordinal);
        let used = seen.pods()?.iter().any(|found| pod::name(found) == owner);
        let finding = verdict.warn(
            format!("pvc/{name}"),
            format!(
                "a claim of ordinal {ordinal}, where there should be {} ({}); {}",
                if wanted.is_empty() {
                    "no shards".to_owned()
                } else {
                    let last = wanted.end.saturating_sub(1);
                    format!("{} shards, {} to {last}", expected.shards, wanted.start)
                },
                expected.origin,
                if used {
                    format!("pod/{owner} uses it")
                } else {
                    "no pod uses it".to_owned()
                }
            ),
        );
        if surging {
            finding.remedy(seen.shardctl("recover"));
        } else if used || wanted.is_empty() || set::replicas(set) != expected.shards {
            // A budget that somebody lowered, or a set scaled away, must never turn into the advice to delete a shard's data.
            finding
                .remedy("the claim is a shard's: settle how many shards there should be (STS-02), and leave it alone");
        } else {
            finding
                .remedy(
                    "a shard made with that ordinal would start on its data; delete it only when nobody needs that:",
                )
                .remedy(seen.kubectl(&format!("delete persistentvolumeclaim {}", shell_word(name))));
        }
    }
    Ok(())
}

/// SC-01.
pub const SC_01: Check = Check {
    about: Description {
        id: "SC-01",
        category: Category::Storage,
        severity: Severity::Warning,
        title: "the classes of the shards' disks bind late, and their disks can grow",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Claims,
            Resource::Volumes,
            Resource::StorageClasses,
        ],
        also: "",
        why: "With volumeBindingMode Immediate a disk is made before anybody knows where its shard will run, in a zone where \
              there may be no node for it. Without allowVolumeExpansion a full disk can only be copied to a larger one. \
              Shares that every node can reach are in no zone, and aren't judged here.",
        mend: "volumeBindingMode can't be changed: make a class that waits for the first consumer; disks that exist keep \
               working. Expansion can be allowed in place, if the driver knows how.\n$ kubectl patch storageclass NAME -p \
               '{\"allowVolumeExpansion\":true}'",
        source: "storage.k8s.io/v1 StorageClass",
        entails: &[],
    },
    judge: sc_01,
};

/// The provisioner of classes whose volumes are made by hand.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

fn sc_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut by_class: BTreeMap<&str, Vec<&Held<'_>>> = BTreeMap::new();
    let held = held(seen)?;
    for one in held.iter().filter(|one| one.template.is_some()) {
        let spec = one.claim.and_then(|claim| claim.spec.as_ref());
        let class = spec.and_then(|spec| spec.storage_class_name.as_deref());
        if let Some(class) = class.filter(|class| !class.is_empty()) {
            by_class.entry(class).or_default().push(one);
        }
    }
    if by_class.is_empty() && held.iter().any(|one| one.template.is_some() && one.claim.is_none()) {
        return Err(seen.left_to("PVC-01", "the shards' claims don't exist"));
    }
    if by_class.is_empty() {
        let why = "no shard has a disk that a storage class made for it";
        return Err(Skip::NotApplicable(why.to_owned()));
    }
    let classes = seen.snapshot.classes.need()?;
    let mut verdict = Verdict::new();
    for (name, claims) in &by_class {
        match classes
            .iter()
            .find(|class| class.metadata.name.as_deref() == Some(name))
        {
            Some(class) => judge_class(seen, class, claims, &mut verdict),
            None => {
                verdict
                    .inform(
                        format!("storageclass/{name}"),
                        "the class of the shards' claims doesn't exist: disks that are bound stay, a new shard's claim stays Pending unless a volume is made for it by hand",
                    )
                    .remedy(seen.kubectl_cluster("get storageclasses"));
            }
        }
    }
    let names: Vec<&str> = by_class.keys().copied().collect();
    Ok(verdict.seen(format!("class {}", names.join(", "))))
}

fn judge_class(seen: &Seen<'_>, class: &StorageClass, claims: &[&Held<'_>], verdict: &mut Verdict) {
    let name = class.metadata.name.as_deref().unwrap_or_default();
    if class.provisioner == NO_PROVISIONER {
        return;
    }
    let object = format!("storageclass/{name}");
    if class.volume_binding_mode.as_deref() != Some("WaitForFirstConsumer") {
        let volumes: Vec<_> = claims.iter().filter_map(|one| one.volume).collect();
        let zones: BTreeSet<&str> = volumes
            .iter()
            .filter_map(|found| volume::zones(found))
            .flatten()
            .collect();
        if seen.snapshot.volumes.got().is_none() {
            verdict.unsure(format!(
                "{object} binds at once; whether its volumes are bound to zones can't be read"
            ));
        } else if volumes.is_empty() || !zones.is_empty() {
            verdict
                .warn(
                    object.clone(),
                    "volumeBindingMode is Immediate: a new disk may be made in a zone where its shard can't run",
                )
                .remedy("make a class with volumeBindingMode: WaitForFirstConsumer for new sets; disks that exist keep working");
        }
    }
    let shared = |one: &&Held<'_>| {
        let spec = one.claim.and_then(|claim| claim.spec.as_ref());
        spec.is_some_and(|spec| spec.access_modes.iter().flatten().any(|mode| mode == "ReadWriteMany"))
    };
    if class.allow_volume_expansion != Some(true) && !claims.iter().all(shared) {
        verdict
            .warn(
                object,
                "allowVolumeExpansion isn't set: a disk that fills up can't be enlarged",
            )
            .remedy(seen.kubectl_cluster(&format!(
                "patch storageclass {} -p '{{\"allowVolumeExpansion\":true}}'",
                shell_word(name)
            )));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn a_claim_that_is_missing_pending_or_too_small_is_an_error() {
        let mut scene = Scene::healthy(3);
        scene.remove(Resource::Claims, "data-db-0");
        scene.merge(Resource::Claims, "data-db-1", json!({"status": {"phase": "Pending"}}));
        scene.merge(
            Resource::Claims,
            "data-db-2",
            json!({
                "spec": {"resources": {"requests": {"storage": "128Gi"}}},
                "status": {"conditions": [{"type": "FileSystemResizePending", "status": "True"}]},
            }),
        );
        let judged = scene.judge(&PVC_01);
        let (outcome, findings) = words(&judged);
        assert_eq!(outcome, "fail");
        assert_eq!(
            findings,
            [
                "Error pvc/data-db-0: the claim of db-0 doesn't exist",
                "Error pvc/data-db-1: the claim of db-1 is Pending, not Bound",
                "Error pvc/data-db-2: 128Gi requested, 64Gi there: the resize for db-2 isn't done",
            ]
        );
        assert_eq!(judged.findings[2].evidence, ["FileSystemResizePending"]);
    }

    #[test]
    fn a_claim_beyond_the_last_ordinal_is_a_warning_and_another_sets_claim_is_none() {
        let mut scene = Scene::healthy(3);
        for name in ["data-db-7", "data-db-x", "data-web-9", "other-db-9"] {
            scene.add(Resource::Claims, json!({"metadata": {"name": name}}));
        }
        let (outcome, findings) = words(&scene.judge(&PVC_01));
        assert_eq!(outcome, "pass");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("Warning pvc/data-db-7"), "{findings:?}");
    }

    #[test]
    fn a_claim_is_never_to_be_deleted_before_the_number_of_shards_is_settled() {
        let deleted = |scene: &Scene| {
            let judged = scene.judge(&PVC_01);
            assert_eq!(judged.findings.len(), 3, "{:?}", words(&judged));
            let mut remedies = judged.findings.iter().flat_map(|finding| &finding.remedy);
            remedies.any(|line| line.contains("delete persistentvolumeclaim"))
        };
        // Scaled away: every claim is beyond the last shard, and every one has a shard's data.
        let mut scene = Scene::healthy(3);
        scene.remove(Resource::Budgets, "db");
        scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 0}}));
        for ordinal in 0..3 {
            scene.remove(Resource::Pods, &format!("db-{ordinal}"));
        }
        assert!(!deleted(&scene));
        let (_, findings) = words(&scene.judge(&PVC_01));
        assert!(
            findings[0].contains("ordinal 0, where there should be no shards (spec.replicas); no pod uses it"),
            "{findings:?}"
        );
        // A budget that was lowered beside it says no better how many there should be.
        let mut scene = Scene::healthy(4);
        scene.merge(Resource::Budgets, "db", json!({"spec": {"minAvailable": 1}}));
        scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 0}}));
        for ordinal in 0..4 {
            scene.remove(Resource::Pods, &format!("db-{ordinal}"));
        }
        assert!(!deleted(&scene));
        // Where set and budget agree on one shard, the other three are left over.
        scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 1}}));
        assert!(deleted(&scene));
    }

    #[test]
    fn one_shared_claim_is_judged_as_it_is() {
        let mut scene = Scene::healthy(3);
        share(&mut scene);
        assert_eq!(words(&scene.judge(&PVC_01)), ("pass", vec![]));
        assert_eq!(words(&scene.judge(&SC_01)).0, "not applicable");
        scene.remove(Resource::Claims, "shared");
        assert_eq!(words(&scene.judge(&PVC_01)).0, "fail");
    }

    fn share(scene: &mut Scene) {
        scene.edit(Resource::StatefulSets, "db", |set| {
            set["spec"]["volumeClaimTemplates"] = json!([]);
            set["spec"]["template"]["spec"]["volumes"] =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}]);
        });
        for ordinal in 0..3 {
            scene.remove(Resource::Claims, &format!("data-db-{ordinal}"));
        }
        scene.add(
            Resource::Claims,
            json!({
                "metadata": {"name": "shared"},
                "spec": {
                    "accessModes": ["ReadWriteMany"], "storageClassName": "files", "volumeName": "pv-shared",
                    "resources": {"requests": {"storage": "1Ti"}},
                },
                "status": {"phase": "Bound", "capacity": {"storage": "1Ti"}},
            }),
        );
    }

    #[test]
    fn a_set_without_claims_has_nothing_to_judge() {
        let mut scene = Scene::healthy(3);
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"volumeClaimTemplates": null}}),
        );
        assert_eq!(words(&scene.judge(&PVC_01)).0, "not applicable");
        assert_eq!(words(&scene.judge(&SC_01)).0, "not applicable");
    }

    #[test]
    fn a_class_that_binds_at_once_matters_only_for_disks_in_zones() {
        let mut scene = Scene::healthy(3);
        let at_once = json!({"volumeBindingMode": "Immediate", "allowVolumeExpansion": null});
        scene.merge(Resource::StorageClasses, "disk", at_once);
        for key in volume::ZONE_KEYS {
            for ordinal in 0..3 {
                scene.edit(Resource::Volumes, &format!("pv-{ordinal}"), |disk| {
                    disk["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] =
                        json!(key);
                });
            }
            let (_, findings) = words(&scene.judge(&SC_01));
            assert_eq!(findings.len(), 2, "{key}: {findings:?}");
        }
        for ordinal in 0..3 {
            scene.merge(
                Resource::Volumes,
                &format!("pv-{ordinal}"),
                json!({"spec": {"nodeAffinity": null}}),
            );
        }
        let (_, findings) = words(&scene.judge(&SC_01));
        assert_eq!(findings.len(), 1, "{findings:?}");
        scene.unreadable(Resource::Volumes);
        assert_eq!(words(&scene.judge(&SC_01)).0, "unknown");
    }
}
