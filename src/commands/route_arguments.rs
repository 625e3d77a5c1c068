//! The arguments of a route test made into what is asked for, before any server is asked: a mistyped one costs nothing.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use sha2::Digest as _;

use super::Context;
use super::connection::policy;
use crate::cli::{EntryName, RouteGate, Test};
use crate::config::{duration, not_a_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::model::route::ask::{Ask, Probe};
use crate::model::route::identity::{Identity, Rule};
use crate::model::route::wire::{Http, Manner, Trust};
use crate::model::shell::words_of;
use crate::operations::route::{Asked, Pace};
use crate::plan::route::doors::{Port, Wanted};
use crate::plan::route::identity::Reader;
use crate::plan::route::keys::{self, Keys};
use crate::plan::route::owners::Owners;
use crate::plan::route::request::{KEY, sends_the_key};
use crate::plan::route::url::Url;
use crate::plan::verify::policy::Policy;

/// How many keys there are where nobody says: enough to see every shard of a few dozen.
const KEYS: usize = 200;

/// How much of a body is kept: an identity stands near its beginning.
const BODY_LIMIT: usize = 64 * 1024;

/// The flags that are keys of the configuration, too.
pub fn flags(test: &Test) -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("expect", super::words(test.expect.as_ref())),
        ("cluster-domain", super::words(test.cluster_domain.as_ref())),
    ]
}

/// What is asked for, of the set that is configured.
///
/// # Errors
/// A usage error for what is mistyped or contradicts itself, [`ErrorKind::File`] for a file that can't be read.
pub fn asked(context: &Context, test: &Test) -> Result<Asked> {
    let settings = &context.settings;
    Ok(Asked {
        statefulset: settings.word("statefulset").map(str::to_owned),
        judging: policy(context, &[])?,
        domain: settings.word("cluster-domain").map(str::to_owned),
        ..read(test)?
    })
}

/// What is asked for, of no set yet.
///
/// # Errors
/// A usage error for what is mistyped or contradicts itself, [`ErrorKind::File`] for a file that can't be read.
fn read(test: &Test) -> Result<Asked> {
    let probe = probe(test)?;
    let identity = identity(test);
    // Only to find a rule that can't be followed now, and not after the first request.
    Reader::new(&identity, "set", 0..1).map_err(|why| {
        Error::usage(format!("failed to read who answers: {why}")).hint("$ shardctl route-test --help")
    })?;
    let over_http = matches!(probe, Probe::Http(_));
    if !over_http && (test.keys.is_some() || test.key_file.is_some() || test.compare.is_some()) {
        return Err(Error::usage(format!("--probe {} asks about no key", test.probe))
            .hint("leave out --keys, --key-file, --save and --compare, or ask over HTTP"));
    }
    let by_command = matches!(probe, Probe::Exec(_));
    if by_command && !(test.entries.is_empty() && test.urls.is_empty() && test.port.is_none()) {
        return Err(
            Error::usage("--probe exec runs a command inside each shard, and asks no entry")
                .hint("leave out --entry, --url and --port"),
        );
    }
    let before = test.compare.as_deref().map(read_owners).transpose()?;
    let keys = match (over_http, &before) {
        // What was saved is what is to be compared.
        (true, Some((_, owners))) if test.keys.is_none() && test.key_file.is_none() => Keys {
            keys: owners.keys(),
            repeated: 0,
        },
        (true, _) => read_keys(test)?,
        (false, _) => Keys {
            keys: Vec::new(),
            repeated: 0,
        },
    };
    Ok(Asked {
        statefulset: None,
        judging: Policy::default(),
        domain: test.cluster_domain.clone(),
        words: words(test, &probe),
        doors: match by_command {
            true => Wanted {
                port: Some(Port::Unasked),
                lb: false,
                ..doors(test)?
            },
            false => doors(test)?,
        },
        notes: match keys.repeated {
            0 => Vec::new(),
            1 => vec!["a line repeated a key, and was left out".to_owned()],
            count => vec![format!("{count} lines repeated a key, and were left out")],
        },
        manner: manner(test)?,
        rounds: test.rounds,
        pace: Pace {
            concurrency: usize::from(test.concurrency),
            gap: match test.rate {
                0 => Duration::ZERO,
                rate => Duration::from_secs(1) / rate,
            },
        },
        before,
        probe,
        identity,
        keys: keys.keys,
    })
}

/// What a gate asks for: the words after `route-test`. Of which set, the operation knows.
///
/// # Errors
/// As [`asked()`], and a usage error for words that aren't arguments of a route test.
pub fn of_gate(words: &str) -> Result<Asked> {
    let refused = |why: String| {
        Error::usage(format!("this (--gate) is no route test: {why}"))
            .hint("for example --gate 'route-test --path /lookup/{key}'")
            .hint("$ shardctl route-test --help")
    };
    let arguments = words_of(words).ok_or_else(|| refused("a quote isn't closed".to_owned()))?;
    let gate = RouteGate::try_parse_from(arguments.iter().skip(1)).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        refused(first.trim_start_matches("error: ").to_owned())
    })?;
    if gate.test.expect.is_some() {
        return Err(refused(
            "how many shards there should be is said to the operation, with --expect".to_owned(),
        ));
    }
    read(&gate.test)
}

fn probe(test: &Test) -> Result<Probe> {
    match test.probe.split_once(':') {
        None if test.probe == "http" => Ok(Probe::Http(ask(test)?)),
        None if test.probe == "tcp" => Ok(Probe::Tcp),
        Some(("exec", command)) if !command.trim().is_empty() => Ok(Probe::Exec(command.to_owned())),
        _ => Err(
            Error::usage(format!("`{}` (--probe) is no way to ask a shard", test.probe))
                .hint("the ways are http, tcp, and exec:COMMAND, for example --probe 'exec:redis-cli role | head -1'"),
        ),
    }
}

fn ask(test: &Test) -> Result<Ask> {
    let mut ask = Ask {
        method: method(&test.method)?,
        path: test.path.clone(),
        query: test.query.clone().unwrap_or_default(),
        headers: test.headers.iter().map(|text| header(text)).collect::<Result<_>>()?,
        body: test.body.clone(),
        expect: test.expect_status.clone(),
    };
    let odd = |text: &str| text.contains(|c: char| !c.is_ascii() || c.is_control() || c == ' ' || c == '#');
    if !ask.path.starts_with('/') || ask.path.contains('?') || odd(&ask.path) {
        return Err(Error::usage(format!("`{}` (--path) is no path", ask.path))
            .hint("a path begins with /, and is percent-encoded; the query goes into --query"));
    }
    if odd(&ask.query) {
        return Err(Error::usage(format!("`{}` (--query) is no query", ask.query)).hint("it is percent-encoded"));
    }
    let urls_send_it =
        !test.urls.is_empty() && test.entries.is_empty() && test.urls.iter().all(|url| url.contains(KEY));
    if test.query.is_none() && !sends_the_key(&ask) && !urls_send_it {
        ask.query = format!("key={KEY}");
    }
    match sends_the_key(&ask) || urls_send_it {
        true => Ok(ask),
        false => Err(
            Error::usage("the key is sent nowhere: whatever came back would say nothing about it")
                .hint(format!("put {KEY} into --path, --query, --header or --body")),
        ),
    }
}

fn method(text: &str) -> Result<String> {
    let method = text.to_ascii_uppercase();
    match http::Method::from_bytes(method.as_bytes()) {
        Ok(known) if known != http::Method::CONNECT => Ok(method),
        _ => Err(Error::usage(format!("`{text}` (--method) is no method")).hint("for example GET, HEAD or POST")),
    }
}

fn header(text: &str) -> Result<(String, String)> {
    // What isn't a name may be a secret.
    let Some((name, value)) = text.split_once(':') else {
        return Err(Error::usage("a --header has no colon").hint("write it as 'NAME: VALUE'"));
    };
    let refused = || {
        let what = format!("the --header {} is none that can be sent", name.trim());
        Error::usage(what).hint("write it as 'NAME: VALUE', in one line")
    };
    let (name, value) = (name.trim(), value.trim());
    let fine = http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok();
    match name.to_ascii_lowercase().as_str() {
        "host" => Err(refused().hint("the host is said with --host")),
        "content-length" | "transfer-encoding" | "connection" => {
            Err(refused().hint("this one is set by the request itself"))
        }
        _ if fine => Ok((name.to_owned(), value.to_owned())),
        _ => Err(refused()),
    }
}

/// Headers, then pointers, then expressions.
fn identity(test: &Test) -> Identity {
    let rules = |headers: &[String], pointers: &[String], expressions: &[String]| {
        let headers = headers.iter().cloned().map(Rule::Header);
        let pointers = pointers.iter().cloned().map(Rule::Json);
        let expressions = expressions.iter().cloned().map(Rule::Regex);
        headers.chain(pointers).chain(expressions).collect()
    };
    Identity {
        served_by: rules(&test.identity_header, &test.identity_json, &test.identity_regex),
        owner: rules(&test.owner_header, &test.owner_json, &test.owner_regex),
    }
}

fn doors(test: &Test) -> Result<Wanted> {
    let urls = test.urls.iter().map(|text| {
        Url::parse(text).map_err(|why| {
            // A name and a password may stand before the host.
            let shown = text.rsplit_once('@').map_or(text.as_str(), |(_, host)| host);
            Error::usage(format!("`{shown}` (--url) can't be asked: {why}"))
                .hint("for example --url https://shop.example.com/db")
        })
    });
    let said = |entry: EntryName| test.entries.contains(&entry);
    let everything = test.entries.is_empty();
    Ok(Wanted {
        port: test.port.as_deref().map(port).transpose()?,
        tls: test.tls,
        host: test.host.as_deref().map(host).transpose()?,
        lb: said(EntryName::Lb) || everything,
        lb_said: said(EntryName::Lb),
        shards: said(EntryName::Shards) || everything,
        in_cluster: said(EntryName::InCluster),
        urls: urls.collect::<Result<_>>()?,
    })
}

fn port(text: &str) -> Result<Port> {
    match text.parse() {
        Ok(0) => Err(Error::usage("`0` (--port) is no port").hint("say it by its name or number")),
        Ok(number) => Ok(Port::Number(number)),
        Err(_) if text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::usage(format!("`{text}` (--port) is no port")).hint("say it by its name or number"))
        }
        Err(_) => Ok(Port::Name(text.to_owned())),
    }
}

fn host(text: &str) -> Result<String> {
    match text.parse::<http::uri::Authority>() {
        Ok(_) if !text.contains('@') => Ok(text.to_owned()),
        _ => Err(Error::usage(format!("`{text}` (--host) is no host")).hint("for example --host shop.example.com")),
    }
}

fn manner(test: &Test) -> Result<Manner> {
    let limit = duration(&test.timeout).ok_or_else(|| not_a_duration(&test.timeout, "--timeout"))?;
    if limit.is_zero() {
        return Err(Error::usage("a --timeout of 0 leaves no time for an answer").hint("for example --timeout 5s"));
    }
    Ok(Manner {
        http: if test.http2 { Http::Two } else { Http::One },
        trust: match (&test.ca, test.insecure) {
            (_, true) => Trust::Anybody,
            (Some(path), _) => Trust::Authorities(read_file(path, "the certificates")?),
            (None, false) => Trust::System,
        },
        connect_limit: limit,
        read_limit: limit,
        body_limit: BODY_LIMIT,
    })
}

fn read_keys(test: &Test) -> Result<Keys> {
    let Some(path) = &test.key_file else {
        return keys::made(test.keys.unwrap_or(KEYS)).map_err(|why| Error::usage(format!("{why} (--keys)")));
    };
    let place = match path.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let bytes = match path.as_os_str() == "-" {
        false => read_file(path, "the keys")?,
        true => {
            let mut bytes = Vec::new();
            // A key more than the most would be refused anyway.
            let most = (keys::MOST + 1) * (keys::LONGEST + 2);
            let read = std::io::stdin().lock().take(most as u64).read_to_end(&mut bytes);
            read.map_err(|error| file_error(format!("failed to read the keys from {place}: {error}")))?;
            bytes
        }
    };
    keys::read(&bytes).map_err(|why| file_error(format!("the keys of {place} can't be used: {why}")))
}

fn read_owners(path: &Path) -> Result<(String, Owners)> {
    let place = path.display().to_string();
    let text = String::from_utf8_lossy(&read_file(path, "the owners")?).into_owned();
    let owners = Owners::read(&text).map_err(|why| {
        file_error(format!("{place} can't be compared with: {why}"))
            .hint("a file of owners is what this writes:")
            .hint("$ shardctl route-test --save owners.json")
    })?;
    Ok((place, owners))
}

fn read_file(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| file_error(format!("failed to read {what} from {}: {error}", path.display())).because(error))
}

fn file_error(message: String) -> Error {
    Error::new(ErrorKind::File, message)
}

/// What tells two texts apart, and nothing of what they say.
fn fingerprint(text: &str) -> String {
    let digest = sha2::Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("of {} bytes, sha256 {hex}…", text.len())
}

/// What is asked and how it is read, a line each: two runs with the same lines can be compared.
fn words(test: &Test, probe: &Probe) -> Vec<String> {
    let Probe::Http(ask) = probe else {
        return vec![test.probe.clone()];
    };
    let target = match ask.query.is_empty() {
        true => ask.path.clone(),
        false => format!("{}?{}", ask.path, ask.query),
    };
    let mut lines = vec![format!("{} {target}", ask.method)];
    lines.extend(
        ask.headers
            .iter()
            .filter(|(_, value)| value.contains(KEY))
            .map(|(name, value)| format!("header {name}: {value}")),
    );
    // A body may hold a secret, and the file is meant to be kept.
    lines.extend(ask.body.iter().map(|body| format!("body {}", fingerprint(body))));
    let rules = [
        ("identity header", &test.identity_header),
        ("identity at", &test.identity_json),
        ("identity like", &test.identity_regex),
        ("owner header", &test.owner_header),
        ("owner at", &test.owner_json),
        ("owner like", &test.owner_regex),
    ];
    for (name, rules) in rules {
        lines.extend(rules.iter().map(|rule| format!("{name} {rule}")));
    }
    lines
}
