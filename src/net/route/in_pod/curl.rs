//! curl's command line for a request, and what it wrote about the answer.

use std::time::Duration;

use super::{Errand, timed_out};
use crate::model::route::answer::{Answer, Failed, Timing};
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Http, Trust};
use crate::net::exec::{End, Ran};

/// Comes after the body; what follows it are times in seconds since the start.
const MARK: &str = "\n--shardctl-times-- ";

pub(super) fn command(errand: &Errand<'_>) -> Vec<String> {
    let (request, manner) = (errand.request, errand.manner);
    let seconds = |limit: Duration| format!("{:.3}", limit.as_secs_f64());
    let http = match (manner.http, errand.tls.is_some()) {
        (Http::One, _) => "--http1.1",
        (Http::Two, true) => "--http2",
        (Http::Two, false) => "--http2-prior-knowledge",
    };
    let mut words: Vec<String> = ["curl", "--silent", "--show-error", "--include", http]
        .map(str::to_owned)
        .to_vec();
    let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    add("--connect-timeout", seconds(manner.connect_limit));
    add("--max-time", seconds(manner.connect_limit + manner.read_limit));
    add(
        "--write-out",
        format!(
            "{MARK}%{{time_namelookup}} %{{time_connect}} %{{time_appconnect}} %{{time_starttransfer}} %{{time_total}}\n"
        ),
    );
    // A proxy of the image's environment isn't the way that shards take.
    add("--noproxy", "*".to_owned());
    add("--header", format!("Host: {}", request.host));
    for (name, value) in &request.headers {
        add("--header", format!("{name}: {value}"));
    }
    if let Some(body) = &request.body {
        add("--data-raw", String::from_utf8_lossy(body).into_owned());
    }
    if request.method == "HEAD" {
        words.push("--head".to_owned());
    } else {
        words.extend(["--request".to_owned(), request.method.clone()]);
    }
    if matches!(manner.trust, Trust::Anybody) {
        words.push("--insecure".to_owned());
    }
    let (name, port) = (errand.name, errand.port);
    let url = match errand.tls {
        None => format!("http://{name}:{port}{}", request.target),
        // The certificate must have this name, whoever is asked.
        Some(host) if host != name => {
            words.extend(["--connect-to".to_owned(), format!("::{name}:{port}")]);
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.to_owned()
            };
            format!("https://{host}:{port}{}", request.target)
        }
        Some(_) => format!("https://{name}:{port}{}", request.target),
    };
    // Braces and brackets in a key are no patterns.
    words.extend(["--globoff".to_owned(), url]);
    words
}

/// What can't be run where there is no curl.
pub(super) fn is_there() -> Vec<String> {
    ["curl", "--version"].map(str::to_owned).to_vec()
}

pub(super) fn read(ran: &Ran, errand: &Errand<'_>) -> (Result<Answer, Failed>, Timing) {
    let (written, times) = match ran.stdout.rsplit_once(MARK) {
        Some((written, times)) => (written, Some(times)),
        None => (ran.stdout.as_str(), None),
    };
    let timing = times.map(timing).unwrap_or_default();
    let result = match &ran.end {
        End::TimedOut => Err(timed_out(errand.manner)),
        End::Failed(words) => Err(failure(words)),
        End::Success => answer(written, errand),
    };
    (result, timing)
}

/// The head and the body that `--include` writes; what came before the last head was only on the way to it (100 Continue).
fn answer(written: &str, errand: &Errand<'_>) -> Result<Answer, Failed> {
    let mut rest = written;
    loop {
        let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| {
            let (version, after) = line.split_once(' ')?;
            version.starts_with("HTTP/").then_some(())?;
            after.split(' ').next()?.parse::<u16>().ok()
        });
        match status {
            Some(100..=199) => rest = body,
            Some(status) => {
                let headers = lines.filter_map(|line| line.split_once(':'));
                let headers = headers
                    .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
                    .filter(|(name, _)| errand.request.keep.contains(name));
                return Ok(Answer {
                    status,
                    headers: headers.collect(),
                    body: body.as_bytes()[..body.len().min(errand.manner.body_limit)].to_vec(),
                });
            }
            None => {
                let words = "curl ended well and wrote no answer";
                return Err(Failed::new(Failure::ApiTunnel, words));
            }
        }
    }
}

/// curl counts from the start; a part that it didn't come to is 0.
fn timing(times: &str) -> Timing {
    let marks: Vec<Duration> = times
        .split_whitespace()
        .map_while(|word| Duration::try_from_secs_f64(word.parse().ok()?).ok())
        .collect();
    let [dns, connect, tls, first_byte, total] = marks[..] else {
        return Timing::default();
    };
    let reached = |mark: Duration, after: Duration| (!mark.is_zero()).then(|| mark.saturating_sub(after));
    Timing {
        dns: reached(dns, Duration::ZERO),
        connect: reached(connect, dns),
        tls: reached(tls, connect),
        first_byte: reached(first_byte, connect.max(tls)),
        total,
    }
}

/// What curl's exit code and words mean (curl(1), "EXIT CODES"). The code is in its own words too: `curl: (6) …`.
fn failure(words: &str) -> Failed {
    let own = words.split_once("curl: (").map(|(_, rest)| rest);
    let code = own
        .and_then(|rest| rest.split(')').next()?.parse().ok())
        .or_else(|| super::exit_code(words));
    let said = own
        .and_then(|rest| rest.split_once(") "))
        .map_or(words, |(_, said)| said.trim_end_matches(')'));
    let lower = said.to_ascii_lowercase();
    let has = |sign: &str| lower.contains(sign);
    let class = match code {
        Some(6) => Failure::DnsNxdomain,
        Some(7) if has("timed out") || has("timeout") => Failure::ConnectTimeout,
        Some(7) => Failure::ConnectRefused,
        Some(28) if has("resolving") => Failure::DnsTimeout,
        Some(28) if has("connection time") || has("failed to connect") => Failure::ConnectTimeout,
        Some(28) => Failure::ReadTimeout,
        Some(1 | 8 | 16 | 18 | 52 | 55 | 56 | 92) => Failure::Reset,
        Some(35 | 51 | 53 | 54 | 58..=60 | 66 | 77 | 80 | 82 | 83 | 90 | 91) if has("reset") => Failure::Reset,
        Some(35 | 51 | 53 | 54 | 58..=60 | 66 | 77 | 80 | 82 | 83 | 90 | 91) => Failure::Tls,
        _ => Failure::ApiTunnel,
    };
    Failed::new(class, said)
}
