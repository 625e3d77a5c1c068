//! `promote` from the first read to the end: what a deployment of the stable phase would write, and whether its nodes can hold the
//! shards; then the writes, an upgrade that holds room for each shard before it moves it, and the end of the explore pool.
//!
//! Each of the three finds out by looking what is left to do: run again, it goes on.

mod execute;
mod settle;

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::Value;

use super::pools::{self, Pool};
use super::{deploy, upgrade};
use crate::cluster::connect::Connection;
use crate::cluster::failure::Failure;
use crate::cluster::get::Api;
use crate::cluster::rights;
use crate::error::{Error, Result};
use crate::model::catalogue::Catalogue;
use crate::model::finding::Finding;
use crate::model::outcome::{End, Outcome};
use crate::model::pod;
use crate::model::refusal::Refusal;
use crate::model::report::Phase;
use crate::model::shell::shell_word;
use crate::model::workload::Workload;
use crate::plan::manifest::class;
use crate::plan::manifest::names::{Names, PART_OF, of_another_namespace};
use crate::plan::promote::judge;
use crate::plan::promote::places::{is_begun, is_in_place};
use crate::plan::safety::rights::{missing, of_promote};
use crate::plan::verify::seen::{Seen, Shard};

pub use execute::execute;

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is written: the stable phase.
    pub deploy: deploy::Asked,
    /// How the shards move.
    pub upgrade: upgrade::Asked,
    /// The sizes that there are.
    pub catalogue: Catalogue,
    /// How long the nodes of the explore pool may take to go.
    pub patience: Duration,
}

/// A promotion that is ready to begin, or refused; nothing was changed.
pub struct Prepared {
    /// What was asked.
    pub asked: Asked,
    /// What is written.
    pub deploy: deploy::Prepared,
    /// The shards that move.
    pub moves: Vec<String>,
    /// The explore pool.
    pub pool: Pool,
    /// The explore pool's own node class.
    class: Option<Class>,
}

/// A node class of AKS that is of the workload.
struct Class {
    name: String,
    uid: String,
}

impl Prepared {
    /// Those of the refusals that `--allow` doesn't cover, and those that it does.
    pub fn refusals(&self) -> (Vec<Refusal>, Vec<Refusal>) {
        self.deploy.refusals()
    }

    /// Whether everything is written, every shard where it should be and the explore pool gone.
    pub fn is_idle(&self) -> bool {
        self.deploy.is_idle() && self.moves.is_empty() && self.pool.is_gone() && self.class.is_none()
    }

    /// What is to be done, a clause.
    pub fn goal(&self) -> String {
        let objects = self.deploy.objects_in_words();
        let shards = match self.moves.len() {
            0 => "no shard to move".to_owned(),
            1 => "move 1 shard".to_owned(),
            count => format!("move {count} shards, one at a time"),
        };
        let pool = match (self.pool.is_gone(), &self.class) {
            (true, None) => format!("nodepool/{} is gone", self.pool.name),
            (true, Some(class)) => format!("delete aksnodeclass/{}", class.name),
            (false, _) => format!("delete nodepool/{} once it is empty", self.pool.name),
        };
        format!(
            "{objects} of the stable phase with {}; {shards}; {pool}",
            self.asked.deploy.workload.size
        )
    }

    /// What somebody says yes to.
    pub fn question(&self) -> String {
        let workload = &self.asked.deploy.workload;
        let mut parts = Vec::new();
        match self.deploy.due() {
            0 => {}
            1 => parts.push("write 1 object".to_owned()),
            due => parts.push(format!("write {due} objects")),
        }
        match self.moves.len() {
            0 => {}
            1 => parts.push("move 1 shard".to_owned()),
            count => parts.push(format!("move {count} shards one at a time")),
        }
        match &self.class {
            _ if !self.pool.is_gone() => parts.push(format!("end nodepool/{}", self.pool.name)),
            Some(class) => parts.push(format!("delete aksnodeclass/{}", class.name)),
            None => {}
        }
        format!(
            "Promote {} in namespace {}: {}?",
            workload.name,
            workload.namespace,
            parts.join(", ")
        )
    }

    /// The outcome of a run that ends before anything was moved; `written` are the objects that it wrote.
    pub fn ends(&self, end: End, summary: &str, written: &[String], findings: Vec<Finding>) -> Outcome {
        let mut outcome = self.deploy.ends(end, summary, written, findings, self.deploy.at);
        outcome.how_to_undo = self.how_to_undo(!written.is_empty());
        outcome
    }

    fn how_to_undo(&self, touched: bool) -> Vec<String> {
        if !touched {
            return vec!["nothing to undo".to_owned()];
        }
        let judging = &self.asked.deploy.judging;
        let explore = format!("deploy explore --name {}", shell_word(&self.asked.deploy.workload.name));
        vec![
            "write the explore phase again, with the flags that it was deployed with, and move the shards back:"
                .to_owned(),
            judging.shardctl(&explore),
            judging.shardctl("upgrade"),
        ]
    }
}

/// Looks at what is there, has the server try every write, and judges whether the size can hold the shards. Changes nothing.
///
/// # Errors
/// Where the cluster can't be read, or has no such set.
pub async fn prepare(connection: &Connection, mut asked: Asked, run: Option<String>) -> Result<Prepared> {
    let workload = asked.deploy.workload.clone();
    let names = Names::of(&workload);
    let deploy = deploy::prepare(connection, asked.deploy.clone(), run).await?;
    asked.upgrade.policy.pin(connection.api().server_time().now());
    let mut prepared = Prepared {
        moves: Vec::new(),
        pool: Pool {
            name: names.pool(Phase::Explore),
            ..Pool::default()
        },
        class: None,
        asked,
        deploy,
    };
    let (asked, deploy) = (&prepared.asked, &mut prepared.deploy);
    let Some((snapshot, found)) = &deploy.there else {
        if deploy.refusals.is_empty() {
            return Err(Error::usage(format!(
                "there is no statefulset/{} in namespace/{} to promote",
                names.set, workload.namespace
            ))
            .hint("a promotion moves the shards of the explore phase; to begin with it:")
            .hint(
                asked
                    .deploy
                    .judging
                    .shardctl(&format!("deploy explore --name {}", shell_word(&workload.name))),
            ));
        }
        return Ok(prepared);
    };
    let api = connection.api();
    let seen = Seen::of(snapshot, &asked.deploy.judging);
    let update = found
        .status
        .as_ref()
        .and_then(|status| status.update_revision.as_deref());
    let changes = deploy.is_pending();
    let moves = |shard: &Shard<'_>| {
        if asked.deploy.tries {
            changes || shard.pod.and_then(pod::revision) != update
        } else {
            // What the template would become wasn't tried: where the shards are tells.
            !is_in_place(&seen, shard, &workload)
        }
    };
    let mut shards = seen.every_shard().unwrap_or_default();
    let begins = changes && !shards.iter().any(|shard| is_begun(shard, &workload));
    // As the upgrade takes them.
    let last = &asked.upgrade.policy.last;
    shards.sort_by_key(|shard| (last.contains(&shard.ordinal), Reverse(shard.ordinal)));
    prepared.moves = shards
        .into_iter()
        .filter(moves)
        .map(|shard| shard.name.into_owned())
        .collect();
    let mut more = judge(&seen, &workload, &asked.catalogue, begins);
    let needed = of_promote(&workload.namespace, Some(&names.set));
    // A class of another cloud is nobody's to delete.
    let needed = needed
        .into_iter()
        .filter(|rule| rule.group != class::GROUP || workload.node_class.is_none());
    more.extend(missing(&seen, &rights::ask(api, needed).await, "promote"));
    let name = prepared.pool.name.clone();
    let failed =
        |kind: &str, failure: Failure| failure.into_error(&format!("read {kind}/{name}"), connection.endpoint());
    // What may not be read refuses already.
    match pools::look(api, &name, &workload.name, found).await {
        Ok(pool) => prepared.pool = pool,
        Err(failure) if failure.is_forbidden() => {}
        Err(failure) => return Err(failed("nodepool", failure)),
    }
    match class_of(api, &workload, &name).await {
        Ok(class) => prepared.class = class,
        Err(failure) if failure.is_forbidden() => {}
        Err(failure) => return Err(failed("aksnodeclass", failure)),
    }
    deploy.refusals.extend(more);
    Ok(prepared)
}

/// The node class of that name, where it is AKS's and the workload's.
async fn class_of(api: &Api, workload: &Workload, name: &str) -> Result<Option<Class>, Failure> {
    if workload.node_class.is_some() {
        return Ok(None);
    }
    let found: Value = match api.get(&class_path(name)).await {
        Ok(answer) => answer.parse()?,
        Err(failure) if failure.is_not_found() => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let is_ours = found["metadata"]["labels"][PART_OF] == workload.name.as_str()
        && of_another_namespace(&found, &workload.namespace).is_none();
    let uid = found["metadata"]["uid"].as_str().unwrap_or_default();
    Ok(is_ours.then(|| Class {
        name: name.to_owned(),
        uid: uid.to_owned(),
    }))
}

/// Where a node class is served.
fn class_path(name: &str) -> String {
    format!("/apis/{}/aksnodeclasses/{name}", class::API_VERSION)
}
