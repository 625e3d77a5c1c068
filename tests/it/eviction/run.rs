//! An eviction inside the loop of an operation: what the user, a thief of the lock and a shard that is down do to it.

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use serde_json::json;
use shardctl::cluster::fresh::Lists;
use shardctl::cluster::lease::{Wanted, acquire};
use shardctl::cluster::permit::Permit;
use shardctl::cluster::watch::Watches;
use shardctl::event::Fact;
use shardctl::model::outcome::{End, Outcome, ShardReport};
use shardctl::model::pod;
use shardctl::model::refusal::Refusal;
use shardctl::model::set;
use shardctl::model::step::{Act, PodRef, Step, Wait};
use shardctl::operations::emit::Emitter;
use shardctl::operations::means::{Aimed, Run};
use shardctl::operations::run::run;
use shardctl::operations::tasks::Tasks;
use shardctl::plan::eviction::{Again, Blocked};
use shardctl::plan::operation::{Acted, Fetching, InHand, Planner, Sight, Wishes};
use shardctl::plan::safety::catalogue::Allowed;
use shardctl::plan::verify::known::Known;
use shardctl::plan::verify::policy::Policy;
use shardctl::plan::verify::seen::Seen;
use tokio::sync::watch;

use super::{Evictor, as_written, now, raw_budget, run_name};
use crate::cluster::{Interceptor, Scene, Witness};

/// The smallest operation that evicts: shard 0, through a window, asked again while something is in the way.
struct EvictFirst {
    uid: String,
    blocked: Vec<Blocked>,
    ask_at: Option<Timestamp>,
    /// Hears of each time that something was in the way.
    told: Sender<()>,
}

impl Planner for EvictFirst {
    fn note(&mut self, _: &Seen<'_>, _: Timestamp, _: Sight) {}

    fn next_step(&self, seen: &Seen<'_>, _: Wishes, now: Timestamp) -> Step {
        let pods = seen.own_pods().unwrap_or_default();
        let first = pods.into_iter().find(|found| pod::uid(found) == self.uid);
        let Some(target) = first.filter(|found| !pod::is_terminating(found)) else {
            return Step::End {
                end: End::Done,
                summary: "shard 0 went".to_owned(),
                findings: Vec::new(),
            };
        };
        if let Some(until) = self.ask_at.filter(|until| *until > now) {
            let words = self.blocked.last().map(|blocked| blocked.finding.message.clone());
            return Step::Wait(Wait {
                words: words.unwrap_or_default(),
                until: Some(until),
            });
        }
        Step::Act(Act::EvictShard {
            pod: PodRef {
                name: pod::name(target).to_owned(),
                ordinal: 0,
                uid: self.uid.clone(),
                resource_version: target.metadata.resource_version.clone().unwrap_or_default(),
                node: None,
            },
            already_down: false,
            relax: true,
        })
    }

    fn about_to(&mut self, _: &Act, _: &Seen<'_>, _: Timestamp) {}

    fn acted(&mut self, _: &Act, became: &Acted) {
        if let Acted::Blocked(blocked) = became {
            let Again::After(pause) = blocked.again else {
                panic!("it may pass: {blocked:?}");
            };
            self.ask_at = now()
                .checked_add(SignedDuration::try_from(pause).expect("a pause"))
                .ok();
            self.blocked.push((**blocked).clone());
            let _ = self.told.send(());
        }
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

/// Runs it to its end: how it ended, what was in the way, and every fact that it told.
fn evict_first(
    evictor: &Evictor<'_>,
    stop: watch::Receiver<u32>,
    told: Sender<()>,
) -> (Outcome, Vec<Blocked>, Vec<Fact>) {
    let (scene, connection) = (evictor.scene, &evictor.connection);
    let (set, base, name) = (scene.set(), evictor.look(), run_name(scene));
    let mut planner = EvictFirst {
        uid: evictor.uid(0),
        blocked: Vec::new(),
        ask_at: None,
        told,
    };
    scene.plane().run(async {
        let permit = Permit::confirmed();
        let wanted = Wanted {
            namespace: scene.namespace(),
            set: scene.name(),
            set_uid: set::uid(&set),
            holder: "ada@laptop",
            run: &name,
            duration: Duration::from_secs(2),
        };
        let taken = acquire(connection.api(), &permit, &wanted, |_| {}, std::future::pending()).await;
        let (lock, _) = taken.expect("the lock");
        let selector = set.spec.clone().expect("a spec").selector;
        let watches = Watches::start(connection, scene.namespace(), scene.name(), &selector, &[]);
        watches.ready().await.expect("the watches");
        let (events, mut told) = Emitter::channel(connection.api().server_time().clone());
        let means = Run {
            connection: connection.clone(),
            permit,
            lock,
            watches,
            base,
            policy: Policy::default(),
            known: Known::default(),
            lists: Lists::default(),
            set,
            name: name.clone(),
            by: "ada@laptop".to_owned(),
            marks_until: now(),
            aimed: Aimed {
                template: PodTemplateSpec::default(),
                change: None,
                allowed: Allowed::default(),
                pull_seconds: 1,
                grace: None,
            },
            tasks: Tasks {
                before: None,
                after: None,
                gate: None,
                ask: None,
                limit: Duration::from_secs(1),
            },
            events,
        };
        let outcome = Box::pin(run(&mut planner, means, stop)).await;
        let mut facts = Vec::new();
        while let Ok(event) = told.try_recv() {
            facts.push(event.fact);
        }
        (outcome, planner.blocked, facts)
    })
}

fn windows(facts: &[Fact]) -> Vec<&str> {
    let said = facts.iter().filter_map(|fact| match fact {
        Fact::Changed { object, what } if object.starts_with("pdb/") => Some(what.as_str()),
        _ => None,
    });
    said.collect()
}

#[test]
fn it_waits_for_the_shard_that_is_down_and_then_says_how_long_the_budget_was_open() {
    let scene = Scene::shards(3).start();
    let evictor = Evictor::new(&scene);
    let witness = Witness::of(&scene);
    let before = as_written(&raw_budget(&scene));
    scene.make_unready(2);
    let (_never, stop) = watch::channel(0);
    let (outcome, blocked, facts) = std::thread::scope(|threads| {
        let (told, hears) = channel();
        let scene = &scene;
        threads.spawn(move || {
            hears.recv().expect("something in the way");
            scene.delete::<Pod>("shard-2");
        });
        evict_first(&evictor, stop, told)
    });
    assert_eq!(outcome.end, End::Done, "{}", outcome.summary);
    let words = &blocked[0].finding.message;
    assert!(words.contains("shard-2 is not Ready since "), "{words}");
    let said = windows(&facts);
    assert_eq!(said.len(), 1, "{facts:?}");
    assert!(
        said[0].starts_with("opened for ")
            && said[0].ends_with(" ms for the eviction of shard-0: minAvailable 3 → 2, and back"),
        "{said:?}"
    );
    assert_eq!(as_written(&raw_budget(&scene)), before);
    scene.wait_until_healthy();
    assert_eq!(witness.deletions(), ["shard-2", "shard-0"]);
    assert_eq!(witness.most_down_at_once(), 1);
}

/// What happens to a run whose eviction is held back while the budget is open.
fn while_it_is_open(scene: &Scene<'_>, meanwhile: impl FnOnce(&watch::Sender<u32>) + Send) -> (Outcome, Vec<Fact>) {
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(scene, &interceptor);
    let (before, uid) = (as_written(&raw_budget(scene)), evictor.uid(0));
    let held = interceptor
        .on(|request| request.method == "POST" && request.path.ends_with("/eviction"))
        .hold();
    let (press, stop) = watch::channel(0);
    let (outcome, _, facts) = std::thread::scope(|threads| {
        let (press, held) = (&press, &held);
        threads.spawn(move || {
            held.wait_hit();
            meanwhile(press);
        });
        evict_first(&evictor, stop, channel().0)
    });
    held.discard();
    assert_eq!(as_written(&raw_budget(scene)), before, "{}", outcome.summary);
    assert_eq!(scene.uid(0), Some(uid));
    (outcome, facts)
}

#[test]
fn ctrl_c_twice_closes_the_budget_before_it_ends() {
    let scene = Scene::shards(2).start();
    let (outcome, facts) = while_it_is_open(&scene, |press| press.send_modify(|pressed| *pressed = 2));
    assert_eq!(outcome.end, End::Interrupted);
    assert!(windows(&facts)[0].ends_with("and back"), "{facts:?}");
}

#[test]
fn a_stolen_lock_closes_the_budget_before_it_ends() {
    let scene = Scene::shards(2).start();
    let (outcome, facts) = while_it_is_open(&scene, |_| {
        scene.patch::<Lease>("shardctl-shard", json!({"spec": {"holderIdentity": "thief"}}));
    });
    assert_eq!(outcome.end, End::Locked, "{}", outcome.summary);
    assert!(windows(&facts)[0].ends_with("and back"), "{facts:?}");
}
