//! The volumes: kept when their claim goes, in the zone of their shard's node, in a zone where the shard could stand again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Held, held_with_volumes, volume_name, without_volumes};
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::karpenter::NodePool;
use crate::model::read::{Read, Skip};
use crate::model::resource::Resource;
use crate::model::{node, pod, set, volume};
use crate::plan::placement;
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// PV-01.
pub const PV_01: Check = Check {
    about: Description {
        id: "PV-01",
        category: Category::Storage,
        severity: Severity::Warning,
        title: "a volume outlives its claim (reclaim policy Retain)",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Claims,
            Resource::Volumes,
        ],
        also: "",
        why: "With the reclaim policy Delete, deleting a claim deletes the disk and the data on it, at once and for good. With \
              Retain the disk stays until somebody removes it on purpose.",
        mend: "Change the policy of the volumes that exist; that of the class only counts for new ones.\n$ kubectl patch \
               persistentvolume NAME -p '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'",
        source: "core/v1 PersistentVolumeSpec.persistentVolumeReclaimPolicy",
        entails: &[],
    },
    judge: pv_01,
};

fn pv_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held_with_volumes(seen)?;
    let mut verdict = Verdict::new();
    let mut lost: BTreeMap<&str, Vec<&Held<'_>>> = BTreeMap::new();
    let mut judged = 0;
    for one in &held {
        let Some(volume) = one.volume else {
            continue;
        };
        judged += 1;
        let spec = volume.spec.as_ref();
        // A volume made by hand without a policy is retained (core/v1).
        let policy = spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
        if let Some(policy) = policy.filter(|policy| *policy != "Retain") {
            lost.entry(policy).or_default().push(one);
        }
    }
    if judged == 0 {
        return Err(without_volumes(seen, &held));
    }
    for (policy, claims) in &lost {
        let names: Vec<&str> = claims.iter().filter_map(|one| one.volume).map(volume_name).collect();
        let set = seen.set()?;
        let finding = verdict.warn(
            format!("statefulset/{}", set::name(set)),
            format!(
                "{} of {judged} volumes have the reclaim policy {policy}: a deleted claim takes its data along",
                names.len()
            ),
        );
        for one in claims {
            let name = one.volume.map(volume_name).unwrap_or_default();
            finding.evidence(format!("pv/{name} of {} ({})", one.object(), one.whose()));
        }
        finding.remedy(seen.kubectl_cluster(&format!(
            "patch persistentvolume {} -p '{{\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'",
            names.join(" ")
        )));
    }
    Ok(verdict.seen(format!("{judged} volumes, all Retain")))
}

/// PV-02.
pub const PV_02: Check = Check {
    about: Description {
        id: "PV-02",
        category: Category::Storage,
        severity: Severity::Error,
        title: "a shard's disk is in the zone of its node, and the shard could start again in that zone",
        reads: &[
            Resource::StatefulSets,
            Resource::Pods,
            Resource::Claims,
            Resource::Volumes,
            Resource::Nodes,
            Resource::NodePools,
        ],
        also: "",
        why: "A disk can't leave its zone, so its shard can't either. Should the shard be recreated now, it needs a node there \
              that is Ready, not cordoned, and that its tolerations, selector and affinity allow; its own node counts, and so \
              does a Karpenter pool that can make such a node. Whether that node has room isn't judged here: `shardctl drain \
              --dry-run=client` does.",
        mend: "Uncordon or repair the zone's node, or let a pool make nodes in that zone. Where node and disk disagree, a label \
               or the volume's node affinity was changed: find out which of them tells the truth before the shard restarts.\n\
               $ kubectl get nodes -L topology.kubernetes.io/zone",
        source: "core/v1 VolumeNodeAffinity; pkg/scheduler/framework/plugins/volumebinding",
        entails: &[],
    },
    judge: pv_02,
};

fn pv_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let held = held_with_volumes(seen)?;
    let mut disks: BTreeMap<i32, Vec<&Held<'_>>> = BTreeMap::new();
    for one in &held {
        let bound = |found| volume::zones(found).is_some() || placement::is_bound_to_a_host(found);
        if one.volume.is_some_and(bound) {
            for shard in &one.shards {
                disks.entry(shard.ordinal).or_default().push(one);
            }
        }
    }
    if held.iter().all(|one| one.volume.is_none()) {
        return Err(without_volumes(seen, &held));
    }
    if disks.is_empty() {
        return Err(Skip::NotApplicable(
            "no volume of the shards is bound to a zone".to_owned(),
        ));
    }
    let mut verdict = Verdict::new();
    let mut homeless: BTreeMap<BTreeSet<&str>, Vec<i32>> = BTreeMap::new();
    let mut zones_seen = BTreeSet::new();
    for (ordinal, disks) in &disks {
        judge_zone(seen, *ordinal, disks, &mut verdict)?;
        let zones: BTreeSet<&str> = zones_of(disks);
        zones_seen.extend(zones.iter().copied());
        if !has_home_among_nodes(seen, disks)? {
            homeless.entry(zones).or_default().push(*ordinal);
        }
    }
    for (zones, ordinals) in homeless {
        let disks: Vec<&Held<'_>> = ordinals
            .iter()
            .filter_map(|ordinal| disks.get(ordinal))
            .flatten()
            .copied()
            .collect();
        judge_homeless(seen, &zones, &ordinals, &disks, &mut verdict)?;
    }
    let zones: Vec<&str> = zones_seen.into_iter().collect();
    Ok(verdict.seen(format!(
        "{} shards with disks in {}; each could start again there",
        disks.len(),
        if zones.is_empty() {
            "no zone".to_owned()
        } else {
            zones.join(", ")
        }
    )))
}

/// The zones from which all of a shard's disks can be reached, as far as each is bound to zones.
fn zones_of<'a>(disks: &[&Held<'a>]) -> BTreeSet<&'a str> {
    let mut all = disks.iter().filter_map(|one| one.volume).filter_map(volume::zones);
    let first = all.next().unwrap_or_default();
    all.fold(first, |common, zones| {
        common
            .into_iter()
            .filter(|one| zones.iter().any(|other| volume::same_zone(one, other)))
            .collect()
    })
}

/// The zone of a shard's disk against that of the node that it runs on.
fn judge_zone(seen: &Seen<'_>, ordinal: i32, disks: &[&Held<'_>], verdict: &mut Verdict) -> Result<(), Skip> {
    let shards = seen.shards()?;
    let Some(shard) = shards.iter().find(|shard| shard.ordinal == ordinal) else {
        return Ok(());
    };
    let Some(place) = shard.pod.and_then(pod::node) else {
        return Ok(());
    };
    let Some(here) = seen.node(place)? else {
        return Ok(());
    };
    for one in disks {
        let Some(disk) = one.volume.filter(|disk| !placement::reaches(disk, here)) else {
            continue;
        };
        let name = volume_name(disk);
        let message = match volume::zones(disk) {
            Some(zones) => format!(
                "the disk of {} is in {}, its node {place} in {}: once the shard restarts it can't go back there",
                shard.name,
                zones.into_iter().collect::<Vec<_>>().join(" or "),
                volume::node_zone(here).unwrap_or("no zone"),
            ),
            None => format!(
                "the disk of {} can't be reached from its node {place}, by the volume's node affinity",
                shard.name
            ),
        };
        verdict
            .fail(format!("pv/{name}"), message)
            .remedy(seen.kubectl_cluster(&format!(
                "get persistentvolume {name} -o jsonpath='{{.spec.nodeAffinity}}'"
            )))
            .remedy(seen.kubectl_cluster(&format!("get node {place} --show-labels")));
    }
    Ok(())
}

fn has_home_among_nodes(seen: &Seen<'_>, disks: &[&Held<'_>]) -> Result<bool, Skip> {
    let Some(spec) = set::pod_spec(seen.set()?) else {
        return Ok(true);
    };
    let reached = |candidate| {
        disks
            .iter()
            .filter_map(|one| one.volume)
            .all(|disk| placement::reaches(disk, candidate))
    };
    let mut nodes = seen.snapshot.nodes.need()?.iter();
    Ok(nodes.any(|candidate| reached(candidate) && placement::refusal(spec, candidate).is_none()))
}

/// Shards for whose zones no node was found: a pool may make one.
fn judge_homeless(
    seen: &Seen<'_>,
    zones: &BTreeSet<&str>,
    ordinals: &[i32],
    disks: &[&Held<'_>],
    verdict: &mut Verdict,
) -> Result<(), Skip> {
    let set = seen.set()?;
    let Some(spec) = set::pod_spec(set) else {
        return Ok(());
    };
    let names: Vec<String> = ordinals.iter().map(|ordinal| set::pod_name(set, *ordinal)).collect();
    let names = names.join(", ");
    let on_a_host = disks
        .iter()
        .filter_map(|one| one.volume)
        .any(placement::is_bound_to_a_host);
    let mut refusals = Vec::new();
    match &seen.snapshot.node_pools {
        Read::Got(_) if on_a_host => {
            refusals.push("the disk hangs on one host, which no pool can make again".to_owned());
        }
        Read::Got(pools) => {
            for pool in pools.iter().map(NodePool) {
                match placement::pool_refusal(spec, pool, zones) {
                    None => return Ok(()),
                    Some(why) => refusals.push(format!("nodepool/{} {why}", pool.name())),
                }
            }
        }
        Read::Absent(_) => {}
        Read::Unreadable(why) => {
            verdict.unsure(format!(
                "no node can take {names} again, and whether Karpenter could make one: {why}"
            ));
            return Ok(());
        }
    }
    let place = if zones.is_empty() {
        "where their disks are".to_owned()
    } else {
        format!("in {}", zones.iter().copied().collect::<Vec<_>>().join(" or "))
    };
    let finding = verdict.warn(
        format!("statefulset/{}", set::name(set)),
        format!("no node {place} could take {names}, should they be recreated now"),
    );
    let mut nodes: Vec<_> = seen.snapshot.nodes.need()?.iter().collect();
    nodes.sort_by_key(|found| node::name(found));
    let mut refused: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for candidate in nodes {
        let mut disks = disks.iter().filter_map(|one| one.volume);
        if !disks.any(|disk| placement::reaches(disk, candidate)) {
            continue;
        }
        if let Some(why) = placement::refusal(spec, candidate) {
            refused.entry(why).or_default().push(node::name(candidate));
            if node::is_cordoned(candidate) && node::is_ready(candidate) {
                finding.remedy(seen.kubectl_cluster(&format!("uncordon {}", node::name(candidate))));
            }
        }
    }
    for (why, nodes) in refused {
        let more = match nodes.len() {
            1 => String::new(),
            count => format!(" (and {} more nodes alike)", count - 1),
        };
        finding.evidence(format!("node/{} {why}{more}", nodes[0]));
    }
    for refusal in refusals {
        finding.evidence(refusal);
    }
    if seen
        .snapshot
        .cluster_autoscaler
        .got()
        .is_some_and(|status| !status.is_empty())
    {
        finding.evidence("Cluster Autoscaler runs; whether it can make a node there isn't visible from here");
    }
    if finding.remedy.is_empty() {
        finding.remedy(seen.kubectl_cluster("get nodes -L topology.kubernetes.io/zone"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn volumes_that_go_with_their_claims_are_one_warning() {
        let mut scene = Scene::healthy(3);
        for name in ["pv-0", "pv-2"] {
            let policy = json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}});
            scene.merge(Resource::Volumes, name, policy);
        }
        let judged = scene.judge(&PV_01);
        assert_eq!(judged.findings.len(), 1);
        assert!(judged.findings[0].message.starts_with("2 of 3 volumes"));
        assert!(judged.findings[0].remedy[0].contains(" pv-0 pv-2 "));
    }

    #[test]
    fn a_node_outside_the_disks_zone_is_an_error() {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::Nodes, "node-1", |node| {
            node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("zone-9");
        });
        let (outcome, findings) = words(&scene.judge(&PV_02));
        assert_eq!(outcome, "fail");
        assert!(
            findings[0].contains("the disk of db-1 is in zone-2, its node node-1 in zone-9"),
            "{findings:?}"
        );
        assert!(
            findings[1].contains("no node in zone-2 could take db-1"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_disk_is_bound_to_its_zone_under_the_key_of_its_driver() {
        for key in volume::ZONE_KEYS {
            let mut scene = Scene::healthy(3);
            for ordinal in 0..3 {
                scene.edit(Resource::Volumes, &format!("pv-{ordinal}"), |disk| {
                    disk["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] =
                        json!(key);
                });
            }
            assert_eq!(words(&scene.judge(&PV_02)), ("pass", vec![]), "{key}");
            scene.edit(Resource::Nodes, "node-1", |node| {
                node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("zone-9");
            });
            assert_eq!(words(&scene.judge(&PV_02)).0, "fail", "{key}");
        }
    }

    #[test]
    fn a_zone_without_a_usable_node_is_a_warning_unless_a_pool_makes_one() {
        let mut scene = Scene::healthy(3);
        scene.merge(Resource::Nodes, "node-2", json!({"spec": {"unschedulable": true}}));
        let judged = scene.judge(&PV_02);
        let (outcome, findings) = words(&judged);
        assert_eq!(outcome, "pass");
        assert_eq!(
            findings,
            ["Warning statefulset/db: no node in zone-3 could take db-2, should they be recreated now"]
        );
        assert_eq!(judged.findings[0].remedy, ["$ kubectl uncordon node-2"]);
        let pool = |zones| {
            json!({
                "apiVersion": "karpenter.sh/v1", "metadata": {"name": "explore"},
                "spec": {"template": {"spec": {"requirements": [
                    {"key": "topology.kubernetes.io/zone", "operator": "In", "values": zones},
                ]}}},
            })
        };
        scene.set(Resource::NodePools, Read::Got(vec![pool(["zone-1"])]));
        assert_eq!(words(&scene.judge(&PV_02)).1.len(), 1);
        scene.set(Resource::NodePools, Read::Got(vec![pool(["zone-3"])]));
        assert_eq!(words(&scene.judge(&PV_02)).1.len(), 0);
        scene.unreadable(Resource::NodePools);
        assert_eq!(words(&scene.judge(&PV_02)).0, "unknown");
    }
}
