//! The arguments of `route-test`, and of the gate that is one.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum, ValueHint};

use super::Source;

/// `route-test`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl route-test                                  at the load balancer and every shard
  shardctl route-test --path '/lookup/{key}' --identity-header X-Served-By
  shardctl route-test --url https://shop.example.com/db --key-file keys.txt
  shardctl route-test --entry lb,shards,in-cluster --keys 1000
  shardctl route-test --save owners.json               before maintenance, and after it:
  shardctl route-test --compare owners.json
  shardctl route-test --probe 'exec:redis-cli role | head -1'    who is the writer?

First every pod is asked who it is: by identities that don't tell the pods apart nothing is judged.

Exit codes: 0 every key has one shard from every entry · 1 it hasn't, or a request failed ·
2 usage · 3 nobody said yes to a helper pod · 5 it couldn't be deleted · 7 it couldn't be judged: no
identity, an entry that couldn't be tried, a pod that was replaced meanwhile · 130 interrupted")]
pub struct RouteTest {
    /// What is tested.
    #[command(flatten)]
    pub test: Test,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: RouteTestOutput,
    /// Where the shards' image has neither curl nor wget, ask from inside by a helper pod of this image; it is deleted afterwards
    #[arg(long, value_name = "IMAGE", help_heading = "Which entries")]
    pub probe_image: Option<String>,
    /// Don't ask before a helper pod is made
    #[arg(short, long, requires = "probe_image", help_heading = "Which entries")]
    pub yes: bool,
    /// Write whose each key is to a file, for --compare
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Before and after")]
    pub save: Option<PathBuf>,
    /// With `demo`, ask the shards of the demo's cluster, where no request leaves this process
    #[arg(
        long,
        value_name = "demo",
        conflicts_with = "probe_image",
        help_heading = "Which shards"
    )]
    pub from: Option<Source>,
}

/// A route test as the words of a gate: `route-test --path '/lookup/{key}'`.
#[derive(Clone, Debug, Parser)]
#[command(name = "route-test", no_binary_name = true, disable_help_flag = true)]
pub struct RouteGate {
    /// What is tested.
    #[command(flatten)]
    pub test: Test,
}

/// What a route test tests.
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// The entries; separated by commas [default: lb,shards]
    #[arg(
        long = "entry",
        value_name = "WHAT",
        value_delimiter = ',',
        help_heading = "Which entries"
    )]
    pub entries: Vec<EntryName>,
    /// Also this address, for example an ingress; with {key} it is asked as it is, else --path comes after it; may be repeated
    #[arg(long = "url", value_name = "URL", help_heading = "Which entries")]
    pub urls: Vec<String>,
    /// The shards' port, by name or number [default: their only one, or the one named http]
    #[arg(long, value_name = "NAME|NUMBER", help_heading = "Which entries")]
    pub port: Option<String>,
    /// The host to ask for, at every entry but --url [default: the entry's own name]
    #[arg(long, value_name = "HOST", help_heading = "Which entries")]
    pub host: Option<String>,
    /// How many shards there should be [default: an integer minAvailable, then spec.replicas]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..), help_heading = "Which entries")]
    pub expect: Option<i32>,
    /// The cluster's DNS domain [default: from CoreDNS's configuration, or resolv.conf inside a shard]
    #[arg(long, value_name = "DOMAIN", help_heading = "Which entries")]
    pub cluster_domain: Option<String>,

    /// How shards are asked: http, tcp (is a connection taken?), or exec:CMD (a command inside each; its answer is the role)
    #[arg(long, value_name = "HOW", default_value = "http", help_heading = "What is asked")]
    pub probe: String,
    /// The method
    #[arg(long, value_name = "METHOD", default_value = "GET", help_heading = "What is asked")]
    pub method: String,
    /// The path; {key} stands for the key
    #[arg(long, value_name = "PATH", default_value = "/", help_heading = "What is asked")]
    pub path: String,
    /// The query; {key} stands for the key [default: key={key}, where nothing else holds it]
    #[arg(long, value_name = "QUERY", help_heading = "What is asked")]
    pub query: Option<String>,
    /// A header; {key} stands for the key; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = "What is asked")]
    pub headers: Vec<String>,
    /// The body; {key} stands for the key
    #[arg(long, value_name = "TEXT", help_heading = "What is asked")]
    pub body: Option<String>,
    /// The statuses that count as an answer; separated by commas [default: 200 to 299]
    #[arg(
        long = "expect-status",
        value_name = "STATUS",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(100..600),
        help_heading = "What is asked"
    )]
    pub expect_status: Vec<u16>,
    /// HTTP/2 instead of HTTP/1.1
    #[arg(long, help_heading = "What is asked")]
    pub http2: bool,

    /// So many made keys, the same in every run [default: 200]
    #[arg(long, value_name = "N", conflicts_with = "key_file", help_heading = "Which keys")]
    pub keys: Option<usize>,
    /// A file with a key a line; - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Which keys")]
    pub key_file: Option<PathBuf>,
    /// How often each key is asked about at each entry: two rounds see one that changes its mind
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Which keys")]
    pub rounds: u32,

    /// The header that says who served the request; may be repeated, the first that is there counts
    #[arg(long, value_name = "NAME", help_heading = "Who answers")]
    pub identity_header: Vec<String>,
    /// The place in a JSON body that says it, as a pointer (/shard/name); may be repeated
    #[arg(long, value_name = "POINTER", help_heading = "Who answers")]
    pub identity_json: Vec<String>,
    /// A regular expression whose first group finds it in the body; may be repeated [default: the name of a pod of the set]
    #[arg(long, value_name = "REGEX", help_heading = "Who answers")]
    pub identity_regex: Vec<String>,
    /// The header that says whose key it is, where that is told apart from who served it
    #[arg(long, value_name = "NAME", help_heading = "Who answers")]
    pub owner_header: Vec<String>,
    /// The place in a JSON body that says it
    #[arg(long, value_name = "POINTER", help_heading = "Who answers")]
    pub owner_json: Vec<String>,
    /// A regular expression whose first group finds it in the body
    #[arg(long, value_name = "REGEX", help_heading = "Who answers")]
    pub owner_regex: Vec<String>,

    /// Speak TLS, at every entry but --url
    #[arg(long, help_heading = "TLS")]
    pub tls: bool,
    /// Trust the authorities of this PEM file, and no others
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "insecure", help_heading = "TLS")]
    pub ca: Option<PathBuf>,
    /// Look at no certificate: anybody may be the one who answers
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,

    /// How many requests are under way at once
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "How fast")]
    pub concurrency: u16,
    /// How many requests a second at most; 0 for as many as --concurrency gives
    #[arg(long, value_name = "N", default_value = "200", help_heading = "How fast")]
    pub rate: u32,
    /// How long a connection may take, its name and TLS included, and then the answer as long again
    #[arg(long, value_name = "DURATION", default_value = "5s", help_heading = "How fast")]
    pub timeout: String,

    /// Hold whose each key is against a file of --save: none may have moved between shards that last
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Before and after")]
    pub compare: Option<PathBuf>,
}

/// Entries by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EntryName {
    /// The load balancers that lead to every shard
    Lb,
    /// Every shard, through a port-forward
    Shards,
    /// Every shard's DNS name, by curl or wget inside a shard
    InCluster,
}

/// The forms of `route-test`'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RouteTestOutput {
    /// A table of entries and owners, for people
    Text,
    /// JSON, described in docs/json.md
    Json,
    /// JUnit XML, for CI systems
    Junit,
}
