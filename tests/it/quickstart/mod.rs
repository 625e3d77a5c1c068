//! `shardctl quickstart` on a real pseudo-terminal and a real control plane: what it shows, what each key does, what it runs.

mod ends;
mod phases;
mod plain;
mod runs;

use crate::cluster::Scene;
use crate::terminal::{ROOMY, Terminal};

/// `quickstart` of a scene's own set.
pub fn quickstart(scene: &Scene<'_>, more: &[&str]) -> Terminal {
    let own = ["quickstart", "-n", scene.namespace(), "--statefulset", "shard"];
    Terminal::start(scene, ROOMY, "xterm-256color", &[&own[..], more].concat())
}
