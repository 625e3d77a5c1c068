//! What a member of a ring, or its balancer, answers to a request.

use super::Behaviour;
use super::listen::Place;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

/// Says that a member sent this on: it is to be answered where it comes to.
const SENT_ON: &str = "x-sent-on";

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What all members know.
pub(super) struct Shared {
    name: String,
    tls: bool,
    members: RwLock<Vec<u16>>,
    turn: AtomicUsize,
    peers: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Shared {
    pub(super) fn new(name: String, tls: bool, members: u32) -> Self {
        let config = rustls::ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        Self {
            name,
            tls,
            members: RwLock::new(Vec::with_capacity(members as usize)),
            turn: AtomicUsize::new(0),
            peers: Client::builder(TokioExecutor::new()).build(connector),
        }
    }

    pub(super) fn set_members(&self, ports: Vec<u16>) {
        *self.members.write().expect("the members") = ports;
    }

    fn ports(&self) -> Vec<u16> {
        self.members.read().expect("the members").clone()
    }

    fn name(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.name)
    }

    fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::SeqCst)
    }
}

/// Whose a key is among so many members: each bids for it, and the highest bid has it. A new member only takes keys.
pub fn owner(key: &str, members: u32) -> u32 {
    (0..members).max_by_key(|member| bid(key, *member)).unwrap_or_default()
}

/// FNV-1a over the key and the member, its bits well mixed (the end of MurmurHash3).
fn bid(key: &str, member: u32) -> u64 {
    let bytes = key.bytes().chain(member.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Answers a request; an error ends the connection.
pub(super) async fn answer(place: Arc<Place>, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let sent_on = request.headers().contains_key(SENT_ON);
    if !sent_on {
        place.requests.fetch_add(1, Ordering::SeqCst);
    }
    let behaviour = place.behaviour();
    match behaviour {
        Behaviour::Hangs => std::future::pending().await,
        Behaviour::Slow(delay) => tokio::time::sleep(delay).await,
        Behaviour::HalfBody => return Ok(broken_off(Some(io::ErrorKind::BrokenPipe))),
        Behaviour::HangsInBody => return Ok(broken_off(None)),
        Behaviour::Status(status) if status >= 400 => return Ok(plain(status, "no")),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    // Read to its end, so that a client that sends one isn't cut off.
    let _body = body.collect().await.map_err(io::Error::other)?;
    match place.ordinal {
        None => Ok(balance(&place, &behaviour, &parts).await),
        Some(me) => Ok(serve(&place, &behaviour, me, &parts, sent_on).await),
    }
}

/// The balancer: whoever is next, and whoever comes then where nobody listens.
async fn balance(place: &Place, behaviour: &Behaviour, parts: &http::request::Parts) -> Response<Body> {
    let ports = place.shared.ports();
    for _ in &ports {
        let port = ports[place.shared.next_turn() % ports.len()];
        let sent_on = matches!(behaviour, Behaviour::AnswersForOthers);
        if let Ok(answer) = ask(&place.shared, port, parts, sent_on).await {
            return answer;
        }
    }
    plain(503, "no member answers")
}

async fn serve(
    place: &Place,
    behaviour: &Behaviour,
    me: u32,
    parts: &http::request::Parts,
    sent_on: bool,
) -> Response<Body> {
    let shared = &place.shared;
    if parts.uri.path() == "/whoami" {
        return told(shared, behaviour, me, me, "");
    }
    let Some(key) = key(parts) else {
        return plain(400, "no key");
    };
    let ports = shared.ports();
    let members = ports.len() as u32;
    let theirs = match behaviour {
        Behaviour::StaleRing(members) => owner(&key, *members),
        Behaviour::Flaps if shared.next_turn().is_multiple_of(2) => owner(&key, members - 1),
        _ => owner(&key, members),
    };
    if theirs == me || sent_on || matches!(behaviour, Behaviour::AnswersForOthers) {
        let theirs = if sent_on { me } else { theirs };
        return told(shared, behaviour, me, theirs, &key);
    }
    match ask(shared, ports[theirs as usize], parts, true).await {
        Ok(mut answer) => {
            let entry = shared.name(me).parse().expect("a header's value");
            answer.headers_mut().insert("x-entry", entry);
            answer
        }
        Err(_) => plain(502, "the owner doesn't answer"),
    }
}

/// What the request is about: `?key=`, `x-shard-key`, or the end of `/lookup/KEY`.
fn key(parts: &http::request::Parts) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default().split('&');
    let asked = query.filter_map(|pair| pair.strip_prefix("key=")).next();
    let header = || parts.headers.get("x-shard-key")?.to_str().ok();
    let path = || parts.uri.path().split_once("/lookup/").map(|(_, key)| key);
    asked.or_else(header).or_else(path).map(str::to_owned)
}

async fn ask(
    shared: &Shared,
    port: u16,
    parts: &http::request::Parts,
    sent_on: bool,
) -> Result<Response<Body>, hyper_util::client::legacy::Error> {
    let scheme = if shared.tls { "https" } else { "http" };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let uri: Uri = format!("{scheme}://127.0.0.1:{port}{target}")
        .parse()
        .expect("an address");
    let mut request = Request::get(uri);
    if let Some(key) = parts.headers.get("x-shard-key") {
        request = request.header("x-shard-key", key);
    }
    if sent_on {
        request = request.header(SENT_ON, "yes");
    }
    let answer = shared
        .peers
        .request(request.body(Full::default()).expect("a request"))
        .await?;
    let (mut parts, body) = answer.into_parts();
    parts.version = http::Version::HTTP_11;
    parts.headers.remove(http::header::TRANSFER_ENCODING);
    Ok(Response::from_parts(
        parts,
        body.map_err(io::Error::other).boxed_unsync(),
    ))
}

/// The answer of `me` about a key that is `owner`'s.
fn told(shared: &Shared, behaviour: &Behaviour, me: u32, owner: u32, key: &str) -> Response<Body> {
    let (me, owner) = match behaviour {
        Behaviour::Anonymous => return plain(200, "{\"found\":true}"),
        Behaviour::Claims(name) => (name.clone(), name.clone()),
        _ => (shared.name(me), shared.name(owner)),
    };
    let mut text = format!("{{\"shard\":\"{me}\",\"owner\":\"{owner}\",\"key\":\"{key}\"}}\n");
    if let Behaviour::Long(length) = behaviour {
        text.extend(std::iter::repeat_n('x', *length));
    }
    let status = match behaviour {
        Behaviour::Status(status) => *status,
        _ => 200,
    };
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-entry", &me)
        .header("x-shard", me)
        .header("x-owner", owner);
    answer.body(whole(text)).expect("an answer")
}

fn plain(status: u16, text: &str) -> Response<Body> {
    let answer = Response::builder().status(status);
    answer.body(whole(text.to_owned())).expect("an answer")
}

fn whole(text: String) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed_unsync()
}

/// The first half of a body, and then the end of the connection, or nothing.
fn broken_off(end: Option<io::ErrorKind>) -> Response<Body> {
    let frames = stream::unfold(0, move |at| async move {
        match (at, end) {
            (0, _) => Some((Ok(Frame::data(Bytes::from_static(b"{\"shard\":"))), 1)),
            (_, Some(kind)) => Some((Err(io::Error::from(kind)), 2)),
            (_, None) => std::future::pending().await,
        }
    });
    Response::builder()
        .header("content-length", 100)
        .body(StreamBody::new(frames).boxed_unsync())
        .expect("an answer")
}

/// Members know each other by their ports; nobody looks at certificates between them.
#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
