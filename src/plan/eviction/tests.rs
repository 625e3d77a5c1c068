//! Every documented answer, and who is named as being in the way.

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};
use serde_json::json;

fn refusal(cause: &str) -> Answer {
    Answer {
        code: 429,
        reason: "TooManyRequests".to_owned(),
        message: "Cannot evict pod as it would violate the pod's disruption budget.".to_owned(),
        causes: vec![cause.to_owned()],
        ..Answer::default()
    }
}

fn answer(code: u16, reason: &str, message: &str, kind: &str) -> Answer {
    Answer {
        code,
        reason: reason.to_owned(),
        message: message.to_owned(),
        kind: kind.to_owned(),
        ..Answer::default()
    }
}

const NEEDS: &str = "The disruption budget db needs 3 healthy pods and has 2 currently";
const BEHIND: &str = "The disruption budget db is still being processed by the server.";
const NO_WORDS: &str = "The disruption budget db does not allow evicting pods currently";

#[test]
fn every_answer_has_its_meaning() {
    let arithmetic = Meaning::Arithmetic {
        budget: "db".to_owned(),
        needs: 3,
        has: 2,
    };
    let later = Again::After(ASK_AGAIN);
    let two = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    let uid = "Operation cannot be fulfilled on Pod \"db-1\": the UID in the precondition (a) does not match the UID in record (b).";
    let table = [
        (refusal(NEEDS), arithmetic, later),
        (refusal(BEHIND), Meaning::StatusBehind, later),
        (refusal(NO_WORDS), Meaning::Unwilling, later),
        (
            answer(409, "Conflict", "m", "poddisruptionbudgets"),
            Meaning::Conflict,
            later,
        ),
        (answer(409, "Conflict", uid, "Pod"), Meaning::Another, Again::LookFirst),
        (answer(404, "NotFound", "m", "pods"), Meaning::Leaving, Again::LookFirst),
        (
            answer(404, "NotFound", "m", "poddisruptionbudgets.policy"),
            Meaning::BudgetGone,
            Again::LookFirst,
        ),
        (
            answer(403, "Forbidden", "user \"x\" may not create pods/eviction", ""),
            Meaning::Forbidden,
            Again::Never,
        ),
        (
            answer(
                403,
                "Forbidden",
                "forbidden: unable to create new content in namespace shop because it is being terminated",
                "pods",
            ),
            Meaning::NamespaceEnds,
            Again::Never,
        ),
        (
            answer(
                403,
                "Forbidden",
                "forbidden: DisruptedPods map too big",
                "poddisruptionbudget",
            ),
            Meaning::Unwilling,
            later,
        ),
        (answer(500, "", two, ""), Meaning::TwoBudgets, Again::Never),
        (
            answer(500, "InternalError", "etcdserver: request timed out", ""),
            Meaning::Unclear,
            later,
        ),
        (
            answer(500, "InternalError", "failed calling webhook \"x\"", ""),
            Meaning::Declined,
            Again::Never,
        ),
        (
            answer(422, "Invalid", "denied by policy", ""),
            Meaning::Declined,
            Again::Never,
        ),
        (
            answer(400, "", "the webhook says no", ""),
            Meaning::Declined,
            Again::Never,
        ),
        (
            answer(429, "TooManyRequests", "slow down", ""),
            Meaning::Throttled(None),
            later,
        ),
    ];
    for (answer, meaning, again) in table {
        let found = Meaning::of(&answer, Afterwards::Same);
        assert_eq!((&found, found.again()), (&meaning, again), "{answer:?}");
    }
}

#[test]
fn a_look_at_the_pod_outweighs_the_budgets_no() {
    for cause in [NEEDS, BEHIND] {
        let of = |after| Meaning::of(&refusal(cause), after);
        assert_eq!(of(Afterwards::Another), Meaning::Another);
        assert_eq!(of(Afterwards::Gone), Meaning::Leaving);
        assert_eq!(of(Afterwards::Leaving), Meaning::Leaving);
        assert_eq!(of(Afterwards::Unseen), of(Afterwards::Same));
    }
}

#[test]
fn while_the_budget_is_open_only_what_passes_in_moments_is_tried_again() {
    let of = |answer: &Answer| Meaning::of(answer, Afterwards::Same).passes_in_moments(2);
    assert!(of(&refusal(BEHIND)), "its status follows");
    assert!(of(&refusal(
        "The disruption budget db needs 3 healthy pods and has 3 currently"
    )));
    assert!(of(&answer(409, "Conflict", "m", "poddisruptionbudgets")));
    assert!(
        !of(&refusal(
            "The disruption budget db needs 2 healthy pods and has 2 currently"
        )),
        "a rival was quicker"
    );
    assert!(!of(&refusal(NO_WORDS)), "a rival was quicker, and isn't counted yet");
    assert!(!of(&answer(422, "Invalid", "denied by policy", "")));
}

#[test]
fn a_server_that_asks_for_time_gets_it_within_bounds() {
    let asks = |seconds| Answer {
        retry_after: Some(Duration::from_secs(seconds)),
        ..answer(429, "TooManyRequests", "slow down", "")
    };
    let again = |seconds| Meaning::of(&asks(seconds), Afterwards::Same).again();
    assert_eq!(again(0), Again::After(ASK_AGAIN));
    assert_eq!(again(3), Again::After(Duration::from_secs(3)));
    assert_eq!(again(600), Again::After(Duration::from_secs(10)));
}

fn judged(scene: &Scene, answer: &Answer, target: &str) -> Blocked {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let budgets = seen.budgets().unwrap();
    let meaning = Meaning::of(answer, Afterwards::Same);
    judge(
        answer,
        &meaning,
        target,
        &seen,
        budgets.first().copied(),
        NOW.parse().unwrap(),
    )
}

fn unready(scene: &mut Scene, pod: &str) {
    let since = json!({"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T11:57:00Z"});
    scene.merge(Resource::Pods, pod, json!({"status": {"conditions": [since]}}));
}

#[test]
fn a_shard_that_is_down_is_named_with_how_long() {
    let mut scene = Scene::healthy(3);
    unready(&mut scene, "db-2");
    let blocked = judged(&scene, &refusal(NEEDS), "db-0");
    assert_eq!(
        blocked.finding.message,
        "its eviction is refused: pdb/db needs 3 healthy, has 2: db-2 is not Ready since 3m"
    );
    assert_eq!(blocked.again, Again::After(ASK_AGAIN));
    scene.remove(Resource::Pods, "db-2");
    let blocked = judged(&scene, &refusal(NEEDS), "db-0");
    assert!(
        blocked.finding.message.ends_with(": db-2 has no pod"),
        "{:?}",
        blocked.finding
    );
}

#[test]
fn an_eviction_that_never_happened_is_named_until_it_is_forgotten() {
    let mut scene = Scene::healthy(3);
    let entry = |at: &str| json!({"status": {"disruptedPods": {"db-1": at}}});
    scene.merge(Resource::Budgets, "db", entry("2026-03-01T11:59:00Z"));
    let blocked = judged(&scene, &refusal(NEEDS), "db-0");
    let words = &blocked.finding.message;
    assert!(
        words.contains("db-1 counts as evicted since 11:59:00Z, until 12:01:00Z at the latest, though it is Ready"),
        "{words}"
    );
    assert_eq!(blocked.again, Again::After(ASK_AGAIN));
    scene.merge(Resource::Budgets, "db", entry("2026-03-01T11:57:59Z"));
    let words = judged(&scene, &refusal(NEEDS), "db-0").finding.message;
    assert!(!words.contains("db-1"), "{words}");
}

#[test]
fn what_can_never_be_allowed_is_said_at_once() {
    let full = refusal("The disruption budget db needs 3 healthy pods and has 3 currently");
    let blocked = judged(&Scene::healthy(3), &full, "db-0");
    assert_eq!(blocked.again, Again::Never);
    assert!(
        blocked.finding.remedy[0].contains("--strategy relax"),
        "{:?}",
        blocked.finding
    );
    // Ready since this moment, and not counted yet: that passes.
    assert_eq!(
        judged(&Scene::healthy(3), &refusal(NEEDS), "db-0").again,
        Again::After(ASK_AGAIN)
    );
    // The extra shard of a surge is Ready, and the budget's controller hasn't counted it yet: that passes, too.
    let mut surged = Scene::healthy(4);
    surged.merge(Resource::Budgets, "db", json!({"spec": {"minAvailable": 3}}));
    assert_eq!(judged(&surged, &full, "db-0").again, Again::After(ASK_AGAIN));
    let more = refusal("The disruption budget db needs 7 healthy pods and has 3 currently");
    let blocked = judged(&Scene::healthy(3), &more, "db-0");
    assert_eq!(blocked.again, Again::Never);
    assert!(
        blocked.finding.evidence[0].contains("no eviction can ever be allowed"),
        "{:?}",
        blocked.finding
    );
}

#[test]
fn an_unready_shard_that_the_budget_keeps_has_a_way_out() {
    let mut scene = Scene::healthy(3);
    unready(&mut scene, "db-2");
    let remedy = |scene: &Scene, target: &str| judged(scene, &refusal(NEEDS), target).finding.remedy.join("\n");
    assert_eq!(remedy(&scene, "db-2"), "", "AlwaysAllow is there");
    scene.merge(
        Resource::Budgets,
        "db",
        json!({"spec": {"unhealthyPodEvictionPolicy": null}}),
    );
    let words = remedy(&scene, "db-2");
    assert!(
        words.contains("\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\""),
        "{words}"
    );
    assert_eq!(remedy(&scene, "db-0"), "", "that one is Ready");
}
