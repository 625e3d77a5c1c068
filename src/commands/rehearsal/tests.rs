//! Rehearsals of small clusters, from recordings as a look at them gives.

use jiff::SignedDuration;

use super::*;
use crate::model::resource::Resource;
use crate::operations::upgrade;
use crate::plan::image::Wanted;
use crate::plan::safety::catalogue::Allowed;
use crate::plan::upgrade::Again;
use crate::plan::upgrade::policy::{Goal, OnFailure, Policy};
use crate::plan::verify::policy::Policy as Judging;
use crate::plan::verify::testing::{READY_SINCE, Scene};
use crate::sim::controllers::Pace;
use crate::sim::kind::Kind;

/// What the scene's own set lacks that a whole one has.
fn whole(mut scene: Scene) -> Scene {
    scene.edit(Resource::StatefulSets, "db", |set| {
        set["metadata"]["generation"] = 1.into();
        set["status"]["observedGeneration"] = 1.into();
    });
    scene
}

fn play_of(scene: &Scene) -> Play {
    Play {
        gathered: of_recording(scene.recording()).unwrap(),
        left_out: Vec::new(),
        waits: Vec::new(),
        as_json: false,
        source: "a test".to_owned(),
    }
}

fn to_image(image: &str) -> upgrade::Asked {
    let again = |line: &str| line.to_owned();
    upgrade::Asked {
        statefulset: Some("db".to_owned()),
        judging: Judging::default(),
        policy: Policy {
            goal: Goal::Images(vec![Wanted::parse(image).unwrap()]),
            only: Default::default(),
            last: Default::default(),
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
            max_restarts: 2,
            allowed: Allowed::default(),
        },
        again: Again {
            same: again("same"),
            resume: again("resume"),
            after_undo: again("after"),
            undo: again("undo"),
            status: again("status"),
        },
        lease: std::time::Duration::from_secs(30),
    }
}

fn upgraded(scene: &Scene, image: &str) -> Rehearsal {
    let asked = to_image(image);
    play_of(scene)
        .rehearse(move |actor| crate::commands::upgrade::perform(actor, asked, tasks()))
        .unwrap()
}

fn tasks() -> crate::operations::tasks::Tasks {
    crate::operations::tasks::Tasks {
        before: None,
        after: None,
        gate: None,
        ask: None,
        limit: std::time::Duration::ZERO,
    }
}

#[test]
fn a_cluster_at_rest_stays_as_it_was_read() {
    let play = play_of(&whole(Scene::healthy(3)));
    let mut plane = load(&play.gathered, Pace::default()).unwrap().plane;
    let before = plane.store.clone();
    let at = play.gathered.recording.taken.at;
    plane.take_note(at);
    plane.run_until(at + SignedDuration::from_mins(30));
    let mut changed = Vec::new();
    for kind in Kind::ALL {
        changed.extend(plane.store.since(kind, before.revision()).unwrap().map(|change| {
            format!(
                "{kind:?} {} {:?} {}\n was {}",
                change.object["metadata"]["name"],
                change.what,
                change.object,
                change.before.as_ref().map(|b| b.to_string()).unwrap_or_default()
            )
        }));
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    let _ = READY_SINCE;
}

#[test]
fn an_upgrade_is_rehearsed_shard_by_shard() {
    let rehearsal = upgraded(&whole(Scene::healthy(3)), "registry.example/db:2.0");
    let page = render(&rehearsal, crate::report::style::Style::PLAIN);
    assert_eq!(rehearsal.end, Some(End::Done), "{page}\n{:#?}", rehearsal.events);
    println!("{page}");
}
