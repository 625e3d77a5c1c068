//! From an HTTP answer, or a `kube::Error`, to a `Failure`.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use kube::core::Status;
use kube::core::response::StatusCause;

use super::{Denied, Failure, Missing, quoted, transport};
use crate::model::offered::Owned;

/// The reason of a cause that a field is somebody else's.
const OWNED: &str = "FieldManagerConflict";
/// What stands between such a field and the server's words.
const OWNED_BY: &str = ": ";

impl Failure {
    /// What an answer with an error status means. `path` is the request's.
    pub(crate) fn from_answer(code: StatusCode, headers: &HeaderMap, body: &[u8], path: &str) -> Self {
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        if let Some(status) = parse_status(body) {
            return from_status(&status, code.as_u16(), retry_after);
        }
        // Paths that aren't served (a CRD that isn't installed) get Go's plain 404 from the API server as well;
        // its audit filter marks every answer, which no other web server does.
        if code == StatusCode::NOT_FOUND && is_from_kubernetes(headers) {
            let path = path.split('?').next().unwrap_or(path);
            return Failure::NotFound {
                what: Missing::Resource(quoted(path)),
                message: quoted(&String::from_utf8_lossy(body)),
            };
        }
        let what = describe(code, headers, body);
        if code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS || is_from_kubernetes(headers) {
            // A load balancer in front of an API server that is restarting answers for it.
            return Failure::Server {
                code: code.as_u16(),
                reason: String::new(),
                message: what,
                causes: Vec::new(),
                kind: String::new(),
                retry_after,
            };
        }
        Failure::NotKubernetes { what }
    }

    /// An answer with a success status whose body isn't what Kubernetes sends.
    pub(crate) fn from_odd_body(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Failure::NotKubernetes {
            what: describe(code, headers, body),
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => from_status(&status, status.code, None),
            kube::Error::HyperError(error) => transport::from_chain(&error),
            kube::Error::Service(error) => transport::from_chain(error.as_ref()),
            kube::Error::Auth(error) => transport::from_auth(&error),
            kube::Error::ReadEvents(error) => transport::from_chain(&error),
            kube::Error::FromUtf8(_) => Failure::NotKubernetes {
                what: "bytes that are no text".to_owned(),
            },
            kube::Error::SerdeError(error) => Failure::NotKubernetes {
                what: format!("something that can't be read as the object asked for: {error}"),
            },
            kube::Error::UpgradeConnection(kube::client::UpgradeConnectionError::ProtocolSwitch(code)) => {
                Failure::Server {
                    code: code.as_u16(),
                    reason: String::new(),
                    message: "the connection couldn't be upgraded to a WebSocket".to_owned(),
                    causes: Vec::new(),
                    kind: String::new(),
                    retry_after: None,
                }
            }
            kube::Error::UpgradeConnection(error) => Failure::CutOff {
                why: format!("the WebSocket handshake failed: {error}"),
            },
            // Everything else is a request that couldn't be built or a configuration that can't be used;
            // these variants' own text is complete.
            other => Failure::Config(quoted(&other.to_string())),
        }
    }
}

/// The `Status` object in a body, if it is one.
fn parse_status(body: &[u8]) -> Option<Status> {
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: Option<String>,
    }
    let kind: Kind = serde_json::from_slice(body).ok()?;
    if kind.kind.as_deref() != Some("Status") {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// What a `Status` says. `code` is the HTTP status, for servers that leave the one in the body out.
fn from_status(status: &Status, code: u16, retry_after: Option<Duration>) -> Failure {
    let code = if status.code == 0 { code } else { status.code };
    let message = quoted(&status.message);
    let details = status.details.as_ref();
    let name = details
        .map(|details| details.name.as_str())
        .filter(|name| !name.is_empty());
    match (code, status.reason.as_str()) {
        (401, _) => Failure::Unauthorized { message },
        (403, _) if let Some(denied) = Denied::parse(&status.message, name) => Failure::Forbidden(Box::new(denied)),
        (404, _) => {
            let kind = details.map(|details| details.kind.as_str()).unwrap_or_default();
            let group = details.map(|details| details.group.as_str()).unwrap_or_default();
            let what = match name {
                Some(name) if kind == "namespaces" && group.is_empty() => Missing::Namespace(name.to_owned()),
                Some(name) => Missing::Object {
                    resource: if group.is_empty() {
                        kind.to_owned()
                    } else {
                        format!("{kind}.{group}")
                    },
                    name: name.to_owned(),
                },
                // "the server could not find the requested resource"
                None => Missing::Resource(kind.to_owned()),
            };
            Failure::NotFound { what, message }
        }
        _ => Failure::Server {
            code,
            reason: status.reason.clone(),
            message,
            causes: details
                .map(|details| details.causes.iter().map(cause).collect())
                .unwrap_or_default(),
            kind: details.map(|details| details.kind.clone()).unwrap_or_default(),
            retry_after: retry_after.or_else(|| {
                details
                    .map(|details| details.retry_after_seconds)
                    .filter(|seconds| *seconds > 0)
                    .map(|seconds| Duration::from_secs(seconds.into()))
            }),
        },
    }
}

/// A cause in the server's words. Of fields that somebody else writes it has the field beside them, which words alone don't name.
fn cause(of: &StatusCause) -> String {
    if of.reason == OWNED {
        return quoted(&format!("{}{OWNED_BY}{}", of.field, of.message));
    }
    quoted(&of.message)
}

impl Failure {
    /// The fields that somebody else writes, where server-side apply was refused because of them; else empty.
    pub fn owned(&self) -> Vec<Owned> {
        let Failure::Server { code: 409, causes, .. } = self else {
            return Vec::new();
        };
        let of = |cause: &String| {
            let (field, words) = cause.split_once(OWNED_BY)?;
            // conflict with "kubectl-edit" using apps/v1
            let owner = words.split('"').nth(1).unwrap_or(words);
            Some(Owned {
                field: field.to_owned(),
                owner: owner.to_owned(),
            })
        };
        causes.iter().filter_map(of).collect()
    }
}

/// Whether the API server's own filters have touched the answer.
fn is_from_kubernetes(headers: &HeaderMap) -> bool {
    headers.contains_key("audit-id") || headers.contains_key("x-kubernetes-pf-flowschema-uid")
}

/// What answered, as the object of "it answered with …".
fn describe(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> String {
    let status = match code.canonical_reason() {
        Some(reason) => format!("HTTP {} {reason}", code.as_u16()),
        None => format!("HTTP {}", code.as_u16()),
    };
    if code.is_redirection()
        && let Some(target) = headers.get(header::LOCATION).and_then(|value| value.to_str().ok())
    {
        return format!("{status}, a redirect to {}", quoted(target));
    }
    let text = String::from_utf8_lossy(body);
    if text.contains("HTTP request to an HTTPS server") {
        return format!("{status}: it speaks HTTPS, and the address says http://");
    }
    let is_html = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("html"))
        || text.trim_start().starts_with("<!DOCTYPE")
        || text.trim_start().starts_with("<html");
    if is_html {
        return match title(&text) {
            Some(title) => format!("{status} and a web page titled {:?}", quoted(&title)),
            None => format!("{status} and a web page"),
        };
    }
    match text.lines().next().map(str::trim) {
        None | Some("") => format!("{status} and nothing else"),
        Some(line) => format!("{status} and {:?}", quoted(line)),
    }
}

/// The text of a page's `<title>`.
fn title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower.get(start..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</title")?;
    let words: Vec<&str> = page.get(start..end)?.split_whitespace().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect()
    }

    fn classify(code: u16, pairs: &[(&'static str, &'static str)], body: &str) -> Failure {
        let code = StatusCode::from_u16(code).expect("a status");
        Failure::from_answer(
            code,
            &headers(pairs),
            body.as_bytes(),
            "/apis/karpenter.sh/v1/nodepools?limit=500",
        )
    }

    #[test]
    fn namespace_object_and_resource_are_told_apart() {
        let namespace = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"namespaces \"x\" not found","reason":"NotFound","details":{"name":"x","kind":"namespaces"},"code":404}"#;
        assert!(matches!(
            classify(404, &[], namespace),
            Failure::NotFound { what: Missing::Namespace(name), .. } if name == "x"
        ));
        let set = r#"{"kind":"Status","status":"Failure","message":"statefulsets.apps \"db\" not found","reason":"NotFound","details":{"name":"db","group":"apps","kind":"statefulsets"},"code":404}"#;
        assert!(matches!(
            classify(404, &[], set),
            Failure::NotFound { what: Missing::Object { resource, name }, .. } if resource == "statefulsets.apps" && name == "db"
        ));
        let served = classify(404, &[("audit-id", "1")], "404 page not found\n");
        assert!(served.is_not_served(), "{served:?}");
        let Failure::NotFound { what, .. } = served else {
            unreachable!()
        };
        assert_eq!(what, Missing::Resource("/apis/karpenter.sh/v1/nodepools".into()));
    }

    #[test]
    fn a_404_without_the_api_servers_mark_is_another_web_server() {
        assert_eq!(
            classify(404, &[("content-type", "text/plain")], "404 page not found\n"),
            Failure::NotKubernetes {
                what: "HTTP 404 Not Found and \"404 page not found\"".into()
            }
        );
    }

    #[test]
    fn pages_redirects_and_a_plain_request_to_tls() {
        let page = "<!DOCTYPE html><html><head><TITLE lang=en>\n Sign in\n to Corp </TITLE></head>";
        assert_eq!(
            classify(403, &[("content-type", "text/html; charset=utf-8")], page),
            Failure::NotKubernetes {
                what: "HTTP 403 Forbidden and a web page titled \"Sign in to Corp\"".into()
            }
        );
        assert_eq!(
            classify(302, &[("location", "https://login.example/")], ""),
            Failure::NotKubernetes {
                what: "HTTP 302 Found, a redirect to https://login.example/".into()
            }
        );
        let Failure::NotKubernetes { what } = classify(400, &[], "Client sent an HTTP request to an HTTPS server.\n")
        else {
            unreachable!()
        };
        assert!(what.contains("speaks HTTPS"), "{what}");
    }

    #[test]
    fn a_load_balancers_503_is_the_server_being_away() {
        assert!(matches!(
            classify(503, &[("content-type", "text/html"), ("retry-after", "3")], "<html><title>503</title></html>"),
            Failure::Server { code: 503, retry_after: Some(after), .. } if after == Duration::from_secs(3)
        ));
    }

    #[test]
    fn the_servers_words_are_capped() {
        let long = "ü".repeat(4000);
        let body =
            serde_json::json!({"kind": "Status", "message": long, "code": 500, "reason": "InternalError"}).to_string();
        let Failure::Server { message, .. } = classify(500, &[], &body) else {
            unreachable!()
        };
        assert_eq!(message.chars().count(), super::super::LONGEST_QUOTE + 1);
    }

    #[test]
    fn a_field_of_somebody_elses_is_named_with_its_owner() {
        let body = r#"{"kind":"Status","status":"Failure","message":"Apply failed with 1 conflict: …","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl-edit\" using apps/v1","field":".spec.replicas"}]},"code":409}"#;
        let failure = classify(409, &[], body);
        assert!(failure.is_conflict());
        let owned = failure.owned();
        assert_eq!(
            (owned[0].field.as_str(), owned[0].owner.as_str()),
            (".spec.replicas", "kubectl-edit")
        );
        let other = r#"{"kind":"Status","message":"the object has been modified","reason":"Conflict","code":409}"#;
        assert_eq!(classify(409, &[], other).owned(), []);
    }

    #[test]
    fn a_title_is_found_behind_letters_that_grow_in_lower_case() {
        // to_ascii_lowercase keeps every byte's place; a Unicode lowercase would not
        assert_eq!(title("<p>İİ</p><title>A</title>").as_deref(), Some("A"));
        assert_eq!(title("<title>never closed"), None);
    }
}
