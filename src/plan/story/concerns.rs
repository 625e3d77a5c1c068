//! Which shards an object is about: pods, their claims and volumes, the nodes they are on, the machines meant for them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::model::karpenter::NodeClaim;
use crate::model::read::Skip;
use crate::model::{pod, set};
use crate::plan::pending::nominated;
use crate::plan::verify::seen::Seen;

type Shards = BTreeSet<String>;

/// The objects that concern shards.
pub struct Concerns<'a> {
    set: &'a StatefulSet,
    /// The shards that there should be, and their pods that are there.
    pub shards: Shards,
    budgets: BTreeSet<&'a str>,
    claims: BTreeMap<&'a str, Shards>,
    volumes: BTreeMap<&'a str, Shards>,
    nodes: BTreeMap<&'a str, Shards>,
    machines: BTreeMap<&'a str, Shards>,
}

impl<'a> Concerns<'a> {
    /// Looks through a snapshot.
    ///
    /// # Errors
    /// As [`Seen::shards`].
    pub fn of(seen: &Seen<'a>) -> Result<Concerns<'a>, Skip> {
        let set = seen.set()?;
        let mut concerns = Concerns {
            set,
            shards: seen.shards()?.into_iter().map(|shard| shard.name).collect(),
            budgets: BTreeSet::new(),
            claims: BTreeMap::new(),
            volumes: BTreeMap::new(),
            nodes: BTreeMap::new(),
            machines: BTreeMap::new(),
        };
        let budgets = seen.budgets()?;
        concerns.budgets = budgets
            .iter()
            .filter_map(|budget| budget.metadata.name.as_deref())
            .collect();
        for found in seen.own_pods()? {
            let shard = pod::name(found);
            concerns.shards.insert(shard.to_owned());
            if let Some(node) = pod::node(found) {
                add(&mut concerns.nodes, node, shard);
            }
            let volumes = found.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            for claim in volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref()) {
                add(&mut concerns.claims, &claim.claim_name, shard);
            }
        }
        for claim in seen.snapshot.claims.got().into_iter().flatten() {
            let name = claim.metadata.name.as_deref().unwrap_or_default();
            let shards = concerns.of_claim(name);
            if let Some(volume) = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()) {
                concerns.volumes.entry(volume).or_default().extend(shards);
            }
        }
        concerns.find_machines(seen);
        Ok(concerns)
    }

    /// NodeClaims that Karpenter meant for a shard, or that became the node it is on.
    fn find_machines(&mut self, seen: &Seen<'a>) {
        for event in seen.snapshot.events.got().into_iter().flatten() {
            let name = event.involved_object.name.as_deref().unwrap_or_default();
            if event.involved_object.kind.as_deref() != Some("Pod") || !self.is_shard(name) {
                continue;
            }
            for machine in nominated(event.message.as_deref().unwrap_or_default()) {
                add(&mut self.machines, machine, name);
            }
        }
        for claim in seen.snapshot.node_claims.got().into_iter().flatten().map(NodeClaim) {
            if let Some(shards) = claim.node().and_then(|node| self.nodes.get(node)) {
                self.machines
                    .entry(claim.name())
                    .or_default()
                    .extend(shards.iter().cloned());
            }
        }
    }

    fn is_shard(&self, pod: &str) -> bool {
        set::ordinal_of(self.set, pod).is_some()
    }

    /// The shards of a claim: those whose pods mount it, and the one that a claim template gives it to.
    fn of_claim(&self, name: &str) -> Shards {
        let mut shards = self.claims.get(name).cloned().unwrap_or_default();
        let made_for = set::claim_templates(self.set)
            .filter_map(|template| name.strip_prefix(template)?.strip_prefix('-'))
            .find(|pod| self.is_shard(pod));
        shards.extend(made_for.map(str::to_owned));
        shards
    }

    /// The shards that an event about an object concerns; none of them where it is about the whole set, and nothing where
    /// the object doesn't concern the set at all.
    pub fn of_object(&self, kind: &str, name: &str, message: &str) -> Option<Shards> {
        let known = |shards: Shards| (!shards.is_empty()).then_some(shards);
        match kind {
            "Pod" => self.is_shard(name).then(|| Shards::from([name.to_owned()])),
            "PersistentVolumeClaim" => known(self.of_claim(name)),
            "PersistentVolume" => self.of_volume(name),
            "Node" => self.nodes.get(name).cloned(),
            "NodeClaim" => self.of_machine(name),
            "StatefulSet" if name == set::name(self.set) => Some(self.named_in(message)),
            "PodDisruptionBudget" => self.budgets.contains(name).then(Shards::new),
            _ => None,
        }
    }

    /// The shards of a volume.
    pub fn of_volume(&self, name: &str) -> Option<Shards> {
        self.volumes.get(name).filter(|shards| !shards.is_empty()).cloned()
    }

    /// The shards that a NodeClaim was made for, or holds.
    pub fn of_machine(&self, name: &str) -> Option<Shards> {
        self.machines.get(name).cloned()
    }

    /// The shards that a message about the set names: "create Pod db-3 in StatefulSet db failed …".
    fn named_in(&self, message: &str) -> Shards {
        let words = message.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.'));
        let words = words.map(|word| word.trim_end_matches('.'));
        words.filter(|word| self.is_shard(word)).map(str::to_owned).collect()
    }
}

fn add<'a>(map: &mut BTreeMap<&'a str, Shards>, key: &'a str, shard: &str) {
    map.entry(key).or_default().insert(shard.to_owned());
}
