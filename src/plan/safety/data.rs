//! What guards a shard's data: its claims and volumes must be seen, bound, and not on their way out. Nothing overrides this.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::catalogue::{
    CLAIM_DELETED, CLAIM_MISSING, CLAIM_NOT_BOUND, CLAIM_OWNED_BY_POD, CLAIMS_UNREADABLE, VOLUME_DELETED,
};
use crate::model::finding::{Finding, Severity};
use crate::model::objects::Objects;
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::model::shell::shell_word;
use crate::model::storage::PersistentVolume;
use crate::plan::verify::seen::Seen;

/// The names of a shard's claims: those of the set's claim templates, those that the template names itself, and those that
/// its pod has mounted now.
///
/// # Errors
/// As [`Seen::set`].
pub fn claim_names(
    seen: &Seen<'_>,
    ordinal: Ordinal,
    pod: Option<&Pod>,
) -> Result<BTreeSet<String>, crate::model::read::Skip> {
    let set = seen.set()?;
    let templates: BTreeSet<&str> = set::claim_templates(set).collect();
    let mut names: BTreeSet<String> = templates
        .iter()
        .map(|template| set::claim_name(set, template, ordinal))
        .collect();
    let of_template = set::pod_spec(set).and_then(|spec| spec.volumes.as_ref());
    let of_pod = pod.and_then(|pod| pod.spec.as_ref()?.volumes.as_ref());
    // A claim template of the same name replaces a volume of the pod template.
    let shared = of_template
        .into_iter()
        .flatten()
        .filter(|volume| !templates.contains(volume.name.as_str()));
    let mounted = shared.chain(of_pod.into_iter().flatten());
    names.extend(mounted.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone())));
    Ok(names)
}

/// Why the shard's pod must not go, as far as its data is concerned.
pub fn refusals(seen: &Seen<'_>, ordinal: Ordinal, pod: Option<&Pod>) -> Vec<Refusal> {
    let whose = seen
        .set()
        .map(|found| set::pod_name(found, ordinal))
        .unwrap_or_default();
    let unreadable = |why: String| {
        vec![CLAIMS_UNREADABLE.refuse(
            format!("pod/{whose}"),
            format!("the claims of {whose} can't be judged: {why}"),
        )]
    };
    let names = match claim_names(seen, ordinal, pod) {
        Ok(names) => names,
        Err(skip) => return unreadable(words(skip)),
    };
    if names.is_empty() {
        return Vec::new();
    }
    let claims = match seen.snapshot.claims.need() {
        Ok(claims) => claims,
        Err(skip) => return unreadable(words(skip)),
    };
    let volumes = match seen.snapshot.volumes.need() {
        Ok(volumes) => volumes,
        Err(skip) => return unreadable(words(skip)),
    };
    let mut found = Vec::new();
    for name in names {
        let claim = claims
            .iter()
            .find(|claim| claim.metadata.name.as_deref() == Some(&name));
        match claim {
            Some(claim) => judge(seen, &whose, &name, claim, volumes, &mut found),
            None => found.push(
                CLAIM_MISSING
                    .refuse(
                        format!("pvc/{name}"),
                        format!("the claim {name} of {whose} doesn't exist"),
                    )
                    .remedy("find the volume that holds the data, and make a claim of that name with its volumeName"),
            ),
        }
    }
    found
}

fn judge(
    seen: &Seen<'_>,
    whose: &str,
    name: &str,
    claim: &PersistentVolumeClaim,
    volumes: &Objects<PersistentVolume>,
    found: &mut Vec<Refusal>,
) {
    let object = format!("pvc/{name}");
    let volume_name = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.as_deref())
        .filter(|name| !name.is_empty());
    let keep = |volume: &str| {
        seen.kubectl_cluster(&format!(
            "patch persistentvolume {} -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'",
            shell_word(volume)
        ))
    };
    if let Some(since) = claim.metadata.deletion_timestamp.as_ref() {
        let mut refusal = CLAIM_DELETED.refuse(
            &object,
            format!(
                "the claim {name} of {whose} is being deleted since {}: it goes when its pod does",
                since.0
            ),
        );
        if let Some(volume) = volume_name {
            refusal = refusal.remedy(keep(volume));
        }
        found.push(refusal.remedy("copy the data away while the pod runs"));
    }
    for owner in claim
        .metadata
        .owner_references
        .iter()
        .flatten()
        .filter(|owner| owner.kind == "Pod")
    {
        found.push(
            CLAIM_OWNED_BY_POD
                .refuse(
                    &object,
                    format!(
                        "the claim {name} of {whose} is owned by pod/{}, and is deleted with it",
                        owner.name
                    ),
                )
                .remedy("set persistentVolumeClaimRetentionPolicy.whenScaled to Retain, and the owner goes"),
        );
    }
    let phase = claim
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default();
    let Some(volume_name) = volume_name.filter(|_| phase == "Bound") else {
        let phase = if phase.is_empty() { "without a phase" } else { phase };
        found.push(CLAIM_NOT_BOUND.refuse(&object, format!("the claim {name} of {whose} is {phase}, not Bound")));
        return;
    };
    let Some(volume) = volumes
        .iter()
        .find(|volume| volume.metadata.name.as_deref() == Some(volume_name))
    else {
        found.push(CLAIM_NOT_BOUND.refuse(
            &object,
            format!("the claim {name} of {whose} is bound to the volume {volume_name}, which wasn't found"),
        ));
        return;
    };
    if let Some(since) = volume.metadata.deletion_timestamp.as_ref() {
        found.push(
            VOLUME_DELETED
                .refuse(
                    format!("pv/{volume_name}"),
                    format!(
                        "the volume of {whose} is being deleted since {}: it goes when its claim {name} does",
                        since.0
                    ),
                )
                .remedy(keep(volume_name)),
        );
    }
}

/// What doesn't stop a shard from being replaced, and would take its data in another way: what else owns the claims, and
/// what the set says is to become of them.
pub fn notes(seen: &Seen<'_>) -> Vec<Finding> {
    let Ok(found) = seen.set() else { return Vec::new() };
    if set::claim_templates(found).next().is_none() {
        return Vec::new();
    }
    let policy = found
        .spec
        .as_ref()
        .and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref());
    let said = |value: Option<&String>| value.map_or("Retain", String::as_str).to_owned();
    let (deleted, scaled) = (
        said(policy.and_then(|policy| policy.when_deleted.as_ref())),
        said(policy.and_then(|policy| policy.when_scaled.as_ref())),
    );
    if deleted == "Retain" && scaled == "Retain" {
        return Vec::new();
    }
    let name = set::name(found);
    let mut note = Finding::new(
        Severity::Warning,
        format!("statefulset/{name}"),
        format!(
            "its claims go with it or with its shards (whenDeleted: {deleted}, whenScaled: {scaled}): this operation does neither, others may"
        ),
    );
    note.remedy(seen.kubectl(&format!(
        "patch statefulset {} --type merge -p '{{\"spec\":{{\"persistentVolumeClaimRetentionPolicy\":{{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}}}}}}'",
        shell_word(name)
    )));
    vec![note]
}

/// A reason without a verdict, in words.
pub fn words(skip: crate::model::read::Skip) -> String {
    match skip {
        crate::model::read::Skip::Unknown(why) | crate::model::read::Skip::NotApplicable(why) => why,
    }
}
