//! DNS questions: every name to every server, over port-forwards, inside a pod, by the system's resolver or to one address.
//!
//! Names are absolute, nothing is cached and no hosts file is read, so an answer is the server's own and of this moment.
//! Each question ends in exactly one [`Answer`]; whether an answer is right (or stale) is judged elsewhere.

mod answer;
mod exchange;
mod exec;
mod socket;
mod system;
#[cfg(test)]
mod test_server;
mod tool_output;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;

pub use exec::{by_exec, search_domain_in_pod};
pub use system::by_system;

use crate::model::dns::{Answer, Questions, Server, Vantage};
use crate::net::port_forward;

/// The port on which name servers answer, in a CoreDNS pod as everywhere.
pub const DNS_PORT: u16 = 53;

/// Servers asked at the same time; a cluster rarely has more CoreDNS replicas.
const SERVERS_AT_ONCE: usize = 16;

/// Which addresses are asked for. Dual-stack pods have both and are asked for [`Family::V4`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// A records.
    #[default]
    V4,
    /// AAAA records, for pods that have only an IPv6 address: asking them for A would read as NODATA.
    V6,
}

/// The names to ask for and how long to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Fully qualified names with their trailing dot; one without it is taken as absolute all the same.
    pub names: Vec<String>,
    /// For how long one question may go without an answer; opening a connection has the same limit.
    pub timeout: Duration,
    /// Which addresses are asked for.
    pub family: Family,
}

impl Ask {
    /// Asks for the IPv4 addresses of `names`.
    pub fn new(names: Vec<String>, timeout: Duration) -> Self {
        Self {
            names,
            timeout,
            family: Family::V4,
        }
    }
}

/// Asks every pod in `pods` (names of CoreDNS replicas in `namespace`) for every name, all pods at once.
///
/// One stream a pod carries all its questions over TCP, so `client` must speak HTTP/1.1. A stream that can't be opened or
/// dies leaves each unanswered name [`Answer::Unreachable`] with the API server's or the kubelet's words.
pub async fn over_port_forward(client: &kube::Client, namespace: &str, pods: &[String], ask: &Ask) -> Questions {
    let servers = futures::stream::iter(pods)
        .map(|pod| async move {
            let answers = match port_forward::open(client, namespace, pod, DNS_PORT, ask.timeout).await {
                Ok(stream) => exchange::over_stream(stream, ask, &ask.names).await,
                Err(error) => all_unreachable(ask, error.message()),
            };
            Server {
                name: format!("pod/{pod}"),
                answers,
            }
        })
        .buffer_unordered(SERVERS_AT_ONCE)
        .collect()
        .await;
    in_order(Vantage::PortForward, servers)
}

/// Asks the server at `address` over UDP, and again over TCP what came back truncated.
pub async fn by_server(address: SocketAddr, ask: &Ask) -> Questions {
    let answers = socket::ask_server(address, ask).await;
    let vantage = Vantage::Server {
        address: address.to_string(),
    };
    in_order(
        vantage,
        vec![Server {
            name: address.to_string(),
            answers,
        }],
    )
}

/// The record of what was asked, with the servers in the order of their names.
fn in_order(vantage: Vantage, mut servers: Vec<Server>) -> Questions {
    servers.sort_by(|a, b| a.name.cmp(&b.name));
    Questions { vantage, servers }
}

/// No question could be put, for one and the same reason.
fn all_unreachable(ask: &Ask, why: &str) -> BTreeMap<String, Answer> {
    ask.names
        .iter()
        .map(|name| (name.clone(), Answer::Unreachable { why: why.to_owned() }))
        .collect()
}
