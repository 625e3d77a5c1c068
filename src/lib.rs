//! shardctl looks after stateful shards on Kubernetes: a system that is down when any one shard is down.
//!
//! The crate is a library that decides and acts, and a thin binary that parses and shows. What holds it up:
//!
//! * **Observe, then decide, purely.** One parallel look at the cluster gives a recording; a snapshot is derived from it;
//!   pure functions judge the snapshot. A saved recording and a live one go through the same code.
//! * **Say only what was seen.** What couldn't be read makes the checks that need it unknown, never green; a pass names
//!   where it was seen from. In code that is [`model::read::Read`] and the question mark operator.
//! * **One loop.** An operation looks, asks a pure planner for the one next step, carries it out, says so, and looks again
//!   ([`plan::operation`], [`operations::run`]). Resuming after a crash is the ordinary path.
//! * **No change without a permit.** What writes asks for a [`cluster::permit::Permit`], which only a confirmation makes.
//! * **The client is the only seam.** No trait stands before the cluster: tests run against a real control plane.
//! * **Rooms have doors.** `tests/it/layering.rs` reads the `use crate::` lines and fails on an arrow that isn't here:
//!
//! ```text
//! model       → (k8s-openapi types only)   what is observed and what can be decided, typed
//! event       → model                      every fact of an operation that is worth showing
//! plan        → model                      what to think of it and what to do: pure, no async, no clock, no client
//! cluster     → model, clock, error, nearest   connecting, reading, watching, writing with a permit, the lock
//! net         → model, error               names and keys asked over a socket, a port-forward, a command inside a pod
//! operations  → plan, cluster, net, event, model, clock, error, nearest   what needs several rooms at once: the loop
//! sim         → model                      the rehearsal cluster: never plan or operations, whose referee it is
//! report      → event, model, error        words: text, the live view, JSON, JUnit, Prometheus; decides nothing
//! config      → error, nearest             flag > environment > shardctl.toml, each value with its origin
//! cli         →                            the command line, without logic
//! commands    → everything                 one file a subcommand: arguments in, an exit code out
//! ```
//!
//! Small ones at the top: [`error`] (what happened, to which object, what to do next), [`exit_code`] (the documented codes),
//! [`clock`] (the only reader of wall time), [`nearest`] (what somebody who mistyped may have meant), `memory` (where it comes from).

pub mod cli;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod error;
pub mod event;
pub mod exit_code;
mod memory;
pub mod model;
pub mod nearest;
pub mod net;
pub mod operations;
pub mod plan;
pub mod report;
pub mod sim;
