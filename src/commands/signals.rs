//! Ctrl-C, counted: once is "finish what you are at", twice is "now". SIGTERM and SIGHUP count as once, so that a pipeline that
//! is cancelled and a terminal that goes away leave nothing half-done.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Counts from now on, for as long as the runtime lives.
pub fn count() -> watch::Receiver<u32> {
    let (pressed, count) = watch::channel(0);
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Where a signal can't be listened for, it ends the process in the system's way.
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let pressed = pressed.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                pressed.send_modify(|count| {
                    *count = if kind == SignalKind::interrupt() {
                        *count + 1
                    } else {
                        (*count).max(1)
                    };
                });
            }
        });
    }
    count
}
