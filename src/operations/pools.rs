//! A pool of Karpenter's that is to go: what is on its nodes, its deletion once nothing is, and the wait until the nodes are gone.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::bearing::Bearing;
use super::emit::Emitter;
use super::lock::{interrupted, lost};
use super::run::Stop;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::fresh::pods_on;
use crate::cluster::get::Api;
use crate::cluster::lease::{Lock, LostOr};
use crate::cluster::permit::Permit;
use crate::cluster::write::delete;
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::mark::HELPER;
use crate::model::shell::shell_word;
use crate::model::{node, pod, set};
use crate::plan::drain::release::{Left, still_on};
use crate::plan::manifest::names::{PART_OF, of_another_namespace};
use crate::plan::promote::places::is_bound;
use crate::plan::verify::policy::Policy;

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(500);

/// A pool, and what there is of it.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its uid; none where it is gone.
    pub uid: Option<String>,
    /// Whether its label says that it is of the workload.
    pub is_ours: bool,
    /// Its nodes and the claims for them, each by its name.
    pub machines: Vec<String>,
    /// The pods that keep it, as `namespace/name`: no DaemonSet's, and not on their way out.
    pub pods: Vec<String>,
    /// Helper pods of an operation on its nodes, as `namespace/name`.
    pub helpers: Vec<String>,
    pub(super) is_leaving: bool,
    pub(super) is_deleted: bool,
}

impl Pool {
    /// Whether nothing is left of it.
    pub fn is_gone(&self) -> bool {
        self.uid.is_none() && self.machines.is_empty()
    }
}

/// What became of a pool.
pub(super) enum Retired {
    /// It is gone, with its nodes.
    Gone,
    /// It stays, and why.
    Kept(Finding),
    /// It is deleted, and nodes are still there.
    Late(Finding),
    /// The lock was lost; in words.
    Locked(String),
    /// The user interrupted the waiting.
    Interrupted,
}

/// What retiring takes.
pub(super) struct Means<'a> {
    pub connection: &'a Connection,
    pub permit: &'a Permit,
    /// Renewed right before the deletion; none where there is no set that it would be on.
    pub lock: Option<&'a Lock>,
    pub workload: &'a str,
    pub set: &'a StatefulSet,
    pub judging: &'a Policy,
    pub events: &'a Emitter,
    pub stop: &'a Stop,
    pub patience: Duration,
    /// The pool that the shards have to be bound to before another one goes; none where there are no shards any more.
    pub bound_to: Option<&'a str>,
}

/// Where a pool is served.
fn path(name: &str) -> String {
    format!("/apis/karpenter.sh/v1/nodepools/{name}")
}

/// Looks at a pool of the workload, uncached.
///
/// # Errors
/// Every [`Failure`].
pub(super) async fn look(api: &Api, name: &str, workload: &str, set: &StatefulSet) -> Result<Pool, Failure> {
    let mut pool = Pool {
        name: name.to_owned(),
        ..Pool::default()
    };
    match api.get(&path(name)).await {
        Ok(answer) => {
            let found: Value = answer.parse()?;
            pool.uid = found["metadata"]["uid"].as_str().map(str::to_owned);
            let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
            pool.is_ours =
                found["metadata"]["labels"][PART_OF] == workload && of_another_namespace(&found, namespace).is_none();
            pool.is_deleted = found["metadata"]["deletionTimestamp"].is_string();
        }
        Err(failure) if failure.is_not_found() => {}
        Err(failure) => return Err(failure),
    }
    let of_pool = format!("labelSelector={}%3D{name}", node::NODE_POOL.replace('/', "%2F"));
    let names = |listed: Vec<Box<RawValue>>| {
        listed.into_iter().filter_map(|raw| {
            let found: Value = serde_json::from_str(raw.get()).ok()?;
            found["metadata"]["name"].as_str().map(str::to_owned)
        })
    };
    match api.list("/apis/karpenter.sh/v1/nodeclaims", &of_pool, Some).await {
        Ok(listed) => pool
            .machines
            .extend(names(listed).map(|name| format!("nodeclaim/{name}"))),
        Err(failure) if failure.is_not_found() => {}
        Err(failure) => return Err(failure),
    }
    for raw in api.list("/api/v1/nodes", &of_pool, Some).await? {
        let found: Node = serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
            what: format!("no node: {error}"),
        })?;
        let place = node::name(&found);
        let namespace = &set.metadata.namespace;
        let is_helper = |found: &Pod| found.metadata.namespace == *namespace && pod::label(found, HELPER).is_some();
        let (helpers, others): (Vec<Pod>, Vec<Pod>) = pods_on(api, place).await?.into_iter().partition(is_helper);
        for found in helpers.iter().filter(|found| !pod::is_terminating(found)) {
            let space = namespace.as_deref().unwrap_or_default();
            pool.helpers.push(format!("{space}/{}", pod::name(found)));
        }
        match still_on(set, &others) {
            None => {}
            Some(Left::Leaving) => pool.is_leaving = true,
            Some(Left::Stays(pods)) => pool.pods.extend(pods),
        }
        pool.machines.push(format!("node/{place}"));
    }
    pool.pods.sort();
    Ok(pool)
}

/// Deletes a pool once nothing is on its nodes but what goes with them, and waits until those are gone. It is the pool of this uid that
/// was judged (none where it was gone by then): another one of its name stays.
///
/// # Errors
/// Where the server gives no answer for as long as the nodes may take.
pub(super) async fn retire(means: &Means<'_>, name: &str, judged: Option<&str>) -> Result<Retired, Failure> {
    let api = means.connection.api();
    let until = Instant::now() + means.patience;
    let mut bearing = Bearing::new(means.events);
    let mut said = String::new();
    loop {
        if *means.stop.borrow() > 0 {
            return Ok(Retired::Interrupted);
        }
        let words = match step(means, api, name, judged).await {
            Ok(Step::Over(retired)) => return Ok(*retired),
            Ok(Step::Wait(words)) => {
                bearing.answered();
                words
            }
            Err(failure) => {
                bearing.bear(failure)?;
                said.clone()
            }
        };
        if Instant::now() >= until {
            let mut finding = Finding::new(
                Severity::Error,
                format!("nodepool/{name}"),
                "its nodes aren't gone in time",
            );
            finding
                .evidence(words)
                .remedy("see what holds them:")
                .remedy(means.judging.kubectl_cluster(&format!(
                    "get nodeclaims -l {}={}",
                    node::NODE_POOL,
                    shell_word(name)
                )));
            return Ok(Retired::Late(finding));
        }
        if words != said {
            said.clone_from(&words);
            means.events.emit(Fact::Waiting { words });
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = interrupted(means.stop, 1) => {}
        }
    }
}

enum Step {
    Over(Box<Retired>),
    Wait(String),
}

async fn step(means: &Means<'_>, api: &Api, name: &str, judged: Option<&str>) -> Result<Step, Failure> {
    let over = |retired: Retired| Ok(Step::Over(Box::new(retired)));
    let object = format!("nodepool/{name}");
    let pool = look(api, name, means.workload, means.set).await?;
    if pool.is_gone() {
        return over(Retired::Gone);
    }
    if let Some(uid) = &pool.uid
        && judged != Some(uid.as_str())
    {
        return over(Retired::Kept(made_again(&object, name, means.judging)));
    }
    let Some(uid) = pool.uid.as_ref().filter(|_| !pool.is_deleted) else {
        return Ok(Step::Wait(format!("{} of {object} to go", machines(&pool))));
    };
    if let Some(finding) = kept(&pool, means.judging) {
        return over(Retired::Kept(finding));
    }
    if pool.is_leaving {
        return Ok(Step::Wait(format!("pods to leave the nodes of {object}")));
    }
    if let Some(bound_to) = means.bound_to
        && let Some(finding) = wanted(means, api, &object, bound_to).await?
    {
        return over(Retired::Kept(finding));
    }
    match means.lock {
        None => {}
        Some(lock) => match lock.renew().await {
            Ok(()) => {}
            Err(LostOr::Lost(holder)) => {
                return over(Retired::Locked(lost(holder, set::name(means.set), means.events)));
            }
            Err(LostOr::Failed(failure)) => return Err(failure),
        },
    }
    let options = DeleteOptions {
        preconditions: Some(Preconditions {
            uid: Some(uid.clone()),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    };
    match delete(api, means.permit, &path(name), &options).await {
        Ok(_) => means.events.emit(Fact::Changed {
            object: object.clone(),
            what: "deleted: Karpenter ends its nodes".to_owned(),
        }),
        // Gone or another one by now, or nobody knows: looking tells.
        Err(failure) if failure.is_not_found() || failure.is_conflict() || failure.may_have_been_done() => {}
        Err(failure) => return Err(failure),
    }
    Ok(Step::Wait(format!("{} of {object} to go", machines(&pool))))
}

/// Why a pool stays that was made after the one of its name was judged.
fn made_again(object: &str, name: &str, judging: &Policy) -> Finding {
    let mut finding = Finding::new(
        Severity::Error,
        object,
        "stays: it was made again since it was looked at",
    );
    finding
        .remedy("see who makes it (a GitOps controller, `kubectl apply -k`):")
        .remedy(judging.kubectl_cluster(&format!(
            "get nodepool {} -o yaml --show-managed-fields",
            shell_word(name)
        )))
        .remedy("where it isn't wanted, have them let go of it; then run this again");
    finding
}

/// What of the shards keeps a pool although none is on its nodes: a template, or a shard without a node, that could go there.
async fn wanted(means: &Means<'_>, api: &Api, object: &str, bound_to: &str) -> Result<Option<Finding>, Failure> {
    let namespace = means.set.metadata.namespace.as_deref().unwrap_or_default();
    let name = set::name(means.set);
    let found: StatefulSet = api
        .get(&format!("/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"))
        .await?
        .parse()?;
    let stays = |who: String| {
        let mut finding = Finding::new(
            Severity::Error,
            object,
            format!("stays: {who}, and isn't bound to nodepool/{bound_to}"),
        );
        finding.remedy("its template was written by somebody else since; run this again, or leave the pool");
        Some(finding)
    };
    let template = found.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    if !template.is_some_and(|spec| is_bound(spec, bound_to)) {
        return Ok(stays(format!("statefulset/{name} may have its shards there")));
    }
    for raw in api
        .list(&format!("/api/v1/namespaces/{namespace}/pods"), "", Some)
        .await?
    {
        let found: Pod = serde_json::from_str(raw.get()).map_err(|error| Failure::NotKubernetes {
            what: format!("no pod: {error}"),
        })?;
        let is_shard = set::ordinal_of(means.set, pod::name(&found)).is_some();
        let is_free = !found.spec.as_ref().is_some_and(|spec| is_bound(spec, bound_to));
        if is_shard && is_free && pod::node(&found).is_none() {
            return Ok(stays(format!("pod/{} waits for a node", pod::name(&found))));
        }
    }
    Ok(None)
}

fn machines(pool: &Pool) -> String {
    match pool.machines.iter().filter(|name| name.starts_with("node/")).count() {
        1 => "1 node".to_owned(),
        count => format!("{count} nodes"),
    }
}

/// Why a pool stays; none where it may go.
pub(super) fn kept(pool: &Pool, judging: &Policy) -> Option<Finding> {
    let object = format!("nodepool/{}", pool.name);
    if !pool.is_ours {
        let mut finding = Finding::new(Severity::Warning, object, "isn't labelled as the workload's, and stays");
        finding
            .remedy("see whose it is:")
            .remedy(judging.kubectl_cluster(&format!("get nodepool {} -o yaml", shell_word(&pool.name))))
            .remedy(format!(
                "where it is the workload's, its label {PART_OF} says so with the workload's name; then run this again"
            ));
        return Some(finding);
    }
    let pods: Vec<&String> = pool.pods.iter().chain(&pool.helpers).collect();
    if pods.is_empty() {
        return None;
    }
    let count = pods.len();
    let words = if count == 1 {
        "1 pod is".to_owned()
    } else {
        format!("{count} pods are")
    };
    let mut finding = Finding::new(Severity::Error, object, format!("stays: {words} on its nodes"));
    for name in pods.iter().take(10) {
        finding.evidence(format!("pod {name}"));
    }
    if count > 10 {
        finding.evidence(format!("and {} more", count - 10));
    }
    finding.remedy("move them, or have their owner do so; then run this again");
    Some(finding)
}
