//! Judging a route test: who an answer is from, whether a key has one shard from every entry, and how the keys are spread.

pub mod balance;
pub mod calibration;
mod column;
pub mod doors;
pub mod identity;
pub mod judge;
pub mod keys;
pub mod latency;
pub mod matrix;
pub mod owners;
pub mod request;
pub mod rights;
pub mod roles;
pub mod url;
