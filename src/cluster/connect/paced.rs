//! A connection that lets others have their turn while it is read.
//!
//! The task of an HTTP/2 connection reads as long as there is something, megabytes in a row, before those that wait for it get any.
//! By then the processor's cache has lost what came first, and all of it takes memory. In short turns a piece is used while it is
//! still near, and the next one takes its memory.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// How often is read in a turn. TLS gives 16 KiB at a time at most, and half a megabyte fits into the cache.
const TURN: u8 = 32;

/// The connection.
pub(super) struct Paced<S> {
    inner: S,
    /// How often was read in this turn.
    reads: u8,
}

impl<S> Paced<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, reads: 0 }
    }
}

impl<S: Read + Unpin> Read for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.reads >= TURN {
            self.reads = 0;
            // It comes back after everybody who is ready.
            ready!(pin!(tokio::task::yield_now()).poll(cx));
        }
        let read = Pin::new(&mut self.inner).poll_read(cx, into);
        self.reads = if read.is_ready() { self.reads + 1 } else { 0 };
        read
    }
}

impl<S: Write + Unpin> Write for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }
}

impl<S: Connection> Connection for Paced<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
