//! The snapshot as checks look at it: joined by shard, with the reason at hand where something couldn't be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Event, Node, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::known::{Attached, Known, Said};
use super::policy::Policy;
use super::roster::{Revision, Roster};
pub use super::shard::{Name, Shard};
use crate::model::mark::Mark;
use crate::model::objects::Objects;
use crate::model::read::Skip;
use crate::model::report::{Expected, Phase};
use crate::model::set::{self, MOST_SHARDS, Ordinal};
use crate::model::shell::shell_word;
use crate::model::snapshot::Snapshot;
use crate::model::storage::{PersistentVolume, VolumeAttachment};
use crate::model::{node, pod};

/// A snapshot and the policy that it is judged by.
pub struct Seen<'a> {
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// How to judge it.
    pub policy: &'a Policy,
    known: Option<&'a Known>,
    roster: OnceLock<Result<Arc<Roster>, Skip>>,
}

/// The phase that a set's template is of, and what says so.
pub fn phase_of(set: &StatefulSet) -> (Phase, &'static str) {
    let annotations = set::template(set)
        .and_then(|template| template.metadata.as_ref())
        .and_then(|meta| meta.annotations.as_ref());
    if annotations.is_some_and(|annotations| annotations.contains_key(pod::DO_NOT_DISRUPT)) {
        return (Phase::Stable, "do-not-disrupt on the template");
    }
    if pinned_values(set).any(|value| Phase::Stable.is_named_in(value)) {
        return (Phase::Stable, "the template requires a stable pool");
    }
    (Phase::Explore, "the template asks for no stable pool")
}

/// The values that the template's node selector and required node affinity demand of a node's labels.
fn pinned_values(set: &StatefulSet) -> impl Iterator<Item = &String> {
    let spec = set::pod_spec(set);
    let selected = spec.and_then(|spec| spec.node_selector.as_ref()).into_iter().flatten();
    let terms = spec
        .and_then(|spec| spec.affinity.as_ref()?.node_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())
        .into_iter()
        .flat_map(|required| &required.node_selector_terms);
    let required = terms
        .flat_map(|term| term.match_expressions.iter().flatten())
        .filter(|expression| expression.operator == "In")
        .flat_map(|expression| expression.values.iter().flatten());
    selected.map(|(_, value)| value).chain(required)
}

/// One of a shard's claims and its volume, as far as they exist.
#[derive(Clone, Debug)]
pub struct ShardClaim<'a> {
    /// The name the claim has, or would have.
    pub name: String,
    /// The claim.
    pub claim: Option<&'a PersistentVolumeClaim>,
    /// The volume that it is bound to.
    pub volume: Option<&'a PersistentVolume>,
}

/// The claims of the namespace and their volumes, by name.
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    set: &'a StatefulSet,
    claims: &'a Objects<PersistentVolumeClaim>,
    volumes: Option<&'a Objects<PersistentVolume>>,
}

impl<'a> Claims<'a> {
    /// The claims that the set's claim templates give a shard.
    pub fn of(&self, ordinal: Ordinal) -> Vec<ShardClaim<'a>> {
        set::claim_templates(self.set)
            .map(|template| {
                let name = set::claim_name(self.set, template, ordinal);
                let claim = self.claims.named(&name);
                let bound_to = claim.and_then(|claim| claim.spec.as_ref()?.volume_name.as_deref());
                let volume = bound_to.and_then(|wanted| self.volumes?.named(wanted));
                ShardClaim { name, claim, volume }
            })
            .collect()
    }
}

impl<'a> Seen<'a> {
    /// A snapshot, as it is judged by a policy.
    pub fn of(snapshot: &'a Snapshot, policy: &'a Policy) -> Seen<'a> {
        Seen {
            snapshot,
            policy,
            known: None,
            roster: OnceLock::new(),
        }
    }

    /// As [`Seen::of`], of one look after the other: pods that are the same objects as at the last aren't looked through again.
    pub fn after(snapshot: &'a Snapshot, policy: &'a Policy, known: &'a Known) -> Seen<'a> {
        Seen {
            known: Some(known),
            ..Seen::of(snapshot, policy)
        }
    }

    /// The moment of the snapshot, in the server's time.
    pub fn now(&self) -> Timestamp {
        self.snapshot.taken.at
    }

    /// The set that is judged.
    ///
    /// # Errors
    /// Unknown where sets can't be read; not applicable where there is none (STS-01 says so).
    pub fn set(&self) -> Result<&'a StatefulSet, Skip> {
        self.snapshot.sets.need()?;
        self.snapshot
            .set()
            .ok_or_else(|| Skip::NotApplicable("there is no StatefulSet to judge".to_owned()))
    }

    /// What `check` speaks of: nothing to judge where that check is asked for, or `--skip` says that whatever it finds is as it is
    /// meant to be (a set without a budget: PDB-01); unknown where `--only` leaves it out, since nobody says then what is wrong.
    pub fn left_to(&self, check: &str, why: impl Into<String>) -> Skip {
        if self.policy.skip.contains(check) {
            return Skip::NotApplicable(format!("{} ({check}, skipped)", why.into()));
        }
        self.nothing_without(check, why)
    }

    /// As [`Seen::left_to`], of what nobody can mean to be so: a system of which nothing at all was seen.
    pub fn nothing_without(&self, check: &str, why: impl Into<String>) -> Skip {
        let why = why.into();
        if self.policy.wants(check) {
            Skip::NotApplicable(format!("{why} ({check})"))
        } else {
            Skip::Unknown(format!(
                "{why}: that is {check}'s to judge, which --only or --skip leaves out"
            ))
        }
    }

    /// What takes a flag to be seen, which wasn't given: nothing to judge in a look at everything, and unknown where the check
    /// was asked for by its id (`id`).
    pub fn unasked(&self, id: &str, why: impl Into<String>) -> Skip {
        if self.policy.names(id) {
            Skip::Unknown(why.into())
        } else {
            Skip::NotApplicable(why.into())
        }
    }

    /// The pods that the set's selector matches, terminating ones included, in the order of their names.
    ///
    /// # Errors
    /// As [`Seen::set`], and unknown where pods can't be read.
    pub fn pods(&self) -> Result<Vec<&'a Pod>, Skip> {
        let roster = self.roster()?;
        Ok(roster.pods(self.snapshot.pods.need()?))
    }

    /// The pods that help operations of ours, of whatever set.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn helpers(&self) -> Result<Vec<&'a Pod>, Skip> {
        let roster = self.roster()?;
        Ok(roster.helpers(self.snapshot.pods.need()?))
    }

    fn roster(&self) -> Result<&Roster, Skip> {
        let looked = self.roster.get_or_init(|| {
            let set = self.set()?;
            let expected = self.expected()?.shards;
            let every = expected.max(self.replicas()?);
            Ok(Roster::of(
                set,
                self.snapshot.pods.need()?,
                (every, expected),
                self.known.map(|known| &known.roster),
            ))
        });
        looked.as_ref().map(Arc::as_ref).map_err(Skip::clone)
    }

    /// A revision by its name; none where no pod has it.
    pub fn revision(&self, name: &str) -> Option<Revision> {
        self.roster().ok()?.revision(name)
    }

    /// Those of [`Seen::pods`] that the set's controller owns: a stranger with the shards' labels isn't judged as a shard.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn own_pods(&self) -> Result<Vec<&'a Pod>, Skip> {
        let roster = self.roster()?;
        Ok(roster.own(self.snapshot.pods.need()?))
    }

    /// Those of [`Seen::pods`] that count among the shards: the set's own, and strangers that haven't ended. A finished pod of somebody
    /// else's (a backup's Job that copied the labels) gets no traffic, is never Ready, and is evicted past every budget.
    ///
    /// Source: `canIgnorePDB` in `pkg/registry/core/pod/storage/eviction.go`, `ShouldPodBeInEndpoints` in
    /// `staging/src/k8s.io/endpointslice/util/controller_utils.go`.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn counted_pods(&self) -> Result<Vec<&'a Pod>, Skip> {
        let uid = set::uid(self.set()?);
        let counts = |found: &&Pod| pod::is_controlled_by(found, uid) || !pod::is_finished(found);
        Ok(self.pods()?.into_iter().filter(counts).collect())
    }

    /// How many shards there should be: `--expect`, shardctl.toml, our own surge mark, an integer `minAvailable`, `spec.replicas`.
    ///
    /// # Errors
    /// As [`Seen::set`], and unknown where that is more than a set can have.
    pub fn expected(&self) -> Result<Expected, Skip> {
        let expected = self.said_to_be()?;
        possible(self.set()?, expected.shards, &expected.origin)?;
        Ok(expected)
    }

    /// `spec.replicas`, where so many shards are to be looked through.
    ///
    /// # Errors
    /// As [`Seen::expected`].
    pub fn replicas(&self) -> Result<i32, Skip> {
        let set = self.set()?;
        let replicas = set::replicas(set);
        // A surge has one more for a while.
        if replicas > MOST_SHARDS + 1 {
            possible(set, replicas, "spec.replicas")?;
        }
        Ok(replicas)
    }

    /// Why the set can't have as many shards as somebody says, where that is so. No waiting changes it.
    pub fn too_many(&self) -> Option<String> {
        let said = self.set().ok().and_then(|set| {
            let said = self.said_to_be().ok()?;
            possible(set, said.shards, &said.origin).err()
        });
        match said.or_else(|| self.replicas().err())? {
            Skip::Unknown(why) => Some(why),
            Skip::NotApplicable(_) => None,
        }
    }

    fn said_to_be(&self) -> Result<Expected, Skip> {
        let set = self.set()?;
        if let Some(said) = &self.policy.expect {
            return Ok(Expected {
                shards: said.value,
                origin: said.origin.clone(),
            });
        }
        let marked = Mark::of(set.metadata.annotations.as_ref()).and_then(Result::ok);
        if let Some(before) = marked.and_then(|mark| mark.was.get("spec.replicas")?.as_i64()) {
            return Ok(Expected {
                shards: i32::try_from(before).unwrap_or(i32::MAX),
                origin: "shardctl's mark on the set".to_owned(),
            });
        }
        let from_budget = match self.budgets()?.as_slice() {
            [only] => of_budget(only),
            _ => None,
        };
        Ok(from_budget.unwrap_or_else(|| Expected {
            shards: set::replicas(set),
            origin: "spec.replicas".to_owned(),
        }))
    }

    /// The budgets whose selector matches the set's pod template.
    ///
    /// Judged by the template's labels, so that it holds while pods are missing. An empty selector matches every pod of the
    /// namespace, a missing one none (policy/v1).
    ///
    /// # Errors
    /// As [`Seen::set`]. Budgets that can't be read count as none here; checks that judge them use the snapshot itself.
    pub fn budgets(&self) -> Result<Vec<&'a PodDisruptionBudget>, Skip> {
        let labels = set::template(self.set()?)
            .and_then(|template| template.metadata.as_ref())
            .and_then(|meta| meta.labels.as_ref());
        Ok(self
            .snapshot
            .budgets
            .got()
            .into_iter()
            .flatten()
            .filter(|budget| {
                let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
                selector.is_some_and(|selector| set::selects(selector, labels))
            })
            .collect())
    }

    /// The shards that there should be, in the order of their ordinals.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn shards(&self) -> Result<Vec<Shard<'a>>, Skip> {
        let roster = self.roster()?;
        Ok(roster.shards(self.set()?, self.snapshot.pods.need()?, true).collect())
    }

    /// [`Seen::shards`], and those that the set asks for beyond them: where somebody lowered the budget by hand, the larger
    /// number counts.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn every_shard(&self) -> Result<Vec<Shard<'a>>, Skip> {
        let roster = self.roster()?;
        Ok(roster.shards(self.set()?, self.snapshot.pods.need()?, false).collect())
    }

    /// [`Seen::every_shard`], one after the other: of thousands few are kept.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn each_shard(&self) -> Result<impl Iterator<Item = Shard<'a>>, Skip> {
        let roster = self.roster()?;
        Ok(roster.shards(self.set()?, self.snapshot.pods.need()?, false))
    }

    /// One of [`Seen::every_shard`].
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn shard(&self, ordinal: Ordinal) -> Result<Option<Shard<'a>>, Skip> {
        let roster = self.roster()?;
        Ok(roster.shard(self.set()?, self.snapshot.pods.need()?, ordinal, false))
    }

    /// One of [`Seen::shards`].
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn expected_shard(&self, ordinal: Ordinal) -> Result<Option<Shard<'a>>, Skip> {
        let roster = self.roster()?;
        Ok(roster.shard(self.set()?, self.snapshot.pods.need()?, ordinal, true))
    }

    /// A shard's pod, where that is the set's own.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn own_pod(&self, ordinal: Ordinal) -> Result<Option<&'a Pod>, Skip> {
        let roster = self.roster()?;
        Ok(roster.own_pod(self.snapshot.pods.need()?, ordinal))
    }

    /// How many [`Seen::every_shard`] gives.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn count(&self) -> Result<usize, Skip> {
        Ok(self.roster()?.count())
    }

    /// Whether a shard's pod is the set's own, Ready and not on its way out.
    ///
    /// # Errors
    /// As [`Seen::pods`].
    pub fn is_up(&self, ordinal: Ordinal) -> Result<bool, Skip> {
        Ok(self.roster()?.is_up(ordinal))
    }

    /// The nodes with a mark of ours, and maybe others; none where nodes can't be read.
    pub fn marked_nodes(&self) -> Vec<&'a Node> {
        let Some(nodes) = self.snapshot.nodes.got() else {
            return Vec::new();
        };
        let marked = self.known.map(|known| known.marked(nodes));
        those(nodes, marked, |marked| *marked)
    }

    /// The claims of a shard that the set's claim templates give it.
    ///
    /// # Errors
    /// Unknown where claims can't be read. A volume that can't be read is missing from the answer.
    pub fn claims_of(&self, ordinal: Ordinal) -> Result<Vec<ShardClaim<'a>>, Skip> {
        Ok(self.claims()?.of(ordinal))
    }

    /// The ordinals for which there are claims by the set's claim templates, whether there should be such shards or not; none where
    /// claims can't be read.
    pub fn claimed_ordinals(&self) -> BTreeSet<Ordinal> {
        let Some(set) = self.snapshot.set() else {
            return BTreeSet::new();
        };
        let claims = self.snapshot.claims.got().into_iter().flatten();
        let names = claims.filter_map(|claim| claim.metadata.name.as_deref());
        names.filter_map(|name| set::claimed_ordinal(set, name)).collect()
    }

    /// Claims and volumes by their names, to look up those of many shards.
    ///
    /// # Errors
    /// As [`Seen::claims_of`].
    pub fn claims(&self) -> Result<Claims<'a>, Skip> {
        Ok(Claims {
            set: self.set()?,
            claims: self.snapshot.claims.need()?,
            volumes: self.snapshot.volumes.got(),
        })
    }

    /// A node by its name.
    ///
    /// # Errors
    /// Unknown where nodes can't be read.
    pub fn node(&self, wanted: &str) -> Result<Option<&'a Node>, Skip> {
        Ok(self.snapshot.nodes.need()?.named(wanted))
    }

    /// The nodes that hold shards, each with its shards' pods, in the order of the nodes' names.
    ///
    /// # Errors
    /// As [`Seen::pods`] and [`Seen::node`].
    pub fn nodes_with_shards(&self) -> Result<Vec<(&'a Node, Vec<&'a Pod>)>, Skip> {
        let pods = self.own_pods()?;
        let mut nodes: Vec<&Node> = self.snapshot.nodes.need()?.iter().collect();
        nodes.sort_by_key(|found| node::name(found));
        let mut by_node: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for pod in pods {
            by_node.entry(pod::node(pod).unwrap_or_default()).or_default().push(pod);
        }
        Ok(nodes
            .into_iter()
            .filter_map(|found| Some((found, by_node.remove(node::name(found))?)))
            .collect())
    }

    /// The phase that the set is judged as, and where that was learnt: said, or inferred from the template
    /// (`karpenter.sh/do-not-disrupt`, or a required affinity or selector to a pool that calls itself stable).
    ///
    /// # Errors
    /// As [`Seen::set`].
    pub fn phase(&self) -> Result<(Phase, String), Skip> {
        let set = self.set()?;
        if let Some(said) = &self.policy.phase {
            return Ok((said.value, said.origin.clone()));
        }
        let (phase, why) = phase_of(set);
        Ok((phase, why.to_owned()))
    }

    /// The events about an object of the namespace, oldest first.
    ///
    /// # Errors
    /// Unknown where events can't be read.
    pub fn events_about(&self, kind: &str, name: &str) -> Result<Vec<&'a Event>, Skip> {
        let events = self.snapshot.events.need()?;
        let wanted = Said::about(kind, name);
        let said = self.known.map(|known| known.events(events));
        Ok(about(those(events, said, |said| said.about == wanted), kind, name))
    }

    /// The events of the namespace that may have been said at `since` or later; none where they can't be read.
    pub fn events_since(&self, since: Timestamp) -> Vec<&'a Event> {
        let Some(events) = self.snapshot.events.got() else {
            return Vec::new();
        };
        let said = self.known.map(|known| known.events(events));
        those(events, said, |said| said.at.is_some_and(|at| at >= since))
    }

    /// The events about an object that lives in no namespace, oldest first.
    ///
    /// # Errors
    /// Unknown where events of the `default` namespace can't be read.
    pub fn cluster_events_about(&self, kind: &str, name: &str) -> Result<Vec<&'a Event>, Skip> {
        Ok(about(self.snapshot.cluster_events.need()?, kind, name))
    }

    /// The attachments of these volumes; none where attachments can't be read.
    pub fn attachments_of(&self, volumes: &BTreeSet<&str>) -> Vec<&'a VolumeAttachment> {
        let Some(all) = self.snapshot.attachments.got() else {
            return Vec::new();
        };
        let wanted: Vec<u64> = volumes.iter().map(|name| Attached::volume(name)).collect();
        let attached = self.known.map(|known| known.attachments(all));
        let mut its = those(all, attached, |attached| wanted.contains(&attached.volume));
        its.retain(|one| {
            let volume = one.spec.source.persistent_volume_name.as_deref();
            volume.is_some_and(|volume| volumes.contains(volume))
        });
        its
    }

    /// The attachments with an error of attaching or detaching, and maybe others; none where attachments can't be read.
    pub fn failed_attachments(&self) -> Vec<&'a VolumeAttachment> {
        let Some(all) = self.snapshot.attachments.got() else {
            return Vec::new();
        };
        let attached = self.known.map(|known| known.attachments(all));
        those(all, attached, |attached| attached.failed)
    }

    /// A `kubectl` command on the set's namespace, as a line of a remedy.
    pub fn kubectl(&self, arguments: &str) -> String {
        let namespace = shell_word(&self.snapshot.taken.namespace);
        self.policy.kubectl_cluster(&format!("-n {namespace} {arguments}"))
    }

    /// A `kubectl` command on an object that lives in no namespace, as a line of a remedy.
    pub fn kubectl_cluster(&self, arguments: &str) -> String {
        self.policy.kubectl_cluster(arguments)
    }

    /// A command of ours on the same set, as a line of a remedy.
    pub fn shardctl(&self, arguments: &str) -> String {
        self.policy.shardctl(arguments)
    }
}

/// Refuses to look for more shards than a set can have: a list of them would fill the memory, and its size is anybody's to write.
fn possible(found: &StatefulSet, shards: i32, origin: &str) -> Result<(), Skip> {
    if shards <= MOST_SHARDS {
        return Ok(());
    }
    Err(Skip::Unknown(format!(
        "statefulset/{} can't have {shards} shards ({origin}): more than {MOST_SHARDS} are taken for a mistake",
        set::name(found)
    )))
}

/// How many shards a budget's integer `minAvailable` speaks of: what it was before shardctl relaxed it, where that is marked.
fn of_budget(budget: &PodDisruptionBudget) -> Option<Expected> {
    let name = budget.metadata.name.as_deref().unwrap_or_default();
    if let Some(mark) = Mark::of(budget.metadata.annotations.as_ref()).and_then(Result::ok) {
        let before = mark.was.get("spec.minAvailable")?.as_i64()?;
        return Some(Expected {
            shards: i32::try_from(before).ok()?,
            origin: format!("shardctl's mark on pdb/{name}"),
        });
    }
    match budget.spec.as_ref()?.min_available.as_ref()? {
        IntOrString::Int(count) if *count > 0 => Some(Expected {
            shards: *count,
            origin: format!("minAvailable of pdb/{name}"),
        }),
        _ => None,
    }
}

/// When an event was last seen: the series', the last, the first, the recorded time, in this order.
pub fn event_time(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref());
    let micro = series.or(event.event_time.as_ref()).map(|time| time.0);
    let plain = event
        .last_timestamp
        .as_ref()
        .or(event.first_timestamp.as_ref())
        .map(|time| time.0);
    micro.max(plain)
}

/// Those of the objects of which something is known that may be what is wanted; all where nothing is.
fn those<T, F>(objects: &Objects<T>, facts: Option<Arc<[F]>>, may_be: impl Fn(&F) -> bool) -> Vec<&T> {
    let Some(facts) = facts else {
        return objects.iter().collect();
    };
    let places = facts.iter().enumerate().filter(|(_, fact)| may_be(fact));
    places.map(|(place, _)| &objects[place]).collect()
}

fn about<'a>(events: impl IntoIterator<Item = &'a Event>, kind: &str, name: &str) -> Vec<&'a Event> {
    let mut found: Vec<&Event> = events
        .into_iter()
        .filter(|event| {
            let object = &event.involved_object;
            object.kind.as_deref() == Some(kind) && object.name.as_deref() == Some(name)
        })
        .collect();
    found.sort_by_cached_key(|event| event_time(event));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::policy::Said;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    #[test]
    fn more_shards_than_a_set_can_have_are_unknown_by_name_and_never_listed() {
        let why = |scene: &Scene, policy: &Policy| {
            let snapshot = scene.snapshot();
            let seen = Seen::of(&snapshot, policy);
            let Err(Skip::Unknown(why)) = seen.every_shard() else {
                panic!("they were listed")
            };
            (why, seen.expected().map(|expected| expected.shards).ok())
        };
        let absurd = |resource, field: &str, count: i32| {
            let mut scene = Scene::healthy(3);
            scene.merge(resource, "db", json!({"spec": {field: count}}));
            scene
        };
        let budget = absurd(Resource::Budgets, "minAvailable", i32::MAX);
        assert_eq!(
            why(&budget, &Policy::default()),
            (
                "statefulset/db can't have 2147483647 shards (minAvailable of pdb/db): more than 10000 are taken for a mistake"
                    .to_owned(),
                None
            )
        );
        // The budget says three, and the set asks for all the others.
        let (told, expected) = why(
            &absurd(Resource::StatefulSets, "replicas", i32::MAX),
            &Policy::default(),
        );
        assert!(told.contains("2147483647 shards (spec.replicas)"), "{told}");
        assert_eq!(expected, Some(3));
        let said = Policy {
            expect: Some(Said {
                value: MOST_SHARDS + 1,
                origin: "--expect".to_owned(),
            }),
            ..Policy::default()
        };
        assert!(why(&Scene::healthy(3), &said).0.contains("10001 shards (--expect)"));
        let most = absurd(Resource::Budgets, "minAvailable", MOST_SHARDS).snapshot();
        assert_eq!(Seen::of(&most, &Policy::default()).shards().unwrap().len(), 10_000);
    }

    #[test]
    fn a_pool_is_stable_by_a_word_of_its_own() {
        let phase = |pool: &str| {
            let mut scene = Scene::healthy(3);
            scene.merge(
                Resource::StatefulSets,
                "db",
                json!({"spec": {"template": {"spec": {"nodeSelector": {"workload": pool}}}}}),
            );
            phase_of(scene.snapshot().set().unwrap()).0
        };
        for pool in ["stable", "shop-stable", "stable.shop", "stable2"] {
            assert_eq!(phase(pool), Phase::Stable, "{pool}");
        }
        for pool in ["unstable", "shop-unstable", "stables", "explore"] {
            assert_eq!(phase(pool), Phase::Explore, "{pool}");
        }
    }
}
