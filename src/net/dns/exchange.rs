//! All questions to one server over one byte stream.
//!
//! hickory's resolver opens a connection for each question that finds the others busy, and over port-forwards each of
//! those is a websocket through the API server and the kubelet. So this uses the layer beneath it: its multiplexer, which
//! sends every question at once over the stream it is given and sorts the answers by their ids.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::tcp::{TcpClientStream, TcpStream};
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle, DnsMultiplexer, FirstAnswer};
use hickory_resolver::proto::op::DnsRequestOptions;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Ask, answer};
use crate::model::dns::Answer;

/// Questions on the way at the same time on one connection; the multiplexer's own limit.
pub(super) const QUESTIONS_AT_ONCE: usize = 32;

/// The multiplexer must not give up before we do: it would leave no trace of having waited.
const LATER: Duration = Duration::from_secs(60);

/// Asks for `names` over `stream`, pipelined, each with its own time limit. Drops the stream before it returns.
pub(super) async fn over_stream<S>(stream: S, ask: &Ask, names: &[String]) -> BTreeMap<String, Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static,
{
    let end = End::default();
    // The multiplexer wants an address to compare with the stream's own; a stream through the API server has none.
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, super::DNS_PORT));
    let watched = AsyncIoTokioAsStd(Watched {
        stream,
        end: end.clone(),
    });
    let (tcp, sender) = TcpStream::from_stream_with_buffer_size(watched, nowhere, QUESTIONS_AT_ONCE);
    let multiplexer = DnsMultiplexer::new(TcpClientStream::from_stream(tcp), sender)
        .with_timeout(ask.timeout.saturating_add(LATER))
        .with_max_active_requests(QUESTIONS_AT_ONCE + 1);
    let (exchange, driver) = DnsExchange::<TokioRuntimeProvider>::from_stream(multiplexer);

    let questions = ask_all(&exchange, ask, names, &end);
    // Not spawned: when the answers are in, the driver and with it the stream go away at once. Boxed, so that `select` owns
    // it: when the stream dies first, the driver must go away too, or the questions still in its queue would wait for it.
    match select(std::pin::pin!(questions), Box::pin(driver)).await {
        Either::Left((answers, _)) => answers,
        Either::Right(((), questions)) => questions.await,
    }
}

async fn ask_all(
    exchange: &DnsExchange<TokioRuntimeProvider>,
    ask: &Ask,
    names: &[String],
    end: &End,
) -> BTreeMap<String, Answer> {
    futures::stream::iter(names)
        .map(|name| async move { (name.clone(), ask_one(exchange, ask, name, end).await) })
        .buffer_unordered(QUESTIONS_AT_ONCE)
        .collect()
        .await
}

async fn ask_one(exchange: &DnsExchange<TokioRuntimeProvider>, ask: &Ask, name: &str, end: &End) -> Answer {
    let question = match answer::question(name, ask.family) {
        Ok(question) => question,
        Err(why) => return Answer::Unreachable { why },
    };
    let reply = exchange
        .lookup(question.clone(), DnsRequestOptions::default())
        .first_answer();
    match tokio::time::timeout(ask.timeout, reply).await {
        Err(_) => answer::timed_out(ask.timeout),
        Ok(Ok(response)) => answer::from_response(&question, &response),
        // Whatever the multiplexer says about a dead stream, the stream knows better.
        Ok(Err(error)) => Answer::Unreachable {
            why: end.why().unwrap_or_else(|| net_error(&error)),
        },
    }
}

/// hickory's error in words; its wrapper around an I/O error adds nothing.
pub(super) fn net_error(error: &NetError) -> String {
    match error {
        NetError::Io(io) => io.to_string(),
        other => other.to_string(),
    }
}

/// Why a stream ended, once it has; hickory forgets it for the questions that come after.
#[derive(Clone, Default)]
struct End(Arc<OnceLock<String>>);

impl End {
    fn record(&self, why: impl Into<String>) {
        // Only the first cause counts: what follows it is its consequence.
        let _already_known = self.0.set(why.into());
    }

    fn why(&self) -> Option<String> {
        self.0.get().cloned()
    }
}

/// A stream that remembers how it ended.
struct Watched<S> {
    stream: S,
    end: End,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining() > 0);
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) if room && buf.filled().len() == before => {
                self.end.record("the connection was closed before the answer");
            }
            Poll::Ready(Err(error)) => self.end.record(error.to_string()),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Err(error)) = &written {
            self.end.record(error.to_string());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::Family;
    use super::super::test_server::{TestServer, serve_stream};
    use super::*;
    use tokio::net::TcpStream as Tcp;

    fn ask(names: &[&str]) -> Ask {
        Ask::new(
            names.iter().map(|name| format!("{name}.test.")).collect(),
            Duration::from_secs(5),
        )
    }

    fn addresses(last: u8) -> Answer {
        Answer::Addresses {
            addresses: vec![[10, 0, 0, last].into()],
            ttl: Some(5),
        }
    }

    async fn over_tcp(server: &TestServer, ask: &Ask) -> BTreeMap<String, Answer> {
        over_stream(Tcp::connect(server.address).await.unwrap(), ask, &ask.names).await
    }

    #[tokio::test]
    async fn a_hundred_names_share_one_connection() {
        let server = TestServer::start().await;
        let names: Vec<String> = (0..100).map(|n| format!("db-{n}")).collect();
        let ask = ask(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let answers = over_tcp(&server, &ask).await;
        assert_eq!(answers.len(), 100);
        for n in 0..100 {
            assert_eq!(answers[&format!("db-{n}.test.")], addresses(n));
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
        assert_eq!(server.datagrams.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn every_kind_of_answer_is_told_apart() {
        let server = TestServer::start().await;
        let answers = over_tcp(
            &server,
            &ask(&["db-1", "nxdomain", "nodata", "servfail", "refused", "six"]),
        )
        .await;
        assert_eq!(answers["db-1.test."], addresses(1));
        assert_eq!(answers["nxdomain.test."], Answer::NxDomain);
        assert_eq!(answers["nodata.test."], Answer::NoData);
        assert_eq!(
            answers["servfail.test."],
            Answer::ServerError {
                code: "SERVFAIL".into()
            }
        );
        assert_eq!(answers["refused.test."], Answer::ServerError { code: "REFUSED".into() });
        assert_eq!(
            answers["six.test."],
            Answer::NoData,
            "AAAA alone doesn't answer a question for A"
        );
    }

    #[tokio::test]
    async fn ipv6_addresses_are_asked_for_when_wanted() {
        let server = TestServer::start().await;
        let answers = over_tcp(
            &server,
            &Ask {
                family: Family::V6,
                ..ask(&["six", "db-1"])
            },
        )
        .await;
        assert_eq!(
            answers["six.test."],
            Answer::Addresses {
                addresses: vec!["fd00::6".parse().unwrap()],
                ttl: Some(9)
            }
        );
        assert_eq!(answers["db-1.test."], Answer::NoData);
    }

    #[tokio::test]
    async fn silence_costs_one_name_only() {
        let server = TestServer::start().await;
        let ask = Ask {
            timeout: Duration::from_millis(200),
            ..ask(&["db-1", "silence", "db-2"])
        };
        let answers = over_tcp(&server, &ask).await;
        assert_eq!(answers["silence.test."], Answer::TimedOut { after_ms: 200 });
        assert_eq!(answers["db-1.test."], addresses(1));
        assert_eq!(answers["db-2.test."], addresses(2));
    }

    #[tokio::test]
    async fn an_answer_to_another_question_is_not_taken() {
        let server = TestServer::start().await;
        let answers = over_tcp(&server, &ask(&["other"])).await;
        assert_eq!(
            answers["other.test."],
            Answer::Unreachable {
                why: "the server answered a question that was not asked".into()
            }
        );
    }

    #[tokio::test]
    async fn a_stream_cut_inside_an_answer_leaves_no_name_without_a_cause() {
        for cut in ["cut", "closed"] {
            let server = TestServer::start().await;
            // More names than are on the way at once: the last ones are asked after the stream has died.
            let names: Vec<String> = std::iter::once(cut.to_owned())
                .chain((0..60).map(|n| format!("silence.{n}")))
                .collect();
            let ask = ask(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let answers = over_tcp(&server, &ask).await;
            assert_eq!(answers.len(), 61);
            for (name, answer) in answers {
                let Answer::Unreachable { why } = answer else {
                    panic!("{name}: {answer:?}")
                };
                assert!(
                    why.contains("closed before the answer") || why.contains("reset"),
                    "{name}: {why}"
                );
            }
        }
    }

    /// A stream whose reading side fails with words, as a port-forward to a closed port does.
    struct Failing(tokio::io::DuplexStream);

    impl AsyncRead for Failing {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::other(
                "dial tcp4 127.0.0.1:53: connect: connection refused",
            )))
        }
    }

    impl AsyncWrite for Failing {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, buf)
        }
        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }
        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn the_real_cause_of_a_dead_stream_reaches_every_name() {
        let (near, far) = tokio::io::duplex(4096);
        let serving = tokio::spawn(serve_stream(far));
        let ask = ask(&["db-1", "db-2"]);
        let answers = over_stream(Failing(near), &ask, &ask.names).await;
        for name in ["db-1.test.", "db-2.test."] {
            assert_eq!(
                answers[name],
                Answer::Unreachable {
                    why: "dial tcp4 127.0.0.1:53: connect: connection refused".into()
                }
            );
        }
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_asked_is_answered_without_a_server() {
        let server = TestServer::start().await;
        let too_long = "x".repeat(64);
        let answers = over_tcp(&server, &ask(&[&too_long, "db-3"])).await;
        assert!(
            matches!(&answers[&format!("{too_long}.test.")], Answer::Unreachable { why } if why.contains("not a name"))
        );
        assert_eq!(answers["db-3.test."], addresses(3));
    }
}
