//! One request and its answer over a connected stream, in HTTP/1.1 or HTTP/2; and what a broken connection was broken by.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;

use futures::future::{Either, select};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::{Course, in_ms};
use crate::model::route::answer::{Answer, Failed};
use crate::model::route::failure::Failure;
use crate::model::route::wire::{Http, Manner, Request};
use crate::net::port_forward::Broken;

/// Sends `request` and reads the answer, within [`Manner::read_limit`]. The stream is closed at the end.
pub(super) async fn send<S>(
    stream: S,
    scheme: &str,
    request: &Request,
    manner: &Manner,
    course: &mut Course,
) -> Result<Answer, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let work = async {
        match manner.http {
            Http::One => {
                let (mut sender, connection) = http1::handshake(io).await.map_err(|error| failed(&error))?;
                let request = in_http1(request)?;
                let exchange = async {
                    let answer = sender.send_request(request.0).await.map_err(|error| failed(&error))?;
                    course.answered();
                    read(answer, request.1, manner.body_limit).await
                };
                beside(exchange, connection).await
            }
            Http::Two => {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(|error| failed(&error))?;
                let request = in_http2(scheme, request)?;
                let exchange = async {
                    let answer = sender.send_request(request.0).await.map_err(|error| failed(&error))?;
                    course.answered();
                    read(answer, request.1, manner.body_limit).await
                };
                beside(exchange, connection).await
            }
        }
    };
    let answered = timeout(manner.read_limit, work).await;
    answered.unwrap_or_else(|_| {
        let words = match course.timing.first_byte {
            None => "connected, and no answer",
            Some(_) => "the answer began, and wasn't whole",
        };
        let words = format!("{words} within {}", in_ms(manner.read_limit));
        Err(Failed::new(Failure::ReadTimeout, words))
    })
}

/// The exchange, with what drives its connection beside it.
async fn beside<T>(exchange: impl Future<Output = T>, connection: impl Future) -> T {
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // All that came before its end is still to be read.
        Either::Right((_, exchange)) => exchange.await,
    }
}

type Ready<'a> = (http::Request<Full<Bytes>>, &'a [String]);

fn in_http1(request: &Request) -> Result<Ready<'_>, Failed> {
    let builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.target)
        .header(http::header::HOST, &request.host)
        .header(http::header::CONNECTION, "close");
    whole(builder, request)
}

fn in_http2<'a>(scheme: &str, request: &'a Request) -> Result<Ready<'a>, Failed> {
    let builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{scheme}://{}{}", request.host, request.target))
        .version(http::Version::HTTP_2);
    whole(builder, request)
}

fn whole(mut builder: http::request::Builder, request: &Request) -> Result<Ready<'_>, Failed> {
    let has = |name: &str| {
        request
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    for (name, value) in [("user-agent", "shardctl"), ("accept", "*/*")] {
        if !has(name) {
            builder = builder.header(name, value);
        }
    }
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let body = Full::from(request.body.clone().unwrap_or_default());
    match builder.body(body) {
        Ok(ready) => Ok((ready, &request.keep)),
        // Checked where it was typed; a key may still hold what no request can.
        Err(error) => Err(Failed::new(
            Failure::Http4xx,
            format!("this is no request that can be sent: {error}"),
        )),
    }
}

async fn read<B>(answer: http::Response<B>, keep: &[String], limit: usize) -> Result<Answer, Failed>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let (parts, mut rest) = answer.into_parts();
    let headers = parts.headers.iter();
    let headers = headers
        .filter(|(name, _)| keep.iter().any(|kept| kept == name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut body = Vec::new();
    while body.len() < limit {
        let Some(frame) = rest.frame().await else { break };
        if let Ok(data) = frame.map_err(|error| failed(&error))?.into_data() {
            body.extend_from_slice(&data[..data.len().min(limit - body.len())]);
        }
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers,
        body,
    })
}

/// What hyper couldn't do, by the cause beneath it.
fn failed(error: &hyper::Error) -> Failed {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    for cause in causes {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return broken(io);
        }
    }
    if error.is_incomplete_message() {
        return closed();
    }
    if error.is_parse() {
        let words = format!("what came is no HTTP: {error}");
        return Failed::new(Failure::Reset, words);
    }
    Failed::new(Failure::Reset, innermost(error))
}

/// What a connection was broken by.
pub(super) fn broken(error: &io::Error) -> Failed {
    let inner = error.get_ref();
    if let Some(broken) = inner.and_then(|inner| inner.downcast_ref::<Broken>()) {
        return match broken {
            Broken::Way(words) => Failed::new(Failure::ApiTunnel, words),
            Broken::Port(words) => Failed::new(class_of(words), words),
        };
    }
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Failed::new(Failure::Tls, tls.to_string());
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => closed(),
        _ => Failed::new(Failure::Reset, error.to_string()),
    }
}

/// The class of what a kubelet says about a pod's port: it says it in the words of the pod's own network.
fn class_of(words: &str) -> Failure {
    let lower = words.to_ascii_lowercase();
    let has = |sign: &str| lower.contains(sign);
    if has("connection refused") {
        Failure::ConnectRefused
    } else if has("connection reset") || has("broken pipe") {
        Failure::Reset
    } else if has("i/o timeout") || has("connection timed out") {
        Failure::ConnectTimeout
    } else {
        Failure::ApiTunnel
    }
}

fn closed() -> Failed {
    Failed::new(Failure::Reset, "the connection was closed before the answer was whole")
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| (**error).source()).last();
    last.unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelets_words_tell_the_pods_port_from_the_way_to_it() {
        // As the kubelet of containerd and kwok say it.
        for (words, class) in [
            (
                "error forwarding port 8080 to pod x, uid : failed to execute portforward in network namespace \"/n\": failed to connect to localhost:8080 inside namespace \"x\", IPv4: dial tcp4 127.0.0.1:8080: connect: connection refused",
                Failure::ConnectRefused,
            ),
            (
                "error forwarding port 8080 to pod x, uid : read tcp4 127.0.0.1:4->127.0.0.1:8080: read: connection reset by peer",
                Failure::Reset,
            ),
            (
                "error forwarding port 8080 to pod x, uid : network namespace for sandbox \"x\" is closed",
                Failure::ApiTunnel,
            ),
        ] {
            assert_eq!(class_of(words), class, "{words}");
            let error = io::Error::other(Broken::Port(words.to_owned()));
            assert_eq!(broken(&error).class, class);
        }
        let error = io::Error::other(Broken::Way("connection reset".to_owned()));
        assert_eq!(broken(&error).class, Failure::ApiTunnel);
    }
}
