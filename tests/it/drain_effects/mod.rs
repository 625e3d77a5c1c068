//! What a drain does to a cluster, one effect at a time, on the real control plane: done twice, over others' values, without rights.

mod nodes;
mod others;
mod surge;
mod views;

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use shardctl::cluster::connect::{Connection, Target, connect};
use shardctl::cluster::fresh::{Lists, Volumes, fresh};
use shardctl::cluster::lease::{Wanted, acquire};
use shardctl::cluster::permit::Permit;
use shardctl::cluster::watch::Watches;
use shardctl::event::Fact;
use shardctl::model::finding::Finding;
use shardctl::model::outcome::{End, Outcome, ShardReport};
use shardctl::model::refusal::Refusal;
use shardctl::model::set;
use shardctl::model::snapshot::Snapshot;
use shardctl::model::step::{Act, PodRef, Step};
use shardctl::operations::emit::Emitter;
use shardctl::operations::means::{Aimed, Run};
use shardctl::operations::run::run;
use shardctl::operations::tasks::Tasks;
use shardctl::plan::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use shardctl::plan::safety::catalogue::Allowed;
use shardctl::plan::undo::mark_text;
use shardctl::plan::verify::known::Known;
use shardctl::plan::verify::policy::Policy;
use shardctl::plan::verify::seen::Seen;
use tokio::sync::watch;

use crate::cluster::Scene;

/// The smallest operation: one effect, and the end.
struct Once {
    act: Act,
    became: Option<Acted>,
    /// The last that was seen.
    seen: Option<Snapshot>,
}

impl Planner for Once {
    fn note(&mut self, seen: &Seen<'_>, _: Timestamp, _: Sight) {
        self.seen = Some(seen.snapshot.clone());
    }

    fn next_step(&self, _: &Seen<'_>, _: Wishes, _: Timestamp) -> Step {
        match self.became {
            None => Step::Act(self.act.clone()),
            Some(_) => Step::End {
                end: End::Done,
                summary: String::new(),
                findings: Vec::new(),
            },
        }
    }

    fn about_to(&mut self, _: &Act, _: &Seen<'_>, _: Timestamp) {}

    fn acted(&mut self, _: &Act, became: &Acted) {
        self.became = Some(became.clone());
    }

    fn gate(&self, _: &Seen<'_>, target: &PodRef, _: bool) -> Result<PodRef, Vec<Refusal>> {
        Ok(target.clone())
    }

    fn wants_volumes(&self) -> bool {
        false
    }

    fn wants_room(&self, _: &Seen<'_>, _: &PodRef) -> bool {
        false
    }

    fn fetching(&self, _: &Seen<'_>) -> Vec<Fetching> {
        Vec::new()
    }

    fn done(&self, _: usize, _: Timestamp) -> Vec<ShardReport> {
        Vec::new()
    }

    fn put_back(&self, _: &Seen<'_>, _: bool, _: &[Act]) -> Option<Act> {
        None
    }

    fn in_hand(&self, _: &Seen<'_>, _: Timestamp) -> Vec<InHand> {
        Vec::new()
    }

    fn outcome(&self, _: &Seen<'_>, step: &Step, _: Timestamp) -> Outcome {
        let Step::End { end, summary, .. } = step else {
            panic!("{step:?}");
        };
        Outcome {
            end: *end,
            exit_code: end.exit_code(),
            summary: summary.clone(),
            shards: Vec::new(),
            shard_seconds: 0.0,
            seconds: 0.0,
            data: String::new(),
            findings: Vec::new(),
            state_now: String::new(),
            how_to_undo: Vec::new(),
            how_to_resume: Vec::new(),
        }
    }
}

/// What became of an effect.
struct Told {
    became: Acted,
    /// What was said of changes: the object, and what was done to it.
    changed: Vec<(String, String)>,
    /// What was seen at the end.
    seen: Snapshot,
}

impl Told {
    /// The finding, where it failed.
    #[track_caller]
    fn failed(&self) -> &Finding {
        match &self.became {
            Acted::Failed(finding) => finding,
            other => panic!("it should have failed: {other:?}"),
        }
    }
}

/// Somebody who drains.
struct Drainer<'s> {
    scene: &'s Scene<'s>,
    connection: Connection,
    /// The end of the run's name.
    run: &'static str,
    grace: Option<i64>,
    /// The nodes that are emptied.
    nodes: Vec<String>,
}

impl<'s> Drainer<'s> {
    fn new(scene: &'s Scene<'s>) -> Self {
        Self::through(scene, scene.kubeconfig())
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
            run: "4f2a",
            grace: None,
            nodes: Vec::new(),
        }
    }

    /// The same somebody in another run.
    fn in_run(self, run: &'static str) -> Self {
        Self { run, ..self }
    }

    fn run_name(&self) -> String {
        format!("drain/{}/{}/{}", self.scene.namespace(), self.scene.name(), self.run)
    }

    /// Carries one effect out, inside the loop that every operation has.
    fn does(&self, act: Act) -> Told {
        let (scene, connection, set) = (self.scene, &self.connection, self.scene.set());
        let name = self.run_name();
        let mut planner = Once {
            act,
            became: None,
            seen: None,
        };
        let changed = scene.plane().run(async {
            let permit = Permit::confirmed();
            let wanted = Wanted {
                namespace: scene.namespace(),
                set: scene.name(),
                set_uid: set::uid(&set),
                holder: "ada@laptop",
                run: &name,
                duration: Duration::from_secs(5),
            };
            let taken = acquire(connection.api(), &permit, &wanted, |_| {}, std::future::pending()).await;
            let (lock, _) = taken.expect("the lock");
            let base = fresh(
                connection,
                scene.namespace(),
                &set,
                None,
                &mut Lists::default(),
                Volumes::All,
            )
            .await;
            let selector = set.spec.clone().expect("a spec").selector;
            let watches = Watches::start(connection, scene.namespace(), scene.name(), &selector, &self.nodes);
            watches.ready().await.expect("the watches");
            let (events, mut told) = Emitter::channel(connection.api().server_time().clone());
            let now = connection.api().server_time().now();
            let means = Run {
                connection: connection.clone(),
                permit,
                lock,
                watches,
                base: base.expect("a look"),
                policy: Policy::default(),
                known: Known::default(),
                lists: Lists::default(),
                name: name.clone(),
                by: "ada@laptop".to_owned(),
                marks_until: now.checked_add(SignedDuration::from_mins(10)).expect("a time"),
                aimed: Aimed {
                    template: set::template(&set).cloned().expect("a template"),
                    change: None,
                    allowed: Allowed::default(),
                    pull_seconds: 1,
                    grace: self.grace,
                },
                set,
                tasks: Tasks {
                    before: None,
                    after: None,
                    gate: None,
                    ask: None,
                    limit: Duration::from_secs(1),
                },
                events,
            };
            // Held to the end: without it the loop would hear that nobody can press Ctrl-C any more.
            let (_press, stop) = watch::channel(0);
            Box::pin(run(&mut planner, means, stop)).await;
            let mut changed = Vec::new();
            while let Ok(event) = told.try_recv() {
                if let Fact::Changed { object, what } = event.fact {
                    changed.push((object, what));
                }
            }
            changed
        });
        Told {
            became: planner.became.expect("it acted"),
            seen: planner.seen.expect("it looked"),
            changed,
        }
    }
}

/// An object at a path, as the server has it.
#[track_caller]
fn raw(scene: &Scene<'_>, path: &str) -> Value {
    scene
        .plane()
        .get(path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The mark on an object.
fn mark(object: &Value) -> Option<Value> {
    mark_text(object).map(|text| serde_json::from_str(text).expect("JSON"))
}

/// A pod of nobody's, on a node at once.
fn single(name: &str, namespace: &str, node: &str) -> Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"single": name}},
        "spec": {
            "nodeName": node, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "registry.example/c:1"}],
        },
    })
}

/// Waits until a pod of the scene's namespace is Ready.
fn until_ready(scene: &Scene<'_>, name: &str) {
    scene.wait_until("the pod is Ready", |scene| {
        scene
            .find::<Pod>(name)
            .is_some_and(|found| shardctl::model::pod::is_ready(&found))
    });
}
