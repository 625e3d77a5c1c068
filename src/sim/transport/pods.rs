//! Connections to a port of a pod, and who talks at the other end: a name server, or a shard's application over HTTP/1.1.

use std::io;
use std::time::Duration;

use http::{Request as HttpRequest, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::sleep;

use super::{Closed, Cluster, PIPE, body};
use crate::sim::api::{Listener, listener};
use crate::sim::application::{self, Asked};
use crate::sim::names;
use crate::sim::store::Key;

/// How long a shard takes to answer; one that passes the key on takes as long as both.
const ANSWERS: Duration = Duration::from_millis(1);

/// A connection to a port of a pod.
///
/// # Errors
/// Nobody listens: the kubelet's words.
pub(super) fn connect(cluster: &Cluster, pod: &Key, port: u16) -> Result<DuplexStream, String> {
    let listener = listener(&cluster.plane(), pod, port)?;
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let (cluster, pod) = (cluster.clone(), pod.clone());
    match listener {
        Listener::Names => tokio::spawn(async move {
            // Whoever asks has gone: so does the end of it.
            let _ = tell_names(&cluster, &pod, port, theirs).await;
        }),
        Listener::Application(uid) => tokio::spawn(serve(cluster, pod, uid, port, theirs)),
    };
    Ok(ours)
}

/// Answers questions as they go over TCP, each behind its length.
async fn tell_names(cluster: &Cluster, pod: &Key, port: u16, mut stream: DuplexStream) -> io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let answer = {
            let plane = cluster.plane();
            if listener(&plane, pod, port) != Ok(Listener::Names) {
                return Ok(());
            }
            names::answer(&plane.store, &question)
        };
        if let Some(answer) = answer {
            let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
            stream
                .write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())
                .await?;
        }
    }
}

/// Serves a connection as the application of the shard whose pod has this uid.
async fn serve(cluster: Cluster, pod: Key, uid: String, port: u16, stream: DuplexStream) {
    let service = hyper::service::service_fn(move |request: HttpRequest<Incoming>| {
        let (cluster, pod, uid) = (cluster.clone(), pod.clone(), uid.clone());
        async move { answer(&cluster, &pod, &uid, port, request).await }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.auto_date_header(false);
    // Whoever asks has gone, or asked what is no HTTP.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// The answer to one request; an error, and with it the end of the connection, where the shard has gone meanwhile.
async fn answer(
    cluster: &Cluster,
    pod: &Key,
    uid: &str,
    port: u16,
    request: HttpRequest<Incoming>,
) -> Result<Response<body::Sent>, Closed> {
    let (parts, body) = request.into_parts();
    body.collect().await.map_err(|_| Closed)?;
    let header = parts.headers.get("x-shard-key").and_then(|value| value.to_str().ok());
    let asked = Asked {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        header: header.unwrap_or_default().to_owned(),
    };
    sleep(ANSWERS).await;
    let told = application::answer(&cluster.plane(), pod, uid, port, &asked).ok_or(Closed)?;
    if told.served_by != pod.name {
        sleep(ANSWERS).await;
    }
    let response = Response::builder()
        .status(told.status)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-served-by", told.served_by)
        .header("x-owner", told.owner);
    response.body(body::whole(told.body)).map_err(|_| Closed)
}
