//! Requests and what they get, against what a real server answers.

use serde_json::{Value, json};

use super::*;
use crate::model::right::Rule;
use crate::sim::controllers::testing::{at, plane, pod_of, ready};
use crate::sim::kind::Kind;
use crate::sim::store::Key;

struct Got {
    code: u16,
    body: Value,
    text: String,
    retry_after: Option<u32>,
}

fn ask(plane: &mut Plane, method: &str, target: &str, body: &Value) -> Got {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: if method == "PATCH" {
            "application/json-patch+json"
        } else {
            "application/json"
        }
        .to_owned(),
        accept: "application/json".to_owned(),
        body: if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        },
    };
    match answer(plane, &request, at(0)) {
        Reply::Answer(answer) => Got {
            code: answer.code,
            body: serde_json::from_str(&answer.body).unwrap_or_default(),
            text: answer.body,
            retry_after: answer.retry_after,
        },
        Reply::Watch(_) => panic!("a watch"),
    }
}

const PODS: &str = "/api/v1/namespaces/shop/pods";

fn budget(status: Value) -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop", "generation": 1},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}}, "status": status})
}

/// Two Ready pods behind a budget that lets `allowed` go.
fn guarded(allowed: i64, observed: i64) -> Plane {
    let mut plane = plane();
    for name in ["db-0", "db-1"] {
        plane.store.load(Kind::Pods, ready(pod_of("db", "set", name), true));
    }
    let status = json!({"disruptionsAllowed": allowed, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2,
        "observedGeneration": observed});
    plane.store.load(Kind::Budgets, budget(status));
    plane
}

fn evict(plane: &mut Plane, uid: &str, dry: bool) -> Got {
    let mut options = json!({"preconditions": {"uid": uid}});
    if dry {
        options["dryRun"] = json!(["All"]);
    }
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "db-0", "namespace": "shop"},
        "deleteOptions": options});
    ask(plane, "POST", &format!("{PODS}/db-0/eviction"), &body)
}

fn uid_of(plane: &Plane, name: &str) -> String {
    let pod = plane.store.get(&Key::new(Kind::Pods, "shop", name)).unwrap();
    crate::sim::json::uid(pod).to_owned()
}

#[test]
fn an_eviction_goes_by_the_budget() {
    let mut open = guarded(1, 1);
    let uid = uid_of(&open, "db-0");
    assert_eq!(evict(&mut open, &uid, true).code, 201);
    let there = |plane: &Plane| plane.store.get(&Key::new(Kind::Pods, "shop", "db-0")).unwrap().clone();
    assert!(!crate::sim::json::is_leaving(&there(&open)));
    let done = evict(&mut open, &uid, false);
    assert_eq!((done.code, &done.body["status"]), (201, &json!("Success")));
    assert!(crate::sim::json::is_leaving(&there(&open)));
    let budget = open.store.get(&Key::new(Kind::Budgets, "shop", "db")).unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 0);
    assert!(budget["status"]["disruptedPods"]["db-0"].is_string());
}

#[test]
fn a_closed_budget_and_one_behind_its_spec_answer_429() {
    let mut closed = guarded(0, 1);
    let uid = uid_of(&closed, "db-0");
    let no = evict(&mut closed, &uid, false);
    assert_eq!(
        (no.code, no.retry_after, &no.body["reason"]),
        (429, None, &json!("TooManyRequests"))
    );
    let cause = &no.body["details"]["causes"][0];
    assert_eq!(cause["reason"], "DisruptionBudget");
    assert_eq!(
        cause["message"],
        "The disruption budget db needs 2 healthy pods and has 2 currently"
    );
    let mut behind = guarded(1, 0);
    let uid = uid_of(&behind, "db-0");
    let later = evict(&mut behind, &uid, false);
    assert_eq!((later.code, later.retry_after), (429, Some(10)));
}

#[test]
fn a_wrong_uid_takes_the_slot_before_it_is_refused() {
    let mut plane = guarded(1, 1);
    let refused = evict(&mut plane, "other", false);
    assert_eq!((refused.code, &refused.body["reason"]), (409, &json!("Conflict")));
    let budget = plane.store.get(&Key::new(Kind::Budgets, "shop", "db")).unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 0);
}

#[test]
fn two_budgets_over_one_pod_are_a_failure_of_the_server() {
    let mut plane = guarded(1, 1);
    let mut second = budget(json!({}));
    second["metadata"]["name"] = json!("too");
    plane.store.load(Kind::Budgets, second);
    let uid = uid_of(&plane, "db-0");
    let got = evict(&mut plane, &uid, false);
    assert_eq!(
        (got.code, &got.body["code"], &got.body["status"]),
        (500, &json!(500), &json!("Failure"))
    );
}

#[test]
fn a_patch_tests_changes_and_says_nothing_of_what_failed() {
    let mut plane = guarded(0, 1);
    let at = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/db";
    let open = json!([{"op": "test", "path": "/spec/minAvailable", "value": 2},
        {"op": "replace", "path": "/spec/minAvailable", "value": 1}]);
    let tried = ask(
        &mut plane,
        "PATCH",
        &format!("{at}?fieldManager=shardctl&dryRun=All"),
        &open,
    );
    assert_eq!((tried.code, &tried.body["spec"]["minAvailable"]), (200, &json!(1)));
    let done = ask(&mut plane, "PATCH", &format!("{at}?fieldManager=shardctl"), &open);
    assert_eq!((done.code, &done.body["metadata"]["generation"]), (200, &json!(2)));
    assert_eq!(done.body["metadata"]["managedFields"][0]["manager"], "shardctl");
    let again = ask(&mut plane, "PATCH", at, &open);
    assert_eq!((again.code, &again.body["details"]), (422, &json!({})));
    let unknown = json!([{"op": "add", "path": "/spec/minAvailabel", "value": 1}]);
    let refused = ask(&mut plane, "PATCH", at, &unknown);
    assert!(
        refused.code == 422
            && refused.body["message"]
                .as_str()
                .is_some_and(|words| words.ends_with("unknown field \"spec.minAvailabel\"")),
        "{}",
        refused.text
    );
}

#[test]
fn only_the_body_of_a_deletion_counts() {
    let mut plane = guarded(1, 1);
    let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]});
    let tried = ask(&mut plane, "DELETE", &format!("{PODS}/db-0"), &body);
    assert_eq!(tried.code, 200);
    assert!(!crate::sim::json::is_leaving(
        plane.store.get(&Key::new(Kind::Pods, "shop", "db-0")).unwrap()
    ));
    let stale = json!({"preconditions": {"uid": uid_of(&plane, "db-0"), "resourceVersion": "1"}});
    assert_eq!(ask(&mut plane, "DELETE", &format!("{PODS}/db-0"), &stale).code, 409);
    // As on a real server: dryRun in the query, with a body, deletes.
    let real = ask(&mut plane, "DELETE", &format!("{PODS}/db-0?dryRun=All"), &json!({}));
    assert_eq!(real.code, 200);
    assert!(crate::sim::json::is_leaving(
        plane.store.get(&Key::new(Kind::Pods, "shop", "db-0")).unwrap()
    ));
}

#[test]
fn a_lease_is_replaced_only_at_the_version_that_was_read() {
    let mut plane = plane();
    let all = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"},
        "spec": {"holderIdentity": "a"}});
    let made = ask(&mut plane, "POST", all, &lease);
    assert_eq!(made.code, 201);
    assert_eq!(ask(&mut plane, "POST", all, &lease).body["reason"], "AlreadyExists");
    let mut next = made.body.clone();
    next["spec"]["holderIdentity"] = json!("b");
    assert_eq!(ask(&mut plane, "PUT", &format!("{all}/lock"), &next).code, 200);
    let late = ask(&mut plane, "PUT", &format!("{all}/lock"), &next);
    assert_eq!((late.code, &late.body["reason"]), (409, &json!("Conflict")));
    let gone = ask(&mut plane, "DELETE", &format!("{all}/lock"), &Value::Null);
    assert_eq!(
        (&gone.body["kind"], &gone.body["status"]),
        (&json!("Status"), &json!("Success"))
    );
    assert_eq!(ask(&mut plane, "GET", &format!("{all}/lock"), &Value::Null).code, 404);
}

#[test]
fn what_the_user_may_not_do_is_refused_and_said_before() {
    let mut plane = guarded(1, 1);
    plane.access.user = "ann".to_owned();
    plane.access.denied = vec![Rule {
        verb: "list".to_owned(),
        group: String::new(),
        resource: "pods".to_owned(),
        namespace: Some("shop".to_owned()),
        name: None,
    }];
    let refused = ask(&mut plane, "GET", PODS, &Value::Null);
    let words =
        "pods is forbidden: User \"ann\" cannot list resource \"pods\" in API group \"\" in the namespace \"shop\"";
    assert_eq!((refused.code, &refused.body["message"]), (403, &json!(words)));
    assert_eq!(ask(&mut plane, "GET", &format!("{PODS}/db-0"), &Value::Null).code, 200);
    for (verb, allowed) in [("list", false), ("get", true)] {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {},
            "spec": {"resourceAttributes": {"verb": verb, "group": "", "resource": "pods", "namespace": "shop"}}});
        let got = ask(
            &mut plane,
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &review,
        );
        assert_eq!((got.code, &got.body["status"]["allowed"]), (201, &json!(allowed)));
    }
}

#[test]
fn lists_bear_their_kind_and_items_do_not() {
    let mut plane = guarded(1, 1);
    let got = ask(
        &mut plane,
        "GET",
        &format!("{PODS}?limit=1&labelSelector=app%3Ddb"),
        &Value::Null,
    );
    assert_eq!(
        (&got.body["kind"], &got.body["apiVersion"]),
        (&json!("PodList"), &json!("v1"))
    );
    assert_eq!(got.body["items"].as_array().unwrap().len(), 1);
    assert!(got.body["items"][0].get("kind").is_none());
    // Not counted where it selects.
    assert!(got.body["metadata"]["continue"].is_string() && got.body["metadata"].get("remainingItemCount").is_none());
}

#[test]
fn what_no_extension_brings_is_not_there_and_groups_say_so() {
    let mut plane = plane();
    let pools = "/apis/karpenter.sh/v1/nodepools";
    let got = ask(&mut plane, "GET", pools, &Value::Null);
    assert_eq!((got.code, got.text.as_str()), (404, "404 page not found\n"));
    let names = |plane: &mut Plane| ask(plane, "GET", "/apis", &Value::Null).text;
    assert!(!names(&mut plane).contains("karpenter.sh"));
    plane.extensions.insert("karpenter.sh".to_owned());
    assert!(names(&mut plane).contains("karpenter.sh/v1"));
    assert_eq!(ask(&mut plane, "GET", pools, &Value::Null).code, 200);
    let resources = ask(&mut plane, "GET", "/apis/karpenter.sh/v1", &Value::Null);
    assert_eq!(resources.body["resources"][0]["kind"], "NodePool");
}

#[test]
fn a_request_that_is_not_modelled_is_noted_and_never_passed_over() {
    let mut plane = guarded(1, 1);
    for (method, target) in [("GET", format!("{PODS}/db-0/attach")), ("DELETE", PODS.to_owned())] {
        assert_eq!(ask(&mut plane, method, &target, &Value::Null).code, 501);
    }
    assert_eq!(plane.strays.len(), 2, "{:?}", plane.strays);
    let request = Request {
        method: "PATCH".to_owned(),
        path: format!("{PODS}/db-0"),
        content_type: "application/merge-patch+json".to_owned(),
        body: b"{}".to_vec(),
        ..Request::default()
    };
    assert!(matches!(answer(&mut plane, &request, at(0)), Reply::Answer(answer) if answer.code == 501));
}

#[test]
fn metadata_alone_are_given_where_only_they_were_asked_for() {
    let mut plane = plane();
    let secret = json!({"metadata": {"name": "key", "namespace": "shop"}, "data": {"a": "Yg=="}});
    plane.store.load(Kind::Secrets, secret);
    let request = Request {
        method: "GET".to_owned(),
        path: "/api/v1/namespaces/shop/secrets/key".to_owned(),
        accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1".to_owned(),
        ..Request::default()
    };
    let Reply::Answer(answer) = answer(&mut plane, &request, at(0)) else {
        panic!("an answer")
    };
    assert!(
        answer.body.contains("PartialObjectMetadata") && !answer.body.contains("Yg=="),
        "{}",
        answer.body
    );
}

fn apply(plane: &mut Plane, target: &str, body: &Value) -> Got {
    let (path, query) = target.split_once('?').unwrap();
    let request = Request {
        method: "PATCH".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: "application/apply-patch+yaml".to_owned(),
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    match answer(plane, &request, at(0)) {
        Reply::Answer(answer) => Got {
            code: answer.code,
            body: serde_json::from_str(&answer.body).unwrap_or_default(),
            text: answer.body,
            retry_after: answer.retry_after,
        },
        Reply::Watch(_) => panic!("a watch"),
    }
}

#[test]
fn what_is_applied_leaves_alone_what_others_write_and_takes_back_what_was_ours() {
    let mut plane = plane();
    let at = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/db";
    let mine = format!("{at}?fieldManager=shardctl");
    let with = |least: i64, labels: Value| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db", "labels": labels},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "db"}}}})
    };
    assert_eq!(
        apply(&mut plane, &mine, &with(2, json!({"a": "1", "b": "2"}))).code,
        201
    );
    let same = apply(&mut plane, &mine, &with(2, json!({"a": "1", "b": "2"})));
    assert_eq!((same.code, &same.body["metadata"]["generation"]), (200, &json!(1)));
    let theirs = json!([{"op": "replace", "path": "/spec/minAvailable", "value": 1},
        {"op": "add", "path": "/metadata/labels/c", "value": "3"}]);
    assert_eq!(
        ask(&mut plane, "PATCH", &format!("{at}?fieldManager=other"), &theirs).code,
        200
    );
    let refused = apply(&mut plane, &mine, &with(2, json!({"a": "1"})));
    assert_eq!(
        (refused.code, &refused.body["details"]["causes"][0]["field"]),
        (409, &json!(".spec.minAvailable"))
    );
    let taken = apply(&mut plane, &format!("{mine}&force=true"), &with(2, json!({"a": "1"})));
    assert_eq!((taken.code, &taken.body["spec"]["minAvailable"]), (200, &json!(2)));
    assert_eq!(taken.body["metadata"]["labels"], json!({"a": "1", "c": "3"}));
    assert_eq!(plane.strays, Vec::<String>::new());
}
