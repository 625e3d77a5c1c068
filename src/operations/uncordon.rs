//! `uncordon` from the first read to the end: which nodes, whose mark is there and whether that run lives, then one patch a node.
//!
//! A mark is undone under the lock of the set that it is about: a drain that is running keeps its cordon.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Node;
use serde_json::Value;
use tokio::time::sleep;

use super::drain::unclear;
use super::emit::Emitter;
use super::identity::{run_name, who};
use super::lock::{Taken, give_back, take};
use super::run::Stop;
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::lease::{Lock, Wanted};
use crate::cluster::permit::Permit;
use crate::cluster::read::read;
use crate::cluster::recording::empty;
use crate::cluster::write::{json_patch, try_json_patch};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Fact;
use crate::model::finding::{Finding, Severity};
use crate::model::outcome::{End, Outcome};
use crate::model::resource::Resource;
use crate::model::shell::shell_word;
use crate::model::snapshot::Snapshot;
use crate::model::{node, set};
use crate::plan::drain::node::chosen;
use crate::plan::uncordon::{Stands, patch, stands};
use crate::plan::verify::policy::Policy;
use crate::plan::verify::seen::Seen;

/// How often a node may change under our hands before that is an error.
const TRIES: u32 = 10;
/// The pause before a node is looked at whose change had no answer.
const PAUSE: Duration = Duration::from_millis(200);

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The nodes that were named.
    pub nodes: Vec<String>,
    /// `-l`: the label selector that picks them.
    pub selector: Option<String>,
    /// Which flags commands repeat.
    pub judging: Policy,
    /// How long the lock outlives a run that was killed.
    pub lease: Duration,
}

/// The nodes, as they were found; nothing was changed.
pub struct Prepared {
    /// Each node's name and how it stands.
    pub nodes: Vec<(String, Stands)>,
    /// When they were read, in the server's time.
    pub at: Timestamp,
    policy: Policy,
    lease: Duration,
}

impl Prepared {
    /// Whether all take pods: then nothing is written.
    pub fn is_idle(&self) -> bool {
        self.nodes.iter().all(|(_, stands)| *stands == Stands::Open)
    }

    /// The nodes that don't take pods, or have a mark.
    pub fn to_do(&self) -> Vec<&str> {
        let all = self.nodes.iter().filter(|(_, stands)| *stands != Stands::Open);
        all.map(|(name, _)| name.as_str()).collect()
    }

    /// The end of a run that changed these nodes, in these words each.
    pub fn ends(&self, end: End, done: &BTreeMap<&str, String>, findings: Vec<Finding>, now: Timestamp) -> Outcome {
        let told = self
            .nodes
            .iter()
            .filter_map(|(name, stands)| match (done.get(name.as_str()), stands) {
                (Some(what), _) => Some(format!("node/{name} {what}")),
                (None, Stands::Open) => Some(format!("node/{name} already uncordoned")),
                (None, _) => None,
            });
        let told: Vec<String> = told.collect();
        let left: Vec<&str> = self
            .to_do()
            .into_iter()
            .filter(|name| !done.contains_key(name))
            .collect();
        let again = left
            .iter()
            .map(|name| format!(" {}", shell_word(name)))
            .collect::<String>();
        let undo: Vec<String> = done
            .keys()
            .map(|name| self.policy.kubectl_cluster(&format!("cordon {}", shell_word(name))))
            .collect();
        Outcome {
            end,
            exit_code: end.exit_code(),
            summary: if told.is_empty() {
                "nothing was changed".to_owned()
            } else {
                told.join("; ")
            },
            shards: Vec::new(),
            shard_seconds: 0.0,
            seconds: now.duration_since(self.at).as_secs_f64().max(0.0),
            data: String::new(),
            findings,
            state_now: if left.is_empty() {
                "every node that was named takes pods".to_owned()
            } else {
                format!("as they were: {}", left.join(", "))
            },
            how_to_undo: if undo.is_empty() {
                vec!["nothing to undo".to_owned()]
            } else {
                undo
            },
            how_to_resume: if left.is_empty() {
                vec!["nothing to resume".to_owned()]
            } else {
                vec![self.policy.shardctl(&format!("uncordon{again}"))]
            },
        }
    }
}

/// Reads the nodes. Changes nothing.
///
/// # Errors
/// Where nodes can't be read, or it isn't clear which are meant.
pub async fn prepare(connection: &Connection, asked: &Asked) -> Result<Prepared> {
    let api = connection.api();
    let nodes = read(api, Resource::Nodes, connection.namespace(), "").await;
    let mut recording = empty(connection, None);
    recording.objects.insert(nodes.resource, nodes.objects);
    let snapshot = Snapshot::derive(&recording)
        .map_err(|misfit| Error::new(ErrorKind::Unreachable, format!("failed to read nodes: {misfit}")))?;
    let seen = Seen::of(&snapshot, &asked.judging);
    let nodes =
        chosen(&seen, &asked.nodes, asked.selector.as_deref()).map_err(|which| unclear(&asked.judging, which))?;
    Ok(Prepared {
        nodes: nodes
            .into_iter()
            .map(|place| (node::name(place).to_owned(), stands(place)))
            .collect(),
        at: api.server_time().now(),
        policy: asked.judging.clone(),
        lease: asked.lease,
    })
}

impl Prepared {
    /// Lets the server try everything, without changing anything: what would be done to each node.
    ///
    /// # Errors
    /// What the server refuses, or where it gave no answer.
    pub async fn try_it(&self, connection: &Connection) -> Result<()> {
        for (name, stands) in &self.nodes {
            let object: Value = get(connection, name).await?;
            if let Some(Ok((patch, _))) = patch(&object, stands) {
                let tried = try_json_patch(connection.api(), &path(name), &patch).await;
                tried.map_err(|failure| {
                    failure.into_error(&format!("try to uncordon node/{name}"), connection.endpoint())
                })?;
            }
        }
        Ok(())
    }
}

/// Carries it out. Every event goes to `events`, but the end.
///
/// # Errors
/// Where the server gave no answer, or doesn't let us.
pub async fn execute(
    connection: &Connection,
    prepared: &Prepared,
    permit: &Permit,
    events: &Emitter,
    stop: &Stop,
) -> Result<Outcome> {
    let now = || connection.api().server_time().now();
    let nothing = BTreeMap::new();
    let unreadable: Vec<Finding> = prepared
        .nodes
        .iter()
        .filter_map(|(name, stands)| not_ours(&prepared.policy, name, stands))
        .collect();
    if !unreadable.is_empty() {
        return Ok(prepared.ends(End::Refused, &nothing, unreadable, now()));
    }
    let mut locks = Vec::new();
    for (space, set) in marked_sets(prepared) {
        match lock(connection, prepared, permit, events, stop, (&space, &set)).await {
            Ok(Locked::Held(lock)) => locks.push(lock),
            Ok(Locked::NotNeeded) => {}
            Ok(Locked::Stopped(end, findings)) => {
                all_back(locks).await;
                return Ok(prepared.ends(end, &nothing, findings, now()));
            }
            Err(error) => {
                all_back(locks).await;
                return Err(error);
            }
        }
    }
    let mut done = BTreeMap::new();
    let mut failed = None;
    for name in prepared.to_do() {
        match uncordon(connection, prepared, permit, events, name).await {
            Ok(what) => {
                done.insert(name, what);
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    all_back(locks).await;
    match failed {
        Some(error) if done.is_empty() => Err(error),
        Some(error) => {
            let finding = Finding::new(Severity::Error, "node", error.to_string());
            Ok(prepared.ends(End::Halted, &done, vec![finding], now()))
        }
        None => Ok(prepared.ends(End::Done, &done, Vec::new(), now())),
    }
}

/// The sets whose operations have marks on the nodes, each once.
fn marked_sets(prepared: &Prepared) -> Vec<(String, String)> {
    let sets = prepared.nodes.iter().filter_map(|(_, stands)| match stands {
        Stands::Marked(mark) => mark.set().map(|(space, set)| (space.to_owned(), set.to_owned())),
        _ => None,
    });
    let mut sets: Vec<(String, String)> = sets.collect();
    sets.sort();
    sets.dedup();
    sets
}

/// A mark that can't be undone from here, with what to do.
fn not_ours(policy: &Policy, name: &str, stands: &Stands) -> Option<Finding> {
    let words = match stands {
        Stands::Unreadable => "has a mark of shardctl's that this version can't follow".to_owned(),
        Stands::Marked(mark) if mark.set().is_none() => {
            format!(
                "has the mark of {}, run by {}, which doesn't name its set",
                mark.operation, mark.by
            )
        }
        _ => return None,
    };
    let mut finding = Finding::new(Severity::Error, format!("node/{name}"), words);
    finding
        .remedy("see what can be undone:")
        .remedy(policy.shardctl("recover"));
    Some(finding)
}

enum Locked {
    Held(Lock),
    /// The set is gone, and with it whoever worked on it.
    NotNeeded,
    Stopped(End, Vec<Finding>),
}

/// Takes the lock on a set whose operation has left a mark: where that still runs, its cordon stays.
async fn lock(
    connection: &Connection,
    prepared: &Prepared,
    permit: &Permit,
    events: &Emitter,
    stop: &Stop,
    (space, name): (&str, &str),
) -> Result<Locked> {
    let at = format!("/apis/apps/v1/namespaces/{space}/statefulsets/{name}");
    let found: Result<StatefulSet, Failure> = match connection.api().get(&at).await {
        Ok(answer) => answer.parse(),
        Err(failure) => Err(failure),
    };
    let recover = prepared.policy.shardctl_on(space, name, "recover");
    let found = match found {
        Ok(found) => found,
        Err(failure) if failure.is_not_found() => return Ok(Locked::NotNeeded),
        Err(failure) => {
            let error = failure.into_error(
                &format!("read statefulset/{name} of namespace {space}"),
                connection.endpoint(),
            );
            return Err(error
                .hint("its operation has a mark there; who may read it undoes that:")
                .hint(recover));
        }
    };
    let (by, run) = (who(), run_name("uncordon", space, name));
    let wanted = Wanted {
        namespace: space,
        set: name,
        set_uid: set::uid(&found),
        holder: &by,
        run: &run,
        duration: prepared.lease,
    };
    match take(connection, permit, &wanted, events, stop).await? {
        Taken::Ours(lock, _) => Ok(Locked::Held(lock)),
        Taken::Interrupted => Ok(Locked::Stopped(End::Interrupted, Vec::new())),
        Taken::Theirs(holder) => {
            let marked = prepared
                .nodes
                .iter()
                .find(|(_, stands)| matches!(stands, Stands::Marked(mark) if mark.set() == Some((space, name))));
            let node = marked.map(|(node, _)| node.as_str()).unwrap_or_default();
            let mut finding = Finding::new(
                Severity::Error,
                format!("node/{node}"),
                format!(
                    "{holder} holds the lock on statefulset/{name} and has its mark here: that operation is alive, and needs the cordon"
                ),
            );
            finding
                .remedy("let it finish, or stop it with Ctrl-C where it runs; if it was cut off since:")
                .remedy(recover);
            Ok(Locked::Stopped(End::Locked, vec![finding]))
        }
    }
}

async fn all_back(locks: Vec<Lock>) {
    for lock in locks {
        give_back(lock).await;
    }
}

/// Has one node take pods, whatever changes there meanwhile: what was done, in the past tense.
async fn uncordon(
    connection: &Connection,
    prepared: &Prepared,
    permit: &Permit,
    events: &Emitter,
    name: &str,
) -> Result<String> {
    let mut done: Vec<String> = Vec::new();
    let mut unanswered = None;
    for _ in 0..TRIES {
        let object = get(connection, name).await?;
        let place: Node = serde_json::from_value(object.clone())
            .map_err(|error| Error::new(ErrorKind::Unreachable, format!("failed to read node/{name}: {error}")))?;
        let Some(next) = patch(&object, &stands(&place)) else {
            let others = done.iter().filter(|what| *what != "uncordoned").cloned();
            let words: Vec<String> = std::iter::once("uncordoned".to_owned()).chain(others).collect();
            return Ok(words.join(", "));
        };
        let (patch, what) = next.map_err(|why| {
            Error::new(ErrorKind::Refused, format!("failed to uncordon node/{name}: {why}"))
                .hint(prepared.policy.shardctl("recover"))
        })?;
        match json_patch(connection.api(), permit, &path(name), &patch).await {
            Ok(_) => {
                events.emit(Fact::Changed {
                    object: format!("node/{name}"),
                    what: what.clone(),
                });
                done.push(what);
            }
            Err(failure) if failure.is_conflict() => {}
            // It may be done: the next look tells.
            Err(failure) if failure.may_have_been_done() => {
                unanswered = Some(failure);
                sleep(PAUSE).await;
            }
            Err(failure) => return Err(failure.into_error(&format!("uncordon node/{name}"), connection.endpoint())),
        }
    }
    if let Some(failure) = unanswered {
        return Err(failure.into_error(&format!("uncordon node/{name}"), connection.endpoint()));
    }
    Err(Error::new(
        ErrorKind::Unreachable,
        format!("failed to uncordon node/{name}: it changes all the time"),
    ))
}

async fn get(connection: &Connection, name: &str) -> Result<Value> {
    let answer = match connection.api().get(&path(name)).await {
        Ok(answer) => answer.parse(),
        Err(failure) => Err(failure),
    };
    answer.map_err(|failure| failure.into_error(&format!("read node/{name}"), connection.endpoint()))
}

fn path(name: &str) -> String {
    format!("/api/v1/nodes/{name}")
}
