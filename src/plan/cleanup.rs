//! What a cleanup deletes, and what it leaves: which objects are ours, in which order they go, which claims and volumes stay.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::Serialize;
use serde_json::Value;

use crate::model::mark::{MARK, Mark};
use crate::model::report::Phase;
use crate::model::set;
use crate::model::storage::PersistentVolume;
use crate::model::workload::Workload;
use crate::plan::manifest::names::{PART_OF, of_another_namespace};
use crate::plan::manifest::{Place, places};

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

/// Where the objects are that a workload may have, each once, with the turn in which it goes; never the namespace, since the claims
/// and whatever else is in it would go with it. With `phase` only what is that phase's alone: its pool and its node class.
pub fn candidates(workload: &Workload, phase: Option<Phase>) -> Vec<(Turn, Place)> {
    let mut all: Vec<(Turn, Place)> = Vec::new();
    for one in [Phase::Explore, Phase::Stable] {
        if phase.is_some_and(|phase| phase != one) {
            continue;
        }
        for place in places(workload, one) {
            let turn = match place.word {
                "namespace" => continue,
                "statefulset" => Turn::Set,
                "service" | "pdb" => Turn::Around,
                "nodepool" => Turn::Pool,
                _ => Turn::Last,
            };
            let of_phase = matches!(place.word, "nodepool" | "aksnodeclass");
            let known = all.iter().any(|(_, known)| *known == place);
            if !known && (phase.is_none() || of_phase) {
                all.push((turn, place));
            }
        }
    }
    all.sort_by_key(|(turn, _)| *turn);
    all
}

/// Whether an object says that it is the workload's, and not that of one in another namespace.
pub fn is_ours(found: &Value, workload: &Workload) -> bool {
    found["metadata"]["labels"][PART_OF] == workload.name.as_str()
        && of_another_namespace(found, &workload.namespace).is_none()
}

/// Whether a pod, as `namespace/name`, has a name that the set gives to its shards.
pub fn is_shard(set: &StatefulSet, pod: &str) -> bool {
    pod.split_once('/').is_some_and(|(namespace, name)| {
        set.metadata.namespace.as_deref() == Some(namespace) && set::ordinal_of(set, name).is_some()
    })
}

/// What an operation on the set has left on an object, a clause; none where there is no mark, or another set's.
pub fn left_by(object: &Value, namespace: &str, set: &str) -> Option<String> {
    let written = object["metadata"]["annotations"][MARK].as_str()?;
    match serde_json::from_str::<Mark>(written) {
        Ok(mark) if mark.is_of_another_set(namespace, set) => None,
        Ok(mark) => Some(format!("{} has left a mark on it, run by {}", mark.operation, mark.by)),
        Err(_) => Some("it has a mark of shardctl's that this version can't read".to_owned()),
    }
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

/// Whether a claim has a name that the set gives to its shards' claims, whatever their number.
fn is_claim_of(found: &StatefulSet, name: &str) -> bool {
    set::claim_templates(found).any(|template| {
        let ordinal = name
            .strip_prefix(&format!("{template}-{}-", set::name(found)))
            .unwrap_or_default();
        !ordinal.is_empty() && ordinal.bytes().all(|letter| letter.is_ascii_digit())
    })
}

/// A volume that has outlived its claim, and costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlived {
    /// The volume.
    pub volume: String,
    /// The claim that it was bound to.
    pub claim: String,
    /// How large it is.
    pub size: String,
}

/// The retained volumes of shards whose claims are gone: those that name such a claim, and that no claim has.
pub fn outlived(found: &StatefulSet, claims: &[Claim], volumes: &[PersistentVolume]) -> Vec<Outlived> {
    let of = |one: &PersistentVolume| {
        let spec = one.spec.as_ref()?;
        let volume = one.metadata.name.clone()?;
        let claim = spec.claim_ref.as_ref()?;
        let name = claim.name.clone()?;
        let is_its = claim.namespace == found.metadata.namespace && is_claim_of(found, &name);
        let is_held = claims.iter().any(|claim| claim.volume.as_ref() == Some(&volume));
        let is_retained = spec.persistent_volume_reclaim_policy.as_deref() == Some("Retain");
        let size = spec.capacity.as_ref().and_then(|all| all.get("storage"));
        (is_its && is_retained && !is_held).then(|| Outlived {
            volume,
            claim: name,
            size: size.map_or_else(|| "size unknown".to_owned(), |size| size.0.clone()),
        })
    };
    let mut found: Vec<Outlived> = volumes.iter().filter_map(of).collect();
    found.sort_by(|one, other| (&one.claim, &one.volume).cmp(&(&other.claim, &other.volume)));
    found
}

/// The claims of the set's shards, whatever their number: those named as the set names them.
pub fn claims(found: &StatefulSet, all: &[PersistentVolumeClaim], volumes: &[PersistentVolume]) -> Vec<Claim> {
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
    let mut its: Vec<Claim> = all
        .iter()
        .filter(|one| {
            one.metadata
                .name
                .as_deref()
                .is_some_and(|name| is_claim_of(found, name))
        })
        .map(claim)
        .collect();
    its.sort_by(|one, other| one.name.cmp(&other.name));
    its
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalogue::Catalogue;
    use crate::model::workload::NodeClass;
    use crate::plan::manifest::{Manifest, manifests};
    use serde_json::json;

    fn words(phase: Option<Phase>) -> Vec<String> {
        let candidates = candidates(&Workload::default(), phase);
        candidates.iter().map(|(_, place)| place.object()).collect()
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
    fn every_object_of_a_phase_is_looked_for_where_it_was_written_and_also_where_no_size_would_do() {
        let catalogue = Catalogue::azure(None).unwrap();
        let mut workload = Workload::default();
        for node_class in [
            None,
            Some(NodeClass::parse("karpenter.k8s.aws/EC2NodeClass/default").unwrap()),
        ] {
            workload.node_class = node_class;
            for phase in [Phase::Explore, Phase::Stable] {
                let made = manifests(&workload, phase, &catalogue).unwrap();
                let made: Vec<Place> = made.iter().map(Manifest::place).collect();
                assert_eq!(places(&workload, phase), made);
            }
        }
        // No size that there is holds one.
        workload.memory = "9000Gi".to_owned();
        assert!(manifests(&workload, Phase::Stable, &catalogue).is_err());
        assert_eq!(candidates(&workload, None).len(), 7);
    }

    #[test]
    fn a_pod_whose_name_only_begins_like_a_shards_is_none() {
        let found: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db", "namespace": "shop"}, "spec": {"selector": {}},
        }))
        .unwrap();
        let shards = ["shop/db-0", "shop/db-proxy", "shop/db-proxy-0", "web/db-0"];
        assert_eq!(shards.map(|pod| is_shard(&found, pod)), [true, false, false, false]);
    }

    #[test]
    fn a_mark_of_the_set_or_of_nobody_knows_whom_counts_and_another_sets_does_not() {
        let marked = |mark: &str| json!({"metadata": {"annotations": {MARK: mark}}});
        let of = |set: &str| {
            let operation = format!("drain/shop/{set}/4f2a");
            let time = "2026-01-01T00:00:00Z";
            marked(&json!({"operation": operation, "by": "ada", "since": time, "until": time, "was": {}}).to_string())
        };
        let left = |object: &Value| left_by(object, "shop", "db");
        assert_eq!(
            left(&of("db")).as_deref(),
            Some("drain/shop/db/4f2a has left a mark on it, run by ada")
        );
        assert_eq!(left(&of("web")), None);
        assert!(left(&marked("{")).unwrap().contains("can't read"));
        assert_eq!(left(&json!({})), None);
    }

    #[test]
    fn a_retained_volume_is_known_by_the_claim_that_it_had() {
        let found: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"selector": {}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        }))
        .unwrap();
        let volume = |name: &str, namespace: &str, claim: &str, policy: &str| -> PersistentVolume {
            serde_json::from_value(json!({
                "metadata": {"name": name},
                "spec": {"claimRef": {"namespace": namespace, "name": claim}, "capacity": {"storage": "1Gi"},
                    "persistentVolumeReclaimPolicy": policy},
            }))
            .unwrap()
        };
        let all = [
            volume("held", "shop", "data-db-0", "Retain"),
            volume("b", "shop", "data-db-1", "Retain"),
            volume("a", "shop", "data-db-0", "Retain"),
            volume("going", "shop", "data-db-2", "Delete"),
            volume("theirs", "web", "data-db-0", "Retain"),
            volume("another", "shop", "data-dbx-0", "Retain"),
        ];
        let held: PersistentVolumeClaim =
            serde_json::from_value(json!({"metadata": {"name": "data-db-0"}, "spec": {"volumeName": "held"}})).unwrap();
        let claims = claims(&found, &[held], &all);
        let told: Vec<String> = outlived(&found, &claims, &all)
            .into_iter()
            .map(|one| format!("{} {} {}", one.volume, one.claim, one.size))
            .collect();
        assert_eq!(told, ["a data-db-0 1Gi", "b data-db-1 1Gi"]);
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
