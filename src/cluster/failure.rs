//! Why a request to the API server didn't give an answer: one type for the checks, the retries and the error messages.
//!
//! `kube::Error` prints its source inside its own text and hides what matters (which certificate, which rule) in a chain
//! of boxed errors; nothing above this file sees it. What the server said is kept raw, capped in length:
//! escaping is done where it is printed.

mod classify;
mod denied;
pub(in crate::cluster) mod transport;
mod words;

use std::time::Duration;

pub use denied::Denied;

/// The longest piece of the server's own words that is kept, in characters.
pub const LONGEST_QUOTE: usize = 300;

/// What the API server says to a JSON patch that doesn't fit the object, a failed `test` among others.
const PATCH_DOES_NOT_FIT: &str = "the server rejected our request due to an error in our request";
/// What server-side apply says of a field that the API server doesn't know, with a 500: nothing was changed, and never will be.
const UNKNOWN_FIELD: &str = "field not declared in schema";
/// How the API server begins when an admission webhook couldn't be asked: with its 500 nothing was changed.
const WEBHOOK_FAILED: &str = "failed calling webhook";

/// Why a request gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 403 by the authorizer (RBAC), with the rule that is missing.
    Forbidden(Box<Denied>),
    /// 401: the credentials don't count (any more).
    Unauthorized {
        /// The server's words.
        message: String,
    },
    /// 404, by Kubernetes itself.
    NotFound {
        /// What isn't there.
        what: Missing,
        /// The server's words.
        message: String,
    },
    /// No answer in time.
    TimedOut {
        /// The time that was given, if it is known.
        after: Option<Duration>,
    },
    /// Nothing listens at the server's address.
    Refused,
    /// The server's host name isn't known.
    Dns {
        /// The resolver's words.
        why: String,
    },
    /// The server's address can't be reached: no route, or the connection can't be made.
    Unreachable {
        /// The system's words.
        why: String,
    },
    /// TLS failed over a certificate.
    Certificate(BadCertificate),
    /// Something answered that isn't a Kubernetes API server.
    NotKubernetes {
        /// What answered instead, as the object of "it answered with …".
        what: String,
    },
    /// Kubernetes answered with an error that is none of the above.
    Server {
        /// The HTTP status.
        code: u16,
        /// The `reason` of the Status ("Conflict", "TooManyRequests" …), possibly empty.
        reason: String,
        /// The server's words.
        message: String,
        /// The causes in the Status's details, each in the server's words ("needs 10 healthy and has 9").
        causes: Vec<String>,
        /// What the Status is about, as its details name it ("poddisruptionbudgets"), possibly empty.
        kind: String,
        /// How long the server asks to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The connection was dropped before the answer was complete.
    CutOff {
        /// The transport's words.
        why: String,
    },
    /// The kubeconfig or the request itself can't be used.
    Config(String),
    /// The credentials couldn't be obtained: the exec plugin failed, or the token file can't be read.
    Auth {
        /// The plugin's command line, if it was a plugin.
        command: Option<String>,
        /// What went wrong: the plugin's standard error where it could be caught.
        message: String,
    },
}

/// What a 404 of Kubernetes was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The namespace.
    Namespace(String),
    /// An object.
    Object {
        /// Its resource with the API group ("statefulsets.apps"), as the server names it.
        resource: String,
        /// Its name.
        name: String,
    },
    /// The resource isn't served: a CustomResourceDefinition isn't installed, or the server is too old.
    Resource(String),
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCertificate {
    /// The server's certificate was issued by an authority that the kubeconfig doesn't trust.
    UnknownIssuer,
    /// The server's certificate has expired.
    Expired {
        /// When, in seconds of the Unix epoch.
        not_after: Option<u64>,
    },
    /// The server's certificate isn't valid yet: a clock is wrong.
    NotYetValid,
    /// The server's certificate is for other names.
    WrongName {
        /// The name that was asked for.
        expected: Option<String>,
        /// The names that the certificate is for.
        presented: Vec<String>,
    },
    /// The server refused our client certificate during the handshake.
    OursRefused(String),
    /// Anything else, in rustls' words.
    Other(String),
}

impl Failure {
    /// Whether the thing that was asked for doesn't exist (the object, its namespace, or its resource).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::NotFound { .. })
    }

    /// Whether the resource itself isn't served: a CRD that isn't installed, an API group that is too new.
    pub fn is_not_served(&self) -> bool {
        matches!(
            self,
            Failure::NotFound {
                what: Missing::Resource(_),
                ..
            }
        )
    }

    /// Whether our rights are what is missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Failure::Forbidden(_))
    }

    /// Whether a write was refused because the object isn't (any more) what the write supposed: a precondition, a
    /// resourceVersion or a `test` of a JSON patch that doesn't hold, or a name that is taken. Nothing was changed.
    pub fn is_conflict(&self) -> bool {
        match self {
            Failure::Server { code: 409, .. } => true,
            // What a patch that can't be applied gets; a patch that gives an invalid object names the object.
            Failure::Server { code: 422, message, .. } => message.contains(PATCH_DOES_NOT_FIT),
            _ => false,
        }
    }

    /// Whether a write that failed so may have been done all the same: its answer was lost. Whoever sent it must look.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Failure::CutOff { .. } | Failure::TimedOut { .. } => true,
            // A page of whatever stands before the server, which may have handed the request on.
            Failure::NotKubernetes { .. } => true,
            Failure::Server { code, message, .. } => {
                *code >= 500 && *code != 501 && !message.contains(WEBHOOK_FAILED) && !message.contains(UNKNOWN_FIELD)
            }
            Failure::Refused
            | Failure::Dns { .. }
            | Failure::Unreachable { .. }
            | Failure::Certificate(_)
            | Failure::Unauthorized { .. }
            | Failure::Auth { .. }
            | Failure::Forbidden(_)
            | Failure::NotFound { .. }
            | Failure::Config(_) => false,
        }
    }

    /// Whether the API server understood a write and won't do it, now or later: what is written is wrong for it. An admission policy
    /// may answer any 4xx, and an unknown field gets a 500.
    pub fn is_for_good(&self) -> bool {
        match self {
            Failure::Server { code, message, .. } => {
                ((400..500).contains(code) && !matches!(code, 408 | 409 | 429)) || message.contains(UNKNOWN_FIELD)
            }
            _ => false,
        }
    }

    /// Whether every other request would fail alike: there is no point in asking on.
    pub fn is_about_the_connection(&self) -> bool {
        match self {
            Failure::Refused
            | Failure::Dns { .. }
            | Failure::Unreachable { .. }
            | Failure::Certificate(_)
            | Failure::NotKubernetes { .. }
            | Failure::Unauthorized { .. }
            | Failure::Auth { .. } => true,
            Failure::Forbidden(_)
            | Failure::NotFound { .. }
            | Failure::TimedOut { .. }
            | Failure::Server { .. }
            | Failure::CutOff { .. }
            | Failure::Config(_) => false,
        }
    }
}

/// The first [`LONGEST_QUOTE`] characters of what a server or a plugin said, without surrounding blanks.
pub(crate) fn quoted(words: &str) -> String {
    let words = words.trim();
    match words.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}
