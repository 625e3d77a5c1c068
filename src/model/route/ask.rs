//! What is asked about a key, as a template in which `{key}` stands for it.

/// How shards are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A request over HTTP.
    Http(Ask),
    /// Only whether a connection is taken.
    Tcp,
    /// A command inside each shard's container, through a shell; what it writes is the answer.
    Exec(String),
}

/// A request over HTTP, about any key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The method.
    pub method: String,
    /// The path, with a leading slash; `{key}` stands for the key, percent-encoded as one segment.
    pub path: String,
    /// The query without its question mark; `{key}` stands for the key, percent-encoded. Empty for none.
    pub query: String,
    /// The headers, name and value; `{key}` in a value stands for the key as it is.
    pub headers: Vec<(String, String)>,
    /// The body; `{key}` stands for the key as it is.
    pub body: Option<String>,
    /// The statuses that count as an answer. Empty: any of 200 to 299.
    pub expect: Vec<u16>,
}
