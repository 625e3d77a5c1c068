//! Answers: JSON, text, or a watch that goes on.

use serde_json::{Value, json};

use super::watch::Watch;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::{Object, Page, VersionsPage};

/// What a request gets.
#[derive(Debug)]
pub enum Reply {
    /// All at once.
    Answer(Answer),
    /// One change after the other.
    Watch(Watch),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Answer {
    /// JSON.
    pub(super) fn json(code: u16, value: &Value) -> Answer {
        Answer::of_json(code, value.to_string())
    }

    fn of_json(code: u16, body: String) -> Answer {
        Answer {
            code,
            content_type: "application/json",
            body,
            retry_after: None,
        }
    }

    /// Plain text.
    pub(in crate::sim) fn text(code: u16, body: &str) -> Answer {
        Answer {
            code,
            content_type: "text/plain; charset=utf-8",
            body: body.to_owned(),
            retry_after: None,
        }
    }

    /// What Go's own server says to a path that leads nowhere.
    pub(super) fn nowhere() -> Answer {
        Answer::text(404, "404 page not found\n")
    }

    /// Nothing, in good order.
    pub(super) fn empty() -> Answer {
        Answer {
            content_type: "",
            ..Answer::text(204, "")
        }
    }

    /// A refusal.
    pub(in crate::sim) fn refused(refused: &Refused) -> Answer {
        Answer {
            retry_after: refused.retry_after,
            ..Answer::json(refused.code, &refused.status())
        }
    }

    /// An object, or its metadata alone where only they were asked for.
    pub(super) fn object(code: u16, object: &Object, accept: &str) -> Answer {
        if accept.contains("as=PartialObjectMetadata;") {
            return Answer::json(code, &metadata_of(object));
        }
        Answer::of_json(code, object.text().to_owned())
    }

    /// A list of metadata alone, or a page of one.
    pub(super) fn versions(page: &VersionsPage<'_>) -> Answer {
        let metadata = list_metadata(page.revision, &page.next, page.remaining);
        let body = [
            r#"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":"#,
            &metadata.to_string(),
            r#","items":["#,
            &page.items,
            "]}",
        ];
        Answer::of_json(200, body.concat())
    }

    /// A list, or a page of one.
    pub(super) fn list(kind: Kind, page: &Page) -> Answer {
        let metadata = list_metadata(page.revision, &page.next, page.remaining);
        let whole = kind.is_custom();
        let mut body = format!(
            r#"{{"kind":"{}List","apiVersion":"{}","metadata":{metadata},"items":["#,
            kind.served().name,
            kind.api_version()
        );
        for (at, object) in page.items.iter().enumerate() {
            if at > 0 {
                body.push(',');
            }
            // The objects of built-in kinds come without apiVersion and kind.
            if whole {
                body.push_str(object.text());
            } else {
                body.push('{');
                body.push_str(object.fields_text());
            }
        }
        body.push_str("]}");
        Answer::of_json(200, body)
    }
}

fn list_metadata(revision: u64, next: &str, remaining: Option<usize>) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if !next.is_empty() {
        metadata["continue"] = json!(next);
    }
    if let Some(remaining) = remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}

/// An object's metadata alone.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}
