//! Requests over sockets: HTTP/1.1 and HTTP/2, with TLS and without, and whatever can go wrong with one.

use std::time::Duration;

use shardctl::model::route::failure::Failure;
use shardctl::model::route::wire::{Http, Manner, Trust};
use shardctl::net::route::Ways;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{answer, ask_socket, assert_failed, impatient, manner, over_socket, request, run};
use crate::cluster::certificates::Authority;
use crate::cluster::{Behaviour, Ring};

#[test]
fn an_answer_has_its_status_the_headers_asked_for_and_its_times() {
    let ring = Ring::of(3).start();
    let entry = over_socket("127.0.0.1", ring.balancer(), false);
    for http in [Http::One, Http::Two] {
        let seen = ask_socket(Manner { http, ..manner() }, &entry, &request("/lookup?key=a"));
        let answer = answer(&seen);
        let owner = format!("shard-{}", ring.owner("a"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers, [("x-shard".to_owned(), owner.clone())]);
        assert!(String::from_utf8_lossy(&answer.body).contains(&owner));
        let timing = seen.timing;
        assert!(timing.dns.is_none() && timing.tls.is_none(), "{timing:?}");
        let parts = timing.connect.unwrap() + timing.first_byte.unwrap();
        assert!(parts <= timing.total, "{timing:?}");
    }
}

#[test]
fn every_request_has_a_connection_of_its_own() {
    let ring = Ring::of(1).start();
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    run(async {
        let ways = Ways::new(manner(), None).unwrap();
        for _ in 0..3 {
            answer(&ways.ask(&entry, &request("/lookup?key=a")).await);
        }
    });
    assert_eq!(ring.connections(0), 3);
}

#[test]
fn a_method_a_header_and_a_body_arrive() {
    let ring = Ring::of(3).start();
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    let mut request = request("/");
    request.method = "POST".into();
    request.headers = vec![("X-Shard-Key".into(), "b".into())];
    request.body = Some(b"{}".to_vec());
    let seen = ask_socket(manner(), &entry, &request);
    let owner = format!("shard-{}", ring.owner("b"));
    assert_eq!(answer(&seen).headers[0].1, owner);
}

#[test]
fn each_failure_of_a_server_is_of_its_own_class() {
    let ring = Ring::of(1).start();
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    for http in [Http::One, Http::Two] {
        for (behaviour, class, words) in [
            (Behaviour::Down, Failure::ConnectRefused, "refused"),
            (Behaviour::Resets, Failure::Reset, ""),
            (Behaviour::Closes, Failure::Reset, ""),
            (Behaviour::HalfBody, Failure::Reset, ""),
            (Behaviour::Garbage, Failure::Reset, ""),
        ] {
            ring.let_member(0, behaviour.clone());
            let seen = ask_socket(Manner { http, ..manner() }, &entry, &request("/lookup?key=a"));
            assert_failed(&seen, class, words);
        }
        for (behaviour, words) in [
            (Behaviour::Hangs, "connected, and no answer within 3000 ms"),
            (
                Behaviour::HangsInBody,
                "the answer began, and wasn't whole within 3000 ms",
            ),
        ] {
            ring.let_member(0, behaviour);
            // Long enough for a busy machine to bring the first half.
            let manner = Manner {
                http,
                read_limit: Duration::from_secs(3),
                ..manner()
            };
            let seen = ask_socket(manner, &entry, &request("/lookup?key=a"));
            assert_failed(&seen, Failure::ReadTimeout, words);
        }
        ring.let_member(0, Behaviour::Status(500));
        let seen = ask_socket(Manner { http, ..manner() }, &entry, &request("/lookup?key=a"));
        assert_eq!(answer(&seen).status, 500);
    }
}

/// A listener that takes nobody: its queue is full.
pub struct Full {
    /// Its port on 127.0.0.1.
    pub port: u16,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Full {
    pub async fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        // Connections until one isn't taken any more.
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queued.push(stream);
            assert!(queued.len() < 100, "the queue is never full");
        }
        Self {
            port: address.port(),
            _listener: listener,
            _queued: queued,
        }
    }
}

#[test]
fn a_listener_that_takes_nobody_is_a_connect_timeout() {
    run(async {
        let full = Full::new().await;
        let entry = over_socket("127.0.0.1", full.port, false);
        let ways = Ways::new(impatient(), None).unwrap();
        let seen = ways.ask(&entry, &request("/")).await;
        assert_failed(&seen, Failure::ConnectTimeout, "within 500 ms");
        assert_failed(&ways.knock(&entry).await, Failure::ConnectTimeout, "within 500 ms");
    });
}

#[test]
fn a_body_is_kept_up_to_its_limit_and_no_further() {
    let ring = Ring::of(1).start();
    ring.let_member(0, Behaviour::Long(10_000_000));
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    for http in [Http::One, Http::Two] {
        let seen = ask_socket(Manner { http, ..manner() }, &entry, &request("/lookup?key=a"));
        assert_eq!(answer(&seen).body.len(), 64 * 1024);
        assert!(answer(&seen).body.starts_with(b"{\"shard\":\"shard-0\""));
    }
}

#[test]
fn a_certificate_counts_only_from_a_trusted_authority_and_for_the_name_that_is_asked_for() {
    let authority = Authority::new();
    let ring = Ring::of(2).tls(authority.server_for(&["shop.example.com"])).start();
    let entry = over_socket("127.0.0.1", ring.balancer(), true);
    let trusting = |trust: Trust, http: Http| Manner {
        trust,
        http,
        ..manner()
    };
    let ours = || Trust::Authorities(authority.certificate.clone().into_bytes());
    for http in [Http::One, Http::Two] {
        let seen = ask_socket(trusting(ours(), http), &entry, &request("/lookup?key=a"));
        assert_eq!(answer(&seen).status, 200);
        assert!(seen.timing.tls.is_some());
    }

    let others = Trust::Authorities(Authority::new().certificate.into_bytes());
    let seen = ask_socket(trusting(others, Http::One), &entry, &request("/lookup?key=a"));
    assert_failed(&seen, Failure::Tls, "invalid peer certificate");
    let seen = ask_socket(trusting(Trust::System, Http::One), &entry, &request("/lookup?key=a"));
    assert_failed(&seen, Failure::Tls, "UnknownIssuer");

    let mut elsewhere = entry.clone();
    elsewhere.host = "other.example.com:8443".into();
    let seen = ask_socket(trusting(ours(), Http::One), &elsewhere, &request("/lookup?key=a"));
    assert_failed(&seen, Failure::Tls, "not valid for name");
    let seen = ask_socket(
        trusting(Trust::Anybody, Http::One),
        &elsewhere,
        &request("/lookup?key=a"),
    );
    assert_eq!(answer(&seen).status, 200);

    let plain = Ring::of(1).start();
    let entry = over_socket("127.0.0.1", plain.port(0), true);
    let seen = ask_socket(manner(), &entry, &request("/lookup?key=a"));
    assert!(seen.result.is_err(), "no TLS there: {seen:?}");
}

#[test]
fn a_file_without_a_certificate_is_refused_before_anything_is_asked() {
    let nothing = Manner {
        trust: Trust::Authorities(b"hello".to_vec()),
        ..manner()
    };
    let error = Ways::new(nothing, None).err().expect("an error");
    assert!(error.message().contains("none in PEM"), "{error}");
}

#[test]
fn a_knock_says_nothing_and_sees_whether_somebody_opens() {
    let ring = Ring::of(1).start();
    let entry = over_socket("127.0.0.1", ring.port(0), false);
    run(async {
        let ways = Ways::new(manner(), None).unwrap();
        assert_eq!(answer(&ways.knock(&entry).await).status, 0);
        ring_down(&ring);
        assert_failed(&ways.knock(&entry).await, Failure::ConnectRefused, "refused");
    });
    assert_eq!(ring.requests(0), 0);
}

/// From within a runtime, whose thread must not wait for another one's.
fn ring_down(ring: &Ring) {
    std::thread::scope(|scope| {
        scope.spawn(|| ring.let_member(0, Behaviour::Down));
    });
}
