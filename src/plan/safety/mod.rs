//! What is asked before anything is taken down, whoever asks: the refusals and their reasons, the gate before each deletion,
//! where a shard can live, and whether an operation may begin at all.
//!
//! The rules are the same for every operation, so that none of them can be forgotten by one.

pub mod catalogue;
pub mod data;
pub mod freeze;
pub mod gate;
pub mod home;
pub mod own;
pub mod preflight;
pub mod rights;
