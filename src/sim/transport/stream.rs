//! Upgraded connections: port-forwards and commands over websockets (`v4.channel.k8s.io`).
//!
//! SPDY isn't spoken here; whoever asks for it is refused and takes the websocket, as behind a proxy that knows no SPDY.

use std::collections::BTreeMap;

use futures::stream::{BoxStream, SelectAll, unfold};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request as HttpRequest, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::pods::connect;
use super::{Cluster, Life, body};
use crate::sim::api::{Answer, Request, Stream, command, stream};
use crate::sim::store::Key;

const PROTOCOL: &str = "v4.channel.k8s.io";

/// How much of what a pod says goes into one message.
const PIECE: usize = 16 * 1024;

/// The channels of a command.
const STDOUT: u8 = 1;
const STATUS: u8 = 3;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Whether a request wants its connection to become something else.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

/// Answers such a request, and serves what it becomes as long as whoever asked lives.
pub(super) fn open(cluster: &Cluster, life: &Life, request: &mut HttpRequest<Incoming>) -> Response<body::Sent> {
    let asked = Request {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    let wanted = stream(&mut cluster.plane(), &asked);
    let key = request.headers().get("sec-websocket-key").cloned();
    let refuse = |answer: Answer| {
        let response = Response::builder()
            .status(answer.code)
            .header("audit-id", "rehearsal")
            .header(header::CONTENT_TYPE, answer.content_type);
        response.body(body::whole(answer.body)).unwrap_or_default()
    };
    match (wanted, key) {
        (Err(answer), _) => refuse(answer),
        (Ok(_), None) => refuse(Answer::text(400, "only websockets are spoken here\n")),
        (Ok(stream), Some(key)) => {
            let upgrade = hyper::upgrade::on(&mut *request);
            tokio::spawn(life.clone().while_it_lasts(serve(cluster.clone(), upgrade, stream)));
            let response = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
                .header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
            response.body(body::whole(String::new())).unwrap_or_default()
        }
    }
}

async fn serve(cluster: Cluster, upgrade: OnUpgrade, stream: Stream) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    // Whoever has gone doesn't hear the rest.
    let _ = match stream {
        Stream::Ports(pod, ports) => forward(&cluster, &mut socket, &pod, &ports).await,
        Stream::Command(pod, words) => run(&mut socket, &pod, &words).await,
    };
    let _ = socket.close(None).await;
    // What was said is read before the end is seen, as it is where a network is in between.
    while let Some(Ok(_)) = socket.next().await {}
}

type Sent = Result<(), tokio_tungstenite::tungstenite::Error>;

async fn say(socket: &mut Socket, channel: u8, bytes: &[u8]) -> Sent {
    let mut message = vec![channel];
    message.extend(bytes);
    socket.send(Message::Binary(Bytes::from(message))).await
}

/// Two channels a port: what is said, and the kubelet's words. Each begins with the port's number.
async fn forward(cluster: &Cluster, socket: &mut Socket, pod: &Key, ports: &[u16]) -> Sent {
    let channels = (0..).step_by(2).zip(ports);
    for (channel, port) in channels.clone() {
        say(socket, channel, &port.to_le_bytes()).await?;
        say(socket, channel + 1, &port.to_le_bytes()).await?;
    }
    let (mut said, mut heard) = (SelectAll::new(), BTreeMap::new());
    for (channel, port) in channels {
        match connect(cluster, pod, *port) {
            Err(words) => return say(socket, channel + 1, words.as_bytes()).await,
            Ok(stream) => {
                let (from, to) = tokio::io::split(stream);
                said.push(pieces(channel, from));
                heard.insert(channel, to);
            }
        }
    }
    loop {
        tokio::select! {
            biased;
            piece = said.next() => match piece {
                Some((channel, piece)) => say(socket, channel, &piece).await?,
                // Every pod's end is closed.
                None => return Ok(()),
            },
            message = socket.next() => {
                let bytes = match message.transpose()? {
                    Some(Message::Binary(bytes)) => bytes,
                    Some(Message::Close(_)) | None => return Ok(()),
                    Some(_) => continue,
                };
                let Some((channel, sent)) = bytes.split_first() else { continue };
                if let Some(to) = heard.get_mut(channel) {
                    // Who has closed hears no more; that is seen above.
                    let _ = to.write_all(sent).await;
                }
            }
        }
    }
}

/// What a pod says on a connection, piece by piece, with the channel that it goes to.
fn pieces(channel: u8, from: ReadHalf<DuplexStream>) -> BoxStream<'static, (u8, Vec<u8>)> {
    let next = move |mut from: ReadHalf<DuplexStream>| async move {
        let mut piece = vec![0; PIECE];
        let length = from.read(&mut piece).await.unwrap_or(0);
        piece.truncate(length);
        (length > 0).then_some(((channel, piece), from))
    };
    unfold(from, next).boxed()
}

async fn run(socket: &mut Socket, pod: &Key, words: &[String]) -> Sent {
    let status: Value = match command(pod, words) {
        Some(output) => {
            say(socket, STDOUT, output.as_bytes()).await?;
            json!({"metadata": {}, "status": "Success"})
        }
        None => {
            let first = words.first().map(String::as_str).unwrap_or_default();
            let why = format!("exec: \"{first}\": executable file not found in $PATH: unknown");
            json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
                "message": format!("Internal error occurred: error executing command in container: {why}")})
        }
    };
    say(socket, STATUS, status.to_string().as_bytes()).await
}
