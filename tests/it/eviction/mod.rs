//! Evictions and the moment for which a budget is opened for one, on the real control plane: what a drain will stand on.

mod answers;
mod rivals;
mod run;
mod window;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};
use shardctl::cluster::connect::{Connection, Target, connect};
use shardctl::cluster::fresh::{Lists, Volumes, fresh};
use shardctl::cluster::permit::Permit;
use shardctl::model::mark::Mark;
use shardctl::model::set;
use shardctl::model::snapshot::Snapshot;
use shardctl::operations::evict::{Aim, Tried, Window, by_the_budget, mark, path, through_a_window};
use shardctl::plan::eviction::{Blocked, judge};
use shardctl::plan::relax::{Change, Room, room};
use shardctl::plan::verify::policy::Policy;
use shardctl::plan::verify::seen::Seen;

use crate::cluster::{Interceptor, Scene};

/// The name of a run as marks have it.
fn run_name(scene: &Scene<'_>) -> String {
    format!("drain/{}/{}/4f2a", scene.namespace(), scene.name())
}

/// Somebody who evicts, with a connection of his own.
struct Evictor<'s> {
    scene: &'s Scene<'s>,
    connection: Connection,
    permit: Permit,
}

impl<'s> Evictor<'s> {
    fn new(scene: &'s Scene<'s>) -> Self {
        Self::through(scene, scene.kubeconfig())
    }

    /// One whose every request an interceptor sees.
    fn seen_by(scene: &'s Scene<'s>, interceptor: &Interceptor) -> Self {
        Self::through(scene, &interceptor.kubeconfig(scene))
    }

    fn through(scene: &'s Scene<'s>, kubeconfig: &Path) -> Self {
        let target = Target {
            kubeconfig: Some(kubeconfig.to_owned()),
            request_timeout: Duration::from_secs(30),
            ..Target::default()
        };
        Self {
            connection: scene.plane().run(connect(&target)).expect("a connection"),
            scene,
            permit: Permit::confirmed(),
        }
    }

    /// What is there now, uncached.
    fn look(&self) -> Snapshot {
        let set = self.scene.set();
        let (within, mut lists) = (self.scene.namespace(), Lists::default());
        let look = fresh(&self.connection, within, &set, None, &mut lists, Volumes::All);
        self.scene.plane().run(look).expect("a look")
    }

    /// What the budget lets happen.
    fn room(&self) -> Result<Room, Box<Blocked>> {
        let (look, policy) = (self.look(), Policy::default());
        let seen = Seen::of(&look, &policy);
        room(&seen, &self.scene.pod_name(0), now())
    }

    /// The one change that opens the budget.
    fn change(&self) -> Change {
        match self.room() {
            Ok(Room::Closed(change)) => change,
            other => panic!("the budget should be closed, and could be opened: {other:?}"),
        }
    }

    fn aim<'a>(&'a self, pod: &'a str, uid: &'a str) -> Aim<'a> {
        Aim {
            api: self.connection.api(),
            permit: &self.permit,
            namespace: self.scene.namespace(),
            pod,
            uid,
            grace: None,
        }
    }

    fn uid(&self, ordinal: u32) -> String {
        self.scene.uid(ordinal).expect("a pod")
    }

    /// An eviction by the budget as it is.
    fn by_the_budget(&self, ordinal: u32) -> Tried {
        let (pod, uid) = (self.scene.pod_name(ordinal), self.uid(ordinal));
        self.scene.plane().run(by_the_budget(&self.aim(&pod, &uid)))
    }

    /// An eviction through a window.
    fn through_a_window(&self, ordinal: u32) -> Window {
        self.through_a_window_until(ordinal, std::future::pending())
    }

    fn through_a_window_until(&self, ordinal: u32, stop: impl Future<Output = ()>) -> Window {
        let uid = self.uid(ordinal);
        self.window_for(ordinal, &uid, stop)
    }

    fn window_for(&self, ordinal: u32, uid: &str, stop: impl Future<Output = ()>) -> Window {
        let (change, budget) = (self.change(), self.scene.budget());
        let pod = self.scene.pod_name(ordinal);
        let mark = the_mark(self.scene, &change);
        let aim = self.aim(&pod, uid);
        self.scene
            .plane()
            .run(through_a_window(&aim, &budget, &change, &mark, stop))
    }

    /// What is made of an eviction that wasn't accepted.
    fn judge(&self, ordinal: u32, tried: &Tried, budget: &PodDisruptionBudget) -> Blocked {
        let Tried::Refused(answer, meaning) = tried else {
            panic!("it should have been refused: {tried:?}");
        };
        let (look, policy) = (self.look(), Policy::default());
        let seen = Seen::of(&look, &policy);
        judge(
            answer,
            meaning,
            &self.scene.pod_name(ordinal),
            &seen,
            Some(budget),
            now(),
        )
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn the_mark(scene: &Scene<'_>, change: &Change) -> Mark {
    mark(change, &run_name(scene), "ada@laptop", now(), now())
}

/// The path of the scene's budget.
fn budget_path(scene: &Scene<'_>) -> String {
    path(scene.namespace(), scene.name())
}

/// The scene's budget as the server has it.
fn raw_budget(scene: &Scene<'_>) -> Value {
    scene.plane().get(&budget_path(scene)).expect("the budget")
}

/// What must be the same before and after: everything but what the server itself counts and notes.
fn as_written(budget: &Value) -> Value {
    json!({
        "spec": budget["spec"],
        "annotations": budget["metadata"]["annotations"],
        "labels": budget["metadata"]["labels"],
    })
}

/// The number of times that the spec was changed.
fn generation(budget: &Value) -> i64 {
    budget["metadata"]["generation"].as_i64().expect("a generation")
}

/// Waits until every shard is Ready and the budget counts them all.
fn settle(scene: &Scene<'_>) {
    scene.wait_until_healthy();
    scene.wait_until("the budget counts every shard and no eviction", |scene| {
        let budget = scene.budget();
        let status = budget.status.unwrap_or_default();
        status.disrupted_pods.is_none_or(|pods| pods.is_empty())
            && status.observed_generation == budget.metadata.generation
            && status.expected_pods == Some(set::replicas(&scene.set()))
            && status.current_healthy == status.expected_pods
    });
}
