//! Name servers' answers beside what they should be: right, wrong in which way, not seen; and whether a wrong one may still
//! be a cache's that hasn't run out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};

use super::endpoints::Endpoint;
use crate::model::dns::{Answer, Questions, Vantage};
use crate::model::pod;
use crate::plan::verify::seen::Seen;

/// For how many seconds CoreDNS lets its answers be kept where its configuration doesn't say (plugin/kubernetes, `ttl`).
const DEFAULT_TTL: u32 = 5;

/// How an answer compares with what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// Exactly the addresses that it should give.
    Right,
    /// Other addresses, or none; in words, with how long a cache may keep it.
    Wrong { words: String, ttl: u32 },
    /// The server failed to answer: an error code, or silence; in words.
    Failed(String),
    /// The question wasn't put, or says nothing here: a clause.
    Unseen(String),
}

/// Compares an answer with the addresses that it should give. None of them means that the name shouldn't exist.
pub(super) fn compare(answer: Option<&Answer>, wanted: &BTreeSet<IpAddr>) -> Compared {
    let only_v6 = !wanted.is_empty() && wanted.iter().all(IpAddr::is_ipv6);
    match answer {
        None => Compared::Unseen("it wasn't asked".to_owned()),
        Some(Answer::Unreachable { why }) => Compared::Unseen(why.clone()),
        Some(Answer::TimedOut { after_ms }) => Compared::Failed(format!("timed out after {after_ms} ms")),
        Some(Answer::ServerError { code }) => Compared::Failed(code.clone()),
        Some(Answer::NxDomain | Answer::NoData) if wanted.is_empty() => Compared::Right,
        Some(Answer::NxDomain) => Compared::Wrong {
            words: "NXDOMAIN".to_owned(),
            ttl: 0,
        },
        Some(Answer::NoData) if only_v6 => {
            Compared::Unseen("it was asked for IPv4 addresses, and there are only IPv6 ones".to_owned())
        }
        Some(Answer::NoData) => Compared::Wrong {
            words: "NODATA".to_owned(),
            ttl: 0,
        },
        Some(Answer::Addresses { addresses, ttl }) => {
            let got: BTreeSet<IpAddr> = addresses.iter().copied().collect();
            let asked_v4 = got.iter().any(IpAddr::is_ipv4);
            let asked_v6 = got.iter().any(IpAddr::is_ipv6);
            let family = |one: &&IpAddr| if one.is_ipv4() { asked_v4 } else { asked_v6 };
            if !got.is_empty() && got.iter().eq(wanted.iter().filter(family)) {
                return Compared::Right;
            }
            Compared::Wrong {
                words: joined(&got),
                ttl: ttl.unwrap_or(0),
            }
        }
    }
}

/// Addresses as words.
pub(super) fn joined(addresses: &BTreeSet<IpAddr>) -> String {
    let words: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    words.join(", ")
}

/// Addresses as they are compared; what isn't one is left out.
pub(super) fn parsed<'a>(addresses: impl IntoIterator<Item = &'a str>) -> BTreeSet<IpAddr> {
    addresses.into_iter().filter_map(|one| one.parse().ok()).collect()
}

/// The addresses that name servers should give for the service itself.
pub(super) fn published(endpoints: &[Endpoint<'_>]) -> BTreeSet<IpAddr> {
    parsed(endpoints.iter().filter(|one| one.ready).map(|one| one.address))
}

/// From where the answers come, for the line of a passing check.
pub(super) fn vantage_words(questions: &Questions) -> String {
    match &questions.vantage {
        Vantage::PortForward => match questions.servers.len() {
            1 => "the one CoreDNS replica".to_owned(),
            count => format!("each of {count} CoreDNS replicas"),
        },
        Vantage::Exec { pod } => format!("the name server as pod/{pod} sees it (not every replica)"),
        Vantage::System => "the resolver of the place where shardctl runs (not every replica)".to_owned(),
        Vantage::Server { address } => format!("the server {address} (not every replica)"),
    }
}

/// For how many seconds a CoreDNS answer may be kept, by its configuration.
pub(super) fn record_ttl(config: &[ConfigMap]) -> u32 {
    let files = config.iter().flat_map(|map| map.data.iter().flatten());
    files.filter_map(|(_, text)| ttl_of(text)).max().unwrap_or(DEFAULT_TTL)
}

/// `ttl N` in a `kubernetes` block of a Corefile.
fn ttl_of(corefile: &str) -> Option<u32> {
    let mut inside = false;
    for line in corefile.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        match words.next() {
            Some("kubernetes") => inside = line.ends_with('{'),
            Some("ttl") if inside => return words.next()?.parse().ok(),
            Some("}") => inside = false,
            _ => {}
        }
    }
    None
}

/// Until when an answer that is `ttl` seconds from running out may still be of the time before `changed`; none where it
/// can't be. Every answer of before is out of every cache once the records' time to live has passed since the change.
pub(super) fn converges_in(seen: &Seen<'_>, changed: Option<Timestamp>, ttl: u32) -> Option<u32> {
    let config = seen.snapshot.dns_config.got().map(Vec::as_slice).unwrap_or_default();
    let lifetime = record_ttl(config).max(ttl);
    let passed = seen.now().duration_since(changed?);
    // Times of objects are whole seconds, so a change may be up to a second younger than it is written.
    let left = SignedDuration::from_secs(i64::from(lifetime) + 1).checked_sub(passed)?;
    (left > SignedDuration::ZERO && passed > SignedDuration::from_secs(-60)).then(|| lifetime.max(DEFAULT_TTL))
}

/// When something about a pod last changed that its name may follow.
pub(super) fn changed(found: &Pod) -> Option<Timestamp> {
    let conditions = found
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let transitions = conditions.filter_map(|condition| condition.last_transition_time.as_ref());
    let made = found.metadata.creation_timestamp.as_ref();
    let since = if pod::is_terminating(found) {
        pod::since(found)
    } else {
        None
    };
    transitions.chain(made).map(|time| time.0).chain(since).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let wanted = parsed(["10.0.0.1", "fd00::1"]);
        let addresses = |list: &[&str]| Answer::Addresses {
            addresses: list.iter().map(|one| one.parse().unwrap()).collect(),
            ttl: Some(5),
        };
        let wrong = |words: &str, ttl| Compared::Wrong {
            words: words.to_owned(),
            ttl,
        };
        assert_eq!(compare(Some(&addresses(&["10.0.0.1"])), &wanted), Compared::Right);
        assert_eq!(compare(Some(&addresses(&["fd00::1"])), &wanted), Compared::Right);
        assert_eq!(compare(Some(&addresses(&["10.0.0.2"])), &wanted), wrong("10.0.0.2", 5));
        let both = addresses(&["10.0.0.1", "10.0.0.2"]);
        assert_eq!(compare(Some(&both), &wanted), wrong("10.0.0.1, 10.0.0.2", 5));
        assert_eq!(compare(Some(&addresses(&[])), &wanted), wrong("", 5));
        assert_eq!(compare(Some(&Answer::NxDomain), &wanted), wrong("NXDOMAIN", 0));
        assert_eq!(compare(Some(&Answer::NxDomain), &parsed([])), Compared::Right);
        assert_eq!(compare(Some(&Answer::NoData), &wanted), wrong("NODATA", 0));
        assert!(matches!(
            compare(Some(&Answer::NoData), &parsed(["fd00::1"])),
            Compared::Unseen(_)
        ));
        assert!(matches!(compare(None, &wanted), Compared::Unseen(_)));
        let servfail = Answer::ServerError {
            code: "SERVFAIL".to_owned(),
        };
        assert_eq!(
            compare(Some(&servfail), &wanted),
            Compared::Failed("SERVFAIL".to_owned())
        );
    }

    #[test]
    fn the_time_to_live_is_that_of_the_kubernetes_block() {
        let corefile = ".:53 {\n  errors\n  file x {\n    ttl 99\n  }\n  kubernetes cluster.local in-addr.arpa {\n    # ttl 7\n    pods insecure\n    ttl 30\n  }\n  cache 30\n}\n";
        assert_eq!(ttl_of(corefile), Some(30));
        assert_eq!(
            ttl_of(".:53 {\n  kubernetes cluster.local\n  forward . x {\n    ttl 3\n  }\n}\n"),
            None
        );
        assert_eq!(record_ttl(&[]), 5);
    }
}
