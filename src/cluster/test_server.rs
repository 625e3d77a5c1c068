//! Servers on loopback for unit tests where bytes matter: scripted HTTP/1.1, and TLS with a chosen ALPN and certificate.
//!
//! Plain threads and blocking sockets; a server's threads end when its client hangs up or the test's process does.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends these bytes and waits for the next request.
    Send(String),
    /// Sends these bytes, possibly none, and hangs up.
    HangUp(String),
    /// Sends the body that came last, as a server that keeps what it is given.
    LastBody,
    /// Never answers.
    Silence,
}

impl Reply {
    pub(crate) fn json(code: u16, body: &str) -> Self {
        Self::full(code, "content-type: application/json\r\n", body)
    }

    /// `headers`: lines, each with its line end.
    pub(crate) fn full(code: u16, headers: &str, body: &str) -> Self {
        Reply::Send(format!(
            "HTTP/1.1 {code} Scripted\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Speaks HTTP/1.1 without TLS; each request, on whatever connection, takes the next of `replies`;
    /// after the last the server hangs up.
    pub(crate) fn plain(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Arc::new(Mutex::new(VecDeque::from_iter(replies)));
        Self::start(move |stream, requests| http1(stream, &replies, requests))
    }

    /// As [`plain`](Self::plain), with replies that name the server's own port.
    pub(crate) fn naming_itself(replies: impl FnOnce(u16) -> Vec<Reply>) -> Self {
        let listener = listen();
        let port = listener.local_addr().expect("its address").port();
        let replies = Mutex::new(VecDeque::from(replies(port)));
        Self::start_on(listener, move |stream, requests| http1(stream, &replies, requests))
    }

    /// Accepts TCP connections and hangs up at once.
    pub(crate) fn hanging_up() -> Self {
        Self::start(|_, _| {})
    }

    /// TLS with the given chain; answers every request with `{}`, over HTTP/2 where `alpn` has it and the client wants it.
    pub(crate) fn tls(identity: &Identity, alpn: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
            .expect("a certificate with its key");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let config = Arc::new(config);
        Self::start(move |stream, requests| {
            let tls = rustls::ServerConnection::new(config.clone()).expect("a server configuration");
            let mut stream = rustls::StreamOwned::new(tls, stream);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return;
                }
            }
            if stream.conn.alpn_protocol() == Some(b"h2") {
                let _ = http2(stream, requests);
            } else {
                let always = Mutex::new(VecDeque::from_iter(std::iter::repeat_n(Reply::json(200, "{}"), 100)));
                http1(stream, &always, requests);
            }
        })
    }

    fn start(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        Self::start_on(listen(), serve)
    }

    fn start_on(listener: TcpListener, serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        let port = listener.local_addr().expect("its address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (counted, recorded, serve) = (connections.clone(), requests.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let (recorded, serve) = (recorded.clone(), serve.clone());
                std::thread::spawn(move || serve(stream, &recorded));
            }
        });
        Self {
            port,
            connections,
            requests,
        }
    }

    /// How many TCP connections were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far: over HTTP/1.1 their heads (names in lower case) and bodies, one empty string each over HTTP/2.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic elsewhere").clone()
    }
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port on loopback")
}

fn http1(mut stream: impl Read + Write, replies: &Mutex<VecDeque<Reply>>, requests: &Mutex<Vec<String>>) {
    loop {
        let Some(request) = read_request(&mut stream) else {
            return;
        };
        requests.lock().expect("no panic elsewhere").push(request);
        let reply = match replies.lock().expect("no panic elsewhere").pop_front() {
            Some(Reply::LastBody) => Some(Reply::json(200, &last_body(requests))),
            reply => reply,
        };
        match reply {
            Some(Reply::Send(bytes)) => {
                if stream
                    .write_all(bytes.as_bytes())
                    .and_then(|()| stream.flush())
                    .is_err()
                {
                    return;
                }
            }
            Some(Reply::HangUp(bytes)) => {
                let _ = stream.write_all(bytes.as_bytes()).and_then(|()| stream.flush());
                return;
            }
            Some(Reply::Silence) => {
                // until the client gives up and closes
                let _ = stream.read(&mut [0; 1]);
                return;
            }
            Some(Reply::LastBody) | None => return,
        }
    }
}

fn last_body(requests: &Mutex<Vec<String>>) -> String {
    let requests = requests.lock().expect("no panic elsewhere");
    let mut bodies = requests.iter().filter_map(|request| request.split_once("\r\n\r\n"));
    let last = bodies.rfind(|(_, body)| !body.is_empty());
    last.map_or_else(String::new, |(_, body)| body.to_owned())
}

/// One request: its head, and its body after the empty line.
fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head in ASCII");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

/// Just enough HTTP/2 (RFC 9113): every stream that the client ends is answered 200 with `{}`.
fn http2(mut stream: impl Read + Write, requests: &Mutex<Vec<String>>) -> std::io::Result<()> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const END_STREAM: u8 = 1;
    const ACK: u8 = 1;
    const END_HEADERS: u8 = 4;
    /// `:status: 200`, entry 8 of HPACK's static table.
    const STATUS_200: u8 = 0x88;
    fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(id.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
    stream.read_exact(&mut [0; 24])?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, &payload))?,
            HEADERS | DATA if flags & END_STREAM != 0 => {
                requests.lock().expect("no panic elsewhere").push(String::new());
                stream.write_all(&frame(HEADERS, END_HEADERS, id, &[STATUS_200]))?;
                stream.write_all(&frame(DATA, END_STREAM, id, b"{}"))?;
            }
            _ => {}
        }
        stream.flush()?;
    }
}

/// A server's certificate with its key, and the authority that issued it.
pub(crate) struct Identity {
    /// The authority's certificate, PEM.
    pub(crate) authority: String,
    certificate: rustls::pki_types::CertificateDer<'static>,
    key: rustls::pki_types::PrivateKeyDer<'static>,
}

impl Identity {
    /// For `names`, valid for the days around today (an expired one: long ago).
    pub(crate) fn new(names: &[&str], expired: bool) -> Self {
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "test authority");
        let authority_certificate = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(authority, authority_key);

        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .expect("names");
        if expired {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        Self {
            authority: authority_certificate.pem(),
            certificate: certificate.der().clone(),
            key: rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }
}
