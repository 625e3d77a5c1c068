//! The HTTP clients under `kube::Client`.
//!
//! Reads and writes go over one HTTP/2 connection. Left to itself, hyper-util's pool opens a connection (and makes a TLS
//! handshake) for each request that arrives before the first handshake has told that the server speaks HTTP/2; so the
//! first request dials, everybody waits for that one handshake, and its outcome chooses the protocol.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::{Request, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connection as _, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kube::client::middleware::AuthLayer;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceBuilder};

use super::paced::Paced;
use super::unusable;
use crate::cluster::failure::Failure;
use crate::cluster::failure::transport::{Unmistakable, from_chain};

/// How long a TCP connection with its TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a connection is probed, and how long the answer may take: a dead one is noticed within ten seconds.
const PING: Duration = Duration::from_secs(5);

/// What is needed to make another client for the same server.
pub(super) enum Parts {
    /// Through a proxy kube's own client is used, which speaks HTTP/1.1 for everything.
    Stock(Client),
    /// Our own: what both of its clients are made from.
    Own(Box<Own>),
}

/// The ingredients of our own clients.
pub(super) struct Own {
    config: Config,
    tls: ClientConfig,
    server_name: Option<ServerName<'static>>,
    /// Shared by both clients: one token, refreshed once.
    auth: Option<AuthLayer>,
}

/// Builds the main client. Runs an exec plugin once for a token (kube would run it three times), twice for a certificate.
pub(super) fn build(config: Config) -> Result<(Client, Parts), Failure> {
    // An error means that a provider was installed before: that one is ring's as well, there is no other in the tree.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if config.proxy_url.is_some() {
        let client = ClientBuilder::try_from(config)?.build();
        return Ok((client.clone(), Parts::Stock(client)));
    }
    let auth = config.auth_layer()?;
    let mut for_tls = config.clone();
    if auth.is_some() {
        // Else the plugin would be run again, to find out that it gives no certificate.
        for_tls.auth_info.exec = None;
        for_tls.auth_info.auth_provider = None;
    }
    let tls = for_tls.rustls_client_config()?;
    let server_name = config
        .tls_server_name
        .clone()
        .map(|name| {
            ServerName::try_from(name.clone())
                .map_err(|_| unusable(format!("tls-server-name {name:?} is no host name")))
        })
        .transpose()?;
    let own = Own {
        config,
        tls,
        server_name,
        auth,
    };
    let client = own.multiplexed()?;
    Ok((client, Parts::Own(Box::new(own))))
}

impl Parts {
    /// A client that can upgrade a connection to a WebSocket.
    pub fn upgrade_client(&self) -> Result<Client, Failure> {
        match self {
            Parts::Stock(client) => Ok(client.clone()),
            Parts::Own(own) => own.one_request_a_connection(),
        }
    }
}

impl Own {
    fn multiplexed(&self) -> Result<Client, Failure> {
        self.client(Http::new(self.config.cluster_url.clone(), self.connector(true)))
    }

    fn one_request_a_connection(&self) -> Result<Client, Failure> {
        self.client(legacy::Client::builder(TokioExecutor::new()).build(Dial::new(self.connector(false))))
    }

    fn connector(&self, http2: bool) -> HttpsConnector<HttpConnector> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let mut builder = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http();
        if let Some(name) = &self.server_name {
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name.clone()));
        }
        if http2 {
            builder.enable_all_versions().wrap_connector(tcp)
        } else {
            builder.enable_http1().wrap_connector(tcp)
        }
    }

    fn client<S>(&self, http: S) -> Result<Client, Failure>
    where
        S: Service<Request<Body>, Response = Response> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        let service = ServiceBuilder::new()
            .layer(self.config.base_uri_layer())
            .option_layer(self.auth.as_ref())
            .layer(self.config.extra_headers_layer()?)
            .map_err(Into::<BoxError>::into)
            .service(http);
        Ok(Client::new(service, self.config.default_namespace.clone()))
    }
}

/// hyper's answer; its body type can only be named by way of the client.
type Response = <legacy::Client<Dial, Body> as Service<Request<Body>>>::Response;
type Stream = Paced<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// Opens connections; hands out the one that was opened to learn the protocol first.
#[derive(Clone)]
struct Dial {
    https: HttpsConnector<HttpConnector>,
    spare: Arc<Mutex<Option<Stream>>>,
    /// The hyper client behind speaks HTTP/2 whatever was negotiated.
    must_be_http2: bool,
}

impl Dial {
    fn new(https: HttpsConnector<HttpConnector>) -> Self {
        Self {
            https,
            spare: Arc::default(),
            must_be_http2: false,
        }
    }

    async fn dial(mut self, server: Uri) -> Result<Stream, BoxError> {
        match tokio::time::timeout(CONNECT_TIMEOUT, self.https.call(server)).await {
            Ok(connected) => connected.map(Paced::new),
            Err(_) => Err(Unmistakable(Failure::TimedOut {
                after: Some(CONNECT_TIMEOUT),
            })
            .into()),
        }
    }
}

impl Service<Uri> for Dial {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let spare = lock(&self.spare).take();
        let dial = self.clone();
        Box::pin(async move {
            let must_be_http2 = dial.must_be_http2;
            let stream = match spare {
                Some(stream) => stream,
                None => dial.dial(server).await?,
            };
            if must_be_http2 && !stream.connected().is_negotiated_h2() {
                return Err(ProtocolChanged.into());
            }
            Ok(stream)
        })
    }
}

/// Behind one address there are servers with HTTP/2 and without: the next request learns the protocol anew.
#[derive(Debug)]
struct ProtocolChanged;

impl std::fmt::Display for ProtocolChanged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server stopped speaking HTTP/2")
    }
}

impl std::error::Error for ProtocolChanged {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

type Learning = Shared<BoxFuture<'static, Result<Protocol, Failure>>>;

enum Known {
    Nothing,
    /// The first connection is being opened; everyone waits for the same one and shares its failure.
    Learning(Learning),
    Protocol(Protocol),
}

/// The client that learns the protocol from its first connection.
#[derive(Clone)]
struct Http {
    server: Uri,
    dial: Dial,
    http1: legacy::Client<Dial, Body>,
    http2: legacy::Client<Dial, Body>,
    known: Arc<Mutex<Known>>,
}

impl Http {
    fn new(server: Uri, https: HttpsConnector<HttpConnector>) -> Self {
        let dial = Dial::new(https);
        let must_be_http2 = Dial {
            must_be_http2: true,
            ..dial.clone()
        };
        Self {
            server,
            http1: legacy::Client::builder(TokioExecutor::new()).build(dial.clone()),
            http2: legacy::Client::builder(TokioExecutor::new())
                .http2_only(true)
                .timer(TokioTimer::new())
                .http2_keep_alive_interval(PING)
                .http2_keep_alive_timeout(PING)
                .http2_keep_alive_while_idle(true)
                .build(must_be_http2),
            dial,
            known: Arc::new(Mutex::new(Known::Nothing)),
        }
    }

    async fn protocol(&self) -> Result<Protocol, Failure> {
        let learning = {
            let mut known = lock(&self.known);
            match &*known {
                Known::Protocol(protocol) => return Ok(*protocol),
                Known::Learning(learning) => learning.clone(),
                Known::Nothing => {
                    let learning = self.learn();
                    *known = Known::Learning(learning.clone());
                    learning
                }
            }
        };
        let learned = learning.clone().await;
        let mut known = lock(&self.known);
        if matches!(&*known, Known::Learning(current) if current.ptr_eq(&learning)) {
            *known = match learned {
                Ok(protocol) => Known::Protocol(protocol),
                Err(_) => Known::Nothing,
            };
        }
        learned
    }

    fn learn(&self) -> Learning {
        let dial = self.dial.clone();
        let server = self.server.clone();
        async move {
            let spare = dial.spare.clone();
            let stream = dial.dial(server).await.map_err(|error| from_chain(error.as_ref()))?;
            let protocol = if stream.connected().is_negotiated_h2() {
                Protocol::Http2
            } else {
                Protocol::Http1
            };
            *lock(&spare) = Some(stream);
            Ok(protocol)
        }
        .boxed()
        .shared()
    }
}

impl Service<Request<Body>> for Http {
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let http = self.clone();
        Box::pin(async move {
            let answer = match http.protocol().await.map_err(Unmistakable)? {
                Protocol::Http1 => http.http1.request(request).await,
                Protocol::Http2 => http.http2.request(request).await,
            };
            answer.map_err(|error| {
                if has_protocol_changed(&error) {
                    *lock(&http.known) = Known::Nothing;
                }
                error.into()
            })
        })
    }
}

fn has_protocol_changed(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<ProtocolChanged>())
}

/// The lock's content, even after a panic elsewhere: no invariant spans two statements here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
