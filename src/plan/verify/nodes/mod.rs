//! The nodes that hold shards: in good health, the ones that were meant, and not about to be taken away.

pub mod health;
pub mod placement;
pub mod spread;

pub use health::{NODE_01, NODE_04};
pub use placement::NODE_02;
