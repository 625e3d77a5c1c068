//! A host's addresses, as every program on this machine finds them; and why there are none.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Course, Limit, in_ms};
use crate::model::dns;
use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;
use crate::net::dns::{Ask, by_system};

/// The addresses of `host`, which may be one itself.
pub(super) async fn addresses(host: &str, limit: Limit, course: &mut Course) -> Result<Vec<IpAddr>, Failed> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let found = from_system(host, limit).await?;
    course.resolved();
    Ok(found)
}

/// By the system's own call, with its hosts file and search list. It doesn't say why a name has no address: then a question of
/// our own to the same servers does.
async fn from_system(host: &str, limit: Limit) -> Result<Vec<IpAddr>, Failed> {
    let error = match timeout_at(limit.until, tokio::net::lookup_host((host, 0))).await {
        Err(_) => return Err(timed_out(host, limit.whole)),
        Ok(Ok(found)) => {
            let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
            if found.is_empty() {
                return Err(no_data(host));
            }
            return Ok(found);
        }
        Ok(Err(error)) => error,
    };
    let left = limit.until.saturating_duration_since(Instant::now());
    match read(host, by_system(&Ask::new(vec![absolute(host)], left)).await) {
        Err(failed) if failed.class == Failure::DnsTimeout => Err(timed_out(host, limit.whole)),
        Err(failed) => Err(failed),
        Ok(_) => Err(Failed::new(
            Failure::DnsServfail,
            format!("failed to look {host} up: {error}"),
        )),
    }
}

fn absolute(host: &str) -> String {
    format!("{}.", host.trim_end_matches('.'))
}

fn read(host: &str, questions: dns::Questions) -> Result<Vec<IpAddr>, Failed> {
    let answer = questions
        .servers
        .into_iter()
        .next()
        .and_then(|server| server.answers.into_values().next());
    addresses_in(host, answer)
}

/// What an answer about `host` comes to.
pub(super) fn addresses_in(host: &str, answer: Option<dns::Answer>) -> Result<Vec<IpAddr>, Failed> {
    match answer {
        Some(dns::Answer::Addresses { addresses, .. }) => Ok(addresses),
        Some(dns::Answer::NxDomain) => Err(Failed::new(
            Failure::DnsNxdomain,
            format!("{host} doesn't exist (NXDOMAIN)"),
        )),
        Some(dns::Answer::NoData) => Err(no_data(host)),
        Some(dns::Answer::ServerError { code }) => Err(Failed::new(
            Failure::DnsServfail,
            format!("the name server answered {code} for {host}"),
        )),
        Some(dns::Answer::TimedOut { after_ms }) => Err(timed_out(host, Duration::from_millis(after_ms))),
        Some(dns::Answer::Unreachable { why }) => Err(Failed::new(Failure::DnsServfail, why)),
        None => Err(Failed::new(
            Failure::DnsServfail,
            format!("no name server was asked for {host}"),
        )),
    }
}

fn no_data(host: &str) -> Failed {
    Failed::new(Failure::DnsNodata, format!("{host} has no address (NODATA)"))
}

fn timed_out(host: &str, limit: Duration) -> Failed {
    Failed::new(
        Failure::DnsTimeout,
        format!("no answer about {host} within {}", in_ms(limit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_why_a_name_has_no_address_is_of_its_own_class() {
        let code = "SERVFAIL".to_owned();
        for (answer, class, words) in [
            (
                dns::Answer::NxDomain,
                Failure::DnsNxdomain,
                "lb.example.com doesn't exist",
            ),
            (dns::Answer::NoData, Failure::DnsNodata, "lb.example.com has no address"),
            (dns::Answer::ServerError { code }, Failure::DnsServfail, "SERVFAIL"),
            (
                dns::Answer::TimedOut { after_ms: 500 },
                Failure::DnsTimeout,
                "within 500 ms",
            ),
        ] {
            let failed = addresses_in("lb.example.com", Some(answer)).expect_err(words);
            assert_eq!(failed.class, class, "{failed:?}");
            assert!(failed.words.contains(words), "{failed:?}");
        }
    }
}
