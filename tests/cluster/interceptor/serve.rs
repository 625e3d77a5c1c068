//! How an interceptor listens, asks the API server, and applies its rules on the way.

use super::request::Request;
use super::rule::{Fate, Standing};
use crate::cluster::Plane;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::header::{DATE, HeaderValue};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// What the client is to think of the API server, and how many times open connections were told to end.
#[derive(Clone, Default)]
pub(super) struct Server {
    pub(super) away: bool,
    pub(super) hangs: bool,
    pub(super) swallows_watches: bool,
    pub(super) slow: SignedDuration,
    pub(super) age: u32,
}

/// The client's connection is to be closed instead of an answer.
pub(super) struct Cut;

/// What all connections of one interceptor have in common.
pub(super) struct Shared {
    requests: Mutex<Vec<Request>>,
    rules: Mutex<Vec<Arc<Standing>>>,
    server: watch::Receiver<Server>,
    upstream: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    api_port: u16,
}

impl Shared {
    pub(super) fn new(plane: &Plane, server: watch::Receiver<Server>) -> Self {
        Self {
            requests: Mutex::default(),
            rules: Mutex::default(),
            server,
            upstream: upstream(plane.folder()),
            api_port: plane.api_port(),
        }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    pub(super) fn add(&self, rule: Arc<Standing>) {
        lock(&self.rules).push(rule);
    }

    fn record(&self, parts: &http::request::Parts, body: &[u8]) -> Request {
        let mut requests = lock(&self.requests);
        let request = Request {
            number: requests.len(),
            at: Instant::now(),
            version: parts.version,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            answered: None,
        };
        requests.push(request.clone());
        request
    }

    fn answered(&self, request: &Request, code: u16) {
        lock(&self.requests)[request.number].answered = Some(code);
    }

    fn rule_for(&self, request: &Request) -> Option<Arc<Standing>> {
        let rules = lock(&self.rules).clone();
        rules.into_iter().find(|rule| rule.applies_to(request))
    }

    /// Decides over one request. Dropped half-way when its client goes.
    async fn decide(&self, mut asked: hyper::Request<Incoming>) -> Result<Response<Body>, Cut> {
        let upgrade = hyper::upgrade::on(&mut asked);
        let (parts, body) = asked.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let request = self.record(&parts, &body);
        let rule = self.rule_for(&request);
        let mut server = self.server.clone();
        until_it_flows(&mut server, false).await;

        let forward = self.forward(&request, parts, body, upgrade);
        let Some(rule) = rule else { return forward.await };
        if !matches!(rule.fate, Fate::HoldAnswer | Fate::CutAnswer) {
            rule.hit(&request);
        }
        match &rule.fate {
            Fate::Cut => return Err(Cut),
            Fate::Answer(code, body) => return Ok(self.made_up(&request, *code, body)),
            Fate::Hold => rule.hold().await?,
            Fate::Delay(delay) => tokio::time::sleep(*delay).await,
            Fate::HoldAnswer | Fate::CutAnswer => {}
        }
        let answer = forward.await?;
        match rule.fate {
            Fate::HoldAnswer => {
                rule.hit(&request);
                rule.hold().await?;
            }
            Fate::CutAnswer => {
                rule.hit(&request);
                return Err(Cut);
            }
            _ => {}
        }
        Ok(answer)
    }

    async fn forward(
        &self,
        request: &Request,
        mut parts: http::request::Parts,
        body: Bytes,
        upgrade: OnUpgrade,
    ) -> Result<Response<Body>, Cut> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("https://127.0.0.1:{}{path}", self.api_port)
            .parse()
            .map_err(|_| Cut)?;
        parts.version = http::Version::HTTP_11;
        let asked = hyper::Request::from_parts(parts, Full::new(body));
        // An API server that can't be reached shows as a connection that ends.
        let mut answer = self.upstream.request(asked).await.map_err(|_| Cut)?;
        self.answered(request, answer.status().as_u16());
        if answer.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            tokio::spawn(tunnel(upgrade, hyper::upgrade::on(&mut answer), self.server.clone()));
        }
        let mut server = self.server.clone();
        until_it_flows(&mut server, false).await;
        let is_watch = request.is_watch();
        Ok(answer.map(|body| piece_by_piece(body, server, is_watch)))
    }

    fn made_up(&self, request: &Request, code: u16, body: &Value) -> Response<Body> {
        self.answered(request, code);
        let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
        let answer = Response::builder()
            .status(code)
            .header("Content-Type", "application/json");
        answer.body(body.boxed_unsync()).expect("a code of HTTP")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits while the API server is to hang, or to tell watches nothing.
async fn until_it_flows(server: &mut watch::Receiver<Server>, is_watch: bool) {
    let flows = |server: &Server| !(server.hangs || is_watch && server.swallows_watches);
    // When the interceptor is gone, so is the connection.
    let _ = server.wait_for(flows).await;
}

/// The answer's body. A piece that came waits here: asked before reading, the next event would slip through.
fn piece_by_piece(body: Incoming, server: watch::Receiver<Server>, is_watch: bool) -> Body {
    let pieces = stream::unfold(
        (body, server),
        move |(mut body, mut server): (Incoming, _)| async move {
            let piece = body.frame().await;
            until_it_flows(&mut server, is_watch).await;
            piece.map(|piece| (piece, (body, server)))
        },
    );
    StreamBody::new(pieces).boxed_unsync()
}

/// Hands on what an upgraded connection (port-forward, exec) carries, as long as the API server is there.
async fn tunnel(client: OnUpgrade, upstream: OnUpgrade, mut server: watch::Receiver<Server>) {
    let age = server.borrow_and_update().age;
    let Ok((client, upstream)) = futures::try_join!(client, upstream) else {
        return;
    };
    let (mut client, mut upstream): (TokioIo<Upgraded>, TokioIo<Upgraded>) =
        (TokioIo::new(client), TokioIo::new(upstream));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
        _ = server.wait_for(|server| server.age != age) => {}
    }
}

/// Listens whenever the API server isn't away, until the interceptor is dropped.
pub(super) async fn listen(
    address: SocketAddr,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    listens: watch::Sender<bool>,
) {
    let mut server = shared.server.clone();
    while server.wait_for(|server| !server.away).await.is_ok() {
        let Ok(listener) = TcpListener::bind(address).await else {
            return;
        };
        listens.send_replace(true);
        loop {
            let Server { away, age, .. } = *server.borrow_and_update();
            if away {
                break;
            }
            tokio::select! {
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    tokio::spawn(serve(client, acceptor.clone(), shared.clone(), age));
                },
                changed = server.changed() => if changed.is_err() { return },
            }
        }
        drop(listener);
        listens.send_replace(false);
    }
}

/// One connection, until it ends or is cut. To drop what drives it closes it, and ends all requests that came over it.
async fn serve(client: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>, age: u32) {
    let mut server = shared.server.clone();
    let cut = Arc::new(Notify::new());
    let conversation = async {
        // Or small pieces would wait for each other.
        let _ = client.set_nodelay(true);
        let Ok(client) = acceptor.accept(client).await else {
            return;
        };
        let service = service_fn(|request| answer(shared.clone(), cut.clone(), request));
        // An end before its time is the client's affair.
        let _ = auto::Builder::new(TokioExecutor::new())
            .serve_connection_with_upgrades(TokioIo::new(client), service)
            .await;
    };
    tokio::select! {
        biased;
        () = cut.notified() => {}
        _ = server.wait_for(|server| server.age != age) => {}
        () = conversation => {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    cut: Arc<Notify>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if let Ok(mut answer) = shared.decide(request).await {
        let slow = shared.server.borrow().slow;
        if !slow.is_zero() {
            let then = Timestamp::now() - slow;
            answer.headers_mut().insert(DATE, as_date(then));
        }
        return Ok(answer);
    }
    cut.notify_one();
    // Any answer, also that this one stream failed, could reach the client before the connection's end.
    std::future::pending().await
}

/// A time as a `Date` header has it.
fn as_date(time: Timestamp) -> HeaderValue {
    let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    HeaderValue::try_from(text.expect("a year of four digits")).expect("a header's value")
}

/// TLS with the API server's certificate.
pub fn acceptor(plane: &Plane) -> TlsAcceptor {
    let (certificate, key) = pair(plane.folder(), "server");
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the API server's certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// The way to the API server, as the administrator. HTTP/1.1: each watch has a connection of its own, and upgrades work.
fn upstream(folder: &Path) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let authority = CertificateDer::from_pem_file(folder.join("ca.crt")).expect("the authority's certificate");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).expect("the authority's certificate");
    let (certificate, key) = pair(folder, "admin");
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .expect("the administrator's certificate");
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).build(connector)
}

fn pair(folder: &Path, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_file(folder.join(format!("{name}.crt")));
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key")));
    (certificate.expect("a certificate"), key.expect("its key"))
}
