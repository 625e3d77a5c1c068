//! How long a shard will take, and what that is guessed from.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;

use crate::model::pod;
use crate::model::read::Skip;
use crate::model::span;
use crate::plan::verify::seen::Seen;

/// A guess at how long the next shard takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// From its deletion until it was Ready for long enough.
    pub seconds: f64,
    /// What it is made from, a clause.
    pub made_from: String,
}

/// How long the next shard will take: as long as the slowest of this run (`done`: shard and seconds, from its deletion until
/// it was Ready for long enough), or as its pods took from start to Ready. None where neither is known.
///
/// Of the pods' own starts the middle one counts: a pod that was unready for a moment since then seems to have taken days.
///
/// # Errors
/// Unknown where pods can't be read.
pub fn estimate(seen: &Seen<'_>, done: &[(String, f64)], min_ready: SignedDuration) -> Result<Option<Estimate>, Skip> {
    if let Some((shard, seconds)) = done.iter().max_by(|one, other| one.1.total_cmp(&other.1)) {
        return Ok(Some(Estimate {
            seconds: *seconds,
            made_from: format!("as long as pod/{shard}, the slowest of this run"),
        }));
    }
    let mut starts: Vec<SignedDuration> = seen.own_pods()?.into_iter().filter_map(start).collect();
    starts.sort();
    let Some(middle) = starts.get(starts.len() / 2) else {
        return Ok(None);
    };
    let pods = match starts.len() {
        1 => "one pod".to_owned(),
        count => format!("the middle one of {count} pods"),
    };
    let min_ready_words = if min_ready.is_zero() {
        String::new()
    } else {
        format!(", and {} that it must stay Ready", span::words(min_ready))
    };
    Ok(Some(Estimate {
        seconds: (*middle + min_ready).as_secs_f64(),
        made_from: format!(
            "{} from start to Ready, as {pods} took{min_ready_words}; nothing is known of how long one takes to stop",
            span::words(*middle)
        ),
    }))
}

/// How long a Ready pod took from its start on the node, or from being given one, until it was Ready.
fn start(found: &Pod) -> Option<SignedDuration> {
    if !pod::is_ready(found) {
        return None;
    }
    let ready = pod::condition(found, "Ready")?.last_transition_time.as_ref()?.0;
    let scheduled = pod::condition(found, "PodScheduled").and_then(|bound| bound.last_transition_time.as_ref());
    let began = scheduled.or_else(|| found.status.as_ref()?.start_time.as_ref())?.0;
    Some(ready.duration_since(began)).filter(|took| !took.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    fn of(scene: &Scene, done: &[(String, f64)], min_ready: i64) -> Option<Estimate> {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        estimate(&seen, done, SignedDuration::from_secs(min_ready)).unwrap()
    }

    fn started(scene: &mut Scene, name: &str, ready: &str) {
        let condition = |kind: &str, at: &str| json!({"type": kind, "status": "True", "lastTransitionTime": at});
        scene.merge(
            Resource::Pods,
            name,
            json!({"status": {"conditions": [condition("PodScheduled", "2026-02-28T12:00:00Z"), condition("Ready", ready)]}}),
        );
    }

    #[test]
    fn the_pods_own_starts_are_used_before_the_first_and_a_blip_does_not_count() {
        let mut scene = Scene::healthy(3);
        started(&mut scene, "db-0", "2026-02-28T12:05:00Z");
        started(&mut scene, "db-1", "2026-02-28T12:04:00Z");
        started(&mut scene, "db-2", "2026-03-01T11:00:00Z");
        let guess = of(&scene, &[], 30).unwrap();
        assert!((guess.seconds - 330.0).abs() < 1e-9);
        assert!(
            guess
                .made_from
                .starts_with("5m from start to Ready, as the middle one of 3 pods"),
            "{}",
            guess.made_from
        );
    }

    #[test]
    fn this_runs_slowest_shard_is_worth_more() {
        let done = [
            ("db-2".to_owned(), 12.5),
            ("db-1".to_owned(), 40.25),
            ("db-0".to_owned(), 3.0),
        ];
        let guess = of(&Scene::healthy(3), &done, 30).unwrap();
        assert!((guess.seconds - 40.25).abs() < 1e-9);
        assert_eq!(guess.made_from, "as long as pod/db-1, the slowest of this run");
    }

    #[test]
    fn nothing_is_guessed_from_nothing() {
        let mut scene = Scene::healthy(1);
        scene.merge(Resource::Pods, "db-0", json!({"status": {"conditions": null}}));
        assert_eq!(of(&scene, &[], 0), None);
    }
}
