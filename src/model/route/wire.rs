//! One request as it goes over the wire, and the manner in which all of a run are sent.

use std::time::Duration;

/// One request about one key to one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, encoded, with a leading slash.
    pub target: String,
    /// The Host header (`:authority` over HTTP/2).
    pub host: String,
    /// The other headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The headers of the answer to keep, in lower case.
    pub keep: Vec<String>,
}

/// How requests are sent, the same for a whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// The version of HTTP.
    pub http: Http,
    /// Whom to trust where TLS is spoken.
    pub trust: Trust,
    /// How long a connection may take to be there, its name's address and TLS included.
    pub connect_limit: Duration,
    /// How long an answer may take from there, until it is whole.
    pub read_limit: Duration,
    /// How many bytes of a body are kept; what comes after it is not read.
    pub body_limit: usize,
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP/1.1.
    One,
    /// HTTP/2, by ALPN with TLS, by prior knowledge without.
    Two,
}

/// Whom to trust where TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    System,
    /// The authorities of a file, in PEM.
    Authorities(Vec<u8>),
    /// Anybody: the certificate isn't looked at.
    Anybody,
}
