//! What is observed and what can be decided, typed. No I/O, no clock, no async; only k8s-openapi's types from outside.

pub mod actors;
pub mod check;
pub mod dns;
pub mod finding;
pub mod karpenter;
pub mod mark;
pub mod node;
pub mod pod;
pub mod quantity;
pub mod read;
pub mod recording;
pub mod redact;
pub mod report;
pub mod resource;
pub mod right;
pub mod set;
pub mod shell;
pub mod snapshot;
pub mod span;
pub mod status;
pub mod volume;
