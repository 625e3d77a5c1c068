//! What name servers answered: one record a server, one answer a name. Judged by `plan`, asked by `net`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Whether an object with these labels is of the cluster's name server: kubeadm, AKS, EKS and GKE all give its pods, and the
/// Deployment that makes them, this label.
pub fn is_name_server(labels: Option<&BTreeMap<String, String>>) -> bool {
    labels.and_then(|labels| labels.get("k8s-app")).map(String::as_str) == Some("kube-dns")
}

/// From where the names were asked; a pass holds only for the place it was seen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vantage {
    /// Through a port-forward to TCP 53 of each CoreDNS pod.
    PortForward,
    /// By a command inside a pod of the set.
    Exec {
        /// The pod that was asked to look the names up.
        pod: String,
    },
    /// By the resolver configuration of the machine or pod that shardctl runs on.
    System,
    /// By one server that was named.
    Server {
        /// `IP:PORT`.
        address: String,
    },
}

/// One server's answer to a question for one name's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// NOERROR with addresses, sorted.
    Addresses {
        /// The addresses, ascending.
        addresses: Vec<IpAddr>,
        /// Seconds for which a cache may keep the answer, the smallest of the records; `None` where the tool that
        /// asked doesn't say (nslookup and getent inside a pod).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl: Option<u32>,
    },
    /// NXDOMAIN: the server knows of no such name.
    NxDomain,
    /// NOERROR without a record of the asked type: the name exists, its address doesn't.
    NoData,
    /// SERVFAIL, REFUSED or another error code, in the server's words.
    ServerError {
        /// The response code's name, for example `SERVFAIL`.
        code: String,
    },
    /// No answer within the time limit.
    TimedOut {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// The question could not be put: the connection failed before an answer.
    Unreachable {
        /// Why, in a sentence without a full stop.
        why: String,
    },
}

/// What one server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// `pod/coredns-abc`, `IP:PORT` or the resolver's description.
    pub name: String,
    /// The answer to each fully qualified name (with its trailing dot).
    pub answers: BTreeMap<String, Answer>,
}

/// Everything that was asked of name servers in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Questions {
    /// From where.
    pub vantage: Vantage,
    /// Every server that was asked, in the order of their names.
    pub servers: Vec<Server>,
}

impl Questions {
    /// Whether any server answered at all, be it that there is no such name.
    pub fn has_an_answer(&self) -> bool {
        let of_a_server = |answer: &Answer| match answer {
            Answer::Addresses { .. } | Answer::NxDomain | Answer::NoData | Answer::ServerError { .. } => true,
            Answer::TimedOut { .. } | Answer::Unreachable { .. } => false,
        };
        self.servers
            .iter()
            .flat_map(|server| server.answers.values())
            .any(of_a_server)
    }
}
