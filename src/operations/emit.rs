//! Where events go: a channel to whoever shows them, each with the server's time.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cluster::server_time::ServerTime;
use crate::event::{Event, Fact};

/// The sending end. Nobody listening is no error: an operation goes on when its terminal is gone.
#[derive(Clone, Debug)]
pub struct Emitter {
    to: UnboundedSender<Event>,
    time: ServerTime,
}

impl Emitter {
    /// A channel whose events carry the server's time.
    pub fn channel(time: ServerTime) -> (Emitter, UnboundedReceiver<Event>) {
        let (to, from) = unbounded_channel();
        (Emitter { to, time }, from)
    }

    /// Says a fact.
    pub fn emit(&self, fact: Fact) {
        let _ = self.to.send(Event {
            at: self.time.now(),
            fact,
        });
    }
}
