//! The window: how the budget is opened, for how long, and that it is closed whatever happens.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};
use shardctl::model::mark::{MARK, Mark};
use shardctl::operations::evict::{Closed, Tried, through_a_window};
use shardctl::plan::eviction::Meaning;

use super::{Evictor, as_written, generation, raw_budget, run_name, settle, the_mark};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene, Witness};

fn opens(request: &Request) -> bool {
    writes_budget(request) && ops(request).contains(&"replace".to_owned()) && !removes(request)
}

fn closes(request: &Request) -> bool {
    writes_budget(request) && removes(request)
}

fn writes_budget(request: &Request) -> bool {
    request.method == "PATCH" && request.path.contains("/poddisruptionbudgets/")
}

fn evicts(request: &Request) -> bool {
    request.method == "POST" && request.path.ends_with("/eviction")
}

fn removes(request: &Request) -> bool {
    ops(request).contains(&"remove".to_owned())
}

fn ops(request: &Request) -> Vec<String> {
    let steps = request.body.as_array().into_iter().flatten();
    steps
        .filter_map(|step| step["op"].as_str().map(str::to_owned))
        .collect()
}

fn mark_on(budget: &Value) -> Option<Mark> {
    let written = budget["metadata"]["annotations"][MARK].as_str()?;
    serde_json::from_str(written).ok()
}

#[test]
fn every_form_of_a_budget_is_opened_for_one_eviction_and_then_as_it_was() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let witness = Witness::of(&scene);
    for form in [
        json!({"minAvailable": 3}),
        json!({"minAvailable": "100%", "maxUnavailable": null}),
        json!({"minAvailable": null, "maxUnavailable": 0}),
        json!({"minAvailable": null, "maxUnavailable": "0%"}),
    ] {
        scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": form}));
        settle(&scene);
        let (before, sent) = (raw_budget(&scene), interceptor.writes().len());
        let window = evictor.through_a_window(0);
        let after = raw_budget(&scene);
        assert_eq!(window.tried, Tried::Accepted, "{form}");
        assert!(
            matches!(window.closed, Some(Closed::Back(_))),
            "{form}: {:?}",
            window.closed
        );
        assert_eq!(as_written(&after), as_written(&before), "{form}");
        assert_eq!(
            generation(&after),
            generation(&before) + 2,
            "two changes of its spec: {form}"
        );

        let writes = &interceptor.writes()[sent..];
        let patches: Vec<&Request> = writes.iter().filter(|request| writes_budget(request)).collect();
        assert_eq!(patches.len(), 2, "{form}");
        assert!(opens(patches[0]) && closes(patches[1]), "{form}");
        for patch in patches {
            assert!(
                patch.body.to_string().contains("shardctl.dev~1mark"),
                "the mark is in both: {form}"
            );
        }
        let tries = writes.iter().filter(|request| evicts(request)).count();
        eprintln!("{form}: open for {} ms, {tries} tries", window.open.as_millis());
        settle(&scene);
    }
    assert_eq!(witness.deletions(), ["shard-0"; 4]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn whatever_answer_is_lost_the_budget_is_closed() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let witness = Witness::of(&scene);
    let before = as_written(&raw_budget(&scene));
    let check = |what: &str, evicted: bool, tried: &dyn Fn(&Tried) -> bool| {
        let evictor = Evictor::seen_by(&scene, &interceptor);
        let uid = evictor.uid(0);
        let window = evictor.through_a_window(0);
        assert!(tried(&window.tried), "{what}: {:?}", window.tried);
        assert_eq!(as_written(&raw_budget(&scene)), before, "{what}");
        assert!(
            matches!(window.closed, Some(Closed::Back(_))),
            "{what}: {:?}",
            window.closed
        );
        let pod = scene.pod(0).metadata;
        let gone = pod.uid != Some(uid) || pod.deletion_timestamp.is_some();
        assert_eq!(gone, evicted, "{what}");
        settle(&scene);
    };
    let unknown = |tried: &Tried| matches!(tried, Tried::Unknown(_));
    let not_tried = |tried: &Tried| matches!(tried, Tried::NotTried(_));
    let accepted = |tried: &Tried| *tried == Tried::Accepted;

    // Nothing was evicted, and that is known.
    let rule = interceptor.on(opens).nth(1).cut_answer();
    check("the answer to the opening is lost", false, &not_tried);
    rule.release();
    let rule = interceptor.on(evicts).cut();
    check("the eviction is lost", false, &unknown);
    rule.release();
    // The first tries may be answered 429, before the budget's status has followed: wait for it to be accepted.
    let rule = interceptor.on(closes).nth(1).cut();
    check("the closing is lost", true, &accepted);
    rule.release();
    let rule = interceptor.on(closes).nth(1).cut_answer();
    check("the answer to the closing is lost", true, &accepted);
    rule.release();
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn an_opening_that_never_arrived_changes_nothing() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let before = raw_budget(&scene);
    interceptor.on(opens).cut();
    let window = evictor.through_a_window(0);
    assert!(matches!(window.tried, Tried::NotTried(_)), "{:?}", window.tried);
    assert_eq!(window.closed, None);
    assert_eq!(as_written(&raw_budget(&scene)), as_written(&before));
    assert!(!interceptor.writes().iter().any(evicts));
}

#[test]
fn who_stops_it_half_way_finds_the_budget_closed() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let (before, uid) = (as_written(&raw_budget(&scene)), evictor.uid(0));
    let held = interceptor.on(evicts).hold();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let window = std::thread::scope(|threads| {
        threads.spawn(|| {
            held.wait_hit();
            assert!(mark_on(&raw_budget(&scene)).is_some(), "it is open, and says so");
            stop.send(()).expect("somebody listens");
        });
        evictor.through_a_window_until(0, async { stopped.await.expect("a word") })
    });
    held.discard();
    assert_eq!(window.tried, Tried::Abandoned);
    assert!(matches!(window.closed, Some(Closed::Back(_))), "{:?}", window.closed);
    assert_eq!(as_written(&raw_budget(&scene)), before);
    assert_eq!(scene.uid(0), Some(uid));
}

#[test]
fn killed_while_it_is_open_it_leaves_a_mark_and_recover_closes_it() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let before = as_written(&raw_budget(&scene));
    let held = interceptor.on(closes).hold();
    let (change, budget, uid) = (evictor.change(), scene.budget(), evictor.uid(0));
    let (kill, killed) = tokio::sync::oneshot::channel::<()>();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            held.wait_hit();
            kill.send(()).expect("somebody listens");
        });
        let (pod, mark) = (scene.pod_name(0), the_mark(&scene, &change));
        let aim = evictor.aim(&pod, &uid);
        let window = through_a_window(&aim, &budget, &change, &mark, std::future::pending());
        scene.plane().run(async {
            tokio::select! {
                window = window => panic!("it should have been held: {window:?}"),
                // Dropped there: what a process that is killed doesn't do any more.
                word = killed => word.expect("a word"),
            }
        });
    });
    held.discard();
    let left = raw_budget(&scene);
    assert_eq!(left["spec"]["minAvailable"], 1, "it is open");
    let mark = mark_on(&left).expect("a mark");
    assert_eq!(mark.operation, run_name(&scene));
    assert_eq!(mark.was, json!({"spec.minAvailable": 2}));
    scene.shardctl(["recover", "--yes"]).assert().success();
    assert_eq!(as_written(&raw_budget(&scene)), before);
}

#[test]
fn without_the_right_to_close_it_the_mark_stays_and_the_reason_is_told() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let message = format!(
        "poddisruptionbudgets.policy \"shard\" is forbidden: User \"ada\" cannot patch resource \"poddisruptionbudgets\" in API \
         group \"policy\" in the namespace \"{}\"",
        scene.namespace()
    );
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": message, "details": {"name": "shard", "group": "policy", "kind": "poddisruptionbudgets"}});
    interceptor.on(closes).answer(403, status);
    let window = evictor.through_a_window(0);
    assert_eq!(window.tried, Tried::Accepted);
    let Some(Closed::Open(failure)) = &window.closed else {
        panic!("{:?}", window.closed);
    };
    assert!(failure.is_forbidden(), "{failure:?}");
    assert!(mark_on(&raw_budget(&scene)).is_some());
}

#[test]
fn a_value_that_somebody_else_writes_meanwhile_stays_and_is_told() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let held = interceptor.on(closes).nth(1).hold();
    let window = std::thread::scope(|threads| {
        threads.spawn(|| {
            held.wait_hit();
            scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 1}}));
            held.release();
        });
        evictor.through_a_window(0)
    });
    let Some(Closed::Theirs(finding)) = &window.closed else {
        panic!("{:?}", window.closed);
    };
    assert!(
        finding.evidence[0].contains("minAvailable is 1; before this run it was 3"),
        "{finding:?}"
    );
    let after = raw_budget(&scene);
    assert_eq!(after["spec"]["minAvailable"], 1);
    assert_eq!(mark_on(&after), None, "nothing of ours is left");
}

#[test]
fn a_pod_that_was_replaced_since_costs_the_budget_nothing() {
    let scene = Scene::shards(2).start();
    let interceptor = Interceptor::before(scene.plane());
    let evictor = Evictor::seen_by(&scene, &interceptor);
    let namesake = "00000000-0000-0000-0000-000000000000";
    let window = evictor.window_for(0, namesake, std::future::pending());
    assert!(
        matches!(window.tried, Tried::Refused(_, Meaning::Another)),
        "{:?}",
        window.tried
    );
    let pod = scene.pod_name(0);
    let tried = scene
        .plane()
        .run(shardctl::operations::evict::by_the_budget(&evictor.aim(&pod, namesake)));
    assert!(matches!(tried, Tried::Refused(_, Meaning::Another)), "{tried:?}");
    assert_eq!(interceptor.writes().len(), 0, "nothing was sent that changes anything");
    let status = scene.budget().status.expect("a status");
    assert!(status.disrupted_pods.is_none_or(|pods| pods.is_empty()));
}
