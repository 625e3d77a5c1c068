//! The cluster's time against the wall's: held back so far that people can watch.
//!
//! Nothing else of a rehearsal knows of it. The rehearsal's thread is blocked on purpose: in virtual time whatever waits is done
//! at once, and only what doesn't let the time go on holds it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::cli::Speed;

/// How long the thread is held at once.
const FRAME: Duration = Duration::from_millis(40);

/// How the demo is played.
#[derive(Clone)]
pub struct Playback {
    /// How fast.
    pub speed: Speed,
    /// Counts Ctrl-C, which ends every rest.
    pub stop: watch::Receiver<u32>,
}

impl Playback {
    /// Holds the cluster's time back, frame by frame; for ever.
    pub async fn hold(self) {
        let Speed::Times(times) = self.speed else {
            return std::future::pending().await;
        };
        let virtual_frame = FRAME.mul_f64(times.min(1e6)).max(Duration::from_millis(1));
        let frame = virtual_frame.div_f64(times);
        loop {
            let began = Wall::now();
            sleep(virtual_frame).await;
            self.block(frame.saturating_sub(began.elapsed()));
        }
    }

    /// Gives people a moment to read; none where nothing is held back.
    pub fn rest(&self, length: Duration) {
        if let Speed::Times(_) = self.speed {
            self.block(length);
        }
    }

    fn block(&self, mut length: Duration) {
        while !length.is_zero() && *self.stop.borrow() == 0 {
            let piece = length.min(FRAME);
            #[allow(clippy::disallowed_methods, reason = "to block the thread is what is wanted here")]
            std::thread::sleep(piece);
            length = length.saturating_sub(piece);
        }
    }
}

/// A moment by the wall's clock.
struct Wall(std::time::Instant);

impl Wall {
    #[allow(
        clippy::disallowed_methods,
        reason = "the runtime's clock is the one that is held back"
    )]
    fn now() -> Wall {
        Wall(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
