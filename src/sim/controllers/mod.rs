//! What a control plane and its kubelets do next: one controller a file, each a function of the store and the time.

mod attach;
mod cloud;
pub(in crate::sim) mod disruption;
mod endpoints;
mod events;
mod fit;
mod followed;
mod garbage;
mod kubelet;
mod namespaces;
mod nodes;
mod provisioner;
mod scheduler;
mod statefulset;
mod volumes;

use std::time::Duration;

use jiff::Timestamp;

use crate::sim::json::{controller, list, name, namespace, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::{Change, Common, Key, Store, What};

pub(in crate::sim) use disruption::Covered;
pub(in crate::sim) use endpoints::Led;
pub(in crate::sim) use followed::Followed;
pub(in crate::sim) use provisioner::Ordered;

/// A piece of work: which controller looks at which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// A StatefulSet's pods, claims, revisions and status.
    Set(Key),
    /// A budget's status.
    Budget(Key),
    /// A pod that has no node.
    Place(Key),
    /// A pod on its node.
    Run(Key),
    /// A claim: its volume, its protection.
    Claim(Key),
    /// A service's address, and its endpoint slice.
    Service(Key),
    /// A node that may have gone silent.
    Node(Key),
    /// A namespace, and what every one has.
    Space(Key),
    /// A volume, and the node that it is attached to.
    Disk(Key),
    /// Whether machines can be made by a pool, or by a node class.
    Pool(Key),
    /// The pods that wait for a node which isn't there yet.
    Provision,
    /// A machine that was ordered, or that may not be needed any more.
    Machine(Key),
    /// What belonged to an object that is gone, by its uid.
    Orphans(String),
    /// The Events that are too old.
    OldEvents,
}

/// What goes on with a pod or a claim and takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Stage {
    /// Its disks are being attached.
    Attaching,
    /// Its images are being pulled.
    Pulling,
    /// Its containers run and aren't Ready yet.
    Starting,
    /// Its containers are told to stop.
    Stopping,
    /// Its volume is being made.
    Provisioning,
    /// Nobody uses it any more, and it is being taken off.
    Detaching,
    /// It is on its way.
    Launching,
    /// It is there, and isn't ready for pods yet.
    Initializing,
    /// It holds no pods.
    Empty,
}

/// How long things take. Every rehearsal says whether these were measured in the cluster or are typical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From a change to the controller that looks at it. Measured on a real control plane: 3 to 10 ms.
    pub lag: Duration,
    /// Between two tries of what went wrong.
    pub retry: Duration,
    /// To pull an image on a node that doesn't have it.
    pub pull: Duration,
    /// To attach a disk to a node.
    pub attach: Duration,
    /// From a container's start until its pod is Ready.
    pub ready: Duration,
    /// From the wish to stop until the containers have stopped, where their grace period allows that much.
    pub stop: Duration,
    /// To make a volume.
    pub provision: Duration,
    /// To take a disk off a node, once it is unmounted.
    pub detach: Duration,
    /// From a machine's order until its node has registered.
    pub launch: Duration,
    /// From a node's registration until it takes pods.
    pub initialize: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            lag: Duration::from_millis(5),
            retry: Duration::from_secs(10),
            pull: Duration::from_secs(20),
            attach: Duration::from_secs(8),
            ready: Duration::from_secs(10),
            stop: Duration::from_secs(2),
            provision: Duration::from_secs(5),
            detach: Duration::from_secs(10),
            launch: Duration::from_secs(75),
            initialize: Duration::from_secs(15),
        }
    }
}

/// Does a piece of work.
pub(in crate::sim) fn run(plane: &mut Plane, work: &Work, now: Timestamp) {
    match work {
        Work::Set(key) => statefulset::reconcile(plane, key, now),
        Work::Budget(key) => disruption::reconcile(plane, key, now),
        Work::Place(key) => scheduler::place(plane, key, now),
        Work::Run(key) => kubelet::run(plane, key, now),
        Work::Claim(key) => volumes::reconcile(plane, key, now),
        Work::Service(key) => {
            cloud::reconcile(plane, key, now);
            endpoints::reconcile(plane, key, now);
        }
        Work::Node(key) => nodes::reconcile(plane, key, now),
        Work::Space(key) => namespaces::reconcile(plane, key, now),
        Work::Disk(key) => attach::reconcile(plane, key, now),
        Work::Pool(key) => provisioner::admit(plane, key, now),
        Work::Provision => provisioner::provision(plane, now),
        Work::Machine(key) => provisioner::reconcile(plane, key, now),
        Work::Orphans(owner) => garbage::collect(plane, owner, now),
        Work::OldEvents => events::forget(plane, now),
    }
}

/// The work that a change makes.
pub(in crate::sim) fn concerned(store: &Store, change: &Change) -> Vec<Work> {
    let object = &change.object;
    let key = Key::of(change.kind, object);
    let space = namespace(object);
    let keys = |kind: Kind| store.all(kind, Some(space)).map(move |object| Key::of(kind, object));
    match change.kind {
        Kind::StatefulSets if change.what == What::Deleted => vec![Work::Orphans(uid(object).to_owned())],
        Kind::StatefulSets => vec![Work::Set(key)],
        Kind::NodePools if change.what == What::Deleted => vec![Work::Orphans(uid(object).to_owned())],
        Kind::Budgets => vec![Work::Budget(key)],
        Kind::Claims => {
            let mut work = vec![Work::Claim(key)];
            // Nobody has waited for one that came as it is.
            if change.what != What::Added || text(object, "/status/phase") != "Bound" {
                work.extend(waiting(store, Some(space)));
                work.extend(starting(store, space));
            }
            work
        }
        Kind::Pods => {
            let mut work: Vec<Work> = Vec::new();
            let owner = controller(object).filter(|owner| text(owner, "/kind") == "StatefulSet");
            work.extend(owner.map(|owner| Work::Set(Key::new(Kind::StatefulSets, space, text(owner, "/name")))));
            let covering = store.all(Kind::Budgets, Some(space));
            let covering = covering.filter(|budget| disruption::covers(budget, object));
            work.extend(covering.map(|budget| Work::Budget(Key::of(Kind::Budgets, budget))));
            let services = store.all(Kind::Services, Some(space));
            let leading = services.filter(|service| endpoints::selects(service, object));
            work.extend(leading.map(|service| Work::Service(Key::of(Kind::Services, service))));
            let node = text(object, "/spec/nodeName");
            if !node.is_empty() {
                let disks = attach::disks_of(store, object);
                work.extend(disks.map(|volume| Work::Disk(Key::of(Kind::Volumes, volume))));
                let was_here = change
                    .before
                    .as_ref()
                    .is_some_and(|before| text(before, "/spec/nodeName") == node);
                let ended = ["Succeeded", "Failed"].contains(&text(object, "/status/phase"));
                if !was_here || ended || change.what == What::Deleted {
                    work.extend(provisioner::machine_of(store, node).map(Work::Machine));
                }
            } else if provisioner::waits(object) && store.all(Kind::NodePools, None).next().is_some() {
                work.push(Work::Provision);
            }
            if change.what == What::Deleted {
                work.extend(claims_of(object).map(|claim| Work::Claim(Key::new(Kind::Claims, space, claim))));
                // The room that it took is free.
                work.extend(waiting(store, None));
            } else if text(object, "/spec/nodeName").is_empty() {
                work.push(Work::Place(key));
            } else {
                work.push(Work::Run(key));
            }
            work
        }
        Kind::Nodes => {
            let on_it = store.sharing(Common::Node, name(object));
            let on_it = on_it.map(|(pod, _)| Work::Run(pod.clone()));
            let machine = provisioner::machine_of(store, name(object)).map(Work::Machine);
            waiting(store, None)
                .chain(on_it)
                .chain([Work::Node(key)])
                .chain(machine)
                .collect()
        }
        Kind::NodeClaims => vec![Work::Machine(key)],
        Kind::NodePools => vec![Work::Pool(key), Work::Provision],
        Kind::AksNodeClasses | Kind::Ec2NodeClasses | Kind::KwokNodeClasses => vec![Work::Pool(key)],
        Kind::VolumeAttachments => {
            let volume = Key::wide(Kind::Volumes, text(object, "/spec/source/persistentVolumeName"));
            let space = store
                .get(&volume)
                .map(|volume| text(volume, "/spec/claimRef/namespace").to_owned());
            let mut work: Vec<Work> = match &space {
                Some(space) => starting(store, space).collect(),
                None => Vec::new(),
            };
            let machine = provisioner::machine_of(store, text(object, "/spec/nodeName"));
            work.extend(machine.map(Work::Machine));
            work.push(Work::Disk(volume));
            work
        }
        Kind::Services => vec![Work::Service(key)],
        Kind::Namespaces => vec![Work::Space(key)],
        Kind::Volumes => {
            let (space, claim) = (
                text(object, "/spec/claimRef/namespace"),
                text(object, "/spec/claimRef/name"),
            );
            let claim = Some(claim).filter(|claim| !claim.is_empty());
            let claim = claim.map(|claim| Work::Claim(Key::new(Kind::Claims, space, claim)));
            claim.into_iter().chain([Work::Disk(key)]).collect()
        }
        Kind::ControllerRevisions => keys(Kind::StatefulSets).map(Work::Set).collect(),
        _ => Vec::new(),
    }
}

/// The pods that have no node yet.
fn waiting<'a>(store: &'a Store, within: Option<&'a str>) -> impl Iterator<Item = Work> + 'a {
    let pods = store.sharing(Common::Node, "");
    let here = pods.filter(move |(pod, _)| within.is_none_or(|within| pod.namespace == within));
    let staying = here.filter(|(_, marks)| !marks.leaving);
    staying.map(|(pod, _)| Work::Place(pod.clone()))
}

/// The pods that have a node and don't run yet.
fn starting<'a>(store: &'a Store, within: &str) -> impl Iterator<Item = Work> + use<'a> {
    let pods = store.sharing(Common::Starting, within);
    pods.map(|(pod, _)| Work::Run(pod.clone()))
}

/// The names of the claims that a pod uses.
pub(in crate::sim) fn claims_of(pod: &serde_json::Value) -> impl Iterator<Item = &str> {
    let volumes = list(pod, "/spec/volumes").iter();
    volumes
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|claim| !claim.is_empty())
}

#[cfg(test)]
pub(in crate::sim) mod testing;
