//! Which shards an object is about: pods, their claims and volumes, the nodes they are on, the machines meant for them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;

use crate::model::karpenter::NodeClaim;
use crate::model::read::Skip;
use crate::model::{pod, set};
use crate::plan::pending::nominated;
use crate::plan::verify::seen::Seen;

type Shards = BTreeSet<String>;

/// Of each object of a kind, by its name, the shards that it concerns.
type Known<'a> = BTreeMap<&'a str, Shards>;

/// The objects that concern shards. Each kind's are looked through when the first object of it is asked about: of what is said
/// while a shard is in hand most is about its pod, whose name says it all.
pub struct Concerns<'s, 'a> {
    seen: &'s Seen<'a>,
    set: &'a StatefulSet,
    mounted: OnceCell<Mounted<'a>>,
    volumes: OnceCell<Known<'a>>,
    machines: OnceCell<Known<'a>>,
}

/// What the pods say.
#[derive(Default)]
struct Mounted<'a> {
    /// The shards' pods that are there.
    pods: Shards,
    /// The claims that they mount.
    claims: Known<'a>,
    /// The nodes that they are on.
    nodes: Known<'a>,
}

impl<'s, 'a> Concerns<'s, 'a> {
    /// Looks through a snapshot.
    ///
    /// # Errors
    /// As [`Seen::shards`].
    pub fn of(seen: &'s Seen<'a>) -> Result<Concerns<'s, 'a>, Skip> {
        let set = seen.set()?;
        seen.snapshot.pods.need()?;
        Ok(Concerns {
            seen,
            set,
            mounted: OnceCell::new(),
            volumes: OnceCell::new(),
            machines: OnceCell::new(),
        })
    }

    /// The shards that there should be, and their pods that are there.
    ///
    /// # Errors
    /// As [`Seen::shards`].
    pub fn shards(&self) -> Result<Shards, Skip> {
        let mut shards: Shards = self
            .seen
            .shards()?
            .into_iter()
            .map(|shard| shard.name.into_owned())
            .collect();
        shards.extend(self.mounted().pods.iter().cloned());
        Ok(shards)
    }

    fn mounted(&self) -> &Mounted<'a> {
        self.mounted.get_or_init(|| {
            let mut all = Mounted::default();
            for found in self.seen.own_pods().unwrap_or_default() {
                let shard = pod::name(found);
                all.pods.insert(shard.to_owned());
                if let Some(node) = pod::node(found) {
                    add(&mut all.nodes, node, shard);
                }
                let volumes = found.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
                for claim in volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref()) {
                    add(&mut all.claims, &claim.claim_name, shard);
                }
            }
            all
        })
    }

    fn volumes(&self) -> &Known<'a> {
        self.volumes.get_or_init(|| {
            let mut volumes = Known::new();
            for claim in self.seen.snapshot.claims.got().into_iter().flatten() {
                let name = claim.metadata.name.as_deref().unwrap_or_default();
                if let Some(volume) = claim.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()) {
                    volumes.entry(volume).or_default().extend(self.of_claim(name));
                }
            }
            volumes
        })
    }

    /// NodeClaims that Karpenter meant for a shard, or that became the node it is on.
    fn machines(&self) -> &Known<'a> {
        self.machines.get_or_init(|| {
            let mut machines = Known::new();
            for event in self.seen.snapshot.events.got().into_iter().flatten() {
                let name = event.involved_object.name.as_deref().unwrap_or_default();
                if event.involved_object.kind.as_deref() != Some("Pod") || !self.is_shard(name) {
                    continue;
                }
                for machine in nominated(event.message.as_deref().unwrap_or_default()) {
                    add(&mut machines, machine, name);
                }
            }
            for claim in self
                .seen
                .snapshot
                .node_claims
                .got()
                .into_iter()
                .flatten()
                .map(NodeClaim)
            {
                if let Some(shards) = claim.node().and_then(|node| self.mounted().nodes.get(node)) {
                    let all = machines.entry(claim.name()).or_default();
                    all.extend(shards.iter().cloned());
                }
            }
            machines
        })
    }

    fn is_budget(&self, name: &str) -> bool {
        let budgets = self.seen.budgets().unwrap_or_default();
        budgets
            .iter()
            .any(|budget| budget.metadata.name.as_deref() == Some(name))
    }

    fn is_shard(&self, pod: &str) -> bool {
        set::ordinal_of(self.set, pod).is_some()
    }

    /// The shards of a claim: those whose pods mount it, and the one that a claim template gives it to.
    fn of_claim(&self, name: &str) -> Shards {
        let mut shards = self.mounted().claims.get(name).cloned().unwrap_or_default();
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
            "Node" => self.mounted().nodes.get(name).cloned(),
            "NodeClaim" => self.of_machine(name),
            "StatefulSet" if name == set::name(self.set) => Some(self.named_in(message)),
            "PodDisruptionBudget" => self.is_budget(name).then(Shards::new),
            _ => None,
        }
    }

    /// The shards of a volume.
    pub fn of_volume(&self, name: &str) -> Option<Shards> {
        self.volumes().get(name).filter(|shards| !shards.is_empty()).cloned()
    }

    /// The shards that a NodeClaim was made for, or holds.
    pub fn of_machine(&self, name: &str) -> Option<Shards> {
        self.machines().get(name).cloned()
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
