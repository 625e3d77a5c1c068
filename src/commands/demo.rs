//! `shardctl demo`: the whole job on a rehearsal cluster, no cluster needed.

pub mod cluster;
mod words;
