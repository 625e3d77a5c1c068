//! Fetching the new images onto nodes before a shard is touched: the helper pod, the nodes, and what came of it.

pub mod digests;
pub mod helper;
pub mod nodes;
pub mod pull;

pub use digests::moved_tags;
pub use helper::{PRE_PULL, helper_name, helper_pod, images};
pub use nodes::{Known, Targets, targets};
pub use pull::{Pull, pulled};
