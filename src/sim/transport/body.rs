//! The bodies of answers: whole ones, and a watch's, which go on as long as it lasts.

use std::convert::Infallible;

use futures::stream::unfold;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Cluster;
use crate::sim::api::{BOOKMARKS, Watch};

/// A body that is sent.
pub(super) type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// All at once.
pub(super) fn whole(text: String) -> Sent {
    Full::new(Bytes::from(text)).boxed_unsync()
}

/// A line for each change, as they come.
pub(super) fn watching(cluster: Cluster, watch: Watch) -> Sent {
    let now = Instant::now();
    let state = State {
        changes: cluster.inner.changed.subscribe(),
        cut: cluster.inner.cut.subscribe(),
        until: now + watch.lasts,
        bookmark: now + BOOKMARKS,
        cluster,
        watch,
        ended: false,
    };
    StreamBody::new(unfold(state, State::next)).boxed_unsync()
}

struct State {
    cluster: Cluster,
    watch: Watch,
    changes: watch::Receiver<()>,
    cut: watch::Receiver<()>,
    until: Instant,
    bookmark: Instant,
    ended: bool,
}

impl State {
    /// The next lines; none when the watch has ended.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, State)> {
        while !self.ended {
            self.changes.borrow_and_update();
            let news = self.watch.news(&self.cluster.plane().store);
            match news {
                Ok(news) if news.is_empty() => {}
                Ok(news) => return Some(self.lines(&news)),
                Err(last) => {
                    self.ended = true;
                    return Some(self.lines(&[last]));
                }
            }
            tokio::select! {
                biased;
                _ = self.cut.changed() => return None,
                _ = self.changes.changed() => {}
                () = sleep_until(self.until) => {
                    self.ended = true;
                    let last = self.watch.bookmark()?;
                    return Some(self.lines(&[last]));
                }
                () = sleep_until(self.bookmark) => {
                    self.bookmark = Instant::now() + BOOKMARKS;
                    if let Some(bookmark) = self.watch.bookmark() {
                        return Some(self.lines(&[bookmark]));
                    }
                }
            }
        }
        None
    }

    fn lines(self, lines: &[String]) -> (Result<Frame<Bytes>, Infallible>, State) {
        let mut text = lines.join("\n");
        text.push('\n');
        (Ok(Frame::data(Bytes::from(text))), self)
    }
}
