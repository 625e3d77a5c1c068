//! DATA-01: nothing is about to take a shard's data away.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::Check;
use super::seen::Seen;
use super::storage::{Held, held, volume_name};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::span::words;

/// DATA-01.
pub const DATA_01: Check = Check {
    about: Description {
        id: "DATA-01",
        category: Category::Threats,
        severity: Severity::Error,
        title: "no claim or volume of a shard is being deleted, or belongs to something that will delete it",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Claims,
            Resource::Volumes,
        ],
        also: "",
        why: "A claim that was deleted while its shard runs stays until the pod goes, and nothing looks wrong. When the pod is \
              restarted the claim goes with it, and seconds later the shard is Ready on a new, empty disk. A claim that is \
              owned by its pod, or by the set, is deleted together with that owner.",
        mend: "A deletion can't be taken back. Don't restart, drain or upgrade the shard. Set its volume to Retain, so that the \
               disk stays when the claim goes, and copy the data away first.\n$ kubectl patch persistentvolume NAME -p \
               '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'",
        source: "the finalizers kubernetes.io/pvc-protection and pv-protection; KEP-1847 (owners of claims)",
        entails: &[],
    },
    judge: data_01,
};

fn data_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held(seen)?;
    let mut verdict = Verdict::new();
    for one in &held {
        judge_claim(seen, one, &mut verdict);
        if let Some(volume) = one.volume
            && let Some(since) = volume.metadata.deletion_timestamp.as_ref()
        {
            let name = volume_name(volume);
            verdict
                .fail(
                    format!("pv/{name}"),
                    format!(
                        "the volume of {} is being deleted since {} ({} ago): it goes when its claim {} does",
                        one.whose(),
                        since.0,
                        words(seen.now().duration_since(since.0)),
                        one.name
                    ),
                )
                .remedy("keep the claim and its pod, and copy the data away before anything else")
                .remedy(keep(seen, name));
        }
    }
    let bound = held.iter().filter_map(Held::volume_name).count();
    if bound > 0
        && let Err(Skip::Unknown(why)) = seen.snapshot.volumes.need()
    {
        verdict.unsure(format!("whether volumes are being deleted: {why}"));
    }
    Ok(verdict.seen(format!("{} claims and their volumes stay", held.len())))
}

fn keep(seen: &Seen<'_>, volume: &str) -> String {
    seen.kubectl_cluster(&format!(
        "patch persistentvolume {} -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'",
        shell_word(volume)
    ))
}

fn judge_claim(seen: &Seen<'_>, one: &Held<'_>, verdict: &mut Verdict) {
    let Some(claim) = one.claim else {
        return;
    };
    if let Some(since) = claim.metadata.deletion_timestamp.as_ref() {
        let end = if one.template.is_some() {
            "when its pod goes the claim goes, and the shard comes back on a new, empty disk"
        } else {
            "when the last pod goes the claim goes, and no shard can start again"
        };
        let finding = verdict.fail(
            one.object(),
            format!(
                "the claim of {} is being deleted since {} ({} ago): {end}",
                one.whose(),
                since.0,
                words(seen.now().duration_since(since.0))
            ),
        );
        finding.remedy("don't restart, drain or upgrade the shard; a deletion can't be taken back");
        if let Some(volume) = one.volume_name() {
            finding.remedy(keep(seen, volume));
        }
        finding.remedy(seen.kubectl(&format!(
            "get persistentvolumeclaim {} --show-managed-fields -o yaml",
            shell_word(&one.name)
        )));
    }
    for owner in claim.metadata.owner_references.iter().flatten() {
        judge_owner(seen, one, owner, verdict);
    }
}

fn judge_owner(seen: &Seen<'_>, one: &Held<'_>, owner: &OwnerReference, verdict: &mut Verdict) {
    let ours = seen.set().ok().and_then(|set| set.metadata.uid.as_deref());
    let by = format!("{}/{}", owner.kind.to_lowercase(), owner.name);
    let (message, remedy) = if owner.kind == "Pod" {
        (
            format!(
                "the claim of {} is owned by {by}: it is deleted together with that pod",
                one.whose()
            ),
            "retention whenScaled: Delete does that to a shard that is being scaled away; set it to Retain and the owner goes",
        )
    } else if ours == Some(owner.uid.as_str()) {
        (
            format!(
                "the claim of {} is owned by {by} (retention whenDeleted: Delete): deleting the set deletes the data",
                one.whose()
            ),
            "set persistentVolumeClaimRetentionPolicy.whenDeleted to Retain, and the owner goes",
        )
    } else {
        verdict
            .warn(
                one.object(),
                format!(
                    "the claim of {} is owned by {by}: it is deleted together with that",
                    one.whose()
                ),
            )
            .remedy(seen.kubectl(&format!(
                "get persistentvolumeclaim {} -o jsonpath='{{.metadata.ownerReferences}}'",
                shell_word(&one.name)
            )));
        return;
    };
    let set = seen
        .set()
        .ok()
        .and_then(|set| set.metadata.name.as_deref())
        .unwrap_or_default();
    verdict.fail(one.object(), message).remedy(remedy).remedy(seen.kubectl(&format!(
        "patch statefulset {} --type merge -p '{{\"spec\":{{\"persistentVolumeClaimRetentionPolicy\":{{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}}}}}}'",
        shell_word(set)
    )));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words as told};
    use serde_json::json;

    #[test]
    fn a_deletion_that_waits_for_the_pod_is_an_error() {
        let mut scene = Scene::healthy(3);
        let going = json!({"metadata": {"deletionTimestamp": "2026-03-01T11:00:00Z"}});
        scene.merge(Resource::Claims, "data-db-1", going.clone());
        scene.merge(Resource::Volumes, "pv-2", going);
        let (outcome, findings) = told(&scene.judge(&DATA_01));
        assert_eq!(outcome, "fail");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("(1h ago)"), "{findings:?}");
    }

    #[test]
    fn owners_that_take_a_claim_along_are_told_apart() {
        let mut scene = Scene::healthy(3);
        let owned = |kind: &str, uid: &str| json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": "x", "uid": uid}]}});
        scene.merge(Resource::Claims, "data-db-0", owned("Pod", "p"));
        scene.merge(Resource::Claims, "data-db-1", owned("StatefulSet", "uid-db"));
        scene.merge(Resource::Claims, "data-db-2", owned("RedisCluster", "r"));
        let (outcome, findings) = told(&scene.judge(&DATA_01));
        assert_eq!(outcome, "fail");
        assert!(findings[0].starts_with("Error pvc/data-db-0") && findings[0].contains("owned by pod/x"));
        assert!(findings[1].starts_with("Error pvc/data-db-1") && findings[1].contains("whenDeleted"));
        assert!(findings[2].starts_with("Warning pvc/data-db-2"), "{findings:?}");
    }

    #[test]
    fn volumes_that_cannot_be_read_leave_it_open() {
        let mut scene = Scene::healthy(3);
        assert_eq!(told(&scene.judge(&DATA_01)), ("pass", vec![]));
        scene.unreadable(Resource::Volumes);
        assert_eq!(told(&scene.judge(&DATA_01)).0, "unknown");
    }
}
