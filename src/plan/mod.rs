//! What to do and what to think of it: pure decisions over a snapshot. No async, no clock, no client.

pub mod affinity;
pub mod names;
pub mod pending;
pub mod placement;
pub mod status;
pub mod verify;
