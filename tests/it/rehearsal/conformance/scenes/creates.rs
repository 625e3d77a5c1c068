//! POST.

use serde_json::{Value, json};

use super::{BUDGETS, CORE, LEASES, PODS, pod};
use crate::rehearsal::conformance::script::{Scene, get, post};

/// Pods: helpers, placeholders, trials.
pub fn pods() -> Scene {
    let with = |name: &str, pointer: &str, value: Value| {
        let mut pod = pod(name);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[key] = value;
        pod
    };
    let mine = format!("{PODS}?fieldManager=shardctl");
    let dry = format!("{PODS}?fieldManager=shardctl&dryRun=All");
    Scene::new("create-pods")
        .ask("tried", post(&dry, pod("tried")))
        .ask("and not kept", get(format!("{PODS}/tried")))
        .ask("made", post(&mine, pod("made")))
        .ask("made again", post(&mine, pod("made")))
        .ask("tried again", post(&dry, pod("made")))
        .ask(
            "without containers",
            post(&mine, with("a", "/spec/containers", json!([]))),
        )
        .ask(
            "without an image",
            post(&mine, with("a", "/spec/containers", json!([{"name": "db"}]))),
        )
        .ask("without a name", post(&mine, with("a", "/metadata", json!({}))))
        .ask(
            "with a name that can't be",
            post(&mine, with("No_Name", "/metadata/labels", json!({}))),
        )
        .ask(
            "of another namespace",
            post(&mine, with("a", "/metadata/namespace", json!("default"))),
        )
        .ask(
            "in a namespace that isn't there",
            post("/api/v1/namespaces/nobody/pods", pod("a")),
        )
        .ask(
            "with a priority class that isn't there",
            post(&mine, with("a", "/spec/priorityClassName", json!("nobody"))),
        )
        .ask(
            "with a field of the wrong type",
            post(&mine, with("a", "/spec/terminationGracePeriodSeconds", json!("x"))),
        )
        .ask(
            "with a resource that is no amount",
            post(
                &mine,
                with(
                    "a",
                    "/spec/containers",
                    json!([
            {"name": "db", "image": "db:1", "resources": {"requests": {"memory": "much"}}}]),
                ),
            ),
        )
        .ask(
            "with a policy that doesn't exist",
            post(&mine, with("a", "/spec/restartPolicy", json!("Sometimes"))),
        )
        .ask(
            "of another kind",
            post(
                &mine,
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}),
            ),
        )
        .ask(
            "of no kind",
            post(&mine, json!({"metadata": {"name": "a"}, "spec": {}})),
        )
        .ask("that is no JSON", post(&mine, json!({})).with_text("{\"apiVersion\""))
        .ask("without anything", post(&mine, json!({})).with_text(""))
        .ask(
            "strictly, with a field that isn't one",
            post(
                format!("{mine}&fieldValidation=Strict"),
                with("a", "/spec/nodename", json!("x")),
            ),
        )
}

/// Events, leases, and what else is made.
pub fn others() -> Scene {
    let event = |namespace: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "db.1", "namespace": "NS"},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "namespace": namespace},
        "reason": "ShardDeleted", "message": "it goes", "type": "Normal", "action": "ShardDeleted",
        "reportingComponent": "shardctl", "reportingInstance": "me", "source": {"component": "shardctl"},
        "firstTimestamp": "2026-03-01T12:00:00Z", "lastTimestamp": "2026-03-01T12:00:00Z", "count": 1})
    };
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 30, "acquireTime": "2026-03-01T12:00:00.000000Z",
            "renewTime": "2026-03-01T12:00:00.000000Z", "leaseTransitions": 0}});
    let mut bad = lease.clone();
    bad["spec"]["leaseDurationSeconds"] = json!(0);
    bad["metadata"]["name"] = json!("bad");
    let both = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "both"},
        "spec": {"minAvailable": 1, "maxUnavailable": 1, "selector": {"matchLabels": {"app": "db"}}}});
    Scene::new("create-others")
        .ask(
            "an event",
            post(format!("{CORE}/events?fieldManager=shardctl"), event("NS")),
        )
        .ask(
            "an event about another namespace",
            post(format!("{CORE}/events"), event("default")),
        )
        .ask(
            "an event in a namespace that isn't there",
            post(
                "/api/v1/namespaces/nobody/events",
                json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}, "involvedObject": {"namespace": "nobody"}}),
            ),
        )
        .ask(
            "a lease",
            post(format!("{LEASES}?fieldManager=shardctl"), lease.clone()),
        )
        .ask("a lease again", post(format!("{LEASES}?fieldManager=shardctl"), lease))
        .ask("a lease without time", post(LEASES, bad))
        .ask("a budget with both limits", post(BUDGETS, both))
        .ask(
            "a namespace",
            post(
                "/api/v1/namespaces?dryRun=All",
                json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "conformance-tried"}}),
            ),
        )
        .ask(
            "a namespace that is there",
            post(
                "/api/v1/namespaces",
                json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "NS"}}),
            ),
        )
}
