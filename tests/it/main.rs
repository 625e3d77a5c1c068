//! shardctl's integration tests: one binary, a module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test ends by panicking, and waits on real time"
)]

#[path = "../cluster/mod.rs"]
mod cluster;

mod artefacts;
mod bad_days;
mod cleanup;
mod cluster_effects;
mod crash_points;
mod deaths;
mod demo;
mod deploy;
mod drain;
mod drain_effects;
mod drained_pods;
mod events;
mod eviction;
mod from_demo;
mod helper_pods;
mod home;
mod layering;
mod outputs;
mod packing;
mod promote;
mod questions;
mod quickstart;
mod recover;
mod redact;
mod rehearsal;
mod rehearsed;
mod render;
mod report;
mod route;
mod route_effects;
mod runbooks;
mod status;
mod terminal;
mod test_cluster;
mod uncordon;
mod upgrade;
mod verify;
