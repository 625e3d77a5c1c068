//! shardctl looks after stateful shards on Kubernetes: a system that is down when any one shard is down.

pub mod clock;
pub mod cluster;
pub mod error;
pub mod exit_code;
pub mod model;
pub mod nearest;
pub mod net;
pub mod plan;
