//! One port of one pod as a byte stream, opened through the API server and the kubelet.
//!
//! What must not get lost here is *why* a stream ended. The kubelet dials the pod only after the websocket is open, so a
//! refused port shows up late, on an error channel beside the data; without it a caller sees nothing but an end of file.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Portforwarder};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::refusal::refused;
use crate::error::{Error, ErrorKind};

/// Opens `port` of `pod`; one websocket, which is closed when the stream is dropped.
///
/// Needs an HTTP/1.1 client (the stream is an upgraded connection) and the verbs get and create on `pods/portforward`.
///
/// # Errors
/// Names the pod and says why: no rights, no such pod, no answer within `timeout`. A port on which nothing listens is *not*
/// an error here: the kubelet dials after the upgrade, so the first read fails with its words.
pub async fn open(
    client: &kube::Client,
    namespace: &str,
    pod: &str,
    port: u16,
    timeout: Duration,
) -> Result<PortStream, Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut forwarder = match tokio::time::timeout(timeout, pods.portforward(pod, &[port])).await {
        Ok(Ok(forwarder)) => forwarder,
        Ok(Err(error)) => {
            return Err(refused(
                &format!("failed to open a port-forward to pod/{pod} port {port}"),
                "portforward",
                namespace,
                error,
            ));
        }
        Err(_) => {
            let message = format!(
                "failed to open a port-forward to pod/{pod} port {port}: no answer from the API server within {} ms",
                timeout.as_millis()
            );
            return Err(Error::new(ErrorKind::Unreachable, message));
        }
    };
    let stream = forwarder.take_stream(port);
    let error = forwarder.take_error(port);
    let (Some(stream), Some(error)) = (stream, error) else {
        return Err(Error::bug(format!(
            "failed to open a port-forward to pod/{pod}: the client has no stream for port {port}"
        )));
    };
    Ok(PortStream {
        stream,
        reported: Some(Box::pin(error)),
        forwarding: Some(forwarding(forwarder)),
    })
}

type Reported = Pin<Box<dyn Future<Output = Option<String>> + Send + Sync>>;
type Forwarding = Pin<Box<dyn Future<Output = Result<(), String>> + Send + Sync>>;

/// How the background task that copies between the websocket and the stream ended.
fn forwarding(forwarder: Portforwarder) -> Forwarding {
    Box::pin(async move { forwarder.join().await.map_err(|error| error.to_string()) })
}

/// A byte stream to one port of one pod. Reading and writing fail with the kubelet's or the connection's own words.
pub struct PortStream {
    stream: DuplexStream,
    /// What the kubelet says about the port, at most once; `None` when the connection ended without a word.
    reported: Option<Reported>,
    forwarding: Option<Forwarding>,
}

impl fmt::Debug for PortStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortStream").finish_non_exhaustive()
    }
}

/// Why a stream into a pod broke; inside the [`io::Error`] that reading and writing give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The kubelet says so of the port: nothing listens, or the pod's end was cut.
    Port(String),
    /// The connection to the API server or the kubelet broke: it says nothing of the pod.
    Way(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Port(words) | Self::Way(words)) = self;
        f.write_str(words)
    }
}

impl std::error::Error for Broken {}

/// What is known about the end of a stream.
enum Ending {
    /// It failed, for this reason.
    Failed(Broken),
    /// The connection is going down; the reason is about to be known.
    SoonKnown,
    /// Nothing is known to be wrong.
    Quiet,
}

impl PortStream {
    fn ending(&mut self, cx: &mut Context<'_>) -> Ending {
        if let Some(reported) = &mut self.reported {
            match reported.as_mut().poll(cx) {
                Poll::Pending => return Ending::Quiet,
                Poll::Ready(words) => {
                    self.reported = None;
                    if let Some(words) = words {
                        return Ending::Failed(Broken::Port(words.trim().to_owned()));
                    }
                }
            }
        }
        // Nothing more will be reported: the task that would do it has ended or is about to.
        let Some(forwarding) = &mut self.forwarding else {
            return Ending::Quiet;
        };
        match forwarding.as_mut().poll(cx) {
            Poll::Pending => Ending::SoonKnown,
            Poll::Ready(ended) => {
                self.forwarding = None;
                match ended {
                    Ok(()) => Ending::Quiet,
                    Err(words) => Ending::Failed(Broken::Way(words)),
                }
            }
        }
    }
}

impl AsyncRead for PortStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining() > 0;
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let ended = match &read {
            Poll::Ready(Ok(())) if buf.filled().len() > before || !room => return read,
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        match self.ending(cx) {
            Ending::Failed(words) => Poll::Ready(Err(io::Error::other(words))),
            Ending::SoonKnown if ended => Poll::Pending,
            Ending::SoonKnown | Ending::Quiet => read,
        }
    }
}

impl AsyncWrite for PortStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        let Poll::Ready(Err(_)) = &written else { return written };
        match self.ending(cx) {
            Ending::Failed(words) => Poll::Ready(Err(io::Error::other(words))),
            Ending::SoonKnown => Poll::Pending,
            Ending::Quiet => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
