//! wget's command line for a request (GNU's or busybox's), and what it wrote about the answer.
//!
//! It has no times to tell. What it says of the answer's head goes to standard error, so a shell joins the two. GNU's asks
//! anew and follows redirects unless told not to, and is silent about errors when it is quiet; busybox's asks once, has no
//! option about redirects, and is silent about everything but errors only when it is quiet.

use std::time::Duration;

use super::{Errand, timed_out};
use crate::model::route::answer::{Answer, Failed};
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Http, Trust};
use crate::net::exec::{End, Ran};
use crate::net::route::in_ms;

const IS_THERE: &str = "command -v wget >/dev/null || exit 127";

/// The words that are understood here are English.
const ASK: &str = "\
export LC_ALL=C
case \"$(wget --version 2>&1)\" in
*'GNU Wget'*) exec wget -nv -t 1 --max-redirect=0 \"$@\" 2>&1 ;;
*) exec wget -q \"$@\" 2>&1 ;;
esac";

pub(super) fn command(errand: &Errand<'_>) -> Vec<String> {
    let (request, manner) = (errand.request, errand.manner);
    let script = match cannot(errand) {
        Some(why) => format!("{IS_THERE}; echo '{why}'; exit 1"),
        None => format!("{IS_THERE}\n{ASK}"),
    };
    let seconds = manner.read_limit.as_secs_f64().ceil().max(1.0);
    let mut words: Vec<String> = ["sh", "-c", &script, "wget", "-S", "-O", "-", "-Y", "off", "-T"]
        .map(str::to_owned)
        .to_vec();
    words.push(format!("{seconds:.0}"));
    words.extend(["--header".to_owned(), format!("Host: {}", request.host)]);
    for (name, value) in &request.headers {
        words.extend(["--header".to_owned(), format!("{name}: {value}")]);
    }
    if let Some(body) = &request.body {
        words.extend(["--post-data".to_owned(), String::from_utf8_lossy(body).into_owned()]);
    }
    if matches!(manner.trust, Trust::Anybody) {
        words.push("--no-check-certificate".to_owned());
    }
    let scheme = if errand.tls.is_some() { "https" } else { "http" };
    words.push(format!("{scheme}://{}:{}{}", errand.name, errand.port, request.target));
    words
}

fn cannot(errand: &Errand<'_>) -> Option<&'static str> {
    let (request, manner) = (errand.request, errand.manner);
    if request.method != "GET" && !(request.method == "POST" && request.body.is_some()) {
        Some("wget can only GET, or POST a body: curl can do it, for example in an image of --probe-image")
    } else if manner.http == Http::Two {
        Some("wget has no HTTP/2: curl has, for example in an image of --probe-image")
    } else if errand.tls.is_some() && manner.trust != Trust::Anybody {
        // It has no name but the one it connects to; busybox's looks at none.
        Some(
            "wget looks for no name that --host gives: curl does, for example in an image of --probe-image; or say --insecure",
        )
    } else {
        None
    }
}

/// What ends as a missing command does where there is no wget.
pub(super) fn is_there() -> Vec<String> {
    ["sh", "-c", IS_THERE].map(str::to_owned).to_vec()
}

/// What came of it, after `took`.
pub(super) fn read(ran: &Ran, errand: &Errand<'_>, took: Duration) -> Result<Answer, Failed> {
    let limit = errand.manner.read_limit;
    match (answer(&ran.stdout, errand), &ran.end) {
        // After such a status it reads no body, and ends as after an error.
        (Some(answer), _) if answer.status >= 300 => Ok(answer),
        (Some(answer), End::Success) => Ok(answer),
        (_, End::Failed(words)) if super::exit_code(words).is_none() => Err(Failed::new(Failure::ApiTunnel, words)),
        // GNU's doesn't say which of the two it was.
        (Some(_), _) if took >= limit => {
            let words = format!("the answer began, and wasn't whole within {}", in_ms(limit));
            Err(Failed::new(Failure::ReadTimeout, words))
        }
        (Some(_), _) => {
            let words = "the connection was closed before the answer was whole";
            Err(Failed::new(Failure::Reset, words))
        }
        (None, End::TimedOut) => Err(timed_out(errand.manner)),
        (None, End::Success) => Err(Failed::new(Failure::Reset, "what came is no HTTP")),
        (None, End::Failed(words)) => {
            let line = ran.stdout.lines().map(str::trim).rfind(|line| !line.is_empty());
            Err(failure(line.unwrap_or(words), errand.knocks))
        }
    }
}

/// The first answer, also where busybox's wget went on to where that led. The head's lines are indented by two blanks
/// (busybox's with an empty one at its end); the body follows them.
fn answer(written: &str, errand: &Errand<'_>) -> Option<Answer> {
    let start = written.find("  HTTP/")?;
    let mut rest = &written[start..];
    let mut status = None;
    let mut headers = Vec::new();
    while let Some(line) = rest.split_inclusive('\n').next().filter(|line| line.starts_with("  ")) {
        // An interim answer (100 Continue) is only on the way to it.
        let is_last = status.is_some_and(|status| status >= 200);
        let first = line.trim().strip_prefix("HTTP/");
        if is_last && first.is_some() {
            break;
        }
        rest = &rest[line.len()..];
        if is_last && line.trim().is_empty() {
            break;
        }
        if let Some(first) = first {
            status = first.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            headers.clear();
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            if errand.request.keep.contains(&name) {
                headers.push((name, value.trim().to_owned()));
            }
        }
    }
    let status = status?;
    // What follows another status are wget's own words, with the name that was asked for.
    let body = if status < 300 { without_report(rest) } else { "" };
    Some(Answer {
        status,
        headers,
        body: body.as_bytes()[..body.len().min(errand.manner.body_limit)].to_vec(),
    })
}

/// The body without the line that GNU's wget ends with: `2026-01-31 12:00:00 URL:http://… [3/3] -> "-" [1]`. It holds the name
/// that was asked for, which is not who answered.
fn without_report(body: &str) -> &str {
    const TIME: usize = "2026-01-31 12:00:00".len();
    if !body.ends_with("] -> \"-\" [1]\n") {
        return body;
    }
    let start = body.rfind(" URL:").and_then(|at| at.checked_sub(TIME));
    start.and_then(|start| body.get(..start)).unwrap_or(body)
}

/// What wget's words mean, GNU's and busybox's.
fn failure(words: &str, knocks: bool) -> Failed {
    let lower = words.to_ascii_lowercase();
    let has = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    if has(&["download timed out"]) {
        // Where only a connection is asked for, this tells nothing.
        let class = if knocks {
            Failure::ApiTunnel
        } else {
            Failure::ConnectTimeout
        };
        let words = format!("{words}: busybox's wget doesn't say whether there was a connection");
        return Failed::new(class, words);
    }
    let class = if has(&["unable to resolve", "bad address", "name or service not known"]) {
        Failure::DnsNxdomain
    } else if has(&["connection refused"]) {
        Failure::ConnectRefused
    } else if has(&["read error"]) && has(&["timed out"]) {
        Failure::ReadTimeout
    } else if has(&["timed out", "can't connect", "unreachable", "no route to host"]) {
        Failure::ConnectTimeout
    } else if has(&["certificate", "ssl", "tls"]) {
        Failure::Tls
    } else if has(&[
        "reset",
        "error getting response",
        "no data received",
        "read error",
        "bad header line",
        "closed prematurely",
        "unexpected",
    ]) {
        Failure::Reset
    } else {
        Failure::ApiTunnel
    };
    Failed::new(class, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::route::wire::{Manner, Request};

    const LIMIT: Duration = Duration::from_secs(2);

    /// What is read of these words, as GNU's wget 1.21 and busybox's 1.36 write them; `code` is the exit code.
    fn read_of(written: &str, code: u16, took: Duration, knocks: bool) -> Result<Answer, Failed> {
        let request = Request {
            method: "GET".into(),
            target: "/".into(),
            host: "shop.example.com".into(),
            headers: Vec::new(),
            body: None,
            keep: vec!["x-shard".into()],
        };
        let manner = Manner {
            http: Http::One,
            trust: Trust::System,
            connect_limit: LIMIT,
            read_limit: LIMIT,
            body_limit: 64 * 1024,
        };
        let errand = Errand {
            name: "db-1.db",
            port: 8080,
            tls: None,
            knocks,
            request: &request,
            manner: &manner,
        };
        let ran = Ran {
            stdout: written.to_owned(),
            end: match code {
                0 => End::Success,
                code => End::Failed(format!("command terminated with exit code {code}")),
            },
        };
        read(&ran, &errand, took)
    }

    #[track_caller]
    fn assert_answer(written: &str, code: u16, status: u16, body: &str) {
        let answer = read_of(written, code, Duration::ZERO, false).expect("an answer");
        assert_eq!((answer.status, answer.body.as_slice()), (status, body.as_bytes()));
        assert_eq!(answer.headers, [("x-shard".to_owned(), "db-1".to_owned())]);
    }

    #[test]
    fn the_body_is_what_the_shard_sent_and_nothing_of_wgets_own() {
        let report = "2026-11-21 17:35:04 URL:http://db-1.db:8080/ [3/3] -> \"-\" [1]\n";
        let gnu = "  HTTP/1.1 200 OK\n  X-Shard: db-1\n";
        assert_answer(&format!("{gnu}ok\n{report}"), 0, 200, "ok\n");
        assert_answer(&format!("{gnu}{{}}{report}"), 0, 200, "{}");
        let error = "http://db-1.db:8080/:\n2026-11-21 17:35:04 ERROR 500: No.\n";
        assert_answer(&format!("  HTTP/1.1 500 No\n  X-Shard: db-1\n{error}"), 8, 500, "");

        let busybox = "  HTTP/1.1 100 Continue\n  \n  HTTP/1.1 200 OK\n  X-Shard: db-1\n  \n";
        assert_answer(&format!("{busybox}  indented\n"), 0, 200, "  indented\n");
        let error = "wget: server returned error: HTTP/1.1 500 No\n";
        let read = read_of(&format!("  HTTP/1.1 500 No\n{error}"), 1, Duration::ZERO, false);
        assert_eq!(read.map(|answer| (answer.status, answer.body)), Ok((500, Vec::new())));
    }

    #[test]
    fn the_first_answer_counts_and_not_where_it_leads_to() {
        let gnu = "  HTTP/1.1 302 Found\n  X-Shard: db-1\n  Location: /\n0 redirections exceeded.\n";
        assert_answer(gnu, 8, 302, "");
        let busybox =
            "  HTTP/1.1 302 Found\n  X-Shard: db-1\n  Location: /\n  HTTP/1.1 200 OK\n  X-Shard: db-2\n  \nok\n";
        assert_answer(busybox, 0, 302, "");
    }

    #[test]
    fn each_failure_has_its_class() {
        for (written, class) in [
            ("failed: Connection refused.\n", Failure::ConnectRefused),
            ("failed: Connection timed out.\n", Failure::ConnectTimeout),
            ("failed: No route to host.\n", Failure::ConnectTimeout),
            ("wget: unable to resolve host address 'db-1.db'\n", Failure::DnsNxdomain),
            ("Read error (Connection timed out) in headers.\n", Failure::ReadTimeout),
            ("Read error (Connection reset by peer) in headers.\n", Failure::Reset),
            ("No data received.\n", Failure::Reset),
            ("Unable to establish SSL connection.\n", Failure::Tls),
            ("  HTTP/1.1 200 OK\n  Content-Length: 50\nx", Failure::Reset),
            (
                "wget: can't connect to remote host (10.1.2.3): Connection refused\n",
                Failure::ConnectRefused,
            ),
            (
                "wget: can't connect to remote host (10.1.2.3): Host is unreachable\n",
                Failure::ConnectTimeout,
            ),
            ("wget: bad address 'db-1.db:8080'\n", Failure::DnsNxdomain),
            (
                "wget: error getting response: Connection reset by peer\n",
                Failure::Reset,
            ),
            ("  220 mail ESMTP\nwget: bad header line: hello\n", Failure::Reset),
            ("wget: download timed out\n", Failure::ConnectTimeout),
            ("wget: unrecognized option: S\n", Failure::ApiTunnel),
        ] {
            let failed = read_of(written, 4, Duration::ZERO, false).expect_err(written);
            assert_eq!(failed.class, class, "{failed:?}");
        }
        let garbage = read_of("220 mail ESMTP\n", 0, Duration::ZERO, false).expect_err("no HTTP");
        assert_eq!(garbage.class, Failure::Reset);
        let late = read_of("  HTTP/1.1 200 OK\nx", 4, LIMIT, false).expect_err("half an answer");
        assert_eq!(late.class, Failure::ReadTimeout);
    }

    #[test]
    fn a_time_out_that_may_be_of_the_connection_is_no_sign_of_one() {
        let failed = read_of("wget: download timed out\n", 1, LIMIT, true).expect_err("no connection");
        assert_eq!(failed.class, Failure::ApiTunnel, "{failed:?}");
        assert!(failed.words.contains("doesn't say whether there was a connection"));
        let failed = read_of("failed: Connection timed out.\n", 4, LIMIT, true).expect_err("no connection");
        assert_eq!(failed.class, Failure::ConnectTimeout, "{failed:?}");
    }
}
