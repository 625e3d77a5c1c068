//! How a shard stands: up or down, since when, and where.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::json::{is_leaving, is_ready, text};

/// What nobody can have seen who looked right before he acted.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

/// One shard.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Since when it is down, where it is: no pod, one that is going, or one that isn't Ready.
    pub down: Option<Timestamp>,
    /// Who took it down, where it was by a request.
    pub by: Option<u32>,
    /// Its node, or the last one that it had.
    pub node: String,
}

impl Standing {
    /// It is seen as it is now.
    pub fn look(&mut self, pod: Option<&impl AsRef<Value>>, now: Timestamp) {
        let pod = pod.map(AsRef::as_ref);
        let up = pod.is_some_and(|pod| is_ready(pod) && !is_leaving(pod));
        self.down = if up { None } else { self.down.or(Some(now)) };
        if up {
            self.by = None;
        }
        if let Some(node) = pod
            .map(|pod| text(pod, "/spec/nodeName"))
            .filter(|node| !node.is_empty())
        {
            self.node = node.to_owned();
        }
    }

    /// Whether whoever acted at a moment knew that it was down: it was by his own hand, or for so long that he saw it.
    pub fn was_known_down(&self, life: u32, at: Timestamp) -> bool {
        let by_own_hand = self.by == Some(life);
        self.down
            .is_some_and(|since| by_own_hand || at.duration_since(since) > MOMENT)
    }
}
