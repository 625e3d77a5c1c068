//! The eviction of a pod by way of its budget, sent once: an eviction's 429 is an answer, and a lost answer is found out by
//! looking at the pod.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions, Status};

use crate::cluster::failure::{Failure, Missing};
use crate::cluster::get::{Answer as Body, Api};
use crate::cluster::permit::Permit;
use crate::model::eviction::{Afterwards, Answer};
use crate::model::pod;

/// What became of an eviction that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// The pod is being deleted.
    Accepted,
    /// The server said something else.
    Answered(Answer),
    /// The server said nothing, or nothing about the eviction.
    Unanswered(Failure),
}

/// The eviction of exactly this pod.
///
/// With the uid as its precondition, and without a resourceVersion: that would take the server's own retries away, and a
/// shard's status changes all the time. Typed here, since kube's own eviction writes `delete_options`, which the server
/// ignores: precondition and dry run inside it would be dropped.
pub(in crate::cluster) fn eviction(namespace: &str, pod: &str, uid: &str, options: DeleteOptions) -> Eviction {
    Eviction {
        metadata: ObjectMeta {
            name: Some(pod.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..options
        }),
    }
}

/// Evicts a pod, once. `grace` are the seconds that it gets to stop, where that isn't the pod's own number.
pub async fn evict(api: &Api, _permit: &Permit, namespace: &str, pod: &str, uid: &str, grace: Option<i64>) -> Evicted {
    let options = DeleteOptions {
        grace_period_seconds: grace,
        ..DeleteOptions::default()
    };
    let body = eviction(namespace, pod, uid, options);
    let path = format!("{}/eviction", path(namespace, pod));
    match api.post(&path, &body).await {
        Ok(answer) => accepted(&answer),
        Err(failure) => refused(failure),
    }
}

/// What became of a pod of this name that had this uid.
///
/// # Errors
/// Where it can't be read.
pub async fn afterwards(api: &Api, namespace: &str, name: &str, uid: &str) -> Result<Afterwards, Failure> {
    let found: Pod = match api.get(&path(namespace, name)).await {
        Ok(answer) => answer.parse()?,
        Err(failure) if failure.is_not_found() => return Ok(Afterwards::Gone),
        Err(failure) => return Err(failure),
    };
    Ok(match pod::uid(&found) {
        present if present != uid => Afterwards::Another,
        _ if pod::is_terminating(&found) => Afterwards::Leaving,
        _ => Afterwards::Same,
    })
}

fn path(namespace: &str, pod: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods/{pod}")
}

/// A failure may come as the answer's body alone, whatever the HTTP status is (two budgets).
fn accepted(answer: &Body) -> Evicted {
    match answer.parse::<Status>() {
        Ok(status) if status.status.as_deref() == Some("Failure") => Evicted::Answered(Answer {
            code: status.code.and_then(|code| code.try_into().ok()).unwrap_or_default(),
            reason: status.reason.unwrap_or_default(),
            message: status.message.unwrap_or_default(),
            ..Answer::default()
        }),
        _ => Evicted::Accepted,
    }
}

fn refused(failure: Failure) -> Evicted {
    let words = failure.reason();
    Evicted::Answered(match failure {
        Failure::Server {
            code,
            reason,
            message,
            causes,
            kind,
            retry_after,
        } => Answer {
            code,
            reason,
            message,
            causes,
            kind,
            retry_after,
        },
        Failure::NotFound { what, message } => Answer {
            code: 404,
            reason: "NotFound".to_owned(),
            message,
            kind: match what {
                Missing::Object { resource, .. } => resource,
                Missing::Namespace(_) => "namespaces".to_owned(),
                Missing::Resource(resource) => resource,
            },
            ..Answer::default()
        },
        Failure::Forbidden(_) => Answer {
            code: 403,
            reason: "Forbidden".to_owned(),
            message: words,
            ..Answer::default()
        },
        other => return Evicted::Unanswered(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};
    use serde_json::{Value, json};
    use std::time::Duration;

    async fn answered(replies: Vec<Reply>) -> (Evicted, Vec<String>) {
        let server = Server::plain(replies);
        let permit = Permit::confirmed();
        let evicted = evict(&api(&server, MINUTE), &permit, "shop", "db-3", "u3", Some(7)).await;
        (evicted, server.requests())
    }

    #[tokio::test]
    async fn the_uid_and_the_grace_period_are_where_the_server_reads_them() {
        let (evicted, requests) = answered(vec![Reply::json(201, r#"{"kind":"Status","status":"Success"}"#)]).await;
        assert_eq!(evicted, Evicted::Accepted);
        let (head, body) = requests[0].split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("POST /api/v1/namespaces/shop/pods/db-3/eviction HTTP/1.1\r\n"),
            "{head}"
        );
        let body: Value = serde_json::from_str(body).expect("JSON");
        let expected = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "db-3", "namespace": "shop"},
            "deleteOptions": {"gracePeriodSeconds": 7, "preconditions": {"uid": "u3"}},
        });
        let mut sent = body.clone();
        // k8s-openapi names the options' own type, which the server accepts.
        if let Some(options) = sent["deleteOptions"].as_object_mut() {
            options.retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
        }
        assert_eq!(sent, expected, "{body}");
    }

    #[tokio::test]
    async fn a_no_of_the_budget_is_given_as_it_came_and_sent_once() {
        let cause = "The disruption budget db needs 10 healthy pods and has 10 currently";
        let status = json!({"kind": "Status", "status": "Failure", "reason": "TooManyRequests", "code": 429,
            "message": "Cannot evict pod as it would violate the pod's disruption budget.",
            "details": {"causes": [{"reason": "DisruptionBudget", "message": cause}]}});
        let reply = Reply::full(429, "retry-after: 10\r\n", &status.to_string());
        let (evicted, requests) = answered(vec![reply, Reply::json(201, "{}")]).await;
        let Evicted::Answered(answer) = evicted else {
            panic!("{evicted:?}");
        };
        assert_eq!(
            (answer.code, answer.causes.as_slice()),
            (429, [cause.to_owned()].as_slice())
        );
        assert_eq!(answer.retry_after, Some(Duration::from_secs(10)));
        assert_eq!(requests.len(), 1);
    }

    #[tokio::test]
    async fn what_a_status_is_about_and_a_failure_behind_a_201_are_kept() {
        let conflict = json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "m",
            "details": {"name": "db", "group": "policy", "kind": "poddisruptionbudgets"}});
        let gone = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "m",
            "details": {"name": "db-3", "kind": "pods"}});
        let two = json!({"kind": "Status", "status": "Failure", "code": 500, "message": "more than one"});
        for (http, status, kind) in [
            (409, &conflict, "poddisruptionbudgets"),
            (404, &gone, "pods"),
            (201, &two, ""),
            (500, &two, ""),
        ] {
            let (evicted, _) = answered(vec![Reply::json(http, &status.to_string())]).await;
            let Evicted::Answered(answer) = evicted else {
                panic!("{evicted:?}");
            };
            assert_eq!(
                (i64::from(answer.code), answer.kind.as_str()),
                (status["code"].as_i64().expect("a code"), kind)
            );
        }
    }

    #[tokio::test]
    async fn a_connection_that_breaks_says_nothing_about_the_eviction() {
        let (evicted, requests) = answered(vec![Reply::HangUp(String::new()), Reply::json(201, "{}")]).await;
        assert!(
            matches!(evicted, Evicted::Unanswered(Failure::CutOff { .. })),
            "{evicted:?}"
        );
        assert_eq!(requests.len(), 1);
    }
}
