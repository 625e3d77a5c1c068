//! Every pod of a node, and what a drain makes of it: goes, waits for a budget, can never go, is left, or is a shard.
//!
//! Pods that aren't shards are judged as `kubectl drain` 1.36 does, in its words (pkg/drain/filters.go: the first filter that
//! stops a pod has the say). Where a budget has its say too, as pkg/registry/core/pod/storage/eviction.go reads it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Flags, OwnPod};
use crate::model::actors::{Actor, is_known_actor};
use crate::model::mark::HELPER;
use crate::model::objects::Objects;
use crate::model::read::Skip;
use crate::model::set::{self, Ordinal};
use crate::model::{node, pod};
use crate::plan::verify::seen::Seen;

/// A pod of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// What it is: `ReplicaSet web-5d8`, `shard 3`, `no controller`.
    pub what: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What is lost with it, in kubectl's words.
    pub warning: Option<&'static str>,
    /// Whether it goes after the shards, since they need it to come back and it is nowhere else: what for.
    pub last: Option<&'static str>,
}

impl Row {
    /// `namespace/name`, as the table has it.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it is evicted, now or when its budget lets it.
    pub const fn is_evicted(&self) -> bool {
        matches!(self.verdict, Verdict::Goes | Verdict::Waits(_))
    }
}

/// What becomes of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is evicted, and nothing holds it.
    Goes,
    /// It is evicted as soon as its budget lets it: for what it waits.
    Waits(String),
    /// Its budget never lets it go as that is now: why.
    Kept(String),
    /// It can't go, however long somebody waits: why.
    Never(String),
    /// It is left where it is: why.
    Skipped(String),
    /// It is a shard of the set, and goes by the strategy.
    Shard(Ordinal),
}

/// What stands on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Its pods: the shards first, highest ordinal first, then by namespace and name.
    pub rows: Vec<Row>,
    /// What couldn't be judged, a clause each.
    pub unsure: Vec<String>,
}

impl Others {
    /// The pods that can't go.
    pub fn stuck(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::Kept(why) | Verdict::Never(why) => Some((row, why.as_str())),
            _ => None,
        })
    }

    /// The shards, highest ordinal first.
    pub fn shards(&self) -> Vec<Ordinal> {
        let ordinal = |row: &Row| match row.verdict {
            Verdict::Shard(ordinal) => Some(ordinal),
            _ => None,
        };
        self.rows.iter().filter_map(ordinal).collect()
    }
}

const DAEMON_SET: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL_STORAGE: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const NO_CONTROLLER: &str = "Pods that declare no controller (use --force to override)";

/// Judges every pod of a node. Pods that several nodes of one drain share a budget with are judged node by node.
///
/// # Errors
/// Unknown where the pods of all namespaces can't be read.
pub fn others(seen: &Seen<'_>, on: &str, flags: Flags, own: Option<&OwnPod>) -> Result<Others, Skip> {
    let all = seen.snapshot.node_pods.need()?;
    let set = seen.set()?;
    let shard_of = |found: &Pod| {
        let ours = found.metadata.namespace.as_deref() == Some(&seen.snapshot.taken.namespace)
            && pod::is_controlled_by(found, set::uid(set));
        set::ordinal_of(set, pod::name(found)).filter(|_| ours)
    };
    let mut here: Vec<&Pod> = all.iter().filter(|found| pod::node(found) == Some(on)).collect();
    let place = |found: &&Pod| {
        let shard = shard_of(found).map(std::cmp::Reverse);
        (
            shard.is_none(),
            shard,
            found.metadata.namespace.clone(),
            found.metadata.name.clone(),
        )
    };
    here.sort_by_key(place);
    let mut answer = Others::default();
    let mut budgets = Budgets::of(seen, &mut answer.unsure);
    for found in here {
        let namespace = found.metadata.namespace.clone().unwrap_or_default();
        let ordinal = shard_of(found);
        let itself = own.is_some_and(|own| own.namespace == namespace && own.name == pod::name(found));
        let (verdict, warning) = match ordinal {
            Some(ordinal) => (Verdict::Shard(ordinal), None),
            None if itself => (Verdict::Never("shardctl itself runs in it".to_owned()), None),
            None => judge(found, flags, &mut budgets),
        };
        let row = Row {
            name: pod::name(found).to_owned(),
            uid: pod::uid(found).to_owned(),
            what: what(found, ordinal),
            last: need(found).filter(|_| ordinal.is_none() && !is_elsewhere(found, all, on)),
            namespace,
            verdict,
            warning,
        };
        answer.rows.push(row);
    }
    for row in &mut answer.rows {
        if !row.is_evicted() && !matches!(row.verdict, Verdict::Kept(_)) {
            row.last = None;
        }
    }
    Ok(answer)
}

fn what(found: &Pod, ordinal: Option<Ordinal>) -> String {
    if let Some(ordinal) = ordinal {
        return format!("shard {ordinal}");
    }
    match pod::controller(found) {
        Some(owner) => format!("{} {}", owner.kind, owner.name),
        None if pod::annotation(found, pod::MIRROR).is_some() => "mirror pod".to_owned(),
        None => "no controller".to_owned(),
    }
}

/// kubectl's filters, then the budgets.
fn judge(found: &Pod, flags: Flags, budgets: &mut Budgets<'_>) -> (Verdict, Option<&'static str>) {
    let left = |why: &str| (Verdict::Skipped(why.to_owned()), None);
    let never = |why: &str| (Verdict::Never(why.to_owned()), None);
    if pod::label(found, HELPER).is_some() {
        return left("a helper pod of shardctl's, which its own run takes away");
    }
    let finished = pod::is_finished(found);
    let controller = pod::controller(found);
    let of_daemon_set = controller.is_some_and(|owner| owner.kind == "DaemonSet" && owner.api_version == "apps/v1");
    if of_daemon_set && !finished {
        return if flags.ignore_daemonsets {
            left("ignoring DaemonSet-managed Pods")
        } else {
            never(DAEMON_SET)
        };
    }
    if pod::annotation(found, pod::MIRROR).is_some() {
        return left("a mirror pod: only its kubelet can end it");
    }
    let mut warning = None;
    let volumes = found.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    if !finished && volumes.into_iter().flatten().any(|volume| volume.empty_dir.is_some()) {
        if !flags.delete_emptydir_data {
            return never(LOCAL_STORAGE);
        }
        warning = Some("deleting Pods with local storage");
    }
    if !finished && controller.is_none() {
        if !flags.force {
            return never(NO_CONTROLLER);
        }
        warning = Some("deleting Pods that declare no controller");
    }
    (budgets.judge(found), warning)
}

/// The budgets of all namespaces, and how many evictions each has left for the pods that are judged one after another.
struct Budgets<'a> {
    all: Vec<&'a PodDisruptionBudget>,
    pods: Vec<&'a Pod>,
    left: BTreeMap<(String, String), i32>,
}

impl<'a> Budgets<'a> {
    fn of(seen: &Seen<'a>, unsure: &mut Vec<String>) -> Budgets<'a> {
        let snapshot = seen.snapshot;
        let all = match snapshot.all_budgets.need() {
            Ok(all) => Some(all),
            Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => {
                unsure.push(format!("whether a budget holds the pods of other namespaces: {why}"));
                snapshot.budgets.got()
            }
        };
        Budgets {
            all: all.into_iter().flatten().collect(),
            pods: snapshot.node_pods.got().into_iter().flatten().collect(),
            left: BTreeMap::new(),
        }
    }

    fn judge(&mut self, found: &Pod) -> Verdict {
        // What hasn't begun, has ended or is going asks no budget.
        if pod::is_finished(found) || pod::phase(found) == "Pending" || pod::is_terminating(found) {
            return Verdict::Goes;
        }
        let over: Vec<&PodDisruptionBudget> = self.all.iter().copied().filter(|one| is_over(one, found)).collect();
        match over.as_slice() {
            [] => Verdict::Goes,
            [only] => self.judge_by(only, found),
            several => {
                let names: Vec<String> = several.iter().map(|one| format!("pdb/{}", name(one))).collect();
                Verdict::Kept(format!(
                    "{} budgets select it ({}): the eviction API answers 500 for as long as they do",
                    several.len(),
                    names.join(", ")
                ))
            }
        }
    }

    fn judge_by(&mut self, budget: &PodDisruptionBudget, found: &Pod) -> Verdict {
        let (status, spec) = (budget.status.as_ref(), budget.spec.as_ref());
        let current = status.and_then(|status| status.current_healthy).unwrap_or(0);
        let desired = status.and_then(|status| status.desired_healthy).unwrap_or(0);
        let name = name(budget);
        let policy = spec.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
        let ready = pod::is_ready(found);
        if !ready && (policy == Some("AlwaysAllow") || current >= desired && desired > 0) {
            return Verdict::Goes;
        }
        if let Some(why) = forbids_for_good(budget) {
            return Verdict::Kept(format!("pdb/{name} {why}"));
        }
        let key = (budget.metadata.namespace.clone().unwrap_or_default(), name.to_owned());
        let allowed = status.and_then(|status| status.disruptions_allowed).unwrap_or(0);
        let left = self.left.entry(key).or_insert(allowed);
        if *left > 0 {
            *left -= 1;
            return Verdict::Goes;
        }
        if allowed > 0 {
            return Verdict::Waits(format!(
                "waits for pdb/{name}: it lets {allowed} go at a time, and others of this node come first"
            ));
        }
        let needs = format!("waits for pdb/{name}: needs {desired} healthy, has {current}");
        if !ready {
            return Verdict::Waits(format!(
                "{needs}; this one isn't Ready itself: unhealthyPodEvictionPolicy: AlwaysAllow would let it go"
            ));
        }
        Verdict::Waits(match self.unready(budget).as_slice() {
            [] => format!("{needs}, and one more to let one go"),
            [only] => format!("{needs}: {only} isn't Ready"),
            [first, rest @ ..] => format!("{needs}: {first} and {} more aren't Ready", rest.len()),
        })
    }

    /// The pods of a budget that aren't Ready.
    fn unready(&self, budget: &PodDisruptionBudget) -> Vec<&'a str> {
        let blocks = |found: &&Pod| is_over(budget, found) && !pod::is_finished(found) && !pod::is_ready(found);
        self.pods.iter().copied().filter(blocks).map(pod::name).collect()
    }
}

fn name(budget: &PodDisruptionBudget) -> &str {
    budget.metadata.name.as_deref().unwrap_or_default()
}

/// Whether a budget selects a pod. In policy/v1 an empty selector picks every pod of its namespace, a missing one none.
fn is_over(budget: &PodDisruptionBudget, found: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    budget.metadata.namespace == found.metadata.namespace
        && selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref()))
}

/// Why a budget lets no Ready pod go even with all of them healthy, a clause; none where it would.
fn forbids_for_good(budget: &PodDisruptionBudget) -> Option<String> {
    let spec = budget.spec.as_ref()?;
    let none = |value: &IntOrString, word: &str| match value {
        IntOrString::Int(count) => *count == 0 && word == "0",
        IntOrString::String(text) => text == &format!("{word}%"),
    };
    if let Some(value) = spec.max_unavailable.as_ref().filter(|value| none(value, "0")) {
        return Some(format!(
            "has maxUnavailable {}: it can never go while that is so",
            shown(value)
        ));
    }
    if let Some(value) = spec.min_available.as_ref().filter(|value| none(value, "100")) {
        return Some(format!(
            "has minAvailable {}: it can never go while that is so",
            shown(value)
        ));
    }
    let status = budget.status.as_ref()?;
    let failed = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "DisruptionAllowed" && condition.status == "False" && condition.reason == "SyncFailed"
    });
    if let Some(failed) = failed {
        return Some(format!("can't be worked out, and lets nothing go: {}", failed.message));
    }
    // A status behind its spec says nothing of what the spec means.
    let current = status.observed_generation.unwrap_or(0) >= budget.metadata.generation.unwrap_or(0);
    let (all, desired) = (status.expected_pods.unwrap_or(0), status.desired_healthy.unwrap_or(0));
    (current && all > 0 && desired >= all)
        .then(|| format!("wants {desired} of its {all} pods healthy: none can ever go while that is so"))
}

fn shown(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(count) => count.to_string(),
        IntOrString::String(text) => text.clone(),
    }
}

/// What a shard needs this pod for in order to come back elsewhere; none where it doesn't.
///
/// DaemonSets bring a CSI node pod to every node; what remains is what exists a few times in the cluster.
fn need(found: &Pod) -> Option<&'static str> {
    let label = |key: &str, value: &str| pod::label(found, key) == Some(value);
    let containers = found.spec.iter().flat_map(|spec| &spec.containers);
    let sidecars = ["csi-attacher", "csi-provisioner"];
    if containers.into_iter().any(|one| sidecars.contains(&one.name.as_str())) {
        return Some("attaches disks");
    }
    if label("k8s-app", "kube-dns") || label("app.kubernetes.io/name", "coredns") {
        return Some("answers names");
    }
    if label("app.kubernetes.io/name", "karpenter") {
        return Some("makes nodes");
    }
    let owner = pod::controller(found).map_or_else(|| pod::name(found), |owner| owner.name.as_str());
    // A ReplicaSet's name is its Deployment's with a hash.
    let workload = owner.rsplit_once('-').map_or(owner, |(workload, _)| workload);
    if is_known_actor(workload, found.metadata.labels.as_ref()) == Some(Actor::ClusterAutoscaler) {
        return Some("makes nodes");
    }
    ["webhook", "admission"]
        .iter()
        .any(|word| workload.contains(word))
        .then_some("may be asked to admit pods")
}

/// Whether another pod of the same workload is Ready on another node.
fn is_elsewhere(found: &Pod, all: &Objects<Pod>, on: &str) -> bool {
    let Some(owner) = pod::controller(found) else {
        return false;
    };
    all.iter().any(|other| {
        pod::is_controlled_by(other, &owner.uid)
            && pod::node(other).is_some_and(|place| place != on)
            && pod::is_ready(other)
    })
}

/// The names of the nodes that a pod of ours stands on, of those given.
pub fn own_node<'a>(seen: &Seen<'_>, own: &OwnPod, nodes: &[&'a str]) -> Option<&'a str> {
    let all = seen.snapshot.node_pods.got()?;
    let found = all
        .iter()
        .find(|found| pod::name(found) == own.name && found.metadata.namespace.as_deref() == Some(&own.namespace))?;
    nodes.iter().copied().find(|name| pod::node(found) == Some(name))
}

/// What the pods that DaemonSets bring to a node ask for together: a new node has to have that as well.
pub fn daemons_of<'a>(seen: &Seen<'a>, place: &k8s_openapi::api::core::v1::Node) -> Vec<&'a Pod> {
    let all = seen.snapshot.node_pods.got().into_iter().flatten();
    let brought = |found: &&Pod| {
        pod::node(found) == Some(node::name(place))
            && pod::controller(found).is_some_and(|owner| owner.kind == "DaemonSet")
    };
    all.filter(brought).collect()
}

#[cfg(test)]
mod tests;
