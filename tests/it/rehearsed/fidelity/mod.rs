//! The same scenes on the real control plane and in the rehearsal cluster: every operation and strategy decides the same, in the
//! same order, and leaves the same behind.
//!
//! It is the same code with the same arguments both times; what differs is the cluster that it works on. The rehearsal is played
//! with what was read of the real one right before, and comes first. Several operations follow each other on one scene.

mod ends;

use k8s_openapi::api::core::v1::Node;
use serde_json::Value;
use shardctl::cluster::connect::{Connection, Target, connect};
use shardctl::commands::rehearsal::load::load;
use shardctl::commands::rehearsal::pace::measured;
use shardctl::commands::rehearsal::stage::{self, Ending, Performed, Stage};
use shardctl::event::{Event, Fact};
use shardctl::operations::emit::Emitter;
use shardctl::operations::gather::{Asked, gather};
use shardctl::plan::drain::placeholder::Prewarm;
use shardctl::plan::drain::{Afterwards, Strategy};
use shardctl::plan::image::Wanted;
use shardctl::plan::upgrade::policy::Goal;
use std::time::Duration;
use tokio::sync::watch;

use super::{decisions, fetched};
use crate::cluster::Scene;
use crate::crash_points::command::{Aim, Command, Drain, Upgrade};
use crate::crash_points::workers;
use crate::deaths::{Ended, Point, run};
use crate::drain::kill::kind;
use crate::drain::{drain, packed};
use crate::recover::node_off::{go_silent, long_ago, three_on_two, with_two};
use crate::upgrade::as_if_by_karpenter;
use ends::{in_reality, in_rehearsal};

/// How long the controllers of the rehearsal cluster have, in its own time, to do what is left to them.
const SETTLED: Duration = Duration::from_secs(120);

fn connection(scene: &Scene<'_>) -> Connection {
    let target = Target {
        kubeconfig: Some(scene.kubeconfig().to_owned()),
        request_timeout: Duration::from_secs(30),
        ..Target::default()
    };
    scene.plane().run(connect(&target)).expect("a connection")
}

/// What was decided, as JSON lines would tell it.
fn told(command: &Command, events: &[Event]) -> (Vec<String>, Vec<String>) {
    let lines: Vec<Value> = events
        .iter()
        .map(|event| serde_json::to_value(event).expect("JSON"))
        .collect();
    let mut decided = decisions(lines.iter());
    if let Command::Drain(Drain {
        strategy: Strategy::Downtime,
        ..
    }) = command
    {
        // They go together, and which of them is Ready first nobody decides.
        let is_done = |one: &String| one.ends_with(" done");
        if let Some(first) = decided.iter().position(is_done) {
            let many = decided[first..].iter().take_while(|one| is_done(one)).count();
            decided[first..first + many].sort();
        }
    }
    (decided, fetched(lines.iter()))
}

/// Rehearses, runs for real, and compares what was decided and what it came to. `node` is the one that it is about.
#[track_caller]
fn same(scene: &Scene<'_>, node: &str, command: &Command) {
    let connection = connection(scene);
    let aim = Aim {
        run: "fidel".to_owned(),
        set: "db".to_owned(),
        node: node.to_owned(),
    };
    let asked = Asked {
        node: Some(node.to_owned()),
        images: images(command),
        ..Asked::default()
    };
    let gathered = scene
        .plane()
        .run(gather(&connection, &asked, |_, _| Vec::new()))
        .expect("a look");
    let (pace, _) = measured(gathered.snapshot().expect("a typed look"));
    let mut plane = load(&gathered, pace).expect("a cluster").plane;
    plane.crashing_images.insert(CRASHES.to_owned());
    let (at, space) = (gathered.recording.taken.at, scene.namespace().to_owned());
    let (theirs, own) = (command.clone(), aim.clone());
    let script = async move |stage: &mut Stage| {
        let performed = stage
            .perform(|actor| async move {
                let actor = actor;
                Box::pin(theirs.carry_out(&actor.connection, &own, actor.events, actor.stop)).await
            })
            .await;
        tokio::time::sleep(SETTLED).await;
        performed
    };
    let (rehearsed, plane) = stage::play(plane, at, &space, script).expect("a rehearsal");
    let Performed { events, ending, .. } = rehearsed;
    assert!(
        matches!(ending, Ending::Ended(_)),
        "{command:?} in rehearsal: {ending:?}\n{events:#?}"
    );
    assert_eq!(plane.strays, Vec::<String>::new(), "{command:?}");

    let (emitter, mut heard) = Emitter::channel(connection.api().server_time().clone());
    let (_stopper, stop) = watch::channel(0);
    let events_of_it = emitter.clone();
    // An operation takes more stack, unoptimized, than a test's thread has.
    let outcome = workers::one(|| {
        let running = command.carry_out(&connection, &aim, events_of_it.clone(), stop.clone());
        scene.plane().run(running)
    });
    drop(events_of_it);
    let outcome = outcome.unwrap_or_else(|error| panic!("{command:?} for real: {error}"));
    let summary = outcome.summary.clone();
    emitter.emit(Fact::Ended(Box::new(outcome)));
    drop(emitter);
    let mut real = Vec::new();
    while let Ok(event) = heard.try_recv() {
        real.push(event);
    }
    let [rehearsed, real] = [&events, &real].map(|events| told(command, events));
    assert_eq!(rehearsed, real, "{command:?}: rehearsed, then for real: {summary}");
    let left = in_rehearsal(&plane, &space, node);
    scene
        .plane()
        .wait_for(&format!("{command:?} leaves what it left in rehearsal"), || {
            let now = in_reality(scene, node);
            (now == left)
                .then_some(())
                .ok_or_else(|| format!("for real {now:#?}\nin rehearsal {left:#?}"))
        });
}

/// What its containers do ends at once, on the test cluster and in rehearsal.
const CRASHES: &str = "registry.example/shard:5.0-crash";

fn images(command: &Command) -> Vec<String> {
    match command {
        Command::Upgrade(Upgrade {
            goal: Goal::Images(wanted),
            ..
        }) => wanted.iter().map(|one| one.image.clone()).collect(),
        _ => Vec::new(),
    }
}

fn to(image: &str) -> Upgrade {
    Upgrade {
        goal: Goal::Images(vec![Wanted::parse(image).expect("an image")]),
        canary: None,
        pre_pull: true,
        undoes: false,
    }
}

fn of(goal: Goal) -> Upgrade {
    Upgrade { goal, ..to(CRASHES) }
}

fn fullest(scene: &Scene<'_>) -> String {
    let names = scene.nodes().into_iter().filter_map(|node| node.metadata.name);
    names.max_by_key(|name| scene.shards_on(name).len()).expect("a node")
}

#[test]
fn upgrades_of_every_kind_go_the_same_way_and_come_to_the_same() {
    let scene = Scene::shards(3).stable().start();
    as_if_by_karpenter(&scene);
    let node = scene.node_of(0);
    for upgrade in [
        to("registry.example/shard:2.0"),
        // There is nothing to do.
        to("registry.example/shard:2.0"),
        Upgrade {
            pre_pull: false,
            canary: Some(1),
            ..to("registry.example/shard:3.0")
        },
        of(Goal::Restart),
        of(Goal::Undo { to: None }),
        // It crashes, and is taken back by whoever began it, and is left half-way for an undo.
        Upgrade {
            undoes: true,
            ..to(CRASHES)
        },
        to(CRASHES),
        of(Goal::Undo { to: None }),
    ] {
        same(&scene, &node, &Command::Upgrade(upgrade));
    }
}

#[test]
fn drains_of_every_strategy_and_what_puts_a_node_back_go_the_same_way_and_come_to_the_same() {
    // Where there is but one other node, the scheduler has nothing to choose.
    let scene = packed(2, 2, 2).start();
    as_if_by_karpenter(&scene);
    for strategy in [Strategy::Relax, Strategy::Direct, Strategy::Surge, Strategy::Downtime] {
        let node = fullest(&scene);
        let asked = Drain {
            strategy,
            then: Afterwards::Cordoned,
            prewarm: Prewarm::Never,
        };
        same(&scene, &node, &Command::Drain(asked));
        same(&scene, &node, &Command::Uncordon);
    }
    let node = fullest(&scene);
    let asked = Drain {
        strategy: Strategy::Relax,
        then: Afterwards::Uncordoned,
        prewarm: Prewarm::Always,
    };
    same(&scene, &node, &Command::Drain(asked));
}

#[test]
fn what_a_dead_drain_left_is_put_back_the_same_way_and_comes_to_the_same() {
    let scene = packed(3, 2, 3).start();
    as_if_by_karpenter(&scene);
    for (strategy, kind_of_write) in [("surge", "scale up"), ("relax", "open the budget")] {
        let node = fullest(&scene);
        let point = Point {
            kind: kind_of_write,
            after: true,
        };
        let start = |through: &crate::cluster::Interceptor| {
            scene.shardctl_process(&through.kubeconfig(&scene), drain(&node, &["--strategy", strategy]))
        };
        let died = run(scene.plane(), kind, &[point].into(), start);
        assert!(
            matches!(died, Ended::Killed(..)),
            "{strategy} never came to {kind_of_write}"
        );
        if strategy == "surge" {
            scene.wait_until("the extra shard is Ready", |scene| scene.is_ready(3));
        }
        same(&scene, &node, &Command::Recover);
    }
}

#[test]
fn a_node_that_is_off_gives_its_shards_up_the_same_way_and_it_comes_to_the_same() {
    let scene = three_on_two("Parallel");
    let (node, _) = with_two(&scene);
    go_silent(&scene, &node);
    long_ago(&scene, &node);
    same(&scene, &node, &Command::NodeIsOff);
    scene.patch::<Node>(
        &node,
        serde_json::json!({"metadata": {"labels": {crate::cluster::scene::SILENT: null}}}),
    );
}
