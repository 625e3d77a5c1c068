//! The classes of failure of a route test: one id each, the same in every output.

use serde::Serialize;

use crate::model::finding::Severity;

/// What went wrong with a request, an answer, or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The name doesn't exist.
    DnsNxdomain,
    /// The name exists and has no address.
    DnsNodata,
    /// The name server failed.
    DnsServfail,
    /// The name server didn't answer.
    DnsTimeout,
    /// The API server or the kubelet couldn't open the way into the pod: it says nothing of the shard.
    ApiTunnel,
    /// Nothing listens.
    ConnectRefused,
    /// No connection within the time.
    ConnectTimeout,
    /// The connection was cut before the answer was whole.
    Reset,
    /// TLS wasn't agreed on: a certificate that isn't trusted, or no TLS there.
    Tls,
    /// A status from 400 to 499, or one that isn't expected below 500.
    #[serde(rename = "http-4xx")]
    Http4xx,
    /// A status from 500 on.
    #[serde(rename = "http-5xx")]
    Http5xx,
    /// Connected, and no whole answer within the time.
    ReadTimeout,
    /// The answer doesn't say who served it.
    NoIdentity,
    /// The answer names somebody who is no shard of the set.
    UnknownIdentity,
    /// A shard was asked, and the answer is another's, who isn't the key's owner either.
    EntryMismatch,
    /// A shard answered a key that is another's by the answer's own word.
    WrongOwner,
    /// Entries differ over the key's owner.
    Disagreement,
    /// One entry gives the key to several shards, by turns.
    Flapping,
}

impl Failure {
    /// Every class, in the order of the documentation.
    pub const ALL: [Failure; 18] = [
        Failure::DnsNxdomain,
        Failure::DnsNodata,
        Failure::DnsServfail,
        Failure::DnsTimeout,
        Failure::ApiTunnel,
        Failure::ConnectRefused,
        Failure::ConnectTimeout,
        Failure::Reset,
        Failure::Tls,
        Failure::Http4xx,
        Failure::Http5xx,
        Failure::ReadTimeout,
        Failure::NoIdentity,
        Failure::UnknownIdentity,
        Failure::EntryMismatch,
        Failure::WrongOwner,
        Failure::Disagreement,
        Failure::Flapping,
    ];

    /// Its id in output.
    pub const fn id(self) -> &'static str {
        match self {
            Failure::DnsNxdomain => "dns-nxdomain",
            Failure::DnsNodata => "dns-nodata",
            Failure::DnsServfail => "dns-servfail",
            Failure::DnsTimeout => "dns-timeout",
            Failure::ApiTunnel => "api-tunnel",
            Failure::ConnectRefused => "connect-refused",
            Failure::ConnectTimeout => "connect-timeout",
            Failure::Reset => "reset",
            Failure::Tls => "tls",
            Failure::Http4xx => "http-4xx",
            Failure::Http5xx => "http-5xx",
            Failure::ReadTimeout => "read-timeout",
            Failure::NoIdentity => "no-identity",
            Failure::UnknownIdentity => "unknown-identity",
            Failure::EntryMismatch => "entry-mismatch",
            Failure::WrongOwner => "wrong-owner",
            Failure::Disagreement => "disagreement",
            Failure::Flapping => "flapping",
        }
    }

    /// How much it matters. A way in that couldn't be opened says nothing of the shard: what it was to show is unknown.
    pub const fn severity(self) -> Severity {
        match self {
            Failure::ApiTunnel => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_what_json_says() {
        for failure in Failure::ALL {
            assert_eq!(serde_json::to_value(failure).unwrap(), failure.id());
        }
    }
}
