//! One connection to a port of a pod, carried by a port-forward over SPDY, as a byte stream that says why it ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedReceiver;

use super::frame::PIECE;
use super::spdy::{Event, Tunnel};
use crate::net::port_forward::Broken;

/// A connection. It is closed when it is dropped.
pub(in crate::net::route) struct Forwarded {
    tunnel: Arc<Tunnel>,
    id: u32,
    events: UnboundedReceiver<Event>,
    unread: Bytes,
    words: Vec<u8>,
    /// Whether the pod has said all, and whether its end was broken off.
    data_ended: Option<bool>,
    words_ended: bool,
    /// Whether the pod knows that no more will be sent.
    finished: bool,
}

impl Forwarded {
    pub(super) fn new(tunnel: Arc<Tunnel>, id: u32, events: UnboundedReceiver<Event>) -> Self {
        Self {
            tunnel,
            id,
            events,
            unread: Bytes::new(),
            words: Vec::new(),
            data_ended: None,
            words_ended: false,
            finished: false,
        }
    }

    /// Waits until the kubelet has heard of it.
    ///
    /// # Errors
    /// The words why the tunnel has gone instead.
    pub(super) async fn heard_of(mut self) -> Result<Self, String> {
        // What is wrong with the port may be said before the answer that it was asked for.
        match self.events.recv().await {
            Some(event) => {
                self.note(event);
                Ok(self)
            }
            None => Err(self.tunnel.broke()),
        }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Taken => {}
            Event::Data(bytes) => self.unread = bytes,
            Event::Words(bytes) => self.words.extend_from_slice(&bytes),
            Event::WordsEnded => self.words_ended = true,
            Event::DataEnded(broken_off) => {
                self.data_ended.get_or_insert(broken_off);
                // The kubelet says how it was only after both ends are over. It fails where the tunnel is gone, as is seen next.
                let _ = self.finish();
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        self.tunnel.send(self.id, &[], true)
    }

    /// How it ended, once both of its streams have.
    fn end(&self) -> Option<io::Result<()>> {
        let broken_off = self.data_ended?;
        if !self.words_ended {
            return None;
        }
        if !self.words.is_empty() {
            let words = String::from_utf8_lossy(&self.words).trim().to_owned();
            return Some(Err(io::Error::other(Broken::Port(words))));
        }
        if broken_off {
            let words = "the kubelet broke the connection off, and didn't say why";
            return Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, words)));
        }
        Some(Ok(()))
    }
}

impl AsyncRead for Forwarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.unread.is_empty() {
                let length = self.unread.len().min(buf.remaining());
                let piece = self.unread.split_to(length);
                buf.put_slice(&piece);
                return Poll::Ready(Ok(()));
            }
            if let Some(end) = self.end() {
                return Poll::Ready(end);
            }
            match ready!(self.events.poll_recv(cx)) {
                Some(event) => self.note(event),
                None => return Poll::Ready(Err(io::Error::other(Broken::Way(self.tunnel.broke())))),
            }
        }
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let piece = &buf[..buf.len().min(PIECE)];
        Poll::Ready(match self.tunnel.send(self.id, piece, false) {
            Ok(()) => Ok(piece.len()),
            Err(_) => Err(io::Error::other(Broken::Way(self.tunnel.broke()))),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish())
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let tunnel = self.tunnel.clone();
        tunnel.forget(self.id, self.data_ended.is_some());
    }
}
