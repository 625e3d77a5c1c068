//! One server by its address: UDP first, TCP for what came back truncated.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime};
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsRequestSender, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions};
use tokio::io::{Interest, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};

use super::exchange::{QUESTIONS_AT_ONCE, net_error, over_stream};
use super::{Ask, answer};
use crate::model::dns::Answer;

/// What came back over UDP.
enum Reply {
    Final(Answer),
    /// The answer doesn't fit into a datagram.
    Truncated,
}

/// Asks the server at `address` for every name.
pub(super) async fn ask_server(address: SocketAddr, ask: &Ask) -> BTreeMap<String, Answer> {
    let replies: Vec<(String, Reply)> = futures::stream::iter(&ask.names)
        .map(|name| async move { (name.clone(), over_udp(address, ask, name).await) })
        .buffer_unordered(QUESTIONS_AT_ONCE)
        .collect()
        .await;
    let mut answers = BTreeMap::new();
    let mut truncated = Vec::new();
    for (name, reply) in replies {
        match reply {
            Reply::Final(answer) => {
                answers.insert(name, answer);
            }
            Reply::Truncated => truncated.push(name),
        }
    }
    if !truncated.is_empty() {
        answers.extend(over_tcp(address, ask, truncated).await);
    }
    answers
}

async fn over_udp(address: SocketAddr, ask: &Ask, name: &str) -> Reply {
    let question = match answer::question(name, ask.family) {
        Ok(question) => question,
        Err(why) => return Reply::Final(Answer::Unreachable { why }),
    };
    // A socket of its own for each question, as every resolver does it: the port is half of the protection against forged answers.
    let mut client = UdpClientStream::builder(address, ConnectedUdp::default())
        .with_timeout(Some(ask.timeout))
        .build();
    let request = DnsRequest::from_query(question.clone(), DnsRequestOptions::default());
    Reply::Final(match client.send_message(request).first_answer().await {
        Ok(response) if response.metadata.truncation => return Reply::Truncated,
        Ok(response) => answer::from_response(&question, &response),
        Err(NetError::Timeout) => answer::timed_out(ask.timeout),
        Err(error) => Answer::Unreachable {
            why: format!("failed to ask {address}: {}", net_error(&error)),
        },
    })
}

async fn over_tcp(address: SocketAddr, ask: &Ask, names: Vec<String>) -> BTreeMap<String, Answer> {
    let failed = match tokio::time::timeout(ask.timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => return over_stream(stream, ask, &names).await,
        Ok(Err(error)) => Answer::Unreachable {
            why: format!("the answer over UDP was truncated and TCP to {address} failed: {error}"),
        },
        Err(_) => answer::timed_out(ask.timeout),
    };
    names.into_iter().map(|name| (name, failed.clone())).collect()
}

/// hickory's tokio runtime, but with UDP sockets that are connected: only those are told that nobody listens (ICMP
/// "port unreachable"); on others a refusal looks like silence.
#[derive(Clone, Default)]
pub(super) struct ConnectedUdp(TokioRuntimeProvider);

impl RuntimeProvider for ConnectedUdp {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = ConnectedSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.0.connect_tcp(server, local, timeout)
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(ConnectedSocket { socket, server })
        })
    }
}

/// A UDP socket that only knows one peer.
pub(super) struct ConnectedSocket {
    socket: UdpSocket,
    server: SocketAddr,
}

impl DnsUdpSocket for ConnectedSocket {
    type Time = TokioTime;

    /// Waits for a datagram or an error. `poll_recv_from` alone sleeps through a refusal, since epoll reports it as an error
    /// and not as something to read. (The signature is what `async_trait` makes of the trait's `async fn`.)
    fn recv_from<'s, 'b, 'f>(
        &'s self,
        buf: &'b mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'f>>
    where
        's: 'f,
        'b: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            loop {
                let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
                if ready.is_error() {
                    if let Some(error) = self.socket.take_error()? {
                        return Err(error);
                    }
                    // Nothing was wrong after all; only an operation that would block clears the mark.
                    let _cleared: io::Result<()> = self
                        .socket
                        .try_io(Interest::ERROR, || Err(io::ErrorKind::WouldBlock.into()));
                }
                match self.socket.try_recv(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    received => return received.map(|length| (length, self.server)),
                }
            }
        })
    }

    fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buf = ReadBuf::new(buf);
        self.socket
            .poll_recv(cx, &mut buf)
            .map_ok(|()| (buf.filled().len(), self.server))
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], _server: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket.poll_send(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::test_server::TestServer;
    use super::*;

    fn ask(names: &[&str]) -> Ask {
        Ask::new(
            names.iter().map(|name| format!("{name}.test.")).collect(),
            Duration::from_secs(5),
        )
    }

    #[tokio::test]
    async fn every_kind_of_answer_is_told_apart_over_udp() {
        let server = TestServer::start().await;
        let answers = ask_server(
            server.address,
            &ask(&["db-1", "nxdomain", "nodata", "servfail", "refused"]),
        )
        .await;
        assert_eq!(
            answers["db-1.test."],
            Answer::Addresses {
                addresses: vec![[10, 0, 0, 1].into()],
                ttl: Some(5)
            }
        );
        assert_eq!(answers["nxdomain.test."], Answer::NxDomain);
        assert_eq!(answers["nodata.test."], Answer::NoData);
        assert_eq!(
            answers["servfail.test."],
            Answer::ServerError {
                code: "SERVFAIL".into()
            }
        );
        assert_eq!(answers["refused.test."], Answer::ServerError { code: "REFUSED".into() });
        assert_eq!(server.connections.load(Ordering::SeqCst), 0, "nothing was truncated");
    }

    #[tokio::test]
    async fn what_is_truncated_is_asked_again_over_one_tcp_connection() {
        let server = TestServer::start().await;
        let answers = ask_server(server.address, &ask(&["long", "long.er", "db-1"])).await;
        let whole = Answer::Addresses {
            addresses: vec![[10, 0, 0, 99].into()],
            ttl: Some(5),
        };
        assert_eq!(answers["long.test."], whole);
        assert_eq!(answers["long.er.test."], whole);
        assert_eq!(answers.len(), 3);
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn silence_is_a_timeout() {
        let server = TestServer::start().await;
        let ask = Ask {
            timeout: Duration::from_millis(150),
            ..ask(&["silence"])
        };
        assert_eq!(
            ask_server(server.address, &ask).await["silence.test."],
            Answer::TimedOut { after_ms: 150 }
        );
        assert!(server.datagrams.load(Ordering::SeqCst) >= 1, "the question arrived");
    }

    #[tokio::test]
    async fn a_port_without_a_listener_is_unreachable_and_not_silent() {
        let address = {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.local_addr().unwrap()
        };
        let answers = ask_server(address, &ask(&["db-1"])).await;
        let Answer::Unreachable { why } = &answers["db-1.test."] else {
            panic!("{answers:?}")
        };
        assert!(why.contains("refused") && why.contains(&address.to_string()), "{why}");
    }

    #[tokio::test]
    async fn a_truncated_answer_without_tcp_says_both() {
        // UDP only: a datagram socket that marks everything as truncated, and nothing behind the same TCP port.
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut buf = vec![0; 4096];
            let (length, from) = socket.recv_from(&mut buf).await.unwrap();
            let mut message = hickory_resolver::proto::op::Message::from_vec(&buf[..length])
                .unwrap()
                .into_response();
            message.metadata.truncation = true;
            socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
        });
        let answers = ask_server(address, &ask(&["db-1"])).await;
        serving.await.unwrap();
        let Answer::Unreachable { why } = &answers["db-1.test."] else {
            panic!("{answers:?}")
        };
        assert!(why.contains("truncated") && why.contains("refused"), "{why}");
    }
}
