//! One port-forward of a pod over SPDY/3.1, and the connections that it carries: each is a pair of streams.
//!
//! SPDY has windows against a reader that is slow; Kubernetes' side keeps none, and here every piece is read by a request that
//! waits for it, and stops at its limit.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::frame::{self, Frame};
use super::stream::Forwarded;

/// Why there is no port-forward over SPDY.
pub(super) enum NotDialled {
    /// Somebody answered, and not with SPDY: a server without it, or a proxy on the way, or no rights, or no such pod.
    Refused,
    /// Nobody answered.
    Broke(String),
}

/// A port-forward, as long as anybody has it.
pub(super) struct Tunnel {
    pod: String,
    shared: Arc<Shared>,
    carrier: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    frames: UnboundedSender<Vec<u8>>,
}

#[derive(Default)]
struct State {
    last_id: u32,
    streams: BTreeMap<u32, (Part, UnboundedSender<Event>)>,
    /// Why no stream can be opened any more.
    over: Option<String>,
}

/// Which of the two streams of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Data,
    Error,
}

/// What happened to a connection.
pub(super) enum Event {
    /// The kubelet has taken it, and dials.
    Taken,
    /// The pod says something.
    Data(Bytes),
    /// The pod says no more; it was broken off where that is true.
    DataEnded(bool),
    /// The kubelet says something about the connection.
    Words(Bytes),
    /// The kubelet says no more about it.
    WordsEnded,
}

impl Tunnel {
    /// Asks the API server for a port-forward to a pod: to any of its ports, they are named later.
    pub(super) async fn dial(client: &kube::Client, namespace: &str, pod: &str) -> Result<Self, NotDialled> {
        let request = http::Request::post(format!("/api/v1/namespaces/{namespace}/pods/{pod}/portforward"))
            .header(http::header::CONNECTION, "Upgrade")
            .header(http::header::UPGRADE, "SPDY/3.1")
            .header("X-Stream-Protocol-Version", "portforward.k8s.io")
            .body(Body::empty())
            .map_err(|error| NotDialled::Broke(error.to_string()))?;
        let broke = |why: String| NotDialled::Broke(format!("failed to open a port-forward to pod/{pod}: {why}"));
        let answer = client.send(request).await.map_err(|error| broke(error.to_string()))?;
        let upgraded_to = answer.headers().get(http::header::UPGRADE);
        let is_spdy = upgraded_to.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"SPDY/3.1"));
        if answer.status() != http::StatusCode::SWITCHING_PROTOCOLS || !is_spdy {
            return Err(NotDialled::Refused);
        }
        let upgraded = hyper::upgrade::on(answer).await;
        let upgraded = upgraded.map_err(|error| broke(error.to_string()))?;
        Ok(Self::over(pod, TokioIo::new(upgraded)))
    }

    fn over(pod: &str, connection: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (frames, to_send) = unbounded_channel();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            frames,
        });
        let carrier = tokio::spawn(carry(connection, shared.clone(), to_send, pod.to_owned()));
        Self {
            pod: pod.to_owned(),
            shared,
            carrier,
        }
    }

    /// Why no connection can be opened through it any more, where that is so.
    pub(super) fn over_because(&self) -> Option<String> {
        self.shared.state().over.clone()
    }

    /// Has no more connections opened through it, while those that are open go on.
    pub(super) fn give_up(&self, why: &str) {
        self.shared.state().over.get_or_insert_with(|| why.to_owned());
    }

    /// Opens a connection to a port. It is there when the kubelet has taken it, and the kubelet dials then.
    ///
    /// # Errors
    /// The words why the tunnel, not the port, can't be used.
    pub(super) async fn open(self: &Arc<Self>, port: u16) -> Result<Forwarded, String> {
        let (events, told) = unbounded_channel();
        let data = self.shared.begin(port, events)?;
        Forwarded::new(self.clone(), data, told).heard_of().await
    }

    /// What to say where a connection was lost with the tunnel.
    pub(super) fn broke(&self) -> String {
        let closed = || format!("the port-forward to pod/{} was closed", self.pod);
        self.over_because().unwrap_or_else(closed)
    }

    pub(super) fn send(&self, id: u32, bytes: &[u8], last: bool) -> io::Result<()> {
        let frame = frame::data(id, bytes, last);
        self.shared
            .frames
            .send(frame)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Lets go of a connection whose data stream this is.
    pub(super) fn forget(&self, data: u32, ended: bool) {
        let mut state = self.shared.state();
        for id in [data, error_of(data)] {
            state.streams.remove(&id);
        }
        if !ended {
            // Fails where the connection is gone, and so is the stream.
            let _ = self.shared.frames.send(frame::cancel(data));
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// The error stream of a connection is opened just before its data stream.
fn error_of(data: u32) -> u32 {
    data - 2
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the two streams of a connection; the number of its data stream.
    fn begin(&self, port: u16, events: UnboundedSender<Event>) -> Result<u32, String> {
        // Held until both are sent: the numbers must arrive in their order.
        let mut state = self.state();
        if let Some(why) = &state.over {
            return Err(why.clone());
        }
        let first = state.last_id == 0;
        let error = if first { 1 } else { state.last_id + 2 };
        let data = error + 2;
        state.last_id = data;
        state.streams.insert(error, (Part::Error, events.clone()));
        state.streams.insert(data, (Part::Data, events));
        let (port, number) = (port.to_string(), data.to_string());
        for (id, kind) in [(error, "error"), (data, "data")] {
            let headers = [
                ("streamtype", kind),
                ("port", port.as_str()),
                ("requestid", number.as_str()),
            ];
            let frame = frame::open(id, &headers, first && id == error, id == error);
            // Fails where the connection has just ended; so does what is waited for next.
            let _ = self.frames.send(frame);
        }
        Ok(data)
    }

    fn tell(&self, id: u32, event: impl FnOnce(Part) -> Option<Event>) {
        let state = self.state();
        let Some((part, events)) = state.streams.get(&id) else {
            return;
        };
        if let Some(event) = event(*part) {
            // Nobody listens any more where it fails.
            let _ = events.send(event);
        }
    }

    fn take(&self, frame: Frame) -> io::Result<()> {
        match frame {
            Frame::Reply(id) => self.tell(id, |part| (part == Part::Data).then_some(Event::Taken)),
            Frame::Reset(id) => self.tell(id, |part| Some(ended(part, true))),
            Frame::Data(id, bytes, last) => {
                let event = |part| match part {
                    Part::Data => Event::Data(bytes),
                    Part::Error => Event::Words(bytes),
                };
                self.tell(id, |part| Some(event(part)));
                if last {
                    self.tell(id, |part| Some(ended(part, false)));
                }
            }
            Frame::Ping(id) => {
                let _ = self.frames.send(frame::pong(id));
            }
            Frame::GoAway => return Err(io::Error::other("the kubelet ended it")),
            Frame::Other => {}
        }
        Ok(())
    }
}

fn ended(part: Part, broken_off: bool) -> Event {
    match part {
        Part::Data => Event::DataEnded(broken_off),
        Part::Error => Event::WordsEnded,
    }
}

/// Carries frames until the connection ends; then every stream has ended too.
async fn carry(
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
    shared: Arc<Shared>,
    mut to_send: UnboundedReceiver<Vec<u8>>,
    pod: String,
) {
    let (from, mut to) = tokio::io::split(connection);
    let reading = async {
        let mut from = BufReader::new(from);
        loop {
            shared.take(frame::read(&mut from).await?)?;
        }
    };
    let writing = async {
        while let Some(frame) = to_send.recv().await {
            to.write_all(&frame).await?;
            if to_send.is_empty() {
                to.flush().await?;
            }
        }
        Ok(())
    };
    let ended: io::Result<()> = tokio::select! {
        ended = reading => ended,
        ended = writing => ended,
    };
    let why = match ended {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.to_string(),
        _ => "the connection was closed".to_owned(),
    };
    let mut state = shared.state();
    state
        .over
        .get_or_insert_with(|| format!("the port-forward to pod/{pod} broke: {why}"));
    state.streams.clear();
}

#[cfg(test)]
mod tests;
