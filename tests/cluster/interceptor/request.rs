//! What an interceptor writes down of a request.

use serde_json::Value;
use std::fmt;
use std::time::Instant;

/// One request, as the client sent it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counted from 0, in the order they came.
    pub number: usize,
    /// When it came.
    pub at: Instant,
    /// HTTP/1.1 or HTTP/2.
    pub version: http::Version,
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, or "".
    pub query: String,
    /// What it carries, `null` when that is nothing or no JSON.
    pub body: Value,
    /// The HTTP code that the API server answered, or a rule in its place. The client may not have got it.
    pub answered: Option<u16>,
}

impl Request {
    /// True for a DELETE of the object that `path` ends with ("pods/shard-2"), dry runs left out.
    pub fn deletes(&self, path: &str) -> bool {
        self.method == "DELETE" && !self.is_dry_run() && self.path.ends_with(&format!("/{path}"))
    }

    /// True for a watch.
    pub fn is_watch(&self) -> bool {
        self.asks("watch", &["true", "1"])
    }

    /// True when the API server is to change nothing: as the options in the body say, or the query. Of a DELETE that
    /// carries options, the API server ignores the query.
    pub fn is_dry_run(&self) -> bool {
        let options = ["/dryRun", "/deleteOptions/dryRun"];
        let said = options
            .iter()
            .filter_map(|pointer| self.body.pointer(pointer)?.as_array());
        let query_counts = self.method != "DELETE" || self.body.is_null();
        said.flatten().any(|value| value == "All") || (query_counts && self.asks("dryRun", &["All"]))
    }

    /// True when it is to change something: no read, no dry run, and no review, which is a question sent by POST.
    pub fn is_write(&self) -> bool {
        let reads = ["GET", "HEAD", "OPTIONS"].contains(&self.method.as_str());
        let reviews = self.method == "POST" && self.path.ends_with("reviews");
        !reads && !reviews && !self.is_dry_run()
    }

    fn asks(&self, key: &str, values: &[&str]) -> bool {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(name, value)| name == key && values.contains(&value))
    }
}

impl fmt::Display for Request {
    /// "DELETE /api/v1/namespaces/…?query -> 200", for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.query.is_empty() { "" } else { "?" };
        write!(f, "{} {}{mark}{} -> ", self.method, self.path, self.query)?;
        match self.answered {
            Some(code) => write!(f, "{code}"),
            None => f.write_str("unanswered"),
        }
    }
}
