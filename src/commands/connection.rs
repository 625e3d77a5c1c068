//! From configuration to a connection, and to the policy that checks judge by.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{Context, again};
use crate::cluster::connect::{Connection, Target, connect};
use crate::config::Said;
use crate::error::{Error, Result};
use crate::model::asked;
use crate::model::report::Phase;
use crate::nearest::no_such;
use crate::operations::observe::{DnsMode, Wanted};
use crate::plan::verify::CHECKS;
use crate::plan::verify::policy::{self, Policy};

/// How long one request may take where nobody says otherwise: long for a healthy server, short for somebody who waits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one DNS question may take where nobody says otherwise.
const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects as configured.
///
/// # Errors
/// What [`connect`] says, and usage errors of the configuration.
pub async fn open(context: &Context) -> Result<Connection> {
    open_in(context, context.settings.word("namespace")).await
}

/// Connects as configured, to another namespace than the configured one.
///
/// # Errors
/// As [`open`].
pub async fn open_in(context: &Context, namespace: Option<&str>) -> Result<Connection> {
    let settings = &context.settings;
    if let Some(client) = &context.within {
        let namespace = namespace.unwrap_or_else(|| client.default_namespace());
        return Ok(Connection::to_a_rehearsal(client.clone(), namespace));
    }
    let target = Target {
        kubeconfig: settings.word("kubeconfig").map(PathBuf::from),
        context: settings.word("context").map(str::to_owned),
        namespace: namespace.map(str::to_owned),
        as_user: settings.word("as").map(str::to_owned),
        as_groups: settings.words("as-group").to_vec(),
        request_timeout: settings.duration("request-timeout", REQUEST_TIMEOUT)?,
    };
    connect(&target).await
}

/// The policy as configured; `only` are the ids of `--only`.
///
/// # Errors
/// A usage error for an id that no check has, or for more shards than a set can have.
pub fn policy(context: &Context, only: &[String]) -> Result<Policy> {
    let settings = &context.settings;
    let mut kubectl_flags = Vec::new();
    for name in ["kubeconfig", "context", "as", "as-group"] {
        for word in settings.words(name) {
            kubectl_flags.extend([format!("--{name}"), word.to_owned()]);
        }
    }
    Ok(Policy {
        expect: settings.said("expect").map(expect).transpose()?,
        phase: settings.said("phase").and_then(phase),
        only: ids(only, "--only")?,
        skip: match settings.said("skip") {
            Some(said) => ids(&said.words, &said.origin.to_string())?,
            None => BTreeSet::new(),
        },
        kubectl_flags,
        shardctl_flags: again::flags(context),
    })
}

/// How many shards somebody said that there should be: no more than a set can have, since every one of them is looked for.
fn expect(said: &Said) -> Result<policy::Said<i32>> {
    let origin = said.origin.to_string();
    let count = asked::count("shards", &said.words.concat());
    let value = count.and_then(|count| i32::try_from(count).map_err(|error| error.to_string()));
    match value {
        Ok(value) => Ok(policy::Said { value, origin }),
        Err(why) => Err(Error::usage(format!("{why} ({origin})"))),
    }
}

fn phase(said: &Said) -> Option<policy::Said<Phase>> {
    let value = match said.words.first()?.as_str() {
        "stable" => Phase::Stable,
        "explore" => Phase::Explore,
        _ => return None,
    };
    Some(policy::Said {
        value,
        origin: said.origin.to_string(),
    })
}

fn ids(words: &[String], place: &str) -> Result<BTreeSet<String>> {
    let known: Vec<&str> = CHECKS.iter().map(|check| check.about.id).collect();
    words
        .iter()
        .map(|word| word.trim().to_uppercase())
        .filter(|word| !word.is_empty())
        .map(|word| {
            if known.contains(&word.as_str()) {
                Ok(word)
            } else {
                Err(no_such("check", &word, &known, &format!(" ({place})")).hint("$ shardctl explain"))
            }
        })
        .collect()
}

/// What to look at, for the checks that `policy` wants.
///
/// # Errors
/// A usage error for a way of asking name servers that doesn't exist.
pub fn wanted(context: &Context, policy: Policy, probe_protection: bool) -> Result<Wanted> {
    let settings = &context.settings;
    let asks_names = CHECKS
        .iter()
        .any(|check| check.about.id.starts_with("DNS-") && check.about.id != "DNS-01" && policy.wants(check.about.id));
    let mode = match settings.said("dns") {
        Some(said) => dns_mode(said)?,
        None => DnsMode::Default,
    };
    Ok(Wanted {
        statefulset: settings.word("statefulset").map(str::to_owned),
        dns: asks_names.then_some(mode),
        dns_timeout: settings.duration("dns-timeout", DNS_TIMEOUT)?,
        room: false,
        usage: false,
        domain: settings.word("cluster-domain").map(str::to_owned),
        logs: policy.wants("POD-01"),
        probe_protection,
        policy,
    })
}

fn dns_mode(said: &Said) -> Result<DnsMode> {
    let word = said.words.first().map(String::as_str).unwrap_or_default();
    match word {
        "port-forward" => Ok(DnsMode::PortForward),
        "exec" => Ok(DnsMode::Exec),
        "system" => Ok(DnsMode::System),
        _ => {
            let address = word.parse().ok();
            let with_port = || word.parse().ok().map(|ip: std::net::IpAddr| (ip, 53).into());
            address.or_else(with_port).map(DnsMode::Server).ok_or_else(|| {
                Error::usage(format!("`{word}` ({}) is no way to ask name servers", said.origin))
                    .hint("the ways are port-forward, exec, system, or the IP:PORT of a server")
            })
        }
    }
}
