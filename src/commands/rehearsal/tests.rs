//! Rehearsals of small clusters, from recordings as a look at them gives.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::commands::rehearsal::stage::play;
use crate::commands::{drain, recover, upgrade};
use crate::model::read::Read;
use crate::model::resource::{Resource, Scope};
use crate::operations::tasks::Tasks;
use crate::plan::drain as drains;
use crate::plan::image::Wanted;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::upgrade::Again;
use crate::plan::upgrade::policy::{Goal, OnFailure, Policy};
use crate::plan::verify::policy::Policy as Judging;
use crate::plan::verify::testing::Scene;
use crate::report::style::Style;
use crate::sim::controllers::Pace;
use crate::sim::kind::Kind;

/// A healthy set in the stable phase, with what a server adds to every object that checks don't ask for.
fn healthy(shards: usize) -> Scene {
    let mut scene = Scene::stable(shards);
    for resource in Resource::ALL.into_iter().chain(Resource::OF_ROOM) {
        if resource.place().scope != Scope::Namespace || resource == Resource::Namespace {
            continue;
        }
        if let Some(Read::Got(objects)) = scene.objects.get_mut(&resource) {
            for object in objects {
                object["metadata"]["namespace"] = json!("shop");
            }
        }
    }
    for ordinal in 0..shards {
        scene.edit(Resource::Pods, &format!("db-{ordinal}"), |pod| {
            pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = json!("2026-02-28T11:59:50Z");
        });
    }
    for resource in Resource::OF_ROOM {
        scene.objects.insert(resource, Read::Got(Vec::new()));
    }
    scene
}

fn play_of(scene: &Scene) -> Play {
    let mut play = Play::of(of_recording(scene.recording()), "a test".to_owned(), false);
    play.waits.push(SignedDuration::from_mins(10));
    play
}

fn tasks() -> Tasks {
    Tasks {
        before: None,
        after: None,
        gate: None,
        ask: None,
        limit: Duration::ZERO,
    }
}

fn to_image(image: &str) -> crate::operations::upgrade::Asked {
    crate::operations::upgrade::Asked {
        statefulset: Some("db".to_owned()),
        judging: Judging::default(),
        policy: Policy {
            goal: Goal::Images(vec![Wanted::parse(image).unwrap()]),
            only: std::collections::BTreeSet::new(),
            last: std::collections::BTreeSet::new(),
            canary: None,
            pause: SignedDuration::ZERO,
            gate: false,
            before: false,
            after: false,
            deadline: None,
            min_ready: None,
            shard_timeout: SignedDuration::from_mins(10),
            on_failure: OnFailure::Halt,
            pre_pull: true,
            goes_on: false,
            room: None,
            max_restarts: 2,
            allowed: Allowed::default(),
        },
        again: Again {
            same: "same".to_owned(),
            resume: "resume".to_owned(),
            after_undo: "after".to_owned(),
            undo: "undo".to_owned(),
            status: "status".to_owned(),
        },
        lease: Duration::from_secs(30),
        wrote: false,
    }
}

fn upgraded(scene: &Scene, image: &str) -> Rehearsal {
    let asked = to_image(image);
    let played = play_of(scene).rehearse(move |actor| upgrade::perform(actor, asked, tasks()));
    played.unwrap()
}

fn drained(scene: &Scene, node: &str, strategy: drains::Strategy) -> Rehearsal {
    let asked = crate::operations::drain::Asked {
        statefulset: Some("db".to_owned()),
        judging: Judging::default(),
        policy: drains::policy::Policy {
            nodes: vec![node.to_owned()],
            selector: None,
            strategy,
            then: drains::Afterwards::Cordoned,
            flags: drains::Flags {
                ignore_daemonsets: true,
                delete_emptydir_data: false,
                force: false,
            },
            prewarm: drains::placeholder::Prewarm::Never,
            pause_image: drains::placeholder::PAUSE.to_owned(),
            grace: None,
            until: None,
            last: std::collections::BTreeSet::new(),
            pause: SignedDuration::ZERO,
            tasks: crate::plan::replace::tasks::Asked {
                gate: false,
                before: false,
                after: false,
            },
            deadline: None,
            min_ready: None,
            shard_timeout: SignedDuration::from_mins(10),
            max_restarts: 2,
            allowed: Allowed::default(),
            own: None,
        },
        again: drains::run::Again {
            same: "same".to_owned(),
            without_nodes: "without".to_owned(),
            uncordon: "uncordon".to_owned(),
            recover: "recover".to_owned(),
        },
        lease: Duration::from_secs(30),
    };
    let played = play_of(scene).rehearse(move |actor| drain::perform(actor, asked, tasks()));
    played.unwrap()
}

fn page(rehearsal: &Rehearsal) -> String {
    render(rehearsal, Style::PLAIN)
}

#[test]
fn a_cluster_at_rest_stays_as_it_was_read() {
    let play = play_of(&healthy(3));
    let mut plane = load(&play.gathered, Pace::default()).unwrap().plane;
    let read = plane.store.clone();
    let at = play.gathered.recording.taken.at;
    plane.take_note(at);
    // What the scene leaves out of a status (the set's revision counts, the budget's condition) is written at once.
    plane.run_until(at + SignedDuration::from_secs(1));
    for kind in [
        Kind::Pods,
        Kind::Claims,
        Kind::Volumes,
        Kind::Nodes,
        Kind::VolumeAttachments,
    ] {
        let now: Vec<_> = plane.store.all(kind, None).collect();
        assert_eq!(now, read.all(kind, None).collect::<Vec<_>>());
    }
    let settled = plane.store.revision();
    plane.run_until(at + SignedDuration::from_mins(30));
    assert_eq!(plane.store.revision(), settled);
}

#[test]
fn an_upgrade_takes_one_shard_after_another_and_is_measured() {
    let rehearsal = upgraded(&healthy(3), "registry.example/db:2.0");
    let text = page(&rehearsal);
    assert_eq!(rehearsal.end, Some(End::Done), "{text}");
    assert_eq!((rehearsal.exit_code, rehearsal.most_down), (0, 1), "{text}");
    let order: Vec<&str> = rehearsal.shards.iter().map(|down| down.shard.as_str()).collect();
    assert_eq!(order, ["db-2", "db-1", "db-0"], "{text}");
    // Fetched beforehand: a shard stops, gets its disk and starts, and waits for no image.
    let own = Pace::default();
    let (least, pull) = ((own.stop + own.ready).as_secs_f64(), own.pull.as_secs_f64());
    for down in &rehearsal.shards {
        let took = down.until - down.from;
        assert!(took >= least && took < least + pull, "{took} beside {least}\n{text}");
    }
    assert_eq!(rehearsal.fetched.len(), 3, "{text}");
    assert!(
        rehearsal
            .fetched
            .iter()
            .all(|one| one.done && one.until - one.from >= own.pull.as_secs_f64())
    );
    assert!(text.contains("For real\n  $ "), "{text}");
}

#[test]
fn the_same_rehearsal_says_the_same_every_time() {
    let said = || {
        let rehearsal = upgraded(&healthy(3), "registry.example/db:2.0");
        json::document("Rehearsal", &rehearsal).unwrap()
    };
    assert_eq!(said(), said());
}

#[test]
fn what_preflight_refuses_is_refused_in_rehearsal_with_its_reason() {
    let mut scene = healthy(3);
    scene.edit(Resource::Claims, "data-db-1", |claim| {
        claim["metadata"]["deletionTimestamp"] = json!("2026-03-01T11:59:00Z");
        claim["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    });
    let rehearsal = upgraded(&scene, "registry.example/db:2.0");
    let text = page(&rehearsal);
    assert_eq!((rehearsal.end, rehearsal.exit_code), (Some(End::Refused), 3), "{text}");
    assert!(rehearsal.shards.is_empty());
    assert!(
        text.contains("data-db-1") && text.contains("data is at stake"),
        "{text}"
    );
}

#[test]
fn a_drain_shows_where_a_shard_would_not_come_back() {
    let mut scene = healthy(3);
    // A second node of the first zone, where the shard's disk can follow it.
    let Some(Read::Got(nodes)) = scene.objects.get(&Resource::Nodes) else {
        panic!("no nodes");
    };
    let mut spare: serde_json::Value = nodes[0].clone();
    for pointer in ["/metadata/name", "/metadata/labels/kubernetes.io~1hostname"] {
        *spare.pointer_mut(pointer).unwrap() = json!("node-9");
    }
    spare["metadata"]["uid"] = json!("uid-node-9");
    let stuck = drained(&scene, "node-0", drains::Strategy::Direct);
    assert_eq!(stuck.end, Some(End::Refused), "{}", page(&stuck));
    scene.add(Resource::Nodes, spare);
    let moved = drained(&scene, "node-0", drains::Strategy::Direct);
    let text = page(&moved);
    assert_eq!(moved.end, Some(End::Done), "{text}");
    assert_eq!(moved.shards.len(), 1, "{text}");
    assert_eq!(moved.shards[0].shard, "db-0");
}

#[test]
fn a_recovery_finds_nothing_where_nothing_was_left() {
    let asked = crate::operations::recover::Asked {
        statefulset: Some("db".to_owned()),
        judging: Judging::default(),
        expired: false,
        off: None,
        patience: SignedDuration::from_mins(10),
        again: crate::plan::recover::Again {
            same: "same".to_owned(),
            upgrade: "upgrade".to_owned(),
            undo: "undo".to_owned(),
        },
        lease: Duration::from_secs(30),
    };
    let played = play_of(&healthy(3)).rehearse(move |actor| recover::perform(actor, asked));
    let rehearsal = played.unwrap();
    assert_eq!(rehearsal.end, Some(End::NothingToDo), "{}", page(&rehearsal));
}

#[test]
fn an_operation_that_waits_for_ever_is_told_so_and_what_for() {
    let scene = healthy(1);
    let waiting = |actor: Actor| async move {
        actor.events.emit(Fact::Waiting {
            words: "for the end of days".to_owned(),
        });
        std::future::pending::<()>().await;
        Err(Error::bug("it came"))
    };
    let rehearsal = play_of(&scene).rehearse(waiting).unwrap();
    let text = page(&rehearsal);
    assert_eq!((rehearsal.end, rehearsal.exit_code), (None, 4));
    assert!(text.contains("✗ it would wait for ever: for the end of days"), "{text}");
}

#[test]
fn nothing_is_rehearsed_on_what_could_not_be_read() {
    let mut scene = healthy(2);
    scene.unreadable(Resource::Nodes);
    let refused = load(&play_of(&scene).gathered, Pace::default()).unwrap_err();
    assert!(refused.message().starts_with("failed to rehearse: "), "{refused}");
    assert_eq!(refused.exit_code(), ExitCode::Unknown);
    let mut scene = healthy(2);
    scene.unreadable(Resource::PriorityClasses);
    let loaded = load(&play_of(&scene).gathered, Pace::default()).unwrap();
    assert!(
        loaded.assumed.iter().any(|line| line.contains("priority classes")),
        "{:?}",
        loaded.assumed
    );
    let denied = &loaded.plane.access.denied;
    assert!(
        denied
            .iter()
            .any(|rule| rule.resource == "priorityclasses" && rule.verb == "watch")
    );
}

#[test]
fn durations_are_those_of_this_cluster_where_it_tells_them() {
    let mut scene = healthy(3);
    for (shard, ready) in [
        ("db-0", "2026-02-28T12:00:20Z"),
        ("db-1", "2026-02-28T12:00:30Z"),
        ("db-2", "2026-03-01T09:00:00Z"),
    ] {
        scene.edit(Resource::Pods, shard, |pod| {
            pod["status"]["conditions"][2]["lastTransitionTime"] = json!(ready);
        });
    }
    let about = |pod: &str, uid: &str| json!({"kind": "Pod", "name": pod, "namespace": "shop", "uid": uid});
    let say = |scene: &mut Scene, reason: &str, object: serde_json::Value, at: &str, message: &str| {
        scene.add(
            Resource::Events,
            json!({"metadata": {"name": format!("{reason}.{at}"), "namespace": "shop"}, "involvedObject": object, "reason": reason,
                "message": message, "type": "Normal", "count": 1, "firstTimestamp": at, "lastTimestamp": at}),
        );
    };
    let pulled = "Successfully pulled image \"registry.example/db:1.0\" in 47.5s (47.5s including waiting). Image size: 1 bytes.";
    say(
        &mut scene,
        "Pulled",
        about("db-0", "uid-db-0"),
        "2026-02-28T12:00:00Z",
        pulled,
    );
    say(
        &mut scene,
        "Killing",
        about("db-1", "before"),
        "2026-02-28T11:58:15Z",
        "Stopping container db",
    );
    say(
        &mut scene,
        "SuccessfulAttachVolume",
        about("db-2", "uid-db-2"),
        "2026-02-28T12:00:09Z",
        "AttachVolume.Attach succeeded",
    );
    let (pace, known) = measured(play_of(&scene).gathered.snapshot().unwrap());
    assert_eq!(pace.ready, Duration::from_secs(40));
    assert_eq!(pace.pull, Duration::from_millis(47_500));
    assert_eq!(pace.stop, Duration::from_secs(45));
    assert_eq!(pace.attach, Duration::from_secs(9));
    assert!(known.iter().all(|one| one.measured), "{known:?}");
    let claim = |registered: &str, initialized: &str| {
        let condition = |kind: &str, at: &str| json!({"type": kind, "status": "True", "lastTransitionTime": at});
        json!({"metadata": {"name": registered, "creationTimestamp": "2026-02-28T10:00:00Z"},
            "status": {"conditions": [condition("Registered", registered), condition("Initialized", initialized)]}})
    };
    scene.set(
        Resource::NodeClaims,
        Read::Got(vec![claim("2026-02-28T10:01:10Z", "2026-02-28T10:01:30Z")]),
    );
    let (bought, _) = measured(play_of(&scene).gathered.snapshot().unwrap());
    assert_eq!((bought.launch.as_secs(), bought.initialize.as_secs()), (70, 20));
    let mut quiet = healthy(1);
    quiet.edit(Resource::Pods, "db-0", |pod| {
        pod["status"]["containerStatuses"] = json!([]);
    });
    let (typical, known) = measured(play_of(&quiet).gathered.snapshot().unwrap());
    assert_eq!(typical, Pace::default());
    assert!(
        known.iter().all(|one| !one.measured && one.from.starts_with("typical")),
        "{known:?}"
    );
}

#[test]
fn a_killed_operation_is_heard_no_more_and_another_one_takes_over() {
    let gathered = of_recording(healthy(2).recording());
    let at = gathered.recording.taken.at;
    let plane = load(&gathered, Pace::default()).unwrap().plane;
    let asked = to_image("registry.example/db:2.0");
    let ((first, second), plane) = play(plane, at, "shop", async move |stage: &mut stage::Stage| {
        let again = asked.clone();
        let killed = tokio::time::sleep(Duration::from_secs(30));
        let first = stage
            .perform_until(killed, |actor| upgrade::perform(actor, asked, tasks()))
            .await;
        let second = stage.perform(|actor| upgrade::perform(actor, again, tasks())).await;
        (first, second)
    })
    .unwrap();
    assert!(matches!(first.ending, Ending::Killed));
    let outcome = second.ending.outcome().unwrap();
    assert_eq!(outcome.end, End::Done, "{outcome:#?}");
    assert_eq!(plane.store.all(Kind::Leases, None).count(), 0);
    assert_eq!(plane.strays, Vec::<String>::new());
}
