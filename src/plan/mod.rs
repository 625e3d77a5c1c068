//! What to do and what to think of it: pure decisions over a snapshot. No async, no clock, no client.

pub mod affinity;
pub mod container;
pub mod course;
pub mod drain;
pub mod estimate;
pub mod eviction;
pub mod failing;
pub mod image;
pub mod names;
pub mod operation;
pub mod pending;
pub mod placement;
pub mod pre_pull;
pub mod recover;
pub mod references;
pub mod relax;
pub mod safety;
pub mod status;
pub mod story;
pub mod template;
pub mod trial;
pub mod undo;
pub mod upgrade;
pub mod verify;
pub mod waiting;
