//! `shardctl quickstart` on a real pseudo-terminal and a real control plane: what it shows, what each key does, what it runs.

mod ends;
mod phases;
mod plain;
mod runs;
pub mod terminal;

use crate::cluster::Scene;
use terminal::{ROOMY, Terminal};

/// What an arrow key sends.
pub const DOWN: &str = "\u{1b}[B";
/// What an arrow key sends.
pub const UP: &str = "\u{1b}[A";
/// What Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";
/// What Ctrl-D sends.
pub const CTRL_D: &str = "\u{4}";

/// `quickstart` of a scene's own set.
pub fn quickstart(scene: &Scene<'_>, more: &[&str]) -> Terminal {
    let own = ["quickstart", "-n", scene.namespace(), "--statefulset", "shard"];
    Terminal::start(scene, ROOMY, "xterm-256color", &[&own[..], more].concat())
}
