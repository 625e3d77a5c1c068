//! A client's line to the cluster, which can be cut: a process that was killed asks nothing more and hears no answer.

use std::sync::Arc;

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
