//! Real little name servers for the tests of this room: sockets on loopback that answer hand-built messages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// A server on one port, UDP and TCP; it ends when it is dropped.
pub(super) struct TestServer {
    pub(super) address: SocketAddr,
    /// TCP connections accepted so far.
    pub(super) connections: Arc<AtomicUsize>,
    /// Datagrams received so far.
    pub(super) datagrams: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// What to do with a question.
pub(super) enum Deed {
    Answer(Box<Message>),
    Silence,
    /// Close the TCP connection, having sent this many bytes of the answer.
    Cut(usize),
}

/// The answer that the first label of the name asks for, so that a test reads by its names.
pub(super) fn by_first_label(query: &Message, over_udp: bool) -> Deed {
    let asked = query.queries[0].clone();
    let label = asked
        .name
        .iter()
        .next()
        .map(|label| String::from_utf8_lossy(label).to_lowercase())
        .unwrap_or_default();
    let mut message = query.clone().into_response();
    let address = |last: u8| Record::from_rdata(asked.name.clone(), 5, RData::A(A::new(10, 0, 0, last)));
    match label.as_str() {
        "nxdomain" => message.metadata.response_code = ResponseCode::NXDomain,
        "nodata" => {}
        "servfail" => message.metadata.response_code = ResponseCode::ServFail,
        "refused" => message.metadata.response_code = ResponseCode::Refused,
        "silence" => return Deed::Silence,
        "cut" => return Deed::Cut(7),
        "closed" => return Deed::Cut(0),
        "long" if over_udp => message.metadata.truncation = true,
        "other" => message.queries[0].name = "not-asked.test.".parse().unwrap(),
        "six" => {
            message.add_answer(Record::from_rdata(
                asked.name.clone(),
                9,
                RData::AAAA("fd00::6".parse::<std::net::Ipv6Addr>().unwrap().into()),
            ));
        }
        label => {
            let last = label
                .rsplit('-')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(99);
            message.add_answer(address(last));
        }
    }
    Deed::Answer(Box::new(message))
}

impl TestServer {
    /// Starts a server that answers by [`by_first_label`].
    pub(super) async fn start() -> Self {
        let (listener, socket) = same_port().await;
        let address = listener.local_addr().unwrap();
        let (connections, datagrams) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        let counted = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve_stream(stream));
            }
        });
        let counted = Arc::clone(&datagrams);
        tasks.spawn(async move {
            let mut buf = vec![0; 4096];
            loop {
                let (length, from) = socket.recv_from(&mut buf).await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let query = Message::from_vec(&buf[..length]).unwrap();
                if let Deed::Answer(message) = by_first_label(&query, true) {
                    socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
                }
            }
        });
        Self {
            address,
            connections,
            datagrams,
            _tasks: tasks,
        }
    }
}

/// Both protocols on one port, as a name server has them; another try when the port is taken on one of them.
async fn same_port() -> (TcpListener, UdpSocket) {
    for _ in 0..50 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (listener, socket);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// Answers the questions that come over one stream, each as it arrives.
pub(super) async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    loop {
        let Ok(length) = stream.read_u16().await else { return };
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let query = Message::from_vec(&query).unwrap();
        match by_first_label(&query, false) {
            Deed::Silence => {}
            Deed::Cut(bytes) => {
                let whole = framed(&query.into_response());
                let _peer_may_be_gone = stream.write_all(&whole[..bytes]).await;
                return;
            }
            Deed::Answer(message) => {
                if stream.write_all(&framed(&message)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A message as it goes over TCP: its length, then itself (RFC 1035 section 4.2.2).
fn framed(message: &Message) -> Vec<u8> {
    let bytes = message.to_vec().unwrap();
    let mut framed = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(bytes);
    framed
}
