//! Upgraded connections: port-forwards and commands over websockets (`v4.channel.k8s.io`).
//!
//! SPDY isn't spoken here; whoever asks for it is refused and takes the websocket, as behind a proxy that knows no SPDY.

use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request as HttpRequest, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{Cluster, body};
use crate::sim::api::{Answer, Heard, Request, Stream, command, hear, stream};
use crate::sim::store::Key;

const PROTOCOL: &str = "v4.channel.k8s.io";

/// The channels of a command.
const STDOUT: u8 = 1;
const STATUS: u8 = 3;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Whether a request wants its connection to become something else.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

/// Answers such a request, and serves what it becomes.
pub(super) fn open(cluster: &Cluster, request: &mut HttpRequest<Incoming>) -> Response<body::Sent> {
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
            tokio::spawn(serve(cluster.clone(), upgrade, stream));
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
    let mut unheard: Vec<Vec<u8>> = vec![Vec::new(); ports.len()];
    for (channel, port) in channels.clone() {
        let heard = hear(&cluster.plane(), pod, *port, &[]);
        if let Heard::Refused(words) = heard {
            return say(socket, channel + 1, words.as_bytes()).await;
        }
    }
    while let Some(message) = socket.next().await {
        let bytes = match message? {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return Ok(()),
            _ => continue,
        };
        let Some((channel, sent)) = bytes.split_first() else {
            continue;
        };
        let at = usize::from(channel / 2);
        let (Some(port), Some(waiting)) = (ports.get(at), unheard.get_mut(at)) else {
            continue;
        };
        waiting.extend(sent);
        loop {
            let heard = hear(&cluster.plane(), pod, *port, waiting);
            match heard {
                Heard::More => break,
                Heard::Refused(words) => return say(socket, channel + 1, words.as_bytes()).await,
                Heard::Said(answer, read) => {
                    waiting.drain(..read);
                    if !answer.is_empty() {
                        say(socket, *channel, &answer).await?;
                    }
                }
            }
        }
    }
    Ok(())
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
