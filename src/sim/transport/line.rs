//! A client's line to the cluster, which can be cut: a process that was killed asks nothing more and hears no answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

/// A line. A cheap clone; all clones are cut together.
#[derive(Clone, Debug)]
pub struct Line {
    cut: Arc<watch::Sender<bool>>,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            cut: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Line {
    /// Cuts it. Whoever asks from now on, or waits for an answer, waits for ever.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Whether it is cut.
    pub fn is_cut(&self) -> bool {
        *self.cut.borrow()
    }

    /// Resolves once it is cut.
    pub async fn was_cut(&self) {
        // The sender is ours, and can't be gone.
        let _ = self.cut.subscribe().wait_for(|cut| *cut).await;
    }

    pub(super) async fn as_long_as_it_is_whole<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.was_cut() => {}
            done = work => return done,
        }
        std::future::pending().await
    }
}

/// The client's end of a pipe, at the end of a line: once that is cut, nothing comes out of it and nothing goes in, not even
/// that the other end has closed.
pub(super) struct End {
    pipe: Option<DuplexStream>,
    line: Line,
}

impl End {
    pub(super) fn new(pipe: DuplexStream, line: Line) -> End {
        End { pipe: Some(pipe), line }
    }

    /// The pipe; none once the line is cut, for ever.
    fn whole(&mut self) -> Poll<Pin<&mut DuplexStream>> {
        if self.line.is_cut() {
            // The server sees that nobody is there any more.
            self.pipe = None;
        }
        self.pipe
            .as_mut()
            .map_or(Poll::Pending, |pipe| Poll::Ready(Pin::new(pipe)))
    }
}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.whole()).poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.whole()).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.whole()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.whole()).poll_shutdown(cx)
    }
}
