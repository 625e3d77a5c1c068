//! The rehearsal cluster: a Kubernetes API that lives in the process, under `kube::Client`, in virtual time.
//!
//! An operation's own code runs against it unchanged. Everything but [`transport`] is pure: no clock and no waiting, the same
//! input gives the same bytes. It shares nothing with `plan`: a referee that used the player's arithmetic would repeat his
//! mistakes.
//!
//! * [`store`]: objects, their versions, lists and what has happened since a version.
//! * [`patch`]: the one form of patch that shardctl sends.
//! * [`api`]: requests to the store and back. It serves what shardctl sends and says so of anything else.
//! * [`plane`]: the store with its controllers on one timeline.
//! * [`controllers`]: what a real control plane and its kubelets would do next, one a file.
//! * [`faults`]: what goes wrong, by the number of the request at which it does.
//! * `application`, `balancers`, `names`: who answers behind a port, behind an address, and for a name.
//! * [`transport`]: a `kube::Client` over bytes in memory.
//!
//! `commands` joins it with an operation; no other room may use it.

mod amounts;
pub mod api;
mod application;
mod balancers;
pub mod controllers;
pub mod faults;
mod json;
pub mod kind;
mod names;
pub mod patch;
pub mod plane;
pub mod refused;
pub mod store;
mod strict;
pub mod transport;
