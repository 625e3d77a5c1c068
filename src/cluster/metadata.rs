//! Whether an object exists, asked in a way that never brings its contents: for a Secret whose data is none of our business.

use crate::cluster::failure::Failure;
use crate::cluster::get::Api;

/// Only the metadata, and an error rather than the whole object from a server that can't do that.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Whether there is an object at `path`.
///
/// # Errors
/// Every [`Failure`] but that it isn't there.
pub async fn exists(api: &Api, path: &str) -> Result<bool, Failure> {
    match api.get_as(path, METADATA).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::get::tests::{MINUTE, api};
    use crate::cluster::test_server::{Reply, Server};

    #[tokio::test]
    async fn only_the_metadata_is_asked_for_and_nothing_else_accepted() {
        let missing = r#"{"kind":"Status","code":404,"reason":"NotFound","details":{"kind":"secrets","name":"b"}}"#;
        let server = Server::plain([Reply::json(200, "{}"), Reply::json(404, missing)]);
        let api = api(&server, MINUTE);
        assert_eq!(exists(&api, "/api/v1/namespaces/shards/secrets/a").await, Ok(true));
        assert_eq!(exists(&api, "/api/v1/namespaces/shards/secrets/b").await, Ok(false));
        for request in server.requests() {
            let accepted = format!("accept: {METADATA}\r\n");
            assert!(request.contains(&accepted), "{request}");
            assert_eq!(request.matches("accept: ").count(), 1, "{request}");
        }
    }
}
