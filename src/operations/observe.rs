//! One whole look at the cluster: every object that the checks need in parallel, the names asked of every name server,
//! the logs of what isn't ready. Gives a [`Recording`], which the checks judge and `shardctl snapshot` saves.

pub(super) mod logs;
pub mod measure;
mod names;
mod subject;
mod survey;
pub mod ways;
mod weigh;

use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::time::Duration;

use futures::future::{join, join_all, join4, join5, try_join};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::clock;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::protection;
use crate::cluster::read::{Reading, Served, read, read_usage, served};
use crate::cluster::recording::empty;
use crate::cluster::rights;
use crate::error::{Error, Result};
use crate::model::dns::Questions;
use crate::model::read::{Read, Skip};
use crate::model::recording::{EvictionTrial, Recording};
use crate::model::resource::Resource;
use crate::model::snapshot::{Misfit, Snapshot};
use crate::model::{pod, set};
use crate::plan::verify::access::{eviction_rule, log_rule};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

use subject::Chosen;
pub use weigh::weigh;

pub use survey::survey;

/// How name servers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsMode {
    /// Through a port-forward to every CoreDNS pod; inside a pod, as [`DnsMode::System`].
    Default,
    /// Through a port-forward to every CoreDNS pod.
    PortForward,
    /// By a command inside a shard's pod.
    Exec,
    /// By the resolver of this machine or pod.
    System,
    /// By one server.
    Server(SocketAddr),
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The set; the only one of the namespace where it isn't named.
    pub statefulset: Option<String>,
    /// How name servers are asked; none to ask none.
    pub dns: Option<DnsMode>,
    /// How long one DNS question may take.
    pub dns_timeout: Duration,
    /// The cluster's DNS domain, where it was said.
    pub domain: Option<String>,
    /// Whether logs of containers that aren't ready are read.
    pub logs: bool,
    /// Whether an eviction is tried.
    pub probe_protection: bool,
    /// Whether the room on the nodes is looked at: every pod of the cluster, and how many disks each node takes.
    pub room: bool,
    /// Whether what is used now is looked at, where somebody measures it.
    pub usage: bool,
    /// The policy that decides how many shards there should be, and so how many names are asked.
    pub policy: Policy,
}

/// Kinds that are read at once and that nothing waits for. Pods wait for the set's selector, optional kinds for discovery.
const AT_ONCE: [Resource; 16] = [
    Resource::Namespace,
    Resource::ControllerRevisions,
    Resource::Claims,
    Resource::Volumes,
    Resource::StorageClasses,
    Resource::VolumeAttachments,
    Resource::Nodes,
    Resource::EndpointSlices,
    Resource::Events,
    Resource::ClusterEvents,
    Resource::Leases,
    Resource::Autoscalers,
    Resource::DaemonSets,
    Resource::Deployments,
    Resource::ClusterAutoscalerStatus,
    Resource::PriorityClasses,
];

/// How long a failure waits for the greeting, which may explain it.
const GREETING: Duration = Duration::from_secs(2);

/// The label selector of CoreDNS's pods, on every distribution since kube-dns.
const DNS_PODS: &str = "labelSelector=k8s-app%3Dkube-dns";

/// The field selector of pods that still take room on their nodes.
pub const UNFINISHED: &str = "fieldSelector=status.phase!%3DSucceeded,status.phase!%3DFailed";

/// One look: what is saved, and what is judged.
#[derive(Debug)]
pub struct Observed {
    /// What `shardctl snapshot` saves.
    pub recording: Recording,
    /// The same, typed.
    pub snapshot: Snapshot,
}

/// Looks at everything once.
///
/// Everything is asked for at once, over one connection; the names as soon as the set and CoreDNS's pods are there.
///
/// # Errors
/// Where the server can't be reached at all or isn't Kubernetes; where a name that was typed doesn't exist. Anything else that
/// can't be read is recorded as such.
pub async fn observe(connection: &Connection, wanted: &Wanted) -> Result<Observed> {
    let api = connection.api();
    // Where names are asked through an upgraded connection, the greeting opens that one, while the others are at work.
    let greeter = if names::take_an_upgrade(connection, wanted) {
        connection.upgrade_api()?
    } else {
        api.clone()
    };
    let (first, the_first) = oneshot::channel();
    let (greeting, names, (mut recording, mut snapshot)) = Box::pin(greeted(
        &greeter,
        set_and_names(connection, wanted, first),
        objects(connection, wanted, the_first),
    ))
    .await?;
    sign(&mut recording, greeting);
    if names::take_a_port_forward(connection, wanted)
        && let Read::Got(known) = &mut recording.rights
    {
        let answers = names.as_ref().and_then(|(_, answers)| answers.got());
        known.extend(names::rights(api, answers).await);
    }
    if let Some((domain, answers)) = names {
        recording.domain = domain;
        recording.dns = answers;
    }
    snapshot.taken.clone_from(&recording.taken);
    snapshot.rights.clone_from(&recording.rights);
    snapshot.domain.clone_from(&recording.domain);
    snapshot.dns.clone_from(&recording.dns);
    let seen = Seen::of(&snapshot, &wanted.policy);
    let (logs, protection) = join(
        logs::read(api, wanted.logs, &seen),
        try_eviction(api, wanted.probe_protection, &seen),
    )
    .await;
    if let Some(protection) = protection {
        recording.protection = protection;
    }
    recording.logs = logs;
    snapshot.logs.clone_from(&recording.logs);
    snapshot.protection.clone_from(&recording.protection);
    Ok(Observed { recording, snapshot })
}

/// Looks at what `status` needs: the set, its pods, its budgets. The rest is recorded as not read.
///
/// # Errors
/// As [`observe`].
pub async fn glance(connection: &Connection, statefulset: Option<&str>) -> Result<Recording> {
    let api = connection.api();
    let namespace = connection.namespace();
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let chosen = subject::choose(connection, &sets.objects, statefulset).await?;
        let pods = subject::pods(connection, &chosen).await;
        let name = name_of(&chosen, statefulset);
        Ok((name, [sets, pods]))
    };
    let rest = async {
        Ok(join(
            read(api, Resource::Budgets, namespace, ""),
            read(api, Resource::Namespace, namespace, ""),
        )
        .await)
    };
    let (greeting, (name, [sets, pods]), (budgets, space)) = Box::pin(greeted(api, set, rest)).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    for reading in [sets, pods, budgets, space] {
        add(&mut recording, reading);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    Ok(recording)
}

/// What tells of the shards: events, and the objects that say which shard an event is about.
const STORY: [Resource; 7] = [
    Resource::Namespace,
    Resource::Budgets,
    Resource::Claims,
    Resource::Volumes,
    Resource::VolumeAttachments,
    Resource::Events,
    Resource::ClusterEvents,
];

/// Looks at what `events` needs: the set, its pods, what is theirs, and everything that was said. The rest is recorded as not
/// read.
///
/// # Errors
/// As [`observe`].
pub async fn listen(connection: &Connection, statefulset: Option<&str>) -> Result<Recording> {
    let api = connection.api();
    let namespace = connection.namespace();
    let set = async {
        let sets = read(api, Resource::StatefulSets, namespace, "").await;
        let chosen = subject::choose(connection, &sets.objects, statefulset).await?;
        let pods = subject::pods(connection, &chosen).await;
        Ok((name_of(&chosen, statefulset), [sets, pods]))
    };
    let rest = async {
        let machines = async { served(api).await.read(api, Resource::NodeClaims, namespace).await };
        Ok(join(
            join_all(STORY.map(|resource| read(api, resource, namespace, ""))),
            machines,
        )
        .await)
    };
    let (greeting, (name, set_and_pods), (rest, machines)) = greeted(api, set, rest).await?;
    let mut recording = empty(connection, name);
    sign(&mut recording, greeting);
    for reading in set_and_pods.into_iter().chain(rest).chain([machines]) {
        add(&mut recording, reading);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    Ok(recording)
}

/// What was read first, and the set that was chosen by it.
struct First {
    recording: Recording,
    chosen: Chosen,
}

/// The set, what its names depend on, and the answers of the name servers, which take longest and so begin first. What was read
/// goes to `first` before they are asked; with the pods, where asking takes one of them.
async fn set_and_names(
    connection: &Connection,
    wanted: &Wanted,
    first: oneshot::Sender<First>,
) -> Result<Option<(Read<String>, Read<Questions>)>> {
    let (api, namespace) = (connection.api(), connection.namespace());
    let (sets, budgets, services, dns_pods, dns_config) = Box::pin(join5(
        read(api, Resource::StatefulSets, namespace, ""),
        read(api, Resource::Budgets, namespace, ""),
        read(api, Resource::Services, namespace, ""),
        read(api, Resource::DnsPods, namespace, DNS_PODS),
        read(api, Resource::DnsConfig, namespace, ""),
    ))
    .await;
    let chosen = subject::choose(connection, &sets.objects, wanted.statefulset.as_deref()).await?;
    let mut recording = empty(connection, name_of(&chosen, wanted.statefulset.as_deref()));
    for reading in [sets, budgets, services, dns_pods, dns_config] {
        add(&mut recording, reading);
    }
    let mut snapshot = derive(&recording)?;
    let seen = Seen::of(&snapshot, &wanted.policy);
    if names::needs_pods(wanted, &seen) {
        add(&mut recording, subject::pods(connection, &chosen).await);
        snapshot = derive(&recording)?;
    }
    // Where the other side ended early, its error ends this one.
    let _ = first.send(First { recording, chosen });
    let seen = Seen::of(&snapshot, &wanted.policy);
    Ok(names::ask(connection, wanted, &seen).await)
}

/// All objects, typed while the name servers answer.
async fn objects(
    connection: &Connection,
    wanted: &Wanted,
    first: oneshot::Receiver<First>,
) -> Result<(Recording, Snapshot)> {
    let (api, namespace) = (connection.api(), connection.namespace());
    let with_first = async {
        let First { mut recording, chosen } = match first.await {
            Ok(first) => first,
            // Where the other side ended early, its error ends this one.
            Err(_) => std::future::pending().await,
        };
        if !recording.objects.contains_key(&Resource::Pods) {
            add(&mut recording, subject::pods(connection, &chosen).await);
        }
        recording
    };
    let mut rules = vec![log_rule(namespace)];
    rules.extend(names::rules(connection, wanted));
    rules.extend(wanted.probe_protection.then(|| eviction_rule(namespace)));
    let at_once = join_all(AT_ONCE.map(|resource| read(api, resource, namespace, "")));
    let (mut recording, (at_once, room), optional, rights) = Box::pin(join4(
        with_first,
        join(at_once, room(api, namespace, wanted.room)),
        optional(api, namespace, wanted.usage),
        rights::ask(api, rules),
    ))
    .await;
    if let Read::Got(known) = &mut recording.rights {
        known.extend(rights);
    }
    for reading in at_once.into_iter().chain(optional) {
        add(&mut recording, reading);
    }
    // No check needs these, so that no check says whether they may be read.
    for reading in room {
        recording.objects.insert(reading.resource, reading.objects);
    }
    subject::check_typed_namespace(connection, &recording).await?;
    if connection.is_a_rehearsal() {
        // No name is asked there; and what is typed on another thread isn't given back to this one.
        let snapshot = derive(&recording)?;
        return Ok((recording, snapshot));
    }
    // Beside this thread, which the names wait for to be asked.
    let typed = spawn_blocking(move || {
        let snapshot = derive(&recording)?;
        Ok((recording, snapshot))
    });
    typed.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// The name of the set that a recording is about.
fn name_of(chosen: &Chosen, wanted: Option<&str>) -> Option<String> {
    match chosen {
        Chosen::Set(set) => Some(set::name(set).to_owned()),
        Chosen::None => None,
        Chosen::Unseen => wanted.map(str::to_owned),
    }
}

/// What the server says of itself.
struct Greeting {
    version: Read<String>,
    at: Option<Timestamp>,
}

/// Writes into a recording when it was taken, and of which server.
fn sign(recording: &mut Recording, greeting: Greeting) {
    recording.taken.at = greeting.at.unwrap_or_else(clock::now);
    recording.taken.server = greeting.version;
}

/// The server's greeting and two reads beside it. Whatever they fail with, what isn't Kubernetes or can't be reached is told as such,
/// where the greeting shows that within [`GREETING`].
async fn greeted<A, B>(
    api: &Api,
    one: impl Future<Output = Result<A>>,
    other: impl Future<Output = Result<B>>,
) -> Result<(Greeting, A, B)> {
    let (said, heard) = oneshot::channel();
    let greeting = async {
        let greeting = greet(api).await?;
        // Where nobody waits for it, it is known all the same.
        let _ = said.send(());
        Ok(greeting)
    };
    let both = async {
        match try_join(one, other).await {
            Ok(both) => Ok(both),
            Err(error) => {
                let _ = timeout(GREETING, heard).await;
                Err(error)
            }
        }
    };
    let (greeting, (one, other)) = Box::pin(try_join(greeting, both)).await?;
    Ok((greeting, one, other))
}

/// Asks for the server's version and time. Where this fails because there is no server, the rest isn't worth waiting for.
async fn greet(api: &Api) -> Result<Greeting> {
    match api.get("/version").await {
        Ok(answer) => match version(&answer.body) {
            Some(version) => Ok(Greeting {
                version: Read::Got(version),
                at: answer.date,
            }),
            None => Err(Failure::NotKubernetes {
                what: "an answer to /version that names no version".to_owned(),
            }
            .into_error("ask the API server for its version", api.endpoint())),
        },
        Err(failure)
            if failure.is_about_the_connection()
                || matches!(
                    failure,
                    Failure::TimedOut { .. } | Failure::CutOff { .. } | Failure::Config(_)
                ) =>
        {
            Err(failure.into_error("ask the API server for its version", api.endpoint()))
        }
        Err(failure) => Ok(Greeting {
            version: Read::Unreadable(format!("the server's version can't be read: {}", failure.reason())),
            at: None,
        }),
    }
}

/// Types a recording.
///
/// # Errors
/// A bug: the server gave an object that isn't of its own kind.
pub fn derive(recording: &Recording) -> Result<Snapshot> {
    understood(Snapshot::derive(recording))
}

/// A snapshot, or the error of what can't be typed.
fn understood(typed: std::result::Result<Snapshot, Misfit>) -> Result<Snapshot> {
    typed.map_err(|misfit| {
        Error::new(
            crate::error::ErrorKind::Unreachable,
            format!("failed to understand what was read: {misfit}"),
        )
        .hint("the server may be newer than this shardctl knows; save what it gives and report it:")
        .hint("$ shardctl snapshot --redact > snapshot.json")
    })
}

fn add(recording: &mut Recording, reading: Reading) {
    if let Read::Got(rights) = &mut recording.rights {
        rights.extend(reading.rights);
    }
    recording.objects.insert(reading.resource, reading.objects);
}

/// `v1.36.3` out of `/version`; none where whatever answers isn't Kubernetes.
fn version(body: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    let version = answer.get("gitVersion")?.as_str()?;
    (!version.is_empty()).then(|| version.to_owned())
}

/// Kinds that the cluster need not have: Karpenter's, KEDA's, the vertical autoscaler's; where asked for, what is used now.
async fn optional(api: &Api, namespace: &str, usage: bool) -> Vec<Reading> {
    let groups: Served = served(api).await;
    let pools_and_classes = async {
        let pools = groups.read(api, Resource::NodePools, namespace).await;
        let classes = groups.read_node_classes(api, &pools.objects).await;
        [pools, classes]
    };
    let usage = async {
        if usage {
            read_usage(api, &groups, namespace).await.into()
        } else {
            Vec::new()
        }
    };
    let (pools_and_classes, claims, scaled, vertical, usage) = Box::pin(join5(
        pools_and_classes,
        groups.read(api, Resource::NodeClaims, namespace),
        groups.read(api, Resource::ScaledObjects, namespace),
        groups.read(api, Resource::VerticalAutoscalers, namespace),
        usage,
    ))
    .await;
    pools_and_classes
        .into_iter()
        .chain([claims, scaled, vertical])
        .chain(usage)
        .collect()
}

/// What tells how much room the nodes have, where that was asked for.
async fn room(api: &Api, namespace: &str, asked: bool) -> Vec<Reading> {
    if asked {
        read_room(api, namespace).await
    } else {
        Vec::new()
    }
}

/// What tells how much room the nodes have: the pods of every namespace, and how many disks each node takes.
pub(super) async fn read_room(api: &Api, namespace: &str) -> Vec<Reading> {
    let [limits, pods] = Resource::OF_ROOM;
    let (limits, pods) = join(read(api, limits, namespace, ""), read(api, pods, namespace, UNFINISHED)).await;
    vec![limits, pods]
}

/// Tries to evict one Ready shard, where that was asked for.
async fn try_eviction(api: &Api, asked: bool, seen: &Seen<'_>) -> Option<Read<EvictionTrial>> {
    if !asked {
        return None;
    }
    let pods = match seen.pods() {
        Ok(pods) => pods,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return Some(Read::Unreadable(why)),
    };
    let ready = pods.into_iter().rev().find(|found| pod::is_ready(found));
    Some(match ready {
        // A pending or terminating pod may always be evicted: only a Ready one shows whether the budget holds.
        None => Read::Unreadable("no shard is Ready, so that an eviction would show nothing".to_owned()),
        Some(ready) => {
            protection::try_eviction(api, &seen.snapshot.taken.namespace, pod::name(ready), pod::uid(ready)).await
        }
    })
}
