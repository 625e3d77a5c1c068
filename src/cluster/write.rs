//! Changing objects: patch, create, replace, delete, and the same only tried.
//!
//! A write asks for a [`Permit`], names `shardctl` as its field manager, and is sent once: whether one whose answer was
//! lost was done is found out by looking, never by sending it again. What is only tried needs no permit and changes nothing.

use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::failure::Failure;
use crate::cluster::get::{Answer, Api};
use crate::cluster::permit::Permit;
use crate::model::step::PodRef;

/// Whom managedFields name as the author of our fields.
pub const FIELD_MANAGER: &str = "shardctl";

const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";
/// JSON is YAML, too.
const APPLY: &str = "application/apply-patch+yaml";

/// Changes an object by a JSON patch (RFC 6902). A `test` in it that fails is [`Failure::is_conflict`].
///
/// # Errors
/// Every [`Failure`].
pub async fn json_patch(api: &Api, _permit: &Permit, path: &str, patch: &Value) -> Result<Answer, Failure> {
    api.send_with(Method::PATCH, &managed(path), JSON_PATCH, patch).await
}

/// Creates an object in a collection.
///
/// # Errors
/// Every [`Failure`]; where one of that name exists already, a conflict.
pub async fn create(api: &Api, _permit: &Permit, collection: &str, body: &impl Serialize) -> Result<Answer, Failure> {
    api.send_with(Method::POST, &managed(collection), JSON, body).await
}

/// Replaces an object as a whole; with a `metadata.resourceVersion` only where it is still at that version.
///
/// # Errors
/// Every [`Failure`]; where it has changed meanwhile, a conflict.
pub async fn replace(api: &Api, _permit: &Permit, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
    api.send_with(Method::PUT, &managed(path), JSON, body).await
}

/// Makes an object what is given, as far as that says something of it (server-side apply). What others write stays theirs:
/// [`Failure::owned`] names it, unless `force` takes it over.
///
/// # Errors
/// Every [`Failure`].
pub async fn apply(
    api: &Api,
    _permit: &Permit,
    path: &str,
    body: &impl Serialize,
    force: bool,
) -> Result<Answer, Failure> {
    api.send_with(Method::PATCH, &applied(path, force), APPLY, body).await
}

/// Deletes an object.
///
/// # Errors
/// Every [`Failure`]; where a precondition doesn't hold, a conflict.
pub async fn delete(api: &Api, _permit: &Permit, path: &str, options: &DeleteOptions) -> Result<Answer, Failure> {
    api.send_with(Method::DELETE, path, JSON, options).await
}

/// Deletes exactly this pod, at exactly the version it was judged at. `grace` are the seconds that it gets to stop, where that
/// isn't the pod's own number.
///
/// # Errors
/// Every [`Failure`]; where the pod is another one or has changed, a conflict.
pub async fn delete_pod(
    api: &Api,
    permit: &Permit,
    namespace: &str,
    pod: &PodRef,
    grace: Option<i64>,
) -> Result<Answer, Failure> {
    let path = format!("/api/v1/namespaces/{namespace}/pods/{}", pod.name);
    let options = DeleteOptions {
        grace_period_seconds: grace,
        ..exactly(&pod.uid, &pod.resource_version)
    };
    delete(api, permit, &path, &options).await
}

/// The options that delete an object only where it is still this one at this version.
pub fn exactly(uid: &str, resource_version: &str) -> DeleteOptions {
    DeleteOptions {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(resource_version.to_owned()),
        }),
        ..DeleteOptions::default()
    }
}

/// What [`json_patch`] would do: the server answers with the changed object, and keeps nothing.
///
/// # Errors
/// Every [`Failure`], as [`json_patch`] would give it.
pub async fn try_json_patch(api: &Api, path: &str, patch: &Value) -> Result<Answer, Failure> {
    api.send_with(Method::PATCH, &tried(path), JSON_PATCH, patch).await
}

/// What [`create`] would do.
///
/// # Errors
/// Every [`Failure`], as [`create`] would give it.
pub async fn try_create(api: &Api, collection: &str, body: &impl Serialize) -> Result<Answer, Failure> {
    api.send_with(Method::POST, &tried(collection), JSON, body).await
}

/// What [`apply`] would do: the server answers with what the object would become.
///
/// # Errors
/// Every [`Failure`], as [`apply`] would give it.
pub async fn try_apply(api: &Api, path: &str, body: &impl Serialize, force: bool) -> Result<Answer, Failure> {
    let path = format!("{}&dryRun=All", applied(path, force));
    api.send_with(Method::PATCH, &path, APPLY, body).await
}

/// What [`delete`] would do. The wish to only try stands in the body: the server reads the query of a DELETE only
/// where there is no body, and would delete.
///
/// # Errors
/// Every [`Failure`], as [`delete`] would give it.
pub async fn try_delete(api: &Api, path: &str, options: &DeleteOptions) -> Result<Answer, Failure> {
    let options = DeleteOptions {
        dry_run: Some(vec!["All".to_owned()]),
        ..options.clone()
    };
    api.send_with(Method::DELETE, path, JSON, &options).await
}

fn managed(path: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}fieldManager={FIELD_MANAGER}")
}

fn applied(path: &str, force: bool) -> String {
    format!("{}&force={force}&fieldValidation=Strict", managed(path))
}

fn tried(path: &str) -> String {
    format!("{}&dryRun=All", managed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};
    use serde_json::json;

    /// The first line, the content type and the body of each request.
    fn sent(server: &Server) -> Vec<[String; 3]> {
        let requests = server.requests();
        let parts = requests.iter().map(|request| {
            let (head, body) = request.split_once("\r\n\r\n").expect("a head");
            let mut lines = head.lines();
            let first = lines.next().expect("a first line").to_owned();
            let kind = lines.find_map(|line| line.strip_prefix("content-type: "));
            [first, kind.unwrap_or_default().to_owned(), body.to_owned()]
        });
        parts.collect()
    }

    fn always() -> Server {
        Server::plain(std::iter::repeat_n(Reply::json(200, "{}"), 9))
    }

    #[tokio::test]
    async fn writes_name_their_manager_and_their_format() {
        let server = always();
        let (api, permit) = (api(&server, MINUTE), Permit::confirmed());
        json_patch(&api, &permit, "/a/b", &json!([])).await.expect("an answer");
        create(&api, &permit, "/a", &json!({"x": 1})).await.expect("an answer");
        replace(&api, &permit, "/a/b?x=y", &json!({})).await.expect("an answer");
        let expected = [
            [
                "PATCH /a/b?fieldManager=shardctl HTTP/1.1",
                "application/json-patch+json",
                "[]",
            ],
            [
                "POST /a?fieldManager=shardctl HTTP/1.1",
                "application/json",
                r#"{"x":1}"#,
            ],
            ["PUT /a/b?x=y&fieldManager=shardctl HTTP/1.1", "application/json", "{}"],
        ];
        assert_eq!(sent(&server), expected);
    }

    #[tokio::test]
    async fn a_deletion_says_everything_in_its_body_and_nothing_in_its_query() {
        let server = always();
        let (api, permit) = (api(&server, MINUTE), Permit::confirmed());
        let pod = PodRef {
            name: "shard-0".to_owned(),
            ordinal: 0,
            uid: "u".to_owned(),
            resource_version: "7".to_owned(),
            node: None,
        };
        delete_pod(&api, &permit, "shards", &pod, Some(7))
            .await
            .expect("an answer");
        try_delete(&api, "/a/b", &exactly("u", "7")).await.expect("an answer");
        let requests = sent(&server);
        assert_eq!(requests[0][0], "DELETE /api/v1/namespaces/shards/pods/shard-0 HTTP/1.1");
        assert_eq!(requests[1][0], "DELETE /a/b HTTP/1.1");
        let body = |request: &[String; 3]| serde_json::from_str::<Value>(&request[2]).expect("JSON");
        let preconditions = json!({"uid": "u", "resourceVersion": "7"});
        assert_eq!(body(&requests[0])["preconditions"], preconditions);
        assert_eq!(body(&requests[0]).get("dryRun"), None);
        assert_eq!(body(&requests[0])["gracePeriodSeconds"], 7);
        assert_eq!(body(&requests[1])["preconditions"], preconditions);
        assert_eq!(body(&requests[1])["dryRun"], json!(["All"]));
    }

    #[tokio::test]
    async fn what_is_tried_elsewhere_says_so_in_its_query() {
        let server = always();
        let api = api(&server, MINUTE);
        try_json_patch(&api, "/a/b", &json!([])).await.expect("an answer");
        try_create(&api, "/a", &json!({})).await.expect("an answer");
        let requests = sent(&server);
        assert_eq!(requests[0][0], "PATCH /a/b?fieldManager=shardctl&dryRun=All HTTP/1.1");
        assert_eq!(requests[1][0], "POST /a?fieldManager=shardctl&dryRun=All HTTP/1.1");
    }

    #[tokio::test]
    async fn what_is_applied_says_whether_it_takes_over() {
        let server = always();
        let (api, permit) = (api(&server, MINUTE), Permit::confirmed());
        apply(&api, &permit, "/a/b", &json!({}), false)
            .await
            .expect("an answer");
        try_apply(&api, "/a/b", &json!({}), true).await.expect("an answer");
        let requests = sent(&server);
        let query = "/a/b?fieldManager=shardctl&force";
        assert_eq!(
            requests[0][0],
            format!("PATCH {query}=false&fieldValidation=Strict HTTP/1.1")
        );
        assert_eq!(
            requests[1][0],
            format!("PATCH {query}=true&fieldValidation=Strict&dryRun=All HTTP/1.1")
        );
        assert_eq!(requests[0][1], "application/apply-patch+yaml");
    }

    #[tokio::test]
    async fn a_write_is_sent_once_and_says_when_it_may_have_been_done() {
        let server = Server::plain([
            Reply::HangUp(String::new()),
            Reply::json(503, r#"{"kind":"Status","code":503,"message":"shutting down"}"#),
            Reply::json(429, r#"{"kind":"Status","code":429,"message":"too many"}"#),
        ]);
        let (api, permit) = (api(&server, MINUTE), Permit::confirmed());
        for (tries, lost) in [(1, true), (2, true), (3, false)] {
            let failure = create(&api, &permit, "/a", &json!({})).await.expect_err("no answer");
            assert_eq!(failure.may_have_been_done(), lost, "{failure:?}");
            assert_eq!(server.requests().len(), tries);
        }
    }
}
