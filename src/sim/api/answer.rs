//! Answers: JSON, text, or a watch that goes on.

use serde_json::{Value, json};

use super::watch::Watch;
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::{Object, Page};

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

    /// A list, or a page of one.
    pub(super) fn list(kind: Kind, page: &Page, accept: &str) -> Answer {
        let mut metadata = json!({"resourceVersion": page.revision.to_string()});
        if !page.next.is_empty() {
            metadata["continue"] = json!(page.next);
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        if accept.contains("as=PartialObjectMetadataList;") {
            let mut body = format!(
                r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{metadata},"items":["#
            );
            for (at, object) in page.items.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let of = r#""kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1""#;
                body.extend([comma, "{", of, r#","metadata":"#, object.metadata_text(), "}"]);
            }
            body.push_str("]}");
            return Answer::of_json(200, body);
        }
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

/// An object's metadata alone.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}
