//! Storage: the shards' claims, the volumes behind them, and their attachments.
//!
//! A shard's claims are those that the set's claim templates give it, and those that the pod template itself names (one
//! claim shared by all shards, usually ReadWriteMany). Ephemeral volumes come and go with their pods and aren't judged.

pub mod attachments;
pub mod claims;
pub mod volumes;

use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim};

use super::seen::{Seen, Shard};
use crate::model::read::Skip;
use crate::model::set;
use crate::model::storage::PersistentVolume;

/// A claim that shards use, with its volume as far as it was seen.
pub(super) struct Held<'a> {
    /// The claim's name.
    pub name: String,
    /// The claim template that makes it; none for a shared claim.
    pub template: Option<&'a str>,
    /// The claim, where it exists.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// The volume that it is bound to, where it was seen.
    pub volume: Option<&'a PersistentVolume>,
    /// The shards that use it: one, or all for a shared claim.
    pub shards: Vec<Shard<'a>>,
}

impl<'a> Held<'a> {
    /// `kind/name` of the claim.
    pub fn object(&self) -> String {
        format!("pvc/{}", self.name)
    }

    /// Whose it is: `db-1`, or `all shards`.
    pub fn whose(&self) -> &str {
        match self.shards.as_slice() {
            [only] if self.template.is_some() => &only.name,
            _ => "all shards",
        }
    }

    /// The name of the volume that the claim is bound to.
    pub fn volume_name(&self) -> Option<&'a str> {
        self.claim?.spec.as_ref()?.volume_name.as_deref()
    }

    /// The claim's phase.
    pub fn phase(&self) -> Option<&'a str> {
        self.claim?.status.as_ref()?.phase.as_deref()
    }
}

/// The claims of every shard that there should be.
///
/// # Errors
/// Not applicable where the set uses none; unknown where claims can't be read.
pub(super) fn held<'a>(seen: &Seen<'a>) -> Result<Vec<Held<'a>>, Skip> {
    let set = seen.set()?;
    let shared = shared_claims(seen)?;
    let templates: Vec<&str> = set::claim_templates(set).collect();
    if templates.is_empty() && shared.is_empty() {
        return Err(Skip::NotApplicable("the shards use no claims".to_owned()));
    }
    let claims = seen.snapshot.claims.need()?;
    let shards = seen.shards()?;
    let mut held = Vec::new();
    for shard in &shards {
        for (found, template) in seen.claims_of(shard.ordinal)?.into_iter().zip(&templates) {
            held.push(Held {
                name: found.name,
                template: Some(template),
                claim: found.claim,
                volume: found.volume,
                shards: vec![shard.clone()],
            });
        }
    }
    for name in shared {
        let claim = claims.iter().find(|claim| claim.metadata.name.as_deref() == Some(name));
        let mut one = Held {
            name: name.to_owned(),
            template: None,
            claim,
            volume: None,
            shards: shards.clone(),
        };
        one.volume = one.volume_name().and_then(|wanted| {
            let mut volumes = seen.snapshot.volumes.got()?.iter();
            volumes.find(|volume| volume.metadata.name.as_deref() == Some(wanted))
        });
        held.push(one);
    }
    Ok(held)
}

/// Why there is no volume of the shards to judge.
pub(super) fn without_volumes(seen: &Seen<'_>, held: &[Held<'_>]) -> Skip {
    if held.iter().any(|one| one.volume_name().is_some()) {
        return Skip::Unknown("no volume that the shards' claims name was found".to_owned());
    }
    seen.left_to("PVC-01", "no claim of the shards is bound to a volume")
}

/// The claims that the pod template names itself. A claim template of the same name replaces such a volume
/// (`pkg/controller/statefulset/stateful_set_utils.go`, updateStorage).
///
/// # Errors
/// As [`Seen::set`].
pub(super) fn shared_claims<'a>(seen: &Seen<'a>) -> Result<Vec<&'a str>, Skip> {
    let set = seen.set()?;
    let replaced: Vec<&str> = set::claim_templates(set).collect();
    let volumes = set::pod_spec(set).and_then(|spec| spec.volumes.as_deref());
    let mut names: Vec<&str> = volumes
        .unwrap_or_default()
        .iter()
        .filter(|volume| !replaced.contains(&volume.name.as_str()))
        .filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The shards' claims, once it is known that their volumes could be read.
pub(super) fn held_with_volumes<'a>(seen: &Seen<'a>) -> Result<Vec<Held<'a>>, Skip> {
    let held = held(seen)?;
    seen.snapshot.volumes.need()?;
    Ok(held)
}

/// A volume's name.
pub(super) fn volume_name(volume: &PersistentVolume) -> &str {
    volume.metadata.name.as_deref().unwrap_or_default()
}

/// An event as a line of evidence.
pub(super) fn quoted(event: &Event) -> String {
    let reason = event.reason.as_deref().unwrap_or_default();
    format!("{reason}: {}", event.message.as_deref().unwrap_or_default())
}
