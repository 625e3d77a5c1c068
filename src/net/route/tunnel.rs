//! The port-forwards of a run: one a shard, which carries a connection of its own for each request; and what is done when it breaks.
//!
//! SPDY/3.1, as kubectl has spoken it since the beginning: every API server hands it through to the kubelet, from 1.27 to the
//! newest, it needs the right to create only, and one upgrade serves a whole run. Kubernetes' other ways: a websocket
//! (v4.channel.k8s.io) carries one connection for each upgrade, hence 11,000 upgrades for 1,000 keys over 11 shards; it is what is
//! left where a proxy before the API server refuses SPDY. SPDY within a websocket (from 1.31 on) passes the same proxies, and
//! would save upgrades there only.
//!
//! What a port-forward can't tell: containerd and CRI-O say that a pod's end is over up to a second after it was (they give the
//! other direction that long). A limit below that sees a time-out where there was a reset.

mod frame;
mod spdy;
mod stream;

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use self::spdy::{NotDialled, Tunnel};
use self::stream::Forwarded;
use super::exchange::broken;
use super::{Cluster, in_ms};
use crate::model::route::answer::Failed;
use crate::model::route::failure::Failure;
use crate::net::port_forward::{self, PortStream};

/// For how long a refusal is waited for at most where nothing is sent: the kubelet dials only after the stream is there, a
/// busy one late, and a connection that is taken says nothing.
const TAKEN: Duration = Duration::from_secs(2);

/// The port-forwards of a run.
#[derive(Default)]
pub(super) struct Tunnels {
    pods: Mutex<BTreeMap<String, Arc<Pod>>>,
    /// SPDY was refused, and a websocket wasn't.
    websockets: AtomicBool,
}

/// The way to one pod.
#[derive(Default)]
struct Pod {
    way: Mutex<Way>,
    /// Held by whoever opens the way, while others wait for it.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Way {
    tunnel: Option<Arc<Tunnel>>,
    /// How often it broke.
    breaks: u32,
    /// Why it isn't opened any more.
    given_up: Option<String>,
}

/// A connection into a pod, just opened.
pub(super) struct Opened {
    /// The connection.
    pub(super) stream: Stream,
    /// Why the way there had to be opened anew.
    pub(super) reopened: Option<String>,
}

impl Tunnels {
    /// Opens a fresh connection to a port of a pod.
    pub(super) async fn open(
        &self,
        cluster: &Cluster,
        name: &str,
        port: u16,
        limit: Duration,
    ) -> Result<Opened, Failed> {
        if self.websockets.load(Ordering::Relaxed) {
            return over_websocket(cluster, name, port, limit).await;
        }
        let pod = self.pod(name);
        let opened = timeout(limit, self.over_spdy(cluster, &pod, name, port)).await;
        match opened {
            Ok(Ok(Some(opened))) => Ok(opened),
            Ok(Ok(None)) => {
                let opened = over_websocket(cluster, name, port, limit).await;
                match &opened {
                    Ok(_) => self.websockets.store(true, Ordering::Relaxed),
                    Err(failed) => pod.not_dialled(&failed.words),
                }
                opened
            }
            Ok(Err(words)) => Err(Failed::new(Failure::ApiTunnel, words)),
            Err(_) => {
                let limit = in_ms(limit);
                let words = format!(
                    "failed to open a port-forward to pod/{name} port {port}: no answer from the API server within {limit}"
                );
                let tunnel = pod.way().tunnel.clone();
                match tunnel {
                    Some(tunnel) => tunnel.give_up(&words),
                    None => pod.not_dialled(&words),
                }
                Err(Failed::new(Failure::ApiTunnel, words))
            }
        }
    }

    /// None where SPDY isn't spoken.
    async fn over_spdy(&self, cluster: &Cluster, pod: &Pod, name: &str, port: u16) -> Result<Option<Opened>, String> {
        let opening = pod.opening.lock().await;
        let (tunnel, reopened) = match pod.tunnel()? {
            Found::Open(tunnel) => (tunnel, None),
            Found::Closed(why) => match Tunnel::dial(&cluster.client, &cluster.namespace, name).await {
                Ok(tunnel) => (pod.keep(tunnel), why),
                Err(NotDialled::Refused) => return Ok(None),
                Err(NotDialled::Broke(words)) => {
                    pod.not_dialled(&words);
                    return Err(words);
                }
            },
        };
        drop(opening);
        let stream = tunnel.open(port).await?;
        Ok(Some(Opened {
            stream: Stream::Spdy(stream),
            reopened,
        }))
    }

    /// How often the way to a pod has broken so far.
    pub(super) fn breaks(&self, pod: &str) -> u32 {
        self.pod(pod).way().breaks
    }

    /// Whether a request whose way broke may be sent anew, when that had broken `breaks` times before: each way is opened anew
    /// once in a run. `Some(true)` is for the request that opens it, `Some(false)` for others that were on their way with it.
    pub(super) fn may_reopen(&self, pod: &str, breaks: u32) -> Option<bool> {
        let pod = self.pod(pod);
        let mut way = pod.way();
        if breaks > 0 {
            return None;
        }
        let first = way.breaks == 0;
        if first {
            way.breaks = 1;
            // What others have open through it goes on.
            way.tunnel = None;
        }
        Some(first)
    }

    fn pod(&self, name: &str) -> Arc<Pod> {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.entry(name.to_owned()).or_default().clone()
    }
}

/// The tunnel to a pod, as it is found.
enum Found {
    Open(Arc<Tunnel>),
    /// To be opened; anew for this reason.
    Closed(Option<String>),
}

impl Pod {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tunnel(&self) -> Result<Found, String> {
        let mut way = self.way();
        if let Some(why) = &way.given_up {
            return Err(why.clone());
        }
        let Some(tunnel) = way.tunnel.clone() else {
            return Ok(Found::Closed(None));
        };
        let Some(why) = tunnel.over_because() else {
            return Ok(Found::Open(tunnel));
        };
        way.tunnel = None;
        way.breaks += 1;
        if way.breaks > 1 {
            way.given_up = Some(format!("{why}; it had been opened anew before, and isn't again"));
            return Err(why);
        }
        Ok(Found::Closed(Some(why)))
    }

    fn keep(&self, tunnel: Tunnel) -> Arc<Tunnel> {
        let tunnel = Arc::new(tunnel);
        self.way().tunnel = Some(tunnel.clone());
        tunnel
    }

    fn not_dialled(&self, words: &str) {
        let mut way = self.way();
        if way.breaks > 0 {
            way.given_up = Some(words.to_owned());
        }
    }
}

async fn over_websocket(cluster: &Cluster, pod: &str, port: u16, limit: Duration) -> Result<Opened, Failed> {
    match port_forward::open(&cluster.client, &cluster.namespace, pod, port, limit).await {
        Ok(stream) => Ok(Opened {
            stream: Stream::Websocket(stream),
            reopened: None,
        }),
        Err(error) => Err(Failed::new(Failure::ApiTunnel, error.message())),
    }
}

/// Whether the pod took the connection: nothing is said for a moment, or something is.
pub(super) async fn is_taken(mut stream: Stream, limit: Duration) -> Result<(), Failed> {
    match timeout(limit.min(TAKEN), stream.read(&mut [0])).await {
        Ok(Err(error)) => Err(broken(&error)),
        // A server that closes at once has taken it.
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// A connection into a pod.
pub(super) enum Stream {
    /// One of many of a port-forward.
    Spdy(Forwarded),
    /// With a port-forward of its own.
    Websocket(PortStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Spdy(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Websocket(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Spdy(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Websocket(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Spdy(stream) => Pin::new(stream).poll_flush(cx),
            Self::Websocket(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Spdy(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Websocket(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
