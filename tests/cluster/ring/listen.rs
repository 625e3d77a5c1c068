//! How a member of a ring listens: its port, its connections, and what it does to them before any HTTP.

use super::Behaviour;
use super::member::{self, Shared};
use crate::cluster::certificates::Signed;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// One place of a ring that listens: a member, or the balancer.
pub(super) struct Post {
    place: Arc<Place>,
    port: u16,
    listening: Mutex<Option<JoinHandle<()>>>,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) requests: Arc<AtomicUsize>,
}

/// What all connections of a post have in common.
pub(super) struct Place {
    /// The member; none for the balancer.
    pub(super) ordinal: Option<u32>,
    behaviour: Mutex<Behaviour>,
    acceptor: Option<TlsAcceptor>,
    pub(super) shared: Arc<Shared>,
    connections: Arc<AtomicUsize>,
    pub(super) requests: Arc<AtomicUsize>,
}

impl Place {
    pub(super) fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Post {
    pub(super) fn start(
        ordinal: Option<u32>,
        port: u16,
        acceptor: Option<TlsAcceptor>,
        shared: Arc<Shared>,
        runtime: &Runtime,
    ) -> Self {
        let (connections, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let place = Place {
            ordinal,
            behaviour: Mutex::new(Behaviour::Down),
            acceptor,
            shared,
            connections: connections.clone(),
            requests: requests.clone(),
        };
        let post = Self {
            place: Arc::new(place),
            port,
            listening: Mutex::default(),
            connections,
            requests,
        };
        post.behave(Behaviour::Healthy, runtime);
        post
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn behave(&self, behaviour: Behaviour, runtime: &Runtime) {
        let down = behaviour == Behaviour::Down;
        *self.place.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = listening.take_if(|_| down) {
            task.abort();
            // Only when the task is gone is its socket closed.
            let _ = runtime.block_on(task);
        } else if listening.is_none() && !down {
            let listener = runtime.block_on(bind(self.port));
            *listening = Some(runtime.spawn(serve(listener, self.place.clone())));
        }
    }
}

/// A port that was free a moment ago, or ours before; it may take a moment to be free again.
async fn bind(port: u16) -> TcpListener {
    let start = Instant::now();
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return listener,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "listen on {port}: {error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// What shows this certificate.
pub(super) fn acceptor(certificate: &Signed) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a certificate with its key");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, place: Arc<Place>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                place.connections.fetch_add(1, Ordering::SeqCst);
                open.spawn(converse(stream, place.clone()));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn converse(mut stream: TcpStream, place: Arc<Place>) {
    let _ = stream.set_nodelay(true);
    match place.behaviour() {
        Behaviour::Resets => {
            let _ = stream.peek(&mut [0]).await;
            let _ = stream.set_zero_linger();
        }
        Behaviour::Closes => {
            // What isn't read would turn the end into a reset.
            let _ = stream.read(&mut [0; 16 * 1024]).await;
        }
        Behaviour::Garbage => {
            let _ = stream.read(&mut [0; 16 * 1024]).await;
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
        _ => match &place.acceptor {
            None => http(stream, place).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.clone().accept(stream).await {
                    http(stream, place).await;
                }
            }
        },
    }
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, place: Arc<Place>) {
    let service = service_fn(move |request| member::answer(place.clone(), request));
    let server = auto::Builder::new(TokioExecutor::new());
    // The client went, or a half body was meant.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}
