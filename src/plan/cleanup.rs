//! What a cleanup deletes, and what it leaves: which objects are ours, in which order they go, which claims and volumes stay.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde::Serialize;
use serde_json::Value;

use crate::model::catalogue::Catalogue;
use crate::model::report::Phase;
use crate::model::set;
use crate::model::workload::{Workload, Wrong};
use crate::plan::manifest::names::PART_OF;
use crate::plan::manifest::{Manifest, manifests};

/// The step of a cleanup in which an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// The set first, and its shards with it.
    Set,
    /// Then the budget and the Services.
    Around,
    /// Then the claims, where the data is to go.
    Data,
    /// Then the pools, with their nodes.
    Pool,
    /// What the pools and the shards referred to goes last.
    Last,
}

/// The objects that a workload may have, each once, with the turn in which it goes; never the namespace, since the claims and
/// whatever else is in it would go with it. With `phase` only what is that phase's alone: its pool and its node class.
///
/// # Errors
/// The first parameter that can't be followed.
pub fn candidates(
    workload: &Workload,
    phase: Option<Phase>,
    catalogue: &Catalogue,
) -> Result<Vec<(Turn, Manifest)>, Wrong> {
    let mut all: Vec<(Turn, Manifest)> = Vec::new();
    for one in [Phase::Explore, Phase::Stable] {
        if phase.is_some_and(|phase| phase != one) {
            continue;
        }
        for manifest in manifests(workload, one, catalogue)? {
            let turn = match &manifest {
                Manifest::Namespace(_) => continue,
                Manifest::StatefulSet(_) => Turn::Set,
                Manifest::Service(_) | Manifest::Budget(_) => Turn::Around,
                Manifest::NodePool(_) => Turn::Pool,
                Manifest::AksNodeClass(_) | Manifest::PriorityClass(_) => Turn::Last,
            };
            let of_phase = matches!(manifest, Manifest::NodePool(_) | Manifest::AksNodeClass(_));
            let known = all.iter().any(|(_, known)| known.path() == manifest.path());
            if !known && (phase.is_none() || of_phase) {
                all.push((turn, manifest));
            }
        }
    }
    all.sort_by_key(|(turn, _)| *turn);
    Ok(all)
}

/// Whether an object says that it is the workload's.
pub fn is_ours(found: &Value, workload: &Workload) -> bool {
    found["metadata"]["labels"][PART_OF] == workload.name.as_str()
}

/// A shard's claim, and the disk that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Its uid.
    #[serde(skip)]
    pub uid: String,
    /// Its volume; none where it isn't bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// How large it is, as it was asked for.
    pub size: String,
    /// Whether the volume stays when its claim goes.
    pub volume_is_retained: bool,
    /// Whether it goes with its set or its pod (an owner that is one of these).
    #[serde(skip)]
    pub is_owned: bool,
}

impl Claim {
    /// In a line: `pvc/data-biometric-shard-0 (100Gi, pv/pvc-1f…)`.
    pub fn words(&self) -> String {
        format!("pvc/{} ({})", self.name, self.about())
    }

    /// How large it is, and its volume: `100Gi, pv/pvc-1f…`.
    pub fn about(&self) -> String {
        match &self.volume {
            Some(volume) => format!("{}, pv/{volume}", self.size),
            None => format!("{}, no volume", self.size),
        }
    }
}

/// The claims of the set's shards, whatever their number: those named as the set names them.
pub fn claims(found: &StatefulSet, all: &[PersistentVolumeClaim], volumes: &[PersistentVolume]) -> Vec<Claim> {
    let templates: Vec<&str> = set::claim_templates(found).collect();
    let is_its = |name: &str| {
        templates.iter().any(|template| {
            let ordinal = name
                .strip_prefix(&format!("{template}-{}-", set::name(found)))
                .unwrap_or_default();
            !ordinal.is_empty() && ordinal.bytes().all(|letter| letter.is_ascii_digit())
        })
    };
    let claim = |one: &PersistentVolumeClaim| {
        let name = one.metadata.name.clone().unwrap_or_default();
        let spec = one.spec.as_ref();
        let volume = spec.and_then(|spec| spec.volume_name.clone());
        let of_volume = volumes
            .iter()
            .find(|known| known.metadata.name == volume && volume.is_some());
        let policy = of_volume.and_then(|found| found.spec.as_ref()?.persistent_volume_reclaim_policy.as_deref());
        let size = spec
            .and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get("storage"))
            .map(|quantity| quantity.0.clone());
        let mut owners = one.metadata.owner_references.iter().flatten();
        Claim {
            name,
            uid: one.metadata.uid.clone().unwrap_or_default(),
            volume,
            size: size.unwrap_or_else(|| "size unknown".to_owned()),
            volume_is_retained: policy == Some("Retain"),
            is_owned: owners.any(|owner| owner.kind == "StatefulSet" || owner.kind == "Pod"),
        }
    };
    let mut found: Vec<Claim> = all
        .iter()
        .filter(|one| one.metadata.name.as_deref().is_some_and(is_its))
        .map(claim)
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words(phase: Option<Phase>) -> Vec<String> {
        let catalogue = Catalogue::azure(None).unwrap();
        candidates(&Workload::default(), phase, &catalogue)
            .unwrap()
            .iter()
            .map(|(_, manifest)| format!("{}/{}", manifest.word(), manifest.name()))
            .collect()
    }

    #[test]
    fn the_set_goes_first_the_pools_late_and_the_namespace_never() {
        assert_eq!(
            words(None),
            [
                "statefulset/biometric-shard",
                "service/biometric-shards",
                "service/biometric-lb",
                "pdb/biometric-shard-pdb",
                "nodepool/biometric-explore",
                "nodepool/biometric-stable",
                "priorityclass/biometric-shard",
                "aksnodeclass/biometric-explore",
                "aksnodeclass/biometric-stable",
            ]
        );
    }

    #[test]
    fn of_a_phase_only_its_pool_and_class_go() {
        assert_eq!(
            words(Some(Phase::Explore)),
            ["nodepool/biometric-explore", "aksnodeclass/biometric-explore"]
        );
    }

    #[test]
    fn claims_are_the_sets_by_their_whole_name_and_say_whether_they_would_go_with_it() {
        let found: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db"}, "spec": {"selector": {}, "serviceName": "db", "template": {},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        }))
        .unwrap();
        let claim = |name: &str, owner: Value| -> PersistentVolumeClaim {
            serde_json::from_value(json!({
                "metadata": {"name": name, "uid": "u", "ownerReferences": owner},
                "spec": {"volumeName": "pv-1", "resources": {"requests": {"storage": "1Gi"}}},
            }))
            .unwrap()
        };
        let owner = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s"}]);
        let volume: PersistentVolume = serde_json::from_value(json!({
            "metadata": {"name": "pv-1"}, "spec": {"persistentVolumeReclaimPolicy": "Retain"},
        }))
        .unwrap();
        let all = [
            claim("data-db-10", json!([])),
            claim("data-db-2", owner),
            claim("data-db-two-1", json!([])),
            claim("data-db-", json!([])),
            claim("logs-db-0", json!([])),
        ];
        let claims = claims(&found, &all, &[volume]);
        let told: Vec<(&str, bool, bool)> = claims
            .iter()
            .map(|one| (one.name.as_str(), one.is_owned, one.volume_is_retained))
            .collect();
        assert_eq!(told, [("data-db-10", false, true), ("data-db-2", true, true)]);
        assert_eq!(claims[0].words(), "pvc/data-db-10 (1Gi, pv/pv-1)");
    }
}
